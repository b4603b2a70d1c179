//! Making a payment final, once: invariants 1 to 4 and 11.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{bench::Bench, bench::PRICE, fake_books::Op};
use crate::{
    AttemptStatus, EventKind, GatewayError, Heard, Money, PaymentStatus, ProviderError, Secret, StateProblem,
    Store,
};

#[tokio::test]
async fn the_row_is_durable_before_the_first_byte_goes_out() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let seen = Arc::new(Mutex::new(None));
    let (store, merchant, seen_by_pg, payment) =
        (bench.store.clone(), bench.merchant.clone(), seen.clone(), id.clone());
    bench.pg.meanwhile(Op::Confirm, move || async move {
        *seen_by_pg.lock().unwrap() = store.payment(&merchant, &payment).await.unwrap();
    });
    bench.confirm(&id, &pg_id).await.unwrap();

    let record = seen.lock().unwrap().take().unwrap();
    let attempt = &record.attempts[0];
    assert_eq!(record.payment.status, PaymentStatus::Confirming);
    assert_eq!(attempt.pg_id, Some(pg_id));
    assert_eq!(attempt.confirm.as_ref().map(|sent| (sent.send, sent.heard)), Some((1, Heard::Nothing)));
    assert_eq!(bench.pg.keys(Op::Confirm), [format!("{id}:confirm:1:1")]);
}

#[tokio::test]
async fn the_attempt_is_durable_before_the_pg_hears_its_order_id() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (store, merchant, seen_by_pg, payment) =
        (bench.store.clone(), bench.merchant.clone(), seen.clone(), id.clone());
    bench.pg.meanwhile(Op::Request, move || async move {
        let record = store.payment(&merchant, &payment).await.unwrap().unwrap();
        *seen_by_pg.lock().unwrap() = record.attempts;
    });
    bench.open(&id).await;
    assert_eq!(seen.lock().unwrap()[0].status, AttemptStatus::Preparing);
}

#[tokio::test]
async fn the_same_payment_confirmed_again_is_shown_and_not_sent() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let again = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(again.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
}

#[tokio::test]
async fn a_second_payment_id_of_one_attempt_gets_what_the_first_came_to() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.permissive = true);
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    let shown = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(shown.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&second).charged), 0);
}

#[tokio::test]
async fn two_hundred_confirms_at_once_send_one_post() {
    let bench = Arc::new(Bench::on_confirm());
    bench.pg.books(|books| books.permissive = true);
    let (id, pg_id) = bench.agreed().await;
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (bench, id, pg_id) = (bench.clone(), id.clone(), pg_id.clone());
            tokio::spawn(async move { bench.confirm(&id, &pg_id).await.unwrap().payment.status })
        })
        .collect();
    for task in tasks {
        let status = task.await.unwrap();
        assert!(matches!(status, PaymentStatus::Confirming | PaymentStatus::Paid));
    }
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
}

#[tokio::test]
async fn a_payment_id_that_failed_is_not_sent_again_by_a_new_attempt() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    assert!(matches!(bench.confirm(&id, &pg_id).await, Err(GatewayError::Declined(_))));
    let second = bench.open(&id).await;
    for result in [json!({ "pg_id": pg_id.as_str() }), json!({ "pg_id": pg_id.as_str(), "order_id": second })]
    {
        bench.bring(&id, result).await.unwrap();
    }
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn every_failed_attempt_is_followed_by_a_new_order_id() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let first = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_ne!(bench.open(&id).await, first);
}

#[tokio::test]
async fn an_answer_that_lost_a_race_is_dropped_asked_for_again_and_its_secret_kept() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let due_at = crate::Clock::now(&bench.clock) + std::time::Duration::from_secs(9_000);
    let pg_id = bench.pg.books(|books| books.agree_to_deposit(&order, PRICE, due_at));
    let (gateway, merchant, payment) = (bench.gateway.clone(), bench.merchant.clone(), id.clone());
    // The answer is under way while the deposit comes and another commit tells of it.
    let (pg, now, issued) = (bench.pg.clone(), crate::Clock::now(&bench.clock), pg_id.clone());
    bench.pg.meanwhile(Op::Confirm, move || async move {
        pg.books(|books| books.charge(&issued, now));
        gateway.verify(&merchant, &payment).await.unwrap();
    });
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid, "the older answer does not undo the deposit");
    let kept = bench.read(&id).await;
    assert_eq!(kept.attempts[0].deposit_secret, Some(Secret::new("ps_secret")));
    assert!(bench.pg.calls(Op::Verify).len() >= 2);
}

#[tokio::test]
async fn a_look_up_that_lost_a_race_asks_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let (gateway, merchant, payment) = (bench.gateway.clone(), bench.merchant.clone(), id.clone());
    bench.pg.meanwhile(Op::Verify, move || async move {
        let part = super::bench::new_cancel(Some(1_000));
        gateway.cancel(&merchant, &payment, &part, None).await.unwrap();
    });
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::PartiallyCancelled);
    assert_eq!(record.payment.amount_cancelled, Money::krw(1_000));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn a_browser_result_changes_no_status() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    let record = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Ready);
    assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
    bench.open(&id).await;
    assert!(matches!(
        bench.bring(&id, json!({ "failure": "declined" })).await,
        Err(GatewayError::Declined(record)) if record.payment.status == PaymentStatus::Ready
    ));
    assert!(bench.pg.calls(Op::Confirm).is_empty());
}

#[tokio::test]
async fn an_amount_the_browser_changed_is_not_confirmed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let tampered = json!({ "pg_id": pg_id.as_str(), "amount": "100" });
    assert!(matches!(bench.bring(&id, tampered).await, Err(GatewayError::Mismatch(_))));
    assert!(bench.pg.calls(Op::Confirm).is_empty());
}

#[tokio::test]
async fn nothing_is_confirmed_after_the_payment_expired() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.clock.advance(super::bench::PAYABLE_FOR);
    let refused = bench.confirm(&id, &pg_id).await;
    assert!(matches!(refused, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })));
    let (merchant, gateway) = (&bench.merchant, &bench.gateway);
    assert!(gateway.next_action(merchant, &id, None).await.is_err());
    bench.pass(std::time::Duration::from_secs(60)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert!(bench.pg.calls(Op::Confirm).is_empty());
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_confirm_reads_it() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let now = crate::Clock::now(&bench.clock);
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, now));
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(record.accepted(), Some(&pg_id));
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_closed_tab_is_verified_and_its_order_id_used_again() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let closed = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    assert_eq!(closed.payment.status, PaymentStatus::Ready);
    assert_eq!(bench.open(&id).await, order);

    let now = crate::Clock::now(&bench.clock);
    bench.pg.books(|books| books.pay(&order, PRICE, now));
    let paid = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    assert_eq!(paid.payment.status, PaymentStatus::Paid, "whatever the browser says");
}

#[tokio::test]
async fn where_the_window_takes_the_money_nothing_yet_is_confirming_and_then_ready_again() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let record = bench.bring(&id, json!({ "pg_id": "pg1" })).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Confirming);
    bench.pass_slowly(super::bench::SETTLED - std::time::Duration::from_secs(5), 5).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "it may only not be there yet");
    bench.pass_slowly(std::time::Duration::from_secs(120), 4).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);

    let now = crate::Clock::now(&bench.clock);
    bench.pg.books(|books| books.pay(&order, PRICE, now));
    bench.pass(super::bench::PAYABLE_FOR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn two_tabs_share_one_attempt() {
    let bench = Arc::new(Bench::on_confirm());
    let id = bench.register().await;
    let tabs: Vec<_> = (0..20)
        .map(|_| {
            let (bench, id) = (bench.clone(), id.clone());
            tokio::spawn(async move { bench.open(&id).await })
        })
        .collect();
    let mut orders = std::collections::BTreeSet::new();
    for tab in tabs {
        orders.insert(tab.await.unwrap());
    }
    assert_eq!(orders.len(), 1);
}

#[tokio::test]
async fn events_are_numbered_and_tell_what_was_committed() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let events = bench.events().await;
    let numbers: Vec<_> = events.iter().map(|event| event.event.number).collect();
    assert_eq!(numbers, (1..=u64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    for event in &events {
        if let EventKind::Status(status) = event.event.kind {
            assert_eq!(event.event.payment.status, status);
        }
    }
    let told: Vec<_> = events.iter().map(|event| event.event.kind.name()).collect();
    assert_eq!(told[..3], ["payment.registered", "payment.confirming", "payment.paid"]);
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::PartiallyCancelled)).await, 1);
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_no_event() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let before = bench.events().await.len();
    // Somebody else commits between the read and the commit of this confirm: nothing of it is kept.
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(bench.events().await.len(), before + 1);
}
