//! The sweep finds what no webhook told: invariant 12.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{AccountLimits, Clock, PaymentStatus, ProviderError};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn the_sweep_finds_a_payment_no_webhook_told_of() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.clock.advance(HOUR);
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 0, "it is known now");
}

#[tokio::test]
async fn the_sweep_finds_a_second_payment() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(HOUR);
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 1);
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
}

#[tokio::test]
async fn money_on_the_list_is_looked_at_however_little_room_there_is() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let bench = bench.limited(AccountLimits { requests_per_minute: Some(1), ..AccountLimits::default() });
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(HOUR);
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 1);
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
}

#[tokio::test]
async fn accounts_are_swept_hourly_by_one_replica() {
    let bench = Bench::before_confirm();
    let other = bench.replica(|_| ());
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    other.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 1);
    bench.clock.advance(HOUR);
    other.gateway.sweep_due(&super::bench::account()).await.unwrap();
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 2);
}

#[tokio::test]
async fn what_is_listed_late_is_found_by_the_overlap() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let paid_at = bench.clock.now();
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    bench.clock.advance(HOUR);
    bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_sweep_that_failed_is_repeated_soon_over_the_same_span() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.instead(Op::List, || ProviderError::no_answer("the connection broke"));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    bench.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn one_payment_that_cannot_be_followed_does_not_hide_those_after_it() {
    let bench = Bench::before_confirm();
    let mut ids = Vec::new();
    for order in ["order-1", "order-2"] {
        let id = bench.try_register(order, PRICE).await.unwrap().record.payment.id;
        let pg_order = bench.open(&id).await;
        bench.pg.books(|books| books.pay(&pg_order, PRICE, bench.clock.now()));
        ids.push(id);
    }
    bench.pg.instead(Op::Verify, || ProviderError::Misconfigured(pg_message("FORBIDDEN_REQUEST")));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.status(&ids[1]).await, PaymentStatus::Paid);
    bench.pass(Duration::from_secs(5 * 60)).await;
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.status(&ids[0]).await, PaymentStatus::Paid);
}
