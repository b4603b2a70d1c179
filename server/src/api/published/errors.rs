//! Which errors each operation answers. poem-openapi gives every operation all of them.

use poem::http::StatusCode;
use serde_json::{Value, json};

use super::document::{Object, id};
use crate::http::ErrorCode::{self, *};

/// Answered by everything that can be asked.
const ALWAYS: &[ErrorCode] = &[MalformedRequest, InvalidParameter, Internal, Overloaded, TimedOut];

/// Answered by whatever reads or writes the database for a merchant.
const STORED: &[ErrorCode] = &[Unauthenticated, StorageUnavailable];

/// Answered by a POST without a body.
const POSTED: &[ErrorCode] = &[BodyTooLarge, IdempotencyInProgress, IdempotencyKeyReused];

/// Answered by whatever reads a JSON body.
const JSON: &[ErrorCode] = &[InvalidBody, UnsupportedMediaType];

/// Answered by whatever calls the payment gateway about one payment.
const CALLING: &[ErrorCode] = &[NotFound, Unsupported, ProviderMisconfigured, ProviderUnavailable];

/// The errors of an operation, in groups.
fn groups(operation: &str) -> &'static [&'static [ErrorCode]] {
    match operation {
        "checkHealth" => &[ALWAYS],
        "checkReadiness" => &[ALWAYS, &[StorageUnavailable, NotReady]],
        "listProviders" | "listBanks" | "listCardIssuers" => &[ALWAYS, &[Unauthenticated]],
        "listPayments" | "listEvents" => &[ALWAYS, STORED],
        "readPayment" => &[ALWAYS, STORED, &[NotFound]],
        "registerPayment" => &[ALWAYS, STORED, POSTED, JSON, &[OrderInProgress, Unsupported]],
        "prepareNextAction" => {
            &[ALWAYS, STORED, POSTED, JSON, CALLING, &[InvalidState, CancelInProgress, AccountRetired]]
        }
        "confirmPayment" => &[
            ALWAYS,
            STORED,
            POSTED,
            JSON,
            CALLING,
            &[PaymentDeclined, PaymentMismatch, InvalidState, AccountRetired],
        ],
        "verifyPayment" => &[ALWAYS, STORED, POSTED, CALLING],
        "cancelPayment" => &[
            ALWAYS,
            STORED,
            POSTED,
            JSON,
            CALLING,
            &[
                IdempotencyKeyRequired,
                InvalidState,
                CancelRefused,
                CancelInProgress,
                AmountNotCancellable,
                AccountRetired,
            ],
        ],
        _ => &[ErrorCode::ALL],
    }
}

/// Leaves an operation the errors it answers, each with an example of every code.
pub(super) fn complete(operation: &mut Object) {
    let codes: Vec<ErrorCode> = groups(id(operation)).iter().copied().flatten().copied().collect();
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.retain(|status, _| is_answered(status, &codes));
    for code in codes {
        let status = code.status();
        let fresh = || response(status);
        let response = responses.entry(status.as_str()).or_insert_with(fresh);
        let example = format!("#/components/examples/{}", code.name());
        response["content"]["application/problem+json"]["examples"][code.name()] = json!({ "$ref": example });
    }
}

fn is_answered(status: &str, codes: &[ErrorCode]) -> bool {
    !status.starts_with(['4', '5']) || codes.iter().any(|code| code.status().as_str() == status)
}

/// For the one operation whose handler cannot fail, and still is answered for by the funnel.
fn response(status: StatusCode) -> Value {
    json!({
        "description": status.canonical_reason().unwrap_or("Not done"),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}
