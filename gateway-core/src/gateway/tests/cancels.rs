//! Giving money back as a merchant asks for it (invariants 1, 7).

use std::sync::Arc;

use futures_util::future::join_all;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, new_cancel, refund_account},
    errors::{no_answer, refused},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, NewCancel, NewPayment, StateProblem},
    lifecycle::tests::sample::{PRICE, terms},
    model::{CancelOrigin, CancelStatus, Money, PaymentStatus, PgCancelStatus},
    provider::CancelScope,
};

fn problem<T: std::fmt::Debug>(answer: Result<T, GatewayError>) -> StateProblem {
    match answer {
        Err(GatewayError::InvalidState { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whole_request_is_committed_before_the_first_byte() {
    let bench = Arc::new(Bench::on_confirm());
    let (id, pg_id) = bench.paid().await;
    let (seen, read) = (bench.clone(), id.clone());
    bench.pg.before(Op::Cancel, move || async move {
        let cancel = seen.newest_cancel(&read).await;
        assert_eq!((cancel.status, cancel.amount), (CancelStatus::Sent, Money::krw(4_000)));
        assert_eq!((cancel.cancellable_before, cancel.is_whole), (Money::krw(PRICE), false));
        assert_eq!(cancel.key.unwrap().key, "k1");
        assert_eq!(cancel.dispatch.unwrap().key_seq, 1);
    });
    let (record, cancel) = bench.cancel_with(&id, new_cancel(Some(4_000)), Some("k1")).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
    assert_eq!(bench.pg.keys(Op::Cancel), [format!("{id}_cancel_{cancel}_1")]);
    assert_eq!(bench.given_back(&pg_id), 4_000);
    let kinds = bench.kinds().await;
    assert_eq!(&kinds[3..], ["cancel.requested", "payment.partially_cancelled", "cancel.done"]);
}

#[tokio::test]
async fn parts_add_up_to_the_whole_and_no_further() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        for (amount, left) in [(3_000, 7_000), (6_999, 1)] {
            let record = bench.cancel(&id, Some(amount)).await.unwrap();
            assert_eq!(record.cancellable(), Money::krw(left));
            assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
        }
        assert_eq!(problem(bench.cancel(&id, Some(2)).await), StateProblem::CancellableAmountExceeded);
        let record = bench.cancel(&id, None).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
        assert_eq!(bench.given_back(&pg_id), PRICE);
        assert_eq!(problem(bench.cancel(&id, None).await), StateProblem::Status);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn all_is_sent_without_an_amount_and_a_part_with_one() {
    let bench = Bench::on_confirm();
    let new = crate::gateway::NewPayment {
        order_id: "order-1".parse().unwrap(),
        terms: crate::model::PaymentTerms {
            tax_free_amount: Some(Money::krw(3_000)),
            ..crate::lifecycle::tests::sample::terms(PRICE)
        },
    };
    let id = bench.gateway.register(&bench.merchant, new, None).await.unwrap().record.payment.id;
    let order = bench.open(&id).await;
    let pg_id = bench.in_window(&order);
    bench.confirm(&id, &pg_id).await.unwrap();
    let part = NewCancel {
        tax_free_amount: Some(Money::krw(1_000)),
        vat_amount: Some(Money::krw(90)),
        ..new_cancel(Some(2_000))
    };
    bench.cancel_with(&id, part, None).await.unwrap();
    bench.cancel(&id, None).await.unwrap();
    let scopes: Vec<_> = bench.pg.calls(Op::Cancel).into_iter().filter_map(|call| call.scope).collect();
    let expected = [
        CancelScope::Part {
            amount: Money::krw(2_000),
            tax_free: Some(Money::krw(1_000)),
            vat: Some(Money::krw(90)),
        },
        CancelScope::All { tax_free: Some(Money::krw(2_000)) },
    ];
    assert_eq!(scopes, expected, "what is left of the part free of VAT");
}

#[tokio::test]
async fn fifty_cancels_at_once_never_give_back_more_than_came_in() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        let answer = join_all((0..50).map(|_| bench.cancel(&id, Some(3_000)))).await;
        bench.run(DAY).await;
        let done = answer.iter().filter(|answer| answer.is_ok()).count();
        assert!((1..=3).contains(&done), "{done}");
        assert_eq!(bench.given_back(&pg_id), 3_000 * u64::try_from(done).unwrap());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn unresolved_cancel_blocks_others_of_its_charge() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.read(&id).await.cancellable(), Money::krw(9_000));
    assert_eq!(problem(bench.cancel(&id, Some(1_000)).await), StateProblem::CancelInProgress);
    bench.run(MINUTE).await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 2_000);
}

#[tokio::test]
async fn compensation_of_another_charge_blocks_nothing() {
    let bench = Bench::before_confirm();
    let (id, first, second) = bench.paid_twice().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.verify(&id).await;
    bench.resolve_due().await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Unknown);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&first), 1_000);
    bench.run(HOUR).await;
    // Beside money that is not whole a duplicate is a person's to decide.
    assert_eq!(bench.given_back(&second), 0);
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
}

#[tokio::test]
async fn pending_refund_counts_and_does_not_block() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    let record = bench.cancel(&id, Some(4_000)).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Pending);
    assert_eq!(record.cancellable(), Money::krw(6_000));
    bench.cancel(&id, Some(6_000)).await.unwrap();
    assert_eq!(problem(bench.cancel(&id, Some(1)).await), StateProblem::Status);
    bench.pg.books(|books| books.end_refunds(&pg_id, PgCancelStatus::Done));
    bench.run(DAY).await;
    let record = bench.read(&id).await;
    assert!(record.charges[0].cancels.iter().all(|cancel| cancel.status == CancelStatus::Done));
    assert_eq!(bench.given_back(&pg_id), PRICE);
}

#[tokio::test]
async fn refund_that_failed_is_a_review_and_never_a_second_cancel() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    bench.pg.books(|books| books.end_refunds(&pg_id, PgCancelStatus::Failed));
    bench.run(3 * DAY).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Refused);
    assert_eq!(bench.open_reviews(&id).await, ["failed_refund"]);
    assert_eq!(bench.cancels(), 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pg.books(|books| books.slow_refunds = false);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    assert!(bench.open_reviews(&id).await.is_empty(), "another refund made it good");
    bench.check_ledger().await;
}

#[tokio::test]
async fn what_the_merchant_believes_is_left_is_checked() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let expects =
        |amount| NewCancel { expected_cancellable: Some(Money::krw(amount)), ..new_cancel(Some(1_000)) };
    let answer = bench.cancel_with(&id, expects(9_000), None).await;
    assert_eq!(problem(answer), StateProblem::CancellableAmountChanged);
    bench.cancel_with(&id, expects(PRICE), None).await.unwrap();
    assert_eq!(bench.cancels(), 1);
}

#[tokio::test]
async fn cancel_that_makes_no_sense_is_refused_unsent() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let usd = |amount| Money::new(amount, crate::model::Currency::Usd).unwrap();
    for (new, param) in [
        (NewCancel { amount: Some(usd(1)), ..new_cancel(None) }, "amount"),
        (
            NewCancel { tax_free_amount: Some(Money::krw(1_001)), ..new_cancel(Some(1_000)) },
            "tax_free_amount",
        ),
        (NewCancel { tax_free_amount: Some(usd(1)), ..new_cancel(Some(1_000)) }, "tax_free_amount"),
        (NewCancel { vat_amount: Some(Money::krw(1_001)), ..new_cancel(Some(1_000)) }, "vat_amount"),
    ] {
        let answer = bench.cancel_with(&id, new, None).await;
        assert!(
            matches!(&answer, Err(GatewayError::Invalid { param: named, .. }) if *named == param),
            "{answer:?}"
        );
    }
    assert_eq!(problem(bench.cancel(&id, Some(0)).await), StateProblem::CancellableAmountExceeded);
    assert_eq!(problem(bench.cancel(&id, Some(PRICE + 1)).await), StateProblem::CancellableAmountExceeded);
    assert_eq!(bench.cancels(), 0);
    assert!(bench.read(&id).await.charges[0].cancels.is_empty());
}

#[tokio::test]
async fn confirming_payment_cannot_be_cancelled() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(problem(bench.cancel(&id, None).await), StateProblem::Status, "confirming");
    assert_eq!(bench.cancels(), 0);
}

#[tokio::test]
async fn disputed_payment_is_not_cancelled_until_the_dispute_is_over() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.disputed = Some(true)));
    bench.verify(&id).await;
    assert_eq!(problem(bench.cancel(&id, None).await), StateProblem::CancelInProgress);
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.disputed = Some(false)));
    bench.run(DAY).await;
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), PRICE);
}

#[tokio::test]
async fn unknown_cancel_is_not_repeated_while_a_dispute_is_open() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.disputed = Some(true)));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(2 * DAY).await;
    assert_eq!(bench.cancels(), 1);
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.disputed = Some(false)));
    bench.run(DAY + HOUR * 3).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done, "the dispute was looked up");
    assert_eq!(bench.given_back(&pg_id), 1_000);
}

#[tokio::test]
async fn chargeback_becomes_a_row_of_its_own() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| {
        books.cancel_in_console(&pg_id, PRICE, bench.pg.clock_now());
        books.change(&pg_id, |shown| shown.cancels.as_mut().unwrap()[0].chargeback = true);
    });
    bench.verify(&id).await;
    assert_eq!(bench.newest_cancel(&id).await.origin, CancelOrigin::Chargeback);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    assert_eq!(bench.cancels(), 0);
}

#[tokio::test]
async fn cancel_by_hand_refuses_a_cancel_that_no_longer_fits() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 500, bench.pg.clock_now()));
    bench.pg.instead(Op::Cancel, refused);
    let answer = bench.cancel(&id, Some(1_000)).await;
    let Err(GatewayError::CancelRefused { failure, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.pg.unwrap().code, "NOT_CANCELABLE");
    bench.run(SECOND).await;
    let record = bench.read(&id).await;
    assert_eq!(record.cancellable(), Money::krw(9_500), "and the cancel by hand is known now");
    assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 9_500);
    bench.check_ledger().await;
}

#[tokio::test]
async fn paid_account_needs_to_know_where_its_refund_goes() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.awaiting_deposit(DAY).await;
        bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
        bench.verify(&id).await;
        let answer = bench.cancel(&id, None).await;
        assert!(matches!(answer, Err(GatewayError::Invalid { param: "refund_account", .. })), "{answer:?}");
        let new = NewCancel { refund_account: Some(refund_account()), ..new_cancel(None) };
        let (record, _) = bench.cancel_with(&id, new, None).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
        assert_eq!(bench.given_back(&pg_id), PRICE);
    }
}

#[tokio::test]
async fn store_that_lost_a_race_does_not_lose_the_cancel() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let (other, payment) = (bench.replica(|_, _| ()), id.clone());
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1, bench.pg.clock_now()));
    bench.store.race(move || async move { drop(other.verify(&payment).await) });
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 1_000);
    assert_eq!(bench.cancels(), 1);
}

#[tokio::test]
async fn whole_cancel_names_no_more_tax_free_than_is_left() {
    let bench = Bench::on_confirm();
    let mut terms = terms(PRICE);
    terms.tax_free_amount = Some(Money::krw(8_000));
    let new = NewPayment { order_id: "order-1".parse().unwrap(), terms };
    let id = bench.gateway.register(&bench.merchant, new, None).await.unwrap().record.payment.id;
    let pg_id = bench.in_window(&bench.open(&id).await);
    bench.confirm(&id, &pg_id).await.unwrap();
    // Nobody said how much of this part is free of VAT.
    bench.cancel(&id, Some(7_000)).await.unwrap();
    bench.cancel(&id, None).await.unwrap();
    let whole = bench.pg.calls(Op::Cancel).pop().unwrap().scope;
    assert_eq!(whole, Some(CancelScope::All { tax_free: Some(Money::krw(3_000)) }));
}
