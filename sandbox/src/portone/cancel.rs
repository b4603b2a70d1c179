//! Giving money back: by the API, in the console, or by closing an unpaid account.

use super::bank;
use super::config::DeletedAccount;
use super::ledger::{Ledger, View};
use super::payment::{Payment, Status};
use super::reply::Refusal;

/// `POST /payments/cancel`, as it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct CancelRequest {
    /// Wins over `merchant_uid`, even when it is wrong.
    pub(super) imp_uid: Option<String>,
    pub(super) merchant_uid: Option<String>,
    /// `None` or 0: all that is left.
    pub(super) amount: Option<u64>,
    pub(super) tax_free: u64,
    pub(super) vat_amount: Option<u64>,
    /// What the merchant believes can still be cancelled.
    pub(super) checksum: Option<u64>,
    pub(super) reason: Option<String>,
    pub(super) refund: RefundAccount,
}

/// Where the money of a virtual account goes back to.
#[derive(Clone, Debug, Default)]
pub(super) struct RefundAccount {
    pub(super) holder: Option<String>,
    pub(super) bank: Option<String>,
    pub(super) account: Option<String>,
}

/// A cancel that was done.
#[derive(Clone, Debug)]
pub(super) struct Cancelled {
    pub(super) imp_uid: String,
    pub(super) cancellation_id: String,
}

/// Cancels by the API. `permissive` leaves out the guards against doing it twice.
///
/// The texts beside "does not exist" and "already cancelled" are the
/// simulator's own: no source quotes PortOne's.
pub(super) fn cancel(
    ledger: &mut Ledger,
    request: CancelRequest,
    now: u64,
    permissive: bool,
) -> Result<Cancelled, Refusal> {
    let payment = to_cancel(ledger, &request)?;
    let amount = amount_to_cancel(payment, &request, permissive)?;
    if payment.is_vbank() {
        check_refund_account(payment, &request.refund)?;
    }
    let imp_uid = payment.imp_uid.clone();
    give_back(ledger, &imp_uid, amount, request.reason, now)
}

/// Cancels in PortOne's console, where an operator sees what is left.
pub(super) fn cancel_in_console(
    ledger: &mut Ledger,
    imp_uid: &str,
    amount: Option<u64>,
    reason: Option<String>,
    now: u64,
) -> Result<Cancelled, Refusal> {
    let payment = ledger.payment(imp_uid, View::Now).ok_or_else(nothing_to_cancel)?;
    let request = CancelRequest { amount, ..CancelRequest::default() };
    let amount = amount_to_cancel(payment, &request, false)?;
    let reason = reason.unwrap_or_else(|| "관리자콘솔 취소".to_owned());
    give_back(ledger, imp_uid, amount, Some(reason), now)
}

/// `DELETE /vbanks/{imp_uid}`: only an account without a deposit.
pub(super) fn delete_account(
    ledger: &mut Ledger,
    imp_uid: &str,
    leaves: DeletedAccount,
    now: u64,
) -> Result<(), Refusal> {
    let payment = ledger.payment(imp_uid, View::Now).ok_or_else(Refusal::no_payment)?;
    if !payment.awaits_deposit() {
        return Err(Refusal::bad_request("입금대기 상태의 가상계좌가 아닙니다."));
    }
    let reason = "가상계좌 말소";
    ledger.change(imp_uid, now, |row| match leaves {
        DeletedAccount::Failed => row.fail(now, reason),
        DeletedAccount::Cancelled => {
            row.status = Status::Cancelled;
            row.cancelled_at = now;
            row.cancel_reason = Some(reason.to_owned());
        }
    });
    Ok(())
}

/// The row a cancel means. Of several attempts under one `merchant_uid` the
/// one that holds money is meant, then the one that held some.
fn to_cancel<'a>(ledger: &'a Ledger, request: &CancelRequest) -> Result<&'a Payment, Refusal> {
    let found = match (&request.imp_uid, &request.merchant_uid) {
        (Some(imp_uid), _) => ledger.payment(imp_uid, View::Now),
        (None, Some(merchant_uid)) => {
            ledger.attempts(merchant_uid, View::Now).into_iter().max_by_key(|row| match row.status {
                Status::Paid => 2,
                Status::Cancelled => 1,
                Status::Ready | Status::Failed => 0,
            })
        }
        (None, None) => None,
    };
    found.ok_or_else(nothing_to_cancel)
}

fn give_back(
    ledger: &mut Ledger,
    imp_uid: &str,
    amount: u64,
    reason: Option<String>,
    now: u64,
) -> Result<Cancelled, Refusal> {
    let cancellation_id = ledger
        .change(imp_uid, now, |row| row.give_back(now, amount, reason))
        .ok_or_else(nothing_to_cancel)?;
    Ok(Cancelled { imp_uid: imp_uid.to_owned(), cancellation_id })
}

/// How much a cancel refunds, or why V1 refuses it.
fn amount_to_cancel(payment: &Payment, request: &CancelRequest, permissive: bool) -> Result<u64, Refusal> {
    let balance = payment.balance();
    let whole = if permissive && balance == 0 { payment.amount } else { balance };
    let amount = request.amount.filter(|amount| *amount > 0).unwrap_or(whole);
    let parts = request.tax_free.saturating_add(request.vat_amount.unwrap_or(0));
    let was_paid = payment.paid_at > 0 && payment.status != Status::Failed;
    if !was_paid {
        return Err(Refusal::business("결제완료 상태가 아니므로 취소할 수 없습니다."));
    }
    if parts > amount {
        return Err(Refusal::business("비과세 금액과 부가세의 합이 취소금액보다 큽니다."));
    }
    if permissive {
        return Ok(amount);
    }
    if payment.status == Status::Cancelled {
        return Err(Refusal::business("이미 전액취소된 주문입니다."));
    }
    if request.checksum.is_some_and(|checksum| checksum != balance) {
        return Err(Refusal::business("취소 가능 잔액이 일치하지 않습니다."));
    }
    if amount > balance {
        return Err(Refusal::business("취소 요청금액이 취소 가능 잔액보다 큽니다."));
    }
    Ok(amount)
}

/// A deposit can only go back to an account, named in the PG's own bank codes.
fn check_refund_account(payment: &Payment, refund: &RefundAccount) -> Result<(), Refusal> {
    let (Some(_), Some(bank), Some(account)) = (&refund.holder, &refund.bank, &refund.account) else {
        return Err(Refusal::business(
            "환불계좌 정보(refund_holder, refund_bank, refund_account)가 누락되었습니다.",
        ));
    };
    let is_number = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !bank::is_code_of(&payment.pg_provider, bank) || !is_number {
        // What the PG refuses arrives as code -1 with the PG's own text.
        return Err(Refusal {
            code: -1,
            ..Refusal::business("환불계좌의 은행코드 또는 계좌번호가 올바르지 않습니다.")
        });
    }
    Ok(())
}

fn nothing_to_cancel() -> Refusal {
    Refusal::business("취소할 결제건이 존재하지 않습니다.")
}
