//! Which version is spoken: DTLS 1.2, or none.
//!
//! What can go wrong: the numbers fall as versions rise, and a comparison is the wrong way round; a client of DTLS 1.3 is
//! refused where it would have taken 1.2; a version that is too old is spoken after all.

use alloc::vec::Vec;

use super::*;
use crate::code::{AlertDescription, CipherSuite, ExtensionType, HandshakeType, ProtocolVersion};
use crate::connection::tests::scene::{codes, vec8};
use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::wire::hello::{ClientHello, ServerHello};

/// A list of versions as supported_versions has it.
fn versions(list: &[u16]) -> Vec<u8> {
    vec8(&codes(list)[2..])
}

/// VER-02, VER-03: a client whose best is DTLS 1.0, and versions that are not DTLS's.
#[test]
fn a_client_without_dtls_1_2_is_refused() {
    for mode in MODES {
        for version in [0xfeff, 0xfefe, 0x0303, 0x0000, 0x7fff, 0xffff] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.version = ProtocolVersion(version);
            scene.send_hello();
            let error = PeerIncompatible::NoCommonVersion(ProtocolVersion(version));
            scene.fails(error, AlertDescription::PROTOCOL_VERSION);
        }
    }
}

/// VER-04: a client that can do more than we know gets what we know.
#[test]
fn a_newer_client_gets_dtls_1_2() {
    for version in [0xfefd, 0xfefc, 0xfe00, 0xfdff, 0x8000] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.script.hello.version = ProtocolVersion(version);
        scene.send_hello();
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().version, ProtocolVersion::DTLS_1_2);
    }
}

/// VER-05, VER-06: where there is a list, it counts and the version of the hello does not.
#[test]
fn supported_versions_decide_where_they_are_sent() {
    for list in [&[0xfefc, 0xfefd][..], &[0xfefd], &[0x7a7a, 0xfefd], &[0xfefd, 0xfeff]] {
        for version in [0xfefd, 0xfeff] {
            let mut scene = ServerScene::new(Mode::Wary);
            scene.script.hello.version = ProtocolVersion(version);
            scene.script.hello.extensions.set(ExtensionType::SUPPORTED_VERSIONS, &versions(list));
            scene.send_hello();
            let hello = scene.hear_server_hello();
            let hello = ServerHello::decode(&hello).unwrap();
            assert_eq!(hello.version, ProtocolVersion::DTLS_1_2);
            assert_eq!(hello.extensions.find(ExtensionType::SUPPORTED_VERSIONS), None);
        }
    }
    for mode in MODES {
        for (list, best) in [(&[0xfefc][..], 0xfefc), (&[0xfeff], 0xfeff), (&[0x7a7a, 0xfefc], 0xfefc)] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(ExtensionType::SUPPORTED_VERSIONS, &versions(list));
            scene.send_hello();
            let error = PeerIncompatible::NoCommonVersion(ProtocolVersion(best));
            scene.fails(error, AlertDescription::PROTOCOL_VERSION);
        }
    }
}

/// REC-04: the version of a record decides nothing, as long as it is one of DTLS's.
#[test]
fn the_record_version_of_a_hello_is_ignored() {
    for version in [0xfeff_u16, 0xfefd, 0xfefc, 0xfe00] {
        let mut scene = ServerScene::new(Mode::Wary);
        let hello = scene.script.hello.encode();
        let mut record = scene.puppet.say(HandshakeType::CLIENT_HELLO, &hello);
        record[1..3].copy_from_slice(&version.to_be_bytes());
        scene.give(&record);
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().version, ProtocolVersion::DTLS_1_2);
    }
}

/// REC-02, REC-03: the hellos of a client go out as DTLS 1.0, which the most servers tolerate; everything after the
/// answer, and all that a server says, as DTLS 1.2.
#[test]
fn records_say_dtls_1_2_once_that_is_known() {
    let versions = |datagrams: &[Vec<u8>]| -> Vec<ProtocolVersion> {
        datagrams.iter().flat_map(|datagram| crate::inspect::records(datagram)).map(|record| record.version).collect()
    };
    let mut client = ClientScene::new(Mode::Wary);
    client.subject.expire();
    assert_eq!(versions(&client.subject.take()), [ProtocolVersion::DTLS_1_0]);
    client.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"cookie");
    let datagrams = client.subject.take();
    assert_eq!(versions(&datagrams), [ProtocolVersion::DTLS_1_0]);
    client.send_flight();
    assert_eq!(versions(&client.subject.take()), [ProtocolVersion::DTLS_1_2; 3]);

    let mut server = ServerScene::new(Mode::Wary);
    server.send_hello();
    assert!(versions(&server.subject.take()).iter().all(|version| *version == ProtocolVersion::DTLS_1_2));
}

/// VER-07: a hello of a browser that knows DTLS 1.3 makes a plain DTLS 1.2 handshake.
#[test]
fn what_is_for_dtls_1_3_alone_is_passed_over() {
    let mut scene = ServerScene::new(Mode::Trusting);
    let hello = &mut scene.script.hello;
    hello.suites.splice(0..0, [0x1301, 0x1302, 0x1303]);
    hello.session_id = [0x1d; 32].to_vec();
    hello.extensions.set(ExtensionType::SUPPORTED_VERSIONS, &versions(&[0xfefc, 0xfefd]));
    let key_share = [0x00, 0x24, 0x00, 0x1d, 0x00, 0x20].into_iter().chain([9; 32]).collect::<Vec<u8>>();
    for (code, data) in [(51, &*key_share), (45, &[1, 1]), (44, &[0, 1, 7]), (42, &[]), (49, &[])] {
        hello.extensions.set(ExtensionType(code), data);
    }
    scene.connect();
    scene.carries_data();
}

/// VER-02, VER-08: a server that answers with anything else.
#[test]
fn a_server_with_another_version_is_refused() {
    for mode in MODES {
        for version in [0xfeff, 0xfefc, 0xfe00, 0x0303, 0x0000] {
            let mut scene = ClientScene::new(mode);
            scene.script.hello.version = ProtocolVersion(version);
            scene.send_flight();
            let error = PeerIncompatible::NoCommonVersion(ProtocolVersion(version));
            scene.fails(error, AlertDescription::PROTOCOL_VERSION);
        }
    }
}

/// VER-11: the mark of a server that could have done DTLS 1.3 is no offence to a client that could not. VER-10: ours
/// offers no more than DTLS 1.2, so that nobody can have taken anything from it.
#[test]
fn the_mark_of_a_downgrade_is_tolerated() {
    for mark in [b"DOWNGRD\x01", b"DOWNGRD\x00"] {
        let mut scene = ClientScene::new(Mode::Trusting);
        let offer = ClientHello::decode(&scene.script.client_hello).unwrap();
        assert_eq!(offer.extensions.find(ExtensionType::SUPPORTED_VERSIONS), None);
        scene.script.hello.random[24..].copy_from_slice(mark);
        scene.connect();
    }
}

/// VER-12: a client that says it fell back is refused only if it had no reason to.
#[test]
fn a_needless_fallback_is_refused() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.script.hello.suites.push(CipherSuite::FALLBACK_SCSV.0);
        scene.connect();

        let mut scene = ServerScene::new(mode);
        scene.script.hello.suites.push(CipherSuite::FALLBACK_SCSV.0);
        scene.script.hello.version = ProtocolVersion::DTLS_1_0;
        scene.send_hello();
        scene.fails(PeerMisbehaved::InappropriateFallback, AlertDescription::INAPPROPRIATE_FALLBACK);
    }
}

/// VER-13: a client never says that it fell back, as it never does.
#[test]
fn a_client_never_falls_back() {
    let mut scene = ClientScene::new(Mode::Wary);
    for _ in 0..4 {
        let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
        assert_eq!(hello.version, ProtocolVersion::DTLS_1_2);
        assert!(!hello.cipher_suites.contains(CipherSuite::FALLBACK_SCSV));
        scene.subject.expire();
        scene.hear_hello();
    }
}
