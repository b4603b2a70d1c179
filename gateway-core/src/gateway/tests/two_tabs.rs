//! Several windows of one payment: what one comes to says nothing of another (invariants 2, 3).

use serde_json::json;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND},
    errors::{declined, later, no_answer, not_sent},
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{PaymentStatus, PgStatus},
};

/// A payment with two windows under one order id in which the buyer agreed.
async fn two_windows(
    bench: &Bench,
) -> (crate::model::PaymentId, crate::model::PgPaymentId, crate::model::PgPaymentId) {
    let (id, order) = bench.opened().await;
    (id, bench.in_window(&order), bench.in_window(&order))
}

#[tokio::test]
async fn second_tab_ends_nothing_of_the_first_and_it_is_charged_once() {
    // K1 gets no answer and is executed late; the other tab's K2 is declined, expires, or carries another amount.
    type End = fn(&mut crate::model::Snapshot);
    let ends: [(&str, End); 3] = [
        ("declined", |shown| shown.status = PgStatus::Failed),
        ("expired", |shown| shown.status = PgStatus::Expired),
        ("another amount", |shown| shown.total = crate::model::Money::krw(1)),
    ];
    for (what, end) in ends {
        let bench = Bench::on_confirm();
        let (id, first, second) = two_windows(&bench).await;
        bench.pg.later(Op::Confirm);
        bench.pg.fails(Op::Confirm, no_answer);
        bench.confirm(&id, &first).await.unwrap();
        bench.pg.books(|books| books.change(&second, end));
        bench.webhook(json!({ "pg_id": second.as_str(), "order_id": bench.order_of(&id).await })).await;
        let _ = bench.confirm(&id, &second).await;
        bench.run(60 * SECOND).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "{what}: K1 may be executed yet");
        assert!(bench.try_open(&id).await.is_err(), "{what}: the buyer must not pay again");
        bench.pg.execute_late();
        bench.run(MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{what}");
        assert_eq!(bench.read(&id).await.accepted().unwrap().pg_payment_id.as_ref(), Some(&first));
        assert_eq!((bench.taken(&first), bench.taken(&second)), (1, 0));
    }
}

#[tokio::test]
async fn charge_taken_after_the_buyer_paid_again_goes_back() {
    // K1 ended as not done, the buyer paid K3, and K1 was taken all the same.
    let bench = Bench::on_confirm();
    let (id, first, _) = two_windows(&bench).await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&id, &first).await.unwrap();
    bench.pg.books(|books| books.change(&first, |shown| shown.status = PgStatus::Expired));
    bench.run(2 * FINAL).await;
    bench.pg.heal();
    let order = bench.open(&id).await;
    let third = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &third).await.unwrap().payment.status(), PaymentStatus::Paid);
    bench.pg.books(|books| books.take(&first, bench.pg.clock_now()));
    bench.sweep().await;
    bench.run(HOUR).await;
    assert_eq!((bench.given_back(&first), bench.given_back(&third)), (10_000, 0));
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn paid_order_is_asked_for_no_more_money() {
    // K3's confirm waits to be sent again; meanwhile K1 is shown to have paid the order.
    type Fault = fn() -> crate::provider::ProviderError;
    let faults: [(&str, Fault, bool); 3] =
        [("not sent", not_sent, true), ("later", later, true), ("no answer", no_answer, false)];
    for (what, fault, is_over) in faults {
        let bench = Bench::on_confirm();
        let (id, first, _) = two_windows(&bench).await;
        bench.pg.fails(Op::Confirm, no_answer);
        bench.confirm(&id, &first).await.unwrap();
        bench.pg.books(|books| books.change(&first, |shown| shown.status = PgStatus::Expired));
        bench.run(2 * FINAL).await;
        let window = bench.open(&id).await;
        let third = bench.in_window(&window);
        bench.pg.fails(Op::Confirm, fault);
        bench.confirm(&id, &third).await.unwrap();
        bench.pg.books(|books| books.take(&first, bench.pg.clock_now()));
        bench.webhook(json!({ "pg_id": first.as_str(), "order_id": bench.order_of(&id).await })).await;
        bench.resolve_due().await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{what}");
        let sent = bench.pg.count(Op::Confirm);
        bench.pg.heal();
        bench.run(SECOND * 10).await;
        let record = bench.read(&id).await;
        let confirm = record.charge_at_pg(&third).unwrap().confirm.as_ref().unwrap();
        assert_eq!(confirm.outcome().is_some(), is_over, "{what}");
        bench.run(HOUR).await;
        assert_eq!((bench.pg.count(Op::Confirm), bench.taken(&third)), (sent, 0), "{what}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{what}");
    }
}

#[tokio::test]
async fn look_up_before_a_hint_is_due_loses_nothing() {
    let bench = Bench::on_confirm();
    let (id, first, _) = two_windows(&bench).await;
    bench.receive(json!({ "pg_id": first.as_str(), "order_id": bench.order_of(&id).await })).await;
    bench.verify(&id).await;
    bench.pg.books(|books| books.take(&first, bench.pg.clock_now()));
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn harmless_sibling_does_not_end_the_window_that_was_finished() {
    let bench = Bench::on_confirm();
    let (id, abandoned, finished) = two_windows(&bench).await;
    bench.pg.books(|books| books.change(&abandoned, |shown| shown.status = PgStatus::Expired));
    bench.webhook(json!({ "pg_id": abandoned.as_str(), "order_id": bench.order_of(&id).await })).await;
    bench.resolve_due().await;
    let record = bench.confirm(&id, &finished).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn failed_or_closed_tab_ends_nothing_where_we_take_the_money() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    let record = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Ready);
    let answer = bench.bring(&id, json!({ "failure": "declined" })).await;
    assert!(matches!(answer, Err(GatewayError::Declined { .. })), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "another tab may still succeed");
    assert_eq!(bench.pg.all_calls().len(), 1, "nothing is asked");
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn tabs_that_race_for_a_window_share_one_attempt() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let opened = futures_util::future::join_all((0..5).map(|_| bench.try_open(&id))).await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    assert_eq!(bench.read(&id).await.attempts.len(), 1);
}

#[tokio::test]
async fn two_confirms_of_two_tabs_take_money_once() {
    let bench = Bench::on_confirm();
    let (id, first, second) = two_windows(&bench).await;
    let answer = tokio::join!(bench.confirm(&id, &first), bench.confirm(&id, &second));
    assert!(answer.0.is_ok() && answer.1.is_ok(), "{answer:?}");
    assert_eq!(bench.taken(&first) + bench.taken(&second), 1);
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.taken(&first) + bench.taken(&second), 1);
}

#[tokio::test]
async fn second_tab_of_a_paid_payment_gets_it_and_takes_nothing() {
    let bench = Bench::on_confirm();
    let (id, first, second) = two_windows(&bench).await;
    bench.confirm(&id, &first).await.unwrap();
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(bench.taken(&second), 0);
    assert_eq!(bench.confirms(), 1);
}

#[tokio::test]
async fn decline_of_one_tab_leaves_the_other_its_confirm() {
    let bench = Bench::on_confirm();
    let (id, first, second) = two_windows(&bench).await;
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &first).await.unwrap_err();
    assert_eq!(bench.confirm(&id, &second).await.unwrap().payment.status(), PaymentStatus::Paid);
    let again = bench.confirm(&id, &first).await.unwrap();
    assert_eq!(again.payment.status(), PaymentStatus::Paid, "what the order came to");
}

/// An order whose account is past due long before its own deadline, with two windows in which the buyer agreed to pay by card.
async fn windows_beside_an_expired_account(
    bench: &Bench,
) -> (crate::model::PaymentId, crate::model::PgPaymentId, crate::model::PgPaymentId) {
    let (id, _) = bench.awaiting_deposit(3 * HOUR).await;
    bench.run(5 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let order = bench.order_of(&id).await;
    let agree = || bench.pg.books(|books| books.agree(&order, PRICE));
    (id, agree(), agree())
}

#[tokio::test]
async fn unknown_confirm_beside_an_expired_account_bars_another() {
    let bench = Bench::on_confirm();
    let (id, first, second) = windows_beside_an_expired_account(&bench).await;
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.fails(Op::Verify, no_answer);
    let answer = bench.confirm(&id, &first).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming);
    let _ = bench.confirm(&id, &second).await;
    let taken = [&first, &second].map(|id| bench.pg.books(|books| books.row(id).taken));
    assert_eq!(taken, [1, 0], "the buyer is charged once");
    let answer = bench.try_register("order-1", PRICE + 1).await;
    assert!(matches!(answer, Err(GatewayError::OrderInProgress(_))), "money of this order may be moving");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn order_registered_again_takes_no_money_by_an_old_window() {
    let bench = Bench::on_confirm();
    let (id, first, _) = windows_beside_an_expired_account(&bench).await;
    assert!(bench.try_register("order-1", PRICE + 1).await.unwrap().created);
    let answer = bench.confirm(&id, &first).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { .. })), "{answer:?}");
    assert_eq!(bench.pg.books(|books| books.row(&first).taken), 0);
}

#[tokio::test]
async fn claim_beside_an_expired_account_is_believed() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(3 * HOUR).await;
    bench.run(5 * HOUR).await;
    let card = bench.in_window(&bench.order_of(&id).await);
    for _ in 0..2 {
        bench.pg.show(vec![], true);
    }
    let answer = bench.confirm(&id, &card).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming, "the buyer has just paid");
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn window_that_nobody_confirmed_takes_no_decline_back() {
    let bench = Bench::on_confirm();
    let (id, first, second) = two_windows(&bench).await;
    bench.pg.instead(Op::Confirm, declined);
    let _ = bench.confirm(&id, &first).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    bench.advance(30 * MINUTE);
    bench.pg.books(|books| books.change(&second, |shown| shown.status = PgStatus::Expired));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": bench.order_of(&id).await })).await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
}
