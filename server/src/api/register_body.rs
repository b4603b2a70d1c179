//! What registers a payment.

use std::collections::BTreeMap;

use paymux_core::{
    gateway::NewPayment,
    model::{AccountId, CashReceiptRequest, Customer, Money, OrderId, PaymentTerms},
};
use poem_openapi::Object;
use url::Url;

use super::{
    ApiError,
    date_time::DateTime,
    institutions::card_issuer,
    parameter::{wrong, wrong_amount},
    text::{Text, absent_if_empty, display_text, email, phone, short_id, shown},
    words::{ApiCashReceiptType, ApiCurrency, ApiMethod},
};
use crate::config::ReturnOrigins;

const MAX_METADATA: usize = 20;
const MAX_URL: usize = 2_048;

/// A payment to be registered
///
/// An empty text for a field that may be left out is the same as leaving it out.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterPayment {
    /// Your own name for the order: 1 to 64 printable characters.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub order_id: Text,
    /// What is bought, shown to the buyer: 1 to 100 characters. Line breaks and invisible characters are taken out, and
    /// what a payment gateway cannot take is left out for that one: emoji, for example.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub order_name: Text,
    /// What it costs, in the currency's minor unit: 1,000 won is `1000`.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    pub amount: u64,
    /// The currency.
    pub currency: ApiCurrency,
    /// Where the buyer is sent back to: an address of yours at an allowed origin.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub return_url: Text,
    /// The method, if you fix one.
    #[oai(deserialize_with = "absent_if_empty")]
    pub method: Option<ApiMethod>,
    /// The account, if you name one; otherwise your configuration decides.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 40))]
    pub account: Option<Text>,
    /// Who pays.
    pub customer: Option<RegisterCustomer>,
    /// The part of the amount that is free of VAT (면세 금액).
    #[oai(validator(maximum(value = "9007199254740991")))]
    pub tax_free_amount: Option<u64>,
    /// For card payments.
    pub card: Option<RegisterCard>,
    /// For easy pay.
    pub easy_pay: Option<RegisterEasyPay>,
    /// For virtual accounts.
    pub virtual_account: Option<RegisterVirtualAccount>,
    /// The buyer's language, such as `ko` or `en`.
    #[oai(
        deserialize_with = "absent_if_empty",
        validator(max_length = 10, pattern = "^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?)?$")
    )]
    pub locale: Option<Text>,
    /// Your own notes: at most 20, names of up to 40 and values of up to 500 characters.
    pub metadata: Option<BTreeMap<String, Text>>,
}

/// Who pays
#[derive(Clone, Debug, Default, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterCustomer {
    /// Your own id for the customer.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 64))]
    pub id: Option<Text>,
    /// Name, for display: line breaks and invisible characters are taken out, and what a payment gateway cannot take is
    /// left out for that one.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 100))]
    pub name: Option<Text>,
    /// E-mail address.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 100))]
    pub email: Option<Text>,
    /// Phone number: 8 to 15 digits. `+82` becomes 0; dashes, dots, brackets and spaces are ignored.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 40))]
    pub phone: Option<Text>,
}

/// Card options
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterCard {
    /// Only this card company: a code of `GET /v1/card-issuers`, such as `366`.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 20))]
    pub issuer: Option<Text>,
    /// Months of instalment: 0 for a single payment, or 2 to 60.
    #[oai(validator(maximum(value = "60")))]
    pub installment_months: Option<u32>,
}

/// Easy pay options
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterEasyPay {
    /// Only this wallet, such as `tosspay` or `kakaopay`.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 20, pattern = "^[A-Za-z0-9_]*$"))]
    pub provider: Option<Text>,
}

/// Virtual account options
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterVirtualAccount {
    /// Until when the buyer may deposit; at most 90 days ahead.
    #[oai(deserialize_with = "absent_if_empty")]
    pub due_at: Option<DateTime>,
    /// The cash receipt the buyer wants.
    pub cash_receipt: Option<RegisterCashReceipt>,
}

/// A cash receipt to be issued
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RegisterCashReceipt {
    /// Its kind.
    #[oai(rename = "type")]
    pub kind: ApiCashReceiptType,
    /// The phone or business number it is issued to, digits only.
    #[oai(deserialize_with = "absent_if_empty", validator(max_length = 20, pattern = "^([0-9]{8,20})?$"))]
    pub number: Option<Text>,
}

impl RegisterPayment {
    /// The domain's words for it. Every rule a schema cannot say is checked here, at the edge.
    pub(crate) fn into_domain(
        self,
        origins: &ReturnOrigins,
        now: jiff::Timestamp,
    ) -> Result<NewPayment, ApiError> {
        let order_id: OrderId = self.order_id.0.parse().map_err(|rule| wrong("order_id", rule))?;
        let currency = self.currency.into();
        let amount = Money::new(self.amount, currency).map_err(|_| wrong_amount("amount"))?;
        let tax_free = self.tax_free_amount.map(|amount| Money::new(amount, currency)).transpose();
        let account: Option<AccountId> =
            self.account.map(|name| name.0.parse()).transpose().map_err(|rule| wrong("account", rule))?;
        let (card_issuer, installment_months) = match self.card {
            Some(card) => {
                let issuer = card.issuer.map(|code| card_issuer("card.issuer", &code.0)).transpose()?;
                (issuer, card.installment_months)
            }
            None => (None, None),
        };
        if installment_months == Some(1) {
            return Err(wrong("card.installment_months", "must be 0 or 2 to 60"));
        }
        let (deposit_due_at, cash_receipt) = match self.virtual_account {
            Some(account) => (due_at(account.due_at, now)?, account.cash_receipt),
            None => (None, None),
        };
        let terms = PaymentTerms {
            order_name: display_text("order_name", &self.order_name, 100)?,
            amount,
            tax_free_amount: tax_free.map_err(|_| wrong_amount("tax_free_amount"))?,
            method: self.method.map(Into::into),
            account,
            customer: self.customer.map(RegisterCustomer::into_domain).transpose()?.unwrap_or_default(),
            card_issuer,
            installment_months,
            easy_pay_provider: self.easy_pay.and_then(|wallet| wallet.provider).map(|name| name.0),
            deposit_due_at,
            cash_receipt: cash_receipt.map(|receipt| CashReceiptRequest {
                kind: receipt.kind.into(),
                number: receipt.number.map(|number| number.0),
            }),
            locale: self.locale.map(|locale| locale.0),
            return_url: return_url(&self.return_url.0, origins)?,
            metadata: metadata(self.metadata.unwrap_or_default())?,
        };
        Ok(NewPayment { order_id, terms })
    }
}

impl RegisterCustomer {
    fn into_domain(self) -> Result<Customer, ApiError> {
        Ok(Customer {
            id: self.id.map(|id| short_id("customer.id", id, 64)).transpose()?,
            name: self.name.map(|name| shown("customer.name", &name, 100)).transpose()?.flatten(),
            email: self.email.map(|address| email("customer.email", &address)).transpose()?,
            phone: self.phone.map(|number| phone("customer.phone", &number)).transpose()?,
        })
    }
}

fn due_at(due_at: Option<DateTime>, now: jiff::Timestamp) -> Result<Option<jiff::Timestamp>, ApiError> {
    const PARAM: &str = "virtual_account.due_at";
    let Some(DateTime(due_at)) = due_at else { return Ok(None) };
    let latest =
        now.saturating_add(jiff::SignedDuration::from_hours(24 * 90)).unwrap_or(jiff::Timestamp::MAX);
    if due_at <= now || due_at > latest {
        return Err(wrong(PARAM, "must be in the future, at most 90 days ahead"));
    }
    Ok(Some(due_at))
}

/// Parsed origins are compared, so `javascript:` and look-alikes never pass.
fn return_url(text: &str, origins: &ReturnOrigins) -> Result<String, ApiError> {
    let url = Url::parse(text).ok().filter(|url| origins.allow(url) && url.as_str().len() <= MAX_URL);
    url.map(String::from)
        .ok_or_else(|| wrong("return_url", "must be an address at one of your return_origins"))
}

fn metadata(notes: BTreeMap<String, Text>) -> Result<BTreeMap<String, String>, ApiError> {
    let fits = |(name, Text(value)): (&String, &Text)| {
        (1..=40).contains(&name.chars().count())
            && value.chars().count() <= 500
            && !name.chars().chain(value.chars()).any(char::is_control)
    };
    if notes.len() > MAX_METADATA || !notes.iter().all(fits) {
        let rule = "must be at most 20 notes, names of 1 to 40 and values of up to 500 characters, none of them control characters";
        return Err(wrong("metadata", rule));
    }
    Ok(notes.into_iter().map(|(name, Text(value))| (name, value)).collect())
}
