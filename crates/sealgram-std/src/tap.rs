//! A look at the datagrams of a socket, as they are on the wire.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;

use sealgram::{Instant, Path};

use crate::clock::Clock;

/// Sees every datagram that a socket sends and receives: to write captures, and to show people what happens.
///
/// It is called on the path of every datagram, by the thread that sends or receives, and must not call back into the
/// client, the listener or its streams. What it does not know it can read with [`sealgram::inspect`].
pub trait Tap: Send + Sync {
    /// One datagram.
    fn datagram(&self, datagram: &TappedDatagram<'_>);
}

/// A datagram that was sent or received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TappedDatagram<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// When, since the socket was opened.
    pub at: Duration,
    /// The address on this side. It has the unspecified address where a socket is bound to all, and the system does not
    /// say which of them it was.
    pub local: SocketAddr,
    /// The address on the other side.
    pub peer: SocketAddr,
    /// What it carries.
    pub bytes: &'a [u8],
}

/// Which way a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two ways")]
pub enum Direction {
    /// From this side to the peer.
    Sent,
    /// From the peer to this side.
    Received,
}

/// The tap of one socket, if it has one.
#[derive(Clone)]
pub(crate) struct Taps {
    tap: Option<Arc<dyn Tap>>,
    /// What the socket is bound to.
    bound: SocketAddr,
    clock: Clock,
}

impl Taps {
    /// `clock` was started when the socket was opened.
    pub(crate) const fn new(tap: Option<Arc<dyn Tap>>, bound: SocketAddr, clock: Clock) -> Self {
        Self { tap, bound, clock }
    }

    /// The same tap and time, for another socket.
    pub(crate) fn bound_to(&self, bound: SocketAddr) -> Self {
        Self { bound, ..self.clone() }
    }

    /// Shows a run of datagrams, all `segment` bytes long but the last.
    pub(crate) fn show(&self, direction: Direction, path: Path, run: &[u8], segment: NonZeroUsize) {
        let Some(tap) = &self.tap else { return };
        let at = self.clock.now() - Instant::ORIGIN;
        let (local, peer) = (self.local(path), path.peer());
        for bytes in run.chunks(segment.get()) {
            tap.datagram(&TappedDatagram { direction, at, local, peer, bytes });
        }
    }

    /// The address on this side, in the family of the peer's: a dual-stack socket has both.
    fn local(&self, path: Path) -> SocketAddr {
        let bound = self.bound.ip().to_canonical();
        let known = path.local().or_else(|| (bound.is_ipv4() == path.peer().is_ipv4()).then_some(bound));
        let unspecified = match path.peer() {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(known.unwrap_or(unspecified), self.bound.port())
    }
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").field("is_tapped", &self.tap.is_some()).finish_non_exhaustive()
    }
}
