//! Simulations of sealgram: two ends on a virtual clock, with a network between them that does what a test wants, or
//! what a seed decides.
//!
//! A [`Pair`] is a client, a server and a [`Link`]. It jumps from one arrival or deadline to the next, so that a minute
//! takes microseconds, and it watches the laws that hold for every run. With [toy cryptography](toy), which is the
//! default, a run is determined by its seed to the last byte sent. [`for_seeds`] goes through seeds, and names the one
//! that fails; `SEALGRAM_SEED` replays it. With a folder in `SEALGRAM_CAPTURE` every run is written there, as a capture
//! and its secrets that [tshark opens](pcap).
//!
//! ```
//! use sealgram::Role;
//! use sealgram_sim::{Fault, Pair, Script};
//!
//! // The first datagram of the server is lost.
//! let mut pair = Pair::builder(7).link(Script::new([(1, Fault::Drop)])).build();
//! pair.connect().send(Role::Client, b"ping");
//! pair.settle();
//! assert_eq!(pair.received(Role::Server), [b"ping"]);
//! ```
#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a simulation fails by panicking")]

mod builder;
pub mod forge;
mod host;
mod identity;
mod link;
mod pair;
pub mod pcap;
pub mod recut;
mod rng;
pub mod toy;
mod wire_log;

pub use builder::{PairBuilder, wall_clock};
pub use identity::{CertificateKind, Credentials, SERVER_NAME, toy_identity};
pub use link::{Arrival, Clear, DELAY, Fault, Link, Script, Sent, Weather, flip_bits};
pub use pair::{Pair, ROLES, other};
pub use rng::{SimRng, for_seeds};
pub use wire_log::{Entry, WireLog};
