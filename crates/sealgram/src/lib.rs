//! DTLS 1.2 (RFC 6347) as a pure state machine: datagrams go in, datagrams come out.
//!
//! There is no socket, no clock, no thread and no global state in this crate. A caller owns the socket, the buffers,
//! the time and the randomness; the crate owns the protocol. The same core serves a blocking thread, an event loop, a
//! game's frame loop, and a simulation that runs a week in milliseconds.
//!
//! # What to know
//!
//! - [`Connection`] is one association with one peer.
//! - [`Endpoint`] is many of them on one socket: it routes datagrams, and answers strangers with a cookie, without
//!   keeping anything, until they have shown that they receive at the address they claim.
//! - [`ClientConfig`] and [`ServerConfig`] are built once and shared.
//! - [`provider`] holds the cryptography, [`x509`] judges certificates, [`inspect`] shows datagrams to people.
//!
//! # Four words
//!
//! They are never mixed up here, in names or in text:
//!
//! - a **datagram** is what UDP carries: one or more records;
//! - a **record** has a header of 13 bytes and a body, protected once keys are there;
//! - a handshake **message** is what the two sides say to each other before that;
//! - a **fragment** is a piece of a message that fits a record.
//!
//! # The loop
//!
//! Whatever drives a [`Connection`] or an [`Endpoint`] does this, in any order and as often as it likes:
//!
//! 1. `poll_transmit` until it gives nothing: send what it writes.
//! 2. `poll_event` until it gives nothing: [`Event::Connected`], [`Event::Closed`] and a few more.
//! 3. `poll_timeout`: wait for a datagram until then, and not longer.
//! 4. `handle_datagram` with what came; the application data in it lies decrypted in the same buffer.
//! 5. `handle_timeout` when the time has come. Too early and too late are fine.
//!
//! Nothing that comes from the network makes a call fail. What is malformed, forged, repeated or out of place is dropped
//! and counted ([`Stats`]). What ends an association is one [`Event::Closed`], which says who failed, at which message,
//! and with which alert.
//!
//! ```
//! use std::sync::Arc;
//! use sealgram::pki_types::{PrivatePkcs8KeyDer, ServerName, UnixTime};
//! use sealgram::{AddressValidated, ClientConfig, Connection, Event, Identity, Instant, ServerConfig, WallClock};
//! # use sealgram::rand_core::{TryCryptoRng, TryRng};
//! # struct NotRandom(u8);
//! # impl TryRng for NotRandom {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
//! #     fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> { out.fill(self.0); Ok(()) }
//! # }
//! # impl TryCryptoRng for NotRandom {}
//! # #[cfg(all(feature = "ring", feature = "x509"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (mut client_rng, mut server_rng) = (NotRandom(1), NotRandom(2));
//! let provider = sealgram::provider::ring::provider();
//!
//! // Who the server is, and what the client trusts: here the server's own certificate.
//! let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".into()])?;
//! let key = provider.key_loader.load(&PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into())?;
//! let identity = Identity::new(vec![cert.der().clone()], key)?;
//! let server_config = ServerConfig::builder(provider, identity).build()?;
//! let verifier = sealgram::x509::CertificateVerifier::builder(vec![cert.der().clone()]).build()?;
//! let client_config = ClientConfig::builder(provider, Arc::new(verifier)).build()?;
//!
//! // Two ends, joined by hand. Behind an open socket the server's end comes from `Endpoint::accept`.
//! let now = Instant::from_nanos(0);
//! let wall_clock = WallClock::new(now, UnixTime::now());
//! let name = ServerName::try_from("localhost")?;
//! let mut client = Connection::client(client_config, name, wall_clock, &mut client_rng)?;
//! let address = AddressValidated::assured_by_transport();
//! let mut server = Connection::server(server_config, address, wall_clock, &mut server_rng);
//!
//! let mut datagram = [0; 1500];
//! while client.session().is_none() || server.session().is_none() {
//!     while let Some(transmit) = client.poll_transmit(now, &mut datagram) {
//!         assert!(server.handle_datagram(now, &mut datagram[..transmit.len]).is_empty());
//!     }
//!     while let Some(transmit) = server.poll_transmit(now, &mut datagram) {
//!         assert!(client.handle_datagram(now, &mut datagram[..transmit.len]).is_empty());
//!     }
//! }
//! assert_eq!(client.poll_event(), Some(Event::Connected));
//!
//! // One payload, one record, one datagram.
//! let len = client.send(b"hello", &mut datagram)?;
//! let mut received = server.handle_datagram(now, &mut datagram[..len]);
//! assert_eq!(received.next().as_deref(), Some(&b"hello"[..]));
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "ring", feature = "x509")))]
//! # fn main() {}
//! ```
//!
//! # Watching
//!
//! - [`Stats`], of each connection and of an endpoint, counts what was sent, taken and sent again, and what was dropped
//!   under each [`DiscardReason`].
//! - [`error::Failure`] says in a line who failed, at which message, and with which alert.
//! - With the feature `tracing`, each connection has a span `dtls` of the target `sealgram`, with its role and an id of
//!   chance, in which it tells what happens. At INFO: connected, closed with its reason, gone to another process or
//!   come from one. At DEBUG: the messages of the handshake and what is awaited next, flights with their timeouts and
//!   how often they were sent again, new keys, alerts, the peer's address when the endpoint made the connection or the
//!   peer has moved, and how a server's handshake came to nothing. At TRACE: what anybody can cause at will, which is
//!   what was dropped and why, plaintext alerts, doubts, a peer heard from elsewhere, and cookies, these in a span
//!   `dtls_stranger` with the address. Verifiers and whoever else decides are called within the span. No secret, no
//!   content, and nothing in the peer's own words is told at any level: no name, no identity.
//! - [`key_log`] lets a tool read recorded traffic, and [`inspect`] shows datagrams to people.
//!
//! # What it is not
//!
//! Not a socket library (see `sealgram-std`), not TLS over streams, not DTLS 1.0. What it promises against whom stands
//! in `docs/threat-model.md`.
//!
//! # Features
//!
//! All are additive. On by default: `ring` (cryptography by *ring*), `ccm` (AES-CCM), `x509` (certificates by
//! rustls-webpki), `std`. Without any of them the crate is `no_std` with `alloc`, and wants a provider and a verifier of
//! yours. Off by default: `tracing`, see [Watching](#watching), which needs no `std` either.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::expect_used, clippy::string_slice)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "a test fails by panicking")
)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

#[cfg(all(test, feature = "ring", feature = "x509"))]
mod browser_hello;
mod cid;
pub mod code;
pub mod config;
mod connection;
mod cookie;
pub mod crypto;
mod decision;
mod endpoint;
pub mod error;
mod event;
mod first_byte;
mod flight;
mod handshake;
pub mod inspect;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
pub mod key_log;
mod path;
mod proof;
pub mod provider;
mod psk;
mod received;
mod record;
pub mod resumption;
mod role;
mod session;
mod snapshot;
mod srtp;
mod stats;
#[cfg(test)]
mod test_rng;
mod time;
mod trace;
#[cfg(test)]
mod vectors;
pub mod verify;
mod wire;
#[cfg(feature = "x509")]
pub mod x509;

pub use cid::{ConnectionId, ConnectionIdGenerator, ConnectionIds, RandomIds};
pub use config::{
    ClientConfig, ClientConfigBuilder, ConfigError, Identity, MIN_MTU, MIN_SHORT_TAG_FORGERIES, MaxFragmentLength,
    ServerConfig, ServerConfigBuilder, TransportOptions,
};
pub use connection::{Connection, Output, SendError};
pub use cookie::CookieKeys;
pub use decision::{Answer, ApiMisuse, Decision, DecisionId, Reply};
pub use endpoint::{
    AddressChange, ConnectError, ConnectionMut, Dispatch, Endpoint, EndpointConfig, EndpointRestoreError, Handle,
    Incoming, Refusal,
};
pub use event::{CloseReason, Event, Status};
pub use first_byte::DatagramKind;
pub use path::Path;
pub use pki_types;
pub use proof::{AddressValidated, PeerVerified, SignatureVerified};
pub use psk::{PresharedKey, PresharedKeys};
pub use rand_core;
pub use received::{Received, Transmit};
pub use role::Role;
pub use session::Session;
pub use snapshot::{RestoreError, RoleConfig, Sealed, SnapshotError, SnapshotId, SnapshotKey};
pub use srtp::{Srtp, SrtpKeys, SrtpMasterKey};
pub use stats::{DiscardReason, Stats};
pub use time::{Instant, WallClock};

/// The examples of the README compile.
#[cfg(all(doctest, feature = "ring", feature = "x509"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
