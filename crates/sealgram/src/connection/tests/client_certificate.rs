//! Clients that show who they are (RFC 5246 sections 7.4.4, 7.4.6 and 7.4.8).
//!
//! What can go wrong: a certificate without proof counts; a proof under another key, over another transcript, or under a
//! scheme that nobody offered counts; a server that requires a certificate serves one who has none; a client shows one
//! that was not asked for.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::identities::{ED25519, P256, P384, RSA, verifier};
use super::subject::unexpected;
use super::*;
use crate::code::{AlertDescription, ContentType, HandshakeType, SignatureScheme};
use crate::config::{Identity, ServerConfigBuilder};
use crate::connection::tests::puppet::whole;
use crate::connection::tests::scene::{fatal, vec16};
use crate::error::{CertificateError, DecodeError, Error, PeerIncompatible, PeerMisbehaved};
use crate::stats::DiscardReason;
use crate::test_rng::TestRng;
use crate::verify::PeerVerifier;
use crate::wire::certificate::{CertificateRequest, CertificateVerify, decode_chain, encode_chain};
use crate::x509::CertificateVerifier;

const KINDS: [(&std::sync::LazyLock<Identity>, SignatureScheme); 4] = [
    (&P256, SignatureScheme::ECDSA_SHA256),
    (&P384, SignatureScheme::ECDSA_SHA384),
    (&ED25519, SignatureScheme::ED25519),
    (&RSA, SignatureScheme::RSA_PSS_RSAE_SHA512),
];

fn requiring(config: ServerConfigBuilder) -> ServerConfigBuilder {
    config.require_client_certificate(verifier())
}

fn requesting(config: ServerConfigBuilder) -> ServerConfigBuilder {
    config.request_client_certificate(verifier())
}

/// A server that asks for a certificate and has been shown this one; the key exchange is said.
fn shown(mode: Mode, identity: &Identity) -> ServerScene {
    let mut scene = ServerScene::with(mode, requiring);
    scene.send_hello();
    scene.hear_flight();
    scene.send(HandshakeType::CERTIFICATE, &encode_chain(identity.chain()).unwrap());
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    scene
}

/// What an honest client signs, under this scheme.
fn proof(scene: &ServerScene, identity: &Identity, scheme: SignatureScheme) -> Vec<u8> {
    let signed = scene.puppet.transcript.raw().unwrap();
    identity.key.sign(scheme, signed, &mut TestRng::new(6)).unwrap()
}

fn send_proof(scene: &mut ServerScene, scheme: SignatureScheme, signature: &[u8]) {
    let body = CertificateVerify { scheme, signature }.encode().unwrap();
    scene.send(HandshakeType::CERTIFICATE_VERIFY, &body);
}

/// CRT-10: between ServerKeyExchange and ServerHelloDone; kinds of keys, schemes without SHA-1, and whom the verifier
/// trusts.
#[test]
fn a_server_says_what_it_wants_to_see() {
    let mut scene = ServerScene::with(Mode::Wary, requiring);
    scene.send_hello();
    let flight = scene.hear_flight();
    let types: Vec<_> = flight.iter().map(|message| message.msg_type).collect();
    let expected = [
        HandshakeType::SERVER_HELLO,
        HandshakeType::CERTIFICATE,
        HandshakeType::SERVER_KEY_EXCHANGE,
        HandshakeType::CERTIFICATE_REQUEST,
        HandshakeType::SERVER_HELLO_DONE,
    ];
    assert_eq!(types, expected);
    let request = CertificateRequest::decode(&flight[3].body).unwrap();
    assert_eq!(request.certificate_types, [64, 1]);
    let offered: Vec<_> = crate::provider::ring::provider().signatures.iter().map(|(scheme, _)| *scheme).collect();
    assert!(request.signature_algorithms.iter().eq(offered));
    assert!(!request.signature_algorithms.contains(SignatureScheme::ECDSA_SHA1));
    assert!(request.authorities().eq(verifier().authorities().iter().map(Vec::as_slice)));
    assert!(request.authorities().count() > 0);
}

/// CRT-15, CRT-17: every kind of key proves itself, also under another hash than the PRF's.
#[test]
fn a_client_with_a_certificate_is_known_to_the_server() {
    for (identity, scheme) in KINDS {
        let mut scene = shown(Mode::Wary, identity);
        let signature = proof(&scene, identity, scheme);
        send_proof(&mut scene, scheme, &signature);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        scene.hear_last_flight();
        scene.carries_data();
        let session = scene.subject.connection.session().unwrap();
        assert_eq!(session.peer_certificates, identity.chain(), "{scheme}");
    }
}

/// CRT-13: required is required, and requested is not.
#[test]
fn a_client_without_a_certificate_is_served_where_it_need_not_have_one() {
    for mode in MODES {
        for (configure, is_served) in
            [(requiring as fn(ServerConfigBuilder) -> ServerConfigBuilder, false), (requesting, true)]
        {
            let mut scene = ServerScene::with(mode, configure);
            scene.send_hello();
            scene.hear_flight();
            scene.send(HandshakeType::CERTIFICATE, &[0; 3]);
            if is_served {
                scene.say_last_flight();
                scene.carries_data();
                assert!(scene.subject.connection.session().unwrap().peer_certificates.is_empty());
            } else {
                scene.fails(PeerIncompatible::ClientCertificateRequired, AlertDescription::HANDSHAKE_FAILURE);
            }
        }
    }
}

/// CRT-13: saying nothing at all is not an empty list.
#[test]
fn a_client_that_was_asked_has_to_answer() {
    for mode in MODES {
        let mut scene = ServerScene::with(mode, requesting);
        scene.send_hello();
        scene.hear_flight();
        let exchange = scene.say_key_exchange();
        scene.give(&exchange);
        let (error, alert) = unexpected(HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType::CERTIFICATE);
        scene.doubts(error, alert);
    }
}

/// CRT-15: without the proof nothing comes to completion, however right the rest is.
#[test]
fn a_certificate_without_proof_is_worth_nothing() {
    for mode in MODES {
        let mut scene = shown(mode, &P256);
        let verify_data = scene.puppet.verify_data(crate::role::Role::Client);
        scene.send(HandshakeType::FINISHED, &verify_data);
        let (error, alert) = unexpected(HandshakeType::FINISHED, HandshakeType::CERTIFICATE_VERIFY);
        scene.doubts(error, alert);

        // Sealed, it waits for keys that the server does not have before the proof.
        let mut scene = shown(mode, &P256);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        assert!(scene.subject.connection.session().is_none());
        scene.is_unmoved();
    }
}

/// CRT-16: nothing to prove, no proof.
#[test]
fn a_proof_of_no_certificate_is_unexpected() {
    for mode in MODES {
        let mut scene = ServerScene::with(mode, requesting);
        scene.send_hello();
        scene.hear_flight();
        scene.send(HandshakeType::CERTIFICATE, &[0; 3]);
        let exchange = scene.say_key_exchange();
        scene.give(&exchange);
        let signature = proof(&scene, &P256, SignatureScheme::ECDSA_SHA256);
        // The key exchange brought the read keys: what is in plaintext is not even looked at.
        send_proof(&mut scene, SignatureScheme::ECDSA_SHA256, &signature);
        scene.is_unmoved();
        // Sealed, the client itself vouches for it.
        let body = CertificateVerify { scheme: SignatureScheme::ECDSA_SHA256, signature: &signature }.encode().unwrap();
        let last = scene.puppet.message_seq - 1;
        scene.puppet.message_seq = last;
        let record = scene.puppet.say_sealed(HandshakeType::CERTIFICATE_VERIFY, &body);
        scene.give(&record);
        let (error, alert) = unexpected(HandshakeType::CERTIFICATE_VERIFY, HandshakeType::FINISHED);
        assert_eq!(scene.subject.connection.close_reason().and_then(|reason| reason.error()), Some(&error));
        assert_eq!(scene.heard_alerts(), [fatal(alert)]);
    }
}

/// CRT-17, CRT-18: another key, another transcript, another scheme.
#[test]
fn a_wrong_proof_is_fatal() {
    for mode in MODES {
        let refused = |spoil: &dyn Fn(&ServerScene) -> (SignatureScheme, Vec<u8>), error: Error, alert| {
            let mut scene = shown(mode, &P256);
            let (scheme, signature) = spoil(&scene);
            send_proof(&mut scene, scheme, &signature);
            scene.fails(error, alert);
        };
        let bad = PeerMisbehaved::BadSignature.into();
        let key = Identity::new(P256.chain().to_vec(), other_key()).unwrap_err();
        assert_eq!(key, crate::ConfigError::KeyDoesNotFit);
        refused(
            &|scene| {
                let signed = scene.puppet.transcript.raw().unwrap();
                let scheme = SignatureScheme::ECDSA_SHA256;
                (scheme, other_key().sign(scheme, signed, &mut TestRng::new(7)).unwrap())
            },
            bad,
            AlertDescription::DECRYPT_ERROR,
        );
        refused(
            &|scene| {
                let signed = &scene.puppet.transcript.raw().unwrap()[1..];
                let scheme = SignatureScheme::ECDSA_SHA256;
                (scheme, P256.key.sign(scheme, signed, &mut TestRng::new(7)).unwrap())
            },
            bad,
            AlertDescription::DECRYPT_ERROR,
        );
        let sha1 = SignatureScheme::ECDSA_SHA1;
        refused(
            &|scene| (sha1, proof(scene, &P256, SignatureScheme::ECDSA_SHA256)),
            PeerMisbehaved::UnofferedSignatureScheme(sha1).into(),
            AlertDescription::ILLEGAL_PARAMETER,
        );
        let pss = SignatureScheme::RSA_PSS_RSAE_SHA256;
        refused(
            &|scene| (pss, proof(scene, &P256, SignatureScheme::ECDSA_SHA256)),
            PeerMisbehaved::UnsuitableSignatureScheme(pss).into(),
            AlertDescription::ILLEGAL_PARAMETER,
        );
    }
}

fn other_key() -> Arc<dyn crate::crypto::SigningKey> {
    let key = rcgen::KeyPair::generate().unwrap();
    let key = pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    crate::provider::ring::provider().key_loader.load(&key).unwrap()
}

/// CRT-18: a proof that does not parse is doubted like any other message in plaintext.
#[test]
fn a_malformed_proof_is_doubted() {
    for mode in MODES {
        let mut scene = shown(mode, &P256);
        scene.send(HandshakeType::CERTIFICATE_VERIFY, &[&[4, 3], &*vec16(&[1, 2]), &[0]].concat());
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
    }
}

/// CRT-06: the verifier's word about a client is fatal too, with the alert that belongs to it.
#[test]
fn a_client_that_the_verifier_refuses_is_not_served() {
    for mode in MODES {
        let roots = Vec::from([RSA.chain()[0].clone()]);
        let trusts_another = Arc::new(CertificateVerifier::builder(roots).build().unwrap());
        let mut scene = ServerScene::with(mode, |config| config.require_client_certificate(trusts_another));
        scene.send_hello();
        scene.hear_flight();
        scene.send(HandshakeType::CERTIFICATE, &encode_chain(ED25519.chain()).unwrap());
        let exchange = scene.say_key_exchange();
        scene.give(&exchange);
        let signature = proof(&scene, &ED25519, SignatureScheme::ED25519);
        send_proof(&mut scene, SignatureScheme::ED25519, &signature);
        let reason = scene.subject.connection.close_reason().copied();
        assert!(matches!(
            reason.as_ref().and_then(|reason| reason.error()),
            Some(Error::Certificate(CertificateError::UnknownIssuer | CertificateError::BadSignature))
        ));
        assert!(scene.subject.connection.session().is_none());
    }
}

/// HVR-15: while a certificate is due, a repeated hello is still nothing new.
#[test]
fn a_repeated_hello_does_not_disturb_a_server_that_waits_for_a_certificate() {
    let mut scene = ServerScene::with(Mode::Trusting, requiring);
    scene.send_hello();
    scene.hear_flight();
    let hello = scene.script.hello.encode();
    let repeat = whole(HandshakeType::CLIENT_HELLO, scene.puppet.message_seq, &hello);
    let record = scene.puppet.record(ContentType::HANDSHAKE, &repeat);
    scene.give(&record);
    scene.is_unmoved();
}

// ---- the client ----

/// A request for these kinds and schemes, from these issuers.
/// The same where the client has answered so many cookies that its last hello has the number of CertificateVerify.
#[test]
fn a_repeated_hello_does_not_disturb_a_server_that_waits_for_a_proof() {
    for mode in MODES {
        let mut scene = shown(mode, &P256);
        let hello = whole(HandshakeType::CLIENT_HELLO, scene.puppet.message_seq, &scene.script.hello.encode());
        let record = scene.puppet.record(ContentType::HANDSHAKE, &hello);
        scene.give(&record);
        scene.is_unmoved();
        assert_eq!(scene.subject.dropped(DiscardReason::StaleMessage), 1);

        let signature = proof(&scene, &P256, SignatureScheme::ECDSA_SHA256);
        send_proof(&mut scene, SignatureScheme::ECDSA_SHA256, &signature);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        scene.hear_last_flight();
    }
}

fn request(types: &[u8], schemes: &[SignatureScheme], authorities: &[&[u8]]) -> Vec<u8> {
    let authorities = crate::wire::certificate::encode_authorities(authorities.iter().copied()).unwrap();
    CertificateRequest { certificate_types: types, signature_algorithms: schemes.into(), authorities: &authorities }
        .encode()
        .unwrap()
}

/// A client with these certificates that was asked for one.
fn asked(mode: Mode, identities: &[&Identity], request: Vec<u8>) -> ClientScene {
    let mut scene = ClientScene::with(mode, |config| {
        identities.iter().fold(config, |config, identity| config.identity((*identity).clone()))
    });
    scene.script.certificate_request = Some(request);
    scene.send_flight();
    scene
}

const ANY: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SHA256,
    SignatureScheme::ECDSA_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
];

/// CRT-17: the client signs everything from its ClientHello to its ClientKeyExchange, headers included.
#[test]
fn a_client_proves_the_certificate_it_shows() {
    for (identity, scheme) in KINDS {
        let mut scene = asked(Mode::Wary, &[identity], request(&[1, 64], ANY, &[]));
        let before_the_flight = scene.puppet.transcript.clone();
        let flight = scene.hear_flight();
        let [certificate, exchange, verify, finished] = &*flight else { panic!("four messages: {flight:?}") };
        assert_eq!(certificate.msg_type, HandshakeType::CERTIFICATE);
        assert_eq!(decode_chain(&certificate.body).unwrap(), identity.chain());
        assert_eq!(exchange.msg_type, HandshakeType::CLIENT_KEY_EXCHANGE);
        assert_eq!(verify.msg_type, HandshakeType::CERTIFICATE_VERIFY);
        assert_eq!(finished.msg_type, HandshakeType::FINISHED);

        let mut signed = before_the_flight;
        for message in [certificate, exchange] {
            signed.add(message.msg_type, message.message_seq, &message.body);
        }
        let verify = CertificateVerify::decode(&verify.body).unwrap();
        assert_eq!(verify.scheme, scheme);
        let checked = verifier().verify_signature(&crate::verify::SignedByPeer::new(
            &identity.chain()[0],
            verify.scheme,
            signed.raw().unwrap(),
            verify.signature,
            crate::provider::ring::provider().signatures,
        ));
        assert!(checked.is_ok(), "{scheme}: {checked:?}");
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        scene.carries_data();
    }
}

/// CRT-19: the first that has the kind, the scheme and the issuer that the server asks for; none is an empty list, and
/// then no proof (CRT-12).
#[test]
fn a_client_shows_what_the_server_asks_for() {
    let all: &[&Identity] = &[&P256, &RSA, &ED25519];
    let issuer = |identity: &Identity| crate::x509::issuer_name(&identity.chain()[0]).unwrap();
    let stranger = [0x30, 0x00];
    let cases = [
        (request(&[64, 1], ANY, &[]), Some(&*P256)),
        (request(&[1], ANY, &[]), Some(&*RSA)),
        (request(&[64], &[SignatureScheme::ED25519], &[]), Some(&*ED25519)),
        (request(&[64, 1], ANY, &[&stranger, &issuer(&RSA)]), Some(&*P256)),
        (request(&[1, 64], &[SignatureScheme(0x0201)], &[]), None),
        (request(&[2], ANY, &[]), None),
        (request(&[64, 1], ANY, &[&stranger]), None),
    ];
    for (request, expected) in cases {
        let mut scene = asked(Mode::Wary, all, request.clone());
        let flight = scene.hear_flight();
        let shown = decode_chain(&flight[0].body).unwrap();
        assert_eq!(shown, expected.map_or(&[][..], |identity| identity.chain()), "{request:?}");
        let proves = flight.iter().any(|message| message.msg_type == HandshakeType::CERTIFICATE_VERIFY);
        assert_eq!(proves, expected.is_some());
    }
}

/// CRT-14: who is not asked shows nothing, even with a certificate at hand.
#[test]
fn a_client_with_a_certificate_shows_nothing_unasked() {
    let mut scene = ClientScene::with(Mode::Wary, |config| config.identity(P256.clone()));
    scene.send_flight();
    let types: Vec<_> = scene.hear_flight().iter().map(|message| message.msg_type).collect();
    assert_eq!(types, [HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType::FINISHED]);
    let last = scene.puppet.end_of_flight();
    scene.give(&last);
    scene.carries_data();
}
