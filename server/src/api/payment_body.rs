//! A payment as the API shows it.

use std::collections::BTreeMap;

use gateway_core::{
    Attempt, AttemptStatus, BrowserStep, Cancel, CancelStatus, Failure, FailureReason, LastAttempt,
    MethodDetail, NewEvent, Payment, PaymentRecord, PaymentStatus,
};
use poem_openapi::{Enum, Object, Union};
use serde_json::Value;

use super::{
    date_time::DateTime,
    words::{ApiCancelOrigin, ApiCancelStatus, ApiCurrency, ApiMethod, ApiPaymentStatus, reason},
};

/// How soon to ask again about a payment that is being confirmed.
pub(crate) const POLL_AFTER_MS: u32 = 2_000;

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum PaymentObject {
    /// A payment
    Payment,
}

/// A payment
#[derive(Clone, Debug, Object)]
#[oai(rename = "Payment", skip_serializing_if_is_none)]
pub struct PaymentBody {
    /// `payment`.
    pub object: PaymentObject,
    /// Our name for it.
    pub id: String,
    /// Where it stands.
    pub status: ApiPaymentStatus,
    /// Your name for the order.
    pub order_id: String,
    /// What is bought.
    pub order_name: String,
    /// What it costs, in the currency's minor unit.
    pub amount: u64,
    /// What came in.
    pub amount_paid: u64,
    /// What was given back.
    pub amount_cancelled: u64,
    /// What can still be cancelled: what came in, less every cancel done or in flight.
    pub cancellable_amount: u64,
    /// The currency of every amount here.
    pub currency: ApiCurrency,
    /// How it is paid, once that is known.
    pub method: Option<ApiMethod>,
    /// More on how it was paid.
    pub method_detail: Option<MethodDetailBody>,
    /// The account that takes the money.
    pub account: String,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whether the payment gateway is a simulator.
    pub simulated: bool,
    /// What the buyer's browser has to do, while an attempt is open.
    pub next_action: Option<NextAction>,
    /// The account to deposit into.
    pub virtual_account: Option<VirtualAccountBody>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// The cash receipt (현금영수증).
    pub cash_receipt: Option<CashReceiptBody>,
    /// Why it failed or expired.
    pub failure: Option<FailureBody>,
    /// The newest attempt of the buyer.
    pub last_attempt: Option<LastAttemptBody>,
    /// Every cancel, oldest first.
    pub cancels: Vec<CancelBody>,
    /// The money came after the payment had ended.
    pub late: bool,
    /// Your own notes.
    pub metadata: BTreeMap<String, String>,
    /// Grows with every change.
    pub version: u64,
    /// When it was registered.
    pub created_at: DateTime,
    /// After this no browser step or confirm begins. It says nothing about the payment gateway.
    pub expires_at: DateTime,
    /// When the money came in.
    pub paid_at: Option<DateTime>,
    /// While `confirming`: what to show the buyer, in English.
    pub message: Option<String>,
    /// While `confirming`: what to show the buyer, in Korean.
    pub message_ko: Option<String>,
    /// While `confirming`: ask again after so many milliseconds.
    pub poll_after_ms: Option<u32>,
}

/// What the buyer's browser has to do. Discriminated by what to do, never by payment gateway.
#[derive(Clone, Debug, Union)]
#[oai(one_of, discriminator_name = "type", rename_all = "snake_case")]
pub enum NextAction {
    /// Go to an address.
    Redirect(RedirectAction),
    /// Load a script and make calls.
    Script(ScriptAction),
}

/// Send the browser to this address
#[derive(Clone, Debug, Object)]
pub struct RedirectAction {
    /// Where.
    pub url: String,
    /// Until when.
    pub expires_at: DateTime,
}

/// Load a script, then make these calls one after the other
#[derive(Clone, Debug, Object)]
pub struct ScriptAction {
    /// The script's address.
    pub script_url: String,
    /// The calls, in order.
    pub calls: Vec<ScriptCallBody>,
    /// Until when.
    pub expires_at: DateTime,
}

/// One call of a script
#[derive(Clone, Debug, Object)]
#[oai(rename = "ScriptCall")]
pub struct ScriptCallBody {
    /// A dotted path from `window`, such as `IMP.request_pay`; with a leading dot, a method of what the call before
    /// returned, such as `.payment`.
    pub function: String,
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// Whether to pass a function as last argument: what it is given is the browser result. Otherwise the buyer
    /// comes back to the `return_url`, and the query there is the browser result.
    pub callback: bool,
}

/// More on how a payment was paid. Display text
#[derive(Clone, Debug, Default, Object)]
#[oai(rename = "MethodDetail", skip_serializing_if_is_none)]
pub struct MethodDetailBody {
    /// The payment gateway's own word for the method.
    pub pg_method: Option<String>,
    /// Who issued the card.
    pub card_issuer: Option<String>,
    /// The card number, masked.
    pub card_number: Option<String>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// The issuer's approval number.
    pub approval_number: Option<String>,
    /// The wallet's name.
    pub easy_pay_provider: Option<String>,
    /// The bank: its three-digit code (금융결제원), such as `088`.
    pub bank_code: Option<String>,
}

/// An account the buyer deposits into
#[derive(Clone, Debug, Object)]
#[oai(rename = "VirtualAccount", skip_serializing_if_is_none)]
pub struct VirtualAccountBody {
    /// The bank: its three-digit code (금융결제원), such as `088`.
    pub bank_code: Option<String>,
    /// The account number.
    pub account_number: String,
    /// In whose name the account is.
    pub holder_name: Option<String>,
    /// Until when the buyer may deposit.
    pub due_at: Option<DateTime>,
}

/// A cash receipt (현금영수증)
#[derive(Clone, Debug, Object)]
#[oai(rename = "CashReceipt", skip_serializing_if_is_none)]
pub struct CashReceiptBody {
    /// Its kind, in the payment gateway's words.
    #[oai(rename = "type")]
    pub kind: Option<String>,
    /// The tax office's number.
    pub number: Option<String>,
    /// Where it can be seen.
    pub url: Option<String>,
}

/// Why something did not happen
#[derive(Clone, Debug, Object)]
#[oai(rename = "Failure", skip_serializing_if_is_none)]
pub struct FailureBody {
    /// The payment gateway's own code, unchanged. Differs between gateways: for your support, not for programs.
    pub code: Option<String>,
    /// Our reason, the same whichever payment gateway refused.
    pub reason: String,
    /// What to show the buyer, in English.
    pub message: String,
    /// What to show the buyer, in Korean.
    pub message_ko: String,
}

/// The newest attempt of the buyer
#[derive(Clone, Debug, Object)]
#[oai(rename = "LastAttempt", skip_serializing_if_is_none)]
pub struct LastAttemptBody {
    /// Which attempt, counted from 1.
    pub number: u16,
    /// Why it did not succeed, such as `buyer_closed`; absent while it is open or when it succeeded.
    pub code: Option<String>,
    /// What to show the buyer, in English.
    pub message: Option<String>,
    /// What to show the buyer, in Korean.
    pub message_ko: Option<String>,
}

/// Money given back, or a payment closed
#[derive(Clone, Debug, Object)]
#[oai(rename = "Cancel", skip_serializing_if_is_none)]
pub struct CancelBody {
    /// Our name for it.
    pub id: String,
    /// Where it stands.
    pub status: ApiCancelStatus,
    /// Who wanted it.
    pub origin: ApiCancelOrigin,
    /// How much. For a close of an unpaid payment, what was to be paid.
    pub amount: u64,
    /// Why.
    pub reason: String,
    /// Why it was refused.
    pub failure: Option<FailureBody>,
    /// When it was made.
    pub created_at: DateTime,
}

impl From<&PaymentRecord> for PaymentBody {
    fn from(record: &PaymentRecord) -> Self {
        let next_action = match record.payment.status {
            PaymentStatus::Ready => {
                record.attempts.last().and_then(|attempt| open_step(attempt, &record.payment))
            }
            _ => None,
        };
        Self { next_action, ..show(&record.payment, &record.cancels, record.cancellable().amount()) }
    }
}

impl From<&NewEvent> for PaymentBody {
    /// The payment as it was then. The attempts are not kept with an event, so the cancellable
    /// amount counts the cancels the payment shows.
    fn from(event: &NewEvent) -> Self {
        let payment = &event.payment;
        let in_flight = event.cancels.iter().filter(|cancel| cancel.status.is_unsettled());
        let taken = in_flight.fold(payment.amount_cancelled.amount(), |sum, cancel| {
            sum.saturating_add(cancel.amount.amount())
        });
        show(payment, &event.cancels, payment.amount_paid.amount().saturating_sub(taken))
    }
}

fn show(payment: &Payment, cancels: &[Cancel], cancellable_amount: u64) -> PaymentBody {
    let confirming = payment.status == PaymentStatus::Confirming;
    let said = |text: &str| confirming.then(|| text.to_owned());
    PaymentBody {
        object: PaymentObject::Payment,
        id: payment.id.to_string(),
        status: payment.status.into(),
        order_id: payment.order_id.to_string(),
        order_name: payment.terms.order_name.clone(),
        amount: payment.terms.amount.amount(),
        amount_paid: payment.amount_paid.amount(),
        amount_cancelled: payment.amount_cancelled.amount(),
        cancellable_amount,
        currency: payment.currency().into(),
        method: payment.method.or(payment.terms.method).map(Into::into),
        method_detail: payment.method_detail.clone().map(Into::into),
        account: payment.account.to_string(),
        livemode: payment.livemode,
        simulated: payment.simulated,
        next_action: None,
        virtual_account: payment.virtual_account.clone().map(Into::into),
        receipt_url: payment.receipt_url.clone(),
        cash_receipt: payment.cash_receipt.clone().map(Into::into),
        failure: payment.failure.as_ref().map(Into::into),
        last_attempt: payment.last_attempt.as_ref().map(Into::into),
        cancels: cancels.iter().map(Into::into).collect(),
        late: payment.late,
        metadata: payment.terms.metadata.clone(),
        version: payment.version,
        created_at: payment.created_at.into(),
        expires_at: payment.expires_at.into(),
        paid_at: payment.paid_at.map(Into::into),
        message: said("The payment is being confirmed. Do not pay again."),
        message_ko: said("결제를 확인하고 있습니다. 다시 결제하지 마세요."),
        poll_after_ms: confirming.then_some(POLL_AFTER_MS),
    }
}

fn open_step(attempt: &Attempt, payment: &Payment) -> Option<NextAction> {
    if attempt.status != AttemptStatus::Open {
        return None;
    }
    let expires_at = payment.expires_at.into();
    Some(match attempt.step.clone()? {
        BrowserStep::Redirect { url } => NextAction::Redirect(RedirectAction { url, expires_at }),
        BrowserStep::Script { script_url, calls } => NextAction::Script(ScriptAction {
            script_url,
            calls: calls
                .into_iter()
                .map(|call| ScriptCallBody {
                    function: call.function,
                    args: call.args,
                    callback: call.callback,
                })
                .collect(),
            expires_at,
        }),
    })
}

impl From<MethodDetail> for MethodDetailBody {
    fn from(detail: MethodDetail) -> Self {
        Self {
            pg_method: detail.pg_method,
            card_issuer: detail.card_issuer,
            card_number: detail.card_number,
            installment_months: detail.installment_months,
            approval_number: detail.approval_number,
            easy_pay_provider: detail.easy_pay_provider,
            bank_code: detail.bank_code,
        }
    }
}

impl From<gateway_core::VirtualAccount> for VirtualAccountBody {
    fn from(account: gateway_core::VirtualAccount) -> Self {
        Self {
            bank_code: account.bank_code,
            account_number: account.account_number,
            holder_name: account.holder_name,
            due_at: account.due_at.map(Into::into),
        }
    }
}

impl From<gateway_core::CashReceipt> for CashReceiptBody {
    fn from(receipt: gateway_core::CashReceipt) -> Self {
        Self { kind: receipt.kind, number: receipt.number, url: receipt.url }
    }
}

impl From<&Failure> for FailureBody {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.pg.as_ref().map(|pg| pg.code.clone()),
            reason: reason(failure.reason),
            message: failure.reason.message().to_owned(),
            message_ko: failure.reason.message_ko().to_owned(),
        }
    }
}

impl From<&LastAttempt> for LastAttemptBody {
    fn from(attempt: &LastAttempt) -> Self {
        let why: Option<FailureReason> = attempt.failure.as_ref().map(|failure| failure.reason);
        Self {
            number: attempt.number,
            code: why.map(reason),
            message: why.map(|why| why.message().to_owned()),
            message_ko: why.map(|why| why.message_ko().to_owned()),
        }
    }
}

impl From<&Cancel> for CancelBody {
    fn from(cancel: &Cancel) -> Self {
        Self {
            id: cancel.id.to_string(),
            status: cancel.status.into(),
            origin: cancel.origin.into(),
            amount: cancel.amount.amount(),
            reason: cancel.reason.clone(),
            failure: cancel
                .failure
                .as_ref()
                .filter(|_| cancel.status == CancelStatus::Refused)
                .map(Into::into),
            created_at: cancel.created_at.into(),
        }
    }
}
