//! Two backends, given the same calls, say and keep the same.

use std::fmt::Debug;

use gateway_core::{
    AccountId, Change, Event, IdSource, NewEvent, Payment, PaymentFilter, PaymentId, PaymentRecord,
    PaymentStatus, ReceivedWebhook, Secret, Store, Watch,
};

use super::{
    account, at, attempt_with, cancel, changed, event, made,
    operators::{closed_case, open_case},
    other_account, payment_of, request, webhook_of,
};

const STEPS: i64 = 100;

/// Makes the same random calls on both stores and compares every answer, then everything kept.
pub async fn two_stores_agree(left: &dyn Store, right: &dyn Store, seed: u64) {
    let mut walk = Walk { dice: IdSource::seeded(seed), seen: Vec::new(), received: Vec::new(), seed };
    for step in 0..STEPS {
        walk.step([left, right], step).await;
    }
    walk.compare_all([left, right]).await;
}

struct Walk {
    dice: IdSource,
    /// What was read at some time: changes are made of these, so that many are of an old version.
    seen: Vec<PaymentRecord>,
    received: Vec<ReceivedWebhook>,
    seed: u64,
}

impl Walk {
    async fn step(&mut self, stores: [&dyn Store; 2], step: i64) {
        match self.dice.below(11) {
            0 | 1 => {
                let change = self.new_payment();
                self.commit(stores, change).await;
            }
            2..=4 => {
                let Some(record) = self.pick() else { return };
                let change = self.change_of(&record, step);
                self.commit(stores, change).await;
            }
            5 => {
                let Some(record) = self.pick() else { return };
                let due = at(step + [0, 0, 5, 20][self.under(4)]);
                for store in stores {
                    store.mark_dirty(&record.payment.id, due).await.unwrap();
                }
            }
            6 => {
                let Some(record) = self.pick() else { return };
                let secret = (self.dice.below(2) == 0).then(|| Secret::new(step.to_string()));
                let raw = Some(Secret::new(format!("raw {step}")));
                for store in stores {
                    store.keep_answer(&record.payment.id, 1, secret.clone(), raw.clone()).await.unwrap();
                }
            }
            7 => self.lease(stores, step).await,
            8 => self.receive(stores, step).await,
            9 => self.lease_inbox(stores, step).await,
            _ => self.finish(stores).await,
        }
        self.read_one(stores).await;
    }

    async fn lease(&self, [left, right]: [&dyn Store; 2], step: i64) {
        let (account, until) = (self.account(), at(step + 10));
        let mut leased = [
            left.lease_due(&account, at(step), until, 100).await.unwrap(),
            right.lease_due(&account, at(step), until, 100).await.unwrap(),
        ];
        // Those due at the same moment have no order among them.
        leased.iter_mut().for_each(|leased| leased.sort());
        self.same("leased", leased);
    }

    async fn receive(&mut self, [left, right]: [&dyn Store; 2], step: i64) {
        let webhook = webhook_of(&self.account(), at(step));
        let outcomes = [left.receive(webhook.clone()).await, right.receive(webhook.clone()).await];
        self.same("receive", outcomes.map(|outcome| format!("{outcome:?}")));
        self.received.push(webhook);
    }

    async fn lease_inbox(&self, [left, right]: [&dyn Store; 2], step: i64) {
        let (account, until) = (self.account(), at(step + 10));
        let leased = [
            left.lease_inbox(&account, at(step), until, 2).await.unwrap(),
            right.lease_inbox(&account, at(step), until, 2).await.unwrap(),
        ];
        self.same("leased webhooks", leased);
    }

    async fn finish(&self, stores: [&dyn Store; 2]) {
        // Some of them are finished already, or were never let in.
        let Some(at) = self.received.len().checked_sub(1 + self.under(6)) else { return };
        for store in stores {
            store.finish_webhook(&self.received[at].id).await.unwrap();
        }
    }

    async fn commit(&mut self, [left, right]: [&dyn Store; 2], change: Change) {
        let outcomes = [left.commit(change.clone()).await, right.commit(change.clone()).await];
        self.same("commit", outcomes.map(|outcome| format!("{outcome:?}")));
        let payment = &change.payment;
        self.seen.extend(left.payment(&payment.merchant, &payment.id).await.unwrap());
    }

    fn pick(&self) -> Option<PaymentRecord> {
        let length = u64::try_from(self.seen.len()).unwrap();
        // Rather a new one than an old one, or nearly every change would be a conflict.
        let back = self.dice.below(length.min(4)).checked_add(1)?;
        self.seen.iter().nth_back(usize::try_from(back - 1).unwrap()).cloned()
    }

    fn new_payment(&self) -> Change {
        let merchant = ["demo", "other"][self.under(2)];
        let payment =
            payment_of(merchant, self.account().as_str(), ["order-1", "order-2", "order-3"][self.under(3)]);
        let key = ["key-1", "key-2", "key-3", "key-4"][self.under(4)];
        let idempotency = (self.under(3) == 0).then(|| request(&payment, key));
        let supersedes = self.pick().filter(|_| self.under(2) == 0).map(|record| record.payment.id);
        Change { events: vec![event(&payment, 1)], idempotency, supersedes, ..made(&payment) }
    }

    fn change_of(&self, record: &PaymentRecord, step: i64) -> Change {
        let mut change = changed(record);
        let watch = Watch { at: at(step + i64::from(self.dice.below(5) == 0) * 5), tries: 1 };
        change.payment.status = PaymentStatus::ALL[self.under(PaymentStatus::ALL.len())];
        change.payment.watch = (self.under(2) == 0).then_some(watch);
        change.more_hints_at = (self.under(2) == 0).then(|| at(step + 7));
        change.payment.cases =
            (1..).zip([closed_case, open_case]).take(self.under(3)).map(|(n, case)| case(n)).collect();
        change.events = vec![event(&change.payment, record.events + 1)];
        if self.under(2) == 0 {
            let pg_id = ["pg-1", "pg-2"][self.under(2)];
            change.attempts = vec![attempt_with(&change.payment, 1, pg_id, self.under(2) == 0)];
        }
        if self.under(3) == 0 {
            change.cancels = vec![cancel(1_000)];
        }
        change
    }

    fn account(&self) -> AccountId {
        [account(), other_account()][self.under(2)].clone()
    }

    fn under(&self, bound: usize) -> usize {
        usize::try_from(self.dice.below(u64::try_from(bound).unwrap())).unwrap()
    }

    async fn read_one(&self, [left, right]: [&dyn Store; 2]) {
        for account in [account(), other_account()] {
            let next = [left.next_due(&account).await.unwrap(), right.next_due(&account).await.unwrap()];
            self.same("next due", next);
            let lengths =
                [left.inbox_length(&account).await.unwrap(), right.inbox_length(&account).await.unwrap()];
            self.same("inbox length", lengths);
        }
        let Some(PaymentRecord { payment: Payment { id, merchant, order_id, account, .. }, .. }) =
            self.pick()
        else {
            return;
        };
        let of_order = [
            left.payment_of_order(&merchant, &order_id).await.unwrap(),
            right.payment_of_order(&merchant, &order_id).await.unwrap(),
        ];
        self.same("payment of order", of_order);
        let pg_id = ["pg-1", "pg-2"][self.under(2)].parse().unwrap();
        let owners = [
            left.owner_of_pg_id(&account, &pg_id).await.unwrap(),
            right.owner_of_pg_id(&account, &pg_id).await.unwrap(),
        ];
        self.same("owner of PG id", owners);
        let owners = [left.owner_of(&id).await.unwrap(), right.owner_of(&id).await.unwrap()];
        self.same("owner", owners);
        let events =
            [left.events_of(&merchant, &id).await.unwrap(), right.events_of(&merchant, &id).await.unwrap()];
        self.same("events of a payment", events.map(told));
        self.compare_operators([left, right], &id).await;
    }

    async fn compare_operators(&self, [left, right]: [&dyn Store; 2], after: &PaymentId) {
        let counts = [left.count_payments().await.unwrap(), right.count_payments().await.unwrap()];
        self.same("count", counts);
        for after in [None, Some(after)] {
            let all =
                [left.all_payments(after, 5).await.unwrap(), right.all_payments(after, 5).await.unwrap()];
            self.same("all payments", all);
            for only_open in [true, false] {
                let cases = [
                    left.payments_with_cases(only_open, after, 5).await.unwrap(),
                    right.payments_with_cases(only_open, after, 5).await.unwrap(),
                ];
                self.same("payments with cases", cases);
            }
        }
    }

    async fn compare_all(&self, [left, right]: [&dyn Store; 2]) {
        let everything = PaymentFilter::default();
        for merchant in ["demo", "other"].map(|name| name.parse().unwrap()) {
            let payments = [
                left.payments(&merchant, &everything, 1_000).await.unwrap(),
                right.payments(&merchant, &everything, 1_000).await.unwrap(),
            ];
            self.same("payments", payments);
            let events = [
                left.events(&merchant, 0, 1_000).await.unwrap(),
                right.events(&merchant, 0, 1_000).await.unwrap(),
            ];
            self.same("events", events.map(told));
        }
    }

    fn same<T: PartialEq + Debug>(&self, what: &str, [left, right]: [T; 2]) {
        assert_eq!(left, right, "{what}, seed {}", self.seed);
    }
}

/// Without the positions: each store counts its own.
fn told(feed: Vec<Event>) -> Vec<NewEvent> {
    feed.into_iter().map(|told| told.event).collect()
}
