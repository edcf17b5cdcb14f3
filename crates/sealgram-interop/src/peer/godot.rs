//! Godot 3 without a screen: a project of ours, `peers/godot`, which is server or client by the engine's own classes.
//! Mbed TLS is inside, and nothing of it can be chosen: suite and group are what our end leaves it.

use core::net::SocketAddr;
use std::process::Command;

use super::{Dialect, Manner, Peer, Quit, free_port, series};
use crate::Outcome;
use crate::case::{Case, KeyForm, KeyKind};
use crate::certificates::Certificates;
use crate::process::Process;

/// The version, or why Godot cannot take part.
pub fn find() -> Result<String, String> {
    let output = Command::new(PROGRAM).arg("--version").output().map_err(|error| format!("{PROGRAM}: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    // The classes that it is made of are new in 3.2 and other ones in 4.0.
    if version.starts_with("3.") {
        Ok(format!("Godot {}", series(&version)))
    } else {
        Err(format!("{PROGRAM} is {version:?}, not Godot 3"))
    }
}

/// Starts a server for a case. It sends back what it hears.
pub fn server(case: &Case, certificates: &Certificates) -> Outcome<Peer> {
    let address = free_port()?;
    let mut command = godot("server", address, certificates);
    command.env("PEER_CERTIFICATE", certificates.chain_file(case.key_kind, case.chain));
    command.env("PEER_KEY", certificates.key_file(case.key_kind, KeyForm::Pkcs8));
    let facts = vec!["status: connected".into()];
    Ok(Peer { process: Process::spawn(&mut command)?, dialect: &GODOT, facts, told: Some(address) })
}

/// Starts a client that trusts the root of this kind and asks for this name.
pub fn client(trusted: KeyKind, certificates: &Certificates, to: SocketAddr, host: &str) -> Outcome<Peer> {
    let mut command = godot("client", to, certificates);
    command.env("PEER_ROOT", certificates.root_file(trusted)).env("PEER_HOST", host);
    let facts = vec!["status: connected".into()];
    Ok(Peer { process: Process::spawn(&mut command)?, dialect: &GODOT, facts, told: None })
}

/// What both roles are told alike.
fn godot(role: &str, address: SocketAddr, certificates: &Certificates) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--path", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/godot")]);
    // What it keeps for its user goes with the run.
    command.env("HOME", certificates.directory());
    command.env("PEER_ROLE", role).env("PEER_PORT", address.port().to_string());
    command
}

static GODOT: Dialect = Dialect {
    listens: "listening",
    quit: Quit::Record("goodbye"),
    was_closed: "status: disconnected",
    keying_material: "",
    media_keys: "",
    resumed: "",
    ends_when_closed: true,
    is_a_log: true,
    manner: Manner::Echoes,
};

const PROGRAM: &str = "godot3-server";
