//! Banks and card companies, by the codes the API takes and shows.

use paymux_core::model::{Bank, BankCode, BankKind, CardIssuer, CardIssuerCode};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};

use super::{ApiError, list::ListObject, parameter::wrong, tag::Tag};
use crate::http::MerchantAuth;

/// Banks and card companies.
#[derive(Clone, Debug)]
pub(crate) struct InstitutionsApi;

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum BankObject {
    /// A bank
    Bank,
}

/// What holds an account
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum BankType {
    /// A bank, and what takes deposits like one (은행)
    Bank,
    /// A securities firm (증권사)
    SecuritiesFirm,
}

/// A bank or a securities firm
#[derive(Debug, Object)]
#[oai(rename = "Bank")]
pub(crate) struct BankBody {
    /// `bank`.
    object: BankObject,
    /// Its three-digit code (금융결제원), as `bank_code` everywhere in this API.
    code: String,
    /// What it is.
    #[oai(rename = "type")]
    kind: BankType,
    /// Its name in English.
    name: String,
    /// Its name in Korean.
    name_ko: String,
}

/// Banks and securities firms
#[derive(Debug, Object)]
pub(crate) struct BankList {
    /// `list`.
    object: ListObject,
    /// Them, by code.
    data: Vec<BankBody>,
}

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum CardIssuerObject {
    /// A card company
    CardIssuer,
}

/// A card company
#[derive(Debug, Object)]
#[oai(rename = "CardIssuer")]
pub(crate) struct CardIssuerBody {
    /// `card_issuer`.
    object: CardIssuerObject,
    /// Its code, as `card.issuer` and `card_issuer` everywhere in this API: three digits (금융결제원), five of a foreign
    /// brand.
    code: String,
    /// Its name in English.
    name: String,
    /// Its name in Korean.
    name_ko: String,
}

/// Card companies
#[derive(Debug, Object)]
pub(crate) struct CardIssuerList {
    /// `list`.
    object: ListObject,
    /// Them, by code; the foreign brands last.
    data: Vec<CardIssuerBody>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Codes")]
impl InstitutionsApi {
    /// List banks
    ///
    /// Every bank and securities firm that has a code in this API, whichever payment gateway is behind it. Call this
    /// from your server, since it needs the secret key, and cache it: the list is the same for all merchants.
    ///
    /// Which of them an account can refund to is not in the list. A cancel whose `refund_account` is at another one is
    /// answered 409 `cancel_refused`, with the reason `invalid_refund_account`.
    #[oai(path = "/banks", method = "get", operation_id = "listBanks")]
    async fn banks(&self, _auth: MerchantAuth) -> Result<Json<BankList>, ApiError> {
        let data = Bank::ALL.iter().map(Into::into).collect();
        Ok(Json(BankList { object: ListObject::List, data }))
    }

    /// List card companies
    ///
    /// Every card company that has a code in this API, whichever payment gateway is behind it. These are other codes
    /// than those of the banks. Call this from your server, since it needs the secret key, and cache it: the list is
    /// the same for all merchants.
    #[oai(path = "/card-issuers", method = "get", operation_id = "listCardIssuers")]
    async fn card_issuers(&self, _auth: MerchantAuth) -> Result<Json<CardIssuerList>, ApiError> {
        let data = CardIssuer::ALL.iter().map(Into::into).collect();
        Ok(Json(CardIssuerList { object: ListObject::List, data }))
    }
}

/// The bank with this code.
pub(crate) fn bank_code(param: &str, code: &str) -> Result<BankCode, ApiError> {
    code.parse().map_err(|rule| wrong(param, format!("{rule}, one of `GET /v1/banks`")))
}

/// The card company with this code.
pub(crate) fn card_issuer(param: &str, code: &str) -> Result<CardIssuerCode, ApiError> {
    code.parse().map_err(|rule| wrong(param, format!("{rule}, one of `GET /v1/card-issuers`")))
}

impl From<&Bank> for BankBody {
    fn from(bank: &Bank) -> Self {
        Self {
            object: BankObject::Bank,
            code: bank.code.to_string(),
            kind: match bank.kind {
                BankKind::Bank => BankType::Bank,
                BankKind::SecuritiesFirm => BankType::SecuritiesFirm,
            },
            name: bank.name.to_owned(),
            name_ko: bank.name_ko.to_owned(),
        }
    }
}

impl From<&CardIssuer> for CardIssuerBody {
    fn from(issuer: &CardIssuer) -> Self {
        Self {
            object: CardIssuerObject::CardIssuer,
            code: issuer.code.to_string(),
            name: issuer.name.to_owned(),
            name_ko: issuer.name_ko.to_owned(),
        }
    }
}
