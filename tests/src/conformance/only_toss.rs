//! What only Toss Payments has: versions of its API, two kinds of keys, deposits that turn out bad, refunds under way.

use std::time::Duration;

use gateway_core::{
    BrowserStep, CancelStatus, FailureReason, Method, MethodDetail, PaymentRequest, PgStatus, ProviderError,
    Secret, Snapshot,
};
use sandbox::{
    Fault, FaultRule, OrderAction, PayOutcome, PayRequest,
    toss::{ApiVersion, KeyPair, TossConfig as SimulatorConfig},
};
use serde_json::{Value, json};

use super::{
    TossBench,
    bench::{
        AMOUNT, Bench, all_of, by_id, by_order, confirm_request, krw, order, part_of, payment_request, to,
        to_account,
    },
    faults::answered_with,
    refunding::A_REFUND,
    toss::{per_api, widget},
};

/// What must be the same in every version: all but names of institutions, and the answer itself.
fn essence(snapshot: Snapshot) -> Snapshot {
    let Snapshot { mut virtual_account, mut cancels, .. } = snapshot.clone();
    if let Some(account) = &mut virtual_account {
        account.bank_code = None;
        account.account_number.clear();
    }
    for cancel in &mut cancels {
        assert!(cancel.pg_cancel_id.take().is_some());
    }
    let method_detail = MethodDetail {
        installment_months: snapshot.method_detail.installment_months,
        pg_method: snapshot.method_detail.pg_method.clone(),
        ..MethodDetail::default()
    };
    let deposit_secret = snapshot.deposit_secret.is_some().then(|| Secret::new("some"));
    let pg_id = "the-same".parse().unwrap();
    Snapshot {
        pg_id,
        virtual_account,
        cancels,
        method_detail,
        deposit_secret,
        raw: Secret::new(""),
        receipt_url: None,
        ..snapshot
    }
}

/// The snapshots of a day at Toss.
async fn a_day(bench: &TossBench) -> Vec<Snapshot> {
    let mut seen = Vec::new();
    for (n, method) in (1..).zip(Method::ALL) {
        let confirmed = bench.confirmed(&order(n), method).await;
        seen.push(bench.look(&confirmed).await);
        if method == Method::VirtualAccount {
            bench.control().deposit(&OrderAction::all_of(order(n).as_str())).unwrap();
            seen.push(bench.look(&confirmed).await);
        }
        for (nth, part, left) in [(n * 10, 7_500, AMOUNT), (n * 10 + 1, 20_000, 20_000)] {
            let request = part_of(&confirmed.pg_id, nth, part, left);
            let request = if method == Method::VirtualAccount { to_account(request) } else { request };
            seen.extend(bench.provider().cancel(&request).await.unwrap().snapshot);
            bench.advance(A_REFUND);
        }
        seen.push(bench.look(&confirmed).await);
        seen.push(confirmed);
    }
    let closed = bench.confirmed(&order(50), Method::VirtualAccount).await;
    bench.provider().cancel(&super::bench::close_of(&closed.pg_id, 500)).await.unwrap();
    seen.push(bench.look(&closed).await);
    bench.authenticated(&order(51), Method::Card).await;
    seen.extend(bench.provider().verify(&by_order(&order(51))).await.unwrap());
    seen.into_iter().map(essence).collect()
}

pub async fn every_version_reads_to_the_same_snapshots() {
    let expected = a_day(&TossBench::at(ApiVersion::default()).await).await;
    for version in ApiVersion::ALL {
        let seen = a_day(&TossBench::at(version).await).await;
        assert_eq!(seen.len(), expected.len());
        for (seen, expected) in seen.iter().zip(&expected) {
            assert_eq!(seen, expected, "{version:?}");
        }
    }
}

pub async fn english_answers_read_to_the_same_snapshots() {
    let bench = TossBench::start().await;
    for (n, method) in (1..).zip(Method::ALL) {
        let korean = bench.confirmed(&order(n), method).await;
        let korean = bench.look(&korean).await;
        answered_with(&bench, bench.in_english(&korean.pg_id).await).await;
        let english = bench.look(&korean).await;
        assert_ne!(english.method_detail.pg_method, korean.method_detail.pg_method, "it was English");
        let told = MethodDetail {
            pg_method: korean.method_detail.pg_method.clone(),
            easy_pay_provider: korean.method_detail.easy_pay_provider.clone(),
            ..english.method_detail.clone()
        };
        assert_eq!(
            Snapshot { raw: korean.raw.clone(), method_detail: told, ..english },
            korean,
            "{method:?}"
        );
    }
}

pub async fn the_widget_opens_with_its_own_keys() {
    let bench = TossBench::with_widget().await;
    for (n, method) in (1..).zip(Method::ALL) {
        let snapshot = bench.confirmed(&order(n), method).await;
        assert_eq!((snapshot.method, snapshot.total), (Some(method), krw(AMOUNT)), "the buyer chooses");
    }
    let declined = bench.visit(&payment_request(&order(90), Method::Card), PayOutcome::Close).await;
    assert_eq!(declined.failure.unwrap().reason, FailureReason::BuyerClosed);
}

pub async fn another_key_pairs_payments_are_not_seen() {
    let keys = vec![per_api(ApiVersion::default()), widget()];
    let bench = TossBench::of(SimulatorConfig { keys, ..SimulatorConfig::default() }, |_| ()).await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    let claim = bench.return_from(&PayRequest { client_key: Some(widget().client_key), ..window });
    let pg_id = claim.pg_id.unwrap();
    for subject in [by_id(&order(1), &pg_id), by_order(&order(1))] {
        assert_eq!(bench.provider().verify(&subject).await.unwrap(), []);
    }
    assert!(bench.provider().confirm(&confirm_request(&order(1), Some(pg_id))).await.is_err());
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn keys_toss_does_not_know_are_an_operators_business() {
    let bench = TossBench::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    let url = bench.simulator().base_url();
    let adjust = |config: &mut provider_toss::TossConfig| config.base_url = url;
    let keys = vec![KeyPair::new("test_ck_public", "test_sk_rotated")];
    let rotated = TossBench::of(SimulatorConfig { keys, ..SimulatorConfig::default() }, adjust).await;
    assert_eq!(rotated.provider().confirm(&request).await.unwrap_err().name(), "misconfigured");
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn a_checkout_made_by_the_server_is_paid_like_any_other() {
    let bench = TossBench::with_checkout().await;
    for (n, method) in
        (1..).zip([Method::Card, Method::Transfer, Method::MobilePhone, Method::VirtualAccount])
    {
        let request = payment_request(&order(n), method);
        let first = bench.provider().request(&request).await.unwrap();
        assert_eq!(bench.provider().request(&request).await.unwrap(), first, "the key makes one checkout");
        let BrowserStep::Redirect { url } = &first.step else { panic!("{first:?}") };
        assert!(reqwest::get(url).await.unwrap().status().is_success());
        let confirmed = bench.confirmed(&order(n), method).await;
        assert_eq!((confirmed.method, Some(&confirmed.pg_id)), (Some(method), first.pg_id.as_ref()));
    }
}

pub async fn a_checkout_that_cannot_be_made_says_why() {
    let bench = TossBench::with_checkout().await;
    let request = payment_request(&order(1), Method::Card);
    for (fault, status, name) in [
        (Fault::Unauthorized, None, "misconfigured"),
        (Fault::ErrorBefore, Some(500), "outcome_unknown"),
        (Fault::ErrorBefore, Some(429), "not_processed"),
        (Fault::ResetBefore, None, "outcome_unknown"),
    ] {
        let body = (status == Some(429)).then(|| "slow down".into());
        bench.fault(FaultRule { status, body, ..FaultRule::new("create", fault) }).await;
        assert_eq!(bench.provider().request(&request).await.unwrap_err().name(), name, "{fault:?}");
    }
    let bad = PaymentRequest { return_url: "nowhere".to_owned(), ..payment_request(&order(2), Method::Card) };
    assert_eq!(bench.provider().request(&bad).await.unwrap_err().name(), "invalid");
}

pub async fn a_bad_deposit_takes_the_money_away_again() {
    for version in ApiVersion::ALL {
        let bench = TossBench::at(version).await;
        let issued = bench.deposited(&order(1)).await;
        assert_eq!(bench.look(&issued).await.paid, krw(AMOUNT));
        bench.control().reverse(&OrderAction::all_of(order(1).as_str())).unwrap();
        let reversed = bench.look(&issued).await;
        assert_eq!(
            (reversed.paid, reversed.cancelled, reversed.paid_at),
            (krw(0), krw(0), None),
            "{version:?}"
        );
        assert_eq!(reversed.cancels, [], "nobody cancelled anything");
        if version <= ApiVersion::V1_4 {
            assert_eq!(reversed.status, PgStatus::Cancelled, "{version:?}");
            // Whether the approval's time goes, too, is not documented.
            let mut payment: Value = serde_json::from_str(reversed.raw.expose()).unwrap();
            payment["approvedAt"] = "2026-03-14T10:31:02+09:00".into();
            answered_with(&bench, payment).await;
            let kept = bench.look(&issued).await;
            assert_eq!((kept.status, kept.paid), (PgStatus::Cancelled, krw(0)), "{version:?}");
            continue;
        }
        assert_eq!(reversed.status, PgStatus::AwaitingDeposit, "{version:?}");
        bench.control().deposit(&OrderAction::all_of(order(1).as_str())).unwrap();
        assert_eq!(bench.look(&issued).await.paid, krw(AMOUNT), "{version:?}");
    }
}

pub async fn declines_have_our_reasons() {
    let bench = TossBench::start().await;
    for (n, (code, reason)) in (1..).zip([
        ("REJECT_CARD_PAYMENT", FailureReason::InsufficientFunds),
        ("INVALID_STOPPED_CARD", FailureReason::StoppedCard),
        ("EXCEED_MAX_DAILY_PAYMENT_COUNT", FailureReason::LimitExceeded),
        ("INVALID_PASSWORD", FailureReason::AuthenticationFailed),
        ("FDS_ERROR", FailureReason::FraudSuspected),
        ("INVALID_CARD_EXPIRATION", FailureReason::InvalidCard),
    ]) {
        let window = bench.window(&payment_request(&order(n), Method::Card), PayOutcome::Decline).await;
        let claim = bench.return_from(&PayRequest { decline_code: Some(code.to_owned()), ..window });
        let request = confirm_request(&order(n), claim.pg_id);
        for _ in 0..2 {
            let declined = bench.provider().confirm(&request).await.unwrap_err();
            let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
            assert_eq!((failure.reason, failure.pg.unwrap().code.as_str()), (reason, code), "and replayed");
        }
        let found = bench.provider().verify(&by_order(&order(n))).await.unwrap();
        assert_eq!((found[0].status, found[0].failure.as_ref().unwrap().reason), (PgStatus::Failed, reason));
    }
}

pub async fn a_temporary_error_is_unknown_and_not_a_decline() {
    let bench = TossBench::start().await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Decline).await;
    let code = Some("PROVIDER_ERROR".to_owned());
    let claim = bench.return_from(&PayRequest { decline_code: code, ..window });
    let mut request = confirm_request(&order(1), claim.pg_id);
    let unknown = bench.provider().confirm(&request).await.unwrap_err();
    assert_eq!(unknown.name(), "outcome_unknown");
    let found = bench.provider().verify(&by_order(&order(1))).await.unwrap();
    assert_eq!(found[0].status, PgStatus::InProgress, "proved not executed");
    assert_eq!(bench.provider().confirm(&request).await.unwrap_err().name(), "outcome_unknown", "replayed");
    request.idempotency_key.push_str(":2");
    assert_eq!(bench.provider().confirm(&request).await.unwrap().paid, krw(AMOUNT));
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn a_refusal_is_replayed_for_fifteen_days() {
    let bench = TossBench::start().await;
    let paid = bench.paid(&order(1)).await;
    let request = part_of(&paid.pg_id, 1, 1_000, AMOUNT - 1);
    assert_eq!(bench.provider().cancel(&request).await.unwrap_err().name(), "conflict");
    let better = part_of(&paid.pg_id, 1, 1_000, AMOUNT);
    assert_eq!(better.idempotency_key, request.idempotency_key);
    assert_eq!(bench.provider().cancel(&better).await.unwrap_err().name(), "conflict", "replayed");
    bench.advance(Duration::from_secs(15 * 24 * 60 * 60));
    assert!(bench.provider().cancel(&better).await.is_ok(), "a new request after fifteen days");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 1_000));
}

pub async fn a_running_key_is_told_as_running() {
    let bench = TossBench::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    bench.fault(FaultRule::new("confirm", Fault::ExecutesLater)).await;
    assert_eq!(bench.provider().confirm(&request).await.unwrap_err().name(), "outcome_unknown");
    for _ in 0..3 {
        assert_eq!(bench.provider().confirm(&request).await.unwrap_err().name(), "still_running");
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn a_second_attempt_of_an_approved_order_is_a_conflict() {
    let bench = TossBench::start().await;
    let first = bench.authenticated(&order(1), Method::Card).await;
    let mut second = bench.authenticated(&order(1), Method::Card).await;
    second.idempotency_key.push_str(":second");
    assert!(bench.provider().confirm(&first).await.is_ok());
    assert_eq!(bench.provider().confirm(&second).await.unwrap_err().name(), "conflict");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

async fn statuses(bench: &TossBench, known: &Snapshot) -> Vec<CancelStatus> {
    bench.look(known).await.cancels.iter().map(|cancel| cancel.status).collect()
}

pub async fn a_refund_is_pending_until_it_is_completed() {
    let bench = TossBench::start().await;
    let issued = bench.deposited(&order(1)).await;
    let request = to_account(all_of(&issued.pg_id, 1, AMOUNT));
    let outcome = bench.provider().cancel(&request).await.unwrap();
    assert_eq!(outcome.status, CancelStatus::Pending);
    bench.advance(Duration::from_secs(2 * 24 * 60 * 60 - 1));
    assert_eq!(statuses(&bench, &issued).await, [CancelStatus::Pending]);
    bench.advance(Duration::from_secs(1));
    assert_eq!(statuses(&bench, &issued).await, [CancelStatus::Done]);
    let replayed = bench.provider().cancel(&request).await.unwrap();
    assert_eq!(replayed.status, CancelStatus::Pending, "a replay is the first answer, not news");
}

pub async fn a_refund_that_fails_is_refused_and_its_money_stays_out_of_the_balance() {
    // If Toss leaves it to the merchant: whether the money comes back to the balance is not documented.
    let simulator = SimulatorConfig {
        keys: vec![per_api(ApiVersion::default())],
        failed_refund_returns: false,
        ..SimulatorConfig::default()
    };
    let bench = TossBench::of(simulator, |_| ()).await;
    let issued = bench.deposited(&order(1)).await;
    let request = to(all_of(&issued.pg_id, 1, AMOUNT), "88", "999123456789");
    assert_eq!(bench.provider().cancel(&request).await.unwrap().status, CancelStatus::Pending);
    bench.advance(A_REFUND);
    let failed = bench.look(&issued).await;
    assert_eq!(failed.cancels[0].status, CancelStatus::Refused);
    assert_eq!((failed.paid, failed.balance()), (krw(AMOUNT), krw(0)), "Toss would not cancel it again");

    // The same request is answered as it was the first time; another is refused.
    assert!(bench.provider().cancel(&request).await.is_ok());
    let again = to_account(all_of(&issued.pg_id, 2, AMOUNT));
    assert_eq!(bench.provider().cancel(&again).await.unwrap_err().name(), "conflict");
    let known = bench.look(&issued).await;
    assert_eq!(known.cancels, failed.cancels, "one cancel, refused");
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT), "sent once");
}

pub async fn a_refund_is_refused_while_another_is_under_way() {
    let bench = TossBench::start().await;
    let issued = bench.deposited(&order(1)).await;
    bench.provider().cancel(&to_account(part_of(&issued.pg_id, 1, 7_500, AMOUNT))).await.unwrap();
    let mut second = to_account(part_of(&issued.pg_id, 2, 20_000, 20_000));
    assert_eq!(bench.provider().cancel(&second).await.unwrap_err().name(), "conflict");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 7_500));
    bench.advance(A_REFUND);
    second.idempotency_key.push_str(":2");
    bench.provider().cancel(&second).await.unwrap();
    assert_eq!(bench.money(&order(1)), (AMOUNT, AMOUNT));
}

pub async fn of_refunds_at_once_none_is_done_until_all_are() {
    // If Toss takes them at once: it lists the code that refuses this, but not for the cancel.
    let simulator = SimulatorConfig {
        keys: vec![per_api(ApiVersion::default())],
        one_refund_at_a_time: false,
        ..SimulatorConfig::default()
    };
    let bench = TossBench::of(simulator, |_| ()).await;
    let issued = bench.deposited(&order(1)).await;
    let day = Duration::from_secs(24 * 60 * 60);
    bench.provider().cancel(&to_account(part_of(&issued.pg_id, 1, 7_500, AMOUNT))).await.unwrap();
    bench.advance(day);
    bench.provider().cancel(&to_account(part_of(&issued.pg_id, 2, 20_000, 20_000))).await.unwrap();
    bench.advance(day);
    assert_eq!(statuses(&bench, &issued).await, [CancelStatus::Pending; 2], "one of them is back already");
    bench.advance(day);
    assert_eq!(statuses(&bench, &issued).await, [CancelStatus::Done; 2]);
}

pub async fn a_refund_account_that_is_not_the_holders_asks_for_another() {
    let bench = TossBench::start().await;
    let issued = bench.deposited(&order(1)).await;
    for (n, bank, number) in
        [(1, "88", "000123456789"), (2, "없는은행", "110234567890"), (3, "88", "110-234")]
    {
        let refused = bench.provider().cancel(&to(all_of(&issued.pg_id, n, AMOUNT), bank, number)).await;
        let Err(ProviderError::Declined(failure)) = refused else { panic!("{refused:?}") };
        assert_eq!(failure.reason, FailureReason::InvalidRefundAccount, "{bank} {number}");
    }
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn what_the_documents_disagree_on_is_read_either_way() {
    let bench = TossBench::start().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    let looked_up = bench.look(&issued).await;
    assert_eq!(looked_up.deposit_secret, None, "told in the confirm's answer alone, says the guide");
    let mut payment: Value = serde_json::from_str(looked_up.raw.expose()).unwrap();
    payment["secret"] = issued.deposit_secret.as_ref().unwrap().expose().into();
    payment["virtualAccount"]["dueDate"] = "2026-03-21T10:31:02".into();
    answered_with(&bench, payment).await;
    let measured = bench.look(&issued).await;
    assert_eq!(measured.deposit_secret, issued.deposit_secret);
    assert_eq!(measured.virtual_account, issued.virtual_account);

    let wrong_key = FaultRule { status: Some(403), ..FaultRule::new("get", Fault::Unauthorized) };
    bench.fault(wrong_key).await;
    let refused = bench.provider().verify(&by_id(&order(1), &issued.pg_id)).await.unwrap_err();
    assert_eq!(refused.name(), "misconfigured", "401 in one table, 403 in another");
}

pub async fn an_unknown_key_at_the_confirm_is_a_window_to_open_again() {
    let bench = TossBench::start().await;
    let request = bench.authenticated(&order(1), Method::Card).await;
    for (n, code) in (1..).zip(["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"]) {
        let body = Some(json!({ "code": code, "message": "존재하지 않는 결제 정보 입니다." }));
        let rule = FaultRule::new("confirm", Fault::ErrorBefore);
        bench.fault(FaultRule { status: Some(404), body, ..rule }).await;
        let idempotency_key = format!("confirm:{n}");
        let request = gateway_core::ConfirmRequest { idempotency_key, ..request.clone() };
        let declined = bench.provider().confirm(&request).await.unwrap_err();
        let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
        assert_eq!(failure.reason, FailureReason::SessionExpired, "{code}");
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn an_expired_account_is_expired_though_toss_goes_on_saying_waiting() {
    let bench = TossBench::start().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    bench.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let expired = bench.look(&issued).await;
    assert_eq!((expired.raw_status.as_str(), expired.status), ("WAITING_FOR_DEPOSIT", PgStatus::Expired));
}
