//! What a person's decision does to a payment, and that what the PG shows later is believed again.

use super::sample::{DAY, FINAL, HOUR, PRICE, World, at, listed};
use crate::{
    lifecycle::{compensation, decision},
    model::{
        CancelId, CancelStatus, ChargeRole, Money, Outcome, PaymentStatus, PgStatus, ReviewOutcome, Snapshot,
    },
    store::Why,
};

const WEEK: i64 = 7 * DAY;

fn decide(world: &mut World, outcome: ReviewOutcome) {
    let open = world.record.payment.reviews.iter().find(|review| review.is_open());
    let number = open.expect("one is open").number;
    world.change(|draft, context| {
        decision::decide(draft, number, outcome, "kim", "seen in the console", context)
    });
}

fn owes_decision(world: &World) -> bool {
    let tomorrow = world.now.saturating_add(std::time::Duration::from_secs(86_400)).unwrap();
    world.record.checks.owed.iter().any(|owed| owed.why == Why::Decision && owed.at == tomorrow)
}

#[test]
fn confirm_that_a_person_saw_taken_is_paid() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(WEEK).change(|_, _| ());
    decide(&mut world, ReviewOutcome::Done);
    assert_eq!(world.status(), PaymentStatus::Paid);
    assert_eq!(world.record.payment.shown.amount_paid, Money::krw(PRICE));
    assert_eq!(world.kinds(), ["payment.paid", "payment.review_closed"]);
    assert!(owes_decision(&world), "a day later the PG is asked once more");
}

#[test]
fn confirm_that_a_person_saw_untaken_ends_the_charge() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(WEEK).change(|_, _| ());
    decide(&mut world, ReviewOutcome::NotDone);
    assert_eq!(world.status(), PaymentStatus::Expired);
    let paid = world.at(WEEK + HOUR).paid("k1");
    world.see(&paid);
    assert_eq!(world.status(), PaymentStatus::Paid, "the PG is believed over a person");
}

#[test]
fn success_that_nothing_shows_is_decided_both_ways() {
    for (outcome, status) in
        [(ReviewOutcome::Done, PaymentStatus::Paid), (ReviewOutcome::NotDone, PaymentStatus::Ready)]
    {
        let mut world = World::on_confirm();
        let id = world.confirm("k1");
        world.change(|draft, context| {
            draft.record.charge_mut(&id).unwrap().confirm.as_mut().unwrap().end(Outcome::Done, context.now);
        });
        world.at(FINAL).look_up("k1", Vec::new());
        assert_eq!(world.open_reviews(), ["taken_not_shown"]);
        decide(&mut world, outcome);
        assert_eq!(world.status(), status);
        assert!(world.open_reviews().is_empty());
    }
}

#[test]
fn second_money_that_a_person_saw_is_a_duplicate() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let second = world.at(5).paid("k2");
    world.see(&second);
    assert_eq!(world.status(), PaymentStatus::Paid);
    world.at(WEEK).change(|_, _| ());
    decide(&mut world, ReviewOutcome::Done);
    assert_eq!(world.charge("k1").role(), ChargeRole::Duplicate);
    assert_eq!(world.charge("k2").role(), ChargeRole::Accepted);
}

fn unknown_cancel() -> (World, CancelId, Snapshot) {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let id = world.cancel(4_000);
    world.at(WEEK).change(|_, _| ());
    (world, id, paid)
}

#[test]
fn cancel_that_a_person_saw_done_moves_its_money_once() {
    let (mut world, id, paid) = unknown_cancel();
    decide(&mut world, ReviewOutcome::Done);
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Done);
    assert_eq!(world.status(), PaymentStatus::PartiallyCancelled);
    assert_eq!(world.record.cancellable(), Money::krw(6_000));
    world.at(WEEK + HOUR).see(&paid.with_cancel(listed(4_000, Some(&id))));
    assert_eq!(world.record.payment.shown.amount_cancelled, Money::krw(4_000), "not counted again");
}

#[test]
fn cancel_that_a_person_saw_done_takes_no_more_than_was_left() {
    let (mut world, id, paid) = unknown_cancel();
    world.see(&paid.with_cancel(listed(8_000, None)));
    decide(&mut world, ReviewOutcome::Done);
    assert_eq!(world.record.payment.shown.amount_cancelled, Money::krw(PRICE));
    assert_eq!(world.record.cancellable(), Money::krw(0));
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Done);
}

#[test]
fn cancel_that_a_person_saw_undone_blocks_nothing_any_more() {
    let (mut world, id, paid) = unknown_cancel();
    decide(&mut world, ReviewOutcome::NotDone);
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Refused);
    assert!(world.charge("k1").unresolved_cancel().is_none());
    assert!(world.record.checks.pending.is_empty());
    world.at(WEEK + DAY).see(&paid.with_cancel(listed(4_000, Some(&id))));
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Done, "the PG is believed again");
}

#[test]
fn close_is_decided_both_ways() {
    for (outcome, status, payment) in [
        (ReviewOutcome::Done, CancelStatus::Done, PaymentStatus::Cancelled),
        (ReviewOutcome::NotDone, CancelStatus::Refused, PaymentStatus::AwaitingDeposit),
    ] {
        let mut world = World::on_confirm();
        world.confirm("k1");
        let account = world.shown("k1", PgStatus::Open).with_account(30 * DAY);
        world.see(&account);
        let id = world.close_account();
        world.at(WEEK).change(|_, _| ());
        decide(&mut world, outcome);
        assert_eq!(world.record.close(&id).unwrap().1.status, status);
        assert_eq!(world.status(), payment);
    }
}

#[test]
fn held_compensation_is_over_once_a_person_decided() {
    for outcome in [ReviewOutcome::Done, ReviewOutcome::NotDone] {
        let mut world = World::before_confirm();
        world.pay("k1");
        let second = world.paid("k2");
        world.see(&second);
        let id = world.charge("k2").compensation().unwrap().id.clone();
        world.change(|draft, _| {
            compensation::hold(draft, &id, crate::lifecycle::compensation::Held::ReasonGone)
        });
        decide(&mut world, outcome);
        assert_eq!(
            world.record.cancel(&id).unwrap().1.status,
            CancelStatus::Refused,
            "it sends nothing any more"
        );
        assert!(world.open_reviews().is_empty(), "what was decided stays decided: {outcome:?}");
        assert!(!world.record.view().duplicates[0].cancels[0].held, "nobody is waited for");
    }
}

#[test]
fn mismatch_that_a_person_accepts_pays_the_order() {
    for (outcome, status) in
        [(ReviewOutcome::Done, PaymentStatus::Paid), (ReviewOutcome::NotDone, PaymentStatus::Ready)]
    {
        let mut world = World::before_confirm();
        let live = Snapshot { mode: Some(crate::model::Mode::Live), ..world.paid("k1") };
        world.see(&live);
        decide(&mut world, outcome);
        assert_eq!(world.status(), status);
        assert!(world.charge("k1").cancels.is_empty());
    }
}

#[test]
fn mismatch_beside_accepted_money_stays_beside_it() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let live = Snapshot { mode: Some(crate::model::Mode::Live), ..world.paid("k2") };
    world.see(&live);
    decide(&mut world, ReviewOutcome::Done);
    assert_eq!(world.charge("k2").role(), ChargeRole::Mismatched);
    assert_eq!(world.charge("k1").role(), ChargeRole::Accepted);
}

#[test]
fn decided_review_is_not_opened_again_by_what_was_known() {
    let (mut world, _, paid) = unknown_cancel();
    decide(&mut world, ReviewOutcome::NotDone);
    world.at(2 * WEEK).see(&paid);
    assert!(world.open_reviews().is_empty());

    let mut vanished = World::before_confirm();
    vanished.pay("k1");
    vanished.at(HOUR).look_up("k1", Vec::new());
    vanished.at(2 * HOUR).look_up("k1", Vec::new());
    decide(&mut vanished, ReviewOutcome::Done);
    vanished.at(2 * DAY).look_up("k1", Vec::new());
    assert!(vanished.open_reviews().is_empty(), "the same absence is decided");

    let mut changed = World::before_confirm();
    changed.pay("k1");
    let live = Snapshot { mode: Some(crate::model::Mode::Live), ..changed.paid("k1") };
    changed.see(&live);
    decide(&mut changed, ReviewOutcome::Done);
    changed.at(2 * DAY).see(&live);
    assert!(changed.open_reviews().is_empty(), "the same change is decided");
}

#[test]
fn absence_that_begins_again_is_a_new_review() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    world.at(HOUR).look_up("k1", Vec::new());
    world.at(2 * HOUR).look_up("k1", Vec::new());
    decide(&mut world, ReviewOutcome::Done);
    world.at(DAY).see(&paid);
    world.at(2 * DAY).look_up("k1", Vec::new());
    world.at(3 * DAY).look_up("k1", Vec::new());
    assert_eq!(world.open_reviews(), ["charge_vanished"]);
}

#[test]
fn decision_says_who_when_and_why() {
    let (mut world, _, _) = unknown_cancel();
    decide(&mut world, ReviewOutcome::Done);
    let review = &world.record.payment.reviews[0];
    let expected = crate::model::ReviewClosing::Decided {
        at: at(WEEK),
        by: "kim".to_owned(),
        outcome: ReviewOutcome::Done,
        reason: "seen in the console".to_owned(),
    };
    assert_eq!(review.closing, Some(expected));
}

#[test]
fn closed_review_is_decided_by_nobody_again() {
    let (mut world, id, _) = unknown_cancel();
    decide(&mut world, ReviewOutcome::NotDone);
    let decided = world.record.clone();
    world.change(|draft, context| decision::decide(draft, 1, ReviewOutcome::Done, "lee", "no", context));
    assert_eq!(world.record, decided);
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Refused);
}
