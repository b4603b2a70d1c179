//! Holding what the PG says against what we expected, and drawing the consequences.

use jiff::Timestamp;

use crate::{
    AttemptStatus, Cancel, CancelOrigin, CancelScope, CancelStatus, EventKind, Failure, FailureReason,
    IdSource, LastAttempt, Mode, Money, MoneyMoves, PaymentStatus, PgPaymentId, PgStatus,
    ProviderDescription, Snapshot, SnapshotCancel, derive::decisive, derive::derive, draft::Draft,
    schedule::later,
};

/// What happens to money that comes after a payment has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePayments {
    /// The payment becomes paid, marked `late`.
    #[default]
    Keep,
    /// The payment becomes paid, marked `late`, and is cancelled at once.
    GiveBack,
}

/// What a settlement needs to know besides the snapshots.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    pub(crate) description: &'a ProviderDescription,
    pub(crate) late_payments: LatePayments,
    pub(crate) ids: &'a IdSource,
    /// PG payments that another of our payments has accepted: never ours.
    pub(crate) taken: &'a [PgPaymentId],
}

/// A PG payment under an order id that is not this payment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stranger {
    pub(crate) pg_id: PgPaymentId,
    pub(crate) pg_order_id: String,
}

impl Draft {
    /// Draws every consequence of what the PG says now. Snapshots of strangers change nothing and
    /// are handed back.
    pub(crate) fn settle(&mut self, snapshots: &[Snapshot], context: &Context<'_>) -> Vec<Stranger> {
        let mut strangers = Vec::new();
        let mut ours = Vec::new();
        let mut matching = Vec::new();
        for snapshot in snapshots {
            let Some(number) = self.number_of(snapshot, context) else {
                strangers.push(Stranger {
                    pg_id: snapshot.pg_id.clone(),
                    pg_order_id: snapshot.pg_order_id.clone(),
                });
                continue;
            };
            ours.push((number, snapshot));
            self.keep_raw(number, snapshot);
            if self.matches(snapshot, context.description.mode) {
                matching.push((number, snapshot));
            } else {
                self.reject(number, snapshot, context);
            }
        }
        self.accept(&matching);
        self.derive_status(&matching, context);
        for (number, snapshot) in &ours {
            self.settle_cancels(*number, snapshot, context);
        }
        self.give_back_surplus(&matching, context);
        self.give_back_late(context);
        strangers
    }

    /// The attempt this snapshot is of: the one whose order id it carries.
    fn number_of(&self, snapshot: &Snapshot, context: &Context<'_>) -> Option<u16> {
        if context.taken.contains(&snapshot.pg_id) {
            return None;
        }
        let is_of = |attempt: &&crate::Attempt| attempt.pg_order_id.as_str() == snapshot.pg_order_id;
        self.record.attempts.iter().find(is_of).map(|attempt| attempt.number)
    }

    fn keep_raw(&mut self, number: u16, snapshot: &Snapshot) {
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.raw = Some(snapshot.raw.clone());
            if snapshot.deposit_secret.is_some() {
                attempt.deposit_secret.clone_from(&snapshot.deposit_secret);
            }
        }
    }

    /// Amount, currency and mode are what we registered. The order id was checked before, the
    /// status is what `derive` reads, and the store refuses a PG id that another payment accepted.
    fn matches(&self, snapshot: &Snapshot, mode: Mode) -> bool {
        let expected = self.record.payment.terms.amount;
        let paid = snapshot.paid;
        snapshot.total == expected
            && paid.currency() == expected.currency()
            && (paid.is_zero() || paid == expected)
            && snapshot.mode.is_none_or(|reported| reported == mode)
    }

    /// Money under our order id that does not match: it goes back, all that was actually paid.
    fn reject(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) {
        let failure = Failure::of(FailureReason::Mismatch);
        let known = self.attempt(number).and_then(|attempt| attempt.failure.as_ref()) == Some(&failure);
        let accepted = self.attempt(number).is_some_and(|attempt| attempt.accepted);
        if !accepted {
            self.close_attempt(number, &failure);
            self.after_rejection();
        }
        if self.compensate(number, snapshot, "the payment does not match the order", context) || !known {
            self.tell(EventKind::Mismatch);
        }
    }

    /// A rejected attempt leaves the payment open for another.
    fn after_rejection(&mut self) {
        let payment = &mut self.record.payment;
        if payment.status == PaymentStatus::Confirming {
            payment.status = PaymentStatus::Ready;
        }
    }

    /// One PG payment is accepted per payment: one that took money before one that waits for it, the
    /// accepted one before any other.
    fn accept(&mut self, matching: &[(u16, &Snapshot)]) {
        let has_money = |snapshot: &Snapshot| !snapshot.paid.is_zero();
        let now_accepted = self.record.accepted().cloned();
        let its_snapshot =
            matching.iter().find(|(_, snapshot)| Some(&snapshot.pg_id) == now_accepted.as_ref());
        let keeps = match its_snapshot {
            Some((_, snapshot)) => has_money(snapshot),
            None => now_accepted.is_some() && !self.record.payment.amount_paid.is_zero(),
        };
        if keeps {
            return;
        }
        let acceptable = matching.iter().filter(|(_, snapshot)| {
            has_money(snapshot) || (now_accepted.is_none() && snapshot.status == PgStatus::AwaitingDeposit)
        });
        let best = decisive(acceptable.clone().map(|(_, snapshot)| *snapshot));
        let Some((number, snapshot)) = acceptable.clone().find(|(_, snapshot)| Some(*snapshot) == best)
        else {
            return;
        };
        for attempt in &mut self.record.attempts {
            if attempt.accepted {
                attempt.accepted = false;
                attempt.status = AttemptStatus::Closed;
            } else if attempt.is_open() {
                // The other windows: nothing they bring back is confirmed any more.
                attempt.status = AttemptStatus::Closed;
            }
        }
        if let Some(attempt) = self.attempt_mut(*number) {
            attempt.accepted = true;
            attempt.pg_id = Some(snapshot.pg_id.clone());
            attempt.status = AttemptStatus::Accepted;
            attempt.failure = None;
        }
        self.record.payment.last_attempt = Some(LastAttempt { number: *number, failure: None });
    }

    fn derive_status(&mut self, matching: &[(u16, &Snapshot)], context: &Context<'_>) {
        let accepted = self.record.accepted().cloned();
        let decides = match &accepted {
            Some(pg_id) => matching.iter().find(|(_, snapshot)| snapshot.pg_id == *pg_id).copied(),
            None => {
                let live = matching.iter().filter(|(number, _)| self.is_live(*number));
                let newest = live.clone().map(|(number, _)| *number).max();
                let of_newest = live.filter(|(number, _)| Some(*number) == newest);
                let best = decisive(of_newest.clone().map(|(_, snapshot)| *snapshot));
                of_newest.clone().find(|(_, snapshot)| Some(*snapshot) == best).copied()
            }
        };
        let Some((number, snapshot)) = decides else { return };
        let sent = context.description.money_moves != MoneyMoves::BeforeConfirm
            && self.attempt(number).is_some_and(crate::Attempt::is_uncertain);
        if self.ended_untaken(number, snapshot, context) {
            return;
        }
        let status = match derive(snapshot, sent, context.now) {
            // What a PG calls an account we closed is not documented everywhere.
            PaymentStatus::Failed | PaymentStatus::Expired if self.was_closed(&snapshot.pg_id) => {
                PaymentStatus::Cancelled
            }
            status => status,
        };
        self.show(snapshot);
        self.move_attempt(number, status, snapshot);
        self.move_to(status, number, snapshot);
    }

    /// A window that ended before anyone asked for the money ends its attempt only, where money
    /// moves on confirm: the payment takes another.
    fn ended_untaken(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) -> bool {
        let ended = matches!(snapshot.status, PgStatus::Failed | PgStatus::Expired | PgStatus::Cancelled);
        let never_sent =
            self.attempt(number).is_some_and(|attempt| attempt.confirm.is_none() && !attempt.accepted);
        let by_us = context.description.money_moves != MoneyMoves::BeforeConfirm;
        if !(by_us && ended && never_sent && snapshot.paid.is_zero()) {
            return false;
        }
        let failure = snapshot.failure.clone().unwrap_or(Failure::of(FailureReason::SessionExpired));
        self.close_attempt(number, &failure);
        true
    }

    fn was_closed(&self, pg_id: &PgPaymentId) -> bool {
        self.record.cancels.iter().any(|cancel| {
            cancel.scope == CancelScope::Close
                && cancel.status == CancelStatus::Done
                && cancel.pg_id.as_ref() == Some(pg_id)
        })
    }

    fn is_live(&self, number: u16) -> bool {
        self.attempt(number).is_some_and(|attempt| attempt.status != AttemptStatus::Closed)
    }

    /// Copies what the PG shows of the payment.
    fn show(&mut self, snapshot: &Snapshot) {
        let payment = &mut self.record.payment;
        payment.amount_paid = snapshot.paid;
        payment.amount_cancelled = snapshot.cancelled;
        if snapshot.method.is_some() || payment.method.is_none() {
            payment.method = snapshot.method;
            payment.method_detail = Some(snapshot.method_detail.clone());
        }
        if snapshot.virtual_account.is_some() {
            payment.virtual_account.clone_from(&snapshot.virtual_account);
        }
        payment.receipt_url.clone_from(&snapshot.receipt_url);
        payment.cash_receipt.clone_from(&snapshot.cash_receipt);
    }

    fn move_attempt(&mut self, number: u16, status: PaymentStatus, snapshot: &Snapshot) {
        match status {
            PaymentStatus::Failed | PaymentStatus::Expired | PaymentStatus::Cancelled
                if snapshot.paid.is_zero() =>
            {
                let failure = self.ending(status, snapshot);
                let accepted = self.attempt(number).is_some_and(|attempt| attempt.accepted);
                // An expired or closed account stays the accepted one: a deposit may still come.
                if accepted {
                    self.show_failure(number, &failure);
                } else {
                    self.close_attempt(number, &failure);
                }
            }
            // Nothing was taken: the buyer may go on in the same window.
            PaymentStatus::Ready => {
                if let Some(attempt) = self.attempt_mut(number)
                    && attempt.is_uncertain()
                {
                    attempt.status = AttemptStatus::Open;
                }
            }
            _ => {}
        }
    }

    fn ending(&self, status: PaymentStatus, snapshot: &Snapshot) -> Failure {
        let deposit = snapshot.virtual_account.is_some() || self.record.payment.virtual_account.is_some();
        match status {
            PaymentStatus::Expired if deposit => Failure::of(FailureReason::DepositExpired),
            PaymentStatus::Expired => Failure {
                reason: FailureReason::SessionExpired,
                pg: snapshot.failure.clone().and_then(|f| f.pg),
            },
            _ => snapshot.failure.clone().unwrap_or(Failure::of(FailureReason::Other)),
        }
    }

    fn move_to(&mut self, status: PaymentStatus, number: u16, snapshot: &Snapshot) {
        let before = self.status_before();
        let had_money = !self.before_amount_paid().is_zero();
        let failure = match status {
            PaymentStatus::Failed | PaymentStatus::Expired => Some(self.ending(status, snapshot)),
            _ => None,
        };
        let payment = &mut self.record.payment;
        // What the merchant closed stays closed until money comes, and a failed payment stays
        // failed until a new attempt.
        let ended =
            matches!(before, PaymentStatus::Cancelled | PaymentStatus::Expired | PaymentStatus::Failed);
        if ended && matches!(status, PaymentStatus::Ready | PaymentStatus::Confirming) {
            return;
        }
        if before == PaymentStatus::Cancelled && !status.has_money() && snapshot.paid.is_zero() {
            return;
        }
        payment.status = status;
        payment.failure = failure;
        if snapshot.paid.is_zero() {
            payment.paid_at = None;
        } else {
            payment.late |= ended && !had_money;
            payment.paid_at = payment.paid_at.or(snapshot.paid_at);
        }
        if status == PaymentStatus::Confirming
            && let Some(attempt) = self.attempt_mut(number)
        {
            attempt.status = AttemptStatus::Confirming;
        }
    }

    fn settle_cancels(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) {
        for theirs in &snapshot.cancels {
            if theirs.amount.is_zero() {
                continue;
            }
            let known = self.record.cancels.iter_mut().find(|ours| is_same(ours, theirs, &snapshot.pg_id));
            match known {
                Some(ours) => follow(ours, theirs),
                None => self.adopt(number, snapshot, theirs, context),
            }
        }
        let money_came = !snapshot.paid.is_zero();
        let closed = snapshot.status == PgStatus::Cancelled && !money_came;
        let wait = context.description.read_timeout + NEGATIVE_GRACE;
        for close in self.record.cancels.iter_mut().filter(|cancel| {
            cancel.scope == CancelScope::Close
                && cancel.pg_id.as_ref() == Some(&snapshot.pg_id)
                && cancel.status.is_unsettled()
        }) {
            let overtaken =
                close.sending.as_ref().is_none_or(|sent| later(sent.sent_at, wait) <= context.now);
            if closed {
                close.status = CancelStatus::Done;
            } else if money_came && overtaken {
                // The deposit won the race.
                close.refuse(Failure::of(FailureReason::NotCancellable));
            }
        }
    }

    /// A cancel we did not make becomes a row of its own.
    fn adopt(&mut self, number: u16, snapshot: &Snapshot, theirs: &SnapshotCancel, context: &Context<'_>) {
        let whole = theirs.amount == snapshot.paid;
        self.record.cancels.push(Cancel {
            id: context.ids.cancel(context.now),
            origin: CancelOrigin::Pg,
            status: theirs.status,
            pg_id: Some(snapshot.pg_id.clone()),
            attempt: Some(number),
            scope: if whole { CancelScope::All } else { CancelScope::Part },
            amount: theirs.amount,
            tax_free_amount: None,
            guard: snapshot.paid,
            reason: theirs.reason.clone().unwrap_or_default(),
            refund_account: None,
            sending: None,
            pg_cancel_id: theirs.pg_cancel_id.clone(),
            failure: None,
            created_at: theirs.at.unwrap_or(context.now),
        });
    }

    /// A second PG payment that took money gives it back; an account nobody should pay into any
    /// more is closed, where the PG can.
    fn give_back_surplus(&mut self, matching: &[(u16, &Snapshot)], context: &Context<'_>) {
        let Some(accepted) = self.record.accepted().cloned() else { return };
        let paid = !self.record.payment.amount_paid.is_zero();
        for (number, snapshot) in matching {
            if snapshot.pg_id == accepted {
                continue;
            }
            let surplus = !snapshot.balance().is_zero();
            let stale =
                paid && snapshot.status == PgStatus::AwaitingDeposit && context.description.closes_accounts;
            let wrote = (surplus || stale)
                && self.compensate(*number, snapshot, "the order is paid already", context);
            if wrote && surplus {
                self.tell(EventKind::Surplus);
            }
        }
    }

    /// Late money goes back when the policy says so, when a newer payment took over the order, and
    /// when the merchant had closed the payment.
    fn give_back_late(&mut self, context: &Context<'_>) {
        let payment = &self.record.payment;
        let arrived = payment.status.has_money() && !self.status_before().has_money();
        let unwanted = payment.superseded
            || context.late_payments == LatePayments::GiveBack
            || self.status_before() == PaymentStatus::Cancelled;
        if !(arrived && payment.late && unwanted) {
            return;
        }
        let Some((number, pg_id)) =
            self.record.accepted_attempt().and_then(|attempt| Some((attempt.number, attempt.pg_id.clone()?)))
        else {
            return;
        };
        let left = self.record.cancellable();
        if !left.is_zero() && self.record.unsettled_cancel().is_none() {
            let row =
                compensation(number, pg_id, left, CancelScope::All, "the payment came too late", context);
            self.record.cancels.push(row);
        }
    }

    /// Writes the cancel that gives back what `snapshot` holds, unless one is under way or was
    /// refused. Tells whether it wrote one.
    fn compensate(&mut self, number: u16, snapshot: &Snapshot, reason: &str, context: &Context<'_>) -> bool {
        let unpaid_account = snapshot.status == PgStatus::AwaitingDeposit && snapshot.paid.is_zero();
        let (scope, amount) = if unpaid_account {
            (CancelScope::Close, snapshot.total)
        } else {
            (CancelScope::All, snapshot.balance())
        };
        let under_way = self.record.cancels.iter().any(|cancel| {
            cancel.pg_id.as_ref() == Some(&snapshot.pg_id)
                && (cancel.scope == scope || scope == CancelScope::Close)
                && (cancel.status != CancelStatus::Done || scope == CancelScope::Close)
        });
        if amount.is_zero() || under_way {
            return false;
        }
        let row = compensation(number, snapshot.pg_id.clone(), amount, scope, reason, context);
        self.record.cancels.push(row);
        true
    }

    fn before_amount_paid(&self) -> Money {
        self.before().payment.amount_paid
    }
}

/// How long after a request's own timeout its effect may still show up late.
pub(crate) const NEGATIVE_GRACE: std::time::Duration = std::time::Duration::from_secs(30);

fn compensation(
    number: u16,
    pg_id: PgPaymentId,
    amount: Money,
    scope: CancelScope,
    reason: &str,
    context: &Context<'_>,
) -> Cancel {
    Cancel {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Compensation,
        status: CancelStatus::Requested,
        pg_id: Some(pg_id),
        attempt: Some(number),
        scope,
        amount,
        tax_free_amount: None,
        guard: amount,
        reason: reason.to_owned(),
        refund_account: None,
        sending: None,
        pg_cancel_id: None,
        failure: None,
        created_at: context.now,
    }
}

/// By our id, which travels in the reason, or by the PG's own: never by the amount alone.
fn is_same(ours: &Cancel, theirs: &SnapshotCancel, pg_id: &PgPaymentId) -> bool {
    if ours.pg_id.as_ref() != Some(pg_id) {
        return false;
    }
    let same_pg_id = ours.pg_cancel_id.is_some() && ours.pg_cancel_id == theirs.pg_cancel_id;
    theirs.id.as_ref() == Some(&ours.id) || same_pg_id
}

fn follow(ours: &mut Cancel, theirs: &SnapshotCancel) {
    ours.status = theirs.status;
    if theirs.pg_cancel_id.is_some() {
        ours.pg_cancel_id.clone_from(&theirs.pg_cancel_id);
    }
    ours.failure =
        (theirs.status == CancelStatus::Refused).then_some(Failure::of(FailureReason::NotCancellable));
}
