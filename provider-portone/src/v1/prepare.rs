//! Registers the amount of an order, so that no page can open the window for another.

use paymux_core::{
    model::{Money, PgOrderId},
    provider::ProviderError,
};
use reqwest::Method;
use tokio::time::Instant;

use super::{
    client::{Answer, Client},
    errors,
    transport::Call,
    wire::{Prepare, Prepared, major_number},
};

/// Registers `amount` for `order`. If that was done before, what is registered is compared and, if it differs, changed.
pub(crate) async fn register(client: &Client, order: &PgOrderId, amount: Money) -> Result<(), ProviderError> {
    let deadline = client.deadline();
    let number = major_number(amount).ok_or(ProviderError::Unsupported("an amount of so many digits"))?;
    let body = Prepare { merchant_uid: order.as_str(), amount: number, currency: amount.currency().code() };
    let call = |method| Call::new("prepare", method, ["payments", "prepare"]).json(&body);
    let refused = match client.call(call(Method::POST), deadline).await? {
        Answer::Processed(_) => return Ok(()),
        Answer::Refused(refused) if errors::is_paid(&refused) => return Err(errors::prepare(&refused)),
        Answer::Refused(refused) => refused,
    };
    // Asked whatever the text of the refusal is, because the texts are not stable.
    match registered(client, order, deadline).await? {
        Some(registered) if registered.is_for(amount) => return Ok(()),
        Some(_) => {}
        None => return Err(errors::prepare(&refused)),
    }
    match client.call(call(Method::PUT), deadline).await? {
        Answer::Processed(_) => Ok(()),
        Answer::Refused(refused) => Err(errors::prepare(&refused)),
    }
}

async fn registered(
    client: &Client,
    order: &PgOrderId,
    deadline: Instant,
) -> Result<Option<Prepared>, ProviderError> {
    let call = Call::new("prepared", Method::GET, ["payments", "prepare", order.as_str()]);
    match client.call(call, deadline).await? {
        Answer::Processed(response) => Prepared::read(&response).map(Some).map_err(ProviderError::no_answer),
        Answer::Refused(refusal) if refusal.status.is_server_error() => Err(errors::prepare(&refusal)),
        Answer::Refused(_) => Ok(None),
    }
}
