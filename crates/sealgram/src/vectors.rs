//! Published vectors for what only the inside of the library shows. `crates/sealgram/tests/vectors` has the others.
//!
//! | file | holds |
//! |---|---|
//! | `handshakes` | whole handshakes with other implementations, replayed from the premaster secret on |
//! | `key_schedule` | PRF, master secret, key block, verify_data, exporter, records |
//! | `mac` | HMAC, and HKDF over it |

#[cfg(feature = "ring")]
mod handshakes;
mod key_schedule;
mod mac;
