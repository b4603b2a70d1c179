//! The webhooks of payments: `PAYMENT_STATUS_CHANGED` and, for virtual accounts, `DEPOSIT_CALLBACK`
//! (Toss docs, reference/using-api/webhook-events).

use http::StatusCode;
use serde_json::{Value, json};

use super::{ids, row::Row, row::Status, time};
use crate::{DeliveryAttempt, Outbox, Webhook, WebhookRules, minutes};

/// A status change of a payment, with the whole Payment.
pub(crate) const PAYMENT_STATUS_CHANGED: &str = "PAYMENT_STATUS_CHANGED";
/// A change of a virtual account, with the deposit secret.
pub(crate) const DEPOSIT_CALLBACK: &str = "DEPOSIT_CALLBACK";

/// Minutes before each of the seven retries.
const RETRY_AFTER_MINUTES: &[u64] = &[1, 4, 16, 64, 256, 1_024, 4_096];

/// Seven retries over almost four days; only 200 counts as taken.
pub(crate) fn rules() -> WebhookRules {
    WebhookRules {
        retry_after: minutes(RETRY_AFTER_MINUTES),
        taken: |status| status == StatusCode::OK,
        headers,
    }
}

fn headers(attempt: &DeliveryAttempt) -> Vec<(&'static str, String)> {
    vec![
        ("tosspayments-webhook-transmission-time", time::with_offset(attempt.now_ms)),
        ("tosspayments-webhook-transmission-retried-count", attempt.retried.to_string()),
        ("tosspayments-webhook-transmission-id", format!("whtrans_{}", attempt.message_id)),
    ]
}

/// Tells of a payment's new status, whichever way it came to it.
pub(crate) fn status_changed(row: &Row, payment: &Value, now_ms: u64, outbox: &mut Outbox) {
    if matches!(row.status, Status::Ready | Status::InProgress) {
        return;
    }
    let created_at = time::without_offset(now_ms);
    let message = json!({ "eventType": PAYMENT_STATUS_CHANGED, "createdAt": created_at, "data": payment });
    outbox.push(Webhook::json(PAYMENT_STATUS_CHANGED, &message));
    if let Some(account) = &row.virtual_account {
        let message = json!({
            "createdAt": created_at,
            "secret": account.secret,
            "status": row.status.as_str(),
            "transactionKey": ids::deposit_transaction_key(),
            "orderId": row.order_id,
        });
        outbox.push(Webhook::json(DEPOSIT_CALLBACK, &message));
    }
}
