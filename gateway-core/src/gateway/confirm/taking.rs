//! Confirming where the PG takes the money when we ask for it.

use crate::{
    account::{ConnectedAccount, Priority},
    clock::{Clock, DAY, MINUTE, later},
    dispatch::send,
    gateway::{
        Gateway, GatewayError, RequestKey, StateProblem,
        confirm::{
            claim::{Claimed, MOST_CLAIMS, claim, claims, commit_claim},
            outcome::outcome,
        },
        retired::refuse_retired,
        shared::permit,
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
    // Nothing would distinguish two such claims: the second would be answered with the result of the first.
    if claimed.pg_payment_id.is_none() && claimed.state.is_none() {
        return Err(InvalidBrowserResult("it names no payment").into());
    }
    let known = record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, claimed.state);
    if let Some(charge) = known.filter(|charge| charge.confirm.is_some() || charge.is_definite()) {
        // A charge is confirmed once. A second request under another key could take the money twice.
        let id = charge.id.clone();
        return outcome(record, &id);
    }
    // It was claimed before the deadline and had to wait while another confirm was unresolved: the buyer was
    // in time.
    let claimed_in_time = known.is_some_and(|charge| {
        charge.claim.as_ref().is_some_and(|claim| claim.at <= record.payment.expires_at)
    });
    // By a clock in doubt nobody is late.
    let is_over = gateway.core.now() > record.payment.expires_at && gateway.is_clock_trusted();
    match record.payment.status() {
        // The order is paid, or waits for a deposit, through another window: no more money is asked for.
        PaymentStatus::Paid | PaymentStatus::PartiallyCancelled | PaymentStatus::AwaitingDeposit => {
            return Ok(record);
        }
        PaymentStatus::Cancelled => return Err(GatewayError::state(StateProblem::Status, record)),
        // That confirm may have taken the money, so another is not sent: both could succeed. The claim is
        // kept, and only the same confirm, repeated once that one is resolved, sends it.
        PaymentStatus::Confirming => return save_claim(gateway, account, record, claimed, key).await,
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
    // Whatever can refuse comes before the commit: a row that is committed as sent and was not would have to
    // be looked up until its final time.
    check_tries(gateway, &record)?;
    // Only asked. `send` counts the request when it goes out, and then nothing holds it back.
    let free_from = account.throttle.admits_from(Priority::Interactive, gateway.core.now());
    if free_from > gateway.core.now() {
        return Err(GatewayError::busy_until(free_from, gateway.core.now()));
    }
    let _permit = permit(account)?;
    // Read before the row is dated: from here `send` measures whether the process was stalled, and a stalled
    // one must send nothing.
    let began = gateway.core.clock.monotonic();
    let (draft, charge) = claim(&gateway.core, account, record, claimed, true);
    // The charge, the key and all that the request is built from are one commit before the first byte: after
    // a crash the same request can go out again, and the buyer is charged once.
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
    // A refusal without `Retry-After`: no buyer waits for a day.
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
async fn save_claim(
    gateway: &Gateway,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    key: Option<&RequestKey>,
) -> Result<PaymentRecord, GatewayError> {
    // Nothing is lost if it is not kept: the browser's result can be brought again.
    if record.charge_of_claim(claimed.attempt.number, claimed.pg_payment_id, claimed.state).is_some()
        || claims(&record) >= MOST_CLAIMS
    {
        return Ok(record);
    }
    let (draft, _) = claim(&gateway.core, account, record, claimed, true);
    commit_claim(&gateway.core, account, draft, key, |_, _| ()).await
}
