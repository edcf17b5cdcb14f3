//! Ephemeral key exchange.

use alloc::boxed::Box;

use ::ring::agreement::{self, Algorithm, EphemeralPrivateKey, PublicKey, UnparsedPublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::code::NamedGroup;
use crate::crypto::{AgreementError, EphemeralKey, KeyExchangeGroup, SharedSecret};
use crate::error::CryptoError;
use crate::provider::ring::system_random;

/// X25519 (RFC 7748, RFC 8422 section 5.10).
pub static X25519: &dyn KeyExchangeGroup = &RingGroup { code: NamedGroup::X25519, algorithm: &agreement::X25519 };

/// P-256, uncompressed points (RFC 8422 section 5.4.1).
pub static SECP256R1: &dyn KeyExchangeGroup =
    &RingGroup { code: NamedGroup::SECP256R1, algorithm: &agreement::ECDH_P256 };

/// P-384, uncompressed points (RFC 8422 section 5.4.1).
pub static SECP384R1: &dyn KeyExchangeGroup =
    &RingGroup { code: NamedGroup::SECP384R1, algorithm: &agreement::ECDH_P384 };

#[derive(Debug)]
struct RingGroup {
    code: NamedGroup,
    algorithm: &'static Algorithm,
}

impl KeyExchangeGroup for RingGroup {
    fn code(&self) -> NamedGroup {
        self.code
    }

    fn generate(&self, _: &mut dyn CryptoRng) -> Result<Box<dyn EphemeralKey>, CryptoError> {
        let private = EphemeralPrivateKey::generate(self.algorithm, &system_random());
        let private = private.map_err(|_| CryptoError::KeyGeneration)?;
        let public = private.compute_public_key().map_err(|_| CryptoError::KeyGeneration)?;
        Ok(Box::new(RingEphemeralKey { private, public }))
    }
}

struct RingEphemeralKey {
    private: EphemeralPrivateKey,
    public: PublicKey,
}

impl EphemeralKey for RingEphemeralKey {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    /// *ring* makes every check that RFC 8422 section 5.11 wants: form and length, point on the curve, and a result
    /// that is not all zero. It tells none of the failures from another, and nobody needs it to.
    fn agree(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, AgreementError> {
        let peer = UnparsedPublicKey::new(self.public.algorithm(), peer);
        agreement::agree_ephemeral(self.private, &peer, |secret| Zeroizing::new(secret.to_vec()))
            .map_err(|_| AgreementError)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::provider::ring::{Untouched, provider};

    fn generate(group: &dyn KeyExchangeGroup) -> Box<dyn EphemeralKey> {
        group.generate(&mut Untouched).unwrap()
    }

    fn refuses(group: &dyn KeyExchangeGroup, peer: &[u8]) -> bool {
        generate(group).agree(peer) == Err(AgreementError)
    }

    #[test]
    fn both_sides_agree_on_one_secret() {
        for group in provider().groups {
            for _ in 0..16 {
                let (ours, theirs) = (generate(*group), generate(*group));
                let (our_public, their_public) = (ours.public_key().to_vec(), theirs.public_key().to_vec());
                assert_eq!(ours.agree(&their_public), theirs.agree(&our_public));
            }
        }
    }

    /// KEX-06: no key is made twice.
    #[test]
    fn every_key_is_a_new_one() {
        for group in provider().groups {
            assert_ne!(generate(*group).public_key(), generate(*group).public_key());
        }
    }

    /// KEX-02: 65 bytes that start with 04 for P-256, 97 for P-384, 32 for X25519; no other length is accepted, nor an empty key.
    #[test]
    fn a_public_key_of_another_length_is_refused() {
        for (group, len) in [(X25519, 32), (SECP256R1, 65), (SECP384R1, 97)] {
            let key = generate(group).public_key().to_vec();
            assert_eq!(key.len(), len);
            for len in 0..len {
                assert!(refuses(group, &key[..len]));
            }
            assert!(refuses(group, &[&key[..], &[0]].concat()));
        }
    }

    /// KEX-02: compressed, hybrid and unknown forms of a good point, and the point at infinity.
    #[test]
    fn a_point_in_another_form_is_refused() {
        for (group, compressed_len) in [(SECP256R1, 33), (SECP384R1, 49)] {
            let point = generate(group).public_key().to_vec();
            assert_eq!(point[0], 4);
            for form in (0..=255).filter(|form| *form != 4) {
                let mut other = point.clone();
                other[0] = form;
                assert!(refuses(group, &other));
                other.truncate(compressed_len);
                assert!(refuses(group, &other));
            }
            assert!(refuses(group, &[0]));
        }
    }

    /// KEX-03.
    #[test]
    fn a_point_off_the_curve_is_refused() {
        let point = generate(SECP256R1).public_key().to_vec();
        for bit in 8..8 * point.len() {
            let mut other = point.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(refuses(SECP256R1, &other), "bit {bit}");
        }
        let with = |x: [u8; 32], y: [u8; 32]| [&[4][..], &x, &y].concat();
        assert!(refuses(SECP256R1, &with([0; 32], [0; 32])));
        assert!(refuses(SECP256R1, &with([0xff; 32], [0xff; 32])), "coordinates above the field's prime");
    }

    /// KEX-04: the points of small order (RFC 7748 section 6.1) give the all-zero secret to every private key.
    #[test]
    fn an_x25519_point_of_low_order_is_refused() {
        // 0, 1, the two points of order 8, p - 1, p, p + 1, and again with the bit that X25519 ignores.
        let order_8_a = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
        let order_8_b = "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157";
        let prime = |low: u8| {
            let mut u = [0xff; 32];
            (u[0], u[31]) = (low, 0x7f);
            u
        };
        let small = |low: u8| {
            let mut u = [0; 32];
            u[0] = low;
            u
        };
        let points = [small(0), small(1), unhex(order_8_a), unhex(order_8_b), prime(0xec), prime(0xed), prime(0xee)];
        for mut point in points {
            assert!(refuses(X25519, &point));
            point[31] |= 0x80;
            assert!(refuses(X25519, &point));
        }
        assert!(!refuses(X25519, &small(9)), "the base point is accepted");
    }

    fn unhex(hex: &str) -> [u8; 32] {
        let bytes: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    /// KEX-05: one secret in 256 starts with a zero byte, which must not get lost.
    #[test]
    fn a_secret_keeps_its_leading_zeros() {
        for (group, len) in [(X25519, 32), (SECP256R1, 32), (SECP384R1, 48)] {
            let peer = generate(group).public_key().to_vec();
            // Not to find one in so many tries has a chance below 2^-100.
            let found = (0..20_000).any(|_| {
                let secret = generate(group).agree(&peer).unwrap();
                assert_eq!(secret.len(), len);
                secret[0] == 0
            });
            assert!(found);
        }
    }
}
