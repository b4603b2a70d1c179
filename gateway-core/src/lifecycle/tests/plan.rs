//! The rows of the table on top of the plan: what is owed when, and that nothing is owed for ever.

use super::sample::{DAY, DEADLINE, FINAL, HOUR, START, VISIBLE, World, at, listed};
use crate::{
    model::{
        CancelStatus, LookUpSubject, MoneyMoves, Operation, Outcome, PgCancelStatus, PgStatus, SnapshotCancel,
    },
    store::Why,
};

/// The first whole seconds in which look-ups are owed for a reason.
fn owed(world: &World, why: Why) -> Vec<i64> {
    let owed = world.record.checks.owed.iter().filter(|owed| owed.why == why);
    let whole = |at: jiff::Timestamp| at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let mut seconds: Vec<_> = owed.map(|owed| whole(owed.at) - START).collect();
    seconds.sort_unstable();
    seconds
}

/// Whether a moment is that many seconds later, or up to a tenth more.
fn is_about(second: i64, expected: i64) -> bool {
    (expected..=expected + expected / 10 + 1).contains(&second)
}

fn now(world: &World) -> i64 {
    world.now.as_second() - START
}

#[test]
fn request_owes_a_look_up_at_its_final_time() {
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    assert_eq!(owed(&world, Why::FinalTime), [FINAL]);
    world.at(30).change(|draft, context| draft.send(&Operation::Confirm(id), context));
    assert_eq!(owed(&world, Why::FinalTime), [30 + FINAL], "of several sends the newest is final last");
}

#[test]
fn final_time_stays_owed_whatever_the_payment_shows() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let paid = world.paid("k1");
    world.at(1).see(&paid);
    assert_eq!(owed(&world, Why::FinalTime), [FINAL], "its request was never answered");
    world.at(FINAL).see(&paid);
    assert!(owed(&world, Why::FinalTime).is_empty());
}

#[test]
fn sender_is_waited_for_before_its_request_is_looked_up() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    assert_eq!(owed(&world, Why::Uncertain), [40], "ten seconds to leave, and the read timeout");
    assert_eq!(world.record.checks.pending[0].next_at, Some(at(40)), "then another may continue");
}

#[test]
fn uncertain_money_is_looked_up_on_the_schedule() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    world.at(40);
    let open = world.shown("k1", PgStatus::Open);
    // The first look-up counts as the first try.
    for step in [5, 15, 60, 300] {
        world.see(&open);
        let [next] = owed(&world, Why::Uncertain)[..] else { panic!("one is owed") };
        assert!(is_about(next - now(&world), step), "{} after {step}", next - now(&world));
        world.at(next);
    }
}

#[test]
fn known_money_is_not_uncertain() {
    let mut world = World::on_confirm();
    world.pay("k1");
    assert!(owed(&world, Why::Uncertain).is_empty());
    assert!(world.record.checks.pending.is_empty());
}

#[test]
fn open_claim_and_pending_charge_are_uncertain() {
    let mut world = World::before_confirm();
    world.claim(Some("k1"), None, false);
    assert!(is_about(owed(&world, Why::Uncertain)[0], 2));
    let mut world = World::before_confirm();
    let pending = world.shown("k1", PgStatus::Pending);
    world.see(&pending);
    assert_eq!(owed(&world, Why::Uncertain).len(), 1);
}

#[test]
fn hint_is_checked_again_when_the_pg_can_no_longer_lag() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let (subject, paid) = (world.charge("k1").subject(), world.charge("k1").snapshot.clone().unwrap());
    world.at(1_000).change(|draft, context| draft.owe(subject, context.now, Why::Hint));
    world.at(1_001).see(&paid);
    assert_eq!((owed(&world, Why::Hint), owed(&world, Why::Recheck)), (vec![], vec![1_001 + VISIBLE]));
    world.at(1_001 + VISIBLE).see(&paid);
    assert!(owed(&world, Why::Recheck).is_empty(), "once");
}

#[test]
fn owed_look_up_is_paid_only_by_one_asked_at_its_time_or_later() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let (subject, paid) = (world.charge("k1").subject(), world.charge("k1").snapshot.clone().unwrap());
    world.change(|draft, _| draft.owe(subject.clone(), at(100), Why::Hint));
    world.at(200).answer(&subject, vec![paid.clone()], true, at(99));
    assert_eq!(owed(&world, Why::Hint), [100], "it was asked before");
    world.answer(&subject, vec![paid], true, at(100));
    assert!(owed(&world, Why::Hint).is_empty());
}

/// What each answer covers: `(asked about, complete, whether the PG shows whole orders, what is paid of: the charge, another
/// of its order id, the order id, another order id)`.
#[test]
fn answer_pays_what_it_covers() {
    let charge = |name: &str| LookUpSubject::Charge { attempt: 1, pg_payment_id: super::sample::pg_id(name) };
    for (subject, complete, shows_whole_orders, expected) in [
        (charge("k1"), true, true, [true, false, false, false]),
        (charge("k1"), false, true, [false, false, false, false]),
        (charge("k1"), false, false, [false, false, false, false]),
        (LookUpSubject::Attempt(1), true, true, [true, true, true, false]),
        (LookUpSubject::Attempt(1), false, true, [false, false, false, false]),
        (LookUpSubject::Attempt(1), false, false, [false, false, true, false]),
        (LookUpSubject::Attempt(2), true, true, [false, false, false, true]),
    ] {
        let mut world = World::on_confirm();
        world.description.shows_whole_orders = shows_whole_orders;
        world.open(super::sample::ON_CONFIRM);
        let owed = [charge("k1"), charge("k2"), LookUpSubject::Attempt(1), LookUpSubject::Attempt(2)];
        for subject in &owed {
            world.change(|draft, context| draft.owe(subject.clone(), context.now, Why::Decision));
        }
        world.answer(&subject, Vec::new(), complete, at(1));
        let is_over = |of| !world.record.checks.owed.iter().any(|owed| owed.of == of);
        assert_eq!(owed.map(is_over), expected, "{subject:?} {complete} {shows_whole_orders}");
    }
}

#[test]
fn deadline_is_a_timer_of_its_own() {
    let mut world = World::on_confirm();
    assert_eq!(world.record.checks.deadline, Some(at(DEADLINE + 1)));
    assert_eq!(world.record.checks.due_at(), Some(at(DEADLINE + 1)));
    world.at(DEADLINE + 1).change(|_, _| ());
    assert_eq!(world.record.checks.due_at(), None, "nothing is due any more");
}

#[test]
fn order_id_of_a_window_taking_money_is_checked_for_a_week() {
    let mut world = World::before_confirm();
    assert_eq!(owed(&world, Why::Deadline), [DEADLINE + 1]);
    let mut asked = Vec::new();
    while let [next] = owed(&world, Why::Deadline)[..] {
        assert!(asked.len() < 30, "not for ever: {asked:?}");
        asked.push(next);
        world.at(next).look_up_order(Vec::new(), true);
    }
    assert_eq!(asked[0], DEADLINE + 1);
    assert!(asked.windows(2).all(|two| two[1] - two[0] <= DAY + DAY / 10), "daily: {asked:?}");
    assert_eq!(asked.last(), Some(&(DEADLINE + 7 * DAY + 1)), "and at the end: {asked:?}");
    assert_eq!(world.record.checks.due_at(), None);
}

#[test]
fn every_window_is_looked_up_until_money_pays_the_order() {
    let mut world = World::before_confirm();
    world.open(MoneyMoves::BeforeConfirm);
    assert_eq!(owed(&world, Why::Deadline).len(), 2);
    world.pay("k1");
    assert!(owed(&world, Why::Deadline).is_empty());
}

#[test]
fn window_that_takes_money_on_confirm_is_not_looked_up() {
    let world = World::on_confirm();
    assert!(owed(&world, Why::Deadline).is_empty());
}

#[test]
fn moved_deadline_takes_its_look_ups_along() {
    let mut world = World::before_confirm();
    world.at(HOUR).change(|draft, _| draft.record.payment.expires_at = at(3 * DAY));
    assert_eq!(owed(&world, Why::Deadline), [3 * DAY + 1]);
    assert_eq!(world.record.checks.deadline, Some(at(3 * DAY + 1)));
}

#[test]
fn account_is_looked_up_daily_at_its_due_time_and_an_hour_later() {
    let due = 2 * DAY + 2 * HOUR;
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(due);
    world.see(&account);
    let mut asked = Vec::new();
    while let [next] = owed(&world, Why::Deposit)[..] {
        asked.push(next);
        world.at(next).see(&account);
        assert!(asked.len() < 30, "not for ever: {asked:?}");
    }
    assert!(asked.contains(&due) && asked.contains(&(due + HOUR)), "{asked:?}");
    assert!(asked.windows(2).all(|two| two[1] - two[0] <= DAY + DAY / 10), "{asked:?}");
    assert!(asked.len() <= 14, "PGs ask not to poll: {asked:?}");
    assert!(asked.last().unwrap() > &(due + 7 * DAY));
}

#[test]
fn paid_is_looked_up_again_where_the_list_shows_no_part_cancels() {
    let mut world = World::before_confirm();
    world.at(100).pay("k1");
    assert_eq!(owed(&world, Why::Paid), [100 + DAY, 100 + 7 * DAY, 100 + 30 * DAY]);
    let mut world = World::on_confirm();
    world.pay("k1");
    assert!(owed(&world, Why::Paid).is_empty(), "the sweep finds them");
}

#[test]
fn deposit_is_looked_up_for_days_and_not_once_reversed() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(DAY);
    world.see(&account);
    world.at(100).see(&account.clone().with_money_at(100));
    assert_eq!(owed(&world, Why::Paid), [1, 2, 3].map(|days| 100 + days * DAY));
    world.at(200).see(&account);
    world.at(200 + VISIBLE).see(&account);
    assert!(owed(&world, Why::Paid).is_empty());
}

#[test]
fn refund_under_way_is_looked_up_from_an_hour_on() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let id = world.cancel(4_000);
    let pending = SnapshotCancel { status: PgCancelStatus::Pending, ..listed(4_000, Some(&id)) };
    let shown = paid.with_cancel(pending);
    world.see(&shown);
    for step in [HOUR, 6 * HOUR, DAY, DAY] {
        let [next] = owed(&world, Why::Refund)[..] else { panic!("one is owed") };
        assert!(is_about(next - now(&world), step), "{} after {step}", next - now(&world));
        world.at(next).see(&shown);
    }
}

#[test]
fn pending_operations_are_those_that_may_go_out() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let id = world.charge("k2").compensation().unwrap().id.clone();
    let pending: Vec<_> =
        world.record.checks.pending.iter().map(|pending| pending.operation.clone()).collect();
    assert_eq!(pending, [Operation::Cancel(id.clone())]);
    assert_eq!(world.record.checks.pending[0].next_at, Some(world.now), "at once");
    world.change(|draft, context| {
        let cancel = draft.record.cancel_mut(&id).unwrap();
        cancel.status = CancelStatus::Done;
        cancel
            .dispatch
            .get_or_insert(crate::model::Dispatch::first(context.now, "first"))
            .end(Outcome::Done, context.now);
    });
    assert!(world.record.checks.pending.is_empty());
}

#[test]
fn tries_of_an_operation_survive_other_changes() {
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    let operation = Operation::Confirm(id);
    world.change(|draft, _| {
        draft.record.checks.pending[0].tries = 5;
        draft.record.checks.pending[0].next_at = Some(at(DAY));
    });
    let open = world.shown("k1", PgStatus::Open);
    for second in [50, 60, 80] {
        world.at(second).see(&open);
    }
    assert_eq!(world.record.checks.tries(&operation), 5);
    assert_eq!(world.record.checks.pending[0].next_at, Some(at(DAY)));
}

#[test]
fn clock_in_doubt_is_asked_about_lateness_again_in_a_minute() {
    let mut world = World::before_confirm();
    world.is_clock_trusted = false;
    let paid = world.at(2 * DAY).paid("k1");
    world.see(&paid);
    assert_eq!(owed(&world, Why::Recheck), [2 * DAY + 60]);
}

#[test]
fn same_look_up_is_owed_once() {
    let mut world = World::on_confirm();
    for _ in 0..100 {
        world.change(|draft, _| draft.owe(LookUpSubject::Attempt(1), at(500), Why::Hint));
    }
    assert_eq!(owed(&world, Why::Hint), [500]);
}
