//! GnuTLS: its `gnutls-serv` and its `gnutls-cli`.

mod refusals;

use sealgram::code::CipherSuite;
use sealgram_interop::case::{self, Alpn, Case, SMALL_MTU};
use sealgram_interop::conversation::{Closer, peer_connects, we_connect};
use sealgram_interop::peer::gnutls;
use sealgram_interop::resumption::{Returning, peer_returns, we_return};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = with_server().map(against_server);
    let returning = case::RESUMPTIONS.iter().flat_map(|case| [returning_to_server(case), visited_again(case)]);
    servers.chain(with_client().map(against_client)).chain(returning).chain(refusals::trials())
}

/// NEG-23, AEA-07, KEX-10, KEX-11, KEX-12: all that we advertise, each alone. Its server exports nothing.
fn with_server() -> impl Iterator<Item = Case> {
    let features = [case::FEATURES, case::FEATURES_OF_PEER_SERVERS].concat();
    let features = features.into_iter().filter(|case| case.exporter.is_none());
    let features = features.map(|case| Case { alpn: case.alpn.map(as_the_client_prefers), ..case });
    with_small_mtu().chain(features).chain(authentications().filter(|case| case.exporter.is_none()))
}

/// The same from the other side, with keying material to compare (EXP-01, EXP-10).
fn with_client() -> impl Iterator<Item = Case> {
    with_small_mtu().chain([case::FEATURES, case::FEATURES_OF_OUR_SERVER].concat()).chain(authentications())
}

/// All ways for the two to prove who they are. Of ECDHE_PSK it has ChaCha20-Poly1305 and CBC.
fn authentications() -> impl Iterator<Item = Case> {
    let has = |case: &Case| {
        let lacks = [CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384];
        !lacks.contains(&case.suite) && case.suite.0 != 0xd003 && case.suite.0 != 0xd005
    };
    let tables = [case::CLIENT_CERTIFICATES, case::RAW_PUBLIC_KEYS, case::OCSP_RESPONSES, case::PRESHARED_KEYS];
    tables.concat().into_iter().chain(case::ccm()).filter(has)
}

fn with_small_mtu() -> impl Iterator<Item = Case> {
    case::matrix().flat_map(|case| [case, Case { mtu: Some(SMALL_MTU), ..case }])
}

/// Of two lists of application protocols, its server goes by the order of the client's.
fn as_the_client_prefers(alpn: Alpn) -> Alpn {
    let agreed = alpn.client.iter().find(|name| alpn.server.contains(name));
    Alpn { agreed: agreed.copied().unwrap_or_default(), ..alpn }
}

/// It never closes by itself, so that we always do.
fn against_server(case: Case) -> Interop {
    let trial = Interop::new(format!("gnutls-serv / {case}"), move |certificates| {
        we_connect(&case, certificates, gnutls::server(&case, certificates, &[])?, Closer::Us)
    });
    if case.large { trial.impossible(SMALL_PIECES) } else { trial }
}

fn against_client(case: Case) -> Interop {
    let trial = Interop::new(format!("gnutls-cli / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            peer_connects(&case, certificates, |to| gnutls::client(&case, certificates, to, &[]), closer)
        })
    });
    if case.large { trial.impossible(SMALL_PIECES) } else { trial }
}

fn returning_to_server(case: &'static Case) -> Interop {
    Interop::new(format!("gnutls-serv / {case}"), |certificates| {
        we_return(case, certificates, gnutls::server(case, certificates, &[])?)
    })
}

/// It leaves at once, to come back.
fn visited_again(case: &'static Case) -> Interop {
    Interop::new(format!("gnutls-cli / {case}"), |certificates| {
        let start = |to| gnutls::client(case, certificates, to, &[]);
        peer_returns(case, certificates, &Returning::ByItself { start: &start, first: None })
    })
}

const SMALL_PIECES: &str = "the programs of GnuTLS send nothing that is longer than 4096 bytes";
