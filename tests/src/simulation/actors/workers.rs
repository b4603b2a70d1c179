//! The workers of a replica.

use std::{sync::Arc, time::Duration};

use futures_util::{
    future::{Either, select},
    pin_mut,
};
use gateway_core::{AccountId, Clock, Gateway, GatewayError, Store, Work};

use crate::simulation::{cluster::Cluster, store::peek, world::Owner};

/// The longest a worker waits while the other may be dead or frozen, and when all is well.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);
const LONGEST_WAIT_IN_PEACE: Duration = Duration::from_secs(3 * 60 * 60);
/// How soon it looks again while webhooks wait that another replica has taken.
const INBOX_WAIT: Duration = Duration::from_secs(20);
/// How often it asks whether a sweep is due.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long after something happened a sweep has certainly seen it.
const SWEPT_AFTER: Duration = Duration::from_secs(8 * 60 * 60);

/// Works on what is due for one account, for ever.
pub(crate) async fn work(cluster: Arc<Cluster>, gateway: Arc<Gateway>, account: AccountId, work: Work) {
    let world = Arc::clone(&cluster.world);
    let mut swept_at = None;
    loop {
        let failed = round(&gateway, &account, work).await.is_err();
        let now = world.now();
        let is_swept = |at: jiff::Timestamp| at.saturating_add(SWEEP_EVERY).is_ok_and(|next| next > now);
        if work == Work::Payments && !swept_at.is_some_and(is_swept) {
            swept_at = gateway.sweep_due(&account).await.ok().map(|_| now);
        }
        let wait =
            if failed { Duration::from_secs(1) } else { wait(&cluster, &gateway, &account, work).await };
        let woken = gateway.woken(&account, work);
        pin_mut!(woken);
        let owner = if failed { Owner::Outside } else { Owner::Background };
        match select(woken, world.sleep(owner, wait)).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}

async fn round(gateway: &Gateway, account: &AccountId, work: Work) -> Result<(), GatewayError> {
    match work {
        Work::Webhooks => gateway.process_inbox(account).await.map(drop),
        Work::Payments => gateway.resolve_due(account).await.map(drop),
    }
}

async fn wait(cluster: &Cluster, gateway: &Gateway, account: &AccountId, work: Work) -> Duration {
    let now = cluster.world.clock.now();
    let due = match work {
        Work::Webhooks if peek(cluster.kept.inbox_length(account)).unwrap_or(0) > 0 => return INBOX_WAIT,
        Work::Webhooks => None,
        Work::Payments => gateway.next_work(account).await.ok().flatten(),
    };
    let left = due.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    let longest = if cluster.world.has_faults() { LONGEST_WAIT } else { LONGEST_WAIT_IN_PEACE };
    left.map_or(longest, |left| left.clamp(Duration::from_millis(100), longest))
}

/// Whether nothing is due in the store, now or later, and every sweep has seen what last happened.
pub(crate) fn rests(cluster: &Cluster) -> bool {
    let swept = cluster.world.moved_at().saturating_add(SWEPT_AFTER).unwrap_or(jiff::Timestamp::MAX);
    if cluster.world.now() < swept {
        return false;
    }
    cluster.models.iter().map(|model| &model.account).all(|account| {
        matches!(peek(cluster.kept.next_due(account)), Ok(None))
            && peek(cluster.kept.inbox_length(account)).unwrap_or(1) == 0
    })
}
