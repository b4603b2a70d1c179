// What the doctests of `Gateway` begin with, included by them: a shop, and a PG played by a simulator on this machine.

struct Shop {
    simulator: paymux_sandbox::Running,
    provider: std::sync::Arc<dyn paymux_core::provider::PaymentProvider>,
    gateway: paymux_core::gateway::Gateway,
    shop: paymux_core::model::MerchantId,
}

/// A shop without payments.
async fn shop() -> Result<Shop, Box<dyn std::error::Error>> {
    use paymux_core::{account::Account, gateway::{Gateway, MerchantPolicy}, store::MemoryStore};
    use paymux_sandbox::{SandboxClock, SandboxConfig, toss as simulated};
    // An error means that another doctest has installed one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client_key, secret_key) = ("test_ck_shop", "test_sk_shop");
    let keys = vec![simulated::KeyPair::new(client_key, secret_key)];
    let config = simulated::TossConfig { keys, ..simulated::TossConfig::default() };
    let simulator = simulated::Toss::new(config, SandboxClock::system())?;
    let simulator = paymux_sandbox::start(SandboxConfig::loopback("toss"), simulator).await?;
    let mut config = paymux_toss::TossConfig::new(client_key, secret_key);
    config.base_url = simulator.base_url();
    let provider: std::sync::Arc<dyn paymux_core::provider::PaymentProvider> =
        std::sync::Arc::new(paymux_toss::Toss::new(&config)?);

    let shop: paymux_core::model::MerchantId = "shop".parse()?;
    let account = Account::new("toss".parse()?, shop.clone(), provider.clone());
    let gateway = Gateway::builder(std::sync::Arc::new(MemoryStore::default()))
        .merchant(shop.clone(), MerchantPolicy::new(account.id.clone()))
        .account(account)
        .start()
        .await?;
    Ok(Shop { simulator, provider, gateway, shop })
}

impl Shop {
    /// A payment of ₩12,000 that the buyer has agreed to, its order id at the PG, and what the browser brings back.
    #[allow(dead_code, reason = "not every doctest has a payment")]
    async fn agreed(
        &self,
    ) -> Result<(paymux_core::model::PaymentId, String, serde_json::Value), Box<dyn std::error::Error>> {
        use paymux_core::{gateway::NewPayment, model::{Device, Money, PaymentTerms}};
        use paymux_sandbox::{PayOutcome, PayRequest};
        let terms = PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return");
        let order = NewPayment { order_id: "order-1".parse()?, terms };
        let payment = self.gateway.register(&self.shop, order, None).await?.record.payment.id;
        let (opened, _) = self.gateway.next_action(&self.shop, &payment, Device::Desktop, None).await?;
        let order_id = opened.order_ids().next().ok_or("an open window has an order id")?.to_string();
        let buyer = PayRequest::new(&order_id, PayOutcome::Approve, 12_000);
        let paid = self.simulator.control().pay(&buyer)?;
        Ok((payment, order_id, paid.browser_result.into()))
    }
}
