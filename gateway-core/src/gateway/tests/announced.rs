//! What the PG answered and does not show, what it showed and does not any more, and whose money pays then (invariants 3, 7, 9, 12).

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, SECOND},
    errors::{not_sent, unknown},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, Money, PaymentStatus, PgPaymentId, PgStatus, ReviewOutcome},
    provider::Guard,
};

/// A cancel that the PG answers with success and shows nowhere from then on.
async fn hidden_cancel(bench: &Bench, pg_id: &PgPaymentId, id: &crate::model::PaymentId, amount: u64) {
    let (pg, hidden) = (bench.pg.clone(), pg_id.clone());
    let plain = bench.pg.books(|books| {
        books.shows_nothing = true;
        books.row(pg_id).snapshot
    });
    bench.pg.meanwhile(Op::Cancel, move || async move {
        pg.books(|books| books.change(&hidden, |shown| *shown = plain.clone()));
    });
    bench.cancel(id, Some(amount)).await.unwrap();
}

#[tokio::test]
async fn pending_cancel_that_is_not_listed_counts_until_it_ends() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.advance(MINUTE);
    bench.pg.books(|books| books.slow_refunds = true);
    hidden_cancel(&bench, &pg_id, &id, 6_000).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Pending);
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.run(2 * HOUR).await;
    assert_eq!(bench.read(&id).await.cancellable(), Money::krw(4_000));
    let answer = bench.cancel(&id, Some(6_000)).await;
    let problem = StateProblem::CancellableAmountExceeded;
    assert!(
        matches!(&answer, Err(GatewayError::InvalidState { problem: answer, .. }) if *answer == problem),
        "{answer:?}"
    );
    assert_eq!(bench.given_back(&pg_id), 6_000);
}

#[tokio::test]
async fn cancel_that_a_copied_balance_lacks_blocks_the_next() {
    let bench = Bench::before_confirm().replica(|_, pg| {
        let guards = &mut pg.description.guards;
        (guards.cancel_all, guards.cancel_part) = (vec![Guard::CopiedBalance], vec![Guard::CopiedBalance]);
    });
    let (id, pg_id) = bench.paid().await;
    bench.advance(MINUTE);
    bench.pg.books(|books| books.slow_refunds = true);
    let (pg, booked) = (bench.pg.clone(), pg_id.clone());
    hidden_cancel(&bench, &pg_id, &id, 4_000).await;
    bench.run(2 * HOUR).await;
    // The PG would compare what we say is left with 10,000.
    for amount in [Some(1_000), None] {
        let answer = bench.cancel(&id, amount).await;
        let problem = StateProblem::CancelInProgress;
        assert!(
            matches!(&answer, Err(GatewayError::InvalidState { problem: answer, .. }) if *answer == problem),
            "{answer:?}"
        );
    }
    assert_eq!(bench.cancels(), 1);
    pg.books(|books| {
        books.change(&booked, |shown| {
            (shown.cancelled, shown.cancellable) = (Money::krw(4_000), Money::krw(6_000));
        });
    });
    bench.run(2 * DAY).await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.cancels(), 2);
}

#[tokio::test]
async fn cancel_answered_done_and_never_shown_is_a_review() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.advance(MINUTE);
        hidden_cancel(&bench, &pg_id, &id, 6_000).await;
        bench.run(2 * HOUR).await;
        bench.verify(&id).await;
        bench.run(10 * MINUTE).await;
        bench.verify(&id).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        assert_eq!(bench.read(&id).await.cancellable(), Money::krw(4_000), "success is never refuted");
        bench.run(8 * DAY).await;
        assert_eq!(bench.given_back(&pg_id), 6_000);
        bench.check_ledger().await;
        // A person found that nothing went back.
        bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
        assert_eq!(bench.read(&id).await.cancellable(), Money::krw(10_000));
        bench.run(2 * DAY).await;
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn closed_money_goes_back_as_a_duplicate_only_beside_another() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.advance(MINUTE);
    let before_close = bench.pg.clock_now();
    bench.advance(10 * MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.advance(10 * MINUTE);
    let after = bench.in_window(&order);
    bench.pg.instead(Op::Cancel, not_sent);
    bench.verify(&id).await;
    bench.run(SECOND).await;
    // Another was paid before the close, shows late, and was given back by hand.
    let first = bench.pg.books(|books| books.pay(&order, PRICE, before_close));
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pg.books(|books| books.cancel_in_console(&first, PRICE, bench.pg.clock_now()));
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&after), 0, "the only money that is left");
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
}

#[tokio::test]
async fn charge_whose_change_was_decided_is_followed_again() {
    for outcome in [ReviewOutcome::Done, ReviewOutcome::NotDone] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.change(&pg_id, |shown| shown.mode = Some(crate::model::Mode::Live)));
        bench.verify(&id).await;
        assert_eq!(bench.open_reviews(&id).await, ["accepted_changed"]);
        bench.decide(&id, outcome).await.unwrap();
        bench.run(2 * DAY).await;
        bench.cancel(&id, Some(4_000)).await.unwrap();
        assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
        bench.pg.books(|books| books.cancel_in_console(&pg_id, 6_000, bench.pg.clock_now()));
        bench.verify(&id).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled, "{outcome:?}");
        bench.check_ledger().await;
    }
}

/// A paid payment whose money is gone, and what the PG showed of it.
pub(super) async fn gone_again(
    bench: &Bench,
) -> (crate::model::PaymentId, crate::model::PgPaymentId, crate::model::Snapshot) {
    let (id, pg_id) = bench.paid().await;
    let good = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.fails_after_all(&pg_id);
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["accepted_changed"]);
    (id, pg_id, good)
}

#[tokio::test]
async fn money_that_comes_again_pays_where_nothing_else_does() {
    for registered_again in [false, true] {
        let bench = Bench::before_confirm();
        let (id, pg_id, good) = gone_again(&bench).await;
        if registered_again {
            assert_eq!(bench.register().await, id, "the same terms open the same payment again");
        }
        bench.pg.books(|books| books.change(&pg_id, |shown| *shown = good.clone()));
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.given_back(&pg_id), 0, "it was sold once");
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn money_that_comes_again_beside_other_money_is_a_review() {
    for in_another_payment in [false, true] {
        let bench = Bench::before_confirm();
        let (id, pg_id, good) = gone_again(&bench).await;
        let price = if in_another_payment { 9_000 } else { PRICE };
        let paying = bench.try_register("order-1", price).await.unwrap().record.payment.id;
        assert_eq!(paying != id, in_another_payment);
        let window = bench.open(&paying).await;
        let second = bench.pg.books(|books| books.pay(&window, price, bench.pg.clock_now()));
        bench.confirm(&paying, &second).await.unwrap();
        bench.pg.books(|books| books.change(&pg_id, |shown| *shown = good.clone()));
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!((bench.given_back(&pg_id), bench.given_back(&second)), (0, 0), "each was sold once");
        assert_eq!(bench.status(&paying).await, PaymentStatus::Paid);
        assert_eq!(bench.read(&paying).await.accepted().unwrap().pg_payment_id.as_ref(), Some(&second));
        assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn money_accepted_by_a_person_makes_the_newer_payment_give_way() {
    for newer_pays in [false, true] {
        let bench = Bench::before_confirm();
        let (old, order) = bench.opened().await;
        let paid = bench.in_window(&order);
        bench.pg.books(|books| books.change(&paid, |shown| shown.mode = Some(crate::model::Mode::Live)));
        bench.verify(&old).await;
        bench.run(PAYABLE_FOR + HOUR).await;
        let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
        let window = bench.open(&new).await;
        let pay = || bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
        if newer_pays {
            bench.confirm(&new, &pay()).await.unwrap();
            let answer = bench.decide(&old, ReviewOutcome::Done).await;
            assert!(matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })), "{answer:?}");
            continue;
        }
        bench.decide(&old, ReviewOutcome::Done).await.unwrap();
        assert_eq!(
            (bench.status(&old).await, bench.status(&new).await),
            (PaymentStatus::Paid, PaymentStatus::Cancelled)
        );
        // Money that comes for the newer one all the same goes back.
        let second = pay();
        let _ = bench.confirm(&new, &second).await;
        bench.run(DAY).await;
        assert_eq!((bench.given_back(&paid), bench.given_back(&second)), (0, 9_000));
    }
}

#[tokio::test]
async fn of_two_that_are_seen_at_once_the_one_with_money_pays() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let first = bench.in_window(&order);
    bench.pg.books(|books| books.cancel_in_console(&first, PRICE, bench.pg.clock_now()));
    let second = bench.in_window(&order);
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.run(DAY).await;
    assert_eq!(bench.given_back(&second), 0);
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn unsent_duplicate_pays_when_the_deposit_is_reversed() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.verify(&id).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.pg.books(|books| books.reverse(&account));
    let card = bench.pg.books(|books| books.pay(&order, PRICE, bench.pg.clock_now()));
    for _ in 0..2 {
        bench.verify(&id).await;
        bench.run(5 * MINUTE).await;
    }
    bench.verify(&id).await;
    assert_eq!((bench.status(&id).await, bench.given_back(&card)), (PaymentStatus::Paid, 0));
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn claim_and_pending_that_nobody_knows_for_a_week_are_reviews() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let paid = bench.in_window(&order);
    bench.pg.fails(Op::Verify, unknown);
    bench.confirm(&id, &paid).await.unwrap();
    bench.run(8 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"]);
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        let pending = bench.pg.books(|books| {
            let pending = books.agree(&order, PRICE);
            books.change(&pending, |shown| shown.status = PgStatus::Pending);
            pending
        });
        bench.confirm(&id, &pending).await.unwrap();
        bench.run(9 * DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
        assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"]);
    }
}
