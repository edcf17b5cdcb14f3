//! How a peer's certificate or raw public key is judged: the trait that the handshake calls, and what it hands over.

use alloc::vec::Vec;
use core::fmt;

use pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use crate::code::{CertificateType, SignatureScheme};
use crate::crypto::SignatureAlgorithms;
use crate::decision::Reply;
use crate::error::{CertificateError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::role::Role;

mod raw_public_keys;

pub use raw_public_keys::RawPublicKeys;
pub(crate) use raw_public_keys::{HandshakeSignature, verify_by_raw_public_key};

/// Judges the certificate of a peer and the signatures made with its key, or its raw public key (RFC 7250).
///
/// Implementations must not block. One that has to ask elsewhere answers later: see
/// [`Self::verify_chain_now_or_later`].
pub trait PeerVerifier: fmt::Debug + Send + Sync {
    /// Judges the chain.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] says why it is refused; the handshake then fails with the alert that belongs to it.
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError>;

    /// What the handshake calls: judges the chain now, or lets the handshake wait. [`Reply::Later`] becomes a
    /// [`Decision::PeerCertificates`](crate::Decision::PeerCertificates), which the application answers, perhaps by
    /// [`Self::verify_chain`] of this very verifier, on a thread of its own. By default that is called here, now.
    ///
    /// A server that is to take up the session of a client with a certificate judges that again; if the verdict would
    /// come later, the handshake is a full one.
    fn verify_chain_now_or_later(&self, chain: &PeerChain<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        Reply::Now(self.verify_chain(chain))
    }

    /// Checks a handshake signature under the key of the end-entity certificate.
    ///
    /// # Errors
    ///
    /// Any [`Error`]: [`crate::error::PeerMisbehaved::BadSignature`] for a wrong signature,
    /// [`crate::error::PeerMisbehaved::UnsuitableSignatureScheme`] where the scheme does not fit the key,
    /// [`CertificateError`] where the certificate has no usable key.
    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error>;

    /// What the peer may show, best first: a client offers this to its server, and a server asks its clients for the
    /// first of these that they have (RFC 7250 section 4). By default X.509 certificates alone.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }

    /// Judges a raw public key: nothing vouches for it but what this verifier knows already (RFC 7250 section 4.4).
    /// Signatures made with it are checked without the verifier. By default all are refused; without an entry in
    /// [`Self::certificate_types`] there are none.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] says why it is refused: [`CertificateError::UnknownPublicKey`] as a rule.
    fn verify_raw_public_key(&self, _peer: &PeerRawPublicKey<'_>) -> Result<PeerVerified, CertificateError> {
        Err(CertificateError::UnknownPublicKey)
    }

    /// As [`Self::verify_chain_now_or_later`], for a raw public key and
    /// [`Decision::PeerRawPublicKey`](crate::Decision::PeerRawPublicKey). By default [`Self::verify_raw_public_key`] is
    /// called here, now.
    fn verify_raw_public_key_now_or_later(
        &self,
        peer: &PeerRawPublicKey<'_>,
    ) -> Reply<Result<PeerVerified, CertificateError>> {
        Reply::Now(self.verify_raw_public_key(peer))
    }

    /// Whether a client asks its server for an OCSP response (RFC 6066 section 8), which then comes as
    /// [`PeerChain::ocsp_response`]. A verifier that asks has to judge what it gets, and to say for itself what it makes
    /// of getting none: servers need not have one. By default nothing is asked for.
    fn wants_ocsp_response(&self) -> bool {
        false
    }

    /// The distinguished names, in DER, of the issuers whose certificates are acceptable: what a server tells its
    /// clients in CertificateRequest (RFC 5246 section 7.4.4), so that they can choose. By default there are none,
    /// which says that any may do; names that do not fit the message are left out altogether.
    fn authorities(&self) -> &[Vec<u8>] {
        &[]
    }
}

/// The chain that a peer sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PeerChain<'a> {
    /// Which side the peer plays.
    pub peer: Role,
    /// The peer's own certificate.
    pub end_entity: &'a CertificateDer<'a>,
    /// The rest of what it sent, in the order it sent it.
    pub intermediates: &'a [CertificateDer<'a>],
    /// The name that was asked for; `None` on a server.
    pub name: Option<&'a ServerName<'a>>,
    /// The OCSP response that the server stapled to its certificate, in DER; empty if there is none. Only a verifier that
    /// asks for it ([`PeerVerifier::wants_ocsp_response`]) gets one. For a bad one
    /// [`CertificateError::BadOcspResponse`] is the error that RFC 6066 section 8 asks for.
    pub ocsp_response: &'a [u8],
    /// The calendar time.
    pub now: UnixTime,
    /// The algorithms of the provider.
    pub algorithms: SignatureAlgorithms,
}

/// The raw public key that a peer sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PeerRawPublicKey<'a> {
    /// Which side the peer plays.
    pub peer: Role,
    /// The key, as it came: whoever compares it byte for byte need not read it.
    pub key: &'a SubjectPublicKeyInfoDer<'a>,
    /// The name that was asked for; `None` on a server.
    pub name: Option<&'a ServerName<'a>>,
    /// The calendar time.
    pub now: UnixTime,
}

/// A handshake signature and what it signs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SignedByPeer<'a> {
    /// The certificate whose key is claimed to have signed.
    pub end_entity: &'a CertificateDer<'a>,
    /// The scheme; already known to be one that we offered and that fits the cipher suite.
    pub scheme: SignatureScheme,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The algorithms of the provider.
    pub algorithms: SignatureAlgorithms,
}

impl<'a> PeerChain<'a> {
    /// Puts a chain together, for verifiers that wrap others and for tests of verifiers.
    #[must_use]
    pub const fn new(
        peer: Role,
        end_entity: &'a CertificateDer<'a>,
        intermediates: &'a [CertificateDer<'a>],
        name: Option<&'a ServerName<'a>>,
        now: UnixTime,
        algorithms: SignatureAlgorithms,
    ) -> Self {
        Self { peer, end_entity, intermediates, name, ocsp_response: &[], now, algorithms }
    }

    /// The same with a stapled OCSP response.
    #[must_use]
    pub const fn with_ocsp_response(self, ocsp_response: &'a [u8]) -> Self {
        Self { ocsp_response, ..self }
    }
}

impl<'a> PeerRawPublicKey<'a> {
    /// Puts a key and what is known of its sender together, for verifiers that wrap others and for tests of verifiers.
    #[must_use]
    pub const fn new(
        peer: Role,
        key: &'a SubjectPublicKeyInfoDer<'a>,
        name: Option<&'a ServerName<'a>>,
        now: UnixTime,
    ) -> Self {
        Self { peer, key, name, now }
    }
}

impl<'a> SignedByPeer<'a> {
    /// Puts a signature together, for verifiers that wrap others and for tests of verifiers.
    #[must_use]
    pub const fn new(
        end_entity: &'a CertificateDer<'a>,
        scheme: SignatureScheme,
        message: &'a [u8],
        signature: &'a [u8],
        algorithms: SignatureAlgorithms,
    ) -> Self {
        Self { end_entity, scheme, message, signature, algorithms }
    }
}
