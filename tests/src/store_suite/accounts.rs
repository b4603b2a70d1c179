//! The accounts as they were bound: what may change, and when.

use paymux_core::{
    model::Mode,
    store::{AccountBinding, AccountDifference, PaymentRecord, Store, StoreError},
};

use super::sample::{changed, made, payment, payment_of, read, save_change};

fn binding(account: &str, pg_merchant: &str) -> AccountBinding {
    AccountBinding {
        account: account.parse().unwrap(),
        merchant: "demo".parse().unwrap(),
        kind: "kind".to_owned(),
        mode: Mode::Test,
        pg_merchant: pg_merchant.to_owned(),
    }
}

/// Which account was changed, in what, and how many payments stand in the way.
async fn refused(store: &dyn Store, bindings: &[AccountBinding]) -> Option<(String, AccountDifference, u64)> {
    match store.bind_accounts(bindings).await {
        Ok(()) => None,
        Err(StoreError::AccountChanged { account, difference, payments }) => {
            Some((account.to_string(), difference, payments))
        }
        Err(error) => panic!("{error}"),
    }
}

async fn save_live(store: &dyn Store, account: &str, order_id: &str) -> PaymentRecord {
    let mut change = made(&payment_of("demo", account, order_id));
    change.is_live = true;
    save_change(store, change).await
}

pub async fn account_with_live_payments_stays_as_it_was(store: &dyn Store) {
    let bound = binding("toss", "mid-1");
    store.bind_accounts(std::slice::from_ref(&bound)).await.unwrap();
    save_live(store, "toss", "order-1").await;
    let second = save_live(store, "toss", "order-2").await;
    // Neither those of another account nor those that are over count.
    save_live(store, "portone", "order-3").await;
    save_change(store, made(&payment("order-4"))).await;

    for (now, difference) in [
        (None, AccountDifference::Removed),
        (
            Some(AccountBinding { merchant: "other".parse().unwrap(), ..bound.clone() }),
            AccountDifference::Merchant,
        ),
        (Some(AccountBinding { kind: "another".to_owned(), ..bound.clone() }), AccountDifference::Kind),
        (Some(AccountBinding { mode: Mode::Live, ..bound.clone() }), AccountDifference::Mode),
        (Some(binding("toss", "mid-2")), AccountDifference::PgMerchant),
    ] {
        let bindings: Vec<_> = now.into_iter().collect();
        assert_eq!(refused(store, &bindings).await, Some(("toss".to_owned(), difference, 2)));
    }
    save_change(store, changed(&second)).await;
    let one = Some(("toss".to_owned(), AccountDifference::Removed, 1));
    assert_eq!(refused(store, &[]).await, one);
    assert_eq!(refused(store, &[bound]).await, None);
}

pub async fn account_without_live_payments_may_change_or_go(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1")]).await.unwrap();
    let live = save_live(store, "toss", "order-1").await;
    save_change(store, changed(&live)).await;
    store.bind_accounts(&[binding("toss", "mid-2")]).await.unwrap();
    store.bind_accounts(&[]).await.unwrap();

    // What it was changed to is what it is bound as.
    let changed_to = AccountBinding {
        merchant: "other".parse().unwrap(),
        kind: "another".to_owned(),
        mode: Mode::Live,
        ..binding("toss", "mid-3")
    };
    store.bind_accounts(std::slice::from_ref(&changed_to)).await.unwrap();
    let mut change = changed(&read(store, &live.payment).await);
    change.is_live = true;
    save_change(store, change).await;
    let back = Some(("toss".to_owned(), AccountDifference::Merchant, 1));
    assert_eq!(refused(store, &[binding("toss", "mid-3")]).await, back);
    assert_eq!(refused(store, &[changed_to]).await, None);
}

pub async fn same_and_new_accounts_are_bound(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1")]).await.unwrap();
    save_live(store, "toss", "order-1").await;
    let both = [binding("portone", "mid-1"), binding("toss", "mid-1")];
    store.bind_accounts(&both).await.unwrap();
    save_live(store, "portone", "order-2").await;
    let changed = Some(("portone".to_owned(), AccountDifference::PgMerchant, 1));
    assert_eq!(refused(store, &[binding("portone", "mid-2"), binding("toss", "mid-1")]).await, changed);
}

pub async fn one_changed_account_binds_none(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1"), binding("portone", "mid-1")]).await.unwrap();
    save_live(store, "toss", "order-1").await;
    let changed = Some(("toss".to_owned(), AccountDifference::PgMerchant, 1));
    assert_eq!(refused(store, &[binding("portone", "mid-2"), binding("toss", "mid-2")]).await, changed);
    // Had `portone` been bound to mid-2, a live payment would refuse going back to mid-1.
    save_live(store, "portone", "order-2").await;
    store.bind_accounts(&[binding("toss", "mid-1"), binding("portone", "mid-1")]).await.unwrap();
}

pub async fn removed_account_stays_bound(store: &dyn Store) {
    store.bind_accounts(&[binding("toss", "mid-1")]).await.unwrap();
    store.bind_accounts(&[]).await.unwrap();
    // Money may yet come in for it, in a process that was started before.
    save_live(store, "toss", "order-1").await;
    let changed = Some(("toss".to_owned(), AccountDifference::PgMerchant, 1));
    assert_eq!(refused(store, &[binding("toss", "mid-2")]).await, changed);
}
