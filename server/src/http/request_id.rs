//! The name of one request, in its answer and in the log.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::random::random_bytes;

/// The header that carries it.
pub const REQUEST_ID_HEADER: &str = "X-Request-Id";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The name of one request: `req_` and 32 hexadecimal digits, always our own.
///
/// One that a caller sends is not taken over: it could forge lines in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("req_{}", HEXLOWER.encode(&random_bytes::<16>())))
    }

    /// That of the request whose handler we are in; a new one outside of any, and in a task
    /// the handler spawned.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_else(|_| Self::generate())
    }

    /// Runs `future` as the handler of this request.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handler_sees_the_id_of_its_request() {
        let id = RequestId::generate();
        let seen = id.clone().scope(async { RequestId::current() }).await;
        assert_eq!(seen, id);
        assert_ne!(RequestId::current(), id);
    }
}
