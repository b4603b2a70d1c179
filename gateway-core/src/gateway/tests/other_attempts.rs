//! What becomes of the attempts beside the one that paid, and of claims on what is not theirs.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, SETTLED},
    fake_books::Op,
    fake_pg::CONFIRMS_WITHIN,
};
use crate::{
    AttemptStatus, CancelStatus, Clock, EventKind, Failure, FailureReason, GatewayError, LastAttempt, Money,
    PaymentId, PaymentStatus, PgPaymentId, PgStatus, ProviderError,
};

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

async fn attempt_status(bench: &Bench, id: &PaymentId, number: usize) -> AttemptStatus {
    bench.read(id).await.attempts[number - 1].status
}

/// Where money moves on confirm: the first attempt was thought over and took money after all, while nobody
/// knows what became of the second.
async fn first_paid_second_unknown(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, first) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &first).await.unwrap();
    bench.pass(CONFIRMS_WITHIN).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    let order = bench.open(&id).await;
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &second).await.unwrap();
    bench.pg.books(|books| books.charge(&first, bench.clock.now()));
    bench.verify(&id).await;
    assert_eq!(bench.read(&id).await.accepted(), Some(&first));
    (id, second)
}

#[tokio::test]
async fn an_unknown_attempt_stays_so_while_the_pg_shows_it_in_progress() {
    let bench = Bench::on_confirm();
    let (id, _) = first_paid_second_unknown(&bench).await;
    assert_eq!(attempt_status(&bench, &id, 2).await, AttemptStatus::Confirming, "it may take money yet");
    assert!(bench.read(&id).await.payment.watch.is_some());
}

#[tokio::test]
async fn an_unknown_attempt_that_ended_without_money_waits_for_nothing() {
    for (end, reason) in [
        (PgStatus::Failed, FailureReason::IssuerDeclined),
        (PgStatus::Expired, FailureReason::SessionExpired),
        (PgStatus::Cancelled, FailureReason::SessionExpired),
    ] {
        let bench = Bench::on_confirm();
        let (id, second) = first_paid_second_unknown(&bench).await;
        bench.pg.books(|books| {
            books.change(&second, |snapshot| {
                snapshot.status = end;
                snapshot.failure = (end == PgStatus::Failed).then_some(Failure::of(reason));
            });
        });
        bench.verify(&id).await;
        let record = bench.read(&id).await;
        assert_eq!(record.payment.status, PaymentStatus::Paid);
        assert_eq!(record.attempts[1].status, AttemptStatus::Closed);
        assert_eq!(record.attempts[1].failure, Some(Failure::of(reason)));
        assert_eq!(record.payment.watch, None, "it comes to rest");
    }
}

#[tokio::test]
async fn an_unknown_attempt_that_took_money_gives_it_back_and_is_looked_at_no_more() {
    let bench = Bench::on_confirm();
    let (id, second) = first_paid_second_unknown(&bench).await;
    bench.pg.books(|books| books.charge(&second, bench.clock.now()));
    bench.verify(&id).await;
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.pass_slowly(2 * PAYABLE_FOR, 40).await;
    assert_eq!(attempt_status(&bench, &id, 2).await, AttemptStatus::Closed);
    assert_eq!(bench.read(&id).await.payment.watch, None, "it comes to rest");
}

#[tokio::test]
async fn what_became_of_another_window_of_an_unknown_attempt_says_nothing_of_it() {
    let bench = Bench::on_confirm();
    let (id, second) = first_paid_second_unknown(&bench).await;
    let order = bench.read(&id).await.attempts[1].pg_order_id.to_string();
    let other = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.books(|books| books.change(&other, |snapshot| snapshot.status = PgStatus::Expired));
    bench.webhook(json!({ "pg_id": other.as_str(), "order_id": order })).await;
    assert_eq!(attempt_status(&bench, &id, 2).await, AttemptStatus::Confirming);
    bench.pass_slowly(3 * SETTLED, 10).await;
    bench.pg.books(|books| books.charge(&second, bench.clock.now()));
    bench.pass_slowly(PAYABLE_FOR, 40).await;
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE, "it was not forgotten");
}

#[tokio::test]
async fn where_the_window_takes_the_money_no_attempt_is_read_for_once_another_has_paid() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let failed = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.books(|books| books.change(&failed, |snapshot| snapshot.status = PgStatus::Failed));
    bench.confirm(&id, &failed).await.unwrap_err();
    bench.open(&id).await;
    bench.bring(&id, json!({ "pg_id": "pg9" })).await.unwrap();
    assert_eq!(attempt_status(&bench, &id, 2).await, AttemptStatus::Confirming);
    // The first window was still open, and the buyer pays there.
    let paid = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(json!({ "pg_id": paid.as_str(), "order_id": order })).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&paid)));
    assert_eq!(record.attempts[1].status, AttemptStatus::Closed);
    bench.pass_slowly(2 * PAYABLE_FOR, 20).await;
    assert_eq!(bench.read(&id).await.payment.watch, None, "it comes to rest");
}

#[tokio::test]
async fn where_the_window_takes_the_money_an_attempt_is_read_for_until_one_has_paid() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    bench.bring(&id, json!({ "pg_id": "pg9" })).await.unwrap();
    bench.verify(&id).await;
    assert_eq!(attempt_status(&bench, &id, 1).await, AttemptStatus::Confirming);
}

#[tokio::test]
async fn a_claim_on_another_orders_payment_ends_once_what_it_sent_must_have_landed() {
    let bench = Bench::on_confirm();
    let (mine, _) = bench.agreed().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let others_order = bench.open(&other).await;
    let others = bench.pg.books(|books| books.agree(&others_order, PRICE));
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&mine, &others).await.unwrap_err();
    bench.clock.advance(SETTLED - Duration::from_secs(1));
    bench.verify(&mine).await;
    assert_eq!(attempt_status(&bench, &mine, 1).await, AttemptStatus::Confirming, "it may still arrive");
    bench.clock.advance(Duration::from_secs(1));
    let record = bench.verify(&mine).await;
    assert_eq!(record.attempts[0].failure, Some(Failure::of(FailureReason::Mismatch)));
    assert_eq!(record.payment.status, PaymentStatus::Ready);
}

#[tokio::test]
async fn money_beside_the_accepted_that_does_not_match_leaves_the_accepted_attempt_as_it_is() {
    let bench = Bench::before_confirm();
    let (id, first) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let wrong = bench.pg.books(|books| books.pay(&order, 1_234, bench.clock.now()));
    bench.webhook(json!({ "pg_id": wrong.as_str(), "order_id": order })).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&first)));
    assert_eq!(record.attempts[0].status, AttemptStatus::Accepted);
    assert_eq!(record.attempts[0].failure, None);
    assert_eq!(record.payment.last_attempt, Some(LastAttempt { number: 1, failure: None }));
    assert_eq!(bench.count(EventKind::Mismatch).await, 1);
    assert_eq!(bench.pg.books(|books| books.row(&wrong).given_back), 1_234);
}

#[tokio::test]
async fn a_mismatch_is_told_once_and_again_only_when_more_goes_back() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let wrong = bench.pg.books(|books| books.agree(&order, 1_234));
    assert!(matches!(bench.confirm(&id, &wrong).await, Err(GatewayError::Mismatch(_))));
    bench.verify(&id).await;
    assert_eq!(bench.count(EventKind::Mismatch).await, 1, "it is known");
    bench.pg.books(|books| books.charge(&wrong, bench.clock.now()));
    bench.verify(&id).await;
    assert_eq!(bench.count(EventKind::Mismatch).await, 2, "now it took money");
    assert_eq!(bench.pg.books(|books| books.row(&wrong).given_back), 1_234);
}

#[tokio::test]
async fn a_cancel_that_the_pg_does_not_show_is_missed_until_it_must_show() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    for (wait, amount) in [(SETTLED - Duration::from_secs(1), 4_000), (Duration::from_secs(1), 0)] {
        bench.clock.advance(wait);
        bench.pg.answer(Op::Verify, before.clone());
        let record = bench.verify(&id).await;
        assert_eq!(record.payment.amount_cancelled, Money::krw(amount));
        assert_eq!(record.cancels[0].status, CancelStatus::Done, "whatever is shown");
    }
}
