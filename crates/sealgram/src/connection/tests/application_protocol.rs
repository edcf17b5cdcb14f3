//! ALPN (RFC 7301).
//!
//! What can go wrong: the two ends speak different protocols, or one of them a protocol that it never offered.

use super::*;
use crate::code::{AlertDescription, ExtensionType};
use crate::config::{ClientConfig, ConfigError};
use crate::error::{DecodeError, PeerIncompatible, PeerMisbehaved};
use crate::provider::ring;
use crate::wire::hello::{ClientHello, ServerHello};

const EXTENSION: ExtensionType = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;

fn client(mode: Mode) -> ClientScene {
    ClientScene::with(mode, |config| config.application_protocols(&[b"coap", b"h3"]))
}

fn server(mode: Mode) -> ServerScene {
    ServerScene::with(mode, |config| config.application_protocols(&[b"coap", b"h3"]))
}

/// EXP-14: names in order of preference; no extension without names; no empty name.
#[test]
fn a_client_offers_its_protocols() {
    let scene = client(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), Some(&b"\0\x08\x04coap\x02h3"[..]));

    let scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), None);

    for name in [&[][..], &[7; 256]] {
        let config = ClientConfig::builder(ring::provider(), identities::verifier());
        let refused = config.application_protocols(&[b"h3", name]).build();
        assert!(matches!(refused, Err(ConfigError::InvalidApplicationProtocol)));
    }
}

/// EXP-15: the first of the server's own that the client offers, and that alone.
#[test]
fn a_server_chooses_one() {
    for (offer, choice) in [(&b"\0\x08\x02h3\x04coap"[..], "coap"), (b"\0\x0d\x02h2\x06unused\x02h3", "h3")] {
        let mut scene = server(Mode::Wary);
        scene.script.hello.extensions.set(EXTENSION, offer);
        scene.send_hello();
        let hello = scene.hear_server_hello();
        let answer = ServerHello::decode(&hello).unwrap().extensions.selected_application_protocol();
        assert_eq!(answer, Ok(Some(choice.as_bytes())));
    }
}

/// EXP-15: nothing in common is fatal, nothing asked or nothing configured is not.
#[test]
fn a_server_without_a_common_protocol_fails() {
    for mode in MODES {
        let mut scene = server(mode);
        scene.script.hello.extensions.set(EXTENSION, b"\0\x03\x02h2");
        scene.send_hello();
        scene.fails(PeerIncompatible::NoCommonApplicationProtocol, AlertDescription::NO_APPLICATION_PROTOCOL);

        let mut scene = server(mode);
        scene.connect();
        assert_eq!(scene.subject.connection.session().unwrap().application_protocol, None);

        let mut scene = ServerScene::new(mode);
        scene.script.hello.extensions.set(EXTENSION, b"\0\x03\x02h2");
        scene.send_hello();
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION), None);
    }
}

/// EXP-16: one name, out of the offer.
#[test]
fn a_client_takes_one_of_its_own() {
    let mut scene = client(Mode::Trusting);
    scene.script.hello.extensions.set(EXTENSION, b"\0\x03\x02h3");
    scene.connect();
    let session = scene.subject.connection.session().unwrap();
    assert_eq!(session.application_protocol.as_deref(), Some(&b"h3"[..]));

    for mode in MODES {
        for (answer, error) in [
            (&b"\0\x03\x02h2"[..], PeerMisbehaved::ServerSelectedUnofferedProtocol),
            (b"\0\x08\x04coap\x02h3", PeerMisbehaved::ServerAnsweredSeveralProtocols),
        ] {
            let mut scene = client(mode);
            scene.script.hello.extensions.set(EXTENSION, answer);
            scene.send_flight();
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// EXP-16, EXP-17: empty lists and names, lengths that lie. Syntax, and as such doubted.
#[test]
fn a_malformed_list_is_doubted() {
    let cases: [(&[u8], DecodeError); 5] = [
        (b"", DecodeError::Truncated),
        (b"\0\0", DecodeError::Empty),
        (b"\0\x03\0\x01a", DecodeError::Empty),
        (b"\0\x03\x03h3", DecodeError::Truncated),
        (b"\0\x03\x02h3\0", DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (data, error) in cases {
            // Even where nobody wants the extension.
            for mut scene in [server(mode), ServerScene::new(mode)] {
                scene.script.hello.extensions.set(EXTENSION, data);
                scene.send_hello();
                scene.doubts(error, AlertDescription::DECODE_ERROR);
            }
            let mut scene = client(mode);
            scene.script.hello.extensions.set(EXTENSION, data);
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}
