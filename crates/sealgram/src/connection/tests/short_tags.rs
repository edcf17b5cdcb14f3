//! Suites with tags of 8 bytes (RFC 6655 section 4).
//!
//! What can go wrong: they are used by who did not ask for them; a forger gets as many attempts as at a long tag; or so
//! few that a handful of datagrams ends the association.

use alloc::vec::Vec;

use super::subject::{Subject, transport};
use super::*;
use crate::code::{AlertDescription, CipherSuite, ContentType};
use crate::config::{ClientConfig, MIN_SHORT_TAG_FORGERIES, ServerConfig, TransportOptions};
use crate::connection::tests::identities::{P256, verifier};
use crate::connection::tests::puppet::framed;
use crate::error::{Error, KeyLimit, PeerIncompatible};
use crate::event::{CloseReason, Status};
use crate::provider::ring;
use crate::wire::hello::ClientHello;

const LONG: CipherSuite = CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM;
const SHORT: CipherSuite = CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8;

/// AEA-16: neither end uses one that is not named, whatever the other end would like.
#[test]
fn short_tags_are_used_by_name_only() {
    let offer = |scene: &ClientScene| {
        let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
        [LONG, SHORT].map(|suite| hello.cipher_suites.contains(suite))
    };
    assert_eq!(offer(&ClientScene::new(Mode::Wary)), [true, false]);
    assert_eq!(offer(&ClientScene::with(Mode::Wary, |config| config.cipher_suites(&[SHORT]))), [false, true]);

    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.suites = [SHORT.0].to_vec();
    scene.send_hello();
    scene.fails(PeerIncompatible::NoCommonCipherSuite, AlertDescription::HANDSHAKE_FAILURE);
}

/// AEA-16: as many forgeries as the configuration says, and no more; what is true does not bring them back.
#[test]
fn short_tags_see_few_forgeries() {
    let options = transport().max_short_tag_forgeries(MIN_SHORT_TAG_FORGERIES);
    let [mut client, mut server] = connected(SHORT, options);
    let forgery = framed(ContentType::APPLICATION_DATA, 1, 77, &[7; 30]);
    for _ in 1..MIN_SHORT_TAG_FORGERIES {
        assert!(server.give(&forgery).is_empty());
    }
    let mut out = [0; 100];
    let len = client.connection.send(b"true", &mut out).unwrap();
    assert_eq!((server.give(&out[..len]), server.status()), (Vec::from([b"true".to_vec()]), Status::Connected));

    server.give(&forgery);
    let error = server.connection.close_reason().and_then(CloseReason::error);
    assert!(matches!(error, Some(Error::KeyLimit(KeyLimit::Integrity))), "{error:?}");
}

/// AEA-14, AEA-15: the setting for short tags says nothing about long ones.
#[test]
fn long_tags_keep_their_limit() {
    let options = transport().max_short_tag_forgeries(MIN_SHORT_TAG_FORGERIES);
    let [_, mut server] = connected(LONG, options);
    let forgery = framed(ContentType::APPLICATION_DATA, 1, 77, &[7; 38]);
    for _ in 0..=MIN_SHORT_TAG_FORGERIES {
        assert!(server.give(&forgery).is_empty());
    }
    assert_eq!(server.status(), Status::Connected);
}

/// A client and a server that are done with their handshake, under this suite.
fn connected(suite: CipherSuite, transport: TransportOptions) -> [Subject; 2] {
    let client = ClientConfig::builder(ring::provider(), verifier()).cipher_suites(&[suite]).transport(transport);
    let server = ServerConfig::builder(ring::provider(), P256.clone()).cipher_suites(&[suite]).transport(transport);
    let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
    for _ in 0..4 {
        client.take().iter().for_each(|datagram| assert!(server.give(datagram).is_empty()));
        server.take().iter().for_each(|datagram| assert!(client.give(datagram).is_empty()));
    }
    assert_eq!(client.connection.session().unwrap().cipher_suite, suite);
    [client, server]
}
