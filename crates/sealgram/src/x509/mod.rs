//! Verifiers for X.509 certificates, and what else has to be read out of one.
//!
//! rustls-webpki builds and checks paths and matches names. x509-parser reads what it leaves out: key usage, the dates
//! of a certificate that is trusted by itself, the common name, and details for people. No DER is parsed here.
//!
//! | verifier | accepts |
//! |---|---|
//! | [`CertificateVerifier`] | chains to the configured trust anchors, for the name that was asked for |
//! | [`Fingerprints`] | the certificates whose SHA-256 fingerprints are pinned |
//! | [`danger::AcceptAnyCertificate`] | everything |
//!
//! All of them check that the peer holds the private key of the certificate it shows. They know no signature algorithms
//! but those of the configured provider; a provider without MD5 and SHA-1 refuses them in chains as well (RFC 9155).
//!
//! What this module does not know: where anchors and revocation lists come from, and when in the handshake it is called.
//! Nor does it read OCSP responses.

pub mod danger;

mod details;
mod errors;
mod fingerprint;
mod key;
mod revocation;
mod summary;
#[cfg(test)]
mod testing;
mod verifier;

pub(crate) use details::{issuer_name, issuer_scheme};
pub use fingerprint::{Fingerprint, Fingerprints, ParseFingerprintError};
pub use key::{KeyKind, KeySummary, certificate_fits_key, key_algorithm};
pub use summary::{AlternativeName, CalendarTime, CertificateSummary, summary};
pub use verifier::{BuildVerifierError, CertificateVerifier, CertificateVerifierBuilder};
