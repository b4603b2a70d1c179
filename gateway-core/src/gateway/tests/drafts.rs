//! What a draft commits, and what it tells.

use super::bench::{Bench, PRICE};
use crate::{
    Cancel, CancelOrigin, CancelScope, CancelStatus, Clock, EventKind, Failure, FailureReason, IdSource,
    IdempotencyRecord, LastAttempt, Money, PaymentRecord, PaymentStatus, PgOrderId, draft::Draft,
};

async fn paid() -> (Bench, PaymentRecord) {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let record = bench.read(&id).await;
    (bench, record)
}

fn kinds(draft: Draft, bench: &Bench) -> Vec<EventKind> {
    let (change, after) = draft.into_change(bench.clock.now(), &IdSource::seeded(9)).unwrap();
    assert_eq!(change.expected, Some(change.payment.version - 1));
    assert_eq!(after.payment, change.payment);
    assert_eq!(after.events, change.events.last().map_or(after.events, |event| event.number));
    change.events.into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn what_changes_nothing_commits_nothing() {
    let (bench, record) = paid().await;
    assert!(Draft::of(record).into_change(bench.clock.now(), &IdSource::seeded(9)).is_none());
}

#[tokio::test]
async fn a_look_an_event_and_a_key_are_each_worth_a_commit() {
    let (bench, record) = paid().await;
    let mut touched = Draft::of(record.clone());
    touched.touch();
    assert_eq!(kinds(touched, &bench), []);
    let mut telling = Draft::of(record.clone());
    telling.tell(EventKind::Surplus);
    assert_eq!(kinds(telling, &bench), [EventKind::Surplus]);
    let mut keyed = Draft::of(record.clone());
    keyed.idempotency = Some(IdempotencyRecord {
        merchant: bench.merchant.clone(),
        key: "k".to_owned(),
        digest: "d".to_owned(),
        payment: None,
        cancel: None,
        answer: None,
        created_at: bench.clock.now(),
    });
    assert_eq!(kinds(keyed, &bench), []);
}

#[tokio::test]
async fn a_status_and_each_cancel_that_moved_are_told_in_order() {
    let (bench, record) = paid().await;
    let mut draft = Draft::of(record.clone());
    draft.tell(EventKind::Mismatch);
    draft.record.payment.status = PaymentStatus::Cancelled;
    draft.record.cancels[0].status = CancelStatus::Pending;
    let expected =
        [EventKind::Mismatch, EventKind::Status(PaymentStatus::Cancelled), EventKind::CancelUpdated];
    assert_eq!(kinds(draft, &bench), expected);

    let mut draft = Draft::of(record.clone());
    draft.record.cancels[0].amount = Money::krw(1);
    let (change, _) = draft.into_change(bench.clock.now(), &IdSource::seeded(9)).unwrap();
    assert!(change.events.is_empty(), "its status is what is told");
    assert_eq!((change.cancels.len(), change.attempts.len()), (1, 0), "only what changed is written");

    let mut draft = Draft::of(record.clone());
    let second = PgOrderId::of(&record.payment.id, 2).unwrap();
    draft.record.attempts.push(crate::Attempt::new(2, second, bench.clock.now()));
    let (change, _) = draft.into_change(bench.clock.now(), &IdSource::seeded(9)).unwrap();
    assert_eq!(change.attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2]);
    assert!(change.cancels.is_empty());
}

#[tokio::test]
async fn money_is_told_as_late_only_where_the_same_change_sends_it_back_whole() {
    let (bench, record) = paid().await;
    let accepted = record.accepted().cloned();
    let late = EventKind::LateMoney;
    let paid = EventKind::Status(PaymentStatus::Paid);
    for (origin, scope, pg_id, told) in [
        (CancelOrigin::Compensation, CancelScope::All, accepted.clone(), late),
        (CancelOrigin::Pg, CancelScope::All, accepted.clone(), paid),
        (CancelOrigin::Compensation, CancelScope::Close, accepted, paid),
        (CancelOrigin::Compensation, CancelScope::All, Some("pg9".parse().unwrap()), paid),
    ] {
        let row = Cancel { origin, scope, pg_id, ..record.cancels[0].clone() };
        for is_new in [true, false] {
            let mut draft = Draft::of(record.clone());
            draft.record.cancels.clear();
            draft.record.payment.status = PaymentStatus::Expired;
            draft.record.payment.told_of = None;
            if !is_new {
                draft.record.cancels.push(row.clone());
            }
            let mut draft = Draft::of(draft.record);
            draft.record.payment.status = PaymentStatus::Paid;
            if is_new {
                draft.record.cancels.push(row.clone());
            }
            let expected = if is_new { vec![told, EventKind::CancelUpdated] } else { vec![paid] };
            assert_eq!(kinds(draft, &bench), expected, "{row:?}");
        }
    }
}

#[tokio::test]
async fn events_go_on_where_the_last_left_off() {
    let (bench, record) = paid().await;
    let told = record.events;
    assert_eq!(usize::try_from(told).unwrap(), bench.events().await.len());
    let mut draft = Draft::of(record);
    draft.tell(EventKind::Surplus);
    draft.tell(EventKind::Mismatch);
    let (change, after) = draft.into_change(bench.clock.now(), &IdSource::seeded(9)).unwrap();
    let numbers: Vec<_> = change.events.iter().map(|event| event.number).collect();
    assert_eq!((numbers, after.events), (vec![told + 1, told + 2], told + 2));
}

#[tokio::test]
async fn only_the_newest_attempt_shows_why_it_failed() {
    let (bench, record) = paid().await;
    let failure = Failure::of(FailureReason::StoppedCard);
    let mut draft = Draft::of(record.clone());
    let second = PgOrderId::of(&record.payment.id, 2).unwrap();
    draft.record.attempts.push(crate::Attempt::new(2, second, bench.clock.now()));
    draft.close_attempt(1, &failure);
    assert_eq!(draft.record.attempts[0].failure, Some(failure.clone()));
    assert_eq!(draft.record.attempts[1].failure, None);
    assert_eq!(draft.record.payment.last_attempt, Some(LastAttempt { number: 1, failure: None }));
    draft.close_attempt(2, &failure);
    let shown = LastAttempt { number: 2, failure: Some(failure) };
    assert_eq!(draft.record.payment.last_attempt, Some(shown));
}

#[tokio::test]
async fn what_can_be_cancelled_is_never_more_than_the_rows_or_the_pg_leave() {
    let (_, record) = paid().await;
    assert_eq!(record.cancellable(), Money::krw(PRICE - 1_000));
    let mut in_flight = record.clone();
    in_flight.payment.amount_cancelled = Money::krw(0);
    assert_eq!(in_flight.cancellable(), Money::krw(PRICE - 1_000), "the row counts before the PG shows it");
    let mut by_hand = record.clone();
    by_hand.payment.amount_cancelled = Money::krw(4_000);
    assert_eq!(by_hand.cancellable(), Money::krw(PRICE - 4_000), "the PG shows more than our rows");
    let mut refused = record.clone();
    refused.payment.amount_cancelled = Money::krw(0);
    refused.cancels[0].status = CancelStatus::Refused;
    assert_eq!(refused.cancellable(), Money::krw(PRICE));
    let mut of_another = refused.clone();
    of_another.cancels[0].status = CancelStatus::Done;
    of_another.cancels[0].pg_id = Some("pg9".parse().unwrap());
    assert_eq!(of_another.cancellable(), Money::krw(PRICE));
    let mut not_accepted = record;
    not_accepted.attempts[0].accepted = false;
    assert_eq!(not_accepted.cancellable(), Money::krw(0));
}
