//! A payment of another system under the same contract with the PG.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ControlError, ControlErrorCode};

/// `POST /_sandbox/foreign-payments`: a paid payment that no window of the control API opened.
///
/// It is a plausible row under an order id of its own, over which these fields are laid as they are, by the PG's own
/// names and of whatever type. A field that the PG itself could have written so (an order id that is a text, a time that
/// is a time) also decides where the row is found; any other only shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForeignPayment {
    /// The fields of the row that are left out.
    #[serde(rename = "_absent", default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// The public key it was opened with, as in [`PayRequest`](crate::PayRequest).
    #[serde(rename = "_client_key", default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// The fields of the row that are not plausible.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl ForeignPayment {
    /// Refuses names that do not exist, but for further fields of the row: PGs add some, too.
    pub(crate) fn check(&self, row: &Map<String, Value>) -> Result<(), ControlError> {
        let unknown_option = self.fields.keys().find(|name| name.starts_with('_'));
        let unknown_field = self.absent.iter().find(|name| !row.contains_key(*name));
        match unknown_option.or(unknown_field) {
            Some(name) => {
                let message = format!("{name}: there is no such option, or no such field to leave out");
                Err(ControlError::new(ControlErrorCode::InvalidRequest, message))
            }
            None => Ok(()),
        }
    }

    /// The row as it is shown.
    pub(crate) fn lay_over(&self, mut row: Map<String, Value>) -> Map<String, Value> {
        row.extend(self.fields.clone());
        row.retain(|name, _| !self.absent.contains(name));
        row
    }
}
