//! Taking up a session again: what a client offers, what a server accepts, and what both keep for the next time (RFC 5246
//! section 7.3, RFC 5077).
//!
//! ```text
//!   client                                             server
//!
//!   ClientHello              ------------------------>
//!     (id, ticket)           <--------          ServerHello (same id)
//!                                        [NewSessionTicket]
//!                                        [ChangeCipherSpec]
//!                            <--------             Finished
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//! ```
//!
//! The server accepts by saying the id again that the client said (RFC 5077 section 3.4): with a ticket the client makes
//! one up. Nothing else tells the two handshakes apart, as ChangeCipherSpec may come in any order.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::{ServerName, UnixTime};

use super::credential::{ExpectedPeer, PeerCredential};
use crate::config::{ClientCertificate, ClientConfig, ServerConfig};
use crate::crypto::{MasterSecret, Seed, Suite};
use crate::decision::Reply;
use crate::error::{Error, PeerIncompatible};
use crate::resumption::{
    self, ClientSession, ClientSessions, SavedSession, ServerSession, ServerSessions, SessionHandle,
};
use crate::resumption::{SessionId, Tickets};
use crate::role::Role;
use crate::session::Session;
use crate::wire::hello::ClientHello;

/// What a client says in its hello about earlier sessions.
pub(crate) struct Offered {
    pub(crate) session: Option<SavedSession>,
    /// The id that the server says again if it takes the session up; empty if none is offered.
    pub(crate) session_id: Vec<u8>,
    /// A ticket, an empty one to ask for one, or none to want none (RFC 5077 section 3.2).
    pub(crate) ticket: Option<Vec<u8>>,
}

impl Offered {
    /// Chooses what to offer to this server.
    pub(crate) fn choose(config: &ClientConfig, server: &ServerName<'static>, now: UnixTime, seed: &mut Seed) -> Self {
        let kept = config.sessions.as_ref().and_then(|sessions| sessions.get(server));
        match kept.filter(|session| session.may_be_offered(config, now.as_secs())) {
            Some(ClientSession { saved, handle: SessionHandle::Id(id), .. }) => {
                Self { session: Some(saved), session_id: id, ticket: Some(Vec::new()) }
            }
            // RFC 5077 section 3.4: an id of our own, so that the server's answer tells.
            Some(ClientSession { saved, handle: SessionHandle::Ticket(ticket), .. }) => {
                Self { session: Some(saved), session_id: seed.next(b"session id").to_vec(), ticket: Some(ticket) }
            }
            None => {
                let ticket = config.sessions.is_some().then(Vec::new);
                Self { session: None, session_id: Vec::new(), ticket }
            }
        }
    }

    /// The session that the server takes up, if it says the id that was offered. An empty id says nothing.
    pub(crate) fn accepted(&self, session_id: &[u8]) -> Option<&SavedSession> {
        self.session.as_ref().filter(|_| !session_id.is_empty() && session_id == self.session_id)
    }
}

/// What a client does with the session once it is established.
pub(crate) struct ClientKeep {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
    /// When the full handshake was, in seconds since 1970.
    pub(crate) created: u64,
    /// What the server called it.
    pub(crate) session_id: Vec<u8>,
    /// Whether it promised a ticket.
    pub(crate) expects_ticket: bool,
    /// The ticket that came, and for how many seconds it is good.
    pub(crate) ticket: Option<(Vec<u8>, u32)>,
}

impl ClientKeep {
    /// Keeps it, if there is anything to take it up by. Only after the server's Finished was verified (RFC 5077 section
    /// 3.3).
    pub(crate) fn keep(self, session: &Session, master: &MasterSecret) {
        let Self { config, server_name, created, session_id, ticket, .. } = self;
        let Some(sessions) = &config.sessions else { return };
        let (handle, lifetime) = match ticket {
            // RFC 5077 section 3.3: an empty one is none.
            Some((ticket, _)) if ticket.is_empty() => return,
            // A hint of 0 does not say.
            Some((ticket, hint)) => (SessionHandle::Ticket(ticket), if hint == 0 { u32::MAX } else { hint }),
            None if session_id.is_empty() => return,
            None => (SessionHandle::Id(session_id), u32::MAX),
        };
        if let Some(saved) = SavedSession::of(session, master, created) {
            sessions.put(&server_name, ClientSession::new(saved, handle, lifetime, &config));
        }
    }
}

/// What a server does with the session once it is established.
#[derive(Clone)]
pub(crate) enum ServerKeep {
    Nothing,
    /// It gives the client a ticket.
    Ticket {
        tickets: Arc<dyn Tickets>,
        lifetime_seconds: u32,
        created: u64,
    },
    /// It keeps the session itself.
    Id {
        sessions: Arc<dyn ServerSessions>,
        id: SessionId,
        created: u64,
    },
}

impl ServerKeep {
    /// For a full handshake: a ticket for clients that want one, else an id.
    pub(crate) fn choose(hello: &ClientHello<'_>, config: &ServerConfig, now: UnixTime, seed: &mut Seed) -> Self {
        let created = now.as_secs();
        match (&config.tickets, &config.sessions) {
            (Some(tickets), _) if hello.extensions.session_ticket().is_some() => {
                let lifetime_seconds = config.session_lifetime_seconds;
                Self::Ticket { tickets: tickets.clone(), lifetime_seconds, created }
            }
            (_, Some(sessions)) => Self::Id { sessions: sessions.clone(), id: seed.next(b"session id"), created },
            _ => Self::Nothing,
        }
    }

    /// The id to give the session.
    pub(crate) const fn session_id(&self) -> &[u8] {
        match self {
            Self::Id { id, .. } => id,
            Self::Ticket { .. } | Self::Nothing => &[],
        }
    }

    /// The ticket for this session and its lifetime, if one was promised; an empty one if it cannot be sealed.
    pub(crate) fn ticket(&self, session: &Session, master: &MasterSecret, seed: &mut Seed) -> Option<(Vec<u8>, u32)> {
        let Self::Ticket { tickets, lifetime_seconds, created } = self else { return None };
        let saved = SavedSession::of(session, master, *created);
        let ticket = saved.and_then(|saved| resumption::seal(&**tickets, &saved, seed));
        Some((ticket.unwrap_or_default(), *lifetime_seconds))
    }

    /// Keeps the session, once the client's Finished was verified.
    pub(crate) fn keep(&self, session: &Session, master: &MasterSecret) {
        if let Self::Id { sessions, id, created } = self {
            if let Some(saved) = SavedSession::of(session, master, *created) {
                sessions.put(id, ServerSession(saved));
            }
        }
    }
}

/// Where a session stands that must not be taken up again once its connection has failed (RFC 5246 section 7.2.2).
pub(crate) enum SessionReference {
    Client(Arc<dyn ClientSessions>, Box<ServerName<'static>>),
    Server(Arc<dyn ServerSessions>, SessionId),
}

impl SessionReference {
    pub(crate) fn forget(&self) {
        match self {
            Self::Client(sessions, server) => sessions.remove(server),
            Self::Server(sessions, id) => sessions.remove(id),
        }
    }
}

/// What a server finds for a hello.
pub(crate) enum Found {
    Nothing,
    Session(Box<FoundSession>),
    /// Its store answers later.
    Later(SessionId),
}

/// A session that a client asks for.
pub(crate) struct FoundSession {
    pub(crate) saved: SavedSession,
    /// How it is kept from now on.
    pub(crate) keep: ServerKeep,
    /// Where it stands, if it stands here.
    pub(crate) reference: Option<SessionReference>,
}

impl FoundSession {
    pub(crate) fn by_id(saved: SavedSession, id: SessionId, sessions: &Arc<dyn ServerSessions>) -> Self {
        let reference = Some(SessionReference::Server(sessions.clone(), id));
        Self { saved, keep: ServerKeep::Nothing, reference }
    }
}

/// Looks for the session that a client asks for. Where there is a ticket, the id is the client's own, and is not looked
/// up; a client that has none finds out from the message after ServerHello (RFC 5077 section 3.4).
pub(crate) fn find(hello: &ClientHello<'_>, config: &ServerConfig) -> Found {
    if let (Some(ticket @ [_, ..]), Some(tickets)) = (hello.extensions.session_ticket(), &config.tickets) {
        return resumption::open(&**tickets, ticket).map_or(Found::Nothing, |(saved, is_stale)| {
            let keep = match is_stale {
                true => ServerKeep::Ticket {
                    tickets: tickets.clone(),
                    lifetime_seconds: config.session_lifetime_seconds,
                    created: saved.created,
                },
                false => ServerKeep::Nothing,
            };
            Found::Session(Box::new(FoundSession { saved, keep, reference: None }))
        });
    }
    let (Some(sessions), Ok(id)) = (&config.sessions, SessionId::try_from(hello.session_id)) else {
        return Found::Nothing;
    };
    match sessions.find(&id) {
        Reply::Now(Some(ServerSession(saved))) => Found::Session(Box::new(FoundSession::by_id(saved, id, sessions))),
        Reply::Now(None) => Found::Nothing,
        Reply::Later => Found::Later(id),
    }
}

/// Whether the configuration grants today what it granted when the session was made (RFC 5246 section 7.4.1.3, RFC 6066
/// section 3, RFC 7627 section 5.3), and with which suite; `None` means a full handshake.
///
/// # Errors
///
/// [`PeerIncompatible::ExtendedMasterSecretRequired`] if the client has dropped the extended master secret since.
pub(crate) fn may_take_up(
    saved: &SavedSession,
    hello: &ClientHello<'_>,
    config: &ServerConfig,
    now: UnixTime,
) -> Result<Option<&'static Suite>, Error> {
    let suite = config.common.suite(saved.suite).filter(|suite| hello.cipher_suites.contains(suite.code));
    let is_fresh = saved.is_fresh(now.as_secs(), config.session_lifetime_seconds);
    let name = hello.extensions.server_name()?;
    let same_name = match (name, saved.server_name.as_deref()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (None, None) => true,
        _ => false,
    };
    let is_served = !config.require_known_name
        || saved.psk_identity.is_some()
        || name.is_none_or(|name| config.identities.iter().any(|identity| identity.is_for(name) == Some(true)));
    if suite.is_none() || !is_fresh || !same_name || !is_served || !is_still_authentic(saved, config, now) {
        return Ok(None);
    }
    // RFC 7627 section 5.3: all sessions that are kept have it.
    if !hello.extensions.has_empty(crate::code::ExtensionType::EXTENDED_MASTER_SECRET)? {
        return Err(PeerIncompatible::ExtendedMasterSecretRequired.into());
    }
    Ok(suite)
}

/// Whether who the client was then would be let in today. Where that cannot be said now, it would not.
fn is_still_authentic(saved: &SavedSession, config: &ServerConfig, now: UnixTime) -> bool {
    if let Some(identity) = &saved.psk_identity {
        let key = config.preshared_keys.as_ref().map(|keys| keys.find(identity));
        return matches!(key, Some(Reply::Now(Some(_))));
    }
    match (&config.client_certificate, PeerCredential::of(saved)) {
        (ClientCertificate::NotRequested, _) | (ClientCertificate::Requested(_), None) => true,
        (ClientCertificate::Required(_), None) => false,
        (ClientCertificate::Requested(verifier) | ClientCertificate::Required(verifier), Some(peer)) => {
            let algorithms = config.common.provider.signatures;
            let expected = ExpectedPeer { role: Role::Client, name: None, now, algorithms };
            matches!(peer.verify(&**verifier, &expected), Reply::Now(Ok(_)))
        }
    }
}
