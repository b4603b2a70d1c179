//! A merchant's close of an account, and money that comes after it or beside it (invariants 6, 12).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, new_cancel},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{CancelStatus, LatePayments, MoneyMoves, PaymentId, PaymentStatus, PgPaymentId, Snapshot},
};

/// Money comes into an account, and a webhook says so.
async fn deposited(bench: &Bench, account: &PgPaymentId) {
    bench.pg.books(|books| books.take(account, bench.pg.clock_now()));
    bench.webhook(json!({ "pg_id": account.as_str() })).await;
}

/// A payment whose account was closed without an answer and is past due, that was registered again; then the close is shown
/// done. And that account.
async fn reopened_with_old_close_done(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, account) = bench.awaiting_deposit(2 * HOUR).await;
    bench.advance(MINUTE);
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.run(6 * HOUR).await;
    assert_eq!(bench.register().await, id, "reopened");
    bench.pg.heal();
    bench.run(8 * HOUR).await;
    let record = bench.read(&id).await;
    assert_eq!(record.charges[0].closes[0].status, CancelStatus::Done);
    assert_eq!(record.payment.status(), PaymentStatus::Ready);
    (id, account)
}

fn late_is_cancelled(money_moves: MoneyMoves) -> Bench {
    Bench::over(money_moves, |settings| settings.late_payments = LatePayments::Cancel)
}

#[tokio::test]
async fn late_deposit_into_an_old_account_closes_no_reopened_payment() {
    for money_moves in [MoneyMoves::BeforeConfirm, ON_CONFIRM] {
        let bench = late_is_cancelled(money_moves);
        let (id, account) = reopened_with_old_close_done(&bench).await;
        let window = bench.open(&id).await;
        deposited(&bench, &account).await;
        bench.run(10 * MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "{money_moves:?}: open for the buyer");
        let card = bench.in_window(&window);
        bench.confirm(&id, &card).await.unwrap();
        bench.run(HOUR).await;
        assert_eq!((bench.status(&id).await, bench.given_back(&card)), (PaymentStatus::Paid, 0));
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn old_close_ends_no_confirm_without_an_answer() {
    let bench = late_is_cancelled(ON_CONFIRM);
    let (id, account) = reopened_with_old_close_done(&bench).await;
    let card = bench.in_window(&bench.open(&id).await);
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    let answer = bench.confirm(&id, &card).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming);
    deposited(&bench, &account).await;
    bench.resolve_due().await;
    assert_ne!(bench.status(&id).await, PaymentStatus::Cancelled);
    bench.run(HOUR).await;
    assert_eq!((bench.status(&id).await, bench.given_back(&card)), (PaymentStatus::Paid, 0));
}

#[tokio::test]
async fn duplicate_behind_an_old_close_needs_intact_money_beside_it() {
    let bench = Bench::before_confirm();
    let (id, account) = reopened_with_old_close_done(&bench).await;
    let window = bench.open(&id).await;
    let card = bench.in_window(&window);
    bench.confirm(&id, &card).await.unwrap();
    bench.run(MINUTE).await;
    deposited(&bench, &account).await;
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    // Another tab pays too; then what paid the order is given back in the console.
    let third = bench.in_window(&window);
    bench.pg.books(|books| books.cancel_in_console(&card, PRICE, bench.pg.clock_now()));
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&third), 0);
}

#[tokio::test]
async fn deposit_pays_once_the_card_before_the_close_is_gone() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "it was paid before the close");
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.look_up_until_shown(&id).await;
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn deposit_beside_a_reversed_one_pays_despite_an_old_close() {
    let bench = Bench::before_confirm();
    let (id, old) = reopened_with_old_close_done(&bench).await;
    let account = bench.issued(&bench.open(&id).await, PRICE, 3 * DAY);
    bench.confirm(&id, &account).await.unwrap();
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    deposited(&bench, &old).await;
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pg.books(|books| books.reverse(&account));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "the other deposit is there");
}

#[tokio::test]
async fn closed_payment_stays_closed_when_a_later_deposit_is_gone() {
    for (is_failed, due_in) in [(true, DAY), (false, 2 * HOUR)] {
        for bench in Bench::both() {
            let (id, account) = bench.awaiting_deposit(due_in).await;
            let window = bench.order_of(&id).await;
            bench.advance(MINUTE);
            bench.cancel(&id, None).await.unwrap();
            bench.advance(MINUTE);
            bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
            bench.verify(&id).await;
            bench.run(4 * HOUR).await;
            assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
            if is_failed {
                bench.fails_after_all(&account);
            } else {
                bench.pg.books(|books| books.reverse(&account));
            }
            bench.look_up_until_shown(&id).await;
            assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
            let card = bench.in_window(&window);
            bench.webhook(json!({ "pg_id": card.as_str(), "order_id": window })).await;
            bench.run(HOUR).await;
            let is_taken_alone = bench.pg.money_moves == MoneyMoves::BeforeConfirm;
            assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
            assert_eq!(bench.given_back(&card), if is_taken_alone { PRICE } else { 0 });
            assert_ne!(bench.try_register("order-1", PRICE).await.unwrap().record.payment.id, id);
            bench.check_ledger().await;
        }
    }
}

#[tokio::test]
async fn close_that_is_done_after_the_deposit_cancels_no_duplicate() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let window = bench.order_of(&id).await;
    bench.advance(MINUTE);
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    bench.pg.heal();
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    // As a gateway would leave it whose PG says "closed" of what was paid.
    let lie = |draft: &mut crate::lifecycle::Draft, _: &crate::lifecycle::Context<'_>| {
        let closes = draft.record.charges.iter_mut().flat_map(|charge| &mut charge.closes);
        closes.for_each(|close| close.status = CancelStatus::Done);
    };
    bench.gateway.core.update(&bench.merchant, &id, lie).await.unwrap();
    let second = bench.in_window(&window);
    bench.pg.books(|books| books.reverse(&account));
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&second), 0, "nothing shows beside it that is all there");
}

#[tokio::test]
async fn close_of_an_account_counts_after_a_refused_close() {
    let bench = Bench::before_confirm();
    let (id, window) = bench.opened().await;
    // A card is paid and shown late; the merchant closes before that.
    let paid_at = bench.pg.clock_now();
    bench.advance(MINUTE);
    let (_, first) = bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    let card = bench.pg.books(|books| books.pay(&window, PRICE, paid_at));
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.register().await, id, "reopened");
    let account = bench.issued(&bench.open(&id).await, PRICE, DAY);
    bench.confirm(&id, &account).await.unwrap();
    bench.advance(MINUTE);
    let (answer, second) = bench.cancel_with(&id, new_cancel(None), Some("k2")).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Cancelled);
    bench.advance(MINUTE);
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert!(bench.try_open(&id).await.is_err());
    let shown: Vec<_> = bench.read(&id).await.view().cancels.iter().map(|cancel| cancel.id.clone()).collect();
    assert_eq!(shown, [first, second], "each close is shown once");
    bench.check_ledger().await;
}

/// A payment whose account was paid and accepted, failed, and waits again; that account, and what it was when it was paid.
async fn waits_again(bench: &Bench) -> (PaymentId, PgPaymentId, Snapshot) {
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let waiting = bench.pg.books(|books| books.row(&account).snapshot);
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    let paid = bench.pg.books(|books| books.row(&account).snapshot);
    bench.look_up_until_shown(&id).await;
    bench.fails_after_all(&account);
    bench.look_up_until_shown(&id).await;
    bench.pg.books(|books| books.change(&account, |shown| *shown = waiting));
    bench.look_up_until_shown(&id).await;
    (id, account, paid)
}

#[tokio::test]
async fn account_that_waits_again_is_closed_like_any_other() {
    let bench = Bench::before_confirm();
    let (id, _, _) = waits_again(&bench).await;
    bench.cancel(&id, None).await.unwrap();
    bench.advance(MINUTE);
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!((bench.status(&id).await, bench.given_back(&card)), (PaymentStatus::Cancelled, PRICE));
}

#[tokio::test]
async fn second_close_leaves_the_first_and_its_key() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close = Vec::new());
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let paid_at = bench.pg.clock_now();
    bench.advance(MINUTE);
    let (_, first) = bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    // The deposit came first, and is shown late; then it is reversed.
    bench.pg.books(|books| books.take(&account, paid_at));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pg.books(|books| books.reverse(&account));
    bench.look_up_until_shown(&id).await;
    bench.cancel_with(&id, new_cancel(None), Some("k2")).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    let answer = bench.gateway.cancel_result(&bench.merchant, &id, &first).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
    assert_eq!(bench.read(&id).await.view().cancels.len(), 2);
}

#[tokio::test]
async fn money_of_a_closed_account_that_comes_again_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, account, paid) = waits_again(&bench).await;
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    bench.pg.books(|books| books.change(&account, |shown| *shown = paid));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
    assert_eq!(bench.given_back(&account), 0);
}
