//! Associations that go on in another process: sealed on the one side, restored on the other, with a clock of its own.
//!
//! What can go wrong: something that was agreed on is lost on the way; a number is used again, or what was received
//! before is received again; limits begin anew; a peer that lacks our last flight never gets it; a snapshot is made of
//! what is no association yet or no more; one that was changed is believed.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use core::time::Duration;

use pki_types::ServerName;

use super::identities::{P256, verifier};
use super::key_limits::{connected, three_forgeries};
use super::puppet::framed;
use super::subject::{Subject, transport, wall_clock};
use super::*;
use crate::cid::RandomIds;
use crate::code::{CipherSuite, ContentType, ExtensionType, SrtpProfile};
use crate::config::{ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder};
use crate::connection::Connection;
use crate::crypto::{CryptoProvider, ExportError};
use crate::error::{Failure, PeerMisbehaved};
use crate::event::{CloseReason, Status};
use crate::handshake::resume::SessionReference;
use crate::provider::ring;
use crate::psk::{PresharedKey, PresharedKeys};
use crate::resumption::{MemoryClientSessions, MemoryServerSessions, ServerSessions, TicketKeys};
use crate::role::Role;
use crate::snapshot::{RestoreError, RoleConfig, Sealed, SnapshotError, SnapshotKey};
use crate::stats::DiscardReason;
use crate::test_rng::TestRng;
use crate::time::Instant;

fn key() -> SnapshotKey {
    SnapshotKey::new(ring::provider(), &[9; 32]).unwrap()
}

fn client_config() -> ClientConfigBuilder {
    ClientConfig::builder(ring::provider(), verifier()).transport(transport())
}

fn server_config() -> ServerConfigBuilder {
    ServerConfig::builder(ring::provider(), P256.clone()).transport(transport())
}

/// The two ends of an association, and what each goes on under.
struct Pair {
    ends: [Subject; 2],
    configs: [RoleConfig; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Pair {
    /// Two ends that have said nothing.
    fn new(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Self {
        let (client, server) = (client.build().unwrap(), server.build().unwrap());
        let ends = [Subject::client_with(client.clone()), Subject::server_with(server.clone())];
        Self { ends, configs: [client.into(), server.into()] }
    }

    fn connected(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Self {
        let mut pair = Self::new(client, server);
        pair.settle();
        pair
    }

    /// Delivers what there is, until there is nothing.
    fn settle(&mut self) {
        for _ in 0..10 {
            self.deliver(CLIENT);
            self.deliver(SERVER);
        }
        self.ends.iter_mut().for_each(|end| drop(end.events()));
    }

    fn deliver(&mut self, from: usize) {
        for datagram in self.ends[from].take() {
            self.ends[1 - from].give(&datagram);
        }
    }

    fn seal(&mut self, end: usize) -> Result<Sealed, SnapshotError> {
        self.ends[end].connection.seal_snapshot(&key(), None)
    }

    fn restore(&self, end: usize, sealed: &Sealed, seed: u64) -> Result<Subject, RestoreError> {
        // A clock with another origin, that tells another time.
        let now = Instant::from_elapsed(Duration::from_secs(7));
        let config = self.configs[end].clone();
        let connection = Connection::restore(sealed, &key(), config, now, wall_clock(), &mut TestRng::new(seed))?;
        Ok(Subject { connection, mode: Mode::Wary, now })
    }

    /// Moves an end to another process, as it were.
    #[track_caller]
    fn moves(&mut self, end: usize) {
        let sealed = self.seal(end).unwrap();
        let sealed = Sealed::from_bytes(sealed.as_bytes()).unwrap();
        self.ends[end] = self.restore(end, &sealed, 77).unwrap();
    }

    /// Data goes through in both directions.
    #[track_caller]
    fn carries_data(&mut self) {
        for from in [CLIENT, SERVER] {
            let record = self.send(from, b"data");
            assert_eq!(self.ends[1 - from].give(&record), [b"data"]);
        }
    }

    /// A record of data, not delivered.
    fn send(&mut self, from: usize, data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; data.len() + 300];
        let len = self.ends[from].connection.send(data, &mut out).unwrap();
        out.truncate(len);
        out
    }

    fn exported(&self, end: usize) -> Result<[u8; 32], ExportError> {
        let mut out = [0; 32];
        self.ends[end].connection.export_keying_material(b"EXPORTER-test", None, &mut out).map(|()| out)
    }
}

/// The sequence number of a record without a connection ID.
fn sequence(record: &[u8]) -> u64 {
    u64::from_be_bytes([0, 0, record[5], record[6], record[7], record[8], record[9], record[10]])
}

/// One pair for each kind of thing that two sides can agree on.
fn pairs() -> Vec<Pair> {
    let sessions = || NonZeroUsize::new(4).unwrap();
    let psk = || PresharedKey::new(&[3; 32]).unwrap();
    let keys: Arc<dyn PresharedKeys> = Arc::new(BTreeMap::from([(b"device".to_vec(), psk())]));
    vec![
        Pair::connected(client_config(), server_config()),
        Pair::connected(
            client_config().application_protocols(&[b"coap"]).identity(P256.clone()),
            server_config().application_protocols(&[b"coap"]).require_client_certificate(verifier()),
        ),
        Pair::connected(
            client_config().connection_ids(Arc::new(RandomIds::of_len(5))),
            server_config().connection_ids(Arc::new(RandomIds::of_len(9))),
        ),
        Pair::connected(
            client_config().srtp(SrtpProfile::WEBRTC).srtp_mki(b"mki").transport(transport().record_size_limit(300)),
            server_config().srtp(SrtpProfile::WEBRTC).transport(transport().record_size_limit(400)),
        ),
        Pair::connected(
            ClientConfig::builder_with_psk(ring::provider(), b"device", psk()).transport(transport()),
            ServerConfig::builder_with_psk(ring::provider(), keys).transport(transport()),
        ),
        Pair::connected(
            client_config().sessions(Arc::new(MemoryClientSessions::new(sessions()))),
            server_config().tickets(Arc::new(TicketKeys::generate(ring::provider(), &mut TestRng::new(5)).unwrap())),
        ),
    ]
}

/// Everything that was agreed on is still there, whoever moves, and however often; nothing is told twice.
#[test]
fn an_association_goes_on_in_another_process() {
    for mut pair in pairs() {
        for end in [CLIENT, SERVER, CLIENT, SERVER] {
            pair.carries_data();
            pair.ends[end].connection.set_mtu(900);
            let before = &pair.ends[end].connection;
            let limits = before.records.limits();
            let known = (format!("{:?}", before.session()), before.max_payload(), before.role(), pair.exported(end));
            let ids = before.session().unwrap().connection_ids.clone();
            let took = before.stats().handshake_time;
            pair.moves(end);
            let after = &pair.ends[end].connection;
            assert_eq!((after.status(), after.poll_timeout()), (Status::Connected, None));
            assert_eq!(after.session().unwrap().connection_ids, ids);
            assert_eq!((after.stats().handshake_time, after.records.limits()), (took, limits));
            assert_eq!(
                (format!("{:?}", after.session()), after.max_payload(), after.role(), pair.exported(end)),
                known
            );
            assert!(pair.ends[end].events().is_empty() && pair.ends[end].take().is_empty());
            pair.carries_data();
        }
        assert_eq!(pair.exported(CLIENT), pair.exported(SERVER));
        pair.ends[SERVER].connection.close();
        pair.deliver(SERVER);
        assert_eq!(pair.ends[CLIENT].connection.close_reason(), Some(&CloseReason::Peer));
    }
}

/// RPL-02: what was received before is not received again; what was still under way is.
#[test]
fn no_record_is_received_on_both_sides_of_a_move() {
    let mut pair = Pair::connected(client_config(), server_config());
    let records: Vec<Vec<u8>> = (0..8_u8).map(|n| pair.send(CLIENT, &[n])).collect();
    for n in [0, 1, 4, 6] {
        assert_eq!(pair.ends[SERVER].give(&records[n]).len(), 1);
    }
    pair.moves(SERVER);
    for (n, record) in records.iter().enumerate() {
        let is_new = ![0, 1, 4, 6].contains(&n);
        assert_eq!(pair.ends[SERVER].give(record).len(), usize::from(is_new), "record {n}");
    }
    assert_eq!(pair.ends[SERVER].dropped(DiscardReason::Replayed), 4);
}

/// I3: no number is written again, even if the former owner went on for 4096 records. Two restored connections, which
/// must not be, begin far apart.
#[test]
fn numbers_go_on_beyond_what_another_owner_may_have_used() {
    for end in [CLIENT, SERVER] {
        let mut pair = Pair::connected(client_config(), server_config());
        let last = sequence(&pair.send(end, b"before"));
        let sealed = pair.seal(end).unwrap();
        let mut first_of = |seed| {
            pair.ends[end] = pair.restore(end, &sealed, seed).unwrap();
            sequence(&pair.send(end, b"after"))
        };
        let firsts = [first_of(1), first_of(2), first_of(3)];
        for first in firsts {
            assert!(first > last + 4096 && first <= last + 4097 + (1 << 36), "{first} after {last}");
        }
        assert!(firsts[0].abs_diff(firsts[1]) > 1 << 20 && firsts[1].abs_diff(firsts[2]) > 1 << 20);
    }
}

/// AEA-13, AEA-14: limits of keys count on, on both sides of the key.
#[test]
fn limits_of_keys_do_not_begin_anew() {
    let provider = three_forgeries();
    let ends = connected(provider);
    let config = ServerConfig::builder(provider, P256.clone()).build().unwrap();
    let client = client_config().build().unwrap();
    let mut pair = Pair { ends, configs: [client.into(), config.into()] };
    pair.settle();
    let forgery = framed(ContentType::APPLICATION_DATA, 1, 77, &[7; 60]);
    pair.ends[SERVER].give(&forgery);
    pair.moves(SERVER);
    pair.ends[SERVER].give(&forgery);
    assert!(pair.ends[SERVER].is_alive());
    pair.ends[SERVER].give(&forgery);
    assert!(!pair.ends[SERVER].is_alive(), "the third one");

    let mut pair = Pair::connected(client_config(), server_config());
    let limit = crate::crypto::AeadLimits::AES_GCM.blocks_protected;
    let a_move = 4096 * 1025;
    pair.ends[CLIENT].connection.records.preset_write(1, 7, limit - 2 * a_move);
    pair.moves(CLIENT);
    pair.send(CLIENT, b"it may go on");
    pair.ends[CLIENT].events();
    let sealed = pair.seal(CLIENT).unwrap();
    assert_eq!(pair.restore(CLIENT, &sealed, 1).err(), Some(RestoreError::KeysUsedUp));
    pair.ends[CLIENT].connection.records.preset_write(1, (1 << 48) - 4096, 0);
    let sealed = pair.seal(CLIENT).unwrap();
    assert_eq!(pair.restore(CLIENT, &sealed, 1).err(), Some(RestoreError::KeysUsedUp));
}

/// FLT-09, FLT-11: the peer may not have our last flight, and asks the one that goes on with the association; for as long
/// as it could have asked the former one.
#[test]
fn a_last_flight_that_was_lost_is_sent_again_after_a_move() {
    for (waits, is_answered) in [(1, true), (235, true), (245, false)] {
        let mut pair = Pair::new(client_config(), server_config());
        while pair.ends[SERVER].status() != Status::Connected {
            pair.deliver(CLIENT);
            if pair.ends[CLIENT].connection.session().is_none() && pair.ends[SERVER].connection.session().is_some() {
                assert!(!pair.ends[SERVER].take().is_empty(), "the last flight, which gets lost");
            } else {
                pair.deliver(SERVER);
            }
        }
        pair.ends[SERVER].events();
        assert_eq!(pair.ends[CLIENT].status(), Status::Handshaking);
        pair.ends[SERVER].wait(Duration::from_secs(waits / 2));
        pair.moves(SERVER);
        pair.ends[SERVER].wait(Duration::from_secs(waits - waits / 2));
        pair.ends[CLIENT].expire();
        pair.settle();
        assert_eq!(pair.ends[CLIENT].status() == Status::Connected, is_answered, "after {waits} s");
        if is_answered {
            pair.carries_data();
        }
    }
}

/// REC-09: where the application carries flights from then on, the last one is sealed anew for it, under new numbers.
#[test]
fn a_last_flight_goes_to_the_application_that_carries_flights_after_a_move() {
    let mut pair = Pair::connected(client_config(), server_config());
    let sealed = pair.seal(SERVER).unwrap();
    pair.configs[SERVER] = server_config().transport(transport().external_retransmission(true)).build().unwrap().into();
    let mut server = pair.restore(SERVER, &sealed, 1).unwrap();
    let flight = server.connection.current_flight(server.now).to_vec();
    assert!(!flight.is_empty());
    assert_eq!(server.connection.current_flight(server.now), flight);
    assert!(
        flight.iter().flat_map(|datagram| crate::inspect::records(datagram)).all(|record| record.sequence >= 1 << 12)
    );
}

/// Only what is an association, has given out everything and has its secret is sealed; who is refused goes on.
#[test]
fn what_cannot_be_sealed_is_as_it_was() {
    let mut pair = Pair::new(client_config(), server_config());
    for _ in 0..4 {
        for end in [CLIENT, SERVER] {
            if pair.ends[end].status() == Status::Handshaking {
                assert_eq!(pair.seal(end).err(), Some(SnapshotError::Handshaking));
            }
            pair.deliver(end);
        }
    }
    for end in [CLIENT, SERVER] {
        assert_eq!(pair.seal(end).err(), Some(SnapshotError::Undrained), "the event was not taken");
    }
    pair.settle();
    pair.carries_data();

    pair.ends[SERVER].connection.drop_exporter();
    let server = core::mem::replace(&mut pair.ends[SERVER], Subject::server_of(server_config()));
    let (connection, error) = server.connection.snapshot(&key()).unwrap_err();
    assert_eq!(error, SnapshotError::SecretDropped);
    pair.ends[SERVER].connection = connection;
    pair.carries_data();

    let client = core::mem::replace(&mut pair.ends[CLIENT], Subject::client_of(client_config()));
    let sealed = client.connection.snapshot(&key()).unwrap();
    pair.ends[CLIENT] = pair.restore(CLIENT, &sealed, 1).unwrap();
    pair.carries_data();

    pair.ends[CLIENT].connection.close();
    assert_eq!(pair.seal(CLIENT).err(), Some(SnapshotError::Closed), "its alert waits");
    pair.deliver(CLIENT);
    assert_eq!(pair.seal(CLIENT).err(), Some(SnapshotError::Closed));
    assert_eq!(pair.seal(SERVER).err(), Some(SnapshotError::Closed));
}

/// A configuration that could not have led to the association does not go on with it.
#[test]
fn a_configuration_has_to_fit() {
    let mut pair = Pair::connected(client_config(), server_config());
    let sealed = pair.seal(SERVER).unwrap();
    let restore = |config: RoleConfig| {
        let now = Instant::ORIGIN;
        Connection::restore(&sealed, &key(), config, now, wall_clock(), &mut TestRng::new(1)).err()
    };
    assert_eq!(restore(pair.configs[CLIENT].clone()), Some(RestoreError::OtherRole { role: Role::Server }));
    let suite = pair.ends[SERVER].connection.session().unwrap().cipher_suite;
    let other = CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    assert_ne!(suite, other);
    let config = server_config().cipher_suites(&[other]).build().unwrap();
    assert_eq!(restore(config.into()), Some(RestoreError::SuiteNotInUse(suite)));
    assert_eq!(restore(pair.configs[SERVER].clone()), None);
}

/// EMS-12: an association without the extended master secret moves too, exports nothing there either, and does not go on
/// where one would not have been made.
#[test]
fn an_association_without_the_extended_master_secret_is_moved_as_it_is() {
    let mut scene = ServerScene::with(Mode::Wary, |config| config.danger().allow_legacy_master_secret());
    scene.script.hello.extensions.remove(ExtensionType::EXTENDED_MASTER_SECRET);
    scene.connect();
    scene.subject.events();
    let sealed = scene.subject.connection.seal_snapshot(&key(), None).unwrap();
    let restore = |config: Arc<ServerConfig>| {
        Connection::restore(&sealed, &key(), config, scene.subject.now, wall_clock(), &mut TestRng::new(1))
    };
    let refused = restore(server_config().build().unwrap()).err();
    assert_eq!(refused, Some(RestoreError::WithoutExtendedMasterSecret));
    let restored = restore(server_config().danger().allow_legacy_master_secret().build().unwrap()).unwrap();
    scene.subject.connection = restored;
    scene.carries_data();
    let exported = scene.subject.connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 32]);
    assert_eq!(exported, Err(ExportError::NotAvailable));
}

/// Every bit counts, and so does the end; another key opens nothing, and another version is told from damage.
#[test]
fn a_snapshot_that_was_changed_is_refused() {
    let mut pair = Pair::connected(client_config(), server_config());
    let sealed = pair.seal(CLIENT).unwrap();
    let bytes = sealed.as_bytes();
    let restore = |bytes: &[u8]| pair.restore(CLIENT, &Sealed::from_bytes(bytes)?, 1);
    assert!(restore(bytes).is_ok());
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        let expected = match at {
            0..3 => RestoreError::NotASnapshot,
            3 => RestoreError::UnknownVersion(damaged[3]),
            _ => RestoreError::NotAuthentic,
        };
        assert_eq!(restore(&damaged).err(), Some(expected), "byte {at}");
        let expected = if at < 20 + 12 + 16 { RestoreError::NotASnapshot } else { RestoreError::NotAuthentic };
        assert_eq!(restore(&bytes[..at]).err(), Some(expected), "{at} bytes");
    }
    assert_eq!(restore(&[bytes, &[0]].concat()).err(), Some(RestoreError::NotAuthentic));
    let other = SnapshotKey::new(ring::provider(), &[8; 32]).unwrap();
    let config = pair.configs[CLIENT].clone();
    let restored = Connection::restore(&sealed, &other, config, Instant::ORIGIN, wall_clock(), &mut TestRng::new(1));
    assert_eq!(restored.err(), Some(RestoreError::NotAuthentic));
    for error in [RestoreError::NotAuthentic, RestoreError::NotASnapshot, RestoreError::UnknownVersion(9)] {
        assert!(!error.to_string().is_empty());
    }
}

/// Each snapshot has an id of its own, which survives the journey, and shows nothing of the association.
#[test]
fn a_snapshot_has_an_id_and_hides_the_rest() {
    let mut pair = Pair::connected(client_config(), server_config());
    let [one, other] = [(); 2].map(|()| pair.seal(SERVER).unwrap());
    assert_ne!(one.id(), other.id());
    assert_ne!(one, other);
    assert_eq!(Sealed::from_bytes(one.as_bytes()).unwrap().id(), one.id());
    for secret in [&b"localhost"[..], &[0; 8]] {
        assert!(!one.as_bytes().windows(secret.len()).any(|window| window == secret));
    }
    let text = format!("{one:?} {:?} {:?}", key(), pair.configs[SERVER].role());
    assert_eq!(text, format!("Sealed({} bytes) SnapshotKey {{ .. }} Server", one.as_bytes().len()));
}

/// Without the one cipher that snapshots are sealed with, there is no key.
#[test]
fn snapshots_need_aes_256_gcm() {
    let suite = ring::provider().suite(CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256).unwrap();
    let suites: &'static [_] = vec![suite].leak();
    let provider = CryptoProvider { suites, ..*ring::provider() };
    assert!(SnapshotKey::new(&provider, &[9; 32]).is_err());
}

/// RES-08: a session that is kept is forgotten when its association fails, wherever that goes on.
#[test]
fn a_failure_after_a_move_ends_the_session_that_is_kept() {
    let sessions = Arc::new(MemoryServerSessions::new(NonZeroUsize::new(4).unwrap()));
    let mut pair = Pair::connected(client_config(), server_config().sessions(sessions.clone()));
    let sealed = pair.seal(SERVER).unwrap();
    let content = sealed.open(&key()).unwrap();
    let id = content.kept_under.as_deref().unwrap().try_into().unwrap();
    let is_kept = || matches!(sessions.find(&id), crate::decision::Reply::Now(Some(_)));
    pair.moves(SERVER);
    assert!(is_kept());
    let alert = Failure { error: PeerMisbehaved::TooManyWarnings.into(), at: None };
    pair.ends[SERVER].connection.fail(alert);
    assert!(!is_kept());
}

/// RES-08: the same for a client, whatever its server is called.
#[test]
fn a_clients_session_is_found_again_under_the_name_of_its_server() {
    for name in ["server.example", "192.0.2.1", "2001:db8::1"] {
        let name = ServerName::try_from(name).unwrap();
        let sessions = Arc::new(MemoryClientSessions::new(NonZeroUsize::new(4).unwrap()));
        let server = server_config().sessions(Arc::new(MemoryServerSessions::new(NonZeroUsize::new(4).unwrap())));
        let mut pair = Pair::new(client_config().sessions(sessions), server);
        pair.settle();
        let Some(SessionReference::Client(_, kept)) = &mut pair.ends[CLIENT].connection.session_kept else { panic!() };
        **kept = name.clone();
        pair.moves(CLIENT);
        let Some(SessionReference::Client(_, kept)) = &pair.ends[CLIENT].connection.session_kept else { panic!() };
        assert_eq!(**kept, name);
    }
}
