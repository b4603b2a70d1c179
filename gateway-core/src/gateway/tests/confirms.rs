//! Confirming where money moves when we ask for it: the row of the table on top of `confirm`, and invariants 1 and 2.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, PAYABLE_FOR, SECOND},
    errors::{declined, no_answer},
    fake_pg::Op,
};
use crate::{
    clock::Clock,
    gateway::{GatewayError, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{FailureReason, LastResponse, Outcome, PaymentStatus, PgStatus},
};

#[tokio::test]
async fn confirmed_payment_is_paid_with_one_call() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let record = bench.read(&id).await;
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&pg_id));
    assert_eq!(bench.taken(&pg_id), 1);
    bench.run(HOUR).await;
    assert_eq!(bench.pg.all_calls().len(), 2, "the window and the confirm");
    let kinds = ["payment.registered", "payment.confirming", "payment.paid"];
    assert_eq!(bench.kinds().await, kinds);
}

#[tokio::test]
async fn whole_request_is_committed_before_the_first_byte() {
    let bench = Arc::new(Bench::on_confirm());
    let (id, pg_id) = bench.agreed().await;
    let (seen, read) = (bench.clone(), id.clone());
    bench.pg.before(Op::Confirm, move || async move {
        let record = seen.read(&read).await;
        let charge = &record.charges[0];
        let sent = charge.confirm.as_ref().unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Confirming);
        assert_eq!((sent.key_seq, sent.send_count, &sent.last_response), (1, 1, &LastResponse::Unanswered));
        assert_eq!(sent.credential, "first");
        assert_eq!(charge.claim.as_ref().unwrap().state.as_ref().unwrap().expose(), "token");
        assert!(charge.pg_payment_id.is_some());
    });
    bench.bring(&id, json!({ "pg_id": pg_id.as_str(), "state": "token" })).await.unwrap();
    let key = bench.pg.keys(Op::Confirm).remove(0);
    let charge = &bench.read(&id).await.charges[0].id;
    assert_eq!(key, format!("{id}_confirm_{charge}_1"));
}

#[tokio::test]
async fn same_charge_again_gets_the_stored_result() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for _ in 0..3 {
        assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
    }
    assert_eq!(bench.confirms(), 1);

    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, declined);
    for _ in 0..3 {
        let answer = bench.confirm(&id, &pg_id).await;
        let Err(GatewayError::Declined { record, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(record.payment.shown.failure.unwrap().reason, FailureReason::InsufficientFunds);
    }
    assert_eq!(bench.confirms(), 1);
}

#[tokio::test]
async fn two_hundred_confirms_of_one_charge_send_one_request() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.permissive = true);
    let (id, pg_id) = bench.agreed().await;
    let answer = join_all((0..200).map(|_| bench.confirm(&id, &pg_id))).await;
    assert_eq!((bench.confirms(), bench.taken(&pg_id)), (1, 1));
    let statuses: Vec<_> = answer.into_iter().map(|answer| answer.unwrap().payment.status()).collect();
    assert!(statuses.contains(&PaymentStatus::Paid));
    let known = |status: &PaymentStatus| matches!(status, PaymentStatus::Paid | PaymentStatus::Confirming);
    assert!(statuses.iter().all(known), "nobody is answered a failure");
}

#[tokio::test]
async fn unresolved_confirm_bars_another_until_it_is_resolved() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let (first, second) = (bench.in_window(&order), bench.in_window(&order));
    bench.pg.instead(Op::Confirm, no_answer);
    assert_eq!(bench.confirm(&id, &first).await.unwrap().payment.status(), PaymentStatus::Confirming);
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Confirming);
    let barred = record.charge_at_pg(&second).unwrap();
    assert!(barred.confirm.is_none() && barred.claim.is_some(), "stored without a request");
    assert_eq!(bench.confirms(), 1);
    bench.pg.instead(Op::Confirm, declined);
    bench.pg.fails(Op::Confirm, declined);
    bench.pg.books(|books| books.change(&first, |shown| shown.status = PgStatus::Failed));
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.taken(&second), 0, "nothing sends it by itself");
    assert_eq!(bench.confirm(&id, &second).await.unwrap().payment.status(), PaymentStatus::Paid);
    assert_eq!(bench.taken(&second), 1);
}

#[tokio::test]
async fn decline_is_followed_by_a_new_attempt_and_order_id() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let first = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &pg_id).await.unwrap_err();
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    let second = bench.open(&id).await;
    assert_ne!(first, second);
    let again = bench.in_window(&second);
    assert_eq!(bench.confirm(&id, &again).await.unwrap().payment.status(), PaymentStatus::Paid);
    assert_eq!(bench.read(&id).await.attempts.len(), 2, "all order ids stay known");
}

#[tokio::test]
async fn sibling_window_confirms_after_a_decline_by_the_old_order() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let (first, second) = (bench.in_window(&order), bench.in_window(&order));
    bench.pg.instead(Op::Confirm, declined);
    bench.confirm(&id, &first).await.unwrap_err();
    let brought = json!({ "pg_id": second.as_str(), "order_id": order });
    assert_eq!(bench.bring(&id, brought).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn made_up_key_ends_itself_and_nothing_else() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let answer = bench.bring(&id, json!({ "pg_id": "made-up" })).await;
    assert!(matches!(answer, Err(GatewayError::Declined { .. })), "{answer:?}");
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn claim_after_the_deadline_is_not_sent() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pass(PAYABLE_FOR + SECOND).await;
    let answer = bench.confirm(&id, &pg_id).await;
    let Err(GatewayError::InvalidState { problem: StateProblem::Status, record }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(record.payment.status(), PaymentStatus::Expired);
    assert_eq!(bench.confirms(), 0);
}

#[tokio::test]
async fn claim_before_the_deadline_is_confirmed_after_it() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let (first, second) = (bench.in_window(&order), bench.in_window(&order));
    bench.advance(PAYABLE_FOR - MINUTE);
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&id, &first).await.unwrap();
    bench.confirm(&id, &second).await.unwrap();
    bench.pg.books(|books| books.change(&first, |shown| shown.status = PgStatus::Expired));
    bench.run(2 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let record = bench.confirm(&id, &second).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert!(!record.payment.shown.late, "it was claimed in time");
}

#[tokio::test]
async fn confirmed_in_time_is_paid_though_learned_late() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.advance(PAYABLE_FOR - SECOND);
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.confirms(), 1);
}

#[tokio::test]
async fn claim_without_a_pg_id_is_identified_by_its_state() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    let token = json!({ "order_id": order, "state": "token" });
    let record = bench.bring(&id, token.clone()).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges.len(), 1);
    assert!(record.charges[0].pg_payment_id.is_some(), "the answer named it");
    bench.bring(&id, token).await.unwrap();
    assert_eq!(bench.confirms(), 1);
    assert!(matches!(
        bench.bring(&id, json!({ "order_id": order })).await,
        Err(GatewayError::BrowserResult(_))
    ));
}

#[tokio::test]
async fn unnamed_confirm_without_an_answer_is_looked_up_by_order() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    bench.pg.after(Op::Confirm, no_answer);
    let record = bench.bring(&id, json!({ "order_id": order, "state": "token" })).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges[0].pg_payment_id.as_ref(), Some(&pg_id));
    assert_eq!(record.charges.len(), 1);
}

#[tokio::test]
async fn crash_after_the_commit_is_finished_by_another_replica() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.meanwhile(Op::Confirm, std::future::pending);
    super::bench::die(bench.confirm(&id, &pg_id)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.replica(|_, _| ()).run(FINAL).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.taken(&pg_id), 1);
    assert_eq!(bench.confirms(), 1, "a look-up found it");
}

#[tokio::test]
async fn answer_without_a_payment_is_looked_up() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.shows_nothing = true);
    let (id, pg_id) = bench.agreed().await;
    let record = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges[0].confirm.as_ref().unwrap().outcome(), Some(&Outcome::Done));
    assert_eq!(bench.look_ups(), 1);
}

#[tokio::test]
async fn approval_older_than_our_first_send_is_a_stale_answer() {
    // A backup was restored: the PG repeats what it answered to the key long ago, and refunded since.
    for (age, stale) in [(59, false), (61, true)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let long_ago = bench.clock.now().saturating_sub(age * SECOND).unwrap();
        let replayed = bench.pg.books(|books| {
            books.take(&pg_id, long_ago);
            let replayed = books.row(&pg_id).snapshot;
            books.cancel_in_console(&pg_id, PRICE, long_ago);
            books.permissive = true;
            replayed
        });
        bench.pg.answer(Op::Confirm, replayed);
        let _ = bench.confirm(&id, &pg_id).await;
        let status = if stale { PaymentStatus::Cancelled } else { PaymentStatus::Paid };
        assert_eq!(bench.status(&id).await, status, "{age} s");
        assert_eq!(bench.look_ups(), usize::from(stale));
    }
}
