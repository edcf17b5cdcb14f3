//! Data that comes and goes: whole, to the right one, and seen by a tap.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sealgram_std::sealgram::{Role, inspect};
use sealgram_std::{Client, Direction, Error, Listener, ListenerOptions, Options, Tap, TappedDatagram};

use crate::support::{ANYWHERE, PATIENCE, Server, accept, eventually, name};

#[test]
fn what_is_sent_comes_back() {
    let (listener, mut client, mut stream) = Server::new().pair();
    let mut buffer = [0; 100];
    for round in 0..100u8 {
        client.send(&[round; 20]).unwrap();
        let len = stream.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], [round; 20]);
        stream.send(&buffer[..len]).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), 20);
    }
    assert_eq!(
        stream.peer_addr(),
        client.local_addr().map(|bound| (Ipv4Addr::LOCALHOST, bound.port()).into()).unwrap()
    );
    assert_eq!(stream.local_addr().unwrap(), listener.local_addr().unwrap());
    assert_eq!(client.peer_addr(), listener.local_addr().unwrap());
}

#[test]
fn both_sides_know_the_session_and_export_the_same_keys() {
    let server = Server::new();
    let (_listener, client, stream) = server.pair();
    assert_eq!(client.peer_certificates(), [server.certificate]);
    assert!(stream.peer_certificates().is_empty());
    assert_eq!(client.session().unwrap().cipher_suite, stream.session().unwrap().cipher_suite);
    let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    client.export_keying_material(b"EXPERIMENTAL test", None, &mut ours).unwrap();
    stream.export_keying_material(b"EXPERIMENTAL test", None, &mut theirs).unwrap();
    assert_eq!(ours, theirs);
    let reserved = client.export_keying_material(b"master secret", None, &mut ours);
    assert!(matches!(reserved, Err(Error::Export(_))));
}

#[test]
fn both_sides_have_the_same_keys_for_media() {
    let (_listener, client, stream) = Server::new().pair();
    let (ours, theirs) = (client.export_srtp_keys().unwrap(), stream.export_srtp_keys().unwrap());
    assert_eq!(ours.profile(), client.session().unwrap().srtp.as_ref().unwrap().profile);
    for role in [Role::Client, Role::Server] {
        assert_eq!(ours.written_by(role).key, theirs.written_by(role).key);
        assert_eq!(ours.written_by(role).salt, theirs.written_by(role).salt);
    }
    assert_ne!(ours.written_by(Role::Client).key, ours.written_by(Role::Server).key);
}

#[test]
fn the_longest_payload_arrives_and_a_longer_one_is_refused() {
    let (_listener, mut client, mut stream) = Server::new().pair();
    let mut buffer = vec![0; 2_000];
    let longest = vec![7; client.max_payload()];
    client.send(&longest).unwrap();
    assert_eq!(stream.recv(&mut buffer).unwrap(), longest.len());
    assert_eq!(buffer[..longest.len()], longest);
    let longest = vec![8; stream.max_payload()];
    stream.send(&longest).unwrap();
    assert_eq!(client.recv(&mut buffer).unwrap(), longest.len());
    assert!(matches!(client.send(&vec![0; client.max_payload() + 1]), Err(Error::Send(_))));
    assert!(matches!(stream.send(&vec![0; 70_000]), Err(Error::Send(_))));
}

#[test]
fn an_empty_record_is_data_too() {
    let (_listener, mut client, mut stream) = Server::new().pair();
    client.send(b"").unwrap();
    assert_eq!(stream.recv(&mut []).unwrap(), 0);
}

#[test]
fn a_buffer_that_is_too_short_loses_nothing() {
    let (_listener, mut client, mut stream) = Server::new().pair();
    client.send(b"seven b").unwrap();
    stream.send(b"nine byte").unwrap();
    assert!(matches!(stream.recv(&mut [0; 6]), Err(Error::BufferTooShort { needed: 7 })));
    assert!(matches!(client.recv(&mut [0; 8]), Err(Error::BufferTooShort { needed: 9 })));
    let mut buffer = [0; 9];
    assert_eq!(stream.recv(&mut buffer).unwrap(), 7);
    assert_eq!(&buffer[..7], b"seven b");
    assert_eq!(client.recv(&mut buffer).unwrap(), 9);
}

#[test]
fn an_empty_inbox_times_out_and_the_association_goes_on() {
    let (_listener, mut client, mut stream) = Server::new().pair();
    for timeout in [Duration::ZERO, Duration::from_millis(20)] {
        client.set_read_timeout(Some(timeout));
        stream.set_read_timeout(Some(timeout));
        assert!(matches!(client.recv(&mut [0; 9]), Err(Error::TimedOut)));
        assert!(matches!(stream.recv(&mut [0; 9]), Err(Error::TimedOut)));
    }
    client.send(b"still here").unwrap();
    stream.set_read_timeout(Some(PATIENCE));
    assert_eq!(stream.recv(&mut [0; 10]).unwrap(), 10);
}

#[test]
fn fifty_clients_at_once_each_get_their_own_answers() {
    let server = Server::new();
    let listener = server.listen();
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        for number in 0..50u8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect(address);
                let mut buffer = [0; 10];
                for round in 0..10 {
                    client.send(&[number, round]).unwrap();
                    assert_eq!(client.recv(&mut buffer).unwrap(), 2);
                    assert_eq!(buffer[..2], [number, round]);
                }
                client.close().unwrap();
            });
        }
        for _ in 0..50 {
            let mut stream = accept(&listener);
            scope.spawn(move || {
                let mut buffer = [0; 10];
                while let Ok(len) = stream.recv(&mut buffer) {
                    stream.send(&buffer[..len]).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_reader_that_does_not_come_costs_the_newest_data_and_nothing_else() {
    let server = Server::new();
    let listener = server.listen_with(ListenerOptions::default().inbox_bytes(100));
    let mut client = server.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener);
    for number in 0..10u8 {
        client.send(&[number; 40]).unwrap();
    }
    eventually(|| (listener.socket_stats().inbox_full == 8).then_some(()));
    let mut buffer = [0; 100];
    for number in 0..2 {
        assert_eq!(stream.recv(&mut buffer).unwrap(), 40);
        assert_eq!(buffer[0], number);
    }
    client.send(b"room again").unwrap();
    assert_eq!(stream.recv(&mut buffer).unwrap(), 10);
}

#[test]
fn strangers_with_garbage_change_nothing() {
    let (listener, mut client, mut stream) = Server::new().pair();
    let stranger = UdpSocket::bind(ANYWHERE).unwrap();
    let client_addr = SocketAddr::from((Ipv4Addr::LOCALHOST, client.local_addr().unwrap().port()));
    for len in [0, 1, 13, 61, 200, 1_400] {
        for first in [0, 20, 22, 23, 200] {
            let mut garbage = vec![0xfe; len];
            if let Some(byte) = garbage.first_mut() {
                *byte = first;
            }
            stranger.send_to(&garbage, listener.local_addr().unwrap()).unwrap();
            stranger.send_to(&garbage, client_addr).unwrap();
        }
    }
    client.send(b"ping").unwrap();
    assert_eq!(stream.recv(&mut [0; 9]).unwrap(), 4);
    stream.send(b"pong").unwrap();
    assert_eq!(client.recv(&mut [0; 9]).unwrap(), 4);
    assert!(listener.stats().discarded_total() > 0);
    assert_eq!(client.stats().discarded_total(), 0, "the socket is connected: it hears the server only");
}

#[test]
fn a_wildcard_socket_serves_both_families_and_answers_from_where_it_was_asked() {
    let server = Server::new();
    let Ok(listener) = Listener::bind((Ipv6Addr::UNSPECIFIED, 0), Arc::clone(&server.config)) else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    listener.set_accept_timeout(Some(PATIENCE));
    let port = listener.local_addr().unwrap().port();
    // Linux has all of 127.0.0.0/8 on the loopback interface.
    let hosts = if cfg!(target_os = "linux") { &["[::1]", "127.0.0.1", "127.0.0.2"][..] } else { &["[::1]"] };
    for host in hosts {
        let asked: SocketAddr = format!("{host}:{port}").parse().unwrap();
        let mut client = server.connect(asked);
        let mut stream = accept(&listener);
        assert_eq!(stream.local_addr().unwrap(), asked);
        stream.send(b"hello").unwrap();
        assert_eq!(client.recv(&mut [0; 9]).unwrap(), 5);
        client.send(b"hello").unwrap();
        assert_eq!(stream.recv(&mut [0; 9]).unwrap(), 5);
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Seen>>);

type Seen = (Direction, Duration, SocketAddr, SocketAddr, Vec<u8>);

impl Tap for Recorder {
    fn datagram(&self, datagram: &TappedDatagram<'_>) {
        let TappedDatagram { direction, at, local, peer, bytes, .. } = *datagram;
        self.0.lock().unwrap().push((direction, at, local, peer, bytes.to_vec()));
    }
}

#[test]
fn taps_on_both_sides_see_the_same_datagrams() {
    let server = Server::new();
    let (ours, theirs) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let listener = server.listen_with(ListenerOptions::default().tap(theirs.clone()));
    let address = listener.local_addr().unwrap();
    let options = Options::default().tap(ours.clone()).bind(ANYWHERE.into());
    let mut client = Client::connect_with(address, name(), server.client_config(), options).unwrap();
    let local = client.local_addr().unwrap();
    client.send(b"seen").unwrap();
    assert_eq!(accept(&listener).recv(&mut [0; 4]).unwrap(), 4);
    drop(client);
    drop(listener);

    let of = |recorder: &Recorder, wanted: Direction| {
        let seen = recorder.0.lock().unwrap();
        let mut bytes: Vec<_> =
            seen.iter().filter(|(direction, ..)| *direction == wanted).map(|(.., bytes)| bytes.clone()).collect();
        bytes.sort();
        bytes
    };
    // What the server says last may come when the client is gone.
    assert_eq!(of(&ours, Direction::Sent), of(&theirs, Direction::Received));
    assert!(of(&ours, Direction::Received).len() >= 3);
    let seen = theirs.0.lock().unwrap();
    assert!(seen.iter().all(|(_, _, here, there, _)| *here == address && *there == local));
    let seen_by_client = ours.0.lock().unwrap();
    assert!(seen_by_client.iter().all(|(_, _, here, there, _)| *here == local && *there == address));
    assert!(seen.is_sorted_by_key(|(_, at, ..)| *at));
    assert!(seen.iter().all(|(.., bytes)| inspect::records(bytes).next().is_some()), "unchanged, as on the wire");
}
