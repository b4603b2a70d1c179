//! A PG of one's own, a piggy bank on the counter, and a shop that takes payments with it. [`pig`] is the PG, [`provider`] is
//! all that Paymux needs to know of it.

mod pig;
mod provider;

use std::{error::Error, fmt, sync::Arc};

use paymux_core::{
    account::Account,
    gateway::{Gateway, MerchantPolicy, NewCancel, NewPayment},
    model::{BrowserStep, Device, MerchantId, Money, PaymentTerms},
    store::MemoryStore,
};
use serde_json::json;

use self::{pig::Pig, provider::PiggyBank};

/// Sells one mug, and takes it back in two parts.
async fn run(out: &mut impl fmt::Write) -> Result<(), Box<dyn Error>> {
    let shop: MerchantId = "shop".parse()?;
    let pig = Arc::new(Pig::default());
    let provider = Arc::new(PiggyBank::new(Arc::clone(&pig)));
    let account = Account::new("pig".parse()?, shop.clone(), provider);
    let gateway = Gateway::builder(Arc::new(MemoryStore::default()))
        .merchant(shop.clone(), MerchantPolicy::new(account.id.clone()))
        .account(account)
        .start()
        .await?;

    let terms = PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return");
    let order = NewPayment { order_id: "order-1".parse()?, terms };
    let registered = gateway.register(&shop, order, None).await?.record;
    let payment = registered.payment.id.clone();
    writeln!(out, "registered: {}", registered.payment.status().name())?;

    let (opened, step) = gateway.next_action(&shop, &payment, Device::Desktop, None).await?;
    let order_id = opened.order_ids().next().ok_or("an open window has an order id")?;
    let kind = if matches!(step, BrowserStep::Redirect { .. }) { "a page of the PG" } else { "a script" };
    writeln!(out, "the buyer is sent to {kind}")?;

    let slip = pig.lay_coins(order_id.as_str(), 12_000);
    let browser_result = json!({ "slip": slip, "order": order_id });
    let paid = gateway.confirm(&shop, &payment, &browser_result, None).await?;
    writeln!(
        out,
        "confirmed: {}, {} in the pig",
        paid.payment.status().name(),
        paid.payment.shown.amount_paid
    )?;

    // A buyer who reloads the page sends the same again, and gets the stored result.
    let again = gateway.confirm(&shop, &payment, &browser_result, None).await?;
    writeln!(out, "confirmed again: {}", again.payment.shown.amount_paid)?;

    for refund in [NewCancel::part("a scratch", Money::krw(2_000)), NewCancel::all("sent back")] {
        let (after, _) = gateway.cancel(&shop, &payment, &refund, None).await?;
        let (status, back) = (after.payment.status().name(), after.payment.shown.amount_cancelled);
        writeln!(out, "refunded ({}): {status}, {back} back", refund.reason)?;
    }
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
        let documentation = include_str!("../../src/lib.rs");
        let block = format!("//! $ cargo run -p paymux-core --example own_provider\n{documented}//! ```\n");
        assert!(documentation.contains(&block), "the documentation does not show this:\n{block}");
        Ok(())
    }
}
