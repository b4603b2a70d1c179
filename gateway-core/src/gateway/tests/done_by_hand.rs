//! A refund that a person made in the PG's console for one of ours: it is one, unless the PG shows both (invariants 7, 11).

use super::{
    bench::{Bench, DAY, HOUR, MINUTE},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{
        CancelOrigin, CancelStatus, PaymentId, PgCancelStatus, PgPaymentId, ReviewOutcome, SnapshotCancel,
    },
};

/// A refund of 1,000 of which nothing is known, and one by hand beside it that the PG lists.
async fn refund_beside_one_by_hand(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, card) = bench.paid().await;
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.advance(MINUTE);
    bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.read(&id).await.payment.shown.amount_cancelled.amount(), 1_000);
    (id, card)
}

#[tokio::test]
async fn cancel_done_in_the_console_while_retired_ends_its_review() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        let retired = bench.retired();
        retired.run(DAY).await;
        bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
        let answer = retired.decide(&id, ReviewOutcome::Done).await;
        assert!(answer.is_ok() || bench.open_reviews(&id).await.is_empty(), "{answer:?}");
        bench.run(2 * DAY).await;
        assert_eq!(bench.given_back(&card), 0);
        let record = bench.read(&id).await;
        assert_eq!(record.payment.shown.amount_cancelled.amount(), 1_000);
        assert_eq!(record.view().cancels.len(), 1, "it went back once");
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.cancel(&id, Some(PRICE - 1_000)).await.unwrap();
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn cancel_done_in_the_console_and_shown_only_later_is_one() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        let gone = bench.nobody_can_ask();
        gone.run(DAY).await;
        bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
        gone.decide(&id, ReviewOutcome::Done).await.unwrap();
        assert_eq!(bench.read(&id).await.payment.shown.amount_cancelled.amount(), 1_000);
        // The credentials are back, and the PG shows a cancel that is not ours: it is one, or there were two.
        bench.run(3 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        bench.decide(&id, ReviewOutcome::Done).await.unwrap();
        bench.run(3 * DAY).await;
        let record = bench.read(&id).await;
        assert_eq!((record.cancellable().amount(), record.view().cancels.len()), (PRICE - 1_000, 1));
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn where_nobody_can_ask_what_was_listed_before_is_another_one() {
    for bench in Bench::both() {
        let (id, card) = refund_beside_one_by_hand(&bench).await;
        let gone = bench.nobody_can_ask();
        gone.run(DAY).await;
        bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
        gone.decide(&id, ReviewOutcome::Done).await.unwrap();
        let record = bench.read(&id).await;
        assert_eq!(record.payment.shown.amount_cancelled.amount(), 2_000);
        assert_eq!(record.view().cancels.len(), 2);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn ours_that_the_pg_shows_after_all_is_another_one() {
    for (status, cancelled, ours_now, reviews) in [
        (PgCancelStatus::Done, 2_000, CancelStatus::Done, &[][..]),
        (PgCancelStatus::Failed, 1_000, CancelStatus::Refused, &["failed_refund"]),
    ] {
        for bench in Bench::both() {
            let (id, card) = refund_beside_one_by_hand(&bench).await;
            let retired = bench.retired();
            retired.run(DAY).await;
            retired.decide(&id, ReviewOutcome::Done).await.unwrap();
            let ours = bench.read(&id).await.charge_at_pg(&card).unwrap().cancels[0].id.clone();
            bench.pg.books(|books| {
                books.change(&card, |shown| {
                    let by_hand = shown.cancels.as_ref().unwrap()[0].clone();
                    let (pg_cancel_id, id) = (Some("ours".to_owned()), Some(ours.clone()));
                    let late = SnapshotCancel { pg_cancel_id, id, status, ..by_hand };
                    if status == PgCancelStatus::Failed {
                        shown.cancels.as_mut().unwrap().push(late);
                    } else {
                        *shown = shown.clone().with_cancel(late);
                    }
                });
            });
            bench.pg.heal();
            retired.verify(&id).await;
            retired.run(3 * DAY).await;
            let record = bench.read(&id).await;
            assert_eq!(record.payment.shown.amount_cancelled.amount(), cancelled);
            let rows = &record.charge_at_pg(&card).unwrap().cancels;
            assert_eq!(
                rows.iter().map(|row| row.origin).collect::<Vec<_>>(),
                [CancelOrigin::Merchant, CancelOrigin::Pg]
            );
            assert_eq!(rows[0].status, ours_now);
            assert_eq!(bench.open_reviews(&id).await, reviews);
            bench.check_ledger().await;
        }
    }
}

#[tokio::test]
async fn cancel_by_hand_no_longer_shown_counts_by_decision() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        let before = bench.pg.books(|books| books.row(&card).snapshot.clone());
        bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
        bench.verify(&id).await;
        bench.pg.books(|books| books.change(&card, |shown| *shown = before));
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        bench.decide(&id, ReviewOutcome::Done).await.unwrap();
        let record = bench.read(&id).await;
        assert_eq!(record.view().cancels.len(), 1, "it is there as before");
        assert_eq!(record.payment.shown.amount_cancelled.amount(), 1_000);
        assert_eq!(record.cancellable().amount(), PRICE - 1_000);
        bench.check_ledger().await;
    }
}
