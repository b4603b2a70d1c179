//! Which money goes back, how much of it and how often; and which account is closed.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, SETTLED},
    fake_books::Op,
};
use crate::{
    Cancel, CancelOrigin, CancelScope, CancelStatus, Clock, EventKind, Failure, FailureReason, GatewayError,
    LatePayments, Money, MoneyMoves, PaymentId, PaymentStatus, PgPaymentId, PgStatus, ProviderError,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn declined() -> ProviderError {
    ProviderError::Declined(Failure::of(FailureReason::NotCancellable))
}

fn given_back(bench: &Bench, id: &PgPaymentId) -> u64 {
    bench.pg.books(|books| books.row(id).given_back)
}

/// The window issues an account, as where money moves before confirm.
fn issue_account(bench: &Bench, order: &str) -> PgPaymentId {
    let due_at = bench.clock.now() + 2 * HOUR;
    bench.pg.books(|books| {
        let account = books.agree_to_deposit(order, PRICE, due_at);
        books.change(&account, |snapshot| snapshot.status = PgStatus::AwaitingDeposit);
        account
    })
}

async fn rows(bench: &Bench, id: &PaymentId, origin: CancelOrigin) -> Vec<Cancel> {
    let cancels = bench.read(id).await.cancels.into_iter();
    cancels.filter(|cancel| cancel.origin == origin).collect()
}

/// Money that came after the payment had expired, where such money goes back.
async fn late_money(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    (id, bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now())))
}

#[tokio::test]
async fn a_close_whose_answer_got_lost_is_found_done_and_not_sent_again() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit().await;
    bench.pg.after(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Unknown);
    let record = bench.verify(&id).await;
    assert_eq!(record.cancels[0].status, CancelStatus::Done);
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
}

#[tokio::test]
async fn a_deposit_refuses_a_close_only_once_the_close_must_have_landed() {
    for end in [PgStatus::Paid, PgStatus::Expired, PgStatus::Failed] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        bench.pg.instead(Op::Cancel, no_answer);
        bench.cancel(&id, None).await.unwrap();
        bench.pg.books(|books| match end {
            PgStatus::Paid => books.charge(&pg_id, bench.clock.now()),
            end => books.change(&pg_id, |snapshot| snapshot.status = end),
        });
        bench.clock.advance(SETTLED - Duration::from_secs(1));
        assert_eq!(bench.verify(&id).await.cancels[0].status, CancelStatus::Unknown, "it may still arrive");
        bench.clock.advance(Duration::from_secs(1));
        let close = bench.verify(&id).await.cancels[0].clone();
        assert_eq!(close.status, CancelStatus::Refused, "{end:?}");
        assert_eq!(close.failure, Some(Failure::of(FailureReason::NotCancellable)));
    }
}

#[tokio::test]
async fn a_cancel_in_the_console_is_of_all_or_of_a_part() {
    for (amount, scope) in [(PRICE, CancelScope::All), (PRICE - 1, CancelScope::Part)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.cancel_in_console(&pg_id, amount));
        let row = bench.verify(&id).await.cancels[0].clone();
        assert_eq!((row.scope, row.amount, row.guard), (scope, Money::krw(amount), Money::krw(PRICE)));
        assert_eq!((row.pg_id, row.attempt, row.created_at), (Some(pg_id), Some(1), bench.clock.now()));
        assert_eq!((row.reason.as_str(), row.pg_cancel_id.as_deref()), ("by hand", Some("console0")));
    }
}

#[tokio::test]
async fn a_cancel_of_nothing_is_no_cancel() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 0));
    assert!(bench.verify(&id).await.cancels.is_empty());
}

#[tokio::test]
async fn a_second_account_stays_open_until_the_first_is_paid() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let first = issue_account(&bench, &order);
    bench.verify(&id).await;
    assert_eq!(bench.read(&id).await.accepted(), Some(&first));
    let second = issue_account(&bench, &order);
    let order_hint = json!({ "pg_id": second.as_str(), "order_id": order });
    bench.webhook(order_hint.clone()).await;
    assert!(bench.read(&id).await.cancels.is_empty(), "the buyer may pay into either");
    bench.pg.books(|books| books.charge(&first, bench.clock.now()));
    bench.webhook(order_hint).await;
    bench.verify(&id).await;
    let closes = rows(&bench, &id, CancelOrigin::Compensation).await;
    assert_eq!(closes.len(), 1);
    assert_eq!((closes[0].pg_id.as_ref(), closes[0].scope), (Some(&second), CancelScope::Close));
    assert_eq!(bench.count(EventKind::Surplus).await, 0, "no money came twice");
    assert_eq!(bench.pg.books(|books| books.row(&second).snapshot.status), PgStatus::Cancelled);
}

#[tokio::test]
async fn an_ended_account_of_an_order_that_a_newer_payment_has_gives_nothing_back() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let account = issue_account(&bench, &order);
    bench.verify(&id).await;
    bench.pg.books(|books| books.change(&account, |snapshot| snapshot.status = PgStatus::Expired));
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Expired);
    assert!(bench.try_register("order-1", PRICE).await.unwrap().created);
    bench.verify(&id).await;
    assert!(bench.read(&id).await.cancels.is_empty());
}

#[tokio::test]
async fn what_is_left_of_late_money_goes_back_when_somebody_took_a_part_meanwhile() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, pg_id) = late_money(&bench).await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.verify(&id).await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 3_000));
    bench.pass_slowly(4 * HOUR, 48).await;
    let rows: Vec<_> = rows(&bench, &id, CancelOrigin::Compensation).await;
    let rows: Vec<_> = rows.iter().map(|row| (row.status, row.amount.amount())).collect();
    assert_eq!(rows, [(CancelStatus::Refused, PRICE), (CancelStatus::Done, PRICE - 3_000)]);
    assert_eq!(given_back(&bench, &pg_id), PRICE - 3_000);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
}

#[tokio::test]
async fn money_that_a_merchant_failed_to_give_back_is_the_merchants_to_give_back() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, declined);
    bench.cancel(&id, None).await.unwrap_err();
    bench.clock.advance(SETTLED);
    bench.verify(&id).await;
    assert!(rows(&bench, &id, CancelOrigin::Compensation).await.is_empty());
    assert_eq!(given_back(&bench, &pg_id), 0);
}

#[tokio::test]
async fn a_payment_that_does_not_match_and_was_not_paid_leaves_nothing_to_give_back() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE + 1));
    assert!(matches!(bench.confirm(&id, &pg_id).await, Err(GatewayError::Mismatch(_))));
    assert!(bench.read(&id).await.cancels.is_empty());
    assert_eq!(bench.count(EventKind::Mismatch).await, 1, "and the merchant knows");
}

#[tokio::test]
async fn an_account_that_does_not_match_is_closed_before_anybody_pays_into_it() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let account = issue_account(&bench, &order);
    bench.pg.books(|books| books.change(&account, |snapshot| snapshot.total = Money::krw(PRICE + 1)));
    assert!(matches!(bench.confirm(&id, &account).await, Err(GatewayError::Mismatch(_))));
    let close = bench.read(&id).await.cancels[0].clone();
    assert_eq!((close.scope, close.status), (CancelScope::Close, CancelStatus::Done));
    assert_eq!(bench.pg.books(|books| books.row(&account).snapshot.status), PgStatus::Cancelled);
}

#[tokio::test]
async fn a_refused_cancel_of_the_merchant_does_not_keep_money_that_must_go_back() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, declined);
    bench.cancel(&id, None).await.unwrap_err();
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.total = Money::krw(PRICE * 2)));
    bench.verify(&id).await;
    let rows = rows(&bench, &id, CancelOrigin::Compensation).await;
    assert_eq!((rows.len(), rows[0].status), (1, CancelStatus::Done));
    assert_eq!(given_back(&bench, &pg_id), PRICE);
}

#[tokio::test]
async fn money_that_the_pg_refuses_to_give_back_is_asked_for_once() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let (id, pg_id) = late_money(&bench).await;
    for _ in 0..3 {
        bench.pg.instead(Op::Cancel, declined);
    }
    bench.verify(&id).await;
    bench.pass_slowly(6 * HOUR, 48).await;
    bench.verify(&id).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "an operator is needed");
    let rows = rows(&bench, &id, CancelOrigin::Compensation).await;
    assert_eq!((rows.len(), rows[0].status), (1, CancelStatus::Refused));
    assert_eq!((bench.status(&id).await, given_back(&bench, &pg_id)), (PaymentStatus::Paid, 0));
}

#[tokio::test]
async fn an_account_that_the_pg_called_closed_is_not_closed_again() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let account = issue_account(&bench, &order);
    let open = bench.pg.books(|books| books.row(&account).snapshot);
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.answer(Op::Cancel, open);
    bench.verify(&id).await;
    bench.clock.advance(2 * SETTLED);
    bench.verify(&id).await;
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1, "though the PG shows it open");
    assert_eq!(rows(&bench, &id, CancelOrigin::Compensation).await.len(), 1);
}
