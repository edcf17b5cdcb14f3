//! When flights are sent again, and when not (RFC 6347 section 4.2.4).
//!
//! What can go wrong: a timer that anybody can reset, a repeat for every duplicate, which makes an amplifier of both
//! ends, a last flight that nobody asks for any more, or is not given when asked for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::code::{ContentType, HandshakeType};
use sealgram::{DiscardReason, Event, Role, Status, TransportOptions, inspect};
use sealgram_sim::{Fault, Pair, ROLES, Script, SimRng, forge};

/// No jitter, and time enough.
fn patient() -> TransportOptions {
    TransportOptions::default().jitter(false).handshake_deadline(Duration::from_secs(600))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// When a side sent, in milliseconds from the beginning.
fn times(pair: &Pair, role: Role) -> Vec<u128> {
    pair.log().of(role).map(|entry| entry.at.as_millis()).collect()
}

fn retransmissions(pair: &mut Pair, role: Role) -> u64 {
    pair.with(role, |connection| connection.stats().retransmissions)
}

/// A pair whose network loses all.
fn alone() -> Pair {
    Pair::builder(1).transport(patient()).link(loses_all()).build()
}

fn loses_all() -> Script {
    Script::new((0..1000).map(|index| (index, Fault::Drop)))
}

/// A pair that has exchanged so many datagrams, with the next one under way.
fn after(datagrams: usize) -> Pair {
    let mut pair = Pair::builder(1).transport(patient()).build();
    pair.run_while(|pair| {
        pair.flush();
        pair.log().len() < datagrams
    });
    pair
}

/// FLT-02, FLT-03, REC-10: first after a second, then after twice the time each time, up to a minute.
#[test]
fn a_flight_is_repeated_with_growing_pauses() {
    let mut pair = alone();
    pair.wait(seconds(250));
    let expected = [0, 1, 3, 7, 15, 31, 63, 123, 183, 243].map(|second| second * 1000);
    assert_eq!(times(&pair, Role::Client), expected);
}

/// FLT-04: a handshake has an end, and nothing comes after it.
#[test]
fn a_handshake_without_an_answer_ends_at_its_deadline() {
    let mut pair = alone();
    pair.wait(seconds(2000));
    let [Event::Closed(reason)] = pair.events(Role::Client) else { panic!("{:?}", pair.events(Role::Client)) };
    assert!(reason.to_string().contains("SERVER_HELLO"), "{reason}");
    assert_eq!(pair.poll_timeout(Role::Client), None);
    assert!(times(&pair, Role::Client).into_iter().all(|millis| millis <= 600_000));
    assert_eq!(pair.status(Role::Client), Status::Closed);
}

/// FLT-05: a part of the peer's flight is no answer. The timer of ours runs on.
#[test]
fn a_part_of_a_flight_stops_no_timer() {
    let mut pair = Pair::builder(1).transport(patient()).mtu(256).build();
    pair.step();
    assert!(pair.log().of(Role::Server).count() > 1);
    let datagrams = pair.intercept(Role::Client);
    pair.wait(Duration::from_millis(880));
    for datagram in &datagrams[..datagrams.len() - 1] {
        pair.inject(Role::Client, datagram.clone());
    }
    pair.wait(Duration::from_millis(105));
    assert_eq!(times(&pair, Role::Client), [0, 1000]);
}

/// FLT-07: nor is a part that comes twice a repetition of the flight before it.
#[test]
fn a_part_that_comes_twice_is_no_repetition() {
    let mut pair = Pair::builder(1).transport(patient()).mtu(256).build();
    pair.step();
    let datagrams = pair.intercept(Role::Client);
    for _ in 0..20 {
        for datagram in &datagrams[..datagrams.len() - 1] {
            pair.wait(Duration::from_millis(22));
            pair.inject(Role::Client, datagram.clone());
        }
    }
    assert_eq!(times(&pair, Role::Client), [0]);
}

/// FLT-06: the whole of it is: from then on the timer is that of the next flight.
#[test]
fn a_whole_flight_is_an_answer() {
    let pair = after(3);
    let deadline = pair.poll_timeout(Role::Client).unwrap();
    assert_eq!((deadline - pair.now(), pair.elapsed()), (seconds(1), Duration::from_millis(40)));
}

/// FLT-07, FLT-08: the peer repeats its flight, so ours was lost: it goes out again at once, and once for all of the
/// copies that arrive within half a timeout.
#[test]
fn a_repeated_flight_is_answered_once() {
    let mut pair = Pair::builder(1).transport(patient()).build();
    pair.step();
    pair.lose_all();
    let hello = pair.log().entries()[0].datagram.clone();
    pair.wait(Duration::from_millis(700));
    for _ in 0..20 {
        pair.inject(Role::Server, hello.clone());
    }
    assert_eq!(times(&pair, Role::Server), [20, 720]);
    // It backs off with every answer: the copies of a forger set the pace no more than the timer would have.
    for _ in 0..600 {
        pair.lose_all();
        pair.wait(Duration::from_millis(100));
        pair.inject(Role::Server, hello.clone());
    }
    // The later ones are cut into several datagrams.
    let mut answers = times(&pair, Role::Server);
    answers.dedup();
    let answers = answers.len();
    assert!((4..10).contains(&answers), "{answers} answers in a minute");
}

/// FLT-01, FLT-15, REC-09, REC-10: what is repeated is the whole flight, with its ChangeCipherSpec, in fresh records and
/// in the epochs it had.
#[test]
fn a_flight_is_repeated_as_a_whole_in_fresh_records() {
    let mut pair = after(3);
    pair.lose_all();
    pair.set_link(loses_all());
    pair.wait(seconds(8));
    let flights: Vec<_> = pair.log().of(Role::Client).skip(1).map(|entry| &entry.datagram).collect();
    assert_eq!(flights.len(), 4);
    let records: Vec<Vec<_>> = flights.iter().map(|flight| inspect::records(flight).collect()).collect();
    for flight in &records {
        let shape: Vec<_> = flight.iter().map(|record| (record.content_type, record.epoch)).collect();
        let (handshake, change) = (ContentType::HANDSHAKE, ContentType::CHANGE_CIPHER_SPEC);
        assert_eq!(shape, [(handshake, 0), (change, 0), (handshake, 1)]);
    }
    for pair in records.windows(2) {
        assert_eq!(pair[0][0].body, pair[1][0].body, "the message is the same");
        assert_ne!(pair[0][2].body, pair[1][2].body, "and sealed anew");
        for (former, latter) in pair[0].iter().zip(&pair[1]) {
            assert!(former.sequence < latter.sequence);
        }
    }
}

/// FLT-09: the last flight answers every repetition of the peer's, for four minutes; then it is forgotten.
#[test]
fn the_last_flight_is_there_for_four_minutes() {
    let mut pair = after(4);
    assert_eq!(pair.status(Role::Server), Status::Connected);
    let mut answered = Vec::new();
    for _ in 0..60 {
        pair.lose_all();
        let before = pair.log().of(Role::Server).count();
        pair.with(Role::Client, |client| client.set_mtu(1200));
        let repeated = pair.log().of(Role::Client).count();
        pair.run_while(|pair| {
            pair.flush();
            pair.log().of(Role::Client).count() == repeated && pair.status(Role::Client) == Status::Handshaking
        });
        let [arriving] = &pair.intercept(Role::Server)[..] else { break };
        pair.inject(Role::Server, arriving.clone());
        answered.push((pair.elapsed().as_secs(), pair.log().of(Role::Server).count() - before));
    }
    let expected = [(1, 1), (3, 1), (7, 1), (15, 1), (31, 1), (63, 1), (123, 1), (183, 1), (243, 0)];
    assert_eq!(answered[..expected.len()], expected);
}

/// FLT-10: nobody without the keys can ask for the last flight.
#[test]
fn the_last_flight_is_for_the_peer_alone() {
    let mut pair = after(4);
    let sent = pair.log().len();
    let seen: Vec<_> = pair.log().of(Role::Client).map(|entry| entry.datagram.clone()).collect();
    for _ in 0..30 {
        pair.wait(seconds(2));
        pair.lose_all();
        for datagram in &seen {
            // As it was, which is a replay, and without the sealed part, which anybody could have made.
            pair.inject(Role::Server, datagram.clone());
            for record in inspect::records(datagram).filter(|record| !record.is_protected()) {
                pair.inject(Role::Server, forge::record(record.content_type.0, 0, 1000, record.body));
            }
        }
    }
    let client_sent = pair.log().of(Role::Client).count() - seen.len();
    assert_eq!(pair.log().len(), sent + client_sent, "the server was silent");
}

/// FLT-11: an end that has nothing more to send waits for nothing.
#[test]
fn connected_ends_have_no_timer() {
    let mut pair = Pair::builder(1).build();
    pair.connect();
    assert_eq!(ROLES.map(|role| pair.poll_timeout(role)), [None, None]);
}

/// FLT-16, FLT-17, FLT-18: ChangeCipherSpec is no message. Any number of them, at any time and of any form, changes
/// nothing.
#[test]
fn change_cipher_spec_from_anybody_changes_nothing() {
    let mut control = Pair::builder(1).build();
    control.connect();
    let mut pair = Pair::builder(1).build();
    pair.run_while(|pair| {
        for role in ROLES {
            for (sequence, body) in [&[1][..], &[1], &[0], &[2], &[1, 1], &[]].into_iter().enumerate() {
                pair.inject(role, forge::record(20, 0, sequence as u64, body));
            }
        }
        !pair.is_connected()
    });
    pair.connect();
    assert_eq!(pair.log().entries(), control.log().entries());
}

/// FLT-20: a Finished without protection is not one.
#[test]
fn a_plaintext_finished_finishes_nothing() {
    let mut rng = SimRng::new(1);
    for (datagrams, role, message_seq) in [(2, Role::Client, 4), (3, Role::Server, 2), (3, Role::Client, 4)] {
        let mut pair = after(datagrams);
        pair.lose_all();
        let finished = forge::fragment(HandshakeType::FINISHED.0, 12, message_seq, 0, 12, &rng.bytes(12));
        pair.inject(role, forge::record(22, 0, 9, &finished));
        assert_ne!(pair.status(role), Status::Connected);
        pair.connect();
    }
}

/// FLT-21: a timeout that a loss has lengthened stays so for the flights after it.
#[test]
fn a_lengthened_timeout_is_kept() {
    let script = Script::new([(0, Fault::Drop), (1, Fault::Drop)]);
    let mut pair = Pair::builder(1).transport(patient()).link(script).build();
    pair.run_while(|pair| pair.log().of(Role::Client).count() < 4);
    assert_eq!(times(&pair, Role::Client), [0, 1000, 3000, 3040]);
    assert_eq!(pair.poll_timeout(Role::Client), Some(pair.now() + seconds(4)));
}

/// FLT-24: an early call does nothing, and a late one does once what is due.
#[test]
fn early_and_late_calls_are_fine() {
    let mut pair = alone();
    for _ in 0..9 {
        pair.wait(Duration::from_millis(100));
        let now = pair.now();
        pair.with(Role::Client, |client| client.handle_timeout(now));
    }
    pair.flush();
    assert_eq!(times(&pair, Role::Client), [0]);

    let mut pair = alone();
    pair.flush();
    let late = pair.now() + seconds(40);
    let mut out = [0; 2000];
    pair.with(Role::Client, |client| {
        client.handle_timeout(late);
        assert!(client.poll_transmit(late, &mut out).is_some());
        assert!(client.poll_transmit(late, &mut out).is_none());
        client.handle_timeout(late);
        assert!(client.poll_transmit(late, &mut out).is_none());
        assert_eq!(client.stats().retransmissions, 1);
    });
}

/// REC-28: what is dropped neither starts, nor stops, nor moves a timer.
#[test]
fn bad_records_leave_the_schedule_alone() {
    let mut rng = SimRng::new(1);
    let mut pair = alone();
    pair.flush();
    let hello = pair.log().entries()[0].datagram.clone();
    for _ in 0..50 {
        let before = pair.poll_timeout(Role::Client);
        for forged in forge::senseless(&mut rng, &hello) {
            pair.inject(Role::Client, forged);
        }
        assert_eq!(pair.poll_timeout(Role::Client), before);
        pair.wait(Duration::from_millis(100));
    }
    assert_eq!(times(&pair, Role::Client), [0, 1000, 3000]);
    assert!(pair.with(Role::Client, |client| client.stats().discarded(DiscardReason::TruncatedRecord)) > 50);
    assert_eq!(retransmissions(&mut pair, Role::Client), 2);
}
