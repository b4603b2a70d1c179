//! Reading what a caller sent: JSON or form bodies, bracket arrays, queries.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::reply::Refusal;

/// The named values of a query or a body.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: Map<String, Value>,
    /// Forms and queries know only text, so numbers are read from text there.
    is_text: bool,
}

impl Params {
    /// Reads a body by its content type.
    pub(super) fn of_body(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Self::of_json(body),
            "application/x-www-form-urlencoded" => Ok(Self::of_form(body)),
            _ => Err(Refusal::bad_request("지원하지 않는 Content-Type입니다.")),
        }
    }

    /// Reads a query, which is written like a form.
    pub(super) fn of_query(query: &str) -> Self {
        Self::of_form(query.as_bytes())
    }

    fn of_json(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Self { values, is_text: false }),
            _ => Err(Refusal::bad_request("요청 본문이 올바른 JSON 객체가 아닙니다.")),
        }
    }

    fn of_form(body: &[u8]) -> Self {
        let mut values = Map::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            put(&mut values, &name, value.into_owned());
        }
        Self { values, is_text: true }
    }

    /// Refuses names V1 does not document.
    ///
    /// Stricter than PortOne, which ignores them: a misspelt name would go unnoticed.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Refusal> {
        match self.values.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Refusal::bad_request(format!("알 수 없는 파라메터입니다: {name}"))),
            None => Ok(self),
        }
    }

    /// A text, `None` when missing, null or empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(unreadable(name)),
        }
    }

    /// A whole number. V1's `number` may be written `1000.0`.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let text = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if self.is_text && text.is_empty() => return Ok(None),
            Some(Value::String(text)) if self.is_text => text.clone(),
            Some(_) => return Err(unreadable(name)),
        };
        let whole = text.strip_suffix(".0").unwrap_or(&text);
        whole.parse().map(Some).map_err(|_| unreadable(name))
    }

    /// A yes or no, `false` when missing.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if self.is_text => match text.as_str() {
                "true" => Ok(true),
                "false" | "" => Ok(false),
                _ => Err(unreadable(name)),
            },
            Some(_) => Err(unreadable(name)),
        }
    }

    /// The texts of a list (`name[]=a&name[]=b`), empty when missing.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let Some(value) = self.values.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| unreadable(name))?;
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| unreadable(name))).collect()
    }

    /// The values inside another (`extra[requester]=customer`), if it is there.
    pub(super) fn inner(&self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Self { values: values.clone(), is_text: self.is_text })),
            Some(_) => Err(unreadable(name)),
        }
    }
}

/// Puts one pair of a form in its place: `a=1`, `a[]=1` or `a[b]=1`.
fn put(values: &mut Map<String, Value>, name: &str, value: String) {
    let Some((outer, inner)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) else {
        values.insert(name.to_owned(), value.into());
        return;
    };
    if inner.is_empty() {
        let list = values.entry(outer).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.push(value.into());
        }
    } else {
        let object = values.entry(outer).or_insert_with(|| Value::Object(Map::new()));
        if let Some(object) = object.as_object_mut() {
            object.insert(inner.to_owned(), value.into());
        }
    }
}

/// The status and text are the simulator's own: V1 documents neither.
fn unreadable(name: &str) -> Refusal {
    Refusal::bad_request(format!("{name} 파라메터가 올바르지 않습니다."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_holds_lists_and_objects_in_brackets() {
        let form = Params::of_form(b"imp_uid%5B%5D=a&imp_uid[]=b&extra[requester]=admin&amount=1000");
        assert_eq!(form.texts("imp_uid").unwrap(), ["a", "b"]);
        let extra = form.inner("extra").unwrap().unwrap();
        assert_eq!(extra.text("requester").unwrap().as_deref(), Some("admin"));
        assert_eq!(form.number("amount").unwrap(), Some(1_000));
    }

    #[test]
    fn an_amount_is_a_whole_number_and_in_json_never_a_text() {
        for (value, amount) in [
            (json!(1_000), Ok(Some(1_000))),
            (json!(1_000.0), Ok(Some(1_000))),
            (json!(null), Ok(None)),
            (json!(1_000.5), Err(unreadable("amount"))),
            (json!(-1), Err(unreadable("amount"))),
            (json!("1000"), Err(unreadable("amount"))),
        ] {
            let body = json!({ "amount": value }).to_string();
            let params = Params::of_json(body.as_bytes()).unwrap();
            assert_eq!(params.number("amount"), amount, "{value}");
        }
    }
}
