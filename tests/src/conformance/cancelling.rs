//! Giving back what came in at once.

use paymux_core::{
    model::{Method, PgCancelStatus, PgStatus},
    provider::{CancelRequest, CancelScope, ChargeRef, PaymentRequest},
};
use paymux_sandbox::{OrderAction, PayOutcome};

use super::{
    bench::{Bench, charge},
    requests::{
        ALL, AMOUNT, FollowUp, all_of, by_id, cancel_request, krw, order, part, part_of, payment_request,
    },
};

pub async fn a_part_another_part_and_the_rest_add_up<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let charge = charge(&paid);
    let steps = [
        (part_of(&charge, 1, 7_500, AMOUNT), 7_500),
        (part_of(&charge, 2, 5_000, AMOUNT - 7_500), 12_500),
        (all_of(&charge, 3, AMOUNT - 12_500), AMOUNT),
    ];
    for (count, (request, cancelled)) in (1..).zip(steps) {
        let outcome = bench.provider().cancel(&request).await.unwrap();
        assert_eq!(outcome.status, PgCancelStatus::Done);
        assert!(outcome.pg_cancel_id.is_some());
        let looked_up = bench.look(&paid).await;
        for snapshot in [outcome.snapshot.unwrap(), looked_up] {
            assert_eq!((snapshot.status, snapshot.total), (PgStatus::Paid, krw(AMOUNT)));
            assert_eq!((snapshot.paid, snapshot.cancelled), (krw(AMOUNT), krw(cancelled)));
            assert_eq!(snapshot.cancellable, krw(AMOUNT - cancelled));
            assert_eq!(snapshot.cancels.unwrap().len(), count);
        }
        assert_eq!(bench.money(&order(1)), (AMOUNT, cancelled));
    }
}

pub async fn all_at_once_leaves_nothing<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let outcome = bench.provider().cancel(&all_of(&charge(&paid), 1, AMOUNT)).await.unwrap();
    let after = outcome.snapshot.unwrap();
    assert_eq!((after.status, after.balance(), after.cancelled), (PgStatus::Paid, krw(0), krw(AMOUNT)));
    assert!(after.is_fully_cancelled() && after.cancellable.is_zero());
    assert_eq!(after.cancels.unwrap()[0].amount, krw(AMOUNT));
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

/// The request is refused, and the books are as they were.
async fn moves_nothing<B: Bench>(bench: &B, request: &CancelRequest, given_back: u64) -> &'static str {
    let refused = bench.provider().cancel(request).await.unwrap_err();
    assert_eq!(bench.money(&order(1)), (AMOUNT, given_back), "{request:?}");
    refused.name()
}

pub async fn more_than_is_left_is_refused<B: Bench>() {
    let bench = B::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    moves_nothing(&bench, &part_of(&paid, 1, AMOUNT + 1, AMOUNT), 0).await;
    bench.provider().cancel(&part_of(&paid, 2, 20_000, AMOUNT)).await.unwrap();
    moves_nothing(&bench, &part_of(&paid, 3, 7_501, 7_500), 20_000).await;
    // Also if we believe that there is more.
    let refused = moves_nothing(&bench, &part_of(&paid, 4, 7_501, AMOUNT), 20_000).await;
    assert_eq!(refused, "unknown");
}

pub async fn nothing_is_never_everything<B: Bench>() {
    let bench = B::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    let refused = moves_nothing(&bench, &part_of(&paid, 1, 0, AMOUNT), 0).await;
    assert!(["invalid", "unsupported"].contains(&refused), "{refused}");
    assert_eq!(bench.count(B::CALLS.cancel), 0, "not even sent");
}

pub async fn cancel_sent_twice_gives_back_once<B: Bench>() {
    let bench = B::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    let request = part_of(&paid, 1, 7_500, AMOUNT);
    let first = bench.provider().cancel(&request).await.unwrap();
    match bench.provider().cancel(&request).await {
        Ok(again) => assert_eq!(again, first),
        Err(error) => assert_eq!(error.name(), "unknown"),
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 7_500));
}

pub async fn another_balance_than_expected_moves_nothing<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    for (n, believed) in (1..).zip([AMOUNT - 1, AMOUNT + 1]) {
        for (n, scope) in [(n, ALL), (n + 10, part(1_000))] {
            let request = cancel_request(&charge(&paid), n, scope, believed);
            assert_eq!(moves_nothing(&bench, &request, 0).await, "unknown", "{scope:?}");
        }
    }
    assert_eq!(bench.look(&paid).await.cancels, Some(Vec::new()));
}

pub async fn what_is_cancelled_cannot_be_cancelled_again<B: Bench>() {
    let bench = B::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    bench.provider().cancel(&all_of(&paid, 1, AMOUNT)).await.unwrap();
    for request in [all_of(&paid, 2, AMOUNT), part_of(&paid, 3, 1_000, AMOUNT)] {
        assert_eq!(moves_nothing(&bench, &request, AMOUNT).await, "unknown");
    }
}

pub async fn our_cancel_is_found_again_in_the_pgs_list<B: Bench>() {
    let bench = B::start().await;
    let reasons = ["", "부분 품절", "a\"b\\c\nd [can_] {}", &"긴 사유 ".repeat(200)];
    for (n, reason) in (1..).zip(reasons) {
        let paid = bench.paid(&order(n)).await;
        let request =
            CancelRequest { reason: reason.to_owned(), ..part_of(&charge(&paid), n, 1_000, AMOUNT) };
        let outcome = bench.provider().cancel(&request).await.unwrap();
        let listed = bench.look(&paid).await.cancels.unwrap().remove(0);
        assert_eq!((listed.id.as_ref(), listed.amount), (Some(&request.id), krw(1_000)), "{reason}");
        assert_eq!((listed.status, &listed.pg_cancel_id), (PgCancelStatus::Done, &outcome.pg_cancel_id));
        assert!(listed.at.is_some() && !listed.chargeback);
    }
}

pub async fn cancel_in_the_console_is_not_ours<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.control().cancel(&OrderAction::part_of(order(1).as_str(), 4_000)).unwrap();
    let seen = bench.look(&paid).await;
    let cancels = seen.cancels.unwrap();
    assert_eq!((seen.cancelled, cancels.len()), (krw(4_000), 1));
    assert_eq!((&cancels[0].id, cancels[0].amount), (&None, krw(4_000)));
    let stale = moves_nothing(&bench, &all_of(&charge(&paid), 1, AMOUNT), 4_000).await;
    assert_eq!(stale, "unknown", "what we believed is no longer so");
}

pub async fn unknown_payment_is_not_cancelled<B: Bench>() {
    let bench = B::start().await;
    let unknown = all_of(&by_id(&order(1), &B::unknown_id()), 1, AMOUNT);
    let refused = bench.provider().cancel(&unknown).await.unwrap_err();
    assert!(["declined", "misconfigured"].contains(&refused.name()), "{refused:?}");
}

pub async fn cancel_that_names_another_order_is_no_success<B: Bench>() {
    let bench = B::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    let mistaken = ChargeRef { order_id: order(2), ..paid };
    let unknown = bench.provider().cancel(&part_of(&mistaken, 1, 1_000, AMOUNT)).await.unwrap_err();
    assert!(["unanswered", "unknown", "invalid"].contains(&unknown.name()), "{unknown:?}");
}

pub async fn tax_free_part_of_a_cancel_is_passed_on<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let tax_free_amount = Some(krw(10_000));
    let request = PaymentRequest { tax_free_amount, ..payment_request(&order, Method::Card) };
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    let taken = FollowUp::of(&order, &claim).unwrap().send(bench.provider()).await.unwrap();
    let paid = charge(&taken.snapshot.unwrap());
    let of_part = CancelScope::Part { amount: krw(7_500), tax_free: Some(krw(4_000)), vat: None };
    let of_rest = CancelScope::All { tax_free: Some(krw(6_000)) };
    for (n, scope, left, tax_free) in [(1, of_part, AMOUNT, 4_000), (2, of_rest, AMOUNT - 7_500, 6_000)] {
        bench.provider().cancel(&cancel_request(&paid, n, scope, left)).await.unwrap();
        let calls = bench.control().calls();
        let sent = calls.iter().rfind(|received| received.call == Some(B::CALLS.cancel)).unwrap();
        assert_eq!(sent.body[B::TAX_FREE_FIELD], tax_free, "{scope:?}");
    }
    assert_eq!(bench.money(&order), (AMOUNT, AMOUNT));
}
