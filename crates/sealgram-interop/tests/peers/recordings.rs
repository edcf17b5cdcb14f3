//! Whole handshakes for `vectors/handshakes`, which `crates/sealgram/src/vectors/handshakes.rs` replays.
//!
//! Every run makes them all, with our client and our server, through a provider that tells the premaster secret, and
//! holds what they are about against the files. With `SEALGRAM_RECORD=1` it writes the files instead; their digests then
//! belong into `vectors/README.md`.

mod revealing;

use core::fmt::Write as _;
use core::net::SocketAddr;
use std::env;
use std::fs;
use std::sync::Arc;

use sealgram::code::{CipherSuite, NamedGroup};
use sealgram::provider::ring;
use sealgram::x509::CertificateVerifier;
use sealgram::{ClientConfig, Identity, Role, ServerConfig};
use sealgram_interop::case::{Case, Chain, KeyForm};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::name_for;
use sealgram_interop::conversation::Closer;
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::{Manner, Peer, gnutls, mbedtls, openssl};
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};
use sealgram_std::Direction;
use sealgram_vectors::{hex, root, sections};

use crate::Interop;
use revealing::Revealing;

/// Whom we talk with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Implementation {
    OpenSsl,
    GnuTls,
    MbedTls,
}

/// For docs/interop.md.
pub(crate) const ABOUT: &str = "\
Handshakes with every one of three suites, with the extended master secret and without, as they are kept in
[vectors](../vectors/README.md) and replayed by the tests of the core. Each run makes them anew, and compares what they
are about; the names are those of the files.";

/// One trial for each file: an implementation in one role, every cipher, with the extended master secret and without.
pub(crate) fn trials(peer: Implementation) -> impl Iterator<Item = Interop> {
    [Role::Server, Role::Client].into_iter().map(move |role| {
        let name = format!("recording / {}", peer.file(role));
        Interop::new(name, move |certificates| record_all(peer, role, certificates))
    })
}

const CASES: [Case; 3] = [
    Case::new(CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, NamedGroup::X25519),
    Case::new(CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384, NamedGroup::SECP384R1),
    Case::new(CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, NamedGroup::SECP256R1),
];

impl Implementation {
    /// Its file, below `vectors/`. `role` is the one that it plays.
    fn file(self, role: Role) -> String {
        let name = match self {
            Self::OpenSsl => "openssl",
            Self::GnuTls => "gnutls",
            Self::MbedTls => "mbedtls",
        };
        let role = match role {
            Role::Client => "client",
            Role::Server => "server",
        };
        format!("handshakes/{name}-{role}.txt")
    }

    fn version(self) -> Outcome<String> {
        match self {
            Self::OpenSsl => first_line("openssl", "version").map(|line| before(&line, " (")),
            Self::GnuTls => first_line("gnutls-cli", "--version").map(|line| line.replace("gnutls-cli", "GnuTLS")),
            Self::MbedTls => mbedtls::version(),
        }
    }

    fn server(self, case: &Case, certificates: &Certificates) -> Outcome<Peer> {
        match self {
            Self::OpenSsl => openssl::server(case, certificates, &[]),
            Self::GnuTls => gnutls::server(case, certificates, &[]),
            Self::MbedTls => mbedtls::server(case, certificates, Closer::Peer, &[ONE_EXCHANGE]),
        }
    }

    fn client(self, case: &Case, certificates: &Certificates, to: SocketAddr) -> Outcome<Peer> {
        match self {
            Self::OpenSsl => openssl::client(case, certificates, to, &[]),
            Self::GnuTls => gnutls::client(case, certificates, to, &[]),
            Self::MbedTls => mbedtls::client(case, certificates, to, Closer::Peer, &[ONE_EXCHANGE]),
        }
    }
}

/// Mbed TLS does not go on after what is recorded.
const ONE_EXCHANGE: &str = "exchanges=1";

/// Data both ways, so that each record of it follows from the one before. What each side sent is returned, ours first.
fn converse(peer: &mut Peer, ours: &mut Association) -> Outcome<[Vec<u8>; 2]> {
    let said = b"sealgram says this\n".to_vec();
    if let Manner::Asks(_) = peer.manner() {
        let heard = ours.recv()?;
        ours.send(&said)?;
        return Ok([said, heard]);
    }
    ours.send(&said)?;
    peer.prints("sealgram says this")?;
    if peer.manner() == Manner::Types {
        peer.send("the peer says this")?;
    }
    Ok([said, ours.recv()?])
}

/// Makes the recordings of a file, and compares them with it or writes it.
fn record_all(peer: Implementation, role: Role, certificates: &Certificates) -> Outcome {
    let (file, version) = (peer.file(role), peer.version()?);
    let mut facts = Vec::new();
    let mut text =
        format!("# {version} as {}, recorded by the test `recording` of sealgram-interop.\n", role_name(role));
    for case in CASES.iter().flat_map(|case| [*case, Case { extended_master_secret: false, ..*case }]) {
        let recording = Recording::make(peer, role, &case, certificates).map_err(|error| format!("{case}: {error}"))?;
        facts.push(recording.facts());
        write!(text, "\n{}", recording.text(&version)?)?;
    }
    if env::var_os("SEALGRAM_RECORD").is_some() {
        return Ok(fs::write(root().join(&file), text)?);
    }
    let known = sections(&file).into_iter().filter(|section| section.kind() == "handshake");
    let known: Vec<String> = known.map(|mut section| FACTS.map(|fact| section.text(fact)).join(" ")).collect();
    expect_eq(&format!("what vectors/{file} is about"), &known, &facts)
}

/// What a recording is about, by the names of fields.
const FACTS: [&str; 4] = ["peer_role", "suite", "group", "extended_master_secret"];

/// A handshake with data and its end.
struct Recording {
    case: Case,
    peer_role: Role,
    premaster: Vec<u8>,
    wire: Arc<Wire>,
    client_data: Vec<u8>,
    server_data: Vec<u8>,
}

impl Recording {
    fn make(peer: Implementation, peer_role: Role, case: &Case, certificates: &Certificates) -> Outcome<Self> {
        let (wire, revealing) = (Arc::new(Wire::default()), Revealing::new(case.group));
        let our_role = peer_role.peer();
        // It serves what it accepted for as long as it lives.
        let listening;
        let (mut other, mut ours);
        match our_role {
            Role::Client => {
                other = peer.server(case, certificates)?;
                let verifier = CertificateVerifier::builder(vec![certificates.root(case.key_kind)?]).build()?;
                let config = ClientConfig::builder(revealing.provider(), Arc::new(verifier));
                let config = config.danger().allow_legacy_master_secret().build()?;
                ours = Association::connect(other.address()?, name_for(case)?, config, &wire)?;
            }
            Role::Server => {
                let key = certificates.key(case.key_kind, KeyForm::Pkcs8)?;
                let key = ring::provider().key_loader.load(&key)?;
                let identity = Identity::new(certificates.chain(case.key_kind, Chain::Direct)?, key)?;
                let config = ServerConfig::builder(revealing.provider(), identity);
                let config = config.danger().allow_legacy_master_secret().build()?;
                listening = Server::listen(config, &wire)?;
                other = peer.client(case, certificates, listening.address()?)?;
                ours = listening.accept()?;
            }
        }
        let session = ours.session()?;
        expect_eq("suite", &session.cipher_suite, &case.suite)?;
        expect_eq("group", &session.group, &Some(case.group))?;
        expect_eq("extended master secret", &session.extended_master_secret, &case.extended_master_secret)?;
        let [said, heard] = converse(&mut other, &mut ours)?;
        ours.close()?;
        let [client_data, server_data] = if our_role == Role::Client { [said, heard] } else { [heard, said] };
        let premaster = revealing.secret().ok_or("no premaster secret")?;
        Ok(Self { case: *case, peer_role, premaster, wire, client_data, server_data })
    }

    fn facts(&self) -> String {
        let Case { suite, group, extended_master_secret, .. } = self.case;
        format!("{} {suite:?} {group:?} {}", role_name(self.peer_role), yes_or_no(extended_master_secret))
    }

    fn text(&self, version: &str) -> Outcome<String> {
        let mut text = format!("[handshake]\npeer = {version}\n");
        for (name, value) in FACTS.iter().zip(self.facts().split(' ')) {
            writeln!(text, "{name} = {value}")?;
        }
        writeln!(text, "premaster = {}", hex(&self.premaster))?;
        writeln!(text, "client_data = {}\nserver_data = {}", hex(&self.client_data), hex(&self.server_data))?;
        for (direction, datagram) in self.wire.datagrams() {
            let from = match direction {
                Direction::Sent => self.peer_role.peer(),
                Direction::Received => self.peer_role,
            };
            writeln!(text, "\n[datagram]\nfrom = {}\nbytes = {}", role_name(from), hex(datagram))?;
        }
        Ok(text)
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn first_line(program: &str, argument: &str) -> Outcome<String> {
    let output = std::process::Command::new(program).arg(argument).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn before(text: &str, end: &str) -> String {
    text.split(end).next().unwrap_or_default().to_owned()
}
