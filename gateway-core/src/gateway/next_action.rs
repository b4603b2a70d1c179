//! Preparing what the buyer's browser has to do.

use jiff::Timestamp;

use super::{Gateway, GatewayError, RequestKey, StateProblem, register::choose_method};
use crate::{
    account::{Account, ConnectedAccount, Priority, WHEN_BUSY},
    clock::later,
    dispatch::{LookedUp, ROUNDS, look_up, owe_hint},
    gateway::{
        request_key::idempotency,
        retired::refuse_retired,
        shared::{account_of, permit},
    },
    lifecycle::{Context, Draft},
    model::{
        Attempt, BrowserStep, Charge, Device, Failure, FailureReason, LookUpSubject, MerchantId, PaymentId,
        PaymentStatus, PgOrderId, Preparation, PreparedStep, ReviewSubject,
    },
    provider::{Guard, PaymentRequest, Prepared, ProviderDescription, ProviderError, Response},
    store::{PaymentRecord, StoreError},
};

impl Gateway {
    /// Prepares the browser step of an attempt under which the buyer can pay, a new one if need be. Asked again, it shows
    /// the same step.
    ///
    /// # Errors
    ///
    /// [`GatewayError::InvalidState`] when the payment can no longer be paid; [`GatewayError::AccountRetired`];
    /// [`GatewayError::ProviderUnavailable`], [`GatewayError::ProviderMisconfigured`],
    /// [`GatewayError::Unsupported`]: no money moved; [`GatewayError::Store`].
    pub async fn next_action(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        device: Device,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        // Two tabs race: the loser of the first round finds the winner's attempt in the second. And a PG may refuse an order
        // id that was used before.
        for _ in 0..ROUNDS {
            match self.next_action_once(merchant, id, device, key).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                Ok(None) => {}
                Ok(Some(done)) => return Ok(done),
                Err(error) => return Err(error),
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    /// `None`: the PG refused an order id that was used before, so a new one is to be tried.
    async fn next_action_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        device: Device,
        key: Option<&RequestKey>,
    ) -> Result<Option<(PaymentRecord, BrowserStep)>, GatewayError> {
        let mut record = self.payment(merchant, id).await?;
        let account = account_of(&self.core, &record)?;
        if !may_be_paid(&record) || record.payment.expires_at <= self.core.now() {
            return Err(GatewayError::state(StateProblem::Status, record));
        }
        // Checked after the state: of a payment that is over nobody has to decide anything.
        if account.retired {
            return refuse_retired(
                &self.core,
                record,
                "a payment window for the buyer",
                ReviewSubject::Payment,
                None,
            )
            .await;
        }
        if let Some((number, shown_from)) = refused_window(&record) {
            // The buyer may have paid in the open window, which may be why the PG refused another. The next
            // window has a new order id, and with it they could pay twice, so the PG is asked first.
            let now = self.core.now();
            // A browser asks for this as often as it likes, and each time costs a look-up.
            self.admissions
                .results
                .admit(id, now)
                .map_err(|until| GatewayError::busy_until(until, self.core.now()))?;
            let subject = LookUpSubject::Attempt(number);
            let looked_up = look_up(&self.core, merchant, id, &subject, Priority::Interactive).await;
            let LookedUp { record: now_shown, is_partial, .. } =
                looked_up.map_err(|error| GatewayError::not_looked_up(error, self.core.now()))?;
            record = now_shown;
            if !may_be_paid(&record) {
                return Err(GatewayError::state(StateProblem::Status, record));
            }
            // "Unpaid" counts only in a whole answer, asked when the PG's answers can no longer be out of
            // date: for some seconds after a payment a look-up may still show none.
            if is_partial || record.checks.asked_at(number).is_none_or(|asked_at| asked_at < shown_from) {
                return Err(GatewayError::busy_until(shown_from.max(later(now, WHEN_BUSY)), self.core.now()));
            }
        }
        // Such a PG cancels whatever payment is current under the order id. A payment made in a new window
        // could be given back in place of the one that was meant.
        if account.description().cancels_by_order
            && record.charges.iter().any(|c| c.unresolved_cancel().is_some())
        {
            return Err(GatewayError::state(StateProblem::CancelInProgress, record));
        }
        // Kept where it can be: under one order id some PGs let one payment succeed, which stops a second
        // tab.
        let usable =
            record.attempts.last().filter(|attempt| is_usable(attempt, &record, account.description()));
        // An id that charges came under may be refused because of them, and another id is worth a try. A
        // fresh one is refused for another reason.
        let is_reused =
            usable.is_some_and(|attempt| record.charges.iter().any(|c| c.attempt == attempt.number));
        // The step that exists is shown again: a second one would be a second window under the same order id.
        // Another device needs another.
        if let Some(prepared) =
            usable.and_then(Attempt::prepared).filter(|prepared| prepared.device == device)
        {
            let step = prepared.step.clone();
            return Ok(Some((record, step)));
        }
        // Both before the commit: who is refused here has left no trace, and the same request may follow.
        let _permit = permit(account)?;
        let requests = account.description().requests_per_window;
        account
            .admit(Priority::Interactive, requests)
            .map_err(|until| GatewayError::busy_until(until, self.core.now()))?;
        // The row is durable before the PG sees its order id: money under an id that no record has could be
        // matched to no payment.
        let number = usable.map(|attempt| attempt.number);
        let (record, number) = match number {
            Some(number) => (record, number),
            None => self.commit_new_attempt(account, record, key).await?,
        };
        let request = payment_request(account, &record, number, device)?;
        match account.call(account.provider.request(&request)).await {
            Ok(prepared) => self.save_step(&record, number, device, prepared).await.map(Some),
            Err(error) => self.not_prepared(account, &record, number, error, is_reused).await,
        }
    }

    async fn commit_new_attempt(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, u16), GatewayError> {
        // Never a number again: a late answer about an old order id must not be taken for the new one.
        let number = record.attempts.last().map_or(1, |attempt| attempt.number.saturating_add(1));
        // The order id has two characters for the number.
        let Some(pg_order_id) = PgOrderId::of(&record.payment.id, number) else {
            return Err(GatewayError::state(StateProblem::TooManyAttempts, record));
        };
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let context = self.core.context(account, None, &[]);
        let mut draft = Draft::of(record);
        draft.record.attempts.push(Attempt::new(number, pg_order_id, context.now));
        draft.say_attempt(number, None, context.now);
        let idempotency = idempotency(key, &merchant, &id, None, self.core.now());
        Ok((self.core.commit(draft, &context, idempotency).await?, number))
    }

    async fn save_step(
        &self,
        record: &PaymentRecord,
        number: u16,
        device: Device,
        prepared: Prepared,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        let ready = PreparedStep {
            step: prepared.step.clone(),
            device,
            money_moves: prepared.money_moves,
            pg_payment_id: prepared.pg_payment_id,
        };
        let set =
            |attempt: &mut Attempt, _: &Context<'_>| attempt.preparation = Preparation::Ready(ready.clone());
        let record = self.change_attempt(record, number, set).await?;
        Ok((record, prepared.step))
    }

    async fn change_attempt(
        &self,
        record: &PaymentRecord,
        number: u16,
        change: impl Fn(&mut Attempt, &Context<'_>) + Send + Sync,
    ) -> Result<PaymentRecord, GatewayError> {
        let set = |draft: &mut Draft, context: &Context<'_>| {
            let mut attempts = draft.record.attempts.iter_mut();
            if let Some(attempt) = attempts.find(|attempt| attempt.number == number) {
                change(attempt, context);
            }
        };
        // Whatever else was committed since: the window exists at the PG now, and a step that was lost would
        // be prepared twice.
        Ok(self.core.update(&record.payment.merchant, &record.payment.id, set).await?)
    }

    /// No money moves while a step is prepared, so every failure here is a safe one. After any answered error the order id is
    /// not used again: a PG may repeat that answer for the same key for days.
    async fn not_prepared(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        number: u16,
        error: ProviderError,
        is_reused: bool,
    ) -> Result<Option<(PaymentRecord, BrowserStep)>, GatewayError> {
        tracing::warn!(
            payment = %record.payment.id,
            account = %record.payment.account,
            error = error.name(),
            detail = error.detail(),
            "the browser step could not be prepared"
        );
        // The PG may have prepared it. The attempt stays pending, and the same request goes out again with
        // the same key.
        if !error.is_answered() && !matches!(error, ProviderError::Unsupported(_))
            || matches!(error, ProviderError::StillRunning)
        {
            return Err(GatewayError::ProviderUnavailable { retry_after: None });
        }
        let refuses_id = matches!(error, ProviderError::Declined(_) | ProviderError::Invalid(_));
        let refuse = |attempt: &mut Attempt, context: &Context<'_>| {
            // "Paid already" may be true for some seconds before look-ups show it.
            attempt.refuse(if refuses_id { context.visible_from(context.now) } else { context.now });
        };
        let record = self.change_attempt(record, number, refuse).await?;
        let is_open = record.attempt(number).is_some_and(|attempt| attempt.prepared().is_some());
        if is_open && refuses_id {
            // A refusal beside an open window may mean that it was paid in. The buyer's browser may never
            // come back to say so.
            owe_hint(&self.core, account, &record, LookUpSubject::Attempt(number)).await?;
        }
        if (is_reused || is_open) && refuses_id {
            return Ok(None);
        }
        if let Some(pg) = error.pg() {
            // A later read of the payment has not seen this answer.
            let failure = Failure::by_pg(reason_of(&error), pg.clone());
            let say = |draft: &mut Draft, context: &Context<'_>| {
                draft.say_attempt(number, Some(failure.clone()), context.now);
            };
            self.core.update(&record.payment.merchant, &record.payment.id, say).await?;
        }
        Err(match error {
            ProviderError::NotDone { retry_after, .. } => GatewayError::ProviderUnavailable { retry_after },
            // No card was asked yet, so this declines no buyer: an operator has to see the PG's words.
            ProviderError::Declined(failure) => GatewayError::ProviderMisconfigured(failure.pg),
            ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg) => {
                GatewayError::ProviderMisconfigured(Some(pg))
            }
            ProviderError::Unsupported(what) => GatewayError::Unsupported(what),
            ProviderError::Unknown(Response::Error(_) | Response::Unanswered(_))
            | ProviderError::MayFollow(_)
            | ProviderError::StillRunning => GatewayError::ProviderUnavailable { retry_after: None },
        })
    }
}

/// Why no window was opened. It is our request that the PG refuses and never the buyer, who has not chosen anything yet.
const fn reason_of(error: &ProviderError) -> FailureReason {
    match error {
        ProviderError::Declined(_) | ProviderError::Misconfigured(_) | ProviderError::Invalid(_) => {
            FailureReason::ProviderMisconfigured
        }
        _ => FailureReason::ProviderUnavailable,
    }
}

/// Whether the buyer may open a window: nothing is uncertain but claims that the PG may deny.
fn may_be_paid(record: &PaymentRecord) -> bool {
    let has_unknown = record.charges.iter().any(Charge::is_unresolved);
    match record.payment.status() {
        PaymentStatus::Ready | PaymentStatus::Failed => true,
        PaymentStatus::Confirming => {
            // While the clock is in doubt, money that shows is not judged yet, and may pay the order.
            let waits = |charge: &Charge| charge.is_pending_at_pg() || charge.is_undecided();
            !has_unknown && !record.charges.iter().any(waits)
        }
        _ => false,
    }
}

/// The newest window that was opened, if the PG takes money in it alone and refused another beside it; and from when on a look-up
/// shows what came of it. The next window has a new order id, for which the PG's guard against paying twice does not hold.
fn refused_window(record: &PaymentRecord) -> Option<(u16, Timestamp)> {
    let newest = record.attempts.iter().rfind(|attempt| attempt.prepared().is_some())?;
    // Where money moves on confirm, nothing is taken in a window alone.
    let shown_from = newest.shown_from.filter(|_| newest.takes_money_before_confirm())?;
    Some((newest.number, shown_from))
}

/// Whether the buyer can still pay under an attempt. Where the PG lets at most one payment succeed under an order id it is
/// kept while nothing took money or issued an account under it; elsewhere until anything under it has ended.
fn is_usable(attempt: &Attempt, record: &PaymentRecord, description: &ProviderDescription) -> bool {
    let mut under = record.charges.iter().filter(|charge| charge.attempt == attempt.number);
    let took = |charge: &Charge| {
        let issued = charge.snapshot.as_ref().is_some_and(|shown| shown.virtual_account.is_some());
        charge.has_money() || issued
    };
    let guards_order = description.guards.window.contains(&Guard::Order);
    match &attempt.preparation {
        Preparation::Refused => false,
        // The PG answered a request for it with an error, and may give the same answer to the same key for
        // days.
        _ if attempt.shown_from.is_some() => false,
        // Its answer was lost. The request goes out again with the same key.
        Preparation::Pending => true,
        // A decline leaves it usable: the PG lets one payment succeed under it, in whichever tab.
        Preparation::Ready(_) if guards_order => !under.any(took),
        // Without that guard an id under which a charge has ended is left, so that what is said late about
        // that charge cannot be taken for the next one.
        Preparation::Ready(_) => !under.any(|charge| took(charge) || charge.ended_at.is_some()),
    }
}

fn payment_request(
    account: &Account,
    record: &PaymentRecord,
    number: u16,
    device: Device,
) -> Result<PaymentRequest, GatewayError> {
    let terms = &record.payment.terms;
    let method = choose_method(account, terms)?.method;
    let attempt = record.attempt(number).ok_or(GatewayError::NotFound)?;
    Ok(PaymentRequest {
        order_id: attempt.pg_order_id.clone(),
        order_name: terms.order_name.clone(),
        amount: terms.amount,
        tax_free_amount: terms.tax_free_amount,
        method,
        customer: terms.customer.clone(),
        card_issuer: terms.card_issuer,
        installment_months: terms.installment_months,
        easy_pay_provider: terms.easy_pay_provider.clone(),
        deposit_due_at: terms.deposit_due_at,
        cash_receipt: terms.cash_receipt.clone(),
        locale: terms.locale.clone(),
        device,
        return_url: terms.return_url.clone(),
        // By the attempt: a repeat after a lost answer has to be the same request to the PG.
        idempotency_key: format!("{}_request_{number}_1", record.payment.id),
    })
}
