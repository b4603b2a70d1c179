//! A model of two kinds of PG, written apart from the simulators: one takes the money when it is asked
//! to, one in the window before anybody asks.
//!
//! It imitates no PG's wire. It keeps true books, and everything that is said of them may be lost, late,
//! repeated, reordered, old or wrong within what a PG may do.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use paymux_core::{
    model::{AccountId, Method, Mode, Money, PgPaymentId},
    provider::{Guard, Guards, MethodTerms, ProviderDescription},
};

use super::{invariants::InvariantChecker, world::World};

mod accepting;
mod aftermath;
pub(crate) mod answer;
pub(crate) mod books;
mod cancels;
mod client;
mod confirms;
mod movements;
mod network;
mod shown;
mod window;

pub(crate) use aftermath::Deliver;
pub(crate) use client::Client;
use confirms::{CONFIRMS_WITHIN, KEYS_FOR};
pub(crate) use window::Paying;

use books::{Books, Row};

/// How long an answer of the PG may take.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// When a PG takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// When it is asked to. It knows keys, counts discounts in cancels, and has no complete look-up by order.
    OnConfirm,
    /// In the window. It knows no keys, but guards the balance and the order.
    BeforeConfirm,
}

impl Kind {
    const fn shows_after_cancel(self) -> bool {
        matches!(self, Self::OnConfirm)
    }

    /// Whether a discount counts as what can be cancelled.
    pub(crate) const fn counts_gross(self) -> bool {
        matches!(self, Self::OnConfirm)
    }
}

/// One PG: its books, and how it behaves.
pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) account: AccountId,
    /// Which of the accounts it is.
    pub(crate) number: usize,
    pub(crate) world: Arc<World>,
    pub(crate) checker: Arc<InvariantChecker>,
    /// How its webhooks reach the gateway.
    pub(crate) deliver: OnceLock<Deliver>,
    books: Mutex<Books>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model {:?}", self.kind)
    }
}

impl Model {
    pub(crate) fn new(
        kind: Kind,
        number: usize,
        account: AccountId,
        world: Arc<World>,
        checker: Arc<InvariantChecker>,
    ) -> Self {
        Self { kind, account, number, world, checker, deliver: OnceLock::new(), books: Mutex::default() }
    }

    /// What an account with this credential can do.
    pub(crate) fn description(&self, credential: u32) -> ProviderDescription {
        let profile = &self.world.profile;
        let method = |method| {
            let mut terms = MethodTerms::new(method);
            terms.minimums = vec![Money::krw(100)];
            terms.refund_needs_account &= profile.refund_needs_account;
            terms
        };
        let key = Guard::Key { within: KEYS_FOR, per_credential: true };
        let close = if profile.closes_accounts { vec![Guard::Charge] } else { Vec::new() };
        let guards = match self.kind {
            Kind::OnConfirm => Guards {
                window: Vec::new(),
                // A permissive PG takes the money again under another key.
                confirm: if profile.permissive { vec![key] } else { vec![key, Guard::Charge] },
                cancel_all: vec![key, Guard::Balance],
                cancel_part: vec![key, Guard::Balance],
                close,
            },
            Kind::BeforeConfirm => {
                let balance = if profile.copies_balance { Guard::CopiedBalance } else { Guard::Balance };
                Guards {
                    window: vec![Guard::Order],
                    confirm: Vec::new(),
                    cancel_all: vec![balance],
                    cancel_part: vec![balance],
                    close,
                }
            }
        };
        let mut model = ProviderDescription::new("model", Mode::Test, self.account.as_str());
        model.credential = credential.to_string();
        model.api_version = "1".to_owned();
        model.methods = vec![method(Method::Card), method(Method::VirtualAccount)];
        model.guards = guards;
        model.shows_whole_orders = self.kind == Kind::BeforeConfirm;
        model.requests_per_window = u32::from(self.kind == Kind::BeforeConfirm);
        model.read_timeout = READ_TIMEOUT;
        model
    }

    fn names_cancels(&self) -> bool {
        self.kind == Kind::OnConfirm || self.world.profile.names_cancels
    }

    /// Reads or writes the books, then sends the webhooks that follow.
    pub(crate) fn books<T>(self: &Arc<Self>, work: impl FnOnce(&mut Books) -> T) -> T {
        let (done, news) = {
            let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
            let done = work(&mut books);
            (done, std::mem::take(&mut books.news))
        };
        for (news, pg_id) in news {
            self.follow(news, &pg_id);
        }
        done
    }

    /// Looks at one payment of the books.
    pub(crate) fn row<T>(self: &Arc<Self>, pg_id: &PgPaymentId, look: impl FnOnce(&Row) -> T) -> Option<T> {
        self.books(|books| books.rows.get(pg_id).map(look))
    }
}
