//! Associations that must not come to be: who refuses, and what each side is told.

use std::sync::Arc;

use sealgram_interop::case::{self, Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::report;
use sealgram_interop::ours::Server;
use sealgram_interop::peer::pion;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};

use crate::refusal::{ECDSA, NOTHING_IN_COMMON, connect_in_vain};
use crate::{Interop, another_key};

/// An association that one of the two does not want.
struct Refusal {
    name: &'static str,
    case: Case,
    /// The name that the client asks for.
    asked: &'static str,
    /// The root that the client trusts.
    trusted: KeyKind,
    /// What pion is told in addition.
    more: &'static [&'static str],
    /// What our user is told.
    ours: &'static str,
    /// What the user of pion is told.
    theirs: &'static str,
}

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = SERVERS.iter().map(|row| {
        Interop::new(format!("pion server / refused: {}", row.name), |certificates| row.by_or_of_server(certificates))
    });
    let clients = CLIENTS.iter().map(|row| {
        Interop::new(format!("pion client / refused: {}", row.name), |certificates| row.by_or_of_client(certificates))
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

const PLAIN: Refusal =
    Refusal { name: "", case: ECDSA, asked: "localhost", trusted: KeyKind::Ecdsa, more: &[], ours: "", theirs: "" };

/// The server wants to know who its clients are.
const REQUIRED: Case = Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA };

const SERVERS: &[Refusal] = &[
    Refusal {
        name: "we, another name",
        asked: "elsewhere.example",
        ours: ANOTHER_NAME,
        theirs: "refused: handshake error: alert: Alert Fatal: BadCertificate",
        ..PLAIN
    },
    Refusal {
        name: "we, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; sent alert UNKNOWN_CA)",
        theirs: "refused: handshake error: alert: Alert Fatal: UnknownCA",
        ..PLAIN
    },
    Refusal {
        name: "we, no extended master secret",
        more: &["-ems", "disable"],
        ours: "nothing in common with the peer: it has no extended master secret, which is required here (at SERVER_HELLO; \
               sent alert HANDSHAKE_FAILURE)",
        theirs: "refused: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..PLAIN
    },
    Refusal {
        name: "it, no suite in common",
        more: &["-suites", "C00A"],
        ours: "the peer sent INSUFFICIENT_SECURITY (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "refused: handshake error: dtls fatal: client+server do not support any shared cipher suites",
        ..PLAIN
    },
    Refusal {
        name: "it, no certificate of ours",
        more: &["-ask", "require"],
        // NoCertificate, which is SSL 3.0's.
        ours: "the peer sent alert 41 (FATAL, not authenticated) (at FINISHED)",
        theirs: "refused: handshake error: dtls fatal: server required client verification, but got none",
        ..PLAIN
    },
    Refusal {
        name: "it, a certificate of ours from another root",
        case: REQUIRED,
        // It then trusts nobody.
        more: &["-roots", ""],
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at FINISHED)",
        theirs: "refused: handshake error: x509: certificate signed by unknown authority",
        ..PLAIN
    },
    Refusal {
        name: "it, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "the peer sent NO_APPLICATION_PROTOCOL (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "refused: handshake error: dtls fatal: no application protocol",
        ..PLAIN
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
        ..PLAIN
    },
    Refusal {
        name: "it, another name",
        asked: "elsewhere.example",
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "failed: handshake error: x509: certificate is valid for localhost, not elsewhere.example",
        ..PLAIN
    },
    Refusal {
        name: "it, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "failed: handshake error: x509: certificate signed by unknown authority",
        ..PLAIN
    },
    Refusal {
        name: "we, no extended master secret",
        more: &["-ems", "disable"],
        ours: "nothing in common with the peer: it has no extended master secret, which is required here (at CLIENT_HELLO; \
               sent alert HANDSHAKE_FAILURE)",
        theirs: "failed: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..PLAIN
    },
    Refusal {
        name: "we, no suite in common",
        more: &["-suites", "C00A"],
        ours: "nothing in common with the peer: no cipher suite that our certificate, groups and signature schemes allow \
               (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        theirs: "failed: handshake error: alert: Alert Fatal: HandshakeFailure",
        ..PLAIN
    },
    Refusal {
        name: "we, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "nothing in common with the peer: no application protocol (ALPN) (at CLIENT_HELLO; \
               sent alert NO_APPLICATION_PROTOCOL)",
        theirs: "failed: handshake error: alert: Alert Fatal: NoApplicationProtocol",
        ..PLAIN
    },
];

impl Refusal {
    /// Of a server that pion is.
    fn by_or_of_server(&self, certificates: &Certificates) -> Outcome {
        let wire = Arc::new(Wire::default());
        let peer = pion::server(&Case { whole_offer: !self.more.is_empty(), ..self.case }, certificates, self.more)?;
        let is_refused = || -> Outcome {
            let wanted = (&self.case, self.trusted, self.asked);
            let reason = connect_in_vain(&peer, wanted, certificates, &wire)?;
            expect_eq("what we say", &&*reason, &self.ours)?;
            peer.prints(self.theirs)
        };
        is_refused().map_err(|error| report(&*error, &peer, &wire))
    }

    /// Of a client that pion is.
    fn by_or_of_client(&self, certificates: &Certificates) -> Outcome {
        let wire = Arc::new(Wire::default());
        let server = Server::listen(server_config(&self.case, certificates)?, &wire)?;
        let root = certificates.root_file(self.trusted);
        let root = root.to_str().ok_or("no name for the root")?;
        let more = [&["-roots", root, "-name", self.asked], self.more].concat();
        let case = Case { whole_offer: !self.more.is_empty(), ..self.case };
        let peer = pion::client(&case, certificates, server.address()?, &more)?;
        let is_refused = || -> Outcome {
            let reason = server.wait_for_failure()?;
            expect_eq("what we say", &&*reason.to_string(), &self.ours)?;
            peer.prints(self.theirs)
        };
        is_refused().map_err(|error| report(&*error, &peer, &wire))
    }
}
