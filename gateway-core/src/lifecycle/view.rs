//! A payment record as merchants see it.

use crate::{
    model::{CancelView, Charge, DuplicateView, Money, PaymentView, PgNames, Snapshot},
    store::PaymentRecord,
};

impl PaymentRecord {
    /// What can still be cancelled, in the PG's own counting: of the accepted charge, less what is on its way.
    #[must_use]
    pub fn cancellable(&self) -> Money {
        let zero = Money::zero(self.payment.currency());
        self.accepted().and_then(Charge::cancellable).unwrap_or(zero)
    }

    /// The payment as merchants see it.
    #[must_use]
    pub fn view(&self) -> PaymentView {
        let charge = self.accepted().or_else(|| self.candidate());
        let attempt = charge.map(|charge| charge.attempt);
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
        let open = charges.clone().find(|charge| charge.ended_at.is_none());
        open.or_else(|| charges.find(|charge| Some(charge.attempt) == newest))
    }

    /// The cancels of the order: of the charge that pays it, and closes of whatever was not paid.
    fn order_cancels(&self) -> Vec<CancelView> {
        let of_order = |charge: &&Charge| charge.misfit.is_none();
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
}
