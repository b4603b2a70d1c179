//! A payment with everything that hangs on it, as a store keeps it.

use jiff::Timestamp;

use super::Checks;
use crate::{
    model::{
        Attempt, Cancel, CancelId, CancelStatus, CancelView, Charge, ChargeId, Close, Dispatch,
        DuplicateView, LookUpSubject, Money, Operation, Payment, PaymentStatus, PaymentView, PgNames,
        PgOrderId, PgPaymentId, Secret, Snapshot,
    },
    provider::ChargeRef,
};

/// A payment with everything that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// The payment.
    pub payment: Payment,
    /// Its attempts, by number.
    pub attempts: Vec<Attempt>,
    /// Its charges, by id: the oldest first.
    pub charges: Vec<Charge>,
    /// What is to be looked up and sent, and when.
    pub checks: Checks,
    /// How many events it has.
    pub events: u64,
}

impl PaymentRecord {
    /// The attempt with this number.
    #[must_use]
    pub fn attempt(&self, number: u16) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// The attempt with this order id.
    #[must_use]
    pub fn attempt_of(&self, order_id: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.pg_order_id.as_str() == order_id)
    }

    /// A charge.
    #[must_use]
    pub fn charge(&self, id: &ChargeId) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.id == *id)
    }

    /// A charge, to be changed.
    pub fn charge_mut(&mut self, id: &ChargeId) -> Option<&mut Charge> {
        self.charges.iter_mut().find(|charge| charge.id == *id)
    }

    /// The charge with this PG id.
    #[must_use]
    pub fn charge_at_pg(&self, id: &PgPaymentId) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.pg_payment_id.as_ref() == Some(id))
    }

    /// The charge that pays the order.
    #[must_use]
    pub fn accepted(&self) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.accepted)
    }

    /// A cancel, and the charge it is of.
    #[must_use]
    pub fn cancel(&self, id: &CancelId) -> Option<(&Charge, &Cancel)> {
        self.charges.iter().find_map(|charge| Some((charge, charge.cancel(id)?)))
    }

    /// A cancel, to be changed.
    pub fn cancel_mut(&mut self, id: &CancelId) -> Option<&mut Cancel> {
        self.charges.iter_mut().flat_map(|charge| &mut charge.cancels).find(|cancel| cancel.id == *id)
    }

    /// A close of an issued account, and the charge it is of.
    #[must_use]
    pub fn close(&self, id: &CancelId) -> Option<(&Charge, &Close)> {
        self.charges.iter().find_map(|charge| Some((charge, charge.close(id)?)))
    }

    /// A close of an issued account, to be changed.
    pub fn close_mut(&mut self, id: &CancelId) -> Option<&mut Close> {
        self.charges.iter_mut().flat_map(|charge| &mut charge.closes).find(|close| close.id == *id)
    }

    /// The charge that an operation is about.
    #[must_use]
    pub fn charge_of(&self, operation: &Operation) -> Option<&Charge> {
        match operation {
            Operation::Confirm(id) => self.charge(id),
            Operation::Cancel(id) => self.cancel(id).map(|(charge, _)| charge),
            Operation::Close(id) => self.close(id).map(|(charge, _)| charge),
        }
    }

    /// The request of an operation, once it was to be sent.
    #[must_use]
    pub fn dispatch(&self, operation: &Operation) -> Option<&Dispatch> {
        match operation {
            Operation::Confirm(id) => self.charge(id)?.confirm.as_ref(),
            Operation::Cancel(id) => self.cancel(id)?.1.dispatch.as_ref(),
            Operation::Close(id) => self.close(id)?.1.dispatch.as_ref(),
        }
    }

    /// The request of an operation, to be changed.
    pub fn dispatch_mut(&mut self, operation: &Operation) -> Option<&mut Option<Dispatch>> {
        match operation {
            Operation::Confirm(id) => self.charge_mut(id).map(|charge| &mut charge.confirm),
            Operation::Cancel(id) => self.cancel_mut(id).map(|cancel| &mut cancel.dispatch),
            Operation::Close(id) => self.close_mut(id).map(|close| &mut close.dispatch),
        }
    }

    /// How the PG is asked about something of this payment; `None` if there is nothing to ask by.
    #[must_use]
    pub fn reference(&self, subject: &LookUpSubject) -> Option<ChargeRef> {
        match subject {
            LookUpSubject::Attempt(number) => {
                Some(ChargeRef { order_id: self.attempt(*number)?.pg_order_id.clone(), pg_payment_id: None })
            }
            LookUpSubject::Charge { attempt, pg_payment_id } => Some(ChargeRef {
                order_id: self.attempt(*attempt)?.pg_order_id.clone(),
                pg_payment_id: Some(pg_payment_id.clone()),
            }),
        }
    }

    /// Every order id of this payment.
    pub fn order_ids(&self) -> impl Iterator<Item = &PgOrderId> {
        // Also of attempts that were refused or left: a window that is still open somewhere takes money under
        // them.
        self.attempts.iter().map(|attempt| &attempt.pg_order_id)
    }

    /// Whether a person may have the order paid by the money of this charge: it is there, and no other money pays.
    pub(crate) fn may_pay(&self, id: &ChargeId) -> bool {
        let is_beside = self.accepted().is_some_and(|other| other.id != *id && other.has_money());
        let shown = self.charge(id).and_then(|charge| charge.snapshot.as_ref());
        shown.is_some_and(|snapshot| !snapshot.balance().is_zero()) && !is_beside
    }

    /// Whether the order is not to be paid by this payment any more: it was closed, gave way, or was registered again.
    pub(crate) fn takes_no_money(&self) -> bool {
        self.is_closed() || self.payment.superseded || self.payment.yielded
    }

    /// Whether the merchant closed the payment, or we did.
    pub(crate) fn is_closed(&self) -> bool {
        self.payment.closed_at().is_some() || self.closed_by_merchant_at().is_some()
    }

    /// Since when the merchant has closed the payment: itself, or the account that has the role, unless that is paid. A close of
    /// our own is no reason: what comes after it is a duplicate, and goes back only beside the money that pays the order.
    pub(crate) fn closed_by_merchant_at(&self) -> Option<Timestamp> {
        // Once its money is judged it pays the order, and a close of the account came too late to close
        // anything.
        let account = self.accepted().filter(|charge| !charge.is_judged());
        let of_account = account.into_iter().flat_map(|charge| &charge.closes);
        let closes = of_account.chain(&self.payment.closes);
        closes.filter(|close| close.is_done_by_merchant()).map(|close| close.created_at).min()
    }

    /// The part free of VAT that is left in a charge of the whole amount: no more than all that is left, for nobody has to
    /// say how much of a part was free of it.
    pub(crate) fn tax_free_left(&self, charge: &Charge) -> Option<Money> {
        let tax_free = self.payment.terms.tax_free_amount?;
        // What was refused or is held gave nothing back.
        let counts =
            |cancel: &&crate::model::Cancel| cancel.status != CancelStatus::Refused && cancel.held.is_none();
        let gone = charge.cancels.iter().filter(counts).filter_map(|cancel| cancel.tax_free_amount);
        let rest = gone.fold(tax_free, Money::saturating_sub);
        charge.cancellable().into_iter().chain([rest]).min_by_key(|money| money.amount())
    }

    /// Whether the PG takes no money alone under this order id, or said after the deadline all that there is under it.
    pub(crate) fn was_shown_past_deadline(&self, attempt: &Attempt) -> bool {
        let asked_at = self.checks.asked_at(attempt.number);
        // Where we take the money, none moves after the last confirm is resolved, and there is nothing to be
        // shown.
        !attempt.takes_money_before_confirm()
            || asked_at.is_some_and(|asked_at| asked_at > self.payment.expires_at)
    }

    /// The charge that a claim names, if it is known.
    pub(crate) fn charge_of_claim(
        &self,
        attempt: u16,
        pg_payment_id: Option<&PgPaymentId>,
        state: Option<&Secret>,
    ) -> Option<&Charge> {
        // Without a PG id only the state distinguishes two claims: what the buyer agreed to in a second tab
        // has a state of its own.
        let same_state = |charge: &&Charge| {
            charge.attempt == attempt
                && charge
                    .claim
                    .as_ref()
                    .is_some_and(|claim| claim.is_unnamed && claim.state.as_ref() == state)
        };
        match pg_payment_id {
            Some(id) => self.charge_at_pg(id),
            None => self.charges.iter().find(same_state),
        }
    }

    /// Whether a cancel or close was made under an idempotency key.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        let cancels = self.charges.iter().flat_map(|charge| &charge.cancels).map(|cancel| &cancel.key);
        let closes = self.charges.iter().flat_map(|charge| &charge.closes).chain(&self.payment.closes);
        let keys = cancels.chain(closes.map(|close| &close.key));
        keys.flatten().any(|kept| kept.key == key)
    }

    /// What can still be cancelled, in the PG's own counting: of the accepted charge, less what is on its way.
    #[must_use]
    pub fn cancellable(&self) -> Money {
        let zero = Money::zero(self.payment.currency());
        self.accepted().and_then(Charge::cancellable).unwrap_or(zero)
    }

    /// Whether this payment holds the order's money.
    pub(crate) fn has_money(&self) -> bool {
        self.accepted().is_some_and(Charge::has_money)
    }

    /// Whether it holds money or may yet: `ready` holds nothing.
    pub(crate) fn may_hold_money(&self) -> bool {
        use PaymentStatus::{AwaitingDeposit, Confirming, Paid, PartiallyCancelled};
        matches!(self.payment.status(), Paid | PartiallyCancelled | Confirming | AwaitingDeposit)
    }

    /// The payment as merchants see it.
    #[must_use]
    pub fn view(&self) -> PaymentView {
        let charge = self.accepted().or_else(|| self.candidate());
        let attempt = charge.map(|charge| charge.attempt);
        // The order id under which the money is, so that the merchant finds it in the PG's console.
        let order_id = attempt.and_then(|number| self.attempt(number)).or(self.attempts.last());
        PaymentView {
            payment: self.payment.clone(),
            cancellable: self.cancellable(),
            pg: PgNames {
                order_id: order_id.map(|attempt| attempt.pg_order_id.clone()),
                payment_id: charge.and_then(|charge| charge.pg_payment_id.clone()),
            },
            cancels: self.order_cancels(),
            duplicates: self.duplicates(),
        }
    }

    /// The charge that may pay the order yet, the newest if there are several; else what the newest attempt came to.
    fn candidate(&self) -> Option<&Charge> {
        let newest = self.attempts.last().map(|attempt| attempt.number);
        let mut charges = self.charges.iter().rev().filter(|charge| charge.misfit.is_none());
        // What may still pay says more than what has ended.
        let open = charges.clone().find(|charge| charge.ended_at.is_none());
        open.or_else(|| charges.find(|charge| Some(charge.attempt) == newest))
    }

    /// The cancels of the order: of the charge that pays it, and closes of whatever was not paid.
    fn order_cancels(&self) -> Vec<CancelView> {
        let of_order = |charge: &&Charge| charge.misfit.is_none();
        // Money of other charges never was the order's: what goes back of it is shown with its duplicate.
        let cancels = self.charges.iter().filter(|charge| charge.accepted).flat_map(|charge| &charge.cancels);
        let closes = self.charges.iter().filter(of_order).flat_map(|charge| &charge.closes);
        let mut views: Vec<CancelView> = cancels.map(CancelView::from).collect();
        views.extend(closes.chain(&self.payment.closes).map(CancelView::from));
        views.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        views
    }

    fn duplicates(&self) -> Vec<DuplicateView> {
        let beside = self.charges.iter().filter(|charge| charge.misfit.is_some());
        beside.map(|charge| self.duplicate(charge)).collect()
    }

    fn duplicate(&self, charge: &Charge) -> DuplicateView {
        let paid = |snapshot: &Snapshot| snapshot.paid;
        DuplicateView {
            charge: charge.id.clone(),
            pg_payment_id: charge.pg_payment_id.clone(),
            role: charge.role(),
            amount: charge.snapshot.as_ref().map_or(Money::zero(self.payment.currency()), paid),
            cancels: charge.cancels.iter().map(CancelView::from).collect(),
        }
    }

    /// A cancel or close of any charge of this payment, or of the payment itself.
    #[must_use]
    pub fn cancel_view(&self, id: &CancelId) -> Option<CancelView> {
        let cancel = self.cancel(id).map(|(_, cancel)| CancelView::from(cancel));
        let close = || self.close(id).map(|(_, close)| CancelView::from(close));
        let of_payment = || self.payment.closes.iter().find(|close| close.id == *id).map(CancelView::from);
        cancel.or_else(close).or_else(of_payment)
    }
}
