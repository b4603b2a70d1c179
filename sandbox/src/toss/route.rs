//! Which call a request is.

use http::Method;

use crate::ApiRequest;

/// The names the fault script knows the calls by.
pub(crate) const CALLS: &[&str] =
    &["create", "confirm", "get", "get_by_order", "cancel", "checkout", "transactions"];

/// A call, with what its path says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /v1/payments`
    Create,
    /// `POST /v1/payments/confirm`
    Confirm,
    /// `POST /v1/payments/{paymentKey}`: approve, before 2022.
    LegacyConfirm(String),
    /// `GET /v1/payments/{paymentKey}`
    Get(String),
    /// `GET /v1/payments/orders/{orderId}`
    GetByOrder(String),
    /// `POST /v1/payments/{paymentKey}/cancel`
    Cancel(String),
    /// `GET /v1/payments/{paymentKey}/checkout`
    Checkout(String),
    /// `GET /v1/transactions`
    Transactions,
}

impl Route {
    /// The call of a request; `None` for a path Toss Payments does not have.
    pub(crate) fn of(request: &ApiRequest) -> Option<Self> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let rest = match segments[..] {
            ["v1", "payments", ref rest @ ..] => rest,
            ["v1", "transactions"] if request.method == Method::GET => return Some(Self::Transactions),
            _ => return None,
        };
        match (&request.method, rest) {
            (&Method::POST, []) => Some(Self::Create),
            (&Method::POST, ["confirm"]) => Some(Self::Confirm),
            (&Method::POST, [key]) => Some(Self::LegacyConfirm((*key).to_owned())),
            (&Method::GET, ["orders", order_id]) => Some(Self::GetByOrder((*order_id).to_owned())),
            (&Method::GET, [key]) => Some(Self::Get((*key).to_owned())),
            (&Method::POST, [key, "cancel"]) => Some(Self::Cancel((*key).to_owned())),
            (&Method::GET, [key, "checkout"]) => Some(Self::Checkout((*key).to_owned())),
            _ => None,
        }
    }

    /// Its name in the fault script.
    pub(crate) fn call(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Confirm | Self::LegacyConfirm(_) => "confirm",
            Self::Get(_) => "get",
            Self::GetByOrder(_) => "get_by_order",
            Self::Cancel(_) => "cancel",
            Self::Checkout(_) => "checkout",
            Self::Transactions => "transactions",
        }
    }
}
