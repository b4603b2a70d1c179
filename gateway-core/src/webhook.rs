//! Webhooks as PGs send them, and what a provider reads out of one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, PgPaymentId, Secret, WebhookId};

/// A received webhook, exactly as it came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawWebhook {
    /// The `Content-Type`, in lower case, without parameters.
    pub content_type: String,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl RawWebhook {
    /// The first header with this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
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
    /// It carries this secret; it counts if it is the one kept with the attempt.
    Secret(Secret),
    /// Anyone could have sent it.
    None,
}

/// What a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookSubject {
    /// A payment, by the PG's id and, if given, the order id.
    Payment {
        /// The PG's id.
        pg_id: PgPaymentId,
        /// The order id it names.
        pg_order_id: Option<String>,
    },
    /// A payment, by its order id.
    Order(String),
    /// A cancel, by the PG's id for it.
    Cancel(String),
    /// Something Paymux does not keep.
    Nothing,
}

/// What a provider reads out of a webhook. It carries no state into the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookClaim {
    /// How sure it is.
    pub proof: Proof,
    /// What it is about.
    pub subject: WebhookSubject,
    /// The PG's id of this delivery, the same in a repeat.
    pub delivery_id: Option<String>,
}

/// Why a webhook is not a webhook of this PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRejected {
    /// It cannot be read.
    #[error("the webhook cannot be read")]
    Malformed,
    /// Its signature is wrong.
    #[error("the webhook's signature is wrong")]
    BadSignature,
}

/// A received webhook in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedWebhook {
    /// Our name for it.
    pub id: WebhookId,
    /// The account whose address it came to.
    pub account: AccountId,
    /// When it came.
    pub received_at: Timestamp,
    /// As it came.
    pub raw: RawWebhook,
}
