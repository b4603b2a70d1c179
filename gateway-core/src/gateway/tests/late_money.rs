//! Money that comes after a payment has ended: invariant 12.

use std::time::Duration;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::Op,
};
use crate::{
    CancelOrigin, Clock, LatePayments, Money, MoneyMoves, PaymentStatus, PgPaymentId, ProviderError,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An expired payment, and the order id its window was opened with.
async fn expired(bench: &Bench) -> (crate::PaymentId, String) {
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    (id, order)
}

fn pay(bench: &Bench, order: &str) -> PgPaymentId {
    bench.pg.books(|books| books.pay(order, PRICE, bench.clock.now()))
}

#[tokio::test]
async fn an_ended_payment_is_watched_for_seven_days() {
    let bench = Bench::before_confirm();
    let (id, order) = expired(&bench).await;
    bench.pass_slowly(6 * DAY, 12).await;
    let pg_id = pay(&bench, &order);
    bench.pass(DAY + DAY / 5).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Paid, true));
    assert_eq!(record.accepted(), Some(&pg_id));
    assert!(record.cancels.is_empty(), "by policy it is kept");
}

#[tokio::test]
async fn the_watch_ends_after_seven_days() {
    let bench = Bench::before_confirm();
    let (id, _) = expired(&bench).await;
    bench.pass_slowly(9 * DAY, 18).await;
    assert_eq!(bench.read(&id).await.payment.watch, None);
}

#[tokio::test]
async fn late_money_is_given_back_where_the_policy_says_so() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, order) = expired(&bench).await;
    let pg_id = pay(&bench, &order);
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Cancelled, true));
    assert_eq!(record.cancels[0].origin, CancelOrigin::Compensation);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
    assert_eq!(bench.count(crate::EventKind::LateMoney).await, 1);
    let paid = crate::EventKind::Status(PaymentStatus::Paid);
    assert_eq!(bench.count(paid).await, 0, "who ships on paid must not hear it");
}

#[tokio::test]
async fn money_in_time_is_never_given_back() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, _) = bench.paid().await;
    bench.pass_slowly(8 * DAY, 20).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn late_money_of_an_order_that_a_newer_payment_has_is_given_back() {
    let bench = Bench::before_confirm();
    let (old, order) = expired(&bench).await;
    let new = bench.try_register("order-1", PRICE).await.unwrap();
    assert!(new.created);
    let pg_id = pay(&bench, &order);
    bench.verify(&old).await;
    let record = bench.read(&old).await;
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
    assert_eq!(bench.status(&new.record.payment.id).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn money_for_what_the_merchant_closed_is_given_back() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.cancel(&id, None).await.unwrap();
    let pg_id = pay(&bench, &order);
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
}

#[tokio::test]
async fn money_that_must_go_back_goes_once_the_keys_work_again() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, order) = expired(&bench).await;
    let pg_id = pay(&bench, &order);
    for _ in 0..5 {
        bench.pg.instead(Op::Cancel, || {
            ProviderError::Misconfigured(super::fake_books::pg_message("UNAUTHORIZED_KEY"))
        });
    }
    bench.verify(&id).await;
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 0);
    bench.pass_slowly(DAY, 100).await;
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
}

#[tokio::test]
async fn a_look_that_the_pg_does_not_answer_is_taken_again() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1_000));
    bench.webhook(serde_json::json!({ "pg_id": pg_id.as_str() })).await;
    bench.pg.instead(Op::Verify, || ProviderError::no_answer("the connection broke"));
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pass(Duration::from_secs(10)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled, "the hint was not forgotten");
}

#[tokio::test]
async fn a_pg_that_asks_to_wait_is_not_asked_before() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.instead(Op::Verify, || ProviderError::NotProcessed {
        retry_after: Some(Duration::from_secs(120)),
        pg: super::fake_books::pg_message("TOO_MANY_REQUESTS"),
    });
    bench.pass(Duration::from_secs(3)).await;
    bench.pass_slowly(Duration::from_secs(115), 10).await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), 1);
    bench.pass(Duration::from_secs(10)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}
