//! Counting exactly: how often something happened in any sixty seconds.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::clock::{MINUTE, later};

/// What happened in any sixty seconds, so that it never happens more often than `limit`.
#[derive(Debug)]
pub(super) struct LastMinute {
    pub(super) limit: u32,
    /// The newest `limit` moments, some of them perhaps still to come.
    moments: VecDeque<Timestamp>,
}

impl LastMinute {
    /// At least one: at a limit of 0 everybody would wait for ever.
    pub(super) fn of(limit: u32) -> Self {
        Self { limit: limit.max(1), moments: VecDeque::new() }
    }

    pub(super) fn take(&mut self, at: Timestamp) {
        self.moments.push_back(at);
        // `free_at` never looks further back than `limit` moments, so older ones decide nothing.
        while self.moments.len() > usize::try_from(self.limit).unwrap_or(usize::MAX) {
            self.moments.pop_front();
        }
    }

    /// From when on, at `earliest` or later, fewer than `most` have happened in the last minute.
    pub(super) fn free_at(&self, most: u32, earliest: Timestamp) -> Timestamp {
        let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
        // Any sixty seconds, not the minute of the clock: two bursts around the turn of a minute would be
        // twice the limit, and a PG counts them.
        let in_the_way = self.moments.len().checked_sub(most).and_then(|at| self.moments.get(at));
        in_the_way.map_or(earliest, |at| later(*at, MINUTE).max(earliest))
    }

    pub(super) fn clear(&mut self) {
        self.moments.clear();
    }
}
