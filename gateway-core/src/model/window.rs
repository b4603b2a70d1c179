//! What the buyer's browser has to do to pay.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the buyer's browser has to do. Discriminated by what to do, never by PG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BrowserStep {
    /// Go to this address.
    Redirect {
        /// Where.
        url: String,
        /// The fields of a form to post there, in order; `None`: a plain GET.
        form: Option<Vec<(String, String)>>,
    },
    /// Load a script, then make these calls one after the other.
    Script {
        /// The script's address.
        script_url: String,
        /// A form to put hidden into the page, with the id `paymux`, before the calls.
        form: Option<Vec<(String, String)>>,
        /// The calls, in order.
        calls: Vec<ScriptCall>,
    },
}

/// One call of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCall {
    /// A dotted path from `window` (`Sdk.requestPay`) or, with a leading dot, a method of what the call before
    /// returned (`.payment`).
    pub function: String,
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// How the browser result comes back.
    pub result: ResultBy,
}

/// How the browser result of a call comes back. A rejected promise is a browser result, whichever this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultBy {
    /// The buyer comes back to the return URL; its query or form is the browser result.
    ReturnUrl,
    /// A function is passed as last argument; what it is given is the browser result.
    Callback,
    /// The call returns a promise of the browser result.
    Promise,
}

/// What the buyer holds. PGs without an SDK of their own have one page for desktops and one for phones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A desktop browser.
    #[default]
    Desktop,
    /// A phone or tablet.
    Mobile,
}

/// When the buyer's money moves. A property of one attempt: an account may have channels of both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyMoves {
    /// When we confirm. The PG takes a confirm for so long after the buyer agreed.
    // Past it the PG no longer has what the buyer agreed to (one does so after ten minutes), and the buyer
    // has to start over.
    OnConfirm {
        /// How long.
        within: Duration,
    },
    /// In the window, before we know of it.
    BeforeConfirm,
}
