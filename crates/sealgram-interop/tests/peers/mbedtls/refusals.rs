//! Associations that must not come to be: who refuses, and what each side is told.

use sealgram_interop::Outcome;
use sealgram_interop::case::{self, Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::conversation::Closer;
use sealgram_interop::peer::mbedtls;

use crate::refusal::{ECDSA, NOTHING_IN_COMMON, Refusal};
use crate::{Interop, another_key};

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let servers = SERVERS
        .iter()
        .map(|row| Interop::new(format!("mbedtls ssl_server2 / refused: {}", row.name), |it| with_server(row, it)));
    let clients = CLIENTS
        .iter()
        .map(|row| Interop::new(format!("mbedtls ssl_client2 / refused: {}", row.name), |it| with_client(row, it)));
    let with_another_key = [
        Interop::new("mbedtls ssl_server2 / another key than ours".into(), |it| {
            with_server(&ANOTHER_KEY_OF_SERVER, it)
        }),
        Interop::new("mbedtls ssl_client2 / another key than ours".into(), |certificates| {
            let start = |case: &Case, to| mbedtls::client(case, certificates, to, Closer::Us, &[ANOTHER_KEY]);
            another_key::our_server_knows(&case::PSK, certificates, start, TOLD_BY_ALERT)
        }),
    ];
    servers.chain(clients).chain(with_another_key)
}

/// Where it waits for a Finished, it takes what it cannot read for a reason to give up, and says so.
const ANOTHER_KEY_OF_SERVER: Refusal = Refusal {
    case: Case { hasty: true, ..case::PSK },
    more: &[ANOTHER_KEY],
    ours: "the peer sent BAD_RECORD_MAC (FATAL, not authenticated) (at FINISHED)",
    theirs: "mbedtls_ssl_handshake returned",
    ..PLAIN
};

/// In place of the one that it is told first.
const ANOTHER_KEY: &str = "psk=0123456789abcdef";

/// MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE.
const TOLD_BY_ALERT: &str = "mbedtls_ssl_handshake returned -0x7780";

const PLAIN: Refusal = Refusal { theirs: TOLD_BY_ALERT, ..Refusal::PLAIN };

/// Our server wants to know who its clients are.
const REQUIRED: Case = Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA };

const SERVERS: &[Refusal] = &[
    Refusal {
        name: "we, another name",
        // It takes whatever name comes.
        case: Case { server_name: false, ..ECDSA },
        asked: "elsewhere.example",
        ours: "the peer's certificate was refused: it is not for the name that was asked for (at SERVER_HELLO_DONE; sent alert BAD_CERTIFICATE)",
        ..PLAIN
    },
    Refusal {
        name: "we, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer's certificate was refused: its issuer is not trusted (at SERVER_HELLO_DONE; sent alert UNKNOWN_CA)",
        ..PLAIN
    },
    Refusal {
        name: "it, another name",
        asked: "elsewhere.example",
        ours: "the peer sent UNRECOGNIZED_NAME (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "mbedtls_ssl_handshake returned",
        ..PLAIN
    },
    Refusal {
        name: "it, no suite in common",
        more: &["force_ciphersuite=TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256"],
        ours: "the peer sent HANDSHAKE_FAILURE (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "mbedtls_ssl_handshake returned",
        ..PLAIN
    },
    Refusal {
        name: "it, a certificate of ours from another root",
        case: Case { client: ClientCertificate::Required(KeyKind::Rsa), ..ECDSA },
        // It then trusts a root of its own, and does not say so: else our client had nothing to show. And when it is shown
        // nothing it gives up without an alert.
        more: &["ca_file=", "cert_req_ca_list=0"],
        ours: "the peer sent UNKNOWN_CA (FATAL, not authenticated) (at FINISHED)",
        theirs: "is not correctly signed by the trusted CA",
        ..PLAIN
    },
    Refusal {
        name: "it, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "the peer sent NO_APPLICATION_PROTOCOL (FATAL, not authenticated) (at SERVER_HELLO)",
        theirs: "mbedtls_ssl_handshake returned",
        ..PLAIN
    },
];

const CLIENTS: &[Refusal] = &[
    Refusal {
        name: "we, no certificate",
        case: REQUIRED,
        more: &["crt_file=none", "key_file=none"],
        ours: "nothing in common with the peer: the client shows no certificate (at CERTIFICATE; sent alert HANDSHAKE_FAILURE)",
        ..PLAIN
    },
    Refusal {
        name: "we, a certificate from another root",
        case: REQUIRED,
        // It then has one of its own.
        more: &["crt_file=", "key_file="],
        ours: "the peer's certificate was refused: its issuer is not trusted (at CERTIFICATE_VERIFY; sent alert UNKNOWN_CA)",
        ..PLAIN
    },
    Refusal {
        name: "it, another name",
        more: &["server_name=elsewhere.example"],
        ours: "the peer sent BAD_CERTIFICATE (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "does not match with the expected CN",
        ..PLAIN
    },
    Refusal {
        name: "it, another root",
        trusted: KeyKind::Rsa,
        ours: "the peer sent UNKNOWN_CA (FATAL, not authenticated) (at CLIENT_KEY_EXCHANGE)",
        theirs: "is not correctly signed by the trusted CA",
        ..PLAIN
    },
    Refusal {
        name: "we, no suite in common",
        more: &["force_ciphersuite=TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256"],
        ours: "nothing in common with the peer: no cipher suite that our certificate, groups and signature schemes allow \
            (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        ..PLAIN
    },
    Refusal {
        name: "we, no group in common",
        more: &["groups=secp521r1"],
        ours: "nothing in common with the peer: no key exchange group (at CLIENT_HELLO; sent alert HANDSHAKE_FAILURE)",
        ..PLAIN
    },
    Refusal {
        name: "we, no application protocol in common",
        case: Case { alpn: Some(NOTHING_IN_COMMON), ..ECDSA },
        ours: "nothing in common with the peer: no application protocol (ALPN) (at CLIENT_HELLO; sent alert NO_APPLICATION_PROTOCOL)",
        ..PLAIN
    },
];

fn with_server(row: &Refusal, certificates: &Certificates) -> Outcome {
    row.with_server(&mbedtls::server(&row.case, certificates, Closer::Us, row.more)?, certificates)
}

fn with_client(row: &Refusal, certificates: &Certificates) -> Outcome {
    let root = format!("ca_file={}", certificates.root_file(row.trusted).display());
    let more = [&[&*root], row.more].concat();
    row.with_client(certificates, |to| mbedtls::client(&row.case, certificates, to, Closer::Us, &more))
}
