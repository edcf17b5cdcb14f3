//! A client comes again from the address of a living association (RFC 6347 section 4.2.8).
//!
//! What can go wrong: the association is harmed before the new handshake is complete, or lives on after; a client that
//! has lost its state is kept out; records go to the wrong one of the two; newcomers add up.

use alloc::collections::BTreeMap;

use super::*;
use crate::code::CipherSuite;
use crate::decision::{Answer, Decision, Reply};
use crate::event::CloseReason;
use crate::psk::{PresharedKey, PresharedKeys};
use crate::record::{MAX_DATAGRAM, RecordLayer};

impl Net {
    /// The client has lost everything but its address. What it was before is given back, and is still there to speak.
    fn restart(&mut self) -> Endpoint {
        core::mem::replace(&mut self.clients, endpoint(EndpointConfig::default()))
    }

    /// What the server makes of one record of data that this client sends on path 1: whose it is, and what it says.
    fn data_from(&mut self, clients: &mut Endpoint, client: Handle) -> Option<(Handle, Vec<Vec<u8>>)> {
        let record = seal(clients, client);
        self.data_in(&record)
    }

    fn data_in(&mut self, datagram: &[u8]) -> Option<(Handle, Vec<Vec<u8>>)> {
        let mut datagram = datagram.to_vec();
        match self.server.handle_datagram(self.now, path(1), &mut datagram) {
            Dispatch::Data(handle, received) => Some((handle, received.map(|data| data.to_vec()).collect())),
            Dispatch::Incoming(_) | Dispatch::Reply(_) | Dispatch::Dropped(_) => None,
        }
    }

    /// Brings a client's datagram to the server, and a reply of the gate's back. The handle of a client let in.
    fn give_server(&mut self, mut datagram: Vec<u8>, config: Arc<ServerConfig>) -> Option<Handle> {
        match self.server.handle_datagram(self.now, path(1), &mut datagram) {
            Dispatch::Reply(reply) => {
                let _ = self.clients.handle_datagram(self.now, path(1), &mut reply.to_vec());
            }
            Dispatch::Incoming(incoming) => {
                let accepted = self.server.accept(incoming, config, self.now, &mut self.rng);
                return accepted.map(|(handle, _)| handle).ok();
            }
            Dispatch::Data(..) | Dispatch::Dropped(_) => {}
        }
        None
    }

    fn give_clients(&mut self) {
        for (path, mut datagram) in drain(&mut self.server, self.now) {
            let _ = self.clients.handle_datagram(self.now, path, &mut datagram);
        }
    }

    /// A new client's handshake as far as the server's answer: its handle, and the one that the server gave out.
    fn begin(&mut self) -> (Handle, Handle) {
        let client = self.connect(1);
        let [first, second] = [(); 2].map(|()| {
            let hello = self.clients_send().remove(0).1;
            self.give_server(hello, server_config(&None))
        });
        assert_eq!(first, None);
        (client, second.unwrap())
    }

    /// Lets time pass until the handshakes give up that are under way.
    fn outwait_handshakes(&mut self) {
        self.now = self.now + HANDSHAKE_DEADLINE;
        self.server.handle_timeout(self.now);
        let _ = drain(&mut self.server, self.now);
    }
}

/// A record with the data "data".
fn seal(endpoint: &mut Endpoint, handle: Handle) -> Vec<u8> {
    let mut out = [0; 100];
    let length = endpoint.connection(handle).unwrap().send(b"data", &mut out).unwrap();
    out[..length].to_vec()
}

fn replaced(events: &[(Handle, Event)], handle: Handle) -> bool {
    events.contains(&(handle, Event::Closed(CloseReason::Replaced)))
}

/// The hello, but for its cipher suites: it offers TLS_NULL_WITH_NULL_NULL and nothing else, in as many bytes. A cookie
/// does not depend on them.
fn offering_null_only(hello: &[u8]) -> Vec<u8> {
    let mut hello = hello.to_vec();
    // Two headers, version, random; then three lists with their lengths before them.
    let session_id = 13 + 12 + 2 + 32;
    let cookie = session_id + 1 + usize::from(hello[session_id]);
    let suites = cookie + 1 + usize::from(hello[cookie]);
    let length = usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    hello[suites + 2..suites + 2 + length].fill(0);
    hello
}

/// The records of a datagram, each as a datagram of its own.
fn records(datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut at = 0;
    let mut all = Vec::new();
    while let Some(Ok(record)) = RecordLayer::split(datagram, at, 0) {
        all.push(datagram[at..record.body.end].to_vec());
        at = record.body.end;
    }
    all
}

/// ASC-01, ASC-03, ASC-06: a client that lost its state gets in again from the same address. The owner learns of it as of
/// any client, and then that the former association is over; nobody is told so with an alert, and what is said under the
/// former keys is not heard any more.
#[test]
fn a_client_that_lost_its_state_gets_in_again() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    let again = net.connect(1);
    let latest = net.run()[0];
    let at_server = events(&mut net.server);
    assert!(at_server.contains(&(latest, Event::Connected)) && replaced(&at_server, former));
    assert!(closed(&at_server, former) && !closed(&at_server, latest));
    assert_eq!(net.server.len(), 1);
    assert_eq!(net.data_from(&mut before, client), Some((latest, Vec::new())));
    let mut clients = net.restart();
    assert_eq!(net.data_from(&mut clients, again), Some((latest, vec![b"data".to_vec()])));
    assert!(!closed(&events(&mut clients), again));
}

/// ASC-02: until the newcomer's Finished, the association serves both ways, whatever the newcomer has sent so far.
#[test]
fn the_association_serves_until_the_newcomer_is_complete() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    net.connect(1);
    let mut steps = 0;
    for _ in 0..4 {
        let to_server = drain(&mut net.clients, net.now);
        net.give_clients();
        for record in to_server.iter().flat_map(|(_, datagram)| records(datagram)) {
            assert_eq!(net.status(former), Some(Status::Connected), "step {steps}");
            assert_eq!(net.data_from(&mut before, client), Some((former, vec![b"data".to_vec()])), "step {steps}");
            let mut answer = seal(&mut net.server, former);
            let Dispatch::Data(_, received) = before.handle_datagram(net.now, path(1), &mut answer) else { panic!() };
            assert_eq!(received.len(), 1, "step {steps}");
            net.give_server(record, server_config(&None));
            steps += 1;
        }
        let told = events(&mut net.server);
        assert!(!closed(&told, former) || replaced(&told, former));
    }
    // Two hellos, ClientKeyExchange, ChangeCipherSpec, Finished.
    assert_eq!((steps, net.status(former)), (5, None));
}

/// ASC-02: a newcomer that begins and never goes on expires, and takes along the memory it made necessary.
#[test]
fn a_newcomer_that_expires_changes_nothing() {
    let mut net = Net::new(EndpointConfig::default().idle_timeout(None));
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    let hello = net.hello_with_cookie(1);
    let newcomer = net.offer(1, &hello).unwrap();
    assert_eq!(net.data_from(&mut before, client).unwrap().0, former);
    assert!(matches!(net.server.spare.len(), 1..=MAX_DATAGRAM));
    net.outwait_handshakes();
    let told = events(&mut net.server);
    assert!(closed(&told, newcomer) && !replaced(&told, newcomer) && !closed(&told, former));
    assert_eq!((net.server.len(), net.server.spare.len()), (1, 0));
    assert_eq!(net.data_from(&mut before, client), Some((former, vec![b"data".to_vec()])));
    // Alone, an association has its datagrams to itself.
    assert_eq!(net.server.spare.len(), 0);
}

/// ASC-05: a hello that has a cookie and nothing in common fails by itself, beside an association and beside another
/// handshake: both go on.
#[test]
fn a_newcomer_with_nothing_in_common_harms_nobody() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    let bad = offering_null_only(&net.hello_with_cookie(1));
    let (under_way, _) = net.begin();
    let flight = drain(&mut net.server, net.now);
    let failed = net.offer(1, &bad).unwrap();
    let alert = drain(&mut net.server, net.now);
    assert_eq!((alert.len(), alert[0].1[0]), (1, 21));
    let told = events(&mut net.server);
    assert!(matches!(told[..], [(of, Event::Closed(CloseReason::Failed(_)))] if of == failed));
    assert_eq!(net.data_from(&mut before, client), Some((former, vec![b"data".to_vec()])));
    for (path, mut datagram) in flight {
        let _ = net.clients.handle_datagram(net.now, path, &mut datagram);
    }
    net.run();
    assert!(replaced(&events(&mut net.server), former));
    assert!(events(&mut net.clients).contains(&(under_way, Event::Connected)));
}

/// The latest of several newcomers is the one; those before it end without a word, as that would be taken for one about
/// the latest.
#[test]
fn a_later_newcomer_replaces_the_one_before() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.restart();
    let (first, second) = (net.hello_with_cookie(1), net.hello_with_cookie(1));
    let lost = net.offer(1, &first).unwrap();
    let _ = drain(&mut net.server, net.now);
    let newcomer = net.offer(1, &second).unwrap();
    assert_eq!(events(&mut net.server), [(lost, Event::Closed(CloseReason::Replaced))]);
    let sent = drain(&mut net.server, net.now);
    assert!(sent.iter().all(|(_, datagram)| datagram[0] == 22));
    assert_eq!((net.status(lost), net.status(newcomer)), (None, Some(Status::Handshaking)));
    assert_eq!(net.status(former), Some(Status::Connected));
    // Its repeats are its own; those of the one before are a newcomer's again.
    assert_eq!(net.data_in(&second).unwrap().0, newcomer);
    assert!(net.server.handle_datagram(net.now, path(1), &mut first.clone()).is_incoming());
}

/// A client that restarts in the middle of its handshake need not wait for the deadline of the former one.
#[test]
fn a_client_that_restarts_in_its_handshake_gets_in() {
    let mut net = Net::new(EndpointConfig::default());
    let hello = net.hello_with_cookie(1);
    let lost = net.offer(1, &hello).unwrap();
    let _ = drain(&mut net.server, net.now);
    net.connect(1);
    let latest = net.run()[0];
    let told = events(&mut net.server);
    assert!(replaced(&told, lost) && told.contains(&(latest, Event::Connected)));
    assert_eq!(net.server.len(), 1);
}

/// A failed handshake's alert leaves though another has taken its place.
#[test]
fn the_alert_of_a_failed_newcomer_goes_out_beside_its_successor() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.restart();
    let failed = offering_null_only(&net.hello_with_cookie(1));
    let failed = net.offer(1, &failed).unwrap();
    let hello = net.hello_with_cookie(1);
    let newcomer = net.offer(1, &hello).unwrap();
    let first_bytes: Vec<u8> = drain(&mut net.server, net.now).iter().map(|(_, datagram)| datagram[0]).collect();
    assert_eq!(first_bytes.iter().filter(|byte| **byte == 21).count(), 1);
    assert!(first_bytes.contains(&22));
    assert!(closed(&events(&mut net.server), failed));
    assert_eq!((net.status(newcomer), net.status(former)), (Some(Status::Handshaking), Some(Status::Connected)));
}

/// One address takes one place among the half-open, however often its client begins anew, and one connection beside the
/// established one.
#[test]
fn newcomers_of_one_address_are_counted_once() {
    let mut net = Net::new(EndpointConfig::default().max_half_open(1).max_connections(4));
    let (_, former) = net.connected(1);
    net.restart();
    for _ in 0..200 {
        let hello = net.hello_with_cookie(1);
        net.offer(1, &hello).unwrap();
        let _ = (drain(&mut net.server, net.now), events(&mut net.server));
        assert_eq!(net.server.len(), 2);
    }
    let other = net.hello_with_cookie(2);
    let mut hello = other.clone();
    let dispatch = net.server.handle_datagram(net.now, path(2), &mut hello);
    assert!(matches!(dispatch, Dispatch::Dropped(DiscardReason::TooManyHalfOpen)));
    net.connect(1);
    net.run();
    assert!(replaced(&events(&mut net.server), former));
    assert!(net.offer(2, &other).is_ok());
}

/// Those that have ended count until they are gone, so that nobody makes an endpoint grow faster than it is emptied.
#[test]
fn an_endpoint_that_is_not_emptied_does_not_grow() {
    let mut net = Net::new(EndpointConfig::default().max_connections(10));
    let hellos: Vec<_> = (0..30).map(|_| net.hello_with_cookie(1)).collect();
    let accepted = hellos.iter().filter(|hello| net.offer(1, hello).is_ok()).count();
    assert_eq!((accepted, net.server.len()), (10, 10));
    let _ = (drain(&mut net.server, net.now), events(&mut net.server));
    assert_eq!(net.server.len(), 1);
}

/// ASC-03: epoch 0 is the newcomer's alone: to try it on the established connection would cost a copy, and be counted
/// there.
#[test]
fn the_established_connection_hears_nothing_of_the_first_epoch() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.restart();
    let (_, latest) = net.begin();
    let counted = |net: &mut Net| net.server.connection(former).unwrap().stats().discarded_total();
    let before = counted(&mut net);
    net.give_clients();
    let (_, flight) = net.clients_send().remove(0);
    let key_exchange = &records(&flight)[0];
    assert_eq!(net.data_in(key_exchange), Some((latest, Vec::new())));
    assert_eq!(counted(&mut net), before);
}

/// The newcomer's records overtake each other: Finished comes before the keys that open it, and waits in its stash.
#[test]
fn a_newcomer_gets_what_came_before_its_keys() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    let (_, latest) = net.begin();
    net.give_clients();
    let last_flight: Vec<_> = net.clients_send().iter().flat_map(|(_, datagram)| records(datagram)).collect();
    assert_eq!(last_flight.len(), 3);
    for record in last_flight.iter().rev() {
        assert_eq!(net.status(former), Some(Status::Connected));
        assert_eq!(net.data_from(&mut before, client), Some((former, vec![b"data".to_vec()])));
        assert_eq!(net.data_in(record), Some((latest, Vec::new())));
    }
    let _ = drain(&mut net.server, net.now);
    assert_eq!(net.status(latest), Some(Status::Connected));
    assert!(replaced(&events(&mut net.server), former));
}

/// The owner of a client connects again on the path it has, for fresh keys: both sides use the former ones until then.
#[test]
fn a_client_connects_anew_on_its_own_path() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, server) = net.connected(1);
    let (again, latest) = net.begin();
    net.give_clients();
    assert_eq!(net.clients.len(), 2);
    let record = seal(&mut net.clients, client);
    assert_eq!(net.data_in(&record), Some((server, vec![b"data".to_vec()])));
    let mut answer = seal(&mut net.server, server);
    let Dispatch::Data(of, received) = net.clients.handle_datagram(net.now, path(1), &mut answer) else { panic!() };
    assert_eq!((of, received.len()), (client, 1));
    net.run();
    let (at_server, at_client) = (events(&mut net.server), events(&mut net.clients));
    assert!(replaced(&at_server, server) && at_server.contains(&(latest, Event::Connected)));
    assert!(replaced(&at_client, client) && at_client.contains(&(again, Event::Connected)));
    assert_eq!((net.server.len(), net.clients.len()), (1, 1));
    let record = seal(&mut net.clients, again);
    assert_eq!(net.data_in(&record), Some((latest, vec![b"data".to_vec()])));
}

/// Of two attempts the later one counts.
#[test]
fn a_client_that_connects_twice_goes_on_with_the_later_attempt() {
    let mut net = Net::new(EndpointConfig::default());
    let (first, second) = (net.connect(1), net.connect(1));
    let accepted = net.run();
    assert_eq!(accepted.len(), 1);
    let told = events(&mut net.clients);
    assert!(replaced(&told, first) && told.contains(&(second, Event::Connected)));
}

/// The association ends by itself while the newcomer is under way: the newcomer goes on alone.
#[test]
fn a_newcomer_outlives_the_association() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.restart();
    net.begin();
    net.give_clients();
    net.server.connection(former).unwrap().close();
    net.run();
    let told = events(&mut net.server);
    assert!(told.contains(&(former, Event::Closed(CloseReason::Local))) && !replaced(&told, former));
    assert_eq!(told.iter().filter(|(_, event)| matches!(event, Event::Connected)).count(), 1);
    assert_eq!(net.server.len(), 1);
}

/// A newcomer that is complete and ends in the same datagram has taken over all the same.
#[test]
fn a_newcomer_that_leaves_at_once_has_taken_over() {
    let mut net = Net::new(EndpointConfig::default());
    let (_, former) = net.connected(1);
    net.restart();
    let (client, latest) = net.begin();
    net.give_clients();
    let mut last_flight = net.clients_send();
    net.clients.connection(client).unwrap().close();
    last_flight.extend(net.clients_send());
    let last_flight: Vec<u8> = last_flight.into_iter().flat_map(|(_, datagram)| datagram).collect();
    assert!(net.data_in(&last_flight).is_some());
    let told = events(&mut net.server);
    assert!(replaced(&told, former) && told.contains(&(latest, Event::Closed(CloseReason::Peer))));
}

/// Looks keys up elsewhere.
#[derive(Debug)]
struct Elsewhere;

impl PresharedKeys for Elsewhere {
    fn find(&self, _: &[u8]) -> Reply<Option<PresharedKey>> {
        Reply::Later
    }
}

/// The handshake becomes complete by a decision, not by a datagram: the association ends before anything else happens.
#[test]
fn a_decision_that_completes_the_newcomer_ends_the_association() {
    let key = || PresharedKey::new(&[7; 16]).unwrap();
    let suites = [CipherSuite::PSK_WITH_AES_128_GCM_SHA256];
    let server = |keys: Arc<dyn PresharedKeys>| {
        ServerConfig::builder_with_psk(ring::provider(), keys).cipher_suites(&suites).build().unwrap()
    };
    let config = ClientConfig::builder_with_psk(ring::provider(), b"me", key()).cipher_suites(&suites).build().unwrap();
    let mut net = Net::new(EndpointConfig::default());
    let at_once = server(Arc::new(BTreeMap::from([(b"me".to_vec(), key())])));
    let mut handles = Vec::new();
    for server_config in [at_once, server(Arc::new(Elsewhere))] {
        let name = ServerName::try_from("server.example").unwrap();
        net.clients.connect(path(1), Arc::clone(&config), name, net.now, &mut net.rng).unwrap();
        for _ in 0..4 {
            for (_, datagram) in net.clients_send() {
                handles.extend(net.give_server(datagram, Arc::clone(&server_config)));
            }
            net.give_clients();
        }
    }
    let [former, latest] = handles[..] else { panic!() };
    assert_eq!((net.status(former), net.status(latest)), (Some(Status::Connected), Some(Status::Handshaking)));
    let needs = events(&mut net.server).into_iter().find_map(|(_, event)| match event {
        Event::Needs { id, decision: Decision::PresharedKey { .. } } => Some(id),
        _ => None,
    });
    let answer = Answer::PresharedKey(Some(key()));
    net.server.connection(latest).unwrap().resume(net.now, needs.unwrap(), answer).unwrap();
    assert_eq!(net.status(former), Some(Status::Closed));
    assert!(net.server.poll_timeout().is_some_and(|deadline| deadline <= net.now));
    let _ = drain(&mut net.server, net.now);
    assert_eq!(net.status(latest), Some(Status::Connected));
    assert!(replaced(&events(&mut net.server), former));
}

/// ASC-02: whatever is forged from the address while a newcomer shares it, and whatever of the past is said again, is
/// dropped; nothing is delivered twice.
#[test]
fn forgeries_on_a_shared_path_change_nothing() {
    let mut net = Net::new(EndpointConfig::default());
    let (client, former) = net.connected(1);
    let mut before = net.restart();
    let old = seal(&mut before, client);
    assert_eq!(net.data_in(&old).unwrap().1.len(), 1);
    let (_, newcomer) = net.begin();
    net.give_clients();
    let last_flight = net.clients_send();
    let mut rng = TestRng::new(5);
    for round in 0..2_000 {
        let mut forged = old.clone();
        for _ in 0..rng.below(3) {
            let at = rng.below(forged.len());
            forged[at] ^= 1 << rng.below(8);
        }
        forged.truncate(forged.len() - rng.below(3));
        if let Some((_, data)) = net.data_in(&forged) {
            assert!(data.is_empty(), "round {round}");
        }
    }
    assert_eq!(net.data_from(&mut before, client), Some((former, vec![b"data".to_vec()])));
    assert_eq!((net.status(former), net.status(newcomer)), (Some(Status::Connected), Some(Status::Handshaking)));
    for (_, datagram) in last_flight {
        let _ = net.data_in(&datagram);
    }
    let _ = drain(&mut net.server, net.now);
    assert_eq!(net.status(newcomer), Some(Status::Connected));
}
