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

use gateway_core::{AccountId, Method, MethodTerms, Mode, Money, MoneyMoves, ProviderDescription};

use super::{invariants::Watchman, world::World};

mod aftermath;
pub(crate) mod answer;
pub(crate) mod books;
mod cancels;
mod client;
mod confirms;
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
    /// When it is asked to. It knows keys.
    OnConfirm,
    /// In the window. It knows no keys, but guards the balance, and lists what was paid.
    BeforeConfirm,
}

impl Kind {
    fn shows_after_cancel(self) -> bool {
        self == Self::OnConfirm
    }
}

/// One PG: its books, and how it behaves.
pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) account: AccountId,
    pub(crate) world: Arc<World>,
    pub(crate) watchman: Arc<Watchman>,
    pub(crate) description: ProviderDescription,
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
    pub(crate) fn new(kind: Kind, account: AccountId, world: Arc<World>, watchman: Arc<Watchman>) -> Self {
        let method = |method| MethodTerms {
            method,
            minimums: vec![Money::krw(100)],
            maximum: None,
            refund_needs_account: false,
        };
        let keyed = kind == Kind::OnConfirm;
        let description = ProviderDescription {
            kind: "model",
            mode: Mode::Test,
            pg_merchant: account.to_string(),
            credential: "the only one".to_owned(),
            methods: vec![method(Method::Card), method(Method::VirtualAccount)],
            money_moves: match kind {
                Kind::OnConfirm => MoneyMoves::OnConfirm { within: CONFIRMS_WITHIN },
                Kind::BeforeConfirm => MoneyMoves::BeforeConfirm,
            },
            repeat_safe_for: keyed.then_some(KEYS_FOR),
            read_timeout: READ_TIMEOUT,
            closes_accounts: world.profile.closes_accounts,
            api_version: "1".to_owned(),
        };
        Self {
            kind,
            account,
            world,
            watchman,
            description,
            deliver: OnceLock::new(),
            books: Mutex::default(),
        }
    }

    fn names_cancels(&self) -> bool {
        self.kind == Kind::OnConfirm || self.world.profile.names_cancels
    }

    /// Reads or writes the books, then tells the news.
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
    pub(crate) fn row<T>(
        self: &Arc<Self>,
        pg_id: &gateway_core::PgPaymentId,
        look: impl FnOnce(&Row) -> T,
    ) -> Option<T> {
        self.books(|books| books.rows.get(pg_id).map(look))
    }
}
