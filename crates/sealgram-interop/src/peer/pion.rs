//! pion/dtls, version 2, in a program of ours: `peers/pion/main.go`, built by `./check peers`.

use core::fmt::Write as _;
use core::net::SocketAddr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sealgram::Role;

use super::{Dialect, Manner, Peer, Quit};
use crate::Outcome;
use crate::case::{Authentication, Case, ClientCertificate, KeyForm, Srtp};
use crate::certificates::Certificates;
use crate::configuration::{PSK_IDENTITY, psk_in_hexadecimal};
use crate::process::{Process, cached};

/// Where the program is built. A change of its source or of how it is built needs another name, in
/// `build-pion` too.
const FOLDER: &str = "pion-2.2.6-4";

/// The version, or why pion cannot take part.
pub fn find() -> Result<String, String> {
    let source = folder()?.join("main.go");
    let built_from = fs::read_to_string(&source).map_err(|error| format!("{FOLDER}: {error}"))?;
    if built_from == include_str!("../../peers/pion/main.go") {
        Ok("pion/dtls 2.2".into())
    } else {
        Err(format!("{FOLDER} is built from another main.go: a change of it needs another name"))
    }
}

fn folder() -> Result<PathBuf, String> {
    cached(FOLDER, "crates/sealgram-interop/build-pion")
}

/// Starts a server for a case. It serves one association after another.
pub fn server(case: &Case, certificates: &Certificates, more: &[&str]) -> Outcome<Peer> {
    let mut command = pion(case, Role::Server)?;
    let mut facts = facts(usize::from(case.client.shown().is_some()));
    if case.authentication() == Authentication::Signature {
        command.arg("-chain").arg(certificates.chain_file(case.key_kind, case.chain));
        command.arg("-key").arg(certificates.key_file(case.key_kind, KeyForm::Pkcs8));
        if case.server_name {
            facts.push("server name: localhost".into());
        }
    } else {
        command.args(["-identity", PSK_HINT]);
        facts.push(format!("the other end tells: {PSK_IDENTITY}"));
    }
    match case.client {
        ClientCertificate::NotAsked => {}
        ClientCertificate::Missing | ClientCertificate::Requested(_) => drop(command.args(["-ask", "request"])),
        ClientCertificate::Required(_) => drop(command.args(["-ask", "require"])),
    }
    if let Some(kind) = case.client.shown() {
        command.arg("-roots").arg(certificates.root_file(kind));
    }
    if !case.cookies {
        command.arg("-nocookie");
    }
    if let Some(alpn) = case.alpn {
        command.args(["-alpn", &alpn.server.join(",")]);
    }
    facts.extend(case.srtp.map(media_fact));
    Ok(Peer { process: Process::spawn(command.args(more))?, dialect: &SERVER, facts, told: None })
}

/// Starts a client for a case.
pub fn client(case: &Case, certificates: &Certificates, to: SocketAddr, more: &[&str]) -> Outcome<Peer> {
    let mut command = pion(case, Role::Client)?;
    command.args(["-connect", &to.to_string()]);
    command.arg("-roots").arg(certificates.root_file(case.key_kind));
    // What is an address is verified and not sent.
    command.args(["-name", if case.server_name { "localhost" } else { "127.0.0.1" }]);
    if let Some(alpn) = case.alpn {
        command.args(["-alpn", &alpn.client.join(",")]);
    }
    if let Some(kind) = case.client.shown() {
        command.arg("-chain").arg(certificates.client_certificate_file(kind));
        command.arg("-key").arg(certificates.client_key_file(kind));
    }
    let mut facts = if case.authentication() == Authentication::Signature {
        facts(case.chain.len())
    } else {
        command.args(["-identity", PSK_IDENTITY]);
        facts(0)
    };
    facts.extend(case.srtp.map(media_fact));
    let dialect = if case.resumption.is_some() {
        command.args(["-times", "2"]);
        &RETURNING_CLIENT
    } else {
        &CLIENT
    };
    Ok(Peer { process: Process::spawn(command.args(more))?, dialect, facts, told: None })
}

/// What both roles are told alike.
fn pion(case: &Case, role: Role) -> Outcome<Command> {
    let mut command = Command::new(folder()?.join("pion"));
    if !case.whole_offer {
        command.args(["-suites", &format!("{:04X}", case.suite.0), "-groups", &groups(case)]);
    }
    if let Some(scheme) = case.scheme {
        command.args(["-schemes", &format!("{:04X}", scheme.0)]);
    }
    if let Some(mtu) = case.mtu {
        command.args(["-mtu", &mtu.saturating_sub(OVERHEAD).to_string()]);
    }
    if !case.extended_master_secret {
        command.args(["-ems", "disable"]);
    }
    if case.authentication() != Authentication::Signature {
        command.args(["-psk", &psk_in_hexadecimal()]);
    }
    if case.resumption.is_some() {
        command.arg("-sessions");
    }
    if let Some(label) = case.exporter {
        command.args(["-export", label]);
    }
    if let Some(srtp) = case.srtp {
        let profiles: Vec<_> = srtp.of(role).iter().map(|profile| format!("{:04X}", profile.0)).collect();
        command.args(["-srtp", &profiles.join(","), "-export", MEDIA_LABEL]);
    }
    Ok(command)
}

/// The group of the case, then the curve of the certificate. Its server looks at neither, its client forgets them in
/// its second hello, which offers everything: that the group is agreed on takes [`Case::narrow`].
fn groups(case: &Case) -> String {
    let mut groups = format!("{:04X}", case.group.0);
    if let Some(curve) = case.key_kind.curve().filter(|curve| *curve != case.group) {
        // Writing to a string does not fail.
        let _ = write!(groups, ",{:04X}", curve.0);
    }
    groups
}

/// It forgets the application protocol, and tells neither suite nor group: what it was told must do.
fn facts(certificates: usize) -> Vec<String> {
    Vec::from([format!("certificates: {certificates}"), "connected".into()])
}

fn media_fact(srtp: Srtp) -> String {
    format!("SRTP profile: {:04X}", srtp.agreed.0)
}

/// The label of keying material for media (RFC 5764 section 4.2).
const MEDIA_LABEL: &str = "EXTRACTOR-dtls_srtp";

static SERVER: Dialect = Dialect { listens: "listening at ", ends_when_closed: false, ..CLIENT };

static CLIENT: Dialect = Dialect {
    listens: "",
    quit: Quit::EndOfInput,
    was_closed: "closed by the other end",
    keying_material: "keying material: ",
    media_keys: "keying material: ",
    resumed: "",
    ends_when_closed: true,
    is_a_log: false,
    manner: Manner::Types,
};

static RETURNING_CLIENT: Dialect = Dialect { ends_when_closed: false, ..CLIENT };

/// Its MTU counts the pieces of messages: what it adds in headers, nonce and tag, in bytes.
const OVERHEAD: usize = 13 + 12 + 8 + 16;

/// What its server tells clients before they say who they are.
const PSK_HINT: &str = "hint of the peer";
