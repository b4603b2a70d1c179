//! The inbox of received webhooks, and the deliveries that were seen.

use paymux_core::{
    model::{AccountId, WebhookId},
    store::{ReceivedWebhook, Room, Store, StoreError},
};

use super::{
    INBOX_CAPACITY, assert_refused,
    sample::{account, at, other_account, webhook, webhook_of},
};

async fn leased(store: &dyn Store, now: i64, until: i64) -> Vec<WebhookId> {
    leased_for(store, &account(), now, until).await
}

async fn leased_for(store: &dyn Store, account: &AccountId, now: i64, until: i64) -> Vec<WebhookId> {
    ids(store.lease_inbox(account, at(now), at(until), 10).await.unwrap())
}

fn ids(webhooks: Vec<ReceivedWebhook>) -> Vec<WebhookId> {
    webhooks.into_iter().map(|webhook| webhook.id).collect()
}

/// Fills a room of an account, and returns what is in it.
async fn fill(store: &dyn Store, account: &AccountId, room: Room) -> Vec<ReceivedWebhook> {
    let webhooks: Vec<_> = (0..INBOX_CAPACITY).map(|n| webhook_of(account, room, at(i64::from(n)))).collect();
    for webhook in &webhooks {
        store.receive(webhook.clone()).await.unwrap();
    }
    assert_refused!(store.receive(webhook_of(account, room, at(60))).await, StoreError::InboxFull);
    webhooks
}

pub async fn webhook_comes_out_as_it_came_in(store: &dyn Store) {
    for room in [Room::Known, Room::Unverified] {
        let webhook = webhook_of(&account(), room, at(1));
        store.receive(webhook.clone()).await.unwrap();
        // Received twice, it is in once.
        store.receive(webhook.clone()).await.unwrap();
        assert_eq!(store.inbox_length(&account()).await.unwrap(), 1);
        let taken = store.lease_inbox(&account(), at(1), at(100), 10).await.unwrap();
        assert_eq!(taken, std::slice::from_ref(&webhook));
        store.finish_webhook(&account(), &webhook.id).await.unwrap();
    }
}

pub async fn webhooks_are_leased_oldest_first_and_once(store: &dyn Store) {
    let webhooks = [webhook(at(3)), webhook(at(1)), webhook(at(2))];
    for webhook in &webhooks {
        store.receive(webhook.clone()).await.unwrap();
    }
    let [third, first, second] = webhooks.map(|webhook| webhook.id);
    let two = store.lease_inbox(&account(), at(5), at(100), 2).await.unwrap();
    assert_eq!(ids(two), [first.clone(), second.clone()]);
    assert_eq!(leased(store, 5, 100).await, std::slice::from_ref(&third));
    assert_eq!(leased(store, 99, 200).await, []);
    assert_eq!(leased(store, 100, 200).await, [first, second, third]);
}

pub async fn known_webhooks_are_leased_first(store: &dyn Store) {
    let received = [
        webhook_of(&account(), Room::Unverified, at(1)),
        webhook_of(&account(), Room::Known, at(4)),
        webhook_of(&account(), Room::Unverified, at(2)),
        webhook_of(&account(), Room::Known, at(3)),
    ];
    for webhook in &received {
        store.receive(webhook.clone()).await.unwrap();
    }
    let [third, second, fourth, first] = received.map(|webhook| webhook.id);
    let three = store.lease_inbox(&account(), at(5), at(100), 3).await.unwrap();
    assert_eq!(ids(three), [first, second, third]);
    assert_eq!(leased(store, 5, 100).await, [fourth]);
}

pub async fn finished_webhook_is_gone(store: &dyn Store) {
    let (done, waits) = (webhook(at(1)), webhook(at(2)));
    for webhook in [&done, &waits] {
        store.receive(webhook.clone()).await.unwrap();
    }
    leased(store, 5, 100).await;
    store.finish_webhook(&account(), &done.id).await.unwrap();
    store.finish_webhook(&account(), &done.id).await.unwrap();
    // Another account finishes nothing of this one.
    store.finish_webhook(&other_account(), &waits.id).await.unwrap();
    assert_eq!(store.inbox_length(&account()).await.unwrap(), 1);
    assert_eq!(leased(store, 100, 200).await, [waits.id]);
}

pub async fn full_room_takes_nothing_until_there_is_space(store: &dyn Store) {
    let webhooks = fill(store, &account(), Room::Known).await;
    // A lease makes no space: what the webhook asked for is not done yet.
    leased(store, 50, 100).await;
    let one_more = webhook(at(60));
    assert_refused!(store.receive(one_more.clone()).await, StoreError::InboxFull);
    assert_eq!(store.inbox_length(&account()).await.unwrap(), u64::from(INBOX_CAPACITY));
    store.finish_webhook(&account(), &webhooks[0].id).await.unwrap();
    store.receive(one_more).await.unwrap();
}

pub async fn full_room_takes_no_space_from_the_other(store: &dyn Store) {
    let unverified = fill(store, &account(), Room::Unverified).await;
    let known = fill(store, &account(), Room::Known).await;
    assert_eq!(store.inbox_length(&account()).await.unwrap(), 2 * u64::from(INBOX_CAPACITY));
    // Space in one is no space in the other.
    store.finish_webhook(&account(), &unverified[0].id).await.unwrap();
    assert_refused!(store.receive(webhook(at(60))).await, StoreError::InboxFull);
    store.receive(webhook_of(&account(), Room::Unverified, at(60))).await.unwrap();
    store.finish_webhook(&account(), &known[0].id).await.unwrap();
    store.receive(webhook(at(60))).await.unwrap();
}

pub async fn webhooks_are_leased_for_their_account_only(store: &dyn Store) {
    let (mine, theirs) = (webhook(at(2)), webhook_of(&other_account(), Room::Known, at(1)));
    for webhook in [&mine, &theirs] {
        store.receive(webhook.clone()).await.unwrap();
    }
    // An older one of another account does not count against the limit.
    assert_eq!(store.lease_inbox(&account(), at(5), at(100), 1).await.unwrap(), [mine]);
    assert_eq!(leased(store, 5, 100).await, []);
    assert_eq!(leased_for(store, &other_account(), 5, 100).await, [theirs.id]);
}

pub async fn accounts_share_no_space(store: &dyn Store) {
    fill(store, &account(), Room::Known).await;
    assert_eq!(store.inbox_length(&other_account()).await.unwrap(), 0);
    let theirs = fill(store, &other_account(), Room::Known).await;
    store.finish_webhook(&other_account(), &theirs[0].id).await.unwrap();
    assert_refused!(store.receive(webhook(at(62))).await, StoreError::InboxFull);
    store.receive(webhook_of(&other_account(), Room::Known, at(62))).await.unwrap();
    for account in [account(), other_account()] {
        assert_eq!(store.inbox_length(&account).await.unwrap(), u64::from(INBOX_CAPACITY));
    }
}

pub async fn delivery_is_new_once_per_account(store: &dyn Store) {
    for (account, delivery, is_new) in
        [("toss", "d-1", true), ("toss", "d-1", false), ("toss", "d-2", true), ("portone", "d-1", true)]
    {
        let account = account.parse().unwrap();
        let remembered = store.remember_delivery(&account, delivery, at(1)).await.unwrap();
        assert_eq!(remembered, is_new, "{account} {delivery}");
    }
}
