//! `GET /payments/status/{status}`: what a sweep reads.

use serde_json::{Value, json};

use super::bench::{Bench, START, success};
use crate::OrderAction;

/// The page of a list, which is answered.
async fn list(bench: &Bench, query: &str) -> Value {
    success(bench.get(&format!("/payments/status/{query}")).await)
}

/// The orders of a page.
fn orders(page: &Value) -> Vec<&str> {
    page["list"].as_array().unwrap().iter().map(|row| row["merchant_uid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_partly_cancelled_payment_stays_among_the_paid() {
    let bench = Bench::start().await;
    bench.paid("order-1", 10_000);
    bench.advance(100);
    bench.control.cancel(&OrderAction::part_of("order-1", 4_000)).unwrap();
    let paid = list(&bench, &format!("paid?from={START}&to={START}")).await;
    assert_eq!(orders(&paid), ["order-1"], "under the time it was paid");
    assert_eq!(paid["list"][0]["cancel_amount"], 4_000);
    assert_eq!(orders(&list(&bench, &format!("paid?from={}", START + 1)).await), [] as [&str; 0]);
    assert_eq!(orders(&list(&bench, "cancelled").await), [] as [&str; 0]);

    bench.advance(100);
    bench.control.cancel(&OrderAction::all_of("order-1")).unwrap();
    assert_eq!(orders(&list(&bench, "paid").await), [] as [&str; 0]);
    let at = START + 200;
    assert_eq!(orders(&list(&bench, &format!("cancelled?from={at}&to={at}")).await), ["order-1"]);
    assert_eq!(orders(&list(&bench, &format!("cancelled?to={}", at - 1)).await), [] as [&str; 0]);
}

#[tokio::test]
async fn the_lists_of_paid_and_cancelled_are_sorted_as_asked() {
    let bench = Bench::start().await;
    bench.account("account", 1_000);
    bench.advance(10);
    bench.paid("card", 1_000);
    bench.advance(10);
    bench.control.deposit(&OrderAction::all_of("account")).unwrap();
    bench.advance(10);
    bench.control.cancel(&OrderAction::part_of("card", 1)).unwrap();
    let sorted = async |status: &str| {
        for (sorting, expected) in [
            ("", ["card", "account"]),
            ("?sorting=-started", ["card", "account"]),
            ("?sorting=started", ["account", "card"]),
            ("?sorting=-paid", ["account", "card"]),
            ("?sorting=paid", ["card", "account"]),
            ("?sorting=-updated", ["card", "account"]),
            ("?sorting=updated", ["account", "card"]),
        ] {
            let page = list(&bench, &format!("{status}{sorting}")).await;
            assert_eq!(orders(&page), expected, "{status}{sorting}");
        }
    };
    sorted("paid").await;
    for order in ["account", "card"] {
        bench.advance(10);
        bench.control.cancel(&OrderAction::all_of(order)).unwrap();
    }
    sorted("cancelled").await;
    assert_eq!(bench.get("/payments/status/paid?sorting=cancelled").await.0, 400);
}

#[tokio::test]
async fn the_pages_of_a_list_name_their_neighbours() {
    let bench = Bench::start().await;
    for order in ["order-1", "order-2", "order-3", "order-4", "order-5"] {
        bench.paid(order, 1_000);
        bench.advance(1);
        bench.control.cancel(&OrderAction::all_of(order)).unwrap();
    }
    let shown = |page: &Value| {
        let orders: Vec<String> = orders(page).into_iter().map(str::to_owned).collect();
        json!([orders, page["total"], page["previous"], page["next"]])
    };
    for (page, expected) in [
        (1, json!([["order-1", "order-2"], 5, 0, 2])),
        (2, json!([["order-3", "order-4"], 5, 1, 3])),
        (3, json!([["order-5"], 5, 2, 0])),
    ] {
        let query = format!("cancelled?sorting=started&limit=2&page={page}");
        assert_eq!(shown(&list(&bench, &query).await), expected);
    }
    assert_eq!(bench.get("/payments/status/cancelled?limit=2&page=4").await.0, 400, "beyond the data");
    for nth in 6..=21 {
        let order = format!("order-{nth}");
        bench.paid(&order, 1_000);
        bench.control.cancel(&OrderAction::all_of(order)).unwrap();
    }
    let page = list(&bench, "cancelled").await;
    assert_eq!((orders(&page).len(), &page["total"], &page["next"]), (20, &json!(21), &json!(2)));
}

#[tokio::test]
async fn a_deleted_account_is_among_the_cancelled_without_an_amount() {
    let bench = Bench::start().await;
    let account = bench.account("order-1", 1_000);
    bench.advance(5);
    success(bench.delete(&format!("/vbanks/{account}")).await);
    let page = list(&bench, &format!("cancelled?from={}", START + 5)).await;
    let row = &page["list"][0];
    assert_eq!(
        (&row["imp_uid"], &row["paid_at"], &row["cancel_amount"]),
        (&json!(account), &json!(0), &json!(0))
    );
}
