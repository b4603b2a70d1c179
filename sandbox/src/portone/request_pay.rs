//! Reading what the page passes to `IMP.request_pay`, out of the control API's request.

use jiff::{civil::DateTime, tz};
use serde_json::{Map, Value};

use super::bank;
use super::ledger::Ledger;
use super::payment::{Opening, Person, Promotion};
use super::window::{Buyer, WindowRequest};
use crate::random::{HEX, random_text};
use crate::{ActionOptions, ControlError, ControlErrorCode, PayMethod, PayOutcome, PayRequest};

/// Parameters the simulator would have to act upon and does not: better refused
/// than silently without effect.
const NOT_IMITATED: [&str; 2] = ["confirm_url", "customer_uid"];

/// The window call a control request stands for.
///
/// The amount is the request's own, else the page's, else the registered one.
pub(super) fn window_request(
    request: &PayRequest,
    options: &ActionOptions,
    books: &Ledger,
) -> Result<WindowRequest, ControlError> {
    if let Some(name) = NOT_IMITATED.iter().find(|name| request.sdk.contains_key(**name)) {
        let message = format!("the simulator does not imitate request_pay's {name}");
        return Err(ControlError::new(ControlErrorCode::Unsupported, message));
    }
    let registered = books.registrations.get(&request.order_id);
    let of_page = whole_number(&request.sdk, "amount")?;
    let amount = request.amount.or(of_page).or(registered.map(|registered| registered.amount));
    let amount = amount.ok_or_else(|| invalid("no amount was given and none is registered"))?;
    let currency = request.sdk_text("currency").unwrap_or("KRW").to_owned();
    let order = Opening {
        merchant_uid: request.order_id.clone(),
        amount,
        currency,
        pay_method: pay_method(request),
        name: text(&request.sdk, "name").or_else(|| request.order_name.clone()),
        buyer: person(&request.sdk),
        notice_urls: notice_urls(&request.sdk)?,
        custom_data: request.sdk.get("custom_data").filter(|data| !data.is_null()).map(Value::to_string),
    };
    let vbank_due = request.sdk_text("vbank_due").map(due).transpose()?;
    let (bypass_prepare, already_open) = (request.bypass_prepare, options.already_open);
    Ok(WindowRequest { order, bypass_prepare, already_open, vbank_due })
}

/// What the buyer of a control request does in a window for `amount`.
pub(super) fn buyer(
    request: &PayRequest,
    options: &ActionOptions,
    amount: u64,
) -> Result<Buyer, ControlError> {
    let discount = options.discount_of(amount, request.outcome)?;
    let text = options.text_of(request.outcome)?;
    Ok(match request.outcome {
        PayOutcome::Approve => {
            let promotion = discount.map(|discount| promotion(request, discount)).transpose()?;
            Buyer::Approves { promotion, card_code: card_company(request)? }
        }
        PayOutcome::Decline => Buyer::IsDeclined { code: request.decline_code.clone(), text },
        PayOutcome::Close => Buyer::Closes { text },
    })
}

/// PortOne's promotions are of card companies only.
fn promotion(request: &PayRequest, discount: u64) -> Result<Promotion, ControlError> {
    if pay_method(request) != "card" {
        let message = "discount: PortOne's promotions are of cards only";
        return Err(ControlError::new(ControlErrorCode::Unsupported, message));
    }
    let id = request.sdk_text("promotion_id").map_or_else(promotion_id, str::to_owned);
    Ok(Promotion { discount, id })
}

/// `promotion-id-` and a UUID.
fn promotion_id() -> String {
    let [a, b, c, d, e] = [8, 4, 4, 4, 12].map(|digits| random_text(HEX, digits));
    format!("promotion-id-{a}-{b}-{c}-{d}-{e}")
}

/// The card company whose own page `card.direct` opens, for a card. One that PortOne has no code for opens none.
fn card_company(request: &PayRequest) -> Result<Option<String>, ControlError> {
    let direct = request.sdk.get("card").and_then(|card| card.get("direct")?.get("code")?.as_str());
    let Some(code) = direct.filter(|_| pay_method(request) == "card") else { return Ok(None) };
    bank::card_company(code).ok_or_else(|| invalid("card.direct.code is no card company's"))?;
    Ok(Some(code.to_owned()))
}

/// V1's name of the method: the control API's word wins over the page's.
fn pay_method(request: &PayRequest) -> String {
    let named = request.method.map(|method| match method {
        PayMethod::Card => "card",
        PayMethod::EasyPay => "kakaopay",
        PayMethod::Transfer => "trans",
        PayMethod::VirtualAccount => "vbank",
        PayMethod::MobilePhone => "phone",
    });
    named.or_else(|| request.sdk_text("pay_method")).unwrap_or("card").to_owned()
}

fn person(sdk: &Map<String, Value>) -> Person {
    Person {
        addr: text(sdk, "buyer_addr"),
        email: text(sdk, "buyer_email"),
        name: text(sdk, "buyer_name"),
        postcode: text(sdk, "buyer_postcode"),
        tel: text(sdk, "buyer_tel"),
    }
}

fn text(sdk: &Map<String, Value>, name: &str) -> Option<String> {
    sdk.get(name)?.as_str().map(str::to_owned)
}

/// Reads `notice_url`, one or several.
fn notice_urls(sdk: &Map<String, Value>) -> Result<Vec<String>, ControlError> {
    let urls = match sdk.get("notice_url") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(urls)) => urls.as_slice(),
        Some(url) => std::slice::from_ref(url),
    };
    let text = |url: &Value| url.as_str().map(str::to_owned);
    urls.iter()
        .map(|url| text(url).ok_or_else(|| invalid("notice_url is a text or a list of texts")))
        .collect()
}

fn whole_number(sdk: &Map<String, Value>, name: &str) -> Result<Option<u64>, ControlError> {
    match sdk.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(format!("request_pay's {name} is a whole number, not a text"))),
        },
    }
}

/// Reads `vbank_due`, in one of its four forms, as Korean time.
///
/// A day without a time means its last second (inferred).
fn due(text: &str) -> Result<u64, ControlError> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let full = match (digits.len(), text.len()) {
        (8, 8 | 10) => format!("{digits}235959"),
        (14, 14 | 19) => digits,
        _ => return Err(invalid("vbank_due has another form")),
    };
    DateTime::strptime("%Y%m%d%H%M%S", &full)
        .and_then(|time| time.to_zoned(tz::TimeZone::fixed(tz::offset(9))))
        .ok()
        .and_then(|time| u64::try_from(time.timestamp().as_second()).ok())
        .ok_or_else(|| invalid("vbank_due is no date"))
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_date_has_four_forms_and_is_korean_time() {
        for (text, seconds) in [
            ("20260301", 1_772_377_199),
            ("2026-03-01", 1_772_377_199),
            ("20260301120000", 1_772_334_000),
            ("2026-03-01 12:00:00", 1_772_334_000),
        ] {
            assert_eq!(due(text), Ok(seconds), "{text}");
        }
        for text in ["", "tomorrow", "20261301", "2026-03"] {
            assert!(due(text).is_err(), "{text}");
        }
    }
}
