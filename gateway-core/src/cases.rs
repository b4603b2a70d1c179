//! Opening a case when only a person can go on, and closing it when the PG tells after all.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    Attempt, Cancel, CancelOrigin, CancelScope, CancelStatus, Case, CaseClosing, CaseKind, CaseSubject,
    EventKind, FailureReason, PaymentRecord, Sending, draft::Draft, schedule::later,
};

/// How long an outcome may be unknown before a person is asked.
const UNKNOWN_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Draft {
    /// Opens the cases that the record gives reason for, and ends those whose reason is gone.
    pub(crate) fn keep_cases(&mut self, now: Timestamp) {
        let troubles = troubles(&self.record, now);
        let is_settled =
            |case: &&mut Case| case.is_open() && !troubles.contains(&(case.about.clone(), case.kind));
        let mut settled = 0;
        for case in self.record.payment.cases.iter_mut().filter(is_settled) {
            case.closing = Some(CaseClosing::Settled { at: now });
            settled += 1;
        }
        (0..settled).for_each(|_| self.tell(EventKind::CaseClosed));
        for (about, kind) in troubles {
            // What a person has decided stays decided.
            let known = |case: &Case| {
                let decided = matches!(case.closing, Some(CaseClosing::Decided { .. }));
                case.about == about && case.kind == kind && (case.is_open() || decided)
            };
            if self.record.payment.cases.iter().any(known) {
                continue;
            }
            let payment = &mut self.record.payment;
            tracing::error!(payment = %payment.id, account = %payment.account, kind = kind.name(), "a case was opened: an operator is needed");
            let number = u16::try_from(payment.cases.len() + 1).unwrap_or(u16::MAX);
            payment.cases.push(Case { number, about, kind, opened_at: now, closing: None });
            self.tell(EventKind::CaseOpened);
        }
    }
}

/// Everything about a payment that only a person can settle.
fn troubles(record: &PaymentRecord, now: Timestamp) -> Vec<(CaseSubject, CaseKind)> {
    let is_old = |since: Timestamp| later(since, UNKNOWN_FOR) <= now;
    let is_unknown = |attempt: &&Attempt| {
        let sent = attempt.confirm.as_ref();
        attempt.is_uncertain() && sent.is_some_and(|sent| is_old(sent.first_sent_at))
    };
    let confirms = record
        .attempts
        .iter()
        .filter(is_unknown)
        .map(|attempt| (CaseSubject::Confirm(attempt.number), CaseKind::UnknownConfirm));
    let cancels = record.cancels.iter().filter_map(|cancel| {
        let since = cancel.sending.as_ref().map_or(cancel.created_at, |sent: &Sending| sent.first_sent_at);
        let kind = if cancel.status.is_unsettled() && is_old(since) {
            CaseKind::UnknownCancel
        } else if is_still_owed(record, cancel) {
            match cancel.origin {
                CancelOrigin::Compensation => CaseKind::RefusedCompensation,
                CancelOrigin::Merchant | CancelOrigin::Pg => CaseKind::FailedRefund,
            }
        } else {
            return None;
        };
        Some((CaseSubject::Cancel(cancel.id.clone()), kind))
    });
    confirms.chain(cancels).collect()
}

/// Whether a refused cancel leaves money where it must not stay, and nothing after it gave that back.
fn is_still_owed(record: &PaymentRecord, cancel: &Cancel) -> bool {
    let must_go_back = cancel.origin == CancelOrigin::Compensation || cancel.is_failed_refund();
    if cancel.status != CancelStatus::Refused || cancel.scope == CancelScope::Close || !must_go_back {
        return false;
    }
    let after = record.cancels.iter().skip_while(|other| other.id != cancel.id).skip(1);
    let of_it = after.filter(|other| other.pg_id == cancel.pg_id && other.scope != CancelScope::Close);
    // A compensation that was written anew answers for the money itself.
    let anew = |other: &Cancel| {
        cancel.origin == CancelOrigin::Compensation && other.origin == CancelOrigin::Compensation
    };
    let gives_back = |other: &&Cancel| matches!(other.status, CancelStatus::Done | CancelStatus::Pending);
    let given_back =
        of_it.clone().filter(gives_back).fold(0_u64, |sum, other| sum.saturating_add(other.amount.amount()));
    !of_it.clone().any(anew) && given_back < cancel.amount.amount()
}

impl Cancel {
    /// Whether the PG took a refund and then could not pay it out.
    #[must_use]
    pub fn is_failed_refund(&self) -> bool {
        let failure = self.failure.as_ref();
        self.status == CancelStatus::Refused
            && failure.is_some_and(|failure| failure.reason == FailureReason::RefundFailed)
    }
}
