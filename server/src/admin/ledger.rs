//! Whether the books agree with themselves, payment by payment.

use std::sync::Arc;

use paymux_core::{
    gateway::{Gateway, LedgerDifference},
    model::PaymentId,
};
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};

use super::tag::Tag;
use crate::api::{ApiError, answer::problem_of, parameter::wrong};

/// How many payments are checked at once, if nothing else is said.
const PAGE: u32 = 100;

/// The ledger.
#[derive(Clone, Debug)]
pub(super) struct LedgerApi {
    pub(super) gateway: Arc<Gateway>,
}

/// How much there is
#[derive(Clone, Debug, Object)]
pub(crate) struct Ledger {
    /// How many payments there are, of every merchant.
    pub(crate) payments: u64,
}

/// Some payments, checked
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct LedgerCheck {
    /// How many were checked.
    pub(crate) checked: u32,
    /// What does not agree.
    pub(crate) differences: Vec<Difference>,
    /// Pass it as `cursor` to go on; absent when all are checked.
    pub(crate) next_cursor: Option<String>,
}

/// Two places of a payment's books that should say the same
#[derive(Clone, Debug, Object)]
#[oai(rename = "LedgerDifference", skip_serializing_if_is_none)]
pub(crate) struct Difference {
    /// Whose payment it is.
    pub(crate) merchant: String,
    /// The payment.
    pub(crate) payment_id: String,
    /// The charge whose money does not add up; absent for what is of the payment as a whole.
    pub(crate) charge_id: Option<String>,
    /// What does not agree: `amount_paid`, `amount_cancelled`, `event_numbers`, `status`.
    pub(crate) problem: String,
    /// What the payment shows: an amount in minor units, a number of events, or 1.
    pub(crate) shown: i64,
    /// What its events add up to.
    pub(crate) recomputed: i64,
}

#[OpenApi(prefix_path = "/ledger", tag = "Tag::Ledger")]
impl LedgerApi {
    /// How many payments there are
    #[oai(path = "/", method = "get", operation_id = "readLedger")]
    async fn read(&self) -> Result<Json<Ledger>, ApiError> {
        let payments = self.gateway.count_payments().await.map_err(|error| problem_of(&error))?;
        Ok(Json(Ledger { payments }))
    }

    /// Check some payments
    ///
    /// Recomputes what every payment shows from its events. Asks no payment gateway and changes nothing.
    #[oai(path = "/check", method = "get", operation_id = "checkLedger")]
    async fn check(
        &self,
        /// The `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// How many payments, 1 to 500; 100 if absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<u32>>,
    ) -> Result<Json<LedgerCheck>, ApiError> {
        let after = cursor.0.map(|cursor| cursor.parse()).transpose();
        let after: Option<PaymentId> =
            after.map_err(|_| wrong("cursor", "must be the next_cursor of a page"))?;
        let page = self.gateway.check_ledger(after.as_ref(), limit.0.unwrap_or(PAGE)).await;
        let page = page.map_err(|error| problem_of(&error))?;
        Ok(Json(LedgerCheck {
            checked: page.checked,
            differences: page.differences.iter().map(Into::into).collect(),
            next_cursor: page.next.map(|id| id.to_string()),
        }))
    }
}

impl From<&LedgerDifference> for Difference {
    fn from(difference: &LedgerDifference) -> Self {
        Self {
            merchant: difference.merchant.to_string(),
            payment_id: difference.payment.to_string(),
            charge_id: difference.charge.as_ref().map(ToString::to_string),
            problem: difference.problem.name().to_owned(),
            shown: difference.shown,
            recomputed: difference.recomputed,
        }
    }
}
