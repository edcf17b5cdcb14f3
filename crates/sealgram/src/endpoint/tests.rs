//! Endpoints that talk to each other in memory.
//!
//! What can go wrong: a stranger or a repeat makes state, a newcomer harms a living association, a connection that
//! ended never goes, one busy connection keeps the others from their turn.

mod browser;
mod migration;
mod moves;
mod newcomers;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::num::NonZeroUsize;
use core::time::Duration;

use pki_types::{PrivatePkcs8KeyDer, ServerName, UnixTime};

use super::*;
use crate::cid::ConnectionIdGenerator;
use crate::config::{ClientConfig, Identity, ServerConfig, TransportOptions};
use crate::cookie::CookieKeys;
use crate::error::{CertificateError, Error};
use crate::event::{Event, Status};
use crate::path::Path;
use crate::proof::{PeerVerified, SignatureVerified};
use crate::provider::ring;
use crate::received::Transmit;
use crate::stats::DiscardReason;
use crate::test_rng::TestRng;
use crate::time::{Instant, WallClock};
use crate::verify::{PeerChain, PeerVerifier, SignedByPeer};

/// A handshake gives up after this time.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(600);

/// Believes every certificate: who the server is, is not what these tests are about.
#[derive(Debug)]
struct Credulous;

impl PeerVerifier for Credulous {
    fn verify_chain(&self, _: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        Ok(PeerVerified::assertion())
    }

    fn verify_signature(&self, _: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        Ok(SignatureVerified::assertion())
    }
}

/// What makes connection IDs, for clients and for servers.
type Ids = Option<[Arc<dyn ConnectionIdGenerator>; 2]>;

fn client_config(ids: &Ids) -> Arc<ClientConfig> {
    let transport = TransportOptions::default().handshake_deadline(HANDSHAKE_DEADLINE);
    let config = ClientConfig::builder(ring::provider(), Arc::new(Credulous)).transport(transport);
    match ids {
        Some([ids, _]) => config.connection_ids(ids.clone()).build().unwrap(),
        None => config.build().unwrap(),
    }
}

fn server_config(ids: &Ids) -> Arc<ServerConfig> {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["server.example".into()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let key = ring::provider().key_loader.load(&key).unwrap();
    let identity = Identity::new(vec![cert.der().clone()], key).unwrap();
    let transport = TransportOptions::default().handshake_deadline(HANDSHAKE_DEADLINE);
    let config = ServerConfig::builder(ring::provider(), identity).transport(transport);
    match ids {
        Some([_, ids]) => config.connection_ids(ids.clone()).build().unwrap(),
        None => config.build().unwrap(),
    }
}

/// The datagrams of one run.
fn datagrams(transmit: &Transmit, out: &[u8]) -> Vec<Vec<u8>> {
    let segment = transmit.segment_size.map_or(transmit.len, NonZeroUsize::get);
    out[..transmit.len].chunks(segment).map(<[u8]>::to_vec).collect()
}

fn at(seconds: u64) -> Instant {
    Instant::from_elapsed(Duration::from_secs(1_000 + seconds))
}

fn path(port: u16) -> Path {
    Path::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn endpoint(config: EndpointConfig) -> Endpoint {
    let wall_clock = WallClock::new(at(0), UnixTime::since_unix_epoch(Duration::from_secs(1_750_000_000)));
    Endpoint::new(config, CookieKeys::generate(&mut TestRng::new(1)), wall_clock)
}

/// A server, and an endpoint with one connection for each client. The client of port n is connected over path n, and
/// the server sees it on path n as well.
struct Net {
    server: Endpoint,
    clients: Endpoint,
    rng: TestRng,
    now: Instant,
    ids: Ids,
}

impl Net {
    fn new(config: EndpointConfig) -> Self {
        let clients = EndpointConfig::default().idle_timeout(None);
        Self { server: endpoint(config), clients: endpoint(clients), rng: TestRng::new(9), now: at(0), ids: None }
    }

    fn connect(&mut self, port: u16) -> Handle {
        let name = ServerName::try_from("server.example").unwrap();
        self.clients.connect(path(port), client_config(&self.ids), name, self.now, &mut self.rng).unwrap()
    }

    /// The datagrams that the clients want to send now, without delivering them.
    fn clients_send(&mut self) -> Vec<(Path, Vec<u8>)> {
        drain(&mut self.clients, self.now)
    }

    /// The hello with cookie of a new client on this path; the client itself is forgotten.
    fn hello_with_cookie(&mut self, port: u16) -> Vec<u8> {
        let kept = core::mem::replace(&mut self.clients, endpoint(EndpointConfig::default()));
        self.connect(port);
        let (path, mut hello) = self.clients_send().remove(0);
        let Dispatch::Reply(reply) = self.server.handle_datagram(self.now, path, &mut hello) else { panic!() };
        let _ = self.clients.handle_datagram(self.now, path, &mut reply.to_vec());
        let (_, hello) = self.clients_send().remove(0);
        self.clients = kept;
        hello
    }

    fn offer(&mut self, port: u16, hello: &[u8]) -> Result<Handle, Option<Refusal>> {
        match self.server.handle_datagram(self.now, path(port), &mut hello.to_vec()) {
            Dispatch::Incoming(incoming) => {
                let accepted = self.server.accept(incoming, server_config(&self.ids), self.now, &mut self.rng);
                accepted.map(|(handle, _)| handle).map_err(Some)
            }
            Dispatch::Data(..) | Dispatch::Reply(_) | Dispatch::Dropped(_) => Err(None),
        }
    }

    /// Delivers datagrams until there are none; the server accepts everyone. The handles it gave out.
    fn run(&mut self) -> Vec<Handle> {
        let mut accepted = Vec::new();
        loop {
            let mut to_clients = drain(&mut self.server, self.now);
            let to_server = drain(&mut self.clients, self.now);
            if to_clients.is_empty() && to_server.is_empty() {
                return accepted;
            }
            for (path, mut datagram) in to_server {
                match self.server.handle_datagram(self.now, path, &mut datagram) {
                    Dispatch::Incoming(incoming) => {
                        let result = self.server.accept(incoming, server_config(&self.ids), self.now, &mut self.rng);
                        accepted.push(result.unwrap().0);
                    }
                    Dispatch::Reply(reply) => to_clients.push((path, reply.to_vec())),
                    Dispatch::Data(..) | Dispatch::Dropped(_) => {}
                }
            }
            for (path, mut datagram) in to_clients {
                let _ = self.clients.handle_datagram(self.now, path, &mut datagram);
            }
        }
    }

    /// One connected client, and its two handles: the client's, the server's.
    fn connected(&mut self, port: u16) -> (Handle, Handle) {
        let client = self.connect(port);
        let server = self.run()[0];
        assert_eq!(self.status(server), Some(Status::Connected));
        let _ = (events(&mut self.server), events(&mut self.clients));
        (client, server)
    }

    fn status(&mut self, server: Handle) -> Option<Status> {
        self.server.connection(server).map(|connection| connection.status())
    }
}

fn drain(endpoint: &mut Endpoint, now: Instant) -> Vec<(Path, Vec<u8>)> {
    let mut out = [0; 1 << 16];
    let mut all = Vec::new();
    while let Some((path, transmit)) = endpoint.poll_transmit(now, &mut out) {
        all.extend(datagrams(&transmit, &out).into_iter().map(|datagram| (path, datagram)));
    }
    all
}

fn events(endpoint: &mut Endpoint) -> Vec<(Handle, Event)> {
    core::iter::from_fn(|| endpoint.poll_event()).collect()
}

fn closed(events: &[(Handle, Event)], handle: Handle) -> bool {
    events.iter().any(|(of, event)| *of == handle && matches!(event, Event::Closed(_)))
}

#[test]
fn many_clients_connect_over_one_socket() {
    let mut net = Net::new(EndpointConfig::default());
    let clients: Vec<Handle> = (1..=50).map(|port| net.connect(port)).collect();
    let accepted = net.run();
    assert_eq!((accepted.len(), net.server.len(), net.clients.len()), (50, 50, 50));
    for handle in &accepted {
        assert_eq!(net.status(*handle), Some(Status::Connected));
    }
    let connected = events(&mut net.clients);
    for handle in &clients {
        assert!(connected.iter().any(|(of, event)| of == handle && !matches!(event, Event::Closed(_))));
    }
}

/// HVR-10, HVR-11: without being asked to, an endpoint wants cookies; strangers make no state, and nothing to wait for.
#[test]
fn spoofed_hellos_leave_an_endpoint_empty() {
    let mut net = Net::new(EndpointConfig::default());
    net.connect(1);
    let (_, hello) = net.clients_send().remove(0);
    for n in 0..100_000u32 {
        let stranger = Path::from(SocketAddr::from((Ipv4Addr::from(n), 4444)));
        let mut datagram = hello.clone();
        let Dispatch::Reply(reply) = net.server.handle_datagram(net.now, stranger, &mut datagram) else { panic!() };
        assert!(reply.len() <= hello.len());
    }
    assert!(net.server.is_empty());
    assert_eq!(net.server.poll_timeout(), None);
    assert!(net.server.poll_event().is_none());
}

#[test]
fn what_belongs_to_nobody_is_dropped_and_counted() {
    let mut server = endpoint(EndpointConfig::default());
    let mut data = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7, 0, 1, 0];
    let Dispatch::Dropped(reason) = server.handle_datagram(at(0), path(1), &mut data) else { panic!() };
    assert_eq!((reason, server.stats().discarded(reason)), (DiscardReason::NoRoute, 1));
}

/// A client that is dropped at the door leaves nothing, and is offered again when it repeats itself.
#[test]
fn an_incoming_that_is_dropped_comes_again() {
    let mut net = Net::new(EndpointConfig::default());
    let hello = net.hello_with_cookie(1);
    for _ in 0..3 {
        let dispatch = net.server.handle_datagram(net.now, path(1), &mut hello.clone()).is_incoming();
        assert!(dispatch);
        assert!(net.server.is_empty());
    }
    assert!(net.offer(1, &hello).is_ok());
}

/// ASC-04: a repeated hello is the running handshake's, before its completion and after.
#[test]
fn a_repeated_hello_goes_to_its_connection() {
    let mut net = Net::new(EndpointConfig::default());
    let hello = net.hello_with_cookie(1);
    let handle = net.offer(1, &hello).unwrap();
    let Dispatch::Data(of, _) = net.server.handle_datagram(net.now, path(1), &mut hello.clone()) else { panic!() };
    assert_eq!((of, net.server.len()), (handle, 1));
}

/// Two copies of one hello were offered before the first was accepted.
#[test]
fn the_second_copy_of_a_hello_is_not_accepted_twice() {
    let mut net = Net::new(EndpointConfig::default());
    let hello = net.hello_with_cookie(1);
    let (mut first, mut second) = (hello.clone(), hello);
    let Dispatch::Incoming(first) = net.server.handle_datagram(net.now, path(1), &mut first) else { panic!() };
    let Dispatch::Incoming(second) = net.server.handle_datagram(net.now, path(1), &mut second) else { panic!() };
    assert!(net.server.accept(first, server_config(&None), net.now, &mut net.rng).is_ok());
    let again = net.server.accept(second, server_config(&None), net.now, &mut net.rng);
    assert_eq!(again.map(|_| ()), Err(Refusal::AlreadyAccepted));
    assert_eq!(net.server.len(), 1);
}

/// ASC-02, ASC-05: the hello of another handshake never reaches a living association, with cookie or without; nothing is
/// kept of one that is not accepted.
#[test]
fn a_foreign_hello_does_not_touch_a_live_association() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, server) = net.connected(1);
    // The cookie-less one is answered without state, inside this call.
    let hello = net.hello_with_cookie(1);
    assert!(net.server.handle_datagram(net.now, path(1), &mut hello.clone()).is_incoming());
    assert_eq!((net.status(server), net.server.len()), (Some(Status::Connected), 1));
    assert!(drain(&mut net.server, net.now).is_empty());
    assert!(events(&mut net.server).is_empty());
}

#[test]
fn a_closed_connection_goes_and_leaves_its_path_to_others() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, server) = net.connected(1);
    net.server.connection(server).unwrap().close();
    net.run();
    let (at_server, at_client) = (events(&mut net.server), events(&mut net.clients));
    assert!(closed(&at_server, server) && closed(&at_client, client));
    net.run();
    assert!(net.server.is_empty() && net.clients.is_empty());
    assert!(net.server.connection(server).is_none());
    // Closed and drained: nothing to wait for.
    assert_eq!((net.server.poll_timeout(), net.clients.poll_timeout()), (None, None));
    net.connected(1);
}

/// The path of an association that has ended is free before its last event was taken.
#[test]
fn a_newcomer_may_follow_before_the_former_one_is_gone() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.server.connection(former).unwrap().close();
    let _ = drain(&mut net.server, net.now);
    assert_eq!(net.status(former), Some(Status::Closed));
    let hello = net.hello_with_cookie(1);
    let latest = net.offer(1, &hello).unwrap();
    assert!(closed(&events(&mut net.server), former));
    let _ = drain(&mut net.server, net.now);
    let Dispatch::Data(of, _) = net.server.handle_datagram(net.now, path(1), &mut hello.clone()) else { panic!() };
    assert_eq!((of, net.server.len()), (latest, 1));
}

/// The stats of a connection can be read when its end is learnt of.
#[test]
fn a_connection_is_still_there_when_its_closed_event_is_taken() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, server) = net.connected(1);
    net.server.connection(server).unwrap().close();
    let _ = drain(&mut net.server, net.now);
    let Some((handle, Event::Closed(_))) = net.server.poll_event() else { panic!() };
    assert!(net.server.connection(handle).is_some());
    assert!(net.server.poll_event().is_none());
    assert!(net.server.connection(handle).is_none());
}

#[test]
fn half_open_handshakes_are_capped_and_expire() {
    let mut net = Net::new(EndpointConfig::default().max_half_open(2));
    let hellos: Vec<Vec<u8>> = (1..=3).map(|port| net.hello_with_cookie(port)).collect();
    net.offer(1, &hellos[0]).unwrap();
    net.offer(2, &hellos[1]).unwrap();
    let mut third = hellos[2].clone();
    let dispatch = net.server.handle_datagram(net.now, path(3), &mut third);
    assert!(matches!(dispatch, Dispatch::Dropped(DiscardReason::TooManyHalfOpen)));
    net.now = net.now + HANDSHAKE_DEADLINE;
    while net.server.poll_timeout().is_some_and(|deadline| deadline <= net.now) {
        net.server.handle_timeout(net.now);
        let _ = drain(&mut net.server, net.now);
        assert!(events(&mut net.server).iter().all(|(_, event)| matches!(event, Event::Closed(_))));
    }
    assert!(net.server.is_empty());
    assert!(net.offer(3, &hellos[2]).is_ok());
}

/// A place among the half-open is free again as soon as the handshake is over.
#[test]
fn established_connections_are_not_half_open() {
    let mut net = Net::new(EndpointConfig::default().max_half_open(1));
    net.connected(1);
    net.connected(2);
    assert_eq!(net.server.len(), 2);
}

#[test]
fn connections_are_capped_for_both_roles() {
    let mut net = Net::new(EndpointConfig::default().max_connections(1));
    net.connected(1);
    let mut hello = net.hello_with_cookie(2);
    let dispatch = net.server.handle_datagram(net.now, path(2), &mut hello);
    assert!(matches!(dispatch, Dispatch::Dropped(DiscardReason::TooManyConnections)));
    let name = ServerName::try_from("server.example").unwrap();
    let refused = net.server.connect(path(3), client_config(&None), name, net.now, &mut net.rng);
    assert_eq!(refused, Err(ConnectError::Refused(Refusal::TooManyConnections)));
}

/// What strangers send does not keep a connection alive; what its peer sends does.
#[test]
fn a_connection_that_its_peer_has_left_is_closed() {
    let mut net = Net::new(EndpointConfig::default().idle_timeout(Some(IDLE)));
    let (client, server) = net.connected(1);
    let start = net.now;
    net.now = start + Duration::from_secs(400);
    let mut out = [0; 1500];
    let length = net.clients.connection(client).unwrap().send(b"here I am", &mut out).unwrap();
    let _ = net.server.handle_datagram(net.now, path(1), &mut out[..length]);
    let mut forged = [23, 0xfe, 0xfd, 0, 3, 0, 0, 0, 0, 0, 7, 0, 1, 0];
    for (seconds, expected) in [(600, Some(Status::Connected)), (999, Some(Status::Connected)), (1_000, None)] {
        net.now = start + Duration::from_secs(seconds);
        let _ = net.server.handle_datagram(net.now, path(1), &mut forged);
        net.server.handle_timeout(net.now);
        let _ = (drain(&mut net.server, net.now), events(&mut net.server));
        assert_eq!(net.status(server), expected, "{seconds}");
    }
}

/// FLT-11: an established connection runs no timer; the endpoint looks once, so that a kept final flight goes.
#[test]
fn a_silent_connection_is_looked_at_once() {
    let mut net = Net::new(EndpointConfig::default().idle_timeout(None));
    net.connected(1);
    let deadline = net.server.poll_timeout().unwrap();
    assert!(deadline - net.now >= Duration::from_secs(240));
    net.server.handle_timeout(deadline);
    let _ = (drain(&mut net.server, deadline), events(&mut net.server));
    assert_eq!(net.server.poll_timeout(), None);
}

/// The same, where connections may be silent for longer than a final flight is kept.
#[test]
fn a_final_flight_does_not_wait_for_a_long_idle_timeout() {
    let mut net = Net::new(EndpointConfig::default().idle_timeout(Some(Duration::from_secs(86_400))));
    net.connected(1);
    assert!(net.server.poll_timeout().unwrap() - net.now <= Duration::from_secs(300));
}

/// What is done through a borrowed connection is noticed when the borrow ends, though nothing was left to do before.
#[test]
fn closing_a_quiet_connection_makes_output_due() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, server) = net.connected(1);
    let _ = drain(&mut net.server, net.now);
    assert!(events(&mut net.server).is_empty());
    assert!(net.server.poll_timeout().is_some_and(|deadline| deadline > net.now));
    net.server.connection(server).unwrap().close();
    assert!(net.server.poll_timeout().is_some_and(|deadline| deadline <= net.now));
    assert_eq!(drain(&mut net.server, net.now).len(), 1);
    assert!(closed(&events(&mut net.server), server));
}

/// Law L1: a loop that forgot to drain is woken at once.
#[test]
fn waiting_output_is_already_due() {
    let mut net = Net::new(EndpointConfig::default());
    net.connect(1);
    for _ in 0..3 {
        assert!(net.clients.poll_timeout().is_some_and(|deadline| deadline <= net.now));
        net.clients.handle_timeout(net.now);
    }
    let _ = net.clients_send();
    assert!(net.clients.poll_timeout().is_some_and(|deadline| deadline > net.now));
}

/// Each connection with output has its turn before any has a second one.
#[test]
fn connections_take_turns_to_transmit() {
    let mut net = Net::new(EndpointConfig::default());
    for port in 1..=3 {
        let hello = net.hello_with_cookie(port);
        net.offer(port, &hello).unwrap();
        let _ = net.server.handle_datagram(net.now, path(port), &mut hello.clone());
    }
    let mut out = [0; 1 << 16];
    let mut turns: Vec<Path> = (0..3).map(|_| net.server.poll_transmit(net.now, &mut out).unwrap().0).collect();
    turns.sort();
    assert_eq!(turns, [path(1), path(2), path(3)]);
}

/// HVR-17: of the two secrets the older goes.
#[test]
fn a_cookie_outlives_one_rotation_and_not_two() {
    let mut net = Net::new(EndpointConfig::default());
    let hello = net.hello_with_cookie(1);
    net.server.rotate_cookie_key(&mut TestRng::new(77));
    assert!(net.server.handle_datagram(net.now, path(1), &mut hello.clone()).is_incoming());
    net.server.rotate_cookie_key(&mut TestRng::new(78));
    let mut old = hello;
    let dispatch = net.server.handle_datagram(net.now, path(1), &mut old);
    assert!(matches!(dispatch, Dispatch::Reply(_)));
}

#[test]
fn new_cookie_keys_end_old_cookies() {
    let mut net = Net::new(EndpointConfig::default());
    let mut hello = net.hello_with_cookie(1);
    net.server.set_cookie_keys(CookieKeys::generate(&mut TestRng::new(78)));
    let dispatch = net.server.handle_datagram(net.now, path(1), &mut hello);
    assert!(matches!(dispatch, Dispatch::Reply(_)));
}

/// Whoever prints one sees the connection, not nothing.
#[test]
fn a_borrowed_connection_is_shown_as_one() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, _) = net.connected(1);
    let shown = alloc::format!("{:?}", net.clients.connection(client).unwrap());
    assert!(shown.starts_with("ConnectionMut(Connection"), "{shown}");
}

impl Dispatch<'_> {
    fn is_incoming(&self) -> bool {
        matches!(self, Self::Incoming(_))
    }
}
