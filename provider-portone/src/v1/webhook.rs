//! Webhooks: unsigned, so never more than a hint to look up.

use gateway_core::{Proof, RawWebhook, WebhookClaim, WebhookRejected, WebhookSubject};
use serde_json::{Map, Value};

use super::wire::is_imp_uid;

const FORM: &str = "application/x-www-form-urlencoded";
/// The longest `merchant_uid`.
const LONGEST_ORDER: usize = 40;

/// Reads one. PortOne's console chooses between JSON and form bodies.
pub(crate) fn read(delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
    let fields = if delivery.content_type == FORM { form(&delivery.body)? } else { json(&delivery.body)? };
    let field = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let order = field("merchant_uid").filter(|order| order.chars().count() <= LONGEST_ORDER);
    let pg_id = field("imp_uid").filter(|id| is_imp_uid(id)).and_then(|id| id.parse().ok());
    let subject = match (pg_id, order) {
        (Some(pg_id), order) => WebhookSubject::Payment { pg_id, pg_order_id: order.map(str::to_owned) },
        (None, Some(order)) => WebhookSubject::Order(order.to_owned()),
        (None, None) => return Err(WebhookRejected::Malformed),
    };
    Ok(WebhookClaim { proof: Proof::None, subject, delivery_id: None })
}

fn json(body: &[u8]) -> Result<Map<String, Value>, WebhookRejected> {
    serde_json::from_slice(body).map_err(|_| WebhookRejected::Malformed)
}

fn form(body: &[u8]) -> Result<Map<String, Value>, WebhookRejected> {
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(body).map_err(|_| WebhookRejected::Malformed)?;
    Ok(fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect())
}
