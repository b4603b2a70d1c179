//! Bodies as Toss sends them, and what each names and proves.

use serde_json::json;

use super::*;

const KEY: &str = "tshop20260314103015Qe7Rd";

fn deliver(body: &[u8]) -> Result<WebhookClaim, WebhookRejected> {
    read(&RawWebhook {
        headers: vec![(DELIVERY_ID.to_owned(), "whtrans_1".to_owned())],
        body: body.to_vec(),
        received_at: "2026-03-14T01:31:03Z".parse().unwrap(),
    })
}

fn check(body: &Value, subject: WebhookSubject, proof: Proof) {
    let claim = WebhookClaim { proof, subject, delivery_id: Some("whtrans_1".to_owned()) };
    assert_eq!(deliver(body.to_string().as_bytes()), Ok(claim), "{body}");
}

fn check_malformed(body: &Value, field: &str) {
    let Err(WebhookRejected::Malformed(said)) = deliver(body.to_string().as_bytes()) else {
        panic!("{body}")
    };
    assert!(said.contains(field), "{body}: {said}");
}

fn payment(order: Option<&str>) -> WebhookSubject {
    WebhookSubject::Charge { pg_payment_id: Some(KEY.parse().unwrap()), order_id: order.map(str::to_owned) }
}

fn order(order: &str) -> WebhookSubject {
    WebhookSubject::Charge { pg_payment_id: None, order_id: Some(order.to_owned()) }
}

fn secret() -> Proof {
    Proof::Secret(Secret::new("ps_1"))
}

#[test]
fn payment_event_names_its_payment_and_proves_nothing() {
    let event = |data: Value| {
        json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-03-14T10:31:02.417000",
            "data": data})
    };
    let data = json!({"paymentKey": KEY, "orderId": "o-1", "status": "DONE", "secret": null});
    check(&event(data), payment(Some("o-1")), Proof::None);
    check(&event(json!({"paymentKey": KEY, "secret": "ps_1"})), payment(None), secret());
    check(&event(json!({"paymentKey": "no key", "orderId": "o-1"})), order("o-1"), Proof::None);
    check(&event(json!({"paymentKey": 7, "orderId": "o-1"})), order("o-1"), Proof::None);
    // As of 2022.
    let early = json!({"eventType": "PAYMENT_STATUS_CHANGED",
        "data": {"paymentKey": KEY, "status": "DONE", "orderId": "o-1"}});
    check(&early, payment(Some("o-1")), Proof::None);
}

#[test]
fn deposit_names_its_order_and_shows_its_secret() {
    let deposit = json!({"createdAt": "2026-03-14T11:02:44.000000", "secret": "ps_1", "status": "DONE",
        "transactionKey": "2F7C", "orderId": "o-1"});
    check(&deposit, order("o-1"), secret());
    check(&json!({"secret": "ps_1", "status": "CANCELED", "orderId": "o-1"}), order("o-1"), secret());
    // Under its name, too.
    let named =
        json!({"eventType": "DEPOSIT_CALLBACK", "secret": "ps_1", "status": "DONE", "orderId": "o-1"});
    check(&named, order("o-1"), secret());
    // Without a secret it counts all the same: it is only a reason to look up.
    for none in [json!(null), json!(""), json!(7)] {
        check(&json!({"secret": none, "status": "DONE", "orderId": "o-1"}), order("o-1"), Proof::None);
    }
}

#[test]
fn cancel_event_names_the_cancel_or_the_payment() {
    let event = |data: Value| json!({"eventType": "CANCEL_STATUS_CHANGED", "data": data});
    let cancel = WebhookSubject::Cancel("tx".to_owned());
    check(&event(json!({"transactionKey": "tx", "cancelStatus": "DONE"})), cancel, Proof::None);
    check(&event(json!({"transactionKey": "tx", "paymentKey": KEY})), payment(None), Proof::None);
    check(&event(json!({"cancelRequestId": "request-1"})), WebhookSubject::Other, Proof::None);
}

#[test]
fn link_pay_names_the_payment_inside() {
    let data = json!({"orderKey": "k", "payment": {"paymentKey": KEY, "orderId": "o-1"}});
    check(
        &json!({"eventType": "ORDER_PAYMENT_STATUS_CHANGED", "data": data}),
        payment(Some("o-1")),
        Proof::None,
    );
}

#[test]
fn event_that_paymux_does_not_keep_is_about_nothing() {
    for body in [
        json!({"eventType": "payout.changed", "entityType": "payout", "entityBody": {"orderId": "o-1"}}),
        json!({"eventType": "BILLING_DELETED", "data": {"billingKey": "b", "reason": null}}),
        json!({"eventType": "METHOD_UPDATED", "data": {"customerKey": "c", "transactionKey": "tx"}}),
        json!({"eventType": "AN_EVENT_OF_NEXT_YEAR", "data": {"x": 1}}),
        json!({"eventType": "AN_EVENT_OF_NEXT_YEAR", "data": "x"}),
        json!({"eventType": "AN_EVENT_OF_NEXT_YEAR"}),
    ] {
        check(&body, WebhookSubject::Other, Proof::None);
    }
}

#[test]
fn malformed_event_is_refused_with_its_field() {
    for (body, field) in [
        (json!({}), "orderId is missing"),
        (json!({"secret": "ps_1", "status": "DONE", "orderId": null}), "orderId is missing"),
        (json!({"secret": "ps_1", "status": "DONE", "orderId": 71}), "orderId is of another type"),
        (json!({"eventType": "PAYMENT_STATUS_CHANGED"}), "data is missing"),
        (json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": "canary"}), "data is of another type"),
        (json!({"eventType": "CANCEL_STATUS_CHANGED", "data": null}), "data is missing"),
        (json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {}}), "data.paymentKey"),
        (json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"paymentKey": "no key"}}), "data.paymentKey"),
        (json!({"eventType": 7, "data": {"status": "DONE"}}), "eventType is of another type"),
        (json!({"data": {"status": "DONE"}}), "eventType is missing"),
    ] {
        check_malformed(&body, field);
    }
}

#[test]
fn body_that_is_no_json_object_is_malformed() {
    for body in ["", "null", "[]", "\"DONE\"", "orderId=o-1&status=DONE", r#"{"orderId": "o-1""#] {
        assert!(matches!(deliver(body.as_bytes()), Err(WebhookRejected::Malformed(_))), "{body}");
    }
    assert!(matches!(deliver(b"{\"orderId\": \"\xff\"}"), Err(WebhookRejected::Malformed(_))));
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(body in ".{0,200}") {
        let _ = deliver(body.as_bytes());
    }
}
