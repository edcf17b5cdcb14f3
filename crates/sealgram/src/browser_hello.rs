//! The ClientHello of a browser that would rather speak DTLS 1.3, for tests: what a server of DTLS 1.2 meets in WebRTC.
//!
//! Its shape is that of RFC 9147 section 5.3: lists with reserved values in them (RFC 8701), key shares, one of them with
//! a public key of ML-KEM-768, and 1.2 as the second best. No single datagram holds it. Nothing here is a recording.

use alloc::vec;
use alloc::vec::Vec;

use crate::code::{
    CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::RecordHeader;

/// Its random.
pub(crate) const RANDOM: [u8; 32] = [0xb5; 32];

/// Its suites: the three of 1.3 in front.
pub(crate) fn suites() -> Vec<u16> {
    let known = [
        CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ];
    // Between them and behind are others that we do not have: CBC, and RSA for the key exchange.
    let unknown = [0xc009, 0xc013, 0xc00a, 0xc014, 0x009c, 0x002f];
    [GREASE, 0x1301, 0x1302, 0x1303].into_iter().chain(known.map(|suite| suite.0)).chain(unknown).collect()
}

/// Its extensions.
pub(crate) fn extensions() -> Vec<(ExtensionType, Vec<u8>)> {
    let groups = [GREASE, X25519_MLKEM768, NamedGroup::X25519.0, NamedGroup::SECP256R1.0, NamedGroup::SECP384R1.0];
    let schemes = [
        SignatureScheme::ECDSA_SHA256.0,
        SignatureScheme::RSA_PSS_RSAE_SHA256.0,
        SignatureScheme::RSA_PKCS1_SHA256.0,
        SignatureScheme::ECDSA_SHA384.0,
        SignatureScheme::RSA_PSS_RSAE_SHA384.0,
        SignatureScheme::RSA_PKCS1_SHA384.0,
    ];
    let versions = [GREASE, ProtocolVersion::DTLS_1_3.0, ProtocolVersion::DTLS_1_2.0];
    Vec::from([
        (ExtensionType(GREASE), vec![]),
        (ExtensionType::EXTENDED_MASTER_SECRET, vec![]),
        (ExtensionType::RENEGOTIATION_INFO, vec![0]),
        (ExtensionType::SUPPORTED_GROUPS, vec16(&codes(&groups))),
        (ExtensionType::EC_POINT_FORMATS, vec![1, 0]),
        (ExtensionType::SESSION_TICKET, vec![]),
        (ExtensionType::SIGNATURE_ALGORITHMS, vec16(&codes(&schemes))),
        // use_srtp: four profiles and no identifier.
        (ExtensionType(14), [&vec16(&codes(&[8, 7, 1, 2]))[..], &[0]].concat()),
        (ExtensionType::SUPPORTED_VERSIONS, vec8(&codes(&versions))),
        // psk_key_exchange_modes, and key_share.
        (ExtensionType(45), vec![1, 1]),
        (ExtensionType(51), vec16(&key_shares())),
        (ExtensionType(GREASE | 0x1010), vec![0]),
    ])
}

/// One that nobody knows, one for a group of 1.3 alone (an ML-KEM-768 key and one of X25519), and one each for groups
/// that 1.2 has too.
fn key_shares() -> Vec<u8> {
    let shares = [(GREASE, 1), (X25519_MLKEM768, 1184 + 32), (NamedGroup::X25519.0, 32), (NamedGroup::SECP256R1.0, 65)];
    shares.into_iter().flat_map(|(group, len)| [codes(&[group]), vec16(&vec![0x4b; len])].concat()).collect()
}

/// The whole message.
pub(crate) fn hello(cookie: &[u8]) -> Vec<u8> {
    let extensions: Vec<u8> =
        extensions().into_iter().flat_map(|(code, data)| [codes(&[code.0]), vec16(&data)].concat()).collect();
    [
        &ProtocolVersion::DTLS_1_2.0.to_be_bytes()[..],
        &RANDOM,
        &[0],
        &vec8(cookie),
        &vec16(&codes(&suites())),
        &[1, 0],
        &vec16(&extensions),
    ]
    .concat()
}

/// The datagrams that carry a hello: pieces of `size` bytes with this `message_seq`, each in a record of its own, whose
/// numbers go on from `sequence`.
pub(crate) fn datagrams(hello: &[u8], size: usize, message_seq: u16, sequence: u64) -> Vec<Vec<u8>> {
    let piece = |(n, bytes): (usize, &[u8])| {
        let fragment = FragmentHeader {
            msg_type: HandshakeType::CLIENT_HELLO,
            length: u32::try_from(hello.len()).unwrap(),
            message_seq,
            offset: u32::try_from(n * size).unwrap(),
            fragment_length: u32::try_from(bytes.len()).unwrap(),
        };
        let fragment = [&fragment.encode()[..], bytes].concat();
        let record = RecordHeader {
            content_type: ContentType::HANDSHAKE,
            version: ProtocolVersion::DTLS_1_0,
            epoch: 0,
            sequence: sequence + n as u64,
            length: u16::try_from(fragment.len()).unwrap(),
        };
        [&record.encode()[..], &fragment].concat()
    };
    hello.chunks(size).enumerate().map(piece).collect()
}

fn codes(codes: &[u16]) -> Vec<u8> {
    codes.iter().flat_map(|code| code.to_be_bytes()).collect()
}

fn vec8(content: &[u8]) -> Vec<u8> {
    [&[u8::try_from(content.len()).unwrap()], content].concat()
}

fn vec16(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// RFC 8701 section 2: a value that stands for nothing.
const GREASE: u16 = 0x2a2a;

/// X25519MLKEM768.
const X25519_MLKEM768: u16 = 0x11ec;
