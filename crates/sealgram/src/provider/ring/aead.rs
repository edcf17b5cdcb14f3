//! AEAD: records are sealed and opened in place, without allocation.

use alloc::boxed::Box;

use ::ring::aead::{self, Aad, Algorithm, LessSafeKey, UnboundKey};

use crate::crypto::{AeadAlgorithm, AeadKey, AuthenticationFailed, Nonce};
use crate::error::CryptoError;

pub(super) static AES_128_GCM: RingAead = RingAead(&aead::AES_128_GCM);
pub(super) static AES_256_GCM: RingAead = RingAead(&aead::AES_256_GCM);
pub(super) static CHACHA20_POLY1305: RingAead = RingAead(&aead::CHACHA20_POLY1305);

/// An AEAD of *ring*.
#[derive(Debug)]
pub(super) struct RingAead(&'static Algorithm);

impl AeadAlgorithm for RingAead {
    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len()
    }

    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let key = UnboundKey::new(self.0, key).map_err(|_| CryptoError::KeySetup)?;
        Ok(Box::new(RingAeadKey(LessSafeKey::new(key))))
    }
}

/// "Less safe" because the caller chooses the nonce. The record layer does, from the sequence number that it takes.
struct RingAeadKey(LessSafeKey);

impl AeadKey for RingAeadKey {
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        // Before anything is encrypted: ciphertext whose tag got lost must not exist.
        if tag.len() != self.0.algorithm().tag_len() {
            return Err(CryptoError::KeySetup);
        }
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let sealed =
            self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), in_out).map_err(|_| CryptoError::KeySetup)?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0.open_in_place(nonce, Aad::from(aad), in_out).map_err(|_| AuthenticationFailed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::test_rng::splitmix;

    const NONCE: Nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const AAD: &[u8] = &[0, 1, 0, 0, 0, 0, 0, 5, 23, 0xfe, 0xfd, 0, 10];

    /// The same bytes in every run.
    struct Seeded(u64);

    impl Seeded {
        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| splitmix(&mut self.0).to_be_bytes()[0]).collect()
        }
    }

    /// Ciphertext followed by its tag.
    fn seal(key: &dyn AeadKey, plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = plaintext.to_vec();
        let mut tag = [0; 16];
        key.seal(&NONCE, AAD, &mut sealed, &mut tag).unwrap();
        sealed.extend_from_slice(&tag);
        sealed
    }

    fn each_key(mut check: impl FnMut(&dyn AeadKey, &mut Seeded)) {
        let mut seeded = Seeded(0x5ea1);
        for algorithm in [&AES_128_GCM, &CHACHA20_POLY1305, &AES_256_GCM] {
            let key = seeded.bytes(algorithm.key_len());
            check(&*algorithm.key(&key).unwrap(), &mut seeded);
        }
    }

    #[test]
    fn what_is_sealed_opens_to_the_same_bytes() {
        each_key(|key, seeded| {
            for len in (0..70).chain([1200, 16384]) {
                let plaintext = seeded.bytes(len);
                let mut sealed = seal(key, &plaintext);
                assert!(len < 8 || sealed[..len] != plaintext);
                assert_eq!(key.open(&NONCE, AAD, &mut sealed), Ok(()));
                assert_eq!(sealed[..len], plaintext);
            }
        });
    }

    /// Every bit of ciphertext, tag, additional data and nonce counts.
    #[test]
    fn tampering_with_any_bit_fails() {
        each_key(|key, seeded| {
            let sealed = seal(key, &seeded.bytes(37));
            let flip = |bytes: &[u8], bit: usize| {
                let mut bytes = bytes.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            };
            for bit in 0..8 * sealed.len() {
                assert_eq!(key.open(&NONCE, AAD, &mut flip(&sealed, bit)), Err(AuthenticationFailed));
            }
            for bit in 0..8 * AAD.len() {
                assert_eq!(key.open(&NONCE, &flip(AAD, bit), &mut sealed.clone()), Err(AuthenticationFailed));
            }
            for bit in 0..8 * NONCE.len() {
                let nonce = flip(&NONCE, bit).try_into().unwrap();
                assert_eq!(key.open(&nonce, AAD, &mut sealed.clone()), Err(AuthenticationFailed));
            }
            assert_eq!(key.open(&NONCE, AAD, &mut sealed.clone()), Ok(()), "the untouched record opens");
        });
    }

    #[test]
    fn a_truncated_or_lengthened_record_fails() {
        each_key(|key, seeded| {
            let sealed = seal(key, &seeded.bytes(37));
            for len in 0..sealed.len() {
                assert_eq!(key.open(&NONCE, AAD, &mut sealed[..len].to_vec()), Err(AuthenticationFailed));
            }
            assert_eq!(key.open(&NONCE, AAD, &mut [&sealed[..], &[0]].concat()), Err(AuthenticationFailed));
        });
    }

    #[test]
    fn a_wrong_key_length_is_refused() {
        for algorithm in [&AES_128_GCM, &CHACHA20_POLY1305, &AES_256_GCM] {
            for len in (0..65).filter(|len| *len != algorithm.key_len()) {
                assert!(matches!(algorithm.key(&vec![0; len]), Err(CryptoError::KeySetup)));
            }
        }
    }

    /// The plaintext must not be overwritten when there is nowhere to put the tag.
    #[test]
    fn a_wrong_tag_length_is_refused_before_encryption() {
        each_key(|key, _| {
            for len in [0, 8, 15, 17] {
                let mut in_out = *b"plaintext";
                assert_eq!(key.seal(&NONCE, AAD, &mut in_out, &mut vec![0; len]), Err(CryptoError::KeySetup));
                assert_eq!(&in_out, b"plaintext");
            }
        });
    }
}
