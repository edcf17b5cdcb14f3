//! libcoap 4.3: its `coap-server` and its `coap-client`, once on OpenSSL and once on GnuTLS. A trial is a question of
//! CoAP and its answer.

use sealgram::code::CipherSuite;
use sealgram_interop::case::{self, Authentication, Case, ClientCertificate, KeyKind};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::libcoap::{self, Build};

use crate::{Interop, another_key};

/// What these programs are, for the reader of the document.
pub(crate) const ABOUT: &str = "\
Programs that speak CoAP (RFC 7252) and can be told who they are, but nothing of suites, groups and extensions: only what
they can do is listed. A trial is a question and its answer. Which suite and which group are used is for our end to say.";

pub(crate) fn trials(build: Build) -> impl Iterator<Item = Interop> {
    let servers = cases().map(move |case| against_server(build, case));
    let clients = cases().filter(has_a_key_of_its_own).map(move |case| against_client(build, case));
    servers.chain(clients).chain((build == Build::OpenSsl).then(another_key))
}

/// Every way to say who one is: CoAP asks for PSK with CCM_8 and for raw public keys (RFC 7252 section 9.1.3).
fn cases() -> impl Iterator<Item = Case> {
    let certificates = [case::ECDSA, case::RSA].into_iter();
    let of_clients = case::CLIENT_CERTIFICATES.iter().copied();
    let raw = case::RAW_PUBLIC_KEYS.iter().copied().filter(|case| case.key_kind == KeyKind::Ecdsa);
    let keys = case::PRESHARED_KEYS.iter().copied().chain(case::ccm());
    let all = certificates.chain(of_clients).chain(raw).chain(keys);
    all.filter(can_be_told).map(|case| Case { narrow: true, ..case })
}

/// Of all that a case can want, these programs know keys and certificates.
const fn can_be_told(case: &Case) -> bool {
    let asks_without_need = matches!(case.client, ClientCertificate::Requested(_));
    case.extended_master_secret
        && case.mtu.is_none()
        && case.alpn.is_none()
        && case.exporter.is_none()
        && !asks_without_need
}

/// Its client has raw public keys only for both or for none.
const fn has_a_key_of_its_own(case: &Case) -> bool {
    !case.raw_public_keys || case.client.shown().is_some()
}

fn against_server(build: Build, case: Case) -> Interop {
    let case = Case { client: asked(&case), ..case };
    let trial = Interop::new(format!("{} / {case}", build.server()), move |certificates| {
        we_connect(&case, certificates, libcoap::server(build, &case, certificates, &[])?, Closer::Us)
    });
    unless_impossible(trial, build, &case)
}

/// With raw public keys its server always asks for the client's.
const fn asked(case: &Case) -> ClientCertificate {
    match case.client {
        ClientCertificate::NotAsked if case.raw_public_keys => ClientCertificate::Missing,
        client => client,
    }
}

fn against_client(build: Build, case: Case) -> Interop {
    let trial = Interop::new(format!("{} / {case}", build.client()), move |certificates| {
        let start = |to| libcoap::client(build, &case, certificates, to, &[]);
        peer_connects(&case, certificates, start, Closer::Peer)
    });
    match (build, case.client.shown()) {
        (Build::GnuTls, Some(KeyKind::Ed25519)) => trial.impossible("it lets GnuTLS sign nothing with Ed25519"),
        _ => unless_impossible(trial, build, &case),
    }
}

fn unless_impossible(trial: Interop, build: Build, case: &Case) -> Interop {
    let is_of_rfc_8442 = case.authentication() == Authentication::EcdhePsk
        && case.suite != CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256;
    match build {
        Build::OpenSsl if case.raw_public_keys => trial.impossible("OpenSSL 3.0 has no raw public keys"),
        Build::GnuTls if matches!(case.suite.0, AES_256_CCM_8 | PSK_AES_256_CCM_8) => {
            trial.impossible("it keeps GnuTLS from AES_256_CCM_8")
        }
        _ if is_of_rfc_8442 => trial.impossible("neither OpenSSL 3.0 nor GnuTLS 3.7 has the suites of RFC 8442"),
        _ => trial,
    }
}

/// ECDHE_ECDSA_WITH_AES_256_CCM_8 (RFC 7251).
const AES_256_CCM_8: u16 = 0xc0af;

/// PSK_WITH_AES_256_CCM_8 (RFC 6655).
const PSK_AES_256_CCM_8: u16 = 0xc0a9;

/// PSK-08. On GnuTLS the client repeats its flight at long intervals, and not always three times before it gives up.
fn another_key() -> Interop {
    let build = Build::OpenSsl;
    Interop::new(format!("{} / another key than ours", build.client()), move |certificates| {
        let start = |case: &Case, to| libcoap::client(build, case, certificates, to, &["-k", "another"]);
        another_key::our_server_knows(&case::PSK, certificates, start, "session disconnected")
    })
}
