//! Holding what the PG says against what we expected, and drawing the consequences.

use jiff::Timestamp;

use crate::{
    Cancel, CancelStatus, Failure, FailureReason, IdSource, Mode, PgPaymentId, PgStatus, ProviderDescription,
    Sending, Snapshot,
    draft::Draft,
    give_back::is_same,
    schedule::{settled_at, visible_at},
};

/// What happens to money that comes after a payment has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePayments {
    /// The payment becomes paid, marked `late`.
    #[default]
    Keep,
    /// The payment becomes paid, marked `late`, and is cancelled at once.
    GiveBack,
}

/// What a settlement needs to know besides the snapshots.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// When the PG was asked: what was sent shortly before may not show in its answer.
    pub(crate) asked_at: Timestamp,
    pub(crate) description: &'a ProviderDescription,
    pub(crate) late_payments: LatePayments,
    pub(crate) ids: &'a IdSource,
    /// PG payments that another of our payments has accepted: never ours.
    pub(crate) taken: &'a [PgPaymentId],
}

/// A PG payment under an order id that is not this payment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stranger {
    pub(crate) pg_id: PgPaymentId,
    pub(crate) pg_order_id: String,
}

impl Draft {
    /// Draws every consequence of what the PG says now. Snapshots of strangers change nothing and
    /// are handed back.
    pub(crate) fn settle(&mut self, snapshots: &[Snapshot], context: &Context<'_>) -> Vec<Stranger> {
        let mut strangers = Vec::new();
        let mut ours = Vec::new();
        let mut matching = Vec::new();
        for snapshot in snapshots {
            let Some(number) = self.number_of(snapshot, context) else {
                self.end_wrong_claims(None, snapshot, context);
                strangers.push(Stranger {
                    pg_id: snapshot.pg_id.clone(),
                    pg_order_id: snapshot.pg_order_id.clone(),
                });
                continue;
            };
            self.end_wrong_claims(Some(number), snapshot, context);
            if self.is_stale(snapshot, context) {
                self.look_again(visible_at(context.asked_at, context.description));
                continue;
            }
            ours.push((number, snapshot));
            self.keep_raw(number, snapshot);
            if self.matches(snapshot, context.description.mode) {
                matching.push((number, snapshot));
            } else {
                self.reject(number, snapshot, context);
                if self.still_holds(snapshot) {
                    matching.push((number, snapshot));
                }
            }
        }
        self.accept(&matching);
        self.derive_status(&matching, context);
        for (number, snapshot) in &ours {
            self.settle_cancels(*number, snapshot, context);
        }
        self.give_back_surplus(&matching, context);
        self.give_back_late(&matching, context);
        self.end_others(&matching);
        self.end_reads(context);
        strangers
    }

    /// The attempt this snapshot is of: the one whose order id it carries.
    fn number_of(&self, snapshot: &Snapshot, context: &Context<'_>) -> Option<u16> {
        if context.taken.contains(&snapshot.pg_id) {
            return None;
        }
        let is_of = |attempt: &&crate::Attempt| attempt.pg_order_id.as_str() == snapshot.pg_order_id;
        self.record.attempts.iter().find(is_of).map(|attempt| attempt.number)
    }

    /// Whether the PG answered out of a state older than what it told us before: an account or money
    /// that was there is not yet there again, or a cancel it took is missing. Nothing follows from that but
    /// another look.
    fn is_stale(&self, snapshot: &Snapshot, context: &Context<'_>) -> bool {
        let is_accepted = self.before().accepted() == Some(&snapshot.pg_id);
        let not_yet = is_accepted && matches!(snapshot.status, PgStatus::Ready | PgStatus::InProgress);
        let misses = |cancel: &Cancel| {
            let fresh = |sent: &Sending| settled_at(sent, context.description) > context.asked_at;
            cancel.takes_from(&snapshot.pg_id)
                && matches!(cancel.status, CancelStatus::Done | CancelStatus::Pending)
                && cancel.sending.as_ref().is_some_and(fresh)
                && !snapshot.cancels.iter().any(|theirs| is_same(cancel, theirs, &snapshot.pg_id))
        };
        not_yet || self.before().cancels.iter().any(misses)
    }

    /// An attempt that claims a PG payment of another order claims wrongly: nothing can come of it, once
    /// what it sent must have landed.
    fn end_wrong_claims(&mut self, owner: Option<u16>, snapshot: &Snapshot, context: &Context<'_>) {
        let has_landed = |attempt: &&crate::Attempt| {
            let sent = attempt.confirm.as_ref();
            sent.is_none_or(|sent| settled_at(sent, context.description) <= context.asked_at)
        };
        let wrong = self.record.attempts.iter().filter(|attempt| {
            Some(attempt.number) != owner
                && attempt.pg_id.as_ref() == Some(&snapshot.pg_id)
                && attempt.is_uncertain()
        });
        let Some(number) = wrong.filter(has_landed).map(|attempt| attempt.number).next() else { return };
        self.close_attempt(number, &Failure::of(FailureReason::Mismatch));
        self.reopen();
    }

    fn keep_raw(&mut self, number: u16, snapshot: &Snapshot) {
        let is_its = |attempt: &&mut crate::Attempt| {
            attempt.pg_id.as_ref().is_none_or(|pg_id| *pg_id == snapshot.pg_id)
        };
        // A second PG payment under one order id leaves the first one's answer alone.
        if let Some(attempt) = self.attempt_mut(number).filter(is_its) {
            attempt.raw = Some(snapshot.raw.clone());
            if snapshot.deposit_secret.is_some() {
                attempt.deposit_secret.clone_from(&snapshot.deposit_secret);
            }
        }
    }

    /// Amount, currency and mode are what we registered. The order id was checked before, the
    /// status is what `derive` reads, and the store refuses a PG id that another payment accepted.
    fn matches(&self, snapshot: &Snapshot, mode: Mode) -> bool {
        let expected = self.record.payment.terms.amount;
        let paid = snapshot.paid;
        snapshot.total == expected
            && paid.currency() == expected.currency()
            && (paid.is_zero() || paid == expected)
            && snapshot.mode.is_none_or(|reported| reported == mode)
    }

    /// Whether the payment accepted this money before: then it shows what becomes of it.
    fn still_holds(&self, snapshot: &Snapshot) -> bool {
        self.record.accepted() == Some(&snapshot.pg_id)
            && snapshot.paid.currency() == self.record.payment.currency()
    }
}
