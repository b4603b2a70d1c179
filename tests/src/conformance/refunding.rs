//! Giving a deposit back, which takes an account and time.

use std::time::Duration;

use paymux_core::{
    model::{Bank, FailureReason, PgCancelStatus, PgStatus},
    provider::ProviderError,
};

use super::{
    bench::{Bench, charge},
    requests::{AMOUNT, all_of, krw, order, part_of, to, to_account},
};

/// Longer than a refund is under way.
pub(super) const A_REFUND: Duration = Duration::from_secs(3 * 24 * 60 * 60);

pub async fn deposit_goes_back_to_an_account_only<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    let refused = bench.provider().cancel(&all_of(&charge(&issued), 1, AMOUNT)).await.unwrap_err();
    assert!(["declined", "unknown"].contains(&refused.name()), "{refused:?}");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn refund_is_done_in_the_end<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    let request = to_account(all_of(&charge(&issued), 1, AMOUNT));
    let outcome = bench.provider().cancel(&request).await.unwrap();
    assert!(matches!(outcome.status, PgCancelStatus::Pending | PgCancelStatus::Done), "{outcome:?}");
    let pending = bench.look(&issued).await.cancels.unwrap().remove(0);
    assert_eq!(pending.status, outcome.status, "answer and look-up agree");
    bench.advance(A_REFUND);
    let done = bench.look(&issued).await;
    assert_eq!((done.status, done.paid, done.cancelled), (PgStatus::Paid, krw(AMOUNT), krw(AMOUNT)));
    let [cancel] = &done.cancels.as_deref().unwrap() else { panic!("{done:?}") };
    assert_eq!((cancel.id.as_ref(), cancel.status), (Some(&request.id), PgCancelStatus::Done));
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

/// Or it is not sent: a bank the PG has no code for could only be another's.
pub async fn refund_bank_is_translated_for_the_pg<B: Bench>() {
    let bench = B::start().await;
    let mut sent = 0;
    for (n, bank) in (1..).zip(Bank::ALL) {
        let bank = bank.code.as_str();
        let issued = bench.deposited(&order(n)).await;
        let request = to(all_of(&charge(&issued), n, AMOUNT), bank, "110234567890");
        match bench.provider().cancel(&request).await {
            Ok(_) => {
                sent += 1;
                assert_eq!(bench.money(&order(n)), (AMOUNT, AMOUNT), "{bank}");
            }
            Err(ProviderError::Declined(failure)) => {
                assert_eq!(
                    (failure.reason, failure.pg),
                    (FailureReason::InvalidRefundAccount, None),
                    "{bank}"
                );
                assert_eq!(bench.money(&order(n)), (AMOUNT, 0), "{bank}");
            }
            Err(error) => panic!("{bank}: {error:?}"),
        }
        assert_eq!(bench.count(B::CALLS.cancel), sent, "{bank}");
    }
    assert!(sent > 50, "{sent}");
}

pub async fn refund_to_a_bank_there_is_none_of_moves_nothing<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    for (n, bank, number) in [(1, "없는은행", "110234567890"), (2, "", "110234567890"), (3, "088", "")] {
        let request = to(all_of(&charge(&issued), n, AMOUNT), bank, number);
        let refused = bench.provider().cancel(&request).await.unwrap_err();
        assert_ne!(refused.name(), "not_sent", "{bank} {number}");
        assert_eq!(bench.money(&order(1)), (AMOUNT, 0), "{bank} {number}");
    }
}

pub async fn parts_of_a_deposit_go_back_one_after_the_other<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.deposited(&order(1)).await;
    for (n, part, left) in [(1, 7_500, AMOUNT), (2, 10_000, 20_000), (3, 10_000, 10_000)] {
        let request = to_account(part_of(&charge(&issued), n, part, left));
        bench.provider().cancel(&request).await.unwrap();
        bench.advance(A_REFUND);
    }
    let done = bench.look(&issued).await;
    let cancels = done.cancels.unwrap();
    assert_eq!((done.cancelled, cancels.len()), (krw(AMOUNT), 3));
    assert!(cancels.iter().all(|cancel| cancel.status == PgCancelStatus::Done), "{cancels:?}");
}
