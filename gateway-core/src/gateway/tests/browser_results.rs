//! What a browser may bring back, and what it cannot make true (invariants 8, 13).

use serde_json::json;

use super::{
    bench::{Bench, HOUR, MINUTE, PAYABLE_FOR, SECOND, request_key},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{ChargeRole, FailureReason, PaymentStatus},
    store::PaymentStore as _,
};

#[tokio::test]
async fn what_no_window_returns_is_refused() {
    for bench in Bench::both() {
        let (id, _) = bench.opened().await;
        for wrong in [json!("text"), json!(null), json!({ "pg_id": "has spaces" })] {
            assert!(matches!(bench.bring(&id, wrong).await, Err(GatewayError::BrowserResult(_))));
        }
        assert_eq!(bench.pg.all_calls().len(), 1);
        assert!(bench.read(&id).await.charges.is_empty());
    }
}

#[tokio::test]
async fn result_before_any_window_was_open_is_of_no_attempt() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let answer = bench.bring(&id, json!({ "pg_id": "pg1" })).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })));
}

#[tokio::test]
async fn tampered_amount_is_a_mismatch_and_nothing_is_stored_or_asked() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.agreed().await;
        let before = bench.pg.all_calls().len();
        for amount in ["1", "9999.99", "ten"] {
            let answer = bench.bring(&id, json!({ "pg_id": pg_id.as_str(), "amount": amount })).await;
            assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{amount}: {answer:?}");
        }
        assert_eq!(bench.pg.all_calls().len(), before);
        assert!(bench.read(&id).await.charges.is_empty());
        let honest = json!({ "pg_id": pg_id.as_str(), "amount": "10000.00" });
        assert_eq!(bench.bring(&id, honest).await.unwrap().payment.status(), PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn result_of_another_order_is_rejected_and_its_owner_looked_up() {
    let bench = Bench::before_confirm();
    let (mine, _) = bench.opened().await;
    let theirs = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&theirs).await;
    let paid = bench.in_window(&order);
    let brought = json!({ "pg_id": paid.as_str(), "order_id": order });
    let answer = bench.bring(&mine, brought).await;
    assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
    bench.resolve_due().await;
    assert_eq!(bench.status(&theirs).await, PaymentStatus::Paid, "their buyer has paid");
    assert_eq!((bench.status(&mine).await, bench.cancels()), (PaymentStatus::Ready, 0));
}

#[tokio::test]
async fn result_of_an_unknown_order_is_rejected() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.opened().await;
    let answer = bench.bring(&id, json!({ "pg_id": "pg9", "order_id": "order-of-somebody" })).await;
    assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
    assert_eq!(bench.confirms(), 0);
}

#[tokio::test]
async fn claimed_payment_of_another_order_stays_its_owners() {
    for bench in Bench::both() {
        let (mine, _) = bench.opened().await;
        let theirs = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&theirs).await;
        let paid = bench.in_window(&order);
        // The browser hides whose it is.
        let answer = bench.bring(&mine, json!({ "pg_id": paid.as_str() })).await;
        assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
        bench.run(MINUTE).await;
        assert_eq!(bench.status(&mine).await, PaymentStatus::Ready);
        assert_eq!(bench.cancels(), 0, "nothing is cancelled");
        let answer = bench.confirm(&theirs, &paid).await.unwrap();
        assert_eq!(answer.payment.status(), PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn payment_that_another_accepted_is_rejected_unasked() {
    for bench in Bench::both() {
        let (_, paid) = bench.paid().await;
        let mine = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        bench.open(&mine).await;
        let before = bench.pg.all_calls().len();
        let answer = bench.bring(&mine, json!({ "pg_id": paid.as_str() })).await;
        assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
        assert_eq!(bench.pg.all_calls().len(), before);
    }
}

#[tokio::test]
async fn id_that_another_payment_only_claimed_is_nobodys_yet() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    bench.open(&other).await;
    drop(bench.bring(&other, json!({ "pg_id": pg_id.as_str() })).await);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn wrong_amount_at_the_pg_is_a_mismatch_and_goes_back() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let cheap = bench.pg.books(|books| books.pay(&order, 9_000, bench.pg.clock_now()));
    let answer = bench.confirm(&id, &cheap).await;
    let Err(GatewayError::Mismatch(record)) = answer else { panic!("{answer:?}") };
    assert_eq!(record.charge_at_pg(&cheap).unwrap().role(), ChargeRole::Mismatched);
    bench.run(SECOND).await;
    assert_eq!(bench.given_back(&cheap), 9_000);
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "the order can still be paid");
    bench.check_ledger().await;
}

#[tokio::test]
async fn money_that_is_set_aside_is_not_answered_paid() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let live = bench.pg.books(|books| {
        let live = books.pay(&order, PRICE, bench.pg.clock_now());
        books.change(&live, |shown| shown.mode = Some(crate::model::Mode::Live));
        live
    });
    assert!(matches!(bench.confirm(&id, &live).await, Err(GatewayError::Mismatch(_))));
    assert_eq!(bench.open_reviews(&id).await, ["mismatch_not_cancelled"]);
    bench.run(MINUTE).await;
    assert_eq!(bench.given_back(&live), 0);
}

#[tokio::test]
async fn newest_browser_result_is_shown_and_changes_no_status() {
    for bench in Bench::both() {
        let (id, _) = bench.opened().await;
        let record = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
        assert_eq!(record.payment.last_failure(), Some(FailureReason::BuyerClosed));
        assert_eq!(record.payment.status(), PaymentStatus::Ready);
        assert_eq!(bench.kinds().await, ["payment.registered"]);
    }
}

#[tokio::test]
async fn key_of_a_request_is_written_with_the_row_it_made() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.agreed().await;
        let key = request_key("k1");
        let result = json!({ "pg_id": pg_id.as_str() });
        bench.gateway.confirm(&bench.merchant, &id, &result, Some(&key)).await.unwrap();
        let kept = bench.store.idempotency(&bench.merchant, "k1").await.unwrap().unwrap();
        assert_eq!((kept.payment.as_ref(), kept.cancel), (Some(&id), None));
        let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&other).await;
        let again = json!({ "pg_id": bench.in_window(&order).as_str() });
        let answer = bench.gateway.confirm(&bench.merchant, &other, &again, Some(&key)).await;
        assert!(matches!(answer, Err(GatewayError::KeyInUse)), "{answer:?}");
        assert!(bench.read(&other).await.charges.is_empty());
    }
}

#[tokio::test]
async fn closed_payment_takes_no_result() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.cancel(&id, None).await.unwrap();
    let answer = bench.confirm(&id, &pg_id).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })));
    assert_eq!(bench.confirms(), 0);
    bench.run(PAYABLE_FOR).await;
    assert_eq!(bench.pg.count(Op::Confirm), 0);
}

#[tokio::test]
async fn result_beside_an_account_is_looked_up_until_it_must_show() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(72 * HOUR).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.advance(MINUTE);
    // The buyer pays by card in another tab; the PG's look-ups lag behind.
    let card = bench.in_window(&order);
    let before = bench.pg.books(|books| books.row(&account).snapshot);
    bench.pg.show(Vec::new(), true);
    bench.pg.show(vec![before], true);
    let answer = bench.confirm(&id, &card).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::AwaitingDeposit);
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn result_of_a_try_that_ended_before_is_asked_about_once_more() {
    let bench = Bench::before_confirm();
    let (id, window) = bench.opened().await;
    let card = bench.pg.books(|books| books.agree(&window, PRICE));
    bench.fails_after_all(&card);
    assert!(matches!(bench.confirm(&id, &card).await, Err(GatewayError::Declined { .. })));
    bench.advance(5 * MINUTE);
    // The buyer tries again in the same window; the browser is ahead of what the PG shows.
    let _answer = bench.confirm(&id, &card).await;
    bench.pg.books(|books| books.take(&card, bench.pg.clock_now()));
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}
