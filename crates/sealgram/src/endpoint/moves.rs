//! Peers that come from elsewhere: which connection a datagram belongs to whatever its path, and when a connection
//! takes another path (RFC 9146 section 6).
//!
//! ```text
//!   connection ID of the first record that has one ---known--------> that connection
//!                                                  ---else---------> by path
//!
//!   newest record, opened, on another path:
//!     stay     nothing
//!     ask      Event::PeerElsewhere ---the application has made sure---> Endpoint::move_to
//!     follow   challenge ---answered---> Event::PeerMoved               (candidate.rs)
//! ```
//!
//! An older record says nothing about where the peer is now: it may have been delayed, or held back and sent on from
//! elsewhere. What it carries is delivered all the same.

use crate::code::ContentType;
use crate::endpoint::config::AddressChange;
use crate::endpoint::dispatch::Endpoint;
use crate::endpoint::error::Refusal;
use crate::endpoint::newcomers::Addressee;
use crate::endpoint::routes::{Handle, Route};
use crate::endpoint::schedule::Entry;
use crate::event::Status;
use crate::path::Path;
use crate::record::RecordLayer;
use crate::time::Instant;

impl Endpoint {
    /// Sends to another path from now on, whatever the connection receives and from where. Returns whether there is
    /// such a connection.
    ///
    /// This is for an application that has made sure that its peer receives there: with
    /// [`AddressChange::Ask`] after [`Event::PeerElsewhere`](crate::Event::PeerElsewhere), by an exchange of its own
    /// (RFC 9146 section 6). Whoever moves a connection to an address that somebody made up sends to a victim.
    ///
    /// On a path that another connection has already, this one is found by its connection ID alone.
    pub fn move_to(&mut self, handle: Handle, path: Path) -> bool {
        self.let_newcomers_take_over();
        let Some((_, entry)) = self.routes.get_mut(handle) else { return false };
        // A check that is under way does not take it away again.
        entry.elsewhere = None;
        entry.drop_candidate();
        self.schedule.touched(handle, entry);
        self.routes.move_to(handle, path)
    }

    /// Whose a datagram is, by the first connection ID in it.
    pub(super) fn identified(&self, path: &Path, datagram: &[u8]) -> Option<Addressee> {
        let id = first_connection_id(datagram, self.cid_len)?;
        // Connections may have been given one ID by a generator that repeats itself. Then the path decides, and where
        // it leads to two of them, the keys do.
        let Route { established, newcomer } = self.routes.at(path);
        let expects = |handle: &Handle| self.expects(*handle, id);
        match (established.filter(expects), newcomer.filter(expects)) {
            (Some(established), Some(newcomer)) => Some(Addressee::Either { established, newcomer }),
            (Some(one), None) | (None, Some(one)) => Some(Addressee::One(one)),
            (None, None) => self.routes.with_id(id).map(Addressee::One),
        }
    }

    fn expects(&self, handle: Handle, id: &[u8]) -> bool {
        self.routes.get(handle).is_some_and(|(_, entry)| entry.connection.expected_id().as_bytes() == id)
    }

    /// Lets connections be found by the connection IDs that they have come to have.
    pub(super) fn identify_connections(&mut self) {
        while let Some(handle) = self.schedule.next_identified() {
            if let Some((_, entry)) = self.routes.get(handle) {
                let id = entry.connection.expected_id().clone();
                self.routes.identify(handle, id);
            }
        }
    }

    /// Takes note of where a datagram of this length came from, and whether it held the newest record.
    pub(super) fn came_on(&mut self, now: Instant, handle: Handle, path: Path, len: usize, newest: bool) {
        let policy = self.config.address_change;
        let Some((home, entry)) = self.routes.get_mut(handle) else { return };
        let is_home = *home == path;
        // Its timer may be late.
        entry.give_up_candidate(now);
        entry.connection.challenges_came_on(path, if is_home { usize::MAX } else { most_sent_to_stranger(len) });
        let moves = entry.takes_candidate(path);
        if newest && is_home {
            entry.elsewhere = None;
            entry.drop_candidate();
        } else if newest && !moves {
            entry.newest_from_elsewhere(now, policy, path, len);
        }
        if moves {
            entry.connection.tell_of_move(path);
        }
        self.schedule.touched(handle, entry);
        if moves {
            self.routes.move_to(handle, path);
        }
    }

    /// Why connections with IDs of this length have no place here, if so. Nothing in a record says how long its ID is
    /// (RFC 9146 section 3): the first connection that has one settles it.
    pub(super) const fn refusal_of_id_len(&self, id_len: usize) -> Option<Refusal> {
        if id_len == 0 || self.cid_len == 0 || id_len == self.cid_len {
            None
        } else {
            Some(Refusal::OtherConnectionIdLength)
        }
    }
}

/// The first connection that has an ID settles how long they are.
pub(super) const fn settle_id_len(cid_len: &mut usize, id_len: usize) {
    if id_len > 0 {
        *cid_len = id_len;
    }
}

/// How many bytes may go to an address that is not validated, where so many came from there (RFC 9853 section 5).
pub(super) const fn most_sent_to_stranger(received_bytes: usize) -> usize {
    received_bytes.saturating_mul(3)
}

impl Entry {
    /// Does what the policy says when the newest record came on another path.
    fn newest_from_elsewhere(&mut self, now: Instant, policy: AddressChange, path: Path, len: usize) {
        // Until the handshake is over, it belongs to the address that was validated.
        if self.connection.status() != Status::Connected {
            return;
        }
        match policy {
            AddressChange::Stay => {}
            AddressChange::Ask if self.elsewhere == Some(path) => {}
            AddressChange::Ask => {
                self.elsewhere = Some(path);
                self.connection.tell_of_path(path);
            }
            AddressChange::Follow if self.connection.checks_paths() => self.check_path(now, path, len),
            AddressChange::Follow => {}
        }
    }
}

/// The connection ID of the first record that has one, where each has this length.
fn first_connection_id(datagram: &[u8], cid_len: usize) -> Option<&[u8]> {
    if cid_len == 0 {
        return None;
    }
    let mut at = 0;
    while let Some(Ok(record)) = RecordLayer::split(datagram, at, cid_len) {
        if record.header.content_type == ContentType::TLS12_CID {
            return datagram.get(record.cid);
        }
        at = record.body.end;
    }
    None
}
