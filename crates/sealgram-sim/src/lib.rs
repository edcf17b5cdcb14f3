//! Simulations of sealgram: two ends on a virtual clock, with a network between them that does what a test wants, or
//! what a seed decides.
//!
//! A [`Pair`] is a client, a server and a [`Link`], as a rule a [`Ring`] of nodes. It jumps from one arrival or deadline to
//! the next, so that a minute takes microseconds, and it watches the laws that hold for every run. [`patterns`] has all
//! patterns of a few faults, [`networks`] all that chance can think of. With [toy cryptography](toy), which is the
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

mod authentication;
mod books;
mod builder;
mod deciders;
mod decisions;
pub mod forge;
pub mod fuzz;
mod host;
mod identity;
pub mod kinds;
mod ledger;
mod link;
pub mod networks;
mod pair;
mod parallel;
pub mod patterns;
pub mod pcap;
pub mod recut;
pub mod ring;
mod rng;
mod sessions;
pub mod toy;
mod wire_log;

pub use authentication::Authentication;
pub use builder::{PairBuilder, wall_clock};
pub use decisions::{Promptness, Question};
pub use identity::{CertificateKind, Credentials, SERVER_NAME, toy_identity};
pub use link::{Arrival, Clear, DELAY, Fault, Link, Script, Sent, Weather};
pub use pair::{Pair, ROLES, other};
pub use parallel::on_all_cores;
pub use ring::{Ring, flip_bits};
pub use rng::{SimRng, for_seeds, for_seeds_on_all_cores};
pub use sessions::{Earlier, ResumeBy};
pub use wire_log::{Entry, WireLog};
