//! Registers the amount of an order, so that no page can open the window for another.

use gateway_core::{Money, PgOrderId, ProviderError};
use reqwest::Method;

use super::{
    client::{Answer, Client},
    errors,
    transport::Call,
    wire::{Prepare, Prepared, major_number},
};

/// Registers `amount` for `order`. Done before: seen by looking, and put right if it differs.
pub(crate) async fn register(client: &Client, order: &PgOrderId, amount: Money) -> Result<(), ProviderError> {
    let number = major_number(amount).ok_or(ProviderError::Unsupported("an amount of so many digits"))?;
    let body = Prepare { merchant_uid: order.as_str(), amount: number, currency: amount.currency().code() };
    let call = |method| Call::new("prepare", method, ["payments", "prepare"]).json(&body);
    let refused = match client.call(call(Method::POST)).await? {
        Answer::Processed(_) => return Ok(()),
        Answer::Refused(refused) => refused,
    };
    // Asked whatever the words of the refusal are: what is registered tells more than they do.
    match registered(client, order).await? {
        Some(registered) if registered.is_for(amount) => return Ok(()),
        Some(_) => {}
        None => return Err(errors::prepare(&refused)),
    }
    match client.call(call(Method::PUT)).await? {
        Answer::Processed(_) => Ok(()),
        Answer::Refused(refused) => Err(errors::prepare(&refused)),
    }
}

async fn registered(client: &Client, order: &PgOrderId) -> Result<Option<Prepared>, ProviderError> {
    let call = Call::new("prepared", Method::GET, ["payments", "prepare", order.as_str()]);
    match client.call(call).await? {
        Answer::Processed(response) => Prepared::read(&response).map(Some).map_err(ProviderError::no_answer),
        Answer::Refused(refusal) if refusal.status.is_server_error() => Err(errors::look_up(&refusal)),
        Answer::Refused(_) => Ok(None),
    }
}
