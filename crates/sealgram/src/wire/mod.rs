//! Bytes to types and back. Nothing here knows cryptography, time or state.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub(crate) mod record;
