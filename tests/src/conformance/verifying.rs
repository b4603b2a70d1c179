//! Asking what is true now.

use gateway_core::{Method, Mode, PgStatus};
use sandbox::PayOutcome;

use super::{
    bench::{AMOUNT, Bench, by_id, by_order, confirm_request, krw, order, payment_request},
    confirming::moves_on_confirm,
};

pub async fn a_payment_is_found_by_its_id_and_by_its_order<B: Bench>() {
    let bench = B::start().await;
    for (n, method) in [(1, Method::Card), (2, Method::VirtualAccount)] {
        let confirmed = bench.confirmed(&order(n), method).await;
        let by_id = bench.look(&confirmed).await;
        let by_order = bench.provider().verify(&by_order(&order(n))).await.unwrap();
        assert_eq!(by_order, std::slice::from_ref(&by_id));
        assert_eq!(
            (by_id.status, by_id.paid, &by_id.cancels),
            (confirmed.status, confirmed.paid, &confirmed.cancels)
        );
        assert_eq!((by_id.paid_at, &by_id.method_detail), (confirmed.paid_at, &confirmed.method_detail));
        assert!(by_id.mode.is_none_or(|mode| mode == Mode::Test));
    }
}

pub async fn an_unknown_payment_is_nothing<B: Bench>() {
    let bench = B::start().await;
    for subject in [by_id(&order(1), &B::unknown_id()), by_order(&order(1))] {
        assert_eq!(bench.provider().verify(&subject).await.unwrap(), []);
    }
}

pub async fn the_paid_one_of_several_attempts_is_found<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    for outcome in [PayOutcome::Close, PayOutcome::Decline] {
        bench.visit(&payment_request(&order, Method::Card), outcome).await;
    }
    let paid = bench.paid(&order).await;
    let found = bench.provider().verify(&by_order(&order)).await.unwrap();
    assert!(found.iter().all(|snapshot| snapshot.pg_order_id == order.as_str()));
    let with_money: Vec<_> = found.iter().filter(|snapshot| !snapshot.paid.is_zero()).collect();
    assert_eq!(with_money.iter().map(|snapshot| &snapshot.pg_id).collect::<Vec<_>>(), [&paid.pg_id]);
    // Also when the browser named none.
    if !moves_on_confirm(&bench) {
        let unnamed = bench.provider().confirm(&confirm_request(&order, None)).await.unwrap();
        assert_eq!(unnamed.pg_id, paid.pg_id);
    }
}

pub async fn two_windows_of_one_order_are_both_seen_by_their_ids<B: Bench>() {
    let bench = B::with(super::Setup { permissive: true, ..super::Setup::default() }).await;
    let order = order(1);
    let first = bench.paid(&order).await;
    let mut again = bench.authenticated(&order, Method::Card).await;
    again.idempotency_key.push_str(":again");
    let second = bench.provider().confirm(&again).await.unwrap();
    assert_ne!(first.pg_id, second.pg_id);
    for known in [&first, &second] {
        let seen = bench.look(known).await;
        assert_eq!((&seen.pg_id, seen.status, seen.paid), (&known.pg_id, PgStatus::Paid, krw(AMOUNT)));
    }
}

pub async fn a_closed_window_took_nothing<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    bench.visit(&payment_request(&order, Method::Card), PayOutcome::Close).await;
    for snapshot in bench.provider().verify(&by_order(&order)).await.unwrap() {
        assert_eq!((snapshot.paid, snapshot.virtual_account), (krw(0), None));
        assert_eq!(snapshot.status, PgStatus::Ready);
    }
    assert_eq!(bench.money(&order), (0, 0));
}
