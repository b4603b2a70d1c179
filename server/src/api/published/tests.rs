use std::collections::BTreeSet;

use poem_openapi::types::{ParseFromJSON, ToJSON, Type as _};

use super::*;
use crate::{
    api::{
        browser_body::{ConfirmPayment, PrepareNextAction},
        cancel_body::CancelPayment,
        institutions::{BankList, CardIssuerList},
        payment_body::PaymentBody,
        problem::Problem,
        register_body::RegisterPayment,
    },
    config::ReturnOrigins,
    http::ErrorCode,
};

fn document() -> Value {
    crate::documentation().document().clone()
}

/// The example of a name.
fn example(name: &str) -> Value {
    examples::components()[name]["value"].clone()
}

fn read<T: ParseFromJSON>(name: &str) -> T {
    T::parse_from_json(Some(example(name))).unwrap_or_else(|error| panic!("{name}: {}", error.into_message()))
}

/// Reads an example as the type and writes it again: nothing in it is unknown, missing or misspelled.
fn assert_round_trip<T: ParseFromJSON + ToJSON>(name: &str) {
    assert_eq!(read::<T>(name).to_json(), Some(example(name)), "{name}");
}

#[test]
fn every_operation_is_described_from_end_to_end() {
    let mut document = document();
    for operation in operations(&mut document) {
        let name = id(operation).to_owned();
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{name}: {text}");
        }
        if let Some(body) = operation.get("requestBody") {
            let examples = &body["content"]["application/json"]["examples"];
            assert!(examples.as_object().is_some_and(|examples| !examples.is_empty()), "{name}: request");
        }
        for (status, response) in responses(operation) {
            let media = response["content"].as_object().unwrap().values().next().unwrap();
            let examples = media["examples"].as_object();
            assert!(examples.is_some_and(|examples| !examples.is_empty()), "{name}: {status}");
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {status}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        if let Some(pointer) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer}");
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| check(member, document)),
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[test]
fn every_written_example_is_somebodys() {
    let text = examples::WRITTEN["operations"].to_string();
    for name in examples::WRITTEN["components"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"{name}\"")), "{name}");
    }
    let known: BTreeSet<String> =
        operations(&mut document()).map(|operation| id(operation).to_owned()).collect();
    for operation in examples::WRITTEN["operations"].as_object().unwrap().keys() {
        assert!(known.contains(operation), "{operation}");
    }
}

#[test]
fn a_rule_is_only_given_to_a_field_there_is() {
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        for (field, rule) in schema["properties"].as_object().into_iter().flatten() {
            let described =
                ["type", "$ref", "allOf", "anyOf", "description"].iter().any(|key| rule.get(key).is_some());
            assert!(described, "{name}.{field} is given rules and does not exist");
        }
    }
}

#[test]
fn examples_of_requests_are_taken() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    for name in ["register_smallest", "register_card", "register_virtual_account"] {
        assert_round_trip::<RegisterPayment>(name);
        let registered = read::<RegisterPayment>(name).into_domain(&ReturnOrigins::Localhost, now);
        assert!(registered.is_ok(), "{name}");
    }
    for name in ["cancel_all", "cancel_part", "cancel_virtual_account", "cancel_waiting_compensation"] {
        assert_round_trip::<CancelPayment>(name);
        assert!(read::<CancelPayment>(name).into_domain(paymux_core::model::Currency::Krw).is_ok(), "{name}");
    }
    assert_round_trip::<PrepareNextAction>("next_action_mobile");
    for name in ["browser_result_query", "browser_result_callback"] {
        assert_round_trip::<ConfirmPayment>(name);
    }
}

#[test]
fn examples_of_answers_are_what_is_answered() {
    let payments =
        examples::components().into_iter().filter(|(_, example)| example["value"]["object"] == "payment");
    for (name, _) in payments {
        assert_round_trip::<PaymentBody>(&name);
    }
    assert_round_trip::<BankList>("banks");
    assert_round_trip::<CardIssuerList>("card_issuers");
    for code in ErrorCode::of_the_api() {
        assert_round_trip::<Problem>(code.name());
    }
}

#[test]
fn a_merchant_has_only_to_look_up_errors_an_operation_answers() {
    let mut document = document();
    let of = |document: &mut Value, name: &str| -> BTreeSet<String> {
        let operation = operations(document).find(|operation| id(operation) == name).unwrap();
        responses(operation).map(|(status, _)| status.clone()).collect()
    };
    assert_eq!(of(&mut document, "checkHealth"), ["200", "400", "500", "503"].map(String::from).into());
    assert!(of(&mut document, "confirmPayment").contains("402"));
    assert!(!of(&mut document, "registerPayment").contains("402"), "registering calls no payment gateway");
}

#[test]
fn names_of_schemas_are_the_apis_own() {
    assert_eq!(PaymentBody::name(), "Payment");
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.starts_with("Api") && !name.ends_with("Body"), "{name}");
    }
}
