//! An answer that shows less than was shown before is believed the second time, and not before.

use super::sample::{HOUR, PRICE, VISIBLE, World, listed};
use crate::{
    model::{CancelStatus, Money, Outcome, PaymentStatus, PgCancelStatus, PgStatus, Snapshot},
    store::Why,
};

/// A world with a charge `k1`, and an answer that shows less of it than was shown before.
type Case = (&'static str, fn() -> (World, Snapshot));

const LESS: [Case; 5] = [
    ("money", || {
        let mut world = World::on_confirm();
        world.pay("k1");
        let less = world.shown("k1", PgStatus::Open);
        (world, less)
    }),
    ("cancelled sum", || {
        let mut world = World::on_confirm();
        world.pay("k1");
        let paid = world.charge("k1").snapshot.clone().unwrap();
        world.see(&paid.clone().with_cancel(listed(4_000, None)));
        (world, paid)
    }),
    ("done cancel", || {
        let mut world = World::on_confirm();
        world.pay("k1");
        let paid = world.charge("k1").snapshot.clone().unwrap();
        let id = world.cancel(4_000);
        world.see(&paid.clone().with_cancel(listed(4_000, Some(&id))));
        // Another's cancel of the same amount hides that ours is not there.
        (world, paid.with_cancel(listed(4_000, None)))
    }),
    ("account", || {
        let mut world = World::on_confirm();
        world.confirm("k1");
        let account = world.shown("k1", PgStatus::Open).with_account(3 * HOUR);
        world.see(&account);
        let less = world.shown("k1", PgStatus::Open);
        (world, less)
    }),
    ("deposit", || {
        let mut world = World::on_confirm();
        world.confirm("k1");
        let account = world.shown("k1", PgStatus::Open).with_account(3 * HOUR);
        world.see(&account);
        world.see(&account.clone().with_money_at(5));
        (world, account)
    }),
];

#[test]
fn less_is_believed_when_two_answers_apart_show_it() {
    for (what, case) in LESS {
        let (mut world, less) = case();
        let (before, announced) = (world.charge("k1").snapshot.clone(), world.events.len());
        for second in [100, 100 + VISIBLE - 1] {
            world.at(second).see(&less);
            assert_eq!(world.charge("k1").snapshot, before, "{what} at {second}");
            assert_eq!(world.events.len(), announced, "{what} at {second}");
        }
        world.at(100 + VISIBLE).see(&less);
        assert_ne!(world.charge("k1").snapshot, before, "{what}");
        assert_eq!(world.charge("k1").less_seen_at, None, "{what}");
    }
}

#[test]
fn less_owes_the_look_up_that_decides() {
    for (what, case) in LESS {
        let (mut world, less) = case();
        world.at(100).see(&less);
        let decides = |owed: &&crate::store::OwedLookUp| owed.why == Why::Less;
        let owed: Vec<_> = world.record.checks.owed.iter().filter(decides).map(|owed| owed.at).collect();
        assert_eq!(owed, [super::sample::at(100 + VISIBLE)], "{what}");
    }
}

#[test]
fn answer_that_shows_it_again_restarts_the_wait() {
    for (what, case) in LESS {
        let (mut world, less) = case();
        let all = world.charge("k1").snapshot.clone().unwrap();
        world.at(100).see(&less);
        world.at(120).see(&all);
        world.at(100 + VISIBLE).see(&less);
        assert_eq!(world.charge("k1").snapshot, Some(all), "{what}: it was shown in between");
    }
}

#[test]
fn clock_in_doubt_believes_no_less() {
    let (mut world, less) = LESS[0].1();
    world.at(100).see(&less);
    world.is_clock_trusted = false;
    world.at(HOUR).see(&less);
    assert_eq!(world.status(), PaymentStatus::Paid);
}

#[test]
fn clock_in_doubt_owes_no_further_look_up() {
    let (mut world, less) = LESS[0].1();
    world.at(100).see(&less);
    world.is_clock_trusted = false;
    for minute in 1..=10 {
        // What the answer did not pay is put off.
        world.change(|draft, context| {
            draft.record.checks.owed.iter_mut().for_each(|owed| owed.at = owed.at.max(context.now));
        });
        world.at(100 + minute * 60).see(&less);
    }
    let decides = world.record.checks.owed.iter().filter(|owed| owed.why == Why::Less);
    assert_eq!(decides.count(), 1, "{:?}", world.record.checks.owed);
}

#[test]
fn accepted_money_that_is_gone_is_a_review() {
    for part in [0, PRICE - 1] {
        let (mut world, gone) = LESS[0].1();
        let all = world.charge("k1").snapshot.clone().unwrap();
        let less = if part == 0 { gone } else { Snapshot { paid: Money::krw(part), ..all } };
        world.at(100).see(&less);
        assert!(world.open_reviews().is_empty());
        world.at(200).see(&less);
        assert!(world.open_reviews().contains(&"accepted_changed"), "{part}");
        assert!(world.charge("k1").cancels.is_empty(), "nothing is sent");
    }
}

#[test]
fn vanished_money_of_a_card_is_no_waiting_account() {
    let (mut world, less) = LESS[0].1();
    world.at(100).see(&less);
    world.at(200).see(&less);
    assert_eq!(world.status(), PaymentStatus::Confirming, "the PG said it took the money");
    let mut world = World::before_confirm();
    world.pay("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.at(100).see(&failed);
    world.at(200).see(&failed);
    assert_eq!(world.status(), PaymentStatus::Failed);
    assert!(world.open_reviews().contains(&"accepted_changed"));
}

#[test]
fn reversed_deposit_waits_again_without_a_review() {
    let (mut world, reversed) = LESS[4].1();
    assert_eq!(world.status(), PaymentStatus::Paid);
    world.at(100).see(&reversed);
    world.at(200).see(&reversed);
    assert_eq!(world.status(), PaymentStatus::AwaitingDeposit);
    assert_eq!(world.kinds(), ["payment.deposit_reversed"]);
    assert!(world.open_reviews().is_empty());
    assert_eq!(world.record.payment.shown.paid_at, None);
    let again = reversed.with_money_at(300);
    world.at(300).see(&again);
    assert_eq!((world.status(), world.kinds()), (PaymentStatus::Paid, vec!["payment.paid"]));
}

#[test]
fn pg_that_lists_no_cancels_is_compared_by_the_sum() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let paid = Snapshot { cancels: None, ..world.paid("k1") };
    let id = world.cancel(4_000);
    world.change(|draft, context| {
        let cancel = draft.record.cancel_mut(&id).unwrap();
        cancel.status = CancelStatus::Done;
        cancel.dispatch.as_mut().unwrap().end(Outcome::Done, context.now);
    });
    world.at(5).see(&paid);
    assert!(world.charge("k1").less_seen_at.is_some(), "the cancel that is done is not in the sum");
    let mut shown = paid.with_cancel(listed(4_000, None));
    shown.cancels = None;
    world.at(10).see(&shown);
    assert_eq!(world.charge("k1").less_seen_at, None);
}

#[test]
fn refund_that_failed_is_not_less() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let id = world.cancel(4_000);
    let mut refund = listed(4_000, Some(&id));
    refund.status = PgCancelStatus::Pending;
    world.see(&paid.clone().with_cancel(refund.clone()));
    refund.status = PgCancelStatus::Failed;
    world.at(100).see(&paid.with_cancel(refund));
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Refused);
    assert_eq!(world.open_reviews(), ["failed_refund"]);
}
