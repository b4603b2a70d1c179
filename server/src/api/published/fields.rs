//! Rules of single fields: checked by the code at the edge, said here in JSON Schema.

use paymux_core::model::{Bank, CardIssuer};
use serde_json::{Value, json};

use super::document::{id, operations};

/// Nothing in it is hidden and something in it can be seen: `paymux_core::model::is_printable`.
const PRINTABLE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*\
    [^\\s\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]\
    [^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*$";

/// Nothing in it is hidden.
const NOT_HIDDEN: &str =
    "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*$";

/// Something in it can be seen: what cannot is taken out (`paymux_core::model::readable`).
const VISIBLE: &str = "[^\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\
    \\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb]";

/// What a phone number may be written with.
const PHONE: &str = "^([-. ()\\[\\]]*\\+?[-. ()\\[\\]]*[0-9]([-. ()\\[\\]]*[0-9]){7,14}[-. ()\\[\\]]*)?$";

/// 16 bytes in base32 are 26 characters, of which the last holds three bits.
const PAYMENT_ID: &str = "^pay_[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$";
const CANCEL_ID: &str = "^can_[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$";
const CHARGE_ID: &str = "^chg_[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$";
const EVENT_ID: &str = "^evt_[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$";
const ACCOUNT: &str = "^[a-z][a-z0-9_]{0,39}$";
const WORD: &str = "^[a-z][a-z0-9_]*$";
const WEB: &str = "^https?://";

/// Patterns, by schema and property.
const PATTERNS: [(&str, &str, &str); 29] = [
    ("RegisterPayment", "order_id", PRINTABLE),
    ("RegisterPayment", "order_name", VISIBLE),
    ("RegisterPayment", "account", "^([a-z][a-z0-9_]{0,39})?$"),
    ("RegisterPayment", "return_url", WEB),
    ("RegisterCustomer", "id", NOT_HIDDEN),
    ("RegisterCustomer", "email", "^([!-?A-~]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)?$"),
    ("RegisterCustomer", "phone", PHONE),
    ("CancelPayment", "reason", VISIBLE),
    ("CancelPayment", "cancel_id", CANCEL_ID),
    ("RefundAccount", "account_number", "^-*[0-9](-*[0-9]){4,19}-*$"),
    ("RefundAccount", "holder_name", VISIBLE),
    ("Payment", "id", PAYMENT_ID),
    ("Payment", "account", ACCOUNT),
    ("Account", "account", ACCOUNT),
    ("Account", "provider", WORD),
    ("Cancel", "id", CANCEL_ID),
    ("Event", "id", EVENT_ID),
    ("Event", "type", "^[a-z_]+\\.[a-z_]+$"),
    ("Event", "payment_id", PAYMENT_ID),
    ("Event", "cancel_id", CANCEL_ID),
    ("Movement", "charge", CHARGE_ID),
    ("PgNames", "order_id", "^pay[0-9a-hjkmnp-tv-z]{28}$"),
    ("Failure", "reason", WORD),
    ("LastAttempt", "code", WORD),
    ("Problem", "type", "^/docs/errors#[a-z_]+$"),
    ("Problem", "code", WORD),
    ("Problem", "payment_id", PAYMENT_ID),
    ("Problem", "payment_status", WORD),
    ("Problem", "request_id", "^req_[0-9a-f]{32}$"),
];

/// Formats, by schema and property.
const FORMATS: [(&str, &str, &str); 6] = [
    ("RegisterPayment", "return_url", "uri"),
    ("Payment", "receipt_url", "uri"),
    ("CashReceipt", "url", "uri"),
    ("RedirectAction", "url", "uri"),
    ("ScriptAction", "script_url", "uri"),
    ("Problem", "type", "uri-reference"),
];

/// Schemas of which a property nobody knows is an error.
const CLOSED: [&str; 10] = [
    "RegisterPayment",
    "RegisterCustomer",
    "RegisterCard",
    "RegisterEasyPay",
    "RegisterVirtualAccount",
    "RegisterCashReceipt",
    "CancelPayment",
    "RefundAccount",
    "ConfirmPayment",
    "PrepareNextAction",
];

/// Parameters, with what their schema holds beside the type.
fn parameter(name: &str) -> Option<Value> {
    Some(match name {
        "id" => json!({ "pattern": PAYMENT_ID }),
        "Idempotency-Key" => json!({ "minLength": 1, "pattern": "^[!-~]{1,255}$" }),
        "order_id" => json!({ "minLength": 1, "pattern": PRINTABLE }),
        _ => return None,
    })
}

pub(super) fn complete(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for (schema, property, pattern) in PATTERNS {
        merge(&mut schemas[schema]["properties"][property], json!({ "pattern": pattern }));
    }
    for (schema, property, format) in FORMATS {
        if let Some(property) =
            schemas.get_mut(schema).and_then(|schema| schema["properties"].get_mut(property))
        {
            merge(property, json!({ "format": format }));
        }
    }
    for schema in CLOSED {
        schemas[schema]["additionalProperties"] = json!(false);
    }
    let note = json!({ "type": "string", "maxLength": 500, "pattern": NOTE });
    let name = json!({ "minLength": 1, "maxLength": 40, "pattern": NOTE });
    let notes = json!({ "maxProperties": 20, "propertyNames": name, "additionalProperties": note });
    merge(&mut schemas["RegisterPayment"]["properties"]["metadata"], notes);
    // What is taken. What is shown has no list: a new bank is no new type to a client.
    let banks: Vec<_> = Bank::ALL.iter().map(|bank| bank.code.as_str()).collect();
    merge(&mut schemas["RefundAccount"]["properties"]["bank_code"], json!({ "enum": banks }));
    // An empty text for what may be left out is the same as leaving it out.
    let issuers: Vec<_> = CardIssuer::ALL.iter().map(|issuer| issuer.code.as_str()).chain([""]).collect();
    merge(&mut schemas["RegisterCard"]["properties"]["issuer"], json!({ "enum": issuers }));
    if let Some(due_at) = schemas["RegisterVirtualAccount"]["properties"]["due_at"].as_object_mut() {
        due_at.remove("format");
        due_at.insert("anyOf".to_owned(), json!([{ "format": "date-time" }, { "maxLength": 0 }]));
    }
    let months = &mut schemas["RegisterCard"]["properties"]["installment_months"];
    merge(months, json!({ "not": { "const": 1 } }));
    whole_numbers(schemas);
    for operation in operations(document) {
        let cancels = id(operation) == "cancelPayment";
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for described in parameters.into_iter().flatten() {
            let name = described["name"].as_str().unwrap_or_default().to_owned();
            if let Some(rule) = parameter(&name) {
                merge(&mut described["schema"], rule);
            }
            // Optional to the framework, so that its absence gets an error code of its own.
            if cancels && name == "Idempotency-Key" {
                described["required"] = json!(true);
            }
        }
    }
}

/// Notes may be empty, and hold no control characters.
const NOTE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// Every number here is whole, and every JSON reader keeps it exact. Formats that no client generator knows become those
/// that all do.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            let format = schema.get("format").and_then(Value::as_str);
            let (format, least, most) = match format {
                Some("uint64") => ("int64", json!(0), json!(paymux_core::model::MAX_AMOUNT)),
                Some("uint32") => ("int64", json!(0), json!(u32::MAX)),
                Some("uint16") => ("int32", json!(0), json!(u16::MAX)),
                // What an event moved: back, too.
                Some("int64") => (
                    "int64",
                    json!(-paymux_core::model::MAX_AMOUNT.cast_signed()),
                    json!(paymux_core::model::MAX_AMOUNT),
                ),
                _ => return schema.values_mut().for_each(whole_numbers),
            };
            schema.insert("format".to_owned(), json!(format));
            schema.entry("minimum").or_insert(least);
            schema.entry("maximum").or_insert(most);
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        _ => {}
    }
}

fn merge(schema: &mut Value, rules: Value) {
    if let (Some(schema), Value::Object(rules)) = (schema.as_object_mut(), rules) {
        schema.extend(rules);
    }
}
