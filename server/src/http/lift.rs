//! Makes a valid OpenAPI 3.1 document of the one poem-openapi writes.
//!
//! What poem-openapi calls 3.0.0 has members that only 3.1 knows (`webhooks`, `info.summary`)
//! beside ones that 3.1 no longer knows (`nullable`, boolean `exclusiveMinimum`), so that it is
//! valid as neither. One walk over the document repairs that.

use serde_json::{Map, Number, Value, json};

type Object = Map<String, Value>;

/// The document at version 3.1.0.
#[must_use]
pub fn lift(mut document: Value) -> Value {
    if let Some(root) = document.as_object_mut() {
        root.insert("openapi".to_owned(), json!("3.1.0"));
        // An operation that names no security needs none.
        root.entry("security").or_insert_with(|| json!([]));
        for paths in ["paths", "webhooks"] {
            each(root.get_mut(paths), &mut |item| each(Some(item), &mut operation));
        }
        if let Some(components) = root.get_mut("components").and_then(Value::as_object_mut) {
            each(components.get_mut("schemas"), &mut schema);
        }
        drop_empty_description(root.get_mut("info"));
    }
    document
}

/// Visits every member of an object and every item of a list.
fn each(value: Option<&mut Value>, visit: &mut impl FnMut(&mut Value)) {
    match value {
        Some(Value::Object(members)) => members.values_mut().for_each(visit),
        Some(Value::Array(items)) => items.iter_mut().for_each(visit),
        _ => {}
    }
}

fn operation(value: &mut Value) {
    let Some(operation) = value.as_object_mut() else { return };
    drop_false(operation, "deprecated");
    operation.entry("security").or_insert_with(|| json!([]));
    each(operation.get_mut("parameters"), &mut parameter);
    if let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
        content(body);
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, answer) in responses {
            response(status, answer);
        }
    }
}

fn parameter(value: &mut Value) {
    let Some(parameter) = value.as_object_mut() else { return };
    drop_false(parameter, "deprecated");
    // `explode` says how a list is written; only in a query does poem-openapi heed it.
    if parameter.get("in") != Some(&json!("query")) {
        parameter.remove("explode");
    }
    parameter.get_mut("schema").map(schema);
    example_of_media_type(parameter);
}

fn response(status: &str, value: &mut Value) {
    let Some(response) = value.as_object_mut() else { return };
    let described = response.get("description").and_then(Value::as_str);
    if described.is_none_or(str::is_empty) {
        response.insert("description".to_owned(), json!(description_of(status)));
    }
    content(response);
    if let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) {
        *headers = std::mem::take(headers)
            .into_iter()
            .map(|(name, mut header)| {
                parameter(&mut header);
                (title_case(&name), header)
            })
            .collect();
    }
}

fn description_of(status: &str) -> &'static str {
    match status.as_bytes().first() {
        Some(b'2') => "Done",
        Some(b'3') => "Elsewhere",
        _ => "Not done",
    }
}

/// `application/json; charset=utf-8` is a media type of its own to a generator of clients.
fn content(holder: &mut Object) {
    let Some(content) = holder.get_mut("content").and_then(Value::as_object_mut) else { return };
    *content = std::mem::take(content)
        .into_iter()
        .map(|(kind, mut media)| {
            if let Some(media) = media.as_object_mut() {
                media.get_mut("schema").map(schema);
                example_of_media_type(media);
            }
            let bare = kind.split(';').next().unwrap_or_default().trim().to_owned();
            (bare, media)
        })
        .collect();
}

/// Outside a schema, 3.1 keeps `example`; a null one is poem-openapi's way of saying none.
fn example_of_media_type(holder: &mut Object) {
    if holder.get("example").is_some_and(Value::is_null) {
        holder.remove("example");
    }
}

fn schema(value: &mut Value) {
    let Some(schema_object) = value.as_object_mut() else { return };
    children(schema_object);
    drop_false(schema_object, "deprecated");
    limits(schema_object);
    constant(schema_object);
    examples(schema_object);
    // A union's variants say their own types.
    if schema_object.contains_key("oneOf") {
        schema_object.remove("type");
    }
    nullable(schema_object);
    described_reference(schema_object);
}

/// `allOf: [{$ref}, {description}]` → `{$ref, description}`: since 3.1 a reference may have siblings.
fn described_reference(schema_object: &mut Object) {
    let Some([Value::Object(reference), Value::Object(rest)]) =
        schema_object.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return;
    };
    let only = |object: &Object, key: &str| object.len() == 1 && object.contains_key(key);
    if only(reference, "$ref") && only(rest, "description") {
        let reference = reference.clone();
        schema_object.remove("allOf");
        schema_object.extend(reference);
    }
}

/// Schemas are found by their place, since a property may have any name, `schema` too.
fn children(schema_object: &mut Object) {
    for many in ["properties", "oneOf", "anyOf", "allOf"] {
        each(schema_object.get_mut(many), &mut schema);
    }
    for one in ["items", "additionalProperties", "not"] {
        schema_object.get_mut(one).map(schema);
    }
}

/// Limits are floats where integers were meant, and `exclusive…` a flag beside them where 3.1
/// has the limit itself.
fn limits(schema_object: &mut Object) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(number) = schema_object.get_mut(limit) {
            whole(number);
        }
        match schema_object.remove(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(number) = schema_object.remove(limit) {
                    schema_object.insert(exclusive.to_owned(), number);
                }
            }
            Some(Value::Bool(false)) | None => {}
            Some(number) => {
                schema_object.insert(exclusive.to_owned(), number);
            }
        }
    }
    if let Some(number) = schema_object.get_mut("multipleOf") {
        whole(number);
    }
}

/// `1.0` → `1`, where nothing is lost. By way of the text: no float is calculated with.
fn whole(value: &mut Value) {
    let Some(number) = value.as_f64() else { return };
    if let Ok(integer) = format!("{number}").parse::<i64>() {
        *value = Value::Number(Number::from(integer));
    }
}

fn constant(schema_object: &mut Object) {
    let only = match schema_object.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => only.clone(),
        _ => return,
    };
    schema_object.remove("enum");
    schema_object.insert("const".to_owned(), only);
}

fn examples(schema_object: &mut Object) {
    if let Some(example) = schema_object.remove("example")
        && !example.is_null()
    {
        schema_object.insert("examples".to_owned(), json!([example]));
    }
}

fn nullable(schema_object: &mut Object) {
    if schema_object.remove("nullable") != Some(json!(true)) {
        return;
    }
    match schema_object.get_mut("type") {
        Some(kind @ Value::String(_)) => *kind = json!([kind.take(), "null"]),
        _ => {
            let inner = std::mem::take(schema_object);
            schema_object.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
        }
    }
}

fn drop_false(object: &mut Object, key: &str) {
    if object.get(key) == Some(&json!(false)) {
        object.remove(key);
    }
}

fn drop_empty_description(info: Option<&mut Value>) {
    if let Some(info) = info.and_then(Value::as_object_mut)
        && info.get("description") == Some(&json!(""))
    {
        info.remove("description");
    }
}

/// `RETRY-AFTER` → `Retry-After`.
fn title_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
    });
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
