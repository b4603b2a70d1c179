//! Received webhooks: stored first, then read as hints. None of them carries state.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::{
    account::{ConnectedAccount, Work},
    clock::later,
    dispatch::due_from,
    gateway::{
        Gateway, GatewayError,
        background::room::{names, room_of},
    },
    model::{AccountId, Charge, LookUpSubject, MerchantId, PaymentId, PgOrderId, PgPaymentId},
    provider::{Proof, RawWebhook, WebhookClaim, WebhookRejected},
    store::{PaymentRecord, ReceivedWebhook, Room, StoreError, Why},
};

/// How long a worker keeps a webhook to itself.
const LEASE: Duration = Duration::from_secs(2 * 60);

/// How long an unverified webhook waits for a look-up. A PG repeats what it means, and its list is swept; the room is for
/// others.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How many webhooks one round takes, and works on at once.
const ROUND: u16 = 8;

/// How many charges that nobody knows a payment is looked up for at a time because unverified webhooks name them.
const MOST_UNKNOWN: usize = 8;

/// What came of a received webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InboxOutcome {
    /// A payment of ours will be looked up.
    Marked {
        /// Whether the webhook proved that the PG sent it.
        proved: bool,
    },
    /// It names no payment of ours.
    UnknownPayment,
    /// It is about something Paymux does not keep.
    Ignored,
    /// A signed delivery that was seen before.
    Duplicate,
    /// It cannot be read as a webhook of this PG.
    Unreadable,
}

impl Gateway {
    /// Stores a webhook. Once this returns `Ok`, no crash loses it.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`]: it is not stored and must not be acknowledged.
    pub async fn receive(&self, account: &AccountId, raw: RawWebhook) -> Result<(), GatewayError> {
        // Nothing is decided here: a PG repeats what gets no 200, and may give up after a few tries, so it is
        // stored before anything can go wrong.
        let id = self.core.ids.webhook(self.core.now());
        let room = match self.core.accounts.get(account) {
            Some(account) => room_of(self, account, &raw).await?,
            // An account that is not configured any more: its PG may send for a while, and gets its 200.
            None => Room::Unverified,
        };
        self.core.store.receive(ReceivedWebhook { id, account: account.clone(), room, raw }).await?;
        if let Some(account) = self.core.accounts.get(account) {
            account.throttle.notify(Work::Webhooks);
        }
        Ok(())
    }

    /// Works on every webhook in an account's inbox; gives what came of each.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`] when the inbox cannot be read.
    pub async fn process_inbox(&self, account: &AccountId) -> Result<Vec<InboxOutcome>, GatewayError> {
        let mut outcomes = Vec::new();
        loop {
            let worked = self.process_some(account).await?;
            if worked.is_empty() {
                return Ok(outcomes);
            }
            outcomes.extend(worked.into_iter().flatten());
        }
    }

    /// Works on a few webhooks in an account's inbox; gives what came of each, or `None` for one that stays there. Empty if
    /// there is nothing to do.
    pub(super) async fn process_some(
        &self,
        account: &AccountId,
    ) -> Result<Vec<Option<InboxOutcome>>, GatewayError> {
        let now = self.core.now();
        let batch = self.core.store.lease_inbox(account, now, later(now, LEASE), ROUND.into()).await?;
        let worked = stream::iter(batch)
            .map(|webhook| async move {
                // Its lease ends and it is read again: what it asks for is not committed.
                self.process_webhook(&webhook).await.unwrap_or_else(|error| {
                    tracing::warn!(%account, %error, "a webhook could not be worked on; it stays in the inbox");
                    None
                })
            })
            .buffer_unordered(ROUND.into());
        Ok(worked.collect().await)
    }

    /// `None`: it is throttled, and stays in the inbox.
    async fn process_webhook(&self, webhook: &ReceivedWebhook) -> Result<Option<InboxOutcome>, GatewayError> {
        let outcome = match self.core.accounts.get(&webhook.account) {
            Some(account) => self.follow_webhook(account, webhook).await?,
            None => Some(InboxOutcome::Ignored),
        };
        // A flood may keep it waiting for ever. After a day the PG has repeated what it meant, or its list
        // was swept.
        let is_old = later(webhook.raw.received_at, KEPT_FOR) <= self.core.now();
        let Some(outcome) = outcome.or_else(|| is_old.then_some(InboxOutcome::Ignored)) else {
            return Ok(None);
        };
        // Last: after a crash before this the webhook is read again, which costs one look-up. Finished any
        // sooner, its hint could be lost.
        self.core.store.finish_webhook(&webhook.account, &webhook.id).await?;
        tracing::info!(account = %webhook.account, webhook = %webhook.id, ?outcome, "a received webhook was worked on");
        Ok(Some(outcome))
    }

    async fn follow_webhook(
        &self,
        account: &ConnectedAccount,
        webhook: &ReceivedWebhook,
    ) -> Result<Option<InboxOutcome>, GatewayError> {
        let claim = match account.provider.webhook(&webhook.raw) {
            Ok(claim) => claim,
            Err(rejected) => {
                self.alert_unreadable(account, rejected);
                return Ok(Some(InboxOutcome::Unreadable));
            }
        };
        let outcome = self.follow_claim(account, &claim).await?;
        // Only signed deliveries are de-duplicated: a forger must not be able to silence the real one. And
        // only once they are worked on: one that failed halfway is worked on again.
        if outcome.is_some()
            && claim.proof == Proof::Signed
            && let Some(delivery) = &claim.delivery_id
            && !self.core.store.remember_delivery(&account.id, delivery, self.core.now()).await?
        {
            return Ok(Some(InboxOutcome::Duplicate));
        }
        Ok(outcome)
    }

    fn alert_unreadable(&self, account: &ConnectedAccount, rejected: WebhookRejected) {
        // Now and then, with the count: one line for each would let anybody fill the log.
        if let Some(count) = self.admissions.unreadable.count(&account.id, self.core.now()) {
            tracing::error!(
                account = %account.id,
                reason = %rejected,
                count,
                "webhooks of this account cannot be read: check the address and the webhook version in the PG's console"
            );
        }
    }

    async fn follow_claim(
        &self,
        account: &ConnectedAccount,
        claim: &WebhookClaim,
    ) -> Result<Option<InboxOutcome>, GatewayError> {
        let Some((pg_payment_id, order_id)) = names(claim) else { return Ok(Some(InboxOutcome::Ignored)) };
        let Some((merchant, id)) = self.owner(account, pg_payment_id, order_id).await? else {
            // Acknowledged like any other: the merchant may have other systems at this PG, and the PG would
            // repeat it for days.
            return Ok(Some(InboxOutcome::UnknownPayment));
        };
        let record = self.core.payment(&merchant, &id).await?;
        let proved = is_proved(claim, &record);
        let Some(subject) = subject(&record, pg_payment_id, order_id) else {
            return Ok(Some(InboxOutcome::UnknownPayment));
        };
        let is_unknown = pg_payment_id.is_some_and(|id| record.charge_at_pg(id).is_none());
        // Who knows an order id can make up any number of charges under it, and each is a look-up of its own.
        // What is more waits and is not dropped: it may be the real one.
        if is_unknown && !proved && unknown_hints(&record) >= MOST_UNKNOWN {
            return Ok(None);
        }
        // Only the names in the webhook are used from here on, signed or not: what is true is looked up.
        if let Some(at) = due_from(&self.core, account, &record, &subject, proved) {
            self.core.owe(&record, subject, at, Why::Hint).await?;
        }
        Ok(Some(InboxOutcome::Marked { proved }))
    }

    async fn owner(
        &self,
        account: &ConnectedAccount,
        pg_payment_id: Option<&PgPaymentId>,
        order_id: Option<&str>,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        // The order id first: we made it, and it says whose it is. Which payment has a charge may rest
        // on a browser's claim.
        if let Some(Ok(order_id)) = order_id.map(str::parse::<PgOrderId>)
            && let Some(owner) = self.core.store.owner_of_order(&account.id, &order_id).await?
        {
            return Ok(Some(owner));
        }
        match pg_payment_id {
            Some(id) => self.core.store.owner_of_charge(&account.id, id).await,
            None => Ok(None),
        }
    }
}

/// What a hint has looked up: the charge it names, else everything under the order id.
fn subject(
    record: &PaymentRecord,
    pg_payment_id: Option<&PgPaymentId>,
    order_id: Option<&str>,
) -> Option<LookUpSubject> {
    // A charge that we know goes by our record, whatever order id the webhook puts beside it.
    let known = pg_payment_id.and_then(|id| record.charge_at_pg(id)).map(Charge::subject);
    let attempt = order_id.and_then(|order_id| record.attempt_of(order_id)).map(|attempt| attempt.number);
    known.or_else(|| {
        let attempt = attempt?;
        Some(match pg_payment_id {
            Some(id) => LookUpSubject::Charge { attempt, pg_payment_id: id.clone() },
            None => LookUpSubject::Attempt(attempt),
        })
    })
}

/// How many charges that nobody knows are to be looked up already.
fn unknown_hints(record: &PaymentRecord) -> usize {
    let is_unknown = |owed: &&crate::store::OwedLookUp| match &owed.of {
        LookUpSubject::Attempt(_) => false,
        LookUpSubject::Charge { pg_payment_id, .. } => record.charge_at_pg(pg_payment_id).is_none(),
    };
    record.checks.owed.iter().filter(is_unknown).count()
}

/// A missing or wrong secret lowers the proof, it never rejects.
fn is_proved(claim: &WebhookClaim, record: &PaymentRecord) -> bool {
    match &claim.proof {
        Proof::Signed => true,
        Proof::Secret(secret) => {
            record.charges.iter().any(|charge| charge.webhook_secret.as_ref() == Some(secret))
        }
        Proof::None => false,
    }
}
