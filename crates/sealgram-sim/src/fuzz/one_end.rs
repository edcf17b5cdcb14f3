//! One connection, and somebody who says anything to it at any time.

use core::time::Duration;
use std::sync::{Arc, OnceLock};

use sealgram::internals::Choices;
use sealgram::pki_types::ServerName;
use sealgram::{
    AddressValidated, ClientConfig, ClientConfigBuilder, Connection, Event, Instant, ServerConfig, ServerConfigBuilder,
    Status, TransportOptions,
};

use super::glass;
use crate::builder::wall_clock;
use crate::identity::{SERVER_NAME, toy_identity};
use crate::rng::SimRng;
use crate::toy::ToyVerifier;
use crate::wire_log::WireLog;

/// Datagrams, time and calls for a client. Returns 1 if it connected.
pub fn client_bytes(data: &[u8]) -> usize {
    let [client, _] = both_ends();
    End::new(client).run(Choices::new(data))
}

/// Datagrams, time and calls for a server whose transport vouches for the client. Returns 1 if it connected.
pub fn server_bytes(data: &[u8]) -> usize {
    let [_, server] = both_ends();
    End::new(server).run(Choices::new(data))
}

/// The client and the server of these targets: the same to the last byte every time, so that what was recorded with
/// one of them fits the other for ever.
///
/// # Panics
///
/// If the configuration is not sound.
#[must_use]
pub fn both_ends() -> [Connection; 2] {
    let name = ServerName::try_from(SERVER_NAME).expect("a DNS name");
    let client = Connection::client(glass_client_config(), name, wall_clock(), &mut SimRng::new(1));
    let proof = AddressValidated::assured_by_transport();
    let server = Connection::server(glass_server_config(), proof, wall_clock(), &mut SimRng::new(2));
    [client.expect("a hello that encodes"), server]
}

/// A client's configuration with a cipher of glass.
///
/// # Panics
///
/// If it is not sound.
#[must_use]
pub fn glass_client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| glass_client().build().expect("a sound configuration")))
}

pub(super) fn glass_client() -> ClientConfigBuilder {
    ClientConfig::builder(&glass::PROVIDER, Arc::new(ToyVerifier)).transport(options())
}

/// A server's configuration with a cipher of glass.
///
/// # Panics
///
/// If it is not sound.
#[must_use]
pub fn glass_server_config() -> Arc<ServerConfig> {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| glass_server().build().expect("a sound configuration")))
}

pub(super) fn glass_server() -> ServerConfigBuilder {
    ServerConfig::builder(&glass::PROVIDER, toy_identity()).transport(options())
}

/// Small limits, so that few bytes reach them.
fn options() -> TransportOptions {
    TransportOptions::default().max_message_len(2048).stash_len(600)
}

/// A connection, and what must be true of it whatever is said to it.
struct End {
    connection: Connection,
    now: Instant,
    mtu: usize,
    log: WireLog,
    was_connected: bool,
    is_closed: bool,
    out: Vec<u8>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            now: BEGINNING,
            mtu: 1200,
            log: WireLog::default(),
            was_connected: false,
            is_closed: false,
            out: vec![0; 4096],
        }
    }

    fn run(mut self, mut choices: Choices<'_>) -> usize {
        // A client's hello is out before anything can answer it.
        self.drain();
        while !choices.is_empty() {
            let choice = choices.byte();
            match choice & 7 {
                0..=3 => self.take_in(&mut choices.chunk().to_vec()),
                4 => self.pass_time(Duration::from_millis(u64::from(choices.u16()))),
                5 => self.wait_for_deadline(),
                6 => self.send(choices.below(1400)),
                _ => self.call(&mut choices),
            }
            // Sometimes a loop forgets to drain. Then it must be told.
            if choice & 0x80 == 0 {
                self.drain();
            }
        }
        self.drain();
        self.was_connected.into()
    }

    fn take_in(&mut self, datagram: &mut [u8]) {
        let was_closed = self.connection.close_reason().is_some();
        let received = self.connection.handle_datagram(self.now, datagram);
        let count = received.len();
        assert_eq!(received.count(), count);
        assert!(count == 0 || self.connection.session().is_some(), "data before the handshake was complete");
        assert!(count == 0 || !was_closed, "data after the end");
    }

    fn pass_time(&mut self, time: Duration) {
        self.now = self.now + time;
        self.connection.handle_timeout(self.now);
    }

    fn wait_for_deadline(&mut self) {
        if let Some(deadline) = self.connection.poll_timeout() {
            self.now = self.now.max(deadline);
            self.connection.handle_timeout(self.now);
        }
    }

    fn send(&mut self, len: usize) {
        let is_connected = self.connection.status() == Status::Connected;
        let fits = len <= self.connection.max_payload();
        let overhead = self.connection.max_overhead();
        match self.connection.send(&vec![0x61; len], &mut self.out) {
            Ok(sent) => {
                assert!(is_connected && fits);
                assert_eq!(sent, len + overhead);
                assert!(sent <= self.mtu, "a record longer than the path carries");
                self.log.add(self.connection.role(), Duration::ZERO, &self.out[..sent]);
            }
            Err(_) => assert!(!is_connected || !fits),
        }
    }

    fn call(&mut self, choices: &mut Choices<'_>) {
        match choices.below(8) {
            0 => self.connection.close(),
            1 => {
                let bytes = choices.below(3000);
                self.mtu = bytes.max(self.connection.min_datagram());
                self.connection.set_mtu(bytes);
            }
            2 => self.connection.drop_exporter(),
            3 => {
                let mut secret = [0; 32];
                let exported = self.connection.export_keying_material(b"EXPORTER-fuzz", None, &mut secret);
                assert!(exported.is_err() || self.connection.session().is_some());
            }
            4 => {
                let short = choices.below(self.connection.min_datagram());
                assert!(self.connection.poll_transmit(self.now, &mut self.out[..short]).is_none());
            }
            // Time that goes backwards stands still.
            5 => self.connection.handle_timeout(Instant::ORIGIN),
            6 => drop(self.transmit()),
            _ => drop(self.take_event()),
        }
    }

    /// Takes out all there is; L1, L2: then there is nothing more to do now, and after the end never.
    fn drain(&mut self) {
        let transmits = (0..TOO_MANY).take_while(|_| self.transmit()).count();
        let events = (0..TOO_MANY).take_while(|_| self.take_event()).count();
        assert!(transmits.max(events) < TOO_MANY, "there is always something more to say");
        let deadline = self.connection.poll_timeout();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "called, emptied, and due at once");
        let status = self.connection.status();
        assert_ne!(status, Status::Closing, "what was to be sent has been taken");
        assert_eq!(status == Status::Closed, self.is_closed, "an end is told");
        assert!(!self.is_closed || deadline.is_none(), "closed, and yet due");
        // A last flight may have to wait for its turn; who is told of the end was told of the beginning.
        let waits = status == Status::Handshaking && deadline.is_some();
        let has_session = self.connection.session().is_some();
        assert!(has_session == self.was_connected || has_session && waits, "a session is told, and stays");
    }

    fn transmit(&mut self) -> bool {
        let Some(transmit) = self.connection.poll_transmit(self.now, &mut self.out) else { return false };
        assert!(transmit.len > 0 && transmit.len <= self.out.len());
        for datagram in self.out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
            assert!(datagram.len() <= self.mtu, "{} bytes where {} fit", datagram.len(), self.mtu);
            self.log.add(self.connection.role(), Duration::ZERO, datagram);
        }
        true
    }

    fn take_event(&mut self) -> bool {
        let Some(event) = self.connection.poll_event() else { return false };
        assert!(!self.is_closed, "{event:?} after the end");
        match event {
            Event::Connected => {
                assert!(!self.was_connected, "connected twice");
                self.was_connected = true;
            }
            Event::Closed(reason) => {
                assert_eq!(self.connection.close_reason(), Some(&reason));
                self.is_closed = true;
            }
            event => assert!(self.was_connected, "{event:?} before the handshake was complete"),
        }
        true
    }
}

/// Not the origin of the clock, so that there is a time before.
const BEGINNING: Instant = Instant::from_nanos(3_600_000_000_000);

/// One flight has a few dozen datagrams, at the smallest MTU.
const TOO_MANY: usize = 1000;
