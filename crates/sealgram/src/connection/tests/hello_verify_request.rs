//! The cookie exchange: HelloVerifyRequest at a client, the numbers of the validated hello at a server.
//!
//! What can go wrong: the second hello differs from the first in more than its cookie, and the cookie is refused; a
//! repeated or forged HelloVerifyRequest starts an endless game; the hello that was only answered by a cookie enters the
//! transcript; a server restarts numbers that its stateless half has already used.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{AlertDescription, ContentType, HandshakeType, ProtocolVersion};
use crate::connection::tests::puppet::whole;
use crate::error::DecodeError;
use crate::proof::{AddressValidated, ValidatedHello};
use crate::stats::DiscardReason;
use crate::wire::hello::ClientHello;

/// The cookie of a hello, and the rest of it.
fn without_cookie(hello: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let cookie = ClientHello::decode(hello).unwrap().cookie.to_vec();
    // Version, random and an empty session_id come before the length of the cookie.
    let (before, after) = hello.split_at(2 + 32 + 1);
    (cookie.clone(), [before, &after[1 + cookie.len()..]].concat())
}

/// HVR-01, VER-01: the field is there, and empty.
#[test]
fn the_first_hello_has_an_empty_cookie() {
    let scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert!(hello.cookie.is_empty());
    assert_eq!(hello.version, ProtocolVersion::DTLS_1_2);
    assert_eq!(scene.puppet.message_seq, 0);
}

/// HVR-02, HVR-03, HVR-23: nothing but cookie and message_seq changes, and the first hello stays out of the transcript.
#[test]
fn the_second_hello_differs_in_its_cookie_alone() {
    let mut scene = ClientScene::new(Mode::Wary);
    let first = scene.script.client_hello.clone();
    scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"cookie");
    let second = scene.hear_hello();
    assert_eq!(second.message_seq, 1);
    let (cookie, rest) = without_cookie(&second.body);
    assert_eq!(cookie, b"cookie");
    assert_eq!(rest, without_cookie(&first).1);
    scene.connect();
}

/// HVR-05: the version in it decides nothing.
#[test]
fn the_version_of_a_hello_verify_request_is_ignored() {
    for mode in MODES {
        for version in [ProtocolVersion::DTLS_1_0, ProtocolVersion::DTLS_1_2, ProtocolVersion(0x0303)] {
            let mut scene = ClientScene::new(mode);
            scene.ask_for_cookie(version, 0, b"cookie");
            scene.hear_hello();
            scene.connect();
        }
    }
}

/// HVR-06, HVR-07: a server may change its secret meanwhile, and may number its answers or not.
#[test]
fn a_new_cookie_is_answered_with_a_new_hello() {
    for second_message_seq in [0, 1] {
        let mut scene = ClientScene::new(Mode::Wary);
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"one");
        assert_eq!(scene.hear_hello().message_seq, 1);
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, second_message_seq, b"two");
        let third = scene.hear_hello();
        assert_eq!((third.message_seq, without_cookie(&third.body).0), (2, b"two".to_vec()));
        scene.connect();
    }
}

/// HVR-07, decision 17: the ServerHello says by its number which hello it answers.
#[test]
fn a_server_hello_selects_the_hello_that_it_answers() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"one");
    scene.hear_hello();
    scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 1, b"forged");
    // The puppet goes on from the second hello, as if it had never seen the third.
    assert_eq!(scene.heard_messages()[0].message_seq, 2);
    scene.connect();
}

/// Decision 17: the same cookie again is a repeat, which the timer answers and nothing else.
#[test]
fn a_cookie_that_was_answered_is_not_answered_again() {
    let mut scene = ClientScene::new(Mode::Wary);
    for n in 0..3 {
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, n, b"cookie");
    }
    assert_eq!(scene.hear_hello().message_seq, 1);
    scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 1, b"cookie");
    scene.is_unmoved();
    scene.subject.wait(Duration::from_secs(1));
    assert_eq!(scene.hear_hello().message_seq, 1);
    scene.connect();
}

/// FLT-02 (RFC 6298 section 2): a cookie that was long on its way leaves the next flight three times as long.
#[test]
fn a_slow_cookie_makes_the_client_wait_longer() {
    for (round_trip, timeout) in [(100, 1000), (900, 2700)] {
        let mut scene = ClientScene::new(Mode::Wary);
        scene.subject.wait(Duration::from_millis(round_trip));
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"cookie");
        scene.hear_hello();
        let expires = scene.subject.connection.poll_timeout().unwrap();
        assert_eq!(expires - scene.subject.now, Duration::from_millis(timeout));
    }
}

/// HVR-06: five different cookies are answered, and a sixth is not.
#[test]
fn only_so_many_cookies_are_answered() {
    let mut scene = ClientScene::new(Mode::Wary);
    for n in 1..=5 {
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, u16::from(n) - 1, &[n]);
        assert_eq!(scene.hear_hello().message_seq, u16::from(n));
    }
    for n in 6..=20 {
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 5, &[n]);
    }
    scene.is_unmoved();
    scene.connect();
}

/// HVR-08: an empty cookie is one, too.
#[test]
fn cookies_of_every_length_are_answered() {
    for len in [0, 1, 32, 254, 255] {
        let mut scene = ClientScene::new(Mode::Wary);
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, &vec![0xc0; len]);
        let second = scene.hear_hello();
        assert_eq!(second.message_seq, 1, "{len}");
        assert_eq!(without_cookie(&second.body).0, vec![0xc0; len]);
        scene.connect();
    }
}

/// HVR-08: a body of another length than it says.
#[test]
fn a_malformed_hello_verify_request_is_doubted() {
    let cases: [(&[u8], DecodeError); 4] = [
        (b"\xfe\xff\x04abc", DecodeError::Truncated),
        (b"\xfe\xff\x02abc", DecodeError::TrailingBytes),
        (b"\xfe\xff", DecodeError::Truncated),
        (b"\xfe\xff\xffabc", DecodeError::Truncated),
    ];
    for mode in MODES {
        for (body, error) in cases {
            let mut scene = ClientScene::new(mode);
            let message = whole(HandshakeType::HELLO_VERIFY_REQUEST, 0, body);
            let record = scene.puppet.record(ContentType::HANDSHAKE, &message);
            scene.give(&record);
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// HVR-09: the server has chosen, so nobody wants a cookie any more.
#[test]
fn a_late_hello_verify_request_is_stale() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, 0, b"one");
        scene.hear_hello();
        let flight = scene.script.flight();
        scene.send(&flight[..1]);
        for message_seq in [0, 1] {
            scene.ask_for_cookie(ProtocolVersion::DTLS_1_0, message_seq, b"two");
        }
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::StaleMessage), 2);
        scene.send(&flight[1..]);
        scene.hear_flight();
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        scene.carries_data();
    }
}

/// HVR-14: records go on from the number of the hello that was accepted.
#[test]
fn a_server_begins_at_the_record_number_of_the_hello() {
    for sequence in [0, 7, 1 << 40] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.puppet.sequence[0] = sequence;
        scene.subject.connection.transport.mtu = 300;
        scene.subject.connection.flight_mtu = 300;
        scene.send_hello();
        let heard = scene.heard();
        assert!(heard.len() > 2);
        for (record, number) in heard.iter().zip(sequence..) {
            assert_eq!((record.header.epoch, record.header.sequence), (0, number));
        }
    }
}

/// HVR-14, HVR-15: as the proof of the cookie says, whatever record the hello then comes in.
#[test]
fn a_server_goes_on_where_its_stateless_half_stopped() {
    for message_seq in [0, 1, 2, 15] {
        let hello = ValidatedHello { record_sequence: 7, message_seq, random: [0xc1; 32] };
        let mut scene = ServerScene::at(Mode::Wary, AddressValidated::by_cookie(hello), |config| config);
        scene.puppet.message_seq = message_seq;
        scene.puppet.sequence[0] = 9;
        scene.send_hello();
        let heard = scene.subject.take();
        assert_eq!(scene.puppet.understand(&heard)[0].header.sequence, 7);
        let numbers: Vec<u16> =
            puppet::messages(&scene.puppet.understand(&heard)).iter().map(|m| m.message_seq).collect();
        assert_eq!(numbers, [0, 1, 2, 3].map(|n| message_seq + n));
    }
}

/// HVR-15: without a cookie exchange of its own, a server mirrors whatever number the first hello has.
#[test]
fn a_server_mirrors_the_message_seq_of_the_hello() {
    for message_seq in [0, 1, 2, 15] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.puppet.message_seq = message_seq;
        let last = scene.connect();
        assert_eq!(last[0].message_seq, message_seq + 4);
    }
}

/// HVR-15: and takes none that no honest client reaches.
#[test]
fn a_hello_with_an_implausible_number_is_not_taken() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.puppet.message_seq = 16;
    scene.send_hello();
    scene.is_unmoved();
    assert_eq!(scene.subject.dropped(DiscardReason::FutureMessage), 1);
}

/// Section 5 of the design: the proof is for one hello, and no other will do.
#[test]
fn only_the_validated_hello_is_taken() {
    let hello = ValidatedHello { record_sequence: 0, message_seq: 1, random: [0xc1; 32] };
    let mut scene = ServerScene::at(Mode::Trusting, AddressValidated::by_cookie(hello), |config| config);
    scene.script.hello.random = [0xc2; 32];
    scene.puppet.message_seq = 1;
    scene.send_hello();
    scene.is_unmoved();
    assert_eq!(scene.subject.dropped(DiscardReason::StaleMessage), 1);

    scene.script.hello.random = [0xc1; 32];
    scene.puppet.message_seq = 1;
    scene.puppet.transcript = crate::crypto::Transcript::new();
    scene.connect();
}

/// FRG-19, HVR-06 at the server: the rest of the validated hello was lost, and a client that has got another cookie
/// meanwhile only repeats the hello with that one. The transcript begins with the one that came whole.
#[test]
fn a_later_hello_takes_the_place_of_one_that_stays_incomplete() {
    for mode in MODES {
        let hello = ValidatedHello { record_sequence: 7, message_seq: 1, random: [0xc1; 32] };
        let mut scene = ServerScene::at(mode, AddressValidated::by_cookie(hello), |config| config);
        scene.script.hello.cookie = b"one".to_vec();
        let body = scene.script.hello.encode();
        let beginning = puppet::fragment(HandshakeType::CLIENT_HELLO, 1, &body, 0..100);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &beginning);
        scene.give(&record);
        scene.is_unmoved();

        // What comes before the validated hello stays out: its cookie was not good, or not there.
        let former = whole(HandshakeType::CLIENT_HELLO, 0, &body);
        let record = scene.puppet.record(ContentType::HANDSHAKE, &former);
        scene.give(&record);
        scene.is_unmoved();

        scene.script.hello.cookie = b"another".to_vec();
        scene.puppet.message_seq = 2;
        let last = scene.connect();
        assert_eq!(last[0].message_seq, 2 + 4, "ServerHello mirrors the hello that it answers");
    }
}

/// HVR-06 at the server: a client that was sent two cookies has answered both. Its later hello has the number of the
/// message that is due, and means nothing; one of another random there is out of order.
#[test]
fn a_second_hello_of_the_same_client_is_passed_over() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.send_hello();
        scene.hear_flight();
        scene.script.hello.cookie = b"another".to_vec();
        let second = whole(HandshakeType::CLIENT_HELLO, 1, &scene.script.hello.encode());
        for _ in 0..3 {
            let record = scene.puppet.record(ContentType::HANDSHAKE, &second);
            scene.give(&record);
            scene.is_unmoved();
        }
        assert_eq!(scene.subject.dropped(DiscardReason::StaleMessage), 3);
        scene.say_last_flight();
    }
}

/// ASC-04, FLT-07, FLT-08: a hello again, while its answer is out, is a repeat: one resend, the same choice, and never
/// at once.
#[test]
fn a_repeated_hello_gets_the_same_flight_again() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let first = scene.hear_flight();
    let hello = scene.script.hello.encode();
    let repeat = whole(HandshakeType::CLIENT_HELLO, 0, &hello);

    let record = scene.puppet.record(ContentType::HANDSHAKE, &repeat);
    scene.give(&record);
    scene.is_unmoved();

    scene.subject.wait(Duration::from_millis(500));
    for _ in 0..6 {
        let record = scene.puppet.record(ContentType::HANDSHAKE, &repeat);
        scene.give(&record);
    }
    assert_eq!(scene.heard_messages(), first, "once");
    scene.say_last_flight();
}
