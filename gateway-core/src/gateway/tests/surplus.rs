//! One PG payment is accepted per payment, any other that took money goes back: invariant 9.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED, new_cancel},
    fake_books::{Op, pg_message},
};
use crate::{
    CancelOrigin, CancelScope, CancelStatus, Clock, EventKind, GatewayError, PaymentId, PaymentStatus,
    PgPaymentId, ProviderError, UnknownOutcome,
};

/// A paid payment whose buyer pays a second time under the same order id, in another tab.
async fn paid_twice(bench: &Bench) -> (PaymentId, PgPaymentId, PgPaymentId, String) {
    let (id, first) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(Duration::from_secs(5));
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    (id, first, second, order)
}

async fn is_given_back(bench: &Bench, id: &PaymentId, first: &PgPaymentId, second: &PgPaymentId) {
    let record = bench.read(id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(first)));
    assert_eq!(record.cancels.len(), 1);
    assert_eq!(record.cancels[0].origin, CancelOrigin::Compensation);
    assert_eq!(record.cancels[0].status, CancelStatus::Done);
    assert_eq!(bench.pg.books(|books| books.row(second).given_back), PRICE);
    assert_eq!(bench.pg.books(|books| books.row(first).given_back), 0);
    assert_eq!(bench.count(EventKind::Surplus).await, 1);
    assert_eq!(record.cancellable().amount(), PRICE, "the first can still be given back in full");
}

#[tokio::test]
async fn a_second_payment_is_given_back() {
    let bench = Bench::before_confirm();
    let (id, first, second, order) = paid_twice(&bench).await;
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    is_given_back(&bench, &id, &first, &second).await;
    bench.pass_slowly(Duration::from_secs(3_600), 30).await;
    is_given_back(&bench, &id, &first, &second).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
}

#[tokio::test]
async fn a_second_payment_that_the_browser_brings_is_given_back() {
    let bench = Bench::before_confirm();
    let (id, first, second, _) = paid_twice(&bench).await;
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    is_given_back(&bench, &id, &first, &second).await;
}

#[tokio::test]
async fn a_second_payment_is_watched_to_nothing() {
    let errors: [fn() -> ProviderError; 2] = [
        || ProviderError::no_answer("the connection broke"),
        || ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR"))),
    ];
    for error in errors {
        let bench = Bench::before_confirm();
        let (id, first, second, order) = paid_twice(&bench).await;
        bench.pg.instead(Op::Cancel, error);
        bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
        assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Unknown);
        bench.pass_slowly(Duration::from_secs(900), 30).await;
        is_given_back(&bench, &id, &first, &second).await;
    }
}

#[tokio::test]
async fn a_second_payment_whose_cancel_was_done_unheard_is_found_done() {
    let bench = Bench::before_confirm();
    let (id, first, second, order) = paid_twice(&bench).await;
    bench.pg.after(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    bench.pass_slowly(Duration::from_secs(300), 10).await;
    is_given_back(&bench, &id, &first, &second).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
}

#[tokio::test]
async fn a_pg_that_says_done_and_shows_the_money_still_is_asked_again_and_not_without_end() {
    let bench = Bench::before_confirm();
    let (id, first, second, order) = paid_twice(&bench).await;
    let unmoved = bench.pg.books(|books| books.row(&second).snapshot);
    bench.pg.answer(Op::Cancel, unmoved);
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "it may only not show yet");
    bench.pass_slowly(SETTLED + Duration::from_secs(60), 10).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    assert_eq!(bench.pg.books(|books| books.row(&first).given_back), 0);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_second_payment_partly_given_back_by_hand_gives_back_the_rest() {
    let bench = Bench::before_confirm();
    let (_, _, second, order) = paid_twice(&bench).await;
    bench.pg.books(|books| books.cancel_in_console(&second, 4_000));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE - 4_000);
}

#[tokio::test]
async fn of_two_payments_found_at_once_the_earlier_is_accepted() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let first = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.clock.advance(Duration::from_secs(5));
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.verify(&id).await;
    is_given_back(&bench, &id, &first, &second).await;
}

#[tokio::test]
async fn an_account_nobody_should_pay_into_any_more_is_closed() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let account = bench.pg.books(|books| {
        let due_at = bench.clock.now() + Duration::from_secs(9_000);
        let account = books.agree_to_deposit(&order, PRICE, due_at);
        books.change(&account, |snapshot| snapshot.status = crate::PgStatus::AwaitingDeposit);
        account
    });
    let card = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&card)));
    assert_eq!(record.cancels[0].scope, CancelScope::Close);
    let closed = bench.pg.books(|books| books.row(&account).snapshot.status);
    assert_eq!(closed, crate::PgStatus::Cancelled);
}

/// Two attempts, the first of which took money that only shows once the second is on its way.
async fn late_first_attempt(bench: &Bench) -> (PaymentId, PgPaymentId, PgPaymentId) {
    let (id, first) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("the connection broke"));
    bench.confirm(&id, &first).await.unwrap();
    bench.pass(super::fake_pg::CONFIRMS_WITHIN).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    let order = bench.open(&id).await;
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    (id, first, second)
}

#[tokio::test]
async fn a_refused_second_attempt_does_not_fail_a_payment_the_first_has_paid() {
    let bench = Bench::on_confirm();
    let (id, first, second) = late_first_attempt(&bench).await;
    let (pg, gateway, merchant, payment, now) =
        (bench.pg.clone(), bench.gateway.clone(), bench.merchant.clone(), id.clone(), bench.clock.now());
    let paid_late = first.clone();
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:2:1")));
    bench.pg.meanwhile(Op::Confirm, move || async move {
        pg.books(|books| books.charge(&paid_late, now));
        gateway.verify(&merchant, &payment).await.unwrap();
    });
    let _ = bench.confirm(&id, &second).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&first)));
}

#[tokio::test]
async fn a_second_attempt_is_not_sent_again_once_the_first_has_paid() {
    let bench = Bench::on_confirm();
    let (id, first, second) = late_first_attempt(&bench).await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("the connection broke"));
    bench.confirm(&id, &second).await.unwrap();
    bench.pg.books(|books| books.charge(&first, bench.clock.now()));
    bench.pass_slowly(Duration::from_secs(3_600), 40).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&second).charged), 0, "the buyer pays once");
}

#[tokio::test]
async fn a_second_attempt_that_took_money_all_the_same_gives_it_back() {
    let bench = Bench::on_confirm();
    let (id, first, second) = late_first_attempt(&bench).await;
    bench.pg.after(Op::Confirm, || ProviderError::no_answer("the connection broke"));
    bench.pg.books(|books| books.charge(&first, bench.clock.now()));
    bench.clock.advance(Duration::from_secs(5));
    bench.confirm(&id, &second).await.unwrap();
    bench.pass_slowly(Duration::from_secs(300), 10).await;
    is_given_back(&bench, &id, &first, &second).await;
}

#[tokio::test]
async fn an_unknown_cancel_of_the_surplus_blocks_the_merchants() {
    let bench = Bench::before_confirm();
    let (id, _, second, order) = paid_twice(&bench).await;
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    let answer = bench.gateway.cancel(&bench.merchant, &id, &new_cancel(None), None).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { .. })));
}
