//! A deposit that must go back waits for the buyer's account, and the merchant takes it over by naming one (invariant 14).

use serde_json::json;
use tokio::sync::oneshot;

use super::{
    bench::{Bench, DAY, MINUTE, after, new_cancel, refund_account},
    errors::no_answer,
    fake_books::pg_message,
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, NewCancel, StateProblem},
    lifecycle::{schedule::CANCEL_ERRORS, tests::sample::PRICE},
    model::{CancelId, CancelStatus, Failure, FailureReason, PaymentId, PaymentStatus, PgPaymentId},
    provider::ProviderError,
};

fn wrong_account() -> ProviderError {
    ProviderError::Declined(Failure::by_pg(FailureReason::InvalidRefundAccount, pg_message("WRONG_ACCOUNT")))
}

pub(super) fn take_over(waiting: &CancelId) -> NewCancel {
    NewCancel {
        refund_account: Some(refund_account()),
        takes_over: Some(waiting.clone()),
        ..new_cancel(None)
    }
}

impl Bench {
    /// An order that is paid by card, and then a deposit for it comes in.
    pub(crate) async fn paid_by_deposit_as_well(&self) -> (PaymentId, PgPaymentId, PgPaymentId) {
        let (id, first) = self.paid().await;
        let order = self.read(&id).await.attempts[0].pg_order_id.to_string();
        let deposit = self.pg.books(|books| {
            let now = self.pg.clock_now();
            let deposit = books.agree_to_deposit(&order, PRICE, after(now, DAY));
            books.take(&deposit, now);
            deposit
        });
        self.webhook(json!({ "pg_id": deposit.as_str(), "order_id": order })).await;
        self.resolve_due().await;
        (id, first, deposit)
    }
}

#[tokio::test]
async fn deposit_that_waits_for_a_refund_account_blocks_nothing() {
    let bench = Bench::before_confirm();
    let (id, first, deposit) = bench.paid_by_deposit_as_well().await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"], "at once");
    bench.run(8 * DAY).await;
    assert_eq!(bench.cancels(), 0, "an account nobody has");
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&first), 1_000, "a cancel without one means the accepted charge");
    assert_eq!(bench.given_back(&deposit), 0);
}

#[tokio::test]
async fn merchant_takes_over_a_waiting_compensation_with_an_account() {
    let bench = Bench::before_confirm();
    let (id, first, deposit) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    let takes_over = take_over(&waiting);
    // What cannot be a take-over.
    let with_amount = NewCancel { amount: Some(crate::model::Money::krw(1)), ..takes_over.clone() };
    let answer = bench.cancel_with(&id, with_amount, None).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "amount", .. })), "{answer:?}");
    let without_account = NewCancel { refund_account: None, ..takes_over.clone() };
    let answer = bench.cancel_with(&id, without_account, None).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "refund_account", .. })), "{answer:?}");
    let another = NewCancel {
        takes_over: Some(bench.gateway.ids().cancel(bench.pg.clock_now())),
        ..takes_over.clone()
    };
    let answer = bench.cancel_with(&id, another, None).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "cancel_id", .. })), "{answer:?}");

    let (record, cancel) = bench.cancel_with(&id, takes_over.clone(), Some("k1")).await.unwrap();
    assert_eq!(cancel, waiting);
    let row = record.cancel(&waiting).unwrap().1;
    assert_eq!((row.status, row.refund_account.as_ref()), (CancelStatus::Done, Some(&refund_account())));
    assert_eq!(row.key.as_ref().unwrap().key, "k1");
    assert_eq!((bench.given_back(&deposit), bench.given_back(&first)), (PRICE, 0));
    assert!(bench.open_reviews(&id).await.is_empty());
    let answer = bench.cancel_with(&id, takes_over, None).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "cancel_id", .. })), "{answer:?}: once");
    assert_eq!(bench.cancels(), 1);
}

#[tokio::test]
async fn refused_account_is_asked_for_again() {
    let bench = Bench::before_confirm();
    let (id, _, deposit) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    bench.pg.instead(Op::Cancel, wrong_account);
    let answer = bench.cancel_with(&id, take_over(&waiting), Some("k1")).await;
    let Err(GatewayError::CancelRefused { failure, record }) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.reason, FailureReason::InvalidRefundAccount);
    let row = record.cancel(&waiting).unwrap().1;
    assert_eq!((row.status, row.refund_account.as_ref()), (CancelStatus::Requested, None));
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    let replayed = bench.gateway.cancel_result(&bench.merchant, &id, &waiting).await;
    assert!(matches!(replayed, Err(GatewayError::CancelRefused { .. })), "{replayed:?}");
    bench.run(2 * DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&deposit)), (1, 0), "nothing is sent to it again");

    let (record, _) = bench.cancel_with(&id, take_over(&waiting), Some("k2")).await.unwrap();
    assert_eq!(record.cancel(&waiting).unwrap().1.status, CancelStatus::Done);
    assert_eq!(bench.given_back(&deposit), PRICE);
    assert!(bench.pg.keys(Op::Cancel)[1].ends_with("_2"), "a PG repeats its refusal of a key");
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn account_refused_after_a_lost_answer_is_asked_for_again() {
    let bench = Bench::before_confirm();
    let (id, _, deposit) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    bench.pg.instead(Op::Cancel, no_answer);
    for _ in 0..CANCEL_ERRORS {
        bench.pg.instead(Op::Cancel, wrong_account);
    }
    bench.cancel_with(&id, take_over(&waiting), Some("k1")).await.unwrap();
    let answer = bench.cancel_with(&id, take_over(&waiting), Some("k2")).await;
    let is_under_way =
        matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::CancelInProgress, .. }));
    assert!(is_under_way, "{answer:?}");
    bench.run(DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    bench.pg.instead(Op::Cancel, wrong_account);
    let answer = bench.cancel_with(&id, take_over(&waiting), Some("k3")).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "nothing is in doubt: {answer:?}");
    bench.cancel_with(&id, take_over(&waiting), Some("k4")).await.unwrap();
    bench.run(DAY).await;
    assert_eq!(bench.given_back(&deposit), PRICE);
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn worker_sends_nothing_beside_the_merchant_who_takes_over() {
    let bench = Bench::on_confirm();
    let (id, _, _) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    let worker = bench.replica(|_, _| ());
    let (sent, was_sent) = oneshot::channel();
    let (worked, has_worked) = oneshot::channel();
    // A worker begins beside the merchant's request, and continues once that was sent.
    bench.pg.meanwhile(Op::Verify, || async move {
        tokio::spawn(async move {
            worker.resolve_due().await;
            worked.send(()).unwrap();
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
    bench.pg.meanwhile(Op::Verify, || async move { was_sent.await.unwrap() });
    let answer_late = || async move {
        sent.send(()).unwrap();
        has_worked.await.unwrap();
    };
    bench.pg.instead_late(Op::Cancel, answer_late, wrong_account);
    let answer = bench.cancel_with(&id, take_over(&waiting), Some("k1")).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
    assert_eq!(bench.cancels(), 1);
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
}

#[tokio::test]
async fn take_over_whose_reason_is_gone_is_an_error_and_held() {
    let bench = Bench::before_confirm();
    let (id, first, deposit) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    bench.pg.books(|books| books.cancel_in_console(&first, PRICE, bench.pg.clock_now()));
    let answer = bench.cancel_with(&id, take_over(&waiting), Some("k1")).await;
    let repeated = bench.gateway.cancel_result(&bench.merchant, &id, &waiting).await;
    for answer in [answer, repeated] {
        let Err(GatewayError::InvalidState { problem: StateProblem::Status, record }) = answer else {
            panic!("{answer:?}")
        };
        assert!(record.cancel_view(&waiting).unwrap().held);
    }
    bench.run(MINUTE).await;
    assert_eq!((bench.cancels(), bench.given_back(&deposit)), (0, 0));
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
}

#[tokio::test]
async fn deposit_after_the_close_of_its_account_goes_back() {
    for bench in Bench::both() {
        let (id, account) = bench.awaiting_deposit(DAY).await;
        bench.advance(MINUTE);
        bench.cancel(&id, None).await.unwrap();
        bench.advance(MINUTE);
        bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled, "what was closed is not paid again");
        assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
        let waiting = bench.newest_cancel(&id).await.id;
        bench.cancel_with(&id, take_over(&waiting), Some("key")).await.unwrap();
        assert_eq!(bench.given_back(&account), PRICE);
        bench.run(MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}
