//! What a simulator receives and answers: whole HTTP messages, no streams.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::Value;

/// One received request, body included.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The path as it came, still percent-encoded.
    pub path: String,
    /// The query as it came, without the question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl ApiRequest {
    /// The path's segments, percent-decoded; empty ones are left out.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(percent_decode).collect()
    }

    /// The query's pairs, decoded, in their order.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_str(&self.query).unwrap_or_default()
    }

    /// A header's text; `None` if it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the content type is `media`, whatever its parameters.
    #[must_use]
    pub fn is_content_type(&self, media: &str) -> bool {
        let given = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media))
    }
}

/// One answer, body included.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Everything given here is plain data whose keys are strings.
        let body = serde_json::to_vec(body).unwrap_or_else(|error| error.to_string().into_bytes());
        Self::new(status, "application/json;charset=UTF-8", body)
    }

    /// An HTML page.
    #[must_use]
    pub fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, "text/html;charset=UTF-8", page)
    }

    /// An answer of any kind.
    #[must_use]
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: body.into() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body, if it is JSON.
    #[must_use]
    pub fn body_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Decodes `%XX`; a broken escape stays as it is.
fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = (first == b'%').then(|| after.get(..2)).flatten().and_then(hex_byte);
        if let Some(byte) = escape {
            decoded.push(byte);
            rest = &after[2..];
        } else {
            decoded.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_are_decoded_once() {
        let cases = [
            ("a%3Db", "a=b"),
            ("%ED%95%9C", "한"),
            ("50%", "50%"),
            ("%zz", "%zz"),
            ("%2541", "%41"),
            ("a+b", "a+b"),
        ];
        for (encoded, decoded) in cases {
            assert_eq!(percent_decode(encoded), decoded, "{encoded}");
        }
    }
}
