//! Decisions that may take time: a certificate judged by another service, a key in a database, a signature by a token.
//!
//! Where the configuration names someone who decides, that one may answer at once or later. While a decision is open
//! the handshake waits: no timer of ours runs but the deadline of the whole handshake, repeats of the peer's are
//! ignored, and what comes too early is kept within the usual bounds. The loop never blocks.

use alloc::vec::Vec;
use core::fmt;

use crate::psk::PresharedKey;
use crate::resumption::{ServerSession, SessionId};

/// An answer that may be given later.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Reply<T> {
    /// The answer.
    Now(T),
    /// It comes by [`Connection::resume`](crate::Connection::resume), for the decision that
    /// [`Event::Needs`](crate::Event::Needs) announces.
    Later,
}

/// Something that the handshake cannot go on without.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The key of the client that calls itself this. Answer with [`Answer::PresharedKey`].
    PresharedKey {
        /// The identity, as it came.
        identity: Vec<u8>,
    },
    /// The session with this id, which a client wants to take up again. Answer with [`Answer::Session`].
    Session {
        /// The id.
        id: SessionId,
    },
}

/// Which decision is meant. Each is asked for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionId(u64);

/// A decision that was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The key of the client, or that there is none.
    PresharedKey(Option<PresharedKey>),
    /// The session, or that there is none: then the handshake is a full one.
    Session(Option<ServerSession>),
}

/// A call that cannot mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The decision is not open: it was made already, or the handshake has ended meanwhile.
    NotOpen,
    /// The decision is open, and the answer is to another kind of question.
    WrongKind,
}

impl DecisionId {
    /// The first one.
    pub(crate) const FIRST: Self = Self(0);

    /// The one after this.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What a peer calls itself is not for logs.
impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PresharedKey { identity } => write!(f, "PresharedKey({} bytes)", identity.len()),
            Self::Session { .. } => f.write_str("Session"),
        }
    }
}

impl fmt::Display for ApiMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "the decision is not open: it was made, or the handshake has ended",
            Self::WrongKind => "the answer does not fit the decision: see the documentation of Decision",
        })
    }
}

impl core::error::Error for ApiMisuse {}
