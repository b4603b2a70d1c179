//! What is said of the payments, by us and by the PG.

use serde_json::Value;

/// Everything that is said of the payments, by us and by the PG.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Our payments, newest first.
    pub payments: Vec<Value>,
    /// Our events, oldest first.
    pub events: Vec<Value>,
    /// The PG's rows.
    pub rows: Vec<Value>,
}

impl Books {
    /// What of them a person wants to see.
    #[must_use]
    pub fn shown(&self) -> String {
        let ours = self.payments.iter().map(|payment| format!("ours:   {}\n", shown(payment)));
        let names = ["order_id", "pg_id", "status", "amount", "taken", "given_back"];
        let theirs = self.rows.iter().map(|row| format!("theirs: {}\n", only(row, &names)));
        ours.chain(theirs).collect()
    }
}

/// What of a payment a person wants to see.
pub(super) fn shown(payment: &Value) -> Value {
    let names = [
        "id",
        "status",
        "amount_paid",
        "amount_cancelled",
        "pg",
        "failure",
        "last_attempt",
        "cancels",
        "duplicates",
    ];
    only(payment, &names)
}

fn only(value: &Value, names: &[&str]) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect())
}
