//! A shop that meets a fault: it retries as the API says, lets time pass, and holds the books against
//! each other.

use std::time::Duration;

use paymux_sandbox::{Control, Fault, FaultRule, WEBHOOK};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::plan::Case;
use crate::{
    crash::{
        audit::{Findings, audit},
        shop::Books,
    },
    harness::{AMOUNT, Reply, Shop},
};

/// How often a request is repeated, or started again, before that counts as never.
const TRIES: u32 = 24;

/// How far time is moved at once; after so many steps they are longer, for what is left waits for hours.
const STEP: Duration = Duration::from_secs(20);
const SHORT_STEPS: u32 = 12;
const LONG_STEP: Duration = Duration::from_secs(10 * 60);

/// How long, in real time, what a step sets off is given to happen; and how many steps are taken at the most.
const PAUSE: Duration = Duration::from_millis(20);
const STEPS: u32 = 80;

/// Whatever would still be sent a second time has been sent by then.
const AFTERWARDS: Duration = Duration::from_secs(15 * 60);

/// The payment's part of the story is over: what is wrong stands in the visit.
pub(super) type Step = Result<(), String>;

/// One order of one case.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) shop: &'a Shop,
    pub(super) case: &'a Case,
    pub(super) id: String,
    order: String,
    pub(super) pg: Control,
    /// Where the event feed was read to, before this order.
    cursor: &'a mut String,
    events: Vec<Value>,
    is_silent: bool,
    keys: u32,
    steps: u32,
    last: Books,
    pub(super) findings: Findings,
}

impl<'a> Visit<'a> {
    /// Registers the order; from now on no webhook comes unless it must.
    pub(super) async fn new(
        shop: &'a Shop,
        case: &'a Case,
        order: &str,
        cursor: &'a mut String,
    ) -> Result<Self, String> {
        Ok(Self {
            shop,
            case,
            id: registered(shop, order).await?,
            order: order.to_owned(),
            pg: shop.pg(),
            cursor,
            events: Vec::new(),
            is_silent: false,
            keys: 0,
            steps: 0,
            last: Books::default(),
            findings: Findings::default(),
        })
    }

    /// No webhook comes any more: only what Paymux asks for itself counts.
    pub(super) async fn silence(&mut self) -> Step {
        self.is_silent = true;
        self.arm(&[FaultRule { times: Some(10_000), ..FaultRule::new(WEBHOOK, Fault::Drop) }]).await
    }

    /// From now on the fault is met, after those that lead to it.
    pub(super) async fn meet(&self, before: &[FaultRule]) -> Step {
        self.arm(before).await?;
        self.arm(&[self.case.rule()]).await
    }

    /// These happen too.
    pub(super) async fn arm(&self, rules: &[FaultRule]) -> Step {
        self.pg.add_faults(rules.to_vec()).await.map_err(|error| error.to_string())
    }

    /// No fault any more.
    pub(super) async fn clear_faults(&mut self) -> Step {
        self.pg.clear_faults();
        if self.is_silent { self.silence().await } else { Ok(()) }
    }

    pub(super) async fn payment(&self) -> Value {
        self.shop.payment(&self.id).await
    }

    /// Time passes, and what it sets off has time to happen.
    pub(super) async fn pass(&mut self) {
        sleep(PAUSE).await;
        self.steps += 1;
        self.shop.advance(if self.steps <= SHORT_STEPS { STEP } else { LONG_STEP }).await;
        sleep(PAUSE).await;
    }

    /// Lets time pass until nothing about the payment is uncertain, and gives it.
    pub(super) async fn resolved(&mut self) -> Result<Value, String> {
        self.steps = 0;
        loop {
            let payment = self.payment().await;
            if !is_uncertain(&payment) {
                return Ok(payment);
            }
            if self.steps > STEPS {
                return Err(format!("it stays uncertain: {payment:#}"));
            }
            self.pass().await;
        }
    }

    /// The next idempotency key.
    pub(super) fn next_key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}", self.id, self.keys)
    }

    /// The PG gave up waiting for what kept failing: the order is registered again.
    async fn register_again(&mut self) -> Step {
        self.agree("expired").await;
        self.id = registered(self.shop, &self.order).await?;
        self.events.clear();
        Ok(())
    }

    /// The buyer goes through the window; `None` if the payment is paid already.
    pub(super) async fn window(&mut self) -> Result<Option<Value>, String> {
        for _ in 0..TRIES {
            let payment = self.resolved().await?;
            if is_paid(&payment) {
                return Ok(None);
            }
            if payment["status"] == "expired" {
                self.register_again().await?;
            }
            let prepared = self.shop.next_action(&self.id).await;
            if prepared.status != 200 {
                self.check_answer(&prepared, "next-action");
                self.pass().await;
                continue;
            }
            let visit = json!({ "payment_id": self.id, "outcome": "approve" });
            let visited = self.shop.try_control("pay", visit).await;
            if visited.status == 200 {
                return Ok(Some(visited["browser_result"].clone()));
            }
            // The window says that the order is paid.
            self.shop.verify(&self.id).await;
            self.pass().await;
        }
        Err("no window ever opened".to_owned())
    }

    /// Confirms until the payment is paid, or its account issued; anew where the buyer has to try again.
    pub(super) async fn confirmed(&mut self, result: Value) -> Step {
        let (mut result, mut key) = (result, self.next_key());
        for _ in 0..TRIES {
            let payment = self.resolved().await?;
            if is_paid(&payment) || payment["status"] == "awaiting_deposit" {
                return Ok(());
            }
            let reply = self.shop.confirm_with_key(&self.id, &result, &key).await;
            self.check_answer(&reply, "confirm");
            match (reply.status, reply["retry"].as_str()) {
                (200, _) if reply["status"] != "ready" => {}
                (202, _) | (_, Some("same_key")) => self.pass().await,
                (200 | 402 | 409 | 502, _) => {
                    let Some(again) = self.window().await? else { return Ok(()) };
                    (result, key) = (again, self.next_key());
                }
                _ => return Err(format!("a confirm was answered {} {:#}", reply.status, reply.body)),
            }
        }
        Err("it was never paid".to_owned())
    }

    /// Cancels until so much has gone back; under another key where the answer is final.
    pub(super) async fn cancelled(&mut self, target: u64) -> Step {
        let (mut key, mut asked) = (self.next_key(), None);
        for _ in 0..TRIES {
            let payment = self.resolved().await?;
            let gone = payment["amount_cancelled"].as_u64().unwrap_or(u64::MAX);
            let is_closed = payment["amount_paid"] == 0 && payment["status"] == "cancelled";
            if gone >= target || is_closed {
                return Ok(());
            }
            let part = (target < AMOUNT).then(|| target - gone);
            if asked.is_some_and(|before| before != part) {
                key = self.next_key();
            }
            asked = Some(part);
            let reply = self.shop.cancel(&self.id, &key, part).await;
            self.check_answer(&reply, "cancel");
            match (reply.status, reply["retry"].as_str()) {
                (200, _) => {}
                (202, _) | (_, Some("same_key")) => self.pass().await,
                (409 | 502, _) => {
                    key = self.next_key();
                    self.pass().await;
                }
                _ => return Err(format!("a cancel was answered {} {:#}", reply.status, reply.body)),
            }
        }
        Err("it was never cancelled".to_owned())
    }

    /// An answer that shows an unknown outcome as a decline is wrong, whatever becomes of it.
    fn check_answer(&mut self, reply: &Reply, what: &str) {
        let said = reply["code"].as_str().unwrap_or_default();
        let is_decline = matches!(said, "payment_declined" | "cancel_refused" | "payment_mismatch");
        // The PG's window may have ended meanwhile; that is its own decline.
        let has_expired = reply["pg"]["code"].as_str().is_some_and(|code| code.ends_with("_SESSION"));
        // After three errors a look-up past the last send's final time shows that nothing was done.
        let is_looked_up = what == "cancel" && self.case.is_answered_thrice();
        if is_decline && !has_expired && !is_looked_up && !self.case.declines() {
            self.findings.wrong.push(format!(
                "an unknown outcome was shown as a decline: {what} was answered {:#}",
                reply.body
            ));
        }
    }

    /// Lets time pass until our books are the PG's and say what this stage came to.
    pub(super) async fn agree(&mut self, status: &str) {
        self.steps = 0;
        loop {
            let findings = self.findings_now(status).await;
            if findings.is_clean() {
                return;
            }
            if self.steps > STEPS {
                self.findings.duplicates.extend(findings.duplicates);
                self.findings.orphans.extend(findings.orphans);
                self.findings.wrong.extend(findings.wrong);
                return;
            }
            if self.case.is_false_decline() && self.steps > SHORT_STEPS {
                // A false decline of the PG, and no webhook for it: somebody has to look it up.
                self.shop.verify(&self.id).await;
            }
            self.pass().await;
        }
    }

    /// The same, and again once everything that could still be sent has been.
    pub(super) async fn end(&mut self, status: &str) -> Step {
        self.clear_faults().await?;
        self.agree(status).await;
        self.shop.advance(AFTERWARDS).await;
        sleep(PAUSE).await;
        self.agree(status).await;
        Ok(())
    }

    async fn findings_now(&mut self, status: &str) -> Findings {
        self.read_books().await;
        let mut findings = audit(&self.last, &[]);
        let payment = &self.last.payments[0];
        if payment["status"] != status {
            findings.wrong.push(format!("it is {}, not {status}", payment["status"]));
        }
        let adopted = payment["cancels"].as_array().into_iter().flatten().any(|row| row["origin"] == "pg");
        if adopted && !self.case.is_of_console() {
            findings.wrong.push("a cancel of ours is taken for one of the PG's".to_owned());
        }
        findings
    }

    async fn read_books(&mut self) {
        let payment = self.payment().await;
        let unique = self.id.strip_prefix("pay_").unwrap_or_default();
        let is_its = |row: &Value| row["order_id"].as_str().is_some_and(|order| order.contains(unique));
        let rows = self.pg.payments().into_iter().filter(is_its).collect();
        let new = self.shop.events_after(self.cursor).await;
        self.events.extend(new.into_iter().filter(|event| event["payment_id"] == self.id.as_str()));
        self.last = Books { payments: vec![payment], events: self.events.clone(), rows };
    }

    /// Both books, as they were when they were last looked at.
    pub(super) fn shown(&self) -> String {
        self.last.shown()
    }
}

/// Registers an order, again and again if the API says so; gives the payment's id.
async fn registered(shop: &Shop, order: &str) -> Result<String, String> {
    for _ in 0..TRIES {
        let reply = shop.try_register(order).await;
        match reply.status {
            200 | 201 => return Ok(reply.text("id")),
            503 => sleep(PAUSE).await,
            _ => return Err(format!("an order was not registered: {} {:#}", reply.status, reply.body)),
        }
    }
    Err("an order was never registered".to_owned())
}

fn is_paid(payment: &Value) -> bool {
    payment["amount_paid"] == AMOUNT
}

fn is_uncertain(payment: &Value) -> bool {
    let cancels = payment["cancels"].as_array().into_iter().flatten();
    let mut statuses = cancels.filter_map(|cancel| cancel["status"].as_str());
    payment["status"] == "confirming"
        || statuses.any(|status| matches!(status, "requested" | "sent" | "unknown"))
}
