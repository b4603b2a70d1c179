//! What happens without the merchant's server: deposits, their reversal, console cancels, and the passing of time.

use serde_json::Value;

use super::{
    cancel::{CancelAsked, cancel_payment},
    config::ApiVersion,
    entry::book_entry,
    ids,
    refunds::end_refunds,
    row::{Failure, Row, Status},
    state::Toss,
};
use crate::{ActionOptions, ControlError, ControlErrorCode, OrderAction, Outbox};

/// Money arrives on a virtual account. The bank takes the exact amount only, in one transfer.
pub(super) fn take_deposit(
    toss: &Toss,
    action: &OrderAction,
    options: &ActionOptions,
    outbox: &mut Outbox,
) -> Result<Value, ControlError> {
    let at_ms = options.at_ms(toss.clock.now_ms())?;
    let row = row_for(toss, action, |row| row.status == Status::WaitingForDeposit)?;
    let account = row.virtual_account.as_ref().filter(|_| row.status == Status::WaitingForDeposit);
    let account = account.ok_or_else(|| not_in(&row, "does not wait for a deposit"))?;
    // The time of the transfer counts: Toss may book one that was in time after the account has expired.
    if at_ms >= account.due_at_ms {
        return Err(not_in(&row, "has an account that had expired: the bank refuses the transfer"));
    }
    if row.last_transaction_at_ms().is_some_and(|last_ms| at_ms < last_ms) {
        return Err(ControlError::new(
            ControlErrorCode::InvalidRequest,
            "at_s: before the account waited for this deposit",
        ));
    }
    let amount = action.amount.unwrap_or(row.total);
    if amount != row.total {
        let message = format!("the bank takes {} only, not {amount}; the PG does not learn of it", row.total);
        return Err(ControlError::new(ControlErrorCode::WrongAmount, message));
    }
    change(toss, &row, outbox, |row| {
        row.status = Status::Done;
        row.approved_at_ms = Some(at_ms);
        row.record(ids::transaction_key(), row.total, at_ms);
        row.taken = row.taken.saturating_add(row.total);
        if let Some(account) = &mut row.virtual_account {
            account.depositor_name = Some(account.customer_name.clone());
            account.expired = false;
        }
    })
}

/// The deposit is reversed: `DONE` goes back to `WAITING_FOR_DEPOSIT`, up to version 1.4 to `CANCELED`.
pub(super) fn reverse_deposit(
    toss: &Toss,
    action: &OrderAction,
    outbox: &mut Outbox,
) -> Result<Value, ControlError> {
    let deposited = |row: &Row| row.status == Status::Done && row.virtual_account.is_some();
    let row = row_for(toss, action, deposited)?;
    if !deposited(&row) {
        return Err(not_in(&row, "has no deposit to reverse"));
    }
    if action.amount.is_some_and(|amount| amount != row.total) {
        return Err(ControlError::new(ControlErrorCode::WrongAmount, "a deposit turns out bad as a whole"));
    }
    let version = toss.pair_of(&row.client_key).map_or(ApiVersion::default(), |pair| pair.api_version);
    let now_ms = toss.clock.now_ms();
    change(toss, &row, outbox, |row| {
        // A transaction, because it undoes one, and with an amount that an ordinary row of this status has: both are
        // decided here, Toss documents neither.
        let amount = if version <= ApiVersion::V1_4 {
            row.status = Status::Canceled;
            row.total
        } else {
            row.status = Status::WaitingForDeposit;
            0
        };
        row.record(ids::transaction_key(), amount, now_ms);
        row.approved_at_ms = None;
        row.taken = row.taken.saturating_sub(row.total);
        if let Some(account) = &mut row.virtual_account {
            account.depositor_name = None;
        }
    })
}

/// The merchant cancels in the dashboard.
pub(super) fn cancel_in_console(
    toss: &Toss,
    action: &OrderAction,
    outbox: &mut Outbox,
) -> Result<Value, ControlError> {
    let row = row_for(toss, action, Row::was_approved)?;
    let asked = CancelAsked {
        reason: action.reason.clone().unwrap_or_else(|| "상점관리자 취소".to_owned()),
        amount: action.amount,
        refundable: None,
        tax_free: 0,
        request_id: None,
        refund_account: None,
        in_console: true,
    };
    let row = cancel_payment(toss, &row.payment_key, &asked, outbox)
        .map_err(|refusal| ControlError::invalid_state(format!("the PG refuses: {}", refusal.error.code)))?;
    Ok(book_entry(&row))
}

/// Expiries, and the end of refunds.
pub(super) fn do_what_is_due(toss: &Toss, outbox: &mut Outbox) {
    let (now_ms, returns) = (toss.clock.now_ms(), toss.config.failed_refund_returns);
    if !toss.books.read(|books| books.has_due(now_ms)) {
        return;
    }
    let moved_on: Vec<Row> = toss.books.write(|books| {
        let due = books.take_due(now_ms);
        let still_due = due.into_iter().filter(|key| {
            books.find(key).and_then(Row::due_at_ms).is_some_and(|due_at_ms| due_at_ms <= now_ms)
        });
        let still_due: Vec<String> = still_due.collect();
        let changed =
            still_due.iter().filter_map(|key| books.update(key, |row| let_time_pass(row, now_ms, returns)));
        changed.filter(|row| row.stale().status != row.status).collect()
    });
    for row in moved_on {
        toss.tell_of_change(&row, outbox);
    }
}

/// The payment an action means: the named one, else the order's latest that fits, else its latest.
fn row_for(toss: &Toss, action: &OrderAction, fits: impl Fn(&Row) -> bool) -> Result<Row, ControlError> {
    let row = toss.books.read(|books| {
        let named = |row: &&Row| action.pg_id.as_ref().is_none_or(|pg_id| *pg_id == row.payment_key);
        let rows = || books.of_order(&action.order_id).filter(named);
        rows().rfind(|row| fits(row)).or_else(|| rows().next_back()).cloned()
    });
    row.ok_or_else(|| ControlError::unknown_order(&action.order_id))
}

fn change(
    toss: &Toss,
    row: &Row,
    outbox: &mut Outbox,
    change: impl FnOnce(&mut Row),
) -> Result<Value, ControlError> {
    let changed = toss.books.write(|books| books.update(&row.payment_key, change));
    let changed = changed.ok_or_else(|| ControlError::unknown_order(&row.order_id))?;
    toss.tell_of_change(&changed, outbox);
    Ok(book_entry(&changed))
}

/// Does to a payment what its due time is for.
fn let_time_pass(row: &mut Row, now_ms: u64, returns: bool) {
    match row.status {
        Status::Ready | Status::InProgress => {
            row.status = Status::Expired;
            row.failure = Some(Failure { code: "EXPIRED_PAYMENT".to_owned() });
        }
        Status::WaitingForDeposit => {
            // No status change and no webhook: the merchant has to watch the clock.
            if let Some(account) = &mut row.virtual_account {
                account.expired = true;
            }
        }
        _ => end_refunds(row, now_ms, returns),
    }
}

fn not_in(row: &Row, what: &str) -> ControlError {
    ControlError::invalid_state(format!("payment {} is {} and {what}", row.payment_key, row.status.as_str()))
}
