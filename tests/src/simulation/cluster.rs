//! Two replicas of the gateway over one store.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either, select};
use gateway_core::{
    Account, AccountId, Gateway, IdSource, MemoryStore, MerchantId, MerchantPolicy, RawWebhook, Work,
};
use tokio::sync::oneshot;

use super::{
    actors::workers,
    invariants::Watchman,
    model_pg::{Client, Model},
    store::SimulatedStore,
    world::{Owner, World},
};

/// How long a merchant waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two replicas of the gateway over one store, and the PGs they reach.
pub(crate) struct Cluster {
    pub(crate) world: Arc<World>,
    pub(crate) kept: MemoryStore,
    pub(crate) models: Vec<Arc<Model>>,
    pub(crate) merchant: MerchantId,
    watchman: Arc<Watchman>,
    gateways: Mutex<Vec<Arc<Gateway>>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub(crate) fn start(world: Arc<World>, models: Vec<Arc<Model>>, watchman: Arc<Watchman>) -> Arc<Self> {
        let merchant: MerchantId = "shop".parse().expect("a merchant's name");
        let cluster = Arc::new(Self {
            world,
            kept: MemoryStore::default(),
            models,
            merchant,
            watchman,
            gateways: Mutex::default(),
        });
        for replica in 0..2 {
            cluster.restart(replica);
        }
        cluster
    }

    /// Starts a replica, for the first time or again.
    pub(crate) fn restart(self: &Arc<Self>, replica: usize) {
        let gateway = Arc::new(self.gateway(replica));
        {
            let mut gateways = self.gateways.lock().unwrap_or_else(PoisonError::into_inner);
            if gateways.len() <= replica {
                gateways.push(Arc::clone(&gateway));
            } else {
                gateways[replica] = Arc::clone(&gateway);
            }
        }
        for model in &self.models {
            for work in [Work::Webhooks, Work::Payments] {
                let works =
                    workers::work(Arc::clone(self), Arc::clone(&gateway), model.account.clone(), work);
                self.world.spawn(Owner::Replica(replica), works);
            }
        }
    }

    fn gateway(&self, replica: usize) -> Gateway {
        let world = &self.world;
        let store =
            SimulatedStore::new(Arc::clone(world), replica, self.kept.clone(), Arc::clone(&self.watchman));
        let account = |model: &Arc<Model>| Account {
            id: model.account.clone(),
            merchant: self.merchant.clone(),
            provider: Arc::new(Client { model: Arc::clone(model), replica }),
            simulated: true,
            limits: world.profile.limits,
        };
        let policy = MerchantPolicy {
            default_account: self.models[0].account.clone(),
            account_by_method: BTreeMap::new(),
            late_payments: world.profile.late_payments,
            payable_for: world.profile.payable_for,
        };
        let ids = IdSource::seeded(world.draw(super::rng::Rng::next));
        let accounts = self.models.iter().map(account).collect();
        let policies = BTreeMap::from([(self.merchant.clone(), policy)]);
        Gateway::new(Arc::new(store), Arc::new(world.clock.clone()), ids, accounts, policies)
    }

    /// Asks one of the replicas, whichever the load balancer picks. `None`: no answer came, the caller
    /// does not know whether anything was done.
    pub(crate) async fn ask<T: fmt::Debug + Send + 'static>(
        self: &Arc<Self>,
        what: String,
        call: impl FnOnce(Arc<Gateway>) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Option<T> {
        let replica = self.world.draw(|rng| rng.index(2));
        let gateway = Arc::clone(&self.gateways.lock().unwrap_or_else(PoisonError::into_inner)[replica]);
        let (send, answer) = oneshot::channel();
        let world = Arc::clone(&self.world);
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
        let taken =
            self.ask(what, move |gateway| Box::pin(async move { gateway.receive(&account, raw).await }));
        matches!(taken.await, Some(Ok(())))
    }
}
