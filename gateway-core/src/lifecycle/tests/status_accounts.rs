//! Line a of the table on top of the fold of the payment, for accepted accounts.

use super::sample::{DAY, HOUR, World};
use crate::model::{
    Failure, FailureReason, LatePayments, Outcome,
    PaymentStatus::{AwaitingDeposit, Cancelled, Confirming, Expired, Paid, Ready},
    PgStatus, Snapshot,
};

const DUE: i64 = 3 * HOUR;

fn issued(world: &mut World, name: &str) {
    world.confirm(name);
    let account = world.shown(name, PgStatus::Open).with_account(DUE);
    world.see(&account);
    assert!(world.charge(name).accepted);
}

#[test]
fn account_waits_until_an_answer_past_due_shows_it_unpaid() {
    let mut world = World::on_confirm();
    issued(&mut world, "k1");
    assert_eq!(world.status(), AwaitingDeposit);
    let account = world.charge("k1").snapshot.clone().unwrap();
    world.at(DAY).change(|_, _| ());
    assert_eq!(world.status(), AwaitingDeposit, "nobody has asked");
    world.at(DUE + HOUR - 1).see(&account);
    assert_eq!(world.status(), AwaitingDeposit);
    world.at(DUE + HOUR).see(&account);
    assert_eq!(world.status(), Expired);
    assert_eq!(world.record.payment.shown.failure, Some(Failure::of(FailureReason::DepositExpired)));
}

#[test]
fn account_that_the_pg_ended_is_expired() {
    for status in [PgStatus::Expired, PgStatus::Failed] {
        let mut world = World::on_confirm();
        issued(&mut world, "k1");
        let ended = Snapshot { status, ..world.charge("k1").snapshot.clone().unwrap() };
        world.see(&ended);
        assert_eq!(world.status(), Expired, "{status:?}");
    }
}

#[test]
fn closed_account_is_cancelled() {
    let mut world = World::on_confirm();
    issued(&mut world, "k1");
    let closed = Snapshot { status: PgStatus::Closed, ..world.charge("k1").snapshot.clone().unwrap() };
    world.see(&closed);
    assert_eq!(world.status(), Cancelled);

    let mut world = World::on_confirm();
    issued(&mut world, "k1");
    world.close_payment();
    assert_eq!(world.status(), Cancelled, "also where the PG cannot close");
}

#[test]
fn account_whose_close_is_done_is_cancelled_at_once() {
    let mut world = World::on_confirm();
    issued(&mut world, "k1");
    let id = world.close_account();
    assert_eq!(world.status(), AwaitingDeposit);
    world.change(|draft, context| {
        let close = draft.record.close_mut(&id).unwrap();
        close.status = crate::model::CancelStatus::Done;
        close.dispatch.as_mut().unwrap().end(Outcome::Done, context.now);
    });
    assert_eq!(world.status(), Cancelled);
}

#[test]
fn deposit_whose_lateness_is_undecided_is_not_paid_yet() {
    for (policy, status) in [(LatePayments::Keep, Paid), (LatePayments::Cancel, Ready)] {
        let mut world = World::on_confirm();
        world.late_payments = policy;
        world.confirm("k1");
        let account = world.shown("k1", PgStatus::Open).with_account(20 * HOUR);
        world.see(&account);
        world.is_clock_trusted = false;
        let deposit = account.with_money_at(22 * HOUR);
        world.at(23 * HOUR).see(&deposit);
        assert_eq!(world.status(), Confirming, "what is sold must not be refunded by itself");
        world.is_clock_trusted = true;
        world.see(&deposit);
        assert_eq!(world.status(), status, "{policy:?}");
    }
}
