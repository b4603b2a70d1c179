//! Webhooks as PGs send them, and what a provider reads out of one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{PgPaymentId, Secret};

/// A received webhook, exactly as it came.
///
/// ```
/// use jiff::Timestamp;
/// use paymux_core::provider::RawWebhook;
///
/// let webhook = RawWebhook {
///     headers: vec![("content-type".to_owned(), "Application/JSON; charset=utf-8".to_owned())],
///     // Byte for byte: a signature is over these bytes, not over what they mean.
///     body: br#"{"orderId": "order-1"}"#.to_vec(),
///     received_at: Timestamp::now(),
/// };
/// assert_eq!(webhook.content_type(), "application/json");
/// assert_eq!(webhook.header("x-signature"), None);
/// assert!(!format!("{webhook:?}").contains("order-1"), "a log shows nothing of it");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawWebhook {
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// When it came: a signature's age is checked against this.
    pub received_at: Timestamp,
}

impl RawWebhook {
    /// The first header with this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The `Content-Type`, in lower case, without parameters; empty if there is none.
    #[must_use]
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        // PGs add a charset, or not, in letters of either case.
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

impl fmt::Debug for RawWebhook {
    /// Shows no header value and no body: both may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawWebhook").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// How sure it is that the PG sent a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A signature was checked.
    Signed,
    /// It carries this secret; it counts if it is the one kept with the charge.
    Secret(Secret),
    /// Anyone could have sent it.
    None,
}

/// What a webhook is about, in the PG's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookSubject {
    /// A charge, by its PG id, its order id, or both.
    Charge {
        /// The PG's id.
        pg_payment_id: Option<PgPaymentId>,
        /// The order id it names.
        order_id: Option<String>,
    },
    /// A cancel, by the PG's id for it.
    Cancel(String),
    /// Nothing that Paymux keeps.
    Other,
}

/// What a provider reads out of a webhook. It carries no state into the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookClaim {
    /// How sure it is.
    pub proof: Proof,
    /// What it is about.
    pub subject: WebhookSubject,
    /// The PG's id of this delivery, the same in a repeat. Trusted only if signed.
    pub delivery_id: Option<String>,
}

/// Why a webhook is not a webhook of this PG. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookRejected {
    /// It cannot be read; the text names the field and the kind of error.
    #[error("the webhook cannot be read: {0}")]
    Malformed(&'static str),
    /// Its signature is wrong.
    #[error("the webhook's signature is wrong")]
    BadSignature,
}
