//! The core in a program that has no std: that this builds is the proof that the core needs none.
//!
//! A static library is complete but for the C library, and so its panic handler and its allocator are its own. If any
//! crate below the core brought std along, there would be two panic handlers, which the compiler refuses (E0152).
//! `proofs/no_std/run` builds this once for each feature of the core that promises to do without std, and once with
//! std, which has to fail.
//!
//! What the core is called for here is only to be there: nobody runs this.
#![no_std]

extern crate alloc;

mod runtime;

#[cfg(feature = "ccm")]
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};

use sealgram::crypto::CryptoProvider;
use sealgram::pki_types::{ServerName, UnixTime};
use sealgram::rand_core::CryptoRng;
use sealgram::verify::PeerVerifier;
use sealgram::{
    AddressValidated, ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Identity, Instant,
    Path, ServerConfig, WallClock,
};

/// What the core leaves to its user.
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct Parts<'p> {
    /// Judges the server.
    pub verifier: Arc<dyn PeerVerifier>,
    /// Who the server is.
    pub identity: Identity,
    /// Algorithms, for a build without the feature `ring`.
    pub provider: &'static CryptoProvider,
    /// Randomness.
    pub rng: &'p mut dyn CryptoRng,
}

/// One turn of a loop around each thing that the core has to offer: a client, a server, and an endpoint with many of
/// them. Counts the datagrams that had to be sent.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported, so that the compiler keeps all that it calls; the name is used nowhere else")]
#[expect(improper_ctypes_definitions, reason = "nobody calls it, from C or from elsewhere")]
pub extern "C" fn sealgram_turn(parts: Parts<'_>, now_nanos: u64, datagram: &mut [u8]) -> usize {
    turn(parts, Instant::from_nanos(now_nanos), datagram).unwrap_or(0)
}

fn turn(parts: Parts<'_>, now: Instant, datagram: &mut [u8]) -> Option<usize> {
    let Parts { verifier, identity, provider, rng } = parts;
    let provider = provider_of(provider);
    let client = ClientConfig::builder(provider, verifier).build().ok()?;
    let server = ServerConfig::builder(provider, identity).build().ok()?;
    let wall_clock = WallClock::new(now, UnixTime::since_unix_epoch(core::time::Duration::ZERO));
    let name = ServerName::try_from("localhost").ok()?;

    let mut one = Connection::client(client.clone(), name.clone(), wall_clock, rng).ok()?;
    let mut other = Connection::server(server.clone(), AddressValidated::assured_by_transport(), wall_clock, rng);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(rng), wall_clock);
    let path = Path::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 4433)), None);
    endpoint.connect(path, client, name, now, rng).ok()?;
    Some(
        drive(&mut one, now, datagram)
            + drive(&mut other, now, datagram)
            + serve(&mut endpoint, server, now, path, rng, datagram),
    )
}

/// With `ring`, its algorithms; else the caller's. With `ccm`, its suites in place of theirs.
fn provider_of(given: &'static CryptoProvider) -> &'static CryptoProvider {
    #[cfg(feature = "ring")]
    let given = if given.suites.is_empty() { sealgram::provider::ring::provider() } else { given };
    #[cfg(feature = "ccm")]
    let given = Box::leak(Box::new(CryptoProvider { suites: &OF_CCM, ..*given }));
    given
}

#[cfg(feature = "ccm")]
static OF_CCM: [&sealgram::crypto::Suite; 2] =
    [&sealgram::provider::ccm::ECDHE_ECDSA_WITH_AES_128_CCM, &sealgram::provider::ccm::ECDHE_ECDSA_WITH_AES_256_CCM_8];

fn drive(connection: &mut Connection, now: Instant, datagram: &mut [u8]) -> usize {
    connection.handle_timeout(now);
    let received: usize = connection.handle_datagram(now, datagram).map(|data| data.len()).sum();
    let sealed = connection.send(b"ping", datagram).unwrap_or(0);
    connection.close();
    let mut sent = 0;
    while connection.poll_transmit(now, datagram).is_some() {
        sent += 1;
    }
    while connection.poll_event().is_some() {}
    sent + received.min(1) + sealed.min(1) + usize::from(connection.poll_timeout().is_some())
}

fn serve(
    endpoint: &mut Endpoint,
    config: Arc<ServerConfig>,
    now: Instant,
    path: Path,
    rng: &mut dyn CryptoRng,
    datagram: &mut [u8],
) -> usize {
    endpoint.handle_timeout(now);
    if let Dispatch::Incoming(incoming) = endpoint.handle_datagram(now, path, datagram) {
        if let Ok((handle, _)) = endpoint.accept(incoming, config, now, rng) {
            endpoint.connection(handle).into_iter().for_each(|mut connection| connection.close());
        }
    }
    let mut sent = 0;
    while endpoint.poll_transmit(now, datagram).is_some() {
        sent += 1;
    }
    while endpoint.poll_event().is_some() {}
    sent + usize::from(endpoint.poll_timeout().is_some())
}
