//! Associations that must not come to be: who refuses, and what each side is told.

use std::sync::Arc;

use sealgram::code::HandshakeType;
use sealgram_interop::case::{Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::report;
use sealgram_interop::ours::Server;
use sealgram_interop::peer::openssl;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};
use sealgram_std::Direction;

use crate::Interop;
use crate::refusal::{ECDSA, NOTHING_IN_COMMON, connect_in_vain};

/// A server that one of the two does not want.
struct AgainstServer {
    name: &'static str,
    case: Case,
    /// The name that we ask for.
    asked: &'static str,
    /// The root that we trust.
    trusted: KeyKind,
    /// What `s_server` is told in addition.
    more: &'static [&'static str],
    /// What our user is told.
    ours: &'static str,
    /// What the user of `s_server` is told.
    theirs: &'static str,
}

/// A client that one of the two does not want.
struct AgainstClient {
    name: &'static str,
    case: Case,
    /// The root that `s_client` trusts.
    trusted: KeyKind,
    /// What it is told in addition.
    more: &'static [&'static str],
    /// What our user is told.
    ours: &'static str,
    /// What the user of `s_client` is told.
    theirs: &'static str,
}

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = SERVERS.iter().map(|row| {
        Interop::new(format!("openssl s_server / refused: {}", row.name), |certificates| row.check(certificates))
    });
    let clients = CLIENTS.iter().map(|row| {
        Interop::new(format!("openssl s_client / refused: {}", row.name), |certificates| row.check(certificates))
    });
    let none = Interop::new(
        "openssl s_server / refused: it, no certificate of its authorities".into(),
        we_have_no_certificate_of_its_authorities,
    );
    servers.chain(clients).chain([none])
}

/// CRT-19: what it asks for is a certificate of the RSA root. Ours is not shown in vain, and the server is the one that
/// refuses.
fn we_have_no_certificate_of_its_authorities(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let wanted = Case { client: ClientCertificate::Required(KeyKind::Rsa), ..ECDSA };
    let peer = openssl::server(&wanted, certificates, &[])?;
    let is_refused = || -> Outcome {
        let ours = Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA };
        let reason = connect_in_vain(&peer, (&ours, KeyKind::Ecdsa, "localhost"), certificates, &wire)?;
        expect_eq(
            "what we say",
            &&*reason,
            &"the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at FINISHED)",
        )?;
        expect_eq("what we show", &wire.message(Direction::Sent, HandshakeType::CERTIFICATE), &Some(vec![0, 0, 0]))?;
        peer.prints("peer did not return a certificate")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

const ANOTHER_NAME: &str = "the peer's certificate was refused: it is not for the name that was asked for \
    (at SERVER_HELLO_DONE; sent alert BAD_CERTIFICATE)";

const NO_COMMON_SUITE: &str = "nothing in common with the peer: no cipher suite that our certificate, groups and \
    signature schemes allow (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)";

const PLAIN_SERVER: AgainstServer = AgainstServer {
    name: "",
    case: ECDSA,
    asked: "localhost",
    trusted: KeyKind::Ecdsa,
    more: &[],
    ours: "",
    theirs: "",
};

const SERVERS: &[AgainstServer] = &[
    AgainstServer {
        name: "we, another name",
        asked: "elsewhere.example",
        ours: ANOTHER_NAME,
        theirs: "alert bad certificate",
        ..PLAIN_SERVER
    },
    AgainstServer {
        name: "we, another address",
        asked: "127.0.0.2",
        ours: ANOTHER_NAME,
        theirs: "alert bad certificate",
        ..PLAIN_SERVER
    },
    AgainstServer {
        name: "we, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; sent alert UNKNOWN_CA)",
        theirs: "alert unknown ca",
        ..PLAIN_SERVER
    },
    AgainstServer {
        name: "it, no suite in common",
        more: &["-cipher", "AES128-SHA256"],
        ours: "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "no shared cipher",
        ..PLAIN_SERVER
    },
    AgainstServer {
        name: "it, a certificate is required",
        more: &["-Verify", "1"],
        ours: "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at FINISHED)",
        theirs: "peer did not return a certificate",
        ..PLAIN_SERVER
    },
    AgainstServer {
        name: "it, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "the peer sent NO_APPLICATION_PROTOCOL (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "no application protocol",
        ..PLAIN_SERVER
    },
];

const PLAIN_CLIENT: AgainstClient =
    AgainstClient { name: "", case: ECDSA, trusted: KeyKind::Ecdsa, more: &[], ours: "", theirs: "" };

const CLIENTS: &[AgainstClient] = &[
    AgainstClient {
        name: "it, another name",
        more: &["-verify_hostname", "elsewhere.example"],
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "hostname mismatch",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        name: "it, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer sent UNKNOWN_CA (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "unable to get local issuer certificate",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        name: "we, no suite in common",
        more: &["-cipher", "AES128-SHA256"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        name: "we, no group in common",
        more: &["-curves", "P-521"],
        ours: "nothing in common with the peer: no key exchange group (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        theirs: "alert handshake failure",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        // RFC 8422 section 5.1: a client that does not offer the curve of the certificate cannot verify it.
        name: "we, the curve of the certificate is not offered",
        more: &["-curves", "P-384"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        name: "we, no signature scheme in common",
        more: &["-sigalgs", "ECDSA+SHA512"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..PLAIN_CLIENT
    },
    AgainstClient {
        name: "we, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "nothing in common with the peer: no application protocol (ALPN) (at CLIENT_HELLO; sent alert NO_APPLICATION_PROTOCOL)",
        theirs: "alert no application protocol",
        ..PLAIN_CLIENT
    },
];

impl AgainstServer {
    fn check(&self, certificates: &Certificates) -> Outcome {
        let wire = Arc::new(Wire::default());
        let peer = openssl::server(&self.case, certificates, self.more)?;
        let is_refused = || -> Outcome {
            let wanted = (&self.case, self.trusted, self.asked);
            let reason = connect_in_vain(&peer, wanted, certificates, &wire)?;
            expect_eq("what we say", &&*reason, &self.ours)?;
            peer.prints(self.theirs)
        };
        is_refused().map_err(|error| report(&*error, &peer, &wire))
    }
}

impl AgainstClient {
    fn check(&self, certificates: &Certificates) -> Outcome {
        let wire = Arc::new(Wire::default());
        let server = Server::listen(server_config(&self.case, certificates)?, &wire)?;
        let root = certificates.root_file(self.trusted);
        let more = [&["-CAfile", root.to_str().ok_or("no name for the root")?], self.more].concat();
        let peer = openssl::client(&self.case, certificates, server.address()?, &more)?;
        let is_refused = || -> Outcome {
            let reason = server.wait_for_failure()?;
            expect_eq("what we say", &&*reason.to_string(), &self.ours)?;
            peer.prints(self.theirs)
        };
        is_refused().map_err(|error| report(&*error, &peer, &wire))
    }
}
