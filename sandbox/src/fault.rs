//! The fault script: which calls go wrong, when, and how.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `call` name under which webhooks are scripted.
pub const WEBHOOK: &str = "webhook";

/// One line of the fault script.
///
/// ```
/// use paymux_sandbox::{Fault, FaultRule};
/// use serde_json::json;
///
/// // The next confirm is executed, and its answer gets lost: the case in which a gateway must not say "failed".
/// let rule: FaultRule = serde_json::from_value(json!({ "call": "confirm", "fault": "reset_after" }))?;
/// assert_eq!((rule.fault, rule.times), (Fault::ResetAfter, None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only on this account's simulator; absent means the one that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The call it applies to, by the simulator's name for it, or `webhook`.
    pub call: String,
    /// The first matching call it applies to, counted from 1 and from the moment the rule was given. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// To how many successive matching calls it applies. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What goes wrong.
    pub fault: Fault,
    /// The status of `error_*`, `garbled` and `executes_later` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of `error_*`, `garbled` and `executes_later` answers: a text is sent as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// How long it lasts; see [`Fault`] for the meaning and the default of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// What goes wrong.
///
/// `…_before` and `…_after`: before or after the PG executed the call. `for_ms` is real time except where the
/// sandbox clock is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody listens for `for_ms` (default 1,000): a new connection is refused, idle ones are closed.
    ///
    /// A refused connection never says which call it would have carried, so this starts when the rule is given or,
    /// with `nth` n, when the n−1st matching call has been answered. `times` means nothing here.
    Refuse,
    /// The connection is closed without an answer; nothing was executed.
    ResetBefore,
    /// The connection is closed without an answer; the call was executed.
    ResetAfter,
    /// No answer for `for_ms` (default 120,000), then the connection is closed; nothing was executed.
    TimeoutBefore,
    /// No answer for `for_ms` (default 120,000), then the connection is closed; the call was executed.
    TimeoutAfter,
    /// An error (default: the PG's internal error) is answered; nothing was executed.
    ErrorBefore,
    /// An error (default: the PG's internal error) is answered; the call was executed.
    ErrorAfter,
    /// The connection is closed at once (with `status` or `body`: that is answered), and the call is executed `for_ms`
    /// (default 5,000) later on the sandbox clock.
    ExecutesLater,
    /// The call is executed; half of the answer's body arrives, looking complete.
    Garbled,
    /// The PG works on the call for `for_ms` (default 3,000) before it executes and answers it.
    Slow,
    /// The credentials are refused; nothing was executed.
    Unauthorized,
    /// A look-up shows the payment as it was before its last change.
    StaleRead,
    /// A look-up by order shows another attempt of that order than it should.
    OtherAttemptByOrder,
    /// The webhook is never sent.
    Drop,
    /// The webhook is sent twice.
    Duplicate,
    /// The webhook is sent `for_ms` (default 60,000) later on the sandbox clock.
    Delay,
    /// The webhook arrives before the answer of the call that caused it.
    Early,
    /// The webhook is sent after the next one.
    Reorder,
}

impl Fault {
    /// Whether it is a fault of webhooks, not of calls.
    #[must_use]
    pub const fn is_of_webhooks(self) -> bool {
        matches!(self, Self::Drop | Self::Duplicate | Self::Delay | Self::Early | Self::Reorder)
    }

    const fn default_ms(self) -> u64 {
        match self {
            Self::Refuse => 1_000,
            Self::TimeoutBefore | Self::TimeoutAfter => 120_000,
            Self::ExecutesLater => 5_000,
            Self::Delay => 60_000,
            _ => 3_000,
        }
    }
}

impl FaultRule {
    /// A rule for the next such call.
    #[must_use]
    pub fn new(call: impl Into<String>, fault: Fault) -> Self {
        let call = call.into();
        Self { account: None, call, nth: None, times: None, fault, status: None, body: None, for_ms: None }
    }

    /// How long the fault lasts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.for_ms.unwrap_or(self.fault.default_ms()))
    }

    fn first(&self) -> u64 {
        self.nth.unwrap_or(1).max(1)
    }
}

/// What the script says of one call.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The rule that applies.
    pub(crate) rule: Option<FaultRule>,
    /// How long nobody listens once this call is answered.
    pub(crate) then_refuse: Option<Duration>,
}

/// The rules in force, and what they have seen.
#[derive(Debug, Default)]
pub(crate) struct FaultScript(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u64,
}

impl FaultScript {
    /// Puts a rule in force. `Some`: the listener must refuse right now, for this long.
    pub(crate) fn add(&self, rule: FaultRule) -> Option<Duration> {
        if rule.fault == Fault::Refuse && rule.first() == 1 {
            return Some(rule.duration());
        }
        self.rules().push(Armed { rule, seen: 0 });
        None
    }

    /// Counts one call and says what happens to it. The oldest applicable rule wins.
    pub(crate) fn judge(&self, call: &str) -> Verdict {
        let mut verdict = Verdict::default();
        let mut rules = self.rules();
        for armed in rules.iter_mut().filter(|armed| armed.rule.call == call) {
            armed.seen += 1;
            if armed.rule.fault == Fault::Refuse {
                if armed.seen + 1 == armed.rule.first() {
                    verdict.then_refuse = Some(armed.rule.duration());
                }
            } else if verdict.rule.is_none() && armed.applies() {
                verdict.rule = Some(armed.rule.clone());
            }
        }
        rules.retain(|armed| !armed.is_spent());
        verdict
    }

    /// The rules still in force.
    pub(crate) fn list(&self) -> Vec<FaultRule> {
        self.rules().iter().map(|armed| armed.rule.clone()).collect()
    }

    /// Forgets all rules.
    pub(crate) fn clear(&self) {
        self.rules().clear();
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn applies(&self) -> bool {
        self.seen >= self.rule.first() && self.seen < self.end()
    }

    fn is_spent(&self) -> bool {
        let last = if self.rule.fault == Fault::Refuse { self.rule.first() } else { self.end() };
        self.seen + 1 >= last
    }

    /// The count of the first call it no longer applies to.
    fn end(&self) -> u64 {
        self.rule.first().saturating_add(self.rule.times.unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(script: &FaultScript, calls: usize) -> Vec<Option<Fault>> {
        (0..calls).map(|_| script.judge("confirm").rule.map(|rule| rule.fault)).collect()
    }

    #[test]
    fn a_rule_applies_from_its_nth_call_as_often_as_it_says() {
        let script = FaultScript::default();
        script.add(FaultRule { nth: Some(2), times: Some(2), ..FaultRule::new("confirm", Fault::Garbled) });
        assert!(script.judge("get").rule.is_none(), "another call is not counted");
        let seen = faults(&script, 4);
        assert_eq!(seen, [None, Some(Fault::Garbled), Some(Fault::Garbled), None]);
        assert!(script.list().is_empty(), "a spent rule is forgotten");
    }

    #[test]
    fn refusing_starts_at_once_or_after_the_call_before_the_nth() {
        let script = FaultScript::default();
        assert_eq!(script.add(FaultRule::new("confirm", Fault::Refuse)), Some(Duration::from_secs(1)));
        let third = FaultRule { nth: Some(3), for_ms: Some(20), ..FaultRule::new("confirm", Fault::Refuse) };
        assert_eq!(script.add(third), None);
        assert_eq!(script.judge("confirm").then_refuse, None);
        assert_eq!(script.judge("confirm").then_refuse, Some(Duration::from_millis(20)));
        assert!(script.list().is_empty());
    }
}
