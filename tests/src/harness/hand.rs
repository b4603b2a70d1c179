//! What only a test can do: play the buyer and the bank, move the clock, break the network, read the books.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Reply, Shop};

impl Shop {
    /// The buyer goes through the window; gives what the browser brings back.
    pub async fn buyer(&self, id: &str, outcome: &str) -> Value {
        self.buyer_with(json!({ "payment_id": id, "outcome": outcome })).await
    }

    /// The same, with more said of it.
    pub async fn buyer_with(&self, visit: Value) -> Value {
        self.control("pay", visit).await["browser_result"].take()
    }

    /// Asks the simulator for something; it has to work.
    pub async fn control(&self, call: &str, body: Value) -> Value {
        let reply = self.try_control(call, body).await;
        assert_eq!(reply.status, 200, "{call}: {:#}", reply.body);
        reply.body
    }

    /// Asks the simulator for something.
    pub async fn try_control(&self, call: &str, body: Value) -> Reply {
        let body = match &self.permissive {
            Some(permissive) => permissive.by_order_id(self, call, body).await,
            None => body,
        };
        self.controls.send(Method::POST, &self.control_url(call), &[], Some(&body)).await
    }

    /// Reads a log or the books of this shop's PG.
    pub async fn simulator(&self, what: &str) -> Vec<Value> {
        let mut reply = self.controls.send(Method::GET, &self.control_url(what), &[], None).await;
        let list = if self.permissive.is_some() { reply.body } else { reply.body[&self.account].take() };
        serde_json::from_value(list).unwrap()
    }

    /// The calls of one name that the PG received.
    pub async fn calls(&self, call: &str) -> Vec<Value> {
        self.simulator("calls").await.into_iter().filter(|seen| seen["call"] == call).collect()
    }

    /// The look-ups that the PG received and answered about something that their path names.
    pub async fn looks_at(&self, name: &str) -> usize {
        let calls = self.simulator("calls").await;
        let answered = calls.iter().filter(|call| call["method"] == "GET" && call["answer_status"].is_u64());
        answered.filter(|call| call["path"].as_str().unwrap_or_default().contains(name)).count()
    }

    /// What came in and went back in one payment of the PG's books.
    pub async fn moved(&self, pg_id: &Value) -> (u64, u64) {
        let books = self.simulator("payments").await;
        let row = books.iter().find(|row| row["pg_id"] == *pg_id).unwrap();
        (row["taken"].as_u64().unwrap(), row["given_back"].as_u64().unwrap())
    }

    /// No webhook comes from now on.
    pub async fn no_webhooks(&self) {
        self.faults(json!([{ "call": "webhook", "fault": "drop", "times": 1_000 }])).await;
    }

    /// Scripts what goes wrong.
    pub async fn faults(&self, mut rules: Value) {
        for rule in rules.as_array_mut().unwrap() {
            rule["account"] = self.account.as_str().into();
        }
        let reply = self.controls.send(Method::POST, &self.control_url("faults"), &[], Some(&rules)).await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
    }

    /// Nothing goes wrong any more.
    pub async fn no_faults(&self) {
        let reply = self.controls.send(Method::DELETE, &self.control_url("faults"), &[], None).await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
    }

    /// Lets time pass, for the server and for the PGs.
    pub async fn advance(&self, by: Duration) {
        if let Some(permissive) = &self.permissive {
            permissive.advance(by);
        }
        let url = format!("{}/_sandbox/clock", self.demo.url());
        let body = json!({ "advance_s": by.as_secs() });
        let reply = self.controls.send(Method::POST, &url, &[], Some(&body)).await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
    }

    /// What time it is, for the server and for the PGs.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.demo.app().gateway().clock().now()
    }

    /// Delivers a webhook of somebody's making to the address of this shop's PG; gives the status.
    pub async fn deliver(&self, token: &str, body: &Value) -> u16 {
        let url = format!("{}/webhooks/{}/{token}", self.demo.url(), self.account);
        self.controls.send(Method::POST, &url, &[], Some(body)).await.status
    }

    /// This shop's PG, held by the hand and not over HTTP.
    ///
    /// # Panics
    ///
    /// If the account has no simulator.
    #[must_use]
    pub fn pg(&self) -> paymux_sandbox::Control {
        if let Some(permissive) = &self.permissive {
            return permissive.control();
        }
        let mut controls = self.demo.app().controls().iter();
        controls.find(|(account, _)| account.as_str() == self.account).unwrap().1.clone()
    }

    fn control_url(&self, call: &str) -> String {
        let server = self.permissive.as_ref().map_or_else(|| self.demo.url(), |own| own.base_url());
        format!("{server}/_sandbox/{call}")
    }
}
