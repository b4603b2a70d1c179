//! The API: who may call, what a key of idempotency means, and which call it is.

use http::StatusCode;
use serde_json::Value;

use super::{
    account::do_what_is_due,
    auth,
    call::Call,
    cancel::cancel,
    config::KeyPair,
    confirm::confirm,
    create::create,
    errors::{self, INVALID_TEST_CODE, NOT_FOUND, Refusal},
    idempotency::{self, Admission},
    ids::{self, TRACE_HEADER},
    language::Language,
    lookup::{get, get_by_order},
    route::Route,
    state::Toss,
    transactions::transactions,
};
use crate::{Answer, ApiRequest, Execution, Outbox};

/// Authenticates, honours test code and idempotency key, executes.
pub(super) async fn answer(
    toss: &Toss,
    route: &Route,
    request: &ApiRequest,
    how: &Execution,
    outbox: &mut Outbox,
) -> Result<Answer, Refusal> {
    let language = Language::of(request);
    let received_ms = toss.clock.now_ms();
    let caller = auth::authenticate(&toss.config.keys, &toss.keys, request, received_ms)?;
    let pair = caller.pair;
    forced_error(pair, request)?;
    // Also when permissive: the key is the contract a gateway may rely on.
    let claim = idempotency::admit(&toss.in_flight, &toss.books, &caller, request, received_ms)?;
    if let Admission::Replay(answer) = claim {
        return Ok(answer);
    }
    how.work().await;
    // The PG may have worked past a deadline.
    do_what_is_due(toss, outbox);
    let call = Call { toss, pair, request, how, language };
    let answer = match execute(&call, route, outbox) {
        Ok(found) => Answer::json(StatusCode::OK, &found),
        Err(refusal) => refusal.answer(language),
    };
    let trace_id = ids::trace_id();
    let answer = match claim {
        Admission::First(claim) => claim.store(&toss.books, answer, &trace_id, received_ms),
        _ => answer,
    };
    Ok(answer.with_header(TRACE_HEADER, trace_id))
}

fn execute(call: &Call<'_>, route: &Route, outbox: &mut Outbox) -> Result<Value, Refusal> {
    match route {
        Route::Create => create(call),
        Route::Confirm => confirm(call, None, outbox),
        Route::LegacyConfirm(payment_key) => confirm(call, Some(payment_key), outbox),
        Route::Get(payment_key) => get(call, payment_key),
        Route::GetByOrder(order_id) => get_by_order(call, order_id),
        Route::Cancel(payment_key) => cancel(call, payment_key, outbox),
        Route::Transactions => transactions(call),
        Route::Checkout(_) => Err(NOT_FOUND.refuse()),
    }
}

/// `TossPayments-Test-Code`: answers that error, whatever the rest of the request. Live keys ignore it.
fn forced_error(pair: &KeyPair, request: &ApiRequest) -> Result<(), Refusal> {
    match request.header("tosspayments-test-code") {
        Some(code) if pair.is_test() => Err(errors::find(code).unwrap_or(&INVALID_TEST_CODE).refuse()),
        _ => Ok(()),
    }
}
