//! Every error, with its party, its message, its alert and its text: the table of docs/errors.md.
//!
//! What can go wrong: an error that users meet says nothing, blames the wrong side, or sends an alert that nobody chose.
//! The matches below do not compile when a variant is added, and the document is compared with what the types say.
//! `SEALGRAM_BLESS=1` writes it anew.

use core::fmt::Write as _;
use std::format;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use super::*;

/// Lists a sample of every variant of a type, with the messages at which it is found.
macro_rules! samples {
    ($kind:ident { $($pattern:pat => $sample:expr, $at:literal;)* }) => {{
        // A variant without a row does not compile.
        const fn _complete(error: $kind) {
            match error {
                $($pattern => {})*
            }
        }
        Vec::from([$((Error::from($sample), $at)),*])
    }};
}

/// Every error with the message at which it is found.
fn samples() -> Vec<(Error, &'static str)> {
    [misbehaved(), incompatible(), certificate(), decode(), other()].concat()
}

fn misbehaved() -> Vec<(Error, &'static str)> {
    use PeerMisbehaved::*;
    samples!(PeerMisbehaved {
        BadFinished => BadFinished, "Finished";
        BadSignature => BadSignature, "ServerHelloDone, for ServerKeyExchange";
        CertificateRequestWithoutCertificate => CertificateRequestWithoutCertificate, "CertificateRequest";
        ClientOffersNoNullCompression => ClientOffersNoNullCompression, "ClientHello";
        ClientOffersNoUncompressedPoints => ClientOffersNoUncompressedPoints, "ClientHello";
        ClientSentNonEmptyRenegotiationInfo => ClientSentNonEmptyRenegotiationInfo, "ClientHello";
        EmptyCertificateList => EmptyCertificateList, "Certificate";
        InappropriateFallback => InappropriateFallback, "ClientHello";
        InvalidMaxFragmentLength(_) => InvalidMaxFragmentLength(5), "ClientHello";
        InvalidPublicKey(_) => InvalidPublicKey(NamedGroup::SECP256R1), "ClientKeyExchange, or ServerHelloDone for ServerKeyExchange";
        InvalidRecordSizeLimit(_) => InvalidRecordSizeLimit(63), "ClientHello, ServerHello";
        InvalidServerName => InvalidServerName, "ClientHello";
        MalformedAlert => MalformedAlert, "any time, under keys";
        MessageAfterHandshake(_) => MessageAfterHandshake(HandshakeType::FINISHED), "any time, under keys";
        ServerAnsweredSeveralProtocols => ServerAnsweredSeveralProtocols, "ServerHello";
        ServerAnsweredSeveralSrtpProfiles => ServerAnsweredSeveralSrtpProfiles, "ServerHello";
        ServerChangedMaxFragmentLength(_) => ServerChangedMaxFragmentLength(2), "ServerHello";
        ServerChangedResumedSuite(_) => ServerChangedResumedSuite(CipherSuite(0xc02b)), "ServerHello";
        ServerChangedSrtpMki => ServerChangedSrtpMki, "ServerHello";
        ServerKeyExchangeWithoutNamedGroup => ServerKeyExchangeWithoutNamedGroup, "ServerKeyExchange";
        ServerLimitedRecordsTwice => ServerLimitedRecordsTwice, "ServerHello";
        ServerSelectedCompression => ServerSelectedCompression, "ServerHello";
        ServerSelectedNoUncompressedPoints => ServerSelectedNoUncompressedPoints, "ServerHello";
        ServerSelectedUnofferedCertificateType(_) => ServerSelectedUnofferedCertificateType(CertificateType(1)), "ServerHello";
        ServerSelectedUnofferedGroup(_) => ServerSelectedUnofferedGroup(NamedGroup(0x001e)), "ServerKeyExchange";
        ServerSelectedUnofferedProtocol => ServerSelectedUnofferedProtocol, "ServerHello";
        ServerSelectedUnofferedSrtpProfile(_) => ServerSelectedUnofferedSrtpProfile(SrtpProfile(1)), "ServerHello";
        ServerSelectedUnofferedSuite(_) => ServerSelectedUnofferedSuite(CipherSuite(0x002f)), "ServerHello";
        ServerSentNonEmptyRenegotiationInfo => ServerSentNonEmptyRenegotiationInfo, "ServerHello";
        ServerSentUnofferedExtension(_) => ServerSentUnofferedExtension(ExtensionType(35)), "ServerHello";
        TooManyWarnings => TooManyWarnings, "any time, under keys";
        UnexpectedMessage { .. } => UnexpectedMessage { got: HandshakeType::FINISHED, expected: HandshakeType::CERTIFICATE }, "any message";
        UnofferedSignatureScheme(_) => UnofferedSignatureScheme(SignatureScheme::ECDSA_SHA1), "ServerKeyExchange";
        UnsuitableSignatureScheme(_) => UnsuitableSignatureScheme(SignatureScheme::RSA_PKCS1_SHA256), "ServerKeyExchange";
        WrongPresharedKey => WrongPresharedKey, "Finished";
    })
}

fn incompatible() -> Vec<(Error, &'static str)> {
    use PeerIncompatible::*;
    samples!(PeerIncompatible {
        ClientCertificateRequired => ClientCertificateRequired, "Certificate";
        ConnectionIdTooLong => ConnectionIdTooLong, "ClientHello, ServerHello";
        ExtendedMasterSecretRequired => ExtendedMasterSecretRequired, "ClientHello, ServerHello";
        NoCommonApplicationProtocol => NoCommonApplicationProtocol, "ClientHello";
        NoCommonCertificateType => NoCommonCertificateType, "ClientHello, ServerHello";
        NoCommonCipherSuite => NoCommonCipherSuite, "ClientHello";
        NoCommonGroup => NoCommonGroup, "ClientHello";
        NoCommonSrtpProfile => NoCommonSrtpProfile, "ClientHello, ServerHello";
        NoCommonVersion(_) => NoCommonVersion(ProtocolVersion::DTLS_1_0), "ClientHello, ServerHello";
        RenegotiationInfoRequired => RenegotiationInfoRequired, "ServerHello";
        UnknownPskIdentity => UnknownPskIdentity, "ClientKeyExchange";
        UnrecognizedName => UnrecognizedName, "ClientHello";
    })
}

fn certificate() -> Vec<(Error, &'static str)> {
    use CertificateError::*;
    const AT: &str = "ServerHelloDone, for Certificate";
    let errors = samples!(CertificateError {
        BadEncoding => BadEncoding, "";
        BadOcspResponse => BadOcspResponse, "";
        BadSignature => BadSignature, "";
        CaUsedAsEndEntity => CaUsedAsEndEntity, "";
        Expired { .. } => Expired { now: 1_000_060, not_after: 1_000_000 }, "";
        FingerprintMismatch => FingerprintMismatch, "";
        KeyUsageForbidsSigning => KeyUsageForbidsSigning, "";
        NameMismatch => NameMismatch, "";
        NameNotPermitted => NameNotPermitted, "";
        NoUsableName => NoUsableName, "";
        NotForThisPurpose => NotForThisPurpose, "";
        NotYetValid { .. } => NotYetValid { now: 1_000_000, not_before: 1_000_060 }, "";
        PathTooLong => PathTooLong, "";
        RefusedByApplication => RefusedByApplication, "";
        RevocationStatusUnknown => RevocationStatusUnknown, "";
        Revoked => Revoked, "";
        UnknownIssuer => UnknownIssuer, "";
        UnknownPublicKey => UnknownPublicKey, "";
        UnsupportedExtension => UnsupportedExtension, "";
        UnsupportedSignatureAlgorithm => UnsupportedSignatureAlgorithm, "";
        UnsupportedVersion => UnsupportedVersion, "";
        WeakKey => WeakKey, "";
        WrongKeyType => WrongKeyType, "";
        Other => Other, "";
    });
    errors.into_iter().map(|(error, _)| (error, AT)).collect()
}

fn decode() -> Vec<(Error, &'static str)> {
    use DecodeError::*;
    samples!(DecodeError {
        DuplicateExtension(_) => DuplicateExtension(ExtensionType::SERVER_NAME), "ClientHello, ServerHello";
        Empty => Empty, "any message";
        InvalidValue => InvalidValue, "any message";
        OddLength => OddLength, "any message";
        TooLong => TooLong, "any message";
        TrailingBytes => TrailingBytes, "any message";
        Truncated => Truncated, "any message";
        WrongLength => WrongLength, "any message";
    })
}

fn other() -> Vec<(Error, &'static str)> {
    const fn _complete(error: Error) {
        match error {
            Error::PeerMisbehaved(_) | Error::PeerIncompatible(_) | Error::Certificate(_) | Error::Decode(_) => {}
            Error::Alert(_) | Error::Crypto(_) | Error::KeyLimit(_) | Error::Timeout(_) => {}
        }
    }
    let crypto = samples!(CryptoError {
        CryptoError::KeyGeneration => CryptoError::KeyGeneration, "ClientHello, ServerHelloDone";
        CryptoError::KeySetup => CryptoError::KeySetup, "ClientKeyExchange, ServerHelloDone";
        CryptoError::MessageTooLong => CryptoError::MessageTooLong, "any message of ours";
        CryptoError::Signing => CryptoError::Signing, "ClientHello";
    });
    let limits = samples!(KeyLimit {
        KeyLimit::Confidentiality => KeyLimit::Confidentiality, "once connected";
        KeyLimit::Integrity => KeyLimit::Integrity, "any time, under keys";
    });
    let description = AlertDescription::HANDSHAKE_FAILURE;
    let alerts = [false, true].map(|authenticated| {
        let alert = AlertReceived { level: AlertLevel::FATAL, description, authenticated };
        (Error::from(alert), if authenticated { "any time, under keys" } else { "any message" })
    });
    let timeouts = [(false, None), (true, None), (true, Some(crate::stats::DiscardReason::AuthenticationFailed))];
    let timeouts = timeouts.map(|(heard, mostly_dropped)| {
        (Error::from(Timeout { awaited: HandshakeType::SERVER_HELLO, heard, mostly_dropped }), "any message")
    });
    [&crypto[..], &limits, &alerts, &timeouts].concat()
}

fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    for (error, at) in samples() {
        let fault = match error.fault() {
            Fault::Local => "this side",
            Fault::NothingInCommon => "nobody",
            Fault::Path => "the path",
            Fault::Peer => "the peer",
        };
        let alert = alert_for(&error).map_or_else(|| String::from("–"), |alert| format!("`{alert}`"));
        let name = format!("{error:?}");
        let name = name.split_inclusive('(').take(2).collect::<String>();
        let name = name.split([' ', ')']).next().unwrap_or_default().trim_end_matches('(');
        let name = name.replace('(', "::");
        writeln!(text, "| `{name}` | {fault} | {at} | {alert} | {error} |").unwrap();
    }
    text
}

const INTRODUCTION: &str = "# Errors

Every way in which a handshake or an association can fail: who failed, at which message it is found, which alert the peer
is sent, and what the user reads (with an example where the text has particulars). Generated from the types; a test
compares it.

| error | who failed | found at | alert sent | text |
|---|---|---|---|---|
";

/// I10: an error names who failed, at which message, with which alert.
#[test]
fn the_document_says_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let expected = document();
    if std::env::var_os("SEALGRAM_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "docs/errors.md is not what the types say; SEALGRAM_BLESS=1 writes it anew");
}

/// I10: so does the text of a failure, whether or not a message was in hand when it was found.
#[test]
fn every_failure_names_party_message_and_alert() {
    for (error, _) in samples() {
        let party: &[&str] = match error.fault() {
            Fault::Local => &["this side "],
            Fault::NothingInCommon => &["nothing in common"],
            Fault::Path => &["timed out", "the path "],
            Fault::Peer => &["the peer"],
        };
        for at in [None, Some(HandshakeType::CERTIFICATE)] {
            let text = format!("{}", Failure { error, at });
            let sent = alert_for(&error).map(|alert| format!("sent alert {alert})"));
            assert!(party.iter().any(|party| text.starts_with(party)), "{text}");
            assert!(at.is_none() || text.contains("(at CERTIFICATE"), "{text}");
            assert_eq!(text.contains("sent alert"), sent.is_some(), "{text}");
            assert!(sent.is_none_or(|sent| text.ends_with(&sent)), "{text}");
        }
    }
}

/// ALR-12: decryption_failed, no_certificate and export_restriction are never sent; nor is anything that is not fatal.
#[test]
fn only_alerts_that_exist_are_sent() {
    for (error, _) in samples() {
        let Some(alert) = alert_for(&error) else { continue };
        assert!(alert.name().is_some() && ![21, 41, 60].contains(&alert.0), "{error}");
    }
}

/// Every error has a text of its own.
#[test]
fn no_two_errors_read_the_same() {
    let mut texts: Vec<String> = samples().iter().map(|(error, _)| format!("{error}")).collect();
    let count = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), count);
}
