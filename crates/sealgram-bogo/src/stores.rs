//! What outlives a connection: the sessions of clients and servers, and the keys of tickets.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use getrandom::SysRng;
use sealgram::pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::rand_core::{CryptoRng, UnwrapErr};
use sealgram::resumption::{
    ClientSession, ClientSessions, MemoryClientSessions, MemoryServerSessions, OpenedTicket, ServerSession,
    ServerSessions, SessionId, TicketKeys, Tickets,
};
use sealgram::{ConfigError, PresharedKey, PresharedKeys, Reply};

use crate::options::TicketPolicy;
use crate::seen::{Seen, lock};

/// The sessions of a client.
#[derive(Debug)]
pub(crate) struct ClientStore {
    sessions: MemoryClientSessions,
    seen: Arc<Seen>,
}

impl ClientStore {
    pub(crate) fn new(seen: &Arc<Seen>) -> Self {
        Self { sessions: MemoryClientSessions::new(CAPACITY), seen: Arc::clone(seen) }
    }
}

impl ClientSessions for ClientStore {
    fn put(&self, server: &ServerName<'static>, session: ClientSession) {
        self.seen.kept_by_client.fetch_add(1, Ordering::Relaxed);
        self.sessions.put(server, session);
    }

    fn get(&self, server: &ServerName<'static>) -> Option<ClientSession> {
        self.sessions.get(server)
    }

    fn remove(&self, server: &ServerName<'static>) {
        self.sessions.remove(server);
    }
}

/// The sessions of a server, which may take its time to find them.
#[derive(Debug)]
pub(crate) struct ServerStore {
    sessions: MemoryServerSessions,
    answers_later: AtomicBool,
    seen: Arc<Seen>,
}

impl ServerStore {
    pub(crate) fn new(seen: &Arc<Seen>) -> Self {
        let sessions = MemoryServerSessions::new(CAPACITY);
        Self { sessions, answers_later: AtomicBool::new(false), seen: Arc::clone(seen) }
    }

    pub(crate) fn answer_later(&self, later: bool) {
        self.answers_later.store(later, Ordering::Relaxed);
    }

    /// The answer that was to come later.
    pub(crate) fn look_up(&self, id: &SessionId) -> Option<ServerSession> {
        match self.sessions.find(id) {
            Reply::Now(session) => session,
            Reply::Later => None,
        }
    }
}

impl ServerSessions for ServerStore {
    fn put(&self, id: &SessionId, session: ServerSession) {
        self.seen.kept_by_server.fetch_add(1, Ordering::Relaxed);
        self.sessions.put(id, session);
    }

    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>> {
        if self.answers_later.load(Ordering::Relaxed) { Reply::Later } else { self.sessions.find(id) }
    }

    fn remove(&self, id: &SessionId) {
        self.sessions.remove(id);
    }
}

/// The keys of tickets, with a policy that each connection may change.
#[derive(Debug)]
pub(crate) struct TicketStore {
    keys: TicketKeys,
    policy: Mutex<TicketPolicy>,
}

impl TicketStore {
    pub(crate) fn new() -> Result<Self, ConfigError> {
        let keys = TicketKeys::generate(ring::provider(), &mut UnwrapErr(SysRng))?;
        Ok(Self { keys, policy: Mutex::default() })
    }

    pub(crate) fn follow(&self, policy: TicketPolicy) {
        *lock(&self.policy) = policy;
    }
}

impl Tickets for TicketStore {
    fn seal(&self, session: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let policy = *lock(&self.policy);
        if policy == TicketPolicy::Skip { None } else { self.keys.seal(session, rng) }
    }

    fn open(&self, ticket: &[u8]) -> Option<OpenedTicket> {
        let mut opened = self.keys.open(ticket)?;
        opened.is_stale |= *lock(&self.policy) == TicketPolicy::Renew;
        Some(opened)
    }
}

/// The one key of a server, which may take its time to find it.
#[derive(Debug)]
pub(crate) struct OneKey {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: PresharedKey,
    pub(crate) answers_later: bool,
}

impl OneKey {
    /// The answer that was to come later.
    pub(crate) fn look_up(&self, identity: &[u8]) -> Option<PresharedKey> {
        (identity == self.identity).then(|| self.key.clone())
    }
}

impl PresharedKeys for OneKey {
    fn find(&self, identity: &[u8]) -> Reply<Option<PresharedKey>> {
        if self.answers_later { Reply::Later } else { Reply::Now(self.look_up(identity)) }
    }
}

/// More connections than any test has.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
