//! The guards that a provider describes are real: each is met alone.

use std::time::Duration;

use paymux_core::{
    model::{Method, PgStatus},
    provider::{CancelRequest, Guard},
};
use paymux_sandbox::PayOutcome;

use super::{
    bench::{Bench, charge},
    requests::{AMOUNT, FollowUp, all_of, close_of, next_key, order, part_of, payment_request},
};

const SECOND: Duration = Duration::from_secs(1);

/// The key guard of a set: for how long, and whether only under the same credential.
fn key_guard(set: &[Guard]) -> Option<(Duration, bool)> {
    set.iter().find_map(|guard| match guard {
        Guard::Key { within, per_credential } => Some((*within, *per_credential)),
        Guard::Order | Guard::Charge | Guard::Balance | Guard::CopiedBalance => None,
    })
}

/// A repeat of a cancel at a PG whose every other guard is off.
async fn key_is_all_it_takes<B: Bench>(
    set: &[Guard],
    cancel: fn(&paymux_core::provider::ChargeRef) -> CancelRequest,
) {
    let Some((within, _)) = key_guard(set) else { return };
    let bench = B::permissive().await;
    let request = cancel(&charge(&bench.paid(&order(1)).await));
    let first = bench.provider().cancel(&request).await.unwrap();
    let once = bench.money(&order(1)).1;
    bench.advance(within - SECOND);
    assert_eq!(bench.provider().cancel(&request).await.unwrap(), first, "the first outcome is replayed");
    assert_eq!(bench.money(&order(1)), (AMOUNT, once));
    bench.advance(SECOND);
    bench.provider().cancel(&request).await.unwrap();
    assert_eq!(bench.money(&order(1)), (AMOUNT, 2 * once), "and for no longer than described");
}

pub async fn cancel_key_is_replayed_as_long_as_described<B: Bench>() {
    let guards = B::start().await.provider().describe().guards.clone();
    key_is_all_it_takes::<B>(&guards.cancel_part, |charge| part_of(charge, 1, 7_500, AMOUNT)).await;
    key_is_all_it_takes::<B>(&guards.cancel_all, |charge| all_of(charge, 1, AMOUNT)).await;
}

pub async fn confirm_key_is_replayed_as_long_as_described<B: Bench>() {
    let bench = B::permissive().await;
    let Some((within, _)) = key_guard(&bench.provider().describe().guards.confirm) else { return };
    let confirm = bench.authenticated(&order(1), Method::Card).await;
    let first = confirm.send(bench.provider()).await.unwrap();
    bench.advance(within - SECOND);
    assert_eq!(confirm.send(bench.provider()).await.unwrap(), first, "the first outcome is replayed");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
    bench.advance(SECOND);
    confirm.send(bench.provider()).await.unwrap();
    assert_eq!(bench.money(&order(1)), (2 * AMOUNT, 0), "and for no longer than described");
}

pub async fn close_key_is_replayed<B: Bench>() {
    let bench = B::permissive().await;
    if key_guard(&bench.provider().describe().guards.close).is_none() {
        return;
    }
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    let request = close_of(&charge(&issued), 1);
    let first = bench.provider().cancel(&request).await.unwrap();
    assert_eq!(bench.provider().cancel(&request).await.unwrap(), first);
}

pub async fn key_under_another_credential_is_as_described<B: Bench>() {
    let bench = B::permissive().await;
    let Some((_, per_credential)) = key_guard(&bench.provider().describe().guards.cancel_part) else {
        return;
    };
    let request = part_of(&charge(&bench.paid(&order(1)).await), 1, 7_500, AMOUNT);
    bench.provider().cancel(&request).await.unwrap();
    bench.rotated().cancel(&request).await.unwrap();
    let sent_twice = if per_credential { 15_000 } else { 7_500 };
    assert_eq!(bench.money(&order(1)), (AMOUNT, sent_twice));
}

pub async fn charge_guard_takes_once_whatever_the_key<B: Bench>() {
    let bench = B::start().await;
    if !bench.provider().describe().guards.confirm.contains(&Guard::Charge) {
        return;
    }
    let confirm = bench.authenticated(&order(1), Method::Card).await;
    confirm.send(bench.provider()).await.unwrap();
    let repeated = confirm.with_key("another_key_of_this_confirm");
    for provider in [bench.newcomer(), bench.rotated()] {
        assert_eq!(repeated.send(provider.as_ref()).await.unwrap_err().name(), "unknown", "look it up");
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn charge_guard_closes_once_whatever_the_key<B: Bench>() {
    let bench = B::start().await;
    if !bench.provider().describe().guards.close.contains(&Guard::Charge) {
        return;
    }
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    let close = close_of(&charge(&issued), 1);
    bench.provider().cancel(&close).await.unwrap();
    let refused = bench.rotated().cancel(&next_key(&close)).await.unwrap_err();
    assert_eq!(refused.name(), "unknown", "look it up");
    let closed = bench.look(&issued).await;
    assert_eq!(closed.status, PgStatus::Closed);
    assert!(closed.cancels.unwrap_or_default().len() <= 1);
}

pub async fn balance_guard_gives_back_once_whatever_the_key<B: Bench>() {
    let bench = B::start().await;
    let guards = bench.provider().describe().guards.clone();
    let compares =
        |guards: &[Guard]| guards.iter().any(|guard| matches!(guard, Guard::Balance | Guard::CopiedBalance));
    let (of_part, of_all) = (compares(&guards.cancel_part), compares(&guards.cancel_all));
    let providers = [bench.newcomer(), bench.rotated()];
    for (n, is_guarded) in [(1, of_part), (2, of_all)] {
        let paid = charge(&bench.paid(&order(n)).await);
        let request = if n == 1 { part_of(&paid, n, 7_500, AMOUNT) } else { all_of(&paid, n, AMOUNT) };
        if !is_guarded {
            continue;
        }
        bench.provider().cancel(&request).await.unwrap();
        let once = bench.money(&order(n));
        for provider in &providers {
            let refused = provider.cancel(&next_key(&request)).await.unwrap_err();
            assert_eq!(refused.name(), "unknown", "it may be ours that was done: look it up");
        }
        assert_eq!(bench.money(&order(n)), once);
    }
}

pub async fn order_guard_lets_one_payment_succeed<B: Bench>() {
    let bench = B::start().await;
    let guards = bench.provider().describe().guards.clone();
    if !guards.window.contains(&Guard::Order) && !guards.confirm.contains(&Guard::Order) {
        return;
    }
    let order = order(1);
    let window = bench.window(&payment_request(&order, Method::Card), PayOutcome::Approve).await;
    let paid = bench.paid(&order).await;
    let claim = bench.return_from(&window);
    if let Some(follow_up) = FollowUp::of(&order, &claim) {
        let answer = follow_up.with_key("another_key").send(bench.provider()).await;
        assert!(answer.is_err() || answer.unwrap().snapshot.unwrap().pg_payment_id == paid.pg_payment_id);
    }
    assert_eq!(bench.money(&order), (AMOUNT, 0));
}
