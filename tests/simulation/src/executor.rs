//! One thread that runs tasks in an order drawn from the seed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use paymux_core::clock::Clock;

use super::world::{Owner, Work, World};

/// More steps than any run takes: a run that takes them does not come to rest.
const MOST_STEPS: u64 = 150_000;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    owner: Owner,
    future: Work,
    woken: Arc<Flag>,
    waker: Waker,
}

/// Runs tasks until nothing is left to do.
pub(crate) struct Executor {
    world: Arc<World>,
    tasks: Vec<Task>,
    restart: Box<dyn Fn(usize)>,
    may_rest: Box<dyn Fn() -> bool>,
}

impl Executor {
    /// `restart` starts a replica that died; `may_rest` says whether nothing is due in the store.
    pub(crate) fn new(
        world: Arc<World>,
        restart: impl Fn(usize) + 'static,
        may_rest: impl Fn() -> bool + 'static,
    ) -> Self {
        Self { world, tasks: Vec::new(), restart: Box::new(restart), may_rest: Box::new(may_rest) }
    }

    /// Runs until everything rests, or something is wrong.
    pub(crate) fn run(&mut self) {
        while self.world.violation().is_none() && self.step() {
            self.world.count(|stats| stats.steps += 1);
            if self.world.stats().steps > MOST_STEPS {
                self.world.violated(0, || format!("{MOST_STEPS} steps, and still no rest"));
            }
        }
        self.tasks.clear();
        // Their destructors may have started something; nobody will run it.
        drop(self.world.take_spawned());
    }

    fn step(&mut self) -> bool {
        self.adopt();
        let ready: Vec<usize> = (0..self.tasks.len()).filter(|at| self.is_ready(*at)).collect();
        let due = self.world.due();
        match self.world.draw(|rng| rng.index(ready.len() + due)) {
            _ if ready.is_empty() && due == 0 => return self.pass_time(),
            choice if choice < ready.len() => self.poll(ready[choice]),
            choice => self.world.happen(choice - ready.len()),
        }
        while let Some(replica) = self.world.take_crashed() {
            self.tasks.retain(|task| task.owner != Owner::Replica(replica));
            (self.restart)(replica);
        }
        true
    }

    fn adopt(&mut self) {
        for spawned in self.world.take_spawned() {
            let woken = Arc::new(Flag(AtomicBool::new(true)));
            let waker = Waker::from(Arc::clone(&woken));
            self.tasks.push(Task { owner: spawned.owner, future: spawned.future, woken, waker });
        }
    }

    fn is_ready(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        let runs = !matches!(task.owner, Owner::Replica(replica) if self.world.is_frozen(replica));
        runs && task.woken.0.load(Ordering::Relaxed)
    }

    fn poll(&mut self, at: usize) {
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Relaxed);
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&task.waker));
        if polled == Poll::Ready(()) {
            drop(self.tasks.remove(at));
        }
    }

    /// Nothing can happen now. Moves the clock to when something can; `false` when nothing ever will.
    fn pass_time(&self) -> bool {
        let outside = self.tasks.iter().any(|task| task.owner == Owner::Outside);
        if !outside && !self.world.expects_something() && (self.may_rest)() {
            return false;
        }
        let Some(next) = self.world.next_happening() else {
            self.world.violated(0, || "everybody waits for somebody".to_owned());
            return false;
        };
        let wait = next.duration_since(self.world.clock.now());
        self.world.clock.advance(Duration::try_from(wait).unwrap_or_default());
        true
    }
}
