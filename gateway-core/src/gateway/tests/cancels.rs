//! Giving money back: invariants 1 and 7.

use std::sync::{Arc, Mutex};

use super::{
    bench::{Bench, PRICE, new_cancel},
    fake_books::Op,
};
use crate::{
    CancelOrigin, CancelScope, CancelStatus, EventKind, GatewayError, Money, NewCancel, PaymentStatus,
    ProviderError, StateProblem, Store,
};

fn problem<T>(answer: Result<T, GatewayError>) -> Option<StateProblem> {
    match answer {
        Err(GatewayError::InvalidState { problem, .. }) => Some(problem),
        _ => None,
    }
}

#[tokio::test]
async fn the_cancel_row_is_durable_before_the_first_byte_goes_out() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (store, merchant, payment, seen_by_pg) =
        (bench.store.clone(), bench.merchant.clone(), id.clone(), seen.clone());
    bench.pg.meanwhile(Op::Cancel, move || async move {
        let record = store.payment(&merchant, &payment).await.unwrap().unwrap();
        *seen_by_pg.lock().unwrap() = record.cancels;
    });
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let rows = seen.lock().unwrap();
    assert_eq!(rows[0].status, CancelStatus::Sent);
    assert_eq!(bench.pg.keys(Op::Cancel), [format!("{id}:cancel:{}:1", rows[0].id)]);
}

#[tokio::test]
async fn parts_add_up_to_the_whole_and_no_further() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let record = bench.cancel(&id, Some(4_000)).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::PartiallyCancelled);
    let too_much = bench.cancel(&id, Some(6_001)).await;
    assert_eq!(problem(too_much), Some(StateProblem::CancellableAmountExceeded));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE));
    assert!(problem(bench.cancel(&id, None).await).is_some());
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
}

#[tokio::test]
async fn many_cancels_at_once_never_give_back_more_than_came_in() {
    let bench = Arc::new(Bench::on_confirm());
    bench.pg.books(|books| books.permissive = true);
    let (id, pg_id) = bench.paid().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (bench, id) = (bench.clone(), id.clone());
            tokio::spawn(async move { bench.cancel(&id, Some(3_000)).await.is_ok() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    while bench.cancel(&id, Some(3_000)).await.is_ok() {}
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 9_000);
    assert_eq!(bench.read(&id).await.cancellable(), Money::krw(1_000));
}

#[tokio::test]
async fn a_cancel_of_unknown_outcome_blocks_others() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(record.cancels[0].status, CancelStatus::Unknown);
    assert_eq!(record.cancellable(), Money::krw(9_000), "it counts as given back");
    assert_eq!(problem(bench.cancel(&id, Some(1_000)).await), Some(StateProblem::CancelInProgress));
    bench.pass(std::time::Duration::from_secs(3)).await;
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Done);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 2_000);
}

#[tokio::test]
async fn a_cancel_is_matched_by_its_id_and_never_by_its_amount() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1_000));
    let record = bench.verify(&id).await;
    assert_eq!(record.cancels.len(), 2, "the same amount, but not ours");
    assert_eq!(record.cancels[0].status, CancelStatus::Unknown);
    assert_eq!((record.cancels[1].origin, record.cancels[1].status), (CancelOrigin::Pg, CancelStatus::Done));
}

#[tokio::test]
async fn a_cancel_in_the_console_becomes_a_row_once() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 2_500));
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 500));
    for _ in 0..3 {
        let record = bench.verify(&id).await;
        assert_eq!(record.payment.status, PaymentStatus::PartiallyCancelled);
        assert_eq!(record.cancels.len(), 2);
        assert!(record.cancels.iter().all(|cancel| cancel.origin == CancelOrigin::Pg));
        assert_eq!(record.cancellable(), Money::krw(7_000));
    }
    assert_eq!(bench.count(EventKind::CancelUpdated).await, 2);
}

#[tokio::test]
async fn a_cancel_that_the_pg_names_by_nothing_becomes_a_row_once() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 2_500));
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.cancels[0].pg_cancel_id = None));
    for _ in 0..3 {
        assert_eq!(bench.verify(&id).await.cancels.len(), 1);
    }
}

#[tokio::test]
async fn nothing_can_be_cancelled_that_the_pg_shows_as_given_back() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.cancelled = Money::krw(7_000)));
    assert_eq!(bench.verify(&id).await.cancellable(), Money::krw(3_000), "though no list says why");
    assert_eq!(problem(bench.cancel(&id, Some(3_001)).await), Some(StateProblem::CancellableAmountExceeded));
}

#[tokio::test]
async fn what_the_merchant_believes_is_left_is_checked() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let new = NewCancel { expected_cancellable: Some(Money::krw(9_999)), ..new_cancel(Some(1)) };
    let answer = bench.gateway.cancel(&bench.merchant, &id, &new, None).await;
    assert_eq!(problem(answer), Some(StateProblem::CancellableAmountChanged));
    assert!(bench.pg.calls(Op::Cancel).is_empty());
}

#[tokio::test]
async fn a_refund_under_way_is_pending_until_the_pg_says_it_arrived() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(record.cancels[0].status, CancelStatus::Pending);
    bench.pass(std::time::Duration::from_secs(2 * 3_600)).await;
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Pending);
    bench.pg.books(|books| books.complete_refunds(&pg_id));
    bench.pass(std::time::Duration::from_secs(2 * 3_600)).await;
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Done);
}

#[tokio::test]
async fn a_ready_payment_is_closed_in_full_without_the_pg() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    assert_eq!(problem(bench.cancel(&id, Some(1)).await), Some(StateProblem::FullCloseOnly));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(record.cancels[0].scope, CancelScope::Close);
    assert!(problem(bench.confirm(&id, &pg_id).await).is_some());
    assert!(bench.pg.calls(Op::Confirm).is_empty() && bench.pg.calls(Op::Cancel).is_empty());
}

#[tokio::test]
async fn nothing_is_closed_that_the_buyer_has_paid_in_the_window() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pg.books(|books| books.pay(&order, PRICE, crate::Clock::now(&bench.clock)));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE), "given back, not closed");
}

#[tokio::test]
async fn a_payment_that_is_confirming_cannot_be_cancelled() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(problem(bench.cancel(&id, None).await), Some(StateProblem::Status));
}
