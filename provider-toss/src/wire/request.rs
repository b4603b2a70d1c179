//! The bodies we send.

use paymux_core::{
    model::{Currency, Failure, FailureReason, PgPaymentId, RefundAccount},
    provider::{CancelRequest, CancelScope, ConfirmRequest, ProviderError},
};
use serde::Serialize;

use super::{decimal::Major, institution::toss_bank};

/// Toss' limit for a cancel's reason, in characters.
const LONGEST_REASON: usize = 200;

/// `POST /v1/payments/confirm`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmBody<'a> {
    payment_key: &'a str,
    order_id: &'a str,
    amount: Major,
}

impl<'a> ConfirmBody<'a> {
    pub(crate) fn new(request: &'a ConfirmRequest, payment_key: &'a PgPaymentId) -> Self {
        Self {
            payment_key: payment_key.as_str(),
            order_id: request.charge.order_id.as_str(),
            amount: Major(request.amount),
        }
    }
}

/// `POST /v1/payments/{paymentKey}/cancel`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelBody<'a> {
    /// Begins with our cancel id, which `cancels[].cancelReason` echoes.
    cancel_reason: String,
    /// Left out: all that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_amount: Option<Major>,
    /// Refuses the cancel if the balance is another than we think.
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable_amount: Option<Major>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_free_amount: Option<Major>,
    /// Foreign payments only; must be the currency of the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_receive_account: Option<RefundReceiveAccount<'a>>,
}

/// Where a deposit is paid back to. The field is `bank`, not `bankCode`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundReceiveAccount<'a> {
    bank: &'static str,
    account_number: &'a str,
    holder_name: &'a str,
}

impl<'a> CancelBody<'a> {
    /// A VAT that the merchant fixes has no place in it: Toss works VAT out itself, and documents no parameter for it.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] for a part of nothing, which Toss might read as no amount
    /// at all, and so as everything. [`ProviderError::Declined`] for a refund account at a bank that Toss has no code
    /// for: another account may do.
    pub(crate) fn new(request: &'a CancelRequest) -> Result<Self, ProviderError> {
        let (cancel_amount, tax_free, guard) = match request.scope {
            CancelScope::Part { amount, .. } if amount.is_zero() => {
                return Err(ProviderError::Unsupported("cancelling an amount of zero"));
            }
            CancelScope::Part { amount, tax_free, vat: _ } => {
                (Some(amount), tax_free, Some(request.cancellable))
            }
            CancelScope::All { tax_free } => (None, tax_free, Some(request.cancellable)),
            // Nothing is refundable before the deposit, so there is no balance to guard.
            CancelScope::Close => (None, None, None),
        };
        let currency = request.cancellable.currency();
        Ok(Self {
            cancel_reason: request.tagged_reason(LONGEST_REASON),
            cancel_amount: cancel_amount.map(Major),
            refundable_amount: guard.map(Major),
            tax_free_amount: tax_free.map(Major),
            currency: (currency != Currency::Krw).then(|| currency.code()),
            refund_receive_account: request
                .refund_account
                .as_ref()
                .map(RefundReceiveAccount::new)
                .transpose()?,
        })
    }
}

impl<'a> RefundReceiveAccount<'a> {
    fn new(account: &'a RefundAccount) -> Result<Self, ProviderError> {
        let bank = toss_bank(account.bank_code())
            .ok_or(ProviderError::Declined(Failure::of(FailureReason::InvalidRefundAccount)))?;
        let (account_number, holder_name) = (account.account_number.expose(), account.holder_name.expose());
        Ok(Self { bank, account_number, holder_name })
    }
}

/// `POST /v1/payments`: creates a payment and its checkout page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateBody<'a> {
    pub(crate) method: &'static str,
    pub(crate) amount: Major,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<&'static str>,
    pub(crate) order_id: &'a str,
    pub(crate) order_name: String,
    pub(crate) success_url: &'a str,
    pub(crate) fail_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flow_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) easy_pay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card_company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_email: Option<&'a str>,
}
