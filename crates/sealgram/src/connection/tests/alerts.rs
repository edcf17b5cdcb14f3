//! Alerts: what is believed, what is answered, what is said.
//!
//! What can go wrong: a forged alert ends a handshake or an association; an authentic one does not; a warning is worth an
//! answer each time it comes; an end is announced twice, in the wrong epoch or never.

use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::code::{AlertDescription, AlertLevel, ContentType, HandshakeType};
use crate::connection::SendError;
use crate::connection::tests::scene::{Scene, fatal, warning};
use crate::crypto::ExportError;
use crate::error::{AlertReceived, Error, PeerMisbehaved};
use crate::event::{CloseReason, Event, Status};
use crate::stats::DiscardReason;
use crate::test_rng::TestRng;

/// A plaintext alert that says the association is over.
const ENDS: [(AlertLevel, AlertDescription); 4] = [
    (AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE),
    (AlertLevel::FATAL, AlertDescription(222)),
    (AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY),
    (AlertLevel::WARNING, AlertDescription::USER_CANCELED),
];

fn received(level: AlertLevel, description: AlertDescription, authenticated: bool) -> Error {
    AlertReceived { level, description, authenticated }.into()
}

/// The subject ended because of an alert, and has no answer to that.
#[track_caller]
fn ended_by<S>(scene: &mut Scene<S>, error: &Error) {
    assert_eq!(scene.subject.connection.close_reason().and_then(CloseReason::error), Some(error));
    assert!(scene.subject.take().is_empty());
    assert_eq!(scene.subject.status(), Status::Closed);
    assert!(matches!(scene.subject.events()[..], [Event::Closed(CloseReason::Failed(_))]));
}

/// ALR-01: two bytes, and nothing else is an alert. In no epoch does a wrong size end anything.
#[test]
fn an_alert_of_another_size_is_dropped() {
    let malformed: [&[u8]; 4] = [&[2], &[2, 40, 0], &[2, 40, 2, 40], &[0xff; 100]];
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        for body in malformed {
            let record = scene.puppet.record(ContentType::ALERT, body);
            scene.give(&record);
        }
        let empty = scene.puppet.record(ContentType::ALERT, &[]);
        scene.give(&empty);
        scene.is_unmoved();
        scene.connect();
        for body in malformed {
            let record = scene.puppet.sealed(ContentType::ALERT, body);
            scene.give(&record);
        }
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::MalformedAlert), 8);
        scene.carries_data();
    }
}

/// ALR-02, ALR-08: an authentic fatal alert ends the association at once, known or not, whichever side it comes to.
#[test]
fn an_authentic_fatal_alert_ends_the_association() {
    fn check<S>(mut scene: Scene<S>) {
        for description in [AlertDescription::INTERNAL_ERROR, AlertDescription(222)] {
            let record = scene.puppet.sealed_alert(AlertLevel::FATAL, description);
            if scene.subject.is_alive() {
                scene.give(&record);
                ended_by(&mut scene, &received(AlertLevel::FATAL, description, true));
            }
        }
        let data = scene.puppet.data(b"too late");
        assert!(scene.give(&data).is_empty());
        assert_eq!(scene.subject.connection.send(b"data", &mut [0; 100]), Err(SendError::Closed));
        let exported = scene.subject.connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 32]);
        assert_eq!(exported, Err(ExportError::NotConnected));
    }
    for mode in MODES {
        check(ClientScene::connected(mode));
        check(ServerScene::connected(mode));
        // The handshake is not over, but the alert is authentic.
        let mut scene = ClientScene::new(mode);
        scene.until_finished();
        check(scene);
    }
}

/// ALR-02: the keys are gone with the last word, or at once if there is none.
#[test]
fn an_ended_association_has_no_keys() {
    let epochs = |scene: &ClientScene| {
        let records = &scene.subject.connection.records;
        (records.read_epoch(), records.write_epoch())
    };
    let mut scene = ClientScene::connected(Mode::Wary);
    assert_eq!(epochs(&scene), (1, 1));
    scene.subject.connection.close();
    assert_eq!(epochs(&scene), (1, 1), "to say close_notify with");
    assert_eq!(scene.heard_alerts(), [warning(AlertDescription::CLOSE_NOTIFY)]);
    assert_eq!(epochs(&scene), (0, 0));

    let mut scene = ClientScene::connected(Mode::Wary);
    let record = scene.puppet.sealed_alert(AlertLevel::FATAL, AlertDescription::INTERNAL_ERROR);
    scene.give(&record);
    assert_eq!(epochs(&scene), (0, 0));
    assert!(scene.subject.take().is_empty());
}

/// ALR-08: an authentic unknown level is taken for the worst.
#[test]
fn an_unknown_level_is_fatal_if_authentic() {
    for mode in MODES {
        for level in [0, 3, 255] {
            let mut scene = ClientScene::new(mode);
            let record = scene.puppet.alert(AlertLevel(level), AlertDescription::INTERNAL_ERROR);
            scene.give(&record);
            scene.is_unmoved();
            scene.connect();
            let record = scene.puppet.sealed_alert(AlertLevel(level), AlertDescription::INTERNAL_ERROR);
            scene.give(&record);
            scene.fails(PeerMisbehaved::MalformedAlert, AlertDescription::DECODE_ERROR);
        }
    }
}

/// ALR-03: an alert is said once. Time brings nothing more.
#[test]
fn alerts_are_not_retransmitted() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.suites = [0x0000].to_vec();
    scene.send_hello();
    assert_eq!(scene.heard_alerts(), [fatal(AlertDescription::HANDSHAKE_FAILURE)]);
    for _ in 0..100 {
        scene.subject.wait(Duration::from_secs(1));
        assert!(scene.subject.take().is_empty());
    }
}

/// ALR-05, decision 8: after the handshake, plaintext says nothing.
#[test]
fn a_plaintext_alert_after_the_handshake_is_ignored() {
    fn check<S>(mut scene: Scene<S>) {
        for (level, description) in ENDS {
            let record = scene.puppet.alert(level, description);
            scene.give(&record);
        }
        scene.subject.wait(Duration::from_secs(600));
        scene.is_unmoved();
        scene.carries_data();
    }
    for mode in MODES {
        check(ClientScene::connected(mode));
        check(ServerScene::connected(mode));
    }
}

/// ALR-06, decision 8: before it, a plaintext alert is a hint, which the true peer can refute.
#[test]
fn a_plaintext_alert_is_refuted_by_progress() {
    for (level, description) in ENDS {
        let mut scene = ClientScene::new(Mode::Wary);
        for message in scene.script.flight() {
            let record = scene.puppet.alert(level, description);
            scene.give(&record);
            scene.is_unmoved();
            scene.send(&[message]);
        }
        scene.hear_flight();
        let record = scene.puppet.alert(level, description);
        scene.give(&record);
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        scene.carries_data();
    }
}

/// ALR-06, decision 8: if nothing refutes it, it was the reason; on a trusted path, at once. The one who said it is told
/// nothing.
#[test]
fn a_plaintext_alert_matures_in_silence() {
    for mode in MODES {
        for (level, description) in ENDS {
            let error = received(level, description, false);
            let mut scene = ClientScene::new(mode);
            let record = scene.puppet.alert(level, description);
            scene.give(&record);
            scene.doubt_matures();
            ended_by(&mut scene, &error);

            let mut scene = ServerScene::new(mode);
            scene.send_hello();
            scene.hear_flight();
            let record = scene.puppet.alert(level, description);
            scene.give(&record);
            scene.doubt_matures();
            ended_by(&mut scene, &error);
        }
    }
}

/// Decision 8: a hint late in a timeout waits for that timeout and two more, each in full.
#[test]
fn a_doubt_waits_for_two_full_resends() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.subject.wait(Duration::from_millis(999));
    let record = scene.puppet.alert(AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE);
    scene.give(&record);
    let mut resends = 0;
    for _ in 0..5999 {
        scene.subject.wait(Duration::from_millis(1));
        assert!(scene.subject.is_alive());
        resends += scene.subject.take().len();
    }
    assert_eq!(resends, 2, "after 1 s and 3 s");
    scene.subject.wait(Duration::from_millis(2));
    assert!(!scene.subject.is_alive(), "after 7 s");
}

/// ALR-07, EXP-22: warnings in plaintext, a thousand of them, unrecognized_name among them.
#[test]
fn plaintext_warnings_do_not_matter() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        for n in 0..1000 {
            let description = if n % 2 == 0 { AlertDescription::UNRECOGNIZED_NAME } else { AlertDescription(222) };
            let record = scene.puppet.alert(AlertLevel::WARNING, description);
            scene.give(&record);
        }
        scene.is_unmoved();
        scene.connect();
        assert_eq!(scene.subject.dropped(DiscardReason::WarningAlert), 1000);
    }
}

/// ALR-07, ALR-08: a few authentic warnings are ignored; nobody has reason for more of them in a row.
#[test]
fn too_many_authentic_warnings_are_fatal() {
    for mode in MODES {
        let mut scene = ClientScene::connected(mode);
        for _ in 0..3 {
            scene.carries_data();
            for _ in 0..4 {
                let record = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription(222));
                scene.give(&record);
                scene.is_unmoved();
            }
        }
        let record = scene.puppet.sealed_alert(AlertLevel::WARNING, AlertDescription(222));
        scene.give(&record);
        scene.fails(PeerMisbehaved::TooManyWarnings, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

/// ALR-09, ALR-13: close says close_notify once, under the keys of the moment.
#[test]
fn close_is_announced_once() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.subject.connection.close();
    let heard = scene.heard();
    assert_eq!((heard.len(), heard[0].header.epoch), (1, 0), "before there are keys");

    let mut scene = ClientScene::connected(Mode::Wary);
    for _ in 0..3 {
        scene.subject.connection.close();
    }
    assert_eq!(scene.subject.status(), Status::Closing);
    let heard = scene.heard();
    assert_eq!((heard.len(), heard[0].header.epoch), (1, 1));
    assert_eq!(heard[0].alert(), warning(AlertDescription::CLOSE_NOTIFY));
    assert_eq!(scene.subject.status(), Status::Closed);
    assert_eq!(scene.subject.events(), [Event::Closed(CloseReason::Local)]);
    assert_eq!(scene.subject.connection.poll_timeout(), None);
}

/// ALR-13: at a client, keys are there with its last flight; at a server, with its own.
#[test]
fn alerts_are_protected_once_there_are_keys() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.until_finished();
    scene.subject.connection.close();
    assert_eq!(scene.heard()[0].header.epoch, 1);

    let mut scene = ServerScene::new(Mode::Wary);
    scene.until_finished();
    scene.subject.connection.close();
    assert_eq!(scene.heard()[0].header.epoch, 0, "the client cannot have the keys of a flight that was not sent");
}

/// ALR-10, ALR-11: close_notify is answered once. What came before it counts, and nothing after.
#[test]
fn close_notify_is_answered_once() {
    fn check<S>(mut scene: Scene<S>) {
        let close = (AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY);
        let records =
            [scene.puppet.data(b"before"), scene.puppet.sealed_alert(close.0, close.1), scene.puppet.data(b"after")];
        assert_eq!(scene.give(&records.concat()), [b"before"]);
        assert_eq!(scene.heard_alerts(), [warning(AlertDescription::CLOSE_NOTIFY)]);
        assert_eq!(scene.subject.events(), [Event::Closed(CloseReason::Peer)]);
        for _ in 0..3 {
            let again = scene.puppet.sealed_alert(close.0, close.1);
            scene.give(&again);
            let data = scene.puppet.data(b"after");
            assert!(scene.give(&data).is_empty());
        }
        assert!(scene.subject.take().is_empty());
        assert!(scene.subject.events().is_empty());
        assert_eq!(scene.subject.connection.send(b"data", &mut [0; 100]), Err(SendError::Closed));
    }
    for mode in MODES {
        check(ClientScene::connected(mode));
        check(ServerScene::connected(mode));
    }
}

/// ALR-15: no mutation of a record ends an association that is established.
#[test]
fn mutated_records_do_not_end_an_association() {
    let mut rng = TestRng::new(0xa1);
    let mut scene = ServerScene::connected(Mode::Trusting);
    for _ in 0..20_000 {
        let mut record = match rng.below(4) {
            0 => scene.puppet.data(b"data"),
            1 => scene.puppet.sealed_alert(AlertLevel::FATAL, AlertDescription::INTERNAL_ERROR),
            2 => scene.puppet.alert(AlertLevel::FATAL, AlertDescription::INTERNAL_ERROR),
            _ => scene.puppet.finished(),
        };
        for _ in 0..=rng.below(3) {
            let at = rng.below(record.len());
            record[at] ^= 1 << rng.below(8);
        }
        if rng.below(4) == 0 {
            record.truncate(rng.below(record.len()));
        }
        // Two flips of one bit are none; an authentic alert does end it.
        let _ = scene.subject.give(&record);
        if !scene.subject.is_alive() {
            assert!(matches!(
                scene.subject.connection.close_reason().and_then(CloseReason::error),
                Some(Error::Alert(AlertReceived { authenticated: true, .. }))
            ));
            scene = ServerScene::connected(Mode::Trusting);
        }
        scene.subject.take();
    }
    scene.carries_data();
}

/// ALR-16: framing, in any epoch and either mode, is dropped and counted; only whole messages in order are judged.
#[test]
fn framing_errors_are_dropped() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        let mut too_long = puppet::whole(HandshakeType::SERVER_HELLO, 0, b"abc");
        too_long[11] = 4;
        let mut past_its_end = puppet::whole(HandshakeType::SERVER_HELLO, 0, b"abc");
        past_its_end[3] = 2;
        for body in [&*too_long, &past_its_end, &[2; 11]] {
            let record = scene.puppet.record(ContentType::HANDSHAKE, body);
            scene.give(&record);
        }
        assert_eq!(scene.subject.dropped(DiscardReason::MalformedFragment), 3);
        let record = scene.puppet.record(ContentType::HANDSHAKE, b"whatever");
        scene.give(&record[..record.len() - 1]);
        assert_eq!(scene.subject.dropped(DiscardReason::TruncatedRecord), 1);
        let mut record = scene.puppet.record(ContentType::HANDSHAKE, b"whatever");
        record[1] = 3;
        scene.give(&record);
        assert_eq!(scene.subject.dropped(DiscardReason::WrongRecordVersion), 1);
        scene.is_unmoved();
        scene.connect();
        // Sealed, and still framing.
        let record = scene.puppet.sealed(ContentType::HANDSHAKE, &too_long);
        scene.give(&record);
        scene.is_unmoved();
        scene.carries_data();
    }
}

/// FRG-06: what stands behind the fatal message, in its record, is not even kept.
#[test]
fn nothing_is_kept_that_follows_the_end_in_its_record() {
    let mut scene = ClientScene::connected(Mode::Wary);
    let fatal = scene.puppet.message(HandshakeType::CERTIFICATE, &[0, 0, 0]);
    let behind = puppet::fragment(HandshakeType::CERTIFICATE, 0, &[7; 500], 0..400);
    let record = scene.puppet.sealed(ContentType::HANDSHAKE, &[fatal, behind].concat());
    scene.give(&record);
    assert_eq!(scene.subject.status(), Status::Closing);
    assert_eq!(scene.subject.connection.reassembly.memory(), 0);
}

/// ALR-17, ALR-02: after the end, whatever comes is ignored; nothing is said or told twice.
#[test]
fn after_the_end_there_is_nothing() {
    let mut rng = TestRng::new(0xa17);
    let mut scene = ClientScene::connected(Mode::Wary);
    let record = scene.puppet.sealed_alert(AlertLevel::FATAL, AlertDescription::INTERNAL_ERROR);
    scene.give(&record);
    assert_eq!(scene.subject.events().len(), 1);
    for n in 0..1000 {
        let record = match n % 4 {
            0 => scene.puppet.data(b"data"),
            1 => scene.puppet.alert(AlertLevel::FATAL, AlertDescription::INTERNAL_ERROR),
            2 => scene.puppet.finished(),
            _ => (0..rng.below(200)).map(|_| rng.next().to_le_bytes()[0]).collect::<Vec<_>>(),
        };
        assert!(scene.give(&record).is_empty());
        scene.subject.wait(Duration::from_millis(100));
        assert!(scene.subject.take().is_empty());
        assert!(scene.subject.events().is_empty());
        assert_eq!(scene.subject.connection.poll_timeout(), None);
    }
}

/// ALR-12: codes that no one may send are not in the table that chooses alerts; here, that none was ever needed.
#[test]
fn retired_alerts_are_not_known() {
    for retired in [21, 30, 41, 60, 111, 114] {
        assert_eq!(AlertDescription(retired).name(), None);
    }
}
