//! Truth that comes late or goes backward: each a transition, with its event.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE},
    fake_books::Op,
};
use crate::{
    CancelOrigin, Clock, EventKind, Failure, FailureReason, Money, PaymentId, PaymentStatus, PgPaymentId,
    PgStatus, ProviderError,
};

/// The statuses that were told of a payment, in order.
async fn told(bench: &Bench, id: &PaymentId) -> Vec<PaymentStatus> {
    let events = bench.events().await.into_iter().filter(|event| event.event.payment.id == *id);
    events
        .filter_map(|event| match event.event.kind {
            EventKind::Status(status) => Some(status),
            _ => None,
        })
        .collect()
}

/// A virtual account into which the money came.
async fn deposited(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    (id, pg_id)
}

#[tokio::test]
async fn a_deposit_that_is_reversed_waits_again_and_may_come_again() {
    use PaymentStatus::{AwaitingDeposit, Confirming, Paid};
    let bench = Bench::on_confirm();
    let (id, pg_id) = deposited(&bench).await;
    bench.pg.books(|books| books.reverse(&pg_id));
    let record = bench.verify(&id).await;
    assert_eq!((record.payment.amount_paid, record.payment.paid_at), (Money::krw(0), None));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    assert_eq!(told(&bench, &id).await, [Confirming, AwaitingDeposit, Paid, AwaitingDeposit, Paid]);
}

#[tokio::test]
async fn a_deposit_that_is_reversed_after_a_part_was_given_back_shows_the_loss() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = deposited(&bench).await;
    bench.cancel(&id, Some(3_000)).await.unwrap();
    bench.pg.books(|books| books.reverse(&pg_id));
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::AwaitingDeposit);
    let amounts = (record.payment.amount_paid, record.payment.amount_cancelled, record.cancellable());
    assert_eq!(amounts, (Money::krw(0), Money::krw(3_000), Money::krw(0)));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::PartiallyCancelled);
    assert_eq!(record.cancellable(), Money::krw(PRICE - 3_000));
    assert!(bench.gateway.check_ledger(None, 10).await.unwrap().differences.is_empty());
}

/// Up to API version 1.4 Toss shows a reversed deposit as cancelled, without a cancel.
#[tokio::test]
async fn a_reversal_that_looks_like_a_cancel_gives_back_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = deposited(&bench).await;
    bench.pg.books(|books| {
        books.reverse(&pg_id);
        books.change(&pg_id, |snapshot| snapshot.status = PgStatus::Cancelled);
    });
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!((record.payment.amount_paid, record.payment.amount_cancelled), (Money::krw(0), Money::krw(0)));
    assert!(record.cancels.is_empty());
    assert_eq!(told(&bench, &id).await.last(), Some(&PaymentStatus::Cancelled));
}

#[tokio::test]
async fn an_account_that_expires_without_a_word_expires_here() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    // No webhook tells; it is seen at the due time.
    bench.pass(Duration::from_secs(3 * 60 * 60)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.pass(Duration::from_secs(60 * 60)).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Paid, true));
    assert_eq!(told(&bench, &id).await[2..], [PaymentStatus::Expired, PaymentStatus::Paid]);
}

#[tokio::test]
async fn a_failed_payment_that_the_pg_shows_paid_is_paid() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::Declined(Failure::of(FailureReason::InsufficientFunds)));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.payment.failure.as_ref()), (PaymentStatus::Paid, None));
    assert_eq!(told(&bench, &id).await[1..], [PaymentStatus::Failed, PaymentStatus::Paid]);
}

#[tokio::test]
async fn two_payments_for_one_order_keep_one() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(serde_json::json!({ "pg_id": second.as_str(), "order_id": order })).await;
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::Surplus).await, 1);
    assert_eq!(told(&bench, &id).await.iter().filter(|status| **status == PaymentStatus::Paid).count(), 1);
}

#[tokio::test]
async fn cancels_in_the_console_are_followed_part_by_part() {
    use PaymentStatus::{Cancelled, Confirming, Paid, PartiallyCancelled};
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for amount in [4_000, PRICE - 4_000] {
        bench.pg.books(|books| books.cancel_in_console(&pg_id, amount));
        bench.verify(&id).await;
    }
    let record = bench.read(&id).await;
    assert!(record.cancels.iter().all(|cancel| cancel.origin == CancelOrigin::Pg));
    assert_eq!(told(&bench, &id).await, [Confirming, Paid, PartiallyCancelled, Cancelled]);
    assert_eq!(bench.count(EventKind::CancelUpdated).await, 2);
}

#[tokio::test]
async fn a_rotated_credential_asks_what_became_of_the_open_attempt_and_repeats_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
    bench.confirm(&id, &pg_id).await.unwrap();
    let rotated = bench.replica(|pg| "second".clone_into(&mut pg.description.credential));
    rotated.pass_slowly(Duration::from_secs(300), 10).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1, "not under another credential");
    assert_eq!(rotated.status(&id).await, PaymentStatus::Confirming);
    // The PG did it under the old one after all: the new one sees it.
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    rotated.pass_slowly(Duration::from_secs(300), 10).await;
    assert_eq!(rotated.status(&id).await, PaymentStatus::Paid);
    assert_eq!(told(&bench, &id).await, [PaymentStatus::Confirming, PaymentStatus::Paid]);
}

#[tokio::test]
async fn an_attempt_of_a_rotated_credential_ends_with_the_pgs_window() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
    bench.confirm(&id, &pg_id).await.unwrap();
    let rotated = bench.replica(|pg| "second".clone_into(&mut pg.description.credential));
    rotated.pass_slowly(Duration::from_secs(3_600), 30).await;
    assert_eq!(rotated.status(&id).await, PaymentStatus::Ready, "the buyer may try again");
    let order = rotated.open(&id).await;
    let again = bench.pg.books(|books| books.agree(&order, PRICE));
    assert_eq!(rotated.confirm(&id, &again).await.unwrap().payment.status, PaymentStatus::Paid);
}
