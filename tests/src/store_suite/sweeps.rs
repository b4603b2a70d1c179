//! The sweeps over the accounts.

use paymux_core::store::{Store, Sweep};

use super::sample::{account, at, other_account};

pub async fn due_sweep_is_leased_once(store: &dyn Store) {
    let never = Some(Sweep { swept_to: None });
    assert_eq!(store.lease_sweep(&account(), at(0), at(100)).await.unwrap(), never);
    assert_eq!(store.lease_sweep(&account(), at(0), at(100)).await.unwrap(), None);
    assert_eq!(store.lease_sweep(&other_account(), at(0), at(100)).await.unwrap(), never);
    store.finish_sweep(&account(), Some(at(50)), at(3_600)).await.unwrap();
    assert_eq!(store.lease_sweep(&account(), at(3_599), at(9_000)).await.unwrap(), None);
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account(), at(3_600), at(9_000)).await.unwrap(), swept);
    // Its end is the end of the lease.
    store.finish_sweep(&account(), Some(at(60)), at(3_700)).await.unwrap();
    let swept = Some(Sweep { swept_to: Some(at(60)) });
    assert_eq!(store.lease_sweep(&account(), at(3_700), at(9_000)).await.unwrap(), swept);
}

pub async fn failed_sweep_keeps_how_far_the_last_one_got(store: &dyn Store) {
    store.finish_sweep(&account(), Some(at(50)), at(100)).await.unwrap();
    store.finish_sweep(&account(), None, at(200)).await.unwrap();
    assert_eq!(store.lease_sweep(&account(), at(199), at(900)).await.unwrap(), None);
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account(), at(200), at(900)).await.unwrap(), swept);
}

pub async fn sweep_whose_lease_ran_out_is_leased_again(store: &dyn Store) {
    store.finish_sweep(&account(), Some(at(50)), at(100)).await.unwrap();
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account(), at(100), at(200)).await.unwrap(), swept);
    assert_eq!(store.lease_sweep(&account(), at(199), at(300)).await.unwrap(), None);
    assert_eq!(store.lease_sweep(&account(), at(200), at(300)).await.unwrap(), swept);
}
