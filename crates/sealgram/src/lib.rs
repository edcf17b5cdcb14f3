//! DTLS 1.2 as a pure state machine.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::expect_used, clippy::string_slice)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod code;
pub mod config;
mod connection;
mod cookie;
pub mod crypto;
mod endpoint;
pub mod error;
mod event;
mod flight;
mod handshake;
pub mod inspect;
mod proof;
pub mod provider;
mod received;
mod record;
mod role;
mod session;
mod stats;
#[cfg(test)]
mod test_rng;
mod time;
pub mod verify;
mod wire;
#[cfg(feature = "x509")]
pub mod x509;

pub use config::{
    ClientConfig, ClientConfigBuilder, ConfigError, Identity, MIN_MTU, ServerConfig, ServerConfigBuilder,
    TransportOptions,
};
pub use connection::{Connection, SendError};
pub use cookie::CookieKeys;
pub use endpoint::{ConnectError, ConnectionMut, Dispatch, Endpoint, EndpointConfig, Handle, Incoming, Path, Refusal};
pub use event::{CloseReason, Event, Status};
pub use pki_types;
pub use proof::{AddressValidated, PeerVerified, SignatureVerified};
pub use rand_core;
pub use received::{Received, Transmit};
pub use role::Role;
pub use session::Session;
pub use stats::{DiscardReason, Stats};
pub use time::{Instant, WallClock};
