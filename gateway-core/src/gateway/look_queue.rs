//! Look-ups take turns: of one payment one runs at a time, and merchants who wait share the next.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::PaymentId;

/// The look-ups that run or wait now, by payment.
#[derive(Debug, Default)]
pub(crate) struct LookQueue(Mutex<HashMap<PaymentId, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    callers: usize,
    looks: Arc<Looks>,
}

/// The look-ups of one payment, counted as they start.
#[derive(Debug, Default)]
struct Looks {
    started: AtomicU64,
    newest: tokio::sync::Mutex<Option<Ended>>,
}

impl Looks {
    /// `is_asked`: others asked for the same and may share its failure too. What the resolver looks for may have failed for
    /// reasons of its own: no room for routine, an id that a webhook made up.
    async fn begin<T, E>(
        &self,
        newest: &mut Option<Ended>,
        is_asked: bool,
        look: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let done = look.await;
        if is_asked || done.is_ok() {
            *newest = Some(Ended { number, succeeded: done.is_ok() });
        }
        done
    }
}

/// The newest look-up that ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    number: u64,
    succeeded: bool,
}

/// What became of a caller's look-up.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// It was done for this caller.
    Own(T),
    /// One that began after this caller came was done for another, and succeeded or not.
    Shared {
        /// Whether the PG told.
        succeeded: bool,
    },
}

impl LookQueue {
    /// Runs `look`, unless one that began after this call ended while it waited for its turn.
    pub(crate) async fn run<T, E>(
        &self,
        id: &PaymentId,
        look: impl Future<Output = Result<T, E>>,
    ) -> Look<Result<T, E>> {
        let place = self.enter(id);
        let looks = &place.looks;
        let came_after = looks.started.load(Ordering::SeqCst);
        let mut newest = looks.newest.lock().await;
        match *newest {
            Some(ended) if ended.number > came_after => Look::Shared { succeeded: ended.succeeded },
            _ => Look::Own(looks.begin(&mut newest, true, look).await),
        }
    }

    /// Runs `look` once no other of this payment runs. Callers who wait meanwhile share it if it succeeds.
    pub(crate) async fn run_own<T, E>(
        &self,
        id: &PaymentId,
        look: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let place = self.enter(id);
        let mut newest = place.looks.newest.lock().await;
        place.looks.begin(&mut newest, false, look).await
    }

    fn enter<'a>(&'a self, id: &'a PaymentId) -> Place<'a> {
        let mut all = self.all();
        let entry = all.entry(id.clone()).or_default();
        entry.callers += 1;
        Place { of: self, id, looks: Arc::clone(&entry.looks) }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<PaymentId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller who waits or looks. The last to leave takes the payment's entry along.
struct Place<'a> {
    of: &'a LookQueue,
    id: &'a PaymentId,
    looks: Arc<Looks>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
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

    fn id() -> PaymentId {
        crate::IdSource::seeded(1).payment(jiff::Timestamp::UNIX_EPOCH)
    }

    async fn takes_a_while() -> Result<(), ()> {
        tokio::task::yield_now().await;
        Ok(())
    }

    #[tokio::test]
    async fn of_many_at_once_two_are_done_and_all_are_answered() {
        let (looks, done) = (LookQueue::default(), AtomicUsize::new(0));
        let look = || async {
            done.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>(())
        };
        let id = id();
        let (first, rest) =
            tokio::join!(looks.run(&id, look()), join_all((0..100).map(|_| looks.run(&id, look()))),);
        assert!(matches!(first, Look::Own(Ok(()))));
        let own = rest.iter().filter(|look| matches!(look, Look::Own(_))).count();
        let shared = rest.iter().filter(|look| matches!(look, Look::Shared { succeeded: true })).count();
        assert_eq!((own, shared, done.into_inner()), (1, 99, 2));
        assert!(looks.all().is_empty(), "nothing is kept when nobody waits");
    }

    #[tokio::test]
    async fn who_comes_after_a_look_gets_one_of_their_own() {
        let looks = LookQueue::default();
        for _ in 0..3 {
            assert!(matches!(looks.run(&id(), async { Ok::<_, ()>(1) }).await, Look::Own(Ok(1))));
        }
    }

    #[tokio::test]
    async fn a_look_that_failed_is_no_answer_for_those_who_shared_it() {
        let looks = LookQueue::default();
        let fails = || async {
            tokio::task::yield_now().await;
            Err::<(), _>(())
        };
        let id = id();
        let (_, rest) =
            tokio::join!(looks.run(&id, fails()), join_all((0..3).map(|_| looks.run(&id, fails()))));
        assert!(rest.iter().any(|look| matches!(look, Look::Shared { succeeded: false })), "{rest:?}");
    }

    #[tokio::test]
    async fn what_the_resolver_could_not_look_up_is_no_answer_for_who_asks() {
        let looks = LookQueue::default();
        let id = id();
        let (_, own, asked) = tokio::join!(
            looks.run_own(&id, takes_a_while()),
            looks.run_own(&id, async { Err::<(), _>(()) }),
            looks.run(&id, async { Ok::<_, ()>(7) }),
        );
        assert!(own.is_err());
        assert!(matches!(asked, Look::Own(Ok(7))), "{asked:?}");
    }

    #[tokio::test]
    async fn what_the_resolver_looked_up_is_shared_by_who_waited_for_it() {
        let looks = LookQueue::default();
        let id = id();
        let (_, _, asked) = tokio::join!(
            looks.run_own(&id, takes_a_while()),
            looks.run_own(&id, async { Ok::<_, ()>(()) }),
            looks.run(&id, async { Ok::<_, ()>(7) }),
        );
        assert!(matches!(asked, Look::Shared { succeeded: true }), "{asked:?}");
    }

    #[tokio::test]
    async fn a_look_that_nobody_shared_leaves_nothing_behind() {
        let looks = LookQueue::default();
        looks.run(&id(), async { Ok::<_, ()>(()) }).await;
        assert!(looks.all().is_empty());
    }

    #[tokio::test]
    async fn who_comes_while_the_second_looks_does_not_look_beside_it() {
        let (looks, running) = (LookQueue::default(), AtomicUsize::new(0));
        let look = || async {
            let beside = running.fetch_add(1, Ordering::SeqCst);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            if beside == 0 { Ok(()) } else { Err(beside) }
        };
        let (id, (leave, left)) = (id(), tokio::sync::oneshot::channel());
        let first = async {
            let look = looks.run(&id, look()).await;
            leave.send(()).unwrap();
            look
        };
        let third = async {
            left.await.unwrap();
            looks.run(&id, look()).await
        };
        let (first, second, third) = tokio::join!(first, looks.run(&id, look()), third);
        for look in [first, second, third] {
            assert!(matches!(look, Look::Own(Ok(()))), "{look:?}");
        }
    }
}
