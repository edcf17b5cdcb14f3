//! Keys shared beforehand (RFC 4279, RFC 5489).
//!
//! What can go wrong: the two sides form different secrets; a stranger learns which identities exist; a wrong key looks
//! like a silent path; a decision that takes its time breaks the handshake.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::identities::{P256, verifier};
use super::subject::{Subject, transport};
use super::{ClientScene, MODES, certificate};
use crate::code::{AlertDescription, CipherSuite, ExtensionType, HandshakeType, NamedGroup};
use crate::config::{ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder};
use crate::crypto::KeyExchange;
use crate::decision::{Answer, ApiMisuse, Decision, Reply};
use crate::error::{Error, PeerMisbehaved};
use crate::event::{Event, Status};
use crate::provider::ring;
use crate::psk::{PresharedKey, PresharedKeys};

fn key(byte: u8) -> PresharedKey {
    PresharedKey::new(&[byte; 16]).unwrap()
}

fn keys() -> Arc<dyn PresharedKeys> {
    Arc::new(BTreeMap::from([(b"device 7".to_vec(), key(7)), (Vec::new(), key(8))]))
}

fn client(identity: &[u8], key: PresharedKey, suites: &[CipherSuite]) -> ClientConfigBuilder {
    let config = ClientConfig::builder_with_psk(ring::provider(), identity, key).transport(transport());
    if suites.is_empty() { config } else { config.cipher_suites(suites) }
}

fn server(keys: Arc<dyn PresharedKeys>, suites: &[CipherSuite]) -> ServerConfigBuilder {
    let config = ServerConfig::builder_with_psk(ring::provider(), keys).transport(transport());
    if suites.is_empty() { config } else { config.cipher_suites(suites) }
}

/// Carries datagrams back and forth until both sides are silent.
fn settle(client: &mut Subject, server: &mut Subject) {
    for _ in 0..10 {
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        server.take().iter().for_each(|datagram| _ = client.give(datagram));
    }
}

fn ends(client: ClientConfigBuilder, server: ServerConfigBuilder) -> (Subject, Subject) {
    (Subject::client_of(client), Subject::server_of(server))
}

/// PSK-01 .. PSK-04: every suite, and what both sides then know of each other.
#[test]
fn both_sides_of_every_psk_suite_connect() {
    let suites = ring::provider().suites.iter().filter(|suite| suite.key_exchange.authentication().is_none());
    for suite in suites {
        let (mut client, mut server) = ends(client(b"device 7", key(7), &[suite.code]), server(keys(), &[suite.code]));
        settle(&mut client, &mut server);
        for end in [&client, &server] {
            assert_eq!(end.status(), Status::Connected, "{suite:?}");
            let session = end.connection.session().unwrap();
            assert_eq!(session.cipher_suite, suite.code);
            assert_eq!(session.psk_identity.as_deref(), Some(&b"device 7"[..]));
            assert_eq!(session.group.is_some(), suite.key_exchange == KeyExchange::EcdhePsk);
        }
        let (mut ours, mut theirs) = ([0; 32], [1; 32]);
        client.connection.export_keying_material(b"EXPORTER-test", None, &mut ours).unwrap();
        server.connection.export_keying_material(b"EXPORTER-test", None, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
    }
}

/// PSK-12: plain PSK only where both sides name it; PSK-06: an identity may be empty.
#[test]
fn plain_psk_is_used_by_name_only() {
    let (mut client, mut server) = ends(client(b"", key(8), &[]), server(keys(), &[]));
    settle(&mut client, &mut server);
    let suite = client.connection.session().unwrap().cipher_suite;
    assert_eq!(ring::provider().suite(suite).unwrap().key_exchange, KeyExchange::EcdhePsk);
}

/// PSK-05: a hint changes nothing.
#[test]
fn a_hint_is_sent_and_ignored() {
    for suite in [CipherSuite::PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256] {
        let with_hint = server(keys(), &[suite]).psk_identity_hint(b"call yourself something else");
        let (mut client, mut server) = ends(client(b"device 7", key(7), &[suite]), with_hint);
        settle(&mut client, &mut server);
        assert_eq!(client.status(), Status::Connected);
        assert_eq!(server.connection.session().unwrap().psk_identity.as_deref(), Some(&b"device 7"[..]));
    }
}

/// PSK-07, PSK-08, PSK-09: a wrong key is told as such after three repeats; who asks for an unknown identity sees the
/// same, to the byte count.
#[test]
fn a_wrong_key_and_an_unknown_identity_look_alike() {
    let outcomes = [(&b"device 7"[..], key(9)), (b"device 8", key(9))].map(|(identity, key)| {
        let (mut client, mut server) = ends(client(identity, key, &[]), server(keys(), &[]));
        let mut sent = Vec::new();
        for _ in 0..40 {
            client.take().iter().for_each(|datagram| _ = server.give(datagram));
            let answer = server.take();
            sent.extend(answer.iter().map(Vec::len));
            answer.iter().for_each(|datagram| _ = client.give(datagram));
            if !server.is_alive() {
                break;
            }
            client.wait(Duration::from_millis(500));
            server.wait(Duration::from_millis(500));
        }
        let reason = server.connection.close_reason().copied().expect("it gives up");
        assert_eq!(reason.error(), Some(&Error::from(PeerMisbehaved::WrongPresharedKey)));
        assert_eq!(server.now, client.now);
        (sent, server.now)
    });
    assert_eq!(outcomes[0], outcomes[1]);
}

/// PSK-07: unless the configuration says so.
#[test]
fn an_unknown_identity_is_revealed_where_that_is_wanted() {
    let revealing = server(keys(), &[]).reveal_unknown_identity(true);
    let (mut client, mut server) = ends(client(b"device 8", key(7), &[]), revealing);
    client.take().iter().for_each(|datagram| _ = server.give(datagram));
    server.take().iter().for_each(|datagram| _ = client.give(datagram));
    client.take().iter().for_each(|datagram| _ = server.give(datagram));
    let reason = server.connection.close_reason().copied().unwrap();
    assert_eq!(reason.error(), Some(&crate::error::PeerIncompatible::UnknownPskIdentity.into()));
}

/// A server with a certificate and keys serves both kinds of clients, and a client with a verifier and a key takes
/// either.
#[test]
fn certificates_and_preshared_keys_live_side_by_side() {
    let both = || ServerConfig::builder(ring::provider(), P256.clone()).preshared_keys(keys()).transport(transport());
    let (mut by_key, mut server) = ends(client(b"device 7", key(7), &[]), both());
    settle(&mut by_key, &mut server);
    assert!(server.connection.session().unwrap().psk_identity.is_some());
    let by_certificate = ClientConfig::builder(ring::provider(), verifier()).preshared_key(b"device 7", key(7));
    let (mut by_certificate, mut server) = ends(by_certificate.transport(transport()), both());
    settle(&mut by_certificate, &mut server);
    assert_eq!(server.status(), Status::Connected);
    assert!(!by_certificate.connection.session().unwrap().peer_certificates.is_empty(), "our order of preference");
}

#[derive(Debug)]
struct Slow;

impl PresharedKeys for Slow {
    fn find(&self, _: &[u8]) -> Reply<Option<PresharedKey>> {
        Reply::Later
    }
}

/// A key that is looked up elsewhere: the server waits without timers, and answers once it is there.
#[test]
fn a_key_may_come_later() {
    let (mut client, mut server) = ends(client(b"device 7", key(7), &[]), server(Arc::new(Slow), &[]));
    settle(&mut client, &mut server);
    let [Event::Needs { id, decision }] = &*server.events() else { panic!("a decision") };
    assert_eq!(*decision, Decision::PresharedKey { identity: b"device 7".to_vec() });
    // Only the deadline of the whole handshake runs, and what the client repeats is not answered.
    client.wait(Duration::from_secs(1));
    client.take().iter().for_each(|datagram| _ = server.give(datagram));
    server.wait(Duration::from_secs(30));
    assert!(server.take().is_empty() && server.is_alive());
    let stale = crate::decision::DecisionId::FIRST.next();
    let answer = || Answer::PresharedKey(Some(key(7)));
    assert_eq!(server.connection.resume(server.now, stale, answer()), Err(ApiMisuse::NotOpen));
    assert_eq!(server.connection.resume(server.now, *id, answer()), Ok(()));
    assert_eq!(server.connection.resume(server.now, *id, answer()), Err(ApiMisuse::NotOpen));
    settle(&mut client, &mut server);
    assert_eq!((client.status(), server.status()), (Status::Connected, Status::Connected));
}

/// A decision that is never made ends with the handshake's deadline.
#[test]
fn a_decision_that_never_comes_ends_at_the_deadline() {
    let (mut client, mut server) = ends(client(b"device 7", key(7), &[]), server(Arc::new(Slow), &[]));
    settle(&mut client, &mut server);
    let [Event::Needs { id, .. }] = &*server.events() else { panic!("a decision") };
    server.expire();
    assert!(!server.is_alive());
    let answer = Answer::PresharedKey(Some(key(7)));
    assert_eq!(server.connection.resume(server.now, *id, answer), Err(ApiMisuse::NotOpen));
}

/// CRT-11: nobody is asked for a certificate where nobody shows one, though the configuration asks others.
#[test]
fn a_server_asks_for_no_certificate_beside_a_preshared_key() {
    for suite in [CipherSuite::PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256] {
        let config = ServerConfig::builder(ring::provider(), P256.clone())
            .preshared_keys(keys())
            .require_client_certificate(verifier())
            .cipher_suites(&[suite, CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256])
            .transport(transport());
        let (mut client, mut server) = ends(client(b"device 7", key(7), &[suite]), config);
        client.take().iter().for_each(|datagram| _ = server.give(datagram));
        let flight = server.take();
        let records = flight.iter().flat_map(|datagram| crate::inspect::records(datagram));
        let types: Vec<_> = records.flat_map(|record| record.fragments()).map(|fragment| fragment.msg_type).collect();
        assert_eq!(types.first(), Some(&HandshakeType::SERVER_HELLO));
        assert!(!types.contains(&HandshakeType::CERTIFICATE_REQUEST) && !types.contains(&HandshakeType::CERTIFICATE));
        flight.iter().for_each(|datagram| _ = client.give(datagram));
        settle(&mut client, &mut server);
        assert_eq!(server.status(), Status::Connected);
    }
}

/// KEX-01: the ephemeral key beside a preshared one is of a named group too, and of one that was offered.
#[test]
fn the_group_beside_a_preshared_key_was_offered() {
    let no_hint = [0, 0];
    let explicit_prime = [&no_hint[..], &[1, 0, 1, 7]].concat();
    let of_p521 = [&no_hint[..], &[3, 0, 25, 3, 4, 5, 6]].concat();
    let suite = CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256;
    for (exchange, error) in [
        (explicit_prime, PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup),
        (of_p521, PeerMisbehaved::ServerSelectedUnofferedGroup(NamedGroup(25))),
    ] {
        for mode in MODES {
            let mut scene =
                ClientScene::with(mode, |config| config.preshared_key(b"device 7", key(7)).cipher_suites(&[suite]));
            scene.script.hello.suite = suite;
            let hello = scene.script.hello.encode();
            scene.send(&[(HandshakeType::SERVER_HELLO, hello), (HandshakeType::SERVER_KEY_EXCHANGE, exchange.clone())]);
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// CRT-11 at the client: such a request is refused.
#[test]
fn a_client_refuses_to_show_a_certificate_beside_a_preshared_key() {
    for mode in MODES {
        for suite in [CipherSuite::PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256] {
            let mut scene =
                ClientScene::with(mode, |config| config.preshared_key(b"device 7", key(7)).cipher_suites(&[suite]));
            scene.script.hello.suite = suite;
            scene.script.hello.extensions.remove(ExtensionType::EC_POINT_FORMATS);
            let hello = scene.script.hello.encode();
            let request = certificate::REQUEST.to_vec();
            scene.send(&[(HandshakeType::SERVER_HELLO, hello), (HandshakeType::CERTIFICATE_REQUEST, request)]);
            let error = PeerMisbehaved::CertificateRequestWithoutCertificate;
            scene.doubts(error, AlertDescription::HANDSHAKE_FAILURE);
        }
    }
}
