//! The inbox of received webhooks, and the deliveries that were seen.

use gateway_core::{ReceivedWebhook, Store, StoreError, WebhookId};

use super::{INBOX_CAPACITY, assert_refused, at, webhook};

async fn taken(store: &dyn Store, now: i64, until: i64) -> Vec<WebhookId> {
    let webhooks = store.lease_inbox(at(now), at(until), 10).await.unwrap();
    webhooks.into_iter().map(|webhook| webhook.id).collect()
}

pub async fn a_webhook_comes_out_as_it_came_in(store: &dyn Store) {
    let webhook = webhook(at(1));
    store.receive(webhook.clone()).await.unwrap();
    // Said twice, it is in once.
    store.receive(webhook.clone()).await.unwrap();
    assert_eq!(store.inbox_length().await.unwrap(), 1);
    assert_eq!(store.lease_inbox(at(1), at(100), 10).await.unwrap(), [webhook]);
}

pub async fn webhooks_are_taken_oldest_first_and_by_one(store: &dyn Store) {
    let webhooks = [webhook(at(3)), webhook(at(1)), webhook(at(2))];
    for webhook in &webhooks {
        store.receive(webhook.clone()).await.unwrap();
    }
    let [third, first, second] = webhooks.map(|webhook| webhook.id);
    let two = store.lease_inbox(at(5), at(100), 2).await.unwrap();
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
    assert_eq!(store.inbox_length().await.unwrap(), 1);
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
    assert_eq!(store.inbox_length().await.unwrap(), u64::from(INBOX_CAPACITY));
    store.finish_webhook(&webhooks[0].id).await.unwrap();
    store.receive(one_more).await.unwrap();
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
