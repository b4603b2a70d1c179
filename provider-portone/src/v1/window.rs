//! The payment window: what the browser has to call.

use jiff::tz::{Offset, TimeZone};
use paymux_core::{
    model::{BrowserStep, CashReceiptRequest, CashReceiptType, Method, ResultBy, ScriptCall, cut},
    provider::{PaymentRequest, ProviderError},
};
use serde_json::{Map, Value, json};

use super::{
    charset::writable,
    config::{Channel, PortOneV1Config},
    wire::{major_number, pay_method},
};

/// Limits of display fields, in characters (PortOne docs, V1 payment).
const LONGEST_NAME: usize = 40;
const LONGEST_BUYER_NAME: usize = 16;
const LONGEST_BUYER_TEL: usize = 16;
const LONGEST_BUYER_EMAIL: usize = 64;
/// Deadlines are read as Korean time.
const KOREA: Offset = Offset::constant(9);

/// Loads the SDK, names the merchant, opens the window.
pub(crate) fn step(config: &PortOneV1Config, order: &PaymentRequest) -> Result<BrowserStep, ProviderError> {
    let call = |function: &str, argument: Value, result| ScriptCall {
        function: function.to_owned(),
        args: vec![argument],
        result,
    };
    Ok(BrowserStep::Script {
        script_url: config.script_url.clone(),
        form: None,
        calls: vec![
            call("IMP.init", json!(config.imp_code), ResultBy::ReturnUrl),
            // On phones the buyer is sent to `m_redirect_url` instead, and the callback does not run.
            call("IMP.request_pay", Value::Object(parameters(config, order)?), ResultBy::Callback),
        ],
    })
}

fn parameters(config: &PortOneV1Config, order: &PaymentRequest) -> Result<Map<String, Value>, ProviderError> {
    let number = |money| major_number(money).ok_or(ProviderError::Unsupported("an amount of so many digits"));
    let mut parameters = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value);
        }
    };
    let (channel, key) = match &config.channel {
        Channel::Key(key) => ("channelKey", key),
        Channel::Pg(pg) => ("pg", pg),
    };
    put(channel, Some(json!(key)));
    put("pay_method", Some(json!(pay_method(order.method, order.easy_pay_provider.as_deref())?)));
    put("merchant_uid", Some(json!(order.order_id.as_str())));
    // The window needs a name: of an order of pictures only the number is left.
    let name = writable(&order.order_name, LONGEST_NAME);
    put("name", Some(json!(name.as_deref().unwrap_or(order.order_id.as_str()))));
    put("amount", Some(Value::Number(number(order.amount)?)));
    put("currency", Some(json!(order.amount.currency().code())));
    put("tax_free", order.tax_free_amount.map(number).transpose()?.map(Value::Number));
    put("m_redirect_url", Some(json!(order.return_url)));
    put("language", order.locale.as_deref().and_then(language).map(Value::from));
    let customer = &order.customer;
    let buyer = customer.name.as_deref().and_then(|name| writable(name, LONGEST_BUYER_NAME));
    put("buyer_name", buyer.map(Value::from));
    put("buyer_tel", customer.phone.as_deref().map(|phone| json!(cut(phone, LONGEST_BUYER_TEL))));
    // Half an address is another one: too long is left out, not cut.
    let email = customer.email.as_deref().filter(|email| email.chars().count() <= LONGEST_BUYER_EMAIL);
    put("buyer_email", email.map(Value::from));
    match order.method {
        Method::Card | Method::EasyPay => card(order, &mut put),
        Method::VirtualAccount => {
            refuse_cash_receipt(order.cash_receipt.as_ref())?;
            put("vbank_due", order.deposit_due_at.map(|due| json!(korean_time(due))));
        }
        Method::MobilePhone => put("digital", Some(json!(config.digital_goods))),
        Method::Transfer => {}
    }
    Ok(parameters)
}

/// One card company's own page is opened for a number of months; a choice of months alone is shown
/// in the window. Our codes of card companies are V1's own.
fn card(order: &PaymentRequest, put: &mut impl FnMut(&str, Option<Value>)) {
    let months = order.installment_months;
    if let Some(issuer) = order.card_issuer {
        put("card", Some(json!({ "direct": { "code": issuer.as_str(), "quota": months.unwrap_or(0) } })));
    } else if let Some(months) = months {
        let offered = if months == 0 { json!([]) } else { json!([months]) };
        put("display", Some(json!({ "card_quota": offered })));
    }
}

/// V1's window cannot be asked for one: an option is refused, never dropped.
fn refuse_cash_receipt(wanted: Option<&CashReceiptRequest>) -> Result<(), ProviderError> {
    match wanted {
        None | Some(CashReceiptRequest { kind: CashReceiptType::None, .. }) => Ok(()),
        Some(_) => Err(ProviderError::Unsupported("a cash receipt with a virtual account")),
    }
}

fn korean_time(due: jiff::Timestamp) -> String {
    due.to_zoned(TimeZone::fixed(KOREA)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `ko-KR` is `ko`. A language the window does not speak is left out: it then speaks its own.
fn language(locale: &str) -> Option<&'static str> {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    ["ko", "en", "zh"].into_iter().find(|known| known.eq_ignore_ascii_case(language))
}
