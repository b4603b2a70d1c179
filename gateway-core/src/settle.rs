//! Holding what the PG says against what we expected, and drawing the consequences.

use jiff::Timestamp;

use crate::{
    AttemptStatus, Cancel, CancelScope, CancelStatus, EventKind, Failure, FailureReason, IdSource,
    LastAttempt, Mode, Money, MoneyMoves, PaymentStatus, PgPaymentId, PgStatus, ProviderDescription, Sending,
    Snapshot,
    derive::decisive,
    derive::derive,
    draft::Draft,
    give_back::is_same,
    schedule::{settled_at, visible_at},
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
    /// When the PG was asked: what was sent shortly before may not show in its answer.
    pub(crate) asked_at: Timestamp,
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
                self.end_wrong_claims(None, snapshot, context);
                strangers.push(Stranger {
                    pg_id: snapshot.pg_id.clone(),
                    pg_order_id: snapshot.pg_order_id.clone(),
                });
                continue;
            };
            self.end_wrong_claims(Some(number), snapshot, context);
            if self.is_stale(snapshot, context) {
                self.look_again(visible_at(context.asked_at, context.description));
                continue;
            }
            ours.push((number, snapshot));
            self.keep_raw(number, snapshot);
            if self.matches(snapshot, context.description.mode) {
                matching.push((number, snapshot));
            } else {
                self.reject(number, snapshot, context);
                if self.still_holds(snapshot) {
                    matching.push((number, snapshot));
                }
            }
        }
        self.accept(&matching);
        self.derive_status(&matching, context);
        for (number, snapshot) in &ours {
            self.settle_cancels(*number, snapshot, context);
        }
        self.give_back_surplus(&matching, context);
        self.give_back_late(&matching, context);
        self.end_others(&matching);
        self.end_reads(context);
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

    /// Whether the PG answered out of a state older than what it told us before: an account or money
    /// that was there is not yet there again, or a cancel it took is missing. Nothing follows from that but
    /// another look.
    fn is_stale(&self, snapshot: &Snapshot, context: &Context<'_>) -> bool {
        let is_accepted = self.before().accepted() == Some(&snapshot.pg_id);
        let not_yet = is_accepted && matches!(snapshot.status, PgStatus::Ready | PgStatus::InProgress);
        let misses = |cancel: &Cancel| {
            let fresh = |sent: &Sending| settled_at(sent, context.description) > context.asked_at;
            cancel.takes_from(&snapshot.pg_id)
                && matches!(cancel.status, CancelStatus::Done | CancelStatus::Pending)
                && cancel.sending.as_ref().is_some_and(fresh)
                && !snapshot.cancels.iter().any(|theirs| is_same(cancel, theirs, &snapshot.pg_id))
        };
        not_yet || self.before().cancels.iter().any(misses)
    }

    /// An attempt that claims a PG payment of another order claims wrongly: nothing can come of it, once
    /// what it sent must have landed.
    fn end_wrong_claims(&mut self, owner: Option<u16>, snapshot: &Snapshot, context: &Context<'_>) {
        let has_landed = |attempt: &&crate::Attempt| {
            let sent = attempt.confirm.as_ref();
            sent.is_none_or(|sent| settled_at(sent, context.description) <= context.asked_at)
        };
        let wrong = self.record.attempts.iter().filter(|attempt| {
            Some(attempt.number) != owner
                && attempt.pg_id.as_ref() == Some(&snapshot.pg_id)
                && attempt.is_uncertain()
        });
        let Some(number) = wrong.filter(has_landed).map(|attempt| attempt.number).next() else { return };
        self.close_attempt(number, &Failure::of(FailureReason::Mismatch));
        self.reopen();
    }

    fn keep_raw(&mut self, number: u16, snapshot: &Snapshot) {
        let is_its = |attempt: &&mut crate::Attempt| {
            attempt.pg_id.as_ref().is_none_or(|pg_id| *pg_id == snapshot.pg_id)
        };
        // A second PG payment under one order id leaves the first one's answer alone.
        if let Some(attempt) = self.attempt_mut(number).filter(is_its) {
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

    /// Whether the payment accepted this money before: then it shows what becomes of it.
    fn still_holds(&self, snapshot: &Snapshot) -> bool {
        self.record.accepted() == Some(&snapshot.pg_id)
            && snapshot.paid.currency() == self.record.payment.currency()
    }

    /// Money under our order id that does not match: it goes back, all that was actually paid.
    fn reject(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) {
        let failure = Failure::of(FailureReason::Mismatch);
        let known = self.attempt(number).and_then(|attempt| attempt.failure.as_ref()) == Some(&failure);
        let is_accepted = self.record.accepted() == Some(&snapshot.pg_id);
        let keeps = self.attempt(number).is_some_and(|attempt| attempt.accepted);
        if is_accepted && self.record.payment.amount_paid.is_zero() {
            self.give_up_account(number);
        }
        let ends = !keeps || self.record.accepted().is_none();
        if ends && !known {
            self.close_attempt(number, &failure);
            self.reopen();
        }
        let news = ends && !known;
        if self.compensate(number, snapshot, "the payment does not match the order", context) || news {
            self.tell(EventKind::Mismatch);
        }
    }

    /// Into the account that was accepted came something else than the amount: it waits no more.
    fn give_up_account(&mut self, number: u16) {
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.accepted = false;
        }
        let payment = &mut self.record.payment;
        payment.virtual_account = None;
        if payment.status == PaymentStatus::AwaitingDeposit {
            payment.status = PaymentStatus::Ready;
        }
    }

    /// An attempt beside the accepted one that the PG shows to have ended without money waits for nothing.
    fn end_others(&mut self, matching: &[(u16, &Snapshot)]) {
        let Some(accepted) = self.record.accepted().cloned() else { return };
        for (number, snapshot) in matching {
            let ended = matches!(snapshot.status, PgStatus::Failed | PgStatus::Expired | PgStatus::Cancelled);
            let waits = self.attempt(*number).is_some_and(crate::Attempt::is_uncertain);
            if ended && waits && snapshot.paid.is_zero() && snapshot.pg_id != accepted {
                let failure = snapshot.failure.clone().unwrap_or(Failure::of(FailureReason::SessionExpired));
                self.close_attempt(*number, &failure);
            }
        }
    }

    /// Where money moves before confirm, confirming is only reading: once a payment is accepted, no other
    /// attempt waits for an answer. Its rows stay watched by its order id.
    fn end_reads(&mut self, context: &Context<'_>) {
        if context.description.money_moves != MoneyMoves::BeforeConfirm || self.record.accepted().is_none() {
            return;
        }
        for attempt in self.record.attempts.iter_mut().filter(|attempt| attempt.is_uncertain()) {
            attempt.status = AttemptStatus::Closed;
        }
    }

    /// An attempt that came to nothing leaves the payment open for another.
    fn reopen(&mut self) {
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
        // Against one that is accepted counts only what was not given back already.
        let pays = |snapshot: &Snapshot| {
            if now_accepted.is_none() { has_money(snapshot) } else { !snapshot.balance().is_zero() }
        };
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
            pays(snapshot) || (now_accepted.is_none() && snapshot.status == PgStatus::AwaitingDeposit)
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
            attempt.raw = Some(snapshot.raw.clone());
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
        // Where money moves before confirm, reading moved none; but "paid" without an amount settles nothing.
        let asked =
            context.description.money_moves != MoneyMoves::BeforeConfirm || snapshot.status == PgStatus::Paid;
        let sent = asked && self.attempt(number).is_some_and(crate::Attempt::is_uncertain);
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
        // An account that is issued after the end is late already: so is its deposit.
        payment.late |= ended && !had_money && status.holds_order();
        if snapshot.paid.is_zero() {
            payment.paid_at = None;
        } else {
            payment.paid_at = payment.paid_at.or(snapshot.paid_at);
        }
        if status == PaymentStatus::Confirming
            && let Some(attempt) = self.attempt_mut(number)
        {
            attempt.status = AttemptStatus::Confirming;
        }
    }

    fn before_amount_paid(&self) -> Money {
        self.before().payment.amount_paid
    }
}
