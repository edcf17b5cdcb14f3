//! What sealgram costs, measured beside what nobody can do without.
//!
//! Absolute times say more about a machine and its neighbours than about a library. So everything here stands beside a
//! limit that runs in the same process, in the same moments, on the same cryptography: the [ideal] record layer,
//! and the [sum](crypto_sum) of all cryptography that a handshake cannot avoid. `docs/performance.md` says what
//! the rows mean and what they were.
#![allow(clippy::missing_panics_doc, reason = "a measurement that goes wrong has to stop")]

pub mod callgrind;
pub mod credentials;
pub mod crypto_sum;
pub mod gate;
pub mod handshake;
pub mod ideal;
pub mod machine;
pub mod memory;
pub mod records;
pub mod report;
pub mod rounds;
