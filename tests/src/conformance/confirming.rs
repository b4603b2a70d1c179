//! Taking the money, or learning that it was taken in the window.

use std::time::Duration;

use futures_util::future::join_all;
use paymux_core::{
    model::{FailureReason, Method, MoneyMoves, PgStatus},
    provider::{ChargeRef, PaymentRequest, ProviderError, Taken},
};
use paymux_sandbox::{ActionOptions, PayOutcome, PayRequest};

use super::{
    Setup,
    bench::{Bench, charge},
    requests::{AMOUNT, FollowUp, all_of, by_id, confirm_request, krw, order, part_of, payment_request},
};

pub async fn confirm_answers_the_requested_amount_taken<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let follow_up = bench.authenticated(&order, Method::Card).await;
    let before = if B::CALLS.confirm.is_some() { 0 } else { AMOUNT };
    assert_eq!(bench.money(&order), (before, 0));
    let Taken { snapshot, webhook_secret } = follow_up.send(bench.provider()).await.unwrap();
    let snapshot = snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.total, snapshot.paid), (PgStatus::Paid, krw(AMOUNT), krw(AMOUNT)));
    assert_eq!((snapshot.discount, snapshot.cancelled), (krw(0), krw(0)));
    assert_eq!((snapshot.cancellable, snapshot.cancels.as_deref()), (krw(AMOUNT), Some(&[][..])));
    assert_eq!(&charge(&snapshot), follow_up.charge());
    assert_eq!(snapshot.paid_at.map(jiff::Timestamp::as_second), Some(bench.now().as_second()));
    assert_eq!(webhook_secret, None, "only an account's webhooks carry one");
    assert_eq!(bench.money(&order), (AMOUNT, 0));
}

pub async fn confirm_sent_twice_takes_once<B: Bench>() {
    for permissive in [false, true] {
        let bench = B::with(Setup { permissive, ..Setup::default() }).await;
        let follow_up = bench.authenticated(&order(1), Method::Card).await;
        let first = follow_up.send(bench.provider()).await.unwrap();
        assert_eq!(follow_up.send(bench.provider()).await.unwrap(), first);
        assert_eq!(bench.money(&order(1)), (AMOUNT, 0), "permissive: {permissive}");
    }
}

pub async fn confirm_under_another_key_takes_no_second_time<B: Bench>() {
    let bench = B::start().await;
    let follow_up = bench.authenticated(&order(1), Method::Card).await;
    follow_up.send(bench.provider()).await.unwrap();
    match follow_up.with_key("another_key_of_this_confirm").send(bench.provider()).await {
        Ok(taken) => assert_eq!(taken.snapshot.unwrap().paid, krw(AMOUNT)),
        Err(error) => assert_eq!(error.name(), "unknown"),
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn confirms_at_once_take_once<B: Bench>() {
    let bench = B::start().await;
    let follow_up = bench.authenticated(&order(1), Method::Card).await;
    let answers = join_all((0..20).map(|_| follow_up.send(bench.provider()))).await;
    assert!(answers.iter().any(Result::is_ok));
    for answer in answers {
        match answer {
            Ok(taken) => assert_eq!(taken.snapshot.unwrap().paid, krw(AMOUNT)),
            Err(error) => assert_eq!(error.name(), "still_running"),
        }
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn confirm_where_money_moved_before_is_not_sent<B: Bench>() {
    if B::CALLS.confirm.is_some() {
        return;
    }
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let before = bench.control().calls().len();
    let unsupported = bench.provider().confirm(&confirm_request(&order(1), &paid.pg_payment_id)).await;
    assert_eq!(unsupported.unwrap_err().name(), "unsupported");
    assert_eq!(bench.control().calls().len(), before, "nothing was sent");
}

pub async fn declined_payment_takes_nothing_and_shows_as_failed<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let request = payment_request(&order, Method::Card);
    let window = PayRequest { decline_code: None, ..bench.window(&request, PayOutcome::Decline).await };
    let claim = bench.return_from(&window);
    if let Some(follow_up) = FollowUp::of(&order, &claim) {
        let declined = follow_up.send(bench.provider()).await.unwrap_err();
        let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
        assert_eq!(failure.reason, FailureReason::InsufficientFunds);
    }
    let found = bench.look_by_order(&order).await;
    let [snapshot] = &found[..] else { panic!("{found:?}") };
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Failed, krw(0)));
    assert!(snapshot.failure.is_some());
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn confirm_after_the_pgs_window_takes_nothing<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let prepared = bench.provider().request(&payment_request(&order, Method::Card)).await.unwrap();
    let follow_up = bench.authenticated(&order, Method::Card).await;
    let MoneyMoves::OnConfirm { within } = prepared.money_moves else {
        bench.advance(Duration::from_secs(24 * 60 * 60));
        let found = follow_up.send(bench.provider()).await.unwrap();
        assert_eq!(found.snapshot.unwrap().paid, krw(AMOUNT));
        return;
    };
    bench.advance(within + Duration::from_secs(1));
    let late = follow_up.send(bench.provider()).await.unwrap_err();
    let ProviderError::Declined(failure) = late else { panic!("{late:?}") };
    assert_eq!(failure.reason, FailureReason::SessionExpired);
    assert_eq!(bench.look_by_order(&order).await[0].status, PgStatus::Expired);
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn made_up_payment_blames_neither_card_nor_operator<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    bench.visit(&payment_request(&order, Method::Card), PayOutcome::Close).await;
    let made_up = by_id(&order, &B::unknown_id());
    if B::CALLS.confirm.is_some() {
        let confirm = confirm_request(&order, &B::unknown_id());
        let declined = bench.provider().confirm(&confirm).await.unwrap_err();
        let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
        assert_eq!(failure.reason, FailureReason::SessionExpired);
    }
    let found = bench.provider().verify(&made_up).await.unwrap();
    assert_eq!((&found.charges[..], found.complete), (&[][..], true));
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn another_orders_payment_is_not_taken_for_ours<B: Bench>() {
    let bench = B::start().await;
    let other = bench.authenticated(&order(2), Method::Card).await;
    let claimed = ChargeRef { order_id: order(1), ..other.charge().clone() };
    let before = bench.money(&order(2));
    match other.about(claimed).send(bench.provider()).await {
        Ok(Taken { snapshot, .. }) => {
            // Reported as it is: the core compares.
            assert_eq!(snapshot.unwrap().order_id, order(2).as_str());
        }
        Err(error) => assert!(!matches!(error, ProviderError::Declined(_)), "{error:?}"),
    }
    assert_eq!((bench.money(&order(1)), bench.money(&order(2))), ((0, 0), before));
}

pub async fn another_amount_than_authenticated_is_not_taken<B: Bench>() {
    let bench = B::start().await;
    let follow_up = bench.authenticated(&order(1), Method::Card).await;
    for amount in [AMOUNT - 1, AMOUNT + 1] {
        let FollowUp::Confirm(mut other) = follow_up.clone().with_key(&format!("confirm_of_{amount}")) else {
            continue;
        };
        other.amount = krw(amount);
        let error = bench.provider().confirm(&other).await.unwrap_err();
        assert!(!matches!(error, ProviderError::Declined(_)), "{error:?}");
    }
    let taken = if B::CALLS.confirm.is_some() { 0 } else { AMOUNT };
    assert_eq!(bench.money(&order(1)), (taken, 0));
    let tampered = PaymentRequest { amount: krw(100), ..payment_request(&order(2), Method::Card) };
    let claim = bench.visit(&tampered, PayOutcome::Approve).await;
    let answer = FollowUp::of(&order(2), &claim).unwrap().send(bench.provider()).await;
    assert!(answer.is_err() || answer.unwrap().snapshot.unwrap().total == krw(100));
    assert!(bench.money(&order(2)).0 <= 100);
}

pub async fn discounted_payment_adds_up<B: Bench>() {
    const DISCOUNT: u64 = 3_000;
    let bench = B::start().await;
    let order = order(1);
    let window = bench.window(&payment_request(&order, Method::Card), PayOutcome::Approve).await;
    let options = ActionOptions { discount: Some(DISCOUNT), ..ActionOptions::default() };
    let follow_up = FollowUp::of(&order, &bench.return_with(&window, options)).unwrap();
    let paid = follow_up.send(bench.provider()).await.unwrap().snapshot.unwrap();
    let looked_up = bench.look(&paid).await;
    let by_order = bench.look_by_order(&order).await.remove(0);
    for seen in [&paid, &looked_up, &by_order] {
        assert_eq!((seen.total, seen.discount), (krw(AMOUNT), krw(DISCOUNT)));
        assert_eq!(seen.paid, krw(AMOUNT - DISCOUNT), "what the buyer paid");
        assert_eq!((seen.status, seen.cancellable), (PgStatus::Paid, seen.full_cancel()));
    }
    // In the PG's own counting, whichever it is.
    let whole = paid.full_cancel().amount();
    bench.provider().cancel(&part_of(&charge(&paid), 1, 10_000, whole)).await.unwrap();
    let seen = bench.look(&paid).await;
    assert_eq!((seen.cancelled, seen.cancellable), (krw(10_000), krw(whole - 10_000)));
    assert_eq!((seen.total, seen.discount, seen.paid), (paid.total, paid.discount, paid.paid));
    assert!(!seen.is_fully_cancelled());
    let rest = all_of(&charge(&paid), 2, seen.cancellable.amount());
    let after = bench.provider().cancel(&rest).await.unwrap().snapshot.unwrap();
    assert!(after.is_fully_cancelled() && after.cancellable.is_zero(), "{after:?}");
    assert_eq!((after.total, after.discount, after.paid), (paid.total, paid.discount, paid.paid));
    let (taken, given_back) = bench.money(&order);
    assert_eq!(taken, given_back);
}
