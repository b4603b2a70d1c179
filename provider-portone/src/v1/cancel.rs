//! Gives money back, and closes unpaid accounts.
//!
//! V1 has no idempotency key. What stands in for one is `checksum`, the balance before the cancel: if
//! it does not fit, nothing is executed, so a repeated request cannot take a second time.

use gateway_core::{
    CancelAmount, CancelId, CancelOutcome, CancelRequest, CancelStatus, Failure, FailureReason, Money,
    PgMessage, ProviderError, Snapshot,
};
use reqwest::Method;
use serde::Serialize;
use serde_json::Number;

use super::{
    bank::refund_bank,
    client::{Answer, Client},
    config::PortOneV1Config,
    errors,
    transport::Call,
    wire::{Unreadable, is_imp_uid, major_number, snapshot},
};

/// The longest reason sent. PortOne documents no limit; this holds our id and a sentence.
const LONGEST_REASON: usize = 100;

/// The body of `POST /payments/cancel`. `amount` and `checksum` are no options: without an amount, or
/// with 0, PortOne gives everything back.
#[derive(Serialize)]
struct CancelBody<'a> {
    imp_uid: &'a str,
    amount: Number,
    checksum: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_free: Option<Number>,
    reason: String,
    #[serde(flatten)]
    refund: Option<RefundTo<'a>>,
    /// We know of our own cancels.
    enable_webhook: bool,
}

#[derive(Serialize)]
struct RefundTo<'a> {
    refund_holder: &'a str,
    refund_bank: String,
    refund_account: &'a str,
}

/// Cancels, or closes.
pub(crate) async fn cancel(
    client: &Client,
    config: &PortOneV1Config,
    request: &CancelRequest,
) -> Result<CancelOutcome, ProviderError> {
    if !is_imp_uid(request.pg_id.as_str()) {
        return Err(invalid("this is no imp_uid"));
    }
    match request.amount {
        CancelAmount::All => give_back(client, config, request, request.cancellable).await,
        CancelAmount::Part(part) => give_back(client, config, request, part).await,
        CancelAmount::Close => close(client, config, request).await,
    }
}

async fn give_back(
    client: &Client,
    config: &PortOneV1Config,
    request: &CancelRequest,
    amount: Money,
) -> Result<CancelOutcome, ProviderError> {
    // Zero would give everything back. A larger part than there is can only be a mistake.
    if amount.is_zero() || request.cancellable.checked_sub(amount).is_err() {
        return Err(invalid("the amount is nothing, or more than can be cancelled"));
    }
    let call = Call::new("cancel", Method::POST, ["payments", "cancel"]).json(&CancelBody {
        imp_uid: request.pg_id.as_str(),
        amount: number(amount)?,
        checksum: number(request.cancellable)?,
        tax_free: request.tax_free_amount.map(number).transpose()?,
        reason: request.tagged_reason(LONGEST_REASON),
        refund: refund_to(config, request)?,
        enable_webhook: false,
    });
    match client.call(call).await? {
        Answer::Processed(payment) => {
            let after = snapshot(&payment).map_err(ProviderError::no_answer)?;
            // Another payment's answer says nothing of ours.
            if after.pg_id != request.pg_id {
                return Err(ProviderError::no_answer(Unreadable("another payment")));
            }
            Ok(outcome(&request.id, after))
        }
        Answer::Refused(refusal) => Err(errors::cancel(&refusal)),
    }
}

/// A cancel is done when it stands in the payment's history, and pending until then.
///
/// A virtual account's cancel is registered at the PG and paid out on the next business day. V1 never
/// tells of that day: an entry of the history has no status and does not change. So the entry is
/// PortOne's last word, and waiting for another would wait for ever. PGs that complete a cancel later
/// (`paypal_v2`; virtual accounts of `smartro_v2`) enter it in the history only then.
fn outcome(id: &CancelId, after: Snapshot) -> CancelOutcome {
    let ours = after.cancels.iter().find(|cancel| cancel.id.as_ref() == Some(id));
    CancelOutcome {
        status: ours.map_or(CancelStatus::Pending, |cancel| cancel.status),
        pg_cancel_id: ours.and_then(|cancel| cancel.pg_cancel_id.clone()),
        snapshot: Some(after),
    }
}

async fn close(
    client: &Client,
    config: &PortOneV1Config,
    request: &CancelRequest,
) -> Result<CancelOutcome, ProviderError> {
    if !config.vbank_close_supported {
        return Err(ProviderError::Unsupported("closing a virtual account"));
    }
    let call = Call::new("close", Method::DELETE, ["vbanks", request.pg_id.as_str()]);
    match client.call(call).await? {
        // What a closed account looks like is not documented, so that it was processed decides.
        Answer::Processed(payment) => {
            let snapshot = snapshot(&payment).ok().filter(|after| after.pg_id == request.pg_id);
            Ok(CancelOutcome { status: CancelStatus::Done, pg_cancel_id: None, snapshot })
        }
        Answer::Refused(refusal) => Err(errors::close(&refusal)),
    }
}

fn refund_to<'a>(
    config: &PortOneV1Config,
    request: &'a CancelRequest,
) -> Result<Option<RefundTo<'a>>, ProviderError> {
    let Some(account) = &request.refund_account else { return Ok(None) };
    let refund_bank = refund_bank(&account.bank_code, config.refund_bank_codes)
        .ok_or(ProviderError::Declined(Failure::of(FailureReason::InvalidRefundAccount)))?;
    Ok(Some(RefundTo {
        refund_holder: account.holder_name.expose(),
        refund_bank,
        refund_account: account.account_number.expose(),
    }))
}

fn number(amount: Money) -> Result<Number, ProviderError> {
    major_number(amount).ok_or_else(|| invalid("an amount has too many digits"))
}

fn invalid(rule: &'static str) -> ProviderError {
    ProviderError::Invalid(PgMessage::new("", rule))
}
