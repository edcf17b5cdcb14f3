//! Cryptography by [*ring*](https://docs.rs/ring).
//!
//! [`provider`] has everything; its entries are public, so that a provider with fewer of them, or in another order, is
//! a struct with the fields that differ:
//!
//! ```
//! use sealgram::crypto::CryptoProvider;
//! use sealgram::provider::ring;
//!
//! static ONLY_P256: CryptoProvider = CryptoProvider {
//!     suites: &[&ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
//!     groups: &[ring::SECP256R1],
//!     ..*ring::provider()
//! };
//! # assert_eq!(ONLY_P256.groups.len(), 1);
//! # assert_eq!(ONLY_P256.signatures.len(), ring::provider().signatures.len());
//! ```
//!
//! [`provider`] also has the suites of `provider::ccm` if the feature `ccm` is on: what *ring* lacks, with its groups and
//! signatures.
//!
//! *ring* accepts no random source but its own, so ephemeral keys and signatures draw from the operating system here,
//! and the `rng` arguments of the traits are left alone. Keys inside *ring* are not zeroized when dropped.
//!
//! Private keys may be P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits. Two limits are *ring*'s: PKCS#8 version 2 is
//! for Ed25519 alone, and an EC key must carry its public half, which keys written by Java lack: they are refused as
//! [malformed](crate::crypto::LoadKeyError::Malformed), and `openssl ec -in key.pem -out complete.pem` adds it.

mod aead;
mod der;
mod kx;
mod load;
mod sign;
mod verify;

use ::ring::rand::SystemRandom;

use crate::code::CipherSuite;
use crate::crypto::{AeadLimits, CryptoProvider, HashAlgorithm, KeyAlgorithm, KeyExchange, NonceForm, Suite};
#[cfg(feature = "ccm")]
use crate::provider::ccm;

pub use kx::{SECP256R1, SECP384R1, X25519};

/// Everything *ring* has for DTLS 1.2, best first, and behind it the suites of `provider::ccm` if that feature is on.
#[must_use]
pub const fn provider() -> &'static CryptoProvider {
    &PROVIDER
}

static PROVIDER: CryptoProvider = CryptoProvider {
    // AES-128 before AES-256: it is faster, and its margin is not what an attacker meets first. ChaCha20-Poly1305 in
    // between: it needs no explicit nonce, faces forgeries longer, and is the faster one where AES has no instructions.
    suites: &[
        &ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        &ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        &ECDHE_PSK_WITH_AES_128_GCM_SHA256,
        &ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
        &ECDHE_PSK_WITH_AES_256_GCM_SHA384,
        &PSK_WITH_AES_128_GCM_SHA256,
        &PSK_WITH_CHACHA20_POLY1305_SHA256,
        &PSK_WITH_AES_256_GCM_SHA384,
        // Behind all that is *ring*'s: CCM is for peers that have nothing else. Long tags, then plain PSK, then short tags.
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_ECDSA_WITH_AES_128_CCM,
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_ECDSA_WITH_AES_256_CCM,
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_PSK_WITH_AES_128_CCM_SHA256,
        #[cfg(feature = "ccm")]
        &ccm::PSK_WITH_AES_128_CCM,
        #[cfg(feature = "ccm")]
        &ccm::PSK_WITH_AES_256_CCM,
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_ECDSA_WITH_AES_128_CCM_8,
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_ECDSA_WITH_AES_256_CCM_8,
        #[cfg(feature = "ccm")]
        &ccm::ECDHE_PSK_WITH_AES_128_CCM_8_SHA256,
        #[cfg(feature = "ccm")]
        &ccm::PSK_WITH_AES_128_CCM_8,
        #[cfg(feature = "ccm")]
        &ccm::PSK_WITH_AES_256_CCM_8,
    ],
    groups: &[X25519, SECP256R1, SECP384R1],
    signatures: verify::SIGNATURES,
    key_loader: &load::RingKeyLoader,
};

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 (RFC 5289).
pub static ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
    hash: HashAlgorithm::Sha256,
    aead: &aead::AES_128_GCM,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
    by_name_only: false,
};

/// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (RFC 5289).
pub static ECDHE_RSA_WITH_AES_128_GCM_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Rsa),
    ..ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
};

/// TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 (RFC 5289).
pub static ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
    hash: HashAlgorithm::Sha384,
    aead: &aead::AES_256_GCM,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
    by_name_only: false,
};

/// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (RFC 5289).
pub static ECDHE_RSA_WITH_AES_256_GCM_SHA384: Suite = Suite {
    code: CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Rsa),
    ..ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
};

/// TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905).
pub static ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
    hash: HashAlgorithm::Sha256,
    aead: &aead::CHACHA20_POLY1305,
    nonce: NonceForm::Implicit,
    limits: AeadLimits::CHACHA20_POLY1305,
    by_name_only: false,
};

/// TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905).
pub static ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Rsa),
    ..ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
};

/// TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 (RFC 8442).
pub static ECDHE_PSK_WITH_AES_128_GCM_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::EcdhePsk,
    ..ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
};

/// TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905).
pub static ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    key_exchange: KeyExchange::EcdhePsk,
    ..ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
};

/// TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384 (RFC 8442).
pub static ECDHE_PSK_WITH_AES_256_GCM_SHA384: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384,
    key_exchange: KeyExchange::EcdhePsk,
    ..ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
};

/// TLS_PSK_WITH_AES_128_GCM_SHA256 (RFC 5487), used only where it is named.
pub static PSK_WITH_AES_128_GCM_SHA256: Suite = Suite {
    code: CipherSuite::PSK_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::Psk,
    by_name_only: true,
    ..ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
};

/// TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905), used only where it is named.
pub static PSK_WITH_CHACHA20_POLY1305_SHA256: Suite = Suite {
    code: CipherSuite::PSK_WITH_CHACHA20_POLY1305_SHA256,
    key_exchange: KeyExchange::Psk,
    by_name_only: true,
    ..ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
};

/// TLS_PSK_WITH_AES_256_GCM_SHA384 (RFC 5487), used only where it is named.
pub static PSK_WITH_AES_256_GCM_SHA384: Suite = Suite {
    code: CipherSuite::PSK_WITH_AES_256_GCM_SHA384,
    key_exchange: KeyExchange::Psk,
    by_name_only: true,
    ..ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
};

/// The operating system's random source: the only one in this crate.
fn system_random() -> SystemRandom {
    SystemRandom::new()
}

/// The random source of a caller, which this provider must leave alone.
#[cfg(test)]
struct Untouched;

#[cfg(test)]
impl rand_core::TryRng for Untouched {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, core::convert::Infallible> {
        panic!("the caller's random source was used")
    }

    fn try_next_u64(&mut self) -> Result<u64, core::convert::Infallible> {
        panic!("the caller's random source was used")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), core::convert::Infallible> {
        panic!("the caller's random source was used")
    }
}

#[cfg(test)]
impl rand_core::TryCryptoRng for Untouched {}

#[cfg(test)]
mod tests {
    #[cfg(feature = "ccm")]
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;
    use crate::code::SignatureScheme;

    /// The suites of *ring* alone. Those of `provider::ccm` have tests of their own.
    fn of_ring() -> impl Iterator<Item = &'static Suite> {
        provider().suites.iter().copied().filter(|suite| !suite.code.name().unwrap().contains("_CCM"))
    }

    /// Each suite that there is stands in the list once: those with long tags first, then those that are used by name
    /// only, and CCM behind what *ring* has.
    #[cfg(feature = "ccm")]
    #[test]
    fn suites_with_ccm_come_last() {
        let names: Vec<_> = provider().suites.iter().filter_map(|suite| suite.code.name()).collect();
        let from_ccm = names.iter().position(|name| name.contains("_CCM")).unwrap();
        assert!(names[from_ccm..].iter().all(|name| name.contains("_CCM")), "{names:?}");
        assert_eq!((from_ccm, names.len()), (12, 22));
        let in_use: Vec<_> = provider().suites[from_ccm..].iter().filter(|suite| !suite.by_name_only).collect();
        assert_eq!(
            format!("{in_use:?}"),
            "[ECDHE_ECDSA_WITH_AES_128_CCM, ECDHE_ECDSA_WITH_AES_256_CCM, \
            ECDHE_PSK_WITH_AES_128_CCM_SHA256]"
        );
    }

    /// A suite under the wrong code, key kind, hash or key length would agree with itself and with nobody else.
    #[test]
    fn suites_are_what_their_names_say() {
        let facts =
            |suite: &Suite| (suite.code.0, suite.key_exchange, suite.hash, suite.aead.key_len(), suite.by_name_only);
        assert_eq!(
            of_ring().map(facts).collect::<Vec<_>>(),
            [
                (0xc02b, KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa), HashAlgorithm::Sha256, 16, false),
                (0xc02f, KeyExchange::Ecdhe(KeyAlgorithm::Rsa), HashAlgorithm::Sha256, 16, false),
                (0xcca9, KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa), HashAlgorithm::Sha256, 32, false),
                (0xcca8, KeyExchange::Ecdhe(KeyAlgorithm::Rsa), HashAlgorithm::Sha256, 32, false),
                (0xc02c, KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa), HashAlgorithm::Sha384, 32, false),
                (0xc030, KeyExchange::Ecdhe(KeyAlgorithm::Rsa), HashAlgorithm::Sha384, 32, false),
                (0xd001, KeyExchange::EcdhePsk, HashAlgorithm::Sha256, 16, false),
                (0xccac, KeyExchange::EcdhePsk, HashAlgorithm::Sha256, 32, false),
                (0xd002, KeyExchange::EcdhePsk, HashAlgorithm::Sha384, 32, false),
                (0x00a8, KeyExchange::Psk, HashAlgorithm::Sha256, 16, true),
                (0xccab, KeyExchange::Psk, HashAlgorithm::Sha256, 32, true),
                (0x00a9, KeyExchange::Psk, HashAlgorithm::Sha384, 32, true),
            ]
        );
        // RFC 5288 section 3: 8 bytes of nonce and 16 of tag. RFC 7905 section 2: all of the nonce is implied.
        for suite in of_ring() {
            let expected = if suite.code.0 >> 8 == 0xcc { (16, 12) } else { (24, 4) };
            assert_eq!((suite.expansion(), suite.nonce.iv_len()), expected, "{suite:?}");
        }
    }

    /// RFC 9155: no scheme with SHA-1 or MD5 is among them, and each is one that a suite can use.
    #[test]
    fn signature_schemes_stand_in_order_of_preference() {
        let schemes: Vec<_> = provider().signatures.iter().map(|(scheme, _)| *scheme).collect();
        assert_eq!(
            schemes,
            [
                SignatureScheme::ECDSA_SHA256,
                SignatureScheme::ECDSA_SHA384,
                SignatureScheme::ED25519,
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA512,
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PKCS1_SHA384,
                SignatureScheme::RSA_PKCS1_SHA512,
            ]
        );
        assert!(schemes.iter().all(|scheme| KeyAlgorithm::of(*scheme).is_some()));
    }
}
