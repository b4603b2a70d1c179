//! Hints and the looks they cause: none is lost, and none is answered by an answer that may be older than it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED, VISIBLE},
    fake_books::{Op, pg_message},
};
use crate::{
    Clock, Failure, FailureReason, Money, PaymentId, PaymentStatus, PgPaymentId, ProviderError, Watch,
    draft::Draft,
};

const SECOND: Duration = Duration::from_secs(1);

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

async fn watched_at(bench: &Bench, id: &PaymentId) -> Option<Timestamp> {
    bench.read(id).await.payment.watch.map(|watch| watch.at)
}

fn looks(bench: &Bench) -> usize {
    bench.pg.calls(Op::Verify).len()
}

/// A payment at rest: paid, and no answer about it is old any more.
async fn at_rest() -> (Bench, PaymentId, PgPaymentId) {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    assert_eq!(watched_at(&bench, &id).await, None);
    (bench, id, pg_id)
}

#[tokio::test]
async fn a_hint_that_is_ahead_of_what_the_pg_shows_is_followed_by_one_more_look() {
    let (bench, id, pg_id) = at_rest().await;
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 2_500));
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pg.answer(Op::Verify, before);
    bench.pass(SECOND).await;
    assert_eq!((bench.status(&id).await, looks(&bench)), (PaymentStatus::Paid, 1));
    assert_eq!(watched_at(&bench, &id).await, Some(bench.clock.now() + VISIBLE));
    bench.pass(VISIBLE - SECOND).await;
    assert_eq!(looks(&bench), 1);
    bench.pass(SECOND).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!(payment.amount_cancelled, Money::krw(2_500));
    assert_eq!((payment.watch, payment.recheck_at, looks(&bench)), (None, None, 2));
    assert_eq!(payment.answered_hints, 1);
}

#[tokio::test]
async fn a_look_that_comes_before_answers_are_new_enough_does_not_count_as_the_last() {
    let (bench, id, pg_id) = at_rest().await;
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pass(SECOND).await;
    let recheck_at = watched_at(&bench, &id).await;
    bench.clock.advance(VISIBLE - SECOND);
    bench.verify(&id).await;
    assert_eq!(watched_at(&bench, &id).await, recheck_at, "still to come");
    bench.clock.advance(SECOND);
    bench.verify(&id).await;
    assert_eq!(watched_at(&bench, &id).await, None);
}

#[tokio::test]
async fn a_newer_hint_moves_the_last_look_and_an_older_one_does_not() {
    let (bench, id, pg_id) = at_rest().await;
    for wait in [0, 20] {
        bench.clock.advance(Duration::from_secs(wait));
        bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
        bench.pass(Duration::ZERO).await;
        assert_eq!(watched_at(&bench, &id).await, Some(bench.clock.now() + VISIBLE));
    }
    bench.clock.advance(Duration::from_secs(10));
    let again_at = watched_at(&bench, &id).await;
    bench.verify(&id).await;
    assert_eq!(watched_at(&bench, &id).await, again_at);
}

#[tokio::test]
async fn a_hint_whose_looks_failed_is_not_lost_to_a_change_that_asked_nobody() {
    let (bench, id, pg_id) = at_rest().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, PRICE));
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    for _ in 0..100 {
        bench.pg.instead(Op::Verify, no_answer);
    }
    bench.pass_slowly(Duration::from_secs(25 * 60), 50).await;
    let retry_at = watched_at(&bench, &id).await;
    assert!(retry_at.is_some_and(|at| at > bench.clock.now() + VISIBLE), "{retry_at:?}");
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    bench.cancel(&id, Some(1_000)).await.unwrap_err();
    let still_at = watched_at(&bench, &id).await;
    assert!(still_at.is_some() && still_at <= retry_at, "that settled nothing: {still_at:?}");
    bench.pg.forget_faults();
    bench.pass(Duration::from_secs(16 * 60)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
}

#[tokio::test]
async fn a_look_that_changes_nothing_leaves_no_event_and_no_work() {
    let (bench, id, pg_id) = at_rest().await;
    let events = bench.events().await.len();
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pass_slowly(2 * VISIBLE, 6).await;
    assert_eq!(bench.events().await.len(), events);
    assert_eq!(watched_at(&bench, &id).await, None);
    let seen = looks(&bench);
    bench.pass_slowly(Duration::from_secs(3 * 24 * 60 * 60), 12).await;
    assert_eq!(looks(&bench), seen);
}

#[tokio::test]
async fn a_done_cancel_is_looked_at_once_more_when_no_answer_can_be_old() {
    let (bench, id, pg_id) = at_rest().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let proof_at = bench.clock.now() + SETTLED;
    assert_eq!(watched_at(&bench, &id).await, Some(proof_at));
    bench.clock.advance(SETTLED - SECOND);
    // Asked before, answered after: its answer may be old.
    let clock = bench.clock.clone();
    bench.pg.meanwhile(Op::Verify, move || async move { clock.advance(2 * SECOND) });
    bench.verify(&id).await;
    assert_eq!(watched_at(&bench, &id).await, Some(proof_at), "that was no proof");
    bench.pass(Duration::ZERO).await;
    assert_eq!(watched_at(&bench, &id).await, None);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn a_look_of_a_clock_that_was_ahead_proves_nothing() {
    let (bench, id, _) = at_rest().await;
    let ahead = bench.clock.now() + Duration::from_secs(60 * 60);
    let look_ahead = |draft: &mut Draft| draft.record.payment.looked_at = Some(ahead);
    bench.gateway.update(&bench.merchant, &id, look_ahead).await.unwrap();
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(watched_at(&bench, &id).await, Some(bench.clock.now() + SETTLED));
}

#[tokio::test]
async fn the_look_at_the_due_time_of_a_deposit_is_not_lost_to_a_change_that_asked_nobody() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit().await;
    let due_at = bench.read(&id).await.payment.virtual_account.unwrap().due_at.unwrap();
    bench.clock.advance(Duration::try_from(due_at.duration_since(bench.clock.now())).unwrap());
    bench.pg.instead(Op::Verify, no_answer);
    bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
    bench.clock.advance(SECOND);
    bench.pg.instead(Op::Cancel, || ProviderError::NotSent("no route".into()));
    bench.cancel(&id, None).await.unwrap_err();
    assert_eq!(watched_at(&bench, &id).await, Some(due_at));
}

/// The merchant asks for a cancel, and the PG says no: a change, and nobody asked what is true.
async fn refused_cancel(bench: &Bench, id: &PaymentId) {
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    bench.cancel(id, Some(1_000)).await.unwrap_err();
}

#[tokio::test]
async fn a_second_look_that_failed_is_not_lost_to_a_change_that_asked_nobody() {
    let (bench, id, pg_id) = at_rest().await;
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 2_500));
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pg.answer(Op::Verify, before);
    bench.pass(SECOND).await;
    bench.pg.instead(Op::Verify, no_answer);
    bench.pass(VISIBLE).await;
    assert_eq!((bench.read(&id).await.payment.amount_cancelled, looks(&bench)), (Money::krw(0), 2));
    refused_cancel(&bench, &id).await;
    bench.pass(SECOND).await;
    assert_eq!(bench.read(&id).await.payment.amount_cancelled, Money::krw(2_500));
}

#[tokio::test]
async fn the_proof_of_a_cancel_that_failed_is_not_lost_to_a_change_that_asked_nobody() {
    let (bench, id, _) = at_rest().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pg.instead(Op::Verify, no_answer);
    bench.pass(SETTLED).await;
    assert_eq!(looks(&bench), 1);
    refused_cancel(&bench, &id).await;
    bench.pass(SECOND).await;
    assert_eq!((watched_at(&bench, &id).await, looks(&bench)), (None, 2));
}

#[tokio::test]
async fn a_second_look_that_waits_for_room_is_not_lost_to_a_change_that_asked_nobody() {
    let (bench, id, pg_id) = at_rest().await;
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pass(Duration::ZERO).await;
    let busy = || ProviderError::NotProcessed { retry_after: Some(VISIBLE), pg: pg_message("BUSY") };
    bench.clock.advance(VISIBLE - SECOND);
    bench.pg.instead(Op::Cancel, busy);
    bench.cancel(&id, Some(1_000)).await.unwrap_err();
    bench.clock.advance(SECOND);
    bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
    assert!(watched_at(&bench, &id).await > Some(bench.clock.now()), "it waits");
    refused_cancel(&bench, &id).await;
    bench.pass(VISIBLE).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.recheck_at, looks(&bench)), (None, 2));
}

#[tokio::test]
async fn a_pg_that_says_when_to_come_back_is_not_asked_before_by_one_who_was_not_told() {
    let (bench, id, pg_id) = at_rest().await;
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    let wait = Duration::from_secs(30 * 60);
    bench.pg.instead(Op::Verify, move || ProviderError::NotProcessed {
        retry_after: Some(wait),
        pg: pg_message("BUSY"),
    });
    bench.pass(Duration::ZERO).await;
    assert_eq!(watched_at(&bench, &id).await, Some(bench.clock.now() + wait));
    let other = bench.replica(|_| ());
    other.pass(wait - SECOND).await;
    assert_eq!(looks(&bench), 1);
    other.pass(SECOND).await;
    assert_eq!(looks(&bench), 2);
}

#[tokio::test]
async fn a_hint_shares_the_look_that_waits_for_another_hint_and_not_one_that_waits_for_none() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let (mut record, now) = (bench.read(&id).await, bench.clock.now());
    let soon = now + Duration::from_secs(5);
    record.payment.watch = Some(Watch { at: soon, tries: 0 });
    assert_eq!(record.hints, record.payment.answered_hints);
    assert_eq!(bench.gateway.turn_of(&record, now), now, "what is due anyway may come too late for it");
    record.hints += 1;
    let after_it = now + Duration::from_secs(10);
    assert_eq!(bench.gateway.turn_of(&record, now), after_it, "the look that waits keeps its own time");
    record.payment.watch = Some(Watch { at: now + Duration::from_secs(24 * 60 * 60), tries: 9 });
    assert_eq!(bench.gateway.turn_of(&record, now), now, "that one waits for a PG that does not answer");
}

#[tokio::test]
async fn a_hint_waits_ten_seconds_after_the_last_look_unless_that_was_in_the_future() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let (mut record, now) = (bench.read(&id).await, bench.clock.now());
    record.payment.watch = None;
    let second = |second: i64| Timestamp::from_second(now.as_second() + second).unwrap();
    for (looked_at, turn) in [(-11, 0), (-10, 0), (-9, 1), (-5, 5), (0, 10), (1, 0), (3_600, 0)] {
        record.payment.hint_looked_at = Some(second(looked_at));
        assert_eq!(bench.gateway.turn_of(&record, now), second(turn), "looked at {looked_at}");
    }
}
