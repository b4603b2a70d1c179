//! What a shop does when the fault comes: the same flow, with the fault in its place.

use std::time::Duration;

use paymux_sandbox::{Fault, FaultRule};
use serde_json::json;

use super::{
    merchant::{Step, Visit},
    plan::Place,
};
use crate::harness::AMOUNT;

/// What goes back first.
const PART: u64 = 5_000;

/// Longer than a PG takes to send a deposit back, and longer than a token lives.
const REFUND_TAKES: Duration = Duration::from_secs(3 * 24 * 60 * 60);
const TOKEN_LIVES: Duration = Duration::from_secs(31 * 60);

impl Visit<'_> {
    /// Goes through the flow.
    pub(super) async fn go(&mut self) -> Step {
        let place = self.case.place;
        let needs_webhooks = self.case.is_false_decline() || matches!(place, Place::Webhook | Place::Refund);
        if !needs_webhooks {
            self.silence().await?;
        }
        match place {
            Place::Close => self.closed().await,
            Place::Refund => self.refunded().await,
            Place::Webhook => self.notified().await,
            _ if self.case.is_of_console() => {
                self.paid().await?;
                self.swept().await
            }
            _ => {
                self.paid().await?;
                self.given_back().await
            }
        }
    }

    /// Paid by card, the fault in its place if it is before that.
    async fn paid(&mut self) -> Step {
        let place = self.case.place;
        if matches!(place, Place::Prepare | Place::Token) {
            self.meet(&[]).await?;
        }
        if place == Place::Token {
            // Whoever asks first from now on needs another.
            self.shop.advance(TOKEN_LIVES).await;
        }
        if self.case.fault == Fault::OtherAttemptByOrder {
            self.shop.buyer(&self.id, "close").await;
        }
        let result = self.window().await?.ok_or("paid before the window opened")?;
        match place {
            Place::Confirm => self.meet(&[]).await?,
            Place::Read => self.meet(&self.lost("confirm")).await?,
            Place::ReadOrder => {
                self.meet(&[]).await?;
                self.looked_at().await?;
            }
            Place::List if !self.shop.confirms() => {
                self.meet(&[]).await?;
                self.found("paid").await?;
            }
            _ => {}
        }
        self.confirmed(result).await?;
        self.clear_faults().await?;
        self.agree("paid").await;
        Ok(())
    }

    /// The call got through, its answer did not: somebody has to look it up. `PortOne`'s confirm is a look-up itself.
    fn lost(&self, call: &str) -> Vec<FaultRule> {
        let looks = call == "confirm" && !self.shop.confirms();
        if looks { Vec::new() } else { vec![FaultRule::new(call, Fault::ResetAfter)] }
    }

    /// The shop asks before the browser is back.
    async fn looked_at(&mut self) -> Step {
        for _ in 0..4 {
            let reply = self.shop.verify(&self.id).await;
            if !matches!(reply.status, 200 | 202 | 502 | 503) {
                return Err(format!("a look-up was answered {} {:#}", reply.status, reply.body));
            }
            if reply.status == 200 && reply["status"] == "paid" {
                break;
            }
            self.pass().await;
        }
        Ok(())
    }

    /// The buyer does not come back and no webhook comes: the list shows it.
    async fn found(&mut self, status: &str) -> Step {
        // A day and more: then the last week is swept again.
        for _ in 0..100 {
            if self.payment().await["status"] == status {
                return Ok(());
            }
            self.shop.advance(Duration::from_secs(20 * 60)).await;
            self.pass().await;
        }
        Err("the sweep never found it".to_owned())
    }

    /// A part goes back, then the rest, the fault in its place each time.
    async fn given_back(&mut self) -> Step {
        for (target, status) in [(PART, "partially_cancelled"), (AMOUNT, "cancelled")] {
            match self.case.place {
                Place::Cancel => self.meet(&[]).await?,
                Place::Read => self.meet(&self.lost("cancel")).await?,
                _ => {}
            }
            self.cancelled(target).await?;
            self.clear_faults().await?;
            if target < AMOUNT {
                self.agree(status).await;
            }
        }
        self.end("cancelled").await
    }

    /// The shop cancels in the PG's console, and no webhook comes: the list shows it, the fault in its place each time.
    async fn swept(&mut self) -> Step {
        for (amount, status) in [(PART, "partially_cancelled"), (AMOUNT - PART, "cancelled")] {
            self.meet(&[]).await?;
            self.shop.control("cancel", json!({ "payment_id": self.id, "amount": amount })).await;
            self.found(status).await?;
            self.clear_faults().await?;
            self.agree(status).await;
        }
        self.end("cancelled").await
    }

    /// An account, closed before the deposit.
    async fn closed(&mut self) -> Step {
        let result = self.window().await?.ok_or("paid before the window opened")?;
        self.confirmed(result).await?;
        self.meet(&[]).await?;
        self.cancelled(AMOUNT).await?;
        self.end("cancelled").await
    }

    /// An account, paid into, and all of it sent back.
    async fn refunded(&mut self) -> Step {
        let result = self.window().await?.ok_or("paid before the window opened")?;
        self.confirmed(result).await?;
        self.shop.control("deposit", json!({ "payment_id": self.id })).await;
        self.shop.until_status(&self.id, "paid").await;
        if !self.case.is_false_decline() {
            self.silence().await?;
        }
        self.meet(&[]).await?;
        self.cancelled(AMOUNT).await?;
        self.clear_faults().await?;
        self.shop.advance(REFUND_TAKES).await;
        self.end("cancelled").await
    }

    /// Webhooks are all that comes: of the payment, and of two cancels in its console.
    async fn notified(&mut self) -> Step {
        self.meet(&[]).await?;
        let result = self.window().await?.ok_or("paid before the window opened")?;
        if self.shop.confirms() {
            self.arm(&self.lost("confirm")).await?;
            self.confirmed(result).await?;
        } else {
            self.found("paid").await?;
        }
        if self.case.fault == Fault::Drop {
            // Nothing else shows the console's cancel.
            self.clear_faults().await?;
        }
        self.shop.control("cancel", json!({ "payment_id": self.id, "amount": PART })).await;
        if self.case.fault == Fault::Reorder {
            // A webhook that waits for the next one waits for one without a fault.
            self.clear_faults().await?;
        } else {
            self.agree("partially_cancelled").await;
        }
        self.shop.control("cancel", json!({ "payment_id": self.id, "amount": AMOUNT - PART })).await;
        self.end("cancelled").await
    }
}
