//! What each state of the PG makes of a payment and its attempt.

use serde_json::json;

use super::{
    bench::{Bench, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, CancelStatus, Clock, EventKind, Failure, FailureReason, GatewayError, LastAttempt, Method,
    Money, PaymentId, PaymentRecord, PaymentStatus, PgPaymentId, PgStatus, ProviderError, Snapshot,
};

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn refusal() -> Failure {
    Failure::by_pg(FailureReason::StoppedCard, pg_message("STOPPED"))
}

fn change(bench: &Bench, id: &PgPaymentId, change: impl FnOnce(&mut Snapshot)) {
    bench.pg.books(|books| books.change(id, change));
}

/// A confirm was sent, nobody knows what came of it, and then the PG shows this.
async fn sent_and_then(status: PgStatus, failure: Option<Failure>) -> PaymentRecord {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    change(&bench, &pg_id, |snapshot| {
        snapshot.status = status;
        snapshot.failure = failure;
    });
    bench.verify(&id).await
}

#[tokio::test]
async fn a_confirm_that_the_pg_shows_as_ended_failed_with_the_reason_of_the_pg() {
    let other = Failure::of(FailureReason::Other);
    let expired = Failure { reason: FailureReason::SessionExpired, pg: None };
    let expired_with_words = Failure { pg: refusal().pg, ..expired.clone() };
    for (shown, said, status, failure) in [
        (PgStatus::Failed, Some(refusal()), PaymentStatus::Failed, refusal()),
        (PgStatus::Failed, None, PaymentStatus::Failed, other.clone()),
        (PgStatus::Expired, Some(refusal()), PaymentStatus::Expired, expired_with_words),
        (PgStatus::Expired, None, PaymentStatus::Expired, expired),
    ] {
        let record = sent_and_then(shown, said).await;
        assert_eq!((record.payment.status, record.payment.failure), (status, Some(failure.clone())));
        assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
        assert_eq!(record.attempts[0].failure, Some(failure.clone()));
        let last_attempt = LastAttempt { number: 1, failure: Some(failure) };
        assert_eq!(record.payment.last_attempt, Some(last_attempt));
    }
    let record = sent_and_then(PgStatus::Cancelled, None).await;
    assert_eq!((record.payment.status, record.payment.failure), (PaymentStatus::Cancelled, None));
    assert_eq!(record.attempts[0].failure, Some(other));
}

#[tokio::test]
async fn a_confirm_that_the_pg_shows_as_untouched_is_still_under_way() {
    for shown in [PgStatus::Ready, PgStatus::InProgress, PgStatus::Paid] {
        let record = sent_and_then(shown, None).await;
        assert_eq!(record.payment.status, PaymentStatus::Confirming);
        assert_eq!(record.attempts[0].status, AttemptStatus::Confirming);
    }
}

/// Where the window takes the money: the browser says done, and the PG shows this.
async fn read_as(status: PgStatus) -> (Bench, PaymentId, Result<PaymentRecord, GatewayError>) {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
    change(&bench, &pg_id, |snapshot| snapshot.status = status);
    let answer = bench.confirm(&id, &pg_id).await;
    (bench, id, answer)
}

#[tokio::test]
async fn where_the_window_takes_the_money_an_untouched_payment_leaves_the_window_open() {
    for shown in [PgStatus::Ready, PgStatus::InProgress] {
        let (bench, id, answer) = read_as(shown).await;
        assert_eq!(answer.unwrap().payment.status, PaymentStatus::Ready, "reading takes no money");
        assert_eq!(bench.read(&id).await.attempts[0].status, AttemptStatus::Open);
    }
}

#[tokio::test]
async fn where_the_window_takes_the_money_paid_without_an_amount_settles_nothing() {
    let (bench, id, answer) = read_as(PgStatus::Paid).await;
    assert_eq!(answer.unwrap().payment.status, PaymentStatus::Confirming);
    assert_eq!(bench.read(&id).await.attempts[0].status, AttemptStatus::Confirming);
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_window_that_ended_ends_the_payment() {
    for (shown, status) in
        [(PgStatus::Failed, PaymentStatus::Failed), (PgStatus::Expired, PaymentStatus::Expired)]
    {
        let (bench, id, answer) = read_as(shown).await;
        answer.unwrap_err();
        let record = bench.read(&id).await;
        assert_eq!((record.payment.status, record.attempts[0].status), (status, AttemptStatus::Closed));

        let bench = Bench::before_confirm();
        let id = bench.register().await;
        let order = bench.open(&id).await;
        let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
        change(&bench, &pg_id, |snapshot| snapshot.status = shown);
        bench.webhook(json!({ "order_id": order })).await;
        bench.pass(std::time::Duration::ZERO).await;
        assert_eq!(bench.status(&id).await, status, "also where nobody came back");
    }
}

#[tokio::test]
async fn where_we_take_the_money_a_window_that_ended_untaken_ends_its_attempt_only() {
    for (shown, said, failure) in [
        (PgStatus::Expired, None, Failure::of(FailureReason::SessionExpired)),
        (PgStatus::Cancelled, None, Failure::of(FailureReason::SessionExpired)),
        (PgStatus::Failed, Some(refusal()), refusal()),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
        change(&bench, &pg_id, |snapshot| {
            snapshot.status = shown;
            snapshot.failure = said;
        });
        bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
        let record = bench.read(&id).await;
        assert_eq!((record.payment.status, record.payment.failure), (PaymentStatus::Ready, None));
        assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
        assert_eq!(record.attempts[0].failure, Some(failure));
        assert_ne!(bench.open(&id).await, order, "the payment takes another");
    }
}

#[tokio::test]
async fn what_a_pg_calls_an_account_that_we_closed_is_closed() {
    for called in [PgStatus::Failed, PgStatus::Expired, PgStatus::Cancelled] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        change(&bench, &pg_id, |snapshot| snapshot.status = called);
        bench.pg.answer(Op::Cancel, bench.pg.books(|books| books.row(&pg_id).snapshot));
        let record = bench.cancel(&id, None).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Cancelled, "{called:?}");
        assert_eq!(record.cancels[0].status, CancelStatus::Done);
        assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Cancelled);
        assert_eq!(bench.count(EventKind::Status(PaymentStatus::Expired)).await, 0);
    }
}

#[tokio::test]
async fn an_account_that_ended_by_itself_was_not_closed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    change(&bench, &pg_id, |snapshot| {
        snapshot.status = PgStatus::Expired;
        snapshot.virtual_account = None;
    });
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Expired);
    assert_eq!(record.payment.failure, Some(Failure::of(FailureReason::DepositExpired)));
    assert!(record.payment.virtual_account.is_some(), "it stays known");
    assert_eq!(record.accepted(), Some(&pg_id), "a deposit may still come");
}

#[tokio::test]
async fn what_the_merchant_closed_stays_closed_until_money_comes() {
    for shown in [PgStatus::Ready, PgStatus::Failed, PgStatus::Expired, PgStatus::AwaitingDeposit] {
        let bench = Bench::before_confirm();
        let id = bench.register().await;
        let order = bench.open(&id).await;
        bench.cancel(&id, None).await.unwrap();
        let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
        change(&bench, &pg_id, |snapshot| snapshot.status = shown);
        let payment = bench.verify(&id).await.payment;
        assert_eq!((payment.status, payment.failure), (PaymentStatus::Cancelled, None), "{shown:?}");
    }
}

#[tokio::test]
async fn an_attempt_that_came_to_nothing_decides_nothing_any_more() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    for shown in [PgStatus::Expired, PgStatus::Cancelled, PgStatus::InProgress] {
        change(&bench, &pg_id, |snapshot| snapshot.status = shown);
        let payment = bench.verify(&id).await.payment;
        assert_eq!(payment.status, PaymentStatus::Failed, "{shown:?}");
        assert_eq!(payment.failure, Some(Failure::of(FailureReason::InsufficientFunds)));
    }
}

#[tokio::test]
async fn the_method_is_the_last_that_the_pg_told() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    change(&bench, &pg_id, |snapshot| snapshot.method = None);
    let payment = bench.confirm(&id, &pg_id).await.unwrap().payment;
    assert_eq!(payment.method, None);
    assert!(payment.method_detail.is_some(), "what there is to tell is told");
    for (told, shown) in [
        (Some(Method::Card), Method::Card),
        (Some(Method::EasyPay), Method::EasyPay),
        (None, Method::EasyPay),
    ] {
        change(&bench, &pg_id, |snapshot| snapshot.method = told);
        assert_eq!(bench.verify(&id).await.payment.method, Some(shown));
    }
}

#[tokio::test]
async fn money_that_was_given_back_is_no_failure() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, None).await.unwrap();
    let record = bench.verify(&id).await;
    assert_eq!((record.payment.status, record.payment.failure.as_ref()), (PaymentStatus::Cancelled, None));
    assert_eq!(record.payment.last_attempt, Some(LastAttempt { number: 1, failure: None }));
    assert_eq!((record.attempts[0].status, &record.attempts[0].failure), (AttemptStatus::Accepted, &None));
    assert_eq!(record.payment.amount_paid, Money::krw(PRICE), "it shows what came in");
    assert!(record.payment.paid_at.is_some());
    assert_eq!(record.accepted(), Some(&pg_id));
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_card_takes_the_place_of_an_account_that_waits() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let due_at = bench.clock.now() + std::time::Duration::from_secs(9_000);
    let account = bench.pg.books(|books| books.agree_to_deposit(&order, PRICE, due_at));
    change(&bench, &account, |snapshot| snapshot.status = PgStatus::AwaitingDeposit);
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::AwaitingDeposit);
    let card = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    let record = bench.confirm(&id, &card).await.unwrap();
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&card)));
    assert_eq!(bench.pg.books(|books| books.row(&card).given_back), 0);
}
