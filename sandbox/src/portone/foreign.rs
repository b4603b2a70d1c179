//! Payments of another system, among which a merchant has to find his own.

use serde_json::{Map, Value, json};

use super::ledger::{Ledger, View};
use super::listed::fields;
use super::payment::{Channel, Opening, Payment, Person};
use super::state::PortoneSimulator;
use crate::random::{LOWER, random_text};
use crate::{ControlError, ControlErrorCode, ForeignPayment};

/// Enters a foreign payment; answers its row as the look-ups show it.
pub(super) fn enter_foreign(
    simulator: &PortoneSimulator,
    foreign: &ForeignPayment,
) -> Result<Value, ControlError> {
    simulator.check_merchant(foreign.client_key.as_deref())?;
    let (channel, now) = (Channel::of(&simulator.config), simulator.now());
    simulator.books.write(|ledger| {
        let payment = plausible_payment(ledger, channel, now);
        let row = fields(&payment).map_err(|error| invalid(error.to_string()))?;
        foreign.check(&row)?;
        let payment = as_far_as_readable(payment, row, &foreign.fields);
        if ledger.payment(&payment.imp_uid, View::Now).is_some() {
            return Err(ControlError::invalid_state("there is a payment with this imp_uid"));
        }
        let shown = ledger.enter(payment, foreign.clone(), now);
        Ok(json!(shown))
    })
}

/// A card payment of another system, made now.
fn plausible_payment(ledger: &Ledger, channel: Channel, now: u64) -> Payment {
    let order = Opening {
        merchant_uid: format!("foreign-{}", random_text(LOWER, 12)),
        amount: 10_000,
        currency: "KRW".to_owned(),
        pay_method: "card".to_owned(),
        name: Some("다른 시스템의 주문".to_owned()),
        buyer: Person::default(),
        custom_data: None,
        notice_urls: Vec::new(),
    };
    let mut payment = Payment::opened(ledger.new_imp_uid(), order, channel, now);
    payment.take_money(now);
    payment
}

/// The payment with those of the fields that V1 could have written: what it is found and sorted by.
fn as_far_as_readable(
    plausible: Payment,
    mut row: Map<String, Value>,
    fields: &Map<String, Value>,
) -> Payment {
    let mut payment = plausible;
    for (name, value) in fields {
        let mut changed = row.clone();
        changed.insert(name.clone(), value.clone());
        if let Ok(readable) = serde_json::from_value(changed.clone().into()) {
            (payment, row) = (readable, changed);
        }
    }
    payment
}

fn invalid(message: String) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}
