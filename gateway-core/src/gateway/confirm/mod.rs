//! What the browser brought back, and making the payment final.
//!
//! | the claim says | money moves on confirm | money moves before |
//! |---|---|---|
//! | confirm | the charge and its request are committed, then sent | looked up; sent only if it shows untaken |
//! | verify | looked up | a hint with an id: looked up |
//! | failed | shown as the newest attempt; ends nothing | the PG is asked |

use serde_json::Value;

use super::{Gateway, GatewayError, RequestKey, StateProblem};
use crate::{
    account::ConnectedAccount,
    dispatch::{ROUNDS, owe_hint},
    gateway::{
        confirm::{
            claim::{Claimed, commit_claim},
            outcome::{came_to_nothing, is_unpaid},
            taking::take,
            verifying::{ask, unexpected_claim, verify_claim, without_answer},
        },
        shared::{account_of, permit},
    },
    lifecycle::{Draft, failure_of},
    model::{Attempt, Failure, FailureReason, LookUpSubject, MerchantId, Money, PaymentId, PaymentStatus},
    provider::{ClaimOutcome, ReturnClaim},
    store::{PaymentRecord, StoreError},
};

mod claim;
mod outcome;
mod taking;
mod verifying;

impl Gateway {
    /// Takes what the browser brought back, success or failure, and makes the payment final: takes
    /// the money, or looks up what was taken. A repeat gets the stored result.
    ///
    /// `Ok` holds the payment as it is now, which may still be [`PaymentStatus::Confirming`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let example = shop().await?;
    /// # let (payment, order_id, browser_result) = example.agreed().await?;
    /// # let Shop { gateway, shop, simulator, .. } = example;
    /// use paymux_core::model::{Money, PaymentStatus};
    ///
    /// let confirmed = gateway.confirm(&shop, &payment, &browser_result, None).await?;
    /// match confirmed.payment.status() {
    ///     PaymentStatus::Paid => println!("ship it"),
    ///     // A virtual account: the event `payment.paid` comes when the deposit is in.
    ///     PaymentStatus::AwaitingDeposit => println!("show the account number"),
    ///     // The answer got lost. No second payment and no "failed": the event says what became of it.
    ///     _ => println!("the result is being checked"),
    /// }
    /// assert_eq!(confirmed.payment.shown.amount_paid, Money::krw(12_000));
    ///
    /// // A browser result of another window is no payment of this one.
    /// let forged = serde_json::json!({ "paymentKey": "stolen", "orderId": "order-2", "amount": "12000" });
    /// assert!(gateway.confirm(&shop, &payment, &forged, None).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`GatewayError::BrowserResult`], [`GatewayError::NotFound`]: nothing happened.
    /// [`GatewayError::Declined`]: no money moved. [`GatewayError::Mismatch`]: nothing was accepted.
    /// [`GatewayError::InvalidState`]: the payment can no longer be confirmed, or had too many confirms that came to nothing.
    /// [`GatewayError::AccountRetired`].
    /// [`GatewayError::ProviderUnavailable`]: nothing was stored, the same request may follow.
    /// [`GatewayError::ProviderMisconfigured`], [`GatewayError::Unsupported`]: nothing can have moved.
    /// [`GatewayError::KeyInUse`], [`GatewayError::Store`].
    pub async fn confirm(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        browser_result: &Value,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        // The first to commit confirms; the other finds the row in the second round.
        for _ in 0..ROUNDS {
            match Box::pin(self.confirm_once(merchant, id, browser_result, key)).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    async fn confirm_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        browser_result: &Value,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let record = self.payment(merchant, id).await?;
        let account = account_of(&self.core, &record)?;
        // Untrusted. It decides what is asked about, never what is true.
        let claim = account.provider.read_return(browser_result)?;
        let attempt = match &claim.order_id {
            Some(order_id) => match record.attempt_of(order_id) {
                Some(attempt) => attempt,
                None => return self.foreign_result(account, record, &claim).await,
            },
            // Some windows bring no order id back. The newest attempt is the likely one, and a wrong guess
            // does no harm: the PG's answer is compared with its order id.
            None => match record.attempts.last() {
                Some(attempt) => attempt,
                None => return Err(GatewayError::state(StateProblem::Status, record)),
            },
        };
        let attempt = &attempt.clone();
        let state = match &claim.outcome {
            ClaimOutcome::Failed(failure) => {
                return self.failed_result(account, record, attempt, &claim, failure, key).await;
            }
            ClaimOutcome::Confirm(state) => state.as_ref(),
            ClaimOutcome::Verify => None,
        };
        let claimed = Claimed { attempt, pg_payment_id: claim.pg_payment_id.as_ref(), state };
        // Before the claim is stored: a made-up one must leave nothing behind.
        self.check_claim(account, &record, &claim).await?;
        let asks = matches!(claim.outcome, ClaimOutcome::Confirm(_));
        match (asks, attempt.takes_money_before_confirm()) {
            (true, false) => take(self, account, record, &claimed, key).await,
            (false, true) => verify_claim(self, account, record, &claimed, key).await,
            (asks, _) => unexpected_claim(self, account, record, &claimed, asks, key).await,
        }
    }

    /// Another payment's browser result: reject, cancel nothing, look up the true owner.
    async fn foreign_result(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        claim: &ReturnClaim,
    ) -> Result<PaymentRecord, GatewayError> {
        // Nothing is cancelled: that money may pay another order of this merchant, or one of another system
        // at the same PG.
        tracing::error!(payment = %record.payment.id, account = %account.id, "the browser brought back another payment's result; rejected");
        // If it is an order of ours, its buyer may have paid, and this may be the only notice of it.
        if let Some(Ok(order_id)) = claim.order_id.as_ref().map(|id| id.parse())
            && let Some((merchant, owner)) = self.core.store.owner_of_order(&account.id, &order_id).await?
        {
            let owner = self.core.payment(&merchant, &owner).await?;
            if let Some(attempt) = owner.attempt_of(order_id.as_str()) {
                let subject = LookUpSubject::Attempt(attempt.number);
                // Anybody can name an order id as often as they like, so it is throttled like an
                // unverified webhook.
                owe_hint(&self.core, account, &owner, subject).await?;
            }
        }
        Err(GatewayError::Mismatch(Box::new(record)))
    }

    /// What a browser says of the amount and of the payment must not contradict what is known. Nothing is stored.
    async fn check_claim(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        claim: &ReturnClaim,
    ) -> Result<(), GatewayError> {
        let expected = record.payment.terms.amount;
        // The buyer can change the amount on the way. The PG would refuse the confirm as invalid, and an
        // operator would be called for what a buyer did.
        let is_tampered = |amount: &String| Money::from_major(amount, expected.currency()) != Ok(expected);
        let mut mismatch = claim.amount.as_ref().is_some_and(is_tampered);
        if let Some(id) = &claim.pg_payment_id
            && let Some((merchant, owner)) = self.core.store.owner_of_charge(&account.id, id).await?
            && owner != record.payment.id
        {
            let owner = self.core.payment(&merchant, &owner).await?;
            // Only an accepted id belongs to a payment. A claim can be made up, and must not keep the true
            // owner from confirming.
            mismatch |= owner.accepted().is_some_and(|charge| charge.pg_payment_id.as_ref() == Some(id));
        }
        if mismatch {
            tracing::warn!(payment = %record.payment.id, account = %account.id, "the browser result does not match the payment; rejected");
            return Err(GatewayError::Mismatch(Box::new(record.clone())));
        }
        Ok(())
    }

    /// The window failed or was closed. Where money moves on confirm that ends nothing: another tab may still succeed. Where it
    /// moves before, the PG is asked.
    async fn failed_result(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        attempt: &Attempt,
        claim: &ReturnClaim,
        failure: &Failure,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let asks = attempt.takes_money_before_confirm();
        // Where money moves on confirm this talks to no PG and needs no place.
        let _permit = asks.then(|| permit(account)).transpose()?;
        let open = matches!(record.payment.status(), PaymentStatus::Ready | PaymentStatus::Failed);
        let (mut record, mut no_answer) = (record, None);
        // A payment that is paid by now must not show a failure as its newest attempt.
        if open {
            let mut draft = Draft::of(record);
            draft.say_attempt(attempt.number, Some(failure.clone()), self.core.now());
            record = commit_claim(&self.core, account, draft, key, |_, _| ()).await?;
        }
        // Where the PG takes the money in the window, a browser's "failed" proves nothing: the page may have
        // broken after the money was taken.
        if asks {
            let asked = ask(self, account, record, attempt.number, claim.pg_payment_id.as_ref()).await?;
            (record, no_answer) = (asked.record, asked.no_answer);
        }
        let may_be_paid = is_unpaid(&record) || record.payment.status() == PaymentStatus::Expired;
        if let Some(error) = no_answer.filter(|_| may_be_paid) {
            // Another window may have been paid in, so the answer must not say that no money moved.
            return without_answer(self, record, error);
        }
        if !is_unpaid(&record) {
            return Ok(record);
        }
        // What the PG shows of the payment that the browser names is believed before the browser's words.
        let named = claim.pg_payment_id.as_ref().and_then(|id| record.charge_at_pg(id));
        if let Some(shown) = named.filter(|charge| charge.is_declined()).map(failure_of) {
            return came_to_nothing(record, shown);
        }
        if asks {
            // The PG may be behind its own window, and the browser's words wrong: it is asked once more.
            owe_hint(&self.core, account, &record, LookUpSubject::Attempt(attempt.number)).await?;
        }
        if failure.reason == FailureReason::ProviderMisconfigured {
            // Anybody can write this into a browser, so it is a warning and pages nobody.
            tracing::warn!(
                payment = %record.payment.id,
                account = %account.id,
                code = failure.pg.as_ref().map(|pg| pg.code.as_str()),
                "the payment window says that the account's keys, contract or channel are wrong"
            );
        }
        came_to_nothing(record, failure.clone())
    }
}
