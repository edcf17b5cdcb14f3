//! Associations that must not come to be: who refuses, and what each side is told.

use std::sync::Arc;

use sealgram::code::HandshakeType;
use sealgram_interop::case::{Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::conversation::report;
use sealgram_interop::peer::openssl;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};
use sealgram_std::Direction;

use crate::Interop;
use crate::refusal::{ECDSA, NOTHING_IN_COMMON, Refusal, connect_in_vain};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = SERVERS.iter().map(|row| {
        Interop::new(format!("openssl s_server / refused: {}", row.name), |certificates| with_server(row, certificates))
    });
    let clients = CLIENTS.iter().map(|row| {
        Interop::new(format!("openssl s_client / refused: {}", row.name), |certificates| with_client(row, certificates))
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

const SERVERS: &[Refusal] = &[
    Refusal {
        name: "we, another name",
        asked: "elsewhere.example",
        ours: ANOTHER_NAME,
        theirs: "alert bad certificate",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, another address",
        asked: "127.0.0.2",
        ours: ANOTHER_NAME,
        theirs: "alert bad certificate",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; sent alert UNKNOWN_CA)",
        theirs: "alert unknown ca",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, no suite in common",
        more: &["-cipher", "AES128-SHA256"],
        ours: "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "no shared cipher",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, a certificate is required",
        more: &["-Verify", "1"],
        ours: "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at FINISHED)",
        theirs: "peer did not return a certificate",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "the peer sent NO_APPLICATION_PROTOCOL (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "no application protocol",
        ..Refusal::PLAIN
    },
];

const CLIENTS: &[Refusal] = &[
    Refusal {
        name: "it, another name",
        more: &["-verify_hostname", "elsewhere.example"],
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "hostname mismatch",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "it, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer sent UNKNOWN_CA (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "unable to get local issuer certificate",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no suite in common",
        more: &["-cipher", "AES128-SHA256"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no group in common",
        more: &["-curves", "P-521"],
        ours: "nothing in common with the peer: no key exchange group (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        theirs: "alert handshake failure",
        ..Refusal::PLAIN
    },
    Refusal {
        // RFC 8422 section 5.1: a client that does not offer the curve of the certificate cannot verify it.
        name: "we, the curve of the certificate is not offered",
        more: &["-curves", "P-384"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no signature scheme in common",
        more: &["-sigalgs", "ECDSA+SHA512"],
        ours: NO_COMMON_SUITE,
        theirs: "alert handshake failure",
        ..Refusal::PLAIN
    },
    Refusal {
        name: "we, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "nothing in common with the peer: no application protocol (ALPN) (at CLIENT_HELLO; sent alert NO_APPLICATION_PROTOCOL)",
        theirs: "alert no application protocol",
        ..Refusal::PLAIN
    },
];

fn with_server(row: &Refusal, certificates: &Certificates) -> Outcome {
    row.with_server(&openssl::server(&row.case, certificates, row.more)?, certificates)
}

fn with_client(row: &Refusal, certificates: &Certificates) -> Outcome {
    let root = certificates.root_file(row.trusted);
    let more = [&["-CAfile", root.to_str().ok_or("no name for the root")?], row.more].concat();
    row.with_client(certificates, |to| openssl::client(&row.case, certificates, to, &more))
}
