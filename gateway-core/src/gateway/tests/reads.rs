//! What merchants read and register, and what that wakes.

use std::time::Duration;

use futures_util::FutureExt;

use super::{
    bench::{Bench, PRICE},
    fake_books::Op,
};
use crate::{
    Clock, Currency, GatewayError, ManualClock, Money, NewPayment, PaymentStatus, ProviderError, Registered,
    Work,
};

const SECOND: Duration = Duration::from_secs(1);

async fn read(bench: &Bench, id: &crate::PaymentId) -> u64 {
    bench.gateway.read(&bench.merchant, id).await.unwrap();
    bench.read(id).await.hints
}

#[tokio::test]
async fn only_what_has_been_uncertain_for_ten_seconds_is_looked_up_for_a_reader() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    assert_eq!(read(&bench, &id).await, 0);
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(read(&bench, &id).await, 0);
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(read(&bench, &id).await, 1);
    bench.clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(read(&bench, &id).await, 1);
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(read(&bench, &id).await, 2, "every ten seconds");
    bench.pass(SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.clock.advance(60 * SECOND);
    assert_eq!(read(&bench, &id).await, 2, "what is certain is only read");
}

#[tokio::test]
async fn an_unknown_cancel_is_looked_up_for_a_reader_too() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.clock.advance(60 * SECOND);
    bench.pg.instead(Op::Cancel, || ProviderError::no_answer("the connection broke"));
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(read(&bench, &id).await, 0);
    bench.clock.advance(10 * SECOND);
    assert_eq!(read(&bench, &id).await, 1);
}

#[tokio::test]
async fn a_window_is_prepared_once_and_shown_again() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let (_, first) = bench.gateway.next_action(&bench.merchant, &id, None).await.unwrap();
    let (_, again) = bench.gateway.next_action(&bench.merchant, &id, None).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(bench.pg.calls(Op::Request).len(), 1);
}

#[tokio::test]
async fn what_is_committed_or_received_wakes_those_who_work_on_it() {
    let bench = Bench::on_confirm();
    let account = super::bench::account();
    let woken = || {
        let is_woken = |work| bench.gateway.woken(&account, work).now_or_never().is_some();
        (is_woken(Work::Webhooks), is_woken(Work::Payments))
    };
    assert_eq!(woken(), (false, false));
    let id = bench.register().await;
    assert_eq!(woken(), (false, true), "a commit");
    assert_eq!(woken(), (false, false));
    bench.receive(serde_json::json!({ "order_id": "x" })).await;
    assert_eq!(woken(), (true, false), "a webhook");
    bench.gateway.verify(&bench.merchant, &id).await.unwrap();
    assert_eq!(woken(), (false, false), "nothing changed");
    bench.gateway.wake(&account);
    assert_eq!(woken(), (true, true));
    bench.gateway.wake_all();
    assert_eq!(woken(), (true, true), "all of them");
}

#[tokio::test]
async fn an_account_is_found_by_its_name() {
    let bench = Bench::on_confirm();
    let name = "fake".parse().unwrap();
    assert_eq!(bench.gateway.account(&name).map(|account| account.id.clone()), Some(name));
    assert!(bench.gateway.account(&"other".parse().unwrap()).is_none());
    assert_eq!(bench.gateway.accounts().count(), 1);
    assert_eq!(bench.gateway.accounts_of(&bench.merchant).count(), 1);
    assert_eq!(bench.gateway.accounts_of(&"another".parse().unwrap()).count(), 0);
}

async fn register(bench: &Bench, tax_free: Option<Money>, amount: u64) -> Result<Registered, GatewayError> {
    let mut terms = bench.read(&bench.register().await).await.payment.terms;
    terms.amount = Money::krw(amount);
    terms.tax_free_amount = tax_free;
    let new = NewPayment { order_id: "order-2".parse().unwrap(), terms };
    bench.gateway.register(&bench.merchant, new, None).await
}

#[tokio::test]
async fn no_more_can_be_free_of_tax_than_is_paid() {
    let dollar = Money::new(1, Currency::Usd).unwrap();
    for (tax_free, fits) in [
        (None, true),
        (Some(Money::krw(0)), true),
        (Some(Money::krw(PRICE)), true),
        (Some(Money::krw(PRICE + 1)), false),
        (Some(dollar), false),
    ] {
        let answer = register(&Bench::on_confirm(), tax_free, PRICE).await;
        match answer {
            Ok(_) => assert!(fits, "{tax_free:?}"),
            Err(GatewayError::Invalid { param: "tax_free_amount", .. }) => assert!(!fits, "{tax_free:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_smallest_and_the_largest_amount_of_an_account_are_taken() {
    for amount in [100, 10_000_000] {
        assert!(register(&Bench::on_confirm(), None, amount).await.is_ok(), "{amount}");
    }
}

#[tokio::test]
async fn a_manual_clock_lets_sleepers_sleep_until_their_time() {
    let bench = Bench::on_confirm();
    let clock: ManualClock = bench.clock.clone();
    let at = clock.now() + SECOND;
    assert!(clock.sleep_until(clock.now()).now_or_never().is_some());
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep_until(at).await }
    });
    tokio::task::yield_now().await;
    clock.advance(SECOND - Duration::from_millis(1));
    tokio::task::yield_now().await;
    assert!(!sleeper.is_finished());
    clock.advance(Duration::from_millis(1));
    sleeper.await.unwrap();
}

#[tokio::test]
async fn real_money_is_called_real() {
    for (mode, live) in [(crate::Mode::Test, false), (crate::Mode::Live, true)] {
        let bench = Bench::on_confirm().replica(|pg| pg.description.mode = mode);
        let payment = bench.read(&bench.register().await).await.payment;
        assert_eq!((payment.livemode, payment.simulated), (live, true));
    }
}
