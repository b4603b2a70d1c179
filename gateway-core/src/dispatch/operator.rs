//! What alerts an operator at once, because no buyer and no retry can fix it.

use crate::{
    account::ConnectedAccount,
    lifecycle::failure_of,
    model::{Charge, FailureReason, PgMessage},
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

/// Alerts the operator of payments that failed in the PG's window because of the account's contract, keys or channel: no call
/// of ours was refused for it, and the buyer can do nothing about it. One alert each.
pub(super) fn report_wrong_settings(
    account: &ConnectedAccount,
    before: &PaymentRecord,
    after: &PaymentRecord,
) {
    let is_of_settings = |charge: &Charge| {
        let is_refused = charge.confirm.is_none() && charge.is_declined();
        is_refused && failure_of(charge).reason == FailureReason::ProviderMisconfigured
    };
    for charge in after.charges.iter().filter(|charge| is_of_settings(charge)) {
        if before.charge(&charge.id).is_some_and(is_of_settings) {
            continue;
        }
        if let Some(pg) = failure_of(charge).pg {
            page_operator(account, after, &pg);
        }
    }
}
