//! Payments to put into a store.

use std::sync::LazyLock;

use jiff::Timestamp;
use paymux_core::{
    model::{
        Attempt, BrowserStep, Cancel, CancelKey, CancelOrigin, CancelStatus, Charge, Claim, Close, Currency,
        Customer, Device, EventKind, IdSource, LookUpSubject, MethodDetail, Money, MoneyMoves, NewEvent,
        Payment, PaymentTerms, PaymentView, PgNames, PgOrderId, PgStatus, Preparation, PreparedStep,
        RefundAccount, Secret, Shown, Snapshot,
    },
    provider::RawWebhook,
    store::{
        Change, ChecksChange, IdempotencyRecord, OwedLookUp, PaymentChange, PaymentRecord, ReceivedWebhook,
        Room, StoredAnswer, Why,
    },
};

/// Stands wherever something must not be seen in the files.
pub(crate) const CANARY: &str = "canary_5Jq2vXw8TzR1";

static IDS: LazyLock<IdSource> = LazyLock::new(IdSource::random);

/// A moment: so many seconds into the test.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn payment(order_id: &str) -> Payment {
    let secret = Some(CANARY.to_owned());
    Payment {
        id: IDS.payment(at(0)),
        merchant: "demo".parse().unwrap(),
        account: "toss".parse().unwrap(),
        order_id: order_id.parse().unwrap(),
        terms: PaymentTerms {
            order_name: CANARY.to_owned(),
            amount: Money::krw(27_500),
            tax_free_amount: None,
            method: None,
            account: None,
            customer: Customer {
                id: secret.clone(),
                name: secret.clone(),
                email: secret.clone(),
                phone: secret,
            },
            card_issuer: None,
            installment_months: None,
            easy_pay_provider: None,
            deposit_due_at: None,
            cash_receipt: None,
            locale: None,
            return_url: CANARY.to_owned(),
            metadata: [(CANARY.to_owned(), CANARY.to_owned())].into(),
        },
        shown: Shown { receipt_url: Some(CANARY.to_owned()), ..Shown::nothing(Currency::Krw) },
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

/// The change that makes a payment.
pub(crate) fn made(payment: &Payment) -> PaymentChange {
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
pub(crate) fn changed(record: &PaymentRecord) -> PaymentChange {
    let payment = Payment { version: record.payment.version + 1, ..record.payment.clone() };
    PaymentChange { expected: Some(record.payment.version), ..made(&payment) }
}

/// A commit of one payment alone.
pub(crate) fn only(change: PaymentChange) -> Change {
    Change { at: at(0), payments: vec![change], unchanged: Vec::new(), idempotency: None }
}

/// A new payment with something in every table, and the commit that makes it.
pub(crate) fn full(order_id: &str) -> (Payment, Change) {
    let payment = payment(order_id);
    let change = PaymentChange {
        attempts: vec![attempt(&payment)],
        charges: vec![charge(&format!("pg-{order_id}"))],
        events: vec![event(&payment)],
        checks: ChecksChange { owed: vec![owed(60)], ..ChecksChange::default() },
        ..made(&payment)
    };
    let idempotency = Some(request(&payment));
    (payment, Change { idempotency, ..only(change) })
}

/// A look-up of attempt 1 that is owed from a moment on.
pub(crate) fn owed(second: i64) -> OwedLookUp {
    OwedLookUp { of: LookUpSubject::Attempt(1), at: at(second), why: Why::Paid, tries: 0 }
}

fn attempt(payment: &Payment) -> Attempt {
    let prepared = PreparedStep {
        step: BrowserStep::Redirect { url: CANARY.to_owned(), form: None },
        device: Device::Desktop,
        money_moves: MoneyMoves::BeforeConfirm,
        pg_payment_id: None,
    };
    let attempt = Attempt::new(1, PgOrderId::of(&payment.id, 1).unwrap(), at(0));
    Attempt { preparation: Preparation::Ready(prepared), ..attempt }
}

pub(crate) fn charge(pg_payment_id: &str) -> Charge {
    Charge {
        claim: Some(Claim { at: at(0), state: Some(Secret::new(CANARY)), is_unnamed: false, is_open: false }),
        snapshot: Some(snapshot(pg_payment_id)),
        webhook_secret: Some(Secret::new(CANARY)),
        accepted: true,
        cancels: vec![cancel()],
        closes: vec![close()],
        ..Charge::new(IDS.charge(at(0)), 1, Some(pg_payment_id.parse().unwrap()), at(0))
    }
}

fn snapshot(pg_payment_id: &str) -> Snapshot {
    Snapshot {
        pg_payment_id: pg_payment_id.parse().unwrap(),
        order_id: CANARY.to_owned(),
        status: PgStatus::Paid,
        raw_status: CANARY.to_owned(),
        total: Money::krw(27_500),
        discount: Money::krw(0),
        paid: Money::krw(27_500),
        cancelled: Money::krw(0),
        cancellable: Money::krw(27_500),
        cancels: None,
        mode: None,
        disputed: None,
        paid_at: None,
        failure: None,
        method: None,
        method_detail: MethodDetail { card_number: Some(CANARY.to_owned()), ..MethodDetail::default() },
        virtual_account: None,
        channel_pg: Some("nice_v2".to_owned()),
        receipt_url: None,
        cash_receipt: None,
        raw: Secret::new(CANARY),
    }
}

fn cancel() -> Cancel {
    Cancel {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Merchant,
        compensates: None,
        status: CancelStatus::Requested,
        held: None,
        is_whole: true,
        amount: Money::krw(27_500),
        tax_free_amount: None,
        vat_amount: None,
        cancellable_before: Money::krw(27_500),
        failed_at: None,
        reason: CANARY.to_owned(),
        refund_account: Some(RefundAccount::new(
            "020".parse().unwrap(),
            Secret::new(CANARY),
            Secret::new(CANARY),
        )),
        dispatch: None,
        pg_cancel_id: None,
        failure: None,
        key: Some(CancelKey { key: CANARY.to_owned(), digest: CANARY.to_owned() }),
        created_at: at(0),
    }
}

fn close() -> Close {
    Close {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Merchant,
        status: CancelStatus::Requested,
        reason: CANARY.to_owned(),
        dispatch: None,
        failure: None,
        key: None,
        created_at: at(0),
    }
}

pub(crate) fn event(payment: &Payment) -> NewEvent {
    let view = PaymentView {
        payment: payment.clone(),
        cancellable: Money::krw(0),
        pg: PgNames::default(),
        cancels: Vec::new(),
        duplicates: Vec::new(),
    };
    NewEvent {
        id: IDS.event(at(0)),
        kind: EventKind::Registered,
        number: 1,
        movement: None,
        cancel: None,
        created_at: at(0),
        payment: view,
    }
}

fn request(payment: &Payment) -> IdempotencyRecord {
    IdempotencyRecord {
        merchant: payment.merchant.clone(),
        key: format!("key of {}", payment.id),
        digest: CANARY.to_owned(),
        payment: Some(payment.id.clone()),
        cancel: None,
        answer: Some(StoredAnswer { status: 200, body: Secret::new(CANARY) }),
        created_at: at(0),
    }
}

pub(crate) fn webhook(second: i64) -> ReceivedWebhook {
    ReceivedWebhook {
        id: IDS.webhook(at(second)),
        account: "toss".parse().unwrap(),
        room: Room::Known,
        raw: RawWebhook {
            headers: vec![("webhook-signature".to_owned(), CANARY.to_owned())],
            body: CANARY.as_bytes().to_vec(),
            received_at: at(second),
        },
    }
}
