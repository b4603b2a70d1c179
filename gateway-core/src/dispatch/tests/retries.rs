//! When an operation goes out again: the schedule, the guards that hold at that moment, disputes (invariants 5, 7, 10, 16).

use super::{
    super::answer::Setback,
    answers::{Kind, answer, dispatch, failure, pending, retry, sent, words},
};
use crate::{
    dispatch::answer,
    lifecycle::tests::sample::{DAY, FINAL, START, World, at},
    model::{LastResponse, Operation},
};

/// The waits between the sends of an operation that is answered so every time, in seconds.
fn waits(kind: Kind, setback: &Setback, sends: usize) -> Vec<i64> {
    let (mut world, operation) = sent(kind);
    let mut waits = Vec::new();
    for _ in 0..sends {
        answer(&mut world, &operation, setback);
        let Some(next_at) = pending(&world, &operation).and_then(|pending| pending.next_at) else { break };
        waits.push(next_at.duration_since(world.now).as_secs());
        world.now = next_at;
        retry(&mut world, &operation);
    }
    waits
}

fn is_schedule(waits: &[i64], schedule: &[i64]) -> bool {
    let is_near = |(wait, step): (&i64, &i64)| (*step..=step + step / 10).contains(wait);
    waits.len() == schedule.len() && waits.iter().zip(schedule).all(is_near)
}

#[test]
fn repeats_follow_the_schedule_each_with_its_own_count() {
    let schedule = [2, 5, 15, 60, 300, 900, 3_600, 21_600, DAY, DAY, DAY];
    for setback in [Setback::NotSent, Setback::Later(words()), Setback::Unanswered, Setback::Unknown(words())]
    {
        let waits = waits(Kind::Confirm, &setback, 11);
        assert!(is_schedule(&waits, &schedule), "{setback:?}: {waits:?}");
    }
    let waits = waits(Kind::Compensation, &Setback::Refused(failure()), 11);
    assert!(is_schedule(&waits, &schedule), "{waits:?}");
}

#[test]
fn cancel_is_sent_three_times_against_errors_and_no_more() {
    let waits = waits(Kind::Cancel, &Setback::Unknown(words()), 11);
    assert!(is_schedule(&waits, &[2, 5]), "{waits:?}: then a look-up past the final time decides");
}

#[test]
fn balance_guard_alone_waits_for_the_final_time() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let operation = Operation::Cancel(world.cancel(4_000));
    answer(&mut world, &operation, &Setback::Unanswered);
    assert_eq!(pending(&world, &operation).unwrap().next_at, Some(at(FINAL)));
    let mut world = World::before_confirm();
    world.pay("k1");
    let operation = Operation::Cancel(world.cancel(4_000));
    answer(&mut world, &operation, &Setback::Unknown(words()));
    let next_at = pending(&world, &operation).unwrap().next_at.unwrap().as_second() - START;
    assert_eq!(next_at, 2, "an answered error: the balance guard lets one through");
}

#[test]
fn operation_without_a_guard_is_never_repeated() {
    for setback in [Setback::Unanswered, Setback::Unknown(words())] {
        let (mut world, operation) = sent(Kind::Cancel);
        world.description.guards = crate::provider::Guards::default();
        answer(&mut world, &operation, &setback);
        let waits_for = pending(&world, &operation).unwrap();
        assert_eq!(waits_for.next_at, None, "{setback:?}: look-ups or a person end it");
    }
}

#[test]
fn what_is_due_goes_out_only_while_a_guard_holds() {
    // A crash leaves the row as it was sent: nobody has planned its repeat.
    let mut world = World::before_confirm();
    world.pay("k1");
    let operation = Operation::Cancel(world.cancel(4_000));
    for (second, goes) in [(FINAL - 1, false), (FINAL, true)] {
        let may = world.at(second).change(|draft, context| answer::may_go_out(draft, &operation, context));
        assert_eq!(may, goes, "{second}");
    }
    // The credential changed between planning and sending.
    let (mut world, operation) = sent(Kind::Cancel);
    answer(&mut world, &operation, &Setback::Unanswered);
    assert!(world.at(5).change(|draft, context| answer::may_go_out(draft, &operation, context)));
    world.description.credential = "second".to_owned();
    assert!(!world.change(|draft, context| answer::may_go_out(draft, &operation, context)));
    assert_eq!(pending(&world, &operation).unwrap().next_at, Some(at(FINAL)), "by its balance, then");
    // The key has expired at the PG.
    let (mut world, operation) = sent(Kind::Cancel);
    world.description.guards.cancel_part.truncate(1);
    answer(&mut world, &operation, &Setback::Unanswered);
    assert!(!world.at(15 * DAY).change(|draft, context| answer::may_go_out(draft, &operation, context)));
    assert_eq!(pending(&world, &operation).unwrap().next_at, None);
}

#[test]
fn first_send_needs_no_guard() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    world.description.guards = crate::provider::Guards::default();
    let operation = Operation::Cancel(world.charge("k2").compensation().unwrap().id.clone());
    assert!(world.change(|draft, context| answer::may_go_out(draft, &operation, context)));
}

#[test]
fn nothing_goes_back_while_a_dispute_is_open() {
    for kind in [Kind::Cancel, Kind::Compensation] {
        let (mut world, operation) = sent(kind);
        answer(&mut world, &operation, &Setback::NotSent);
        let name = if kind == Kind::Cancel { "k1" } else { "k2" };
        let shown = world.charge(name).snapshot.clone().unwrap();
        world.see(&crate::model::Snapshot { disputed: Some(true), ..shown.clone() });
        world.at(60);
        assert!(!world.change(|draft, context| answer::may_go_out(draft, &operation, context)), "{kind:?}");
        assert_eq!(pending(&world, &operation).unwrap().next_at, None);
        world.see(&crate::model::Snapshot { disputed: Some(false), ..shown });
        assert_eq!(pending(&world, &operation).unwrap().next_at, Some(world.now), "it continues at once");
        assert!(world.change(|draft, context| answer::may_go_out(draft, &operation, context)));
    }
}

#[test]
fn answered_confirm_keeps_its_first_times() {
    let (mut world, operation) = sent(Kind::Confirm);
    answer(&mut world, &operation, &Setback::Unanswered);
    world.at(60);
    retry(&mut world, &operation);
    let sent = dispatch(&world, &operation);
    assert_eq!((sent.first_sent_at, sent.key_sent_at, sent.last_sent_at), (at(0), at(0), at(60)));
    assert_eq!(sent.last_response, LastResponse::Unanswered);
}
