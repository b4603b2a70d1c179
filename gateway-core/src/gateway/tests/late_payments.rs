//! Money that comes after the deadline, or is learned of after it (invariants 13, 15).

use std::time::Duration;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, SECOND, after},
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{CompensationReason, EventKind, LatePayments, Misfit, MoneyMoves, PaymentStatus, PgStatus},
};

fn over(policy: LatePayments) -> Bench {
    Bench::over(MoneyMoves::BeforeConfirm, |settings| settings.late_payments = policy)
}

/// An expired payment, and the order id its window was opened with.
async fn expired(bench: &Bench) -> (crate::model::PaymentId, String) {
    let (id, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    (id, order)
}

#[tokio::test]
async fn late_payment_is_kept_and_marked_or_goes_back() {
    for (policy, status, back) in
        [(LatePayments::Keep, PaymentStatus::Paid, 0), (LatePayments::Cancel, PaymentStatus::Expired, PRICE)]
    {
        let bench = over(policy);
        let (id, order) = expired(&bench).await;
        bench.advance(HOUR);
        let pg_id = bench.in_window(&order);
        bench.run(DAY + 3 * HOUR).await;
        let payment = bench.read(&id).await.payment;
        assert_eq!(
            (payment.status(), payment.shown.late),
            (status, policy == LatePayments::Keep),
            "{policy:?}"
        );
        assert_eq!(bench.given_back(&pg_id), back, "{policy:?}");
        let found = usize::from(policy == LatePayments::Cancel);
        assert_eq!(bench.count(EventKind::Found(Misfit::Late)).await, found);
        assert_eq!(bench.count(EventKind::Returned(Misfit::Late)).await, found);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn money_in_time_that_is_learned_late_is_simply_paid() {
    for paid_after in [Duration::ZERO, PAYABLE_FOR, PAYABLE_FOR + 5 * MINUTE] {
        let bench = over(LatePayments::Cancel);
        let (id, order) = bench.opened().await;
        let paid_at = after(bench.pg.clock_now(), paid_after);
        bench.run(PAYABLE_FOR + HOUR).await;
        let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
        bench.run(2 * DAY).await;
        let payment = bench.read(&id).await.payment;
        assert_eq!((payment.status(), payment.shown.late), (PaymentStatus::Paid, false), "{paid_after:?}");
        assert_eq!(bench.given_back(&pg_id), 0);
    }
}

#[tokio::test]
async fn card_that_failed_and_then_was_paid_is_paid() {
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        let pg_id = bench.pg.books(|books| {
            let pg_id = books.agree(&order, PRICE);
            books.change(&pg_id, |shown| shown.status = PgStatus::Failed);
            pg_id
        });
        drop(bench.confirm(&id, &pg_id).await);
        assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
        bench.advance(MINUTE);
        bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
        bench.sweep().await;
        bench.run(MINUTE).await;
        assert_eq!((bench.status(&id).await, bench.given_back(&pg_id)), (PaymentStatus::Paid, 0));
    }
}

#[tokio::test]
async fn order_id_that_takes_money_alone_is_checked_for_a_week() {
    let bench = over(LatePayments::Keep);
    let (id, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + 6 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    bench.in_window(&order);
    bench.run(2 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn look_ups_end_after_seven_days_and_cost_little() {
    let bench = over(LatePayments::Keep);
    bench.opened().await;
    bench.run(PAYABLE_FOR + 7 * DAY + HOUR).await;
    let asked = bench.look_ups();
    assert!((7..=9).contains(&asked), "{asked}");
    bench.run(60 * DAY).await;
    assert_eq!(bench.look_ups(), asked);
    assert_eq!(bench.gateway.next_work(&super::bench::account()).await.unwrap(), None);
}

#[tokio::test]
async fn payment_that_we_confirm_expires_unasked() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.opened().await;
    bench.run(PAYABLE_FOR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    bench.run(2 * SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    bench.run(10 * DAY).await;
    assert_eq!(bench.look_ups(), 0);
}

#[tokio::test]
async fn payment_taken_in_the_window_expires_only_after_a_look_up() {
    let bench = over(LatePayments::Keep);
    let (id, order) = bench.opened().await;
    bench.advance(PAYABLE_FOR - SECOND);
    bench.in_window(&order);
    bench.pg.goes_down();
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "the buyer may have paid");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::Expired)).await, 0);
}

#[tokio::test]
async fn reopening_does_not_undo_a_late_payment() {
    let bench = over(LatePayments::Cancel);
    let (id, order) = expired(&bench).await;
    bench.advance(HOUR);
    let pg_id = bench.in_window(&order);
    bench.verify(&id).await;
    bench.pg.instead(Op::Cancel, super::errors::not_sent);
    bench.resolve_due().await;
    assert!(!bench.try_register("order-1", PRICE).await.unwrap().created, "reopened");
    bench.run(HOUR).await;
    assert_eq!(bench.given_back(&pg_id), PRICE);
    let cancel = bench.newest_cancel(&id).await;
    assert_eq!(cancel.compensates, Some(CompensationReason::Late));
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "and can be paid again");
}
