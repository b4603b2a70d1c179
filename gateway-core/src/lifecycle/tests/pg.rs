//! What a PG is and shows, for the samples.

use std::time::Duration;

use super::sample::{PRICE, READ_TIMEOUT, at, pg_id};
use crate::{
    model::{
        CancelId, Method, Mode, Money, MoneyMoves, PaymentTerms, PgCancelStatus, PgStatus, Secret, Snapshot,
        SnapshotCancel, VirtualAccount,
    },
    provider::{Guard, Guards, MethodTerms, ProviderDescription},
};

/// What an account of either kind can do: with keys where money moves on confirm, else with nothing but its balance.
pub(crate) fn description(money_moves: MoneyMoves) -> ProviderDescription {
    let method = |method| MethodTerms {
        method,
        minimums: vec![Money::krw(100)],
        maximum: Some(Money::krw(10_000_000)),
        refund_needs_account: method == Method::VirtualAccount,
    };
    let key = Guard::Key { within: Duration::from_secs(15 * 24 * 60 * 60), per_credential: true };
    let guards = match money_moves {
        MoneyMoves::OnConfirm { .. } => Guards {
            window: Vec::new(),
            confirm: vec![key, Guard::Charge],
            cancel_all: vec![key, Guard::Balance],
            cancel_part: vec![key, Guard::Balance],
            close: vec![key, Guard::Charge],
        },
        MoneyMoves::BeforeConfirm => Guards {
            window: vec![Guard::Order],
            confirm: Vec::new(),
            cancel_all: vec![Guard::Balance],
            cancel_part: vec![Guard::Balance],
            close: vec![Guard::Charge],
        },
    };
    ProviderDescription {
        kind: "fake",
        mode: Mode::Test,
        pg_merchant: "merchant".to_owned(),
        credential: "first".to_owned(),
        api_version: "1".to_owned(),
        methods: vec![method(Method::Card), method(Method::VirtualAccount)],
        guards,
        cancels_by_order: false,
        shows_whole_orders: money_moves == MoneyMoves::BeforeConfirm,
        requests_per_window: 0,
        read_timeout: READ_TIMEOUT,
        webhook_reply: "OK",
    }
}

pub(crate) fn terms(amount: u64) -> PaymentTerms {
    PaymentTerms::new("a pair of socks", Money::krw(amount), "https://shop.example/return")
}

/// A charge in the state `status`, without money.
pub(crate) fn shown(order_id: &str, name: &str, status: PgStatus) -> Snapshot {
    Snapshot {
        status,
        raw_status: format!("{status:?}"),
        cancels: Some(Vec::new()),
        mode: Some(Mode::Test),
        method: Some(Method::Card),
        raw: Secret::new("{}"),
        ..Snapshot::open(pg_id(name), order_id.to_owned(), Money::krw(PRICE))
    }
}

impl Snapshot {
    /// The same with all of its total paid at that second.
    pub(crate) fn with_money_at(self, second: i64) -> Self {
        let (paid, cancellable) = (self.total, self.total);
        Self { status: PgStatus::Paid, paid, cancellable, paid_at: Some(at(second)), ..self }
    }

    /// The same with another total.
    pub(crate) fn with_total(self, amount: u64) -> Self {
        Self { total: Money::krw(amount), ..self }
    }

    /// The same as an issued account, unpaid.
    pub(crate) fn with_account(self, due: i64) -> Self {
        let account = VirtualAccount {
            bank_code: "020".parse().ok(),
            pg_bank: Some("020".to_owned()),
            account_number: "110-000".to_owned(),
            holder_name: None,
            due_at: Some(at(due)),
        };
        Self {
            status: PgStatus::AwaitingDeposit,
            method: Some(Method::VirtualAccount),
            virtual_account: Some(account),
            ..self
        }
    }

    /// The same with one more cancel in its list.
    pub(crate) fn with_cancel(mut self, cancel: SnapshotCancel) -> Self {
        if cancel.status != PgCancelStatus::Failed {
            self.cancelled = self.cancelled.checked_add(cancel.amount).unwrap();
            self.cancellable = self.cancellable.saturating_sub(cancel.amount);
        }
        self.cancels.get_or_insert_default().push(cancel);
        self
    }
}

/// A cancel in the PG's list, ours if it carries our id.
pub(crate) fn listed(amount: u64, id: Option<&CancelId>) -> SnapshotCancel {
    SnapshotCancel {
        pg_cancel_id: None,
        id: id.cloned(),
        amount: Money::krw(amount),
        reason: Some("by hand".to_owned()),
        status: PgCancelStatus::Done,
        chargeback: false,
        at: None,
    }
}
