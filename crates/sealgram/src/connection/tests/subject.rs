//! The connection under test, and the clock it is shown.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use pki_types::{ServerName, UnixTime};

use super::identities::{P256, RSA, verifier};
use crate::code::{AlertDescription, HandshakeType};
use crate::config::{ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder, TransportOptions};
use crate::connection::Connection;
use crate::error::{Error, PeerMisbehaved};
use crate::event::{Event, Status};
use crate::proof::AddressValidated;
use crate::provider::ring;
use crate::received::Transmit;
use crate::stats::DiscardReason;
use crate::test_rng::TestRng;
use crate::time::{Instant, WallClock};
use crate::verify::PeerVerifier;

/// Whether the subject believes what nobody vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As by default.
    Wary,
    /// Under `danger::trust_path()`.
    Trusting,
}

pub(super) const MODES: [Mode; 2] = [Mode::Wary, Mode::Trusting];

/// The connection under test.
pub(super) struct Subject {
    pub(super) connection: Connection,
    pub(super) mode: Mode,
    pub(super) now: Instant,
}

impl Subject {
    pub(super) fn client(mode: Mode, configure: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder) -> Self {
        Self::client_judging_by(mode, verifier(), configure)
    }

    /// A client that has its server judged by `judge`.
    pub(super) fn client_judging_by(
        mode: Mode,
        judge: Arc<dyn PeerVerifier>,
        configure: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> Self {
        let config = ClientConfig::builder(ring::provider(), judge).transport(transport());
        let config = match mode {
            Mode::Wary => config,
            Mode::Trusting => config.danger().trust_path(),
        };
        Self::of_client(configure(config), mode)
    }

    pub(super) fn client_of(config: ClientConfigBuilder) -> Self {
        Self::of_client(config, Mode::Wary)
    }

    pub(super) fn server_of(config: ServerConfigBuilder) -> Self {
        Self::of_server(config, AddressValidated::assured_by_transport(), Mode::Wary)
    }

    pub(super) fn client_with(config: Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        Self::new(Connection::client(config, name, wall_clock(), &mut TestRng::new(1)).unwrap(), Mode::Wary)
    }

    pub(super) fn server_with(config: Arc<ServerConfig>) -> Self {
        Self::server_drawing(config, AddressValidated::assured_by_transport(), Mode::Wary)
    }

    /// Each server draws something else: with the same session ids, new sessions would look like old ones.
    fn server_drawing(config: Arc<ServerConfig>, address: AddressValidated, mode: Mode) -> Self {
        static DRAWN: AtomicU64 = AtomicU64::new(2);
        let mut rng = TestRng::new(DRAWN.fetch_add(1, Ordering::Relaxed));
        Self::new(Connection::server(config, address, wall_clock(), &mut rng), mode)
    }

    fn of_client(config: ClientConfigBuilder, mode: Mode) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let config = config.build().unwrap();
        Self::new(Connection::client(config, name, wall_clock(), &mut TestRng::new(1)).unwrap(), mode)
    }

    fn of_server(config: ServerConfigBuilder, address: AddressValidated, mode: Mode) -> Self {
        Self::server_drawing(config.build().unwrap(), address, mode)
    }

    pub(super) fn server(
        mode: Mode,
        address: AddressValidated,
        configure: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Self {
        let config = ServerConfig::builder(ring::provider(), P256.clone()).identity(RSA.clone()).transport(transport());
        let config = match mode {
            Mode::Wary => config,
            Mode::Trusting => config.danger().trust_path(),
        };
        Self::of_server(configure(config), address, mode)
    }

    fn new(connection: Connection, mode: Mode) -> Self {
        Self { connection, mode, now: Instant::from_elapsed(Duration::from_secs(100)) }
    }

    /// Hands it a datagram; the application data that was in it.
    pub(super) fn give(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = datagram.to_vec();
        self.connection.handle_datagram(self.now, &mut datagram).map(|data| data.to_vec()).collect()
    }

    /// Everything that it wants to send, datagram by datagram.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        let mut out = vec![0; 1 << 16];
        let mut datagrams = Vec::new();
        while let Some(Transmit { len, segment_size }) = self.connection.poll_transmit(self.now, &mut out) {
            let segment = segment_size.map_or(len, NonZeroUsize::get);
            datagrams.extend(out[..len].chunks(segment).map(<[u8]>::to_vec));
        }
        datagrams
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.connection.poll_event()).collect()
    }

    pub(super) fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.connection.handle_timeout(self.now);
    }

    /// Lets time pass until its next timer fires.
    pub(super) fn expire(&mut self) {
        self.now = self.connection.poll_timeout().expect("a timer runs").max(self.now);
        self.connection.handle_timeout(self.now);
    }

    pub(super) fn status(&self) -> Status {
        self.connection.status()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    pub(super) fn dropped(&self, reason: DiscardReason) -> u64 {
        self.connection.stats().discarded(reason)
    }
}

/// What a subject says of a message that does not belong there, and the alert that belongs to it.
pub(super) fn unexpected(got: HandshakeType, expected: HandshakeType) -> (Error, AlertDescription) {
    (PeerMisbehaved::UnexpectedMessage { got, expected }.into(), AlertDescription::UNEXPECTED_MESSAGE)
}

/// Exact timers, time enough for many of them, and room for any flight in one datagram.
pub(super) fn transport() -> TransportOptions {
    TransportOptions::default().jitter(false).handshake_deadline(Duration::from_secs(600)).mtu(16_000)
}

/// Within the dates of every certificate here.
pub(super) fn wall_clock() -> WallClock {
    WallClock::new(Instant::ORIGIN, UnixTime::since_unix_epoch(Duration::from_secs(1_893_499_200)))
}
