//! What a provider says of itself.

use std::collections::HashSet;

use gateway_core::{Currency, Method, Mode, MoneyMoves, PaymentRequest};
use sandbox::PayOutcome;

use super::bench::{Bench, confirm_request, krw, order, payment_request};

pub async fn a_description_makes_sense<B: Bench>() {
    let bench = B::start().await;
    let description = bench.provider().describe();
    assert!(!description.kind.is_empty() && description.kind.bytes().all(|byte| byte.is_ascii_lowercase()));
    assert_eq!(description.mode, Mode::Test);
    assert!(!description.pg_merchant.is_empty() && !description.credential.is_empty());
    assert!(!description.read_timeout.is_zero() && !description.api_version.is_empty());
    assert!(description.repeat_safe_for.is_none_or(|span| !span.is_zero()));
    if let MoneyMoves::OnConfirm { within } = description.money_moves {
        assert!(!within.is_zero());
    }
    let named: HashSet<Method> = description.methods.iter().map(|terms| terms.method).collect();
    assert_eq!(named.len(), description.methods.len(), "a method has one set of terms");
    for terms in &description.methods {
        let least = terms.minimum(Currency::Krw).unwrap();
        assert!(!least.is_zero() && terms.maximum.is_none_or(|most| most.amount() > least.amount()));
        assert_eq!(terms.refund_needs_account, terms.method == Method::VirtualAccount);
    }
    assert_eq!(bench.newcomer().describe(), description, "the same account is described the same");
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
            let mut confirm = confirm_request(&order, claim.pg_id);
            confirm.amount = amount;
            let confirmed = match claim.failure {
                None => bench.provider().confirm(&confirm).await.is_ok(),
                Some(_) => false,
            };
            assert_eq!(confirmed, is_taken, "{amount:?} by {:?}", terms.method);
        }
    }
}
