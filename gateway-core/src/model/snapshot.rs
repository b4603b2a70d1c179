//! What a PG shows of one of its payments now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cancel, CancelId, CashReceipt, Failure, Method, MethodDetail, Money, PgPaymentId, Secret, VirtualAccount,
};

/// The PG's status in our words, amounts left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PgStatus {
    /// No money, and not ended: the buyer is at the window, or agreed and nobody has confirmed.
    Open,
    /// The PG itself waits for the outcome.
    Pending,
    /// An account is issued and unpaid.
    AwaitingDeposit,
    /// Money came in. The amounts say how much of it went back.
    Paid,
    /// An unpaid account was closed.
    Closed,
    /// Refused.
    Failed,
    /// Time is up.
    Expired,
}

/// Whether the PG moved real money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A test key or channel: no real money.
    Test,
    /// Real money.
    Live,
}

impl Mode {
    /// The word in the configuration and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

/// What became of a cancel at the PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PgCancelStatus {
    /// Done.
    Done,
    /// Accepted; the money is still under way.
    Pending,
    /// Booked, and not paid out.
    Failed,
}

/// One cancel in the PG's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotCancel {
    /// The PG's own name for it.
    pub pg_cancel_id: Option<String>,
    /// Ours, if the reason that the PG echoes carries it.
    pub id: Option<CancelId>,
    /// How much.
    pub amount: Money,
    /// Why, as the PG keeps it.
    pub reason: Option<String>,
    /// What became of it.
    pub status: PgCancelStatus,
    /// Whether the card company took the money back for the buyer.
    pub chargeback: bool,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a PG shows of one charge now.
///
/// Compared, never merged; but what is `None` was not in this answer: what was known before is kept, and its
/// absence is never *less*.
///
/// ```
/// use paymux_core::model::{Money, PgStatus, Snapshot};
///
/// let mut shown = Snapshot::open("key-1".parse()?, "order-1".to_owned(), Money::krw(10_000));
/// assert!(!shown.shows_outcome(), "open: nobody has paid, and somebody may");
///
/// // As the PG shows it after 10,000 came in and 3,000 went back.
/// shown.status = PgStatus::Paid;
/// (shown.paid, shown.cancelled) = (Money::krw(10_000), Money::krw(3_000));
/// shown.cancellable = Money::krw(7_000);
/// assert!(shown.shows_outcome() && !shown.is_fully_cancelled());
/// assert_eq!(shown.balance(), Money::krw(7_000));
/// # Ok::<(), paymux_core::model::InvalidText>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The PG's id.
    pub pg_payment_id: PgPaymentId,
    /// The order id it carries: one of ours, if it is ours.
    pub order_id: String,
    /// The PG's status in our words.
    pub status: PgStatus,
    /// The PG's own word for its status.
    pub raw_status: String,
    /// What was to be paid, discounts included.
    pub total: Money,
    /// The part of the total that a third party pays: an instant discount, points.
    pub discount: Money,
    /// What came in from the buyer. A reversed deposit brings this back to nothing.
    pub paid: Money,
    /// What went back.
    pub cancelled: Money,
    /// What the PG would still cancel, in its own counting (with or without a discount).
    pub cancellable: Money,
    /// The PG's list of cancels; `None`: this PG or this answer shows only the sum.
    pub cancels: Option<Vec<SnapshotCancel>>,
    /// Test or live, where the PG says it per payment.
    pub mode: Option<Mode>,
    /// Whether the buyer disputes it at the card company.
    pub disputed: Option<bool>,
    /// When the money came in.
    pub paid_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// How it is paid; `None` for a method we have no word for, or none yet.
    pub method: Option<Method>,
    /// More on how it is paid.
    pub method_detail: MethodDetail,
    /// The PG behind a channel, in the PG's own word: who keeps the money, and how banks are written. `None` where the PG
    /// keeps it itself.
    pub channel_pg: Option<String>,
    /// The issued account.
    pub virtual_account: Option<VirtualAccount>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// The cash receipt.
    pub cash_receipt: Option<CashReceipt>,
    /// The PG's answer, as it came.
    pub raw: Secret,
}

impl Snapshot {
    /// A payment of which the PG has said only that it is open: no money, and nothing else known.
    #[must_use]
    pub fn open(pg_payment_id: PgPaymentId, order_id: String, total: Money) -> Self {
        let nothing = Money::zero(total.currency());
        Self {
            pg_payment_id,
            order_id,
            status: PgStatus::Open,
            raw_status: String::new(),
            total,
            discount: nothing,
            paid: nothing,
            cancelled: nothing,
            cancellable: nothing,
            cancels: None,
            mode: None,
            disputed: None,
            paid_at: None,
            failure: None,
            method: None,
            method_detail: MethodDetail::default(),
            channel_pg: None,
            virtual_account: None,
            receipt_url: None,
            cash_receipt: None,
            raw: Secret::new(""),
        }
    }

    /// What the merchant keeps: what came in, less what went back.
    #[must_use]
    pub fn balance(&self) -> Money {
        self.paid.saturating_sub(self.cancelled)
    }

    /// What a full cancel takes in the PG's own counting: the total where a discount is counted with it (Toss), what
    /// was paid where it is not (PortOne V2).
    #[must_use]
    pub fn full_cancel(&self) -> Money {
        // No answer says which of the two a PG counts by. It shows in what is left and what is gone: together
        // they are the total, or what was paid.
        let counts_gross = self.cancellable.checked_add(self.cancelled) == Ok(self.total);
        if counts_gross { self.total } else { self.paid }
    }

    /// Whether all that came in went back.
    #[must_use]
    pub fn is_fully_cancelled(&self) -> bool {
        // A payment that nobody paid has nothing left either, and was not cancelled.
        !self.cancelled.is_zero() && self.full_cancel().saturating_sub(self.cancelled).is_zero()
    }

    /// Whether it shows what became of a confirm: money, an account, or an end without either.
    #[must_use]
    pub fn shows_outcome(&self) -> bool {
        // `Paid` without an amount is only a word: what was paid has to show.
        !self.paid.is_zero() || !matches!(self.status, PgStatus::Open | PgStatus::Pending | PgStatus::Paid)
    }

    /// Whether its list holds this cancel of ours: by our id, which travels in the reason, or by the PG's own; never
    /// by the amount alone.
    #[must_use]
    pub fn shows_cancel(&self, cancel: &Cancel) -> bool {
        self.cancels.iter().flatten().any(|theirs| theirs.is(cancel))
    }

    /// Whether a cancel stands in the PG's list as failed. Of several tries of one the one that came through counts.
    #[must_use]
    pub fn shows_failed(&self, cancel: &Cancel) -> bool {
        let mut tries = self.cancels.iter().flatten().filter(|theirs| theirs.is(cancel)).peekable();
        // A cancel that is not in the list has not failed: it may not be there yet.
        tries.peek().is_some() && tries.all(|theirs| theirs.status == PgCancelStatus::Failed)
    }

    /// What this answer shows, with what it leaves out taken from the one before.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self {
            // An answer that shows only the sum takes back nothing of a list that was shown before.
            cancels: self.cancels.or_else(|| before.cancels.clone()),
            mode: self.mode.or(before.mode),
            disputed: self.disputed.or(before.disputed),
            // A deposit that was reversed has no time of payment any more. Kept, it would date the next one,
            // and a late deposit could pass for one in time.
            paid_at: if self.paid.is_zero() { self.paid_at } else { self.paid_at.or(before.paid_at) },
            method: self.method.or(before.method),
            method_detail: self.method_detail.or(&before.method_detail),
            channel_pg: self.channel_pg.or_else(|| before.channel_pg.clone()),
            virtual_account: self.virtual_account.or_else(|| before.virtual_account.clone()),
            receipt_url: self.receipt_url.or_else(|| before.receipt_url.clone()),
            cash_receipt: self.cash_receipt.or_else(|| before.cash_receipt.clone()),
            ..self
        }
    }

    /// Whether the money is a deposit into an issued account.
    pub(crate) fn is_deposit(&self) -> bool {
        // Some answers leave one of the two out.
        self.virtual_account.is_some() || self.method == Some(Method::VirtualAccount)
    }

    /// Until when an issued account may be paid into.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        self.virtual_account.as_ref()?.due_at
    }
}

impl SnapshotCancel {
    /// Whether this entry of the PG's list is that cancel of ours. A row that was adopted from a PG that names no
    /// cancels is known by all that the PG said of it.
    #[must_use]
    pub fn is(&self, ours: &Cancel) -> bool {
        use crate::model::CancelOrigin::{Chargeback, Pg};
        let same_pg_id = ours.pg_cancel_id.is_some() && ours.pg_cancel_id == self.pg_cancel_id;
        // Only for rows that were copied from the PG's list. Two refunds of ours may have the same amount and
        // reason, so ours are found by an id.
        let same_words = matches!(ours.origin, Pg | Chargeback)
            && ours.pg_cancel_id.is_none()
            && self.pg_cancel_id.is_none()
            && ours.amount == self.amount
            && self.at.is_none_or(|at| at == ours.created_at)
            && self.reason.as_deref().unwrap_or_default() == ours.reason;
        self.id.as_ref() == Some(&ours.id) || same_pg_id || same_words
    }
}
