//! What a provider is asked in the rules, built from few words.

use jiff::Timestamp;
use paymux_core::{
    model::{Customer, Device, IdSource, Method, Money, PgOrderId, PgPaymentId},
    provider::{
        CancelRequest, CancelScope, ChargeRef, ClaimOutcome, ConfirmRequest, PaymentProvider, PaymentRequest,
        ProviderError, ReturnClaim, Taken,
    },
};
use serde_json::json;

/// What every order of a bench costs, unless a rule says otherwise.
pub(super) const AMOUNT: u64 = 27_500;

/// The `n`th order.
pub(super) fn order(n: u64) -> PgOrderId {
    PgOrderId::of(&IdSource::seeded(n).payment(Timestamp::UNIX_EPOCH), 1).unwrap()
}

pub(super) fn krw(amount: u64) -> Money {
    Money::krw(amount)
}

pub(super) fn payment_request(order: &PgOrderId, method: Method) -> PaymentRequest {
    PaymentRequest {
        order_id: order.clone(),
        order_name: "원두 500g 외 1건".to_owned(),
        amount: krw(AMOUNT),
        tax_free_amount: None,
        method,
        customer: Customer { name: Some("김하늘".to_owned()), ..Customer::default() },
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: None,
        device: Device::Desktop,
        return_url: "http://localhost:8080/return".to_owned(),
        idempotency_key: format!("{order}_request"),
    }
}

/// What the gateway asks because of a claim that is no failure.
#[derive(Clone, Debug)]
pub enum FollowUp {
    /// To take the money.
    Confirm(ConfirmRequest),
    /// What became of it: the money moved in the window.
    LookUp(ChargeRef),
}

impl FollowUp {
    /// What the claim asks for; `None` if it says that it failed.
    pub fn of(order: &PgOrderId, claim: &ReturnClaim) -> Option<Self> {
        let charge = ChargeRef { order_id: order.clone(), pg_payment_id: claim.pg_payment_id.clone() };
        match &claim.outcome {
            ClaimOutcome::Confirm(state) => Some(Self::Confirm(ConfirmRequest {
                charge,
                amount: krw(AMOUNT),
                state: state.clone(),
                idempotency_key: format!("{order}_confirm_1"),
            })),
            ClaimOutcome::Verify => Some(Self::LookUp(charge)),
            ClaimOutcome::Failed(_) => None,
        }
    }

    /// Which charge it is about.
    #[must_use]
    pub const fn charge(&self) -> &ChargeRef {
        match self {
            Self::Confirm(ConfirmRequest { charge, .. }) | Self::LookUp(charge) => charge,
        }
    }

    /// The same about another charge.
    pub fn about(mut self, changed: ChargeRef) -> Self {
        match &mut self {
            Self::Confirm(ConfirmRequest { charge, .. }) | Self::LookUp(charge) => *charge = changed,
        }
        self
    }

    /// The same under another key, where there is one.
    pub fn with_key(mut self, key: &str) -> Self {
        if let Self::Confirm(request) = &mut self {
            key.clone_into(&mut request.idempotency_key);
        }
        self
    }

    /// Asks. Of several charges that a look-up shows, the one with money is meant.
    pub async fn send(&self, provider: &dyn PaymentProvider) -> Result<Taken, ProviderError> {
        match self {
            Self::Confirm(request) => provider.confirm(request).await,
            Self::LookUp(charge) => {
                let mut found = provider.verify(charge).await?.charges;
                found.sort_by_key(|charge| charge.paid.is_zero());
                Ok(Taken { snapshot: found.into_iter().next(), webhook_secret: None })
            }
        }
    }
}

/// A confirm of a charge, as if its claim had said [`ClaimOutcome::Confirm`].
pub(super) fn confirm_request(order: &PgOrderId, pg_payment_id: &PgPaymentId) -> ConfirmRequest {
    ConfirmRequest {
        charge: by_id(order, pg_payment_id),
        amount: krw(AMOUNT),
        state: None,
        idempotency_key: format!("{order}_confirm_1"),
    }
}

pub(super) fn by_id(order: &PgOrderId, pg_payment_id: &PgPaymentId) -> ChargeRef {
    ChargeRef { order_id: order.clone(), pg_payment_id: Some(pg_payment_id.clone()) }
}

pub(super) fn by_order(order: &PgOrderId) -> ChargeRef {
    ChargeRef { order_id: order.clone(), pg_payment_id: None }
}

/// A cancel of a charge, the `n`th, when `cancellable` is left.
pub(super) fn cancel_request(
    charge: &ChargeRef,
    n: u64,
    scope: CancelScope,
    cancellable: u64,
) -> CancelRequest {
    let id = IdSource::seeded(n).cancel(Timestamp::UNIX_EPOCH);
    CancelRequest {
        idempotency_key: format!("{id}_1"),
        id,
        order_id: charge.order_id.clone(),
        pg_payment_id: charge.pg_payment_id.clone().unwrap(),
        scope,
        cancellable: krw(cancellable),
        reason: "부분 품절".to_owned(),
        refund_account: None,
        channel_pg: None,
    }
}

/// All that is left.
pub(super) const ALL: CancelScope = CancelScope::All { tax_free: None };

/// So much of it.
pub(super) fn part(amount: u64) -> CancelScope {
    CancelScope::Part { amount: krw(amount), tax_free: None, vat: None }
}

/// A cancel of all that is left.
pub(super) fn all_of(charge: &ChargeRef, n: u64, cancellable: u64) -> CancelRequest {
    cancel_request(charge, n, ALL, cancellable)
}

/// A cancel of a part.
pub(super) fn part_of(charge: &ChargeRef, n: u64, amount: u64, cancellable: u64) -> CancelRequest {
    cancel_request(charge, n, part(amount), cancellable)
}

/// The close of an unpaid account.
pub(super) fn close_of(charge: &ChargeRef, n: u64) -> CancelRequest {
    cancel_request(charge, n, CancelScope::Close, AMOUNT)
}

/// The same request under the next key, as after an answered error.
pub(super) fn next_key(request: &CancelRequest) -> CancelRequest {
    CancelRequest { idempotency_key: format!("{}_2", request.id), ..request.clone() }
}

/// With an account that a refund reaches.
pub(super) fn to_account(request: CancelRequest) -> CancelRequest {
    to(request, "088", "110234567890")
}

/// With this account, as a record holds it: an old one may name a bank in another way than by our code.
pub(super) fn to(request: CancelRequest, bank: &str, number: &str) -> CancelRequest {
    let stored = json!({ "bank_code": bank, "account_number": number, "holder_name": "박서준" });
    CancelRequest { refund_account: Some(serde_json::from_value(stored).unwrap()), ..request }
}
