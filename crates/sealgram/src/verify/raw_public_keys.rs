//! Raw public keys (RFC 7250): known beforehand, or not trusted at all.
//!
//! No certificate is read here, so this works without the feature `x509`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::SubjectPublicKeyInfoDer;

use super::{PeerChain, PeerRawPublicKey, PeerVerifier, SignedByPeer};
use crate::code::{CertificateType, SignatureScheme};
use crate::crypto::{SignatureAlgorithms, der};
use crate::decision::Reply;
use crate::error::{CertificateError, Error, PeerMisbehaved};
use crate::proof::{PeerVerified, SignatureVerified};

/// Accepts exactly the raw public keys that it holds (RFC 7250), whatever name was asked for.
///
/// The keys are SubjectPublicKeyInfo structures in DER, as `openssl pkey -pubout -outform DER` writes them and as
/// [`SigningKey::public_key`](crate::crypto::SigningKey::public_key) gives them. They are compared byte for byte, and
/// came over a channel that is trusted: this is the mode of devices that were introduced to each other beforehand.
///
/// ```
/// use std::sync::Arc;
///
/// use sealgram::verify::RawPublicKeys;
/// # use sealgram::pki_types::SubjectPublicKeyInfoDer;
/// # let key = SubjectPublicKeyInfoDer::from(vec![0x30, 0x00]);
///
/// let verifier = Arc::new(RawPublicKeys::new([key]));
/// ```
#[derive(Clone, Debug)]
pub struct RawPublicKeys {
    trusted: Vec<SubjectPublicKeyInfoDer<'static>>,
    /// For peers that show a certificate instead.
    certificates: Option<Arc<dyn PeerVerifier>>,
}

impl RawPublicKeys {
    /// Trusts `keys`. Without any, every peer is refused.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = SubjectPublicKeyInfoDer<'static>>) -> Self {
        Self { trusted: keys.into_iter().collect(), certificates: None }
    }

    /// Lets peers show X.509 certificates instead, which `verifier` judges. Raw public keys come first.
    #[must_use]
    pub fn or_certificates(mut self, verifier: Arc<dyn PeerVerifier>) -> Self {
        self.certificates = Some(verifier);
        self
    }
}

impl PeerVerifier for RawPublicKeys {
    fn certificate_types(&self) -> &[CertificateType] {
        match self.certificates {
            Some(_) => &[CertificateType::RAW_PUBLIC_KEY, CertificateType::X509],
            None => &[CertificateType::RAW_PUBLIC_KEY],
        }
    }

    fn verify_raw_public_key(&self, peer: &PeerRawPublicKey<'_>) -> Result<PeerVerified, CertificateError> {
        // Public keys are no secrets: the time that a comparison takes tells nothing.
        if self.trusted.iter().any(|trusted| trusted == peer.key) {
            Ok(PeerVerified::assertion())
        } else {
            Err(CertificateError::UnknownPublicKey)
        }
    }

    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        match &self.certificates {
            Some(verifier) => verifier.verify_chain(chain),
            None => Err(CertificateError::UnknownIssuer),
        }
    }

    fn verify_chain_now_or_later(&self, chain: &PeerChain<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        match &self.certificates {
            Some(verifier) => verifier.verify_chain_now_or_later(chain),
            None => Reply::Now(Err(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        match &self.certificates {
            Some(verifier) => verifier.verify_signature(signed),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn wants_ocsp_response(&self) -> bool {
        self.certificates.as_ref().is_some_and(|verifier| verifier.wants_ocsp_response())
    }

    fn authorities(&self) -> &[Vec<u8>] {
        self.certificates.as_ref().map_or(&[], |verifier| verifier.authorities())
    }
}

/// A signature in the handshake, whoever made it.
#[derive(Clone, Copy)]
pub(crate) struct HandshakeSignature<'a> {
    pub(crate) scheme: SignatureScheme,
    /// What was signed.
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// The algorithms of the provider.
    pub(crate) algorithms: SignatureAlgorithms,
}

/// Checks a handshake signature under a raw public key. This needs no judgement, so no verifier is asked.
pub(crate) fn verify_by_raw_public_key(
    key: &SubjectPublicKeyInfoDer<'_>,
    signed: HandshakeSignature<'_>,
) -> Result<SignatureVerified, Error> {
    let HandshakeSignature { scheme, message, signature, algorithms } = signed;
    let entry = algorithms.iter().find(|(known, _)| *known == scheme);
    let mut candidates = entry.map_or_else(Default::default, |(_, algorithms)| *algorithms).iter();
    // An ECDSA scheme of DTLS 1.2 has one algorithm for each curve (RFC 8446 section 4.2.3).
    let fitting =
        candidates.find_map(|algorithm| Some((algorithm, der::public_key(key, algorithm.public_key_alg_id())?)));
    let (algorithm, key) = fitting.ok_or(PeerMisbehaved::UnsuitableSignatureScheme(scheme))?;
    match algorithm.verify_signature(key, message, signature) {
        Ok(()) => Ok(SignatureVerified::assertion()),
        Err(_) => Err(PeerMisbehaved::BadSignature.into()),
    }
}

#[cfg(all(test, feature = "ring"))]
mod tests {
    use core::time::Duration;

    use pki_types::{PrivatePkcs8KeyDer, UnixTime};

    use super::*;
    use crate::provider::ring;
    use crate::role::Role;
    use crate::test_rng::TestRng;

    fn signing_key(algorithm: &'static rcgen::SignatureAlgorithm) -> Arc<dyn crate::crypto::SigningKey> {
        load(&rcgen::KeyPair::generate_for(algorithm).unwrap())
    }

    fn load(key: &rcgen::KeyPair) -> Arc<dyn crate::crypto::SigningKey> {
        ring::provider().key_loader.load(&PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap()
    }

    /// A certificate is nothing to who knows keys alone.
    #[test]
    fn certificates_are_refused_where_nobody_judges_them() {
        let end_entity = pki_types::CertificateDer::from(&b"a certificate"[..]);
        let now = UnixTime::since_unix_epoch(Duration::ZERO);
        let algorithms = ring::provider().signatures;
        let chain = PeerChain::new(Role::Server, &end_entity, &[], None, now, algorithms);
        let verifier = RawPublicKeys::new([]);
        assert_eq!(verifier.verify_chain(&chain).map(|_| ()), Err(CertificateError::UnknownIssuer));
        let later = verifier.verify_chain_now_or_later(&chain);
        assert!(matches!(later, Reply::Now(Err(CertificateError::UnknownIssuer))));
        let signed = SignedByPeer::new(&end_entity, SignatureScheme::ED25519, b"message", b"signature", algorithms);
        assert!(verifier.verify_signature(&signed).is_err());
    }

    /// CRT-24: trust is what was configured, and nothing else.
    #[test]
    fn only_the_keys_that_are_held_are_trusted() {
        let [known, other] = [(); 2].map(|()| signing_key(&rcgen::PKCS_ECDSA_P256_SHA256).public_key().unwrap());
        let verifier = RawPublicKeys::new([known.clone()]);
        let judge = |verifier: &RawPublicKeys, key: &SubjectPublicKeyInfoDer<'_>| {
            let now = UnixTime::since_unix_epoch(Duration::ZERO);
            verifier.verify_raw_public_key(&PeerRawPublicKey::new(Role::Client, key, None, now)).map(|_| ())
        };
        assert_eq!(judge(&verifier, &known), Ok(()));
        assert_eq!(judge(&verifier, &other), Err(CertificateError::UnknownPublicKey));
        assert_eq!(judge(&RawPublicKeys::new([]), &known), Err(CertificateError::UnknownPublicKey));
        assert_eq!(judge(&verifier, &known[..known.len() - 1].into()), Err(CertificateError::UnknownPublicKey));
    }

    /// CRT-24: each kind of key, with each scheme that it has.
    #[test]
    fn what_a_key_has_signed_is_verified_under_it() {
        let rsa = rcgen::KeyPair::from_pem(include_str!("../x509/testdata/rsa2048.key.pem")).unwrap();
        for key in [
            signing_key(&rcgen::PKCS_ECDSA_P256_SHA256),
            signing_key(&rcgen::PKCS_ECDSA_P384_SHA384),
            signing_key(&rcgen::PKCS_ED25519),
            load(&rsa),
        ] {
            let spki = key.public_key().unwrap();
            for scheme in key.schemes().iter().copied() {
                let signature = key.sign(scheme, b"message", &mut TestRng::new(8)).unwrap();
                let verify = |scheme, message, signature| {
                    let algorithms = ring::provider().signatures;
                    let signed = HandshakeSignature { scheme, message, signature, algorithms };
                    verify_by_raw_public_key(&spki, signed).map(|_| ())
                };
                assert_eq!(verify(scheme, b"message", &signature), Ok(()), "{scheme}");
                let bad = PeerMisbehaved::BadSignature.into();
                assert_eq!(verify(scheme, b"massage", &signature), Err(bad), "{scheme}");
                assert_eq!(verify(scheme, b"message", &[]), Err(bad), "{scheme}");
                for other in [SignatureScheme::ECDSA_SHA1, SignatureScheme(0x0a0a)] {
                    let unsuitable = PeerMisbehaved::UnsuitableSignatureScheme(other).into();
                    assert_eq!(verify(other, b"message", &signature), Err(unsuitable));
                }
            }
        }
    }

    /// CRT-24: a scheme for another kind of key.
    #[test]
    fn a_scheme_that_does_not_fit_the_key_is_named() {
        let key = signing_key(&rcgen::PKCS_ED25519).public_key().unwrap();
        for scheme in [SignatureScheme::ECDSA_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256] {
            let algorithms = ring::provider().signatures;
            let signed = HandshakeSignature { scheme, message: b"message", signature: &[0; 64], algorithms };
            let unsuitable = PeerMisbehaved::UnsuitableSignatureScheme(scheme).into();
            assert_eq!(verify_by_raw_public_key(&key, signed).unwrap_err(), unsuitable);
        }
    }
}
