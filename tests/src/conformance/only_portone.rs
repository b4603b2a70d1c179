//! What only PortOne V1 has: tokens, lists of paid payments, test channels, forms.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_core::{Method, Mode, PaymentProvider, Snapshot, WebhookSubject};
use jiff::Timestamp;
use sandbox::{Fault, FaultRule, PayOutcome, PayRequest, portone::WebhookFormat};

use super::{
    PortOneBench,
    bench::{AMOUNT, Bench, by_id, by_order, krw, order, payment_request},
    portone::A_TOKENS_LIFE,
};

/// A thousand look-ups at once all find the payment.
async fn a_thousand_look_ups(bench: &PortOneBench, provider: &dyn PaymentProvider, paid: &Snapshot) {
    let subject = by_id(&order(1), &paid.pg_id);
    let found = join_all((0..1_000).map(|_| provider.verify(&subject))).await;
    for answer in found {
        assert_eq!(answer.unwrap().len(), 1);
    }
    assert!(bench.count("get") >= 1_000);
}

pub async fn a_thousand_look_ups_on_a_cold_cache_fetch_one_token() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let fetched = bench.tokens_fetched();
    a_thousand_look_ups(&bench, bench.newcomer().as_ref(), &paid).await;
    assert_eq!(bench.tokens_fetched(), fetched + 1);
}

pub async fn a_thousand_look_ups_after_the_tokens_life_fetch_one_token() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let fetched = bench.tokens_fetched();
    bench.advance(A_TOKENS_LIFE);
    // The provider measures a token's life on the runtime's clock.
    tokio::time::pause();
    tokio::time::advance(A_TOKENS_LIFE).await;
    tokio::time::resume();
    a_thousand_look_ups(&bench, bench.provider(), &paid).await;
    assert_eq!(bench.tokens_fetched(), fetched + 1);
    assert!(bench.control().calls().iter().all(|call| call.answer_status != Some(401)), "nobody was refused");
}

pub async fn a_thousand_refused_at_once_fetch_one_token() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let fetched = bench.tokens_fetched();
    // Only PortOne's clock moves: what the provider holds looks good and is not.
    bench.advance(A_TOKENS_LIFE);
    a_thousand_look_ups(&bench, bench.provider(), &paid).await;
    assert_eq!(bench.tokens_fetched(), fetched + 1);
    let refused = bench.control().calls().iter().filter(|call| call.answer_status == Some(401)).count();
    assert!(refused >= 1, "somebody was refused");
}

pub async fn no_token_is_not_sent_and_refused_keys_are_an_operators_business() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let subject = by_id(&order(1), &paid.pg_id);
    for (fault, name) in [
        (Fault::ResetBefore, "not_sent"),
        (Fault::ErrorBefore, "not_sent"),
        (Fault::Garbled, "not_sent"),
        (Fault::Unauthorized, "misconfigured"),
    ] {
        bench.fault(FaultRule::new("get_token", fault)).await;
        let provider = bench.newcomer();
        assert_eq!(provider.verify(&subject).await.unwrap_err().name(), name, "{fault:?}");
        assert_eq!(provider.verify(&subject).await.unwrap().len(), 1, "the failure is not kept");
    }
}

pub async fn both_forms_of_the_authorization_are_taken() {
    for authorization in
        [provider_portone::AuthorizationForm::Bearer, provider_portone::AuthorizationForm::Bare]
    {
        let bench = PortOneBench::of(|_| (), |config| config.authorization = authorization).await;
        assert_eq!(bench.paid(&order(1)).await.paid, krw(AMOUNT));
    }
}

pub async fn the_paid_are_listed_across_pages() {
    let bench = PortOneBench::start().await;
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let start = bench.now().as_second();
    let paid = 1_005;
    for n in 0..paid {
        let outcome = if n % 100 == 0 { PayOutcome::Decline } else { PayOutcome::Approve };
        bench.control().pay(&PayRequest::new(order(n).as_str(), outcome, AMOUNT)).unwrap();
        if outcome == PayOutcome::Decline {
            bench.control().pay(&PayRequest::new(order(n).as_str(), PayOutcome::Approve, AMOUNT)).unwrap();
        }
    }
    bench.advance(Duration::from_secs(60));
    bench.paid(&order(9_999)).await;
    let list = bench.provider().paid_list().unwrap();
    let found = list.paid_between(at(start - 10), at(start + 10)).await.unwrap();
    assert_eq!(found.len(), 1_005, "all pages, and nothing of a later minute");
    assert!(found.iter().all(|snapshot| snapshot.paid == krw(AMOUNT)));
    let mut ids: Vec<_> = found.iter().map(|snapshot| snapshot.pg_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_005, "none twice");
    assert_eq!(bench.count("list"), 2);
    for (from, to, count) in [(start + 60, start + 60, 1), (start + 61, start + 99, 0), (start + 9, start, 0)]
    {
        assert_eq!(list.paid_between(at(from), at(to)).await.unwrap().len(), count, "{from}..={to}");
    }
    // More than PortOne answers at once.
    let year = 365 * 24 * 60 * 60;
    assert_eq!(list.paid_between(at(start - year), at(start + 60)).await.unwrap().len(), 1_006);
}

pub async fn a_failed_page_is_no_list() {
    let bench = PortOneBench::start().await;
    bench.paid(&order(1)).await;
    let (from, to) = (bench.now(), bench.now());
    for fault in [Fault::ErrorBefore, Fault::ResetBefore, Fault::Garbled] {
        bench.fault(FaultRule::new("list", fault)).await;
        let list = bench.provider().paid_list().unwrap();
        assert_eq!(list.paid_between(from, to).await.unwrap_err().name(), "outcome_unknown", "{fault:?}");
    }
}

pub async fn a_live_account_does_not_see_payments_of_a_test_channel() {
    for (mode, test_channel, seen) in
        [(Mode::Test, true, true), (Mode::Live, true, false), (Mode::Live, false, true)]
    {
        let bench = PortOneBench::of(|pg| pg.test_channel = test_channel, |config| config.mode = mode).await;
        let claim = bench.visit(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
        let found = bench.provider().verify(&by_id(&order(1), &claim.pg_id.unwrap())).await.unwrap();
        assert_eq!(found.len(), usize::from(seen), "{mode:?} {test_channel}");
        let told = if test_channel { Mode::Test } else { Mode::Live };
        for snapshot in found.into_iter().chain(bench.provider().verify(&by_order(&order(1))).await.unwrap())
        {
            assert_eq!(snapshot.mode, Some(told), "the gateway compares it with the account's");
        }
    }
}

pub async fn webhooks_come_as_json_or_as_a_form() {
    for (format, content_type) in [
        (WebhookFormat::Json, "application/json"),
        (WebhookFormat::Form, "application/x-www-form-urlencoded"),
    ] {
        let bench = PortOneBench::of(|pg| pg.webhook_format = format, |_| ()).await;
        let mut inbox = bench.inbox().await;
        let paid = bench.paid(&order(1)).await;
        let delivery = inbox.next().await;
        assert_eq!(delivery.content_type, content_type);
        let subject =
            WebhookSubject::Payment { pg_id: paid.pg_id, pg_order_id: Some(order(1).as_str().to_owned()) };
        assert_eq!(bench.provider().webhook(&delivery).unwrap().subject, subject);
    }
}

pub async fn a_window_for_another_amount_than_registered_does_not_open() {
    let bench = PortOneBench::start().await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    let tampered = PayRequest { amount: Some(100), ..window.clone() };
    assert!(bench.return_from(&tampered).failure.is_some());
    assert_eq!(bench.money(&order(1)), (0, 0));
    // If it opens all the same, what was really paid is told.
    let claim = bench.return_from(&PayRequest { bypass_prepare: true, ..tampered });
    let found = bench.provider().verify(&by_id(&order(1), &claim.pg_id.unwrap())).await.unwrap();
    assert_eq!((found[0].total, found[0].paid), (krw(100), krw(100)));
}

pub async fn a_changed_amount_is_registered_anew() {
    let bench = PortOneBench::start().await;
    let mut request = payment_request(&order(1), Method::Card);
    bench.provider().request(&request).await.unwrap();
    request.amount = krw(1_000);
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    let found = bench.provider().verify(&by_id(&order(1), &claim.pg_id.unwrap())).await.unwrap();
    assert_eq!(found[0].paid, krw(1_000));
}

pub async fn a_second_window_of_a_paid_order_is_a_reason_to_look_it_up() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let claim = bench.visit(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    assert_eq!((claim.pg_id, claim.failure), (None, None));
    let confirmed = bench.provider().confirm(&super::bench::confirm_request(&order(1), None)).await.unwrap();
    assert_eq!(confirmed.pg_id, paid.pg_id);
}

pub async fn a_closed_account_is_closed_whatever_portone_calls_it() {
    for leaves in [sandbox::portone::DeletedAccount::Cancelled, sandbox::portone::DeletedAccount::Failed] {
        let bench = PortOneBench::of(|pg| pg.deleted_account = leaves, |_| ()).await;
        let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
        bench.provider().cancel(&super::bench::close_of(&issued.pg_id, 1)).await.unwrap();
        assert_eq!(bench.look(&issued).await.status, gateway_core::PgStatus::Cancelled, "{leaves:?}");
    }
}
