//! Asking the PG what is true, and committing what follows from it.

use std::time::Duration;

use jiff::Timestamp;

use super::{commit::Committer, hints::owe_hint};
use crate::{
    account::{ConnectedAccount, Priority},
    clock::{HOUR, later},
    lifecycle::{Answer, Foreign, schedule::step},
    model::{LookUpSubject, MerchantId, PaymentId, PgOrderId},
    provider::{ChargeRef, LookUp, ProviderError},
    store::{PaymentRecord, StoreError},
};

/// How often the PG is asked because the payment changed while it answered.
const ASKED_AT_MOST: u32 = 5;

/// Why a look-up came to nothing.
#[derive(Debug)]
pub(crate) enum LookUpError {
    /// The PG gave no answer.
    Provider(ProviderError),
    /// The account has no room before this; the PG was not asked.
    Busy(Timestamp),
    /// The account has no credentials any more: nobody can ask.
    NoCredentials,
    Store(StoreError),
}

impl LookUpError {
    /// What stands for it in the log.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.name(),
            Self::Busy(_) => "busy",
            Self::NoCredentials => "no_credentials",
            Self::Store(_) => "store",
        }
    }
}

impl From<StoreError> for LookUpError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a look-up came to.
#[derive(Debug)]
pub(crate) struct LookedUp {
    pub(crate) record: PaymentRecord,
    /// Whether it showed a payment of another order.
    pub(crate) met_foreign: bool,
    /// Whether it was by order and left something out: a row could not be read, and may be any.
    pub(crate) is_partial: bool,
}

/// Asks the PG about one subject of a payment and commits what follows. The version is read before the PG is asked; if
/// the payment changes meanwhile the answer is dropped and the PG asked again.
pub(crate) async fn look_up(
    core: &Committer,
    merchant: &MerchantId,
    id: &PaymentId,
    subject: &LookUpSubject,
    priority: Priority,
) -> Result<LookedUp, LookUpError> {
    for _ in 0..ASKED_AT_MOST {
        // Read before the PG is asked: a commit in between is newer than the answer, which must lose to it.
        let record = core.payment(merchant, id).await?;
        let account = core.account_of(&record).filter(|account| account.has_credentials);
        let account = account.ok_or(LookUpError::NoCredentials)?;
        let Some(reference) = record.reference(subject) else {
            return Ok(LookedUp { record, met_foreign: false, is_partial: false });
        };
        // The time of the question. What was sent after it need not show in the answer.
        let asked_at = core.now();
        let look_up = ask(account, &record, subject, &reference, priority).await?;
        let answer = Answer { subject, look_up: &look_up, asked_at, is_look_up: true };
        match core.apply(&record, &answer, |_, _| ()).await {
            Ok((record, foreign)) => {
                report(core, account, &record, &foreign).await;
                let is_by_order = matches!(subject, LookUpSubject::Attempt(_));
                let is_partial = is_by_order && !answer.decides(account.description());
                return Ok(LookedUp { record, met_foreign: !foreign.is_empty(), is_partial });
            }
            // The answer is older than what another change has committed, so it is dropped.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(LookUpError::Store(StoreError::Conflict))
}

async fn ask(
    account: &ConnectedAccount,
    record: &PaymentRecord,
    subject: &LookUpSubject,
    reference: &ChargeRef,
    priority: Priority,
) -> Result<LookUp, LookUpError> {
    account.admit(priority, 1).map_err(LookUpError::Busy)?;
    match account.call(account.provider.verify(reference)).await {
        Ok(look_up) => Ok(look_up),
        // A PG that cannot be asked so shows nothing, and nothing follows from that.
        Err(ProviderError::Unsupported(_)) => Ok(LookUp { charges: Vec::new(), complete: false }),
        // What a browser or a webhook made up is no id of this PG: that is as good as "not found".
        Err(ProviderError::Invalid(_) | ProviderError::Declined(_)) if is_made_up(record, subject) => {
            Ok(LookUp { charges: Vec::new(), complete: true })
        }
        Err(error) => {
            tracing::warn!(
                payment = %record.payment.id,
                account = %account.id,
                error = error.name(),
                detail = error.detail(),
                "a look-up got no usable answer"
            );
            Err(LookUpError::Provider(error))
        }
    }
}

/// A look-up came to nothing because of this payment, or the clock is in doubt and the answer decides nothing: the next one
/// waits longer, at most `longest`, and not long after the doubt has ended.
pub(crate) async fn put_off(
    core: &Committer,
    merchant: &MerchantId,
    id: &PaymentId,
    subject: &LookUpSubject,
    longest: Duration,
) -> Result<(), StoreError> {
    let put_off = |draft: &mut crate::lifecycle::Draft, context: &crate::lifecycle::Context<'_>| {
        for owed in &mut draft.record.checks.owed {
            // What is owed for later keeps its time.
            if owed.of == *subject && owed.at <= context.now {
                let wait = step(owed.tries, context.ids).min(longest);
                owed.at = later(context.now, if context.is_clock_trusted { wait } else { wait.min(HOUR) });
                owed.tries = owed.tries.saturating_add(1);
            }
        }
    };
    core.update(merchant, id, put_off).await.map(|_| ())
}

/// Payments of other orders: nothing is cancelled; their true owners, where we know them, are looked up.
async fn report(core: &Committer, account: &ConnectedAccount, record: &PaymentRecord, foreign: &[Foreign]) {
    // What nobody claimed for this payment is another system's business.
    for foreign in foreign.iter().filter(|foreign| foreign.was_claimed) {
        tracing::error!(
            payment = %record.payment.id,
            account = %account.id,
            "a PG payment of another order was claimed for this payment; nothing was accepted or cancelled"
        );
        // The answer is committed: a failure here must not undo what the look-up found.
        if let Err(error) = owe_to_owner(core, account, record, foreign).await {
            tracing::warn!(payment = %record.payment.id, %error, "the true owner of a PG payment could not be marked");
        }
    }
}

async fn owe_to_owner(
    core: &Committer,
    account: &ConnectedAccount,
    record: &PaymentRecord,
    foreign: &Foreign,
) -> Result<(), StoreError> {
    // An order id that is not of our shape belongs to another system at the same PG.
    let Ok(order_id) = foreign.order_id.parse::<PgOrderId>() else { return Ok(()) };
    let Some((merchant, owner)) = core.store.owner_of_order(&account.id, &order_id).await? else {
        return Ok(());
    };
    if owner == record.payment.id {
        return Ok(());
    }
    let owner = core.payment(&merchant, &owner).await?;
    let Some(attempt) = owner.attempt_of(order_id.as_str()).map(|attempt| attempt.number) else {
        return Ok(());
    };
    let pg_payment_id = foreign.pg_payment_id.clone();
    // Anybody can name a payment, again and again.
    owe_hint(core, account, &owner, LookUpSubject::Charge { attempt, pg_payment_id }).await
}

/// Whether a subject is only what a browser or a webhook said: the PG never showed it, and nothing was sent for it.
fn is_made_up(record: &PaymentRecord, subject: &LookUpSubject) -> bool {
    let LookUpSubject::Charge { pg_payment_id, .. } = subject else { return false };
    let known = record.charge_at_pg(pg_payment_id);
    known.is_none_or(|charge| charge.snapshot.is_none() && charge.confirm.is_none())
}

/// Whether an error says nothing of the payment: the PG is away, busy or does not let us in.
pub(crate) const fn is_of_account(error: &ProviderError) -> bool {
    !error.is_answered() || matches!(error, ProviderError::NotDone { .. } | ProviderError::Misconfigured(_))
}
