//! The merchant's accounts at payment gateways.

use std::sync::Arc;

use paymux_core::{account::Account, gateway::Gateway, model::Money, provider::MethodTerms};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};

use super::{
    ApiError,
    list::ListObject,
    tag::Tag,
    words::{ApiCurrency, ApiMethod, ApiMode},
};
use crate::http::MerchantAuth;

/// The merchant's accounts.
#[derive(Clone, Debug)]
pub(crate) struct ProvidersApi {
    pub(crate) gateway: Arc<Gateway>,
}

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum AccountObject {
    /// An account
    Account,
}

/// An account at a payment gateway
#[derive(Debug, Object)]
#[oai(rename = "Account")]
pub(crate) struct AccountBody {
    /// `account`.
    object: AccountObject,
    /// Its name, as `account` in a payment.
    account: String,
    /// The payment gateway.
    provider: String,
    /// Whether real money moves.
    mode: ApiMode,
    /// Whether the payment gateway is a simulator.
    simulated: bool,
    /// Whether it takes no new payment and sends nothing. It stays for what was paid on it.
    retired: bool,
    /// The methods it offers.
    methods: Vec<MethodBody>,
}

/// A method an account offers
#[derive(Debug, Object)]
#[oai(rename = "AccountMethod", skip_serializing_if_is_none)]
pub(crate) struct MethodBody {
    /// The method.
    method: ApiMethod,
    /// The least it takes, per currency it takes.
    minimums: Vec<AmountBody>,
    /// The most it takes in one payment.
    maximum: Option<AmountBody>,
    /// Whether a cancel of a paid payment needs a `refund_account`.
    refund_needs_account: bool,
}

/// An amount
#[derive(Debug, Object)]
#[oai(rename = "Amount")]
pub(crate) struct AmountBody {
    /// In the currency's minor unit.
    amount: u64,
    /// The currency.
    currency: ApiCurrency,
}

/// Your accounts
#[derive(Debug, Object)]
pub(crate) struct AccountList {
    /// `list`.
    object: ListObject,
    /// The accounts, by name.
    data: Vec<AccountBody>,
}

#[OpenApi(prefix_path = "/v1/providers", tag = "Tag::Providers")]
impl ProvidersApi {
    /// List your accounts
    ///
    /// The accounts of your payments, with their methods and limits.
    #[oai(path = "/", method = "get", operation_id = "listProviders")]
    async fn list(&self, auth: MerchantAuth) -> Result<Json<AccountList>, ApiError> {
        let data = self.gateway.accounts_of(&auth.0).map(Into::into).collect();
        Ok(Json(AccountList { object: ListObject::List, data }))
    }
}

impl From<&Account> for AccountBody {
    fn from(account: &Account) -> Self {
        let description = account.description();
        Self {
            object: AccountObject::Account,
            account: account.id.to_string(),
            provider: description.kind.to_owned(),
            mode: description.mode.into(),
            simulated: account.simulated,
            retired: account.retired,
            methods: description.methods.iter().map(Into::into).collect(),
        }
    }
}

impl From<&MethodTerms> for MethodBody {
    fn from(terms: &MethodTerms) -> Self {
        Self {
            method: terms.method.into(),
            minimums: terms.minimums.iter().copied().map(Into::into).collect(),
            maximum: terms.maximum.map(Into::into),
            refund_needs_account: terms.refund_needs_account,
        }
    }
}

impl From<Money> for AmountBody {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().into() }
    }
}
