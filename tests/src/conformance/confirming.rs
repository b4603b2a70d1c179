//! Making a payment final.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_core::{
    ConfirmRequest, FailureReason, Method, MoneyMoves, PaymentRequest, PgStatus, ProviderError,
};
use sandbox::{PayOutcome, PayRequest};

use super::bench::{AMOUNT, Bench, by_order, confirm_request, krw, order, payment_request};

pub(super) fn moves_on_confirm<B: Bench>(bench: &B) -> bool {
    bench.provider().describe().money_moves != MoneyMoves::BeforeConfirm
}

pub async fn a_confirm_answers_the_requested_amount_taken<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let request = bench.authenticated(&order, Method::Card).await;
    let before = if moves_on_confirm(&bench) { 0 } else { AMOUNT };
    assert_eq!(bench.money(&order), (before, 0));
    let snapshot = bench.provider().confirm(&request).await.unwrap();
    assert_eq!((snapshot.status, snapshot.total, snapshot.paid), (PgStatus::Paid, krw(AMOUNT), krw(AMOUNT)));
    assert_eq!((snapshot.cancelled, snapshot.cancels.len()), (krw(0), 0));
    assert_eq!((Some(snapshot.pg_id), snapshot.pg_order_id.as_str()), (request.pg_id, order.as_str()));
    assert_eq!(snapshot.paid_at.map(jiff::Timestamp::as_second), Some(bench.now().as_second()));
    assert_eq!(bench.money(&order), (AMOUNT, 0));
}

pub async fn a_confirm_sent_twice_takes_once<B: Bench>() {
    for permissive in [false, true] {
        let bench = B::with(super::Setup { permissive, ..super::Setup::default() }).await;
        let request = bench.authenticated(&order(1), Method::Card).await;
        let first = bench.provider().confirm(&request).await.unwrap();
        assert_eq!(bench.provider().confirm(&request).await.unwrap(), first);
        assert_eq!(bench.money(&order(1)), (AMOUNT, 0), "permissive: {permissive}");
    }
}

pub async fn a_confirm_under_another_key_takes_no_second_time<B: Bench>() {
    let bench = B::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    bench.provider().confirm(&request).await.unwrap();
    let other = ConfirmRequest { idempotency_key: "another".to_owned(), ..request };
    match bench.provider().confirm(&other).await {
        Ok(snapshot) => assert_eq!(snapshot.paid, krw(AMOUNT)),
        Err(error) => assert_eq!(error.name(), "conflict"),
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn confirms_at_once_take_once<B: Bench>() {
    let bench = B::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    let answers = join_all((0..20).map(|_| bench.provider().confirm(&request))).await;
    assert!(answers.iter().any(Result::is_ok));
    for answer in answers {
        match answer {
            Ok(snapshot) => assert_eq!(snapshot.paid, krw(AMOUNT)),
            Err(error) => assert_eq!(error.name(), "still_running"),
        }
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn a_declined_payment_takes_nothing_and_shows_as_failed<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let request = payment_request(&order, Method::Card);
    let window = PayRequest { decline_code: None, ..bench.window(&request, PayOutcome::Decline).await };
    let claim = bench.return_from(&window);
    if claim.failure.is_none() {
        let declined = bench.provider().confirm(&confirm_request(&order, claim.pg_id)).await.unwrap_err();
        let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
        assert_eq!(failure.reason, FailureReason::InsufficientFunds);
    }
    let found = bench.provider().verify(&by_order(&order)).await.unwrap();
    let [snapshot] = &found[..] else { panic!("{found:?}") };
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Failed, krw(0)));
    assert!(snapshot.failure.is_some());
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn a_confirm_after_the_pgs_window_takes_nothing<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let request = bench.authenticated(&order, Method::Card).await;
    let MoneyMoves::OnConfirm { within } = bench.provider().describe().money_moves else {
        bench.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(bench.provider().confirm(&request).await.unwrap().paid, krw(AMOUNT));
        return;
    };
    bench.advance(within + Duration::from_secs(1));
    let late = bench.provider().confirm(&request).await.unwrap_err();
    let ProviderError::Declined(failure) = late else { panic!("{late:?}") };
    assert_eq!(failure.reason, FailureReason::SessionExpired);
    let found = bench.provider().verify(&by_order(&order)).await.unwrap();
    assert_eq!(found[0].status, PgStatus::Expired);
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn a_made_up_payment_blames_neither_card_nor_operator<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let request = payment_request(&order, Method::Card);
    bench.visit(&request, PayOutcome::Close).await;
    let made_up = confirm_request(&order, Some(B::unknown_id()));
    match bench.provider().confirm(&made_up).await.unwrap_err() {
        ProviderError::Declined(failure) => {
            assert!(moves_on_confirm(&bench), "what was paid already cannot be declined");
            assert_eq!(failure.reason, FailureReason::SessionExpired);
        }
        error => assert_eq!((error.name(), moves_on_confirm(&bench)), ("outcome_unknown", false)),
    }
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn another_orders_payment_is_not_taken_for_ours<B: Bench>() {
    let bench = B::start().await;
    let other = bench.authenticated(&order(2), Method::Card).await;
    let stolen = confirm_request(&order(1), other.pg_id);
    if moves_on_confirm(&bench) {
        assert!(bench.provider().confirm(&stolen).await.is_err());
        assert_eq!(bench.money(&order(2)), (0, 0));
    } else {
        let snapshot = bench.provider().confirm(&stolen).await.unwrap();
        assert_eq!(snapshot.pg_order_id, order(2).as_str(), "said as it is: the gateway compares");
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn another_amount_than_authenticated_is_not_taken<B: Bench>() {
    let bench = B::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    for amount in [AMOUNT - 1, AMOUNT + 1] {
        let idempotency_key = format!("confirm:{amount}");
        let other = ConfirmRequest { amount: krw(amount), idempotency_key, ..request.clone() };
        match bench.provider().confirm(&other).await {
            Ok(snapshot) => {
                assert!(!moves_on_confirm(&bench));
                assert_eq!((snapshot.total, snapshot.paid), (krw(AMOUNT), krw(AMOUNT)));
            }
            Err(error) => assert!(!matches!(error, ProviderError::Declined(_)), "{error:?}"),
        }
    }
    let taken = if moves_on_confirm(&bench) { 0 } else { AMOUNT };
    assert_eq!(bench.money(&order(1)), (taken, 0));
    let tampered = PaymentRequest { amount: krw(100), ..payment_request(&order(2), Method::Card) };
    let claim = bench.visit(&tampered, PayOutcome::Approve).await;
    let answer = bench.provider().confirm(&confirm_request(&order(2), claim.pg_id)).await;
    assert!(answer.is_err() || answer.unwrap().total == krw(100));
    assert!(bench.money(&order(2)).0 <= 100);
}
