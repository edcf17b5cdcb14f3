//! Mbed TLS 3.6: `ssl_server2`, `ssl_client2` and `udp_proxy`, which `build-mbedtls` puts into the cache.
//!
//! They do not talk freely. The server answers what it hears with a page of its own, the client asks for a page so many
//! times; each closes by itself after that many exchanges, and one that is told to go on for one more waits for us.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use sealgram::Role;
use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};

use super::{Dialect, Manner, Peer, Quit, free_port};
use crate::Outcome;
use crate::case::{Authentication, Case, Chain, ClientCertificate, KeyForm, KeyKind, RecordSizes, SessionHandle};
use crate::certificates::Certificates;
use crate::configuration::{PSK_IDENTITY, psk_in_hexadecimal};
use crate::conversation::Closer;
use crate::process::{Process, cached};

/// The name of its folder in the cache, which `build-mbedtls` gives it.
const FOLDER: &str = "mbedtls-3.6.6-2";

/// The version, or why Mbed TLS cannot take part.
pub fn find() -> Result<String, String> {
    for name in ["ssl_server2", "ssl_client2", "udp_proxy", "following_server"] {
        program(name)?;
    }
    Ok("Mbed TLS 3.6".into())
}

/// The whole version, which a recording tells, such as "Mbed TLS 3.6.6".
pub fn version() -> Outcome<String> {
    let output = Command::new(program("ssl_client2")?).arg("build_version=1").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split("build version: ").nth(1).and_then(|rest| rest.split(" (").next());
    version.map(str::to_owned).ok_or_else(|| format!("ssl_client2 tells no version: {text:?}").into())
}

/// Where one of the programs is.
pub(super) fn program(name: &str) -> Result<PathBuf, String> {
    cached(FOLDER, "crates/sealgram-interop/build-mbedtls").map(|folder| folder.join("bin").join(name))
}

/// Starts `ssl_server2` for a case. It closes after the last exchange, unless we are to do it.
pub fn server(case: &Case, certificates: &Certificates, closer: Closer, more: &[&str]) -> Outcome<Peer> {
    let mut command = mbedtls("ssl_server2", case, closer, Role::Server)?;
    let address = free_port()?;
    let port = format!("server_port={}", address.port());
    let cookies = format!("cookies={}", u8::from(case.cookies));
    command.args([&*port, &cookies, "buffer_size=16384"]);
    let [chain, key] = identity(certificates, case.key_kind, case.chain);
    if case.authentication() != Authentication::Signature {
        command.args(["crt_file=none", "key_file=none"]);
    } else if case.server_name {
        // The certificate for the name is not the one that it shows to whoever asks for no name.
        let other = if case.key_kind == KeyKind::Rsa { KeyKind::Ecdsa } else { KeyKind::Rsa };
        let [other_chain, other_key] = identity(certificates, other, Chain::Direct);
        command.arg(format!("sni=localhost,{chain},{key},-,-,-"));
        command.args([format!("crt_file={other_chain}"), format!("key_file={other_key}")]);
    } else {
        command.args([format!("crt_file={chain}"), format!("key_file={key}")]);
    }
    if let Some(alpn) = case.alpn {
        command.arg(format!("alpn={}", alpn.server.join(",")));
    }
    match case.client {
        ClientCertificate::NotAsked => {}
        ClientCertificate::Missing => drop(command.arg("auth_mode=optional")),
        ClientCertificate::Requested(kind) => {
            command.args(["auth_mode=optional".into(), trusting(certificates, kind)]);
        }
        ClientCertificate::Required(kind) => {
            command.args(["auth_mode=required".into(), trusting(certificates, kind)]);
        }
    }
    let mut facts = facts(case, Role::Server);
    if case.client.shown().is_some() {
        facts.push("Peer certificate information".into());
    }
    command.args(case.peers_record_len(Role::Server).map(|len| format!("response_size={len}")));
    let process = Process::spawn(command.args(more))?;
    Ok(Peer { process, dialect: &SSL_SERVER2, facts, told: Some(address) })
}

/// Starts a server of ours on its library, `peers/mbedtls/following_server.c`, which follows its client to other
/// addresses. It knows certificates and connection IDs, and nothing else that a case may be about.
pub fn following_server(case: &Case, certificates: &Certificates) -> Outcome<Peer> {
    let mut command = Command::new(program("following_server")?);
    command.args(identity(certificates, case.key_kind, case.chain));
    command.arg(case.connection_ids.map_or("", |ids| ids.server));
    let process = Process::spawn(&mut command)?;
    Ok(Peer { process, dialect: &FOLLOWING_SERVER, facts: vec!["connected".into()], told: None })
}

/// The files of a server's chain and key.
fn identity(certificates: &Certificates, kind: KeyKind, chain: Chain) -> [String; 2] {
    let files = [certificates.chain_file(kind, chain), certificates.key_file(kind, KeyForm::Pkcs8)];
    files.map(|file| file.display().to_string())
}

/// Starts `ssl_client2` for a case. It closes after the last exchange, unless we are to do it.
pub fn client(
    case: &Case,
    certificates: &Certificates,
    to: SocketAddr,
    closer: Closer,
    more: &[&str],
) -> Outcome<Peer> {
    let mut command = mbedtls("ssl_client2", case, closer, Role::Client)?;
    command.args([format!("server_port={}", to.port()), format!("request_page={PAGE}")]);
    command.arg(trusting(certificates, case.key_kind));
    if let Some(kind) = case.client.shown() {
        command.arg(format!("crt_file={}", certificates.client_certificate_file(kind).display()));
        command.arg(format!("key_file={}", certificates.client_key_file(kind).display()));
    } else {
        // It has one built in.
        command.args(["crt_file=none", "key_file=none"]);
    }
    // Its name is that of the certificate, whether it is told to the server or not.
    command.args(["server_name=localhost", "auth_mode=required"]);
    if !case.server_name {
        command.arg("set_hostname=NULL");
    }
    if let Some(alpn) = case.alpn {
        command.arg(format!("alpn={}", alpn.client.join(",")));
    }
    command.args(case.peers_record_len(Role::Client).map(|len| format!("request_size={len}")));
    let process = Process::spawn(command.args(more))?;
    let facts = [facts(case, Role::Client), vec!["Verifying peer X.509 certificate... ok".into()]].concat();
    Ok(Peer { process, dialect: &SSL_CLIENT2, facts, told: None })
}

/// Whom it trusts.
fn trusting(certificates: &Certificates, kind: KeyKind) -> String {
    format!("ca_file={}", certificates.root_file(kind).display())
}

/// What both roles are told alike.
fn mbedtls(name: &str, case: &Case, closer: Closer, role: Role) -> Outcome<Command> {
    // Line by line: they would keep what they have read to themselves until something else happens.
    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(program(name)?);
    command.args(["dtls=1", "force_version=dtls12", "server_addr=127.0.0.1", "hs_timeout=250-60000"]);
    command.arg(format!("exchanges={}", if closer == Closer::Peer { EXCHANGES } else { EXCHANGES + 1 }));
    command.arg(format!("extended_ms={}", u8::from(case.extended_master_secret)));
    if !case.whole_offer {
        command.args([format!("force_ciphersuite={}", suite_name(case.suite)), format!("groups={}", groups(case))]);
    }
    if let Some(mtu) = case.mtu {
        command.arg(format!("mtu={mtu}"));
    }
    if let Some(scheme) = case.scheme {
        command.arg(format!("sig_algs={}", scheme_name(scheme)));
    }
    if case.authentication() != Authentication::Signature {
        command.args([format!("psk={}", psk_in_hexadecimal()), format!("psk_identity={PSK_IDENTITY}")]);
    }
    if let Some(resumption) = case.resumption {
        command.arg(format!("tickets={}", u8::from(resumption.by == SessionHandle::Ticket)));
    }
    if let Some(ids) = case.connection_ids {
        command.args(["cid=1".into(), format!("cid_val={}", ids.of(role))]);
    }
    if let Some(srtp) = case.srtp {
        command.arg("use_srtp=1");
        // One of its four alone, or all of them.
        command.args(match srtp.of(role) {
            [profile] => Some(format!("srtp_force_profile={}", profile.0)),
            _ => None,
        });
    }
    if let (Some(RecordSizes::Fragments(length)), Role::Client) = (case.record_sizes, role) {
        command.arg(format!("max_frag_len={}", length.bytes()));
    }
    if let Some(label) = case.exporter {
        command.args([format!("exp_label={label}"), "exp_len=60".into()]);
    }
    Ok(command)
}

/// What both roles say of a good association.
fn facts(case: &Case, role: Role) -> Vec<String> {
    let protocol = "[ Protocol is DTLSv1.2 ]".into();
    let suite = format!("[ Ciphersuite is {} ]", suite_name(case.suite));
    let alpn = case.alpn.map(|alpn| format!("[ Application Layer Protocol is {} ]", alpn.agreed));
    let ids = case.connection_ids.map(|ids| match ids.of(role.peer()) {
        // It says so only of those that are used.
        "" if ids.of(role).is_empty() => "Use of Connection ID was ".into(),
        "" => "Use of Connection ID has been negotiated".into(),
        id => format!("Peer CID (length {} Bytes): {}", id.len() / 2, in_pairs(id)),
    });
    let sizes = case.record_sizes.map(|sizes| sizes.taken_by(role));
    let sizes = sizes.map(|most| format!("[ Maximum incoming record payload length is {most} ]"));
    [protocol, suite].into_iter().chain(alpn).chain(ids).chain(sizes).collect()
}

/// Digits as it prints them.
fn in_pairs(hex: &str) -> String {
    hex.as_bytes().chunks(2).map(|pair| format!("{} ", String::from_utf8_lossy(pair))).collect()
}

static SSL_SERVER2: Dialect = Dialect {
    listens: "Waiting for a remote connection",
    quit: Quit::Enough,
    was_closed: "connection was closed gracefully",
    keying_material: "Exporting key of length 60 with label ",
    media_keys: "    Keying material: ",
    resumed: "",
    ends_when_closed: false,
    is_a_log: true,
    manner: Manner::Answers("Successful connection using: TLS-"),
};

static SSL_CLIENT2: Dialect = Dialect {
    listens: "",
    quit: Quit::Enough,
    was_closed: "connection was closed gracefully",
    keying_material: "Exporting key of length 60 with label ",
    media_keys: "    Keying material: ",
    resumed: "",
    ends_when_closed: true,
    is_a_log: true,
    manner: Manner::Asks("GET /pong-from-the-peer HTTP/1.0"),
};

static FOLLOWING_SERVER: Dialect = Dialect {
    listens: "listening at ",
    quit: Quit::Enough,
    was_closed: "closed by the other end",
    keying_material: "",
    media_keys: "",
    resumed: "",
    ends_when_closed: true,
    is_a_log: false,
    manner: Manner::Echoes,
};

/// What the client asks for.
const PAGE: &str = "/pong-from-the-peer";

/// How many lines our end sends, and each is answered.
const EXCHANGES: u8 = 2;

/// The name of a suite; an unknown one is refused by the programs, which say so.
const fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
        CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
        CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
        CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384",
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256",
        CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256",
        CipherSuite::PSK_WITH_AES_128_GCM_SHA256 => "TLS-PSK-WITH-AES-128-GCM-SHA256",
        CipherSuite::PSK_WITH_AES_256_GCM_SHA384 => "TLS-PSK-WITH-AES-256-GCM-SHA384",
        CipherSuite::PSK_WITH_CHACHA20_POLY1305_SHA256 => "TLS-PSK-WITH-CHACHA20-POLY1305-SHA256",
        CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 => "TLS-ECDHE-PSK-WITH-CHACHA20-POLY1305-SHA256",
        // Those with AES-CCM by their numbers (RFC 6655, RFC 7251).
        CipherSuite(0xc0a4) => "TLS-PSK-WITH-AES-128-CCM",
        CipherSuite(0xc0a5) => "TLS-PSK-WITH-AES-256-CCM",
        CipherSuite(0xc0a8) => "TLS-PSK-WITH-AES-128-CCM-8",
        CipherSuite(0xc0a9) => "TLS-PSK-WITH-AES-256-CCM-8",
        CipherSuite(0xc0ac) => "TLS-ECDHE-ECDSA-WITH-AES-128-CCM",
        CipherSuite(0xc0ad) => "TLS-ECDHE-ECDSA-WITH-AES-256-CCM",
        CipherSuite(0xc0ae) => "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8",
        CipherSuite(0xc0af) => "TLS-ECDHE-ECDSA-WITH-AES-256-CCM-8",
        _ => "unknown",
    }
}

/// The group of the case, then the curves of certificates, which have to be offered too (RFC 8422 section 5.1).
fn groups(case: &Case) -> String {
    let curves = [Some(case.key_kind), case.client.shown()].into_iter().flatten().filter_map(KeyKind::curve);
    [case.group].into_iter().chain(curves).map(group_name).collect::<Vec<_>>().join(",")
}

const fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "x25519",
        NamedGroup::SECP256R1 => "secp256r1",
        NamedGroup::SECP384R1 => "secp384r1",
        _ => "unknown",
    }
}

/// The schemes to offer or to sign with. The certificates are signed under SHA-256, which a client has to offer too.
const fn scheme_name(scheme: SignatureScheme) -> &'static str {
    match scheme {
        SignatureScheme::ECDSA_SHA256 => "ecdsa_secp256r1_sha256",
        SignatureScheme::ECDSA_SHA384 => "ecdsa_secp384r1_sha384",
        SignatureScheme::RSA_PKCS1_SHA256 => "rsa_pkcs1_sha256",
        SignatureScheme::RSA_PKCS1_SHA384 => "rsa_pkcs1_sha384",
        SignatureScheme::RSA_PKCS1_SHA512 => "rsa_pkcs1_sha512",
        _ => "unknown",
    }
}
