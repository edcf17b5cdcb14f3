//! The ephemeral keys and the signature over the server's.
//!
//! What can go wrong: a point is taken that is none, and gives secrets away; a group, a scheme or a signature is taken
//! that was never offered or is not right. Which suites, groups and schemes work is in `selection.rs`.

use alloc::vec::Vec;

use super::identities::{P256, RSA};
use super::*;
use crate::code::{AlertDescription, CipherSuite, ExtensionType, HandshakeType, NamedGroup, SignatureScheme};
use crate::connection::tests::scene::{codes, vec8};
use crate::error::{DecodeError, Error, PeerMisbehaved};
use crate::role::Role;
use crate::verify::{PeerVerifier, SignedByPeer};
use crate::wire::hello::ServerHello;
use crate::wire::key_exchange::ServerKeyExchange;

/// KEX-01: explicit curves, and whatever else is no name.
#[test]
fn a_curve_without_a_name_is_illegal() {
    for mode in MODES {
        for curve_type in [0, 1, 2, 4, 255] {
            let mut scene = ClientScene::new(mode);
            scene.script.key_exchange.curve_type = curve_type;
            scene.send_flight();
            scene.fails(PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// KEX-01: a group that exists, and was not offered.
#[test]
fn a_group_that_was_not_offered_is_illegal() {
    for mode in MODES {
        for group in [0x0019, 0x001e, 0x0100, 0x1a1a] {
            let mut scene = ClientScene::new(mode);
            scene.script.use_group(NamedGroup(group));
            scene.send_flight();
            let error = PeerMisbehaved::ServerSelectedUnofferedGroup(NamedGroup(group));
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// Public keys that are none: compressed, hybrid, of a wrong length, off the curve, at infinity; of low order.
fn bad_points(group: NamedGroup) -> Vec<Vec<u8>> {
    let filled = |first: u8, len: usize, rest: u8| {
        let mut point = alloc::vec![rest; len];
        point[0] = first;
        point
    };
    if group == NamedGroup::X25519 {
        let zero = filled(0, 32, 0);
        let one = filled(1, 32, 0);
        // 2^255 - 19 and its neighbours stand for 0, -1 and 1.
        let near_p = |lowest: u8| {
            let mut point = filled(lowest, 32, 0xff);
            point[31] = 0x7f;
            point
        };
        return [zero, one, near_p(0xed), near_p(0xec), near_p(0xee), filled(9, 31, 0), filled(9, 33, 0)].to_vec();
    }
    // 04, X, Y; or 02 or 03, X.
    let whole = if group == NamedGroup::SECP256R1 { 65 } else { 97 };
    let half = whole / 2 + 1;
    [
        filled(2, half, 7),
        filled(3, half, 7),
        filled(6, whole, 7),
        filled(4, whole, 7),
        filled(4, whole, 0),
        filled(4, whole - 1, 7),
        filled(4, whole + 1, 7),
        [0].to_vec(),
    ]
    .to_vec()
}

const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// KEX-02, KEX-03, KEX-04: under a signature that is right.
#[test]
fn a_server_key_that_is_no_point_is_illegal() {
    for mode in MODES {
        for group in GROUPS {
            for point in bad_points(group) {
                let mut scene = ClientScene::new(mode);
                scene.script.use_group(group);
                scene.script.key_exchange.public_key = point;
                scene.send_flight();
                scene.fails(PeerMisbehaved::InvalidPublicKey(group), AlertDescription::ILLEGAL_PARAMETER);
            }
        }
    }
}

/// KEX-02, KEX-03, KEX-04: at the server.
#[test]
fn a_client_key_that_is_no_point_is_illegal() {
    for mode in MODES {
        for group in GROUPS {
            for point in bad_points(group) {
                let mut scene = ServerScene::new(mode);
                scene.script.hello.extensions.set(ExtensionType::SUPPORTED_GROUPS, &codes(&[group.0]));
                scene.send_hello();
                scene.hear_flight();
                assert_eq!(scene.group(), group);
                scene.send(HandshakeType::CLIENT_KEY_EXCHANGE, &vec8(&point));
                scene.fails(PeerMisbehaved::InvalidPublicKey(group), AlertDescription::ILLEGAL_PARAMETER);
            }
        }
    }
}

/// KEX-06: a key is for one handshake.
#[test]
fn ephemeral_keys_are_not_reused() {
    let client_key = || {
        let mut scene = ClientScene::new(Mode::Wary);
        scene.send_flight();
        scene.hear_flight().swap_remove(0).body
    };
    assert_ne!(client_key(), client_key());
    let server_key = || {
        let mut scene = ServerScene::new(Mode::Wary);
        scene.send_hello();
        scene.hear_flight().swap_remove(2).body[4..36].to_vec()
    };
    assert_ne!(server_key(), server_key());
}

/// KEX-07: what a server signs is both randoms and the parameters as it sends them.
#[test]
fn a_server_signs_randoms_and_parameters() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    let flight = scene.hear_flight();
    let random = ServerHello::decode(&flight[0].body).unwrap().random;
    let ServerKeyExchange::Named(key) = ServerKeyExchange::decode(&flight[2].body).unwrap() else { panic!("named") };
    let message = [&scene.script.hello.random[..], &random, key.params].concat();
    let end_entity = &P256.chain()[0];
    let algorithms = crate::provider::ring::provider().signatures;
    let verify = |message: &[u8]| {
        let signed = SignedByPeer::new(end_entity, key.scheme, message, key.signature, algorithms);
        identities::verifier().verify_signature(&signed).map(|_| ())
    };
    assert_eq!(verify(&message), Ok(()));
    for at in [0, 32, 64, message.len() - 1] {
        let mut changed = message.clone();
        changed[at] ^= 1;
        assert_eq!(verify(&changed), Err(PeerMisbehaved::BadSignature.into()));
    }
}

/// KEX-08: SHA-1, MD5, and what else was not offered.
#[test]
fn a_scheme_that_was_not_offered_is_illegal() {
    for mode in MODES {
        for scheme in [0x0201, 0x0203, 0x0101, 0x0603, 0x0808, 0x0809, 0x0000, 0xfafa] {
            let mut scene = ClientScene::new(mode);
            scene.script.key_exchange.scheme = SignatureScheme(scheme);
            scene.script.key_exchange.signature = Some([7; 70].to_vec());
            scene.send_flight();
            let error = PeerMisbehaved::UnofferedSignatureScheme(SignatureScheme(scheme));
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// KEX-09: a suite for one kind of key, a scheme or a certificate of the other.
#[test]
fn a_scheme_must_fit_suite_and_key() {
    const ECDSA: CipherSuite = CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    const RSA_SUITE: CipherSuite = CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    let signature = Some([7; 70].to_vec());
    for mode in MODES {
        for (suite, scheme) in
            [(ECDSA, SignatureScheme::RSA_PSS_RSAE_SHA256), (RSA_SUITE, SignatureScheme::ECDSA_SHA256)]
        {
            for identity in [&P256, &RSA] {
                let mut scene = ClientScene::new(mode);
                scene.script.use_identity(suite, identity, scheme);
                scene.script.key_exchange.signature.clone_from(&signature);
                scene.send_flight();
                let error = PeerMisbehaved::UnsuitableSignatureScheme(scheme);
                scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
            }
        }
        // Suite and scheme agree with each other, and not with the certificate.
        for (suite, identity, scheme) in
            [(ECDSA, &RSA, SignatureScheme::ECDSA_SHA256), (RSA_SUITE, &P256, SignatureScheme::RSA_PSS_RSAE_SHA256)]
        {
            let mut scene = ClientScene::new(mode);
            scene.script.use_identity(suite, identity, scheme);
            scene.script.key_exchange.signature.clone_from(&signature);
            scene.send_flight();
            let error = PeerMisbehaved::UnsuitableSignatureScheme(scheme);
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

/// KEX-13, KEX-07: one bit of the signature, of a random, of the key.
#[test]
fn a_wrong_signature_is_fatal() {
    // The signature, and the key it stands for.
    let spoils: [fn(&mut Vec<u8>); 2] = [|exchange| *exchange.last_mut().unwrap() ^= 1, |exchange| exchange[4] ^= 1];
    for mode in MODES {
        for spoil in spoils {
            let mut scene = ClientScene::new(mode);
            let mut flight = scene.script.flight();
            spoil(&mut flight[2].1);
            scene.send(&flight);
            scene.fails(PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);
        }
        // Signed for another ServerHello.
        let mut scene = ClientScene::new(mode);
        let exchange = scene.script.flight().swap_remove(2);
        scene.script.hello.random[0] ^= 1;
        let mut flight = scene.script.flight();
        flight[2] = exchange;
        scene.send(&flight);
        scene.fails(PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);
        // None at all.
        let mut scene = ClientScene::new(mode);
        scene.script.key_exchange.signature = Some(Vec::new());
        scene.send_flight();
        scene.fails(PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);
    }
}

/// KEX-14, and its counterpart at the client: syntax, which is doubted.
#[test]
fn a_malformed_key_exchange_is_doubted() {
    let point = [&[4], &[7; 64][..]].concat();
    let cases: [(Vec<u8>, DecodeError); 5] = [
        (Vec::new(), DecodeError::Truncated),
        ([0].to_vec(), DecodeError::Empty),
        ([&[66], &*point].concat(), DecodeError::Truncated),
        ([&[64], &*point].concat(), DecodeError::TrailingBytes),
        ([&*vec8(&point), &[0]].concat(), DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (body, error) in &cases {
            let mut scene = ServerScene::new(mode);
            scene.send_hello();
            scene.hear_flight();
            scene.send(HandshakeType::CLIENT_KEY_EXCHANGE, body);
            scene.doubts(*error, AlertDescription::DECODE_ERROR);
        }
        for (change, error) in [
            ((|body| body.truncate(body.len() - 1)) as fn(&mut Vec<u8>), DecodeError::Truncated),
            (|body| body.push(0), DecodeError::TrailingBytes),
            (|body| body.truncate(2), DecodeError::Truncated),
            (|body| body[3] = 0, DecodeError::Empty),
        ] {
            let mut scene = ClientScene::new(mode);
            let mut flight = scene.script.flight();
            change(&mut flight[2].1);
            scene.send(&flight);
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// KEX-15: the end of a flight has nothing to say.
#[test]
fn a_server_hello_done_with_a_body_is_doubted() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        let mut flight = scene.script.flight();
        flight.last_mut().unwrap().1 = [0].to_vec();
        scene.send(&flight);
        scene.doubts(DecodeError::WrongLength, AlertDescription::DECODE_ERROR);
    }
}

/// Section 5 of the design: the true key, if it comes after all, is taken.
#[test]
fn a_forged_key_exchange_does_not_keep_the_true_one_out() {
    let mut scene = ServerScene::new(Mode::Wary);
    scene.send_hello();
    scene.hear_flight();
    let forged = puppet::whole(HandshakeType::CLIENT_KEY_EXCHANGE, 1, b"");
    let record = scene.puppet.record(crate::code::ContentType::HANDSHAKE, &forged);
    scene.give(&record);
    scene.is_unmoved();
    scene.say_last_flight();
    assert_eq!(scene.subject.connection.role(), Role::Server);
}

/// Section 5 of the design: what is wrong in a way that parses is fatal, however it came.
#[test]
fn a_failure_names_the_message_that_it_came_with() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.script.key_exchange.curve_type = 1;
    scene.send_flight();
    let failure = *scene.subject.connection.close_reason().unwrap().failure().unwrap();
    assert_eq!(failure.at, Some(HandshakeType::SERVER_KEY_EXCHANGE));
    assert_eq!(failure.error, Error::from(PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup));
}
