//! Closes whose account lost to other money, or may yet: none stands beside money that pays the order (invariants 6, 12).

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, new_cancel},
    errors::{no_answer, not_sent},
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    model::{
        CancelId, CancelStatus, EventKind, PaymentId, PaymentStatus, PgPaymentId, PgStatus, ReviewOutcome,
    },
    store::PaymentStore,
};

/// An account that waits, a close of it that gets no answers, and a card in the same window that pays.
async fn unanswered_close_beside_a_card(bench: &Bench) -> (PaymentId, CancelId, PgPaymentId) {
    let (id, _) = bench.awaiting_deposit(30 * DAY).await;
    bench.advance(MINUTE);
    bench.pg.fails(Op::Cancel, no_answer);
    let (_, close) = bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.confirm(&id, &card).await.unwrap();
    (id, close, card)
}

#[tokio::test]
async fn close_of_an_account_that_lost_to_an_earlier_card_is_refused() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(DAY).await;
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.advance(MINUTE);
    let (_, close) = bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    let answer = bench.gateway.cancel_result(&bench.merchant, &id, &close).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
    // The card fails after all: the merchant's answer was that the order is not closed.
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    assert!(bench.read(&id).await.view().cancels.iter().all(|row| row.status == CancelStatus::Refused));
}

/// An account that waits, its close, whose answer is lost, and money that comes by card in the meantime.
async fn paid_beside_a_close(bench: &Bench) -> (PaymentId, CancelId, PgPaymentId) {
    let (id, _) = bench.awaiting_deposit(DAY).await;
    bench.advance(MINUTE);
    bench.pg.after(Op::Cancel, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    let (_, close) = bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.confirm(&id, &card).await.unwrap();
    (id, close, card)
}

#[tokio::test]
async fn close_that_is_done_beside_other_money_is_refused() {
    for bench in Bench::both() {
        let (id, close, card) = paid_beside_a_close(&bench).await;
        bench.look_up_until_shown(&id).await;
        let is_paid = bench.status(&id).await == PaymentStatus::Paid;
        let answer = bench.gateway.cancel_result(&bench.merchant, &id, &close).await;
        assert_eq!(matches!(answer, Err(GatewayError::CancelRefused { .. })), is_paid, "{answer:?}");
        let taken = bench.pg.books(|books| books.row(&card).taken);
        assert_eq!(bench.given_back(&card), 0);
        assert_eq!(u64::from(taken), u64::from(is_paid), "what is taken pays");
    }
}

#[tokio::test]
async fn person_who_calls_a_close_done_closes_no_paid_order() {
    let bench = Bench::before_confirm();
    let (id, close, _) = unanswered_close_beside_a_card(&bench).await;
    bench.run(9 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_close"]);
    bench.decide(&id, ReviewOutcome::Done).await.unwrap();
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.cancel_view(&close).unwrap().status, CancelStatus::Refused);
}

#[tokio::test]
async fn account_that_we_are_closing_pays_no_order_again() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(2 * DAY).await;
    bench.pg.fails(Op::Cancel, not_sent);
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.confirm(&id, &card).await.unwrap();
    bench.run(MINUTE).await;
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed, "the buyer opens another window");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "nobody asked for a close of the order");
    let again = bench.in_window(&bench.open(&id).await);
    bench.confirm(&id, &again).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn close_done_once_the_money_beside_it_is_gone_counts() {
    let bench = Bench::before_confirm();
    let (id, close, card) = unanswered_close_beside_a_card(&bench).await;
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    bench.pg.heal();
    bench.run(2 * HOUR).await;
    let record = bench.read(&id).await;
    assert_eq!(record.cancel_view(&close).unwrap().status, CancelStatus::Done);
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled, "nobody may pay what the merchant closed");
}

#[tokio::test]
async fn close_that_meets_money_is_never_answered_done() {
    for (runs_for, fails) in [(MINUTE, false), (MINUTE, true), (HOUR, false)] {
        let bench = Bench::before_confirm();
        let (id, _) = bench.awaiting_deposit(2 * DAY).await;
        bench.advance(MINUTE);
        let (other, payment, window) = (bench.replica(|_, _| ()), id.clone(), bench.order_of(&id).await);
        bench.pg.meanwhile(Op::Cancel, move || async move {
            let card = other.in_window(&window);
            other.confirm(&payment, &card).await.unwrap();
            other.run(runs_for).await;
            if fails {
                other.pg.fails(Op::Verify, no_answer);
            }
        });
        let answer = bench.cancel_with(&id, new_cancel(None), Some("k1")).await;
        assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        let events = bench.store.events_of(&bench.merchant, &id).await.unwrap();
        let is_done = |kind: &EventKind| *kind == EventKind::Cancel(CancelStatus::Done);
        assert!(!events.iter().any(|stored| is_done(&stored.event.kind)), "{events:#?}");
    }
}

#[tokio::test]
async fn account_that_was_closed_beside_money_pays_no_order_again() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(2 * DAY).await;
    let card = bench.in_window(&bench.order_of(&id).await);
    bench.advance(MINUTE);
    bench.cancel_with(&id, new_cancel(None), Some("k1")).await.unwrap();
    bench.pg.books(|books| books.change(&account, |shown| shown.status = PgStatus::AwaitingDeposit));
    bench.look_up_until_shown(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "the card came first");
    bench.fails_after_all(&card);
    bench.look_up_until_shown(&id).await;
    assert_ne!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
}
