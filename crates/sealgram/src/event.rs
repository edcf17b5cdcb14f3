//! What a connection tells its owner.

use alloc::vec::Vec;
use core::fmt;

use crate::decision::{Decision, DecisionId};
use crate::error::{Error, Failure};
use crate::path::Path;

/// Something that happened to a connection, from [`crate::Connection::poll_event`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete, and the peer is who it should be. Data may be sent.
    Connected,
    /// Application data that arrived before the handshake was complete: one event for each record. It is older than
    /// anything in a [`crate::Received`].
    Early(Vec<u8>),
    /// The handshake waits for a decision: make it, and call [`crate::Connection::resume`]. Until then no flight of ours
    /// is sent; the handshake still ends at its deadline.
    Needs {
        /// Which one.
        id: DecisionId,
        /// What it is about.
        decision: Decision,
    },
    /// Seven eighths of what the write key may protect are used up: time to connect anew. An endpoint can do so on the
    /// same path, where the association goes on until the new one takes over ([`crate::Endpoint::connect`]).
    KeyLimitNear,
    /// The newest record came on this path, and what is sent still goes to the former one
    /// ([`AddressChange::Ask`](crate::AddressChange::Ask)). Make sure that the peer receives there before you call
    /// [`crate::Endpoint::move_to`]: the sender of a datagram is easily made up.
    PeerElsewhere(Path),
    /// The peer has shown that it receives on this path, and what is sent goes there from now on
    /// ([`AddressChange::Follow`](crate::AddressChange::Follow)).
    PeerMoved(Path),
    /// The connection has ended. This is the last event. The alert that tells the peer, if there is one, is already
    /// waiting in [`crate::Connection::poll_transmit`].
    Closed(CloseReason),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`crate::Connection::close`] was called.
    Local,
    /// The peer sent close_notify.
    Peer,
    /// The handshake or the association failed.
    Failed(Failure),
    /// Nothing authentic came from the peer for as long as the endpoint waits.
    Idle,
    /// A later handshake with the same address took over: an association ends so when that handshake is complete,
    /// another handshake when it begins. The peer is told nothing, for it began the later one or agreed to it.
    Replaced,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The handshake is under way.
    Handshaking,
    /// Data may be sent and received.
    Connected,
    /// The connection has ended, and its alert still waits to be sent.
    Closing,
    /// The connection has ended, and there is nothing left to send.
    Closed,
}

/// What the application said is not for logs: of early data, only its length is shown.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Early(data) => write!(f, "Early({} bytes)", data.len()),
            Self::Needs { id, decision } => {
                f.debug_struct("Needs").field("id", id).field("decision", decision).finish()
            }
            Self::PeerElsewhere(path) => f.debug_tuple("PeerElsewhere").field(path).finish(),
            Self::PeerMoved(path) => f.debug_tuple("PeerMoved").field(path).finish(),
            Self::KeyLimitNear => f.write_str("KeyLimitNear"),
            Self::Closed(reason) => f.debug_tuple("Closed").field(reason).finish(),
        }
    }
}

impl CloseReason {
    /// The failure, if it was one.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Local | Self::Peer | Self::Idle | Self::Replaced => None,
        }
    }

    /// What went wrong, if anything did.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(failure) => Some(&failure.error),
            Self::Local | Self::Peer | Self::Idle | Self::Replaced => None,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by this side"),
            Self::Peer => f.write_str("closed by the peer"),
            Self::Failed(failure) => fmt::Display::fmt(failure, f),
            Self::Idle => f.write_str("nothing came from the peer for too long"),
            Self::Replaced => f.write_str("a later handshake with the same address took over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    /// SIO-06: a log of events holds none of the application's bytes.
    #[test]
    fn early_data_is_not_printed() {
        let event = Event::Early(Vec::from(*b"attack at dawn"));
        assert_eq!(format!("{event:?}"), "Early(14 bytes)");
    }
}
