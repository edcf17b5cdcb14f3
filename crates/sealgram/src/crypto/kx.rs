//! Ephemeral key exchange.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::code::NamedGroup;
use crate::error::CryptoError;

/// A group that makes ephemeral keys.
pub trait KeyExchangeGroup: fmt::Debug + Send + Sync {
    /// Its code point.
    fn code(&self) -> NamedGroup;

    /// Makes an ephemeral key. A provider with a random source of its own (ring) may leave `rng` alone.
    ///
    /// # Errors
    ///
    /// [`CryptoError::KeyGeneration`] if the random source fails.
    fn generate(&self, rng: &mut dyn CryptoRng) -> Result<Box<dyn EphemeralKey>, CryptoError>;
}

/// A private key for one agreement.
pub trait EphemeralKey: Send {
    /// The public key as the handshake carries it: uncompressed points for the NIST curves (RFC 8422 section 5.4.1).
    fn public_key(&self) -> &[u8];

    /// Agrees with the peer's public key and forgets the private one.
    ///
    /// # Errors
    ///
    /// [`AgreementError`] if the public key has the wrong length or form, is not a point of the group, or gives the
    /// all-zero secret (RFC 8422 section 5.11).
    fn agree(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, AgreementError>;
}

/// The x coordinate, at the full length of the field (RFC 8422 section 5.10).
pub type SharedSecret = Zeroizing<Vec<u8>>;

/// The peer's public key is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an attacker is told no more")]
pub struct AgreementError;
