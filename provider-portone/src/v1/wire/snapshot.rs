//! From the payment object to our words.

use gateway_core::{
    CancelId, CancelStatus, CashReceipt, Currency, Failure, MethodDetail, Mode, Money, PgMessage, PgStatus,
    Secret, Snapshot, SnapshotCancel, VirtualAccount, standard_bank_code,
};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{
    Payment, Status, Unreadable, is_imp_uid,
    method::{self, Paid},
    payment::CancelEntry,
    read_amount,
};
use crate::v1::errors;

/// Reads a payment.
///
/// Money came in if PortOne says `paid`, or `cancelled` with a time of payment: a payment cancelled
/// without one is a closed account. A payment that contradicts itself is not read at all.
pub(crate) fn snapshot(raw: &RawValue) -> Result<Snapshot, Unreadable> {
    let payment = Payment::read(raw)?;
    let currency = Currency::from_code(&payment.currency).ok_or(Unreadable("a currency"))?;
    let books = Books::read(&payment, currency)?;
    let Paid { method, easy_pay_provider } = method::paid_with(&payment);
    Ok(Snapshot {
        pg_id: pg_id(&payment)?,
        raw_status: raw_status(&payment).to_owned(),
        status: books.status,
        total: books.total,
        paid: books.paid,
        cancelled: books.cancelled,
        method,
        method_detail: detail(&payment, easy_pay_provider),
        virtual_account: virtual_account(&payment),
        receipt_url: payment.receipt_url.clone(),
        cash_receipt: payment.cash_receipt_issued.then_some(CashReceipt {
            kind: None,
            number: None,
            url: None,
        }),
        cancels: books.cancels,
        paid_at: payment.paid_at.and_then(time),
        failure: (books.status == PgStatus::Failed).then(|| failure(&payment)),
        mode: Some(if payment.sandbox { Mode::Test } else { Mode::Live }),
        deposit_secret: None,
        raw: Secret::new(raw.get()),
        pg_order_id: payment.merchant_uid,
    })
}

/// The status and the money.
struct Books {
    status: PgStatus,
    total: Money,
    paid: Money,
    cancelled: Money,
    cancels: Vec<SnapshotCancel>,
}

impl Books {
    fn read(payment: &Payment, currency: Currency) -> Result<Self, Unreadable> {
        let total = read_amount(&payment.amount, currency)?;
        let cancelled = read_amount(&payment.cancel_amount, currency)?;
        let status = status(payment)?;
        let nothing = Money::zero(currency);
        if status != PgStatus::Paid {
            return Ok(Self { status, total, paid: nothing, cancelled: nothing, cancels: Vec::new() });
        }
        if total.checked_sub(cancelled).is_err() {
            return Err(Unreadable("more was given back than came in"));
        }
        if payment.status == Status::Cancelled && cancelled.is_zero() {
            return Err(Unreadable("cancelled, and nothing given back"));
        }
        let history = payment.cancel_history.iter().flatten();
        let cancels = history.map(|entry| cancel(entry, currency)).collect::<Result<_, _>>()?;
        Ok(Self { status, total, paid: total, cancelled, cancels })
    }
}

fn status(payment: &Payment) -> Result<PgStatus, Unreadable> {
    match payment.status {
        Status::Ready if payment.has_account() => Ok(PgStatus::AwaitingDeposit),
        Status::Ready => Ok(PgStatus::Ready),
        Status::Paid => Ok(PgStatus::Paid),
        Status::Cancelled => match payment.paid_at {
            Some(paid_at) if paid_at > 0 => Ok(PgStatus::Paid),
            Some(_) => Ok(PgStatus::Cancelled),
            None => Err(Unreadable("cancelled, and no word on whether it was paid")),
        },
        // What an unpaid account looks like after it was closed is not documented: `cancelled` or
        // `failed`. One that was issued cannot be refused any more, so both mean closed.
        Status::Failed if payment.has_account() => Ok(PgStatus::Cancelled),
        Status::Failed => Ok(PgStatus::Failed),
        Status::Other(_) => Err(Unreadable("an unknown status")),
    }
}

fn raw_status(payment: &Payment) -> &str {
    match &payment.status {
        Status::Ready => "ready",
        Status::Paid => "paid",
        Status::Cancelled => "cancelled",
        Status::Failed => "failed",
        Status::Other(text) => text,
    }
}

fn pg_id(payment: &Payment) -> Result<gateway_core::PgPaymentId, Unreadable> {
    let wrong = Unreadable("an imp_uid");
    if !is_imp_uid(&payment.imp_uid) {
        return Err(wrong);
    }
    payment.imp_uid.parse().map_err(|_| wrong)
}

/// An entry of the history is a cancel that was done: V1 has no word for one under way, and lists
/// none before it is confirmed (PortOne docs, POST /payments/cancel, on `paypal_v2`).
fn cancel(entry: &CancelEntry, currency: Currency) -> Result<SnapshotCancel, Unreadable> {
    Ok(SnapshotCancel {
        pg_cancel_id: entry.cancellation_id.clone(),
        id: entry.reason.as_deref().and_then(CancelId::find_in),
        amount: read_amount(&entry.amount, currency)?,
        reason: entry.reason.clone(),
        status: CancelStatus::Done,
        at: entry.cancelled_at.and_then(time),
    })
}

fn detail(payment: &Payment, easy_pay_provider: Option<String>) -> MethodDetail {
    MethodDetail {
        pg_method: payment.pay_method.clone(),
        card_issuer: payment.card_code.clone().or_else(|| payment.card_name.clone()),
        card_number: payment.card_number.clone(),
        installment_months: payment.card_quota.and_then(|months| u32::try_from(months).ok()),
        approval_number: payment.apply_num.clone(),
        easy_pay_provider,
        bank_code: payment.bank_code.as_deref().map(standard_bank_code),
    }
}

fn virtual_account(payment: &Payment) -> Option<VirtualAccount> {
    payment.has_account().then(|| VirtualAccount {
        bank_code: payment.vbank_code.as_deref().map(standard_bank_code),
        account_number: payment.vbank_num.clone().unwrap_or_default(),
        holder_name: payment.vbank_holder.clone(),
        due_at: payment.vbank_date.and_then(time),
    })
}

fn failure(payment: &Payment) -> Failure {
    let text = payment.fail_reason.clone().unwrap_or_default();
    Failure::by_pg(errors::reason("", &text), PgMessage::new("failed", text))
}

/// UNIX seconds; 0 means "none".
fn time(seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten()
}
