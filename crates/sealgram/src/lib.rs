//! DTLS 1.2 as a pure state machine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod code;
mod config;
mod connection;
mod cookie;
pub mod crypto;
mod endpoint;
pub mod error;
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

pub use cookie::CookieKeys;
pub use endpoint::{
    AcceptError, ConnectError, ConnectionMut, Dispatch, Endpoint, EndpointConfig, Handle, Incoming, Path, Refusal,
};
pub use pki_types;
pub use proof::{AddressValidated, PeerVerified, SignatureVerified};
pub use rand_core;
pub use received::{Received, Transmit};
pub use role::Role;
pub use stats::{DiscardReason, Stats};
pub use time::{Instant, WallClock};
