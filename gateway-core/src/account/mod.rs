//! One account at a PG: what is configured, who may call it now, and whose look-ups are shared.

use std::{ops::Deref, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use crate::{
    clock::Clock,
    model::{AccountId, MerchantId},
    provider::{PaymentProvider, ProviderDescription, ProviderError, Response},
    store::AccountBinding,
};

mod last_minute;
mod limits;
mod recent;
mod single_flight;
mod throttle;
mod worked_on;

pub use limits::AccountLimits;
pub(crate) use recent::Recent;
pub(crate) use single_flight::{Answered, Flight, FlightResult, SingleFlight};
pub use throttle::Work;
pub(crate) use throttle::{Priority, Throttle};
pub(crate) use worked_on::WorkedOn;

/// How soon to come again when a PG is too slow for all who ask.
pub(crate) const WHEN_BUSY: Duration = Duration::from_secs(5);

/// How often operators get the same alert about an account.
pub(crate) const ALERT_EVERY: Duration = Duration::from_secs(10 * 60);

/// A configured account at a PG, of one merchant.
///
/// ```
/// # use std::sync::Arc;
/// # use paymux_core::{account::Account, model::{AccountId, MerchantId}, provider::PaymentProvider};
/// # fn account(provider: Arc<dyn PaymentProvider>) -> Result<Account, Box<dyn std::error::Error>> {
/// let mut account = Account::new("toss".parse()?, "shop".parse()?, provider);
/// account.limits.requests_per_minute = Some(600);
/// # Ok(account)
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The PG.
    pub provider: Arc<dyn PaymentProvider>,
    /// Whether the PG is a simulator. `false` unless it is set.
    pub simulated: bool,
    /// Whether it takes no new payment and sends nothing. It stays for what was paid on it. `false` unless it is set.
    pub retired: bool,
    /// Whether it can be asked: a retired account may have no credentials any more. `true` unless it is set.
    pub has_credentials: bool,
    /// How much it may ask of the PG.
    pub limits: AccountLimits,
}

impl Account {
    /// An active account with the default limits.
    #[must_use]
    pub fn new(id: AccountId, merchant: MerchantId, provider: Arc<dyn PaymentProvider>) -> Self {
        Self {
            id,
            merchant,
            provider,
            simulated: false,
            retired: false,
            has_credentials: true,
            limits: AccountLimits::default(),
        }
    }

    /// What the PG can do and how it behaves.
    #[must_use]
    pub fn description(&self) -> &ProviderDescription {
        self.provider.describe()
    }

    /// The account as a store binds it.
    #[must_use]
    pub fn binding(&self) -> AccountBinding {
        let description = self.description();
        AccountBinding {
            account: self.id.clone(),
            merchant: self.merchant.clone(),
            kind: description.kind.to_owned(),
            mode: description.mode,
            pg_merchant: description.pg_merchant.clone(),
        }
    }
}

/// An account, and who may call its PG now.
#[derive(Debug)]
pub(crate) struct ConnectedAccount {
    account: Account,
    clock: Arc<dyn Clock>,
    pub(crate) throttle: Throttle,
    pub(crate) look_ups: SingleFlight,
    pub(crate) worked_on: WorkedOn,
    /// When operators were alerted that the PG refuses our keys.
    refusals: Recent<()>,
}

impl ConnectedAccount {
    pub(crate) fn new(account: Account, clock: Arc<dyn Clock>) -> Self {
        Self {
            throttle: Throttle::new(account.limits),
            look_ups: SingleFlight::default(),
            worked_on: WorkedOn::default(),
            refusals: Recent::of(1, ALERT_EVERY),
            account,
            clock,
        }
    }

    /// A permit for a use case that talks to the PG, kept until it is dropped; `None` if all are taken: the PG is slow,
    /// and nothing was done.
    pub(crate) fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.throttle.permit()
    }

    /// Counts a request that is about to go out.
    ///
    /// # Errors
    ///
    /// From when on it may go.
    pub(crate) fn admit(&self, priority: Priority, requests: u32) -> Result<(), Timestamp> {
        self.throttle.admit(priority, requests, self.clock.now())
    }

    /// Calls the PG with what was admitted, pauses if it asks for that, and notices when an outage begins or ends.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let answer = call.await;
        let now = self.clock.now();
        match &answer {
            // "Come back later" says nothing of any payment, and asks for fewer requests.
            Err(ProviderError::NotDone { response: Response::Error(_), retry_after }) => {
                if let Some(wait) = retry_after {
                    self.throttle.pause(*wait, now);
                }
            }
            Err(error) if !error.is_answered() => {}
            // Wrong keys are answered, and say nothing of any payment.
            Err(ProviderError::Misconfigured(pg)) => {
                if self.refusals.admit(&(), now).is_ok() {
                    tracing::error!(account = %self.id, code = pg.code, "the PG refuses our keys: an operator is needed");
                }
            }
            _ => {
                if self.throttle.answered(now) {
                    tracing::info!(account = %self.account.id, "the PG answers again");
                    self.throttle.notify(Work::Payments);
                    self.throttle.notify(Work::Webhooks);
                }
            }
        }
        answer
    }
}

impl Deref for ConnectedAccount {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}
