//! pion/dtls: a program of ours that is server or client.

mod associations;
mod refusals;

use sealgram::code::{CipherSuite, SignatureScheme};
use sealgram_interop::case::{self, Case, KeyKind, SMALL_MTU, SessionHandle};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::pion;
use sealgram_interop::resumption::{Returning, peer_returns, we_return};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = with_server().map(against_server);
    let returning = resumptions().flat_map(|case| [returning_to_server(case), visited_again_by_client(case)]);
    servers
        .chain(with_client().map(against_client))
        .chain(returning)
        .chain(associations::trials())
        .chain(refusals::trials())
}

/// NEG-23, KEX-10, KEX-12, EMS-05: what we advertise, each alone. Its server takes the first group that is offered, and
/// is not told which.
fn with_server() -> impl Iterator<Item = Case> {
    let features = [case::FEATURES, case::FEATURES_OF_PEER_SERVERS].concat();
    matrix().chain(features.into_iter().chain(authentications()).map(narrow))
}

/// EMS-04: the same from the other side. What its client offers in the end are all groups, so that ours takes only one.
fn with_client() -> impl Iterator<Item = Case> {
    let features = [case::FEATURES, case::FEATURES_OF_OUR_SERVER].concat();
    matrix().chain(features.into_iter().chain(authentications()).map(narrow))
}

fn matrix() -> impl Iterator<Item = Case> {
    case::matrix().map(narrow).flat_map(|case| [case, Case { mtu: Some(SMALL_MTU), ..case }])
}

/// All ways for the two to prove who they are, and media.
fn authentications() -> impl Iterator<Item = Case> {
    let keys = case::PRESHARED_KEYS.iter().copied().chain(case::ccm());
    // Of the two profiles of RFC 7714 it has the first.
    let media = case::SRTP.iter().chain(case::SRTP_AEAD.iter().take(1)).copied();
    case::CLIENT_CERTIFICATES.iter().copied().chain(keys.filter(has_suite)).chain(media)
}

/// It has ECDHE_PSK with CBC alone, and of AES-CCM those that CoAP uses.
fn has_suite(case: &Case) -> bool {
    SUITES_OF_PION.contains(&case.suite.0)
}

/// Sessions are kept by their id: it knows no tickets. Its server keeps none of clients that show a certificate. Its
/// client takes the second datagram of a flight for that of a session which is taken up, so that ours has to fit into
/// one: chains of RSA do not.
fn resumptions() -> impl Iterator<Item = Case> {
    let known = case::RESUMPTIONS.iter().copied().filter(|case| {
        let is_by_id = case.resumption.is_some_and(|resumption| resumption.by == SessionHandle::Id);
        is_by_id && !case.client.is_asked()
    });
    let short = |case: Case| {
        if case.key_kind == KeyKind::Rsa { Case { resumption: case.resumption, ..case::ECDSA } } else { case }
    };
    known.map(short).map(narrow)
}

/// With one suite and one group at our end, unless the case is about choosing.
fn narrow(case: Case) -> Case {
    Case { narrow: !case.whole_offer, ..case }
}

fn against_server(case: Case) -> Interop {
    let trial = Interop::new(format!("pion server / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer]
            .into_iter()
            .try_for_each(|closer| we_connect(&case, certificates, pion::server(&case, certificates, &[])?, closer))
    });
    if case.stateless { trial.impossible(KEEPS_STATE) } else { unless_impossible(trial, &case) }
}

fn against_client(case: Case) -> Interop {
    let trial = Interop::new(format!("pion client / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            peer_connects(&case, certificates, |to| pion::client(&case, certificates, to, &[]), closer)
        })
    });
    unless_impossible(trial, &case)
}

/// Whoever names a session that its server knows is not asked for a cookie.
fn returning_to_server(case: Case) -> Interop {
    let case = Case { cookies: false, ..case };
    Interop::new(format!("pion server / {case}"), move |certificates| {
        we_return(&case, certificates, pion::server(&case, certificates, &[])?)
    })
}

fn visited_again_by_client(case: Case) -> Interop {
    Interop::new(format!("pion client / {case}"), move |certificates| {
        let start = |to| pion::client(&case, certificates, to, &[]);
        let returning = Returning::ByItself { start: &start, first: Some(Closer::Us), second: Closer::Us };
        peer_returns(&case, certificates, &returning)
    })
}

fn unless_impossible(trial: Interop, case: &Case) -> Interop {
    let no_suite = matches!(
        case.suite,
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 | CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    );
    let no_scheme = matches!(
        case.scheme,
        Some(
            SignatureScheme::RSA_PSS_RSAE_SHA256
                | SignatureScheme::RSA_PSS_RSAE_SHA384
                | SignatureScheme::RSA_PSS_RSAE_SHA512
        )
    );
    match case {
        _ if no_suite => trial.impossible("pion/dtls 2.2 has no ChaCha20-Poly1305"),
        _ if no_scheme => trial.impossible("pion/dtls 2.2 has no RSASSA-PSS"),
        _ => trial,
    }
}

/// What we share with it beside suites for certificates with AES-GCM, by number: its names are other ones.
const SUITES_OF_PION: [u16; 6] = [0x00a8, 0xc0a4, 0xc0a8, 0xc0a9, 0xc0ac, 0xc0ae];

const KEEPS_STATE: &str = "its listener keeps an association from the first hello of an address on";
