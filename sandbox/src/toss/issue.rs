//! Issues and revokes secret keys, as the dashboard does.

use super::state::Toss;
use crate::{
    ControlError, ControlErrorCode, IssueKey, IssuedKey, RevokeKey,
    random::{MIXED, random_text},
};

/// Issues a secret key for a client key, which itself is never issued anew.
pub(super) fn issue_secret_key(toss: &Toss, request: &IssueKey) -> Result<IssuedKey, ControlError> {
    refuse_secret(request.secret.as_deref())?;
    let pair = toss.pair_or_first(request.client_key.as_deref())?;
    let key = request.key.clone().unwrap_or_else(|| format!("{}{}", pair.prefix(), random_text(MIXED, 32)));
    if key.strip_prefix(pair.prefix()).is_none_or(str::is_empty) {
        return Err(invalid(format!("key: it starts with {} and goes on", pair.prefix())));
    }
    toss.keys.issue(&pair.client_key, &key, toss.clock.now_ms())?;
    Ok(IssuedKey { key, secret: None })
}

pub(super) fn revoke_secret_key(toss: &Toss, request: &RevokeKey) -> Result<(), ControlError> {
    refuse_secret(request.secret.as_deref())?;
    toss.keys.revoke(&request.key, toss.clock.now_ms())
}

fn refuse_secret(secret: Option<&str>) -> Result<(), ControlError> {
    match secret {
        Some(_) => Err(invalid("secret: a key of Toss is one text")),
        None => Ok(()),
    }
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}
