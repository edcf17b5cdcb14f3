//! How long records may be: record_size_limit (RFC 8449), max_fragment_length (RFC 6066 section 4) and the MTU.
//!
//! What can go wrong: a peer with small buffers gets records that it cannot take; a limit that means nothing is obeyed, or
//! one that means something is not; the caller is told of a payload that does not fit after all.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;

use super::identities::{P256, RSA, verifier};
use super::subject::{Subject, transport};
use super::*;
use crate::cid::{ConnectionId, ConnectionIds, RandomIds};
use crate::code::{AlertDescription, CipherSuite, ContentType, ExtensionType};
use crate::config::{ClientConfig, MIN_MTU, MaxFragmentLength, ServerConfig, TransportOptions};
use crate::connection::SendError;
use crate::connection::tests::scene::Scene;
use crate::error::{DecodeError, PeerMisbehaved};
use crate::event::Status;
use crate::provider::ring;
use crate::psk::PresharedKey;
use crate::resumption::{MemoryClientSessions, MemoryServerSessions};
use crate::stats::DiscardReason;
use crate::wire::hello::{ClientHello, ServerHello};

const RECORD_SIZE_LIMIT: ExtensionType = ExtensionType::RECORD_SIZE_LIMIT;
const MAX_FRAGMENT_LENGTH: ExtensionType = ExtensionType::MAX_FRAGMENT_LENGTH;

fn client(mode: Mode, options: impl FnOnce(TransportOptions) -> TransportOptions) -> ClientScene {
    ClientScene::with(mode, |config| config.transport(options(transport())))
}

fn server(mode: Mode, options: impl FnOnce(TransportOptions) -> TransportOptions) -> ServerScene {
    ServerScene::with(mode, |config| config.transport(options(transport())))
}

fn offered(scene: &ClientScene, extension: ExtensionType) -> Option<Vec<u8>> {
    ClientHello::decode(&scene.script.client_hello).unwrap().extensions.find(extension).map(<[u8]>::to_vec)
}

fn answered(scene: &mut ServerScene, extension: ExtensionType) -> Option<Vec<u8>> {
    let hello = scene.hear_server_hello();
    ServerHello::decode(&hello).unwrap().extensions.find(extension).map(<[u8]>::to_vec)
}

/// What fits a datagram of this MTU with AES-GCM: 13 bytes of header, 8 of nonce, 16 of tag.
const ROOM: usize = 16_000 - 37;

/// The longest payload goes out in one record, and one byte more does not.
#[track_caller]
fn sends_at_most<S>(scene: &mut Scene<S>, most: usize) {
    let connection = &mut scene.subject.connection;
    assert_eq!(connection.max_payload(), most);
    let payload = vec![7; most + 1];
    let mut out = vec![0; 20_000];
    assert_eq!(connection.send(&payload, &mut out), Err(SendError::TooLong { most }));
    let len = connection.send(&payload[..most], &mut out).unwrap();
    let [heard] = &*scene.puppet.understand(&[out[..len].to_vec()]) else { panic!("one record") };
    assert_eq!(heard.content.len(), most);
}

// ---- record_size_limit ----

/// EXP-23: our own limit, whether it limits anything or not; beside max_fragment_length the smaller of the two.
#[test]
fn a_client_says_how_long_records_to_it_may_be() {
    let said = |options: fn(TransportOptions) -> TransportOptions| {
        let scene = client(Mode::Wary, options);
        (offered(&scene, RECORD_SIZE_LIMIT), offered(&scene, MAX_FRAGMENT_LENGTH))
    };
    assert_eq!(said(|options| options), (Some(vec![0x40, 0]), None));
    assert_eq!(said(|options| options.record_size_limit(64)), (Some(vec![0, 64]), None));
    assert_eq!(
        said(|options| options.max_fragment_length(MaxFragmentLength::Bytes1024)),
        (Some(vec![4, 0]), Some(vec![2]))
    );
    let both = said(|options| options.max_fragment_length(MaxFragmentLength::Bytes1024).record_size_limit(100));
    assert_eq!(both, (Some(vec![0, 100]), Some(vec![2])));
}

/// EXP-23, EXP-24: a server answers with its own limit, keeps the client's, and minds none that is higher than records.
#[test]
fn a_server_keeps_the_limit_of_its_client() {
    for (limit, most) in [(64, 64), (1000, 1000), (16_384, ROOM), (16_385, ROOM), (65_535, ROOM)] {
        let mut scene = server(Mode::Wary, |options| options.record_size_limit(2000));
        scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &u16::to_be_bytes(limit));
        scene.send_hello();
        assert_eq!(answered(&mut scene, RECORD_SIZE_LIMIT), Some(2000_u16.to_be_bytes().to_vec()));
        scene.say_last_flight();
        sends_at_most(&mut scene, most);
        scene.carries_data();
    }
    let mut scene = server(Mode::Wary, |options| options.record_size_limit(2000));
    scene.send_hello();
    assert_eq!(answered(&mut scene, RECORD_SIZE_LIMIT), None, "it is not asked");
}

/// EXP-24: and so does a client.
#[test]
fn a_client_keeps_the_limit_of_its_server() {
    for (limit, most) in [(64, 64), (1000, 1000), (16_384, ROOM), (16_385, ROOM), (65_535, ROOM)] {
        let mut scene = ClientScene::new(Mode::Wary);
        scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &u16::to_be_bytes(limit));
        scene.connect();
        sends_at_most(&mut scene, most);
        scene.carries_data();
    }
}

/// EXP-23: no one may ask for less than 64 bytes.
#[test]
fn a_limit_below_the_least_is_illegal() {
    for mode in MODES {
        for limit in [0, 1, 63] {
            let error = PeerMisbehaved::InvalidRecordSizeLimit(limit);
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &limit.to_be_bytes());
            scene.send_hello();
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);

            let mut scene = ClientScene::new(mode);
            scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &limit.to_be_bytes());
            scene.send_flight();
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// EXP-23, EXP-27: one number of two bytes, one of one.
#[test]
fn a_malformed_limit_is_doubted() {
    let cases: [(ExtensionType, &[u8], DecodeError); 5] = [
        (RECORD_SIZE_LIMIT, &[], DecodeError::Truncated),
        (RECORD_SIZE_LIMIT, &[1], DecodeError::Truncated),
        (RECORD_SIZE_LIMIT, &[1, 0, 0], DecodeError::TrailingBytes),
        (MAX_FRAGMENT_LENGTH, &[], DecodeError::Truncated),
        (MAX_FRAGMENT_LENGTH, &[1, 0], DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (extension, data, error) in cases {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(extension, data);
            scene.send_hello();
            scene.doubts(error, AlertDescription::DECODE_ERROR);

            let mut scene = client(mode, |options| options.max_fragment_length(MaxFragmentLength::Bytes512));
            scene.script.hello.extensions.set(extension, data);
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// EXP-24: what is not protected is exempt, and keeps to the limit all the same: GnuTLS drops longer records in plaintext
/// too.
#[test]
fn plaintext_records_keep_to_the_limit_as_well() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[0, 64]);
    scene.send_hello();
    is_cut_to(64, &scene.subject.take());

    let mut scene = ClientScene::with(Mode::Wary, |config| config.identity(RSA.clone()).transport(transport()));
    scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[0, 64]);
    // rsa_sign, rsa_pss_rsae_sha256, and no issuer in particular.
    scene.script.certificate_request = Some(vec![1, 1, 0, 2, 8, 4, 0, 0]);
    scene.send_flight();
    is_cut_to(64, &scene.subject.take());
}

/// EXP-25: a record that is longer than we said is dropped, and nothing else happens.
#[test]
fn a_record_above_our_limit_is_dropped() {
    let mut scene = client(Mode::Trusting, |options| options.record_size_limit(100));
    scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[0x40, 0]);
    scene.connect();
    is_held_to_100(&mut scene);

    let mut scene = server(Mode::Trusting, |options| options.record_size_limit(100));
    scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[0x40, 0]);
    scene.connect();
    is_held_to_100(&mut scene);

    let mut scene = client(Mode::Trusting, |options| options.record_size_limit(100));
    scene.connect();
    let long = scene.puppet.data(&[1; 101]);
    assert_eq!(scene.give(&long).len(), 1, "a server that does not know the extension does not keep to it");
}

fn is_held_to_100<S>(scene: &mut Scene<S>) {
    let long = scene.puppet.data(&[1; 101]);
    assert!(scene.give(&long).is_empty());
    assert_eq!(scene.subject.dropped(DiscardReason::OversizedRecord), 1);
    let whole = scene.puppet.data(&[1; 100]);
    assert_eq!(scene.give(&whole), [vec![1; 100]]);
    scene.carries_data();
}

// ---- max_fragment_length ----

/// EXP-26: a server that knows record_size_limit passes over the other one, even if that stands for nothing.
#[test]
fn a_record_size_limit_goes_before_a_fragment_length() {
    for code in [1, 9] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[code]);
        scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[4, 0]);
        scene.send_hello();
        let hello = scene.hear_server_hello();
        let extensions = ServerHello::decode(&hello).unwrap().extensions;
        assert_eq!(extensions.find(MAX_FRAGMENT_LENGTH), None);
        assert_eq!(extensions.find(RECORD_SIZE_LIMIT), Some(&[0x40, 0][..]));
        scene.say_last_flight();
        sends_at_most(&mut scene, 1024);
    }
}

/// EXP-26: a server that answers both contradicts itself.
#[test]
fn an_answer_with_both_limits_is_illegal() {
    for mode in MODES {
        let mut scene = client(mode, |options| options.max_fragment_length(MaxFragmentLength::Bytes512));
        scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[1]);
        scene.script.hello.extensions.set(RECORD_SIZE_LIMIT, &[2, 0]);
        scene.send_flight();
        scene.fails(PeerMisbehaved::ServerLimitedRecordsTwice, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// EXP-27: each length is echoed and kept, in both directions; what stands for none is illegal.
#[test]
fn a_server_keeps_to_the_fragment_length_of_its_client() {
    for (code, bytes) in [(1, 512), (2, 1024), (3, 2048), (4, 4096)] {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[code]);
        scene.send_hello();
        assert_eq!(answered(&mut scene, MAX_FRAGMENT_LENGTH), Some(vec![code]));
        scene.say_last_flight();
        sends_at_most(&mut scene, bytes);
        let long = scene.puppet.data(&vec![1; bytes + 1]);
        assert!(scene.give(&long).is_empty());
        let whole = scene.puppet.data(&vec![1; bytes]);
        assert_eq!(scene.give(&whole).len(), 1);
    }
    for mode in MODES {
        for code in [0, 5, 255] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[code]);
            scene.send_hello();
            scene.fails(PeerMisbehaved::InvalidMaxFragmentLength(code), AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// EXP-27: the same length or none.
#[test]
fn a_client_takes_its_own_fragment_length_alone() {
    let asks = |options: TransportOptions| options.max_fragment_length(MaxFragmentLength::Bytes512);
    let mut scene = client(Mode::Wary, asks);
    scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[1]);
    scene.connect();
    sends_at_most(&mut scene, 512);

    let mut scene = client(Mode::Wary, asks);
    scene.connect();
    sends_at_most(&mut scene, ROOM);

    for mode in MODES {
        for code in [0, 2, 4, 5, 255] {
            let mut scene = client(mode, asks);
            scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[code]);
            scene.send_flight();
            scene.fails(PeerMisbehaved::ServerChangedMaxFragmentLength(code), AlertDescription::ILLEGAL_PARAMETER);
        }
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[1]);
        scene.send_flight();
        let error = PeerMisbehaved::ServerSentUnofferedExtension(MAX_FRAGMENT_LENGTH);
        scene.fails(error, AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

/// EXP-27: handshake messages are cut as well, on both sides; a server here answers record_size_limit instead, so a
/// client made by hand asks it, and a server made by hand asks our client.
#[test]
fn handshake_messages_keep_to_the_fragment_length() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.suites = vec![CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256.0];
    scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[1]);
    scene.send_hello();
    is_cut_to(512, &scene.subject.take());

    let mut scene = ClientScene::with(Mode::Wary, |config| {
        config.identity(RSA.clone()).transport(transport().max_fragment_length(MaxFragmentLength::Bytes512))
    });
    scene.script.hello.extensions.set(MAX_FRAGMENT_LENGTH, &[1]);
    // rsa_sign, rsa_pss_rsae_sha256, and no issuer in particular.
    scene.script.certificate_request = Some(vec![1, 1, 0, 2, 8, 4, 0, 0]);
    scene.send_flight();
    is_cut_to(512, &scene.subject.take());
}

#[track_caller]
fn is_cut_to(most: usize, flight: &[Vec<u8>]) {
    let lengths: Vec<usize> = flight
        .iter()
        .flat_map(|datagram| crate::inspect::records(datagram))
        .filter(|record| !record.is_protected())
        .flat_map(|record| record.fragments().map(|fragment| 12 + fragment.bytes.len()).collect::<Vec<_>>())
        .collect();
    assert_eq!(lengths.iter().max(), Some(&most), "{lengths:?}");
}

// ---- with connection IDs ----

/// A server that takes 100 bytes, and puts a connection ID of its client's into its records.
fn server_with_ids(extension: ExtensionType, data: &[u8]) -> ServerScene {
    let mut scene = ServerScene::with(Mode::Trusting, |config| {
        config.transport(transport().record_size_limit(100)).connection_ids(Arc::new(RandomIds::of_len(5)))
    });
    scene.script.hello.extensions.set(ExtensionType::CONNECTION_ID, b"\x03its");
    scene.script.hello.extensions.set(extension, data);
    scene.send_hello();
    let hello = scene.hear_server_hello();
    let answer = ServerHello::decode(&hello).unwrap().extensions.connection_id().unwrap().unwrap();
    scene.puppet.cids = ConnectionIds::new(ConnectionId::new(b"its").unwrap(), answer);
    scene.say_last_flight();
    scene
}

/// Whether a record arrives that has so much content, and so many zeros behind its type.
fn arrives(scene: &mut ServerScene, sequence: u64, content_len: usize, zeros: usize) -> bool {
    let cid = scene.puppet.cids.peer.as_bytes().to_vec();
    let inner = [vec![1; content_len], vec![ContentType::APPLICATION_DATA.0], vec![0; zeros]].concat();
    let record = scene.puppet.sealed_with_cid(sequence, &cid, &inner);
    match &*scene.give(&record) {
        [] => false,
        [data] => data.len() == content_len,
        _ => panic!("one record"),
    }
}

/// EXP-24, EXP-25 (RFC 8449 section 4, RFC 9146 section 5.3): what is encrypted along with the content counts.
#[test]
fn a_record_size_limit_counts_the_type_and_padding_of_records_with_connection_ids() {
    let mut scene = server_with_ids(RECORD_SIZE_LIMIT, &[0, 64]);
    sends_at_most(&mut scene, 63);
    let cases = [(99, 0, true), (100, 0, false), (50, 49, true), (50, 50, false), (1, 98, true), (1, 99, false)];
    for (sequence, (content_len, zeros, expected)) in (10..).zip(cases) {
        assert_eq!(arrives(&mut scene, sequence, content_len, zeros), expected, "{content_len} and {zeros}");
    }
    assert_eq!(scene.subject.dropped(DiscardReason::OversizedRecord), 3);
    scene.carries_data();
}

/// EXP-27 (RFC 6066 section 4): it limits what the record layer is given, which has no type and no padding yet.
#[test]
fn a_fragment_length_counts_the_content_alone() {
    let mut scene = server_with_ids(MAX_FRAGMENT_LENGTH, &[1]);
    sends_at_most(&mut scene, 512);
    let cases = [(512, 0, true), (512, 1000, true), (513, 0, false), (513, 1, false)];
    for (sequence, (content_len, zeros, expected)) in (10..).zip(cases) {
        assert_eq!(arrives(&mut scene, sequence, content_len, zeros), expected, "{content_len} and {zeros}");
    }
    assert_eq!(scene.subject.dropped(DiscardReason::OversizedRecord), 2);
    scene.carries_data();
}

// ---- together ----

/// Two real ends after a handshake.
fn meet(mut client: Subject, mut server: Subject) -> (Subject, Subject) {
    for _ in 0..10 {
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
    }
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
    (client, server)
}

/// MTU-08, EXP-24, CID-14: with every suite, and with connection IDs or without: the longest payload fits the datagram and
/// the limit exactly, and one byte more does not.
#[test]
fn the_longest_payload_is_exact_for_every_suite_path_limit_and_connection_id() {
    for suite in ring::provider().suites {
        for id_len in [None, Some(0), Some(1), Some(255)] {
            let (mut client, mut server) = meet_with(suite.code, id_len);
            let inner_type_len = usize::from(id_len > Some(0));
            let id_overhead = usize::from(id_len.unwrap_or(0)) + inner_type_len;
            let overhead = 13 + suite.nonce.explicit_len() + suite.aead.tag_len() + id_overhead;
            let mut out = vec![0; 20_000];
            for (from, limit) in [(&mut client.connection, 1100), (&mut server.connection, 16_384)] {
                assert_eq!(from.max_overhead(), overhead);
                for mtu in [MIN_MTU, 65, 100, 548, 1100, 1122, 1200, 1472, 9000, 16_000, 20_000] {
                    from.set_mtu(mtu);
                    let room = mtu.max(MIN_MTU + id_overhead) - overhead;
                    let most = from.max_payload();
                    assert_eq!(most, room.min(limit - inner_type_len), "{} with {id_len:?} at {mtu}", suite.code);
                    let payload = vec![7; most + 1];
                    assert_eq!(from.send(&payload[..most], &mut out), Ok(most + overhead));
                    assert_eq!(from.send(&payload, &mut out), Err(SendError::TooLong { most }));
                }
            }
        }
    }
}

/// Two real ends with this suite and, if they want any, connection IDs of this length; the server takes 1100 bytes.
fn meet_with(suite: CipherSuite, id_len: Option<u8>) -> (Subject, Subject) {
    let key = PresharedKey::new(b"0123456789abcdef").unwrap();
    let mut client = ClientConfig::builder(ring::provider(), verifier())
        .preshared_key(b"id", key.clone())
        .cipher_suites(&[suite])
        .transport(transport());
    let mut server = ServerConfig::builder(ring::provider(), P256.clone())
        .identity(RSA.clone())
        .preshared_keys(Arc::new(BTreeMap::from([(b"id".to_vec(), key)])))
        .cipher_suites(&[suite])
        .transport(transport().record_size_limit(1100));
    if let Some(len) = id_len {
        client = client.connection_ids(Arc::new(RandomIds::of_len(len)));
        server = server.connection_ids(Arc::new(RandomIds::of_len(len)));
    }
    meet(Subject::client_of(client), Subject::server_of(server))
}

/// EXP-23 (RFC 8449 section 4): a session that is taken up again does not bring its limits along.
#[test]
fn each_connection_settles_its_own_limits() {
    let capacity = NonZeroUsize::new(4).unwrap();
    let kept = Arc::new(MemoryClientSessions::new(capacity));
    let store = Arc::new(MemoryServerSessions::new(capacity));
    let judge = verifier();
    for (round, (ours, theirs)) in [(200, 300), (400, 500), (16_384, 16_384)].into_iter().enumerate() {
        let client = ClientConfig::builder(ring::provider(), judge.clone())
            .sessions(kept.clone())
            .transport(transport().record_size_limit(ours));
        let server = ServerConfig::builder(ring::provider(), P256.clone())
            .sessions(store.clone())
            .transport(transport().record_size_limit(theirs));
        let (client, server) = meet(Subject::client_of(client), Subject::server_of(server));
        assert_eq!(client.connection.session().unwrap().resumed, round > 0);
        let room = 16_000 - client.connection.max_overhead();
        assert_eq!(client.connection.max_payload(), room.min(theirs.into()));
        assert_eq!(server.connection.max_payload(), room.min(ours.into()));
    }
}

/// EXP-24: a flight under keys keeps to the limit too: a resumed server's Finished is short enough for the least of them.
#[test]
fn the_least_limit_leaves_room_for_the_handshake() {
    let options = transport().record_size_limit(64).mtu(MIN_MTU);
    let client = ClientConfig::builder(ring::provider(), verifier()).transport(options);
    let server = ServerConfig::builder(ring::provider(), P256.clone()).transport(options);
    let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
    for _ in 0..100 {
        client.wait(core::time::Duration::from_millis(20));
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.wait(core::time::Duration::from_millis(20));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
    }
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
}
