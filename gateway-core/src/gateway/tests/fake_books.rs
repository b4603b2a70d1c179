//! The books of the fake PG: what is true of money, whatever was answered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    lifecycle::tests::sample::shown,
    model::{
        Failure, FailureReason, Method, Money, PgCancelStatus, PgMessage, PgPaymentId, PgStatus, Secret,
        Snapshot, SnapshotCancel, VirtualAccount,
    },
    provider::{
        CancelOutcome, CancelRequest, CancelScope, ConfirmRequest, LookUp, MovementKind, PgMovement,
        ProviderError, Response, Taken,
    },
};

/// One payment in the books.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) snapshot: Snapshot,
    /// How often the buyer's money was taken. More than once is what must never happen.
    pub(crate) taken: u32,
    /// How much we gave back, counted where money moves and not where it is answered.
    pub(crate) given_back: u64,
}

/// What the PG answered to a key: it answers the same again.
#[derive(Clone, Debug)]
enum Stored {
    Taken(PgPaymentId),
    Cancelled(Box<CancelOutcome>),
    Declined(Failure),
    Error(PgMessage),
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    rows: BTreeMap<PgPaymentId, Row>,
    stored: BTreeMap<String, Stored>,
    /// Whether a key is answered as it was before.
    keeps_keys: bool,
    /// Confirms and cancels without looking whether that was done before.
    pub(crate) permissive: bool,
    /// Whether every charge of an order is in the answer to a look-up of it.
    lists_orders: bool,
    /// Rows that nobody can read: a look-up of their order is not complete.
    pub(crate) unreadable: Vec<PgPaymentId>,
    /// Refunds are accepted and take a while.
    pub(crate) slow_refunds: bool,
    /// Whether confirms and cancels are answered without the payment after them.
    pub(crate) shows_nothing: bool,
}

pub(crate) fn pg_message(code: &str) -> PgMessage {
    PgMessage::new(code, "text of the PG")
}

fn unknown(code: &str) -> ProviderError {
    ProviderError::Unknown(Response::Error(pg_message(code)))
}

fn decline(code: &str, reason: FailureReason) -> Failure {
    Failure::by_pg(reason, pg_message(code))
}

impl Books {
    /// Books of a PG that keeps keys, or of one that lists every charge of an order.
    pub(crate) fn of(keyed: bool) -> Self {
        Self { keeps_keys: keyed, lists_orders: !keyed, ..Self::default() }
    }

    /// A buyer agreed in the window: nothing is paid yet.
    pub(crate) fn agree(&mut self, order: &str, amount: u64) -> PgPaymentId {
        let name = format!("pg{}", self.rows.len() + 1);
        let snapshot = shown(order, &name, PgStatus::Open).with_total(amount);
        let id = snapshot.pg_payment_id.clone();
        self.rows.insert(id.clone(), Row { snapshot, taken: 0, given_back: 0 });
        id
    }

    /// A buyer paid in the window, where money moves before confirm.
    pub(crate) fn pay(&mut self, order: &str, amount: u64, now: Timestamp) -> PgPaymentId {
        let id = self.agree(order, amount);
        self.take(&id, now);
        id
    }

    /// A buyer asked for an account, which is issued on confirm or, where money moves before it, at once.
    pub(crate) fn agree_to_deposit(&mut self, order: &str, amount: u64, due_at: Timestamp) -> PgPaymentId {
        let id = self.agree(order, amount);
        self.change(&id, |snapshot| {
            snapshot.method = Some(Method::VirtualAccount);
            snapshot.virtual_account = Some(VirtualAccount {
                bank_code: "020".parse().ok(),
                pg_bank: Some("020".to_owned()),
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

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.rows.values().cloned().collect()
    }

    /// Money comes in: all of it.
    pub(crate) fn take(&mut self, id: &PgPaymentId, now: Timestamp) {
        let row = self.rows.get_mut(id).unwrap();
        row.taken += 1;
        row.snapshot.paid = row.snapshot.total.saturating_sub(row.snapshot.discount);
        row.snapshot.cancellable = row.snapshot.paid;
        row.snapshot.status = PgStatus::Paid;
        row.snapshot.paid_at = Some(now);
    }

    /// A deposit is reversed.
    pub(crate) fn reverse(&mut self, id: &PgPaymentId) {
        self.change(id, |snapshot| {
            (snapshot.paid, snapshot.cancellable) = (Money::krw(0), Money::krw(0));
            snapshot.status = PgStatus::AwaitingDeposit;
            snapshot.paid_at = None;
        });
    }

    /// A cancel by hand in the PG's own console.
    pub(crate) fn cancel_in_console(&mut self, id: &PgPaymentId, amount: u64, now: Timestamp) {
        let number = self.rows[id].snapshot.cancels.as_ref().map_or(0, Vec::len);
        let entry = SnapshotCancel {
            pg_cancel_id: Some(format!("console{number}")),
            id: None,
            amount: Money::krw(amount),
            reason: Some("by hand".to_owned()),
            status: PgCancelStatus::Done,
            chargeback: false,
            at: Some(now),
        };
        self.change(id, |snapshot| *snapshot = snapshot.clone().with_cancel(entry));
    }

    /// Refunds that were under way arrive, or cannot be paid out.
    pub(crate) fn end_refunds(&mut self, id: &PgPaymentId, status: PgCancelStatus) {
        let row = self.rows.get_mut(id).unwrap();
        let pending = |entry: &&mut SnapshotCancel| entry.status == PgCancelStatus::Pending;
        for entry in row.snapshot.cancels.iter_mut().flatten().filter(pending) {
            entry.status = status;
            if status == PgCancelStatus::Failed {
                row.given_back -= entry.amount.amount();
                row.snapshot.cancelled = row.snapshot.cancelled.saturating_sub(entry.amount);
                row.snapshot.cancellable = row.snapshot.cancellable.checked_add(entry.amount).unwrap();
            }
        }
    }

    pub(crate) fn look_up(&self, order: &str, id: Option<&PgPaymentId>) -> LookUp {
        let rows = self.rows.values().map(|row| &row.snapshot);
        match id {
            Some(id) => {
                let charges = rows.filter(|shown| shown.pg_payment_id == *id).cloned().collect();
                LookUp { charges, complete: true }
            }
            None => {
                let is_unreadable = |shown: &&Snapshot| self.unreadable.contains(&shown.pg_payment_id);
                let of_order = rows.filter(|shown| shown.order_id == order);
                let (hidden, shown): (Vec<_>, Vec<_>) = of_order.partition(is_unreadable);
                let mut charges: Vec<_> = shown.into_iter().cloned().collect();
                if !self.lists_orders {
                    // One of them, as some PGs do.
                    charges.truncate(1);
                }
                LookUp { charges, complete: self.lists_orders && hidden.is_empty() }
            }
        }
    }

    fn answered(&self, key: &str) -> Option<Stored> {
        self.stored.get(key).filter(|_| self.keeps_keys).cloned()
    }

    fn store(&mut self, key: &str, answer: Stored) {
        if self.keeps_keys {
            self.stored.insert(key.to_owned(), answer);
        }
    }

    /// From now on a key is answered with an error, as some PGs answer it for days.
    pub(crate) fn store_error(&mut self, key: &str, code: &str) {
        self.store(key, Stored::Error(pg_message(code)));
    }

    pub(crate) fn confirm(
        &mut self,
        request: &ConfirmRequest,
        now: Timestamp,
    ) -> Result<Taken, ProviderError> {
        match self.answered(&request.idempotency_key) {
            Some(Stored::Taken(id)) => return Ok(self.taken(&id)),
            Some(Stored::Declined(failure)) => return Err(ProviderError::Declined(failure)),
            Some(Stored::Error(pg)) => return Err(ProviderError::Unknown(Response::Error(pg))),
            Some(Stored::Cancelled(_)) | None => {}
        }
        let order = request.charge.order_id.as_str();
        let by_state = || {
            let of_order =
                |row: &&Row| row.snapshot.order_id == order && row.snapshot.status == PgStatus::Open;
            self.rows.values().find(of_order).map(|row| row.snapshot.pg_payment_id.clone())
        };
        let id = request.charge.pg_payment_id.clone().or_else(by_state);
        let Some((id, row)) = id.and_then(|id| Some((id.clone(), self.rows.get(&id)?))) else {
            return Err(ProviderError::Declined(decline(
                "NOT_FOUND_PAYMENT_SESSION",
                FailureReason::SessionExpired,
            )));
        };
        if row.snapshot.total != request.amount || row.snapshot.order_id != order {
            return Err(ProviderError::Invalid(pg_message("INVALID_REQUEST")));
        }
        match row.snapshot.status {
            PgStatus::Open => {}
            PgStatus::Failed | PgStatus::Expired => {
                let failure = decline("EXPIRED", FailureReason::SessionExpired);
                self.store(&request.idempotency_key, Stored::Declined(failure.clone()));
                return Err(ProviderError::Declined(failure));
            }
            _ if self.permissive => {}
            _ => return Err(unknown("ALREADY_PROCESSED_PAYMENT")),
        }
        if row.snapshot.virtual_account.is_some() {
            self.change(&id, |snapshot| snapshot.status = PgStatus::AwaitingDeposit);
        } else {
            self.take(&id, now);
        }
        self.store(&request.idempotency_key, Stored::Taken(id.clone()));
        Ok(self.taken(&id))
    }

    /// Only the answer to a confirm holds the secret of the charge's webhooks.
    fn taken(&self, id: &PgPaymentId) -> Taken {
        let snapshot = (!self.shows_nothing).then(|| self.rows[id].snapshot.clone());
        Taken { snapshot, webhook_secret: Some(Secret::new(format!("secret-of-{id}"))) }
    }

    pub(crate) fn cancel(
        &mut self,
        request: &CancelRequest,
        now: Timestamp,
    ) -> Result<CancelOutcome, ProviderError> {
        match self.answered(&request.idempotency_key) {
            Some(Stored::Cancelled(outcome)) => return Ok(*outcome),
            Some(Stored::Declined(failure)) => return Err(ProviderError::Declined(failure)),
            Some(Stored::Error(pg)) => return Err(ProviderError::Unknown(Response::Error(pg))),
            Some(Stored::Taken(_)) | None => {}
        }
        let outcome = self.make_cancel(request, now)?;
        self.store(&request.idempotency_key, Stored::Cancelled(Box::new(outcome.clone())));
        Ok(outcome)
    }

    fn make_cancel(
        &mut self,
        request: &CancelRequest,
        now: Timestamp,
    ) -> Result<CancelOutcome, ProviderError> {
        let (permissive, shows_nothing) = (self.permissive, self.shows_nothing);
        let status = if self.slow_refunds { PgCancelStatus::Pending } else { PgCancelStatus::Done };
        let row = self.rows.get_mut(&request.pg_payment_id).unwrap();
        let left = row.snapshot.cancellable;
        let amount = match request.scope {
            CancelScope::Close if row.snapshot.status == PgStatus::AwaitingDeposit => {
                row.snapshot.status = PgStatus::Closed;
                let snapshot = (!shows_nothing).then(|| row.snapshot.clone());
                return Ok(CancelOutcome { status: PgCancelStatus::Done, pg_cancel_id: None, snapshot });
            }
            CancelScope::Close => {
                let failure = decline("NOT_CANCELABLE_PAYMENT", FailureReason::NotCancellable);
                return Err(ProviderError::Declined(failure));
            }
            _ if left.is_zero() => return Err(unknown("ALREADY_CANCELED_PAYMENT")),
            _ if request.cancellable != left && !permissive => {
                return Err(unknown("NOT_MATCHES_REFUNDABLE_AMOUNT"));
            }
            CancelScope::All { .. } => left,
            CancelScope::Part { amount, .. } => amount,
        };
        row.given_back += amount.amount();
        let number = row.snapshot.cancels.as_ref().map_or(0, Vec::len);
        let entry = SnapshotCancel {
            pg_cancel_id: Some(format!("c{number}")),
            id: Some(request.id.clone()),
            amount,
            reason: Some(request.tagged_reason(200)),
            status,
            chargeback: false,
            at: Some(now),
        };
        row.snapshot = row.snapshot.clone().with_cancel(entry);
        let snapshot = (!shows_nothing).then(|| row.snapshot.clone());
        Ok(CancelOutcome { status, pg_cancel_id: Some(format!("c{number}")), snapshot })
    }

    /// Money in and money back, the oldest first.
    pub(crate) fn movements(&self, from: Timestamp, to: Timestamp) -> Vec<PgMovement> {
        let mut movements = Vec::new();
        for Row { snapshot, .. } in self.rows.values() {
            let row = |kind, amount, at| PgMovement {
                pg_payment_id: Some(snapshot.pg_payment_id.clone()),
                order_id: Some(snapshot.order_id.clone()),
                kind,
                amount: Some(amount),
                at,
            };
            movements.extend(snapshot.paid_at.map(|at| row(MovementKind::In, snapshot.paid, at)));
            let back = snapshot.cancels.iter().flatten();
            movements.extend(back.filter_map(|back| Some(row(MovementKind::Back, back.amount, back.at?))));
        }
        movements.retain(|movement| (from..=to).contains(&movement.at));
        movements.sort_by_key(|movement| movement.at);
        movements
    }
}
