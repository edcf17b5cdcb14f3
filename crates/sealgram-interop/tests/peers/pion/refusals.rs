//! Associations that must not come to be: who refuses, and what each side is told.

use sealgram_interop::Outcome;
use sealgram_interop::case::{self, Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::peer::pion;

use crate::refusal::{ECDSA, NOTHING_IN_COMMON, Refusal};
use crate::{Interop, another_key};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = SERVERS.iter().map(|row| {
        Interop::new(format!("pion server / refused: {}", row.name), |certificates| with_server(row, certificates))
    });
    let clients = CLIENTS.iter().map(|row| {
        Interop::new(format!("pion client / refused: {}", row.name), |certificates| with_client(row, certificates))
    });
    servers.chain(clients).chain([another_key()])
}

/// PSK-08.
fn another_key() -> Interop {
    Interop::new("pion client / another key than ours".into(), |certificates| {
        let start = |case: &Case, to| pion::client(case, certificates, to, &["-psk", "0123456789abcdef"]);
        another_key::our_server_knows(
            &case::PSK,
            certificates,
            start,
            "failed: handshake error: alert: Alert Fatal: DecryptError",
        )
    })
}

const ANOTHER_NAME: &str = "the peer's certificate was refused: it is not for the name that was asked for \
    (at SERVER_HELLO_DONE; sent alert BAD_CERTIFICATE)";

/// The server wants to know who its clients are.
const REQUIRED: Case = Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA };

const SERVERS: &[Refusal] = &[
    Refusal {
        name: "we, another name",
        asked: "elsewhere.example",
        ours: ANOTHER_NAME,
        theirs: "refused: handshake error: alert: Alert Fatal: BadCertificate",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; sent alert UNKNOWN_CA)",
        theirs: "refused: handshake error: alert: Alert Fatal: UnknownCA",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no extended master secret",
        more: &["-ems", "disable"],
        ours: "nothing in common with the peer: it has no extended master secret, which is required here (at SERVER_HELLO; \
               sent alert HANDSHAKE_FAILURE)",
        theirs: "refused: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, no suite in common",
        more: &["-suites", "C00A"],
        ours: "the peer sent INSUFFICIENT_SECURITY (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "refused: handshake error: dtls fatal: client+server do not support any shared cipher suites",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, no certificate of ours",
        more: &["-ask", "require"],
        // NoCertificate, which is SSL 3.0's.
        ours: "the peer sent alert 41 (FATAL, not authenticated) (at FINISHED)",
        theirs: "refused: handshake error: dtls fatal: server required client verification, but got none",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, a certificate of ours from another root",
        case: REQUIRED,
        // It then trusts nobody.
        more: &["-roots", ""],
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at FINISHED)",
        theirs: "refused: handshake error: x509: certificate signed by unknown authority",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "the peer sent NO_APPLICATION_PROTOCOL (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "refused: handshake error: dtls fatal: no application protocol",
        ..Refusal::PLAIN
    },
];

const CLIENTS: &[Refusal] = &[
    Refusal {
        name: "we, no certificate",
        case: REQUIRED,
        more: &["-chain", ""],
        ours: "nothing in common with the peer: the client shows no certificate \
               (at CERTIFICATE; sent alert HANDSHAKE_FAILURE)",
        theirs: "failed: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, another name",
        asked: "elsewhere.example",
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "failed: handshake error: x509: certificate is valid for localhost, not elsewhere.example",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "failed: handshake error: x509: certificate signed by unknown authority",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no extended master secret",
        more: &["-ems", "disable"],
        ours: "nothing in common with the peer: it has no extended master secret, which is required here (at CLIENT_HELLO; \
               sent alert HANDSHAKE_FAILURE)",
        theirs: "failed: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no suite in common",
        more: &["-suites", "C00A"],
        ours: "nothing in common with the peer: no cipher suite that our certificate, groups and signature schemes allow \
               (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        theirs: "failed: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "nothing in common with the peer: no application protocol (ALPN) (at CLIENT_HELLO; \
               sent alert NO_APPLICATION_PROTOCOL)",
        theirs: "failed: handshake error: alert: Alert Fatal: NoApplicationProtocol",
        ..Refusal::PLAIN
    },
];

fn with_server(row: &Refusal, certificates: &Certificates) -> Outcome {
    row.with_server(&pion::server(&case_of(row), certificates, row.more)?, certificates)
}

fn with_client(row: &Refusal, certificates: &Certificates) -> Outcome {
    let root = certificates.root_file(row.trusted);
    let root = root.to_str().ok_or("no name for the root")?;
    let more = [&["-roots", root, "-name", row.asked], row.more].concat();
    row.with_client(certificates, |to| pion::client(&case_of(row), certificates, to, &more))
}

/// What pion is told, unless something else is.
fn case_of(row: &Refusal) -> Case {
    Case { whole_offer: !row.more.is_empty(), ..row.case }
}
