//! The workers themselves: when they stop, and what a panic costs.

use super::{
    bench::{Bench, DAY, MINUTE, PAYABLE_FOR, SECOND},
    fake_pg::Op,
};
use crate::{gateway::Workers, lifecycle::tests::sample::PRICE, provider::ProviderError};

/// Far more payments than the workers of an account take in one round.
const DUE: usize = 60;

async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stopped_workers_take_nothing_new() {
    let bench = Bench::before_confirm();
    for number in 0..DUE {
        let order = format!("order-{number}");
        let id = bench.try_register(&order, PRICE).await.unwrap().record.payment.id;
        bench.open(&id).await;
    }
    bench.advance(PAYABLE_FOR + MINUTE);
    let before = bench.look_ups();
    let workers = Workers::start(&bench.gateway);
    while bench.look_ups() == before {
        tokio::task::yield_now().await;
    }
    workers.stop().await;
    assert!(bench.look_ups() - before < DUE, "it worked the backlog off");
    let stopped = bench.look_ups();
    let_others_run().await;
    assert_eq!(bench.look_ups(), stopped);
}

#[tokio::test]
async fn panic_of_a_provider_does_not_end_the_clocks_worker() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
    bench.pg.instead(Op::Verify, || ProviderError::no_answer("lost"));
    bench.confirm(&id, &pg_id).await.unwrap();
    // A restart days later: the clock is believed once a PG agrees with it.
    bench.advance(2 * DAY);
    let restarted = bench.replica(|_, _| ());
    restarted.gateway.bind().await.unwrap();
    assert!(!restarted.gateway.is_clock_trusted());
    restarted.pg.instead(Op::Time, || panic!("a bug in a provider"));
    let workers = Workers::start(&restarted.gateway);
    for _ in 0..60 {
        restarted.advance(SECOND);
        let_others_run().await;
    }
    workers.stop().await;
    assert!(restarted.gateway.is_clock_trusted());
}
