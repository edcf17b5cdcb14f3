//! Those who make the decisions that a handshake may have to wait for.

use core::time::Duration;
use std::sync::Arc;

use sealgram::crypto::SigningKey;
use sealgram::{Answer, Decision, DecisionId, Event, Instant, PeerVerified, Reply, Role};

use crate::authentication::preshared_key;
use crate::identity::toy_identity;
use crate::rng::SimRng;
use crate::sessions::ServerShelf;
use crate::toy::ToySigningKey;

/// What a handshake may have to wait for, and which end has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests go through them all")]
pub enum Question {
    /// The key that a server shares with its client.
    PresharedKey,
    /// The session that a server is to take up again.
    Session,
    /// Whether the certificates that this end was shown are those of its peer.
    Verdict(Role),
    /// Which certificate this end shows.
    Identity(Role),
    /// The signature of this end's key.
    Signature(Role),
}

impl Question {
    /// The end that is asked.
    #[must_use]
    pub const fn asked(self) -> Role {
        match self {
            Self::PresharedKey | Self::Session => Role::Server,
            Self::Verdict(role) | Self::Identity(role) | Self::Signature(role) => role,
        }
    }
}

/// When decisions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests go through them all")]
pub enum Promptness {
    /// Before the handshake can ask twice.
    AtOnce,
    /// So much later.
    After(Duration),
    /// The handshake waits in vain.
    Never,
}

impl Promptness {
    /// What is answered when the handshake asks.
    pub(crate) fn reply<T>(self, answer: impl FnOnce() -> T) -> Reply<T> {
        match self {
            Self::AtOnce => Reply::Now(answer()),
            Self::After(_) | Self::Never => Reply::Later,
        }
    }
}

/// The one question that may take time, if there is one. All others are answered without asking the application.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Questions(pub(crate) Option<(Question, Promptness)>);

impl Questions {
    /// When this one is answered, if somebody is to be asked.
    pub(crate) fn promptness(self, question: Question) -> Option<Promptness> {
        self.0.filter(|(asked, _)| *asked == question).map(|(_, promptness)| promptness)
    }
}

/// Where open decisions lie until they are made. A new kind of decision is one more arm of [`Desk::answer`].
pub(crate) struct Desk {
    questions: Questions,
    sessions: Option<Arc<ServerShelf>>,
    /// In the order of asking, which is that of answering.
    open: Vec<Open>,
}

struct Open {
    due: Instant,
    role: Role,
    id: DecisionId,
    decision: Decision,
}

impl Desk {
    pub(crate) const fn new(questions: Questions, sessions: Option<Arc<ServerShelf>>) -> Self {
        Self { questions, sessions, open: Vec::new() }
    }

    /// An end has told something: perhaps that it needs a decision, or none any more.
    pub(crate) fn take_note(&mut self, now: Instant, role: Role, event: &Event) {
        match (event, self.questions.0) {
            (Event::Needs { id, decision }, Some((_, Promptness::After(time)))) => {
                self.open.push(Open { due: now + time, role, id: *id, decision: decision.clone() });
            }
            // The number of a decision says nothing to another connection.
            (Event::Closed(_), _) => self.open.retain(|open| open.role != role),
            _ => {}
        }
    }

    /// When the next decision is made.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.open.first().map(|open| open.due)
    }

    /// A decision that is made by now.
    pub(crate) fn make(&mut self, now: Instant) -> Option<(Role, DecisionId, Answer)> {
        self.next_due().filter(|due| *due <= now)?;
        let Open { role, id, decision, .. } = self.open.remove(0);
        Some((role, id, self.answer(&decision)))
    }

    fn answer(&self, decision: &Decision) -> Answer {
        match decision {
            Decision::PresharedKey { .. } => Answer::PresharedKey(Some(preshared_key())),
            Decision::Session { id } => Answer::Session(self.sessions.as_ref().and_then(|sessions| sessions.get(id))),
            Decision::PeerCertificates { .. } => Answer::Peer(Ok(PeerVerified::assertion())),
            Decision::ServerIdentity(_) | Decision::ClientIdentity(_) => {
                Answer::Identity(Some(Arc::new(toy_identity())))
            }
            Decision::Signature { scheme, message, .. } => {
                Answer::Signature(ToySigningKey.sign(*scheme, message, &mut SimRng::new(0)))
            }
            _ => panic!("nobody here decides about {decision:?}"),
        }
    }
}
