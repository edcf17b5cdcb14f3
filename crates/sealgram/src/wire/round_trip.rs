//! Every decoder followed by its encoder, for the laws in `laws.rs` and for fuzzing.
//!
//! A law that is broken panics here: these functions are called by tests alone.
#![expect(clippy::expect_used, reason = "a law that is broken ends the test that found it")]

use alloc::vec::Vec;

use pki_types::DnsName;

use super::alert::Alert;
use super::certificate::{self, CertificateRequest, CertificateVerify};
use super::certificate_status::CertificateStatus;
use super::codes::Codes;
use super::extension::{ExtensionWriter, Extensions};
use super::finished::Finished;
use super::hello::{ClientHello, HelloPrefix, HelloVerifyRequest, ServerHello};
use super::key_exchange::{
    self, ClientKeyExchange, EcdhePskClientKeyExchange, EcdhePskServerKeyExchange, PskClientKeyExchange,
    PskServerKeyExchange, ServerKeyExchange, SignedKey, UnsignedKey,
};
use super::reader::Reader;
use super::ticket::NewSessionTicket;
use super::writer::Writer;
use crate::code::{CertificateType, ExtensionType};
use crate::error::DecodeError;

/// A decoder followed by its encoder: what the bytes come back as.
pub(crate) type RoundTrip = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

pub(crate) const ROUND_TRIPS: [(&str, RoundTrip); 19] = [
    ("ClientHello", client_hello),
    ("ServerHello", server_hello),
    ("HelloVerifyRequest", |body| Ok(HelloVerifyRequest::decode(body)?.encode().expect(FITS))),
    ("Certificate", |body| Ok(certificate::encode_chain(&certificate::decode_chain(body)?).expect(FITS))),
    ("Certificate with a raw public key", |body| {
        Ok(certificate::encode_raw_public_key(certificate::decode_raw_public_key(body)?.as_ref()).expect(FITS))
    }),
    ("CertificateStatus", |body| Ok(CertificateStatus::decode(body)?.encode().expect(FITS))),
    ("CertificateRequest", |body| {
        let request = CertificateRequest::decode(body)?;
        let again = request.encode().expect(FITS);
        assert_eq!(CertificateRequest::decode(&again), Ok(request));
        Ok(again)
    }),
    ("ServerKeyExchange", |body| match ServerKeyExchange::decode(body)? {
        ServerKeyExchange::Named(key) => {
            assert_eq!(SignedKey::encode_params(key.group, key.public_key).expect(FITS), key.params);
            Ok(SignedKey::encode(key.params, key.scheme, key.signature).expect(FITS))
        }
        // Not a message of ours to encode: what it describes is not even looked at.
        ServerKeyExchange::OtherCurveType(_) => Ok(body.to_vec()),
    }),
    ("ClientKeyExchange", |body| Ok(ClientKeyExchange::decode(body)?.encode().expect(FITS))),
    ("Finished", |body| Ok(Finished::decode(body)?.encode())),
    ("Alert", |body| Ok(Alert::decode(body)?.encode().to_vec())),
    ("ServerHelloDone", |body| key_exchange::decode_server_hello_done(body).map(|()| Vec::new())),
    ("extensions", |body| {
        let extensions = Reader::whole(body, Extensions::read)?;
        read_all(&extensions);
        let mut writer = Writer::new();
        extensions.write(&mut writer);
        Ok(writer.finish().expect(FITS))
    }),
    ("CertificateVerify", |body| Ok(CertificateVerify::decode(body)?.encode().expect(FITS))),
    ("ServerKeyExchange of PSK", |body| Ok(PskServerKeyExchange::decode(body)?.encode().expect(FITS))),
    ("ServerKeyExchange of ECDHE_PSK", |body| {
        let exchange = EcdhePskServerKeyExchange::decode(body)?;
        match exchange.key {
            UnsignedKey::Named { group, public_key } => {
                Ok(EcdhePskServerKeyExchange::encode(exchange.hint, group, public_key).expect(FITS))
            }
            UnsignedKey::OtherCurveType(_) => Ok(body.to_vec()),
        }
    }),
    ("ClientKeyExchange of PSK", |body| Ok(PskClientKeyExchange::decode(body)?.encode().expect(FITS))),
    ("ClientKeyExchange of ECDHE_PSK", |body| Ok(EcdhePskClientKeyExchange::decode(body)?.encode().expect(FITS))),
    ("NewSessionTicket", |body| Ok(NewSessionTicket::decode(body)?.encode().expect(FITS))),
];

fn client_hello(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let hello = ClientHello::decode(body)?;
    let prefix = HelloPrefix::decode(body)?;
    assert_eq!((&hello.random, hello.session_id, hello.cookie), (prefix.random, prefix.session_id, prefix.cookie));
    read_all(&hello.extensions);
    let again = hello.encode().expect(FITS);
    assert_eq!(ClientHello::decode(&again), Ok(hello));
    Ok(again)
}

fn server_hello(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let hello = ServerHello::decode(body)?;
    read_all(&hello.extensions);
    let again = hello.encode().expect(FITS);
    assert_eq!(ServerHello::decode(&again), Ok(hello));
    Ok(again)
}

/// Reads every extension that has a reader. Most of them fail on damaged hellos; none may panic, and what decodes
/// encodes to the data it came from.
fn read_all(extensions: &Extensions<'_>) {
    let _ = extensions.ec_point_formats();
    let _ = extensions.selected_application_protocol();
    let _ = extensions.requests_ocsp_response();
    let _ = extensions.has_empty(ExtensionType::EXTENDED_MASTER_SECRET);
    if let Ok(Some(host)) = extensions.server_name() {
        // Other types of names, and the dot that may end this one, are not written again: the host is.
        if let Ok(name) = DnsName::try_from(host) {
            let mut writer = ExtensionWriter::new();
            writer.server_name(&name);
            let block = writer.finish().expect(FITS);
            let again = block.as_extensions().server_name();
            assert_eq!(again.ok().flatten(), Some(host.strip_suffix('.').unwrap_or(host)));
        }
    }
    if let Ok(Some(groups)) = extensions.supported_groups() {
        let groups: Vec<_> = groups.iter().collect();
        comes_back(extensions, ExtensionType::SUPPORTED_GROUPS, |writer| writer.supported_groups(&groups));
    }
    if let Ok(Some(schemes)) = extensions.signature_algorithms() {
        let schemes: Vec<_> = schemes.iter().collect();
        comes_back(extensions, ExtensionType::SIGNATURE_ALGORITHMS, |writer| writer.signature_algorithms(&schemes));
    }
    if let Ok(Some(schemes)) = extensions.signature_algorithms_cert() {
        let schemes: Vec<_> = schemes.iter().collect();
        let extension = ExtensionType::SIGNATURE_ALGORITHMS_CERT;
        comes_back(extensions, extension, |writer| writer.signature_algorithms_cert(&schemes));
    }
    if let Ok(Some(names)) = extensions.application_protocols() {
        let extension = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
        comes_back(extensions, extension, |writer| writer.application_protocols(names.iter()));
    }
    if let Ok(Some(versions)) = extensions.supported_versions() {
        let versions: Vec<_> = versions.iter().collect();
        assert!(versions.iter().all(|version| Codes::from(&*versions).contains(*version)));
        comes_back(extensions, ExtensionType::SUPPORTED_VERSIONS, |writer| writer.supported_versions(&versions));
    }
    for extension in [ExtensionType::CLIENT_CERTIFICATE_TYPE, ExtensionType::SERVER_CERTIFICATE_TYPE] {
        if let Ok(Some(types)) = extensions.certificate_types(extension) {
            let types: Vec<_> = types.iter().copied().map(CertificateType).collect();
            comes_back(extensions, extension, |writer| writer.certificate_types(extension, &types));
        }
        if let Ok(Some(selected)) = extensions.selected_certificate_type(extension) {
            comes_back(extensions, extension, |writer| writer.selected_certificate_type(extension, selected));
        }
    }
    if let Ok(Some(srtp)) = extensions.use_srtp() {
        let profiles: Vec<_> = srtp.profiles.iter().collect();
        comes_back(extensions, ExtensionType::USE_SRTP, |writer| writer.use_srtp(&profiles, srtp.mki));
    }
    if let Ok(Some(code)) = extensions.max_fragment_length() {
        comes_back(extensions, ExtensionType::MAX_FRAGMENT_LENGTH, |writer| writer.max_fragment_length(code));
    }
    if let Ok(Some(bytes)) = extensions.record_size_limit() {
        comes_back(extensions, ExtensionType::RECORD_SIZE_LIMIT, |writer| writer.record_size_limit(bytes));
    }
    if let Ok(Some(verify_data)) = extensions.renegotiation_info() {
        comes_back(extensions, ExtensionType::RENEGOTIATION_INFO, |writer| writer.renegotiation_info(verify_data));
    }
}

/// Demands that `write` gives the data that the extension has in `read`.
fn comes_back(read: &Extensions<'_>, extension: ExtensionType, write: impl FnOnce(&mut ExtensionWriter)) {
    let mut writer = ExtensionWriter::new();
    write(&mut writer);
    let written = writer.finish().expect(FITS);
    assert_eq!(written.as_extensions().find(extension), read.find(extension), "{extension}");
}

const FITS: &str = "what was decoded fits its encoding";
