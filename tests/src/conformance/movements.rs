//! The PG's own list of money in and money back.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    model::{Method, Snapshot},
    provider::{MovementKind, PgMovement},
};
use paymux_sandbox::{Fault, FaultRule, OrderAction, PayOutcome};
use serde_json::json;

use super::{
    bench::{Bench, charge},
    faulty::brief,
    refunding::A_REFUND,
    requests::{AMOUNT, all_of, close_of, krw, order, part_of, payment_request, to_account},
};

const MINUTE: Duration = Duration::from_secs(60);

/// All pages of a time.
pub(super) struct Listed {
    pub(super) rows: Vec<PgMovement>,
    pub(super) unreadable: usize,
    pub(super) pages: usize,
}

pub(super) async fn listed<B: Bench>(bench: &B, from: Timestamp, to: Timestamp) -> Listed {
    let movements = bench.provider().movements().unwrap();
    let (mut all, mut cursor) = (Listed { rows: Vec::new(), unreadable: 0, pages: 0 }, None);
    loop {
        let before = requests(bench);
        let page = movements.page(from, to, cursor.as_deref()).await.unwrap();
        // None where the time is over before it begins.
        assert!(requests(bench) - before <= 1, "a page is one request");
        assert!(page.rows.len() + page.unreadable <= B::ROWS_PER_PAGE);
        all.rows.extend(page.rows);
        all.unreadable += page.unreadable;
        all.pages += 1;
        assert!(all.pages < 100, "a list that never ends");
        match page.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

/// How many pages the PG was asked for; a refused token is not counted.
fn requests<B: Bench>(bench: &B) -> usize {
    let calls = bench.control().calls();
    let asked = calls.iter().filter(|received| received.call == Some(B::CALLS.movements));
    asked.filter(|received| received.answer_status != Some(401)).count()
}

/// What the list says from the clock's start until now of one charge.
async fn rows_of<B: Bench>(bench: &B, known: &Snapshot) -> Vec<(MovementKind, u64)> {
    let start = Timestamp::from_millisecond(super::bench::START_MS.cast_signed()).unwrap();
    let listed = listed(bench, start, bench.now()).await;
    assert_eq!(listed.unreadable, 0);
    let of_charge = listed.rows.into_iter().filter(|row| {
        let is_its = row.pg_payment_id.as_ref() == Some(&known.pg_payment_id);
        assert_eq!(is_its, row.order_id.as_deref() == Some(&known.order_id), "{row:?}");
        is_its
    });
    of_charge.map(|row| (row.kind, row.amount.unwrap().amount())).collect()
}

pub async fn money_in_is_a_row<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.advance(MINUTE);
    let issued = bench.confirmed(&order(2), Method::VirtualAccount).await;
    for outcome in [PayOutcome::Close, PayOutcome::Decline] {
        bench.visit(&payment_request(&order(3), Method::Card), outcome).await;
    }
    assert_eq!(rows_of(&bench, &paid).await, [(MovementKind::In, AMOUNT)]);
    assert_eq!(rows_of(&bench, &issued).await, [], "no money came into the account yet");
    bench.advance(MINUTE);
    bench.control().deposit(&OrderAction::all_of(order(2).as_str())).unwrap();
    assert_eq!(rows_of(&bench, &issued).await, [(MovementKind::In, AMOUNT)]);
    let all = listed(&bench, paid.paid_at.unwrap(), bench.now()).await;
    assert_eq!(all.rows.len(), 2, "nothing of the windows that were left: {:?}", all.rows);
    assert_eq!(all.rows[0].at, paid.paid_at.unwrap());
    assert_eq!(all.rows[1].at, bench.look(&issued).await.paid_at.unwrap());
}

pub async fn money_back_is_a_row<B: Bench>() {
    let bench = B::start().await;
    let shows_parts = bench.provider().movements().unwrap().shows_part_cancels();
    let (card, deposit) = (bench.paid(&order(1)).await, bench.deposited(&order(2)).await);
    bench.advance(MINUTE);
    bench.provider().cancel(&part_of(&charge(&card), 1, 7_500, AMOUNT)).await.unwrap();
    let after_part = rows_of(&bench, &card).await;
    let part = (MovementKind::Back, 7_500);
    assert_eq!(after_part.contains(&part), shows_parts, "{after_part:?}");
    assert!(after_part.contains(&(MovementKind::In, AMOUNT)), "{after_part:?}");

    bench.advance(MINUTE);
    bench.provider().cancel(&all_of(&charge(&card), 2, AMOUNT - 7_500)).await.unwrap();
    bench.provider().cancel(&to_account(all_of(&charge(&deposit), 3, AMOUNT))).await.unwrap();
    bench.advance(A_REFUND);
    for known in [&card, &deposit] {
        let rows = rows_of(&bench, known).await;
        let back: u64 =
            rows.iter().filter(|(kind, _)| *kind == MovementKind::Back).map(|(_, back)| back).sum();
        assert_eq!(back, AMOUNT, "{rows:?}");
    }
}

pub async fn close_of_an_account_moves_nothing_in<B: Bench>() {
    let bench = B::start().await;
    let issued = bench.confirmed(&order(1), Method::VirtualAccount).await;
    bench.provider().cancel(&close_of(&charge(&issued), 1)).await.unwrap();
    // A row of money back may tell of it: a hint, after which nothing is found.
    let rows = rows_of(&bench, &issued).await;
    assert!(rows.iter().all(|(kind, _)| *kind == MovementKind::Back), "{rows:?}");
}

pub async fn both_ends_of_the_time_are_in_it<B: Bench>() {
    let bench = B::start().await;
    let mut at = Vec::new();
    for n in 0..5 {
        at.push(bench.paid(&order(n)).await.paid_at.unwrap());
        bench.advance(MINUTE);
    }
    for (first, last) in [(0, 4), (1, 3), (2, 2)] {
        let found = listed(&bench, at[first], at[last]).await.rows;
        assert_eq!(found.iter().map(|row| row.at).collect::<Vec<_>>(), at[first..=last]);
    }
    let second = Duration::from_secs(1);
    let (after, before) = (at[1].saturating_add(second).unwrap(), at[2].saturating_sub(second).unwrap());
    assert!(listed(&bench, after, before).await.rows.is_empty());
}

/// Rows of one second and of many; another system's among them, and ours in the middle.
pub async fn pages_follow_each_other_and_miss_no_row<B: Bench>() {
    let bench = B::start().await;
    let from = bench.now();
    let others = B::ROWS_PER_PAGE + B::ROWS_PER_PAGE / 2;
    let mut ours = None;
    for n in 0..others {
        if n == B::ROWS_PER_PAGE {
            ours = Some(bench.paid(&order(1)).await);
        }
        bench.control().add_foreign_payment(&B::foreign_row()).unwrap();
        if n % 7 == 0 {
            bench.advance(Duration::from_secs(1));
        }
    }
    let listed = listed(&bench, from, bench.now()).await;
    assert_eq!(listed.unreadable, 0);
    let named: HashSet<_> = listed.rows.iter().map(|row| row.pg_payment_id.clone().unwrap()).collect();
    assert_eq!(named.len(), others + 1, "all of them");
    assert!(named.contains(&ours.unwrap().pg_payment_id));
    assert!(listed.pages >= 2);
}

/// Payments of the first page are cancelled while it is read: a PG may take them off the list.
pub async fn rows_that_leave_meanwhile_hide_no_other<B: Bench>() {
    let bench = B::start().await;
    let from = bench.now();
    let mut named = Vec::new();
    for _ in 0..B::ROWS_PER_PAGE + 50 {
        let row = bench.control().add_foreign_payment(&B::foreign_row()).unwrap();
        let order = ["orderId", "merchant_uid"].iter().find_map(|name| row[*name].as_str()).unwrap();
        named.push(order.to_owned());
        bench.advance(Duration::from_secs(1));
    }
    let movements = bench.provider().movements().unwrap();
    let to = bench.now();
    let mut page = movements.page(from, to, None).await.unwrap();
    for order in &named[..40] {
        bench.control().cancel(&OrderAction::all_of(order)).unwrap();
    }
    let mut seen: HashSet<_> = page.rows.iter().filter_map(|row| row.order_id.clone()).collect();
    while let Some(next) = page.next {
        page = movements.page(from, to, Some(&next)).await.unwrap();
        seen.extend(page.rows.iter().filter_map(|row| row.order_id.clone()));
    }
    assert!(named.iter().all(|order| seen.contains(order)));
}

pub async fn unreadable_rows_are_counted_and_hide_no_other<B: Bench>() {
    let bench = B::start().await;
    let from = bench.now();
    for (n, row) in (1..).zip(B::unreadable_rows()) {
        let paid = bench.paid(&order(n)).await;
        bench.control().add_foreign_payment(&row).unwrap();
        let listed = listed(&bench, from, bench.now()).await;
        assert_eq!(listed.unreadable, usize::try_from(n).unwrap(), "{row:?}");
        assert!(listed.rows.iter().any(|row| row.pg_payment_id.as_ref() == Some(&paid.pg_payment_id)));
        assert_eq!(listed.rows.len(), usize::try_from(n).unwrap());
    }
}

pub async fn rows_of_other_systems_are_hints_too<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.control().add_foreign_payment(&B::foreign_row()).unwrap();
    bench.control().add_foreign_payment(&B::foreign_currency_row()).unwrap();
    let listed = listed(&bench, paid.paid_at.unwrap(), bench.now()).await;
    assert_eq!((listed.rows.len(), listed.unreadable), (3, 0));
    let amounts: Vec<_> = listed.rows.iter().map(|row| row.amount).collect();
    assert_eq!(amounts, [Some(krw(AMOUNT)), Some(krw(10_000)), None], "no books are kept in the last");
    assert!(listed.rows.iter().all(|row| row.kind == MovementKind::In));
}

pub async fn page_that_failed_is_no_page<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    let (call, now) = (B::CALLS.movements, bench.now());
    let movements = bench.provider().movements().unwrap();
    let of_status = |status, body| FaultRule {
        status: Some(status),
        body: Some(body),
        ..FaultRule::new(call, Fault::ErrorBefore)
    };
    for (rule, name) in [
        (brief(call, Fault::ResetBefore), "unanswered"),
        (brief(call, Fault::ResetAfter), "unanswered"),
        (brief(call, Fault::TimeoutBefore), "unanswered"),
        (brief(call, Fault::Garbled), "unanswered"),
        (of_status(200, json!({})), "unanswered"),
        (of_status(502, json!("<html>")), "unanswered"),
        (of_status(403, B::error_of_next_year()), "unknown"),
        (of_status(500, B::error_of_next_year()), "not_done"),
        (of_status(429, B::error_of_next_year()), "not_done"),
        (FaultRule { times: Some(9), ..FaultRule::new(call, Fault::Unauthorized) }, "misconfigured"),
    ] {
        bench.fault(rule.clone()).await;
        let error = movements.page(now, now, None).await.unwrap_err();
        assert_eq!(error.name(), name, "{rule:?}: {error:?}");
        bench.control().clear_faults();
        let page = movements.page(now, now, None).await.unwrap();
        assert_eq!(page.rows[0].pg_payment_id.as_ref(), Some(&paid.pg_payment_id), "{rule:?}");
    }
}
