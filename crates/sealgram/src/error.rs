//! Errors: who failed, at which message, with which alert.
//!
//! [`Error`] is what ends a handshake or an association because of what came over the wire. It never describes
//! something that an unauthenticated sender can cause with a malformed record: those are discarded and counted
//! ([`crate::DiscardReason`]). Mistakes of the caller have small types of their own beside the calls that make them.

use core::fmt;

use crate::code::{
    AlertDescription, AlertLevel, CertificateType, CipherSuite, ExtensionType, HandshakeType, NamedGroup,
    ProtocolVersion, SignatureScheme, SrtpProfile,
};

/// Why an association ended or never came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer sent an alert that ends the association.
    Alert(AlertReceived),
    /// The peer's certificate was not accepted.
    Certificate(CertificateError),
    /// A cryptographic operation of ours failed.
    Crypto(CryptoError),
    /// A complete handshake message does not parse.
    Decode(DecodeError),
    /// A usage limit of the keys was reached.
    KeyLimit(KeyLimit),
    /// Both sides follow the protocol and have nothing in common, or the peer lacks what our policy requires.
    PeerIncompatible(PeerIncompatible),
    /// The peer breaks the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// The path is silent.
    Timeout(Timeout),
}

/// Who is to blame for an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This side: its configuration or its machine.
    Local,
    /// Nobody: the two sides have nothing in common.
    NothingInCommon,
    /// The network between the two: nothing came back, or too much of what came was forged.
    Path,
    /// The peer.
    Peer,
}

/// A message that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// An extension stands twice in one hello (RFC 5246 section 7.4.1.4).
    DuplicateExtension(ExtensionType),
    /// A list or string that must not be empty is.
    Empty,
    /// A length is not a multiple of the size of the elements.
    OddLength,
    /// A length is above what the field allows.
    TooLong,
    /// Bytes are left after the end of the message.
    TrailingBytes,
    /// The message ends in the middle of a field.
    Truncated,
    /// A field has a value that its syntax does not allow.
    InvalidValue,
    /// The message has a length that its type cannot have, or that is above the limit.
    WrongLength,
}

/// How the peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// verify_data does not match: the two sides did not see the same handshake.
    BadFinished,
    /// A handshake signature is wrong.
    BadSignature,
    /// The client's compression methods lack the null method.
    ClientOffersNoNullCompression,
    /// The client's point formats lack the uncompressed one (RFC 8422 section 5.1.2).
    ClientOffersNoUncompressedPoints,
    /// The renegotiation_info of a first hello is not empty (RFC 5746 section 3.6).
    ClientSentNonEmptyRenegotiationInfo,
    /// A retry at a lower version than the client's best (RFC 7507).
    InappropriateFallback,
    /// A public key that is not a point of the group.
    InvalidPublicKey(NamedGroup),
    /// A max_fragment_length that stands for nothing (RFC 6066 section 4).
    InvalidMaxFragmentLength(u8),
    /// A record_size_limit below 64 (RFC 8449 section 4).
    InvalidRecordSizeLimit(u16),
    /// A protected alert of a level that does not exist.
    MalformedAlert,
    /// A message that comes after the last one of the handshake, under its keys.
    MessageAfterHandshake(HandshakeType),
    /// More warning alerts than a peer has reason to send.
    TooManyWarnings,
    /// A message that does not belong at this point.
    UnexpectedMessage {
        /// What came.
        got: HandshakeType,
        /// What belongs here.
        expected: HandshakeType,
    },
    /// The answer to ALPN is not exactly one name (RFC 7301 section 3.1).
    ServerAnsweredSeveralProtocols,
    /// The answer to use_srtp is not exactly one profile (RFC 5764 section 4.1.1).
    ServerAnsweredSeveralSrtpProfiles,
    /// The server uses a curve form other than a named group.
    ServerKeyExchangeWithoutNamedGroup,
    /// The server limits records by max_fragment_length and by record_size_limit (RFC 8449 section 5).
    ServerLimitedRecordsTwice,
    /// The server answered another max_fragment_length than it was asked for (RFC 6066 section 4).
    ServerChangedMaxFragmentLength(u8),
    /// The server answered another master key identifier than it was offered (RFC 5764 section 4.1.3).
    ServerChangedSrtpMki,
    /// The server chose a certificate type that was not offered (RFC 7250 section 4.2).
    ServerSelectedUnofferedCertificateType(CertificateType),
    /// The server chose a cipher suite that was not offered.
    ServerSelectedUnofferedSuite(CipherSuite),
    /// The server chose a compression method.
    ServerSelectedCompression,
    /// The server chose a group that was not offered.
    ServerSelectedUnofferedGroup(NamedGroup),
    /// The server chose an application protocol that was not offered.
    ServerSelectedUnofferedProtocol,
    /// The server chose an SRTP profile that was not offered.
    ServerSelectedUnofferedSrtpProfile(SrtpProfile),
    /// The server's renegotiation_info is not empty in a first handshake (RFC 5746 section 3.4).
    ServerSentNonEmptyRenegotiationInfo,
    /// The server answered an extension that was not sent.
    ServerSentUnofferedExtension(ExtensionType),
    /// The server's point formats lack the uncompressed one.
    ServerSelectedNoUncompressedPoints,
    /// A signature under a scheme that was not offered.
    UnofferedSignatureScheme(SignatureScheme),
    /// A signature scheme that does not fit the cipher suite or the key.
    UnsuitableSignatureScheme(SignatureScheme),
    /// The server's certificate list is empty.
    EmptyCertificateList,
    /// A new server_name list has two names of one type, or a name that is not one (RFC 6066 section 3).
    InvalidServerName,
    /// A CertificateRequest from a server that shows none itself (RFC 5246 section 7.4.4).
    CertificateRequestWithoutCertificate,
    /// The server takes a session up again with another cipher suite (RFC 5246 section 7.4.1.3).
    ServerChangedResumedSuite(CipherSuite),
    /// Its Finished cannot be read, again and again: the preshared keys differ, or the path changes what it carries.
    WrongPresharedKey,
}

/// What the two sides lack in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// The client shows no certificate, which the configuration requires (RFC 5246 section 7.4.6).
    ClientCertificateRequired,
    /// Its connection ID leaves no room for the handshake in the datagrams that are sent: the MTU is too small.
    ConnectionIdTooLong,
    /// The peer has no extended master secret (RFC 7627), which the configuration requires.
    ExtendedMasterSecretRequired,
    /// No application protocol in common.
    NoCommonApplicationProtocol,
    /// No certificate type in common (RFC 7250 section 4.2).
    NoCommonCertificateType,
    /// No cipher suite in common, or none that certificate, groups and signature schemes allow.
    NoCommonCipherSuite,
    /// No group in common.
    NoCommonGroup,
    /// No SRTP profile in common, which the configuration requires (RFC 5764 section 4.1.1).
    NoCommonSrtpProfile,
    /// No version in common; the peer's best is this.
    NoCommonVersion(ProtocolVersion),
    /// The peer has no renegotiation_info (RFC 5746), which BCP 195 requires.
    RenegotiationInfoRequired,
    /// No key is known for what the client calls itself, and the configuration says so (RFC 4279 section 2).
    UnknownPskIdentity,
    /// The client asks for a server name that is not served here (RFC 6066 section 3).
    UnrecognizedName,
}

/// Why the peer's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate does not parse.
    BadEncoding,
    /// The stapled OCSP response does not vouch for the certificate (RFC 6066 section 8).
    BadOcspResponse,
    /// A signature in the chain is wrong.
    BadSignature,
    /// A certificate authority stands where the peer's own certificate belongs.
    CaUsedAsEndEntity,
    /// Its last day has passed. Seconds since 1970.
    Expired {
        /// The calendar time of the check.
        now: u64,
        /// The last second of its validity.
        not_after: u64,
    },
    /// None of the configured fingerprints is this certificate's.
    FingerprintMismatch,
    /// The key usage does not allow signatures (RFC 5246 section 7.4.2).
    KeyUsageForbidsSigning,
    /// Its names do not contain the one that was asked for.
    NameMismatch,
    /// An issuer in the chain may not vouch for its names (name constraints).
    NameNotPermitted,
    /// The certificate has no name that could match.
    NoUsableName,
    /// It is not for this purpose (extended key usage).
    NotForThisPurpose,
    /// Its first day has not come. Seconds since 1970.
    NotYetValid {
        /// The calendar time of the check.
        now: u64,
        /// The first second of its validity.
        not_before: u64,
    },
    /// The chain is longer than the path length or the limits allow.
    PathTooLong,
    /// Refused by the application.
    RefusedByApplication,
    /// It was revoked.
    Revoked,
    /// Its revocation status is not known, and the policy wants it known.
    RevocationStatusUnknown,
    /// No trust anchor vouches for the chain.
    UnknownIssuer,
    /// A raw public key (RFC 7250) that nobody trusts.
    UnknownPublicKey,
    /// A critical extension is not understood.
    UnsupportedExtension,
    /// A signature algorithm in the chain is not accepted (RFC 9155 refuses SHA-1 and MD5).
    UnsupportedSignatureAlgorithm,
    /// It is not an X.509 certificate of version 3.
    UnsupportedVersion,
    /// A key in the chain is weaker than accepted (RFC 9325 section 4.5).
    WeakKey,
    /// The key does not fit the cipher suite.
    WrongKeyType,
    /// Refused for another reason.
    Other,
}

/// An alert from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertReceived {
    /// Its level.
    pub level: AlertLevel,
    /// What it says.
    pub description: AlertDescription,
    /// Whether it came in a protected record. A plaintext alert may be forged.
    pub authenticated: bool,
}

/// What failed on this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// The provider could not make an ephemeral key.
    KeyGeneration,
    /// The provider could not load key material.
    KeySetup,
    /// The private key could not sign.
    Signing,
    /// A message of ours would be too long to encode.
    MessageTooLong,
}

/// Which usage limit of the keys was reached (RFC 9325 section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLimit {
    /// As much was protected under one key as its algorithm allows.
    Confidentiality,
    /// As many records failed to open under one key as its algorithm allows.
    Integrity,
}

/// What was awaited when the deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// The message that did not come.
    pub awaited: HandshakeType,
    /// Whether anything at all arrived that could have been from the peer.
    pub heard: bool,
    /// The reason why most datagrams were dropped meanwhile, if any were.
    pub mostly_dropped: Option<crate::stats::DiscardReason>,
}

/// An error with the point of the handshake where it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What happened.
    pub error: Error,
    /// The message in hand when it did; `None` once the handshake is complete.
    pub at: Option<HandshakeType>,
}

impl Error {
    /// Who is to blame.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Crypto(_) | Self::KeyLimit(KeyLimit::Confidentiality) => Fault::Local,
            Self::PeerIncompatible(_) => Fault::NothingInCommon,
            // The peer has no part in what others forge.
            Self::KeyLimit(KeyLimit::Integrity) | Self::Timeout(_) => Fault::Path,
            Self::Alert(_) | Self::Certificate(_) | Self::Decode(_) | Self::PeerMisbehaved(_) => Fault::Peer,
        }
    }
}

/// The fatal alert that tells the peer about `error`; `None` where the peer is told nothing: it spoke last itself, or
/// it does not answer.
///
/// This is the only place that chooses alerts (RFC 5246 section 7.2.2 and the RFC of each extension).
#[must_use]
pub const fn alert_for(error: &Error) -> Option<AlertDescription> {
    Some(match error {
        Error::Alert(_) | Error::Timeout(_) => return None,
        Error::Certificate(error) => alert_for_certificate(*error),
        Error::Crypto(_) => AlertDescription::INTERNAL_ERROR,
        Error::Decode(_) => AlertDescription::DECODE_ERROR,
        Error::KeyLimit(KeyLimit::Confidentiality) => AlertDescription::CLOSE_NOTIFY,
        // Whoever forged that many records does not deserve to learn what they did: the association just ends.
        Error::KeyLimit(KeyLimit::Integrity) => return None,
        Error::PeerIncompatible(error) => alert_for_incompatible(*error),
        Error::PeerMisbehaved(error) => alert_for_misbehaved(*error),
    })
}

const fn alert_for_certificate(error: CertificateError) -> AlertDescription {
    match error {
        CertificateError::BadEncoding | CertificateError::BadSignature => AlertDescription::BAD_CERTIFICATE,
        CertificateError::Expired { .. } | CertificateError::NotYetValid { .. } => {
            AlertDescription::CERTIFICATE_EXPIRED
        }
        CertificateError::BadOcspResponse => AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE,
        CertificateError::Revoked => AlertDescription::CERTIFICATE_REVOKED,
        CertificateError::UnknownIssuer => AlertDescription::UNKNOWN_CA,
        CertificateError::KeyUsageForbidsSigning
        | CertificateError::UnsupportedExtension
        | CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedVersion
        | CertificateError::WeakKey
        | CertificateError::WrongKeyType => AlertDescription::UNSUPPORTED_CERTIFICATE,
        CertificateError::FingerprintMismatch
        | CertificateError::NameMismatch
        | CertificateError::NameNotPermitted
        | CertificateError::NoUsableName => AlertDescription::BAD_CERTIFICATE,
        CertificateError::RefusedByApplication => AlertDescription::ACCESS_DENIED,
        CertificateError::CaUsedAsEndEntity
        | CertificateError::NotForThisPurpose
        | CertificateError::PathTooLong
        | CertificateError::RevocationStatusUnknown
        | CertificateError::UnknownPublicKey
        | CertificateError::Other => AlertDescription::CERTIFICATE_UNKNOWN,
    }
}

const fn alert_for_incompatible(error: PeerIncompatible) -> AlertDescription {
    match error {
        PeerIncompatible::NoCommonVersion(_) => AlertDescription::PROTOCOL_VERSION,
        PeerIncompatible::NoCommonApplicationProtocol => AlertDescription::NO_APPLICATION_PROTOCOL,
        PeerIncompatible::NoCommonCertificateType => AlertDescription::UNSUPPORTED_CERTIFICATE,
        PeerIncompatible::UnknownPskIdentity => AlertDescription::UNKNOWN_PSK_IDENTITY,
        PeerIncompatible::UnrecognizedName => AlertDescription::UNRECOGNIZED_NAME,
        PeerIncompatible::ClientCertificateRequired
        | PeerIncompatible::ConnectionIdTooLong
        | PeerIncompatible::ExtendedMasterSecretRequired
        | PeerIncompatible::NoCommonCipherSuite
        | PeerIncompatible::NoCommonGroup
        | PeerIncompatible::NoCommonSrtpProfile
        | PeerIncompatible::RenegotiationInfoRequired => AlertDescription::HANDSHAKE_FAILURE,
    }
}

const fn alert_for_misbehaved(error: PeerMisbehaved) -> AlertDescription {
    match error {
        PeerMisbehaved::BadFinished | PeerMisbehaved::BadSignature | PeerMisbehaved::WrongPresharedKey => {
            AlertDescription::DECRYPT_ERROR
        }
        PeerMisbehaved::InappropriateFallback => AlertDescription::INAPPROPRIATE_FALLBACK,
        PeerMisbehaved::MalformedAlert | PeerMisbehaved::EmptyCertificateList => AlertDescription::DECODE_ERROR,
        PeerMisbehaved::MessageAfterHandshake(_)
        | PeerMisbehaved::TooManyWarnings
        | PeerMisbehaved::UnexpectedMessage { .. } => AlertDescription::UNEXPECTED_MESSAGE,
        PeerMisbehaved::ServerSentUnofferedExtension(_) => AlertDescription::UNSUPPORTED_EXTENSION,
        PeerMisbehaved::CertificateRequestWithoutCertificate
        | PeerMisbehaved::ClientSentNonEmptyRenegotiationInfo
        | PeerMisbehaved::ServerSentNonEmptyRenegotiationInfo => AlertDescription::HANDSHAKE_FAILURE,
        PeerMisbehaved::ClientOffersNoNullCompression
        | PeerMisbehaved::ClientOffersNoUncompressedPoints
        | PeerMisbehaved::InvalidMaxFragmentLength(_)
        | PeerMisbehaved::InvalidPublicKey(_)
        | PeerMisbehaved::InvalidRecordSizeLimit(_)
        | PeerMisbehaved::InvalidServerName
        | PeerMisbehaved::ServerAnsweredSeveralProtocols
        | PeerMisbehaved::ServerAnsweredSeveralSrtpProfiles
        | PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup
        | PeerMisbehaved::ServerChangedMaxFragmentLength(_)
        | PeerMisbehaved::ServerChangedResumedSuite(_)
        | PeerMisbehaved::ServerChangedSrtpMki
        | PeerMisbehaved::ServerLimitedRecordsTwice
        | PeerMisbehaved::ServerSelectedCompression
        | PeerMisbehaved::ServerSelectedNoUncompressedPoints
        | PeerMisbehaved::ServerSelectedUnofferedCertificateType(_)
        | PeerMisbehaved::ServerSelectedUnofferedGroup(_)
        | PeerMisbehaved::ServerSelectedUnofferedProtocol
        | PeerMisbehaved::ServerSelectedUnofferedSrtpProfile(_)
        | PeerMisbehaved::ServerSelectedUnofferedSuite(_)
        | PeerMisbehaved::UnofferedSignatureScheme(_)
        | PeerMisbehaved::UnsuitableSignatureScheme(_) => AlertDescription::ILLEGAL_PARAMETER,
    }
}

macro_rules! from_part {
    ($($part:ident),*) => {
        $(impl From<$part> for Error {
            fn from(part: $part) -> Self {
                Self::$part(part)
            }
        })*
    };
}

from_part!(KeyLimit, PeerIncompatible, PeerMisbehaved, Timeout);

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<AlertReceived> for Error {
    fn from(alert: AlertReceived) -> Self {
        Self::Alert(alert)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        match (self.at, alert_for(&self.error)) {
            (Some(at), Some(alert)) => write!(f, " (at {at}; sent alert {alert})"),
            (Some(at), None) => write!(f, " (at {at})"),
            (None, Some(alert)) => write!(f, " (sent alert {alert})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => fmt::Display::fmt(alert, f),
            Self::Certificate(error) => write!(f, "the peer's certificate was refused: {error}"),
            Self::Crypto(error) => write!(f, "this side failed: {error}"),
            Self::Decode(error) => write!(f, "the peer's message does not parse: {error}"),
            Self::KeyLimit(limit) => fmt::Display::fmt(limit, f),
            Self::PeerIncompatible(error) => write!(f, "nothing in common with the peer: {error}"),
            Self::PeerMisbehaved(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Timeout(timeout) => fmt::Display::fmt(timeout, f),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateExtension(extension) => write!(f, "{extension} stands twice"),
            Self::Empty => f.write_str("a list that must not be empty is"),
            Self::OddLength => f.write_str("a length is not a multiple of its elements"),
            Self::TooLong => f.write_str("a length is above what the field allows"),
            Self::TrailingBytes => f.write_str("bytes are left after its end"),
            Self::Truncated => f.write_str("it ends in the middle of a field"),
            Self::WrongLength => f.write_str("it has a length that its type cannot have"),
            Self::InvalidValue => f.write_str("a field has a value that its syntax does not allow"),
        }
    }
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFinished => f.write_str("its Finished does not match the handshake"),
            Self::BadSignature => f.write_str("its handshake signature is wrong"),
            Self::CertificateRequestWithoutCertificate => {
                f.write_str("the server asks for a certificate and shows none itself")
            }
            Self::ServerChangedResumedSuite(suite) => {
                write!(f, "the server takes up a session with another suite, {suite}")
            }
            Self::WrongPresharedKey => f.write_str("its Finished cannot be read: its preshared key is another one"),
            Self::ClientOffersNoNullCompression => f.write_str("the client does not offer null compression"),
            Self::ClientOffersNoUncompressedPoints => f.write_str("the client does not offer uncompressed points"),
            Self::ClientSentNonEmptyRenegotiationInfo => {
                f.write_str("the client's first renegotiation_info is not empty")
            }
            Self::InappropriateFallback => f.write_str("the client fell back to a lower version than it had to"),
            Self::InvalidPublicKey(group) => write!(f, "its public key is no point of {group}"),
            Self::InvalidMaxFragmentLength(code) => write!(f, "its max_fragment_length {code} stands for nothing"),
            Self::InvalidRecordSizeLimit(bytes) => {
                write!(f, "its record_size_limit of {bytes} is below the least, which is 64")
            }
            Self::MalformedAlert => f.write_str("its protected alert has a level that does not exist"),
            Self::MessageAfterHandshake(got) => write!(f, "it sent {got} when the handshake was over"),
            Self::TooManyWarnings => f.write_str("it keeps sending warning alerts"),
            Self::UnexpectedMessage { got, expected } => write!(f, "it sent {got} where {expected} belongs"),
            Self::ServerAnsweredSeveralProtocols => f.write_str("the server answered ALPN with other than one name"),
            Self::ServerAnsweredSeveralSrtpProfiles => {
                f.write_str("the server answered use_srtp with other than one profile")
            }
            Self::ServerChangedSrtpMki => {
                f.write_str("the server answered another SRTP master key identifier than it was offered")
            }
            Self::ServerSelectedUnofferedSrtpProfile(profile) => {
                write!(f, "the server chose {profile}, which was not offered")
            }
            Self::ServerLimitedRecordsTwice => {
                f.write_str("the server answered both max_fragment_length and record_size_limit")
            }
            Self::ServerChangedMaxFragmentLength(code) => {
                write!(f, "the server answered max_fragment_length {code}, which was not asked for")
            }
            Self::ServerKeyExchangeWithoutNamedGroup => f.write_str("the server does not use a named group"),
            Self::ServerSelectedUnofferedCertificateType(certificate_type) => {
                write!(f, "the server chose certificate type {certificate_type}, which was not offered")
            }
            Self::ServerSelectedUnofferedSuite(suite) => write!(f, "the server chose {suite}, which was not offered"),
            Self::ServerSelectedCompression => f.write_str("the server chose compression, which was not offered"),
            Self::ServerSelectedUnofferedGroup(group) => write!(f, "the server chose {group}, which was not offered"),
            Self::ServerSelectedUnofferedProtocol => {
                f.write_str("the server chose an application protocol that was not offered")
            }
            Self::ServerSentNonEmptyRenegotiationInfo => {
                f.write_str("the server's first renegotiation_info is not empty")
            }
            Self::ServerSentUnofferedExtension(extension) => {
                write!(f, "the server answered {extension}, which was not sent")
            }
            Self::ServerSelectedNoUncompressedPoints => f.write_str("the server does not use uncompressed points"),
            Self::UnofferedSignatureScheme(scheme) => write!(f, "it signed with {scheme}, which was not offered"),
            Self::UnsuitableSignatureScheme(scheme) => {
                write!(f, "it signed with {scheme}, which does not fit the cipher suite or its key")
            }
            Self::EmptyCertificateList => f.write_str("the server's certificate list is empty"),
            Self::InvalidServerName => f.write_str("its server_name is malformed"),
        }
    }
}

impl fmt::Display for PeerIncompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientCertificateRequired => f.write_str("the client shows no certificate"),
            Self::ConnectionIdTooLong => f.write_str("no datagram size: its connection ID leaves no room in the MTU"),
            Self::ExtendedMasterSecretRequired => {
                f.write_str("it has no extended master secret, which is required here")
            }
            Self::NoCommonApplicationProtocol => f.write_str("no application protocol (ALPN)"),
            Self::NoCommonCertificateType => f.write_str("no certificate type: X.509 here, raw public keys there"),
            Self::NoCommonCipherSuite => {
                f.write_str("no cipher suite that our certificate, groups and signature schemes allow")
            }
            Self::NoCommonGroup => f.write_str("no key exchange group"),
            Self::NoCommonSrtpProfile => f.write_str("no SRTP profile, which is required here"),
            Self::NoCommonVersion(version) => write!(f, "no protocol version; its best is {version}"),
            Self::UnknownPskIdentity => f.write_str("no key is known for what the client calls itself"),
            Self::UnrecognizedName => f.write_str("it asks for a server name that is not served here"),
            Self::RenegotiationInfoRequired => f.write_str("it has no renegotiation_info, which is required here"),
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEncoding => f.write_str("it does not parse"),
            Self::BadOcspResponse => f.write_str("its stapled OCSP response does not vouch for it"),
            Self::BadSignature => f.write_str("a signature in its chain is wrong"),
            Self::CaUsedAsEndEntity => f.write_str("it is a certificate authority's, not a peer's own"),
            Self::Expired { now, not_after } => write!(f, "it expired {} seconds ago", now.saturating_sub(*not_after)),
            Self::FingerprintMismatch => f.write_str("its fingerprint is not the expected one"),
            Self::KeyUsageForbidsSigning => f.write_str("its key usage does not allow signatures"),
            Self::NameMismatch => f.write_str("it is not for the name that was asked for"),
            Self::NameNotPermitted => f.write_str("its issuer may not vouch for its names"),
            Self::NoUsableName => f.write_str("it has no name that could be checked"),
            Self::NotForThisPurpose => f.write_str("it is not meant for this purpose"),
            Self::NotYetValid { now, not_before } => {
                write!(f, "it is not valid for another {} seconds", not_before.saturating_sub(*now))
            }
            Self::PathTooLong => f.write_str("its chain is too long"),
            Self::RefusedByApplication => f.write_str("the application refused it"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::RevocationStatusUnknown => f.write_str("its revocation status is not known"),
            Self::UnknownIssuer => f.write_str("its issuer is not trusted"),
            Self::UnknownPublicKey => f.write_str("its raw public key is not one that is trusted"),
            Self::UnsupportedExtension => f.write_str("it has a critical extension that is not understood"),
            Self::UnsupportedSignatureAlgorithm => {
                f.write_str("its chain uses a signature algorithm that is not accepted")
            }
            Self::UnsupportedVersion => f.write_str("it is not an X.509 certificate of version 3"),
            Self::WeakKey => f.write_str("its chain has a key that is too weak"),
            Self::WrongKeyType => f.write_str("its key does not fit the cipher suite"),
            Self::Other => f.write_str("it is not acceptable"),
        }
    }
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyGeneration => "the provider made no ephemeral key",
            Self::KeySetup => "the provider refused key material",
            Self::Signing => "the private key did not sign",
            Self::MessageTooLong => "a handshake message is too long to encode",
        })
    }
}

impl fmt::Display for KeyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confidentiality => "this side sent as much under one key as is safe; a new association is needed",
            Self::Integrity => "the path brought as many forged records as one key may face",
        })
    }
}

impl fmt::Display for AlertReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer sent {} ({}", self.description, self.level)?;
        f.write_str(if self.authenticated { ")" } else { ", not authenticated)" })
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out waiting for {}: ", self.awaited)?;
        f.write_str(if self.heard { "the peer stopped answering" } else { "the peer never answered" })?;
        match self.mostly_dropped {
            Some(reason) => write!(f, "; what did arrive was dropped: {reason}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for Failure {}
impl core::error::Error for CertificateError {}
impl core::error::Error for CryptoError {}
impl core::error::Error for DecodeError {}
impl core::error::Error for AlertReceived {}
impl core::error::Error for KeyLimit {}
impl core::error::Error for PeerIncompatible {}
impl core::error::Error for PeerMisbehaved {}
impl core::error::Error for Timeout {}

#[cfg(test)]
mod table;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// I10: the text says who failed, at which message, with which alert.
    #[test]
    fn a_failure_names_party_message_and_alert() {
        let failure = Failure {
            error: PeerMisbehaved::UnexpectedMessage {
                got: HandshakeType::FINISHED,
                expected: HandshakeType::CERTIFICATE,
            }
            .into(),
            at: Some(HandshakeType::FINISHED),
        };
        assert_eq!(
            failure.to_string(),
            "the peer broke the protocol: it sent FINISHED where CERTIFICATE belongs (at FINISHED; sent alert UNEXPECTED_MESSAGE)"
        );
        assert_eq!(failure.error.fault(), Fault::Peer);
    }

    /// ALR-14: syntax, order, semantics and proofs have their own alerts.
    #[test]
    fn alerts_follow_the_kind_of_error() {
        let alert = |error: Error| alert_for(&error);
        assert_eq!(alert(DecodeError::Truncated.into()), Some(AlertDescription::DECODE_ERROR));
        assert_eq!(alert(PeerMisbehaved::BadFinished.into()), Some(AlertDescription::DECRYPT_ERROR));
        assert_eq!(alert(PeerMisbehaved::ServerSelectedCompression.into()), Some(AlertDescription::ILLEGAL_PARAMETER));
        assert_eq!(
            alert(PeerIncompatible::NoCommonVersion(ProtocolVersion::DTLS_1_0).into()),
            Some(AlertDescription::PROTOCOL_VERSION)
        );
        assert_eq!(alert(CertificateError::UnknownIssuer.into()), Some(AlertDescription::UNKNOWN_CA));
        let received = AlertReceived {
            level: AlertLevel::FATAL,
            description: AlertDescription::DECODE_ERROR,
            authenticated: true,
        };
        assert_eq!(alert(received.into()), None);
    }
}
