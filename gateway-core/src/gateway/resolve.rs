//! The resolver: bringing what is uncertain to an end, and time to its effect.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    AccountId, Attempt, AttemptStatus, Cancel, CancelId, CancelOrigin, CancelScope, CancelStatus, Failure,
    FailureReason, Gateway, GatewayError, Heard, MerchantId, MoneyMoves, PaymentId, PaymentRecord,
    PaymentStatus, PgStatus, ProviderDescription, ProviderError, Sending, Snapshot, SnapshotCancel,
    StoreError, Watch, Work,
    draft::Draft,
    gateway::{
        line::Errand,
        look_up::{LookUpError, LookedUp},
    },
    give_back::is_same,
    schedule::{is_uncertain, later, retry_watch, settled_at},
};

/// How long a resolver keeps a payment to itself: longer than a look-up and a repeat usually take. If not, another looks as
/// well, and the commits decide.
const LEASE: Duration = Duration::from_secs(5 * 60);

/// How many payments one round takes, and works on at once.
const ROUND: u32 = 4;

/// How long a hint waits at most for the next look while the PG does not answer.
const HINT_WAITS: Duration = Duration::from_secs(15 * 60);

/// How often a merchant's cancel is sent while the PG answers errors and is seen to do nothing. The
/// merchant then decides; money that must go back is never given up.
const CANCEL_SENDS: u32 = 3;

impl Gateway {
    /// Works on every payment of an account that is due now, while its PG's limits allow it; tells how many
    /// there were.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`] when the due payments cannot be read.
    pub async fn resolve_due(&self, account: &AccountId) -> Result<usize, GatewayError> {
        let mut worked = 0;
        loop {
            let now = self.clock.now();
            let room = self.accounts.get(account).map_or(0, |account| account.line.routine_room(ROUND, now));
            if room == 0 {
                return Ok(worked);
            }
            let due = self.store.lease_due(account, now, later(now, LEASE), room).await?;
            if due.is_empty() {
                return Ok(worked);
            }
            worked += due.len();
            // There may be more, and this round may take long.
            self.wake_for(Work::Payments, account);
            stream::iter(due)
                .for_each_concurrent(None, |(merchant, id)| async move {
                    if let Err(error) = Box::pin(self.resolve(&merchant, &id)).await {
                        tracing::warn!(payment = %id, error = %error, "a due payment could not be resolved; it stays due");
                    }
                })
                .await;
        }
    }

    /// When an account's next payment is due and its PG's limits allow to look at it; `None` while nothing
    /// is expected.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn next_work(&self, account: &AccountId) -> Result<Option<Timestamp>, GatewayError> {
        let due = self.store.next_due(account).await?;
        let from = self.accounts.get(account).map(|account| account.line.routine_from(self.clock.now()));
        Ok(due.map(|due| from.map_or(due, |from| due.max(from))))
    }

    /// Looks at one payment: asks the PG, repeats what may be repeated, ends what time has ended.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`]; the payment stays due.
    pub async fn resolve(&self, merchant: &MerchantId, id: &PaymentId) -> Result<(), GatewayError> {
        let read = self.payment(merchant, id).await?;
        let tries = if is_uncertain(&read) {
            read.payment.watch.map_or(0, |watch| watch.tries).saturating_add(1)
        } else {
            0
        };
        let looked_up = match self.look_up(merchant, id, None, tries, Errand::Routine).await {
            Ok(looked_up) => looked_up,
            Err(LookUpError::Provider(error)) => return self.ask_later(read, &error).await,
            Err(LookUpError::Busy(until)) => return self.postpone(read, until).await,
            Err(LookUpError::Gateway(error)) => return Err(error),
        };
        let hints = read.hints;
        let LookedUp { record, snapshots, asked_at, .. } = looked_up;
        let record = self.follow_up(record).await?;
        let record = self.press_confirms(record, &snapshots, asked_at).await?;
        let record = self.press_cancels(record, &snapshots, asked_at).await?;
        let record = self.expire(record).await?;
        self.end_look(PaymentRecord { hints, ..record }, asked_at, read.payment.version, tries).await
    }

    /// Ends the lease even where the look changed nothing.
    async fn end_look(
        &self,
        record: PaymentRecord,
        asked_at: Timestamp,
        version: u64,
        tries: u32,
    ) -> Result<(), GatewayError> {
        if record.payment.version != version {
            return Ok(());
        }
        let mut draft = Draft::of(record);
        draft.looked(asked_at);
        draft.touch();
        match self.commit(draft, tries).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask_later(&self, record: PaymentRecord, error: &ProviderError) -> Result<(), GatewayError> {
        tracing::info!(payment = %record.payment.id, account = %record.payment.account, error = error.name(), "the PG could not tell; asking later");
        let now = self.clock.now();
        let earliest = match error {
            ProviderError::NotProcessed { retry_after: Some(wait), .. } => later(now, *wait),
            _ => now,
        };
        let tries = record.payment.watch.map_or(0, |watch| watch.tries).saturating_add(1);
        let retry = retry_watch(now, tries, &self.ids);
        // Whoever sends hints while the PG is away must not put off the day it comes back.
        let longest = if record.hints > record.payment.answered_hints { HINT_WAITS } else { Duration::MAX };
        let at = retry.at.min(later(now, longest)).max(earliest);
        self.watch_again(record, Watch { at, tries }).await
    }

    /// The line has no room now: the PG was not asked, so this was no try.
    async fn postpone(&self, record: PaymentRecord, until: Timestamp) -> Result<(), GatewayError> {
        let tries = record.payment.watch.map_or(0, |watch| watch.tries);
        self.watch_again(record, Watch { at: until, tries }).await
    }

    async fn watch_again(&self, record: PaymentRecord, watch: Watch) -> Result<(), GatewayError> {
        let mut draft = Draft::of(record);
        draft.record.payment.watch = Some(watch);
        draft.touch();
        match self.commit_watched(draft, self.clock.now()).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Repeats confirms that a fresh look-up shows as not executed, inside the PG's window, or ends them after it.
    async fn press_confirms(
        &self,
        mut record: PaymentRecord,
        snapshots: &[Snapshot],
        asked_at: Timestamp,
    ) -> Result<PaymentRecord, GatewayError> {
        let description = self.account_of(&record)?.description().clone();
        let MoneyMoves::OnConfirm { within } = description.money_moves else {
            return self.reopen_unread(record, snapshots, &description, asked_at).await;
        };
        let uncertain: Vec<Attempt> = record.attempts.iter().filter(|a| a.is_uncertain()).cloned().collect();
        for attempt in uncertain {
            let Some(sent) = &attempt.confirm else { continue };
            let shown = snapshots.iter().find(|snapshot| Some(&snapshot.pg_id) == attempt.pg_id.as_ref());
            // What another order's id stands for must not be asked for again.
            let ours = |s: &&Snapshot| s.pg_order_id == attempt.pg_order_id.as_str();
            let untouched =
                shown.is_none_or(|s| ours(&s) && matches!(s.status, PgStatus::Ready | PgStatus::InProgress));
            if !untouched {
                continue;
            }
            let number = attempt.number;
            let settled_no = is_negative_final(sent, &description, asked_at);
            let is_over = later(sent.first_sent_at, within) <= asked_at;
            // That the PG knows no such payment is final only after its window.
            let proved = settled_no && shown.is_some();
            // Money that another attempt brought must not be asked for twice.
            let wanted = record.accepted().is_none() && !is_over;
            let again = repeat_confirm(sent, proved, &description, self.clock.now());
            record = match again.filter(|_| wanted) {
                Some(sending) => {
                    let record = self.commit_repeat(record, number, sending).await?;
                    self.send_again(record, number).await?
                }
                None if is_over && settled_no => self.end_attempt(&record, number).await?,
                None => record,
            };
        }
        Ok(record)
    }

    async fn commit_repeat(
        &self,
        record: PaymentRecord,
        number: u16,
        sending: Sending,
    ) -> Result<PaymentRecord, GatewayError> {
        let tries = record.payment.watch.map_or(0, |watch| watch.tries);
        let mut draft = Draft::of(record);
        if let Some(attempt) = draft.attempt_mut(number) {
            attempt.confirm = Some(sending);
        }
        Ok(self.commit(draft, tries).await?)
    }

    async fn send_again(&self, record: PaymentRecord, number: u16) -> Result<PaymentRecord, GatewayError> {
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        match Box::pin(self.send_confirm(record, number)).await {
            Ok(record) => Ok(record),
            Err(GatewayError::Store(error)) => Err(error.into()),
            // Whatever a caller would have been told, the payment holds it.
            Err(_) => self.payment(&merchant, &id).await,
        }
    }

    /// The PG's window is over and it shows nothing taken: the attempt came to nothing.
    async fn end_attempt(&self, record: &PaymentRecord, number: u16) -> Result<PaymentRecord, GatewayError> {
        let now = self.clock.now();
        let failure = Failure::of(FailureReason::SessionExpired);
        let attempt = record.attempts.iter().find(|attempt| attempt.number == number);
        let sent = attempt.and_then(|attempt| attempt.confirm.as_ref());
        let change = |draft: &mut Draft| {
            if draft.confirm_answered(number, sent).is_some() {
                draft.close_attempt(number, &failure);
                let payment = &mut draft.record.payment;
                if payment.status == PaymentStatus::Confirming {
                    payment.status =
                        if payment.expires_at <= now { PaymentStatus::Expired } else { PaymentStatus::Ready };
                }
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }

    /// Where money moves before confirm, a PG that knows nothing of the order means "nothing yet": once
    /// that can no longer be a delay, the window is open again and the payment stays watched.
    async fn reopen_unread(
        &self,
        record: PaymentRecord,
        snapshots: &[Snapshot],
        description: &ProviderDescription,
        asked_at: Timestamp,
    ) -> Result<PaymentRecord, GatewayError> {
        let unread = record.attempts.iter().find(|attempt| {
            let shown = snapshots.iter().any(|snapshot| snapshot.pg_order_id == attempt.pg_order_id.as_str());
            let waited =
                attempt.confirm.as_ref().is_none_or(|asked| is_negative_final(asked, description, asked_at));
            attempt.is_uncertain() && !shown && waited
        });
        let Some((number, asked)) = unread.map(|attempt| (attempt.number, attempt.confirm.as_ref())) else {
            return Ok(record);
        };
        let change = |draft: &mut Draft| {
            if let Some(attempt) = draft.confirm_answered(number, asked) {
                attempt.status = AttemptStatus::Open;
                if draft.record.payment.status == PaymentStatus::Confirming {
                    draft.record.payment.status = PaymentStatus::Ready;
                }
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }

    /// Sends unsettled cancels once more, with the same key and guard: only that answer is final.
    async fn press_cancels(
        &self,
        mut record: PaymentRecord,
        snapshots: &[Snapshot],
        asked_at: Timestamp,
    ) -> Result<PaymentRecord, GatewayError> {
        let description = self.account_of(&record)?.description().clone();
        let unsettled: Vec<CancelId> = record
            .cancels
            .iter()
            .filter(|cancel| may_repeat_cancel(cancel, &description, self.clock.now()))
            .map(|cancel| cancel.id.clone())
            .collect();
        for id in unsettled {
            let Some(cancel) = record.cancel(&id) else { continue };
            let shown = snapshots.iter().find(|snapshot| Some(&snapshot.pg_id) == cancel.pg_id.as_ref());
            let Some(sent) = &cancel.sending else { continue };
            let landed = is_negative_final(sent, &description, asked_at);
            let untouched = shown
                .filter(|_| landed)
                .map(|snapshot| is_untouched(cancel, snapshot) || is_others(cancel, sent, snapshot));
            let gives_up = cancel.origin == CancelOrigin::Merchant
                && sent.heard == Heard::Error
                && untouched == Some(true)
                && sent.times >= CANCEL_SENDS;
            if gives_up {
                record = self.give_up_cancel(&record, &id).await?;
                continue;
            }
            let Some(sending) = repeat_cancel(sent, untouched, self.clock.now()) else { continue };
            let tries = record.payment.watch.map_or(0, |watch| watch.tries);
            let mut draft = Draft::of(record);
            if let Some(cancel) = draft.cancel_mut(&id) {
                cancel.status = CancelStatus::Sent;
                cancel.sending = Some(sending);
            }
            record = match self.commit(draft, tries).await {
                Ok(record) => Box::pin(self.send_cancel(record, &id)).await?,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(record)
    }

    /// Time is up for a payment that a fresh look-up shows unpaid.
    async fn expire(&self, record: PaymentRecord) -> Result<PaymentRecord, GatewayError> {
        let payment = &record.payment;
        if payment.status != PaymentStatus::Ready || payment.expires_at > self.clock.now() {
            return Ok(record);
        }
        let (merchant, id) = (payment.merchant.clone(), payment.id.clone());
        let mut draft = Draft::of(record);
        let failure = Failure::of(FailureReason::SessionExpired);
        for attempt in draft.record.attempts.iter_mut().filter(|attempt| attempt.is_open()) {
            attempt.close(failure.clone());
        }
        draft.record.payment.status = PaymentStatus::Expired;
        draft.record.payment.failure = Some(failure);
        match self.commit(draft, 0).await {
            Err(StoreError::Conflict) => self.payment(&merchant, &id).await,
            done => Ok(done?),
        }
    }
}

/// Whether "not there" can no longer be "not there yet".
fn is_negative_final(sent: &Sending, description: &ProviderDescription, asked_at: Timestamp) -> bool {
    settled_at(sent, description) <= asked_at
}

/// Whether the balance is another because of others: the PG lists cancels with their reasons, this one is not
/// among them, and the same key was repeated once without telling more.
fn is_others(cancel: &Cancel, sent: &Sending, snapshot: &Snapshot) -> bool {
    let other =
        |theirs: &SnapshotCancel| theirs.reason.is_some() && !is_same(cancel, theirs, &snapshot.pg_id);
    let repeated = sent.times > sent.send;
    repeated && !snapshot.cancels.is_empty() && snapshot.cancels.iter().all(other)
}

/// Whether the PG shows the payment as it was before the cancel.
fn is_untouched(cancel: &Cancel, snapshot: &Snapshot) -> bool {
    match cancel.scope {
        CancelScope::Close => snapshot.paid.is_zero() && snapshot.status == PgStatus::AwaitingDeposit,
        CancelScope::All | CancelScope::Part => snapshot.balance() == cancel.guard,
    }
}

/// How a confirm goes out again, if it may: never under another credential, and with the same key only
/// while the PG remembers keys.
fn repeat_confirm(
    sent: &Sending,
    proved_not_executed: bool,
    description: &ProviderDescription,
    now: Timestamp,
) -> Option<Sending> {
    let keyed = description.repeat_safe_for.is_some_and(|window| now < later(sent.first_sent_at, window));
    if sent.credential != description.credential || !(keyed || proved_not_executed) {
        return None;
    }
    repeat(sent, proved_not_executed, now)
}

/// How a cancel goes out again. An error after which the balance is another one may hide that it was
/// done: the same key and guard once more tell, and do nothing a second time.
fn repeat_cancel(sent: &Sending, untouched: Option<bool>, now: Timestamp) -> Option<Sending> {
    match (sent.heard, untouched) {
        (Heard::Error, Some(false)) => Some(sent.again(now)),
        _ => repeat(sent, untouched == Some(true), now),
    }
}

/// How a request goes out again: with the same key where nothing was heard, with the next one where
/// an error was heard and a fresh look-up proves that it was not executed.
fn repeat(sent: &Sending, proved_not_executed: bool, now: Timestamp) -> Option<Sending> {
    match sent.heard {
        Heard::Nothing | Heard::StillRunning => Some(sent.again(now)),
        Heard::Error if proved_not_executed => Some(sent.next(now)),
        Heard::Error | Heard::Answer => None,
    }
}

fn may_repeat_cancel(cancel: &Cancel, description: &ProviderDescription, now: Timestamp) -> bool {
    let Some(sent) = &cancel.sending else { return false };
    let keyed = description.repeat_safe_for;
    let in_window = keyed.is_none_or(|window| now < later(sent.first_sent_at, window));
    // A row that is merely sent may still be on its way; so may any, where no key tells two sends apart.
    let may_be_in_flight = cancel.status == CancelStatus::Sent || keyed.is_none();
    let landed = !may_be_in_flight || is_negative_final(sent, description, now);
    matches!(cancel.status, CancelStatus::Sent | CancelStatus::Unknown)
        && in_window
        && landed
        && sent.credential == description.credential
}
