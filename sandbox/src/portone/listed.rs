//! A row as the look-ups sort and show it.

use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Map, Value};

use super::payment::Payment;
use crate::ForeignPayment;

/// A payment, and what is special about its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub(super) payment: &'a Payment,
    /// Later than all times of the payment if PortOne learned of it late.
    pub(super) updated_at: u64,
    /// What is laid over the row of a foreign payment.
    pub(super) foreign: Option<&'a ForeignPayment>,
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.foreign {
            None => self.payment.serialize(serializer),
            Some(foreign) => {
                let row = fields(self.payment).map_err(Error::custom)?;
                foreign.lay_over(row).serialize(serializer)
            }
        }
    }
}

/// The fields of a row.
pub(super) fn fields(payment: &Payment) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_value(serde_json::to_value(payment)?)
}
