//! Records of application data, as ours and the ideal make them.

use std::sync::Arc;

use sealgram::crypto::{CryptoProvider, KeyExchangeGroup, Suite};
use sealgram::provider::ring;
use sealgram::{AddressValidated, ClientConfig, Connection, Instant, ServerConfig, Status, TransportOptions};
use sealgram_sim::{SimRng, wall_clock};

use crate::credentials;

/// One direction of a connection.
pub trait Records {
    /// Makes a datagram of one record at the start of `out`, and gives its length.
    fn seal(&mut self, payload: &[u8], out: &mut [u8]) -> usize;

    /// Opens a datagram of one record in place.
    fn open<'d>(&mut self, datagram: &'d mut [u8]) -> Option<&'d mut [u8]>;
}

/// Two connections of ours: what the client sends, the server receives.
#[derive(Debug)]
pub struct Ours {
    /// The one that seals.
    pub client: Connection,
    /// The one that opens.
    pub server: Connection,
}

impl Ours {
    /// A connection with this suite.
    #[must_use]
    pub fn connect(suite: &'static Suite) -> Self {
        let (client, server) = configs(Box::leak(Box::new(provider(suite, ring::X25519))));
        Self::connect_with(client, server)
    }

    /// A connection between these two.
    #[must_use]
    pub fn connect_with(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Self {
        let mut rng = SimRng::new(1);
        let address = AddressValidated::assured_by_transport();
        let client = Connection::client(client, credentials::name(), wall_clock(), &mut rng).expect("a hello");
        let mut this = Self { client, server: Connection::server(server, address, wall_clock(), &mut rng) };
        let mut buf = [0; 2048];
        for _ in 0..FLIGHTS {
            pass_on(&mut this.client, &mut this.server, &mut buf);
            pass_on(&mut this.server, &mut this.client, &mut buf);
        }
        for end in [&mut this.client, &mut this.server] {
            assert_eq!(end.status(), Status::Connected, "{:?}", end.close_reason());
            end.set_mtu(MAX_DATAGRAM);
            while end.poll_event().is_some() {}
        }
        this
    }
}

/// All that one end has to say, to the other.
fn pass_on(from: &mut Connection, to: &mut Connection, buf: &mut [u8]) {
    while let Some(transmit) = from.poll_transmit(NOW, buf) {
        let segment = transmit.segment_size.map_or(transmit.len, Into::into);
        for datagram in buf[..transmit.len].chunks_mut(segment) {
            assert!(to.handle_datagram(NOW, datagram).is_empty(), "no application data in a handshake");
        }
    }
}

impl Records for Ours {
    fn seal(&mut self, payload: &[u8], out: &mut [u8]) -> usize {
        self.client.send(payload, out).expect("a connection that takes the payload")
    }

    fn open<'d>(&mut self, datagram: &'d mut [u8]) -> Option<&'d mut [u8]> {
        self.server.handle_datagram(NOW, datagram).next()
    }
}

/// The provider with one suite and one group.
#[must_use]
pub fn provider(suite: &'static Suite, group: &'static dyn KeyExchangeGroup) -> CryptoProvider {
    CryptoProvider { suites: vec![suite].leak(), groups: vec![group].leak(), ..*ring::provider() }
}

/// A client that offers everything, as clients do, and a server that takes what is to be measured.
#[must_use]
pub fn configs(server: &'static CryptoProvider) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let server = ServerConfig::builder(server, credentials::identity()).transport(transport());
    (client_config(ring::provider()), server.build().expect("a sound configuration"))
}

/// A client with this provider.
#[must_use]
pub fn client_config(provider: &'static CryptoProvider) -> Arc<ClientConfig> {
    let client = ClientConfig::builder(provider, credentials::verifier()).transport(transport());
    client.build().expect("a sound configuration")
}

/// Every flight fits one datagram, as it does in most networks.
fn transport() -> TransportOptions {
    TransportOptions::default().mtu(1400)
}

/// Time stands still while anything is measured: the core is told it, and what it does with it costs the same.
pub const NOW: Instant = Instant::ORIGIN;

/// How long a datagram with the longest record may be.
pub const MAX_DATAGRAM: usize = 16_384 + 64;

/// More than a handshake has each way.
const FLIGHTS: usize = 4;
