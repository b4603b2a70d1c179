//! What each answer to a confirm leads to when it is a repeat, is another's, or comes too late.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, Clock, Failure, FailureReason, GatewayError, Heard, PaymentId, PaymentStatus, PgStatus,
    ProviderError, Sending, UnknownOutcome,
};

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn declined() -> ProviderError {
    ProviderError::Declined(Failure::of(FailureReason::StoppedCard))
}

async fn sent(bench: &Bench, id: &PaymentId) -> Sending {
    bench.read(id).await.attempts[0].confirm.clone().unwrap()
}

#[tokio::test]
async fn a_first_no_is_believed_unlooked() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert!(bench.pg.calls(Op::Verify).is_empty());
    let record = bench.read(&id).await;
    let failure = Some(Failure::of(FailureReason::StoppedCard));
    assert_eq!((record.payment.status, record.payment.failure), (PaymentStatus::Failed, failure.clone()));
    assert_eq!(
        (record.attempts[0].status, record.attempts[0].failure.clone()),
        (AttemptStatus::Closed, failure)
    );
}

#[tokio::test]
async fn a_no_to_a_repeat_is_final_once_a_look_shows_nothing_taken() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap();
    let looks = bench.pg.calls(Op::Verify).len();
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    assert_eq!(bench.pg.calls(Op::Verify).len(), looks + 2, "one before the repeat and one after the no");
}

#[tokio::test]
async fn a_no_to_a_repeat_that_cannot_be_checked_settles_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap();
    let pg = bench.pg.clone();
    bench.pg.meanwhile(Op::Verify, move || async move { pg.instead(Op::Verify, no_answer) });
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    let sent = sent(&bench, &id).await;
    assert_eq!((sent.times, sent.heard), (2, Heard::Nothing));
}

#[tokio::test]
async fn what_was_heard_is_kept_with_what_was_sent() {
    for (answer, heard) in [
        (no_answer as fn() -> ProviderError, Heard::Nothing),
        (|| ProviderError::StillRunning, Heard::StillRunning),
        (
            || ProviderError::NotProcessed { retry_after: None, pg: pg_message("TOO_MANY_REQUESTS") },
            Heard::Error,
        ),
        (|| ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("E"))), Heard::Error),
        (|| ProviderError::Conflict(pg_message("ALREADY_PROCESSED_PAYMENT")), Heard::Error),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, answer);
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Confirming);
        let sent = sent(&bench, &id).await;
        assert_eq!((sent.heard, sent.send, sent.times), (heard, 1, 1));
    }
}

#[tokio::test]
async fn an_answer_must_be_of_the_order_and_of_the_payment_that_were_asked_for() {
    for same_order in [true, false] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let mut wrong = bench.pg.books(|books| {
            let order = books.row(&pg_id).snapshot.pg_order_id;
            let other = books.pay(&order, PRICE, bench.clock.now());
            books.row(&other).snapshot
        });
        if !same_order {
            wrong.pg_id = pg_id.clone();
            "another-order".clone_into(&mut wrong.pg_order_id);
        }
        bench.pg.answer(Op::Confirm, wrong);
        let answer = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(answer.payment.status, PaymentStatus::Confirming);
        assert_eq!(sent(&bench, &id).await.heard, Heard::Error);
    }
}

#[tokio::test]
async fn a_no_that_comes_after_another_replica_found_it_paid_changes_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let (pg, gateway) = (bench.pg.clone(), bench.gateway.clone());
    let (merchant, payment, paid, now) =
        (bench.merchant.clone(), id.clone(), pg_id.clone(), bench.clock.now());
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    bench.pg.meanwhile(Op::Confirm, move || async move {
        pg.books(|books| books.charge(&paid, now));
        gateway.verify(&merchant, &payment).await.unwrap();
    });
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(record.attempts[0].status, AttemptStatus::Accepted);
    assert_eq!(record.payment.failure, None);
}

#[tokio::test]
async fn an_error_of_unknown_meaning_is_looked_up_and_told_as_it_is() {
    for (shown, expired) in [(PgStatus::Expired, true), (PgStatus::InProgress, false)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.status = shown));
        bench.pg.instead(Op::Confirm, || {
            ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
        });
        let answer = bench.confirm(&id, &pg_id).await;
        assert_eq!(matches!(answer, Err(GatewayError::InvalidState { .. })), expired, "{answer:?}");
        assert_eq!(bench.pg.calls(Op::Verify).len(), 1);
    }
}
