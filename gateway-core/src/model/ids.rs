//! The names of merchants, accounts, orders, payments, attempts, cancels and events.

use std::{
    fmt,
    sync::{LazyLock, Mutex},
};

use data_encoding::{Encoding, Specification};
use jiff::Timestamp;
use rand::{RngCore, SeedableRng, rngs::StdRng};

use crate::model::text::{is_printable, text_type};

text_type! {
    /// A merchant of this gateway, as its configuration names it.
    MerchantId, "a lower-case letter, then lower-case letters, digits and underscores, at most 40", is_word
}

text_type! {
    /// A configured account at a PG. It belongs to one merchant; a payment is bound to one for life.
    AccountId, "a lower-case letter, then lower-case letters, digits and underscores, at most 40", is_word
}

text_type! {
    /// The merchant's own name for an order.
    ///
    /// What a PG sees is a [`PgOrderId`] of ours, never this.
    ///
    /// ```
    /// use paymux_core::model::OrderId;
    ///
    /// let order: OrderId = "주문 2026-11-21 #3".parse()?;
    /// assert_eq!(order.as_str(), "주문 2026-11-21 #3");
    ///
    /// // The error states the rule and never quotes what was sent.
    /// let refused = "a line\nbreak".parse::<OrderId>();
    /// assert_eq!(refused.map_err(|error| error.to_string()), Err("must be 1 to 64 printable characters".to_owned()));
    /// assert!("가".repeat(65).parse::<OrderId>().is_err());
    /// # Ok::<(), paymux_core::model::InvalidText>(())
    /// ```
    OrderId, "1 to 64 printable characters", |text| is_printable(text, 64)
}

text_type! {
    /// The PG's own name for a payment: Toss `paymentKey`, PortOne `imp_uid`.
    ///
    /// A *claim* while it only came from a browser; one payment accepts it, unique per account from then on.
    PgPaymentId, "1 to 200 letters, digits and `-_=.+/`", |text| {
        (1..=200).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.+/".contains(&b))
    }
}

text_type! {
    /// A payment, named by us: `pay_` and a UUIDv7 in base32. Never sent to a PG as an order id.
    PaymentId, "`pay_` and 26 base32 characters", |text| is_tagged(text, "pay_")
}

text_type! {
    /// A charge, named by us: `chg_` and a UUIDv7 in base32. Never a count: a restored database would use it again.
    ChargeId, "`chg_` and 26 base32 characters", |text| is_tagged(text, "chg_")
}

text_type! {
    /// A cancel, named by us: `can_` and a UUIDv7 in base32. It travels to the PG in the reason.
    CancelId, "`can_` and 26 base32 characters", |text| is_tagged(text, "can_")
}

text_type! {
    /// An event, named by us: `evt_` and a UUIDv7 in base32.
    EventId, "`evt_` and 26 base32 characters", |text| is_tagged(text, "evt_")
}

text_type! {
    /// A received webhook, named by us: `whr_` and a UUIDv7 in base32.
    WebhookId, "`whr_` and 26 base32 characters", |text| is_tagged(text, "whr_")
}

text_type! {
    /// What a PG sees as the order id of one attempt: `pay`, the payment's 26 characters, and two for the attempt.
    ///
    /// `[a-z0-9]{31}` satisfies the rule of every PG (Toss 6 to 64; PortOne V1 `merchant_uid` up to
    /// 40, smartro letters and digits only).
    PgOrderId, "31 lower-case letters and digits", |text| {
        text.len() == 31 && text.starts_with("pay") && text.bytes().all(is_base32)
    }
}

impl PgOrderId {
    /// The order id of the `number`th attempt, counted from 1, at a payment. `None` above [`Self::MOST`].
    ///
    /// ```
    /// use jiff::Timestamp;
    /// use paymux_core::model::{IdSource, PgOrderId};
    ///
    /// let payment = IdSource::random().payment(Timestamp::now());
    /// let (first, second) = (PgOrderId::of(&payment, 1), PgOrderId::of(&payment, 2));
    /// assert_ne!(first, second, "a buyer who tries again gets an order id of its own at the PG");
    /// assert_eq!(first, PgOrderId::of(&payment, 1));
    /// assert_eq!(PgOrderId::of(&payment, PgOrderId::MOST + 1), None);
    /// ```
    #[must_use]
    pub fn of(payment: &PaymentId, number: u16) -> Option<Self> {
        // Two base32 characters hold no more. A number beyond them would be the order id of another attempt.
        if number > Self::MOST {
            return None;
        }
        let digit = |n: u16| char::from(SYMBOLS[usize::from(n % 32)]);
        let unique = payment.as_str().strip_prefix("pay_")?;
        Some(Self(format!("pay{unique}{}{}", digit(number / 32), digit(number))))
    }

    /// The most attempts one payment can have.
    pub const MOST: u16 = 32 * 32 - 1;
}

impl CancelId {
    /// The cancel id that stands in a text, if one does: how a cancel is found again in
    /// the reasons a PG echoes.
    ///
    /// ```
    /// use jiff::Timestamp;
    /// use paymux_core::model::{CancelId, IdSource};
    ///
    /// let id = IdSource::random().cancel(Timestamp::now());
    /// assert_eq!(CancelId::find_in(&format!("[{id}] sold out")), Some(id));
    /// assert_eq!(CancelId::find_in("sold out"), None);
    /// ```
    #[must_use]
    pub fn find_in(text: &str) -> Option<Self> {
        // At every place: the merchant's own words stand in the same text. And without slicing, because a PG
        // may have cut it within a character.
        text.match_indices("can_").find_map(|(at, _)| text.get(at..at + TAGGED_LENGTH)?.parse().ok())
    }
}

const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TAGGED_LENGTH: usize = 30;

/// Crockford's base32 in lower case: sorts as the bytes do, and no letter looks like a digit.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    specification.encoding().expect("32 different symbols are an encoding")
});

fn is_base32(byte: u8) -> bool {
    SYMBOLS.contains(&byte)
}

fn is_tagged(text: &str, tag: &str) -> bool {
    text.len() == TAGGED_LENGTH
        // Decoded as well: 26 characters that are no base32 were never made here.
        && text.strip_prefix(tag).is_some_and(|unique| BASE32.decode(unique.as_bytes()).is_ok())
}

fn is_word(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Makes new ids, and the other randomness the core needs.
///
/// ```
/// use jiff::Timestamp;
/// use paymux_core::model::IdSource;
///
/// let now = Timestamp::UNIX_EPOCH;
/// assert_eq!(IdSource::seeded(7).payment(now), IdSource::seeded(7).payment(now));
/// assert_ne!(IdSource::random().payment(now), IdSource::random().payment(now));
/// // They sort by the time at which they were made.
/// let (ids, later) = (IdSource::seeded(7), "2026-11-21T00:00:00Z".parse()?);
/// assert!(ids.event(now) < ids.event(later));
/// # Ok::<(), jiff::Error>(())
/// ```
pub struct IdSource(Mutex<StdRng>);

impl IdSource {
    /// Ids from the operating system's randomness.
    #[must_use]
    pub fn random() -> Self {
        Self(Mutex::new(StdRng::from_os_rng()))
    }

    /// The same ids in every run, for tests that must repeat.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        // A simulation that fails is repeated from its seed, ids and jitter included.
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A new payment id.
    #[must_use]
    pub fn payment(&self, now: Timestamp) -> PaymentId {
        PaymentId(self.tagged("pay_", now))
    }

    /// A new charge id.
    #[must_use]
    pub fn charge(&self, now: Timestamp) -> ChargeId {
        ChargeId(self.tagged("chg_", now))
    }

    /// A new cancel id.
    #[must_use]
    pub fn cancel(&self, now: Timestamp) -> CancelId {
        CancelId(self.tagged("can_", now))
    }

    /// A new event id.
    #[must_use]
    pub fn event(&self, now: Timestamp) -> EventId {
        EventId(self.tagged("evt_", now))
    }

    /// A new id for a received webhook.
    #[must_use]
    pub fn webhook(&self, now: Timestamp) -> WebhookId {
        WebhookId(self.tagged("whr_", now))
    }

    /// A number below `bound`, for jitter. 0 if the bound is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.rng().next_u64().checked_rem(bound).unwrap_or(0)
    }

    fn tagged(&self, tag: &str, now: Timestamp) -> String {
        let mut random = [0; 10];
        self.rng().fill_bytes(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        // The time comes first, so that ids sort by age.
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        format!("{tag}{}", BASE32.encode(id.as_bytes()))
    }

    fn rng(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSource")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment() -> PaymentId {
        IdSource::seeded(7).payment(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_attempt_has_an_order_id_every_pg_accepts() {
        let first = PgOrderId::of(&payment(), 1).unwrap();
        assert_eq!(first.as_str().len(), 31);
        assert!(first.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_eq!(first.as_str().parse(), Ok(first.clone()));
        assert_eq!(&first.as_str()[3..29], &payment().as_str()[4..]);
    }

    #[test]
    fn every_attempt_has_its_own_order_id_until_they_run_out() {
        let all: std::collections::HashSet<_> =
            (0..=PgOrderId::MOST).map(|n| PgOrderId::of(&payment(), n).unwrap()).collect();
        assert_eq!(all.len(), 1024);
        assert_eq!(PgOrderId::of(&payment(), PgOrderId::MOST + 1), None);
    }

    #[test]
    fn a_cancel_id_is_found_in_the_reason_a_pg_echoes() {
        let id = IdSource::seeded(7).cancel(Timestamp::UNIX_EPOCH);
        for text in [format!("부분 품절 [{id}]"), format!("{id}"), format!("can_ can_x {id} can_")] {
            assert_eq!(CancelId::find_in(&text), Some(id.clone()), "{text}");
        }
        for text in ["", "고객 변심", "can_", "can_한글한글한글한글한글한글"] {
            assert_eq!(CancelId::find_in(text), None, "{text}");
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids = IdSource::seeded(1);
        let early = ids.payment(Timestamp::from_second(1_700_000_000).unwrap());
        let late = ids.payment(Timestamp::from_second(1_700_000_001).unwrap());
        assert!(early < late);
    }

    #[test]
    fn order_ids_are_texts_a_person_can_read() {
        for good in ["1", "주문 2026-11-21 #3", &"가".repeat(64)] {
            assert!(good.parse::<OrderId>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a\nb", "a\u{7}", "\u{202e}abc", &"가".repeat(65)] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_accounts_are_words() {
        for (text, good) in [
            ("toss", true),
            ("toss_2", true),
            ("", false),
            ("2toss", false),
            ("Toss", false),
            ("to-ss", false),
        ] {
            assert_eq!(text.parse::<AccountId>().is_ok(), good, "{text:?}");
        }
    }
}
