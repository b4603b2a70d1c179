//! What a change announces, and that every won is in exactly one event (invariant 11).

use super::sample::{DAY, DEADLINE, HOUR, PRICE, World, listed};
use crate::{
    lifecycle::decision,
    model::{
        CancelStatus, EventKind, LatePayments, Money, Movement, Operation, PgCancelStatus, PgStatus,
        Snapshot, SnapshotCancel,
    },
};

fn moved(movement: Option<&Movement>) -> Option<(i64, i64)> {
    movement.map(|moved| (moved.paid, moved.cancelled))
}

/// The sum of what all events moved in a charge.
fn sum(world: &World, name: &str) -> (i64, i64) {
    let id = &world.charge(name).id;
    let movements = world.events.iter().filter_map(|event| event.movement.as_ref());
    movements
        .filter(|moved| moved.charge == *id)
        .fold((0, 0), |sum, moved| (sum.0 + moved.paid, sum.1 + moved.cancelled))
}

#[test]
fn events_are_numbered_from_one_across_changes() {
    let mut world = World::on_confirm();
    world.pay("k1");
    world.cancel(1_000);
    let numbers: Vec<_> = world.events.iter().map(|event| event.number).collect();
    let expected: Vec<u64> = (1..=u64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, expected);
    let kinds: Vec<_> = world.events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(kinds, ["payment.registered", "payment.confirming", "payment.paid", "cancel.requested"]);
}

#[test]
fn event_shows_the_payment_after_the_change() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let event = world.events.last().unwrap();
    assert_eq!(event.payment.payment, world.record.payment);
    assert_eq!(event.payment.payment.version, world.record.payment.version);
}

#[test]
fn money_is_announced_with_the_status_that_it_makes() {
    let mut world = World::on_confirm();
    world.pay("k1");
    assert_eq!(moved(world.news[0].movement.as_ref()), Some((10_000, 0)));
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let part = paid.with_cancel(listed(4_000, None));
    world.see(&part);
    assert_eq!(world.kinds(), ["payment.partially_cancelled", "cancel.done"]);
    assert_eq!(moved(world.news[0].movement.as_ref()), Some((0, 4_000)));
    let more = part.with_cancel(listed(1_000, None));
    world.see(&more);
    assert_eq!(world.kinds(), ["payment.amounts_updated", "cancel.done"], "the status is the same");
    world.see(&more.with_cancel(listed(5_000, None)));
    assert_eq!(world.kinds(), ["payment.cancelled", "cancel.done"]);
    assert_eq!(sum(&world, "k1"), (10_000, 10_000));
}

#[test]
fn money_that_came_and_went_at_once_is_in_one_event() {
    let mut world = World::before_confirm();
    let gone = world.paid("k1").with_cancel(listed(PRICE, None));
    world.see(&gone);
    assert_eq!(world.kinds(), ["payment.cancelled", "cancel.done"]);
    assert_eq!(moved(world.news[0].movement.as_ref()), Some((10_000, 10_000)));
}

#[test]
fn refund_that_failed_moves_back_and_is_no_second_paid() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let id = world.cancel(PRICE);
    let entry = |status| SnapshotCancel { status, ..listed(PRICE, Some(&id)) };
    world.see(&paid.clone().with_cancel(entry(PgCancelStatus::Pending)));
    assert_eq!(world.kinds(), ["payment.cancelled", "cancel.pending"]);
    world.at(HOUR).see(&paid.with_cancel(entry(PgCancelStatus::Failed)));
    assert_eq!(world.kinds(), ["payment.amounts_updated", "cancel.refused", "payment.review_opened"]);
    assert_eq!(moved(world.news[0].movement.as_ref()), Some((0, -10_000)));
    assert_eq!(sum(&world, "k1"), (10_000, 0));
}

#[test]
fn deposit_that_comes_again_is_announced_again() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(DAY);
    world.see(&account);
    assert_eq!(world.kinds(), ["payment.awaiting_deposit"]);
    for round in [0, 1_000] {
        world.at(round + 5).see(&account.clone().with_money_at(round + 5));
        assert_eq!(world.kinds(), ["payment.paid"]);
        world.at(round + 100).see(&account);
        world.at(round + 200).see(&account);
        assert_eq!(world.kinds(), ["payment.deposit_reversed"]);
        assert_eq!(moved(world.news[0].movement.as_ref()), Some((-10_000, 0)));
    }
    assert_eq!(sum(&world, "k1"), (0, 0));
}

#[test]
fn charges_beside_the_order_have_events_of_their_own() {
    type Case = (&'static str, fn(&mut World) -> Snapshot);
    let cases: [Case; 3] = [
        ("mismatch", |world| world.shown("k2", PgStatus::Paid).with_total(7_000).with_money_at(0)),
        ("duplicate", |world| {
            world.pay("k1");
            world.paid("k2")
        }),
        ("late", |world| {
            world.late_payments = LatePayments::Cancel;
            let paid = world.shown("k2", PgStatus::Paid).with_money_at(DEADLINE + HOUR);
            world.at(2 * DAY);
            paid
        }),
    ];
    for (what, case) in cases {
        let mut world = World::before_confirm();
        let shown = case(&mut world);
        world.see(&shown);
        assert!(world.kinds().contains(&format!("payment.{what}_found").as_str()), "{:?}", world.kinds());
        let back = world.charge("k2").compensation().unwrap().id.clone();
        let amount = shown.paid.amount();
        world.see(&shown.with_cancel(listed(amount, Some(&back))));
        assert!(world.kinds().contains(&format!("payment.{what}_cancelled").as_str()), "{:?}", world.kinds());
        let amount = i64::try_from(amount).unwrap();
        assert_eq!(sum(&world, "k2"), (amount, amount), "{what}");
    }
}

#[test]
fn undecided_money_is_no_mismatch() {
    let mut world = World::before_confirm();
    world.is_clock_trusted = false;
    let paid = world.at(2 * DAY).paid("k1");
    world.see(&paid);
    assert_eq!(world.kinds(), ["payment.confirming"]);
    assert_eq!(sum(&world, "k1"), (10_000, 0));
    world.is_clock_trusted = true;
    world.see(&paid);
    assert_eq!(world.kinds(), ["payment.paid"]);
    assert_eq!(sum(&world, "k1"), (10_000, 0));
}

#[test]
fn repeat_of_a_cancel_announces_nothing() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let id = world.cancel(1_000);
    let operation = Operation::Cancel(id.clone());
    let unknown = |world: &mut World| {
        world.change(|draft, _| draft.set_status(&operation, CancelStatus::Unknown));
    };
    unknown(&mut world);
    assert_eq!(world.kinds(), ["cancel.unknown"]);
    for _ in 0..5 {
        world.change(|draft, context| draft.send(&operation, context));
        assert!(world.kinds().is_empty());
        unknown(&mut world);
        assert!(world.kinds().is_empty(), "it was unknown before");
    }
    let paid = world.charge("k1").snapshot.clone().unwrap();
    world.see(&paid.with_cancel(listed(1_000, Some(&id))));
    assert_eq!(world.kinds(), ["payment.partially_cancelled", "cancel.done"]);
}

#[test]
fn repeat_of_what_was_not_done_announces_nothing() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let operation = Operation::Cancel(world.cancel(1_000));
    for _ in 0..5 {
        world.change(|draft, _| draft.set_status(&operation, CancelStatus::Requested));
        assert!(world.kinds().is_empty());
        world.change(|draft, context| draft.send(&operation, context));
        assert!(world.kinds().is_empty());
    }
}

#[test]
fn review_is_announced_when_it_opens_and_when_it_closes() {
    let mut world = World::before_confirm();
    let live = Snapshot { mode: Some(crate::model::Mode::Live), ..world.paid("k1") };
    world.see(&live);
    assert_eq!(world.kinds(), ["payment.mismatch_found", "payment.review_opened"]);
    world.change(|draft, context| {
        decision::decide(draft, 1, crate::model::ReviewOutcome::Done, "kim", "fine", context)
    });
    assert_eq!(world.kinds(), ["payment.paid", "payment.review_closed"]);
    assert_eq!(world.news[0].movement, None, "its money was announced before");
    assert_eq!(sum(&world, "k1"), (10_000, 0));
}

#[test]
fn event_of_a_cancel_names_it() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let id = world.cancel(1_000);
    let [event] = &world.news[..] else { panic!("one event") };
    assert_eq!((event.kind, event.cancel.as_ref()), (EventKind::Cancel(CancelStatus::Requested), Some(&id)));
}

#[test]
fn change_of_nothing_is_no_commit() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let version = world.record.payment.version;
    world.change(|_, _| ());
    assert_eq!(world.record.payment.version, version);
    assert_eq!(world.record.payment.shown.amount_paid, Money::krw(PRICE));
}
