//! What a peer shows of itself, and how it is judged: certificates by the verifier in all respects, a raw public key by
//! the verifier as to whose it is, and by this library as to what it signed.

use alloc::vec::Vec;

use pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use super::Read;
use crate::code::HandshakeType;
use crate::crypto::{SignatureAlgorithms, der};
use crate::decision::{Decision, Reply};
use crate::error::{CertificateError, DecodeError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::resumption::SavedSession;
use crate::role::Role;
use crate::session::Session;
use crate::verify::{
    HandshakeSignature, PeerChain, PeerRawPublicKey, PeerVerifier, SignedByPeer, verify_by_raw_public_key,
};
use crate::wire::certificate::{decode_chain, decode_raw_public_key};

/// The peer's chain.
pub(crate) struct Certificate<'m>(Vec<CertificateDer<'m>>);

impl<'m> Read<'m> for Certificate<'m> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;

    fn read(body: &'m [u8]) -> Result<Self, DecodeError> {
        decode_chain(body).map(Self)
    }
}

/// The peer's raw public key; `None` if it shows none.
pub(crate) struct RawPublicKey<'m>(Option<SubjectPublicKeyInfoDer<'m>>);

impl<'m> Read<'m> for RawPublicKey<'m> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;

    fn read(body: &'m [u8]) -> Result<Self, DecodeError> {
        match decode_raw_public_key(body)? {
            // What it says is for the judge; that it is none at all, like a certificate in its place, is not.
            Some(key) if !der::is_sequence(&key) => Err(DecodeError::InvalidValue),
            key => Ok(Self(key)),
        }
    }
}

/// `None` if the list is empty.
impl From<Certificate<'_>> for Option<PeerCredential> {
    fn from(Certificate(chain): Certificate<'_>) -> Self {
        let mut chain = chain.into_iter().map(CertificateDer::into_owned);
        let end_entity = chain.next()?;
        Some(PeerCredential::Certificates { end_entity, intermediates: chain.collect(), ocsp_response: Vec::new() })
    }
}

/// `None` if there is no key.
impl From<RawPublicKey<'_>> for Option<PeerCredential> {
    fn from(RawPublicKey(key): RawPublicKey<'_>) -> Self {
        key.map(|key| PeerCredential::RawPublicKey(key.into_owned()))
    }
}

/// What a peer showed.
#[derive(Clone)]
pub(crate) enum PeerCredential {
    /// Its own certificate, and the rest in the order it sent them.
    Certificates {
        end_entity: CertificateDer<'static>,
        intermediates: Vec<CertificateDer<'static>>,
        /// What a server stapled to it; empty if nothing.
        ocsp_response: Vec<u8>,
    },
    /// Its public key as it is.
    RawPublicKey(SubjectPublicKeyInfoDer<'static>),
}

/// Who the peer should be, and what its judge has to know besides.
pub(crate) struct ExpectedPeer<'a> {
    pub(crate) role: Role,
    pub(crate) name: Option<&'a ServerName<'a>>,
    pub(crate) now: UnixTime,
    pub(crate) algorithms: SignatureAlgorithms,
}

impl PeerCredential {
    /// What the peer of a session showed then; `None` if nothing.
    pub(crate) fn of(saved: &SavedSession) -> Option<Self> {
        let key = saved.peer_raw_public_key.clone().map(Self::RawPublicKey);
        key.or_else(|| {
            let (end_entity, intermediates) = saved.peer_certificates.split_first()?;
            let (end_entity, intermediates) = (end_entity.clone(), intermediates.to_vec());
            Some(Self::Certificates { end_entity, intermediates, ocsp_response: Vec::new() })
        })
    }

    /// Takes what was stapled. To a key nothing can be: it has no issuer who could revoke it.
    pub(crate) fn staple(&mut self, response: &[u8]) {
        if let Self::Certificates { ocsp_response, .. } = self {
            *ocsp_response = response.to_vec();
        }
    }

    /// The peer holds the key of what it showed.
    pub(crate) fn verify_signature(
        &self,
        verifier: &dyn PeerVerifier,
        signed: HandshakeSignature<'_>,
    ) -> Result<SignatureVerified, Error> {
        match self {
            Self::Certificates { end_entity, .. } => {
                let HandshakeSignature { scheme, message, signature, algorithms } = signed;
                verifier.verify_signature(&SignedByPeer { end_entity, scheme, message, signature, algorithms })
            }
            Self::RawPublicKey(key) => verify_by_raw_public_key(key, signed),
        }
    }

    /// The peer is who it should be.
    pub(crate) fn verify(
        &self,
        verifier: &dyn PeerVerifier,
        expected: &ExpectedPeer<'_>,
    ) -> Reply<Result<PeerVerified, CertificateError>> {
        let ExpectedPeer { role: peer, name, now, algorithms } = *expected;
        match self {
            Self::Certificates { end_entity, intermediates, ocsp_response } => {
                let chain = PeerChain::new(peer, end_entity, intermediates, name, now, algorithms);
                verifier.verify_chain_now_or_later(&chain.with_ocsp_response(ocsp_response))
            }
            Self::RawPublicKey(key) => {
                verifier.verify_raw_public_key_now_or_later(&PeerRawPublicKey { peer, key, name, now })
            }
        }
    }

    /// What the application has to know to judge it later.
    pub(crate) fn decision(&self, peer: Role, name: Option<&ServerName<'static>>) -> Decision {
        let name = name.cloned();
        match self.clone() {
            Self::Certificates { end_entity, intermediates, ocsp_response } => {
                Decision::PeerCertificates { peer, end_entity, intermediates, name, ocsp_response }
            }
            Self::RawPublicKey(key) => Decision::PeerRawPublicKey { peer, key, name },
        }
    }

    /// Becomes a fact of the session.
    pub(crate) fn enter(self, session: &mut Session) {
        match self {
            Self::Certificates { end_entity, intermediates, .. } => {
                session.peer_certificates = intermediates;
                session.peer_certificates.insert(0, end_entity);
            }
            Self::RawPublicKey(key) => session.peer_raw_public_key = Some(key),
        }
    }
}
