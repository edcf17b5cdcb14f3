//! From rustls-webpki's errors to ours: one table.

use webpki::Error as PathError;

use crate::error::CertificateError;

/// What `error` means to the user and, through `alert_for`, to the peer (RFC 5246 section 7.2.2).
///
/// Rows for errors that are about revocation lists say that the status is not known: only a list that was read and
/// names the certificate makes it revoked.
#[expect(deprecated, reason = "the old variants are still part of the type; they mean what their successors mean")]
pub(super) fn certificate_error(error: &PathError) -> CertificateError {
    match error {
        PathError::BadDer
        | PathError::BadDerTime
        | PathError::EmptyEkuExtension
        | PathError::ExtensionValueInvalid
        | PathError::InvalidCertValidity
        | PathError::InvalidNetworkMaskConstraint
        | PathError::InvalidSerialNumber
        | PathError::MalformedDnsIdentifier
        | PathError::MalformedExtensions
        | PathError::MalformedNameConstraint
        | PathError::SignatureAlgorithmMismatch
        | PathError::TrailingData(_) => CertificateError::BadEncoding,

        PathError::InvalidSignatureForPublicKey => CertificateError::BadSignature,

        PathError::CaUsedAsEndEntity => CertificateError::CaUsedAsEndEntity,

        PathError::CertExpired { time, not_after } => {
            CertificateError::Expired { now: time.as_secs(), not_after: not_after.as_secs() }
        }
        PathError::CertNotValidYet { time, not_before } => {
            CertificateError::NotYetValid { now: time.as_secs(), not_before: not_before.as_secs() }
        }

        PathError::CertNotValidForName(_) | PathError::UnsupportedNameType => CertificateError::NameMismatch,

        PathError::NameConstraintViolation => CertificateError::NameNotPermitted,

        PathError::RequiredEkuNotFound | PathError::RequiredEkuNotFoundContext(_) => {
            CertificateError::NotForThisPurpose
        }

        PathError::MaximumNameConstraintComparisonsExceeded
        | PathError::MaximumPathBuildCallsExceeded
        | PathError::MaximumPathDepthExceeded
        | PathError::MaximumSignatureChecksExceeded
        | PathError::PathLenConstraintViolated => CertificateError::PathTooLong,

        // webpki carries a short list of keys that the whole Web revoked for good.
        PathError::CertDistrusted | PathError::CertRevoked => CertificateError::Revoked,

        PathError::CrlExpired { .. }
        | PathError::InvalidCrlNumber
        | PathError::InvalidCrlSignatureForPublicKey
        | PathError::IssuerNotCrlSigner
        | PathError::UnknownRevocationStatus
        | PathError::UnsupportedCrlIssuingDistributionPoint
        | PathError::UnsupportedCrlSignatureAlgorithm
        | PathError::UnsupportedCrlSignatureAlgorithmContext(_)
        | PathError::UnsupportedCrlSignatureAlgorithmForPublicKey
        | PathError::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
        | PathError::UnsupportedCrlVersion
        | PathError::UnsupportedDeltaCrl
        | PathError::UnsupportedIndirectCrl
        | PathError::UnsupportedRevocationReason
        | PathError::UnsupportedRevocationReasonsPartitioning => CertificateError::RevocationStatusUnknown,

        // A certificate that is no authority's vouches for nobody, so nobody vouches for the one below it.
        PathError::EndEntityUsedAsCa | PathError::UnknownIssuer => CertificateError::UnknownIssuer,

        PathError::UnsupportedCriticalExtension => CertificateError::UnsupportedExtension,

        PathError::UnsupportedSignatureAlgorithm
        | PathError::UnsupportedSignatureAlgorithmContext(_)
        | PathError::UnsupportedSignatureAlgorithmForPublicKey
        | PathError::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::UnsupportedSignatureAlgorithm
        }

        PathError::UnsupportedCertVersion => CertificateError::UnsupportedVersion,

        _ => CertificateError::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::AlertDescription;
    use crate::error::alert_for;

    /// CRT-06: the alerts that RFC 5246 section 7.2.2 gives to the kinds of failure.
    #[test]
    fn each_kind_of_failure_has_its_alert() {
        for (error, alert) in [
            (PathError::BadDer, AlertDescription::BAD_CERTIFICATE),
            (PathError::NameConstraintViolation, AlertDescription::BAD_CERTIFICATE),
            (PathError::UnsupportedCertVersion, AlertDescription::UNSUPPORTED_CERTIFICATE),
            (PathError::UnsupportedCriticalExtension, AlertDescription::UNSUPPORTED_CERTIFICATE),
            (PathError::CertRevoked, AlertDescription::CERTIFICATE_REVOKED),
            (PathError::CaUsedAsEndEntity, AlertDescription::CERTIFICATE_UNKNOWN),
            (PathError::UnknownIssuer, AlertDescription::UNKNOWN_CA),
        ] {
            assert_eq!(alert_for(&certificate_error(&error).into()), Some(alert), "{error}");
        }
    }

    /// CRT-06: only a list that was read and names the certificate makes it revoked. `revocation` tests the others with
    /// real lists, and `verifier` with real chains.
    #[test]
    fn revocation_errors_are_told_apart_from_revocation() {
        assert_eq!(certificate_error(&PathError::CertRevoked), CertificateError::Revoked);
        for error in [PathError::UnknownRevocationStatus, PathError::IssuerNotCrlSigner, PathError::InvalidCrlNumber] {
            assert_eq!(certificate_error(&error), CertificateError::RevocationStatusUnknown);
        }
    }

    /// CRT-06, CRT-20: each budget of the path search has the same meaning.
    #[test]
    fn exhausted_budgets_are_a_path_too_long() {
        for error in [PathError::MaximumSignatureChecksExceeded, PathError::MaximumPathBuildCallsExceeded] {
            assert_eq!(certificate_error(&error), CertificateError::PathTooLong);
        }
    }
}
