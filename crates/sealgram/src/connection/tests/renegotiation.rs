//! There is no renegotiation here, and both sides say so (RFC 5746).
//!
//! What can go wrong: a splice of one handshake before another goes unnoticed; a request for a new handshake, of the peer
//! or of a forger, harms the association or draws an answer each time.

use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{AlertDescription, AlertLevel, ContentType, ExtensionType, HandshakeType};
use crate::connection::tests::puppet::whole;
use crate::connection::tests::scene::warning;
use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::stats::DiscardReason;
use crate::wire::hello::{ClientHello, ServerHello};

const EXTENSION: ExtensionType = ExtensionType::RENEGOTIATION_INFO;
const SCSV: u16 = 0x00ff;

/// RNG-01: one signal, not two.
#[test]
fn a_client_signals_by_an_empty_extension() {
    let scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), Some(&[0][..]));
    assert!(!hello.cipher_suites.iter().any(|suite| suite.0 == SCSV));
}

/// RNG-02: in a first handshake there is nothing to refer to.
#[test]
fn a_server_that_refers_to_an_earlier_handshake_is_refused() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(EXTENSION, &[1, 7]);
        scene.send_flight();
        scene.fails(PeerMisbehaved::ServerSentNonEmptyRenegotiationInfo, AlertDescription::HANDSHAKE_FAILURE);
    }
}

/// RNG-03: a server that does not know of the matter is refused, unless it is allowed.
#[test]
fn a_server_without_renegotiation_info_is_refused_by_default() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.remove(EXTENSION);
        scene.send_flight();
        scene.fails(PeerIncompatible::RenegotiationInfoRequired, AlertDescription::HANDSHAKE_FAILURE);

        let mut scene = ClientScene::with(mode, |config| config.danger().allow_missing_renegotiation_info());
        scene.script.hello.extensions.remove(EXTENSION);
        scene.connect();
    }
}

/// RNG-04, RNG-05: either signal is answered; none is answered by none.
#[test]
fn a_server_answers_either_signal() {
    for (extension, scsv) in [(true, false), (false, true), (true, true), (false, false)] {
        let mut scene = ServerScene::new(Mode::Wary);
        if !extension {
            scene.script.hello.extensions.remove(EXTENSION);
        }
        if scsv {
            scene.script.hello.suites.push(SCSV);
        }
        scene.send_hello();
        let hello = scene.hear_server_hello();
        let answer = ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION);
        assert_eq!(answer, (extension || scsv).then_some(&[0][..]));
    }
}

/// RNG-04: in a first handshake there is nothing to refer to, whatever else the client says.
#[test]
fn a_client_that_refers_to_an_earlier_handshake_is_refused() {
    for mode in MODES {
        for suites in [&[0xc02b][..], &[0xc02b, SCSV]] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.suites = suites.to_vec();
            scene.script.hello.extensions.set(EXTENSION, &[1, 7]);
            scene.send_hello();
            scene.fails(PeerMisbehaved::ClientSentNonEmptyRenegotiationInfo, AlertDescription::HANDSHAKE_FAILURE);
        }
    }
}

/// RNG-06, RNG-09: an authentic HelloRequest is refused politely, and not as often as it comes.
#[test]
fn a_hello_request_is_refused() {
    for mode in MODES {
        let mut scene = ClientScene::connected(mode);
        // The answer is taken each time: one that waits to be sent is not what keeps the next from being made.
        let mut heard = Vec::new();
        for n in 0..1000 {
            let request = whole(HandshakeType::HELLO_REQUEST, n, &[]);
            let record = scene.puppet.sealed(ContentType::HANDSHAKE, &request);
            scene.give(&record);
            heard.extend(scene.heard_alerts());
            scene.subject.wait(Duration::from_micros(900));
        }
        assert_eq!(heard, [warning(AlertDescription::NO_RENEGOTIATION)]);
        scene.carries_data();

        scene.subject.wait(Duration::from_secs(1));
        let request = whole(HandshakeType::HELLO_REQUEST, 0, &[]);
        let record = scene.puppet.sealed(ContentType::HANDSHAKE, &request);
        scene.give(&record);
        assert_eq!(scene.heard_alerts(), [warning(AlertDescription::NO_RENEGOTIATION)]);
    }
}

/// RNG-07: so is an authentic ClientHello, whatever is in it.
#[test]
fn a_client_hello_within_the_association_is_refused() {
    for mode in MODES {
        let mut scene = ServerScene::connected(mode);
        let hello = scene.script.hello.encode();
        for body in [&*hello, b"what is this"] {
            let message = whole(HandshakeType::CLIENT_HELLO, scene.puppet.message_seq, body);
            let record = scene.puppet.sealed(ContentType::HANDSHAKE, &message);
            scene.give(&record);
        }
        assert_eq!(scene.heard_alerts(), [warning(AlertDescription::NO_RENEGOTIATION)]);
        scene.carries_data();
    }
}

/// RNG-08, ASC-06: in plaintext anyone can ask; nobody is answered.
#[test]
fn a_plaintext_request_for_a_new_handshake_is_ignored() {
    for mode in MODES {
        let mut client = ClientScene::connected(mode);
        let request = whole(HandshakeType::HELLO_REQUEST, 0, &[]);
        let record = client.puppet.record(ContentType::HANDSHAKE, &request);
        client.give(&record);
        client.is_unmoved();
        client.carries_data();

        let mut server = ServerScene::connected(mode);
        let hello = whole(HandshakeType::CLIENT_HELLO, 0, &server.script.hello.encode());
        let record = server.puppet.record(ContentType::HANDSHAKE, &hello);
        server.give(&record);
        server.is_unmoved();
        server.carries_data();
    }
}

/// RNG-09: the answer to a question that was never asked.
#[test]
fn a_refusal_without_a_request_is_ignored() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        let refusal = scene.puppet.alert(AlertLevel::WARNING, AlertDescription::NO_RENEGOTIATION);
        scene.give(&refusal);
        scene.until_finished();
        let refusal = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription::NO_RENEGOTIATION);
        scene.give(&refusal);
        scene.is_unmoved();
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        let refusal = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription::NO_RENEGOTIATION);
        scene.give(&refusal);
        assert_eq!(scene.subject.dropped(DiscardReason::WarningAlert), 3);
        scene.is_unmoved();
        scene.carries_data();
    }
}

/// FRG-20 after the handshake: what is old or out of order asks for nothing, and gets nothing.
#[test]
fn other_messages_after_the_handshake_are_ignored() {
    let mut scene = ServerScene::connected(Mode::Trusting);
    let next = scene.puppet.message_seq;
    for msg_type in [HandshakeType::CERTIFICATE, HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType(99)] {
        for message_seq in [0, next - 1, next + 1] {
            let message = whole(msg_type, message_seq, b"\0");
            let record = scene.puppet.sealed(ContentType::HANDSHAKE, &message);
            scene.give(&record);
        }
    }
    scene.is_unmoved();
    assert_eq!(scene.subject.dropped(DiscardReason::AfterHandshake), 6);
    assert_eq!(scene.subject.dropped(DiscardReason::FutureMessage), 3);
    scene.carries_data();
}
