//! Payments as a PG may show them next year, or by mistake.

use paymux_core::{
    model::{Method, PgCancelStatus, Snapshot},
    provider::ProviderError,
};
use paymux_sandbox::{Fault, FaultRule, OrderAction};
use serde_json::{Value, json};

use super::{
    bench::{Bench, charge},
    faults::answered_with,
    requests::{AMOUNT, all_of, order, part_of},
};

/// A paid payment, and its object as the PG shows it.
async fn shown<B: Bench>(bench: &B) -> (Snapshot, Value) {
    let paid = bench.paid(&order(1)).await;
    let looked_up = bench.look(&paid).await;
    let payment = serde_json::from_str(looked_up.raw.expose()).unwrap();
    (looked_up, payment)
}

/// What is read when the PG shows `payment`.
async fn read<B: Bench>(bench: &B, known: &Snapshot, payment: Value) -> Result<Snapshot, ProviderError> {
    answered_with(bench, payment).await;
    let found = bench.provider().verify(&charge(known)).await?;
    let [snapshot] = <[Snapshot; 1]>::try_from(found.charges).unwrap();
    Ok(snapshot)
}

pub async fn fields_of_next_year_are_passed_over<B: Bench>() {
    let bench = B::start().await;
    let (known, mut payment) = shown(&bench).await;
    payment["aFieldOfNextYear"] = json!({ "deep": [1, 2.5, null, { "amount": 1 }] });
    let seen = read(&bench, &known, payment).await.unwrap();
    assert_eq!(seen, Snapshot { raw: seen.raw.clone(), ..known });
}

/// `None` means "not shown". What an answer leaves out makes it unreadable or is taken from the one before, and is
/// never taken for less. More on how it was paid is display text, and may be worded otherwise.
pub async fn field_that_is_left_out_is_never_less<B: Bench>() {
    let bench = B::start().await;
    let (known, payment) = shown(&bench).await;
    let mut read_all_the_same = 0;
    for name in payment.as_object().unwrap().keys() {
        let mut payment = payment.clone();
        payment.as_object_mut().unwrap().remove(name);
        match read(&bench, &known, payment).await {
            Ok(seen) => {
                read_all_the_same += 1;
                let after = seen.after(&known);
                let (raw, method_detail) = (known.raw.clone(), known.method_detail.clone());
                assert_eq!(Snapshot { raw, method_detail, ..after }, known, "without {name}");
            }
            Err(error) => assert_eq!(error.name(), "unanswered", "without {name}"),
        }
    }
    assert!(read_all_the_same > 10, "most fields only describe");
}

pub async fn status_of_next_year_is_no_answer<B: Bench>() {
    let bench = B::start().await;
    let (known, payment) = shown(&bench).await;
    for status in [json!("A_STATUS_OF_NEXT_YEAR"), json!(""), json!(null), json!(7), json!({})] {
        let mut payment = payment.clone();
        payment[B::STATUS_AND_METHOD.0] = status.clone();
        let unread = read(&bench, &known, payment).await.unwrap_err();
        assert_eq!(unread.name(), "unanswered", "{status}");
    }
}

pub async fn method_of_next_year_is_still_paid<B: Bench>() {
    let bench = B::start().await;
    let (known, mut payment) = shown(&bench).await;
    assert_eq!(known.method, Some(Method::Card));
    payment[B::STATUS_AND_METHOD.1] = json!("a_method_of_next_year");
    let seen = read(&bench, &known, payment).await.unwrap();
    assert_eq!((seen.method, seen.status, seen.paid), (None, known.status, known.paid));
    assert_eq!(seen.method_detail.pg_method.as_deref(), Some("a_method_of_next_year"));
}

pub async fn amounts_may_have_a_decimal_point<B: Bench>() {
    let bench = B::start().await;
    let (known, payment) = shown(&bench).await;
    let mut pointed = payment.clone();
    for name in B::AMOUNT_FIELDS {
        let amount = payment[name].as_u64().unwrap();
        pointed[name] = serde_json::from_str(&format!("{amount}.0")).unwrap();
    }
    let seen = read(&bench, &known, pointed).await.unwrap();
    assert_eq!((seen.total, seen.paid, seen.cancelled), (known.total, known.paid, known.cancelled));
}

pub async fn amounts_that_are_none_are_no_answer<B: Bench>() {
    let bench = B::start().await;
    let (known, payment) = shown(&bench).await;
    for name in B::AMOUNT_FIELDS {
        for amount in ["-1", "27500.5", "null", "\"\"", "{}", "99999999999999999999", "true"] {
            let mut payment = payment.clone();
            payment[name] = serde_json::from_str(amount).unwrap();
            let unread = read(&bench, &known, payment).await.map(|seen| (seen.total, seen.cancelled));
            assert_eq!(unread.unwrap_err().name(), "unanswered", "{name}: {amount}");
        }
    }
}

pub async fn another_payments_answer_is_no_answer<B: Bench>() {
    let bench = B::start().await;
    let (_, payment) = shown(&bench).await;
    let other = bench.paid(&order(2)).await;
    answered_with(&bench, payment.clone()).await;
    let unknown = bench.provider().verify(&charge(&other)).await.unwrap_err();
    assert_eq!(unknown.name(), "unanswered", "to a look-up");
    let rule = FaultRule::new(B::CALLS.cancel, Fault::ErrorAfter);
    let body = Some(B::answer_with(payment));
    bench.fault(FaultRule { status: Some(200), body, ..rule }).await;
    let unknown = bench.provider().cancel(&all_of(&charge(&other), 1, AMOUNT)).await.unwrap_err();
    assert_eq!(unknown.name(), "unanswered", "to a cancel: it does not show ours");
    assert_eq!(bench.look(&other).await.cancelled.amount(), AMOUNT);
}

pub async fn cancel_that_the_answer_does_not_show_is_not_done<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.control().cancel(&OrderAction::part_of(order(1).as_str(), 1_000)).unwrap();
    let before: Value = serde_json::from_str(bench.look(&paid).await.raw.expose()).unwrap();
    let rule = FaultRule::new(B::CALLS.cancel, Fault::ErrorAfter);
    let body = Some(B::answer_with(before));
    bench.fault(FaultRule { status: Some(200), body, ..rule }).await;
    // The same amount as another's, so that only our id distinguishes them.
    let request = part_of(&charge(&paid), 1, 1_000, AMOUNT - 1_000);
    match bench.provider().cancel(&request).await {
        Ok(outcome) => assert_eq!(outcome.status, PgCancelStatus::Pending, "not there yet"),
        Err(error) => assert_eq!(error.name(), "unanswered"),
    }
    let listed = bench.look(&paid).await.cancels.unwrap();
    assert_eq!(listed[1].id, Some(request.id), "the look-up finds it");
}
