//! Verification of signatures, by the traits that certificate verifiers share.
//!
//! The entries stand on *ring* alone, so that raw public keys and pinned certificates work without the `x509` feature.

use ::ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use crate::code::SignatureScheme;
use crate::crypto::SignatureAlgorithms;

/// An ECDSA scheme of DTLS 1.2 names a hash and no curve (RFC 8446 section 4.2.3), hence two algorithms each.
pub(super) const SIGNATURES: SignatureAlgorithms = &[
    (SignatureScheme::ECDSA_SHA256, &[&ECDSA_P256_SHA256, &ECDSA_P384_SHA256]),
    (SignatureScheme::ECDSA_SHA384, &[&ECDSA_P384_SHA384, &ECDSA_P256_SHA384]),
    (SignatureScheme::ED25519, &[&ED25519]),
    (SignatureScheme::RSA_PSS_RSAE_SHA256, &[&RSA_PSS_SHA256]),
    (SignatureScheme::RSA_PSS_RSAE_SHA384, &[&RSA_PSS_SHA384]),
    (SignatureScheme::RSA_PSS_RSAE_SHA512, &[&RSA_PSS_SHA512]),
    (SignatureScheme::RSA_PKCS1_SHA256, &[&RSA_PKCS1_SHA256]),
    (SignatureScheme::RSA_PKCS1_SHA384, &[&RSA_PKCS1_SHA384]),
    (SignatureScheme::RSA_PKCS1_SHA512, &[&RSA_PKCS1_SHA512]),
];

/// A verification algorithm of *ring*, with the names that certificates have for it.
#[derive(Debug)]
struct RingVerification {
    algorithm: &'static dyn VerificationAlgorithm,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for RingVerification {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.algorithm, public_key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

static ECDSA_P256_SHA256: RingVerification = RingVerification {
    algorithm: &signature::ECDSA_P256_SHA256_ASN1,
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
};

static ECDSA_P256_SHA384: RingVerification = RingVerification {
    algorithm: &signature::ECDSA_P256_SHA384_ASN1,
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA384,
};

static ECDSA_P384_SHA256: RingVerification = RingVerification {
    algorithm: &signature::ECDSA_P384_SHA256_ASN1,
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA256,
};

static ECDSA_P384_SHA384: RingVerification = RingVerification {
    algorithm: &signature::ECDSA_P384_SHA384_ASN1,
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
};

static ED25519: RingVerification =
    RingVerification { algorithm: &signature::ED25519, key: alg_id::ED25519, signature: alg_id::ED25519 };

static RSA_PSS_SHA256: RingVerification = RingVerification {
    algorithm: &signature::RSA_PSS_2048_8192_SHA256,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PSS_SHA256,
};

static RSA_PSS_SHA384: RingVerification = RingVerification {
    algorithm: &signature::RSA_PSS_2048_8192_SHA384,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PSS_SHA384,
};

static RSA_PSS_SHA512: RingVerification = RingVerification {
    algorithm: &signature::RSA_PSS_2048_8192_SHA512,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PSS_SHA512,
};

static RSA_PKCS1_SHA256: RingVerification = RingVerification {
    algorithm: &signature::RSA_PKCS1_2048_8192_SHA256,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PKCS1_SHA256,
};

static RSA_PKCS1_SHA384: RingVerification = RingVerification {
    algorithm: &signature::RSA_PKCS1_2048_8192_SHA384,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PKCS1_SHA384,
};

static RSA_PKCS1_SHA512: RingVerification = RingVerification {
    algorithm: &signature::RSA_PKCS1_2048_8192_SHA512,
    key: alg_id::RSA_ENCRYPTION,
    signature: alg_id::RSA_PKCS1_SHA512,
};

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use sealgram_vectors as vectors;

    use super::*;

    fn key_algorithm(name: &str) -> AlgorithmIdentifier {
        match name {
            "ED25519" => alg_id::ED25519,
            "P256" => alg_id::ECDSA_P256,
            "P384" => alg_id::ECDSA_P384,
            "RSA" => alg_id::RSA_ENCRYPTION,
            _ => panic!("no test knows the key {name}"),
        }
    }

    /// KEX-10, KEX-11, KEX-12: signatures of another implementation verify, and those that were tampered with do not.
    /// Every algorithm of the table has a vector: each pair of hash and curve, PSS with a salt as long as the digest.
    #[test]
    fn signatures_of_another_implementation_verify() {
        let mut used = Vec::new();
        for mut vector in vectors::sections("signatures.txt") {
            let (scheme, key) = (vector.text("scheme"), key_algorithm(&vector.text("key")));
            let (known, algorithms) = SIGNATURES.iter().find(|(known, _)| known.name() == Some(&scheme)).unwrap();
            let algorithm = algorithms.iter().find(|algorithm| algorithm.public_key_alg_id() == key).unwrap();
            used.push((*known, key));

            let (public_key, message) = (vector.bytes("public_key"), vector.bytes("message"));
            let signature = vector.bytes("signature");
            vector.finish();
            algorithm.verify_signature(&public_key, &message, &signature).unwrap();
            for at in 0..signature.len() {
                let mut forged = signature.clone();
                forged[at] ^= 0x10;
                assert!(algorithm.verify_signature(&public_key, &message, &forged).is_err(), "{scheme} at {at}");
                assert!(algorithm.verify_signature(&public_key, &message, &signature[..at]).is_err());
            }
            assert!(algorithm.verify_signature(&public_key, &message[1..], &signature).is_err());
            assert!(algorithm.verify_signature(&public_key[1..], &message, &signature).is_err());
        }
        let table = SIGNATURES.iter().flat_map(|(scheme, of)| of.iter().map(|one| (*scheme, one.public_key_alg_id())));
        table.for_each(|entry| assert!(used.contains(&entry), "{entry:?} has no vector"));
    }
}
