//! What the PG is asked about, how its answer is taken, and what happens when it gives none.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{
    CancelStatus, Clock, EventKind, Failure, FailureReason, GatewayError, IdSource, InboxOutcome, Money,
    Payment, PaymentId, PaymentRecord, PaymentStatus, PgPaymentId, PgStatus, ProviderError, Store,
    draft::Draft,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

/// By which id each look-up asked; `None` by order.
fn asked(bench: &Bench) -> Vec<Option<String>> {
    bench.pg.calls(Op::Verify).into_iter().map(|call| call.pg_id).collect()
}

async fn decline(bench: &Bench) -> (PaymentId, PgPaymentId) {
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.decline(&format!("{id}:confirm:1:1")));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    (id, pg_id)
}

#[tokio::test]
async fn where_we_take_the_money_only_what_has_a_name_is_asked_for() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    bench.verify(&id).await;
    bench.open(&id).await;
    bench.verify(&id).await;
    assert_eq!(asked(&bench), [], "nobody agreed to anything yet");
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.verify(&id).await;
    assert_eq!(asked(&bench), [Some(pg_id.to_string())], "a cancel of it is no second question");
}

#[tokio::test]
async fn where_the_window_takes_the_money_every_attempt_is_asked_for_by_id_or_else_by_order() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    bench.verify(&id).await;
    assert_eq!(asked(&bench), [None]);
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = asked(&bench).len();
    bench.verify(&id).await;
    assert_eq!(asked(&bench)[before..], [Some(pg_id.to_string())]);
}

#[tokio::test]
async fn a_closed_attempt_is_asked_for_as_well_and_does_not_stop_the_others() {
    let bench = Bench::on_confirm();
    let (id, first) = decline(&bench).await;
    let order = bench.open(&id).await;
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, || ProviderError::Invalid(pg_message("INVALID_PAYMENT_KEY")));
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(asked(&bench), [Some(first.to_string()), Some(second.to_string())]);
}

#[tokio::test]
async fn a_closed_attempt_that_cannot_be_asked_for_now_is_asked_for_again() {
    let bench = Bench::on_confirm();
    let (id, _) = decline(&bench).await;
    bench.pg.instead(Op::Verify, no_answer);
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: None })));
}

#[tokio::test]
async fn an_attempt_that_matters_is_never_skipped() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Verify, || ProviderError::Invalid(pg_message("INVALID_PAYMENT_KEY")));
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(
        matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(pg))) if pg.code == "INVALID_PAYMENT_KEY")
    );
}

#[tokio::test]
async fn why_a_look_came_to_nothing_is_told() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let wait = Some(Duration::from_secs(7));
    bench.pg.instead(Op::Verify, move || ProviderError::NotProcessed {
        retry_after: wait,
        pg: pg_message("TOO_MANY_REQUESTS"),
    });
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after }) if retry_after == wait));
    bench.clock.advance(Duration::from_secs(5));
    let left = Some(Duration::from_secs(2));
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after }) if retry_after == left));
    bench.clock.advance(Duration::from_secs(2));
    bench.pg.instead(Op::Verify, || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")));
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(Some(_)))));
    bench.pg.instead(Op::Verify, || ProviderError::Unsupported("asking"));
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::Unsupported("asking"))));
}

#[tokio::test]
async fn a_second_payment_is_asked_for_until_it_is_given_back_and_may_then_be_forgotten_by_the_pg() {
    let bench = Bench::before_confirm();
    let (id, first) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.clock.advance(Duration::from_secs(5));
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order })).await;
    let before = asked(&bench).len();
    bench.verify(&id).await;
    assert_eq!(asked(&bench)[before..], [Some(first.to_string()), Some(second.to_string())]);
    let pg = bench.pg.clone();
    bench.pg.meanwhile(Op::Verify, move || async move {
        pg.instead(Op::Verify, || ProviderError::Invalid(pg_message("GONE")));
    });
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn what_is_shown_twice_counts_once() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    assert_eq!(asked(&bench), [None, Some(pg_id.to_string())], "by order and by the id that was told");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::Surplus).await, 0);
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    assert_eq!(asked(&bench).len(), 2, "what is known is left to the resolver");
}

#[tokio::test]
async fn a_look_goes_on_as_long_as_the_payment_changes_under_it_and_no_longer() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    for _ in 0..5 {
        let (gateway, merchant, payment) = (bench.gateway.clone(), bench.merchant.clone(), id.clone());
        bench.pg.meanwhile(Op::Verify, move || async move {
            let part = super::bench::new_cancel(Some(1));
            gateway.cancel(&merchant, &payment, &part, None).await.unwrap();
        });
    }
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::Store(_))), "{answer:?}");
    assert_eq!(bench.verify(&id).await.payment.amount_cancelled, Money::krw(5));
}

#[tokio::test]
async fn a_stranger_marks_its_owner_and_not_the_payment_it_was_shown_for() {
    let bench = Bench::before_confirm();
    let (owner, theirs) = bench.paid().await;
    let mine = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    bench.open(&mine).await;
    let (owners, minds) = (bench.read(&owner).await.hints, bench.read(&mine).await.hints);
    let answer = bench.confirm(&mine, &theirs).await;
    assert!(matches!(answer, Err(GatewayError::Mismatch(_))));
    assert!(bench.read(&owner).await.hints > owners);
    assert_eq!(bench.read(&mine).await.hints, minds);
}

#[tokio::test]
async fn money_for_an_order_that_a_newer_payment_holds_makes_the_older_superseded() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    // The newer one is registered while the PG is asked about the older.
    let (gateway, merchant, terms) =
        (bench.gateway.clone(), bench.merchant.clone(), bench.read(&id).await.payment.terms);
    bench.pg.meanwhile(Op::Verify, move || async move {
        let new = crate::NewPayment { order_id: "order-1".parse().unwrap(), terms };
        assert!(gateway.register(&merchant, new, None).await.unwrap().created);
    });
    bench.verify(&id).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.status, payment.superseded), (PaymentStatus::Cancelled, true));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
}

#[tokio::test]
async fn money_for_an_order_goes_back_also_where_the_newer_payment_superseded_another() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR).await;
    // Where a clock was set back, the payment of an order with the newest id is not the last that was made.
    let (now, ids) = (bench.clock.now(), IdSource::seeded(7));
    let ended = bench.read(&id).await;
    let (status, version) = (PaymentStatus::Ready, 0);
    let payment = Payment { id: ids.payment(now), status, version, ..ended.payment };
    let newer = PaymentRecord { payment, attempts: Vec::new(), events: 0, ..ended };
    let (change, _) = Draft::of(newer).into_change(now, &ids).unwrap();
    bench.store.commit(change).await.unwrap();

    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, now));
    bench.verify(&id).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.status, payment.superseded), (PaymentStatus::Cancelled, true));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), PRICE);
}

#[tokio::test]
async fn a_webhook_without_an_order_finds_its_payment_by_the_pgs_id() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1));
    let outcome = bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": "not one of ours" })).await;
    assert_eq!(outcome, [InboxOutcome::Marked { proved: false }]);
    bench.pass(Duration::ZERO).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
}

#[tokio::test]
async fn a_webhook_that_was_not_finished_is_another_workers_after_two_minutes() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.receive(json!({ "pg_id": "pg9", "order_id": order })).await;
    bench.pg.meanwhile(Op::Verify, std::future::pending);
    let died =
        tokio::time::timeout(Duration::from_millis(1), bench.gateway.process_inbox(&super::bench::account()))
            .await;
    assert!(died.is_err());
    bench.clock.advance(Duration::from_secs(119));
    assert_eq!(bench.process_inbox().await, []);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.process_inbox().await.len(), 1);
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn the_first_sweep_looks_back_a_week_and_the_next_two_hours_before_the_last() {
    for (ago, found) in [(7 * 24 * HOUR, 1), (7 * 24 * HOUR + Duration::from_secs(1), 0)] {
        let bench = Bench::before_confirm();
        let id = bench.register().await;
        let order = bench.open(&id).await;
        bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now() - ago));
        assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), found, "{ago:?}");
    }
    for (ago, found) in [(2 * HOUR, 1), (2 * HOUR + Duration::from_secs(1), 0)] {
        let bench = Bench::before_confirm();
        let id = bench.register().await;
        let order = bench.open(&id).await;
        bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
        bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now() - ago));
        bench.clock.advance(HOUR);
        assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), found, "{ago:?}");
    }
}

#[tokio::test]
async fn what_a_sweep_lists_and_we_know_is_no_news() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.books(|books| books.pay("their-own-order", PRICE, bench.clock.now()));
    assert_eq!(
        bench.gateway.sweep_due(&super::bench::account()).await.unwrap(),
        1,
        "the second of our order is"
    );
    assert_eq!(bench.pg.books(|books| books.row(&second).given_back), PRICE);
    let (looks, hints) = (asked(&bench).len(), bench.read(&id).await.hints);
    bench.clock.advance(HOUR);
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 0, "it is given back");
    assert_eq!((asked(&bench).len(), bench.read(&id).await.hints), (looks, hints));
}

#[tokio::test]
async fn what_a_sweep_lists_as_paid_of_an_account_that_waits_is_news() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let account = bench.pg.books(|books| {
        let account = books.agree_to_deposit(&order, PRICE, bench.clock.now() + 9 * HOUR);
        books.change(&account, |snapshot| snapshot.status = PgStatus::AwaitingDeposit);
        account
    });
    bench.verify(&id).await;
    bench.pg.books(|books| books.charge(&account, bench.clock.now()));
    assert_eq!(bench.gateway.sweep_due(&super::bench::account()).await.unwrap(), 1);
    bench.pass(Duration::ZERO).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_sweep_whose_replica_died_is_anothers_after_ten_minutes() {
    let bench = Bench::before_confirm();
    bench.pg.meanwhile(Op::List, std::future::pending);
    assert!(
        tokio::time::timeout(Duration::from_millis(1), bench.gateway.sweep_due(&super::bench::account()))
            .await
            .is_err()
    );
    bench.clock.advance(Duration::from_secs(10 * 60 - 1));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 1);
    bench.clock.advance(Duration::from_secs(1));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 2);
}

#[tokio::test]
async fn a_sweep_that_failed_is_not_repeated_before_five_minutes() {
    let bench = Bench::before_confirm();
    bench.pg.instead(Op::List, no_answer);
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    bench.clock.advance(Duration::from_secs(5 * 60 - 1));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 1);
    bench.clock.advance(Duration::from_secs(1));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 2);
}

#[tokio::test]
async fn a_denied_cancel_of_a_payment_the_pg_does_not_show_stays_unknown() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, || ProviderError::Conflict(pg_message("ALREADY_CANCELED_PAYMENT")));
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.pg_id = "hidden".parse().unwrap()));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let row = bench.read(&id).await.cancels[0].clone();
    assert_eq!(row.status, CancelStatus::Unknown);
    let said = Failure::by_pg(FailureReason::ProviderUnavailable, pg_message("ALREADY_CANCELED_PAYMENT"));
    assert_eq!(row.failure, Some(said));
}

#[tokio::test]
async fn an_account_is_not_swept_before_the_hour_is_over() {
    let bench = Bench::before_confirm();
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    bench.clock.advance(HOUR - Duration::from_secs(1));
    bench.gateway.sweep_due(&super::bench::account()).await.unwrap();
    assert_eq!(bench.pg.calls(Op::List).len(), 1);
}

#[test]
fn the_largest_amount_is_the_largest_that_a_json_number_holds_exactly() {
    assert_eq!(crate::MAX_AMOUNT, 9_007_199_254_740_991);
}
