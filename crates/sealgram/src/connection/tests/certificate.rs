//! Certificates on the wire, and what a client answers that is asked for one it does not have.
//!
//! What can go wrong: a server shows nothing and passes; a client says nothing where it must decline; a server takes what
//! it never asked for. Whether a chain is to be trusted is for the verifier, and tested there.

use alloc::vec::Vec;

use super::identities::{ED25519, P256, RSA};
use super::subject::unexpected;
use super::*;
use crate::code::{AlertDescription, ExtensionType, HandshakeType, SignatureScheme};
use crate::config::Identity;
use crate::connection::tests::scene::codes;
use crate::error::{CertificateError, DecodeError, PeerMisbehaved};
use crate::wire::certificate::{decode_chain, encode_chain};

/// A CertificateRequest: ECDSA and RSA, one scheme of each, any authority.
pub(super) const REQUEST: &[u8] = &[2, 64, 1, 0, 4, 4, 3, 8, 4, 0, 0];

/// CRT-01: right behind the ServerHello, the server's own certificate first.
#[test]
fn a_server_shows_its_whole_chain() {
    let chain = Vec::from([ED25519.chain()[0].clone(), RSA.chain()[0].clone()]);
    let identity = Identity::new(chain.clone(), ED25519.key.clone()).unwrap();
    let mut scene = ServerScene::with(Mode::Wary, |config| config.identity(identity));
    let ed25519 = codes(&[SignatureScheme::ED25519.0]);
    scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &ed25519);
    scene.send_hello();
    let flight = scene.hear_flight();
    let types: Vec<_> = flight.iter().map(|message| message.msg_type).collect();
    let expected = [
        HandshakeType::SERVER_HELLO,
        HandshakeType::CERTIFICATE,
        HandshakeType::SERVER_KEY_EXCHANGE,
        HandshakeType::SERVER_HELLO_DONE,
    ];
    assert_eq!(types, expected);
    assert_eq!(decode_chain(&flight[1].body).unwrap(), chain);
}

/// CRT-02: an empty list is not "no authentication".
#[test]
fn an_empty_list_is_fatal() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.certificate = [0; 3].to_vec();
        scene.send_flight();
        scene.fails(PeerMisbehaved::EmptyCertificateList, AlertDescription::DECODE_ERROR);
    }
}

/// CRT-02: lengths that contradict each other, and more certificates than a chain has.
#[test]
fn a_malformed_list_is_doubted() {
    let eleven = encode_chain(&alloc::vec![P256.chain()[0].clone(); 11]).unwrap();
    let cases: [(Vec<u8>, DecodeError); 6] = [
        (Vec::new(), DecodeError::Truncated),
        ([0, 0, 3, 0, 0, 0].to_vec(), DecodeError::Empty),
        ([0, 0, 5, 0, 0, 2, 7].to_vec(), DecodeError::Truncated),
        ([0, 0, 4, 0, 0, 2, 7].to_vec(), DecodeError::Truncated),
        ([&*encode_chain(P256.chain()).unwrap(), &[0]].concat(), DecodeError::TrailingBytes),
        (eleven, DecodeError::TooLong),
    ];
    for mode in MODES {
        for (body, error) in &cases {
            let mut scene = ClientScene::new(mode);
            scene.script.certificate.clone_from(body);
            scene.send_flight();
            scene.doubts(*error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// CRT-06: the verifier's word is fatal, with the alert that belongs to it. One of each kind is with the verifier.
#[test]
fn a_certificate_that_is_refused_is_fatal() {
    // Not of the same name as a root, which would be a forgery.
    let mut params = rcgen::CertificateParams::new(["localhost".into()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "a stranger");
    let stranger = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone();
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.certificate = encode_chain(core::slice::from_ref(&stranger)).unwrap();
        scene.send_flight();
        scene.fails(CertificateError::UnknownIssuer, AlertDescription::UNKNOWN_CA);

        let mut scene = ClientScene::new(mode);
        scene.script.certificate = [0, 0, 4, 0, 0, 1, 7].to_vec();
        scene.send_flight();
        scene.fails(CertificateError::BadEncoding, AlertDescription::BAD_CERTIFICATE);
    }
}

/// CRT-06: the calendar that counts is the one of the moment when the certificate comes.
#[test]
fn a_corrected_calendar_counts_for_the_certificate_to_come() {
    let mut scene = ClientScene::new(Mode::Wary);
    let year_5000 = pki_types::UnixTime::since_unix_epoch(core::time::Duration::from_secs(95_617_584_000));
    let corrected = crate::time::WallClock::new(scene.subject.now, year_5000);
    scene.subject.connection.set_wall_clock(corrected);
    scene.send_flight();
    let error = scene.subject.connection.close_reason().and_then(crate::event::CloseReason::error);
    assert!(matches!(error, Some(crate::error::Error::Certificate(CertificateError::Expired { .. }))), "{error:?}");
}

/// CRT-12: an empty list, and nothing to prove.
#[test]
fn a_client_without_a_certificate_declines() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.certificate_request = Some(REQUEST.to_vec());
        scene.send_flight();
        let flight = scene.hear_flight();
        let said: Vec<_> = flight.iter().map(|message| (message.msg_type, message.message_seq)).collect();
        let expected =
            [(HandshakeType::CERTIFICATE, 1), (HandshakeType::CLIENT_KEY_EXCHANGE, 2), (HandshakeType::FINISHED, 3)];
        assert_eq!(said, expected);
        assert_eq!(flight[0].body, [0, 0, 0]);
        let last = scene.puppet.end_of_flight();
        scene.give(&last);
        scene.carries_data();
    }
}

/// CRT-14: not asked, not said.
#[test]
fn a_client_shows_nothing_unasked() {
    let mut scene = ClientScene::new(Mode::Wary);
    scene.send_flight();
    let types: Vec<_> = scene.hear_flight().iter().map(|message| message.msg_type).collect();
    assert_eq!(types, [HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType::FINISHED]);
}

/// CRT-14, CRT-16: a server takes nothing unasked, neither a certificate nor its proof.
#[test]
fn a_certificate_that_was_not_asked_for_is_unexpected() {
    for mode in MODES {
        for msg_type in [HandshakeType::CERTIFICATE, HandshakeType::CERTIFICATE_VERIFY] {
            let mut scene = ServerScene::new(mode);
            scene.send_hello();
            scene.hear_flight();
            scene.send(msg_type, &encode_chain(P256.chain()).unwrap());
            let (error, alert) = unexpected(msg_type, HandshakeType::CLIENT_KEY_EXCHANGE);
            scene.doubts(error, alert);
        }
    }
}

/// CRT-10 at the client: a request must parse, even if it is declined.
#[test]
fn a_malformed_request_is_doubted() {
    let cases: [(&[u8], DecodeError); 4] = [
        (&[], DecodeError::Truncated),
        (&[0, 0, 2, 4, 3, 0, 0], DecodeError::Empty),
        (&[1, 64, 0, 3, 4, 3, 4, 0, 0], DecodeError::OddLength),
        (&[1, 64, 0, 2, 4, 3, 0, 0, 0], DecodeError::TrailingBytes),
    ];
    for mode in MODES {
        for (body, error) in cases {
            let mut scene = ClientScene::new(mode);
            scene.script.certificate_request = Some(body.to_vec());
            scene.send_flight();
            scene.doubts(error, AlertDescription::DECODE_ERROR);
        }
    }
}

/// FRG-20: once is enough.
#[test]
fn a_second_request_is_unexpected() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.certificate_request = Some(REQUEST.to_vec());
        let mut flight = scene.script.flight();
        flight.insert(4, (HandshakeType::CERTIFICATE_REQUEST, REQUEST.to_vec()));
        scene.send(&flight);
        let (error, alert) = unexpected(HandshakeType::CERTIFICATE_REQUEST, HandshakeType::SERVER_HELLO_DONE);
        scene.doubts(error, alert);
    }
}
