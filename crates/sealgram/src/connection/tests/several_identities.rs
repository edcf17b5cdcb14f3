//! One of several certificates: by name, and by the signatures that the client can check.
//!
//! What can go wrong: a client that asks for one name is shown the certificate of another one though its own was there;
//! a strict server serves names that it does not have; a client is shown a chain whose signatures it said it cannot
//! check, while one that it can check was there.

use alloc::vec::Vec;

use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::identities::{P256, RSA};
use super::*;
use crate::code::{AlertDescription, ExtensionType, HandshakeType, SignatureScheme};
use crate::config::{ConfigError, Identity, ServerConfigBuilder};
use crate::connection::tests::scene::{codes, vec16};
use crate::error::PeerIncompatible;
use crate::provider::ring;
use crate::wire::certificate::decode_chain;

/// A P-256 identity of its own.
fn identity() -> Identity {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["any".into()]).unwrap();
    load(Vec::from([cert.der().clone()]), &signing_key)
}

/// A P-256 identity whose certificate this authority has signed.
fn signed_by(authority: KeyPair) -> Identity {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(["localhost".into()]).unwrap();
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "leaf");
    let certificate = leaf.signed_by(&key, &Issuer::new(params, authority)).unwrap();
    load(Vec::from([certificate.der().clone()]), &key)
}

fn load(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Identity {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    Identity::new(chain, ring::provider().key_loader.load(&key).unwrap()).unwrap()
}

/// The certificate that a server shows to a client that asks for `name`, and says these things besides.
fn shown(
    name: Option<&str>,
    configure: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    offer: impl FnOnce(&mut ServerScene),
) -> CertificateDer<'static> {
    let mut scene = ServerScene::with(Mode::Wary, configure);
    ask(&mut scene, name);
    offer(&mut scene);
    scene.send_hello();
    let flight = scene.hear_flight();
    let message = flight.iter().find(|message| message.msg_type == HandshakeType::CERTIFICATE).unwrap();
    decode_chain(&message.body).unwrap().first().unwrap().clone().into_owned()
}

fn ask(scene: &mut ServerScene, name: Option<&str>) {
    if let Some(name) = name {
        let list = vec16(&[&[0], &*vec16(name.as_bytes())].concat());
        scene.script.hello.extensions.set(ExtensionType::SERVER_NAME, &list);
    }
}

fn end_entity(identity: &Identity) -> CertificateDer<'static> {
    identity.chain()[0].clone()
}

#[test]
fn the_certificate_for_the_name_is_shown() {
    let (exact, wild) = (identity(), identity());
    let configure = |config: ServerConfigBuilder| {
        config
            .identity(wild.clone().for_names(&["*.example.com"]).unwrap())
            .identity(exact.clone().for_names(&["chat.example.com", "other.example"]).unwrap())
    };
    let shown = |name| shown(name, configure, |_| {});
    for (name, expected) in [
        (None, &*P256),
        (Some("unknown.example"), &*P256),
        (Some("other.example"), &exact),
        (Some("OTHER.example"), &exact),
        (Some("mail.example.com"), &wild),
        (Some("Mail.Example.Com."), &wild),
        // The first that is for the name, as there is no order among names.
        (Some("chat.example.com"), &wild),
        // A star is one label.
        (Some("a.mail.example.com"), &*P256),
        (Some("example.com"), &*P256),
    ] {
        assert_eq!(shown(name), end_entity(expected), "{name:?}");
    }
}

/// EXP-20: a server that is strict refuses names that it does not have, with a fatal alert; others show what they have.
#[test]
fn an_unknown_name_is_refused_only_if_the_server_is_strict() {
    let named = identity();
    let strict = |config: ServerConfigBuilder| {
        config.identity(named.clone().for_names(&["here.example"]).unwrap()).require_known_name(true)
    };
    for mode in MODES {
        let mut scene = ServerScene::with(mode, strict);
        ask(&mut scene, Some("elsewhere.example"));
        scene.send_hello();
        scene.fails(PeerIncompatible::UnrecognizedName, AlertDescription::UNRECOGNIZED_NAME);
    }
    assert_eq!(shown(Some("here.example"), strict, |_| {}), end_entity(&named));
    assert_eq!(shown(None, strict, |_| {}), end_entity(&P256));
}

/// NEG-14, CRT-05: what the client can check in a chain may differ from what it can check in the handshake.
#[test]
fn the_chain_that_the_client_can_check_is_shown() {
    let rsa = || KeyPair::from_pem(include_str!("../../x509/testdata/rsa2048.key.pem")).unwrap();
    let (by_ecdsa, by_rsa) = (signed_by(KeyPair::generate().unwrap()), signed_by(rsa()));
    let names = ["two.example"];
    let configure = |config: ServerConfigBuilder| {
        config.identity(by_ecdsa.clone().for_names(&names).unwrap()).identity(by_rsa.clone().for_names(&names).unwrap())
    };
    let (ecdsa, rsa) = (SignatureScheme::ECDSA_SHA256.0, SignatureScheme::RSA_PKCS1_SHA256.0);
    let shown = |schemes: &[u16], chain_schemes: Option<&[u16]>| {
        shown(Some("two.example"), configure, |scene| {
            let extensions = &mut scene.script.hello.extensions;
            extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &codes(schemes));
            if let Some(chain_schemes) = chain_schemes {
                extensions.set(ExtensionType::SIGNATURE_ALGORITHMS_CERT, &codes(chain_schemes));
            }
        })
    };
    // Without an extension of its own, the one for the handshake counts.
    assert_eq!(shown(&[ecdsa, rsa], None), end_entity(&by_ecdsa));
    assert_eq!(shown(&[ecdsa], None), end_entity(&by_ecdsa));
    assert_eq!(shown(&[ecdsa], Some(&[rsa])), end_entity(&by_rsa));
    assert_eq!(shown(&[ecdsa, rsa], Some(&[ecdsa])), end_entity(&by_ecdsa));
    // Where no chain fits, one is better than none.
    assert_eq!(shown(&[ecdsa], Some(&[0x0403 + 0x0200])), end_entity(&by_ecdsa));
}

/// A certificate that nobody has to check, because it is its own issuer, has no signature that could be in the way.
#[test]
fn a_self_signed_certificate_fits_every_client() {
    let chain_schemes = |scene: &mut ServerScene| {
        scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS_CERT, &codes(&[0x0601]));
    };
    assert_eq!(shown(None, |config| config, chain_schemes), end_entity(&P256));
}

/// NEG-14: among certificates that are equally good the better suite decides, not the order in which they came.
#[test]
fn of_equal_certificates_the_better_suite_is_used() {
    let names = ["both.example"];
    let ecdsa = identity();
    let configure = |config: ServerConfigBuilder| {
        config.identity(RSA.clone().for_names(&names).unwrap()).identity(ecdsa.clone().for_names(&names).unwrap())
    };
    let everything = |scene: &mut ServerScene| {
        let schemes = [SignatureScheme::RSA_PKCS1_SHA256.0, SignatureScheme::ECDSA_SHA256.0];
        scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS, &codes(&schemes));
    };
    assert_eq!(shown(Some("both.example"), configure, everything), end_entity(&ecdsa));
}

#[test]
fn names_that_are_none_are_refused() {
    for name in ["", "*", "*.", "a b", "*.*.example", "10.0.0.1"] {
        let refused = RSA.clone().for_names(&["good.example", name]).err();
        assert_eq!(refused, Some(ConfigError::InvalidServerName), "{name:?}");
    }
}
