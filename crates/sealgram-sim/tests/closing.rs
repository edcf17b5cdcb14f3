//! How associations end, and what alerts do.
//!
//! What can go wrong: an end that anybody can bring about, a goodbye that is never said, or never stops.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::code::{AlertDescription, AlertLevel, ContentType};
use sealgram::error::Error;
use sealgram::{CloseReason, Connection, Event, Role, Status, TransportOptions, inspect};
use sealgram_sim::{Fault, Pair, PairBuilder, ROLES, Script, forge, other};

fn connected() -> Pair {
    let mut pair = Pair::builder(1).build();
    pair.connect();
    pair
}

fn patient() -> PairBuilder {
    Pair::builder(1).transport(TransportOptions::default().jitter(false))
}

fn close_reason(pair: &Pair, role: Role) -> Option<CloseReason> {
    let Some(Event::Closed(reason)) = pair.close_event(role) else { return None };
    Some(*reason)
}

/// Loses everything.
fn nothing_arrives() -> Script {
    Script::new((0..1000).map(|index| (index, Fault::Drop)))
}

fn alert(level: AlertLevel, description: AlertDescription) -> Vec<u8> {
    forge::record(ContentType::ALERT.0, 0, 7, &[level.0, description.0])
}

/// ALR-09, ALR-10, ALR-13: the goodbye is said once, sealed, and answered once.
#[test]
fn a_goodbye_is_said_and_answered_once() {
    for role in ROLES {
        let mut pair = connected();
        let before = pair.log().len();
        pair.with(role, |connection| {
            connection.close();
            connection.close();
        });
        pair.settle();
        let sent = pair.log().entries()[before..].to_vec();
        assert_eq!(sent.iter().map(|entry| entry.from).collect::<Vec<_>>(), [role, other(role)]);
        for entry in &sent {
            let records: Vec<_> = inspect::records(&entry.datagram).collect();
            let [record] = &records[..] else { panic!("one record") };
            assert_eq!((record.content_type, record.epoch), (ContentType::ALERT, 1));
        }
        assert_eq!(close_reason(&pair, role), Some(CloseReason::Local));
        assert_eq!(close_reason(&pair, other(role)), Some(CloseReason::Peer));
        assert_eq!(ROLES.map(|role| pair.status(role)), [Status::Closed; 2]);
        // The same goodbye again gets no answer.
        let goodbye = sent[0].datagram.clone();
        pair.inject(other(role), goodbye);
        assert_eq!(pair.log().len(), before + 2);
    }
}

/// ALR-03: a goodbye that is lost is not said again.
#[test]
fn alerts_are_never_repeated() {
    let mut pair = connected();
    pair.set_link(nothing_arrives());
    pair.with(Role::Client, Connection::close);
    pair.wait(Duration::from_secs(1000));
    let alerts = pair.log().records(Role::Client).filter(|record| record.content_type == ContentType::ALERT);
    assert_eq!(alerts.count(), 1);
}

/// ALR-11: what comes behind the goodbye is not delivered; neither is what was sent before it and comes after.
#[test]
fn nothing_is_delivered_after_a_goodbye() {
    let mut pair = connected();
    let before = pair.seal(Role::Client, b"before");
    pair.with(Role::Client, Connection::close);
    pair.flush();
    let [goodbye] = &pair.intercept(Role::Server)[..] else { panic!("one datagram") };
    pair.inject(Role::Server, [&goodbye[..], &before].concat());
    assert!(pair.received(Role::Server).is_empty());
    assert_eq!(close_reason(&pair, Role::Server), Some(CloseReason::Peer));
}

/// ALR-11: in one datagram, data before the goodbye is data.
#[test]
fn what_stands_before_a_goodbye_is_delivered() {
    let mut pair = connected();
    let before = pair.seal(Role::Client, b"before");
    pair.with(Role::Client, Connection::close);
    pair.flush();
    let [goodbye] = &pair.intercept(Role::Server)[..] else { panic!("one datagram") };
    pair.inject(Role::Server, [&before[..], goodbye].concat());
    assert_eq!(pair.received(Role::Server), [b"before"]);
    assert_eq!(pair.status(Role::Server), Status::Closed);
}

/// ALR-05: once connected, alerts without protection are nothing.
#[test]
fn plaintext_alerts_do_not_end_an_association() {
    let mut pair = connected();
    for (level, description) in [
        (AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE),
        (AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY),
        (AlertLevel::FATAL, AlertDescription::CLOSE_NOTIFY),
    ] {
        for role in ROLES {
            pair.inject(role, alert(level, description));
        }
    }
    pair.wait(Duration::from_secs(3000));
    pair.connect();
}

/// ALR-06: during a handshake a plaintext alert is a hint. Where the peer is silent otherwise it is believed, after the
/// flight went out twice more and each was waited for in full, and is what the error says.
#[test]
fn a_plaintext_alert_is_believed_when_nothing_better_comes() {
    let mut pair = patient().link(nothing_arrives()).build();
    pair.flush();
    pair.wait(Duration::from_millis(100));
    pair.inject(Role::Client, alert(AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE));
    pair.run_while(|pair| pair.status(Role::Client) == Status::Handshaking);
    let times: Vec<_> = pair.log().of(Role::Client).map(|entry| entry.at.as_secs()).collect();
    assert_eq!(times[..3], [0, 1, 3]);
    assert_eq!(pair.elapsed(), Duration::from_secs(7));
    let reason = close_reason(&pair, Role::Client).unwrap();
    let Some(Error::Alert(alert)) = reason.error() else { panic!("{reason}") };
    assert_eq!((alert.description, alert.authenticated), (AlertDescription::HANDSHAKE_FAILURE, false));
}

/// ALR-06: where the peer is there, the hint is forgotten, whenever it came.
#[test]
fn a_plaintext_alert_is_forgotten_when_the_handshake_goes_on() {
    for datagrams in 1..5 {
        for lost in 0..4 {
            let mut pair = patient().link(Script::new([(lost, Fault::Drop)])).build();
            pair.run_while(|pair| {
                pair.flush();
                pair.log().len() < datagrams
            });
            for role in ROLES {
                pair.inject(role, alert(AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE));
                pair.inject(role, alert(AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY));
            }
            pair.connect();
        }
    }
}

/// ALR-06: a message in order clears the hint for good: that later flights are lost again and again proves nothing.
#[test]
fn a_hint_from_before_the_last_message_counts_no_more() {
    let drops = (2..12).map(|index| (index, Fault::Drop));
    let mut pair = patient().link(Script::new(drops)).build();
    pair.flush();
    for role in ROLES {
        pair.inject(role, alert(AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE));
    }
    pair.connect();
    let retransmissions = ROLES.map(|role| pair.with(role, |connection| connection.stats().retransmissions));
    assert!(retransmissions.into_iter().all(|count| count > 3), "{retransmissions:?}");
}

/// ALR-06: on a path that nobody else writes to it is believed at once.
#[test]
fn a_plaintext_alert_on_a_trusted_path_ends_the_handshake() {
    let mut pair = patient().trust_path().build();
    pair.flush();
    pair.inject(Role::Client, alert(AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE));
    assert_eq!(pair.status(Role::Client), Status::Closed);
    assert_eq!(pair.elapsed(), Duration::ZERO);
}

/// ALR-07: warnings without protection are not even hints.
#[test]
fn plaintext_warnings_do_nothing() {
    let mut control = patient().build();
    control.connect();
    let mut pair = patient().build();
    pair.run_while(|pair| {
        for role in ROLES {
            for _ in 0..50 {
                pair.inject(role, alert(AlertLevel::WARNING, AlertDescription::UNRECOGNIZED_NAME));
            }
        }
        !pair.is_connected()
    });
    pair.connect();
    assert_eq!(pair.log().entries(), control.log().entries());
}

/// ALR-13: an end that gives up in the middle of a handshake says so, in the epoch it has come to.
#[test]
fn closing_in_a_handshake_tells_the_peer() {
    for (datagrams, role, epoch) in [(1, Role::Client, 0), (2, Role::Server, 0), (3, Role::Client, 1)] {
        let mut pair = patient().build();
        pair.run_while(|pair| {
            pair.flush();
            pair.log().len() < datagrams
        });
        pair.with(role, Connection::close);
        pair.flush();
        let last = pair.log().records(role).last().unwrap();
        assert_eq!((last.content_type, last.epoch), (ContentType::ALERT, epoch));
        pair.settle();
        assert_eq!(pair.status(other(role)), Status::Closed, "after {datagrams}");
    }
}

/// ALR-17: a failed handshake sends its alert once, and is then silent.
#[test]
fn a_failure_is_told_once() {
    let mut pair = patient().trust_path().build();
    pair.run_while(|pair| {
        pair.flush();
        pair.log().is_empty()
    });
    let hello = pair.log().entries()[0].datagram.clone();
    pair.step();
    // A key exchange that is too short for its own length.
    let fragment = forge::fragment(16, 2, 1, 0, 2, &[9, 9]);
    pair.inject(Role::Server, forge::record(22, 0, 3, &fragment));
    let alerts = |pair: &Pair| {
        let records: Vec<_> = pair.log().records(Role::Server).collect();
        records.iter().filter_map(inspect::RecordView::alert).count()
    };
    assert_eq!((alerts(&pair), pair.status(Role::Server)), (1, Status::Closed));
    for _ in 0..100 {
        pair.inject(Role::Server, hello.clone());
    }
    pair.wait(Duration::from_secs(100));
    assert_eq!(alerts(&pair), 1);
    assert_eq!(pair.events(Role::Server).len(), 1);
}
