//! What the core asks of a simulated PG.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    ActionOptions, Answer, ApiRequest, ControlError, Fault, ForeignPayment, IssueKey, IssuedKey, OrderAction,
    Outbox, PayAnswer, PayRequest, RevokeKey, SandboxClock, WebhookRules, clock::millis,
};

/// A simulated PG.
///
/// The core owns sockets, faults, logs, webhook delivery and the control API; an implementation owns what the PG
/// knows and answers. Webhooks are pushed into the [`Outbox`] and sent by the core.
#[async_trait]
pub trait Simulator: fmt::Debug + Send + Sync + 'static {
    /// Which PG this is: `"toss"`.
    fn kind(&self) -> &'static str;

    /// The clock it lives by.
    fn clock(&self) -> &SandboxClock;

    /// The names of its calls, for the fault script.
    fn calls(&self) -> &'static [&'static str];

    /// Which of its calls a request is; `None` for a path the PG does not have.
    fn call_of(&self, request: &ApiRequest) -> Option<&'static str>;

    /// Executes and answers a request, also one that [`call_of`](Self::call_of) does not know.
    ///
    /// Await [`Execution::work`] once, when the request has been admitted and before it has an effect or reads.
    /// [`tick`](Self::tick) was called just before, but not after `work`.
    async fn answer(&self, request: &ApiRequest, execution: &Execution, outbox: &mut Outbox) -> Answer;

    /// How the PG refuses credentials.
    fn unauthorized(&self) -> Answer;

    /// How the PG answers an internal error.
    fn internal_error(&self) -> Answer;

    /// How the PG delivers webhooks.
    fn webhook_rules(&self) -> WebhookRules;

    /// The buyer goes through the payment window.
    ///
    /// # Errors
    ///
    /// The window cannot be opened like this.
    fn pay(
        &self,
        request: &PayRequest,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<PayAnswer, ControlError>;

    /// The buyer's money arrives on a virtual account. Answers the payment as in [`payments`](Self::payments).
    ///
    /// # Errors
    ///
    /// There is no such account, or the bank refuses the amount.
    fn deposit(
        &self,
        action: &OrderAction,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<Value, ControlError>;

    /// A deposit is reversed. Answers the payment as in [`payments`](Self::payments).
    ///
    /// # Errors
    ///
    /// There is no such deposit, or the PG does not do this.
    fn reverse(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError>;

    /// The merchant cancels in the PG's console. Answers the payment as in [`payments`](Self::payments).
    ///
    /// # Errors
    ///
    /// The PG would refuse it.
    fn cancel(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError>;

    /// Enters a payment of another system. Answers its row as the PG's lists show it.
    ///
    /// # Errors
    ///
    /// A name in it does not exist, or its ids are taken.
    fn add_foreign_payment(&self, payment: &ForeignPayment) -> Result<Value, ControlError>;

    /// The merchant has another key issued in the PG's console.
    ///
    /// # Errors
    ///
    /// The PG issues no such key.
    fn issue_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError>;

    /// The merchant revokes a key in the PG's console.
    ///
    /// # Errors
    ///
    /// No such key is in force.
    fn revoke_key(&self, request: &RevokeKey) -> Result<(), ControlError>;

    /// The books, as a list of payments. Every PG's rows have at least `order_id`, `pg_id`, `status`, `amount`,
    /// `taken` and `given_back` (money really moved) and `foreign`, beside what is its own.
    fn payments(&self) -> Vec<Value>;

    /// Forgets everything but the numbering of ids. The configured keys are in force again, and no others.
    fn reset(&self);

    /// Does what the clock says is due. Called before every request and control call, after every advance of the
    /// clock and about once a second.
    fn tick(&self, outbox: &mut Outbox);
}

/// How one request is to be executed: what the fault script left of the ordinary way.
#[derive(Debug)]
pub struct Execution {
    clock: SandboxClock,
    work: Work,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    AtOnce,
    RealTime(Duration),
    ClockTime(Duration),
}

impl Execution {
    /// The ordinary way.
    #[must_use]
    pub fn ordinary(clock: SandboxClock) -> Self {
        Self { clock, work: Work::AtOnce, fault: None }
    }

    /// The way `fault` wants it, working for `duration` where it is about time.
    pub(crate) fn with_fault(clock: SandboxClock, fault: Fault, duration: Duration) -> Self {
        let work = match fault {
            Fault::Slow => Work::RealTime(duration),
            Fault::ExecutesLater => Work::ClockTime(duration),
            _ => Work::AtOnce,
        };
        Self { clock, work, fault: Some(fault) }
    }

    /// Takes the time the PG needs for this request.
    pub async fn work(&self) {
        match self.work {
            Work::AtOnce => {}
            Work::RealTime(duration) => tokio::time::sleep(duration).await,
            Work::ClockTime(duration) => {
                self.clock.sleep_until(self.clock.now_ms().saturating_add(millis(duration))).await;
            }
        }
    }

    /// A look-up must show the payment as it was before its last change.
    #[must_use]
    pub fn is_stale_read(&self) -> bool {
        self.fault == Some(Fault::StaleRead)
    }

    /// A look-up by order must show another attempt than it should.
    #[must_use]
    pub fn is_other_attempt_by_order(&self) -> bool {
        self.fault == Some(Fault::OtherAttemptByOrder)
    }
}
