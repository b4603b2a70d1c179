//! Pure: what an answer of the PG, a browser result, a person or time does to a payment record. No await, no I/O.
//!
//! Two folds do most of it, each with a table of its steps on top: [`apply`] draws the consequences of a look-up for the
//! charges, [`status`] reads off the charges what is shown of the payment.

use jiff::Timestamp;

use crate::{
    model::{IdSource, LatePayments, PgPaymentId},
    provider::ProviderDescription,
    store::PaymentRecord,
};

mod acceptance;
mod answer;
mod apply;
mod cancels;
mod compensation;
mod decision;
mod draft;
mod events;
mod plan;
mod reversals;
mod review;
pub(crate) mod schedule;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub(crate) use acceptance::may_hold_money;
pub(crate) use answer::{Answer, Foreign};
pub(crate) use compensation::{Held, needs_account};
pub(crate) use draft::Draft;
pub(crate) use events::amounts;

/// What a fold needs to know besides the record.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// Whether the wall clock can be believed. While it cannot, nothing expires and nothing is called late.
    pub(crate) is_clock_trusted: bool,
    /// Whether the PG can be asked at all. Where nobody has the account's credentials any more no answer can come.
    pub(crate) can_ask: bool,
    pub(crate) description: &'a ProviderDescription,
    /// Whether the PG's list has a row for each part cancel.
    pub(crate) lists_part_cancels: bool,
    pub(crate) late_payments: LatePayments,
    pub(crate) ids: &'a IdSource,
    /// The payment that the order has now, if that is another one.
    pub(crate) sibling: Option<&'a PaymentRecord>,
    /// PG ids that another of our payments has accepted: never ours.
    pub(crate) taken: &'a [PgPaymentId],
}

impl Context<'_> {
    /// From when on every answer of the PG shows what was true at `at`.
    pub(crate) fn visible_from(&self, at: Timestamp) -> Timestamp {
        schedule::visible_from(at, self.description)
    }

    /// From when on "not there" and "unchanged" mean that a request was not done.
    pub(crate) fn final_time(&self, sent_at: Timestamp) -> Timestamp {
        schedule::final_time(sent_at, self.description)
    }

    /// Whether a deadline has passed for certain.
    pub(crate) fn has_passed(&self, deadline: Timestamp) -> bool {
        self.is_clock_trusted && self.now > deadline
    }
}
