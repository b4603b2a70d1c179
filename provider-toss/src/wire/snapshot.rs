//! What a Payment object means.

use gateway_core::{
    CancelId, CancelStatus, CashReceipt, Currency, Failure, FailureReason, Method, MethodDetail, Money,
    PgPaymentId, PgStatus, Secret, Snapshot, SnapshotCancel, VirtualAccount, standard_bank_code,
};

use super::{
    decimal::Decimal,
    error::message_of,
    method::method_of,
    payment::{Cancel, Payment},
    time::instant,
};
use crate::errors::{self, Unreadable};

/// Reads a Payment object.
///
/// An error is an answer we do not understand, whatever its HTTP status said.
pub(crate) fn snapshot(body: &[u8]) -> Result<Snapshot, Unreadable> {
    let payment: Payment = serde_json::from_slice(body)?;
    let raw = String::from_utf8_lossy(body).into_owned();
    payment.into_snapshot(Secret::new(raw))
}

impl Payment {
    fn into_snapshot(self, raw: Secret) -> Result<Snapshot, Unreadable> {
        let currency = self.currency_known()?;
        let status = self.pg_status()?;
        let total = self.total_amount.money(currency, "totalAmount")?;
        let balance = self.balance_amount.money(currency, "balanceAmount")?;
        let money_came = status == PgStatus::Paid;
        let nothing = Money::zero(currency);
        let (paid, cancelled) = if money_came {
            // By amounts, not by label: two partial cancels leave `PARTIAL_CANCELED` with balance 0.
            (total, total.checked_sub(balance).map_err(|_| Unreadable::Field("balanceAmount"))?)
        } else {
            (nothing, nothing)
        };
        Ok(Snapshot {
            pg_id: pg_id(&self.payment_key)?,
            status,
            total,
            paid,
            cancelled,
            method: self.our_method(),
            method_detail: self.detail(),
            virtual_account: self.account(),
            receipt_url: self.receipt_url(),
            cash_receipt: self.our_cash_receipt(),
            cancels: self.our_cancels(currency, money_came, balance)?,
            paid_at: self.approved_at.as_deref().and_then(instant).filter(|_| money_came),
            failure: self.our_failure(),
            // A payment does not say it: the key does.
            mode: None,
            deposit_secret: self.secret.filter(|secret| !secret.is_empty()).map(Secret::new),
            pg_order_id: self.order_id,
            raw_status: self.status,
            raw,
        })
    }

    fn currency_known(&self) -> Result<Currency, Unreadable> {
        let code = self.currency.as_deref().unwrap_or("KRW");
        Currency::from_code(code).ok_or(Unreadable::Field("currency"))
    }

    fn pg_status(&self) -> Result<PgStatus, Unreadable> {
        Ok(match self.status.as_str() {
            "READY" => PgStatus::Ready,
            "IN_PROGRESS" => PgStatus::InProgress,
            // No status of its own: the account stays WAITING_FOR_DEPOSIT after its due date.
            "WAITING_FOR_DEPOSIT" if self.account_expired() => PgStatus::Expired,
            "WAITING_FOR_DEPOSIT" => PgStatus::AwaitingDeposit,
            "DONE" | "PARTIAL_CANCELED" => PgStatus::Paid,
            "CANCELED" if self.money_stayed() => PgStatus::Paid,
            "CANCELED" => PgStatus::Cancelled,
            "ABORTED" => PgStatus::Failed,
            "EXPIRED" => PgStatus::Expired,
            _ => return Err(Unreadable::Status),
        })
    }

    fn account_expired(&self) -> bool {
        self.virtual_account.as_ref().and_then(|account| account.expired).unwrap_or(false)
    }

    /// Whether a `CANCELED` payment had the buyer's money before.
    ///
    /// Not an account closed before its deposit: that was never approved. Nor, up to version 1.4, a
    /// deposit that turned out bad, which goes from `DONE` to `CANCELED` with its approval time still
    /// there. The look-up cannot tell that from a refund but by `cancels`: a refund has an
    /// entry, a reversal has none, because nobody cancelled anything.
    fn money_stayed(&self) -> bool {
        let reversed =
            self.virtual_account.is_some() && self.cancels.as_deref().unwrap_or_default().is_empty();
        self.approved_at.is_some() && !reversed
    }

    fn our_method(&self) -> Option<Method> {
        method_of(self.method.as_deref()?, self.easy_pay.is_some())
    }

    fn detail(&self) -> MethodDetail {
        let card = self.card.as_ref();
        let account_bank = self.virtual_account.as_ref().and_then(|account| account.bank_code.as_deref());
        let transfer_bank = self.transfer.as_ref().and_then(|bank| bank.bank_code.as_deref());
        MethodDetail {
            pg_method: self.method.clone(),
            card_issuer: card.and_then(|card| card.issuer_code.clone()),
            card_number: card.and_then(|card| card.number.clone()),
            installment_months: card.and_then(|card| card.installment_plan_months),
            approval_number: card.and_then(|card| card.approve_no.clone()),
            easy_pay_provider: self.easy_pay.as_ref().and_then(|pay| pay.provider()).map(str::to_owned),
            bank_code: transfer_bank.or(account_bank).map(standard_bank_code),
        }
    }

    fn account(&self) -> Option<VirtualAccount> {
        let account = self.virtual_account.as_ref()?;
        Some(VirtualAccount {
            bank_code: account.bank_code.as_deref().map(standard_bank_code),
            account_number: filled(account.account_number.as_deref())?,
            holder_name: filled(account.customer_name.as_deref()),
            due_at: account.due_date.as_deref().and_then(instant),
        })
    }

    fn receipt_url(&self) -> Option<String> {
        let page = self.receipt.as_ref().map(|receipt| receipt.url.as_str());
        let of_card = || self.card.as_ref().and_then(|card| card.receipt_url.as_deref());
        let of_phone = || self.mobile_phone.as_ref().and_then(|phone| phone.receipt_url.as_deref());
        filled(page.or_else(of_card).or_else(of_phone))
    }

    fn our_cash_receipt(&self) -> Option<CashReceipt> {
        let receipt = self.cash_receipt.as_ref()?;
        Some(CashReceipt {
            kind: filled(receipt.kind.as_deref()),
            number: filled(receipt.issue_number.as_deref()),
            url: filled(receipt.receipt_url.as_deref()),
        })
    }

    fn our_failure(&self) -> Option<Failure> {
        let failure = self.failure.as_ref()?;
        let reason = match failure.code.as_str() {
            "EXPIRED_PAYMENT" => FailureReason::SessionExpired,
            "PAY_PROCESS_CANCELED" => FailureReason::BuyerClosed,
            code => errors::reason(code).unwrap_or(FailureReason::Other),
        };
        Some(Failure::by_pg(reason, message_of(&failure.code, &failure.message)))
    }

    fn our_cancels(
        &self,
        currency: Currency,
        money_came: bool,
        balance: Money,
    ) -> Result<Vec<SnapshotCancel>, Unreadable> {
        let cancels = self.cancels.as_deref().unwrap_or_default();
        let newest = self.newest_cancel(cancels);
        let failed = newest.filter(|newest| !self.failed_before(cancels, *newest, currency, balance));
        let refund = self.virtual_account.as_ref().and_then(|account| account.refund_status.as_deref());
        let read = |(position, cancel): (usize, &Cancel)| {
            let refund = refund
                .filter(|_| money_came)
                .map(|status| Refund { status, failure_is_its: failed == Some(position) });
            let amount = cancel.cancel_amount.money(currency, "cancelAmount")?;
            Ok(SnapshotCancel {
                pg_cancel_id: Some(cancel.name()),
                id: cancel.cancel_reason.as_deref().and_then(CancelId::find_in),
                // Closing an unpaid account is listed with the amount it waited for, and gave nothing back.
                amount: if money_came { amount } else { Money::zero(currency) },
                reason: cancel.cancel_reason.clone(),
                status: cancel.status(refund),
                at: cancel.canceled_at.as_deref().and_then(instant),
            })
        };
        cancels.iter().enumerate().map(read).collect()
    }

    fn newest_cancel(&self, cancels: &[Cancel]) -> Option<usize> {
        let last = self.last_transaction_key.as_ref();
        let named =
            cancels.iter().position(|cancel| last.is_some() && cancel.transaction_key.as_ref() == last);
        named.or(cancels.len().checked_sub(1))
    }

    /// Whether the amounts show that the money of an older refund came back, and that of the newest did not: then a
    /// failure is the older one's. (That failed money comes back to the balance is not documented.)
    fn failed_before(&self, cancels: &[Cancel], newest: usize, currency: Currency, balance: Money) -> bool {
        let read = |amount: &Decimal| amount.money(currency, "cancelAmount").ok().map(Money::amount);
        let (Ok(total), Some(left), Some(cancelled)) = (
            self.total_amount.money(currency, "totalAmount"),
            cancels.get(newest).and_then(|cancel| read(cancel.refundable_amount.as_ref()?)),
            cancels
                .iter()
                .filter(|cancel| cancel.own_status() == "DONE")
                .try_fold(0_u64, |sum, cancel| sum.checked_add(read(&cancel.cancel_amount)?)),
        ) else {
            return false;
        };
        let came_back = cancelled.saturating_add(balance.amount()) > total.amount();
        came_back && balance.amount() == left
    }
}

impl Cancel {
    /// Toss' name for it, or, in versions without one, a name made of what never changes: the balance after a
    /// cancel falls with every cancel, until a refund fails, which takes longer than a second. So no two are named alike.
    fn name(&self) -> String {
        filled(self.transaction_key.as_deref()).unwrap_or_else(|| {
            let left = self.refundable_amount.as_ref().map_or("", |left| left.as_str());
            format!("{}/{}/{left}", self.canceled_at.as_deref().unwrap_or(""), self.cancel_amount.as_str())
        })
    }

    fn own_status(&self) -> &str {
        self.cancel_status.as_deref().unwrap_or("DONE")
    }

    /// Whether the money is back, by the cancel's own status and, for a deposit, the refund's.
    ///
    /// A refund status that is missing is of a version that does not tell: then the cancel's status is
    /// all there is.
    fn status(&self, refund: Option<Refund<'_>>) -> CancelStatus {
        match (self.own_status(), refund) {
            ("ABORTED", _) => CancelStatus::Refused,
            ("DONE", None) => CancelStatus::Done,
            ("DONE", Some(refund)) => refund.means(),
            _ => CancelStatus::Pending,
        }
    }
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
    /// A failed refund is `Refused` whether or not its money comes back to `balanceAmount`, which is what Toss would
    /// still cancel: if it does not, it is for an operator to bring back.
    fn means(self) -> CancelStatus {
        match self.status {
            "COMPLETED" => CancelStatus::Done,
            "FAILED" | "PARTIAL_FAILED" if self.failure_is_its => CancelStatus::Refused,
            _ => CancelStatus::Pending,
        }
    }
}

fn pg_id(key: &str) -> Result<PgPaymentId, Unreadable> {
    key.parse().map_err(|_| Unreadable::Field("paymentKey"))
}

fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
