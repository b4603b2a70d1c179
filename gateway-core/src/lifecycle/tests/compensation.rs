//! Whether money that must go back may be sent right now (invariant 12).

use super::sample::{DAY, DEADLINE, FINAL, Happens, PRICE, World, listed};
use crate::{
    lifecycle::{
        acceptance,
        compensation::{self, Held},
    },
    model::{
        CancelId, CancelStatus, CompensationReason, LatePayments, Money, PgCancelStatus, PgStatus,
        ReviewReason, Snapshot, SnapshotCancel,
    },
};

/// A second charge `k2` that is to go back as a duplicate of `k1`.
fn duplicate() -> (World, CancelId, Snapshot) {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let id = world.charge("k2").compensation().unwrap().id.clone();
    (world, id, second)
}

fn check(world: &mut World, id: &CancelId) -> Result<(), Held> {
    world.change(|draft, context| compensation::check_compensation(draft, id, context))
}

#[test]
fn duplicate_may_go_back_beside_the_whole_accepted_money() {
    let (mut world, id, _) = duplicate();
    assert_eq!(check(&mut world, &id), Ok(()));
}

#[test]
fn duplicate_is_held_unless_the_accepted_money_is_intact() {
    let cases: [(&str, Happens); 3] = [
        ("cancelled in part", |world| {
            let first = world.charge("k1").snapshot.clone().unwrap();
            world.see(&first.with_cancel(listed(1, None)));
        }),
        ("cancelled in full", |world| {
            let first = world.charge("k1").snapshot.clone().unwrap();
            world.see(&first.with_cancel(listed(PRICE, None)));
        }),
        ("shown less", |world| {
            let open = world.shown("k1", PgStatus::Open);
            world.see(&open);
        }),
    ];
    for (what, case) in cases {
        let (mut world, id, _) = duplicate();
        case(&mut world);
        assert_eq!(check(&mut world, &id), Err(Held::ReasonGone), "{what}");
    }
}

#[test]
fn compensation_is_held_when_its_own_money_changed() {
    let (mut world, id, second) = duplicate();
    world.see(&second.clone().with_cancel(listed(1_000, None)));
    assert_eq!(check(&mut world, &id), Err(Held::ReasonGone), "a part was cancelled by hand");
    world.see(&second.clone().with_cancel(listed(1_000, None)).with_cancel(listed(9_000, None)));
    assert_eq!(check(&mut world, &id), Err(Held::NothingLeft));

    let (mut world, id, _) = duplicate();
    let open = world.shown("k2", PgStatus::Open);
    world.at(5).see(&open);
    assert_eq!(check(&mut world, &id), Err(Held::ReasonGone), "it shows less");
    let _ = second;
}

#[test]
fn nothing_left_ends_what_was_never_sent_and_holds_what_was() {
    let (mut world, id, second) = duplicate();
    world.see(&second.with_cancel(listed(PRICE, None)));
    world.change(|draft, _| compensation::hold(draft, &id, Held::NothingLeft));
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Refused);
    assert!(world.open_reviews().is_empty(), "the buyer has the money");

    let (mut world, id, second) = duplicate();
    world.change(|draft, context| draft.send(&crate::model::Operation::Cancel(id.clone()), context));
    world.change(|draft, _| compensation::hold(draft, &id, Held::NothingLeft));
    assert_eq!(world.record.cancel(&id).unwrap().1.held, Some(ReviewReason::CompensationHeld));
    assert_eq!(world.open_reviews(), ["compensation_held"]);
    let gone = second.with_cancel(listed(PRICE, None));
    world.at(FINAL - 1).see(&gone);
    assert_eq!(world.open_reviews(), ["compensation_held"], "its send may be done yet");
    world.at(FINAL).see(&gone);
    assert_eq!(world.record.cancel(&id).unwrap().1.status, CancelStatus::Refused);
    assert!(world.open_reviews().is_empty(), "the buyer has the money");
}

#[test]
fn held_row_is_no_pending_operation_and_blocks_nothing() {
    let (mut world, id, _) = duplicate();
    assert!(!world.record.checks.pending.is_empty());
    world.change(|draft, _| compensation::hold(draft, &id, Held::ReasonGone));
    assert!(world.record.checks.pending.is_empty());
    assert!(world.charge("k2").unresolved_cancel().is_none());
    assert_eq!(world.charge("k2").cancellable(), Some(Money::krw(PRICE)));
}

#[test]
fn wrong_amount_goes_back_whatever_the_accepted_money_does() {
    let mut world = World::before_confirm();
    let wrong = world.shown("k1", PgStatus::Paid).with_total(7_000).with_money_at(0);
    world.see(&wrong);
    let id = world.charge("k1").compensation().unwrap().id.clone();
    assert_eq!(check(&mut world, &id), Ok(()), "nothing else was paid");
}

#[test]
fn money_that_nobody_can_cancel_at_its_pg_waits_for_a_person() {
    let mut world = World::before_confirm();
    let mut wrong = world.shown("k1", PgStatus::Paid).with_total(7_000).with_money_at(0);
    wrong.cancellable = Money::krw(0);
    world.see(&wrong);
    assert!(world.charge("k1").cancels.is_empty());
    assert_eq!(world.open_reviews(), ["mismatch_not_cancelled"]);

    let mut world = World::before_confirm();
    world.see(&wrong.clone().with_cancel(listed(7_000, None)));
    assert!(world.open_reviews().is_empty(), "the buyer has it back");

    let mut world = World::before_confirm();
    let under_way = SnapshotCancel { status: PgCancelStatus::Pending, ..listed(7_000, None) };
    world.see(&Snapshot { cancels: Some(vec![under_way]), ..wrong });
    assert!(world.open_reviews().is_empty(), "it is on its way back");
}

#[test]
fn late_payment_goes_back_though_the_deadline_was_moved() {
    let mut world = World::before_confirm();
    world.late_payments = LatePayments::Cancel;
    let paid = world.shown("k1", PgStatus::Paid).with_money_at(DEADLINE + 301);
    world.at(2 * DAY).see(&paid);
    let id = world.charge("k1").compensation().unwrap().id.clone();
    world.change(|draft, _| draft.record.payment.expires_at = super::sample::at(9 * DAY));
    assert_eq!(check(&mut world, &id), Ok(()));
}

#[test]
fn superseded_money_stays_once_the_new_payment_holds_nothing() {
    let mut other = World::before_confirm();
    other.claim(Some("n1"), None, false);
    let mut world = World::before_confirm();
    world.change(|draft, _| draft.record.payment.superseded = true);
    world.sibling = Some(other.record.clone());
    let paid = world.paid("k1");
    world.see(&paid);
    let id = world.charge("k1").compensation().unwrap().id.clone();
    assert_eq!(check(&mut world, &id), Ok(()));
    let open = other.shown("n1", PgStatus::Open);
    other.see(&open);
    world.sibling = Some(other.record);
    assert_eq!(check(&mut world, &id), Err(Held::ReasonGone));
}

#[test]
fn duplicate_of_the_kept_payment_needs_its_money_intact() {
    for (cancelled, expected) in [(0, Ok(())), (1, Err(Held::ReasonGone)), (PRICE, Err(Held::ReasonGone))] {
        let mut kept = World::before_confirm();
        kept.pay("k1");
        let mut world = World::before_confirm();
        world.sibling = Some(kept.record.clone());
        world.at(10).change(acceptance::yield_to_sibling);
        let paid = world.at(60).paid("n1");
        world.see(&paid);
        let back = world.charge("n1").compensation().unwrap().clone();
        assert_eq!(back.compensates, Some(CompensationReason::Duplicate));
        if cancelled > 0 {
            let first = kept.charge("k1").snapshot.clone().unwrap();
            kept.see(&first.with_cancel(listed(cancelled, None)));
        }
        world.sibling = Some(kept.record);
        let rests = world.change(|draft, context| {
            assert_eq!(compensation::check_compensation(draft, &back.id, context), expected, "{cancelled}");
            draft.rests_on_sibling
        });
        assert!(rests, "the send compares the version of both");
    }
}

#[test]
fn deposit_goes_back_only_to_an_account_that_is_known() {
    for (needs, held) in [(true, Some(ReviewReason::CompensationNeedsAccount)), (false, None)] {
        let mut world = World::before_confirm();
        for method in &mut world.description.methods {
            method.refund_needs_account = needs;
        }
        world.pay("k1");
        let deposit = world.shown("k2", PgStatus::Open).with_account(DAY).with_money_at(5);
        world.see(&deposit);
        assert_eq!(world.charge("k2").compensation().unwrap().held, held);
        let open: &[&str] = if needs { &["compensation_needs_account"] } else { &[] };
        assert_eq!(world.open_reviews(), open, "at once");
    }
}
