use std::time::Duration;

use gateway_core::{PaymentRecord, PaymentStatus};
use sandbox::{Control, Fault, FaultRule, PayMethod, PayOutcome, PayRequest};
use tokio::time::{sleep, timeout};

use super::*;
use crate::testing::{demo, registered};

/// Far more than a payment takes, and far less than a PG is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A payment of an account whose window is open.
async fn open(gateway: &Gateway, account: &AccountId) -> PaymentRecord {
    let payment = registered(gateway, account, &format!("order-{account}")).await.payment;
    gateway.next_action(&payment.merchant, &payment.id, None).await.unwrap().0
}

/// The look-ups of a payment.
const LOOK_UPS: [&str; 3] = ["get", "find", "find_all"];

/// The PG takes every look-up and does not answer.
async fn hold(control: &Control) {
    let rule = |call: &str| FaultRule {
        account: None,
        call: call.to_owned(),
        nth: None,
        times: Some(1_000),
        fault: Fault::TimeoutBefore,
        status: None,
        body: None,
        for_ms: None,
    };
    control.add_faults(LOOK_UPS.map(rule).to_vec()).await.unwrap();
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

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, looks).await.is_ok(), "{what}");
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
    hold(control).await;
    gateway.store().mark_dirty(&stuck.payment.id, gateway.clock().now()).await.unwrap();
    gateway.wake(&slow);
    let is_asked =
        async || control.calls().iter().any(|call| call.call.is_some_and(|call| LOOK_UPS.contains(&call)));
    until("the slow PG was never asked", is_asked).await;

    pay(&app.controls()[&other], &paying);
    until("the other account waits for the slow PG", async || {
        let record = gateway.payment(&paying.payment.merchant, &paying.payment.id).await.unwrap();
        record.payment.status == PaymentStatus::Paid
    })
    .await;
    app.stop().await.unwrap();
}
