//! What is read out of webhooks.

use jiff::Timestamp;
use paymux_core::provider::{Proof, RawWebhook, WebhookRejected, WebhookSubject};

use crate::v1::webhook::read;

const JSON: &str = "application/json; charset=UTF-8";
const FORM: &str = "application/x-www-form-urlencoded";

fn delivery(content_type: &str, body: &str) -> RawWebhook {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    RawWebhook { headers, body: body.into(), received_at: Timestamp::UNIX_EPOCH }
}

fn subject(content_type: &str, body: &str) -> Result<WebhookSubject, WebhookRejected> {
    let claim = read(&delivery(content_type, body))?;
    assert_eq!((claim.proof, claim.delivery_id), (Proof::None, None));
    Ok(claim.subject)
}

fn rejected(delivery: &RawWebhook) -> &'static str {
    match read(delivery) {
        Err(WebhookRejected::Malformed(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn charge(imp_uid: Option<&str>, order: Option<&str>) -> WebhookSubject {
    let pg_payment_id = imp_uid.map(|id| id.parse().unwrap());
    WebhookSubject::Charge { pg_payment_id, order_id: order.map(str::to_owned) }
}

#[test]
fn json_and_forms_name_the_charge() {
    for (content_type, body, expected) in [
        (JSON, r#"{"imp_uid":"imp_1","merchant_uid":"o 1","status":"paid"}"#, (Some("imp_1"), Some("o 1"))),
        (
            JSON,
            r#"{"imp_uid":"imp_1","merchant_uid":"o 1","status":"cancelled","cancellation_id":"c"}"#,
            (Some("imp_1"), Some("o 1")),
        ),
        (JSON, r#"{"imp_uid":"imp_1","status":5,"new":{"a":[1]}}"#, (Some("imp_1"), None)),
        (JSON, r#"{"imp_uid":null,"merchant_uid":"o 1"}"#, (None, Some("o 1"))),
        (JSON, r#"{"imp_uid":"../users","merchant_uid":"o 1"}"#, (None, Some("o 1"))),
        (JSON, r#"{"imp_uid":"imp_1","merchant_uid":20260301}"#, (Some("imp_1"), Some("20260301"))),
        ("", r#"{"imp_uid":"imp_1"}"#, (Some("imp_1"), None)),
        (FORM, "imp_uid=imp_1&merchant_uid=o%201&status=ready", (Some("imp_1"), Some("o 1"))),
        ("Application/X-WWW-Form-Urlencoded; charset=utf-8", "merchant_uid=o+1", (None, Some("o 1"))),
    ] {
        assert_eq!(subject(content_type, body), Ok(charge(expected.0, expected.1)), "{body}");
    }
}

#[test]
fn malformed_webhook_says_what_is_wrong_without_values() {
    let long = format!(r#"{{"merchant_uid":"{}"}}"#, "o".repeat(41));
    for (content_type, body, problem) in [
        (JSON, "", "not JSON"),
        (JSON, "imp_uid=canary", "not JSON"),
        (JSON, r#"{"imp_uid":"canary""#, "not JSON"),
        (JSON, r#"["canary"]"#, "no object"),
        (JSON, "{}", "imp_uid and merchant_uid"),
        (JSON, r#"{"status":"canary"}"#, "imp_uid and merchant_uid"),
        (JSON, r#"{"imp_uid":"","merchant_uid":""}"#, "imp_uid and merchant_uid"),
        (JSON, r#"{"imp_uid":["canary"],"merchant_uid":true}"#, "imp_uid and merchant_uid"),
        (JSON, long.as_str(), "imp_uid and merchant_uid"),
        (FORM, "", "imp_uid and merchant_uid"),
        (FORM, "status=canary", "imp_uid and merchant_uid"),
        (FORM, r#"{"imp_uid":"canary"}"#, "imp_uid and merchant_uid"),
    ] {
        let text = rejected(&delivery(content_type, body));
        assert!(text.contains(problem) && !text.contains("canary") && !text.contains("V2"), "{body}: {text}");
    }
}

#[test]
fn v2_webhook_points_to_the_console_setting() {
    let v2 = r#"{"type":"Transaction.Paid","timestamp":"2026-03-01T01:15:12Z",
                 "data":{"storeId":"store-1","paymentId":"o-1","transactionId":"t-1"}}"#;
    let mut signed = delivery(JSON, r#"{"a":1}"#);
    signed.headers.push(("webhook-signature".to_owned(), "v1,abc".to_owned()));
    for delivery in [
        delivery(JSON, v2),
        delivery(JSON, r#"{"payment_id":"o-1","tx_id":"t-1","status":"Paid"}"#),
        delivery(FORM, "payment_id=o-1&tx_id=t-1&status=Paid"),
        signed,
    ] {
        let text = rejected(&delivery);
        assert!(text.contains("V2") && text.contains("webhook version"), "{text}");
    }
}
