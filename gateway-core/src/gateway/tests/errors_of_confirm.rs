//! What each error of a confirm leads to: the rows of the states, and invariants 5, 6 and 10.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::{Op, pg_message},
    fake_pg::CONFIRMS_WITHIN,
};
use crate::{
    AttemptStatus, Failure, FailureReason, GatewayError, Heard, PaymentStatus, PgStatus, ProviderError,
    UnknownOutcome,
};

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn not_sent() -> ProviderError {
    ProviderError::NotSent("no route".into())
}

fn not_processed() -> ProviderError {
    ProviderError::NotProcessed { retry_after: None, pg: pg_message("TOO_MANY_REQUESTS") }
}

fn unknown_error() -> ProviderError {
    ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
}

fn misconfigured() -> ProviderError {
    ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY"))
}

fn declined() -> ProviderError {
    ProviderError::Declined(Failure::of(FailureReason::InsufficientFunds))
}

#[tokio::test]
async fn what_was_not_sent_stays_confirming_and_goes_out_with_the_same_key() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, not_sent);
    let answer = bench.confirm(&id, &pg_id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })));
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    let key = format!("{id}:confirm:1:1");
    assert_eq!(bench.pg.keys(Op::Confirm), [key.clone(), key]);
}

#[tokio::test]
async fn an_answer_that_got_lost_is_found_by_a_look_up() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
}

#[tokio::test]
async fn without_an_answer_the_same_key_is_sent_again() {
    for unanswered in [no_answer as fn() -> ProviderError, || ProviderError::StillRunning] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, unanswered);
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Confirming);
        bench.pass(Duration::from_secs(3)).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.pg.keys(Op::Confirm), vec![format!("{id}:confirm:1:1"); 2]);
    }
}

#[tokio::test]
async fn after_an_error_the_next_key_goes_out_only_once_it_is_proved_that_nothing_was_done() {
    for error in [unknown_error as fn() -> ProviderError, not_processed] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, error);
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Confirming);
        bench.pass_slowly(SETTLED - Duration::from_secs(1), 10).await;
        assert_eq!(bench.pg.calls(Op::Confirm).len(), 1, "a look-up this early proves nothing");
        bench.pass_slowly(Duration::from_secs(120), 10).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.pg.keys(Op::Confirm), [format!("{id}:confirm:1:1"), format!("{id}:confirm:1:2")]);
    }
}

#[tokio::test]
async fn an_empty_look_up_proves_nothing_inside_the_window_of_the_pg() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, unknown_error);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.pg_id = "hidden".parse().unwrap()));
    bench.pass_slowly(CONFIRMS_WITHIN - Duration::from_secs(20), 20).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pass_slowly(Duration::from_secs(3_600), 20).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "after the window it is final");
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_after_the_window_of_the_pg() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass(CONFIRMS_WITHIN).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    assert_eq!(bench.read(&id).await.attempts[0].status, AttemptStatus::Closed);
}

#[tokio::test]
async fn nothing_is_repeated_longer_than_the_pg_remembers_keys() {
    for remembers in [None, Some(Duration::from_secs(1))] {
        let bench = Bench::on_confirm().replica(|pg| pg.description.repeat_safe_for = remembers);
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, no_answer);
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.pass_slowly(Duration::from_secs(30), 10).await;
        assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_repeated_under_another_credential() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let rotated = bench.replica(|pg| "second".clone_into(&mut pg.description.credential));
    rotated.pass_slowly(CONFIRMS_WITHIN - Duration::from_secs(10), 20).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
}

#[tokio::test]
async fn the_unknown_never_becomes_failed_by_the_passing_of_time() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    for _ in 0..200 {
        bench.pg.instead(Op::Verify, no_answer);
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass_slowly(Duration::from_secs(8 * 24 * 60 * 60), 60).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    assert!(bench.read(&id).await.payment.watch.is_some(), "it is asked about for ever");
    bench.pg.forget_faults();
    bench.pass(Duration::from_secs(2 * 24 * 60 * 60)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn the_ladder_grows_to_a_day() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    for _ in 0..20 {
        bench.pg.instead(Op::Verify, no_answer);
    }
    bench.pg.after(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let mut waits = Vec::new();
    for _ in 0..10 {
        let now = crate::Clock::now(&bench.clock);
        let at = bench.read(&id).await.payment.watch.unwrap().at;
        waits.push(at.duration_since(now).as_secs());
        bench.pass(at.duration_since(now).unsigned_abs()).await;
    }
    for (wait, step) in waits.iter().zip([2, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 86_400]) {
        assert!((step..=step + step / 10).contains(wait), "{waits:?}");
    }
}

#[tokio::test]
async fn a_no_is_final_and_another_attempt_may_follow() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, declined);
    assert!(matches!(bench.confirm(&id, &pg_id).await, Err(GatewayError::Declined(_))));
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    let order = bench.open(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    assert_eq!(bench.confirm(&id, &second).await.unwrap().payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn our_own_fault_closes_the_attempt_and_blames_no_card() {
    let faults: [fn() -> ProviderError; 3] = [
        misconfigured,
        || ProviderError::Invalid(pg_message("INVALID_REQUEST")),
        || ProviderError::Unsupported("this"),
    ];
    for fault in faults {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, fault);
        let answer = bench.confirm(&id, &pg_id).await;
        assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(_) | GatewayError::Unsupported(_))));
        let record = bench.read(&id).await;
        assert_eq!(record.payment.status, PaymentStatus::Ready);
        assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
    }
}

#[tokio::test]
async fn keys_that_stop_working_say_nothing_of_a_request_sent_before() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    // The money is taken, nobody hears of it, the look-up fails, and then the keys are revoked.
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let stale = bench.pg.books(|books| {
        let mut snapshot = books.row(&pg_id).snapshot;
        snapshot.status = PgStatus::InProgress;
        snapshot.paid = crate::Money::krw(0);
        snapshot.paid_at = None;
        snapshot
    });
    bench.pg.answer(Op::Verify, stale);
    bench.pg.instead(Op::Confirm, misconfigured);
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 2);
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "it may be paid: nobody may pay again");
    bench.pass_slowly(Duration::from_secs(60), 5).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_no_to_a_repeat_is_checked_against_the_books() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let untouched = bench.pg.books(|books| {
        let mut snapshot = books.row(&pg_id).snapshot;
        snapshot.status = PgStatus::InProgress;
        snapshot.paid = crate::Money::krw(0);
        snapshot
    });
    bench.pg.answer(Op::Verify, untouched);
    bench.pg.instead(Op::Confirm, declined);
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn done_already_is_looked_up() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.charge(&pg_id, crate::Clock::now(&bench.clock)));
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
}

#[tokio::test]
async fn an_answer_about_another_payment_is_not_believed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let other = bench.pg.books(|books| books.agree("someone-else", PRICE));
    bench.pg.books(|books| books.charge(&other, crate::Clock::now(&bench.clock)));
    let wrong = bench.pg.books(|books| books.row(&other).snapshot);
    bench.pg.answer(Op::Confirm, wrong);
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Confirming);
    assert_eq!(record.attempts[0].confirm.as_ref().unwrap().heard, Heard::Error);
    bench.pass_slowly(Duration::from_secs(200), 10).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
    assert!(bench.pg.calls(Op::Cancel).is_empty());
}

#[tokio::test]
async fn a_crash_after_the_commit_is_finished_by_another_replica() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    // The future is dropped while the request is on its way.
    bench.pg.meanwhile(Op::Confirm, std::future::pending);
    let crashed = tokio::time::timeout(Duration::from_millis(1), bench.confirm(&id, &pg_id)).await;
    assert!(crashed.is_err());
    let other = bench.replica(|_| ());
    other.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
}
