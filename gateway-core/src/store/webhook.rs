//! A received webhook, as a store keeps it.

use crate::{
    model::{AccountId, WebhookId},
    provider::RawWebhook,
};

/// Where a webhook waits. What anybody can make up never takes space from what names something we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Room {
    /// It is proved, or names an order or a charge that we know; of each order few that name charges we do not know.
    // The first in the order of variants: a store hands these out first.
    Known,
    /// It proves nothing and names what we do not know.
    Unverified,
}

/// A received webhook in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedWebhook {
    /// Our name for it.
    pub id: WebhookId,
    /// The account whose address it came to.
    pub account: AccountId,
    /// Where it waits.
    pub room: Room,
    /// As it came.
    pub raw: RawWebhook,
}
