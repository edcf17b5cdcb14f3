//! One end of the network: a connection by itself, or the endpoint that keeps it.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sealgram::{
    AddressValidated, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant, Path,
    Received, Role, ServerConfig, Transmit, WallClock,
};

use crate::rng::SimRng;

/// One end of the network.
pub(crate) enum Host {
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
    /// A server whose client needs no cookie.
    pub(crate) fn server(config: Arc<ServerConfig>, wall_clock: WallClock, rng: &mut SimRng) -> Self {
        Self::Alone(Box::new(Connection::server(config, AddressValidated::assured_by_transport(), wall_clock, rng)))
    }

    /// A server behind the hello gate.
    pub(crate) fn door(config: Arc<ServerConfig>, wall_clock: WallClock, rng: &mut SimRng) -> Self {
        let endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(rng), wall_clock);
        let client = Path::from(address(Role::Client));
        Self::Door(Box::new(Door { endpoint, config, rng: rng.fork(), client, handle: None }))
    }

    /// Hands over a datagram.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Handled {
        match self {
            Self::Alone(connection) => Handled::Data(data(connection.handle_datagram(now, datagram))),
            Self::Door(door) => door.handle_datagram(now, datagram),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Alone(connection) => connection.handle_timeout(now),
            Self::Door(door) => door.endpoint.handle_timeout(now),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Alone(connection) => connection.poll_timeout(),
            Self::Door(door) => door.endpoint.poll_timeout(),
        }
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        match self {
            Self::Alone(connection) => connection.poll_transmit(now, out),
            Self::Door(door) => door.endpoint.poll_transmit(now, out).map(|(_, transmit)| transmit),
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        match self {
            Self::Alone(connection) => connection.poll_event(),
            Self::Door(door) => door.endpoint.poll_event().map(|(_, event)| event),
        }
    }

    /// Borrows the connection; `None` where there is none yet, or none any more.
    pub(crate) fn connection<T>(&mut self, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        match self {
            Self::Alone(connection) => Some(work(connection)),
            Self::Door(door) => door.endpoint.connection(door.handle?).map(|mut connection| work(&mut connection)),
        }
    }

    /// Whether nothing is left once the connection has ended.
    pub(crate) const fn is_alone(&self) -> bool {
        matches!(self, Self::Alone(_))
    }
}

impl Door {
    fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Handled {
        match self.endpoint.handle_datagram(now, self.client, datagram) {
            Dispatch::Data(_, received) => Handled::Data(data(received)),
            Dispatch::Reply(reply) => Handled::Reply(reply.to_vec()),
            Dispatch::Dropped(_) => Handled::Data(Vec::new()),
            Dispatch::Incoming(incoming) => {
                let accepted = self.endpoint.accept(incoming, Arc::clone(&self.config), now, &mut self.rng);
                let (handle, _) = accepted.expect("an endpoint with room takes every client");
                self.handle = Some(handle);
                Handled::Accepted
            }
        }
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
