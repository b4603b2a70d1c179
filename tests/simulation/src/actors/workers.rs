//! The workers of a replica.

use std::{sync::Arc, time::Duration};

use futures_util::{
    future::{Either, select},
    pin_mut,
};
use paymux_core::{
    account::Work,
    gateway::{Gateway, GatewayError},
    model::AccountId,
    store::{Inbox, WorkQueue},
};

use crate::{cluster::Cluster, store::peek, world::Owner};

/// The longest a worker waits while the other may be dead or frozen, and when all is well.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);
const LONGEST_WAIT_IN_PEACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon it looks again while webhooks wait that another replica has taken.
const INBOX_WAIT: Duration = Duration::from_secs(20);
/// How often the clock is compared while it is in doubt.
const CLOCK_CHECK: Duration = Duration::from_secs(60);

/// How long after something happened a sweep that begins then has certainly seen it.
const LISTED_AFTER: Duration = Duration::from_secs(2 * 60 * 60);

/// Works on what is due for one account, for ever.
pub(crate) async fn work(cluster: Arc<Cluster>, gateway: Arc<Gateway>, account: AccountId, work: Work) {
    let world = Arc::clone(&cluster.world);
    loop {
        let failed = round(&gateway, &account, work).await.is_err();
        let wait =
            if failed { Duration::from_secs(1) } else { wait(&cluster, &gateway, &account, work).await };
        let notified = gateway.notified(&account, work);
        pin_mut!(notified);
        let owner = if failed { Owner::Outside } else { Owner::Background };
        match select(notified, world.sleep(owner, wait)).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}

/// Asks now and then whether an account's sweep is due, and forgets old keys, for ever.
pub(crate) async fn sweep(cluster: Arc<Cluster>, gateway: Arc<Gateway>, account: AccountId) {
    loop {
        // A store that fails right now is asked again.
        let _ = gateway.sweep_due(&account).await;
        let _ = gateway.expire_idempotency().await;
        let wait =
            if all_is_swept(&cluster) { LONGEST_WAIT_IN_PEACE } else { cluster.world.profile.sweep_every };
        cluster.world.sleep(Owner::Background, wait).await;
    }
}

/// Asks a PG what time it is while the clock is in doubt.
pub(crate) async fn watch_clock(cluster: Arc<Cluster>, gateway: Arc<Gateway>) {
    loop {
        let trusted = gateway.check_clock().await;
        let owner = if trusted { Owner::Background } else { Owner::Outside };
        let wait = if trusted { LONGEST_WAIT } else { CLOCK_CHECK };
        cluster.world.sleep(owner, wait).await;
    }
}

async fn round(gateway: &Gateway, account: &AccountId, work: Work) -> Result<(), GatewayError> {
    match work {
        Work::Webhooks => gateway.process_inbox(account).await.map(drop),
        Work::Payments => gateway.resolve_due(account).await.map(drop),
    }
}

async fn wait(cluster: &Cluster, gateway: &Gateway, account: &AccountId, work: Work) -> Duration {
    let now = gateway.clock().now();
    let due = match work {
        Work::Webhooks if peek(cluster.kept.inbox_length(account)).unwrap_or(0) > 0 => return INBOX_WAIT,
        Work::Webhooks => None,
        Work::Payments => gateway.next_work(account).await.ok().flatten(),
    };
    let left = due.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    let longest = if cluster.world.has_faults() { LONGEST_WAIT } else { LONGEST_WAIT_IN_PEACE };
    left.map_or(longest, |left| left.clamp(Duration::from_millis(100), longest))
}

/// Whether every sweep has seen what last happened at a PG: a further one finds nothing.
fn all_is_swept(cluster: &Cluster) -> bool {
    let listed_at = cluster.world.moved_at().saturating_add(LISTED_AFTER).unwrap_or(jiff::Timestamp::MAX);
    cluster
        .models
        .iter()
        .all(|model| cluster.world.swept_at(&model.account).is_some_and(|at| at >= listed_at))
}

/// Whether nothing is due in the store, now or later, and every sweep has seen what last happened.
pub(crate) fn rests(cluster: &Cluster) -> bool {
    if !all_is_swept(cluster) {
        return false;
    }
    cluster.models.iter().map(|model| &model.account).all(|account| {
        matches!(peek(cluster.kept.next_due(account)), Ok(None))
            && peek(cluster.kept.inbox_length(account)).unwrap_or(1) == 0
    })
}
