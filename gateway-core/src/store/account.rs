//! What an account was when its payments were made.

use crate::model::{AccountId, MerchantId, Mode};

/// What an account is, kept so that it cannot change while money of its payments may still move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBinding {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its PG.
    pub kind: String,
    /// Test or live.
    pub mode: Mode,
    /// The merchant's name at the PG.
    pub pg_merchant: String,
}

/// What about an account is another than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountDifference {
    /// It is not configured any more.
    Removed,
    /// It belongs to another merchant.
    Merchant,
    /// Another PG.
    Kind,
    /// Live instead of test, or the other way round.
    Mode,
    /// Another merchant id at the PG.
    PgMerchant,
}

impl AccountDifference {
    /// What happened to the account, as the end of a sentence that begins with its name.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Removed => "was removed",
            Self::Merchant => "was given to another merchant",
            Self::Kind => "was changed in its kind",
            Self::Mode => "was changed in its mode",
            Self::PgMerchant => "was changed in its PG merchant id",
        }
    }
}

impl AccountBinding {
    /// What `now` has changed of an account that was bound as `self`.
    #[must_use]
    pub fn difference(&self, now: Option<&Self>) -> Option<AccountDifference> {
        // Limits and `retired` may change at any time. What is compared says whose account it is, and at
        // which PG.
        let Some(now) = now else { return Some(AccountDifference::Removed) };
        if self.merchant != now.merchant {
            Some(AccountDifference::Merchant)
        } else if self.kind != now.kind {
            Some(AccountDifference::Kind)
        } else if self.mode != now.mode {
            Some(AccountDifference::Mode)
        } else if self.pg_merchant != now.pg_merchant {
            Some(AccountDifference::PgMerchant)
        } else {
            None
        }
    }
}
