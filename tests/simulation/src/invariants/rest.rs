//! At rest: what Paymux says is what the PGs say, or a review says why not.

use std::{collections::BTreeMap, sync::Arc};

use paymux_core::{
    model::{
        CancelOrigin, CancelStatus, Charge, Event, EventKind, MerchantId, OrderId, PaymentId, PaymentStatus,
        PgCancelStatus, ReviewReason, ReviewSubject,
    },
    store::{MemoryStore, PaymentFilter, PaymentRecord, PaymentStore},
};

use super::cancels::executed;
use crate::{
    model_pg::{
        Model,
        books::{PgPayment, State},
    },
    store::peek,
    world::World,
};

/// Everything that can be known when nothing moves any more.
pub(crate) struct Rest<'a> {
    pub(crate) world: &'a World,
    pub(crate) models: &'a [Arc<Model>],
    pub(crate) records: Vec<PaymentRecord>,
    pub(crate) events: Vec<Event>,
}

impl<'a> Rest<'a> {
    pub(crate) fn new(
        world: &'a World,
        models: &'a [Arc<Model>],
        store: &MemoryStore,
        merchant: &MerchantId,
    ) -> Self {
        let records = peek(store.payments(merchant, &PaymentFilter::default(), u32::MAX)).unwrap_or_default();
        let events = peek(store.events(merchant, 0, u32::MAX)).unwrap_or_default();
        Self { world, models, records, events }
    }

    /// Everything that must hold at rest.
    pub(crate) fn check(&self) {
        self.count();
        self.nothing_is_uncertain();
        self.states_are_the_pgs();
        self.i12_no_money_is_unknown();
        self.i09_no_order_is_paid_twice();
        self.i12_what_was_sold_is_kept();
        self.cancels_are_the_pgs();
        self.i07_a_key_refunds_once();
        self.i11_the_feed_tells_everything();
    }

    fn count(&self) {
        let charges = self.records.iter().flat_map(|record| &record.charges);
        let ours = charges.flat_map(|charge| &charge.cancels);
        let ours = ours.filter(|cancel| cancel.origin == CancelOrigin::Compensation).count();
        let reviews = self.records.iter().flat_map(|record| &record.payment.reviews).count();
        self.world.count(|stats| {
            stats.compensations += u64::try_from(ours).unwrap_or(0);
            stats.reviews += u64::try_from(reviews).unwrap_or(0);
        });
    }

    fn wrong(&self, invariant: u8, what: impl FnOnce() -> String) {
        self.world.count(|stats| stats.wrong_states += 1);
        self.world.violated(invariant, what);
    }

    /// The PG's side of a charge that the PG has shown as this payment's.
    fn row(&self, record: &PaymentRecord, charge: &Charge) -> Option<PgPayment> {
        charge.snapshot.as_ref()?;
        let model = self.models.iter().find(|model| model.account == record.payment.account)?;
        model.row(charge.pg_payment_id.as_ref()?, |row| row.now().clone())
    }

    /// Whether a charge ever held money of the amount that was registered, also if the bank took it back since.
    fn held_the_price(&self, record: &PaymentRecord, charge: &Charge) -> bool {
        let (Some(pg_id), true) = (&charge.pg_payment_id, charge.snapshot.is_some()) else { return false };
        let price = record.payment.terms.amount.amount();
        let held = |state: &PgPayment| state.taken > 0 && state.total == price;
        let model = self.models.iter().find(|model| model.account == record.payment.account);
        let row = model.and_then(|model| model.row(pg_id, |row| row.states().any(held)));
        row.unwrap_or(false)
    }

    /// Nothing is uncertain when every PG answers, unless a person has to decide.
    fn nothing_is_uncertain(&self) {
        for record in &self.records {
            let id = &record.payment.id;
            let waits = record.charges.iter().any(|charge| {
                has_review(record, &ReviewSubject::Charge(charge.id.clone())) && charge.is_unresolved()
            });
            let open = record.charges.iter().any(Charge::is_unresolved);
            if (record.payment.status() == PaymentStatus::Confirming || open) && !waits {
                self.wrong(6, || format!("{id} is still confirming"));
            }
            for cancel in record.charges.iter().flat_map(|charge| &charge.cancels) {
                let about = ReviewSubject::Cancel(cancel.id.clone());
                if cancel.status.is_unresolved() && !has_review(record, &about) {
                    self.wrong(7, || format!("{id}: {} is still {}", cancel.id, cancel.status.name()));
                }
            }
            for close in record.charges.iter().flat_map(|charge| &charge.closes) {
                if close.status.is_unresolved() {
                    self.wrong(14, || {
                        format!("{id}: the close {} is still {}", close.id, close.status.name())
                    });
                }
            }
        }
    }

    /// Every charge shows what the PG has, and the payment shows its accepted charge.
    fn states_are_the_pgs(&self) {
        for record in &self.records {
            for charge in &record.charges {
                let Some(shown) = &charge.snapshot else { continue };
                let row = self.row(record, charge);
                let (taken, back) = row.as_ref().map_or((0, 0), |row| (row.taken, row.given_back()));
                let back = if taken == 0 { 0 } else { back };
                let said = (shown.paid.amount(), shown.cancelled.amount());
                if said != (taken, back) {
                    self.wrong(3, || {
                        format!("{}: {said:?} is shown, and the PG says {row:?}", record.payment.id)
                    });
                }
            }
            let accepted = record.accepted();
            let row = accepted.and_then(|charge| self.row(record, charge));
            let status = record.payment.status();
            let full = accepted
                .and_then(|charge| charge.snapshot.as_ref())
                .map_or(0, |shown| shown.full_cancel().amount());
            let waits = record.payment.reviews.iter().any(paymux_core::model::Review::is_open);
            if !is_right(status, row.as_ref(), full) && !waits {
                self.wrong(3, || {
                    format!("{} is {}, and the PG says {row:?}", record.payment.id, status.name())
                });
            }
        }
    }

    /// 12: money at a PG under one of our order ids is a payment's, or went back, or waits for a person.
    fn i12_no_money_is_unknown(&self) {
        for model in self.models {
            let kept = model.books(|books| {
                let rows = books.rows.values().map(|row| row.now().clone());
                rows.filter(|row| row.balance() > 0).collect::<Vec<_>>()
            });
            for row in kept {
                let known = self.records.iter().filter(|record| record.payment.account == model.account).any(
                    |record| {
                        let charge = record.charge_at_pg(&row.id).filter(|charge| charge.snapshot.is_some());
                        charge.is_some_and(|charge| {
                            let shown = charge.accepted && record.payment.status().has_money();
                            shown || waits_for_person(record, charge)
                        })
                    },
                );
                if !known {
                    self.world.count(|stats| stats.orphans += 1);
                    self.world.violated(12, || format!("money nobody knows of: {row:?}"));
                }
            }
        }
    }

    /// 9: no order's money is kept twice.
    fn i09_no_order_is_paid_twice(&self) {
        let mut kept: BTreeMap<&OrderId, Vec<&PaymentId>> = BTreeMap::new();
        for record in &self.records {
            for charge in &record.charges {
                let keeps = self.row(record, charge).is_some_and(|row| row.balance() > 0);
                if keeps && !waits_for_person(record, charge) {
                    kept.entry(&record.payment.order_id).or_default().push(&record.payment.id);
                }
            }
        }
        for (order, payments) in kept.into_iter().filter(|(_, payments)| payments.len() > 1) {
            self.world.count(|stats| stats.duplicates += 1);
            self.world.violated(9, || format!("order {order} is paid by {payments:?}"));
        }
    }

    /// 12: of an order that was paid rightly more than once one payment is kept, unless the merchant or somebody at the PG
    /// gave it back.
    fn i12_what_was_sold_is_kept(&self) {
        let mut orders: BTreeMap<&OrderId, Vec<(&PaymentRecord, &Charge)>> = BTreeMap::new();
        for record in &self.records {
            let of_order = orders.entry(&record.payment.order_id).or_default();
            of_order.extend(record.charges.iter().map(|charge| (record, charge)));
        }
        for (order, charges) in orders {
            let matching: Vec<_> =
                charges.into_iter().filter(|(record, charge)| self.held_the_price(record, charge)).collect();
            let closed = matching.iter().any(|(record, _)| {
                !record.payment.closes.is_empty()
                    || record.charges.iter().any(|charge| !charge.closes.is_empty())
            });
            let all_ours = !matching.is_empty()
                && matching.iter().all(|(record, charge)| {
                    let row = self.row(record, charge);
                    let by_us = charge
                        .cancels
                        .iter()
                        .any(|cancel| cancel.compensates.is_some() && cancel.status != CancelStatus::Refused);
                    let by_others = charge.cancels.iter().any(|cancel| cancel.compensates.is_none());
                    row.is_some_and(|row| row.balance() == 0) && by_us && !by_others
                });
            let late =
                matching.iter().any(|(_, charge)| charge.timing == Some(paymux_core::model::Timing::Late));
            if all_ours && matching.len() > 1 && !closed && !late {
                self.wrong(12, || format!("all the money of order {order} went back by itself"));
            }
        }
    }

    /// Each cancel of the PG is a row of ours, and each row of ours that is done is a cancel of the PG.
    fn cancels_are_the_pgs(&self) {
        for record in &self.records {
            for charge in &record.charges {
                let Some(row) = self.row(record, charge) else { continue };
                let counts =
                    |status: CancelStatus| matches!(status, CancelStatus::Done | CancelStatus::Pending);
                let ours: Vec<_> = charge.cancels.iter().filter(|cancel| counts(cancel.status)).collect();
                let theirs =
                    row.cancels.iter().filter(|cancel| cancel.status != PgCancelStatus::Failed).count();
                let same = ours.iter().all(|cancel| {
                    executed(cancel, &row).is_some_and(|theirs| same_status(theirs.status, cancel.status))
                });
                if row.taken > 0 && (ours.len() != theirs || !same) {
                    self.wrong(14, || {
                        format!("{}: {ours:?}, and the PG has {:?}", record.payment.id, row.cancels)
                    });
                }
            }
        }
    }

    /// 7: one idempotency key of a merchant makes one cancel.
    fn i07_a_key_refunds_once(&self) {
        let mut keys: BTreeMap<&str, u32> = BTreeMap::new();
        for cancel in
            self.records.iter().flat_map(|record| &record.charges).flat_map(|charge| &charge.cancels)
        {
            if let Some(key) = &cancel.key {
                *keys.entry(&key.key).or_default() += 1;
            }
        }
        for (key, times) in keys.into_iter().filter(|(_, times)| *times > 1) {
            self.wrong(7, || format!("{key} made {times} cancels"));
        }
    }

    /// 11: the feed has each payment's events from 1 on, without gaps, and the last status.
    fn i11_the_feed_tells_everything(&self) {
        let in_order = self.events.windows(2).all(|pair| pair[0].position < pair[1].position);
        for record in &self.records {
            let id = &record.payment.id;
            let own: Vec<_> =
                self.events.iter().filter(|event| event.event.payment.payment.id == *id).collect();
            let numbered = (1..).zip(&own).all(|(number, event)| event.event.number == number);
            let counted = u64::try_from(own.len()).unwrap_or(0) == record.events;
            let last = own.last().map(|event| event.event.payment.payment.status());
            let begins = own.first().is_some_and(|event| event.event.kind == EventKind::Registered);
            if !in_order || !numbered || !counted || !begins || last != Some(record.payment.status()) {
                self.wrong(11, || format!("the events of {id} do not say what happened"));
            }
        }
    }
}

fn same_status(theirs: PgCancelStatus, ours: CancelStatus) -> bool {
    match theirs {
        PgCancelStatus::Done => ours == CancelStatus::Done,
        PgCancelStatus::Pending => ours == CancelStatus::Pending,
        PgCancelStatus::Failed => ours == CancelStatus::Refused,
    }
}

fn has_review(record: &PaymentRecord, about: &ReviewSubject) -> bool {
    record.payment.reviews.iter().any(|review| review.is_open() && review.about == *about)
}

/// Whether a person has to decide what becomes of a charge's money.
fn waits_for_person(record: &PaymentRecord, charge: &Charge) -> bool {
    let of_charge = has_review(record, &ReviewSubject::Charge(charge.id.clone()));
    let of_cancels =
        charge.cancels.iter().any(|cancel| has_review(record, &ReviewSubject::Cancel(cancel.id.clone())));
    let of_payment = record
        .payment
        .reviews
        .iter()
        .any(|review| review.is_open() && review.reason == ReviewReason::AccountRetired);
    of_charge || of_cancels || of_payment
}

/// Whether this is the status of a payment whose accepted charge is `row`.
fn is_right(status: PaymentStatus, row: Option<&PgPayment>, full: u64) -> bool {
    use PaymentStatus::{AwaitingDeposit, Cancelled, Expired, Failed, Paid, PartiallyCancelled};
    if let Some(row) = row.filter(|row| row.taken > 0) {
        return status
            == match row.given_back() {
                0 => Paid,
                back if back >= full => Cancelled,
                _ => PartiallyCancelled,
            };
    }
    match (status, row.map(|row| row.state)) {
        (AwaitingDeposit | Paid | PartiallyCancelled, _) => false,
        (_, Some(State::Closed)) => status == Cancelled,
        (_, Some(State::Awaiting)) => matches!(status, Expired | Cancelled),
        (status, _) => matches!(status, PaymentStatus::Ready | Cancelled | Expired | Failed),
    }
}
