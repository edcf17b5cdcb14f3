//! Finished: both sides saw the same handshake, or there is no association.
//!
//! What can go wrong: a wrong proof passes, or one that came unprotected; what one side hashes the other does not; an
//! application learns secrets before the proof.

use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion};
use crate::connection::SendError;
use crate::connection::tests::puppet::{fragment, whole};
use crate::connection::tests::scene::Scene;
use crate::crypto::ExportError;
use crate::error::{DecodeError, PeerMisbehaved};
use crate::event::{CloseReason, Event, Status};
use crate::role::Role;
use crate::stats::DiscardReason;

/// FIN-01, FIN-04: each side's proof is what the puppet computes, ChangeCipherSpec not in it. The puppet's helpers
/// check it in every handshake; here is one that says so.
#[test]
fn both_sides_prove_what_they_saw() {
    ClientScene::connected(Mode::Wary).carries_data();
    ServerScene::connected(Mode::Wary).carries_data();
}

/// FIN-06: one bit, correctly sealed.
#[test]
fn wrong_verify_data_is_fatal() {
    fn check<S>(mut scene: Scene<S>) {
        let mut verify_data = scene.puppet.verify_data(scene.puppet.role);
        verify_data[11] ^= 1;
        let record = scene.puppet.say_sealed(HandshakeType::FINISHED, &verify_data);
        scene.give(&record);
        scene.fails(PeerMisbehaved::BadFinished, AlertDescription::DECRYPT_ERROR);
    }
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.until_finished();
        check(scene);
        let mut scene = ServerScene::new(mode);
        scene.until_finished();
        check(scene);
    }
}

/// FIN-06: our own proof, sent back, proves nothing.
#[test]
fn a_reflected_finished_is_fatal() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.until_finished();
    let reflected = scene.puppet.verify_data(Role::Client);
    let record = scene.puppet.say_sealed(HandshakeType::FINISHED, &reflected);
    scene.give(&record);
    scene.fails(PeerMisbehaved::BadFinished, AlertDescription::DECRYPT_ERROR);
}

/// FIN-07: in a protected epoch the peer vouches for its syntax, so it is fatal at once.
#[test]
fn a_finished_of_another_length_is_fatal() {
    fn check<S>(mut scene: Scene<S>, len: usize) {
        let record = scene.puppet.say_sealed(HandshakeType::FINISHED, &alloc::vec![0; len]);
        scene.give(&record);
        scene.fails(DecodeError::WrongLength, AlertDescription::DECODE_ERROR);
    }
    for mode in MODES {
        for len in [0, 11, 13, 36] {
            let mut scene = ClientScene::new(mode);
            scene.until_finished();
            check(scene, len);
            let mut scene = ServerScene::new(mode);
            scene.until_finished();
            check(scene, len);
        }
    }
}

/// FLT-20: the right proof in the wrong epoch proves nothing; the one behind it does.
#[test]
fn a_finished_in_plaintext_is_not_taken() {
    fn check<S>(mut scene: Scene<S>) {
        let verify_data = scene.puppet.verify_data(scene.puppet.role);
        let message = whole(HandshakeType::FINISHED, scene.puppet.message_seq, &verify_data);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
        scene.give(&record);
        assert!(scene.subject.connection.connected().is_none());
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::LeftoverFragment), 1);
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        assert!(scene.subject.connection.connected().is_some());
    }
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.until_finished();
        check(scene);
        let mut scene = ServerScene::new(mode);
        scene.until_finished();
        check(scene);
    }
}

/// FIN-02: cut into pieces, or in one; at either side.
#[test]
fn fragments_do_not_change_what_is_hashed() {
    let mut scene = ClientScene::new(Mode::Wary);
    let flight = scene.script.flight();
    for (message_seq, (msg_type, body)) in (0..).zip(&flight) {
        scene.puppet.message(*msg_type, body);
        let cuts: Vec<usize> = (0..body.len()).step_by(50).collect();
        for start in cuts.iter().rev() {
            let piece = fragment(*msg_type, message_seq, body, *start..(start + 50).min(body.len()));
            let record = scene.puppet.record(ContentType::HANDSHAKE, &piece);
            scene.give(&record);
        }
        if body.is_empty() {
            let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(*msg_type, message_seq, &[]));
            scene.give(&record);
        }
    }
    scene.hear_flight();
    let last = scene.puppet.end_of_flight();
    scene.give(&last);
    assert_eq!(scene.subject.events(), [Event::Connected]);

    let mut scene = ServerScene::with(Mode::Wary, |config| config.transport(subject::transport().mtu(100)));
    scene.connect();
}

/// FIN-03, FIN-04: the hello that was answered is hashed under its own number; the HelloVerifyRequest, the hello before
/// it, HelloRequests and alerts are not hashed.
#[test]
fn what_belongs_to_no_handshake_is_not_hashed() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"cookie");
    assert_eq!(scene.hear_hello().message_seq, 1);
    let request = whole(HandshakeType::HELLO_REQUEST, 0, &[]);
    for (message_seq, message) in (1..).zip(scene.script.flight()) {
        assert_eq!(scene.puppet.message_seq, message_seq);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &request);
        scene.give(&record);
        let warning = scene.puppet.alert(AlertLevel::WARNING, AlertDescription::UNRECOGNIZED_NAME);
        scene.give(&warning);
        scene.send(&[message]);
    }
    scene.hear_flight();
    let last = scene.puppet.end_of_flight();
    scene.give(&last);
    assert_eq!(scene.subject.events(), [Event::Connected]);
}

/// FIN-05: however often a message comes, it is hashed once.
#[test]
fn repeats_are_hashed_once() {
    let mut scene = ClientScene::new(Mode::Wary);
    let flight = scene.script.flight();
    for (message_seq, (msg_type, body)) in (0..).zip(&flight) {
        let record = scene.puppet.say(*msg_type, body);
        scene.give(&record);
        for _ in 0..3 {
            let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(*msg_type, message_seq, body));
            scene.give(&record);
        }
    }
    scene.hear_flight();
    scene.subject.wait(Duration::from_millis(1500));
    scene.subject.take();
    let last = scene.puppet.end_of_flight();
    scene.give(&last);
    assert_eq!(scene.subject.events(), [Event::Connected]);
}

/// FIN-08, REC-39: before the peer's proof the application learns nothing and says nothing.
#[test]
fn nothing_is_released_before_the_peer_has_proven_itself() {
    fn check<S>(scene: &mut Scene<S>) {
        assert_eq!(scene.subject.status(), Status::Handshaking);
        assert!(scene.subject.events().is_empty());
        let connection = &mut scene.subject.connection;
        assert!(connection.session().is_none());
        let exported = connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 32]);
        assert_eq!(exported, Err(ExportError::NotConnected));
        assert_eq!(connection.send(b"data", &mut [0; 100]), Err(SendError::NotConnected));
    }
    let mut scene = ClientScene::new(Mode::Wary);
    check(&mut scene);
    for message in scene.script.flight() {
        scene.send(&[message]);
        check(&mut scene);
    }
    scene.hear_flight();
    check(&mut scene);

    let mut scene = ServerScene::new(Mode::Wary);
    check(&mut scene);
    scene.send_hello();
    scene.hear_flight();
    check(&mut scene);
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    check(&mut scene);
}

/// Decision 3 of the design: a server is connected when its own Finished was handed out, not before.
#[test]
fn data_never_runs_ahead_of_our_finished() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    assert_eq!(scene.subject.status(), Status::Handshaking);
    assert_eq!(scene.subject.connection.send(b"data", &mut [0; 100]), Err(SendError::NotConnected));
    scene.hear_last_flight();
    assert_eq!(scene.subject.status(), Status::Connected);
}

/// A peer that says its last word and goodbye before ours was handed out: the application is told of the association
/// before it gets its data and learns of its end, and not with a session that it never heard of.
#[test]
fn an_association_that_ends_at_once_was_there_all_the_same() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.until_finished();
        let early = scene.puppet.data(b"early");
        assert!(scene.give(&early).is_empty());
        let rest = scene.puppet.end_of_flight();
        let goodbye = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY);
        scene.give(&[rest, goodbye].concat());
        let told = [Event::Connected, Event::Early(b"early".to_vec()), Event::Closed(CloseReason::Peer)];
        assert_eq!(scene.subject.events(), told);
        assert!(scene.subject.connection.session().is_some());
    }
}

/// A server whose last flight has to wait for a breath when the peer says goodbye sends it first, under its own numbers
/// and keys, and then answers: the answer would not open without it.
#[test]
fn a_last_flight_that_waits_goes_out_before_the_goodbye() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.until_finished();
        let now = scene.subject.now;
        (0..10).for_each(|_| scene.subject.connection.burst.on_datagram(now));
        let rest = scene.puppet.end_of_flight();
        let goodbye = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY);
        scene.give(&rest);
        assert!(scene.heard().is_empty(), "it takes a breath");
        scene.give(&goodbye);
        let heard = scene.heard();
        let headers: Vec<_> = heard.iter().map(|record| (record.header.content_type, record.header.epoch)).collect();
        let expected = [(ContentType::CHANGE_CIPHER_SPEC, 0), (ContentType::HANDSHAKE, 1), (ContentType::ALERT, 1)];
        assert_eq!(headers, expected);
        assert_eq!(scene.subject.events(), [Event::Connected, Event::Closed(CloseReason::Peer)]);
        assert_eq!(scene.subject.status(), Status::Closed);
        assert_eq!(scene.subject.connection.poll_timeout(), None);
    }
}

/// L2: an association that ended before its last flight was out, and has sent both that and its goodbye, has nothing to
/// say to a path that turns out to carry less: the keys are gone, and numbers would begin again.
#[test]
fn nothing_is_sent_again_after_the_end() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.until_finished();
        let rest = scene.puppet.end_of_flight();
        let goodbye = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY);
        scene.give(&[rest, goodbye].concat());
        assert_eq!(scene.heard().len(), 3);
        assert_eq!(scene.subject.events(), [Event::Connected, Event::Closed(CloseReason::Peer)]);
        scene.subject.connection.set_mtu(0);
        assert_eq!((scene.subject.status(), scene.subject.connection.poll_timeout()), (Status::Closed, None));
        assert!(scene.heard().is_empty());
    }
}

/// FRG-20, FRG-21: one message more than the handshake has, which the peer vouches for; a second Finished too.
#[test]
fn a_message_behind_the_last_one_is_fatal() {
    fn check<S>(mut scene: Scene<S>, msg_type: HandshakeType) {
        let record = scene.puppet.say_sealed(msg_type, &[0; 12]);
        scene.give(&record);
        scene.fails(PeerMisbehaved::MessageAfterHandshake(msg_type), AlertDescription::UNEXPECTED_MESSAGE);
    }
    for mode in MODES {
        for msg_type in [HandshakeType::FINISHED, HandshakeType::CERTIFICATE, HandshakeType(99)] {
            check(ClientScene::connected(mode), msg_type);
            check(ServerScene::connected(mode), msg_type);
        }
    }
}

/// FRG-20: the same, where the superfluous message overtakes the last one.
#[test]
fn a_message_too_many_is_fatal_in_any_order() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.until_finished();
        let last = scene.puppet.end_of_flight();
        let superfluous = scene.puppet.say_sealed(HandshakeType::FINISHED, &[0; 12]);
        scene.give(&superfluous);
        assert!(scene.subject.is_alive());
        scene.give(&last);
        let error = PeerMisbehaved::MessageAfterHandshake(HandshakeType::FINISHED);
        scene.fails(error, AlertDescription::UNEXPECTED_MESSAGE);
    }
}
