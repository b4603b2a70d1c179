//! The payment window, and the buyer in front of it.

use serde_json::{Map, Value};
use url::Url;

use super::{
    config::KeyPair,
    errors,
    fields::is_order_id,
    ids, institutions,
    language::Language,
    row::{Ask, Method, Opening, Row, Status},
    state::Toss,
    time,
};
use crate::{ActionOptions, ControlError, ControlErrorCode, PayAnswer, PayMethod, PayOutcome, PayRequest};

/// What an ordinary decline is answered with at the confirm.
const DEFAULT_DECLINE: &str = "REJECT_CARD_PAYMENT";
/// The refusals the buyer meets in the window already, before any confirm.
const WINDOW_DECLINES: &[&str] = &["PAY_PROCESS_ABORTED", "REJECT_CARD_COMPANY"];
/// `TossPayments.ANONYMOUS`: the `customerKey` of a buyer who is not a member.
const ANONYMOUS: &str = "@@ANONYMOUS";
/// The buyer closed the window. The only failure that does not name the order.
const CLOSED: &str = "PAY_PROCESS_CANCELED";

/// Enters a payment whose window opens now.
pub(super) fn open(toss: &Toss, pair: &KeyPair, opening: Opening) -> Row {
    let now_ms = toss.clock.now_ms();
    toss.books.write(|books| {
        let mut payment_key = ids::payment_key(&toss.config.mid, now_ms);
        while books.find(&payment_key).is_some() {
            payment_key = ids::payment_key(&toss.config.mid, now_ms);
        }
        let row = Row::opened(payment_key, pair.client_key.clone(), opening, now_ms);
        books.insert(row.clone());
        row
    })
}

/// The buyer goes through the window of an order, which is opened as the page would.
pub(super) fn open_window(
    toss: &Toss,
    request: &PayRequest,
    options: &ActionOptions,
) -> Result<PayAnswer, ControlError> {
    if options.at_s != 0 {
        let message = "at_s: at Toss no money moves in the window, but at the confirm";
        return Err(ControlError::new(ControlErrorCode::Unsupported, message));
    }
    let decline = planned_decline(request)?;
    let text = options.text_of(request.outcome)?;
    if text.is_some() && !decline.is_none_or(|code| WINDOW_DECLINES.contains(&code)) {
        return Err(invalid("text: of a decline that the window says, such as PAY_PROCESS_ABORTED"));
    }
    let row = opened_row(toss, request)?;
    let discount = options.discount_of(row.total, request.outcome)?;
    match decline {
        _ if request.outcome == PayOutcome::Close => Ok(failed(&row, CLOSED, text)),
        Some(code) if WINDOW_DECLINES.contains(&code) => {
            // Should the merchant confirm it all the same, it is aborted for this.
            toss.books.write(|books| {
                books.update(&row.payment_key, |row| row.planned_decline = Some(code.to_owned()));
            });
            Ok(failed(&row, code, text))
        }
        decline => {
            let method = method_of(request, &row)?;
            if discount.is_some() && !has_discounts(method) {
                let message = "discount: Toss knows them of cards and transfers only";
                return Err(ControlError::new(ControlErrorCode::Unsupported, message));
            }
            let now_ms = toss.clock.now_ms();
            toss.books.write(|books| {
                books.update(&row.payment_key, |row| {
                    row.method = Some(method);
                    row.discount = discount.unwrap_or(0);
                    row.status = Status::InProgress;
                    row.authenticated_at_ms = Some(now_ms);
                    row.planned_decline = decline.map(str::to_owned);
                });
            });
            Ok(succeeded(toss, &row))
        }
    }
}

/// The server-made payment that waits for its buyer, else a new one: every call of the SDK makes one.
fn opened_row(toss: &Toss, request: &PayRequest) -> Result<Row, ControlError> {
    let waiting = toss.books.read(|books| {
        let waits = |row: &&Row| row.ask.by_server && row.status == Status::Ready;
        books.of_order(&request.order_id).rfind(waits).cloned()
    });
    if let Some(row) = waiting {
        if request.amount.is_some_and(|amount| amount != row.total) {
            return Err(invalid(format!("the window of this order asks for {}", row.total)));
        }
        return Ok(row);
    }
    let pair = toss.pair_or_first(request.client_key.as_deref())?;
    Ok(open(toss, pair, opening_of(toss, request)?))
}

fn opening_of(toss: &Toss, request: &PayRequest) -> Result<Opening, ControlError> {
    let amount = request.amount.or_else(|| sdk_amount(request)).ok_or_else(|| {
        invalid("amount: the page sends it to Toss, so the caller has to say what the page asked for")
    })?;
    if amount == 0 {
        return Err(invalid("BELOW_ZERO_AMOUNT"));
    }
    if !is_order_id(&request.order_id) {
        return Err(invalid("order_id: 6 to 64 letters, digits, -, _ or ="));
    }
    let order_name = request.order_name.as_deref().or(request.sdk_text("orderName")).unwrap_or("테스트 주문");
    if order_name.is_empty() || order_name.chars().count() > 100 {
        return Err(invalid("order_name: 1 to 100 characters"));
    }
    let tax_free = sdk(request, "taxFreeAmount").and_then(Value::as_u64).unwrap_or(0);
    if tax_free > amount {
        return Err(invalid("taxFreeAmount: more than the amount"));
    }
    Ok(Opening {
        order_id: request.order_id.clone(),
        order_name: order_name.to_owned(),
        amount,
        tax_free,
        method: None,
        ask: ask_of(toss, request)?,
    })
}

fn ask_of(toss: &Toss, request: &PayRequest) -> Result<Ask, ControlError> {
    let text = |name: &str| sdk(request, name).and_then(Value::as_str).map(str::to_owned);
    let bank = match text("bank") {
        Some(name) => {
            Some(institutions::issuing_bank(&name).ok_or_else(|| invalid("INVALID_BANK"))?.code.to_owned())
        }
        None => None,
    };
    let card_company = match text("cardCompany") {
        Some(names) => Some(first_company(&names).ok_or_else(|| invalid("INVALID_CARD_COMPANY"))?.to_owned()),
        None => None,
    };
    let (valid_hours, due_at_ms) = deposit_time(toss, request)?;
    Ok(Ask {
        by_server: false,
        success_url: text("successUrl"),
        fail_url: text("failUrl"),
        customer_name: text("customerName"),
        customer_phone: text("customerMobilePhone"),
        customer_key: text("customerKey").filter(|key| key != ANONYMOUS),
        card_company,
        installment_months: sdk(request, "cardInstallmentPlan").and_then(Value::as_u64).unwrap_or(0),
        easy_pay: text("easyPay"),
        use_escrow: sdk(request, "useEscrow").and_then(Value::as_bool).unwrap_or(false),
        bank,
        valid_hours,
        due_at_ms,
        cash_receipt: sdk(request, "cashReceipt")
            .and_then(|asked| asked.get("type")?.as_str())
            .map(str::to_owned),
        metadata: sdk(request, "metadata").cloned().unwrap_or_default(),
    })
}

/// `validHours` or `dueDate`, at most 90 days ahead.
fn deposit_time(toss: &Toss, request: &PayRequest) -> Result<(Option<u64>, Option<u64>), ControlError> {
    const MAX_VALID_HOURS: u64 = 2_160;
    let hours = sdk(request, "validHours").and_then(Value::as_u64);
    let due = sdk(request, "dueDate").and_then(Value::as_str);
    let due_at_ms = due.map(|due| time::parse(due).ok_or_else(|| invalid("INVALID_DATE"))).transpose()?;
    let now_ms = toss.clock.now_ms();
    let latest_ms = now_ms.saturating_add(MAX_VALID_HOURS.saturating_mul(3_600_000));
    if hours.is_some() && due_at_ms.is_some() {
        return Err(invalid("INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"));
    }
    if hours.is_some_and(|hours| hours > MAX_VALID_HOURS) {
        return Err(invalid("EXCEED_MAX_VALID_HOURS"));
    }
    if due_at_ms.is_some_and(|due_at_ms| due_at_ms > latest_ms) {
        return Err(invalid("EXCEED_MAX_DUE_DATE"));
    }
    if due_at_ms.is_some_and(|due_at_ms| due_at_ms <= now_ms) {
        return Err(invalid("INVALID_DATE"));
    }
    Ok((hours, due_at_ms))
}

/// What the buyer pays with: the control call's word, else the page's, else a card.
fn method_of(request: &PayRequest, row: &Row) -> Result<Method, ControlError> {
    if let Some(method) = request.method {
        return Ok(method.into());
    }
    if let Some(method) = row.method {
        return Ok(method);
    }
    match request.sdk_text("method") {
        Some("CARD" | "카드") if row.ask.easy_pay.is_some() => Ok(Method::EasyPay),
        Some(name) => Method::parse(name).ok_or_else(|| invalid("NOT_SUPPORTED_METHOD")),
        None => Ok(Method::Card),
    }
}

/// The query of `successUrl`: all texts, as a browser brings them.
fn succeeded(toss: &Toss, row: &Row) -> PayAnswer {
    let widget = toss.pair_of(&row.client_key).is_some_and(KeyPair::is_widget);
    let mut result = Map::new();
    if widget {
        result.insert("paymentType".to_owned(), "NORMAL".into());
    }
    result.insert("orderId".to_owned(), row.order_id.clone().into());
    result.insert("paymentKey".to_owned(), row.payment_key.clone().into());
    result.insert("amount".to_owned(), row.total.to_string().into());
    redirected(result, row.ask.success_url.as_deref())
}

/// The methods whose companies give instant discounts (`GET /v1/promotions` lists those of cards and banks).
const fn has_discounts(method: Method) -> bool {
    matches!(method, Method::Card | Method::Transfer)
}

/// The query of `failUrl`.
fn failed(row: &Row, code: &str, text: Option<String>) -> PayAnswer {
    let of_table = || errors::find(code).map(|error| error.message(Language::Korean));
    let message = text.or_else(of_table).unwrap_or_default();
    let mut result = Map::new();
    result.insert("code".to_owned(), code.into());
    result.insert("message".to_owned(), message.into());
    if code != CLOSED {
        result.insert("orderId".to_owned(), row.order_id.clone().into());
    }
    redirected(result, row.ask.fail_url.as_deref())
}

/// The URL keeps what it had.
fn redirected(browser_result: Map<String, Value>, url: Option<&str>) -> PayAnswer {
    let redirect_url = url.and_then(|url| Url::parse(url).ok()).map(|mut url| {
        let texts = browser_result.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        url.query_pairs_mut().extend_pairs(texts);
        url.to_string()
    });
    PayAnswer { browser_result, redirect_url }
}

/// Why the buyer's attempt will fail, if it will.
fn planned_decline(request: &PayRequest) -> Result<Option<&'static str>, ControlError> {
    if request.outcome != PayOutcome::Decline {
        if request.decline_code.is_some() {
            return Err(invalid("decline_code: only with the outcome decline"));
        }
        return Ok(None);
    }
    let code = request.decline_code.as_deref().unwrap_or(DEFAULT_DECLINE);
    let error = errors::find(code).ok_or_else(|| invalid(format!("Toss has no error code {code}")))?;
    Ok(Some(error.code))
}

/// A parameter of the SDK call, at the top or in the object of its method (SDK v2).
fn sdk<'a>(request: &'a PayRequest, name: &str) -> Option<&'a Value> {
    let at_the_top = request.sdk.get(name);
    at_the_top.or_else(|| {
        let methods = ["card", "virtualAccount", "transfer", "mobilePhone"];
        methods.iter().find_map(|method| request.sdk.get(*method)?.get(name))
    })
}

/// The code of the first of the card companies a page names: in the `DEFAULT` window it may name several, with `|` between
/// them, of which the buyer takes the first. `None` if one of them is none of Toss'.
fn first_company(names: &str) -> Option<&'static str> {
    let mut companies =
        names.split('|').map(|name| institutions::card_company(name).map(|company| company.code));
    let first = companies.next()?;
    companies.all(|company| company.is_some()).then_some(first)?
}

/// The amount of the SDK call: a number (SDK v1) or `{currency, value}` (SDK v2).
fn sdk_amount(request: &PayRequest) -> Option<u64> {
    let amount = request.sdk.get("amount")?;
    amount.get("value").unwrap_or(amount).as_u64()
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}

impl From<PayMethod> for Method {
    fn from(method: PayMethod) -> Self {
        match method {
            PayMethod::Card => Self::Card,
            PayMethod::EasyPay => Self::EasyPay,
            PayMethod::Transfer => Self::Transfer,
            PayMethod::VirtualAccount => Self::VirtualAccount,
            PayMethod::MobilePhone => Self::MobilePhone,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_redirect_keeps_the_query_it_had() {
        let Value::Object(result) = json!({ "paymentKey": "t=1", "amount": "100" }) else { unreachable!() };
        let answer = redirected(result, Some("http://localhost/done?shop=7"));
        assert_eq!(answer.redirect_url.unwrap(), "http://localhost/done?shop=7&amount=100&paymentKey=t%3D1");
    }
}
