//! Why something came to nothing, as the API shows it.

use paymux_core::model::{Failure, FailureReason, LastAttempt, PgMessage};
use poem_openapi::Object;

use super::words::reason;

/// Why something did not happen
///
/// `message` and `message_ko` are for buyers. `reason` is for your programs, `code` and `pg` are for you and your support.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Failure", skip_serializing_if_is_none)]
pub struct FailureBody {
    /// The payment gateway's own code, unchanged; the same as in `pg`. Differs between gateways: for you and your support,
    /// not for programs and not for buyers.
    pub code: Option<String>,
    /// Our reason, the same whichever payment gateway refused: for your programs.
    pub reason: String,
    /// What you may show the buyer, in English.
    pub message: String,
    /// The same in Korean.
    pub message_ko: String,
    /// What the payment gateway said, if it said something. For you and your support: never show it to a buyer.
    pub pg: Option<PgMessageBody>,
}

/// What the payment gateway said
///
/// For you and your support. It may speak of your contract or your keys, in whatever words the gateway has: never show it
/// to a buyer.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PgMessage")]
pub struct PgMessageBody {
    /// Its own code, unchanged: `REJECT_CARD_COMPANY`.
    pub code: String,
    /// Its own words, in its language.
    pub message: String,
}

/// The newest attempt of the buyer
#[derive(Clone, Debug, Object)]
#[oai(rename = "LastAttempt", skip_serializing_if_is_none)]
pub struct LastAttemptBody {
    /// Which attempt, counted from 1.
    pub number: u16,
    /// Why it did not succeed, such as `buyer_closed`; absent while it is open or when it succeeded.
    pub code: Option<String>,
    /// What you may show the buyer, in English.
    pub message: Option<String>,
    /// The same in Korean.
    pub message_ko: Option<String>,
    /// Why it did not succeed, with the payment gateway's own words.
    pub failure: Option<FailureBody>,
}

impl From<&Failure> for FailureBody {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.pg.as_ref().map(|pg| pg.code.clone()),
            reason: reason(failure.reason),
            message: failure.reason.message().to_owned(),
            message_ko: failure.reason.message_ko().to_owned(),
            pg: failure.pg.as_ref().map(Into::into),
        }
    }
}

impl From<&PgMessage> for PgMessageBody {
    fn from(pg: &PgMessage) -> Self {
        Self { code: pg.code.clone(), message: pg.message.clone() }
    }
}

impl From<&LastAttempt> for LastAttemptBody {
    fn from(attempt: &LastAttempt) -> Self {
        let why: Option<FailureReason> = attempt.failure.as_ref().map(|failure| failure.reason);
        Self {
            number: attempt.number,
            code: why.map(reason),
            message: why.map(|why| why.message().to_owned()),
            message_ko: why.map(|why| why.message_ko().to_owned()),
            failure: attempt.failure.as_ref().map(Into::into),
        }
    }
}
