//! What a provider says of itself.

use std::collections::HashSet;

use paymux_core::{
    model::{Currency, Method, Mode},
    provider::{Guard, PaymentRequest},
};
use paymux_sandbox::PayOutcome;

use super::{
    bench::Bench,
    requests::{FollowUp, krw, order, payment_request},
};

pub async fn description_makes_sense<B: Bench>() {
    let bench = B::start().await;
    let description = bench.provider().describe();
    assert!(!description.kind.is_empty() && description.kind.bytes().all(|byte| byte.is_ascii_lowercase()));
    assert_eq!(description.mode, Mode::Test);
    assert!(!description.pg_merchant.is_empty() && !description.credential.is_empty());
    assert!(!description.read_timeout.is_zero() && !description.api_version.is_empty());
    let guards = &description.guards;
    for set in [&guards.window, &guards.confirm, &guards.cancel_all, &guards.cancel_part, &guards.close] {
        let spans = set.iter().filter_map(|guard| match guard {
            Guard::Key { within, .. } => Some(within),
            Guard::Order | Guard::Charge | Guard::Balance | Guard::CopiedBalance => None,
        });
        assert!(spans.clone().all(|span| !span.is_zero()) && spans.count() <= 1, "{set:?}");
    }
    assert_eq!(guards.confirm.is_empty(), B::CALLS.confirm.is_none(), "a confirm must be repeatable");
    assert!(!guards.cancel_all.is_empty() && !guards.cancel_part.is_empty(), "so must a cancel");
    assert_eq!(description.closes_accounts(), !guards.close.is_empty());
    let named: HashSet<Method> = description.methods.iter().map(|terms| terms.method).collect();
    assert_eq!(named.len(), description.methods.len(), "a method has one set of terms");
    for terms in &description.methods {
        let least = terms.minimum(Currency::Krw).unwrap();
        assert!(!least.is_zero() && terms.maximum.is_none_or(|most| most.amount() > least.amount()));
        assert_eq!(terms.refund_needs_account, terms.method == Method::VirtualAccount);
    }
    assert_eq!(bench.newcomer().describe(), description, "the same account is described the same");
}

pub async fn rotated_key_is_another_credential_of_the_same_account<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let rotated = bench.rotated();
    let (old, new) = (bench.provider().describe(), rotated.describe());
    assert_ne!(old.credential, new.credential);
    assert_eq!((&old.pg_merchant, old.kind), (&new.pg_merchant, new.kind));
    let found = rotated.verify(&super::bench::charge(&paid)).await.unwrap().charges;
    assert_eq!(found, [bench.look(&paid).await], "it sees what the old one took");
}

pub async fn window_costs_as_many_requests_as_described<B: Bench>() {
    let bench = B::start().await;
    // The first call of all may have to log in.
    bench.provider().request(&payment_request(&order(1), Method::Card)).await.unwrap();
    let before = bench.control().calls().len();
    bench.provider().request(&payment_request(&order(2), Method::Card)).await.unwrap();
    let sent = bench.control().calls().len() - before;
    assert_eq!(sent, usize::try_from(bench.provider().describe().requests_per_window).unwrap());
}

pub async fn the_least_that_is_offered_is_taken_and_less_is_not<B: Bench>() {
    let bench = B::start().await;
    for (n, terms) in (1..).zip(&bench.provider().describe().methods) {
        let least = terms.minimum(Currency::Krw).unwrap().amount();
        for (n, amount, is_taken) in [(n, least, true), (n + 100, least - 1, false)] {
            let order = order(n);
            let amount = krw(amount);
            let request = PaymentRequest { amount, ..payment_request(&order, terms.method) };
            let claim = bench.visit(&request, PayOutcome::Approve).await;
            let confirmed = match FollowUp::of(&order, &claim) {
                Some(FollowUp::Confirm(mut confirm)) => {
                    confirm.amount = amount;
                    bench.provider().confirm(&confirm).await.is_ok()
                }
                Some(look_up) => look_up.send(bench.provider()).await.unwrap().snapshot.is_some(),
                None => false,
            };
            assert_eq!(confirmed, is_taken, "{amount:?} by {:?}", terms.method);
        }
    }
}
