//! A process that has installed no TLS provider: a binary of its own, because a provider is installed for a whole process.

use paymux_core::model::Mode;
use paymux_portone::{Channel, ConfigError, PortOneV1, PortOneV1Config};

#[test]
fn missing_tls_provider_is_an_error() {
    let channel = Channel::Key("channel-key-1".to_owned());
    let config = PortOneV1Config::new("key", "canary-secret", "imp00000000", channel, Mode::Test);
    let refused = PortOneV1::new(config);
    assert!(matches!(refused, Err(ConfigError::NoTlsProvider)), "{refused:?}");
}
