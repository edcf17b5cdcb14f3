//! Published vectors for what only the inside of the library shows. `crates/sealgram/tests/vectors` has the others.
//!
//! | file | holds |
//! |---|---|
//! | `key_schedule` | PRF, master secret, key block, verify_data, exporter, records |
//! | `mac` | HMAC, and HKDF over it |

mod key_schedule;
mod mac;
