//! Asking the PG what is true, and committing what follows from it.

use crate::{
    Account, Gateway, GatewayError, MerchantId, MoneyMoves, PaymentId, PaymentRecord, PaymentRef, PgOrderId,
    PgPaymentId, ProviderError, Snapshot, StoreError, draft::Draft, gateway::look_ups, settle::Stranger,
};

/// How often a look-up starts over because the payment changed while the PG was asked.
const ROUNDS: u32 = 5;

/// What a look-up came to.
#[derive(Debug)]
pub(crate) struct LookedUp {
    pub(crate) record: PaymentRecord,
    /// What the PG showed, strangers included.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Whether a snapshot was of another order.
    pub(crate) met_stranger: bool,
}

/// Why a look-up came to nothing.
#[derive(Debug)]
pub(crate) enum LookUpError {
    Provider(ProviderError),
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
        match self.look_up(merchant, id, None, 0).await {
            Ok(looked_up) => self.follow_up(looked_up.record).await,
            Err(LookUpError::Gateway(error)) => Err(error),
            Err(LookUpError::Provider(error)) => Err(unanswered(error)),
        }
    }

    /// Asks the PG about every attempt that may hold money, and about `extra`, and commits what follows.
    /// The version is read before the PG is asked; if the payment changes meanwhile, the answer is
    /// dropped and the PG asked again.
    pub(crate) async fn look_up(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        extra: Option<&PaymentRef>,
        tries: u32,
    ) -> Result<LookedUp, LookUpError> {
        for _ in 0..ROUNDS {
            let record = self.payment(merchant, id).await?;
            let account = self.account_of(&record)?;
            let snapshots = ask(account, &record, extra).await.map_err(LookUpError::Provider)?;
            match self.commit_truth(record, &snapshots, tries).await {
                Ok((record, met_stranger)) => return Ok(LookedUp { record, snapshots, met_stranger }),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(LookUpError::Gateway(GatewayError::Store(StoreError::Conflict)))
    }

    /// Settles `record` by `snapshots` and commits it; tells whether one was a stranger.
    pub(crate) async fn commit_truth(
        &self,
        record: PaymentRecord,
        snapshots: &[Snapshot],
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
            let strangers = draft.settle(snapshots, &self.context(account, &taken));
            let accepted = draft.record.accepted().cloned();
            match self.commit(draft, tries).await {
                Ok(record) => {
                    self.report(account, &record, &strangers).await;
                    return Ok((record, !strangers.is_empty()));
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
            let Ok(pg_order_id) = stranger.pg_order_id.parse::<PgOrderId>() else { continue };
            let owner = self.store.owner_of_attempt(&account.id, &pg_order_id).await;
            if let Ok(Some((_, owner))) = owner
                && owner != record.payment.id
                && self.store.mark_dirty(&owner, self.clock.now()).await.is_ok()
            {
                self.wake();
            }
        }
    }
}

async fn ask(
    account: &Account,
    record: &PaymentRecord,
    extra: Option<&PaymentRef>,
) -> Result<Vec<Snapshot>, ProviderError> {
    let by_order = account.description().money_moves == MoneyMoves::BeforeConfirm;
    let mut subjects = look_ups(record, by_order);
    if let Some(extra) = extra
        && !subjects.iter().any(|known| known.pg_id.is_some() && known.pg_id == extra.pg_id)
    {
        subjects.push(extra.clone());
    }
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for subject in &subjects {
        for snapshot in account.provider.verify(subject).await? {
            // Asked by id and by order, a PG may show one payment twice.
            if !snapshots.iter().any(|seen| seen.pg_id == snapshot.pg_id) {
                snapshots.push(snapshot);
            }
        }
    }
    Ok(snapshots)
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
