//! Every answer to every operation, for a first send and for a repeat (invariants 3, 5, 7, 10, 12, 16).

use super::super::answer::Setback;
use crate::{
    dispatch::answer,
    lifecycle::tests::sample::{DAY, World, at, listed},
    model::{
        CancelStatus, Dispatch, Failure, FailureReason, Operation, Outcome, PaymentStatus, PgMessage,
        PgStatus,
    },
    store::{PendingOperation, Why},
};

pub(super) fn words() -> PgMessage {
    PgMessage::new("CODE", "text of the PG")
}

pub(super) fn failure() -> Failure {
    Failure::by_pg(FailureReason::NotCancellable, words())
}

/// Every setback.
fn setbacks() -> [(&'static str, Setback); 6] {
    [
        ("not sent", Setback::NotSent),
        ("later", Setback::Later(words())),
        ("unanswered", Setback::Unanswered),
        ("unknown", Setback::Unknown(words())),
        ("declined", Setback::Declined(failure())),
        ("refused", Setback::Refused(failure())),
    ]
}

/// What a request is for, and a payment that has just committed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Confirm,
    Cancel,
    Close,
    Compensation,
}

pub(super) fn sent(kind: Kind) -> (World, Operation) {
    let mut world = World::on_confirm();
    let operation = match kind {
        Kind::Confirm => Operation::Confirm(world.confirm("k1")),
        Kind::Cancel => {
            world.pay("k1");
            Operation::Cancel(world.cancel(4_000))
        }
        Kind::Close => {
            world.confirm("k1");
            let account = world.shown("k1", PgStatus::Open).with_account(30 * DAY);
            world.see(&account);
            Operation::Close(world.close_account())
        }
        Kind::Compensation => {
            world.pay("k1");
            let second = world.paid("k2");
            world.see(&second);
            let operation = Operation::Cancel(world.charge("k2").compensation().unwrap().id.clone());
            world.change(|draft, context| draft.send(&operation, context));
            operation
        }
    };
    (world, operation)
}

pub(super) fn dispatch<'a>(world: &'a World, operation: &Operation) -> &'a Dispatch {
    world.record.dispatch(operation).unwrap()
}

pub(super) fn answer(world: &mut World, operation: &Operation, setback: &Setback) {
    let sent = dispatch(world, operation).clone();
    world.change(|draft, context| answer::answered(draft, operation, &sent, setback, context));
}

pub(super) fn retry(world: &mut World, operation: &Operation) {
    world.change(|draft, context| draft.send(operation, context));
}

/// Where the operation stands: a confirm without an outcome has no status of its own.
fn standing(world: &World, operation: &Operation) -> CancelStatus {
    match operation {
        Operation::Confirm(_) => match dispatch(world, operation).outcome() {
            None if world.status() == PaymentStatus::Confirming => CancelStatus::Unknown,
            None => panic!("{:?} without an outcome", world.status()),
            Some(Outcome::Done) => CancelStatus::Done,
            Some(_) => CancelStatus::Refused,
        },
        Operation::Cancel(id) => world.record.cancel(id).unwrap().1.status,
        Operation::Close(id) => world.record.close(id).unwrap().1.status,
    }
}

pub(super) fn pending<'a>(world: &'a World, operation: &Operation) -> Option<&'a PendingOperation> {
    world.record.checks.pending.iter().find(|pending| pending.operation == *operation)
}

#[test]
fn answer_that_may_mean_later_counts_whenever_it_comes() {
    let (mut world, operation) = sent(Kind::Cancel);
    let stalled = dispatch(&world, &operation).clone();
    world.at(600);
    retry(&mut world, &operation);
    // Its process was stalled, and another has sent it again since.
    let may_follow = Setback::MayFollow(failure());
    world.change(|draft, context| answer::answered(draft, &operation, &stalled, &may_follow, context));
    assert!(dispatch(&world, &operation).may_follow);
    answer(&mut world, &operation, &Setback::Unknown(words()));
    let pending = pending(&world, &operation);
    assert!(pending.is_none_or(|pending| pending.next_at.is_none()), "{pending:?}");
}

#[test]
fn first_answer_decides_what_it_says() {
    use CancelStatus::{Refused, Requested, Unknown};
    for kind in [Kind::Confirm, Kind::Cancel, Kind::Close, Kind::Compensation] {
        for (name, setback) in setbacks() {
            let (mut world, operation) = sent(kind);
            answer(&mut world, &operation, &setback);
            let expected = match (name, kind) {
                ("not sent" | "later", Kind::Confirm) => Unknown,
                ("not sent" | "later", _) => Requested,
                ("unanswered" | "unknown", _) => Unknown,
                // Money that must go back waits for an operator; the PG did not say no to it.
                ("refused", Kind::Compensation) => Requested,
                _ => Refused,
            };
            assert_eq!(standing(&world, &operation), expected, "{kind:?} {name}");
            let is_over = expected == Refused;
            assert_eq!(pending(&world, &operation).is_none(), is_over, "{kind:?} {name}");
            assert_eq!(dispatch(&world, &operation).outcome().is_some(), is_over, "{kind:?} {name}");
        }
    }
}

#[test]
fn refusal_of_keys_or_contract_is_no_decline_of_the_buyer() {
    for (setback, status) in [
        (Setback::Declined(failure()), PaymentStatus::Failed),
        (Setback::Refused(failure()), PaymentStatus::Ready),
    ] {
        let (mut world, operation) = sent(Kind::Confirm);
        answer(&mut world, &operation, &setback);
        assert_eq!(world.status(), status);
    }
}

#[test]
fn answer_decides_which_key_goes_out_next() {
    for (name, setback) in setbacks().into_iter().take(4) {
        for kind in [Kind::Confirm, Kind::Cancel] {
            let (mut world, operation) = sent(kind);
            answer(&mut world, &operation, &setback);
            world.at(60);
            retry(&mut world, &operation);
            let next = u32::from(matches!(name, "later" | "unknown"));
            let sent = dispatch(&world, &operation);
            assert_eq!((sent.key_seq, sent.send_count), (1 + next, 2), "{kind:?} {name}");
        }
    }
}

#[test]
fn words_of_the_pg_are_kept_with_a_cancel() {
    for (name, setback) in setbacks() {
        let (mut world, operation) = sent(Kind::Cancel);
        answer(&mut world, &operation, &setback);
        let Operation::Cancel(id) = &operation else { unreachable!() };
        let said = world.record.cancel(id).unwrap().1.failure.clone().and_then(|failure| failure.pg);
        let speaks = !matches!(name, "not sent" | "unanswered");
        assert_eq!(said, speaks.then(words), "{name}");
    }
}

/// What a first send came to, and whether a decline of the second speaks for both.
#[test]
fn decline_of_a_repeat_counts_only_if_nothing_before_is_open() {
    for (name, first) in setbacks().into_iter().take(4) {
        for kind in [Kind::Confirm, Kind::Cancel, Kind::Close] {
            for second in [Setback::Declined(failure()), Setback::Refused(failure())] {
                let (mut world, operation) = sent(kind);
                answer(&mut world, &operation, &first);
                world.at(60);
                retry(&mut world, &operation);
                answer(&mut world, &operation, &second);
                let is_final = matches!(name, "not sent" | "later");
                let expected = if is_final { CancelStatus::Refused } else { CancelStatus::Unknown };
                assert_eq!(standing(&world, &operation), expected, "{kind:?} {name} then {second:?}");
                if !is_final {
                    assert_eq!(dispatch(&world, &operation).error_count, 1 + u32::from(name == "unknown"));
                }
            }
        }
    }
}

#[test]
fn unanswered_first_send_stays_open_behind_a_later_error() {
    let (mut world, operation) = sent(Kind::Cancel);
    answer(&mut world, &operation, &Setback::Unanswered);
    for second in [60, 120] {
        world.at(second);
        retry(&mut world, &operation);
        answer(&mut world, &operation, &Setback::Later(words()));
    }
    world.at(180);
    retry(&mut world, &operation);
    answer(&mut world, &operation, &Setback::Declined(failure()));
    assert_eq!(standing(&world, &operation), CancelStatus::Unknown);
    assert_eq!(dispatch(&world, &operation).unanswered_at, Some(at(0)));
}

#[test]
fn answer_to_an_older_send_changes_nothing() {
    for kind in [Kind::Confirm, Kind::Cancel, Kind::Close, Kind::Compensation] {
        for (name, setback) in setbacks() {
            let (mut world, operation) = sent(kind);
            let older = dispatch(&world, &operation).clone();
            answer(&mut world, &operation, &Setback::Unanswered);
            world.at(60);
            retry(&mut world, &operation);
            let before = world.record.clone();
            world.change(|draft, context| answer::answered(draft, &operation, &older, &setback, context));
            assert_eq!(world.record, before, "{kind:?} {name}: a stalled process brings a stale answer");
        }
    }
}

#[test]
fn answer_after_a_look_up_decided_changes_nothing() {
    for (name, setback) in setbacks() {
        let (mut world, operation) = sent(Kind::Confirm);
        let paid = world.paid("k1");
        world.see(&paid);
        answer(&mut world, &operation, &setback);
        assert_eq!(world.status(), PaymentStatus::Paid, "{name}");
        let (mut world, operation) = sent(Kind::Cancel);
        let Operation::Cancel(id) = &operation else { unreachable!() };
        let shown = world.charge("k1").snapshot.clone().unwrap().with_cancel(listed(4_000, Some(id)));
        world.see(&shown);
        answer(&mut world, &operation, &setback);
        assert_eq!(standing(&world, &operation), CancelStatus::Done, "{name}");
    }
}

#[test]
fn success_counts_whenever_it_comes() {
    for kind in [Kind::Confirm, Kind::Cancel, Kind::Close] {
        for (name, setback) in setbacks() {
            let (mut world, operation) = sent(kind);
            answer(&mut world, &operation, &setback);
            world
                .at(60)
                .change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Done, context));
            assert_eq!(standing(&world, &operation), CancelStatus::Done, "{kind:?} after {name}");
            assert_eq!(dispatch(&world, &operation).outcome(), Some(&Outcome::Done));
        }
    }
}

#[test]
fn confirm_that_succeeded_and_shows_nothing_is_confirming() {
    let (mut world, operation) = sent(Kind::Confirm);
    answer(&mut world, &operation, &Setback::Declined(failure()));
    world.change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Done, context));
    assert_eq!(world.status(), PaymentStatus::Confirming);
}

#[test]
fn less_that_was_seen_before_a_success_does_not_count_after_it() {
    let (mut world, operation) = sent(Kind::Cancel);
    let before = world.charge("k1").snapshot.clone().unwrap();
    world.at(10).see(&before.clone().with_cancel(listed(1_000, None)));
    world.at(20).see(&before);
    world.at(30).change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Done, context));
    // Behind on both cancels: it is the first answer that shows less than the second.
    world.at(300).see(&before);
    let shown = world.charge("k1").snapshot.clone().unwrap();
    assert_eq!(shown.cancelled.amount(), 1_000, "one answer is not enough");
}

#[test]
fn refund_that_failed_is_not_called_done_by_an_older_answer() {
    let (mut world, operation) = sent(Kind::Cancel);
    let Operation::Cancel(id) = &operation else { unreachable!() };
    let mut failed = listed(4_000, Some(id));
    failed.status = crate::model::PgCancelStatus::Failed;
    let shown = world.charge("k1").snapshot.clone().unwrap().with_cancel(failed);
    world.see(&shown);
    world.change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Pending, context));
    assert_eq!(standing(&world, &operation), CancelStatus::Refused);
    assert_eq!(world.open_reviews(), ["failed_refund"]);
}

#[test]
fn what_may_have_been_done_is_looked_up_at_once() {
    for (name, setback) in setbacks() {
        let (mut world, operation) = sent(Kind::Confirm);
        world.at(5);
        answer(&mut world, &operation, &setback);
        let is_owed = world.record.checks.owed.iter().any(|o| o.why == Why::Uncertain && o.at == world.now);
        assert_eq!(is_owed, matches!(name, "unanswered" | "unknown"), "{name}");
    }
}

#[test]
fn definite_answer_owes_no_look_up_at_the_final_time() {
    let owes = |world: &World| world.record.checks.owed.iter().any(|owed| owed.why == Why::FinalTime);
    for kind in [Kind::Confirm, Kind::Cancel, Kind::Close] {
        for (name, setback) in setbacks() {
            let (mut world, operation) = sent(kind);
            answer(&mut world, &operation, &setback);
            let is_definite = matches!(name, "declined" | "refused");
            assert_eq!(owes(&world), !is_definite, "{kind:?} {name}");
        }
        let (mut world, operation) = sent(kind);
        world.change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Done, context));
        assert!(!owes(&world), "{kind:?} succeeded");
        let (mut world, operation) = sent(kind);
        answer(&mut world, &operation, &Setback::Unanswered);
        world.at(60);
        retry(&mut world, &operation);
        world.change(|draft, context| answer::succeeded(draft, &operation, CancelStatus::Done, context));
        assert!(owes(&world), "{kind:?}: the first send was never answered");
    }
}

#[test]
fn refused_cancel_is_followed_by_a_look_up() {
    let (mut world, operation) = sent(Kind::Cancel);
    answer(&mut world, &operation, &Setback::Declined(failure()));
    let hints: Vec<_> = world.record.checks.owed.iter().filter(|owed| owed.why == Why::Hint).collect();
    assert_eq!(hints.len(), 1, "money came, or a part of it was cancelled by hand");
}

#[test]
fn only_a_refused_compensation_is_a_review() {
    let (mut world, operation) = sent(Kind::Compensation);
    answer(&mut world, &operation, &Setback::Declined(failure()));
    assert_eq!(world.open_reviews(), ["compensation_refused"]);
    let (mut world, operation) = sent(Kind::Compensation);
    answer(&mut world, &operation, &Setback::Refused(failure()));
    assert!(world.open_reviews().is_empty());
    assert!(pending(&world, &operation).unwrap().next_at.is_some(), "it goes once the keys work");
}
