//! The openssl program: `s_server` and `s_client`.

use core::iter;
use core::net::SocketAddr;
use std::process::Command;

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

use super::{Dialect, Manner, Peer, Quit, free_port, series};
use crate::Outcome;
use crate::case::{Authentication, Case, Chain, ClientCertificate, KeyForm, KeyKind, RecordSizes, SessionHandle, Srtp};
use crate::certificates::Certificates;
use crate::configuration::{PSK_IDENTITY, psk_in_hexadecimal};
use crate::conversation::Visit;
use crate::process::Process;

/// The version, or why OpenSSL cannot take part.
pub fn find() -> Result<String, String> {
    let output = Command::new("openssl").arg("version").output().map_err(|error| format!("openssl: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    // 3.0 brought `req -CA`, and is what Debian has had since 2023.
    match version.split(' ').nth(1) {
        Some(number) if version.starts_with("OpenSSL 3.") => Ok(format!("OpenSSL {}", series(number))),
        _ => Err(format!("openssl is {version:?}, not OpenSSL 3")),
    }
}

/// Starts `s_server` for a case. It tells much, but when it ends, it is gone without close_notify.
pub fn server(case: &Case, certificates: &Certificates, more: &[&str]) -> Outcome<Peer> {
    let mut command = s_server(case, certificates);
    command.args(["-accept", "127.0.0.1:0"]);
    let mut facts = vec![format!("CIPHER is {}", suite_name(case.suite)), "Secure Renegotiation IS supported".into()];
    if case.client.shown().is_some() {
        facts.push("Client certificate".into());
    }
    if reads_name(case) {
        facts.push("Hostname in TLS extension: \"localhost\"".into());
    }
    if let Some(alpn) = case.alpn {
        facts.push(format!("ALPN protocols selected: {}", alpn.agreed));
    }
    facts.extend(case.srtp.map(media_fact));
    Ok(Peer { process: Process::spawn(command.args(more))?, dialect: &S_SERVER, facts, told: None })
}

/// Starts `s_server` for a case so that it closes politely. It tells nothing: with commands it also understands `Q`,
/// and closes its socket before it would send close_notify.
pub fn quiet_server(case: &Case, certificates: &Certificates) -> Outcome<Peer> {
    let mut command = s_server(case, certificates);
    let address = free_port()?;
    command.args(["-quiet", "-accept", &address.to_string()]);
    Ok(Peer {
        process: Process::spawn(&mut command)?,
        dialect: &QUIET_S_SERVER,
        facts: Vec::new(),
        told: Some(address),
    })
}

fn s_server(case: &Case, certificates: &Certificates) -> Command {
    let mut command = openssl("s_server", case, certificates);
    if case.authentication() == Authentication::Signature {
        let certificate = certificates.certificate_file(case.key_kind, case.chain);
        let key = certificates.key_file(case.key_kind, KeyForm::Pkcs8);
        command.arg("-cert").arg(&certificate).arg("-key").arg(&key);
        if reads_name(case) {
            command.args(["-servername", "localhost"]).arg("-cert2").arg(certificate).arg("-key2").arg(key);
        }
    } else {
        command.arg("-nocert");
    }
    if case.chain == Chain::Intermediate {
        command.arg("-cert_chain").arg(certificates.intermediate_file(case.key_kind));
    }
    if case.stateless {
        command.arg("-listen");
    }
    match case.client {
        ClientCertificate::NotAsked => {}
        ClientCertificate::Missing => _ = command.args(["-verify", "1"]),
        ClientCertificate::Requested(kind) => {
            command.args(["-verify", "1", "-verify_return_error", "-CAfile"]).arg(certificates.root_file(kind));
        }
        ClientCertificate::Required(kind) => {
            command.args(["-Verify", "1", "-verify_return_error", "-CAfile"]).arg(certificates.root_file(kind));
        }
    }
    if let Some(srtp) = case.srtp {
        command.args(["-use_srtp", &profiles(srtp.server)]);
    }
    if case.ocsp_response {
        command.arg("-status_file").arg(certificates.ocsp_response_file(case.key_kind));
    }
    if let Some(alpn) = case.alpn {
        command.args(["-alpn", &alpn.server.join(",")]);
    }
    command
}

/// Starts `s_client` for a case.
pub fn client(case: &Case, certificates: &Certificates, to: SocketAddr, more: &[&str]) -> Outcome<Peer> {
    let mut command = openssl("s_client", case, certificates);
    command.args(["-connect", &to.to_string(), "-verify_return_error"]);
    command.arg("-CAfile").arg(certificates.root_file(case.key_kind));
    if case.server_name {
        command.args(["-servername", "localhost", "-verify_hostname", "localhost"]);
    } else {
        command.args(["-noservername", "-verify_ip", "127.0.0.1"]);
    }
    if let Some(alpn) = case.alpn {
        command.args(["-alpn", &alpn.client.join(",")]);
    }
    if let Some(srtp) = case.srtp {
        command.args(["-use_srtp", &profiles(srtp.client)]);
    }
    if let Some(RecordSizes::Fragments(length)) = case.record_sizes {
        command.args(["-maxfraglen", &length.bytes().to_string()]);
    }
    if let Some(kind) = case.client.shown() {
        command.arg("-cert").arg(certificates.client_certificate_file(kind));
        command.arg("-key").arg(certificates.client_key_file(kind));
    }
    let mut facts = vec![
        format!("New, TLSv1.2, Cipher is {}", suite_name(case.suite)),
        "Secure Renegotiation IS supported".into(),
        format!("    Extended master secret: {}", if case.extended_master_secret { "yes" } else { "no" }),
    ];
    match case.authentication() {
        Authentication::Signature => facts.push("    Verify return code: 0 (ok)".into()),
        Authentication::EcdhePsk | Authentication::Psk => facts.push(format!("    PSK identity: {PSK_IDENTITY}")),
    }
    if case.authentication() != Authentication::Psk {
        facts.push(format!("Server Temp Key: {}", temporary_key(case.group)));
    }
    if case.ocsp_response {
        command.arg("-status");
        facts.extend(["    OCSP Response Status: successful (0x0)".into(), "    Cert Status: good".into()]);
    }
    if let Some((kind, digest)) = case.scheme.and_then(scheme_facts) {
        facts.push(format!("Peer signature type: {kind}"));
        if !digest.is_empty() {
            facts.push(format!("Peer signing digest: {digest}"));
        }
    }
    if let Some(alpn) = case.alpn {
        facts.push(format!("ALPN protocol: {}", alpn.agreed));
    }
    facts.extend(case.srtp.map(media_fact));
    Ok(Peer { process: Process::spawn(command.args(more))?, dialect: &S_CLIENT, facts, told: None })
}

/// Whether `s_server` is to read the name: it does if it has a second certificate for it, with which it knows neither
/// a chain nor application protocols.
fn reads_name(case: &Case) -> bool {
    case.server_name
        && case.chain == Chain::Direct
        && case.alpn.is_none()
        && case.authentication() == Authentication::Signature
}

/// Starts `s_client` to write its session down, and then to take it up again.
pub fn returning_client(case: &Case, certificates: &Certificates, to: SocketAddr, visit: Visit) -> Outcome<Peer> {
    let file = certificates.directory().join(format!("session-{}.pem", to.port()));
    let file = file.to_str().ok_or("no name for the session")?;
    client(case, certificates, to, &[if visit == Visit::First { "-sess_out" } else { "-sess_in" }, file])
}

/// What both roles are told alike.
fn openssl(role: &str, case: &Case, certificates: &Certificates) -> Command {
    let mut command = Command::new("openssl");
    command.env(
        "OPENSSL_CONF",
        match case.extended_master_secret {
            true => certificates.openssl_config(),
            false => certificates.openssl_config_without_extended_master_secret(),
        },
    );
    command.args([role, "-dtls1_2"]);
    if !case.whole_offer {
        let name = suite_name(case.suite);
        // OpenSSL counts 8 bytes of tag as 64 bits of security.
        let level = if name.ends_with("CCM8") { ":@SECLEVEL=0" } else { "" };
        command.args(["-cipher", &format!("{name}{level}"), "-curves", &curves(case)]);
    }
    if case.authentication() != Authentication::Signature {
        command.args(["-psk", &psk_in_hexadecimal(), "-psk_identity", PSK_IDENTITY]);
    }
    if case.resumption.is_some_and(|resumption| resumption.by == SessionHandle::Id) {
        command.arg("-no_ticket");
    }
    if let Some(mtu) = case.mtu {
        command.args(["-mtu", &mtu.to_string()]);
    }
    if let Some(scheme) = case.scheme.and_then(scheme_name) {
        command.args(["-sigalgs", scheme]);
    }
    if let Some(label) = case.exporter {
        command.args(["-keymatexport", label, "-keymatexportlen", "60"]);
    }
    if let Some(srtp) = case.srtp {
        let len = srtp.keying_material_len().to_string();
        command.args(["-keymatexport", MEDIA_LABEL, "-keymatexportlen", &len]);
    }
    command
}

static S_SERVER: Dialect = Dialect {
    listens: "ACCEPT ",
    quit: Quit::EndOfInput,
    was_closed: "DONE",
    keying_material: "    Keying material: ",
    media_keys: "    Keying material: ",
    resumed: "Reused session-id",
    ends_when_closed: false,
    is_a_log: false,
    manner: Manner::Types,
};

static QUIET_S_SERVER: Dialect = Dialect { media_keys: "", ..S_SERVER };

static S_CLIENT: Dialect = Dialect {
    listens: "",
    quit: Quit::Line("Q"),
    was_closed: "closed",
    keying_material: "    Keying material: ",
    media_keys: "    Keying material: ",
    resumed: "Reused, TLSv1.2",
    ends_when_closed: true,
    is_a_log: false,
    manner: Manner::Types,
};

/// What it says of media.
fn media_fact(srtp: Srtp) -> String {
    format!("SRTP Extension negotiated, profile={}", profile_name(srtp.agreed))
}

fn profiles(list: &[SrtpProfile]) -> String {
    list.iter().copied().map(profile_name).collect::<Vec<_>>().join(":")
}

const fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::AES128_CM_HMAC_SHA1_80 => "SRTP_AES128_CM_SHA1_80",
        SrtpProfile::AES128_CM_HMAC_SHA1_32 => "SRTP_AES128_CM_SHA1_32",
        SrtpProfile::AEAD_AES_128_GCM => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AEAD_AES_256_GCM => "SRTP_AEAD_AES_256_GCM",
        _ => "unknown",
    }
}

/// The label of keying material for media (RFC 5764 section 4.2).
const MEDIA_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The name of a suite; an unknown one is refused by the program, which says so.
const fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::PSK_WITH_AES_128_GCM_SHA256 => "PSK-AES128-GCM-SHA256",
        CipherSuite::PSK_WITH_AES_256_GCM_SHA384 => "PSK-AES256-GCM-SHA384",
        CipherSuite::PSK_WITH_CHACHA20_POLY1305_SHA256 => "PSK-CHACHA20-POLY1305",
        CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-PSK-CHACHA20-POLY1305",
        CipherSuite(0xc0ac) => "ECDHE-ECDSA-AES128-CCM",
        CipherSuite(0xc0ad) => "ECDHE-ECDSA-AES256-CCM",
        CipherSuite(0xc0ae) => "ECDHE-ECDSA-AES128-CCM8",
        CipherSuite(0xc0af) => "ECDHE-ECDSA-AES256-CCM8",
        CipherSuite(0xc0a4) => "PSK-AES128-CCM",
        CipherSuite(0xc0a5) => "PSK-AES256-CCM",
        CipherSuite(0xc0a8) => "PSK-AES128-CCM8",
        CipherSuite(0xc0a9) => "PSK-AES256-CCM8",
        _ => "unknown",
    }
}

/// The groups to offer or to take: that of the case, then the curves of the certificates that it is to see or to show
/// (RFC 8422 section 5.1). It holds clients' certificates to this list too.
fn curves(case: &Case) -> String {
    let curves = [Some(case.key_kind), case.client.shown()].into_iter().flatten().filter_map(KeyKind::curve);
    let mut names = Vec::new();
    for name in iter::once(case.group).chain(curves).map(curve_name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(":")
}

const fn curve_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::SECP256R1 => "P-256",
        NamedGroup::SECP384R1 => "P-384",
        _ => "unknown",
    }
}

const fn temporary_key(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::SECP256R1 => "ECDH, prime256v1",
        NamedGroup::SECP384R1 => "ECDH, secp384r1",
        _ => "X25519",
    }
}

const fn scheme_name(scheme: SignatureScheme) -> Option<&'static str> {
    Some(match scheme {
        SignatureScheme::ECDSA_SHA256 => "ECDSA+SHA256",
        SignatureScheme::ECDSA_SHA384 => "ECDSA+SHA384",
        SignatureScheme::ED25519 => "ed25519",
        SignatureScheme::RSA_PKCS1_SHA256 => "RSA+SHA256",
        SignatureScheme::RSA_PKCS1_SHA384 => "RSA+SHA384",
        SignatureScheme::RSA_PKCS1_SHA512 => "RSA+SHA512",
        SignatureScheme::RSA_PSS_RSAE_SHA256 => "rsa_pss_rsae_sha256",
        SignatureScheme::RSA_PSS_RSAE_SHA384 => "rsa_pss_rsae_sha384",
        SignatureScheme::RSA_PSS_RSAE_SHA512 => "rsa_pss_rsae_sha512",
        _ => return None,
    })
}

/// How `s_client` calls a scheme: type and digest.
const fn scheme_facts(scheme: SignatureScheme) -> Option<(&'static str, &'static str)> {
    Some(match scheme {
        SignatureScheme::ECDSA_SHA256 => ("ECDSA", "SHA256"),
        SignatureScheme::ECDSA_SHA384 => ("ECDSA", "SHA384"),
        // It has no digest of its own, and the line is not there.
        SignatureScheme::ED25519 => ("ed25519", ""),
        SignatureScheme::RSA_PKCS1_SHA256 => ("RSA", "SHA256"),
        SignatureScheme::RSA_PKCS1_SHA384 => ("RSA", "SHA384"),
        SignatureScheme::RSA_PKCS1_SHA512 => ("RSA", "SHA512"),
        SignatureScheme::RSA_PSS_RSAE_SHA256 => ("RSA-PSS", "SHA256"),
        SignatureScheme::RSA_PSS_RSAE_SHA384 => ("RSA-PSS", "SHA384"),
        SignatureScheme::RSA_PSS_RSAE_SHA512 => ("RSA-PSS", "SHA512"),
        _ => return None,
    })
}
