//! When a person is asked, and when a review ends by itself.

use super::sample::{DAY, HOUR, Happens, PRICE, World, listed};
use crate::model::{
    CancelStatus, Dispatch, Failure, FailureReason, Operation, PgCancelStatus, PgStatus, Review,
    ReviewClosing, ReviewReason, SnapshotCancel,
};

const WEEK: i64 = 7 * DAY;

fn review(world: &World) -> &Review {
    world.record.payment.reviews.last().unwrap()
}

#[test]
fn unknown_outcomes_become_reviews_after_a_week() {
    let cases: [(&str, Happens); 3] = [
        ("unknown_confirm", |world| drop(world.confirm("k1"))),
        ("unknown_cancel", |world| {
            world.pay("k1");
            world.cancel(1_000);
        }),
        ("unknown_close", |world| {
            world.confirm("k1");
            let account = world.shown("k1", PgStatus::Open).with_account(30 * DAY);
            world.see(&account);
            world.close_account();
        }),
    ];
    for (reason, case) in cases {
        let mut world = World::on_confirm();
        case(&mut world);
        world.at(WEEK - 1).change(|_, _| ());
        assert!(world.open_reviews().is_empty(), "{reason}");
        world.at(WEEK).change(|_, _| ());
        assert_eq!(world.open_reviews(), [reason]);
        assert_eq!(world.kinds(), ["payment.review_opened"]);
        let version = world.record.payment.version;
        world.at(WEEK + DAY).change(|_, _| ());
        assert_eq!(world.record.payment.version, version, "one review is enough");
    }
}

#[test]
fn week_of_an_unknown_cancel_begins_with_its_first_send() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let id = world.charge("k2").compensation().unwrap().id.clone();
    world.at(3 * DAY).change(|draft, context| draft.send(&Operation::Cancel(id), context));
    world.at(WEEK).change(|_, _| ());
    assert!(world.open_reviews().is_empty());
    world.at(3 * DAY + WEEK).change(|_, _| ());
    assert_eq!(world.open_reviews(), ["unknown_cancel"]);
}

#[test]
fn what_could_never_be_sent_is_a_review_after_a_week() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    world.at(WEEK).change(|_, _| ());
    assert_eq!(world.open_reviews(), ["unknown_cancel"]);
}

#[test]
fn review_ends_when_the_pg_answers_after_all() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(WEEK).change(|_, _| ());
    let paid = world.at(WEEK + 5).paid("k1");
    world.see(&paid);
    assert!(world.open_reviews().is_empty());
    assert_eq!(review(&world).closing, Some(ReviewClosing::Resolved { at: world.now }));
    assert!(world.kinds().contains(&"payment.review_closed"));
}

#[test]
fn refused_compensation_is_a_review_until_the_money_is_back() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let id = world.charge("k2").compensation().unwrap().id.clone();
    world.change(|draft, _| {
        draft.record.cancel_mut(&id).unwrap().refuse(Failure::of(FailureReason::NotCancellable))
    });
    assert_eq!(world.open_reviews(), ["compensation_refused"]);
    world.at(HOUR).see(&second.clone().with_cancel(listed(4_000, None)));
    assert_eq!(world.open_reviews(), ["compensation_refused"], "a part is not all");
    world.see(&second.with_cancel(listed(4_000, None)).with_cancel(listed(6_000, None)));
    assert!(world.open_reviews().is_empty(), "it was given back by hand");
}

#[test]
fn cancel_that_the_pg_refused_the_merchant_is_no_review() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let id = world.cancel(1_000);
    world.change(|draft, _| {
        draft.record.cancel_mut(&id).unwrap().refuse(Failure::of(FailureReason::NotCancellable))
    });
    assert!(world.open_reviews().is_empty());
}

#[test]
fn failed_refund_is_a_review_until_as_much_came_through() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let id = world.cancel(4_000);
    let failed = SnapshotCancel { status: PgCancelStatus::Failed, ..listed(4_000, Some(&id)) };
    let shown = paid.with_cancel(failed);
    world.see(&shown);
    assert_eq!(world.open_reviews(), ["failed_refund"]);
    let pending = SnapshotCancel { status: PgCancelStatus::Pending, ..listed(4_000, None) };
    let mut on_its_way = shown.clone().with_cancel(pending);
    world.see(&on_its_way);
    assert_eq!(world.open_reviews(), ["failed_refund"], "on its way is not there");
    on_its_way.cancels.as_mut().unwrap()[1].status = PgCancelStatus::Done;
    world.see(&on_its_way);
    assert!(world.open_reviews().is_empty());
}

#[test]
fn one_refund_makes_good_one_that_failed_and_not_two() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let mut shown = world.charge("k1").snapshot.clone().unwrap();
    for name in ["a", "b"] {
        let failed = SnapshotCancel {
            status: PgCancelStatus::Failed,
            pg_cancel_id: Some(name.to_owned()),
            ..listed(4_000, None)
        };
        shown = shown.with_cancel(failed);
        world.see(&shown);
    }
    assert_eq!(world.open_reviews(), ["failed_refund", "failed_refund"]);
    let back =
        |name: &str, amount| SnapshotCancel { pg_cancel_id: Some(name.to_owned()), ..listed(amount, None) };
    let shown = shown.with_cancel(back("c", 4_000));
    world.see(&shown);
    assert_eq!(world.open_reviews(), ["failed_refund"]);
    world.see(&shown.with_cancel(back("d", PRICE - 4_000)));
    assert!(world.open_reviews().is_empty(), "all the money is back: nothing is owed");
}

#[test]
fn what_happened_at_one_moment_is_a_persons_to_close() {
    let mut world = World::before_confirm();
    let live = crate::model::Snapshot { mode: Some(crate::model::Mode::Live), ..world.paid("k1") };
    world.see(&live);
    assert_eq!(world.open_reviews(), ["mismatch_not_cancelled"]);
    world.at(HOUR).see(&live.with_cancel(listed(PRICE, None)));
    assert_eq!(world.open_reviews(), ["mismatch_not_cancelled"]);
}

#[test]
fn review_of_one_charge_says_nothing_of_another() {
    let mut world = World::before_confirm();
    for name in ["k1", "k2"] {
        let live = crate::model::Snapshot { mode: Some(crate::model::Mode::Live), ..world.paid(name) };
        world.see(&live);
    }
    assert_eq!(world.open_reviews().len(), 2);
    assert_ne!(world.record.payment.reviews[0].about, world.record.payment.reviews[1].about);
    let numbers: Vec<_> = world.record.payment.reviews.iter().map(|review| review.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn vanished_charge_is_one_review_however_often_it_is_missed() {
    let mut world = World::before_confirm();
    world.pay("k1");
    for hour in 1..20 {
        world.at(hour * HOUR).look_up("k1", Vec::new());
    }
    assert_eq!(world.record.payment.reviews.len(), 1);
}

#[test]
fn every_reason_has_a_word_and_an_advice() {
    for reason in ReviewReason::ALL {
        assert!(reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(reason.advice().to_lowercase().contains("close as "), "{}", reason.name());
    }
    let mut names = ReviewReason::ALL.map(ReviewReason::name).to_vec();
    names.dedup();
    assert_eq!(names.len(), 14);
    let sent = Dispatch::first(super::sample::at(0), "first");
    assert!(sent.outcome().is_none() && CancelStatus::Unknown.is_unresolved());
}
