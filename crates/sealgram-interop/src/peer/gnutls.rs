//! GnuTLS: `gnutls-serv` and `gnutls-cli`.

use core::net::SocketAddr;
use std::process::Command;

use sealgram::Role;
use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

use super::{Dialect, Manner, Peer, Quit, free_port, series};
use crate::Outcome;
use crate::case::{Authentication, Case, ClientCertificate, KeyForm, KeyKind, RecordSizes, SessionHandle};
use crate::certificates::Certificates;
use crate::configuration::{PSK_IDENTITY, psk_in_hexadecimal};
use crate::process::Process;

/// The version, or why GnuTLS cannot take part.
pub fn find() -> Result<String, String> {
    let mut found = String::new();
    for program in ["gnutls-serv", "gnutls-cli"] {
        let output = Command::new(program).arg("--version").output().map_err(|error| format!("{program}: {error}"))?;
        let version = String::from_utf8_lossy(&output.stdout);
        // 3.7 is what Debian has had since 2021.
        let first_line = version.lines().next().unwrap_or_default();
        let series = first_line.split(' ').find(|word| word.starts_with("3.")).map(series);
        found = series.ok_or_else(|| format!("{program} is {first_line:?}, not GnuTLS 3"))?;
    }
    Ok(format!("GnuTLS {found}"))
}

/// Starts `gnutls-serv` for a case. It always sends cookies, says back what it hears, never closes by itself, and
/// exports nothing over UDP. What it has to tell is in its log.
pub fn server(case: &Case, certificates: &Certificates, more: &[&str]) -> Outcome<Peer> {
    let mut command = gnutls("gnutls-serv", case, Role::Server);
    let address = free_port()?;
    command.args(["--echo", "--debug", "5", "--port", &address.port().to_string()]);
    let key = certificates.key_file(case.key_kind, KeyForm::Pkcs8);
    if case.authentication() != Authentication::Signature {
        command.arg("--pskpasswd").arg(certificates.psk_file());
    } else if case.raw_public_keys {
        command.arg("--rawpkfile").arg(certificates.public_key_file(case.key_kind)).arg("--rawpkkeyfile").arg(key);
    } else {
        command.arg("--x509certfile").arg(certificates.chain_file(case.key_kind, case.chain));
        command.arg("--x509keyfile").arg(key);
    }
    if !case.cookies {
        command.arg("--nocookie");
    }
    if case.ocsp_response {
        command.arg("--ocsp-response").arg(certificates.ocsp_response_file(case.key_kind));
    }
    if case.resumption.is_some_and(|resumption| resumption.by == SessionHandle::Id) {
        command.arg("--noticket");
    }
    // What a raw public key is worth, its server leaves to others.
    let is_judged = !case.raw_public_keys;
    match case.client {
        ClientCertificate::NotAsked => _ = command.arg("--disable-client-cert"),
        ClientCertificate::Missing => {}
        ClientCertificate::Requested(kind) => {
            command.args(is_judged.then_some("--verify-client-cert"));
            command.arg("--x509cafile").arg(certificates.root_file(kind));
        }
        ClientCertificate::Required(kind) => {
            command.arg("--require-client-cert").args(is_judged.then_some("--verify-client-cert"));
            command.arg("--x509cafile").arg(certificates.root_file(kind));
        }
    }
    let mut facts = vec!["Safe renegotiation succeeded".into()];
    if case.authentication() != Authentication::Psk {
        facts.push(format!("Selected group {}", group_name(case.group)));
    }
    if case.server_name {
        command.args(["--sni-hostname", "localhost", "--sni-hostname-fatal"]);
        // It reads the name when it chooses a certificate.
        if case.authentication() == Authentication::Signature {
            facts.push("Requested server name: 'localhost'".into());
        }
    }
    if case.srtp.is_some() {
        facts.push("Sending extension SRTP/14".into());
    }
    if let Some(RecordSizes::Limits { client, .. }) = case.record_sizes {
        facts.push(format!("record_size_limit {client} negotiated"));
    }
    if let Some(alpn) = case.alpn {
        command.arg("--alpn-fatal");
        command.args(alpn.server.iter().flat_map(|name| ["--alpn", name]));
    }
    Ok(Peer { process: Process::spawn(command.args(more))?, dialect: &GNUTLS_SERV, facts, told: Some(address) })
}

/// Starts `gnutls-cli` for a case.
pub fn client(case: &Case, certificates: &Certificates, to: SocketAddr, more: &[&str]) -> Outcome<Peer> {
    let mut command = gnutls("gnutls-cli", case, Role::Client);
    command.args(["--port", &to.port().to_string()]);
    if case.authentication() != Authentication::Signature {
        command.args(["--pskusername", PSK_IDENTITY, "--pskkey", &psk_in_hexadecimal()]);
    } else if case.raw_public_keys {
        command.arg("--no-ca-verification");
    } else {
        command.arg("--x509cafile").arg(certificates.root_file(case.key_kind));
    }
    if let Some(kind) = case.client.shown() {
        let key = certificates.client_key_file(kind);
        if case.raw_public_keys {
            command.arg("--rawpkfile").arg(certificates.client_public_key_file(kind)).arg("--rawpkkeyfile").arg(key);
        } else {
            command.arg("--x509certfile").arg(certificates.client_certificate_file(kind)).arg("--x509keyfile").arg(key);
        }
    }
    if let Some(resumption) = case.resumption {
        command.arg("--resume").args((resumption.by == SessionHandle::Id).then_some("--noticket"));
    }
    if case.server_name {
        command.args(["--sni-hostname", "localhost", "--verify-hostname", "localhost"]);
    } else {
        command.args(["--disable-sni", "--verify-hostname", "127.0.0.1"]);
    }
    let exchange = match case.authentication() {
        Authentication::Signature | Authentication::EcdhePsk => format!("(ECDHE-{})-", group_name(case.group)),
        Authentication::Psk => "(PSK)-".into(),
    };
    // The client's, if it is not the server's too.
    let types = match (case.raw_public_keys, case.client.shown()) {
        (false, _) => "X.509",
        (true, None) => "X.509-Raw Public Key",
        (true, Some(_)) => "Raw Public Key",
    };
    let mut facts = vec![
        format!("- Description: (DTLS1.2-{types})-{exchange}"),
        format!(
            "- Options: {}safe renegotiation,",
            if case.extended_master_secret { "extended master secret, " } else { "" }
        ),
        "- Handshake was completed".into(),
    ];
    match case.authentication() {
        Authentication::Signature if case.raw_public_keys => {}
        Authentication::Signature => facts.push("- Status: The certificate is trusted.".into()),
        Authentication::EcdhePsk | Authentication::Psk => facts.push("- PSK authentication.".into()),
    }
    if let Some(alpn) = case.alpn {
        command.args(alpn.client.iter().flat_map(|name| ["--alpn", name]));
        facts.push(format!("- Application protocol: {}", alpn.agreed));
    }
    if let Some(label) = case.exporter {
        command.args(["--keymatexport", label, "--keymatexportsize", "60"]);
    }
    command.args(more).arg(to.ip().to_string());
    Ok(Peer { process: Process::spawn(&mut command)?, dialect: &GNUTLS_CLI, facts, told: None })
}

/// What both roles are told alike.
fn gnutls(program: &str, case: &Case, role: Role) -> Command {
    // Line by line: it would keep "listening" to itself until it has said much more.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", program, "--udp", "--priority", &priority(case)]);
    if let Some(mtu) = case.mtu {
        command.args(["--mtu", &mtu.to_string()]);
    }
    if let Some(srtp) = case.srtp {
        let profiles: Vec<_> = srtp.of(role).iter().copied().map(profile_name).collect();
        command.args(["--srtp-profiles", &profiles.join(":")]);
    }
    if let (Some(srtp), Role::Client) = (case.srtp, role) {
        let len = srtp.keying_material_len().to_string();
        command.args(["--keymatexport", "EXTRACTOR-dtls_srtp", "--keymatexportsize", &len]);
    }
    if let Some(sizes) = case.record_sizes {
        command.args(["--recordsize", &sizes.taken_by(role).to_string()]);
    }
    command
}

static GNUTLS_SERV: Dialect = Dialect {
    listens: "UDP Echo Server listening on IPv4 0.0.0.0",
    quit: Quit::EndOfInput,
    was_closed: "Alert[1|0] - Close notify - was received",
    keying_material: "",
    media_keys: "",
    // What it does not say, it shows: tls-unique is the first Finished, which it sends itself in an abbreviated handshake.
    resumed: "recording tls-unique CB (send)",
    ends_when_closed: false,
    is_a_log: true,
    manner: Manner::Echoes,
};

static GNUTLS_CLI: Dialect = Dialect {
    listens: "",
    quit: Quit::EndOfInput,
    was_closed: "- Peer has closed the GnuTLS connection",
    keying_material: "- Key material: ",
    media_keys: "- Key material: ",
    resumed: "*** This is a resumed session",
    ends_when_closed: true,
    is_a_log: false,
    manner: Manner::Types,
};

/// The priority string: what is offered or taken, and nothing else.
fn priority(case: &Case) -> String {
    let without = if case.extended_master_secret { "" } else { ":%NO_SESSION_HASH" };
    if case.whole_offer {
        // It prefers P-256, and the case is about everything else.
        return format!("NORMAL:-VERS-ALL:+VERS-DTLS1.2:-GROUP-ALL:{}:+GROUP-ALL{without}", groups(case));
    }
    let (exchange, cipher) = suite_names(case.suite);
    let scheme = case.scheme.map_or("ALL", scheme_name);
    let types = if case.raw_public_keys { "+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK" } else { "+CTYPE-X509" };
    format!(
        "NONE:+VERS-DTLS1.2:+COMP-NULL:{types}:+AEAD:+{exchange}:+{cipher}:+SIGN-{scheme}:{groups}{without}",
        groups = groups(case)
    )
}

/// The group of the case, then the curve of the certificate, which has to be offered too (RFC 8422 section 5.1).
fn groups(case: &Case) -> String {
    let curve = match case.key_kind {
        KeyKind::Ecdsa => ":+GROUP-SECP256R1",
        KeyKind::EcdsaP384 => ":+GROUP-SECP384R1",
        KeyKind::Ed25519 | KeyKind::Rsa | KeyKind::Rsa4096 => "",
    };
    format!("+GROUP-{}{curve}", group_name(case.group))
}

/// The names of key exchange and cipher; unknown ones are refused by the programs, which say so.
const fn suite_names(suite: CipherSuite) -> (&'static str, &'static str) {
    match suite {
        CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-ECDSA", "AES-128-GCM"),
        CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-ECDSA", "AES-256-GCM"),
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-ECDSA", "CHACHA20-POLY1305"),
        CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-RSA", "AES-128-GCM"),
        CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-RSA", "AES-256-GCM"),
        CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-RSA", "CHACHA20-POLY1305"),
        CipherSuite::PSK_WITH_AES_128_GCM_SHA256 => ("PSK", "AES-128-GCM"),
        CipherSuite::PSK_WITH_AES_256_GCM_SHA384 => ("PSK", "AES-256-GCM"),
        CipherSuite::PSK_WITH_CHACHA20_POLY1305_SHA256 => ("PSK", "CHACHA20-POLY1305"),
        CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-PSK", "CHACHA20-POLY1305"),
        CipherSuite(0xc0ac) => ("ECDHE-ECDSA", "AES-128-CCM"),
        CipherSuite(0xc0ad) => ("ECDHE-ECDSA", "AES-256-CCM"),
        CipherSuite(0xc0ae) => ("ECDHE-ECDSA", "AES-128-CCM-8"),
        CipherSuite(0xc0af) => ("ECDHE-ECDSA", "AES-256-CCM-8"),
        CipherSuite(0xc0a4) => ("PSK", "AES-128-CCM"),
        CipherSuite(0xc0a5) => ("PSK", "AES-256-CCM"),
        CipherSuite(0xc0a8) => ("PSK", "AES-128-CCM-8"),
        CipherSuite(0xc0a9) => ("PSK", "AES-256-CCM-8"),
        _ => ("unknown", "unknown"),
    }
}

const fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::AES128_CM_HMAC_SHA1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        SrtpProfile::AES128_CM_HMAC_SHA1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
        _ => "unknown",
    }
}

const fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::SECP256R1 => "SECP256R1",
        NamedGroup::SECP384R1 => "SECP384R1",
        _ => "unknown",
    }
}

const fn scheme_name(scheme: SignatureScheme) -> &'static str {
    match scheme {
        SignatureScheme::ECDSA_SHA256 => "ECDSA-SHA256",
        SignatureScheme::ECDSA_SHA384 => "ECDSA-SHA384",
        SignatureScheme::ED25519 => "EDDSA-ED25519",
        SignatureScheme::RSA_PKCS1_SHA256 => "RSA-SHA256",
        SignatureScheme::RSA_PKCS1_SHA384 => "RSA-SHA384",
        SignatureScheme::RSA_PKCS1_SHA512 => "RSA-SHA512",
        SignatureScheme::RSA_PSS_RSAE_SHA256 => "RSA-PSS-RSAE-SHA256",
        SignatureScheme::RSA_PSS_RSAE_SHA384 => "RSA-PSS-RSAE-SHA384",
        SignatureScheme::RSA_PSS_RSAE_SHA512 => "RSA-PSS-RSAE-SHA512",
        _ => "unknown",
    }
}
