//! What a fold needs to know besides the record: the time, the account, the order's other payment.

use jiff::Timestamp;

use super::schedule;
use crate::{
    model::{Dispatch, IdSource, LatePayments, PgPaymentId},
    provider::ProviderDescription,
    store::PaymentRecord,
};

/// What a fold needs to know besides the record.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// Whether the wall clock can be believed. While it cannot, nothing expires and nothing is called late.
    pub(crate) is_clock_trusted: bool,
    /// Whether the PG can be asked at all. Where nobody has the account's credentials any more no answer can come.
    pub(crate) can_ask: bool,
    pub(crate) description: &'a ProviderDescription,
    /// Whether the PG has a list of its own, which is swept: money that nobody named is found there.
    pub(crate) has_list: bool,
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

    /// Whether an answer asked at `asked_at` says for certain of a request that nothing of it was done. The last send is the
    /// newest, so it is final last. A clock that is in doubt concludes nothing.
    pub(crate) fn is_past_final(&self, sent: &Dispatch, asked_at: Timestamp) -> bool {
        // By the time of the question: an answer that was long on its way shows what was true at the start.
        self.is_clock_trusted && self.final_time(sent.last_sent_at) <= asked_at
    }

    /// Whether a deadline has passed for certain.
    pub(crate) fn has_passed(&self, deadline: Timestamp) -> bool {
        self.is_clock_trusted && self.now > deadline
    }
}
