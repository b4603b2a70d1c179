//! The inbox of received webhooks, and the deliveries that were seen.

use gateway_core::{AccountId, ReceivedWebhook, Store, StoreError, WebhookId};

use super::{INBOX_CAPACITY, account, assert_refused, at, other_account, webhook, webhook_of};

async fn taken(store: &dyn Store, now: i64, until: i64) -> Vec<WebhookId> {
    taken_for(store, &account(), now, until).await
}

async fn taken_for(store: &dyn Store, account: &AccountId, now: i64, until: i64) -> Vec<WebhookId> {
    let webhooks = store.lease_inbox(account, at(now), at(until), 10).await.unwrap();
    webhooks.into_iter().map(|webhook| webhook.id).collect()
}

pub async fn a_webhook_comes_out_as_it_came_in(store: &dyn Store) {
    let webhook = webhook(at(1));
    store.receive(webhook.clone()).await.unwrap();
    // Said twice, it is in once.
    store.receive(webhook.clone()).await.unwrap();
    assert_eq!(store.inbox_length(&account()).await.unwrap(), 1);
    assert_eq!(store.lease_inbox(&account(), at(1), at(100), 10).await.unwrap(), [webhook]);
}

pub async fn webhooks_are_taken_oldest_first_and_by_one(store: &dyn Store) {
    let webhooks = [webhook(at(3)), webhook(at(1)), webhook(at(2))];
    for webhook in &webhooks {
        store.receive(webhook.clone()).await.unwrap();
    }
    let [third, first, second] = webhooks.map(|webhook| webhook.id);
    let two = store.lease_inbox(&account(), at(5), at(100), 2).await.unwrap();
    assert_eq!(
        two.into_iter().map(|webhook| webhook.id).collect::<Vec<_>>(),
        [first.clone(), second.clone()]
    );
    assert_eq!(taken(store, 5, 100).await, std::slice::from_ref(&third));
    assert_eq!(taken(store, 99, 200).await, []);
    assert_eq!(taken(store, 100, 200).await, [first, second, third]);
}

pub async fn a_finished_webhook_is_gone(store: &dyn Store) {
    let (done, waits) = (webhook(at(1)), webhook(at(2)));
    store.receive(done.clone()).await.unwrap();
    store.receive(waits.clone()).await.unwrap();
    taken(store, 5, 100).await;
    store.finish_webhook(&done.id).await.unwrap();
    store.finish_webhook(&done.id).await.unwrap();
    assert_eq!(store.inbox_length(&account()).await.unwrap(), 1);
    assert_eq!(taken(store, 100, 200).await, [waits.id]);
}

pub async fn a_full_inbox_takes_nothing_until_there_is_room(store: &dyn Store) {
    let webhooks: Vec<ReceivedWebhook> = (0..INBOX_CAPACITY).map(|n| webhook(at(i64::from(n)))).collect();
    for webhook in &webhooks {
        store.receive(webhook.clone()).await.unwrap();
    }
    // A lease makes no room: what it asked for is not done yet.
    taken(store, 50, 100).await;
    let one_more = webhook(at(60));
    assert_refused!(store.receive(one_more.clone()).await, StoreError::InboxFull);
    assert_eq!(store.inbox_length(&account()).await.unwrap(), u64::from(INBOX_CAPACITY));
    store.finish_webhook(&webhooks[0].id).await.unwrap();
    store.receive(one_more).await.unwrap();
}

pub async fn what_came_for_one_account_is_not_taken_for_another(store: &dyn Store) {
    let (mine, theirs) = (webhook(at(2)), webhook_of(&other_account(), at(1)));
    for webhook in [&mine, &theirs] {
        store.receive(webhook.clone()).await.unwrap();
    }
    // An older one of another account uses up nobody's limit.
    assert_eq!(store.lease_inbox(&account(), at(5), at(100), 1).await.unwrap(), [mine]);
    assert_eq!(taken(store, 5, 100).await, []);
    assert_eq!(taken_for(store, &other_account(), 5, 100).await, [theirs.id]);
}

pub async fn one_accounts_full_inbox_does_not_fill_anothers(store: &dyn Store) {
    for n in 0..INBOX_CAPACITY {
        store.receive(webhook(at(i64::from(n)))).await.unwrap();
    }
    assert_refused!(store.receive(webhook(at(60))).await, StoreError::InboxFull);
    assert_eq!(store.inbox_length(&other_account()).await.unwrap(), 0);
    let theirs: Vec<_> = (0..INBOX_CAPACITY).map(|_| webhook_of(&other_account(), at(60))).collect();
    for webhook in &theirs {
        store.receive(webhook.clone()).await.unwrap();
    }
    assert_refused!(store.receive(webhook_of(&other_account(), at(61))).await, StoreError::InboxFull);
    // Room in one is no room in the other.
    store.finish_webhook(&theirs[0].id).await.unwrap();
    assert_refused!(store.receive(webhook(at(62))).await, StoreError::InboxFull);
    store.receive(webhook_of(&other_account(), at(62))).await.unwrap();
    for account in [account(), other_account()] {
        assert_eq!(store.inbox_length(&account).await.unwrap(), u64::from(INBOX_CAPACITY));
    }
}

pub async fn a_delivery_is_new_once_per_account(store: &dyn Store) {
    for (account, delivery, is_new) in
        [("toss", "d-1", true), ("toss", "d-1", false), ("toss", "d-2", true), ("portone", "d-1", true)]
    {
        let account = account.parse().unwrap();
        let remembered = store.remember_delivery(&account, delivery, at(1)).await.unwrap();
        assert_eq!(remembered, is_new, "{account} {delivery}");
    }
}
