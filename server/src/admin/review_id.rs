//! The name of a review in the API: its payment's and its number, `pay_….1`.

use std::{fmt, str::FromStr};

use paymux_core::model::PaymentId;

/// The name of a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReviewId {
    /// The payment it is about.
    pub(crate) payment: PaymentId,
    /// Counted from 1 within the payment.
    pub(crate) number: u16,
}

impl fmt::Display for ReviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.payment, self.number)
    }
}

/// The text is no review's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoReviewId;

impl FromStr for ReviewId {
    type Err = NoReviewId;

    fn from_str(text: &str) -> Result<Self, NoReviewId> {
        let (payment, number) = text.split_once('.').ok_or(NoReviewId)?;
        let id = Self {
            payment: payment.parse().map_err(|_| NoReviewId)?,
            number: number.parse().map_err(|_| NoReviewId)?,
        };
        // One name for one review: not `+1`, not `01`.
        if id.number > 0 && id.to_string() == text { Ok(id) } else { Err(NoReviewId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT: &str = "pay_06gzvtcprxw63b4hssbask691c";

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for number in [1, 2, 65_535] {
            let text = format!("{PAYMENT}.{number}");
            let id: ReviewId = text.parse().unwrap();
            assert_eq!((id.payment.as_str(), id.number), (PAYMENT, number));
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for number in ["", ".", ".0", ".01", ".+1", ".-1", ".65536", ".1.1", ".x", ". 1", ".١"] {
            assert_eq!(format!("{PAYMENT}{number}").parse::<ReviewId>(), Err(NoReviewId), "{number}");
        }
        for text in ["", "1", "pay_1.1", "can_06gzvtcprxw63b4hssbask691c.1"] {
            assert_eq!(text.parse::<ReviewId>(), Err(NoReviewId), "{text}");
        }
    }
}
