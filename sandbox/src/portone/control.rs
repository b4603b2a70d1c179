//! The control API's buyer, bank and console operator at PortOne V1.

use serde_json::{Value, json};
use url::Url;

use super::cancel;
use super::ledger::{Ledger, View};
use super::listed::Listed;
use super::payment::{Payment, Status};
use super::request_pay;
use super::state::PortoneSimulator;
use super::webhook::Notice;
use super::window::{self, BrowserResult, DepositRefused, Moment};
use crate::random::{DIGITS, MIXED, random_text};
use crate::{
    ActionOptions, ControlError, ControlErrorCode, IssueKey, IssuedKey, OrderAction, Outbox, PayAnswer,
    PayRequest,
};

/// The buyer goes through the window.
pub(super) fn visit_window(
    simulator: &PortoneSimulator,
    request: &PayRequest,
    options: &ActionOptions,
    outbox: &mut Outbox,
) -> Result<PayAnswer, ControlError> {
    simulator.check_merchant(request.client_key.as_deref())?;
    let moment = moment(simulator, options)?;
    let (result, notice) = simulator.books.write(|ledger| {
        let window = request_pay::window_request(request, options, ledger)?;
        let buyer = request_pay::buyer(request, options, window.order.amount)?;
        let result = window::visit(ledger, window, buyer, &simulator.config, moment);
        let notice = notice_of_visit(ledger, &result);
        Ok((result, notice))
    })?;
    simulator.send(notice, outbox);
    Ok(PayAnswer {
        redirect_url: redirect_url(request.sdk_text("m_redirect_url"), &result)?,
        browser_result: result.into_map(),
    })
}

fn moment(simulator: &PortoneSimulator, options: &ActionOptions) -> Result<Moment, ControlError> {
    Ok(Moment { at: options.at_ms(simulator.clock.now_ms())? / 1_000, now: simulator.now() })
}

/// A payment or an issued account sends a webhook, an interactive failure does not.
fn notice_of_visit(ledger: &Ledger, result: &BrowserResult) -> Option<Notice> {
    let payment = ledger.payment(result.imp_uid.as_deref()?, View::Now)?;
    (payment.status == Status::Paid || payment.awaits_deposit()).then(|| Notice::of(payment))
}

/// The buyer's money arrives at the account.
pub(super) fn receive_deposit(
    simulator: &PortoneSimulator,
    action: &OrderAction,
    options: &ActionOptions,
    outbox: &mut Outbox,
) -> Result<Value, ControlError> {
    let moment = moment(simulator, options)?;
    let (row, notice) = simulator.books.write(|ledger| {
        let imp_uid = chosen(ledger, action, Payment::awaits_deposit)?;
        window::deposit(ledger, &imp_uid, action.amount, moment).map_err(deposit_error)?;
        shown(ledger, &imp_uid, Notice::of)
    })?;
    simulator.send(Some(notice), outbox);
    Ok(row)
}

/// Refused: PortOne V1 documents no reversal of a deposit.
pub(super) fn refuse_reversal(
    simulator: &PortoneSimulator,
    action: &OrderAction,
) -> Result<Value, ControlError> {
    simulator.books.read(|ledger| chosen(ledger, action, Payment::is_vbank))?;
    let message = "PortOne V1 documents no reversal of a deposit";
    Err(ControlError::new(ControlErrorCode::Unsupported, message))
}

/// The merchant cancels in PortOne's console, which always sends a webhook.
pub(super) fn cancel_in_console(
    simulator: &PortoneSimulator,
    action: &OrderAction,
    outbox: &mut Outbox,
) -> Result<Value, ControlError> {
    let now = simulator.now();
    let (row, notice) = simulator.books.write(|ledger| {
        let imp_uid = chosen(ledger, action, |row| row.status == Status::Paid)?;
        let reason = action.reason.clone();
        let done = cancel::cancel_in_console(ledger, &imp_uid, action.amount, reason, now)
            .map_err(|refusal| ControlError::invalid_state(refusal.message))?;
        shown(ledger, &imp_uid, |row| Notice::cancelled(row, done.cancellation_id))
    })?;
    simulator.send(Some(notice), outbox);
    Ok(row)
}

/// Issues a key and its secret, or another secret for a key.
pub(super) fn issue_api_key(
    simulator: &PortoneSimulator,
    request: &IssueKey,
) -> Result<IssuedKey, ControlError> {
    simulator.check_merchant(request.client_key.as_deref())?;
    let imp_key = request.key.clone().unwrap_or_else(|| random_text(DIGITS, 16));
    let imp_secret = request.secret.clone().unwrap_or_else(|| random_text(MIXED, 80));
    simulator.keys.issue(imp_key.clone(), imp_secret.clone())?;
    Ok(IssuedKey { key: imp_key, secret: Some(imp_secret) })
}

/// A row of the books as every PG's control API shows it, with V1's own fields.
pub(super) fn row(listed: Listed<'_>) -> Value {
    let payment = listed.payment;
    let mut row = json!(payment);
    row["foreign"] = json!(listed.foreign.is_some());
    row["order_id"] = json!(payment.merchant_uid);
    row["pg_id"] = json!(payment.imp_uid);
    row["taken"] = json!(if payment.paid_at > 0 { payment.amount } else { 0 });
    row["given_back"] = json!(payment.cancel_amount);
    row
}

fn shown(
    ledger: &Ledger,
    imp_uid: &str,
    notice: impl FnOnce(&Payment) -> Notice,
) -> Result<(Value, Notice), ControlError> {
    let listed = ledger.row(imp_uid, View::Now).ok_or_else(|| ControlError::unknown_order(imp_uid))?;
    Ok((row(listed), notice(listed.payment)))
}

/// The row an action means: the named one, else the newest it makes sense for,
/// else the newest, which will then be refused for its state.
fn chosen(
    ledger: &Ledger,
    action: &OrderAction,
    makes_sense: impl Fn(&Payment) -> bool,
) -> Result<String, ControlError> {
    let rows = ledger.attempts(&action.order_id, View::Now);
    let newest_first =
        || rows.iter().rev().filter(|row| action.pg_id.as_ref().is_none_or(|id| row.imp_uid == *id));
    newest_first()
        .find(|row| makes_sense(row))
        .or_else(|| newest_first().next())
        .map(|row| row.imp_uid.clone())
        .ok_or_else(|| ControlError::unknown_order(&action.order_id))
}

fn deposit_error(refused: DepositRefused) -> ControlError {
    match refused {
        DepositRefused::NotWaiting => ControlError::invalid_state("no virtual account waits for a deposit"),
        DepositRefused::TooLate => ControlError::invalid_state("the virtual account's deadline has passed"),
        DepositRefused::TooEarly => {
            let message = "at_s: before the virtual account was issued";
            ControlError::new(ControlErrorCode::InvalidRequest, message)
        }
        DepositRefused::OtherAmount => {
            ControlError::new(ControlErrorCode::WrongAmount, "a virtual account takes exactly its amount")
        }
    }
}

/// Where a redirect flow sends the browser, if the page named a place.
fn redirect_url(
    m_redirect_url: Option<&str>,
    result: &BrowserResult,
) -> Result<Option<String>, ControlError> {
    let Some(text) = m_redirect_url else { return Ok(None) };
    let mut url = Url::parse(text).map_err(|error| {
        ControlError::new(ControlErrorCode::InvalidRequest, format!("m_redirect_url: {error}"))
    })?;
    for (name, value) in result.pairs() {
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(Some(url.into()))
}
