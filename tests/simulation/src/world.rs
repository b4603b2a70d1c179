//! Time, chance and everything that has not happened yet.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use paymux_core::{
    clock::{Clock, ManualClock},
    model::AccountId,
};
use tokio::sync::oneshot;

use super::{profile::Profile, rng::Rng, stats::Stats};

/// When every world begins.
const START: i64 = 1_790_000_000;

/// Who a task or an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A process of the gateway: its tasks die with it.
    Replica(usize),
    /// The store, working for a replica.
    StoreOf(usize),
    /// Merchants, buyers and PGs.
    Outside,
    /// Waiting that keeps nobody from resting.
    Background,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(replica) => write!(f, "replica {replica}"),
            Self::StoreOf(replica) => write!(f, "store for {replica}"),
            Self::Outside => f.write_str("outside"),
            Self::Background => f.write_str("background"),
        }
    }
}

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task to be started.
pub(crate) struct Spawned {
    pub(crate) owner: Owner,
    pub(crate) future: Work,
}

/// Something that will happen.
struct Happening {
    owner: Owner,
    run: Box<dyn FnOnce() + Send>,
}

/// When something happens, and which of those at the same time it is.
type At = (Timestamp, u64);

struct State {
    rng: Rng,
    happenings: BTreeMap<At, Happening>,
    next: u64,
    spawned: Vec<Spawned>,
    trace: Option<Vec<String>>,
    violation: Option<String>,
    faults: bool,
    /// How many stops are not over.
    frozen: [u32; 2],
    crashed: Vec<usize>,
    /// When money last moved, or anything else of a payment at a PG.
    moved_at: Timestamp,
    /// When each account's last sweep began, and the last that saw everything.
    sweeps: BTreeMap<AccountId, (Timestamp, Option<Timestamp>)>,
    /// By how many seconds the replicas' clock is wrong.
    clock_off: i64,
    /// Which credential a replica that starts now is configured with.
    credential: u32,
    /// Whether the first account is retired in the configuration that a replica reads at its start.
    retired: bool,
    stats: Stats,
}

/// Time, chance and everything that has not happened yet. Shared by all of one run.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) profile: Profile,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(seed: u64, traced: bool) -> Arc<Self> {
        let mut rng = Rng::new(seed);
        let profile = Profile::draw(&mut rng, &mut Rng::new(!seed));
        let start = Timestamp::from_second(START).expect("in the range of timestamps");
        let world = Self {
            clock: ManualClock::at(start),
            state: Mutex::new(State {
                rng,
                happenings: BTreeMap::new(),
                next: 0,
                spawned: Vec::new(),
                trace: traced.then(Vec::new),
                violation: None,
                faults: true,
                frozen: [0; 2],
                crashed: Vec::new(),
                moved_at: start,
                sweeps: BTreeMap::new(),
                clock_off: 0,
                credential: 1,
                retired: false,
                stats: Stats::default(),
            }),
            profile,
        };
        world.note(Owner::Outside, || format!("seed {seed}: {:?}", world.profile));
        Arc::new(world)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the replicas believe the time is.
    pub(crate) fn replicas_now(&self) -> Timestamp {
        let off = SignedDuration::from_secs(self.state().clock_off);
        self.now().saturating_add(off).unwrap_or(Timestamp::MAX)
    }

    /// Somebody sets the replicas' clock.
    pub(crate) fn set_clock_off(&self, seconds: i64) {
        self.note(Owner::Outside, || format!("the clock is set {seconds} s off"));
        self.state().clock_off = seconds;
    }

    pub(crate) fn is_clock_right(&self) -> bool {
        self.state().clock_off == 0
    }

    /// Which credential a replica that starts now is configured with.
    pub(crate) fn credential(&self) -> u32 {
        self.state().credential
    }

    pub(crate) fn rotate_credentials(&self) {
        self.note(Owner::Outside, || "the credentials are rotated".to_owned());
        self.state().credential += 1;
    }

    /// Whether the first account is retired in the configuration.
    pub(crate) fn is_retired(&self) -> bool {
        self.state().retired
    }

    pub(crate) fn retire(&self, retired: bool) {
        self.note(Owner::Outside, || format!("the first account is retired: {retired}"));
        self.state().retired = retired;
    }

    /// Whether the PG of an account is away.
    pub(crate) fn is_out(&self, account: usize) -> bool {
        let start = Timestamp::from_second(START).unwrap_or_default();
        self.profile.outage.is_some_and(|(which, from, long)| {
            let since = self.now().duration_since(start).unsigned_abs();
            which == account && since >= from && since < from + long
        })
    }

    /// Draws from the one source of chance.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }

    pub(crate) fn chance(&self, per_mille: u64) -> bool {
        self.draw(|rng| rng.chance(per_mille))
    }

    /// A fault, so many times in a thousand, while faults are on.
    pub(crate) fn fault(&self, per_mille: u64) -> bool {
        let mut state = self.state();
        let fails = state.faults && per_mille > 0 && state.rng.chance(per_mille);
        state.stats.faults += u64::from(fails);
        fails
    }

    /// Something changed at a PG.
    pub(crate) fn moved(&self) {
        self.state().moved_at = self.now();
    }

    pub(crate) fn moved_at(&self) -> Timestamp {
        self.state().moved_at
    }

    /// A sweep of an account begins.
    pub(crate) fn sweep_began(&self, account: &AccountId) {
        let now = self.now();
        self.state().sweeps.entry(account.clone()).or_insert((now, None)).0 = now;
    }

    /// A sweep of an account is over, and saw everything or not.
    pub(crate) fn sweep_ended(&self, account: &AccountId, saw_all: bool) {
        if let Some((began, swept_at)) = self.state().sweeps.get_mut(account).filter(|_| saw_all) {
            *swept_at = Some(*began);
        }
    }

    /// When the last sweep of an account began that saw everything.
    pub(crate) fn swept_at(&self, account: &AccountId) -> Option<Timestamp> {
        self.state().sweeps.get(account)?.1
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Stats)) {
        count(&mut self.state().stats);
    }

    pub(crate) fn stats(&self) -> Stats {
        self.state().stats
    }

    /// Writes a line of the trace, if there is one.
    pub(crate) fn note(&self, owner: Owner, what: impl FnOnce() -> String) {
        let mut state = self.state();
        let step = state.stats.steps;
        if state.trace.is_none() {
            return;
        }
        drop(state);
        let line = format!("{step:>6} {} {owner:<11} {}", time(self.now()), what());
        state = self.state();
        if let Some(trace) = &mut state.trace {
            trace.push(line);
        }
    }

    pub(crate) fn take_trace(&self) -> Vec<String> {
        self.state().trace.take().unwrap_or_default()
    }

    /// Something is wrong. The first one ends the run.
    pub(crate) fn violated(&self, invariant: u8, what: impl FnOnce() -> String) {
        let what = format!("invariant {invariant}: {}", what());
        self.note(Owner::Outside, || format!("VIOLATED {what}"));
        self.state().violation.get_or_insert(what);
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.state().violation.clone()
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.state().faults
    }

    pub(crate) fn end_of_faults(&self) {
        let mut state = self.state();
        state.faults = false;
        state.frozen = [0; 2];
        drop(state);
        self.note(Owner::Outside, || "faults end".to_owned());
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + Send + 'static) {
        self.state().spawned.push(Spawned { owner, future: Box::pin(future) });
    }

    pub(crate) fn take_spawned(&self) -> Vec<Spawned> {
        std::mem::take(&mut self.state().spawned)
    }

    /// Has something happen at a time; the key undoes it.
    pub(crate) fn schedule(&self, owner: Owner, at: Timestamp, run: impl FnOnce() + Send + 'static) -> At {
        let mut state = self.state();
        let key = (at, state.next);
        state.next += 1;
        state.happenings.insert(key, Happening { owner, run: Box::new(run) });
        key
    }

    /// How many things could happen now.
    pub(crate) fn due(&self) -> usize {
        let now = self.now();
        self.state().happenings.range(..=(now, u64::MAX)).count()
    }

    /// Lets the `nth` of the things happen that could.
    pub(crate) fn happen(&self, nth: usize) {
        let happening = {
            let mut state = self.state();
            let key = state.happenings.keys().nth(nth).copied();
            key.and_then(|key| state.happenings.remove(&key))
        };
        if let Some(happening) = happening {
            (happening.run)();
        }
    }

    /// Whether more than background waiting is left.
    pub(crate) fn expects_something(&self) -> bool {
        self.state().happenings.values().any(|happening| happening.owner != Owner::Background)
    }

    /// When the next thing happens.
    pub(crate) fn next_happening(&self) -> Option<Timestamp> {
        self.state().happenings.keys().next().map(|(at, _)| *at)
    }

    /// Lets all others run.
    pub(crate) async fn yield_now(self: &Arc<Self>) {
        self.sleep(Owner::Outside, Duration::ZERO).await;
    }

    pub(crate) fn sleep(self: &Arc<Self>, owner: Owner, wait: Duration) -> Sleep {
        let at = self.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        let (wake, woken) = oneshot::channel();
        let key = self.schedule(owner, at, move || {
            // The sleeper may be gone.
            let _ = wake.send(());
        });
        Sleep { world: Arc::clone(self), key, woken }
    }

    /// A pause of so many seconds, outside.
    pub(crate) async fn pause(self: &Arc<Self>, least: u64, most: u64) {
        let millis = self.draw(|rng| rng.between(least * 1_000, most * 1_000));
        self.sleep(Owner::Outside, Duration::from_millis(millis)).await;
    }

    pub(crate) fn is_frozen(&self, replica: usize) -> bool {
        self.state().frozen[replica] > 0
    }

    /// A replica stops for a while, half the time for longer than its leases, then goes on as if nothing were.
    pub(crate) fn stop(self: &Arc<Self>, replica: usize) {
        self.freeze(replica, true);
        self.count(|stats| stats.freezes += 1);
        let (least, most) = if self.chance(500) { (1, 60) } else { (60, 25 * 60) };
        let wait = Duration::from_secs(self.draw(|rng| rng.between(least, most)));
        let at = self.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        let world = Arc::clone(self);
        self.schedule(Owner::Outside, at, move || world.freeze(replica, false));
    }

    /// A call of a replica comes back: this may be the moment it dies or stops at.
    pub(crate) fn comes_back(self: &Arc<Self>, replica: usize) {
        if self.fault(self.profile.strikes) {
            if self.chance(500) {
                self.crash(replica);
            } else {
                self.stop(replica);
            }
        }
    }

    fn freeze(&self, replica: usize, frozen: bool) {
        self.note(Owner::Replica(replica), || if frozen { "freezes" } else { "goes on" }.to_owned());
        let mut state = self.state();
        let stops = &mut state.frozen[replica];
        // The end of faults ended those that were under way.
        *stops = if frozen { *stops + 1 } else { stops.saturating_sub(1) };
    }

    /// Has a replica die before anything else happens.
    pub(crate) fn crash(&self, replica: usize) {
        self.note(Owner::Replica(replica), || "crashes".to_owned());
        let mut state = self.state();
        state.crashed.push(replica);
        state.stats.crashes += 1;
        let State { happenings, rng, .. } = &mut *state;
        // What the store was asked may or may not arrive.
        happenings.retain(|_, happening| happening.owner != Owner::StoreOf(replica) || rng.chance(500));
    }

    pub(crate) fn take_crashed(&self) -> Option<usize> {
        self.state().crashed.pop()
    }
}

/// The clock of the replicas, which somebody may set.
#[derive(Clone)]
pub(crate) struct ReplicasClock(pub(crate) Arc<World>);

impl fmt::Debug for ReplicasClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplicasClock")
    }
}

#[async_trait]
impl Clock for ReplicasClock {
    fn now(&self) -> Timestamp {
        self.0.replicas_now()
    }

    fn monotonic(&self) -> Duration {
        self.0.clock.monotonic()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
        self.0.sleep(Owner::Outside, wait).await;
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%d.%H:%M:%S%.3f").to_string()
}

/// Waits for a time. Dropped, it waits no more.
pub(crate) struct Sleep {
    world: Arc<World>,
    key: At,
    woken: oneshot::Receiver<()>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.woken).poll(context).map(|_| ())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.world.state().happenings.remove(&self.key);
    }
}
