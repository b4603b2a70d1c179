//! What merchants ask of a retired account: each request is a review, and its key does what was decided (invariants 7, 14).

use super::{
    bench::{Bench, DAY, new_cancel},
    take_overs::take_over,
};
use crate::{
    gateway::{GatewayError, NewCancel, Verdict},
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentId, PgPaymentId, ReviewOutcome},
};

/// A deposit that must go back, and its row, which waits for the buyer's account.
async fn waiting_deposit(bench: &Bench) -> (PaymentId, PgPaymentId, NewCancel) {
    let (id, _, deposit) = bench.paid_by_deposit_as_well().await;
    let waiting = bench.newest_cancel(&id).await.id;
    (id, deposit, take_over(&waiting))
}

/// A person closes the oldest open review about a request.
async fn decide_request(bench: &Bench, id: &PaymentId, outcome: ReviewOutcome) {
    let reviews = bench.read(id).await.payment.reviews;
    let asked = reviews.iter().find(|review| review.is_open() && review.asked_for.is_some()).unwrap();
    let verdict = Verdict { by: "kim".to_owned(), outcome, reason: "seen in the console".to_owned() };
    bench.gateway.close_review(id, asked.number, &verdict).await.unwrap();
}

#[tokio::test]
async fn request_that_a_person_has_done_is_not_done_by_its_key_again() {
    for bench in Bench::both() {
        let (id, card) = bench.paid().await;
        let retired = bench.retired();
        let repeat =
            async |bench: &Bench, key| bench.cancel_with(&id, new_cancel(Some(1_000)), Some(key)).await;
        repeat(&retired, "k1").await.unwrap_err();
        bench.pg.books(|books| books.cancel_in_console(&card, 1_000, bench.pg.clock_now()));
        retired.decide(&id, ReviewOutcome::Done).await.unwrap();
        for bench in [&retired, &bench] {
            let answer = repeat(bench, "k1").await;
            assert!(matches!(answer, Err(GatewayError::AccountRetired(_))), "{answer:?}");
            assert!(bench.open_reviews(&id).await.is_empty(), "nobody is asked about it again");
        }
        assert_eq!(bench.given_back(&card), 0);
        repeat(&bench, "k2").await.unwrap();
        assert_eq!(bench.given_back(&card), 1_000, "another request");
    }
}

#[tokio::test]
async fn request_that_nobody_has_done_is_done_by_its_key() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    let retired = bench.retired();
    retired.cancel_with(&id, new_cancel(Some(1_000)), Some("k1")).await.unwrap_err();
    retired.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    bench.cancel_with(&id, new_cancel(Some(1_000)), Some("k1")).await.unwrap();
    assert_eq!(bench.given_back(&card), 1_000);
}

#[tokio::test]
async fn request_that_was_sent_since_waits_for_nobody() {
    for amount in [Some(1_000), None] {
        let bench = Bench::before_confirm();
        let (id, card) = bench.paid().await;
        bench.retired().cancel_with(&id, new_cancel(amount), Some("k1")).await.unwrap_err();
        assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
        bench.cancel_with(&id, new_cancel(amount), Some("k1")).await.unwrap();
        assert_eq!(bench.given_back(&card), amount.unwrap_or(PRICE));
        assert!(bench.open_reviews(&id).await.is_empty(), "a person would do it again");
    }
}

#[tokio::test]
async fn request_beyond_the_twentieth_is_bound_by_no_decision() {
    let bench = Bench::before_confirm();
    let (id, card) = bench.paid().await;
    let gone = bench.retired();
    for n in 0..25 {
        gone.cancel_with(&id, new_cancel(Some(100)), Some(&format!("k{n}"))).await.unwrap_err();
    }
    assert_eq!(bench.open_reviews(&id).await.len(), 20);
    for _ in 0..20 {
        decide_request(&gone, &id, ReviewOutcome::Done).await;
    }
    gone.cancel_with(&id, new_cancel(Some(100)), Some("k20")).await.unwrap_err();
    assert_eq!(bench.open_reviews(&id).await, ["account_retired"], "it is asked now");
    assert_eq!(bench.given_back(&card), 0);
}

#[tokio::test]
async fn take_over_that_a_person_did_is_never_sent() {
    for bench in Bench::both() {
        let (id, deposit, takes_over) = waiting_deposit(&bench).await;
        let gone = bench.retired();
        for key in ["k1", "k2"] {
            gone.cancel_with(&id, takes_over.clone(), Some(key)).await.unwrap_err();
        }
        assert_eq!(bench.open_reviews(&id).await.len(), 3, "each key is a review");
        decide_request(&gone, &id, ReviewOutcome::Done).await;
        assert!(bench.open_reviews(&id).await.is_empty(), "{:?}", bench.open_reviews(&id).await);
        for key in ["k1", "k2", "k3"] {
            bench.cancel_with(&id, takes_over.clone(), Some(key)).await.unwrap_err();
        }
        bench.run(DAY).await;
        assert_eq!(bench.given_back(&deposit), 0, "the buyer has it by transfer");
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Refused);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn take_over_that_nobody_did_can_be_asked_for_again() {
    let bench = Bench::before_confirm();
    let (id, deposit, takes_over) = waiting_deposit(&bench).await;
    let gone = bench.retired();
    gone.cancel_with(&id, takes_over.clone(), Some("k1")).await.unwrap_err();
    decide_request(&gone, &id, ReviewOutcome::NotDone).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    bench.cancel_with(&id, takes_over, Some("k1")).await.unwrap();
    assert_eq!(bench.given_back(&deposit), PRICE);
}

#[tokio::test]
async fn take_over_of_nothing_is_asked_of_nobody() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    let nothing = take_over(&bench.gateway.ids().cancel(bench.pg.clock_now()));
    let answer = bench.retired().cancel_with(&id, nothing, Some("k1")).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "cancel_id", .. })), "{answer:?}");
    assert!(bench.open_reviews(&id).await.is_empty());
}
