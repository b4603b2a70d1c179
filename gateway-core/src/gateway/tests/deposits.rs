//! Virtual accounts: deposits, their reversal, closes and expiry. Invariant 13 and the watch over deposits.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{
    CancelScope, CancelStatus, Clock, Failure, FailureReason, GatewayError, Money, PaymentStatus, PgStatus,
    ProviderError, Secret, StateProblem, UnknownOutcome,
};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn an_issued_account_waits_for_its_deposit() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    let record = bench.read(&id).await;
    assert_eq!(record.accepted(), Some(&pg_id));
    assert!(record.payment.virtual_account.is_some());
    assert_eq!(record.attempts[0].deposit_secret, Some(Secret::new("ps_secret")));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
    let kept = bench.read(&id).await.attempts[0].deposit_secret.clone();
    assert_eq!(kept, Some(Secret::new("ps_secret")), "a look-up that holds no secret takes none away");
}

#[tokio::test]
async fn deposits_are_asked_for_at_the_due_time_and_an_hour_later_and_not_polled() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit().await;
    bench.pass_slowly(3 * HOUR - Duration::from_secs(60), 30).await;
    assert!(bench.pg.calls(Op::Verify).is_empty());
    bench.pass(Duration::from_secs(61)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let looks = bench.pg.calls(Op::Verify).len();
    bench.pass_slowly(HOUR + Duration::from_secs(60), 4).await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), looks + 1);
}

#[tokio::test]
async fn a_deposit_that_comes_late_is_found_and_marked() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pass(3 * HOUR).await;
    assert_eq!(bench.read(&id).await.payment.last_failure(), Some(FailureReason::DepositExpired));
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.pass(2 * HOUR).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.status, payment.late), (PaymentStatus::Paid, true));
}

#[tokio::test]
async fn a_reversed_deposit_waits_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    bench.pg.books(|books| books.reverse(&pg_id));
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::AwaitingDeposit);
    assert_eq!((record.payment.amount_paid, record.payment.paid_at), (Money::krw(0), None));
    assert_eq!(record.cancellable(), Money::krw(0));
    assert!(record.payment.watch.is_some());
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn an_account_is_closed_at_the_pg_in_full_only() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    let part = bench.cancel(&id, Some(1)).await;
    assert!(matches!(part, Err(GatewayError::InvalidState { problem: StateProblem::FullCloseOnly, .. })));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!((record.cancels[0].scope, record.cancels[0].status), (CancelScope::Close, CancelStatus::Done));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).snapshot.status), PgStatus::Cancelled);
}

#[tokio::test]
async fn an_account_is_not_closed_where_the_pg_cannot() {
    let bench = Bench::on_confirm().replica(|pg| pg.description.closes_accounts = false);
    let (id, _) = bench.awaiting_deposit().await;
    assert!(matches!(bench.cancel(&id, None).await, Err(GatewayError::Unsupported(_))));
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
}

#[tokio::test]
async fn a_deposit_that_wins_the_race_refuses_the_close() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    assert!(matches!(bench.cancel(&id, None).await, Err(GatewayError::CancelRefused { .. })));
    bench.pass(Duration::from_secs(1)).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Paid, "and is looked for at once");
    assert_eq!(record.cancels[0].status, CancelStatus::Refused);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 0);
}

#[tokio::test]
async fn a_close_of_unknown_outcome_is_sent_again_or_refused_by_the_deposit() {
    let errors: [fn() -> ProviderError; 2] = [
        || ProviderError::no_answer("the connection broke"),
        || ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR"))),
    ];
    for error in errors {
        let bench = Bench::on_confirm();
        let (id, _) = bench.awaiting_deposit().await;
        bench.pg.instead(Op::Cancel, error);
        bench.cancel(&id, None).await.unwrap();
        bench.pass_slowly(Duration::from_secs(300), 20).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);

        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        bench.pg.instead(Op::Cancel, error);
        bench.cancel(&id, None).await.unwrap();
        bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
        bench.pass_slowly(Duration::from_secs(300), 20).await;
        let record = bench.read(&id).await;
        assert_eq!(record.payment.status, PaymentStatus::Paid);
        assert_eq!(record.cancels[0].status, CancelStatus::Refused);
    }
}

#[tokio::test]
async fn a_close_whose_account_ends_by_itself_does_not_stay_open_for_ever() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.instead(Op::Cancel, || {
        ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
    });
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.status = PgStatus::Expired));
    bench.pass_slowly(Duration::from_secs(300), 20).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Expired);
    assert!(record.unsettled_cancel().is_none());
}

#[tokio::test]
async fn a_deposit_into_a_closed_account_is_given_back() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE));
    assert!(record.payment.late);
}

#[tokio::test]
async fn a_paid_account_needs_to_know_where_its_refund_goes() {
    let bench = Bench::on_confirm().replica(|pg| {
        pg.description.methods.iter_mut().for_each(|terms| terms.refund_needs_account = true);
    });
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    let answer = bench.cancel(&id, None).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "refund_account", .. })));
}

#[tokio::test]
async fn money_that_waits_in_another_account_does_not_stop_a_payment() {
    let bench = Bench::on_confirm();
    let (id, account) = bench.awaiting_deposit().await;
    // The buyer pays by card in a window that was still open: the account is closed.
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let card = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(serde_json::json!({ "pg_id": card.as_str(), "order_id": order })).await;
    bench.pass(Duration::from_secs(1)).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&card)));
    bench.pass_slowly(Duration::from_secs(300), 10).await;
    assert_eq!(bench.pg.books(|books| books.row(&card).given_back), 0);
    let _ = account;
}

#[tokio::test]
async fn a_refused_account_is_no_deposit() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::Declined(Failure::of(FailureReason::Other)));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
}
