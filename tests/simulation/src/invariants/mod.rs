//! The invariants of the design, held against every commit, every request and the books of the PGs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, CancelId, CancelStatus, PaymentId, PaymentStatus, PgPaymentId},
    provider::{CancelRequest, ConfirmRequest, ProviderError},
    store::{PaymentChange, PaymentRecord},
};

use super::{
    model_pg::{Kind, Model, books::Books},
    world::World,
};

mod acceptance;
mod budgets;
mod cancels;
mod compensation;
mod events;
pub(crate) mod rest;
mod sending;
mod truth;

/// What was seen so far.
#[derive(Default)]
struct Seen {
    /// For each key, what was committed to be sent with it.
    committed: BTreeMap<String, Committed>,
    /// For each key, how often it was sent.
    sent: BTreeMap<String, u32>,
    /// The charge that asked for the money of a PG payment.
    asked_by: BTreeMap<(PaymentId, PgPaymentId), String>,
    /// The keys that were answered with an error by the PG.
    refused: BTreeSet<String>,
    /// The keys that were answered with a decline.
    declined: BTreeSet<String>,
    /// The keys whose request did not leave, at least once.
    not_sent: BTreeSet<String>,
    /// The charge that was announced as paid, while its money is here.
    paid_announced: BTreeMap<PaymentId, String>,
    /// The cancels whose newest commit says that they were refused.
    cancels_refused: BTreeSet<CancelId>,
    /// The newest state of a PG payment that was committed.
    shown: BTreeMap<PgPaymentId, usize>,
    /// The newest record of each payment.
    records: BTreeMap<PaymentId, PaymentRecord>,
    budgets: budgets::Budgets,
}

/// A request for money that was committed to be sent.
#[derive(Default)]
struct Committed {
    times: u32,
    /// The PG payment it is about.
    pg_payment_id: Option<PgPaymentId>,
    /// The newest time it was to be sent at.
    sent_at: Timestamp,
}

/// Watches a run, and says what is wrong.
pub(crate) struct InvariantChecker {
    world: Arc<World>,
    models: OnceLock<BTreeMap<AccountId, Arc<Model>>>,
    seen: Mutex<Seen>,
}

impl fmt::Debug for InvariantChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvariantChecker")
    }
}

/// A commit, with what is needed to judge it.
struct Commit<'a> {
    world: &'a World,
    model: &'a Arc<Model>,
    before: Option<&'a PaymentRecord>,
    change: &'a PaymentChange,
    after: &'a PaymentRecord,
}

impl InvariantChecker {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, models: OnceLock::new(), seen: Mutex::default() }
    }

    /// Tells whose books to compare with.
    pub(crate) fn watch(&self, models: &[Arc<Model>]) {
        let models = models.iter().map(|model| (model.account.clone(), Arc::clone(model))).collect();
        // A second time would be the same PGs.
        let _ = self.models.set(models);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn model(&self, account: &AccountId) -> Option<&Arc<Model>> {
        self.models.get()?.get(account)
    }

    /// Every invariant, after a change was applied.
    pub(crate) fn committed(
        &self,
        before: Option<&PaymentRecord>,
        change: &PaymentChange,
        after: &PaymentRecord,
    ) {
        let Some(model) = self.model(&after.payment.account) else { return };
        let commit = Commit { world: &self.world, model, before, change, after };
        let mut seen = self.seen();
        sending::remember_committed(&mut seen, &commit);
        sending::i02_what_is_paid_is_asked_for_no_more(&commit);
        sending::i02_one_is_asked_for_at_a_time(&commit);
        truth::i03_states_come_from_the_pg(&seen, &commit);
        truth::i04_no_answer_is_older_than_the_last(&mut seen, &commit);
        truth::i05_no_early_no(&mut seen, &commit);
        truth::i06_unknown_does_not_become_failed(&seen, &commit);
        truth::i06_unknown_is_no_end(&commit);
        truth::i13_late_is_late(&commit);
        truth::i17_nothing_ends_by_a_wrong_clock(&commit);
        cancels::i07_never_more_than_was_paid(&commit);
        cancels::i14_done_is_done(&commit);
        acceptance::i08_only_what_matches_is_accepted(&commit);
        acceptance::i09_one_is_accepted(&commit);
        events::i11_changes_are_announced(&mut seen, &commit);
        seen.budgets.committed(&self.world, &commit);
        seen.records.insert(after.payment.id.clone(), after.clone());
        let records: Vec<_> = seen.records.values().collect();
        seen.budgets.nothing_is_left(&self.world, &commit, &records);
    }

    /// A request for money is sent.
    pub(crate) fn confirm_sent(&self, model: &Arc<Model>, request: &ConfirmRequest) {
        self.world.count(|stats| stats.posts += 1);
        let mut seen = self.seen();
        let world = &self.world;
        if model.kind == Kind::BeforeConfirm {
            world.violated(2, || format!("{} was sent where money moves before", request.idempotency_key));
        }
        let pg_payment_id = request.charge.pg_payment_id.as_ref();
        sending::i01_is_committed_first(&seen, world, &request.idempotency_key, pg_payment_id);
        sending::i02_one_post_each(&mut seen, world, &request.idempotency_key);
        sending::i05_nothing_is_sent_late(&seen, world, &request.idempotency_key);
        sending::i02_one_charge_each(&mut seen, world, request);
        sending::i02_no_confirm_beside_another(&seen, world, request);
        sending::i10_keys_follow_answers(&seen, world, &request.idempotency_key);
        sending::i10_ids_are_ours(world, request);
    }

    /// A request to refund money, or to close, is sent.
    pub(crate) fn cancel_sent(&self, model: &Arc<Model>, request: &CancelRequest) {
        self.world.count(|stats| stats.posts += 1);
        let mut seen = self.seen();
        let world = &self.world;
        sending::i01_is_committed_first(&seen, world, &request.idempotency_key, Some(&request.pg_payment_id));
        sending::i02_one_post_each(&mut seen, world, &request.idempotency_key);
        sending::i05_nothing_is_sent_late(&seen, world, &request.idempotency_key);
        sending::i10_keys_follow_answers(&seen, world, &request.idempotency_key);
        acceptance::i08_only_our_money_is_cancelled(world, model, request);
        cancels::i07_nothing_beside_a_dispute(&seen, world, request);
    }

    /// What a request came to.
    pub(crate) fn answered(&self, key: &str, error: Option<&ProviderError>) {
        let mut seen = self.seen();
        match error {
            Some(ProviderError::Declined(_)) => {
                seen.refused.insert(key.to_owned());
                seen.declined.insert(key.to_owned());
            }
            Some(error) if error.pg().is_some() => {
                seen.refused.insert(key.to_owned());
            }
            Some(ProviderError::Unsupported(_)) => {
                seen.refused.insert(key.to_owned());
            }
            Some(ProviderError::NotDone { .. }) => {
                seen.not_sent.insert(key.to_owned());
            }
            _ => {}
        }
    }

    /// A PG gives money back as it was asked to.
    pub(crate) fn cancel_accepted(&self, model: &Arc<Model>, books: &Books, request: &CancelRequest) {
        compensation::i12_has_a_true_reason(&self.seen(), &self.world, model, books, request);
    }

    /// A PG gives money back.
    pub(crate) fn cancel_executed(&self, books: &Books, request: &CancelRequest) {
        if self.seen().cancels_refused.contains(&request.id) {
            self.world.violated(5, || format!("{} was refused, and is executed now", request.id));
        }
        cancels::i07_is_executed_once(&self.world, books, request);
    }

    /// Whether it is durable that the PG has accepted a cancel, or perhaps has.
    pub(crate) fn knows_it_may_follow(&self, id: &CancelId) -> bool {
        let seen = self.seen();
        let mut cancels = seen.records.values().filter_map(|record| record.cancel(id));
        cancels.any(|(_, cancel)| {
            let may_follow = cancel.dispatch.as_ref().is_some_and(|sent| sent.may_follow);
            cancel.status == CancelStatus::Pending || may_follow
        })
    }

    /// Money came in at a PG.
    pub(crate) fn charged(&self, model: &Arc<Model>, pg_id: &PgPaymentId) {
        let charges = model.row(pg_id, |row| row.now().charges);
        if charges.is_some_and(|charges| charges > 1) {
            self.world.count(|stats| stats.duplicates += 1);
            self.world.violated(2, || format!("{pg_id} was charged twice"));
        }
        truth::i05_what_ended_is_not_executed(&self.seen(), &self.world, model, pg_id);
    }

    /// A call to a PG is sent, about an order id or with a key.
    pub(crate) fn called(&self, model: &Arc<Model>, order: Option<&str>, key: Option<&str>) {
        self.seen().budgets.called(&self.world, model, order.or(key));
    }

    /// A look-up was answered.
    pub(crate) fn looked_up(&self, model: &Arc<Model>) {
        self.seen().budgets.looked_up(&self.world, model);
    }

    /// Whether money of an account's payments is here, on its way or waited for.
    pub(crate) fn holds_money(&self, account: &AccountId) -> bool {
        let seen = self.seen();
        let mut records = seen.records.values().filter(|record| record.payment.account == *account);
        records.any(|record| {
            let status = record.payment.status();
            let waits = matches!(status, PaymentStatus::Confirming | PaymentStatus::AwaitingDeposit);
            waits || status.has_money()
        })
    }

    /// Somebody outside did something with a payment, by its id or one of its order ids.
    pub(crate) fn stirred(&self, name: &str) {
        self.seen().budgets.stirred(&self.world, name);
    }
}
