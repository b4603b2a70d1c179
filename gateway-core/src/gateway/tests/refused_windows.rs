//! A PG that answers a second request for a window with an error: the open window is still looked up (invariants 13, 15).

use serde_json::json;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, PAYABLE_FOR, SECOND},
    errors::{Fails, declined, invalid, later, misconfigured, no_answer, unknown},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem, admissions::RESULTS_A_MINUTE},
    lifecycle::tests::sample::PRICE,
    model::{Device, LatePayments, MoneyMoves, PaymentId, PaymentStatus, Preparation},
    store::PaymentRecord,
};

/// A payment whose window is open, and which the PG refused to prepare for a second device with this error.
async fn refused_elsewhere(bench: &Bench, error: Fails) -> (PaymentId, String) {
    let (id, order) = bench.opened().await;
    bench.pg.instead(Op::Request, error);
    drop(open_on_phone(bench, &id).await);
    (id, order)
}

async fn open_on_phone(bench: &Bench, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
    let opened = bench.gateway.next_action(&bench.merchant, id, Device::Mobile, None).await;
    opened.map(|(record, _)| record)
}

#[tokio::test]
async fn refused_second_device_keeps_the_look_ups() {
    for error in [later as Fails, misconfigured, declined, invalid, unknown] {
        let bench = Bench::before_confirm();
        let (id, order) = refused_elsewhere(&bench, error).await;
        bench.in_window(&order);
        // No webhook comes, no sweep runs.
        bench.run(PAYABLE_FOR + HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn refused_second_device_is_looked_up_before_a_close() {
    let bench = Bench::before_confirm();
    let (id, order) = refused_elsewhere(&bench, later).await;
    let paid = bench.in_window(&order);
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    assert!(bench.look_ups() > 0);
    assert_eq!(bench.given_back(&paid), PRICE, "what was to be closed is refunded");
}

#[tokio::test]
async fn pg_that_says_paid_is_looked_up_before_another_window() {
    for error in [declined as Fails, invalid, later] {
        let bench = Bench::before_confirm();
        let (id, order) = bench.opened().await;
        bench.in_window(&order);
        bench.pg.instead(Op::Request, error);
        let answer = match open_on_phone(&bench, &id).await {
            Err(GatewayError::ProviderUnavailable { .. }) => open_on_phone(&bench, &id).await,
            answer => answer,
        };
        assert!(
            matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })),
            "{answer:?}"
        );
        let record = bench.read(&id).await;
        assert_eq!((record.payment.status(), record.attempts.len()), (PaymentStatus::Paid, 1));
    }
}

#[tokio::test]
async fn look_up_without_an_answer_opens_no_other_window() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.pg.instead(Op::Request, declined);
    bench.pg.fails(Op::Verify, no_answer);
    for _ in 0..2 {
        let answer = open_on_phone(&bench, &id).await;
        assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
    }
    assert_eq!(bench.read(&id).await.attempts.len(), 1);
}

#[tokio::test]
async fn refused_order_id_gets_another_once_it_shows_unpaid() {
    let bench = Bench::before_confirm();
    let (id, order) = refused_elsewhere(&bench, misconfigured).await;
    bench.advance(FINAL);
    let record = open_on_phone(&bench, &id).await.unwrap();
    assert_ne!(record.attempts.last().unwrap().pg_order_id.as_str(), order);
    let asked = bench.look_ups();
    open_on_phone(&bench, &id).await.unwrap();
    assert_eq!((asked, bench.look_ups()), (1, 1), "one look-up for each refusal");
}

#[tokio::test]
async fn payment_past_its_deadline_is_not_looked_up_for_a_window() {
    let bench = Bench::before_confirm();
    let (id, _) = refused_elsewhere(&bench, later).await;
    bench.advance(PAYABLE_FOR + MINUTE);
    let answer = open_on_phone(&bench, &id).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { .. })), "{answer:?}");
    assert_eq!(bench.look_ups(), 0);
}

#[tokio::test]
async fn refusal_that_loses_the_race_keeps_the_look_ups() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let (other, payment) = (bench.replica(|_, _| ()), id.clone());
    bench.pg.instead_late(Op::Request, move || async move { drop(other.open(&payment).await) }, later);
    bench.try_open(&id).await.unwrap_err();
    let attempt = bench.read(&id).await.attempts.remove(0);
    assert!(matches!(attempt.preparation, Preparation::Ready(_)));
    assert!(attempt.takes_money_before_confirm());
}

#[tokio::test]
async fn result_ahead_of_the_pg_keeps_the_buyer_from_paying_twice() {
    let bench = Bench::before_confirm();
    let (id, order) = refused_elsewhere(&bench, later).await;
    // The browser result comes before the PG shows the money.
    let answer = bench.bring(&id, json!({ "pg_id": "pg1", "order_id": order })).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming);
    bench.in_window(&order);
    let answer = bench.try_open(&id).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { .. })), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn payment_of_a_refused_attempt_may_be_late() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, |settings| {
        settings.late_payments = LatePayments::Cancel;
    });
    let (id, order) = refused_elsewhere(&bench, later).await;
    bench.run(PAYABLE_FOR + HOUR).await;
    let late = bench.in_window(&order);
    bench.sweep().await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert_eq!(bench.given_back(&late), PRICE);
}

#[tokio::test]
async fn unexpected_result_ahead_of_the_pg_is_looked_up_again() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    // The window says that it took the money, and the PG does not show it yet.
    let brought = json!({ "pg_id": "pg1", "order_id": order, "says": "verify" });
    bench.bring(&id, brought).await.unwrap();
    let paid = bench.in_window(&order);
    bench.pg.books(|books| books.take(&paid, bench.pg.clock_now()));
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.run(DAY).await;
    assert_eq!(bench.confirms(), 0);
}

#[tokio::test]
async fn paid_ahead_of_the_look_ups_opens_no_other_window() {
    for error in [declined as Fails, invalid] {
        let bench = Bench::before_confirm();
        let (id, order) = bench.opened().await;
        let paid = bench.pg.books(|books| books.agree(&order, PRICE));
        bench.pg.fails(Op::Request, error);
        for _ in 0..2 {
            let answer = open_on_phone(&bench, &id).await;
            let Err(GatewayError::ProviderUnavailable { retry_after: Some(wait) }) = answer else {
                panic!("{answer:?}")
            };
            assert!(wait <= FINAL, "{wait:?}");
            bench.advance(10 * SECOND);
        }
        // Half a minute later its look-ups know.
        bench.pg.books(|books| books.take(&paid, bench.pg.clock_now()));
        bench.run(FINAL).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.read(&id).await.attempts.len(), 1, "the PG's own guard holds for one order id");
    }
}

#[tokio::test]
async fn busy_pg_keeps_nobody_from_the_next_window() {
    let bench = Bench::before_confirm();
    let (id, order) = refused_elsewhere(&bench, later).await;
    bench.advance(SECOND);
    let record = open_on_phone(&bench, &id).await.unwrap();
    assert_ne!(record.attempts.last().unwrap().pg_order_id.as_str(), order);
}

#[tokio::test]
async fn buyer_who_asks_again_and_again_costs_a_few_look_ups() {
    let bench = Bench::before_confirm();
    let (id, _) = refused_elsewhere(&bench, declined).await;
    let before = bench.look_ups();
    for _ in 0..50 {
        let answer = open_on_phone(&bench, &id).await;
        assert!(
            matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })),
            "{answer:?}"
        );
    }
    assert!(bench.look_ups() - before <= RESULTS_A_MINUTE, "{}", bench.look_ups() - before);
}

#[tokio::test]
async fn answer_with_a_row_that_cannot_be_read_opens_no_other_window() {
    let bench = Bench::before_confirm();
    let (id, _) = refused_elsewhere(&bench, declined).await;
    bench.run(HOUR).await;
    // The row that it does not show may be the one that was paid a moment ago.
    bench.pg.show(Vec::new(), false);
    let answer = open_on_phone(&bench, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })), "{answer:?}");
    open_on_phone(&bench, &id).await.unwrap();
}

#[tokio::test]
async fn window_that_could_not_be_opened_hides_no_open_one() {
    let bench = Bench::before_confirm();
    let (id, order) = refused_elsewhere(&bench, later).await;
    bench.advance(SECOND);
    bench.pg.instead(Op::Request, later);
    open_on_phone(&bench, &id).await.unwrap_err();
    assert_eq!(bench.read(&id).await.attempts.len(), 2);
    bench.in_window(&order);
    let answer = open_on_phone(&bench, &id).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { .. })), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}
