//! Exported keying material (RFC 5705), compared with what the puppet computes from the same secrets.
//!
//! What can go wrong: the two ends differ, two associations do not, or a label of the protocol's own is exported. That
//! there is none before the peer's Finished is in `finished.rs`, that there is none without the extended master secret in
//! `extended_master_secret.rs`.

use alloc::vec::Vec;

use super::*;
use crate::connection::tests::scene::Scene;
use crate::crypto::ExportError;

/// The lengths that DTLS-SRTP wants (RFC 5764 section 4.2), and others.
const LENGTHS: [usize; 4] = [16, 32, 60, 200];

fn export<S>(scene: &Scene<S>, label: &[u8], context: Option<&[u8]>, len: usize) -> Vec<u8> {
    let mut out = alloc::vec![0; len];
    scene.subject.connection.export_keying_material(label, context, &mut out).unwrap();
    out
}

/// EXP-01, EXP-04: PRF over both randoms, and the context if there is one.
#[test]
fn both_ends_export_the_same() {
    let mut client = ClientScene::new(Mode::Wary);
    client.script.hello.suite = crate::code::CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    client.connect();
    let client_random = crate::wire::hello::ClientHello::decode(&client.script.client_hello).unwrap().random;
    let randoms = [client_random, client.script.hello.random].concat();
    check(&client, &randoms);

    let mut server = ServerScene::new(Mode::Wary);
    server.send_hello();
    let hello = server.hear_server_hello();
    let server_random = crate::wire::hello::ServerHello::decode(&hello).unwrap().random;
    server.say_last_flight();
    let randoms = [server.script.hello.random, server_random].concat();
    check(&server, &randoms);
}

fn check<S>(scene: &Scene<S>, randoms: &[u8]) {
    let secrets = scene.puppet.secrets();
    for len in LENGTHS {
        for context in [None, Some(&b""[..]), Some(b"context")] {
            let seed = match context {
                None => randoms.to_vec(),
                Some(context) => [randoms, &*scene::vec16(context)].concat(),
            };
            let mut expected = alloc::vec![0; len];
            secrets.master.expand(secrets.suite.hash, b"EXPORTER-test", &[&seed], &mut expected);
            assert_eq!(export(scene, b"EXPORTER-test", context, len), expected);
        }
    }
}

/// A dropped exporter does not come back, and the association goes on without it.
#[test]
fn a_dropped_exporter_is_gone() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.subject.connection.drop_exporter();
    scene.connect();
    assert_eq!(export(&scene, b"EXPORTER-test", None, 16).len(), 16, "before the end of the handshake it is nothing");
    scene.subject.connection.drop_exporter();
    let exported = scene.subject.connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 16]);
    assert_eq!(exported, Err(ExportError::NotAvailable));
    scene.carries_data();
}

/// EXP-02: no context and an empty one differ.
#[test]
fn an_empty_context_is_one() {
    let scene = ClientScene::connected(Mode::Wary);
    assert_ne!(export(&scene, b"EXPORTER-test", None, 32), export(&scene, b"EXPORTER-test", Some(b""), 32));
}

/// EXP-03: the protocol's own labels stay its own.
#[test]
fn labels_of_the_protocol_are_refused() {
    let scene = ServerScene::connected(Mode::Wary);
    for label in ["client finished", "server finished", "master secret", "key expansion", "extended master secret"] {
        let exported = scene.subject.connection.export_keying_material(label.as_bytes(), None, &mut [0; 32]);
        assert_eq!(exported, Err(ExportError::ReservedLabel));
    }
}

/// EXP-04: another association, another secret; and after the end, none.
#[test]
fn associations_do_not_share_exports() {
    let (mut one, other) = (ClientScene::connected(Mode::Wary), ClientScene::connected(Mode::Wary));
    assert_ne!(export(&one, b"EXPORTER-test", None, 32), export(&other, b"EXPORTER-test", None, 32));
    one.subject.connection.close();
    let exported = one.subject.connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 32]);
    assert_eq!(exported, Err(ExportError::NotConnected));
}
