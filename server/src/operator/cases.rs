//! `paymux cases`: what waits for a person, and its end.

use poem_openapi::types::ToJSON;
use serde_json::{Value, json};

use super::{
    client::{AdminClient, ClientError},
    text,
};
use crate::{
    admin::case_body::{CaseBody, CaseClosingBody, CaseList, CaseOperation, CaseState, ClosedHow},
    cli::CloseArgs,
};

/// How many cases are asked for at once: the most the server gives.
const PAGE: &str = "100";

/// Every case, in as many requests as it takes: the API's answer, and the text for people.
pub(super) async fn list(client: &AdminClient, all: bool) -> Result<(Value, String), ClientError> {
    let state = if all { "all" } else { "open" };
    let (mut data, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("state", state), ("limit", PAGE)];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = client.get(&["cases"], &query).await?;
        let CaseList { next_cursor, .. } = client.read(&page)?;
        if let Value::Array(cases) = page["data"].take() {
            data.extend(cases);
        }
        match next_cursor {
            // A server that does not go on would be asked for ever.
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => break,
        }
    }
    let cases = data.iter().map(|case| client.read(case)).collect::<Result<Vec<CaseBody>, _>>()?;
    Ok((json!({ "object": "list", "data": data }), listed(&cases, all)))
}

/// One case.
pub(super) async fn show(client: &AdminClient, id: &str) -> Result<(Value, String), ClientError> {
    let answer = client.get(&["cases", id], &[]).await?;
    let text = shown(&client.read(&answer)?);
    Ok((answer, text))
}

/// Closes one.
pub(super) async fn close(
    client: &AdminClient,
    args: &CloseArgs,
    by: &str,
) -> Result<(Value, String), ClientError> {
    let body = json!({ "outcome": args.outcome.word(), "by": by, "reason": args.reason });
    let answer = client.post(&["cases", &args.id, "close"], &body).await?;
    let case: CaseBody = client.read(&answer)?;
    let ending = case.closing.as_ref().map(ending).unwrap_or_default();
    let text = format!("{} is {ending}. The payment is now: {}.\n", case.id, word(&case.payment_status));
    Ok((answer, text))
}

fn listed(cases: &[CaseBody], all: bool) -> String {
    if cases.is_empty() {
        return if all { "No cases.\n" } else { "No open cases.\n" }.to_owned();
    }
    let row = |case: &CaseBody| {
        let mut row = vec![case.id.clone(), case.kind.clone(), text::time(case.opened_at.0)];
        row.push(case.account.clone());
        row.push(text::amount(case.about.amount.unwrap_or(case.amount), &word(&case.currency)));
        if all {
            row.push(case.closing.as_ref().map_or_else(|| "open".to_owned(), short_ending));
        }
        row.push(case.order_id.clone());
        row
    };
    let mut header = vec!["CASE", "KIND", "OPENED (UTC)", "ACCOUNT", "AMOUNT"];
    header.extend(all.then_some("STATE"));
    header.push("ORDER");
    let rows: Vec<_> = cases.iter().map(row).collect();
    let open = cases.iter().filter(|case| case.state == CaseState::Open).count();
    let hint = if open == 0 { "" } else { " `paymux cases show CASE` says what to do." };
    let open = text::count(u64::try_from(open).unwrap_or(u64::MAX), "open case", "open cases");
    format!("{}\n{open}.{hint}\n", text::table(&header, &rows))
}

fn shown(case: &CaseBody) -> String {
    let currency = word(&case.currency);
    let state = case.closing.as_ref().map_or_else(|| "open".to_owned(), ending);
    let mut rows = vec![
        ("state", state),
        ("opened", format!("{} UTC", text::time(case.opened_at.0))),
        ("merchant", case.merchant.clone()),
        ("account", case.account.clone()),
        ("order", case.order_id.clone()),
        ("payment", format!("{}, {}", case.payment_id, word(&case.payment_status))),
        ("amount", text::amount(case.amount, &currency)),
        ("paid", text::amount(case.amount_paid, &currency)),
        ("given back", text::amount(case.amount_cancelled, &currency)),
    ];
    rows.extend(about(case, &currency));
    if let Some(reason) = case.closing.as_ref().and_then(|closing| closing.reason.clone()) {
        rows.push(("because", reason));
    }
    let mut text = format!("{} {}\n\n{}", case.id, case.kind, text::sheet(&rows));
    if case.state == CaseState::Open {
        text.push_str(&to_do(case));
    }
    text
}

/// The names to look for in the PG's own console.
fn about(case: &CaseBody, currency: &str) -> Vec<(&'static str, String)> {
    let about = &case.about;
    let operation = match about.operation {
        CaseOperation::Confirm => "taking the money",
        CaseOperation::Cancel => "giving money back",
    };
    let number = about.attempt.map(|number| format!(" of attempt {number}")).unwrap_or_default();
    let amount = about.amount.map(|amount| text::amount(amount, currency));
    let status = about.cancel_status.as_ref().map(word);
    let optional = [
        ("amount of it", amount),
        ("PG order id", about.pg_order_id.clone()),
        ("PG payment id", about.pg_payment_id.clone()),
        ("last sent", about.sent_at.map(|at| format!("{} UTC", text::time(at.0)))),
        ("cancel", about.cancel_id.clone().zip(status).map(|(id, status)| format!("{id}, {status}"))),
        ("wanted by", about.origin.as_ref().map(word)),
        ("reason", about.reason.clone()),
    ];
    let known = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    std::iter::once(("about", format!("{operation}{number}"))).chain(known).collect()
}

fn to_do(case: &CaseBody) -> String {
    let close = |outcome: &str| format!("  paymux cases close {} --as {outcome} --reason '…'\n", case.id);
    format!("\n{}\n\n{}{}", case.advice, close("done"), close("not-done"))
}

fn ending(closing: &CaseClosingBody) -> String {
    let at = text::time(closing.at.0);
    match (closing.how, &closing.outcome, &closing.by) {
        (ClosedHow::Decided, Some(outcome), Some(by)) => {
            format!("closed as {} by {by} at {at} UTC", word(outcome))
        }
        _ => format!("settled by itself at {at} UTC"),
    }
}

fn short_ending(closing: &CaseClosingBody) -> String {
    closing.outcome.as_ref().map_or_else(|| "settled".to_owned(), word)
}

/// The API's word for a value of an enum.
fn word(value: &impl ToJSON) -> String {
    value.to_json().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
