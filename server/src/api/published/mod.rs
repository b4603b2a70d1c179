//! What poem-openapi cannot say in the published document: which errors an operation really
//! answers, examples of everything, what answers have in common, and rules of single fields.

mod document;
mod errors;
mod examples;
mod fields;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::document::{Object, id, operations, responses};

/// Completes the document of the public API.
pub(crate) fn complete(document: &mut Value) {
    fields::complete(document);
    document["components"]["examples"] = Value::Object(examples::components());
    document["components"]["headers"] = headers();
    for operation in operations(document) {
        errors::complete(operation);
        examples::complete(operation);
        links(operation);
        every_answer(operation);
    }
}

fn headers() -> Value {
    json!({
        "X-Request-Id": {
            "description": "Our name for this request. Tell us when you ask about it.",
            "required": true,
            "schema": { "type": "string", "pattern": "^req_[0-9a-f]{32}$" },
        },
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "required": true,
            "schema": { "type": "string", "const": "Bearer" },
        },
    })
}

fn every_answer(operation: &mut Object) {
    for (status, response) in responses(operation) {
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        headers["X-Request-Id"] = json!({ "$ref": "#/components/headers/X-Request-Id" });
        if status == "401" {
            headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/WWW-Authenticate" });
        }
    }
}

/// Where to go with the payment that was answered.
fn links(operation: &mut Object) {
    const AFTER_REGISTER: [&str; 5] =
        ["readPayment", "prepareNextAction", "confirmPayment", "verifyPayment", "cancelPayment"];
    const LATER: [&str; 4] = ["readPayment", "confirmPayment", "verifyPayment", "cancelPayment"];
    let next: &[&str] = match id(operation) {
        "registerPayment" => &AFTER_REGISTER,
        "prepareNextAction" | "confirmPayment" | "verifyPayment" | "cancelPayment" => &LATER,
        _ => return,
    };
    let link = |operation: &&str| {
        let parameters = json!({ "id": "$response.body#/id" });
        ((*operation).to_owned(), json!({ "operationId": operation, "parameters": parameters }))
    };
    let links: Object = next.iter().map(link).collect();
    for (status, response) in responses(operation) {
        if status.starts_with('2') {
            response.insert("links".to_owned(), Value::Object(links.clone()));
        }
    }
}
