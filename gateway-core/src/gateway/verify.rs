//! Asking the PG now, for a merchant who waits.

use super::{Gateway, GatewayError};
use crate::{
    account::{Answered, Flight, FlightResult, Priority},
    dispatch::look_up,
    gateway::shared::{account_of, permit},
    model::{Attempt, Charge, LookUpSubject, MerchantId, PaymentId},
    store::PaymentRecord,
};

impl Gateway {
    /// Asks the PG now about everything of a payment that may hold money, and gives the payment as it is after that.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let example = shop().await?;
    /// # let (payment, order_id, browser_result) = example.agreed().await?;
    /// # let Shop { gateway, shop, simulator, .. } = example;
    /// use paymux_core::model::PaymentStatus;
    /// # use paymux_sandbox::OrderAction;
    ///
    /// gateway.confirm(&shop, &payment, &browser_result, None).await?;
    ///
    /// // Somebody gives the money back in the PG's console, and no webhook comes.
    /// simulator.control().cancel(&OrderAction::all_of(order_id))?;
    /// let now = gateway.verify(&shop, &payment).await?;
    /// assert_eq!(now.payment.status(), PaymentStatus::Cancelled);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`GatewayError::ProviderUnavailable`] or [`GatewayError::ProviderMisconfigured`] when the PG
    /// gave no usable answer: what it did answer is committed. [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn verify(&self, merchant: &MerchantId, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        Ok(self.verify_shared(merchant, id).await?.0)
    }

    async fn verify_shared(&self, merchant: &MerchantId, id: &PaymentId) -> Verified {
        // Another merchant's payment is not found, and its look-ups are not shared.
        let record = self.payment(merchant, id).await?;
        let account = account_of(&self.core, &record)?;
        match account.look_ups.run(id, Box::pin(self.verify_all(merchant, id))).await {
            Flight::Led(done) => done,
            // The error itself went to the leader. The others know only that the PG gave no usable answer.
            Flight::Shared(Answered::Nothing) => Err(GatewayError::ProviderUnavailable { retry_after: None }),
            // Read again: the leader committed after this caller's own read.
            Flight::Shared(answered) => Ok((self.payment(merchant, id).await?, answered)),
        }
    }

    async fn verify_all(&self, merchant: &MerchantId, id: &PaymentId) -> Verified {
        // Read here and not by the caller, who may have waited: what there is to ask about may be another by
        // now.
        let mut record = self.payment(merchant, id).await?;
        let _permit = permit(account_of(&self.core, &record)?)?;
        let mut answered = Answered::All;
        for subject in subjects(&record) {
            let looked_up = look_up(&self.core, merchant, id, &subject, Priority::Interactive).await;
            let looked_up = looked_up.map_err(|error| GatewayError::not_looked_up(error, self.core.now()))?;
            // The other look-ups continue: a row that cannot be read must not hide what can.
            if looked_up.is_partial {
                answered = Answered::Part;
            }
            record = looked_up.record;
        }
        Ok((record, answered))
    }
}

/// Like [`Gateway::verify`], for what follows only if the PG showed all that there is: a row that could not
/// be read may be money.
///
/// # Errors
///
/// Those of [`Gateway::verify`]; [`GatewayError::ProviderUnavailable`] where a row could not be read, too.
pub(super) async fn verify_whole(
    gateway: &Gateway,
    merchant: &MerchantId,
    id: &PaymentId,
) -> Result<PaymentRecord, GatewayError> {
    let (record, answered) = gateway.verify_shared(merchant, id).await?;
    // The row that could not be read may be the buyer's payment: nothing may be closed on this answer.
    if answered == Answered::All { Ok(record) } else { Err(GatewayError::busy()) }
}

/// A payment, and how much of it the PG answered.
type Verified = Result<(PaymentRecord, Answered), GatewayError>;

impl FlightResult for Verified {
    fn answered(&self) -> Answered {
        self.as_ref().map_or(Answered::Nothing, |(_, answered)| *answered)
    }
}

/// Everything that may hold money: order ids under which the PG takes it alone, and charges that have not ended without it.
pub(super) fn subjects(record: &PaymentRecord) -> Vec<LookUpSubject> {
    let alone = |attempt: &&Attempt| attempt.takes_money_before_confirm();
    let mut subjects: Vec<_> =
        record.attempts.iter().filter(alone).map(|attempt| LookUpSubject::Attempt(attempt.number)).collect();
    // What ended without money holds none. Money that shows is asked about again: it may have been cancelled
    // in the PG's console since.
    let is_open = |charge: &&Charge| charge.ended_at.is_none() || charge.has_money();
    for charge in record.charges.iter().filter(is_open) {
        // The look-up of its order id shows it, and one request is enough.
        let is_covered =
            subjects.contains(&LookUpSubject::Attempt(charge.attempt)) && charge.snapshot.is_none();
        if !is_covered && !subjects.contains(&charge.subject()) {
            subjects.push(charge.subject());
        }
    }
    if subjects.is_empty() {
        // A window may be open whose payment nobody has named.
        subjects.extend(record.attempts.last().map(|attempt| LookUpSubject::Attempt(attempt.number)));
    }
    subjects
}
