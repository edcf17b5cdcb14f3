//! Private keys that sign.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use ::ring::rsa;
use ::ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding};
use pki_types::{AlgorithmIdentifier, SubjectPublicKeyInfoDer, alg_id};
use rand_core::CryptoRng;

use crate::code::{NamedGroup, SignatureScheme};
use crate::crypto::der::subject_public_key_info;
use crate::crypto::{KeyAlgorithm, SigningKey};
use crate::error::CryptoError;
use crate::provider::ring::system_random;

/// An ECDSA key. *ring* signs with one hash for each curve, so a P-256 key has ECDSA_SHA256 and a P-384 key
/// ECDSA_SHA384, and neither has both.
pub(super) struct EcdsaSigningKey {
    key: EcdsaKeyPair,
    scheme: SignatureScheme,
    curve: NamedGroup,
    algorithm: AlgorithmIdentifier,
}

impl EcdsaSigningKey {
    pub(super) const fn p256(key: EcdsaKeyPair) -> Self {
        Self { key, scheme: SignatureScheme::ECDSA_SHA256, curve: NamedGroup::SECP256R1, algorithm: alg_id::ECDSA_P256 }
    }

    pub(super) const fn p384(key: EcdsaKeyPair) -> Self {
        Self { key, scheme: SignatureScheme::ECDSA_SHA384, curve: NamedGroup::SECP384R1, algorithm: alg_id::ECDSA_P384 }
    }
}

impl SigningKey for EcdsaSigningKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Ecdsa
    }

    fn schemes(&self) -> &[SignatureScheme] {
        core::slice::from_ref(&self.scheme)
    }

    fn curve(&self) -> Option<NamedGroup> {
        Some(self.curve)
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        if scheme != self.scheme {
            return Err(CryptoError::Signing);
        }
        let signature = self.key.sign(&system_random(), message).map_err(|_| CryptoError::Signing)?;
        Ok(signature.as_ref().to_vec())
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        Some(subject_public_key_info(self.algorithm, self.key.public_key().as_ref()))
    }
}

impl fmt::Debug for EcdsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcdsaSigningKey").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// An Ed25519 key.
pub(super) struct Ed25519SigningKey(pub(super) Ed25519KeyPair);

impl SigningKey for Ed25519SigningKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Ecdsa
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ED25519]
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        if scheme != SignatureScheme::ED25519 {
            return Err(CryptoError::Signing);
        }
        Ok(self.0.sign(message).as_ref().to_vec())
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        Some(subject_public_key_info(alg_id::ED25519, self.0.public_key().as_ref()))
    }
}

impl fmt::Debug for Ed25519SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519SigningKey").finish_non_exhaustive()
    }
}

/// An RSA key.
pub(super) struct RsaSigningKey(pub(super) rsa::KeyPair);

/// The schemes of an RSA key, best first.
const RSA_SCHEMES: [SignatureScheme; 6] = [
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// What *ring* calls the scheme.
const fn rsa_encoding(scheme: SignatureScheme) -> Option<&'static dyn RsaEncoding> {
    Some(match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
        _ => return None,
    })
}

impl SigningKey for RsaSigningKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Rsa
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &RSA_SCHEMES
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        let encoding = rsa_encoding(scheme).ok_or(CryptoError::Signing)?;
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(encoding, &system_random(), message, &mut signature).map_err(|_| CryptoError::Signing)?;
        Ok(signature)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        Some(subject_public_key_info(alg_id::RSA_ENCRYPTION, self.0.public().as_ref()))
    }
}

impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaSigningKey").finish_non_exhaustive()
    }
}
