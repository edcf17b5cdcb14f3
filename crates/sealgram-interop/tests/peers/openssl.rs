//! OpenSSL 3: its `s_server` and its `s_client`.

mod crowd;
mod refusals;
mod renegotiation;

use sealgram::code::CipherSuite;
use sealgram_interop::case::{self, Case, KeyKind, SMALL_MTU};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::openssl;
use sealgram_interop::resumption::{Returning, peer_returns, we_return};

use crate::Interop;
use crate::credentials::{self, Programs};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    with_s_server()
        .map(against_s_server)
        .chain(with_s_client().map(against_s_client))
        .chain(case::RESUMPTIONS.iter().map(returning_to_s_server))
        .chain(case::RESUMPTIONS.iter().map(visited_again_by_s_client))
        .chain(refusals::trials())
        .chain(renegotiation::trials())
        .chain(crowd::trials())
        .chain(credentials::trials(&PROGRAMS))
}

const PROGRAMS: Programs = Programs {
    server: "openssl s_server",
    client: "openssl s_client",
    start_server: openssl::server,
    start_client: openssl::client,
    told_by_alert: |number| format!("SSL alert number {number}"),
    server_has_another_key: |_| vec!["-psk".into(), "000102030405060708090a0b0c0d0e0f".into()],
    client_has_another_key: &["-psk", "000102030405060708090a0b0c0d0e0f"],
    client_certificate: "-cert",
};

fn with_s_server() -> impl Iterator<Item = Case> {
    let variants =
        |case: Case| [case, Case { stateless: true, ..case }, Case { stateless: true, mtu: Some(SMALL_MTU), ..case }];
    let features = [case::FEATURES, case::FEATURES_OF_PEER_SERVERS].concat();
    // NEG-23, AEA-07, KEX-10, KEX-11.
    case::matrix().flat_map(variants).chain(features).chain(authentications())
}

/// All ways for the two to prove who they are, and all that they can say of media and sizes. It has ECDHE_PSK with
/// ChaCha20-Poly1305 and with CBC, and no raw public keys.
fn authentications() -> impl Iterator<Item = Case> {
    let has = |case: &Case| {
        let lacks = [CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384];
        !lacks.contains(&case.suite) && case.suite.0 != 0xd003 && case.suite.0 != 0xd005
    };
    let with_certificates =
        [case::CLIENT_CERTIFICATES, case::OCSP_RESPONSES, case::SRTP, case::SRTP_AEAD, case::MAX_FRAGMENT_LENGTHS]
            .concat();
    with_certificates.into_iter().chain(case::PRESHARED_KEYS.iter().copied()).chain(case::ccm()).filter(has)
}

/// NEG-23, AEA-07, KEX-11, KEX-12: the same from the other side, and what our server alone has a choice of.
fn with_s_client() -> impl Iterator<Item = Case> {
    let variants = |case: Case| [case, Case { mtu: Some(SMALL_MTU), ..case }];
    let features = [case::FEATURES, case::FEATURES_OF_OUR_SERVER].concat();
    case::matrix().flat_map(variants).chain(features).chain(authentications())
}

fn against_s_server(case: Case) -> Interop {
    let trial = Interop::new(format!("openssl s_server / {case}"), move |certificates| {
        we_connect(&case, certificates, openssl::server(&case, certificates, &[])?, Closer::Us)?;
        let case = Case { exporter: None, ..case };
        we_connect(&case, certificates, openssl::quiet_server(&case, certificates)?, Closer::Peer)
    });
    match case {
        Case { key_kind: KeyKind::Ed25519, .. } => trial.impossible(NO_ED25519),
        Case { cookies: false, .. } => trial.impossible("s_server has no switch for cookies"),
        _ => trial,
    }
}

fn against_s_client(case: Case) -> Interop {
    Interop::new(format!("openssl s_client / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            peer_connects(&case, certificates, |to| openssl::client(&case, certificates, to, &[]), closer)
        })
    })
}

fn returning_to_s_server(case: &'static Case) -> Interop {
    Interop::new(format!("openssl s_server / {case}"), |certificates| {
        we_return(case, certificates, openssl::server(case, certificates, &[])?)
    })
}

fn visited_again_by_s_client(case: &'static Case) -> Interop {
    Interop::new(format!("openssl s_client / {case}"), |certificates| {
        let start = |to, visit| openssl::returning_client(case, certificates, to, visit);
        peer_returns(case, certificates, &Returning::InTwo(&start))
    })
}

/// OpenSSL 3.0.19 serves such certificates over TLS 1.2, but over DTLS 1.2 not even to its own client.
const NO_ED25519: &str = "OpenSSL serves no Ed25519 certificates over DTLS: it answers \"no shared cipher\"";
