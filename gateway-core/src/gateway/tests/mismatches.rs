//! Money is accepted as ours only if everything matches: invariant 8, each check failing alone.

use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::Op,
};
use crate::{
    CancelOrigin, CancelStatus, Currency, EventKind, GatewayError, Mode, Money, PaymentId, PaymentStatus,
    PgPaymentId, ProviderError, Snapshot, Store,
};

/// A payment taken by the window, of which one thing is not as it should be.
async fn paid_but(bench: &Bench, change: impl FnOnce(&mut Snapshot)) -> (PaymentId, PgPaymentId) {
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, crate::Clock::now(&bench.clock)));
    bench.pg.books(|books| books.change(&pg_id, change));
    (id, pg_id)
}

/// Whatever was paid goes back, all of it, by a row that the commit of the mismatch holds.
async fn is_given_back(change: impl FnOnce(&mut Snapshot)) {
    let bench = Bench::before_confirm();
    let (id, pg_id) = paid_but(&bench, change).await;
    let paid = bench.pg.books(|books| books.row(&pg_id).snapshot.paid);
    // The look-up commits; the cancel does not get through yet.
    bench.pg.instead(Op::Cancel, || ProviderError::NotSent("no route".into()));
    let answer = bench.confirm(&id, &pg_id).await;
    assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");

    let events = bench.events().await;
    let told = events.iter().find(|event| event.event.kind == EventKind::Mismatch).unwrap();
    let row = &told.event.cancels[0];
    assert_eq!((row.origin, row.amount), (CancelOrigin::Compensation, paid), "in the same commit");

    bench.pass_slowly(std::time::Duration::from_secs(300), 10).await;
    let record = bench.read(&id).await;
    assert_eq!(record.cancels[0].status, CancelStatus::Done);
    assert_eq!(record.payment.status, PaymentStatus::Ready, "nothing was accepted");
    assert_eq!(record.accepted(), None);
    assert_eq!(record.payment.amount_paid, Money::krw(0));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), paid.amount());
    assert_eq!(bench.count(EventKind::Mismatch).await, 1, "told once");
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, 0);
}

#[tokio::test]
async fn another_amount_is_given_back() {
    is_given_back(|snapshot| {
        snapshot.total = Money::krw(100);
        snapshot.paid = Money::krw(100);
    })
    .await;
}

#[tokio::test]
async fn a_total_that_was_not_paid_in_full_is_given_back_as_far_as_it_was_paid() {
    is_given_back(|snapshot| snapshot.paid = Money::krw(9_999)).await;
}

#[tokio::test]
async fn another_total_is_given_back_though_the_right_amount_was_paid() {
    is_given_back(|snapshot| snapshot.total = Money::krw(PRICE + 1)).await;
}

#[tokio::test]
async fn another_currency_is_given_back() {
    is_given_back(|snapshot| {
        let dollars = |amount| Money::new(amount, Currency::Usd).unwrap();
        snapshot.total = dollars(PRICE);
        snapshot.paid = dollars(PRICE);
        snapshot.cancelled = dollars(0);
    })
    .await;
}

#[tokio::test]
async fn money_of_another_currency_than_its_total_is_given_back() {
    is_given_back(|snapshot| {
        snapshot.paid = Money::new(PRICE, Currency::Usd).unwrap();
        snapshot.cancelled = Money::zero(Currency::Usd);
    })
    .await;
}

#[tokio::test]
async fn not_even_nothing_is_shown_in_another_currency() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.paid = Money::zero(Currency::Usd)));
    assert_eq!(bench.verify(&id).await.payment.amount_paid, Money::krw(0));
}

#[tokio::test]
async fn money_of_the_other_mode_is_given_back() {
    is_given_back(|snapshot| snapshot.mode = Some(Mode::Live)).await;
}

#[tokio::test]
async fn a_pg_that_does_not_tell_the_mode_is_believed() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = paid_but(&bench, |snapshot| snapshot.mode = None).await;
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn after_a_mismatch_the_payment_can_be_paid_by_a_new_attempt() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = paid_but(&bench, |snapshot| snapshot.paid = Money::krw(1)).await;
    bench.confirm(&id, &pg_id).await.unwrap_err();
    let order = bench.open(&id).await;
    let second = bench.pg.books(|books| books.pay(&order, PRICE, crate::Clock::now(&bench.clock)));
    assert_eq!(bench.confirm(&id, &second).await.unwrap().payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn another_order_id_cancels_nothing_and_its_owner_is_verified() {
    for bench in [Bench::before_confirm(), Bench::on_confirm()] {
        let mine = bench.register().await;
        bench.open(&mine).await;
        let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let others_order = bench.open(&other).await;
        let now = crate::Clock::now(&bench.clock);
        let others = bench.pg.books(|books| books.pay(&others_order, PRICE, now));
        let answer = bench.confirm(&mine, &others).await;
        assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
        assert_ne!(bench.status(&mine).await, PaymentStatus::Paid);
        assert!(bench.pg.calls(Op::Cancel).is_empty());
        assert!(bench.read(&other).await.hints > 0, "the true owner is marked");
        bench.pass_slowly(std::time::Duration::from_secs(200), 10).await;
        assert_eq!(bench.status(&mine).await, PaymentStatus::Ready);
        assert!(bench.pg.calls(Op::Cancel).is_empty());
    }
}

#[tokio::test]
async fn an_order_id_of_nobody_cancels_nothing() {
    let bench = Bench::before_confirm();
    let (id, pg_id) =
        paid_but(&bench, |snapshot| "their-own-order".clone_into(&mut snapshot.pg_order_id)).await;
    assert!(matches!(bench.confirm(&id, &pg_id).await, Err(GatewayError::Mismatch(_))));
    assert!(bench.pg.calls(Op::Cancel).is_empty());
    assert!(bench.read(&id).await.cancels.is_empty());
}

#[tokio::test]
async fn a_result_that_names_another_order_is_rejected_unasked() {
    let bench = Bench::on_confirm();
    let (mine, _) = bench.agreed().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let result = json!({ "pg_id": "pg9", "order_id": order });
    assert!(matches!(bench.bring(&mine, result).await, Err(GatewayError::Mismatch(_))));
    assert!(bench.pg.calls(Op::Confirm).is_empty());
    assert_eq!(bench.read(&other).await.hints, 1);
}

#[tokio::test]
async fn what_another_payment_accepted_is_accepted_by_no_second_one() {
    for bench in [Bench::on_confirm(), Bench::before_confirm()] {
        let (first, pg_id) = bench.paid().await;
        let second = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&second).await;
        // Everything else matches: the PG even shows it under the second order now.
        bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.pg_order_id = order));
        let posts = bench.pg.calls(Op::Confirm).len();
        let answer = bench.confirm(&second, &pg_id).await;
        assert!(matches!(answer, Err(GatewayError::Mismatch(_))), "{answer:?}");
        if bench.pg.description.repeat_safe_for.is_some() {
            assert_eq!(bench.pg.calls(Op::Confirm).len(), posts);
        }
        assert_eq!(bench.read(&second).await.accepted(), None);
        assert!(bench.read(&first).await.hints > 0, "its owner is verified");
        assert!(bench.pg.calls(Op::Cancel).is_empty(), "the first payment's money is not given back");
    }
}

#[tokio::test]
async fn accepted_money_that_stops_matching_is_given_back_and_shown_so() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.total = Money::krw(PRICE * 2)));
    bench.verify(&id).await;
    bench.pass_slowly(std::time::Duration::from_secs(200), 5).await;
    assert_eq!(bench.count(EventKind::Mismatch).await, 1);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
}

#[tokio::test]
async fn a_deposit_of_another_amount_is_given_back_and_the_payment_open_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| {
        books.charge(&pg_id, crate::Clock::now(&bench.clock));
        books.change(&pg_id, |snapshot| snapshot.paid = Money::krw(PRICE - 1));
    });
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Ready);
    assert_eq!((record.cancels[0].status, record.cancels[0].amount), (CancelStatus::Done, Money::krw(9_999)));
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 9_999);
    bench.pass_slowly(std::time::Duration::from_secs(3_600), 10).await;
    assert_eq!(bench.count(EventKind::Mismatch).await, 1);
}

#[tokio::test]
async fn a_made_up_payment_id_does_not_stop_the_look_ups_that_matter() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    bench.bring(&id, json!({ "pg_id": "made-up" })).await.unwrap_err();
    let order = bench.open(&id).await;
    let real = bench.pg.books(|books| books.agree(&order, PRICE));
    bench.pg.after(Op::Confirm, || ProviderError::no_answer("the connection broke"));
    // Asked for the made-up one, the PG refuses the request every time.
    let invalid = || ProviderError::Invalid(super::fake_books::pg_message("INVALID_REQUEST"));
    bench.pg.instead(Op::Verify, invalid);
    let record = bench.confirm(&id, &real).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    let owner = bench.store.owner_of_pg_id(&"fake".parse().unwrap(), &real).await.unwrap();
    assert_eq!(owner.map(|(_, payment)| payment), Some(id));
}

/// Two buyers bring back each other's result, and both claims end.
#[tokio::test]
async fn payments_that_claim_each_others_do_not_keep_each_other_awake() {
    let bench = Bench::on_confirm();
    let mut payments = Vec::new();
    for order in ["order-1", "order-2"] {
        let id = bench.try_register(order, PRICE).await.unwrap().record.payment.id;
        let shown = bench.open(&id).await;
        payments.push((id, bench.pg.books(|books| books.agree(&shown, PRICE))));
    }
    let [(first, of_first), (second, of_second)] = &payments[..] else { unreachable!() };
    for (id, swapped) in [(first, of_second), (second, of_first)] {
        bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
        let _ = bench.confirm(id, swapped).await;
    }
    bench.pg.books(|books| {
        for pg_id in [of_first, of_second] {
            books.change(pg_id, |snapshot| snapshot.status = crate::PgStatus::Expired);
        }
    });
    bench.pass_slowly(SETTLED * 20, 200).await;
    let looks = bench.pg.calls(Op::Verify).len();
    bench.pass_slowly(SETTLED * 20, 200).await;
    let later = bench.pg.calls(Op::Verify).len();
    assert!(later - looks < 10, "{} looks at what has ended", later - looks);
}
