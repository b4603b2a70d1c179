//! Amounts of money and their currencies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest amount accepted: 2⁵³ − 1, the last integer that every JSON reader keeps exact.
// A larger one would be another amount after a merchant's JavaScript had read it.
pub const MAX_AMOUNT: u64 = (1 << 53) - 1;

/// A currency that Paymux can keep books in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// South Korean won: no minor unit.
    Krw,
    /// United States dollar: cents.
    Usd,
    /// Japanese yen: no minor unit.
    Jpy,
}

impl Currency {
    /// Every currency, in the order of this enum.
    pub const ALL: [Self; 3] = [Self::Krw, Self::Usd, Self::Jpy];

    /// The ISO 4217 code: `KRW`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }

    /// How many decimals the major unit has (ISO 4217).
    #[must_use]
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Krw | Self::Jpy => 0,
            Self::Usd => 2,
        }
    }

    /// The currency with this ISO 4217 code, written in capitals.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money, in the minor unit of its currency.
///
/// KRW has no minor unit, so `Money::krw(1_000)` is ₩1,000. Never negative:
/// a cancellation is its own positive amount, not a negative payment. The
/// checked methods are the only arithmetic.
///
/// ```
/// use paymux_core::model::{Currency, Money, MoneyError};
///
/// let (price, refund) = (Money::krw(12_000), Money::krw(2_000));
/// assert_eq!(price.checked_sub(refund), Ok(Money::krw(10_000)));
/// assert_eq!(refund.checked_sub(price), Err(MoneyError::Insufficient));
///
/// // 1,815 cents. Amounts of two currencies never meet.
/// let dollars = Money::new(1_815, Currency::Usd)?;
/// assert_eq!(price.checked_add(dollars), Err(MoneyError::CurrencyMismatch));
/// assert_eq!((price.to_string(), dollars.to_string()), ("12000 KRW".to_owned(), "18.15 USD".to_owned()));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: u64,
    currency: Currency,
}

impl Money {
    /// An amount in the minor unit of `currency`.
    ///
    /// # Errors
    ///
    /// [`MoneyError::TooLarge`] above [`MAX_AMOUNT`].
    pub const fn new(amount: u64, currency: Currency) -> Result<Self, MoneyError> {
        if amount > MAX_AMOUNT {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self { amount, currency })
    }

    /// South Korean won. Above [`MAX_AMOUNT`] it stays at [`MAX_AMOUNT`].
    #[must_use]
    pub const fn krw(amount: u64) -> Self {
        let amount = if amount > MAX_AMOUNT { MAX_AMOUNT } else { amount };
        Self { amount, currency: Currency::Krw }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn amount(self) -> u64 {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// Both together.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] if the currencies differ;
    /// [`MoneyError::TooLarge`] above [`MAX_AMOUNT`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge)?;
        Self::new(amount, self.currency)
    }

    /// What is left after `other` is taken away.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] if the currencies differ;
    /// [`MoneyError::Insufficient`] if `other` is the larger.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let amount = self.amount.checked_sub(other.amount).ok_or(MoneyError::Insufficient)?;
        Self::new(amount, self.currency)
    }

    /// What is left after `other` is taken away; nothing when `other` is the larger
    /// or of another currency.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::zero(self.currency))
    }

    /// The amount in the major unit, as a decimal: `"27500"` for KRW, `"181.56"` for USD.
    #[must_use]
    pub fn to_major(self) -> String {
        let exponent = self.currency.exponent();
        if exponent == 0 {
            return self.amount.to_string();
        }
        let scale = 10_u64.pow(exponent);
        let width = usize::try_from(exponent).unwrap_or(0);
        format!("{}.{:0width$}", self.amount / scale, self.amount % scale)
    }

    /// Reads a non-negative decimal in the major unit: `"27500"`, `"27500.0"`, `"181.56"`.
    ///
    /// PGs write amounts so, KRW sometimes with a useless fraction. Nothing is rounded.
    ///
    /// ```
    /// use paymux_core::model::{Currency, Money, MoneyError};
    ///
    /// assert_eq!(Money::from_major("27500.0", Currency::Krw), Ok(Money::krw(27_500)));
    /// assert_eq!(Money::from_major("181.5", Currency::Usd), Money::new(18_150, Currency::Usd));
    /// for wrong in ["27500.5", "1e3", "-1", "1,000", ""] {
    ///     assert_eq!(Money::from_major(wrong, Currency::Krw), Err(MoneyError::NotAnAmount));
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`MoneyError::NotAnAmount`] if it is no plain decimal or is finer than the minor
    /// unit; [`MoneyError::TooLarge`] above [`MAX_AMOUNT`].
    pub fn from_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
            return Err(MoneyError::NotAnAmount);
        }
        let exponent = usize::try_from(currency.exponent()).unwrap_or(0);
        let fraction = fraction.trim_end_matches('0');
        // What is finer than the minor unit is refused and not rounded: a rounded amount would match an order
        // that it does not pay.
        if fraction.len() > exponent {
            return Err(MoneyError::NotAnAmount);
        }
        // By digits, without a float on the way: 181.56 has none that is exact.
        let amount = format!("{whole}{fraction:0<exponent$}").parse();
        Self::new(amount.map_err(|_| MoneyError::TooLarge)?, currency)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

/// Why an amount could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Two currencies met.
    #[error("the currencies differ")]
    CurrencyMismatch,
    /// More was taken than there is.
    #[error("there is less money than that")]
    Insufficient,
    /// Not a plain decimal, or finer than the minor unit.
    #[error("this is not an amount of this currency")]
    NotAnAmount,
    /// Above [`MAX_AMOUNT`].
    #[error("the amount is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_the_major_unit_are_read_exactly() {
        for (text, currency, amount) in [
            ("27500", Currency::Krw, Ok(27_500)),
            ("27500.0", Currency::Krw, Ok(27_500)),
            ("27500.00", Currency::Krw, Ok(27_500)),
            ("0", Currency::Krw, Ok(0)),
            ("181.56", Currency::Usd, Ok(18_156)),
            ("181.5", Currency::Usd, Ok(18_150)),
            ("181", Currency::Usd, Ok(18_100)),
            ("9007199254740991", Currency::Krw, Ok(MAX_AMOUNT)),
            ("9007199254740992", Currency::Krw, Err(MoneyError::TooLarge)),
            ("99999999999999999999999", Currency::Krw, Err(MoneyError::TooLarge)),
            ("27500.5", Currency::Krw, Err(MoneyError::NotAnAmount)),
            ("181.567", Currency::Usd, Err(MoneyError::NotAnAmount)),
            ("-1", Currency::Krw, Err(MoneyError::NotAnAmount)),
            ("+1", Currency::Krw, Err(MoneyError::NotAnAmount)),
            ("1e3", Currency::Krw, Err(MoneyError::NotAnAmount)),
            ("1.", Currency::Krw, Err(MoneyError::NotAnAmount)),
            (".5", Currency::Usd, Err(MoneyError::NotAnAmount)),
            ("", Currency::Krw, Err(MoneyError::NotAnAmount)),
        ] {
            assert_eq!(Money::from_major(text, currency).map(Money::amount), amount, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_in_the_major_unit_reads_back(amount in 0..=MAX_AMOUNT, which in 0..3_usize) {
            let money = Money::new(amount, Currency::ALL[which]).unwrap();
            assert_eq!(Money::from_major(&money.to_major(), money.currency()), Ok(money));
        }

        #[test]
        fn taking_away_undoes_adding(a in 0..=MAX_AMOUNT / 2, b in 0..=MAX_AMOUNT / 2) {
            let (a, b) = (Money::krw(a), Money::krw(b));
            assert_eq!(a.checked_add(b).unwrap().checked_sub(b), Ok(a));
        }
    }

    #[test]
    fn currencies_never_mix() {
        let dollars = Money::new(1, Currency::Usd).unwrap();
        assert_eq!(Money::krw(1).checked_add(dollars), Err(MoneyError::CurrencyMismatch));
        assert_eq!(Money::krw(1).checked_sub(dollars), Err(MoneyError::CurrencyMismatch));
    }
}
