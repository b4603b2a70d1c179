//! Money that a person has to decide about, and what their decision does (invariants 9, 11, 12).

use super::{
    announced::gone_again,
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR},
    errors::not_sent,
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{Mode, Money, PaymentId, PaymentStatus, PgPaymentId, ReviewOutcome},
};

/// Money under an order id in another mode than the account's: nothing says whether it was sold.
fn odd_money(bench: &Bench, order: &str) -> PgPaymentId {
    let paid_at = bench.pg.clock_now();
    bench.pg.books(|books| {
        let odd = books.pay(order, PRICE, paid_at);
        books.change(&odd, |shown| shown.mode = Some(Mode::Live));
        odd
    })
}

/// A payment with such money; and the PG's id of it.
async fn with_odd_money(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, order) = bench.opened().await;
    let odd = odd_money(bench, &order);
    assert!(matches!(bench.confirm(&id, &odd).await, Err(GatewayError::Mismatch(_))));
    assert_eq!(bench.open_reviews(&id).await, ["mismatch_not_cancelled"]);
    (id, odd)
}

/// An expired payment with such money, that money, and the order's newer payment with an open window.
async fn odd_money_behind_a_newer_payment(bench: &Bench) -> (PaymentId, PgPaymentId, PaymentId) {
    let (old, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    let odd = odd_money(bench, &order);
    bench.verify(&old).await;
    let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    bench.open(&new).await;
    (old, odd, new)
}

fn must_be_not_done(answer: &Result<crate::store::PaymentRecord, GatewayError>) -> bool {
    matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. }))
}

#[tokio::test]
async fn accepted_by_a_person_it_takes_the_place_of_an_unpaid_account() {
    let bench = Bench::before_confirm();
    let (id, odd) = with_odd_money(&bench).await;
    let account = bench.issued(&bench.open(&id).await, PRICE, DAY);
    bench.confirm(&id, &account).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    let record = bench.decide(&id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&odd));
}

/// Money of a wrong amount, of which the PG lets only a part be cancelled, and whose compensation cannot be sent.
async fn with_money_to_go_back(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, order) = bench.opened().await;
    let short = bench.pg.books(|books| books.pay(&order, PRICE - 1_000, bench.pg.clock_now()));
    bench.pg.books(|books| books.change(&short, |shown| shown.cancellable = Money::krw(4_000)));
    (id, short)
}

#[tokio::test]
async fn accepted_by_a_person_nothing_of_it_goes_back() {
    let bench = Bench::before_confirm();
    let (id, short) = with_money_to_go_back(&bench).await;
    bench.pg.fails(Op::Cancel, not_sent);
    bench.verify(&id).await;
    bench.run(MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["mismatch_not_cancelled"]);
    bench.decide(&id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "the merchant ships");
    bench.pg.heal();
    bench.run(DAY).await;
    assert_eq!((bench.status(&id).await, bench.given_back(&short)), (PaymentStatus::Paid, 0));
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn on_its_way_back_it_cannot_be_accepted() {
    let bench = Bench::before_confirm();
    let (id, short) = with_money_to_go_back(&bench).await;
    let (other, payment) = (bench.replica(|_, _| ()), id.clone());
    bench.pg.before(Op::Cancel, move || async move {
        let answer = other.decide(&payment, ReviewOutcome::Done).await;
        let is_under_way =
            matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::RequestUnderWay, .. }));
        assert!(is_under_way, "{answer:?}");
    });
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&short), 4_000);
    assert_ne!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn beside_other_money_it_cannot_be_accepted() {
    let bench = Bench::before_confirm();
    let (id, odd) = with_odd_money(&bench).await;
    let second = bench.in_window(&bench.open(&id).await);
    bench.confirm(&id, &second).await.unwrap();
    let answer = bench.decide(&id, ReviewOutcome::Done).await;
    assert!(must_be_not_done(&answer), "{answer:?}");
    assert_eq!(
        bench.open_reviews(&id).await,
        ["mismatch_not_cancelled"],
        "both are there: an operator has to know"
    );
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    assert_eq!(bench.read(&id).await.accepted().unwrap().pg_payment_id.as_ref(), Some(&second));
    assert_eq!(bench.given_back(&odd), 0);
}

#[tokio::test]
async fn gone_before_the_decision_it_pays_nothing() {
    let bench = Bench::before_confirm();
    let (old, odd, new) = odd_money_behind_a_newer_payment(&bench).await;
    bench.fails_after_all(&odd);
    bench.verify(&old).await;
    bench.run(10 * MINUTE).await;
    let answer = bench.decide(&old, ReviewOutcome::Done).await;
    assert!(must_be_not_done(&answer), "{answer:?}");
    assert_eq!(bench.status(&new).await, PaymentStatus::Ready, "the order's newest payment stays payable");
}

#[tokio::test]
async fn gone_and_here_once_more_it_is_still_a_persons_to_decide() {
    for in_another_payment in [false, true] {
        let bench = Bench::before_confirm();
        let (id, first, good) = gone_again(&bench).await;
        let price = if in_another_payment { 9_000 } else { PRICE };
        let paying = bench.try_register("order-1", price).await.unwrap().record.payment.id;
        let window = bench.open(&paying).await;
        let second = bench.pg.books(|books| books.pay(&window, price, bench.pg.clock_now()));
        bench.confirm(&paying, &second).await.unwrap();
        for _ in 0..2 {
            bench.pg.books(|books| books.change(&first, |shown| *shown = good.clone()));
            bench.verify(&id).await;
            bench.run(HOUR).await;
            assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
            assert_eq!(bench.given_back(&first), 0, "what paid the order once never goes back by itself");
            bench.fails_after_all(&first);
            bench.verify(&id).await;
            bench.run(10 * MINUTE).await;
        }
    }
}

#[tokio::test]
async fn accepted_money_that_shrinks_again_is_another_review() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    for left in [9_000, 1_000] {
        bench.pg.books(|books| {
            books.change(&pg_id, |shown| {
                (shown.paid, shown.cancellable) = (Money::krw(left), Money::krw(left));
            });
        });
        bench.verify(&id).await;
        bench.run(10 * MINUTE).await;
        assert_eq!(bench.open_reviews(&id).await, ["accepted_changed"], "{left}");
        bench.decide(&id, ReviewOutcome::Done).await.unwrap();
        bench.run(2 * DAY).await;
        assert!(bench.open_reviews(&id).await.is_empty());
        assert_eq!(bench.read(&id).await.payment.shown.amount_paid, Money::krw(left));
    }
}

#[tokio::test]
async fn duplicate_cancelled_by_hand_that_comes_again_is_judged() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let good = bench.pg.books(|books| books.row(&second).snapshot);
    bench.pg.books(|books| books.cancel_in_console(&second, PRICE, bench.pg.clock_now()));
    bench.verify(&id).await;
    bench.pg.books(|books| books.change(&second, |shown| shown.cancels = Some(Vec::new())));
    bench.fails_after_all(&second);
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    bench.pg.books(|books| books.change(&second, |shown| *shown = good.clone()));
    bench.verify(&id).await;
    bench.run(HOUR).await;
    let is_expected = bench.given_back(&second) > PRICE || !bench.open_reviews(&id).await.is_empty();
    assert!(is_expected, "the merchant holds the money of two");
}

#[tokio::test]
async fn money_that_went_back_closes_no_newer_payment() {
    let bench = Bench::before_confirm();
    let (old, odd, new) = odd_money_behind_a_newer_payment(&bench).await;
    bench.pg.books(|books| books.cancel_in_console(&odd, PRICE, bench.pg.clock_now()));
    bench.verify(&old).await;
    bench.run(10 * MINUTE).await;
    let answer = bench.decide(&old, ReviewOutcome::Done).await;
    assert!(must_be_not_done(&answer), "{answer:?}");
    assert_eq!(bench.status(&new).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn promoted_duplicate_that_comes_and_goes_is_never_cancelled() {
    let bench = Bench::before_confirm();
    let (id, first, sold) = bench.paid_twice().await;
    let there = bench.pg.books(|books| books.row(&sold).snapshot);
    let is_gone = async |money: &PgPaymentId| {
        bench.fails_after_all(money);
        bench.verify(&id).await;
        bench.run(10 * MINUTE).await;
    };
    bench.verify(&id).await;
    is_gone(&first).await;
    assert_eq!(bench.read(&id).await.accepted().unwrap().pg_payment_id.as_ref(), Some(&sold));
    is_gone(&sold).await;
    let third = bench.in_window(&bench.open(&id).await);
    bench.confirm(&id, &third).await.unwrap();
    for _ in 0..2 {
        bench.pg.books(|books| books.change(&sold, |shown| *shown = there.clone()));
        bench.verify(&id).await;
        bench.run(HOUR).await;
        assert_eq!((bench.status(&id).await, bench.given_back(&sold)), (PaymentStatus::Paid, 0));
        assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
        is_gone(&sold).await;
    }
}
