//! Sessions that two ends take up again, and where they keep them meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use sealgram::code::HandshakeType;
use sealgram::pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::resumption::{
    ClientSession, ClientSessions, ServerSession, ServerSessions, SessionId, TicketKeys, Tickets,
};
use sealgram::{ClientConfigBuilder, Reply, ServerConfigBuilder};

use crate::builder::PairBuilder;
use crate::decisions::{Promptness, Question, Questions};

/// By what a server recognises a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests go through them all")]
pub enum ResumeBy {
    /// It keeps the session under an id.
    Id,
    /// The client keeps it as a ticket.
    Ticket,
    /// The same, but the server has a new key for tickets by now, and gives the client a new one.
    StaleTicket,
}

/// What two ends keep of an earlier handshake. Any number of pairs may take it up again.
#[derive(Clone, Debug)]
pub struct Earlier {
    by: ResumeBy,
    client: ClientSession,
    server: Option<(SessionId, ServerSession)>,
}

impl Earlier {
    /// Of a handshake of such a pair, whose network has to be a good one.
    ///
    /// # Panics
    ///
    /// If the two do not connect.
    #[must_use]
    pub fn of(builder: PairBuilder, by: ResumeBy) -> Self {
        let shelves = Shelves::empty(by);
        builder.shelves(shelves.clone()).build().connect();
        let client = shelves.client.taken().expect("the client keeps its session");
        Self { by, client, server: shelves.server.shelf.taken() }
    }

    /// Copies to be taken up by one pair.
    pub(crate) fn shelves(&self, questions: Questions) -> Shelves {
        let promptness = questions.promptness(Question::Session).unwrap_or(Promptness::AtOnce);
        Shelves {
            by: self.by,
            client: Arc::new(Shelf::of(Some(self.client.clone()))),
            server: Arc::new(ServerShelf { shelf: Shelf::of(self.server.clone()), promptness }),
            is_stocked: true,
        }
    }
}

/// Where the two ends of a pair keep their session.
#[derive(Clone)]
pub(crate) struct Shelves {
    by: ResumeBy,
    client: Arc<Shelf<ClientSession>>,
    pub(crate) server: Arc<ServerShelf>,
    /// Whether a session lies there to be taken up.
    pub(crate) is_stocked: bool,
}

impl Shelves {
    pub(crate) fn empty(by: ResumeBy) -> Self {
        let server = ServerShelf { shelf: Shelf::of(None), promptness: Promptness::AtOnce };
        Self { by, client: Arc::new(Shelf::of(None)), server: Arc::new(server), is_stocked: false }
    }

    pub(crate) fn configure(
        &self,
        client: ClientConfigBuilder,
        server: ServerConfigBuilder,
    ) -> (ClientConfigBuilder, ServerConfigBuilder) {
        let server = match self.by {
            ResumeBy::Id => server.sessions(self.server.clone()),
            ResumeBy::Ticket | ResumeBy::StaleTicket => server.tickets(self.ticket_keys()),
        };
        (client.sessions(self.client.clone()), server)
    }

    /// The message after which a client can read what its server protects; in a full handshake without a ticket this is
    /// `last`.
    pub(crate) fn client_reads_after(&self, last: HandshakeType) -> HandshakeType {
        match (self.is_stocked, self.by) {
            (true, ResumeBy::Id | ResumeBy::Ticket) => HandshakeType::SERVER_HELLO,
            (true, ResumeBy::StaleTicket) | (false, ResumeBy::Ticket | ResumeBy::StaleTicket) => {
                HandshakeType::NEW_SESSION_TICKET
            }
            (false, ResumeBy::Id) => last,
        }
    }

    /// Those of now: a ticket is made in the first epoch, and taken up in it or in the next.
    fn ticket_keys(&self) -> Arc<dyn Tickets> {
        let epoch = if self.is_stocked && self.by == ResumeBy::StaleTicket { 2 } else { 1 };
        Arc::new(TicketKeys::derive(ring::provider(), &[0x7e; 32], epoch).expect("ring has AES-256-GCM"))
    }
}

/// Room for one thing.
#[derive(Debug)]
pub(crate) struct Shelf<T>(Mutex<Option<T>>);

impl<T: Clone> Shelf<T> {
    const fn of(thing: Option<T>) -> Self {
        Self(Mutex::new(thing))
    }

    fn put(&self, thing: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = thing;
    }

    fn taken(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A client here knows one server.
impl ClientSessions for Shelf<ClientSession> {
    fn put(&self, _: &ServerName<'static>, session: ClientSession) {
        self.put(Some(session));
    }

    fn get(&self, _: &ServerName<'static>) -> Option<ClientSession> {
        self.taken()
    }

    fn remove(&self, _: &ServerName<'static>) {
        self.put(None);
    }
}

/// The latest session of a server, which may take time to find.
#[derive(Debug)]
pub(crate) struct ServerShelf {
    shelf: Shelf<(SessionId, ServerSession)>,
    promptness: Promptness,
}

impl ServerShelf {
    pub(crate) fn get(&self, id: &SessionId) -> Option<ServerSession> {
        self.shelf.taken().filter(|(kept, _)| kept == id).map(|(_, session)| session)
    }
}

impl ServerSessions for ServerShelf {
    fn put(&self, id: &SessionId, session: ServerSession) {
        self.shelf.put(Some((*id, session)));
    }

    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>> {
        self.promptness.reply(|| self.get(id))
    }

    fn remove(&self, id: &SessionId) {
        if self.get(id).is_some() {
            self.shelf.put(None);
        }
    }
}
