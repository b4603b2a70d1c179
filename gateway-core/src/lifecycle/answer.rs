//! What the PG answered, and what it was asked.

use jiff::Timestamp;

use crate::{
    model::{Charge, LookUpSubject, PgPaymentId},
    provider::{LookUp, ProviderDescription},
};

/// An answer of the PG.
pub(crate) struct Answer<'a> {
    /// What was asked about.
    pub(crate) subject: &'a LookUpSubject,
    /// What it shows.
    pub(crate) look_up: &'a LookUp,
    /// When it was asked: what was sent shortly before may not show in it.
    pub(crate) asked_at: Timestamp,
    /// Whether it was a look-up. The answer to a request that moves money shows a charge and is no owed look-up.
    pub(crate) is_look_up: bool,
}

/// A payment at the PG under an order id that is not this payment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) pg_payment_id: PgPaymentId,
    pub(crate) order_id: String,
    /// Whether a claim of ours named it, and this is the first answer that says whose it is.
    pub(crate) was_claimed: bool,
}

impl Answer<'_> {
    /// Whether it says all that the PG can say of its subject. Where the PG has no complete look-up by order any answered one
    /// does, and nothing follows from absence.
    pub(crate) fn decides(&self, description: &ProviderDescription) -> bool {
        // Where no answer by order is ever complete, the look-up would be owed for ever.
        let is_by_order = matches!(self.subject, LookUpSubject::Attempt(_));
        self.look_up.complete || (is_by_order && !description.shows_whole_orders)
    }

    /// Whether a complete answer has to hold this charge if the PG has it.
    pub(super) fn should_hold(&self, charge: &Charge) -> bool {
        match self.subject {
            // Two tabs make two charges under one order id, and a complete answer holds both.
            LookUpSubject::Attempt(number) => charge.attempt == *number,
            // A 404 to one PG id says nothing about the charge of another tab.
            LookUpSubject::Charge { pg_payment_id, .. } => {
                charge.pg_payment_id.as_ref() == Some(pg_payment_id)
            }
        }
    }
}
