//! Payments and what hangs on them, to put into a store.

use std::sync::LazyLock;

use jiff::Timestamp;
use paymux_core::{
    model::{
        AccountId, Attempt, BrowserStep, Cancel, CancelKey, CancelOrigin, CancelStatus, Charge, Claim, Close,
        Currency, Customer, Device, Dispatch, EventKind, IdSource, LookUpSubject, MethodDetail, Misfit,
        Money, MoneyMoves, NewEvent, Payment, PaymentStatus, PaymentTerms, PaymentView, PgNames, PgOrderId,
        PgStatus, Preparation, PreparedStep, RefundAccount, ReviewReason, Secret, Shown, Snapshot, Timing,
    },
    provider::RawWebhook,
    store::{
        Change, ChecksChange, IdempotencyRecord, OwedLookUp, PaymentChange, PaymentRecord, ReceivedWebhook,
        Room, Store, Why,
    },
};

static IDS: LazyLock<IdSource> = LazyLock::new(IdSource::random);

/// A moment: so many seconds into the test.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// The account of [`payment`] and [`webhook`].
pub(super) fn account() -> AccountId {
    "toss".parse().unwrap()
}

/// An account that has nothing to do with it.
pub(super) fn other_account() -> AccountId {
    "portone".parse().unwrap()
}

/// A new payment of this merchant, account and order.
pub(super) fn payment_of(merchant: &str, account: &str, order_id: &str) -> Payment {
    Payment {
        id: IDS.payment(at(0)),
        merchant: merchant.parse().unwrap(),
        account: account.parse().unwrap(),
        order_id: order_id.parse().unwrap(),
        terms: terms(),
        shown: Shown::nothing(Currency::Krw),
        last_attempt: None,
        closes: Vec::new(),
        superseded: false,
        yielded: false,
        announced: None,
        reviews: Vec::new(),
        livemode: false,
        simulated: true,
        version: 1,
        created_at: at(0),
        expires_at: at(1_800),
    }
}

fn terms() -> PaymentTerms {
    PaymentTerms {
        order_name: "사과 한 상자".to_owned(),
        amount: Money::krw(27_500),
        tax_free_amount: None,
        method: None,
        account: None,
        customer: Customer { name: Some("김구매".to_owned()), ..Customer::default() },
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: Some("ko".to_owned()),
        return_url: "https://shop.example/return".to_owned(),
        metadata: [("cart".to_owned(), "17".to_owned())].into(),
    }
}

/// A payment of the usual merchant at the usual account.
pub(super) fn payment(order_id: &str) -> Payment {
    payment_of("demo", "toss", order_id)
}

/// The change that makes a payment.
pub(super) fn made(payment: &Payment) -> PaymentChange {
    PaymentChange {
        expected: None,
        payment: payment.clone(),
        is_live: false,
        attempts: Vec::new(),
        charges: Vec::new(),
        events: Vec::new(),
        checks: ChecksChange::default(),
    }
}

/// A change of what was read, which changes nothing yet.
pub(super) fn changed(record: &PaymentRecord) -> PaymentChange {
    let version = record.payment.version + 1;
    let payment = Payment { version, ..record.payment.clone() };
    PaymentChange { expected: Some(record.payment.version), ..made(&payment) }
}

/// A commit of one payment alone.
pub(super) fn only(change: PaymentChange) -> Change {
    both([change])
}

/// A commit of several payments.
pub(super) fn both<const N: usize>(payments: [PaymentChange; N]) -> Change {
    Change { at: at(0), payments: payments.into(), unchanged: Vec::new(), idempotency: None }
}

/// Makes a payment, and reads it.
pub(super) async fn save(store: &dyn Store, payment: &Payment) -> PaymentRecord {
    save_change(store, made(payment)).await
}

/// Commits a change, and reads the payment.
pub(super) async fn save_change(store: &dyn Store, change: PaymentChange) -> PaymentRecord {
    let payment = change.payment.clone();
    store.commit(only(change)).await.unwrap();
    read(store, &payment).await
}

/// A change of what was read to a status.
pub(super) fn with_status(record: &PaymentRecord, status: PaymentStatus) -> PaymentChange {
    let mut change = changed(record);
    change.payment.shown.status = status;
    change
}

pub(super) async fn read(store: &dyn Store, payment: &Payment) -> PaymentRecord {
    store.payment(&payment.merchant, &payment.id).await.unwrap().unwrap()
}

pub(super) fn attempt(payment: &Payment, number: u16) -> Attempt {
    Attempt::new(number, PgOrderId::of(&payment.id, number).unwrap(), at(i64::from(number)))
}

/// An attempt with everything an attempt can have.
pub(super) fn full_attempt(payment: &Payment, number: u16) -> Attempt {
    let prepared = PreparedStep {
        step: BrowserStep::Redirect { url: "https://pg.example/window".to_owned(), form: None },
        device: Device::Mobile,
        money_moves: MoneyMoves::BeforeConfirm,
        pg_payment_id: Some("pg-early".parse().unwrap()),
    };
    Attempt { preparation: Preparation::Ready(prepared), ..attempt(payment, number) }
}

/// A charge with a PG id, accepted or not.
pub(super) fn charge(pg_payment_id: &str, accepted: bool) -> Charge {
    let id = Some(pg_payment_id.parse().unwrap());
    Charge { accepted, ..Charge::new(IDS.charge(at(0)), 1, id, at(0)) }
}

/// A charge with everything a charge can have.
pub(super) fn full_charge(pg_payment_id: &str) -> Charge {
    Charge {
        claim: Some(Claim { at: at(1), state: Some(Secret::new("state")), is_unnamed: true, is_open: true }),
        confirm: Some(Dispatch::first(at(1), "credential")),
        snapshot: Some(snapshot(pg_payment_id)),
        asked_at: Some(at(2)),
        webhook_secret: Some(Secret::new("ps_1")),
        timing: Some(Timing::InTime),
        misfit: Some(Misfit::Late),
        less_seen_at: Some(at(3)),
        not_found_since: Some(at(4)),
        ended_at: Some(at(5)),
        cancels: vec![cancel(1_000), cancel(2_000)],
        closes: vec![close()],
        ..charge(pg_payment_id, true)
    }
}

fn snapshot(pg_payment_id: &str) -> Snapshot {
    Snapshot {
        pg_payment_id: pg_payment_id.parse().unwrap(),
        order_id: "order at the PG".to_owned(),
        status: PgStatus::Paid,
        raw_status: "DONE".to_owned(),
        total: Money::krw(27_500),
        discount: Money::krw(500),
        paid: Money::krw(27_000),
        cancelled: Money::krw(0),
        cancellable: Money::krw(27_500),
        cancels: Some(Vec::new()),
        mode: None,
        disputed: Some(false),
        paid_at: Some(at(2)),
        failure: None,
        method: None,
        method_detail: MethodDetail { installment_months: Some(3), ..MethodDetail::default() },
        virtual_account: None,
        channel_pg: Some("nice_v2".to_owned()),
        receipt_url: Some("https://pg.example/receipt".to_owned()),
        cash_receipt: None,
        raw: Secret::new(r#"{"status":"DONE"}"#),
    }
}

pub(super) fn cancel(amount: u64) -> Cancel {
    Cancel {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Merchant,
        compensates: None,
        status: CancelStatus::Requested,
        held: Some(ReviewReason::CompensationHeld),
        is_whole: false,
        amount: Money::krw(amount),
        tax_free_amount: None,
        vat_amount: None,
        cancellable_before: Money::krw(27_500),
        failed_at: None,
        reason: "부분 품절".to_owned(),
        refund_account: Some(RefundAccount::new(
            "020".parse().unwrap(),
            Secret::new("110123456789"),
            Secret::new("김구매"),
        )),
        dispatch: Some(Dispatch::first(at(6), "credential")),
        pg_cancel_id: None,
        failure: None,
        key: Some(CancelKey { key: "key".to_owned(), digest: "digest".to_owned() }),
        created_at: at(0),
    }
}

pub(super) fn close() -> Close {
    Close {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Compensation,
        status: CancelStatus::Done,
        reason: "주문 종료".to_owned(),
        dispatch: None,
        failure: None,
        key: None,
        created_at: at(0),
    }
}

pub(super) fn event(payment: &Payment, number: u64) -> NewEvent {
    let view = PaymentView {
        payment: payment.clone(),
        cancellable: Money::krw(0),
        pg: PgNames::default(),
        cancels: Vec::new(),
        duplicates: Vec::new(),
    };
    NewEvent {
        id: IDS.event(at(0)),
        kind: EventKind::Status(payment.status()),
        number,
        movement: None,
        cancel: None,
        created_at: at(0),
        payment: view,
    }
}

/// The record of a request for a payment, without an answer.
pub(super) fn request(payment: &Payment, key: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        merchant: payment.merchant.clone(),
        key: key.to_owned(),
        digest: "digest".to_owned(),
        payment: Some(payment.id.clone()),
        cancel: None,
        answer: None,
        created_at: at(0),
    }
}

/// A look-up of attempt 1 that is owed from a moment on.
pub(super) fn owed(second: i64, why: Why) -> OwedLookUp {
    OwedLookUp { of: LookUpSubject::Attempt(1), at: at(second), why, tries: 0 }
}

pub(super) fn webhook(received_at: Timestamp) -> ReceivedWebhook {
    webhook_of(&account(), Room::Known, received_at)
}

pub(super) fn webhook_of(account: &AccountId, room: Room, received_at: Timestamp) -> ReceivedWebhook {
    ReceivedWebhook {
        id: IDS.webhook(received_at),
        account: account.clone(),
        room,
        raw: RawWebhook {
            headers: vec![("tosspayments-webhook-id".to_owned(), "값".to_owned())],
            body: (0..=u8::MAX).collect(),
            received_at,
        },
    }
}
