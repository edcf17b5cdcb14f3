//! sealgram against other implementations of DTLS, which run as processes on the loopback interface.
//!
//! | module | holds |
//! |---|---|
//! | [`case`] | what is tried, as tables: suites, groups, certificates and features |
//! | [`conversation`] | how it is tried: connect, compare what both ends know, exchange data, close |
//! | [`resumption`] | the same twice, the second time with the session of the first |
//! | [`moves`] | the same with a client that comes from another port under way |
//! | [`configuration`] | what our ends are for a case |
//! | [`coap`] | what libcoap talks about: questions and answers |
//! | [`ours`] | our end of it, through the blocking adapter |
//! | [`sessions`] | what a server of ours keeps beyond its own end |
//! | [`relay`] | leads the clients of one address to several servers |
//! | [`nat`] | changes the port of a client |
//! | [`peer`] | the other end, one file for each implementation |
//! | [`wire`] | what went over the wire |
//! | [`certificates`] | made anew for each run |
//!
//! The trials themselves are in `tests/peers`. A peer that is not installed shows there as `ignored` and why; with
//! `SEALGRAM_REQUIRE_PEERS=1` it is a failure. Nothing is tried twice to make it pass. What a whole run gave is compared
//! with `docs/interop.md`.
#![forbid(unsafe_code)]
#![allow(clippy::missing_errors_doc, reason = "every function fails with the text that its trial shows")]

pub mod case;
pub mod certificates;
pub mod coap;
pub mod configuration;
pub mod conversation;
pub mod moves;
pub mod nat;
pub mod ours;
pub mod peer;
pub mod process;
pub mod program;
pub mod relay;
pub mod resumption;
pub mod sessions;
pub mod wire;

use core::fmt;
use core::time::Duration;

/// What a trial or a part of one gives; the error is for the person who reads the report.
pub type Outcome<T = ()> = Result<T, Box<dyn core::error::Error + Send + Sync>>;

/// How long to wait for anything that takes milliseconds when it works.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "trials stand where adapters stand: the clock is theirs")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Fails, and says what differs, unless the two are equal.
pub fn expect_eq<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, wanted {wanted:?}").into()) }
}

/// Fails with `complaint` unless `holds`.
pub fn expect(holds: bool, complaint: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(complaint.into().into()) }
}
