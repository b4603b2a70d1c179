//! How something happens at a PG, beside what happens.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ControlError, ControlErrorCode, PayOutcome};

/// What the control calls `pay`, `deposit`, `reverse` and `cancel` may say in addition. In process,
/// [`Control::with`](crate::Control::with) takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionOptions {
    /// Whether the PG sends the webhooks that it would send. Without, no attempt is made and no fault rule counts one.
    pub notify: bool,
    /// When the buyer's money moved, in seconds from now and never after now: a PG may learn of a payment late, and shows
    /// the time at which it was made. Only of `deposit`, and of `pay` where money moves in the window.
    pub at_s: i64,
    /// How much of the amount an instant discount of the buyer's card company or bank pays: more than nothing and less
    /// than all. Only of `pay` with the outcome `approve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<u64>,
    /// The window was opened in another tab, before the order was paid: V1 refuses a paid order when a window opens (F1002)
    /// and not later. Only of `pay`; Toss opens a window for any order.
    pub already_open: bool,
    /// The PG's own text of why the window came to nothing. V1 keeps it as the `fail_reason` of a payment that is then
    /// `failed`, also of a window that the buyer closed; Toss gives it to the page, where the window itself says no. Only of
    /// `pay` with the outcome `decline` or `close`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Default for ActionOptions {
    fn default() -> Self {
        Self { notify: true, at_s: 0, discount: None, already_open: false, text: None }
    }
}

impl ActionOptions {
    /// The names of the options in the body of a control call.
    const NAMES: [&str; 5] = ["notify", "at_s", "discount", "already_open", "text"];

    /// Takes the options out of the body of a control call, and leaves the action.
    pub(crate) fn take_from(body: &mut Map<String, Value>) -> serde_json::Result<Self> {
        let options: Map<_, _> = Self::NAMES.iter().filter_map(|name| body.remove_entry(*name)).collect();
        serde_json::from_value(options.into())
    }

    /// Refuses those that mean nothing to a call. `notify` means something to all.
    pub(crate) fn allow_only(&self, allowed: &[&str]) -> Result<(), ControlError> {
        let given = [
            ("at_s", self.at_s != 0),
            ("discount", self.discount.is_some()),
            ("already_open", self.already_open),
            ("text", self.text.is_some()),
        ];
        match given.iter().find(|(name, given)| *given && !allowed.contains(name)) {
            Some((name, _)) => Err(invalid(format!("{name} means nothing to this call"))),
            None => Ok(()),
        }
    }

    /// The discount of a payment of `amount`.
    pub(crate) fn discount_of(&self, amount: u64, outcome: PayOutcome) -> Result<Option<u64>, ControlError> {
        match self.discount {
            Some(_) if outcome != PayOutcome::Approve => {
                Err(invalid("discount: only with the outcome approve"))
            }
            Some(discount) if discount == 0 || discount >= amount => {
                Err(invalid("discount: more than nothing and less than the amount"))
            }
            discount => Ok(discount),
        }
    }

    /// The text of a window that came to nothing.
    pub(crate) fn text_of(&self, outcome: PayOutcome) -> Result<Option<String>, ControlError> {
        match self.text {
            Some(_) if outcome == PayOutcome::Approve => Err(invalid("text: not with the outcome approve")),
            ref text => Ok(text.clone()),
        }
    }

    /// When it happened.
    pub(crate) fn at_ms(&self, now_ms: u64) -> Result<u64, ControlError> {
        if self.at_s > 0 {
            return Err(invalid("at_s: no money moves after now"));
        }
        let ago_ms = self.at_s.unsigned_abs().saturating_mul(1_000);
        now_ms.checked_sub(ago_ms).ok_or_else(|| invalid("at_s: before 1970"))
    }
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}
