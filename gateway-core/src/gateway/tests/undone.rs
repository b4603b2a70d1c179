//! Money that went back, by what the PG booked, and is here again (invariants 7, 12): an operator has to know.

use serde_json::json;

use super::bench::{Bench, DAY, HOUR, MINUTE};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{
        CancelStatus, EventKind, Misfit, Money, MoneyMoves, PaymentId, PaymentStatus, PgCancelStatus,
        PgPaymentId, ReviewOutcome, Snapshot, SnapshotCancel,
    },
};

/// The refunds that the PG booked fail to be paid out.
fn refunds_fail(bench: &Bench, id: &PgPaymentId) {
    bench.pg.books(|books| {
        books.change(id, |shown| {
            shown.cancels.iter_mut().flatten().for_each(|entry| entry.status = PgCancelStatus::Failed);
            (shown.cancelled, shown.cancellable) = (Money::krw(0), shown.paid);
        });
    });
}

/// What was cancelled in the PG's console is as it was before.
fn console_undoes(bench: &Bench, id: &PgPaymentId, before: &Snapshot) {
    bench.pg.books(|books| {
        books.change(id, |shown| *shown = Snapshot { cancels: Some(Vec::new()), ..before.clone() });
    });
}

async fn hint(bench: &Bench, id: &PaymentId, pg_id: &PgPaymentId) {
    let order = bench.read(id).await.attempts[0].pg_order_id.to_string();
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    bench.run(10 * MINUTE).await;
}

#[tokio::test]
async fn done_refund_that_fails_after_all_is_a_review() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        bench.advance(MINUTE);
        bench.cancel(&id, None).await.unwrap();
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        bench.advance(HOUR);
        refunds_fail(&bench, &card);
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Refused);
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.open_reviews(&id).await, ["failed_refund"]);
        bench.cancel(&id, None).await.unwrap();
        bench.run(HOUR).await;
        assert!(bench.open_reviews(&id).await.is_empty(), "another refund made it good");
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn failed_refund_of_a_duplicate_is_not_announced_as_another() {
    for bench in Bench::both() {
        let (id, _, second) = bench.paid_twice().await;
        hint(&bench, &id, &second).await;
        assert_eq!(bench.given_back(&second), PRICE);
        refunds_fail(&bench, &second);
        hint(&bench, &id, &second).await;
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["failed_refund"], "the merchant holds the money of two");
        let returned = EventKind::Returned(Misfit::Duplicate).name();
        let announced = bench.kinds().await.iter().filter(|kind| **kind == returned).count();
        assert_eq!(announced, 1);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn console_cancel_that_is_undone_is_a_review() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        let before = bench.pg.books(|books| books.row(&card).snapshot);
        bench.advance(MINUTE);
        bench.pg.books(|books| books.cancel_in_console(&card, PRICE, bench.pg.clock_now()));
        bench.verify(&id).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
        // The order is sold again.
        let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
        let window = bench.open(&new).await;
        let is_taken_alone = bench.pg.money_moves == MoneyMoves::BeforeConfirm;
        let paid_at = bench.pg.clock_now();
        let second = bench.pg.books(|books| {
            if is_taken_alone { books.pay(&window, 9_000, paid_at) } else { books.agree(&window, 9_000) }
        });
        bench.confirm(&new, &second).await.unwrap();
        console_undoes(&bench, &card, &before);
        for _ in 0..2 {
            bench.verify(&id).await;
            bench.run(10 * MINUTE).await;
        }
        assert_eq!(bench.status(&new).await, PaymentStatus::Paid);
        let open = bench.open_reviews(&id).await;
        assert!(open.contains(&"unknown_cancel"), "the money of two is there: {open:?}");
    }
}

#[tokio::test]
async fn duplicate_whose_console_cancel_is_undone_is_a_review() {
    for bench in Bench::both() {
        let (id, _, second) = bench.paid_twice().await;
        let before = bench.pg.books(|books| books.row(&second).snapshot);
        // A cancel by hand was faster than the gateway.
        bench.pg.books(|books| books.cancel_in_console(&second, PRICE, bench.pg.clock_now()));
        hint(&bench, &id, &second).await;
        console_undoes(&bench, &second, &before);
        hint(&bench, &id, &second).await;
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    }
}

#[tokio::test]
async fn chargeback_that_was_won_can_be_refunded_after_a_review() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&card).snapshot);
    bench.advance(MINUTE);
    bench.pg.books(|books| {
        books.cancel_in_console(&card, PRICE, bench.pg.clock_now());
        books.change(&card, |shown| {
            shown.cancels.iter_mut().flatten().for_each(|entry| entry.chargeback = true);
        });
    });
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    console_undoes(&bench, &card, &before);
    bench.verify(&id).await;
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    bench.decide(&id, crate::model::ReviewOutcome::NotDone).await.unwrap();
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
    bench.check_ledger().await;
}

#[tokio::test]
async fn aborted_try_of_a_refund_does_not_refuse_the_done_one() {
    for position in [0, 1] {
        let bench = Bench::before_confirm();
        let (id, card) = bench.paid().await;
        bench.advance(MINUTE);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.pg.books(|books| {
            books.change(&card, |shown| {
                let list = shown.cancels.as_mut().unwrap();
                let (status, name) = (PgCancelStatus::Failed, Some("aborted".to_owned()));
                list.insert(position, SnapshotCancel { status, pg_cancel_id: name, ..list[0].clone() });
            });
        });
        bench.verify(&id).await;
        bench.advance(MINUTE);
        bench.cancel(&id, Some(2_000)).await.unwrap();
        bench.verify(&id).await;
        let rows = bench.read(&id).await.charges[0].cancels.clone();
        assert!(rows.iter().all(|row| row.status == CancelStatus::Done), "{position}: {rows:?}");
        assert!(bench.open_reviews(&id).await.is_empty());
    }
}

#[tokio::test]
async fn newer_refund_does_not_cover_an_older_one_that_fails_later() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    for amount in [1_000, 2_000] {
        bench.advance(MINUTE);
        bench.cancel(&id, Some(amount)).await.unwrap();
    }
    bench.advance(HOUR);
    bench.pg.books(|books| {
        books.change(&card, |shown| {
            shown.cancels.as_mut().unwrap()[0].status = PgCancelStatus::Failed;
            (shown.cancelled, shown.cancellable) = (Money::krw(2_000), Money::krw(PRICE - 2_000));
        });
    });
    bench.verify(&id).await;
    bench.run(2 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["failed_refund"]);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty(), "this one does");
    bench.check_ledger().await;
}

#[tokio::test]
async fn refund_under_way_that_is_gone_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&card).snapshot);
    bench.advance(MINUTE);
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, None).await.unwrap();
    bench.run(HOUR).await;
    bench.pg.books(|books| books.slow_refunds = false);
    console_undoes(&bench, &card, &before);
    bench.run(3 * DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty(), "what is under way need not be listed");
    bench.run(5 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    bench.decide(&id, crate::model::ReviewOutcome::NotDone).await.unwrap();
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    bench.check_ledger().await;
}

#[tokio::test]
async fn reversed_late_payment_is_announced_as_late_cancelled() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.advance(MINUTE);
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.verify(&id).await;
    bench.pg.books(|books| books.reverse(&account));
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    let kinds = bench.kinds().await;
    let count = |kind: &str| kinds.iter().filter(|announced| **announced == kind).count();
    assert_eq!((count("payment.late_found"), count("payment.late_cancelled")), (1, 1), "{kinds:?}");
}

#[tokio::test]
async fn refund_covers_only_what_had_failed_before_it() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    for amount in [1_000, 2_000] {
        bench.advance(MINUTE);
        bench.cancel(&id, Some(amount)).await.unwrap();
    }
    let fails = async |position: usize, cancelled: u64| {
        bench.advance(HOUR);
        bench.pg.books(|books| {
            books.change(&card, |shown| {
                shown.cancels.as_mut().unwrap()[position].status = PgCancelStatus::Failed;
                (shown.cancelled, shown.cancellable) = (Money::krw(cancelled), Money::krw(PRICE - cancelled));
            });
        });
        bench.verify(&id).await;
        bench.run(10 * MINUTE).await;
    };
    fails(0, 2_000).await;
    bench.cancel(&id, Some(3_000)).await.unwrap();
    bench.run(MINUTE).await;
    assert!(bench.open_reviews(&id).await.is_empty());
    fails(1, 3_000).await;
    assert_eq!(bench.open_reviews(&id).await, ["failed_refund"]);
}

#[tokio::test]
async fn cancel_that_comes_and_goes_is_asked_about_each_time() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&card).snapshot);
    for round in 0..4 {
        bench.run(2 * DAY).await;
        bench.pg.books(|books| books.cancel_in_console(&card, PRICE, bench.pg.clock_now()));
        bench.verify(&id).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
        console_undoes(&bench, &card, &before);
        bench.verify(&id).await;
        bench.run(3 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"], "round {round}");
        bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
        bench.run(3 * DAY).await;
        assert!(bench.open_reviews(&id).await.is_empty(), "round {round}");
    }
}

#[tokio::test]
async fn failed_refund_behind_a_discount_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let card = bench.pg.books(|books| {
        let card = books.agree(&order, PRICE);
        books.change(&card, |shown| shown.discount = Money::krw(2_000));
        books.take(&card, bench.pg.clock_now());
        books.change(&card, |shown| shown.cancellable = shown.total);
        card
    });
    bench.confirm(&id, &card).await.unwrap();
    for amount in [1_000, 8_000] {
        bench.advance(MINUTE);
        bench.cancel(&id, Some(amount)).await.unwrap();
    }
    bench.advance(HOUR);
    bench.pg.books(|books| {
        books.change(&card, |shown| {
            shown.cancels.as_mut().unwrap()[0].status = PgCancelStatus::Failed;
            (shown.cancelled, shown.cancellable) = (Money::krw(8_000), Money::krw(2_000));
        });
    });
    bench.verify(&id).await;
    bench.run(DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["failed_refund"], "the PG counts with the discount");
}

#[tokio::test]
async fn failed_refund_is_not_closed_beside_another_that_is_under_way() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    bench.advance(HOUR);
    refunds_fail(&bench, &card);
    bench.verify(&id).await;
    bench.run(DAY).await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.open_reviews(&id).await, ["failed_refund"]);
    let answer = bench.decide(&id, ReviewOutcome::Done).await;
    assert!(
        matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })),
        "{answer:?}: paid out twice"
    );
}
