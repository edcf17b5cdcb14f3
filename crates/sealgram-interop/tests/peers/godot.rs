//! Godot 3: a project of ours that is server or client by the classes of the engine.

use std::sync::Arc;

use sealgram::code::{CipherSuite, NamedGroup};
use sealgram::pki_types::ServerName;
use sealgram_interop::case::{self, Case, Chain, KeyForm, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_config, server_config};
use sealgram_interop::conversation::{Closer, peer_connects, report, we_connect};
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::godot;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};
use sealgram_std::Error;

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = cases(FEATURES_OF_ITS_SERVER).map(against_server);
    servers.chain(cases(FEATURES_OF_ITS_CLIENT).map(against_client)).chain(refusals())
}

/// NEG-23: each suite, each group that it has, and what may be different about a certificate.
fn cases(more: &'static [Case]) -> impl Iterator<Item = Case> {
    let suites = case::SUITES.into_iter().map(|suite| Case::new(suite, NamedGroup::SECP256R1));
    let features = [FEATURES, more].concat();
    suites.chain(features).map(|case| Case { narrow: !case.whole_offer, ..case })
}

const ECDSA: Case = Case { group: NamedGroup::SECP256R1, ..case::ECDSA };
const RSA: Case = Case { group: NamedGroup::SECP256R1, ..case::RSA };

const FEATURES: &[Case] = &[
    Case { group: NamedGroup::SECP384R1, ..case::RSA },
    Case { group: NamedGroup::SECP384R1, ..case::ECDSA_P384 },
    Case { key_kind: KeyKind::Rsa4096, ..RSA },
    Case { chain: Chain::Intermediate, ..ECDSA },
    Case { chain: Chain::Intermediate, ..RSA },
    case::RSA,
    Case { group: NamedGroup::SECP256R1, ..case::ED25519 },
    Case { stateless: true, ..ECDSA },
    Case { large: true, ..ECDSA },
];

/// It likes ChaCha20 and long keys best, and has one certificate for every name.
const FEATURES_OF_ITS_SERVER: &[Case] = &[
    Case {
        whole_offer: true,
        suite: CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        group: NamedGroup::SECP384R1,
        ..case::ECDSA
    },
    Case { server_name: false, ..ECDSA },
];

const FEATURES_OF_ITS_CLIENT: &[Case] = &[
    Case { whole_offer: true, ..ECDSA },
    Case { key_form: KeyForm::Traditional, ..ECDSA },
    Case { key_form: KeyForm::Traditional, ..RSA },
];

fn against_server(case: Case) -> Interop {
    let trial = Interop::new(format!("godot server / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer]
            .into_iter()
            .try_for_each(|closer| we_connect(&case, certificates, godot::server(&case, certificates)?, closer))
    });
    unless_impossible(&case, trial)
}

fn against_client(case: Case) -> Interop {
    let trial = Interop::new(format!("godot client / {case}"), move |certificates| {
        [Closer::Us, Closer::Peer].into_iter().try_for_each(|closer| {
            let start = |to| godot::client(case.key_kind, certificates, to, "localhost");
            peer_connects(&case, certificates, start, closer)
        })
    });
    unless_impossible(&case, trial)
}

fn unless_impossible(case: &Case, trial: Interop) -> Interop {
    match case {
        Case { group: NamedGroup::X25519, .. } => trial.impossible("the Mbed TLS of Godot 3.2 offers no X25519"),
        Case { key_kind: KeyKind::Ed25519, .. } => trial.impossible("Mbed TLS has no Ed25519"),
        _ => trial,
    }
}

/// Its own words are the same for all that may be wrong: its alerts tell names and roots apart.
fn refusals() -> impl Iterator<Item = Interop> {
    let another_name = "the peer's certificate was refused: it is not for the name that was asked for \
        (at SERVER_HELLO_DONE; sent alert BAD_CERTIFICATE)";
    let another_root = "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; \
        sent alert UNKNOWN_CA)";
    [
        Interop::new("godot server / refused: we, another name".into(), move |it| {
            we_refuse("elsewhere.example", KeyKind::Ecdsa, another_name, it)
        }),
        Interop::new("godot server / refused: we, another root".into(), move |it| {
            we_refuse("localhost", KeyKind::Rsa, another_root, it)
        }),
        Interop::new("godot client / refused: it, another name".into(), |it| {
            it_refuses("elsewhere.example", KeyKind::Ecdsa, "BAD_CERTIFICATE", it)
        }),
        Interop::new("godot client / refused: it, another root".into(), |it| {
            it_refuses("localhost", KeyKind::Rsa, "UNKNOWN_CA", it)
        }),
        Interop::new("godot server / refused: it, no group in common".into(), it_has_no_group_of_ours),
        Interop::new("godot client / refused: we, no group in common".into(), we_have_no_group_of_its),
    ]
    .into_iter()
}

/// A plaintext alert is believed only after some timeouts, which are short here.
const HASTY: Case = Case { hasty: true, ..ECDSA };

fn we_refuse(asked: &'static str, trusted: KeyKind, ours: &str, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let peer = godot::server(&HASTY, certificates)?;
    let is_refused = || -> Outcome {
        let config = client_config(&HASTY, trusted, certificates)?;
        match Association::connect(peer.address()?, ServerName::try_from(asked)?, config, &wire) {
            Err(Error::Closed(reason)) => expect_eq("what we say", &&*reason.to_string(), &ours)?,
            Err(error) => return Err(error.into()),
            Ok(_) => return Err("it is not refused".into()),
        }
        peer.prints("status: error")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

fn it_refuses(asked: &str, trusted: KeyKind, alert: &str, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&HASTY, certificates)?, &wire)?;
    let peer = godot::client(trusted, certificates, server.address()?, asked)?;
    let is_refused = || -> Outcome {
        peer.prints("status: error")?;
        let ours = format!("the peer sent {alert} (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)");
        expect_eq("what we say", &server.wait_for_failure()?.to_string(), &ours)
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

/// Nothing but X25519, which it lacks.
const FOREIGN: Case = Case { narrow: true, hasty: true, ..case::RSA };

fn it_has_no_group_of_ours(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let peer = godot::server(&FOREIGN, certificates)?;
    let is_refused = || -> Outcome {
        let config = client_config(&FOREIGN, FOREIGN.key_kind, certificates)?;
        match Association::connect(peer.address()?, ServerName::try_from("localhost")?, config, &wire) {
            Err(Error::Closed(reason)) => expect_eq("what we say", &&*reason.to_string(), &ITS_ALERT),
            Err(error) => Err(error.into()),
            Ok(_) => Err("it is not refused".into()),
        }
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

fn we_have_no_group_of_its(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&FOREIGN, certificates)?, &wire)?;
    let peer = godot::client(FOREIGN.key_kind, certificates, server.address()?, "localhost")?;
    let is_refused = || -> Outcome {
        peer.prints("status: error")?;
        expect_eq("what we say", &&*server.wait_for_failure()?.to_string(), &NO_GROUP)
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

const ITS_ALERT: &str = "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at SERVER_HELLO)";
const NO_GROUP: &str =
    "nothing in common with the peer: no key exchange group (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)";
