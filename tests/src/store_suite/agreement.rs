//! Two backends that get the same calls give the same answers and store the same.

use std::fmt::Debug;

use paymux_core::{
    model::{AccountId, Charge, IdSource, Payment, PaymentId, PaymentStatus, Secret},
    store::{
        Change, ChecksChange, OwedLookUp, PaymentChange, PaymentFilter, PaymentRecord, ReceivedWebhook, Room,
        SavedAnswer, Store, Why,
    },
};

use super::{
    admin::{closed_review, open_review},
    feed::without_positions,
    sample::{
        account, at, attempt, both, changed, charge, event, made, only, other_account, owed, payment_of,
        request, webhook_of,
    },
};

const STEPS: i64 = 100;

/// Makes the same random calls on both stores and compares every answer, then all that they hold.
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
        match self.under(13) {
            0 | 1 => {
                let change = self.new_payment(step);
                self.commit(stores, change).await;
            }
            2..=4 => {
                let Some(record) = self.pick() else { return };
                let mut change = only(self.change_of(&record, step));
                change.at = at(step - i64::from(self.rarely()) * 10);
                let compared = self.pick().filter(|_| self.rarely());
                change.unchanged =
                    compared.map(|record| (record.payment.id, record.payment.version)).into_iter().collect();
                self.commit(stores, change).await;
            }
            5 => {
                let (Some(one), Some(other)) = (self.pick(), self.pick()) else { return };
                let change = both([self.change_of(&one, step), self.change_of(&other, step)]);
                self.commit(stores, change).await;
            }
            6 => self.owe(stores, step).await,
            7 => self.save_answer(stores, step).await,
            8 => self.lease(stores, step).await,
            9 => self.receive(stores, step).await,
            10 => self.lease_inbox(stores, step).await,
            11 => self.finish(stores).await,
            _ => self.release(stores, step).await,
        }
        self.read_one(stores).await;
    }

    async fn commit(&mut self, [left, right]: [&dyn Store; 2], change: Change) {
        let outcomes = [left.commit(change.clone()).await, right.commit(change.clone()).await];
        self.same("commit", outcomes.map(|outcome| format!("{outcome:?}")));
        for PaymentChange { payment, .. } in &change.payments {
            self.seen.extend(left.payment(&payment.merchant, &payment.id).await.unwrap());
        }
    }

    async fn owe(&self, stores: [&dyn Store; 2], step: i64) {
        let Some(Payment { merchant, id, .. }) = self.pick_payment() else { return };
        let look_ups = vec![self.look_up(step), self.look_up(step)];
        for store in stores {
            store.owe(&merchant, &id, look_ups.clone(), at(step)).await.unwrap();
        }
    }

    async fn save_answer(&self, stores: [&dyn Store; 2], step: i64) {
        let Some(record) = self.pick() else { return };
        let Some(Charge { id, .. }) = record.charges.first() else { return };
        let answer = SavedAnswer { charge: id.clone(), webhook_secret: Secret::new(step.to_string()) };
        for store in stores {
            let Payment { merchant, id, .. } = &record.payment;
            store.save_answer(merchant, id, answer.clone()).await.unwrap();
        }
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

    async fn release(&self, stores: [&dyn Store; 2], step: i64) {
        let Some(Payment { merchant, id, .. }) = self.pick_payment() else { return };
        let free = at(step + [0, 3, 20][self.under(3)]);
        for store in stores {
            store.release(&merchant, &id, free).await.unwrap();
        }
    }

    async fn receive(&mut self, [left, right]: [&dyn Store; 2], step: i64) {
        let room = [Room::Known, Room::Unverified][self.under(2)];
        let webhook = webhook_of(&self.account(), room, at(step));
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
        let Some(back) = self.received.len().checked_sub(1 + self.under(6)) else { return };
        let ReceivedWebhook { account, id, .. } = &self.received[back];
        for store in stores {
            store.finish_webhook(account, id).await.unwrap();
        }
    }

    fn new_payment(&self, step: i64) -> Change {
        let merchant = ["demo", "other"][self.under(2)];
        let order_id = ["order-1", "order-2", "order-3"][self.under(3)];
        let payment = payment_of(merchant, self.account().as_str(), order_id);
        let mut new = made(&payment);
        new.events = vec![event(&payment, 1)];
        // Often in place of the one before, which gives the order up in the same change.
        let superseded = self.pick().filter(|_| self.under(2) == 0);
        let mut change = match superseded {
            Some(record) => {
                let mut old = self.change_of(&record, step);
                old.payment.superseded = true;
                if self.rarely() { both([new, old]) } else { both([old, new]) }
            }
            None => only(new),
        };
        let key = ["key-1", "key-2", "key-3", "key-4"][self.under(4)];
        change.idempotency = (self.under(3) == 0).then(|| request(&payment, key));
        change
    }

    fn change_of(&self, record: &PaymentRecord, step: i64) -> PaymentChange {
        let mut change = changed(record);
        change.payment.shown.status = PaymentStatus::ALL[self.under(PaymentStatus::ALL.len())];
        change.payment.reviews = (1..)
            .zip([closed_review, open_review])
            .take(self.under(3))
            .map(|(n, review)| review(n))
            .collect();
        change.is_live = self.under(2) == 0;
        change.events = vec![event(&change.payment, record.events + 1)];
        change.checks = self.checks(record, step);
        change.attempts = (0..self.under(2)).map(|_| attempt(&change.payment, 1)).collect();
        change.charges = (0..self.under(3)).map(|_| self.charge(record)).collect();
        change.charges.dedup_by(|a, b| a.id == b.id);
        change
    }

    fn checks(&self, record: &PaymentRecord, step: i64) -> ChecksChange {
        let answered = if self.under(2) == 0 { record.checks.owed.clone() } else { Vec::new() };
        let owed = (0..self.under(3)).map(|_| self.look_up(step)).collect();
        let deadline = self.rarely().then(|| at(step + 7));
        ChecksChange { answered, owed, deadline, asked: vec![(1, at(step))], ..ChecksChange::default() }
    }

    fn look_up(&self, step: i64) -> OwedLookUp {
        owed(step + [0, 0, 5, 20][self.under(4)], [Why::Hint, Why::Paid][self.under(2)])
    }

    /// A charge of the record as it was, another under the same PG id, or one more.
    fn charge(&self, record: &PaymentRecord) -> Charge {
        let accepted = self.under(2) == 0;
        let new = charge(self.pg_id(), accepted);
        match record.charges.first() {
            Some(kept) if !self.rarely() => Charge { accepted, ..kept.clone() },
            Some(kept) if self.under(2) == 0 => Charge { id: kept.id.clone(), ..new },
            _ => new,
        }
    }

    async fn read_one(&self, [left, right]: [&dyn Store; 2]) {
        for account in [account(), other_account()] {
            let next = [left.next_due(&account).await.unwrap(), right.next_due(&account).await.unwrap()];
            self.same("next due", next);
            let lengths =
                [left.inbox_length(&account).await.unwrap(), right.inbox_length(&account).await.unwrap()];
            self.same("inbox length", lengths);
        }
        let Some(Payment { id, merchant, order_id, account, .. }) = self.pick_payment() else { return };
        let of_order = [
            left.payment_of_order(&merchant, &order_id).await.unwrap(),
            right.payment_of_order(&merchant, &order_id).await.unwrap(),
        ];
        self.same("payment of order", of_order);
        let pg_id = self.pg_id().parse().unwrap();
        let owners = [
            left.owner_of_charge(&account, &pg_id).await.unwrap(),
            right.owner_of_charge(&account, &pg_id).await.unwrap(),
        ];
        self.same("owner of charge", owners);
        let owners = [left.owner_of(&id).await.unwrap(), right.owner_of(&id).await.unwrap()];
        self.same("owner", owners);
        if self.rarely() {
            self.compare_admin([left, right], &id).await;
            let events = [
                left.events_of(&merchant, &id).await.unwrap(),
                right.events_of(&merchant, &id).await.unwrap(),
            ];
            self.same("events of a payment", events.map(without_positions));
        }
    }

    async fn compare_admin(&self, [left, right]: [&dyn Store; 2], after: &PaymentId) {
        let newest = [left.newest_commit().await.unwrap(), right.newest_commit().await.unwrap()];
        self.same("newest commit", newest);
        let counts = [left.count_payments().await.unwrap(), right.count_payments().await.unwrap()];
        self.same("count", counts);
        for after in [None, Some(after)] {
            let all =
                [left.all_payments(after, 5).await.unwrap(), right.all_payments(after, 5).await.unwrap()];
            self.same("all payments", all);
            for only_open in [true, false] {
                let reviews = [
                    left.payments_with_reviews(only_open, after, 5).await.unwrap(),
                    right.payments_with_reviews(only_open, after, 5).await.unwrap(),
                ];
                self.same("payments with reviews", reviews);
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
            self.same("events", events.map(without_positions));
        }
    }

    fn pick(&self) -> Option<PaymentRecord> {
        // Rather a new one than an old one, or nearly every change would be a conflict.
        let back = self.under(self.seen.len().min(4));
        self.seen.iter().nth_back(back).cloned()
    }

    fn pick_payment(&self) -> Option<Payment> {
        self.pick().map(|record| record.payment)
    }

    fn account(&self) -> AccountId {
        [account(), other_account()][self.under(2)].clone()
    }

    fn pg_id(&self) -> &'static str {
        ["pg-1", "pg-2"][self.under(2)]
    }

    fn rarely(&self) -> bool {
        self.under(5) == 0
    }

    fn under(&self, bound: usize) -> usize {
        usize::try_from(self.dice.below(u64::try_from(bound).unwrap())).unwrap()
    }

    fn same<T: PartialEq + Debug>(&self, what: &str, [left, right]: [T; 2]) {
        assert_eq!(left, right, "{what}, seed {}", self.seed);
    }
}
