//! The ledger: what came in and went back of every charge, recomputed from a payment's events.

use std::collections::BTreeMap;

use crate::{
    gateway::{Gateway, GatewayError},
    lifecycle::amounts,
    model::{ChargeId, Event, MerchantId, PaymentId},
    store::PaymentRecord,
};

/// What does not agree with a payment's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerProblem {
    /// The events do not add up to what came in.
    AmountPaid,
    /// The events do not add up to what went back.
    AmountCancelled,
    /// An event is missing or there twice: the numbers do not count from 1.
    EventNumbers,
    /// The newest event does not show the status the payment has.
    Status,
}

impl LedgerProblem {
    /// The word in the API: `amount_paid`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmountPaid => "amount_paid",
            Self::AmountCancelled => "amount_cancelled",
            Self::EventNumbers => "event_numbers",
            Self::Status => "status",
        }
    }
}

/// A payment whose events do not say what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerDifference {
    /// Whose.
    pub merchant: MerchantId,
    /// Which.
    pub payment: PaymentId,
    /// The charge whose money does not add up; `None` for what is of the payment as a whole.
    pub charge: Option<ChargeId>,
    /// What is wrong.
    pub problem: LedgerProblem,
    /// What the payment shows: minor units, how many events, or nothing to count (0).
    pub shown: i64,
    /// What the events add up to.
    pub recomputed: i64,
}

/// A part of the ledger that was recomputed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerPage {
    /// How many payments it has.
    pub checked: u32,
    /// Those whose events do not say what they show.
    pub differences: Vec<LedgerDifference>,
    /// The last payment of the part; `None` if no more follow.
    pub next: Option<PaymentId>,
}

impl Gateway {
    /// Recomputes the balances of the payments after one, of every merchant, by id.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn check_ledger(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<LedgerPage, GatewayError> {
        let page = self.core.store.all_payments(after, limit).await?;
        let checked = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let next = page.last().filter(|_| checked >= limit).map(|(_, id)| id.clone());
        let mut differences = Vec::new();
        for (merchant, id) in page {
            // Read first: an event that is committed in between is then one too many, which can be cut off,
            // and not one too few.
            let record = self.payment(&merchant, &id).await?;
            // Events that were committed after the payment was read are not of what was read.
            let mut events = self.core.store.events_of(&merchant, &id).await?;
            events.truncate(usize::try_from(record.events).unwrap_or(usize::MAX));
            differences.extend(recompute(&record, &events));
        }
        Ok(LedgerPage { checked, differences, next })
    }

    /// How many payments there are, of every merchant.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn count_payments(&self) -> Result<u64, GatewayError> {
        Ok(self.core.store.count_payments().await?)
    }
}

/// Holds a payment against the sum of its events, charge by charge.
fn recompute(record: &PaymentRecord, events: &[Event]) -> Vec<LedgerDifference> {
    let payment = &record.payment;
    let mut differences = Vec::new();
    let mut compare = |charge: Option<&ChargeId>, problem, shown: i64, recomputed: i64| {
        if shown != recomputed {
            let (merchant, payment, charge) = (payment.merchant.clone(), payment.id.clone(), charge.cloned());
            differences.push(LedgerDifference { merchant, payment, charge, problem, shown, recomputed });
        }
    };
    let mut sums: BTreeMap<&ChargeId, (i64, i64)> = record.charges.iter().map(|c| (&c.id, (0, 0))).collect();
    for movement in events.iter().filter_map(|event| event.event.movement.as_ref()) {
        // A movement of a charge that the record does not have is a difference as well.
        let (paid, cancelled) = sums.entry(&movement.charge).or_default();
        *paid = paid.saturating_add(movement.paid);
        *cancelled = cancelled.saturating_add(movement.cancelled);
    }
    for (charge, (paid, cancelled)) in sums {
        let (shown_paid, shown_cancelled) = amounts(record.charge(charge));
        compare(Some(charge), LedgerProblem::AmountPaid, shown_paid, paid);
        compare(Some(charge), LedgerProblem::AmountCancelled, shown_cancelled, cancelled);
    }
    // Up to the first gap or repeat: both mean that the feed announced something twice or never.
    let in_order = events.iter().zip(1..).take_while(|(event, number)| event.event.number == *number).count();
    let counted = i64::try_from(record.events).unwrap_or(i64::MAX);
    compare(None, LedgerProblem::EventNumbers, counted, i64::try_from(in_order).unwrap_or(i64::MAX));
    // A shop goes by its last event, so that has to say what the payment says.
    let shows = events.last().is_some_and(|event| event.event.payment.payment.status() == payment.status());
    compare(None, LedgerProblem::Status, 1, i64::from(shows));
    differences
}
