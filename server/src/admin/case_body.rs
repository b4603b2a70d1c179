//! A case as the admin API shows it, and what closes one.

use gateway_core::{
    Attempt, Cancel, Case, CaseClosing, CaseOutcome, CaseSubject, CaseVerdict, PaymentRecord,
};
use poem_openapi::{Enum, Object};

use super::case_id::CaseId;
use crate::api::{
    date_time::DateTime,
    list::ListObject,
    text::Text,
    words::{ApiCancelOrigin, ApiCancelStatus, ApiCurrency, ApiPaymentStatus},
};

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum CaseObject {
    /// A case
    Case,
}

/// Whether somebody has to do something
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum CaseState {
    /// It waits for an operator.
    Open,
    /// It is settled.
    Closed,
}

/// What it is that nobody knows the outcome of
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum CaseOperation {
    /// Taking the money of an attempt.
    Confirm,
    /// Giving money back.
    Cancel,
}

/// How a case ended
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ClosedHow {
    /// The payment gateway told after all, or it was made good.
    Settled,
    /// An operator decided.
    Decided,
}

/// What an operator found out
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "CaseOutcome", rename_all = "snake_case")]
pub(crate) enum ApiCaseOutcome {
    /// It was done: the money was taken, or was given back.
    Done,
    /// It was not done.
    NotDone,
}

/// Something only a person can settle
#[derive(Clone, Debug, Object)]
#[oai(rename = "Case", skip_serializing_if_is_none)]
pub(crate) struct CaseBody {
    /// `case`.
    pub(crate) object: CaseObject,
    /// Its name: the payment's id, a dot, and a number within the payment.
    pub(crate) id: String,
    /// Whether it waits for somebody.
    pub(crate) state: CaseState,
    /// Why a person is needed: `unknown_confirm`, `unknown_cancel`, `refused_compensation`, `failed_refund`.
    pub(crate) kind: String,
    /// What to find out and do.
    pub(crate) advice: String,
    /// Whose payment it is.
    pub(crate) merchant: String,
    /// The account that took it.
    pub(crate) account: String,
    /// The payment.
    pub(crate) payment_id: String,
    /// The merchant's name for the order.
    pub(crate) order_id: String,
    /// Where the payment stands now.
    pub(crate) payment_status: ApiPaymentStatus,
    /// The currency of every amount here.
    pub(crate) currency: ApiCurrency,
    /// What the payment costs, in the currency's minor unit.
    pub(crate) amount: u64,
    /// What came in, as far as is known.
    pub(crate) amount_paid: u64,
    /// What was given back, as far as is known.
    pub(crate) amount_cancelled: u64,
    /// What it is about, with the names to look for in the payment gateway's own console.
    pub(crate) about: CaseAbout,
    /// When it was opened.
    pub(crate) opened_at: DateTime,
    /// How it ended.
    pub(crate) closing: Option<CaseClosingBody>,
}

/// What a case is about
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct CaseAbout {
    /// What was asked of the payment gateway.
    pub(crate) operation: CaseOperation,
    /// The attempt, counted from 1 within the payment.
    pub(crate) attempt: Option<u16>,
    /// The order id the payment gateway knows it by.
    pub(crate) pg_order_id: Option<String>,
    /// The payment gateway's own name for the payment.
    pub(crate) pg_payment_id: Option<String>,
    /// When it was last sent.
    pub(crate) sent_at: Option<DateTime>,
    /// The cancel. It stands in the reason the payment gateway shows.
    pub(crate) cancel_id: Option<String>,
    /// Where the cancel stands.
    pub(crate) cancel_status: Option<ApiCancelStatus>,
    /// Who wanted the cancel.
    pub(crate) origin: Option<ApiCancelOrigin>,
    /// How much it is about.
    pub(crate) amount: Option<u64>,
    /// Why the cancel was wanted.
    pub(crate) reason: Option<String>,
}

/// How a case ended
#[derive(Clone, Debug, Object)]
#[oai(rename = "CaseClosing", skip_serializing_if_is_none)]
pub(crate) struct CaseClosingBody {
    /// By itself, or by an operator.
    pub(crate) how: ClosedHow,
    /// When.
    pub(crate) at: DateTime,
    /// Who decided.
    pub(crate) by: Option<String>,
    /// What they found out.
    pub(crate) outcome: Option<ApiCaseOutcome>,
    /// Why they are sure.
    pub(crate) reason: Option<String>,
}

/// A page of cases, those of the oldest payment first
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct CaseList {
    /// `list`.
    pub(crate) object: ListObject,
    /// The cases.
    pub(crate) data: Vec<CaseBody>,
    /// Pass it as `cursor` for the next page; absent on the last.
    pub(crate) next_cursor: Option<String>,
}

/// What an operator found out
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(crate) struct CloseCase {
    /// Whether it was done, as the payment gateway's own console shows.
    pub(crate) outcome: ApiCaseOutcome,
    /// Who found out: 1 to 100 printable characters. Kept for good.
    pub(crate) by: Text,
    /// Why you are sure: 1 to 500 printable characters. Kept for good; write no personal data of buyers.
    pub(crate) reason: Text,
}

impl CloseCase {
    /// The domain's words for it. The core checks the texts.
    pub(crate) fn into_domain(self) -> CaseVerdict {
        CaseVerdict { by: self.by.0, outcome: self.outcome.into(), reason: self.reason.0 }
    }
}

impl CaseBody {
    /// A case of a payment.
    pub(crate) fn new(record: &PaymentRecord, case: &Case) -> Self {
        let payment = &record.payment;
        let id = CaseId { payment: payment.id.clone(), number: case.number };
        Self {
            object: CaseObject::Case,
            id: id.to_string(),
            state: if case.is_open() { CaseState::Open } else { CaseState::Closed },
            kind: case.kind.name().to_owned(),
            advice: case.kind.advice().to_owned(),
            merchant: payment.merchant.to_string(),
            account: payment.account.to_string(),
            payment_id: payment.id.to_string(),
            order_id: payment.order_id.to_string(),
            payment_status: payment.status.into(),
            currency: payment.currency().into(),
            amount: payment.terms.amount.amount(),
            amount_paid: payment.amount_paid.amount(),
            amount_cancelled: payment.amount_cancelled.amount(),
            about: CaseAbout::new(record, &case.about),
            opened_at: case.opened_at.into(),
            closing: case.closing.as_ref().map(Into::into),
        }
    }
}

impl CaseAbout {
    fn new(record: &PaymentRecord, subject: &CaseSubject) -> Self {
        let attempt = |number: u16| record.attempts.iter().find(|attempt| attempt.number == number);
        match subject {
            CaseSubject::Confirm(number) => Self::of_confirm(*number, attempt(*number)),
            CaseSubject::Cancel(id) => {
                let cancel = record.cancel(id);
                let its_attempt = cancel.and_then(|cancel| attempt(cancel.attempt?));
                Self { cancel_id: Some(id.to_string()), ..Self::of_cancel(cancel, its_attempt) }
            }
        }
    }

    fn of_confirm(number: u16, attempt: Option<&Attempt>) -> Self {
        let sent_at = attempt.and_then(|attempt| attempt.confirm.as_ref()).map(|sent| sent.sent_at.into());
        Self { attempt: Some(number), sent_at, ..Self::at_the_pg(CaseOperation::Confirm, attempt) }
    }

    fn of_cancel(cancel: Option<&Cancel>, attempt: Option<&Attempt>) -> Self {
        let at_the_pg = Self::at_the_pg(CaseOperation::Cancel, attempt);
        let Some(cancel) = cancel else { return at_the_pg };
        Self {
            attempt: cancel.attempt,
            pg_payment_id: cancel.pg_id.as_ref().map(ToString::to_string).or(at_the_pg.pg_payment_id),
            sent_at: cancel.sending.as_ref().map(|sent| sent.sent_at.into()),
            cancel_status: Some(cancel.status.into()),
            origin: Some(cancel.origin.into()),
            amount: Some(cancel.amount.amount()),
            reason: Some(cancel.reason.clone()),
            ..at_the_pg
        }
    }

    /// What the PG calls an attempt.
    fn at_the_pg(operation: CaseOperation, attempt: Option<&Attempt>) -> Self {
        Self {
            operation,
            attempt: None,
            pg_order_id: attempt.map(|attempt| attempt.pg_order_id.to_string()),
            pg_payment_id: attempt.and_then(|attempt| attempt.pg_id.as_ref()).map(ToString::to_string),
            sent_at: None,
            cancel_id: None,
            cancel_status: None,
            origin: None,
            amount: None,
            reason: None,
        }
    }
}

impl From<&CaseClosing> for CaseClosingBody {
    fn from(closing: &CaseClosing) -> Self {
        match closing {
            CaseClosing::Settled { at } => {
                Self { how: ClosedHow::Settled, at: (*at).into(), by: None, outcome: None, reason: None }
            }
            CaseClosing::Decided { at, by, outcome, reason } => Self {
                how: ClosedHow::Decided,
                at: (*at).into(),
                by: Some(by.clone()),
                outcome: Some((*outcome).into()),
                reason: Some(reason.clone()),
            },
        }
    }
}

impl From<CaseOutcome> for ApiCaseOutcome {
    fn from(outcome: CaseOutcome) -> Self {
        match outcome {
            CaseOutcome::Done => Self::Done,
            CaseOutcome::NotDone => Self::NotDone,
        }
    }
}

impl From<ApiCaseOutcome> for CaseOutcome {
    fn from(outcome: ApiCaseOutcome) -> Self {
        match outcome {
            ApiCaseOutcome::Done => Self::Done,
            ApiCaseOutcome::NotDone => Self::NotDone,
        }
    }
}
