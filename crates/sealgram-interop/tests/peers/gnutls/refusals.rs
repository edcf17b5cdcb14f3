//! Associations that must not come to be: who refuses, and what each side is told.

use std::sync::Arc;

use sealgram_interop::case::{Case, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::report;
use sealgram_interop::ours::Server;
use sealgram_interop::peer::gnutls;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect};

use crate::Interop;
use crate::refusal::{ECDSA, NOTHING_IN_COMMON, connect_in_vain};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    [
        Interop::new("gnutls-serv / refused: we, another name".into(), |it| {
            we_refuse("elsewhere.example", KeyKind::Ecdsa, "it is not for the name", it)
        }),
        Interop::new("gnutls-serv / refused: we, another root".into(), |it| {
            we_refuse("localhost", KeyKind::Rsa, "its issuer is not trusted", it)
        }),
        Interop::new("gnutls-cli / refused: it, another name".into(), |it| {
            let more = ["--verify-hostname", "elsewhere.example"];
            it_refuses(Case { server_name: true, ..ECDSA }, &more, "The name in the certificate does not match", it)
        }),
        Interop::new("gnutls-cli / refused: it, another root".into(), |it| {
            let root = it.root_file(KeyKind::Rsa);
            let more = ["--x509cafile", root.to_str().ok_or("no name for the root")?];
            it_refuses(ECDSA, &more, "The certificate issuer is unknown", it)
        }),
        Interop::new("gnutls-cli / refused: we, no application protocol in common".into(), |it| {
            it_is_refused(NO_COMMON_PROTOCOL, "no application protocol (ALPN)", it)
        }),
    ]
    .into_iter()
}

const NO_COMMON_PROTOCOL: Case = Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA };

fn we_refuse(asked: &'static str, trusted: KeyKind, ours: &str, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    // Without a name of its own it takes the one that we ask for.
    let peer = gnutls::server(&Case { server_name: false, ..ECDSA }, certificates, &[])?;
    let is_refused = || -> Outcome {
        let wanted = (&ECDSA, trusted, asked);
        let reason = connect_in_vain(&peer, wanted, certificates, &wire)?;
        says(&reason, ours)?;
        peer.prints("A TLS fatal alert has been received")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

fn it_refuses(case: Case, more: &[&str], theirs: &str, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case, certificates)?, &wire)?;
    let peer = gnutls::client(&case, certificates, server.address()?, more)?;
    let is_refused = || -> Outcome {
        peer.prints(theirs)?;
        says(&server.wait_for_failure()?.to_string(), "the peer sent")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

fn it_is_refused(case: Case, ours: &str, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case, certificates)?, &wire)?;
    let peer = gnutls::client(&case, certificates, server.address()?, &[])?;
    let is_refused = || -> Outcome {
        says(&server.wait_for_failure()?.to_string(), ours)?;
        peer.prints("A TLS fatal alert has been received")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

fn says(text: &str, wanted: &str) -> Outcome {
    expect(text.contains(wanted), format!("we say {text:?}, which is not {wanted:?}"))
}
