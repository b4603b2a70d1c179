//! What Toss Payments offers and how it behaves, in our words.

use std::time::Duration;

use paymux_core::{
    model::{Currency, Method, Money, MoneyMoves},
    provider::{Guard, Guards, MethodTerms, ProviderDescription},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::config::{Checkout, KeyPair, TossConfig};

/// Nothing is taken before the confirm, which Toss accepts for ten minutes after the buyer authenticated (Toss docs,
/// reference: 결제 승인).
pub(crate) const MONEY_MOVES: MoneyMoves = MoneyMoves::OnConfirm { within: Duration::from_secs(10 * 60) };

/// Toss answers the same idempotency key with the first outcome for 15 days. The secret key is part of its scope: under
/// a re-issued one the same key is a new request (Toss docs, reference/using-api/authorization).
const KEY: Guard = Guard::Key { within: Duration::from_secs(15 * 24 * 60 * 60), per_credential: true };

/// The version the requests are written for. Answers of 1.3 to 2024-06-01 are read.
const API_VERSION: &str = "2022-11-16";

/// Hexadecimal digits kept of a digest: enough to see a rotation, too few to say more.
const CREDENTIAL_DIGITS: usize = 16;

pub(crate) fn describe(config: &TossConfig, keys: KeyPair) -> ProviderDescription {
    let mut toss = ProviderDescription::new("toss", keys.mode, config.client_key.as_str());
    toss.credential = digest(config.secret_key.expose_secret());
    toss.api_version = API_VERSION.to_owned();
    toss.methods = config.methods.iter().map(|method| terms(*method, &config.card_currencies)).collect();
    toss.guards = guards(config.checkout);
    toss.cancels_by_order = false;
    toss.shows_whole_orders = false;
    toss.requests_per_window = match config.checkout {
        Checkout::Sdk => 0,
        Checkout::Server => 1,
    };
    toss.read_timeout = config.read_timeout();
    // Toss reads the status only (Toss docs, guides/v2/webhook).
    toss.webhook_reply = "";
    toss
}

/// What Toss refuses to do twice.
fn guards(checkout: Checkout) -> Guards {
    Guards {
        window: match checkout {
            Checkout::Sdk => Vec::new(),
            Checkout::Server => vec![KEY],
        },
        // `ALREADY_PROCESSED_PAYMENT`.
        confirm: vec![KEY, Guard::Charge],
        // `refundableAmount`: `NOT_MATCHES_REFUNDABLE_AMOUNT`, and nothing happens.
        cancel_all: vec![KEY, Guard::Balance],
        cancel_part: vec![KEY, Guard::Balance],
        // `ALREADY_CANCELED_PAYMENT`.
        close: vec![KEY, Guard::Charge],
    }
}

/// The limits Toss states: cards from ₩100, accounts from ₩200, transfers to ₩10,000,000, phones to
/// ₩1,000,000 (Toss docs, reference/error-codes). For foreign currencies it states none.
fn terms(method: Method, card_currencies: &[Currency]) -> MethodTerms {
    let won = |minimum| vec![Money::krw(minimum)];
    let (minimums, maximum) = match method {
        Method::Card => (card_currencies.iter().filter_map(|currency| least(*currency)).collect(), None),
        Method::EasyPay => (won(100), None),
        Method::Transfer => (won(200), Some(Money::krw(10_000_000))),
        Method::VirtualAccount => (won(200), None),
        Method::MobilePhone => (won(100), Some(Money::krw(1_000_000))),
    };
    let mut terms = MethodTerms::new(method);
    (terms.minimums, terms.maximum) = (minimums, maximum);
    terms
}

fn least(currency: Currency) -> Option<Money> {
    let amount = if currency == Currency::Krw { 100 } else { 1 };
    Money::new(amount, currency).ok()
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret)).chars().take(CREDENTIAL_DIGITS).collect()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use paymux_core::model::Mode;

    use super::*;

    fn description(secret: &str) -> ProviderDescription {
        let config = TossConfig::new("test_ck_a", secret);
        let keys = config.key_pair().unwrap();
        describe(&config, keys)
    }

    #[test]
    fn credential_changes_with_the_key_and_tells_nothing_of_it() {
        let (first, second) = (description("test_sk_one"), description("test_sk_two"));
        assert_ne!(first.credential, second.credential);
        assert_eq!(first.credential, description("test_sk_one").credential);
        assert_eq!(first.credential.len(), CREDENTIAL_DIGITS);
        assert!(!format!("{first:?}").contains("test_sk_"));
        assert_eq!((first.kind, first.mode, first.pg_merchant.as_str()), ("toss", Mode::Test, "test_ck_a"));
    }

    #[test]
    fn only_won_is_offered_unless_the_contract_says_more() {
        let mut config = TossConfig::new("test_ck_a", "test_sk_b");
        let keys = config.key_pair().unwrap();
        for method in Method::ALL {
            let description = describe(&config, keys);
            let terms = description.method(method).unwrap();
            assert_eq!(terms.minimum(Currency::Usd), None, "{method:?}");
            assert!(terms.minimum(Currency::Krw).is_some(), "{method:?}");
            assert_eq!(terms.refund_needs_account, method == Method::VirtualAccount);
        }
        config.card_currencies.push(Currency::Usd);
        let description = describe(&config, keys);
        assert!(description.method(Method::Card).unwrap().minimum(Currency::Usd).is_some());
        assert!(description.method(Method::Transfer).unwrap().minimum(Currency::Usd).is_none());
    }
}
