//! What alerts an operator at once, because no buyer and no retry can fix it.

use crate::{
    account::ConnectedAccount,
    lifecycle::failure_of,
    model::{Charge, Dispatch, FailureReason, Outcome, PgMessage},
    store::PaymentRecord,
};

pub(super) fn page_operator(account: &ConnectedAccount, record: &PaymentRecord, pg: &PgMessage) {
    tracing::error!(
        payment = %record.payment.id,
        account = %account.id,
        code = pg.code,
        "the PG refused our keys, contract or request: an operator is needed"
    );
}

/// Alerts the operator of payments that failed at the PG because of the account's contract, keys or channel: no answer to a
/// call of ours said so, and the buyer can do nothing about it. One alert each.
pub(super) fn report_wrong_settings(
    account: &ConnectedAccount,
    before: &PaymentRecord,
    after: &PaymentRecord,
) {
    let is_of_settings = |charge: &Charge| {
        // Of a confirm that the PG refused for it the operator was alerted when it was sent.
        let outcome = charge.confirm.as_ref().and_then(Dispatch::outcome);
        let is_declined = charge.is_declined() && !matches!(outcome, Some(Outcome::NotDone(_)));
        is_declined && failure_of(charge).reason == FailureReason::ProviderMisconfigured
    };
    for charge in after.charges.iter().filter(|charge| is_of_settings(charge)) {
        if before.charge(&charge.id).is_some_and(is_of_settings) {
            continue;
        }
        // A PG may show that it failed, and not in which words.
        let pg = failure_of(charge).pg.unwrap_or_else(|| PgMessage::new("", ""));
        page_operator(account, after, &pg);
    }
}
