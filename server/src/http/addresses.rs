//! What each address of the API takes: its methods, for the `Allow` header that every 405 must have (RFC 9110, 15.5.6), and the
//! names that a query may hold.

use std::collections::BTreeMap;

use poem::{Request, http::Method};
use serde_json::Value;

/// Methods an OpenAPI path item may hold.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "patch", "trace"];

/// Monitors write what they like behind these.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The addresses of the API and what each takes.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Vec<Address>);

#[derive(Clone, Debug)]
struct Address {
    segments: Vec<String>,
    allow: String,
    /// What the query of each described method may hold.
    queries: BTreeMap<String, Vec<String>>,
}

/// A name in a query that the operation does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnknownQuery {
    /// The name, if it looks like one of ours: somebody may have put a secret there.
    pub(super) name: Option<String>,
    /// What is known there.
    pub(super) known: Vec<String>,
}

impl Addresses {
    /// Those an OpenAPI document describes.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        let address = |(path, item): (&String, &Value)| {
            let described = METHODS.iter().filter_map(|method| Some((method, item.get(*method)?)));
            let queries =
                described.map(|(method, operation)| (method.to_ascii_uppercase(), queries(operation)));
            Address { segments: segments(path), allow: allow(item), queries: queries.collect() }
        };
        Self(paths.into_iter().flatten().map(address).collect())
    }

    /// Adds an address that the document leaves out.
    #[must_use]
    pub fn and(mut self, path: &str, allow: &str) -> Self {
        self.0.push(Address { segments: segments(path), allow: allow.to_owned(), queries: BTreeMap::new() });
        self
    }

    /// The header for an address. An address nobody described is a page: it can only be read.
    #[must_use]
    pub fn allow(&self, path: &str) -> &str {
        self.at(path).map_or("GET, HEAD", |address| &address.allow)
    }

    /// The first name in a request's query that its operation does not know. Ignored, a filter that is misspelled would
    /// answer everything.
    pub(super) fn unknown_query(&self, request: &Request) -> Option<UnknownQuery> {
        let query = request.uri().query()?;
        if PROBES.contains(&request.uri().path()) {
            return None;
        }
        let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let known = self.at(request.uri().path())?.queries.get(method.as_str())?;
        let mut names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        let unknown = names.find(|name| !known.iter().any(|known| known == name))?;
        let is_name = (1..=40).contains(&unknown.len())
            && unknown.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphabetic());
        Some(UnknownQuery { name: is_name.then(|| unknown.into_owned()), known: known.clone() })
    }

    fn at(&self, path: &str) -> Option<&Address> {
        let asked = segments(path);
        self.0.iter().find(|Address { segments, .. }| {
            segments.len() == asked.len()
                && segments.iter().zip(&asked).all(|(known, asked)| known.starts_with('{') || known == asked)
        })
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

fn allow(item: &Value) -> String {
    let has = |method: &&&str| item.get(**method).is_some();
    let methods = METHODS.iter().filter(has).map(|method| match *method {
        // Whoever answers a GET answers a HEAD.
        "get" => "GET, HEAD".to_owned(),
        other => other.to_ascii_uppercase(),
    });
    methods.collect::<Vec<_>>().join(", ")
}

fn queries(operation: &Value) -> Vec<String> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    in_query.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn addresses() -> Addresses {
        Addresses::of(&json!({ "paths": {
            "/v1/payments": {
                "get": { "parameters": [{ "in": "query", "name": "order_id" }, { "in": "header", "name": "X" }] },
                "post": {},
                "parameters": [],
            },
            "/v1/payments/{id}/confirm": { "post": {} },
        }}))
    }

    #[test]
    fn an_address_takes_what_its_path_describes() {
        for (path, allow) in [
            ("/v1/payments", "GET, HEAD, POST"),
            ("/v1/payments/pay_1/confirm", "POST"),
            ("/docs", "GET, HEAD"),
        ] {
            assert_eq!(addresses().allow(path), allow, "{path}");
        }
    }

    #[test]
    fn a_query_holds_what_its_operation_describes() {
        let unknown = |method: Method, address: &str| {
            let request = Request::builder().method(method).uri(address.parse().unwrap()).finish();
            addresses().unknown_query(&request).map(|unknown| unknown.name)
        };
        for address in ["/v1/payments", "/v1/payments?order_id=x", "/v1/payments?", "/docs?x=y"] {
            assert_eq!(unknown(Method::GET, address), None, "{address}");
        }
        let named = Some(Some("created_from".to_owned()));
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert_eq!(unknown(method, "/v1/payments?created_from=1"), named);
        }
        for address in ["/v1/payments?sk_live_4242=", "/v1/payments?order_id=x&4242%204242"] {
            assert_eq!(unknown(Method::GET, address), Some(None), "a secret may stand there: {address}");
        }
        assert_eq!(unknown(Method::POST, "/v1/payments?order_id=x"), Some(Some("order_id".to_owned())));
    }
}
