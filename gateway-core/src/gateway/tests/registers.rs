//! Registering a payment, and registering its order again (design: one open or paid payment per order).

use futures_util::future::join_all;
use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, SECOND, account, after, request_key},
    errors::declined,
    fake_pg::Op,
};
use crate::{
    clock::Clock as _,
    gateway::{GatewayError, NewPayment},
    lifecycle::tests::sample::{PRICE, terms},
    model::{CancelStatus, Method, Money, PaymentStatus, PaymentTerms},
    provider::MethodTerms,
    store::PaymentStore as _,
};

async fn failed(bench: &Bench) -> crate::model::PaymentId {
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    id
}

#[tokio::test]
async fn registering_calls_no_pg() {
    let bench = Bench::on_confirm();
    let registered = bench.try_register("order-1", PRICE).await.unwrap();
    assert!(registered.created);
    let payment = registered.record.payment;
    assert_eq!((payment.status(), payment.version), (PaymentStatus::Ready, 1));
    assert_eq!(payment.expires_at, after(bench.clock.now(), PAYABLE_FOR));
    assert_eq!(bench.kinds().await, ["payment.registered"]);
    assert!(bench.pg.all_calls().is_empty());
}

#[tokio::test]
async fn same_order_with_the_same_terms_is_the_same_payment() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let again = bench.try_register("order-1", PRICE).await.unwrap();
    assert_eq!((again.record.payment.id, again.created), (id, false));
    assert_eq!(bench.store.commits(), 5, "nothing is committed");
}

#[tokio::test]
async fn other_terms_over_an_open_or_paid_payment_are_refused() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    for status in [PaymentStatus::Ready, PaymentStatus::Paid] {
        assert_eq!(bench.status(&id).await, status);
        let answer = bench.try_register("order-1", 9_000).await;
        assert!(matches!(&answer, Err(GatewayError::OrderInProgress(other)) if *other == id), "{answer:?}");
        bench.confirm(&id, &pg_id).await.unwrap();
    }
}

#[tokio::test]
async fn same_terms_reopen_what_failed_or_expired_with_a_new_deadline() {
    for expire in [true, false] {
        let bench = Bench::on_confirm();
        let id = if expire {
            let id = bench.register().await;
            bench.run(PAYABLE_FOR + MINUTE).await;
            id
        } else {
            failed(&bench).await
        };
        let status = bench.status(&id).await;
        assert!(matches!(status, PaymentStatus::Expired | PaymentStatus::Failed));
        bench.advance(HOUR);
        let again = bench.try_register("order-1", PRICE).await.unwrap();
        assert_eq!((&again.record.payment.id, again.created), (&id, false));
        assert_eq!(again.record.payment.expires_at, after(bench.clock.now(), PAYABLE_FOR));
        let order = bench.open(&id).await;
        let pg_id = bench.in_window(&order);
        assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn reopened_payment_takes_its_role_from_an_account_past_due() {
    let bench = Bench::on_confirm();
    let (id, account) = bench.awaiting_deposit(HOUR).await;
    bench.run(3 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let again = bench.try_register("order-1", PRICE).await.unwrap();
    assert_eq!(again.record.payment.status(), PaymentStatus::Ready);
    assert!(again.record.accepted().is_none());
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "it is not accepted again");
    bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "until it takes money");
}

#[tokio::test]
async fn other_terms_over_an_ended_payment_are_a_new_payment() {
    for cancelled in [true, false] {
        let bench = Bench::on_confirm();
        let old = if cancelled {
            let id = bench.register().await;
            bench.cancel(&id, None).await.unwrap();
            id
        } else {
            failed(&bench).await
        };
        let version = bench.read(&old).await.payment.version;
        let new = bench.try_register("order-1", 9_000).await.unwrap();
        assert!(new.created);
        let change = bench.store.newest_change();
        let versions: Vec<_> = change.payments.iter().map(|change| change.expected).collect();
        assert_eq!(versions, [None, Some(version)], "the old one is compared in the same commit");
        let record = bench.read(&old).await;
        assert!(record.payment.superseded);
        assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
        let held = bench.store.payment_of_order(&bench.merchant, &"order-1".parse().unwrap()).await.unwrap();
        assert_eq!(held.unwrap().payment.id, new.record.payment.id);
    }
}

#[tokio::test]
async fn same_terms_over_a_cancelled_payment_are_a_new_one() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.cancel(&id, None).await.unwrap();
    let again = bench.try_register("order-1", PRICE).await.unwrap();
    assert!(again.created && again.record.payment.id != id);
}

#[tokio::test]
async fn payment_that_was_paid_meanwhile_is_not_superseded() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    let (other, payment) = (bench.replica(|_, _| ()), id.clone());
    bench.in_window(&order);
    bench.store.race(move || async move { drop(other.verify(&payment).await) });
    let answer = bench.try_register("order-1", 9_000).await;
    assert!(matches!(&answer, Err(GatewayError::OrderInProgress(paid)) if *paid == id), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn old_money_goes_back_if_the_new_payment_is_paid() {
    let bench = Bench::before_confirm();
    let (old, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    let window = bench.open(&new).await;
    let paid = bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
    bench.confirm(&new, &paid).await.unwrap();
    let late = bench.in_window(&order);
    bench.run(2 * DAY).await;
    assert_eq!((bench.given_back(&late), bench.given_back(&paid)), (PRICE, 0));
    assert_eq!(bench.status(&old).await, PaymentStatus::Cancelled);
    assert_eq!(bench.status(&new).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn old_money_is_kept_if_the_new_payment_holds_nothing() {
    let bench = Bench::before_confirm();
    let (old, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    bench.run(PAYABLE_FOR + MINUTE).await;
    let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    let window = bench.open(&new).await;
    let kept = bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    bench.run(2 * DAY).await;
    assert_eq!(bench.status(&old).await, PaymentStatus::Paid);
    assert_eq!(bench.open_reviews(&old).await, ["older_payment_kept"]);
    let record = bench.read(&new).await;
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert!(record.payment.yielded);
    assert_eq!(bench.given_back(&kept), 0);
    // The new one's window is still open somewhere: its money is a duplicate of what was kept.
    let second = bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
    bench.verify(&new).await;
    bench.run(HOUR).await;
    assert_eq!((bench.given_back(&second), bench.given_back(&kept)), (9_000, 0));
    let answer = bench.try_register("order-1", 9_000).await;
    assert!(matches!(&answer, Err(GatewayError::OrderInProgress(paid)) if *paid == old), "{answer:?}");
    bench.check_ledger().await;
}

#[tokio::test]
async fn duplicate_stays_once_the_kept_payment_was_refunded() {
    let bench = Bench::before_confirm();
    let (_, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    bench.run(PAYABLE_FOR + MINUTE).await;
    let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    let window = bench.open(&new).await;
    let kept = bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    bench.run(2 * DAY).await;
    let second = bench.pg.books(|books| {
        books.cancel_in_console(&kept, PRICE, bench.pg.clock_now());
        books.pay(&window, 9_000, bench.pg.clock_now())
    });
    bench.verify(&new).await;
    bench.run(DAY).await;
    assert_eq!(bench.given_back(&second), 0, "both would be gone, and the goods shipped");
    assert_eq!(bench.open_reviews(&new).await, ["compensation_held"]);
}

#[tokio::test]
async fn decision_to_keep_or_give_back_compares_both_versions() {
    let bench = Bench::before_confirm();
    let (old, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    bench.run(PAYABLE_FOR + MINUTE).await;
    let new = bench.try_register("order-1", 9_000).await.unwrap().record.payment.id;
    let window = bench.open(&new).await;
    let kept = bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    // Right before the old one is kept, the new one is paid.
    let (other, payment) = (bench.replica(|_, _| ()), new.clone());
    let paid = bench.pg.books(|books| books.pay(&window, 9_000, bench.pg.clock_now()));
    bench.store.race(move || async move { drop(other.verify(&payment).await) });
    bench.verify(&old).await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&new).await, PaymentStatus::Paid);
    assert_eq!(bench.status(&old).await, PaymentStatus::Cancelled);
    assert_eq!((bench.given_back(&kept), bench.given_back(&paid)), (PRICE, 0));
    bench.check_ledger().await;
}

#[tokio::test]
async fn account_issued_for_a_superseded_payment_is_closed() {
    let bench = Bench::before_confirm();
    let (old, order) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    bench.try_register("order-1", 9_000).await.unwrap();
    let account = bench.pg.books(|books| {
        let account = books.agree_to_deposit(&order, PRICE, after(bench.pg.clock_now(), DAY));
        books.change(&account, |shown| shown.status = crate::model::PgStatus::AwaitingDeposit);
        account
    });
    bench.webhook(json!({ "pg_id": account.as_str(), "order_id": order })).await;
    bench.run(MINUTE).await;
    let record = bench.read(&old).await;
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert_eq!(record.charges[0].closes[0].status, CancelStatus::Done);
}

#[tokio::test]
async fn superseded_payment_opens_no_window() {
    let bench = Bench::on_confirm();
    let old = failed(&bench).await;
    bench.try_register("order-1", 9_000).await.unwrap();
    assert!(bench.try_open(&old).await.is_err());
}

#[tokio::test]
async fn fifty_registrations_at_once_make_one_payment() {
    let bench = Bench::on_confirm();
    let answer = join_all((0..50).map(|_| bench.try_register("order-1", PRICE))).await;
    let created = answer.iter().filter(|answer| answer.as_ref().unwrap().created).count();
    assert_eq!((created, bench.store.commits()), (1, 1));
}

#[tokio::test]
async fn amounts_and_methods_the_account_does_not_take_are_refused() {
    let bench = Bench::on_confirm();
    for (amount, taken) in [(99, false), (100, true), (10_000_000, true), (10_000_001, false)] {
        let answer = bench.try_register(&format!("order-{amount}"), amount).await;
        assert_eq!(answer.is_ok(), taken, "{amount}: {answer:?}");
        assert!(taken || matches!(answer, Err(GatewayError::Invalid { param: "amount", .. })));
    }
    let before = bench.store.commits();
    let register = async |change: fn(&mut crate::model::PaymentTerms)| {
        let mut terms = terms(PRICE);
        change(&mut terms);
        let new = NewPayment { order_id: "order-1".parse().unwrap(), terms };
        bench.gateway.register(&bench.merchant, new, None).await
    };
    let answer = register(|terms| terms.method = Some(Method::MobilePhone)).await;
    assert!(matches!(answer, Err(GatewayError::Unsupported(_))), "{answer:?}");
    let answer = register(|terms| terms.amount = Money::new(500, crate::model::Currency::Usd).unwrap()).await;
    assert!(matches!(answer, Err(GatewayError::Unsupported(_))), "{answer:?}");
    let answer = register(|terms| terms.tax_free_amount = Some(Money::krw(PRICE + 1))).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "tax_free_amount", .. })), "{answer:?}");
    let answer = register(|terms| terms.account = Some("other".parse().unwrap())).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "account", .. })), "{answer:?}");
    assert_eq!(bench.store.commits(), before, "nothing is stored");
    assert!(register(|terms| terms.account = Some(account())).await.is_ok());
}

#[tokio::test]
async fn method_sent_is_the_first_that_takes_the_amount() {
    let bench = Bench::on_confirm().replica(|_, pg| {
        let terms = |method, maximum| MethodTerms {
            method,
            minimums: vec![Money::krw(100)],
            maximum: Some(Money::krw(maximum)),
            refund_needs_account: false,
        };
        pg.description.methods = vec![
            terms(Method::MobilePhone, 5_000),
            terms(Method::Card, 50_000),
            terms(Method::Transfer, 90_000),
        ];
    });
    for (amount, method) in [(1_000, "MobilePhone"), (PRICE, "Card"), (60_000, "Transfer")] {
        let id = bench.try_register(&format!("order-{amount}"), amount).await.unwrap().record.payment.id;
        let (_, step) = bench.try_open(&id).await.unwrap();
        let crate::model::BrowserStep::Redirect { url, .. } = step else { panic!("{step:?}") };
        assert!(url.ends_with(method), "{url}");
    }
    assert!(bench.try_register("order-9", 90_001).await.is_err());
}

#[tokio::test]
async fn key_is_saved_with_its_row_and_used_for_no_other() {
    let bench = Bench::on_confirm();
    let new = |order: &str| NewPayment { order_id: order.parse().unwrap(), terms: terms(PRICE) };
    let key = request_key("k1");
    let registered = bench.gateway.register(&bench.merchant, new("order-1"), Some(&key)).await.unwrap();
    let kept = bench.store.idempotency(&bench.merchant, "k1").await.unwrap().unwrap();
    assert_eq!(kept.payment, Some(registered.record.payment.id));
    let answer = bench.gateway.register(&bench.merchant, new("order-2"), Some(&key)).await;
    assert!(matches!(answer, Err(GatewayError::KeyInUse)));
    assert_eq!(bench.gateway.count_payments().await.unwrap(), 1);
}

#[tokio::test]
async fn payment_is_live_or_simulated_as_its_account_is() {
    let bench = Bench::on_confirm().replica(|_, pg| pg.description.mode = crate::model::Mode::Live);
    let payment = bench.try_register("order-1", PRICE).await.unwrap().record.payment;
    assert!(payment.livemode && payment.simulated);
    bench.advance(SECOND);
}

#[tokio::test]
async fn terms_that_no_pg_could_take_are_refused_by_name() {
    type Change = fn(&mut PaymentTerms);
    let wrong: [(&str, Change); 7] = [
        ("order_name", |terms| terms.order_name = " ".to_owned()),
        ("order_name", |terms| terms.order_name = "x".repeat(101)),
        ("order_name", |terms| terms.order_name = "a\nb".to_owned()),
        ("return_url", |terms| terms.return_url = "javascript:alert(1)".to_owned()),
        ("card.installment_months", |terms| terms.installment_months = Some(1)),
        ("card.installment_months", |terms| terms.installment_months = Some(61)),
        ("virtual_account.due_at", |terms| terms.deposit_due_at = Some(jiff::Timestamp::UNIX_EPOCH)),
    ];
    let bench = Bench::on_confirm();
    for (field, change) in wrong {
        let mut terms = PaymentTerms::new("머그컵 👨‍👩‍👧", Money::krw(PRICE), "https://shop.example/return");
        change(&mut terms);
        let order = NewPayment { order_id: "order-1".parse().unwrap(), terms };
        let refused = bench.gateway.register(&bench.merchant, order, None).await.unwrap_err();
        assert!(matches!(refused, GatewayError::Invalid { param, .. } if param == field), "{refused:?}");
    }
    let terms = PaymentTerms::new("머그컵 👨‍👩‍👧", Money::krw(PRICE), "https://shop.example/return");
    let order = NewPayment { order_id: "order-1".parse().unwrap(), terms };
    bench.gateway.register(&bench.merchant, order, None).await.unwrap();
}
