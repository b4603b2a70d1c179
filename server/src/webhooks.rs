//! Where PGs deliver their webhooks: stored before they are acknowledged, and nothing else.

use std::{collections::BTreeMap, sync::Arc};

use paymux_core::{
    gateway::{Gateway, GatewayError},
    model::AccountId,
    provider::RawWebhook,
    store::StoreError,
};
use poem::{
    Body, Request, Response, handler,
    http::HeaderMap,
    web::{Data, Path},
};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::{
    config::Config,
    http::{ErrorCode, problem_response},
};

/// Headers that are never kept: they are about the connection or about us.
const NOT_KEPT: [&str; 4] = ["authorization", "cookie", "host", "connection"];

/// The unguessable part of every account's webhook address.
#[derive(Clone, Debug)]
pub(crate) struct WebhookTokens(Arc<BTreeMap<AccountId, SecretString>>);

impl WebhookTokens {
    pub(crate) fn new(config: &Config) -> Self {
        let tokens =
            config.accounts.values().map(|account| (account.id.clone(), account.webhook_path_token.clone()));
        Self(Arc::new(tokens.collect()))
    }

    /// The account of an address. Compared in a time that tells nothing of the token.
    fn account(&self, name: &str, token: &str) -> Option<&AccountId> {
        let (account, expected) = self.0.iter().find(|(account, _)| account.as_str() == name)?;
        let same: bool = expected.expose_secret().as_bytes().ct_eq(token.as_bytes()).into();
        same.then_some(account)
    }

    /// Whether a path is the address of an account.
    pub(crate) fn has(&self, path: &str) -> bool {
        let rest = path.strip_prefix("/webhooks/").and_then(|rest| rest.split_once('/'));
        rest.is_some_and(|(account, token)| self.account(account, token).is_some())
    }
}

/// Receives a webhook. 200, with the body that the PG wants to see, means that it is stored, whatever is in it;
/// anything else makes the PG deliver it again.
#[handler]
pub(crate) async fn receive(
    Path((account, token)): Path<(String, String)>,
    Data(gateway): Data<&Arc<Gateway>>,
    Data(tokens): Data<&WebhookTokens>,
    request: &Request,
    body: Body,
) -> Response {
    let Some(account) = tokens.account(&account, &token) else {
        return problem_response(ErrorCode::NotFound, None);
    };
    let Ok(body) = body.into_bytes().await else {
        return problem_response(ErrorCode::MalformedRequest, None);
    };
    let (headers, received_at) = (kept_headers(request.headers()), gateway.clock().now());
    let raw = RawWebhook { headers, body: body.to_vec(), received_at };
    let reply = gateway.account(account).map_or("", |account| account.description().webhook_reply);
    // A task of its own: a PG that hangs up early must not leave the store in doubt.
    let (gateway, account) = (Arc::clone(gateway), account.clone());
    let stored = tokio::spawn(async move { gateway.receive(&account, raw).await }).await;
    match stored {
        Ok(Ok(())) => Response::builder().body(reply),
        Ok(Err(GatewayError::Store(StoreError::InboxFull))) => problem_response(ErrorCode::Overloaded, None),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "a webhook could not be stored; the PG will deliver it again");
            problem_response(ErrorCode::StorageUnavailable, None)
        }
        Err(_panic) => problem_response(ErrorCode::Internal, None),
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !NOT_KEPT.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
