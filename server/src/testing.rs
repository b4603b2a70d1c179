//! What several modules' tests need: a demo in memory, and a payment in it.

use std::ffi::OsString;

use paymux_core::{
    gateway::{Gateway, NewPayment},
    model::{AccountId, Method, Money, PaymentTerms},
    store::PaymentRecord,
};

use crate::{
    App,
    config::{Config, RunMode},
};

/// A demo on free ports whose data is in memory, configured further.
pub(crate) async fn demo(further: &[(&str, &str)]) -> App {
    let defaults = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
        ("SERVER__SHUTDOWN_WAIT", "10ms"),
        ("DATABASE__URL", "sqlite::memory:"),
    ];
    let kept = defaults.iter().filter(|(name, _)| !further.iter().any(|(other, _)| other == name));
    let variables = kept.chain(further);
    let variables =
        variables.map(|(name, value)| (OsString::from(format!("PAYMUX__{name}")), OsString::from(*value)));
    App::start(Config::load(RunMode::Demo, None, variables).unwrap()).await.unwrap()
}

/// A registered payment of an account, 15,000 won by card.
pub(crate) async fn registered(gateway: &Gateway, account: &AccountId, order_id: &str) -> PaymentRecord {
    let merchant = gateway.account(account).unwrap().merchant.clone();
    let terms = PaymentTerms {
        method: Some(Method::Card),
        account: Some(account.clone()),
        ..PaymentTerms::new("T-shirt", Money::krw(15_000), "http://localhost:3000/return")
    };
    let new = NewPayment { order_id: order_id.parse().unwrap(), terms };
    gateway.register(&merchant, new, None).await.unwrap().record
}
