//! A cancel that the PG refuses in its own words (invariants 3, 7).

use std::time::Duration;

use super::{
    bench::{Bench, DAY, new_cancel},
    errors::{may_follow, misconfigured, no_answer, refused, unknown},
    fake_books::pg_message,
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, NewCancel, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{
        CancelStatus, EventKind, Failure, FailureReason, Money, PaymentStatus, PgCancelStatus, PgPaymentId,
        ReviewOutcome, SnapshotCancel,
    },
    provider::ProviderError,
};

#[tokio::test]
async fn refusal_in_the_pgs_words_is_final_and_replayed() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, refused);
    bench.cancel(&id, Some(1_000)).await.unwrap_err();
    let cancel = bench.newest_cancel(&id).await.id;
    bench.run(2 * DAY).await;
    let answer = bench.gateway.cancel_result(&bench.merchant, &id, &cancel).await;
    let Err(GatewayError::CancelRefused { failure, record }) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.pg, Some(pg_message("NOT_CANCELABLE")));
    assert_eq!(record.cancellable().amount(), PRICE);
    assert_eq!(bench.cancels(), 1);
}

#[tokio::test]
async fn refused_cancel_that_was_done_is_answered_done() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.after(Op::Cancel, refused);
        let (record, _) = bench.cancel_with(&id, new_cancel(Some(4_000)), Some("k1")).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        assert_eq!(record.cancellable().amount(), PRICE - 4_000, "nobody asks for the same again");
        assert_eq!(bench.count(EventKind::Cancel(CancelStatus::Refused)).await, 0);
        bench.run(DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, 4_000));
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn refused_cancel_is_looked_up_once_and_stands() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, refused);
    let before = bench.look_ups();
    let answer = bench.cancel(&id, Some(4_000)).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
    assert_eq!(bench.look_ups(), before + 1);
}

#[tokio::test]
async fn refused_cancel_that_nobody_could_look_up_is_not_refused_yet() {
    for is_done in [true, false] {
        for bench in Bench::both() {
            let (id, pg_id) = bench.paid().await;
            if is_done {
                bench.pg.after(Op::Cancel, refused);
            } else {
                bench.pg.fails(Op::Cancel, refused);
            }
            bench.pg.instead(Op::Verify, no_answer);
            let (record, _) = bench.cancel_with(&id, new_cancel(Some(4_000)), Some("k1")).await.unwrap();
            assert_eq!(record.payment.status(), PaymentStatus::Paid);
            assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
            bench.run(DAY).await;
            let expected = if is_done { CancelStatus::Done } else { CancelStatus::Refused };
            assert_eq!(bench.newest_cancel(&id).await.status, expected, "{is_done}");
            assert_eq!(bench.given_back(&pg_id), if is_done { 4_000 } else { 0 });
            bench.check_ledger().await;
        }
    }
}

/// The next cancel, of 4,000, is done at a PG that shows only sums, and answered with this.
fn is_done_in_sums(bench: &Bench, pg_id: &PgPaymentId, answer: fn() -> ProviderError) {
    let (pg, changed) = (bench.pg.clone(), pg_id.clone());
    let done = move || async move {
        pg.books(|books| {
            books.change(&changed, |shown| {
                (shown.cancelled, shown.cancellable) = (Money::krw(4_000), Money::krw(6_000));
                shown.cancels = None;
            })
        });
    };
    bench.pg.instead_late(Op::Cancel, done, answer);
}

#[tokio::test]
async fn cancel_is_open_while_more_went_back_than_is_known() {
    for answer in [refused, misconfigured, unknown as fn() -> ProviderError] {
        let bench = Bench::before_confirm();
        let (id, pg_id) = bench.paid().await;
        is_done_in_sums(&bench, &pg_id, answer);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        // Past the final time the sum says no less than before it.
        for wait in [Duration::ZERO, DAY] {
            bench.run(wait).await;
            assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
            let again = bench.cancel(&id, Some(4_000)).await;
            let in_progress = StateProblem::CancelInProgress;
            assert!(
                matches!(&again, Err(GatewayError::InvalidState { problem, .. }) if *problem == in_progress),
                "{again:?}"
            );
        }
        bench.run(7 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    }
}

#[tokio::test]
async fn cancel_that_may_be_done_later_is_sent_once() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.instead(Op::Cancel, may_follow);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        bench.run(Duration::from_secs(10 * 60)).await;
        // Nothing says that it will not be done tomorrow.
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        bench.cancel(&id, Some(4_000)).await.unwrap_err();
        bench.run(9 * DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, 0));
        bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
        bench.cancel(&id, Some(4_000)).await.unwrap();
        bench.run(DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (2, 4_000));
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn cancel_that_was_done_in_spite_of_its_answer_needs_nobody() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.after(Op::Cancel, may_follow);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        bench.run(DAY).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, 4_000));
        assert!(bench.open_reviews(&id).await.is_empty());
    }
}

#[tokio::test]
async fn what_the_sum_holds_is_not_added_once_more_by_a_person() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    is_done_in_sums(&bench, &pg_id, unknown);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    bench.run(8 * DAY).await;
    bench.decide(&id, ReviewOutcome::Done).await.unwrap();
    for wait in [Duration::ZERO, 5 * DAY] {
        bench.run(wait).await;
        let record = bench.read(&id).await;
        assert_eq!(record.payment.shown.amount_cancelled, Money::krw(4_000));
        assert_eq!(record.cancellable(), Money::krw(6_000));
    }
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn two_that_look_the_same_explain_the_sum() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    let by_hand = SnapshotCancel {
        pg_cancel_id: None,
        id: None,
        amount: Money::krw(1_000),
        reason: Some("sorry".to_owned()),
        status: PgCancelStatus::Done,
        chargeback: false,
        at: None,
    };
    bench.pg.books(|books| {
        books.change(&pg_id, |shown| {
            (shown.cancelled, shown.cancellable) = (Money::krw(2_000), Money::krw(8_000));
            shown.cancels = Some(vec![by_hand.clone(), by_hand]);
        });
    });
    bench.verify(&id).await;
    for _ in 0..3 {
        bench.pg.instead(Op::Cancel, unknown);
    }
    bench.cancel(&id, Some(4_000)).await.unwrap();
    bench.run(DAY).await;
    let record = bench.read(&id).await;
    let ours = record.charges[0].cancels.iter().find(|cancel| cancel.amount == Money::krw(4_000)).unwrap();
    assert_eq!(ours.status, CancelStatus::Refused);
}

#[tokio::test]
async fn refusal_of_ours_is_final_also_while_the_pg_is_down() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    // A bank that the PG has no code for: nothing is sent, and nobody has to be asked.
    bench
        .pg
        .instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::InvalidRefundAccount)));
    bench.pg.fails(Op::Verify, no_answer);
    let answer = bench.cancel(&id, Some(4_000)).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
}

#[tokio::test]
async fn refusal_that_nobody_could_look_up_ends_without_a_guard_too() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.cancel_part.clear());
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, refused);
    bench.pg.instead(Op::Verify, no_answer);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    bench.run(DAY).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Refused);
    assert_eq!(bench.cancels(), 1);
}

#[tokio::test]
async fn reason_may_hold_joined_emoji() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let family = NewCancel::part("가족 👨‍👩‍👧 환불", Money::krw(1_000));
    bench.gateway.cancel(&bench.merchant, &id, &family, None).await.unwrap();
    for reason in [" ", "a\nb", &"x".repeat(201)] {
        let wrong = NewCancel::part(reason, Money::krw(1_000));
        let refused = bench.gateway.cancel(&bench.merchant, &id, &wrong, None).await.unwrap_err();
        assert!(matches!(refused, GatewayError::Invalid { param: "reason", .. }), "{refused:?}");
    }
}
