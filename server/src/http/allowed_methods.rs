//! Which methods an address takes, for the `Allow` header every 405 must have (RFC 9110, 15.5.6).

use serde_json::Value;

/// Methods an OpenAPI path item may hold.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "patch", "trace"];

/// The addresses of the API and what each takes.
#[derive(Clone, Debug, Default)]
pub struct AllowedMethods(Vec<(Vec<String>, String)>);

impl AllowedMethods {
    /// Those an OpenAPI document describes.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        Self(paths.into_iter().flatten().map(|(path, item)| (segments(path), allow(item))).collect())
    }

    /// Adds an address that the document leaves out.
    #[must_use]
    pub fn and(mut self, path: &str, allow: &str) -> Self {
        self.0.push((segments(path), allow.to_owned()));
        self
    }

    /// The header for an address. An address nobody described is a page: it can only be read.
    #[must_use]
    pub fn allow(&self, path: &str) -> &str {
        let asked = segments(path);
        let fits = |(template, _): &&(Vec<String>, String)| {
            template.len() == asked.len()
                && template.iter().zip(&asked).all(|(known, asked)| known.starts_with('{') || known == asked)
        };
        self.0.iter().find(fits).map_or("GET, HEAD", |(_, allow)| allow)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_takes_what_its_path_describes() {
        let allowed = AllowedMethods::of(&json!({ "paths": {
            "/v1/payments": { "get": {}, "post": {}, "parameters": [] },
            "/v1/payments/{id}/confirm": { "post": {} },
        }}));
        for (path, allow) in [
            ("/v1/payments", "GET, HEAD, POST"),
            ("/v1/payments/pay_1/confirm", "POST"),
            ("/docs", "GET, HEAD"),
        ] {
            assert_eq!(allowed.allow(path), allow, "{path}");
        }
    }
}
