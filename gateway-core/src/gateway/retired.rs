//! What is asked of a retired account: nothing is sent, and a review is opened for a person.

use super::{GatewayError, RequestKey};
use crate::{
    dispatch::Committer,
    lifecycle::{Context, Draft},
    model::ReviewSubject,
    store::PaymentRecord,
};

/// A retired account sends nothing: a person has to decide about what was asked for.
pub(super) async fn refuse_retired<T>(
    core: &Committer,
    record: PaymentRecord,
    asked_for: &str,
    about: ReviewSubject,
    key: Option<&RequestKey>,
) -> Result<T, GatewayError> {
    // The review keeps the key: once a person has done what was asked for, a repeat under it must move
    // nothing.
    let key = key.map(|key| key.key.as_str());
    let raise = |draft: &mut Draft, context: &Context<'_>| {
        draft.raise_asked_for(asked_for, about.clone(), key, context.now);
    };
    // Committed before the answer: if that is lost, a person still learns what was asked for.
    let record = core.update(&record.payment.merchant, &record.payment.id, raise).await?;
    Err(GatewayError::AccountRetired(Box::new(record)))
}
