//! Blocking DTLS 1.2 over UDP.
//!
//! [`Client`] is one association with a server. [`Listener`] serves any number of peers on one socket and hands each
//! out as a [`Stream`] once its handshake is complete. Both speak in datagrams: what one call sends, one call receives
//! whole, or not at all, for datagrams may be lost, and come late or in another order. There is no `Read` and no
//! `Write`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use sealgram_std::sealgram::pki_types::ServerName;
//! use sealgram_std::sealgram::provider::ring;
//! use sealgram_std::sealgram::x509::CertificateVerifier;
//! use sealgram_std::sealgram::{ClientConfig, Identity, ServerConfig};
//! use sealgram_std::{Client, Listener};
//!
//! # let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["peer.example".into()])?;
//! # let (certificate, key) = (cert.der().clone(), signing_key.into());
//! let key = ring::provider().key_loader.load(&key)?;
//! let identity = Identity::new(vec![certificate.clone()], key)?;
//! let listener = Listener::bind("127.0.0.1:0", ServerConfig::builder(ring::provider(), identity).build()?)?;
//! let address = listener.local_addr()?;
//! let server = std::thread::spawn(move || {
//!     let mut stream = listener.accept()?;
//!     let mut buffer = [0; 1500];
//!     let len = stream.recv(&mut buffer)?;
//!     stream.send(&buffer[..len])?;
//!     stream.close()
//! });
//!
//! // Real clients start from `sealgram_std::system_roots()`.
//! let verifier = CertificateVerifier::builder(vec![certificate]).build()?;
//! let config = ClientConfig::builder(ring::provider(), Arc::new(verifier)).build()?;
//! let mut client = Client::connect(address, ServerName::try_from("peer.example")?, config)?;
//! client.send(b"ping")?;
//! let mut buffer = [0; 1500];
//! let len = client.recv(&mut buffer)?;
//! assert_eq!(&buffer[..len], b"ping");
//! server.join().expect("the server runs to its end")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the network can do
//!
//! Whatever is forged, repeated or malformed is dropped and counted; so are messages of the network that nobody listens
//! there (ICMP), which anyone can forge: [`SocketStats`] counts them, and nothing follows. A datagram that the local
//! system calls too long lowers the MTU of the association. A peer that has vanished without a word is noticed by its
//! silence alone: by the handshake deadline of the configuration, and after that by the idle time of the listener
//! ([`ListenerOptions::idle_timeout`]), or by the read timeout of the client.
//!
//! # What is not in here
//!
//! No decision of the protocol and no parsing: this crate is the clock, the socket, the buffers and the loop around
//! [`sealgram::Connection`] and [`sealgram::Endpoint`].
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod client;
mod clock;
mod disturbance;
mod driver;
mod error;
mod inbox;
mod listener;
mod mailbox;
mod roots;
mod socket;
mod stream;
mod tap;

pub use client::{Client, Options};
pub use clock::{Clock, OsRng};
pub use disturbance::Disturbance;
pub use error::Error;
pub use listener::{Listener, ListenerOptions, PeerEvent};
pub use roots::system_roots;
pub use sealgram;
pub use socket::SocketStats;
pub use stream::Stream;
pub use tap::{Direction, Tap, TappedDatagram};

/// The longest datagram that is made, in bytes: the longest payload of UDP.
const MAX_DATAGRAM: usize = 65_535;

/// What to try when a datagram of `len` bytes did not fit the path: steps that are small enough to waste little, and
/// large enough to arrive soon.
const fn shorter(len: usize) -> usize {
    len - len.div_ceil(8)
}
