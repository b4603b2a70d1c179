//! Our books held against the PG's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    flows::{Keeps, Placed},
    shop::{AMOUNT, Books},
};

/// What is not as it has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Money taken or given back twice for one order.
    pub duplicates: Vec<String>,
    /// Money at the PG under our ids that we do not show.
    pub orphans: Vec<String>,
    /// Any other difference.
    pub wrong: Vec<String>,
}

impl Findings {
    /// Whether everything is as it has to be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.duplicates.is_empty() && self.orphans.is_empty() && self.wrong.is_empty()
    }
}

/// Holds the books against each other and against what was placed.
#[must_use]
pub fn audit(books: &Books, placed: &[Placed]) -> Findings {
    let mut findings = Findings::default();
    for row in &books.rows {
        audit_row(row, books, &mut findings);
    }
    for payment in &books.payments {
        audit_payment(payment, books, &mut findings);
    }
    for order in placed {
        audit_order(order, books, &mut findings);
    }
    audit_events(books, &mut findings);
    findings
}

/// A row of the PG is one payment of one amount: more than that is money moved twice.
fn audit_row(row: &Value, books: &Books, findings: &mut Findings) {
    let (taken, given_back) = moved(row);
    let name = &row["pg_id"];
    if taken > number(row, "amount") {
        findings.duplicates.push(format!("{name} took {taken} of {}", row["amount"]));
    }
    if given_back > taken {
        findings.duplicates.push(format!("{name} took {taken} and gave back {given_back}"));
    }
    if taken != given_back && !books.payments.iter().any(|payment| is_of(row, payment)) {
        findings.orphans.push(format!("{name} holds money of no payment"));
    }
}

fn audit_payment(payment: &Value, books: &Books, findings: &mut Findings) {
    let id = &payment["id"];
    let rows = books.rows.iter().filter(|row| is_of(row, payment) && number(row, "taken") > 0);
    let mut rows: Vec<(&Value, (u64, u64))> = rows.map(|row| (&row["pg_id"], moved(row))).collect();
    let is_kept = |(pg_id, (taken, given_back)): &&(&Value, (u64, u64))| {
        taken > given_back && !waits_for_a_person(payment, pg_id)
    };
    if rows.iter().filter(is_kept).count() > 1 {
        findings.duplicates.push(format!("{id} holds the money of more than one payment: {rows:?}"));
    }
    for shown in shown(payment) {
        let its = rows.iter().position(|(pg_id, moved)| *pg_id == shown.pg_id && *moved == shown.moved);
        match its {
            Some(its) => drop(rows.swap_remove(its)),
            None => findings.wrong.push(format!("{id} shows {shown:?}, the PG {rows:?}")),
        }
    }
    for (pg_id, (taken, given_back)) in rows {
        let said = format!("{id} does not show {pg_id}, which took {taken} and gave back {given_back}");
        if taken > given_back { findings.orphans.push(said) } else { findings.wrong.push(said) }
    }
    audit_status(payment, findings);
    for cancel in cancels(payment) {
        let is_open = matches!(cancel["status"].as_str(), Some("requested" | "sent" | "unknown") | None);
        if is_open && !(is_held(cancel) && number(payment, "amount_cancelled") > 0) {
            findings.wrong.push(format!("{id} has a {} that is {}", cancel["type"], cancel["status"]));
        }
    }
}

/// Whether money beside the order's own is held back: some of that went to the buyer already, so a person decides.
fn waits_for_a_person(payment: &Value, pg_id: &Value) -> bool {
    let mut beside = list(&payment["duplicates"]).filter(|duplicate| duplicate["pg_payment_id"] == *pg_id);
    number(payment, "amount_cancelled") > 0
        && beside.any(|duplicate| list(&duplicate["cancels"]).any(is_held))
}

fn is_held(cancel: &Value) -> bool {
    cancel["held"] == true
}

/// Every cancel and close of a payment, of whichever charge.
fn cancels(payment: &Value) -> impl Iterator<Item = &Value> {
    let beside = list(&payment["duplicates"]).flat_map(|duplicate| list(&duplicate["cancels"]));
    list(&payment["cancels"]).chain(beside)
}

/// Money of one charge as we show it.
#[derive(Debug)]
struct Shown<'a> {
    pg_id: &'a Value,
    /// In and back, in the PG's counting.
    moved: (u64, u64),
}

/// The charge that pays the order, and those beside it.
fn shown(payment: &Value) -> Vec<Shown<'_>> {
    let (paid, cancelled) = (number(payment, "amount_paid"), number(payment, "amount_cancelled"));
    let gross = paid.saturating_add(number(payment, "amount_discounted"));
    let own = Shown { pg_id: &payment["pg"]["payment_id"], moved: (gross, cancelled) };
    let beside = list(&payment["duplicates"]).map(|duplicate| Shown {
        pg_id: &duplicate["pg_payment_id"],
        moved: (number(duplicate, "amount"), given_back(duplicate)),
    });
    Some(own).filter(|own| own.moved != (0, 0)).into_iter().chain(beside).collect()
}

/// What went out of a charge, or is on its way to the buyer.
fn given_back(duplicate: &Value) -> u64 {
    let counts = |cancel: &&Value| matches!(cancel["status"].as_str(), Some("done" | "pending"));
    list(&duplicate["cancels"]).filter(counts).map(|cancel| number(cancel, "amount")).sum()
}

fn audit_status(payment: &Value, findings: &mut Findings) {
    let status = payment["status"].as_str().unwrap_or_default();
    let shown = (number(payment, "amount_paid"), number(payment, "amount_cancelled"));
    let by_amounts = match shown {
        (0, _) => !matches!(status, "paid" | "partially_cancelled" | "confirming"),
        (_, 0) => status == "paid",
        (paid, cancelled) if cancelled < paid => status == "partially_cancelled",
        _ => status == "cancelled",
    };
    if !by_amounts {
        findings.wrong.push(format!("{} is {status} with {shown:?}", payment["id"]));
    }
}

/// An order's newest payment ended as the flow says; those before it are over and keep nothing.
fn audit_order(placed: &Placed, books: &Books, findings: &mut Findings) {
    let order = &placed.order;
    let mut newest_first = books.payments.iter().filter(|payment| payment["order_id"] == order.as_str());
    let Some(payment) = newest_first.next() else {
        return findings.wrong.push(format!("{order} has no payment"));
    };
    let older: Vec<_> = newest_first.collect();
    let is_over = |older: &&Value| older["status"] == "cancelled" && kept(older) == Some(0);
    if older.len() != placed.older || !older.iter().all(is_over) {
        let wanted = placed.older;
        findings.wrong.push(format!("{order} has older payments that are not {wanted} and over: {older:?}"));
    }
    let status = payment["status"].as_str().unwrap_or_default();
    if !placed.statuses.contains(&status) {
        findings.wrong.push(format!("{order} is {status}, not {:?}", placed.statuses));
    }
    let kept = kept(payment);
    let as_placed = match placed.keeps {
        Keeps::Exactly(amount) => kept == Some(amount),
        Keeps::NothingOrAll => matches!(kept, Some(0 | AMOUNT)),
    };
    if !as_placed {
        findings.wrong.push(format!("{order} keeps {kept:?}, not {:?}", placed.keeps));
    }
    let by = |origin: &str| list(&payment["cancels"]).filter(|cancel| cancel["origin"] == origin).count();
    let rows = (by("merchant"), by("compensation"));
    if rows != (placed.cancels, placed.closes) {
        let wanted = (placed.cancels, placed.closes);
        findings.wrong.push(format!("{order} has {rows:?} cancels and closes of ours, not {wanted:?}"));
    }
    // Nobody cancels in the PG's console: a cancel that looks so is one of ours that was not known again.
    let adopted = cancels(payment).filter(|cancel| cancel["origin"] == "pg").count();
    if adopted > 0 {
        findings.wrong.push(format!("{order} has {adopted} cancels of the PG's own"));
    }
}

fn kept(payment: &Value) -> Option<u64> {
    number(payment, "amount_paid").checked_sub(number(payment, "amount_cancelled"))
}

/// Events are numbered from 1 without a gap, and the last says what the payment says.
fn audit_events(books: &Books, findings: &mut Findings) {
    let mut last: BTreeMap<&str, (u64, &Value)> = BTreeMap::new();
    for event in &books.events {
        let id = event["payment_id"].as_str().unwrap_or_default();
        let number = number(event, "number");
        let before = last.insert(id, (number, &event["data"]["status"])).map_or(0, |(number, _)| number);
        if number != before.saturating_add(1) {
            findings.wrong.push(format!("event {number} of {id} follows event {before}"));
        }
    }
    for payment in &books.payments {
        let id = payment["id"].as_str().unwrap_or_default();
        if last.get(id).is_none_or(|(_, status)| **status != payment["status"]) {
            findings.wrong.push(format!("the last event of {id} does not say {}", payment["status"]));
        }
    }
}

/// The PG sees `pay`, the payment's 26 characters, and two for the attempt.
fn is_of(row: &Value, payment: &Value) -> bool {
    let unique = payment["id"].as_str().and_then(|id| id.strip_prefix("pay_"));
    let order = row["order_id"].as_str().and_then(|order| order.strip_prefix("pay"));
    unique.zip(order).and_then(|(unique, order)| order.strip_prefix(unique)).is_some_and(|n| n.len() == 2)
}

fn moved(row: &Value) -> (u64, u64) {
    (number(row, "taken"), number(row, "given_back"))
}

/// A missing number is more than any real one, so that it is never taken for zero.
fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or(u64::MAX)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UNIQUE: &str = "06h0a0b6x5sd9bj307xd8zqgzr";

    fn row(attempt: &str, taken: u64, given_back: u64) -> Value {
        json!({
            "pg_id": format!("pg-{attempt}"), "order_id": format!("pay{UNIQUE}{attempt}"),
            "amount": AMOUNT, "taken": taken, "given_back": given_back,
        })
    }

    fn books(status: &str, paid: u64, cancelled: u64, rows: Vec<Value>) -> Books {
        let id = format!("pay_{UNIQUE}");
        let holds_money = |row: &&Value| row["taken"] != row["given_back"];
        let pays = rows.iter().find(holds_money).or(rows.first()).map(|row| row["pg_id"].clone());
        Books {
            payments: vec![json!({
                "id": id, "order_id": "order-1", "status": status, "amount_paid": paid,
                "amount_cancelled": cancelled, "amount_discounted": 0, "pg": { "payment_id": pays },
                "cancels": [], "duplicates": [],
            })],
            events: vec![
                json!({ "payment_id": id, "number": 1, "data": { "status": "ready" } }),
                json!({ "payment_id": id, "number": 2, "data": { "status": status } }),
            ],
            rows,
        }
    }

    /// A charge beside the one that pays the order.
    fn beside(books: &mut Books, attempt: &str, amount: u64, status: &str) {
        let cancels = json!([{ "status": status, "amount": amount, "origin": "compensation" }]);
        let pg_id = format!("pg-{attempt}");
        books.payments[0]["duplicates"] =
            json!([{ "pg_payment_id": pg_id, "amount": amount, "cancels": cancels }]);
    }

    fn placed(statuses: &'static [&'static str], keeps: u64) -> [Placed; 1] {
        [Placed::new("order-1", statuses, Keeps::Exactly(keeps))]
    }

    /// How many duplicates, orphans and wrong states.
    fn counts(books: &Books) -> (usize, usize, usize) {
        let Findings { duplicates, orphans, wrong } = audit(books, &placed(&["paid"], AMOUNT));
        (duplicates.len(), orphans.len(), wrong.len())
    }

    #[test]
    fn books_that_agree_are_clean() {
        assert_eq!(counts(&books("paid", AMOUNT, 0, vec![row("01", AMOUNT, 0)])), (0, 0, 0));
        let with_duplicate = vec![row("01", AMOUNT, AMOUNT), row("02", AMOUNT, 0), row("03", 0, 0)];
        let mut shown = books("paid", AMOUNT, 0, with_duplicate);
        assert_eq!(counts(&shown), (0, 0, 1), "what came and went is shown, too");
        beside(&mut shown, "01", AMOUNT, "done");
        assert_eq!(counts(&shown), (0, 0, 0));
        beside(&mut shown, "01", AMOUNT, "refused");
        assert_eq!(counts(&shown).2, 2, "it did not go back, says it; nor is it what the PG says");
        beside(&mut shown, "04", AMOUNT, "done");
        assert_eq!(counts(&shown).2, 2, "another, and the one that is there is not shown");
    }

    #[test]
    fn money_taken_twice_is_a_duplicate() {
        let (duplicates, ..) = counts(&books("paid", AMOUNT, 0, vec![row("01", 2 * AMOUNT, 0)]));
        assert_eq!(duplicates, 1, "by one payment of the PG");
        let two = vec![row("01", AMOUNT, 0), row("02", AMOUNT, 0)];
        assert_eq!(counts(&books("paid", AMOUNT, 0, two)), (1, 1, 0), "by two");
    }

    #[test]
    fn money_given_back_twice_is_a_duplicate() {
        let (duplicates, ..) =
            counts(&books("cancelled", AMOUNT, AMOUNT, vec![row("01", AMOUNT, 2 * AMOUNT)]));
        assert_eq!(duplicates, 1);
    }

    #[test]
    fn money_we_do_not_show_is_an_orphan() {
        let (_, orphans, wrong) = counts(&books("ready", 0, 0, vec![row("01", AMOUNT, 0)]));
        assert_eq!((orphans, wrong), (1, 2), "and the order is neither paid nor keeps its money");
        let mut nobodys = row("01", AMOUNT, 0);
        nobodys["order_id"] = "pay-of-nobody".into();
        let of_nobody = books("paid", AMOUNT, 0, vec![row("02", AMOUNT, 0), nobodys]);
        assert_eq!(counts(&of_nobody), (0, 1, 0));
    }

    #[test]
    fn other_differences_are_wrong_states() {
        assert_eq!(counts(&books("paid", AMOUNT, 0, Vec::new())).2, 1, "paid, the PG knows nothing");
        let labelled = books("ready", AMOUNT, 0, vec![row("01", AMOUNT, 0)]);
        assert_eq!(counts(&labelled).2, 2, "the status says other than the amounts and than the flow");

        let agreeing = || books("paid", AMOUNT, 0, vec![row("01", AMOUNT, 0)]);
        let mut gap = agreeing();
        gap.events[1]["number"] = 3.into();
        assert_eq!(counts(&gap), (0, 0, 1));
        let mut unannounced = agreeing();
        unannounced.events.pop();
        assert_eq!(counts(&unannounced), (0, 0, 1));
        let mut open = agreeing();
        open.payments[0]["cancels"] = json!([{ "status": "unknown", "origin": "compensation" }]);
        assert_eq!(counts(&open), (0, 0, 2), "and nobody expects it");
        let mut unasked = agreeing();
        unasked.payments[0]["cancels"] = json!([{ "status": "done", "origin": "merchant" }]);
        assert_eq!(counts(&unasked), (0, 0, 1));
        let mut second = agreeing();
        let again = second.payments[0].clone();
        second.payments.push(again);
        assert_eq!(counts(&second), (0, 0, 1), "an order has one payment, and older ones where it says so");
    }
}
