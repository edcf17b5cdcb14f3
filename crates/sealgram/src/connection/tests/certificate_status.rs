//! OCSP responses stapled to certificates (RFC 6066 section 8).
//!
//! What can go wrong: a client is sent what it did not ask for; one that asked cannot do without; a response does not
//! reach the verifier, or its verdict changes nothing.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::identities::{P256, RSA, verifier};
use super::subject::{Subject, unexpected};
use super::*;
use crate::code::{AlertDescription, ExtensionType, HandshakeType, SignatureScheme};
use crate::config::{ConfigError, Identity};
use crate::connection::tests::puppet::Spoken;
use crate::connection::tests::scene::{codes, vec16};
use crate::error::{CertificateError, DecodeError, Error, PeerMisbehaved};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::verify::{PeerChain, PeerVerifier, SignedByPeer};
use crate::wire::hello::{ClientHello, ServerHello};

const STATUS_REQUEST: ExtensionType = ExtensionType::STATUS_REQUEST;

/// Says the same as [`verifier`], if the response is the right one.
#[derive(Debug)]
struct Wants(&'static [u8]);

impl PeerVerifier for Wants {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        let verified = verifier().verify_chain(chain)?;
        if chain.ocsp_response == self.0 { Ok(verified) } else { Err(CertificateError::BadOcspResponse) }
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        verifier().verify_signature(signed)
    }

    fn wants_ocsp_response(&self) -> bool {
        true
    }
}

/// A client that wants this response, and a server that says it may staple one.
fn asking(mode: Mode, response: &'static [u8]) -> ClientScene {
    let mut scene = ClientScene::of(Subject::client_judging_by(mode, Arc::new(Wants(response)), |config| config));
    scene.script.hello.extensions.set(STATUS_REQUEST, &[]);
    scene
}

fn status(response: &[u8]) -> Option<Vec<u8>> {
    Some([&[1, 0], &*vec16(response)].concat())
}

/// EXP-28: only if the verifier wants it.
#[test]
fn a_client_asks_if_its_verifier_wants_a_response() {
    let asks = |scene: &ClientScene| {
        let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
        hello.extensions.find(STATUS_REQUEST).map(<[u8]>::to_vec)
    };
    assert_eq!(asks(&ClientScene::new(Mode::Wary)), None);
    assert_eq!(asks(&asking(Mode::Wary, b"good")), Some([1, 0, 0, 0, 0].to_vec()));
}

/// EXP-28: the response reaches the verifier; none at all does too, whether the server promised one or not.
#[test]
fn a_response_is_for_the_verifier() {
    let mut scene = asking(Mode::Wary, b"good");
    scene.script.certificate_status = status(b"good");
    scene.connect();
    scene.carries_data();

    let mut scene = asking(Mode::Wary, b"");
    scene.connect();
    scene.carries_data();

    let mut scene = asking(Mode::Wary, b"");
    scene.script.hello.extensions.remove(STATUS_REQUEST);
    scene.connect();
    scene.carries_data();
}

/// EXP-28: what is not satisfactory is fatal, with an alert of its own.
#[test]
fn a_bad_response_is_fatal() {
    for mode in MODES {
        for response in [None, status(b"bad")] {
            let mut scene = asking(mode, b"good");
            scene.script.certificate_status = response;
            scene.send_flight();
            scene.fails(CertificateError::BadOcspResponse, AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE);
        }
    }
}

/// EXP-28: right behind the certificate, once, and only if both hellos say so.
#[test]
fn a_response_out_of_place_is_unexpected() {
    for mode in MODES {
        let place = |asked: bool, at: &[usize]| {
            let mut scene = if asked { asking(mode, b"good") } else { ClientScene::new(mode) };
            let mut flight = scene.script.flight();
            for at in at {
                flight.insert(*at, (HandshakeType::CERTIFICATE_STATUS, status(b"good").unwrap()));
            }
            scene.send(&flight);
            scene
        };
        for (asked, at, expected) in [
            (false, &[2][..], HandshakeType::SERVER_KEY_EXCHANGE),
            (true, &[1], HandshakeType::CERTIFICATE),
            (true, &[2, 2], HandshakeType::SERVER_KEY_EXCHANGE),
            (true, &[3], HandshakeType::SERVER_HELLO_DONE),
        ] {
            let (error, alert) = unexpected(HandshakeType::CERTIFICATE_STATUS, expected);
            place(asked, at).doubts(error, alert);
        }
        // It asked, and the server did not promise.
        let mut scene = asking(mode, b"good");
        scene.script.hello.extensions.remove(STATUS_REQUEST);
        scene.script.certificate_status = status(b"good");
        scene.send_flight();
        let (error, alert) = unexpected(HandshakeType::CERTIFICATE_STATUS, HandshakeType::SERVER_KEY_EXCHANGE);
        scene.doubts(error, alert);
        // Nobody asked.
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(STATUS_REQUEST, &[]);
        scene.send_flight();
        let error = PeerMisbehaved::ServerSentUnofferedExtension(STATUS_REQUEST);
        scene.fails(error, AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

/// EXP-28: an answer is empty, and a message holds one OCSP response.
#[test]
fn a_malformed_response_is_doubted() {
    for mode in MODES {
        let mut scene = asking(mode, b"good");
        scene.script.hello.extensions.set(STATUS_REQUEST, &[1]);
        scene.send_flight();
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
        for (body, error) in [
            (&[][..], DecodeError::Truncated),
            (&[1, 0, 0, 0], DecodeError::Empty),
            (&[1, 0, 0, 2, 7], DecodeError::Truncated),
            (&[1, 0, 0, 1, 7, 7], DecodeError::TrailingBytes),
            (&[2, 0, 0, 1, 7], DecodeError::InvalidValue),
        ] {
            let mut scene = asking(mode, b"good");
            scene.script.certificate_status = Some(body.to_vec());
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// What a server with this identity says to a client with this status_request: its answer, and its messages.
fn flight(identity: Identity, request: Option<&[u8]>) -> (Option<Vec<u8>>, Vec<Spoken>) {
    let mut scene = ServerScene::with(Mode::Wary, |config| config.identity(identity));
    let extensions = &mut scene.script.hello.extensions;
    if let Some(request) = request {
        extensions.set(STATUS_REQUEST, request);
    }
    // For this one the server has its second identity.
    let rsa = [SignatureScheme::RSA_PSS_RSAE_SHA256.0];
    extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &codes(&rsa));
    extensions.set(ExtensionType::SERVER_NAME, &vec16(b"\0\0\x0dstapled.local"));
    scene.send_hello();
    let flight = scene.hear_flight();
    let hello = ServerHello::decode(&flight[0].body).unwrap();
    let answer = hello.extensions.find(STATUS_REQUEST).map(<[u8]>::to_vec);
    scene.say_last_flight();
    scene.carries_data();
    (answer, flight.into_iter().map(|message| (message.msg_type, message.body)).collect())
}

/// EXP-28: right behind the certificate, if the client asks for OCSP and there is a response.
#[test]
fn a_server_staples_what_it_has_if_it_is_asked() {
    let named = || RSA.clone().for_names(&["stapled.local"]).unwrap();
    let stapled = || named().with_ocsp_response(b"good".to_vec()).unwrap();
    let (answer, messages) = flight(stapled(), Some(&[1, 0, 0, 0, 0]));
    assert_eq!(answer, Some(Vec::new()));
    assert_eq!(messages[1].0, HandshakeType::CERTIFICATE);
    assert_eq!(messages[2], (HandshakeType::CERTIFICATE_STATUS, status(b"good").unwrap()));
    assert_eq!(messages[3].0, HandshakeType::SERVER_KEY_EXCHANGE);

    for (identity, request) in
        [(stapled(), None), (stapled(), Some(&[2, 0, 0, 0, 0][..])), (named(), Some(&[1, 0, 0, 0, 0]))]
    {
        let (answer, messages) = flight(identity, request);
        assert_eq!(answer, None);
        assert!(messages.iter().all(|(msg_type, _)| *msg_type != HandshakeType::CERTIFICATE_STATUS));
    }
}

/// EXP-28: a request has to parse, also if there is nothing to answer it with.
#[test]
fn a_malformed_request_for_a_response_is_doubted() {
    for mode in MODES {
        let mut scene = ServerScene::new(mode);
        scene.script.hello.extensions.set(STATUS_REQUEST, &[1, 0, 0, 0]);
        scene.send_hello();
        scene.doubts(DecodeError::Truncated, AlertDescription::DECODE_ERROR);
    }
}

/// A response that nobody could be sent is a mistake in the configuration.
#[test]
fn a_response_needs_a_certificate_and_a_length() {
    let raw = Identity::raw_public_key(P256.key.clone()).unwrap();
    for (identity, response) in
        [(P256.clone(), Vec::new()), (P256.clone(), alloc::vec![0; 65_536]), (raw, b"good".to_vec())]
    {
        assert_eq!(identity.with_ocsp_response(response).err(), Some(ConfigError::InvalidOcspResponse));
    }
}
