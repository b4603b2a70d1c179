//! The workers beside a PG that does not answer: others do not wait for it.

use std::time::Duration;

use paymux_core::{
    gateway::Gateway,
    model::{AccountId, Device, LookUpSubject, PaymentStatus},
    store::{OwedLookUp, PaymentRecord, Why},
};
use paymux_sandbox::{Control, Fault, FaultRule, PayMethod, PayOutcome, PayRequest};
use tokio::time::{sleep, timeout};

use crate::testing::{demo, registered};

/// Far more than a payment takes, and far less than a PG is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A payment of an account whose window is open.
async fn open(gateway: &Gateway, account: &AccountId) -> PaymentRecord {
    let payment = registered(gateway, account, &format!("order-{account}")).await.payment;
    gateway.next_action(&payment.merchant, &payment.id, Device::Desktop, None).await.unwrap().0
}

/// The look-ups of a payment.
const LOOK_UPS: [&str; 3] = ["get", "find", "find_all"];

/// Whether the PG was asked for a look-up.
fn is_asked(control: &Control) -> bool {
    control.calls().iter().any(|call| call.call.is_some_and(|call| LOOK_UPS.contains(&call)))
}

async fn is_paid(gateway: &Gateway, record: &PaymentRecord) -> bool {
    let payment = gateway.payment(&record.payment.merchant, &record.payment.id).await.unwrap().payment;
    payment.status() == PaymentStatus::Paid
}

/// The PG takes so many look-ups of each kind and does not answer.
async fn hold(control: &Control, times: u64) {
    control.add_faults(LOOK_UPS.map(|call| rule(call, Fault::TimeoutBefore, times)).to_vec()).await.unwrap();
}

fn rule(call: &str, fault: Fault, times: u64) -> FaultRule {
    FaultRule {
        account: None,
        call: call.to_owned(),
        nth: None,
        times: Some(times),
        fault,
        status: None,
        body: None,
        for_ms: None,
    }
}

/// Has a payment looked up by the workers.
async fn mark(gateway: &Gateway, record: &PaymentRecord) {
    let of = LookUpSubject::Attempt(record.attempts[0].number);
    let now = gateway.clock().now();
    let owed = OwedLookUp { of, at: now, why: Why::Hint, tries: 0 };
    gateway.store().owe(&record.payment.merchant, &record.payment.id, vec![owed], now).await.unwrap();
    gateway.notify(&record.payment.account);
}

/// The buyer pays in the window; where money moves there, only a webhook tells of it.
fn pay(control: &Control, record: &PaymentRecord) {
    let request = PayRequest {
        order_id: record.attempts[0].pg_order_id.to_string(),
        method: Some(PayMethod::Card),
        outcome: PayOutcome::Approve,
        amount: Some(15_000),
        decline_code: None,
        client_key: None,
        order_name: None,
        bypass_prepare: false,
        sdk: serde_json::Map::new(),
    };
    control.pay(&request).unwrap();
}

async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, looks).await.is_ok(), "{what}");
}

#[tokio::test]
async fn slow_look_up_delays_no_other_payment_of_the_account() {
    let app = demo(&[]).await;
    let gateway = app.gateway();
    let account: AccountId = "portone".parse().unwrap();
    let (stuck, paying) =
        (open(gateway, &account).await, registered(gateway, &account, "order-2").await.payment);
    let (paying, _) = gateway.next_action(&paying.merchant, &paying.id, Device::Desktop, None).await.unwrap();
    let control = &app.controls()[&account];
    hold(control, 1).await;
    mark(gateway, &stuck).await;
    wait_until("the PG was never asked", async || is_asked(control)).await;
    control.clear_faults();

    control.add_faults(vec![rule("webhook", Fault::Drop, 1_000)]).await.unwrap();
    pay(control, &paying);
    mark(gateway, &paying).await;
    wait_until("the other payment waits for the slow look-up", async || is_paid(gateway, &paying).await)
        .await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_pg_that_does_not_answer_delays_no_other_account() {
    let second = [
        ("ACCOUNTS__SECOND__KIND", "portone"),
        ("ACCOUNTS__SECOND__MERCHANT", "demo"),
        ("ACCOUNTS__SECOND__MODE", "test"),
        ("ACCOUNTS__SECOND__WEBHOOK_PATH_TOKEN", "token-of-the-second-account"),
    ];
    let app = demo(&second).await;
    let gateway = app.gateway();
    let (slow, other): (AccountId, AccountId) = ("portone".parse().unwrap(), "second".parse().unwrap());
    let (stuck, paying) = (open(gateway, &slow).await, open(gateway, &other).await);
    let control = &app.controls()[&slow];
    hold(control, 1_000).await;
    mark(gateway, &stuck).await;
    wait_until("the slow PG was never asked", async || is_asked(control)).await;

    pay(&app.controls()[&other], &paying);
    wait_until("the other account waits for the slow PG", async || is_paid(gateway, &paying).await).await;
    app.stop().await.unwrap();
}
