//! What the simulator really sends.

use gateway_core::{
    Method, PgOrderId, PgPaymentId, Proof, RawWebhook, Snapshot, WebhookClaim, WebhookSubject,
};
use sandbox::{Fault, FaultRule, OrderAction, WEBHOOK};

use super::{
    Inbox,
    bench::{Bench, order},
};

fn names(claim: &WebhookClaim, order: &PgOrderId, pg_id: &PgPaymentId) -> bool {
    match &claim.subject {
        WebhookSubject::Payment { pg_id: named, pg_order_id } => {
            named == pg_id && pg_order_id.as_deref().is_none_or(|named| named == order.as_str())
        }
        WebhookSubject::Order(named) => named == order.as_str(),
        _ => false,
    }
}

/// Reads the next webhook, which is about `payment` and proves no more than it can.
async fn next<B: Bench>(bench: &B, inbox: &mut Inbox, payment: &Snapshot) -> WebhookClaim {
    let claim = bench.provider().webhook(&inbox.next().await).unwrap();
    let order = payment.pg_order_id.parse().unwrap();
    assert!(names(&claim, &order, &payment.pg_id), "{claim:?}");
    match &claim.proof {
        Proof::None => {}
        Proof::Secret(secret) => assert_eq!(Some(secret), payment.deposit_secret.as_ref()),
        Proof::Signed => panic!("nothing is signed"),
    }
    claim
}

pub async fn what_the_pg_sends_of_a_payment_names_it<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    let paid = bench.paid(&order(1)).await;
    assert_eq!(next(&bench, &mut inbox, &paid).await.proof, Proof::None);
}

pub async fn what_the_pg_sends_of_an_account_names_it<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    // A PG that has a deposit secret tells every change twice, once with it.
    let mut proofs = Vec::new();
    let told = if issued.deposit_secret.is_some() { 2 } else { 1 };
    for _ in 0..told {
        proofs.push(next(&bench, &mut inbox, &issued).await.proof);
    }
    bench.control().deposit(&OrderAction::all_of(order(1).as_str())).unwrap();
    for _ in 0..told {
        proofs.push(next(&bench, &mut inbox, &issued).await.proof);
    }
    let proved = proofs.iter().filter(|proof| matches!(proof, Proof::Secret(_))).count();
    assert_eq!(proved, if issued.deposit_secret.is_some() { 2 } else { 0 });
}

pub async fn a_console_cancel_is_told<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let mut inbox = bench.inbox().await;
    bench.control().cancel(&OrderAction::part_of(order(1).as_str(), 4_000)).unwrap();
    next(&bench, &mut inbox, &paid).await;
}

pub async fn a_repeat_reads_the_same<B: Bench>() {
    let bench = B::start().await;
    let mut inbox = bench.inbox().await;
    bench.fault(FaultRule::new(WEBHOOK, Fault::Duplicate)).await;
    let paid = bench.paid(&order(1)).await;
    let first = next(&bench, &mut inbox, &paid).await;
    assert_eq!(next(&bench, &mut inbox, &paid).await, first);
}

pub async fn a_forged_one_proves_nothing<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    let claim = bench.provider().webhook(&B::forged(&order(1), &issued.pg_id)).unwrap();
    assert_eq!((&claim.proof, claim.delivery_id.as_ref()), (&Proof::None, None));
    assert!(names(&claim, &order(1), &issued.pg_id), "read, looked up, and nothing more: {claim:?}");
    // With a secret somebody guessed.
    let body = serde_json::json!({ "createdAt": "2026-03-14T11:02:44", "secret": "ps_guessed", "status": "DONE",
        "orderId": order(1).as_str(), "merchant_uid": order(1).as_str() });
    let forged = RawWebhook { body: body.to_string().into_bytes(), ..B::forged(&order(1), &issued.pg_id) };
    if let Proof::Secret(secret) = bench.provider().webhook(&forged).unwrap().proof {
        assert_ne!(Some(secret), issued.deposit_secret);
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
            let delivery = RawWebhook {
                content_type: content_type.to_owned(),
                headers: Vec::new(),
                body: body.to_vec(),
            };
            assert!(bench.provider().webhook(&delivery).is_err(), "{content_type} {body:?}");
        }
    }
    // Well-formed, and of a kind that Paymux does not keep or that comes next year.
    for body in [r#"{"eventType":"AN_EVENT_OF_NEXT_YEAR","data":{}}"#, r#"{"eventType":7,"data":[]}"#, "{}"] {
        let delivery = RawWebhook {
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        let claim = bench.provider().webhook(&delivery);
        assert!(claim.is_err() || claim.unwrap().subject == WebhookSubject::Nothing, "{body}");
    }
    assert!(bench.control().calls().is_empty(), "nobody is asked");
}
