//! A payment as the API shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use paymux_core::{
    model::{BrowserStep, CancelView, DuplicateView, MethodDetail, PaymentStatus, PaymentView, PgNames},
    store::PaymentRecord,
};
use poem_openapi::{Enum, Object};

use super::{
    date_time::DateTime,
    failure_body::{FailureBody, LastAttemptBody},
    next_action_body::{NextAction, open_step},
    words::{
        ApiCancelOrigin, ApiCancelStatus, ApiCancelType, ApiCurrency, ApiDuplicateRole, ApiMethod,
        ApiPaymentStatus,
    },
};

/// How soon to ask again about a payment that is being confirmed.
pub(crate) const POLL_AFTER_MS: u32 = 2_000;

/// What to show the buyer while a payment is being confirmed.
const CONFIRMING: &str = "The result of the payment is being checked. Do not pay again: you might be charged twice. Please wait a moment.";
const CONFIRMING_KO: &str =
    "결제 결과를 확인하고 있습니다. 중복 결제될 수 있으니 다시 결제하지 말고 잠시 기다려 주세요.";

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
    /// What came in from the buyer.
    pub amount_paid: u64,
    /// What somebody else pays of the amount: an instant discount, points.
    pub amount_discounted: u64,
    /// What was given back, as the payment gateway counts.
    pub amount_cancelled: u64,
    /// What can still be cancelled, as the payment gateway counts (with or without a discount), less every cancel in
    /// flight.
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
    /// What the payment gateway calls it; absent until the browser step is prepared.
    pub pg: Option<PgNamesBody>,
    /// What the buyer's browser has to do, while a browser step is prepared and the payment can be paid.
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
    /// Every cancel and close of this payment, oldest first.
    pub cancels: Vec<CancelBody>,
    /// Other money under this payment's order ids at the payment gateway: a second payment of the buyer, or one that
    /// does not match. None of it is in the amounts above.
    pub duplicates: Vec<DuplicateBody>,
    /// The money came after the deadline and was kept.
    pub late: bool,
    /// The buyer disputes the payment at the card company: nothing can be cancelled meanwhile.
    pub disputed: bool,
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
    /// While `confirming`: what you may show the buyer, in English.
    pub message: Option<String>,
    /// While `confirming`: the same in Korean.
    pub message_ko: Option<String>,
    /// While `confirming`: ask again after so many milliseconds.
    pub poll_after_ms: Option<u32>,
}

/// What the payment gateway calls a payment
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PgNames", skip_serializing_if_is_none)]
pub struct PgNamesBody {
    /// The order id that the payment gateway sees. It is ours and never your `order_id`.
    pub order_id: Option<String>,
    /// The payment gateway's own id of the payment.
    pub payment_id: Option<String>,
}

/// More on how a payment was paid. Display text, but for `card_issuer` and `bank_code`
#[derive(Clone, Debug, Default, Object)]
#[oai(rename = "MethodDetail", skip_serializing_if_is_none)]
pub struct MethodDetailBody {
    /// The payment gateway's own word for the method.
    pub pg_method: Option<String>,
    /// Who issued the card: a code of `GET /v1/card-issuers`, such as `366`. Absent where `pg_card_issuer` has none.
    pub card_issuer: Option<String>,
    /// Who issued the card, as the payment gateway says it: its own code, or a name.
    pub pg_card_issuer: Option<String>,
    /// The card number, masked.
    pub card_number: Option<String>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// The issuer's approval number.
    pub approval_number: Option<String>,
    /// The wallet's name.
    pub easy_pay_provider: Option<String>,
    /// The bank: a code of `GET /v1/banks`, such as `088`. Absent where `pg_bank` has none.
    pub bank_code: Option<String>,
    /// The bank, as the payment gateway says it: its own code, or a name.
    pub pg_bank: Option<String>,
}

/// An account the buyer deposits into
#[derive(Clone, Debug, Object)]
#[oai(rename = "VirtualAccount", skip_serializing_if_is_none)]
pub struct VirtualAccountBody {
    /// The bank: a code of `GET /v1/banks`, such as `088`. Absent where `pg_bank` has none.
    pub bank_code: Option<String>,
    /// The bank, as the payment gateway says it: its own code, or a name.
    pub pg_bank: Option<String>,
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

/// Money given back, or a payment closed
#[derive(Clone, Debug, Object)]
#[oai(rename = "Cancel", skip_serializing_if_is_none)]
pub struct CancelBody {
    /// Our name for it.
    pub id: String,
    /// Whether money goes back or an unpaid payment is closed.
    #[oai(rename = "type")]
    pub kind: ApiCancelType,
    /// Where it stands.
    pub status: ApiCancelStatus,
    /// Who wanted it.
    pub origin: ApiCancelOrigin,
    /// How much, as the payment gateway counts; absent for a close.
    pub amount: Option<u64>,
    /// Why.
    pub reason: String,
    /// Whether it waits for a person and is not sent until somebody decides. One that waits for the buyer's account is
    /// sent when you cancel with its id as `cancel_id` and a `refund_account`.
    pub held: bool,
    /// Why it was refused, or, of one that is `held`, what the payment gateway said of it before.
    pub failure: Option<FailureBody>,
    /// When it was made.
    pub created_at: DateTime,
}

/// Money at the payment gateway under one of the payment's order ids that does not pay the order
#[derive(Clone, Debug, Object)]
#[oai(rename = "Duplicate", skip_serializing_if_is_none)]
pub struct DuplicateBody {
    /// The payment gateway's own id of the payment.
    pub pg_payment_id: Option<String>,
    /// Why it does not pay the order.
    pub role: ApiDuplicateRole,
    /// What came in.
    pub amount: u64,
    /// The currency of that amount and of its cancels.
    pub currency: ApiCurrency,
    /// What went back or is to go back, oldest first.
    pub cancels: Vec<CancelBody>,
}

impl PaymentBody {
    /// A payment as it is now, with what the browser has to do if it can be paid.
    pub(crate) fn of(record: &PaymentRecord, now: Timestamp) -> Self {
        Self { next_action: open_step(record, now), ..Self::from(&record.view()) }
    }

    /// A payment right after its browser step was prepared.
    pub(crate) fn prepared(record: &PaymentRecord, step: &BrowserStep) -> Self {
        let next_action = NextAction::new(step, record.payment.expires_at);
        Self { next_action: Some(next_action), ..Self::from(&record.view()) }
    }
}

impl From<&PaymentView> for PaymentBody {
    /// What is shown alike in answers and in events.
    fn from(view: &PaymentView) -> Self {
        let (payment, shown) = (&view.payment, &view.payment.shown);
        let is_confirming = shown.status == PaymentStatus::Confirming;
        let say = |text: &str| is_confirming.then(|| text.to_owned());
        Self {
            object: PaymentObject::Payment,
            id: payment.id.to_string(),
            status: shown.status.into(),
            order_id: payment.order_id.to_string(),
            order_name: payment.terms.order_name.clone(),
            amount: payment.terms.amount.amount(),
            amount_paid: shown.amount_paid.amount(),
            amount_discounted: shown.amount_discounted.amount(),
            amount_cancelled: shown.amount_cancelled.amount(),
            cancellable_amount: view.cancellable.amount(),
            currency: payment.currency().into(),
            method: shown.method.or(payment.terms.method).map(Into::into),
            method_detail: shown.method_detail.clone().map(Into::into),
            account: payment.account.to_string(),
            livemode: payment.livemode,
            simulated: payment.simulated,
            pg: PgNamesBody::known(&view.pg),
            next_action: None,
            virtual_account: shown.virtual_account.clone().map(Into::into),
            receipt_url: shown.receipt_url.clone(),
            cash_receipt: shown.cash_receipt.clone().map(Into::into),
            failure: shown.failure.as_ref().map(Into::into),
            last_attempt: payment.last_attempt.as_ref().map(Into::into),
            cancels: view.cancels.iter().map(Into::into).collect(),
            duplicates: view.duplicates.iter().map(Into::into).collect(),
            late: shown.late,
            disputed: shown.disputed,
            metadata: payment.terms.metadata.clone(),
            version: payment.version,
            created_at: payment.created_at.into(),
            expires_at: payment.expires_at.into(),
            paid_at: shown.paid_at.map(Into::into),
            message: say(CONFIRMING),
            message_ko: say(CONFIRMING_KO),
            poll_after_ms: is_confirming.then_some(POLL_AFTER_MS),
        }
    }
}

impl PgNamesBody {
    fn known(names: &PgNames) -> Option<Self> {
        let order_id = names.order_id.as_ref().map(ToString::to_string);
        let payment_id = names.payment_id.as_ref().map(ToString::to_string);
        (order_id.is_some() || payment_id.is_some()).then_some(Self { order_id, payment_id })
    }
}

impl From<MethodDetail> for MethodDetailBody {
    fn from(detail: MethodDetail) -> Self {
        Self {
            pg_method: detail.pg_method,
            card_issuer: detail.card_issuer.map(|code| code.to_string()),
            pg_card_issuer: detail.pg_card_issuer,
            card_number: detail.card_number,
            installment_months: detail.installment_months,
            approval_number: detail.approval_number,
            easy_pay_provider: detail.easy_pay_provider,
            bank_code: detail.bank_code.map(|code| code.to_string()),
            pg_bank: detail.pg_bank,
        }
    }
}

impl From<paymux_core::model::VirtualAccount> for VirtualAccountBody {
    fn from(account: paymux_core::model::VirtualAccount) -> Self {
        Self {
            bank_code: account.bank_code.map(|code| code.to_string()),
            pg_bank: account.pg_bank,
            account_number: account.account_number,
            holder_name: account.holder_name,
            due_at: account.due_at.map(Into::into),
        }
    }
}

impl From<paymux_core::model::CashReceipt> for CashReceiptBody {
    fn from(receipt: paymux_core::model::CashReceipt) -> Self {
        Self { kind: receipt.kind, number: receipt.number, url: receipt.url }
    }
}

impl From<&CancelView> for CancelBody {
    fn from(cancel: &CancelView) -> Self {
        Self {
            id: cancel.id.to_string(),
            kind: cancel.kind.into(),
            status: cancel.status.into(),
            origin: cancel.origin.into(),
            amount: cancel.amount.map(paymux_core::model::Money::amount),
            reason: cancel.reason.clone(),
            held: cancel.held,
            failure: cancel.failure.as_ref().map(Into::into),
            created_at: cancel.created_at.into(),
        }
    }
}

impl From<&DuplicateView> for DuplicateBody {
    fn from(duplicate: &DuplicateView) -> Self {
        Self {
            pg_payment_id: duplicate.pg_payment_id.as_ref().map(ToString::to_string),
            role: duplicate.role.into(),
            amount: duplicate.amount.amount(),
            currency: duplicate.amount.currency().into(),
            cancels: duplicate.cancels.iter().map(Into::into).collect(),
        }
    }
}
