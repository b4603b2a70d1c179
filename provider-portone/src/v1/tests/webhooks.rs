//! What is read out of webhooks.

use gateway_core::{Proof, RawWebhook, WebhookRejected, WebhookSubject};

use crate::v1::webhook::read;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn subject(content_type: &str, body: &str) -> Result<WebhookSubject, WebhookRejected> {
    let raw = RawWebhook { content_type: content_type.to_owned(), headers: vec![], body: body.into() };
    let claim = read(&raw)?;
    assert_eq!((claim.proof, claim.delivery_id), (Proof::None, None));
    Ok(claim.subject)
}

fn payment(order: Option<&str>) -> WebhookSubject {
    WebhookSubject::Payment { pg_id: "imp_1".parse().unwrap(), pg_order_id: order.map(str::to_owned) }
}

#[test]
fn json_and_forms_name_the_payment_and_nothing_more() {
    let order = || WebhookSubject::Order("o 1".to_owned());
    for (content_type, body, expected) in [
        (JSON, r#"{"imp_uid":"imp_1","merchant_uid":"o 1","status":"paid"}"#, payment(Some("o 1"))),
        (
            JSON,
            r#"{"imp_uid":"imp_1","merchant_uid":"o 1","status":"cancelled","cancellation_id":"c"}"#,
            payment(Some("o 1")),
        ),
        (JSON, r#"{"imp_uid":"imp_1","status":5,"new":{"a":[1]}}"#, payment(None)),
        (JSON, r#"{"imp_uid":null,"merchant_uid":"o 1"}"#, order()),
        (JSON, r#"{"imp_uid":"../users","merchant_uid":"o 1"}"#, order()),
        (FORM, "imp_uid=imp_1&merchant_uid=o%201&status=ready", payment(Some("o 1"))),
        (FORM, "merchant_uid=o+1", order()),
    ] {
        assert_eq!(subject(content_type, body), Ok(expected), "{body}");
    }
}

#[test]
fn what_names_no_payment_is_malformed() {
    let long = format!(r#"{{"merchant_uid":"{}"}}"#, "o".repeat(41));
    for (content_type, body) in [
        (JSON, ""),
        (JSON, "{}"),
        (JSON, "[]"),
        (JSON, "imp_uid=imp_1"),
        (JSON, r#"{"status":"paid"}"#),
        (JSON, r#"{"imp_uid":"","merchant_uid":""}"#),
        (JSON, r#"{"imp_uid":1,"merchant_uid":2}"#),
        (JSON, long.as_str()),
        (FORM, ""),
        (FORM, "status=paid"),
        (FORM, r#"{"imp_uid":"imp_1"}"#),
    ] {
        assert_eq!(subject(content_type, body), Err(WebhookRejected::Malformed), "{body}");
    }
}
