//! Reading the query of a look-up and answering it.

use super::circumstances::Circumstances;
use super::ledger::Ledger;
use super::params::Params;
use super::payment::Status;
use super::reply::{Refusal, Reply};
use super::search::{self, Paging, Sorting, StatusSearch};

/// `GET /payments/{imp_uid}`
pub(super) fn get(
    ledger: &Ledger,
    imp_uid: &str,
    query: Params,
    at: Circumstances<'_>,
) -> Result<Reply, Refusal> {
    // `extension=true` adds nothing: the simulator plays no PG that has extensions.
    let query = query.only(&["include_sandbox", "extension"])?;
    Ok(Reply::ok(&search::by_id(ledger, imp_uid, query.flag("include_sandbox")?, at.view)?))
}

/// `GET /payments?imp_uid[]=…&merchant_uid[]=…`
pub(super) fn get_many(ledger: &Ledger, query: Params, at: Circumstances<'_>) -> Result<Reply, Refusal> {
    let query = query.only(&["imp_uid", "merchant_uid"])?;
    let (imp_uids, merchant_uids) = (query.texts("imp_uid")?, query.texts("merchant_uid")?);
    let (status, found) = search::by_ids(ledger, &imp_uids, &merchant_uids, at.view)?;
    Ok(Reply::with_status(status, &found))
}

/// `GET /payments/find/{merchant_uid}[/{status}]`
pub(super) fn find(
    ledger: &Ledger,
    merchant_uid: &str,
    status: Option<&str>,
    query: Params,
    at: Circumstances<'_>,
) -> Result<Reply, Refusal> {
    let sorting = sorting(&query.only(&["sorting"])?)?;
    let rows = search::by_order(ledger, merchant_uid, named(status)?, sorting, at.view)?;
    let found = if at.other_attempt { rows.last() } else { rows.first() };
    Ok(Reply::ok(found.ok_or_else(Refusal::no_payment)?))
}

/// `GET /payments/findAll/{merchant_uid}[/{status}]`
pub(super) fn find_all(
    ledger: &Ledger,
    merchant_uid: &str,
    status: Option<&str>,
    query: Params,
    at: Circumstances<'_>,
) -> Result<Reply, Refusal> {
    let query = query.only(&["page", "limit", "sorting"])?;
    let (sorting, paging) = (sorting(&query)?, paging(&query)?);
    Ok(Reply::ok(&search::page_of_order(ledger, merchant_uid, named(status)?, sorting, paging, at.view)?))
}

/// `GET /payments/status/{status}`
pub(super) fn list(
    ledger: &Ledger,
    status: &str,
    query: Params,
    at: Circumstances<'_>,
) -> Result<Reply, Refusal> {
    let query = query.only(&["page", "limit", "from", "to", "sorting"])?;
    let search = StatusSearch {
        status: if status == "all" { None } else { named(Some(status))? },
        from: query.number("from")?,
        to: query.number("to")?,
        sorting: sorting(&query)?,
        paging: paging(&query)?,
    };
    Ok(Reply::ok(&search::by_status(ledger, search, at.now, at.view)?))
}

fn sorting(query: &Params) -> Result<Sorting, Refusal> {
    Sorting::named(query.text("sorting")?.as_deref())
}

fn paging(query: &Params) -> Result<Paging, Refusal> {
    Paging::new(query.number("page")?, query.number("limit")?)
}

fn named(status: Option<&str>) -> Result<Option<Status>, Refusal> {
    let wrong = || Refusal::bad_request("payment_status 값이 올바르지 않습니다.");
    status.map(|status| Status::named(status).ok_or_else(wrong)).transpose()
}
