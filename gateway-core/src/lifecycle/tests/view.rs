//! A payment record as merchants see it.

use super::sample::{DAY, PRICE, World, listed};
use crate::model::{CancelType, ChargeRole, Failure, FailureReason, Money, PgMessage, PgStatus};

#[test]
fn cancels_of_other_charges_stand_with_their_charge() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let second = world.paid("k2");
    world.see(&second);
    let own = world.cancel(1_000);
    let view = world.record.view();
    let ids: Vec<_> = view.cancels.iter().map(|cancel| cancel.id.clone()).collect();
    assert_eq!(ids, [own]);
    let [duplicate] = &view.duplicates[..] else { panic!("one duplicate") };
    assert_eq!(duplicate.role, ChargeRole::Duplicate);
    assert_eq!((duplicate.amount, duplicate.cancels.len()), (Money::krw(PRICE), 1));
    assert_eq!(duplicate.pg_payment_id.as_ref().map(|id| id.as_str()), Some("k2"));
}

#[test]
fn close_is_a_type_of_its_own_and_has_no_amount() {
    let mut world = World::on_confirm();
    world.close_payment();
    let view = world.record.view();
    let [close] = &view.cancels[..] else { panic!("one close") };
    assert_eq!((close.kind, close.amount), (CancelType::Close, None));
    assert_eq!(world.record.payment.shown.amount_cancelled, Money::krw(0));
}

#[test]
fn pg_names_are_of_the_accepted_charge_or_newest_candidate() {
    let mut world = World::on_confirm();
    assert_eq!(world.record.view().pg.payment_id, None);
    assert_eq!(world.record.view().pg.order_id.map(|id| id.to_string()), Some(world.order_id()));
    world.claim(Some("k1"), None, false);
    world.at(1).claim(Some("k2"), None, false);
    let named = |world: &World| world.record.view().pg.payment_id.map(|id| id.to_string());
    assert_eq!(named(&world).as_deref(), Some("k2"));
    world.pay("k1");
    assert_eq!(named(&world).as_deref(), Some("k1"));
}

#[test]
fn view_shows_what_is_left_and_what_is_held() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    world.see(&paid.with_cancel(listed(4_000, None)));
    assert_eq!(world.record.view().cancellable, Money::krw(6_000));
    let deposit = world.shown("k2", PgStatus::Open).with_account(DAY).with_money_at(5);
    world.see(&deposit);
    assert!(world.record.view().duplicates[0].cancels[0].held, "it waits for an account");
}

#[test]
fn held_cancel_shows_what_the_pg_said() {
    let mut world = World::before_confirm();
    world.pay("k1");
    let deposit = world.shown("k2", PgStatus::Open).with_account(DAY).with_money_at(5);
    world.see(&deposit);
    let id = world.record.view().duplicates[0].cancels[0].id.clone();
    let failure = Failure::by_pg(FailureReason::InvalidRefundAccount, PgMessage::new("X", "no such account"));
    world.change(|draft, _| draft.record.cancel_mut(&id).unwrap().wait_for_account(failure.clone()));
    let view = &world.record.view().duplicates[0].cancels[0];
    assert_eq!((view.held, view.failure.as_ref()), (true, Some(&failure)));
}
