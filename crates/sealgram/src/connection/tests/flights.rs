//! Flights at the connection: who sends what again, and when.
//!
//! What can go wrong: half a flight counts as an answer; forged records move a timer; the last flight is lost and nobody
//! sends it again; a repeat of a record is answered as if it were a repeat of a flight. The timer machine has its own
//! tests, and losses of every kind are simulated elsewhere.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{ContentType, HandshakeType};
use crate::connection::tests::puppet::{Heard, fragment, framed, messages, whole};
use crate::error::Error;
use crate::event::{CloseReason, Event, Status};
use crate::role::Role;
use crate::stats::DiscardReason;

fn numbers(heard: &[Heard]) -> Vec<(u16, u64)> {
    heard.iter().map(|record| (record.header.epoch, record.header.sequence)).collect()
}

/// FLT-02, FLT-03, FLT-04, ALR-03: 1 s, doubled up to a minute, and an end without an alert, which was not asked for.
#[test]
fn a_silent_peer_is_given_up() {
    let mut scene = ClientScene::new(Mode::Wary);
    let start = scene.subject.now;
    let mut resent = Vec::new();
    while scene.subject.is_alive() {
        scene.subject.expire();
        if !scene.subject.take().is_empty() {
            resent.push((scene.subject.now - start).as_secs());
        }
    }
    assert_eq!(resent, [1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543]);
    assert_eq!(scene.subject.now - start, Duration::from_secs(600));
    let error = scene.subject.connection.close_reason().and_then(CloseReason::error);
    assert!(matches!(error, Some(Error::Timeout(timeout)) if !timeout.heard));
    assert_eq!(scene.subject.status(), Status::Closed);
    assert_eq!(scene.subject.events().len(), 1);
    assert_eq!(scene.subject.connection.poll_timeout(), None);
}

/// FLT-04: whoever waits in vain learns whether there was anybody.
#[test]
fn a_peer_that_stopped_answering_was_heard() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.send_flight();
    while scene.subject.is_alive() {
        scene.subject.expire();
        scene.subject.take();
    }
    let error = scene.subject.connection.close_reason().and_then(CloseReason::error);
    assert!(matches!(error, Some(Error::Timeout(timeout)) if timeout.heard), "{error:?}");
}

/// FLT-03, FLT-04: the schedule is the configuration's: where it starts, where doubling ends, and how often.
#[test]
fn the_schedule_can_be_set() {
    let mut scene = ClientScene::with(Mode::Wary, |config| {
        let options =
            subject::transport().initial_timeout(Duration::from_millis(400)).max_timeout(Duration::from_secs(2));
        config.transport(options.max_resends(5))
    });
    let start = scene.subject.now;
    let mut expiries = Vec::new();
    while scene.subject.is_alive() {
        scene.subject.expire();
        expiries.push((scene.subject.now - start).as_millis());
        assert_eq!(scene.subject.take().is_empty(), expiries.len() > 5, "five are sent again, the sixth ends it");
    }
    assert_eq!(expiries, [400, 1200, 2800, 4800, 6800, 8800]);
    let error = scene.subject.connection.close_reason().and_then(CloseReason::error);
    assert!(matches!(error, Some(Error::Timeout(_))));
}

/// FLT-05, FLT-06: a part of a flight changes no timer, and the whole of it starts the next one.
#[test]
fn only_a_whole_flight_is_an_answer() {
    let mut scene = ClientScene::new(Mode::Wary);
    let due = scene.subject.connection.poll_timeout();
    let flight = scene.script.flight();
    scene.subject.wait(Duration::from_millis(900));
    for message in &flight[..3] {
        scene.send(core::slice::from_ref(message));
        assert_eq!(scene.subject.connection.poll_timeout(), due);
    }
    scene.subject.wait(Duration::from_millis(100));
    assert_eq!(scene.heard_messages()[0].msg_type, HandshakeType::CLIENT_HELLO, "the hello goes out again");
    scene.send(&flight[3..]);
    scene.hear_flight();
    let timeout = scene.subject.connection.poll_timeout().unwrap() - scene.subject.now;
    assert_eq!(timeout, Duration::from_secs(2), "FLT-21: what the loss has taught is kept");
}

/// REC-28: what the record layer rejects moves no timer, and costs no answer.
#[test]
fn rejected_records_move_no_timer() {
    let mut scene = ClientScene::new(Mode::Wary);
    let mut resent = Vec::new();
    for tenth in 1..=70_u64 {
        scene.subject.wait(Duration::from_millis(100));
        scene.give(b"not a record");
        scene.give(&framed(ContentType::HANDSHAKE, 9, tenth, &[7; 60]));
        scene.give(&framed(ContentType(99), 0, tenth, &[7; 60]));
        if !scene.subject.take().is_empty() {
            resent.push(tenth);
        }
    }
    assert_eq!(resent, [10, 30, 70]);
}

/// FLT-13: what is lost is repaired by the client's timer, with the very same hello.
#[test]
fn a_lost_hello_is_sent_again_unchanged() {
    let mut scene = ClientScene::new(Mode::Wary);
    let first = scene.script.client_hello.clone();
    scene.subject.wait(Duration::from_secs(1));
    let heard = scene.heard();
    assert_eq!(numbers(&heard), [(0, 1)], "in a record of its own number");
    let hello = messages(&heard).remove(0);
    assert_eq!((hello.message_seq, hello.body), (0, first));
}

/// FLT-01, FLT-15, REC-07, REC-08, REC-09, REC-10, FRG-03: the whole flight each time, ChangeCipherSpec in its place,
/// the same messages in new records, and numbers that go on in either epoch.
#[test]
fn a_flight_is_sent_again_in_new_records() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.send_flight();
    let said = scene.hear_flight();
    for n in 1..4 {
        scene.subject.expire();
        let heard = scene.heard();
        let kinds: Vec<_> = heard.iter().map(|record| (record.header.content_type, record.header.epoch)).collect();
        let flight = [(ContentType::HANDSHAKE, 0), (ContentType::CHANGE_CIPHER_SPEC, 0), (ContentType::HANDSHAKE, 1)];
        assert_eq!(kinds, flight);
        // One hello, then two records of epoch 0 and one of epoch 1 for each time.
        assert_eq!(numbers(&heard), [(0, 1 + 2 * n), (0, 2 + 2 * n), (1, n)]);
        assert_eq!(messages(&heard), said);
    }
}

/// FLT-07, FLT-08, REC-35: the server says its flight again, as the client's was lost: one answer, and not at once.
#[test]
fn a_repeated_server_flight_is_answered_once() {
    let mut scene = ClientScene::new(Mode::Wary);
    let flight = scene.script.flight();
    scene.send(&flight);
    let said = scene.hear_flight();
    let repeat: Vec<u8> = (0..).zip(&flight).flat_map(|(n, (msg_type, body))| whole(*msg_type, n, body)).collect();

    let record = scene.puppet.record(ContentType::HANDSHAKE, &repeat);
    scene.give(&record);
    scene.is_unmoved();

    scene.subject.wait(Duration::from_millis(600));
    for _ in 0..6 {
        let record = scene.puppet.record(ContentType::HANDSHAKE, &repeat);
        scene.give(&record);
    }
    assert_eq!(scene.heard_messages(), said);
    let timeout = scene.subject.connection.poll_timeout().unwrap() - scene.subject.now;
    assert_eq!(timeout, Duration::from_secs(2), "the answer counts in the back-off");
}

/// MTU-03: a flight in datagrams that the path swallows, and a client whose timer is always the first to expire, so that
/// the server's never does.
#[test]
fn a_flight_that_is_asked_for_again_and_again_is_cut_smaller() {
    let mut scene = ServerScene::with(Mode::Wary, |config| config.transport(subject::transport().mtu(600)));
    scene.send_hello();
    let hello = whole(HandshakeType::CLIENT_HELLO, 0, &scene.script.hello.encode());
    let sizes = [(600, 549), (600, 549), (600, 549), (548, 257), (256, 1)];
    for (millis, (most, least)) in [0, 900, 1800, 3600, 7200].into_iter().zip(sizes) {
        if millis > 0 {
            scene.subject.wait(Duration::from_millis(millis));
            assert_eq!(scene.subject.take().len(), 0, "its timer has not expired");
            let record = scene.puppet.record(ContentType::HANDSHAKE, &hello);
            scene.give(&record);
        }
        // A datagram may end before the MTU does, where the rest is too little for a fragment.
        let longest = scene.subject.take().iter().map(Vec::len).max().unwrap();
        assert!((least..=most).contains(&longest), "{longest} after {millis} ms");
    }
}

/// FLT-08: all of a flight but its end is not a repeat of it.
#[test]
fn a_part_of_a_repeated_flight_is_not_answered() {
    let mut scene = ClientScene::new(Mode::Wary);
    let flight = scene.script.flight();
    scene.send(&flight);
    scene.hear_flight();
    scene.subject.wait(Duration::from_millis(600));
    for (message_seq, (msg_type, body)) in (0..3).zip(&flight) {
        let record = scene.puppet.record(ContentType::HANDSHAKE, &whole(*msg_type, message_seq, body));
        scene.give(&record);
    }
    scene.is_unmoved();
    assert_eq!(scene.subject.dropped(DiscardReason::StaleMessage), 3);
}

/// FLT-08: of a repeated message that comes in pieces, the one that ends it is answered, and no other.
#[test]
fn a_piece_of_a_repeated_message_is_not_answered() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let said = scene.hear_flight();
    let hello = scene.script.hello.encode();
    scene.subject.wait(Duration::from_millis(600));
    for range in [0..40, 40..hello.len() - 1] {
        let piece = fragment(HandshakeType::CLIENT_HELLO, 0, &hello, range);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &piece);
        scene.give(&record);
        scene.is_unmoved();
    }
    let end = fragment(HandshakeType::CLIENT_HELLO, 0, &hello, hello.len() - 1..hello.len());
    let record = scene.puppet.record(ContentType::HANDSHAKE, &end);
    scene.give(&record);
    assert_eq!(scene.heard_messages(), said);
}

/// MTU-02: once the path is known to carry less, the flight that was too long goes out again at once, cut smaller.
#[test]
fn a_smaller_mtu_sends_the_flight_again_at_once() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let said = scene.hear_flight();
    scene.subject.connection.set_mtu(300);
    let datagrams = scene.subject.take();
    assert!(datagrams.len() > 1 && datagrams.iter().all(|datagram| datagram.len() <= 300));
    assert_eq!(messages(&scene.puppet.understand(&datagrams)), said);
    for no_smaller in [300, 1200] {
        scene.subject.connection.set_mtu(no_smaller);
        assert!(scene.subject.take().is_empty(), "{no_smaller} is no reason");
    }
}

/// A server that has taken the client's Finished, and that message.
fn server_after_finished() -> (ServerScene, Vec<u8>) {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    let verify_data = scene.puppet.verify_data(Role::Client);
    let finished = scene.puppet.message(HandshakeType::FINISHED, &verify_data);
    let record = scene.puppet.sealed(ContentType::HANDSHAKE, &finished);
    scene.give(&record);
    (scene, finished)
}

/// FLT-09, FLT-10, FLT-11: an authentic repeat of the client's last flight has the server's sent again, for four
/// minutes, and no timer is needed for that.
#[test]
fn a_repeated_finished_gets_the_last_flight_again() {
    let (mut scene, finished) = server_after_finished();
    let last = scene.heard_messages();
    assert_eq!(scene.subject.events(), [Event::Connected]);
    assert_eq!(scene.subject.connection.poll_timeout(), None);
    for seconds in [1, 2, 100, 136] {
        scene.subject.now = scene.subject.now + Duration::from_secs(seconds);
        let again = scene.puppet.sealed(ContentType::HANDSHAKE, &finished);
        scene.give(&again);
        assert_eq!(scene.heard_messages(), last);
    }
    scene.subject.now = scene.subject.now + Duration::from_secs(2);
    let again = scene.puppet.sealed(ContentType::HANDSHAKE, &finished);
    scene.give(&again);
    scene.is_unmoved();
    scene.carries_data();
}

/// FLT-11: nor is it kept any longer, whatever call comes first.
#[test]
fn the_last_flight_is_freed_after_its_time() {
    let (mut scene, _) = server_after_finished();
    scene.hear_last_flight();
    scene.subject.wait(Duration::from_secs(239));
    assert!(!scene.subject.connection.outgoing.is_empty());
    scene.subject.wait(Duration::from_secs(1));
    assert!(scene.subject.connection.outgoing.is_empty());
}

/// PSK-08: that a Finished does not open is told from forgeries only where a preshared key is all that vouches for the
/// peer.
#[test]
fn unreadable_records_say_nothing_of_keys_that_certificates_vouch_for() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.send_flight();
    scene.hear_flight();
    // Each length that a Finished may have in some suite.
    for (sequence, len) in (0..).zip([32, 40, 48].into_iter().cycle().take(30)) {
        scene.give(&framed(ContentType::HANDSHAKE, 1, sequence, &vec![7; len]));
        scene.subject.wait(Duration::from_secs(1));
        scene.subject.take();
    }
    assert_eq!(scene.subject.dropped(DiscardReason::AuthenticationFailed), 30);
    assert!(scene.subject.is_alive());
}

/// REC-36, FLT-10: what was said in plaintext during the handshake moves nothing afterwards.
#[test]
fn a_late_handshake_record_in_plaintext_is_dropped() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    scene.hear_flight();
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    scene.hear_last_flight();
    scene.subject.wait(Duration::from_secs(10));
    scene.give(&exchange);
    scene.is_unmoved();
    assert_eq!(scene.subject.dropped(DiscardReason::OldEpoch), 1);
    scene.carries_data();
}

/// FLT-24: too early is nothing, too late is once.
#[test]
fn the_clock_may_be_told_at_any_time() {
    let mut scene = ClientScene::new(Mode::Wary);
    for _ in 0..999 {
        scene.subject.wait(Duration::from_millis(1));
        assert!(scene.subject.take().is_empty());
    }
    scene.subject.wait(Duration::from_secs(20));
    assert_eq!(scene.heard_messages().len(), 1);
}

/// Time that goes backwards stands still: a flight that is sent then has its whole timeout all the same.
#[test]
fn a_clock_that_runs_backwards_shortens_no_timeout() {
    let mut scene = ClientScene::new(Mode::Wary);
    let start = scene.subject.now;
    scene.subject.wait(Duration::from_millis(900));
    let latest = scene.subject.now;
    scene.subject.now = start;
    scene.send_flight();
    scene.hear_flight();
    assert_eq!(scene.subject.connection.poll_timeout(), Some(latest + Duration::from_secs(1)));
}

/// A buffer that is too short for the smallest datagram gets none, is counted, and harms nothing.
#[test]
fn a_buffer_too_short_for_a_datagram_is_counted() {
    let mut scene = ServerScene::new(Mode::Wary);
    let now = scene.subject.now;
    let mut short = [0; crate::config::MIN_MTU - 1];
    assert_eq!(scene.subject.connection.poll_transmit(now, &mut short), None);
    assert_eq!(scene.subject.dropped(DiscardReason::OutputBufferTooShort), 0, "there was nothing to send");
    scene.send_hello();
    assert_eq!(scene.subject.connection.poll_transmit(now, &mut short), None);
    assert_eq!(scene.subject.dropped(DiscardReason::OutputBufferTooShort), 1);
    scene.hear_flight();
}
