//! Virtual accounts.

use std::time::Duration;

use paymux_core::{
    model::{Method, PgCancelStatus, PgStatus},
    provider::PaymentRequest,
};
use paymux_sandbox::{OrderAction, PayOutcome};

use super::{
    bench::{Bench, charge},
    requests::{AMOUNT, FollowUp, close_of, krw, order, payment_request},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub async fn issued_account_waits_until_its_deposit_comes<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let issued = bench.confirmed(&order, Method::VirtualAccount).await;
    assert_eq!((issued.status, issued.total, issued.paid), (PgStatus::AwaitingDeposit, krw(AMOUNT), krw(0)));
    assert_eq!((issued.paid_at, issued.cancellable), (None, krw(0)), "there is nothing to give back yet");
    let account = issued.virtual_account.clone().unwrap();
    assert!(!account.account_number.is_empty());
    assert!(account.bank_code.is_some() && account.pg_bank.is_some(), "{account:?}");
    assert!(account.due_at.unwrap() > bench.now());
    let looked_up = bench.look(&issued).await;
    assert_eq!((looked_up.status, &looked_up.virtual_account), (issued.status, &issued.virtual_account));
    assert_eq!(bench.money(&order), (0, 0));

    bench.control().deposit(&OrderAction::all_of(order.as_str())).unwrap();
    let paid = bench.look(&issued).await;
    assert_eq!((paid.status, paid.paid, paid.cancelled), (PgStatus::Paid, krw(AMOUNT), krw(0)));
    assert_eq!(paid.cancellable, krw(AMOUNT));
    assert!(paid.paid_at.is_some());
    assert_eq!(paid.virtual_account.unwrap().account_number, account.account_number);
}

pub async fn account_waits_as_long_as_was_asked<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let due = jiff::Timestamp::from_second(bench.now().as_second() + 5 * 60 * 60).unwrap();
    let request =
        PaymentRequest { deposit_due_at: Some(due), ..payment_request(&order, Method::VirtualAccount) };
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    let taken = FollowUp::of(&order, &claim).unwrap().send(bench.provider()).await.unwrap();
    assert_eq!(taken.snapshot.unwrap().virtual_account.unwrap().due_at, Some(due));
}

pub async fn account_past_its_time_is_seen_to_be<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let issued = bench.confirmed(&order, Method::VirtualAccount).await;
    bench.advance(30 * DAY);
    assert!(bench.control().deposit(&OrderAction::all_of(order.as_str())).is_err());
    let expired = bench.look(&issued).await;
    let due_at = expired.virtual_account.as_ref().unwrap().due_at.unwrap();
    let waits_past_its_time = expired.status == PgStatus::AwaitingDeposit && due_at < bench.now();
    assert!(expired.status == PgStatus::Expired || waits_past_its_time, "{expired:?}");
    assert_eq!(expired.paid, krw(0));
}

pub async fn unpaid_account_can_be_closed<B: Bench>() {
    let bench = B::start().await;
    assert!(bench.provider().describe().closes_accounts());
    let order = order(1);
    let issued = bench.confirmed(&order, Method::VirtualAccount).await;
    let close = close_of(&charge(&issued), 1);
    let outcome = bench.provider().cancel(&close).await.unwrap();
    assert_eq!(outcome.status, PgCancelStatus::Done);
    for snapshot in [outcome.snapshot.unwrap(), bench.look(&issued).await] {
        assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Closed, krw(0)));
        assert_eq!(snapshot.cancelled, krw(0), "nothing came in, so nothing went back");
        assert_eq!(snapshot.cancellable, krw(0));
    }
    assert!(bench.control().deposit(&OrderAction::all_of(order.as_str())).is_err());
    match bench.provider().cancel(&close).await {
        Ok(again) => assert_eq!(again.status, PgCancelStatus::Done),
        Err(error) => assert_eq!(error.name(), "unknown"),
    }
    assert_eq!(bench.money(&order), (0, 0));
    assert_eq!(bench.look_by_order(&order).await.len(), 1);
}

pub async fn paid_account_is_not_closed<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let issued = bench.deposited(&order).await;
    let refused = bench.provider().cancel(&close_of(&charge(&issued), 1)).await.unwrap_err();
    assert!(["declined", "unknown"].contains(&refused.name()), "{refused:?}");
    assert_eq!(bench.money(&order), (AMOUNT, 0));
    assert_eq!(bench.look(&issued).await.status, PgStatus::Paid);
}
