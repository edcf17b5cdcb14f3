//! Associations that must not come to be: who refuses, and what each side is told.

use sealgram_interop::Outcome;
use sealgram_interop::case::{Case, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::peer::gnutls;

use crate::Interop;
use crate::refusal::{ECDSA, NOTHING_IN_COMMON, client_in_vain, says, server_in_vain};

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
    // Without a name of its own it takes the one that we ask for.
    let peer = gnutls::server(&Case { server_name: false, ..ECDSA }, certificates, &[])?;
    server_in_vain(&peer, (&ECDSA, trusted, asked), certificates, |reason| says(reason, ours), TOLD_BY_ALERT)
}

fn it_refuses(case: Case, more: &[&str], theirs: &str, certificates: &Certificates) -> Outcome {
    let start = |to| gnutls::client(&case, certificates, to, more);
    client_in_vain(server_config(&case, certificates)?, start, |reason| says(reason, "the peer sent"), theirs)
}

fn it_is_refused(case: Case, ours: &str, certificates: &Certificates) -> Outcome {
    let start = |to| gnutls::client(&case, certificates, to, &[]);
    client_in_vain(server_config(&case, certificates)?, start, |reason| says(reason, ours), TOLD_BY_ALERT)
}

const TOLD_BY_ALERT: &str = "A TLS fatal alert has been received";
