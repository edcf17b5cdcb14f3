//! What stands in the hellos, and what may not.
//!
//! What can go wrong: a value that was never offered is taken; a syntax error is read past; an extension that is not
//! known, or that stands for nothing here, breaks a handshake that it has no say in. What a server chooses out of an
//! offer is in `selection.rs`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, SignatureScheme};
use crate::connection::tests::puppet::whole;
use crate::error::{DecodeError, PeerIncompatible, PeerMisbehaved};
use crate::wire::hello::{ClientHello, ServerHello};

/// NEG-01: fresh for each connection, all 32 bytes, and a server's has nothing to do with the client's.
#[test]
fn randoms_are_fresh() {
    use crate::config::ClientConfig;
    use crate::connection::Connection;
    use crate::provider::ring;
    use crate::test_rng::TestRng;
    use crate::time::{Instant, WallClock};

    let config = ClientConfig::builder(ring::provider(), identities::verifier()).build().unwrap();
    let wall_clock = WallClock::new(Instant::ORIGIN, pki_types::UnixTime::since_unix_epoch(Duration::ZERO));
    let mut seen = BTreeSet::new();
    let mut ones = [0; 256];
    for n in 0..1000 {
        let name = "localhost".try_into().unwrap();
        let mut connection = Connection::client(config.clone(), name, wall_clock, &mut TestRng::new(n)).unwrap();
        let mut out = [0; 1200];
        let len = connection.poll_transmit(Instant::ORIGIN, &mut out).unwrap().len;
        let random: [u8; 32] = out[13 + 12 + 2..len].first_chunk().copied().unwrap();
        assert!(seen.insert(random));
        for (bit, ones) in ones.iter_mut().enumerate() {
            *ones += u32::from(random[bit / 8] >> (bit % 8) & 1);
        }
    }
    assert!(ones.iter().all(|ones| (350..650).contains(ones)), "no bit is fixed: {ones:?}");

    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let hello = scene.hear_server_hello();
    assert!(!seen.contains(&ServerHello::decode(&hello).unwrap().random));
    assert_ne!(ServerHello::decode(&hello).unwrap().random, scene.script.hello.random);
}

/// NEG-02, HVR-22: each field in its range, and nothing behind the last. Nobody vouches for a hello.
#[test]
fn a_malformed_client_hello_is_doubted() {
    let good = ServerScene::new(Mode::Wary).script.hello.encode();
    let edited = |at: usize, byte: u8| {
        let mut hello = good.clone();
        hello[at] = byte;
        hello
    };
    // Version, random; then the lengths of session_id, cookie and cipher suites.
    let cases: [(Vec<u8>, DecodeError); 8] = [
        (edited(34, 33), DecodeError::TooLong),
        (edited(35, 255), DecodeError::Truncated),
        (edited(36, 0xff), DecodeError::Truncated),
        (edited(37, 7), DecodeError::OddLength),
        (edited(37, 0), DecodeError::Empty),
        ([&*good, &[0]].concat(), DecodeError::TrailingBytes),
        (good[..good.len() - 1].to_vec(), DecodeError::Truncated),
        (good[..20].to_vec(), DecodeError::Truncated),
    ];
    for mode in MODES {
        for (hello, error) in &cases {
            let mut scene = ServerScene::new(mode);
            scene.send(HandshakeType::CLIENT_HELLO, hello);
            scene.doubts(*error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// Decision 8: who has sent nothing that could be sent again waits for the true hello as long as two repeats of it take.
#[test]
fn a_hello_is_doubted_for_two_timeouts() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send(HandshakeType::CLIENT_HELLO, b"what is this");
    assert_eq!(scene.subject.connection.poll_timeout(), Some(scene.subject.now + Duration::from_secs(2)));
    scene.subject.expire();
    assert_eq!(scene.heard_alerts().len(), 1);
}

/// NEG-02: the true hello, if it comes after all, is answered as if nothing had been.
#[test]
fn a_forged_hello_does_not_keep_the_true_one_out() {
    let mut scene = ServerScene::new(Mode::Wary);
    for forged in [&b"what is this"[..], &[0xff; 40]] {
        let message = whole(HandshakeType::CLIENT_HELLO, 0, forged);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
        scene.give(&record);
        scene.is_unmoved();
    }
    scene.connect();
}

/// NEG-03, EMS-04: no extensions at all is legal, and fails for policy alone.
#[test]
fn a_hello_without_extensions_is_read() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        let mut hello = scene.script.hello.encode();
        hello.truncate(hello.len() - scene.script.hello.extensions.encode().len());
        scene.send(HandshakeType::CLIENT_HELLO, &hello);
        let error = PeerIncompatible::ExtendedMasterSecretRequired;
        scene.fails(error, AlertDescription::HANDSHAKE_FAILURE);
    }
}

/// NEG-05, NEG-11, NEG-15: GREASE and the unknown everywhere, padding too; none of it is answered.
#[test]
fn unknown_values_are_passed_over() {
    let mut scene = ServerScene::with(Mode::Trusting, |config| config.application_protocols(&[b"h3"]));
    let hello = &mut scene.script.hello;
    hello.suites.splice(0..0, [0x0a0a, 0x4a4a, 0x1234]);
    for (extension, first) in [(ExtensionType::SUPPORTED_GROUPS, 0x1a1a), (ExtensionType::SIGNATURE_ALGORITHMS, 0xfafa)]
    {
        let (_, list) = hello.extensions.0.iter_mut().find(|(other, _)| *other == extension).unwrap();
        let mut entries = u16::to_be_bytes(first).to_vec();
        entries.extend_from_slice(&list[2..]);
        *list = scene::vec16(&entries);
    }
    hello.extensions.set(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, b"\0\x06\x02\x6a\x6a\x02h3");
    for (code, data) in
        [(0x0a0a, &b""[..]), (0xfafa, b"\0"), (0x1234, b"?"), (21, &[0; 100]), (22, b""), (4, b""), (53, b"\0")]
    {
        hello.extensions.set(ExtensionType(code), data);
    }
    scene.send_hello();
    let hello = scene.hear_server_hello();
    let answered: Vec<_> = ServerHello::decode(&hello).unwrap().extensions.iter().map(|(code, _)| code).collect();
    let asked = [
        ExtensionType::RENEGOTIATION_INFO,
        ExtensionType::EC_POINT_FORMATS,
        ExtensionType::EXTENDED_MASTER_SECRET,
        ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ];
    assert_eq!(answered, asked);
}

/// NEG-06: a suite that was not offered, or that is none, or another version's.
#[test]
fn a_suite_that_was_not_offered_is_illegal() {
    for mode in MODES {
        for suite in [0x0000, 0x00ff, 0x5600, 0x1301, 0x2a2a, 0x002f, 0xc013, 0xccaa] {
            let mut scene = ClientScene::new(mode);
            scene.script.hello.suite = CipherSuite(suite);
            scene.send_flight();
            let error = PeerMisbehaved::ServerSelectedUnofferedSuite(CipherSuite(suite));
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// NEG-08: null compression is offered, demanded, chosen, and nothing else.
#[test]
fn compression_is_never_used() {
    for mode in MODES {
        for compression in [&[1][..], &[1, 64]] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.compression = compression.to_vec();
            scene.send_hello();
            scene.fails(PeerMisbehaved::ClientOffersNoNullCompression, AlertDescription::ILLEGAL_PARAMETER);
        }
        let mut scene = ServerScene::new(mode);
        scene.script.hello.compression = [1, 0].to_vec();
        scene.send_hello();
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().compression_method, 0);

        let mut scene = ClientScene::new(mode);
        assert_eq!(ClientHello::decode(&scene.script.client_hello).unwrap().compression_methods, [0]);
        scene.script.hello.compression = 1;
        scene.send_flight();
        scene.fails(PeerMisbehaved::ServerSelectedCompression, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// NEG-09: what nobody asked for is not answered. Not even what everybody knows.
#[test]
fn an_extension_that_was_not_asked_for_is_illegal() {
    for mode in MODES {
        for (code, data) in [(16, &b"\0\x03\x02h3"[..]), (0xfafa, b""), (0x1234, b"?"), (35, b""), (43, b"\xfe\xfc")] {
            let mut scene = ClientScene::new(mode);
            scene.script.hello.extensions.set(ExtensionType(code), data);
            scene.send_flight();
            let error = PeerMisbehaved::ServerSentUnofferedExtension(ExtensionType(code));
            scene.fails(error, AlertDescription::UNSUPPORTED_EXTENSION);
        }
    }
}

/// NEG-10: syntax, and as such doubted.
#[test]
fn an_extension_that_stands_twice_is_doubted() {
    let twice = ExtensionType::EXTENDED_MASTER_SECRET;
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.0.push((twice, Vec::new()));
        scene.send_flight();
        scene.doubts(DecodeError::DuplicateExtension(twice), AlertDescription::DECODE_ERROR);

        let mut scene = ServerScene::new(mode);
        scene.script.hello.extensions.0.push((twice, Vec::new()));
        scene.send_hello();
        scene.doubts(DecodeError::DuplicateExtension(twice), AlertDescription::DECODE_ERROR);
    }
}

/// Section 5 of the design: the data of an extension is syntax too. A forger must not end a handshake with it.
#[test]
fn an_extension_that_does_not_parse_is_doubted() {
    let cases: [(ExtensionType, &[u8], DecodeError); 6] = [
        (ExtensionType::SUPPORTED_GROUPS, &[0, 3, 0, 23, 0], DecodeError::OddLength),
        (ExtensionType::SIGNATURE_ALGORITHMS, &[0, 0], DecodeError::Empty),
        (ExtensionType::EC_POINT_FORMATS, &[0], DecodeError::Empty),
        (ExtensionType::EXTENDED_MASTER_SECRET, &[0], DecodeError::TrailingBytes),
        (ExtensionType::RENEGOTIATION_INFO, &[1], DecodeError::Truncated),
        (ExtensionType::SUPPORTED_VERSIONS, &[3, 0xfe, 0xfd, 0xfe], DecodeError::OddLength),
    ];
    for mode in MODES {
        for (extension, data, error) in cases {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(extension, data);
            scene.send_hello();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
        for (extension, data, error) in &cases[2..5] {
            let mut scene = ClientScene::new(mode);
            scene.script.hello.extensions.set(*extension, data);
            scene.send_flight();
            scene.doubts(*error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// NEG-10 and the design's section 5: the true ServerHello clears what was doubted.
#[test]
fn a_forged_server_hello_does_not_keep_the_true_one_out() {
    let mut scene = ClientScene::new(Mode::Wary);
    let honest = scene.script.hello.extensions.clone();
    scene.script.hello.extensions.set(ExtensionType::EXTENDED_MASTER_SECRET, b"not empty");
    let forged = whole(HandshakeType::SERVER_HELLO, 0, &scene.script.hello.encode());
    let record = scene.puppet.record(ContentType::HANDSHAKE, &forged);
    scene.give(&record);
    scene.is_unmoved();
    scene.script.hello.extensions = honest;
    scene.connect();
}

/// NEG-12, NEG-16, NEG-17, NEG-22, RNG-01, EMS-01: what a client's hello says.
#[test]
fn a_client_offers_what_it_should() {
    let scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    let find = |extension| hello.extensions.find(extension);
    assert!(hello.session_id.is_empty());
    assert_eq!(find(ExtensionType::EXTENDED_MASTER_SECRET), Some(&[][..]));
    assert_eq!(find(ExtensionType::RENEGOTIATION_INFO), Some(&[0][..]));
    assert!(!hello.cipher_suites.contains(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV), "one of the two, not both");
    assert_eq!(find(ExtensionType::EC_POINT_FORMATS), Some(&[1, 0][..]));
    let groups: Vec<u16> = hello.extensions.supported_groups().unwrap().unwrap().iter().map(|group| group.0).collect();
    assert!(groups.contains(&0x0017) && groups.contains(&0x001d));
    let schemes: Vec<_> = hello.extensions.signature_algorithms().unwrap().unwrap().iter().collect();
    assert!(schemes.contains(&SignatureScheme::ECDSA_SHA256));
    let is_old = |scheme: &SignatureScheme| matches!(scheme.0 >> 8, 1 | 2);
    assert!(!schemes.iter().any(is_old), "neither MD5 nor SHA-1");
}

/// BCP-01, BCP-02, BCP-03, BCP-05, BCP-07: forward secrecy and AEAD in every suite, the mandatory ones first.
#[test]
fn a_client_offers_good_suites_only() {
    let scene = ClientScene::new(Mode::Wary);
    let suites: Vec<u16> =
        ClientHello::decode(&scene.script.client_hello).unwrap().cipher_suites.iter().map(|s| s.0).collect();
    let of_ccm: &[u16] = if cfg!(feature = "ccm") { &[0xc0ac, 0xc0ad] } else { &[] };
    assert_eq!(suites, [&[0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030], of_ccm].concat());
}

/// NEG-24: what cannot be the first answer waits for it, and never takes its place.
#[test]
fn a_message_before_the_server_hello_waits() {
    for (mode, message_seq) in [(Mode::Wary, 0), (Mode::Wary, 12), (Mode::Trusting, 12)] {
        let mut scene = ClientScene::new(mode);
        for msg_type in [HandshakeType::CERTIFICATE, HandshakeType::SERVER_KEY_EXCHANGE, HandshakeType(99)] {
            let message = whole(msg_type, message_seq, b"\0\0\0");
            let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
            scene.give(&record);
            scene.is_unmoved();
        }
        scene.connect();
    }
}

/// NEG-09, RNG-04: an answer to the signalling suite value is no answer to nothing, but ours is an extension anyway.
#[test]
fn an_extension_that_may_be_left_out_is_not_missed() {
    let mut scene = ClientScene::new(Mode::Trusting);
    scene.script.hello.extensions.remove(ExtensionType::EC_POINT_FORMATS);
    scene.connect();
}

/// Part of NEG-18 for the client's side: a server that insists on compressed points.
#[test]
fn a_server_without_uncompressed_points_is_refused() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(ExtensionType::EC_POINT_FORMATS, &[1, 1]);
        scene.send_flight();
        let error = PeerMisbehaved::ServerSelectedNoUncompressedPoints;
        scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// RFC 5246 section 7.4.1.3: a session id of the server's own means nothing to a client that resumes nothing.
#[test]
fn a_session_id_of_the_server_is_passed_over() {
    let mut scene = ClientScene::new(Mode::Trusting);
    scene.script.hello.session_id = [0x1d; 32].to_vec();
    scene.connect();
}
