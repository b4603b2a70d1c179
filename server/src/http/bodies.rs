//! Reads the body of a request before its operation runs: never more than is allowed, never slowly, and from nobody
//! whose request will be refused for what its headers say.

use std::{fmt, sync::Arc, time::Duration};

use poem::{
    Body, Endpoint, IntoResponse, Request, Response,
    error::ReadBodyError,
    http::{HeaderMap, HeaderValue, header},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{ErrorCode, problem_response};
use crate::config::Limits;

/// A body takes one packet, or a few. A process that stops waits no longer for half of one.
const BODY_TIME: Duration = Duration::from_secs(5);

/// The seconds after which a refused caller may try again.
const RETRY_AFTER: &str = "1";

/// What requests may hold, all of them together.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Larger bodies are answered 413.
    pub bytes: usize,
    /// Requests handled at once; further ones are answered 503. So all bodies together hold at most so many times
    /// `bytes`.
    pub requests: usize,
}

impl From<Limits> for BodyLimits {
    fn from(limits: Limits) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self { bytes: count(limits.body_bytes), requests: count(limits.requests).min(Semaphore::MAX_PERMITS) }
    }
}

/// Whether a request has an operation that will read its body: its sender is known, if the operation needs that.
pub type Expected = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// Reads bodies for the routes inside.
pub struct Bodies<E> {
    inner: E,
    limits: BodyLimits,
    expected: Expected,
    requests: Semaphore,
}

impl<E> fmt::Debug for Bodies<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<E: Endpoint> Bodies<E> {
    /// Puts the reader around routes. The body of what is not `expected` is not read, and the routes find it empty.
    pub fn new(inner: E, limits: BodyLimits, expected: Expected) -> Self {
        Self { inner, limits, expected, requests: Semaphore::new(limits.requests) }
    }
}

impl<E: Endpoint> Endpoint for Bodies<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let Ok(_handled) = self.requests.try_acquire() else {
            let mut response = problem_response(ErrorCode::Overloaded, None);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
            return Ok(response);
        };
        let sent = request.take_body();
        if (self.expected)(&request) {
            if announced_length(request.headers()) > self.limits.bytes {
                return Err(ReadBodyError::PayloadTooLarge.into());
            }
            let Ok(read) = timeout(BODY_TIME, sent.into_bytes_limit(self.limits.bytes)).await else {
                return Ok(problem_response(ErrorCode::TimedOut, None));
            };
            request.set_body(Body::from(read?));
        }
        self.inner.call(request).await.map(IntoResponse::into_response)
    }
}

/// What the client says it will send. What it really sends is counted as well.
fn announced_length(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}
