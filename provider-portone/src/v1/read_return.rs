//! What the browser brings back: the callback's `rsp`, or the query of the redirect.
//!
//! `success` and `imp_success` are not read. They said that the SDK was done, not that money moved,
//! and newer SDKs leave them out (PortOne docs, V1 JavaScript SDK).

use paymux_core::{
    model::{Failure, PgMessage},
    provider::{BrowserResult, ClaimOutcome, InvalidBrowserResult, ReturnClaim},
};
use serde_json::{Map, Value};

use super::{errors, wire::is_imp_uid};

/// The order was paid before: not a failure of the payment, but a reason to look it up.
const ALREADY_PAID: &str = "F1002";
/// The longest `merchant_uid`.
const LONGEST_ORDER: usize = 40;
/// Display text is cut to this.
const LONGEST_TEXT: usize = 500;

/// Reads it. With an `imp_uid` or without, a result that names no failure is looked up.
pub(crate) fn read(result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
    let fields = result.as_object().ok_or(InvalidBrowserResult("it is no object"))?;
    let pg_payment_id = match text(fields, "imp_uid")? {
        Some(id) if is_imp_uid(id) => {
            Some(id.parse().map_err(|_| InvalidBrowserResult("imp_uid is none of PortOne's"))?)
        }
        Some(_) => return Err(InvalidBrowserResult("imp_uid is none of PortOne's")),
        None => None,
    };
    let order_id = text(fields, "merchant_uid")?;
    if order_id.is_some_and(|order| order.chars().count() > LONGEST_ORDER) {
        return Err(InvalidBrowserResult("merchant_uid is too long"));
    }
    let failure = failure(words(fields, "error_code")?, words(fields, "error_msg")?);
    let names_one = pg_payment_id.is_some() || order_id.is_some();
    if !names_one && !fields.contains_key("error_code") {
        return Err(InvalidBrowserResult("it names no payment"));
    }
    let outcome = failure.map_or(ClaimOutcome::Verify, ClaimOutcome::Failed);
    Ok(ReturnClaim { pg_payment_id, order_id: order_id.map(str::to_owned), amount: None, outcome })
}

fn failure(code: Option<String>, message: Option<String>) -> Option<Failure> {
    if code.as_deref() == Some(ALREADY_PAID) || code.is_none() && message.is_none() {
        return None;
    }
    let cut = |text: Option<String>| text.unwrap_or_default().chars().take(LONGEST_TEXT).collect::<String>();
    let (code, message) = (cut(code), cut(message));
    Some(Failure::by_pg(errors::reason(&code, &message), PgMessage::new(code, message)))
}

/// A field's text; nothing if it is missing, `null` or empty.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, InvalidBrowserResult> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(InvalidBrowserResult("a field is no text")),
    }
}

/// What a failure is called. Some PGs behind V1 have codes of digits alone, and a browser may make a number of one.
fn words(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, InvalidBrowserResult> {
    match fields.get(name) {
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        _ => Ok(text(fields, name)?.map(str::to_owned)),
    }
}
