//! Authenticated encryption, as the record layer needs it.

use alloc::boxed::Box;
use core::fmt;

use crate::error::CryptoError;

/// The length of every AEAD nonce in TLS 1.2, in bytes.
pub const NONCE_LEN: usize = 12;

/// A nonce. The record layer builds it from the epoch and sequence number of the record, so that none is used twice.
pub type Nonce = [u8; NONCE_LEN];

/// An AEAD algorithm that makes keys.
pub trait AeadAlgorithm: fmt::Debug + Send + Sync {
    /// The length of a key in bytes.
    fn key_len(&self) -> usize;

    /// The length of a tag in bytes: 16, or 8 for the CCM_8 suites.
    fn tag_len(&self) -> usize;

    /// Makes a key from exactly [`key_len`](Self::key_len) bytes.
    ///
    /// # Errors
    ///
    /// [`CryptoError::KeySetup`] if the length is wrong or the implementation refuses the key.
    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>;
}

/// A key for one direction of one epoch. Implementations neither print nor leak it, and allocate nothing per call.
pub trait AeadKey: Send + Sync {
    /// Encrypts `in_out` in place and writes the tag to `tag`, which has the algorithm's tag length.
    ///
    /// # Errors
    ///
    /// [`CryptoError::KeySetup`] if the implementation refuses the lengths; `in_out` is then unspecified.
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError>;

    /// Decrypts `in_out`, which is ciphertext followed by the tag, in place: the plaintext then stands at its start.
    ///
    /// # Errors
    ///
    /// [`AuthenticationFailed`] if the tag does not verify; `in_out` is then unspecified and must not be used.
    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed>;
}

/// The tag did not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing else to say about it")]
pub struct AuthenticationFailed;
