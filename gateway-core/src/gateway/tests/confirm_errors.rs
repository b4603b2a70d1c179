//! What each error of a confirm leads to (invariants 3, 5, 6, 10).

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND},
    errors::{
        Fails, declined, invalid, later, misconfigured, no_answer, not_sent, still_running, unknown,
        unsupported,
    },
    fake_books::pg_message,
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::GatewayError,
    model::{FailureReason, PaymentStatus, PgStatus},
    provider::ProviderError,
};

/// What a first answer leads to: what is answered, what is shown, and which keys have gone out once it works.
#[tokio::test]
async fn every_error_has_its_answer_its_status_and_its_retry() {
    type Expected = fn(&Result<crate::store::PaymentRecord, GatewayError>) -> bool;
    let confirming: Expected =
        |answer| answer.as_ref().is_ok_and(|record| record.payment.status() == PaymentStatus::Confirming);
    let cases: [(&str, Fails, Expected, PaymentStatus, &[u32]); 9] = [
        ("not sent", not_sent, confirming, PaymentStatus::Confirming, &[1, 1]),
        ("later", later, confirming, PaymentStatus::Confirming, &[1, 2]),
        ("still running", still_running, confirming, PaymentStatus::Confirming, &[1, 1]),
        ("no answer", no_answer, confirming, PaymentStatus::Confirming, &[1, 1]),
        ("unknown", unknown, confirming, PaymentStatus::Confirming, &[1, 2]),
        (
            "declined",
            declined,
            |answer| matches!(answer, Err(GatewayError::Declined { .. })),
            PaymentStatus::Failed,
            &[1],
        ),
        (
            "misconfigured",
            misconfigured,
            |answer| matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(pg))) if pg.code == "UNAUTHORIZED_KEY"),
            PaymentStatus::Ready,
            &[1],
        ),
        (
            "invalid",
            invalid,
            |answer| matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))),
            PaymentStatus::Ready,
            &[1],
        ),
        (
            "unsupported",
            unsupported,
            |answer| matches!(answer, Err(GatewayError::Unsupported(_))),
            PaymentStatus::Ready,
            &[1],
        ),
    ];
    for (what, error, is_expected, status, keys) in cases {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, error);
        let answer = bench.confirm(&id, &pg_id).await;
        assert!(is_expected(&answer), "{what}: {answer:?}");
        assert_eq!(bench.status(&id).await, status, "{what}");
        bench.run(3 * SECOND).await;
        let seqs: Vec<u32> = bench
            .pg
            .keys(Op::Confirm)
            .iter()
            .map(|key| key.rsplit('_').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(seqs, keys, "{what}: two seconds later");
        let paid = keys.len() == 2;
        assert_eq!(bench.taken(&pg_id), u32::from(paid), "{what}");
        assert_eq!(bench.status(&id).await, if paid { PaymentStatus::Paid } else { status }, "{what}");
    }
}

#[tokio::test]
async fn lost_answer_is_found_by_the_look_up_right_after() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
    bench.run(DAY).await;
    assert_eq!((bench.confirms(), bench.taken(&pg_id)), (1, 1));
}

#[tokio::test]
async fn done_already_is_looked_up_and_paid() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, || {
        ProviderError::Unknown(crate::provider::Response::Error(pg_message("ALREADY_PROCESSED")))
    });
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn repeat_waits_for_no_final_time() {
    // An answered error that did nothing: the buyer waits for seconds, not for minutes.
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, unknown);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(3 * SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn charge_ends_only_when_its_last_send_is_final() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.order_id = "somebody-else".to_owned()));
    bench.run(FINAL - SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.run(2 * HOUR).await;
    let last = bench.pg.calls(Op::Confirm).last().unwrap().at;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Ready);
    let ended = record.charges[0].ended_at.unwrap();
    assert!(ended >= super::bench::after(last, FINAL), "{ended} after {last}");
}

#[tokio::test]
async fn late_execution_is_found_at_the_final_time() {
    // The request runs on after everybody has given up, and the look-up right after it showed nothing yet.
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.later(Op::Confirm);
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(65 * SECOND).await;
    bench.pg.execute_late();
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.taken(&pg_id), 1);
}

#[tokio::test]
async fn first_decline_needs_no_look_up() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    bench.run(DAY / 2).await;
    assert_eq!(bench.look_ups(), 0);
}

#[tokio::test]
async fn decline_of_a_repeat_is_checked_against_the_books() {
    for executed in [true, false] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.later(Op::Confirm);
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.pg.instead(Op::Confirm, declined);
        bench.pg.fails(Op::Confirm, declined);
        bench.run(3 * SECOND).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "the first send may be executed yet");
        if executed {
            bench.pg.execute_late();
        } else {
            bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = PgStatus::Failed));
        }
        bench.run(HOUR).await;
        let status = if executed { PaymentStatus::Paid } else { PaymentStatus::Failed };
        assert_eq!(bench.status(&id).await, status);
    }
}

#[tokio::test]
async fn decline_after_an_unknown_error_is_not_final() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    // It was done, and answered with an error that does not say so; the look-up lags.
    bench.pg.after(Op::Confirm, unknown);
    let open = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.show(vec![open.clone()], true);
    bench.pg.show(vec![open], true);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.instead(Op::Confirm, declined);
    bench.run(2 * SECOND + SECOND / 2).await;
    assert_ne!(bench.status(&id).await, PaymentStatus::Failed);
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn tampered_confirm_is_a_mismatch_and_pages_nobody() {
    let log = Log::begin();
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    // The buyer changed the amount in the window, or brought another order's payment.
    let cheap = bench.pg.books(|books| books.agree(&order, 1));
    let foreign = bench.pg.books(|books| books.agree("order-of-somebody", 10_000));
    for pg_id in [cheap, foreign] {
        let answer = bench.confirm(&id, &pg_id).await;
        assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
        assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Ready, 0));
    }
    let pages = log.errors().into_iter().filter(|line| line.contains("an operator is needed"));
    assert_eq!(pages.count(), 0, "any buyer can do this");
    let honest = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &honest).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn tampered_repeat_pages_nobody_either() {
    let log = Log::begin();
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let cheap = bench.pg.books(|books| books.agree(&order, 1));
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &cheap).await.unwrap();
    bench.run(HOUR).await;
    assert!(!log.errors().iter().any(|line| line.contains("an operator is needed")), "{:?}", log.errors());
    assert_eq!(bench.taken(&cheap), 0);
}

#[tokio::test]
async fn invalid_request_for_an_honest_payment_pages_an_operator() {
    let log = Log::begin();
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, invalid);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert!(log.errors().iter().any(|line| line.contains("an operator is needed")), "{:?}", log.errors());
}

#[tokio::test]
async fn invalid_that_cannot_be_looked_up_stays_confirming() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, invalid);
    bench.pg.instead(Op::Verify, no_answer);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Confirming);
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn wrong_keys_are_no_decline_and_the_buyer_may_try_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, misconfigured);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Ready);
    assert_eq!(record.payment.last_failure(), Some(FailureReason::ProviderMisconfigured));
    let order = bench.open(&id).await;
    let again = bench.in_window(&order);
    assert_eq!(bench.confirm(&id, &again).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn wrong_keys_say_nothing_of_an_earlier_send() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.later(Op::Confirm);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.fails(Op::Confirm, misconfigured);
    bench.run(20 * SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pg.execute_late();
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn unknown_never_becomes_failed_by_the_passing_of_time() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    for op in [Op::Confirm, Op::Verify] {
        bench.pg.fails(op, no_answer);
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    for _ in 0..30 {
        bench.run(DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    }
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired, "untouched, and too old to be taken");
    assert_eq!(bench.taken(&pg_id), 0);
}

#[tokio::test]
async fn answer_about_another_payment_is_not_believed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let other = bench.pg.books(|books| {
        let other = books.agree("order-of-somebody", 10_000);
        books.take(&other, bench.pg.clock_now());
        books.row(&other).snapshot
    });
    let same_order = {
        let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
        let second = bench.in_window(&order);
        bench.pg.books(|books| books.row(&second).snapshot)
    };
    for wrong in [other, same_order] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.answer(Op::Confirm, wrong);
        bench.pg.instead(Op::Verify, no_answer);
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Confirming);
        assert!(record.charges.len() == 1 && record.charges[0].snapshot.is_none());
        bench.run(HOUR).await;
        assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
    }
    assert_eq!(bench.taken(&pg_id), 0);
}

#[tokio::test]
async fn confirm_that_a_look_up_shows_over_is_not_repeated() {
    for (status, sends) in [
        (PgStatus::Open, 2),
        (PgStatus::Paid, 2),
        (PgStatus::Pending, 1),
        (PgStatus::AwaitingDeposit, 1),
        (PgStatus::Failed, 1),
        (PgStatus::Expired, 1),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = status));
        bench.pg.instead(Op::Confirm, still_running);
        bench.pg.instead(Op::Confirm, still_running);
        let _ = bench.confirm(&id, &pg_id).await;
        bench.run(3 * SECOND).await;
        assert_eq!(bench.confirms(), sends, "{status:?}");
    }
}

#[tokio::test]
async fn rotated_credential_repeats_a_confirm_by_its_charge_guard() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let rotated = bench.replica(|_, pg| pg.description.credential = "second".to_owned());
    rotated.run(MINUTE).await;
    let credentials: Vec<_> = bench.pg.calls(Op::Confirm).into_iter().map(|call| call.credential).collect();
    assert_eq!(credentials, ["first", "second"]);
    assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
}
