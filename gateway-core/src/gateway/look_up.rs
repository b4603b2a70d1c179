//! Asking the PG what is true, and committing what follows from it.

use jiff::Timestamp;

use crate::{
    Account, Attempt, AttemptStatus, Gateway, GatewayError, MerchantId, MoneyMoves, PaymentId, PaymentRecord,
    PaymentRef, PgOrderId, PgPaymentId, ProviderError, Snapshot, StoreError,
    draft::Draft,
    gateway::{account::ConnectedAccount, line::Errand, look_queue::Look},
    settle::Stranger,
};

/// How often a look-up starts over because the payment changed while the PG was asked.
const ROUNDS: u32 = 5;

/// What a look-up came to.
#[derive(Debug)]
pub(crate) struct LookedUp {
    pub(crate) record: PaymentRecord,
    /// What the PG showed, strangers included.
    pub(crate) snapshots: Vec<Snapshot>,
    /// When the PG was asked: later requests may not show in its answer.
    pub(crate) asked_at: Timestamp,
    /// Whether a snapshot was of another order.
    pub(crate) met_stranger: bool,
}

/// Why a look-up came to nothing.
#[derive(Debug)]
pub(crate) enum LookUpError {
    /// The PG did not tell.
    Provider(ProviderError),
    /// The account's line has no room before this; the PG was not asked.
    Busy(Timestamp),
    Gateway(GatewayError),
}

impl From<GatewayError> for LookUpError {
    fn from(error: GatewayError) -> Self {
        Self::Gateway(error)
    }
}

impl From<StoreError> for LookUpError {
    fn from(error: StoreError) -> Self {
        Self::Gateway(error.into())
    }
}

impl Gateway {
    /// Asks the PG now and gives the payment as it is after that.
    ///
    /// # Errors
    ///
    /// [`GatewayError::ProviderUnavailable`] or [`GatewayError::ProviderMisconfigured`] when the PG
    /// gave no usable answer: the payment is unchanged. [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn verify(&self, merchant: &MerchantId, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        // Another merchant's payment is not found, and its look-ups are not shared.
        self.payment(merchant, id).await?;
        match self.looks.run(id, Box::pin(self.look_asked(merchant, id))).await {
            // Not while others wait for the look: what follows may look again.
            Look::Own(looked_up) => self.follow_up(looked_up?.record).await,
            Look::Shared { succeeded: true } => self.payment(merchant, id).await,
            Look::Shared { succeeded: false } => Err(GatewayError::ProviderUnavailable { retry_after: None }),
        }
    }

    async fn look_asked(&self, merchant: &MerchantId, id: &PaymentId) -> Result<LookedUp, GatewayError> {
        let record = self.payment(merchant, id).await?;
        let _place = self.account_of(&record)?.place()?;
        match self.look_up_now(merchant, id, None, 0, Errand::Asked).await {
            Ok(looked_up) => Ok(looked_up),
            Err(LookUpError::Gateway(error)) => Err(error),
            Err(LookUpError::Busy(until)) => Err(self.busy_until(until)),
            Err(LookUpError::Provider(error)) => Err(unanswered(error)),
        }
    }

    /// Asks the PG what became of money that was just sent for, or that a person is about to decide on. The PG's limits do
    /// not hold this back; only the look-ups of this payment that were there before do.
    pub(crate) async fn look_for_money(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<LookedUp, LookUpError> {
        self.look_up(merchant, id, None, 0, Errand::Money).await
    }

    /// Asks the PG about every attempt that may hold money, and about `extra`, and commits what follows; once no
    /// other look-up of this payment runs.
    pub(crate) async fn look_up(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        extra: Option<&PaymentRef>,
        tries: u32,
        errand: Errand,
    ) -> Result<LookedUp, LookUpError> {
        let look = Box::pin(self.look_up_now(merchant, id, extra, tries, errand));
        self.looks.run_own(id, look).await
    }

    /// The version is read before the PG is asked; if the payment changes meanwhile, the answer is
    /// dropped and the PG asked again.
    async fn look_up_now(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        extra: Option<&PaymentRef>,
        tries: u32,
        errand: Errand,
    ) -> Result<LookedUp, LookUpError> {
        for _ in 0..ROUNDS {
            let record = self.payment(merchant, id).await?;
            let account = self.account_of(&record)?;
            let asked_at = self.clock.now();
            let snapshots = Box::pin(self.ask(account, &record, extra, errand)).await?;
            match Box::pin(self.commit_look(record, &snapshots, asked_at, tries)).await {
                Ok((record, met_stranger)) => {
                    return Ok(LookedUp { record, snapshots, asked_at, met_stranger });
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(LookUpError::Gateway(GatewayError::Store(StoreError::Conflict)))
    }

    /// Settles `record` by what a request of its own answered, and commits it; tells whether that was a
    /// stranger. It answers no hint: that wants a look at every attempt.
    pub(crate) async fn commit_truth(
        &self,
        record: PaymentRecord,
        snapshot: &Snapshot,
        asked_at: Timestamp,
    ) -> Result<(PaymentRecord, bool), StoreError> {
        self.settle_and_commit(record, std::slice::from_ref(snapshot), asked_at, |_| (), 0).await
    }

    async fn commit_look(
        &self,
        record: PaymentRecord,
        snapshots: &[Snapshot],
        asked_at: Timestamp,
        tries: u32,
    ) -> Result<(PaymentRecord, bool), StoreError> {
        let is_due = record.payment.watch.is_some_and(|watch| watch.at <= asked_at);
        let looked = |draft: &mut Draft| {
            draft.looked(asked_at);
            if is_due {
                // Even where nothing changed, what it was due for is answered.
                draft.touch();
            }
        };
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let version = record.payment.version;
        let (record, met_stranger) =
            self.settle_and_commit(record, snapshots, asked_at, looked, tries).await?;
        if record.payment.version == version {
            // Nothing to change, so no commit compared versions: what was read may be old by now.
            let kept = self.store.payment(&merchant, &id).await?;
            if kept.is_none_or(|kept| kept.payment.version != version) {
                return Err(StoreError::Conflict);
            }
        }
        Ok((record, met_stranger))
    }

    pub(crate) async fn settle_and_commit(
        &self,
        record: PaymentRecord,
        snapshots: &[Snapshot],
        asked_at: Timestamp,
        prepare: impl Fn(&mut Draft) + Send + Sync,
        tries: u32,
    ) -> Result<(PaymentRecord, bool), StoreError> {
        let mut taken: Vec<PgPaymentId> = Vec::new();
        let mut superseded = false;
        loop {
            let Some(account) = self.accounts.get(&record.payment.account) else {
                return Ok((record, false));
            };
            let mut draft = Draft::of(record.clone());
            draft.record.payment.superseded |= superseded;
            prepare(&mut draft);
            let mut strangers = draft.settle(snapshots, &self.context(account, &taken, asked_at));
            let met_stranger = !strangers.is_empty();
            strangers.retain(|stranger| is_news(&record, stranger));
            let accepted = draft.record.accepted().cloned();
            match self.commit(draft, tries).await {
                Ok(record) => {
                    self.report(account, &record, &strangers).await;
                    return Ok((record, met_stranger));
                }
                // Two payments cannot have accepted one PG payment: the first keeps it.
                Err(StoreError::PgIdTaken) => match accepted {
                    Some(pg_id) if !taken.contains(&pg_id) => taken.push(pg_id),
                    _ => return Err(StoreError::PgIdTaken),
                },
                // A newer payment has the order: this one's late money is given back.
                Err(StoreError::OrderTaken) if !superseded => superseded = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Applies a definite answer to the payment, whatever version it has by now.
    pub(crate) async fn update(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        change: impl Fn(&mut Draft) + Send + Sync,
    ) -> Result<PaymentRecord, GatewayError> {
        for _ in 0..ROUNDS {
            let record = self.payment(merchant, id).await?;
            let tries = record.payment.watch.map_or(0, |watch| watch.tries);
            let mut draft = Draft::of(record);
            change(&mut draft);
            match self.commit(draft, tries).await {
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    /// A PG payment under another order: nothing is cancelled; its true owner, if we know one, is verified.
    async fn report(&self, account: &Account, record: &PaymentRecord, strangers: &[Stranger]) {
        for stranger in strangers {
            tracing::error!(
                payment = %record.payment.id,
                account = %account.id,
                "a PG payment of another order was shown for this payment; nothing was accepted or cancelled"
            );
            for (merchant, owner) in self.owners(account, stranger).await {
                if owner != record.payment.id
                    && let Err(error) = self.verify_in_turn(&merchant, &owner).await
                {
                    tracing::warn!(payment = %owner, %error, "the true owner of a PG payment could not be marked; the sweep or its own watch finds it");
                }
            }
        }
    }

    /// Has a payment looked at, in turn: two that meet each other's PG payments must not keep each other awake.
    async fn verify_in_turn(&self, merchant: &MerchantId, id: &PaymentId) -> Result<(), GatewayError> {
        let record = self.payment(merchant, id).await?;
        let at = self.turn_of(&record, self.clock.now());
        Ok(self.mark(&record.payment.account, id, at).await?)
    }

    /// Whose a stranger is: by its order id, and by who accepted it.
    async fn owners(&self, account: &Account, stranger: &Stranger) -> Vec<(MerchantId, PaymentId)> {
        let mut owners = Vec::new();
        if let Ok(pg_order_id) = stranger.pg_order_id.parse::<PgOrderId>() {
            owners.push(self.store.owner_of_attempt(&account.id, &pg_order_id).await);
        }
        owners.push(self.store.owner_of_pg_id(&account.id, &stranger.pg_id).await);
        owners.into_iter().filter_map(|owner| owner.ok().flatten()).collect()
    }

    async fn ask(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        extra: Option<&PaymentRef>,
        errand: Errand,
    ) -> Result<Vec<Snapshot>, LookUpError> {
        let by_order = account.description().money_moves == MoneyMoves::BeforeConfirm;
        let mut subjects = subjects(record, by_order);
        if let Some(extra) = extra
            && !subjects.iter().any(|known| known.asked.pg_id.is_some() && known.asked.pg_id == extra.pg_id)
        {
            subjects.push(Subject { asked: extra.clone(), is_closed: false });
        }
        let requests = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
        self.admit(account, errand, requests).map_err(LookUpError::Busy)?;
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for subject in &subjects {
            let shown = match self.call(account, account.provider.verify(&subject.asked)).await {
                Err(error) if subject.is_closed && says_nothing_ever(&error) => {
                    tracing::warn!(payment = %record.payment.id, account = %account.id, error = error.name(), "the PG cannot be asked about a closed attempt");
                    continue;
                }
                shown => shown.map_err(LookUpError::Provider)?,
            };
            for snapshot in shown {
                // Asked by id and by order, a PG may show one payment twice.
                if !snapshots.iter().any(|seen| seen.pg_id == snapshot.pg_id) {
                    snapshots.push(snapshot);
                }
            }
        }
        Ok(snapshots)
    }
}

/// Whether a stranger was not met before. A claim that has ended is still asked for, and always shows the same:
/// two payments that claim each other's would have each other looked at without end.
fn is_news(before: &PaymentRecord, stranger: &Stranger) -> bool {
    let ended = |attempt: &Attempt| {
        attempt.status == AttemptStatus::Closed && attempt.pg_id.as_ref() == Some(&stranger.pg_id)
    };
    !before.attempts.iter().any(ended)
}

/// What the PG is asked about.
struct Subject {
    asked: PaymentRef,
    /// Whether nothing hangs on it any more but the chance of late money.
    is_closed: bool,
}

/// What to ask the PG about a payment: by its own id where one is known, never by order then. What a
/// browser made up must not stop the questions that matter: see [`says_nothing_ever`].
fn subjects(record: &PaymentRecord, asks_by_order: bool) -> Vec<Subject> {
    let known = |attempt: &&Attempt| attempt.pg_id.is_some() && attempt.status != AttemptStatus::Preparing;
    let of_attempts = record.attempts.iter().filter(|attempt| known(attempt) || asks_by_order);
    let mut subjects: Vec<_> = of_attempts
        .map(|attempt| Subject {
            asked: reference(attempt, attempt.pg_id.clone()),
            is_closed: attempt.status == AttemptStatus::Closed,
        })
        .collect();
    // A second PG payment under the order of an attempt is known only by the cancel that gives it back.
    for cancel in &record.cancels {
        let asked = subjects.iter().any(|subject| subject.asked.pg_id == cancel.pg_id);
        let attempt = record.attempts.iter().find(|attempt| Some(attempt.number) == cancel.attempt);
        if let Some(attempt) = attempt
            && !asked
        {
            subjects.push(Subject {
                asked: reference(attempt, cancel.pg_id.clone()),
                is_closed: !cancel.status.is_unsettled(),
            });
        }
    }
    subjects
}

fn reference(attempt: &Attempt, pg_id: Option<PgPaymentId>) -> PaymentRef {
    PaymentRef { pg_order_id: attempt.pg_order_id.clone(), pg_id, state: attempt.state.clone() }
}

/// Whether asking the same again will always be answered so.
pub(crate) fn says_nothing_ever(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Invalid(_) | ProviderError::Declined(_) | ProviderError::Unsupported(_))
}

/// What a merchant is told of a look-up that came to nothing.
pub(crate) fn unanswered(error: ProviderError) -> GatewayError {
    match error {
        ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg) => {
            GatewayError::ProviderMisconfigured(Some(pg))
        }
        ProviderError::Unsupported(what) => GatewayError::Unsupported(what),
        ProviderError::NotProcessed { retry_after, .. } => GatewayError::ProviderUnavailable { retry_after },
        _ => GatewayError::ProviderUnavailable { retry_after: None },
    }
}
