//! What a PG shows of a payment.

use jiff::Timestamp;
use paymux_core::model::{
    CancelId, Failure, FailureReason, Method, MethodDetail, Mode, Money, PgStatus, Secret, Snapshot,
    SnapshotCancel, VirtualAccount,
};

use super::{
    Model,
    books::{PgCancel, PgPayment, Row, State},
};

impl Model {
    /// A state of a payment, as the PG shows it.
    pub(crate) fn snapshot(&self, row: &Row, index: usize) -> Snapshot {
        let payment = row.state(index);
        let has_money = payment.taken > 0;
        let back = if has_money { payment.given_back() } else { 0 };
        let whole = if self.kind.counts_gross() { payment.total } else { payment.taken };
        let is_deposit = payment.due_at.is_some();
        Snapshot {
            pg_payment_id: payment.id.clone(),
            order_id: payment.order.clone(),
            status: status(payment),
            raw_status: format!("{:?}", payment.state),
            total: Money::krw(payment.total),
            discount: Money::krw(payment.discount),
            paid: Money::krw(payment.taken),
            cancelled: Money::krw(back),
            cancellable: Money::krw(if has_money { whole.saturating_sub(back) } else { 0 }),
            cancels: Some(payment.cancels.iter().map(|cancel| self.cancel_shown(cancel)).collect()),
            mode: Some(if payment.wrong_mode { Mode::Live } else { Mode::Test }),
            disputed: Some(payment.disputed),
            paid_at: payment.paid_at,
            failure: (payment.state == State::Failed).then(|| Failure::of(why_failed(payment))),
            method: Some(if is_deposit { Method::VirtualAccount } else { Method::Card }),
            method_detail: MethodDetail::default(),
            virtual_account: payment
                .due_at
                .filter(|_| payment.state != State::Agreed)
                .map(|due_at| account(payment, due_at)),
            channel_pg: None,
            receipt_url: None,
            cash_receipt: None,
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
            chargeback: false,
            at: Some(cancel.at),
        }
    }

    /// What a look-up asked then shows of a payment, which may be what was true a while ago.
    pub(crate) fn shown(&self, row: &Row, asked_at: Timestamp) -> Option<Snapshot> {
        if !self.world.profile.stale_reads {
            return Some(self.snapshot(row, row.newest()));
        }
        let newest = row.newest();
        let index = match row.oldest_shown(asked_at) {
            Some(oldest) => oldest + self.world.draw(|rng| rng.index(newest - oldest + 1)),
            // It may not be there yet.
            None => self.world.draw(|rng| rng.index(newest + 2)).checked_sub(1)?,
        };
        Some(self.snapshot(row, index))
    }
}

fn status(payment: &PgPayment) -> PgStatus {
    match payment.state {
        State::Agreed => PgStatus::Open,
        State::Pending => PgStatus::Pending,
        State::Awaiting => PgStatus::AwaitingDeposit,
        State::Paid => PgStatus::Paid,
        State::Closed => PgStatus::Closed,
        State::Failed => PgStatus::Failed,
        State::Expired => PgStatus::Expired,
    }
}

fn account(payment: &PgPayment, due_at: Timestamp) -> VirtualAccount {
    VirtualAccount {
        bank_code: "020".parse().ok(),
        pg_bank: Some("020".to_owned()),
        account_number: payment.id.to_string(),
        holder_name: None,
        due_at: Some(due_at),
    }
}

/// Some PGs mark a window that the buyer closed as failed. It says nothing of money, which may come after all.
fn why_failed(payment: &PgPayment) -> FailureReason {
    if payment.id.as_str().ends_with(['0', '2', '4', '6', '8']) {
        FailureReason::BuyerClosed
    } else {
        FailureReason::InsufficientFunds
    }
}
