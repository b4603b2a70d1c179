//! What follows when a complete answer does not hold a charge, and what never follows.

use super::sample::{FINAL, HOUR, ON_CONFIRM, World, at};
use crate::model::{Failure, FailureReason, LookUpSubject, Operation, Outcome, PaymentStatus, PgStatus};

#[test]
fn absent_charge_is_not_done_from_its_final_time_on() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    for (second, outcome) in [
        (0, None),
        (FINAL - 1, None),
        (FINAL, Some(Outcome::NotDone(Failure::of(FailureReason::SessionExpired)))),
    ] {
        world.at(second).look_up("k1", Vec::new());
        let confirm = world.charge("k1").confirm.as_ref().unwrap();
        assert_eq!(confirm.outcome(), outcome.as_ref(), "{second}");
    }
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn final_time_counts_from_the_last_send() {
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    world.at(60).change(|draft, context| draft.send(&Operation::Confirm(id), context));
    world.at(60 + FINAL - 1).look_up("k1", Vec::new());
    assert_eq!(world.status(), PaymentStatus::Confirming, "the second send may be executed yet");
    world.at(60 + FINAL).look_up("k1", Vec::new());
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn time_alone_never_ends_a_confirm() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    for second in [FINAL, 8 * 24 * HOUR, 400 * 24 * HOUR] {
        world.at(second).change(|_, _| ());
        assert_eq!(world.status(), PaymentStatus::Confirming, "{second}");
    }
}

#[test]
fn incomplete_answer_concludes_nothing_from_absence() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(24 * HOUR).look_up_order(Vec::new(), false);
    assert_eq!(world.status(), PaymentStatus::Confirming);
}

#[test]
fn complete_answer_of_one_charge_says_nothing_of_another() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(24 * HOUR).look_up("k2", Vec::new());
    assert_eq!(world.status(), PaymentStatus::Confirming);
}

#[test]
fn complete_answer_of_an_order_covers_its_own_charges_only() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.open(ON_CONFIRM);
    world.at(24 * HOUR).answer(&LookUpSubject::Attempt(2), Vec::new(), true, at(24 * HOUR));
    assert_eq!(world.status(), PaymentStatus::Confirming);
    world.answer(&LookUpSubject::Attempt(1), Vec::new(), true, at(24 * HOUR));
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn clock_in_doubt_concludes_nothing_from_absence() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.is_clock_trusted = false;
    world.at(24 * HOUR).look_up("k1", Vec::new());
    assert_eq!(world.status(), PaymentStatus::Confirming);
    world.is_clock_trusted = true;
    world.look_up("k1", Vec::new());
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn success_is_never_refuted_by_absence() {
    for shown in [false, true] {
        let mut world = World::on_confirm();
        let id = world.confirm("k1");
        world.change(|draft, context| {
            let confirm = draft.record.charge_mut(&id).unwrap().confirm.as_mut().unwrap();
            confirm.end(Outcome::Done, context.now);
        });
        let open = world.shown("k1", PgStatus::Open);
        let charges = || if shown { vec![open.clone()] } else { Vec::new() };
        world.at(FINAL - 1).look_up("k1", charges());
        assert!(world.open_reviews().is_empty());
        world.at(FINAL).look_up("k1", charges());
        assert_eq!(world.open_reviews(), ["taken_not_shown"], "{shown}");
        assert_eq!(world.status(), PaymentStatus::Confirming);
        let paid = world.at(HOUR).paid("k1");
        world.see(&paid);
        assert!(world.open_reviews().is_empty(), "the PG showed it after all");
        assert_eq!(world.status(), PaymentStatus::Paid);
    }
}

#[test]
fn claim_lives_for_an_hour_of_answers_that_do_not_know_it() {
    let mut world = World::before_confirm();
    world.claim(Some("k1"), None, false);
    for (second, status) in
        [(1, PaymentStatus::Confirming), (HOUR, PaymentStatus::Ready), (HOUR + 1, PaymentStatus::Ready)]
    {
        world.at(second).look_up("k1", Vec::new());
        assert_eq!(world.status(), status, "{second}");
    }
    assert!(!world.charge("k1").claim.as_ref().unwrap().is_open);
}

#[test]
fn claim_that_no_answer_denied_is_believed_for_longer() {
    let mut world = World::before_confirm();
    world.claim(Some("k1"), None, false);
    world.at(5 * HOUR).change(|_, _| ());
    assert_eq!(world.status(), PaymentStatus::Confirming, "nobody has answered yet");
    world.look_up("k1", Vec::new());
    assert!(world.charge("k1").claim.as_ref().unwrap().is_open, "an hour of answers, not one answer");
    world.at(6 * HOUR).look_up("k1", Vec::new());
    assert!(!world.charge("k1").claim.as_ref().unwrap().is_open);
}

#[test]
fn claim_shown_unpaid_is_no_longer_confirming() {
    let mut world = World::before_confirm();
    world.claim(Some("k1"), None, false);
    let open = world.shown("k1", PgStatus::Open);
    world.at(1).see(&open);
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn unnamed_claim_ends_by_complete_answers_of_its_order() {
    let mut world = World::before_confirm();
    world.claim(None, None, false);
    world.at(1).look_up_order(Vec::new(), true);
    assert_eq!(world.status(), PaymentStatus::Confirming);
    world.at(HOUR + 1).look_up_order(Vec::new(), true);
    assert_eq!(world.status(), PaymentStatus::Ready);
}

#[test]
fn money_absent_from_two_answers_is_a_review() {
    let mut world = World::before_confirm();
    world.pay("k1");
    world.at(HOUR).look_up("k1", Vec::new());
    assert!(world.open_reviews().is_empty(), "one answer may lag");
    world.at(HOUR + 59).look_up("k1", Vec::new());
    assert!(world.open_reviews().is_empty(), "so may another that comes soon");
    world.at(HOUR + 60).look_up("k1", Vec::new());
    assert_eq!(world.open_reviews(), ["charge_vanished"]);
    assert_eq!(world.status(), PaymentStatus::Paid, "nothing else follows");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    world.at(2 * HOUR).see(&paid);
    assert!(world.open_reviews().is_empty());
}

#[test]
fn charge_that_ended_unpaid_may_be_gone_at_the_pg() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    for second in [HOUR, 2 * HOUR] {
        world.at(second).look_up("k1", Vec::new());
        assert!(world.open_reviews().is_empty());
    }
    assert_eq!(world.status(), PaymentStatus::Failed);
}
