//! A buyer at a payment window, and what the browser brings back.

use std::sync::Arc;

use paymux_core::{
    gateway::GatewayError,
    model::{Device, PaymentId, PaymentStatus, PgOrderId, PgPaymentId},
    store::PaymentRecord,
};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    model_pg::{Kind, Model, Paying},
};

/// One browser tab of a buyer.
#[derive(Clone)]
pub(crate) struct Tab {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) model: Arc<Model>,
    pub(crate) payment: PaymentId,
    pub(crate) price: u64,
    pub(crate) by_deposit: bool,
}

impl Tab {
    /// Opens the window a few times, until the payment is made or given up.
    pub(crate) async fn browse(self) {
        let world = Arc::clone(&self.cluster.world);
        for _ in 0..3 {
            let Some(order) = self.open().await else {
                world.pause(1, 60).await;
                continue;
            };
            let Some(result) = self.go_through(&order).await else { return };
            let shown = self.bring_back(result).await;
            let may_go_on =
                shown.is_none_or(|status| matches!(status, PaymentStatus::Ready | PaymentStatus::Failed));
            if !may_go_on || world.chance(300) {
                return;
            }
            world.pause(1, 120).await;
        }
    }

    /// The page asks what to do.
    async fn open(&self) -> Option<PgOrderId> {
        self.cluster.stirred(&self.payment);
        let (merchant, id) = (self.cluster.merchant.clone(), self.payment.clone());
        let step = self.cluster.ask("next action".to_owned(), move |gateway| {
            Box::pin(async move { gateway.next_action(&merchant, &id, Device::Desktop, None).await })
        });
        let (record, _) = step.await?.ok()?;
        record.attempts.last().map(|attempt| attempt.pg_order_id.clone())
    }

    /// What the buyer does there, and what the browser holds afterwards. `None`: the tab is closed.
    async fn go_through(&self, order: &PgOrderId) -> Option<Value> {
        let world = &self.cluster.world;
        match world.draw(|rng| rng.below(100)) {
            0..50 if world.profile.mixes_methods => world.pause(60, 5 * 60 * 60).await,
            0..75 => world.pause(1, 40).await,
            75..90 => world.pause(60, 15 * 60).await,
            90..97 => world.pause(60, 4 * 60 * 60).await,
            _ => world.pause(60 * 60, 5 * 24 * 60 * 60).await,
        }
        if world.chance(120) {
            return Some(json!({ "order_id": order.as_str(), "failure": "closed" }));
        }
        let tampers = world.chance(60);
        let by_deposit = self.by_deposit != (world.profile.mixes_methods && world.chance(500));
        let paying = Paying {
            amount: if tampers { self.price / 2 } else { self.price },
            due_at: by_deposit.then(|| self.due_at()),
            is_refused: world.chance(150),
        };
        let pg_id = self.model.books(|books| self.model.pay_in_window(books, order.as_str(), paying));
        let Some(pg_id) = pg_id else {
            return Some(json!({ "order_id": order.as_str(), "failure": "paid already" }));
        };
        if world.chance(120) {
            return None;
        }
        if paying.is_refused && self.model.kind == Kind::BeforeConfirm {
            return Some(
                json!({ "order_id": order.as_str(), "pg_id": pg_id.as_str(), "failure": "declined" }),
            );
        }
        Some(self.result(order, &pg_id))
    }

    fn due_at(&self) -> jiff::Timestamp {
        let longest = if self.cluster.world.profile.mixes_methods { 2 } else { 30 };
        let hours = self.cluster.world.draw(|rng| rng.between(1, longest));
        let wait = std::time::Duration::from_secs(hours * 60 * 60);
        self.cluster.world.now().saturating_add(wait).unwrap_or(jiff::Timestamp::MAX)
    }

    /// The browser result, as it is or as somebody made it.
    fn result(&self, order: &PgOrderId, pg_id: &PgPaymentId) -> Value {
        let world = &self.cluster.world;
        let right =
            json!({ "order_id": order.as_str(), "pg_id": pg_id.as_str(), "amount": self.price.to_string() });
        let (mut order, mut pg_id, mut amount) = (order.to_string(), pg_id.to_string(), self.price);
        let odd = if world.profile.forges { 25 } else { 0 };
        match world.draw(|rng| rng.below(odd.max(1)) + u64::from(odd == 0) * 99) {
            0 => amount = 1,
            1 => pg_id = "madeup".to_owned(),
            2 | 3 => {
                // Another payment's result, or half of it.
                let others: Vec<_> = self.model.books(|books| {
                    books
                        .rows
                        .values()
                        .map(|row| (row.now().order.clone(), row.now().id.to_string()))
                        .collect()
                });
                let (other, other_id) = others[world.draw(|rng| rng.index(others.len()))].clone();
                pg_id = other_id;
                if world.chance(500) {
                    order = other;
                }
            }
            4 if self.model.kind == Kind::BeforeConfirm => return json!({ "order_id": order }),
            _ => return right,
        }
        json!({ "order_id": order, "pg_id": pg_id, "amount": amount.to_string() })
    }

    /// The page brings the result to the shop, perhaps more than once, perhaps at the same time.
    async fn bring_back(&self, result: Value) -> Option<PaymentStatus> {
        let world = &self.cluster.world;
        world.pause(0, 5).await;
        if world.chance(80) {
            world.pause(60, 12 * 60).await;
        }
        if world.chance(200) {
            let (tab, again) = (self.clone(), result.clone());
            world.spawn(crate::world::Owner::Outside, async move {
                tab.cluster.world.pause(0, 90).await;
                tab.confirm(again).await;
            });
        }
        match self.confirm(result).await? {
            Ok(record) => Some(record.payment.status()),
            Err(GatewayError::Declined { record, .. } | GatewayError::Mismatch(record)) => {
                Some(record.payment.status())
            }
            Err(_) => None,
        }
    }

    async fn confirm(&self, result: Value) -> Option<Result<PaymentRecord, GatewayError>> {
        self.cluster.stirred(&self.payment);
        let (merchant, id) = (self.cluster.merchant.clone(), self.payment.clone());
        let what = format!("confirm {result}");
        let answer = self.cluster.ask(what, move |gateway| {
            Box::pin(async move { gateway.confirm(&merchant, &id, &result, None).await })
        });
        answer.await
    }
}
