//! Where one rule ends and the next begins: the last moment of a window, the attempt beside the one that counts.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, CancelOrigin, CancelStatus, Failure, FailureReason, Heard, PaymentStatus, PgStatus,
    ProviderError, Sending, UnknownOutcome,
};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn unknown_error() -> ProviderError {
    ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
}

#[test]
fn cancels_have_the_words_of_the_api() {
    for (origin, word) in [
        (CancelOrigin::Merchant, "merchant"),
        (CancelOrigin::Compensation, "compensation"),
        (CancelOrigin::Pg, "pg"),
    ] {
        assert_eq!(origin.name(), word);
        assert_eq!(json!(origin), json!(word), "stored as it is called");
    }
    for (status, word) in [
        (CancelStatus::Requested, "requested"),
        (CancelStatus::Sent, "sent"),
        (CancelStatus::Done, "done"),
        (CancelStatus::Pending, "pending"),
        (CancelStatus::Refused, "refused"),
        (CancelStatus::Unknown, "unknown"),
    ] {
        assert_eq!(status.name(), word);
        assert_eq!(json!(status), json!(word), "stored as it is called");
    }
}

#[tokio::test]
async fn a_payment_taken_to_be_resolved_is_given_back_even_where_nothing_changed() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let version = bench.read(&id).await.payment.version;
    bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
    assert_eq!(bench.read(&id).await.payment.version, version + 1, "a commit ends the lease");
    bench.clock.advance(SECOND);
    bench.webhook(json!({ "pg_id": "pg1" })).await;
    let version = bench.read(&id).await.payment.version;
    bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
    assert_eq!(bench.read(&id).await.payment.version, version + 1, "and one is enough");
}

#[tokio::test]
async fn the_last_moment_in_which_a_pg_remembers_a_key_is_before_its_window_ends() {
    let window = Duration::from_secs(10);
    for (after, sends) in [(window - MILLISECOND, 2), (window, 1)] {
        let bench = Bench::on_confirm().replica(|pg| pg.description.repeat_safe_for = Some(window));
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, no_answer);
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.clock.advance(after);
        bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
        assert_eq!(bench.pg.calls(Op::Confirm).len(), sends, "confirm after {after:?}");

        let bench = Bench::on_confirm().replica(|pg| pg.description.repeat_safe_for = Some(window));
        let (id, _) = bench.paid().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.clock.advance(after);
        bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
        assert_eq!(bench.pg.calls(Op::Cancel).len(), sends, "cancel after {after:?}");
    }
}

#[tokio::test]
async fn an_attempt_that_the_pg_does_not_know_opens_again_though_one_before_it_never_reached_the_pg() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.pg.instead(Op::Request, || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")));
    bench.gateway.next_action(&bench.merchant, &id, None).await.unwrap_err();
    assert_eq!(bench.read(&id).await.attempts[0].status, AttemptStatus::Closed);
    bench.open(&id).await;
    bench.bring(&id, json!({ "pg_id": "pg9" })).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pass_slowly(SETTLED + 60 * SECOND, 10).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Ready);
    assert_eq!(record.attempts[1].status, AttemptStatus::Open);
}

#[tokio::test]
async fn an_attempt_that_the_pg_shows_does_not_open_again_while_nobody_knows_what_it_is() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
    // "Paid", but of no money.
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.status = PgStatus::Paid));
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass_slowly(2 * SETTLED, 10).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
}

#[tokio::test]
async fn a_close_that_was_answered_with_an_error_goes_again_with_the_next_key_while_the_account_waits() {
    for (shown, sends) in [(PgStatus::AwaitingDeposit, [1, 2]), (PgStatus::Paid, [1, 1])] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        for _ in 0..2 {
            bench.pg.instead(Op::Cancel, unknown_error);
        }
        bench.cancel(&id, None).await.unwrap();
        bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.status = shown));
        bench.clock.advance(SETTLED);
        bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
        let row = bench.read(&id).await.cancels[0].clone();
        let keys = sends.map(|send| format!("{id}:cancel:{}:{send}", row.id));
        assert_eq!(bench.pg.keys(Op::Cancel), keys, "{shown:?}");
    }
}

#[tokio::test]
async fn a_wrong_claim_of_an_earlier_attempt_does_not_hide_that_this_one_is_paid() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    let theirs = bench.pg.books(|books| books.agree("their-own-order", PRICE));
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &theirs).await.unwrap_err();
    bench.clock.advance(SETTLED);
    bench.verify(&id).await;
    assert_eq!(bench.read(&id).await.attempts[0].failure, Some(Failure::of(FailureReason::Mismatch)));
    let order = bench.open(&id).await;
    let mine = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.after(Op::Confirm, no_answer);
    let record = bench.confirm(&id, &mine).await.unwrap();
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&mine)));
}

#[test]
fn whatever_goes_out_has_heard_nothing_yet() {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    for (heard, afresh) in [(Heard::Error, 4), (Heard::Nothing, 3), (Heard::StillRunning, 3)] {
        let sent = Sending { send: 3, times: 5, heard, ..Sending::first(at(1), "first") };
        let shape = |sent: &Sending| (sent.send, sent.times, sent.first_sent_at, sent.sent_at, sent.heard);
        assert_eq!(shape(&sent.again(at(2))), (3, 6, at(1), at(2), Heard::Nothing));
        assert_eq!(shape(&sent.next(at(2))), (4, 6, at(1), at(2), Heard::Nothing));
        let again = sent.afresh(at(2), "second");
        assert_eq!(shape(&again), (afresh, 1, at(2), at(2), Heard::Nothing));
        assert_eq!((sent.next(at(2)).credential.as_str(), again.credential.as_str()), ("first", "second"));
    }
}
