//! A process that has installed no TLS provider: a binary of its own, because a provider is installed for a whole process.

use paymux_toss::{ConfigError, Toss, TossConfig};

#[test]
fn missing_tls_provider_is_an_error() {
    let config = TossConfig::new("test_ck_client", "test_sk_canary");
    let refused = Toss::new(&config);
    assert!(matches!(refused, Err(ConfigError::NoTlsProvider)), "{refused:?}");
}
