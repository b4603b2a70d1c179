//! What the browser has to do next, as the API shows it.

use jiff::Timestamp;
use paymux_core::{
    model::{BrowserStep, Charge, PaymentStatus, ScriptCall},
    store::PaymentRecord,
};
use poem_openapi::{Object, Union};
use serde_json::Value;

use super::{date_time::DateTime, words::ApiResultBy};

/// What the buyer's browser has to do. Discriminated by what to do, never by payment gateway.
#[derive(Clone, Debug, Union)]
#[oai(one_of, discriminator_name = "type", rename_all = "snake_case")]
pub enum NextAction {
    /// Go to an address.
    Redirect(RedirectAction),
    /// Load a script and make calls.
    Script(ScriptAction),
}

/// Send the browser to this address
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RedirectAction {
    /// Where.
    pub url: String,
    /// If given, post a form with these fields to the address. Otherwise just go there.
    pub form: Option<Vec<FormField>>,
    /// Until when.
    pub expires_at: DateTime,
}

/// Load a script, then make these calls one after the other
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ScriptAction {
    /// The script's address.
    pub script_url: String,
    /// If given, put a hidden form with the id `paymux` and these fields into the page before the calls.
    pub form: Option<Vec<FormField>>,
    /// The calls, in order.
    pub calls: Vec<ScriptCallBody>,
    /// Until when.
    pub expires_at: DateTime,
}

/// One field of a form
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One call of a script
#[derive(Clone, Debug, Object)]
#[oai(rename = "ScriptCall")]
pub struct ScriptCallBody {
    /// A dotted path from `window`, such as `IMP.request_pay`; with a leading dot, a method of what the call before
    /// returned, such as `.payment`.
    pub function: String,
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// How the browser result comes back.
    pub result: ApiResultBy,
}

impl NextAction {
    pub(super) fn new(step: &BrowserStep, expires_at: Timestamp) -> Self {
        let expires_at = expires_at.into();
        match step {
            BrowserStep::Redirect { url, form } => {
                Self::Redirect(RedirectAction { url: url.clone(), form: fields(form.as_deref()), expires_at })
            }
            BrowserStep::Script { script_url, form, calls } => Self::Script(ScriptAction {
                script_url: script_url.clone(),
                form: fields(form.as_deref()),
                calls: calls.iter().map(Into::into).collect(),
                expires_at,
            }),
        }
    }
}

/// The newest attempt's step, while the buyer can pay with it. After a charge under it has ended, `next-action` says
/// whether the same step may be used again.
pub(super) fn open_step(record: &PaymentRecord, now: Timestamp) -> Option<NextAction> {
    let payment = &record.payment;
    let is_payable = matches!(payment.status(), PaymentStatus::Ready | PaymentStatus::Failed);
    let attempt = record.attempts.last().filter(|_| is_payable && payment.expires_at > now)?;
    let issued =
        |charge: &Charge| charge.snapshot.as_ref().is_some_and(|shown| shown.virtual_account.is_some());
    let is_used = |charge: &Charge| charge.ended_at.is_some() || charge.has_money() || issued(charge);
    if record.charges.iter().any(|charge| charge.attempt == attempt.number && is_used(charge)) {
        return None;
    }
    let prepared = attempt.prepared().filter(|_| attempt.shown_from.is_none());
    prepared.map(|prepared| NextAction::new(&prepared.step, payment.expires_at))
}

fn fields(form: Option<&[(String, String)]>) -> Option<Vec<FormField>> {
    let field = |(name, value): &(String, String)| FormField { name: name.clone(), value: value.clone() };
    form.map(|form| form.iter().map(field).collect())
}

impl From<&ScriptCall> for ScriptCallBody {
    fn from(call: &ScriptCall) -> Self {
        Self { function: call.function.clone(), args: call.args.clone(), result: call.result.into() }
    }
}
