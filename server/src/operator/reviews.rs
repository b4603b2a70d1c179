//! `paymux reviews`: what waits for a person, and its end.

use poem_openapi::types::ToJSON;
use serde_json::{Value, json};

use super::{client::AdminClient, error::ClientError, text};
use crate::{
    admin::review_body::{
        ApiReviewSubject, ClosedHow, ReviewBody, ReviewClosingBody, ReviewList, ReviewState,
    },
    cli::CloseArgs,
};

/// How many reviews are asked for at once: the most the server gives.
const PAGE: &str = "100";

/// Every review, in as many requests as it takes: the API's answer, and the text for people.
pub(super) async fn list(client: &AdminClient, all: bool) -> Result<(Value, String), ClientError> {
    let state = if all { "all" } else { "open" };
    let (mut data, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("state", state), ("limit", PAGE)];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = client.get(&["reviews"], &query).await?;
        let ReviewList { next_cursor, .. } = client.read(&page)?;
        if let Value::Array(reviews) = page["data"].take() {
            data.extend(reviews);
        }
        match next_cursor {
            // A server that does not go on would be asked for ever.
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => break,
        }
    }
    let reviews = data.iter().map(|review| client.read(review)).collect::<Result<Vec<ReviewBody>, _>>()?;
    Ok((json!({ "object": "list", "data": data }), listed(&reviews, all)))
}

/// One review.
pub(super) async fn show(client: &AdminClient, id: &str) -> Result<(Value, String), ClientError> {
    let answer = client.get(&["reviews", id], &[]).await?;
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
    let answer = client.post(&["reviews", &args.id, "close"], &body).await?;
    let review: ReviewBody = client.read(&answer)?;
    let ending = review.closing.as_ref().map(ending).unwrap_or_default();
    let text = format!("{} is {ending}. The payment is now: {}.\n", review.id, word(&review.payment_status));
    Ok((answer, text))
}

fn listed(reviews: &[ReviewBody], all: bool) -> String {
    if reviews.is_empty() {
        return if all { "No reviews.\n" } else { "No open reviews.\n" }.to_owned();
    }
    let row = |review: &ReviewBody| {
        let mut row = vec![review.id.clone(), review.reason.clone(), text::time(review.opened_at.0)];
        row.push(review.account.clone());
        row.push(amount_of(review).unwrap_or_else(|| text::amount(review.amount, &word(&review.currency))));
        if all {
            row.push(review.closing.as_ref().map_or_else(|| "open".to_owned(), short_ending));
        }
        row.push(review.order_id.clone());
        row
    };
    let mut header = vec!["REVIEW", "REASON", "OPENED (UTC)", "ACCOUNT", "AMOUNT"];
    header.extend(all.then_some("STATE"));
    header.push("ORDER");
    let rows: Vec<_> = reviews.iter().map(row).collect();
    let open = reviews.iter().filter(|review| review.state == ReviewState::Open).count();
    let hint = if open == 0 { "" } else { " `paymux reviews show REVIEW` says what to do." };
    let open = text::count(u64::try_from(open).unwrap_or(u64::MAX), "open review", "open reviews");
    format!("{}\n{open}.{hint}\n", text::table(&header, &rows))
}

fn shown(review: &ReviewBody) -> String {
    let currency = word(&review.currency);
    let state = review.closing.as_ref().map_or_else(|| "open".to_owned(), ending);
    let mut rows = vec![
        ("state", state),
        ("opened", format!("{} UTC", text::time(review.opened_at.0))),
        ("merchant", review.merchant.clone()),
        ("account", review.account.clone()),
        ("order", review.order_id.clone()),
        ("payment", format!("{}, {}", review.payment_id, word(&review.payment_status))),
        ("amount", text::amount(review.amount, &currency)),
        ("paid", text::amount(review.amount_paid, &currency)),
        ("cancelled", text::amount(review.amount_cancelled, &currency)),
    ];
    rows.extend(about(review));
    rows.extend(review.asked_for.clone().map(|asked_for| ("asked for", asked_for)));
    if let Some(reason) = review.closing.as_ref().and_then(|closing| closing.reason.clone()) {
        rows.push(("because", reason));
    }
    let mut text = format!("{} {}\n\n{}", review.id, review.reason, text::sheet(&rows));
    if review.state == ReviewState::Open {
        text.push_str(&to_do(review));
    }
    text
}

/// How much a review is about.
fn amount_of(review: &ReviewBody) -> Option<String> {
    let about = &review.about;
    about.amount.zip(about.currency).map(|(amount, currency)| text::amount(amount, &word(&currency)))
}

/// The names to look for in the PG's own console.
fn about(review: &ReviewBody) -> Vec<(&'static str, String)> {
    let about = &review.about;
    let subject = match about.kind {
        ApiReviewSubject::Payment => "the payment".to_owned(),
        ApiReviewSubject::Attempt => "everything".to_owned(),
        ApiReviewSubject::Charge => "a charge".to_owned(),
        ApiReviewSubject::Cancel => {
            let kind = about.cancel_type.as_ref().map_or_else(|| "cancel".to_owned(), word);
            format!("a {kind}")
        }
    };
    let attempt = about.attempt.map(|number| format!(" under attempt {number}")).unwrap_or_default();
    let status = about.cancel_status.as_ref().map(word);
    let optional = [
        ("amount of it", amount_of(review)),
        ("PG order id", about.pg_order_id.clone()),
        ("PG payment id", about.pg_payment_id.clone()),
        ("charge", about.charge_id.clone()),
        ("last sent", about.sent_at.map(|at| format!("{} UTC", text::time(at.0)))),
        ("cancel", about.cancel_id.clone().zip(status).map(|(id, status)| format!("{id}, {status}"))),
        ("wanted by", about.origin.as_ref().map(word)),
        ("reason", about.cancel_reason.clone()),
        ("PG said", about.pg.as_ref().map(|pg| format!("{} {}", pg.code, pg.message).trim().to_owned())),
    ];
    let known = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    std::iter::once(("about", format!("{subject}{attempt}"))).chain(known).collect()
}

fn to_do(review: &ReviewBody) -> String {
    let close = |outcome: &str| format!("  paymux reviews close {} --as {outcome} --reason '…'\n", review.id);
    format!("\n{}\n\n{}{}", review.advice, close("done"), close("not-done"))
}

fn ending(closing: &ReviewClosingBody) -> String {
    let at = text::time(closing.at.0);
    match (closing.how, &closing.outcome, &closing.by) {
        (ClosedHow::Decided, Some(outcome), Some(by)) => {
            format!("closed as {} by {by} at {at} UTC", word(outcome))
        }
        _ => format!("resolved by itself at {at} UTC"),
    }
}

fn short_ending(closing: &ReviewClosingBody) -> String {
    closing.outcome.as_ref().map_or_else(|| "resolved".to_owned(), word)
}

/// The API's word for a value of an enum.
fn word(value: &impl ToJSON) -> String {
    value.to_json().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
