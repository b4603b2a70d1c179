//! The sweep: the PG's own list of money in and money back, held against ours. It finds what no webhook announced.
//!
//! What it has seen goes by the PG's own time: a span that was taken from a wrong clock would hide money for as long.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    account::{ConnectedAccount, Priority},
    clock::{Clock, MINUTE, earlier, later},
    dispatch::LookUpError,
    gateway::{Gateway, GatewayError},
    lifecycle::schedule::CHECKED_FOR,
    model::{AccountId, LookUpSubject, PgOrderId},
    provider::{MovementKind, Movements, Page, PgMovement, ProviderError},
    store::{PaymentRecord, StoreError, Why},
};

/// How often an account is swept.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How much of the time before is swept again: a PG may list a payment late.
const OVERLAP: Duration = Duration::from_secs(2 * 60 * 60);

/// The hour of the day, in UTC, at which the last week is swept again: a PG may date a deposit hours before it books it. In Korea
/// it is four in the morning.
const DEEP_AT: Duration = Duration::from_secs(19 * 60 * 60);

/// How soon a sweep that failed is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(5 * 60);

/// How long a sweep may take before another replica starts it over.
const LEASE: Duration = EVERY;

/// How much older than a look-up a row has to be so that the look-up has certainly shown it.
const SHOWN_AFTER: Duration = Duration::from_secs(5 * 60);

/// How many pages a list may have. A longer one is taken for a list without an end.
const MOST_PAGES: u32 = 10_000;

impl Gateway {
    /// Sweeps an account, if its PG has a list and its sweep is due; returns how many rows were found
    /// that we did not know.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn sweep_due(&self, account: &AccountId) -> Result<usize, GatewayError> {
        let Some(account) = self.core.accounts.get(account).filter(|account| account.has_credentials) else {
            return Ok(0);
        };
        match account.provider.movements().filter(|_| self.core.clock.is_checked()) {
            Some(movements) => self.sweep(account, movements).await,
            None => Ok(0),
        }
    }

    async fn sweep(
        &self,
        account: &ConnectedAccount,
        movements: &dyn Movements,
    ) -> Result<usize, GatewayError> {
        let now = self.core.now();
        let lease_until = later(now, LEASE);
        // One replica at a time: a list has many pages, and each is a request within the account's limit.
        let Some(sweep) = self.core.store.lease_sweep(&account.id, now, lease_until).await? else {
            return Ok(0);
        };
        match self.sweep_since(account, movements, sweep.swept_to, lease_until).await {
            Ok((found, swept_to)) => {
                // Only now, after the last page. Moved page by page, it would hide what stands behind a page
                // that failed.
                self.core.store.finish_sweep(&account.id, Some(swept_to), later(now, EVERY)).await?;
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(account = %account.id, error = error.name(), "the sweep of the PG's list did not finish; it is repeated soon");
                let next = later(self.core.now(), AFTER_FAILURE);
                self.core.store.finish_sweep(&account.id, None, next).await?;
                Ok(0)
            }
        }
    }

    /// How many rows were news, and the PG's time up to which all was seen.
    async fn sweep_since(
        &self,
        account: &ConnectedAccount,
        movements: &dyn Movements,
        swept_to: Option<Timestamp>,
        lease_until: Timestamp,
    ) -> Result<(usize, Timestamp), LookUpError> {
        self.wait_for_room(account, lease_until).await?;
        // The list is dated by the PG's clock, so what was seen of it is too.
        let to = account.call(account.provider.pg_time()).await.map_err(LookUpError::Provider)?;
        let from = match swept_to.filter(|swept_to| day(*swept_to) == day(to)) {
            // A row may be listed some time after the moment that it is dated.
            Some(swept_to) => earlier(swept_to, OVERLAP),
            // The first sweep of the day goes back a week. What was written by a clock that was ahead counts
            // as now.
            None => earlier(swept_to.unwrap_or(to).min(to), CHECKED_FOR),
        };
        let (mut cursor, mut found, mut unreadable) = (None, 0, 0);
        for _ in 0..MOST_PAGES {
            self.wait_for_room(account, lease_until).await?;
            let page: Page<PgMovement> = account
                .call(movements.page(from, to, cursor.as_deref()))
                .await
                .map_err(|error: ProviderError| {
                    tracing::warn!(account = %account.id, error = error.name(), detail = error.detail(), "a page of the PG's list got no usable answer");
                    LookUpError::Provider(error)
                })?;
            // Counted and no error: a row of another system that we cannot read must not hide the money
            // behind it.
            unreadable += page.unreadable;
            for row in &page.rows {
                found += usize::from(self.follow_movement(account, row, to).await?);
            }
            cursor = page.next;
            if cursor.is_none() {
                if unreadable > 0 {
                    tracing::warn!(account = %account.id, unreadable, "rows of the PG's list could not be read; they hide no others");
                }
                return Ok((found, to));
            }
        }
        tracing::error!(account = %account.id, pages = MOST_PAGES, "the PG's list has no end");
        Err(LookUpError::Busy(lease_until))
    }

    /// Each page is one request, and is admitted as one.
    async fn wait_for_room(
        &self,
        account: &ConnectedAccount,
        lease_until: Timestamp,
    ) -> Result<(), LookUpError> {
        while let Err(until) = account.admit(Priority::Background, 1) {
            // Another replica may have started over by then.
            if until >= lease_until {
                return Err(LookUpError::Busy(until));
            }
            self.core.clock.sleep_until(until).await;
        }
        Ok(())
    }

    /// Owes a look-up of the charge that a row belongs to, unless an answered one has shown it. Returns
    /// whether the row was new to us.
    async fn follow_movement(
        &self,
        account: &ConnectedAccount,
        row: &PgMovement,
        pg_time: Timestamp,
    ) -> Result<bool, StoreError> {
        // An order id that is not ours: the merchant has other systems at this PG, and their money is never
        // touched.
        let Some(Ok(order_id)) = row.order_id.as_ref().map(|id| id.parse::<PgOrderId>()) else {
            return Ok(false);
        };
        let Some((merchant, id)) = self.core.store.owner_of_order(&account.id, &order_id).await? else {
            return Ok(false);
        };
        let record = self.core.payment(&merchant, &id).await?;
        let Some(attempt) = record.attempt_of(order_id.as_str()).map(|attempt| attempt.number) else {
            return Ok(false);
        };
        // The row is a hint. Its amount is compared with nothing: the look-up shows the payment as a whole.
        let subject = match &row.pg_payment_id {
            Some(pg_payment_id) => LookUpSubject::Charge { attempt, pg_payment_id: pg_payment_id.clone() },
            None => LookUpSubject::Attempt(attempt),
        };
        // Each sweep overlaps the one before, so most rows were seen already.
        let is_owed = record.checks.owed.iter().any(|owed| owed.is_waiting_hint(&subject));
        if is_owed || is_shown(&record, row, attempt, pg_time) {
            return Ok(false);
        }
        tracing::info!(payment = %id, account = %account.id, "the PG's list shows money that no look-up has shown yet");
        self.core.owe(&record, subject, self.core.now(), Why::Hint).await?;
        Ok(true)
    }
}

/// The day on which a sweep is made; it begins when the last week is swept.
fn day(at: Timestamp) -> i64 {
    earlier(at, DEEP_AT).as_second().div_euclid(24 * 60 * 60)
}

/// Whether what a row says is in what we know. Money in is known only by being shown: a PG may date a deposit long before it
/// books it. Money back also by an answered look-up that was asked well after it, by a clock that was not ahead of the PG's.
fn is_shown(record: &PaymentRecord, row: &PgMovement, attempt: u16, pg_time: Timestamp) -> bool {
    let asked_after =
        // A look-up dated ahead of the PG's clock was dated by a wrong one, and may be older than the row.
        |asked_at: Timestamp| asked_at >= later(row.at, SHOWN_AFTER) && asked_at <= later(pg_time, MINUTE);
    let Some(id) = &row.pg_payment_id else {
        return record.checks.asked_at(attempt).is_some_and(asked_after);
    };
    // Money under our order id that nobody has named: what the sweep is for.
    let Some(charge) = record.charge_at_pg(id) else { return false };
    match row.kind {
        MovementKind::In => charge.has_money(),
        MovementKind::Back => charge.asked_at.is_some_and(asked_after),
    }
}
