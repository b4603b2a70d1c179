//! What of a payment is to be looked up and sent, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{LookUpSubject, Operation};

/// Why a look-up is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Money may have moved without our knowing: on the schedule until it is known.
    Uncertain,
    /// A request went out without a definite answer: from now on "not there" means not done.
    FinalTime,
    /// A look-up showed less than was known before: believed if it shows so again.
    Less,
    /// A webhook, a row of the PG's list, or a merchant who reads says that something may have happened. One that
    /// proves nothing is throttled.
    Hint,
    /// A hint may be ahead of what the PG showed: once more a while later.
    Recheck,
    /// The deadline, and the days after it in which a late payment may come.
    Deadline,
    /// An account waits for its deposit.
    Deposit,
    /// Paid: what a list cannot show, and deposits that are reversed.
    Paid,
    /// A refund is under way.
    Refund,
    /// A person decided: the PG is asked once more.
    Decision,
}

/// A look-up that is owed: over only by an answered one, asked at or after `at`, that covers its subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwedLookUp {
    /// What is to be looked up.
    pub of: LookUpSubject,
    /// Not before this.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
    /// How many look-ups for the same reason came before.
    pub tries: u32,
}

impl OwedLookUp {
    /// Whether it is a hint about this that waits for its first look-up, so that it covers what is said meanwhile. One that got no
    /// answer and was put off covers nothing.
    pub(crate) fn is_waiting_hint(&self, of: &LookUpSubject) -> bool {
        self.why == Why::Hint && self.of == *of && self.tries == 0
    }
}

/// An operation that is not over, and when its request goes out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOperation {
    /// Which.
    pub operation: Operation,
    /// How often it was tried. It decides where on the schedule the next try is.
    pub tries: u32,
    /// When it is tried again; `None`: only look-ups or a person can end it.
    pub next_at: Option<Timestamp>,
}

/// What is to be looked up and sent, and when. Kept beside the payment and in no event; there is no other timer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The look-ups that are owed.
    pub owed: Vec<OwedLookUp>,
    /// The operations that are not over.
    pub pending: Vec<PendingOperation>,
    /// When time alone changes what is shown.
    pub deadline: Option<Timestamp>,
    /// For each attempt, when the newest look-up of its order id was asked whose answer said all that the PG can say.
    pub asked: Vec<(u16, Timestamp)>,
}

impl Checks {
    /// Adds look-ups. One that is owed already is not added again.
    pub fn owe(&mut self, owed: impl IntoIterator<Item = OwedLookUp>) {
        self.owed.extend(owed);
        // In one order, so that records which owe the same are equal and nothing is written for them.
        self.owed.sort();
        self.owed.dedup();
    }

    /// Adds look-ups at `now`. Hints of one subject owe two at most, whatever their number: one that is due, and one ahead,
    /// which covers every hint that was received by then. One that was put off gives way to a new one that is sooner.
    pub fn owe_from_now(&mut self, owed: impl IntoIterator<Item = OwedLookUp>, now: Timestamp) {
        for owed in owed {
            let shares =
                |kept: &OwedLookUp| kept.of == owed.of && kept.why == Why::Hint && owed.why == Why::Hint;
            match self.owed.iter_mut().find(|kept| shares(kept) && kept.at > now) {
                // The one ahead is asked after this hint, so it covers it. A sooner one replaces it: a
                // webhook that is proved must not wait until a forged one is due.
                Some(kept) if owed.at < kept.at => *kept = owed,
                Some(_) => {}
                None => {
                    // What is due by now is asked no sooner than now, so one of them does for all. It may be
                    // under way already, with an answer from before this hint, which is therefore owed as
                    // well.
                    let newest_due = self.owed.iter().filter(|kept| shares(kept)).map(|kept| kept.at).max();
                    self.owed.retain(|kept| !shares(kept) || Some(kept.at) == newest_due);
                    self.owed.push(owed);
                }
            }
        }
        self.owed.sort();
        self.owed.dedup();
    }

    /// An attempt's order id was asked about at this time, and all was said that can be.
    pub(crate) fn was_asked(&mut self, number: u16, at: Timestamp) {
        // Answers may be committed in another order than they were asked for: the newest question counts.
        self.asked.retain(|(known, asked_at)| *known != number || *asked_at > at);
        if !self.asked.iter().any(|(known, _)| *known == number) {
            self.asked.push((number, at));
            self.asked.sort_unstable();
        }
    }

    /// When the payment is due next.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        let owed = self.owed.iter().map(|owed| owed.at);
        let pending = self.pending.iter().filter_map(|pending| pending.next_at);
        // There is no other timer. With a second one, each would sooner or later be set without the other.
        owed.chain(pending).chain(self.deadline).min()
    }

    /// When the newest look-up of an attempt's order id was asked whose answer said all that the PG can say.
    #[must_use]
    pub fn asked_at(&self, attempt: u16) -> Option<Timestamp> {
        self.asked.iter().find(|(number, _)| *number == attempt).map(|(_, at)| *at)
    }

    /// How often an operation was tried.
    #[must_use]
    pub fn tries(&self, operation: &Operation) -> u32 {
        self.pending.iter().find(|pending| pending.operation == *operation).map_or(0, |pending| pending.tries)
    }
}
