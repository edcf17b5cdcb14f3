//! How a peer's certificate is judged: the trait that the handshake calls, and what it hands over.

use core::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};

use crate::code::SignatureScheme;
use crate::crypto::SignatureAlgorithms;
use crate::error::{CertificateError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::role::Role;

/// Judges the certificate of a peer and the signatures made with its key.
///
/// Implementations must not block: the handshake waits for the answer.
pub trait PeerVerifier: fmt::Debug + Send + Sync {
    /// Judges the chain.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] says why it is refused; the handshake then fails with the alert that belongs to it.
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError>;

    /// Checks a handshake signature under the key of the end-entity certificate.
    ///
    /// # Errors
    ///
    /// Any [`Error`]: [`crate::error::PeerMisbehaved::BadSignature`] for a wrong signature,
    /// [`crate::error::PeerMisbehaved::UnsuitableSignatureScheme`] where the scheme does not fit the key,
    /// [`CertificateError`] where the certificate has no usable key.
    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error>;
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
    /// The calendar time.
    pub now: UnixTime,
    /// The algorithms of the provider.
    pub algorithms: SignatureAlgorithms,
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
        Self { peer, end_entity, intermediates, name, now, algorithms }
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
