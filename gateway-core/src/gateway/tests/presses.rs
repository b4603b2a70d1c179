//! What the resolver sends again, how often, and what it gives up.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, SETTLED},
    fake_books::{Op, pg_message},
    fake_pg::CONFIRMS_WITHIN,
};
use crate::{
    AttemptStatus, Cancel, CancelStatus, Clock, Failure, FailureReason, Heard, PaymentId, PaymentStatus,
    PgStatus, ProviderError, UnknownOutcome,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn unknown_error() -> ProviderError {
    ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
}

async fn the_cancel(bench: &Bench, id: &PaymentId) -> Cancel {
    bench.read(id).await.cancels[0].clone()
}

#[tokio::test]
async fn a_merchants_cancel_is_given_up_after_three_errors_that_did_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..9 {
        bench.pg.instead(Op::Cancel, unknown_error);
    }
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(6 * HOUR, 60).await;
    let row = the_cancel(&bench, &id).await;
    let words = Failure::by_pg(FailureReason::ProviderUnavailable, pg_message("PROVIDER_ERROR"));
    assert_eq!((row.status, row.failure), (CancelStatus::Refused, Some(words)));
    let key = |send| format!("{id}:cancel:{}:{send}", row.id);
    assert_eq!(bench.pg.keys(Op::Cancel), [key(1), key(2), key(3)]);

    // The merchant decides, and asks again with the same key of its own.
    bench.pg.forget_faults();
    bench.gateway.cancel_again(&bench.merchant, &id, &row.id).await.unwrap();
    assert_eq!(bench.pg.keys(Op::Cancel).last(), Some(&key(4)), "for the PG repeats its answer to a key");
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn a_cancel_that_is_still_running_is_not_given_up() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..6 {
        bench.pg.instead(Op::Cancel, || ProviderError::StillRunning);
    }
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(12 * HOUR, 60).await;
    let row = the_cancel(&bench, &id).await;
    assert_eq!(row.status, CancelStatus::Done);
    assert_eq!(bench.pg.keys(Op::Cancel), vec![format!("{id}:cancel:{}:1", row.id); 7], "with the same key");
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn money_that_must_go_back_is_never_given_up() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now() + HOUR));
    for _ in 0..6 {
        bench.pg.instead(Op::Cancel, unknown_error);
    }
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    bench.pass_slowly(48 * HOUR, 200).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 7);
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
}

#[tokio::test]
async fn a_cancel_whose_error_the_pg_repeats_is_refused_once_others_took_the_money() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..2 {
        bench.pg.instead(Op::Cancel, unknown_error);
    }
    bench.cancel(&id, Some(6_000)).await.unwrap();
    bench.pg.books(|books| books.cancel_in_console(&pg_id, PRICE));
    bench.pass_slowly(12 * HOUR, 60).await;
    let row = the_cancel(&bench, &id).await;
    assert_eq!(row.status, CancelStatus::Refused);
    let key = |send| format!("{id}:cancel:{}:{send}", row.id);
    assert_eq!(
        bench.pg.keys(Op::Cancel),
        [key(1), key(1), key(2)],
        "the guard tells, and nothing goes twice"
    );
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 0);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert_eq!(bench.read(&id).await.payment.watch, None, "it comes to rest");
}

#[tokio::test]
async fn a_balance_that_moved_for_no_told_reason_never_brings_the_next_key() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..4 {
        bench.pg.instead(Op::Cancel, unknown_error);
    }
    bench.cancel(&id, Some(6_000)).await.unwrap();
    bench.pg.books(|books| books.cancel_in_console(&pg_id, PRICE));
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.cancels[0].reason = None));
    bench.pass_slowly(HOUR, 60).await;
    let row = the_cancel(&bench, &id).await;
    let mut keys = bench.pg.keys(Op::Cancel);
    assert!(keys.len() > 2);
    keys.dedup();
    assert_eq!(keys, [format!("{id}:cancel:{}:1", row.id)], "it may have been ours");
}

#[tokio::test]
async fn where_keys_are_unknown_nothing_is_sent_again_before_the_first_must_have_landed() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(SETTLED - Duration::from_secs(1), 10).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
    bench.pass_slowly(HOUR, 20).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn a_round_of_the_resolver_tells_how_much_was_due() {
    let bench = Bench::on_confirm();
    for order in 0..3 {
        bench.try_register(&format!("order-{order}"), PRICE).await.unwrap();
    }
    assert_eq!(bench.resolve_due().await, 0);
    bench.clock.advance(PAYABLE_FOR);
    assert_eq!(bench.resolve_due().await, 3);
    assert_eq!(bench.resolve_due().await, 0);
}

#[tokio::test]
async fn a_payment_that_is_being_resolved_is_another_replicas_only_after_five_minutes() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    // The first replica dies while it asks.
    bench.pg.meanwhile(Op::Verify, std::future::pending);
    bench.clock.advance(Duration::from_secs(3));
    assert!(
        tokio::time::timeout(Duration::from_millis(1), bench.gateway.resolve_due(&super::bench::account()))
            .await
            .is_err()
    );
    let other = bench.replica(|_| ());
    bench.clock.advance(Duration::from_secs(5 * 60 - 1));
    assert_eq!(other.gateway.resolve_due(&super::bench::account()).await.unwrap(), 0);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(other.gateway.resolve_due(&super::bench::account()).await.unwrap(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_confirm_that_came_to_nothing_ends_with_the_payment_where_its_time_is_up() {
    for (left, status) in
        [(CONFIRMS_WITHIN, PaymentStatus::Expired), (CONFIRMS_WITHIN + HOUR, PaymentStatus::Ready)]
    {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.clock.advance(PAYABLE_FOR - left);
        bench.pg.instead(Op::Confirm, unknown_error);
        bench.confirm(&id, &pg_id).await.unwrap();
        for _ in 0..9 {
            bench.pg.instead(Op::Confirm, unknown_error);
        }
        bench.pass_slowly(CONFIRMS_WITHIN - Duration::from_secs(1), 3).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
        bench.pass_slowly(CONFIRMS_WITHIN, 4).await;
        let record = bench.read(&id).await;
        assert_eq!(record.payment.status, status);
        assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
        assert_eq!(record.attempts[0].failure, Some(Failure::of(FailureReason::SessionExpired)));
    }
}

#[tokio::test]
async fn a_payment_whose_time_is_up_closes_its_window() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    bench.pass(PAYABLE_FOR - Duration::from_secs(1)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    bench.pass(Duration::from_secs(1)).await;
    let record = bench.read(&id).await;
    let failure = Some(Failure::of(FailureReason::SessionExpired));
    assert_eq!((record.payment.status, record.payment.failure), (PaymentStatus::Expired, failure.clone()));
    assert_eq!(
        (record.attempts[0].status, record.attempts[0].failure.clone()),
        (AttemptStatus::Closed, failure)
    );
}

#[tokio::test]
async fn what_the_pg_shows_under_another_order_is_not_asked_for_again() {
    let bench = Bench::on_confirm();
    let (mine, _) = bench.agreed().await;
    let theirs = bench.pg.books(|books| books.agree("their-own-order", PRICE));
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&mine, &theirs).await.unwrap_err();
    bench.pass_slowly(SETTLED - Duration::from_secs(1), 20).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.pg.books(|books| books.row(&theirs).charged), 0);
}

#[tokio::test]
async fn a_confirm_is_sent_again_only_while_the_pg_shows_it_untouched() {
    for (status, sends) in [
        (PgStatus::Ready, 2),
        (PgStatus::InProgress, 2),
        (PgStatus::Paid, 1),
        (PgStatus::AwaitingDeposit, 1),
        (PgStatus::Failed, 1),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.status = status));
        bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
        bench.pass(Duration::from_secs(3)).await;
        assert_eq!(bench.pg.calls(Op::Confirm).len(), sends, "{status:?}");
    }
}

#[tokio::test]
async fn each_repeat_is_counted_and_keeps_what_was_heard_of_it() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    let first_sent_at = bench.clock.now();
    bench.pass(Duration::from_secs(3)).await;
    let sent = bench.read(&id).await.attempts[0].confirm.clone().unwrap();
    assert_eq!((sent.send, sent.times, sent.heard), (1, 2, Heard::StillRunning));
    assert_eq!((sent.first_sent_at, sent.sent_at), (first_sent_at, bench.clock.now()));
    bench.pass(Duration::from_secs(6)).await;
    let sent = bench.read(&id).await.attempts[0].confirm.clone().unwrap();
    assert_eq!((sent.send, sent.times, sent.first_sent_at), (1, 3, first_sent_at));
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn two_errors_of_a_merchants_cancel_are_not_three() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    for _ in 0..2 {
        bench.pg.instead(Op::Cancel, unknown_error);
    }
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(HOUR, 30).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 3);
}
