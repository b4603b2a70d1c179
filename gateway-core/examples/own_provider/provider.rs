//! The provider: what the pig can do, and what its answers mean, in the words of the core.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{
        BrowserStep, CancelId, Failure, FailureReason, Method, Mode, Money, MoneyMoves, PgCancelStatus,
        PgMessage, PgStatus, Snapshot, SnapshotCancel,
    },
    provider::{
        BrowserResult, CancelOutcome, CancelRequest, CancelScope, ChargeRef, ClaimOutcome, ConfirmRequest,
        Guard, InvalidBrowserResult, LookUp, MethodTerms, PaymentProvider, PaymentRequest, Prepared,
        ProviderDescription, ProviderError, RawWebhook, Response, ReturnClaim, Taken, WebhookClaim,
        WebhookRejected,
    },
};

use crate::pig::{No, Pig, Slip};

#[derive(Debug)]
pub(crate) struct PiggyBank {
    pig: Arc<Pig>,
    description: ProviderDescription,
}

impl PiggyBank {
    pub(crate) fn new(pig: Arc<Pig>) -> Self {
        let mut description = ProviderDescription::new("piggy_bank", Mode::Test, "counter-1");
        description.methods = vec![MethodTerms::new(Method::Transfer)];
        // The core sends a request again only while one of these holds. The pig knows every key for ever, takes the coins of a
        // slip once, and gives none back unless we know what is left.
        let key = Guard::Key { within: Duration::MAX, per_credential: false };
        description.guards.confirm = vec![key, Guard::Charge];
        description.guards.cancel_all = vec![key, Guard::Balance];
        description.guards.cancel_part = vec![key, Guard::Balance];
        // An order without a slip is an order that nobody paid.
        description.shows_whole_orders = true;
        // The browser step is made up here: no request is sent for it.
        description.requests_per_window = 0;
        Self { pig, description }
    }
}

/// The pig's "no" to a request that moves coins. Only the first is a decline: it says for certain that nothing moved. The
/// others it also says to what it has done before, so the core has to look up what is true. `reason` is what the buyer or the
/// merchant is told of a decline.
fn refused(no: No, reason: FailureReason) -> ProviderError {
    let said = PgMessage::new(no.code(), "Ask at the counter.");
    match no {
        No::UnknownSlip => ProviderError::Declined(Failure::by_pg(reason, said)),
        No::SlipWasUsed | No::OtherSum => ProviderError::Unknown(Response::Error(said)),
    }
}

fn snapshot(slip: &Slip) -> Result<Snapshot, ProviderError> {
    let id = slip.number.parse().map_err(ProviderError::no_answer)?;
    let mut shown = Snapshot::open(id, slip.order.clone(), Money::krw(slip.coins));
    if slip.fell_in_at.is_some() {
        shown.paid_at = slip.fell_in_at;
        (shown.status, shown.raw_status) = (PgStatus::Paid, "IN_THE_PIG".to_owned());
        shown.paid = Money::krw(slip.coins);
        (shown.cancelled, shown.cancellable) =
            (Money::krw(slip.coins - slip.left()), Money::krw(slip.left()));
    }
    let cancels = slip.refunds.iter().map(|refund| SnapshotCancel {
        pg_cancel_id: None,
        // The note that we gave with the coins carries our id: by it the core knows its own cancel again.
        id: CancelId::find_in(&refund.note),
        amount: Money::krw(refund.coins),
        reason: Some(refund.note.clone()),
        status: PgCancelStatus::Done,
        chargeback: false,
        at: Some(refund.at),
    });
    shown.cancels = Some(cancels.collect());
    Ok(shown)
}

#[async_trait]
impl PaymentProvider for PiggyBank {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let url = format!("https://piggy.example/{}?amount={}", order.order_id, order.amount.amount());
        let money_moves = MoneyMoves::OnConfirm { within: Duration::from_secs(600) };
        Ok(Prepared { step: BrowserStep::Redirect { url, form: None }, pg_payment_id: None, money_moves })
    }

    // Anybody can write this into a browser. It is only read here; the core decides what to ask about.
    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
        let text = |name| result.get(name).and_then(|value| value.as_str());
        let slip = text("slip").and_then(|slip| slip.parse().ok());
        Ok(ReturnClaim {
            pg_payment_id: Some(slip.ok_or(InvalidBrowserResult("slip"))?),
            order_id: text("order").map(str::to_owned),
            amount: None,
            outcome: ClaimOutcome::Confirm(None),
        })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError> {
        let charge = &request.charge;
        let slip = charge.pg_payment_id.as_ref().map_or("", |id| id.as_str());
        let coins = request.amount.amount();
        let done = self.pig.take(&request.idempotency_key, slip, charge.order_id.as_str(), coins);
        let slip = done.map_err(|no| refused(no, FailureReason::SessionExpired))?;
        Ok(Taken { snapshot: Some(snapshot(&slip)?), webhook_secret: None })
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        let slips = self.pig.slips_of(subject.order_id.as_str());
        // Complete: what is not in this answer does not exist.
        Ok(LookUp { charges: slips.iter().map(snapshot).collect::<Result<_, _>>()?, complete: true })
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let left = request.cancellable.amount();
        let coins = match request.scope {
            CancelScope::All { .. } => left,
            CancelScope::Part { amount, .. } => amount.amount(),
            CancelScope::Close => return Err(ProviderError::Unsupported("closing an account")),
        };
        let (key, slip) = (&request.idempotency_key, request.pg_payment_id.as_str());
        let done = self.pig.refund(key, slip, left, coins, &request.tagged_reason(100));
        let slip = done.map_err(|no| refused(no, FailureReason::NotCancellable))?;
        let snapshot = Some(snapshot(&slip)?);
        Ok(CancelOutcome { status: PgCancelStatus::Done, pg_cancel_id: None, snapshot })
    }

    fn webhook(&self, _: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        Err(WebhookRejected::Malformed("a piggy bank sends none"))
    }

    // The pig stands on this machine. Of a real PG it is the time in an answer of its own: it settles doubts about our clock.
    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        Ok(Timestamp::now())
    }
}
