//! Sessions that are taken up again (RFC 5246 section 7.3, RFC 5077, RFC 7627 section 5.3).
//!
//! What can go wrong: a session is taken up that should not be, by another suite, under another name, by someone whose
//! certificate would be refused today; the ends disagree about who has the last word; a ticket is believed before the
//! server has proven itself; a failure leaves a session behind.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use core::time::Duration;

use pki_types::CertificateDer;
use rand_core::CryptoRng;

use super::identities::{P256, RSA, verifier};
use super::puppet::{framed, whole};
use super::subject::{Subject, transport};
use crate::code::{CipherSuite, ContentType, ExtensionType, HandshakeType};
use crate::config::{ClientConfig, ClientConfigBuilder, Identity, ServerConfig, ServerConfigBuilder};
use crate::decision::Reply;
use crate::event::Status;
use crate::provider::ring;
use crate::psk::PresharedKey;
use crate::resumption::{
    MemoryClientSessions, MemoryServerSessions, OpenedTicket, RotatingTicketKeys, ServerSession, ServerSessions,
    SessionId, TicketKeys, Tickets,
};
use crate::test_rng::TestRng;
use crate::verify::{PeerVerifier, RawPublicKeys};
use crate::wire::hello::{ClientHello, ServerHello};
use crate::x509::CertificateVerifier;

/// What a client keeps from one connection to the next.
struct Home {
    sessions: Arc<MemoryClientSessions>,
    verifier: Arc<dyn PeerVerifier>,
}

impl Home {
    fn new() -> Self {
        let capacity = NonZeroUsize::new(4).unwrap();
        Self { sessions: Arc::new(MemoryClientSessions::new(capacity)), verifier: verifier() }
    }

    fn client(&self) -> ClientConfigBuilder {
        ClientConfig::builder(ring::provider(), self.verifier.clone())
            .sessions(self.sessions.clone())
            .transport(transport())
    }
}

fn server() -> ServerConfigBuilder {
    ServerConfig::builder(ring::provider(), P256.clone()).transport(transport())
}

fn store() -> Arc<MemoryServerSessions> {
    Arc::new(MemoryServerSessions::new(NonZeroUsize::new(4).unwrap()))
}

fn tickets() -> Arc<RotatingTicketKeys> {
    Arc::new(RotatingTicketKeys::new(TicketKeys::generate(ring::provider(), &mut TestRng::new(9)).unwrap()))
}

/// Both ends after a handshake that went as far as it goes.
fn meet(client: ClientConfigBuilder, server: ServerConfigBuilder) -> (Subject, Subject) {
    let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
    settle(&mut client, &mut server);
    (client, server)
}

fn settle(client: &mut Subject, server: &mut Subject) {
    for _ in 0..10 {
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
    }
}

#[track_caller]
fn connected(ends: &(Subject, Subject), resumed: bool) {
    for end in [&ends.0, &ends.1] {
        assert_eq!(end.status(), Status::Connected, "{:?}", end.connection.close_reason());
        assert_eq!(end.connection.session().unwrap().resumed, resumed);
    }
    let (mut ours, mut theirs) = ([0; 32], [1; 32]);
    ends.0.connection.export_keying_material(b"EXPORTER-test", None, &mut ours).unwrap();
    ends.1.connection.export_keying_material(b"EXPORTER-test", None, &mut theirs).unwrap();
    assert_eq!(ours, theirs);
}

/// Each way to take a session up again.
fn ways() -> [fn(ServerConfigBuilder) -> ServerConfigBuilder; 2] {
    [|config| config.sessions(store()), |config| config.tickets(tickets())]
}

/// RES-01, RES-15, RES-21, RES-22: by id and by ticket; who the server is, is what it was.
#[test]
fn a_session_is_taken_up_again() {
    for way in ways() {
        let home = Home::new();
        // The store is part of the configuration: both connections share it.
        let config = way(server()).build().unwrap();
        for round in 0..3 {
            let mut client = Subject::client_of(home.client());
            let mut server = Subject::server_with(config.clone());
            settle(&mut client, &mut server);
            let ends = (client, server);
            connected(&ends, round > 0);
            assert_eq!(ends.0.connection.session().unwrap().peer_certificates, P256.chain());
        }
    }
}

/// The two hellos of a handshake.
fn hellos(client: &mut Subject, server: &mut Subject) -> (Vec<u8>, Vec<u8>, Vec<Vec<u8>>) {
    let hello = client.take();
    let body = |datagrams: &[Vec<u8>]| {
        let record = crate::inspect::records(&datagrams[0]).next().unwrap();
        record.fragments().next().unwrap().bytes.to_vec()
    };
    let said = body(&hello);
    hello.iter().for_each(|datagram| _ = server.give(datagram));
    let flight = server.take();
    (said, body(&flight), flight)
}

/// RES-01, RES-02, RES-04, RES-12 .. RES-14, RES-21: what stands on the wire.
#[test]
fn a_server_that_takes_a_session_up_says_the_id_again_and_finishes_first() {
    for (is_ticket, way) in ways().into_iter().enumerate().map(|(at, way)| (at == 1, way)) {
        let home = Home::new();
        let config = way(server()).build().unwrap();
        let mut client = Subject::client_of(home.client());
        let mut first = Subject::server_with(config.clone());
        let (said, answer, flight) = hellos(&mut client, &mut first);
        let (said, answer) = (ClientHello::decode(&said).unwrap(), ServerHello::decode(&answer).unwrap());
        assert_eq!(said.extensions.session_ticket(), Some(&[][..]), "willing, and without a ticket");
        assert!(said.session_id.is_empty());
        assert_eq!(answer.session_id.len(), if is_ticket { 0 } else { 32 });
        assert_eq!(answer.extensions.session_ticket().is_some(), is_ticket);
        flight.iter().for_each(|datagram| _ = client.give(datagram));
        settle(&mut client, &mut first);

        let mut client = Subject::client_of(home.client());
        let mut second = Subject::server_with(config);
        let (said, answer, flight) = hellos(&mut client, &mut second);
        let (said, answer) = (ClientHello::decode(&said).unwrap(), ServerHello::decode(&answer).unwrap());
        assert_eq!(said.extensions.session_ticket().is_some_and(|ticket| !ticket.is_empty()), is_ticket);
        assert_eq!(said.session_id.len(), 32);
        assert_eq!(answer.session_id, said.session_id);
        assert!(said.cipher_suites.contains(answer.cipher_suite));
        assert!(answer.extensions.find(ExtensionType::SERVER_NAME).is_none());
        // ServerHello, ChangeCipherSpec and Finished, in one datagram.
        let epochs: Vec<_> = crate::inspect::records(&flight[0]).map(|record| record.epoch).collect();
        assert_eq!((flight.len(), &*epochs), (1, &[0, 0, 1][..]));
        assert_ne!(second.status(), Status::Connected);
        flight.iter().for_each(|datagram| _ = client.give(datagram));
        assert_eq!(client.connection.status(), Status::Handshaking, "its own Finished goes first");
        settle(&mut client, &mut second);
        connected(&(client, second), true);
    }
}

/// RES-22: a client that sends no id with its ticket hears none either, and finds out from what follows (RFC 5077 section
/// 3.4).
#[test]
fn a_ticket_is_taken_up_without_an_id_too() {
    let home = Home::new();
    let config = server().tickets(tickets()).build().unwrap();
    let mut first = (Subject::client_of(home.client()), Subject::server_with(config.clone()));
    settle(&mut first.0, &mut first.1);

    let said = Subject::client_of(home.client()).take();
    let record = crate::inspect::records(&said[0]).next().unwrap();
    let hello = ClientHello::decode(record.fragments().next().unwrap().bytes).unwrap();
    let hello = ClientHello { session_id: &[], ..hello }.encode().unwrap();
    let mut server = Subject::server_with(config);
    server.give(&framed(ContentType::HANDSHAKE, 0, 0, &whole(HandshakeType::CLIENT_HELLO, 0, &hello)));

    let flight = server.take();
    let records: Vec<_> = crate::inspect::records(&flight[0]).collect();
    let answer = ServerHello::decode(records[0].fragments().next().unwrap().bytes).unwrap();
    assert!(answer.session_id.is_empty());
    // Without a certificate: ServerHello, ChangeCipherSpec and Finished.
    assert_eq!(records.iter().map(|record| record.epoch).collect::<Vec<_>>(), [0, 0, 1]);
}

/// RES-02: the client has the last word, and says it again when the server repeats itself.
#[test]
fn the_clients_last_flight_is_repeated() {
    let home = Home::new();
    let config = server().sessions(store()).build().unwrap();
    for round in 0..2 {
        let mut client = Subject::client_of(home.client());
        let mut server = Subject::server_with(config.clone());
        if round == 0 {
            settle(&mut client, &mut server);
            continue;
        }
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
        assert!(!client.take().is_empty(), "the last flight, which is lost");
        assert_eq!(client.status(), Status::Connected);
        client.wait(Duration::from_secs(1));
        server.expire();
        settle(&mut client, &mut server);
        connected(&(client, server), true);
    }
}

/// RES-05, RES-11, RES-20: another suite, another name, no such session: a full handshake, and no alert.
#[test]
fn what_cannot_be_taken_up_is_a_full_handshake() {
    for way in ways() {
        let home = Home::new();
        let config = way(server()).build().unwrap();
        let first = |config: &Arc<ServerConfig>| {
            let mut ends = (Subject::client_of(home.client()), Subject::server_with(config.clone()));
            settle(&mut ends.0, &mut ends.1);
            ends
        };
        connected(&first(&config), false);
        connected(&first(&config), true);
        // Another server does not know it, and neither does this one after its keys are gone.
        connected(&first(&way(server()).session_lifetime(Duration::ZERO).build().unwrap()), false);
        let suite = CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
        connected(&meet(home.client().cipher_suites(&[suite]), way(server())), false);
        // A session for a name is not one for no name.
        let home = Home::new();
        let config = way(server()).build().unwrap();
        for (says_name, resumed) in [(true, false), (false, false), (false, true)] {
            let client = Subject::client_of(home.client().send_server_name(says_name));
            let mut ends = (client, Subject::server_with(config.clone()));
            settle(&mut ends.0, &mut ends.1);
            connected(&ends, resumed);
        }
    }
}

/// RES-23: keys that are gone mean a full handshake, and an old key a new ticket.
#[test]
fn tickets_end_with_their_keys() {
    let home = Home::new();
    let keys = tickets();
    let config = server().tickets(keys.clone()).build().unwrap();
    let meet = || {
        let mut ends = (Subject::client_of(home.client()), Subject::server_with(config.clone()));
        settle(&mut ends.0, &mut ends.1);
        ends
    };
    let mut rng = TestRng::new(3);
    connected(&meet(), false);
    for _ in 0..4 {
        // Each time the ticket is of the key before, and is replaced.
        keys.rotate(ring::provider(), &mut rng).unwrap();
        connected(&meet(), true);
    }
    keys.rotate(ring::provider(), &mut rng).unwrap();
    keys.rotate(ring::provider(), &mut rng).unwrap();
    connected(&meet(), false);
    connected(&meet(), true);
    keys.set(TicketKeys::generate(ring::provider(), &mut rng).unwrap());
    connected(&meet(), false);
}

/// RES-17: a server that promised a ticket may have none after all, and its client then has no session.
#[test]
fn a_ticket_of_no_length_is_no_session() {
    let home = Home::new();
    let without = || server().tickets(Arc::new(OutOfTickets));
    connected(&meet(home.client(), without()), false);
    let mut client = Subject::client_of(home.client());
    let (said, ..) = hellos(&mut client, &mut Subject::server_of(without()));
    assert!(ClientHello::decode(&said).unwrap().session_id.is_empty());
}

#[derive(Debug)]
struct OutOfTickets;

impl Tickets for OutOfTickets {
    fn seal(&self, _: &[u8], _: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        None
    }

    fn open(&self, _: &[u8]) -> Option<OpenedTicket> {
        None
    }
}

/// RES-10: a store may be outside the process: what it is given in bytes is taken up again, and what it damages is not.
#[test]
fn a_session_survives_in_bytes() {
    let home = Home::new();
    let elsewhere = Arc::new(Elsewhere::default());
    let meet = || meet(home.client(), server().sessions(elsewhere.clone()));
    connected(&meet(), false);
    connected(&meet(), true);
    elsewhere.0.lock().unwrap().values_mut().for_each(|bytes| bytes.truncate(10));
    connected(&meet(), false);
}

/// Keeps sessions as bytes.
#[derive(Debug, Default)]
struct Elsewhere(std::sync::Mutex<BTreeMap<SessionId, Vec<u8>>>);

impl ServerSessions for Elsewhere {
    fn put(&self, id: &SessionId, session: ServerSession) {
        self.0.lock().unwrap().insert(*id, session.to_bytes().unwrap().to_vec());
    }

    fn find(&self, id: &SessionId) -> Reply<Option<ServerSession>> {
        Reply::Now(self.0.lock().unwrap().get(id).and_then(|bytes| ServerSession::from_bytes(bytes)))
    }

    fn remove(&self, id: &SessionId) {
        self.0.lock().unwrap().remove(id);
    }
}

/// RES-09: a session has its time, on either side.
#[test]
fn an_old_session_is_not_taken_up() {
    let home = Home::new();
    let sessions = store();
    let config = |lifetime| server().sessions(sessions.clone()).session_lifetime(lifetime);
    connected(&meet(home.client(), config(Duration::from_secs(3600))), false);
    connected(&meet(home.client(), config(Duration::from_secs(3600))), true);
    connected(&meet(home.client(), config(Duration::ZERO)), false);
}

/// RES-24: what a connection negotiates for itself it negotiates anew, or not at all.
#[test]
fn the_application_protocol_is_not_part_of_a_session() {
    for way in ways() {
        let home = Home::new();
        let config = way(server()).application_protocols(&[b"coap", b"h3"]).build().unwrap();
        for (round, names) in [&[&b"coap"[..]][..], &[&b"h3"[..]], &[]].into_iter().enumerate() {
            let mut client = Subject::client_of(home.client().application_protocols(names));
            let mut server = Subject::server_with(config.clone());
            settle(&mut client, &mut server);
            let ends = (client, server);
            connected(&ends, round > 0);
            for end in [&ends.0, &ends.1] {
                let session = end.connection.session().unwrap();
                assert_eq!(session.application_protocol.as_deref(), names.first().copied());
            }
        }
    }
}

/// RES-10: what the configuration asks of clients today holds for those of yesterday.
#[test]
fn a_session_grants_nothing_that_is_refused_today() {
    for tickets in [None, Some(tickets())] {
        let sessions = store();
        let keep = |config: ServerConfigBuilder| match &tickets {
            None => config.sessions(sessions.clone()),
            Some(tickets) => config.tickets(tickets.clone()),
        };
        // Without a certificate then, and one is required now.
        let home = Home::new();
        connected(&meet(home.client(), keep(server())), false);
        let (_, refused) = meet(home.client(), keep(server().require_client_certificate(verifier())));
        assert!(!refused.is_alive());

        // With a certificate that is trusted, and then is not.
        let home = Home::new();
        let identity = || home.client().identity(P256.clone());
        let identities = identity().build().unwrap();
        let requiring = |roots: Vec<CertificateDer<'static>>| {
            let verifier = CertificateVerifier::builder(roots).build().unwrap();
            keep(server().require_client_certificate(Arc::new(verifier)))
        };
        let meet = |server: ServerConfigBuilder| {
            let mut ends = (Subject::client_with(identities.clone()), Subject::server_of(server));
            settle(&mut ends.0, &mut ends.1);
            ends
        };
        connected(&meet(requiring(P256.chain().to_vec())), false);
        let again = meet(requiring(P256.chain().to_vec()));
        connected(&again, true);
        assert_eq!(again.1.connection.session().unwrap().peer_certificates, P256.chain());
        let (_, refused) = meet(requiring(RSA.chain().to_vec()));
        assert!(!refused.is_alive());
    }
}

/// RES-10, CRT-24: raw public keys are part of a session, and have to be trusted still. Nobody shows one again, so the
/// ServerHello says nothing of types.
#[test]
fn a_session_of_raw_public_keys_is_taken_up_again() {
    let raw = |identity: &Identity| Identity::raw_public_key(identity.key.clone()).unwrap();
    let trusting = |identity: &Identity| Arc::new(RawPublicKeys::new(identity.key.public_key()));
    for way in ways() {
        let home = Home { verifier: trusting(&P256), ..Home::new() };
        let client = home.client().identity(raw(&RSA)).build().unwrap();
        let config = ServerConfig::builder(ring::provider(), raw(&P256)).transport(transport());
        let config = way(config.require_client_certificate(trusting(&RSA))).build().unwrap();
        for round in 0..3 {
            let mut ends = (Subject::client_with(client.clone()), Subject::server_with(config.clone()));
            settle(&mut ends.0, &mut ends.1);
            connected(&ends, round > 0);
            for (end, peer) in [(&ends.0, &P256), (&ends.1, &RSA)] {
                assert_eq!(end.connection.session().unwrap().peer_raw_public_key, peer.key.public_key());
            }
        }
    }

    let tickets = tickets();
    let home = Home { verifier: trusting(&P256), ..Home::new() };
    let client = home.client().identity(raw(&RSA)).build().unwrap();
    let meet = |trusted: &Identity| {
        let config = ServerConfig::builder(ring::provider(), raw(&P256)).transport(transport());
        let config = config.require_client_certificate(trusting(trusted)).tickets(tickets.clone());
        let mut ends = (Subject::client_with(client.clone()), Subject::server_of(config));
        settle(&mut ends.0, &mut ends.1);
        ends
    };
    connected(&meet(&RSA), false);
    connected(&meet(&RSA), true);
    assert!(!meet(&P256).1.is_alive());
}

/// RES-10: a preshared key that is gone ends its sessions.
#[test]
fn a_session_ends_with_its_preshared_key() {
    let home = Home::new();
    let key = || PresharedKey::new(&[7; 16]).unwrap();
    let sessions = store();
    let client = || {
        ClientConfig::builder_with_psk(ring::provider(), b"device", key())
            .sessions(home.sessions.clone())
            .transport(transport())
    };
    let server = |keys: &[(&[u8], PresharedKey)]| {
        let keys: BTreeMap<_, _> = keys.iter().map(|(name, key)| (name.to_vec(), key.clone())).collect();
        ServerConfig::builder_with_psk(ring::provider(), Arc::new(keys))
            .sessions(sessions.clone())
            .transport(transport())
    };
    let known: &[(&[u8], PresharedKey)] = &[(b"device", key())];
    connected(&meet(client(), server(known)), false);
    let again = meet(client(), server(known));
    connected(&again, true);
    assert_eq!(again.1.connection.session().unwrap().psk_identity.as_deref(), Some(&b"device"[..]));
    let (_, refused) = meet(client(), server(&[(b"another", key())]));
    assert!(refused.connection.session().is_none());
}

/// RES-08: a fatal alert ends the session, on both sides; silence does not.
#[test]
fn a_session_ends_with_a_fatal_alert() {
    let home = Home::new();
    let config = server().sessions(store()).build().unwrap();
    let meet = || {
        let mut ends = (Subject::client_of(home.client()), Subject::server_with(config.clone()));
        settle(&mut ends.0, &mut ends.1);
        ends
    };
    let mut ends = meet();
    connected(&ends, false);
    ends.0.connection.close();
    settle(&mut ends.0, &mut ends.1);
    let mut ends = meet();
    connected(&ends, true);
    let failure = crate::error::Failure { error: crate::error::PeerMisbehaved::MalformedAlert.into(), at: None };
    ends.1.connection.fail(failure);
    settle(&mut ends.0, &mut ends.1);
    assert!(!ends.0.is_alive());
    connected(&meet(), false);
}

/// Decision 18: a session belongs to the verifier that accepted the server.
#[test]
fn a_session_is_not_offered_under_another_verifier() {
    let home = Home::new();
    let sessions = store();
    connected(&meet(home.client(), server().sessions(sessions.clone())), false);
    let other = ClientConfig::builder(ring::provider(), verifier()).sessions(home.sessions.clone());
    connected(&meet(other.transport(transport()), server().sessions(sessions.clone())), false);
    let with_identity = home.client().identity(P256.clone());
    connected(&meet(with_identity, server().sessions(sessions)), false);
}

/// RES-15, RES-16: the ticket comes right before the server's ChangeCipherSpec, and is part of what Finished covers.
#[test]
fn a_ticket_is_part_of_the_last_flight() {
    let home = Home::new();
    let (mut client, mut server) = (Subject::client_of(home.client()), Subject::server_of(server().tickets(tickets())));
    client.take().iter().for_each(|datagram| _ = server.give(datagram));
    server.take().iter().for_each(|datagram| _ = client.give(datagram));
    client.take().iter().for_each(|datagram| _ = server.give(datagram));
    let last = server.take();
    let types: Vec<_> = last.iter().flat_map(|datagram| crate::inspect::records(datagram)).collect();
    let ticket = types[0].fragments().next().unwrap();
    assert_eq!((ticket.msg_type, types[0].epoch), (HandshakeType::NEW_SESSION_TICKET, 0));
    assert_eq!(types.iter().map(|record| record.epoch).collect::<Vec<_>>(), [0, 0, 1]);
    // In any order: the client waits for the ticket with its new keys.
    let records: Vec<Vec<u8>> = {
        let mut cut = Vec::new();
        for datagram in &last {
            let mut at = 0;
            for record in crate::inspect::records(datagram) {
                let len = 13 + record.body.len();
                cut.push(datagram[at..at + len].to_vec());
                at += len;
            }
        }
        cut
    };
    records.iter().rev().for_each(|record| _ = client.give(record));
    assert_eq!(client.status(), Status::Connected);
}
