//! Texts that merchants send, checked at the edge.

use std::borrow::Cow;

use paymux_core::model::{is_printable, readable};
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

/// A field of a registration whose empty text means that it is not given: forms and many languages send `""` for nothing.
///
/// # Errors
///
/// Those of the field's type.
pub(crate) fn absent_if_empty<T: ParseFromJSON>(value: Option<Value>) -> ParseResult<Option<T>> {
    let value = value.filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
    Option::parse_from_json(value)
}

/// An id that people read: not empty, not too long, and nothing in it hidden. Two that look alike are two.
pub(crate) fn short_id(param: &str, Text(text): Text, longest: usize) -> Result<String, ApiError> {
    if is_printable(&text, longest) {
        Ok(text)
    } else {
        Err(wrong(param, format!("must be 1 to {longest} printable characters")))
    }
}

/// A text for display, without line breaks and what cannot be seen.
pub(crate) fn display_text(param: &str, text: &Text, longest: usize) -> Result<String, ApiError> {
    shown(param, text, longest)?.ok_or_else(|| wrong(param, "must hold something that can be seen"))
}

/// The same of a field that may be left out; nothing if there is nothing to be seen.
pub(crate) fn shown(param: &str, Text(text): &Text, longest: usize) -> Result<Option<String>, ApiError> {
    let text = readable(text);
    if text.chars().count() > longest {
        return Err(wrong(param, format!("must be at most {longest} characters")));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// An address that could be one; whether it is, only a mail tells.
pub(crate) fn email(param: &str, Text(text): &Text) -> Result<String, ApiError> {
    // Copied from a page, an address brings spaces and marks along that nobody sees.
    let text = readable(text);
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let could_be = text.split_once('@').is_some_and(|(user, host)| {
        let plain = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_graphic());
        plain && host.contains('.') && host.split('.').all(label)
    });
    if could_be { Ok(text) } else { Err(wrong(param, "must be an e-mail address")) }
}

/// The digits of a phone number, a Korean one as it is dialled in Korea: `+82 10-1234-5678` is `01012345678`.
pub(crate) fn phone(param: &str, Text(text): &Text) -> Result<String, ApiError> {
    let is_separator = |c: char| {
        c.is_whitespace()
            || matches!(c, '-' | '.' | '(' | ')' | '[' | ']' | '/' | '~' | '\u{2010}'..='\u{2015}')
    };
    let written: String = readable(text).chars().map(narrow).collect();
    // "02-123-4567~8" is a range, and "02-123-4567/4568" two numbers: none of them was meant alone. "010/1234/5678" is one.
    let is_of_several = ['/', '~'].into_iter().any(|sign| {
        let parts: Vec<usize> = written.split(sign).map(|part| part.trim().len()).collect();
        parts.len() > 1 && !matches!(parts[..], [2..=4, 3..=4, 4])
    });
    let dialled: String = written.chars().filter(|c| !is_separator(*c)).collect();
    let digits = dialled.strip_prefix('+').unwrap_or(&dialled);
    let is_number = (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_of_several || !is_number {
        return Err(wrong(param, "must be 8 to 15 digits"));
    }
    Ok(in_korea(&dialled).unwrap_or_else(|| digits.to_owned()))
}

/// What is dialled in Korea for a number with Korea's code: `+82`, `0082`, or `82` before as many digits as a number of
/// Korea has without its 0. `+82 (0)10` is written, too.
fn in_korea(dialled: &str) -> Option<String> {
    let without_zero = |korean: &str| korean.strip_prefix('0').unwrap_or(korean).to_owned();
    let of_length = |korean: &String| (8..=10).contains(&korean.len());
    let unsure = || {
        let korean = dialled.strip_prefix("0082").or_else(|| dialled.strip_prefix("82"));
        korean.map(without_zero).filter(of_length)
    };
    dialled.strip_prefix("+82").map(without_zero).or_else(unsure).map(|korean| format!("0{korean}"))
}

/// A full-width character (U+FF01 to U+FF5E) as the ASCII one: Korean and Japanese keyboards write `＋８２`.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            let of_ascii = u32::from(c).checked_sub(0xfee0).and_then(char::from_u32);
            of_ascii.unwrap_or(c)
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Text {
        Text(text.to_owned())
    }

    #[test]
    fn phones_are_read_however_they_are_written() {
        for (written, digits) in [
            ("01012345678", Some("01012345678")),
            ("010-1234-5678", Some("01012345678")),
            ("010.1234.5678", Some("01012345678")),
            ("010 1234 5678", Some("01012345678")),
            ("(02) 123-4567", Some("021234567")),
            ("+82 10-1234-5678", Some("01012345678")),
            ("+821012345678", Some("01012345678")),
            ("+82 (0)10 1234 5678", Some("01012345678")),
            ("\u{202a}+82 10–1234–5678\u{202c}", Some("01012345678")),
            ("+1 (415) 555-0100", Some("14155550100")),
            ("82-10-1234-5678", Some("01012345678")),
            ("0082 10 1234 5678", Some("01012345678")),
            ("82 (0)10 1234 5678", Some("01012345678")),
            ("82-2-123-4567", Some("021234567")),
            ("\u{ff0b}82 10\u{ff0d}1234\u{ff0d}5678", Some("01012345678")),
            ("\u{ff10}\u{ff11}\u{ff10}-1234-5678", Some("01012345678")),
            ("010/1234/5678", Some("01012345678")),
            ("010~1234~5678", Some("01012345678")),
            ("1588-1234", Some("15881234")),
            // No number of Korea: what follows is too long or too short for one.
            ("+82", None),
            ("8212-3456", Some("82123456")),
            ("82 123 456 789 012", Some("82123456789012")),
            // A range, and two numbers.
            ("02-123-4567~8", None),
            ("02-123-4567/4568", None),
            ("02-123-4567/8/9", None),
            ("010+12345678", None),
            ("010-1234", None),
            ("전화 없음", None),
            ("+", None),
        ] {
            assert_eq!(phone("phone", &text(written)).ok().as_deref(), digits, "{written}");
        }
    }

    #[test]
    fn display_texts_lose_what_nobody_sees() {
        for (written, expected) in [
            ("도서\n1권", Some("도서 1권")),
            ("홍\u{200b}길동", Some("홍길동")),
            ("👨\u{200d}👩\u{200d}👧 세트", Some("👨\u{200d}👩\u{200d}👧 세트")),
            ("\u{200b}", None),
            ("가가가가가가가가가가가", None),
        ] {
            assert_eq!(
                display_text("order_name", &text(written), 10).ok().as_deref(),
                expected,
                "{written:?}"
            );
        }
        assert_eq!(shown("customer.name", &text(" \n"), 10).unwrap(), None);
        assert!(short_id("customer.id", text("a\u{200b}"), 64).is_err(), "an id is not mended");
        assert_eq!(email("customer.email", &text(" a@b.kr\u{feff}")).unwrap(), "a@b.kr");
    }

    #[test]
    fn empty_text_of_an_optional_field_is_absent() {
        for (value, expected) in [
            (None, None),
            (Some(json!("")), None),
            (Some(json!("  ")), None),
            (Some(json!("a")), Some(text("a"))),
        ] {
            assert_eq!(absent_if_empty::<Text>(value).ok(), Some(expected));
        }
        assert!(absent_if_empty::<Text>(Some(json!(1))).is_err());
    }
}
