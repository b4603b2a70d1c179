//! Money and accounts beside the charge that pays the order.

use std::time::Duration;

use futures_util::future::join;
use serde_json::{Value, json};

use super::{A_MOMENT, Placed, REFUND_TAKES, decline, is_all_done, issue, open, pay};
use crate::crash::shop::{AMOUNT, Shop};

/// Longer than an account waits, and how long ago its deposit was made by then: in time.
const ACCOUNT_WAITS: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const DEPOSITED_AGO: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn two_tabs(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    let one = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    let other = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    let (one, other) = join(shop.confirm(&id, "one", &one), shop.confirm(&id, "other", &other)).await;
    one?.expect(&[200, 202])?;
    other?.expect(&[200, 202])?;
    shop.wait_until(&id, |payment| payment["status"] == "paid").await?;
    Ok(Placed::paid(order))
}

pub(super) async fn paid_twice(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "card").await?;
    if !shop.confirms() {
        pay(shop, &id, &window, "confirm").await?;
        // A second tab, whose page never comes back.
        shop.buyer(&window, "card", "approve", AMOUNT).await?;
        return Ok(Placed::paid(order));
    }
    let declined = json!({ "code": "REJECT_CARD_COMPANY", "message": "카드사에서 승인을 거절했습니다." });
    shop.faults(json!([
        { "call": "confirm", "fault": "error_after", "status": 403, "body": declined },
        { "call": "webhook", "fault": "drop" },
    ]))
    .await?;
    let result = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    shop.confirm(&id, "declined", &result).await?.expect(&[200, 202, 402])?;
    shop.wait_until(&id, |payment| payment["status"] == "failed" || payment["status"] == "paid").await?;
    if let Some(window) = shop.prepare_unless_paid(&id, "again").await? {
        pay(shop, &id, &window, "confirm").await?;
    }
    // The sweep finds the other, which may take an hour: the audit waits for it.
    Ok(Placed::paid(order))
}

pub(super) async fn account_and_card(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, window) = open(shop, order, "").await?;
    issue(shop, &id, &window).await?;
    let card = shop.buyer(&window, "card", "approve", AMOUNT).await?;
    shop.confirm(&id, "card", &card).await?.expect(&[200, 202])?;
    if shop.confirms() {
        // Nothing is asked for while an account waits: the buyer pays into that.
        shop.wait_until(&id, |payment| payment["status"] == "awaiting_deposit").await?;
        shop.deposit(&window).await?;
        shop.wait_until(&id, |payment| payment["status"] == "paid").await?;
        return Ok(Placed::paid(order));
    }
    // The card took the money: the account gives way and is closed.
    let is_closed =
        |payment: &Value| payment["status"] == "paid" && payment["cancels"][0]["status"] == "done";
    shop.wait_until(&id, is_closed).await?;
    Ok(Placed { closes: 1, ..Placed::paid(order) })
}

pub(super) async fn deposit_after_card(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (id, account) = open(shop, order, "").await?;
    issue(shop, &id, &account).await?;
    shop.later(ACCOUNT_WAITS).await?;
    shop.wait_until(&id, |payment| payment["status"] == "expired").await?;
    let again = shop.register_as(order, "", "티셔츠", "again").await?;
    anyhow::ensure!(again == id, "the same order is another payment: {again}");
    let window = shop.prepare(&id, "again").await?;
    shop.late_deposit(&account, DEPOSITED_AGO).await?;
    pay(shop, &id, &window, "confirm").await?;
    // The account is to be closed now, and the PG refuses. If it was looked up a moment before the card was confirmed, the
    // deposit pays the order.
    let is_seen = |payment: &Value| payment.get("virtual_account").is_some() || is_waiting(payment);
    let payment = shop.wait_until(&id, is_seen).await?;
    if !is_waiting(&payment) {
        return Ok(Placed::paid(order));
    }
    let cancel = &payment["duplicates"][0]["cancels"][0]["id"];
    shop.take_over(&id, cancel).await?.expect(&[200, 202])?;
    let is_on_its_way = |payment: &Value| {
        let status = payment["duplicates"][0]["cancels"][0]["status"].as_str();
        matches!(status, Some("pending" | "done"))
    };
    shop.wait_until(&id, is_on_its_way).await?;
    shop.later(REFUND_TAKES).await?;
    shop.wait_until(&id, |payment| is_all_done(&payment["duplicates"][0]["cancels"])).await?;
    Ok(Placed::paid(order))
}

/// Whether money goes back as soon as somebody names an account.
fn is_waiting(payment: &Value) -> bool {
    payment["duplicates"][0]["cancels"][0]["held"] == true
}

pub(super) async fn registered_anew(shop: &Shop, order: &str) -> anyhow::Result<Placed> {
    let (old, old_window) = open(shop, order, "card").await?;
    decline(shop, &old, &old_window).await?;
    let new = shop.register_as(order, "card", "티셔츠 L", "anew").await?;
    anyhow::ensure!(new != old, "other words are the same payment");
    let window = shop.prepare(&new, "prepare").await?;
    pay(shop, &new, &window, "confirm").await?;
    shop.server.advance(A_MOMENT).await?;
    // The buyer finds the old window: money is not taken, or goes back.
    let result = shop.buyer(&old_window, "card", "approve", AMOUNT).await?;
    shop.confirm(&old, "late", &result).await?.expect(&[200, 202, 409])?;
    Ok(Placed { older: 1, ..Placed::paid(order) })
}
