//! One order id at the PG, and how money is to come under it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{BrowserStep, Device, MoneyMoves, PgOrderId, PgPaymentId};

/// One order id at the PG, and how money is to come under it.
///
/// It has no status: no PG reports every closed tab, so whether a window is still open cannot be known. What
/// became of it shows in the charges under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1 within the payment.
    pub number: u16,
    /// What the PG sees as order id.
    pub pg_order_id: PgOrderId,
    /// What became of preparing its browser step.
    pub preparation: Preparation,
    /// Set once the PG answered a request for another browser step of it with an error: from when on a look-up shows whether the
    /// buyer had paid in the open window then. No step is prepared under its order id again; the open window is still looked up.
    pub shown_from: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What became of preparing an attempt's browser step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preparation {
    /// The PG is being asked, or its answer was lost: the same request may go out again.
    Pending,
    /// The buyer can open the window.
    Ready(PreparedStep),
    /// The PG refused to prepare it and never did. Nobody can pay under this order id.
    Refused,
}

/// A prepared browser step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedStep {
    /// What the browser has to do, to show it again.
    pub step: BrowserStep,
    /// The device it was prepared for.
    pub device: Device,
    /// When money moves under this attempt.
    pub money_moves: MoneyMoves,
    /// The PG's id, if it names one this early.
    pub pg_payment_id: Option<PgPaymentId>,
}

impl Attempt {
    /// A new attempt, to be committed before the PG is asked to prepare it.
    #[must_use]
    pub const fn new(number: u16, pg_order_id: PgOrderId, now: Timestamp) -> Self {
        Self { number, pg_order_id, preparation: Preparation::Pending, shown_from: None, created_at: now }
    }

    /// The PG answered a request for its browser step with an error. A step that was prepared before, for another device or in
    /// another tab, takes money all the same, so it stays on record; from `shown_from` on a look-up shows what came of it.
    pub fn refuse(&mut self, shown_from: Timestamp) {
        match self.preparation {
            // Of several errors the one whose outcome shows last counts: concluding by the first would leave out
            // what the later one meant.
            Preparation::Ready(_) => self.shown_from = self.shown_from.max(Some(shown_from)),
            // No window was ever opened under it, so nobody can pay and nothing has to be looked up.
            Preparation::Pending | Preparation::Refused => self.preparation = Preparation::Refused,
        }
    }

    /// The prepared step, if there is one.
    #[must_use]
    pub const fn prepared(&self) -> Option<&PreparedStep> {
        match &self.preparation {
            Preparation::Ready(prepared) => Some(prepared),
            Preparation::Pending | Preparation::Refused => None,
        }
    }

    /// Whether the PG takes money under this attempt without being asked by us. An attempt whose preparation has
    /// no answer yet counts: a window may have been opened with it.
    #[must_use]
    pub fn takes_money_before_confirm(&self) -> bool {
        match &self.preparation {
            Preparation::Ready(prepared) => prepared.money_moves == MoneyMoves::BeforeConfirm,
            Preparation::Pending => true,
            Preparation::Refused => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BrowserStep, IdSource};

    #[test]
    fn refusal_that_shows_sooner_shortens_no_wait() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let id = IdSource::seeded(1).payment(at(0));
        let mut attempt = Attempt::new(1, PgOrderId::of(&id, 1).unwrap(), at(0));
        attempt.preparation = Preparation::Ready(PreparedStep {
            step: BrowserStep::Redirect { url: "https://pg.example/pay".to_owned(), form: None },
            device: Device::Desktop,
            money_moves: MoneyMoves::BeforeConfirm,
            pg_payment_id: None,
        });
        for (shown_from, expected) in [(90, 90), (10, 90), (100, 100)] {
            attempt.refuse(at(shown_from));
            assert_eq!(attempt.shown_from, Some(at(expected)));
        }
    }
}
