//! A path that a connection may move to, while it is being checked that the peer receives there (RFC 9853 section 5.1).
//!
//! ```text
//!   newest record from there ------> challenge to there, until a second has passed
//!   the answer from there ---------> the connection moves
//!   any newest record from home ---> nothing happens
//!   a second has passed -----------> nothing happens; the next newest record from there begins anew
//! ```
//!
//! Nothing else is sent there meanwhile, and never more than three times what came from there: whoever makes an address
//! up gets its owner no flood.

use core::time::Duration;

use crate::endpoint::moves::most_sent_to_stranger;
use crate::endpoint::schedule::Entry;
use crate::event::Status;
use crate::path::Path;
use crate::received::Transmit;
use crate::time::Instant;

/// The path, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    path: Path,
    received_bytes: usize,
    is_challenged: bool,
    /// When the check is given up.
    until: Instant,
}

impl Entry {
    /// The newest record, in a datagram of this length, came on another path than the connection's own.
    pub(super) fn check_path(&mut self, now: Instant, path: Path, len: usize) {
        match &mut self.candidate {
            Some(candidate) if candidate.path == path => {
                candidate.received_bytes = candidate.received_bytes.saturating_add(len);
            }
            _ => {
                self.connection.begin_path_check();
                let until = now + PATIENCE;
                self.candidate = Some(Candidate { path, received_bytes: len, is_challenged: false, until });
            }
        }
    }

    /// Whether the answer to the challenge came just now, and from where the challenge went. A connection that has ended
    /// goes nowhere.
    pub(super) fn takes_candidate(&mut self, path: Path) -> bool {
        let is_answered = self.connection.take_path_answer() && self.connection.status() == Status::Connected;
        let is_taken = is_answered && self.candidate.is_some_and(|candidate| candidate.path == path);
        if is_taken {
            self.drop_candidate();
        }
        is_taken
    }

    /// The peer is where it was, or is no more.
    pub(super) fn drop_candidate(&mut self) {
        if self.candidate.take().is_some() {
            self.connection.end_path_check();
        }
    }

    /// Gives the check up if its time is over.
    pub(super) fn give_up_candidate(&mut self, now: Instant) {
        if self.candidate.is_some_and(|candidate| candidate.until <= now) {
            self.drop_candidate();
        }
    }

    /// When something has to be done about the candidate.
    pub(super) fn candidate_due(&self, now: Instant) -> Option<Instant> {
        let candidate = self.candidate.as_ref()?;
        Some(if self.may_challenge(candidate) { now } else { candidate.until })
    }

    /// Writes an answer to where its challenge came from, or a challenge to the candidate, and says where to.
    pub(super) fn transmit_path_check(&mut self, home: &Path, out: &mut [u8]) -> Option<(Path, Transmit)> {
        if out.len() < self.connection.path_check_len() {
            return None;
        }
        if let Some((path, transmit)) = self.connection.transmit_path_response(out) {
            return Some((path.unwrap_or(*home), transmit));
        }
        let mut candidate = self.candidate.filter(|candidate| self.may_challenge(candidate))?;
        // Where it cannot be sealed now, it cannot be sealed later.
        candidate.is_challenged = true;
        self.candidate = Some(candidate);
        self.connection.transmit_path_challenge(out).map(|transmit| (candidate.path, transmit))
    }

    fn may_challenge(&self, candidate: &Candidate) -> bool {
        !candidate.is_challenged && self.connection.path_check_len() <= most_sent_to_stranger(candidate.received_bytes)
    }
}

/// RFC 9853 section 5.5: a second, where the time of a round trip is not known.
const PATIENCE: Duration = Duration::from_secs(1);
