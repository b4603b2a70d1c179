//! The provider against a stub that answers as PortOne's documents say.

mod browser;
mod cancels;
mod describes;
mod look_ups;
mod movements;
mod pg_times;
mod prepares;
mod refusals;
mod snapshots;
mod stub;
mod tokens;
mod transports;
mod webhooks;

use std::sync::Once;

use jiff::Timestamp;
use paymux_core::{
    model::{Customer, Device, IdSource, Method, Mode, Money, PgOrderId},
    provider::{CancelRequest, CancelScope, ChargeRef, PaymentRequest},
};
use serde_json::{Value, json};

use super::{Channel, Client, PortOneV1, PortOneV1Config};

const IMP_UID: &str = "imp_310224879012";

pub(super) fn config(base_url: &str) -> PortOneV1Config {
    let channel = Channel::Key("channel-key-1".to_owned());
    let mut config = PortOneV1Config::new("canary-key", "canary-secret", "imp00000000", channel, Mode::Test);
    base_url.clone_into(&mut config.base_url);
    config
}

pub(super) fn client(config: &PortOneV1Config) -> Client {
    provider_with(config.clone()).client
}

fn provider_with(config: PortOneV1Config) -> PortOneV1 {
    static TLS: Once = Once::new();
    TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    PortOneV1::new(config).unwrap()
}

fn provider(base_url: &str) -> PortOneV1 {
    provider_with(config(base_url))
}

/// An address where nobody answers, for what sends nothing.
const NOWHERE: &str = "http://127.0.0.1:9";
const ALL: CancelScope = CancelScope::All { tax_free: None };

fn part(amount: u64) -> CancelScope {
    CancelScope::Part { amount: Money::krw(amount), tax_free: None, vat: None }
}

fn by_id() -> ChargeRef {
    ChargeRef { order_id: order_id(), pg_payment_id: Some(IMP_UID.parse().unwrap()) }
}

fn by_order() -> ChargeRef {
    ChargeRef { order_id: order_id(), pg_payment_id: None }
}

fn order_id() -> PgOrderId {
    PgOrderId::of(&IdSource::seeded(7).payment(Timestamp::UNIX_EPOCH), 1).unwrap()
}

/// A payment as PortOne sends it (composed after its documents), with some fields changed.
fn payment(changes: Value) -> Value {
    let mut payment = json!({
        "imp_uid": IMP_UID, "merchant_uid": order_id(), "status": "paid", "amount": 10000,
        "cancel_amount": 0, "currency": "KRW", "pay_method": "card", "channel": "pc",
        "pg_provider": "html5_inicis", "pg_id": "INIpayTest", "emb_pg_provider": null, "sandbox": true,
        "escrow": false, "apply_num": "30012345", "card_code": "366", "card_name": "신한카드",
        "card_quota": 0, "card_type": "null", "card_number": "543333******1234", "bank_code": null,
        "vbank_code": null, "vbank_num": null, "vbank_holder": null, "vbank_date": 0,
        "vbank_issued_at": 0, "name": "도서 1권", "buyer_name": "홍길동", "custom_data": "{\"cart\":17}",
        "started_at": 1_772_327_690, "paid_at": 1_772_327_712, "failed_at": 0, "cancelled_at": 0,
        "fail_reason": null, "cancel_reason": null, "receipt_url": "https://example.invalid/r/1",
        "cancel_history": [], "cash_receipt_issued": false, "a_field_of_next_year": {"x": [1]}
    });
    let fields = payment.as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    payment
}

/// An issued, unpaid account.
fn account() -> Value {
    json!({
        "status": "ready", "pay_method": "vbank", "paid_at": 0, "vbank_code": "088",
        "vbank_num": "110-123-456789", "vbank_holder": "페이먹스", "vbank_date": 1_772_500_000
    })
}

/// A page of a list; `next` is the number of the next page, 0 for none.
fn page(next: u32, list: &[Value]) -> (u16, String) {
    done(&json!({ "total": 9, "previous": 0, "next": next, "list": list }))
}

fn done(response: &Value) -> (u16, String) {
    (200, json!({ "code": 0, "message": null, "response": response }).to_string())
}

fn refused(status: u16, code: i64, message: &str) -> (u16, String) {
    (status, json!({ "code": code, "message": message, "response": null }).to_string())
}

fn unknown_payment() -> (u16, String) {
    refused(404, -1, "존재하지 않는 결제정보입니다.")
}

fn cancel_request(scope: CancelScope) -> CancelRequest {
    CancelRequest {
        id: IdSource::seeded(7).cancel(Timestamp::UNIX_EPOCH),
        order_id: order_id(),
        pg_payment_id: IMP_UID.parse().unwrap(),
        scope,
        cancellable: Money::krw(7_000),
        reason: "고객 변심".to_owned(),
        refund_account: None,
        channel_pg: None,
        idempotency_key: "unused".to_owned(),
    }
}

fn payment_request(method: Method) -> PaymentRequest {
    PaymentRequest {
        order_id: order_id(),
        order_name: "도서".repeat(30),
        amount: Money::krw(27_500),
        tax_free_amount: None,
        method,
        customer: Customer::default(),
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: None,
        device: Device::Mobile,
        return_url: "https://shop.example/return".to_owned(),
        idempotency_key: "unused".to_owned(),
    }
}
