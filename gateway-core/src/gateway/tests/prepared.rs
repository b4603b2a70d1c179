//! A PG that names the payment when its window is prepared, and wants to see a note of its own again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, new_cancel},
    fake_books::{Op, pg_message},
    fake_pg::FakePg,
};
use crate::{
    Account, AttemptStatus, CancelOutcome, CancelRequest, ConfirmRequest, Failure, FailureReason, Gateway,
    GatewayError, IdSource, InvalidBrowserResult, LatePayments, MerchantPolicy, PaidList, PaymentId,
    PaymentProvider, PaymentRef, PaymentRequest, PaymentStatus, PgPaymentId, Prepared, ProviderDescription,
    ProviderError, RawWebhook, ReturnClaim, Secret, Snapshot, WebhookClaim, WebhookRejected,
};

/// Notes that came back, each with what it came for.
type Notes = Arc<Mutex<Vec<(&'static str, Option<Secret>)>>>;

/// The fake, which names its payments `pg1`, `pg2`, … in the order of their windows.
#[derive(Debug)]
struct Naming {
    pg: FakePg,
    notes: Notes,
}

impl Naming {
    fn keep(&self, of: &'static str, note: &Option<Secret>) {
        self.notes.lock().unwrap().push((of, note.clone()));
    }
}

#[async_trait]
impl PaymentProvider for Naming {
    fn describe(&self) -> &ProviderDescription {
        self.pg.describe()
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let prepared = self.pg.request(order).await?;
        let pg_id = self.pg.books(|books| books.agree(order.pg_order_id.as_str(), PRICE));
        Ok(Prepared { state: Some(note(&pg_id)), pg_id: Some(pg_id), ..prepared })
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        self.pg.read_return(result)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        self.keep("confirm", &request.state);
        self.pg.confirm(request).await
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        self.keep("verify", &subject.state);
        self.pg.verify(subject).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        self.keep("cancel", &request.state);
        self.pg.cancel(request).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        self.pg.webhook(delivery)
    }

    fn paid_list(&self) -> Option<&dyn PaidList> {
        None
    }
}

fn note(pg_id: &PgPaymentId) -> Secret {
    Secret::new(format!("note of {pg_id}"))
}

struct Named {
    bench: Bench,
    notes: Notes,
}

impl Named {
    fn new() -> Self {
        let mut bench = Bench::on_confirm();
        let notes = Notes::default();
        let provider = Naming { pg: bench.pg.clone(), notes: notes.clone() };
        let account = Account {
            id: "fake".parse().unwrap(),
            merchant: bench.merchant.clone(),
            provider: Arc::new(provider),
            simulated: true,
            limits: crate::AccountLimits::default(),
        };
        let policy = MerchantPolicy {
            default_account: account.id.clone(),
            account_by_method: BTreeMap::new(),
            late_payments: LatePayments::Keep,
            payable_for: PAYABLE_FOR,
        };
        let merchants = BTreeMap::from([(bench.merchant.clone(), policy)]);
        let (store, clock) = (Arc::new(bench.store.clone()), Arc::new(bench.clock.clone()));
        bench.gateway = Arc::new(Gateway::new(store, clock, IdSource::seeded(1), vec![account], merchants));
        Self { bench, notes }
    }

    /// The window is open and named.
    async fn opened(&self) -> (PaymentId, PgPaymentId) {
        let id = self.bench.register().await;
        self.bench.open(&id).await;
        (id.clone(), self.bench.read(&id).await.attempts[0].pg_id.clone().unwrap())
    }

    fn notes_of(&self, of: &str) -> Vec<Option<Secret>> {
        let notes = self.notes.lock().unwrap();
        notes.iter().filter(|(call, _)| *call == of).map(|(_, note)| note.clone()).collect()
    }
}

#[tokio::test]
async fn the_note_of_an_attempt_comes_back_with_everything_that_is_asked_of_it() {
    let named = Named::new();
    let (bench, (id, first)) = (&named.bench, named.opened().await);
    bench.pg.instead(Op::Confirm, || ProviderError::Declined(Failure::of(FailureReason::StoppedCard)));
    bench.confirm(&id, &first).await.unwrap_err();
    bench.open(&id).await;
    let second = bench.read(&id).await.attempts[1].pg_id.clone().unwrap();
    bench.confirm(&id, &second).await.unwrap();
    assert_eq!(named.notes_of("confirm"), [Some(note(&first)), Some(note(&second))]);
    bench.verify(&id).await;
    assert_eq!(named.notes_of("verify"), [Some(note(&first)), Some(note(&second))]);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(named.notes_of("cancel"), [Some(note(&second))]);
}

#[tokio::test]
async fn what_the_window_was_named_is_what_is_confirmed() {
    let named = Named::new();
    let (bench, (id, pg_id)) = (&named.bench, named.opened().await);
    assert!(matches!(bench.bring(&id, json!({ "pg_id": "another" })).await, Err(GatewayError::Mismatch(_))));
    assert!(bench.pg.calls(Op::Confirm).is_empty());
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_named_window_that_nobody_confirmed_is_closed_unasked() {
    let named = Named::new();
    let (bench, (id, _)) = (&named.bench, named.opened().await);
    let answer = bench.gateway.cancel(&bench.merchant, &id, &new_cancel(None), None).await;
    assert_eq!(answer.unwrap().0.payment.status, PaymentStatus::Cancelled);
    assert!(named.notes_of("verify").is_empty());
}

#[tokio::test]
async fn a_named_window_that_could_not_be_prepared_again_is_kept_as_it_was() {
    let named = Named::new();
    let (bench, (id, pg_id)) = (&named.bench, named.opened().await);
    bench.pg.instead(Op::Request, || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")));
    bench.open(&id).await;
    let record = bench.read(&id).await;
    assert_eq!((record.attempts.len(), record.attempts[0].status), (1, AttemptStatus::Open));
    assert_eq!(record.attempts[0].pg_id, Some(pg_id), "the same step is shown");
}
