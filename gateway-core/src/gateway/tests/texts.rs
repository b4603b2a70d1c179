//! What the fake PG's browser results and webhooks say: flat JSON objects of texts.
//!
//! A browser result has `pg_id`, `order_id`, `amount` and `state` as the claim has, `failure` (`closed`, `misconfigured` or another word), and
//! `says` (`confirm` or `verify`) where the window contradicts what was prepared. A webhook has `pg_id`, `order_id` or
//! `cancel`, and is proved by `delivery` (signed) or `secret`.

use serde_json::Value;

use crate::{
    model::{Failure, FailureReason, MoneyMoves, PgMessage, Secret},
    provider::{
        ClaimOutcome, InvalidBrowserResult, Proof, ReturnClaim, WebhookClaim, WebhookRejected, WebhookSubject,
    },
};

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

pub(crate) fn read_return(
    result: &Value,
    money_moves: MoneyMoves,
) -> Result<ReturnClaim, InvalidBrowserResult> {
    if !result.is_object() {
        return Err(InvalidBrowserResult("it is no object"));
    }
    let id = text(result, "pg_id").map(|id| id.parse().map_err(|_| InvalidBrowserResult("bad id")));
    let by_us = money_moves != MoneyMoves::BeforeConfirm;
    let confirms = text(result, "says").map_or(by_us, |says| says == "confirm");
    let outcome = match text(result, "failure").as_deref() {
        Some("closed") => ClaimOutcome::Failed(Failure::of(FailureReason::BuyerClosed)),
        Some("misconfigured") => {
            let pg = PgMessage::new("INVALID_KEY", "the key is of no shop");
            ClaimOutcome::Failed(Failure::by_pg(FailureReason::ProviderMisconfigured, pg))
        }
        Some(_) => ClaimOutcome::Failed(Failure::of(FailureReason::IssuerDeclined)),
        None if confirms => ClaimOutcome::Confirm(text(result, "state").map(Secret::new)),
        None => ClaimOutcome::Verify,
    };
    Ok(ReturnClaim {
        pg_payment_id: id.transpose()?,
        order_id: text(result, "order_id"),
        amount: text(result, "amount"),
        outcome,
    })
}

pub(crate) fn read_webhook(body: &[u8]) -> Result<WebhookClaim, WebhookRejected> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| WebhookRejected::Malformed("the body is not JSON"))?;
    let proof = match (text(&body, "delivery"), text(&body, "secret")) {
        (Some(_), _) => Proof::Signed,
        (None, Some(secret)) => Proof::Secret(Secret::new(secret)),
        (None, None) => Proof::None,
    };
    let pg_payment_id = text(&body, "pg_id").and_then(|id| id.parse().ok());
    let subject = match (pg_payment_id, text(&body, "order_id"), text(&body, "cancel")) {
        (None, None, Some(cancel)) => WebhookSubject::Cancel(cancel),
        (None, None, None) => WebhookSubject::Other,
        (pg_payment_id, order_id, _) => WebhookSubject::Charge { pg_payment_id, order_id },
    };
    Ok(WebhookClaim { proof, subject, delivery_id: text(&body, "delivery") })
}
