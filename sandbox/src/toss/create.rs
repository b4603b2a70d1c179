//! `POST /v1/payments`: a payment made by the server, whose window is opened at `checkout.url`. No longer in the
//! public reference, still served.

use serde_json::Value;
use url::Url;

use super::{
    call::Call,
    errors::{
        DUPLICATED_ORDER_ID, ErrorCode, INCORRECT_FAIL_URL_FORMAT, INCORRECT_SUCCESS_URL_FORMAT,
        INVALID_CURRENCY, INVALID_FLOW_MODE_PARAMETERS, INVALID_ORDER_ID, INVALID_ORDER_NAME,
        INVALID_REQUEST, NOT_SUPPORTED_METHOD, Refusal,
    },
    fields::{Fields, is_order_id},
    institutions,
    row::{Ask, Method, Opening},
    window::open,
};

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let opening = read_opening(call)?;
    let duplicate = call
        .toss
        .books
        .read(|books| books.of_order(&opening.order_id).any(|row| call.owns(row) && row.was_approved()));
    if duplicate && !call.toss.config.permissive {
        return Err(DUPLICATED_ORDER_ID.refuse());
    }
    let row = open(call.toss, call.pair, opening);
    Ok(call.show(&row, false))
}

fn read_opening(call: &Call<'_>) -> Result<Opening, Refusal> {
    let mut fields = Fields::of(call.request)?;
    let method = Method::parse(&fields.required_text("method", 50)?).ok_or(NOT_SUPPORTED_METHOD.refuse())?;
    let amount = fields.required_amount("amount")?;
    if fields.text("currency", 10)?.is_some_and(|currency| currency != "KRW") {
        return Err(INVALID_CURRENCY.refuse());
    }
    let order_id = fields.required_text("orderId", 64).ok().filter(|id| is_order_id(id));
    let order_id = order_id.ok_or(INVALID_ORDER_ID.refuse())?;
    let order_name = fields.required_text("orderName", 100).map_err(|_| INVALID_ORDER_NAME.refuse())?;
    let mut ask = Ask {
        by_server: true,
        success_url: Some(url(&mut fields, "successUrl", &INCORRECT_SUCCESS_URL_FORMAT)?),
        fail_url: Some(url(&mut fields, "failUrl", &INCORRECT_FAIL_URL_FORMAT)?),
        customer_name: fields.text("customerName", 100)?,
        ..Ask::default()
    };
    fields.text("customerEmail", 100)?;
    fields.text("appScheme", 100)?;
    let method = read_flow(&mut fields, method, &mut ask)?;
    fields.finish()?;
    Ok(Opening { order_id, order_name, amount, tax_free: 0, method: Some(method), ask })
}

/// `DIRECT` goes to one card company or wallet, which must be named.
fn read_flow(fields: &mut Fields, method: Method, ask: &mut Ask) -> Result<Method, Refusal> {
    let company = fields.text("cardCompany", 30)?;
    let easy_pay = fields.text("easyPay", 30)?;
    let flow = fields.text("flowMode", 10)?;
    let direct = match flow.as_deref() {
        None | Some("DEFAULT") => false,
        Some("DIRECT") => true,
        Some(_) => return Err(INVALID_FLOW_MODE_PARAMETERS.refuse()),
    };
    if direct && company.is_none() && easy_pay.is_none() {
        return Err(INVALID_FLOW_MODE_PARAMETERS.refuse());
    }
    ask.card_company = match company {
        // No source says how a company that Toss does not know is refused here.
        Some(name) => {
            Some(institutions::card_company(&name).ok_or(INVALID_REQUEST.refuse())?.code.to_owned())
        }
        None => None,
    };
    ask.easy_pay = easy_pay;
    Ok(if method == Method::Card && direct && ask.easy_pay.is_some() { Method::EasyPay } else { method })
}

fn url(fields: &mut Fields, name: &str, error: &'static ErrorCode) -> Result<String, Refusal> {
    let text = fields.required_text(name, 2_000).map_err(|_| error.refuse())?;
    let parsed =
        Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    parsed.map(|_| text).ok_or_else(|| error.refuse())
}
