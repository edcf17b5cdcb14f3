//! Cryptography for the protocol: implementations of the traits of [`crate::crypto`].

#[cfg(feature = "ccm")]
pub mod ccm;
#[cfg(feature = "ring")]
pub mod ring;
