//! What is wrong with a parameter of a request.

use paymux_core::model::MAX_AMOUNT;

use super::ApiError;
use crate::http::ErrorCode;

/// The refusal of a field, by a predicate that repeats nothing of the value.
pub(crate) fn wrong(param: &str, rule: impl ToString) -> ApiError {
    ApiError::with(ErrorCode::InvalidParameter, |problem| {
        problem.param = Some(param.to_owned());
        problem.detail = format!("`{param}` {}.", rule.to_string());
    })
}

pub(crate) fn wrong_amount(param: &str) -> ApiError {
    wrong(param, format!("must be at most {MAX_AMOUNT}"))
}
