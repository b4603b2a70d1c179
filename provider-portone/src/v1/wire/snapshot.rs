//! From the payment object to our words.

use paymux_core::model::{
    CancelId, CashReceipt, Currency, Failure, FailureReason, MethodDetail, Mode, Money, PgCancelStatus,
    PgMessage, PgPaymentId, PgStatus, Secret, Snapshot, SnapshotCancel, VirtualAccount,
};
use serde_json::value::RawValue;

use super::{
    Payment, Unreadable, is_imp_uid,
    method::{self, Paid},
    payment::{CancelEntry, time},
    read_amount,
};
use crate::v1::{bank::bank, errors};

/// Reads a payment.
///
/// Money came in if PortOne says `paid`, or `cancelled` with a time of payment: a payment cancelled
/// without one is a closed account. A payment that contradicts itself is not read at all.
pub(crate) fn snapshot(raw: &RawValue) -> Result<Snapshot, Unreadable> {
    let payment = Payment::read(raw)?;
    let currency = payment.currency().ok_or(Unreadable::new("currency", "is missing or not one of ours"))?;
    let books = Books::read(&payment, currency)?;
    let sandbox = payment.sandbox.ok_or(Unreadable::new("sandbox", "is missing or no boolean"))?;
    let Paid { method, easy_pay_provider } = method::paid_with(&payment);
    Ok(Snapshot {
        pg_payment_id: pg_payment_id(&payment)?,
        order_id: payment
            .merchant_uid
            .clone()
            .ok_or(Unreadable::new("merchant_uid", "is missing or no text"))?,
        status: books.status,
        raw_status: payment.status.clone().unwrap_or_default(),
        total: books.total,
        discount: books.discount,
        paid: books.paid,
        cancelled: books.cancelled,
        cancellable: books.cancellable,
        cancels: books.cancels,
        mode: Some(if sandbox { Mode::Test } else { Mode::Live }),
        disputed: None,
        paid_at: payment.paid_at.and_then(time),
        failure: (books.status == PgStatus::Failed).then(|| failure(&payment)),
        method,
        method_detail: detail(&payment, easy_pay_provider),
        virtual_account: virtual_account(&payment),
        channel_pg: payment.pg_provider.clone(),
        receipt_url: payment.receipt_url.clone(),
        cash_receipt: (payment.cash_receipt_issued == Some(true)).then_some(CashReceipt {
            kind: None,
            number: None,
            url: None,
        }),
        raw: Secret::new(raw.get()),
    })
}

/// The status and the money.
struct Books {
    status: PgStatus,
    total: Money,
    discount: Money,
    paid: Money,
    cancelled: Money,
    cancellable: Money,
    cancels: Option<Vec<SnapshotCancel>>,
}

impl Books {
    /// V1 counts with the discount of a promotion: `amount` includes it ("주문(결제)금액에서 차감된 할인 금액", V1 schema,
    /// `promotion.discount`), and so do the amount of a cancel and `checksum` ("프로모션 적용 금액을 고려하지 않고
    /// 전달합니다", PortOne docs, 프로모션 결제 취소하기). That `cancel_amount` does too is inferred from these. Our own windows
    /// ask for no promotion.
    fn read(payment: &Payment, currency: Currency) -> Result<Self, Unreadable> {
        let status = status(payment)?;
        let (total, cancelled) = (payment.total(currency)?, payment.cancelled(currency)?);
        let discount = payment.discount(currency)?;
        let paid = total
            .checked_sub(discount)
            .map_err(|_| Unreadable::new("promotion.discount", "is more than the amount"))?;
        let history = payment.cancel_history()?;
        if status != PgStatus::Paid {
            let nothing = Money::zero(currency);
            let cancels = history.map(|_| Vec::new());
            return Ok(Self {
                status,
                total,
                discount,
                paid: nothing,
                cancelled: nothing,
                cancellable: nothing,
                cancels,
            });
        }
        let cancellable = total
            .checked_sub(cancelled)
            .map_err(|_| Unreadable::new("cancel_amount", "is more than the amount"))?;
        if payment.status.as_deref() == Some("cancelled") && cancelled.is_zero() {
            return Err(Unreadable::new("cancel_amount", "is zero though the status is cancelled"));
        }
        let cancels = history
            .map(|entries| entries.iter().map(|entry| cancel(entry, currency)).collect::<Result<_, _>>())
            .transpose()?;
        Ok(Self { status, total, discount, paid, cancelled, cancellable, cancels })
    }
}

fn status(payment: &Payment) -> Result<PgStatus, Unreadable> {
    let Some(status) = payment.status.as_deref() else {
        return Err(Unreadable::new("status", "is missing or no text"));
    };
    match status {
        "ready" if payment.has_account() => Ok(PgStatus::AwaitingDeposit),
        "ready" => Ok(PgStatus::Open),
        "paid" => Ok(PgStatus::Paid),
        "cancelled" => match payment.paid_at {
            Some(paid_at) if paid_at > 0 => Ok(PgStatus::Paid),
            Some(_) => Ok(PgStatus::Closed),
            // Without it a refund and a closed account look the same.
            None => Err(Unreadable::new("paid_at", "is missing or no whole number")),
        },
        // What an unpaid account looks like after it was closed is not documented: `cancelled` or
        // `failed`. One that was issued cannot be declined any more, so both mean closed.
        "failed" if payment.has_account() => Ok(PgStatus::Closed),
        // May still become `paid`: Paymentwall reviews fraud afterwards (PortOne docs, V1 webhooks).
        "failed" => Ok(PgStatus::Failed),
        _ => Err(Unreadable::new("status", "is none of ready, paid, cancelled, failed")),
    }
}

fn pg_payment_id(payment: &Payment) -> Result<PgPaymentId, Unreadable> {
    let id = payment.imp_uid.as_deref().filter(|id| is_imp_uid(id)).and_then(|id| id.parse().ok());
    id.ok_or(Unreadable::new("imp_uid", "is missing or no imp_uid"))
}

/// An entry of the history is a cancel that was done: V1 has no word for one under way, and lists
/// none before it is confirmed (PortOne docs, POST /payments/cancel, on `paypal_v2`).
fn cancel(entry: &CancelEntry, currency: Currency) -> Result<SnapshotCancel, Unreadable> {
    let amount = entry.amount.as_deref().and_then(|amount| read_amount(amount, currency));
    let wrong = Unreadable::new("cancel_history.amount", "is missing or no amount of the currency");
    Ok(SnapshotCancel {
        pg_cancel_id: entry.cancellation_id.clone(),
        id: entry.reason.as_deref().and_then(CancelId::find_in),
        amount: amount.ok_or(wrong)?,
        reason: entry.reason.clone(),
        status: PgCancelStatus::Done,
        chargeback: false,
        at: entry.cancelled_at.and_then(time),
    })
}

fn detail(payment: &Payment, easy_pay_provider: Option<String>) -> MethodDetail {
    MethodDetail {
        pg_method: payment.pay_method.clone(),
        // V1's card codes are ours.
        card_issuer: payment.card_code.as_deref().and_then(|code| code.parse().ok()),
        pg_card_issuer: payment.card_code.clone().or_else(|| payment.card_name.clone()),
        card_number: payment.card_number.clone(),
        installment_months: payment.card_quota.and_then(|months| u32::try_from(months).ok()),
        approval_number: payment.apply_num.clone(),
        easy_pay_provider,
        bank_code: payment.bank_code.as_deref().and_then(|code| bank(code, payment.pg_provider.as_deref())),
        pg_bank: payment.bank_code.clone().or_else(|| payment.bank_name.clone()),
    }
}

fn virtual_account(payment: &Payment) -> Option<VirtualAccount> {
    payment.has_account().then(|| VirtualAccount {
        bank_code: payment.vbank_code.as_deref().and_then(|code| bank(code, payment.pg_provider.as_deref())),
        pg_bank: payment.vbank_code.clone().or_else(|| payment.vbank_name.clone()),
        account_number: payment.vbank_num.clone().unwrap_or_default(),
        holder_name: payment.vbank_holder.clone(),
        due_at: payment.vbank_date.and_then(time),
    })
}

/// A text decides what a failure is called. One that contradicts a time of payment is not believed: a buyer who paid has not
/// just closed the window.
fn failure(payment: &Payment) -> Failure {
    let text = payment.fail_reason.clone().unwrap_or_default();
    let was_paid = payment.paid_at.is_some_and(|paid_at| paid_at > 0);
    let reason = match errors::reason("", &text) {
        FailureReason::BuyerClosed if was_paid => FailureReason::Other,
        reason => reason,
    };
    Failure::by_pg(reason, PgMessage::new("failed", text))
}
