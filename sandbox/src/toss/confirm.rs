//! `POST /v1/payments/confirm` and its older form `POST /v1/payments/{paymentKey}`: the money moves, or the virtual
//! account is issued.

use serde_json::Value;

use super::{
    books::TossBooks,
    call::Call,
    errors::{
        self, ALREADY_PROCESSED_PAYMENT, BELOW_MINIMUM_AMOUNT, DUPLICATED_ORDER_ID,
        EXCEEDS_TRANSFER_AMOUNT_MAXIMUM, INVALID_REQUEST, NOT_FOUND_PAYMENT_SESSION, Refusal,
    },
    fields::Fields,
    ids,
    row::{Method, Row, Status, VirtualAccount},
};
use crate::Outbox;

const MAX_TRANSFER: u64 = 10_000_000;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How long a deposit is waited for unless the page says otherwise: seven days.
const DEFAULT_VALID_HOURS: u64 = 168;

/// The body.
#[derive(Debug)]
struct Confirm {
    payment_key: String,
    order_id: String,
    amount: u64,
}

/// What became of a confirm that was not refused out of hand.
enum Outcome {
    Approved(Row),
    /// Refused; with the payment if the refusal ended it.
    Declined(Refusal, Option<Row>),
}

pub(super) fn confirm(
    call: &Call<'_>,
    key_in_path: Option<&str>,
    outbox: &mut Outbox,
) -> Result<Value, Refusal> {
    let body = read_confirm(call, key_in_path)?;
    let outcome = call.toss.books.write(|books| decide(call, books, &body))?;
    match outcome {
        Outcome::Approved(row) => {
            call.toss.tell_of_change(&row, outbox);
            Ok(call.show(&row, true))
        }
        Outcome::Declined(refusal, row) => {
            if let Some(row) = row {
                call.toss.tell_of_change(&row, outbox);
            }
            Err(refusal)
        }
    }
}

fn read_confirm(call: &Call<'_>, key_in_path: Option<&str>) -> Result<Confirm, Refusal> {
    let mut fields = Fields::of(call.request)?;
    let payment_key = match key_in_path {
        Some(key) => key.to_owned(),
        None => fields.required_text("paymentKey", 200)?,
    };
    let order_id = fields.required_text("orderId", 64)?;
    let amount = fields.required_amount("amount")?;
    fields.finish()?;
    Ok(Confirm { payment_key, order_id, amount })
}

fn decide(call: &Call<'_>, books: &mut TossBooks, body: &Confirm) -> Result<Outcome, Refusal> {
    let row = confirmable(call, books, body)?;
    if let Some(refusal) = decline(&row) {
        let ends = refusal.error.ends_payment();
        let ended = books.update(&row.payment_key, |row| {
            row.planned_decline = None;
            if ends {
                row.abort(refusal.error);
            }
        });
        return Ok(Outcome::Declined(refusal, ended.filter(|_| ends)));
    }
    let now_ms = call.toss.clock.now_ms();
    let approved = books.update(&row.payment_key, |row| approve(row, now_ms));
    approved.map(Outcome::Approved).ok_or(NOT_FOUND_PAYMENT_SESSION.refuse())
}

/// The payment, if this is the confirm it waits for.
fn confirmable(call: &Call<'_>, books: &TossBooks, body: &Confirm) -> Result<Row, Refusal> {
    let row = books.find(&body.payment_key).filter(|row| call.owns(row));
    let row = row.ok_or(NOT_FOUND_PAYMENT_SESSION.refuse())?;
    match row.status {
        Status::InProgress => {}
        // The window was never completed; a failed one has its own failure.
        Status::Ready if row.planned_decline.is_some() => {}
        Status::Ready | Status::Expired => return Err(NOT_FOUND_PAYMENT_SESSION.refuse()),
        _ if call.toss.config.permissive && row.status != Status::Aborted => {}
        _ => return Err(ALREADY_PROCESSED_PAYMENT.refuse()),
    }
    if row.order_id != body.order_id {
        return Err(configured(&call.toss.config.wrong_order_code));
    }
    if row.total != body.amount {
        return Err(configured(&call.toss.config.wrong_amount_code));
    }
    let is_other =
        |other: &Row| other.payment_key != row.payment_key && call.owns(other) && other.was_approved();
    if !call.toss.config.permissive && books.of_order(&row.order_id).any(is_other) {
        return Err(DUPLICATED_ORDER_ID.refuse());
    }
    Ok(row.clone())
}

/// Why the money does not move, if it does not.
fn decline(row: &Row) -> Option<Refusal> {
    if let Some(code) = &row.planned_decline {
        return Some(configured(code));
    }
    let method = row.method.unwrap_or(Method::Card);
    if row.total < method.minimum() {
        return Some(BELOW_MINIMUM_AMOUNT.refuse());
    }
    (method == Method::Transfer && row.total > MAX_TRANSFER).then(|| EXCEEDS_TRANSFER_AMOUNT_MAXIMUM.refuse())
}

fn configured(code: &str) -> Refusal {
    errors::find(code).unwrap_or(&INVALID_REQUEST).refuse()
}

fn approve(row: &mut Row, now_ms: u64) {
    if row.method == Some(Method::VirtualAccount) {
        row.status = Status::WaitingForDeposit;
        row.virtual_account = Some(issue_account(row, now_ms));
        // No money has come: the row of a freshly issued account shows an amount of 0.
        row.record(ids::transaction_key(), 0, now_ms);
    } else {
        row.status = Status::Done;
        row.approved_at_ms = Some(now_ms);
        row.taken = row.taken.saturating_add(row.total);
        row.record(ids::transaction_key(), row.total, now_ms);
    }
}

fn issue_account(row: &Row, now_ms: u64) -> VirtualAccount {
    let hours = row.ask.valid_hours.unwrap_or(DEFAULT_VALID_HOURS);
    let by_hours = now_ms.saturating_add(hours.saturating_mul(HOUR_MS));
    VirtualAccount {
        number: ids::account_number(),
        bank_code: row.ask.bank.clone().unwrap_or_else(|| "20".to_owned()),
        customer_name: row.ask.customer_name.clone().unwrap_or_else(|| "김하늘".to_owned()),
        depositor_name: None,
        due_at_ms: row.ask.due_at_ms.unwrap_or(by_hours),
        expired: false,
        secret: ids::deposit_secret(),
        refund_account: None,
    }
}
