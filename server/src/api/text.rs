//! Texts that merchants send, checked at the edge.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use super::{ApiError, parameter::wrong};

/// A JSON string, and nothing else.
///
/// poem-openapi reads numbers and booleans as strings too. An order id sent as a number has by then
/// passed through a float, and is perhaps another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Type for Text {
    const IS_REQUIRED: bool = true;
    type RawValueType = String;
    type RawElementValueType = String;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(std::iter::once(&self.0))
    }
}

impl ParseFromJSON for Text {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Ok(Self(text)),
            value => Err(ParseError::expected_type(value)),
        }
    }
}

impl ToJSON for Text {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

/// A text people read: not empty, not too long, and nothing in it hidden.
pub(crate) fn short_text(param: &str, Text(text): Text, longest: usize) -> Result<String, ApiError> {
    if paymux_core::model::is_printable(&text, longest) {
        Ok(text)
    } else {
        Err(wrong(param, format!("must be 1 to {longest} printable characters")))
    }
}

/// An address that could be one; whether it is, only a mail tells.
pub(crate) fn email(param: &str, Text(text): Text) -> Result<String, ApiError> {
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let could_be = text.split_once('@').is_some_and(|(user, host)| {
        let plain = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_graphic());
        plain && host.contains('.') && host.split('.').all(label)
    });
    if could_be { Ok(text) } else { Err(wrong(param, "must be an e-mail address")) }
}

/// The digits of a phone number.
pub(crate) fn phone(param: &str, Text(text): &Text) -> Result<String, ApiError> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(wrong(param, "must be 8 to 15 digits"))
    }
}
