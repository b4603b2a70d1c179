//! Amounts as Toss writes them, kept as text: no amount passes through a float.

use paymux_core::model::{Currency, Money};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::unreadable::Unreadable;

/// A JSON number (`27500`, `27500.0`, `181.56`) or the same in quotes, in the major unit.
#[derive(Clone, Debug)]
pub(crate) struct Decimal(String);

impl Decimal {
    /// The amount in `currency`; `name` is its field's, for the error.
    pub(crate) fn money(&self, currency: Currency, name: &'static str) -> Result<Money, Unreadable> {
        Money::from_major(&self.0, currency)
            .map_err(|_| Unreadable::field(name, "is not an amount of its currency"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Ok(Self(bare.unwrap_or(text).to_owned()))
    }
}

/// Money as Toss reads it: an integer for KRW and JPY, a decimal for USD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Major(pub(crate) Money);

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_major()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_is_read_from_the_digits_that_were_sent() {
        for (json, currency, amount) in [
            ("27500", Currency::Krw, Some(27_500)),
            ("27500.0", Currency::Krw, Some(27_500)),
            (r#""27500""#, Currency::Krw, Some(27_500)),
            ("181.56", Currency::Usd, Some(18_156)),
            // A double has no such number.
            ("90071992547409.91", Currency::Usd, Some(9_007_199_254_740_991)),
            ("27500.5", Currency::Krw, None),
            ("-1", Currency::Krw, None),
            ("1e4", Currency::Krw, None),
            (r#""""#, Currency::Krw, None),
            ("{}", Currency::Krw, None),
        ] {
            let decimal: Decimal = serde_json::from_str(json).unwrap();
            assert_eq!(decimal.money(currency, "amount").ok().map(Money::amount), amount, "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn sent_amount_reads_back(amount in 0..=paymux_core::model::MAX_AMOUNT, which in 0..3_usize) {
            let money = Money::new(amount, Currency::ALL[which]).unwrap();
            let json = serde_json::to_string(&Major(money)).unwrap();
            proptest::prop_assert!(json.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            let decimal: Decimal = serde_json::from_str(&json).unwrap();
            proptest::prop_assert_eq!(decimal.money(money.currency(), "amount").unwrap(), money);
        }
    }
}
