//! Those in a configuration who decide with toys, and may leave it to the [desk](crate::decisions::Desk).

use std::sync::Arc;

use sealgram::code::SignatureScheme;
use sealgram::config::{ClientIdentities, ClientIdentityRequest, ServerIdentities, ServerIdentityRequest};
use sealgram::crypto::{KeyAlgorithm, SigningKey};
use sealgram::error::{CertificateError, CryptoError, Error};
use sealgram::pki_types::SubjectPublicKeyInfoDer;
use sealgram::rand_core::CryptoRng;
use sealgram::verify::{PeerChain, PeerVerifier, SignedByPeer};
use sealgram::{Identity, PeerVerified, Reply, Role, SignatureVerified};

use crate::authentication::toy_verifier;
use crate::decisions::{Promptness, Question, Questions};
use crate::identity::{toy_identity, toy_identity_of};
use crate::toy::{ToySigningKey, ToyVerifier};

/// Who judges the peer of this end.
pub(crate) fn toy_verifier_asking(questions: Questions, role: Role) -> Arc<dyn PeerVerifier> {
    match questions.promptness(Question::Verdict(role)) {
        None => toy_verifier(),
        Some(promptness) => Arc::new(Judge(promptness)),
    }
}

/// What this end shows, and the key that signs for it.
pub(crate) fn toy_identity_asking(questions: Questions, role: Role, certificates_in_chain: usize) -> Identity {
    match questions.promptness(Question::Signature(role)) {
        None if certificates_in_chain == 1 => toy_identity(),
        None => toy_identity_of(certificates_in_chain, Arc::new(ToySigningKey)),
        Some(promptness) => toy_identity_of(certificates_in_chain, Arc::new(Token(promptness))),
    }
}

/// Chooses always the same.
#[derive(Debug)]
pub(crate) struct Chooser {
    identity: Arc<Identity>,
    promptness: Promptness,
}

impl Chooser {
    pub(crate) fn new(identity: Identity, promptness: Promptness) -> Self {
        Self { identity: Arc::new(identity), promptness }
    }
}

impl ServerIdentities for Chooser {
    fn choose(&self, _: &ServerIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        self.promptness.reply(|| Some(self.identity.clone()))
    }
}

impl ClientIdentities for Chooser {
    fn choose(&self, _: &ClientIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        self.promptness.reply(|| Some(self.identity.clone()))
    }
}

/// Judges as [`ToyVerifier`], in its time.
#[derive(Debug)]
struct Judge(Promptness);

impl PeerVerifier for Judge {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        ToyVerifier.verify_chain(chain)
    }

    fn verify_chain_now_or_later(&self, chain: &PeerChain<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        self.0.reply(|| self.verify_chain(chain))
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        ToyVerifier.verify_signature(signed)
    }
}

/// Signs as [`ToySigningKey`], in its time.
#[derive(Debug)]
struct Token(Promptness);

impl SigningKey for Token {
    fn algorithm(&self) -> KeyAlgorithm {
        ToySigningKey.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        ToySigningKey.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        ToySigningKey.sign(scheme, message, rng)
    }

    fn sign_now_or_later(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Reply<Result<Vec<u8>, CryptoError>> {
        self.0.reply(|| self.sign(scheme, message, rng))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        ToySigningKey.public_key()
    }
}
