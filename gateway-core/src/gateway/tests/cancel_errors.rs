//! What each error of a cancel leads to (invariants 3, 5, 7, 10, 16).

use std::time::Duration;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND, die},
    errors::{
        Fails, invalid, later, misconfigured, no_answer, not_sent, refused, still_running, unknown,
        unsupported,
    },
    fake_books::pg_message,
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, LastResponse, PaymentStatus},
    provider::{Guard, ProviderError, Response},
    store::PaymentRecord,
};

fn seqs(bench: &Bench) -> Vec<u32> {
    bench.pg.keys(Op::Cancel).iter().map(|key| key.rsplit('_').next().unwrap().parse().unwrap()).collect()
}

/// What a first answer leads to: what is answered, where the row stands, and which keys have gone out two seconds later.
#[tokio::test]
async fn every_error_has_its_answer_its_status_and_its_retry() {
    type Expected = fn(&Result<PaymentRecord, GatewayError>) -> bool;
    let open: Expected = |answer| answer.is_ok();
    let cases: [(&str, Fails, Expected, CancelStatus, &[u32]); 9] = [
        ("not sent", not_sent, open, CancelStatus::Requested, &[1, 1]),
        ("later", later, open, CancelStatus::Requested, &[1, 2]),
        ("still running", still_running, open, CancelStatus::Unknown, &[1, 1]),
        ("no answer", no_answer, open, CancelStatus::Unknown, &[1, 1]),
        ("unknown", unknown, open, CancelStatus::Unknown, &[1, 2]),
        (
            "refused",
            refused,
            |answer| {
                matches!(answer, Err(GatewayError::CancelRefused { failure, .. })
                    if failure.pg == Some(pg_message("NOT_CANCELABLE")))
            },
            CancelStatus::Refused,
            &[1],
        ),
        (
            "misconfigured",
            misconfigured,
            |answer| matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))),
            CancelStatus::Refused,
            &[1],
        ),
        (
            "invalid",
            invalid,
            |answer| matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))),
            CancelStatus::Refused,
            &[1],
        ),
        (
            "unsupported",
            unsupported,
            |answer| matches!(answer, Err(GatewayError::Unsupported(_))),
            CancelStatus::Refused,
            &[1],
        ),
    ];
    for (what, error, is_expected, status, keys) in cases {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.instead(Op::Cancel, error);
        let answer = bench.cancel(&id, Some(1_000)).await;
        assert!(is_expected(&answer), "{what}: {answer:?}");
        assert_eq!(bench.newest_cancel(&id).await.status, status, "{what}");
        bench.run(3 * SECOND).await;
        assert_eq!(seqs(&bench), keys, "{what}");
        let done = keys.len() == 2;
        assert_eq!(bench.given_back(&pg_id), if done { 1_000 } else { 0 }, "{what}");
        let ends = if done { CancelStatus::Done } else { status };
        assert_eq!(bench.newest_cancel(&id).await.status, ends, "{what}");
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn lost_answer_is_found_by_our_id_and_not_sent_again() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.after(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done, "by the look-up right after");
        bench.run(DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, 1_000));
    }
}

#[tokio::test]
async fn cancel_of_the_same_amount_by_hand_is_not_taken_for_ours() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1_000, bench.pg.clock_now()));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let record = bench.read(&id).await;
    let rows: Vec<_> = record.charges[0].cancels.iter().map(|row| row.status).collect();
    assert_eq!(rows, [CancelStatus::Unknown, CancelStatus::Done]);
}

#[tokio::test]
async fn look_up_never_refutes_a_cancel_that_was_sent() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    for _ in 0..6 {
        bench.run(DAY).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
    }
    bench.run(2 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
}

#[tokio::test]
async fn three_errors_and_a_final_look_up_refuse_with_the_pgs_words() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.fails(Op::Cancel, unknown);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(10 * SECOND).await;
    assert_eq!(seqs(&bench), [1, 2, 3], "under the next key each time");
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
    bench.run(FINAL).await;
    let cancel = bench.newest_cancel(&id).await;
    assert_eq!(cancel.status, CancelStatus::Refused);
    assert_eq!(cancel.failure.unwrap().pg, Some(pg_message("PROVIDER_ERROR")));
    bench.pg.heal();
    bench.run(2 * DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (3, 0));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 1_000, "the merchant asks again");
}

#[tokio::test]
async fn two_errors_are_not_three() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, unknown);
    bench.pg.instead(Op::Cancel, unknown);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(HOUR).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
    assert_eq!((seqs(&bench), bench.given_back(&pg_id)), (vec![1, 2, 3], 1_000));
}

#[tokio::test]
async fn error_that_was_done_is_done_and_sent_no_second_time() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.after(Op::Cancel, unknown);
        bench.pg.instead(Op::Verify, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.run(HOUR).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        assert_eq!(bench.given_back(&pg_id), 1_000);
    }
}

#[tokio::test]
async fn refusal_of_a_repeat_is_no_refusal_of_the_first() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.later(Op::Cancel);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.pg.fails(Op::Cancel, refused);
        bench.run(FINAL / 2).await;
        assert!(bench.newest_cancel(&id).await.status.is_uncertain());
        bench.pg.execute_late();
        bench.run(HOUR).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        assert_eq!(bench.given_back(&pg_id), 1_000);
    }
}

#[tokio::test]
async fn balance_guard_alone_waits_for_every_unanswered_send() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.later(Op::Cancel);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(FINAL - SECOND).await;
    assert_eq!(bench.cancels(), 1, "it may be executed yet");
    bench.run(2 * SECOND).await;
    assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (2, 1_000));
    bench.pg.execute_late();
    bench.run(DAY).await;
    assert_eq!(bench.given_back(&pg_id), 1_000, "the PG's own balance guard");
}

#[tokio::test]
async fn crash_after_the_commit_waits_for_the_final_time_as_well() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.before(Op::Cancel, std::future::pending);
    die(bench.cancel(&id, Some(1_000))).await;
    let other = bench.replica(|_, _| ());
    other.run(FINAL - SECOND).await;
    assert_eq!(bench.cancels(), 1, "nobody planned this repeat, and its guard does not hold yet");
    other.run(10 * SECOND).await;
    assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (2, 1_000));
}

#[tokio::test]
async fn next_key_waits_for_an_unanswered_send_before_it() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.later(Op::Cancel);
    bench.pg.instead(Op::Cancel, unknown);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(FINAL - SECOND).await;
    assert_eq!(seqs(&bench), [1, 1], "an answered error does not answer an earlier send");
    bench.run(10 * SECOND).await;
    assert_eq!((seqs(&bench), bench.given_back(&pg_id)), (vec![1, 1, 2], 1_000));
}

#[tokio::test]
async fn rotated_credential_waits_and_then_gives_back_by_the_balance() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        let rotated = bench.replica(|_, pg| pg.description.credential = "second".to_owned());
        rotated.run(FINAL - SECOND).await;
        assert_eq!(bench.cancels(), 1, "the key is not kept for another credential");
        rotated.run(10 * SECOND).await;
        assert_eq!(bench.given_back(&pg_id), 1_000, "and nobody has to act");
        rotated.cancel(&id, Some(1_000)).await.unwrap();
    }
}

#[tokio::test]
async fn key_that_expired_at_the_pg_is_not_repeated() {
    let bench = Bench::on_confirm().replica(|_, pg| {
        let short = Guard::Key { within: Duration::from_secs(1), per_credential: true };
        pg.description.guards.cancel_part = vec![short];
    });
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(8 * DAY).await;
    assert_eq!(bench.cancels(), 1);
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
}

#[tokio::test]
async fn pg_without_a_balance_guard_is_never_sent_again_on_unknown() {
    for guards in [Vec::new(), vec![Guard::Key { within: DAY, per_credential: true }]] {
        let bench =
            Bench::on_confirm().replica(|_, pg| pg.description.guards.cancel_part.clone_from(&guards));
        let (id, _) = bench.paid().await;
        bench.pg.instead(Op::Cancel, unknown);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.run(8 * DAY).await;
        assert_eq!(bench.cancels(), 1, "{guards:?}");
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    }
}

#[tokio::test]
async fn error_repeated_for_a_key_does_not_stop_the_next_key() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, unknown);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let key = bench.pg.keys(Op::Cancel).remove(0);
    bench.pg.books(|books| books.store_error(&key, "FORBIDDEN_REQUEST"));
    bench.run(MINUTE).await;
    assert_eq!((seqs(&bench), bench.given_back(&pg_id)), (vec![1, 2], 1_000));
}

#[tokio::test]
async fn another_balance_than_expected_is_decided_by_look_ups() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 500, bench.pg.clock_now()));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(5 * MINUTE).await;
    let cancels = bench.read(&id).await.charges[0].cancels.clone();
    let ours = cancels.iter().find(|cancel| cancel.reason == "changed my mind").unwrap();
    assert_eq!(ours.status, CancelStatus::Refused);
    assert_eq!(ours.failure.clone().unwrap().pg.unwrap().code, "NOT_MATCHES_REFUNDABLE_AMOUNT");
    assert_eq!(bench.given_back(&pg_id), 0);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 9_500);
}

#[tokio::test]
async fn answer_about_another_payment_is_not_believed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let other = bench.pg.books(|books| {
        let other = books.agree("order-of-somebody", PRICE);
        books.row(&other).snapshot
    });
    bench.pg.answer(Op::Cancel, other);
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(record.charges.len(), 1);
    bench.run(HOUR).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
    assert_eq!((bench.given_back(&pg_id), bench.cancels()), (1_000, 1));
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
}

#[tokio::test]
async fn cancel_answered_without_a_payment_shows_its_amounts_at_once() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.shows_nothing = true);
    let (id, _) = bench.paid().await;
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
    assert_eq!(record.cancellable().amount(), 9_000);
}

#[tokio::test]
async fn still_running_is_retried_with_the_same_key_for_ever() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..6 {
        bench.pg.instead(Op::Cancel, still_running);
    }
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(DAY).await;
    assert_eq!((seqs(&bench), bench.given_back(&pg_id)), (vec![1; 7], 1_000));
}

#[tokio::test]
async fn words_of_an_open_cancel_are_shown_once_it_is_refused() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::Unknown(Response::Error(pg_message("BANK_ERROR"))));
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    let cancel = bench.newest_cancel(&id).await;
    assert_eq!(cancel.failure.unwrap().pg, Some(pg_message("BANK_ERROR")));
    assert_eq!(cancel.dispatch.unwrap().last_response, LastResponse::Error);
    assert_eq!(record.view().cancels[0].failure, None, "nobody has refused it yet");
}
