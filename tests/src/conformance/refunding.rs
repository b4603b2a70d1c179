//! Giving a deposit back, which takes an account and time.

use std::time::Duration;

use gateway_core::{CancelStatus, PgStatus};

use super::bench::{AMOUNT, Bench, all_of, krw, order, part_of, to, to_account};

/// Longer than a refund is under way.
pub(super) const A_REFUND: Duration = Duration::from_secs(3 * 24 * 60 * 60);

pub async fn a_deposit_goes_back_to_an_account_only<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    let refused = bench.provider().cancel(&all_of(&issued.pg_id, 1, AMOUNT)).await.unwrap_err();
    assert!(["declined", "conflict"].contains(&refused.name()), "{refused:?}");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn a_refund_is_done_in_the_end<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    let request = to_account(all_of(&issued.pg_id, 1, AMOUNT));
    let outcome = bench.provider().cancel(&request).await.unwrap();
    assert!(matches!(outcome.status, CancelStatus::Pending | CancelStatus::Done), "{outcome:?}");
    let pending = bench.look(&issued).await;
    assert_eq!(pending.cancels[0].status, outcome.status, "answer and look-up agree");
    bench.advance(A_REFUND);
    let done = bench.look(&issued).await;
    assert_eq!((done.status, done.paid, done.cancelled), (PgStatus::Paid, krw(AMOUNT), krw(AMOUNT)));
    let [cancel] = &done.cancels[..] else { panic!("{done:?}") };
    assert_eq!((cancel.id.as_ref(), cancel.status), (Some(&request.id), CancelStatus::Done));
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

pub async fn a_refund_to_a_bank_there_is_none_of_moves_nothing<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    for (n, bank, number) in [(1, "없는은행", "110234567890"), (2, "", "110234567890"), (3, "88", "")] {
        let request = to(all_of(&issued.pg_id, n, AMOUNT), bank, number);
        let refused = bench.provider().cancel(&request).await.unwrap_err();
        assert_ne!(refused.name(), "not_sent", "{bank} {number}");
        assert_eq!(bench.money(&order(1)), (AMOUNT, 0), "{bank} {number}");
    }
}

pub async fn parts_of_a_deposit_go_back_one_after_the_other<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    for (n, part, left) in [(1, 7_500, AMOUNT), (2, 10_000, 20_000), (3, 10_000, 10_000)] {
        let request = to_account(part_of(&issued.pg_id, n, part, left));
        bench.provider().cancel(&request).await.unwrap();
        bench.advance(A_REFUND);
    }
    let done = bench.look(&issued).await;
    assert_eq!((done.cancelled, done.cancels.len()), (krw(AMOUNT), 3));
    assert!(done.cancels.iter().all(|cancel| cancel.status == CancelStatus::Done), "{:?}", done.cancels);
}
