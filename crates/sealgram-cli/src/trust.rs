//! Which servers a client believes, and what it says about those that it does not.

use std::sync::{Arc, Mutex, PoisonError};

use pki_types::{CertificateDer, ServerName};
use sealgram::code::CertificateType;
use sealgram::error::{CertificateError, Error};
use sealgram::verify::{PeerChain, PeerRawPublicKey, PeerVerifier, RawPublicKeys, SignedByPeer};
use sealgram::x509::danger::AcceptAnyCertificate;
use sealgram::x509::{self, CertificateSummary, CertificateVerifier, Fingerprints};
use sealgram::{PeerVerified, SignatureVerified};

use crate::args::Trust;
use crate::failure::{Failure, Result};
use crate::identity;

/// Asks another verifier, and keeps the certificate, so that a refusal can say what was refused.
#[derive(Debug)]
pub(crate) struct Witness {
    judge: Arc<dyn PeerVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Witness {
    /// The verifier that the command line asks for.
    pub(crate) fn new(trust: &Trust) -> Result<Self> {
        let judge: Arc<dyn PeerVerifier> = match trust {
            Trust { ca: Some(path), .. } => {
                let unusable = |error| Failure::because(format!("cannot use {}: {error}", path.display()));
                Arc::new(CertificateVerifier::builder(identity::certificates(path)?).build().map_err(unusable)?)
            }
            Trust { fingerprint: Some(fingerprint), .. } => Arc::new(Fingerprints::new([*fingerprint])),
            Trust { rpk: Some(path), .. } => Arc::new(RawPublicKeys::new([identity::public_key(path)?])),
            Trust { insecure: true, .. } => Arc::new(AcceptAnyCertificate),
            Trust { .. } => Arc::new(system_verifier()?),
        };
        Ok(Self { judge, seen: Mutex::new(None) })
    }

    /// For who looks at no certificate, and asks nothing of this system.
    pub(crate) fn idle() -> Self {
        Self { judge: Arc::new(Fingerprints::new([])), seen: Mutex::new(None) }
    }

    /// Why the server's certificate was refused, and what could be done about it.
    pub(crate) fn explain(&self, error: CertificateError, asked: &ServerName<'_>) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.as_ref().and_then(|certificate| x509::summary(certificate).ok()) {
            Some(summary) => explain(error, &summary, asked),
            None if error == CertificateError::UnknownPublicKey => {
                "the server's raw public key is not the one that --rpk names".into()
            }
            None => format!("the server's certificate was refused: {error}"),
        }
    }
}

impl PeerVerifier for Witness {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> core::result::Result<PeerVerified, CertificateError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain.end_entity.clone().into_owned());
        self.judge.verify_chain(chain)
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> core::result::Result<SignatureVerified, Error> {
        self.judge.verify_signature(signed)
    }

    fn certificate_types(&self) -> &[CertificateType] {
        self.judge.certificate_types()
    }

    fn verify_raw_public_key(
        &self,
        peer: &PeerRawPublicKey<'_>,
    ) -> core::result::Result<PeerVerified, CertificateError> {
        self.judge.verify_raw_public_key(peer)
    }
}

/// What a connected server's certificate was checked against.
pub(crate) fn describe(trust: &Trust) -> String {
    match trust {
        Trust { ca: Some(path), .. } => format!("the certificates in {}", path.display()),
        Trust { fingerprint: Some(_), .. } => "the fingerprint".into(),
        Trust { rpk: Some(path), .. } => format!("the public key in {}", path.display()),
        Trust { insecure: true, .. } => "not checked: anyone could have answered (--insecure)".into(),
        Trust { .. } => "the roots of this system".into(),
    }
}

fn system_verifier() -> Result<CertificateVerifier> {
    let remedy = "say what to trust: --ca PEM, --fingerprint SHA256 or --insecure";
    let roots = sealgram_std::system_roots()
        .map_err(|error| Failure::because(format!("cannot read the roots of this system: {error}; {remedy}")))?;
    // One odd certificate among a system's hundred must not take the others away.
    let builder = CertificateVerifier::builder(roots).skip_unusable_roots();
    builder.build().map_err(|error| Failure::because(format!("cannot use the roots of this system: {error}; {remedy}")))
}

fn explain(error: CertificateError, summary: &CertificateSummary, asked: &ServerName<'_>) -> String {
    let CertificateSummary { subject, issuer, not_before, not_after, fingerprint, .. } = summary;
    match error {
        CertificateError::NameMismatch => {
            let names = list(summary.names.iter().map(ToString::to_string).collect());
            format!("the server's certificate is for {names}, not for {}; see --name", asked.to_str())
        }
        CertificateError::Expired { now, .. } => {
            let ago = days(now.saturating_sub(u64::try_from(not_after.unix_seconds()).unwrap_or(0)));
            format!("the server's certificate expired {ago} ago, on {not_after}")
        }
        CertificateError::NotYetValid { .. } => {
            format!("the server's certificate is not valid before {not_before}; is the clock of this machine right?")
        }
        CertificateError::UnknownIssuer if subject == issuer => format!(
            "the server's certificate is self-signed and not trusted here ({subject}); \
             trust it with --ca PEM or --fingerprint {fingerprint}, if that is its fingerprint"
        ),
        CertificateError::UnknownIssuer => {
            format!("the server's certificate ({subject}) has an issuer that is not trusted here ({issuer}); see --ca")
        }
        CertificateError::FingerprintMismatch => {
            format!("the server's certificate ({subject}) has another fingerprint: {fingerprint}")
        }
        other => format!("the server's certificate ({subject}) was refused: {other}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(mut items: Vec<String>) -> String {
    match items.pop() {
        None => "no name at all".into(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} and {last}", items.join(", ")),
    }
}

fn days(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => "less than a day".into(),
        1 => "a day".into(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list(vec![]), "no name at all");
        assert_eq!(list(vec!["a".into()]), "a");
        assert_eq!(list(vec!["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!([days(5), days(90_000), days(200_000)], ["less than a day", "a day", "2 days"]);
    }
}
