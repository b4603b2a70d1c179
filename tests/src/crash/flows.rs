//! The flows: what a shop and its buyer do, the same on every PG, and how it has to end.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::shop::{AMOUNT, Reply, Shop};

/// Longer than a PG takes to send a deposit back.
const REFUND_TAKES: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// What a payment has to be in the end, crash or no crash.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The order.
    pub order: String,
    /// Its payment may have one of these statuses.
    pub statuses: &'static [&'static str],
    /// What the shop keeps in the end.
    pub keeps: Keeps,
    /// How many cancels the shop asked for.
    pub cancels: usize,
}

/// What a shop keeps of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// So much.
    Exactly(u64),
    /// Nothing or all of it: the page left before it was known.
    NothingOrAll,
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
}

impl Flow {
    /// All of them, the shortest first.
    pub const ALL: [Self; 9] = [
        Self::Prepared,
        Self::CardPaid,
        Self::WebhookOnly,
        Self::ClosedBeforePaying,
        Self::ClosedAwaitingDeposit,
        Self::DeclinedThenPaid,
        Self::AmountMismatch,
        Self::PartAndFullCancel,
        Self::DepositAndRefund,
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
        }
    }

    /// Goes through it with an order.
    ///
    /// # Errors
    ///
    /// Something was answered that no crash excuses, or never happened.
    pub async fn run(self, shop: &Shop, order: &str) -> anyhow::Result<Placed> {
        let (statuses, keeps, cancels): (&[&str], _, _) = match self {
            Self::Prepared => {
                open(shop, order, "card").await?;
                (&["ready"], Keeps::Exactly(0), 0)
            }
            Self::CardPaid => {
                paid(shop, order).await?;
                (&["paid"], Keeps::Exactly(AMOUNT), 0)
            }
            Self::DeclinedThenPaid => {
                declined_then_paid(shop, order).await?;
                (&["paid"], Keeps::Exactly(AMOUNT), 0)
            }
            Self::PartAndFullCancel => {
                part_and_full_cancel(shop, order).await?;
                (&["cancelled"], Keeps::Exactly(0), 2)
            }
            Self::DepositAndRefund => {
                deposit_and_refund(shop, order).await?;
                (&["cancelled"], Keeps::Exactly(0), 1)
            }
            Self::ClosedBeforePaying => {
                closed_before_paying(shop, order).await?;
                (&["cancelled"], Keeps::Exactly(0), 1)
            }
            Self::ClosedAwaitingDeposit => {
                let (id, _) = awaiting_deposit(shop, order).await?;
                cancelled(shop, &id, "close", None, false, "cancelled").await?;
                (&["cancelled"], Keeps::Exactly(0), 1)
            }
            Self::WebhookOnly => webhook_only(shop, order).await?,
            Self::AmountMismatch => {
                amount_mismatch(shop, order).await?;
                (&["paid"], Keeps::Exactly(AMOUNT), 0)
            }
        };
        Ok(Placed { order: order.to_owned(), statuses, keeps, cancels })
    }
}

type Window = Map<String, Value>;

async fn open(shop: &Shop, order: &str, method: &str) -> anyhow::Result<(String, Window)> {
    let id = shop.register(order, method).await?;
    let window = shop.prepare(&id, "prepare").await?;
    Ok((id, window))
}

/// The buyer agrees, the shop confirms, and the payment is paid.
async fn pay(shop: &Shop, id: &str, window: &Window, key: &str) -> anyhow::Result<()> {
    let result = shop.buyer(window, "card", "approve", AMOUNT).await?;
    shop.confirm(id, key, &result).await?.expect(&[200, 202])?;
    shop.until(id, |payment| payment["status"] == "paid").await.map(|_| ())
}

async fn paid(shop: &Shop, order: &str) -> anyhow::Result<String> {
    let (id, window) = open(shop, order, "card").await?;
    pay(shop, &id, &window, "confirm").await?;
    Ok(id)
}

async fn declined_then_paid(shop: &Shop, order: &str) -> anyhow::Result<()> {
    let (id, window) = open(shop, order, "card").await?;
    let result = shop.buyer(&window, "card", "decline", AMOUNT).await?;
    let Reply { status, body } = shop.confirm(&id, "declined", &result).await?;
    // A repeat may find the attempt ended by then; money is never spoken of.
    let ended = status == 409 && matches!(body["code"].as_str(), Some("attempt_ended" | "invalid_state"));
    anyhow::ensure!(ended || matches!(status, 200 | 202 | 402), "a decline was answered {status} {body}");
    shop.until(&id, |payment| payment["status"] == "failed" || payment["status"] == "ready").await?;
    let window = shop.prepare(&id, "again").await?;
    pay(shop, &id, &window, "confirm").await
}

async fn part_and_full_cancel(shop: &Shop, order: &str) -> anyhow::Result<()> {
    let id = paid(shop, order).await?;
    cancelled(shop, &id, "part", Some(AMOUNT / 3), false, "partially_cancelled").await?;
    cancelled(shop, &id, "rest", None, false, "cancelled").await
}

async fn awaiting_deposit(shop: &Shop, order: &str) -> anyhow::Result<(String, Window)> {
    let (id, window) = open(shop, order, "virtual_account").await?;
    let result = shop.buyer(&window, "virtual_account", "approve", AMOUNT).await?;
    shop.confirm(&id, "confirm", &result).await?.expect(&[200, 202])?;
    shop.until(&id, |payment| payment["status"] == "awaiting_deposit").await?;
    Ok((id, window))
}

async fn deposit_and_refund(shop: &Shop, order: &str) -> anyhow::Result<()> {
    let (id, window) = awaiting_deposit(shop, order).await?;
    shop.deposit(&window).await?;
    shop.until(&id, |payment| payment["status"] == "paid").await?;
    cancelled(shop, &id, "refund", None, true, "cancelled").await
}

async fn cancelled(
    shop: &Shop,
    id: &str,
    key: &str,
    amount: Option<u64>,
    to_account: bool,
    status: &str,
) -> anyhow::Result<()> {
    shop.cancel(id, key, amount, to_account).await?.expect(&[200, 202])?;
    if to_account {
        shop.until(id, |payment| payment["status"] == status).await?;
        if !shop.later(REFUND_TAKES).await? {
            return Ok(());
        }
    }
    let done = |payment: &Value| {
        let rows = payment["cancels"].as_array();
        rows.is_some_and(|rows| rows.iter().all(|cancel| cancel["status"] == "done"))
    };
    shop.until(id, |payment| payment["status"] == status && done(payment)).await.map(|_| ())
}

async fn closed_before_paying(shop: &Shop, order: &str) -> anyhow::Result<()> {
    let (id, window) = open(shop, order, "card").await?;
    cancelled(shop, &id, "close", None, false, "cancelled").await?;
    // The buyer goes on all the same: money is not taken, or goes back.
    let result = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    let Reply { status, body } = shop.confirm(&id, "late", &result).await?;
    // Until it has gone back, money that a webhook told of first is shown for what it is.
    let going_back = status == 200 && body["late"] == true && body["cancellable_amount"] == 0;
    anyhow::ensure!(going_back || status == 409, "a closed payment was answered {status} {body}");
    Ok(())
}

async fn webhook_only(shop: &Shop, order: &str) -> anyhow::Result<(&'static [&'static str], Keeps, usize)> {
    let (id, window) = open(shop, order, "card").await?;
    if shop.confirms() {
        // Its answer is lost between the PG and us as well.
        shop.faults(json!([{ "call": "confirm", "fault": "reset_after" }])).await?;
        let result = shop.buyer(&window, "card", "approve", AMOUNT).await?;
        shop.confirm_and_leave(&id, &result).await;
        return Ok((&["paid", "ready"], Keeps::NothingOrAll, 0));
    }
    shop.buyer(&window, "card", "approve", AMOUNT).await?;
    // If the webhook is lost, the sweep finds the payment, which may take an hour: the audit waits for it.
    Ok((&["paid"], Keeps::Exactly(AMOUNT), 0))
}

async fn amount_mismatch(shop: &Shop, order: &str) -> anyhow::Result<()> {
    let (id, window) = open(shop, order, "card").await?;
    let result = shop.buyer(&window, "card", "approve", AMOUNT / 10).await?;
    let Reply { status, body } = shop.confirm(&id, "tampered", &result).await?;
    anyhow::ensure!(matches!(status, 202 | 409), "another amount was answered {status} {body}");
    shop.until(&id, |payment| payment["status"] == "ready").await?;
    let window = shop.prepare(&id, "again").await?;
    pay(shop, &id, &window, "confirm").await
}
