//! Cancels payments, and closes unpaid accounts.
//!
//! V1 has no idempotency key. What stands in for one is `checksum`, the balance before the cancel: if
//! it does not fit, nothing is executed, so a repeated request cannot take a second time.

use paymux_core::{
    model::{CancelId, Failure, FailureReason, Money, PgCancelStatus, PgMessage, Snapshot},
    provider::{CancelOutcome, CancelRequest, CancelScope, ProviderError},
};
use reqwest::Method;
use serde::Serialize;
use serde_json::Number;

use super::{
    bank::{refund_bank, style_of},
    charset::writable,
    client::{Answer, Client},
    config::PortOneV1Config,
    errors,
    transport::Call,
    wire::{Unreadable, is_imp_uid, major_number, snapshot},
};

/// The longest reason sent. PortOne names no limit now; an old page said 256 (portone.gitbook.io, Cancel payment API).
const LONGEST_REASON: usize = 100;

/// The body of `POST /payments/cancel`. `checksum` is no option: PortOne skips the check without one.
#[derive(Serialize)]
struct CancelBody<'a> {
    imp_uid: &'a str,
    /// Without an amount, or with 0, PortOne cancels all that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Number>,
    checksum: Number,
    /// Some PGs do not take it as 0 if it is missing (kcp, kicc, nice, payco), and KG Inicis cancels as asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_free: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat_amount: Option<Number>,
    reason: String,
    #[serde(flatten)]
    refund: Option<RefundTo<'a>>,
    /// `false`: no webhook about our own cancels.
    enable_webhook: bool,
}

#[derive(Serialize)]
struct RefundTo<'a> {
    refund_holder: &'a str,
    refund_bank: String,
    refund_account: &'a str,
}

/// How much to cancel.
#[derive(Clone, Copy)]
struct Amounts {
    /// `None`: all that is left.
    part: Option<Money>,
    tax_free: Option<Money>,
    vat: Option<Money>,
}

/// Cancels, or closes.
pub(crate) async fn cancel(
    client: &Client,
    config: &PortOneV1Config,
    request: &CancelRequest,
) -> Result<CancelOutcome, ProviderError> {
    if !is_imp_uid(request.pg_payment_id.as_str()) {
        return Err(invalid("this is no imp_uid"));
    }
    let amounts = match request.scope {
        CancelScope::All { tax_free } => Amounts { part: None, tax_free, vat: None },
        CancelScope::Part { amount, tax_free, vat } => Amounts { part: Some(amount), tax_free, vat },
        CancelScope::Close => return close(client, config, request).await,
    };
    refund(client, config, request, amounts).await
}

async fn refund(
    client: &Client,
    config: &PortOneV1Config,
    request: &CancelRequest,
    amounts: Amounts,
) -> Result<CancelOutcome, ProviderError> {
    // An amount of 0 cancels everything, and a checksum of 0 may count as none.
    let amount = amounts.part.unwrap_or(request.cancellable);
    if amount.is_zero() || request.cancellable.checked_sub(amount).is_err() {
        return Err(invalid("the amount is zero, or more than can be cancelled"));
    }
    let call = Call::new("cancel", Method::POST, ["payments", "cancel"]).json(&CancelBody {
        imp_uid: request.pg_payment_id.as_str(),
        amount: amounts.part.map(number).transpose()?,
        checksum: number(request.cancellable)?,
        tax_free: amounts.tax_free.map(number).transpose()?,
        vat_amount: amounts.vat.map(number).transpose()?,
        reason: writable(&request.tagged_reason(LONGEST_REASON), LONGEST_REASON).unwrap_or_default(),
        refund: refund_to(config, request)?,
        enable_webhook: false,
    });
    match client.call(call, client.deadline()).await? {
        Answer::Processed(payment) => {
            let after = snapshot(&payment).map_err(ProviderError::no_answer)?;
            is_of(request, &after).map_err(ProviderError::no_answer)?;
            Ok(outcome(&request.id, after))
        }
        Answer::Refused(refusal) if errors::is_accepted(&refusal) => {
            tracing::warn!(imp_uid = %request.pg_payment_id, "the PG says that it accepted a cancel which PortOne counts as failed");
            Ok(CancelOutcome { status: PgCancelStatus::Pending, pg_cancel_id: None, snapshot: None })
        }
        Answer::Refused(refusal) => Err(errors::cancel(&refusal)),
    }
}

/// An answer with another payment says nothing about ours.
fn is_of(request: &CancelRequest, after: &Snapshot) -> Result<(), Unreadable> {
    if after.pg_payment_id != request.pg_payment_id {
        return Err(Unreadable::new("imp_uid", "is another than was asked for"));
    }
    if after.order_id != request.order_id.as_str() {
        return Err(Unreadable::new("merchant_uid", "is another than was asked for"));
    }
    Ok(())
}

/// A cancel is done when it stands in the payment's history, and pending until then.
///
/// A virtual account's cancel is registered at the PG and paid out on the next business day. V1 never
/// reports that day: an entry of the history has no status and does not change. So the entry is all that PortOne
/// will say, and waiting for more would wait for ever. PGs that complete a cancel later
/// (`paypal_v2`; virtual accounts of `smartro_v2`) enter it in the history only then.
fn outcome(id: &CancelId, after: Snapshot) -> CancelOutcome {
    let ours = after.cancels.iter().flatten().find(|cancel| cancel.id.as_ref() == Some(id));
    CancelOutcome {
        status: ours.map_or(PgCancelStatus::Pending, |cancel| cancel.status),
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
    let call = Call::new("close", Method::DELETE, ["vbanks", request.pg_payment_id.as_str()]);
    match client.call(call, client.deadline()).await? {
        Answer::Processed(payment) => {
            // What a closed account looks like is not documented: that it was processed is the answer.
            let snapshot = snapshot(&payment)
                .inspect_err(|error| {
                    tracing::warn!(%error, order_id = %request.order_id, "the answer to a close cannot be read");
                })
                .ok();
            if let Some(after) = &snapshot {
                is_of(request, after).map_err(ProviderError::no_answer)?;
                // The deposit was faster, or the answer is about something else.
                if !after.paid.is_zero() {
                    return Err(ProviderError::no_answer(Unreadable::new("status", "is paid after a close")));
                }
            }
            Ok(CancelOutcome { status: PgCancelStatus::Done, pg_cancel_id: None, snapshot })
        }
        Answer::Refused(refusal) => Err(errors::cancel(&refusal)),
    }
}

fn refund_to<'a>(
    config: &PortOneV1Config,
    request: &'a CancelRequest,
) -> Result<Option<RefundTo<'a>>, ProviderError> {
    let Some(account) = &request.refund_account else { return Ok(None) };
    let style = style_of(request.channel_pg.as_deref(), config.refund_bank_codes);
    let refund_bank = refund_bank(account.bank_code(), style)
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
