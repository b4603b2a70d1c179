//! One payment of the simulated Toss Payments, with what was done to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::ErrorCode;
use crate::ForeignPayment;

/// From the opening of the window to authentication.
const READY_MS: u64 = 30 * 60 * 1_000;
/// From authentication to confirm.
const IN_PROGRESS_MS: u64 = 10 * 60 * 1_000;

/// One payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) payment_key: String,
    /// The client key it was opened with; only its secret key may touch the payment.
    pub(crate) client_key: String,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) method: Option<Method>,
    pub(crate) status: Status,
    pub(crate) total: u64,
    pub(crate) tax_free: u64,
    /// What an instant discount pays of the total.
    #[serde(default)]
    pub(crate) discount: u64,
    pub(crate) requested_at_ms: u64,
    pub(crate) authenticated_at_ms: Option<u64>,
    pub(crate) approved_at_ms: Option<u64>,
    pub(crate) last_transaction_key: Option<String>,
    /// Oldest first. Empty in books that were written before there were transactions.
    #[serde(default)]
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) virtual_account: Option<VirtualAccount>,
    pub(crate) failure: Option<Failure>,
    /// What the confirm will be refused with.
    pub(crate) planned_decline: Option<String>,
    /// The request that opened the window.
    pub(crate) ask: Ask,
    /// Money that came in, in all.
    pub(crate) taken: u64,
    /// Money that was given or promised back, in all, without what came back when its refund failed.
    pub(crate) given_back: u64,
    /// As it was before its last change: what a stale replica still shows.
    pub(crate) previous: Option<Box<Row>>,
}

/// A window about to open.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) order_id: String,
    pub(super) order_name: String,
    pub(super) amount: u64,
    pub(super) tax_free: u64,
    pub(super) method: Option<Method>,
    pub(super) ask: Ask,
}

/// What the page or `POST /v1/payments` asked the window for, beside order and amount.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Made by `POST /v1/payments`: the window of this very payment can be opened.
    pub(crate) by_server: bool,
    pub(crate) success_url: Option<String>,
    pub(crate) fail_url: Option<String>,
    pub(crate) customer_name: Option<String>,
    pub(crate) card_company: Option<String>,
    pub(crate) installment_months: u64,
    pub(crate) easy_pay: Option<String>,
    pub(crate) use_escrow: bool,
    pub(crate) bank: Option<String>,
    pub(crate) valid_hours: Option<u64>,
    pub(crate) due_at_ms: Option<u64>,
    pub(crate) cash_receipt: Option<String>,
    pub(crate) customer_phone: Option<String>,
    #[serde(default)]
    pub(crate) customer_key: Option<String>,
    pub(crate) metadata: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Method {
    Card,
    EasyPay,
    VirtualAccount,
    Transfer,
    MobilePhone,
    CultureGiftCertificate,
    BookGiftCertificate,
    GameGiftCertificate,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) amount: u64,
    pub(crate) reason: String,
    pub(crate) tax_free: u64,
    /// What of the amount goes back to whoever gave the discount.
    #[serde(default)]
    pub(crate) discount: u64,
    pub(crate) refundable_after: u64,
    pub(crate) at_ms: u64,
    pub(crate) transaction_key: String,
    pub(crate) request_id: Option<String>,
    /// The bank transfer that brings a deposit back.
    #[serde(default)]
    pub(crate) refund: Option<Refund>,
}

/// A deposit on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) ends_at_ms: u64,
    pub(crate) fails: bool,
    /// Set when its time has come.
    pub(crate) ended: bool,
    /// Set when it failed and its money can be cancelled again.
    #[serde(default)]
    pub(crate) came_back: bool,
}

/// What was done to a payment in one step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// Counts all transactions of the books, so that those of one instant keep their order. Zero: not yet entered.
    pub(crate) number: u64,
    pub(super) key: String,
    /// What the payment was called after it. Only this shows the direction of the money.
    pub(super) status: Status,
    pub(super) amount: u64,
    pub(super) at_ms: u64,
    /// What is laid over the row of a foreign payment.
    #[serde(default)]
    pub(super) foreign: Option<ForeignPayment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VirtualAccount {
    pub(crate) number: String,
    pub(crate) bank_code: String,
    pub(crate) customer_name: String,
    pub(crate) depositor_name: Option<String>,
    pub(crate) due_at_ms: u64,
    pub(crate) expired: bool,
    pub(crate) secret: String,
    pub(crate) refund_account: Option<RefundAccount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundAccount {
    pub(crate) bank_code: String,
    pub(crate) number: String,
    pub(crate) holder_name: String,
}

/// Why a payment ended. The message is rendered from the code, in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
}

impl Row {
    /// A payment whose window has just been opened.
    pub(super) fn opened(payment_key: String, client_key: String, opening: Opening, now_ms: u64) -> Self {
        Self {
            payment_key,
            client_key,
            order_id: opening.order_id,
            order_name: opening.order_name,
            method: opening.method,
            status: Status::Ready,
            total: opening.amount,
            tax_free: opening.tax_free,
            discount: 0,
            requested_at_ms: now_ms,
            authenticated_at_ms: None,
            approved_at_ms: None,
            last_transaction_key: None,
            transactions: Vec::new(),
            cancels: Vec::new(),
            virtual_account: None,
            failure: None,
            planned_decline: None,
            ask: opening.ask,
            taken: 0,
            given_back: 0,
            previous: None,
        }
    }

    /// What is left to cancel.
    pub(crate) fn balance(&self) -> u64 {
        self.standing().fold(self.total, |left, cancel| left.saturating_sub(cancel.amount))
    }

    /// What of its discount was not taken back.
    pub(crate) fn discount_left(&self) -> u64 {
        self.cancels.iter().fold(self.discount, |left, cancel| left.saturating_sub(cancel.discount))
    }

    /// What is left of the tax-free part.
    pub(crate) fn tax_free_balance(&self) -> u64 {
        self.standing()
            .fold(self.tax_free, |left, cancel| left.saturating_sub(cancel.tax_free))
            .min(self.balance())
    }

    /// The cancels whose money did not come back.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Cancel> {
        self.cancels.iter().filter(|cancel| cancel.refund.is_none_or(|refund| !refund.came_back))
    }

    /// Records the step that led to the present status, the payment's last from now on.
    pub(super) fn record(&mut self, transaction_key: String, amount: u64, at_ms: u64) {
        self.last_transaction_key = Some(transaction_key.clone());
        let (number, status, foreign) = (0, self.status, None);
        self.transactions.push(Transaction { number, key: transaction_key, status, amount, at_ms, foreign });
    }

    /// Whether another system took it.
    pub(super) fn is_foreign(&self) -> bool {
        self.transactions.first().is_some_and(|transaction| transaction.foreign.is_some())
    }

    /// When the last step was taken.
    pub(super) fn last_transaction_at_ms(&self) -> Option<u64> {
        self.transactions.last().map(|transaction| transaction.at_ms)
    }

    /// The refunds of its deposit.
    pub(super) fn refunds(&self) -> impl Iterator<Item = Refund> {
        self.cancels.iter().filter_map(|cancel| cancel.refund)
    }

    /// As a stale replica shows it.
    pub(crate) fn stale(&self) -> &Self {
        self.previous.as_deref().unwrap_or(self)
    }

    /// Whether the PG once approved it, or issued its account: what `DUPLICATED_ORDER_ID` looks at.
    pub(crate) fn was_approved(&self) -> bool {
        use Status::{Canceled, Done, PartialCanceled, WaitingForDeposit};
        matches!(self.status, Done | Canceled | PartialCanceled | WaitingForDeposit)
    }

    /// Ends it by a refusal.
    pub(crate) fn abort(&mut self, error: &ErrorCode) {
        self.status = Status::Aborted;
        self.failure = Some(Failure { code: error.code.to_owned() });
    }

    /// What it is called after a cancel. In two steps it stays partly cancelled for ever, even when nothing is left.
    pub(crate) fn status_after_cancel(&self) -> Status {
        let at_once = self.balance() == 0 && self.standing().count() == 1;
        if at_once { Status::Canceled } else { Status::PartialCanceled }
    }

    /// When something happens to it by itself.
    pub(crate) fn due_at_ms(&self) -> Option<u64> {
        let account = self.virtual_account.as_ref();
        match self.status {
            Status::Ready => Some(self.requested_at_ms.saturating_add(READY_MS)),
            Status::InProgress => self.authenticated_at_ms.map(|at| at.saturating_add(IN_PROGRESS_MS)),
            Status::WaitingForDeposit => {
                account.filter(|account| !account.expired).map(|account| account.due_at_ms)
            }
            _ => self.refunds().filter(|refund| !refund.ended).map(|refund| refund.ends_at_ms).min(),
        }
    }
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::Canceled => "CANCELED",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Aborted => "ABORTED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl Method {
    /// As in answers.
    pub(crate) const fn korean(self) -> &'static str {
        match self {
            Self::Card => "카드",
            Self::EasyPay => "간편결제",
            Self::VirtualAccount => "가상계좌",
            Self::Transfer => "계좌이체",
            Self::MobilePhone => "휴대폰",
            Self::CultureGiftCertificate => "문화상품권",
            Self::BookGiftCertificate => "도서문화상품권",
            Self::GameGiftCertificate => "게임문화상품권",
        }
    }

    /// Reads the words of requests, Korean or English.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "카드" | "CARD" => Self::Card,
            "가상계좌" | "VIRTUAL_ACCOUNT" => Self::VirtualAccount,
            "계좌이체" | "TRANSFER" => Self::Transfer,
            "휴대폰" | "MOBILE_PHONE" => Self::MobilePhone,
            "문화상품권" | "CULTURE_GIFT_CERTIFICATE" => Self::CultureGiftCertificate,
            "도서문화상품권" | "BOOK_GIFT_CERTIFICATE" => Self::BookGiftCertificate,
            "게임문화상품권" | "GAME_GIFT_CERTIFICATE" => Self::GameGiftCertificate,
            _ => return None,
        })
    }

    /// The least that can be paid with it.
    pub(crate) const fn minimum(self) -> u64 {
        match self {
            Self::VirtualAccount | Self::Transfer => 200,
            _ => 100,
        }
    }
}
