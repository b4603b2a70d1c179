//! The port to a PG: [`PaymentProvider`] and everything it is asked and answers.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

mod description;
mod error;
mod request;
mod webhook;

pub use description::{Guard, Guards, MethodTerms, ProviderDescription};
pub use error::{BoxError, ProviderError, Response};
pub use request::{
    BrowserResult, CancelOutcome, CancelRequest, CancelScope, ChargeRef, ClaimOutcome, ConfirmRequest,
    InvalidBrowserResult, LookUp, Movement as PgMovement, MovementKind, Page, PaymentRequest, Prepared,
    ReturnClaim, Taken,
};
pub use webhook::{Proof, RawWebhook, WebhookClaim, WebhookRejected, WebhookSubject};

/// One merchant's account at one payment gateway (PG).
///
/// # Contract
///
/// * Providers translate and classify. They never compare with what we expected, store, sleep, or repeat a POST. One
///   exception: a 401 on a cached token, which was refused before processing, is answered with a fresh token once.
/// * A payment object in any status is `Ok`: the core reads the status.
/// * What cannot be understood is [`ProviderError::Unknown`] for a call that moves money, never a success and never a
///   decline. Classification is by the PG's *code*, the body before the status.
/// * An answer that carries another PG id or order id than was asked is `Unknown`.
/// * What only some PGs can do is a further trait behind an accessor that defaults to `None`; a single call that a PG
///   lacks answers [`ProviderError::Unsupported`] and sends nothing.
///
/// An implementation is written under `#[async_trait]`, of the crate `async-trait`: the page shows what that makes of it.
/// `examples/own_provider/provider.rs` is a whole one to begin from. A test of a shop asks it as the core does:
///
/// ```
/// use paymux_core::provider::{ChargeRef, PaymentProvider, ProviderError};
///
/// /// Whether the PG says for certain that no money came in under an order id.
/// async fn is_unpaid(provider: &dyn PaymentProvider, order: &ChargeRef) -> Result<bool, ProviderError> {
///     let look_up = provider.verify(order).await?;
///     // An answer that may leave something out proves nothing by what it does not show.
///     Ok(look_up.complete && look_up.charges.iter().all(|charge| charge.paid.is_zero()))
/// }
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { provider, simulator: _running, .. } = shop().await?;
/// # let payment = paymux_core::model::IdSource::seeded(7).payment(jiff::Timestamp::UNIX_EPOCH);
/// # let order_id = paymux_core::model::PgOrderId::of(&payment, 1).ok_or("no such attempt")?;
/// # // Of an order id this PG shows one payment of possibly several.
/// # assert!(!is_unpaid(&*provider, &ChargeRef { order_id, pg_payment_id: None }).await?);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait PaymentProvider: fmt::Debug + Send + Sync + 'static {
    /// What this account can do and which guards make a repeat safe.
    fn describe(&self) -> &ProviderDescription;

    /// Prepares the browser step of an attempt. Moves no money; safe to call again for the same attempt.
    ///
    /// # Errors
    ///
    /// [`ProviderError`]; no money moved, whichever it is.
    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError>;

    /// Reads what the browser brought back. Untrusted. Pure: the same result is always the same claim.
    ///
    /// # Errors
    ///
    /// [`InvalidBrowserResult`] if no window of this PG returns that.
    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult>;

    /// Takes the money of a claim that says [`ClaimOutcome::Confirm`]. Where money moves in the window the core looks
    /// up instead.
    ///
    /// # Errors
    ///
    /// [`ProviderError`]: whether money may have moved is in the variant.
    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError>;

    /// What is true now, by PG id, order id or both; the provider knows which it can ask by.
    ///
    /// By PG id the answer is complete when it answers for that charge, "there is none" included. By order id it is
    /// when every charge of the order id is in it.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] if this PG cannot be asked by what is known; any other: it gave no answer.
    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError>;

    /// Gives money back, or closes an unpaid virtual account.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where the PG cannot; for any other, whether money may have moved is in the variant.
    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError>;

    /// Reads one received webhook: which payment, with what proof. Asks nobody.
    ///
    /// # Errors
    ///
    /// [`WebhookRejected`] if it is no webhook of this PG.
    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected>;

    /// The PG's clock: the `Date` of its cheapest answer, whatever the status. Asked only while ours is in doubt.
    ///
    /// # Errors
    ///
    /// [`ProviderError`]: it gave no answer.
    async fn pg_time(&self) -> Result<Timestamp, ProviderError>;

    /// The PG's own list of money in and money back.
    fn movements(&self) -> Option<&dyn Movements> {
        // Without a list nothing is swept: what is paid is looked up again some days later instead.
        None
    }
}

/// The PG's own list of money in and money back. Each row is a hint.
#[async_trait]
pub trait Movements: Send + Sync {
    /// Whether a part cancel makes a row: where it does not, payments are looked up again some days later.
    fn shows_part_cancels(&self) -> bool;

    /// One page of `from` to `to`, both inclusive: one request. `cursor` is `next` of the page before.
    ///
    /// # Errors
    ///
    /// [`ProviderError`]: there is no page. Rows that cannot be read are counted and are no error.
    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError>;
}
