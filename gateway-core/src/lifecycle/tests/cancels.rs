//! Cancels and closes become what the PG shows of them, and are refused only when that is certain (invariants 5, 7, 14).

use super::sample::{FINAL, HOUR, PRICE, World, listed};
use crate::{
    lifecycle::compensation,
    model::{
        Cancel, CancelId, CancelOrigin, CancelStatus, Close, Failure, FailureReason, LastResponse, Money,
        Operation, Outcome, PaymentStatus, PgCancelStatus, PgMessage, PgStatus, Snapshot, SnapshotCancel,
    },
};

fn paid() -> (World, Snapshot) {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    (world, paid)
}

fn row<'a>(world: &'a World, id: &CancelId) -> &'a Cancel {
    world.record.cancel(id).unwrap().1
}

#[test]
fn cancel_is_found_by_our_id_or_by_the_pgs_never_by_amount() {
    for (what, ours, theirs) in
        [("our id", true, false), ("the PG's id", false, true), ("amount", false, false)]
    {
        let (mut world, paid) = paid();
        let id = world.cancel(4_000);
        world.change(|draft, _| draft.record.cancel_mut(&id).unwrap().pg_cancel_id = Some("c1".to_owned()));
        let entry = SnapshotCancel {
            pg_cancel_id: Some(if theirs { "c1" } else { "c2" }.to_owned()),
            ..listed(4_000, ours.then_some(&id))
        };
        world.at(1).see(&paid.with_cancel(entry));
        let (status, rows) = if ours || theirs { (CancelStatus::Done, 1) } else { (CancelStatus::Sent, 2) };
        assert_eq!(row(&world, &id).status, status, "{what}");
        assert_eq!(world.charge("k1").cancels.len(), rows, "{what}");
    }
}

#[test]
fn cancel_of_another_becomes_a_row_once() {
    let (mut world, paid) = paid();
    let chargeback =
        SnapshotCancel { chargeback: true, reason: Some("dispute lost".to_owned()), ..listed(2_000, None) };
    let shown = paid.with_cancel(listed(1_000, None)).with_cancel(chargeback);
    for second in [1, 2] {
        world.at(second).see(&shown);
        let rows: Vec<_> =
            world.charge("k1").cancels.iter().map(|row| (row.origin, row.amount.amount())).collect();
        assert_eq!(rows, [(CancelOrigin::Pg, 1_000), (CancelOrigin::Chargeback, 2_000)]);
    }
    assert_eq!(world.status(), PaymentStatus::PartiallyCancelled);
}

#[test]
fn two_cancels_by_hand_of_one_amount_are_two_rows() {
    let (mut world, paid) = paid();
    let named = |name: &str| SnapshotCancel { pg_cancel_id: Some(name.to_owned()), ..listed(1_000, None) };
    world.see(&paid.with_cancel(named("a")).with_cancel(named("b")));
    assert_eq!(world.charge("k1").cancels.len(), 2);
}

#[test]
fn cancel_of_nothing_is_no_cancel() {
    let (mut world, paid) = paid();
    world.see(&paid.with_cancel(listed(0, None)));
    assert!(world.charge("k1").cancels.is_empty());
    assert_eq!(world.status(), PaymentStatus::Paid);
}

#[test]
fn row_takes_the_status_amount_and_name_that_the_pg_shows() {
    for (theirs, status) in [
        (PgCancelStatus::Done, CancelStatus::Done),
        (PgCancelStatus::Pending, CancelStatus::Pending),
        (PgCancelStatus::Failed, CancelStatus::Refused),
    ] {
        let (mut world, paid) = paid();
        let id = world.cancel(PRICE);
        let entry = SnapshotCancel {
            status: theirs,
            pg_cancel_id: Some("c1".to_owned()),
            ..listed(9_000, Some(&id))
        };
        world.see(&paid.with_cancel(entry));
        let row = row(&world, &id);
        assert_eq!((row.status, row.amount), (status, Money::krw(9_000)), "{theirs:?}");
        assert_eq!(row.pg_cancel_id.as_deref(), Some("c1"));
        assert_eq!(row.is_failed_refund(), theirs == PgCancelStatus::Failed);
        assert_eq!(row.dispatch.as_ref().unwrap().outcome(), Some(&Outcome::Done), "it was taken");
    }
}

#[test]
fn done_cancel_is_not_taken_back_by_a_newer_word() {
    let (mut world, paid) = paid();
    let id = world.cancel(4_000);
    world.see(&paid.clone().with_cancel(listed(4_000, Some(&id))));
    let pending = SnapshotCancel { status: PgCancelStatus::Pending, ..listed(4_000, Some(&id)) };
    world.at(1).see(&paid.with_cancel(pending));
    assert_eq!(row(&world, &id).status, CancelStatus::Done);
}

#[test]
fn pending_refund_arrives_or_fails_later() {
    for (theirs, status, review) in [
        (PgCancelStatus::Done, CancelStatus::Done, None),
        (PgCancelStatus::Failed, CancelStatus::Refused, Some("failed_refund")),
    ] {
        let (mut world, paid) = paid();
        let id = world.cancel(4_000);
        let entry = |status| SnapshotCancel { status, ..listed(4_000, Some(&id)) };
        world.see(&paid.clone().with_cancel(entry(PgCancelStatus::Pending)));
        assert_eq!(world.status(), PaymentStatus::PartiallyCancelled);
        world.at(HOUR).see(&paid.with_cancel(entry(theirs)));
        assert_eq!(row(&world, &id).status, status);
        assert_eq!(world.open_reviews(), review.into_iter().collect::<Vec<_>>());
    }
}

/// A cancel that was sent three times, each answered with an error.
fn three_errors(world: &mut World, amount: u64) -> CancelId {
    let id = world.cancel(amount);
    let operation = Operation::Cancel(id.clone());
    for send in 1..=3 {
        if send > 1 {
            world.change(|draft, context| draft.send(&operation, context));
        }
        world.change(|draft, _| {
            draft.set_status(&operation, CancelStatus::Unknown);
            let failure =
                Failure::by_pg(FailureReason::NotCancellable, PgMessage::new("CODE", "text of the PG"));
            draft.set_failure(&operation, Some(failure));
            let sent = draft.record.dispatch_mut(&operation).unwrap().as_mut().unwrap();
            sent.last_response = LastResponse::Error;
            sent.had_unknown = true;
            sent.error_count += 1;
        });
    }
    id
}

#[test]
fn three_errors_and_a_final_look_up_refuse_a_cancel() {
    let (mut world, paid) = paid();
    let id = three_errors(&mut world, 4_000);
    for (second, status) in [(FINAL - 1, CancelStatus::Unknown), (FINAL, CancelStatus::Refused)] {
        world.at(second).see(&paid);
        assert_eq!(row(&world, &id).status, status, "{second}");
    }
    let pg = row(&world, &id).failure.as_ref().unwrap().pg.as_ref().unwrap();
    assert_eq!((pg.code.as_str(), pg.message.as_str()), ("CODE", "text of the PG"));
    assert!(world.charge("k1").unresolved_cancel().is_none());
    assert_eq!(world.record.cancellable(), Money::krw(PRICE));
}

#[test]
fn three_errors_of_a_cancel_that_was_done_are_done() {
    let (mut world, paid) = paid();
    let id = three_errors(&mut world, 4_000);
    world.at(FINAL).see(&paid.with_cancel(listed(4_000, Some(&id))));
    assert_eq!(row(&world, &id).status, CancelStatus::Done);
}

#[test]
fn two_errors_or_no_answer_refuse_nothing() {
    let (mut world, paid) = paid();
    let id = three_errors(&mut world, 4_000);
    world.change(|draft, _| {
        draft.record.cancel_mut(&id).unwrap().dispatch.as_mut().unwrap().error_count = 2;
    });
    world.at(30 * 24 * HOUR).see(&paid);
    assert_eq!(row(&world, &id).status, CancelStatus::Unknown);

    let (mut world, paid) = self::paid();
    let id = three_errors(&mut world, 4_000);
    world.change(|draft, context| draft.send(&Operation::Cancel(id.clone()), context));
    world.at(30 * 24 * HOUR).see(&paid);
    assert!(row(&world, &id).status.is_unresolved(), "the fourth send was never answered");
}

#[test]
fn look_ups_never_refute_a_cancel_without_an_answer() {
    let (mut world, paid) = paid();
    let id = world.cancel(4_000);
    for second in [FINAL, HOUR, 300 * 24 * HOUR] {
        world.at(second).see(&paid);
        assert_eq!(row(&world, &id).status, CancelStatus::Sent, "{second}");
    }
}

#[test]
fn clock_in_doubt_refuses_no_cancel() {
    let (mut world, paid) = paid();
    let id = three_errors(&mut world, 4_000);
    world.is_clock_trusted = false;
    world.at(HOUR).see(&paid);
    assert_eq!(row(&world, &id).status, CancelStatus::Unknown);
}

#[test]
fn what_is_on_its_way_cannot_be_cancelled_again() {
    let (mut world, paid) = paid();
    let id = world.cancel(4_000);
    assert_eq!(world.record.cancellable(), Money::krw(6_000));
    let answered = |world: &mut World, status| {
        world.at(5).change(|draft, context| {
            let cancel = draft.record.cancel_mut(&id).unwrap();
            cancel.status = status;
            cancel.dispatch.as_mut().unwrap().end(Outcome::Done, context.now);
        });
    };
    for status in [CancelStatus::Pending, CancelStatus::Done] {
        answered(&mut world, status);
        assert_eq!(world.record.cancellable(), Money::krw(6_000), "{status:?}: not shown yet");
    }
    let shown = SnapshotCancel { status: PgCancelStatus::Done, ..listed(4_000, Some(&id)) };
    world.at(6).see(&paid.with_cancel(shown));
    assert_eq!(world.record.cancellable(), Money::krw(6_000), "counted once");
}

// Closes.

fn issued() -> (World, Snapshot) {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(24 * HOUR);
    world.see(&account);
    (world, account)
}

fn close<'a>(world: &'a World, id: &CancelId) -> &'a Close {
    world.record.close(id).unwrap().1
}

#[test]
fn close_is_done_when_the_pg_shows_the_account_closed() {
    let (mut world, account) = issued();
    let id = world.close_account();
    world.at(1).see(&Snapshot { status: PgStatus::Closed, ..account });
    assert_eq!(close(&world, &id).status, CancelStatus::Done);
    assert_eq!(world.status(), PaymentStatus::Cancelled);
}

#[test]
fn deposit_refuses_a_close_by_its_answer_or_past_its_final_time() {
    // Nothing answered: it may be executed yet.
    let (mut world, account) = issued();
    let id = world.close_account();
    let deposit = account.with_money_at(5);
    for (second, status) in
        [(6, CancelStatus::Sent), (FINAL - 1, CancelStatus::Sent), (FINAL, CancelStatus::Refused)]
    {
        world.at(second).see(&deposit);
        assert_eq!(close(&world, &id).status, status, "{second}");
        assert_eq!(world.status(), PaymentStatus::Paid);
    }
    // An answered error: the look-up decides at once.
    let (mut world, account) = issued();
    let id = world.close_account();
    world.change(|draft, _| {
        draft.record.close_mut(&id).unwrap().dispatch.as_mut().unwrap().last_response = LastResponse::Error;
    });
    world.at(6).see(&account.with_money_at(5));
    assert_eq!(close(&world, &id).status, CancelStatus::Refused);
}

#[test]
fn close_of_an_account_that_ended_by_itself_is_refused() {
    for status in [PgStatus::Expired, PgStatus::Failed] {
        let (mut world, account) = issued();
        let id = world.close_account();
        world.at(FINAL).see(&Snapshot { status, ..account });
        assert_eq!(close(&world, &id).status, CancelStatus::Refused, "{status:?}");
    }
}

#[test]
fn close_of_an_account_that_still_waits_stays_open() {
    let (mut world, account) = issued();
    let id = world.close_account();
    world.at(9 * 24 * HOUR).see(&account);
    assert_eq!(close(&world, &id).status, CancelStatus::Sent);
}

#[test]
fn deposit_after_a_close_that_the_pg_called_done_goes_back() {
    let (mut world, account) = issued();
    let id = world.at(10).close_account();
    world.change(|draft, context| {
        let close = draft.record.close_mut(&id).unwrap();
        close.status = CancelStatus::Done;
        close.dispatch.as_mut().unwrap().end(Outcome::Done, context.now);
    });
    world.at(100).see(&account.with_money_at(99));
    let back = world.charge("k1").compensation().unwrap();
    assert_eq!(back.compensates, Some(crate::model::CompensationReason::Closed));
}

#[test]
fn held_compensation_sent_and_not_done_is_a_review() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let id = world.charge("k2").compensation().unwrap().id.clone();
    world.change(|draft, context| draft.send(&Operation::Cancel(id.clone()), context));
    world.change(|draft, _| compensation::hold(draft, &id, crate::lifecycle::compensation::Held::ReasonGone));
    world.at(FINAL).see(&second);
    assert_eq!(row(&world, &id).status, CancelStatus::Requested, "none of its sends was done");
    assert_eq!(world.open_reviews(), ["compensation_held"]);
}
