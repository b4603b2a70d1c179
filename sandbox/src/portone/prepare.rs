//! Registering beforehand what a payment must cost (`/payments/prepare`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reply::Refusal;

/// What the browser may ask for under one `merchant_uid`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Registration {
    pub(super) amount: u64,
    /// Not compared when `None`.
    pub(super) currency: Option<String>,
}

impl Registration {
    /// Whether the page asks for what was registered.
    pub(super) fn allows(&self, amount: u64, currency: &str) -> bool {
        self.amount == amount && self.currency.as_deref().is_none_or(|only| only == currency)
    }

    fn shown(&self, merchant_uid: &str) -> Value {
        json!({ "amount": self.amount, "currency": self.currency, "merchant_uid": merchant_uid })
    }
}

/// What is registered, by `merchant_uid`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Registrations(BTreeMap<String, Registration>);

impl Registrations {
    /// What is registered for a `merchant_uid`.
    pub(super) fn get(&self, merchant_uid: &str) -> Option<&Registration> {
        self.0.get(merchant_uid)
    }

    /// `POST /payments/prepare`: a `merchant_uid` is registered only once.
    pub(super) fn register(
        &mut self,
        merchant_uid: &str,
        registration: Registration,
    ) -> Result<Value, Refusal> {
        if self.0.contains_key(merchant_uid) {
            return Err(Refusal::business(
                "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).",
            ));
        }
        let shown = registration.shown(merchant_uid);
        self.0.insert(merchant_uid.to_owned(), registration);
        Ok(shown)
    }

    /// `PUT /payments/prepare`: what is registered may change.
    pub(super) fn change(
        &mut self,
        merchant_uid: &str,
        registration: Registration,
    ) -> Result<Value, Refusal> {
        let stored = self.0.get_mut(merchant_uid).ok_or_else(not_registered)?;
        *stored = registration;
        Ok(stored.shown(merchant_uid))
    }

    /// `GET /payments/prepare/{merchant_uid}`.
    pub(super) fn read(&self, merchant_uid: &str) -> Result<Value, Refusal> {
        let stored = self.0.get(merchant_uid).ok_or_else(not_registered)?;
        Ok(stored.shown(merchant_uid))
    }
}

/// PortOne documents the 404 of a PUT; the text and the GET's 404 are inferred.
fn not_registered() -> Refusal {
    Refusal::not_found("사전등록된 결제정보가 존재하지 않습니다.")
}
