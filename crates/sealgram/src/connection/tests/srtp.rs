//! use_srtp (RFC 5764), and the keys for media.
//!
//! What can go wrong: the two ends protect media in different ways, or with the keys of the wrong direction; one side
//! marks its packets with an identifier that the other does not expect.

use alloc::vec::Vec;

use super::*;
use crate::code::{AlertDescription, CipherSuite, ExtensionType, NamedGroup, SrtpProfile};
use crate::connection::tests::scene::Scene;
use crate::crypto::ExportError;
use crate::error::{DecodeError, PeerIncompatible, PeerMisbehaved};
use crate::role::Role;
use crate::wire::hello::{ClientHello, ServerHello};

const USE_SRTP: ExtensionType = ExtensionType::USE_SRTP;
const PROFILES: [SrtpProfile; 2] = [SrtpProfile::AEAD_AES_256_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];

fn client(mode: Mode) -> ClientScene {
    ClientScene::with(mode, |config| config.srtp(&PROFILES).srtp_mki(b"id"))
}

fn server(mode: Mode) -> ServerScene {
    ServerScene::with(mode, |config| config.srtp(&PROFILES))
}

fn offered(scene: &ClientScene) -> Option<Vec<u8>> {
    ClientHello::decode(&scene.script.client_hello).unwrap().extensions.find(USE_SRTP).map(<[u8]>::to_vec)
}

fn agreed<S>(scene: &Scene<S>) -> Option<(SrtpProfile, Vec<u8>)> {
    let session = scene.subject.connection.session().unwrap();
    session.srtp.as_ref().map(|srtp| (srtp.profile, srtp.mki.to_vec()))
}

/// EXP-05: the profiles, best first, and the identifier; without media nothing.
#[test]
fn a_client_with_media_offers_its_profiles() {
    assert_eq!(offered(&client(Mode::Wary)), Some(b"\0\x04\0\x08\0\x01\x02id".to_vec()));
    let scene = ClientScene::with(Mode::Wary, |config| config.srtp(&PROFILES));
    assert_eq!(offered(&scene), Some(b"\0\x04\0\x08\0\x01\0".to_vec()));
    assert_eq!(offered(&ClientScene::new(Mode::Wary)), None);
}

/// EXP-06: the first of the server's own that the client offers, and that alone. Nothing in common is no answer.
#[test]
fn a_server_chooses_one_profile_or_none() {
    for (offer, answer) in [
        (&b"\0\x04\0\x01\0\x08\0"[..], Some(&b"\0\x02\0\x08\0"[..])),
        (b"\0\x04\0\x05\0\x01\0", Some(b"\0\x02\0\x01\0")),
        (b"\0\x04\0\x05\0\x02\0", None),
        (b"\0\x02\xfa\xfa\0", None),
    ] {
        for mode in MODES {
            let mut scene = server(mode);
            scene.script.hello.extensions.set(USE_SRTP, offer);
            scene.send_hello();
            let hello = scene.hear_server_hello();
            assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(USE_SRTP), answer);
            scene.say_last_flight();
            let profile = answer.map(|answer| SrtpProfile(answer[3].into()));
            assert_eq!(agreed(&scene), profile.map(|profile| (profile, Vec::new())));
            if profile.is_none() {
                let exported = scene.subject.connection.export_srtp_keys();
                assert!(matches!(exported, Err(ExportError::NoSrtpProfile)));
            }
        }
    }
}

/// EXP-06: whoever needs media says so, and fails without.
#[test]
fn without_a_common_profile_the_handshake_fails_where_media_is_required() {
    let alert = AlertDescription::HANDSHAKE_FAILURE;
    for mode in MODES {
        for offer in [Some(&b"\0\x02\0\x02\0"[..]), None] {
            let mut scene = ServerScene::with(mode, |config| config.srtp(&PROFILES).require_srtp());
            if let Some(offer) = offer {
                scene.script.hello.extensions.set(USE_SRTP, offer);
            }
            scene.send_hello();
            scene.fails(PeerIncompatible::NoCommonSrtpProfile, alert);
        }
        let mut scene = ClientScene::with(mode, |config| config.srtp(&PROFILES).require_srtp());
        scene.send_flight();
        scene.fails(PeerIncompatible::NoCommonSrtpProfile, alert);
    }
}

/// A server without media does not answer, whatever is offered.
#[test]
fn a_server_without_media_ignores_the_offer() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.extensions.set(USE_SRTP, b"\0\x02\0\x01\0");
    scene.send_hello();
    let hello = scene.hear_server_hello();
    assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(USE_SRTP), None);
}

/// EXP-07: one profile, out of the offer. EXP-09: our identifier or none.
#[test]
fn a_client_takes_one_profile_and_its_own_identifier() {
    for (answer, mki) in [(&b"\0\x02\0\x01\0"[..], &b""[..]), (b"\0\x02\0\x01\x02id", b"id")] {
        let mut scene = client(Mode::Wary);
        scene.script.hello.extensions.set(USE_SRTP, answer);
        scene.connect();
        assert_eq!(agreed(&scene), Some((SrtpProfile::AES128_CM_HMAC_SHA1_80, mki.to_vec())));
    }
    let unoffered = |code| PeerMisbehaved::ServerSelectedUnofferedSrtpProfile(SrtpProfile(code));
    let cases = [
        (&b"\0\0\0"[..], PeerMisbehaved::ServerAnsweredSeveralSrtpProfiles),
        (b"\0\x04\0\x08\0\x01\0", PeerMisbehaved::ServerAnsweredSeveralSrtpProfiles),
        (b"\0\x02\0\x02\0", unoffered(2)),
        (b"\0\x02\0\x05\0", unoffered(5)),
        (b"\0\x02\0\x01\x02no", PeerMisbehaved::ServerChangedSrtpMki),
        (b"\0\x02\0\x01\x03id2", PeerMisbehaved::ServerChangedSrtpMki),
        (b"\0\x02\0\x01\x01i", PeerMisbehaved::ServerChangedSrtpMki),
    ];
    for mode in MODES {
        for (answer, error) in cases {
            let mut scene = client(mode);
            scene.script.hello.extensions.set(USE_SRTP, answer);
            scene.send_flight();
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(USE_SRTP, b"\0\x02\0\x01\0");
        scene.send_flight();
        let error = PeerMisbehaved::ServerSentUnofferedExtension(USE_SRTP);
        scene.fails(error, AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

/// EXP-07: lengths that lie, and an offer of nothing. Syntax, and as such doubted.
#[test]
fn malformed_profiles_are_doubted() {
    let cases: [(&[u8], DecodeError); 5] = [
        (b"", DecodeError::Truncated),
        (b"\0\x04\0\x01\0", DecodeError::Truncated),
        (b"\0\x01\0\0", DecodeError::OddLength),
        (b"\0\x02\0\x01\x05id", DecodeError::Truncated),
        (b"\0\x02\0\x01\0\0", DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (data, error) in cases {
            // Even where there is no media.
            for mut scene in [server(mode), ServerScene::new(mode)] {
                scene.script.hello.extensions.set(USE_SRTP, data);
                scene.send_hello();
                scene.doubts(error, AlertDescription::DECODE_ERROR);
            }
            let mut scene = client(mode);
            scene.script.hello.extensions.set(USE_SRTP, data);
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
        let mut scene = server(mode);
        scene.script.hello.extensions.set(USE_SRTP, b"\0\0\0");
        scene.send_hello();
        scene.doubts(DecodeError::Empty, AlertDescription::DECODE_ERROR);
    }
}

/// EXP-08: unchanged where the server wants it, and else not at all.
#[test]
fn a_server_accepts_an_identifier_or_declines_it() {
    for (accepts, answer) in [(true, &b"\0\x02\0\x01\x02id"[..]), (false, b"\0\x02\0\x01\0")] {
        let mut scene = ServerScene::with(Mode::Wary, |config| {
            let config = config.srtp(&PROFILES);
            if accepts { config.accept_srtp_mki() } else { config }
        });
        scene.script.hello.extensions.set(USE_SRTP, b"\0\x02\0\x01\x02id");
        scene.send_hello();
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(USE_SRTP), Some(answer));
        scene.say_last_flight();
        let mki = if accepts { b"id".to_vec() } else { Vec::new() };
        assert_eq!(agreed(&scene), Some((SrtpProfile::AES128_CM_HMAC_SHA1_80, mki)));
    }
}

/// EXP-10, EXP-11: what the exporter gives for the registered label without a context, cut into keys and salts.
#[test]
fn keys_for_media_are_what_the_exporter_gives() {
    for (code, len) in [(1, 60), (8, 88)] {
        let mut client = client(Mode::Wary);
        client.script.hello.extensions.set(USE_SRTP, &[0, 2, 0, code, 0]);
        let before = client.subject.connection.export_srtp_keys();
        assert!(matches!(before, Err(ExportError::NotConnected)));
        client.connect();
        check_keys(&client, len);

        let mut server = server(Mode::Wary);
        server.script.hello.extensions.set(USE_SRTP, &[0, 2, 0, code, 0]);
        server.connect();
        check_keys(&server, len);
    }
}

fn check_keys<S>(scene: &Scene<S>, len: usize) {
    let connection = &scene.subject.connection;
    let keys = connection.export_srtp_keys().unwrap();
    assert_eq!(Some(keys.profile()), agreed(scene).map(|(profile, _)| profile));
    let (client, server) = (keys.written_by(Role::Client), keys.written_by(Role::Server));
    let mut exported = alloc::vec![0; len];
    connection.export_keying_material(b"EXTRACTOR-dtls_srtp", None, &mut exported).unwrap();
    assert_eq!([client.key, server.key, client.salt, server.salt].concat(), exported);
}

/// EXP-12: what a browser must have is in the hello of a client made for it, and is enough to connect.
#[test]
fn the_least_of_webrtc_is_offered_and_enough() {
    let mut scene = ClientScene::with(Mode::Wary, |config| config.srtp(SrtpProfile::WEBRTC));
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert!(hello.cipher_suites.contains(CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256));
    assert!(hello.extensions.supported_groups().unwrap().unwrap().contains(NamedGroup::SECP256R1));
    let offer = hello.extensions.use_srtp().unwrap().unwrap();
    assert!(offer.profiles.contains(SrtpProfile::AES128_CM_HMAC_SHA1_80));
    assert!(offer.profiles.iter().all(|profile| profile.key_len().is_some()), "none of them without encryption");
    assert!(offer.mki.is_empty());
    scene.script.use_group(NamedGroup::SECP256R1);
    scene.script.hello.extensions.set(USE_SRTP, b"\0\x02\0\x01\0");
    scene.connect();
    scene.carries_data();
    assert_eq!(agreed(&scene), Some((SrtpProfile::AES128_CM_HMAC_SHA1_80, Vec::new())));
}
