//! `POST /v1/payments/{paymentKey}/cancel`: refunds all or a part.

use serde_json::Value;

use super::{
    call::Call,
    errors::{
        ALREADY_CANCELED_PAYMENT, ALREADY_REFUNDING_PAYMENT, EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT,
        EXCEED_MAX_REFUND_DUE, INVALID_BANK, INVALID_CURRENCY, INVALID_REFUND_ACCOUNT_INFO,
        INVALID_REFUND_ACCOUNT_NUMBER, INVALID_REQUEST, NOT_ALLOWED_PARTIAL_REFUND,
        NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT, NOT_CANCELABLE_AMOUNT, NOT_CANCELABLE_PAYMENT,
        NOT_FOUND_PAYMENT, NOT_MATCHES_REFUNDABLE_AMOUNT, Refusal,
    },
    fields::{Fields, is_order_id},
    ids, institutions,
    refunds::{RefundStatus, end_refunds, refund_status},
    row::{Cancel, Method, Refund, RefundAccount, Row, Status},
    state::Toss,
    time,
};
use crate::{Outbox, clock::millis};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// An account number that starts like this belongs to somebody else: `INVALID_REFUND_ACCOUNT_INFO`.
const NOT_THE_HOLDERS: &str = "000";
/// An account number that starts like this takes no money: the refund is accepted and fails in the end.
const TAKES_NO_MONEY: &str = "999";

/// What is asked for, by API or in the console.
#[derive(Debug)]
pub(super) struct CancelAsked {
    pub(super) reason: String,
    pub(super) amount: Option<u64>,
    pub(super) refundable: Option<u64>,
    pub(super) tax_free: u64,
    pub(super) request_id: Option<String>,
    pub(super) refund_account: Option<RefundAccount>,
    /// The console asks the buyer for the refund account itself.
    pub(super) in_console: bool,
}

pub(super) fn cancel(call: &Call<'_>, payment_key: &str, outbox: &mut Outbox) -> Result<Value, Refusal> {
    // A refused currency or account is only refused for a payment that exists.
    let row = call.toss.books.read(|books| books.find(payment_key).filter(|row| call.owns(row)).cloned());
    row.ok_or(NOT_FOUND_PAYMENT.refuse())?;
    let asked = read_cancel(Fields::of(call.request)?)?;
    let row = cancel_payment(call.toss, payment_key, &asked, outbox)?;
    Ok(call.show(&row, false))
}

fn read_cancel(mut fields: Fields) -> Result<CancelAsked, Refusal> {
    let asked = CancelAsked {
        reason: fields.required_text("cancelReason", 200)?,
        amount: fields.amount("cancelAmount")?,
        refundable: fields.amount("refundableAmount")?,
        tax_free: fields.amount("taxFreeAmount")?.unwrap_or(0),
        request_id: fields.text("cancelRequestId", 64)?,
        refund_account: fields.object("refundReceiveAccount")?.map(read_refund_account).transpose()?,
        in_console: false,
    };
    if fields.text("currency", 10)?.is_some_and(|currency| currency != "KRW") {
        return Err(INVALID_CURRENCY.refuse());
    }
    if asked.request_id.as_deref().is_some_and(|id| !is_order_id(id)) {
        return Err(INVALID_REQUEST.because("cancelRequestId is wrong"));
    }
    // Undocumented, but seen in requests the real API took.
    for name in ["taxExemptionAmount", "taxAmount", "isDividedPayment", "refundMid"] {
        fields.ignore(name);
    }
    fields.finish()?;
    Ok(asked)
}

fn read_refund_account(mut fields: Fields) -> Result<RefundAccount, Refusal> {
    let bank = fields.required_text("bank", 30).map_err(|_| INVALID_BANK.refuse())?;
    let number =
        fields.required_text("accountNumber", 20).map_err(|_| INVALID_REFUND_ACCOUNT_NUMBER.refuse())?;
    let holder_name =
        fields.required_text("holderName", 60).map_err(|_| INVALID_REFUND_ACCOUNT_INFO.refuse())?;
    fields.finish()?;
    let bank = institutions::bank(&bank).ok_or(INVALID_BANK.refuse())?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(INVALID_REFUND_ACCOUNT_NUMBER.refuse());
    }
    if number.starts_with(NOT_THE_HOLDERS) {
        return Err(INVALID_REFUND_ACCOUNT_INFO.refuse());
    }
    Ok(RefundAccount { bank_code: bank.code.to_owned(), number, holder_name })
}

/// Cancels, or says why not.
pub(super) fn cancel_payment(
    toss: &Toss,
    key: &str,
    asked: &CancelAsked,
    outbox: &mut Outbox,
) -> Result<Row, Refusal> {
    let now_ms = toss.clock.now_ms();
    let row = toss.books.write(|books| {
        let row = books.find(key).ok_or(NOT_FOUND_PAYMENT.refuse())?;
        let amount = cancellable(toss, row, asked, now_ms)?;
        books.update(key, |row| give_back(toss, row, asked, amount, now_ms)).ok_or(NOT_FOUND_PAYMENT.refuse())
    })?;
    toss.tell_of_change(&row, outbox);
    Ok(row)
}

/// How much is cancelled, if it may be.
fn cancellable(toss: &Toss, row: &Row, asked: &CancelAsked, now_ms: u64) -> Result<u64, Refusal> {
    let guarded = !toss.config.permissive;
    match row.status {
        Status::Done | Status::PartialCanceled | Status::WaitingForDeposit => {}
        Status::Canceled if guarded => return Err(ALREADY_CANCELED_PAYMENT.refuse()),
        Status::Canceled => {}
        _ => return Err(NOT_CANCELABLE_PAYMENT.refuse()),
    }
    let balance = row.balance();
    if guarded && asked.refundable.is_some_and(|refundable| refundable != balance) {
        return Err(NOT_MATCHES_REFUNDABLE_AMOUNT.refuse());
    }
    // Without its guards, the PG gives everything back as often as it is asked.
    let all = if guarded || balance > 0 { balance } else { row.total };
    let amount = asked.amount.unwrap_or(all);
    if asked.amount == Some(0) {
        return Err(INVALID_REQUEST.because("cancelAmount is 0"));
    }
    if guarded && (amount == 0 || amount > balance) {
        return Err(NOT_CANCELABLE_AMOUNT.refuse());
    }
    if guarded && asked.tax_free > row.tax_free_balance().min(amount) {
        return Err(INVALID_REQUEST.because("taxFreeAmount is more than is left"));
    }
    if guarded && toss.config.one_refund_at_a_time && refund_status(row) == RefundStatus::Pending {
        return Err(ALREADY_REFUNDING_PAYMENT.refuse());
    }
    check_part(row, amount, amount < balance)?;
    check_refund_account(row, asked)?;
    check_period(row, now_ms)?;
    Ok(amount)
}

fn give_back(toss: &Toss, row: &mut Row, asked: &CancelAsked, amount: u64, now_ms: u64) {
    let was_waiting = row.status == Status::WaitingForDeposit;
    let refund = if was_waiting { None } else { start_refund(toss, row, asked, now_ms) };
    let transaction_key = ids::transaction_key();
    row.cancels.push(Cancel {
        amount,
        reason: asked.reason.clone(),
        tax_free: asked.tax_free,
        // All of it with the first cancel, which is large enough for that. Toss documents no other order.
        discount: row.discount_left().min(amount),
        refundable_after: row.balance().saturating_sub(amount),
        at_ms: now_ms,
        transaction_key: transaction_key.clone(),
        request_id: asked.request_id.clone(),
        refund,
    });
    row.status = row.status_after_cancel();
    // Also where no money moves: an account closed before its deposit shows a cancel of the full amount.
    row.record(transaction_key, amount, now_ms);
    if !was_waiting {
        row.given_back = row.given_back.saturating_add(amount);
    }
    // One that takes no time has ended already.
    end_refunds(row, now_ms, toss.config.failed_refund_returns);
}

/// A deposit goes back by bank transfer, which takes its time.
fn start_refund(toss: &Toss, row: &mut Row, asked: &CancelAsked, now_ms: u64) -> Option<Refund> {
    let account = row.virtual_account.as_mut()?;
    account.refund_account.clone_from(&asked.refund_account);
    let fails = asked.refund_account.as_ref().is_some_and(|refund| refund.number.starts_with(TAKES_NO_MONEY));
    let ends_at_ms = now_ms.saturating_add(millis(toss.config.refund_takes));
    Some(Refund { ends_at_ms, fails, ended: false, came_back: false })
}

fn check_part(row: &Row, amount: u64, is_part: bool) -> Result<(), Refusal> {
    if is_part && row.status == Status::WaitingForDeposit {
        return Err(NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT.refuse());
    }
    if is_part && row.ask.use_escrow {
        return Err(NOT_ALLOWED_PARTIAL_REFUND.refuse());
    }
    // Of any part, as the message says, but for the last: otherwise a small rest could never be cancelled.
    if is_part && amount < row.discount {
        return Err(EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT.refuse());
    }
    Ok(())
}

/// Needed to give a deposit back, and out of place anywhere else.
fn check_refund_account(row: &Row, asked: &CancelAsked) -> Result<(), Refusal> {
    let needed = row.method == Some(Method::VirtualAccount) && row.status != Status::WaitingForDeposit;
    match (&asked.refund_account, needed && !asked.in_console) {
        (None, true) => Err(INVALID_REFUND_ACCOUNT_INFO.because("refundReceiveAccount is missing")),
        (Some(_), _) if !needed => {
            Err(INVALID_REQUEST.because("refundReceiveAccount is for virtual accounts after the deposit"))
        }
        _ => Ok(()),
    }
}

/// How long after the approval each method can be cancelled (Toss docs, guides/v2/cancel-payment).
fn check_period(row: &Row, now_ms: u64) -> Result<(), Refusal> {
    let Some(approved_at_ms) = row.approved_at_ms else { return Ok(()) };
    let within = |days: u64| now_ms <= approved_at_ms.saturating_add(days.saturating_mul(DAY_MS));
    let in_time = match row.method {
        Some(Method::Transfer) => within(180),
        Some(Method::VirtualAccount) => within(365),
        Some(Method::MobilePhone) => time::same_month(approved_at_ms, now_ms),
        _ => true,
    };
    if in_time { Ok(()) } else { Err(EXCEED_MAX_REFUND_DUE.refuse()) }
}
