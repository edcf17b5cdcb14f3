//! Makes the connection that the options describe.

use core::sync::atomic::{AtomicI32, AtomicU16};
use core::time::Duration;
use std::sync::Arc;

use getrandom::SysRng;
use sealgram::pki_types::{ServerName, UnixTime};
use sealgram::rand_core::UnwrapErr;
use sealgram::{
    AddressValidated, ClientConfig, Connection, Instant, ServerConfig, ServerConfigBuilder, TransportOptions, WallClock,
};

use crate::algorithms;
use crate::credentials::{self, NONE_SIGNED, Signer};
use crate::failure::Failure;
use crate::options::Options;
use crate::verdict::{PeerScheme, Verdict};

/// A connection before its first datagram, and what can be learned from outside of it.
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) signer: Signer,
    pub(crate) peer_scheme: PeerScheme,
}

impl End {
    pub(crate) fn new(options: &Options) -> Result<Self, Failure> {
        let signer = Arc::new(AtomicI32::new(NONE_SIGNED));
        let peer_scheme = Arc::new(AtomicU16::new(0));
        let connection =
            if options.server { server(options, &signer)? } else { client(options, &signer, &peer_scheme)? };
        Ok(Self { connection, signer, peer_scheme })
    }
}

fn client(options: &Options, signer: &Signer, peer_scheme: &PeerScheme) -> Result<Connection, Failure> {
    if !credentials::identities(&options.credentials, signer)?.is_empty() {
        return Err(Failure::NotImplemented("client certificates".into()));
    }
    let verdict = Arc::new(Verdict::new(options, Arc::clone(peer_scheme)));
    let protocols: Vec<&[u8]> = options.application_protocols.iter().map(Vec::as_slice).collect();
    let builder = ClientConfig::builder(algorithms::provider(options), verdict)
        .transport(transport(options))
        .application_protocols(&protocols)
        .send_server_name(options.server_name.is_some())
        .danger()
        .trust_path()
        .danger()
        .allow_legacy_master_secret();
    let config = match options.requires_renegotiation_info {
        true => builder.build()?,
        false => builder.danger().allow_missing_renegotiation_info().build()?,
    };
    // Without a name of the flags there still is one; it is not sent, and nobody looks at it.
    let name = options.server_name.clone().unwrap_or_else(|| "runner".into());
    let name = ServerName::try_from(name).map_err(|_| Failure::Usage("-host-name is no name".into()))?;
    Ok(Connection::client(config, name, wall_clock(), &mut UnwrapErr(SysRng))?)
}

fn server(options: &Options, signer: &Signer) -> Result<Connection, Failure> {
    if options.asks_for_certificate {
        return Err(Failure::NotImplemented("client certificates".into()));
    }
    let mut identities = credentials::identities(&options.credentials, signer)?.into_iter();
    let first = identities.next().ok_or_else(|| Failure::NotImplemented("a server without a certificate".into()))?;
    let builder = ServerConfig::builder(algorithms::provider(options), first);
    let protocols: Vec<&[u8]> = match options.reject_protocols {
        true => vec![b"none that a client offers"],
        false => options.application_protocols.iter().map(Vec::as_slice).collect(),
    };
    let config = identities
        .fold(builder, ServerConfigBuilder::identity)
        .transport(transport(options))
        .application_protocols(&protocols)
        .danger()
        .trust_path()
        .danger()
        .allow_legacy_master_secret()
        .build()?;
    // The runner answers a HelloVerifyRequest like any client; the tests are about what comes after it.
    let address = AddressValidated::assured_by_transport();
    Ok(Connection::server(config, address, wall_clock(), &mut UnwrapErr(SysRng)))
}

/// The runner's schedule: 400 ms, doubled up to a minute, twelve times; without jitter, as it compares to the
/// microsecond.
fn transport(options: &Options) -> TransportOptions {
    let transport = TransportOptions::default()
        .mtu(options.mtu.unwrap_or(DEFAULT_MTU))
        .initial_timeout(options.initial_timeout.unwrap_or(INITIAL_TIMEOUT))
        .max_timeout(Duration::from_secs(60))
        .max_resends(12)
        .handshake_deadline(HANDSHAKE_DEADLINE)
        .jitter(false);
    match options.max_message_len {
        Some(bytes) => transport.max_message_len(bytes),
        None => transport,
    }
}

/// The runner makes its certificates as it starts.
fn wall_clock() -> WallClock {
    WallClock::new(Instant::ORIGIN, UnixTime::now())
}

/// What the runner expects where it says nothing: Ethernet's 1500 bytes without the headers of IPv4 and UDP.
const DEFAULT_MTU: usize = 1472;

/// The first timeout that the runner expects where it says nothing.
const INITIAL_TIMEOUT: Duration = Duration::from_millis(400);

/// The runner knows no deadline for the whole handshake: this one is never met.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(365 * 86400);
