//! Cryptography for the protocol: implementations of the traits of [`crate::crypto`].

#[cfg(feature = "ring")]
pub mod ring;
