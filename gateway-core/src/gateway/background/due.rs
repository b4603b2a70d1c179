//! Payments that are due: owed look-ups are asked, what may go out again is sent, time has its effect.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    account::{ConnectedAccount, Priority},
    clock::{DAY, HOUR, SECOND, later},
    dispatch::{LookUpError, answer, is_of_account, look_up, put_off, send_due},
    gateway::{Gateway, GatewayError},
    lifecycle::{Context, Draft, review},
    model::{
        AccountId, Charge, LookUpSubject, MerchantId, Operation, PaymentId, ReviewReason, ReviewSubject,
    },
    store::{PaymentRecord, StoreError},
};

/// How long a worker keeps a payment to itself: longer than its look-ups and a retry usually take. If not, another works on
/// it as well, and the commits decide.
const LEASE: Duration = Duration::from_secs(5 * 60);

/// How many payments one round takes, and works on at once.
const ROUND: u32 = 4;

/// How many look-ups and sends one lease does at most. What is more stays due.
const STEPS: u32 = 32;

/// What a due payment needs next, and since when.
enum Next {
    LookUp(LookUpSubject, Timestamp),
    Send(Operation, Timestamp),
    /// The deadline has passed.
    Show,
    Nothing,
}

impl Gateway {
    /// Works on every payment of an account that is due now, while its PG's limits allow it; returns how many
    /// there were.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`] when the due payments cannot be read.
    pub async fn resolve_due(&self, account: &AccountId) -> Result<usize, GatewayError> {
        let mut worked = 0;
        loop {
            match self.resolve_some(account).await? {
                0 => return Ok(worked),
                more => worked += more,
            }
        }
    }

    /// Works on a few of the payments of an account that are due now; returns how many, 0 if there is nothing to do.
    pub(super) async fn resolve_some(&self, account: &AccountId) -> Result<usize, GatewayError> {
        let Some(account) = self.core.accounts.get(account) else { return Ok(0) };
        if !account.has_credentials {
            return self.hand_over_some(account).await;
        }
        let now = self.core.now();
        // What is planned by a wrong clock comes hours late or too soon, so after a start nothing begins
        // before a PG has said what time it is.
        if !self.core.clock.is_checked() {
            return Ok(0);
        }
        // What is leased now could not be asked about, and would be kept from others for nothing.
        if account.throttle.admits_from(Priority::Uncertain, now) > now {
            return Ok(0);
        }
        let due = self.core.store.lease_due(&account.id, now, later(now, LEASE), ROUND).await?;
        let worked = due.len();
        if worked == 0 {
            return Ok(0);
        }
        // There may be more due, and this round may take as long as a slow PG: another worker continues
        // meanwhile.
        self.core.notify(&account.id);
        stream::iter(due)
            .for_each_concurrent(None, |(merchant, id)| async move {
                if let Err(error) = Box::pin(self.resolve(account, &merchant, &id)).await {
                    tracing::warn!(payment = %id, account = %account.id, %error, "a due payment could not be worked on; it stays due");
                }
            })
            .await;
        Ok(worked)
    }

    /// Nobody can ask this PG any more: what is open waits for a person, and is looked through once a day.
    async fn hand_over_some(&self, account: &ConnectedAccount) -> Result<usize, GatewayError> {
        let now = self.core.now();
        let tomorrow = later(now, DAY);
        let due = self.core.store.lease_due(&account.id, now, tomorrow, ROUND).await?;
        let worked = due.len();
        for (merchant, id) in due {
            // No answer can come any more, so waiting a week for one would help nobody.
            let hand_over = |draft: &mut Draft, context: &Context<'_>| review::hand_over(draft, context.now);
            let record = self.core.update(&merchant, &id, hand_over).await?;
            // The commit ended the lease, and what is owed is still due. Without this it would be taken
            // again at once.
            let deadline = record.checks.deadline.filter(|deadline| *deadline > now);
            let next = deadline.map_or(tomorrow, |deadline| deadline.min(tomorrow));
            self.core.store.release(&merchant, &id, next).await?;
        }
        Ok(worked)
    }

    /// When an account's next payment is due and its PG's limits allow to ask about it; `None` while nothing
    /// is expected.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn next_work(&self, account: &AccountId) -> Result<Option<Timestamp>, GatewayError> {
        let Some(account) = self.core.accounts.get(account) else { return Ok(None) };
        if !self.core.clock.is_checked() {
            // `check_clock` notifies the accounts once a PG's time agrees.
            return Ok(None);
        }
        let due = self.core.store.next_due(&account.id).await?;
        let from = account.throttle.admits_from(Priority::Uncertain, self.core.now());
        Ok(due.map(|due| due.max(from)))
    }

    /// Does for one payment what is due now.
    async fn resolve(
        &self,
        account: &ConnectedAccount,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<(), GatewayError> {
        let Some(_taken) = account.worked_on.take(id) else {
            // The other worker's commits end its lease, which is how this one got it. Two would ask the PG
            // the same, and each answer that comes second is dropped.
            return Ok(self.core.store.release(merchant, id, later(self.core.now(), SECOND)).await?);
        };
        for _ in 0..STEPS {
            // Read for every step: one answer may pay several owed look-ups, or take the reason of a send
            // away.
            let record = self.core.payment(merchant, id).await?;
            let next = next(&record, self.core.now());
            let done = match &next {
                Next::LookUp(subject, _) => self.look_up_due(account, &record, subject).await,
                Next::Send(operation, _) if account.retired => self.hold_retired(&record, operation).await,
                Next::Send(operation, _) => send_due(&self.core, record, operation).await.map(|_| ()),
                Next::Show => {
                    self.core.update(merchant, id, |_, _| ()).await.map(|_| ()).map_err(LookUpError::Store)
                }
                Next::Nothing => break,
            };
            match done {
                // Another commit changed it: the next step goes by what is there now.
                Ok(()) | Err(LookUpError::Store(StoreError::Conflict)) => {}
                Err(LookUpError::Store(error)) => return Err(error.into()),
                // The PG answers, but not about this payment: it alone waits longer, and the account continues.
                Err(LookUpError::Provider(error)) if !is_of_account(&error) => {
                    self.put_off(merchant, id, &next, DAY).await?;
                }
                Err(error) => return self.come_back(account, merchant, id, &next, error).await,
            }
        }
        // What is left is due still: any worker may continue it.
        Ok(self.core.store.release(merchant, id, self.core.now()).await?)
    }

    async fn look_up_due(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        subject: &LookUpSubject,
    ) -> Result<(), LookUpError> {
        let (merchant, id) = (&record.payment.merchant, &record.payment.id);
        let asked_at = self.core.now();
        // What browsers and webhooks made up takes nothing of the share that is kept for money.
        let is_uncertain =
            record.charges.iter().any(|charge| is_of(subject, charge) && charge.is_uncertain());
        let priority = if is_uncertain { Priority::Uncertain } else { Priority::Background };
        let look_up = look_up(&self.core, merchant, id, subject, priority);
        // Beside a merchant's own look-up the second to commit would lose the race and be asked again.
        let looked_up = account.look_ups.alone(id, look_up).await?;
        let stays = |owed: &crate::store::OwedLookUp| owed.of == *subject && owed.at <= asked_at;
        if looked_up.record.checks.owed.iter().any(stays) {
            // The answer does not cover it: asking again at once would be answered the same.
            put_off(&self.core, merchant, id, subject, DAY).await?;
        }
        Ok(())
    }

    /// What a payment needs next came to nothing, and the reason is the payment's own.
    async fn put_off(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        next: &Next,
        longest: Duration,
    ) -> Result<(), GatewayError> {
        match next {
            Next::LookUp(subject, _) => put_off(&self.core, merchant, id, subject, longest).await?,
            Next::Send(operation, _) => {
                let put_off = |draft: &mut Draft, context: &Context<'_>| {
                    answer::put_off(draft, operation, longest, context)
                };
                self.core.update(merchant, id, put_off).await?;
            }
            Next::Show | Next::Nothing => {}
        }
        Ok(())
    }

    /// The PG does not answer, or has no room: the account waits, not the payment. Others of the account go first meanwhile.
    /// Where they were answered since this was due, it is this payment that the PG does not answer, and it waits longer as well.
    async fn come_back(
        &self,
        account: &ConnectedAccount,
        merchant: &MerchantId,
        id: &PaymentId,
        next: &Next,
        error: LookUpError,
    ) -> Result<(), GatewayError> {
        let now = self.core.now();
        let is_alone = match next {
            Next::LookUp(_, due) | Next::Send(_, due) => account.throttle.answered_after(*due, now),
            Next::Show | Next::Nothing => false,
        };
        // Without this one payment that cannot be read would be asked about every two seconds, because each
        // answer about another ends the account's backoff. What had to wait for room says nothing about the
        // payment.
        if is_alone && matches!(error, LookUpError::Provider(_)) {
            self.put_off(merchant, id, next, HOUR).await?;
        }
        let at = match error {
            // Our own limit held it back, so this is no outage of the PG.
            LookUpError::Busy(until) => until,
            LookUpError::Provider(error) => {
                tracing::info!(payment = %id, account = %account.id, error = error.name(), "the PG does not answer; its look-ups wait");
                later(now, account.throttle.unanswered(now))
            }
            LookUpError::NoCredentials | LookUpError::Store(_) => later(now, DAY),
        };
        // What has been unknown for too long becomes a review, above all where the PG answers nothing.
        self.core.update(merchant, id, |_, _| ()).await?;
        Ok(self.core.store.release(merchant, id, at).await?)
    }

    /// A retired account sends nothing: a person decides, and it is tried again if the account comes back.
    async fn hold_retired(&self, record: &PaymentRecord, operation: &Operation) -> Result<(), LookUpError> {
        let about = match operation {
            Operation::Confirm(id) => ReviewSubject::Charge(id.clone()),
            Operation::Cancel(id) | Operation::Close(id) => ReviewSubject::Cancel(id.clone()),
        };
        let hold = |draft: &mut Draft, context: &Context<'_>| {
            // Held and not ended: if the account is active again it is sent after all, unless a person did it
            // or decided otherwise.
            draft.raise(ReviewReason::AccountRetired, about.clone(), context.now);
            let mut pending = draft.record.checks.pending.iter_mut();
            if let Some(pending) = pending.find(|pending| pending.operation == *operation) {
                pending.next_at = Some(later(context.now, DAY));
            }
        };
        self.core.update(&record.payment.merchant, &record.payment.id, hold).await?;
        Ok(())
    }
}

/// Whether a look-up of this subject is meant to show a charge.
fn is_of(subject: &LookUpSubject, charge: &Charge) -> bool {
    match subject {
        LookUpSubject::Attempt(number) => charge.attempt == *number,
        LookUpSubject::Charge { pg_payment_id, .. } => charge.pg_payment_id.as_ref() == Some(pg_payment_id),
    }
}

/// What a payment needs next: look-ups before sends, so that what is known decides.
fn next(record: &PaymentRecord, now: Timestamp) -> Next {
    // The oldest first: hints that keep coming must not put it off.
    let owed = record.checks.owed.iter().filter(|owed| owed.at <= now).min_by_key(|owed| owed.at);
    if let Some(owed) = owed {
        return Next::LookUp(owed.of.clone(), owed.at);
    }
    let due = |pending: &crate::store::PendingOperation| {
        let next_at = pending.next_at.filter(|at| *at <= now)?;
        Some(Next::Send(pending.operation.clone(), next_at))
    };
    if let Some(send) = record.checks.pending.iter().find_map(due) {
        return send;
    }
    // Last, because a look-up that is due may show money that came in time.
    match record.checks.deadline {
        Some(deadline) if deadline <= now => Next::Show,
        _ => Next::Nothing,
    }
}
