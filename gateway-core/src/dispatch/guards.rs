//! When a request may go out again.
//!
//! While any guard of its set holds, and only then. A guard that only compares what is left, and any next key of a cancel,
//! count only once every earlier send was answered or can no longer be executed: no source says that a PG's check is
//! atomic, and an answered error does not answer an earlier send.

use jiff::Timestamp;

use crate::{
    clock::later,
    lifecycle::schedule::{CANCEL_ERRORS, final_time},
    model::{Dispatch, LastResponse, Operation},
    provider::{Guard, ProviderDescription},
    store::PaymentRecord,
};

/// The guards that make a repeat of an operation safe.
pub(super) fn guards<'a>(
    record: &PaymentRecord,
    operation: &Operation,
    description: &'a ProviderDescription,
) -> &'a [Guard] {
    match operation {
        Operation::Confirm(_) => &description.guards.confirm,
        Operation::Close(_) => &description.guards.close,
        // A repeated "all" finds nothing left. A repeated part takes the same amount once more.
        Operation::Cancel(id) if record.cancel(id).is_some_and(|(_, cancel)| cancel.is_whole) => {
            &description.guards.cancel_all
        }
        Operation::Cancel(_) => &description.guards.cancel_part,
    }
}

/// From when on a request may go out again, not before `earliest`; `None` if never. A cancel that was answered with errors
/// again and again waits for the look-up that says what became of it.
pub(super) fn repeat_from(
    record: &PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    description: &ProviderDescription,
    earliest: Timestamp,
) -> Option<Timestamp> {
    let is_cancel = matches!(operation, Operation::Cancel(_));
    let is_confirm = matches!(operation, Operation::Confirm(_));
    // Each error took a new key, and any of these sends may be done. Of a confirm no error ends the tries.
    if !is_confirm && sent.error_count >= CANCEL_ERRORS || sent.may_follow {
        return None;
    }
    let guards = guards(record, operation, description);
    guards.iter().filter_map(|guard| holds_from(*guard, sent, description, is_cancel, earliest)).min()
}

fn holds_from(
    guard: Guard,
    sent: &Dispatch,
    description: &ProviderDescription,
    is_cancel: bool,
    earliest: Timestamp,
) -> Option<Timestamp> {
    let takes_next_key = sent.last_response == LastResponse::Error;
    let final_at = final_from(sent, description).map_or(earliest, |final_at| final_at.max(earliest));
    match guard {
        Guard::Key { within, per_credential } => {
            // A key that has expired, or was kept for another credential, makes a new request of the repeat.
            let same_credential = !per_credential || sent.credential == description.credential;
            let is_kept = earliest < later(sent.key_sent_at, within);
            (!takes_next_key && same_credential && is_kept).then_some(earliest)
        }
        // An earlier send under another key may still be executed: no PG says that its check is atomic.
        Guard::Order | Guard::Charge if is_cancel && takes_next_key => Some(final_at),
        Guard::Order | Guard::Charge => Some(earliest),
        // Two requests at once may both see the balance of before.
        Guard::Balance => Some(final_at),
        // An error that leaves open what was done says nothing of the PG behind, which may do it a little later.
        Guard::CopiedBalance if takes_next_key && sent.had_unknown => {
            Some(final_time(sent.last_sent_at, description).max(final_at))
        }
        Guard::CopiedBalance => Some(final_at),
    }
}

/// From when on no earlier send can be executed any more; `None` if that is so already.
fn final_from(sent: &Dispatch, description: &ProviderDescription) -> Option<Timestamp> {
    // Later answers say nothing of an older send without one, so that one is kept beside the newest.
    let is_open = sent.last_response == LastResponse::Unanswered && sent.may_have_left;
    let newest = is_open.then_some(sent.last_sent_at).max(sent.unanswered_at);
    newest.map(|sent_at| final_time(sent_at, description))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{model::Mode, provider::Guards};

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// Committed, sent within 10 s, answered within 60 s, shown within 30 s.
    const FINAL: u64 = 100;

    fn description(credential: &str) -> ProviderDescription {
        ProviderDescription {
            kind: "fake",
            mode: Mode::Test,
            pg_merchant: "m".to_owned(),
            credential: credential.to_owned(),
            api_version: "1".to_owned(),
            methods: Vec::new(),
            guards: Guards::default(),
            cancels_by_order: false,
            shows_whole_orders: false,
            requests_per_window: 0,
            read_timeout: Duration::from_secs(60),
            webhook_reply: "OK",
        }
    }

    fn at(second: u64) -> Timestamp {
        later(START, Duration::from_secs(second))
    }

    fn answered(sent: Dispatch) -> Dispatch {
        Dispatch { last_response: LastResponse::Error, ..sent }
    }

    fn holds(guard: Guard, sent: &Dispatch, is_cancel: bool, credential: &str) -> Option<Timestamp> {
        holds_from(guard, sent, &description(credential), is_cancel, at(5))
    }

    const KEY: Guard = Guard::Key { within: DAY, per_credential: true };

    #[test]
    fn key_holds_while_it_is_kept_and_under_its_credential() {
        let sent = Dispatch::first(START, "a");
        assert_eq!(holds(KEY, &sent, true, "a"), Some(at(5)));
        assert_eq!(holds(KEY, &sent, true, "b"), None);
        let shared = Guard::Key { within: DAY, per_credential: false };
        assert_eq!(holds(shared, &sent, true, "b"), Some(at(5)));
        let short = Guard::Key { within: Duration::from_secs(5), per_credential: true };
        assert_eq!(holds(short, &sent, true, "a"), None);
        assert_eq!(holds(KEY, &answered(sent), true, "a"), None, "the next key is another one");
    }

    #[test]
    fn balance_waits_until_every_send_is_answered_or_final() {
        let unanswered = Dispatch::first(START, "a");
        assert_eq!(holds(Guard::Balance, &unanswered, true, "a"), Some(at(FINAL)));
        let first = answered(unanswered.clone());
        assert_eq!(holds(Guard::Balance, &first, true, "a"), Some(at(5)));
        let second = answered(unanswered.retry(at(2), "a"));
        assert_eq!(holds(Guard::Balance, &second, true, "a"), Some(at(FINAL)), "the first is still out");
        let unsent = Dispatch { may_have_left: false, ..unanswered };
        assert_eq!(holds(Guard::Balance, &unsent, true, "a"), Some(at(5)));
    }

    #[test]
    fn copied_balance_waits_until_an_unknown_send_is_final_too() {
        let guard = Guard::CopiedBalance;
        let unanswered = Dispatch::first(START, "a");
        assert_eq!(holds(guard, &unanswered, true, "a"), Some(at(FINAL)));
        let not_done = answered(unanswered.clone());
        assert_eq!(holds(guard, &not_done, true, "a"), Some(at(5)), "the PG said that it did nothing");
        let unknown = Dispatch { had_unknown: true, ..not_done };
        assert_eq!(holds(guard, &unknown, true, "a"), Some(at(FINAL)), "the PG behind may do it yet");
        assert_eq!(holds(Guard::Balance, &unknown, true, "a"), Some(at(5)), "its own books would show it");
        let unsent = Dispatch { may_have_left: false, ..unanswered };
        assert_eq!(holds(guard, &unsent, true, "a"), Some(at(5)));
    }

    #[test]
    fn charge_repeats_confirms_at_once_and_cancels_when_final() {
        let first = Dispatch::first(START, "a");
        let second = answered(first.retry(at(2), "a"));
        assert_eq!(holds(Guard::Charge, &second, false, "b"), Some(at(5)));
        assert_eq!(holds(Guard::Charge, &second, true, "b"), Some(at(FINAL)));
        assert_eq!(holds(Guard::Charge, &first, true, "b"), Some(at(5)));
    }
}
