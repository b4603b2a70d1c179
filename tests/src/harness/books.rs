//! The end of every flow: our books held against the PG's, and the events counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Shop, eventually};

impl Shop {
    /// Closes the shop: what we say of every payment has to be what the PG says, to the won, and every
    /// payment's events have to be numbered from 1 without a gap.
    ///
    /// Waits for webhooks and cancels under way.
    pub async fn close(self) {
        eventually(async || {
            let (ours, theirs) = (self.payments().await, self.simulator("payments").await);
            compare(&ours, &theirs).map_err(|why| format!("{why}\nours: {ours:#?}\ntheirs: {theirs:#?}"))
        })
        .await;
        check_numbers(&self.events().await, &self.payments().await);
        self.abandon().await;
    }

    /// Stops everything, whatever the books say.
    pub async fn abandon(mut self) {
        self.demo.stop().await;
        if let Some(permissive) = self.permissive {
            permissive.stop().await;
        }
    }
}

fn compare(ours: &[Value], theirs: &[Value]) -> Result<(), String> {
    for row in theirs {
        let (taken, given_back) = (number(row, "taken"), number(row, "given_back"));
        // A row is one payment of one amount: more than that is money taken or given twice.
        if taken > number(row, "amount") || given_back > taken {
            return Err(format!("{} moved money twice", row["pg_id"]));
        }
        let owned = ours.iter().any(|payment| is_of(row, payment));
        if !owned && taken != given_back {
            return Err(format!("{} holds money of nobody", row["pg_id"]));
        }
    }
    ours.iter().try_for_each(|payment| compare_payment(payment, theirs))
}

/// One row of the PG is the payment's money; every other that took any gave all of it back.
fn compare_payment(payment: &Value, theirs: &[Value]) -> Result<(), String> {
    let wanted = (number(payment, "amount_paid"), number(payment, "amount_cancelled"));
    let rows = theirs.iter().filter(|row| is_of(row, payment));
    let mut moved: Vec<_> = rows.map(|row| (number(row, "taken"), number(row, "given_back"))).collect();
    if wanted.0 > 0 {
        let its = moved.iter().position(|row| *row == wanted);
        let its = its.ok_or_else(|| format!("the PG does not show what {} shows", payment["id"]))?;
        moved.swap_remove(its);
    }
    match moved.iter().find(|(taken, given_back)| taken != given_back) {
        Some(_) => Err(format!("the PG holds money that {} does not show", payment["id"])),
        None => Ok(()),
    }
}

/// The PG sees `pay`, the payment's 26 characters, and two for the attempt.
fn is_of(row: &Value, payment: &Value) -> bool {
    let unique = payment["id"].as_str().and_then(|id| id.strip_prefix("pay_")).unwrap();
    row["order_id"]
        .as_str()
        .and_then(|order| order.strip_prefix("pay"))
        .is_some_and(|order| order.strip_prefix(unique).is_some_and(|attempt| attempt.len() == 2))
}

#[track_caller]
fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row:#}"))
}

fn check_numbers(events: &[Value], payments: &[Value]) {
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let id = event["payment_id"].as_str().unwrap();
        let last = numbers.entry(id).or_default();
        *last += 1;
        assert_eq!(event["number"].as_u64(), Some(*last), "the events of {id} have a gap: {events:#?}");
    }
    for payment in payments {
        let id = payment["id"].as_str().unwrap();
        let newest = events.iter().rfind(|event| event["payment_id"] == id).unwrap();
        assert_eq!(newest["data"]["status"], payment["status"], "the last event of {id} is out of date");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "pay_00000000000000000000000000";

    fn row(attempt: &str, taken: u64, given_back: u64) -> Value {
        let order_id = format!("{}{attempt}", ID.replace('_', ""));
        json!({ "order_id": order_id, "pg_id": attempt, "amount": 100, "taken": taken, "given_back": given_back })
    }

    fn payment(paid: u64, cancelled: u64) -> Value {
        json!({ "id": ID, "amount_paid": paid, "amount_cancelled": cancelled })
    }

    #[test]
    fn books_that_differ_by_a_won_are_noticed() {
        let stranger = json!({ "order_id": "x", "pg_id": "x", "amount": 100, "taken": 100, "given_back": 0 });
        for (why, ours, theirs, balanced) in [
            ("nothing happened", payment(0, 0), vec![row("01", 0, 0)], true),
            ("paid", payment(100, 0), vec![row("01", 0, 0), row("02", 100, 0)], true),
            ("a surplus went back", payment(100, 30), vec![row("01", 100, 100), row("01", 100, 30)], true),
            ("a mismatch went back", payment(0, 0), vec![row("01", 100, 100)], true),
            ("money nobody told us of", payment(0, 0), vec![row("01", 100, 0)], false),
            ("a cancel nobody told us of", payment(100, 0), vec![row("01", 100, 30)], false),
            ("paid at us only", payment(100, 0), vec![row("01", 0, 0)], false),
            ("paid in two windows", payment(100, 0), vec![row("01", 100, 0), row("01", 100, 0)], false),
            ("taken twice", payment(200, 0), vec![row("01", 200, 0)], false),
            ("given back twice", payment(100, 200), vec![row("01", 100, 200)], false),
            ("nobody's money", payment(0, 0), vec![stranger], false),
        ] {
            assert_eq!(compare(&[ours], &theirs).is_ok(), balanced, "{why}");
        }
    }

    #[test]
    #[should_panic(expected = "have a gap")]
    fn a_missing_event_is_noticed() {
        let event = |number: u64| json!({ "payment_id": ID, "number": number, "data": { "status": "paid" } });
        check_numbers(&[event(1), event(3)], &[json!({ "id": ID, "status": "paid" })]);
    }
}
