//! Crashes, frozen replicas, forged webhooks, and somebody at the PG's console.

use std::{sync::Arc, time::Duration};

use paymux_core::provider::RawWebhook;
use serde_json::json;

use super::shop::known_orders;
use crate::{cluster::Cluster, world::Owner};

/// Starts all of it.
pub(crate) fn begin(cluster: &Arc<Cluster>) {
    let world = &cluster.world;
    let profile = world.profile.clone();
    let seconds = profile.chaos.as_secs();
    for _ in 0..profile.crashes {
        at_random(cluster, seconds, |cluster| cluster.world.crash(cluster.world.draw(|rng| rng.index(2))));
    }
    for _ in 0..profile.freezes {
        at_random(cluster, seconds, |cluster| cluster.world.stop(cluster.world.draw(|rng| rng.index(2))));
    }
    let forgeries = if profile.forges { world.draw(|rng| rng.below(6)) } else { 0 };
    for _ in 0..forgeries {
        at_random(cluster, seconds, |cluster| {
            cluster.world.spawn(Owner::Outside, forge(Arc::clone(cluster)));
        });
    }
    for _ in 0..world.draw(|rng| rng.below(3)) {
        at_random(cluster, seconds * 2, cancel_by_hand);
    }
    if let Some(wait) = profile.rotates_at {
        after(cluster, wait, |cluster| {
            cluster.world.rotate_credentials();
            cluster.roll();
        });
    }
    if let Some(wait) = profile.retires_at {
        after(cluster, wait, |cluster| {
            cluster.world.retire(true);
            cluster.roll();
        });
        // An account that is needed comes back.
        after(cluster, wait + Duration::from_secs(36 * 3_600), |cluster| {
            cluster.world.retire(false);
            cluster.roll();
        });
    }
    if let Some(wait) = profile.swaps_at {
        after(cluster, wait, |cluster| cluster.swap_accounts());
    }
    if let Some((wait, seconds, long)) = profile.clock_step {
        after(cluster, wait, move |cluster| cluster.world.set_clock_off(seconds));
        after(cluster, wait + long, |cluster| cluster.world.set_clock_off(0));
    }
    let end = Arc::clone(cluster);
    world.schedule(Owner::Outside, in_millis(cluster, seconds * 1_000), move || end.world.end_of_faults());
}

fn in_millis(cluster: &Cluster, millis: u64) -> jiff::Timestamp {
    cluster.world.now().saturating_add(Duration::from_millis(millis)).unwrap_or(jiff::Timestamp::MAX)
}

fn after(cluster: &Arc<Cluster>, wait: Duration, what: impl FnOnce(&Arc<Cluster>) + Send + 'static) {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let own = Arc::clone(cluster);
    cluster.world.schedule(Owner::Outside, in_millis(cluster, millis), move || what(&own));
}

/// Mostly early, when most is going on.
fn at_random(cluster: &Arc<Cluster>, seconds: u64, what: impl FnOnce(&Arc<Cluster>) + Send + 'static) {
    let wait = cluster.world.draw(|rng| {
        let most = if rng.chance(700) { seconds.min(400) } else { seconds };
        rng.below(most * 1_000)
    });
    let own = Arc::clone(cluster);
    cluster.world.schedule(Owner::Outside, in_millis(cluster, wait), move || what(&own));
}

/// Somebody sends webhooks that no PG sent.
async fn forge(cluster: Arc<Cluster>) {
    let world = &cluster.world;
    let model = Arc::clone(&cluster.models[world.draw(|rng| rng.index(cluster.models.len()))]);
    let orders = known_orders(&cluster);
    let ids: Vec<_> = model.books(|books| books.rows.keys().map(ToString::to_string).collect());
    let any =
        |from: &[String]| (!from.is_empty()).then(|| from[world.draw(|rng| rng.index(from.len()))].clone());
    let order = any(&orders).unwrap_or_else(|| "nobody".to_owned());
    let id = any(&ids).unwrap_or_else(|| "nothing".to_owned());
    let body = match world.draw(|rng| rng.below(5)) {
        0 => "no webhook at all".to_owned(),
        1 => {
            let number = world.draw(|rng| rng.below(1_000));
            json!({ "pg_id": format!("madeup{number}"), "order_id": order }).to_string()
        }
        2 => json!({ "pg_id": id, "order_id": order }).to_string(),
        3 => json!({ "order_id": order, "secret": "guessed" }).to_string(),
        _ => json!({ "pg_id": id, "order_id": "another" }).to_string(),
    };
    let received_at = world.replicas_now();
    let raw = RawWebhook { headers: Vec::new(), body: body.into_bytes(), received_at };
    cluster.receive(model.account.clone(), raw).await;
}

fn cancel_by_hand(cluster: &Arc<Cluster>) {
    let world = &cluster.world;
    let model = &cluster.models[world.draw(|rng| rng.index(cluster.models.len()))];
    model.books(|books| {
        let paid =
            books.rows.values().map(|row| row.now()).filter(|row| row.balance() > 0 && row.due_at.is_none());
        let paid: Vec<_> = paid.map(|row| (row.id.clone(), row.balance())).collect();
        if paid.is_empty() {
            return;
        }
        let (id, balance) = &paid[world.draw(|rng| rng.index(paid.len()))];
        let amount = if world.chance(500) { *balance } else { balance / 2 };
        model.cancel_by_hand(books, id, amount);
    });
}
