//! What the browser may bring, in which state of the payment, and how that is answered.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, CancelStatus, Clock, Failure, FailureReason, GatewayError, LatePayments, MoneyMoves,
    PaymentId, PaymentRecord, PaymentStatus, PgPaymentId, PgStatus, ProviderError, RequestKey, StateProblem,
    Store,
};

type Answer = Result<PaymentRecord, GatewayError>;

fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

fn problem(answer: &Answer) -> Option<StateProblem> {
    match answer {
        Err(GatewayError::InvalidState { problem, .. }) => Some(*problem),
        _ => None,
    }
}

fn asked(bench: &Bench) -> usize {
    bench.pg.calls(Op::Verify).len() + bench.pg.calls(Op::Confirm).len()
}

/// Where the window takes the money: a payment whose window is open, and its order id.
async fn opened() -> (Bench, PaymentId, String) {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    (bench, id, order)
}

fn pay(bench: &Bench, order: &str) -> PgPaymentId {
    bench.pg.books(|books| books.pay(order, PRICE, bench.clock.now()))
}

#[tokio::test]
async fn a_result_before_any_window_was_open_is_of_no_attempt() {
    for bench in [Bench::on_confirm(), Bench::before_confirm()] {
        let id = bench.register().await;
        let answer = bench.bring(&id, json!({ "pg_id": "pg1" })).await;
        assert_eq!(problem(&answer), Some(StateProblem::Status));
        assert_eq!(asked(&bench), 0);
    }
}

#[tokio::test]
async fn a_result_that_names_no_payment_is_not_understood() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    assert!(matches!(bench.bring(&id, json!({})).await, Err(GatewayError::BrowserResult(_))));
    assert_eq!(bench.read(&id).await.attempts[0].status, AttemptStatus::Open);
}

#[tokio::test]
async fn the_amount_that_was_registered_is_confirmed_in_whatever_way_it_is_written() {
    for amount in ["10000", "10000.0"] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let result = json!({ "pg_id": pg_id.as_str(), "amount": amount });
        let answer = bench.bring(&id, result).await;
        assert_eq!(answer.unwrap().payment.status, PaymentStatus::Paid, "{amount}");
    }
    for amount in ["", "1e4", "10000.5", "-10000"] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        let result = json!({ "pg_id": pg_id.as_str(), "amount": amount });
        assert!(matches!(bench.bring(&id, result).await, Err(GatewayError::Mismatch(_))), "{amount}");
    }
}

#[tokio::test]
async fn the_window_of_an_ended_attempt_brings_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let first = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    bench.open(&id).await;
    let result = json!({ "pg_id": pg_id.as_str(), "order_id": first });
    assert_eq!(problem(&bench.bring(&id, result).await), Some(StateProblem::AttemptEnded));
    let again = bench.bring(&id, json!({ "failure": "closed", "order_id": first })).await.unwrap();
    assert_eq!(again.attempts[1].status, AttemptStatus::Open, "nor does it close another");
    let declined = bench.bring(&id, json!({ "failure": "declined", "order_id": first })).await;
    assert!(matches!(declined, Err(GatewayError::Declined(_))));
    let kept = bench.read(&id).await.attempts[0].failure.clone();
    assert_eq!(kept, Some(Failure::of(FailureReason::BuyerClosed)), "it ended as it ended");
    assert_eq!(asked(&bench), 0);
}

#[tokio::test]
async fn a_tab_that_brings_something_while_another_has_the_payment_is_shown_it() {
    // The first attempt is thought over, and waits for a deposit or has paid after all.
    for end in [PgStatus::AwaitingDeposit, PgStatus::Paid] {
        let bench = Bench::on_confirm();
        let (id, first) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, no_answer);
        bench.confirm(&id, &first).await.unwrap();
        bench.pass(super::fake_pg::CONFIRMS_WITHIN).await;
        let order = bench.open(&id).await;
        let second = bench.pg.books(|books| books.agree(&order, PRICE));
        bench.pg.books(|books| match end {
            PgStatus::Paid => books.charge(&first, bench.clock.now()),
            end => books.change(&first, |snapshot| snapshot.status = end),
        });
        bench.verify(&id).await;
        let posts = bench.pg.calls(Op::Confirm).len();
        let result = json!({ "pg_id": second.as_str(), "order_id": order });
        let shown = bench.bring(&id, result).await.unwrap().payment.status;
        assert!(matches!(shown, PaymentStatus::AwaitingDeposit | PaymentStatus::Paid), "{shown:?}");
        assert_eq!(bench.pg.calls(Op::Confirm).len(), posts, "nothing is taken twice");
    }
}

#[tokio::test]
async fn a_payment_id_that_another_payment_only_claimed_is_nobodys_yet() {
    let bench = Bench::on_confirm();
    let (first, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, no_answer);
    bench.confirm(&first, &pg_id).await.unwrap();
    let second = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    bench.open(&second).await;
    // Claimed by the first, accepted by none: the PG says whose it is.
    let posts = bench.pg.calls(Op::Confirm).len();
    let _ = bench.confirm(&second, &pg_id).await;
    assert_eq!(bench.pg.calls(Op::Confirm).len(), posts + 1);
    assert_ne!(bench.status(&second).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn the_key_of_a_closed_window_is_written_with_what_it_closed() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.agreed().await;
    let key = RequestKey { key: "k1".to_owned(), digest: "d1".to_owned() };
    let result = json!({ "failure": "closed" });
    bench.gateway.confirm(&bench.merchant, &id, &result, Some(&key)).await.unwrap();
    let kept = bench.store.idempotency(&bench.merchant, "k1").await.unwrap().unwrap();
    assert_eq!((kept.payment, kept.cancel), (Some(id), None));
}

#[tokio::test]
async fn what_is_paid_is_shown_unasked_also_where_the_window_takes_the_money() {
    let (bench, id, order) = opened().await;
    let pg_id = pay(&bench, &order);
    bench.confirm(&id, &pg_id).await.unwrap();
    let before = asked(&bench);
    for result in [json!({ "pg_id": pg_id.as_str() }), json!({}), json!({ "failure": "closed" })] {
        assert_eq!(bench.bring(&id, result).await.unwrap().payment.status, PaymentStatus::Paid);
    }
    assert_eq!(asked(&bench), before);
    bench.bring(&id, json!({ "pg_id": "pg-unknown" })).await.unwrap();
    assert!(asked(&bench) > before, "another may have taken money too");
}

#[tokio::test]
async fn where_the_window_takes_the_money_only_an_open_window_is_read_as_confirming() {
    let (bench, id, _) = opened().await;
    bench.pass(PAYABLE_FOR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    let answer = bench.bring(&id, json!({ "pg_id": "pg1" })).await;
    assert_eq!(problem(&answer), Some(StateProblem::Status));
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
    assert!(bench.read(&id).await.attempts[0].confirm.is_none());

    let (bench, id, _) = opened().await;
    bench.bring(&id, json!({ "failure": "closed" })).await.unwrap();
    let record = bench.read(&id).await;
    assert!(record.attempts[0].confirm.is_none(), "nobody says that it was paid");
    assert_eq!(record.attempts[0].status, AttemptStatus::Open);
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_decline_there_is_shown_and_changes_no_status() {
    let (bench, id, _) = opened().await;
    let answer = bench.bring(&id, json!({ "failure": "declined" })).await;
    assert!(
        matches!(answer, Err(GatewayError::Declined(record)) if record.payment.status == PaymentStatus::Ready)
    );
    let shown = bench.read(&id).await.payment.last_failure();
    assert_eq!(shown, Some(FailureReason::IssuerDeclined));
}

#[tokio::test]
async fn where_the_window_takes_the_money_a_pg_that_cannot_be_asked_leaves_it_uncertain() {
    let faults: [fn() -> ProviderError; 2] = [
        || ProviderError::NotSent("no route".into()),
        || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")),
    ];
    for (fault, unavailable) in faults.into_iter().zip([true, false]) {
        let (bench, id, order) = opened().await;
        let pg_id = pay(&bench, &order);
        bench.pg.instead(Op::Confirm, fault);
        match bench.confirm(&id, &pg_id).await {
            Err(GatewayError::ProviderUnavailable { .. }) => assert!(unavailable),
            Err(GatewayError::ProviderMisconfigured(Some(pg))) => {
                assert!(!unavailable);
                assert_eq!(pg.code, "UNAUTHORIZED_KEY");
            }
            other => panic!("{other:?}"),
        }
        assert!(bench.pg.calls(Op::Verify).is_empty());
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
        bench.pass(Duration::from_secs(3)).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn where_the_window_takes_the_money_what_could_not_be_read_is_read_at_once_again() {
    let (bench, id, order) = opened().await;
    let pg_id = pay(&bench, &order);
    bench.pg.instead(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status, PaymentStatus::Confirming);
    bench.pass(Duration::ZERO).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_strangers_payment_does_not_hide_that_this_one_is_paid() {
    let (bench, id, order) = opened().await;
    pay(&bench, &order);
    bench.verify(&id).await;
    let strange = pay(&bench, "their-own-order");
    let record = bench.confirm(&id, &strange).await.unwrap();
    assert_eq!(record.payment.status, PaymentStatus::Paid);
    assert_eq!(bench.pg.books(|books| books.row(&strange).given_back), 0);
}

#[tokio::test]
async fn a_strangers_payment_does_not_hide_what_nobody_read_yet() {
    let (bench, id, order) = opened().await;
    let mine = pay(&bench, &order);
    let strange = pay(&bench, "their-own-order");
    let record = bench.confirm(&id, &strange).await.unwrap();
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Paid, Some(&mine)));
}

#[tokio::test]
async fn what_was_read_by_its_id_is_not_looked_up_as_well() {
    let (bench, id, order) = opened().await;
    let pg_id = pay(&bench, &order);
    bench.confirm(&id, &pg_id).await.unwrap();
    assert!(bench.pg.calls(Op::Verify).is_empty());
}

#[tokio::test]
async fn where_the_window_takes_the_money_an_ended_attempt_is_not_read_as_confirming() {
    let (bench, id, order) = opened().await;
    let wrong = bench.pg.books(|books| books.agree(&order, PRICE + 1));
    bench.confirm(&id, &wrong).await.unwrap_err();
    let record = bench.read(&id).await;
    assert_eq!(
        (record.payment.status, record.attempts[0].status),
        (PaymentStatus::Ready, AttemptStatus::Closed)
    );
    let sent_at = record.attempts[0].confirm.as_ref().map(|sent| sent.sent_at);
    bench.clock.advance(Duration::from_secs(9));
    let _ = bench.bring(&id, json!({ "pg_id": "pg9", "order_id": order })).await;
    let record = bench.read(&id).await;
    assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
    assert_eq!(record.attempts[0].confirm.as_ref().map(|sent| sent.sent_at), sent_at);
}

#[tokio::test]
async fn a_merchants_own_cancel_under_way_leaves_the_payment_shown_as_paid() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status, PaymentStatus::Paid);
}

#[tokio::test]
async fn what_goes_back_whole_is_not_answered_as_paid() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR).await;
    let pg_id = pay(&bench, &order);
    bench.pg.instead(Op::Cancel, no_answer);
    let answer = bench.confirm(&id, &pg_id).await;
    assert_eq!(problem(&answer), Some(StateProblem::Status), "while it is on its way back");
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Unknown);
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    bench.pass_slowly(Duration::from_secs(600), 10).await;
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Refused);
    let answer = bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(answer.payment.status, PaymentStatus::Paid, "the money stays where it is");
}

#[tokio::test]
async fn a_part_that_went_back_leaves_the_rest_paid() {
    let (bench, id, order) = opened().await;
    let pg_id = pay(&bench, &order);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let shown = bench.confirm(&id, &pg_id).await.unwrap().payment.status;
    assert_eq!(shown, PaymentStatus::PartiallyCancelled);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(problem(&bench.confirm(&id, &pg_id).await), Some(StateProblem::Status));
}

#[tokio::test]
async fn keys_that_were_wrong_are_answered_so_until_a_new_attempt() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")));
    for _ in 0..2 {
        let answer = bench.confirm(&id, &pg_id).await;
        assert!(matches!(answer, Err(GatewayError::ProviderMisconfigured(_))));
    }
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1);
}
