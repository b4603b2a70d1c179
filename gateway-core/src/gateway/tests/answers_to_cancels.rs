//! What each answer to a cancel leads to when it is a repeat, comes too late, or says less than it seems.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::{Op, pg_message},
    fake_pg::CONFIRMS_WITHIN,
};
use crate::{
    Cancel, CancelOrigin, CancelStatus, Clock, Failure, FailureReason, GatewayError, Heard, LatePayments,
    Money, MoneyMoves, PaymentId, PaymentStatus, PgPaymentId, PgStatus, ProviderError,
};

type Error = fn() -> ProviderError;

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn not_sent() -> ProviderError {
    ProviderError::NotSent("no route".into())
}

fn not_processed() -> ProviderError {
    ProviderError::NotProcessed { retry_after: None, pg: pg_message("BANK_CLOSED") }
}

fn declined() -> ProviderError {
    ProviderError::Declined(Failure::by_pg(FailureReason::InvalidRefundAccount, pg_message("NO")))
}

fn unsupported() -> ProviderError {
    ProviderError::Unsupported("this")
}

fn conflict() -> ProviderError {
    ProviderError::Conflict(pg_message("ALREADY_CANCELED_PAYMENT"))
}

async fn the_cancel(bench: &Bench, id: &PaymentId) -> Cancel {
    bench.read(id).await.cancels[0].clone()
}

/// A cancel that went out and was not answered, and is sent again now.
async fn repeated(answer: Error) -> (Bench, PaymentId, PgPaymentId) {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.pg.instead(Op::Cancel, answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    (bench, id, pg_id)
}

#[tokio::test]
async fn what_hinders_a_repeat_says_nothing_of_the_first_request() {
    for (answer, heard) in [
        (not_sent as Error, Heard::Nothing),
        (no_answer, Heard::Nothing),
        (|| ProviderError::StillRunning, Heard::StillRunning),
        (not_processed, Heard::Error),
        (unsupported, Heard::Error),
        (|| ProviderError::Invalid(pg_message("INVALID_REQUEST")), Heard::Error),
    ] {
        let (bench, id, pg_id) = repeated(answer).await;
        let row = the_cancel(&bench, &id).await;
        assert_eq!(row.status, CancelStatus::Unknown, "{heard:?}");
        let sent = row.sending.unwrap();
        assert_eq!((sent.heard, sent.send, sent.times), (heard, 1, 2));
        bench.pass_slowly(Duration::from_secs(1_200), 20).await;
        assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
        assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
    }
}

#[tokio::test]
async fn a_no_to_a_repeat_is_a_no_unless_the_first_request_shows() {
    let (bench, id, pg_id) = repeated(declined).await;
    let row = the_cancel(&bench, &id).await;
    let said = Failure::by_pg(FailureReason::InvalidRefundAccount, pg_message("NO"));
    assert_eq!((row.status, row.failure), (CancelStatus::Refused, Some(said)));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 0);

    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.after(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    // The look before the repeat does not show it yet, the one after the no does.
    bench.pg.answer(Op::Verify, before);
    bench.pg.instead(Op::Cancel, declined);
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
}

#[tokio::test]
async fn a_no_to_a_repeat_that_cannot_be_checked_settles_nothing() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.pg.instead(Op::Cancel, declined);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.clock.advance(Duration::from_secs(3));
    let pg = bench.pg.clone();
    bench.pg.meanwhile(Op::Verify, move || async move { pg.instead(Op::Verify, no_answer) });
    bench.resolve_due().await;
    let row = the_cancel(&bench, &id).await;
    assert_eq!((row.status, row.sending.unwrap().heard), (CancelStatus::Unknown, Heard::Error));
}

#[tokio::test]
async fn a_first_no_is_believed_unlooked() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, declined);
    assert!(matches!(
        bench.cancel(&id, Some(1_000)).await,
        Err(GatewayError::CancelRefused { failure, .. }) if failure.reason == FailureReason::InvalidRefundAccount
    ));
    assert!(bench.pg.calls(Op::Verify).is_empty());
    assert_eq!(bench.read(&id).await.payment.watch, None, "and nothing is left to be seen");
}

#[tokio::test]
async fn what_the_pg_cannot_do_is_refused_and_said_so() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, unsupported);
    assert!(matches!(bench.cancel(&id, Some(1_000)).await, Err(GatewayError::Unsupported("this"))));
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Refused);
}

#[tokio::test]
async fn a_contradiction_is_a_no_only_where_the_balance_moved() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, conflict);
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    let row = &record.cancels[0];
    assert_eq!((row.status, row.sending.as_ref().unwrap().heard), (CancelStatus::Unknown, Heard::Error));
    let said = row.failure.as_ref().and_then(|failure| failure.pg.clone());
    assert_eq!(said, Some(pg_message("ALREADY_CANCELED_PAYMENT")));
    bench.pass_slowly(Duration::from_secs(600), 20).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done, "with the next key");
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn a_contradicted_close_is_a_no_only_where_money_came() {
    for (deposited, status) in [(true, CancelStatus::Refused), (false, CancelStatus::Unknown)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        bench.pg.instead(Op::Cancel, conflict);
        if deposited {
            bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
        }
        let _ = bench.cancel(&id, None).await;
        assert_eq!(the_cancel(&bench, &id).await.status, status);
    }
}

#[tokio::test]
async fn a_cancel_that_is_done_shows_its_amounts_after_the_next_look_at_the_latest() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    // The answer is dropped for a race, and the look after it fails.
    let (pg, gateway) = (bench.pg.clone(), bench.gateway.clone());
    let (merchant, payment) = (bench.merchant.clone(), id.clone());
    bench.pg.meanwhile(Op::Cancel, move || async move {
        gateway.verify(&merchant, &payment).await.unwrap();
        pg.instead(Op::Verify, no_answer);
    });
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done, "the answer is definite");
    bench.pass(Duration::ZERO).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!(
        (payment.status, payment.amount_cancelled),
        (PaymentStatus::PartiallyCancelled, Money::krw(1_000))
    );
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn an_answer_about_another_payment_of_this_order_settles_nothing_either() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let other = bench.pg.books(|books| books.agree(&order, PRICE));
    let wrong = bench.pg.books(|books| books.row(&other).snapshot);
    bench.pg.answer(Op::Cancel, wrong);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
}

#[tokio::test]
async fn a_refund_that_the_pg_answers_as_failed_is_refused() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pg.books(|books| {
        books.change(&pg_id, |snapshot| {
            snapshot.cancels[0].status = CancelStatus::Refused;
            snapshot.cancelled = Money::krw(0);
        });
    });
    let record = bench.verify(&id).await;
    assert_eq!(record.cancels[0].failure, Some(Failure::of(FailureReason::RefundFailed)));
    assert_eq!(record.cancellable(), Money::krw(PRICE));
}

/// A payment that was paid twice, and the second PG payment.
async fn paid_twice(bench: &Bench) -> (PaymentId, PgPaymentId, String) {
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(Duration::from_secs(5));
    (id, bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now())), order)
}

#[tokio::test]
async fn money_that_must_go_back_waits_where_it_could_not_be_sent_and_keeps_its_key() {
    for (hindrance, send) in [(not_sent as Error, 1), (not_processed, 2)] {
        let bench = Bench::before_confirm();
        let (id, second, order) = paid_twice(&bench).await;
        bench.pg.instead(Op::Cancel, hindrance);
        bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
        let row = the_cancel(&bench, &id).await;
        assert_eq!((row.origin, row.status), (CancelOrigin::Compensation, CancelStatus::Requested));
        assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "one try, then the resolver's");
        bench.pass_slowly(Duration::from_secs(120), 10).await;
        let row = the_cancel(&bench, &id).await;
        assert_eq!(row.status, CancelStatus::Done);
        let keys = bench.pg.keys(Op::Cancel);
        assert_eq!(keys[1], format!("{id}:cancel:{}:{send}", row.id));
        assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    }
}

#[tokio::test]
async fn a_second_surplus_goes_back_while_the_first_is_unknown() {
    let bench = Bench::before_confirm();
    let (id, second, order) = paid_twice(&bench).await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
    bench.clock.advance(Duration::from_secs(5));
    let third = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(json!({ "pg_id": third.as_str(), "order_id": order })).await;
    assert_eq!(bench.pg.books(|books| books.row(&third).given_back), PRICE, "it waits for no other");
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
}

#[tokio::test]
async fn late_money_goes_back_once_the_close_of_its_account_is_known_not_to_have_been_done() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.total = Money::krw(PRICE + 1)));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    let sent = bench.pg.calls(Op::Cancel).len();
    assert_eq!(sent, 1, "one cancel of a payment at a time");
    bench.pass_slowly(2 * SETTLED, 20).await;
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE + 1);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).snapshot.status), PgStatus::Paid);
}

#[tokio::test]
async fn what_a_look_settled_meanwhile_is_newer_than_the_answer() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    let (pg, gateway) = (bench.pg.clone(), bench.gateway.clone());
    let (merchant, payment, refunded) = (bench.merchant.clone(), id.clone(), pg_id.clone());
    bench.pg.meanwhile(Op::Cancel, move || async move {
        pg.books(|books| books.complete_refunds(&refunded));
        gateway.verify(&merchant, &payment).await.unwrap();
        pg.instead(Op::Verify, no_answer);
    });
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done, "and not pending again");
}

#[tokio::test]
async fn an_answer_that_it_was_done_is_newer_than_a_no_to_its_repeat() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    let (pg, gateway, clock) = (bench.pg.clone(), bench.gateway.clone(), bench.clock.clone());
    let (merchant, payment) = (bench.merchant.clone(), id.clone());
    bench.pg.meanwhile(Op::Cancel, move || async move {
        // The answer takes so long that the resolver sends again, is refused, and finds nothing done.
        clock.advance(SETTLED);
        pg.answer(Op::Verify, before.clone());
        pg.answer(Op::Verify, before);
        pg.instead(Op::Cancel, declined);
        gateway.resolve(&merchant, &payment).await.unwrap();
        pg.instead(Op::Verify, no_answer);
    });
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    let row = the_cancel(&bench, &id).await;
    assert_eq!((row.status, row.failure), (CancelStatus::Done, None));
}

#[tokio::test]
async fn a_cancel_that_the_pg_calls_done_and_does_not_list_is_no_failure() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.answer(Op::Cancel, bench.pg.books(|books| books.row(&pg_id).snapshot));
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!((record.cancels[0].status, &record.cancels[0].failure), (CancelStatus::Done, &None));
}

#[tokio::test]
async fn late_money_that_goes_back_waits_for_a_close_that_is_under_way() {
    let bench = Bench::over(MoneyMoves::OnConfirm { within: CONFIRMS_WITHIN }, LatePayments::GiveBack);
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.clock.advance(Duration::from_secs(3 * 3_600 - 5));
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Expired);
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    let rows = bench.read(&id).await.cancels;
    assert_eq!((rows[0].status, rows[1].status), (CancelStatus::Unknown, CancelStatus::Requested));
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "one cancel of a payment at a time");
    bench.clock.advance(SETTLED);
    bench.verify(&id).await;
    let rows = bench.read(&id).await.cancels;
    assert_eq!((rows[0].status, rows[1].status), (CancelStatus::Refused, CancelStatus::Done));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
}
