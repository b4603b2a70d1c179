//! When any history of sends and answers lets a request go out again (invariant 10).

use std::time::Duration;

use proptest::prelude::*;

use super::super::guards::repeat_from;
use crate::{
    lifecycle::tests::sample::{DAY, FINAL, START, World, at},
    model::{Dispatch, LastResponse, Operation},
    provider::Guard,
};

/// How a send was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    NotSent,
    None,
    Error,
}

/// A send, so many seconds after the one before.
#[derive(Clone, Debug)]
struct Send {
    after: i64,
    answer: Answer,
}

fn send() -> impl Strategy<Value = Send> {
    let answer = prop_oneof![Just(Answer::NotSent), Just(Answer::None), Just(Answer::Error)];
    (1..200_i64, answer).prop_map(|(after, answer)| Send { after, answer })
}

fn guard() -> impl Strategy<Value = Guard> {
    prop_oneof![
        (prop_oneof![Just(300), Just(15 * 86_400)], any::<bool>()).prop_map(|(within, per_credential)| {
            Guard::Key { within: Duration::from_secs(within), per_credential }
        }),
        Just(Guard::Order),
        Just(Guard::Charge),
        Just(Guard::Balance),
        Just(Guard::CopiedBalance),
    ]
}

/// What the sends left behind, apart from the row that remembers it.
struct History {
    dispatch: Dispatch,
    /// The sends that may be executed yet.
    open: Vec<i64>,
    key_sent_at: i64,
    now: i64,
    errors: u32,
}

fn history(sends: &[Send]) -> History {
    let mut history = History {
        dispatch: Dispatch::first(at(0), "first"),
        open: Vec::new(),
        key_sent_at: 0,
        now: 0,
        errors: 0,
    };
    for (number, send) in sends.iter().enumerate() {
        if number > 0 {
            history.now += send.after;
            if history.dispatch.last_response == LastResponse::Error {
                history.key_sent_at = history.now;
            }
            history.dispatch = history.dispatch.retry(at(history.now), "first");
        }
        match send.answer {
            Answer::NotSent => history.dispatch.may_have_left = false,
            Answer::None => history.open.push(history.now),
            Answer::Error => {
                history.dispatch.last_response = LastResponse::Error;
                history.errors += 1;
            }
        }
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn repeat_waits_for_what_its_guards_do_not_cover(
        sends in prop::collection::vec(send(), 1..8),
        guards in prop::collection::vec(guard(), 0..3),
        is_cancel in any::<bool>(),
        is_rotated in any::<bool>(),
        wait in 0..2 * DAY,
    ) {
        let mut world = World::on_confirm();
        world.pay("k1");
        let operation = if is_cancel {
            Operation::Cancel(world.cancel(4_000))
        } else {
            Operation::Confirm(world.charge("k1").id.clone())
        };
        world.description.guards.cancel_part.clone_from(&guards);
        world.description.guards.confirm.clone_from(&guards);
        if is_rotated {
            world.description.credential = "second".to_owned();
        }
        let history = history(&sends);
        let earliest = history.now + wait;
        let goes = repeat_from(&world.record, &operation, &history.dispatch, &world.description, at(earliest));

        // No send of before can be executed any more.
        let final_at = history.open.iter().map(|sent| sent + FINAL).max().unwrap_or(earliest).max(earliest);
        let takes_next_key = history.dispatch.last_response == LastResponse::Error;
        let from = |guard: &Guard| match guard {
            Guard::Key { within, per_credential } => {
                let lives = earliest - history.key_sent_at < i64::try_from(within.as_secs()).unwrap();
                (!takes_next_key && lives && !(*per_credential && is_rotated)).then_some(earliest)
            }
            Guard::Order | Guard::Charge if is_cancel && takes_next_key => Some(final_at),
            Guard::Order | Guard::Charge => Some(earliest),
            // None of these errors leaves open what was done.
            Guard::Balance | Guard::CopiedBalance => Some(final_at),
        };
        let expected = guards.iter().filter_map(from).min();
        let second = |goes: jiff::Timestamp| goes.as_second() - START;
        prop_assert_eq!(goes.map(second), expected);
    }
}
