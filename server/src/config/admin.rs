//! Where an operator's command finds the server: the part of the configuration it needs, and no more.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use secrecy::SecretString;
use url::Url;

use super::{
    ConfigError, Place, RunMode, Settings, entries,
    server::{read_address, read_admin_key},
    variables::from_variables,
};

/// The admin listener as the server's own configuration names it.
#[derive(Clone, Debug)]
pub struct AdminListener {
    /// Its address, seen from this machine.
    pub url: Url,
    /// `server.admin_key`.
    pub key: Option<SecretString>,
}

impl AdminListener {
    /// Reads it. What else is in the configuration is not looked at: the command of a demo runs beside
    /// no configuration at all, and an operator need not see the secrets of accounts.
    ///
    /// # Errors
    ///
    /// The first thing found wrong, with its place.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let entries = entries(RunMode::Serve, file, from_variables(variables)?)?;
        let mut server = Settings::new("", Place::Absent, entries).table("server")?;
        let address = reachable(read_address(&mut server, "admin_listen")?);
        let url = Url::parse(&format!("http://{address}")).expect("an address makes a valid URL");
        Ok(Self { url, key: read_admin_key(&mut server)? })
    }
}

/// Who listens on every address of this machine also listens on its loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<AdminListener, ConfigError> {
        AdminListener::load(None, variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn it_is_the_default_address_where_nothing_is_written() {
        let listener = load(&[]).unwrap();
        assert_eq!(listener.url.as_str(), "http://127.0.0.1:8081/");
        assert!(listener.key.is_none());
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_this_machine() {
        for (address, url) in [
            ("0.0.0.0:9000", "http://127.0.0.1:9000/"),
            ("[::]:9000", "http://[::1]:9000/"),
            ("192.0.2.1:9000", "http://192.0.2.1:9000/"),
        ] {
            let listener = load(&[("PAYMUX__SERVER__ADMIN_LISTEN", address)]).unwrap();
            assert_eq!(listener.url.as_str(), url);
        }
    }

    #[test]
    fn the_key_is_the_servers_and_not_shown() {
        let listener = load(&[("PAYMUX__SERVER__ADMIN_KEY", "correct-horse-battery")]).unwrap();
        assert_eq!(listener.key.as_ref().unwrap().expose_secret(), "correct-horse-battery");
        assert!(!format!("{listener:?}").contains("horse"));
    }

    #[test]
    fn a_mistake_is_named() {
        for (name, value, expected) in [
            ("PAYMUX__SERVER__ADMIN_KEY", "short", "server.admin_key must be at least 16"),
            ("PAYMUX__SERVER__ADMIN_KEY", "a key with spaces in it", "server.admin_key must be at least 16"),
            ("PAYMUX__SERVER__ADMIN_LISTEN", "8081", "server.admin_listen must be an address"),
        ] {
            let error = load(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
    }
}
