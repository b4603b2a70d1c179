//! The table of events, for the description of the API.

use std::fmt::Write as _;

use paymux_core::model::{
    CancelStatus::{Done, Pending, Refused, Requested, Unknown},
    EventKind::{self, *},
    Misfit::{Duplicate, Late, Mismatch},
    PaymentStatus::{
        AwaitingDeposit, Cancelled, Confirming, Expired, Failed, Paid, PartiallyCancelled, Ready,
    },
};

/// Every event that is announced, and what it means.
const EVENTS: [(EventKind, &str); 26] = [
    (Registered, "The payment was registered."),
    (Status(Confirming), "The payment gateway was asked and has given no definite answer."),
    (Status(AwaitingDeposit), "A virtual account was issued."),
    (Status(Paid), "The money is in. The same money is announced once."),
    (Status(Failed), "The payment gateway declined. No money moved; the buyer may try again."),
    (
        Status(Ready),
        "It can be paid again: the order was registered again, or an attempt failed without moving money.",
    ),
    (Status(Expired), "Time is up."),
    (Status(PartiallyCancelled), "A part was cancelled."),
    (Status(Cancelled), "All was cancelled, or the payment was closed before any money came."),
    (DepositReversed, "A deposit was reversed: the account waits for its money again."),
    (
        AmountsUpdated,
        "An amount changed and no other event says so. The status may be `paid` again: a refund failed.",
    ),
    (Found(Mismatch), "Money came in that does not match what was registered. See `data.duplicates`."),
    (
        Found(Duplicate),
        "The buyer paid the order a second time. Paymux cancels the second payment, or opens a review where it cannot.",
    ),
    (
        Found(Late),
        "A late payment came in and was never announced as paid. Paymux cancels it, or opens a review where it cannot.",
    ),
    (Returned(Mismatch), "The payment that did not match was cancelled."),
    (Returned(Duplicate), "The second payment was cancelled."),
    (Returned(Late), "The late payment was cancelled."),
    (Cancel(Requested), "A cancel or close was made."),
    (Cancel(Pending), "The payment gateway accepted the cancel; the money is still under way to the buyer."),
    (Cancel(Done), "The cancel or close is done."),
    (Cancel(Refused), "The payment gateway refused the cancel or close, or could not pay it out."),
    (Cancel(Unknown), "The cancel or close was sent and its outcome is not known. Paymux finds out."),
    (ReviewOpened, "Something about the payment waits for an operator."),
    (ReviewClosed, "An operator decided, or the payment gateway answered after all."),
    (DisputeOpened, "The buyer disputes the payment at the card company."),
    (DisputeClosed, "The dispute is over."),
];

/// The table in Markdown.
pub(super) fn markdown_table() -> String {
    let mut table = "| event | meaning |\n|---|---|\n".to_owned();
    for (kind, meaning) in EVENTS {
        writeln!(table, "| `{}` | {meaning} |", kind.name()).expect("a String takes everything");
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use paymux_core::model::PaymentStatus;

    use super::*;

    #[test]
    fn every_event_has_one_row() {
        let names: BTreeSet<_> = EVENTS.iter().map(|(kind, _)| kind.name()).collect();
        assert_eq!(names.len(), EVENTS.len());
        for status in PaymentStatus::ALL {
            assert!(names.contains(Status(status).name()), "{}", status.name());
        }
        assert!(!names.contains("cancel.sent"), "a send is announced as requested");
    }
}
