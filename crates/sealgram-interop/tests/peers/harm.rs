//! Every peer in both roles, with a proxy between us that loses, delays, duplicates and damages.

use sealgram::code::NamedGroup;
use sealgram_interop::Outcome;
use sealgram_interop::case::{self, Case, Chain, SMALL_MTU};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::conversation::{Closer, peer_connects_through, we_connect_through};
use sealgram_interop::peer::udp_proxy::{HARMS, Harm};
use sealgram_interop::peer::{gnutls, godot, mbedtls, openssl, pion};

use crate::Interop;

/// What one association with a peer is, in one role.
type Meet = fn(Harm, &Case, &Certificates) -> Outcome;

pub(crate) fn with_openssl() -> impl Iterator<Item = Interop> {
    let server: Meet =
        |harm, case, it| we_connect_through(Some(harm), case, it, openssl::server(case, it, &[])?, Closer::Us);
    let client: Meet = |harm, case, it| {
        peer_connects_through(Some(harm), case, it, |to| openssl::client(case, it, to, &[]), Closer::Us)
    };
    trials("openssl s_server", server, CASES).chain(trials("openssl s_client", client, CASES))
}

pub(crate) fn with_gnutls() -> impl Iterator<Item = Interop> {
    let server: Meet =
        |harm, case, it| we_connect_through(Some(harm), case, it, gnutls::server(case, it, &[])?, Closer::Us);
    let client: Meet = |harm, case, it| {
        peer_connects_through(Some(harm), case, it, |to| gnutls::client(case, it, to, &[]), Closer::Us)
    };
    trials("gnutls-serv", server, CASES).chain(trials("gnutls-cli", client, CASES))
}

pub(crate) fn with_mbedtls() -> impl Iterator<Item = Interop> {
    let server: Meet = |harm, case, it| {
        we_connect_through(Some(harm), case, it, mbedtls::server(case, it, Closer::Us, &[])?, Closer::Us)
    };
    let client: Meet = |harm, case, it| {
        peer_connects_through(Some(harm), case, it, |to| mbedtls::client(case, it, to, Closer::Us, &[]), Closer::Us)
    };
    trials("mbedtls ssl_server2", server, CASES).chain(trials("mbedtls ssl_client2", client, CASES))
}

pub(crate) fn with_pion() -> impl Iterator<Item = Interop> {
    let server: Meet =
        |harm, case, it| we_connect_through(Some(harm), case, it, pion::server(case, it, &[])?, Closer::Us);
    let client: Meet =
        |harm, case, it| peer_connects_through(Some(harm), case, it, |to| pion::client(case, it, to, &[]), Closer::Us);
    let cases = CASES.map(|case| Case { narrow: true, ..case });
    trials("pion server", server, cases).chain(trials("pion client", client, cases))
}

/// It takes no orders, and has neither X25519 nor a small MTU.
pub(crate) fn with_godot() -> impl Iterator<Item = Interop> {
    let server: Meet = |harm, case, it| we_connect_through(Some(harm), case, it, godot::server(case, it)?, Closer::Us);
    let client: Meet = |harm, case, it| {
        let start = |to| godot::client(case.key_kind, it, to, "localhost");
        peer_connects_through(Some(harm), case, it, start, Closer::Us)
    };
    let cases = CASES.map(|case| Case { narrow: true, group: NamedGroup::SECP256R1, mtu: None, ..case });
    trials("godot server", server, cases).chain(trials("godot client", client, cases))
}

/// FLT-01: each kind of harm, to a handshake of few datagrams and to one of many.
fn trials(program: &'static str, meet: Meet, cases: [Case; 2]) -> impl Iterator<Item = Interop> {
    let rows = HARMS.into_iter().flat_map(move |harm| cases.map(|case| (harm, case)));
    rows.map(move |(harm, case)| {
        let name = format!("{program} / through udp_proxy with {}: {case}", harm.name);
        Interop::new(name, move |certificates| meet(harm, &case, certificates))
    })
}

const CASES: [Case; 2] = [
    Case { hasty: true, ..case::ECDSA },
    Case { hasty: true, chain: Chain::Intermediate, mtu: Some(SMALL_MTU), ..case::RSA },
];
