//! Payment methods, and what is known of the one used.

use serde::{Deserialize, Serialize};

/// How the buyer pays, in the words every PG shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 카드: a credit, debit or gift card.
    Card,
    /// 간편결제: a wallet such as Toss Pay, Naver Pay, Kakao Pay.
    EasyPay,
    /// 계좌이체: money moves from the buyer's account at once.
    Transfer,
    /// 가상계좌: an account number is issued and the buyer deposits later.
    VirtualAccount,
    /// 휴대폰: on the buyer's phone bill.
    MobilePhone,
}

impl Method {
    /// Every method, in the order of this enum.
    pub const ALL: [Self; 5] =
        [Self::Card, Self::EasyPay, Self::Transfer, Self::VirtualAccount, Self::MobilePhone];

    /// The word in the API and the configuration: `virtual_account`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::EasyPay => "easy_pay",
            Self::Transfer => "transfer",
            Self::VirtualAccount => "virtual_account",
            Self::MobilePhone => "mobile_phone",
        }
    }

    /// The method with this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// What the PG tells of the card, wallet or bank that paid. Every field is display text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodDetail {
    /// The PG's own word for the method: `카드`, `vbank`.
    pub pg_method: Option<String>,
    /// Who issued the card, as the PG's code or name.
    pub card_issuer: Option<String>,
    /// The card number as the PG masks it.
    pub card_number: Option<String>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// The issuer's approval number.
    pub approval_number: Option<String>,
    /// The wallet's name.
    pub easy_pay_provider: Option<String>,
    /// The bank, by its [standard code](crate::model::standard_bank_code).
    pub bank_code: Option<String>,
}

impl MethodDetail {
    /// What this one tells, and what only the one before told.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        Self {
            // What an answer leaves out it does not take back: PGs show less of a payment in some calls than
            // in others.
            pg_method: self.pg_method.or_else(|| before.pg_method.clone()),
            card_issuer: self.card_issuer.or_else(|| before.card_issuer.clone()),
            card_number: self.card_number.or_else(|| before.card_number.clone()),
            installment_months: self.installment_months.or(before.installment_months),
            approval_number: self.approval_number.or_else(|| before.approval_number.clone()),
            easy_pay_provider: self.easy_pay_provider.or_else(|| before.easy_pay_provider.clone()),
            bank_code: self.bank_code.or_else(|| before.bank_code.clone()),
        }
    }
}

/// An account issued for one payment, into which the buyer deposits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualAccount {
    /// The bank, by its [standard code](crate::model::standard_bank_code).
    pub bank_code: Option<String>,
    /// The account number, as the PG writes it.
    pub account_number: String,
    /// In whose name the account is.
    pub holder_name: Option<String>,
    /// Until when the buyer may deposit.
    pub due_at: Option<jiff::Timestamp>,
}
