//! A toy AEAD for the tests of this module: it hides and binds everything that a real one does, and no secret.
#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::code::CipherSuite;
use crate::crypto::{
    AeadAlgorithm, AeadKey, AeadLimits, AuthenticationFailed, HashAlgorithm, KeyAlgorithm, KeyExchange, Nonce,
    NonceForm, Suite,
};
use crate::error::CryptoError;
use crate::record::epoch::Protection;

/// 8 bytes of explicit nonce and 16 of tag: AES-GCM and AES-CCM.
pub(crate) static GCM_LIKE: Suite = suite(NonceForm::Explicit, &FakeAead { tag_len: 16 });
/// 8 bytes of explicit nonce and 8 of tag: AES-CCM_8.
pub(crate) static CCM_8_LIKE: Suite = suite(NonceForm::Explicit, &FakeAead { tag_len: 8 });
/// No explicit nonce and 16 bytes of tag: ChaCha20-Poly1305.
pub(crate) static CHACHA_LIKE: Suite = suite(NonceForm::Implicit, &FakeAead { tag_len: 16 });

/// Every shape of protection there is.
pub(crate) static SUITES: [&Suite; 3] = [&GCM_LIKE, &CCM_8_LIKE, &CHACHA_LIKE];

/// Keys made from one seed byte: equal seeds make equal keys.
pub(crate) fn protection(suite: &Suite, seed: u8) -> Protection {
    let iv: Vec<u8> = (0u8..).map(|n| n ^ seed).take(suite.nonce.iv_len()).collect();
    Protection::new(suite, &[seed; 16], &iv).unwrap()
}

/// The same suite with limits that a test can reach.
pub(crate) fn limited(suite: &Suite, blocks_protected: u64, failed_openings: u64) -> Suite {
    let limits = AeadLimits { blocks_protected, failed_openings };
    Suite { limits, ..self::suite(suite.nonce, suite.aead) }
}

pub(crate) const fn suite(nonce: NonceForm, aead: &'static dyn AeadAlgorithm) -> Suite {
    Suite {
        code: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
        by_name_only: false,
        hash: HashAlgorithm::Sha256,
        aead,
        nonce,
        limits: AeadLimits::AES_GCM,
    }
}

#[derive(Debug)]
pub(crate) struct FakeAead {
    pub(crate) tag_len: usize,
}

struct FakeKey {
    key: Vec<u8>,
    tag_len: usize,
}

impl AeadAlgorithm for FakeAead {
    fn key_len(&self) -> usize {
        16
    }

    fn tag_len(&self) -> usize {
        self.tag_len
    }

    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        if key.len() != self.key_len() {
            return Err(CryptoError::KeySetup);
        }
        Ok(Box::new(FakeKey { key: key.to_vec(), tag_len: self.tag_len }))
    }
}

impl AeadKey for FakeKey {
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        self.apply_keystream(nonce, in_out);
        tag.copy_from_slice(&self.tag(nonce, aad, in_out)[..self.tag_len]);
        Ok(())
    }

    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        let (ciphertext, tag) = in_out.split_at_mut(in_out.len() - self.tag_len);
        let is_authentic = *tag == self.tag(nonce, aad, ciphertext)[..self.tag_len];
        // Decrypts before it tells, as some implementations do: the record layer must not let that out.
        self.apply_keystream(nonce, ciphertext);
        if is_authentic { Ok(()) } else { Err(AuthenticationFailed) }
    }
}

impl FakeKey {
    fn apply_keystream(&self, nonce: &Nonce, in_out: &mut [u8]) {
        let mut keystream = Rng(self.checksum(&[nonce]));
        in_out.iter_mut().for_each(|byte| *byte ^= keystream.byte());
    }

    fn tag(&self, nonce: &Nonce, aad: &[u8], ciphertext: &[u8]) -> [u8; 16] {
        let mut rng = Rng(self.checksum(&[nonce, aad, ciphertext]));
        core::array::from_fn(|_| rng.byte())
    }

    /// FNV-1a over the key and the parts, each with its length.
    fn checksum(&self, parts: &[&[u8]]) -> u64 {
        let lengths = parts.iter().flat_map(|part| part.len().to_be_bytes());
        let bytes = parts.iter().flat_map(|part| part.iter().copied());
        self.key
            .iter()
            .copied()
            .chain(lengths)
            .chain(bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

/// The source of every random choice in these tests, so that a seed repeats a failure.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        crate::test_rng::splitmix(&mut self.0)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// An index into something of length `len`, which is not zero.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}
