//! Where a server keeps its sessions.

use core::fmt;

use crate::decision::Reply;

use super::SavedSession;

/// What a session is called on the wire: 32 random bytes.
pub type SessionId = [u8; 32];

/// A session that a server can take up again. It holds a secret: whoever has it can pose as either side.
#[derive(Clone)]
pub struct ServerSession(pub(crate) SavedSession);

/// Where a server keeps its sessions. It may be shared by several processes or machines; then keep what is in
/// [`ServerSession::to_bytes`] as secret as a private key.
///
/// A store bounds itself: it may forget whatever it likes, and the client then gets a full handshake.
pub trait ServerSessions: fmt::Debug + Send + Sync {
    /// Keeps a session.
    fn put(&self, id: &SessionId, session: ServerSession);

    /// The session with this id, if it is there. [`Reply::Later`] lets the handshake wait for
    /// [`Connection::resume`](crate::Connection::resume).
    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>>;

    /// Forgets a session, which must not be taken up again (RFC 5246 section 7.2.2).
    fn remove(&self, id: &SessionId);
}

impl ServerSession {
    /// Its bytes, for a store outside this process; `None` if they would not fit, as those of an endless certificate
    /// chain.
    #[must_use]
    pub fn to_bytes(&self) -> Option<zeroize::Zeroizing<alloc::vec::Vec<u8>>> {
        self.0.encode()
    }

    /// A session from its bytes; `None` if they are none, or of another version of this library.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        SavedSession::decode(bytes).ok().map(Self)
    }
}

impl fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The latest sessions, in the memory of this process.
#[cfg(feature = "std")]
pub struct MemoryServerSessions {
    sessions: std::sync::Mutex<super::recent::Recent<SessionId, ServerSession>>,
}

#[cfg(feature = "std")]
impl MemoryServerSessions {
    /// Keeps up to `capacity` sessions; the one that was longest not asked for goes first.
    #[must_use]
    pub fn new(capacity: core::num::NonZeroUsize) -> Self {
        Self { sessions: std::sync::Mutex::new(super::recent::Recent::new(capacity)) }
    }
}

#[cfg(feature = "std")]
impl ServerSessions for MemoryServerSessions {
    fn put(&self, id: &SessionId, session: ServerSession) {
        super::recent::lock(&self.sessions).put(*id, session);
    }

    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>> {
        Reply::Now(super::recent::lock(&self.sessions).get(id).cloned())
    }

    fn remove(&self, id: &SessionId) {
        super::recent::lock(&self.sessions).remove(id);
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for MemoryServerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryServerSessions").finish_non_exhaustive()
    }
}
