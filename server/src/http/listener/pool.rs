//! Which connections are open, and which of them gives way to a new one.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Whoever is on the other end: an IPv4 address, or an IPv6 network of 64 bits. One machine has a whole such network
/// to itself, so to count its addresses one by one counts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The connections that are open. A connection is busy while a request of it is handled, else idle: it has sent nothing
/// yet, or half a header, or waits with the next request. An idle one costs its client nothing, so it may be closed at
/// any time to make room; a busy one never is.
#[derive(Debug)]
pub(super) struct Pool {
    most: usize,
    most_per_peer: usize,
    state: Mutex<State>,
    /// A seat became free, or its connection idle.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The next number: of a seat, and of when one became idle.
    next: u64,
    open: HashMap<u64, Open>,
    /// The idle ones, by when they became so.
    idle: BTreeMap<u64, u64>,
    peers: HashMap<Peer, PeerSeats>,
}

#[derive(Debug)]
struct Open {
    /// `None`: a proxy, for which one address is many callers.
    peer: Option<Peer>,
    idle_since: Option<u64>,
    evicted: CancellationToken,
}

#[derive(Debug, Default)]
struct PeerSeats {
    open: usize,
    idle: BTreeMap<u64, u64>,
}

/// Why there is no room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// This peer has as many as one may have, all of them busy.
    Peer,
    /// All connections are busy.
    Everywhere,
}

/// A place for a connection; free again when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pool: Arc<Pool>,
    number: u64,
    evicted: CancellationToken,
}

/// What was admitted, and whether another had to give way.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) seat: Seat,
    pub(super) made_room: bool,
}

impl Pool {
    pub(super) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_peer, state: Mutex::default(), changed: Notify::new() })
    }

    /// Gives a connection of `peer` a seat. Where none is free the oldest idle connection is closed: of the same peer
    /// if it has as many as one may have, else of the peer that has most.
    ///
    /// # Errors
    ///
    /// [`Full`]: all that could give way are busy.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<Peer>) -> Result<Admitted, Full> {
        let mut state = self.state();
        let seats = peer.and_then(|peer| state.peers.get(&peer));
        let gives_way = match seats {
            Some(seats) if seats.open >= self.most_per_peer => Some(oldest(&seats.idle).ok_or(Full::Peer)?),
            _ if state.open.len() >= self.most => Some(state.gives_way().ok_or(Full::Everywhere)?),
            _ => None,
        };
        if let Some(number) = gives_way
            && let Some(open) = state.leave(number)
        {
            open.evicted.cancel();
        }
        let (number, evicted) = (state.take_number(), CancellationToken::new());
        state.open.insert(number, Open { peer, idle_since: None, evicted: evicted.clone() });
        if let Some(peer) = peer {
            state.peers.entry(peer).or_default().open += 1;
        }
        state.set_idle(number);
        drop(state);
        let seat = Seat { pool: Arc::clone(self), number, evicted };
        Ok(Admitted { seat, made_room: gives_way.is_some() })
    }

    /// Closes an idle connection, for the process has no descriptors left.
    pub(super) fn make_room(&self) {
        let mut state = self.state();
        if let Some(open) = state.gives_way().and_then(|number| state.leave(number)) {
            open.evicted.cancel();
        }
    }

    /// Until a seat became free or its connection idle.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn oldest(idle: &BTreeMap<u64, u64>) -> Option<u64> {
    idle.first_key_value().map(|(_, number)| *number)
}

impl State {
    /// Who gives way: the oldest idle connection of the peer that has most, so that a few floods from a few addresses take
    /// nothing from a peer that has one. Where nobody has more than one, the oldest of all.
    fn gives_way(&self) -> Option<u64> {
        let crowds = self.peers.values().filter(|seats| seats.open > 1 && !seats.idle.is_empty());
        let largest = crowds.max_by_key(|seats| seats.open);
        oldest(largest.map_or(&self.idle, |seats| &seats.idle))
    }

    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn set_idle(&mut self, number: u64) {
        let since = self.take_number();
        let Some(open) = self.open.get_mut(&number) else { return };
        open.idle_since = Some(since);
        self.idle.insert(since, number);
        if let Some(seats) = open.peer.and_then(|peer| self.peers.get_mut(&peer)) {
            seats.idle.insert(since, number);
        }
    }

    fn set_busy(&mut self, number: u64) {
        let Some(open) = self.open.get_mut(&number) else { return };
        let (Some(since), peer) = (open.idle_since.take(), open.peer) else { return };
        self.idle.remove(&since);
        if let Some(seats) = peer.and_then(|peer| self.peers.get_mut(&peer)) {
            seats.idle.remove(&since);
        }
    }

    fn leave(&mut self, number: u64) -> Option<Open> {
        self.set_busy(number);
        let open = self.open.remove(&number)?;
        if let Some(peer) = open.peer
            && let Some(seats) = self.peers.get_mut(&peer)
        {
            seats.open -= 1;
            if seats.open == 0 {
                self.peers.remove(&peer);
            }
        }
        Some(open)
    }
}

impl Seat {
    /// The connection is busy until what this returns is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.pool.state().set_busy(self.number);
        Busy(Arc::clone(self))
    }

    /// Whether no request of it is handled.
    pub(super) fn is_idle(&self) -> bool {
        self.pool.state().open.get(&self.number).is_none_or(|open| open.idle_since.is_some())
    }

    /// Until it has to give way.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pool.state().leave(self.number);
        self.pool.changed.notify_one();
    }
}

/// A request is handled.
#[derive(Debug)]
pub(super) struct Busy(Arc<Seat>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.pool.state().set_idle(self.0.number);
        self.0.pool.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(last: u8) -> Option<Peer> {
        Some(Peer::from(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))))
    }

    fn seat(pool: &Arc<Pool>, last: u8) -> Arc<Seat> {
        Arc::new(pool.admit(peer(last)).expect("room").seat)
    }

    #[test]
    fn oldest_idle_connection_gives_way() {
        let pool = Pool::new(3, 3);
        let (first, second, third) = (seat(&pool, 1), seat(&pool, 2), seat(&pool, 3));
        // It was asked something since, so it is the newest.
        drop(first.busy());
        let admitted = pool.admit(peer(4)).unwrap();
        assert!(admitted.made_room);
        let gone = [&first, &second, &third].map(|seat| seat.evicted.is_cancelled());
        assert_eq!(gone, [false, true, false]);
    }

    #[test]
    fn peer_with_most_connections_gives_way_first() {
        let pool = Pool::new(4, 4);
        let (honest, first) = (seat(&pool, 1), seat(&pool, 2));
        let _others = [seat(&pool, 2), seat(&pool, 2)];
        let _newcomer = seat(&pool, 3);
        assert!(first.evicted.is_cancelled() && !honest.evicted.is_cancelled());
    }

    #[test]
    fn busy_connection_never_gives_way() {
        let pool = Pool::new(2, 2);
        let (first, second) = (seat(&pool, 1), seat(&pool, 2));
        let busy = [first.busy(), second.busy()];
        assert_eq!(pool.admit(peer(3)).unwrap_err(), Full::Everywhere);
        drop(busy);
        assert!(pool.admit(peer(3)).is_ok());
    }

    #[test]
    fn one_peer_takes_only_from_itself() {
        let pool = Pool::new(100, 2);
        let other = seat(&pool, 1);
        let (first, second) = (seat(&pool, 2), seat(&pool, 2));
        let third = seat(&pool, 2);
        assert!(first.evicted.is_cancelled() && !second.evicted.is_cancelled());
        assert!(!other.evicted.is_cancelled(), "another peer's");
        let _busy = [second.busy(), third.busy()];
        assert_eq!(pool.admit(peer(2)).unwrap_err(), Full::Peer);
        assert!(pool.admit(peer(3)).is_ok(), "others have room");
    }

    #[test]
    fn address_of_a_proxy_has_no_limit_of_its_own() {
        let pool = Pool::new(100, 2);
        let seats: Vec<_> = (0..10).map(|_| pool.admit(None).unwrap()).collect();
        assert!(seats.iter().all(|admitted| !admitted.made_room));
    }

    #[test]
    fn seat_is_free_once_dropped_and_counted_once() {
        let pool = Pool::new(2, 2);
        let first = seat(&pool, 1);
        let second = seat(&pool, 1);
        let third = seat(&pool, 1);
        // It gave way already: its end frees no second seat.
        drop(first);
        let _busy = [second.busy(), third.busy()];
        assert_eq!(pool.admit(peer(1)).unwrap_err(), Full::Peer);
        drop((second, third));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let peer = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_of_a_free_seat() {
        let pool = Pool::new(1, 1);
        let first = seat(&pool, 1);
        let busy = first.busy();
        let waits = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.changed().await }
        });
        drop(busy);
        waits.await.unwrap();
    }
}
