//! No secret, and nothing of a body, stands in an error or in what `Debug` shows.

use std::{error::Error, fmt::Write as _};

use paymux_core::{model::Method, provider::ProviderError};
use paymux_sandbox::{Fault, FaultRule, OrderAction};

use super::{
    bench::{Bench, charge},
    faulty::{Ask, Ready, brief, meaningless},
    requests::{AMOUNT, all_of, order, part_of, to_account},
};

/// All that an error shows, and the errors under it.
fn shown(error: &ProviderError) -> String {
    let mut text = format!("{error:?} {error} {}", error.detail());
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error:?} {error}").unwrap();
        cause = error.source();
    }
    text
}

fn hides<B: Bench>(text: &str, place: &str) {
    for canary in B::CANARIES.iter().chain(&["canary-of-a-body", "110234567890", "박서준"]) {
        assert!(!text.contains(canary), "{canary} in {place}: {text}");
    }
}

pub async fn no_secret_is_shown<B: Bench>() {
    let bench = B::start().await;
    let provider = format!("{:?} {:?}", bench.provider(), bench.provider().describe());
    hides::<B>(&provider, "the provider");
    let mut n = 0;
    for ask in Ask::all::<B>() {
        let call = ask.call(B::CALLS);
        let broken =
            [Fault::ResetBefore, Fault::TimeoutBefore, Fault::Garbled].map(|fault| brief(call, fault));
        let said = meaningless::<B>().into_iter().map(|(status, body)| FaultRule {
            status: Some(status),
            body: Some(body),
            ..brief(call, Fault::ErrorBefore)
        });
        let refused = FaultRule { times: Some(2), ..FaultRule::new(call, Fault::Unauthorized) };
        for rule in broken.into_iter().chain(said).chain([refused]) {
            n += 1;
            let ready = Ready::new(&bench, ask, n).await;
            bench.fault(rule.clone()).await;
            let text = shown(&ready.send(bench.provider()).await.unwrap_err());
            hides::<B>(&text, &format!("{rule:?}"));
            // The payment's id stands in the address, and an address in most errors of HTTP clients.
            assert!(!text.contains("http://"), "{text}");
            bench.control().clear_faults();
        }
    }
}

pub async fn no_secret_of_a_payment_is_shown<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.taken(&order(1), Method::VirtualAccount).await;
    let snapshot = issued.snapshot.clone().unwrap();
    if let Some(secret) = &issued.webhook_secret {
        assert!(!format!("{issued:?}").contains(secret.expose()));
    }
    assert!(
        !format!("{snapshot:?}").contains("merchant_uid") && !format!("{snapshot:?}").contains("orderId")
    );
    bench.control().deposit(&OrderAction::all_of(order(1).as_str())).unwrap();
    let request = to_account(all_of(&charge(&snapshot), 1, AMOUNT));
    hides::<B>(&format!("{request:?}"), "a request");
    let refused = to_account(part_of(&charge(&snapshot), 2, 1, AMOUNT + 1));
    hides::<B>(&shown(&bench.provider().cancel(&refused).await.unwrap_err()), "a refused refund");
    let outcome = bench.provider().cancel(&request).await.unwrap();
    hides::<B>(&format!("{outcome:?}"), "an outcome");
}
