//! Where a client keeps its sessions.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::ServerName;

use super::SavedSession;
use crate::config::{ClientConfig, ClientIdentities, Identity};
use crate::verify::PeerVerifier;

/// A session that a client can take up again. It holds a secret, and stays in this process.
#[derive(Clone)]
pub struct ClientSession {
    pub(crate) saved: SavedSession,
    pub(crate) handle: SessionHandle,
    /// For how many seconds after `saved.created` it may be of use.
    pub(crate) lifetime_seconds: u32,
    judge: Judge,
}

/// What the server takes the session up by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SessionHandle {
    /// It keeps the session under this id.
    Id(Vec<u8>),
    /// It sealed the session into this ticket.
    Ticket(Vec<u8>),
}

/// Who accepted the server, and who the client was to it: what is taken up again was not judged anew.
#[derive(Clone)]
struct Judge {
    verifier: Option<Arc<dyn PeerVerifier>>,
    identities: Vec<Arc<Identity>>,
    identities_by: Option<Arc<dyn ClientIdentities>>,
    psk_identity: Option<Vec<u8>>,
}

impl ClientSession {
    pub(crate) fn new(saved: SavedSession, handle: SessionHandle, lifetime: u32, config: &ClientConfig) -> Self {
        let judge = Judge {
            verifier: config.verifier.clone(),
            identities: config.identities.clone(),
            identities_by: config.identities_by.clone(),
            psk_identity: config.preshared_key.as_ref().map(|key| key.identity.clone()),
        };
        Self { saved, handle, lifetime_seconds: lifetime.min(super::MAX_LIFETIME_SECONDS), judge }
    }

    /// Whether it may be offered under this configuration: it was made under the same verifier and for the same client,
    /// its suite is in use, and it is not too old.
    pub(crate) fn may_be_offered(&self, config: &ClientConfig, now: u64) -> bool {
        self.judge.is_that_of(config)
            && config.common.suite(self.saved.suite).is_some()
            // A client is built before it is told the time, so that the calendar it has may be an old one.
            && now.saturating_sub(self.saved.created) < u64::from(self.lifetime_seconds)
    }
}

impl Judge {
    /// Verifiers have no identity but their address: one made anew, however alike, judges anew.
    fn is_that_of(&self, config: &ClientConfig) -> bool {
        let same_verifier = are_same(self.verifier.as_ref(), config.verifier.as_ref());
        let same_chooser = are_same(self.identities_by.as_ref(), config.identities_by.as_ref());
        let same_identities = self.identities.len() == config.identities.len()
            && self.identities.iter().zip(&config.identities).all(|(one, other)| Arc::ptr_eq(one, other));
        let psk_identity = config.preshared_key.as_ref().map(|key| &key.identity);
        same_verifier && same_chooser && same_identities && self.psk_identity.as_ref() == psk_identity
    }
}

fn are_same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.saved, f)
    }
}

/// Where a client keeps its sessions, one for each server.
///
/// A session is offered only under a configuration with the same verifier and the same client identity as the one that it
/// was made under. Where one name stands for servers on several ports, give each a store of its own, or their sessions
/// take one another's place.
pub trait ClientSessions: fmt::Debug + Send + Sync {
    /// Keeps the latest session with this server.
    fn put(&self, server: &ServerName<'static>, session: ClientSession);

    /// The session with this server, if there is one.
    fn get(&self, server: &ServerName<'static>) -> Option<ClientSession>;

    /// Forgets the session with this server, which must not be taken up again (RFC 5246 section 7.2.2).
    fn remove(&self, server: &ServerName<'static>);
}

/// The latest sessions, in the memory of this process.
#[cfg(feature = "std")]
pub struct MemoryClientSessions {
    sessions: std::sync::Mutex<super::recent::Recent<alloc::string::String, ClientSession>>,
}

#[cfg(feature = "std")]
impl MemoryClientSessions {
    /// Keeps the sessions with up to `capacity` servers; the one that was longest not asked for goes first.
    #[must_use]
    pub fn new(capacity: core::num::NonZeroUsize) -> Self {
        Self { sessions: std::sync::Mutex::new(super::recent::Recent::new(capacity)) }
    }
}

#[cfg(feature = "std")]
impl ClientSessions for MemoryClientSessions {
    fn put(&self, server: &ServerName<'static>, session: ClientSession) {
        super::recent::lock(&self.sessions).put(server.to_str().to_ascii_lowercase(), session);
    }

    fn get(&self, server: &ServerName<'static>) -> Option<ClientSession> {
        super::recent::lock(&self.sessions).get(&server.to_str().to_ascii_lowercase()).cloned()
    }

    fn remove(&self, server: &ServerName<'static>) {
        super::recent::lock(&self.sessions).remove(&server.to_str().to_ascii_lowercase());
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for MemoryClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryClientSessions").finish_non_exhaustive()
    }
}
