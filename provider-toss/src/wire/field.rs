//! One field of an answer. What cannot be read is named, and does not take the rest of the answer with it.

use paymux_core::model::{Currency, Money};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::decimal::Decimal;
use crate::unreadable::Unreadable;

/// One field of an answer. Every key may be missing or null, whatever the documentation says.
#[derive(Clone, Debug, Default)]
pub(crate) enum Field<T> {
    /// Not there, or null.
    #[default]
    Missing,
    /// Not of the documented type.
    OtherType,
    Value(T),
}

impl<T> Field<T> {
    /// What must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&T, Unreadable> {
        self.optional(name)?.ok_or(Unreadable::missing(name))
    }

    /// What may be absent, and is read if it is there.
    pub(super) fn optional(&self, name: &'static str) -> Result<Option<&T>, Unreadable> {
        match self {
            Self::Missing => Ok(None),
            Self::OtherType => Err(Unreadable::field(name, "is of another type")),
            Self::Value(value) => Ok(Some(value)),
        }
    }

    /// What is only shown: left out if it is not as documented.
    pub(super) fn shown(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::OtherType => None,
        }
    }
}

impl Field<String> {
    /// A text that is only shown. Toss also writes "none" as an empty one.
    pub(super) fn text(&self) -> Option<String> {
        self.shown().filter(|text| !text.is_empty()).cloned()
    }

    /// The currency, missing in versions before foreign payments: won (Toss docs, release note of 1.4).
    pub(super) fn currency(&self, name: &'static str) -> Result<Currency, Unreadable> {
        let code = self.optional(name)?.map_or("KRW", String::as_str);
        Currency::from_code(code).ok_or(Unreadable::field(name, "is not one we keep books in"))
    }
}

impl Field<Decimal> {
    /// An amount that must be there.
    pub(super) fn money(&self, name: &'static str, currency: Currency) -> Result<Money, Unreadable> {
        self.required(name)?.money(currency, name)
    }

    /// An amount that is nothing if it is absent.
    pub(super) fn money_or_none(&self, name: &'static str, currency: Currency) -> Result<Money, Unreadable> {
        self.optional(name)?.map_or(Ok(Money::zero(currency)), |amount| amount.money(currency, name))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get() == "null" {
            return Ok(Self::Missing);
        }
        Ok(serde_json::from_str(raw.get()).map_or(Self::OtherType, Self::Value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        amount: Field<Decimal>,
        text: Field<String>,
    }

    fn read(json: &str) -> Answer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn unreadable_field_is_named_and_not_quoted() {
        let said = |json: &str| {
            let answer = read(json);
            let errors = [
                answer.amount.money("amount", Currency::Krw).unwrap_err(),
                answer.text.required("text").unwrap_err(),
            ];
            errors.map(|error| error.to_string())
        };
        for (json, amount, text) in [
            ("{}", "is missing", "is missing"),
            (r#"{"amount": null, "text": null}"#, "is missing", "is missing"),
            (r#"{"amount": "canary", "text": 7}"#, "is not an amount of its currency", "is of another type"),
            (r#"{"amount": 0.5, "text": {}}"#, "is not an amount of its currency", "is of another type"),
        ] {
            let expected = [format!("the answer's amount {amount}"), format!("the answer's text {text}")];
            assert_eq!(said(json), expected, "{json}");
        }
    }

    #[test]
    fn shown_field_of_another_type_is_left_out() {
        for (json, text) in [
            (r#"{"text": "신한"}"#, Some("신한")),
            (r#"{"text": ""}"#, None),
            (r#"{"text": ["신한"]}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(json).text.text().as_deref(), text, "{json}");
        }
    }

    #[test]
    fn missing_currency_is_won_and_an_unknown_one_an_error() {
        for (json, currency) in [
            ("{}", Some(Currency::Krw)),
            (r#"{"text": "USD"}"#, Some(Currency::Usd)),
            (r#"{"text": "MUSD"}"#, None),
            (r#"{"text": 7}"#, None),
        ] {
            assert_eq!(read(json).text.currency("currency").ok(), currency, "{json}");
        }
    }

    #[test]
    fn absent_amount_is_nothing_where_that_is_allowed() {
        let amount = |json: &str| read(json).amount.money_or_none("amount", Currency::Krw).ok();
        assert_eq!(amount("{}"), Some(Money::krw(0)));
        assert_eq!(amount(r#"{"amount": 700}"#), Some(Money::krw(700)));
        assert_eq!(amount(r#"{"amount": -700}"#), None);
    }
}
