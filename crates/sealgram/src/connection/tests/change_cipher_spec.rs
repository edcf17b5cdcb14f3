//! ChangeCipherSpec: a byte without a number, a proof or a place in the transcript.
//!
//! What can go wrong: it switches keys that are not there, or switches twice; its loss or its early arrival ends a
//! handshake that has everything it needs. Here the epoch of a record says what it could say.

use super::*;
use crate::code::{ContentType, HandshakeType};
use crate::connection::tests::scene::Scene;
use crate::event::Event;
use crate::stats::DiscardReason;

/// Before each message, as many as anyone likes.
fn flood<S>(scene: &mut Scene<S>) {
    for _ in 0..10 {
        let record = scene.puppet.change_cipher_spec();
        scene.give(&record);
    }
    assert!(scene.subject.is_alive());
}

/// FLT-17, FLT-18: in no state does it change anything, once or ten times.
#[test]
fn an_early_change_cipher_spec_changes_nothing() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        flood(&mut scene);
        for message in scene.script.flight() {
            scene.is_unmoved();
            scene.send(&[message]);
            flood(&mut scene);
        }
        scene.hear_flight();
        flood(&mut scene);
        let finished = scene.puppet.finished();
        scene.give(&finished);
        flood(&mut scene);
        scene.carries_data();

        let mut scene = ServerScene::new(mode);
        flood(&mut scene);
        scene.send_hello();
        flood(&mut scene);
        scene.hear_flight();
        let exchange = scene.say_key_exchange();
        scene.give(&exchange);
        flood(&mut scene);
        let finished = scene.puppet.finished();
        scene.give(&finished);
        scene.hear_last_flight();
        flood(&mut scene);
        scene.carries_data();
    }
}

/// FLT-19: if it alone is lost, what follows it still counts.
#[test]
fn a_lost_change_cipher_spec_is_not_missed() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.until_finished();
    let finished = scene.puppet.finished();
    scene.give(&finished);
    assert_eq!(scene.subject.events(), [Event::Connected]);

    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    let finished = scene.puppet.finished();
    scene.give(&finished);
    scene.hear_last_flight();
}

/// FLT-18, REC-37: the whole last flight in any order.
#[test]
fn a_flight_may_arrive_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.send_hello();
        scene.hear_flight();
        let records = [scene.say_key_exchange(), scene.puppet.change_cipher_spec(), scene.puppet.finished()];
        for index in order {
            scene.give(&records[index]);
        }
        scene.hear_last_flight();
    }
}

/// FLT-16: a body that is not exactly one byte 1 is dropped and counted, in either epoch.
#[test]
fn a_malformed_change_cipher_spec_is_dropped() {
    let malformed: [&[u8]; 5] = [&[0], &[2], &[1, 1], &[1, 0], &[0xff; 100]];
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        for body in malformed {
            let record = scene.puppet.record(ContentType::CHANGE_CIPHER_SPEC, body);
            scene.give(&record);
        }
        let empty = scene.puppet.record(ContentType::CHANGE_CIPHER_SPEC, &[]);
        scene.give(&empty);
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::UntimelyChangeCipherSpec), 5);
        assert_eq!(scene.subject.dropped(DiscardReason::EmptyRecord), 1);
        scene.connect();
        assert_eq!(scene.subject.dropped(DiscardReason::UntimelyChangeCipherSpec), 5, "that of a handshake is timely");

        for body in malformed.into_iter().chain([&[1][..]]) {
            let record = scene.puppet.sealed(ContentType::CHANGE_CIPHER_SPEC, body);
            scene.give(&record);
        }
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::UntimelyChangeCipherSpec), 11);
        scene.carries_data();
    }
}

/// REC-27: one record, one content type.
#[test]
fn a_handshake_message_behind_it_is_not_read() {
    let mut scene = ClientScene::new(Mode::Trusting);
    let hello = scene.script.flight().swap_remove(0).1;
    let message = puppet::whole(HandshakeType::SERVER_HELLO, 0, &hello);
    let record = scene.puppet.record(ContentType::CHANGE_CIPHER_SPEC, &[&[1], &*message].concat());
    scene.give(&record);
    scene.is_unmoved();
    assert_eq!(scene.subject.connection.stats().discarded_total(), 1);
    scene.connect();
}
