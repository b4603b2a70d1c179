//! Reviews: list them, and decide.

use crate::{
    account::Priority,
    clock::later,
    dispatch::{LookUpError, ROUNDS, look_up},
    gateway::{
        Gateway, GatewayError, StateProblem,
        shared::{account_of, permit},
        verify::subjects,
    },
    lifecycle::{Context, Draft, decision, schedule::DEPOSIT_GRACE},
    model::{Charge, PaymentId, Review, ReviewOutcome, ReviewReason, ReviewSubject, is_printable},
    store::{PaymentRecord, StoreError},
};

/// What an operator decided about a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who decided: 1 to 100 printable characters.
    pub by: String,
    /// What they found out.
    pub outcome: ReviewOutcome,
    /// Why they are sure: 1 to 500 printable characters.
    pub reason: String,
}

impl Verdict {
    fn check(&self) -> Result<(), GatewayError> {
        for (param, text, most) in [("by", &self.by, 100), ("reason", &self.reason, 500)] {
            if !is_printable(text, most) {
                let rule = format!("must be 1 to {most} printable characters");
                return Err(GatewayError::invalid(param, rule));
            }
        }
        Ok(())
    }
}

impl Gateway {
    /// A payment of any merchant, for operators.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn payment_of_any(&self, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        let merchant = self.core.store.owner_of(id).await?.ok_or(GatewayError::NotFound)?;
        self.payment(&merchant, id).await
    }

    /// Payments of any merchant after one that have a review, by id; only those with an open one if `only_open`.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, GatewayError> {
        let mut records = Vec::new();
        for (merchant, id) in self.core.store.payments_with_reviews(only_open, after, limit).await? {
            records.push(self.payment(&merchant, &id).await?);
        }
        Ok(records)
    }

    /// Closes a review as an operator decided. The PG is asked once more first: its answer resolves the review,
    /// whatever the operator believes. What the PG shows later is believed again.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Invalid`], [`GatewayError::NotFound`]. [`GatewayError::InvalidState`] when the review is
    /// closed, perhaps only now, by the PG, or when what it is about was sent again a moment ago: what a person saw is
    /// older than that. [`GatewayError::Store`]: not closed.
    pub async fn close_review(
        &self,
        id: &PaymentId,
        number: u16,
        verdict: &Verdict,
    ) -> Result<PaymentRecord, GatewayError> {
        verdict.check()?;
        let record = self.payment_of_any(id).await?;
        open_review(&record, number)?;
        // The PG may know by now. What it shows resolves the review, and then nobody has to be believed.
        self.ask_before(&record, number).await?;
        for _ in 0..ROUNDS {
            let record = self.payment_of_any(id).await?;
            // Once more: the PG's answer may have closed it.
            let review = open_review(&record, number)?.clone();
            let account = account_of(&self.core, &record)?;
            let sibling = self.core.sibling(&record).await?;
            let context = self.core.context(account, sibling.as_ref(), &[]);
            check_verdict(&record, &review, verdict, &context)?;
            // What the operator saw in the console is older than this send. "Not done" would be believed, and
            // then the money could move.
            if is_under_way(&record, &review.about, &context) {
                return Err(GatewayError::state(StateProblem::RequestUnderWay, record));
            }
            let mut draft = Draft::of(record);
            decision::decide(&mut draft, number, verdict.outcome, &verdict.by, &verdict.reason, &context);
            match self.core.commit(draft, &context, None).await {
                Err(StoreError::Conflict) => {}
                closed => {
                    let record = closed?;
                    tracing::warn!(payment = %id, review = number, reason = review.reason.name(), outcome = verdict.outcome.name(), by = verdict.by, "an operator closed a review");
                    return Ok(record);
                }
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    /// Asks the PG about everything of the payment that may hold money. That it does not answer may be the very reason for the
    /// review.
    async fn ask_before(&self, record: &PaymentRecord, number: u16) -> Result<(), GatewayError> {
        let _permit = permit(account_of(&self.core, record)?)?;
        for subject in subjects(record) {
            let (merchant, id) = (&record.payment.merchant, &record.payment.id);
            match look_up(&self.core, merchant, id, &subject, Priority::Critical).await {
                // Where nobody can ask the PG, the operator's word is all that there will be.
                Ok(_) | Err(LookUpError::NoCredentials) => {}
                Err(LookUpError::Store(error)) => return Err(error.into()),
                Err(LookUpError::Busy(until)) => {
                    return Err(GatewayError::busy_until(until, self.core.now()));
                }
                Err(LookUpError::Provider(error)) => {
                    tracing::warn!(payment = %id, review = number, error = error.name(), "the PG could not be asked before a review was closed");
                }
            }
        }
        Ok(())
    }
}

fn open_review(record: &PaymentRecord, number: u16) -> Result<&Review, GatewayError> {
    let review = record.payment.reviews.iter().find(|review| review.number == number);
    let review = review.ok_or(GatewayError::NotFound)?;
    if review.is_open() {
        Ok(review)
    } else {
        Err(GatewayError::state(StateProblem::ReviewClosed, record.clone()))
    }
}

/// Whether the request that a review is about may be executed yet.
fn is_under_way(record: &PaymentRecord, about: &ReviewSubject, context: &Context<'_>) -> bool {
    let sent = match about {
        ReviewSubject::Charge(id) => record.charge(id).and_then(|charge| {
            // Where money of the charge goes back, that is the request which may move it now; the confirm is
            // over.
            let going_back = charge.compensation().filter(|row| row.status.is_uncertain());
            going_back.map_or(charge.confirm.as_ref(), |row| row.dispatch.as_ref())
        }),
        ReviewSubject::Cancel(id) => {
            let cancel = record.cancel(id).and_then(|(_, cancel)| cancel.dispatch.as_ref());
            cancel.or_else(|| record.close(id).and_then(|(_, close)| close.dispatch.as_ref()))
        }
        ReviewSubject::Attempt(_) | ReviewSubject::Payment => None,
    };
    sent.is_some_and(|sent| sent.outcome().is_none() && context.now < context.final_time(sent.last_sent_at))
}

/// Money that has no name here could never be given back, and an order has one payment.
fn check_verdict(
    record: &PaymentRecord,
    review: &Review,
    verdict: &Verdict,
    context: &Context<'_>,
) -> Result<(), GatewayError> {
    let is_confirm = matches!(
        review.reason,
        ReviewReason::UnknownConfirm | ReviewReason::TakenNotShown | ReviewReason::AccountRetired
    );
    // Money without a PG id could never be given back.
    if review.reason == ReviewReason::OrderNotShown && verdict.outcome == ReviewOutcome::Done {
        let rule = "must be not_done: a payment that was found is confirmed with the PG's id of it, and this review closes by itself";
        return Err(GatewayError::invalid("outcome", rule));
    }
    // If the other one arrives too, the same money would count as given back twice.
    if let (ReviewReason::FailedRefund, ReviewSubject::Cancel(id)) = (review.reason, &review.about)
        && verdict.outcome == ReviewOutcome::Done
        && record
            .cancel(id)
            .is_some_and(|(charge, _)| charge.cancels.iter().any(|other| other.is_open_to(false)))
    {
        let rule = "cannot be done while another refund of this money is under way: this closes by itself when that one arrives";
        return Err(GatewayError::invalid("outcome", rule));
    }
    let ReviewSubject::Charge(id) = &review.about else { return Ok(()) };
    let accepts =
        review.reason == ReviewReason::MismatchNotCancelled && verdict.outcome == ReviewOutcome::Done;
    // Two payments of one order would be paid.
    if accepts && context.sibling.is_some_and(PaymentRecord::may_hold_money) {
        let rule =
            "must be not_done: the order's newer payment holds money or may; give this money back at the PG";
        return Err(GatewayError::invalid("outcome", rule));
    }
    // An order is paid by one charge, and by money that is there.
    if accepts && !record.may_pay(id) {
        let rule = "must be not_done: this money is gone, or other money pays the order; give what is too much back at the PG";
        return Err(GatewayError::invalid("outcome", rule));
    }
    // The PG can still take the money, and would after the order was called unpaid.
    let is_pending = context.can_ask && record.charge(id).is_some_and(Charge::is_pending_at_pg);
    if is_confirm && verdict.outcome == ReviewOutcome::NotDone && is_pending {
        let rule = "cannot be not_done while the PG itself waits for the outcome: have the payment ended there first";
        return Err(GatewayError::invalid("outcome", rule));
    }
    // Until then the buyer can pay into the account, whatever anybody decides here.
    let due_at = record.charge(id).and_then(|charge| charge.snapshot.as_ref()?.due_at());
    let waits_until = due_at.map(|due_at| later(due_at, DEPOSIT_GRACE));
    let is_retired = review.reason == ReviewReason::AccountRetired;
    if is_retired && verdict.outcome == ReviewOutcome::NotDone && waits_until > Some(context.now) {
        let rule =
            "cannot be not_done before an hour after the account is due: the buyer may still pay into it";
        return Err(GatewayError::invalid("outcome", rule));
    }
    let is_named = record.charge(id).is_some_and(|charge| charge.pg_payment_id.is_some());
    if is_confirm && verdict.outcome == ReviewOutcome::Done && !is_named {
        let rule = "must be not_done: the PG's id of the payment is not known here, and what it shows later is believed";
        return Err(GatewayError::invalid("outcome", rule));
    }
    Ok(())
}
