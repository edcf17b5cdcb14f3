//! Raw public keys in place of certificates (RFC 7250).
//!
//! What can go wrong: a key that nobody trusts counts; a key counts without proof; one side shows what the other did not
//! say it can judge; a certificate is read as a key, or a key as a certificate; silence is not taken for X.509.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::SubjectPublicKeyInfoDer;

use super::identities::{ED25519, P256, P384, RSA, verifier};
use super::puppet::Message;
use super::subject::{Subject, transport};
use super::*;
use crate::code::{AlertDescription, CertificateType, ExtensionType, HandshakeType, SignatureScheme};
use crate::config::{ClientConfig, ClientConfigBuilder, Identity, ServerConfig, ServerConfigBuilder};
use crate::connection::tests::scene::{codes, vec8, vec16};
use crate::error::{CertificateError, DecodeError, Error, PeerIncompatible, PeerMisbehaved};
use crate::event::Status;
use crate::provider::ring;
use crate::test_rng::TestRng;
use crate::verify::{HandshakeSignature, RawPublicKeys, verify_by_raw_public_key};
use crate::wire::certificate::{CertificateRequest, CertificateVerify, decode_chain, encode_chain};
use crate::wire::hello::{ClientHello, ServerHello};

const CLIENT: ExtensionType = ExtensionType::CLIENT_CERTIFICATE_TYPE;
const SERVER: ExtensionType = ExtensionType::SERVER_CERTIFICATE_TYPE;

/// The key of this identity without its certificate.
fn raw(identity: &Identity) -> Identity {
    Identity::raw_public_key(identity.key.clone()).unwrap()
}

fn public_key(identity: &Identity) -> SubjectPublicKeyInfoDer<'static> {
    identity.key.public_key().unwrap()
}

fn trusting(identities: &[&Identity]) -> RawPublicKeys {
    RawPublicKeys::new(identities.iter().map(|identity| public_key(identity)))
}

/// Three bytes of length, and the key.
fn body(identity: &Identity) -> Vec<u8> {
    [&[0], &*vec16(&public_key(identity))].concat()
}

const EVERY_SCHEME: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_SHA256,
    SignatureScheme::ECDSA_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
];

fn kinds() -> impl Iterator<Item = (&'static Identity, SignatureScheme)> {
    [&*P256, &*P384, &*ED25519, &*RSA].into_iter().zip(EVERY_SCHEME)
}

/// CRT-21 .. CRT-24: both sides of ours, with a raw public key in each direction.
#[test]
fn both_sides_know_each_other_by_their_keys() {
    for (of_server, of_client) in [(&*P256, &*ED25519), (&*RSA, &*P384)] {
        let server = ServerConfig::builder(ring::provider(), raw(of_server))
            .require_client_certificate(Arc::new(trusting(&[of_client])))
            .transport(transport());
        let client = ClientConfig::builder(ring::provider(), Arc::new(trusting(&[of_server])))
            .identity(raw(of_client))
            .transport(transport());
        let (mut client, mut server) = (Subject::client_of(client), Subject::server_of(server));
        for _ in 0..4 {
            client.take().iter().for_each(|datagram| _ = server.give(datagram));
            server.take().iter().for_each(|datagram| _ = client.give(datagram));
        }
        for (end, peer) in [(&client, of_server), (&server, of_client)] {
            assert_eq!(end.status(), Status::Connected);
            let session = end.connection.session().unwrap();
            assert_eq!(session.peer_raw_public_key, Some(public_key(peer)));
            assert!(session.peer_certificates.is_empty());
        }
    }
}

// ---- the client ----

/// A client with this verifier.
fn client(
    mode: Mode,
    judge: RawPublicKeys,
    configure: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
) -> ClientScene {
    ClientScene::of(Subject::client_judging_by(mode, Arc::new(judge), configure))
}

/// The data of an extension of the hello that the client said.
fn offered(scene: &ClientScene, extension: ExtensionType) -> Option<Vec<u8>> {
    ClientHello::decode(&scene.script.client_hello).unwrap().extensions.find(extension).map(<[u8]>::to_vec)
}

/// A server that answers with a raw public key.
fn show_key(scene: &mut ClientScene, identity: &Identity, scheme: SignatureScheme) {
    let provider = ring::provider();
    let fits = |suite: &&&crate::crypto::Suite| suite.key_exchange.authentication() == Some(identity.key.algorithm());
    let suite = provider.suites.iter().find(fits).unwrap().code;
    scene.script.hello.extensions.set(SERVER, &[CertificateType::RAW_PUBLIC_KEY.0]);
    scene.script.use_identity(suite, &raw(identity), scheme);
}

/// CRT-21: what the verifier judges, best first. CRT-22: X.509 alone is not said.
#[test]
fn a_client_says_what_it_can_judge() {
    let scene = ClientScene::new(Mode::Wary);
    assert_eq!(offered(&scene, SERVER), None);
    let scene = client(Mode::Wary, trusting(&[&P256]), |config| config);
    assert_eq!(offered(&scene, SERVER), Some([1, 2].to_vec()));
    let scene = client(Mode::Wary, trusting(&[]).or_certificates(verifier()), |config| config);
    assert_eq!(offered(&scene, SERVER), Some([2, 2, 0].to_vec()));
}

/// CRT-21: what it has, in the order of its configuration. CRT-22: X.509 alone is not said.
#[test]
fn a_client_says_what_it_can_show() {
    let (x509, key) = (&*P256, &raw(&P256));
    let cases: [(&[&Identity], Option<&[u8]>); 6] = [
        (&[], None),
        (&[x509], None),
        (&[x509, &RSA], None),
        (&[key], Some(&[1, 2])),
        (&[key, x509, &raw(&RSA)], Some(&[2, 2, 0])),
        (&[x509, key], Some(&[2, 0, 2])),
    ];
    for (identities, expected) in cases {
        let scene = ClientScene::with(Mode::Wary, |config| {
            identities.iter().fold(config, |config, identity| config.identity((*identity).clone()))
        });
        assert_eq!(offered(&scene, CLIENT).as_deref(), expected);
        assert_eq!(offered(&scene, SERVER), None);
    }
}

/// CRT-21, CRT-22: nothing of it is said where no suite has certificates.
#[test]
fn a_client_without_certificate_suites_says_nothing_of_types() {
    let key = crate::psk::PresharedKey::new(&[7; 16]).unwrap();
    let config = ClientConfig::builder_with_psk(ring::provider(), b"device", key).identity(raw(&P256));
    let mut subject = Subject::client_of(config.transport(transport()));
    let hello = subject.take().concat();
    let hello = ClientHello::decode(&hello[25..]).unwrap();
    assert_eq!((hello.extensions.find(CLIENT), hello.extensions.find(SERVER)), (None, None));
}

/// CRT-21, CRT-24: every kind of key.
#[test]
fn a_client_accepts_a_key_that_it_trusts() {
    for (identity, scheme) in kinds() {
        let mut scene = client(Mode::Wary, trusting(&[&P256, identity]), |config| config);
        show_key(&mut scene, identity, scheme);
        assert_eq!(scene.script.certificate, body(identity));
        scene.connect();
        scene.carries_data();
        let session = scene.subject.connection.session().unwrap();
        assert_eq!(session.peer_raw_public_key, Some(public_key(identity)), "{scheme}");
        assert!(session.peer_certificates.is_empty());
    }
}

/// CRT-24: a key that is not known is fatal, and so is a signature under another one.
#[test]
fn a_client_refuses_a_key_that_it_does_not_trust() {
    for mode in MODES {
        let mut scene = client(mode, trusting(&[&ED25519, &RSA]), |config| config);
        show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
        scene.send_flight();
        scene.fails(CertificateError::UnknownPublicKey, AlertDescription::CERTIFICATE_UNKNOWN);

        // The right key, which another one holds.
        let mut scene = client(mode, trusting(&[&P256]), |config| config);
        show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
        let other = rcgen::KeyPair::generate().unwrap();
        let other = pki_types::PrivatePkcs8KeyDer::from(other.serialize_der()).into();
        let other = Identity::raw_public_key(ring::provider().key_loader.load(&other).unwrap()).unwrap();
        scene.script.identity = other;
        scene.send_flight();
        scene.fails(PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);

        // A scheme of another curve.
        let mut scene = client(mode, trusting(&[&P256]), |config| config);
        show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
        scene.script.key_exchange.scheme = SignatureScheme::ED25519;
        scene.script.key_exchange.signature = Some([7; 64].to_vec());
        scene.send_flight();
        let error = PeerMisbehaved::UnsuitableSignatureScheme(SignatureScheme::ED25519);
        scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// CRT-21: the answer comes from the offer, and from this extension's.
#[test]
fn a_type_that_was_not_offered_is_fatal() {
    for mode in MODES {
        for (extension, selected) in [(SERVER, 0), (SERVER, 1), (CLIENT, 0), (CLIENT, 255)] {
            let mut scene = client(mode, trusting(&[&P256]), |config| config.identity(raw(&P256)));
            show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
            scene.script.hello.extensions.set(extension, &[selected]);
            scene.send_flight();
            let error = PeerMisbehaved::ServerSelectedUnofferedCertificateType(CertificateType(selected));
            scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        }
        for extension in [SERVER, CLIENT] {
            let mut scene = ClientScene::with(mode, |config| config.identity(P256.clone()));
            scene.script.hello.extensions.set(extension, &[CertificateType::X509.0]);
            scene.send_flight();
            let error = PeerMisbehaved::ServerSentUnofferedExtension(extension);
            scene.fails(error, AlertDescription::UNSUPPORTED_EXTENSION);
        }
    }
}

/// CRT-21: one value; a list is not one.
#[test]
fn a_malformed_answer_is_doubted() {
    for mode in MODES {
        for extension in [SERVER, CLIENT] {
            for (data, error) in [(&[][..], DecodeError::Truncated), (&[1, 2], DecodeError::TrailingBytes)] {
                let mut scene = client(mode, trusting(&[&P256]), |config| config.identity(raw(&P256)));
                show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
                scene.script.hello.extensions.set(extension, data);
                scene.send_flight();
                scene.doubts(error, AlertDescription::DECODE_ERROR);
            }
        }
    }
}

/// CRT-21, CRT-23: a server that is silent shows X.509, whoever can judge it.
#[test]
fn silence_of_the_server_is_x509() {
    for mode in MODES {
        let mut scene = client(mode, trusting(&[&P256]), |config| config);
        scene.send_flight();
        scene.fails(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);

        for said in [None, Some(CertificateType::X509)] {
            let mut scene = client(mode, trusting(&[]).or_certificates(verifier()), |config| config);
            if let Some(said) = said {
                scene.script.hello.extensions.set(SERVER, &[said.0]);
            }
            scene.connect();
            assert_eq!(scene.subject.connection.session().unwrap().peer_certificates, P256.chain());
            assert_eq!(scene.subject.connection.session().unwrap().peer_raw_public_key, None);
        }
    }
}

/// CRT-24: no list around the key, nothing behind it, and not nothing; nor a key where a list belongs.
#[test]
fn a_certificate_is_not_a_key() {
    let trailing = [&*body(&P256), &[0]].concat();
    let nothing: [(&[u8], DecodeError); 2] = [(&[], DecodeError::Truncated), (&trailing, DecodeError::TrailingBytes)];
    for mode in MODES {
        let shown = |certificate: &[u8]| {
            let mut scene = client(mode, trusting(&[&P256]).or_certificates(verifier()), |config| config);
            show_key(&mut scene, &P256, SignatureScheme::ECDSA_SHA256);
            scene.script.certificate = certificate.to_vec();
            scene.send_flight();
            scene
        };
        for (certificate, error) in nothing {
            shown(certificate).doubts(error, AlertDescription::DECODE_ERROR);
        }
        shown(&[0; 3]).fails(PeerMisbehaved::EmptyCertificateList, AlertDescription::DECODE_ERROR);
        for certificate in [encode_chain(P256.chain()).unwrap(), [&[0], &*vec16(&body(&P256))].concat()] {
            shown(&certificate).doubts(DecodeError::InvalidValue, AlertDescription::DECODE_ERROR);
        }

        let mut scene = client(mode, trusting(&[&P256]).or_certificates(verifier()), |config| config);
        scene.script.certificate = body(&P256);
        scene.send_flight();
        scene.doubt_matures();
        let reason = scene.subject.connection.close_reason().copied();
        assert!(matches!(reason.as_ref().and_then(|reason| reason.error()), Some(Error::Decode(_))));
    }
}

/// A server that asks for what it says in client_certificate_type, or says nothing there.
fn asked(identities: &[&Identity], selected: Option<CertificateType>, authorities: &[u8]) -> ClientScene {
    let mut scene = ClientScene::with(Mode::Wary, |config| {
        identities.iter().fold(config, |config, identity| config.identity((*identity).clone()))
    });
    if let Some(selected) = selected {
        scene.script.hello.extensions.set(CLIENT, &[selected.0]);
    }
    let schemes = EVERY_SCHEME.as_slice().into();
    let request = CertificateRequest { certificate_types: &[64, 1], signature_algorithms: schemes, authorities };
    scene.script.certificate_request = Some(request.encode().unwrap());
    scene.send_flight();
    scene
}

/// CRT-21, CRT-24: the key as it is, and a proof. Names of issuers say nothing of a key that has none.
#[test]
fn a_client_shows_its_key_and_proves_it() {
    for (identity, scheme) in kinds() {
        for authorities in [&[][..], &[0, 2, 0x30, 0]] {
            let mut scene = asked(&[&raw(identity)], Some(CertificateType::RAW_PUBLIC_KEY), authorities);
            let mut signed = scene.puppet.transcript.clone();
            let flight = scene.hear_flight();
            let [certificate, exchange, verify, _] = &*flight else { panic!("four messages") };
            assert_eq!(certificate.body, body(identity));
            for message in [certificate, exchange] {
                signed.add(message.msg_type, message.message_seq, &message.body);
            }
            let verify = CertificateVerify::decode(&verify.body).unwrap();
            assert_eq!(verify.scheme, scheme);
            let signed = HandshakeSignature {
                scheme,
                message: signed.raw().unwrap(),
                signature: verify.signature,
                algorithms: ring::provider().signatures,
            };
            assert!(verify_by_raw_public_key(&public_key(identity), signed).is_ok(), "{scheme}");
            let last = scene.puppet.end_of_flight();
            scene.give(&last);
            scene.carries_data();
        }
    }
}

/// CRT-21: the type that the server chose decides what is shown; who has none of it declines.
#[test]
fn a_client_shows_what_it_is_asked_for() {
    let (key, x509, certificate) = (&raw(&P256), &*RSA, encode_chain(RSA.chain()).unwrap());
    let (raw_public_key, silence) = (Some(CertificateType::RAW_PUBLIC_KEY), None);
    for (identities, selected, expected) in [
        (&[key, x509][..], raw_public_key, body(&P256)),
        (&[x509, key], raw_public_key, body(&P256)),
        (&[key, x509], Some(CertificateType::X509), certificate.clone()),
        (&[key, x509], silence, certificate),
        (&[key], silence, [0; 3].to_vec()),
    ] {
        let flight = asked(identities, selected, &[]).hear_flight();
        assert_eq!(flight[0].body, expected);
        let proves = flight.iter().any(|message| message.msg_type == HandshakeType::CERTIFICATE_VERIFY);
        assert_eq!(proves, expected != [0; 3]);
    }
}

// ---- the server ----

/// A client's hello with these lists.
fn greet(scene: &mut ServerScene, server: Option<&[u8]>, client: Option<&[u8]>) {
    let schemes = codes(&EVERY_SCHEME.map(|scheme| scheme.0));
    let extensions = &mut scene.script.hello.extensions;
    extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &schemes);
    extensions.set(ExtensionType::SUPPORTED_GROUPS, &codes(&[0x001d, 0x0017, 0x0018]));
    for (extension, list) in [(SERVER, server), (CLIENT, client)] {
        if let Some(list) = list {
            extensions.set(extension, &vec8(list));
        }
    }
    scene.send_hello();
}

/// What the server answered in this extension.
fn answered(flight: &[Message], extension: ExtensionType) -> Option<Vec<u8>> {
    let hello = flight.iter().find(|message| message.msg_type == HandshakeType::SERVER_HELLO).unwrap();
    ServerHello::decode(&hello.body).unwrap().extensions.find(extension).map(<[u8]>::to_vec)
}

fn said(flight: &[Message], msg_type: HandshakeType) -> Option<&[u8]> {
    flight.iter().find(|message| message.msg_type == msg_type).map(|message| &*message.body)
}

/// CRT-21, CRT-24: a key is shown to those who can judge it, and one value says so; to others a certificate is.
#[test]
fn a_server_shows_what_the_client_can_judge() {
    for (identity, _) in kinds() {
        let certificate = |offered: Option<&[u8]>| {
            let mut scene = ServerScene::with(Mode::Wary, |config| config.identity(raw(identity)));
            greet(&mut scene, offered, None);
            let flight = scene.hear_flight();
            let shown = said(&flight, HandshakeType::CERTIFICATE).unwrap().to_vec();
            let answer = answered(&flight, SERVER);
            scene.say_last_flight();
            scene.carries_data();
            (shown, answer)
        };
        assert_eq!(certificate(Some(&[2])), (body(identity), Some([2].to_vec())));
        assert_eq!(certificate(Some(&[1, 2, 77])), (body(identity), Some([2].to_vec())));
        // The server's own order rules.
        for (offered, answer) in
            [(Some(&[2, 0][..]), Some([0].to_vec())), (Some(&[0]), Some([0].to_vec())), (None, None)]
        {
            let (shown, answered) = certificate(offered);
            assert_eq!(decode_chain(&shown).unwrap(), P256.chain());
            assert_eq!(answered, answer);
        }
    }
}

/// CRT-23: no common type is fatal, also where silence means X.509 and the server has none.
#[test]
fn no_common_type_is_fatal() {
    let only_a_key = || ServerConfig::builder(ring::provider(), raw(&P256)).transport(transport());
    for mode in MODES {
        for offered in [&[1][..], &[1, 3, 255]] {
            let mut scene = ServerScene::new(mode);
            greet(&mut scene, Some(offered), None);
            scene.fails(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);
        }
    }
    for offered in [None, Some(&[0][..]), Some(&[1])] {
        let mut scene = ServerScene::of(Subject::server_of(only_a_key()));
        greet(&mut scene, offered, None);
        scene.fails(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);
    }
}

/// CRT-21: a list is not empty, and ends where it says.
#[test]
fn a_malformed_list_of_types_is_doubted() {
    for mode in MODES {
        for extension in [SERVER, CLIENT] {
            for (data, error) in [
                (&[][..], DecodeError::Truncated),
                (&[0], DecodeError::Empty),
                (&[2, 0], DecodeError::Truncated),
                (&[1, 2, 0], DecodeError::TrailingBytes),
            ] {
                let mut scene = ServerScene::new(mode);
                scene.script.hello.extensions.set(extension, data);
                scene.send_hello();
                scene.doubts(error, AlertDescription::DECODE_ERROR);
            }
        }
    }
}

fn requiring(judge: RawPublicKeys) -> impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder {
    |config| config.require_client_certificate(Arc::new(judge))
}

/// CRT-21, CRT-23: the client's type is answered together with a CertificateRequest, and only then.
#[test]
fn a_server_answers_the_clients_type_only_if_it_asks() {
    type Configure = fn(ServerConfigBuilder) -> ServerConfigBuilder;
    let nobody: Configure = |config| config;
    let x509: Configure = |config| config.request_client_certificate(verifier());
    let keys: Configure = |config| config.request_client_certificate(Arc::new(trusting(&[&P256])));
    let both: Configure =
        |config| config.request_client_certificate(Arc::new(trusting(&[&P256]).or_certificates(verifier())));
    type Types = Option<&'static [u8]>;
    let cases: [(Configure, Types, Types, bool); 12] = [
        (nobody, None, None, false),
        (nobody, Some(&[2, 0]), None, false),
        (x509, None, None, true),
        (x509, Some(&[2, 0]), Some(&[0]), true),
        (x509, Some(&[2]), None, false),
        (keys, None, None, false),
        (keys, Some(&[0]), None, false),
        (keys, Some(&[0, 2]), Some(&[2]), true),
        (both, None, None, true),
        (both, Some(&[0]), Some(&[0]), true),
        // The verifier's order rules.
        (both, Some(&[0, 2]), Some(&[2]), true),
        (both, Some(&[1]), None, false),
    ];
    for (configure, offered, expected, asks) in cases {
        let mut scene = ServerScene::with(Mode::Wary, configure);
        greet(&mut scene, None, offered);
        let flight = scene.hear_flight();
        assert_eq!(answered(&flight, CLIENT).as_deref(), expected, "{offered:?}");
        assert_eq!(said(&flight, HandshakeType::CERTIFICATE_REQUEST).is_some(), asks, "{offered:?}");
        if asks {
            scene.send(HandshakeType::CERTIFICATE, &[0; 3]);
        }
        scene.say_last_flight();
        scene.carries_data();
        assert_eq!(scene.subject.connection.session().unwrap().peer_raw_public_key, None);
    }
}

/// CRT-23: where the client must show something, it must be able to.
#[test]
fn a_client_that_cannot_show_what_is_required_is_refused() {
    for mode in MODES {
        for offered in [None, Some(&[0][..]), Some(&[1])] {
            let mut scene = ServerScene::with(mode, requiring(trusting(&[&P256])));
            greet(&mut scene, None, offered);
            scene.fails(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);
        }
        let mut scene = ServerScene::with(mode, |config| config.require_client_certificate(verifier()));
        greet(&mut scene, None, Some(&[2]));
        scene.fails(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);
    }
}

/// A server that asks for a raw public key, and was shown this body of a Certificate message.
fn shown(mode: Mode, judge: RawPublicKeys, certificate: &[u8]) -> ServerScene {
    let mut scene = ServerScene::with(mode, requiring(judge));
    greet(&mut scene, None, Some(&[2, 0]));
    let flight = scene.hear_flight();
    assert_eq!(answered(&flight, CLIENT), Some([2].to_vec()));
    let request = CertificateRequest::decode(said(&flight, HandshakeType::CERTIFICATE_REQUEST).unwrap()).unwrap();
    assert_eq!(request.authorities().count(), 0, "a key has no issuer");
    scene.send(HandshakeType::CERTIFICATE, certificate);
    scene
}

/// Says the key exchange, and proves the key of this identity.
fn prove(scene: &mut ServerScene, identity: &Identity, scheme: SignatureScheme) {
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    let signed = scene.puppet.transcript.raw().unwrap();
    let signature = identity.key.sign(scheme, signed, &mut TestRng::new(6)).unwrap();
    let proof = CertificateVerify { scheme, signature: &signature }.encode().unwrap();
    scene.send(HandshakeType::CERTIFICATE_VERIFY, &proof);
}

/// CRT-21, CRT-24: a key that is trusted and proven.
#[test]
fn a_client_with_a_raw_public_key_is_known_to_the_server() {
    for (identity, scheme) in kinds() {
        let judge = trusting(&[&P256, identity]).or_certificates(verifier());
        let mut scene = shown(Mode::Wary, judge, &body(identity));
        prove(&mut scene, identity, scheme);
        let rest = scene.puppet.end_of_flight();
        scene.give(&rest);
        scene.hear_last_flight();
        scene.carries_data();
        let session = scene.subject.connection.session().unwrap();
        assert_eq!(session.peer_raw_public_key, Some(public_key(identity)), "{scheme}");
        assert!(session.peer_certificates.is_empty());
    }
}

/// CRT-24: an unknown key, a key that was not proven, no key, and what is none.
#[test]
fn a_server_refuses_a_key_that_it_does_not_trust() {
    let scheme = SignatureScheme::ECDSA_SHA256;
    for mode in MODES {
        let mut scene = shown(mode, trusting(&[&ED25519]), &body(&P256));
        prove(&mut scene, &P256, scheme);
        scene.fails(CertificateError::UnknownPublicKey, AlertDescription::CERTIFICATE_UNKNOWN);

        let mut scene = shown(mode, trusting(&[&P384]), &body(&P384));
        prove(&mut scene, &P256, scheme);
        scene.fails(PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);

        let mut scene = shown(mode, trusting(&[&P256]), &[0; 3]);
        scene.fails(PeerIncompatible::ClientCertificateRequired, AlertDescription::HANDSHAKE_FAILURE);

        let mut scene = shown(mode, trusting(&[&P256]), &encode_chain(P256.chain()).unwrap());
        scene.doubts(DecodeError::InvalidValue, AlertDescription::DECODE_ERROR);

        let mut scene = shown(mode, trusting(&[&P256]), &body(&P256));
        prove(&mut scene, &RSA, SignatureScheme::RSA_PSS_RSAE_SHA256);
        let error = PeerMisbehaved::UnsuitableSignatureScheme(SignatureScheme::RSA_PSS_RSAE_SHA256);
        scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);

        let mut scene = shown(mode, trusting(&[&P256]), &[&*body(&P256), &[0]].concat());
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
    }
}
