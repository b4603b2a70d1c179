//! Reviews from the operator's side: the PG is asked first, each reason is decided both ways (invariants 6, 17).

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND},
    errors::{no_answer, refused},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, StateProblem, Verdict},
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentStatus, PgStatus, ReviewClosing, ReviewOutcome},
};

/// A confirm that nobody has answered for a week.
async fn unknown_confirm(bench: &Bench) -> (crate::model::PaymentId, crate::model::PgPaymentId) {
    let (id, pg_id) = bench.agreed().await;
    for op in [Op::Confirm, Op::Verify] {
        bench.pg.fails(op, no_answer);
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(6 * DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.pg.heal();
    bench.pg.fails(Op::Confirm, no_answer);
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = PgStatus::Paid));
    bench.run(2 * DAY + HOUR).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"]);
    (id, pg_id)
}

#[tokio::test]
async fn confirm_unknown_for_a_week_is_decided_both_ways() {
    for (outcome, status) in
        [(ReviewOutcome::Done, PaymentStatus::Paid), (ReviewOutcome::NotDone, PaymentStatus::Expired)]
    {
        let bench = Bench::on_confirm();
        let (id, _) = unknown_confirm(&bench).await;
        let record = bench.decide(&id, outcome).await.unwrap();
        assert_eq!(record.payment.status(), status);
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn pg_is_asked_before_an_operator_is_believed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = unknown_confirm(&bench).await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    let answer = bench.decide(&id, ReviewOutcome::NotDone).await;
    assert!(
        matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::ReviewClosed, .. })),
        "{answer:?}"
    );
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    let review = bench.read(&id).await.payment.reviews.remove(0);
    assert!(matches!(review.closing, Some(ReviewClosing::Resolved { .. })), "nobody had to decide");
}

#[tokio::test]
async fn request_that_was_just_sent_again_cannot_be_decided() {
    for outcome in [ReviewOutcome::NotDone, ReviewOutcome::Done] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        for op in [Op::Cancel, Op::Verify] {
            bench.pg.fails(op, no_answer);
        }
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.run(8 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        // The PG answers again, and a worker is faster than the operator.
        bench.pg.heal();
        bench.pg.later(Op::Cancel);
        let sent = bench.cancels();
        bench.advance(DAY + 3 * HOUR);
        bench.resolve_due().await;
        assert_eq!(bench.cancels(), sent + 1);
        let answer = bench.decide(&id, outcome).await;
        let problem = StateProblem::RequestUnderWay;
        assert!(
            matches!(&answer, Err(GatewayError::InvalidState { problem: answer, .. }) if *answer == problem),
            "{answer:?}"
        );
        bench.pg.execute_late();
        bench.run(HOUR).await;
        assert_eq!((bench.given_back(&pg_id), bench.open_reviews(&id).await.len()), (1_000, 0));
    }
}

#[tokio::test]
async fn pg_that_cannot_be_asked_does_not_stop_a_decision() {
    let bench = Bench::on_confirm();
    let (id, _) = unknown_confirm(&bench).await;
    bench.pg.goes_down();
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
}

#[tokio::test]
async fn what_the_pg_shows_later_is_believed_over_an_operator() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = unknown_confirm(&bench).await;
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    bench.pg.heal();
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.run(DAY + HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "a day later the PG is asked once more");
    bench.check_ledger().await;
}

#[tokio::test]
async fn money_without_a_name_cannot_be_decided_to_be_here() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    for op in [Op::Confirm, Op::Verify] {
        bench.pg.fails(op, no_answer);
    }
    bench.bring(&id, serde_json::json!({ "order_id": order, "state": "token" })).await.unwrap();
    bench.run(6 * DAY).await;
    bench.pg.heal();
    bench.pg.fails(Op::Confirm, no_answer);
    bench.run(3 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"]);
    let answer = bench.decide(&id, ReviewOutcome::Done).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })), "{answer:?}");
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
}

#[tokio::test]
async fn success_not_shown_past_its_final_time_is_a_review() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.books(|books| books.shows_nothing = true);
    let open = bench.pg.books(|books| books.row(&pg_id).snapshot);
    for _ in 0..20 {
        bench.pg.show(vec![open.clone()], true);
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(FINAL).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.run(10 * MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["taken_not_shown"]);
    assert_eq!(bench.confirms(), 1, "a success is not sent again");
    bench.pg.heal();
    bench.run(2 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn unknown_cancel_is_decided_both_ways() {
    for (outcome, status, payment) in [
        (ReviewOutcome::Done, CancelStatus::Done, PaymentStatus::PartiallyCancelled),
        (ReviewOutcome::NotDone, CancelStatus::Refused, PaymentStatus::Paid),
    ] {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        bench.pg.fails(Op::Cancel, no_answer);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        bench.run(8 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
        bench.decide(&id, outcome).await.unwrap();
        assert_eq!(bench.newest_cancel(&id).await.status, status);
        assert_eq!(bench.status(&id).await, payment);
        bench.pg.heal();
        let left = if outcome == ReviewOutcome::Done { 6_000 } else { PRICE };
        assert_eq!(bench.read(&id).await.cancellable().amount(), left, "nothing blocks any more");
    }
}

#[tokio::test]
async fn cancel_closed_as_done_by_mistake_is_asked_about_once_more() {
    for outcome in [ReviewOutcome::Done, ReviewOutcome::NotDone] {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        bench.pg.fails(Op::Cancel, no_answer);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        bench.run(8 * DAY).await;
        bench.decide(&id, ReviewOutcome::Done).await.unwrap();
        bench.pg.heal();
        bench.run(2 * DAY).await;
        assert_eq!(
            bench.open_reviews(&id).await,
            ["unknown_cancel"],
            "the PG shows for a day that it was not"
        );
        bench.decide(&id, outcome).await.unwrap();
        bench.run(10 * DAY).await;
        assert!(bench.open_reviews(&id).await.is_empty(), "what was decided twice stays decided");
        let left = if outcome == ReviewOutcome::Done { 6_000 } else { PRICE };
        assert_eq!(bench.read(&id).await.cancellable().amount(), left);
    }
}

#[tokio::test]
async fn close_unknown_for_a_week_is_decided_both_ways() {
    for (outcome, payment) in [
        (ReviewOutcome::Done, PaymentStatus::Cancelled),
        (ReviewOutcome::NotDone, PaymentStatus::AwaitingDeposit),
    ] {
        let bench = Bench::on_confirm();
        let (id, _) = bench.awaiting_deposit(30 * DAY).await;
        bench.pg.fails(Op::Cancel, no_answer);
        bench.cancel(&id, None).await.unwrap();
        bench.run(8 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_close"]);
        bench.decide(&id, outcome).await.unwrap();
        assert_eq!(bench.status(&id).await, payment);
    }
}

#[tokio::test]
async fn compensation_that_was_given_back_by_hand_is_not_sent_again() {
    for outcome in [ReviewOutcome::Done, ReviewOutcome::NotDone] {
        let bench = Bench::before_confirm();
        let (id, _, second) = bench.paid_twice().await;
        bench.verify(&id).await;
        bench.pg.instead(Op::Cancel, refused);
        bench.run(SECOND).await;
        bench.decide(&id, outcome).await.unwrap();
        bench.run(10 * DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&second)), (1, 0));
        assert!(bench.open_reviews(&id).await.is_empty(), "what was decided stays decided");
    }
}

#[tokio::test]
async fn held_compensation_is_decided_once() {
    let bench = Bench::before_confirm();
    let (id, first, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.books(|books| books.cancel_in_console(&first, PRICE, bench.pg.clock_now()));
    bench.run(MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    bench.run(10 * DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty());
    assert_eq!(bench.given_back(&second), 0);
}

#[tokio::test]
async fn mismatch_that_is_accepted_can_be_refunded_like_any_other() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.pg.books(|books| {
        let pg_id = books.agree(&order, PRICE);
        books.change(&pg_id, |shown| {
            shown.discount = crate::model::Money::krw(500);
            shown.mode = Some(crate::model::Mode::Live);
        });
        books.take(&pg_id, bench.pg.clock_now());
        pg_id
    });
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.open_reviews(&id).await, ["mismatch_not_cancelled"]);
    let record = bench.decide(&id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
    bench.run(2 * DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn vanished_payment_is_a_review_that_one_look_up_closes() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..2 {
        // By its order id and by its own.
        bench.pg.show(Vec::new(), true);
        bench.pg.show(Vec::new(), true);
        bench.verify(&id).await;
        bench.advance(2 * MINUTE);
    }
    assert_eq!(bench.open_reviews(&id).await, ["charge_vanished"]);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.verify(&id).await;
    assert!(bench.open_reviews(&id).await.is_empty());
    assert_eq!(bench.given_back(&pg_id), 0);
}

#[tokio::test]
async fn verdict_says_who_and_why() {
    let bench = Bench::on_confirm();
    let (id, _) = unknown_confirm(&bench).await;
    let verdict = |by: &str, reason: &str| Verdict {
        by: by.to_owned(),
        outcome: ReviewOutcome::NotDone,
        reason: reason.to_owned(),
    };
    for (by, reason, param) in
        [("", "seen", "by"), ("kim", " ", "reason"), ("kim", &"x".repeat(501), "reason")]
    {
        let answer = bench.gateway.close_review(&id, 1, &verdict(by, reason)).await;
        assert!(
            matches!(&answer, Err(GatewayError::Invalid { param: named, .. }) if *named == param),
            "{answer:?}"
        );
    }
    let answer = bench.gateway.close_review(&id, 9, &verdict("kim", "seen")).await;
    assert!(matches!(answer, Err(GatewayError::NotFound)));
    bench.gateway.close_review(&id, 1, &verdict("kim", "seen")).await.unwrap();
    let answer = bench.gateway.close_review(&id, 1, &verdict("kim", "seen")).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::ReviewClosed, .. })));
}

#[tokio::test]
async fn operators_see_the_reviews_of_every_payment_in_pages() {
    let bench = Bench::before_confirm();
    for number in 0..3 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        let pg_id = bench.in_window(&order);
        bench.pg.books(|books| books.change(&pg_id, |shown| shown.mode = Some(crate::model::Mode::Live)));
        bench.confirm(&id, &pg_id).await.unwrap_err();
        bench.advance(SECOND);
    }
    let first = bench.gateway.reviews(true, None, 2).await.unwrap();
    assert_eq!(first.len(), 2);
    let rest = bench.gateway.reviews(true, Some(&first[1].payment.id), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    bench.decide(&first[0].payment.id, ReviewOutcome::Done).await.unwrap();
    assert_eq!(bench.gateway.reviews(true, None, 9).await.unwrap().len(), 2);
    assert_eq!(bench.gateway.reviews(false, None, 9).await.unwrap().len(), 3, "kept for good");
}

#[tokio::test]
async fn open_review_does_not_stop_the_merchants_other_business() {
    let bench = Bench::before_confirm();
    let (id, first, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.instead(Op::Cancel, refused);
    bench.run(SECOND).await;
    assert_eq!(bench.open_reviews(&id).await.len(), 1);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!((bench.given_back(&first), bench.given_back(&second)), (1_000, 0));
}

#[tokio::test]
async fn what_is_pending_at_the_pg_cannot_be_closed_as_not_done() {
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        let card = bench.pg.books(|books| books.agree(&order, PRICE));
        let set = |status| bench.pg.books(|books| books.change(&card, |shown| shown.status = status));
        bench.pg.fails(Op::Confirm, no_answer);
        set(PgStatus::Pending);
        bench.confirm(&id, &card).await.unwrap();
        bench.run(8 * DAY).await;
        assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"]);
        let answer = bench.decide(&id, ReviewOutcome::NotDone).await;
        assert!(matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })), "{answer:?}");
        assert_eq!(bench.open_reviews(&id).await, ["unknown_confirm"], "a person still knows of it");
        set(PgStatus::Failed);
        bench.run(2 * DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
        assert!(bench.open_reviews(&id).await.is_empty());
    }
}
