//! Webhooks (Toss docs, reference/using-api/webhook-events).
//!
//! There are three shapes, distinguished by structure because no field is in all of them. None that
//! Paymux has a use for is signed: a deposit's carries the payment's secret, every other is a mere hint.

use paymux_core::{
    model::Secret,
    provider::{Proof, RawWebhook, WebhookClaim, WebhookRejected, WebhookSubject},
};
use serde_json::{Map, Value};

const DELIVERY_ID: &str = "tosspayments-webhook-transmission-id";

/// Reads a delivery: which payment it is about. What it says of the payment is not read.
///
/// A: `{eventType, createdAt, data}`, a payment or whatever changed. B: `{createdAt, secret, status,
/// transactionKey, orderId}`, a deposit, without a type. C: `{eventType, …, entityBody}`, payouts and sellers,
/// which Paymux does not keep. The three-field bodies of 2022 are A and B with less in them.
pub(crate) fn read(delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
    let body = serde_json::from_slice(&delivery.body)
        .map_err(|_| WebhookRejected::Malformed("the body is not JSON"))?;
    let Value::Object(event) = body else {
        return Err(WebhookRejected::Malformed("the body is not a JSON object"));
    };
    let (subject, secret) = match (event.get("entityBody"), event.get("data")) {
        (Some(Value::Object(_)), _) => (WebhookSubject::Other, None),
        (_, Some(Value::Object(data))) => (subject_of(event.get("eventType"), data)?, text(data, "secret")),
        (_, data) => match charge(&event) {
            Some(subject) => (subject, text(&event, "secret")),
            None => (without_payment(&event, data)?, None),
        },
    };
    Ok(WebhookClaim {
        proof: secret.map_or(Proof::None, |secret| Proof::Secret(Secret::new(secret))),
        subject,
        delivery_id: delivery.header(DELIVERY_ID).map(str::to_owned),
    })
}

/// Shape A. One readable name is enough for a look-up.
fn subject_of(kind: Option<&Value>, data: &Map<String, Value>) -> Result<WebhookSubject, WebhookRejected> {
    // Link Pay puts the payment one level deeper.
    let payment = data.get("payment").and_then(Value::as_object).unwrap_or(data);
    if let Some(subject) = charge(payment) {
        return Ok(subject);
    }
    let kind = match kind {
        Some(Value::String(kind)) => kind.as_str(),
        Some(_) => return Err(WebhookRejected::Malformed("eventType is of another type")),
        None => return Err(WebhookRejected::Malformed("eventType is missing")),
    };
    match (kind, text(data, "transactionKey")) {
        ("PAYMENT_STATUS_CHANGED", _) => Err(WebhookRejected::Malformed(match payment.get("paymentKey") {
            None | Some(Value::Null) => "data.paymentKey is missing",
            Some(_) => "data.paymentKey is not of the documented form",
        })),
        // Its body is documented without the payment.
        ("CANCEL_STATUS_CHANGED", Some(key)) => Ok(WebhookSubject::Cancel(key.to_owned())),
        _ => Ok(WebhookSubject::Other),
    }
}

/// Shape A without its data, or B without its order.
fn without_payment(
    event: &Map<String, Value>,
    data: Option<&Value>,
) -> Result<WebhookSubject, WebhookRejected> {
    match text(event, "eventType") {
        Some("PAYMENT_STATUS_CHANGED" | "CANCEL_STATUS_CHANGED") => {
            Err(WebhookRejected::Malformed(match data {
                None | Some(Value::Null) => "data is missing",
                Some(_) => "data is of another type",
            }))
        }
        Some(_) => Ok(WebhookSubject::Other),
        None => Err(WebhookRejected::Malformed(match event.get("orderId") {
            None | Some(Value::Null) => "orderId is missing",
            Some(_) => "orderId is of another type",
        })),
    }
}

fn charge(fields: &Map<String, Value>) -> Option<WebhookSubject> {
    let pg_payment_id = text(fields, "paymentKey").and_then(|key| key.parse().ok());
    let order_id = text(fields, "orderId").map(str::to_owned);
    (pg_payment_id.is_some() || order_id.is_some())
        .then_some(WebhookSubject::Charge { pg_payment_id, order_id })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
