//! A seeded simulation of [`paymux_core::gateway::Gateway`]: two replicas over one store, two PGs, merchants,
//! buyers and everything that can go wrong, on one thread whose every step is drawn from the seed.
//!
//! Every store call and every PG call is an await point at which others run, the call may fail
//! before or after it was done, and the replica may die or stop for a while and go on. The invariants of
//! the design are held against every commit and every request; when nothing moves any more, what Paymux
//! says must be what the PGs say.
//!
//! It does not imitate HTTP, SQL or any PG's wire: the flows and the conformance tests do.

use std::{rc::Rc, sync::Arc};

mod actors;
mod cluster;
mod executor;
mod expected_red;
mod invariants;
mod model_pg;
mod profile;
mod rng;
mod stats;
mod store;
mod world;

pub use expected_red::EXPECTED_RED;
pub use stats::Stats;

use actors::{mischief, shop, workers};
use cluster::Cluster;
use executor::Executor;
use invariants::{InvariantChecker, rest::Rest};
use model_pg::{Kind, Model};
use world::{Owner, World};

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was counted.
    pub stats: Stats,
    /// The first thing that was wrong.
    pub violation: Option<String>,
    /// What happened, step by step; empty unless it was asked for.
    pub trace: Vec<String>,
}

/// Runs the world of a seed to its end. The same seed gives the same run.
#[must_use]
pub fn run(seed: u64, traced: bool) -> Outcome {
    let world = World::new(seed, traced);
    let checker = Arc::new(InvariantChecker::new(Arc::clone(&world)));
    let model = |number, kind, account: &str| {
        let account = account.parse().expect("an account's name");
        Arc::new(Model::new(kind, number, account, Arc::clone(&world), Arc::clone(&checker)))
    };
    let models = vec![model(0, Kind::OnConfirm, "asks"), model(1, Kind::BeforeConfirm, "takes")];
    checker.watch(&models);
    let cluster = Cluster::start(Arc::clone(&world), models, checker);
    for model in &cluster.models {
        let own = Arc::downgrade(&cluster);
        let deliver: model_pg::Deliver = Box::new(move |account, raw| {
            let cluster = own.upgrade();
            Box::pin(async move {
                match cluster {
                    Some(cluster) => cluster.receive(account, raw).await,
                    None => true,
                }
            })
        });
        // It is set once.
        let _ = model.deliver.set(deliver);
    }
    for number in 0..world.profile.orders {
        world.spawn(Owner::Outside, shop::sell(Arc::clone(&cluster), number));
    }
    mischief::begin(&cluster);
    play(&world, &cluster);
    if world.violation().is_none() {
        Rest::new(&world, &cluster.models, &cluster.kept, &cluster.merchant).check();
    }
    world.count(|stats| stats.runs += 1);
    Outcome { stats: world.stats(), violation: world.violation(), trace: world.take_trace() }
}

fn play(world: &Arc<World>, cluster: &Arc<Cluster>) {
    let own = Rc::new(Arc::clone(cluster));
    let rests = Rc::clone(&own);
    let restart = move |replica| own.restart(replica);
    Executor::new(Arc::clone(world), restart, move || workers::rests(&rests)).run();
}
