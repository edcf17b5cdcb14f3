//! Peers that say nothing, or stop in the middle: they cost themselves time, and nobody else.

use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sealgram_std::sealgram::code::HandshakeType;
use sealgram_std::sealgram::error::Error as ProtocolError;
use sealgram_std::sealgram::{
    AddressValidated, ClientConfig, CloseReason, ConfigError, Connection, DiscardReason, Instant,
};
use sealgram_std::{Client, Clock, Error, Listener, OsRng, PeerEvent};

use crate::support::{ANYWHERE, Log, PATIENCE, Server, accept, eventually, hasty, name, transport};

/// Says hello, shows the cookie, and never speaks again.
fn fall_silent(config: Arc<ClientConfig>, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(ANYWHERE).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let clock = Clock::start();
    let mut connection = Connection::client(config, name(), clock.wall_clock(), &mut OsRng).unwrap();
    let mut buffer = [0; 2_000];
    let hello = connection.poll_transmit(clock.now(), &mut buffer).unwrap();
    socket.send(&buffer[..hello.len]).unwrap();
    let len = socket.recv(&mut buffer).unwrap();
    let _ = connection.handle_datagram(clock.now(), &mut buffer[..len]);
    let hello = connection.poll_transmit(clock.now(), &mut buffer).unwrap();
    socket.send(&buffer[..hello.len]).unwrap();
    // The server has begun the handshake when its flight comes.
    socket.recv(&mut buffer).unwrap();
    socket
}

#[test]
fn a_half_open_client_delays_nobody() {
    let server = Server::with(transport().handshake_deadline(Duration::from_millis(1_500)));
    let log = Log::default();
    let listener = server.listen_with(log.options());
    let address = listener.local_addr().unwrap();
    let silent: Vec<_> = (0..5).map(|_| fall_silent(server.client_config(), address)).collect();
    let mut client = server.connect(address);
    let mut stream = accept(&listener);
    client.send(b"on time").unwrap();
    assert_eq!(stream.recv(&mut [0; 9]).unwrap(), 7);
    // And each of them is reported when its time is over.
    for socket in &silent {
        let failed = log.wait_for(
            |event| matches!(event, PeerEvent::HandshakeFailed { peer, .. } if *peer == socket.local_addr().unwrap()),
        );
        let PeerEvent::HandshakeFailed { reason, .. } = failed else { panic!("{failed:?}") };
        assert!(matches!(reason.error(), Some(ProtocolError::Timeout(_))), "{reason}");
    }
}

#[test]
fn half_open_clients_are_capped_and_their_places_become_free() {
    let server = Server::with(hasty());
    let log = Log::default();
    let listener = server.listen_with(log.options().max_half_open(2));
    let address = listener.local_addr().unwrap();
    let _silent = [(); 2].map(|()| fall_silent(server.client_config(), address));
    // It repeats its hello until one of them has been given up.
    let _client = server.connect(address);
    accept(&listener);
    assert!(listener.stats().discarded(DiscardReason::TooManyHalfOpen) > 0);
}

#[test]
fn a_server_that_is_not_there_times_out_at_the_deadline() {
    let vacant = UdpSocket::bind(ANYWHERE).unwrap().local_addr().unwrap();
    let started = Clock::start();
    let result = Client::connect(vacant, name(), Server::new().client_config_with(hasty()));
    let elapsed = started.now() - Instant::ORIGIN;
    let Err(Error::Closed(CloseReason::Failed(failure))) = result else { panic!("{result:?}") };
    let ProtocolError::Timeout(timeout) = failure.error else { panic!("{failure:?}") };
    assert!(!timeout.heard);
    assert!(elapsed >= Duration::from_millis(400) && elapsed < PATIENCE);
}

#[test]
fn a_server_that_answers_nothing_times_out_and_the_next_address_is_tried() {
    let server = Server::new();
    let listener = server.listen();
    let vacant = UdpSocket::bind(ANYWHERE).unwrap().local_addr().unwrap();
    let mute = UdpSocket::bind(ANYWHERE).unwrap();
    let addresses = [vacant, mute.local_addr().unwrap(), listener.local_addr().unwrap()];
    let config = server.client_config_with(hasty().handshake_deadline(Duration::from_secs(2)));
    let started = Clock::start();
    let client = Client::connect(&addresses[..], name(), config).unwrap();
    assert_eq!(client.peer_addr(), addresses[2]);
    let elapsed = started.now() - Instant::ORIGIN;
    assert!(elapsed >= Duration::from_secs(2), "the silent one was waited for");
}

/// A server that hears so many datagrams of one client, and is gone.
fn vanish_after(datagrams: usize, server: &Server) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind(ANYWHERE).unwrap();
    let address = socket.local_addr().unwrap();
    let clock = Clock::start();
    let proof = AddressValidated::assured_by_transport();
    let mut connection = Connection::server(Arc::clone(&server.config), proof, clock.wall_clock(), &mut OsRng);
    let serving = thread::spawn(move || {
        let mut buffer = [0; 2_000];
        for _ in 0..datagrams {
            let (len, client) = socket.recv_from(&mut buffer).unwrap();
            let _ = connection.handle_datagram(clock.now(), &mut buffer[..len]);
            while let Some(transmit) = connection.poll_transmit(clock.now(), &mut buffer) {
                let segment = transmit.segment_size.map_or(transmit.len, NonZeroUsize::get);
                for datagram in buffer[..transmit.len].chunks(segment) {
                    socket.send_to(datagram, client).unwrap();
                }
            }
        }
    });
    (address, serving)
}

#[test]
fn a_server_that_vanishes_in_the_middle_times_out_and_says_what_was_awaited() {
    let server = Server::new();
    let (address, serving) = vanish_after(1, &server);
    let result = Client::connect(address, name(), server.client_config_with(hasty()));
    serving.join().unwrap();
    let Err(Error::Closed(CloseReason::Failed(failure))) = result else { panic!("{result:?}") };
    let ProtocolError::Timeout(timeout) = failure.error else { panic!("{failure:?}") };
    assert_eq!((timeout.awaited, timeout.heard), (HandshakeType::FINISHED, true));
}

/// The network says that nobody listens there any more. Anyone could say so: the association is as it was.
#[test]
fn an_unreachable_server_does_not_end_the_association() {
    let server = Server::new();
    let (address, serving) = vanish_after(2, &server);
    let mut client = server.connect(address);
    serving.join().unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50)));
    for _ in 0..3 {
        client.send(b"anybody?").unwrap();
        assert!(matches!(client.recv(&mut [0; 1]), Err(Error::TimedOut)));
    }
    assert!(client.socket_stats().unreachable > 0);
}

#[test]
fn the_network_may_say_that_nobody_listens_while_the_server_starts() {
    let server = Server::new();
    let address = UdpSocket::bind(ANYWHERE).unwrap().local_addr().unwrap();
    let config = server.client_config_with(transport().initial_timeout(Duration::from_millis(50)));
    let connecting = thread::spawn(move || Client::connect(address, name(), config));
    thread::sleep(Duration::from_millis(120));
    let listener = eventually(|| Listener::bind(address, Arc::clone(&server.config)).ok());
    let client = connecting.join().unwrap().unwrap();
    assert!(client.socket_stats().unreachable > 0);
    drop(listener);
}

/// Nobody would send the flights, and the thread would turn in a circle until the deadline.
#[test]
fn flights_that_the_application_is_to_carry_are_refused() {
    let carried = transport().external_retransmission(true);
    let server = Server::with(carried);
    let listener = Listener::bind(ANYWHERE, Arc::clone(&server.config));
    assert!(matches!(listener, Err(Error::Config(ConfigError::ExternalRetransmission))));
    let client = Client::connect(ANYWHERE, name(), server.client_config_with(carried));
    assert!(matches!(client, Err(Error::Config(ConfigError::ExternalRetransmission))));
}
