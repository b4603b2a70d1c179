//! An order that is registered a third time, after an older payment of it was kept (invariants 4, 11, 16).

use super::bench::{Bench, DAY, MINUTE, PAYABLE_FOR};
use crate::{
    CancelStatus, PaymentId, PaymentStatus, PgCancelStatus, PgPaymentId, lifecycle::tests::sample::PRICE,
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
    let forget = |draft: &mut crate::lifecycle::Draft, _: &crate::lifecycle::Context<'_>| {
        draft.record.payment.superseded = false;
        draft.record.payment.reviews.clear();
    };
    bench.gateway.core.update(&bench.merchant, &old, forget).await.unwrap();
    bench.pg.books(|books| books.end_refunds(&kept, PgCancelStatus::Failed));
    bench.advance(MINUTE);
    let told = bench.verify(&old).await;
    assert!(told.payment.superseded);
    assert_eq!(bench.open_reviews(&old).await, ["older_payment_kept", "failed_refund"]);
    bench.run(10 * DAY).await;
    assert_eq!(bench.newest_cancel(&old).await.status, CancelStatus::Refused);
    assert_eq!(bench.status(&third).await, PaymentStatus::Expired);
    bench.check_ledger().await;
}
