//! A look at the datagrams of a socket, as they are on the wire.

use core::fmt;
use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;

use sealgram::Instant;

use crate::clock::Clock;

/// Sees every datagram that a socket sends and receives: to write captures, and to show people what happens.
///
/// It is called on the path of every datagram, by the thread that sends or receives, and must not call back into the
/// client, the listener or its streams. What it does not know it can read with [`sealgram::inspect`].
pub trait Tap: Send + Sync {
    /// One datagram. `at` is the time since the socket was opened.
    fn datagram(&self, direction: Direction, at: Duration, peer: SocketAddr, bytes: &[u8]);
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
    clock: Clock,
}

impl Taps {
    /// `clock` was started when the socket was opened.
    pub(crate) const fn new(tap: Option<Arc<dyn Tap>>, clock: Clock) -> Self {
        Self { tap, clock }
    }

    /// Shows a run of datagrams, all `segment` bytes long but the last.
    pub(crate) fn show(&self, direction: Direction, peer: SocketAddr, run: &[u8], segment: NonZeroUsize) {
        let Some(tap) = &self.tap else { return };
        let at = self.clock.now() - Instant::ORIGIN;
        for datagram in run.chunks(segment.get()) {
            tap.datagram(direction, at, peer, datagram);
        }
    }
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").field("is_tapped", &self.tap.is_some()).finish_non_exhaustive()
    }
}
