//! Settings that do not work.

use core::fmt;

use super::MIN_SHORT_TAG_FORGERIES;
use crate::code::{CipherSuite, SrtpProfile};

/// A setting that does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The chain does not fit a handshake message that peers accept.
    ChainTooLong,
    /// An identity needs at least one certificate.
    EmptyChain,
    /// The flights are left to the application ([`TransportOptions::external_retransmission`]), but the adapter would send
    /// them itself.
    ///
    /// [`TransportOptions::external_retransmission`]: crate::TransportOptions::external_retransmission
    ExternalRetransmission,
    /// The configured lists make a ClientHello that is too long to encode.
    HelloTooLong,
    /// An application protocol must have 1 to 255 bytes, and all of them together fewer than 65536.
    InvalidApplicationProtocol,
    /// The limit for forgeries of short tags must not be below [`MIN_SHORT_TAG_FORGERIES`].
    InvalidForgeryLimit,
    /// An OCSP response is empty or too long, or there is no certificate that it could be for.
    InvalidOcspResponse,
    /// A preshared key must have 1 to 512 bytes, its identity at most 1024, and a hint at most 65535.
    InvalidPresharedKey,
    /// A name that an identity is for is no DNS name.
    InvalidServerName,
    /// The limit for handshake messages must be 2048 to 1048576 bytes.
    InvalidMessageLimit,
    /// A record_size_limit must be 64 to 16384 bytes.
    InvalidRecordSizeLimit,
    /// An SRTP master key identifier must have at most 255 bytes; it, and the demand for SRTP, need profiles.
    InvalidSrtp,
    /// The initial timeout must be 1 ms to 60 s, and not above the handshake deadline; the longest timeout must be from
    /// the initial one to an hour.
    InvalidTimeout,
    /// The private key is not that of the first certificate of the chain.
    KeyDoesNotFit,
    /// The MTU leaves no room for the handshake.
    MtuTooSmall {
        /// The smallest that works, in bytes.
        least: usize,
    },
    /// The provider has no cipher suite that this configuration can use.
    NoCipherSuites,
    /// The provider has no group.
    NoGroups,
    /// The provider has no AES-256-GCM, which seals tickets and snapshots.
    NoTicketCipher,
    /// The provider verifies no signature.
    NoSignatureSchemes,
    /// A key that is to be shown as it is does not know its public half.
    PublicKeyUnknown,
    /// A cipher suite is named that the provider does not have.
    UnknownCipherSuite(CipherSuite),
    /// An SRTP profile is not known, or protects nothing.
    UnusableSrtpProfile(SrtpProfile),
    /// The first certificate of the chain does not parse.
    UnreadableCertificate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChainTooLong => f.write_str("the certificate chain is too long for a handshake message"),
            Self::EmptyChain => f.write_str("an identity needs at least one certificate"),
            Self::ExternalRetransmission => {
                f.write_str("the flights are left to the application, but the adapter would send them itself")
            }
            Self::HelloTooLong => f.write_str("the configured lists make a ClientHello that is too long to encode"),
            Self::InvalidApplicationProtocol => f.write_str("an application protocol must have 1 to 255 bytes"),
            Self::InvalidForgeryLimit => {
                write!(f, "the limit for forgeries of short tags must be at least {MIN_SHORT_TAG_FORGERIES}")
            }
            Self::InvalidOcspResponse => {
                f.write_str("an OCSP response is empty, too long, or for an identity without a certificate")
            }
            Self::InvalidPresharedKey => f.write_str(
                "a preshared key must have 1 to 512 bytes, its identity at most 1024, and a hint at most 65535",
            ),
            Self::InvalidMessageLimit => f.write_str("the handshake message limit must be 2048 to 1048576 bytes"),
            Self::InvalidRecordSizeLimit => f.write_str("the record size limit must be 64 to 16384 bytes"),
            Self::InvalidServerName => f.write_str("a name that an identity is for is no DNS name"),
            Self::InvalidSrtp => {
                f.write_str("SRTP needs profiles, and its master key identifier must have at most 255 bytes")
            }
            Self::InvalidTimeout => f.write_str(
                "the initial timeout must be 1 ms to 60 s and not above the deadline or the longest timeout",
            ),
            Self::KeyDoesNotFit => f.write_str("the private key does not belong to the certificate"),
            Self::MtuTooSmall { least } => write!(f, "the MTU must be at least {least} bytes"),
            Self::NoCipherSuites => f.write_str("the provider has no cipher suite that this configuration can use"),
            Self::NoGroups => f.write_str("the provider has no key exchange group"),
            Self::NoTicketCipher => f.write_str("the provider has no AES-256-GCM, which seals tickets and snapshots"),
            Self::NoSignatureSchemes => f.write_str("the provider verifies no signature scheme"),
            Self::PublicKeyUnknown => f.write_str("the private key does not know its public half"),
            Self::UnknownCipherSuite(suite) => write!(f, "the provider does not have {suite}"),
            Self::UnusableSrtpProfile(profile) => write!(f, "{profile} is not known, or protects nothing"),
            Self::UnreadableCertificate => f.write_str("the certificate does not parse"),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::super::MIN_MTU;
    use super::*;

    /// What a person reads when a setting does not work differs from setting to setting.
    #[test]
    fn each_refused_setting_has_a_text_of_its_own() {
        let errors = [
            ConfigError::ChainTooLong,
            ConfigError::EmptyChain,
            ConfigError::ExternalRetransmission,
            ConfigError::HelloTooLong,
            ConfigError::InvalidApplicationProtocol,
            ConfigError::InvalidForgeryLimit,
            ConfigError::InvalidOcspResponse,
            ConfigError::InvalidPresharedKey,
            ConfigError::InvalidServerName,
            ConfigError::InvalidMessageLimit,
            ConfigError::InvalidRecordSizeLimit,
            ConfigError::InvalidSrtp,
            ConfigError::InvalidTimeout,
            ConfigError::KeyDoesNotFit,
            ConfigError::MtuTooSmall { least: MIN_MTU },
            ConfigError::NoCipherSuites,
            ConfigError::NoGroups,
            ConfigError::NoTicketCipher,
            ConfigError::NoSignatureSchemes,
            ConfigError::PublicKeyUnknown,
            ConfigError::UnknownCipherSuite(CipherSuite(0)),
            ConfigError::UnusableSrtpProfile(SrtpProfile(0)),
            ConfigError::UnreadableCertificate,
        ];
        let texts: alloc::collections::BTreeSet<_> = errors.iter().map(alloc::string::ToString::to_string).collect();
        assert_eq!(texts.len(), errors.len());
    }
}
