//! Records: what is sealed, what opens, and what is dropped before it costs anything.
//!
//! The [`RecordLayer`] cuts datagrams into records, knows the epochs of both directions, and turns bodies into
//! plaintext and back, in place and without allocating. It never parses what a record carries, keeps no time, and does
//! not know that flights are sent again: every record it seals has a number that no other record had.
//!
//! | file | knows |
//! |---|---|
//! | `layer` | datagram to records, which records are welcome, the next sequence number |
//! | `epoch` | the keys of one epoch in one direction, nonces, usage limits |
//! | `replay` | which sequence numbers of one epoch were seen |
//! | `stash` | early records, within a budget |
//! | `usage` | how far keys are used, for whoever goes on with them |
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod epoch;
#[cfg(test)]
mod fake_aead;
mod layer;
mod limits;
mod replay;
mod stash;
mod usage;

pub(crate) use epoch::{Protection, SealError};
#[cfg(test)]
pub(crate) use fake_aead::Rng;
pub(crate) use layer::{MAX_DATAGRAM, OpenedRecord, Opening, RawRecord, RecordLayer};
pub(crate) use limits::SizeLimits;
#[cfg(any(test, feature = "internals"))]
pub(crate) use replay::ReplayWindow;
pub(crate) use stash::Stash;
pub(crate) use usage::{ReadUsage, Usage, WriteUsage};
