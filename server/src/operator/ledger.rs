//! `paymux ledger check`: every balance, recomputed.

use indicatif::{ProgressBar, ProgressStyle};
use poem_openapi::types::ToJSON as _;
use serde_json::{Value, json};

use super::{client::AdminClient, error::ClientError, text};
use crate::admin::ledger::{Difference, Ledger, LedgerCheck};

/// How many payments are checked at once: few enough that the server answers soon.
const PAGE: &str = "200";

/// What a whole check found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    payments: u64,
    differences: Vec<Difference>,
}

/// Checks everything, in as many requests as it takes.
pub(super) async fn check(client: &AdminClient) -> Result<Checked, ClientError> {
    let Ledger { payments } = client.read(&client.get(&["ledger"], &[]).await?)?;
    let bar = bar(payments);
    let (mut checked, mut cursor) = (Checked::default(), None::<String>);
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: LedgerCheck = client.read(&client.get(&["ledger", "check"], &query).await?)?;
        checked.payments = checked.payments.saturating_add(u64::from(page.checked));
        checked.differences.extend(page.differences);
        bar.set_position(checked.payments);
        match page.next_cursor {
            // A server that does not go on would be asked for ever.
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => break,
        }
    }
    bar.finish_and_clear();
    Ok(checked)
}

/// To standard error, and only where that is a terminal.
fn bar(payments: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("checking {bar:40} {human_pos} of {human_len} payments, {eta} left");
    ProgressBar::new(payments).with_style(style.expect("the template is right"))
}

impl Checked {
    pub(super) fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    pub(super) fn answer(&self) -> Value {
        json!({ "checked": self.payments, "differences": self.differences.to_json() })
    }

    pub(super) fn for_people(&self) -> String {
        let differences = u64::try_from(self.differences.len()).unwrap_or(u64::MAX);
        let last = format!(
            "{} checked, {}\n",
            text::count(self.payments, "payment", "payments"),
            text::count(differences, "difference", "differences"),
        );
        if self.agrees() {
            return last;
        }
        let row = |difference: &Difference| {
            vec![
                difference.payment_id.clone(),
                difference.charge_id.clone().unwrap_or_else(|| "-".to_owned()),
                difference.problem.clone(),
                difference.shown.to_string(),
                difference.recomputed.to_string(),
                difference.merchant.clone(),
            ]
        };
        let rows: Vec<_> = self.differences.iter().map(row).collect();
        let header = ["PAYMENT", "CHARGE", "WHAT", "SHOWN", "RECOMPUTED", "MERCHANT"];
        format!("{}\n{last}", text::table(&header, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference() -> Difference {
        Difference {
            merchant: "demo".to_owned(),
            payment_id: "pay_06gzvtcprxw63b4hssbask691c".to_owned(),
            charge_id: Some("chg_06gzvtcprxw63b4hssbask691c".to_owned()),
            problem: "amount_paid".to_owned(),
            shown: 15_000,
            recomputed: 0,
        }
    }

    #[test]
    fn books_that_agree_are_one_line() {
        let checked = Checked { payments: 12_345, differences: Vec::new() };
        assert!(checked.agrees());
        assert_eq!(checked.for_people(), "12,345 payments checked, 0 differences\n");
        assert_eq!(checked.answer(), json!({ "checked": 12_345, "differences": [] }));
    }

    #[test]
    fn every_difference_is_listed() {
        let of_payment =
            Difference { charge_id: None, problem: "status".to_owned(), shown: 1, ..difference() };
        let checked = Checked { payments: 1, differences: vec![difference(), of_payment] };
        assert!(!checked.agrees());
        assert_eq!(
            checked.for_people(),
            "PAYMENT                         CHARGE                          WHAT         SHOWN  RECOMPUTED  MERCHANT\n\
             pay_06gzvtcprxw63b4hssbask691c  chg_06gzvtcprxw63b4hssbask691c  amount_paid  15000  0           demo\n\
             pay_06gzvtcprxw63b4hssbask691c  -                               status       1      0           demo\n\n\
             1 payment checked, 2 differences\n"
        );
        assert_eq!(checked.answer()["differences"][0]["recomputed"], 0);
    }
}
