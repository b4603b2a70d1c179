//! The words of the control API.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `POST /_sandbox/pay`: the buyer goes through the payment window without a browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    /// The PG's order id: Toss `orderId`, V1 `merchant_uid`.
    pub order_id: String,
    /// How the buyer pays. Default: what the page asked for, else card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<PayMethod>,
    /// What the buyer does.
    pub outcome: PayOutcome,
    /// The amount the page asked the window for. Default: what the PG already knows of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Why it is declined, in the PG's own codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// The public key the page opened the window with: Toss `clientKey`, V1 `imp_code`. Default: the first configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// What the buyer sees as the order's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_name: Option<String>,
    /// Lets a window open for another amount than was registered beforehand (V1 `prepare`): the attack that
    /// registration is there to stop. Ignored by PGs without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypass_prepare: bool,
    /// Further parameters of the browser call, by the PG's own names: `successUrl`, `validHours`, `buyer_name`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub sdk: Map<String, Value>,
}

impl PayRequest {
    /// A payment by card of an amount.
    #[must_use]
    pub fn new(order_id: impl Into<String>, outcome: PayOutcome, amount: u64) -> Self {
        Self {
            order_id: order_id.into(),
            method: None,
            outcome,
            amount: Some(amount),
            decline_code: None,
            client_key: None,
            order_name: None,
            bypass_prepare: false,
            sdk: Map::new(),
        }
    }

    /// A text among the further parameters.
    #[must_use]
    pub fn sdk_text(&self, name: &str) -> Option<&str> {
        self.sdk.get(name)?.as_str()
    }
}

/// How the buyer pays, the same words for every PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayMethod {
    /// A card.
    Card,
    /// A wallet.
    EasyPay,
    /// A bank transfer in real time.
    Transfer,
    /// An account issued for this payment.
    VirtualAccount,
    /// The phone bill.
    MobilePhone,
}

/// What the buyer does in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayOutcome {
    /// Goes through with it.
    Approve,
    /// Tries, and is declined.
    Decline,
    /// Closes the window.
    Close,
}

/// What the browser brings back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PayAnswer {
    /// The PG's own result, as its redirect or callback would carry it.
    pub browser_result: Map<String, Value>,
    /// Where the window sends the browser, if the page named a place.
    pub redirect_url: Option<String>,
}

/// `POST /_sandbox/deposit`, `/reverse`, `/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAction {
    /// The PG's order id.
    pub order_id: String,
    /// One particular payment of that order, by the PG's id. Default: the one the action makes sense for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pg_id: Option<String>,
    /// How much. Default: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Why (console cancel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl OrderAction {
    /// The whole of an order.
    #[must_use]
    pub fn all_of(order_id: impl Into<String>) -> Self {
        Self { order_id: order_id.into(), ..Self::default() }
    }

    /// A part of an order.
    #[must_use]
    pub fn part_of(order_id: impl Into<String>, amount: u64) -> Self {
        Self { amount: Some(amount), ..Self::all_of(order_id) }
    }
}

/// Why the control API did not do it. Serialises as `{code, message}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} ({code})")]
#[non_exhaustive]
pub struct ControlError {
    /// What kind of refusal.
    pub code: ControlErrorCode,
    /// The reason, in English, for a developer.
    pub message: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlErrorCode {
    /// The request does not make sense.
    InvalidRequest,
    /// The PG knows no such order.
    UnknownOrder,
    /// Not in the state the payment is in.
    InvalidState,
    /// The bank or the PG refuses the amount.
    WrongAmount,
    /// This PG does not do that.
    Unsupported,
    /// The caller may not use the control API.
    Forbidden,
    /// There is no such control call.
    NotFound,
}

impl ControlErrorCode {
    /// The HTTP status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::UnknownOrder | Self::NotFound => StatusCode::NOT_FOUND,
            Self::InvalidState | Self::WrongAmount => StatusCode::CONFLICT,
            Self::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

impl std::fmt::Display for ControlErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnknownOrder => "unknown_order",
            Self::InvalidState => "invalid_state",
            Self::WrongAmount => "wrong_amount",
            Self::Unsupported => "unsupported",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
        };
        f.write_str(code)
    }
}

impl ControlError {
    /// A refusal of a kind.
    #[must_use]
    pub fn new(code: ControlErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The PG knows no such order.
    #[must_use]
    pub fn unknown_order(order_id: &str) -> Self {
        Self::new(ControlErrorCode::UnknownOrder, format!("the PG knows no order {order_id:?}"))
    }

    /// Not in the state the payment is in.
    #[must_use]
    pub fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(ControlErrorCode::InvalidState, message)
    }
}
