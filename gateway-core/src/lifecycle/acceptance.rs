//! Which charge pays the order, and why others do not.
//!
//! Each charge is judged once: in the commit that first sees its money, against what holds then. An unpaid account may be
//! accepted before; it yields to a charge that took matching money. What changes a role later is [`reversals`](super::reversals).

use jiff::Timestamp;

use super::{
    Context, Draft,
    schedule::{DEPOSIT_GRACE, LATE_MARGIN},
};
use crate::{
    clock::{MINUTE, later},
    model::LatePayments,
};
use crate::{
    model::{
        Attempt, CancelOrigin, CancelStatus, Charge, ChargeId, Close, CompensationReason, Dispatch, Failure,
        FailureReason, Method, Misfit, Money, Outcome, PaymentStatus, ReviewReason, ReviewSubject, Snapshot,
        Timing,
    },
    store::{PaymentRecord, Why},
};

/// How money differs from what was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mismatch {
    /// Another amount: it goes back.
    Amount,
    /// A discount, another mode or another currency: a person decides.
    Other,
}

impl Draft {
    /// Gives every charge its role, and writes what follows: cancels of our own, closes of accounts, reviews.
    pub(crate) fn judge(&mut self, context: &Context<'_>) {
        // Of several that are seen at once, one whose money is still there pays the order.
        let mut charges = self.charge_ids();
        charges.sort_by_key(|id| {
            let shown = self.record.charge(id).and_then(|charge| charge.snapshot.as_ref());
            shown.is_none_or(|snapshot| snapshot.balance().is_zero())
        });
        for id in charges {
            self.judge_what_came_again(&id, context);
            let Some(charge) = self.record.charge(&id).filter(|charge| charge.timing.is_none()) else {
                continue;
            };
            if charge.has_money() {
                self.judge_money(&id, context);
            } else if self.may_accept_account(charge, context) {
                self.give_role(&id);
            }
        }
        self.promote_duplicate(context);
        self.refuse_moot_closes();
        self.close_stale_accounts(context);
    }

    fn judge_money(&mut self, id: &ChargeId, context: &Context<'_>) {
        let Some(charge) = self.record.charge(id) else { return };
        let Some(snapshot) = &charge.snapshot else { return };
        match self.record.mismatch(snapshot, context) {
            Some(Mismatch::Other) => return self.set_aside(id, context),
            // An account that was accepted took another amount: it was accepted once, so nothing goes back by itself.
            Some(Mismatch::Amount) if charge.accepted => return self.set_aside(id, context),
            Some(Mismatch::Amount) | None => {}
        }
        let is_late = self.record.is_late(charge, snapshot);
        if is_late && !context.is_clock_trusted {
            // Our deadline or our clock is wrong: lateness is decided when that is known.
            let subject = charge.subject();
            if !self.owes(&subject, Why::Recheck) {
                self.owe(subject, later(context.now, MINUTE), Why::Recheck);
            }
            return;
        }
        let timing = if is_late { Timing::Late } else { Timing::InTime };
        let reason = self.reason_to_compensate(id, timing, context);
        self.change(id, |charge| charge.timing = Some(timing));
        match reason {
            Some(reason) => self.compensate(id, reason, context),
            None => self.accept(id, context),
        }
    }

    /// Money takes the role away from an account without paying the order. If the merchant had closed it, the payment stays closed.
    pub(super) fn take_role_away(&mut self, id: &ChargeId) {
        let PaymentRecord { payment, charges, .. } = &mut self.record;
        let Some(charge) = charges.iter_mut().find(|charge| charge.id == *id && charge.accepted) else {
            return;
        };
        charge.accepted = false;
        payment.closes.extend(charge.closes.extract_if(.., |close| is_closed_by_merchant(close)));
    }

    /// Money that a person has to decide about.
    pub(super) fn set_aside(&mut self, id: &ChargeId, context: &Context<'_>) {
        self.take_role_away(id);
        self.change(id, |charge| {
            charge.timing = Some(Timing::InTime);
            charge.misfit = Some(Misfit::Mismatch);
        });
        self.raise(ReviewReason::MismatchNotCancelled, ReviewSubject::Charge(id.clone()), context.now);
    }

    /// Why the money of a charge must go back by itself, if it must. The first that holds, in this order.
    pub(super) fn reason_to_compensate(
        &mut self,
        id: &ChargeId,
        timing: Timing,
        context: &Context<'_>,
    ) -> Option<CompensationReason> {
        let charge = self.record.charge(id)?;
        let snapshot = charge.snapshot.as_ref()?;
        if self.record.mismatch(snapshot, context) == Some(Mismatch::Amount) {
            return Some(CompensationReason::WrongAmount);
        }
        let came_after = |closed_at: Timestamp| snapshot.paid_at.is_some_and(|paid_at| paid_at > closed_at);
        if self.record.closed_by_merchant_at().is_some_and(came_after) {
            return Some(CompensationReason::Closed);
        }
        if self.record.payment.yielded {
            self.rests_on_sibling = true;
            if context.sibling.is_some_and(has_money) {
                return Some(CompensationReason::Duplicate);
            }
        }
        if self.record.payment.superseded {
            self.rests_on_sibling = true;
            if context.sibling.is_some_and(may_hold_money) {
                return Some(CompensationReason::Superseded);
            }
        }
        if timing == Timing::Late && context.late_payments == LatePayments::Cancel {
            return Some(CompensationReason::Late);
        }
        let other = self.record.accepted().filter(|other| other.id != *id);
        other.is_some_and(Charge::has_money).then_some(CompensationReason::Duplicate)
    }

    /// This charge is the accepted one: what shows nothing paid yields.
    fn give_role(&mut self, id: &ChargeId) {
        for charge in &mut self.record.charges {
            charge.accepted = charge.id == *id;
        }
    }

    /// The money of this charge pays the order.
    pub(super) fn accept(&mut self, id: &ChargeId, context: &Context<'_>) {
        self.give_role(id);
        if self.record.payment.superseded {
            self.record.payment.superseded = false;
            self.sibling_yields = true;
            self.raise(ReviewReason::OlderPaymentKept, ReviewSubject::Payment, context.now);
        }
        self.refuse_moot_closes();
    }

    /// Closes of a paid order have come too late, whatever the PG said to them: the money came first. That of an account which
    /// lost to other money closed the account and not the order; our own of such an account did what it was for.
    fn refuse_moot_closes(&mut self) {
        if !self.record.accepted().is_some_and(Charge::is_judged) {
            return;
        }
        let PaymentRecord { payment, charges, .. } = &mut self.record;
        let of_charges = charges.iter_mut().flat_map(|charge| {
            let is_paid = charge.accepted;
            charge.closes.iter_mut().filter(move |close| is_paid || close.origin == CancelOrigin::Merchant)
        });
        let closes = of_charges.chain(&mut payment.closes);
        for close in closes.filter(|close| close.status == CancelStatus::Done) {
            close.refuse(Failure::of(FailureReason::NotCancellable));
        }
    }

    fn may_accept_account(&self, charge: &Charge, context: &Context<'_>) -> bool {
        let record = &self.record;
        let Some(snapshot) = charge.snapshot.as_ref().filter(|_| charge.awaits_deposit()) else {
            return false;
        };
        let is_past = |due_at| context.has_passed(later(due_at, DEPOSIT_GRACE));
        charge.closes.iter().all(leaves_open)
            && record.accepted().is_none_or(Charge::gives_way)
            && !record.takes_no_money()
            && !snapshot.due_at().is_some_and(is_past)
            && record.fits(snapshot, context)
    }

    /// Closes accounts that nobody should pay into any more, where the PG can: once each.
    fn close_stale_accounts(&mut self, context: &Context<'_>) {
        let is_over = self.record.takes_no_money();
        let is_paid = self.record.accepted().is_some_and(Charge::has_money);
        let is_stale = |charge: &Charge| {
            charge.awaits_deposit() && charge.closes.is_empty() && (is_over || (is_paid && !charge.accepted))
        };
        if !context.description.closes_accounts() {
            return;
        }
        for charge in self.record.charges.iter_mut().filter(|charge| is_stale(charge)) {
            charge.closes.push(our_close(CancelStatus::Requested, context));
        }
    }

    /// Another payment has the order, and this one would hold it too: a person compares them. What its money is to do was
    /// decided before, so nothing goes back by itself.
    pub(crate) fn give_up_order(&mut self, context: &Context<'_>) {
        self.record.payment.superseded = true;
        self.raise(ReviewReason::OlderPaymentKept, ReviewSubject::Payment, context.now);
    }

    /// Gives way to the order's older payment, which turned out to be paid: this one holds nothing.
    pub(crate) fn yield_to_sibling(&mut self, context: &Context<'_>) {
        let payment = &mut self.record.payment;
        payment.yielded = true;
        // A close that is already there keeps its time.
        if payment.closed_at().is_none() {
            payment.closes.push(our_close(CancelStatus::Done, context));
        }
        self.judge(context);
    }
}

/// Whether an account may have the role for all that a close of it did or may do. One of ours that is still on its way would close
/// what pays the order; a merchant's closes the order.
fn leaves_open(close: &Close) -> bool {
    let was_done = close.dispatch.as_ref().and_then(Dispatch::outcome) == Some(&Outcome::Done);
    let is_merchants = close.origin == CancelOrigin::Merchant && close.status.is_unresolved();
    (close.status == CancelStatus::Refused && !was_done) || is_merchants
}

fn is_closed_by_merchant(close: &Close) -> bool {
    close.status == CancelStatus::Done && close.origin == CancelOrigin::Merchant
}

fn our_close(status: CancelStatus, context: &Context<'_>) -> Close {
    Close {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Compensation,
        status,
        reason: CompensationReason::Duplicate.text().to_owned(),
        dispatch: None,
        failure: None,
        key: None,
        created_at: context.now,
    }
}

/// Whether a payment holds the order's money.
fn has_money(record: &PaymentRecord) -> bool {
    record.accepted().is_some_and(Charge::has_money)
}

/// Whether a payment holds money or may yet: `ready` holds nothing.
pub(crate) fn may_hold_money(record: &PaymentRecord) -> bool {
    use PaymentStatus::{AwaitingDeposit, Confirming, Paid, PartiallyCancelled};
    matches!(record.payment.status(), Paid | PartiallyCancelled | Confirming | AwaitingDeposit)
}

impl PaymentRecord {
    /// Whether a snapshot is what was registered. The order id was compared before; the store refuses a PG id that
    /// another payment accepted.
    pub(crate) fn fits(&self, snapshot: &Snapshot, context: &Context<'_>) -> bool {
        self.mismatch(snapshot, context).is_none()
    }

    fn mismatch(&self, snapshot: &Snapshot, context: &Context<'_>) -> Option<Mismatch> {
        let expected = self.payment.terms.amount;
        let other_currency = snapshot.total.currency() != expected.currency();
        let other_mode = snapshot.mode.is_some_and(|mode| mode != context.description.mode);
        let paid = snapshot.paid;
        let adds_up = paid.is_zero() || paid.checked_add(snapshot.discount) == Ok(snapshot.total);
        let same_amount = snapshot.total.amount() == expected.amount() && adds_up;
        match (same_amount, other_currency || other_mode) {
            (true, false) => None,
            (true, true) => Some(Mismatch::Other),
            (false, _) if other_currency || !snapshot.discount.is_zero() => Some(Mismatch::Other),
            (false, _) => Some(Mismatch::Amount),
        }
    }

    /// Whether money came after the deadline in force. A missing time is never late.
    fn is_late(&self, charge: &Charge, snapshot: &Snapshot) -> bool {
        let Some(paid_at) = snapshot.paid_at else { return false };
        if snapshot.is_deposit() {
            return snapshot.due_at().is_some_and(|due_at| paid_at > later(due_at, DEPOSIT_GRACE));
        }
        // Where we take the money nothing is late: a claim that comes too late is not sent.
        let is_taken_alone = self.attempt(charge.attempt).is_some_and(Attempt::takes_money_before_confirm);
        is_taken_alone && charge.confirm.is_none() && paid_at > later(self.payment.expires_at, LATE_MARGIN)
    }

    /// Whether a person may have the order paid by the money of this charge: it is there, and no other money pays.
    pub(crate) fn may_pay(&self, id: &ChargeId) -> bool {
        let is_beside = self.accepted().is_some_and(|other| other.id != *id && other.has_money());
        let shown = self.charge(id).and_then(|charge| charge.snapshot.as_ref());
        shown.is_some_and(|snapshot| !snapshot.balance().is_zero()) && !is_beside
    }

    /// Whether the order is not to be paid by this payment any more: it was closed, gave way, or was registered anew.
    pub(crate) fn takes_no_money(&self) -> bool {
        self.is_closed() || self.payment.superseded || self.payment.yielded
    }

    /// Whether the merchant closed the payment, or we did.
    pub(super) fn is_closed(&self) -> bool {
        self.payment.closed_at().is_some() || self.closed_by_merchant_at().is_some()
    }

    /// Since when the merchant has closed the payment: itself, or the account that has the role, unless that is paid. A close of
    /// our own is no reason: what comes after it is a duplicate, and goes back only beside the money that pays the order.
    fn closed_by_merchant_at(&self) -> Option<Timestamp> {
        let account = self.accepted().filter(|charge| !charge.is_judged());
        let of_account = account.into_iter().flat_map(|charge| &charge.closes);
        let closes = of_account.chain(&self.payment.closes);
        closes.filter(|close| is_closed_by_merchant(close)).map(|close| close.created_at).min()
    }

    /// The part free of VAT that is left in a charge of the whole amount: no more than all that is left, for nobody has to
    /// say how much of a part was free of it.
    pub(crate) fn tax_free_left(&self, charge: &Charge) -> Option<Money> {
        let tax_free = self.payment.terms.tax_free_amount?;
        let counts =
            |cancel: &&crate::model::Cancel| cancel.status != CancelStatus::Refused && cancel.held.is_none();
        let gone = charge.cancels.iter().filter(counts).filter_map(|cancel| cancel.tax_free_amount);
        let rest = gone.fold(tax_free, Money::saturating_sub);
        charge.cancellable().into_iter().chain([rest]).min_by_key(|money| money.amount())
    }
}

impl Charge {
    /// Whether it was decided what the money that is there is to this payment.
    fn is_judged(&self) -> bool {
        self.has_money() && self.timing.is_some()
    }

    /// Whether an account may take the role from this one: nothing is paid, nothing will be, and no close of it is open that
    /// would then close nothing.
    fn gives_way(&self) -> bool {
        let is_over = self.was_asked_past_due() && self.unresolved_close().is_none();
        !self.has_money() && (self.ended_at.is_some() || is_over)
    }
}

impl Snapshot {
    /// Whether the money is a deposit into an issued account.
    pub(crate) fn is_deposit(&self) -> bool {
        self.virtual_account.is_some() || self.method == Some(Method::VirtualAccount)
    }

    /// Until when an issued account may be paid into.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        self.virtual_account.as_ref()?.due_at
    }
}
