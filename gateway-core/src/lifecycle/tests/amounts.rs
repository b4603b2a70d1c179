//! What matches what was registered, what goes back by itself, and what a person decides (invariants 8 and 12).

use super::sample::{PRICE, World, listed};
use crate::model::{
    CancelOrigin, CancelStatus, Charge, ChargeRole, Currency, Mode, Money, PaymentStatus, PgStatus, Snapshot,
};

/// What becomes of money that is shown for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Accepted,
    GoesBack,
    Review,
}

fn usd(amount: u64) -> Money {
    Money::new(amount, Currency::Usd).unwrap()
}

fn fate(charge: &Charge, world: &World) -> Fate {
    let reviews = world.open_reviews();
    match (charge.role(), charge.compensation()) {
        (ChargeRole::Accepted, None) if reviews.is_empty() => Fate::Accepted,
        (ChargeRole::Mismatched, Some(back)) if reviews.is_empty() => {
            assert_eq!((back.origin, back.status), (CancelOrigin::Compensation, CancelStatus::Requested));
            Fate::GoesBack
        }
        (ChargeRole::Mismatched, None) if reviews == ["mismatch_not_cancelled"] => Fate::Review,
        other => panic!("{other:?}, reviews {reviews:?}"),
    }
}

#[test]
fn money_is_accepted_only_if_everything_matches() {
    let krw = Money::krw;
    type Change = fn(Snapshot) -> Snapshot;
    let cases: [(&str, Change, Fate); 14] = [
        ("exact", |shown| shown, Fate::Accepted),
        ("mode not shown", |shown| Snapshot { mode: None, ..shown }, Fate::Accepted),
        (
            "discount that adds up",
            |shown| Snapshot { discount: Money::krw(500), paid: Money::krw(PRICE - 500), ..shown },
            Fate::Accepted,
        ),
        ("less", |shown| shown.with_total(PRICE - 1).with_money_at(0), Fate::GoesBack),
        ("more", |shown| shown.with_total(PRICE + 1).with_money_at(0), Fate::GoesBack),
        ("half paid", |shown| Snapshot { paid: Money::krw(PRICE / 2), ..shown }, Fate::GoesBack),
        (
            "right amount of a wrong total",
            |shown| Snapshot { total: Money::krw(PRICE * 2), ..shown },
            Fate::GoesBack,
        ),
        (
            "wrong amount in live mode",
            |shown| Snapshot { mode: Some(Mode::Live), ..shown.with_total(1).with_money_at(0) },
            Fate::GoesBack,
        ),
        (
            "discount that does not add up",
            |shown| Snapshot { discount: Money::krw(500), ..shown },
            Fate::Review,
        ),
        (
            "discount beyond the total",
            |shown| Snapshot { discount: Money::krw(PRICE * 2), ..shown },
            Fate::Review,
        ),
        (
            "discounted wrong total",
            |shown| Snapshot { discount: Money::krw(1), ..shown.with_total(PRICE - 1).with_money_at(0) },
            Fate::Review,
        ),
        ("live mode", |shown| Snapshot { mode: Some(Mode::Live), ..shown }, Fate::Review),
        (
            "other currency",
            |shown| Snapshot {
                total: usd(PRICE),
                discount: usd(0),
                paid: usd(PRICE),
                cancellable: usd(PRICE),
                cancelled: usd(0),
                ..shown
            },
            Fate::Review,
        ),
        (
            "wrong amount of another currency",
            |shown| Snapshot {
                total: usd(5),
                discount: usd(0),
                paid: usd(5),
                cancellable: usd(5),
                cancelled: usd(0),
                ..shown
            },
            Fate::Review,
        ),
    ];
    for (what, change, expected) in cases {
        let mut world = World::before_confirm();
        let shown = change(world.paid("k1"));
        world.see(&shown);
        assert_eq!(fate(world.charge("k1"), &world), expected, "{what}");
        let is_paid = expected == Fate::Accepted;
        assert_eq!(world.status() == PaymentStatus::Paid, is_paid, "{what}");
        assert_eq!(world.record.payment.shown.amount_paid.is_zero(), !is_paid, "{what}");
    }
    assert_eq!(krw(0), Money::zero(Currency::Krw));
}

#[test]
fn mismatch_is_announced_with_its_money_and_its_way_back() {
    let mut world = World::before_confirm();
    let wrong = world.shown("k1", PgStatus::Paid).with_total(7_000).with_money_at(0);
    world.see(&wrong);
    assert_eq!(world.kinds(), ["payment.mismatch_found", "cancel.requested"]);
    assert_eq!(world.news[0].movement.as_ref().map(|moved| (moved.paid, moved.cancelled)), Some((7_000, 0)));
    let back = world.charge("k1").compensation().unwrap().id.clone();
    world.see(&wrong.with_cancel(listed(7_000, Some(&back))));
    assert_eq!(world.kinds(), ["payment.mismatch_cancelled", "cancel.done"]);
    assert_eq!(world.news[0].movement.as_ref().map(|moved| (moved.paid, moved.cancelled)), Some((0, 7_000)));
    assert_eq!(world.status(), PaymentStatus::Ready, "the order can still be paid");
}

#[test]
fn mismatch_goes_back_as_far_as_it_is_left() {
    let mut world = World::before_confirm();
    let wrong = world.shown("k1", PgStatus::Paid).with_total(7_000).with_money_at(0);
    world.see(&wrong.clone().with_cancel(listed(2_000, None)));
    assert_eq!(world.charge("k1").compensation().unwrap().amount, Money::krw(5_000));

    let mut world = World::before_confirm();
    world.see(&wrong.with_cancel(listed(7_000, None)));
    assert_eq!(world.charge("k1").compensation(), None, "it was given back already");
    assert_eq!(world.charge("k1").role(), ChargeRole::Mismatched);
}

#[test]
fn accepted_account_that_takes_another_amount_is_a_review() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_account(9_000);
    world.see(&account);
    assert!(world.charge("k1").accepted);
    world.see(&Snapshot {
        paid: Money::krw(4_000),
        cancellable: Money::krw(4_000),
        ..account.with_money_at(5)
    });
    assert_eq!(fate(world.charge("k1"), &world), Fate::Review, "it was accepted once");
}

#[test]
fn account_of_another_amount_is_never_accepted() {
    let mut world = World::on_confirm();
    world.confirm("k1");
    let account = world.shown("k1", PgStatus::Open).with_total(9_000).with_account(9_000);
    world.see(&account);
    assert!(!world.charge("k1").accepted);
    assert_ne!(world.status(), PaymentStatus::AwaitingDeposit);
}

#[test]
fn compensation_carries_the_part_free_of_vat() {
    for (total, tax_free) in [(PRICE, Some(Money::krw(3_000))), (PRICE - 1, None)] {
        let mut world = World::before_confirm();
        world.change(|draft, _| draft.record.payment.terms.tax_free_amount = Some(Money::krw(3_000)));
        world.pay("k1");
        let second = world.shown("k2", PgStatus::Paid).with_total(total).with_money_at(0);
        world.see(&second);
        let back = world.charge("k2").compensation().unwrap();
        assert_eq!(back.tax_free_amount, tax_free, "{total}");
        assert!(back.is_whole);
    }
}
