//! The examples of the README are what the control API understands.

use serde::de::DeserializeOwned;

use crate::{
    ActionOptions, FaultRule, ForeignPayment, IssueKey, OrderAction, PayRequest, RevokeKey, WebhookTarget,
};

fn understood<T: DeserializeOwned>(body: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<T>(body).map(drop)
}

/// An action, with or without options.
fn understood_action<T: DeserializeOwned>(body: &str) -> Result<(), serde_json::Error> {
    let mut fields = serde_json::from_str(body)?;
    ActionOptions::take_from(&mut fields)?;
    serde_json::from_value::<T>(fields.into()).map(drop)
}

#[test]
fn every_example_is_understood() {
    let mut examples = 0;
    for line in include_str!("../../README.md").lines() {
        let Some((path, rest)) =
            line.split_once("curl ").and_then(|(_, call)| call.split_once("/_sandbox/")?.1.split_once(' '))
        else {
            continue;
        };
        let Some((_, body)) = rest.split_once("-d '") else { continue };
        let body = body.split_once('\'').unwrap().0;
        let read = match path {
            "pay" => understood_action::<PayRequest>(body),
            "deposit" | "reverse" | "cancel" => understood_action::<OrderAction>(body),
            "foreign-payments" => understood::<ForeignPayment>(body),
            "issue-key" => understood::<IssueKey>(body),
            "revoke-key" => understood::<RevokeKey>(body),
            "faults" => understood::<Vec<FaultRule>>(body),
            "webhook-targets" => understood::<Vec<WebhookTarget>>(body),
            "clock" | "reset" => understood::<serde_json::Value>(body),
            _ => panic!("no control call {path}"),
        };
        assert!(read.is_ok(), "{line}: {read:?}");
        examples += 1;
    }
    assert!(examples >= 20, "{examples} examples found");
}
