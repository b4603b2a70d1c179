//! Where a buyer may be sent back to.

use url::{Host, Origin, Url};

/// The origins a merchant's return addresses may have.
///
/// Parsed origins are compared. A comparison of prefixes would take
/// `https://shop.example.attacker.test` for `https://shop.example`.
#[derive(Clone, Debug)]
pub enum ReturnOrigins {
    /// The buyer's own machine, any port: the default while nothing is live.
    Localhost,
    /// Exactly these.
    Listed(Vec<Origin>),
}

impl ReturnOrigins {
    /// Whether a buyer may be sent to `url`.
    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        let web = matches!(url.scheme(), "http" | "https");
        // `https://shop.example@attacker.test` reads like the shop to a person.
        let plain = url.username().is_empty() && url.password().is_none();
        web && plain
            && match self {
                Self::Localhost => is_loopback(url),
                Self::Listed(origins) => origins.contains(&url.origin()),
            }
    }
}

/// Whether the host is this machine, by its name or address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads `https://shop.example` or `https://shop.example:8443`.
pub(super) fn parse_origin(text: &str) -> Result<Origin, String> {
    let url = parse_base_url(text)?;
    if url.path() == "/" {
        Ok(url.origin())
    } else {
        Err("must hold origins, without a path: \"https://shop.example\"".to_owned())
    }
}

/// Reads an `http` or `https` address to which paths are appended.
pub(crate) fn parse_base_url(text: &str) -> Result<Url, String> {
    let refused = "must be an address such as \"https://pay.example\"";
    let url = Url::parse(text).map_err(|_| refused.to_owned())?;
    let whole = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && whole {
        Ok(url)
    } else {
        Err(format!("{refused}, without user, query or fragment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_whole() {
        let origins = ReturnOrigins::Listed(vec![parse_origin("https://shop.example").unwrap()]);
        for (url, allowed) in [
            ("https://shop.example/paid", true),
            ("https://shop.example:443/paid", true),
            ("https://SHOP.example/paid", true),
            ("http://shop.example/paid", false),
            ("https://shop.example:8443/paid", false),
            ("https://shop.example.attacker.test/paid", false),
            ("https://shop.example@attacker.test/paid", false),
            ("https://user@shop.example/paid", false),
            ("https://pay.shop.example/paid", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(origins.allow(&Url::parse(url).unwrap()), allowed, "{url}");
        }
    }

    #[test]
    fn localhost_is_any_port_of_this_machine() {
        for (url, allowed) in [
            ("http://localhost:3000/done", true),
            ("http://127.0.0.1/done", true),
            ("http://[::1]:8080/done", true),
            ("https://localhost.attacker.test/done", false),
            ("http://10.0.0.1/done", false),
            ("data:text/html,hello", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(ReturnOrigins::Localhost.allow(&url), allowed, "{url}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        for text in ["https://shop.example/", "http://localhost:3000"] {
            assert!(parse_origin(text).is_ok(), "{text}");
        }
        for text in ["shop.example", "https://shop.example/paid", "ftp://shop.example", "*"] {
            assert!(parse_origin(text).is_err(), "{text}");
        }
    }
}
