//! Windows that came to nothing, whatever the PG calls it: closed by the buyer, refused for the account's contract.

use serde_json::json;

use super::{
    bench::{Bench, HOUR, MINUTE, PAYABLE_FOR},
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{Failure, FailureReason, PaymentId, PaymentStatus, PgMessage, PgPaymentId, PgStatus, Review},
    provider::ProviderError,
};

/// The PG shows a payment that failed for this.
fn fail(bench: &Bench, pg_id: &PgPaymentId, reason: FailureReason) {
    bench.fails_after_all(pg_id);
    let failure = Failure::by_pg(reason, PgMessage::new("failed", "in the PG's words"));
    bench.pg.books(|books| books.change(pg_id, |shown| shown.failure = Some(failure)));
}

/// A payment whose window failed for this, as the PG shows it.
async fn failed(bench: &Bench, reason: FailureReason) -> (PaymentId, PgPaymentId, String) {
    let (id, order) = bench.opened().await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
    fail(bench, &pg_id, reason);
    (id, pg_id, order)
}

#[tokio::test]
async fn closed_window_is_one_outcome_however_it_is_reported() {
    for browser in [None, Some("closed"), Some("declined"), Some("misconfigured")] {
        let bench = Bench::before_confirm();
        let (id, pg_id, _) = failed(&bench, FailureReason::BuyerClosed).await;
        let result = json!({ "pg_id": pg_id.as_str(), "failure": browser });
        let record = bench.bring(&id, result).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Ready, "{browser:?}");
        assert_eq!(record.payment.last_failure(), Some(FailureReason::BuyerClosed), "{browser:?}");
        assert!(!bench.kinds().await.contains(&"payment.failed"), "{browser:?}");
    }
}

#[tokio::test]
async fn closed_window_after_a_decline_leaves_it_declined() {
    let bench = Bench::before_confirm();
    let (id, refused, order) = failed(&bench, FailureReason::LimitExceeded).await;
    assert!(matches!(bench.confirm(&id, &refused).await, Err(GatewayError::Declined { .. })));
    bench.advance(MINUTE);
    let closed = bench.pg.books(|books| books.agree(&order, PRICE));
    fail(&bench, &closed, FailureReason::BuyerClosed);
    let record = bench.confirm(&id, &closed).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Failed);
    assert_eq!(record.payment.shown.failure.unwrap().reason, FailureReason::LimitExceeded);
    assert_eq!(record.payment.last_attempt.unwrap().failure.unwrap().reason, FailureReason::BuyerClosed);
}

#[tokio::test]
async fn closed_window_with_money_in_another_is_paid() {
    let bench = Bench::before_confirm();
    let (id, closed, order) = failed(&bench, FailureReason::BuyerClosed).await;
    bench.in_window(&order);
    let result = json!({ "pg_id": closed.as_str(), "failure": "closed" });
    assert_eq!(bench.bring(&id, result).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn closed_window_that_is_paid_after_all_is_found() {
    let bench = Bench::before_confirm();
    let (id, closed, _) = failed(&bench, FailureReason::BuyerClosed).await;
    bench.confirm(&id, &closed).await.unwrap();
    bench.advance(MINUTE);
    bench.pg.books(|books| books.take(&closed, bench.pg.clock_now()));
    bench.run(PAYABLE_FOR + HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn browsers_words_do_not_hide_what_the_pg_shows() {
    let bench = Bench::before_confirm();
    let (id, refused, _) = failed(&bench, FailureReason::LimitExceeded).await;
    let result = json!({ "pg_id": refused.as_str(), "failure": "closed" });
    let answer = bench.bring(&id, result).await;
    let Err(GatewayError::Declined { record, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(record.payment.last_failure(), Some(FailureReason::LimitExceeded));
}

#[tokio::test]
async fn closed_window_without_a_look_up_is_not_answered_closed() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.opened().await;
    bench.pg.fails(Op::Verify, || ProviderError::no_answer("down"));
    let answer = bench.bring(&id, json!({ "failure": "closed" })).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
}

#[tokio::test]
async fn failure_of_the_contract_alerts_the_operator_once() {
    for browser in [None, Some("declined"), Some("closed")] {
        let log = Log::begin();
        let bench = Bench::before_confirm();
        let (id, pg_id, _) = failed(&bench, FailureReason::ProviderMisconfigured).await;
        let result = json!({ "pg_id": pg_id.as_str(), "failure": browser });
        for _ in 0..2 {
            let answer = bench.bring(&id, result.clone()).await;
            let Err(GatewayError::ProviderMisconfigured(Some(pg))) = answer else { panic!("{answer:?}") };
            assert_eq!(pg.message, "in the PG's words");
        }
        let shown = bench.read(&id).await.payment.shown;
        assert_eq!(shown.status, PaymentStatus::Failed);
        assert_eq!(shown.failure.unwrap().reason, FailureReason::ProviderMisconfigured);
        let errors = log.errors();
        assert!(errors.len() == 1 && errors[0].contains("an operator is needed"), "{browser:?} {errors:?}");
    }
}

#[tokio::test]
async fn contract_named_by_a_browser_alone_pages_nobody() {
    for bench in Bench::both() {
        let log = Log::begin();
        let (id, _) = bench.opened().await;
        let answer = bench.bring(&id, json!({ "failure": "misconfigured" })).await;
        assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))), "{answer:?}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
        assert_eq!(log.errors(), Vec::<String>::new());
        assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
    }
}

#[tokio::test]
async fn decline_in_answer_to_a_confirm_is_no_closed_window() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let closed = || ProviderError::Declined(Failure::of(FailureReason::BuyerClosed));
    bench.pg.instead(Op::Confirm, closed);
    let answer = bench.confirm(&id, &pg_id).await;
    assert!(matches!(answer, Err(GatewayError::Declined { .. })), "{answer:?}");
}

#[tokio::test]
async fn decline_says_why_what_was_asked_about_failed() {
    let bench = Bench::before_confirm();
    let (id, first, order) = failed(&bench, FailureReason::LimitExceeded).await;
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    fail(&bench, &second, FailureReason::StoppedCard);
    bench.verify(&id).await;
    for (pg_id, reason) in [(&first, FailureReason::LimitExceeded), (&second, FailureReason::StoppedCard)] {
        let answer = bench.confirm(&id, pg_id).await;
        let Err(GatewayError::Declined { failure, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(failure.reason, reason);
    }
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::Declined(Failure::of(FailureReason::StoppedCard)));
    assert!(bench.confirm(&id, &pg_id).await.is_err());
    let answer = bench.bring(&id, json!({ "failure": "declined" })).await;
    let Err(GatewayError::Declined { failure, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.reason, FailureReason::IssuerDeclined, "the window that was just declined");
}

/// The buyer has paid in the window, its page says otherwise, and the PG is behind.
async fn paid_behind_a_failure(bench: &Bench, said: &str) -> PaymentId {
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    // By the PG's id, and by the order.
    bench.pg.show(Vec::new(), true);
    bench.pg.show(Vec::new(), true);
    let _closed_or_declined = bench.bring(&id, json!({ "pg_id": pg_id.as_str(), "failure": said })).await;
    assert!(matches!(bench.status(&id).await, PaymentStatus::Ready | PaymentStatus::Failed), "{said}");
    id
}

#[tokio::test]
async fn money_behind_a_browsers_failure_is_found_soon() {
    for said in ["closed", "declined"] {
        let bench = Bench::before_confirm();
        let id = paid_behind_a_failure(&bench, said).await;
        bench.run(MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{said}");
    }
}

#[tokio::test]
async fn money_in_another_window_is_found_without_a_list() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.has_list = false);
    let (id, order) = bench.opened().await;
    let first = bench.in_window(&order);
    bench.confirm(&id, &first).await.unwrap();
    // The other tab is paid later, and its page is closed before it brings anything back.
    let second = bench.in_window(&order);
    bench.run(PAYABLE_FOR + HOUR).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(bench.given_back(&first) + bench.given_back(&second), PRICE, "one of them went back");
}

#[tokio::test]
async fn window_that_continues_after_its_failure_is_waited_for() {
    for reason in [FailureReason::BuyerClosed, FailureReason::LimitExceeded] {
        let bench = Bench::before_confirm();
        let (id, pg_id, _) = failed(&bench, reason).await;
        let _closed_or_declined = bench.confirm(&id, &pg_id).await;
        bench.advance(MINUTE);
        bench.pg.books(|books| {
            books.change(&pg_id, |shown| (shown.status, shown.failure) = (PgStatus::Pending, None))
        });
        let record = bench.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Confirming, "{reason:?}");
        assert!(bench.try_open(&id).await.is_err(), "no other window while money may be on its way");
    }
}

#[tokio::test]
async fn payment_that_was_paid_is_no_closed_window() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    fail(&bench, &pg_id, FailureReason::BuyerClosed);
    bench.advance(MINUTE);
    bench.verify(&id).await;
    bench.run(10 * MINUTE).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Failed);
    assert!(record.payment.reviews.iter().any(Review::is_open), "a person is asked");
    assert!(bench.cancel(&id, None).await.is_err(), "it must not be closed over money that may come back");
}

#[tokio::test]
async fn wrong_account_is_not_answered_while_another_tab_may_be_paid() {
    let bench = Bench::on_confirm();
    let (id, first) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::Misconfigured(PgMessage::new("CONTRACT", "x")));
    assert!(matches!(bench.confirm(&id, &first).await, Err(GatewayError::ProviderMisconfigured(_))));
    let order = bench.open(&id).await;
    let second = bench.in_window(&order);
    bench.pg.after(Op::Confirm, || ProviderError::no_answer("lost"));
    bench.pg.fails(Op::Verify, || ProviderError::no_answer("down"));
    bench.confirm(&id, &second).await.unwrap();
    // The page of the first tab is loaded again.
    let record = bench.confirm(&id, &first).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Confirming);
}

#[tokio::test]
async fn contract_found_by_a_look_up_is_not_the_buyers_fault() {
    for words in [Some(PgMessage::new("CONTRACT", "x")), None] {
        let log = Log::begin();
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
        fail(&bench, &pg_id, FailureReason::ProviderMisconfigured);
        bench.pg.books(|books| {
            books.change(&pg_id, |shown| {
                let failure = shown.failure.as_mut().unwrap();
                failure.pg = words.clone();
            })
        });
        let answer = bench.confirm(&id, &pg_id).await;
        assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(_))), "{answer:?}");
        bench.run(HOUR).await;
        assert_eq!(log.errors().len(), 1, "the operator is alerted once");
    }
}

#[tokio::test]
async fn expired_payment_that_nobody_could_look_up_is_answered_so() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let pg_id = bench.in_window(&order);
    bench.pg.fails(Op::Verify, || ProviderError::no_answer("down"));
    let answer = bench.bring(&id, json!({ "pg_id": pg_id.as_str(), "failure": "closed" })).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
}
