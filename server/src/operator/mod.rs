//! The operators' commands, `paymux reviews` and `paymux ledger`: they talk to the admin listener of a running
//! server.

mod client;
mod error;
mod ledger;
mod reviews;
mod text;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::Path,
};

use serde_json::Value;

use crate::cli::{AdminArgs, LedgerArgs, LedgerCommand, ReviewCommand, ReviewsArgs, exit_code};

pub use error::OperatorError;

use self::client::AdminClient;

/// Runs `paymux reviews …`; gives the exit code.
///
/// # Errors
///
/// [`OperatorError`]: nothing was done, or the answer got lost.
pub async fn reviews(
    args: ReviewsArgs,
    config: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<u8, OperatorError> {
    let ReviewsArgs { command, admin } = args;
    let by = match &command {
        ReviewCommand::Close(close) => Some(close.by.clone().or_else(login).ok_or(OperatorError::Nobody)?),
        ReviewCommand::List { .. } | ReviewCommand::Show { .. } => None,
    };
    let client = AdminClient::new(&admin, config, variables)?;
    let (answer, people) = match (command, by) {
        (ReviewCommand::List { all }, _) => reviews::list(&client, all).await?,
        (ReviewCommand::Show { id }, _) => reviews::show(&client, &id).await?,
        (ReviewCommand::Close(close), by) => reviews::close(&client, &close, &by.unwrap_or_default()).await?,
    };
    say(&admin, &answer, &people)?;
    Ok(exit_code::OK)
}

/// Runs `paymux ledger …`; gives the exit code, which is a failure if there are differences.
///
/// # Errors
///
/// [`OperatorError`]: not everything was checked.
pub async fn ledger(
    args: LedgerArgs,
    config: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<u8, OperatorError> {
    let LedgerArgs { command: LedgerCommand::Check, admin } = args;
    let client = AdminClient::new(&admin, config, variables)?;
    let checked = ledger::check(&client).await?;
    say(&admin, &checked.answer(), &checked.for_people())?;
    Ok(if checked.agrees() { exit_code::OK } else { exit_code::FAILED })
}

/// Who is logged in, as the environment says.
fn login() -> Option<String> {
    let names = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    names.into_iter().find(|name| !name.is_empty())
}

fn say(admin: &AdminArgs, answer: &Value, people: &str) -> Result<(), OperatorError> {
    let text = if admin.json { format!("{answer:#}\n") } else { people.to_owned() };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `paymux reviews list | head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OperatorError::Output(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
