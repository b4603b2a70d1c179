//! The merchant: orders, payments, cancels, questions.

use std::sync::Arc;

use paymux_core::{
    gateway::{GatewayError, NewCancel, NewPayment, RequestKey},
    model::{CancelId, Method, Money, PaymentId, PaymentTerms, RefundAccount, ReviewReason, Secret},
    store::{PaymentFilter, PaymentRecord, PaymentStore},
};

use super::buyer::Tab;
use crate::{cluster::Cluster, model_pg::Model, store::peek, world::Owner};

/// One order of the merchant.
#[derive(Clone)]
pub(crate) struct Order {
    cluster: Arc<Cluster>,
    model: Arc<Model>,
    name: String,
    price: u64,
    by_deposit: bool,
}

/// Everything that happens around one order.
pub(crate) async fn sell(cluster: Arc<Cluster>, number: u64) {
    let world = Arc::clone(&cluster.world);
    let which = world.draw(|rng| rng.index(cluster.models.len()));
    let order = Order {
        model: Arc::clone(&cluster.models[which]),
        name: format!("order-{number}"),
        price: world.draw(|rng| rng.between(5, 20)) * 1_000,
        by_deposit: world.chance(350),
        cluster,
    };
    world.pause(0, 120).await;
    for _ in 0..world.draw(|rng| rng.between(1, 2)) {
        let Some(payment) = order.register().await else {
            world.pause(5, 60).await;
            continue;
        };
        let tabs = if world.chance(250) { 2 } else { 1 };
        for _ in 0..tabs {
            world.spawn(Owner::Outside, order.tab(payment.clone()).browse());
        }
        for _ in 0..world.draw(|rng| rng.between(0, 3)) {
            world.spawn(Owner::Outside, order.clone().act(payment.clone()));
        }
        if world.profile.refund_needs_account
            && (order.by_deposit || world.profile.mixes_methods)
            && world.chance(700)
        {
            world.spawn(Owner::Outside, order.clone().help_refunds(payment.clone()));
        }
        // The order may be sold again, over whatever became of the payment.
        world.pause(60, 4 * 60 * 60).await;
    }
}

fn refund_account() -> RefundAccount {
    RefundAccount::new("020".parse().expect("우리 has this code"), Secret::new("1"), Secret::new("buyer"))
}

impl Order {
    fn tab(&self, payment: PaymentId) -> Tab {
        Tab {
            cluster: Arc::clone(&self.cluster),
            model: Arc::clone(&self.model),
            payment,
            price: self.price,
            by_deposit: self.by_deposit,
        }
    }

    async fn register(&self) -> Option<PaymentId> {
        let mut new = self.new_payment();
        if self.cluster.world.chance(250) {
            // Another body: over an ended payment that is a new one.
            new.terms.order_name = "another thing".to_owned();
        }
        let merchant = self.cluster.merchant.clone();
        let registered = self.cluster.ask("register".to_owned(), move |gateway| {
            Box::pin(async move { gateway.register(&merchant, new, None).await })
        });
        let registered = registered.await?.ok()?;
        self.cluster.world.count(|stats| stats.payments += u64::from(registered.created));
        Some(registered.record.payment.id)
    }

    fn new_payment(&self) -> NewPayment {
        NewPayment {
            order_id: self.name.parse().expect("an order id"),
            terms: PaymentTerms {
                method: Some(if self.by_deposit { Method::VirtualAccount } else { Method::Card }),
                account: Some(self.model.account.clone()),
                ..PaymentTerms::new("a thing", Money::krw(self.price), "https://shop.example/return")
            },
        }
    }

    /// One thing the merchant does with a payment, some time later.
    async fn act(self, payment: PaymentId) {
        let world = Arc::clone(&self.cluster.world);
        if world.chance(800) {
            world.pause(1, 10 * 60).await;
        } else {
            world.pause(60, 8 * 60 * 60).await;
        }
        match world.draw(|rng| rng.below(10)) {
            0..6 => self.cancel(payment).await,
            6 | 7 => {
                let merchant = self.cluster.merchant.clone();
                self.cluster.stirred(&payment);
                let verified = self.cluster.ask("verify".to_owned(), move |gateway| {
                    Box::pin(async move { gateway.verify(&merchant, &payment).await.map(|_| ()) })
                });
                verified.await;
            }
            _ => {
                for _ in 0..3 {
                    let (merchant, payment) = (self.cluster.merchant.clone(), payment.clone());
                    self.cluster.stirred(&payment);
                    let read = self.cluster.ask("read".to_owned(), move |gateway| {
                        Box::pin(async move { gateway.read(&merchant, &payment).await.map(|_| ()) })
                    });
                    read.await;
                    world.pause(5, 30).await;
                }
            }
        }
    }

    /// Cancels, with the same key again where no answer came, or all the same.
    async fn cancel(&self, payment: PaymentId) {
        let world = Arc::clone(&self.cluster.world);
        let amount = world.draw(|rng| match rng.below(10) {
            0..5 => None,
            5..9 => Some(Money::krw(rng.between(1, self.price / 1_000) * 1_000)),
            _ => Some(Money::krw(self.price + 1_000)),
        });
        let new = NewCancel {
            reason: "changed my mind".to_owned(),
            amount,
            expected_cancellable: None,
            tax_free_amount: None,
            vat_amount: None,
            refund_account: (self.by_deposit || self.cluster.world.profile.mixes_methods)
                .then(refund_account),
            takes_over: None,
        };
        let number = world.draw(crate::rng::Rng::next);
        let key = RequestKey { key: format!("key {number}"), digest: "the same".to_owned() };
        if world.chance(200) {
            let (order, payment, new, key) = (self.clone(), payment.clone(), new.clone(), key.clone());
            world.spawn(Owner::Outside, async move {
                order.cancel_with(payment, new, key).await;
            });
        }
        for _ in 0..3 {
            let answer = self.cancel_with(payment.clone(), new.clone(), key.clone()).await;
            let again = match answer {
                None | Some(Err(GatewayError::ProviderUnavailable { .. } | GatewayError::Store(_))) => true,
                Some(_) => world.chance(150),
            };
            if !again {
                break;
            }
            world.pause(1, 15 * 60).await;
        }
        if world.chance(60) {
            // Long after other keys are forgotten: the same key must not refund again.
            world.pause(16 * 24 * 3_600, 17 * 24 * 3_600).await;
            self.cancel_with(payment, new, key).await;
        }
    }

    /// Names an account for money that must go back and waits for one.
    pub(crate) async fn help_refunds(self, payment: PaymentId) {
        let world = Arc::clone(&self.cluster.world);
        for _ in 0..3 {
            world.pause(20 * 60, 5 * 3_600).await;
            let record = peek(self.cluster.kept.payment(&self.cluster.merchant, &payment)).ok().flatten();
            let cancels = record.iter().flat_map(|record| &record.charges).flat_map(|charge| &charge.cancels);
            let mut waiting =
                cancels.filter(|cancel| cancel.held == Some(ReviewReason::CompensationNeedsAccount));
            let Some(waiting) = waiting.next().map(|cancel| cancel.id.clone()) else { continue };
            let new = NewCancel {
                reason: "your account".to_owned(),
                amount: None,
                expected_cancellable: None,
                tax_free_amount: None,
                vat_amount: None,
                refund_account: Some(refund_account()),
                takes_over: Some(waiting),
            };
            let number = world.draw(crate::rng::Rng::next);
            let key = RequestKey { key: format!("key {number}"), digest: "the same".to_owned() };
            self.cancel_with(payment.clone(), new, key).await;
        }
    }

    /// As the API does it: the key is looked up first.
    async fn cancel_with(
        &self,
        payment: PaymentId,
        new: NewCancel,
        key: RequestKey,
    ) -> Option<Result<(PaymentRecord, CancelId), GatewayError>> {
        let merchant = self.cluster.merchant.clone();
        let what = format!("cancel {:?} with {}", new.amount.map(Money::amount), key.key);
        self.cluster.stirred(&payment);
        let answer = self.cluster.ask(what, move |gateway| {
            Box::pin(async move {
                let known = gateway.store().idempotency(&merchant, &key.key).await?;
                match known.and_then(|known| known.cancel) {
                    Some(cancel) => gateway.cancel_result(&merchant, &payment, &cancel).await,
                    None => gateway.cancel(&merchant, &payment, &new, Some(&key)).await,
                }
            })
        });
        answer.await
    }
}

/// The PG order ids known to the gateway.
pub(crate) fn known_orders(cluster: &Cluster) -> Vec<String> {
    let records = peek(cluster.kept.payments(&cluster.merchant, &PaymentFilter::default(), 100));
    let records = records.unwrap_or_default();
    let attempts = records.iter().flat_map(|record| &record.attempts);
    attempts.map(|attempt| attempt.pg_order_id.to_string()).collect()
}
