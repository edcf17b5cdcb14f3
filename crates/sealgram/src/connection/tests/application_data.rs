//! Application data, and the association at its limits.
//!
//! What can go wrong: data passes without protection, or before the handshake is over; a record is longer than records
//! may be; numbers run out and begin again.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;

use super::*;
use crate::code::{AlertDescription, ContentType};
use crate::connection::SendError;
use crate::connection::tests::puppet::framed;
use crate::connection::tests::scene::{Scene, warning};
use crate::crypto::AeadLimits;
use crate::error::KeyLimit;
use crate::event::{CloseReason, Event, Status};
use crate::stats::DiscardReason;

/// REC-11, REC-30: a payload is one record, and of at most 2^14 bytes.
#[test]
fn a_payload_is_one_record() {
    let mut scene = ClientScene::with(Mode::Wary, |config| config.transport(subject::transport().mtu(20_000)));
    scene.connect();
    let mut out = vec![0; 20_000];
    let connection = &mut scene.subject.connection;
    assert_eq!(connection.max_payload(), 1 << 14);
    assert_eq!(connection.send(&[7; (1 << 14) + 1], &mut out), Err(SendError::TooLong { most: 1 << 14 }));
    for len in [0, 1, 1000, 1 << 14] {
        let payload = vec![7; len];
        let sent = scene.subject.connection.send(&payload, &mut out).unwrap();
        let [heard] = &*scene.puppet.understand(&[out[..sent].to_vec()]) else { panic!("one record") };
        assert_eq!((heard.header.content_type, &heard.content), (ContentType::APPLICATION_DATA, &payload));
        assert_eq!(sent, 13 + 24 + len);
        assert_eq!(scene.subject.connection.max_overhead(), 13 + 24);
    }
}

/// A record may be made where its payload stands, if there is room around it.
#[test]
fn a_payload_is_sealed_in_its_place() {
    let mut scene = ClientScene::connected(Mode::Wary);
    let mut buf = [7; 200];
    for start in [0, 20, 191] {
        let refused = scene.subject.connection.seal_in_place(&mut buf, start..start + 5);
        assert_eq!(refused, Err(SendError::NoRoom));
        assert_eq!(buf, [7; 200]);
    }
    for start in [21, 60] {
        let range = scene.subject.connection.seal_in_place(&mut buf, start..start + 5).unwrap();
        assert_eq!(range, start - 21..start - 21 + 13 + 24 + 5);
        let heard = scene.puppet.understand(&[buf[range].to_vec()]);
        assert_eq!(heard[0].content, [7; 5]);
        buf = [7; 200];
    }
}

/// REC-30, MTU-04, MTU-05: what does not fit a datagram is refused, never cut.
#[test]
fn a_payload_that_does_not_fit_a_datagram_is_refused() {
    let mut scene = ClientScene::with(Mode::Wary, |config| config.transport(subject::transport().mtu(500)));
    scene.connect();
    let most = 500 - 13 - 24;
    assert_eq!(scene.subject.connection.max_payload(), most);
    let mut out = [0; 1000];
    assert_eq!(scene.subject.connection.send(&vec![7; most + 1], &mut out), Err(SendError::TooLong { most }));
    assert_eq!(scene.subject.connection.send(&vec![7; most], &mut out), Ok(500));
}

/// Decision 5: runs of segments are records of one size each, and whoever gives too little room loses nothing.
#[test]
fn segments_are_records_of_one_size() {
    let mut scene = ClientScene::connected(Mode::Wary);
    let payload: Vec<u8> = (0..=255).collect();
    let mut out = vec![0; 1000];
    let segment = NonZeroUsize::new(100).unwrap();
    let before = scene.subject.connection.stats().records_sent;
    let refused = scene.subject.connection.send_segments(&payload, segment, &mut out[..300]);
    assert!(matches!(refused, Err(SendError::NoRoom)));
    assert_eq!(scene.subject.connection.stats().records_sent, before);
    let run = scene.subject.connection.send_segments(&payload, segment, &mut out).unwrap();
    let size = run.segment_size.unwrap().get();
    assert_eq!(size, 100 + scene.subject.connection.max_overhead());
    assert_eq!(scene.subject.connection.stats().records_sent, before + 3);
    let datagrams: Vec<Vec<u8>> = out[..run.len].chunks(size).map(<[u8]>::to_vec).collect();
    let heard: Vec<Vec<u8>> = scene.puppet.understand(&datagrams).into_iter().map(|record| record.content).collect();
    assert_eq!(heard, payload.chunks(100).map(<[u8]>::to_vec).collect::<Vec<_>>());
}

/// REC-22: legal, delivered as what they are, and harmless in number.
#[test]
fn empty_records_are_harmless() {
    let mut scene = ServerScene::connected(Mode::Wary);
    let memory = scene.subject.connection.stash.used_bytes();
    for _ in 0..10_000 {
        let record = scene.puppet.data(&[]);
        assert_eq!(scene.give(&record), [b""]);
    }
    assert_eq!(scene.subject.connection.stash.used_bytes(), memory);
    let repeat = scene.puppet.sealed_as(10, ContentType::APPLICATION_DATA, &[]);
    assert!(scene.give(&repeat).is_empty(), "it counts in the replay window");
    scene.carries_data();
}

/// REC-23: every content type there is, in both epochs. Heartbeats are not answered.
#[test]
fn unknown_content_types_are_dropped() {
    fn check<S>(mut scene: Scene<S>) {
        for code in 0..=255 {
            let content_type = ContentType(code);
            let known = [
                ContentType::CHANGE_CIPHER_SPEC,
                ContentType::ALERT,
                ContentType::HANDSHAKE,
                ContentType::APPLICATION_DATA,
            ];
            if known.contains(&content_type) {
                continue;
            }
            let plain = scene.puppet.record(content_type, b"\x01\x00\x03abc");
            assert!(scene.give(&plain).is_empty());
            if scene.puppet.secrets.is_some() {
                let sealed = scene.puppet.sealed(content_type, b"\x01\x00\x03abc");
                assert!(scene.give(&sealed).is_empty());
            }
            scene.is_unmoved();
        }
    }
    for mode in MODES {
        check(ClientScene::new(mode));
        check(ServerScene::new(mode));
        check(ClientScene::connected(mode));
        check(ServerScene::connected(mode));
    }
}

/// REC-24: data without protection is never delivered, whatever the state.
#[test]
fn plaintext_data_is_never_delivered() {
    fn check<S>(scene: &mut Scene<S>) {
        let record = scene.puppet.record(ContentType::APPLICATION_DATA, b"data");
        assert!(scene.give(&record).is_empty());
        assert!(scene.subject.is_alive());
        assert!(!scene.subject.events().iter().any(|event| matches!(event, Event::Early(_))));
        assert!(scene.subject.dropped(DiscardReason::PlaintextApplicationData) > 0);
    }
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        check(&mut scene);
        for message in scene.script.flight() {
            scene.send(&[message]);
            check(&mut scene);
        }
        scene.hear_flight();
        check(&mut scene);
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        check(&mut scene);
        scene.carries_data();

        let mut scene = ServerScene::new(mode);
        check(&mut scene);
        scene.until_finished();
        check(&mut scene);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        scene.subject.take();
        check(&mut scene);
    }
}

/// FLT-14, decision 4: data ahead of the peer's Finished waits, and is delivered once, as what it is.
#[test]
fn data_before_finished_waits() {
    fn check<S>(mut scene: Scene<S>) {
        let early = [scene.puppet.data(b"one"), scene.puppet.data(b"two")];
        for record in early.iter().chain(&early) {
            assert!(scene.give(record).is_empty());
        }
        assert!(scene.subject.events().is_empty());
        let last = scene.puppet.end_of_flight();
        assert!(scene.give(&last).is_empty());
        scene.subject.take();
        let events = [Event::Connected, Event::Early(b"one".to_vec()), Event::Early(b"two".to_vec())];
        assert_eq!(scene.subject.events(), events);
        scene.carries_data();
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

/// FLT-14, REC-37, REC-38: data ahead of its keys, and Finished with it; then in one datagram with more.
#[test]
fn data_before_its_keys_waits() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    scene.hear_flight();
    let exchange = scene.say_key_exchange();
    let finished = scene.puppet.end_of_flight();
    let data = scene.puppet.data(b"early");
    let before = scene.subject.connection.stats().records_received;
    assert!(scene.give(&data).is_empty());
    assert!(scene.give(&finished).is_empty());
    assert!(scene.give(&exchange).is_empty());
    assert_eq!(scene.subject.dropped(DiscardReason::StashFull), 0);
    // Those that waited count when they are opened: of the three datagrams the second has ChangeCipherSpec as well.
    assert_eq!(scene.subject.connection.stats().records_received, before + 4);
    scene.subject.take();
    assert_eq!(scene.subject.connection.poll_event(), Some(Event::Connected));
    let now = scene.subject.now;
    assert_eq!(scene.subject.connection.poll_timeout(), Some(now), "there is more to fetch");
    assert_eq!(scene.subject.events(), [Event::Early(b"early".to_vec())]);
    assert!(scene.subject.connection.poll_timeout().is_none_or(|due| due > now), "now there is not");
    assert!(scene.give(&data).is_empty(), "delivered once");
}

/// REC-38, FLT-14: what waits is bounded, and whatever it is does not keep the handshake from its end.
#[test]
fn early_records_are_bounded() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    scene.hear_flight();
    for sequence in 0..10_000 {
        scene.give(&framed(ContentType::APPLICATION_DATA, 1, sequence, &[7; 60]));
        scene.give(&framed(ContentType::APPLICATION_DATA, 7, sequence, &[7; 60]));
    }
    assert!(scene.subject.connection.stash.used_bytes() <= 4096);
    assert_eq!(scene.subject.dropped(DiscardReason::FutureEpoch), 10_000);
    scene.is_unmoved();
    scene.say_last_flight();
    scene.carries_data();
}

/// REC-39, REC-40: no data before the server's Finished: there is no False Start.
#[test]
fn there_is_no_false_start() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.until_finished();
    assert_eq!(scene.subject.connection.send(b"data", &mut [0; 100]), Err(SendError::NotConnected));
    for _ in 0..5 {
        scene.subject.expire();
        assert!(scene.heard().iter().all(|record| record.header.content_type != ContentType::APPLICATION_DATA));
    }
}

/// REC-32: the last two numbers are used, and then the association ends.
#[test]
fn record_numbers_do_not_wrap() {
    let mut scene = ClientScene::connected(Mode::Wary);
    scene.subject.connection.records.preset_write(1, (1 << 48) - 2, 0);
    let mut out = [0; 100];
    for sequence in [(1 << 48) - 2, (1 << 48) - 1] {
        let len = scene.subject.connection.send(b"data", &mut out).unwrap();
        let heard = scene.puppet.understand(&[out[..len].to_vec()]);
        assert_eq!(heard[0].header.sequence, sequence);
    }
    assert_eq!(scene.subject.connection.send(b"data", &mut out), Err(SendError::KeyLimit));
    let limit = KeyLimit::Confidentiality.into();
    assert_eq!(scene.subject.connection.close_reason().and_then(CloseReason::error), Some(&limit));
    assert!(scene.subject.take().is_empty(), "there is no number left for a farewell");
    assert_eq!(scene.subject.status(), Status::Closed);
    assert_eq!(scene.subject.events()[0], Event::KeyLimitNear);
}

/// ALR-02: who has used up its key has done nothing wrong, and says a farewell that is no failure.
#[test]
fn a_used_key_says_a_last_word() {
    let mut scene = ClientScene::connected(Mode::Wary);
    let most = AeadLimits::AES_GCM.blocks_protected;
    scene.subject.connection.records.preset_write(1, 100, most - 4);
    let mut out = [0; 100];
    assert_eq!(scene.subject.connection.send(&[7; 60], &mut out), Err(SendError::KeyLimit));
    assert_eq!(scene.heard_alerts(), [warning(AlertDescription::CLOSE_NOTIFY)]);
}

/// REC-33: an association has two epochs and asks for no third; the peer's third is dropped.
#[test]
fn there_is_no_third_epoch() {
    let mut scene = ClientScene::connected(Mode::Wary);
    for epoch in [2, 3, u16::MAX] {
        scene.give(&framed(ContentType::HANDSHAKE, epoch, 0, &[7; 60]));
    }
    assert_eq!(scene.subject.dropped(DiscardReason::FutureEpoch), 3);
    scene.carries_data();
}

/// REC-19: a bad record in mid-datagram stops nothing behind it.
#[test]
fn a_bad_record_does_not_stop_the_next() {
    let mut scene = ServerScene::connected(Mode::Wary);
    let (first, mut bad, last) = (scene.puppet.data(b"first"), scene.puppet.data(b"bad"), scene.puppet.data(b"last"));
    *bad.last_mut().unwrap() ^= 1;
    let replay = first.clone();
    assert_eq!(scene.give(&[first, bad, replay, last].concat()), [&b"first"[..], b"last"]);
}

/// Decision 1: what stands behind the Finished that completes the handshake is delivered with that datagram.
#[test]
fn data_behind_finished_is_delivered_at_once() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    let datagram = [scene.puppet.end_of_flight(), scene.puppet.data(b"hello")].concat();
    assert_eq!(scene.give(&datagram), [b"hello"]);
    scene.hear_last_flight();
}

/// ALR-14 for data: none of this is worth an alert.
#[test]
fn a_forged_record_is_not_answered() {
    let mut scene = ClientScene::connected(Mode::Trusting);
    for len in 0..60 {
        scene.give(&framed(ContentType::APPLICATION_DATA, 1, 1 << 40, &vec![7; len]));
        scene.give(&framed(ContentType::ALERT, 1, 1 << 40, &vec![7; len]));
    }
    scene.is_unmoved();
    assert!(scene.subject.dropped(DiscardReason::AuthenticationFailed) > 0);
    scene.carries_data();
    assert_eq!(AlertDescription::BAD_RECORD_MAC.0, 20, "which is never sent");
}

/// What came before the handshake was complete is the application's, even if the association ends before it asks.
#[test]
fn early_data_outlives_the_end() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    let early = scene.puppet.data(b"early");
    assert!(scene.give(&early).is_empty());
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    scene.subject.connection.close();
    let events = [Event::Connected, Event::Early(b"early".to_vec()), Event::Closed(CloseReason::Local)];
    assert_eq!(scene.subject.events(), events);
}
