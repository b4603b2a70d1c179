//! What cancels a payment.

use paymux_core::{
    gateway::NewCancel,
    model::{CancelId, Currency, Money, RefundAccount, Secret},
};
use poem_openapi::Object;

use super::{
    ApiError,
    institutions::bank_code,
    parameter::{wrong, wrong_amount},
    text::{Text, display_text},
};

/// A cancel
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct CancelPayment {
    /// Why: 1 to 150 characters. Line breaks and invisible characters are taken out. The payment gateway keeps it, and
    /// buyers may see it.
    #[oai(validator(min_length = 1, max_length = 150))]
    pub reason: Text,
    /// How much, in the currency's minor unit; all that is left if absent.
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    pub amount: Option<u64>,
    /// What you believe can still be cancelled. If it is otherwise, nothing is cancelled.
    #[oai(validator(maximum(value = "9007199254740991")))]
    pub expected_cancellable_amount: Option<u64>,
    /// The part of the amount that is free of VAT.
    #[oai(validator(maximum(value = "9007199254740991")))]
    pub tax_free_amount: Option<u64>,
    /// The VAT in the amount, if you fix it. Otherwise the payment gateway computes it.
    #[oai(validator(maximum(value = "9007199254740991")))]
    pub vat_amount: Option<u64>,
    /// Where the money of a paid virtual account goes; required there and with `cancel_id`.
    pub refund_account: Option<RefundAccountBody>,
    /// A compensation of Paymux that waits for the buyer's account (`held`): all of its money goes back to
    /// `refund_account`, so `amount` must be absent. Without `cancel_id` a cancel always means the payment itself.
    #[oai(validator(max_length = 30))]
    pub cancel_id: Option<Text>,
}

/// A bank account that receives a refund
#[derive(Clone, Debug, Object)]
#[oai(rename = "RefundAccount", deny_unknown_fields)]
pub(crate) struct RefundAccountBody {
    /// The bank: a code of `GET /v1/banks`, such as `088`.
    #[oai(validator(min_length = 1, max_length = 20))]
    pub bank_code: Text,
    /// The account number: digits, dashes are ignored.
    #[oai(validator(min_length = 5, max_length = 30, pattern = "^[0-9-]+$"))]
    pub account_number: Text,
    /// In whose name the account is.
    #[oai(validator(min_length = 1, max_length = 60))]
    pub holder_name: Text,
}

impl CancelPayment {
    /// The domain's words for it.
    pub(crate) fn into_domain(self, currency: Currency) -> Result<NewCancel, ApiError> {
        let money = |param: &'static str, amount: Option<u64>| {
            amount.map(|amount| Money::new(amount, currency).map_err(|_| wrong_amount(param))).transpose()
        };
        let takes_over: Option<CancelId> =
            self.cancel_id.map(|id| id.0.parse()).transpose().map_err(|rule| wrong("cancel_id", rule))?;
        Ok(NewCancel {
            reason: display_text("reason", &self.reason, 150)?,
            amount: money("amount", self.amount)?,
            expected_cancellable: money("expected_cancellable_amount", self.expected_cancellable_amount)?,
            tax_free_amount: money("tax_free_amount", self.tax_free_amount)?,
            vat_amount: money("vat_amount", self.vat_amount)?,
            refund_account: self.refund_account.map(RefundAccountBody::into_domain).transpose()?,
            takes_over,
        })
    }
}

impl RefundAccountBody {
    fn into_domain(self) -> Result<RefundAccount, ApiError> {
        let digits: String = self.account_number.0.chars().filter(char::is_ascii_digit).collect();
        if !(5..=20).contains(&digits.len()) {
            return Err(wrong("refund_account.account_number", "must have 5 to 20 digits"));
        }
        let bank = bank_code("refund_account.bank_code", &self.bank_code.0)?;
        let holder_name = display_text("refund_account.holder_name", &self.holder_name, 60)?;
        Ok(RefundAccount::new(bank, Secret::new(digits), Secret::new(holder_name)))
    }
}
