//! Browser results that are made up by the hundred: what they cost the account and other payments (invariant 16).

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND},
    errors::declined,
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{MoneyMoves, PaymentId, PaymentStatus},
    store::PaymentRecord,
};

async fn make_up(
    bench: &Bench,
    id: &PaymentId,
    order: &str,
    number: usize,
) -> Result<PaymentRecord, GatewayError> {
    bench.bring(id, json!({ "pg_id": format!("made-up-{number}"), "order_id": order })).await
}

#[tokio::test]
async fn made_up_keys_of_one_payment_leave_the_limit_to_others() {
    let bench = Bench::over(ON_CONFIRM, |settings| settings.limits.requests_per_minute = Some(60));
    let (id, order) = bench.opened().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let window = bench.open(&other).await;
    let honest = bench.in_window(&window);
    let mut answer = Vec::new();
    for number in 0..100 {
        answer.push(make_up(&bench, &id, &order, number).await.unwrap_err());
    }
    assert_eq!((bench.confirms(), bench.read(&id).await.charges.len()), (6, 6));
    for answer in &answer[6..] {
        let GatewayError::ProviderUnavailable { retry_after: Some(wait) } = answer else {
            panic!("{answer:?}")
        };
        assert!(*wait <= MINUTE, "{wait:?}");
    }
    assert_eq!(bench.confirm(&other, &honest).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn made_up_results_of_one_payment_leave_the_limit_to_others() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, |settings| {
        settings.limits.requests_per_minute = Some(60);
    });
    let (id, order) = bench.opened().await;
    for number in 0..500 {
        let failure = (number % 2 == 0).then_some("declined");
        let result = json!({ "pg_id": format!("made-up-{number}"), "order_id": order, "failure": failure });
        let _ = bench.bring(&id, result).await;
    }
    let asked = bench.look_ups();
    assert!(asked <= 12, "{asked} look-ups");
    assert!(bench.read(&id).await.checks.owed.len() < 100, "{:?}", bench.read(&id).await.checks.owed);
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let window = bench.open(&other).await;
    let honest = bench.in_window(&window);
    assert_eq!(bench.confirm(&other, &honest).await.unwrap().payment.status(), PaymentStatus::Paid);
    // The buyer of this one pays as well, in the end.
    let paid = bench.in_window(&order);
    let _ = bench.confirm(&id, &paid).await;
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn failures_that_nobody_can_look_up_are_owed_once() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.pg.goes_down();
    for number in 0..200 {
        let result = json!({ "pg_id": format!("x-{number}"), "order_id": order, "failure": "declined" });
        let _ = bench.bring(&id, result).await;
        bench.advance(SECOND);
    }
    let owed = bench.read(&id).await.checks.owed;
    assert!(owed.len() < 10, "{owed:?}");
}

#[tokio::test]
async fn made_up_keys_make_a_few_dozen_charges_a_day() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let mut answer = None;
    for number in 0..1_000 {
        answer = make_up(&bench, &id, &order, number).await.err();
        bench.advance(20 * SECOND);
    }
    assert_eq!((bench.confirms(), bench.read(&id).await.charges.len()), (32, 32));
    assert!(
        matches!(answer, Some(GatewayError::InvalidState { problem: StateProblem::TooManyAttempts, .. })),
        "{answer:?}"
    );
    // The order is not lost: a day later, once the merchant opens it again, it can be paid.
    bench.run(DAY).await;
    assert!(!bench.try_register("order-1", PRICE).await.unwrap().created);
    let window = bench.open(&id).await;
    let paid = bench.in_window(&window);
    assert_eq!(bench.confirm(&id, &paid).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn buyer_who_tries_a_handful_of_cards_notices_nothing() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    for _ in 0..12 {
        let window = bench.open(&id).await;
        let refused = bench.in_window(&window);
        bench.pg.instead(Op::Confirm, declined);
        let answer = bench.confirm(&id, &refused).await;
        assert!(matches!(answer, Err(GatewayError::Declined { .. })), "{answer:?}");
        bench.advance(15 * SECOND);
    }
    let window = bench.open(&id).await;
    let paid = bench.in_window(&window);
    assert_eq!(bench.confirm(&id, &paid).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn naming_anothers_order_costs_its_payment_a_few_look_ups() {
    let bench = Bench::before_confirm();
    let (_, order) = bench.opened().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    bench.open(&other).await;
    for _ in 0..200 {
        bench.bring(&other, json!({ "pg_id": "x1", "order_id": order })).await.unwrap_err();
        bench.pass(Duration::from_millis(100)).await;
    }
    let asked = bench.look_ups();
    assert!((1..=4).contains(&asked), "{asked} in 20 s");
    bench.run(HOUR).await;
    assert!(bench.look_ups() <= asked + 2, "{}", bench.look_ups());
}

#[tokio::test]
async fn naming_anothers_payment_costs_it_a_few_look_ups() {
    let bench = Bench::before_confirm();
    let (_, order) = bench.opened().await;
    let theirs = bench.pg.books(|books| books.agree(&order, PRICE));
    let mut own = 0;
    for number in 10..110 {
        let other = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        bench.open(&other).await;
        let before = bench.look_ups();
        bench.bring(&other, json!({ "pg_id": theirs.as_str() })).await.unwrap_err();
        own += bench.look_ups() - before;
        bench.pass(Duration::from_millis(100)).await;
    }
    let of_owner = bench.look_ups() - own;
    assert!(of_owner <= 8, "{of_owner} in 10 s");
}
