//! Connection IDs (RFC 9146).
//!
//! What can go wrong: an ID stands where none may, or is missing where one was agreed on; a side sends its own instead
//! of the peer's; a record that belongs elsewhere, or lies about what is inside, harms the association; an ID outlives
//! the connection that it was made for; a long one breaks what is said about sizes.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;

use rand_core::CryptoRng;

use super::identities::P256;
use super::puppet::{framed_with_cid, whole};
use super::scene::{Scene, vec8};
use super::subject::{Subject, transport};
use super::*;
use crate::cid::{ConnectionId, ConnectionIdGenerator, ConnectionIds, RandomIds};
use crate::code::{AlertDescription, ContentType, ExtensionType, HandshakeType};
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::SendError;
use crate::error::{DecodeError, PeerIncompatible, PeerMisbehaved};
use crate::event::Status;
use crate::provider::ring;
use crate::resumption::{MemoryClientSessions, MemoryServerSessions};
use crate::stats::DiscardReason;
use crate::wire::hello::{ClientHello, ServerHello};
use crate::wire::record::RecordHeader;

const EXTENSION: ExtensionType = ExtensionType::CONNECTION_ID;

fn random_ids(len: u8) -> Arc<RandomIds> {
    Arc::new(RandomIds::of_len(len))
}

fn id(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

/// A server that wants `ours` bytes in the records of a client that wants `wanted` in its own, up to the last flight of
/// the client.
fn server_until_finished(mode: Mode, ours: u8, wanted: &[u8]) -> ServerScene {
    let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(ours)));
    scene.script.hello.extensions.set(EXTENSION, &vec8(wanted));
    scene.send_hello();
    let hello = scene.hear_server_hello();
    let answer = ServerHello::decode(&hello).unwrap().extensions.connection_id().unwrap();
    let answer = answer.expect("the server agrees");
    assert_eq!(answer.len(), usize::from(ours));
    scene.puppet.cids = ConnectionIds::new(id(wanted), answer);
    scene
}

fn connected_server(mode: Mode, ours: u8, wanted: &[u8]) -> ServerScene {
    let mut scene = server_until_finished(mode, ours, wanted);
    scene.say_last_flight();
    scene
}

/// A client that wants `ours` bytes, of a server that wants `wanted`.
fn connected_client(mode: Mode, ours: u8, wanted: &[u8]) -> ClientScene {
    let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(ours)));
    let offered = ClientHello::decode(&scene.script.client_hello).unwrap().extensions.connection_id().unwrap();
    let offered = offered.expect("the client offers");
    assert_eq!(offered.len(), usize::from(ours));
    scene.script.hello.extensions.set(EXTENSION, &vec8(wanted));
    scene.puppet.cids = ConnectionIds::new(id(wanted), offered);
    scene.connect();
    scene
}

/// The four combinations of wanting some and wanting none.
const WISHES: [(u8, &[u8]); 4] = [(0, b""), (0, b"peer's"), (5, b""), (5, b"peer's")];

#[track_caller]
fn agrees<S>(scene: &mut Scene<S>) {
    scene.carries_data();
    let ids = scene.subject.connection.session().unwrap().connection_ids.clone().expect("they are used");
    assert_eq!((&ids.ours, &ids.peer), (&scene.puppet.cids.peer, &scene.puppet.cids.ours));
}

/// CID-01, CID-03, CID-04: each side says what it wants to find, and finds it.
#[test]
fn a_server_puts_the_clients_id_into_its_records_and_finds_its_own() {
    for mode in MODES {
        for (ours, wanted) in WISHES {
            agrees(&mut connected_server(mode, ours, wanted));
        }
    }
}

/// CID-01, CID-03, CID-04: each side says what it wants to find, and finds it.
#[test]
fn a_client_puts_the_servers_id_into_its_records_and_finds_its_own() {
    for mode in MODES {
        for (ours, wanted) in WISHES {
            agrees(&mut connected_client(mode, ours, wanted));
        }
    }
}

/// CID-05: Finished, data and alerts carry it, ChangeCipherSpec and what comes before do not.
#[test]
fn only_encrypted_records_carry_an_id() {
    let mut scene = server_until_finished(Mode::Wary, 5, b"peer's");
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    let types_and_ids = |scene: &mut ServerScene| -> Vec<(ContentType, Vec<u8>)> {
        scene.heard().into_iter().map(|heard| (heard.header.content_type, heard.cid)).collect()
    };
    let expected = [(ContentType::CHANGE_CIPHER_SPEC, vec![]), (ContentType::HANDSHAKE, b"peer's".to_vec())];
    assert_eq!(types_and_ids(&mut scene), expected);
    scene.subject.connection.close();
    assert_eq!(types_and_ids(&mut scene), [(ContentType::ALERT, b"peer's".to_vec())]);
}

/// CID-01: a server that wants none says nothing, nor does one that was not asked.
#[test]
fn no_server_answers_what_was_not_offered_or_is_not_wanted() {
    for mode in MODES {
        let mut unwilling = ServerScene::new(mode);
        unwilling.script.hello.extensions.set(EXTENSION, &vec8(b"id"));
        let mut unasked = ServerScene::with(mode, |config| config.connection_ids(random_ids(8)));
        for scene in [&mut unwilling, &mut unasked] {
            scene.send_hello();
            let hello = scene.hear_server_hello();
            assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION), None);
            scene.say_last_flight();
            scene.carries_data();
            assert_eq!(scene.subject.connection.session().unwrap().connection_ids, None);
        }
    }
}

/// CID-03: a client whose offer is not taken up goes on without.
#[test]
fn a_client_goes_on_without_ids_if_its_server_knows_none() {
    for mode in MODES {
        let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(8)));
        scene.connect();
        scene.carries_data();
        assert_eq!(scene.subject.connection.session().unwrap().connection_ids, None);
    }
}

/// CID-01: an answer without an offer.
#[test]
fn an_id_that_was_not_asked_for_is_refused() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(EXTENSION, &vec8(b"id"));
        scene.send_flight();
        scene.fails(PeerMisbehaved::ServerSentUnofferedExtension(EXTENSION), AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

/// CID-01: one byte of length, so many bytes, and nothing behind them.
#[test]
fn an_extension_that_does_not_parse_is_refused() {
    let malformed: [(&[u8], DecodeError); 4] = [
        (&[], DecodeError::Truncated),
        (&[1], DecodeError::Truncated),
        (&[3, 1, 2], DecodeError::Truncated),
        (&[0, 0], DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (data, error) in malformed {
            let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(8)));
            scene.script.hello.extensions.set(EXTENSION, data);
            scene.send_hello();
            scene.doubts(error, AlertDescription::DECODE_ERROR);

            let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(8)));
            scene.script.hello.extensions.set(EXTENSION, data);
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// CID-02: the number of the draft, whose MAC was another.
#[test]
fn the_extension_of_the_draft_means_nothing() {
    const DRAFT: ExtensionType = ExtensionType(53);
    for mode in MODES {
        let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(8)));
        scene.script.hello.extensions.set(DRAFT, &vec8(b"id"));
        scene.connect();
        scene.carries_data();
        assert_eq!(scene.subject.connection.session().unwrap().connection_ids, None);

        let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(8)));
        let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
        assert_eq!(hello.extensions.find(DRAFT), None);
        scene.script.hello.extensions.set(DRAFT, &vec8(b"id"));
        scene.send_flight();
        scene.fails(PeerMisbehaved::ServerSentUnofferedExtension(DRAFT), AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

/// CID-05, CID-08, CID-12, CID-13, CID-18: whatever is wrong with a record, it is dropped and the association goes on.
#[test]
fn what_is_wrong_with_a_record_harms_nobody() {
    for mode in MODES {
        let mut scene = connected_server(mode, 5, b"peer's");
        let ours = scene.puppet.cids.peer.as_bytes().to_vec();
        let other: Vec<u8> = ours.iter().map(|byte| byte ^ 1).collect();
        let data = [b"data".as_slice(), &[ContentType::APPLICATION_DATA.0]].concat();
        let ids = core::mem::replace(&mut scene.puppet.cids, ConnectionIds::NONE);
        let without = scene.puppet.sealed_as(20, ContentType::APPLICATION_DATA, b"data");
        scene.puppet.cids = ids;
        let sealed = |cid: &[u8], inner: &[u8]| scene.puppet.sealed_with_cid(20, cid, inner);
        let cases = [
            (without, DiscardReason::MissingConnectionId),
            (sealed(&other, &data), DiscardReason::WrongConnectionId),
            (framed_with_cid(1, 20, &ours, &[7; 40]), DiscardReason::AuthenticationFailed),
            (framed_with_cid(0, 20, &ours, &data), DiscardReason::UnknownContentType),
            (framed_with_cid(2, 20, &ours, &[7; 40]), DiscardReason::FutureEpoch),
            (sealed(&ours, &data)[..20].to_vec(), DiscardReason::TruncatedRecord),
            (sealed(&ours, &[0; 20]), DiscardReason::InvalidInnerType),
        ];
        for (record, reason) in cases {
            let before = scene.subject.dropped(reason);
            assert!(scene.give(&record).is_empty());
            assert_eq!(scene.subject.dropped(reason), before + 1, "{reason}");
            scene.is_unmoved();
        }
        scene.carries_data();
    }
}

/// CID-07: with padding as without.
#[test]
fn padded_data_is_delivered_without_its_padding() {
    let mut scene = connected_server(Mode::Wary, 5, b"peer's");
    let ours = scene.puppet.cids.peer.as_bytes().to_vec();
    for (sequence, zeros) in (1000..).zip([0, 1, 1000]) {
        let inner = [b"data".as_slice(), &[ContentType::APPLICATION_DATA.0], &vec![0; zeros]].concat();
        let record = scene.puppet.sealed_with_cid(sequence, &ours, &inner);
        assert_eq!(scene.give(&record), [b"data"]);
    }
}

/// CID-14: the longest that a peer may want, and what it leaves of a datagram.
#[test]
fn what_fits_a_datagram_is_exact_for_every_length() {
    for wanted in [0, 1, 8, 255] {
        let mut scene = connected_server(Mode::Wary, 8, &vec![9; wanted]);
        for mtu in [512, 1200, 16_000] {
            scene.subject.connection.set_mtu(mtu);
            let most = scene.subject.connection.max_payload();
            let mut out = vec![0; 20_000];
            assert_eq!(scene.subject.connection.send(&vec![1; most], &mut out), Ok(mtu));
            let refused = scene.subject.connection.send(&vec![1; most + 1], &mut out);
            assert_eq!(refused, Err(SendError::TooLong { most }));
        }
        assert_eq!(scene.subject.connection.min_datagram() - 64, if wanted == 0 { 0 } else { wanted + 1 });
        agrees(&mut scene);
    }
}

/// CID-14: a record without room for a piece of a message.
#[test]
fn an_id_that_leaves_no_room_is_refused() {
    for mode in MODES {
        let narrow = || transport().mtu(200);
        let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(8)).transport(narrow()));
        scene.script.hello.extensions.set(EXTENSION, &vec8(&[9; 255]));
        scene.send_hello();
        scene.fails(PeerIncompatible::ConnectionIdTooLong, AlertDescription::HANDSHAKE_FAILURE);

        let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(8)).transport(transport()));
        scene.subject.connection.set_mtu(200);
        scene.script.hello.extensions.set(EXTENSION, &vec8(&[9; 255]));
        let flight = scene.script.flight();
        scene.send(&flight[..1]);
        scene.fails(PeerIncompatible::ConnectionIdTooLong, AlertDescription::HANDSHAKE_FAILURE);
    }
}

// ---- return routability checks (RFC 9853) ----

const RRC: ExtensionType = ExtensionType::RETURN_ROUTABILITY_CHECK;
const CHECK: ContentType = ContentType::RETURN_ROUTABILITY_CHECK;

/// CID-20: never without connection IDs, and only if both sides say so.
#[test]
fn path_checks_are_agreed_on_with_connection_ids_only() {
    for mode in MODES {
        // What a server answers to a client with and without each.
        for (with_id, with_check) in [(true, true), (true, false), (false, true)] {
            let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(0)));
            if with_id {
                scene.script.hello.extensions.set(EXTENSION, &vec8(b""));
            }
            if with_check {
                scene.script.hello.extensions.set(RRC, &[]);
            }
            scene.send_hello();
            let hello = scene.hear_server_hello();
            let extensions = ServerHello::decode(&hello).unwrap().extensions;
            assert_eq!(extensions.find(EXTENSION).is_some(), with_id);
            assert_eq!(extensions.find(RRC), (with_id && with_check).then_some(&[][..]));
            scene.say_last_flight();
            let ids = scene.subject.connection.session().unwrap().connection_ids.clone();
            assert_eq!(ids.is_some_and(|ids| ids.path_checks), with_id && with_check);
        }
        // What a client offers, and makes of the answer.
        let offer = |scene: &ClientScene| {
            ClientHello::decode(&scene.script.client_hello).unwrap().extensions.find(RRC).map(<[u8]>::to_vec)
        };
        assert_eq!(offer(&ClientScene::new(mode)), None);
        for (with_id, with_check) in [(true, true), (true, false), (false, true)] {
            let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(0)));
            assert_eq!(offer(&scene), Some(Vec::new()));
            if with_id {
                scene.script.hello.extensions.set(EXTENSION, &vec8(b""));
            }
            if with_check {
                scene.script.hello.extensions.set(RRC, &[]);
            }
            scene.connect();
            let ids = scene.subject.connection.session().unwrap().connection_ids.clone();
            assert_eq!(ids.is_some_and(|ids| ids.path_checks), with_id && with_check);
        }
    }
}

/// CID-20: its presence says everything.
#[test]
fn an_extension_for_path_checks_that_is_not_empty_is_refused() {
    for mode in MODES {
        let mut scene = ServerScene::with(mode, |config| config.connection_ids(random_ids(8)));
        scene.script.hello.extensions.set(RRC, &[0]);
        scene.send_hello();
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
        let mut scene = ClientScene::with(mode, |config| config.connection_ids(random_ids(8)));
        scene.script.hello.extensions.set(RRC, &[0]);
        scene.send_flight();
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
    }
}

/// A server that answers path checks, with the type inside or outside the protection.
fn checking_server(ours: u8) -> ServerScene {
    let mut scene = ServerScene::with(Mode::Wary, |config| config.connection_ids(random_ids(ours)));
    scene.script.hello.extensions.set(EXTENSION, &vec8(b"peer's"));
    scene.script.hello.extensions.set(RRC, &[]);
    scene.send_hello();
    let hello = scene.hear_server_hello();
    let answer = ServerHello::decode(&hello).unwrap().extensions.connection_id().unwrap().unwrap();
    scene.puppet.cids = ConnectionIds::new(id(b"peer's"), answer);
    scene.say_last_flight();
    scene
}

/// CID-21, CID-22: one answer for each challenge, at once, with what the challenge said.
#[test]
fn a_challenge_is_answered_once() {
    for ours in [0, 5] {
        let mut scene = checking_server(ours);
        for n in 0..3 {
            let challenge = [&[0][..], &[n; 8]].concat();
            let record = scene.puppet.sealed(CHECK, &challenge);
            assert!(scene.give(&record).is_empty());
            assert_eq!(scene.subject.connection.poll_timeout(), Some(scene.subject.now), "at once");
            let [response] = &*scene.heard() else { panic!("one answer") };
            assert_eq!((response.header.content_type, response.header.epoch), (CHECK, 1));
            assert_eq!(response.content, [&[1][..], &[n; 8]].concat());
            scene.give(&record);
            scene.is_unmoved();
        }
        scene.carries_data();
    }
}

/// CID-21, CID-22: in plaintext, of another length, of a type to come, or an answer to nothing.
#[test]
fn path_checks_without_meaning_are_dropped() {
    let mut scene = checking_server(5);
    let plaintext = scene.puppet.record(CHECK, &[0; 9]);
    assert!(scene.give(&plaintext).is_empty());
    let senseless: [&[u8]; 6] = [&[0], &[0; 8], &[0; 10], &[1; 9], &[2; 9], &[9; 9]];
    for (before, content) in (0..).zip(senseless) {
        assert_eq!(scene.subject.dropped(DiscardReason::UnexpectedPathCheck), before);
        let record = scene.puppet.sealed(CHECK, content);
        scene.give(&record);
        scene.is_unmoved();
    }
    scene.carries_data();
}

/// CID-20, CID-21: where they were not agreed on, there are none.
#[test]
fn path_checks_that_were_not_agreed_on_are_dropped() {
    for (ours, reason) in [(0, DiscardReason::UnknownContentType), (5, DiscardReason::InvalidInnerType)] {
        let mut scene = connected_server(Mode::Wary, ours, b"peer's");
        let record = scene.puppet.sealed(CHECK, &[0; 9]);
        scene.give(&record);
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(reason), 1);
        scene.carries_data();
    }
}

/// Challenges are bounded: what one datagram may ask for, and nobody has taken, takes no more room.
#[test]
fn challenges_that_nobody_answers_are_bounded() {
    let mut scene = checking_server(5);
    for _ in 0..100 {
        let record = scene.puppet.sealed(CHECK, &[0; 9]);
        scene.give(&record);
    }
    let answers = scene.heard().len() as u64;
    assert!((1..10).contains(&answers));
    assert_eq!(scene.subject.dropped(DiscardReason::UnexpectedPathCheck), 100 - answers);
}

// ---- two real ends ----

fn settle(client: &mut Subject, server: &mut Subject) {
    for _ in 0..10 {
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
    }
}

fn ids(subject: &Subject) -> ConnectionIds {
    assert_eq!(subject.status(), Status::Connected, "{:?}", subject.connection.close_reason());
    subject.connection.session().unwrap().connection_ids.clone().unwrap()
}

/// CID-15, CID-19, RES-24: each connection has IDs of its own, whether or not it takes a session up; it may have none,
/// or others.
#[test]
fn a_resumed_session_negotiates_ids_afresh() {
    let capacity = NonZeroUsize::new(4).unwrap();
    let kept = Arc::new(MemoryClientSessions::new(capacity));
    let judge = identities::verifier();
    let store = Arc::new(MemoryServerSessions::new(capacity));
    let mut seen = Vec::new();
    for (round, len) in [Some(8), Some(8), Some(3), None, Some(0)].into_iter().enumerate() {
        let client = ClientConfig::builder(ring::provider(), judge.clone()).sessions(kept.clone());
        let client = client.transport(transport());
        let client = match len {
            Some(len) => client.connection_ids(random_ids(len)),
            None => client,
        };
        let server = ServerConfig::builder(ring::provider(), P256.clone()).sessions(store.clone());
        let server = server.transport(transport()).connection_ids(random_ids(6));
        let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
        settle(&mut client, &mut server);
        assert_eq!(server.connection.session().unwrap().resumed, round > 0);
        let Some(len) = len else {
            assert_eq!(client.connection.session().unwrap().connection_ids, None);
            continue;
        };
        let (of_client, of_server) = (ids(&client), ids(&server));
        assert_eq!((&of_client.ours, &of_client.peer), (&of_server.peer, &of_server.ours));
        assert_eq!((of_client.ours.len(), of_server.ours.len()), (usize::from(len), 6));
        assert!(!seen.contains(&of_server.ours));
        seen.push(of_server.ours);
    }
}

/// CID-05: what overtakes the ServerHello that speaks of IDs waits, and opens.
#[test]
fn a_finished_with_an_id_may_overtake_its_server_hello() {
    let capacity = NonZeroUsize::new(4).unwrap();
    let (kept, store) = (Arc::new(MemoryClientSessions::new(capacity)), Arc::new(MemoryServerSessions::new(capacity)));
    let judge = identities::verifier();
    for round in 0..2 {
        let client = ClientConfig::builder(ring::provider(), judge.clone()).sessions(kept.clone());
        let client = client.transport(transport()).connection_ids(random_ids(8));
        let server = ServerConfig::builder(ring::provider(), P256.clone()).sessions(store.clone());
        let server = server.transport(transport()).connection_ids(random_ids(8));
        let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
        if round > 0 {
            client.take().iter().for_each(|datagram| _ = server.give(datagram));
            let flight = server.take().concat();
            let last = crate::inspect::records(&flight).with_connection_ids(8).last().unwrap();
            let at = flight.len() - last.body.len() - RecordHeader::LEN - 8;
            assert_eq!(flight[at], ContentType::TLS12_CID.0);
            client.give(&flight[at..]);
            assert_eq!(client.status(), Status::Handshaking);
            client.give(&flight[..at]);
        }
        settle(&mut client, &mut server);
        assert_eq!(ids(&client).ours, ids(&server).peer);
        // All but the ChangeCipherSpec of its flight, which comes after the keys that it speaks of have been used.
        let stats = client.connection.stats();
        assert_eq!((stats.discarded_total(), stats.discarded(DiscardReason::OldEpoch)), (round, round));
        assert_eq!((stats.retransmissions, server.connection.stats().retransmissions), (0, 0));
    }
}

/// CID-05: what came early with an ID is no record any more once the server has said that it uses none.
#[test]
fn an_early_record_with_an_id_that_was_not_agreed_on_is_dropped() {
    let mut scene = ClientScene::with(Mode::Wary, |config| config.connection_ids(random_ids(8)));
    let ours = scene.subject.connection.expected_id().clone();
    assert_eq!(ours.len(), 8);
    scene.give(&framed_with_cid(1, 0, ours.as_bytes(), &[7; 50]));
    assert_eq!(scene.subject.connection.stats().discarded_total(), 0, "it waits");
    scene.send_flight();
    scene.hear_flight();
    assert_eq!(scene.subject.dropped(DiscardReason::StashedUnreadable), 1);
    assert_eq!(scene.subject.connection.stats().discarded_total(), 1);
    assert!(scene.subject.is_alive());
}

/// CID-13, CID-19: an application chooses what they hold, and random bytes are those of the connection.
#[test]
fn an_application_puts_the_number_of_its_machine_into_its_ids() {
    #[derive(Debug)]
    struct Numbered(u16);
    impl ConnectionIdGenerator for Numbered {
        fn id_len(&self) -> usize {
            10
        }

        fn fill(&self, id: &mut [u8], random: &mut dyn CryptoRng) {
            let (number, rest) = id.split_at_mut(2);
            number.copy_from_slice(&self.0.to_be_bytes());
            random.fill_bytes(rest);
        }
    }
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = ServerConfig::builder(ring::provider(), P256.clone()).connection_ids(Arc::new(Numbered(0x0102)));
        let client = ClientConfig::builder(ring::provider(), identities::verifier());
        let client = client.connection_ids(random_ids(0)).transport(transport());
        let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server.transport(transport())));
        settle(&mut client, &mut server);
        let ids = ids(&server);
        assert_eq!((&ids.ours.as_bytes()[..2], ids.peer.len()), (&[1, 2][..], 0));
        seen.push(ids.ours);
    }
    assert_ne!(seen[0], seen[1]);
}

/// CID-05: a Finished without the ID that was agreed on is not the client's; the true one still ends the handshake.
#[test]
fn a_finished_without_the_agreed_id_is_dropped() {
    for mode in MODES {
        let mut scene = server_until_finished(mode, 5, b"");
        let exchange = scene.say_key_exchange();
        scene.give(&exchange);
        let verify_data = scene.puppet.verify_data(crate::role::Role::Client);
        let finished = whole(HandshakeType::FINISHED, scene.puppet.message_seq, &verify_data);
        let ids = core::mem::replace(&mut scene.puppet.cids, ConnectionIds::NONE);
        let record = scene.puppet.sealed_as(500, ContentType::HANDSHAKE, &finished);
        scene.puppet.cids = ids;
        scene.give(&record);
        assert_eq!(scene.subject.dropped(DiscardReason::MissingConnectionId), 1);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        scene.hear_last_flight();
        agrees(&mut scene);
    }
}
