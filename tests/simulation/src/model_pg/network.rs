//! The network to the PG and back.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use jiff::Timestamp;
use paymux_core::provider::ProviderError;
use tokio::sync::oneshot;

use super::{
    READ_TIMEOUT,
    answer::Refusal,
    books::{Books, STALE_FOR},
    client::Client,
};
use crate::world::{Owner, World};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trip {
    Fine,
    /// It never leaves.
    NotSent,
    /// It never arrives.
    Lost,
    /// It is done; the answer never arrives.
    AnswerLost,
    /// It is done later than anybody waits.
    Late,
    /// It is not done; this is answered.
    Instead(Refusal),
    /// It is done, and this is answered.
    After(Refusal),
    /// It is done later; meanwhile this is answered.
    Later(Refusal),
}

/// What is done in the books.
pub(crate) type Work<T> = Box<dyn FnOnce(&mut Books) -> Result<T, ProviderError> + Send>;

/// A call, and what it does in the books.
pub(crate) struct PgCall<T> {
    pub(crate) name: String,
    /// The order id it names, if it is about a payment and moves no money.
    pub(crate) order: Option<String>,
    /// Its key, if it moves money: what is refused may be refused again for the same key.
    pub(crate) key: Option<String>,
    /// Whether the PG can do such a thing at all: what it cannot do today it never can.
    pub(crate) is_supported: bool,
    pub(crate) work: Work<T>,
}

impl Client {
    /// Sends a request, and waits for its answer for as long as an answer may take.
    pub(crate) async fn call<T: Send + 'static>(&self, call: PgCall<T>) -> Result<T, ProviderError> {
        let world = &self.model.world;
        let trip = match self.trip(call.key.is_some()) {
            // What a PG can do today it can always do.
            Trip::Instead(Refusal::Unsupported) if call.is_supported => Trip::Instead(Refusal::UnknownError),
            // A look-up that names what the PG does not know may be refused; of what it knows it is not.
            Trip::Instead(Refusal::Invalid) if call.key.is_none() => Trip::Instead(Refusal::UnknownError),
            trip => trip,
        };
        self.model.checker.called(&self.model, call.order.as_deref(), call.key.as_deref());
        let name = call.name.clone();
        world.note(Owner::Replica(self.replica), || format!("→ {name} ({trip:?})"));
        if trip == Trip::NotSent {
            world.yield_now().await;
            return Err(ProviderError::not_sent("no route"));
        }
        let timeout = world.sleep(Owner::Outside, READ_TIMEOUT);
        let (send, answer) = oneshot::channel();
        self.deliver_call(call, trip, send);
        let answered = match select(answer, timeout).await {
            Either::Left((Ok(answered), _)) => answered,
            // The connection stays silent until its time is up.
            Either::Left((Err(_), timeout)) => {
                timeout.await;
                Err(ProviderError::no_answer("time is up"))
            }
            Either::Right(_) => Err(ProviderError::no_answer("time is up")),
        };
        let said = answered.as_ref().err().map_or("answered", ProviderError::name);
        world.note(Owner::Replica(self.replica), || format!("← {name}: {said}"));
        answered
    }

    fn trip(&self, moves_money: bool) -> Trip {
        let world = &self.model.world;
        let profile = &world.profile;
        if world.is_out(self.model.number) {
            return if world.chance(500) { Trip::NotSent } else { Trip::Lost };
        }
        if !world.fault(if moves_money { profile.money_faults } else { profile.network_faults }) {
            return Trip::Fine;
        }
        world.draw(|rng| match rng.below(8) {
            0 => Trip::NotSent,
            1 => Trip::Lost,
            2 => Trip::AnswerLost,
            3 => Trip::Late,
            4 | 5 => Trip::Instead(Refusal::draw(rng)),
            6 if moves_money => Trip::After(after(rng.below(4))),
            7 if moves_money => Trip::Later(after(rng.below(4))),
            _ => Trip::AnswerLost,
        })
    }

    fn deliver_call<T: Send + 'static>(
        &self,
        call: PgCall<T>,
        trip: Trip,
        send: oneshot::Sender<Result<T, ProviderError>>,
    ) {
        let world = Arc::clone(&self.model.world);
        let (model, sent_at) = (Arc::clone(&self.model), world.now());
        let latest = u64::try_from(STALE_FOR.as_millis()).unwrap_or(0) - 1;
        let soon = world.draw(|rng| rng.between(0, 1_500));
        let wait = match trip {
            Trip::Late | Trip::Later(_) => world.draw(|rng| rng.between(soon, latest)),
            _ => soon,
        };
        if let Trip::Later(refusal) = trip {
            self.answer_after(soon, send, Err(refusal.into()));
            world.clone().schedule(Owner::Outside, after_ms(&world, wait), move || {
                let _ = model.books(call.work);
            });
            return;
        }
        let client = self.clone();
        let kept = call.key.filter(|_| world.chance(500));
        world.clone().schedule(Owner::Outside, after_ms(&world, wait), move || {
            let done = match trip {
                Trip::Lost => return,
                Trip::Instead(refusal) => {
                    if let Some(key) = kept.filter(|_| refusal.is_kept()) {
                        model.refuse_for_good(&key, &client.description.credential, refusal);
                    }
                    Err(refusal.into())
                }
                Trip::After(refusal) => {
                    let _ = model.books(call.work);
                    Err(refusal.into())
                }
                _ => model.books(call.work),
            };
            world.note(Owner::Outside, || format!("  {} of {sent_at} worked on", call.name));
            if trip != Trip::AnswerLost {
                let back = world.draw(|rng| rng.between(0, 800));
                client.answer_after(back, send, done);
            }
        });
    }

    fn answer_after<T: Send + 'static>(
        &self,
        millis: u64,
        send: oneshot::Sender<Result<T, ProviderError>>,
        answer: Result<T, ProviderError>,
    ) {
        let (world, replica) = (Arc::clone(&self.model.world), self.replica);
        self.model.world.schedule(Owner::Outside, after_ms(&self.model.world, millis), move || {
            // Nobody may wait for it any more.
            let _ = send.send(answer);
            world.comes_back(replica);
        });
    }
}

/// What a PG says that has done, or will do, what was asked: nothing definite.
fn after(which: u64) -> Refusal {
    [Refusal::UnknownError, Refusal::Garbled, Refusal::StillRunning, Refusal::AlreadyDone]
        [usize::try_from(which).unwrap_or(0)]
}

fn after_ms(world: &World, millis: u64) -> Timestamp {
    world.now().saturating_add(Duration::from_millis(millis)).unwrap_or(Timestamp::MAX)
}
