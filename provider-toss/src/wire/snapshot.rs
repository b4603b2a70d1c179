//! What a Payment object means.

use paymux_core::model::{
    CancelId, CashReceipt, Currency, Failure, FailureReason, Method, MethodDetail, Money, PgCancelStatus,
    PgStatus, Secret, Snapshot, SnapshotCancel, VirtualAccount,
};

use super::{
    error::message_of,
    institution::{bank, card_issuer},
    method::method_of,
    payment::{Cancel, Payment},
    time::instant,
};
use crate::errors::{self, Unreadable};

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

impl Payment {
    /// What the payment shows. `body` is what it was read from.
    ///
    /// An error is an answer we do not understand, whatever its HTTP status said.
    pub(crate) fn into_snapshot(self, body: &[u8]) -> Result<Snapshot, Unreadable> {
        let status = self.pg_status()?;
        let amounts = self.amounts(status)?;
        let approved_at = self.approved_at.shown().and_then(|at| instant(at));
        Ok(Snapshot {
            pg_payment_id: self.pg_payment_id()?,
            order_id: self.order_id.required("orderId")?.clone(),
            status,
            raw_status: self.status.required("status")?.clone(),
            total: amounts.total,
            discount: amounts.discount,
            paid: amounts.paid,
            cancelled: amounts.cancelled,
            cancellable: amounts.cancellable,
            cancels: Some(self.our_cancels(&amounts)?),
            // A payment does not say it: the key does.
            mode: None,
            // Nor does it show a dispute at the card company.
            disputed: None,
            paid_at: approved_at.filter(|_| amounts.money_came),
            failure: self.our_failure(),
            method: self.our_method(),
            method_detail: self.detail(),
            virtual_account: self.account()?,
            receipt_url: self.receipt_url(),
            cash_receipt: self.our_cash_receipt(),
            raw: Secret::new(String::from_utf8_lossy(body)),
        })
    }

    fn pg_status(&self) -> Result<PgStatus, Unreadable> {
        Ok(match self.status.required("status")?.as_str() {
            "READY" | "IN_PROGRESS" => PgStatus::Open,
            // Also after its due date, for which Toss has no status: the date says so.
            "WAITING_FOR_DEPOSIT" => PgStatus::AwaitingDeposit,
            "DONE" | "PARTIAL_CANCELED" => PgStatus::Paid,
            "CANCELED" if self.money_stayed()? => PgStatus::Paid,
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
    fn money_stayed(&self) -> Result<bool, Unreadable> {
        let was_approved = self.approved_at.optional("approvedAt")?.is_some();
        let is_account = self.virtual_account.optional("virtualAccount")?.is_some();
        let reversed = is_account && self.cancels()?.is_empty();
        Ok(was_approved && !reversed)
    }

    /// Toss counts with every discount: `totalAmount = balanceAmount + Σ cancelAmount`, so what went back is what is
    /// missing from the total. A refund that failed is missing, too, unless its money came back to the balance.
    fn amounts(&self, status: PgStatus) -> Result<Amounts, Unreadable> {
        let currency = self.currency.currency("currency")?;
        let total = self.total_amount.money("totalAmount", currency)?;
        let balance = self.balance_amount.money("balanceAmount", currency)?;
        let discount = self.instant_discount(currency)?;
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
    fn instant_discount(&self, currency: Currency) -> Result<Money, Unreadable> {
        match self.discount.optional("discount")? {
            Some(discount) => discount.amount.money_or_none("discount.amount", currency),
            None => Ok(Money::zero(currency)),
        }
    }

    fn our_method(&self) -> Option<Method> {
        method_of(self.method.shown()?, self.easy_pay.shown().is_some())
    }

    fn detail(&self) -> MethodDetail {
        let card = self.card.shown();
        let pg_card_issuer = card.and_then(|card| card.issuer_code.text().or(card.company.text()));
        let of_transfer = self.transfer.shown().and_then(|transfer| transfer.pg_bank());
        let of_account = || self.virtual_account.shown()?.pg_bank();
        let pg_bank = of_transfer.or_else(of_account);
        MethodDetail {
            pg_method: self.method.text(),
            card_issuer: pg_card_issuer.as_deref().and_then(card_issuer),
            pg_card_issuer,
            card_number: card.and_then(|card| card.number.text()),
            installment_months: card.and_then(|card| card.installment_plan_months.shown().copied()),
            approval_number: card.and_then(|card| card.approve_no.text()),
            easy_pay_provider: self.easy_pay.shown().and_then(|wallet| wallet.provider()).map(str::to_owned),
            bank_code: pg_bank.as_deref().and_then(bank),
            pg_bank,
        }
    }

    fn account(&self) -> Result<Option<VirtualAccount>, Unreadable> {
        let Some(account) = self.virtual_account.optional("virtualAccount")? else { return Ok(None) };
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

    fn receipt_url(&self) -> Option<String> {
        let of_card = || self.card.shown()?.receipt_url.text();
        let of_phone = || self.mobile_phone.shown()?.receipt_url.text();
        self.receipt.shown().and_then(|page| page.url.text()).or_else(of_card).or_else(of_phone)
    }

    fn our_cash_receipt(&self) -> Option<CashReceipt> {
        let receipt = self.cash_receipt.shown()?;
        Some(CashReceipt {
            kind: receipt.kind.text(),
            number: receipt.issue_number.text(),
            url: receipt.receipt_url.text(),
        })
    }

    fn our_failure(&self) -> Option<Failure> {
        let failure = self.failure.shown()?;
        let code = failure.code.text()?;
        let reason = match code.as_str() {
            "EXPIRED_PAYMENT" => FailureReason::SessionExpired,
            "PAY_PROCESS_CANCELED" => FailureReason::BuyerClosed,
            code => errors::reason(code).unwrap_or(FailureReason::Other),
        };
        Some(Failure::by_pg(reason, message_of(&code, &failure.message.text().unwrap_or_default())))
    }

    fn cancels(&self) -> Result<&[Cancel], Unreadable> {
        Ok(self.cancels.optional("cancels")?.map_or(&[], Vec::as_slice))
    }

    fn our_cancels(&self, amounts: &Amounts) -> Result<Vec<SnapshotCancel>, Unreadable> {
        let cancels = self.cancels()?.iter().map(|cancel| OurCancel::read(cancel, amounts.currency));
        let cancels = cancels.collect::<Result<Vec<_>, _>>()?;
        let refund_status = match self.virtual_account.optional("virtualAccount")? {
            Some(account) => account.refund_status.optional("virtualAccount.refundStatus")?,
            None => None,
        };
        let newest = self.newest_cancel(&cancels)?;
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

    fn newest_cancel(&self, cancels: &[OurCancel<'_>]) -> Result<Option<usize>, Unreadable> {
        let last = self.last_transaction_key.optional("lastTransactionKey")?;
        let named = last.and_then(|last| cancels.iter().position(|cancel| cancel.name == *last));
        Ok(named.or(cancels.len().checked_sub(1)))
    }
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
