//! AES-CCM and AES-CCM_8, which *ring* lacks: the cipher suites of constrained devices (RFC 7925), by RustCrypto.
//!
//! The suites stand here one by one. [The provider of *ring*](crate::provider::ring::provider) has them all behind its
//! own if both features are on; what else a handshake needs, groups and signatures, is not here, so that a provider of
//! another kind names the suites it wants.
//!
//! The suites with tags of 8 bytes, `CCM_8`, are used only where a configuration
//! [names](crate::ClientConfigBuilder::cipher_suites) them, and a key of theirs sees few
//! [forgeries](crate::TransportOptions::max_short_tag_forgeries). CoAP (RFC 7252 section 9.1.3) asks for two of them, so
//! an end that speaks it with whoever there is names these:
//!
//! ```
//! # #[cfg(feature = "ring")] {
//! # use sealgram::{ClientConfig, PresharedKey, provider::ring};
//! use sealgram::code::CipherSuite;
//!
//! # let builder = ClientConfig::builder_with_psk(ring::provider(), b"device 7", PresharedKey::new(&[7; 16]).unwrap());
//! let builder = builder
//!     .cipher_suites(&[CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8, CipherSuite::PSK_WITH_AES_128_CCM_8]);
//! # assert!(builder.build().is_ok());
//! # }
//! ```
//!
//! Keys are wiped when they are dropped. AES runs on the instructions of the processor where it has them, else in
//! software that takes the same time for every key.

use alloc::boxed::Box;
use core::marker::PhantomData;

use ::aes::{Aes128, Aes256};
use ::ccm::aead::array::Array;
use ::ccm::aead::array::typenum::Unsigned;
use ::ccm::consts::{U8, U12, U16};
use ::ccm::{AeadInOut, Ccm, KeyInit};

use crate::code::CipherSuite;
use crate::crypto::{
    AeadAlgorithm, AeadKey, AeadLimits, AuthenticationFailed, HashAlgorithm, KeyAlgorithm, KeyExchange, Nonce,
    NonceForm, Suite,
};
use crate::error::CryptoError;

/// TLS_ECDHE_ECDSA_WITH_AES_128_CCM (RFC 7251).
pub static ECDHE_ECDSA_WITH_AES_128_CCM: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
    hash: HashAlgorithm::Sha256,
    aead: &AES_128_CCM,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_CCM,
    by_name_only: false,
};

/// TLS_ECDHE_ECDSA_WITH_AES_256_CCM (RFC 7251). Its hash is SHA-256, as that of all suites with CCM (RFC 6655 section 5).
pub static ECDHE_ECDSA_WITH_AES_256_CCM: Suite =
    Suite { code: CipherSuite::ECDHE_ECDSA_WITH_AES_256_CCM, aead: &AES_256_CCM, ..ECDHE_ECDSA_WITH_AES_128_CCM };

/// TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (RFC 7251), used only where it is named.
pub static ECDHE_ECDSA_WITH_AES_128_CCM_8: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8,
    aead: &AES_128_CCM_8,
    limits: AeadLimits::AES_CCM_8,
    by_name_only: true,
    ..ECDHE_ECDSA_WITH_AES_128_CCM
};

/// TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8 (RFC 7251), used only where it is named.
pub static ECDHE_ECDSA_WITH_AES_256_CCM_8: Suite =
    Suite { code: CipherSuite::ECDHE_ECDSA_WITH_AES_256_CCM_8, aead: &AES_256_CCM_8, ..ECDHE_ECDSA_WITH_AES_128_CCM_8 };

/// TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256 (RFC 8442).
pub static ECDHE_PSK_WITH_AES_128_CCM_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_AES_128_CCM_SHA256,
    key_exchange: KeyExchange::EcdhePsk,
    ..ECDHE_ECDSA_WITH_AES_128_CCM
};

/// TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 (RFC 8442), used only where it is named.
pub static ECDHE_PSK_WITH_AES_128_CCM_8_SHA256: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_AES_128_CCM_8_SHA256,
    key_exchange: KeyExchange::EcdhePsk,
    ..ECDHE_ECDSA_WITH_AES_128_CCM_8
};

/// TLS_PSK_WITH_AES_128_CCM (RFC 6655), used only where it is named.
pub static PSK_WITH_AES_128_CCM: Suite = Suite {
    code: CipherSuite::PSK_WITH_AES_128_CCM,
    key_exchange: KeyExchange::Psk,
    by_name_only: true,
    ..ECDHE_ECDSA_WITH_AES_128_CCM
};

/// TLS_PSK_WITH_AES_256_CCM (RFC 6655), used only where it is named.
pub static PSK_WITH_AES_256_CCM: Suite =
    Suite { code: CipherSuite::PSK_WITH_AES_256_CCM, aead: &AES_256_CCM, ..PSK_WITH_AES_128_CCM };

/// TLS_PSK_WITH_AES_128_CCM_8 (RFC 6655), used only where it is named.
pub static PSK_WITH_AES_128_CCM_8: Suite = Suite {
    code: CipherSuite::PSK_WITH_AES_128_CCM_8,
    key_exchange: KeyExchange::Psk,
    ..ECDHE_ECDSA_WITH_AES_128_CCM_8
};

/// TLS_PSK_WITH_AES_256_CCM_8 (RFC 6655), used only where it is named.
pub static PSK_WITH_AES_256_CCM_8: Suite =
    Suite { code: CipherSuite::PSK_WITH_AES_256_CCM_8, aead: &AES_256_CCM_8, ..PSK_WITH_AES_128_CCM_8 };

static AES_128_CCM: CcmAlgorithm<Ccm<Aes128, U16, U12>> = CcmAlgorithm(PhantomData);
static AES_256_CCM: CcmAlgorithm<Ccm<Aes256, U16, U12>> = CcmAlgorithm(PhantomData);
static AES_128_CCM_8: CcmAlgorithm<Ccm<Aes128, U8, U12>> = CcmAlgorithm(PhantomData);
static AES_256_CCM_8: CcmAlgorithm<Ccm<Aes256, U8, U12>> = CcmAlgorithm(PhantomData);

/// CCM with nonces of 12 bytes (RFC 6655 section 3); its type says which AES and how long a tag.
#[derive(Debug)]
struct CcmAlgorithm<C>(PhantomData<fn() -> C>);

impl<C> AeadAlgorithm for CcmAlgorithm<C>
where
    C: AeadInOut<NonceSize = U12> + KeyInit + core::fmt::Debug + Send + Sync + 'static,
{
    fn key_len(&self) -> usize {
        C::key_size()
    }

    fn tag_len(&self) -> usize {
        C::TagSize::USIZE
    }

    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let key = C::new_from_slice(key).map_err(|_| CryptoError::KeySetup)?;
        Ok(Box::new(CcmKey(key)))
    }
}

struct CcmKey<C>(C);

impl<C: AeadInOut<NonceSize = U12> + Send + Sync> AeadKey for CcmKey<C> {
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        // Before anything is encrypted: ciphertext whose tag got lost must not exist.
        if tag.len() != C::TagSize::USIZE {
            return Err(CryptoError::KeySetup);
        }
        let sealed = self.0.encrypt_inout_detached(nonce.into(), aad, in_out.into());
        tag.copy_from_slice(&sealed.map_err(|_| CryptoError::KeySetup)?);
        Ok(())
    }

    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        let content_len = in_out.len().checked_sub(C::TagSize::USIZE).ok_or(AuthenticationFailed)?;
        let (content, tag) = in_out.split_at_mut_checked(content_len).ok_or(AuthenticationFailed)?;
        let tag: &Array<u8, C::TagSize> = (&*tag).try_into().map_err(|_| AuthenticationFailed)?;
        self.0.decrypt_inout_detached(nonce.into(), aad, content.into(), tag).map_err(|_| AuthenticationFailed)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;
    use alloc::vec::Vec;

    use zeroize::ZeroizeOnDrop;

    use super::*;

    static SUITES: [&Suite; 10] = [
        &ECDHE_ECDSA_WITH_AES_128_CCM,
        &ECDHE_ECDSA_WITH_AES_256_CCM,
        &ECDHE_ECDSA_WITH_AES_128_CCM_8,
        &ECDHE_ECDSA_WITH_AES_256_CCM_8,
        &ECDHE_PSK_WITH_AES_128_CCM_SHA256,
        &ECDHE_PSK_WITH_AES_128_CCM_8_SHA256,
        &PSK_WITH_AES_128_CCM,
        &PSK_WITH_AES_256_CCM,
        &PSK_WITH_AES_128_CCM_8,
        &PSK_WITH_AES_256_CCM_8,
    ];

    const AAD: &[u8] = &[0, 1, 0, 0, 0, 0, 0, 5, 23, 0xfe, 0xfd, 0, 10];

    /// AEA-06, AEA-16, REC-14: what is a fact of the name, and that a short tag is to be asked for by name and faces few
    /// forgeries. A suite under the wrong code, key kind, hash or key length would agree with itself and nobody else.
    #[test]
    fn suites_are_what_their_names_say() {
        for suite in SUITES {
            let name = suite.code.name().unwrap();
            let (exchange, cipher) = name.split_once("_WITH_").unwrap();
            let expected = match exchange {
                "ECDHE_ECDSA" => KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
                "ECDHE_PSK" => KeyExchange::EcdhePsk,
                "PSK" => KeyExchange::Psk,
                exchange => panic!("{exchange}"),
            };
            assert_eq!((suite.key_exchange, suite.hash), (expected, HashAlgorithm::Sha256), "{name}");
            let key_len = if cipher.starts_with("AES_256") { 32 } else { 16 };
            let is_short = cipher.contains("CCM_8");
            let (tag_len, limits) = if is_short { (8, AeadLimits::AES_CCM_8) } else { (16, AeadLimits::AES_CCM) };
            assert_eq!(
                (suite.aead.key_len(), suite.aead.tag_len(), suite.limits),
                (key_len, tag_len, limits),
                "{name}"
            );
            assert_eq!((suite.nonce.iv_len(), suite.expansion()), (4, 8 + tag_len), "{name}");
            assert_eq!(suite.by_name_only, is_short || exchange == "PSK", "{name}");
        }
        let codes = SUITES.map(|suite| suite.code.0);
        let registered = [0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xd005, 0xd003, 0xc0a4, 0xc0a5, 0xc0a8, 0xc0a9];
        assert_eq!(codes, registered);
    }

    /// A key of zeros and more, for each algorithm once.
    fn each_key(mut check: impl FnMut(&dyn AeadKey, usize)) {
        for suite in &SUITES[..4] {
            let key: Vec<u8> = (0u8..).take(suite.aead.key_len()).collect();
            check(&*suite.aead.key(&key).unwrap(), suite.aead.tag_len());
        }
    }

    fn seal(key: &dyn AeadKey, nonce: &Nonce, plaintext: &[u8], tag_len: usize) -> Vec<u8> {
        let (mut sealed, mut tag) = (plaintext.to_vec(), vec![0; tag_len]);
        key.seal(nonce, AAD, &mut sealed, &mut tag).unwrap();
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// RFC 3610 section 2.3: the block counter stands behind the nonce; one that ends in ones must not run over into it,
    /// nor anything wrap.
    #[test]
    fn what_is_sealed_opens_to_the_same_bytes() {
        each_key(|key, tag_len| {
            for nonce in [[0; 12], [0xff; 12]] {
                for len in (0..70).chain([1200, 4096, 16384]) {
                    let plaintext: Vec<u8> = (0u8..=250).cycle().take(len).collect();
                    let mut sealed = seal(key, &nonce, &plaintext, tag_len);
                    assert!(len < 8 || sealed[..len] != plaintext);
                    assert_eq!(key.open(&nonce, AAD, &mut sealed), Ok(()));
                    assert_eq!(sealed[..len], plaintext);
                }
            }
        });
    }

    /// Every bit of ciphertext, tag, additional data and nonce counts, and so does every byte more or less.
    #[test]
    fn tampering_with_any_bit_fails() {
        each_key(|key, tag_len| {
            let nonce: Nonce = [9; 12];
            let sealed = seal(key, &nonce, &[3; 37], tag_len);
            let flip = |bytes: &[u8], bit: usize| {
                let mut bytes = bytes.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            };
            let opens = |nonce: &Nonce, aad: &[u8], sealed: &[u8]| key.open(nonce, aad, &mut sealed.to_vec()).is_ok();
            assert!((0..8 * sealed.len()).all(|bit| !opens(&nonce, AAD, &flip(&sealed, bit))));
            assert!((0..8 * AAD.len()).all(|bit| !opens(&nonce, &flip(AAD, bit), &sealed)));
            assert!((0..96).all(|bit| !opens(&flip(&nonce, bit).try_into().unwrap(), AAD, &sealed)));
            assert!((0..sealed.len()).all(|len| !opens(&nonce, AAD, &sealed[..len])));
            assert!(!opens(&nonce, AAD, &[&sealed[..], &[0]].concat()));
            assert!(opens(&nonce, AAD, &sealed), "the untouched record opens");
        });
    }

    #[test]
    fn a_wrong_key_length_is_refused() {
        for suite in SUITES {
            for len in (0..65).filter(|len| *len != suite.aead.key_len()) {
                assert!(matches!(suite.aead.key(&vec![0; len]), Err(CryptoError::KeySetup)));
            }
        }
    }

    /// The plaintext must not be overwritten when there is nowhere to put the tag.
    #[test]
    fn a_wrong_tag_length_is_refused_before_encryption() {
        each_key(|key, tag_len| {
            for len in (0..20).filter(|len| *len != tag_len) {
                let mut in_out = *b"plaintext";
                assert_eq!(key.seal(&[0; 12], AAD, &mut in_out, &mut vec![0; len]), Err(CryptoError::KeySetup));
                assert_eq!(&in_out, b"plaintext");
            }
        });
    }

    /// SIO-06: a key of CCM is that of its AES and nothing else, and this is wiped when it is dropped.
    #[test]
    fn keys_are_wiped_and_not_printed() {
        const fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<Aes128>();
        is_wiped::<Aes256>();
        assert_eq!(size_of::<CcmKey<Ccm<Aes256, U8, U12>>>(), size_of::<Aes256>());
        assert!(!format!("{:?}", ECDHE_ECDSA_WITH_AES_256_CCM_8.aead).contains('['));
    }
}
