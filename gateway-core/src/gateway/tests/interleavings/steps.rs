//! What may happen, and how often.

use proptest::prelude::*;

use super::super::{errors, fake_pg::Op};
use crate::provider::ProviderError;

/// What may happen next. Rows of the PG's books are counted in the order in which they were made.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Open,
    /// The buyer agrees in the window that was opened last, and pays where money moves there.
    Agree,
    AgreeToDeposit,
    /// The browser brings back a row, twice at once.
    Confirm(usize),
    CloseWindow,
    Fails(usize),
    Deposit(usize),
    Reverse(usize),
    Console(usize, u64),
    Cancel(Option<u64>),
    CancelTwice(u64),
    /// The order is registered again, with the same terms or with others.
    Register(bool),
    Webhook(usize, bool),
    Sweep,
    Verify,
    Pass(u64),
    Fault(Op, Failing),
    StoreFault(bool),
    /// Confirms and cancels whose callers die while the PG works.
    Crash,
    /// Another replica works, under another credential.
    Rotate,
}

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failing {
    NotSent,
    NotDone,
    Lost,
    LostAfter,
    /// It is executed when the next time passes.
    Late,
    Error,
    ErrorAfter,
    StillRunning,
    Misconfigured,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let failing = prop_oneof![
        Just(Failing::NotSent),
        Just(Failing::NotDone),
        Just(Failing::Lost),
        Just(Failing::LostAfter),
        Just(Failing::Late),
        Just(Failing::Error),
        Just(Failing::ErrorAfter),
        Just(Failing::StillRunning),
        Just(Failing::Misconfigured),
    ];
    let op = prop_oneof![2 => Just(Op::Confirm), 2 => Just(Op::Cancel), 1 => Just(Op::Verify)];
    let time = prop_oneof![1..10_u64, 30..90_u64, 600..4_000_u64, 20_000..100_000_u64];
    let row = 0..4_usize;
    prop_oneof![
        4 => Just(Step::Open),
        4 => Just(Step::Agree),
        1 => Just(Step::AgreeToDeposit),
        5 => row.clone().prop_map(Step::Confirm),
        1 => Just(Step::CloseWindow),
        1 => row.clone().prop_map(Step::Fails),
        2 => row.clone().prop_map(Step::Deposit),
        1 => row.clone().prop_map(Step::Reverse),
        1 => (row.clone(), 1..4_000_u64).prop_map(|(row, amount)| Step::Console(row, amount)),
        3 => proptest::option::of(1..6_000_u64).prop_map(Step::Cancel),
        1 => (1..6_000_u64).prop_map(Step::CancelTwice),
        1 => any::<bool>().prop_map(Step::Register),
        2 => (row, any::<bool>()).prop_map(|(row, signed)| Step::Webhook(row, signed)),
        1 => Just(Step::Sweep),
        2 => Just(Step::Verify),
        5 => time.prop_map(Step::Pass),
        5 => (op, failing).prop_map(|(op, failing)| Step::Fault(op, failing)),
        1 => any::<bool>().prop_map(Step::StoreFault),
        1 => Just(Step::Crash),
        1 => Just(Step::Rotate),
    ]
}

pub(super) fn error(failing: Failing) -> ProviderError {
    match failing {
        Failing::NotSent => errors::not_sent(),
        Failing::NotDone => errors::later(),
        Failing::Lost | Failing::LostAfter | Failing::Late => errors::no_answer(),
        Failing::Error | Failing::ErrorAfter => errors::unknown(),
        Failing::StillRunning => errors::still_running(),
        Failing::Misconfigured => errors::misconfigured(),
    }
}
