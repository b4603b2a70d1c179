//! Giving back what came in at once.

use gateway_core::{CancelAmount, CancelRequest, CancelStatus, PgStatus};
use sandbox::OrderAction;

use super::{
    Setup,
    bench::{AMOUNT, Bench, all_of, cancel_request, krw, order, part_of},
};

pub async fn a_part_another_part_and_the_rest_add_up<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let steps = [
        (part_of(&paid.pg_id, 1, 7_500, AMOUNT), 7_500),
        (part_of(&paid.pg_id, 2, 5_000, AMOUNT - 7_500), 12_500),
        (all_of(&paid.pg_id, 3, AMOUNT - 12_500), AMOUNT),
    ];
    for (count, (request, cancelled)) in (1..).zip(steps) {
        let outcome = bench.provider().cancel(&request).await.unwrap();
        assert_eq!(outcome.status, CancelStatus::Done);
        assert!(outcome.pg_cancel_id.is_some());
        let looked_up = bench.look(&paid).await;
        for snapshot in [outcome.snapshot.unwrap(), looked_up] {
            assert_eq!((snapshot.status, snapshot.total), (PgStatus::Paid, krw(AMOUNT)));
            assert_eq!((snapshot.paid, snapshot.cancelled), (krw(AMOUNT), krw(cancelled)));
            assert_eq!(snapshot.cancels.len(), count);
        }
        assert_eq!(bench.money(&order(1)), (AMOUNT, cancelled));
    }
}

pub async fn all_at_once_leaves_nothing<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let outcome = bench.provider().cancel(&all_of(&paid.pg_id, 1, AMOUNT)).await.unwrap();
    let after = outcome.snapshot.unwrap();
    assert_eq!((after.status, after.balance(), after.cancelled), (PgStatus::Paid, krw(0), krw(AMOUNT)));
    assert_eq!(after.cancels[0].amount, krw(AMOUNT));
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

/// The request is refused, and the books are as they were.
async fn moves_nothing<B: Bench>(bench: &B, request: &CancelRequest, given_back: u64) -> &'static str {
    let refused = bench.provider().cancel(request).await.unwrap_err();
    assert_eq!(bench.money(&order(1)), (AMOUNT, given_back), "{request:?}");
    refused.name()
}

pub async fn more_than_is_left_is_refused<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    moves_nothing(&bench, &part_of(&paid.pg_id, 1, AMOUNT + 1, AMOUNT), 0).await;
    bench.provider().cancel(&part_of(&paid.pg_id, 2, 20_000, AMOUNT)).await.unwrap();
    moves_nothing(&bench, &part_of(&paid.pg_id, 3, 7_501, 7_500), 20_000).await;
    // Also if we believe that there is more.
    let refused = moves_nothing(&bench, &part_of(&paid.pg_id, 4, 7_501, AMOUNT), 20_000).await;
    assert_eq!(refused, "conflict");
}

pub async fn nothing_is_never_everything<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let refused = moves_nothing(&bench, &part_of(&paid.pg_id, 1, 0, AMOUNT), 0).await;
    assert!(["invalid", "unsupported"].contains(&refused), "{refused}");
    assert!(bench.control().calls().iter().all(|call| call.call != Some(B::CALLS.cancel)), "not even sent");
}

pub async fn a_cancel_sent_twice_gives_back_once<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let request = part_of(&paid.pg_id, 1, 7_500, AMOUNT);
    let first = bench.provider().cancel(&request).await.unwrap();
    match bench.provider().cancel(&request).await {
        Ok(again) => assert_eq!(again, first),
        Err(error) => assert_eq!(error.name(), "conflict"),
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 7_500));
}

pub async fn a_key_is_enough_where_the_pg_has_keys<B: Bench>() {
    let bench = B::with(Setup { permissive: true, ..Setup::default() }).await;
    let Some(safe_for) = bench.provider().describe().repeat_safe_for else { return };
    let paid = bench.paid(&order(1)).await;
    let request = part_of(&paid.pg_id, 1, 7_500, AMOUNT);
    let first = bench.provider().cancel(&request).await.unwrap();
    bench.advance(safe_for - std::time::Duration::from_secs(1));
    assert_eq!(bench.provider().cancel(&request).await.unwrap(), first);
    assert_eq!(bench.money(&order(1)), (AMOUNT, 7_500));
    bench.advance(std::time::Duration::from_secs(1));
    bench.provider().cancel(&request).await.unwrap();
    assert_eq!(bench.money(&order(1)), (AMOUNT, 15_000), "the description tells how long a repeat is safe");
}

pub async fn another_balance_than_expected_moves_nothing<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    for (n, believed) in (1..).zip([AMOUNT - 1, AMOUNT + 1]) {
        for (n, amount) in [(n, CancelAmount::All), (n + 10, CancelAmount::Part(krw(1_000)))] {
            let request = cancel_request(&paid.pg_id, n, amount, believed);
            assert_eq!(moves_nothing(&bench, &request, 0).await, "conflict", "{amount:?}");
        }
    }
    assert_eq!(bench.look(&paid).await.cancels, []);
}

pub async fn what_is_cancelled_cannot_be_cancelled_again<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.provider().cancel(&all_of(&paid.pg_id, 1, AMOUNT)).await.unwrap();
    for request in [all_of(&paid.pg_id, 2, AMOUNT), part_of(&paid.pg_id, 3, 1_000, AMOUNT)] {
        assert_eq!(moves_nothing(&bench, &request, AMOUNT).await, "conflict");
    }
}

pub async fn our_cancel_is_found_again_in_the_pgs_list<B: Bench>() {
    let bench = B::start().await;
    let reasons = ["", "부분 품절", "a\"b\\c\nd [can_] {}", &"긴 사유 ".repeat(200)];
    for (n, reason) in (1..).zip(reasons) {
        let paid = bench.paid(&order(n)).await;
        let request = CancelRequest { reason: reason.to_owned(), ..part_of(&paid.pg_id, n, 1_000, AMOUNT) };
        let outcome = bench.provider().cancel(&request).await.unwrap();
        let listed = &bench.look(&paid).await.cancels[0];
        assert_eq!((listed.id.as_ref(), listed.amount), (Some(&request.id), krw(1_000)), "{reason}");
        assert_eq!((listed.status, &listed.pg_cancel_id), (CancelStatus::Done, &outcome.pg_cancel_id));
        assert!(listed.at.is_some());
    }
}

pub async fn a_cancel_in_the_console_is_not_ours<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.control().cancel(&OrderAction::part_of(order(1).as_str(), 4_000)).unwrap();
    let seen = bench.look(&paid).await;
    assert_eq!((seen.cancelled, seen.cancels.len()), (krw(4_000), 1));
    assert_eq!((&seen.cancels[0].id, seen.cancels[0].amount), (&None, krw(4_000)));
    let stale = moves_nothing(&bench, &all_of(&paid.pg_id, 1, AMOUNT), 4_000).await;
    assert_eq!(stale, "conflict", "what we believed is no longer so");
}

pub async fn an_unknown_payment_is_not_cancelled<B: Bench>() {
    let bench = B::start().await;
    let refused = bench.provider().cancel(&all_of(&B::unknown_id(), 1, AMOUNT)).await.unwrap_err();
    assert!(["declined", "misconfigured"].contains(&refused.name()), "{refused:?}");
}
