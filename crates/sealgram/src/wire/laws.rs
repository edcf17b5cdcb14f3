//! The laws that hold for every decoder at once, on valid messages, on their prefixes, and on what random damage makes
//! of them: no panic; and whatever decodes encodes to the bytes it came from.

use alloc::vec;
use alloc::vec::Vec;

use pki_types::{CertificateDer, DnsName, SubjectPublicKeyInfoDer};

use super::alert::Alert;
use super::certificate::{self, CertificateRequest, CertificateVerify};
use super::certificate_status::CertificateStatus;
use super::extension::ExtensionWriter;
use super::finished::Finished;
use super::hello::{ClientHello, HelloVerifyRequest, ServerHello};
use super::key_exchange::{
    ClientKeyExchange, EcdhePskClientKeyExchange, EcdhePskServerKeyExchange, PskClientKeyExchange,
    PskServerKeyExchange, SignedKey,
};
use super::round_trip::ROUND_TRIPS;
use super::ticket::NewSessionTicket;
use crate::code::{
    AlertDescription, AlertLevel, CertificateType, CipherSuite, ExtensionType, NamedGroup, ProtocolVersion,
    SignatureScheme, SrtpProfile,
};
use crate::error::DecodeError;

/// One valid message for each decoder, in the order of [`ROUND_TRIPS`].
fn messages() -> [Vec<u8>; 19] {
    let schemes = [SignatureScheme::ECDSA_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256];
    let suites = [CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite(0x1a1a)];
    let mut offered = ExtensionWriter::new();
    offered.server_name(&DnsName::try_from("example.org").unwrap());
    offered.supported_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]);
    offered.ec_point_formats();
    offered.signature_algorithms(&schemes);
    offered.signature_algorithms_cert(&schemes);
    offered.application_protocols(["h3", "webrtc"]);
    offered.empty(ExtensionType::EXTENDED_MASTER_SECRET);
    offered.ocsp_request();
    offered.certificate_types(
        ExtensionType::CLIENT_CERTIFICATE_TYPE,
        &[CertificateType::RAW_PUBLIC_KEY, CertificateType::X509],
    );
    offered.supported_versions(&[ProtocolVersion::DTLS_1_3, ProtocolVersion::DTLS_1_2]);
    offered.use_srtp(SrtpProfile::WEBRTC, b"key");
    offered.max_fragment_length(1);
    offered.record_size_limit(512);
    offered.renegotiation_info(&[]);
    let offered = offered.finish().unwrap();
    let mut selected = ExtensionWriter::new();
    selected.empty(ExtensionType::EXTENDED_MASTER_SECRET);
    selected.empty(ExtensionType::STATUS_REQUEST);
    selected.application_protocols(["h3"]);
    selected.record_size_limit(16_384);
    selected.selected_certificate_type(ExtensionType::SERVER_CERTIFICATE_TYPE, CertificateType::RAW_PUBLIC_KEY);
    let selected = selected.finish().unwrap();

    let client_hello = ClientHello {
        version: ProtocolVersion::DTLS_1_2,
        random: [1; 32],
        session_id: &[2; 32],
        cookie: &[3; 32],
        cipher_suites: suites.as_slice().into(),
        compression_methods: &[0],
        extensions: offered.as_extensions(),
    };
    let server_hello = ServerHello {
        version: ProtocolVersion::DTLS_1_2,
        random: [4; 32],
        session_id: &[2; 32],
        cipher_suite: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions: selected.as_extensions(),
    };
    let chain = [CertificateDer::from(&b"end entity"[..]), CertificateDer::from(&b"intermediate"[..])];
    let request = CertificateRequest {
        certificate_types: &[64, 1],
        signature_algorithms: schemes.as_slice().into(),
        authorities: &[0, 2, 0x30, 0x00, 0, 3, 0x31, 0x01, 0x00],
    };
    let params = SignedKey::encode_params(NamedGroup::X25519, &[5; 32]).unwrap();
    [
        client_hello.encode().unwrap(),
        server_hello.encode().unwrap(),
        HelloVerifyRequest { version: ProtocolVersion::DTLS_1_0, cookie: &[3; 32] }.encode().unwrap(),
        certificate::encode_chain(&chain).unwrap(),
        certificate::encode_raw_public_key(Some(&SubjectPublicKeyInfoDer::from(&b"public key"[..]))).unwrap(),
        CertificateStatus { ocsp_response: b"OCSP response" }.encode().unwrap(),
        request.encode().unwrap(),
        SignedKey::encode(&params, SignatureScheme::ECDSA_SHA256, &[6; 70]).unwrap(),
        ClientKeyExchange { public_key: &[5; 32] }.encode().unwrap(),
        Finished { verify_data: [7; 12] }.encode(),
        Alert { level: AlertLevel::FATAL, description: AlertDescription::DECODE_ERROR }.encode().to_vec(),
        Vec::new(),
        [&[0, 9][..], &[0, 23, 0, 0, 0xff, 1, 0, 1, 0]].concat(),
        CertificateVerify { scheme: SignatureScheme::ED25519, signature: &[6; 64] }.encode().unwrap(),
        PskServerKeyExchange { hint: b"hint" }.encode().unwrap(),
        EcdhePskServerKeyExchange::encode(b"", NamedGroup::X25519, &[5; 32]).unwrap(),
        PskClientKeyExchange { identity: b"device" }.encode().unwrap(),
        EcdhePskClientKeyExchange { identity: b"device", public_key: &[5; 32] }.encode().unwrap(),
        NewSessionTicket { lifetime_hint: 86400, ticket: &[8; 40] }.encode().unwrap(),
    ]
}

#[test]
fn valid_messages_encode_to_the_bytes_they_came_from() {
    for ((name, round_trip), message) in ROUND_TRIPS.iter().zip(messages()) {
        assert_eq!(round_trip(&message).as_deref(), Ok(&message[..]), "{name}");
    }
}

/// NEG-03 makes the one exception: a hello may end before its extensions.
#[test]
fn a_message_that_is_cut_short_does_not_decode() {
    for ((name, round_trip), message) in ROUND_TRIPS.iter().zip(messages()) {
        let decoding: Vec<_> = (0..message.len()).filter(|len| round_trip(&message[..*len]).is_ok()).collect();
        let before_extensions = match *name {
            "ClientHello" => vec![2 + 32 + 33 + 33 + 6 + 2],
            "ServerHello" => vec![2 + 32 + 33 + 2 + 1],
            "extensions" => vec![0],
            _ => vec![],
        };
        assert_eq!(decoding, before_extensions, "{name}");
    }
}

#[test]
fn a_message_with_a_byte_too_many_does_not_decode() {
    for ((name, round_trip), mut message) in ROUND_TRIPS.iter().zip(messages()) {
        message.push(0);
        assert_eq!(round_trip(&message), Err(DecodeError::TrailingBytes), "{name}");
    }
}

#[test]
fn damaged_messages_neither_panic_nor_decode_to_something_else() {
    let mut random = Random(0x5ea1_96a3);
    let mut decoded = 0;
    for _ in 0..20_000 {
        for ((name, round_trip), mut message) in ROUND_TRIPS.iter().zip(messages()) {
            for _ in 0..=random.below(3) {
                random.damage(&mut message);
            }
            if let Ok(again) = round_trip(&message) {
                assert_eq!(again, message, "{name}");
                decoded += 1;
            }
        }
    }
    assert!(decoded > 1_000, "damage that nothing survives tests little: {decoded}");
}

#[test]
fn every_decoder_survives_the_messages_of_the_others() {
    for message in messages() {
        for (name, round_trip) in ROUND_TRIPS {
            if let Ok(again) = round_trip(&message) {
                assert_eq!(again, message, "{name}");
            }
        }
    }
}

/// The same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        crate::test_rng::splitmix(&mut self.0)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.next().checked_rem(bound).unwrap_or(0)).unwrap()
    }

    /// Values that lengths like to trip over come as often as any others.
    fn byte(&mut self) -> u8 {
        match self.next().to_le_bytes() {
            [0..=127, byte, ..] => byte,
            [_, which, ..] => [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff][usize::from(which) % 7],
        }
    }

    fn damage(&mut self, message: &mut Vec<u8>) {
        let at = self.below(message.len());
        match self.below(5) {
            0 if !message.is_empty() => message[at] = self.byte(),
            1 if !message.is_empty() => message[at] ^= 1 << self.below(8),
            2 => message.insert(at, self.byte()),
            3 if !message.is_empty() => {
                message.remove(at);
            }
            _ => message.truncate(at),
        }
    }
}
