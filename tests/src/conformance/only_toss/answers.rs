//! Answers of every version, in every language, and where the documents disagree.

use std::time::Duration;

use paymux_core::model::{Method, MethodDetail, PgStatus, Secret, Snapshot};
use paymux_sandbox::{Fault, FaultRule, OrderAction, toss::ApiVersion};
use serde_json::Value;

use crate::conformance::{
    TossBench,
    bench::{Bench, charge},
    faults::answered_with,
    refunding::A_REFUND,
    requests::{AMOUNT, close_of, krw, order, part_of, to_account},
};

/// What must be the same in every version: all but Toss' names of institutions, and the answer itself.
fn essence(snapshot: Snapshot) -> Snapshot {
    let Snapshot { mut virtual_account, mut cancels, .. } = snapshot.clone();
    if let Some(account) = &mut virtual_account {
        account.pg_bank = None;
        account.account_number.clear();
    }
    for cancel in cancels.iter_mut().flatten() {
        assert!(cancel.pg_cancel_id.take().is_some());
    }
    let method_detail = MethodDetail {
        card_issuer: snapshot.method_detail.card_issuer,
        bank_code: snapshot.method_detail.bank_code,
        installment_months: snapshot.method_detail.installment_months,
        pg_method: snapshot.method_detail.pg_method.clone(),
        ..MethodDetail::default()
    };
    let pg_payment_id = "the-same".parse().unwrap();
    Snapshot {
        pg_payment_id,
        virtual_account,
        cancels,
        method_detail,
        raw: Secret::new(""),
        channel_pg: None,
        receipt_url: None,
        ..snapshot
    }
}

/// The snapshots of a day at Toss.
async fn a_day(bench: &TossBench) -> Vec<Snapshot> {
    let mut seen = Vec::new();
    for (n, method) in (1..).zip(Method::ALL) {
        let taken = bench.taken(&order(n), method).await;
        assert_eq!(taken.webhook_secret.is_some(), method == Method::VirtualAccount);
        let confirmed = taken.snapshot.unwrap();
        seen.push(bench.look(&confirmed).await);
        if method == Method::VirtualAccount {
            bench.control().deposit(&OrderAction::all_of(order(n).as_str())).unwrap();
            seen.push(bench.look(&confirmed).await);
        }
        for (nth, part, left) in [(n * 10, 7_500, AMOUNT), (n * 10 + 1, 20_000, 20_000)] {
            let request = part_of(&charge(&confirmed), nth, part, left);
            let request = if method == Method::VirtualAccount { to_account(request) } else { request };
            seen.extend(bench.provider().cancel(&request).await.unwrap().snapshot);
            bench.advance(A_REFUND);
        }
        seen.push(bench.look(&confirmed).await);
        seen.push(confirmed);
    }
    let closed = bench.confirmed(&order(50), Method::VirtualAccount).await;
    bench.provider().cancel(&close_of(&charge(&closed), 500)).await.unwrap();
    seen.push(bench.look(&closed).await);
    bench.authenticated(&order(51), Method::Card).await;
    seen.extend(bench.look_by_order(&order(51)).await);
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
        answered_with(&bench, bench.in_english(&korean.pg_payment_id).await).await;
        let english = bench.look(&korean).await;
        assert_ne!(english.method_detail.pg_method, korean.method_detail.pg_method, "it was English");
        let expected = MethodDetail {
            pg_method: korean.method_detail.pg_method.clone(),
            easy_pay_provider: korean.method_detail.easy_pay_provider.clone(),
            ..english.method_detail.clone()
        };
        assert_eq!(
            Snapshot { raw: korean.raw.clone(), method_detail: expected, ..english },
            korean,
            "{method:?}"
        );
    }
}

pub async fn bad_deposit_takes_the_money_away_again() {
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
        assert_eq!(reversed.cancels, Some(Vec::new()), "nobody cancelled anything");
        if version <= ApiVersion::V1_4 {
            assert_eq!(reversed.status, PgStatus::Closed, "{version:?}");
            // Whether the approval's time goes, too, is not documented.
            let mut payment: Value = serde_json::from_str(reversed.raw.expose()).unwrap();
            payment["approvedAt"] = "2026-03-14T10:31:02+09:00".into();
            answered_with(&bench, payment).await;
            let kept = bench.look(&issued).await;
            assert_eq!((kept.status, kept.paid), (PgStatus::Closed, krw(0)), "{version:?}");
            continue;
        }
        assert_eq!(reversed.status, PgStatus::AwaitingDeposit, "{version:?}");
        bench.control().deposit(&OrderAction::all_of(order(1).as_str())).unwrap();
        assert_eq!(bench.look(&issued).await.paid, krw(AMOUNT), "{version:?}");
    }
}

pub async fn what_the_documents_disagree_on_is_read_either_way() {
    let bench = TossBench::start().await;
    let issued = bench.taken(&order(1), Method::VirtualAccount).await;
    let snapshot = issued.snapshot.unwrap();
    let looked_up = bench.look(&snapshot).await;
    let mut payment: Value = serde_json::from_str(looked_up.raw.expose()).unwrap();
    assert!(payment["secret"].is_null(), "in the confirm's answer alone, says the guide");
    payment["secret"] = issued.webhook_secret.as_ref().unwrap().expose().into();
    payment["virtualAccount"]["dueDate"] = "2026-03-21T10:31:02".into();
    answered_with(&bench, payment).await;
    let measured = bench.look(&snapshot).await;
    assert_eq!(measured.virtual_account, snapshot.virtual_account);
    assert_eq!((measured.status, measured.paid), (snapshot.status, snapshot.paid));

    let wrong_key = FaultRule { status: Some(403), ..FaultRule::new("get", Fault::Unauthorized) };
    bench.fault(wrong_key).await;
    let refused = bench.provider().verify(&charge(&snapshot)).await.unwrap_err();
    assert_eq!(refused.name(), "misconfigured", "401 in one table, 403 in another");
}

/// Toss has no status for it: the due date says so.
pub async fn expired_account_is_waited_for_as_toss_says() {
    let bench = TossBench::start().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    bench.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let expired = bench.look(&issued).await;
    assert_eq!(
        (expired.raw_status.as_str(), expired.status),
        ("WAITING_FOR_DEPOSIT", PgStatus::AwaitingDeposit)
    );
    assert!(expired.virtual_account.unwrap().due_at.unwrap() <= bench.now());
}
