//! The payment window: what the buyer does, and what the page gets back.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::config::{ClosedWindow, PortoneConfig};
use super::ledger::{Ledger, View};
use super::payment::{Channel, MAX_MERCHANT_UID_CHARS, Opening, Payment, Promotion};

/// What the page passes to `IMP.request_pay`.
#[derive(Clone, Debug)]
pub(super) struct WindowRequest {
    pub(super) order: Opening,
    /// As if the page's script had been tampered with so that the amount it
    /// asks for is never compared with the registered one.
    pub(super) bypass_prepare: bool,
    /// Opened before the order was paid, and left only now.
    pub(super) already_open: bool,
    /// When a virtual account stops taking money; UNIX seconds.
    pub(super) vbank_due: Option<u64>,
}

/// When something happened and when PortOne learned of it, in UNIX seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: u64,
    pub(super) now: u64,
}

/// What the buyer does in the open window.
#[derive(Clone, Debug)]
pub(super) enum Buyer {
    Approves {
        promotion: Option<Promotion>,
        /// The card company whose own page was opened.
        card_code: Option<String>,
    },
    /// The PG or the card company declines, with its own code and text.
    IsDeclined { code: Option<String>, text: Option<String> },
    /// `text`: the PG marks the payment as failed, with this.
    Closes { text: Option<String> },
}

/// What the page gets: the four fields every version of the script gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrowserResult {
    /// Null when the window did not even open.
    pub(super) imp_uid: Option<String>,
    pub(super) merchant_uid: String,
    pub(super) error_code: Option<Cow<'static, str>>,
    pub(super) error_msg: Option<Cow<'static, str>>,
}

impl BrowserResult {
    fn success(imp_uid: String, merchant_uid: String) -> Self {
        Self { imp_uid: Some(imp_uid), merchant_uid, error_code: None, error_msg: None }
    }

    fn failure(
        imp_uid: Option<String>,
        merchant_uid: String,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { imp_uid, merchant_uid, error_code: Some(code.into()), error_msg: Some(message.into()) }
    }
}

impl BrowserResult {
    /// As the callback's `rsp`, where a window that did not open has a null `imp_uid`.
    pub(super) fn into_map(self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("imp_uid".to_owned(), self.imp_uid.clone().into());
        map.extend(
            self.pairs()
                .filter(|(name, _)| *name != "imp_uid")
                .map(|(name, value)| (name.to_owned(), value.into())),
        );
        map
    }

    /// As the query of a redirect, which carries no nulls.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("imp_uid", self.imp_uid.as_deref()),
            ("merchant_uid", Some(self.merchant_uid.as_str())),
            ("error_code", self.error_code.as_deref()),
            ("error_msg", self.error_msg.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Why the window does not open. Only F1002 and its text are quoted by sources;
/// the other codes are the simulator's own.
fn refusal_to_open(
    books: &Ledger,
    request: &WindowRequest,
    permissive: bool,
) -> Option<(&'static str, &'static str)> {
    let order = &request.order;
    let registered = books.registrations.get(&order.merchant_uid);
    let mismatch = registered.is_some_and(|registered| !registered.allows(order.amount, &order.currency));
    if order.merchant_uid.is_empty() || order.merchant_uid.chars().count() > MAX_MERCHANT_UID_CHARS {
        return Some(("F1000", "merchant_uid는 1자 이상 40자 이하여야 합니다."));
    }
    if books.is_paid(&order.merchant_uid) && !permissive && !request.already_open {
        return Some(("F1002", "이미 결제가 이루어진 거래건입니다."));
    }
    if mismatch && !request.bypass_prepare {
        return Some(("F1003", "사전 등록된 결제금액과 결제요청 금액이 일치하지 않습니다."));
    }
    None
}

/// A buyer goes through the window once; at most one row comes of it.
pub(super) fn visit(
    ledger: &mut Ledger,
    request: WindowRequest,
    buyer: Buyer,
    config: &PortoneConfig,
    moment: Moment,
) -> BrowserResult {
    let vbank_due = request.vbank_due;
    match open_window(ledger, request, config, moment.at) {
        Ok(imp_uid) => finish(ledger, imp_uid, buyer, vbank_due, config, moment),
        Err(refused) => refused,
    }
}

/// A window opens, or the script refuses before it does. Several may be open for one order.
fn open_window(
    ledger: &mut Ledger,
    request: WindowRequest,
    config: &PortoneConfig,
    at: u64,
) -> Result<String, BrowserResult> {
    match refusal_to_open(ledger, &request, config.permissive) {
        None => Ok(ledger.open(request.order, Channel::of(config), at)),
        Some((code, message)) => Err(BrowserResult::failure(None, request.order.merchant_uid, code, message)),
    }
}

/// The buyer leaves an open window.
fn finish(
    ledger: &mut Ledger,
    imp_uid: String,
    buyer: Buyer,
    vbank_due: Option<u64>,
    config: &PortoneConfig,
    Moment { at, now }: Moment,
) -> BrowserResult {
    let leave = |row: &mut Payment| (leave(row, buyer, vbank_due, config, at), row.merchant_uid.clone());
    let outcome = ledger.change(&imp_uid, now, leave);
    let (failure, merchant_uid) = outcome.expect("the window that is left was opened");
    match failure {
        None => BrowserResult::success(imp_uid, merchant_uid),
        Some((code, message)) => BrowserResult::failure(Some(imp_uid), merchant_uid, code, message),
    }
}

/// Money arrives at a virtual account.
pub(super) fn deposit(
    ledger: &mut Ledger,
    imp_uid: &str,
    amount: Option<u64>,
    Moment { at, now }: Moment,
) -> Result<(), DepositRefused> {
    let row = ledger.payment(imp_uid, View::Now).ok_or(DepositRefused::NotWaiting)?;
    if !row.awaits_deposit() {
        return Err(DepositRefused::NotWaiting);
    }
    // The time of the transfer counts: PortOne may learn after the date of one that was in time.
    if at > row.vbank_date {
        return Err(DepositRefused::TooLate);
    }
    if at < row.vbank_issued_at {
        return Err(DepositRefused::TooEarly);
    }
    if amount.is_some_and(|amount| amount != row.amount) {
        return Err(DepositRefused::OtherAmount);
    }
    ledger.change(imp_uid, now, |row| row.take_money(at));
    Ok(())
}

/// What the buyer leaves behind in the row, and how the page learns of a failure.
fn leave(
    row: &mut Payment,
    buyer: Buyer,
    vbank_due: Option<u64>,
    config: &PortoneConfig,
    now: u64,
) -> Option<(Cow<'static, str>, Cow<'static, str>)> {
    let (code, message): (Cow<'static, str>, Cow<'static, str>) = match buyer {
        Buyer::Approves { promotion, card_code } if row.amount >= config.minimum_amount => {
            if row.is_vbank() {
                let hours = config.vbank_hours.saturating_mul(3_600);
                row.issue_account(now, vbank_due.unwrap_or(now.saturating_add(hours)));
            } else {
                row.promotion = promotion;
                row.card_code = card_code;
                row.take_money(now);
            }
            return None;
        }
        Buyer::Approves { .. } => {
            ("F0100".into(), "결제 최소금액보다 작은 금액은 결제할 수 없습니다.".into())
        }
        Buyer::IsDeclined { code, text } => {
            let text = text.map_or("카드사에서 결제를 거절하였습니다.".into(), Cow::Owned);
            (code.map_or("F0400".into(), Cow::Owned), text)
        }
        Buyer::Closes { text } => {
            let marks = text.is_some() || config.closed_window == ClosedWindow::Failed;
            let message = text.map_or("사용자가 결제를 취소함".into(), Cow::Owned);
            if marks {
                row.fail(now, &message);
            }
            return Some(("F0005".into(), message));
        }
    };
    row.fail(now, &message);
    Some((code, message))
}

/// Why the bank does not take a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DepositRefused {
    /// There is no such account, or it has its money already.
    NotWaiting,
    /// After `vbank_date`. The row itself stays `ready`.
    TooLate,
    /// Before the account was issued.
    TooEarly,
    /// An account takes exactly its amount.
    OtherAmount,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActionOptions, PayOutcome, PayRequest};

    #[test]
    fn two_windows_open_at_once_can_both_take_money() {
        let (mut books, config) = (Ledger::default(), PortoneConfig::default());
        let request = PayRequest::new("order-1", PayOutcome::Approve, 1_000);
        let window =
            super::super::request_pay::window_request(&request, &ActionOptions::default(), &books).unwrap();
        let first = open_window(&mut books, window.clone(), &config, 1).unwrap();
        let second = open_window(&mut books, window.clone(), &config, 2).unwrap();
        let approves = Buyer::Approves { promotion: None, card_code: None };
        for imp_uid in [first, second] {
            let result = finish(
                &mut books,
                imp_uid.clone(),
                approves.clone(),
                None,
                &config,
                Moment { at: 3, now: 3 },
            );
            assert_eq!(result, BrowserResult::success(imp_uid, "order-1".to_owned()));
        }
        assert_eq!(books.payments(View::Now).filter(|row| row.paid_at > 0).count(), 2);
        let third = open_window(&mut books, window, &config, 4).unwrap_err();
        assert_eq!(third.error_code.as_deref(), Some("F1002"));
    }
}
