//! A review as the admin API shows it, and what closes one.

use paymux_core::{
    gateway::Verdict,
    model::{Charge, Dispatch, Money, Review, ReviewClosing, ReviewOutcome, ReviewSubject},
    store::PaymentRecord,
};
use poem_openapi::{Enum, Object};

use super::review_id::ReviewId;
use crate::api::{
    PgMessageBody,
    date_time::DateTime,
    list::ListObject,
    text::Text,
    words::{ApiCancelOrigin, ApiCancelStatus, ApiCancelType, ApiCurrency, ApiPaymentStatus},
};

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ReviewObject {
    /// A review
    Review,
}

/// Whether somebody has to do something
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ReviewState {
    /// It waits for an operator.
    Open,
    /// It is closed.
    Closed,
}

/// What a review is about
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewSubject", rename_all = "snake_case")]
pub(crate) enum ApiReviewSubject {
    /// The payment as a whole.
    Payment,
    /// One order id at the payment gateway.
    Attempt,
    /// One payment at the payment gateway.
    Charge,
    /// Money going back, or the close of an unpaid account.
    Cancel,
}

/// How a review ended
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ClosedHow {
    /// The payment gateway answered after all, or the problem was resolved.
    Resolved,
    /// An operator decided.
    Decided,
}

/// What an operator found out
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewOutcome", rename_all = "snake_case")]
pub(crate) enum ApiReviewOutcome {
    /// It was done: the money was taken, or was given back.
    Done,
    /// It was not done.
    NotDone,
}

/// Something only a person can decide
#[derive(Clone, Debug, Object)]
#[oai(rename = "Review", skip_serializing_if_is_none)]
pub(crate) struct ReviewBody {
    /// `review`.
    pub(crate) object: ReviewObject,
    /// Its name: the payment's id, a dot, and its number.
    pub(crate) id: String,
    /// Counted from 1 within the payment.
    pub(crate) number: u16,
    /// Whether it waits for somebody.
    pub(crate) state: ReviewState,
    /// Why a person is needed, such as `unknown_confirm`.
    pub(crate) reason: String,
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
    /// The currency of the payment's amounts.
    pub(crate) currency: ApiCurrency,
    /// What the payment costs, in the currency's minor unit.
    pub(crate) amount: u64,
    /// What came in, as far as is known.
    pub(crate) amount_paid: u64,
    /// What was given back, as far as is known.
    pub(crate) amount_cancelled: u64,
    /// What it is about, with the names to look for in the payment gateway's own console.
    pub(crate) about: ReviewAbout,
    /// What was asked for and not done, where the account is retired.
    pub(crate) asked_for: Option<String>,
    /// When it was opened.
    pub(crate) opened_at: DateTime,
    /// How it ended.
    pub(crate) closing: Option<ReviewClosingBody>,
}

/// What a review is about
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ReviewAbout {
    /// The payment, one attempt or charge of it, or one of its cancels.
    #[oai(rename = "type")]
    pub(crate) kind: ApiReviewSubject,
    /// The attempt, counted from 1 within the payment.
    pub(crate) attempt: Option<u16>,
    /// The order id the payment gateway knows it by.
    pub(crate) pg_order_id: Option<String>,
    /// The payment gateway's own id of the payment.
    pub(crate) pg_payment_id: Option<String>,
    /// The charge: our name for the payment at the payment gateway.
    pub(crate) charge_id: Option<String>,
    /// When the request was last sent.
    pub(crate) sent_at: Option<DateTime>,
    /// How much it is about.
    pub(crate) amount: Option<u64>,
    /// The currency of that amount.
    pub(crate) currency: Option<ApiCurrency>,
    /// The cancel or close. A cancel's id stands in the reason the payment gateway shows.
    pub(crate) cancel_id: Option<String>,
    /// Whether money goes back or an account is closed.
    pub(crate) cancel_type: Option<ApiCancelType>,
    /// Where the cancel stands.
    pub(crate) cancel_status: Option<ApiCancelStatus>,
    /// Who wanted the cancel.
    pub(crate) origin: Option<ApiCancelOrigin>,
    /// Why the cancel was wanted.
    pub(crate) cancel_reason: Option<String>,
    /// What the payment gateway said to the cancel or close, as far as it said anything.
    pub(crate) pg: Option<PgMessageBody>,
}

/// How a review ended
#[derive(Clone, Debug, Object)]
#[oai(rename = "ReviewClosing", skip_serializing_if_is_none)]
pub(crate) struct ReviewClosingBody {
    /// By itself, or by an operator.
    pub(crate) how: ClosedHow,
    /// When.
    pub(crate) at: DateTime,
    /// Who decided.
    pub(crate) by: Option<String>,
    /// What they found out.
    pub(crate) outcome: Option<ApiReviewOutcome>,
    /// Why they are sure.
    pub(crate) reason: Option<String>,
}

/// A page of reviews, those of the oldest payment first
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ReviewList {
    /// `list`.
    pub(crate) object: ListObject,
    /// The reviews.
    pub(crate) data: Vec<ReviewBody>,
    /// Pass it as `cursor` for the next page; absent on the last.
    pub(crate) next_cursor: Option<String>,
}

/// What an operator found out
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(crate) struct CloseReview {
    /// Whether it was done, as the payment gateway's own console shows.
    pub(crate) outcome: ApiReviewOutcome,
    /// Who found out: 1 to 100 printable characters. Kept for good.
    pub(crate) by: Text,
    /// Why you are sure: 1 to 500 printable characters. Kept for good; write no personal data of buyers.
    pub(crate) reason: Text,
}

impl CloseReview {
    /// The domain's words for it. The core checks the texts.
    pub(crate) fn into_domain(self) -> Verdict {
        Verdict { by: self.by.0, outcome: self.outcome.into(), reason: self.reason.0 }
    }
}

impl ReviewBody {
    /// A review of a payment.
    pub(crate) fn new(record: &PaymentRecord, review: &Review) -> Self {
        let (payment, shown) = (&record.payment, &record.payment.shown);
        let id = ReviewId { payment: payment.id.clone(), number: review.number };
        Self {
            object: ReviewObject::Review,
            id: id.to_string(),
            number: review.number,
            state: if review.is_open() { ReviewState::Open } else { ReviewState::Closed },
            reason: review.reason.name().to_owned(),
            advice: review.reason.advice().to_owned(),
            merchant: payment.merchant.to_string(),
            account: payment.account.to_string(),
            payment_id: payment.id.to_string(),
            order_id: payment.order_id.to_string(),
            payment_status: shown.status.into(),
            currency: payment.currency().into(),
            amount: payment.terms.amount.amount(),
            amount_paid: shown.amount_paid.amount(),
            amount_cancelled: shown.amount_cancelled.amount(),
            about: ReviewAbout::new(record, &review.about),
            asked_for: review.asked_for.clone(),
            opened_at: review.opened_at.into(),
            closing: review.closing.as_ref().map(Into::into),
        }
    }
}

impl ReviewAbout {
    fn new(record: &PaymentRecord, subject: &ReviewSubject) -> Self {
        match subject {
            ReviewSubject::Payment => {
                let pg = record.view().pg;
                Self {
                    pg_order_id: pg.order_id.map(Into::into),
                    pg_payment_id: pg.payment_id.map(Into::into),
                    ..Self::of(ApiReviewSubject::Payment)
                }
            }
            ReviewSubject::Attempt(number) => Self {
                attempt: Some(*number),
                pg_order_id: record.attempt(*number).map(|attempt| attempt.pg_order_id.to_string()),
                ..Self::of(ApiReviewSubject::Attempt)
            },
            ReviewSubject::Charge(id) => {
                let charge = record.charge(id);
                let paid = charge.and_then(|charge| charge.snapshot.as_ref()).map(|shown| shown.paid);
                Self {
                    charge_id: Some(id.to_string()),
                    sent_at: charge.and_then(|charge| charge.confirm.as_ref()).map(sent_at),
                    ..Self::of(ApiReviewSubject::Charge)
                        .at_the_pg(record, charge)
                        .with_amount(paid.filter(|paid| !paid.is_zero()))
                }
            }
            ReviewSubject::Cancel(id) => {
                let cancel = record.cancel(id);
                let cancel =
                    cancel.map(|(charge, row)| (charge, (row.dispatch.as_ref(), row.failure.as_ref())));
                let close = || {
                    let close = record.close(id);
                    close.map(|(charge, row)| (charge, (row.dispatch.as_ref(), row.failure.as_ref())))
                };
                let (charge, sent) = cancel.or_else(close).unzip();
                let (dispatch, failure) = sent.unwrap_or_default();
                let view = record.cancel_view(id);
                let view = view.as_ref();
                Self {
                    sent_at: dispatch.map(sent_at),
                    pg: failure.and_then(|failure| failure.pg.as_ref()).map(Into::into),
                    cancel_id: Some(id.to_string()),
                    cancel_type: view.map(|cancel| cancel.kind.into()),
                    cancel_status: view.map(|cancel| cancel.status.into()),
                    origin: view.map(|cancel| cancel.origin.into()),
                    cancel_reason: view.map(|cancel| cancel.reason.clone()),
                    ..Self::of(ApiReviewSubject::Cancel)
                        .at_the_pg(record, charge)
                        .with_amount(view.and_then(|cancel| cancel.amount))
                }
            }
        }
    }

    const fn of(kind: ApiReviewSubject) -> Self {
        Self {
            kind,
            attempt: None,
            pg_order_id: None,
            pg_payment_id: None,
            charge_id: None,
            sent_at: None,
            amount: None,
            currency: None,
            cancel_id: None,
            cancel_type: None,
            cancel_status: None,
            origin: None,
            cancel_reason: None,
            pg: None,
        }
    }

    /// With what the PG calls a charge.
    fn at_the_pg(self, record: &PaymentRecord, charge: Option<&Charge>) -> Self {
        let Some(charge) = charge else { return self };
        let attempt = record.attempt(charge.attempt);
        Self {
            attempt: Some(charge.attempt),
            pg_order_id: attempt.map(|attempt| attempt.pg_order_id.to_string()),
            pg_payment_id: charge.pg_payment_id.as_ref().map(ToString::to_string),
            charge_id: Some(charge.id.to_string()),
            ..self
        }
    }

    fn with_amount(self, money: Option<Money>) -> Self {
        Self {
            amount: money.map(Money::amount),
            currency: money.map(|money| money.currency().into()),
            ..self
        }
    }
}

fn sent_at(dispatch: &Dispatch) -> DateTime {
    dispatch.last_sent_at.into()
}

impl From<&ReviewClosing> for ReviewClosingBody {
    fn from(closing: &ReviewClosing) -> Self {
        match closing {
            ReviewClosing::Resolved { at } => {
                Self { how: ClosedHow::Resolved, at: (*at).into(), by: None, outcome: None, reason: None }
            }
            ReviewClosing::Decided { at, by, outcome, reason } => Self {
                how: ClosedHow::Decided,
                at: (*at).into(),
                by: Some(by.clone()),
                outcome: Some((*outcome).into()),
                reason: Some(reason.clone()),
            },
        }
    }
}

impl From<ReviewOutcome> for ApiReviewOutcome {
    fn from(outcome: ReviewOutcome) -> Self {
        match outcome {
            ReviewOutcome::Done => Self::Done,
            ReviewOutcome::NotDone => Self::NotDone,
        }
    }
}

impl From<ApiReviewOutcome> for ReviewOutcome {
    fn from(outcome: ApiReviewOutcome) -> Self {
        match outcome {
            ApiReviewOutcome::Done => Self::Done,
            ApiReviewOutcome::NotDone => Self::NotDone,
        }
    }
}
