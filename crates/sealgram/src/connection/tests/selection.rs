//! What a server chooses out of a client's offer, where suites, groups, certificates and schemes must fit together.
//!
//! What can go wrong: a suite is chosen for which nothing else fits; a signature is made under a scheme that the client
//! does not know; a value that only signals something is taken for a suite. And the other way round: the client
//! advertises what it cannot do.

use alloc::vec::Vec;

use super::identities::{ED25519, P256, P384, RSA};
use super::*;
use crate::code::{AlertDescription, CipherSuite, ExtensionType, HandshakeType, NamedGroup, SignatureScheme};
use crate::config::Identity;
use crate::connection::tests::scene::codes;
use crate::crypto::KeyAlgorithm;
use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::provider::ring;
use crate::wire::hello::{ClientHello, ServerHello};
use crate::wire::key_exchange::ServerKeyExchange;

const ECDSA_AES_128: u16 = 0xc02b;
const RSA_AES_128: u16 = 0xc02f;

/// The suite and the scheme that a server with a P-256 and an RSA certificate chooses.
fn choice(offer: impl FnOnce(&mut ServerScene)) -> (u16, u16) {
    let mut scene = ServerScene::new(Mode::Wary);
    offer(&mut scene);
    scene.send_hello();
    let flight = scene.hear_flight();
    let body = |msg_type| &*flight.iter().find(|message| message.msg_type == msg_type).unwrap().body;
    let suite = ServerHello::decode(body(HandshakeType::SERVER_HELLO)).unwrap().cipher_suite;
    let exchange = ServerKeyExchange::decode(body(HandshakeType::SERVER_KEY_EXCHANGE)).unwrap();
    let ServerKeyExchange::Named(key) = exchange else { panic!("a named group") };
    (suite.0, key.scheme.0)
}

#[track_caller]
fn is_refused(error: PeerIncompatible, offer: impl Fn(&mut ServerScene)) {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        offer(&mut scene);
        scene.send_hello();
        scene.fails(error, AlertDescription::HANDSHAKE_FAILURE);
    }
}

/// NEG-04, NEG-07, BCP-01, BCP-02, BCP-03, BCP-07: CBC, RC4, static RSA, DHE, NULL, anonymous ones, and what is no suite.
#[test]
fn without_a_common_suite_the_handshake_fails() {
    let offers: [&[u16]; 8] = [
        &[0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc027],
        &[0x0004, 0x0005, 0xc007, 0xc011],
        &[0x002f, 0x0035, 0x009c, 0x009d],
        &[0x0033, 0x009e, 0x009f, 0xccaa],
        &[0x0000, 0x0001, 0xc006, 0xc010],
        &[0xc018, 0x006c],
        &[0x00ff, 0x5600],
        &[0x1301, 0x1302, 0x0a0a],
    ];
    for offer in offers {
        is_refused(PeerIncompatible::NoCommonCipherSuite, |scene| scene.script.hello.suites = offer.to_vec());
    }
}

/// BCP-03, BCP-04: CBC and its repairs are not wanted, and in nobody's way.
#[test]
fn our_own_order_decides() {
    assert_eq!(choice(|_| {}).0, ECDSA_AES_128);
    assert_eq!(choice(|scene| scene.script.hello.suites.reverse()).0, ECDSA_AES_128);
    assert_eq!(choice(|scene| scene.script.hello.suites = [0xc014, 0xc030, 0xc02c].to_vec()).0, 0xc02c);
}

/// NEG-13: without signature_algorithms a client would mean SHA-1.
#[test]
fn a_client_must_say_which_signatures_it_knows() {
    is_refused(PeerIncompatible::NoCommonCipherSuite, |scene| {
        scene.script.hello.extensions.remove(ExtensionType::SIGNATURE_ALGORITHMS);
    });
}

/// NEG-18: points that we do not speak. Absence means uncompressed ones.
#[test]
fn a_client_must_take_uncompressed_points() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.script.hello.extensions.set(ExtensionType::EC_POINT_FORMATS, &[1, 1]);
        scene.send_hello();
        scene.fails(PeerMisbehaved::ClientOffersNoUncompressedPoints, AlertDescription::ILLEGAL_PARAMETER);
    }
    for formats in [Some(&[2, 1, 0][..]), Some(&[1, 0]), None] {
        let mut scene = ServerScene::new(Mode::Wary);
        match formats {
            Some(formats) => scene.script.hello.extensions.set(ExtensionType::EC_POINT_FORMATS, formats),
            None => scene.script.hello.extensions.remove(ExtensionType::EC_POINT_FORMATS),
        }
        scene.connect();
    }
}

/// NEG-19: no group, no ECDHE. A client that does not say takes any.
#[test]
fn a_group_must_be_shared() {
    is_refused(PeerIncompatible::NoCommonGroup, |scene| {
        scene.script.hello.extensions.set(ExtensionType::SUPPORTED_GROUPS, &codes(&[0x0019, 0x001e, 0x0100]));
    });
    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.extensions.remove(ExtensionType::SUPPORTED_GROUPS);
    scene.connect();
    for group in [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1] {
        // A client that does not have the curve of the ECDSA certificate gets the RSA one.
        let mut scene = ServerScene::new(Mode::Wary);
        scene.script.hello.extensions.set(ExtensionType::SUPPORTED_GROUPS, &codes(&[group.0]));
        scene.connect();
        assert_eq!(scene.group(), group);
    }
}

/// NEG-19: the certificate's own curve must be one of the client's.
#[test]
fn the_curve_of_the_certificate_must_be_offered() {
    let x25519 = codes(&[NamedGroup::X25519.0]);
    let offer = |scene: &mut ServerScene| scene.script.hello.extensions.set(ExtensionType::SUPPORTED_GROUPS, &x25519);
    assert_eq!(choice(offer).0, RSA_AES_128);
    is_refused(PeerIncompatible::NoCommonCipherSuite, |scene| {
        offer(scene);
        scene.script.hello.suites = [ECDSA_AES_128].to_vec();
    });
}

/// NEG-20: schemes decide among suites before one is chosen, and no signature is ever made under another.
#[test]
fn suites_without_a_common_scheme_are_skipped() {
    let schemes = |list: &'static [u16]| {
        move |scene: &mut ServerScene| {
            scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &codes(list));
        }
    };
    assert_eq!(choice(schemes(&[0x0804, 0x0401])), (RSA_AES_128, 0x0804));
    assert_eq!(choice(schemes(&[0x0401])), (RSA_AES_128, 0x0401));
    assert_eq!(choice(schemes(&[0x0403])), (ECDSA_AES_128, 0x0403));
    // A P-256 key signs with SHA-256 alone, in ring.
    assert_eq!(choice(schemes(&[0x0503, 0x0601])), (RSA_AES_128, 0x0601));
    is_refused(PeerIncompatible::NoCommonCipherSuite, schemes(&[0x0503]));
    is_refused(PeerIncompatible::NoCommonCipherSuite, schemes(&[0x0201, 0x0203, 0x0101]));
    is_refused(PeerIncompatible::NoCommonCipherSuite, |scene| {
        schemes(&[0x0804])(scene);
        scene.script.hello.suites = [ECDSA_AES_128].to_vec();
    });
}

/// NEG-21: point formats are answered, not announced.
#[test]
fn point_formats_are_answered_only_if_asked() {
    for asked in [true, false] {
        let mut scene = ServerScene::new(Mode::Wary);
        if !asked {
            scene.script.hello.extensions.remove(ExtensionType::EC_POINT_FORMATS);
        }
        scene.send_hello();
        let hello = scene.hear_server_hello();
        let answer = ServerHello::decode(&hello).unwrap().extensions.find(ExtensionType::EC_POINT_FORMATS);
        assert_eq!(answer, asked.then_some(&[1, 0][..]));
    }
}

/// All suites by name, so that those are in use too which are used by name only.
fn every_suite() -> Vec<CipherSuite> {
    ring::provider().suites.iter().map(|suite| suite.code).collect()
}

/// NEG-23, KEX-10, KEX-11, KEX-12, AEA-06: each suite, group and scheme that a client advertises works, with every other.
#[test]
fn a_client_can_do_what_it_offers() {
    let hello = ClientScene::new(Mode::Wary).script.client_hello;
    let hello = ClientHello::decode(&hello).unwrap();
    let groups = hello.extensions.supported_groups().unwrap().unwrap();
    let schemes: Vec<_> = hello.extensions.signature_algorithms().unwrap().unwrap().iter().collect();
    let signs = |identity: &Identity, scheme| identity.key.schemes().contains(scheme);
    let identities: [&Identity; 4] = [&P256, &P384, &ED25519, &RSA];
    let names = every_suite();
    let mut signed = 0;
    for scheme in &schemes {
        for identity in identities.into_iter().filter(|identity| signs(identity, scheme)) {
            signed += 1;
            let suites = ring::provider()
                .suites
                .iter()
                .filter(|suite| suite.key_exchange.authentication() == Some(identity.key.algorithm()));
            for suite in suites {
                for group in groups.iter() {
                    let mut scene = ClientScene::with(Mode::Wary, |config| config.cipher_suites(&names));
                    scene.script.use_group(group);
                    scene.script.use_identity(suite.code, identity, *scheme);
                    scene.connect();
                    scene.carries_data();
                    let session = scene.subject.connection.session().unwrap();
                    assert_eq!((session.cipher_suite, session.group), (suite.code, Some(group)));
                    assert_eq!(session.peer_certificates, identity.chain());
                }
            }
        }
    }
    assert_eq!(signed, schemes.len(), "each was tried");
}

/// NEG-23, AEA-06 at the server: each suite with each of its schemes, if it is all the client offers.
#[test]
fn a_server_works_with_each_suite_alone() {
    let names = every_suite();
    for suite in ring::provider().suites {
        for scheme in [0x0403, 0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806] {
            if KeyAlgorithm::of(SignatureScheme(scheme)) != suite.key_exchange.authentication() {
                continue;
            }
            let mut scene = ServerScene::with(Mode::Wary, |config| config.cipher_suites(&names));
            scene.script.hello.suites = [suite.code.0].to_vec();
            scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &codes(&[scheme]));
            scene.connect();
            scene.carries_data();
            assert_eq!(scene.subject.connection.session().unwrap().cipher_suite, CipherSuite(suite.code.0));
        }
    }
}
