//! The bytes of DTLS 1.2 and the types they stand for.
//!
//! Every message has a type here whose `decode` borrows from the input and whose `encode` gives the bytes back. Decoding
//! is strict about syntax (lengths, ranges, nothing left over) and silent about meaning: an unknown cipher suite is a
//! value like any other, and whether it was offered is for the handshake to say. Two laws hold for every message:
//! `decode(encode(x)) == x`, and whatever decodes encodes to the bytes it came from. The second one means that a
//! message has one form only, so what is re-encoded (a ClientHello with its cookie) is what was sent before.
//!
//! This floor knows nothing of keys, state, time or policy, except for ceilings on how many elements a list may have.

#![warn(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

pub(crate) mod alert;
pub(crate) mod certificate;
pub(crate) mod certificate_status;
pub(crate) mod codes;
pub(crate) mod extension;
pub(crate) mod extension_data;
pub(crate) mod finished;
pub(crate) mod fragment;
pub(crate) mod hello;
pub(crate) mod key_exchange;
pub(crate) mod path_check;
pub(crate) mod reader;
pub(crate) mod record;
#[cfg(any(test, feature = "internals"))]
pub(crate) mod round_trip;
pub(crate) mod ticket;
pub(crate) mod writer;

#[cfg(test)]
mod laws;
