//! `GET /v1/transactions`: a row for every approval and every cancel of a time (Toss docs, guides/apis/transactions).

use serde_json::{Map, Value, json};

use super::{
    call::Call,
    errors::{self, EXCEED_MAX_QUERY_LIMIT, INVALID_DATE, INVALID_ISO_DATE_FORMAT, INVALID_REQUEST, Refusal},
    language::Language,
    render::{object, receipt_url},
    row::{Method, Row, Transaction},
    state::Toss,
    time,
};
use crate::ApiRequest;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;

/// Which rows are asked for.
#[derive(Debug)]
struct Query {
    from_ms: u64,
    to_ms: u64,
    after: Option<String>,
    limit: usize,
}

/// The transactions of the caller's key pair, oldest first: in which order Toss lists them is not documented, its
/// samples are like this.
pub(super) fn transactions(call: &Call<'_>) -> Result<Value, Refusal> {
    let query = Query::of(call.request)?;
    let rows = call.toss.books.read(|books| {
        let mut found: Vec<(&Row, &Transaction)> = books
            .all()
            .filter(|row| call.owns(row))
            .map(|row| if call.how.is_stale_read() { row.stale() } else { row })
            .flat_map(|row| row.transactions.iter().map(move |transaction| (row, transaction)))
            .filter(|(_, transaction)| (query.from_ms..=query.to_ms).contains(&transaction.at_ms))
            .collect();
        found.sort_by_key(|(_, transaction)| (transaction.at_ms, transaction.number));
        found
            .into_iter()
            .map(|(row, transaction)| row_of(call.toss, call.language, row, transaction).into())
            .collect()
    });
    page(call, rows, &query)
}

/// The rows behind the paging key. One that is not among the rows of the same dates is a wrong key: whether Toss
/// knows it by itself is not documented.
fn page(call: &Call<'_>, rows: Vec<Value>, query: &Query) -> Result<Value, Refusal> {
    let first = match &query.after {
        None => 0,
        Some(key) => {
            let known = rows.iter().position(|row| row["transactionKey"] == **key);
            let wrong = errors::find(&call.toss.config.wrong_paging_key_code).unwrap_or(&INVALID_REQUEST);
            known.ok_or(wrong.refuse())?.saturating_add(1)
        }
    };
    Ok(rows.into_iter().skip(first).take(query.limit).collect())
}

/// A row of the list.
pub(super) fn row_of(
    toss: &Toss,
    language: Language,
    row: &Row,
    transaction: &Transaction,
) -> Map<String, Value> {
    let shown = object(json!({
        "mId": toss.config.mid,
        "transactionKey": transaction.key,
        "paymentKey": row.payment_key,
        "orderId": row.order_id,
        "method": language.say(row.method.unwrap_or(Method::Card).korean()),
        "customerKey": row.ask.customer_key,
        "useEscrow": row.ask.use_escrow,
        "receiptUrl": receipt_url(row),
        "status": transaction.status.as_str(),
        "transactionAt": time::with_offset(transaction.at_ms),
        "currency": "KRW",
        "amount": transaction.amount,
    }));
    match &transaction.foreign {
        Some(foreign) => foreign.lay_over(shown),
        None => shown,
    }
}

impl Query {
    fn of(request: &ApiRequest) -> Result<Self, Refusal> {
        let (mut from, mut to, mut after, mut limit) = (None, None, None, DEFAULT_LIMIT);
        for (name, value) in request.query_pairs() {
            match name.as_str() {
                "startDate" => from = Some(date(&value)?),
                "endDate" => to = Some(date(&value)?),
                // Official samples send an empty one for the first page.
                "startingAfter" => after = Some(value).filter(|key| !key.is_empty()),
                "limit" => limit = read_limit(&value)?,
                _ => return Err(INVALID_REQUEST.because(format!("{name} is not a parameter"))),
            }
        }
        let (Some((from_ms, _)), Some((_, to_ms))) = (from, to) else {
            return Err(INVALID_REQUEST.because("startDate and endDate are required"));
        };
        if from_ms > to_ms {
            return Err(INVALID_DATE.because("startDate is after endDate"));
        }
        Ok(Self { from_ms, to_ms, after, limit })
    }
}

fn date(text: &str) -> Result<(u64, u64), Refusal> {
    time::parse_date(text).ok_or(INVALID_ISO_DATE_FORMAT.refuse())
}

/// An official sample asks for 10,000; that this is refused and not cut down is inferred from the error code.
fn read_limit(text: &str) -> Result<usize, Refusal> {
    match text.parse() {
        Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Ok(limit) if limit > MAX_LIMIT => Err(EXCEED_MAX_QUERY_LIMIT.refuse()),
        _ => Err(INVALID_REQUEST.because("limit is 1 to 5000")),
    }
}
