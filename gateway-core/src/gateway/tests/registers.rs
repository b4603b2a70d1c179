//! Registering, and registering again.

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::Op,
};
use crate::{GatewayError, PaymentStatus, RequestKey};

#[tokio::test]
async fn registering_calls_no_pg() {
    let bench = Bench::on_confirm();
    bench.register().await;
    for op in [Op::Request, Op::Confirm, Op::Verify, Op::Cancel, Op::List] {
        assert!(bench.pg.calls(op).is_empty());
    }
}

#[tokio::test]
async fn the_same_order_with_the_same_terms_is_the_same_payment() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let again = bench.try_register("order-1", PRICE).await.unwrap();
    assert_eq!((again.record.payment.id, again.created), (id, false));
}

#[tokio::test]
async fn the_same_order_with_other_terms_is_refused_while_open_or_paid() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let other = bench.try_register("order-1", PRICE + 1).await;
    assert!(matches!(other, Err(GatewayError::OrderInProgress(open)) if open == id));
}

#[tokio::test]
async fn over_an_ended_payment_a_new_one_is_registered() {
    let bench = Bench::on_confirm();
    let first = bench.register().await;
    bench.cancel(&first, None).await.unwrap();
    let second = bench.try_register("order-1", PRICE + 1).await.unwrap();
    assert!(second.created);
    assert!(bench.read(&first).await.payment.superseded);

    bench.open(&second.record.payment.id).await;
    bench.pass(PAYABLE_FOR + std::time::Duration::from_secs(10)).await;
    assert_eq!(bench.status(&second.record.payment.id).await, PaymentStatus::Expired);
    assert!(bench.try_register("order-1", PRICE).await.unwrap().created);
}

#[tokio::test]
async fn a_failed_payment_whose_order_a_newer_one_has_takes_no_attempt() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    bench.try_register("order-1", PRICE + 1).await.unwrap();
    assert!(bench.gateway.next_action(&bench.merchant, &id, None).await.is_err());
}

#[tokio::test]
async fn many_registrations_at_once_make_one_payment() {
    let bench = std::sync::Arc::new(Bench::on_confirm());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.try_register("order-1", PRICE).await.unwrap().record.payment.id })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn amounts_the_account_does_not_take_are_refused() {
    let bench = Bench::on_confirm();
    for amount in [0, 99, 10_000_001] {
        let refused = bench.try_register("order-1", amount).await;
        assert!(matches!(refused, Err(GatewayError::Invalid { param: "amount", .. })), "{amount}");
    }
}

#[tokio::test]
async fn a_key_is_written_with_the_row_it_made() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let key = RequestKey { key: "k1".to_owned(), digest: "d".to_owned() };
    let result = serde_json::json!({ "pg_id": pg_id.as_str() });
    bench.gateway.confirm(&bench.merchant, &id, &result, Some(&key)).await.unwrap();
    let cancel = super::bench::new_cancel(Some(1));
    let reused = bench.gateway.cancel(&bench.merchant, &id, &cancel, Some(&key)).await;
    assert!(matches!(reused, Err(GatewayError::KeyInUse)));
    assert!(bench.pg.calls(Op::Cancel).is_empty(), "and nothing of the second request is kept");
    assert!(bench.read(&id).await.cancels.is_empty());
}
