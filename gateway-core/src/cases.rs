//! Opening a case when only a person can go on, closing it when the PG tells after all, and what a person's
//! decision does to a payment.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    Attempt, AttemptStatus, Cancel, CancelId, CancelOrigin, CancelScope, CancelStatus, Case, CaseClosing,
    CaseKind, CaseOutcome, CaseSubject, EventKind, Failure, FailureReason, PaymentRecord, PaymentStatus,
    draft::Draft, schedule::later,
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

impl Draft {
    /// An operator knows whether the money was taken.
    pub(crate) fn decide_confirm(&mut self, number: u16, outcome: CaseOutcome, now: Timestamp) {
        let confirming = self.record.payment.status == PaymentStatus::Confirming;
        let accepts = self.record.accepted_attempt().is_none();
        match outcome {
            CaseOutcome::NotDone => {
                let failure = Failure::of(FailureReason::Other);
                self.close_attempt(number, &failure);
                if confirming {
                    self.record.payment.status = PaymentStatus::Failed;
                    self.record.payment.failure = Some(failure);
                }
            }
            CaseOutcome::Done if accepts => {
                if let Some(attempt) = self.attempt_mut(number) {
                    attempt.status = AttemptStatus::Accepted;
                    attempt.accepted = true;
                }
                let payment = &mut self.record.payment;
                payment.late |= !confirming;
                payment.status = PaymentStatus::Paid;
                payment.amount_paid = payment.terms.amount;
                payment.paid_at = Some(now);
                payment.failure = None;
            }
            // A second payment of the order: the row stays, and the money is the operator's to give back.
            CaseOutcome::Done => {
                if let Some(attempt) = self.attempt_mut(number) {
                    attempt.status = AttemptStatus::Closed;
                }
            }
        }
    }

    /// An operator knows whether the PG gave the money back.
    pub(crate) fn decide_cancel(&mut self, id: &CancelId, outcome: CaseOutcome, pg_told: bool) {
        let accepted = self.record.accepted().cloned();
        let Some(cancel) = self.cancel_mut(id) else { return };
        if outcome == CaseOutcome::NotDone {
            return cancel.refuse(Failure::of(FailureReason::NotCancellable));
        }
        cancel.status = CancelStatus::Done;
        cancel.failure = None;
        // What the PG told just now has every cancel in its amounts.
        if pg_told || !accepted.is_some_and(|accepted| cancel.takes_from(&accepted)) {
            return;
        }
        let payment = &self.record.payment;
        let left = payment.amount_paid.saturating_sub(payment.amount_cancelled);
        let Some(cancel) = self.cancel_mut(id) else { return };
        if cancel.amount.amount() > left.amount() {
            cancel.amount = left;
        }
        let left = left.saturating_sub(cancel.amount);
        let payment = &mut self.record.payment;
        payment.amount_cancelled = payment.amount_paid.saturating_sub(left);
        payment.status =
            if left.is_zero() { PaymentStatus::Cancelled } else { PaymentStatus::PartiallyCancelled };
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
        let since = match &cancel.sending {
            // What we must give back is sent afresh as often as it takes.
            Some(sent) if cancel.origin != CancelOrigin::Compensation => sent.first_sent_at,
            _ => cancel.created_at,
        };
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
    let compensates = cancel.origin == CancelOrigin::Compensation;
    let must_go_back = compensates || cancel.is_failed_refund();
    if cancel.status != CancelStatus::Refused || cancel.scope == CancelScope::Close || !must_go_back {
        return false;
    }
    let of_it = |other: &&Cancel| other.pg_id == cancel.pg_id && other.scope != CancelScope::Close;
    let rows: Vec<_> = record.cancels.iter().filter(of_it).collect();
    let place = rows.iter().position(|row| row.id == cancel.id).unwrap_or_default();
    let after = rows.get(place + 1..).unwrap_or_default();
    // A compensation that was written anew answers for the money itself.
    if compensates && after.iter().any(|row| row.origin == CancelOrigin::Compensation) {
        return false;
    }
    // A refund that failed twice and then came through is one refund.
    if !compensates && record.accepted() == cancel.pg_id.as_ref() && record.cancellable().is_zero() {
        return rows.iter().any(|row| row.status == CancelStatus::Pending || row.status.is_unsettled());
    }
    // What comes back makes good what failed first. Whether a later refund was meant for this one nobody
    // knows: then a person looks once too often.
    let failed = |row: &Cancel| if compensates { row.id == cancel.id } else { row.is_failed_refund() };
    let first = rows.iter().position(|row| failed(row)).unwrap_or_default();
    let gives_back = |row: &Cancel| row.status == CancelStatus::Done;
    sum(&rows[first..], gives_back) < sum(&rows[..=place], failed)
}

fn sum(rows: &[&Cancel], counts: impl Fn(&Cancel) -> bool) -> u64 {
    rows.iter().filter(|row| counts(row)).fold(0, |sum, row| sum.saturating_add(row.amount.amount()))
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
