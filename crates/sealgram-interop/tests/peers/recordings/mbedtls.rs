//! Mbed TLS: `ssl_server2` and `ssl_client2`, for recordings alone.

use core::net::{Ipv4Addr, SocketAddr};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealgram::code::{CipherSuite, NamedGroup};
use sealgram_interop::Outcome;
use sealgram_interop::case::{Case, Chain, KeyForm};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::process::Process;

/// One of the two, running.
pub(crate) struct Program {
    process: Process,
    /// Where the server listens.
    address: Option<SocketAddr>,
}

impl Program {
    pub(super) fn address(&self) -> Outcome<SocketAddr> {
        self.process.wait_for_text("Waiting for a remote connection")?;
        self.address.ok_or_else(|| "a client listens nowhere".into())
    }
}

/// Why Mbed TLS cannot take part, if so.
pub(crate) fn find() -> Result<(), String> {
    version().map(drop).map_err(|error| error.to_string())
}

/// Its name and version, such as "Mbed TLS 3.6.6".
pub(super) fn version() -> Outcome<String> {
    let output = Command::new(program("ssl_client2")?).arg("build_version=1").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split("build version: ").nth(1).and_then(|rest| rest.split(" (").next());
    version.map(str::to_owned).ok_or_else(|| format!("ssl_client2 tells no version: {text:?}").into())
}

/// Answers one request with its page.
pub(super) fn server(case: &Case, certificates: &Certificates) -> Outcome<Program> {
    // A port that was free a moment ago: it does not tell which one it got.
    let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut command = command("ssl_server2", case, address)?;
    command.arg(file("crt_file", &certificates.certificate_file(case.key_kind, Chain::Direct)));
    command.arg(file("key_file", &certificates.key_file(case.key_kind, KeyForm::Pkcs8)));
    Ok(Program { process: Process::spawn(&mut command)?, address: Some(address) })
}

/// Makes one request.
pub(super) fn client(case: &Case, certificates: &Certificates, to: SocketAddr) -> Outcome<Program> {
    let mut command = command("ssl_client2", case, to)?;
    command.args(["server_name=localhost", "auth_mode=required"]);
    command.arg(file("ca_file", &certificates.root_file(case.key_kind)));
    Ok(Program { process: Process::spawn(&mut command)?, address: None })
}

/// What both are told alike.
fn command(name: &str, case: &Case, address: SocketAddr) -> Outcome<Command> {
    // Line by line: it would keep "waiting" to itself until it has said much more.
    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(program(name)?).args(["dtls=1", "force_version=dtls12"]);
    command.arg(format!("server_addr={}", address.ip())).arg(format!("server_port={}", address.port()));
    command.arg(format!("force_ciphersuite={}", suite_name(case.suite)));
    command.arg(format!("groups={}", groups(case.group)));
    command.arg(format!("extended_ms={}", u8::from(case.extended_master_secret)));
    Ok(command)
}

fn file(option: &str, path: &Path) -> String {
    format!("{option}={}", path.display())
}

/// The program in the cache, where `scripts/cache.sh` has it made; the newest, if there are several.
fn program(name: &str) -> Outcome<PathBuf> {
    let cache = match std::env::var_os("SEALGRAM_CACHE") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").ok_or("no HOME")?).join(".cache/sealgram"),
    };
    let folders = std::fs::read_dir(&cache).map_err(|error| format!("no Mbed TLS in the cache: {error}"))?;
    let folders = folders.filter_map(Result::ok).map(|entry| entry.path());
    let is_mbedtls = |folder: &PathBuf| {
        let is_named = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mbedtls-"));
        is_named && folder.join("complete").exists()
    };
    let newest = folders.filter(is_mbedtls).max().ok_or("Mbed TLS is not in the cache")?;
    Ok(newest.join("bin").join(name))
}

/// The name of a suite; an unknown one is refused by the programs, which say so.
const fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
        CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384",
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256",
        _ => "unknown",
    }
}

/// The group, and the curve of ECDSA certificates behind it (RFC 8422 section 5.1).
const fn groups(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "x25519,secp256r1",
        NamedGroup::SECP256R1 => "secp256r1",
        NamedGroup::SECP384R1 => "secp384r1,secp256r1",
        _ => "unknown",
    }
}
