//! Flights whose repetition is the application's: it owns the timer, and may carry them in another protocol.
//!
//! A carrier that acknowledges, such as STUN checks with a flight inside, repeats its own packets, and its peer's end
//! drops what it has seen. There it is enough that a datagram stays the same until it is answered. Over UDP the same
//! record twice is a replay, so that a resend needs new numbers (RFC 6347 section 4.1, REC-09).

use alloc::vec;
use alloc::vec::Vec;

use super::Connection;
use super::transmit::seal_failure;
use crate::error::Failure;
use crate::record::SealError;
use crate::time::Instant;

/// The current flight as it was sealed last.
#[derive(Debug, Default)]
pub(super) struct Carried {
    datagrams: Vec<Vec<u8>>,
    /// Whether the peer has repeated its own flight since, and so lacks this one.
    pub(super) is_wanted: bool,
}

impl Connection {
    /// The datagrams of our current flight, where the application repeats them
    /// ([`TransportOptions::external_retransmission`](crate::TransportOptions::external_retransmission)); empty if there is
    /// no flight, and in any other mode.
    ///
    /// They are sealed at the first call, and are the same bytes at every call until the peer answers with a flight of
    /// its own, or [`renumber_flight`](Self::renumber_flight), or a [`set_mtu`](Self::set_mtu) that shortens them. A
    /// carrier that drops duplicates at its other end may send them as often as it likes. Over UDP they must leave once:
    /// whoever sends them again calls `renumber_flight` first.
    ///
    /// A new flight, and a peer that shows that it lacks ours, make [`poll_timeout`](Self::poll_timeout) due until this was
    /// called.
    pub fn current_flight(&mut self, now: Instant) -> &[Vec<u8>] {
        let _span = self.trace.enter();
        let now = self.advance(now);
        if !self.transport.external_retransmission {
            return &[];
        }
        let is_new = self.outgoing.has_unsent();
        if is_new {
            if let Err(error) = self.seal_flight() {
                self.fail(Failure { error: seal_failure(error), at: None });
            }
        }
        if is_new || self.carried.is_wanted {
            self.carried.is_wanted = false;
            self.on_flight_sent(now);
        }
        &self.carried.datagrams
    }

    /// Has the next [`current_flight`](Self::current_flight) seal our flight anew, under new record numbers: for a resend
    /// over UDP (RFC 6347 section 4.2.2). Without a flight nothing happens.
    pub fn renumber_flight(&mut self) {
        if self.transport.external_retransmission && !self.outgoing.is_empty() && !self.outgoing.has_unsent() {
            self.outgoing.rewind();
            self.stats.retransmissions += 1;
        }
    }

    /// All of the flight: in this mode it is sealed as a whole or not at all.
    fn seal_flight(&mut self) -> Result<(), SealError> {
        self.carried.datagrams.clear();
        while self.outgoing.has_unsent() {
            let len = self.plan_datagram(self.outgoing.cursor(), self.flight_mtu);
            if len == 0 {
                return Err(SealError::NoRoom);
            }
            let mut datagram = vec![0; len];
            self.fill_datagram(&mut datagram, len)?;
            self.carried.datagrams.push(datagram);
        }
        Ok(())
    }

    /// Forgets the flight, and what was sealed of it.
    pub(super) fn forget_flight(&mut self) {
        self.outgoing.clear();
        self.carried = Carried::default();
    }
}
