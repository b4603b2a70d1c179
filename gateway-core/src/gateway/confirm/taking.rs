//! Confirming where the PG takes the money when we ask for it.

use crate::{
    account::{ConnectedAccount, Priority},
    clock::{Clock, DAY, MINUTE, later},
    dispatch::send,
    gateway::{
        Gateway, GatewayError, RequestKey, StateProblem,
        confirm::claim::{Claimed, MOST_CLAIMS, claim, claims, commit_claim, outcome},
        retired::refuse_retired,
        shared::place,
    },
    model::{Operation, PaymentStatus, ReviewSubject},
    provider::InvalidBrowserResult,
    store::PaymentRecord,
};

/// How many confirms of one payment may come to nothing within a minute. Each costs the account a request, and keys can be made
/// up by the hundred; a buyer needs longer for a card.
const MOST_A_MINUTE: usize = 6;

/// And within a day. Each is a charge of the record, kept for good.
const MOST_A_DAY: usize = 32;

/// Money moves when we confirm.
pub(super) async fn take(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    key: Option<&RequestKey>,
) -> Result<PaymentRecord, GatewayError> {
    if claimed.pg_payment_id.is_none() && claimed.state.is_none() {
        return Err(InvalidBrowserResult("it names no payment").into());
    }
    let known = record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, claimed.state);
    if let Some(charge) = known.filter(|charge| charge.confirm.is_some() || charge.is_definite()) {
        // A charge is confirmed once: never a second request.
        let id = charge.id.clone();
        return outcome(record, &id);
    }
    let claimed_in_time = known.is_some_and(|charge| {
        charge.claim.as_ref().is_some_and(|claim| claim.at <= record.payment.expires_at)
    });
    let is_over = gateway.core.now() > record.payment.expires_at && gateway.is_clock_trusted();
    match record.payment.status() {
        PaymentStatus::Paid | PaymentStatus::PartiallyCancelled | PaymentStatus::AwaitingDeposit => {
            return Ok(record);
        }
        PaymentStatus::Cancelled => return Err(GatewayError::state(StateProblem::Status, record)),
        // An unresolved confirm bars sending another: the claim is kept, and nothing sends it by itself.
        PaymentStatus::Confirming => return keep_claim(gateway, account, record, claimed, key).await,
        PaymentStatus::Ready | PaymentStatus::Failed | PaymentStatus::Expired
            if is_over && !claimed_in_time =>
        {
            return Err(GatewayError::state(StateProblem::Status, record));
        }
        PaymentStatus::Ready | PaymentStatus::Failed | PaymentStatus::Expired => {}
    }
    if account.retired {
        return refuse_retired(
            &gateway.core,
            record,
            "to confirm what the buyer agreed to",
            ReviewSubject::Payment,
            None,
        )
        .await;
    }
    check_tries(gateway, &record)?;
    let free_from = account.throttle.admits_from(Priority::Interactive, gateway.core.now());
    if free_from > gateway.core.now() {
        return Err(GatewayError::busy_until(free_from, gateway.core.now()));
    }
    let _place = place(account)?;
    let began = gateway.core.clock.monotonic();
    let (draft, charge) = claim(&gateway.core, account, record, claimed, true);
    let operation = Operation::Confirm(charge.clone());
    let record =
        commit_claim(&gateway.core, account, draft, key, |draft, context| draft.send(&operation, context))
            .await?;
    let record = send(&gateway.core, record, &operation, began).await?;
    outcome(record, &charge)
}

/// Whether another confirm may go out. Where one is sent every confirm before it came to nothing.
fn check_tries(gateway: &Gateway, record: &PaymentRecord) -> Result<(), GatewayError> {
    let now = gateway.core.now();
    let sent = record.charges.iter().filter_map(|charge| Some(charge.confirm.as_ref()?.first_sent_at));
    // What is dated later was sent before the clock was set back.
    let sent: Vec<_> = sent.filter(|at| *at <= now).collect();
    let within = |span| sent.iter().copied().filter(move |at| later(*at, span) > now);
    if within(DAY).count() >= MOST_A_DAY {
        return Err(GatewayError::state(StateProblem::TooManyAttempts, record.clone()));
    }
    match within(MINUTE).min() {
        Some(oldest) if within(MINUTE).count() >= MOST_A_MINUTE => {
            Err(GatewayError::busy_until(later(oldest, MINUTE), gateway.core.now()))
        }
        _ => Ok(()),
    }
}

/// Another confirm is not resolved: this claim is stored without a request, and answered "confirming". The same confirm
/// sends it once the other is resolved.
async fn keep_claim(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    key: Option<&RequestKey>,
) -> Result<PaymentRecord, GatewayError> {
    if record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, claimed.state).is_some()
        || claims(&record) >= MOST_CLAIMS
    {
        return Ok(record);
    }
    let (draft, _) = claim(&gateway.core, account, record, claimed, true);
    commit_claim(&gateway.core, account, draft, key, |_, _| ()).await
}
