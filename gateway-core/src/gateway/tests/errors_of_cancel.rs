//! What each error of a cancel leads to: invariants 5, 7 and 10 for money that goes back.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::{Op, pg_message},
};
use crate::{
    Cancel, CancelStatus, Failure, FailureReason, GatewayError, Heard, Money, PaymentId, ProviderError,
    StateProblem, UnknownOutcome,
};

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn not_processed() -> ProviderError {
    ProviderError::NotProcessed { retry_after: None, pg: pg_message("BANK_CLOSED") }
}

fn unknown_error() -> ProviderError {
    ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
}

async fn the_cancel(bench: &Bench, id: &PaymentId) -> Cancel {
    bench.read(id).await.cancels[0].clone()
}

#[tokio::test]
async fn without_an_answer_the_same_key_and_guard_are_sent_again() {
    for unanswered in [no_answer as fn() -> ProviderError, || ProviderError::StillRunning] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.instead(Op::Cancel, unanswered);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
        bench.pass(Duration::from_secs(3)).await;
        let cancel = the_cancel(&bench, &id).await;
        assert_eq!(cancel.status, CancelStatus::Done);
        assert_eq!(bench.pg.keys(Op::Cancel), vec![format!("{id}:cancel:{}:1", cancel.id); 2]);
        assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
    }
}

#[tokio::test]
async fn a_cancel_whose_answer_got_lost_is_found_by_its_id_and_not_sent_again() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.after(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
}

#[tokio::test]
async fn a_look_up_never_refutes_a_cancel_that_was_sent() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(bench.verify(&id).await.cancels[0].status, CancelStatus::Unknown);
}

#[tokio::test]
async fn after_an_error_the_next_key_goes_out_only_once_it_is_proved_that_nothing_was_done() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, unknown_error);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(SETTLED - Duration::from_secs(1), 10).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
    bench.pass_slowly(Duration::from_secs(120), 10).await;
    let cancel = the_cancel(&bench, &id).await;
    assert_eq!(cancel.status, CancelStatus::Done);
    let key = |send| format!("{id}:cancel:{}:{send}", cancel.id);
    assert_eq!(bench.pg.keys(Op::Cancel), [key(1), key(2)]);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn after_an_error_and_another_balance_the_same_key_and_guard_tell_what_was_done() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.forgets_reasons = true);
    // It was done, but nothing of the answer or of the list says that it was ours.
    bench.pg.after(Op::Cancel, unknown_error);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(Duration::from_secs(600), 30).await;
    let cancel = the_cancel(&bench, &id).await;
    assert_eq!(cancel.status, CancelStatus::Done);
    assert_eq!(bench.pg.keys(Op::Cancel), vec![format!("{id}:cancel:{}:1", cancel.id); 2]);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn what_was_not_sent_may_be_asked_for_again_with_the_same_key() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    for _ in 0..2 {
        bench.pg.instead(Op::Cancel, || ProviderError::NotSent("no route".into()));
    }
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })));
    let cancel = the_cancel(&bench, &id).await;
    assert_eq!(cancel.status, CancelStatus::Refused);
    let again = bench.gateway.cancel_again(&bench.merchant, &id, &cancel.id).await;
    assert!(matches!(again, Err(GatewayError::ProviderUnavailable { .. })));
    bench.gateway.cancel_again(&bench.merchant, &id, &cancel.id).await.unwrap();
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
    assert_eq!(bench.pg.keys(Op::Cancel), vec![format!("{id}:cancel:{}:1", cancel.id); 3]);
}

#[tokio::test]
async fn what_was_not_processed_is_asked_for_again_with_the_next_key() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, not_processed);
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })));
    let cancel = the_cancel(&bench, &id).await;
    let looks = bench.pg.calls(Op::Verify).len();
    bench.gateway.cancel_again(&bench.merchant, &id, &cancel.id).await.unwrap();
    assert!(bench.pg.calls(Op::Verify).len() > looks, "a fresh look comes first");
    let key = |send| format!("{id}:cancel:{}:{send}", cancel.id);
    assert_eq!(bench.pg.keys(Op::Cancel), [key(1), key(2)], "for the PG repeats its answer to a key");
}

#[tokio::test]
async fn a_cancel_not_sent_again_before_another_took_the_money_is_refused() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::NotSent("no route".into()));
    bench.cancel(&id, Some(6_000)).await.unwrap_err();
    bench.cancel(&id, Some(6_000)).await.unwrap();
    let cancel = the_cancel(&bench, &id).await;
    let again = bench.gateway.cancel_again(&bench.merchant, &id, &cancel.id).await;
    assert!(matches!(
        again,
        Err(GatewayError::InvalidState { problem: StateProblem::CancellableAmountExceeded, .. })
    ));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 6_000);
}

#[tokio::test]
async fn a_no_is_final() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })));
    let record = bench.read(&id).await;
    assert_eq!(record.cancels[0].status, CancelStatus::Refused);
    assert_eq!(record.cancellable(), Money::krw(PRICE));
}

#[tokio::test]
async fn wrong_keys_refuse_a_first_request_and_say_nothing_of_an_earlier_one() {
    let misconfigured = || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY"));
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, misconfigured);
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(_))));
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Refused);

    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.pg.instead(Op::Cancel, misconfigured);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass(Duration::from_secs(3)).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
    bench.pass_slowly(Duration::from_secs(600), 20).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
}

#[tokio::test]
async fn another_balance_than_expected_is_a_no_once_it_is_seen() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 500));
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })));
    let record = bench.read(&id).await;
    assert_eq!(record.cancellable(), Money::krw(9_500), "and the cancel by hand is known now");
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 9_500);
}

#[tokio::test]
async fn done_already_by_an_earlier_request_is_done() {
    let bench = Bench::on_confirm().replica(|pg| pg.description.repeat_safe_for = None);
    let (id, pg_id) = bench.paid().await;
    bench.pg.after(Op::Cancel, no_answer);
    bench.pg.books(|books| books.slow_refunds = false);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(Duration::from_secs(600), 30).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn an_answer_about_another_payment_settles_nothing() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let other = bench.pg.books(|books| books.agree("someone-else", PRICE));
    let wrong = bench.pg.books(|books| books.row(&other).snapshot);
    bench.pg.answer(Op::Cancel, wrong);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let cancel = the_cancel(&bench, &id).await;
    assert_eq!(cancel.status, CancelStatus::Unknown);
    assert_eq!(cancel.sending.unwrap().heard, Heard::Error);
}

#[tokio::test]
async fn a_cancel_is_not_repeated_after_the_window_or_under_another_credential() {
    let changes: [fn(&mut super::fake_pg::FakePg); 2] = [
        |pg| "second".clone_into(&mut pg.description.credential),
        |pg| pg.description.repeat_safe_for = Some(Duration::from_secs(1)),
    ];
    for change in changes {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        let changed = bench.replica(change);
        changed.pass_slowly(Duration::from_secs(3_600), 20).await;
        assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
        assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Unknown);
    }
}

#[tokio::test]
async fn a_crash_after_the_commit_is_finished_once_the_first_request_must_have_landed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.meanwhile(Op::Cancel, std::future::pending);
    let crashed = tokio::time::timeout(Duration::from_millis(1), bench.cancel(&id, Some(1_000))).await;
    assert!(crashed.is_err());
    // The look-up shows nothing of it, as if it were still on its way.
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.cancels.clear()));
    let other = bench.replica(|_| ());
    other.pass_slowly(SETTLED - Duration::from_secs(1), 10).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "it may still be on its way");
    other.pass_slowly(Duration::from_secs(300), 30).await;
    assert_eq!(the_cancel(&bench, &id).await.status, CancelStatus::Done);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}
