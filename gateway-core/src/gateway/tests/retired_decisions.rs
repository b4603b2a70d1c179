//! What a person's decision about a retired account does: it ends what was asked for (invariants 7, 12).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, Verdict},
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{
        CancelStatus, LatePayments, MoneyMoves, PaymentId, PaymentStatus, PgPaymentId, PgStatus, Review,
        ReviewOutcome, ReviewSubject,
    },
    store::PaymentRecord,
};

/// The review about the charge that waits, decided by a person.
async fn decide_account(
    bench: &Bench,
    id: &PaymentId,
    outcome: ReviewOutcome,
) -> Result<PaymentRecord, GatewayError> {
    let reviews = bench.read(id).await.payment.reviews;
    let of_account = |review: &&Review| review.is_open() && matches!(review.about, ReviewSubject::Charge(_));
    let number = reviews.iter().find(of_account).expect("it is open").number;
    let verdict = Verdict { by: "kim".to_owned(), outcome, reason: "seen in the console".to_owned() };
    bench.gateway.close_review(id, number, &verdict).await
}

#[tokio::test]
async fn account_that_waits_where_nobody_can_ask_is_ended_by_a_person() {
    for late_payments in [LatePayments::Keep, LatePayments::Cancel] {
        for money_moves in [MoneyMoves::BeforeConfirm, ON_CONFIRM] {
            for (outcome, status) in
                [(ReviewOutcome::NotDone, PaymentStatus::Expired), (ReviewOutcome::Done, PaymentStatus::Paid)]
            {
                let bench = Bench::over(money_moves, |settings| settings.late_payments = late_payments);
                let (id, _) = bench.awaiting_deposit(3 * DAY).await;
                let bench = bench.nobody_can_ask();
                bench.run(2 * DAY).await;
                if outcome == ReviewOutcome::NotDone {
                    let answer = decide_account(&bench, &id, outcome).await;
                    assert!(
                        matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })),
                        "{answer:?}"
                    );
                    bench.run(2 * DAY).await;
                }
                decide_account(&bench, &id, outcome).await.unwrap();
                assert_eq!(bench.status(&id).await, status);
                bench.run(60 * DAY).await;
                assert_eq!(bench.status(&id).await, status);
                assert!(!bench.read(&id).await.payment.shown.late);
                bench.check_ledger().await;
            }
        }
    }
}

#[tokio::test]
async fn account_of_another_amount_pays_no_order_by_a_persons_word() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.issued(&order, PRICE / 10, DAY);
    bench.verify(&id).await;
    let bench = bench.nobody_can_ask();
    bench.run(2 * DAY).await;
    decide_account(&bench, &id, ReviewOutcome::Done).await.unwrap();
    assert_ne!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn what_is_pending_where_nobody_can_ask_is_ended_by_a_person() {
    let bench = Bench::on_confirm();
    let (id, card) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.pg.books(|books| books.change(&card, |shown| shown.status = PgStatus::Pending));
    bench.confirm(&id, &card).await.unwrap();
    bench.verify(&id).await;
    let bench = bench.nobody_can_ask();
    bench.run(20 * DAY).await;
    while !bench.open_reviews(&id).await.is_empty() {
        bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    }
    assert_ne!(bench.status(&id).await, PaymentStatus::Confirming);
}

#[tokio::test]
async fn compensation_that_a_person_saw_to_is_never_sent() {
    for outcome in [ReviewOutcome::Done, ReviewOutcome::NotDone] {
        let bench = Bench::before_confirm();
        let (id, _, second) = bench.paid_twice().await;
        let retired = bench.retired();
        retired.verify(&id).await;
        retired.run(DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
        retired.decide(&id, outcome).await.unwrap();
        retired.run(DAY).await;
        bench.run(2 * DAY).await;
        assert_eq!(bench.given_back(&second), 0, "the buyer has it, or it is to be kept");
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn cancel_that_a_person_saw_to_is_never_sent_again() {
    for (outcome, status) in
        [(ReviewOutcome::Done, CancelStatus::Done), (ReviewOutcome::NotDone, CancelStatus::Refused)]
    {
        for bench in Bench::both() {
            let (id, card) = bench.paid().await;
            bench.pg.instead(Op::Cancel, no_answer);
            bench.cancel(&id, Some(1_000)).await.unwrap();
            let retired = bench.retired();
            retired.run(DAY).await;
            assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
            retired.decide(&id, outcome).await.unwrap();
            bench.run(2 * DAY).await;
            assert_eq!(bench.given_back(&card), 0, "by transfer, for instance");
            assert_eq!(bench.newest_cancel(&id).await.status, status);
            bench.check_ledger().await;
        }
    }
}

#[tokio::test]
async fn pending_refund_where_nobody_can_ask_is_ended_by_a_person() {
    for (outcome, status, amount) in [
        (ReviewOutcome::Done, CancelStatus::Done, None),
        (ReviewOutcome::NotDone, CancelStatus::Refused, None),
        (ReviewOutcome::NotDone, CancelStatus::Refused, Some(3_000)),
    ] {
        let bench = Bench::before_confirm();
        let (id, _) = bench.paid().await;
        bench.pg.books(|books| books.slow_refunds = true);
        bench.cancel(&id, amount).await.unwrap();
        let bench = bench.nobody_can_ask();
        bench.run(2 * DAY).await;
        bench.decide(&id, outcome).await.unwrap();
        bench.run(60 * DAY).await;
        assert_eq!(bench.newest_cancel(&id).await.status, status);
        assert!(bench.open_reviews(&id).await.is_empty());
        let (is_back, record) = (outcome == ReviewOutcome::Done, bench.read(&id).await);
        let (returned, left) = if is_back { (PRICE, 0) } else { (0, PRICE) };
        assert_eq!(record.payment.shown.amount_cancelled.amount(), returned);
        assert_eq!(record.cancellable().amount(), left);
        bench.check_ledger().await;
    }
}

/// A payment, a duplicate of it whose compensation is under way at the PG, and a bench where nobody can ask any more.
async fn compensation_under_way(bench: &Bench) -> (PaymentId, PgPaymentId, Bench) {
    let (id, _, second) = bench.paid_twice().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.verify(&id).await;
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&second), PRICE);
    let gone = bench.nobody_can_ask();
    gone.run(2 * DAY).await;
    (id, second, gone)
}

#[tokio::test]
async fn pending_compensation_found_not_done_is_still_there() {
    let bench = Bench::before_confirm();
    let (id, second, gone) = compensation_under_way(&bench).await;
    gone.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    gone.run(2 * DAY).await;
    let record = bench.read(&id).await;
    let kept = record.charge_at_pg(&second).unwrap().snapshot.as_ref().unwrap();
    assert_eq!((kept.cancelled.amount(), kept.balance().amount()), (0, PRICE));
    assert!(bench.open_reviews(&id).await.is_empty(), "a person has decided");
    bench.check_ledger().await;
}

#[tokio::test]
async fn account_without_credentials_again_is_a_review_again() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(6 * DAY).await;
    let gone = bench.nobody_can_ask();
    gone.run(2 * DAY).await;
    assert!(bench.open_reviews(&id).await.contains(&"account_retired"));
    let back = bench.retired();
    back.verify(&id).await;
    assert!(bench.open_reviews(&id).await.is_empty(), "the PG can be asked");
    gone.run(30 * DAY).await;
    assert!(bench.open_reviews(&id).await.contains(&"account_retired"));
    decide_account(&gone, &id, ReviewOutcome::NotDone).await.unwrap();
    gone.run(30 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn operator_can_decide_on_money_found_after_the_deadline() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let card = bench.in_window(&order);
    let bench = bench.nobody_can_ask();
    bench.run(PAYABLE_FOR + DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
    // The merchant names what the operator found.
    assert_eq!(bench.confirm(&id, &card).await.unwrap().payment.status(), PaymentStatus::Confirming);
    bench.run(DAY).await;
    decide_account(&bench, &id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.run(30 * DAY).await;
    assert_eq!((bench.status(&id).await, bench.open_reviews(&id).await.len()), (PaymentStatus::Paid, 0));
    bench.check_ledger().await;
}

#[tokio::test]
async fn closed_payment_becomes_paid_only_by_a_second_decision() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close = Vec::new());
    let (id, _) = bench.awaiting_deposit(3 * DAY).await;
    bench.advance(MINUTE);
    bench.cancel(&id, None).await.unwrap();
    let bench = bench.replica(|settings, pg| {
        (settings.retired, settings.has_credentials) = (true, false);
        pg.description.guards.close = Vec::new();
    });
    bench.run(2 * DAY).await;
    decide_account(&bench, &id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled, "when the money came nobody knows");
    assert!(bench.open_reviews(&id).await.contains(&"mismatch_not_cancelled"));
    decide_account(&bench, &id, ReviewOutcome::Done).await.unwrap();
    assert_eq!((bench.status(&id).await, bench.open_reviews(&id).await.len()), (PaymentStatus::Paid, 0));
    bench.check_ledger().await;
}

#[tokio::test]
async fn account_may_be_booked_until_an_hour_after_it_is_due() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(2 * DAY).await;
    let bench = bench.nobody_can_ask();
    bench.run(2 * DAY + MINUTE).await;
    let answer = decide_account(&bench, &id, ReviewOutcome::NotDone).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })), "{answer:?}");
    bench.run(HOUR).await;
    decide_account(&bench, &id, ReviewOutcome::NotDone).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
}

#[tokio::test]
async fn payment_named_after_a_person_found_none_is_a_new_review() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let card = bench.in_window(&order);
    let gone = bench.nobody_can_ask();
    gone.run(PAYABLE_FOR + DAY).await;
    gone.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    gone.confirm(&id, &card).await.unwrap();
    gone.run(DAY).await;
    decide_account(&gone, &id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    gone.check_ledger().await;
}

#[tokio::test]
async fn compensation_under_way_that_arrived_is_done() {
    let bench = Bench::before_confirm();
    let (id, _, gone) = compensation_under_way(&bench).await;
    gone.decide(&id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
    gone.check_ledger().await;
}

#[tokio::test]
async fn close_of_an_account_that_a_person_found_paid_is_refused() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit(3 * DAY).await;
    bench.advance(MINUTE);
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    let gone = bench.nobody_can_ask();
    gone.run(2 * DAY).await;
    decide_account(&gone, &id, ReviewOutcome::Done).await.unwrap();
    while !bench.open_reviews(&id).await.is_empty() {
        gone.decide(&id, ReviewOutcome::Done).await.unwrap();
    }
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert!(record.charges[0].closes.iter().all(|close| close.status == CancelStatus::Refused));
}

#[tokio::test]
async fn deposit_found_by_a_person_and_not_shown_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.awaiting_deposit(DAY).await;
    let gone = bench.nobody_can_ask();
    gone.run(2 * DAY).await;
    decide_account(&gone, &id, ReviewOutcome::Done).await.unwrap();
    // The credentials are back, and the PG knows of no deposit.
    bench.verify(&id).await;
    bench.run(DAY).await;
    assert!(bench.open_reviews(&id).await.contains(&"accepted_changed"), "the goods may be out");
}

#[tokio::test]
async fn order_expires_in_time_where_nobody_can_ask() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let gone = bench.nobody_can_ask();
    gone.advance(PAYABLE_FOR - HOUR);
    gone.webhook(json!({ "pg_id": "x", "order_id": order })).await;
    gone.run(2 * HOUR).await;
    assert_eq!(gone.status(&id).await, PaymentStatus::Expired);
}
