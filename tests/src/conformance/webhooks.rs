//! What the simulator really sends.

use std::time::Duration;

use paymux_core::{
    model::{Method, PgPaymentId},
    provider::{Proof, RawWebhook, Taken, WebhookClaim, WebhookSubject},
};
use paymux_sandbox::{Fault, FaultRule, OrderAction, WEBHOOK};

use super::{Inbox, bench::Bench, inbox::delivery, requests::order};

/// Whether it is about this charge: it names it by one of its ids at least, and by no other.
fn names(claim: &WebhookClaim, order: &str, id: &PgPaymentId) -> bool {
    match &claim.subject {
        WebhookSubject::Charge { pg_payment_id, order_id } => {
            pg_payment_id.as_ref().is_none_or(|named| named == id)
                && order_id.as_deref().is_none_or(|named| named == order)
                && (pg_payment_id.is_some() || order_id.is_some())
        }
        WebhookSubject::Cancel(_) | WebhookSubject::Other => false,
    }
}

/// Reads the next webhook, which is about the charge and proves no more than it can.
async fn next<B: Bench>(bench: &B, inbox: &mut Inbox, taken: &Taken) -> WebhookClaim {
    let delivery = inbox.next().await;
    assert_eq!(delivery.received_at, bench.now());
    let claim = bench.provider().webhook(&delivery).unwrap();
    let snapshot = taken.snapshot.as_ref().unwrap();
    assert!(names(&claim, &snapshot.order_id, &snapshot.pg_payment_id), "{claim:?}");
    match &claim.proof {
        Proof::None => {}
        Proof::Secret(secret) => assert_eq!(Some(secret), taken.webhook_secret.as_ref()),
        Proof::Signed => panic!("nothing is signed"),
    }
    claim
}

pub async fn webhook_of_a_payment_names_it<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    let paid = bench.taken(&order(1), Method::Card).await;
    assert_eq!(next(&bench, &mut inbox, &paid).await.proof, Proof::None);
}

pub async fn webhook_of_an_account_names_it<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    let issued = bench.taken(&order(1), Method::VirtualAccount).await;
    // A PG that has a deposit secret sends every change twice, once with it.
    let mut proofs = Vec::new();
    let deliveries = if issued.webhook_secret.is_some() { 2 } else { 1 };
    for _ in 0..deliveries {
        proofs.push(next(&bench, &mut inbox, &issued).await.proof);
    }
    bench.control().deposit(&OrderAction::all_of(order(1).as_str())).unwrap();
    for _ in 0..deliveries {
        proofs.push(next(&bench, &mut inbox, &issued).await.proof);
    }
    let proved = proofs.iter().filter(|proof| matches!(proof, Proof::Secret(_))).count();
    assert_eq!(proved, if issued.webhook_secret.is_some() { 2 } else { 0 });
}

pub async fn webhook_of_a_console_cancel_names_the_payment<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.taken(&order(1), Method::Card).await;
    let mut inbox = bench.inbox().await;
    bench.control().cancel(&OrderAction::part_of(order(1).as_str(), 4_000)).unwrap();
    next(&bench, &mut inbox, &paid).await;
}

pub async fn repeat_reads_the_same<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    bench.fault(FaultRule::new(WEBHOOK, Fault::Duplicate)).await;
    let paid = bench.taken(&order(1), Method::Card).await;
    let first = next(&bench, &mut inbox, &paid).await;
    assert_eq!(next(&bench, &mut inbox, &paid).await, first);
}

/// Only a signature has an age; what carries none is a hint whenever it came.
pub async fn late_delivery_reads_the_same<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    bench.paid(&order(1)).await;
    let in_time = inbox.next().await;
    let claim = bench.provider().webhook(&in_time).unwrap();
    let received_at = in_time.received_at.saturating_add(Duration::from_secs(90 * 24 * 60 * 60)).unwrap();
    let late = bench.provider().webhook(&RawWebhook { received_at, ..in_time });
    match claim.proof {
        Proof::Signed => assert!(late.is_err()),
        Proof::Secret(_) | Proof::None => assert_eq!(late, Ok(claim)),
    }
}

pub async fn forged_webhook_proves_nothing<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.taken(&order(1), Method::VirtualAccount).await;
    let id = &issued.snapshot.as_ref().unwrap().pg_payment_id;
    let claim = bench.provider().webhook(&B::forged(&order(1), id)).unwrap();
    assert_eq!((&claim.proof, claim.delivery_id.as_ref()), (&Proof::None, None));
    assert!(names(&claim, order(1).as_str(), id), "read, looked up, and nothing more: {claim:?}");
    // With a secret somebody guessed.
    let body = serde_json::json!({ "createdAt": "2026-03-14T11:02:44", "secret": "ps_guessed", "status": "DONE",
        "orderId": order(1).as_str(), "merchant_uid": order(1).as_str() });
    let forged = RawWebhook { body: body.to_string().into_bytes(), ..B::forged(&order(1), id) };
    if let Proof::Secret(secret) = bench.provider().webhook(&forged).unwrap().proof {
        assert_ne!(Some(secret), issued.webhook_secret);
    }
}

pub async fn garbage_is_no_webhook<B: Bench>() {
    let bench = B::start().await;
    let deep = "[".repeat(60_000);
    let bodies: [&[u8]; 12] = [
        b"",
        b"null",
        b"[]",
        b"7",
        b"\"x\"",
        b"<html>",
        b"{",
        b"\xff\xfe",
        b"a=b&c",
        b"%%%",
        b"{}{}",
        deep.as_bytes(),
    ];
    for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain", ""] {
        for body in bodies {
            let claim = bench.provider().webhook(&delivery(content_type, body));
            assert!(claim.is_err(), "{content_type} {body:?}");
        }
    }
    // Well-formed, and of a kind that Paymux does not keep or that comes next year.
    for body in [r#"{"eventType":"AN_EVENT_OF_NEXT_YEAR","data":{}}"#, r#"{"eventType":7,"data":[]}"#, "{}"] {
        let claim = bench.provider().webhook(&delivery("application/json", body));
        assert!(claim.is_err() || claim.unwrap().subject == WebhookSubject::Other, "{body}");
    }
    assert!(bench.control().calls().is_empty(), "nobody is asked");
}
