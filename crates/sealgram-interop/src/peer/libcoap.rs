//! libcoap 4.3: `coap-server` and `coap-client`, which Debian has once on OpenSSL and once on GnuTLS.
//!
//! They speak CoAP and can be told who they are, and nothing about suites, groups or versions: it is our end that offers
//! or takes one alone. The server answers questions until it is ended, the client asks one and closes.

use core::net::SocketAddr;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use super::{Dialect, Manner, Peer, Quit, free_ports};
use crate::case::{Authentication, Case, KeyForm};
use crate::certificates::Certificates;
use crate::configuration::{PSK, PSK_IDENTITY};
use crate::process::Process;
use crate::{Outcome, PATIENCE};

/// The library below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum Build {
    /// OpenSSL.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
}

impl Build {
    /// The name of its server.
    #[must_use]
    pub const fn server(self) -> &'static str {
        match self {
            Self::OpenSsl => "coap-server-openssl",
            Self::GnuTls => "coap-server-gnutls",
        }
    }

    /// The name of its client.
    #[must_use]
    pub const fn client(self) -> &'static str {
        match self {
            Self::OpenSsl => "coap-client-openssl",
            Self::GnuTls => "coap-client-gnutls",
        }
    }

    const fn library(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
        }
    }
}

/// The version, or why libcoap cannot take part.
pub fn find(build: Build) -> Result<String, String> {
    for program in [build.server(), build.client()] {
        // An option that it does not know makes it tell its version, and how it is used.
        let output = Command::new(program).arg("-?").stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !text.contains(" v4.3.") {
            return Err(format!("{program} is not of libcoap 4.3: {text:?}"));
        }
    }
    Ok(format!("libcoap 4.3 on {}", build.library()))
}

/// Starts a server for a case. It always sends cookies.
pub fn server(build: Build, case: &Case, certificates: &Certificates, more: &[&str]) -> Outcome<Peer> {
    let mut command = libcoap(build.server());
    // The one that is in the clear, and the one above it.
    let [plain, address] = free_ports()?;
    command.args(["-A", "127.0.0.1", "-p", &plain.port().to_string()]);
    let mut facts = vec!["session connected".into()];
    match case.authentication() {
        Authentication::Psk | Authentication::EcdhePsk => {
            command.args(["-h", PSK_HINT]).arg("-k").arg(OsStr::from_bytes(&PSK));
            facts.push(format!("got psk_identity: '{PSK_IDENTITY}'"));
        }
        Authentication::Signature if case.raw_public_keys => {
            command.arg("-M").arg(certificates.key_file(case.key_kind, KeyForm::Traditional));
            if case.client.shown().is_none() {
                command.arg("-n");
            }
        }
        Authentication::Signature => {
            command.arg("-c").arg(certificates.chain_file(case.key_kind, case.chain));
            command.arg("-j").arg(certificates.key_file(case.key_kind, KeyForm::Pkcs8));
            match case.client.shown() {
                Some(kind) => command.arg("-C").arg(certificates.root_file(kind)),
                None => command.arg("-n"),
            };
        }
    }
    let process = Process::spawn(command.args(more))?;
    Ok(Peer { process, dialect: &COAP_SERVER, facts, told: Some(address) })
}

/// Starts a client for a case.
pub fn client(build: Build, case: &Case, certificates: &Certificates, to: SocketAddr, more: &[&str]) -> Outcome<Peer> {
    let mut command = libcoap(build.client());
    command.args(["-m", "get", "-B", &PATIENCE.as_secs().to_string()]);
    match case.authentication() {
        Authentication::Psk | Authentication::EcdhePsk => {
            command.args(["-u", PSK_IDENTITY]).arg("-k").arg(OsStr::from_bytes(&PSK));
        }
        Authentication::Signature if case.raw_public_keys => {
            let kind = case.client.shown().ok_or("it has no key of its own")?;
            // Both halves in one file, unless it is a key in SEC1.
            let halves = [certificates.client_public_key_file(kind), certificates.client_key_file(kind)].map(fs::read);
            let file = certificates.directory().join(format!("libcoap-{}.pem", to.port()));
            fs::write(&file, halves.into_iter().collect::<Result<Vec<_>, _>>()?.concat())?;
            command.arg("-M").arg(file);
        }
        Authentication::Signature => {
            command.arg("-R").arg(certificates.root_file(case.key_kind));
            if let Some(kind) = case.client.shown() {
                command.arg("-c").arg(certificates.client_certificate_file(kind));
                command.arg("-j").arg(certificates.client_key_file(kind));
            }
        }
    }
    let host = if case.server_name { "localhost".into() } else { to.ip().to_string() };
    command.args(more).arg(format!("coaps://{host}:{}/{PATH}", to.port()));
    let facts = vec!["session connected".into()];
    Ok(Peer { process: Process::spawn(&mut command)?, dialect: &COAP_CLIENT, facts, told: None })
}

/// What both roles are told alike.
fn libcoap(program: &str) -> Command {
    // Line by line: it would keep what it has to tell to itself until there is much of it.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "-eL", program, "-v", "7"]);
    command
}

static COAP_SERVER: Dialect = Dialect {
    listens: "created DTLS endpoint",
    quit: Quit::Enough,
    was_closed: "session disconnected",
    keying_material: "",
    media_keys: "",
    resumed: "",
    ends_when_closed: false,
    is_a_log: true,
    manner: Manner::AnswersCoap("This is a test server made with libcoap"),
};

static COAP_CLIENT: Dialect = Dialect { listens: "", manner: Manner::AsksCoap(PATH), ..COAP_SERVER };

/// What the client asks for.
const PATH: &str = "from-the-peer";

/// What the server lets its clients know before they tell who they are.
const PSK_HINT: &str = "hint of the peer";
