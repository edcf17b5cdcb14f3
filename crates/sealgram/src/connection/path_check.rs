//! Return routability checks (RFC 9853): answers to the peer's, and a challenge of our own.
//!
//! A connection knows no paths: where a challenge goes, and what follows from its answer, is for whoever keeps the
//! connection and knows where its datagrams come from.

use alloc::collections::VecDeque;

use super::Connection;
use crate::code::ContentType;
use crate::event::{Event, Status};
use crate::path::Path;
use crate::received::Transmit;
use crate::stats::DiscardReason;
use crate::wire::path_check::{Cookie, PathCheck};

/// The checks that are under way.
#[derive(Default)]
pub(super) struct PathChecks {
    /// Challenges of the peer's, each with where it came from, if that is known.
    unanswered: VecDeque<(Cookie, Option<Path>)>,
    /// The challenge of ours that is under way.
    challenge: Option<Cookie>,
    /// Whether its answer has come, and nobody was told.
    is_answered: bool,
}

impl PathChecks {
    /// Whether there is something to answer.
    pub(super) fn has_output(&self) -> bool {
        !self.unanswered.is_empty()
    }
}

impl Connection {
    /// Whether the peer answers challenges: both sides have said so, and the handshake is over.
    pub(crate) fn checks_paths(&self) -> bool {
        let ids = self.session().and_then(|session| session.connection_ids.as_ref());
        self.status() == Status::Connected && ids.is_some_and(|ids| ids.path_checks)
    }

    pub(super) fn on_path_check(&mut self, content: &[u8]) {
        let message = PathCheck::decode(content).filter(|_| self.connected().is_some());
        let checks = &mut self.path_checks;
        match message {
            Some(PathCheck::Challenge(cookie)) if checks.unanswered.len() < MAX_UNANSWERED => {
                checks.unanswered.push_back((cookie, None));
            }
            Some(PathCheck::Response(cookie)) if checks.challenge == Some(cookie) => checks.is_answered = true,
            // Too many at once, an answer to nothing that we asked (RFC 9853 section 5.4), or what we do not know.
            _ => self.stats.discard(DiscardReason::UnexpectedPathCheck),
        }
    }

    /// The challenges that came just now came on this path, and so many bytes may go back there. A peer that asks for a
    /// long connection ID makes answers much longer than challenges, and may challenge from where it is not.
    pub(crate) fn challenges_came_on(&mut self, path: Path, mut allowed_bytes: usize) {
        let len = self.path_check_len();
        let stats = &mut self.stats;
        self.path_checks.unanswered.retain_mut(|(_, from)| {
            if from.is_some() {
                return true;
            }
            *from = Some(path);
            let is_allowed = len <= allowed_bytes;
            allowed_bytes = allowed_bytes.saturating_sub(len);
            if !is_allowed {
                stats.discard(DiscardReason::UnexpectedPathCheck);
            }
            is_allowed
        });
    }

    /// Answers a challenge, once, and says where to (RFC 9853 section 5.4); `None` for the only path there is.
    pub(crate) fn transmit_path_response(&mut self, out: &mut [u8]) -> Option<(Option<Path>, Transmit)> {
        if self.state.is_err() {
            self.path_checks.unanswered.clear();
        }
        let (cookie, path) = self.path_checks.unanswered.pop_front()?;
        Some((path, self.transmit_path_check(PathCheck::Response(cookie), out)?))
    }

    /// Makes up a new challenge; the former one counts no more.
    pub(crate) fn begin_path_check(&mut self) {
        let [a, b, c, d, e, f, g, h, ..] = self.seed.next(b"path challenge");
        self.path_checks.challenge = Some([a, b, c, d, e, f, g, h]);
        self.path_checks.is_answered = false;
    }

    /// No answer counts any more.
    pub(crate) fn end_path_check(&mut self) {
        self.path_checks.challenge = None;
        self.path_checks.is_answered = false;
    }

    /// Writes the challenge that is under way.
    pub(crate) fn transmit_path_challenge(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let cookie = self.path_checks.challenge?;
        self.transmit_path_check(PathCheck::Challenge(cookie), out)
    }

    /// How long a datagram is with a message of such a check.
    pub(crate) fn path_check_len(&self) -> usize {
        self.max_overhead().saturating_add(PathCheck::LEN)
    }

    /// Whether the answer to our challenge has come; told once.
    pub(crate) fn take_path_answer(&mut self) -> bool {
        core::mem::take(&mut self.path_checks.is_answered)
    }

    /// The newest record came from elsewhere. Of what nobody has taken, the latest counts: a peer that goes to and fro
    /// fills no queue.
    pub(crate) fn tell_of_path(&mut self, path: Path) {
        self.trace.elsewhere(path.peer());
        self.events.retain(|event| !matches!(event, Event::PeerElsewhere(_)));
        self.events.push_back(Event::PeerElsewhere(path));
    }

    /// What is sent goes there from now on; alike.
    pub(crate) fn tell_of_move(&mut self, path: Path) {
        self.trace.moved(path.peer());
        self.events.retain(|event| !matches!(event, Event::PeerMoved(_)));
        self.events.push_back(Event::PeerMoved(path));
    }

    fn transmit_path_check(&mut self, message: PathCheck, out: &mut [u8]) -> Option<Transmit> {
        self.transmit_record(ContentType::RETURN_ROUTABILITY_CHECK, &message.encode(), out)
    }
}

/// How many challenges wait to be answered. They are answered at the next poll, so that an honest peer has one.
const MAX_UNANSWERED: usize = 4;
