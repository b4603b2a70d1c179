//! Amounts: JSON numbers in the major unit, `10000`, `10000.0`, `181.56`, `1.0E7`. Never a float here.

use paymux_core::model::{Currency, Money};
use serde_json::{Number, value::RawValue};

/// More digits than any amount has.
const LONGEST: usize = 40;

/// Reads an amount exactly, from the number's own text; `None` if it is no amount of this currency.
pub(crate) fn read_amount(number: &RawValue, currency: Currency) -> Option<Money> {
    Money::from_major(&plain_decimal(number.get())?, currency).ok()
}

/// The amount as a JSON number in the major unit, if one can write it exactly.
pub(crate) fn major_number(money: Money) -> Option<Number> {
    let text = money.to_major();
    let number: Number = text.parse().ok()?;
    let back = plain_decimal(&number.to_string())?;
    (Money::from_major(&back, money.currency()) == Ok(money)).then_some(number)
}

/// A JSON number without its exponent: `1.0E7` is `10000000`.
fn plain_decimal(text: &str) -> Option<String> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Some(text.to_owned());
    };
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if digits.len() > LONGEST || point.unsigned_abs() > 40 {
        return None;
    }
    let places = usize::try_from(point).unwrap_or(0);
    if places >= digits.len() {
        return Some(format!("{digits:0<places$}"));
    }
    let missing = usize::try_from(point.checked_neg()?).unwrap_or(0);
    let (before, after) = digits.split_at(places);
    let before = if before.is_empty() { "0" } else { before };
    Some(format!("{before}.{}{after}", "0".repeat(missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, currency, amount) in [
            ("10000", Currency::Krw, Some(10_000)),
            ("10000.0", Currency::Krw, Some(10_000)),
            ("1.0E7", Currency::Krw, Some(10_000_000)),
            ("1.2345678e7", Currency::Krw, Some(12_345_678)),
            ("12e+2", Currency::Krw, Some(1_200)),
            ("9007199254740991", Currency::Krw, Some(9_007_199_254_740_991)),
            ("9007199254740991.4", Currency::Krw, None),
            ("9007199254740992", Currency::Krw, None),
            ("1e300", Currency::Krw, None),
            ("1e999999999999", Currency::Krw, None),
            ("-100", Currency::Krw, None),
            ("100.5", Currency::Krw, None),
            ("\"100\"", Currency::Krw, None),
            ("null", Currency::Krw, None),
            ("90071992547409.91", Currency::Usd, Some(9_007_199_254_740_991)),
            ("181.56", Currency::Usd, Some(18_156)),
            ("5e-1", Currency::Usd, Some(50)),
            ("5E-2", Currency::Usd, Some(5)),
            ("5E-3", Currency::Usd, None),
        ] {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            assert_eq!(read_amount(&raw, currency).map(Money::amount), amount, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn amounts_are_written_exactly_or_not_at_all(amount in 0..=paymux_core::model::MAX_AMOUNT, which in 0..3_usize) {
            let money = Money::new(amount, Currency::ALL[which]).unwrap();
            if let Some(number) = major_number(money) {
                let raw = RawValue::from_string(number.to_string()).unwrap();
                assert_eq!(read_amount(&raw, money.currency()), Some(money));
            } else {
                assert_eq!(money.currency(), Currency::Usd);
                assert!(amount > 1_000_000_000_000_000);
            }
        }
    }
}
