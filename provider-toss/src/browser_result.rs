//! What the buyer's browser brings back from Toss' window. Untrusted.

use paymux_core::{
    model::{Failure, PgPaymentId},
    provider::{ClaimOutcome, InvalidBrowserResult, ReturnClaim},
};
use serde_json::{Map, Value};

use crate::errors::{self, message_of};

/// No name or amount of Toss' is longer.
const LONGEST_TEXT: usize = 200;

/// Reads the query of the return URL, or what the SDK's promise gave: a success has a
/// `paymentKey`, a failure a `code`. The merchant's own parameters may stand beside them.
pub(crate) fn read(result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
    let fields = result.as_object().ok_or(InvalidBrowserResult("it is not an object"))?;
    if let Some(key) = fields.get("paymentKey") {
        return success(key, fields);
    }
    match fields.get("code").and_then(Value::as_str) {
        Some(code) if !code.is_empty() => Ok(failed(code, fields)),
        _ => Err(InvalidBrowserResult("it has neither paymentKey nor code")),
    }
}

fn success(key: &Value, fields: &Map<String, Value>) -> Result<ReturnClaim, InvalidBrowserResult> {
    let key: PgPaymentId = key
        .as_str()
        // A key of dots is a direction in a path, and none of Toss'.
        .filter(|key| key.bytes().any(|byte| byte.is_ascii_alphanumeric()))
        .and_then(|key| key.parse().ok())
        .ok_or(InvalidBrowserResult("its paymentKey is not of the documented form"))?;
    let amount = amount(fields.get("amount"));
    let order_id = short(fields.get("orderId"));
    if order_id.is_none() || amount.is_none() {
        return Err(InvalidBrowserResult("a paymentKey comes with orderId and amount"));
    }
    Ok(ReturnClaim { pg_payment_id: Some(key), order_id, amount, outcome: ClaimOutcome::Confirm(None) })
}

/// The order id is missing when the buyer closed the window.
fn failed(code: &str, fields: &Map<String, Value>) -> ReturnClaim {
    let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
    let pg = message_of(code, message);
    let failure = Failure::by_pg(errors::reason(&pg), pg);
    ReturnClaim {
        pg_payment_id: None,
        order_id: short(fields.get("orderId")),
        amount: None,
        outcome: ClaimOutcome::Failed(failure),
    }
}

/// A text in the query, `{currency, value}` from the promise.
fn amount(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Object(amount) => {
            amount.get("value").filter(|value| !value.is_object()).and_then(|value| self::amount(Some(value)))
        }
        Value::Number(number) => Some(number.to_string()),
        text => short(Some(text)),
    }
}

fn short(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| (1..=LONGEST_TEXT).contains(&text.len())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use paymux_core::model::FailureReason;
    use serde_json::json;

    use super::*;

    #[test]
    fn success_is_read_however_it_came_back() {
        for (result, amount) in [
            // The query of the return URL, with the widget's addition and the merchant's own.
            (json!({"paymentKey": "k-1", "orderId": "o-1", "amount": "27500"}), "27500"),
            (
                json!({"paymentType": "NORMAL", "amount": "27500", "orderId": "o-1", "paymentKey": "k-1"}),
                "27500",
            ),
            (json!({"code": "summer", "paymentKey": "k-1", "orderId": "o-1", "amount": "27500"}), "27500"),
            // The promise.
            (
                json!({"paymentKey": "k-1", "orderId": "o-1", "amount": {"currency": "KRW", "value": 27500}}),
                "27500",
            ),
            (
                json!({"paymentKey": "k-1", "orderId": "o-1", "amount": {"currency": "USD", "value": 181.56}}),
                "181.56",
            ),
            (json!({"paymentKey": "k-1", "orderId": "o-1", "amount": 27500}), "27500"),
        ] {
            let claim = ReturnClaim {
                pg_payment_id: Some("k-1".parse().unwrap()),
                order_id: Some("o-1".to_owned()),
                amount: Some(amount.to_owned()),
                outcome: ClaimOutcome::Confirm(None),
            };
            assert_eq!(read(&result), Ok(claim), "{result}");
        }
    }

    #[test]
    fn failure_has_our_reason_and_the_pgs_words() {
        use FailureReason as Why;
        for (code, expected) in [
            ("PAY_PROCESS_CANCELED", Why::BuyerClosed),
            ("USER_CANCEL", Why::BuyerClosed),
            ("UserCancel", Why::BuyerClosed),
            ("PAYMENT_REQUEST_ABORTED", Why::BuyerClosed),
            ("NOT_FOUND_MERCHANT", Why::ProviderMisconfigured),
            ("PAY_PROCESS_ABORTED", Why::Other),
            ("REJECT_CARD_COMPANY", Why::IssuerDeclined),
            ("REJECT_CARD_PAYMENT", Why::InsufficientFunds),
            ("EXCEED_DEPOSIT_AMOUNT_LIMIT", Why::LimitExceeded),
            ("INVALID_CLIENT_KEY", Why::ProviderMisconfigured),
            ("INVALID_PARAMETERS", Why::ProviderMisconfigured),
            ("UNAUTHORIZED_KEY", Why::ProviderMisconfigured),
            ("NETWORK_ERROR", Why::ProviderUnavailable),
            ("NOT_AVAILABLE_BANK", Why::ProviderUnavailable),
            ("NOT_SELECTED_PAYMENT_METHOD", Why::Other),
            ("A_CODE_OF_NEXT_YEAR", Why::Other),
        ] {
            let failure = Failure::by_pg(expected, paymux_core::model::PgMessage::new(code, "취소"));
            let claim = ReturnClaim {
                pg_payment_id: None,
                order_id: Some("o-1".to_owned()),
                amount: None,
                outcome: ClaimOutcome::Failed(failure),
            };
            assert_eq!(
                read(&json!({"code": code, "message": "취소", "orderId": "o-1"})),
                Ok(claim),
                "{code}"
            );
        }
        let closed = read(&json!({"code": "PAY_PROCESS_CANCELED", "message": "x"})).unwrap();
        assert_eq!(closed.order_id, None);
    }

    #[test]
    fn window_that_stops_for_the_contract_is_misconfigured() {
        for (message, reason) in [
            ("계약된 결제수단이 아닙니다.", FailureReason::ProviderMisconfigured),
            ("카드 결제가 계약되지 않은 상점입니다", FailureReason::ProviderMisconfigured),
            ("결제 진행 중 승인에 실패하여 결제가 중단되었습니다.", FailureReason::Other),
        ] {
            let claim = read(&json!({"code": "PAY_PROCESS_ABORTED", "message": message})).unwrap();
            let ClaimOutcome::Failed(failure) = claim.outcome else { panic!("{claim:?}") };
            assert_eq!(failure.reason, reason, "{message}");
            assert_eq!(failure.pg.unwrap().message, message);
        }
    }

    #[test]
    fn any_other_result_is_refused() {
        for result in [
            json!(null),
            json!("paymentKey"),
            json!([]),
            json!({}),
            json!({"imp_uid": "imp_1", "merchant_uid": "o-1"}),
            json!({"code": ""}),
            json!({"code": 7}),
            json!({"paymentKey": "k-1"}),
            json!({"paymentKey": "k-1", "orderId": "o-1"}),
            json!({"paymentKey": "k-1", "amount": "1"}),
            json!({"paymentKey": "", "orderId": "o-1", "amount": "1"}),
            json!({"paymentKey": "..", "orderId": "o-1", "amount": "1"}),
            json!({"paymentKey": "k 1", "orderId": "o-1", "amount": "1"}),
            json!({"paymentKey": {"a": 1}, "orderId": "o-1", "amount": "1"}),
            json!({"paymentKey": "k-1", "orderId": "o-1", "amount": {"value": {"value": 1}}}),
            json!({"paymentKey": "k-1", "orderId": "o".repeat(201), "amount": "1"}),
        ] {
            assert!(read(&result).is_err(), "{result}");
        }
    }

    #[test]
    fn long_message_is_cut() {
        let claim = read(&json!({"code": "c".repeat(5000), "message": "가".repeat(5000)})).unwrap();
        let ClaimOutcome::Failed(Failure { pg: Some(pg), .. }) = claim.outcome else { panic!("{claim:?}") };
        assert_eq!((pg.code.chars().count(), pg.message.chars().count()), (100, 510));
    }
}
