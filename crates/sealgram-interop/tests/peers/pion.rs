//! pion/dtls: a program of ours that is server or client.

mod associations;
mod refusals;

use sealgram::code::{CipherSuite, SignatureScheme};
use sealgram_interop::case::{self, Case, SMALL_MTU};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::pion;

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = with_server().map(against_server);
    servers.chain(with_client().map(against_client)).chain(associations::trials()).chain(refusals::trials())
}

/// NEG-23, KEX-10, KEX-12, EMS-05: what we advertise, each alone. Its server takes the first group that is offered, and
/// is not told which.
fn with_server() -> impl Iterator<Item = Case> {
    matrix().chain([case::FEATURES, case::FEATURES_OF_PEER_SERVERS].concat().into_iter().map(narrow))
}

/// EMS-04: the same from the other side. What its client offers in the end are all groups, so that ours takes only one.
fn with_client() -> impl Iterator<Item = Case> {
    matrix().chain([case::FEATURES, case::FEATURES_OF_OUR_SERVER].concat().into_iter().map(narrow))
}

fn matrix() -> impl Iterator<Item = Case> {
    case::matrix().map(narrow).flat_map(|case| [case, Case { mtu: Some(SMALL_MTU), ..case }])
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

const KEEPS_STATE: &str = "its listener keeps an association from the first hello of an address on";
