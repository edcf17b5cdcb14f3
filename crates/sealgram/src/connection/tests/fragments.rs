//! Fragments at the connection: hellos in pieces, messages that have no place, messages that ask for nothing.
//!
//! What can go wrong: a hello of several datagrams is not understood; an unknown message is skipped in silence; a
//! HelloRequest restarts something. How fragments become messages is tested where that is done.

use alloc::vec::Vec;

use super::subject::unexpected;
use super::*;
use crate::code::{ContentType, HandshakeType};
use crate::connection::tests::puppet::whole;
use crate::connection::tests::scene::Scene;
use crate::event::Event;
use crate::proof::{AddressValidated, ValidatedHello};
use crate::stats::DiscardReason;

fn finish(mut scene: ServerScene) {
    scene.hear_flight();
    scene.say_last_flight();
}

/// FRG-19: with or without a cookie exchange before it, in order or not.
#[test]
fn a_hello_in_pieces_is_understood() {
    for size in [40, 60, 100] {
        for reversed in [false, true] {
            let hello = ValidatedHello { record_sequence: 3, message_seq: 1, random: [0xc1; 32] };
            for address in [AddressValidated::assured_by_transport(), AddressValidated::by_cookie(hello)] {
                let mut scene = ServerScene::at(Mode::Trusting, address, |config| config);
                scene.puppet.message_seq = 1;
                scene.puppet.sequence[0] = 3;
                let pieces = scene.hello_in_pieces(size);
                scene.give_pieces(pieces, reversed);
                finish(scene);
            }
        }
    }
}

/// FRG-19, HVR-14: the ServerHello goes on from the number of a record that carried the hello.
#[test]
fn a_hello_in_pieces_gives_its_number() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.puppet.sequence[0] = 40;
    for piece in scene.hello_in_pieces(60) {
        scene.give(&piece);
    }
    let heard = scene.heard();
    assert!((40..scene.puppet.sequence[0]).contains(&heard[0].header.sequence));
}

/// FRG-21: a type that nobody knows is no reason to look the other way.
#[test]
fn an_unknown_type_in_order_is_unexpected() {
    for mode in MODES {
        for msg_type in [HandshakeType(99), HandshakeType(24), HandshakeType(254)] {
            let mut scene = ClientScene::new(mode);
            let mut flight = scene.script.flight();
            flight.insert(1, (msg_type, b"?".to_vec()));
            scene.send(&flight);
            let (error, alert) = unexpected(msg_type, HandshakeType::CERTIFICATE);
            scene.doubts(error, alert);

            let mut scene = ServerScene::new(mode);
            scene.send_hello();
            scene.hear_flight();
            scene.send(msg_type, b"?");
            let (error, alert) = unexpected(msg_type, HandshakeType::CLIENT_KEY_EXCHANGE);
            scene.doubts(error, alert);
        }
    }
}

/// FRG-22: with whatever number, sealed or not, it takes no place, and is not answered while there is a handshake.
#[test]
fn a_hello_request_in_mid_handshake_is_ignored() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        let request = |scene: &mut ClientScene| {
            for message_seq in [0, scene.puppet.message_seq, scene.puppet.message_seq + 1, 999] {
                let request = whole(HandshakeType::HELLO_REQUEST, message_seq, &[]);
                let record = scene.puppet.record(ContentType::HANDSHAKE, &request);
                scene.give(&record);
            }
        };
        request(&mut scene);
        for message in scene.script.flight() {
            scene.is_unmoved();
            scene.send(&[message]);
            request(&mut scene);
        }
        scene.hear_flight();
        request(&mut scene);
        let sealed = whole(HandshakeType::HELLO_REQUEST, scene.puppet.message_seq, &[]);
        let record = scene.puppet.sealed(ContentType::HANDSHAKE, &sealed);
        scene.give(&record);
        scene.is_unmoved();
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        assert_eq!(scene.subject.events(), [Event::Connected]);
        assert_eq!(scene.subject.dropped(DiscardReason::HelloRequest), 25);
    }
}

/// FRG-23, FRG-02: numbers begin at 0 and count messages.
#[test]
fn numbers_begin_at_zero() {
    let mut client = ClientScene::new(Mode::Wary);
    assert_eq!(client.puppet.message_seq, 0);
    client.send_flight();
    let numbers: Vec<u16> = client.hear_flight().iter().map(|message| message.message_seq).collect();
    assert_eq!(numbers, [1, 2]);

    let mut server = ServerScene::new(Mode::Wary);
    server.send_hello();
    let numbers: Vec<u16> = server.hear_flight().iter().map(|message| message.message_seq).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

/// REC-25, REC-17: one record for the whole flight, or a datagram for each message, or anything between.
#[test]
fn a_flight_may_be_packed_in_any_way() {
    fn connect(mut scene: ClientScene) {
        scene.hear_flight();
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        assert_eq!(scene.subject.events(), [Event::Connected]);
    }
    let mut one_record = ClientScene::new(Mode::Wary);
    one_record.send_flight();
    connect(one_record);

    let mut one_datagram = ClientScene::new(Mode::Wary);
    let flight = one_datagram.script.flight();
    let records: Vec<u8> =
        flight.iter().flat_map(|(msg_type, body)| one_datagram.puppet.say(*msg_type, body)).collect();
    one_datagram.give(&records);
    connect(one_datagram);

    let mut reversed = ClientScene::new(Mode::Wary);
    let flight = reversed.script.flight();
    let records: Vec<_> = flight.iter().map(|(msg_type, body)| reversed.puppet.say(*msg_type, body)).collect();
    for record in records.iter().rev() {
        reversed.give(record);
    }
    connect(reversed);
}

/// FRG-06: once the handshake is over, nothing of it is kept.
#[test]
fn leftovers_go_with_the_handshake() {
    fn check<S>(scene: &Scene<S>) {
        assert_eq!(scene.subject.connection.reassembly.memory(), 0);
    }
    let mut scene = ServerScene::new(Mode::Wary);
    for message_seq in 1..10 {
        let message = whole(HandshakeType::CERTIFICATE, message_seq, &[7; 500]);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
        scene.give(&record);
    }
    assert!(scene.subject.connection.reassembly.memory() > 0);
    scene.send_hello();
    scene.hear_flight();
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    check(&scene);
    // Finished has number 2. Number 3 would be one message too many, and end it all.
    for message_seq in 4..10 {
        let message = whole(HandshakeType::CERTIFICATE, message_seq, &[7; 500]);
        let record = scene.puppet.sealed(ContentType::HANDSHAKE, &message);
        scene.give(&record);
    }
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    scene.hear_last_flight();
    check(&scene);
}

/// What is dropped of a message is counted under what is wrong with it, and under nothing else.
#[test]
fn each_way_to_spoil_a_message_has_its_counter() {
    let later = HandshakeType::CERTIFICATE;
    let full: Vec<(HandshakeType, u16, Vec<u8>)> =
        (1..16).map(|ahead| (later, ahead, Vec::from([7; 16_000]))).collect();
    let cases = [
        (DiscardReason::Doubtful, Vec::from([(later, 0, Vec::from([0, 0, 9]))])),
        (DiscardReason::FutureMessage, Vec::from([(later, 99, Vec::from([0]))])),
        (DiscardReason::OversizedMessage, Vec::from([(HandshakeType::SERVER_KEY_EXCHANGE, 1, Vec::from([7; 5000]))])),
        (DiscardReason::ReassemblyFull, full),
        (DiscardReason::WrongMessageLength, Vec::from([(HandshakeType::SERVER_HELLO_DONE, 1, Vec::from([0]))])),
    ];
    for (reason, messages) in cases {
        // Its ServerHello was taken, and its Certificate is due.
        let mut scene = ClientScene::new(Mode::Wary);
        let flight = scene.script.flight();
        scene.send(&flight[..1]);
        let due = scene.puppet.message_seq;
        for (msg_type, ahead, body) in messages {
            let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(msg_type, due + ahead, &body));
            scene.give(&record);
        }
        scene.is_unmoved();
        let stats = scene.subject.connection.stats();
        assert!(stats.discarded(reason) > 0, "{reason}");
        assert_eq!(stats.discarded_total(), stats.discarded(reason), "{reason}");
    }
}
