//! Races: compare-and-set, stalled processes, stale answers, a store that fails (invariants 1, 4, 5, 11).

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND, account, die, new_cancel},
    errors::{
        declined, invalid, later, misconfigured, no_answer, not_sent, refused, still_running, unsupported,
    },
    fake_pg::Op,
};
use crate::{
    clock::Clock as _,
    gateway::GatewayError,
    lifecycle::{Context, Draft, tests::sample::PRICE},
    model::{CancelStatus, Operation, PaymentStatus, PgStatus},
    provider::ProviderError,
    store::{StoreError, Why},
};

#[tokio::test]
async fn look_up_that_lost_a_race_is_dropped_and_asked_again() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    // Its answer is from before the buyer paid; another look-up commits the payment first.
    let (other, payment, window) = (bench.replica(|_, _| ()), id.clone(), order.clone());
    bench.pg.meanwhile(Op::Verify, move || async move {
        other.in_window(&window);
        other.verify(&payment).await;
    });
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.look_ups(), 3, "the first, the other's, and the first again");
}

#[tokio::test]
async fn look_up_repeats_only_while_the_payment_changes() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.opened().await;
    for _ in 0..5 {
        let (other, payment) = (bench.replica(|_, _| ()), id.clone());
        bench.pg.meanwhile(Op::Verify, move || async move {
            other.advance(SECOND);
            let say = |draft: &mut Draft, context: &Context<'_>| draft.say_attempt(1, None, context.now);
            other.gateway.core.update(&other.merchant, &payment, say).await.unwrap();
        });
    }
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::Store(StoreError::Conflict))), "{answer:?}");
    assert_eq!(bench.look_ups(), 5);
    bench.verify(&id).await;
}

#[tokio::test]
async fn confirm_answer_that_lost_a_race_keeps_that_it_was_taken() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let (other, payment) = (bench.replica(|_, _| ()), id.clone());
    let open = bench.pg.books(|books| books.row(&pg_id).snapshot);
    bench.pg.show(vec![open], true);
    bench.pg.meanwhile(Op::Confirm, move || async move {
        // A look-up that lags commits that it is untouched.
        other.verify(&payment).await;
    });
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
    assert_eq!((bench.confirms(), bench.taken(&pg_id)), (1, 1));
}

/// Every answer that would end or put off what was sent before it.
const STALE: [fn() -> ProviderError; 7] =
    [declined, refused, invalid, misconfigured, unsupported, later, not_sent];

#[tokio::test]
async fn stale_answer_to_a_confirm_says_nothing_of_a_later_send() {
    for stale in STALE {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let other = bench.replica(|_, _| ());
        // The first sender stalls; another repeats its request, which is done and not answered.
        bench.pg.instead_late(Op::Confirm, move || async move { other.run(41 * SECOND).await }, stale);
        bench.pg.after(Op::Confirm, no_answer);
        // Look-ups lag.
        let open = bench.pg.books(|books| books.row(&pg_id).snapshot);
        (0..10).for_each(|_| bench.pg.show(vec![open.clone()], true));
        let _ = bench.confirm(&id, &pg_id).await;
        assert_eq!(bench.confirms(), 2);
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "{:?}", stale());
        bench.pg.heal();
        bench.run(2 * HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{:?}", stale());
        assert_eq!(bench.taken(&pg_id), 1);
    }
}

#[tokio::test]
async fn stale_answer_to_a_cancel_says_nothing_of_a_later_send() {
    for stale in STALE {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        let other = bench.replica(|_, _| ());
        bench.pg.instead_late(Op::Cancel, move || async move { other.run(41 * SECOND).await }, stale);
        bench.pg.after(Op::Cancel, no_answer);
        let answer = bench.cancel(&id, Some(1_000)).await;
        assert!(answer.is_ok(), "{answer:?}");
        bench.run(2 * HOUR).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done, "{:?}", stale());
        assert_eq!(bench.given_back(&pg_id), 1_000);
    }
}

#[tokio::test]
async fn success_that_comes_late_counts() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let other = bench.replica(|_, _| ());
    // The PG takes the money and its answer is minutes late; look-ups do not show it meanwhile.
    for _ in 0..30 {
        bench.pg.show(Vec::new(), true);
    }
    bench.pg.meanwhile(Op::Confirm, move || async move {
        other.pg.fails(Op::Confirm, no_answer);
        other.run(5 * MINUTE).await;
    });
    let _ = bench.confirm(&id, &pg_id).await;
    bench.pg.heal();
    bench.run(2 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.taken(&pg_id), 1);
}

#[tokio::test]
async fn sender_that_was_stalled_sends_nothing() {
    for stall in [Duration::from_secs(9), Duration::from_secs(10), MINUTE] {
        let bench = Bench::on_confirm();
        bench.pg.books(|books| books.permissive = true);
        let (id, pg_id) = bench.agreed().await;
        let (clock, pg_clock) = (bench.clock.clone(), bench.pg.clock.clone());
        // Frozen right after its commit.
        bench.store.after_commit(move || async move {
            clock.advance(stall);
            pg_clock.advance(stall);
        });
        bench.confirm(&id, &pg_id).await.unwrap();
        let sent = usize::from(stall < Duration::from_secs(10));
        assert_eq!(bench.confirms(), sent, "{stall:?}");
        bench.run(2 * MINUTE).await;
        assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
    }
}

#[tokio::test]
async fn request_that_another_has_repeated_is_theirs() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let committed = bench.read(&id).await;
    bench.run(2 * MINUTE).await;
    let sent = bench.confirms();
    let operation = Operation::Confirm(committed.charges[0].id.clone());
    let began = bench.clock.monotonic();
    crate::dispatch::send(&bench.gateway.core, committed, &operation, began).await.unwrap();
    assert_eq!(bench.confirms(), sent, "nothing is sent any more");
}

#[tokio::test]
async fn store_that_fails_before_the_commit_sends_nothing() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.store.fail_before(0);
        let answer = bench.cancel(&id, Some(1_000)).await;
        assert!(matches!(answer, Err(GatewayError::Store(StoreError::Unavailable(_)))), "{answer:?}");
        bench.run(DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (0, 0));
        assert!(bench.read(&id).await.charges[0].cancels.is_empty());
    }
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.store.fail_before(0);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.confirms(), 0);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn store_that_fails_after_the_commit_leaves_work_for_another() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.store.fail_after(0);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.run(2 * MINUTE).await;
    assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));

    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.store.fail_after(0);
    bench.cancel(&id, Some(1_000)).await.unwrap_err();
    bench.run(2 * FINAL).await;
    assert_eq!(
        (bench.newest_cancel(&id).await.status, bench.given_back(&pg_id)),
        (CancelStatus::Done, 1_000)
    );
}

#[tokio::test]
async fn answer_that_could_not_be_stored_is_found_again() {
    // The commit of the answer fails, before or after it was applied.
    for after in [true, false] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        if after {
            bench.store.fail_after(1)
        } else {
            bench.store.fail_before(1)
        }
        bench.confirm(&id, &pg_id).await.unwrap_err();
        bench.run(2 * MINUTE).await;
        assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
        assert_eq!(bench.confirms(), 1);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn worker_resumes_when_the_store_is_back() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.store.set_down(true);
    bench.advance(MINUTE);
    bench.resolve_due().await;
    bench.store.set_down(false);
    bench.run(6 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn many_look_ups_at_once_announce_everything_once() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let other = bench.replica(|_, _| ());
    let one = join_all((0..10).map(|_| bench.gateway.verify(&bench.merchant, &id)));
    let two = join_all((0..10).map(|_| other.gateway.verify(&other.merchant, &id)));
    let _ = tokio::join!(one, two);
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&second), PRICE);
    let kinds = bench.kinds().await;
    let found = kinds.iter().filter(|kind| **kind == "payment.duplicate_found").count();
    assert_eq!(found, 1, "{kinds:?}");
    bench.check_ledger().await;
}

#[tokio::test]
async fn still_running_at_the_pg_is_waited_for() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.later(Op::Confirm);
    for _ in 0..3 {
        bench.pg.instead(Op::Confirm, still_running);
    }
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(10 * SECOND).await;
    bench.pg.execute_late();
    bench.run(MINUTE).await;
    assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
    let keys = bench.pg.keys(Op::Confirm);
    assert!(keys.iter().all(|key| *key == keys[0]), "with the same key");
}

#[tokio::test]
async fn account_that_is_full_begins_nothing() {
    let bench = Bench::over(crate::lifecycle::tests::sample::ON_CONFIRM, |settings| {
        settings.limits.max_concurrent_calls = 1;
    });
    let (id, pg_id) = bench.agreed().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let second = bench.in_window(&order);
    let (gateway, merchant, busy) = (bench.gateway.clone(), bench.merchant.clone(), other.clone());
    bench.pg.meanwhile(Op::Confirm, move || async move {
        let result = serde_json::json!({ "pg_id": second.as_str() });
        let answer = gateway.confirm(&merchant, &busy, &result, None).await;
        assert!(
            matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })),
            "{answer:?}"
        );
    });
    bench.confirm(&id, &pg_id).await.unwrap();
    assert!(bench.read(&other).await.charges.is_empty(), "nothing was begun");
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).snapshot.status), PgStatus::Paid);
}

#[tokio::test]
async fn secret_of_a_confirm_is_kept_whatever_else_happened_meanwhile() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let other = bench.replica(|_, _| ());
    let (gateway, merchant, payment) = (other.gateway.clone(), other.merchant.clone(), id.clone());
    bench.pg.meanwhile(Op::Confirm, move || async move {
        drop(gateway.verify(&merchant, &payment).await);
    });
    bench.confirm(&id, &pg_id).await.unwrap();
    let charge = bench.read(&id).await.charges.remove(0);
    assert_eq!(charge.webhook_secret.unwrap().expose(), format!("secret-of-{pg_id}"));
    assert!(charge.accepted);
}

#[tokio::test]
async fn crash_before_the_first_byte_sends_it_later() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.before(Op::Confirm, std::future::pending);
    die(bench.confirm(&id, &pg_id)).await;
    assert_eq!(bench.taken(&pg_id), 0);
    let other = bench.replica(|_, _| ());
    other.run(39 * SECOND).await;
    assert_eq!(bench.confirms(), 1, "its sender may be waiting for the answer");
    other.run(10 * SECOND).await;
    assert_eq!((bench.status(&id).await, bench.taken(&pg_id)), (PaymentStatus::Paid, 1));
}

/// A commit ends the lease of the worker that made it, so the store gives the payment to the next worker meanwhile.
#[tokio::test]
async fn one_worker_of_a_process_goes_through_a_payment_at_a_time() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    let (record, before) = (bench.read(&id).await, bench.look_ups());
    let subject = record.charge_at_pg(&second).unwrap().subject();
    bench.gateway.core.owe(&record, subject, bench.gateway.core.now(), Why::Hint).await.unwrap();
    // The look-up for the hint is committed, and the first of those before the duplicate goes back is on its way.
    let other = Arc::clone(&bench.gateway);
    bench.pg.meanwhile(Op::Verify, || async {});
    bench.pg.meanwhile(Op::Verify, move || async move {
        assert_eq!(other.resolve_due(&account()).await.unwrap(), 1, "it is given the payment");
    });
    bench.run(SECOND).await;
    assert_eq!(bench.given_back(&second), PRICE);
    let looked = bench.look_ups() - before;
    assert_eq!((looked, bench.cancels()), (3, 1), "for the hint, then of both charges once");
    bench.run(2 * SECOND).await;
    assert_eq!(bench.look_ups() - before, looked, "what it left alone was done");
}

/// The row is committed with its key: what goes wrong behind it is no reason to start over.
#[tokio::test]
async fn cancel_whose_look_ups_lose_every_race_is_answered_by_its_row() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.paid().await;
        bench.pg.after(Op::Cancel, no_answer);
        for _ in 0..20 {
            let (other, payment) = (bench.replica(|_, _| ()), id.clone());
            bench.pg.meanwhile(Op::Verify, move || async move {
                other.advance(SECOND);
                let say = |draft: &mut Draft, context: &Context<'_>| draft.say_attempt(1, None, context.now);
                other.gateway.core.update(&other.merchant, &payment, say).await.unwrap();
            });
        }
        let (record, cancel) = bench.cancel_with(&id, new_cancel(None), Some("key")).await.unwrap();
        assert_eq!(record.cancel_view(&cancel).unwrap().status, CancelStatus::Unknown);
        bench.pg.heal();
        bench.run(2 * HOUR).await;
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, PRICE));
    }
}
