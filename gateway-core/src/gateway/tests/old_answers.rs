//! Answers that are older than what the PG told before settle nothing, and what must go back goes back whatever
//! came between.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, SETTLED, VISIBLE},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, CancelOrigin, CancelScope, CancelStatus, Clock, EventKind, Failure, FailureReason,
    GatewayError, LatePayments, Money, MoneyMoves, PaymentId, PaymentStatus, PgPaymentId, PgStatus,
    ProviderError, Snapshot,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An expired payment, and the order id its window was opened with.
async fn expired(bench: &Bench) -> (PaymentId, String) {
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    (id, order)
}

/// The window that is still open issues an account.
fn issue_account(bench: &Bench, order: &str) -> PgPaymentId {
    let due_at = bench.clock.now() + 3 * DAY;
    bench.pg.books(|books| {
        let account = books.agree_to_deposit(order, PRICE, due_at);
        books.change(&account, |snapshot| snapshot.status = PgStatus::AwaitingDeposit);
        account
    })
}

/// A payment of an order that a newer payment has, whose old window then issues an account.
async fn superseded_with_account(bench: &Bench) -> (PaymentId, PaymentId, PgPaymentId) {
    let (old, order) = expired(bench).await;
    let new = bench.try_register("order-1", PRICE).await.unwrap();
    assert!(new.created);
    let account = issue_account(bench, &order);
    bench.verify(&old).await;
    (old, new.record.payment.id, account)
}

fn given_back(bench: &Bench, id: &PgPaymentId) -> u64 {
    bench.pg.books(|books| books.row(id).given_back)
}

fn shown(bench: &Bench, id: &PgPaymentId) -> Snapshot {
    bench.pg.books(|books| books.row(id).snapshot)
}

#[tokio::test]
async fn an_account_for_an_order_that_a_newer_payment_has_is_closed() {
    let bench = Bench::before_confirm();
    let (old, new, account) = superseded_with_account(&bench).await;
    let record = bench.read(&old).await;
    assert_eq!((record.cancels[0].scope, record.cancels[0].status), (CancelScope::Close, CancelStatus::Done));
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert_eq!(shown(&bench, &account).status, PgStatus::Cancelled);
    assert_eq!(bench.status(&new).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn a_deposit_for_an_order_that_a_newer_payment_has_is_given_back_where_accounts_stay_open() {
    let bench = Bench::before_confirm().replica(|pg| pg.description.closes_accounts = false);
    let (old, new, account) = superseded_with_account(&bench).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::AwaitingDeposit);
    bench.clock.advance(DAY);
    bench.pg.books(|books| books.charge(&account, bench.clock.now()));
    bench.verify(&old).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::Cancelled);
    assert_eq!(given_back(&bench, &account), PRICE, "an order is not paid twice");
    assert_eq!(bench.status(&new).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn a_failed_refund_of_an_order_that_a_newer_payment_has_goes_out_again() {
    let bench = Bench::before_confirm();
    let (old, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&old, None).await.unwrap();
    let new = bench.try_register("order-1", PRICE).await.unwrap();
    assert!(new.created, "all was given back, as far as anybody knew");
    bench.clock.advance(DAY);
    bench.pg.books(|books| {
        books.slow_refunds = false;
        books.change(&pg_id, |snapshot| {
            snapshot.cancelled = Money::krw(0);
            snapshot.cancels[0].status = CancelStatus::Refused;
        });
    });
    bench.verify(&old).await;
    let record = bench.read(&old).await;
    let rows: Vec<_> = record.cancels.iter().map(|cancel| (cancel.origin, cancel.status)).collect();
    let expected =
        [(CancelOrigin::Merchant, CancelStatus::Refused), (CancelOrigin::Compensation, CancelStatus::Done)];
    assert_eq!(rows, expected);
    assert!(shown(&bench, &pg_id).balance().is_zero(), "an order is not paid twice");
}

#[tokio::test]
async fn a_deposit_into_an_account_that_was_issued_after_the_end_is_late() {
    for (policy, status, back) in [
        (LatePayments::Keep, PaymentStatus::Paid, 0),
        (LatePayments::GiveBack, PaymentStatus::Cancelled, PRICE),
    ] {
        let bench = Bench::over(MoneyMoves::BeforeConfirm, policy);
        let (id, order) = expired(&bench).await;
        let account = issue_account(&bench, &order);
        let waits = bench.verify(&id).await.payment;
        assert_eq!((waits.status, waits.late), (PaymentStatus::AwaitingDeposit, true));
        bench.clock.advance(DAY);
        bench.pg.books(|books| books.charge(&account, bench.clock.now()));
        bench.verify(&id).await;
        let payment = bench.read(&id).await.payment;
        assert_eq!((payment.status, payment.late), (status, true));
        assert_eq!(given_back(&bench, &account), back);
    }
}

#[tokio::test]
async fn a_look_up_that_shows_taken_money_as_not_yet_taken_changes_nothing() {
    for status in [PgStatus::Ready, PgStatus::InProgress] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let before = Snapshot { status, ..shown(&bench, &pg_id) };
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.clock.advance(Duration::from_secs(2));
        bench.pg.answer(Op::Verify, before);
        let record = bench.verify(&id).await;
        assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&pg_id)));
        assert_eq!(record.payment.amount_paid, Money::krw(PRICE));
        let again_at = record.payment.watch.map(|watch| watch.at);
        assert_eq!(again_at, Some(bench.clock.now() + VISIBLE), "and is looked at when no answer is old");
        assert_eq!(bench.count(EventKind::Status(PaymentStatus::Ready)).await, 0);
    }
}

/// Every definite no, and what says nothing.
const OLD_NOS: [fn() -> ProviderError; 6] = [
    || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)),
    || ProviderError::Invalid(pg_message("INVALID_REQUEST")),
    || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")),
    || ProviderError::Unsupported("this"),
    || ProviderError::NotProcessed { retry_after: None, pg: pg_message("BUSY") },
    || ProviderError::NotSent("no route".into()),
];

/// Whether a merchant is told that nothing was done and nothing will be.
fn is_final_error<T>(told: &Result<T, GatewayError>) -> bool {
    !matches!(told, Ok(_) | Err(GatewayError::ProviderUnavailable { .. }))
}

/// Stands still until another replica has sent the same request again, which is done and whose answer is lost.
fn stands_still(bench: &Bench, id: &PaymentId, op: Op, no: fn() -> ProviderError) {
    let (other, clock, id) = (bench.replica(|_| {}), bench.clock.clone(), id.clone());
    let repeats = move || async move {
        clock.advance(SETTLED);
        other.gateway.resolve(&other.merchant, &id).await.unwrap();
    };
    bench.pg.instead_late(op, repeats, no);
    let pg = bench.pg.clone();
    bench.pg.after(op, move || {
        // Nor does the look-up after it tell.
        pg.instead(Op::Verify, || ProviderError::no_answer("lost as well"));
        ProviderError::no_answer("lost")
    });
}

#[tokio::test]
async fn a_no_to_a_cancel_says_nothing_of_one_that_was_sent_after_it() {
    for no in OLD_NOS {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        stands_still(&bench, &id, Op::Cancel, no);
        let told = bench.cancel(&id, Some(1_000)).await;
        assert!(!is_final_error(&told), "{told:?}");
        let [cancel] = &bench.read(&id).await.cancels[..] else { panic!("one cancel") };
        assert_ne!(cancel.status, CancelStatus::Refused, "{:?}", no());
        bench.pass_slowly(SETTLED * 6, 30).await;
        assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Done, "{:?}", no());
        assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
    }
}

#[tokio::test]
async fn a_no_to_a_confirm_says_nothing_of_one_that_was_sent_after_it() {
    for no in OLD_NOS {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        stands_still(&bench, &id, Op::Confirm, no);
        let told = bench.confirm(&id, &pg_id).await;
        assert!(!is_final_error(&told), "{told:?}");
        let record = bench.read(&id).await;
        assert_ne!(record.attempts[0].status, AttemptStatus::Closed, "{:?}", no());
        assert_ne!(record.payment.status, PaymentStatus::Ready, "{:?}", no());
        bench.pass_slowly(SETTLED * 6, 30).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{:?}", no());
        assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
    }
}

#[tokio::test]
async fn nothing_is_closed_that_was_asked_for_once_before_the_pg_was_asked_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("the connection broke"));
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass(super::fake_pg::CONFIRMS_WITHIN).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    // Later than any answer may come, and nobody told: only asking can know.
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!((record.cancels[0].scope, record.cancels[0].status), (CancelScope::All, CancelStatus::Done));
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE));
    assert_eq!(given_back(&bench, &pg_id), PRICE);
}

#[tokio::test]
async fn what_is_left_of_a_surplus_goes_back_when_somebody_took_a_part_while_it_was_under_way() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(Duration::from_secs(5));
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    // The hint is answered, and so is the look after it, before anything goes out.
    for _ in 0..40 {
        bench.pg.instead(Op::Cancel, || ProviderError::NotSent("no way to the PG".into()));
    }
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    bench.pass_slowly(Duration::from_secs(600), 10).await;
    bench.pg.forget_faults();
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    while bench.read(&id).await.cancels[0].status != CancelStatus::Unknown {
        bench.pass(Duration::from_secs(600)).await;
    }
    bench.pg.books(|books| books.cancel_in_console(&second, 4_000));
    bench.pass_slowly(Duration::from_secs(4 * 3_600), 16).await;
    let record = bench.read(&id).await;
    let rows: Vec<_> = record
        .cancels
        .iter()
        .filter(|cancel| cancel.origin == CancelOrigin::Compensation)
        .map(|cancel| (cancel.status, cancel.amount.amount()))
        .collect();
    assert_eq!(rows, [(CancelStatus::Refused, PRICE), (CancelStatus::Done, PRICE - 4_000)]);
    assert_eq!(given_back(&bench, &second), PRICE - 4_000);
    assert!(shown(&bench, &second).balance().is_zero());
}

#[tokio::test]
async fn a_refund_that_was_accepted_and_does_not_show_yet_is_no_reason_for_another() {
    let bench = Bench::before_confirm();
    let (id, order) = expired(&bench).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    assert!(bench.verify(&id).await.payment.late);
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, Some(4_000)).await.unwrap();
    bench.clock.advance(SETTLED);
    let after_one = shown(&bench, &pg_id);
    bench.cancel(&id, Some(6_000)).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    bench.clock.advance(Duration::from_secs(10));
    bench.pg.answer(Op::Verify, after_one);
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Cancelled, "the look-up showed what was true before");
    assert_eq!(record.payment.amount_cancelled, Money::krw(PRICE));
    assert!(record.cancels.iter().all(|cancel| cancel.origin == CancelOrigin::Merchant));
    assert!(record.cancels.iter().all(|cancel| cancel.status == CancelStatus::Pending));
    assert_eq!(record.cancellable(), Money::krw(0));
    assert_eq!(given_back(&bench, &pg_id), PRICE);
}

#[tokio::test]
async fn an_answer_from_before_the_payment_does_not_refuse_what_gives_it_back() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    // The PG says that it was done before, which is not so; the look-up after it shows the time before the payment.
    bench.pg.instead(Op::Cancel, || ProviderError::Conflict(pg_message("ALREADY_CANCELED")));
    let unpaid = bench.pg.books(|books| {
        let mut shown = books.row(&second).snapshot;
        shown.paid = Money::krw(0);
        shown.status = PgStatus::Ready;
        shown
    });
    bench.pg.meanwhile(Op::Verify, || async {});
    bench.pg.meanwhile(Op::Verify, || async {});
    bench.pg.meanwhile(Op::Verify, || async {});
    bench.pg.answer(Op::Verify, unpaid);
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Unknown, "nobody knows");
    bench.pass_slowly(SETTLED * 6, 30).await;
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
}
