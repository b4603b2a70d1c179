//! When a payment is looked at again: each moment by itself.

use std::{ops::RangeInclusive, time::Duration};

use jiff::Timestamp;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::Op,
};
use crate::{
    CancelStatus, Clock, IdSource, PaymentId, PaymentStatus, PgPaymentId, PgStatus, ProviderError,
    schedule::next_watch,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn watched_at(bench: &Bench, id: &PaymentId) -> Option<Timestamp> {
    bench.read(id).await.payment.watch.map(|watch| watch.at)
}

/// How long until the next look.
async fn wait(bench: &Bench, id: &PaymentId) -> Duration {
    let at = watched_at(bench, id).await.unwrap();
    at.duration_since(bench.clock.now()).unsigned_abs()
}

/// Up to a tenth later.
fn about(step: Duration) -> RangeInclusive<Duration> {
    step..=step + step / 10
}

/// Where the window issues accounts: one that waits, due then.
async fn account(bench: &Bench, due_at: Option<Timestamp>) -> (PaymentId, PgPaymentId) {
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| {
        let pg_id = books.agree_to_deposit(&order, PRICE, bench.clock.now());
        books.change(&pg_id, |snapshot| {
            snapshot.status = PgStatus::AwaitingDeposit;
            snapshot.virtual_account.as_mut().unwrap().due_at = due_at;
        });
        pg_id
    });
    assert_eq!(bench.verify(&id).await.payment.status, PaymentStatus::AwaitingDeposit);
    (id, pg_id)
}

#[tokio::test]
async fn a_ready_payment_is_looked_at_when_its_time_is_up() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let expires_at = bench.read(&id).await.payment.expires_at;
    assert_eq!(expires_at, bench.clock.now() + PAYABLE_FOR);
    assert_eq!(watched_at(&bench, &id).await, Some(expires_at));
}

#[tokio::test]
async fn a_ready_payment_that_cannot_be_looked_at_when_its_time_is_up_is_retried_ever_more_rarely() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    for _ in 0..3 {
        bench.pg.instead(Op::Verify, || ProviderError::no_answer("the connection broke"));
    }
    bench.pass(PAYABLE_FOR).await;
    for step in [5, 15, 60] {
        assert!(about(Duration::from_secs(step)).contains(&wait(&bench, &id).await), "{step}");
        bench.pass(wait(&bench, &id).await).await;
    }
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
}

#[tokio::test]
async fn a_deposit_is_looked_for_daily_until_it_is_due() {
    let bench = Bench::before_confirm();
    let (id, _) = account(&bench, Some(bench.clock.now() + 2 * DAY + 3 * HOUR)).await;
    assert!(about(DAY).contains(&wait(&bench, &id).await));
    let bench = Bench::before_confirm();
    let (id, _) = account(&bench, None).await;
    assert!(about(DAY).contains(&wait(&bench, &id).await), "also where it is never due");
    let bench = Bench::before_confirm();
    let due_at = bench.clock.now() + 5 * HOUR;
    let (id, _) = account(&bench, Some(due_at)).await;
    assert_eq!(watched_at(&bench, &id).await, Some(due_at));
}

#[tokio::test]
async fn the_look_at_the_due_time_is_followed_by_one_an_hour_later_and_that_by_one_a_day_later() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit().await;
    let record = bench.read(&id).await;
    let due_at = record.payment.virtual_account.as_ref().unwrap().due_at.unwrap();
    let next = |now| next_watch(&record, &bench.pg.description, now, Some(now), 0, &IdSource::seeded(9));
    let wait = |now: Timestamp| next(now).unwrap().at.duration_since(now).unsigned_abs();
    assert_eq!((wait(due_at - SECOND), wait(due_at)), (SECOND, HOUR));
    assert!(about(DAY).contains(&wait(due_at + HOUR)));
}

#[tokio::test]
async fn an_account_that_expired_is_looked_at_an_hour_later_then_daily_and_for_a_week() {
    let bench = Bench::before_confirm();
    let due_at = bench.clock.now() + 2 * DAY;
    let (id, _) = account(&bench, Some(due_at)).await;
    bench.pass_slowly(2 * DAY, 4).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert_eq!(watched_at(&bench, &id).await, Some(due_at + HOUR));
    bench.pass(HOUR).await;
    let last = due_at + 7 * DAY;
    let mut looks = 0;
    while let Some(at) = watched_at(&bench, &id).await {
        let waits = wait(&bench, &id).await;
        assert!(about(DAY).contains(&waits) || at == last, "{waits:?}");
        assert!(at <= last);
        bench.pass(waits).await;
        looks += 1;
    }
    assert_eq!((bench.clock.now(), looks), (last, 7), "the last look is at the very end");
}

#[tokio::test]
async fn a_payment_that_expired_is_watched_for_a_week_only_where_money_may_still_come() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    bench.pass(PAYABLE_FOR).await;
    assert_eq!((bench.status(&id).await, watched_at(&bench, &id).await), (PaymentStatus::Expired, None));

    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.pass(PAYABLE_FOR).await;
    assert_eq!(watched_at(&bench, &id).await, None, "no window was ever open");

    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    bench.pass(PAYABLE_FOR).await;
    assert!(about(DAY).contains(&wait(&bench, &id).await));
    bench.pass_slowly(7 * (DAY - SECOND), 7).await;
    assert_eq!(wait(&bench, &id).await, 7 * SECOND);
}

#[tokio::test]
async fn a_payment_whose_money_came_and_went_is_not_watched() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    bench.cancel(&id, None).await.unwrap();
    bench.pass_slowly(HOUR, 10).await;
    assert_eq!((bench.status(&id).await, watched_at(&bench, &id).await), (PaymentStatus::Cancelled, None));
}

#[tokio::test]
async fn a_refund_under_way_is_looked_at_after_an_hour_and_then_more_rarely() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Pending);
    assert!(about(HOUR).contains(&wait(&bench, &id).await));
    bench.pass(wait(&bench, &id).await).await;
    assert!(about(HOUR).contains(&wait(&bench, &id).await));
    bench.pg.books(|books| books.complete_refunds(&pg_id));
    bench.pass(wait(&bench, &id).await).await;
    assert_eq!(watched_at(&bench, &id).await, None);
}

#[tokio::test]
async fn what_failed_together_does_not_come_back_together() {
    let bench = Bench::on_confirm();
    let mut waits = std::collections::BTreeSet::new();
    for order in 0..8 {
        let id = bench.try_register(&format!("order-{order}"), PRICE).await.unwrap().record.payment.id;
        let pg_order = bench.open(&id).await;
        let pg_id = bench.pg.books(|books| books.agree(&pg_order, PRICE));
        bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
        bench.confirm(&id, &pg_id).await.unwrap();
        waits.insert(wait(&bench, &id).await);
    }
    assert!(waits.len() > 4, "{waits:?}");
    assert!(waits.iter().all(|wait| about(2 * SECOND).contains(wait)), "{waits:?}");
}
