//! What a PG says of one of its payments now.

use jiff::Timestamp;

use crate::{
    CancelId, CancelStatus, CashReceipt, Failure, Method, MethodDetail, Money, PgPaymentId, Secret,
    VirtualAccount,
};

/// The PG's status in our words, amounts left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgStatus {
    /// Created; the buyer has not agreed yet.
    Ready,
    /// The buyer agreed; nobody has asked for the money, or it is being taken.
    InProgress,
    /// An account is issued and unpaid.
    AwaitingDeposit,
    /// Money came in. How much of it was given back, [`Snapshot::cancelled`] tells.
    Paid,
    /// Ended before any money came: closed by someone.
    Cancelled,
    /// Refused.
    Failed,
    /// Time is up.
    Expired,
}

/// Whether the PG moved real money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A test key or channel: no real money.
    Test,
    /// Real money.
    Live,
}

/// One cancel in the PG's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotCancel {
    /// The PG's own name for it.
    pub pg_cancel_id: Option<String>,
    /// Ours, if the reason the PG echoes carries it.
    pub id: Option<CancelId>,
    /// How much.
    pub amount: Money,
    /// Why, as the PG keeps it.
    pub reason: Option<String>,
    /// `Done`, `Pending` (the refund is under way) or `Refused` (it failed).
    pub status: CancelStatus,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a PG says of one of its payments now. Compared, never merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The PG's id.
    pub pg_id: PgPaymentId,
    /// The order id it carries: one of ours, if it is ours.
    pub pg_order_id: String,
    /// The PG's own word for its status.
    pub raw_status: String,
    /// That in our words.
    pub status: PgStatus,
    /// What was to be paid.
    pub total: Money,
    /// What came in. A reversed deposit brings this back to nothing.
    pub paid: Money,
    /// What was given back, of what came in.
    pub cancelled: Money,
    /// How it is paid; `None` for a method we have no word for, or none yet.
    pub method: Option<Method>,
    /// More on how it is paid.
    pub method_detail: MethodDetail,
    /// The issued account.
    pub virtual_account: Option<VirtualAccount>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// The cash receipt.
    pub cash_receipt: Option<CashReceipt>,
    /// The PG's list of cancels.
    pub cancels: Vec<SnapshotCancel>,
    /// When the money came in.
    pub paid_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Test or live, where the PG says it per payment.
    pub mode: Option<Mode>,
    /// The secret of deposit webhooks, where an answer holds one.
    pub deposit_secret: Option<Secret>,
    /// The PG's answer, as it came.
    pub raw: Secret,
}

impl Snapshot {
    /// What came in and was not given back.
    #[must_use]
    pub fn balance(&self) -> Money {
        self.paid.saturating_sub(self.cancelled)
    }
}
