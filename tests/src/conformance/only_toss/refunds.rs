//! Refunds of deposits, which Toss pays out days later.

use std::time::Duration;

use paymux_core::{
    model::{FailureReason, PgCancelStatus, Snapshot},
    provider::ProviderError,
};
use paymux_sandbox::toss::{ApiVersion, TossConfig as SimulatorConfig};

use crate::conformance::{
    TossBench,
    bench::{Bench, charge},
    refunding::A_REFUND,
    requests::{AMOUNT, all_of, krw, next_key, order, part_of, to, to_account},
    toss::per_api,
};

async fn statuses(bench: &TossBench, known: &Snapshot) -> Vec<PgCancelStatus> {
    bench.look(known).await.cancels.unwrap().iter().map(|cancel| cancel.status).collect()
}

pub async fn refund_is_pending_until_it_is_completed() {
    let bench = TossBench::start().await;
    let issued = bench.deposited(&order(1)).await;
    let request = to_account(all_of(&charge(&issued), 1, AMOUNT));
    let outcome = bench.provider().cancel(&request).await.unwrap();
    assert_eq!(outcome.status, PgCancelStatus::Pending);
    bench.advance(Duration::from_secs(2 * 24 * 60 * 60 - 1));
    assert_eq!(statuses(&bench, &issued).await, [PgCancelStatus::Pending]);
    bench.advance(Duration::from_secs(1));
    assert_eq!(statuses(&bench, &issued).await, [PgCancelStatus::Done]);
    let replayed = bench.provider().cancel(&request).await.unwrap();
    assert_eq!(replayed.status, PgCancelStatus::Pending, "a replay is the first answer, not news");
}

pub async fn failed_refund_keeps_its_money_out_of_the_balance() {
    // If Toss leaves it to the merchant: whether the money comes back to the balance is not documented.
    let simulator = SimulatorConfig {
        keys: vec![per_api(ApiVersion::default())],
        failed_refund_returns: false,
        ..SimulatorConfig::default()
    };
    let bench = TossBench::of(simulator, |_| ()).await;
    let issued = bench.deposited(&order(1)).await;
    let request = to(all_of(&charge(&issued), 1, AMOUNT), "088", "999123456789");
    assert_eq!(bench.provider().cancel(&request).await.unwrap().status, PgCancelStatus::Pending);
    bench.advance(A_REFUND);
    assert_eq!(statuses(&bench, &issued).await, [PgCancelStatus::Failed]);
    let failed = bench.look(&issued).await;
    assert_eq!((failed.paid, failed.balance()), (krw(AMOUNT), krw(0)), "Toss would not cancel it again");

    // The same request is answered as it was the first time; another is refused.
    assert!(bench.provider().cancel(&request).await.is_ok());
    let again = to_account(all_of(&charge(&issued), 2, AMOUNT));
    assert_eq!(bench.provider().cancel(&again).await.unwrap_err().name(), "unknown");
    let known = bench.look(&issued).await;
    assert_eq!(known.cancels, failed.cancels, "one cancel, failed");
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT), "sent once");
}

pub async fn refund_is_refused_while_another_is_under_way() {
    let bench = TossBench::start().await;
    let issued = charge(&bench.deposited(&order(1)).await);
    bench.provider().cancel(&to_account(part_of(&issued, 1, 7_500, AMOUNT))).await.unwrap();
    let second = to_account(part_of(&issued, 2, 20_000, 20_000));
    assert_eq!(bench.provider().cancel(&second).await.unwrap_err().name(), "unknown");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 7_500));
    bench.advance(A_REFUND);
    bench.provider().cancel(&next_key(&second)).await.unwrap();
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

pub async fn of_refunds_at_once_none_is_done_until_all_are() {
    // If Toss takes them at once: it lists the code that refuses this, but not for the cancel.
    let simulator = SimulatorConfig {
        keys: vec![per_api(ApiVersion::default())],
        one_refund_at_a_time: false,
        ..SimulatorConfig::default()
    };
    let bench = TossBench::of(simulator, |_| ()).await;
    let issued = bench.deposited(&order(1)).await;
    let day = Duration::from_secs(24 * 60 * 60);
    for (n, part, left) in [(1, 7_500, AMOUNT), (2, 20_000, 20_000)] {
        bench.provider().cancel(&to_account(part_of(&charge(&issued), n, part, left))).await.unwrap();
        bench.advance(day);
    }
    assert_eq!(statuses(&bench, &issued).await, [PgCancelStatus::Pending; 2], "one of them is back already");
    bench.advance(day);
    assert_eq!(statuses(&bench, &issued).await, [PgCancelStatus::Done; 2]);
}

pub async fn refund_account_that_is_not_the_holders_asks_for_another() {
    let bench = TossBench::start().await;
    let issued = charge(&bench.deposited(&order(1)).await);
    for (n, bank, number) in
        [(1, "088", "000123456789"), (2, "없는은행", "110234567890"), (3, "088", "110-234")]
    {
        let refused = bench.provider().cancel(&to(all_of(&issued, n, AMOUNT), bank, number)).await;
        let Err(ProviderError::Declined(failure)) = refused else { panic!("{refused:?}") };
        assert_eq!(failure.reason, FailureReason::InvalidRefundAccount, "{bank} {number}");
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}
