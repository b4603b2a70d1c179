//! Toss' payment window: the SDK calls that open it, or the checkout page Toss makes for us.
//!
//! The result always comes by the return URL: `windowTarget: "self"` leaves our page, so that no
//! closed frame ends in a promise nobody waits for (Toss docs, sdk/v2/js).

use paymux_core::{
    model::{BrowserStep, CashReceiptType, Currency, Customer, Method, Money, ResultBy, ScriptCall},
    provider::{PaymentRequest, Prepared, ProviderError},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    config::{ConfigError, KeyKind, KeyPair, TossConfig},
    terms::{MONEY_MOVES, hex},
    wire::{CreateBody, Major, Payment, card_company, easy_pay_name, local_text, method_name},
};

/// Toss' limits for display texts, in characters.
const LONGEST_TEXT: usize = 100;

/// What `TossPayments.ANONYMOUS` is in the published type definitions of SDK v2
/// (`@tosspayments/tosspayments-sdk`).
const ANONYMOUS: &str = "@@ANONYMOUS";

/// What opening the window with the SDK needs of the configuration.
#[derive(Debug)]
pub(crate) struct Window {
    script_url: String,
    client_key: String,
    kind: KeyKind,
    variant_key: Option<String>,
}

impl Window {
    pub(crate) fn new(config: &TossConfig, keys: KeyPair) -> Result<Self, ConfigError> {
        Ok(Self {
            script_url: config.script_url(keys.mode)?,
            client_key: config.client_key.clone(),
            kind: keys.kind,
            variant_key: config.variant_key.clone(),
        })
    }

    /// The SDK calls that open the window: `payment()` with a per-API key, `widgets()` with a widget key.
    pub(crate) fn step(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let customer = json!({ "customerKey": self.customer_key(&order.customer) });
        let (product, open) = match self.kind {
            KeyKind::PerApi => (".payment", call(".requestPayment", vec![payment(order)?])),
            KeyKind::Widget => (".widgets", call(".requestPaymentWindow", self.widget(order)?)),
        };
        let start = call("TossPayments", vec![self.client_key.clone().into()]);
        let calls = vec![start, call(product, vec![customer]), open];
        let step = BrowserStep::Script { script_url: self.script_url.clone(), form: None, calls };
        Ok(Prepared { step, pg_payment_id: None, money_moves: MONEY_MOVES })
    }

    /// A key Toss may show to nobody and nobody can turn back into the merchant's id, in the
    /// form of a UUID. Salted with the client key, the one key that is never re-issued, so that a customer
    /// stays the same customer.
    fn customer_key(&self, customer: &Customer) -> String {
        let Some(id) = customer.id.as_deref().filter(|id| !id.is_empty()) else {
            return ANONYMOUS.to_owned();
        };
        let digest = hex(&Sha256::digest(format!("{}\n{id}", self.client_key)));
        let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    /// The widget as one call. Rendering it into the page takes calls that do not return the widget, and
    /// elements of ours; the widget's own window takes the amount with the request. The buyer
    /// chooses the method there, so what narrows a method has no place in it.
    fn widget(&self, order: &PaymentRequest) -> Result<Vec<Value>, ProviderError> {
        refuse(&[
            (order.card_issuer.is_some(), "one card company in the widget"),
            (order.easy_pay_provider.is_some(), "one wallet in the widget"),
            (order.installment_months.is_some(), "instalments in the widget"),
            (order.deposit_due_at.is_some(), "a deposit due date in the widget"),
            (order.cash_receipt.is_some(), "a cash receipt in the widget"),
        ])?;
        let mut args = vec![Value::Object(common(order))];
        args.extend(self.variant_key.as_ref().map(|key| json!({ "variantKey": { "paymentMethod": key } })));
        Ok(args)
    }
}

/// With `successUrl` and `failUrl` given, the SDK's promise resolves to nothing and the result is in the URL.
fn call(function: &str, args: Vec<Value>) -> ScriptCall {
    ScriptCall { function: function.to_owned(), args, result: ResultBy::ReturnUrl }
}

/// The parameters every method and the widget share.
fn common(order: &PaymentRequest) -> Map<String, Value> {
    let customer = &order.customer;
    let mut request = Map::new();
    request.insert(
        "amount".to_owned(),
        json!({ "currency": order.amount.currency().code(), "value": number(order.amount) }),
    );
    request.insert("orderId".to_owned(), order.order_id.as_str().into());
    request.insert("orderName".to_owned(), order_name(order).into());
    request.insert("successUrl".to_owned(), order.return_url.as_str().into());
    request.insert("failUrl".to_owned(), order.return_url.as_str().into());
    put(&mut request, "customerName", customer.name.as_deref().and_then(cut));
    put(&mut request, "customerEmail", customer.email.as_deref().filter(|email| fits(email)));
    put(&mut request, "customerMobilePhone", customer.phone.as_deref().filter(|phone| is_phone(phone)));
    put(&mut request, "taxFreeAmount", order.tax_free_amount.map(number));
    request
}

/// The parameters of `payment().requestPayment()`.
fn payment(order: &PaymentRequest) -> Result<Value, ProviderError> {
    let mut request = common(order);
    request.insert("method".to_owned(), method_name(order.method).into());
    request.insert("windowTarget".to_owned(), "self".into());
    let (name, narrowed) = match order.method {
        Method::Card | Method::EasyPay => ("card", card(order)?),
        Method::Transfer => ("transfer", transfer(order)),
        Method::VirtualAccount => ("virtualAccount", virtual_account(order)),
        Method::MobilePhone => return Ok(request.into()),
    };
    request.insert(name.to_owned(), narrowed.into());
    Ok(request.into())
}

fn card(order: &PaymentRequest) -> Result<Map<String, Value>, ProviderError> {
    let mut card = Map::new();
    card.insert("useEscrow".to_owned(), false.into());
    // Straight to the one card company or wallet: otherwise the buyer would see every other, too.
    let direct = narrowed_to(order)?;
    card.insert("flowMode".to_owned(), if direct.is_some() { "DIRECT" } else { "DEFAULT" }.into());
    if let Some((name, value)) = direct {
        card.insert(name.to_owned(), value.into());
    }
    put(&mut card, "cardInstallmentPlan", installments(order)?);
    put(&mut card, "language", order.locale.as_deref().and_then(language));
    Ok(card)
}

/// The one wallet or card company asked for, by the parameter's name.
fn narrowed_to(order: &PaymentRequest) -> Result<Option<(&'static str, String)>, ProviderError> {
    match (order.easy_pay_provider.as_deref(), order.card_issuer) {
        (Some(_), Some(_)) => Err(ProviderError::Unsupported("one card company inside one wallet")),
        (Some(wallet), None) => Ok(Some(("easyPay", easy_pay_name(wallet)))),
        (None, Some(issuer)) => {
            let company = card_company(issuer).ok_or(ProviderError::Unsupported("this card company"))?;
            Ok(Some(("cardCompany", company.to_owned())))
        }
        (None, None) => Ok(None),
    }
}

/// 0, or 2 to 12 (Toss docs, sdk/v2/js).
fn installments(order: &PaymentRequest) -> Result<Option<u32>, ProviderError> {
    match order.installment_months {
        None | Some(0 | 2..=12) => Ok(order.installment_months),
        Some(_) => Err(ProviderError::Unsupported("instalments of other than 0 or 2 to 12 months")),
    }
}

fn transfer(order: &PaymentRequest) -> Map<String, Value> {
    let mut transfer = Map::new();
    transfer.insert("useEscrow".to_owned(), false.into());
    put(&mut transfer, "cashReceipt", cash_receipt(order));
    transfer
}

fn virtual_account(order: &PaymentRequest) -> Map<String, Value> {
    let mut account = transfer(order);
    put(&mut account, "dueDate", order.deposit_due_at.map(local_text));
    account
}

/// The kind only: the buyer gives the number in the window.
fn cash_receipt(order: &PaymentRequest) -> Option<Value> {
    let kind = match order.cash_receipt.as_ref()?.kind {
        CashReceiptType::Personal => "소득공제",
        CashReceiptType::Business => "지출증빙",
        CashReceiptType::None => "미발행",
    };
    Some(json!({ "type": kind }))
}

/// The languages of the card window; any other is Korean, its default.
fn language(locale: &str) -> Option<&'static str> {
    match locale.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
        "ko" => Some("KO"),
        "en" => Some("EN"),
        "ja" => Some("JA"),
        "zh" => Some("ZH"),
        _ => None,
    }
}

/// The body of `POST /v1/payments`.
///
/// # Errors
///
/// [`ProviderError::Unsupported`] for what that call has no parameter for.
pub(crate) fn create_body(order: &PaymentRequest) -> Result<CreateBody<'_>, ProviderError> {
    let tax_free = order.tax_free_amount.is_some_and(|amount| !amount.is_zero());
    refuse(&[
        (tax_free, "a tax-free amount with server checkout"),
        (order.installment_months.is_some(), "instalments with server checkout"),
        (order.deposit_due_at.is_some(), "a deposit due date with server checkout"),
        (order.cash_receipt.is_some(), "a cash receipt with server checkout"),
    ])?;
    let by_card = matches!(order.method, Method::Card | Method::EasyPay);
    let direct = if by_card { narrowed_to(order)? } else { None };
    let named = |name: &str| direct.clone().filter(|(named, _)| *named == name).map(|(_, value)| value);
    let currency = order.amount.currency();
    Ok(CreateBody {
        method: method_name(order.method),
        amount: Major(order.amount),
        currency: (currency != Currency::Krw).then(|| currency.code()),
        order_id: order.order_id.as_str(),
        order_name: order_name(order),
        success_url: &order.return_url,
        fail_url: &order.return_url,
        flow_mode: direct.as_ref().map(|_| "DIRECT"),
        easy_pay: named("easyPay"),
        card_company: named("cardCompany"),
        customer_name: order.customer.name.as_deref().and_then(cut),
        customer_email: order.customer.email.as_deref().filter(|email| fits(email)),
    })
}

/// Refuses the first option that was asked for: an option is refused, never dropped.
fn refuse(options: &[(bool, &'static str)]) -> Result<(), ProviderError> {
    match options.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(ProviderError::Unsupported(what)),
        None => Ok(()),
    }
}

/// Where the answer to `POST /v1/payments` sends the buyer.
pub(crate) fn redirect(order: &PaymentRequest, body: &[u8]) -> Result<Prepared, ProviderError> {
    let payment = Payment::read(body)?.of_order(&order.order_id)?;
    let step = BrowserStep::Redirect { url: payment.checkout_url()?, form: None };
    Ok(Prepared { step, pg_payment_id: Some(payment.pg_payment_id()?), money_moves: MONEY_MOVES })
}

/// The amount as a JavaScript number, which is how the SDK takes it.
fn number(amount: Money) -> Value {
    serde_json::from_str(&amount.to_major()).expect("a decimal is a JSON number")
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// Toss needs a name: of an order with none that fits only the number is left.
fn order_name(order: &PaymentRequest) -> String {
    cut(&order.order_name).unwrap_or_else(|| order.order_id.as_str().to_owned())
}

/// Nothing is left of one emoji that is too long, such as many people joined.
fn cut(text: &str) -> Option<String> {
    let kept = paymux_core::model::cut(text, LONGEST_TEXT);
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// An address is left out rather than cut: half of one is another person's.
fn fits(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.chars().count())
}

fn is_phone(text: &str) -> bool {
    (8..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
