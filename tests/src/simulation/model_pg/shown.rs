//! What a PG shows of a payment.

use gateway_core::{
    CancelId, Currency, Failure, FailureReason, Method, MethodDetail, Mode, Money, PgStatus, Secret,
    Snapshot, SnapshotCancel, VirtualAccount,
};

use super::{
    Model,
    books::{PgCancel, PgPayment, Row, State},
};

impl Model {
    /// A state of a payment, as the PG shows it.
    pub(crate) fn snapshot(&self, row: &Row, index: usize) -> Snapshot {
        let payment = row.state(index);
        let status = status(payment);
        let refused = payment.state == State::Failed;
        Snapshot {
            pg_id: payment.id.clone(),
            pg_order_id: payment.order.clone(),
            raw_status: format!("{:?}", payment.state),
            status,
            total: Money::krw(payment.total),
            paid: Money::krw(payment.taken),
            cancelled: if payment.taken == 0 {
                Money::zero(Currency::Krw)
            } else {
                Money::krw(payment.given_back())
            },
            method: Some(if payment.due_at.is_some() { Method::VirtualAccount } else { Method::Card }),
            method_detail: MethodDetail::default(),
            virtual_account: payment
                .due_at
                .filter(|_| payment.state != State::Agreed)
                .map(|due_at| account(payment, due_at)),
            receipt_url: None,
            cash_receipt: None,
            cancels: payment.cancels.iter().map(|cancel| self.cancel_shown(cancel)).collect(),
            paid_at: payment.paid_at,
            failure: refused.then_some(Failure::of(FailureReason::InsufficientFunds)),
            mode: Some(Mode::Test),
            deposit_secret: None,
            raw: Secret::new(format!("{}:{index}", payment.id)),
        }
    }

    fn cancel_shown(&self, cancel: &PgCancel) -> SnapshotCancel {
        SnapshotCancel {
            pg_cancel_id: self.names_cancels().then(|| cancel.pg_cancel_id.clone()),
            id: CancelId::find_in(&cancel.reason),
            amount: Money::krw(cancel.amount),
            reason: Some(cancel.reason.clone()),
            status: cancel.status,
            at: Some(cancel.at),
        }
    }
}

fn status(payment: &PgPayment) -> PgStatus {
    match payment.state {
        State::Agreed => PgStatus::InProgress,
        State::Awaiting => PgStatus::AwaitingDeposit,
        State::Paid => PgStatus::Paid,
        State::Closed => PgStatus::Cancelled,
        State::Failed => PgStatus::Failed,
        State::Expired => PgStatus::Expired,
    }
}

fn account(payment: &PgPayment, due_at: jiff::Timestamp) -> VirtualAccount {
    VirtualAccount {
        bank_code: Some("20".to_owned()),
        account_number: payment.id.to_string(),
        holder_name: None,
        due_at: Some(due_at),
    }
}
