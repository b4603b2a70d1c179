//! The ledger: every won in or out of every charge is in exactly one event, and what was changed behind them is found
//! (invariant 11).

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, new_cancel, refund_account},
    errors::{no_answer, unknown},
    fake_pg::Op,
};
use crate::{
    gateway::{LedgerProblem, NewCancel},
    lifecycle::tests::sample::PRICE,
    model::{Money, PaymentStatus, PgCancelStatus},
    store::{Change, ChecksChange, PaymentChange, PaymentStore as _},
};

#[tokio::test]
async fn ledger_adds_up_through_everything_that_moves_money() {
    for bench in Bench::both() {
        let (id, first, second) = bench.paid_twice().await;
        bench.verify(&id).await;
        bench.sweep().await;
        bench.run(MINUTE).await;
        bench.pg.books(|books| books.slow_refunds = true);
        bench.cancel(&id, Some(2_000)).await.unwrap();
        bench.pg.books(|books| {
            books.end_refunds(&first, PgCancelStatus::Failed);
            books.cancel_in_console(&first, 500, bench.pg.clock_now());
        });
        bench.verify(&id).await;
        bench.run(HOUR).await;
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.run(DAY).await;
        bench.check_ledger().await;
        assert_eq!(bench.read(&id).await.payment.shown.amount_cancelled, Money::krw(1_500));
        assert_eq!(bench.given_back(&second), PRICE);

        let (deposit, account) = bench.awaiting_other(5 * DAY).await;
        for _ in 0..2 {
            bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
            bench.verify(&deposit).await;
            bench.check_ledger().await;
            bench.pg.books(|books| books.reverse(&account));
            bench.verify(&deposit).await;
            bench.run(2 * MINUTE).await;
            bench.check_ledger().await;
        }
        bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
        bench.verify(&deposit).await;
        let new = NewCancel { refund_account: Some(refund_account()), ..new_cancel(None) };
        bench.cancel_with(&deposit, new, None).await.unwrap();
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn every_commit_keeps_the_ledger_whatever_the_answers() {
    for error in [no_answer as fn() -> crate::provider::ProviderError, unknown] {
        let bench = Bench::before_confirm();
        let (id, _, _) = bench.paid_twice().await;
        bench.verify(&id).await;
        bench.pg.after(Op::Cancel, error);
        bench.check_ledger().await;
        bench.resolve_due().await;
        bench.check_ledger().await;
        bench.run(HOUR).await;
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn ledger_is_read_in_parts() {
    let bench = Bench::on_confirm();
    for number in 0..5 {
        bench.try_register(&format!("order-{number}"), PRICE).await.unwrap();
        bench.advance(SECOND);
    }
    let (mut after, mut checked) = (None, Vec::new());
    loop {
        let page = bench.gateway.check_ledger(after.as_ref(), 2).await.unwrap();
        checked.push(page.checked);
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(checked, [2, 2, 1]);
    assert_eq!(bench.gateway.count_payments().await.unwrap(), 5);
}

/// Changes a payment behind its events.
async fn tamper(bench: &Bench, id: &crate::model::PaymentId, change: impl FnOnce(&mut PaymentChange)) {
    let record = bench.read(id).await;
    let expected = record.payment.version;
    let mut changed = PaymentChange {
        expected: Some(expected),
        payment: crate::model::Payment { version: expected + 1, ..record.payment },
        is_live: true,
        attempts: Vec::new(),
        charges: record.charges,
        events: Vec::new(),
        checks: ChecksChange::default(),
    };
    change(&mut changed);
    let at = bench.pg.clock_now();
    bench
        .store
        .commit(Change { at, payments: vec![changed], unchanged: Vec::new(), idempotency: None })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_changed_behind_the_events_is_found() {
    type Tampering = fn(&mut PaymentChange);
    let cases: [(&str, Tampering, LedgerProblem, i64, i64); 3] = [
        (
            "paid",
            |change| change.charges[0].snapshot.as_mut().unwrap().paid = Money::krw(9_999),
            LedgerProblem::AmountPaid,
            9_999,
            10_000,
        ),
        (
            "cancelled",
            |change| change.charges[0].snapshot.as_mut().unwrap().cancelled = Money::krw(1),
            LedgerProblem::AmountCancelled,
            1,
            0,
        ),
        ("status", |change| change.payment.shown.status = PaymentStatus::Failed, LedgerProblem::Status, 1, 0),
    ];
    for (what, tampering, problem, shown, recomputed) in cases {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        bench.check_ledger().await;
        tamper(&bench, &id, tampering).await;
        let page = bench.gateway.check_ledger(None, 10).await.unwrap();
        let [found] = &page.differences[..] else { panic!("{what}: {:?}", page.differences) };
        assert_eq!((found.problem, found.shown, found.recomputed), (problem, shown, recomputed), "{what}");
        assert_eq!((&found.payment, &found.merchant), (&id, &bench.merchant));
    }
}

#[tokio::test]
async fn missing_event_is_found() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let mut event = bench.events().await.last().unwrap().event.clone();
    event.number += 2;
    event.movement = None;
    tamper(&bench, &id, |change| change.events.push(event)).await;
    let page = bench.gateway.check_ledger(None, 10).await.unwrap();
    let problems: Vec<_> = page.differences.iter().map(|found| found.problem.name()).collect();
    assert_eq!(problems, ["event_numbers"]);
}

#[tokio::test]
async fn feed_has_every_event_once_and_in_order() {
    let bench = Bench::before_confirm();
    let (id, _, _) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.run(HOUR).await;
    let all = bench.events().await;
    let positions: Vec<_> = all.iter().map(|event| event.position).collect();
    assert!(positions.windows(2).all(|two| two[1] == two[0] + 1), "{positions:?}");
    let mut read = Vec::new();
    loop {
        let page = bench.store.events(&bench.merchant, read.len() as u64, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, all);
}
