//! Virtual accounts: issue, deposit, reversal, expiry, refund.

use serde_json::{Value, json};

use super::{
    super::TossConfig,
    bench::{Bench, refund, refund_that_fails, refusal, refused, text},
};
use crate::{ControlErrorCode, OrderAction, PayMethod, PayOutcome, PayRequest};

#[tokio::test]
async fn only_the_confirm_shows_the_secret() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 10_000).await;
    assert_eq!((&payment["status"], &payment["approvedAt"]), (&json!("WAITING_FOR_DEPOSIT"), &Value::Null));
    let secret = text(&payment, "secret");
    assert!(secret.starts_with("ps_") && secret.len() == 31, "{secret}");
    let account = &payment["virtualAccount"];
    assert!(text(account, "accountNumber").starts_with('X'));
    assert_eq!(account["dueDate"], "2026-03-21T10:31:02+09:00");
    assert_eq!(bench.look_up(&payment).await["secret"], Value::Null);
    assert_eq!(bench.money("order-0001"), (0, 0));
}

#[tokio::test]
async fn a_deposit_of_the_exact_amount_pays() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 10_000).await;
    let wrong = bench.control.deposit(&OrderAction::part_of("order-0001", 9_999)).unwrap_err();
    assert_eq!(wrong.code, ControlErrorCode::WrongAmount);
    assert_eq!(bench.look_up(&payment).await["status"], "WAITING_FOR_DEPOSIT");
    bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap();
    let paid = bench.look_up(&payment).await;
    assert_eq!(
        (&paid["status"], &paid["virtualAccount"]["depositorName"]),
        (&json!("DONE"), &json!("김하늘"))
    );
    assert_eq!(bench.money("order-0001"), (10_000, 0));
    let again = bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap_err();
    assert_eq!(again.code, ControlErrorCode::InvalidState);
}

#[tokio::test]
async fn a_reversed_deposit_can_be_made_again() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    bench.control.reverse(&OrderAction::all_of("order-0001")).unwrap();
    assert_eq!(bench.look_up(&payment).await["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(bench.money("order-0001"), (0, 0));
    bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap();
    assert_eq!(bench.money("order-0001"), (10_000, 0));
}

#[tokio::test]
async fn an_expired_account_keeps_waiting_and_takes_nothing() {
    let mut bench = Bench::start().await;
    let sdk = json!({ "virtualAccount": { "validHours": 2 } });
    let Value::Object(sdk) = sdk else { unreachable!() };
    let method = Some(PayMethod::VirtualAccount);
    let request = PayRequest { method, sdk, ..PayRequest::new("order-0001", PayOutcome::Approve, 10_000) };
    let key = bench.pay(&request);
    let (_, payment) = bench.confirm(&key, "order-0001", 10_000).await;
    for _ in 0..2 {
        assert_eq!(text(&bench.inbox.next().await.body, "createdAt").len(), "2026-03-14T10:31:02".len());
    }
    bench.advance_minutes(119);
    assert_eq!(bench.look_up(&payment).await["virtualAccount"]["expired"], false);
    bench.advance_minutes(1);
    let expired = bench.look_up(&payment).await;
    assert_eq!(
        (&expired["status"], &expired["virtualAccount"]["expired"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!(true))
    );
    let refused = bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap_err();
    assert_eq!(refused.code, ControlErrorCode::InvalidState);
    assert!(
        bench.inbox.is_empty() && bench.control.webhooks().len() == 2,
        "no webhook is sent for an expiry"
    );
}

#[tokio::test]
async fn before_the_deposit_all_of_it_is_cancelled_without_an_account() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 10_000).await;
    let part = json!({ "cancelReason": "변심", "cancelAmount": 1 });
    let expected = refused(403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
    assert_eq!(refusal(bench.cancel(&payment, part).await), expected);
    assert_eq!(refusal(bench.cancel(&payment, refund(10_000)).await), refused(400, "INVALID_REQUEST"));
    let (status, cancelled) = bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    assert_eq!((status, &cancelled["status"]), (200, &json!("CANCELED")));
    assert_eq!(cancelled["virtualAccount"]["refundStatus"], "NONE");
    assert_eq!(bench.money("order-0001"), (0, 0));
}

#[tokio::test]
async fn a_refund_needs_an_account_that_takes_money() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    let with = |name: &str, value: &str| {
        let mut body = refund(10_000);
        body["refundReceiveAccount"][name] = value.into();
        body
    };
    let cases = [
        (json!({ "cancelReason": "변심" }), "INVALID_REFUND_ACCOUNT_INFO"),
        (with("bank", "없는은행"), "INVALID_BANK"),
        (with("bank", "04"), "INVALID_BANK"),
        (with("bank", "088"), "INVALID_BANK"),
        (with("bank", "240"), "INVALID_BANK"),
        (with("accountNumber", "110-234"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        (with("accountNumber", "123456789012345678901"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        (with("accountNumber", "000123456789"), "INVALID_REFUND_ACCOUNT_INFO"),
        (with("bankCode", "88"), "INVALID_REQUEST"),
    ];
    for (body, code) in cases {
        assert_eq!(refusal(bench.cancel(&payment, body.clone()).await), refused(400, code), "{body}");
    }
    assert_eq!(bench.money("order-0001"), (10_000, 0));
}

#[tokio::test]
async fn a_refund_is_pending_for_two_days() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    let (_, cancelled) = bench.cancel(&payment, refund(4_000)).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["balanceAmount"]),
        (&json!("PARTIAL_CANCELED"), &json!(6_000))
    );
    let account = &cancelled["virtualAccount"];
    assert_eq!(account["refundStatus"], "PENDING");
    assert_eq!(account["refundReceiveAccount"]["bankCode"], "88");
    bench.advance_minutes(2 * 24 * 60 - 1);
    let pending = bench.look_up(&payment).await;
    assert_eq!(pending["virtualAccount"]["refundStatus"], "PENDING");
    assert_eq!(pending["virtualAccount"]["refundReceiveAccount"], Value::Null, "shown for half an hour only");
    bench.advance_minutes(1);
    assert_eq!(bench.look_up(&payment).await["virtualAccount"]["refundStatus"], "COMPLETED");
}

#[tokio::test]
async fn while_a_refund_is_under_way_no_other_begins() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    assert_eq!(bench.cancel(&payment, refund(4_000)).await.0, 200);
    let second = refusal(bench.cancel(&payment, refund(1_000)).await);
    assert_eq!(second, refused(400, "ALREADY_REFUNDING_PAYMENT"));
    bench.advance_minutes(2 * 24 * 60);
    assert_eq!(bench.cancel(&payment, refund(1_000)).await.0, 200);
    assert_eq!(bench.money("order-0001"), (10_000, 5_000));
}

#[tokio::test]
async fn one_status_sums_up_all_refunds() {
    let config = TossConfig { one_refund_at_a_time: false, ..TossConfig::default() };
    let bench = Bench::with(config).await;
    let payment = bench.deposited("order-0001", 10_000).await;
    bench.cancel(&payment, refund(4_000)).await;
    bench.advance_minutes(24 * 60);
    bench.cancel(&payment, refund_that_fails(1_000)).await;
    for (minutes, status) in [(24 * 60, "PENDING"), (24 * 60, "PARTIAL_FAILED")] {
        bench.advance_minutes(minutes);
        assert_eq!(bench.look_up(&payment).await["virtualAccount"]["refundStatus"], status);
    }
}
