//! The outermost endpoint: whatever happens inside, the answer has our shape.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use poem::{
    Body, Endpoint, Error, IntoResponse, Request, Response,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use super::{
    Addresses, ErrorCode, RequestId, addresses::UnknownQuery, problem_response, refusal::problem_with,
    request_id::REQUEST_ID_HEADER,
};
use crate::nearest::nearest;

/// Headers of which a second one would let two readers of a request disagree.
const ONLY_ONCE: [&str; 5] = ["authorization", "content-length", "content-type", "host", "idempotency-key"];

/// The outermost endpoint. It bounds the request, catches panics, turns every error of the
/// framework into a problem that repeats nothing of the request, and names the request.
///
/// A handler is dropped when its time is up or its caller hangs up, at any `await`. Whatever
/// must not stop halfway runs in a task of its own, whose handle the handler awaits.
#[derive(Debug)]
pub struct Funnel<E> {
    inner: E,
    /// A request that takes longer is answered 503.
    request_time: Duration,
    addresses: Addresses,
}

impl<E: Endpoint> Funnel<E> {
    /// Puts the funnel around all routes. `addresses` says what each takes.
    pub fn new(inner: E, request_time: Duration, addresses: Addresses) -> Self {
        Self { inner, request_time, addresses }
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = AssertUnwindSafe(self.checked(request)).catch_unwind();
        match tokio::time::timeout(self.request_time, answered).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => in_our_shape(error),
            Ok(Err(_panic)) => {
                // The panic hook has printed the place; the payload may hold anything.
                tracing::error!(request_id = %RequestId::current(), "a handler panicked");
                problem_response(ErrorCode::Internal, None)
            }
            Err(_elapsed) => problem_response(ErrorCode::TimedOut, None),
        }
    }

    async fn checked(&self, request: Request) -> poem::Result<Response> {
        let headers = request.headers();
        let wrong = repeated(headers).or_else(|| unreadable(headers)).or_else(|| missing_host(&request));
        if let Some(name) = wrong {
            return Ok(problem_response(ErrorCode::MalformedRequest, Some(name)));
        }
        if let Some(unknown) = self.addresses.unknown_query(&request) {
            return Ok(unknown_query_response(&unknown));
        }
        self.inner.call(request).await.map(IntoResponse::into_response)
    }
}

impl<E: Endpoint> Endpoint for Funnel<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = RequestId::generate();
        let head = request.method() == Method::HEAD;
        let path = request.uri().path().to_owned();
        let mut response = id.clone().scope(self.answer(request)).await;
        if head {
            response.set_body(Body::empty());
        }
        finish(&mut response, &id);
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allow = HeaderValue::from_str(self.addresses.allow(&path));
            response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)).ok());
        }
        Ok(response)
    }
}

/// Headers that every answer has.
fn finish(response: &mut Response, id: &RequestId) {
    let unauthenticated = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let id = HeaderValue::from_str(id.as_str()).expect("an id of ours is ASCII");
    headers.insert(HeaderName::from_bytes(REQUEST_ID_HEADER.as_bytes()).expect("a header"), id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    // Payments are nobody's to keep. A route that may be cached says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The first header that must not be repeated and is.
fn repeated(headers: &HeaderMap) -> Option<&'static str> {
    ONLY_ONCE.into_iter().find(|name| headers.get_all(*name).iter().count() > 1)
}

/// The first of these headers that is no text. The framework takes such a header for an absent one,
/// and a POST whose key nobody read is not idempotent.
fn unreadable(headers: &HeaderMap) -> Option<&'static str> {
    ONLY_ONCE.into_iter().find(|name| headers.get(*name).is_some_and(|value| value.to_str().is_err()))
}

/// HTTP/1.1 requires it (RFC 9112, 3.2): a proxy and we must not think of different hosts.
fn missing_host(request: &Request) -> Option<&'static str> {
    let is_named = request.headers().contains_key(header::HOST) || request.uri().host().is_some();
    (request.version() == Version::HTTP_11 && !is_named).then_some("host")
}

fn unknown_query_response(unknown: &UnknownQuery) -> Response {
    let known = match unknown.known.as_slice() {
        [] => "it takes none".to_owned(),
        known => format!("it takes {}", known.join(", ")),
    };
    let name = unknown.name.as_deref();
    let what = name.map_or_else(|| "A name in the query".to_owned(), |name| format!("`{name}`"));
    let meant =
        name.and_then(|name| nearest(&name.to_ascii_lowercase(), unknown.known.iter().map(String::as_str)));
    let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
    let detail = format!("{what} is not a parameter of this operation; {known}.{meant}");
    problem_with(ErrorCode::InvalidParameter, name, Some(&detail))
}

/// The texts of these errors quote the request, so nothing of them is used but names of ours.
fn in_our_shape(error: Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let (code, param) = classify(&error);
    if code == ErrorCode::Internal {
        let request_id = RequestId::current();
        tracing::error!(%request_id, status = error.status().as_u16(), "a handler failed");
    }
    problem_response(code, param)
}

fn classify(error: &Error) -> (ErrorCode, Option<&str>) {
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        return (ErrorCode::InvalidParameter, Some(error.name));
    }
    if let Some(error) = error.downcast_ref::<ParseRequestPayloadError>() {
        return (ErrorCode::InvalidBody, refused_field(&error.reason));
    }
    let code = match error.status() {
        _ if error.is::<AuthorizationError>() => ErrorCode::Unauthenticated,
        // What cannot be a name of anything names nothing. (poem-openapi calls it `param0`.)
        _ if error.is::<ParsePathError>() => ErrorCode::NotFound,
        _ if error.is::<NotFoundError>() => ErrorCode::NoSuchRoute,
        _ if error.is::<MethodNotAllowedError>() => ErrorCode::MethodNotAllowed,
        _ if error.is::<ContentTypeError>() => ErrorCode::UnsupportedMediaType,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
        status if status.is_client_error() => ErrorCode::MalformedRequest,
        _ => ErrorCode::Internal,
    };
    (code, None)
}

/// The field a validator refused, of `failed to parse "Type": field `name` verification failed.
/// …`. All of that is our own text; what the caller sent comes later, if at all.
fn refused_field(reason: &str) -> Option<&str> {
    let (_, after) = reason.strip_prefix("failed to parse \"")?.split_once("\": ")?;
    let (field, after) = after.strip_prefix("field `")?.split_once('`')?;
    let ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_field = after.starts_with(" verification failed.") && field.bytes().all(ours);
    is_field.then_some(field)
}

#[cfg(test)]
mod tests;
