//! A simulated Toss Payments: payments created, authenticated, confirmed, looked up and cancelled.
//!
//! Written from the public documentation. What it does not imitate is listed in the crate's README.

mod account;
mod api;
mod auth;
mod books;
mod call;
mod cancel;
mod checkout;
mod config;
mod confirm;
mod create;
mod entry;
mod errors;
mod events;
mod fields;
mod foreign;
mod idempotency;
mod ids;
mod institutions;
mod issue;
mod keys;
mod language;
mod lookup;
mod refunds;
mod render;
mod route;
mod row;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod transactions;
mod window;

use async_trait::async_trait;
use serde_json::Value;

pub use config::{ApiVersion, KeyPair, TossConfig};
pub use state::Toss;

use self::{
    books::TossBooks,
    errors::{FAILED_INTERNAL_SYSTEM_PROCESSING, NOT_FOUND, UNAUTHORIZED_KEY},
    ids::TRACE_HEADER,
    language::Language,
    route::Route,
};
use crate::{
    ActionOptions, Answer, ApiRequest, ControlError, Execution, ForeignPayment, IssueKey, IssuedKey,
    OrderAction, Outbox, PayAnswer, PayRequest, RevokeKey, SandboxClock, Simulator, WebhookRules,
};

#[async_trait]
impl Simulator for Toss {
    fn kind(&self) -> &'static str {
        "toss"
    }

    fn clock(&self) -> &SandboxClock {
        &self.clock
    }

    fn calls(&self) -> &'static [&'static str] {
        route::CALLS
    }

    fn call_of(&self, request: &ApiRequest) -> Option<&'static str> {
        Route::of(request).map(|route| route.call())
    }

    async fn answer(&self, request: &ApiRequest, execution: &Execution, outbox: &mut Outbox) -> Answer {
        let answered = match Route::of(request) {
            Some(Route::Checkout(payment_key)) => return checkout::checkout_page(self, &payment_key),
            Some(route) => api::answer(self, &route, request, execution, outbox).await,
            None => Err(NOT_FOUND.refuse()),
        };
        answered.unwrap_or_else(|refusal| {
            refusal.answer(Language::of(request)).with_header(TRACE_HEADER, ids::trace_id())
        })
    }

    fn unauthorized(&self) -> Answer {
        UNAUTHORIZED_KEY.refuse().answer(Language::Korean)
    }

    fn internal_error(&self) -> Answer {
        FAILED_INTERNAL_SYSTEM_PROCESSING.refuse().answer(Language::Korean)
    }

    fn webhook_rules(&self) -> WebhookRules {
        events::rules()
    }

    fn pay(
        &self,
        request: &PayRequest,
        options: &ActionOptions,
        _: &mut Outbox,
    ) -> Result<PayAnswer, ControlError> {
        window::open_window(self, request, options)
    }

    fn deposit(
        &self,
        action: &OrderAction,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<Value, ControlError> {
        account::take_deposit(self, action, options, outbox)
    }

    fn reverse(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError> {
        account::reverse_deposit(self, action, outbox)
    }

    fn cancel(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError> {
        account::cancel_in_console(self, action, outbox)
    }

    fn add_foreign_payment(&self, payment: &ForeignPayment) -> Result<Value, ControlError> {
        foreign::enter_foreign(self, payment)
    }

    fn issue_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError> {
        issue::issue_secret_key(self, request)
    }

    fn revoke_key(&self, request: &RevokeKey) -> Result<(), ControlError> {
        issue::revoke_secret_key(self, request)
    }

    fn payments(&self) -> Vec<Value> {
        self.books.read(|books| books.all().map(entry::book_entry).collect())
    }

    fn reset(&self) {
        self.books.write(|books| *books = TossBooks::default());
        self.keys.reset(&self.config.keys);
    }

    fn tick(&self, outbox: &mut Outbox) {
        account::do_what_is_due(self, outbox);
    }
}
