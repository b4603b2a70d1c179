//! What an account at a PG can do, and which guards make a repeat safe.

use std::time::Duration;

use crate::model::{Currency, Method, Mode, Money};

/// What an account at a PG can do and how it behaves.
///
/// ```
/// use paymux_core::{
///     model::{Method, Mode, Money},
///     provider::{Guard, MethodTerms, ProviderDescription},
/// };
///
/// let mut bank = ProviderDescription::new("bank", Mode::Test, "shop-17");
/// let mut transfer = MethodTerms::new(Method::Transfer);
/// transfer.maximum = Some(Money::krw(10_000_000));
/// bank.methods = vec![transfer];
/// // A confirm of a payment that is taken does nothing, so a confirm without an answer may be sent again.
/// bank.guards.confirm = vec![Guard::Charge];
///
/// assert!(bank.method(Method::Card).is_none());
/// assert!(!bank.closes_accounts(), "nothing says that a repeated close is safe");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderDescription {
    /// The PG's name in logs, metrics and the API: `toss`.
    pub kind: &'static str,
    /// Whether real money moves with these credentials.
    pub mode: Mode,
    /// The merchant's public name at the PG: which account this is.
    pub pg_merchant: String,
    /// A digest of the credentials: changes when they are rotated, reveals nothing of them.
    pub credential: String,
    /// The API version this speaks, for operators.
    pub api_version: String,
    /// The methods offered, the preferred one first.
    pub methods: Vec<MethodTerms>,
    /// What makes a repeat safe, per operation.
    pub guards: Guards,
    /// Whether a cancel names the order, not the charge: the core then looks up right before it and opens no
    /// window meanwhile.
    pub cancels_by_order: bool,
    /// Whether a look-up by order id shows every payment under it. Where it does not, nothing follows from what it leaves out.
    pub shows_whole_orders: bool,
    /// How many requests [`request`](super::PaymentProvider::request) sends: 0 where the step is made here.
    pub requests_per_window: u32,
    /// How long an answer may take.
    pub read_timeout: Duration,
    /// The body that acknowledges a webhook: some PGs read it (`OK`), others only the 200.
    pub webhook_reply: &'static str,
}

impl ProviderDescription {
    /// An account that offers no method yet, whose PG never does the same request twice safely, shows part of an order and
    /// has a minute to answer: what is not said must not be relied on.
    pub fn new(kind: &'static str, mode: Mode, pg_merchant: impl Into<String>) -> Self {
        Self {
            kind,
            mode,
            pg_merchant: pg_merchant.into(),
            credential: String::new(),
            api_version: String::new(),
            methods: Vec::new(),
            guards: Guards::default(),
            cancels_by_order: false,
            shows_whole_orders: false,
            requests_per_window: 1,
            read_timeout: Duration::from_secs(60),
            webhook_reply: "",
        }
    }

    /// The terms of a method; `None` if it is not offered.
    #[must_use]
    pub fn method(&self, method: Method) -> Option<&MethodTerms> {
        self.methods.iter().find(|terms| terms.method == method)
    }

    /// Whether an unpaid virtual account can be closed at the PG.
    #[must_use]
    pub fn closes_accounts(&self) -> bool {
        // Where a PG can close one, its description says what makes a repeat safe: the answer may get lost.
        !self.guards.close.is_empty()
    }
}

/// What one method needs at a PG.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodTerms {
    /// The method.
    pub method: Method,
    /// The least per currency; a currency that is not here is not taken.
    pub minimums: Vec<Money>,
    /// The most the PG takes in one payment.
    pub maximum: Option<Money>,
    /// Whether giving money back needs the buyer's account number.
    pub refund_needs_account: bool,
}

impl MethodTerms {
    /// Any amount in won. Money that came into a virtual account needs the buyer's account number to go back.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            minimums: vec![Money::krw(1)],
            maximum: None,
            refund_needs_account: method == Method::VirtualAccount,
        }
    }

    /// The least this method takes in `currency`; `None` if it does not take that currency.
    #[must_use]
    pub fn minimum(&self, currency: Currency) -> Option<Money> {
        self.minimums.iter().copied().find(|minimum| minimum.currency() == currency)
    }
}

/// The guards per operation. Each is a set: a repeat is allowed while any one of it holds. Empty: never repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Of a window. [`Guard::Order`]: a retry of the buyer keeps the order id.
    pub window: Vec<Guard>,
    /// Of a confirm.
    pub confirm: Vec<Guard>,
    /// Of a cancel of all that is left.
    pub cancel_all: Vec<Guard>,
    /// Of a cancel of a part.
    pub cancel_part: Vec<Guard>,
    /// Of the close of an unpaid account; empty where the PG cannot close one.
    pub close: Vec<Guard>,
}

/// What makes a repeat safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The same key is answered with the first outcome.
    Key {
        /// For so long after it was first used.
        within: Duration,
        /// Only under the same credential.
        // A PG that keeps keys for each secret key does not know ours any more once it is rotated: the same
        // key would be a new request.
        per_credential: bool,
    },
    /// At most one payment succeeds under an order id.
    Order,
    /// What is named can be taken or closed once.
    Charge,
    /// The PG refuses unless what is left is what we say, or nothing is left.
    // The weakest: no source says that a PG compares and books in one step, so a repeat beside an open send
    // could be a second refund.
    Balance,
    /// As `Balance`, compared with a copy: the PG in between keeps it, and books a cancel only once the PG behind has answered
    /// that it is done. So it still shows the balance of before while one that was answered with an error is executed behind.
    CopiedBalance,
}
