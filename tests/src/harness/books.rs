//! The end of every flow: our books held against the PG's, and the events counted.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, eventually};

impl Shop {
    /// Closes the shop: what we say of every payment has to be what the PG says, to the won, every payment's events
    /// have to be numbered from 1 without a gap, and the ledger has to add up.
    ///
    /// Waits for webhooks and cancels under way.
    pub async fn close(self) {
        eventually(async || {
            let (ours, theirs) = (self.payments().await, self.simulator("payments").await);
            compare(&ours, &theirs).map_err(|why| format!("{why}\nours: {ours:#?}\ntheirs: {theirs:#?}"))
        })
        .await;
        check_numbers(&self.events().await, &self.payments().await);
        self.check_ledger().await;
        self.abandon().await;
    }

    /// Every amount of every charge is the sum of what its events moved.
    pub async fn check_ledger(&self) {
        let mut path = "/ledger/check?limit=500".to_owned();
        loop {
            let page = self.operator(Method::GET, &path, None).await;
            assert_eq!((page.status, &page["differences"]), (200, &json!([])), "{:#}", page.body);
            match page["next_cursor"].as_str() {
                Some(next) => path = format!("/ledger/check?limit=500&cursor={next}"),
                None => return,
            }
        }
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
    // What another system of the merchant took is nothing to us.
    for row in theirs.iter().filter(|row| row["foreign"] != true) {
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

/// Every row of the PG that took money is the payment's own or one of its duplicates, with the same amounts. A duplicate
/// gave all of it back.
fn compare_payment(payment: &Value, theirs: &[Value]) -> Result<(), String> {
    let rows = theirs.iter().filter(|row| is_of(row, payment) && number(row, "taken") > 0);
    let mut moved: Vec<_> =
        rows.map(|row| (&row["pg_id"], number(row, "taken"), number(row, "given_back"))).collect();
    for (pg_id, paid, cancelled) in shown(payment) {
        let its = moved.iter().position(|(its, taken, given_back)| {
            (*taken, *given_back) == (paid, cancelled) && (pg_id.is_null() || *its == pg_id)
        });
        let its = its.ok_or_else(|| format!("the PG does not show what {} shows", payment["id"]))?;
        moved.swap_remove(its);
    }
    if !moved.is_empty() {
        return Err(format!("the PG holds money that {} does not show", payment["id"]));
    }
    let kept = |duplicate: &&Value| number(duplicate, "amount") != given_back(duplicate);
    match rows_of(payment, "duplicates").find(kept) {
        Some(duplicate) => Err(format!("{} did not go back", duplicate["pg_payment_id"])),
        None => Ok(()),
    }
}

/// The money of a payment as we show it: PG id, what came in with what somebody else paid of it, what went back.
fn shown(payment: &Value) -> Vec<(&Value, u64, u64)> {
    let paid = number(payment, "amount_paid");
    let own = (paid > 0).then(|| {
        let gross = paid + number(payment, "amount_discounted");
        (&payment["pg"]["payment_id"], gross, number(payment, "amount_cancelled"))
    });
    let duplicates = rows_of(payment, "duplicates")
        .map(|duplicate| (&duplicate["pg_payment_id"], number(duplicate, "amount"), given_back(duplicate)));
    own.into_iter().chain(duplicates).collect()
}

/// What went out of a duplicate, or is on its way to the buyer.
fn given_back(duplicate: &Value) -> u64 {
    let counts = |cancel: &&Value| cancel["status"] == "done" || cancel["status"] == "pending";
    rows_of(duplicate, "cancels").filter(counts).map(|cancel| number(cancel, "amount")).sum()
}

fn rows_of<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    body[name].as_array().into_iter().flatten()
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
        json!({ "id": ID, "amount_paid": paid, "amount_discounted": 0, "amount_cancelled": cancelled })
    }

    /// A payment that shows a charge beside the one that pays it.
    fn beside(payment: Value, pg_id: &str, amount: u64, went_back: u64) -> Value {
        let cancels =
            json!([{ "status": "done", "amount": went_back }, { "status": "refused", "amount": 7 }]);
        let mut payment = payment;
        payment["duplicates"] = json!([{ "pg_payment_id": pg_id, "amount": amount, "cancels": cancels }]);
        payment
    }

    #[test]
    fn books_that_differ_by_a_won_are_noticed() {
        let nobodys = json!({ "order_id": "x", "pg_id": "x", "amount": 100, "taken": 100, "given_back": 0 });
        let mut foreign = nobodys.clone();
        foreign["foreign"] = true.into();
        let mut discounted = payment(70, 0);
        discounted["amount_discounted"] = 30.into();
        for (why, ours, theirs, balanced) in [
            ("nothing happened", payment(0, 0), vec![row("01", 0, 0)], true),
            ("paid", payment(100, 0), vec![row("01", 0, 0), row("02", 100, 0)], true),
            ("paid with a discount", discounted, vec![row("01", 100, 0)], true),
            (
                "a duplicate went back",
                beside(payment(100, 30), "01", 100, 100),
                vec![row("01", 100, 100), row("02", 100, 30)],
                true,
            ),
            ("a mismatch went back", beside(payment(0, 0), "01", 100, 100), vec![row("01", 100, 100)], true),
            ("another system's", payment(0, 0), vec![foreign], true),
            ("a duplicate is kept", beside(payment(0, 0), "01", 100, 0), vec![row("01", 100, 0)], false),
            ("a duplicate that is not shown", payment(0, 0), vec![row("01", 100, 100)], false),
            ("another duplicate", beside(payment(0, 0), "02", 100, 100), vec![row("01", 100, 100)], false),
            ("a duplicate at us only", beside(payment(0, 0), "01", 100, 100), vec![], false),
            ("money that we do not show", payment(0, 0), vec![row("01", 100, 0)], false),
            ("a cancel that we do not show", payment(100, 0), vec![row("01", 100, 30)], false),
            ("paid at us only", payment(100, 0), vec![row("01", 0, 0)], false),
            ("paid in two windows", payment(100, 0), vec![row("01", 100, 0), row("01", 100, 0)], false),
            ("taken twice", payment(200, 0), vec![row("01", 200, 0)], false),
            ("given back twice", payment(100, 200), vec![row("01", 100, 200)], false),
            ("nobody's money", payment(0, 0), vec![nobodys], false),
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
