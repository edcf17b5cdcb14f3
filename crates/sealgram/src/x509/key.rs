//! The public key of a certificate: its kind and size, what it signed, and the private key it belongs to.

use core::fmt;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use webpki::{EndEntityCert, RawPublicKeyEntity};
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::details;
use super::errors::certificate_error;
use crate::crypto::KeyAlgorithm;
use crate::error::{CertificateError, Error, PeerMisbehaved};
use crate::proof::SignatureVerified;
use crate::verify::SignedByPeer;

/// Checks a handshake signature under the key of the peer's certificate; the one way for every verifier.
pub(super) fn verify_signature(signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
    let spki = public_key(signed.end_entity)?;
    let key = RawPublicKeyEntity::try_from(&spki).map_err(|error| certificate_error(&error))?;
    let entry = signed.algorithms.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let candidates = entry.map_or_else(Default::default, |(_, algorithms)| *algorithms);
    for algorithm in candidates {
        match key.verify_signature(*algorithm, signed.message, signed.signature) {
            Ok(()) => return Ok(SignatureVerified::assertion()),
            // Another curve: an ECDSA scheme of DTLS 1.2 has one algorithm for each (RFC 8446 section 4.2.3).
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            // Providers refuse a short key as if the signature were wrong. The user should learn the reason.
            Err(webpki::Error::InvalidSignatureForPublicKey) if is_weak(&spki) => {
                return Err(CertificateError::WeakKey.into());
            }
            Err(webpki::Error::InvalidSignatureForPublicKey) => return Err(PeerMisbehaved::BadSignature.into()),
            Err(error) => return Err(certificate_error(&error).into()),
        }
    }
    Err(PeerMisbehaved::UnsuitableSignatureScheme(signed.scheme).into())
}

/// The kind of the certificate's key: which of the cipher suites it can be used with.
///
/// # Errors
///
/// [`CertificateError::WrongKeyType`] for a key that no supported suite uses; [`CertificateError::BadEncoding`] if the
/// certificate does not parse.
pub fn key_algorithm(certificate: &CertificateDer<'_>) -> Result<KeyAlgorithm, CertificateError> {
    match KeySummary::read(&public_key(certificate)?)?.kind {
        KeyKind::Ecdsa | KeyKind::Ed25519 => Ok(KeyAlgorithm::Ecdsa),
        KeyKind::Rsa => Ok(KeyAlgorithm::Rsa),
        KeyKind::Other => Err(CertificateError::WrongKeyType),
    }
}

/// Whether `key` is the public key of `certificate`.
///
/// Compared are the algorithm and the key itself. The parameters of the algorithm may be written in several ways
/// (RFC 8017 appendix A.1), and a point says which curve it is on.
///
/// # Errors
///
/// [`CertificateError::BadEncoding`] if one of the two does not parse.
pub fn certificate_fits_key(
    certificate: &CertificateDer<'_>,
    key: &SubjectPublicKeyInfoDer<'_>,
) -> Result<bool, CertificateError> {
    let theirs = public_key(certificate)?;
    let (theirs, ours) = (parse_key(&theirs)?, parse_key(key)?);
    Ok(theirs.algorithm.algorithm == ours.algorithm.algorithm && theirs.subject_public_key == ours.subject_public_key)
}

/// The SubjectPublicKeyInfo of a certificate.
///
/// It is read by the same parser that checks paths, so that the two cannot disagree about the key. That parser knows
/// version 3 only; a version 1 certificate, which may be a pinned one, goes to the other.
pub(super) fn public_key(
    certificate: &CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'static>, CertificateError> {
    match EndEntityCert::try_from(certificate) {
        Ok(end_entity) => Ok(end_entity.subject_public_key_info()),
        Err(_) => Ok(details::parse(certificate)?.public_key().raw.to_vec().into()),
    }
}

/// Whether a key is shorter than what we accept: RSA below 2048 bits, elliptic curves below 224 (RFC 9325 section 4.5).
/// Keys of other kinds are not judged here: no algorithm will take them.
pub(super) fn is_weak(spki: &SubjectPublicKeyInfoDer<'_>) -> bool {
    match KeySummary::read(spki) {
        Ok(KeySummary { kind: KeyKind::Rsa, bits }) => bits < MIN_RSA_BITS,
        Ok(KeySummary { kind: KeyKind::Ecdsa, bits }) => bits < MIN_EC_BITS,
        _ => false,
    }
}

/// The kind and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySummary {
    /// Its kind.
    pub kind: KeyKind,
    /// Its size: of an RSA modulus, or of the field of an elliptic curve. Zero for [`KeyKind::Other`].
    pub bits: usize,
}

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// A point on a curve of the Weierstrass form, such as P-256.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// RSA, for PKCS #1 v1.5 and PSS alike.
    Rsa,
    /// One that this library has no use for.
    Other,
}

impl KeySummary {
    fn read(spki: &SubjectPublicKeyInfoDer<'_>) -> Result<Self, CertificateError> {
        let spki = parse_key(spki)?;
        let (kind, bits) = match spki.parsed().map_err(|_| CertificateError::BadEncoding)? {
            PublicKey::RSA(key) => (KeyKind::Rsa, bit_length(key.modulus)),
            // A coordinate fills whole bytes; of the curves in use that matters for P-521 alone.
            PublicKey::EC(point) if point.key_size() == 528 => (KeyKind::Ecdsa, 521),
            PublicKey::EC(point) => (KeyKind::Ecdsa, point.key_size()),
            _ if spki.algorithm.algorithm == OID_SIG_ED25519 => (KeyKind::Ed25519, 256),
            _ => (KeyKind::Other, 0),
        };
        Ok(Self { kind, bits })
    }

    /// The key of `certificate`.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        Self::read(&public_key(certificate)?)
    }
}

impl fmt::Display for KeySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            KeyKind::Ecdsa => write!(f, "ECDSA, {} bits", self.bits),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Rsa => write!(f, "RSA, {} bits", self.bits),
            KeyKind::Other => f.write_str("a kind of key that is not supported"),
        }
    }
}

fn parse_key<'a>(spki: &'a SubjectPublicKeyInfoDer<'_>) -> Result<SubjectPublicKeyInfo<'a>, CertificateError> {
    match SubjectPublicKeyInfo::from_der(spki) {
        Ok(([], key)) => Ok(key),
        _ => Err(CertificateError::BadEncoding),
    }
}

/// The bits of a big-endian number, without leading zeros: padding must not make a short modulus look long.
fn bit_length(number: &[u8]) -> usize {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    match number.get(start..) {
        Some(significant @ [first, ..]) => significant.len() * 8 - first.leading_zeros() as usize,
        _ => 0,
    }
}

const MIN_RSA_BITS: usize = 2048;
const MIN_EC_BITS: usize = 224;

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData, SigningKey};

    use super::*;
    use crate::code::SignatureScheme;
    use crate::x509::testing::{ALGORITHMS, Identity, WeakRsaKey, authority, leaf, rsa_key, self_signed, v1};

    fn verify(peer: &Identity, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        verify_signature(&SignedByPeer::new(&peer.der, scheme, message, signature, ALGORITHMS)).map(|_| ())
    }

    fn with_key(key: KeyPair) -> Identity {
        let der = leaf("peer.example").self_signed(&key).unwrap().der().clone();
        Identity { der, key }
    }

    /// KEX-10: an ECDSA scheme does not fix the curve.
    #[test]
    fn each_kind_of_key_signs_with_its_schemes() {
        let p256 = with_key(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
        let p384 = with_key(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap());
        let ed25519 = with_key(KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let rsa = with_key(rsa_key());
        for (peer, scheme) in [
            (p256, SignatureScheme::ECDSA_SHA256),
            (p384, SignatureScheme::ECDSA_SHA384),
            (ed25519, SignatureScheme::ED25519),
            (rsa, SignatureScheme::RSA_PKCS1_SHA256),
        ] {
            let signature = peer.key.sign(b"message").unwrap();
            assert_eq!(verify(&peer, scheme, b"message", &signature), Ok(()), "{scheme}");
            let wrong = PeerMisbehaved::BadSignature.into();
            assert_eq!(verify(&peer, scheme, b"massage", &signature), Err(wrong), "{scheme}");
            assert_eq!(verify(&peer, scheme, b"message", &[]), Err(wrong), "{scheme}");
        }
    }

    /// KEX-09: a scheme for another kind of key, or one that the provider lacks, is told apart from a bad signature.
    #[test]
    fn a_scheme_that_does_not_fit_the_key_is_named() {
        let peer = self_signed("peer.example");
        let signature = peer.key.sign(b"message").unwrap();
        for scheme in [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::ED25519, SignatureScheme::ECDSA_SHA1] {
            let expected = PeerMisbehaved::UnsuitableSignatureScheme(scheme).into();
            assert_eq!(verify(&peer, scheme, b"message", &signature), Err(expected));
        }
    }

    /// CRT-08: a pinned certificate may be of version 1.
    #[test]
    fn a_version_1_certificate_has_a_key_too() {
        let peer = v1();
        let signature = peer.key.sign(b"message").unwrap();
        assert_eq!(verify(&peer, SignatureScheme::ECDSA_SHA256, b"message", &signature), Ok(()));
        assert_eq!(key_algorithm(&peer.der), Ok(KeyAlgorithm::Ecdsa));
    }

    /// CRT-04: a short key is called that, not a bad signature.
    #[test]
    fn a_short_key_is_named_where_the_provider_refuses_it() {
        let root = authority("root");
        let der = root.issue_for(&leaf("peer.example"), &WeakRsaKey);
        assert_eq!(KeySummary::of(&der), Ok(KeySummary { kind: KeyKind::Rsa, bits: 1024 }));
        let scheme = SignatureScheme::RSA_PKCS1_SHA256;
        let signed = SignedByPeer::new(&der, scheme, b"message", &[1; 128], ALGORITHMS);
        assert_eq!(verify_signature(&signed).unwrap_err(), CertificateError::WeakKey.into());
    }

    #[test]
    fn a_certificate_that_does_not_parse_has_no_key() {
        let peer = self_signed("peer.example");
        let truncated = CertificateDer::from(&peer.der[..peer.der.len() - 1]);
        let signed = SignedByPeer::new(&truncated, SignatureScheme::ECDSA_SHA256, b"", b"", ALGORITHMS);
        assert_eq!(verify_signature(&signed).unwrap_err(), CertificateError::BadEncoding.into());
        assert_eq!(key_algorithm(&truncated), Err(CertificateError::BadEncoding));
    }

    #[test]
    fn a_certificate_fits_its_own_key_only() {
        let [peer, other] = ["peer.example", "peer.example"].map(self_signed);
        let spki = |identity: &Identity| SubjectPublicKeyInfoDer::from(identity.key.subject_public_key_info());
        assert_eq!(certificate_fits_key(&peer.der, &spki(&peer)), Ok(true));
        assert_eq!(certificate_fits_key(&peer.der, &spki(&other)), Ok(false));
        assert_eq!(certificate_fits_key(&peer.der, &spki(&with_key(rsa_key()))), Ok(false));
        assert_eq!(certificate_fits_key(&peer.der, &b"\x30\x00"[..].into()), Err(CertificateError::BadEncoding));
    }

    #[test]
    fn kinds_and_sizes_of_keys() {
        let kind = |key| {
            let peer = with_key(key);
            let KeySummary { kind, bits } = KeySummary::of(&peer.der).unwrap();
            (kind, bits, key_algorithm(&peer.der))
        };
        let generate = |algorithm| KeyPair::generate_for(algorithm).unwrap();
        assert_eq!(kind(generate(&PKCS_ECDSA_P256_SHA256)), (KeyKind::Ecdsa, 256, Ok(KeyAlgorithm::Ecdsa)));
        assert_eq!(kind(generate(&PKCS_ECDSA_P384_SHA384)), (KeyKind::Ecdsa, 384, Ok(KeyAlgorithm::Ecdsa)));
        assert_eq!(kind(generate(&PKCS_ED25519)), (KeyKind::Ed25519, 256, Ok(KeyAlgorithm::Ecdsa)));
        assert_eq!(kind(rsa_key()), (KeyKind::Rsa, 2048, Ok(KeyAlgorithm::Rsa)));
    }

    #[test]
    fn padding_does_not_make_a_number_longer() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0, 0]), 0);
        assert_eq!(bit_length(&[0, 0, 1, 0]), 9);
        assert_eq!(bit_length(&[0x80]), 8);
    }
}
