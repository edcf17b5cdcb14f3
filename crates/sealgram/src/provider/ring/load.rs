//! Loading of private keys.

use alloc::string::ToString;
use alloc::sync::Arc;

use ::ring::error::KeyRejected;
use ::ring::rsa;
use ::ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair};
use pki_types::{PrivateKeyDer, alg_id};

use crate::crypto::{KeyLoader, LoadKeyError, SigningKey};
use crate::provider::ring::der::pkcs8_from_sec1;
use crate::provider::ring::sign::{EcdsaSigningKey, Ed25519SigningKey, RsaSigningKey};
use crate::provider::ring::system_random;

/// Loads P-256, P-384, Ed25519 and RSA keys. All parsing and checking is *ring*'s, and so are the limits that the
/// module above lists: it reads EC and RSA keys in version 1 of PKCS#8 only, offers no way to compute an EC key's
/// public half from the private one, and reports its absence like any other flaw of the encoding.
#[derive(Debug)]
pub(super) struct RingKeyLoader;

impl KeyLoader for RingKeyLoader {
    fn load(&self, key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, LoadKeyError> {
        match key {
            PrivateKeyDer::Pkcs8(key) => first_that_fits(
                [p256, p384, ed25519, rsa_in_pkcs8].into_iter().map(|read| read(key.secret_pkcs8_der())),
            ),
            // A SEC1 key need not name its curve: each is tried, and the lengths of the key's parts decide.
            PrivateKeyDer::Sec1(key) => {
                let wrap = |curve| pkcs8_from_sec1(curve, key.secret_sec1_der());
                first_that_fits([p256(&wrap(alg_id::ECDSA_P256)), p384(&wrap(alg_id::ECDSA_P384))])
            }
            PrivateKeyDer::Pkcs1(key) => first_that_fits([rsa_bare(key.secret_pkcs1_der())]),
            _ => Err(LoadKeyError::Unsupported),
        }
    }
}

/// What came of reading a key as one kind of key.
type Attempt = Result<Arc<dyn SigningKey>, KeyRejected>;

/// The first attempt that succeeded. The error otherwise is `Unsupported` only if no attempt found its own kind of key.
fn first_that_fits(attempts: impl IntoIterator<Item = Attempt>) -> Result<Arc<dyn SigningKey>, LoadKeyError> {
    let mut error = LoadKeyError::Unsupported;
    for attempt in attempts {
        match attempt {
            Ok(key) => return Ok(key),
            Err(rejected) if is_unsupported(&rejected) => {}
            Err(_) => error = LoadKeyError::Malformed,
        }
    }
    Err(error)
}

/// Whether the key is of a kind that is not read here, rather than broken. *ring* says why in words only.
fn is_unsupported(rejected: &KeyRejected) -> bool {
    matches!(
        rejected.to_string().as_str(),
        "PrivateModulusLenNotMultipleOf512Bits" | "TooLarge" | "TooSmall" | "VersionNotSupported" | "WrongAlgorithm"
    )
}

fn p256(pkcs8: &[u8]) -> Attempt {
    let key = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &system_random())?;
    Ok(Arc::new(EcdsaSigningKey::p256(key)))
}

fn p384(pkcs8: &[u8]) -> Attempt {
    let key = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8, &system_random())?;
    Ok(Arc::new(EcdsaSigningKey::p384(key)))
}

/// "Maybe unchecked": version 1 has no public key that the private one could be checked against.
fn ed25519(pkcs8: &[u8]) -> Attempt {
    Ok(Arc::new(Ed25519SigningKey(Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)?)))
}

fn rsa_in_pkcs8(pkcs8: &[u8]) -> Attempt {
    Ok(Arc::new(RsaSigningKey(rsa::KeyPair::from_pkcs8(pkcs8)?)))
}

fn rsa_bare(pkcs1: &[u8]) -> Attempt {
    Ok(Arc::new(RsaSigningKey(rsa::KeyPair::from_der(pkcs1)?)))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use pki_types::{AlgorithmIdentifier, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
    use sealgram_vectors as vectors;

    use super::*;
    use crate::code::SignatureScheme;
    use crate::crypto::KeyAlgorithm;
    use crate::error::CryptoError;
    use crate::provider::ring::{Untouched, provider};

    const P256: Result<SignatureScheme, LoadKeyError> = Ok(SignatureScheme::ECDSA_SHA256);
    const P384: Result<SignatureScheme, LoadKeyError> = Ok(SignatureScheme::ECDSA_SHA384);
    const ED25519: Result<SignatureScheme, LoadKeyError> = Ok(SignatureScheme::ED25519);
    const RSA: Result<SignatureScheme, LoadKeyError> = Ok(SignatureScheme::RSA_PSS_RSAE_SHA256);

    /// Every file of `vectors/keys`, and its best scheme or why it is refused.
    const KEYS: [(&str, Result<SignatureScheme, LoadKeyError>); 12] = [
        ("ed25519-v1.pkcs8.der", ED25519),
        ("ed25519-v2.pkcs8.der", ED25519),
        ("p256-no-public.pkcs8.der", Err(LoadKeyError::Malformed)),
        ("p256-no-public.sec1.der", Err(LoadKeyError::Malformed)),
        ("p256.pkcs8.der", P256),
        ("p256.sec1.der", P256),
        ("p384.pkcs8.der", P384),
        ("p384.sec1.der", P384),
        ("p521.pkcs8.der", Err(LoadKeyError::Unsupported)),
        ("rsa1024.pkcs8.der", Err(LoadKeyError::Unsupported)),
        ("rsa2048.pkcs1.der", RSA),
        ("rsa2048.pkcs8.der", RSA),
    ];

    fn load(name: &str, der: &[u8]) -> Result<Arc<dyn SigningKey>, LoadKeyError> {
        let key = match name.split('.').nth(1) {
            Some("pkcs1") => PrivatePkcs1KeyDer::from(der).into(),
            Some("sec1") => PrivateSec1KeyDer::from(der).into(),
            _ => PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der)),
        };
        RingKeyLoader.load(&key)
    }

    fn file(name: &str) -> Vec<u8> {
        vectors::read(&format!("keys/{name}"))
    }

    fn loaded() -> impl Iterator<Item = Arc<dyn SigningKey>> {
        KEYS.into_iter().filter(|(_, expected)| expected.is_ok()).map(|(name, _)| load(name, &file(name)).unwrap())
    }

    #[test]
    fn keys_of_every_form_load() {
        for (name, expected) in KEYS {
            let result = load(name, &file(name));
            assert_eq!(result.map(|key| key.schemes()[0]), expected, "{name}");
        }
    }

    #[test]
    fn every_key_file_is_used() {
        let used = KEYS.map(|(name, _)| format!("keys/{name}"));
        assert_eq!(vectors::listed_below("keys"), used);
    }

    /// The two forms of one key are one key.
    #[test]
    fn the_form_of_a_key_does_not_change_it() {
        for (one, other) in [
            ("p256.sec1.der", "p256.pkcs8.der"),
            ("p384.sec1.der", "p384.pkcs8.der"),
            ("rsa2048.pkcs1.der", "rsa2048.pkcs8.der"),
            ("ed25519-v1.pkcs8.der", "ed25519-v2.pkcs8.der"),
        ] {
            let public = |name: &str| load(name, &file(name)).unwrap().public_key().unwrap();
            assert_eq!(public(one), public(other));
        }
    }

    #[test]
    fn a_key_generated_by_ring_loads() {
        let random = system_random();
        let v2 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        assert!(load("v2.pkcs8", v2.as_ref()).is_ok());
        for curve in [&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &signature::ECDSA_P384_SHA384_ASN1_SIGNING] {
            assert!(load("ec.pkcs8", EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap().as_ref()).is_ok());
        }
    }

    /// A key in the wrong wrapping, cut short, or with a public half that is not its own.
    #[test]
    fn a_broken_key_is_refused() {
        assert!(load("x.pkcs1", &file("rsa2048.pkcs8.der")).is_err());
        assert!(load("x.sec1", &file("p256.pkcs8.der")).is_err());
        assert!(load("x.pkcs8", &file("p256.sec1.der")).is_err());
        for (name, _) in KEYS {
            let der = file(name);
            for len in 0..der.len() {
                assert!(load(name, &der[..len]).is_err(), "{name} cut to {len}");
            }
        }
        for name in ["p256.sec1.der", "p384.pkcs8.der", "ed25519-v2.pkcs8.der"] {
            let mut der = file(name);
            *der.last_mut().unwrap() ^= 1;
            assert!(matches!(load(name, &der), Err(LoadKeyError::Malformed)), "{name}");
        }
    }

    /// The subjectPublicKey inside a SubjectPublicKeyInfo of the fixed form that [`SigningKey::public_key`] returns.
    fn subject_public_key(key: &dyn SigningKey, algorithm: AlgorithmIdentifier) -> Vec<u8> {
        let info = key.public_key().unwrap();
        let at = info.windows(algorithm.len()).position(|window| window == &*algorithm).unwrap() + algorithm.len();
        let header = if info[at + 1] < 0x80 { 2 } else { 2 + usize::from(info[at + 1] & 0x7f) };
        info[at + header + 1..].to_vec()
    }

    /// Each key signs under all its schemes so that exactly one algorithm of the scheme accepts it, and with no help
    /// from the caller's random source.
    #[test]
    fn what_a_key_signs_verifies_under_its_public_key() {
        for key in loaded() {
            for scheme in key.schemes() {
                let mut signature = key.sign(*scheme, b"message", &mut Untouched).unwrap();
                let (_, algorithms) = provider().signatures.iter().find(|(known, _)| known == scheme).unwrap();
                let public = key.public_key().unwrap();
                let fits = |id: &AlgorithmIdentifier| public.windows(id.len()).any(|window| window == &**id);
                let mut fitting = algorithms.iter().filter(|algorithm| fits(&algorithm.public_key_alg_id()));
                let (algorithm, None) = (fitting.next().unwrap(), fitting.next()) else {
                    panic!("{scheme}: ambiguous")
                };
                let point = subject_public_key(&*key, algorithm.public_key_alg_id());
                algorithm.verify_signature(&point, b"message", &signature).unwrap();
                assert!(algorithm.verify_signature(&point, b"massage", &signature).is_err());
                *signature.last_mut().unwrap() ^= 1;
                assert!(algorithm.verify_signature(&point, b"message", &signature).is_err());
            }
        }
    }

    #[test]
    fn a_scheme_of_another_key_does_not_sign() {
        for key in loaded() {
            assert!(key.schemes().iter().all(|scheme| KeyAlgorithm::of(*scheme) == Some(key.algorithm())));
            let others = provider().signatures.iter().map(|(scheme, _)| scheme).chain([&SignatureScheme(0x0201)]);
            for scheme in others.filter(|scheme| !key.schemes().contains(scheme)) {
                assert_eq!(key.sign(*scheme, b"message", &mut Untouched), Err(CryptoError::Signing));
            }
        }
    }

    /// I11: neither the private half nor anything else of a key is printed.
    #[test]
    fn debug_output_shows_no_key() {
        for key in loaded() {
            let debug = format!("{key:?}");
            assert!(debug.contains("SigningKey") && debug.ends_with(".. }") && debug.len() < 60, "{debug}");
        }
    }

    /// The SPKI is that of OpenSSL, byte for byte.
    #[test]
    fn the_public_key_is_what_openssl_writes() {
        let public = |name: &str| load(name, &file(name)).unwrap().public_key().unwrap().to_vec();
        for mut vector in vectors::sections("public-keys.txt") {
            assert_eq!(public(&vector.text("file")), vector.bytes("subject_public_key_info"));
            vector.finish();
        }
    }
}
