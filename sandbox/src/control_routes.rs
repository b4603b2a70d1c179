//! The control API over HTTP, under `/_sandbox/`.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{ActionOptions, Answer, ApiRequest, Control, ControlError, ControlErrorCode, FaultRule};

/// The header a control key is sent in.
const KEY_HEADER: &str = "x-sandbox-key";

/// The first path segment of every control call.
const PREFIX: &str = "_sandbox";

/// Who may use a control API, this one or another that is served elsewhere.
#[derive(Debug)]
pub struct ControlAccess {
    /// The key that must be sent; without one only loopback callers are served.
    pub(crate) key: Option<String>,
    /// Whether the listener is loopback, and the Host header has to be.
    pub(crate) loopback: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    advance_s: u64,
}

/// Whether a request is for the control API.
pub(crate) fn is_control(request: &ApiRequest) -> bool {
    request.path.trim_start_matches('/').split('/').next() == Some(PREFIX)
}

/// Answers a control request.
pub(crate) async fn answer(control: &Control, access: &ControlAccess, request: &ApiRequest) -> Answer {
    let result = match access.check(request) {
        Ok(()) => route(control, request).await,
        Err(refused) => Err(refused),
    };
    result.unwrap_or_else(|error| Answer::json(error.code.status(), &error))
}

async fn route(control: &Control, request: &ApiRequest) -> Result<Answer, ControlError> {
    let segments = request.segments();
    let name = match &segments[..] {
        [_, name] => name.as_str(),
        _ => "",
    };
    match (&request.method, name) {
        (&Method::POST, "pay") => act(control, request, Control::pay),
        (&Method::POST, "deposit") => act(control, request, Control::deposit),
        (&Method::POST, "reverse") => act(control, request, Control::reverse),
        (&Method::POST, "cancel") => act(control, request, Control::cancel),
        (&Method::POST, "foreign-payments") => ok(&control.add_foreign_payment(&body(request)?)?),
        (&Method::POST, "issue-key") => ok(&control.issue_key(&body(request)?)?),
        (&Method::POST, "revoke-key") => {
            control.revoke_key(&body(request)?)?;
            ok(&json!({}))
        }
        (&Method::POST, "clock") => {
            let ClockRequest { advance_s } = body(request)?;
            ok(&json!({ "now_ms": control.advance(Duration::from_secs(advance_s)) }))
        }
        (&Method::GET, "clock") => ok(&json!({ "now_ms": control.clock().now_ms() })),
        (&Method::POST, "faults") => {
            control.add_faults(body::<Vec<FaultRule>>(request)?).await?;
            ok(&control.faults())
        }
        (&Method::GET, "faults") => ok(&control.faults()),
        (&Method::DELETE, "faults") => {
            control.clear_faults();
            ok(&control.faults())
        }
        (&Method::GET, "calls") => ok(&control.calls()),
        (&Method::GET, "webhooks") => ok(&control.webhooks()),
        (&Method::PUT, "webhook-targets") => {
            control.set_webhook_targets(body(request)?);
            ok(&json!({}))
        }
        (&Method::GET, "payments") => ok(&control.payments()),
        (&Method::POST, "reset") => {
            control.reset();
            ok(&json!({}))
        }
        _ => {
            let message = format!("no control call {} {}", request.method, request.path);
            Err(ControlError::new(ControlErrorCode::NotFound, message))
        }
    }
}

/// Does what a body asks for, the way its options say.
fn act<T: DeserializeOwned, R: Serialize>(
    control: &Control,
    request: &ApiRequest,
    action: impl FnOnce(&Control, &T) -> Result<R, ControlError>,
) -> Result<Answer, ControlError> {
    let mut fields: Map<String, Value> = body(request)?;
    let unreadable = |error: serde_json::Error| invalid(error.to_string());
    let options = ActionOptions::take_from(&mut fields).map_err(unreadable)?;
    let asked = serde_json::from_value(fields.into()).map_err(unreadable)?;
    ok(&action(&control.with(options), &asked)?)
}

fn ok(body: &impl Serialize) -> Result<Answer, ControlError> {
    Ok(Answer::json(StatusCode::OK, body))
}

fn body<T: DeserializeOwned>(request: &ApiRequest) -> Result<T, ControlError> {
    serde_json::from_slice(&request.body).map_err(|error| invalid(error.to_string()))
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}

fn forbidden(message: &str) -> ControlError {
    ControlError::new(ControlErrorCode::Forbidden, message)
}

impl ControlAccess {
    /// Loopback callers, without a key.
    #[must_use]
    pub const fn on_loopback() -> Self {
        Self { key: None, loopback: true }
    }

    /// Whether a request may come in.
    ///
    /// # Errors
    ///
    /// It may not, and why.
    pub fn check(&self, request: &ApiRequest) -> Result<(), ControlError> {
        let host = request.header("host").unwrap_or_default();
        // A page of another site that resolves its own name to 127.0.0.1 still sends that name.
        if self.loopback && !is_loopback_host(host) {
            return Err(forbidden("the control API answers on loopback only"));
        }
        if let Some(origin) = request.header("origin")
            && origin.strip_prefix("http://") != Some(host)
        {
            return Err(forbidden("the control API is not for pages of other origins"));
        }
        if let Some(key) = &self.key
            && request.header(KEY_HEADER) != Some(key)
        {
            return Err(forbidden("the control key is missing or wrong"));
        }
        // Anything but JSON can be sent by a form of any page, without a preflight.
        let changes = request.method != Method::GET && request.method != Method::DELETE;
        if changes && !request.is_content_type("application/json") {
            return Err(invalid("the content type must be application/json"));
        }
        Ok(())
    }
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_loopback() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:80", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "10.0.0.1:80"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
