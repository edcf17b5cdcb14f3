//! Blocking DTLS 1.2 over UDP.
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod clock;
mod error;
mod inbox;
mod roots;
mod socket;
mod tap;

pub use clock::{Clock, OsRng};
pub use error::Error;
pub use roots::system_roots;
pub use sealgram;
pub use socket::SocketStats;
pub use tap::{Direction, Tap};
