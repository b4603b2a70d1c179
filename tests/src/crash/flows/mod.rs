//! The flows: what a shop and its buyer do, the same on every PG, and how it has to end.

use std::time::Duration;

use serde_json::{Map, Value};

use super::shop::{AMOUNT, Shop};

mod beside;
mod usual;

/// Longer than a PG takes to send a deposit back.
const REFUND_TAKES: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A PG shows times to the second: what came after something else has to be later by more than that.
const A_MOMENT: Duration = Duration::from_secs(2);

/// What a payment has to be in the end, crash or no crash.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The order.
    pub order: String,
    /// Its payment may have one of these statuses.
    pub statuses: &'static [&'static str],
    /// What the shop keeps in the end.
    pub keeps: Keeps,
    /// How many cancels and closes the shop asked for.
    pub cancels: usize,
    /// How many accounts Paymux closes by itself.
    pub closes: usize,
    /// How many older payments the order has, which are over and keep nothing.
    pub older: usize,
}

/// What a shop keeps of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// So much.
    Exactly(u64),
    /// Nothing or all of it: the page left before it was known.
    NothingOrAll,
}

impl Placed {
    /// An order with one payment, of which nobody cancels anything.
    #[must_use]
    pub fn new(order: &str, statuses: &'static [&'static str], keeps: Keeps) -> Self {
        Self { order: order.to_owned(), statuses, keeps, cancels: 0, closes: 0, older: 0 }
    }

    fn paid(order: &str) -> Self {
        Self::new(order, &["paid"], Keeps::Exactly(AMOUNT))
    }

    fn cancelled(order: &str, cancels: usize) -> Self {
        Self { cancels, ..Self::new(order, &["cancelled"], Keeps::Exactly(0)) }
    }
}

/// A flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Registered and prepared; the buyer never comes.
    Prepared,
    /// Paid by card.
    CardPaid,
    /// Declined, then paid in a second attempt.
    DeclinedThenPaid,
    /// Paid, cancelled in part, then the rest.
    PartAndFullCancel,
    /// An account issued, paid into, and refunded.
    DepositAndRefund,
    /// Closed while the window is open; the buyer pays all the same.
    ClosedBeforePaying,
    /// An account issued and closed before the deposit.
    ClosedAwaitingDeposit,
    /// The page never comes back, or leaves before the answer.
    WebhookOnly,
    /// The page asks the window for a tenth of the price; then the buyer pays all of it.
    AmountMismatch,
    /// The buyer agrees in two tabs of one order id, and both come back at once.
    TwoTabs,
    /// The order takes money twice: in a second tab that never comes back or, where we take it, after a decline that was
    /// none. One of the two goes back.
    PaidTwice,
    /// An account is issued in one tab, and the buyer agrees with a card in another.
    AccountAndCard,
    /// An account runs out, the order is registered again and paid by card; then the PG learns of a deposit that was in
    /// time. It goes back to an account that the shop names.
    DepositAfterCard,
    /// Declined, registered again with other terms and paid; then the buyer pays in the old window.
    RegisteredAnew,
}

impl Flow {
    /// All of them, the shortest first.
    pub const ALL: [Self; 14] = [
        Self::Prepared,
        Self::CardPaid,
        Self::WebhookOnly,
        Self::ClosedBeforePaying,
        Self::ClosedAwaitingDeposit,
        Self::DeclinedThenPaid,
        Self::AmountMismatch,
        Self::TwoTabs,
        Self::AccountAndCard,
        Self::RegisteredAnew,
        Self::PaidTwice,
        Self::PartAndFullCancel,
        Self::DepositAndRefund,
        Self::DepositAfterCard,
    ];

    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::CardPaid => "card_paid",
            Self::DeclinedThenPaid => "declined_then_paid",
            Self::PartAndFullCancel => "part_and_full_cancel",
            Self::DepositAndRefund => "deposit_and_refund",
            Self::ClosedBeforePaying => "closed_before_paying",
            Self::ClosedAwaitingDeposit => "closed_awaiting_deposit",
            Self::WebhookOnly => "webhook_only",
            Self::AmountMismatch => "amount_mismatch",
            Self::TwoTabs => "two_tabs",
            Self::PaidTwice => "paid_twice",
            Self::AccountAndCard => "account_and_card",
            Self::DepositAfterCard => "deposit_after_card",
            Self::RegisteredAnew => "registered_anew",
        }
    }

    /// Whether it has to be alone: faults are scripted for the whole PG, and days pass for everybody.
    pub(super) fn is_alone(self, shop: &Shop) -> bool {
        match self {
            Self::WebhookOnly | Self::PaidTwice => shop.confirms(),
            Self::DepositAfterCard => true,
            _ => false,
        }
    }

    /// Goes through it with an order.
    ///
    /// # Errors
    ///
    /// Something was answered that no crash excuses, or never happened.
    pub async fn run(self, shop: &Shop, order: &str) -> anyhow::Result<Placed> {
        match self {
            Self::Prepared => usual::prepared(shop, order).await,
            Self::CardPaid => usual::card_paid(shop, order).await,
            Self::DeclinedThenPaid => usual::declined_then_paid(shop, order).await,
            Self::PartAndFullCancel => usual::part_and_full_cancel(shop, order).await,
            Self::DepositAndRefund => usual::deposit_and_refund(shop, order).await,
            Self::ClosedBeforePaying => usual::closed_before_paying(shop, order).await,
            Self::ClosedAwaitingDeposit => usual::closed_awaiting_deposit(shop, order).await,
            Self::WebhookOnly => usual::webhook_only(shop, order).await,
            Self::AmountMismatch => usual::amount_mismatch(shop, order).await,
            Self::TwoTabs => beside::two_tabs(shop, order).await,
            Self::PaidTwice => beside::paid_twice(shop, order).await,
            Self::AccountAndCard => beside::account_and_card(shop, order).await,
            Self::DepositAfterCard => beside::deposit_after_card(shop, order).await,
            Self::RegisteredAnew => beside::registered_anew(shop, order).await,
        }
    }
}

type Window = Map<String, Value>;

/// Registers an order and prepares its window. `method` is a blank where the buyer chooses.
async fn open(shop: &Shop, order: &str, method: &str) -> anyhow::Result<(String, Window)> {
    let id = shop.register(order, method).await?;
    let window = shop.prepare(&id, "prepare").await?;
    Ok((id, window))
}

/// The buyer agrees with a card, the shop confirms, and the payment is paid.
async fn pay(shop: &Shop, id: &str, window: &Window, key: &str) -> anyhow::Result<()> {
    let result = shop.buyer(window, "card", "approve", AMOUNT).await?;
    shop.confirm(id, key, &result).await?.expect(&[200, 202])?;
    shop.wait_until(id, |payment| payment["status"] == "paid").await.map(|_| ())
}

/// The buyer agrees with an account, the shop confirms, and it is issued.
async fn issue(shop: &Shop, id: &str, window: &Window) -> anyhow::Result<()> {
    let result = shop.buyer(window, "virtual_account", "approve", AMOUNT).await?;
    shop.confirm(id, "account", &result).await?.expect(&[200, 202])?;
    shop.wait_until(id, |payment| payment["status"] == "awaiting_deposit").await.map(|_| ())
}

/// The buyer is declined in the window or at the confirm; the payment is open again.
async fn decline(shop: &Shop, id: &str, window: &Window) -> anyhow::Result<()> {
    let result = shop.buyer(window, "card", "decline", AMOUNT).await?;
    // Money is never spoken of.
    shop.confirm(id, "declined", &result).await?.expect(&[200, 202, 402])?;
    shop.wait_until(id, |payment| payment["status"] == "failed").await.map(|_| ())
}

/// Cancels, and waits until all of it is done.
async fn cancel(
    shop: &Shop,
    id: &str,
    key: &str,
    amount: Option<u64>,
    to_account: bool,
    status: &str,
) -> anyhow::Result<()> {
    shop.cancel(id, key, amount, to_account).await?.expect(&[200, 202])?;
    if to_account {
        shop.wait_until(id, |payment| payment["status"] == status).await?;
        if !shop.later(REFUND_TAKES).await? {
            return Ok(());
        }
    }
    let done = |payment: &Value| is_all_done(&payment["cancels"]);
    shop.wait_until(id, |payment| payment["status"] == status && done(payment)).await.map(|_| ())
}

fn is_all_done(cancels: &Value) -> bool {
    cancels.as_array().is_some_and(|rows| rows.iter().all(|cancel| cancel["status"] == "done"))
}
