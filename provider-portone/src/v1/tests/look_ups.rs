//! Looking up, over the wire.

use paymux_core::{
    model::{Mode, PgStatus},
    provider::{ChargeRef, LookUp, PaymentProvider as _},
};
use serde_json::{Value, json};

use super::{
    IMP_UID, NOWHERE, account, by_id, by_order, config, done, order_id, page, payment, provider,
    provider_with, refused,
    stub::{SILENCE, Stub},
    unknown_payment,
};

const NOTHING: LookUp = LookUp { charges: Vec::new(), complete: true };

fn row(imp_uid: &str, mut changes: Value) -> Value {
    changes["imp_uid"] = imp_uid.into();
    payment(changes)
}

fn ids(found: &LookUp) -> Vec<&str> {
    found.charges.iter().map(|charge| charge.pg_payment_id.as_str()).collect()
}

/// A look-up by order, answered with one page.
async fn order_of(rows: Vec<Value>) -> LookUp {
    let stub = Stub::start(move |_| page(0, &rows)).await;
    provider(&stub.url).verify(&by_order()).await.unwrap()
}

#[tokio::test]
async fn only_test_mode_asks_for_payments_of_test_channels() {
    for (mode, line) in [
        (Mode::Test, format!("GET /payments/{IMP_UID}?include_sandbox=true")),
        (Mode::Live, format!("GET /payments/{IMP_UID}")),
    ] {
        let stub = Stub::start(|_| done(&payment(json!({})))).await;
        let mut config = config(&stub.url);
        config.mode = mode;
        let found = provider_with(config).verify(&by_id()).await.unwrap();
        assert_eq!((ids(&found), found.complete), (vec![IMP_UID], true));
        assert_eq!(stub.calls().len(), 1);
        let call = &stub.calls()[0];
        assert_eq!((&call.line, call.body.as_str()), (&line, ""));
    }
}

#[tokio::test]
async fn failed_payment_is_shown_as_failed() {
    let row = || payment(json!({"status": "failed", "paid_at": 0, "fail_reason": "한도초과"}));
    let stub = Stub::start(move |_| done(&row())).await;
    let found = provider(&stub.url).verify(&by_id()).await.unwrap();
    assert_eq!(found.charges[0].status, PgStatus::Failed);
}

#[tokio::test]
async fn unknown_payment_is_a_complete_look_up() {
    let stub = Stub::start(|_| unknown_payment()).await;
    let provider = provider(&stub.url);
    assert_eq!(provider.verify(&by_id()).await.unwrap(), NOTHING);
    assert_eq!(provider.verify(&by_order()).await.unwrap(), NOTHING);
}

#[tokio::test]
async fn not_found_page_of_a_proxy_is_no_answer() {
    let stub = Stub::start(|_| (404, "<html>not found</html>".to_owned())).await;
    let provider = provider(&stub.url);
    for subject in [by_id(), by_order()] {
        let error = provider.verify(&subject).await.unwrap_err();
        assert_eq!(error.name(), "unanswered");
        assert!(error.detail().contains("no JSON object"), "{}", error.detail());
    }
}

#[tokio::test]
async fn id_that_is_no_imp_uid_is_never_sent() {
    let provider = provider(NOWHERE);
    for id in ["..", "a/b", "imp_1.", &"9".repeat(33)] {
        let subject = ChargeRef { pg_payment_id: Some(id.parse().unwrap()), ..by_id() };
        assert_eq!(provider.verify(&subject).await.unwrap(), NOTHING, "{id}");
    }
}

#[tokio::test]
async fn answer_with_another_imp_uid_is_unknown() {
    let stub = Stub::start(|_| done(&row("imp_2", json!({})))).await;
    let error = provider(&stub.url).verify(&by_id()).await.unwrap_err();
    assert_eq!(error.name(), "unanswered");
    assert!(error.detail().contains("imp_uid"), "{}", error.detail());
}

#[tokio::test]
async fn foreign_payment_is_shown_as_far_as_it_can_be_read() {
    for (order, currency, shown) in [
        (json!("ord-1"), "KRW", Some("ord-1")),
        (json!(20_260_301), "KRW", Some("20260301")),
        (json!("ord-1"), "EUR", None),
        (json!(20_260_301), "EUR", None),
    ] {
        let row = payment(json!({"merchant_uid": order, "currency": currency}));
        let stub = Stub::start(move |_| done(&row)).await;
        let found = provider(&stub.url).verify(&by_id()).await.unwrap();
        assert_eq!(found.charges.first().map(|charge| charge.order_id.as_str()), shown);
        assert!(found.complete);
    }
}

#[tokio::test]
async fn unreadable_payment_is_named_by_its_field() {
    for (changes, field) in [
        (json!({"currency": "EUR"}), "currency"),
        (json!({"merchant_uid": null, "currency": "EUR"}), "currency"),
        (json!({"merchant_uid": null}), "merchant_uid"),
        (json!({"amount": "canary"}), "amount"),
        (json!({"status": "canary"}), "status"),
    ] {
        let row = payment(changes);
        let stub = Stub::start(move |_| done(&row)).await;
        let error = provider(&stub.url).verify(&by_id()).await.unwrap_err();
        assert_eq!(error.name(), "unanswered");
        let detail = error.detail();
        assert!(detail.contains(field) && !detail.contains("canary"), "{detail}");
    }
}

#[tokio::test]
async fn every_page_of_an_order_is_read() {
    let stub = Stub::start(|seen| {
        let at = |page: &str| seen.line.contains(&format!("page={page}&"));
        match () {
            () if at("1") => page(2, &[row("imp_1", json!({})), row("imp_2", json!({}))]),
            () if at("2") => page(0, &[row("imp_3", json!({}))]),
            () => unknown_payment(),
        }
    })
    .await;
    let found = provider(&stub.url).verify(&by_order()).await.unwrap();
    assert_eq!((ids(&found), found.complete), (vec!["imp_1", "imp_2", "imp_3"], true));
    let lines: Vec<_> = stub.calls().into_iter().map(|call| call.line).collect();
    let path = format!("GET /payments/findAll/{}?sorting=started", order_id());
    assert_eq!(lines, [1, 2].map(|page| format!("{path}&page={page}&limit=1000")));
}

#[tokio::test]
async fn announced_page_that_is_missing_is_incomplete() {
    for status in [400, 404] {
        let stub = Stub::start(move |seen| {
            let first = seen.line.contains("page=1&");
            if first { page(2, &[payment(json!({}))]) } else { refused(status, -1, "") }
        })
        .await;
        let found = provider(&stub.url).verify(&by_order()).await.unwrap();
        assert_eq!((ids(&found), found.complete), (vec![IMP_UID], false));
    }
}

#[tokio::test]
async fn more_pages_than_are_read_are_incomplete() {
    let stub = Stub::start(|seen| {
        let number = seen.line.split("page=").nth(1).unwrap().split('&').next().unwrap();
        page(number.parse::<u32>().unwrap() + 1, &[row(&format!("imp_{number}"), json!({}))])
    })
    .await;
    let found = provider(&stub.url).verify(&by_order()).await.unwrap();
    assert_eq!((found.charges.len(), found.complete), (10, false));
    assert_eq!(stub.calls().len(), 10);
}

#[tokio::test]
async fn pages_of_one_look_up_share_its_deadline() {
    let stub = Stub::start(|seen| {
        let first = seen.line.contains("page=1&");
        if first { page(2, &[payment(json!({}))]) } else { (SILENCE, String::new()) }
    })
    .await;
    let provider = provider(&stub.url);
    let read_timeout = provider.describe().read_timeout;
    let look_up = tokio::spawn(async move { provider.verify(&by_order()).await });
    while stub.calls().len() < 2 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(read_timeout).await;
    assert_eq!(look_up.await.unwrap().unwrap_err().name(), "unanswered");
}

#[tokio::test]
async fn list_that_leads_back_is_no_answer() {
    let stub = Stub::start(|_| page(1, &[payment(json!({}))])).await;
    let error = provider(&stub.url).verify(&by_order()).await.unwrap_err();
    assert_eq!(error.name(), "unanswered");
    assert!(error.detail().contains("next"), "{}", error.detail());
    assert_eq!(stub.calls().len(), 1);
}

#[tokio::test]
async fn unreadable_row_of_an_order_hides_no_other() {
    for unreadable in [json!({"status": "held"}), json!({"currency": null}), json!({"merchant_uid": null})] {
        let found = order_of(vec![row("imp_2", unreadable), payment(json!({}))]).await;
        assert_eq!((ids(&found), found.complete), (vec![IMP_UID], false));
    }
    let found = order_of(vec![json!("a text"), payment(account())]).await;
    assert_eq!((ids(&found), found.complete), (vec![IMP_UID], false));
}

#[tokio::test]
async fn answer_with_another_order_is_unknown() {
    let stub = Stub::start(|_| page(0, &[payment(json!({"merchant_uid": "ord-1"}))])).await;
    let error = provider(&stub.url).verify(&by_order()).await.unwrap_err();
    assert_eq!(error.name(), "unanswered");
    assert!(error.detail().contains("merchant_uid"), "{}", error.detail());
}
