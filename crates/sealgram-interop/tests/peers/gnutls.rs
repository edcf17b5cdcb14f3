//! GnuTLS: its `gnutls-serv` and its `gnutls-cli`.

mod refusals;

use std::sync::Arc;

use sealgram::code::CipherSuite;
use sealgram_interop::case::{self, Alpn, Authentication, Case, SMALL_MTU};
use sealgram_interop::configuration::{PSK_IDENTITY, server_config};
use sealgram_interop::conversation::{Closer, peer_connects, report, we_connect};
use sealgram_interop::ours::Server;
use sealgram_interop::peer::gnutls;
use sealgram_interop::resumption::{Returning, peer_returns, we_return};
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};

use crate::Interop;
use crate::credentials::{self, Programs};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = with_server().map(against_server);
    let returning = case::RESUMPTIONS.iter().flat_map(|case| [returning_to_server(case), visited_again(case)]);
    servers
        .chain(with_client().map(against_client))
        .chain(returning)
        .chain(refusals::trials())
        .chain(credentials::trials(&PROGRAMS))
        .chain([up_to_its_crash()])
}

const PROGRAMS: Programs = Programs {
    server: "gnutls-serv",
    client: "gnutls-cli",
    start_server: gnutls::server,
    start_client: gnutls::client,
    told_by_alert: |number| format!("Received alert [{number}]"),
    server_has_another_key: |it| vec!["--pskpasswd".into(), it.other_psk_file()],
    client_has_another_key: &["--pskkey", "000102030405060708090a0b0c0d0e0f"],
    client_certificate: "--x509certfile",
};

/// NEG-23, AEA-07, KEX-10, KEX-11, KEX-12: all that we advertise, each alone. Its server exports nothing.
fn with_server() -> impl Iterator<Item = Case> {
    let features = [case::FEATURES, case::FEATURES_OF_PEER_SERVERS].concat();
    let features = features.into_iter().chain(authentications()).filter(|case| case.exporter.is_none());
    let features = features.map(|case| Case { alpn: case.alpn.map(as_the_client_prefers), ..case });
    with_small_mtu().chain(features)
}

/// The same from the other side, with keying material to compare (EXP-01, EXP-10).
fn with_client() -> impl Iterator<Item = Case> {
    with_small_mtu().chain([case::FEATURES, case::FEATURES_OF_OUR_SERVER].concat()).chain(authentications())
}

/// All ways for the two to prove who they are, and all that they can say of media and sizes. Of ECDHE_PSK it has
/// ChaCha20-Poly1305 and CBC.
fn authentications() -> impl Iterator<Item = Case> {
    let has = |case: &Case| {
        let lacks = [CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256, CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384];
        !lacks.contains(&case.suite) && case.suite.0 != 0xd003 && case.suite.0 != 0xd005
    };
    let tables = [
        case::CLIENT_CERTIFICATES,
        case::RAW_PUBLIC_KEYS,
        case::OCSP_RESPONSES,
        case::PRESHARED_KEYS,
        case::SRTP,
        case::RECORD_SIZE_LIMITS,
    ];
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
    match case {
        Case { large: true, .. } => trial.impossible(SMALL_PIECES),
        _ if case.authentication() == Authentication::EcdhePsk => trial.impossible(CRASHES),
        _ => trial,
    }
}

/// What there is of ECDHE_PSK before it crashes: both have verified the other's Finished.
fn up_to_its_crash() -> Interop {
    Interop::new("gnutls-cli / ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 up to Finished".into(), |certificates| {
        let (case, wire) = (case::ECDHE_PSK, Arc::new(Wire::default()));
        let server = Server::listen(server_config(&case, certificates)?, &wire)?;
        let peer = gnutls::client(&case, certificates, server.address()?, &[])?;
        let meet = || -> Outcome {
            let ours = server.accept()?;
            expect_eq("suite", &ours.session()?.cipher_suite, &case.suite)?;
            expect_eq("PSK identity", &ours.session()?.psk_identity.as_deref(), &Some(PSK_IDENTITY.as_bytes()))?;
            peer.prints("- Description: (DTLS1.2-X.509)-(ECDHE-X25519)-(CHACHA20-POLY1305)")
        };
        meet().map_err(|error| report(&*error, &peer, &wire))
    })
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
        peer_returns(case, certificates, &Returning::ByItself { start: &start, first: None, second: Closer::Us })
    })
}

/// 3.7.9 does so with its own server too.
const CRASHES: &str = "gnutls-cli crashes after a good handshake with ECDHE_PSK, when it is to describe it";

const SMALL_PIECES: &str = "the programs of GnuTLS send nothing that is longer than 4096 bytes";
