//! Webhooks (Toss docs, reference/using-api/webhook-events).
//!
//! There are three shapes, told apart by structure because no field is in all of them. None that
//! Paymux has a use for is signed: a deposit's carries the payment's secret, every other is a mere hint.

use gateway_core::{Proof, RawWebhook, Secret, WebhookClaim, WebhookRejected, WebhookSubject};
use serde_json::{Map, Value};

const DELIVERY_ID: &str = "tosspayments-webhook-transmission-id";

/// Reads a delivery: which payment it is about. What it says of the payment is not read.
///
/// A: `{eventType, createdAt, data}`, a payment or whatever changed. B: `{createdAt, secret, status,
/// transactionKey, orderId}`, a deposit, without a type. C: `{eventType, …, entityBody}`, payouts and sellers,
/// which Paymux does not keep. The three-field bodies of 2022 are A and B with less in them.
pub(crate) fn read(delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
    let event: Map<String, Value> =
        serde_json::from_slice(&delivery.body).map_err(|_| WebhookRejected::Malformed)?;
    let (subject, secret) = match (event.get("entityBody"), event.get("data")) {
        (Some(Value::Object(_)), _) => (WebhookSubject::Nothing, None),
        (_, Some(Value::Object(data))) => (subject_of(text(&event, "eventType"), data), text(data, "secret")),
        _ => (order_of(&event), text(&event, "secret")),
    };
    Ok(WebhookClaim {
        proof: secret.map_or(Proof::None, |secret| Proof::Secret(Secret::new(secret))),
        subject,
        delivery_id: delivery.header(DELIVERY_ID).map(str::to_owned),
    })
}

fn subject_of(event_type: Option<&str>, data: &Map<String, Value>) -> WebhookSubject {
    // Link Pay puts the payment one level deeper.
    let payment = data.get("payment").and_then(Value::as_object).unwrap_or(data);
    if let Some(pg_id) = text(payment, "paymentKey").and_then(|key| key.parse().ok()) {
        return WebhookSubject::Payment { pg_id, pg_order_id: text(payment, "orderId").map(str::to_owned) };
    }
    match (order_of(payment), event_type, text(data, "transactionKey")) {
        // Its body is documented without the payment.
        (WebhookSubject::Nothing, Some("CANCEL_STATUS_CHANGED"), Some(key)) => {
            WebhookSubject::Cancel(key.to_owned())
        }
        (subject, ..) => subject,
    }
}

fn order_of(fields: &Map<String, Value>) -> WebhookSubject {
    text(fields, "orderId").map_or(WebhookSubject::Nothing, |order| WebhookSubject::Order(order.to_owned()))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
