//! From a row of V1's lists to a movement of money.

use paymux_core::{
    model::Money,
    provider::{MovementKind, PgMovement},
};
use serde_json::value::RawValue;

use super::{Payment, Unreadable, is_imp_uid, payment::time};

/// Reads a row of the list of paid payments (`In`) or of cancelled ones (`Back`).
///
/// The account may have other systems on it, with currencies and order ids of their own. A row is a hint as long as
/// it names a payment and a time; an amount that cannot be read is left out.
pub(crate) fn movement(row: &RawValue, kind: MovementKind) -> Result<PgMovement, Unreadable> {
    let payment = Payment::read(row)?;
    let imp_uid = payment.imp_uid.as_deref().filter(|id| is_imp_uid(id));
    let pg_payment_id = imp_uid.and_then(|id| id.parse().ok());
    if pg_payment_id.is_none() && payment.merchant_uid.is_none() {
        return Err(Unreadable::new("imp_uid", "is missing or no imp_uid, and merchant_uid is missing"));
    }
    let (at, no_time) = match kind {
        MovementKind::In => (payment.paid_at, Unreadable::new("paid_at", "is missing or no time")),
        MovementKind::Back => {
            (payment.cancelled_at, Unreadable::new("cancelled_at", "is missing or no time"))
        }
    };
    let at = at.and_then(time).ok_or(no_time)?;
    let amount = amount(&payment, kind);
    Ok(PgMovement { pg_payment_id, order_id: payment.merchant_uid, kind, amount, at })
}

fn amount(payment: &Payment, kind: MovementKind) -> Option<Money> {
    let currency = payment.currency()?;
    match kind {
        MovementKind::In => payment.total(currency).ok()?.checked_sub(payment.discount(currency).ok()?).ok(),
        // An unpaid account that was closed: `cancel_amount` may say anything, and nothing moved.
        MovementKind::Back if payment.paid_at == Some(0) => Some(Money::zero(currency)),
        MovementKind::Back => payment.cancelled(currency).ok(),
    }
}
