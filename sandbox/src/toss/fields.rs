//! Reads the body of a request strictly: a field nobody documented is refused, not ignored.

use serde_json::{Map, Value};

use super::errors::{INVALID_REQUEST, Refusal};
use crate::ApiRequest;

/// The fields of a body that were not read yet.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The body of a request.
    pub(crate) fn of(request: &ApiRequest) -> Result<Self, Refusal> {
        if !request.is_content_type("application/json") {
            return Err(INVALID_REQUEST.because("Content-Type must be application/json"));
        }
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(INVALID_REQUEST.because("the body must be a JSON object")),
        }
    }

    /// An object inside the body.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields))),
            Some(_) => Err(wrong(name)),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str, max_chars: usize) -> Result<String, Refusal> {
        self.text(name, max_chars)?.filter(|text| !text.is_empty()).ok_or_else(|| wrong(name))
    }

    /// A text of at most `max_chars`.
    pub(crate) fn text(&mut self, name: &str, max_chars: usize) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= max_chars => Ok(Some(text)),
            Some(_) => Err(wrong(name)),
        }
    }

    /// An amount that must be there.
    pub(crate) fn required_amount(&mut self, name: &str) -> Result<u64, Refusal> {
        self.amount(name)?.ok_or_else(|| wrong(name))
    }

    /// An amount: a whole number, as won are.
    pub(crate) fn amount(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(name)),
        }
    }

    /// Reads and drops a field that is known to exist but means nothing here.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Any field.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Refuses what was not read.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(INVALID_REQUEST.because(format!("{name} is not a parameter"))),
        }
    }
}

fn wrong(name: &str) -> Refusal {
    INVALID_REQUEST.because(format!("{name} is missing or wrong"))
}

/// Whether an order id has the documented form; official samples use `=` too.
pub(crate) fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte))
}
