//! What a merchant may ask to be given back or closed, and what asking again does.

use std::time::Duration;

use super::{
    bench::{Bench, PRICE, new_cancel},
    fake_books::{Op, pg_message},
};
use crate::{
    Cancel, CancelId, CancelScope, CancelStatus, Clock, Currency, Failure, FailureReason, GatewayError,
    Money, NewCancel, PaymentId, PaymentRecord, PaymentStatus, ProviderError, RefundAccount, RequestKey,
    Secret, StateProblem, Store, UnknownOutcome,
};

type Answer = Result<(PaymentRecord, CancelId), GatewayError>;

fn not_sent() -> ProviderError {
    ProviderError::NotSent("no route".into())
}

async fn ask(bench: &Bench, id: &PaymentId, new: NewCancel) -> Answer {
    bench.gateway.cancel(&bench.merchant, id, &new, None).await
}

async fn ask_again(bench: &Bench, id: &PaymentId) -> Answer {
    let row = bench.read(id).await.cancels[0].id.clone();
    bench.gateway.cancel_again(&bench.merchant, id, &row).await
}

fn problem(answer: Answer) -> Option<StateProblem> {
    match answer {
        Err(GatewayError::InvalidState { problem, .. }) => Some(problem),
        _ => None,
    }
}

fn wrong(answer: Answer) -> Option<&'static str> {
    match answer {
        Err(GatewayError::Invalid { param, .. }) => Some(param),
        _ => None,
    }
}

fn account() -> RefundAccount {
    RefundAccount {
        bank_code: "088".to_owned(),
        account_number: Secret::new("110123"),
        holder_name: Secret::new("홍길동"),
    }
}

#[tokio::test]
async fn a_refund_is_of_what_is_left_and_says_so_to_the_pg() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let new = NewCancel {
        expected_cancellable: Some(Money::krw(PRICE)),
        tax_free_amount: Some(Money::krw(4_000)),
        ..new_cancel(Some(4_000))
    };
    let (record, cancel) = ask(&bench, &id, new).await.unwrap();
    let row = record.cancel(&cancel).unwrap();
    assert_eq!((row.scope, row.amount, row.guard), (CancelScope::Part, Money::krw(4_000), Money::krw(PRICE)));
    assert_eq!((row.pg_id.as_ref(), row.attempt), (Some(&pg_id), Some(1)));
    assert_eq!((row.reason.as_str(), row.tax_free_amount), ("changed my mind", Some(Money::krw(4_000))));
    let (record, cancel) = ask(&bench, &id, new_cancel(None)).await.unwrap();
    let row = record.cancel(&cancel).unwrap();
    assert_eq!((row.scope, row.amount, row.guard), (CancelScope::All, Money::krw(6_000), Money::krw(6_000)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_the_pg_hears_of_it() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let dollars = Money::new(1, Currency::Usd).unwrap();
    let in_dollars = NewCancel { amount: Some(dollars), ..new_cancel(None) };
    assert_eq!(wrong(ask(&bench, &id, in_dollars).await), Some("amount"));
    let nothing = ask(&bench, &id, new_cancel(Some(0))).await;
    assert_eq!(problem(nothing), Some(StateProblem::CancellableAmountExceeded));
    for tax_free in [Money::krw(101), dollars] {
        let new = NewCancel { tax_free_amount: Some(tax_free), ..new_cancel(Some(100)) };
        assert_eq!(wrong(ask(&bench, &id, new).await), Some("tax_free_amount"));
    }
    assert!(bench.pg.calls(Op::Cancel).is_empty());
    assert!(bench.read(&id).await.cancels.is_empty());
}

#[tokio::test]
async fn only_a_deposit_needs_to_know_where_its_refund_goes() {
    let bench = Bench::on_confirm().replica(|pg| {
        let deposits = pg.description.methods.iter_mut();
        deposits
            .filter(|terms| terms.method == crate::Method::VirtualAccount)
            .for_each(|terms| terms.refund_needs_account = true);
    });
    let (id, _) = bench.paid().await;
    ask(&bench, &id, new_cancel(None)).await.unwrap();

    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let due_at = bench.clock.now() + Duration::from_secs(9_000);
    let pg_id = bench.pg.books(|books| books.agree_to_deposit(&order, PRICE, due_at));
    bench.confirm(&other, &pg_id).await.unwrap();
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&other).await;
    assert_eq!(wrong(ask(&bench, &other, new_cancel(None)).await), Some("refund_account"));
    let new = NewCancel { refund_account: Some(account()), ..new_cancel(None) };
    let (record, _) = ask(&bench, &other, new).await.unwrap();
    assert_eq!(record.cancels[0].refund_account, Some(account()));
}

#[tokio::test]
async fn a_close_is_of_everything_and_of_what_the_merchant_believes() {
    for (amount, expected, answer) in [
        (None, None, None),
        (Some(PRICE), None, None),
        (None, Some(0), None),
        (None, Some(PRICE), None),
        (Some(PRICE - 1), None, Some(StateProblem::FullCloseOnly)),
        (None, Some(PRICE - 1), Some(StateProblem::CancellableAmountChanged)),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.awaiting_deposit().await;
        let expected_cancellable = expected.map(Money::krw);
        let refund_account = Some(account());
        let new = NewCancel { expected_cancellable, refund_account, ..new_cancel(amount) };
        let answered = ask(&bench, &id, new).await;
        if let Some(answer) = answer {
            assert_eq!(problem(answered), Some(answer), "{amount:?} {expected:?}");
            continue;
        }
        let (record, _) = answered.unwrap();
        let row = &record.cancels[0];
        assert_eq!((row.scope, row.status), (CancelScope::Close, CancelStatus::Done));
        assert_eq!((row.pg_id.as_ref(), row.attempt), (Some(&pg_id), Some(1)));
        assert_eq!(row.refund_account, None, "nothing was paid, so nothing goes anywhere");
        assert_eq!(row.amount, Money::krw(PRICE));
    }
}

#[tokio::test]
async fn one_close_at_a_time() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit().await;
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    ask(&bench, &id, new_cancel(None)).await.unwrap();
    let again = ask(&bench, &id, new_cancel(None)).await;
    assert_eq!(problem(again), Some(StateProblem::CancelInProgress));
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
}

#[tokio::test]
async fn what_no_window_was_opened_for_is_closed_unasked() {
    for bench in [Bench::before_confirm(), Bench::on_confirm()] {
        let id = bench.register().await;
        let (record, _) = ask(&bench, &id, new_cancel(None)).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Cancelled);
        assert!(bench.pg.calls(Op::Verify).is_empty());
        let row: &Cancel = &record.cancels[0];
        assert_eq!((row.status, row.sending.is_none(), &row.pg_id), (CancelStatus::Done, true, &None));
    }
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    ask(&bench, &id, new_cancel(None)).await.unwrap();
    assert!(bench.pg.calls(Op::Verify).is_empty(), "nor what nobody asked the PG for");
}

#[tokio::test]
async fn what_never_reached_the_pg_goes_again_unasked_and_what_is_done_is_shown() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap_err();
    assert!(bench.pg.calls(Op::Verify).is_empty());
    let (record, _) = ask_again(&bench, &id).await.unwrap();
    assert_eq!((record.cancels[0].status, record.cancels[0].failure.clone()), (CancelStatus::Done, None));
    assert!(bench.pg.calls(Op::Verify).is_empty(), "no look is needed");
    ask_again(&bench, &id).await.unwrap();
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
    let unknown = bench.gateway.ids().cancel(bench.clock.now());
    let answer = bench.gateway.cancel_again(&bench.merchant, &id, &unknown).await;
    assert!(matches!(answer, Err(GatewayError::NotFound)));
}

#[tokio::test]
async fn a_refusal_is_shown_again_and_not_sent_again() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap_err();
    assert!(matches!(ask_again(&bench, &id).await, Err(GatewayError::CancelRefused { .. })));
    bench.pg.instead(Op::Cancel, || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")));
    let (merchant, gateway) = (&bench.merchant, &bench.gateway);
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap_err();
    let second = bench.read(&id).await.cancels[1].id.clone();
    let answer = gateway.cancel_again(merchant, &id, &second).await;
    assert!(
        matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(pg))) if pg.code == "UNAUTHORIZED_KEY")
    );
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
}

#[tokio::test]
async fn what_goes_again_waits_for_what_is_under_way() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap_err();
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap();
    assert_eq!(problem(ask_again(&bench, &id).await), Some(StateProblem::CancelInProgress));
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 2);
}

#[tokio::test]
async fn what_goes_again_carries_what_is_left_by_then() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap();
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(Some(2_000))).await.unwrap_err();
    let second = bench.read(&id).await.cancels[1].id.clone();
    ask(&bench, &id, new_cancel(Some(3_000))).await.unwrap();
    bench.gateway.cancel_again(&bench.merchant, &id, &second).await.unwrap();
    let record = bench.read(&id).await;
    let row = record.cancel(&second).unwrap();
    assert_eq!((row.status, row.scope), (CancelStatus::Done, CancelScope::Part));
    assert_eq!((row.guard, row.amount), (Money::krw(6_000), Money::krw(2_000)));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 6_000);
}

#[tokio::test]
async fn all_that_was_left_then_is_not_all_that_is_left_now() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    ask(&bench, &id, new_cancel(Some(4_000))).await.unwrap();
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(None)).await.unwrap_err();
    let all = bench.read(&id).await.cancels[1].clone();
    assert_eq!((all.scope, all.amount), (CancelScope::All, Money::krw(6_000)));
    // The first refund fails, so that everything is left again: but 6,000 were asked for.
    bench.pg.books(|books| {
        books.change(&pg_id, |snapshot| {
            snapshot.cancelled = Money::krw(0);
            snapshot.cancels[0].status = CancelStatus::Refused;
        });
    });
    bench.verify(&id).await;
    bench.gateway.cancel_again(&bench.merchant, &id, &all.id).await.unwrap();
    let row = bench.read(&id).await.cancels[1].clone();
    assert_eq!((row.scope, row.amount, row.guard), (CancelScope::Part, Money::krw(6_000), Money::krw(PRICE)));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).snapshot.cancelled), Money::krw(6_000));
}

#[tokio::test]
async fn all_that_is_still_left_goes_again_as_all() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(None)).await.unwrap_err();
    let (record, _) = ask_again(&bench, &id).await.unwrap();
    assert_eq!(record.cancels[0].scope, CancelScope::All);
}

#[tokio::test]
async fn a_close_goes_again_only_while_the_account_waits() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.instead(Op::Cancel, not_sent);
    ask(&bench, &id, new_cancel(None)).await.unwrap_err();
    let before = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.verify(&id).await;
    assert_eq!(problem(ask_again(&bench, &id).await), Some(StateProblem::Status));
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
    bench.pg.books(|books| books.change(&pg_id, |snapshot| *snapshot = before));
    bench.verify(&id).await;
    let (record, _) = ask_again(&bench, &id).await.unwrap();
    assert_eq!(
        (record.cancels[0].scope, record.payment.status),
        (CancelScope::Close, PaymentStatus::Cancelled)
    );
    assert_eq!(record.cancels[0].guard, Money::krw(PRICE));
}

#[tokio::test]
async fn the_key_of_a_cancel_is_written_with_its_row() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let key = RequestKey { key: "k1".to_owned(), digest: "d1".to_owned() };
    let new = new_cancel(Some(1_000));
    let (_, cancel) = bench.gateway.cancel(&bench.merchant, &id, &new, Some(&key)).await.unwrap();
    let kept = bench.store.idempotency(&bench.merchant, "k1").await.unwrap().unwrap();
    assert_eq!((kept.payment, kept.cancel, kept.digest.as_str()), (Some(id), Some(cancel), "d1"));
}

#[tokio::test]
async fn what_the_pg_said_to_an_unknown_cancel_is_shown_while_nobody_knows() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || {
        ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
    });
    let (record, _) = ask(&bench, &id, new_cancel(Some(1_000))).await.unwrap();
    let row = &record.cancels[0];
    assert_eq!(row.status, CancelStatus::Unknown);
    let said = row.failure.as_ref().and_then(|failure| failure.pg.as_ref()).map(|pg| pg.code.as_str());
    assert_eq!(said, Some("PROVIDER_ERROR"));
}
