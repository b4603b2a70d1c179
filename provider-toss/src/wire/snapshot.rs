//! What a Payment object means.

use paymux_core::model::{
    CancelId, CashReceipt, Currency, Failure, Method, MethodDetail, Money, PgCancelStatus, PgStatus, Secret,
    Snapshot, SnapshotCancel, VirtualAccount,
};

use super::{
    institution::{bank, card_issuer},
    method::method_of,
    payment::{Cancel, Payment},
    time::instant,
};
use crate::{
    errors::{self, message_of},
    unreadable::Unreadable,
};

/// The amounts of a payment, by amounts and not by labels: two partial cancels leave `PARTIAL_CANCELED` with balance 0.
struct Amounts {
    currency: Currency,
    total: Money,
    discount: Money,
    paid: Money,
    cancelled: Money,
    cancellable: Money,
    /// Whether the buyer's money came in and was not taken back by the bank.
    money_came: bool,
}

/// What the payment shows. `body` is what it was read from.
///
/// An error is an answer we do not understand, whatever its HTTP status said.
pub(crate) fn snapshot(payment: &Payment, body: &[u8]) -> Result<Snapshot, Unreadable> {
    let status = pg_status(payment)?;
    let amounts = amounts(payment, status)?;
    let approved_at = payment.approved_at.shown().and_then(|at| instant(at));
    Ok(Snapshot {
        pg_payment_id: payment.pg_payment_id()?,
        order_id: payment.order_id.required("orderId")?.clone(),
        status,
        raw_status: payment.status.required("status")?.clone(),
        total: amounts.total,
        discount: amounts.discount,
        paid: amounts.paid,
        cancelled: amounts.cancelled,
        cancellable: amounts.cancellable,
        cancels: Some(our_cancels(payment, &amounts)?),
        // A payment does not say it: the key does.
        mode: None,
        // Nor does it show a dispute at the card company.
        disputed: None,
        paid_at: approved_at.filter(|_| amounts.money_came),
        failure: our_failure(payment),
        method: our_method(payment),
        method_detail: detail(payment),
        virtual_account: account(payment)?,
        channel_pg: None,
        receipt_url: receipt_url(payment),
        cash_receipt: our_cash_receipt(payment),
        raw: Secret::new(String::from_utf8_lossy(body)),
    })
}

fn pg_status(payment: &Payment) -> Result<PgStatus, Unreadable> {
    Ok(match payment.status.required("status")?.as_str() {
        "READY" | "IN_PROGRESS" => PgStatus::Open,
        // Also after its due date, for which Toss has no status: the date says so.
        "WAITING_FOR_DEPOSIT" => PgStatus::AwaitingDeposit,
        "DONE" | "PARTIAL_CANCELED" => PgStatus::Paid,
        "CANCELED" if money_stayed(payment)? => PgStatus::Paid,
        "CANCELED" => PgStatus::Closed,
        "ABORTED" => PgStatus::Failed,
        "EXPIRED" => PgStatus::Expired,
        _ => return Err(Unreadable::field("status", "is newer than this code")),
    })
}

/// Whether a `CANCELED` payment had the buyer's money before.
///
/// Not an account closed before its deposit: that was never approved. Nor, up to version 1.4, a
/// deposit that turned out bad, which goes from `DONE` to `CANCELED` with its approval time still
/// there. In a look-up only `cancels` distinguishes that from a refund: a refund has an
/// entry, a reversal has none, because nobody cancelled anything.
fn money_stayed(payment: &Payment) -> Result<bool, Unreadable> {
    let was_approved = payment.approved_at.optional("approvedAt")?.is_some();
    let is_account = payment.virtual_account.optional("virtualAccount")?.is_some();
    let reversed = is_account && cancels(payment)?.is_empty();
    Ok(was_approved && !reversed)
}

/// Toss counts with every discount: `totalAmount = balanceAmount + Σ cancelAmount`, so what went back is what is
/// missing from the total. A refund that failed is missing, too, unless its money came back to the balance.
fn amounts(payment: &Payment, status: PgStatus) -> Result<Amounts, Unreadable> {
    let currency = payment.currency.currency("currency")?;
    let total = payment.total_amount.money("totalAmount", currency)?;
    let balance = payment.balance_amount.money("balanceAmount", currency)?;
    let discount = instant_discount(payment, currency)?;
    let more = |name| Unreadable::field(name, "is more than totalAmount");
    let by_buyer = total.checked_sub(discount).map_err(|_| more("discount.amount"))?;
    let back = total.checked_sub(balance).map_err(|_| more("balanceAmount"))?;
    let (money_came, nothing) = (status == PgStatus::Paid, Money::zero(currency));
    // Before the money came there is nothing to cancel, though the balance is the total already.
    let (paid, cancelled, cancellable) =
        if money_came { (by_buyer, back, balance) } else { (nothing, nothing, nothing) };
    Ok(Amounts { currency, total, discount, paid, cancelled, cancellable, money_came })
}

/// The part of the total that the buyer does not pay: an instant discount of the card company or bank, which
/// `card.amount` includes (Toss docs, reference: Payment 객체).
///
/// Not `easyPay.discountAmount`, the points and coupons of a wallet, which Toss does not distinguish: `totalAmount`
/// is `card.amount + easyPay.amount + easyPay.discountAmount` (guides/v2/easypay-response), so a buyer can pay with
/// points alone, and what is paid with them is paid.
fn instant_discount(payment: &Payment, currency: Currency) -> Result<Money, Unreadable> {
    match payment.discount.optional("discount")? {
        Some(discount) => discount.amount.money_or_none("discount.amount", currency),
        None => Ok(Money::zero(currency)),
    }
}

fn our_method(payment: &Payment) -> Option<Method> {
    method_of(payment.method.shown()?, payment.easy_pay.shown().is_some())
}

fn detail(payment: &Payment) -> MethodDetail {
    let card = payment.card.shown();
    let pg_card_issuer = card.and_then(|card| card.issuer_code.text().or(card.company.text()));
    let of_transfer = payment.transfer.shown().and_then(|transfer| transfer.pg_bank());
    let of_account = || payment.virtual_account.shown()?.pg_bank();
    let pg_bank = of_transfer.or_else(of_account);
    MethodDetail {
        pg_method: payment.method.text(),
        card_issuer: pg_card_issuer.as_deref().and_then(card_issuer),
        pg_card_issuer,
        card_number: card.and_then(|card| card.number.text()),
        installment_months: card.and_then(|card| card.installment_plan_months.shown().copied()),
        approval_number: card.and_then(|card| card.approve_no.text()),
        easy_pay_provider: payment.easy_pay.shown().and_then(|wallet| wallet.provider()).map(str::to_owned),
        bank_code: pg_bank.as_deref().and_then(bank),
        pg_bank,
    }
}

fn account(payment: &Payment) -> Result<Option<VirtualAccount>, Unreadable> {
    let Some(account) = payment.virtual_account.optional("virtualAccount")? else { return Ok(None) };
    account.account_number.optional("virtualAccount.accountNumber")?;
    let pg_bank = account.pg_bank();
    Ok(account.account_number.text().map(|account_number| VirtualAccount {
        bank_code: pg_bank.as_deref().and_then(bank),
        pg_bank,
        account_number,
        holder_name: account.customer_name.text(),
        due_at: account.due_date.shown().and_then(|date| instant(date)),
    }))
}

fn receipt_url(payment: &Payment) -> Option<String> {
    let of_card = || payment.card.shown()?.receipt_url.text();
    let of_phone = || payment.mobile_phone.shown()?.receipt_url.text();
    payment.receipt.shown().and_then(|page| page.url.text()).or_else(of_card).or_else(of_phone)
}

fn our_cash_receipt(payment: &Payment) -> Option<CashReceipt> {
    let receipt = payment.cash_receipt.shown()?;
    Some(CashReceipt {
        kind: receipt.kind.text(),
        number: receipt.issue_number.text(),
        url: receipt.receipt_url.text(),
    })
}

fn our_failure(payment: &Payment) -> Option<Failure> {
    let failure = payment.failure.shown()?;
    let pg = message_of(&failure.code.text()?, &failure.message.text().unwrap_or_default());
    Some(Failure::by_pg(errors::reason(&pg), pg))
}

fn cancels(payment: &Payment) -> Result<&[Cancel], Unreadable> {
    Ok(payment.cancels.optional("cancels")?.map_or(&[], Vec::as_slice))
}

fn our_cancels(payment: &Payment, amounts: &Amounts) -> Result<Vec<SnapshotCancel>, Unreadable> {
    let cancels = cancels(payment)?.iter().map(|cancel| OurCancel::read(cancel, amounts.currency));
    let cancels = cancels.collect::<Result<Vec<_>, _>>()?;
    let refund_status = match payment.virtual_account.optional("virtualAccount")? {
        Some(account) => account.refund_status.optional("virtualAccount.refundStatus")?,
        None => None,
    };
    let newest = newest_cancel(payment, &cancels)?;
    let failed = newest.filter(|newest| !failed_before(&cancels, *newest, amounts));
    let read = |(position, cancel): (usize, &OurCancel<'_>)| {
        let refund = refund_status
            .filter(|_| amounts.money_came)
            .map(|status| Refund { status, failure_is_its: failed == Some(position) });
        SnapshotCancel {
            pg_cancel_id: Some(cancel.name.clone()),
            id: cancel.reason.and_then(|reason| CancelId::find_in(reason)),
            // Closing an unpaid account is listed with the amount it waited for, and returned nothing.
            amount: if amounts.money_came { cancel.amount } else { Money::zero(amounts.currency) },
            reason: cancel.reason.cloned(),
            status: cancel.status(refund),
            // Not shown: a chargeback looks like any other cancel that we did not make.
            chargeback: false,
            at: cancel.at.and_then(|at| instant(at)),
        }
    };
    Ok(cancels.iter().enumerate().map(read).collect())
}

fn newest_cancel(payment: &Payment, cancels: &[OurCancel<'_>]) -> Result<Option<usize>, Unreadable> {
    let last = payment.last_transaction_key.optional("lastTransactionKey")?;
    let named = last.and_then(|last| cancels.iter().position(|cancel| cancel.name == *last));
    Ok(named.or(cancels.len().checked_sub(1)))
}

/// An entry of `cancels[]`, read.
struct OurCancel<'a> {
    name: String,
    amount: Money,
    /// What was left after it.
    left: Option<Money>,
    reason: Option<&'a String>,
    /// Missing in old versions, where it was always done.
    own_status: &'a str,
    at: Option<&'a String>,
}

impl<'a> OurCancel<'a> {
    fn read(cancel: &'a Cancel, currency: Currency) -> Result<Self, Unreadable> {
        let left = cancel.refundable_amount.shown().map(|left| left.as_str());
        let at = cancel.canceled_at.shown();
        let amount = cancel.cancel_amount.required("cancels[].cancelAmount")?;
        // Toss' name for it, or, in versions without one, a name made of what never changes: the balance after a cancel
        // falls with every cancel, until a refund fails, which takes longer than a second. So no two are named alike.
        let made = || {
            let at = at.map_or("", String::as_str);
            format!("{at}/{}/{}", amount.as_str(), left.unwrap_or_default())
        };
        let own = cancel.transaction_key.optional("cancels[].transactionKey")?;
        Ok(Self {
            name: own.filter(|name| !name.is_empty()).cloned().unwrap_or_else(made),
            amount: amount.money(currency, "cancels[].cancelAmount")?,
            left: left.and_then(|left| Money::from_major(left, currency).ok()),
            reason: cancel.cancel_reason.optional("cancels[].cancelReason")?,
            own_status: cancel
                .cancel_status
                .optional("cancels[].cancelStatus")?
                .map_or("DONE", String::as_str),
            at,
        })
    }

    /// Whether the money is back, by the cancel's own status and, for a deposit, the refund's.
    ///
    /// A refund status that is missing is of a version that does not have it: then the cancel's status is
    /// all there is.
    fn status(&self, refund: Option<Refund<'_>>) -> PgCancelStatus {
        match (self.own_status, refund) {
            ("ABORTED", _) => PgCancelStatus::Failed,
            ("DONE", None) => PgCancelStatus::Done,
            ("DONE", Some(refund)) => refund.means(),
            _ => PgCancelStatus::Pending,
        }
    }
}

/// Whether the amounts show that the money of an older refund came back, and that of the newest did not: then a
/// failure is the older one's. (That failed money comes back to the balance is not documented.)
fn failed_before(cancels: &[OurCancel<'_>], newest: usize, amounts: &Amounts) -> bool {
    let mut done = cancels.iter().filter(|cancel| cancel.own_status == "DONE");
    let sum = done.try_fold(amounts.cancellable, |sum, cancel| sum.checked_add(cancel.amount).ok());
    let came_back = sum.is_some_and(|sum| sum.amount() > amounts.total.amount());
    let left = cancels.get(newest).and_then(|cancel| cancel.left);
    came_back && left == Some(amounts.cancellable)
}

/// `virtualAccount.refundStatus`, held against one cancel of a deposit.
///
/// The status is the payment's, and Toss does not say which of several refunds it speaks of, nor for certain that
/// there is only one at a time (`ALREADY_REFUNDING_PAYMENT` is in the list of all codes and not in that of the cancel).
/// So none of them is done until `COMPLETED` says so of all.
#[derive(Clone, Copy)]
struct Refund<'a> {
    status: &'a str,
    /// It is the newest, and the amounts do not show that a failure is of an older one.
    failure_is_its: bool,
}

impl Refund<'_> {
    /// `NONE` is `Pending`: Toss has taken the cancel and has not entered the refund yet. A failure, in part or not, is
    /// taken for the newest one's: taken for nobody's, the buyer would wait for ever and nobody would look into it. What
    /// it says of the others is not known.
    ///
    /// A failed refund is `Failed` whether or not its money comes back to `balanceAmount`, which is what Toss would
    /// still cancel: if it does not, it is for an operator to bring back.
    fn means(self) -> PgCancelStatus {
        match self.status {
            "COMPLETED" => PgCancelStatus::Done,
            "FAILED" | "PARTIAL_FAILED" if self.failure_is_its => PgCancelStatus::Failed,
            _ => PgCancelStatus::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
