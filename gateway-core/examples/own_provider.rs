//! A PG of one's own: a piggy bank on the counter, and a shop that takes payments with it.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    account::Account,
    gateway::{Gateway, MerchantPolicy, NewCancel, NewPayment},
    model::{
        BrowserStep, Device, Failure, FailureReason, MerchantId, Method, Mode, Money, MoneyMoves,
        PaymentTerms, PgCancelStatus, PgMessage, PgOrderId, PgPaymentId, PgStatus, Snapshot, SnapshotCancel,
    },
    provider::{
        BrowserResult, CancelOutcome, CancelRequest, CancelScope, ChargeRef, ClaimOutcome, ConfirmRequest,
        Guard, InvalidBrowserResult, LookUp, MethodTerms, PaymentProvider, PaymentRequest, Prepared,
        ProviderDescription, ProviderError, RawWebhook, Response, ReturnClaim, Taken, WebhookClaim,
        WebhookRejected,
    },
    store::MemoryStore,
};
use serde_json::json;

/// The buyer lays coins beside it and gets a slip. They fall in when the slip is confirmed.
#[derive(Debug)]
struct PiggyBank {
    description: ProviderDescription,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    slips: BTreeMap<PgPaymentId, Snapshot>,
    /// What was answered to each idempotency key.
    done: HashMap<String, Snapshot>,
}

impl PiggyBank {
    fn new() -> Self {
        let mut description = ProviderDescription::new("piggy_bank", Mode::Test, "counter-1");
        description.methods = vec![MethodTerms::new(Method::Transfer)];
        // The core sends a request again only while one of these holds. Ours: `done` knows every key for ever.
        let key = Guard::Key { within: Duration::MAX, per_credential: false };
        description.guards.confirm = vec![key, Guard::Charge];
        description.guards.cancel_all = vec![key];
        description.guards.cancel_part = vec![key];
        // So an order without a slip is an order that nobody paid.
        description.shows_whole_orders = true;
        // The browser step is made up here: no request is sent for it.
        description.requests_per_window = 0;
        Self { description, books: Mutex::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buyer's part: no method of the trait. Returns what the browser brings back.
    fn lay_coins(&self, order_id: &PgOrderId, coins: Money) -> Result<BrowserResult, Box<dyn Error>> {
        let mut books = self.books();
        let slip: PgPaymentId = format!("slip-{}", books.slips.len()).parse()?;
        books.slips.insert(slip.clone(), Snapshot::open(slip.clone(), order_id.to_string(), coins));
        Ok(json!({ "slip": slip, "order": order_id }))
    }
}

/// The PG's own word, and no definite answer: the core looks up what is true.
fn doubtful(code: &str) -> ProviderError {
    ProviderError::Unknown(Response::Error(PgMessage::new(code, "Ask at the counter.")))
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
        let Books { slips, done } = &mut *self.books();
        let taken = |snapshot: &Snapshot| Taken { snapshot: Some(snapshot.clone()), webhook_secret: None };
        // The same request again, because its answer got lost: the first answer, and no second coin.
        if let Some(first) = done.get(&request.idempotency_key) {
            return Ok(taken(first));
        }
        let slip = request.charge.pg_payment_id.as_ref().and_then(|id| slips.get_mut(id));
        let slip = slip.filter(|slip| slip.order_id == request.charge.order_id.as_str());
        // A decline says for certain that no money moved.
        let Some(slip) = slip else {
            return Err(ProviderError::Declined(Failure::of(FailureReason::SessionExpired)));
        };
        // Not a decline: the money of this slip was taken, under another key.
        if slip.status != PgStatus::Open {
            return Err(doubtful("SLIP_WAS_USED"));
        }
        if slip.total != request.amount {
            return Err(ProviderError::Invalid(PgMessage::new(
                "OTHER_AMOUNT",
                "The coins are not the price.",
            )));
        }
        (slip.status, slip.raw_status) = (PgStatus::Paid, "IN_THE_PIG".to_owned());
        (slip.paid, slip.cancellable) = (slip.total, slip.total);
        (slip.paid_at, slip.cancels) = (Some(Timestamp::now()), Some(Vec::new()));
        done.insert(request.idempotency_key.clone(), slip.clone());
        Ok(taken(slip))
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        let asked_for = |slip: &&Snapshot| match &subject.pg_payment_id {
            Some(id) => slip.pg_payment_id == *id,
            None => slip.order_id == subject.order_id.as_str(),
        };
        // Complete: what is not in this answer does not exist.
        Ok(LookUp {
            charges: self.books().slips.values().filter(asked_for).cloned().collect(),
            complete: true,
        })
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let Books { slips, done } = &mut *self.books();
        let given_back = |snapshot: &Snapshot| CancelOutcome {
            status: PgCancelStatus::Done,
            pg_cancel_id: None,
            snapshot: Some(snapshot.clone()),
        };
        if let Some(first) = done.get(&request.idempotency_key) {
            return Ok(given_back(first));
        }
        let Some(slip) = slips.get_mut(&request.pg_payment_id) else { return Err(doubtful("NO_SLIP")) };
        // Somebody else gave money back meanwhile, or this cancel was done under another key.
        if slip.cancellable != request.cancellable {
            return Err(doubtful("OTHER_BALANCE"));
        }
        let amount = match request.scope {
            CancelScope::All { .. } => slip.cancellable,
            CancelScope::Part { amount, .. } => amount,
            CancelScope::Close => return Err(ProviderError::Unsupported("closing an account")),
        };
        let (Ok(left), Ok(cancelled)) =
            (slip.cancellable.checked_sub(amount), slip.cancelled.checked_add(amount))
        else {
            return Err(ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
        };
        (slip.cancellable, slip.cancelled) = (left, cancelled);
        slip.cancels.get_or_insert_default().push(SnapshotCancel {
            pg_cancel_id: None,
            // By its id the core finds the cancel again in a look-up.
            id: Some(request.id.clone()),
            amount,
            reason: Some(request.reason.clone()),
            status: PgCancelStatus::Done,
            chargeback: false,
            at: Some(Timestamp::now()),
        });
        done.insert(request.idempotency_key.clone(), slip.clone());
        Ok(given_back(slip))
    }

    fn webhook(&self, _: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        Err(WebhookRejected::Malformed("a piggy bank sends none"))
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        Ok(Timestamp::now())
    }
}

/// Sells one mug, and takes it back in two parts.
async fn run(out: &mut impl fmt::Write) -> Result<(), Box<dyn Error>> {
    let shop: MerchantId = "shop".parse()?;
    let pig = Arc::new(PiggyBank::new());
    let account = Account::new("pig".parse()?, shop.clone(), pig.clone());
    let gateway = Gateway::builder(Arc::new(MemoryStore::default()))
        .merchant(shop.clone(), MerchantPolicy::new(account.id.clone()))
        .account(account)
        .start()
        .await?;

    let terms = PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return");
    let order = NewPayment { order_id: "order-1".parse()?, terms };
    let registered = gateway.register(&shop, order, None).await?.record;
    let payment = registered.payment.id.clone();
    writeln!(out, "registered: {}", registered.payment.status().name())?;

    let (opened, step) = gateway.next_action(&shop, &payment, Device::Desktop, None).await?;
    let order_id = opened.order_ids().next().ok_or("an open window has an order id")?;
    let kind = if matches!(step, BrowserStep::Redirect { .. }) { "a page of the PG" } else { "a script" };
    writeln!(out, "the buyer is sent to {kind}")?;

    let browser_result = pig.lay_coins(order_id, Money::krw(12_000))?;
    let paid = gateway.confirm(&shop, &payment, &browser_result, None).await?;
    writeln!(
        out,
        "confirmed: {}, {} in the pig",
        paid.payment.status().name(),
        paid.payment.shown.amount_paid
    )?;

    // A buyer who reloads the page sends the same again, and gets the stored result.
    let again = gateway.confirm(&shop, &payment, &browser_result, None).await?;
    writeln!(out, "confirmed again: {}", again.payment.shown.amount_paid)?;

    for refund in [NewCancel::part("a scratch", Money::krw(2_000)), NewCancel::all("sent back")] {
        let (after, _) = gateway.cancel(&shop, &payment, &refund, None).await?;
        let (status, back) = (after.payment.status().name(), after.payment.shown.amount_cancelled);
        writeln!(out, "refunded ({}): {status}, {back} back", refund.reason)?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = String::new();
    let done = run(&mut lines).await;
    print!("{lines}");
    done
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn prints_what_the_documentation_shows() -> Result<(), Box<dyn std::error::Error>> {
        let mut printed = String::new();
        super::run(&mut printed).await?;
        let documented: String = printed.lines().map(|line| format!("//! {line}\n")).collect();
        let documentation = include_str!("../src/lib.rs");
        let block = format!("//! $ cargo run -p paymux-core --example own_provider\n{documented}//! ```\n");
        assert!(documentation.contains(&block), "the documentation does not show this:\n{block}");
        Ok(())
    }
}
