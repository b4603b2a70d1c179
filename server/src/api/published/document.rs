//! Ways into a document of OpenAPI.

use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// Every operation of the document.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = &mut Object> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut());
    let members = items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
    members.filter_map(Value::as_object_mut).filter(|member| member.contains_key("operationId"))
}

/// The name of an operation.
pub(super) fn id(operation: &Object) -> &str {
    operation.get("operationId").and_then(Value::as_str).unwrap_or_default()
}

/// Its answers, by status.
pub(super) fn responses(operation: &mut Object) -> impl Iterator<Item = (&String, &mut Object)> {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let responses = responses.into_iter().flatten();
    responses.filter_map(|(status, response)| Some((status, response.as_object_mut()?)))
}
