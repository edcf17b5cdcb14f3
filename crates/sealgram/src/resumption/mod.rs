//! Sessions that are taken up again: what is kept of them, where, and how a server that keeps nothing seals them into
//! tickets (RFC 5246 appendix F.1.4, RFC 5077).
//!
//! Only sessions whose master secret is bound to their handshake are kept: the others may not be resumed safely (RFC
//! 7627 section 5.4).

mod client;
#[cfg(feature = "std")]
mod recent;
mod saved;
mod server;
mod ticket;

pub(crate) use client::SessionHandle;
pub use client::{ClientSession, ClientSessions};
pub(crate) use saved::{SavedSession, read_optional, write_optional};
pub use server::{ServerSession, ServerSessions, SessionId};
pub use ticket::{OpenedTicket, TicketKeys, Tickets};
pub(crate) use ticket::{open, seal};
#[cfg(feature = "std")]
pub use {client::MemoryClientSessions, server::MemoryServerSessions, ticket::RotatingTicketKeys};

/// For how long a session can be taken up again unless a configuration says less: a day (RFC 5246 appendix F.1.4).
pub(crate) const MAX_LIFETIME_SECONDS: u32 = 24 * 60 * 60;
