//! What becomes a case, what ends one and what a decision writes, rule by rule, on records made by hand.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{
    bench::{Bench, PRICE, VISIBLE},
    fake_books::Op,
};
use crate::{
    Attempt, AttemptStatus, Cancel, CancelOrigin, CancelScope, CancelStatus, Case, CaseClosing, CaseKind,
    CaseOutcome, CaseSubject, CaseVerdict, Clock, Failure, FailureReason, IdSource, Money, PaymentRecord,
    PaymentStatus, PgOrderId, ProviderError, Sending, draft::Draft,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The PG payment of an attempt that was not accepted.
const OTHER: &str = "pg9";

/// A record without cases, and the moment it is looked at.
struct Bookkeeping {
    record: PaymentRecord,
    now: Timestamp,
    ids: IdSource,
}

impl Bookkeeping {
    /// Of a payment that is paid.
    async fn paid() -> Self {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        Self { record: bench.read(&id).await, now: bench.clock.now(), ids: IdSource::seeded(9) }
    }

    /// Of a payment one of whose confirms has no answer.
    async fn confirming() -> Self {
        let (bench, record) = sent().await;
        assert_eq!(record.payment.status, PaymentStatus::Confirming);
        Self { record, now: bench.clock.now(), ids: IdSource::seeded(9) }
    }

    /// Adds a cancel of the accepted PG payment; gives its place.
    fn add(&mut self, origin: CancelOrigin, status: CancelStatus, amount: u64) -> usize {
        let scope = if amount == PRICE { CancelScope::All } else { CancelScope::Part };
        self.record.cancels.push(Cancel {
            id: self.ids.cancel(self.now),
            origin,
            status,
            pg_id: self.record.accepted().cloned(),
            attempt: Some(1),
            scope,
            amount: Money::krw(amount),
            tax_free_amount: None,
            guard: Money::krw(PRICE),
            reason: "by hand".to_owned(),
            refund_account: None,
            sending: None,
            pg_cancel_id: None,
            failure: None,
            created_at: self.now,
        });
        self.record.cancels.len() - 1
    }

    /// Adds a refund that the PG took and could not pay out.
    fn add_failed_refund(&mut self, amount: u64) -> usize {
        let place = self.add(CancelOrigin::Merchant, CancelStatus::Refused, amount);
        self.record.cancels[place].failure = Some(Failure::of(FailureReason::RefundFailed));
        place
    }

    fn about(&self, place: usize) -> CaseSubject {
        CaseSubject::Cancel(self.record.cancels[place].id.clone())
    }

    fn add_case(&mut self, about: CaseSubject, kind: CaseKind, closing: Option<CaseClosing>) {
        let number = u16::try_from(self.record.payment.cases.len() + 1).unwrap();
        self.record.payment.cases.push(Case { number, about, kind, opened_at: self.now, closing });
    }

    /// Every case after the record was looked at.
    fn cases(&self) -> Vec<Case> {
        let mut draft = Draft::of(self.record.clone());
        draft.keep_cases(self.now);
        draft.record.payment.cases
    }

    /// The kinds of the open cases, and the places of the cancels they are about.
    fn open(&self) -> Vec<(CaseKind, usize)> {
        let place = |about: &CaseSubject| {
            (0..self.record.cancels.len()).find(|place| self.about(*place) == *about).unwrap()
        };
        let cases = self.cases();
        cases.iter().filter(|case| case.is_open()).map(|case| (case.kind, place(&case.about))).collect()
    }

    fn decide_confirm(&self, number: u16, outcome: CaseOutcome) -> PaymentRecord {
        let mut draft = Draft::of(self.record.clone());
        draft.decide_confirm(number, outcome, self.now);
        draft.record
    }

    fn decide_cancel(&self, place: usize, outcome: CaseOutcome) -> PaymentRecord {
        let mut draft = Draft::of(self.record.clone());
        draft.decide_cancel(&self.record.cancels[place].id, outcome, false);
        draft.record
    }
}

#[test]
fn kinds_and_outcomes_have_the_words_of_the_api() {
    let kinds = [
        (CaseKind::UnknownConfirm, "unknown_confirm"),
        (CaseKind::UnknownCancel, "unknown_cancel"),
        (CaseKind::RefusedCompensation, "refused_compensation"),
        (CaseKind::FailedRefund, "failed_refund"),
    ];
    for (kind, word) in kinds {
        assert_eq!(kind.name(), word);
        assert_eq!(serde_json::to_value(kind).unwrap(), word, "what is stored is the same word");
    }
    for (outcome, word) in [(CaseOutcome::Done, "done"), (CaseOutcome::NotDone, "not_done")] {
        assert_eq!(outcome.name(), word);
        assert_eq!(serde_json::to_value(outcome).unwrap(), word);
    }
}

#[test]
fn every_kind_of_case_says_where_to_look_and_what_each_outcome_means() {
    for (kind, where_to_look) in [
        (CaseKind::UnknownConfirm, "if the money was taken"),
        (CaseKind::UnknownCancel, "if this cancel is in its list"),
        (CaseKind::RefusedCompensation, "Give this PG payment's money back"),
        (CaseKind::FailedRefund, "Ask the buyer for another account"),
    ] {
        let advice = kind.advice();
        assert!(advice.contains(where_to_look), "{advice}");
        assert!(advice.contains("Close as done") && advice.contains("as not_done"), "{advice}");
    }
}

#[tokio::test]
async fn a_trouble_that_returns_after_it_was_settled_is_a_new_case() {
    let mut books = Bookkeeping::paid().await;
    let refund = books.add_failed_refund(3_000);
    let settled = Some(CaseClosing::Settled { at: books.now });
    books.add_case(books.about(refund), CaseKind::FailedRefund, settled);
    let cases = books.cases();
    assert_eq!(
        cases.iter().map(|case| (case.number, case.is_open())).collect::<Vec<_>>(),
        [(1, false), (2, true)]
    );
}

#[tokio::test]
async fn a_case_about_one_cancel_says_nothing_of_another() {
    let decided = |at| {
        let (by, reason) = ("jiwoo".to_owned(), "paid by transfer".to_owned());
        Some(CaseClosing::Decided { at, by, outcome: CaseOutcome::Done, reason })
    };
    for is_decided in [true, false] {
        let mut books = Bookkeeping::paid().await;
        let first = books.add_failed_refund(3_000);
        let second = books.add_failed_refund(2_000);
        let closing = if is_decided { decided(books.now) } else { None };
        books.add_case(books.about(first), CaseKind::FailedRefund, closing);
        let cases = books.cases();
        assert_eq!(cases.len(), 2, "{cases:?}");
        assert_eq!((&cases[1].about, cases[1].kind), (&books.about(second), CaseKind::FailedRefund));
    }
}

#[tokio::test]
async fn a_decision_of_one_kind_does_not_decide_the_other() {
    let mut books = Bookkeeping::paid().await;
    let refund = books.add_failed_refund(3_000);
    let decided = CaseClosing::Decided {
        at: books.now,
        by: "jiwoo".to_owned(),
        outcome: CaseOutcome::Done,
        reason: "in the list".to_owned(),
    };
    books.add_case(books.about(refund), CaseKind::UnknownCancel, Some(decided));
    assert_eq!(books.open(), [(CaseKind::FailedRefund, refund)], "it was done, and then not paid out");
}

#[tokio::test]
async fn a_cancel_is_unknown_since_it_was_sent_and_a_compensation_since_it_was_written() {
    for (origin, open) in [(CancelOrigin::Merchant, 0), (CancelOrigin::Compensation, 1)] {
        let mut books = Bookkeeping::paid().await;
        let cancel = books.add(origin, CancelStatus::Unknown, 3_000);
        books.record.cancels[cancel].sending = Some(Sending::first(books.now + 5 * DAY, "first"));
        books.now += 7 * DAY;
        assert_eq!(books.open().len(), open, "{origin:?}");
        books.now += 5 * DAY;
        assert_eq!(books.open(), [(CaseKind::UnknownCancel, cancel)], "{origin:?}");
    }
}

#[tokio::test]
async fn a_cancel_that_the_pg_refused_is_the_merchants_to_know_and_no_case() {
    let mut books = Bookkeeping::paid().await;
    let refused = books.add(CancelOrigin::Merchant, CancelStatus::Refused, 3_000);
    assert_eq!(books.open(), [], "nobody said why");
    books.record.cancels[refused].failure = Some(Failure::of(FailureReason::NotCancellable));
    assert!(!books.record.cancels[refused].is_failed_refund());
    assert_eq!(books.open(), []);
    let failed = books.add_failed_refund(2_000);
    books.record.cancels.swap(refused, failed);
    assert_eq!(books.open(), [(CaseKind::FailedRefund, refused)], "only the one that failed after it");
}

#[tokio::test]
async fn only_a_refused_cancel_can_be_a_failed_refund() {
    let mut books = Bookkeeping::paid().await;
    let refund = books.add_failed_refund(3_000);
    assert!(books.record.cancels[refund].is_failed_refund());
    books.record.cancels[refund].status = CancelStatus::Done;
    assert!(!books.record.cancels[refund].is_failed_refund(), "it came through after all");
}

#[tokio::test]
async fn an_account_that_could_not_be_closed_holds_nobodys_money() {
    let mut books = Bookkeeping::paid().await;
    let close = books.add(CancelOrigin::Compensation, CancelStatus::Refused, PRICE);
    assert_eq!(books.open(), [(CaseKind::RefusedCompensation, close)]);
    books.record.cancels[close].scope = CancelScope::Close;
    assert_eq!(books.open(), []);
}

#[tokio::test]
async fn what_another_pg_payment_gave_back_makes_nothing_good() {
    let mut books = Bookkeeping::paid().await;
    let failed = books.add_failed_refund(3_000);
    let done = books.add(CancelOrigin::Merchant, CancelStatus::Done, 3_000);
    assert_eq!(books.open(), [], "of the same one it does");
    books.record.cancels[done].pg_id = Some(OTHER.parse().unwrap());
    assert_eq!(books.open(), [(CaseKind::FailedRefund, failed)]);
}

#[tokio::test]
async fn a_close_gives_nothing_back() {
    let mut books = Bookkeeping::paid().await;
    let failed = books.add_failed_refund(3_000);
    let close = books.add(CancelOrigin::Compensation, CancelStatus::Done, PRICE - 1);
    books.record.cancels[close].scope = CancelScope::Close;
    assert_eq!(books.open(), [(CaseKind::FailedRefund, failed)]);
}

#[tokio::test]
async fn only_a_compensation_answers_for_a_refused_compensation_before_it_is_done() {
    for status in [CancelStatus::Requested, CancelStatus::Pending] {
        let mut books = Bookkeeping::paid().await;
        let refused = books.add(CancelOrigin::Compensation, CancelStatus::Refused, PRICE);
        let next = books.add(CancelOrigin::Compensation, status, PRICE);
        assert_eq!(books.open(), [], "it was written anew: {status:?}");
        books.record.cancels[next].origin = CancelOrigin::Merchant;
        assert_eq!(books.open(), [(CaseKind::RefusedCompensation, refused)], "{status:?}");
        books.record.cancels[next].status = CancelStatus::Done;
        assert_eq!(books.open(), [], "the merchant gave it back");
    }
}

#[tokio::test]
async fn a_refund_that_failed_twice_and_then_came_through_is_one_refund() {
    let mut books = Bookkeeping::paid().await;
    let first = books.add_failed_refund(PRICE);
    let second = books.add_failed_refund(PRICE);
    assert_eq!(books.open(), [first, second].map(|place| (CaseKind::FailedRefund, place)));
    books.add(CancelOrigin::Merchant, CancelStatus::Done, PRICE);
    assert_eq!(books.record.cancellable(), Money::krw(0));
    assert_eq!(books.open(), []);
}

#[tokio::test]
async fn a_refund_on_its_way_makes_a_failed_one_good_only_once_it_arrived() {
    for status in [CancelStatus::Requested, CancelStatus::Sent, CancelStatus::Unknown, CancelStatus::Pending]
    {
        let mut books = Bookkeeping::paid().await;
        let failed = books.add_failed_refund(PRICE);
        let next = books.add(CancelOrigin::Merchant, status, PRICE);
        assert_eq!(books.record.cancellable(), Money::krw(0));
        assert_eq!(books.open(), [(CaseKind::FailedRefund, failed)], "{status:?}");
        books.record.cancels[next].status = CancelStatus::Done;
        assert_eq!(books.open(), []);
    }
}

#[tokio::test]
async fn refunds_of_a_payment_that_was_not_accepted_are_counted_one_by_one() {
    let mut books = Bookkeeping::paid().await;
    books.add(CancelOrigin::Merchant, CancelStatus::Done, PRICE);
    assert_eq!(books.record.cancellable(), Money::krw(0), "of the accepted one nothing is left");
    let failed = books.add_failed_refund(3_000);
    books.record.cancels[failed].pg_id = Some(OTHER.parse().unwrap());
    assert_eq!(books.open(), [(CaseKind::FailedRefund, failed)]);
}

#[tokio::test]
async fn money_that_an_operator_saw_taken_in_time_is_not_late() {
    let books = Bookkeeping::confirming().await;
    let record = books.decide_confirm(1, CaseOutcome::Done);
    assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Paid, false));
}

#[tokio::test]
async fn money_that_an_operator_saw_taken_after_the_payment_ended_is_late() {
    for ended in [PaymentStatus::Expired, PaymentStatus::Failed, PaymentStatus::Ready] {
        let mut books = Bookkeeping::confirming().await;
        books.record.payment.status = ended;
        let record = books.decide_confirm(1, CaseOutcome::Done);
        assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Paid, true), "{ended:?}");
    }
}

#[tokio::test]
async fn what_was_late_stays_late_when_an_operator_decides() {
    let mut books = Bookkeeping::confirming().await;
    books.record.payment.late = true;
    assert!(books.decide_confirm(1, CaseOutcome::Done).payment.late);
}

#[tokio::test]
async fn a_second_payment_that_an_operator_saw_taken_changes_nothing_of_the_first() {
    let mut books = Bookkeeping::paid().await;
    let order = PgOrderId::of(&books.record.payment.id, 2).unwrap();
    let mut second = Attempt::new(2, order, books.now);
    second.status = AttemptStatus::Confirming;
    second.pg_id = Some(OTHER.parse().unwrap());
    books.record.attempts.push(second);
    books.record.payment.status = PaymentStatus::PartiallyCancelled;
    books.now += DAY;
    let record = books.decide_confirm(2, CaseOutcome::Done);
    assert_eq!(record.payment, books.record.payment);
    assert_eq!(record.attempts[0], books.record.attempts[0]);
    assert_eq!((record.attempts[1].status, record.attempts[1].accepted), (AttemptStatus::Closed, false));
}

#[tokio::test]
async fn a_cancel_that_an_operator_saw_done_takes_no_more_than_was_left() {
    for (shown, asked, taken, status) in [
        (8_000, 5_000, 2_000, PaymentStatus::Cancelled),
        (8_000, 2_000, 2_000, PaymentStatus::Cancelled),
        (8_000, 1_999, 1_999, PaymentStatus::PartiallyCancelled),
    ] {
        let mut books = Bookkeeping::paid().await;
        books.record.payment.amount_cancelled = Money::krw(shown);
        let cancel = books.add(CancelOrigin::Merchant, CancelStatus::Unknown, asked);
        let record = books.decide_cancel(cancel, CaseOutcome::Done);
        assert_eq!(record.cancels[cancel].amount, Money::krw(taken), "of {asked}");
        assert_eq!(record.payment.amount_cancelled, Money::krw(shown + taken), "of {asked}");
        assert_eq!(record.payment.status, status, "of {asked}");
    }
}

#[tokio::test]
async fn a_day_after_a_decision_the_pg_is_asked_once_more() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    for op in [Op::Confirm, Op::Verify] {
        (0..2_000).for_each(|_| bench.pg.instead(op, || ProviderError::no_answer("the PG is gone")));
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    for _ in 0..16 {
        bench.pass(DAY / 2).await;
    }
    let by = "jiwoo".to_owned();
    let verdict = CaseVerdict { by, outcome: CaseOutcome::NotDone, reason: "not in the console".to_owned() };
    let record = bench.gateway.close_case(&id, 1, &verdict).await.unwrap();
    let asked_again_at = bench.clock.now() + DAY;
    assert_eq!(record.payment.watch.map(|watch| watch.at), Some(asked_again_at));
    // A hint in between has looks of its own, and does not take that one's place.
    bench.pg.forget_faults();
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pass(VISIBLE / 2).await;
    let watched_at = async || bench.read(&id).await.payment.watch.map(|watch| watch.at);
    assert_eq!(watched_at().await, Some(bench.clock.now() + VISIBLE));
    bench.pass(VISIBLE).await;
    assert_eq!(watched_at().await, Some(asked_again_at));
    bench.pass(DAY).await;
    assert!(watched_at().await.is_none_or(|at| at > asked_again_at));
}

/// A confirm that was committed this moment, and whose answer got lost.
async fn sent() -> (Bench, PaymentRecord) {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("the PG is gone"));
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert!(its_confirm(&record).is_some_and(|sent| sent.sent_at == bench.clock.now()));
    (bench, record)
}

fn its_confirm(record: &PaymentRecord) -> Option<&Sending> {
    record.attempts[0].confirm.as_ref()
}

#[tokio::test]
async fn a_request_for_money_goes_out_within_ten_seconds_or_not_at_all() {
    let (bench, record) = sent().await;
    for (seconds, goes_out) in [(0, true), (9, true), (1, false), (1, false)] {
        bench.clock.advance(Duration::from_secs(seconds));
        let is_ours = bench.gateway.is_still_ours(&record, its_confirm).await.unwrap();
        assert_eq!(is_ours, goes_out, "at {}", bench.clock.now());
    }
}

#[tokio::test]
async fn a_request_for_money_that_another_has_repeated_is_theirs() {
    let (bench, mut record) = sent().await;
    let stored = its_confirm(&record).unwrap().clone();
    record.attempts[0].confirm = Some(Sending { times: stored.times + 1, ..stored });
    assert!(!bench.gateway.is_still_ours(&record, its_confirm).await.unwrap());
}

#[tokio::test]
async fn a_request_for_money_that_nobody_waits_for_is_not_sent() {
    let (bench, record) = sent().await;
    assert!(!bench.gateway.is_still_ours(&record, |_| None).await.unwrap());
}
