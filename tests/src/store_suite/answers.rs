//! What only a POST's answer holds.

use paymux_core::{
    model::{Charge, ChargeId, Payment, Secret},
    store::{SavedAnswer, Store},
};

use super::sample::{at, changed, charge, made, only, payment, read, save_change};

fn answer(charge: &ChargeId, secret: &str) -> SavedAnswer {
    SavedAnswer { charge: charge.clone(), webhook_secret: Secret::new(secret) }
}

/// A payment with two charges that have no secret.
async fn with_charges(store: &dyn Store) -> (Payment, [Charge; 2]) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.charges = vec![charge("pg-1", true), charge("pg-2", false)];
    let record = save_change(store, change).await;
    (payment, record.charges.try_into().unwrap())
}

pub async fn secret_is_saved_whatever_the_version(store: &dyn Store) {
    let (payment, [first, second]) = with_charges(store).await;
    store.save_answer(&payment.merchant, &payment.id, answer(&second.id, "ps_1")).await.unwrap();
    let kept = read(store, &payment).await;
    assert_eq!(kept.payment, payment);
    let with_secret = Charge { webhook_secret: Some(Secret::new("ps_1")), ..second.clone() };
    assert_eq!(kept.charges, [first.clone(), with_secret]);

    let mut change = changed(&kept);
    change.charges = vec![Charge { asked_at: Some(at(1)), ..second.clone() }];
    store.commit(only(change)).await.unwrap();
    store.save_answer(&payment.merchant, &payment.id, answer(&second.id, "ps_2")).await.unwrap();
    let kept = read(store, &payment).await;
    assert_eq!(kept.payment.version, 2);
    let secret = Some(Secret::new("ps_2"));
    assert_eq!(kept.charges, [first, Charge { asked_at: Some(at(1)), webhook_secret: secret, ..second }]);
}

pub async fn saved_secret_outlives_a_change_made_before_it(store: &dyn Store) {
    let (payment, [first, _]) = with_charges(store).await;
    let before = read(store, &payment).await;
    store.save_answer(&payment.merchant, &payment.id, answer(&first.id, "ps_1")).await.unwrap();

    let mut change = changed(&before);
    change.charges = vec![Charge { asked_at: Some(at(1)), ..first }];
    let kept = save_change(store, change).await;
    assert_eq!(kept.charges[0].asked_at, Some(at(1)));
    assert_eq!(kept.charges[0].webhook_secret, Some(Secret::new("ps_1")));
    assert_eq!(kept.charges[1], before.charges[1]);
}

pub async fn secret_in_a_change_replaces_the_saved_one(store: &dyn Store) {
    let (payment, [first, _]) = with_charges(store).await;
    store.save_answer(&payment.merchant, &payment.id, answer(&first.id, "ps_1")).await.unwrap();
    let mut change = changed(&read(store, &payment).await);
    change.charges = vec![Charge { webhook_secret: Some(Secret::new("ps_2")), ..first }];
    let kept = save_change(store, change).await;
    assert_eq!(kept.charges[0].webhook_secret, Some(Secret::new("ps_2")));
}

pub async fn secret_of_an_unknown_charge_is_ignored(store: &dyn Store) {
    let (mine, [first, _]) = with_charges(store).await;
    let before = read(store, &mine).await;
    let unknown = charge("pg-3", false);
    store.save_answer(&mine.merchant, &mine.id, answer(&unknown.id, "ps_1")).await.unwrap();
    store.save_answer(&mine.merchant, &payment("order-2").id, answer(&first.id, "ps_1")).await.unwrap();
    store.save_answer(&"other".parse().unwrap(), &mine.id, answer(&first.id, "ps_1")).await.unwrap();
    assert_eq!(read(store, &mine).await, before);
}
