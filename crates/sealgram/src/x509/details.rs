//! What rustls-webpki does not tell about a certificate: its dates, purpose, key usage and common name.

use alloc::vec::Vec;

use pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519, OID_X509_EXT_NAME_CONSTRAINTS, OID_X509_EXT_SUBJECT_ALT_NAME,
};

use crate::code::SignatureScheme;
use crate::error::CertificateError;
use crate::role::Role;

/// Reads a certificate; nothing may follow it.
pub(super) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CertificateError::BadEncoding),
    }
}

/// The distinguished name of the issuer, in DER.
pub(crate) fn issuer_name(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, CertificateError> {
    Ok(parse(certificate)?.issuer().as_raw().to_vec())
}

/// The distinguished names, in DER, of which one is the issuer of whatever this certificate is trusted for: its own, and
/// where it is itself what a peer shows, that of its issuer. None if it does not parse.
pub(super) fn authority_names(certificate: &CertificateDer<'_>) -> Vec<Vec<u8>> {
    let Ok(certificate) = parse(certificate) else { return Vec::new() };
    let (subject, issuer) = (certificate.subject().as_raw().to_vec(), certificate.issuer().as_raw().to_vec());
    if subject == issuer { Vec::from([subject]) } else { Vec::from([subject, issuer]) }
}

/// How the issuer signed a certificate: `None` where it is its own issuer, and `Some(None)` for an algorithm that has no
/// signature scheme here.
pub(crate) fn issuer_scheme(
    certificate: &CertificateDer<'_>,
) -> Result<Option<Option<SignatureScheme>>, CertificateError> {
    let certificate = parse(certificate)?;
    if certificate.issuer().as_raw() == certificate.subject().as_raw() {
        return Ok(None);
    }
    let algorithm = &certificate.signature_algorithm.algorithm;
    let scheme = SCHEMES.iter().find(|(oid, _)| oid == algorithm).map(|(_, scheme)| *scheme);
    Ok(Some(scheme))
}

/// The signature algorithms of certificates that say which scheme they are by their name alone. RSASSA-PSS has its hash
/// in parameters, and is left out: such a chain is shown to whoever can use no other.
const SCHEMES: &[(Oid<'_>, SignatureScheme)] = &[
    (OID_SIG_ECDSA_WITH_SHA256, SignatureScheme::ECDSA_SHA256),
    (OID_SIG_ECDSA_WITH_SHA384, SignatureScheme::ECDSA_SHA384),
    (OID_SIG_ED25519, SignatureScheme::ED25519),
    (OID_PKCS1_SHA256WITHRSA, SignatureScheme::RSA_PKCS1_SHA256),
    (OID_PKCS1_SHA384WITHRSA, SignatureScheme::RSA_PKCS1_SHA384),
    (OID_PKCS1_SHA512WITHRSA, SignatureScheme::RSA_PKCS1_SHA512),
];

/// Both dates belong to the time of validity (RFC 5280 section 4.1.2.5).
pub(super) fn check_dates(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let now = now.as_secs();
    let signed_now = i64::try_from(now).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let since_1970 = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    if signed_now < not_before {
        Err(CertificateError::NotYetValid { now, not_before: since_1970(not_before) })
    } else if signed_now > not_after {
        Err(CertificateError::Expired { now, not_after: since_1970(not_after) })
    } else {
        Ok(())
    }
}

/// The extended key usage, if there is one, lists what the peer is doing (RFC 5280 section 4.2.1.12).
pub(super) fn check_purpose(certificate: &X509Certificate<'_>, peer: Role) -> Result<(), CertificateError> {
    let usage = certificate.extended_key_usage().map_err(|_| CertificateError::BadEncoding)?;
    let allowed = usage.is_none_or(|usage| match peer {
        Role::Server => usage.value.server_auth,
        Role::Client => usage.value.client_auth,
    });
    if allowed { Ok(()) } else { Err(CertificateError::NotForThisPurpose) }
}

/// The key usage, if there is one, allows signatures: in every suite with certificates that we have, the key of the
/// end entity signs (RFC 5246 section 7.4.2).
pub(super) fn check_key_usage(certificate: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let usage = certificate.key_usage().map_err(|_| CertificateError::BadEncoding)?;
    let allowed = usage.is_none_or(|usage| usage.value.digital_signature());
    if allowed { Ok(()) } else { Err(CertificateError::KeyUsageForbidsSigning) }
}

/// Whether there is a subject alternative name, well-formed or not.
pub(super) fn has_alternative_name(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
}

/// Whether this issuer may only vouch for some names.
pub(super) fn has_name_constraints(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| extension.oid == OID_X509_EXT_NAME_CONSTRAINTS)
}

/// The common name, if there is exactly one and it is text. Of several, nobody could say which one counts.
pub(super) fn common_name<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    let mut names = certificate.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().ok(),
        _ => None,
    }
}
