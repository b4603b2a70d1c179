//! Payment methods, and what is known of the one used.

use serde::{Deserialize, Serialize};

use crate::model::{BankCode, CardIssuerCode, code::known};

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

/// What the PG says of the card, wallet or bank that paid. Every field but the codes is display text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodDetail {
    /// The PG's own word for the method: `카드`, `vbank`.
    pub pg_method: Option<String>,
    /// Who issued the card; `None` also where we have no code for what the PG says.
    #[serde(default, deserialize_with = "known")]
    pub card_issuer: Option<CardIssuerCode>,
    /// Who issued the card, in the PG's own words: its code, or a name.
    pub pg_card_issuer: Option<String>,
    /// The card number as the PG masks it.
    pub card_number: Option<String>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// The issuer's approval number.
    pub approval_number: Option<String>,
    /// The wallet's name.
    pub easy_pay_provider: Option<String>,
    /// The bank; `None` also where we have no code for what the PG says.
    #[serde(default, deserialize_with = "known")]
    pub bank_code: Option<BankCode>,
    /// The bank in the PG's own words: its code, or a name.
    pub pg_bank: Option<String>,
}

impl MethodDetail {
    /// What this one says, completed by what only the one before said.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        // Our code goes with the PG's words: beside newer words the older code may be of another.
        let issuer = if self.pg_card_issuer.is_some() { &self } else { before };
        let (card_issuer, pg_card_issuer) = (issuer.card_issuer, issuer.pg_card_issuer.clone());
        let bank = if self.pg_bank.is_some() { &self } else { before };
        let (bank_code, pg_bank) = (bank.bank_code, bank.pg_bank.clone());
        Self {
            // What an answer leaves out it does not take back: PGs show less of a payment in some calls than
            // in others.
            pg_method: self.pg_method.or_else(|| before.pg_method.clone()),
            card_issuer,
            pg_card_issuer,
            card_number: self.card_number.or_else(|| before.card_number.clone()),
            installment_months: self.installment_months.or(before.installment_months),
            approval_number: self.approval_number.or_else(|| before.approval_number.clone()),
            easy_pay_provider: self.easy_pay_provider.or_else(|| before.easy_pay_provider.clone()),
            bank_code,
            pg_bank,
        }
    }
}

/// An account issued for one payment, into which the buyer deposits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualAccount {
    /// The bank; `None` also where we have no code for what the PG says.
    #[serde(default, deserialize_with = "known")]
    pub bank_code: Option<BankCode>,
    /// The bank in the PG's own words: its code, or a name.
    pub pg_bank: Option<String>,
    /// The account number, as the PG writes it.
    pub account_number: String,
    /// In whose name the account is.
    pub holder_name: Option<String>,
    /// Until when the buyer may deposit.
    pub due_at: Option<jiff::Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(bank_code: Option<&str>, pg_bank: Option<&str>) -> MethodDetail {
        MethodDetail {
            bank_code: bank_code.map(|code| code.parse().unwrap()),
            pg_bank: pg_bank.map(str::to_owned),
            ..MethodDetail::default()
        }
    }

    #[test]
    fn older_code_does_not_stand_beside_newer_words() {
        let before = detail(Some("088"), Some("88"));
        assert_eq!(MethodDetail::default().or(&before), before);
        assert_eq!(detail(Some("020"), Some("20")).or(&before), detail(Some("020"), Some("20")));
        assert_eq!(detail(None, Some("Z9")).or(&before), detail(None, Some("Z9")));
    }

    #[test]
    fn record_with_a_pgs_code_is_read_without_it() {
        for (stored, code) in [("\"006\"", None), ("\"S3\"", None), ("null", None), ("\"088\"", Some("088"))]
        {
            let json = format!(r#"{{"bank_code": {stored}, "account_number": "1"}}"#);
            let account: VirtualAccount = serde_json::from_str(&json).unwrap();
            assert_eq!(account.bank_code.map(BankCode::as_str), code, "{stored}");
        }
        let detail: MethodDetail =
            serde_json::from_str(r#"{"card_issuer": "41", "bank_code": "국민"}"#).unwrap();
        assert_eq!(detail, MethodDetail::default());
    }
}
