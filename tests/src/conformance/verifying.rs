//! Asking what is true now.

use paymux_core::{
    model::{Method, Mode, PgStatus},
    provider::ChargeRef,
};
use paymux_sandbox::PayOutcome;

use super::{
    bench::{Bench, charge},
    requests::{AMOUNT, FollowUp, all_of, by_id, by_order, krw, order, payment_request},
};

pub async fn payment_is_found_by_its_id_and_by_its_order<B: Bench>() {
    let bench = B::start().await;
    for (n, method) in [(1, Method::Card), (2, Method::VirtualAccount)] {
        let confirmed = bench.confirmed(&order(n), method).await;
        let by_id = bench.look(&confirmed).await;
        assert_eq!(bench.look_by_order(&order(n)).await, std::slice::from_ref(&by_id));
        assert_eq!(
            (by_id.status, by_id.paid, &by_id.cancels),
            (confirmed.status, confirmed.paid, &confirmed.cancels)
        );
        assert_eq!((by_id.paid_at, &by_id.method_detail), (confirmed.paid_at, &confirmed.method_detail));
        assert!(by_id.mode.is_none_or(|mode| mode == Mode::Test));
        assert_ne!(by_id.disputed, Some(true));
    }
}

/// Absence counts within what was asked: of a charge always, of an order only where the PG lists all of them.
pub async fn unknown_payment_is_nothing<B: Bench>() {
    let bench = B::start().await;
    let found = bench.provider().verify(&by_id(&order(1), &B::unknown_id())).await.unwrap();
    assert_eq!((&found.charges[..], found.complete), (&[][..], true));
    let found = bench.provider().verify(&by_order(&order(1))).await.unwrap();
    assert_eq!((&found.charges[..], found.complete), (&[][..], B::LISTS_ORDERS));
}

pub async fn the_paid_one_of_several_attempts_is_found<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    for outcome in [PayOutcome::Close, PayOutcome::Decline] {
        bench.visit(&payment_request(&order, Method::Card), outcome).await;
    }
    let paid = bench.paid(&order).await;
    let found = bench.look_by_order(&order).await;
    assert!(found.iter().all(|snapshot| snapshot.order_id == order.as_str()));
    let with_money: Vec<_> = found.iter().filter(|snapshot| !snapshot.paid.is_zero()).collect();
    let ids: Vec<_> = with_money.iter().map(|snapshot| &snapshot.pg_payment_id).collect();
    assert_eq!(ids, [&paid.pg_payment_id]);
    if B::LISTS_ORDERS {
        assert_eq!(found.len(), 3, "every window that was opened");
        // Also when the browser named none.
        let unnamed = FollowUp::LookUp(by_order(&order)).send(bench.provider()).await.unwrap();
        assert_eq!(unnamed.snapshot.unwrap().pg_payment_id, paid.pg_payment_id);
    }
}

/// Two tabs: both windows were open before anything was paid.
pub async fn two_charges_of_one_order_are_kept_apart<B: Bench>() {
    let bench = B::permissive().await;
    let order = order(1);
    let window = bench.window(&payment_request(&order, Method::Card), PayOutcome::Approve).await;
    let first = bench.paid(&order).await;
    let second = bench.authenticated_in(&window).send(bench.provider()).await.unwrap().snapshot.unwrap();
    assert_ne!(first.pg_payment_id, second.pg_payment_id);
    for known in [&first, &second] {
        let seen = bench.look(known).await;
        assert_eq!(charge(&seen), charge(known));
        assert_eq!((seen.status, seen.paid), (PgStatus::Paid, krw(AMOUNT)));
    }
    let found = bench.look_by_order(&order).await;
    let ids: Vec<_> = found.iter().map(|snapshot| &snapshot.pg_payment_id).collect();
    if B::LISTS_ORDERS {
        assert_eq!(ids, [&first.pg_payment_id, &second.pg_payment_id], "a complete look-up shows both");
    } else {
        assert_eq!(ids.len(), 1, "one of them, and nothing said of the other");
    }

    bench.provider().cancel(&all_of(&charge(&second), 1, AMOUNT)).await.unwrap();
    assert_eq!(bench.look(&second).await.cancelled, krw(AMOUNT));
    assert_eq!(bench.look(&first).await.cancelled, krw(0), "the other keeps its money");
    assert_eq!(bench.money(&order), (2 * AMOUNT, AMOUNT));
}

pub async fn claimed_payment_of_another_order_is_shown_as_that<B: Bench>() {
    let bench = B::start().await;
    let other = bench.paid(&order(2)).await;
    let claimed = ChargeRef { order_id: order(1), ..charge(&other) };
    let found = bench.provider().verify(&claimed).await.unwrap();
    assert!(found.complete);
    assert_eq!(found.charges[0].order_id, order(2).as_str(), "reported as it is: the core compares");
}

pub async fn closed_window_took_nothing<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    bench.visit(&payment_request(&order, Method::Card), PayOutcome::Close).await;
    for snapshot in bench.look_by_order(&order).await {
        assert_eq!((snapshot.paid, &snapshot.virtual_account), (krw(0), &None));
        assert_eq!((snapshot.status, snapshot.shows_outcome()), (PgStatus::Open, false));
    }
    assert_eq!(bench.money(&order), (0, 0));
}
