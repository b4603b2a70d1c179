//! Looking payments up: by id, by `merchant_uid`, by status and time.

use std::cmp::Reverse;

use http::StatusCode;
use serde::Serialize;

use super::ledger::{Ledger, View};
use super::listed::Listed;
use super::payment::Status;
use super::reply::Refusal;

/// How many ids one multiple look-up takes.
const MAX_IDS: usize = 100;

/// How many seconds one search by status spans.
const MAX_SPAN_S: u64 = 90 * 24 * 60 * 60;

/// A page holds so many rows unless asked otherwise.
const DEFAULT_LIMIT: u64 = 20;

/// And never more than this.
const MAX_LIMIT: u64 = 1_000;

/// The order of rows; V1 writes `-` before the name for "newest first".
#[derive(Clone, Copy, Debug)]
pub(super) struct Sorting {
    by: fn(&Listed<'_>) -> u64,
    newest_first: bool,
}

impl Sorting {
    /// Reads the query's `sorting`; `-started` when there is none.
    pub(super) fn named(text: Option<&str>) -> Result<Self, Refusal> {
        let text = text.unwrap_or("-started");
        let (name, newest_first) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let by: fn(&Listed<'_>) -> u64 = match name {
            "started" => |row| row.payment.started_at,
            "paid" => |row| row.payment.paid_at,
            "updated" => |row| row.updated_at,
            _ => return Err(Refusal::bad_request("sorting 파라메터가 올바르지 않습니다.")),
        };
        Ok(Self { by, newest_first })
    }

    /// Sorts rows given oldest first; rows of the same second keep their order of opening.
    fn apply(self, rows: &mut [Listed<'_>]) {
        if self.newest_first {
            rows.reverse();
            rows.sort_by_key(|row| Reverse((self.by)(row)));
        } else {
            rows.sort_by_key(|row| (self.by)(row));
        }
    }
}

/// Which page of how many rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    /// From 1.
    page: u64,
    limit: u64,
}

impl Paging {
    /// Checks the query's `page` and `limit`.
    pub(super) fn new(page: Option<u64>, limit: Option<u64>) -> Result<Self, Refusal> {
        let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(DEFAULT_LIMIT));
        if page == 0 || !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Refusal::bad_request("page 또는 limit 파라메터가 올바르지 않습니다."));
        }
        Ok(Self { page, limit })
    }

    fn skipped(self) -> u64 {
        self.page.saturating_sub(1).saturating_mul(self.limit)
    }

    fn cut<'a>(self, rows: &[Listed<'a>]) -> Page<'a> {
        let total = rows.len();
        let skipped = usize::try_from(self.skipped()).unwrap_or(usize::MAX).min(total);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let list: Vec<_> = rows.iter().copied().skip(skipped).take(limit).collect();
        let more = skipped.saturating_add(list.len()) < total;
        Page {
            list,
            next: if more { self.page.saturating_add(1) } else { 0 },
            previous: self.page.saturating_sub(1),
            total,
        }
    }
}

/// A page of rows; `previous` and `next` are page numbers, 0 for none.
#[derive(Debug, Serialize)]
pub(super) struct Page<'a> {
    list: Vec<Listed<'a>>,
    next: u64,
    previous: u64,
    total: usize,
}

/// A search over all payments of a merchant.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusSearch {
    /// `None` is `all`.
    pub(super) status: Option<Status>,
    pub(super) from: Option<u64>,
    pub(super) to: Option<u64>,
    pub(super) sorting: Sorting,
    pub(super) paging: Paging,
}

/// `GET /payments/{imp_uid}`. Rows of a test channel do not exist for a
/// caller who does not ask for them (since 2026-01-26).
pub(super) fn by_id<'a>(
    ledger: &'a Ledger,
    imp_uid: &str,
    include_sandbox: bool,
    view: View,
) -> Result<Listed<'a>, Refusal> {
    ledger
        .row(imp_uid, view)
        .filter(|row| include_sandbox || !row.payment.sandbox)
        .ok_or_else(Refusal::no_payment)
}

/// `GET /payments?imp_uid[]=…&merchant_uid[]=…`: 207 when some are missing.
pub(super) fn by_ids<'a>(
    ledger: &'a Ledger,
    imp_uids: &[String],
    merchant_uids: &[String],
    view: View,
) -> Result<(StatusCode, Vec<Listed<'a>>), Refusal> {
    let asked = imp_uids.len().saturating_add(merchant_uids.len());
    if asked == 0 || asked > MAX_IDS {
        return Err(Refusal::bad_request("imp_uid, merchant_uid는 1개 이상 100개 이하여야 합니다."));
    }
    let missing = imp_uids.iter().any(|id| ledger.payment(id, view).is_none())
        || merchant_uids.iter().any(|id| ledger.attempts(id, view).is_empty());
    let found: Vec<_> = ledger
        .listed(view)
        .filter(|Listed { payment, .. }| {
            imp_uids.contains(&payment.imp_uid) || merchant_uids.contains(&payment.merchant_uid)
        })
        .collect();
    match (found.is_empty(), missing) {
        (true, _) => Err(Refusal::no_payment()),
        (false, true) => Ok((StatusCode::MULTI_STATUS, found)),
        (false, false) => Ok((StatusCode::OK, found)),
    }
}

/// All attempts of a `merchant_uid`, sorted; a 404 if there is none.
///
/// Whether V1 hides test rows here is undocumented; the simulator shows them.
pub(super) fn by_order<'a>(
    ledger: &'a Ledger,
    merchant_uid: &str,
    status: Option<Status>,
    sorting: Sorting,
    view: View,
) -> Result<Vec<Listed<'a>>, Refusal> {
    let mut rows: Vec<_> = ledger
        .listed(view)
        .filter(|row| row.payment.merchant_uid == merchant_uid)
        .filter(|row| status.is_none_or(|status| row.payment.status == status))
        .collect();
    if rows.is_empty() {
        return Err(Refusal::no_payment());
    }
    sorting.apply(&mut rows);
    Ok(rows)
}

/// `GET /payments/findAll/{merchant_uid}[/{status}]`.
pub(super) fn page_of_order<'a>(
    ledger: &'a Ledger,
    merchant_uid: &str,
    status: Option<Status>,
    sorting: Sorting,
    paging: Paging,
    view: View,
) -> Result<Page<'a>, Refusal> {
    Ok(paging.cut(&by_order(ledger, merchant_uid, status, sorting, view)?))
}

/// `GET /payments/status/{status}`.
pub(super) fn by_status<'a>(
    ledger: &'a Ledger,
    search: StatusSearch,
    now: u64,
    view: View,
) -> Result<Page<'a>, Refusal> {
    let to = search.to.unwrap_or(now);
    let from = search.from.unwrap_or(to.saturating_sub(MAX_SPAN_S));
    if from > to || to.saturating_sub(from) > MAX_SPAN_S {
        return Err(Refusal::bad_request("조회기간은 최대 90일까지 가능합니다."));
    }
    let mut rows: Vec<_> = ledger
        .listed(view)
        .filter(|row| search.status.is_none_or(|status| row.payment.status == status))
        .filter(|row| (from..=to).contains(&row.payment.listed_at()))
        .collect();
    search.sorting.apply(&mut rows);
    let page = search.paging.cut(&rows);
    if page.list.is_empty() && search.paging.page > 1 {
        return Err(Refusal::bad_request("조회 가능한 페이지를 초과하였습니다."));
    }
    Ok(page)
}
