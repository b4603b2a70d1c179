//! The accounts: how they are bound, and the sweeps over them.

use gateway_core::{AccountBinding, Mode, Payment, PaymentStatus, Store, StoreError, Sweep, Watch};

use super::{assert_refused, at, keep, moved, payment};

fn binding(account: &str, pg_merchant: &str) -> AccountBinding {
    AccountBinding {
        account: account.parse().unwrap(),
        merchant: "demo".parse().unwrap(),
        kind: "kind".to_owned(),
        mode: Mode::Test,
        pg_merchant: pg_merchant.to_owned(),
    }
}

async fn is_changed(store: &dyn Store, binding: AccountBinding) -> bool {
    let account = binding.account.clone();
    match store.bind_accounts(&[binding]).await {
        Ok(()) => false,
        Err(StoreError::AccountChanged(changed)) => changed == account,
        Err(error) => panic!("{error}"),
    }
}

pub async fn a_sweep_is_taken_by_one_and_when_due(store: &dyn Store) {
    let (account, other) = ("toss".parse().unwrap(), "portone".parse().unwrap());
    let never = Some(Sweep { swept_to: None });
    assert_eq!(store.lease_sweep(&account, at(0), at(100)).await.unwrap(), never);
    assert_eq!(store.lease_sweep(&account, at(0), at(100)).await.unwrap(), None);
    assert_eq!(store.lease_sweep(&other, at(0), at(100)).await.unwrap(), never);
    store.finish_sweep(&account, Some(at(50)), at(3_600)).await.unwrap();
    assert_eq!(store.lease_sweep(&account, at(3_599), at(9_000)).await.unwrap(), None);
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account, at(3_600), at(9_000)).await.unwrap(), swept);
}

pub async fn a_sweep_that_failed_does_not_undo_the_one_before(store: &dyn Store) {
    let account = "toss".parse().unwrap();
    store.finish_sweep(&account, Some(at(50)), at(100)).await.unwrap();
    store.finish_sweep(&account, None, at(200)).await.unwrap();
    assert_eq!(store.lease_sweep(&account, at(199), at(900)).await.unwrap(), None);
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account, at(200), at(900)).await.unwrap(), swept);
}

pub async fn a_sweep_whose_lease_ran_out_is_taken_again(store: &dyn Store) {
    let account = "toss".parse().unwrap();
    store.finish_sweep(&account, Some(at(50)), at(100)).await.unwrap();
    let swept = Some(Sweep { swept_to: Some(at(50)) });
    assert_eq!(store.lease_sweep(&account, at(100), at(200)).await.unwrap(), swept);
    assert_eq!(store.lease_sweep(&account, at(199), at(300)).await.unwrap(), None);
    assert_eq!(store.lease_sweep(&account, at(200), at(300)).await.unwrap(), swept);
}

pub async fn an_account_in_use_cannot_change(store: &dyn Store) {
    assert!(!is_changed(store, binding("toss", "mid-1")).await);
    keep(store, &payment("order-1")).await;
    // The same again is no change; another account's payments do not matter.
    assert!(!is_changed(store, binding("toss", "mid-1")).await);
    for pg_merchant in ["mid-1", "mid-2"] {
        let both = [binding("toss", "mid-1"), binding("portone", pg_merchant)];
        store.bind_accounts(&both).await.unwrap();
    }

    let was = binding("toss", "mid-1");
    for changed in [
        binding("toss", "mid-2"),
        AccountBinding { mode: Mode::Live, ..was.clone() },
        AccountBinding { kind: "another".to_owned(), ..was.clone() },
        AccountBinding { merchant: "other".parse().unwrap(), ..was },
    ] {
        assert!(is_changed(store, changed.clone()).await, "{changed:?}");
    }
    assert!(!is_changed(store, binding("toss", "mid-1")).await);
}

pub async fn an_account_without_open_payments_may_change(store: &dyn Store) {
    let mut pg_merchant = binding("toss", "mid-0");
    store.bind_accounts(std::slice::from_ref(&pg_merchant)).await.unwrap();
    for (at, status) in PaymentStatus::ALL.into_iter().enumerate() {
        let record = keep(store, &payment(&format!("order-{at}"))).await;
        let moved_to = moved(store, &record, status).await;
        let open = status.holds_order() && !status.has_money();
        let changed = binding("toss", &format!("mid-{}", at + 1));
        assert_eq!(is_changed(store, changed.clone()).await, open, "{status:?}");
        if !open {
            pg_merchant = changed;
        }
        moved(store, &moved_to, PaymentStatus::Cancelled).await;
    }
    assert!(!is_changed(store, pg_merchant).await);
}

pub async fn an_account_of_a_watched_payment_cannot_change(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1")]).await.unwrap();
    let watch = Some(Watch { at: at(60), tries: 0 });
    let status = PaymentStatus::Expired;
    let expired = keep(store, &Payment { watch, status, ..payment("order-1") }).await;
    assert!(is_changed(store, binding("toss", "mid-2")).await);
    let unwatched = Payment { watch: None, version: 2, ..expired.payment.clone() };
    let change = super::Change { expected: Some(1), ..super::made(&unwatched) };
    store.commit(change).await.unwrap();
    store.mark_dirty(&expired.payment.id, at(70)).await.unwrap();
    assert!(is_changed(store, binding("toss", "mid-2")).await);
}

pub async fn one_changed_account_binds_none(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1"), binding("portone", "mid-1")]).await.unwrap();
    keep(store, &payment("order-1")).await;
    let both = [binding("portone", "mid-2"), binding("toss", "mid-2")];
    assert_refused!(store.bind_accounts(&both).await, StoreError::AccountChanged(_));
    // Had `portone` been bound to mid-2, then an open payment would refuse going back to mid-1.
    let at_portone = Payment { account: "portone".parse().unwrap(), ..payment("order-2") };
    keep(store, &at_portone).await;
    store.bind_accounts(&[binding("toss", "mid-1"), binding("portone", "mid-1")]).await.unwrap();
}

pub async fn an_account_in_use_cannot_be_taken_away(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1"), binding("portone", "mid-1")]).await.unwrap();
    keep(store, &payment("order-1")).await;
    store.bind_accounts(&[binding("toss", "mid-1")]).await.unwrap();
    assert_refused!(store.bind_accounts(&[binding("portone", "mid-1")]).await, StoreError::AccountChanged(_));
    assert_refused!(store.bind_accounts(&[]).await, StoreError::AccountChanged(_));
}

pub async fn a_store_that_works_says_so(store: &dyn Store) {
    store.ping().await.unwrap();
    store.ping().await.unwrap();
}
