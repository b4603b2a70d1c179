//! What a merchant's cancel writes: a refund of money, or a close of what is not paid.

use crate::{
    gateway::{GatewayError, RequestKey, StateProblem},
    lifecycle::{Context, compensation::needs_account},
    model::{
        Cancel, CancelId, CancelKey, CancelOrigin, CancelStatus, Charge, Close, Money, PaymentStatus,
        RefundAccount, Snapshot,
    },
    provider::Guard,
    store::PaymentRecord,
};

/// A cancel a merchant asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCancel {
    /// Why, 1 to 200 characters that can be seen; the PG keeps it, or as much of it as it takes.
    pub reason: String,
    /// How much, in the PG's own counting; `None` for all that is left.
    pub amount: Option<Money>,
    /// What the merchant believes is left; the cancel is refused if it is otherwise.
    pub expected_cancellable: Option<Money>,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// The VAT in the amount, where the merchant fixes it.
    pub vat_amount: Option<Money>,
    /// Where the money of a paid virtual account goes.
    pub refund_account: Option<RefundAccount>,
    /// The compensation to take over, which waits for an account (`cancel_id` in errors, as in the published API). Without it a
    /// cancel always means the charge that pays the order.
    pub takes_over: Option<CancelId>,
}

impl NewCancel {
    /// All that is left goes back.
    ///
    /// ```
    /// use paymux_core::{gateway::NewCancel, model::Money};
    ///
    /// let rest = NewCancel { expected_cancellable: Some(Money::krw(5_000)), ..NewCancel::all("sold out") };
    /// assert_eq!(rest.amount, None);
    /// ```
    pub fn all(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            amount: None,
            expected_cancellable: None,
            tax_free_amount: None,
            vat_amount: None,
            refund_account: None,
            takes_over: None,
        }
    }

    /// A part goes back.
    pub fn part(reason: impl Into<String>, amount: Money) -> Self {
        Self { amount: Some(amount), ..Self::all(reason) }
    }
}

/// What a cancel writes, and whether it has to be sent.
pub(super) enum Row {
    /// Money of the charge that pays the order.
    Refund(Cancel),
    /// The account of that charge.
    CloseAccount(Close),
    /// Nothing was issued, or the PG cannot close: no PG is asked.
    ClosePayment(Close),
}

impl Row {
    /// What an operator reads where it cannot be sent.
    pub(super) fn asked_for(&self) -> String {
        match self {
            Self::Refund(cancel) => format!("to refund {} ({})", cancel.amount, cancel.reason),
            Self::CloseAccount(close) | Self::ClosePayment(close) => {
                format!("to close the unpaid account ({})", close.reason)
            }
        }
    }
}

/// The cancel of money that pays the order: of no more than what is left, and to an account where the PG needs one.
pub(super) fn refund(
    record: &PaymentRecord,
    new: &NewCancel,
    key: Option<&RequestKey>,
    context: &Context<'_>,
) -> Result<Cancel, GatewayError> {
    let refuse = |problem| Err(GatewayError::state(problem, record.clone()));
    let Some(charge) = record.accepted() else { return refuse(StateProblem::Status) };
    // An open cancel may have been done, and beside a dispute the card company may take the same money back:
    // a second cancel could give back more than came in.
    if charge.unresolved_cancel().is_some() || charge.is_disputed() {
        return refuse(StateProblem::CancelInProgress);
    }
    // A PG that keeps a copy of the balance has not booked that one yet, and refuses any other beside it.
    let guards = &context.description.guards;
    let guards = if new.amount.is_none() { &guards.cancel_all } else { &guards.cancel_part };
    let is_missing = |snapshot: &Snapshot| {
        let mut pending = charge.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Pending);
        let is_unlisted = pending.any(|cancel| !snapshot.shows_cancel(cancel));
        is_unlisted && !charge.answered_and_not_shown(snapshot).is_zero()
    };
    if guards.contains(&Guard::CopiedBalance) && charge.snapshot.as_ref().is_some_and(is_missing) {
        return refuse(StateProblem::CancelInProgress);
    }
    let left = record.cancellable();
    // What is left changed since the merchant looked: perhaps by its own cancel, whose answer it never got.
    if new.expected_cancellable.is_some_and(|expected| expected != left) {
        return refuse(StateProblem::CancellableAmountChanged);
    }
    let amount = new.amount.unwrap_or(left);
    if amount.currency() != left.currency() {
        return Err(GatewayError::invalid("amount", "must be in the payment's currency"));
    }
    // Some PGs read an amount of 0 as "all that is left".
    if amount.is_zero() || amount.amount() > left.amount() {
        return refuse(StateProblem::CancellableAmountExceeded);
    }
    let is_too_much = |part: Money| amount.checked_sub(part).is_err();
    if new.tax_free_amount.is_some_and(is_too_much) {
        return Err(GatewayError::invalid("tax_free_amount", "must not be more than the amount"));
    }
    if new.vat_amount.is_some_and(is_too_much) {
        return Err(GatewayError::invalid("vat_amount", "must not be more than the amount"));
    }
    // A deposit came from no card: without the buyer's account the PG has nowhere to send it.
    let needs_account = charge.snapshot.as_ref().is_some_and(|shown| needs_account(shown, context));
    if needs_account && new.refund_account.is_none() {
        return Err(GatewayError::invalid("refund_account", "is required for a paid virtual account"));
    }
    let is_whole = new.amount.is_none();
    Ok(Cancel {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Merchant,
        compensates: None,
        status: CancelStatus::Requested,
        held: None,
        is_whole,
        amount,
        // Some PGs do not work out the part free of VAT of a full cancel, so it is named.
        tax_free_amount: new.tax_free_amount.or_else(|| record.tax_free_left(charge).filter(|_| is_whole)),
        vat_amount: new.vat_amount,
        // Sent along where a PG compares it: of two sends that count from the same balance it refuses the
        // second.
        cancellable_before: left,
        failed_at: None,
        reason: new.reason.clone(),
        refund_account: new.refund_account.clone(),
        dispatch: None,
        pg_cancel_id: None,
        failure: None,
        key: key.map(cancel_key),
        created_at: context.now,
    })
}

/// A close gives no money back: full only, at the PG where an account is issued and the PG can.
pub(super) fn close(
    record: &PaymentRecord,
    new: &NewCancel,
    key: Option<&RequestKey>,
    context: &Context<'_>,
) -> Result<Row, GatewayError> {
    let refuse = |problem| Err(GatewayError::state(problem, record.clone()));
    let total = record.payment.terms.amount;
    // A PG closes an account as a whole; a part of what nobody paid is nothing.
    if new.amount.is_some_and(|amount| amount != total) {
        return refuse(StateProblem::FullCloseOnly);
    }
    // Nothing can be cancelled before the deposit, so a merchant may expect nothing or all of it.
    if new.expected_cancellable.is_some_and(|expected| !expected.is_zero() && expected != total) {
        return refuse(StateProblem::CancellableAmountChanged);
    }
    if record.accepted().and_then(Charge::unresolved_close).is_some() {
        return refuse(StateProblem::CancelInProgress);
    }
    let issued = record.payment.status() == PaymentStatus::AwaitingDeposit;
    let asks_pg = issued && context.description.closes_accounts();
    let close = Close {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Merchant,
        // Without a PG to ask it is done with its commit. Money that comes all the same goes back as a
        // compensation.
        status: if asks_pg { CancelStatus::Requested } else { CancelStatus::Done },
        reason: new.reason.clone(),
        dispatch: None,
        failure: None,
        key: key.map(cancel_key),
        created_at: context.now,
    };
    Ok(if asks_pg { Row::CloseAccount(close) } else { Row::ClosePayment(close) })
}

pub(super) fn cancel_key(key: &RequestKey) -> CancelKey {
    CancelKey { key: key.key.clone(), digest: key.digest.clone() }
}
