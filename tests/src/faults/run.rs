//! Runs the cases: on several servers at once, one payment after the other on each.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use paymux_sandbox::{Control, Fault};

use super::{
    merchant::Visit,
    plan::{Case, Place},
    table::{Outcome, Table},
};
use crate::{crash::audit::Findings, harness::Shop};

/// How many servers there are at once. Most of the time of a case is waiting.
const LANES: usize = 24;

/// How many payments a server has in its life: few enough that none of its books is long.
const PER_SERVER: usize = 16;

/// The settings of every server: nothing on a disk, no order that runs out, and no long wait for a confirm.
const SETTINGS: [(&str, &str); 3] = [
    ("DATABASE__URL", "sqlite::memory:"),
    ("MERCHANTS__DEMO__PAYABLE_FOR", "90d"),
    ("SERVER__CONFIRM_WAIT", "80ms"),
];

/// Runs them all, and says of each that went wrong what there is to say.
pub async fn run(cases: Vec<Case>, mut report: impl FnMut(&Outcome)) -> Table {
    let mut table = Table::default();
    let mut lanes = stream::iter(batches(cases)).map(on_one_server).buffer_unordered(LANES);
    while let Some(outcomes) = lanes.next().await {
        for outcome in outcomes {
            if !outcome.findings.is_clean() {
                report(&outcome);
            }
            table.add(&outcome);
        }
    }
    table
}

/// Cases that may share a server, in lists of equal length.
fn batches(cases: Vec<Case>) -> Vec<Vec<Case>> {
    let mut batches: Vec<Vec<Case>> = Vec::new();
    for case in cases {
        match batches.last_mut() {
            Some(last) if last.len() < PER_SERVER && shares(&last[0], &case) => last.push(case),
            _ => batches.push(vec![case]),
        }
    }
    batches
}

fn shares(one: &Case, other: &Case) -> bool {
    (one.pg, one.permissive, one.place) == (other.pg, other.permissive, other.place)
}

async fn on_one_server(cases: Vec<Case>) -> Vec<Outcome> {
    let shop = open(&cases[0]).await;
    let (mut cursor, mut outcomes) = (String::new(), Vec::new());
    for (n, case) in cases.into_iter().enumerate() {
        let order = format!("order-{n}");
        outcomes.push(run_case(&shop, case, &order, &mut cursor).await);
    }
    shop.abandon().await;
    outcomes
}

async fn open(case: &Case) -> Shop {
    let method = match case.place {
        Place::Close | Place::Refund => "virtual_account",
        _ => "card",
    };
    let mut settings = SETTINGS.to_vec();
    if case.pg == "toss" && case.place == Place::Prepare {
        // Else Toss' window is opened by the page alone.
        settings.push(("ACCOUNTS__TOSS__CHECKOUT", "server"));
    }
    if case.permissive {
        Shop::open_permissive_with(case.pg, method, &settings).await
    } else {
        Shop::open_with(case.pg, method, &settings).await
    }
}

async fn run_case(shop: &Shop, case: Case, order: &str, cursor: &mut String) -> Outcome {
    let pg = shop.pg();
    pg.clear_faults();
    let (began, first) = (Instant::now(), pg.calls().last().map_or(0, |call| call.number));
    let ran = AssertUnwindSafe(go(shop, &case, order, cursor)).catch_unwind().await;
    let (findings, books) = ran.unwrap_or_else(|panic| {
        let said = panic.downcast::<String>().map_or_else(|_| "a panic".to_owned(), |said| *said);
        (Findings { wrong: vec![said], ..Findings::default() }, String::new())
    });
    let met = met(&pg, &case, first);
    Outcome { case, findings, books, met, took: began.elapsed() }
}

async fn go(shop: &Shop, case: &Case, order: &str, cursor: &mut String) -> (Findings, String) {
    let mut visit = match Visit::new(shop, case, order, cursor).await {
        Ok(visit) => visit,
        Err(why) => return (Findings { wrong: vec![why], ..Findings::default() }, String::new()),
    };
    if let Err(why) = visit.go().await {
        let status = visit.payment().await;
        visit.agree(status["status"].as_str().unwrap_or_default()).await;
        visit.findings.wrong.push(why);
    }
    (visit.findings.clone(), visit.shown())
}

/// Whether the fault was met. A refused connection never says which call it would have carried, and webhooks
/// are none of the calls.
fn met(pg: &Control, case: &Case, after: u64) -> bool {
    let is_logged = case.fault != Fault::Refuse && case.place != Place::Webhook;
    let of_case =
        |fault: Option<Fault>, call: Option<&str>| fault == Some(case.fault) && call == Some(case.call);
    !is_logged || pg.calls().iter().any(|call| call.number > after && of_case(call.fault, call.call))
}
