//! Balances are the sum of what the events moved.

use std::time::Duration;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::Op,
};
use crate::{
    CancelStatus, Clock, EventKind, Failure, FailureReason, LatePayments, LedgerProblem, Money, MoneyMoves,
    Moved, PaymentStatus, PgPaymentId, ProviderError, Store,
};

/// What the events of the bench moved, those that moved nothing left out.
async fn moved(bench: &Bench) -> Vec<(i64, i64)> {
    let events = bench.events().await.into_iter().map(|event| event.event.moved);
    events.filter(|moved| *moved != Moved::default()).map(|moved| (moved.paid, moved.cancelled)).collect()
}

/// The PG's only refund of a payment did not arrive: its money is the merchant's again.
fn refund_fails(bench: &Bench, pg_id: &PgPaymentId) {
    bench.pg.books(|books| {
        books.change(pg_id, |snapshot| {
            snapshot.cancelled = Money::krw(0);
            snapshot.cancels[0].status = CancelStatus::Refused;
        });
    });
}

#[tokio::test]
async fn every_amount_is_the_sum_of_its_events() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.cancel(&id, Some(2_000)).await.unwrap();
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 500));
    bench.verify(&id).await;
    assert_eq!(moved(&bench).await, [(10_000, 0), (0, 1_000), (0, 2_000), (0, 500)]);
    let page = bench.gateway.check_ledger(None, 10).await.unwrap();
    assert_eq!((page.checked, page.differences.len(), page.next), (1, 0, None));
    assert_eq!(bench.gateway.count_payments().await.unwrap(), 1);
}

#[tokio::test]
async fn a_reversed_deposit_is_moved_back() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    bench.pg.books(|books| books.reverse(&pg_id));
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    assert_eq!(moved(&bench).await, [(10_000, 0), (-10_000, 0)]);
    assert!(bench.gateway.check_ledger(None, 10).await.unwrap().differences.is_empty());
}

#[tokio::test]
async fn an_amount_that_changes_alone_is_told() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pass_slowly(Duration::from_secs(600), 5).await;
    // The PG shows more given back before it lists the cancel.
    bench.pg.books(|books| {
        books.change(&pg_id, |snapshot| snapshot.cancelled = Money::krw(1_500));
    });
    bench.verify(&id).await;
    assert_eq!(bench.count(EventKind::AmountsChanged).await, 1);
    assert_eq!(moved(&bench).await.last(), Some(&(0, 500)));
}

#[tokio::test]
async fn what_a_failed_refund_leaves_is_told_as_an_amount_and_not_as_paid_again() {
    for part in [None, Some(4_000)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.slow_refunds = true);
        bench.cancel(&id, part).await.unwrap();
        refund_fails(&bench, &pg_id);
        assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
        let told = [EventKind::Status(PaymentStatus::Paid), EventKind::AmountsChanged];
        assert_eq!([bench.count(told[0]).await, bench.count(told[1]).await], [1, 1]);
        let back = i64::try_from(part.unwrap_or(PRICE)).unwrap();
        assert_eq!(moved(&bench).await, [(10_000, 0), (0, back), (0, -back)]);
        assert!(bench.gateway.check_ledger(None, 10).await.unwrap().differences.is_empty());
    }
}

#[tokio::test]
async fn money_that_was_never_told_as_paid_is_told_when_its_refund_fails() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    // The deposit's webhook is lost, and somebody gives the money back in the console before anybody looks.
    bench.pg.books(|books| {
        books.charge(&pg_id, bench.clock.now());
        books.cancel_in_console(&pg_id, PRICE);
        books.change(&pg_id, |snapshot| snapshot.cancels[0].status = CancelStatus::Pending);
    });
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Cancelled);
    refund_fails(&bench, &pg_id);
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, 1);
}

#[tokio::test]
async fn money_that_was_told_as_late_is_not_told_as_paid_when_its_refund_fails() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
    // Somebody gives it back by hand, and that fails too.
    bench.pg.books(|books| {
        books.cancel_in_console(&pg_id, PRICE);
        books.change(&pg_id, |snapshot| snapshot.cancels[0].status = CancelStatus::Pending);
    });
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Cancelled);
    refund_fails(&bench, &pg_id);
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::LateMoney).await, 1);
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, 0);
}

#[tokio::test]
async fn a_deposit_that_was_reversed_and_came_again_is_told_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    for told in [1, 2] {
        bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
        assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
        assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, told);
        bench.pg.books(|books| books.reverse(&pg_id));
        bench.verify(&id).await;
    }
}

#[tokio::test]
async fn the_ledger_is_read_in_parts() {
    let bench = Bench::on_confirm();
    for number in 0..5 {
        bench.try_register(&format!("order-{number}"), PRICE).await.unwrap();
    }
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let page = bench.gateway.check_ledger(after.as_ref(), 2).await.unwrap();
        sizes.push(page.checked);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn what_was_changed_behind_the_events_is_found() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let record = bench.read(&id).await;
    let mut payment = record.payment.clone();
    payment.version += 1;
    payment.amount_paid = crate::Money::krw(9_000);
    payment.status = PaymentStatus::Cancelled;
    let change = crate::Change {
        expected: Some(record.payment.version),
        payment,
        hints: record.hints,
        more_hints_at: None,
        attempts: Vec::new(),
        cancels: Vec::new(),
        events: Vec::new(),
        idempotency: None,
        supersedes: None,
    };
    bench.store.commit(change).await.unwrap();
    let found = bench.gateway.check_ledger(None, 10).await.unwrap().differences;
    let found: Vec<_> = found.iter().map(|found| (found.problem, found.shown, found.recomputed)).collect();
    assert_eq!(found, [(LedgerProblem::AmountPaid, 9_000, 10_000), (LedgerProblem::Status, 1, 0)]);
}

#[test]
fn problems_of_the_ledger_have_the_words_of_the_api() {
    let problems = [
        LedgerProblem::AmountPaid,
        LedgerProblem::AmountCancelled,
        LedgerProblem::EventNumbers,
        LedgerProblem::Status,
    ];
    let words = ["amount_paid", "amount_cancelled", "event_numbers", "status"];
    assert_eq!(problems.map(LedgerProblem::name), words);
}

#[tokio::test]
async fn every_payment_is_counted() {
    let bench = Bench::on_confirm();
    assert_eq!(bench.gateway.count_payments().await.unwrap(), 0);
    for (order, counted) in [("order-1", 1), ("order-2", 2)] {
        bench.try_register(order, PRICE).await.unwrap();
        assert_eq!(bench.gateway.count_payments().await.unwrap(), counted);
    }
}
