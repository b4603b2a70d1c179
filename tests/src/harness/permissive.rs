//! A simulated PG without any guard of its own against doing a thing twice, so that no flow passes on
//! the PG's kindness: what the server sends twice is taken, or given back, twice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use paymux_sandbox::{
    Running, SandboxClock, SandboxConfig, WebhookTarget,
    portone::{PortoneConfig, PortoneSimulator},
    toss::{Toss, TossConfig},
};
use serde_json::{Map, Value};

use super::{AMOUNT, Shop};

/// A permissive simulator beside a demo, in place of the demo's own.
#[derive(Debug)]
pub(super) struct Permissive {
    running: Running,
    /// What the page last asked the window for, by payment: a second tab asks for the same.
    asked: Mutex<BTreeMap<String, Map<String, Value>>>,
}

impl Permissive {
    /// Starts one for an account; gives the settings that point the account at it.
    pub(super) async fn start(account: &str) -> (Self, Vec<(String, String)>) {
        let (config, clock) = (SandboxConfig::loopback(account), SandboxClock::system());
        let (running, keys) = if account == "toss" {
            let toss = TossConfig { permissive: true, ..TossConfig::default() };
            let pair = toss.keys[0].clone();
            let running = paymux_sandbox::start(config, Toss::new(toss, clock).unwrap()).await.unwrap();
            (running, vec![("CLIENT_KEY", pair.client_key), ("SECRET_KEY", pair.secret_key)])
        } else {
            let portone = PortoneConfig { permissive: true, ..PortoneConfig::default() };
            let keys = vec![("IMP_KEY", portone.imp_key.clone()), ("IMP_SECRET", portone.imp_secret.clone())];
            let simulator = PortoneSimulator::open(portone, clock, None).unwrap();
            (paymux_sandbox::start(config, simulator).await.unwrap(), keys)
        };
        let address = ("BASE_URL", running.base_url());
        let name = |setting: &str| format!("ACCOUNTS__{}__{setting}", account.to_uppercase());
        let settings = keys.into_iter().chain([address]).map(|(setting, value)| (name(setting), value));
        let settings = settings.collect();
        (Self { running, asked: Mutex::default() }, settings)
    }

    /// Sets where webhooks go.
    pub(super) fn set_webhook_target(&self, server: &str, account: &str) {
        let url = format!("{server}/webhooks/{account}/demo-webhook-token-{account}");
        self.running.control().set_webhook_targets(vec![WebhookTarget::all_events(url)]);
    }

    pub(super) fn base_url(&self) -> String {
        self.running.base_url()
    }

    pub(super) fn control(&self) -> paymux_sandbox::Control {
        self.running.control()
    }

    pub(super) fn advance(&self, by: Duration) {
        self.running.control().advance(by);
    }

    pub(super) async fn stop(self) {
        self.running.shutdown().await;
    }

    /// A control call of the demo, which names a payment, as the PG's own, which names its order id.
    pub(super) async fn by_order_id(&self, shop: &Shop, call: &str, mut body: Value) -> Value {
        let Some(fields) = body.as_object_mut() else { return body };
        let Some(Value::String(id)) = fields.remove("payment_id") else { return body };
        let asked = self.asked_for(shop, &id).await;
        let order_id = asked.get("orderId").or(asked.get("merchant_uid")).unwrap();
        fields.insert("order_id".to_owned(), order_id.clone());
        if call == "pay" {
            fields.entry("amount").or_insert(AMOUNT.into());
            fields.insert("method".to_owned(), shop.method.as_str().into());
            fields.insert("sdk".to_owned(), asked.into());
        }
        body
    }

    /// The arguments of the call that opens the window: of an open attempt, of a new one, or of the last.
    async fn asked_for(&self, shop: &Shop, id: &str) -> Map<String, Value> {
        let payment = shop.payment(id).await;
        let step = match payment.get("next_action") {
            Some(step) => Some(step.clone()),
            None if payment["status"] == "ready" || payment["status"] == "failed" => {
                shop.next_action(id).await.body.get("next_action").cloned()
            }
            None => None,
        };
        let mut remembered = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = step {
            let last = step["calls"].as_array().and_then(|calls| calls.last()).unwrap();
            remembered.insert(id.to_owned(), last["args"][0].as_object().unwrap().clone());
        }
        remembered.get(id).unwrap_or_else(|| panic!("no window was ever opened for {id}")).clone()
    }
}
