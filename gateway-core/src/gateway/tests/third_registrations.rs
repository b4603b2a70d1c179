//! An order that is registered a third time, after an older payment of it was kept (invariants 4, 11, 16).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, SECOND},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentId, PaymentStatus, PgCancelStatus, PgPaymentId},
};

/// A kept payment that the merchant refunds, while the refund may fail yet; its order id is registered a third time. Both
/// ids, and the PG's id of what was kept.
async fn refunded_and_registered_again(bench: &Bench) -> (PaymentId, PaymentId, PgPaymentId) {
    let (old, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    bench.run(PAYABLE_FOR + MINUTE).await;
    bench.try_register("order-1", 9_000).await.unwrap();
    let kept = bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    bench.run(2 * DAY).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::Paid);
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&old, None).await.unwrap();
    let third = bench.try_register("order-1", 8_000).await.unwrap().record.payment.id;
    (old, third, kept)
}

#[tokio::test]
async fn kept_payment_is_superseded_by_the_next_registration() {
    for is_paid in [false, true] {
        let bench = Bench::before_confirm();
        let (old, third, kept) = refunded_and_registered_again(&bench).await;
        if is_paid {
            let window = bench.open(&third).await;
            let paid = bench.pg.books(|books| books.pay(&window, 8_000, bench.pg.clock_now()));
            bench.confirm(&third, &paid).await.unwrap();
        }
        assert!(bench.read(&old).await.payment.superseded);
        bench.pg.books(|books| books.end_refunds(&kept, PgCancelStatus::Failed));
        bench.advance(MINUTE);
        bench.verify(&old).await;
        let before = bench.look_ups();
        bench.run(10 * DAY).await;
        assert!(bench.look_ups() - before < 40, "{}", bench.look_ups() - before);
        assert_eq!(bench.newest_cancel(&old).await.status, CancelStatus::Refused);
        assert_eq!(bench.open_reviews(&old).await, ["older_payment_kept", "failed_refund"]);
        let expected = if is_paid { PaymentStatus::Paid } else { PaymentStatus::Expired };
        assert_eq!(bench.status(&third).await, expected);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn look_up_that_meets_a_taken_order_is_superseded_with_a_review() {
    let bench = Bench::before_confirm();
    let (old, third, kept) = refunded_and_registered_again(&bench).await;
    // As a gateway left it that marked only the newest payment of an order.
    let clear_superseded = |draft: &mut crate::lifecycle::Draft, _: &crate::lifecycle::Context<'_>| {
        draft.record.payment.superseded = false;
        draft.record.payment.reviews.clear();
    };
    bench.gateway.core.update(&bench.merchant, &old, clear_superseded).await.unwrap();
    bench.pg.books(|books| books.end_refunds(&kept, PgCancelStatus::Failed));
    bench.advance(MINUTE);
    let answer = bench.verify(&old).await;
    assert!(answer.payment.superseded);
    assert_eq!(bench.open_reviews(&old).await, ["older_payment_kept", "failed_refund"]);
    bench.run(10 * DAY).await;
    assert_eq!(bench.newest_cancel(&old).await.status, CancelStatus::Refused);
    assert_eq!(bench.status(&third).await, PaymentStatus::Expired);
    bench.check_ledger().await;
}

/// An order whose oldest payment was kept and refunded: the second gave way to it, with its window open, and a third is
/// registered. The second, the order id of its window, and the third.
async fn given_way_and_registered_again(bench: &Bench) -> (PaymentId, String, PaymentId) {
    let (oldest, order) = bench.opened().await;
    let money = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.run(PAYABLE_FOR + MINUTE).await;
    let second = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    let window = bench.open(&second).await;
    bench.pg.books(|books| books.take(&money, bench.pg.clock_now()));
    bench.webhook(json!({ "pg_id": money.as_str(), "order_id": order })).await;
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&oldest).await, PaymentStatus::Paid);
    assert_eq!(bench.status(&second).await, PaymentStatus::Cancelled);
    bench.cancel(&oldest, None).await.unwrap();
    let third = bench.try_register("order-1", 8_000).await.unwrap().record.payment.id;
    (second, window, third)
}

#[tokio::test]
async fn money_of_a_yielded_payment_goes_back_beside_an_account() {
    let bench = Bench::before_confirm();
    let (second, window, third) = given_way_and_registered_again(&bench).await;
    let account = bench.issued(&bench.open(&third).await, 8_000, DAY);
    bench.confirm(&third, &account).await.unwrap();
    let money = bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
    bench.verify(&second).await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&third).await, PaymentStatus::AwaitingDeposit);
    assert_eq!(bench.given_back(&money), 9_000);
    bench.check_ledger().await;
}

#[tokio::test]
async fn money_of_a_payment_that_gave_way_ends_no_newer_confirm() {
    let bench = Bench::on_confirm();
    let (_, window, third) = given_way_and_registered_again(&bench).await;
    let order = bench.open(&third).await;
    let newest = bench.pg.books(|books| books.agree(&order, 8_000));
    bench.pg.later(Op::Confirm);
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&third, &newest).await.unwrap();
    let money = bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
    bench.webhook(json!({ "pg_id": money.as_str(), "order_id": window })).await;
    bench.pass(11 * SECOND).await;
    assert_eq!(
        bench.status(&third).await,
        PaymentStatus::Confirming,
        "nobody knows yet whether it took money"
    );
    bench.pg.execute_late();
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&third).await, PaymentStatus::Paid);
    assert_eq!((bench.given_back(&money), bench.given_back(&newest)), (9_000, 0));
    bench.check_ledger().await;
}
