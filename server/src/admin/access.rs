//! Who may see and close reviews: the rules of the sandbox's control API, and a key.
//!
//! The listener is private, but an operator's browser is not: a page of another site can send requests to
//! loopback addresses. So a loopback listener takes a loopback `Host` only, no foreign `Origin`, and no
//! body that a form could send.

use std::sync::Arc;

use poem::{
    Endpoint, Request, Response,
    http::{HeaderName, Method, header},
};
use secrecy::ExposeSecret as _;

use crate::{
    api::ApiError,
    config::{KeyHash, ServerConfig, variable_of},
    http::{ErrorCode, auth::bearer_token},
};

/// What everybody who reaches the listener may ask: supervisors and load balancers have no key, and the
/// documentation holds no data.
const FOR_ALL: [&str; 5] = ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/errors"];

/// Who may use the admin API.
#[derive(Debug)]
pub(super) struct Access {
    /// What must be sent, by its hash: comparing two hashes tells nothing of a key's length.
    key: Option<KeyHash>,
    /// Whether only this machine reaches the listener.
    loopback: bool,
}

impl Access {
    pub(super) fn new(config: &ServerConfig) -> Self {
        let access = Self {
            key: config.admin_key.as_ref().map(|key| KeyHash::of(key.expose_secret())),
            loopback: config.admin_listen.ip().is_loopback(),
        };
        if access.is_shut() {
            tracing::warn!(
                address = %config.admin_listen,
                "the admin listener is not on a loopback address and server.admin_key is not set: it answers health only"
            );
        }
        access
    }

    /// Whether nobody can use it: others than this machine's callers need a key, and there is none.
    const fn is_shut(&self) -> bool {
        !self.loopback && self.key.is_none()
    }

    /// Whether a request may come in.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let host = text(request, header::HOST).unwrap_or_default();
        // A page of another site that resolves its own name to 127.0.0.1 still sends that name.
        if self.loopback && !is_loopback_host(host) {
            return Err(forbidden("this listener answers to loopback hosts only".to_owned()));
        }
        if request.headers().contains_key(header::ORIGIN)
            && !text(request, header::ORIGIN).is_some_and(|origin| is_of_host(origin, host))
        {
            return Err(forbidden("reviews and the ledger are not for pages of other origins".to_owned()));
        }
        if self.is_shut() {
            let variable = variable_of("server.admin_key");
            return Err(forbidden(format!(
                "this listener is not on a loopback address: set server.admin_key ({variable}) to use reviews and the ledger"
            )));
        }
        self.check_key(request)?;
        // Anything but JSON can be sent by a form of any page, without a preflight.
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reads && !is_json(request) {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType));
        }
        Ok(())
    }

    fn check_key(&self, request: &Request) -> Result<(), ApiError> {
        let Some(key) = &self.key else { return Ok(()) };
        if bearer_token(request).is_some_and(|sent| key.matches(&KeyHash::of(sent))) {
            return Ok(());
        }
        Err(ApiError::with(ErrorCode::Unauthenticated, |problem| {
            problem.detail = "Send the admin key: `Authorization: Bearer <server.admin_key>`.".to_owned();
        }))
    }
}

/// Whether everybody who reaches the listener may ask this.
pub(super) fn is_for_all(path: &str) -> bool {
    FOR_ALL.contains(&path)
}

/// Lets in who may come in.
pub(super) async fn guard<E: Endpoint<Output = Response>>(
    access: Arc<Access>,
    endpoint: Arc<E>,
    request: Request,
) -> poem::Result<Response> {
    if !is_for_all(request.uri().path())
        && let Err(refused) = access.check(&request)
    {
        return Err(refused.into());
    }
    endpoint.call(request).await
}

fn text(request: &Request, name: HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

fn is_of_host(origin: &str, host: &str) -> bool {
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    named == Some(host)
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn is_json(request: &Request) -> bool {
    let kind = request.content_type().and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn forbidden(message: String) -> ApiError {
    ApiError::with(ErrorCode::Forbidden, |problem| problem.detail = format!("Refused: {message}."))
}

#[cfg(test)]
mod tests {
    use poem::RequestBuilder;

    use super::*;

    const KEY: &str = "correct-horse-battery";

    fn access(loopback: bool, key: Option<&str>) -> Access {
        Access { key: key.map(KeyHash::of), loopback }
    }

    fn request(method: Method, headers: &[(&str, &str)]) -> Request {
        let request = headers
            .iter()
            .fold(Request::builder().method(method), |request: RequestBuilder, (name, value)| {
                request.header(*name, *value)
            });
        request.uri_str("/reviews").finish()
    }

    /// What is answered; 200 for being let in.
    fn answered(access: &Access, method: Method, headers: &[(&str, &str)]) -> u16 {
        match access.check(&request(method, headers)) {
            Ok(()) => 200,
            Err(error) => poem::Error::from(error).status().as_u16(),
        }
    }

    #[test]
    fn a_loopback_listener_takes_loopback_hosts_and_no_foreign_page() {
        let access = access(true, None);
        for (host, origin, status) in [
            ("127.0.0.1:8081", None, 200),
            ("localhost:8081", None, 200),
            ("[::1]:8081", None, 200),
            ("localhost", None, 200),
            ("", None, 403),
            ("attacker.test:8081", None, 403),
            ("localhost.attacker.test", None, 403),
            ("127.0.0.1.attacker.test:8081", None, 403),
            ("[::1].attacker.test", None, 403),
            ("localhost:8081", Some("http://localhost:8081"), 200),
            ("localhost:8081", Some("http://localhost:3000"), 403),
            ("localhost:8081", Some("https://shop.example"), 403),
            ("localhost:8081", Some("null"), 403),
            ("localhost:8081", Some(""), 403),
        ] {
            let mut headers = vec![("host", host)];
            headers.extend(origin.map(|origin| ("origin", origin)));
            assert_eq!(answered(&access, Method::GET, &headers), status, "{host} {origin:?}");
        }
    }

    #[test]
    fn what_changes_something_is_json() {
        let access = access(true, None);
        for (kind, status) in [
            (Some("application/json"), 200),
            (Some("application/json; charset=utf-8"), 200),
            (Some("text/plain"), 415),
            (Some("application/x-www-form-urlencoded"), 415),
            (Some("application/jsonx"), 415),
            (None, 415),
        ] {
            let mut headers = vec![("host", "localhost")];
            headers.extend(kind.map(|kind| ("content-type", kind)));
            assert_eq!(answered(&access, Method::POST, &headers), status, "{kind:?}");
        }
    }

    #[test]
    fn a_configured_key_is_required_everywhere() {
        for loopback in [true, false] {
            let access = access(loopback, Some(KEY));
            for (authorization, status) in [
                (Some(format!("Bearer {KEY}")), 200),
                (Some(format!("bearer {KEY}")), 200),
                (Some(format!("Bearer {KEY}x")), 401),
                (Some(format!("Bearer {}", &KEY[1..])), 401),
                (Some(format!("Basic {KEY}")), 401),
                (Some(KEY.to_owned()), 401),
                (Some("Bearer ".to_owned()), 401),
                (None, 401),
            ] {
                let mut headers = vec![("host", "localhost:8081")];
                headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
                assert_eq!(answered(&access, Method::GET, &headers), status, "{loopback} {authorization:?}");
            }
        }
    }

    #[test]
    fn a_listener_for_others_is_shut_without_a_key() {
        let headers = [("host", "paymux.internal:8081")];
        assert_eq!(answered(&access(false, None), Method::GET, &headers), 403);
        let with_key = [headers[0], ("authorization", "Bearer correct-horse-battery")];
        assert_eq!(answered(&access(false, Some(KEY)), Method::GET, &with_key), 200);
    }

    #[test]
    fn access_does_not_show_its_key() {
        assert!(!format!("{:?}", access(true, Some(KEY))).contains("horse"));
    }
}
