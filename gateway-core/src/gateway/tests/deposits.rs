//! Virtual accounts: deposits, reversals, due times, closes (invariants 3, 9, 13, 14, 15).

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, new_cancel, refund_account},
    errors::{no_answer, refused, unknown},
    fake_pg::Op,
};
use crate::{
    gateway::{GatewayError, NewCancel, StateProblem},
    lifecycle::tests::sample::PRICE,
    model::{CancelOrigin, CancelStatus, ChargeRole, EventKind, Money, PaymentStatus, PgStatus},
};

fn take(bench: &Bench, pg_id: &crate::model::PgPaymentId) {
    bench.pg.books(|books| books.take(pg_id, bench.pg.clock_now()));
}

#[tokio::test]
async fn issued_account_waits_and_its_deposit_pays() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.awaiting_deposit(DAY).await;
        let account = bench.read(&id).await.payment.shown.virtual_account.unwrap();
        assert_eq!(
            (account.bank_code.unwrap().as_str(), account.account_number.as_str()),
            ("020", "110-000")
        );
        take(&bench, &pg_id);
        bench.verify(&id).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn deposit_without_a_webhook_is_found_within_a_day() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.awaiting_deposit(5 * DAY).await;
        take(&bench, &pg_id);
        bench.run(DAY + DAY / 10).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn deposits_are_not_polled_for() {
    let bench = Bench::on_confirm();
    bench.awaiting_deposit(5 * DAY).await;
    let before = bench.look_ups();
    bench.run(5 * DAY - HOUR).await;
    let asked = bench.look_ups() - before;
    assert!((4..=5).contains(&asked), "{asked} in five days");
}

#[tokio::test]
async fn account_expires_only_after_an_answered_look_up_past_due() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.run(DAY + HOUR - SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    bench.pg.goes_down();
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit, "nobody has answered");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    take(&bench, &pg_id);
    bench.run(2 * DAY).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.status(), payment.shown.late), (PaymentStatus::Paid, true), "it is still looked up");
}

#[tokio::test]
async fn deposit_before_due_that_shows_after_due_is_in_time() {
    let bench = Bench::over(crate::lifecycle::tests::sample::ON_CONFIRM, |settings| {
        settings.late_payments = crate::model::LatePayments::Cancel;
    });
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let paid_at = super::bench::after(bench.pg.clock_now(), DAY - MINUTE);
    bench.run(DAY + 3 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    bench.pg.books(|books| books.take(&pg_id, paid_at));
    bench.run(2 * DAY).await;
    let payment = bench.read(&id).await.payment;
    assert_eq!((payment.status(), payment.shown.late), (PaymentStatus::Paid, false));
    assert_eq!(bench.given_back(&pg_id), 0);
}

#[tokio::test]
async fn reversed_deposit_waits_again_once_two_answers_show_it() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.awaiting_deposit(5 * DAY).await;
        take(&bench, &pg_id);
        bench.verify(&id).await;
        bench.pg.books(|books| books.reverse(&pg_id));
        bench.verify(&id).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "one answer may lag");
        bench.run(2 * MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
        assert_eq!(bench.count(EventKind::DepositReversed).await, 1);
        assert!(bench.open_reviews(&id).await.is_empty());
        take(&bench, &pg_id);
        bench.run(2 * DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, 2);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn reversed_deposit_is_found_without_a_webhook() {
    for bench in Bench::both() {
        let (id, pg_id) = bench.awaiting_deposit(30 * DAY).await;
        take(&bench, &pg_id);
        bench.verify(&id).await;
        bench.run(DAY + HOUR).await;
        bench.pg.books(|books| books.reverse(&pg_id));
        bench.run(2 * DAY).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    }
}

#[tokio::test]
async fn lagging_answer_reverses_no_deposit() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(5 * DAY).await;
    let unpaid = bench.pg.books(|books| books.row(&pg_id).snapshot);
    take(&bench, &pg_id);
    bench.verify(&id).await;
    bench.pg.show(vec![unpaid], true);
    bench.verify(&id).await;
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.count(EventKind::DepositReversed).await, 0);
}

#[tokio::test]
async fn account_is_closed_at_the_pg_in_full_only() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let answer = bench.cancel(&id, Some(1_000)).await;
    assert!(matches!(answer, Err(GatewayError::InvalidState { problem: StateProblem::FullCloseOnly, .. })));
    let expects = NewCancel { expected_cancellable: Some(Money::krw(5)), ..new_cancel(None) };
    let answer = bench.cancel_with(&id, expects, None).await;
    assert!(matches!(
        answer,
        Err(GatewayError::InvalidState { problem: StateProblem::CancellableAmountChanged, .. })
    ));
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).snapshot.status), PgStatus::Closed);
    let close = &record.charges[0].closes[0];
    assert_eq!((close.origin, close.status), (CancelOrigin::Merchant, CancelStatus::Done));
    assert_eq!(record.payment.shown.amount_cancelled, Money::krw(0), "no money moved");
}

#[tokio::test]
async fn one_close_at_a_time() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.awaiting_deposit(DAY).await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    let answer = bench.cancel(&id, None).await;
    assert!(matches!(
        answer,
        Err(GatewayError::InvalidState { problem: StateProblem::CancelInProgress, .. })
    ));
    bench.run(MINUTE).await;
    assert_eq!(
        bench.status(&id).await,
        PaymentStatus::Cancelled,
        "a close can be done once, so it is repeated"
    );
    assert_eq!(bench.cancels(), 2);
}

#[tokio::test]
async fn deposit_that_wins_the_race_refuses_the_close() {
    // By the close's own answer.
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    take(&bench, &pg_id);
    let answer = bench.cancel(&id, None).await;
    assert!(matches!(answer, Err(GatewayError::CancelRefused { .. })), "{answer:?}");
    bench.run(SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);

    // By a look-up past its final time, never while it is unanswered.
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.pg.fails(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    take(&bench, &pg_id);
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.charges[0].closes[0].status, CancelStatus::Unknown, "it may be executed yet");
    bench.run(HOUR).await;
    assert_eq!(bench.read(&id).await.charges[0].closes[0].status, CancelStatus::Refused);
    let sent = bench.cancels();
    bench.run(DAY).await;
    assert_eq!(bench.cancels(), sent, "it is over");
    assert_eq!((bench.status(&id).await, bench.given_back(&pg_id)), (PaymentStatus::Paid, 0));
}

#[tokio::test]
async fn close_whose_account_ends_by_itself_is_over() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.pg.fails(Op::Cancel, unknown);
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = PgStatus::Expired));
    bench.run(HOUR).await;
    assert_eq!(bench.read(&id).await.charges[0].closes[0].status, CancelStatus::Refused);
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
}

#[tokio::test]
async fn account_that_the_pg_cannot_close_is_closed_here_only() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close.clear());
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!((record.payment.status(), bench.cancels()), (PaymentStatus::Cancelled, 0));
    bench.advance(HOUR);
    take(&bench, &pg_id);
    bench.run(DAY * 2).await;
    let record = bench.read(&id).await;
    assert_eq!(record.charges[0].role(), ChargeRole::Late, "its deposit came after the close");
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
}

#[tokio::test]
async fn deposit_before_a_close_that_the_pg_could_not_do_is_paid() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close.clear());
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let unpaid = bench.pg.books(|books| books.row(&pg_id).snapshot);
    take(&bench, &pg_id);
    bench.advance(MINUTE);
    // The PG lags: the look-ups right before the close do not show it yet.
    (0..2).for_each(|_| bench.pg.show(vec![unpaid.clone()], true));
    bench.cancel(&id, None).await.unwrap();
    bench.run(DAY * 2).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    assert_eq!(record.payment.closes[0].status, CancelStatus::Refused, "the money came first");
    assert_eq!(bench.given_back(&pg_id), 0);
}

#[tokio::test]
async fn ready_payment_is_closed_without_asking_the_pg() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.opened().await;
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert_eq!(bench.pg.all_calls().len(), 1);
    assert_eq!(record.view().cancels[0].kind, crate::model::CancelType::Close);
}

#[tokio::test]
async fn payment_taken_in_the_window_is_looked_up_before_a_close() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    let record = bench.cancel(&id, None).await.unwrap();
    assert_eq!(record.payment.status(), PaymentStatus::Cancelled);
    assert_eq!(bench.given_back(&pg_id), PRICE, "the buyer had paid: it is a refund");
}

#[tokio::test]
async fn money_in_a_window_that_was_closed_goes_back() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.cancel(&id, None).await.unwrap();
    bench.advance(MINUTE);
    let pg_id = bench.in_window(&order);
    bench.run(2 * DAY).await;
    assert_eq!(bench.given_back(&pg_id), PRICE);
    assert_eq!(bench.status(&id).await, PaymentStatus::Cancelled);
    let [duplicate] = &bench.read(&id).await.view().duplicates[..] else { panic!("one") };
    assert_eq!(duplicate.role, ChargeRole::Late);
    bench.check_ledger().await;
}

#[tokio::test]
async fn card_takes_the_place_of_an_account_that_waits() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let card = bench.in_window(&order);
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    assert_eq!(record.accepted().unwrap().pg_payment_id.as_ref(), Some(&card));
    assert_eq!(record.payment.status(), PaymentStatus::Paid);
    bench.run(SECOND).await;
    assert_eq!(bench.pg.books(|books| books.row(&account).snapshot.status), PgStatus::Closed);
    assert_eq!(bench.given_back(&card), 0, "the card's money is no duplicate");
}

#[tokio::test]
async fn account_and_card_both_paid_give_back_the_later_one() {
    let bench = Bench::before_confirm();
    let (id, account) = bench.awaiting_deposit(DAY).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.pg.fails(Op::Cancel, refused);
    let card = bench.in_window(&order);
    bench.verify(&id).await;
    bench.advance(MINUTE);
    take(&bench, &account);
    bench.run(DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_needs_account"]);
    bench.pg.heal();
    let waiting = bench.newest_cancel(&id).await.id;
    let new =
        NewCancel { refund_account: Some(refund_account()), takes_over: Some(waiting), ..new_cancel(None) };
    bench.cancel_with(&id, new, Some("k1")).await.unwrap();
    assert_eq!((bench.given_back(&account), bench.given_back(&card)), (PRICE, 0));
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn account_the_pg_cannot_close_is_looked_up_first() {
    for is_paid in [false, true] {
        let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close = Vec::new());
        let (id, account) = bench.awaiting_deposit(DAY).await;
        bench.advance(MINUTE);
        if is_paid {
            bench.pg.books(|books| books.take(&account, bench.pg.clock_now()));
        }
        bench.advance(MINUTE);
        let answer = bench.cancel(&id, None).await;
        if is_paid {
            // It is a refund by now, of a deposit.
            assert!(
                matches!(answer, Err(GatewayError::Invalid { param: "refund_account", .. })),
                "{answer:?}"
            );
            assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
            assert!(!bench.kinds().await.iter().any(|kind| kind.contains("cancelled")));
        } else {
            assert_eq!(answer.unwrap().payment.status(), PaymentStatus::Cancelled);
        }
    }
}

#[tokio::test]
async fn account_that_cannot_be_looked_up_is_not_closed_here() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.guards.close = Vec::new());
    let (id, _) = bench.awaiting_deposit(DAY).await;
    bench.pg.fails(Op::Verify, no_answer);
    let answer = bench.cancel(&id, None).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
}
