//! Following cancels, and writing those that give back money which must not stay.

use crate::{
    Cancel, CancelOrigin, CancelScope, CancelStatus, CaseClosing, CaseKind, CaseSubject, EventKind, Failure,
    FailureReason, LatePayments, Money, PaymentStatus, PgPaymentId, PgStatus, Snapshot, SnapshotCancel,
    draft::Draft, schedule::settled_at, settle::Context,
};

impl Draft {
    pub(crate) fn settle_cancels(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) {
        for (position, theirs) in snapshot.cancels.iter().enumerate() {
            if theirs.amount.is_zero() {
                continue;
            }
            let is_newest = position + 1 == snapshot.cancels.len();
            let known = self.record.cancels.iter_mut().find(|ours| is_same(ours, theirs, &snapshot.pg_id));
            match known {
                // Where a PG has one word for all refunds of a payment, that word is now about a newer one.
                Some(ours) if ours.is_failed_refund() && !is_newest => {}
                Some(ours) => follow(ours, theirs),
                None => self.adopt(number, snapshot, theirs, context),
            }
        }
        let money_came = !snapshot.paid.is_zero();
        let closed = snapshot.status == PgStatus::Cancelled && !money_came;
        let ended = !money_came && matches!(snapshot.status, PgStatus::Expired | PgStatus::Failed);
        for close in self.record.cancels.iter_mut().filter(|cancel| {
            cancel.scope == CancelScope::Close
                && cancel.pg_id.as_ref() == Some(&snapshot.pg_id)
                && cancel.status.is_unsettled()
        }) {
            let overtaken = close
                .sending
                .as_ref()
                .is_none_or(|sent| settled_at(sent, context.description) <= context.asked_at);
            if closed {
                close.status = CancelStatus::Done;
            } else if (money_came || ended) && overtaken {
                // The deposit won the race, or the account's own end did.
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
            failure: (theirs.status == CancelStatus::Refused)
                .then_some(Failure::of(FailureReason::RefundFailed)),
            created_at: theirs.at.unwrap_or(context.now),
        });
    }

    /// A second PG payment that took money gives it back; an account nobody should pay into any
    /// more is closed, where the PG can.
    pub(crate) fn give_back_surplus(&mut self, matching: &[(u16, &Snapshot)], context: &Context<'_>) {
        let Some(accepted) = self.record.accepted().cloned() else { return };
        let paid = !self.record.payment.amount_paid.is_zero();
        for (number, snapshot) in matching {
            if snapshot.pg_id == accepted {
                continue;
            }
            let surplus = !snapshot.balance().is_zero();
            let stale = paid && snapshot.status == PgStatus::AwaitingDeposit;
            let wrote = (surplus || stale)
                && self.compensate(*number, snapshot, "the order is paid already", context);
            if wrote && surplus {
                self.tell(EventKind::Surplus);
            }
        }
    }

    /// Late money goes back when the policy says so, when a newer payment took over the order, and
    /// when the merchant had closed the payment.
    pub(crate) fn give_back_late(&mut self, matching: &[(u16, &Snapshot)], context: &Context<'_>) {
        let Some(accepted) = self.record.accepted().cloned() else { return };
        let Some((number, shown)) = matching.iter().find(|(_, shown)| shown.pg_id == accepted) else {
            return;
        };
        const REASON: &str = "the payment came too late";
        let payment = &self.record.payment;
        let waits = payment.status == PaymentStatus::AwaitingDeposit;
        if waits && payment.superseded {
            // The order has another payment: nobody should pay into this account any more.
            self.compensate(*number, shown, REASON, context);
            return;
        }
        let arrived = payment.status.has_money() && !self.status_before().has_money();
        let unwanted = payment.superseded
            || context.late_payments == LatePayments::GiveBack
            || self.status_before() == PaymentStatus::Cancelled;
        let decided = self.record.cancels.iter().any(|cancel| {
            cancel.origin == CancelOrigin::Compensation
                && cancel.scope == CancelScope::All
                && cancel.pg_id.as_ref() == Some(&accepted)
        });
        if decided {
            // Until nothing is left: a cancel by hand may have come between.
            self.compensate(*number, shown, REASON, context);
        } else if arrived && (payment.superseded || (payment.late && unwanted)) {
            // Decided now or never, even if a close is still under way: then it waits for that.
            let row = compensation(*number, accepted, shown.balance(), CancelScope::All, REASON, context);
            self.record.cancels.push(row);
        }
    }

    /// Writes the cancel that gives back what `snapshot` holds, or closes its account where the PG can,
    /// unless one is under way or was refused. Tells whether it wrote one.
    pub(crate) fn compensate(
        &mut self,
        number: u16,
        snapshot: &Snapshot,
        reason: &str,
        context: &Context<'_>,
    ) -> bool {
        let unpaid_account = snapshot.status == PgStatus::AwaitingDeposit && snapshot.paid.is_zero();
        let (scope, amount) = if unpaid_account {
            (CancelScope::Close, snapshot.total)
        } else {
            (CancelScope::All, snapshot.balance())
        };
        let possible = scope != CancelScope::Close || context.description.closes_accounts;
        let of_it = |cancel: &&Cancel| cancel.pg_id.as_ref() == Some(&snapshot.pg_id);
        let blocked =
            self.record.cancels.iter().filter(of_it).any(|cancel| blocks(cancel, scope, amount, context));
        if amount.is_zero() || !possible || blocked || self.was_decided(&snapshot.pg_id) {
            return false;
        }
        let row = compensation(number, snapshot.pg_id.clone(), amount, scope, reason, context);
        self.record.cancels.push(row);
        true
    }
}

impl Draft {
    /// Whether an operator has settled beside the PG what becomes of this PG payment's money.
    fn was_decided(&self, pg_id: &PgPaymentId) -> bool {
        self.record.payment.cases.iter().any(|case| {
            let CaseSubject::Cancel(id) = &case.about else { return false };
            case.kind == CaseKind::RefusedCompensation
                && matches!(case.closing, Some(CaseClosing::Decided { .. }))
                && self.record.cancel(id).is_some_and(|cancel| cancel.pg_id.as_ref() == Some(pg_id))
        })
    }
}

/// Whether `cancel` stands in the way of a compensation of the same PG payment: its outcome is open,
/// the PG refused the same before (not merely because somebody took a part meanwhile), or it is done and the PG may only not show it yet.
fn blocks(cancel: &Cancel, scope: CancelScope, amount: Money, context: &Context<'_>) -> bool {
    let same = cancel.origin == CancelOrigin::Compensation && cancel.scope == scope;
    match cancel.status {
        CancelStatus::Requested | CancelStatus::Sent | CancelStatus::Unknown | CancelStatus::Pending => true,
        CancelStatus::Refused => same && cancel.guard == amount,
        CancelStatus::Done if scope == CancelScope::Close => same,
        CancelStatus::Done => cancel
            .sending
            .as_ref()
            .is_some_and(|sent| settled_at(sent, context.description) > context.asked_at),
    }
}

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

/// By our id, which travels in the reason, or by the PG's own: never by the amount alone. A row that was
/// adopted from a PG that names no cancels is known by all that the PG said of it.
pub(crate) fn is_same(ours: &Cancel, theirs: &SnapshotCancel, pg_id: &PgPaymentId) -> bool {
    if ours.pg_id.as_ref() != Some(pg_id) {
        return false;
    }
    let same_pg_id = ours.pg_cancel_id.is_some() && ours.pg_cancel_id == theirs.pg_cancel_id;
    let same_words = ours.origin == CancelOrigin::Pg
        && ours.pg_cancel_id.is_none()
        && theirs.pg_cancel_id.is_none()
        && ours.amount == theirs.amount
        && theirs.at.is_none_or(|at| at == ours.created_at)
        && theirs.reason.as_deref().unwrap_or_default() == ours.reason;
    theirs.id.as_ref() == Some(&ours.id) || same_pg_id || same_words
}

fn follow(ours: &mut Cancel, theirs: &SnapshotCancel) {
    // A PG that tells of all refunds in one word would take a finished one back when the next begins.
    if ours.status != CancelStatus::Done {
        ours.status = theirs.status;
    }
    if ours.amount.currency() == theirs.amount.currency() {
        // "All that is left" may have been less than it was when we asked.
        ours.amount = theirs.amount;
    }
    if theirs.pg_cancel_id.is_some() {
        ours.pg_cancel_id.clone_from(&theirs.pg_cancel_id);
    }
    // It is in the PG's list, so it was taken; refused, it was not paid out.
    ours.failure = (ours.status == CancelStatus::Refused).then_some(Failure::of(FailureReason::RefundFailed));
}
