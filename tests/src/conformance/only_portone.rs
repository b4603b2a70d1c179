//! What only PortOne V1 has: tokens, lists by status, test channels, forms.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;
use paymux_core::{
    model::{Method, Mode, PgStatus, Snapshot},
    provider::{MovementKind, PaymentProvider, WebhookSubject},
};
use paymux_sandbox::{
    Fault, FaultRule, PayOutcome, PayRequest,
    portone::{DeletedAccount, WebhookFormat},
};
use serde_json::json;

use super::{
    PortOneBench,
    bench::{Bench, charge, failure_of},
    movements::listed,
    portone::A_TOKENS_LIFE,
    requests::{AMOUNT, FollowUp, by_id, by_order, close_of, krw, order, payment_request},
    toss::foreign_rows,
};

/// A thousand look-ups at once all find the payment.
async fn a_thousand_look_ups(bench: &PortOneBench, provider: &dyn PaymentProvider, paid: &Snapshot) {
    let subject = charge(paid);
    let found = join_all((0..1_000).map(|_| provider.verify(&subject))).await;
    for answer in found {
        assert_eq!(answer.unwrap().charges.len(), 1);
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

/// What PortOne answers to a login, and what that says of the call behind it: it never left.
pub async fn without_a_token_nothing_is_sent() {
    let bench = PortOneBench::start().await;
    let subject = charge(&bench.paid(&order(1)).await);
    for (fault, name) in [
        (Fault::ResetBefore, "not_sent"),
        (Fault::Garbled, "not_sent"),
        (Fault::ErrorBefore, "not_done"),
        (Fault::Unauthorized, "misconfigured"),
    ] {
        bench.fault(FaultRule::new("get_token", fault)).await;
        let (provider, before) = (bench.newcomer(), bench.count("get"));
        assert_eq!(provider.verify(&subject).await.unwrap_err().name(), name, "{fault:?}");
        assert_eq!(bench.count("get"), before, "{fault:?}");
        let found = provider.verify(&subject).await.unwrap();
        assert_eq!(found.charges.len(), 1, "the failure is not kept");
    }
}

pub async fn both_forms_of_the_authorization_are_taken() {
    for authorization in [paymux_portone::AuthorizationForm::Bearer, paymux_portone::AuthorizationForm::Bare]
    {
        let bench = PortOneBench::of(|_| (), |config| config.authorization = authorization).await;
        assert_eq!(bench.paid(&order(1)).await.paid, krw(AMOUNT));
    }
}

/// More rows of one second than fit a page, with declines between them.
pub async fn the_paid_of_one_second_are_listed_across_pages() {
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
    let found = listed(&bench, at(start - 10), at(start + 10)).await;
    assert!(found.rows.iter().all(|row| row.amount == Some(krw(AMOUNT)) && row.kind == MovementKind::In));
    let ids: HashSet<_> = found.rows.iter().map(|row| row.pg_payment_id.clone()).collect();
    assert_eq!(ids.len(), 1_005, "all pages, and nothing of a later minute");
    assert_eq!(
        found.pages, 4,
        "the first of the paid ends where a second begins that has two, one of the cancelled"
    );
    for (from, to, count) in [(start + 60, start + 60, 1), (start + 61, start + 99, 0), (start + 9, start, 0)]
    {
        assert_eq!(listed(&bench, at(from), at(to)).await.rows.len(), count, "{from}..={to}");
    }
    let from_its_second = listed(&bench, at(start), at(start + 10)).await;
    assert_eq!((from_its_second.rows.len(), from_its_second.pages), (1_005, 3), "none twice");
    // More than PortOne answers at once.
    let year = 365 * 24 * 60 * 60;
    let found = listed(&bench, at(start - year), at(start + 60)).await;
    let ids: HashSet<_> = found.rows.iter().map(|row| row.pg_payment_id.clone()).collect();
    assert_eq!(ids.len(), 1_006);
}

pub async fn live_account_does_not_see_payments_of_a_test_channel() {
    for (mode, test_channel, seen) in
        [(Mode::Test, true, true), (Mode::Live, true, false), (Mode::Live, false, true)]
    {
        let bench = PortOneBench::of(|pg| pg.test_channel = test_channel, |config| config.mode = mode).await;
        let claim = bench.visit(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
        let subject = by_id(&order(1), &claim.pg_payment_id.unwrap());
        let found = bench.provider().verify(&subject).await.unwrap().charges;
        assert_eq!(found.len(), usize::from(seen), "{mode:?} {test_channel}");
        let shown = if test_channel { Mode::Test } else { Mode::Live };
        for snapshot in found.into_iter().chain(bench.look_by_order(&order(1)).await) {
            assert_eq!(snapshot.mode, Some(shown), "the core compares it with the account's");
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
        assert_eq!(delivery.content_type(), content_type);
        let subject = WebhookSubject::Charge {
            pg_payment_id: Some(paid.pg_payment_id),
            order_id: Some(order(1).as_str().to_owned()),
        };
        assert_eq!(bench.provider().webhook(&delivery).unwrap().subject, subject);
    }
}

pub async fn window_for_another_amount_than_registered_does_not_open() {
    let bench = PortOneBench::start().await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    let tampered = PayRequest { amount: Some(100), ..window.clone() };
    assert!(failure_of(&bench.return_from(&tampered)).is_some());
    assert_eq!(bench.money(&order(1)), (0, 0));
    // If it opens all the same, the look-up shows what was really paid.
    let claim = bench.return_from(&PayRequest { bypass_prepare: true, ..tampered });
    let subject = by_id(&order(1), &claim.pg_payment_id.unwrap());
    let found = bench.provider().verify(&subject).await.unwrap().charges;
    assert_eq!((found[0].total, found[0].paid), (krw(100), krw(100)));
}

pub async fn changed_amount_is_registered_anew() {
    let bench = PortOneBench::start().await;
    let mut request = payment_request(&order(1), Method::Card);
    bench.provider().request(&request).await.unwrap();
    request.amount = krw(1_000);
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    let subject = by_id(&order(1), &claim.pg_payment_id.unwrap());
    assert_eq!(bench.provider().verify(&subject).await.unwrap().charges[0].paid, krw(1_000));
}

pub async fn second_window_of_a_paid_order_is_a_reason_to_look_it_up() {
    let bench = PortOneBench::start().await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    let paid = bench.paid(&order(1)).await;
    let claim = bench.return_from(&window);
    assert_eq!((&claim.pg_payment_id, failure_of(&claim)), (&None, None));
    let found = FollowUp::of(&order(1), &claim).unwrap().send(bench.provider()).await.unwrap();
    assert_eq!(found.snapshot.unwrap().pg_payment_id, paid.pg_payment_id);
}

pub async fn closed_account_is_closed_whatever_portone_calls_it() {
    for leaves in [DeletedAccount::Cancelled, DeletedAccount::Failed] {
        let bench = PortOneBench::of(|pg| pg.deleted_account = leaves, |_| ()).await;
        let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
        bench.provider().cancel(&close_of(&charge(&issued), 1)).await.unwrap();
        assert_eq!(bench.look(&issued).await.status, PgStatus::Closed, "{leaves:?}");
    }
}

/// A payment of the order that cannot be read hides no other, and without it nothing is known to be absent.
pub async fn unreadable_charge_of_the_order_makes_the_look_up_incomplete() {
    let bench = PortOneBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let unreadable = json!({ "merchant_uid": order(1).as_str(), "currency": "EUR" });
    bench.control().add_foreign_payment(&foreign_rows([unreadable])[0]).unwrap();
    let found = bench.provider().verify(&by_order(&order(1))).await.unwrap();
    assert_eq!((found.charges.len(), found.complete), (1, false));
    assert_eq!(found.charges[0].pg_payment_id, paid.pg_payment_id);
}

pub async fn claimed_foreign_payment_that_cannot_be_read_is_none_of_ours() {
    let bench = PortOneBench::start().await;
    let foreign = json!({ "merchant_uid": "of-another-system", "currency": "EUR" });
    let row = bench.control().add_foreign_payment(&foreign_rows([foreign])[0]).unwrap();
    let claimed = by_id(&order(1), &row["imp_uid"].as_str().unwrap().parse().unwrap());
    let found = bench.provider().verify(&claimed).await.unwrap();
    assert_eq!((&found.charges[..], found.complete), (&[][..], true));
}
