//! Payments to put into a store.

use std::sync::LazyLock;

use gateway_core::{
    Attempt, BrowserStep, Cancel, CancelOrigin, CancelScope, CancelStatus, Change, Customer, EventKind,
    IdSource, IdempotencyRecord, Money, Moved, NewEvent, Payment, PaymentRecord, PaymentStatus, PaymentTerms,
    PgOrderId, RawWebhook, ReceivedWebhook, RefundAccount, Secret, StoredAnswer,
};
use jiff::Timestamp;

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
        status: PaymentStatus::Ready,
        amount_paid: Money::krw(0),
        amount_cancelled: Money::krw(0),
        method: None,
        method_detail: None,
        virtual_account: None,
        receipt_url: None,
        cash_receipt: None,
        failure: None,
        last_attempt: None,
        late: false,
        superseded: false,
        told_of: None,
        looked_at: None,
        answered_hints: 0,
        hint_looked_at: None,
        recheck_at: None,
        cases: Vec::new(),
        livemode: false,
        simulated: true,
        version: 1,
        created_at: at(0),
        expires_at: at(1_800),
        paid_at: None,
        watch: None,
    }
}

pub(crate) fn made(payment: &Payment) -> Change {
    Change {
        expected: None,
        payment: payment.clone(),
        hints: 0,
        more_hints_at: None,
        attempts: Vec::new(),
        cancels: Vec::new(),
        events: Vec::new(),
        idempotency: None,
        supersedes: None,
    }
}

/// A change that writes into every table it can.
pub(crate) fn full(order_id: &str) -> Change {
    let payment = payment(order_id);
    Change {
        attempts: vec![attempt(&payment)],
        cancels: vec![cancel()],
        events: vec![event(&payment)],
        idempotency: Some(request(&payment)),
        ..made(&payment)
    }
}

/// A change of what was read, which changes nothing yet.
pub(crate) fn changed(record: &PaymentRecord) -> Change {
    let payment = Payment { version: record.payment.version + 1, ..record.payment.clone() };
    Change { expected: Some(record.payment.version), hints: record.hints, ..made(&payment) }
}

fn attempt(payment: &Payment) -> Attempt {
    Attempt {
        step: Some(BrowserStep::Redirect { url: CANARY.to_owned() }),
        state: Some(Secret::new(CANARY)),
        raw: Some(Secret::new(CANARY)),
        ..Attempt::new(1, PgOrderId::of(&payment.id, 1).unwrap(), at(0))
    }
}

fn cancel() -> Cancel {
    Cancel {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Merchant,
        status: CancelStatus::Requested,
        pg_id: None,
        attempt: None,
        scope: CancelScope::All,
        amount: Money::krw(27_500),
        tax_free_amount: None,
        guard: Money::krw(27_500),
        reason: CANARY.to_owned(),
        refund_account: Some(RefundAccount {
            bank_code: "20".to_owned(),
            account_number: Secret::new(CANARY),
            holder_name: Secret::new(CANARY),
        }),
        sending: None,
        pg_cancel_id: None,
        failure: None,
        created_at: at(0),
    }
}

fn event(payment: &Payment) -> NewEvent {
    NewEvent {
        id: IDS.event(at(0)),
        kind: EventKind::Registered,
        number: 1,
        moved: Moved::default(),
        created_at: at(0),
        payment: payment.clone(),
        cancels: vec![cancel()],
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
        received_at: at(second),
        raw: RawWebhook {
            content_type: "application/json".to_owned(),
            headers: vec![("webhook-signature".to_owned(), CANARY.to_owned())],
            body: CANARY.as_bytes().to_vec(),
        },
    }
}
