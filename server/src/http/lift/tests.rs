use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi, OpenApiService, Union, Webhook,
    param::{Header, Query},
    payload::Json,
};

use super::*;
use crate::{api::ApiError, http::MerchantAuth};

#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum OnlyOne {
    Payment,
}

#[derive(Object)]
struct Card {
    #[oai(validator(minimum(value = "0"), maximum(value = "60")))]
    months: u8,
    #[oai(validator(minimum(value = "0", exclusive = true)))]
    amount: u64,
}

#[derive(Object)]
struct Transfer {
    bank: Option<String>,
}

#[derive(Union)]
#[oai(rename = "HowToPay", one_of, discriminator_name = "type", rename_all = "snake_case")]
enum Method {
    Card(Card),
    Transfer(Transfer),
}

/// A property may be called like a keyword.
#[derive(Object)]
struct Order {
    object: OnlyOne,
    method: Method,
    #[oai(default)]
    example: String,
    content: Vec<Card>,
    #[oai(skip_serializing_if_is_none)]
    schema: Option<u32>,
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 202)]
    Later(Json<Order>, #[oai(header = "Retry-After")] u32),
}

struct Api;

#[OpenApi]
impl Api {
    /// Takes an order
    #[oai(path = "/orders", method = "post")]
    async fn create(
        &self,
        _auth: MerchantAuth,
        #[oai(name = "Idempotency-Key")] _key: Header<Option<String>>,
        _tags: Query<Option<Vec<String>>>,
        order: Json<Order>,
    ) -> Result<Created, ApiError> {
        Ok(Created::Later(order, 1))
    }

    /// Says hello
    #[oai(path = "/hello", method = "get")]
    async fn hello(&self) -> Json<String> {
        Json(String::new())
    }
}

#[expect(dead_code, reason = "only its description is asked for")]
#[Webhook]
trait Hooks: Sync {
    #[oai(method = "post")]
    fn paid(&self, order: Json<Order>) -> Json<String>;
}

fn raw() -> Value {
    let service = OpenApiService::new(Api, "test", "1").webhooks::<&dyn Hooks>();
    serde_json::from_str(&service.spec()).unwrap()
}

/// Every object in the document with the path to it.
fn objects<'v>(value: &'v Value, path: &str, found: &mut Vec<(String, &'v Object)>) {
    match value {
        Value::Object(object) => {
            found.push((path.to_owned(), object));
            for (key, child) in object {
                objects(child, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                objects(child, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// The known defects of a document: what, where.
fn defects(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    objects(document, "", &mut all);
    let mut defects = Vec::new();
    for (path, object) in all {
        // The names in these are ours, not keywords.
        let of_names = path.ends_with("/properties");
        let mut note = |what: &str| defects.push(format!("{what} at {path}"));
        let is = |key: &str, value: &Value| !of_names && object.get(key) == Some(value);
        if is("deprecated", &json!(false)) {
            note("deprecated: false");
        }
        if !of_names && object.contains_key("nullable") {
            note("nullable");
        }
        if !of_names && object.get("enum").is_some_and(|e| e.as_array().unwrap().len() == 1) {
            note("enum of one");
        }
        if object.contains_key("oneOf") && object.contains_key("type") {
            note("type beside oneOf");
        }
        for limit in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            if object.get(limit).is_some_and(|limit| !limit.is_i64() && !limit.is_u64()) {
                note("limit that is no integer");
            }
        }
        if path.ends_with("/content") && object.keys().any(|kind| kind.contains(';')) {
            note("media type with a parameter");
        }
        if path.ends_with("/headers") && object.keys().any(|name| *name == name.to_uppercase()) {
            note("upper-case header");
        }
        if object.contains_key("explode") && object.get("in") != Some(&json!("query")) {
            note("explode outside a query");
        }
        if is("description", &json!("")) {
            note("empty description");
        }
        if object.contains_key("responses") && !object.contains_key("security") {
            note("operation without security");
        }
    }
    defects
}

#[test]
fn the_raw_document_has_the_defects_the_lift_is_for() {
    let defects = defects(&raw()).join("\n");
    for what in [
        "deprecated: false",
        "enum of one",
        "type beside oneOf",
        "limit that is no integer",
        "media type with a parameter",
        "upper-case header",
        "explode outside a query",
        "empty description",
        "operation without security",
    ] {
        assert!(defects.contains(what), "poem-openapi no longer writes: {what}\n{defects}");
    }
}

#[test]
fn the_lifted_document_has_none_of_them() {
    let lifted = lift(raw());
    assert_eq!(lifted["openapi"], "3.1.0");
    assert_eq!(defects(&lifted), Vec::<String>::new());
}

#[test]
fn an_exclusive_limit_is_the_limit_itself() {
    let lifted = lift(raw());
    let card = &lifted["components"]["schemas"]["Card"]["properties"];
    assert_eq!(card["amount"]["exclusiveMinimum"], 0);
    assert_eq!(card["amount"].get("minimum"), None);
    assert_eq!(card["months"]["maximum"], 60);
}

#[test]
fn properties_named_like_keywords_stay() {
    let lifted = lift(raw());
    let order = &lifted["components"]["schemas"]["Order"]["properties"];
    for name in ["object", "method", "example", "content", "schema"] {
        assert!(order.get(name).is_some(), "{name} in {order}");
    }
}

#[test]
fn a_media_type_and_a_header_have_their_usual_names() {
    let lifted = lift(raw());
    let later = &lifted["paths"]["/orders"]["post"]["responses"]["202"];
    assert!(later["content"].get("application/json").is_some(), "{later}");
    assert!(later["headers"].get("Retry-After").is_some(), "{later}");
    assert_eq!(later["description"], "Done");
    let conflict = &lifted["paths"]["/orders"]["post"]["responses"]["409"];
    assert!(conflict["content"].get("application/problem+json").is_some(), "{conflict}");
}

#[test]
fn only_an_operation_with_a_key_asks_for_one() {
    let lifted = lift(raw());
    assert_eq!(lifted["paths"]["/orders"]["post"]["security"], json!([{ "MerchantKey": [] }]));
    assert_eq!(lifted["paths"]["/hello"]["get"]["security"], json!([]));
    assert_eq!(lifted["webhooks"]["paid"]["post"]["security"], json!([]));
    let scheme = &lifted["components"]["securitySchemes"]["MerchantKey"];
    assert_eq!(scheme["scheme"], "bearer");
}

#[test]
fn what_may_be_null_says_so_in_its_type() {
    for (before, after) in [
        (json!({ "type": "string", "nullable": true }), json!({ "type": ["string", "null"] })),
        (
            json!({ "$ref": "#/a", "nullable": true }),
            json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] }),
        ),
        (json!({ "type": "string", "nullable": false }), json!({ "type": "string" })),
        (json!({ "type": "string", "example": "a" }), json!({ "type": "string", "examples": ["a"] })),
        (json!({ "type": "number", "minimum": 0.5 }), json!({ "type": "number", "minimum": 0.5 })),
        (json!({ "maximum": 9_007_199_254_740_991.0 }), json!({ "maximum": 9_007_199_254_740_991_i64 })),
    ] {
        let mut lifted = before.clone();
        schema(&mut lifted);
        assert_eq!(lifted, after, "{before}");
    }
}

#[test]
fn lifting_twice_changes_nothing() {
    let once = lift(raw());
    assert_eq!(lift(once.clone()), once);
}
