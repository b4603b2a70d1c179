//! What is tried: the faults, the calls they meet, and how often.

use paymux_sandbox::{Fault, FaultRule};

use super::answers::{Answer, coded, huge, unreadable};

/// How long, in real time, a fault keeps us waiting; longer than a confirm is waited for where it says so.
const HOLD_MS: u64 = 120;
const SLOW_MS: u64 = 30;
const REFUSE_MS: u64 = 60;

/// How much later on the sandbox clock: inside what a request may still be on its way.
const LATER_MS: u64 = 20_000;
const DELAY_MS: u64 = 45_000;

/// A call of a PG, in the place of a flow where Paymux makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The browser step is prepared.
    Prepare,
    /// A token is fetched.
    Token,
    /// The money is asked for.
    Confirm,
    /// A payment is looked up by its id.
    Read,
    /// A payment is looked up by its order.
    ReadOrder,
    /// The PG's list of money in and money back.
    List,
    /// The PG's clock, which a sweep goes by.
    Time,
    /// Money goes back: a part, then the rest.
    Cancel,
    /// A deposit goes back to the buyer's account.
    Refund,
    /// An unpaid account is closed.
    Close,
    /// The PG sends a webhook.
    Webhook,
}

impl Place {
    /// Whether money moves there.
    #[must_use]
    pub const fn moves_money(self) -> bool {
        matches!(self, Self::Confirm | Self::Cancel | Self::Refund)
    }

    /// Whether it changes nothing at the PG.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadOrder | Self::List | Self::Time | Self::Token)
    }
}

/// The calls: PG, place, the simulator's name. Paymux does not make Toss' `checkout`, nor `PortOne`'s `get_many` and
/// `find`; what it asks `PortOne` for the time has no name there.
pub const CALLS: [(&str, Place, &str); 19] = [
    ("toss", Place::Prepare, "create"),
    ("toss", Place::Confirm, "confirm"),
    ("toss", Place::Read, "get"),
    ("toss", Place::ReadOrder, "get_by_order"),
    ("toss", Place::List, "transactions"),
    ("toss", Place::Time, "get_by_order"),
    ("toss", Place::Cancel, "cancel"),
    ("toss", Place::Refund, "cancel"),
    ("toss", Place::Close, "cancel"),
    ("toss", Place::Webhook, "webhook"),
    ("portone", Place::Token, "get_token"),
    ("portone", Place::Prepare, "prepare"),
    ("portone", Place::Read, "get"),
    ("portone", Place::ReadOrder, "find_all"),
    ("portone", Place::List, "list"),
    ("portone", Place::Cancel, "cancel"),
    ("portone", Place::Refund, "cancel"),
    ("portone", Place::Close, "vbank_delete"),
    ("portone", Place::Webhook, "webhook"),
];

/// What goes wrong with any call.
const FAULTS: [Fault; 11] = [
    Fault::Refuse,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::ExecutesLater,
    Fault::Garbled,
    Fault::Slow,
    Fault::Unauthorized,
];

const OF_WEBHOOKS: [Fault; 5] = [Fault::Drop, Fault::Duplicate, Fault::Delay, Fault::Early, Fault::Reorder];

/// The faults that come with an answer of their own.
const ANSWERED: [Fault; 3] = [Fault::ErrorBefore, Fault::ErrorAfter, Fault::ExecutesLater];

/// One run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The PG.
    pub pg: &'static str,
    /// Whether the PG guards against nothing.
    pub permissive: bool,
    /// Where in the flow.
    pub place: Place,
    /// The simulator's name for the call.
    pub call: &'static str,
    /// What goes wrong.
    pub fault: Fault,
    /// How often in a row.
    pub times: u64,
    /// What is answered, where the fault answers.
    pub answer: Option<Answer>,
}

impl Case {
    /// The rule for the simulator.
    #[must_use]
    pub fn rule(&self) -> FaultRule {
        let for_ms = match self.fault {
            Fault::TimeoutBefore | Fault::TimeoutAfter => Some(HOLD_MS),
            Fault::Slow => Some(SLOW_MS),
            Fault::Refuse => Some(REFUSE_MS),
            Fault::ExecutesLater => Some(LATER_MS),
            Fault::Delay => Some(DELAY_MS),
            _ => None,
        };
        FaultRule {
            times: Some(self.times),
            for_ms,
            status: self.answer.as_ref().map(|answer| answer.status),
            body: self.answer.as_ref().map(|answer| answer.body.clone()),
            ..FaultRule::new(self.call, self.fault)
        }
    }

    /// Whether money goes back in the PG's console: where we take the money, only that is shown by the list alone.
    #[must_use]
    pub fn is_of_console(&self) -> bool {
        self.place == Place::Webhook || (self.pg == "toss" && matches!(self.place, Place::List | Place::Time))
    }

    /// Whether the PG declines what it did, or will do: then only a later look-up shows it.
    #[must_use]
    pub fn is_false_decline(&self) -> bool {
        self.declines() && matches!(self.fault, Fault::ErrorAfter | Fault::ExecutesLater)
    }

    /// Whether the PG declines. `PortOne`'s 401 counts: it comes before any processing.
    #[must_use]
    pub fn declines(&self) -> bool {
        let is_refused = |answer: &Answer| answer.status == 401 && self.pg == "portone";
        self.answer.as_ref().is_some_and(|answer| answer.declines || is_refused(answer))
    }

    /// Whether the PG answers with an error as often as a cancel is sent before it is given up.
    #[must_use]
    pub fn is_answered_thrice(&self) -> bool {
        self.times >= 3 && ANSWERED.contains(&self.fault)
    }

    /// Whether the PG says that it has not begun: now it cannot, later it will.
    fn says_later(&self) -> bool {
        let is_later =
            |answer: &Answer| answer.status == 429 || answer.name == "FORBIDDEN_CONSECUTIVE_REQUEST";
        self.answer.as_ref().is_some_and(is_later)
    }

    /// Whether it is worth a run. A false decline of a PG that guards against nothing cannot be survived, nor one that answers a cancel
    /// with an error and does it later: an answered cancel goes out again, and only the PG's balance guard lets one through. 400
    /// is how `PortOne`'s list says that it is empty.
    fn is_fair(&self) -> bool {
        let is_done = matches!(self.fault, Fault::ErrorAfter | Fault::ExecutesLater);
        let goes_out_again = self.place == Place::Cancel && self.fault == Fault::ExecutesLater;
        let is_hopeless =
            self.permissive && is_done && (goes_out_again || self.declines() || self.says_later());
        let is_empty =
            self.place == Place::List && self.answer.as_ref().is_some_and(|answer| answer.status == 400);
        !is_hopeless && !is_empty
    }

    /// What is printed of it.
    #[must_use]
    pub fn name(&self) -> String {
        let world = if self.permissive { "permissive " } else { "" };
        let answer = self.answer.as_ref().map_or_else(String::new, |answer| {
            let body: String = answer.body.to_string().chars().take(120).collect();
            format!(", answering {} ({}) {body}", answer.status, answer.name)
        });
        let Self { pg, place, call, fault, times, .. } = self;
        format!("{world}{pg} {call} ({place:?}): {fault:?} ×{times}{answer}")
    }
}

/// How many answers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Every status, every code and every body at least once with every call.
    Some,
    /// Every status with every code.
    All,
}

/// Every run.
#[must_use]
pub fn cases(breadth: Breadth) -> Vec<Case> {
    let mut cases = Vec::new();
    for permissive in [false, true] {
        for (pg, place, call) in CALLS {
            let of = Case { pg, permissive, place, call, fault: Fault::Drop, times: 1, answer: None };
            // Where nothing can be done twice, a PG without guards is no other.
            if !permissive || matches!(place, Place::Confirm | Place::Cancel) {
                cases.extend(of_call(&of, breadth));
            }
        }
    }
    cases.retain(Case::is_fair);
    cases
}

fn of_call(of: &Case, breadth: Breadth) -> Vec<Case> {
    let faults = if of.place == Place::Webhook { &OF_WEBHOOKS[..] } else { &FAULTS[..] };
    let faults = faults.iter().chain(stale(of.place));
    let unanswered = faults.flat_map(|fault| [1, 3].map(|times| (*fault, times, None)));
    let answered = if of.place == Place::Webhook { Vec::new() } else { answered(of, breadth) };
    let all = unanswered.chain(answered);
    all.map(|(fault, times, answer)| Case { fault, times, answer, ..of.clone() }).collect()
}

fn answered(of: &Case, breadth: Breadth) -> Vec<(Fault, u64, Option<Answer>)> {
    let is_vital = of.place.moves_money() && of.place != Place::Refund && !of.permissive;
    let statuses_each = match breadth {
        Breadth::All => usize::MAX,
        Breadth::Some if is_vital => 2,
        Breadth::Some => 1,
    };
    let mut answers: Vec<(u64, Answer)> = Vec::new();
    answers.extend(coded(of.pg, of.call, statuses_each).into_iter().map(|answer| (1, answer)));
    answers.extend(unreadable().into_iter().map(|answer| (1, answer)));
    if is_vital || breadth == Breadth::All {
        answers.extend(coded(of.pg, of.call, 1).into_iter().map(|answer| (3, answer)));
    }
    if is_vital {
        answers.push((1, huge(of.pg)));
    }
    // What only reads executes nothing, now or later.
    let faults = ANSWERED.iter().filter(|fault| !of.place.only_reads() || **fault == Fault::ErrorBefore);
    let all = faults.flat_map(|fault| answers.iter().map(move |(times, answer)| (*fault, *times, answer)));
    all.map(|(fault, times, answer)| (fault, times, Some(answer.clone()))).collect()
}

fn stale(place: Place) -> &'static [Fault] {
    match place {
        Place::Read => &[Fault::StaleRead],
        Place::ReadOrder => &[Fault::StaleRead, Fault::OtherAttemptByOrder],
        Place::List => &[Fault::StaleRead],
        _ => &[],
    }
}
