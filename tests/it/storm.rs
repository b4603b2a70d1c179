//! Much of the same at once: it costs the PG little, and does nothing twice.

#![expect(clippy::unwrap_used, reason = "a storm that cannot be made is a failed test")]

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop, eventually};

/// How many are on their way at once.
pub(super) const AT_ONCE: usize = 64;

/// How many are sent one after the other, each worked on before the next.
const IN_A_ROW: u32 = 40;

/// How long a hint that proves nothing waits after the last look-up of its payment.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

/// In memory: what is counted here is not the disk's. Every answer is waited for, however busy the machine.
pub(super) const IN_MEMORY: [(&str, &str); 2] =
    [("DATABASE__URL", "sqlite::memory:"), ("SERVER__CONFIRM_WAIT", "15s")];

/// The look-ups of both PGs.
const LOOKS: [&str; 6] = ["get", "get_by_order", "get_many", "find", "find_all", "list"];

/// A webhook in the PG's words.
pub(super) fn hint(shop: &Shop, order_id: &str, pg_id: &str) -> Value {
    if shop.account == "toss" {
        let data = json!({ "paymentKey": pg_id, "orderId": order_id, "status": "DONE" });
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-01T00:00:00.000000", "data": data })
    } else {
        json!({ "imp_uid": pg_id, "merchant_uid": order_id, "status": "paid" })
    }
}

pub(super) fn pg_order(id: &str) -> String {
    format!("{}01", id.replace("pay_", "pay"))
}

pub(super) fn made_up(shop: &Shop, n: u32) -> String {
    if shop.account == "toss" { format!("tpaymuxmadeup{n:012}") } else { format!("imp_{n:012}") }
}

/// How often the PG was asked about something.
async fn looks_at(shop: &Shop, names: &[&str]) -> usize {
    let is_look = |call: &&Value| call["call"].as_str().is_some_and(|name| LOOKS.contains(&name));
    let names_it = |call: &&Value| {
        let path = call["path"].as_str().unwrap_or_default();
        names.iter().any(|name| path.contains(name))
    };
    shop.simulator("calls").await.iter().filter(is_look).filter(names_it).count()
}

/// Sends a hint of an unknown payment: once that is looked up, everything sent before was worked on.
async fn all_read(shop: &Shop, n: u32) {
    let id = shop.register(&format!("marker-{n}")).await;
    shop.next_action(&id).await.expect(200, "ready");
    let (order, pg_id) = (pg_order(&id), made_up(shop, n));
    let token = format!("demo-webhook-token-{}", shop.account);
    let marker = hint(shop, &order, &pg_id);
    eventually(async || match shop.deliver(&token, &marker).await {
        200 => Ok(()),
        status => Err(status.to_string()),
    })
    .await;
    eventually(async || match looks_at(shop, &[&order, &pg_id]).await {
        0 => Err(format!("nobody has looked for {order} yet")),
        _ => Ok(()),
    })
    .await;
}

/// A paid payment that nobody has a reason to look at any more, and what a webhook about it says.
struct Hinted {
    shop: Shop,
    id: String,
    order: String,
    pg_id: String,
    before: usize,
}

impl Hinted {
    async fn new(account: &str) -> Self {
        let shop = Shop::open_with(account, "card", &IN_MEMORY).await;
        let id = shop.paid("order-1").await;
        let books = shop.simulator("payments").await;
        let text = |name: &str| books[0][name].as_str().unwrap().to_owned();
        let (order, pg_id) = (text("order_id"), text("pg_id"));
        // What the payment itself gave rise to is over, webhooks and the last look at it included.
        for n in 0..4 {
            shop.advance(Duration::from_secs(60)).await;
            all_read(&shop, n).await;
        }
        let before = looks_at(&shop, &[&order, &pg_id]).await;
        Self { shop, id, order, pg_id, before }
    }

    async fn deliver(&self) -> u16 {
        let hint = hint(&self.shop, &self.order, &self.pg_id);
        self.shop.deliver(&format!("demo-webhook-token-{}", self.shop.account), &hint).await
    }

    /// Waits until all of it is over, and counts the look-ups: the first, one for what came after it, one more when no
    /// answer can be old. A storm that lasts is looked into again every ten seconds, and once more each minute.
    async fn comes_to_a_handful_of_looks(self, lasted: Duration) {
        for n in 1_000..1_016 {
            self.shop.advance(BETWEEN_LOOKS).await;
            all_read(&self.shop, n).await;
        }
        let looks = looks_at(&self.shop, &[&self.order, &self.pg_id]).await - self.before;
        println!("{}: {looks} looks in {lasted:?}", self.shop.account);
        assert!(looks > 0, "a hint is never dropped");
        let seconds = usize::try_from(lasted.as_secs()).unwrap();
        let most = 3 + seconds / usize::try_from(BETWEEN_LOOKS.as_secs()).unwrap() + seconds / 60;
        assert!(looks <= most, "{looks} looks in {lasted:?}, at most {most}");
        assert_eq!(self.shop.payment(&self.id).await["status"], "paid");
        let events = self.shop.events_of(&self.id).await;
        assert_eq!(events.iter().filter(|name| *name == "payment.paid").count(), 1);
        self.shop.close().await;
    }
}

/// The same webhook again and again, as fast as it can be sent.
async fn sent_at_once(account: &str, times: usize) {
    let hinted = Hinted::new(account).await;
    let began = Instant::now();
    let deliveries = stream::iter(0..times).map(|_| hinted.deliver()).buffer_unordered(AT_ONCE);
    let statuses: Vec<_> = deliveries.collect().await;
    // A full inbox asks to come again later, which a real PG does.
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    all_read(&hinted.shop, 100).await;
    let lasted = began.elapsed();
    hinted.comes_to_a_handful_of_looks(lasted).await;
}

/// The same webhook again and again, each only when the last one was worked on.
async fn sent_in_a_row(account: &str) {
    let hinted = Hinted::new(account).await;
    let began = Instant::now();
    for n in 100..100 + IN_A_ROW {
        assert_eq!(hinted.deliver().await, 200);
        all_read(&hinted.shop, n).await;
    }
    let lasted = began.elapsed();
    hinted.comes_to_a_handful_of_looks(lasted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_hints_at_once_are_a_handful_of_looks_at_toss() {
    sent_at_once("toss", 10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hints_at_once_are_a_handful_of_looks_at_portone() {
    sent_at_once("portone", 1_000).await;
}

#[tokio::test]
async fn hints_in_a_row_are_a_handful_of_looks_at_toss() {
    sent_in_a_row("toss").await;
}

#[tokio::test]
async fn hints_in_a_row_are_a_handful_of_looks_at_portone() {
    sent_in_a_row("portone").await;
}

/// Fifty clerks cancel a fifteenth each, all at once, and retry as the API says.
async fn fifty_cancels_at_once(shop: Shop) {
    const PART: u64 = 1_000;
    let id = shop.paid("order-1").await;
    let clerk = async |n: u32| {
        let key = format!("clerk-{n}");
        eventually(async || {
            let reply = shop.cancel(&id, &key, Some(PART)).await;
            let again = reply.status == 202 || reply["retry"] == "same_key";
            if again { Err(format!("{} {:#}", reply.status, reply.body)) } else { Ok(reply) }
        })
        .await
    };
    let replies = futures_util::future::join_all((0..50).map(clerk)).await;
    let done = replies.iter().filter(|reply| reply.status == 200).count();
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert!(matches!(reply.status, 409 | 422), "{} {:#}", reply.status, reply.body);
    }
    assert_eq!(u64::try_from(done).unwrap() * PART, AMOUNT, "each part that was left went to one clerk");
    let payment = shop.payment(&id).await;
    assert_eq!((&payment["status"], &payment["amount_cancelled"]), (&json!("cancelled"), &json!(AMOUNT)));
    let given_back: Vec<_> =
        shop.simulator("payments").await.iter().map(|row| row["given_back"].clone()).collect();
    assert_eq!(given_back, [AMOUNT]);
    shop.close().await;
}

#[tokio::test]
async fn fifty_part_cancels_at_once_give_back_what_was_paid_at_toss() {
    fifty_cancels_at_once(Shop::open_with("toss", "card", &IN_MEMORY).await).await;
}

#[tokio::test]
async fn fifty_part_cancels_return_what_was_paid_at_portone() {
    fifty_cancels_at_once(Shop::open_with("portone", "card", &IN_MEMORY).await).await;
}

#[tokio::test]
async fn fifty_part_cancels_return_no_more_at_unguarded_toss() {
    fifty_cancels_at_once(Shop::open_permissive_with("toss", "card", &IN_MEMORY).await).await;
}

#[tokio::test]
async fn fifty_part_cancels_return_no_more_at_unguarded_portone() {
    fifty_cancels_at_once(Shop::open_permissive_with("portone", "card", &IN_MEMORY).await).await;
}

/// Two hundred pages bring the same result: the confirm is sent once, and every answer is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_confirms_at_once_ask_for_the_money_once() {
    let shop = Shop::open_permissive_with("toss", "card", &IN_MEMORY).await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let page = async |_| {
        eventually(async || {
            let reply = shop.confirm(&id, &result).await;
            let again = reply.status == 202 || reply["retry"] == "same_key";
            if again { Err(format!("{} {:#}", reply.status, reply.body)) } else { Ok(reply) }
        })
        .await
        .expect(200, "paid");
    };
    futures_util::future::join_all((0..200).map(page)).await;
    assert_eq!(shop.calls("confirm").await.len(), 1);
    shop.close().await;
}

/// Whoever knows the webhook address and one order of their own sends webhooks of ten thousand payments that do not exist: more than an
/// inbox holds. The PG sends one webhook of another buyer who has paid and whose page is lost. Turned away, that payment would stay
/// unpaid for the shop until the hourly sweep.
async fn forged_ids_leave_room_for_the_real_one(account: &str) {
    let shop = Shop::open_with(account, "card", &IN_MEMORY).await;
    let forgers = shop.register("order-of-the-forger").await;
    shop.next_action(&forgers).await.expect(200, "ready");
    let honest = shop.register("order-1").await;
    shop.next_action(&honest).await.expect(200, "ready");
    let token = format!("demo-webhook-token-{account}");
    let orders = [pg_order(&forgers), "somebody-elses-order".to_owned()];
    let forged = stream::iter(0..11_000_u32).map(async |n| {
        let order = &orders[usize::from(n % 50 == 0)];
        shop.deliver(&token, &hint(&shop, order, &made_up(&shop, n))).await
    });
    let statuses: Vec<_> = forged.buffer_unordered(AT_ONCE).collect().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&503), "the forger's room was not full");

    let result = shop.buyer(&honest, "approve").await;
    if shop.confirms() {
        shop.faults(json!([{ "call": "confirm", "fault": "reset_after" }])).await;
        shop.confirm(&honest, &result).await;
    }
    shop.until_status(&honest, "paid").await;
    let refused = shop.simulator("webhooks").await.iter().any(|webhook| webhook["answer_status"] != 200);
    assert!(!refused, "the PG was asked to come again");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_ids_leave_room_for_the_real_one_at_portone() {
    forged_ids_leave_room_for_the_real_one("portone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_ids_leave_room_for_the_real_one_at_toss() {
    forged_ids_leave_room_for_the_real_one("toss").await;
}
