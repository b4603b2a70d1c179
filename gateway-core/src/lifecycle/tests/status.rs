//! The lines of the table on top of the fold of the payment; the first that matches decides.

use super::sample::{DAY, DEADLINE, HOUR, Happens, PRICE, World, at, listed, pg_id};
use crate::{
    model::{
        Charge, ChargeId, Failure, FailureReason, LastAttempt, Method, Misfit, Money, MoneyMoves, Outcome,
        PaymentStatus::{self, Cancelled, Confirming, Expired, Failed, Paid, PartiallyCancelled, Ready},
        PgStatus, Snapshot, Timing,
    },
    store::PaymentRecord,
};

#[test]
fn accepted_money_is_shown_by_its_amounts() {
    for (cancelled, status) in [
        (Vec::new(), Paid),
        (vec![1], PartiallyCancelled),
        (vec![1, PRICE - 2], PartiallyCancelled),
        (vec![PRICE], Cancelled),
        (vec![4_000, 6_000], Cancelled),
    ] {
        let mut world = World::on_confirm();
        world.pay("k1");
        let paid = world.charge("k1").snapshot.clone().unwrap();
        let shown = cancelled.iter().fold(paid, |shown, amount| shown.with_cancel(listed(*amount, None)));
        world.see(&shown);
        assert_eq!(world.status(), status, "{cancelled:?}");
        let sum: u64 = cancelled.iter().sum();
        assert_eq!(world.record.payment.shown.amount_cancelled, Money::krw(sum));
        assert_eq!(world.record.cancellable(), Money::krw(PRICE - sum));
    }
}

#[test]
fn full_cancel_is_full_in_either_counting_of_a_discount() {
    // The PG counts what it cancels with the discount, or without it.
    for (cancellable, cancelled) in [(PRICE, PRICE), (PRICE - 500, PRICE - 500)] {
        let mut world = World::before_confirm();
        let paid = Snapshot {
            discount: Money::krw(500),
            paid: Money::krw(PRICE - 500),
            cancellable: Money::krw(cancellable),
            ..world.paid("k1")
        };
        world.see(&paid);
        assert_eq!(world.status(), Paid);
        world.see(&paid.clone().with_cancel(listed(1_000, None)));
        assert_eq!(world.status(), PartiallyCancelled);
        world.see(&paid.with_cancel(listed(1_000, None)).with_cancel(listed(cancelled - 1_000, None)));
        assert_eq!(world.status(), Cancelled, "{cancellable}");
    }
}

#[test]
fn closed_or_superseded_payment_is_cancelled() {
    let mut closed = World::on_confirm();
    closed.confirm("k1");
    closed.close_payment();
    assert_eq!(closed.status(), Cancelled, "whatever its charges are");
    let mut superseded = World::on_confirm();
    superseded.change(|draft, _| draft.record.payment.superseded = true);
    assert_eq!(superseded.status(), Cancelled);
}

#[test]
fn open_outcomes_are_confirming() {
    let cases: [(&str, Happens); 4] = [
        ("a confirm without an answer", |world| drop(world.confirm("k1"))),
        ("a success that nothing shows", |world| {
            let id = world.confirm("k1");
            world.change(|draft, context| {
                draft
                    .record
                    .charge_mut(&id)
                    .unwrap()
                    .confirm
                    .as_mut()
                    .unwrap()
                    .end(Outcome::Done, context.now);
            });
        }),
        ("pending at the PG", |world| {
            let pending = world.shown("k1", PgStatus::Pending);
            world.see(&pending);
        }),
        ("paid without an amount", |world| {
            world.confirm("k1");
            let paid = world.shown("k1", PgStatus::Paid);
            world.see(&paid);
        }),
    ];
    for (what, case) in cases {
        let mut world = World::on_confirm();
        case(&mut world);
        assert_eq!(world.status(), Confirming, "{what}");
        world.at(30 * DAY).change(|_, _| ());
        assert_eq!(world.status(), Confirming, "{what}: time alone decides nothing");
    }
}

#[test]
fn money_whose_lateness_is_undecided_is_confirming() {
    let mut world = World::before_confirm();
    world.is_clock_trusted = false;
    let paid = world.at(2 * DAY).paid("k1");
    world.see(&paid);
    assert_eq!(world.status(), Confirming, "the buyer has paid and must not pay again");
    assert_eq!(world.charge("k1").timing, None);
    world.is_clock_trusted = true;
    world.see(&paid);
    assert_eq!(world.charge("k1").timing, Some(Timing::Late));
    assert_eq!(world.status(), Paid);
}

#[test]
fn newest_definite_answer_decides_between_failed_and_ready() {
    let charge = |world: &World, name: &str, second, is_declined| {
        let id = world.ids.charge(at(second));
        let mut charge = Charge::new(id, 1, Some(pg_id(name)), at(second));
        let failure = Failure::of(FailureReason::IssuerDeclined);
        let outcome = if is_declined { Outcome::Declined(failure) } else { Outcome::NotDone(failure) };
        let mut confirm = crate::model::Dispatch::first(at(second), "first");
        confirm.end(outcome, at(second));
        charge.confirm = Some(confirm);
        charge.ended_at = Some(at(second));
        charge
    };
    for (answers, status) in [
        (vec![(1, true)], Failed),
        (vec![(1, false)], Ready),
        (vec![(1, true), (2, false)], Ready),
        (vec![(1, false), (2, true)], Failed),
        (vec![(2, true), (1, false)], Failed),
    ] {
        let mut world = World::on_confirm();
        for (number, (second, is_declined)) in answers.iter().enumerate() {
            let charge = charge(&world, &format!("k{number}"), *second, *is_declined);
            world.change(|draft, _| draft.record.charges.push(charge));
        }
        assert_eq!(world.status(), status, "{answers:?}");
    }
}

#[test]
fn decline_stays_failed_past_the_deadline() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    world.at(30 * DAY).change(|_, _| ());
    assert_eq!(world.status(), Failed);
}

#[test]
fn later_open_outcome_hides_an_earlier_decline() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    world.at(1).confirm("k2");
    assert_eq!(world.status(), Confirming);
    assert_eq!(world.record.payment.shown.failure, None);
}

#[test]
fn nothing_known_is_ready_until_the_deadline() {
    let mut world = World::on_confirm();
    world.at(DEADLINE).change(|_, _| ());
    assert_eq!(world.status(), Ready);
    world.is_clock_trusted = false;
    world.at(DEADLINE + 1).change(|_, _| ());
    assert_eq!(world.status(), Ready, "the clock is in doubt");
    world.is_clock_trusted = true;
    world.change(|_, _| ());
    assert_eq!(world.status(), Expired);
    assert_eq!(world.record.payment.shown.failure, Some(Failure::of(FailureReason::SessionExpired)));
}

#[test]
fn pg_that_takes_money_alone_is_asked_before_a_payment_expires() {
    let mut world = World::before_confirm();
    world.at(DEADLINE).look_up_order(Vec::new(), true);
    world.at(2 * DAY).change(|_, _| ());
    assert_eq!(world.status(), Ready, "asked at the deadline, not past it");
    world.look_up_order(Vec::new(), true);
    assert_eq!(world.status(), Expired);
}

#[test]
fn every_order_id_is_asked_for_before_a_payment_expires() {
    let mut world = World::before_confirm();
    world.open(MoneyMoves::BeforeConfirm);
    world.at(2 * DAY).look_up_order(Vec::new(), true);
    assert_eq!(world.status(), Ready, "the first order id may hold money");
    world.answer(&crate::model::LookUpSubject::Attempt(1), Vec::new(), true, at(2 * DAY));
    assert_eq!(world.status(), Expired);
}

#[test]
fn clock_in_doubt_reopens_nothing_that_expired() {
    let mut world = World::on_confirm();
    world.at(DEADLINE + 1).change(|_, _| ());
    assert_eq!(world.status(), Expired);
    world.is_clock_trusted = false;
    world.at(DEADLINE + 2).change(|_, _| ());
    assert_eq!(world.status(), Expired);
    world.change(|draft, _| draft.record.payment.expires_at = at(9 * DAY));
    assert_eq!(world.status(), Ready, "the merchant registered it again");
}

#[test]
fn window_that_nobody_confirmed_is_no_answer() {
    let mut world = World::on_confirm();
    world.claim(Some("k1"), None, false);
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    assert_eq!(world.status(), Ready, "another tab may still succeed");
}

#[test]
fn charges_beside_the_order_count_in_no_line() {
    for misfit in [Misfit::Mismatch, Misfit::Duplicate, Misfit::Late] {
        let mut world = World::before_confirm();
        world.change(|draft, context| {
            let mut charge = Charge::new(context.ids.charge(context.now), 1, Some(pg_id("k1")), context.now);
            charge.misfit = Some(misfit);
            charge.ended_at = Some(context.now);
            charge.confirm = Some(crate::model::Dispatch::first(context.now, "first"));
            draft.record.charges.push(charge);
        });
        assert_eq!(world.status(), Ready, "{misfit:?}");
        assert!(world.record.payment.last_attempt.is_none());
    }
}

#[test]
fn failure_is_in_the_words_of_the_confirm_then_of_the_pg() {
    let by_confirm = Failure::of(FailureReason::StoppedCard);
    let by_pg = Failure::of(FailureReason::LimitExceeded);
    let failed =
        |world: &World| Snapshot { failure: Some(by_pg.clone()), ..world.shown("k1", PgStatus::Failed) };
    let mut world = World::on_confirm();
    let id = world.confirm("k1");
    world.change(|draft, context| {
        let charge = draft.record.charge_mut(&id).unwrap();
        charge.confirm.as_mut().unwrap().end(Outcome::Declined(by_confirm.clone()), context.now);
        charge.ended_at = Some(context.now);
    });
    let shown = failed(&world);
    world.see(&shown);
    assert_eq!(world.record.payment.shown.failure, Some(by_confirm));
    let mut world = World::before_confirm();
    let shown = failed(&world);
    world.see(&shown);
    assert_eq!(world.record.payment.shown.failure, Some(by_pg));
}

#[test]
fn newest_attempt_shows_what_the_browser_or_the_pg_said_last() {
    let closed = Failure::of(FailureReason::BuyerClosed);
    let mut world = World::on_confirm();
    world.change(|draft, context| draft.say_attempt(1, Some(closed.clone()), context.now));
    assert_eq!(world.record.payment.last_failure(), Some(FailureReason::BuyerClosed));
    world.at(1).confirm("k1");
    let failed = world.shown("k1", PgStatus::Failed);
    world.see(&failed);
    assert_eq!(world.record.payment.last_failure(), Some(FailureReason::Other));
    world.at(2).change(|draft, context| draft.say_attempt(1, Some(closed), context.now));
    assert_eq!(world.record.payment.last_failure(), Some(FailureReason::BuyerClosed));
    world.at(3).pay("k2");
    assert!(matches!(world.record.payment.last_attempt, Some(LastAttempt { number: 1, failure: None, .. })));
}

#[test]
fn method_is_the_charges_or_else_the_registered_one() {
    let mut world = World::on_confirm();
    world.change(|draft, _| draft.record.payment.terms.method = Some(Method::EasyPay));
    assert_eq!(world.record.payment.shown.method, Some(Method::EasyPay));
    world.pay("k1");
    assert_eq!(world.record.payment.shown.method, Some(Method::Card));
}

#[test]
fn time_of_payment_is_the_pgs_or_when_it_was_first_seen() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let untimed = Snapshot { paid_at: None, ..world.paid("k1") };
    world.at(5).see(&untimed);
    world.at(HOUR).see(&untimed);
    assert_eq!(world.record.payment.shown.paid_at, Some(at(5)));
}

#[test]
fn dispute_is_shown_while_the_pg_shows_it() {
    let mut world = World::on_confirm();
    world.pay("k1");
    let paid = world.charge("k1").snapshot.clone().unwrap();
    let disputed = Snapshot { disputed: Some(true), ..paid.clone() };
    world.see(&disputed);
    assert!(world.record.payment.shown.disputed);
    assert_eq!(world.kinds(), ["payment.dispute_opened"]);
    world.see(&Snapshot { disputed: None, ..paid.clone() });
    assert!(world.record.payment.shown.disputed, "not shown is no end");
    world.see(&Snapshot { disputed: Some(false), ..paid });
    assert_eq!(world.kinds(), ["payment.dispute_closed"]);
}

#[test]
fn at_most_one_charge_is_ever_accepted() {
    let mut world = World::before_confirm();
    for name in ["k1", "k2", "k3"] {
        let paid = world.paid(name);
        world.see(&paid);
    }
    let accepted: Vec<&ChargeId> =
        world.record.charges.iter().filter(|charge| charge.accepted).map(|charge| &charge.id).collect();
    assert_eq!(accepted, [&world.charge("k1").id]);
    let record: &PaymentRecord = &world.record;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
}
