//! A bad network on demand: datagrams that are lost, come twice, or come late.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealgram::{Instant, Path};

use crate::clock::Clock;
use crate::tap::Direction;

/// Decides what becomes of each datagram that a socket sends or receives: to try out what a bad network does.
///
/// It stands between the socket and the protocol. Addresses are what they are, and whoever is at the other end sees
/// nothing but datagrams that are missing, or come twice, or late. A [`Tap`](crate::Tap) stands between this and the
/// network: it sees what is really sent, and all that is really received.
///
/// It is called on the path of every datagram, by the thread that sends or receives, and must not call back into the
/// client, the listener or its streams.
pub trait Disturbance: Send + Sync {
    /// One datagram that is to go on: how long each copy of it is held back before. [`Duration::ZERO`] alone lets it
    /// pass; no element at all is a loss, two are a duplicate. Whatever comes meanwhile overtakes a copy that is held
    /// back.
    ///
    /// What a [`Client`](crate::Client) holds back goes on only while it connects or receives, for it has no thread.
    /// A socket that is closed sends at once what it holds back.
    fn copies(&self, direction: Direction, peer: SocketAddr, datagram: &[u8]) -> Vec<Duration>;
}

/// A socket's disturbance, and what is held back on either side of it.
pub(crate) struct Disturbed {
    disturbance: Arc<dyn Disturbance>,
    clock: Clock,
    sent: Mutex<Vec<Late>>,
    received: Mutex<Vec<Late>>,
}

/// A copy that is held back.
struct Late {
    due: Instant,
    path: Path,
    datagram: Vec<u8>,
}

impl Disturbed {
    pub(crate) fn new(disturbance: Arc<dyn Disturbance>, clock: Clock) -> Self {
        Self { disturbance, clock, sent: Mutex::default(), received: Mutex::default() }
    }

    /// The same disturbance, with nothing held back.
    pub(crate) fn for_another_socket(&self) -> Self {
        Self::new(Arc::clone(&self.disturbance), self.clock)
    }

    /// How many copies of a datagram go on now. Those that do not are kept; when there are too many of them, the newest
    /// is lost.
    pub(crate) fn copies_now(&self, direction: Direction, path: Path, datagram: &[u8]) -> usize {
        let copies = self.disturbance.copies(direction, path.peer(), datagram);
        let now = self.clock.now();
        let mut held_back = self.held_back(direction);
        for delay in copies.iter().filter(|delay| !delay.is_zero()) {
            if held_back.len() < MAX_HELD_BACK {
                held_back.push(Late { due: now + *delay, path, datagram: datagram.to_vec() });
            }
        }
        copies.iter().filter(|delay| delay.is_zero()).count()
    }

    /// Takes the earliest copy that has been held back for long enough.
    pub(crate) fn pop_due(&self, direction: Direction) -> Option<(Path, Vec<u8>)> {
        let now = self.clock.now();
        self.pop_if(direction, |due| due <= now)
    }

    /// Takes the earliest copy that is held back, whether it is due or not.
    pub(crate) fn pop(&self, direction: Direction) -> Option<(Path, Vec<u8>)> {
        self.pop_if(direction, |_| true)
    }

    fn pop_if(&self, direction: Direction, is_wanted: impl Fn(Instant) -> bool) -> Option<(Path, Vec<u8>)> {
        let mut held_back = self.held_back(direction);
        let (earliest, late) = held_back.iter().enumerate().min_by_key(|(_, late)| late.due)?;
        if !is_wanted(late.due) {
            return None;
        }
        let late = held_back.remove(earliest);
        Some((late.path, late.datagram))
    }

    /// Whether anything waits to be sent.
    pub(crate) fn holds_back_output(&self) -> bool {
        !self.held_back(Direction::Sent).is_empty()
    }

    /// How long until the next copy is due, in either direction.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let next = |direction| self.held_back(direction).iter().map(|late| late.due).min();
        let due = [next(Direction::Sent), next(Direction::Received)].into_iter().flatten().min()?;
        Some(due.saturating_since(self.clock.now()))
    }

    fn held_back(&self, direction: Direction) -> MutexGuard<'_, Vec<Late>> {
        let held_back = match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        };
        held_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disturbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disturbed").finish_non_exhaustive()
    }
}

/// How many datagrams are held back in each direction at most: more than a trial sends in the time, and a bound on what
/// a stranger can have us keep.
const MAX_HELD_BACK: usize = 1_024;
