//! PortOne V1 (`api.iamport.kr`): payments that are paid in the browser.
//!
//! What is not imitated: billing keys, schedules, certification and cash receipts; `confirm_url`; issuing an
//! account by the API (`POST /vbanks`); sub-merchants (`Tier`); PGs that finish a cancel later; what single PGs
//! do in their own way, but for the form of their bank codes. A deposit cannot be reversed, because PortOne
//! does not document what becomes of one. Nothing falls due by the clock but the token and the deadline of a
//! deposit: the row of an account past its date stays `ready`, and no webhook is sent for it.
//!
//! Amounts are whole numbers, so only currencies without a minor unit (KRW, JPY) can be paid in.
//!
//! Where PortOne documents nothing, the simulator had to choose: a field nobody documented is refused with
//! HTTP 400 (PortOne most likely ignores it, and a misspelt name would go unnoticed); the texts of refusals
//! other than those quoted by a source; `find`, `findAll` and `status` show the rows of test channels; a cancel
//! by `merchant_uid` means the attempt that holds money; a merchant_uid is free again once its money was given
//! back whole; a webhook waits ten seconds for its answer, as everywhere in the sandbox.
//!
//! Calls, for the fault script: `get_token`, `get`, `get_many`, `find`, `find_all`, `list`, `cancel`, `prepare`
//! (its POST, PUT and GET) and `vbank_delete`. Webhooks have the names of their statuses: `paid`, `ready`,
//! `cancelled`.
//!
//! The control API's `sdk` takes the parameters of `IMP.request_pay`. These have an effect: `amount`,
//! `buyer_*`, `currency`, `custom_data`, `m_redirect_url`, `name`, `notice_url`, `pay_method`,
//! `promotion_id`, `vbank_due`.

mod api;
mod bank;
mod cancel;
mod circumstances;
mod config;
mod control;
mod foreign;
mod keys;
mod ledger;
mod listed;
mod look_up;
mod params;
mod payment;
mod prepare;
mod reply;
mod request_pay;
mod route;
mod search;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod webhook;
mod window;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::Value;

use self::circumstances::Circumstances;
use self::ledger::{Ledger, View};
use self::reply::{Refusal, Reply};
use self::route::Route;
use crate::{
    ActionOptions, Answer, ApiRequest, ControlError, Execution, ForeignPayment, IssueKey, IssuedKey,
    OrderAction, Outbox, PayAnswer, PayRequest, RevokeKey, SandboxClock, Simulator, WebhookRules, minutes,
};

pub use config::{ClosedWindow, DeletedAccount, PortoneConfig, WebhookFormat};
pub use state::PortoneSimulator;

#[async_trait]
impl Simulator for PortoneSimulator {
    fn kind(&self) -> &'static str {
        "portone"
    }

    fn clock(&self) -> &SandboxClock {
        &self.clock
    }

    fn calls(&self) -> &'static [&'static str] {
        &route::CALLS
    }

    fn call_of(&self, request: &ApiRequest) -> Option<&'static str> {
        Route::of(&request.method, &request.segments()).map(|route| route.name())
    }

    async fn answer(&self, request: &ApiRequest, execution: &Execution, outbox: &mut Outbox) -> Answer {
        match execute(self, request, execution, outbox).await {
            Ok(reply) => reply,
            Err(refusal) => refusal.into(),
        }
        .into()
    }

    fn unauthorized(&self) -> Answer {
        Reply::from(Refusal::unauthorized()).into()
    }

    fn internal_error(&self) -> Answer {
        let message = "서버 내부 오류가 발생하였습니다.".into();
        Reply::from(Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, code: -1, message }).into()
    }

    fn webhook_rules(&self) -> WebhookRules {
        WebhookRules {
            retry_after: if self.config.webhook_retries { minutes(&[1; 5]) } else { Vec::new() },
            // Only a network error or a 5xx is worth another attempt to PortOne.
            taken: |status| !status.is_server_error(),
            headers: |_| Vec::new(),
        }
    }

    fn pay(
        &self,
        request: &PayRequest,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<PayAnswer, ControlError> {
        control::visit_window(self, request, options, outbox)
    }

    fn deposit(
        &self,
        action: &OrderAction,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<Value, ControlError> {
        control::receive_deposit(self, action, options, outbox)
    }

    fn reverse(&self, action: &OrderAction, _outbox: &mut Outbox) -> Result<Value, ControlError> {
        control::refuse_reversal(self, action)
    }

    fn cancel(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError> {
        control::cancel_in_console(self, action, outbox)
    }

    fn add_foreign_payment(&self, payment: &ForeignPayment) -> Result<Value, ControlError> {
        foreign::enter_foreign(self, payment)
    }

    fn issue_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError> {
        control::issue_api_key(self, request)
    }

    fn revoke_key(&self, request: &RevokeKey) -> Result<(), ControlError> {
        self.keys.revoke(request)
    }

    fn payments(&self) -> Vec<Value> {
        self.books.read(|ledger| ledger.listed(View::Now).map(control::row).collect())
    }

    fn reset(&self) {
        self.books.write(|ledger| *ledger = Ledger::default());
        self.keys.reset(&self.config);
    }

    fn tick(&self, _outbox: &mut Outbox) {
        // Nothing falls due by itself: an account past its date stays `ready`, and no webhook is sent for it.
    }
}

/// Admits, executes and answers a call.
async fn execute(
    simulator: &PortoneSimulator,
    request: &ApiRequest,
    execution: &Execution,
    outbox: &mut Outbox,
) -> Result<Reply, Refusal> {
    let route = Route::of(&request.method, &request.segments())
        .ok_or_else(|| Refusal::not_found("존재하지 않는 API입니다."))?;
    api::admit(&simulator.books, &simulator.keys, &route, request, simulator.now())?;
    execution.work().await;
    let at = Circumstances {
        config: &simulator.config,
        keys: &simulator.keys,
        now: simulator.now(),
        view: if execution.is_stale_read() { View::Stale } else { View::Now },
        other_attempt: execution.is_other_attempt_by_order(),
    };
    let (reply, notice) = api::answer(&simulator.books, &route, request, at)?;
    simulator.send(notice, outbox);
    Ok(reply)
}
