//! Single flight: of one payment one look-up runs at a time, and merchants who wait share the next.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::model::PaymentId;

/// The look-ups that run or wait now, by payment.
#[derive(Debug, Default)]
pub(crate) struct SingleFlight(Mutex<HashMap<PaymentId, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    // At 0 the entry goes: the map must not grow with every payment that was ever looked up.
    callers: usize,
    flights: Arc<Flights>,
}

/// The look-ups of one payment, counted as they start.
#[derive(Debug, Default)]
struct Flights {
    // Outside the lock, because those who arrive while a look-up runs read it before they wait.
    started: AtomicU64,
    // An async mutex: it is held while the PG is asked, and waiting for it is how callers queue.
    newest: tokio::sync::Mutex<Option<Ended>>,
}

impl Flights {
    async fn begin<T: FlightResult>(
        &self,
        newest: &mut Option<Ended>,
        look_up: impl Future<Output = T>,
    ) -> T {
        // Counted before the PG is asked: callers that arrive from here on may know of something that this
        // look-up does not show.
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let done = look_up.await;
        // Only once it ended. A look-up that is dropped halfway is shared with nobody.
        *newest = Some(Ended { number, answered: done.answered() });
        done
    }
}

/// The newest look-up that ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    number: u64,
    answered: Answered,
}

/// How much of a look-up the PG answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// All that was asked.
    All,
    /// Some of it: a row could not be read.
    Part,
    /// The PG gave no usable answer.
    Nothing,
}

/// The result of a look-up that callers share.
pub(crate) trait FlightResult {
    /// How much the PG answered, for those who share it.
    fn answered(&self) -> Answered;
}

/// What became of a caller's look-up.
#[derive(Debug)]
pub(crate) enum Flight<T> {
    /// This caller led it.
    Led(T),
    /// One that began after this caller came was done for another.
    Shared(Answered),
}

impl SingleFlight {
    /// Runs `look_up`, unless one that began after this call ended while it waited.
    pub(crate) async fn run<T: FlightResult>(
        &self,
        id: &PaymentId,
        look_up: impl Future<Output = T>,
    ) -> Flight<T> {
        let caller = self.enter(id);
        let flights = &caller.flights;
        // Read before the wait: a look-up that was under way when this caller came may have been asked before
        // the payment that they want to see, so only one that began later is theirs.
        let came_after = flights.started.load(Ordering::SeqCst);
        let mut newest = flights.newest.lock().await;
        match *newest {
            Some(ended) if ended.number > came_after => Flight::Shared(ended.answered),
            _ => Flight::Led(flights.begin(&mut newest, look_up).await),
        }
    }

    /// Runs `look_up` once no other of this payment runs. It may be of one charge only, so nobody shares it.
    pub(crate) async fn alone<T>(&self, id: &PaymentId, look_up: impl Future<Output = T>) -> T {
        let caller = self.enter(id);
        // It waits for the one before: of two look-ups at once, the second to commit loses the race and has to be asked
        // again. It leaves no result: it may be of one charge, and callers of `run` wait for all that may
        // hold money.
        let _newest = caller.flights.newest.lock().await;
        look_up.await
    }

    fn enter<'a>(&'a self, id: &'a PaymentId) -> Caller<'a> {
        let mut all = self.all();
        let entry = all.entry(id.clone()).or_default();
        // Under the lock of the map, so that the last to leave cannot remove an entry that a caller is about
        // to use.
        entry.callers += 1;
        Caller { of: self, id, flights: Arc::clone(&entry.flights) }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<PaymentId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller who waits or looks up. The last to leave takes the payment's entry along.
struct Caller<'a> {
    of: &'a SingleFlight,
    id: &'a PaymentId,
    flights: Arc<Flights>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        // Also when a caller's future is dropped: a caller that hangs up must leave nothing behind.
        let mut all = self.of.all();
        let Some(entry) = all.get_mut(self.id) else { return };
        entry.callers -= 1;
        if entry.callers == 0 {
            all.remove(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::*;

    /// What a look-up of these tests comes to.
    #[derive(Debug, PartialEq, Eq)]
    struct Answer(Result<u8, usize>);

    impl FlightResult for Answer {
        fn answered(&self) -> Answered {
            self.0.map_or(Answered::Nothing, |_| Answered::All)
        }
    }

    fn id() -> PaymentId {
        crate::model::IdSource::seeded(1).payment(jiff::Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn of_many_at_once_two_run_and_all_are_answered() {
        let (flights, done) = (SingleFlight::default(), AtomicUsize::new(0));
        let look_up = || async {
            done.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Answer(Ok(0))
        };
        let id = id();
        let (first, rest) = tokio::join!(
            flights.run(&id, look_up()),
            join_all((0..100).map(|_| flights.run(&id, look_up())))
        );
        assert!(matches!(first, Flight::Led(Answer(Ok(_)))));
        let led = rest.iter().filter(|flight| matches!(flight, Flight::Led(_))).count();
        let shared = rest.iter().filter(|flight| matches!(flight, Flight::Shared(Answered::All))).count();
        assert_eq!((led, shared, done.into_inner()), (1, 99, 2));
        assert!(flights.all().is_empty(), "nothing is kept when nobody waits");
    }

    #[tokio::test]
    async fn caller_after_a_look_up_leads_the_next() {
        let flights = SingleFlight::default();
        for _ in 0..3 {
            assert!(matches!(flights.run(&id(), async { Answer(Ok(1)) }).await, Flight::Led(Answer(Ok(1)))));
        }
    }

    #[tokio::test]
    async fn failed_look_up_is_no_answer_for_those_who_share_it() {
        let flights = SingleFlight::default();
        let fails = || async {
            tokio::task::yield_now().await;
            Answer(Err(0))
        };
        let id = id();
        let (_, rest) =
            tokio::join!(flights.run(&id, fails()), join_all((0..3).map(|_| flights.run(&id, fails()))));
        assert!(rest.iter().any(|flight| matches!(flight, Flight::Shared(Answered::Nothing))), "{rest:?}");
    }

    #[tokio::test]
    async fn look_up_of_one_charge_is_shared_by_nobody() {
        let flights = SingleFlight::default();
        let id = id();
        let (_, asked) = tokio::join!(
            flights.alone(&id, tokio::task::yield_now()),
            flights.run(&id, async { Answer(Ok(7)) }),
        );
        assert!(matches!(asked, Flight::Led(Answer(Ok(7)))), "{asked:?}");
    }

    #[tokio::test]
    async fn nobody_runs_beside_another() {
        let (flights, running) = (SingleFlight::default(), AtomicUsize::new(0));
        let look_up = || async {
            let beside = running.fetch_add(1, Ordering::SeqCst);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Answer(if beside == 0 { Ok(0) } else { Err(beside) })
        };
        let id = id();
        let (one, two, three) = tokio::join!(
            flights.run(&id, look_up()),
            flights.alone(&id, look_up()),
            flights.run(&id, look_up())
        );
        assert!(matches!(one, Flight::Led(Answer(Ok(_)))), "{one:?}");
        assert_eq!(two, Answer(Ok(0)));
        assert!(!matches!(three, Flight::Led(Answer(Err(_)))), "{three:?}");
    }
}
