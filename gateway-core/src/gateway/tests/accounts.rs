//! Accounts beside accounts: which one the buyer is to pay into, and what a close means for the others (invariants 9, 12, 14).

use serde_json::json;

use super::{
    announced::gone_again,
    bench::{Bench, DAY, HOUR, MINUTE},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentId, PaymentStatus, PgPaymentId, PgStatus},
};

/// A payment that waits for a deposit into the account of one tab, beside the account of another; and that one's id.
async fn two_accounts(bench: &Bench) -> (PaymentId, PgPaymentId, PgPaymentId) {
    let (id, first) = bench.awaiting_deposit(DAY).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.issued(&order, PRICE, DAY);
    bench.verify(&id).await;
    bench.advance(MINUTE);
    (id, first, second)
}

#[tokio::test]
async fn close_of_the_account_closes_the_others() {
    let bench = Bench::before_confirm();
    let (id, first, second) = two_accounts(&bench).await;
    bench.cancel(&id, None).await.unwrap();
    bench.run(MINUTE).await;
    let status = |account: &PgPaymentId| bench.pg.books(|books| books.row(account).snapshot.status);
    assert_eq!((status(&first), status(&second)), (PgStatus::Closed, PgStatus::Closed));
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
}

#[tokio::test]
async fn money_that_comes_after_the_close_of_an_account_goes_back() {
    for can_close in [false, true] {
        let bench = Bench::before_confirm().replica(|_, pg| {
            pg.description.guards.close =
                if can_close { vec![crate::provider::Guard::Charge] } else { Vec::new() };
        });
        let (id, _) = bench.awaiting_deposit(DAY).await;
        bench.advance(MINUTE);
        let closed = bench.cancel(&id, None).await.unwrap();
        assert_eq!(closed.payment.status(), PaymentStatus::Cancelled);
        bench.advance(MINUTE);
        let card = bench.in_window(&bench.order_of(&id).await);
        bench.verify(&id).await;
        bench.run(HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled, "can close: {can_close}");
        assert_eq!(bench.given_back(&card), PRICE, "can close: {can_close}");
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn account_that_is_issued_after_the_close_of_another_is_closed() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(DAY).await;
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    let order = bench.order_of(&id).await;
    let later = bench.issued(&order, PRICE, DAY);
    bench.webhook(json!({ "pg_id": later.as_str(), "order_id": order })).await;
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert_eq!(bench.pg.books(|books| books.row(&later).snapshot.status), PgStatus::Closed);
}

#[tokio::test]
async fn deposit_before_a_close_that_was_done_refuses_it() {
    let bench = Bench::on_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let paid_at = bench.pg.clock_now();
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    bench.pg.books(|books| books.take(&account, paid_at));
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges[0].closes[0].status, CancelStatus::Refused, "the money came first");
}

#[tokio::test]
async fn account_takes_the_place_of_one_that_ended() {
    let bench = Bench::before_confirm();
    let (id, first, second) = two_accounts(&bench).await;
    bench.pg.books(|books| books.change(&first, |shown| shown.status = PgStatus::Expired));
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::AwaitingDeposit);
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&second));
}

#[tokio::test]
async fn account_takes_the_place_of_money_that_is_gone() {
    let bench = Bench::before_confirm();
    let (id, money) = bench.paid().await;
    bench.fails_after_all(&money);
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    let account = bench.issued(&bench.open(&id).await, PRICE, DAY);
    let answer = bench.confirm(&id, &account).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::AwaitingDeposit);
}

#[tokio::test]
async fn account_takes_the_place_of_one_that_is_past_due() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(2 * HOUR).await;
    let second = bench.issued(&bench.order_of(&id).await, PRICE, 3 * DAY);
    bench.verify(&id).await;
    bench.run(6 * HOUR).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::AwaitingDeposit);
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&second));
}

/// An account whose close got no answer until it was past due and the order was registered again.
async fn reopened_beside_an_open_close(bench: &Bench) -> PaymentId {
    let (id, _) = bench.awaiting_deposit(2 * HOUR).await;
    bench.advance(MINUTE);
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.run(6 * HOUR).await;
    assert_eq!(bench.register().await, id, "the same terms open the same payment again");
    id
}

#[tokio::test]
async fn old_close_refunds_nothing_of_a_reopened_payment() {
    for bench in Bench::both() {
        let id = reopened_beside_an_open_close(&bench).await;
        bench.pg.heal();
        bench.run(8 * HOUR).await;
        let card = bench.in_window(&bench.open(&id).await);
        bench.confirm(&id, &card).await.unwrap();
        bench.run(HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.given_back(&card), 0);
    }
}

#[tokio::test]
async fn old_close_leaves_the_account_of_a_reopened_payment_open() {
    let bench = Bench::before_confirm();
    let id = reopened_beside_an_open_close(&bench).await;
    let account = bench.issued(&bench.open(&id).await, PRICE, 3 * DAY);
    bench.confirm(&id, &account).await.unwrap();
    bench.pg.heal();
    bench.run(12 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
}

#[tokio::test]
async fn close_of_an_account_ends_with_the_money_that_came_before_it() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(DAY).await;
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "it was paid before the close");
    bench.fails_after_all(&card);
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    let second = bench.in_window(&bench.open(&id).await);
    bench.confirm(&id, &second).await.unwrap();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.given_back(&second), 0);
}

#[tokio::test]
async fn money_that_comes_again_after_a_close_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, card, good) = gone_again(&bench).await;
    let account = bench.issued(&bench.open(&id).await, PRICE, DAY);
    bench.confirm(&id, &account).await.unwrap();
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.change(&card, |shown| *shown = good.clone()));
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
    assert_eq!(bench.given_back(&card), 0);
}

#[tokio::test]
async fn close_under_way_is_not_lost_to_another_account() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(2 * HOUR).await;
    let second = bench.issued(&bench.order_of(&id).await, PRICE, 3 * DAY);
    bench.verify(&id).await;
    bench.advance(HOUR);
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.run(3 * HOUR).await;
    bench.pg.heal();
    bench.run(8 * HOUR).await;
    let record = bench.read(&id).await;
    let closes: Vec<_> = record.charges.iter().flat_map(|charge| &charge.closes).collect();
    assert!(closes.iter().any(|close| close.status == CancelStatus::Done), "{closes:?}");
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert_eq!(bench.pg.books(|books| books.row(&second).snapshot.status), PgStatus::Closed);
}
