//! The sweep: the PG's own list of paid payments, held against ours. It finds what no webhook told.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    AccountId, Gateway, GatewayError, PaidList, PgOrderId, Snapshot,
    gateway::{account::ConnectedAccount, line::Errand, look_up::unanswered},
    schedule::{WATCHED_FOR, later},
};

/// How often an account is swept.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How much of the time before is swept again: a PG may list a payment late.
const OVERLAP: Duration = Duration::from_secs(2 * 60 * 60);

/// How soon a sweep that failed is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(5 * 60);

const LEASE: Duration = Duration::from_secs(10 * 60);

impl Gateway {
    /// Sweeps an account, if its PG has a list and its sweep is due; tells how many payments were found
    /// that we did not know to be paid.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn sweep_due(&self, account: &AccountId) -> Result<usize, GatewayError> {
        let Some(account) = self.accounts.get(account) else { return Ok(0) };
        match account.provider.paid_list() {
            Some(list) => self.sweep(account, list).await,
            None => Ok(0),
        }
    }

    async fn sweep(&self, account: &ConnectedAccount, list: &dyn PaidList) -> Result<usize, GatewayError> {
        let now = self.clock.now();
        let Some(sweep) = self.store.lease_sweep(&account.id, now, later(now, LEASE)).await? else {
            return Ok(0);
        };
        let from = sweep.swept_to.map_or(earlier(now, WATCHED_FOR), |swept_to| earlier(swept_to, OVERLAP));
        match self.sweep_span(account, list, from, now).await {
            Ok(found) => {
                self.store.finish_sweep(&account.id, Some(now), later(now, EVERY)).await?;
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(account = %account.id, error = %error, "the sweep did not finish; it is repeated soon");
                self.store.finish_sweep(&account.id, sweep.swept_to, later(now, AFTER_FAILURE)).await?;
                Ok(0)
            }
        }
    }

    async fn sweep_span(
        &self,
        account: &ConnectedAccount,
        list: &dyn PaidList,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<usize, GatewayError> {
        let (mut found, mut failed) = (0, None);
        self.admit(account, Errand::Routine, 1).map_err(|from| self.busy_until(from))?;
        let listed = self.call(account, list.paid_between(from, to)).await;
        for paid in listed.map_err(unanswered)? {
            // One that cannot be followed must not hide those after it.
            match self.follow_paid(&account.id, &paid).await {
                Ok(news) => found += usize::from(news),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(found), Err)
    }

    /// Verifies the payment a listed row belongs to, unless we know the row; tells whether it was news.
    async fn follow_paid(&self, account: &AccountId, paid: &Snapshot) -> Result<bool, GatewayError> {
        let Ok(pg_order_id) = paid.pg_order_id.parse::<PgOrderId>() else { return Ok(false) };
        let Some((merchant, id)) = self.store.owner_of_attempt(account, &pg_order_id).await? else {
            return Ok(false);
        };
        let record = self.payment(&merchant, &id).await?;
        let known = record.accepted() == Some(&paid.pg_id) && !record.payment.amount_paid.is_zero();
        let given_back = record.cancels.iter().any(|cancel| cancel.pg_id.as_ref() == Some(&paid.pg_id));
        if known || given_back {
            return Ok(false);
        }
        tracing::warn!(payment = %id, account = %account, "the sweep found a payment no webhook told of");
        self.mark(account, &id, self.clock.now()).await?;
        // The PG itself says that money moved: this must not wait for room, which the list has just taken.
        self.look_up_unknown(&record, &paid.pg_id, Some(&paid.pg_order_id), Errand::Money).await?;
        Ok(true)
    }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
