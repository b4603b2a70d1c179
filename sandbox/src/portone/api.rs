//! Answering one V1 call from the books.

use http::header::AUTHORIZATION;

use super::cancel::{self, CancelRequest, RefundAccount};
use super::circumstances::Circumstances;
use super::keys::ApiKeys;
use super::ledger::{Ledger, View};
use super::look_up;
use super::params::Params;
use super::payment::MAX_MERCHANT_UID_CHARS;
use super::prepare::Registration;
use super::reply::{Refusal, Reply};
use super::route::Route;
use super::webhook::Notice;
use crate::{ApiRequest, Books};

/// An answer, and the webhook it causes.
pub(super) type Answered = Result<(Reply, Option<Notice>), Refusal>;

/// Whether a call may be made: with the living token, or to get one.
pub(super) fn admit(
    books: &Books<Ledger>,
    keys: &ApiKeys,
    route: &Route,
    request: &ApiRequest,
    now: u64,
) -> Result<(), Refusal> {
    if *route == Route::GetToken || is_authorized(books, keys, request, now) {
        return Ok(());
    }
    Err(Refusal::unauthorized())
}

/// Executes and answers an admitted call.
pub(super) fn answer(
    books: &Books<Ledger>,
    route: &Route,
    request: &ApiRequest,
    at: Circumstances<'_>,
) -> Answered {
    let query = Params::of_query(&request.query);
    let reply = match route {
        Route::Cancel => return cancel(books, request, at),
        Route::GetToken => get_token(books, request, at),
        Route::Prepare | Route::ChangePrepared => prepare(books, route, request),
        Route::DeleteVbank { imp_uid } => delete_vbank(books, imp_uid, query, at),
        Route::Prepared { merchant_uid } => {
            books.read(|ledger| Ok(Reply::ok(&ledger.registrations.read(merchant_uid)?)))
        }
        Route::Get { imp_uid } => books.read(|ledger| look_up::get(ledger, imp_uid, query, at)),
        Route::GetMany => books.read(|ledger| look_up::get_many(ledger, query, at)),
        Route::Find { merchant_uid, status } => {
            books.read(|ledger| look_up::find(ledger, merchant_uid, status.as_deref(), query, at))
        }
        Route::FindAll { merchant_uid, status } => {
            books.read(|ledger| look_up::find_all(ledger, merchant_uid, status.as_deref(), query, at))
        }
        Route::List { status } => books.read(|ledger| look_up::list(ledger, status, query, at)),
    };
    reply.map(|reply| (reply, None))
}

fn get_token(books: &Books<Ledger>, request: &ApiRequest, at: Circumstances<'_>) -> Result<Reply, Refusal> {
    let body = Params::of_body(&request.headers, &request.body)?.only(&["imp_key", "imp_secret"])?;
    let (Some(key), Some(secret)) = (body.text("imp_key")?, body.text("imp_secret")?) else {
        return Err(Refusal::bad_request("imp_key, imp_secret 파라메터가 누락되었습니다."));
    };
    let key_id = at.keys.id_of(&key, &secret).ok_or_else(|| Refusal {
        message: "인증에 실패하였습니다. API키와 secret을 확인하세요.".into(),
        ..Refusal::unauthorized()
    })?;
    Ok(Reply::ok(&books.write(|ledger| ledger.tokens.issue(key_id, at.now))))
}

/// The token may come bare, after `Bearer`, or in the old header of its own;
/// `Authorization` wins over that.
fn is_authorized(books: &Books<Ledger>, keys: &ApiKeys, request: &ApiRequest, now: u64) -> bool {
    let header = request.header(AUTHORIZATION.as_str()).or_else(|| request.header("x-imptokenheader"));
    let token = header.map(|text| text.strip_prefix("Bearer ").unwrap_or(text).trim());
    token.is_some_and(|token| {
        books.read(|ledger| ledger.tokens.key_of(token, now).is_some_and(|key_id| keys.is_in_force(key_id)))
    })
}

fn prepare(books: &Books<Ledger>, route: &Route, request: &ApiRequest) -> Result<Reply, Refusal> {
    let body =
        Params::of_body(&request.headers, &request.body)?.only(&["merchant_uid", "amount", "currency"])?;
    let merchant_uid = body.text("merchant_uid")?.filter(|id| id.chars().count() <= MAX_MERCHANT_UID_CHARS);
    let (Some(merchant_uid), Some(amount)) = (merchant_uid, body.number("amount")?) else {
        return Err(Refusal::bad_request("merchant_uid, amount 파라메터가 올바르지 않습니다."));
    };
    let registration = Registration { amount, currency: body.text("currency")? };
    let shown = books.write(|ledger| match route {
        Route::ChangePrepared => ledger.registrations.change(&merchant_uid, registration),
        _ => ledger.registrations.register(&merchant_uid, registration),
    })?;
    Ok(Reply::ok(&shown))
}

/// The documented fields of `POST /payments/cancel`.
const CANCEL_FIELDS: [&str; 14] = [
    "imp_uid",
    "merchant_uid",
    "amount",
    "tax_free",
    "vat_amount",
    "checksum",
    "reason",
    "refund_holder",
    "refund_bank",
    "refund_account",
    "refund_tel",
    "retain_promotion",
    "enable_webhook",
    "extra",
];

fn cancel(books: &Books<Ledger>, request: &ApiRequest, at: Circumstances<'_>) -> Answered {
    let body = Params::of_body(&request.headers, &request.body)?.only(&CANCEL_FIELDS)?;
    let enable_webhook = body.flag("enable_webhook")?;
    let asked = cancel_request(&body)?;
    books.write(|ledger| {
        let done = cancel::cancel(ledger, asked, at.now, at.config.permissive)?;
        let row = ledger.row(&done.imp_uid, View::Now).ok_or_else(Refusal::no_payment)?;
        let notice = enable_webhook.then(|| Notice::cancelled(row.payment, done.cancellation_id));
        Ok((Reply::ok(&row), notice))
    })
}

fn cancel_request(body: &Params) -> Result<CancelRequest, Refusal> {
    body.flag("retain_promotion")?;
    body.text("refund_tel")?;
    if let Some(extra) = body.inner("extra")? {
        let requester = extra.only(&["requester"])?.text("requester")?;
        if !matches!(requester.as_deref(), None | Some("customer" | "admin")) {
            return Err(Refusal::bad_request("extra.requester 파라메터가 올바르지 않습니다."));
        }
    }
    Ok(CancelRequest {
        imp_uid: body.text("imp_uid")?,
        merchant_uid: body.text("merchant_uid")?,
        amount: body.number("amount")?,
        tax_free: body.number("tax_free")?.unwrap_or(0),
        vat_amount: body.number("vat_amount")?,
        checksum: body.number("checksum")?,
        reason: body.text("reason")?,
        refund: RefundAccount {
            holder: body.text("refund_holder")?,
            bank: body.text("refund_bank")?,
            account: body.text("refund_account")?,
        },
    })
}

fn delete_vbank(
    books: &Books<Ledger>,
    imp_uid: &str,
    query: Params,
    at: Circumstances<'_>,
) -> Result<Reply, Refusal> {
    query.only(&["pg_api_key"])?;
    books.write(|ledger| {
        cancel::delete_account(ledger, imp_uid, at.config.deleted_account, at.now)?;
        let row = ledger.row(imp_uid, View::Now).ok_or_else(Refusal::no_payment)?;
        Ok(Reply::ok(&row))
    })
}
