//! Preparing the browser step: which order id, when again, and what an error leads to.

use super::{
    bench::{Bench, DAY, FINAL, HOUR, PAYABLE_FOR, SECOND},
    errors::{
        declined, invalid, later, misconfigured, no_answer, not_sent, still_running, unknown, unsupported,
        wait,
    },
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{
        Attempt, Device, Failure, FailureReason, PaymentStatus, PgMessage, PgOrderId, PgStatus, Preparation,
    },
    provider::ProviderError,
};

#[tokio::test]
async fn attempt_is_committed_before_the_pg_sees_its_order_id() {
    let bench = std::sync::Arc::new(Bench::on_confirm());
    let id = bench.register().await;
    let (seen, read) = (bench.clone(), id.clone());
    bench.pg.before(Op::Request, move || async move {
        let record = seen.read(&read).await;
        assert_eq!(record.attempts[0].preparation, Preparation::Pending);
    });
    bench.open(&id).await;
    let order = bench.pg.calls(Op::Request).remove(0).order_id.unwrap();
    assert_eq!(bench.read(&id).await.attempts[0].pg_order_id.as_str(), order);
}

#[tokio::test]
async fn window_is_prepared_once_per_device_and_shown_again() {
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        assert_eq!(bench.open(&id).await, order);
        assert_eq!(bench.pg.count(Op::Request), 1);
        let (record, _) =
            bench.gateway.next_action(&bench.merchant, &id, Device::Mobile, None).await.unwrap();
        assert_eq!((record.attempts.len(), bench.pg.count(Op::Request)), (1, 2), "the same order id");
    }
}

#[tokio::test]
async fn order_id_is_kept_where_at_most_one_payment_succeeds_under_it() {
    for (bench, kept) in Bench::both().into_iter().zip([false, true]) {
        let (id, order) = bench.opened().await;
        let failed = bench.pg.books(|books| {
            let failed = books.agree(&order, PRICE);
            books.change(&failed, |shown| shown.status = PgStatus::Failed);
            failed
        });
        bench.confirm(&id, &failed).await.unwrap_err();
        let again = bench.open(&id).await;
        assert_eq!(again == order, kept, "a decline takes a new one where money moves on confirm");
    }
}

#[tokio::test]
async fn order_id_with_money_or_an_account_is_not_used_again() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let wrong = bench.pg.books(|books| books.pay(&order, 1, bench.pg.clock_now()));
    bench.confirm(&id, &wrong).await.unwrap_err();
    assert_ne!(bench.open(&id).await, order);

    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(HOUR).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.run(3 * HOUR).await;
    bench.try_register("order-1", PRICE).await.unwrap();
    assert_ne!(bench.open(&id).await, order);
}

#[tokio::test]
async fn pg_that_refuses_an_order_id_used_before_gets_a_new_one() {
    for error in [declined as fn() -> ProviderError, invalid] {
        let bench = Bench::before_confirm();
        let (id, order) = bench.opened().await;
        let failed = bench.pg.books(|books| {
            let failed = books.agree(&order, PRICE);
            books.change(&failed, |shown| shown.status = PgStatus::Failed);
            failed
        });
        bench.confirm(&id, &failed).await.unwrap_err();
        bench.pg.instead(Op::Request, error);
        let open = || bench.gateway.next_action(&bench.merchant, &id, Device::Mobile, None);
        let answer = open().await.unwrap_err();
        assert!(matches!(answer, GatewayError::ProviderUnavailable { retry_after: Some(_) }), "{answer:?}");
        bench.advance(FINAL);
        let (record, _) = open().await.unwrap();
        let newest = record.attempts.last().unwrap();
        assert_ne!(newest.pg_order_id.as_str(), order);
        assert!(record.attempts[0].shown_from.is_some());
    }
}

#[tokio::test]
async fn answered_error_ends_the_attempt_an_unanswered_one_does_not() {
    type Expected = fn(&GatewayError) -> bool;
    let unavailable: Expected = |answer| matches!(answer, GatewayError::ProviderUnavailable { .. });
    let misconfigured_answer: Expected = |answer| matches!(answer, GatewayError::ProviderMisconfigured(_));
    for (what, error, is_expected, ends) in [
        ("not sent", not_sent as fn() -> ProviderError, unavailable, false),
        ("no answer", no_answer, unavailable, false),
        ("still running", still_running, unavailable, false),
        ("later", later, unavailable, true),
        ("unknown", unknown, unavailable, true),
        ("misconfigured", misconfigured, misconfigured_answer, true),
        ("invalid", invalid, misconfigured_answer, true),
        ("declined", declined, misconfigured_answer, true),
        (
            "unsupported",
            unsupported,
            (|answer| matches!(answer, GatewayError::Unsupported(_))) as Expected,
            true,
        ),
    ] {
        let bench = Bench::on_confirm();
        let id = bench.register().await;
        bench.pg.instead(Op::Request, error);
        let answer = bench.try_open(&id).await.unwrap_err();
        assert!(is_expected(&answer), "{what}: {answer:?}");
        bench.advance(SECOND);
        bench.open(&id).await;
        let keys = bench.pg.keys(Op::Request);
        assert_eq!(keys[0] != keys[1], ends, "{what}: a PG may repeat its answer to a key for days");
        assert_eq!(bench.read(&id).await.attempts.len(), 1 + usize::from(ends), "{what}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    }
}

#[tokio::test]
async fn payment_that_may_hold_money_opens_no_window() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let refused = async |id| {
        matches!(
            bench.try_open(id).await,
            Err(GatewayError::InvalidState { problem: StateProblem::Status, .. })
        )
    };
    assert!(refused(&id).await, "confirming");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert!(refused(&id).await, "paid");
    bench.cancel(&id, None).await.unwrap();
    assert!(refused(&id).await, "cancelled");
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    bench.advance(PAYABLE_FOR);
    assert!(refused(&other).await, "its time is up");
}

#[tokio::test]
async fn charge_pending_at_the_pg_opens_no_window() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let pending = bench.pg.books(|books| {
        let pending = books.agree(&order, PRICE);
        books.change(&pending, |shown| shown.status = PgStatus::Pending);
        pending
    });
    assert_eq!(bench.confirm(&id, &pending).await.unwrap().payment.status(), PaymentStatus::Confirming);
    assert!(bench.try_open(&id).await.is_err());
}

#[tokio::test]
async fn money_whose_lateness_is_undecided_opens_no_window() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + HOUR).await;
    bench.try_register("order-1", PRICE).await.unwrap();
    let pg_id = bench.in_window(&order);
    bench.clock.set(super::bench::after(bench.pg.clock_now(), DAY));
    bench.pg.books(|books| {
        books.change(&pg_id, |shown| shown.paid_at = Some(super::bench::after(bench.pg.clock_now(), 2 * DAY)))
    });
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    assert!(bench.try_open(&id).await.is_err());
}

#[tokio::test]
async fn pg_that_names_a_charge_early_is_looked_up_by_that_name() {
    let bench = Bench::on_confirm().replica(|_, pg| pg.names_early = true);
    let (id, _) = bench.opened().await;
    let prepared = bench.read(&id).await.attempts[0].prepared().unwrap().clone();
    assert!(prepared.pg_payment_id.is_some(), "it is kept");
}

#[tokio::test]
async fn step_that_calls_the_pg_counts_against_its_limit() {
    for (requests, opened) in [(0, true), (1, false)] {
        let bench = Bench::over(crate::lifecycle::tests::sample::ON_CONFIRM, |settings| {
            settings.limits.requests_per_minute = Some(4);
        })
        .replica(|_, pg| pg.description.requests_per_window = requests);
        for number in 0..3 {
            let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
            bench.open(&id).await;
        }
        let id = bench.try_register("order-9", PRICE).await.unwrap().record.payment.id;
        assert_eq!(bench.try_open(&id).await.is_ok(), opened, "{requests}");
    }
}

#[tokio::test]
async fn paused_account_is_not_asked_for_a_window() {
    let bench = Bench::on_confirm().replica(|_, pg| pg.description.requests_per_window = 1);
    let id = bench.register().await;
    bench.pg.instead(Op::Request, || wait(60 * SECOND));
    bench.try_open(&id).await.unwrap_err();
    let answer = bench.try_open(&id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })), "{answer:?}");
    assert_eq!(bench.pg.count(Op::Request), 1);
    bench.advance(61 * SECOND);
    bench.open(&id).await;
}

#[tokio::test]
async fn payment_has_as_many_attempts_as_two_letters_can_number() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let refuse = |draft: &mut crate::lifecycle::Draft, context: &crate::lifecycle::Context<'_>| {
        for number in 1..PgOrderId::MOST {
            let order_id = PgOrderId::of(&draft.record.payment.id, number).unwrap();
            let preparation = Preparation::Refused;
            draft
                .record
                .attempts
                .push(Attempt { preparation, ..Attempt::new(number, order_id, context.now) });
        }
    };
    bench.gateway.core.update(&bench.merchant, &id, refuse).await.unwrap();
    bench.pg.instead(Op::Request, unknown);
    bench.try_open(&id).await.unwrap_err();
    assert_eq!(bench.read(&id).await.attempts.len(), usize::from(PgOrderId::MOST));
    let answer = bench.try_open(&id).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::TooManyAttempts, .. })));
}

#[tokio::test]
async fn window_that_was_refused_is_the_newest_attempt() {
    for bench in Bench::both() {
        let log = Log::begin();
        let id = bench.register().await;
        let pg = PgMessage::new("UNKNOWN_SHOP", "the shop is not registered");
        let refusal = pg.clone();
        bench.pg.instead(Op::Request, || ProviderError::Misconfigured(refusal));
        let answer = bench.try_open(&id).await;
        assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))), "{answer:?}");
        let payment = bench.read(&id).await.payment;
        assert_eq!(payment.status(), PaymentStatus::Ready);
        let failure = payment.last_attempt.unwrap().failure.unwrap();
        assert_eq!(failure, Failure::by_pg(FailureReason::ProviderMisconfigured, pg));
        assert_eq!(log.errors().len(), 1, "{:?}", log.errors());
        bench.open(&id).await;
        assert_eq!(bench.read(&id).await.payment.last_failure(), None);
    }
}
