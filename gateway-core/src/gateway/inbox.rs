//! Received webhooks: stored first, then read as hints. None of them carries state.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    AccountId, Gateway, GatewayError, MerchantId, PaymentId, PaymentRecord, PaymentRef, PgOrderId,
    PgPaymentId, Proof, RawWebhook, ReceivedWebhook, Watch, WebhookClaim, WebhookSubject, Work,
    gateway::{
        account::ConnectedAccount,
        line::Errand,
        look_up::{LookUpError, says_nothing_ever, unanswered},
    },
    schedule::{BETWEEN_HINTS, later},
};

/// How long a worker keeps a webhook to itself: longer than one takes with a PG that answers slowly. One that takes longer
/// is worked on once more, which costs a look-up.
const LEASE: Duration = Duration::from_secs(2 * 60);

/// How long a webhook waits for a PG that cannot be asked about the id it names, which may be made up. A
/// PG repeats what it means, and its list is swept; the room is for others.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How many webhooks one round takes, and works on at once.
const ROUND: u16 = 8;

/// What came of a received webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InboxOutcome {
    /// A payment of ours will be verified.
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
    Rejected,
}

impl Gateway {
    /// Stores a webhook. Once this returns `Ok`, no crash loses it.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`]: it is not stored and must not be acknowledged.
    pub async fn receive(&self, account: &AccountId, raw: RawWebhook) -> Result<(), GatewayError> {
        let now = self.clock.now();
        let id = self.ids.webhook(now);
        self.store.receive(ReceivedWebhook { id, account: account.clone(), received_at: now, raw }).await?;
        self.wake_for(Work::Webhooks, account);
        Ok(())
    }

    /// Works on every webhook in an account's inbox; gives what came of each.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`] when the inbox cannot be read.
    pub async fn process_inbox(&self, account: &AccountId) -> Result<Vec<InboxOutcome>, GatewayError> {
        let mut outcomes = Vec::new();
        loop {
            let now = self.clock.now();
            let batch = self.store.lease_inbox(account, now, later(now, LEASE), ROUND.into()).await?;
            if batch.is_empty() {
                return Ok(outcomes);
            }
            let worked: Vec<_> = stream::iter(batch)
                .map(|webhook| async move { self.process_webhook(&webhook).await })
                .buffer_unordered(ROUND.into())
                .collect()
                .await;
            for result in worked {
                match result {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => {
                        tracing::warn!(error = %error, "a webhook could not be worked on; it stays in the inbox")
                    }
                }
            }
        }
    }

    async fn process_webhook(&self, webhook: &ReceivedWebhook) -> Result<InboxOutcome, GatewayError> {
        let outcome = match self.accounts.get(&webhook.account) {
            Some(account) => match self.follow_webhook(account, webhook).await {
                Err(error) if later(webhook.received_at, KEPT_FOR) <= self.clock.now() => {
                    tracing::error!(account = %webhook.account, webhook = %webhook.id, %error, "the PG could not be asked about the payment a webhook names for a day; let go, the payment itself stays watched");
                    InboxOutcome::Ignored
                }
                outcome => outcome?,
            },
            None => InboxOutcome::Ignored,
        };
        self.store.finish_webhook(&webhook.id).await?;
        tracing::info!(account = %webhook.account, webhook = %webhook.id, ?outcome, "a received webhook was worked on");
        Ok(outcome)
    }

    async fn follow_webhook(
        &self,
        account: &ConnectedAccount,
        webhook: &ReceivedWebhook,
    ) -> Result<InboxOutcome, GatewayError> {
        let Ok(claim) = account.provider.webhook(&webhook.raw) else { return Ok(InboxOutcome::Rejected) };
        let outcome = self.follow_claim(account, &claim, webhook.received_at).await?;
        // Only signed deliveries are de-duplicated: a forger must not be able to silence the real one. And
        // only once they are worked on: one that failed halfway is worked on again.
        if claim.proof == Proof::Signed
            && let Some(delivery) = &claim.delivery_id
            && !self.store.remember_delivery(&account.id, delivery, self.clock.now()).await?
        {
            return Ok(InboxOutcome::Duplicate);
        }
        Ok(outcome)
    }

    async fn follow_claim(
        &self,
        account: &ConnectedAccount,
        claim: &WebhookClaim,
        received_at: Timestamp,
    ) -> Result<InboxOutcome, GatewayError> {
        let (pg_id, pg_order_id) = match &claim.subject {
            WebhookSubject::Payment { pg_id, pg_order_id } => (Some(pg_id), pg_order_id.as_deref()),
            WebhookSubject::Order(pg_order_id) => (None, Some(pg_order_id.as_str())),
            WebhookSubject::Cancel(_) | WebhookSubject::Nothing => return Ok(InboxOutcome::Ignored),
        };
        let Some((merchant, payment)) = self.owner(account, pg_id, pg_order_id).await? else {
            return Ok(InboxOutcome::UnknownPayment);
        };
        let record = self.payment(&merchant, &payment).await?;
        let proved = is_proved(claim, &record);
        let now = self.clock.now();
        let Some(unknown) = pg_id.filter(|pg_id| !is_known(&record, pg_id)) else {
            let at = if proved { now } else { self.turn_of(&record, now) };
            self.mark(&account.id, &payment, at).await?;
            return Ok(InboxOutcome::Marked { proved });
        };
        if !proved && !account.line.takes_hint(now) {
            // It stays in the inbox: delayed, never dropped.
            return Err(GatewayError::ProviderUnavailable { retry_after: Some(LEASE) });
        }
        // Only once, or a webhook that waits for room would have its payment take that room again and again.
        if record.payment.looked_at.is_none_or(|looked_at| looked_at < received_at) {
            self.mark(&account.id, &payment, now).await?;
        }
        self.look_up_unknown(&record, unknown, pg_order_id, Errand::Routine).await?;
        Ok(InboxOutcome::Marked { proved })
    }

    /// When a hint without proof has its payment looked at. Anybody can send one, so a storm of them must cost
    /// the PG little: those of one payment share the look that waits already, and the next one waits a
    /// little after the last; those of one account take turns.
    pub(super) fn turn_of(&self, record: &PaymentRecord, now: Timestamp) -> Timestamp {
        let payment = &record.payment;
        let waits = record.hints > payment.answered_hints;
        // A look far away waits for a PG that did not answer, and not for this hint's turn.
        let is_soon = |watch: &Watch| waits && watch.at <= later(now, BETWEEN_HINTS);
        if payment.watch.is_some_and(|watch| is_soon(&watch)) {
            // It keeps its time. If it is over by now, this one comes after the pause that follows a look.
            return later(now, BETWEEN_HINTS);
        }
        let earliest = payment.hint_looked_at.map_or(now, |last| later(last, BETWEEN_HINTS).max(now));
        // A look so far away is one of another clock's.
        let earliest = if earliest > later(now, BETWEEN_HINTS) { now } else { earliest };
        self.accounts
            .get(&payment.account)
            .map_or(earliest, |account| account.line.turn_of_hint(earliest, now))
    }

    async fn owner(
        &self,
        account: &ConnectedAccount,
        pg_id: Option<&PgPaymentId>,
        pg_order_id: Option<&str>,
    ) -> Result<Option<(MerchantId, PaymentId)>, GatewayError> {
        if let Some(Ok(pg_order_id)) = pg_order_id.map(str::parse::<PgOrderId>)
            && let Some(owner) = self.store.owner_of_attempt(&account.id, &pg_order_id).await?
        {
            return Ok(Some(owner));
        }
        match pg_id {
            Some(pg_id) => Ok(self.store.owner_of_pg_id(&account.id, pg_id).await?),
            None => Ok(None),
        }
    }

    /// A PG payment under our order that we do not know yet is not among those the resolver asks
    /// for by id: it is looked up here, while its name is at hand.
    pub(crate) async fn look_up_unknown(
        &self,
        record: &PaymentRecord,
        pg_id: &PgPaymentId,
        pg_order_id: Option<&str>,
        errand: Errand,
    ) -> Result<(), GatewayError> {
        if is_known(record, pg_id) {
            return Ok(());
        }
        let attempt =
            record.attempts.iter().find(|attempt| Some(attempt.pg_order_id.as_str()) == pg_order_id);
        let Some(attempt) = attempt else { return Ok(()) };
        let claimed = PaymentRef {
            pg_order_id: attempt.pg_order_id.clone(),
            pg_id: Some(pg_id.clone()),
            state: attempt.state.clone(),
        };
        let (merchant, id) = (&record.payment.merchant, &record.payment.id);
        match self.look_up(merchant, id, Some(&claimed), 0, errand).await {
            Ok(looked_up) => self.follow_up(looked_up.record).await.map(|_| ()),
            Err(LookUpError::Gateway(error)) => Err(error),
            // A made-up id must not stay in the inbox for ever, until no real webhook finds room.
            Err(LookUpError::Provider(error)) if says_nothing_ever(&error) => {
                tracing::warn!(payment = %record.payment.id, error = error.name(), "the PG cannot be asked about the payment a webhook names");
                Ok(())
            }
            // The webhook stays in the inbox and is worked on again.
            Err(LookUpError::Provider(error)) => Err(unanswered(error)),
            Err(LookUpError::Busy(until)) => Err(self.busy_until(until)),
        }
    }
}

/// Whether the resolver asks for this PG payment by its id anyway.
fn is_known(record: &PaymentRecord, pg_id: &PgPaymentId) -> bool {
    record.attempts.iter().any(|attempt| attempt.pg_id.as_ref() == Some(pg_id))
}

/// A missing or wrong secret lowers the proof, it never rejects.
fn is_proved(claim: &WebhookClaim, record: &PaymentRecord) -> bool {
    match &claim.proof {
        Proof::Signed => true,
        Proof::Secret(secret) => {
            record.attempts.iter().any(|attempt| attempt.deposit_secret.as_ref() == Some(secret))
        }
        Proof::None => false,
    }
}
