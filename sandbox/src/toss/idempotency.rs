//! `Idempotency-Key`: one answer per key, secret key, method and URL, for 15 days, whatever the body
//! (Toss docs, reference/using-api/authorization).

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::{Method, StatusCode};

use super::{
    auth::Caller,
    books::{StoredReply, TossBooks},
    errors::{IDEMPOTENT_REQUEST_PROCESSING, INVALID_IDEMPOTENCY_KEY, Refusal},
    ids::{TRACE_HEADER, trace_id},
};
use crate::{Answer, ApiRequest, Books};

const KEPT_MS: u64 = 15 * 24 * 60 * 60 * 1_000;
const MAX_KEY_CHARS: usize = 300;

/// The header, which is echoed in the answer.
const HEADER: &str = "idempotency-key";

/// The requests with a key that are running. Not in the books: a restarted PG runs nothing.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<HashSet<String>>);

/// What a key means for a request.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    /// There is no key, or it does not matter here.
    Unguarded,
    /// The first request with this key.
    First(Claim<'a>),
    /// It was answered before.
    Replay(Answer),
}

/// The right to answer a key; given up when dropped.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    in_flight: &'a InFlight,
    scope: String,
    key: String,
}

/// Looks a request's key up, and marks it running if it is new.
pub(crate) fn admit<'a>(
    in_flight: &'a InFlight,
    books: &Books<TossBooks>,
    caller: &Caller<'_>,
    request: &ApiRequest,
    now_ms: u64,
) -> Result<Admission<'a>, Refusal> {
    let Some(key) = request.header(HEADER).filter(|_| request.method == Method::POST) else {
        return Ok(Admission::Unguarded);
    };
    if key.chars().count() > MAX_KEY_CHARS {
        return Err(INVALID_IDEMPOTENCY_KEY.refuse());
    }
    let scope = format!("{} {} {}?{} {key}", caller.secret_id, request.method, request.path, request.query);
    // Held while the books are read, so that an answer is always either running or stored.
    let mut running = in_flight.lock();
    if running.contains(&scope) {
        return Err(IDEMPOTENT_REQUEST_PROCESSING.refuse());
    }
    let stored = books.read(|books| books.replies.get(&scope).cloned());
    if let Some(reply) = stored.filter(|reply| now_ms < reply.first_used_ms.saturating_add(KEPT_MS)) {
        return Ok(Admission::Replay(replay(reply, key)));
    }
    running.insert(scope.clone());
    Ok(Admission::First(Claim { in_flight, scope, key: key.to_owned() }))
}

impl Claim<'_> {
    /// Stores the answer. Whether errors of the PG itself are stored was never measured; here they are not.
    pub(crate) fn store(
        self,
        books: &Books<TossBooks>,
        answer: Answer,
        trace_id: &str,
        first_used_ms: u64,
    ) -> Answer {
        if !answer.status.is_server_error() {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let reply = StoredReply {
                first_used_ms,
                status: answer.status.as_u16(),
                body,
                trace_id: trace_id.to_owned(),
            };
            books.write(|books| books.replies.insert(self.scope.clone(), reply));
        }
        answer.with_header(HEADER, self.key.clone())
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.scope);
    }
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stored answer, byte for byte; the trace id names the new request and the original one.
fn replay(reply: StoredReply, key: &str) -> Answer {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    Answer::new(status, "application/json;charset=UTF-8", reply.body)
        .with_header(HEADER, key)
        .with_header(TRACE_HEADER, format!("{}, {}", trace_id(), reply.trace_id))
}
