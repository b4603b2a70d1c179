//! What only a person can settle: invariant 6.

use std::time::Duration;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, account, new_cancel},
    fake_books::{Op, pg_message},
};
use crate::{
    AttemptStatus, CancelStatus, Case, CaseClosing, CaseKind, CaseOutcome, CaseSubject, CaseVerdict, Clock,
    EventKind, Failure, FailureReason, GatewayError, LatePayments, Money, MoneyMoves, PaymentId,
    PaymentStatus, ProviderError, StateProblem,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn verdict(outcome: CaseOutcome) -> CaseVerdict {
    CaseVerdict { by: "jiwoo".to_owned(), outcome, reason: "seen in the PG's console".to_owned() }
}

/// The PG is asked and never tells anything.
fn never_tells(bench: &Bench, op: Op) {
    (0..2_000).for_each(|_| bench.pg.instead(op, || ProviderError::no_answer("the PG is gone")));
}

/// A payment whose confirm nobody has answered for eight days.
async fn unknown_confirm(bench: &Bench) -> PaymentId {
    let (id, pg_id) = bench.agreed().await;
    never_tells(bench, Op::Confirm);
    never_tells(bench, Op::Verify);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass_slowly(8 * DAY, 16).await;
    id
}

/// A payment one of whose cancels nobody has answered for eight days.
async fn unknown_cancel(bench: &Bench, amount: Option<u64>) -> PaymentId {
    let (id, _) = bench.paid().await;
    never_tells(bench, Op::Cancel);
    never_tells(bench, Op::Verify);
    bench.cancel(&id, amount).await.unwrap();
    bench.pass_slowly(8 * DAY, 16).await;
    id
}

async fn the_case(bench: &Bench, id: &PaymentId) -> Case {
    let [case] = bench.read(id).await.payment.cases.try_into().unwrap();
    case
}

fn decided(case: &Case) -> Option<(&str, CaseOutcome, &str)> {
    match case.closing.as_ref()? {
        CaseClosing::Decided { by, outcome, reason, .. } => Some((by, *outcome, reason)),
        CaseClosing::Settled { .. } => None,
    }
}

#[tokio::test]
async fn what_is_unknown_for_a_week_becomes_a_case_and_stays_what_it_is() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    never_tells(&bench, Op::Confirm);
    never_tells(&bench, Op::Verify);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass_slowly(6 * DAY, 12).await;
    assert!(bench.read(&id).await.payment.cases.is_empty(), "not yet");
    bench.pass_slowly(2 * DAY, 8).await;
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Confirming, "unknown is not failed");
    assert!(record.payment.watch.is_some(), "the PG is asked on");
    let case = the_case(&bench, &id).await;
    assert_eq!((case.kind, &case.about), (CaseKind::UnknownConfirm, &CaseSubject::Confirm(1)));
    assert!(case.is_open());
    assert_eq!(bench.count(EventKind::CaseOpened).await, 1);
}

#[tokio::test]
async fn a_case_the_pg_settles_after_all_needs_nobody() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    bench.pg.forget_faults();
    bench.pass_slowly(2 * DAY, 4).await;
    // The window for confirming is long over and nothing was taken.
    assert!(matches!(the_case(&bench, &id).await.closing, Some(CaseClosing::Settled { .. })));
    assert_eq!(bench.count(EventKind::CaseClosed).await, 1);
    let late = bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await;
    assert!(matches!(late, Err(GatewayError::InvalidState { problem: StateProblem::CaseClosed, .. })));
}

#[tokio::test]
async fn the_pg_is_asked_before_an_operator_is_believed() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    bench.pg.forget_faults();
    let pg_id = bench.read(&id).await.attempts[0].pg_id.clone().unwrap();
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    let wrong = bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::NotDone)).await;
    assert!(matches!(wrong, Err(GatewayError::InvalidState { problem: StateProblem::CaseClosed, .. })));
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn an_operator_who_saw_no_money_taken_ends_the_payment() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::NotDone)).await.unwrap();
    let record = bench.read(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Failed);
    assert_eq!(record.attempts[0].status, AttemptStatus::Closed);
    assert_eq!(record.payment.amount_paid, Money::krw(0));
    let case = the_case(&bench, &id).await;
    assert_eq!(decided(&case), Some(("jiwoo", CaseOutcome::NotDone, "seen in the PG's console")));
    assert_eq!(bench.count(EventKind::CaseClosed).await, 1);
}

#[tokio::test]
async fn an_operator_who_saw_the_money_taken_makes_the_payment_paid() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await.unwrap();
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.payment.amount_paid), (PaymentStatus::Paid, Money::krw(PRICE)));
    assert_eq!(record.accepted(), record.attempts[0].pg_id.as_ref());
    assert_eq!(bench.count(EventKind::Status(PaymentStatus::Paid)).await, 1);
    assert!(bench.gateway.check_ledger(None, 10).await.unwrap().differences.is_empty());
}

#[tokio::test]
async fn what_the_pg_says_later_is_believed_over_an_operator() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::NotDone)).await.unwrap();
    bench.pg.forget_faults();
    let pg_id = bench.read(&id).await.attempts[0].pg_id.clone().unwrap();
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    let record = bench.verify(&id).await;
    assert_eq!((record.payment.status, record.payment.late), (PaymentStatus::Paid, true));
}

#[tokio::test]
async fn a_cancel_unknown_for_a_week_is_decided_by_an_operator() {
    for (outcome, amount, status, left) in [
        (CaseOutcome::NotDone, None, PaymentStatus::Paid, PRICE),
        (CaseOutcome::Done, None, PaymentStatus::Cancelled, 0),
        (CaseOutcome::Done, Some(3_000), PaymentStatus::PartiallyCancelled, PRICE - 3_000),
    ] {
        let bench = Bench::on_confirm();
        let id = unknown_cancel(&bench, amount).await;
        assert_eq!(the_case(&bench, &id).await.kind, CaseKind::UnknownCancel);
        let record = bench.gateway.close_case(&id, 1, &verdict(outcome)).await.unwrap();
        assert_eq!(record.payment.status, status, "{outcome:?}");
        assert_eq!(record.cancellable(), Money::krw(left), "{outcome:?}");
        assert_eq!(record.unsettled_cancel(), None);
        assert!(bench.gateway.check_ledger(None, 10).await.unwrap().differences.is_empty());
    }
}

#[tokio::test]
async fn money_that_must_go_back_and_is_refused_is_a_case_at_once() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.instead(Op::Cancel, || {
        ProviderError::Declined(Failure::by_pg(FailureReason::NotCancellable, pg_message("NO_ACCOUNT")))
    });
    bench.verify(&id).await;
    assert_eq!(the_case(&bench, &id).await.kind, CaseKind::RefusedCompensation);
    // The merchant cancels it through the API, with what the PG wanted to know.
    bench.cancel(&id, None).await.unwrap();
    let case = the_case(&bench, &id).await;
    assert!(matches!(case.closing, Some(CaseClosing::Settled { .. })), "{case:?}");
}

#[tokio::test]
async fn a_refund_that_could_not_be_paid_out_is_a_case_until_another_is() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.slow_refunds = true);
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| books.fail_refund(&pg_id));
    let record = bench.verify(&id).await;
    assert_eq!(record.payment.status, PaymentStatus::Paid, "the money is with the merchant again");
    assert!(record.cancels[0].is_failed_refund(), "{:?}", record.cancels[0]);
    assert_eq!(the_case(&bench, &id).await.kind, CaseKind::FailedRefund);
    assert_eq!(record.cancellable(), Money::krw(PRICE), "it may be cancelled again, to another account");

    bench.cancel(&id, None).await.unwrap();
    bench.pg.books(|books| {
        // The PG has one word for all refunds of a payment.
        books.complete_refunds(&pg_id);
    });
    let record = bench.verify(&id).await;
    let statuses: Vec<_> = record.cancels.iter().map(|cancel| cancel.status).collect();
    assert_eq!(statuses, [CancelStatus::Refused, CancelStatus::Done]);
    assert_eq!(record.payment.status, PaymentStatus::Cancelled);
    assert!(!the_case(&bench, &id).await.is_open());
}

#[tokio::test]
async fn what_we_cannot_send_back_for_a_week_is_a_case_however_often_it_was_tried() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    (0..1_000).for_each(|_| {
        bench.pg.instead(Op::Cancel, || ProviderError::Misconfigured(pg_message("NOT_ENOUGH_BALANCE")));
    });
    bench.verify(&id).await;
    bench.pass_slowly(8 * DAY, 32).await;
    let case = the_case(&bench, &id).await;
    assert_eq!((case.kind, case.is_open()), (CaseKind::UnknownCancel, true));
}

#[tokio::test]
async fn one_refund_makes_good_one_that_failed_and_not_two() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.slow_refunds = true);
    let (id, pg_id) = bench.paid().await;
    for _ in 0..2 {
        bench.cancel(&id, Some(3_000)).await.unwrap();
        bench.pg.books(|books| books.fail_refund(&pg_id));
        bench.verify(&id).await;
    }
    let open = async || {
        let cases = bench.read(&id).await.payment.cases;
        cases.iter().map(Case::is_open).collect::<Vec<_>>()
    };
    for expected in [[false, true], [false, false]] {
        let before = open().await;
        bench.cancel(&id, Some(3_000)).await.unwrap();
        assert_eq!(open().await, before, "a promise makes nothing good");
        bench.pg.books(|books| books.complete_refunds(&pg_id));
        bench.verify(&id).await;
        assert_eq!(open().await, expected);
    }
}

#[tokio::test]
async fn what_an_operator_gave_back_by_hand_is_not_given_back_again() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    bench.verify(&id).await;
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await.unwrap();
    // Somebody cancels a part in the console later: another balance than the refused one's.
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 1_000));
    bench.verify(&id).await;
    bench.pass_slowly(2 * DAY, 8).await;
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 0);
}

#[tokio::test]
async fn money_without_a_name_cannot_be_decided_to_be_here() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    bench.open(&id).await;
    never_tells(&bench, Op::Confirm);
    never_tells(&bench, Op::Verify);
    bench.bring(&id, serde_json::json!({})).await.unwrap();
    bench.pass_slowly(8 * DAY, 16).await;
    assert_eq!(the_case(&bench, &id).await.kind, CaseKind::UnknownConfirm);
    let done = bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await;
    assert!(matches!(done, Err(GatewayError::Invalid { param: "outcome", .. })), "{done:?}");
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::NotDone)).await.unwrap();
}

#[tokio::test]
async fn what_the_pg_counts_already_is_not_counted_again() {
    let bench = Bench::on_confirm();
    let id = unknown_cancel(&bench, Some(3_000)).await;
    bench.pg.forget_faults();
    let pg_id = bench.read(&id).await.accepted().cloned().unwrap();
    // The PG did it and has lost our name for it; a repeat of the request is refused.
    bench.pg.books(|books| books.cancel_in_console(&pg_id, 3_000));
    (0..1_000).for_each(|_| bench.pg.instead(Op::Cancel, || ProviderError::no_answer("lost")));
    let record = bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await.unwrap();
    assert_eq!(record.payment.amount_cancelled, Money::krw(3_000));
    assert_eq!(record.payment.status, PaymentStatus::PartiallyCancelled);
}

#[tokio::test]
async fn what_an_operator_decided_stays_decided() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack);
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pass(PAYABLE_FOR + Duration::from_secs(10)).await;
    bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.instead(Op::Cancel, || ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
    bench.verify(&id).await;
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::Done)).await.unwrap();
    bench.verify(&id).await;
    assert!(!the_case(&bench, &id).await.is_open(), "and it is still the only one");
}

#[tokio::test]
async fn operators_see_every_merchants_cases() {
    let bench = Bench::on_confirm();
    assert!(bench.gateway.cases(true, None, 10).await.unwrap().is_empty());
    let id = unknown_confirm(&bench).await;
    let open = bench.gateway.cases(true, None, 10).await.unwrap();
    assert_eq!(open.iter().map(|record| &record.payment.id).collect::<Vec<_>>(), [&id]);
    bench.gateway.close_case(&id, 1, &verdict(CaseOutcome::NotDone)).await.unwrap();
    assert!(bench.gateway.cases(true, None, 10).await.unwrap().is_empty());
    assert_eq!(bench.gateway.cases(false, None, 10).await.unwrap().len(), 1);
    assert!(bench.gateway.cases(false, Some(&id), 10).await.unwrap().is_empty(), "the next page");
}

#[tokio::test]
async fn a_verdict_says_who_and_why() {
    let bench = Bench::on_confirm();
    let id = unknown_confirm(&bench).await;
    let good = verdict(CaseOutcome::Done);
    for (bad, param) in [
        (CaseVerdict { by: " ".to_owned(), ..good.clone() }, "by"),
        (CaseVerdict { by: "x".repeat(101), ..good.clone() }, "by"),
        (CaseVerdict { reason: String::new(), ..good.clone() }, "reason"),
        (CaseVerdict { reason: "a\nb".to_owned(), ..good.clone() }, "reason"),
        (CaseVerdict { reason: "가".repeat(501), ..good.clone() }, "reason"),
    ] {
        match bench.gateway.close_case(&id, 1, &bad).await {
            Err(GatewayError::Invalid { param: named, .. }) => assert_eq!(named, param),
            other => panic!("{other:?}"),
        }
    }
    let missing = bench.gateway.close_case(&id, 2, &good).await;
    assert!(matches!(missing, Err(GatewayError::NotFound)), "{missing:?}");
    assert!(the_case(&bench, &id).await.is_open());
}

#[tokio::test]
async fn an_open_case_does_not_stop_the_merchants_other_business() {
    let bench = Bench::on_confirm();
    unknown_cancel(&bench, Some(1_000)).await;
    bench.pg.forget_faults();
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let pg_id = bench.pg.books(|books| books.agree(&order, PRICE));
    assert_eq!(bench.confirm(&other, &pg_id).await.unwrap().payment.status, PaymentStatus::Paid);
    bench.gateway.cancel(&bench.merchant, &other, &new_cancel(None), None).await.unwrap();
    bench.gateway.resolve_due(&account()).await.unwrap();
}
