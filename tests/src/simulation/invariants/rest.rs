//! At rest: what Paymux says is what the PGs say.

use std::{collections::BTreeMap, sync::Arc};

use gateway_core::{
    Attempt, CancelOrigin, CancelStatus, Event, EventKind, MemoryStore, MerchantId, Money, Moved, OrderId,
    PaymentFilter, PaymentId, PaymentRecord, PaymentStatus, Store,
};

use super::cancels::executed;
use crate::simulation::{
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
        self.count_compensations();
        self.nothing_is_open();
        self.states_are_the_pgs();
        self.i12_no_money_is_unknown();
        self.i09_no_order_is_paid_twice();
        self.cancels_are_the_pgs();
        self.i11_the_feed_tells_everything();
    }

    fn count_compensations(&self) {
        let all = self.records.iter().flat_map(|record| &record.cancels);
        let ours = all.filter(|cancel| cancel.origin == CancelOrigin::Compensation).count();
        self.world.count(|stats| stats.compensations += u64::try_from(ours).unwrap_or(0));
    }

    fn wrong(&self, invariant: u8, what: impl FnOnce() -> String) {
        self.world.count(|stats| stats.wrong_states += 1);
        self.world.violated(invariant, what);
    }

    fn row(&self, record: &PaymentRecord) -> Option<PgPayment> {
        let model = self.models.iter().find(|model| model.account == record.payment.account)?;
        model.row(record.accepted()?, |row| row.now().clone())
    }

    /// Nothing is uncertain when every PG answers.
    fn nothing_is_open(&self) {
        for record in &self.records {
            let id = &record.payment.id;
            let open_attempt = record.attempts.iter().any(Attempt::is_uncertain);
            if record.payment.status == PaymentStatus::Confirming || open_attempt {
                self.wrong(6, || format!("{id} is still confirming"));
            }
            if let Some(cancel) = record.unsettled_cancel() {
                self.wrong(7, || format!("{id}: {} is still {}", cancel.id, cancel.status.name()));
            }
        }
    }

    fn states_are_the_pgs(&self) {
        for record in &self.records {
            let payment = &record.payment;
            let row = self.row(record);
            let (taken, back) = row.as_ref().map_or((0, 0), |row| (row.taken, row.given_back()));
            let back = if taken == 0 { 0 } else { back };
            let said = (payment.amount_paid.amount(), payment.amount_cancelled.amount());
            let holds = said == (taken, back) && is_right(payment.status, row.as_ref(), (taken, back));
            if !holds {
                self.wrong(3, || {
                    format!("{} is {} {said:?}, and the PG says {row:?}", payment.id, payment.status.name())
                });
            }
        }
    }

    /// 12: money at a PG under one of our order ids is a payment's, or went back.
    fn i12_no_money_is_unknown(&self) {
        for model in self.models {
            let kept = model.books(|books| {
                let rows = books.rows.values().map(|row| row.now().clone());
                rows.filter(|row| row.balance() > 0 && !is_refund_failed(row)).collect::<Vec<_>>()
            });
            for row in kept {
                let owner = self.records.iter().find(|record| record.accepted() == Some(&row.id));
                if !owner.is_some_and(|record| record.payment.status.has_money()) {
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
            if self.row(record).is_some_and(|row| row.balance() > 0 && !is_refund_failed(&row)) {
                kept.entry(&record.payment.order_id).or_default().push(&record.payment.id);
            }
        }
        for (order, payments) in kept.into_iter().filter(|(_, payments)| payments.len() > 1) {
            self.world.count(|stats| stats.duplicates += 1);
            self.world.violated(9, || format!("order {order} is paid by {payments:?}"));
        }
    }

    /// Each cancel of the PG is a row of ours, and each row of ours that is done is a cancel of the PG.
    fn cancels_are_the_pgs(&self) {
        for record in &self.records {
            let Some(row) = self.row(record) else { continue };
            let counts = |status: CancelStatus| matches!(status, CancelStatus::Done | CancelStatus::Pending);
            let ours: Vec<_> = record
                .cancels
                .iter()
                .filter(|cancel| cancel.takes_from(&row.id) && counts(cancel.status))
                .collect();
            let theirs = row.cancels.iter().filter(|cancel| counts(cancel.status)).count();
            let same = ours
                .iter()
                .all(|cancel| executed(cancel, &row).is_some_and(|theirs| theirs.status == cancel.status));
            if row.taken > 0 && (ours.len() != theirs || !same) {
                self.wrong(13, || {
                    format!("{}: {ours:?}, and the PG has {:?}", record.payment.id, row.cancels)
                });
            }
        }
    }

    /// 11: the feed has each payment's events from 1 on, without gaps, and the last status.
    fn i11_the_feed_tells_everything(&self) {
        let in_order = self.events.windows(2).all(|pair| pair[0].position < pair[1].position);
        for record in &self.records {
            let id = &record.payment.id;
            let own: Vec<_> = self.events.iter().filter(|event| event.event.payment.id == *id).collect();
            let numbered = (1..).zip(&own).all(|(number, event)| event.event.number == number);
            let status = own.iter().rev().find_map(|event| match event.event.kind {
                EventKind::Status(status) => Some(status),
                EventKind::Registered => Some(PaymentStatus::Ready),
                EventKind::LateMoney | EventKind::AmountsChanged => Some(event.event.payment.status),
                _ => None,
            });
            if !in_order || !numbered || status != Some(record.payment.status) {
                self.wrong(11, || format!("the events of {id} end with {status:?}"));
            }
            let sum = |of: fn(&Moved) -> i64| own.iter().map(|event| of(&event.event.moved)).sum::<i64>();
            let balance = (sum(|moved| moved.paid), sum(|moved| moved.cancelled));
            let signed = |money: Money| i64::try_from(money.amount()).unwrap_or(i64::MAX);
            if balance != (signed(record.payment.amount_paid), signed(record.payment.amount_cancelled)) {
                self.wrong(11, || format!("the events of {id} add up to {balance:?}"));
            }
        }
    }
}

/// A refund was accepted and then failed: an operator has to find another way to give the money back.
fn is_refund_failed(row: &PgPayment) -> bool {
    row.cancels.iter().any(|cancel| cancel.status == CancelStatus::Refused)
}

/// Whether this is the status of a payment whose accepted PG payment is `row`.
fn is_right(status: PaymentStatus, row: Option<&PgPayment>, (taken, back): (u64, u64)) -> bool {
    use PaymentStatus::{AwaitingDeposit, Cancelled, Expired, Failed, Paid, PartiallyCancelled};
    if taken > 0 {
        return status
            == match back {
                0 => Paid,
                _ if back == taken => Cancelled,
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
