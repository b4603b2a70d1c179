//! Webhooks: unsigned, so never more than a hint, which is a reason to look the payment up.

use paymux_core::provider::{Proof, RawWebhook, WebhookClaim, WebhookRejected, WebhookSubject};
use serde_json::{Map, Value};

use super::wire::is_imp_uid;

const FORM: &str = "application/x-www-form-urlencoded";
/// The longest `merchant_uid`.
const LONGEST_ORDER: usize = 40;

/// Reads one. PortOne's console chooses between JSON and form bodies.
pub(crate) fn read(delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
    let fields = if delivery.content_type() == FORM { form(&delivery.body)? } else { json(&delivery.body)? };
    let pg_payment_id = text(&fields, "imp_uid").filter(|id| is_imp_uid(id)).and_then(|id| id.parse().ok());
    let order_id = text(&fields, "merchant_uid").filter(|order| order.chars().count() <= LONGEST_ORDER);
    if pg_payment_id.is_none() && order_id.is_none() {
        return Err(WebhookRejected::Malformed(nothing_named(delivery, &fields)));
    }
    let subject = WebhookSubject::Charge { pg_payment_id, order_id };
    Ok(WebhookClaim { proof: Proof::None, subject, delivery_id: None })
}

/// A field's text. Other systems on the account may number their orders.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// V2 sends `{type, timestamp, data}`, or in its first version `{payment_id, tx_id, status}` (PortOne docs, V2
/// webhooks). The console has one setting for the version, and it is easily left at the other.
fn nothing_named(delivery: &RawWebhook, fields: &Map<String, Value>) -> &'static str {
    let has = |name: &str| fields.contains_key(name);
    let is_v2 = (has("type") && has("data"))
        || has("payment_id")
        || has("tx_id")
        || delivery.header("webhook-signature").is_some();
    if is_v2 {
        "it looks like a webhook of PortOne V2; check the webhook version in PortOne's console"
    } else {
        "imp_uid and merchant_uid are missing, or neither is one of V1"
    }
}

fn json(body: &[u8]) -> Result<Map<String, Value>, WebhookRejected> {
    serde_json::from_slice(body).map_err(|error| {
        WebhookRejected::Malformed(if error.is_data() {
            "the body is JSON, but no object"
        } else {
            "the body is not JSON"
        })
    })
}

fn form(body: &[u8]) -> Result<Map<String, Value>, WebhookRejected> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body)
        .map_err(|_| WebhookRejected::Malformed("the body is no form in UTF-8"))?;
    Ok(fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect())
}
