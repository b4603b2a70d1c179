//! Confirming where the PG takes the money in the window: what a claim names is looked up.

use super::taking::take;
use crate::{
    account::{ConnectedAccount, Priority, WHEN_BUSY},
    clock::later,
    dispatch::{LookUpError, LookedUp, look_up, owe_hint},
    gateway::{
        Gateway, GatewayError, RequestKey,
        confirm::{
            claim::{Claimed, MOST_CLAIMS, claim, claims, commit_claim},
            outcome::{outcome, outcome_of_payment},
        },
        shared::permit,
    },
    model::{Charge, LookUpSubject, PaymentStatus, PgPaymentId, PgStatus},
    store::PaymentRecord,
};

/// What the PG answered about a browser's result.
pub(super) struct Asked {
    pub(super) record: PaymentRecord,
    /// Whether it showed a payment under the order id that is not this order's.
    met_foreign: bool,
    /// Why it gave no answer, or was not asked.
    pub(super) no_answer: Option<LookUpError>,
}

/// Money moved before confirm, or did not: a claim is a hint with an id. It bars nothing, and ends after an hour of
/// answered look-ups that do not know it.
pub(super) async fn verify_claim(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    key: Option<&RequestKey>,
) -> Result<PaymentRecord, GatewayError> {
    let accepted = record.accepted().and_then(|charge| charge.pg_payment_id.as_ref());
    // A claim of another id beside a paid order may be a second payment of the buyer, so it is looked up.
    let is_shown = claimed.pg_payment_id.is_none() || claimed.pg_payment_id == accepted;
    if record.payment.status().has_money() && is_shown {
        return Ok(record);
    }
    let _permit = permit(account)?;
    let may_wait = matches!(
        record.payment.status(),
        PaymentStatus::Ready | PaymentStatus::Failed | PaymentStatus::Confirming | PaymentStatus::Expired
    );
    // After the deadline a claim does not hold the payment in `confirming`; what the PG shows of it counts
    // all the same.
    let in_time = gateway.core.now() <= record.payment.expires_at;
    // Where nobody can ask the PG, a person is asked about what a claim names, in time or not.
    let may_wait = may_wait && in_time || !account.has_credentials;
    let known = record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, None);
    let is_kept = known.is_some_and(Charge::has_open_claim);
    let is_new = known.is_none() && claims(&record) < MOST_CLAIMS;
    let keeps = may_wait && is_new;
    // Saved before the PG is asked: if it does not answer or this process dies, a worker continues the look-ups.
    let record = if keeps {
        let (draft, _) = claim(&gateway.core, account, record, claimed, false);
        commit_claim(&gateway.core, account, draft, key, |_, _| ()).await?
    } else {
        record
    };
    look_up_claim(gateway, account, record, claimed, keeps || is_kept).await
}

/// Looks up what a claim names, saved or not, and answers by what the PG shows.
async fn look_up_claim(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    is_kept: bool,
) -> Result<PaymentRecord, GatewayError> {
    let (attempt, named) = (claimed.attempt.number, claimed.pg_payment_id);
    let Asked { record, met_foreign, no_answer } = ask(gateway, account, record, attempt, named).await?;
    if let Some(error) = no_answer {
        return without_answer(gateway, record, error);
    }
    if !is_kept {
        // The browser may be ahead of what the PG shows, and no claim is there that would have it asked again.
        owe_hint(&gateway.core, account, &record, LookUpSubject::Attempt(attempt)).await?;
    }
    // Money that pays the order is the answer, whatever else the browser named.
    if met_foreign && !record.payment.status().has_money() {
        return Err(GatewayError::Mismatch(Box::new(record)));
    }
    claim_outcome(record, claimed)
}

/// Has the PG asked about what a browser brought: what it names, then everything under its order id, until money shows. Where
/// the PG gives no answer now, everything under the order id is looked up in the background.
pub(super) async fn ask(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    attempt: u16,
    named: Option<&PgPaymentId>,
) -> Result<Asked, GatewayError> {
    let mut asked = Asked { record, met_foreign: false, no_answer: None };
    // Anybody can make results up, and each costs look-ups.
    if let Err(until) = gateway.admissions.results.admit(&asked.record.payment.id, gateway.core.now()) {
        asked.no_answer = Some(LookUpError::Busy(until));
    }
    // First what it names: one charge and a complete answer. Then the whole order id, because the buyer may
    // have paid in another window.
    let by_id = named.map(|id| LookUpSubject::Charge { attempt, pg_payment_id: id.clone() });
    for subject in by_id.into_iter().chain([LookUpSubject::Attempt(attempt)]) {
        if asked.no_answer.is_some() {
            break;
        }
        ask_once(gateway, &mut asked, &subject).await?;
        // The buyer has paid, which is all that the browser waits for.
        if asked.record.payment.status().has_money() {
            break;
        }
    }
    if asked.no_answer.is_some() {
        owe_hint(&gateway.core, account, &asked.record, LookUpSubject::Attempt(attempt)).await?;
    }
    Ok(asked)
}

async fn ask_once(gateway: &Gateway, asked: &mut Asked, subject: &LookUpSubject) -> Result<(), GatewayError> {
    let (merchant, id) = (asked.record.payment.merchant.clone(), asked.record.payment.id.clone());
    match look_up(&gateway.core, &merchant, &id, subject, Priority::Interactive).await {
        Ok(LookedUp { record, met_foreign, is_partial }) => {
            asked.record = record;
            asked.met_foreign |= met_foreign;
            // The row that could not be read may be the one that was paid.
            asked.no_answer = is_partial.then(|| LookUpError::Busy(later(gateway.core.now(), WHEN_BUSY)));
        }
        Err(LookUpError::Store(error)) => return Err(error.into()),
        Err(error) => {
            // Another request may have committed the money meanwhile, and then the buyer has an answer.
            asked.record = gateway.core.payment(&merchant, &id).await?;
            asked.no_answer = Some(error);
        }
    }
    Ok(())
}

/// The answer where the PG did not say whether the buyer has paid: the payment, if money shows by now or a
/// claim waits, else an error.
pub(super) fn without_answer(
    gateway: &Gateway,
    record: PaymentRecord,
    error: LookUpError,
) -> Result<PaymentRecord, GatewayError> {
    let is_unpaid = matches!(
        record.payment.status(),
        PaymentStatus::Ready | PaymentStatus::Failed | PaymentStatus::Expired
    );
    match error {
        // What is known goes before the error. Where nothing is, the error says so: never a decline, for the
        // buyer may have paid.
        _ if !is_unpaid => outcome_of_payment(record),
        LookUpError::NoCredentials => Err(GatewayError::AccountRetired(Box::new(record))),
        error => Err(GatewayError::not_looked_up(error, gateway.core.now())),
    }
}

/// The window says another thing than was prepared: what is true is looked up before anything is sent.
pub(super) async fn unexpected_claim(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    asks: bool,
    key: Option<&RequestKey>,
) -> Result<PaymentRecord, GatewayError> {
    tracing::error!(
        payment = %record.payment.id,
        account = %account.id,
        "a window takes its money at another moment than the account says: check the channel's settings at the PG"
    );
    // The window may be ahead of what the PG shows: it is asked once more a while later.
    owe_hint(&gateway.core, account, &record, LookUpSubject::Attempt(claimed.attempt.number)).await?;
    // Its place is free again before `take` takes one: at a limit of one call the use case would be refused
    // by itself.
    let record = {
        let _permit = permit(account)?;
        look_up_claim(gateway, account, record, claimed, true).await?
    };
    let charge = record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, claimed.state);
    // Only a payment that the PG itself shows as open: if it was taken in the window, a confirm would ask for
    // the money once more.
    let untaken = charge
        .and_then(|charge| charge.snapshot.as_ref())
        .is_some_and(|shown| shown.status == PgStatus::Open);
    if asks && untaken { take(gateway, account, record, claimed, key).await } else { Ok(record) }
}

/// What a claim comes to by what is known.
fn claim_outcome(record: PaymentRecord, claimed: &Claimed<'_>) -> Result<PaymentRecord, GatewayError> {
    let charge = record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, None);
    match charge.map(|charge| charge.id.clone()) {
        Some(charge) => outcome(record, &charge),
        None => outcome_of_payment(record),
    }
}
