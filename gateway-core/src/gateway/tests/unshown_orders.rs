//! Orders under which a row stays unreadable at a PG that takes money alone (invariant 7): a person is asked in the end.

use serde_json::json;

use super::bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, after};
use crate::{
    clock::Clock as _,
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{PaymentId, PaymentStatus, PgPaymentId, PgStatus, ReviewOutcome},
};

/// A payment a little over a week after its deadline, and a row under it that nobody can read, paid or not.
async fn unshown(bench: &Bench, is_paid: bool) -> (PaymentId, PgPaymentId) {
    let (id, order) = bench.opened().await;
    let hidden = bench.pg.books(|books| {
        let hidden = books.agree(&order, PRICE);
        books.unreadable.push(hidden.clone());
        hidden
    });
    if is_paid {
        bench.pg.books(|books| books.take(&hidden, bench.pg.clock_now()));
    }
    bench.run(PAYABLE_FOR + 7 * DAY).await;
    assert_eq!((bench.status(&id).await, bench.open_reviews(&id).await.len()), (PaymentStatus::Ready, 0));
    bench.run(DAY + HOUR).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
    (id, hidden)
}

async fn is_in_progress(bench: &Bench) -> bool {
    matches!(bench.try_register("order-1", 9_000).await, Err(GatewayError::OrderInProgress(_)))
}

#[tokio::test]
async fn order_is_free_again_once_a_person_found_no_money() {
    let bench = Bench::before_confirm();
    let (id, _) = unshown(&bench, false).await;
    assert!(is_in_progress(&bench).await);
    let answer = bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Expired);
    assert!(!is_in_progress(&bench).await);
    let before = bench.look_ups();
    bench.run(30 * DAY).await;
    assert!(bench.look_ups() - before < 20, "{}", bench.look_ups() - before);
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn money_that_a_person_found_is_confirmed_by_its_name() {
    let bench = Bench::before_confirm();
    let (id, hidden) = unshown(&bench, true).await;
    let answer = bench.decide(&id, ReviewOutcome::Done).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "outcome", .. })), "{answer:?}");
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
    bench.confirm(&id, &hidden).await.unwrap();
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.check_ledger().await;
}

#[tokio::test]
async fn pg_that_shows_the_order_at_last_closes_the_review() {
    for (is_paid, status) in [(false, PaymentStatus::Expired), (true, PaymentStatus::Paid)] {
        let bench = Bench::before_confirm();
        let (id, _) = unshown(&bench, is_paid).await;
        bench.pg.books(|books| books.unreadable.clear());
        bench.run(2 * DAY).await;
        assert_eq!(bench.status(&id).await, status);
        assert!(bench.open_reviews(&id).await.is_empty());
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn money_is_believed_over_the_person_who_did_not_find_it() {
    let bench = Bench::before_confirm();
    let (id, hidden) = unshown(&bench, true).await;
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    bench.pg.books(|books| books.unreadable.clear());
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.webhook(json!({ "pg_id": hidden.as_str(), "order_id": order })).await;
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    bench.check_ledger().await;
}

#[tokio::test]
async fn person_is_asked_again_about_an_order_that_was_reopened() {
    let bench = Bench::before_confirm();
    let (id, _) = unshown(&bench, false).await;
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    let again = bench.register().await;
    assert_eq!(again, id);
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    assert!(bench.open_reviews(&id).await.is_empty());
    bench.run(PAYABLE_FOR + 8 * DAY + MINUTE).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
}

#[tokio::test]
async fn nobody_is_asked_where_money_moves_on_confirm() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let hidden = bench.in_window(&order);
    bench.pg.books(|books| books.unreadable.push(hidden));
    bench.run(PAYABLE_FOR + 9 * DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn payment_is_not_closed_on_an_answer_that_leaves_a_row_out() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let card = bench.in_window(&order);
    bench.pg.books(|books| books.unreadable.push(card.clone()));
    bench.advance(MINUTE);
    let answer = bench.cancel(&id, None).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
    assert_eq!(bench.verify(&id).await.payment.status(), PaymentStatus::Ready, "what is known is answered");
    bench.pg.books(|books| books.unreadable.clear());
    bench.run(2 * DAY).await;
    assert_eq!((bench.status(&id).await, bench.given_back(&card)), (PaymentStatus::Paid, 0));
}

/// A row under an order that is paid and that nobody can read.
fn hidden_money(bench: &Bench, order: &str) {
    let now = bench.pg.clock_now();
    bench.pg.books(|books| {
        let hidden = books.pay(order, PRICE, now);
        books.unreadable.push(hidden);
    });
}

#[tokio::test]
async fn ended_order_that_is_not_shown_whole_is_a_review() {
    for (how, due_in) in [("declined", None), ("past due", Some(2 * HOUR)), ("closed", Some(DAY))] {
        let bench = Bench::before_confirm();
        let id = match due_in {
            None => bench.opened().await.0,
            Some(due_in) => bench.awaiting_deposit(due_in).await.0,
        };
        let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
        match how {
            "declined" => bench.pg.books(|books| {
                let declined = books.agree(&order, PRICE);
                books.change(&declined, |shown| shown.status = PgStatus::Failed);
            }),
            "closed" => {
                bench.advance(MINUTE);
                bench.cancel(&id, None).await.unwrap();
            }
            _ => {}
        }
        hidden_money(&bench, &order);
        bench.run(PAYABLE_FOR + 8 * DAY + HOUR).await;
        assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"], "{how}");
        bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
        let before = bench.look_ups();
        bench.run(30 * DAY).await;
        assert!(bench.look_ups() - before < 5, "{how}: {}", bench.look_ups() - before);
        assert!(bench.open_reviews(&id).await.is_empty(), "{how}");
    }
}

#[tokio::test]
async fn doubt_about_the_clock_ends_no_review() {
    let bench = Bench::before_confirm();
    let (id, _) = unshown(&bench, false).await;
    let events = bench.kinds().await.len();
    bench.clock.set(after(bench.clock.now(), 2 * MINUTE));
    assert!(!bench.gateway.is_clock_trusted());
    bench.verify(&id).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"], "nothing was shown");
    assert_eq!(bench.kinds().await.len(), events);
}

#[tokio::test]
async fn partly_unreadable_order_answers_verify_and_no_close() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let card = bench.in_window(&order);
    bench.pg.books(|books| books.unreadable.push(card));
    let verify = || bench.gateway.verify(&bench.merchant, &id);
    let answer = futures_util::future::join_all((0..3).map(|_| verify())).await;
    assert!(answer.iter().all(Result::is_ok), "{answer:?}");
    let close = async || bench.cancel(&id, None).await;
    let answer = futures_util::future::join_all((0..3).map(|_| close())).await;
    assert!(answer.iter().all(Result::is_err), "what cannot be read may be money: {answer:?}");
}
