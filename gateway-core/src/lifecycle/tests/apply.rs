//! The rows of the table on top of the fold of charges: whose a snapshot is, and what it does to its charge.

use super::sample::{DAY, HOUR, ON_CONFIRM, PRICE, VISIBLE, World, at, pg_id, shown};
use crate::{
    lifecycle::{apply, decision},
    model::{
        ChargeRole, Dispatch, Failure, FailureReason, LookUpSubject, Operation, Outcome, PaymentStatus,
        PgStatus, Snapshot,
    },
    store::Why,
};

#[test]
fn foreign_order_id_changes_nothing() {
    let mut world = World::on_confirm();
    let before = world.record.clone();
    let foreign = shown("order-of-somebody", "k1", PgStatus::Paid).with_money_at(1);
    let found = world.look_up_order(vec![foreign], false);
    assert_eq!(found.len(), 1);
    assert!(!found[0].was_claimed, "nobody here named it");
    assert_eq!(world.record.charges, before.charges);
    assert!(world.news.is_empty());
}

#[test]
fn charge_that_another_payment_accepted_is_foreign() {
    let mut world = World::before_confirm();
    world.taken = vec![pg_id("k1")];
    let paid = world.paid("k1");
    assert_eq!(world.see(&paid).len(), 1);
    assert!(world.record.charges.is_empty());
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn claimed_foreign_charge_ends_and_is_reported_once() {
    let mut world = World::before_confirm();
    world.claim(Some("k1"), None, false);
    let foreign = shown("order-of-somebody", "k1", PgStatus::Paid).with_money_at(1);
    assert!(world.see(&foreign)[0].was_claimed);
    assert!(!world.see(&foreign)[0].was_claimed, "known by now");
    let charge = world.charge("k1");
    assert!(charge.ended_at.is_some() && charge.snapshot.is_none() && charge.cancels.is_empty());
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn foreign_charge_that_was_sent_ends_at_its_final_time() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let foreign = shown("order-of-somebody", "k1", PgStatus::Open);
    for (second, outcome) in [(69, None), (70, Some(Outcome::NotDone(Failure::of(FailureReason::Mismatch))))]
    {
        world.at(second).see(&foreign);
        assert_eq!(confirm_of(&world, "k1").outcome(), outcome.as_ref(), "{second}");
    }
}

#[test]
fn snapshot_is_of_the_charge_with_its_pg_id() {
    let mut world = World::on_confirm();
    world.claim(Some("k1"), None, false);
    world.claim(Some("k2"), None, false);
    let (before, open) = (world.charge("k1").clone(), world.shown("k2", PgStatus::Open));
    world.see(&open);
    assert_eq!(world.charge("k2").snapshot, Some(open));
    assert_eq!(world.charge("k1"), &before, "no other charge is touched");
    assert_eq!(world.record.charges.len(), 2);
}

#[test]
fn order_id_that_the_browser_got_wrong_is_corrected() {
    let mut world = World::on_confirm();
    let first = world.order_id();
    world.open(ON_CONFIRM);
    world.claim(Some("k1"), None, false);
    assert_eq!(world.charge("k1").attempt, 2);
    world.look_up("k1", vec![shown(&first, "k1", PgStatus::Open)]);
    assert_eq!(world.charge("k1").attempt, 1);
}

#[test]
fn unnamed_charge_is_named_by_a_later_answer() {
    for before_confirm in [false, true] {
        let mut world = if before_confirm { World::before_confirm() } else { World::on_confirm() };
        let state = (!before_confirm).then_some("token");
        let id = world.at(5).claim(None, state, !before_confirm);
        let open = world.shown("k1", PgStatus::Open);
        world.look_up_order(vec![open], true);
        assert_eq!(world.charge("k1").id, id);
    }
}

#[test]
fn answer_asked_before_the_send_names_no_charge() {
    let mut world = World::on_confirm();
    let id = world.at(5).claim(None, Some("token"), true);
    let open = world.shown("k1", PgStatus::Open);
    world.answer(&LookUpSubject::Attempt(1), vec![open], false, at(4));
    assert_ne!(world.charge("k1").id, id);
    assert_eq!(world.record.charge(&id).unwrap().pg_payment_id, None);
}

#[test]
fn one_answer_names_an_unnamed_charge_once() {
    let mut world = World::on_confirm();
    let id = world.claim(None, Some("token"), true);
    let two = ["k1", "k2"].map(|name| world.shown(name, PgStatus::Open));
    world.look_up_order(two.to_vec(), false);
    assert_eq!(world.charge("k1").id, id);
    assert_ne!(world.charge("k2").id, id);
}

#[test]
fn unnamed_charge_that_was_declined_is_not_named() {
    let mut world = World::on_confirm();
    let declined = world.claim(None, Some("first"), true);
    world.change(|draft, context| {
        let declined = draft.record.charge_mut(&declined).unwrap();
        let outcome = Outcome::Declined(Failure::of(FailureReason::IssuerDeclined));
        declined.confirm.as_mut().unwrap().end(outcome, context.now);
        declined.ended_at = Some(context.now);
    });
    let taken = world.at(5).claim(None, Some("second"), true);
    let paid = world.paid("k1");
    world.look_up_order(vec![paid], false);
    assert_eq!(world.charge("k1").id, taken, "the answer is of the one whose outcome is open");
    assert!(!world.record.charges.iter().any(crate::model::Charge::is_unresolved));
}

#[test]
fn unknown_pg_id_under_our_order_is_a_new_charge() {
    let mut world = World::before_confirm();
    let paid = world.paid("k1");
    world.look_up_order(vec![paid], true);
    assert!(world.charge("k1").accepted);
    assert_eq!(world.status(), PaymentStatus::Paid);
}

#[test]
fn accepted_money_that_stops_matching_is_a_review() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let other_currency = crate::model::Money::new(PRICE, crate::model::Currency::Usd).unwrap();
    let changed: [(&str, Snapshot); 4] = [
        ("total", paid.clone().with_total(PRICE + 1)),
        (
            "paid",
            Snapshot {
                total: crate::model::Money::krw(PRICE * 2),
                paid: crate::model::Money::krw(PRICE * 2),
                ..paid.clone()
            },
        ),
        ("mode", Snapshot { mode: Some(crate::model::Mode::Live), ..paid.clone() }),
        ("currency", Snapshot { total: other_currency, ..paid.clone() }),
    ];
    for (what, changed) in changed {
        let mut world = World::on_confirm();
        world.pay("k1");
        world.see(&changed);
        assert_eq!(world.open_reviews(), ["accepted_changed"], "{what}");
        assert_eq!(world.charge("k1").snapshot.as_ref(), Some(&paid), "{what}: nothing is taken over");
        assert!(world.charge("k1").cancels.is_empty(), "{what}: nothing goes back");
        assert_eq!(world.status(), PaymentStatus::Paid, "{what}");
    }
}

#[test]
fn money_that_a_person_accepted_is_still_looked_up() {
    let mut world = World::before_confirm();
    let discounted = Snapshot { discount: crate::model::Money::krw(500), ..world.paid("k1") };
    world.see(&discounted);
    assert_eq!(world.open_reviews(), ["mismatch_not_cancelled"]);
    world.change(|draft, context| {
        decision::decide(draft, 1, crate::model::ReviewOutcome::Done, "kim", "it is fine", context)
    });
    assert_eq!(world.status(), PaymentStatus::Paid);
    let cancelled = discounted.with_cancel(super::sample::listed(1_000, None));
    world.at(DAY).see(&cancelled);
    assert_eq!(world.status(), PaymentStatus::PartiallyCancelled);
    assert!(world.open_reviews().is_empty(), "it is what the person accepted");
}

/// What each status of the PG does to a confirm without an answer.
#[test]
fn status_of_the_pg_ends_the_confirm_or_does_not() {
    let expired = || Outcome::NotDone(Failure::of(FailureReason::SessionExpired));
    let declined = || Outcome::Declined(Failure::of(FailureReason::Other));
    for (status, outcome, ended) in [
        (PgStatus::Open, None, false),
        (PgStatus::Pending, Some(Outcome::Done), false),
        (PgStatus::Paid, None, false),
        (PgStatus::AwaitingDeposit, Some(Outcome::Done), false),
        (PgStatus::Closed, Some(Outcome::Done), true),
        (PgStatus::Failed, Some(declined()), true),
        (PgStatus::Expired, Some(expired()), true),
    ] {
        let mut world = World::on_confirm();
        world.confirm("k1");
        let snapshot = world.shown("k1", status);
        world.at(1).see(&snapshot);
        assert_eq!(confirm_of(&world, "k1").outcome(), outcome.as_ref(), "{status:?}");
        assert_eq!(world.charge("k1").ended_at.is_some(), ended, "{status:?}");
    }
    let mut world = World::on_confirm();
    world.confirm("k1");
    let paid = world.paid("k1");
    world.see(&paid);
    assert_eq!(confirm_of(&world, "k1").outcome(), Some(&Outcome::Done));
}

#[test]
fn failure_of_the_pg_is_the_reason_of_the_decline() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let failure = Failure::of(FailureReason::InsufficientFunds);
    let failed = Snapshot { failure: Some(failure.clone()), ..world.shown("k1", PgStatus::Failed) };
    world.see(&failed);
    assert_eq!(confirm_of(&world, "k1").outcome(), Some(&Outcome::Declined(failure.clone())));
    assert_eq!(world.record.payment.shown.failure, Some(failure));
}

#[test]
fn untouched_charge_ends_when_the_pg_no_longer_takes_it() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let open = world.shown("k1", PgStatus::Open);
    for (second, outcome) in [(599, false), (600, true)] {
        world.at(second).see(&open);
        assert_eq!(confirm_of(&world, "k1").outcome().is_some(), outcome, "{second}");
    }
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn untouched_charge_stays_open_until_its_last_send_is_final() {
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    world.at(590).change(|draft, context| draft.send(&Operation::Confirm(id), context));
    let open = world.shown("k1", PgStatus::Open);
    for (second, outcome) in [(659, false), (660, true)] {
        world.at(second).see(&open);
        assert_eq!(confirm_of(&world, "k1").outcome().is_some(), outcome, "{second}");
    }
}

#[test]
fn money_shown_after_an_end_is_money() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    assert_eq!(world.status(), PaymentStatus::Failed);
    let paid = world.at(60).paid("k1");
    world.see(&paid);
    assert_eq!(world.status(), PaymentStatus::Paid);
    assert_eq!(world.charge("k1").ended_at, None);
}

#[test]
fn snapshot_closes_only_a_claim_that_came_before_it_was_asked() {
    for (asked, is_open) in [(4, true), (5, false)] {
        let mut world = World::before_confirm();
        world.at(5).claim(Some("k1"), None, false);
        let open = world.shown("k1", PgStatus::Open);
        let subject = world.charge("k1").subject();
        world.answer(&subject, vec![open], true, at(asked));
        assert_eq!(world.charge("k1").claim.as_ref().unwrap().is_open, is_open, "{asked}");
    }
}

#[test]
fn what_an_answer_leaves_out_is_kept() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let full = Snapshot {
        receipt_url: Some("https://pg.example/receipt".to_owned()),
        disputed: Some(true),
        ..world.paid("k1")
    };
    world.see(&full);
    let silent = Snapshot {
        mode: None,
        disputed: None,
        paid_at: None,
        method: None,
        cancels: None,
        channel_pg: None,
        receipt_url: None,
        ..full.clone()
    };
    world.at(HOUR).see(&silent);
    assert_eq!(world.charge("k1").snapshot, Some(full));
    assert!(world.news.is_empty(), "silence is no news");
}

#[test]
fn same_answer_again_announces_nothing() {
    let mut world = World::before_confirm();
    let paid = world.paid("k1");
    world.see(&paid);
    let announced = world.events.len();
    for second in [1, VISIBLE, DAY] {
        world.at(second).see(&paid);
    }
    assert_eq!(world.events.len(), announced);
    assert_eq!(world.record.charges.len(), 1);
    assert_eq!(world.charge("k1").role(), ChargeRole::Accepted);
}

#[test]
fn answer_to_a_request_pays_no_owed_look_up() {
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    let subject = world.charge("k1").subject();
    world.change(|draft, context| draft.owe(subject.clone(), context.now, Why::Hint));
    let look_up = crate::provider::LookUp { charges: vec![world.paid("k1")], complete: true };
    let asked_at = world.now;
    let answer = super::super::Answer { subject: &subject, look_up: &look_up, asked_at, is_look_up: false };
    world.change(|draft, context| apply::apply(draft, &answer, context));
    assert!(world.record.charge(&id).unwrap().accepted);
    assert!(world.record.checks.owed.iter().any(|owed| owed.why == Why::Hint));
}

fn confirm_of<'a>(world: &'a World, name: &str) -> &'a Dispatch {
    world.charge(name).confirm.as_ref().unwrap()
}
