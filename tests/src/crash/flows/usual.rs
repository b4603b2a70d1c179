//! The usual ways through a payment, and a page that closes or sends false results.

use serde_json::json;

use super::{A_MOMENT, Keeps, Placed, cancel, decline, issue, open, pay};
use crate::crash::shop::{AMOUNT, Shop};

pub(super) async fn prepared(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    open(shop, order, "card").await?;
    Ok(Placed::new(order, &["ready"], Keeps::Exactly(0)))
}

pub(super) async fn card_paid(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    pay(shop, &id, &window, "confirm").await?;
    Ok(Placed::paid(order))
}

pub(super) async fn declined_then_paid(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    decline(shop, &id, &window).await?;
    let window = shop.prepare(&id, "again").await?;
    pay(shop, &id, &window, "confirm").await?;
    Ok(Placed::paid(order))
}

pub(super) async fn part_and_full_cancel(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    pay(shop, &id, &window, "confirm").await?;
    cancel(shop, &id, "part", Some(AMOUNT / 3), false, "partially_cancelled").await?;
    cancel(shop, &id, "rest", None, false, "cancelled").await?;
    Ok(Placed::cancelled(order, 2))
}

pub(super) async fn deposit_and_refund(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "virtual_account").await?;
    issue(shop, &id, &window).await?;
    shop.deposit(&window).await?;
    shop.wait_until(&id, |payment| payment["status"] == "paid").await?;
    cancel(shop, &id, "refund", None, true, "cancelled").await?;
    Ok(Placed::cancelled(order, 1))
}

pub(super) async fn closed_awaiting_deposit(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "virtual_account").await?;
    issue(shop, &id, &window).await?;
    cancel(shop, &id, "close", None, false, "cancelled").await?;
    Ok(Placed::cancelled(order, 1))
}

pub(super) async fn closed_before_paying(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    cancel(shop, &id, "close", None, false, "cancelled").await?;
    shop.server.advance(A_MOMENT).await?;
    // The buyer goes on all the same: money is not taken, or goes back.
    let result = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    shop.confirm(&id, "late", &result).await?.expect(&[409])?;
    Ok(Placed::cancelled(order, 1))
}

pub(super) async fn webhook_only(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    if shop.confirms() {
        // Its answer is lost between the PG and us as well.
        shop.faults(json!([{ "call": "confirm", "fault": "reset_after" }])).await?;
        let result = shop.buyer(&window, "card", "approve", AMOUNT).await?;
        shop.confirm_and_leave(&id, &result).await;
        return Ok(Placed::new(order, &["paid", "ready"], Keeps::NothingOrAll));
    }
    shop.buyer(&window, "card", "approve", AMOUNT).await?;
    // If the webhook is lost, the sweep finds the payment, which may take an hour: the audit waits for it.
    Ok(Placed::paid(order))
}

pub(super) async fn amount_mismatch(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    let result = shop.buyer(&window, "card", "approve", AMOUNT / 10).await?;
    shop.confirm(&id, "tampered", &result).await?.expect(&[202, 409])?;
    shop.wait_until(&id, |payment| payment["status"] == "ready").await?;
    let window = shop.prepare(&id, "again").await?;
    pay(shop, &id, &window, "confirm").await?;
    Ok(Placed::paid(order))
}
