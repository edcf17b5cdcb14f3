//! The judge of the runner's certificates, who says yes, or no if the flags say so.
//!
//! What the runner tests is whether the verdict counts. Of the certificates themselves it tests one thing, which is the
//! verifier's here: what the key may be used for. Signatures are checked like anywhere else.

use core::sync::atomic::{AtomicU16, Ordering};
use std::sync::Arc;

use sealgram::error::{CertificateError, Error};
use sealgram::verify::{PeerChain, PeerVerifier, SignedByPeer};
use sealgram::x509::CertificateVerifier;
use sealgram::x509::danger::AcceptAnyCertificate;
use sealgram::{PeerVerified, SignatureVerified};

use crate::options::Options;

/// The signature scheme that the peer signed with; 0 before it did.
pub(crate) type PeerScheme = Arc<AtomicU16>;

/// Looks at no name, date or issuer.
#[derive(Debug)]
pub(crate) struct Verdict {
    refusal: Option<CertificateError>,
    peer_scheme: PeerScheme,
}

impl Verdict {
    pub(crate) fn new(options: &Options, peer_scheme: PeerScheme) -> Self {
        // BoringSSL's two hooks refuse with different alerts; this one is that of the newer.
        let refusal = options.verify_fail.then_some(CertificateError::Other);
        Self { refusal, peer_scheme }
    }
}

impl PeerVerifier for Verdict {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        if let Some(error) = self.refusal {
            return Err(error);
        }
        match judge_alone(chain) {
            Err(error @ CertificateError::KeyUsageForbidsSigning) => Err(error),
            _ => AcceptAnyCertificate.verify_chain(chain),
        }
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        let verified = AcceptAnyCertificate.verify_signature(signed)?;
        self.peer_scheme.store(signed.scheme.0, Ordering::Relaxed);
        Ok(verified)
    }
}

/// The verdict of the real verifier on a certificate that is trusted by itself.
fn judge_alone(chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
    let trusted = vec![chain.end_entity.clone().into_owned()];
    let verifier = CertificateVerifier::builder(trusted).build().map_err(|_| CertificateError::BadEncoding)?;
    verifier.verify_chain(chain)
}
