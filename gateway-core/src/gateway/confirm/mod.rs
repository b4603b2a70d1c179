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
    lifecycle::Draft,
    model::{
        Attempt, Charge, ChargeId, Claim, Failure, FailureReason, LookUpSubject, MerchantId, Misfit, Money,
        Outcome, PaymentId, PaymentStatus, PgPaymentId, ReviewSubject, Secret,
    },
    provider::{ClaimOutcome, ReturnClaim},
    store::{PaymentRecord, StoreError},
};

mod taking;
mod verifying;

/// How many charges a payment keeps that only browsers have named. A further claim is looked up and not kept.
const MOST_CLAIMS: usize = 32;

/// How many results of one payment have the PG asked in a minute. Buyers try a handful of cards, and anybody can make results up.
pub(super) const RESULTS_A_MINUTE: usize = 6;

/// A claim and what it is of.
struct Claimed<'a> {
    attempt: &'a Attempt,
    pg_payment_id: Option<&'a PgPaymentId>,
    state: Option<&'a Secret>,
}

impl Gateway {
    /// Takes what the browser brought back, success or failure, and makes the payment final: takes
    /// the money, or looks up what was taken. A repeat gets the stored result.
    ///
    /// `Ok` holds the payment as it is now, which may still be [`PaymentStatus::Confirming`].
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
        // Whoever commits first confirms; the other finds the row in the second round.
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
        let account = self.account_of(&record)?;
        let claim = account.provider.read_return(browser_result)?;
        let attempt = match &claim.order_id {
            Some(order_id) => match record.attempt_of(order_id) {
                Some(attempt) => attempt,
                None => return self.foreign_result(account, record, &claim).await,
            },
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
        self.check_claim(account, &record, &claim).await?;
        let asks = matches!(claim.outcome, ClaimOutcome::Confirm(_));
        match (asks, attempt.takes_money_before_confirm()) {
            (true, false) => self.take(account, record, &claimed, key).await,
            (false, true) => self.verify_claim(account, record, &claimed, key).await,
            (asks, _) => self.unexpected_claim(account, record, &claimed, asks, key).await,
        }
    }

    /// Another payment's browser result: reject, cancel nothing, look up the true owner.
    async fn foreign_result(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        claim: &ReturnClaim,
    ) -> Result<PaymentRecord, GatewayError> {
        tracing::error!(payment = %record.payment.id, account = %account.id, "the browser brought back another payment's result; rejected");
        if let Some(Ok(order_id)) = claim.order_id.as_ref().map(|id| id.parse())
            && let Some((merchant, owner)) = self.core.store.owner_of_order(&account.id, &order_id).await?
        {
            let owner = self.core.payment(&merchant, &owner).await?;
            if let Some(attempt) = owner.attempt_of(order_id.as_str()) {
                let subject = LookUpSubject::Attempt(attempt.number);
                // Anybody can name an order id, again and again.
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
        let is_tampered = |amount: &String| Money::from_major(amount, expected.currency()) != Ok(expected);
        let mut mismatch = claim.amount.as_ref().is_some_and(is_tampered);
        if let Some(id) = &claim.pg_payment_id
            && let Some((merchant, owner)) = self.core.store.owner_of_charge(&account.id, id).await?
            && owner != record.payment.id
        {
            let owner = self.core.payment(&merchant, &owner).await?;
            mismatch |= owner.accepted().is_some_and(|charge| charge.pg_payment_id.as_ref() == Some(id));
        }
        if mismatch {
            tracing::warn!(payment = %record.payment.id, account = %account.id, "the browser result does not match the payment; rejected");
            return Err(GatewayError::Mismatch(Box::new(record.clone())));
        }
        Ok(())
    }

    /// A draft in which the claim's charge is known. `by_us`: its money moves when we ask for it, so nothing is looked up
    /// for the claim alone.
    fn claim(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        claimed: &Claimed<'_>,
        by_us: bool,
    ) -> (Draft, ChargeId) {
        let context = self.core.context(account, None, &[]);
        let mut draft = Draft::of(record);
        let number = claimed.attempt.number;
        let id = draft.charge_for_claim(number, claimed.pg_payment_id, claimed.state, &context);
        if let Some(charge) = draft.record.charge_mut(&id).filter(|charge| charge.claim.is_none()) {
            charge.claim = Some(Claim {
                at: context.now,
                state: claimed.state.cloned(),
                is_unnamed: claimed.pg_payment_id.is_none(),
                is_open: !by_us && charge.snapshot.is_none(),
            });
        }
        (draft, id)
    }

    async fn commit_claim(
        &self,
        account: &ConnectedAccount,
        mut draft: Draft,
        key: Option<&RequestKey>,
        change: impl FnOnce(&mut Draft, &crate::lifecycle::Context<'_>),
    ) -> Result<PaymentRecord, GatewayError> {
        let context = self.core.context(account, None, &[]);
        change(&mut draft, &context);
        let payment = &draft.record.payment;
        let idempotency = self.idempotency(&payment.merchant, key, &payment.id, None);
        Ok(self.core.commit(draft, &context, idempotency).await?)
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
        let _place = asks.then(|| self.place(account)).transpose()?;
        let open = matches!(record.payment.status(), PaymentStatus::Ready | PaymentStatus::Failed);
        let (mut record, mut not_told) = (record, None);
        if open {
            let mut draft = Draft::of(record);
            draft.say_attempt(attempt.number, Some(failure.clone()), self.core.now());
            record = self.commit_claim(account, draft, key, |_, _| ()).await?;
        }
        if asks {
            let asked = self.ask(account, record, attempt.number, claim.pg_payment_id.as_ref()).await?;
            (record, not_told) = (asked.record, asked.not_told);
        }
        let is_unpaid = matches!(record.payment.status(), PaymentStatus::Ready | PaymentStatus::Failed);
        if !is_unpaid || failure.reason == FailureReason::BuyerClosed {
            return Ok(record);
        }
        match not_told {
            // Another window may have been paid in: nobody may be told that no money moved.
            Some(error) => self.not_told(record, error),
            None => Err(GatewayError::Declined(Box::new(record))),
        }
    }

    /// A retired account sends nothing: a person has to decide about what was asked for.
    pub(super) async fn refuse_retired<T>(
        &self,
        record: PaymentRecord,
        asked_for: &str,
        about: ReviewSubject,
        key: Option<&RequestKey>,
    ) -> Result<T, GatewayError> {
        let key = key.map(|key| key.key.as_str());
        let raise = |draft: &mut Draft, context: &crate::lifecycle::Context<'_>| {
            draft.raise_asked_for(asked_for, about.clone(), key, context.now);
        };
        let record = self.core.update(&record.payment.merchant, &record.payment.id, raise).await?;
        Err(GatewayError::AccountRetired(Box::new(record)))
    }
}

/// How many charges only browsers have named.
fn claims(record: &PaymentRecord) -> usize {
    record.charges.iter().filter(|charge| charge.snapshot.is_none() && charge.confirm.is_none()).count()
}

/// How a payment answers the confirm of one of its charges.
fn outcome(record: PaymentRecord, id: &ChargeId) -> Result<PaymentRecord, GatewayError> {
    let Some(charge) = record.charge(id) else { return outcome_of_payment(record) };
    match charge.misfit {
        Some(Misfit::Mismatch) => return Err(GatewayError::Mismatch(Box::new(record))),
        // What goes back must not be taken for paid.
        Some(Misfit::Late) => return Err(GatewayError::state(StateProblem::Status, record)),
        Some(Misfit::Duplicate) | None => {}
    }
    if record.payment.status().has_money() {
        return Ok(record);
    }
    if charge.awaits_deposit() && is_of_another_amount(charge, &record) {
        // An account was issued, and a deposit into it would not pay the order.
        return Err(GatewayError::Mismatch(Box::new(record)));
    }
    let failure = match charge.confirm.as_ref().and_then(crate::model::Dispatch::outcome) {
        Some(Outcome::NotDone(failure)) => failure.clone(),
        Some(Outcome::Declined(_) | Outcome::Done) | None => return outcome_of_payment(record),
    };
    match failure.reason {
        FailureReason::Mismatch => Err(GatewayError::Mismatch(Box::new(record))),
        FailureReason::ProviderMisconfigured => Err(GatewayError::ProviderMisconfigured(failure.pg)),
        FailureReason::Unsupported => Err(GatewayError::Unsupported("confirming on this account")),
        _ => outcome_of_payment(record),
    }
}

fn is_of_another_amount(charge: &Charge, record: &PaymentRecord) -> bool {
    charge.snapshot.as_ref().is_some_and(|shown| shown.total != record.payment.terms.amount)
}

/// How a payment answers where no charge of it is meant.
fn outcome_of_payment(record: PaymentRecord) -> Result<PaymentRecord, GatewayError> {
    match record.payment.status() {
        PaymentStatus::Failed => Err(GatewayError::Declined(Box::new(record))),
        PaymentStatus::Expired | PaymentStatus::Cancelled => {
            Err(GatewayError::state(StateProblem::Status, record))
        }
        _ => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lifecycle::tests::sample::{HOUR, PRICE, World},
        model::PgStatus,
    };

    #[test]
    fn account_of_another_amount_is_a_mismatch() {
        for (amount, is_mismatch) in [(PRICE, false), (PRICE / 10, true)] {
            let mut world = World::before_confirm();
            let account = world.shown("i1", PgStatus::Open).with_account(HOUR).with_total(amount);
            world.see(&account);
            let id = world.charge("i1").id.clone();
            let answered = outcome(world.record, &id);
            assert_eq!(matches!(answered, Err(GatewayError::Mismatch(_))), is_mismatch, "{amount}");
        }
    }
}
