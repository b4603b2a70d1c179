//! An order that was registered again on another account: each payment goes by its own.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, account, after},
    fake_pg::FakePg,
};
use crate::{
    account::{Account, Work},
    gateway::{Gateway, MerchantPolicy, NewPayment},
    lifecycle::tests::sample::{PRICE, terms},
    model::{AccountId, Device, IdSource, MoneyMoves, PaymentId, PaymentStatus, PgStatus},
};

fn other() -> AccountId {
    "other".parse().unwrap()
}

/// A second account beside the bench's own, whose PG cannot close what it issued.
fn with_other_account(bench: &mut Bench) -> FakePg {
    let mut pg = FakePg::new(bench.pg.clock.clone(), MoneyMoves::BeforeConfirm);
    pg.description.guards.close = Vec::new();
    let account_at = |id, pg: &FakePg| Account::new(id, bench.merchant.clone(), Arc::new(pg.clone()));
    let mut policy = MerchantPolicy::new(account());
    policy.payable_for = PAYABLE_FOR;
    let builder = Gateway::builder(Arc::new(bench.store.clone())).clock(Arc::new(bench.clock.clone()));
    let builder = builder.ids(IdSource::seeded(9)).merchant(bench.merchant.clone(), policy);
    let builder = builder.account(account_at(account(), &bench.pg)).account(account_at(other(), &pg));
    bench.gateway = Arc::new(builder.build().unwrap());
    pg
}

/// The order's next payment, on the other account, with an account that nobody paid into in time.
async fn expired_deposit(bench: &Bench, pg: &FakePg) -> PaymentId {
    let mut terms = terms(9_000);
    terms.account = Some(other());
    let new = NewPayment { order_id: "order-1".parse().unwrap(), terms };
    let id = bench.gateway.register(&bench.merchant, new, None).await.unwrap().record.payment.id;
    bench.gateway.next_action(&bench.merchant, &id, Device::Desktop, None).await.unwrap();
    let window = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let due_at = after(bench.pg.clock_now(), HOUR);
    let issued = pg.books(|books| {
        let issued = books.agree_to_deposit(&window, 9_000, due_at);
        books.change(&issued, |shown| shown.status = PgStatus::AwaitingDeposit);
        issued
    });
    bench.bring(&id, json!({ "pg_id": issued.as_str() })).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    bench.advance(3 * HOUR);
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    id
}

#[tokio::test]
async fn payment_that_yields_goes_by_its_own_account() {
    let mut bench = Bench::before_confirm();
    let pg = with_other_account(&mut bench);
    assert!(bench.pg.description.closes_accounts());
    let (old, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    bench.run(PAYABLE_FOR + MINUTE).await;
    let new = expired_deposit(&bench, &pg).await;
    bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    while bench.gateway.notified(&other(), Work::Payments).now_or_never().is_some() {}
    bench.verify(&old).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::Paid);
    let yielded = bench.read(&new).await;
    assert!(yielded.payment.yielded);
    assert!(yielded.charges[0].closes.is_empty(), "its PG cannot close it");
    assert!(bench.gateway.notified(&other(), Work::Payments).now_or_never().is_some());
    bench.run(DAY).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn superseded_payment_notifies_its_own_account() {
    let mut bench = Bench::before_confirm();
    with_other_account(&mut bench);
    bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    while bench.gateway.notified(&account(), Work::Payments).now_or_never().is_some() {}
    let mut terms = terms(9_000);
    terms.account = Some(other());
    let new = NewPayment { order_id: "order-1".parse().unwrap(), terms };
    bench.gateway.register(&bench.merchant, new, None).await.unwrap();
    let is_notified = bench.gateway.notified(&account(), Work::Payments).now_or_never().is_some();
    assert!(is_notified, "what is open of it may be closed now");
}
