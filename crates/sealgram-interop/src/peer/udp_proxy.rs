//! Mbed TLS's `udp_proxy`: a network that does harm, between us and any peer.

use core::net::SocketAddr;
use std::process::Command;

use super::{free_port, mbedtls};
use crate::Outcome;
use crate::process::Process;

/// What a proxy does to datagrams.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table in this workspace")]
pub struct Harm {
    /// For people.
    pub name: &'static str,
    /// As its arguments. It decides by a generator with this seed, in the order of arrival.
    pub arguments: &'static [&'static str],
    /// What it prints when it has done it. Of what it loses it says nothing.
    pub sign: Option<&'static str>,
}

/// Each alone, then all at once. One of the first datagrams of any handshake is hit with these seeds.
pub const HARMS: [Harm; 5] = [
    Harm { name: "loss", arguments: &["drop=3", "seed=1", CLOSE_NOTIFY_PASSES], sign: None },
    Harm { name: "delay", arguments: &["delay=3", "seed=1", CLOSE_NOTIFY_PASSES], sign: Some("delayed") },
    Harm { name: "duplicates", arguments: &["duplicate=2", "seed=1"], sign: Some("duplicated") },
    // A damaged copy of every record of application data, in front of it.
    Harm { name: "bad records", arguments: &["bad_ad=1"], sign: Some("corrupted") },
    Harm {
        name: "all of it",
        arguments: &["drop=5", "delay=5", "duplicate=5", "bad_ad=1", "seed=2", CLOSE_NOTIFY_PASSES],
        sign: Some("corrupted"),
    },
];

/// Nobody repeats this alert, and the trials wait for it: under AES-GCM no other datagram has its length.
const CLOSE_NOTIFY_PASSES: &str = "protect_len=39";

/// A proxy that runs, for one association.
#[derive(Debug)]
pub struct UdpProxy {
    process: Process,
    address: SocketAddr,
    harm: Harm,
}

impl UdpProxy {
    /// Starts one in front of a server.
    pub fn start(server: SocketAddr, harm: Harm) -> Outcome<Self> {
        let address = free_port()?;
        // Line by line, or it would keep what it has to tell to itself.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg(mbedtls::program("udp_proxy")?);
        command.args(["server_addr=127.0.0.1", &format!("server_port={}", server.port())]);
        command.args(["listen_addr=127.0.0.1", &format!("listen_port={}", address.port())]);
        let process = Process::spawn(command.args(harm.arguments))?;
        process.wait_for_text("Waiting for a remote connection")?;
        Ok(Self { process, address, harm })
    }

    /// Where a client finds it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has told of its harm, which it does later than it does it; fails if it has let everything through.
    pub fn has_done_harm(&self) -> Outcome {
        let told = self.process.wait_until(|log| match self.harm.sign {
            Some(sign) => log.contains(sign),
            None => has_lost(log),
        });
        told.map_err(|_| format!("no harm was done by {:?}:\n{}", self.harm, self.process.output()).into())
    }
}

/// A datagram is lost if the next one comes before anything was sent on: the line for that has a word at its end.
fn has_lost(log: &str) -> bool {
    let dispatched = log.lines().filter(|line| line.contains(" dispatch "));
    let comes: Vec<bool> = dispatched.map(|line| line.ends_with("bytes)")).collect();
    comes.windows(2).any(|two| two == [true, true])
}
