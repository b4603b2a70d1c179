//! The log of what a simulator received and answered.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{ApiRequest, Fault};

/// How many calls are remembered; older ones are forgotten first.
const REMEMBERED_CALLS: usize = 10_000;

/// One received call.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// Counts from 1 and is never used again, not even after a reset.
    pub number: u64,
    /// When it came, in milliseconds since the Unix epoch on the sandbox clock.
    pub received_at_ms: u64,
    /// The simulator's name for it; `None` for a path the PG does not have.
    pub call: Option<&'static str>,
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, names in lower case, credentials masked.
    pub headers: Map<String, Value>,
    /// The body: JSON where it is JSON, else a text. Secrets in it are masked.
    pub body: Value,
    /// The fault it met.
    pub fault: Option<Fault>,
    /// The status of the answer; `None` while it runs and when no answer was given.
    pub answer_status: Option<u16>,
}

/// The calls received since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct CallLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    calls: VecDeque<Call>,
    last_number: u64,
}

impl CallLog {
    /// Notes a received call and gives its number.
    pub(crate) fn received(
        &self,
        request: &ApiRequest,
        call: Option<&'static str>,
        fault: Option<Fault>,
        now_ms: u64,
    ) -> u64 {
        let mut entries = self.entries();
        entries.last_number += 1;
        let number = entries.last_number;
        if entries.calls.len() == REMEMBERED_CALLS {
            entries.calls.pop_front();
        }
        entries.calls.push_back(Call {
            number,
            received_at_ms: now_ms,
            call,
            method: request.method.to_string(),
            path: full_path(request),
            headers: masked_headers(request),
            body: masked_body(request),
            fault,
            answer_status: None,
        });
        number
    }

    /// Notes the status a call was answered with.
    pub(crate) fn answered(&self, number: u64, status: u16) {
        if let Some(call) = self.entries().calls.iter_mut().rev().find(|call| call.number == number) {
            call.answer_status = Some(status);
        }
    }

    /// All remembered calls, oldest first.
    pub(crate) fn list(&self) -> Vec<Call> {
        self.entries().calls.iter().cloned().collect()
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        self.entries().calls.clear();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn full_path(request: &ApiRequest) -> String {
    if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    }
}

fn masked_headers(request: &ApiRequest) -> Map<String, Value> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let masked = |name: &str, value: String| match name {
        "authorization" => masked_authorization(&value),
        "x-imptokenheader" | "x-sandbox-key" | "cookie" => masked_secret(&value),
        _ => value,
    };
    let headers = request.headers.iter();
    headers.map(|(name, value)| (name.to_string(), masked(name.as_str(), text(value)).into())).collect()
}

/// Keeps the scheme and, of `Basic`, the start of the user: enough to see which key was sent.
fn masked_authorization(value: &str) -> String {
    let Some((scheme, credential)) = value.split_once(' ') else { return masked_secret(value) };
    let user = STANDARD.decode(credential.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match user {
        Some(user) if scheme.eq_ignore_ascii_case("basic") => format!("{scheme} {}", masked_secret(&user)),
        _ => format!("{scheme} {}", masked_secret(credential)),
    }
}

fn masked_secret(secret: &str) -> String {
    // Long enough to tell `test_sk_` from `live_sk_`, far too short to be used.
    let shown: String = secret.chars().take(8).collect();
    if secret.chars().count() > 16 { format!("{shown}…") } else { "…".to_owned() }
}

fn masked_body(request: &ApiRequest) -> Value {
    if request.body.is_empty() {
        return Value::Null;
    }
    if let Ok(mut body) = serde_json::from_slice(&request.body) {
        mask_secrets(&mut body);
        return body;
    }
    if request.is_content_type("application/x-www-form-urlencoded")
        && let Ok(pairs) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&request.body)
    {
        let mut form = Value::Object(pairs.into_iter().map(|(name, value)| (name, value.into())).collect());
        mask_secrets(&mut form);
        return form;
    }
    String::from_utf8_lossy(&request.body).into_owned().into()
}

fn mask_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(secret) if name.contains("secret") => *secret = masked_secret(secret),
                    _ => mask_secrets(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    #[test]
    fn no_credential_stays_in_the_log() {
        let mut headers = HeaderMap::new();
        let key = "test_sk_averylongsecretkey";
        headers.insert(
            "authorization",
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{key}:")))).unwrap(),
        );
        headers.insert("x-imptokenheader", HeaderValue::from_static("averylongaccesstokenindeed"));
        let request = ApiRequest {
            method: Method::POST,
            path: "/users/getToken".to_owned(),
            query: String::new(),
            headers,
            body: Bytes::from_static(
                br#"{"imp_secret":"averylongimportsecret","deep":[{"secret":"short"}]}"#,
            ),
        };
        let log = CallLog::default();
        log.received(&request, None, None, 0);
        let text = serde_json::to_string(&log.list()).unwrap();
        for secret in [key, "averylongaccesstokenindeed", "averylongimportsecret", "short"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("Basic test_sk_…"), "{text}");
    }
}
