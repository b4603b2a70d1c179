//! Which charge pays the order, when money is late, and what yields to what (invariants 9, 12, 13, 14).

use super::sample::{DAY, DEADLINE, HOUR, Happens, World, at, fresh, listed};
use crate::{
    lifecycle::{acceptance, apply},
    model::{
        CancelOrigin, CancelStatus, ChargeRole, CompensationReason, LatePayments, Method, PaymentStatus,
        PgStatus, Snapshot, Timing,
    },
    store::PaymentRecord,
};

/// Five minutes after the deadline: the last moment in which the PG may date money that it takes alone.
const LAST: i64 = DEADLINE + 300;

#[test]
fn lateness_is_a_matter_of_when_the_pg_took_the_money() {
    for (paid_at, timing) in [
        (Some(0), Timing::InTime),
        (Some(DEADLINE), Timing::InTime),
        (Some(LAST), Timing::InTime),
        (Some(LAST + 1), Timing::Late),
        (None, Timing::InTime),
    ] {
        let mut world = World::before_confirm();
        let paid = Snapshot { paid_at: paid_at.map(at), ..world.paid("k1") };
        world.at(3 * DAY).see(&paid);
        assert_eq!(world.charge("k1").timing, Some(timing), "{paid_at:?}");
        assert_eq!(world.status(), PaymentStatus::Paid, "it is kept");
        assert_eq!(world.record.payment.shown.late, timing == Timing::Late);
    }
}

#[test]
fn late_payment_goes_back_where_the_policy_says_so() {
    for (paid_at, role) in [(LAST, ChargeRole::Accepted), (LAST + 1, ChargeRole::Late)] {
        let mut world = World::before_confirm();
        world.late_payments = LatePayments::Cancel;
        let paid = world.shown("k1", PgStatus::Paid).with_money_at(paid_at);
        world.at(3 * DAY).see(&paid);
        assert_eq!(world.charge("k1").role(), role, "{paid_at}");
        let reason = world.charge("k1").compensation().and_then(|back| back.compensates);
        assert_eq!(reason, (role == ChargeRole::Late).then_some(CompensationReason::Late));
    }
}

#[test]
fn deposit_is_late_an_hour_after_its_own_due_time() {
    let due = 3 * DAY;
    for (paid_at, timing) in
        [(due, Timing::InTime), (due + HOUR, Timing::InTime), (due + HOUR + 1, Timing::Late)]
    {
        for mut world in [World::on_confirm(), World::before_confirm()] {
            let paid = world.shown("k1", PgStatus::Open).with_account(due).with_money_at(paid_at);
            world.at(9 * DAY).see(&paid);
            assert_eq!(world.charge("k1").timing, Some(timing), "{paid_at}");
        }
    }
}

#[test]
fn deposit_without_a_due_time_is_never_late() {
    let mut world = World::before_confirm();
    let paid = world.shown("k1", PgStatus::Paid).with_money_at(9 * DAY);
    let deposit = Snapshot { method: Some(Method::VirtualAccount), virtual_account: None, ..paid };
    world.at(9 * DAY).see(&deposit);
    assert_eq!(world.charge("k1").timing, Some(Timing::InTime));
}

#[test]
fn money_that_we_take_is_never_late() {
    let mut world = World::on_confirm();
    world.late_payments = LatePayments::Cancel;
    world.at(DEADLINE - 1).confirm("k1");
    let paid = world.shown("k1", PgStatus::Paid).with_money_at(DEADLINE + DAY);
    world.at(DEADLINE + DAY).see(&paid);
    assert_eq!(world.status(), PaymentStatus::Paid);
    assert_eq!(world.charge("k1").timing, Some(Timing::InTime));
}

#[test]
fn lateness_is_decided_once_and_reopening_does_not_undo_it() {
    let mut world = World::before_confirm();
    world.late_payments = LatePayments::Cancel;
    let paid = world.shown("k1", PgStatus::Paid).with_money_at(LAST + 1);
    world.at(2 * DAY).see(&paid);
    world.change(|draft, _| draft.record.payment.expires_at = at(9 * DAY));
    world.see(&paid);
    assert_eq!(world.charge("k1").timing, Some(Timing::Late));
    assert_eq!(world.charge("k1").role(), ChargeRole::Late);

    let mut world = World::before_confirm();
    world.late_payments = LatePayments::Cancel;
    world.change(|draft, _| draft.record.payment.expires_at = at(9 * DAY));
    world.at(2 * DAY).see(&paid);
    assert_eq!(world.charge("k1").timing, Some(Timing::InTime), "by the deadline then in force");
}

#[test]
fn clock_in_doubt_calls_nothing_late() {
    let mut world = World::before_confirm();
    world.late_payments = LatePayments::Cancel;
    world.is_clock_trusted = false;
    let paid = world.shown("k1", PgStatus::Paid).with_money_at(LAST + 1);
    world.at(3 * DAY).see(&paid);
    assert_eq!(world.charge("k1").timing, None);
    assert!(world.charge("k1").cancels.is_empty());
    let in_time = world.shown("k2", PgStatus::Paid).with_money_at(0);
    world.see(&in_time);
    assert_eq!(world.charge("k2").role(), ChargeRole::Accepted, "this one is in time by any clock");
}

#[test]
fn second_money_is_a_duplicate_of_the_first() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.at(5).paid("k2");
    world.see(&second);
    assert_eq!(world.charge("k1").role(), ChargeRole::Accepted);
    assert_eq!(world.charge("k2").role(), ChargeRole::Duplicate);
    assert_eq!(world.charge("k2").compensation().unwrap().compensates, Some(CompensationReason::Duplicate));
    assert_eq!(world.kinds(), ["payment.duplicate_found", "cancel.requested"]);
    assert_eq!(world.status(), PaymentStatus::Paid);
}

#[test]
fn second_money_without_a_matching_first_pays_the_order() {
    let mut world = World::before_confirm();
    let wrong = world.shown("k1", PgStatus::Paid).with_total(1).with_money_at(0);
    world.see(&wrong);
    world.pay("k2");
    assert_eq!(world.charge("k2").role(), ChargeRole::Accepted);
}

#[test]
fn unpaid_account_yields_to_money_in_one_change() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(DAY);
    world.see(&account);
    assert_eq!(world.status(), PaymentStatus::AwaitingDeposit);
    let card = world.at(5).paid("k2");
    world.see(&card);
    assert_eq!(world.charge("k2").role(), ChargeRole::Accepted);
    assert!(!world.charge("k1").accepted);
    let [close] = &world.charge("k1").closes[..] else { panic!("its account is closed") };
    assert_eq!((close.origin, close.status), (CancelOrigin::Compensation, CancelStatus::Requested));
    assert!(world.charge("k2").cancels.is_empty(), "the card's money stays");
    assert_eq!(world.kinds(), ["payment.paid", "cancel.requested"]);
}

#[test]
fn account_that_yielded_and_is_paid_is_a_duplicate() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(DAY);
    world.see(&account);
    let card = world.at(5).paid("k2");
    world.see(&card);
    let deposit = account.with_money_at(60);
    world.at(60).see(&deposit);
    assert_eq!(world.charge("k1").role(), ChargeRole::Duplicate);
    assert_eq!(
        world.charge("k1").compensation().unwrap().held,
        Some(crate::model::ReviewReason::CompensationNeedsAccount)
    );
    assert_eq!(world.open_reviews(), ["compensation_needs_account"]);
}

#[test]
fn account_is_closed_once_and_only_where_the_pg_can() {
    let mut world = World::on_confirm();
    world.description.guards.close.clear();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(DAY);
    world.see(&account);
    let card = world.at(5).paid("k2");
    world.see(&card);
    assert!(world.charge("k1").closes.is_empty());
}

#[test]
fn account_issued_after_a_close_or_a_new_registration_is_closed() {
    let ends: [(&str, Happens); 2] = [
        ("closed", World::close_payment),
        ("superseded", |world| {
            world.change(|draft, _| draft.record.payment.superseded = true);
        }),
    ];
    for (what, end) in ends {
        let mut world = World::on_confirm();
        world.confirm("k1");
        end(&mut world);
        let account = world.shown("k1", PgStatus::Open).with_account(DAY);
        world.at(5).see(&account);
        assert!(!world.charge("k1").accepted, "{what}");
        assert_eq!(world.charge("k1").closes.len(), 1, "{what}");
        assert_eq!(world.status(), PaymentStatus::Cancelled, "{what}");
        world.at(90).see(&account);
        assert_eq!(world.charge("k1").closes.len(), 1, "once");
    }
}

#[test]
fn account_past_due_is_accepted_only_once_it_takes_money() {
    let mut world = World::on_confirm();
    let account = world.shown("k1", PgStatus::Open).with_account(HOUR);
    world.at(DAY).see(&account);
    assert!(!world.charge("k1").accepted);
    assert_eq!(world.status(), PaymentStatus::Ready);
    let paid = account.with_money_at(HOUR);
    world.see(&paid);
    assert_eq!(world.status(), PaymentStatus::Paid);
}

#[test]
fn money_after_the_merchants_close_goes_back() {
    for (paid_at, role, status) in [
        (9, ChargeRole::Accepted, PaymentStatus::Paid),
        (10, ChargeRole::Accepted, PaymentStatus::Paid),
        (11, ChargeRole::Late, PaymentStatus::Cancelled),
    ] {
        let mut world = World::before_confirm();
        world.at(10).close_payment();
        let paid = world.shown("k1", PgStatus::Paid).with_money_at(paid_at);
        world.at(60).see(&paid);
        assert_eq!((world.charge("k1").role(), world.status()), (role, status), "{paid_at}");
        let close = world.record.payment.closes.first().unwrap();
        let refused = role == ChargeRole::Accepted;
        assert_eq!(close.status == CancelStatus::Refused, refused, "the close came after the money");
    }
}

/// Another payment of the same order, in a state.
fn sibling(world: &World, pay: impl FnOnce(&mut World)) -> PaymentRecord {
    let mut other = World::before_confirm();
    other.record = fresh(&world.ids, "order-1");
    other.change(|_, _| ());
    other.open(crate::model::MoneyMoves::BeforeConfirm);
    pay(&mut other);
    other.record
}

fn superseded(pay_sibling: impl FnOnce(&mut World)) -> World {
    let mut world = World::before_confirm();
    world.change(|draft, _| draft.record.payment.superseded = true);
    world.sibling = Some(sibling(&world, pay_sibling));
    world
}

#[test]
fn superseded_money_goes_back_if_the_new_payment_may_hold_some() {
    let cases: [(&str, Happens, bool); 5] = [
        ("ready", |_| (), false),
        (
            "failed",
            |other| {
                let failed = other.shown("n1", PgStatus::Failed);
                other.see(&failed);
            },
            false,
        ),
        ("confirming", |other| drop(other.claim(Some("n1"), None, false)), true),
        (
            "awaiting deposit",
            |other| {
                let account = other.shown("n1", PgStatus::Open).with_account(DAY);
                other.see(&account);
            },
            true,
        ),
        ("paid", |other| drop(other.pay("n1")), true),
    ];
    for (what, pay_sibling, goes_back) in cases {
        let mut world = superseded(pay_sibling);
        let paid = world.paid("k1");
        let subject = crate::model::LookUpSubject::Attempt(1);
        let look_up = crate::provider::LookUp { charges: vec![paid], complete: true };
        let asked_at = world.now;
        let (rests, yields) = world.change(|draft, context| {
            let answer =
                crate::lifecycle::Answer { subject: &subject, look_up: &look_up, asked_at, is_look_up: true };
            apply::apply(draft, &answer, context);
            (draft.rests_on_sibling, draft.sibling_yields)
        });
        assert!(rests, "{what}: the decision compares the version of both");
        assert_eq!(yields, !goes_back, "{what}");
        let reason = world.charge("k1").compensation().and_then(|back| back.compensates);
        assert_eq!(reason, goes_back.then_some(CompensationReason::Superseded), "{what}");
        assert_eq!(world.record.payment.superseded, goes_back, "{what}");
        let reviews: &[&str] = if goes_back { &[] } else { &["older_payment_kept"] };
        assert_eq!(world.open_reviews(), reviews, "{what}");
    }
}

#[test]
fn payment_that_yields_is_closed_and_keeps_an_older_close() {
    for closed_at in [None, Some(3)] {
        let mut kept = World::before_confirm();
        kept.pay("k1");
        let mut world = World::before_confirm();
        if let Some(second) = closed_at {
            world.at(second).close_payment();
        }
        world.sibling = Some(kept.record);
        world.at(10).change(acceptance::yield_to_sibling);
        assert!(world.record.payment.yielded);
        assert_eq!(world.status(), PaymentStatus::Cancelled);
        assert_eq!(world.record.payment.closed_at(), Some(at(closed_at.unwrap_or(10))));
    }
}

#[test]
fn money_under_a_yielded_payment_is_a_duplicate_of_the_kept_one() {
    for paid_at in [5, 20] {
        let mut kept = World::before_confirm();
        kept.pay("k1");
        let mut world = World::before_confirm();
        world.sibling = Some(kept.record);
        world.at(10).change(acceptance::yield_to_sibling);
        let paid = world.shown("n1", PgStatus::Paid).with_money_at(paid_at);
        world.at(60).see(&paid);
        let back = world.charge("n1").compensation().unwrap();
        assert_eq!(back.compensates, Some(CompensationReason::Duplicate), "{paid_at}: whenever it came");
        assert_eq!(world.charge("n1").role(), ChargeRole::Duplicate);
    }
}

#[test]
fn first_reason_in_order_is_the_reason() {
    // Wrong amount, closed, superseded, late, duplicate: each world leaves one more out.
    let reasons = [
        CompensationReason::WrongAmount,
        CompensationReason::Closed,
        CompensationReason::Superseded,
        CompensationReason::Late,
        CompensationReason::Duplicate,
    ];
    for (skip, expected) in reasons.into_iter().enumerate() {
        let mut world = World::before_confirm();
        world.late_payments = LatePayments::Cancel;
        world.sibling = Some(sibling(&world, |other| drop(other.pay("n1"))));
        world.pay("k1");
        let paid = world.shown("k2", PgStatus::Paid);
        let paid = if skip == 0 { paid.with_total(1) } else { paid };
        let paid = paid.with_money_at(if skip <= 3 { LAST + 1 } else { 0 });
        world.change(|draft, _| draft.record.payment.superseded = skip <= 2);
        if skip <= 1 {
            world.at(10).close_payment();
        }
        world.at(3 * DAY).see(&paid);
        let back = world.charge("k2").compensation().unwrap();
        assert_eq!(back.compensates, Some(expected));
    }
}

#[test]
fn money_given_back_by_hand_already_leaves_nothing_to_send() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2").with_cancel(listed(super::sample::PRICE, None));
    world.see(&second);
    assert_eq!(world.charge("k2").role(), ChargeRole::Duplicate);
    assert_eq!(world.charge("k2").compensation(), None);
}
