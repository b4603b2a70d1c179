//! The books of the fake PG: what is true of money, whatever anybody was told.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    CancelAmount, CancelOutcome, CancelRequest, CancelStatus, ConfirmRequest, Failure, FailureReason, Method,
    MethodDetail, Mode, Money, PaymentRef, PgMessage, PgPaymentId, PgStatus, ProviderError, Secret, Snapshot,
    SnapshotCancel, VirtualAccount,
};

/// What a PG can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Request,
    Confirm,
    Verify,
    Cancel,
    List,
}

/// One payment in the books.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) snapshot: Snapshot,
    /// How often the buyer was charged. More than once is what must never happen.
    pub(crate) charged: u32,
    /// How much was given back by us, counted where money moves and not where it is told.
    pub(crate) given_back: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    rows: BTreeMap<PgPaymentId, Row>,
    /// What a key was answered: the PG gives the same answer again.
    confirmed: BTreeMap<String, Result<PgPaymentId, Failure>>,
    cancelled: BTreeMap<String, CancelOutcome>,
    /// Confirms and cancels without looking whether that was done before.
    pub(crate) permissive: bool,
    /// Refunds are accepted and take a while.
    pub(crate) slow_refunds: bool,
    /// The reason does not come back.
    pub(crate) forgets_reasons: bool,
}

pub(crate) fn pg_message(code: &str) -> PgMessage {
    PgMessage::new(code, "text of the PG")
}

impl Books {
    /// A buyer agreed in the window: nothing is paid yet.
    pub(crate) fn agree(&mut self, order: &str, amount: u64) -> PgPaymentId {
        let id: PgPaymentId = format!("pg{}", self.rows.len() + 1).parse().unwrap();
        let snapshot = Snapshot {
            pg_id: id.clone(),
            pg_order_id: order.to_owned(),
            raw_status: "IN_PROGRESS".to_owned(),
            status: PgStatus::InProgress,
            total: Money::krw(amount),
            paid: Money::krw(0),
            cancelled: Money::krw(0),
            method: Some(Method::Card),
            method_detail: MethodDetail::default(),
            virtual_account: None,
            receipt_url: None,
            cash_receipt: None,
            cancels: Vec::new(),
            paid_at: None,
            failure: None,
            mode: Some(Mode::Test),
            deposit_secret: None,
            raw: Secret::new("{}"),
        };
        self.rows.insert(id.clone(), Row { snapshot, charged: 0, given_back: 0 });
        id
    }

    /// A buyer paid in the window, where money moves before confirm.
    pub(crate) fn pay(&mut self, order: &str, amount: u64, now: Timestamp) -> PgPaymentId {
        let id = self.agree(order, amount);
        self.charge(&id, now);
        id
    }

    /// A buyer asked for an account, which is issued on confirm.
    pub(crate) fn agree_to_deposit(&mut self, order: &str, amount: u64, due_at: Timestamp) -> PgPaymentId {
        let id = self.agree(order, amount);
        self.change(&id, |snapshot| {
            snapshot.method = Some(Method::VirtualAccount);
            snapshot.virtual_account = Some(VirtualAccount {
                bank_code: Some("20".to_owned()),
                account_number: "110-000".to_owned(),
                holder_name: None,
                due_at: Some(due_at),
            });
        });
        id
    }

    pub(crate) fn change(&mut self, id: &PgPaymentId, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.rows.get_mut(id).unwrap().snapshot);
    }

    pub(crate) fn row(&self, id: &PgPaymentId) -> Row {
        self.rows[id].clone()
    }

    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        self.rows.values().map(|row| row.snapshot.clone()).collect()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.rows.values().cloned().collect()
    }

    /// Money comes in: all of it.
    pub(crate) fn charge(&mut self, id: &PgPaymentId, now: Timestamp) {
        let row = self.rows.get_mut(id).unwrap();
        row.charged += 1;
        row.snapshot.paid = row.snapshot.total;
        row.snapshot.status = PgStatus::Paid;
        row.snapshot.paid_at = Some(now);
    }

    /// A deposit turns out bad.
    pub(crate) fn reverse(&mut self, id: &PgPaymentId) {
        self.change(id, |snapshot| {
            snapshot.paid = Money::krw(0);
            snapshot.status = PgStatus::AwaitingDeposit;
            snapshot.paid_at = None;
        });
    }

    /// Somebody cancels in the PG's own console.
    pub(crate) fn cancel_in_console(&mut self, id: &PgPaymentId, amount: u64) {
        self.change(id, |snapshot| {
            let number = snapshot.cancels.len();
            snapshot.cancelled = snapshot.cancelled.checked_add(Money::krw(amount)).unwrap();
            snapshot.cancels.push(SnapshotCancel {
                pg_cancel_id: Some(format!("console{number}")),
                id: None,
                amount: Money::krw(amount),
                reason: Some("by hand".to_owned()),
                status: CancelStatus::Done,
                at: None,
            });
        });
    }

    /// Refunds that were under way arrive.
    pub(crate) fn complete_refunds(&mut self, id: &PgPaymentId) {
        self.change(id, |snapshot| {
            snapshot.cancels.iter_mut().for_each(|cancel| cancel.status = CancelStatus::Done);
        });
    }

    /// The newest refund could not be paid out: the money is with the merchant again.
    pub(crate) fn fail_refund(&mut self, id: &PgPaymentId) {
        let row = self.rows.get_mut(id).unwrap();
        let refund = row.snapshot.cancels.last_mut().unwrap();
        refund.status = CancelStatus::Refused;
        row.given_back -= refund.amount.amount();
        row.snapshot.cancelled = row.snapshot.cancelled.checked_sub(refund.amount).unwrap();
    }

    pub(crate) fn show(&self, subject: &PaymentRef) -> Vec<Snapshot> {
        let is_meant = |snapshot: &Snapshot| match &subject.pg_id {
            Some(pg_id) => snapshot.pg_id == *pg_id,
            None => snapshot.pg_order_id == subject.pg_order_id.as_str(),
        };
        self.snapshots().into_iter().filter(is_meant).collect()
    }

    pub(crate) fn confirm(
        &mut self,
        request: &ConfirmRequest,
        by_us: bool,
        now: Timestamp,
    ) -> Result<Snapshot, ProviderError> {
        if !by_us {
            let subject = PaymentRef {
                pg_order_id: request.pg_order_id.clone(),
                pg_id: request.pg_id.clone(),
                state: None,
            };
            return self.show(&subject).pop().ok_or_else(|| ProviderError::no_answer("nothing yet"));
        }
        if let Some(answered) = self.confirmed.get(&request.idempotency_key) {
            let id = answered.clone().map_err(ProviderError::Declined)?;
            return Ok(self.row(&id).snapshot);
        }
        let id = request.pg_id.clone().unwrap();
        let Some(row) = self.rows.get(&id) else {
            let failure = Failure::of(FailureReason::SessionExpired);
            self.confirmed.insert(request.idempotency_key.clone(), Err(failure.clone()));
            return Err(ProviderError::Declined(failure));
        };
        if row.snapshot.status != PgStatus::InProgress && !self.permissive {
            return Err(ProviderError::Conflict(pg_message("ALREADY_PROCESSED_PAYMENT")));
        }
        self.confirmed.insert(request.idempotency_key.clone(), Ok(id.clone()));
        if row.snapshot.virtual_account.is_some() {
            self.change(&id, |snapshot| {
                snapshot.status = PgStatus::AwaitingDeposit;
                snapshot.deposit_secret = Some(Secret::new("ps_secret"));
            });
            let answer = self.row(&id).snapshot;
            // Only the answer to the confirm holds it.
            self.change(&id, |snapshot| snapshot.deposit_secret = None);
            return Ok(answer);
        }
        self.charge(&id, now);
        Ok(self.row(&id).snapshot)
    }

    pub(crate) fn decline(&mut self, key: &str) {
        self.confirmed.insert(key.to_owned(), Err(Failure::of(FailureReason::InsufficientFunds)));
    }

    pub(crate) fn cancel(
        &mut self,
        request: &CancelRequest,
        keyed: bool,
    ) -> Result<CancelOutcome, ProviderError> {
        if let Some(outcome) = self.cancelled.get(&request.idempotency_key).filter(|_| keyed) {
            return Ok(outcome.clone());
        }
        let row = self.rows.get_mut(&request.pg_id).unwrap();
        let balance = row.snapshot.balance();
        let amount = match request.amount {
            CancelAmount::Close if row.snapshot.paid.is_zero() => {
                row.snapshot.status = PgStatus::Cancelled;
                let snapshot = Some(row.snapshot.clone());
                return Ok(CancelOutcome { status: CancelStatus::Done, pg_cancel_id: None, snapshot });
            }
            CancelAmount::Close => {
                return Err(ProviderError::Declined(Failure::of(FailureReason::NotCancellable)));
            }
            _ if request.cancellable != balance && !self.permissive => {
                return Err(ProviderError::Conflict(pg_message("NOT_MATCHES_REFUNDABLE_AMOUNT")));
            }
            CancelAmount::All => balance,
            CancelAmount::Part(part) => part,
        };
        row.given_back += amount.amount();
        row.snapshot.cancelled = row.snapshot.cancelled.checked_add(amount).unwrap();
        let pg_cancel_id = Some(format!("c{}", row.snapshot.cancels.len()));
        let status = if self.slow_refunds { CancelStatus::Pending } else { CancelStatus::Done };
        row.snapshot.cancels.push(SnapshotCancel {
            pg_cancel_id: pg_cancel_id.clone(),
            id: (!self.forgets_reasons).then(|| request.id.clone()),
            amount,
            reason: Some(request.tagged_reason(200)),
            status,
            at: None,
        });
        let outcome = CancelOutcome { status, pg_cancel_id, snapshot: Some(row.snapshot.clone()) };
        self.cancelled.insert(request.idempotency_key.clone(), outcome.clone());
        Ok(outcome)
    }
}
