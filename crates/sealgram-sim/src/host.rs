//! One end of the network: a connection by itself, or the endpoint that keeps it.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sealgram::{
    AddressValidated, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant, Path,
    Received, Role, ServerConfig, Stats, Status, Transmit, WallClock,
};
use sealgram_alloc::{Counts, count};

use crate::rng::SimRng;

/// One end of the network. Whatever it is asked, it watches the memory of handshakes (L6) and what a stranger may get
/// out of it (L7). Memory is seen only by test programs that count it.
pub(crate) struct Host {
    inner: Inner,
    /// What the handshake under way has taken, in bytes.
    held_bytes: isize,
}

enum Inner {
    /// A connection by itself.
    Alone(Box<Connection>),
    /// An endpoint that takes every client.
    Door(Box<Door>),
}

/// An endpoint as a server for one client.
pub(crate) struct Door {
    endpoint: Endpoint,
    config: Arc<ServerConfig>,
    rng: SimRng,
    client: Path,
    handle: Option<Handle>,
}

/// What came of a datagram.
pub(crate) enum Handled {
    /// It was for the connection, or for nobody, and held this application data.
    Data(Vec<Vec<u8>>),
    /// The gate answers at once.
    Reply(Vec<u8>),
    /// There is a new connection.
    Accepted,
}

impl Host {
    /// A client.
    pub(crate) fn client(connection: Connection) -> Self {
        Self { inner: Inner::Alone(Box::new(connection)), held_bytes: 0 }
    }

    /// A server whose client needs no cookie.
    pub(crate) fn server(config: Arc<ServerConfig>, wall_clock: WallClock, rng: &mut SimRng) -> Self {
        Self::client(Connection::server(config, AddressValidated::assured_by_transport(), wall_clock, rng))
    }

    /// A server behind the hello gate.
    pub(crate) fn door(config: Arc<ServerConfig>, wall_clock: WallClock, rng: &mut SimRng) -> Self {
        let endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(rng), wall_clock);
        let client = Path::from(address(Role::Client));
        let door = Door { endpoint, config, rng: rng.fork(), client, handle: None };
        Self { inner: Inner::Door(Box::new(door)), held_bytes: 0 }
    }

    /// Hands over a datagram.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Handled {
        self.measured(|inner| match inner {
            Inner::Alone(connection) => {
                let (received, counts) = count(|| connection.handle_datagram(now, datagram));
                (Handled::Data(data(received)), counts)
            }
            Inner::Door(door) => door.handle_datagram(now, datagram),
        })
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.measured(|inner| {
            count(|| match inner {
                Inner::Alone(connection) => connection.handle_timeout(now),
                Inner::Door(door) => door.endpoint.handle_timeout(now),
            })
        });
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.inner {
            Inner::Alone(connection) => connection.poll_timeout(),
            Inner::Door(door) => door.endpoint.poll_timeout(),
        }
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.measured(|inner| {
            count(|| match inner {
                Inner::Alone(connection) => connection.poll_transmit(now, out),
                Inner::Door(door) => door.endpoint.poll_transmit(now, out).map(|(_, transmit)| transmit),
            })
        })
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.measured(|inner| {
            count(|| match inner {
                Inner::Alone(connection) => connection.poll_event(),
                Inner::Door(door) => door.endpoint.poll_event().map(|(_, event)| event),
            })
        })
    }

    /// Borrows the connection; `None` where there is none yet, or none any more.
    pub(crate) fn connection<T>(&mut self, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        match &mut self.inner {
            Inner::Alone(connection) => Some(work(connection)),
            Inner::Door(door) => door.endpoint.connection(door.handle?).map(|mut connection| work(&mut connection)),
        }
    }

    /// Whether nothing is left once the connection has ended.
    pub(crate) const fn is_alone(&self) -> bool {
        matches!(self.inner, Inner::Alone(_))
    }

    /// What an endpoint has counted by itself.
    pub(crate) const fn gate_stats(&self) -> Option<&Stats> {
        match &self.inner {
            Inner::Alone(_) => None,
            Inner::Door(door) => Some(door.endpoint.stats()),
        }
    }

    /// L6: however it is treated, a handshake takes no more than a constant.
    fn measured<T>(&mut self, work: impl FnOnce(&mut Inner) -> (T, Counts)) -> T {
        let (result, counts) = work(&mut self.inner);
        self.held_bytes += counts.live_delta;
        match self.connection(|connection| connection.status()) {
            Some(Status::Handshaking) => assert!(
                self.held_bytes <= MOST_PER_HANDSHAKE,
                "a handshake that is not complete holds {} bytes",
                self.held_bytes
            ),
            _ => self.held_bytes = 0,
        }
        result
    }
}

/// What one handshake may take at the default limits, whatever is sent to it: two versions of the longest message and
/// half as much again, as the reassembly allows itself, the stash, and what containers set aside.
pub(crate) const MOST_PER_HANDSHAKE: isize = 256 * 1024;

impl Door {
    fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> (Handled, Counts) {
        let (len, has_connection) = (datagram.len(), !self.endpoint.is_empty());
        let (dispatch, counts) = count(|| self.endpoint.handle_datagram(now, self.client, datagram));
        if !has_connection {
            // I2: who has not shown that it receives at its address takes nothing of the server, not for a moment.
            assert_eq!(counts, Counts::default(), "a stranger makes the endpoint allocate");
        }
        let handled = match dispatch {
            Dispatch::Data(_, received) => Handled::Data(data(received)),
            Dispatch::Reply(reply) => {
                assert!(reply.len() <= len, "L7: {} bytes are answered by {}", len, reply.len());
                Handled::Reply(reply.to_vec())
            }
            Dispatch::Dropped(_) => Handled::Data(Vec::new()),
            Dispatch::Incoming(incoming) => {
                let config = Arc::clone(&self.config);
                let (accepted, counts) = count(|| self.endpoint.accept(incoming, config, now, &mut self.rng));
                let (handle, _) = accepted.expect("an endpoint with room takes every client");
                self.handle = Some(handle);
                return (Handled::Accepted, counts);
            }
        };
        (handled, counts)
    }
}

/// Where an end is: of the networks that are kept for examples (RFC 5737).
pub(crate) const fn address(role: Role) -> SocketAddr {
    let (ip, port) = match role {
        Role::Client => (Ipv4Addr::new(192, 0, 2, 1), 50_000),
        Role::Server => (Ipv4Addr::new(198, 51, 100, 2), 4433),
    };
    SocketAddr::new(IpAddr::V4(ip), port)
}

fn data(received: Received<'_>) -> Vec<Vec<u8>> {
    received.map(|content| content.to_vec()).collect()
}
