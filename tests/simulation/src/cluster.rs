//! Two replicas of the gateway over one store.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either, select};
use paymux_core::{
    account::{Account, Work},
    gateway::{Gateway, GatewayBuilder, MerchantPolicy},
    model::{AccountId, IdSource, MerchantId, PaymentId},
    provider::RawWebhook,
    store::{AccountBinding, AdminStore as _, MemoryStore, StoreError},
};
use tokio::sync::oneshot;

use super::{
    actors::workers,
    invariants::InvariantChecker,
    model_pg::{Client, Model},
    store::{SimulatedStore, peek},
    world::{Owner, ReplicasClock, World},
};

/// How long a merchant waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two replicas of the gateway over one store, and the PGs they reach.
pub(crate) struct Cluster {
    pub(crate) world: Arc<World>,
    pub(crate) kept: MemoryStore,
    pub(crate) models: Vec<Arc<Model>>,
    pub(crate) merchant: MerchantId,
    checker: Arc<InvariantChecker>,
    /// The replicas that take requests.
    gateways: Mutex<BTreeMap<usize, Arc<Gateway>>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub(crate) fn start(
        world: Arc<World>,
        models: Vec<Arc<Model>>,
        checker: Arc<InvariantChecker>,
    ) -> Arc<Self> {
        let merchant: MerchantId = "shop".parse().expect("a merchant's name");
        let cluster = Arc::new(Self {
            world,
            kept: MemoryStore::default(),
            models,
            merchant,
            checker,
            gateways: Mutex::default(),
        });
        cluster.bind_accounts().expect("the first binding");
        for replica in 0..2 {
            cluster.restart(replica);
        }
        cluster
    }

    fn bindings(&self) -> Vec<AccountBinding> {
        (0..self.models.len()).map(|number| self.account(number, 0).binding()).collect()
    }

    fn bind_accounts(&self) -> Result<(), StoreError> {
        peek(self.kept.bind_accounts(&self.bindings()))
    }

    /// Somebody edits what the accounts are, and starts the gateway: that is refused while their money may move.
    pub(crate) fn swap_accounts(&self) {
        for (changed, model) in self.models.iter().enumerate() {
            let mut bindings = self.bindings();
            match self.world.draw(|rng| rng.index(4)) {
                0 => bindings[changed].mode = paymux_core::model::Mode::Live,
                1 => bindings[changed].kind = "another".to_owned(),
                2 => bindings[changed].pg_merchant = "another".to_owned(),
                _ => drop(bindings.remove(changed)),
            }
            let started = peek(self.kept.bind_accounts(&bindings)).is_ok();
            if started && self.checker.holds_money(&model.account) {
                self.world
                    .violated(9, || format!("{} became another account with money on it", model.account));
            }
            // Whoever was let in sees the mistake and undoes it.
            self.bind_accounts().expect("what it was before");
        }
    }

    fn gateways(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<Gateway>>> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a replica, for the first time or again. It takes requests and works once it has read the store.
    pub(crate) fn restart(self: &Arc<Self>, replica: usize) {
        self.gateways().remove(&replica);
        let cluster = Arc::clone(self);
        self.world.spawn(Owner::Replica(replica), async move {
            let gateway = loop {
                match cluster.builder(replica).start().await {
                    Ok(gateway) => break Arc::new(gateway),
                    Err(_) => cluster.world.sleep(Owner::Outside, Duration::from_secs(1)).await,
                }
            };
            cluster.gateways().insert(replica, Arc::clone(&gateway));
            cluster.begin_work(replica, &gateway);
        });
    }

    fn begin_work(self: &Arc<Self>, replica: usize, gateway: &Arc<Gateway>) {
        let watches = workers::watch_clock(Arc::clone(self), Arc::clone(gateway));
        self.world.spawn(Owner::Replica(replica), watches);
        for model in &self.models {
            let own = || (Arc::clone(self), Arc::clone(gateway), model.account.clone());
            let (cluster, of, account) = own();
            self.world.spawn(Owner::Replica(replica), workers::sweep(cluster, of, account));
            for work in [Work::Webhooks, Work::Payments] {
                let (cluster, of, account) = own();
                self.world.spawn(Owner::Replica(replica), workers::work(cluster, of, account, work));
            }
        }
    }

    fn account(&self, number: usize, replica: usize) -> Account {
        let model = &self.models[number];
        let provider = Arc::new(Client::new(model, replica));
        let mut account = Account::new(model.account.clone(), self.merchant.clone(), provider);
        account.simulated = true;
        account.retired = number == 0 && self.world.is_retired();
        account.limits = self.world.profile.limits;
        account
    }

    fn builder(&self, replica: usize) -> GatewayBuilder {
        let world = &self.world;
        let store =
            SimulatedStore::around(self.kept.clone(), Arc::clone(world), replica, Arc::clone(&self.checker));
        let mut policy = MerchantPolicy::new(self.models[0].account.clone());
        policy.late_payments = world.profile.late_payments;
        policy.payable_for = world.profile.payable_for;
        let ids = IdSource::seeded(world.draw(super::rng::Rng::next));
        let clock = Arc::new(ReplicasClock(Arc::clone(world)));
        let mut builder = Gateway::builder(Arc::new(store)).clock(clock).ids(ids);
        for number in 0..self.models.len() {
            builder = builder.account(self.account(number, replica));
        }
        builder.merchant(self.merchant.clone(), policy)
    }

    /// Somebody did something with a payment: that may cost calls to its PG.
    pub(crate) fn stirred(&self, payment: &PaymentId) {
        self.checker.stirred(payment.as_str());
    }

    /// Every replica stops and starts again, as after a change of the configuration.
    pub(crate) fn roll(&self) {
        (0..2).for_each(|replica| self.world.crash(replica));
    }

    /// Asks one of the replicas, whichever the load balancer picks. `None`: no answer came, the caller
    /// does not know whether anything was done.
    pub(crate) async fn ask<T: fmt::Debug + Send + 'static>(
        self: &Arc<Self>,
        what: String,
        call: impl FnOnce(Arc<Gateway>) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Option<T> {
        let replica = self.world.draw(|rng| rng.index(2));
        let (send, answer) = oneshot::channel();
        let world = Arc::clone(&self.world);
        let Some(gateway) = self.gateways().get(&replica).cloned() else {
            world.note(Owner::Replica(replica), || format!("is starting, and not asked: {what}"));
            return None;
        };
        world.note(Owner::Replica(replica), || format!("asked: {what}"));
        self.world.spawn(Owner::Replica(replica), async move {
            let answer = call(gateway).await;
            world.note(Owner::Replica(replica), || format!("answers {what}: {:.90}", format!("{answer:?}")));
            // The caller may have hung up.
            let _ = send.send(answer);
        });
        match select(answer, self.world.sleep(Owner::Outside, PATIENCE)).await {
            Either::Left((answer, _)) => answer.ok(),
            Either::Right(_) => None,
        }
    }

    /// Brings a webhook; `false` if it was not taken.
    pub(crate) async fn receive(self: &Arc<Self>, account: AccountId, raw: RawWebhook) -> bool {
        let what = format!("webhook {}", String::from_utf8_lossy(&raw.body));
        if let Ok(body) = serde_json::from_slice::<serde_json::Value>(&raw.body)
            && let Some(order) = body.get("order_id").and_then(serde_json::Value::as_str)
        {
            self.checker.stirred(order);
        }
        let taken =
            self.ask(what, move |gateway| Box::pin(async move { gateway.receive(&account, raw).await }));
        matches!(taken.await, Some(Ok(())))
    }
}
