//! What a V1 webhook says: three ids and a status, unsigned.

use serde::Serialize;

use super::config::WebhookFormat;
use super::payment::{Payment, Status};
use crate::Webhook;

/// The body of one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    pub(super) imp_uid: String,
    pub(super) merchant_uid: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_id: Option<String>,
}

impl Notice {
    /// The payment was approved, its account issued or its deposit received.
    pub(super) fn of(payment: &Payment) -> Self {
        Self {
            imp_uid: payment.imp_uid.clone(),
            merchant_uid: payment.merchant_uid.clone(),
            status: payment.status,
            cancellation_id: None,
        }
    }

    /// A cancel, which says `cancelled` even where the row stays `paid` because
    /// only a part was given back.
    pub(super) fn cancelled(payment: &Payment, cancellation_id: String) -> Self {
        Self { status: Status::Cancelled, cancellation_id: Some(cancellation_id), ..Self::of(payment) }
    }

    /// The message to send. V1 names no events; targets choose by status.
    pub(super) fn webhook(&self, format: WebhookFormat, notice_urls: Vec<String>) -> Webhook {
        let (content_type, body) = match format {
            WebhookFormat::Json => ("application/json", serde_json::to_string(self).ok()),
            WebhookFormat::Form => {
                ("application/x-www-form-urlencoded", serde_urlencoded::to_string(self).ok())
            }
        };
        Webhook {
            event: self.status.name().to_owned(),
            content_type,
            body: body.expect("four texts can be written in either format").into(),
            instead_of_targets: notice_urls,
        }
    }
}
