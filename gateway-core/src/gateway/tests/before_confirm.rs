//! Claims where money moves in the window: hints with an id (invariant 2, rule c of the status).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, SECOND},
    errors::{misconfigured, no_answer, not_sent},
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::{GatewayError, StateProblem, admissions::RESULTS_A_MINUTE},
    lifecycle::tests::sample::PRICE,
    model::{ChargeRole, PaymentStatus, PgStatus},
};

#[tokio::test]
async fn claim_is_looked_up_and_never_sent() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    assert_eq!(bench.confirms(), 0);
    let record = bench.read(&id).await;
    assert!(record.charges[0].confirm.is_none());
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&pg_id));
    for _ in 0..3 {
        bench.confirm(&id, &pg_id).await.unwrap();
    }
    assert_eq!(bench.look_ups(), 1, "what is paid is shown");
}

#[tokio::test]
async fn claim_without_an_id_finds_every_charge_of_the_order() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    let record = bench.bring(&id, json!({ "order_id": order })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges.len(), 1, "the unnamed claim is that charge");
}

#[tokio::test]
async fn pg_without_an_answer_leaves_confirming_with_an_alert() {
    for (error, alert) in [
        (misconfigured as fn() -> crate::provider::ProviderError, true),
        (not_sent, false),
        (no_answer, false),
    ] {
        let log = Log::begin();
        let bench = Bench::before_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Verify, error);
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Confirming, "never a final error");
        let pages = log.errors().iter().filter(|line| line.contains("an operator is needed")).count();
        assert_eq!(pages, usize::from(alert));
        bench.run(MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn claim_unknown_at_the_pg_is_confirming_for_an_hour() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let record = bench.bring(&id, json!({ "pg_id": "imp_later", "order_id": order })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Confirming);
    bench.run(50 * MINUTE).await;
    assert_eq!(
        bench.status(&id).await,
        PaymentStatus::Confirming,
        "a 404 denies nothing before the hour is over"
    );
    bench.run(3 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    let before = bench.look_ups();
    bench.run(10 * HOUR).await;
    assert_eq!(bench.look_ups(), before, "it has ended");
}

#[tokio::test]
async fn claim_bars_neither_windows_nor_other_claims() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.bring(&id, json!({ "pg_id": "made-up" })).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    assert_eq!(bench.open(&id).await, order, "the order id stays");
    let paid = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &paid).await.unwrap().payment.status(), PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.rows().len()), 1);
}

#[tokio::test]
async fn claim_shown_unpaid_is_ready_at_once() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let open = bench.pg.books(|books| books.agree(&order, PRICE));
    assert_eq!(bench.confirm(&id, &open).await.unwrap().payment.status(), PaymentStatus::Ready);
    // The browser was ahead of what the PG shows.
    bench.advance(5 * SECOND);
    bench.pg.books(|books| books.take(&open, bench.pg.clock_now()));
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn claim_of_a_declined_charge_is_answered_declined() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let failed = bench.pg.books(|books| {
        let failed = books.agree(&order, PRICE);
        books.change(&failed, |shown| shown.status = PgStatus::Failed);
        failed
    });
    let answer = bench.confirm(&id, &failed).await;
    assert!(matches!(answer, Err(GatewayError::Declined { .. })), "{answer:?}");
    assert_eq!(bench.open(&id).await, order, "at most one payment succeeds under an order id");
    let paid = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &paid).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn browser_that_says_failed_is_checked_with_the_pg() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let record = bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Ready);
    assert_eq!(bench.look_ups(), 1);
    bench.in_window(&order);
    let record = bench.bring(&id, json!({ "failure": "declined" })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid, "it was paid all the same");
}

#[tokio::test]
async fn failed_result_that_cannot_be_checked_is_looked_up_later() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.pg.instead(Op::Verify, no_answer);
    // The buyer has paid and the browser says otherwise: the payment may not be answered as open.
    let answer = bench.bring(&id, json!({ "failure": "closed" })).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn no_decline_is_answered_before_the_pg_was_asked() {
    for what in ["the PG does not answer", "a row cannot be read", "the results of a minute are used up"] {
        let bench = Bench::before_confirm();
        let (id, order) = bench.opened().await;
        let declined = || bench.bring(&id, json!({ "order_id": order, "failure": "declined" }));
        if what.contains("used up") {
            for _ in 0..RESULTS_A_MINUTE {
                assert!(matches!(declined().await, Err(GatewayError::Declined { .. })));
            }
        }
        bench.in_window(&order);
        match what {
            "the PG does not answer" => bench.pg.instead(Op::Verify, no_answer),
            "a row cannot be read" => bench.pg.show(Vec::new(), false),
            _ => {}
        }
        let answer = declined().await;
        assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{what}: {answer:?}");
        bench.run(MINUTE).await;
        assert_eq!(declined().await.unwrap().payment.status(), PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn declined_tab_is_answered_that_another_tab_paid() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let declined = bench.in_window(&order);
    bench.fails_after_all(&declined);
    bench.in_window(&order);
    let brought = json!({ "order_id": order, "pg_id": declined.as_str(), "failure": "declined" });
    assert_eq!(bench.bring(&id, brought).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn failed_result_that_nobody_can_check_is_not_declined() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let retired = bench.replica(|settings, _| (settings.retired, settings.has_credentials) = (true, false));
    let answer = retired.bring(&id, json!({ "order_id": order, "failure": "declined" })).await;
    assert!(matches!(answer, Err(GatewayError::AccountRetired(_))), "{answer:?}");
}

#[tokio::test]
async fn closed_payment_without_a_look_up_is_answered_closed() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.cancel(&id, None).await.unwrap();
    bench.pg.fails(Op::Verify, no_answer);
    let answer = bench.bring(&id, json!({ "order_id": order, "pg_id": "pg9" })).await;
    assert!(
        matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn claim_that_came_to_nothing_hides_no_decline() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let failed = bench.in_window(&order);
    bench.fails_after_all(&failed);
    let answer = bench.bring(&id, json!({ "order_id": order })).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming, "it may be of another card");
    bench.run(2 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
}

#[tokio::test]
async fn claim_without_an_id_is_not_answered_by_an_earlier_failure() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    // A first card was declined, and we do not know of it.
    bench.pg.books(|books| {
        let declined = books.agree(&order, PRICE);
        books.change(&declined, |shown| shown.status = PgStatus::Failed);
    });
    bench.advance(MINUTE);
    // The second one paid; the PG's look-ups are a moment behind.
    let answer = bench.bring(&id, json!({ "order_id": order })).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming);
    bench.in_window(&order);
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn answer_with_a_row_that_cannot_be_read_expires_nothing() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.advance(PAYABLE_FOR + MINUTE);
    // The row that it does not show may be the one that was paid.
    bench.pg.show(Vec::new(), false);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn order_never_shown_whole_is_looked_up_until_it_is() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.opened().await;
    for _ in 0..2_000 {
        bench.pg.show(Vec::new(), false);
    }
    bench.run(PAYABLE_FOR + 8 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    bench.pg.heal();
    bench.run(2 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert_eq!(bench.read(&id).await.checks.due_at(), None);
}

#[tokio::test]
async fn claim_after_the_deadline_is_looked_up_and_paid_if_in_time() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.advance(PAYABLE_FOR + HOUR);
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!((record.payment.status(), record.payment.shown.late), (PaymentStatus::Paid, false));
}

#[tokio::test]
async fn unpaid_claim_after_the_deadline_is_refused_and_not_saved() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    let answer = bench.bring(&id, json!({ "pg_id": "made-up" })).await;
    assert!(
        matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })),
        "{answer:?}"
    );
    assert!(bench.read(&id).await.charges.is_empty());
}

#[tokio::test]
async fn second_money_that_the_browser_brings_goes_back() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charge_at_pg(&second).unwrap().role(), ChargeRole::Duplicate);
    bench.run(SECOND).await;
    assert_eq!(bench.given_back(&second), PRICE);
}

#[tokio::test]
async fn made_up_claims_are_kept_in_number_and_hide_no_money() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    for number in 0..100 {
        bench.bring(&id, json!({ "pg_id": format!("made-up-{number}") })).await.unwrap();
    }
    assert_eq!(bench.read(&id).await.charges.len(), 32);
    let paid = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &paid).await.unwrap().payment.status(), PaymentStatus::Confirming);
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn window_unlike_the_prepared_one_is_looked_up_with_an_alert() {
    let alert = |log: &Log| log.errors().iter().any(|line| line.contains("another moment"));
    // It was to take the money on confirm, and says that it is done.
    let (log, bench) = (Log::begin(), Bench::on_confirm());
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    let record = bench.bring(&id, json!({ "pg_id": pg_id.as_str(), "says": "verify" })).await.unwrap();
    assert_eq!((record.payment.status(), bench.confirms()), (PaymentStatus::Paid, 0));
    assert!(alert(&log));
    drop(log);
    // It was to take the money alone, and asks to be confirmed: sent only if it shows untaken.
    for taken in [true, false] {
        let (log, bench) = (Log::begin(), Bench::before_confirm());
        let (id, order) = bench.opened().await;
        let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
        if taken {
            bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
        }
        let brought = json!({ "pg_id": pg_id.as_str(), "says": "confirm" });
        let record = bench.bring(&id, brought).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Paid);
        assert_eq!((bench.confirms(), bench.taken(&pg_id)), (usize::from(!taken), 1));
        assert!(alert(&log));
    }
}
