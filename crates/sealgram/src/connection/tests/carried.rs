//! Flights that the application repeats, in a protocol of its own.
//!
//! What can go wrong: a repetition is not the same datagram, and the carrier's other end takes it for another; or it is,
//! and over UDP the peer takes it for a replay; somebody else's timer sends too; the application is not told that it
//! should.

use alloc::vec::Vec;
use core::time::Duration;

use super::identities::{P256, verifier};
use super::subject::{Subject, transport};
use crate::code::{AlertDescription, AlertLevel, ContentType};
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::tests::puppet::framed;
use crate::event::{Event, Status};
use crate::inspect;
use crate::provider::ring;
use crate::stats::DiscardReason;

fn client(external: bool) -> Subject {
    let options = transport().external_retransmission(external);
    Subject::client_of(ClientConfig::builder(ring::provider(), verifier()).transport(options))
}

fn server(external: bool) -> Subject {
    let options = transport().external_retransmission(external);
    Subject::server_of(ServerConfig::builder(ring::provider(), P256.clone()).transport(options))
}

/// An adapter that would send flights itself can ask.
#[test]
fn a_configuration_says_who_sends_the_flights() {
    for external in [false, true] {
        let options = transport().external_retransmission(external);
        let client = ClientConfig::builder(ring::provider(), verifier()).transport(options).build().unwrap();
        let server = ServerConfig::builder(ring::provider(), P256.clone()).transport(options).build().unwrap();
        assert_eq!([client.sends_flights(), server.sends_flights()], [!external; 2]);
    }
}

fn flight(end: &mut Subject) -> Vec<Vec<u8>> {
    end.connection.current_flight(end.now).to_vec()
}

fn is_due(end: &Subject) -> bool {
    end.connection.poll_timeout().is_some_and(|at| at <= end.now)
}

fn give_all(end: &mut Subject, datagrams: &[Vec<u8>]) {
    datagrams.iter().for_each(|datagram| _ = end.give(datagram));
}

/// Epoch, number and length of each record.
fn records(datagrams: &[Vec<u8>]) -> Vec<(u16, u64, usize)> {
    let records = datagrams.iter().flat_map(|datagram| inspect::records(datagram));
    records.map(|record| (record.epoch, record.sequence, record.body.len())).collect()
}

/// The same bytes as often as it is asked for, whatever time it is; nothing goes out by itself.
#[test]
fn a_flight_stays_the_same_until_it_is_answered() {
    let mut client = client(true);
    assert_eq!(client.connection.poll_timeout(), Some(crate::time::Instant::ORIGIN), "there is a flight to take");
    let hello = flight(&mut client);
    assert_eq!(hello.len(), 1);
    let deadline = client.connection.poll_timeout().unwrap();
    assert_eq!(deadline - client.now, Duration::from_secs(600), "no timer but the deadline");
    for _ in 0..10 {
        client.wait(Duration::from_secs(5));
        assert_eq!(flight(&mut client), hello);
        assert!(client.take().is_empty());
    }
    assert_eq!(client.connection.stats().retransmissions, 0);

    let mut server = server(false);
    give_all(&mut server, &hello);
    give_all(&mut client, &server.take());
    let answer = flight(&mut client);
    assert_ne!(answer, hello);
    assert_eq!(flight(&mut client), answer);
    give_all(&mut server, &answer);
    give_all(&mut client, &server.take());
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
    assert!(flight(&mut client).is_empty(), "there is no flight any more");
}

/// REC-09: over UDP the same record twice is a replay. A resend has the same messages under new numbers.
#[test]
fn a_renumbered_flight_is_no_replay() {
    let (mut client, mut server) = (client(true), server(false));
    give_all(&mut server, &flight(&mut client));
    give_all(&mut client, &server.take());
    let first = flight(&mut client);
    client.connection.renumber_flight();
    client.connection.renumber_flight();
    assert!(is_due(&client), "there is a flight to take");
    let second = flight(&mut client);
    assert_eq!(client.connection.stats().retransmissions, 1);
    let (first_records, second_records) = (records(&first), records(&second));
    assert_eq!(first_records.len(), second_records.len());
    for ((epoch, number, len), (other_epoch, other_number, other_len)) in first_records.iter().zip(&second_records) {
        assert_eq!((epoch, len), (other_epoch, other_len));
        assert!(number < other_number);
    }
    assert_eq!(flight(&mut client), second);

    give_all(&mut server, &first);
    give_all(&mut client, &server.take());
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
    give_all(&mut server, &first);
    assert_eq!(server.dropped(DiscardReason::Replayed), 1);
}

/// Who has the last flight is connected once the application took it, and is told when the peer lacks it.
#[test]
fn a_last_flight_is_asked_for_again_by_the_peer() {
    let (mut client, mut server) = (client(false), server(true));
    give_all(&mut server, &client.take());
    give_all(&mut client, &flight(&mut server));
    give_all(&mut server, &client.take());
    assert_eq!(server.status(), Status::Handshaking);
    assert!(is_due(&server));
    let last = flight(&mut server);
    assert_eq!((server.status(), server.events()), (Status::Connected, [Event::Connected].to_vec()));
    assert_eq!(server.connection.poll_timeout(), None);

    // It is lost, and the client's timer fires.
    client.expire();
    server.now = client.now;
    give_all(&mut server, &client.take());
    assert!(is_due(&server), "the application is asked to repeat it");
    assert_eq!(flight(&mut server), last);
    assert_eq!(server.connection.poll_timeout(), None);
    give_all(&mut client, &last);
    assert_eq!(client.status(), Status::Connected);

    // RFC 6347 section 4.2.4: twice the maximum segment lifetime later nobody asks any more.
    server.wait(Duration::from_secs(241));
    assert!(flight(&mut server).is_empty());
}

/// Both ends over a carrier that repeats everything, and drops at its other end what it has seen.
#[test]
fn two_such_ends_meet_over_a_carrier_that_drops_duplicates() {
    let (mut client, mut server) = (client(true), server(true));
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        carry(&mut client, &mut server, &mut to_server);
        carry(&mut server, &mut client, &mut to_client);
    }
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
    for end in [&client, &server] {
        assert_eq!(end.dropped(DiscardReason::Replayed), 0);
    }
}

fn carry(from: &mut Subject, to: &mut Subject, seen: &mut Vec<Vec<u8>>) {
    for datagram in flight(from) {
        if !seen.contains(&datagram) {
            to.give(&datagram);
            seen.push(datagram);
        }
    }
}

/// Decision 8: without a timer of ours, what nobody vouches for matures when that timer would have expired thrice.
#[test]
fn a_doubt_matures_without_a_timer_of_ours() {
    let mut client = client(true);
    let hello = flight(&mut client);
    let alert = [AlertLevel::FATAL.0, AlertDescription::HANDSHAKE_FAILURE.0];
    client.give(&framed(ContentType::ALERT, 0, 0, &alert));
    assert!(client.is_alive());
    assert_eq!(flight(&mut client), hello);
    client.wait(Duration::from_millis(6999));
    assert!(client.is_alive());
    client.wait(Duration::from_millis(1));
    assert!(!client.is_alive());
    assert!(flight(&mut client).is_empty());
}

/// An end that closes before its last flight was taken says so behind that flight.
#[test]
fn an_alert_does_not_overtake_a_flight_that_was_not_taken() {
    let (mut client, mut server) = (client(false), server(true));
    give_all(&mut server, &client.take());
    give_all(&mut client, &flight(&mut server));
    give_all(&mut server, &client.take());
    server.connection.close();
    assert!(server.take().is_empty());
    let last = flight(&mut server);
    let goodbye = server.take();
    assert_eq!((last.len(), goodbye.len(), server.status()), (1, 1, Status::Closed));
    give_all(&mut client, &last);
    assert_eq!(client.status(), Status::Connected);
    give_all(&mut client, &goodbye);
    assert!(!client.is_alive());
}

/// A shorter path cuts the flight anew.
#[test]
fn a_lower_mtu_seals_the_flight_anew() {
    let (mut client, mut server) = (client(true), server(true));
    give_all(&mut server, &flight(&mut client));
    assert_eq!(flight(&mut server).len(), 1);
    server.connection.set_mtu(300);
    let cut = flight(&mut server);
    assert!(cut.len() > 2 && cut.iter().all(|datagram| datagram.len() <= 300));
    give_all(&mut client, &cut);
    give_all(&mut server, &flight(&mut client));
    give_all(&mut client, &flight(&mut server));
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
}

#[test]
fn in_the_usual_mode_there_is_nothing_to_take() {
    let mut client = client(false);
    assert!(flight(&mut client).is_empty());
    assert_eq!(client.take().len(), 1);
    client.connection.renumber_flight();
    assert!(flight(&mut client).is_empty() && client.take().is_empty());
}
