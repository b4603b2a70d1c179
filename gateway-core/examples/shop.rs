//! A shop that embeds Paymux: Toss Payments, played by a simulator on this machine, and a payment from the order to the
//! refund.

use std::{error::Error, fmt, sync::Arc};

use paymux_core::{
    account::Account,
    gateway::{Gateway, MerchantPolicy, NewCancel, NewPayment, Workers},
    model::{BrowserStep, Device, MerchantId, Method, Money, PaymentTerms},
    store::MemoryStore,
};
use paymux_sandbox::{PayOutcome, PayRequest, SandboxClock, SandboxConfig, toss as simulated};
use paymux_toss::{Toss, TossConfig};
use serde_json::Value;

async fn run(out: &mut impl fmt::Write) -> Result<(), Box<dyn Error>> {
    // The providers' HTTP clients go by the TLS provider of the process. An error means that one is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();

    // With keys of one's own this is the real Toss Payments, and `base_url` stays as it is.
    let (client_key, secret_key) = ("test_ck_shop", "test_sk_shop");
    let keys = vec![simulated::KeyPair::new(client_key, secret_key)];
    let simulator = simulated::TossConfig { keys, ..simulated::TossConfig::default() };
    let simulator = simulated::Toss::new(simulator, SandboxClock::system())?;
    let simulator = paymux_sandbox::start(SandboxConfig::loopback("toss"), simulator).await?;
    let mut config = TossConfig::new(client_key, secret_key);
    config.base_url = simulator.base_url();

    // One merchant with one account. A store that outlives the process is `paymux-store`'s.
    let shop: MerchantId = "shop".parse()?;
    let account = Account::new("toss".parse()?, shop.clone(), Arc::new(Toss::new(&config)?));
    let gateway = Gateway::builder(Arc::new(MemoryStore::default()))
        .merchant(shop.clone(), MerchantPolicy::new(account.id.clone()))
        .account(account)
        .start()
        .await?;
    let gateway = Arc::new(gateway);
    // They find out what becomes of a request whose answer got lost.
    let workers = Workers::start(&gateway);

    let terms = PaymentTerms {
        method: Some(Method::Card),
        ..PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return")
    };
    let order = NewPayment { order_id: "order-1".parse()?, terms };
    let registered = gateway.register(&shop, order.clone(), None).await?;
    let payment = registered.record.payment.id;
    writeln!(out, "registered {} for {}", registered.record.payment.order_id, order.terms.amount)?;

    // The shop's page does what the step says; on the way back its return URL carries the browser result.
    let (opened, step) = gateway.next_action(&shop, &payment, Device::Desktop, None).await?;
    let BrowserStep::Script { script_url, calls, .. } = step else { return Err("Toss has a script".into()) };
    let calls: Vec<_> = calls.into_iter().map(|call| call.function).collect();
    writeln!(out, "the browser loads {script_url} and calls {}", calls.join(""))?;

    let order_id = opened.order_ids().next().ok_or("an open window has an order id")?;
    let buyer = PayRequest::new(order_id.as_str(), PayOutcome::Approve, order.terms.amount.amount());
    let browser_result = Value::Object(simulator.control().pay(&buyer)?.browser_result);
    writeln!(out, "the buyer agreed in the window")?;

    // What the browser says is a claim. Confirming takes the money, and only the PG's answer makes it paid. A task of
    // its own: a caller who hangs up then only stops waiting.
    let (task, id, of) = (Arc::clone(&gateway), payment.clone(), shop.clone());
    let paid = tokio::spawn(async move { task.confirm(&of, &id, &browser_result, None).await }).await??;
    writeln!(out, "confirmed: {}, {}", paid.payment.status().name(), paid.payment.shown.amount_paid)?;

    let refund = NewCancel::part("a scratch", Money::krw(2_000));
    let (part, _) = gateway.cancel(&shop, &payment, &refund, None).await?;
    let (status, back) = (part.payment.status().name(), part.payment.shown.amount_cancelled);
    writeln!(out, "refunded a part: {status}, {back} back")?;
    let (all, _) = gateway.cancel(&shop, &payment, &NewCancel::all("sent back"), None).await?;
    let (status, back) = (all.payment.status().name(), all.payment.shown.amount_cancelled);
    writeln!(out, "refunded the rest: {status}, {back} back")?;

    // The feed: the shop keeps the position of the last event that it has dealt with.
    for event in gateway.store().events(&shop, 0, 100).await? {
        writeln!(out, "event {}: {}", event.position, event.event.kind.name())?;
    }

    workers.stop().await;
    simulator.shutdown().await;
    writeln!(out, "stopped")?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = String::new();
    let done = run(&mut lines).await;
    print!("{lines}");
    done
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn prints_what_the_documentation_shows() -> Result<(), Box<dyn std::error::Error>> {
        let mut printed = String::new();
        super::run(&mut printed).await?;
        let documented: String = printed.lines().map(|line| format!("//! {line}\n")).collect();
        let documentation = include_str!("../src/lib.rs");
        let block = format!("//! $ cargo run -p paymux-core --example shop\n{documented}//! ```\n");
        assert!(documentation.contains(&block), "the documentation does not show this:\n{block}");
        Ok(())
    }
}
