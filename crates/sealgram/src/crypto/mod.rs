//! What the protocol needs from cryptography: traits and tables, no algorithm.
//!
//! A [`CryptoProvider`] is a plain struct of `&'static` tables that stands in a configuration; nothing is
//! process-global. Hashing and HMAC are the same for every provider and live here, over `sha2` and `hmac`.

mod aead;
pub(crate) mod der;
mod exporter;
mod hash;
mod kx;
mod prf12;
mod sealing;
mod seed;
mod sign;
mod suite;
mod transcript;

pub use aead::{AeadAlgorithm, AeadKey, AuthenticationFailed, NONCE_LEN, Nonce};
pub use exporter::ExportError;
pub(crate) use exporter::Exporter;
pub use hash::HashAlgorithm;
pub(crate) use hash::{Digest, Hmac};
pub use kx::{AgreementError, EphemeralKey, KeyExchangeGroup, SharedSecret};
#[cfg(test)]
pub(crate) use prf12::prf;
pub(crate) use prf12::{KeyBlock, MasterSecret, Randoms, VERIFY_DATA_LEN};
pub(crate) use sealing::SealingKey;
pub(crate) use seed::Seed;
pub use sign::{KeyAlgorithm, KeyLoader, LoadKeyError, SignatureAlgorithms, SigningKey};
pub use suite::{AeadLimits, KeyExchange, NonceForm, Suite};
pub(crate) use transcript::Transcript;

use crate::code::{CipherSuite, NamedGroup};

/// The algorithms that a configuration may use, in order of preference.
///
/// To leave something out or put something else first, make another provider that shares the entries.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "users build their own by naming every field")]
pub struct CryptoProvider {
    /// Cipher suites, best first.
    pub suites: &'static [&'static Suite],
    /// Key exchange groups, best first.
    pub groups: &'static [&'static dyn KeyExchangeGroup],
    /// Signature schemes that can be verified, best first, each with the algorithms that implement it.
    pub signatures: SignatureAlgorithms,
    /// Turns private keys into signers.
    pub key_loader: &'static dyn KeyLoader,
}

impl CryptoProvider {
    /// The suite with this code, if the provider has it.
    #[must_use]
    pub fn suite(&self, code: CipherSuite) -> Option<&'static Suite> {
        self.suites.iter().copied().find(|suite| suite.code == code)
    }

    /// The group with this code, if the provider has it.
    #[must_use]
    pub fn group(&self, code: NamedGroup) -> Option<&'static dyn KeyExchangeGroup> {
        self.groups.iter().copied().find(|group| group.code() == code)
    }
}
