//! What Toss Payments offers and how it behaves, in our words.

use std::time::Duration;

use gateway_core::{Currency, Method, MethodTerms, Money, MoneyMoves, ProviderDescription};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::config::{KeyPair, TossConfig};

/// From the buyer's authentication to the confirm (Toss docs, reference: 결제 승인).
const CONFIRM_WITHIN: Duration = Duration::from_secs(10 * 60);

/// How long Toss keeps the outcome under an idempotency key (Toss docs, reference/using-api/authorization).
const REPEAT_SAFE_FOR: Duration = Duration::from_secs(15 * 24 * 60 * 60);

/// The version the requests are written for. Answers of 1.3 to 2024-06-01 are read.
const API_VERSION: &str = "2022-11-16";

/// Hexadecimal digits kept of a digest: enough to see a rotation, too few to say more.
const CREDENTIAL_DIGITS: usize = 16;

pub(crate) fn describe(config: &TossConfig, keys: KeyPair) -> ProviderDescription {
    ProviderDescription {
        kind: "toss",
        mode: keys.mode,
        pg_merchant: config.client_key.clone(),
        credential: digest(config.secret_key.expose_secret()),
        methods: config.methods.iter().map(|method| terms(*method, &config.card_currencies)).collect(),
        money_moves: MoneyMoves::OnConfirm { within: CONFIRM_WITHIN },
        repeat_safe_for: Some(REPEAT_SAFE_FOR),
        read_timeout: config.read_timeout(),
        closes_accounts: true,
        api_version: API_VERSION.to_owned(),
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
    MethodTerms { method, minimums, maximum, refund_needs_account: method == Method::VirtualAccount }
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
    use gateway_core::Mode;

    use super::*;

    fn description(secret: &str) -> ProviderDescription {
        let config = TossConfig::new("test_ck_a", secret);
        let keys = config.key_pair().unwrap();
        describe(&config, keys)
    }

    #[test]
    fn the_credential_changes_with_the_key_and_tells_nothing_of_it() {
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
