//! Signing with private keys and verifying with public ones.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::{PrivateKeyDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rand_core::CryptoRng;

use crate::code::{ClientCertificateType, NamedGroup, SignatureScheme};
use crate::decision::Reply;
use crate::error::CryptoError;

/// Signature schemes in order of preference, each with the algorithms that verify it: one for each kind of key, as an
/// ECDSA scheme of DTLS 1.2 does not fix the curve (RFC 8446 section 4.2.3).
pub type SignatureAlgorithms = &'static [(SignatureScheme, &'static [&'static dyn SignatureVerificationAlgorithm])];

/// The kind of a key, as the cipher suites distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// For the ECDHE_ECDSA suites: ECDSA and Ed25519 keys (RFC 8422 section 5.10).
    Ecdsa,
    /// For the ECDHE_RSA suites.
    Rsa,
}

impl KeyAlgorithm {
    /// The kind of key that signs with `scheme`; `None` for schemes that this library never uses.
    #[must_use]
    pub const fn of(scheme: SignatureScheme) -> Option<Self> {
        match scheme {
            SignatureScheme::ECDSA_SHA256 | SignatureScheme::ECDSA_SHA384 | SignatureScheme::ED25519 => {
                Some(Self::Ecdsa)
            }
            SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA512 => Some(Self::Rsa),
            _ => None,
        }
    }
}

impl KeyAlgorithm {
    /// How a CertificateRequest calls this kind (RFC 8422 section 5.5).
    #[must_use]
    pub const fn client_certificate_type(self) -> ClientCertificateType {
        match self {
            Self::Ecdsa => ClientCertificateType::ECDSA_SIGN,
            Self::Rsa => ClientCertificateType::RSA_SIGN,
        }
    }
}

/// A private key. It may live elsewhere: an implementation over a token or an HSM signs there, and lets the handshake
/// wait meanwhile ([`Self::sign_now_or_later`]).
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// Its kind.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The schemes it can sign with, best first.
    fn schemes(&self) -> &[SignatureScheme];

    /// The curve of an ECDSA key, which the peer must know (RFC 8422 section 5.1); `None` for other keys.
    fn curve(&self) -> Option<NamedGroup> {
        None
    }

    /// Signs `message` (not its hash) under `scheme`.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Signing`] if the key cannot.
    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError>;

    /// What the handshake calls: signs now, or lets the handshake wait. [`Reply::Later`] becomes a
    /// [`Decision::Signature`](crate::Decision::Signature), which the application answers, perhaps by [`Self::sign`] of
    /// this very key, on a thread of its own. By default that is called here, now.
    fn sign_now_or_later(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Reply<Result<Vec<u8>, CryptoError>> {
        Reply::Now(self.sign(scheme, message, rng))
    }

    /// Its public half, if it is known here: a configuration then checks that key and certificate belong together.
    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>>;
}

/// Turns the bytes of a private key into a signer.
pub trait KeyLoader: fmt::Debug + Send + Sync {
    /// Loads a key from PKCS#8 (version 1 or 2), PKCS#1 or SEC1.
    ///
    /// # Errors
    ///
    /// [`LoadKeyError`] says what is wrong with it.
    fn load(&self, key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, LoadKeyError>;
}

/// Why a private key could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadKeyError {
    /// It does not parse, lacks a part that the provider needs, or its parts contradict each other.
    Malformed,
    /// Its algorithm, curve or size is not supported.
    Unsupported,
}

impl fmt::Display for LoadKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the private key does not parse, its parts contradict each other, or it is an EC key without its public half"
            }
            Self::Unsupported => "the private key's algorithm, curve or size is not supported",
        })
    }
}

impl core::error::Error for LoadKeyError {}
