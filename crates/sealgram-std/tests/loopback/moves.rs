//! Clients whose address changes under way: a NAT in between gives them another port, or they take one.
//!
//! What can go wrong: the listener does not recognise the client, or goes on sending to where nobody receives.

use std::net::SocketAddr;
use std::sync::Arc;

use sealgram_std::sealgram::provider::ring;
use sealgram_std::sealgram::x509::CertificateVerifier;
use sealgram_std::sealgram::{AddressChange, ClientConfig, RandomIds};
use sealgram_std::{Client, Listener, PeerEvent, Stream};

use crate::support::{ANYWHERE, Log, PATIENCE, Relay, Server, accept, name, transport};

/// A client behind a relay, and its stream at a listener with this policy. The client wants no connection ID for
/// itself: it is on a socket of its own.
fn behind_a_relay(policy: AddressChange, log: &Log) -> (Relay, Listener, Client, Stream) {
    let server = Server::with_connection_ids(Arc::new(RandomIds::of_len(8)));
    let listener = server.listen_with(log.options().address_change(policy));
    let relay = Relay::to(listener.local_addr().unwrap());
    let client = connect(&server, relay.front);
    let stream = accept(&listener);
    (relay, listener, client, stream)
}

fn connect(server: &Server, to: SocketAddr) -> Client {
    let verifier = CertificateVerifier::builder(vec![server.certificate.clone()]).build().unwrap();
    let config = ClientConfig::builder(ring::provider(), Arc::new(verifier)).transport(transport());
    let config = config.connection_ids(Arc::new(RandomIds::of_len(0))).build().unwrap();
    let mut client = Client::connect(to, name(), config).unwrap();
    client.set_read_timeout(Some(PATIENCE));
    client
}

fn expect(received: Result<usize, sealgram_std::Error>, buffer: &[u8], expected: &[u8]) {
    assert_eq!(&buffer[..received.unwrap()], expected);
}

/// CID-16, CID-23: the listener recognises the client, makes sure that it receives at the new port, and sends there.
#[test]
fn a_stream_follows_its_client_to_another_port() {
    let log = Log::default();
    let (relay, _listener, mut client, mut stream) = behind_a_relay(AddressChange::Follow, &log);
    let mut buffer = [0; 100];
    let [before, after] = relay.rebind();
    assert_eq!(stream.peer_addr(), before);
    client.send(b"from elsewhere").unwrap();
    expect(stream.recv(&mut buffer), &buffer, b"from elsewhere");
    // The client answers the challenge while it waits for data.
    let receiving = std::thread::spawn(move || {
        let received = client.recv(&mut buffer);
        expect(received, &buffer, b"to there");
    });
    let moved = log.wait_for(|event| matches!(event, PeerEvent::Moved { .. }));
    let PeerEvent::Moved { peer, now_at } = moved else { panic!("{moved:?}") };
    assert_eq!((peer, now_at, stream.peer_addr()), (before, after, after));
    stream.send(b"to there").unwrap();
    receiving.join().unwrap();
    relay.cut();
}

/// CID-16: the application is told, and nothing moves before it says so.
#[test]
fn a_stream_moves_where_its_application_says() {
    let log = Log::default();
    let (relay, _listener, mut client, mut stream) = behind_a_relay(AddressChange::Ask, &log);
    let mut buffer = [0; 100];
    let [before, after] = relay.rebind();
    client.send(b"from elsewhere").unwrap();
    let told = log.wait_for(|event| matches!(event, PeerEvent::Elsewhere { .. }));
    let PeerEvent::Elsewhere { peer, now_at } = told else { panic!("{told:?}") };
    assert_eq!((peer, now_at, stream.peer_addr()), (before, after, before));
    expect(stream.recv(&mut buffer), &buffer, b"from elsewhere");
    stream.move_to(now_at);
    assert_eq!(stream.peer_addr(), after);
    stream.send(b"to there").unwrap();
    expect(client.recv(&mut buffer), &buffer, b"to there");
    relay.cut();
}

/// A client may change its port itself, and be known at the new one.
#[test]
fn a_client_goes_on_from_another_port() {
    let (server, log) = (Server::with_connection_ids(Arc::new(RandomIds::of_len(8))), Log::default());
    let listener = server.listen_with(log.options().address_change(AddressChange::Ask));
    let mut client = connect(&server, listener.local_addr().unwrap());
    let stream = &mut accept(&listener);
    let mut buffer = [0; 100];
    let before = client.local_addr().unwrap();
    client.rebind(ANYWHERE.into()).unwrap();
    let after = client.local_addr().unwrap();
    assert_ne!(after.port(), before.port());
    client.send(b"from elsewhere").unwrap();
    expect(stream.recv(&mut buffer), &buffer, b"from elsewhere");
    let told = log.wait_for(|event| matches!(event, PeerEvent::Elsewhere { .. }));
    let PeerEvent::Elsewhere { peer, now_at } = told else { panic!("{told:?}") };
    assert_eq!((peer.port(), now_at), (before.port(), after));
    stream.move_to(now_at);
    stream.send(b"to there").unwrap();
    expect(client.recv(&mut buffer), &buffer, b"to there");
}
