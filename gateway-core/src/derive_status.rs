//! The status that what the PG says gives a payment, and showing it.

use crate::{
    AttemptStatus, CancelScope, CancelStatus, Failure, FailureReason, Money, MoneyMoves, PaymentStatus,
    PgPaymentId, PgStatus, Snapshot,
    derive::{decisive, derive},
    draft::Draft,
    settle::Context,
};

impl Draft {
    pub(crate) fn derive_status(&mut self, matching: &[(u16, &Snapshot)], context: &Context<'_>) {
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
