//! Why an operator's command did not do what was asked.

use std::io;

use reqwest::StatusCode;
use url::Url;

use crate::config::ConfigError;

/// Why an operator's command did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The configuration does not say where the server is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server was not reached, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody said who closes the review.
    #[error("say who you are: --by NAME (neither USER nor LOGNAME is set)")]
    Nobody,
    /// The answer cannot be written down.
    #[error("standard output cannot be written to")]
    Output(#[source] io::Error),
}

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "no server answers at {url}; is it running? Its address is server.admin_listen, or --admin-url (PAYMUX_ADMIN_URL)"
    )]
    Unreachable {
        /// Where it was looked for.
        url: Url,
        /// What the network said.
        source: reqwest::Error,
    },
    /// It took too long, or hung up.
    #[error("{url} gave no answer; see whether it was done before you try again")]
    NoAnswer {
        /// Who was asked.
        url: Url,
        /// What the network said.
        source: reqwest::Error,
    },
    /// Another program listens there.
    #[error("what answers at {url} is no Paymux admin listener (HTTP {status})")]
    UnexpectedAnswer {
        /// Who was asked.
        url: Url,
        /// What it answered.
        status: StatusCode,
    },
    /// The server wants a key, or another one.
    #[error(
        "{url} wants another admin key: set --admin-key (PAYMUX_ADMIN_KEY) to the server's server.admin_key ({variable})"
    )]
    Key {
        /// Who was asked.
        url: Url,
        /// The variable that sets the server's key.
        variable: String,
    },
    /// The server refused.
    #[error("{message} ({code}, {request_id})")]
    Refused {
        /// In its words.
        message: String,
        /// The stable name of the error.
        code: String,
        /// The name of the request in the server's log.
        request_id: String,
    },
    /// The client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}
