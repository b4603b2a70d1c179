//! The control API in process: buyer, bank, clock and bad network of one running simulator.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    ActionOptions, Call, ControlError, ControlErrorCode, Delivery, FaultRule, ForeignPayment, IssueKey,
    IssuedKey, OrderAction, Outbox, PayAnswer, PayRequest, RevokeKey, SandboxClock, Simulator, WEBHOOK,
    WebhookTarget, calls::CallLog, fault::FaultScript, webhook::WebhookSender,
};

/// What the parts of one running simulator share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) account: String,
    pub(crate) simulator: Arc<dyn Simulator>,
    pub(crate) faults: FaultScript,
    pub(crate) calls: CallLog,
    pub(crate) sender: WebhookSender,
    pub(crate) refusals: mpsc::Sender<Refusal>,
}

/// An order to the listener: nobody listens for a while.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) duration: Duration,
    /// Told when the port is closed.
    pub(crate) closed: oneshot::Sender<()>,
}

impl Core {
    /// Does what the clock says is due.
    pub(crate) fn tick(&self) {
        let mut outbox = Outbox::default();
        self.simulator.tick(&mut outbox);
        self.send(outbox);
    }

    /// Sends what nobody's answer has to wait for.
    pub(crate) fn send(&self, outbox: Outbox) {
        // Nobody waits: an early webhook has no answer here to be earlier than.
        drop(self.sender.dispatch(outbox, &self.faults, None));
    }

    /// Closes the port for a while; answers when it is closed.
    pub(crate) async fn refuse(&self, duration: Duration) {
        let (closed, is_closed) = oneshot::channel();
        if self.refusals.send(Refusal { duration, closed }).await.is_ok() {
            let _ = is_closed.await;
        }
    }
}

/// A handle on one running simulator. Cheap to clone; outliving the simulator does no harm.
#[derive(Clone, Debug)]
pub struct Control {
    core: Arc<Core>,
    options: ActionOptions,
}

impl Control {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, options: ActionOptions::default() }
    }

    /// A handle on the same simulator whose `pay`, `deposit`, `reverse` and `cancel` happen as these options say.
    #[must_use]
    pub fn with(&self, options: ActionOptions) -> Self {
        Self { core: Arc::clone(&self.core), options }
    }

    /// The account this simulator plays.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.core.account
    }

    /// Which PG it is: `"toss"`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.core.simulator.kind()
    }

    /// The clock it lives by.
    #[must_use]
    pub fn clock(&self) -> &SandboxClock {
        self.core.simulator.clock()
    }

    /// The buyer goes through the payment window.
    ///
    /// # Errors
    ///
    /// The window cannot be opened like this.
    pub fn pay(&self, request: &PayRequest) -> Result<PayAnswer, ControlError> {
        self.act(&["at_s", "discount", "already_open", "text"], |simulator, outbox| {
            simulator.pay(request, &self.options, outbox)
        })
    }

    /// The buyer's money arrives on a virtual account.
    ///
    /// # Errors
    ///
    /// There is no such account, or the bank refuses the amount.
    pub fn deposit(&self, action: &OrderAction) -> Result<Value, ControlError> {
        self.act(&["at_s"], |simulator, outbox| simulator.deposit(action, &self.options, outbox))
    }

    /// A deposit is reversed.
    ///
    /// # Errors
    ///
    /// There is no such deposit, or the PG does not do this.
    pub fn reverse(&self, action: &OrderAction) -> Result<Value, ControlError> {
        self.act(&[], |simulator, outbox| simulator.reverse(action, outbox))
    }

    /// The merchant cancels in the PG's console.
    ///
    /// # Errors
    ///
    /// The PG would refuse it.
    pub fn cancel(&self, action: &OrderAction) -> Result<Value, ControlError> {
        self.act(&[], |simulator, outbox| simulator.cancel(action, outbox))
    }

    /// Another system of the merchant takes a payment; no webhook is sent for it. Answers its row as the PG's lists show it.
    ///
    /// # Errors
    ///
    /// A name in it does not exist, or its ids are taken.
    pub fn add_foreign_payment(&self, payment: &ForeignPayment) -> Result<Value, ControlError> {
        self.core.tick();
        self.core.simulator.add_foreign_payment(payment)
    }

    /// The merchant has another key issued in the PG's console.
    ///
    /// # Errors
    ///
    /// The PG issues no such key.
    pub fn issue_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError> {
        self.core.simulator.issue_key(request)
    }

    /// The merchant revokes a key in the PG's console.
    ///
    /// # Errors
    ///
    /// No such key is in force.
    pub fn revoke_key(&self, request: &RevokeKey) -> Result<(), ControlError> {
        self.core.simulator.revoke_key(request)
    }

    /// Advances the clock, which others may share, and does what is due by then at this simulator.
    /// Answers the new time. At the others of the same clock, call [`tick`](Self::tick).
    pub fn advance(&self, by: Duration) -> u64 {
        self.clock().advance(by);
        self.tick();
        self.clock().now_ms()
    }

    /// Does what the clock says is due.
    pub fn tick(&self) {
        self.core.tick();
    }

    /// Whether the fault script can name this call here.
    #[must_use]
    pub fn knows_call(&self, call: &str) -> bool {
        call == WEBHOOK || self.core.simulator.calls().contains(&call)
    }

    /// Puts fault rules in force, all or none. When it returns, they are.
    ///
    /// # Errors
    ///
    /// A rule names an account or a call that is not here, or a fault that does not fit the call.
    pub async fn add_faults(&self, rules: Vec<FaultRule>) -> Result<(), ControlError> {
        for rule in &rules {
            self.check_rule(rule)?;
        }
        for rule in rules {
            if let Some(duration) = self.core.faults.add(rule) {
                self.core.refuse(duration).await;
            }
        }
        Ok(())
    }

    fn check_rule(&self, rule: &FaultRule) -> Result<(), ControlError> {
        let invalid = |message| Err(ControlError::new(ControlErrorCode::InvalidRequest, message));
        if rule.account.as_ref().is_some_and(|account| account != self.account()) {
            return invalid(format!("this is account {:?}", self.account()));
        }
        if !self.knows_call(&rule.call) {
            let known = self.core.simulator.calls().join(", ");
            return invalid(format!("no call {:?}; there are {known}, {WEBHOOK}", rule.call));
        }
        if rule.fault.is_of_webhooks() != (rule.call == WEBHOOK) {
            return invalid(format!("{:?} is not a fault of {:?}", rule.fault, rule.call));
        }
        if rule.nth == Some(0) || rule.times == Some(0) {
            return invalid("nth and times count from 1".to_owned());
        }
        if rule.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return invalid("status is 200 to 599".to_owned());
        }
        Ok(())
    }

    /// The rules still in force.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultRule> {
        self.core.faults.list()
    }

    /// Forgets all fault rules.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
    }

    /// The calls received, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.core.calls.list()
    }

    /// The attempts to deliver webhooks, in the order in which they ended.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Delivery> {
        self.core.sender.deliveries()
    }

    /// Registers the URLs webhooks go to, in place of those before.
    pub fn set_webhook_targets(&self, targets: Vec<WebhookTarget>) {
        self.core.sender.set_targets(targets);
    }

    /// The PG's own books, to compare with the gateway's.
    #[must_use]
    pub fn payments(&self) -> Vec<Value> {
        self.core.tick();
        self.core.simulator.payments()
    }

    /// Resets: books, keys, faults, logs and webhooks under way. The clock stays where it is.
    pub fn reset(&self) {
        self.core.faults.clear();
        self.core.sender.reset();
        self.core.simulator.reset();
        self.core.calls.clear();
    }

    /// Nothing is delivered any more.
    pub(crate) fn call_off_webhooks(&self) {
        self.core.sender.call_off();
    }

    fn act<R>(
        &self,
        allowed_options: &[&str],
        action: impl FnOnce(&dyn Simulator, &mut Outbox) -> Result<R, ControlError>,
    ) -> Result<R, ControlError> {
        self.options.allow_only(allowed_options)?;
        self.core.tick();
        let mut outbox = Outbox::default();
        let result = action(&*self.core.simulator, &mut outbox);
        if self.options.notify {
            self.core.send(outbox);
        }
        result
    }
}
