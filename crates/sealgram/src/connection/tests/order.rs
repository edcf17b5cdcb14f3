//! The order of messages: every state against every message.
//!
//! What can go wrong: a message is skipped, taken twice, or taken where another belongs, and the handshake ends without
//! a proof. Each illegal message, whole and with the number that is due, is unexpected_message (RFC 5246 section 7.4): at
//! once on a trusted path and in a protected epoch; elsewhere it is a doubt, which matures in silence and which progress
//! clears.
//!
//! The two opening states are different: as long as the peer's numbering is not known, a message that cannot be the
//! first one waits, and neither harms nor helps (NEG-24).

use alloc::vec::Vec;

use super::subject::unexpected;
use super::*;
use crate::code::{ContentType, HandshakeType};
use crate::connection::tests::puppet::whole;
use crate::connection::tests::scene::Scene;
use crate::event::Event;
use crate::proof::{AddressValidated, ValidatedHello};

/// Every type but HelloRequest, which is never part of the order (see `fragments.rs`), with a body of a length that it
/// may have.
const MESSAGES: [(HandshakeType, &[u8]); 14] = [
    (HandshakeType::CLIENT_HELLO, &[0xfe; 60]),
    (HandshakeType::SERVER_HELLO, &[0xfe; 60]),
    (HandshakeType::HELLO_VERIFY_REQUEST, b"\xfe\xff\x04late"),
    (HandshakeType::NEW_SESSION_TICKET, &[0; 6]),
    (HandshakeType(5), &[]),
    (HandshakeType::CERTIFICATE, &[0, 0, 0]),
    (HandshakeType::SERVER_KEY_EXCHANGE, &[3; 60]),
    (HandshakeType::CERTIFICATE_REQUEST, certificate::REQUEST),
    (HandshakeType::SERVER_HELLO_DONE, &[]),
    (HandshakeType::CERTIFICATE_VERIFY, &[4, 3, 0, 0]),
    (HandshakeType::CLIENT_KEY_EXCHANGE, &[32; 33]),
    (HandshakeType::FINISHED, &[0; 12]),
    (HandshakeType::CERTIFICATE_STATUS, &[1, 0, 0, 0]),
    (HandshakeType(99), b"?"),
];

/// Each message but these.
fn illegal(legal: &[HandshakeType]) -> Vec<(HandshakeType, &'static [u8])> {
    MESSAGES.into_iter().filter(|(msg_type, _)| !legal.contains(msg_type)).collect()
}

/// A client's states: how many messages of the flight are in, what may come, and what is awaited. With or without a
/// CertificateRequest.
const CLIENT_STATES: [(usize, bool, &[HandshakeType], HandshakeType); 4] = [
    (1, false, &[HandshakeType::CERTIFICATE], HandshakeType::CERTIFICATE),
    (2, false, &[HandshakeType::SERVER_KEY_EXCHANGE], HandshakeType::SERVER_KEY_EXCHANGE),
    (
        3,
        false,
        &[HandshakeType::CERTIFICATE_REQUEST, HandshakeType::SERVER_HELLO_DONE],
        HandshakeType::SERVER_HELLO_DONE,
    ),
    (4, true, &[HandshakeType::SERVER_HELLO_DONE], HandshakeType::SERVER_HELLO_DONE),
];

fn client_at(mode: Mode, said: usize, with_request: bool) -> ClientScene {
    let mut scene = ClientScene::new(mode);
    scene.script.certificate_request = with_request.then(|| certificate::REQUEST.to_vec());
    let flight = scene.script.flight();
    scene.send(&flight[..said]);
    scene
}

fn server_after_its_flight(mode: Mode) -> ServerScene {
    let mut scene = ServerScene::new(mode);
    scene.send_hello();
    scene.hear_flight();
    scene
}

fn server_behind_the_gate(mode: Mode) -> ServerScene {
    let hello = ValidatedHello { record_sequence: 0, message_seq: 0, random: [0xc1; 32] };
    ServerScene::at(mode, AddressValidated::by_cookie(hello), |config| config)
}

/// Gives a whole message with the number that is due, and takes no note of it.
fn interject<S>(scene: &mut Scene<S>, msg_type: HandshakeType, body: &[u8]) {
    let message = whole(msg_type, scene.puppet.message_seq, body);
    let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
    scene.give(&record);
}

/// FRG-20: at a client, message by message.
#[test]
fn a_client_takes_messages_in_order_only() {
    for mode in MODES {
        for (said, with_request, legal, awaited) in CLIENT_STATES {
            for (msg_type, body) in illegal(legal) {
                let mut scene = client_at(mode, said, with_request);
                interject(&mut scene, msg_type, body);
                let (error, alert) = unexpected(msg_type, awaited);
                scene.doubts(error, alert);
            }
        }
    }
}

/// FRG-20, CRT-15, CRT-16: at a server.
#[test]
fn a_server_takes_messages_in_order_only() {
    for mode in MODES {
        for (msg_type, body) in illegal(&[HandshakeType::CLIENT_HELLO]) {
            let mut scene = server_behind_the_gate(mode);
            interject(&mut scene, msg_type, body);
            let (error, alert) = unexpected(msg_type, HandshakeType::CLIENT_HELLO);
            scene.doubts(error, alert);
        }
        for (msg_type, body) in illegal(&[HandshakeType::CLIENT_KEY_EXCHANGE]) {
            let mut scene = server_after_its_flight(mode);
            interject(&mut scene, msg_type, body);
            let (error, alert) = unexpected(msg_type, HandshakeType::CLIENT_KEY_EXCHANGE);
            scene.doubts(error, alert);
        }
    }
}

/// FRG-20: under the new keys the peer vouches for what it says, so there is no doubt.
#[test]
fn a_sealed_message_out_of_order_is_fatal() {
    fn check<S>(mut scene: Scene<S>, msg_type: HandshakeType, body: &[u8]) {
        let record = scene.puppet.say_sealed(msg_type, body);
        scene.give(&record);
        let (error, alert) = unexpected(msg_type, HandshakeType::FINISHED);
        scene.fails(error, alert);
    }
    for mode in MODES {
        for (msg_type, body) in illegal(&[HandshakeType::FINISHED]) {
            let mut scene = ClientScene::new(mode);
            scene.until_finished();
            check(scene, msg_type, body);
            let mut scene = ServerScene::new(mode);
            scene.until_finished();
            check(scene, msg_type, body);
        }
    }
}

/// FRG-20, FLT-20: where only Finished is awaited, plaintext has nothing to say any more.
#[test]
fn plaintext_where_finished_belongs_is_dropped() {
    for mode in MODES {
        for (msg_type, body) in MESSAGES {
            let mut scene = ClientScene::new(mode);
            scene.until_finished();
            interject(&mut scene, msg_type, body);
            scene.is_unmoved();
            let last = scene.puppet.end_of_flight();
            scene.give(&last);
            scene.carries_data();

            let mut scene = ServerScene::new(mode);
            scene.until_finished();
            interject(&mut scene, msg_type, body);
            scene.is_unmoved();
            let rest = scene.puppet.end_of_flight();
            scene.give(&rest);
            scene.hear_last_flight();
        }
    }
}

/// FRG-20, I1: what was doubted is forgotten when the true message comes, at every point of the handshake.
#[test]
fn progress_clears_a_doubt() {
    for (msg_type, body) in MESSAGES {
        let mut scene = ClientScene::new(Mode::Wary);
        let flight = scene.script.flight();
        for (awaited, message) in CLIENT_STATES.iter().map(|state| state.2).zip(&flight[1..]) {
            if scene.puppet.message_seq == 0 {
                scene.send(&flight[..1]);
            }
            if !awaited.contains(&msg_type) {
                interject(&mut scene, msg_type, body);
                // Once more the doubt has two resends to mature, and is refuted before that.
                for _ in 0..2 {
                    scene.subject.expire();
                    assert!(!scene.subject.take().is_empty());
                }
            }
            scene.send(core::slice::from_ref(message));
        }
        scene.hear_flight();
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        assert_eq!(scene.subject.events(), [Event::Connected]);
    }
    for (msg_type, body) in illegal(&[HandshakeType::CLIENT_KEY_EXCHANGE]) {
        let mut scene = server_after_its_flight(Mode::Wary);
        interject(&mut scene, msg_type, body);
        scene.say_last_flight();
    }
    for (msg_type, body) in illegal(&[HandshakeType::CLIENT_HELLO]) {
        let mut scene = server_behind_the_gate(Mode::Wary);
        interject(&mut scene, msg_type, body);
        scene.connect();
    }
}

/// FRG-20, NEG-24: nothing comes before number 0, so what has it and is no first message is out of order.
#[test]
fn what_is_numbered_as_the_first_has_to_be_the_first() {
    for mode in MODES {
        for (msg_type, body) in illegal(&[HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO]) {
            let mut scene = ClientScene::new(mode);
            interject(&mut scene, msg_type, body);
            let (error, alert) = unexpected(msg_type, HandshakeType::SERVER_HELLO);
            scene.doubts(error, alert);
        }
        for (msg_type, body) in illegal(&[HandshakeType::CLIENT_HELLO]) {
            let mut scene = ServerScene::new(mode);
            interject(&mut scene, msg_type, body);
            let (error, alert) = unexpected(msg_type, HandshakeType::CLIENT_HELLO);
            scene.doubts(error, alert);
        }
    }
}

/// NEG-24: before the first message is known, those with another number wait, and neither end nor join anything. Where
/// nobody vouches for the path, those with number 0 do not either.
#[test]
fn before_the_opening_other_messages_wait() {
    for (mode, message_seq) in [(Mode::Wary, 0), (Mode::Wary, 12), (Mode::Trusting, 12)] {
        for (msg_type, body) in illegal(&[HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO]) {
            let mut scene = ClientScene::new(mode);
            let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(msg_type, message_seq, body));
            scene.give(&record);
            scene.is_unmoved();
            scene.connect();
        }
        for (msg_type, body) in illegal(&[HandshakeType::CLIENT_HELLO]) {
            let mut scene = ServerScene::new(mode);
            let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(msg_type, message_seq, body));
            scene.give(&record);
            scene.is_unmoved();
            scene.connect();
        }
    }
}

/// FRG-20: each message of the flight left out. What follows it waits for it, and is of no use.
#[test]
fn no_message_can_be_left_out() {
    let flight_len = ClientScene::new(Mode::Wary).script.flight().len();
    for left_out in 0..flight_len {
        // Numbered as if it had never been meant to be there.
        let mut scene = ClientScene::new(Mode::Trusting);
        let mut flight = scene.script.flight();
        flight.remove(left_out);
        scene.send(&flight);
        if left_out == flight_len - 1 {
            scene.is_unmoved();
        } else {
            assert!(!scene.subject.is_alive());
        }
        // Numbered as it should be: the gap is waited for, and the flight of the client does not come.
        let mut scene = ClientScene::new(Mode::Trusting);
        for (index, (msg_type, body)) in scene.script.flight().into_iter().enumerate() {
            let record = scene.puppet.say(msg_type, &body);
            if index != left_out {
                scene.give(&record);
            }
        }
        scene.is_unmoved();
    }
}
