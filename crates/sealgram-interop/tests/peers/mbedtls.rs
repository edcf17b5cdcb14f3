//! Mbed TLS 3.6: its `ssl_server2` and its `ssl_client2`.

mod addresses;
mod refusals;
mod renegotiation;

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};
use sealgram_interop::case::{self, Authentication, Case, KeyKind, SMALL_MTU};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::mbedtls;
use sealgram_interop::resumption::{Returning, peer_returns, we_return};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    with_server()
        .map(against_server)
        .chain(with_client().map(against_client))
        .chain(resumptions().map(|case| returning_to_server(as_it_is(*case))))
        .chain(resumptions().map(visited_again_by_client))
        .chain(addresses::trials())
        .chain(refusals::trials())
        .chain(renegotiation::trials())
}

fn resumptions() -> impl Iterator<Item = &'static Case> {
    case::RESUMPTIONS.iter().chain(case::CONNECTION_IDS_RESUMED)
}

/// NEG-23, AEA-07, KEX-10, KEX-11: all that we advertise, each alone. CID-01: with connection IDs, which it alone has.
fn with_server() -> impl Iterator<Item = Case> {
    let features = [case::FEATURES, case::FEATURES_OF_PEER_SERVERS, case::CONNECTION_IDS].concat();
    with_small_mtu().chain(features).chain(authentications()).map(as_it_is)
}

/// The same from the other side, with keying material to compare (EXP-01, EXP-10).
fn with_client() -> impl Iterator<Item = Case> {
    with_small_mtu()
        .chain([case::FEATURES, case::FEATURES_OF_OUR_SERVER, case::CONNECTION_IDS].concat())
        .chain(authentications())
}

/// All ways for the two to prove who they are, and all that they can say of media and sizes. Of the suites of RFC 5489 and
/// RFC 8442 it has one that we have too.
fn authentications() -> impl Iterator<Item = Case> {
    let keys = case::PRESHARED_KEYS.iter().copied().chain(case::ccm());
    let known = keys.filter(|case| {
        case.authentication() != Authentication::EcdhePsk
            || case.suite == CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256
    });
    let others = [case::CLIENT_CERTIFICATES, case::SRTP, case::MAX_FRAGMENT_LENGTHS].concat();
    others.into_iter().chain(known)
}

/// The group makes no difference to what is cut into fragments.
fn with_small_mtu() -> impl Iterator<Item = Case> {
    let cut = case::matrix().filter(|case| case.group == NamedGroup::X25519);
    case::matrix().chain(cut.map(|case| Case { mtu: Some(SMALL_MTU), ..case }))
}

/// Of all suites it likes ChaCha20 best. And between a cookie and the next hello it has its socket closed for a moment,
/// so that most of those are lost: we do not wait a second each time to send them again.
fn as_it_is(case: Case) -> Case {
    let suite = match case.key_kind {
        _ if !case.whole_offer => case.suite,
        KeyKind::Rsa | KeyKind::Rsa4096 => CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        _ => CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    };
    Case { suite, hasty: true, ..case }
}

fn against_server(case: Case) -> Interop {
    let trial = Interop::new(format!("mbedtls ssl_server2 / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            we_connect(&case, certificates, mbedtls::server(&case, certificates, closer, &[])?, closer)
        })
    });
    match case.exporter {
        Some(_) => trial.impossible("ssl_server2 of Mbed TLS 3.6.6 crashes when it is to export over DTLS"),
        None => or_impossible(trial, &case),
    }
}

fn against_client(case: Case) -> Interop {
    let trial = Interop::new(format!("mbedtls ssl_client2 / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            peer_connects(&case, certificates, |to| mbedtls::client(&case, certificates, to, closer, &[]), closer)
        })
    });
    or_impossible(trial, &case)
}

fn returning_to_server(case: Case) -> Interop {
    Interop::new(format!("mbedtls ssl_server2 / {case}"), move |certificates| {
        we_return(&case, certificates, mbedtls::server(&case, certificates, Closer::Us, &[])?)
    })
}

fn visited_again_by_client(case: &'static Case) -> Interop {
    Interop::new(format!("mbedtls ssl_client2 / {case}"), |certificates| {
        let start = |to| mbedtls::client(case, certificates, to, Closer::Peer, &["reconnect=1"]);
        let returning = Returning::ByItself { start: &start, first: Some(Closer::Peer), second: Closer::Peer };
        peer_returns(case, certificates, &returning)
    })
}

fn or_impossible(trial: Interop, case: &Case) -> Interop {
    match case.scheme {
        _ if [Some(case.key_kind), case.client.shown()].contains(&Some(KeyKind::Ed25519)) => {
            trial.impossible("Mbed TLS has no EdDSA")
        }
        Some(
            SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA512,
        ) => trial.impossible("Mbed TLS has RSA-PSS in TLS 1.3 alone"),
        _ => trial,
    }
}
