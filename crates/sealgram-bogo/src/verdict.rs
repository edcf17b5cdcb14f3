//! The judge of the runner's certificates and keys, who says what the flags say.
//!
//! What the runner tests is whether the verdict counts. Of the certificates themselves it tests one thing, which is the
//! verifier's here: what the key may be used for. Signatures are checked like anywhere else.

use core::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use sealgram::code::CertificateType;
use sealgram::error::{CertificateError, Error};
use sealgram::pki_types::CertificateDer;
use sealgram::verify::{PeerChain, PeerRawPublicKey, PeerVerifier, SignedByPeer};
use sealgram::x509::danger::AcceptAnyCertificate;
use sealgram::x509::{CertificateVerifier, Fingerprint};
use sealgram::{PeerVerified, Reply, SignatureVerified};

use crate::options::{Options, Terms};
use crate::seen::{Seen, lock};

/// Looks at no name, date or issuer.
#[derive(Debug)]
pub(crate) struct Verdict {
    terms: Terms,
    rules: Mutex<Rules>,
    /// The certificates that it accepted. BoringSSL's verdict stands in the session, and counts where that is taken up
    /// again; ours is asked again by a server, and says the same.
    accepted: Mutex<Vec<CertificateDer<'static>>>,
    seen: Arc<Seen>,
}

/// What it says.
#[derive(Debug, Default)]
struct Rules {
    refuses: bool,
    /// To take time over what was not accepted yet.
    judges_later: bool,
    /// To judge anew what was accepted once.
    judges_anew: bool,
    refuses_ocsp_response: bool,
    /// The SHA-256 of the raw public key that is expected.
    public_key: Option<Vec<u8>>,
}

impl Verdict {
    pub(crate) fn new(options: &Options, seen: &Arc<Seen>) -> Self {
        let verdict = Self {
            terms: options.terms.clone(),
            rules: Mutex::default(),
            accepted: Mutex::default(),
            seen: Arc::clone(seen),
        };
        verdict.follow(options);
        verdict
    }

    /// From now on it says what these options say.
    pub(crate) fn follow(&self, options: &Options) {
        *lock(&self.rules) = Rules {
            refuses: refuses(options),
            judges_later: options.answers_later,
            judges_anew: options.reverify_on_resume,
            refuses_ocsp_response: options.ocsp_callback.fails(),
            public_key: options.expected.peer_public_key.clone(),
        };
    }

    /// Whether it can go on being the judge under these options. A client takes up the sessions that its judge let it
    /// make. Where the runner wants them judged anew, by a judge who says otherwise, that is another judge.
    pub(crate) fn suits(&self, options: &Options) -> bool {
        let says_the_same = lock(&self.rules).refuses == refuses(options);
        self.terms == options.terms && (says_the_same || !options.reverify_on_resume)
    }
}

/// A client that is not told to verify notes what its judge says, and goes on.
fn refuses(options: &Options) -> bool {
    options.verify_fail && (options.verify_peer || options.require_certificate)
}

impl PeerVerifier for Verdict {
    /// What was accepted once is judged at once: a server takes up no session that it has to wait for.
    fn verify_chain_now_or_later(&self, chain: &PeerChain<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        let is_known = lock(&self.accepted).iter().any(|known| known == chain.end_entity);
        if lock(&self.rules).judges_later && !is_known {
            return Reply::Later;
        }
        Reply::Now(self.verify_chain(chain))
    }

    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        *lock(&self.seen.ocsp_response) = chain.ocsp_response.to_vec();
        let rules = lock(&self.rules);
        let mut accepted = lock(&self.accepted);
        if rules.refuses && (rules.judges_anew || !accepted.iter().any(|known| known == chain.end_entity)) {
            // BoringSSL's two hooks refuse with different alerts; this one is that of the newer.
            return Err(CertificateError::Other);
        }
        if rules.refuses_ocsp_response {
            return Err(CertificateError::BadOcspResponse);
        }
        match judge_alone(chain) {
            Err(error @ CertificateError::KeyUsageForbidsSigning) => return Err(error),
            Err(_) | Ok(_) => accepted.push(chain.end_entity.clone().into_owned()),
        }
        AcceptAnyCertificate.verify_chain(chain)
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        let verified = AcceptAnyCertificate.verify_signature(signed)?;
        self.seen.peer_scheme.store(signed.scheme.0, Ordering::Relaxed);
        Ok(verified)
    }

    fn certificate_types(&self) -> &[CertificateType] {
        match &*self.terms.peer_types {
            [] => &[CertificateType::X509],
            types => types,
        }
    }

    /// BoringSSL trusts no key that its application does not name.
    fn verify_raw_public_key(&self, peer: &PeerRawPublicKey<'_>) -> Result<PeerVerified, CertificateError> {
        let rules = lock(&self.rules);
        // A fingerprint is the SHA-256 of whatever the bytes are.
        let found = Fingerprint::of(&CertificateDer::from(peer.key.to_vec()));
        if !rules.refuses && rules.public_key.as_deref() == Some(found.as_bytes()) {
            Ok(PeerVerified::assertion())
        } else {
            Err(CertificateError::Other)
        }
    }

    fn wants_ocsp_response(&self) -> bool {
        self.terms.ocsp_response
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &self.terms.authorities
    }
}

/// The verdict of the real verifier on a certificate that is trusted by itself.
fn judge_alone(chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
    let trusted = vec![chain.end_entity.clone().into_owned()];
    let verifier = CertificateVerifier::builder(trusted).build().map_err(|_| CertificateError::BadEncoding)?;
    verifier.verify_chain(chain)
}
