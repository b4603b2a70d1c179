//! The examples of the README are what the control API understands.

use serde::de::DeserializeOwned;

use crate::{FaultRule, OrderAction, PayRequest, WebhookTarget};

fn understood<T: DeserializeOwned>(body: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<T>(body).map(drop)
}

#[test]
fn every_example_is_understood() {
    let mut examples = 0;
    for line in include_str!("../../README.md").lines() {
        let Some((path, rest)) =
            line.strip_prefix("curl $PG/_sandbox/").and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        let Some((_, body)) = rest.split_once("-d '") else { continue };
        let body = body.split_once('\'').unwrap().0;
        let read = match path {
            "pay" => understood::<PayRequest>(body),
            "deposit" | "reverse" | "cancel" => understood::<OrderAction>(body),
            "faults" => understood::<Vec<FaultRule>>(body),
            "webhook-targets" => understood::<Vec<WebhookTarget>>(body),
            "clock" | "reset" => understood::<serde_json::Value>(body),
            _ => panic!("no control call {path}"),
        };
        assert!(read.is_ok(), "{line}: {read:?}");
        examples += 1;
    }
    assert!(examples >= 10, "{examples} examples found");
}
