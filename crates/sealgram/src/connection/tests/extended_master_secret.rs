//! The extended master secret (RFC 7627): the keys belong to this handshake and no other.
//!
//! What can go wrong: one side does without and the other does not notice; the hash is taken at another point than the
//! peer takes it; without it, an exporter hands out what two different handshakes may share.

use super::*;
use crate::code::{AlertDescription, ExtensionType};
use crate::crypto::ExportError;
use crate::error::PeerIncompatible;
use crate::wire::hello::{ClientHello, ServerHello};

const EXTENSION: ExtensionType = ExtensionType::EXTENDED_MASTER_SECRET;

/// EMS-01, EMS-02, EMS-03: offered, answered, and computed as the puppet computes it.
#[test]
fn both_sides_bind_their_keys_to_the_handshake() {
    let mut scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), Some(&[][..]));
    scene.connect();
    scene.carries_data();
    assert!(scene.subject.connection.session().unwrap().extended_master_secret);

    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let hello = scene.hear_server_hello();
    assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION), Some(&[][..]));

    let mut scene = ServerScene::connected(Mode::Wary);
    scene.carries_data();
    assert!(scene.subject.connection.session().unwrap().extended_master_secret);
}

/// EMS-03: the hash ends with ClientKeyExchange, an empty client Certificate before it included.
#[test]
fn the_session_hash_has_the_client_certificate_in_it() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.script.certificate_request = Some(certificate::REQUEST.to_vec());
    scene.connect();
    scene.carries_data();
}

/// EMS-04: a client without it is refused, unless it is allowed; then nothing is answered that was not asked.
#[test]
fn a_client_without_it_is_refused_by_default() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.script.hello.extensions.remove(EXTENSION);
        scene.send_hello();
        scene.fails(PeerIncompatible::ExtendedMasterSecretRequired, AlertDescription::HANDSHAKE_FAILURE);

        let mut scene = ServerScene::with(mode, |config| config.danger().allow_legacy_master_secret());
        scene.script.hello.extensions.remove(EXTENSION);
        scene.send_hello();
        let hello = scene.hear_server_hello();
        assert_eq!(ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION), None);
    }
}

/// EMS-05: a server without it is refused, unless it is allowed.
#[test]
fn a_server_without_it_is_refused_by_default() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.remove(EXTENSION);
        scene.send_flight();
        scene.fails(PeerIncompatible::ExtendedMasterSecretRequired, AlertDescription::HANDSHAKE_FAILURE);
    }
}

/// EMS-12, EXP-04, KEX-17: without it the handshake works where allowed, and exports nothing.
#[test]
fn without_it_there_is_no_exporter() {
    let mut client = ClientScene::with(Mode::Wary, |config| config.danger().allow_legacy_master_secret());
    client.script.hello.extensions.remove(EXTENSION);
    client.connect();
    client.carries_data();

    let mut server = ServerScene::with(Mode::Wary, |config| config.danger().allow_legacy_master_secret());
    server.script.hello.extensions.remove(EXTENSION);
    server.connect();
    server.carries_data();

    for connection in [&client.subject.connection, &server.subject.connection] {
        assert!(!connection.session().unwrap().extended_master_secret);
        let exported = connection.export_keying_material(b"EXPORTER-test", None, &mut [0; 32]);
        assert_eq!(exported, Err(ExportError::NotAvailable));
    }
}
