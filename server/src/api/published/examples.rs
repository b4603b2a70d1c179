//! Examples of requests and answers: `examples.json`, and one of every error.

use std::sync::LazyLock;

use paymux_core::model::FailureReason;
use serde_json::{Value, json};

use super::document::{Object, id, responses};
use crate::http::{ErrorCode, refusal::members};

/// `components`: named examples. `operations`: which of them are whose request and answers.
pub(super) static WRITTEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("examples.json")).expect("examples.json is compiled in and tested")
});

/// The parameters' examples, by name.
const PARAMETERS: [(&str, &str); 3] = [
    ("id", "pay_06gzvtcprxw63b4hssbask691c"),
    ("Idempotency-Key", "9e1f3c52-6d0c-4f0e-8a55-3f1d6c1b7a10"),
    ("order_id", "order-20261121-0001"),
];

/// The examples operations refer to.
pub(super) fn components() -> Object {
    let mut components = WRITTEN["components"].as_object().cloned().unwrap_or_default();
    components.extend(ErrorCode::of_the_api().map(|code| (code.name().to_owned(), of_error(code))));
    components
}

fn of_error(code: ErrorCode) -> Value {
    let mut problem = members(code, "req_bfaef07abeb871455b19989e3eaf8ac3");
    match code {
        ErrorCode::InvalidParameter => {
            problem["param"] = json!("return_url");
            problem["detail"] = json!("`return_url` must be an address at one of your return_origins.");
        }
        ErrorCode::InvalidBody => problem["param"] = json!("amount"),
        ErrorCode::OrderInProgress => problem["payment_id"] = json!(PARAMETERS[0].1),
        ErrorCode::PaymentDeclined => {
            let reason = FailureReason::IssuerDeclined;
            problem["reason"] = json!(reason.name());
            problem["message"] = json!(reason.message());
            problem["message_ko"] = json!(reason.message_ko());
            problem["pg"] = json!({ "code": "REJECT_CARD_COMPANY", "message": "결제 승인이 거절되었습니다" });
            problem["payment_id"] = json!(PARAMETERS[0].1);
            problem["payment_status"] = json!("failed");
        }
        ErrorCode::InvalidState => {
            problem["payment_id"] = json!(PARAMETERS[0].1);
            problem["payment_status"] = json!("cancelled");
        }
        ErrorCode::PaymentMismatch => {
            problem["payment_id"] = json!(PARAMETERS[0].1);
            problem["payment_status"] = json!("ready");
        }
        ErrorCode::CancelInProgress | ErrorCode::AmountNotCancellable | ErrorCode::AccountRetired => {
            problem["payment_id"] = json!(PARAMETERS[0].1);
            problem["payment_status"] = json!("paid");
        }
        ErrorCode::CancelRefused => {
            let reason = FailureReason::NotCancellable;
            problem["reason"] = json!(reason.name());
            problem["message"] = json!(reason.message());
            problem["message_ko"] = json!(reason.message_ko());
            problem["pg"] =
                json!({ "code": "NOT_CANCELABLE_PAYMENT", "message": "취소 할 수 없는 결제 입니다." });
            problem["payment_id"] = json!(PARAMETERS[0].1);
            problem["payment_status"] = json!("paid");
        }
        ErrorCode::NotReady => problem["reason"] = json!("clock_in_doubt"),
        _ => {}
    }
    json!({ "summary": code.detail(), "value": problem })
}

/// Gives an operation its examples.
pub(super) fn complete(operation: &mut Object) {
    let written = &WRITTEN["operations"][id(operation)];
    if let Some(body) = operation.get_mut("requestBody") {
        body["content"]["application/json"]["examples"] = references(&written["request"]);
    }
    for (status, response) in responses(operation).filter(|(status, _)| status.starts_with('2')) {
        if let Some(media) =
            response.get_mut("content").and_then(|content| content.get_mut("application/json"))
        {
            media["examples"] = references(&written["answers"][status]);
        }
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let known = PARAMETERS.iter().find(|(name, _)| parameter["name"] == *name);
        if let Some((_, example)) = known {
            parameter["example"] = json!(example);
        }
    }
}

fn references(names: &Value) -> Value {
    let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    let reference =
        |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/examples/{name}") }));
    Value::Object(names.map(reference).collect())
}
