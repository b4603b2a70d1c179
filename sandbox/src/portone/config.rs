//! What a merchant has agreed with PortOne and set in its console.

use serde::{Deserialize, Serialize};

/// How the console is set to encode webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// What becomes of a row whose window the buyer closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedWindow {
    /// It stays `ready`, as with most PGs.
    #[default]
    Ready,
    /// It turns `failed`, as with the web standard window of KG Inicis.
    Failed,
}

/// What becomes of a virtual account that the merchant deletes before a deposit.
///
/// PortOne does not document the resulting status, so both can be rehearsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedAccount {
    /// The row turns `cancelled`, with nothing cancelled in its amounts.
    #[default]
    Cancelled,
    /// The row turns `failed`.
    Failed,
}

/// One merchant's PortOne V1 account, as the simulator plays it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortoneConfig {
    /// The REST API key.
    pub imp_key: String,
    /// The REST API secret. Known to everybody: it opens only the simulator.
    pub imp_secret: String,
    /// The merchant's identification code, which the browser uses (`imp00000000`).
    pub merchant_code: String,
    /// The PG behind the channel (`pg_provider`), which decides the form of bank codes.
    pub pg_provider: String,
    /// The merchant's id at that PG (`pg_id`).
    pub pg_id: String,
    /// Whether the channel is a test channel. Its rows are hidden from a look-up
    /// by `imp_uid` unless `include_sandbox=true` is asked for.
    pub test_channel: bool,
    /// The smallest amount the PG takes. PortOne publishes no constant; payments
    /// under 100 KRW are reported to fail.
    pub minimum_amount: u64,
    /// How many hours a buyer has to deposit, when the page did not say.
    pub vbank_hours: u64,
    /// The encoding of webhooks.
    pub webhook_format: WebhookFormat,
    /// Whether a failed webhook is sent again (five times, a minute apart). By
    /// default there is one attempt; support turns the rest on.
    pub webhook_retries: bool,
    /// Turns off what would guard a merchant against its own mistakes: the refusal of a
    /// paid `merchant_uid` (F1002), the refusal of a second full cancel, the
    /// checksum and the limit of what can be cancelled. A merchant that does a
    /// thing twice then shows as doubled money in the books.
    pub permissive: bool,
    /// What a closed window leaves behind.
    pub closed_window: ClosedWindow,
    /// What `DELETE /vbanks/{imp_uid}` leaves behind.
    pub deleted_account: DeletedAccount,
}

impl Default for PortoneConfig {
    fn default() -> Self {
        Self {
            imp_key: "0123456789012345".to_owned(),
            imp_secret: "portone_sandbox_secret".to_owned(),
            merchant_code: "imp00000000".to_owned(),
            pg_provider: "html5_inicis".to_owned(),
            pg_id: "INIpayTest".to_owned(),
            test_channel: true,
            minimum_amount: 100,
            vbank_hours: 72,
            webhook_format: WebhookFormat::default(),
            webhook_retries: false,
            permissive: false,
            closed_window: ClosedWindow::default(),
            deleted_account: DeletedAccount::default(),
        }
    }
}
