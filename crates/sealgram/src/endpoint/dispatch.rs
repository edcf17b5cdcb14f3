//! [`Endpoint`]: many associations on one socket, of clients and of servers.
//!
//! It routes datagrams, guards the door and keeps the time of its connections. It knows nothing of what a connection
//! does with a datagram, and reads none itself but for the hello at the door.

use alloc::sync::Arc;
use core::fmt;

use pki_types::ServerName;
use rand_core::CryptoRng;

use crate::config::{ClientConfig, ServerConfig};
use crate::connection::Connection;
use crate::cookie::CookieKeys;
use crate::endpoint::config::EndpointConfig;
use crate::endpoint::error::{ConnectError, Refusal};
use crate::endpoint::hello_gate::{FirstHello, Gate, HelloGate};
use crate::endpoint::path::Path;
use crate::endpoint::routes::{Handle, Routes};
use crate::endpoint::schedule::{ConnectionMut, Entry, Schedule};
use crate::event::{Event, Status};
use crate::proof::AddressValidated;
use crate::received::{Received, Transmit};
use crate::stats::{DiscardReason, Stats};
use crate::time::{Instant, WallClock};

/// Many DTLS associations on one socket.
///
/// The run loop is that of a connection: give it each datagram with [`handle_datagram`](Self::handle_datagram) and
/// each deadline with [`handle_timeout`](Self::handle_timeout), then poll for output and for events until there are
/// none. A [`Handle`] names a connection; [`connection`](Self::connection) borrows it to send or to close.
///
/// Nothing that a stranger sends makes an endpoint keep anything: a client first shows, with a cookie, that it receives
/// at the address it claims (RFC 6347 section 4.2.1). Then it is [`Incoming`], and the caller decides.
pub struct Endpoint {
    config: EndpointConfig,
    gate: HelloGate,
    wall_clock: WallClock,
    routes: Routes<Entry>,
    schedule: Schedule,
    stats: Stats,
}

/// What became of a datagram.
#[derive(Debug)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "callers should handle every case")]
pub enum Dispatch<'d> {
    /// It was given to this connection, and this is the application data it held, if any.
    Data(Handle, Received<'d>),
    /// A client has shown that it receives at its address: accept it, or drop this and keep nothing.
    Incoming(Incoming<'d>),
    /// Send this back to where the datagram came from. It is never longer than the datagram was.
    Reply(&'d [u8]),
    /// It was dropped.
    Dropped(DiscardReason),
}

/// A client at the door, with a valid cookie in its hand.
///
/// Dropping it leaves nothing behind; the client repeats its hello for a while and is offered again.
#[must_use]
pub struct Incoming<'d> {
    path: Path,
    proof: AddressValidated,
    datagram: &'d mut [u8],
}

impl Incoming<'_> {
    /// Where the client is.
    #[must_use]
    pub const fn path(&self) -> Path {
        self.path
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint without connections.
    ///
    /// `wall_clock` dates cookies, and certificates in the connections it makes. Machines that share cookie keys need
    /// calendars that agree within seconds.
    #[must_use]
    pub fn new(config: EndpointConfig, cookie_keys: CookieKeys, wall_clock: WallClock) -> Self {
        Self {
            schedule: Schedule::new(config.idle_timeout),
            config,
            gate: HelloGate { keys: cookie_keys },
            wall_clock,
            routes: Routes::new(),
            stats: Stats::default(),
        }
    }

    /// Takes a datagram that came on `path`. Whatever it holds, this does not fail; the datagram is scrambled after.
    pub fn handle_datagram<'d>(&mut self, now: Instant, path: Path, datagram: &'d mut [u8]) -> Dispatch<'d> {
        let now = self.schedule.advance(now);
        if let Some(handle) = self.routes.at(&path) {
            if let Some((_, entry)) = self.routes.get_mut(handle) {
                if is_for(&entry.connection, datagram) {
                    let received = entry.connection.handle_datagram(now, datagram);
                    self.schedule.touched(handle, entry);
                    return Dispatch::Data(handle, received);
                }
            }
        }
        match self.gate.check(self.wall_clock.unix_at(now).as_secs(), &path, datagram) {
            Gate::Reply(length) => {
                let datagram: &'d [u8] = datagram;
                Dispatch::Reply(datagram.get(..length).unwrap_or_default())
            }
            Gate::Validated(proof) => match self.refusal_of_incoming(&path) {
                None => Dispatch::Incoming(Incoming { path, proof, datagram }),
                Some(refusal) => self.dropped(refusal.reason()),
            },
            Gate::Dropped(reason) => self.dropped(reason),
        }
    }

    /// Makes a connection for a client at the door, and gives it the datagram that it came with.
    ///
    /// `rng` seeds the connection's own randomness.
    ///
    /// # Errors
    ///
    /// A limit is reached, or the path has been taken since the client was offered. Nothing is kept then.
    pub fn accept<'d>(
        &mut self,
        incoming: Incoming<'d>,
        config: Arc<ServerConfig>,
        now: Instant,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Handle, Received<'d>), Refusal> {
        let now = self.schedule.advance(now);
        let Incoming { path, proof, datagram } = incoming;
        if let Some(refusal) = self.refusal_of_incoming(&path) {
            return Err(refusal);
        }
        let connection = Connection::server(config, proof, self.wall_clock, rng);
        let (handle, entry) = self.routes.insert(path, Entry::new(connection)).ok_or(Refusal::TooManyConnections)?;
        self.schedule.count_half_open(entry);
        let received = entry.connection.handle_datagram(now, datagram);
        self.schedule.touched(handle, entry);
        Ok((handle, received))
    }

    /// Begins an association as a client.
    ///
    /// `rng` seeds the connection's own randomness.
    ///
    /// # Errors
    ///
    /// The limit is reached, the path has a live association, or the configuration cannot serve. Nothing is kept then.
    pub fn connect(
        &mut self,
        path: Path,
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
        now: Instant,
        rng: &mut dyn CryptoRng,
    ) -> Result<Handle, ConnectError> {
        self.schedule.advance(now);
        if let Some(refusal) = self.refusal(&path) {
            return Err(refusal.into());
        }
        let connection = Connection::client(config, server_name, self.wall_clock, rng).map_err(ConnectError::Config)?;
        let (handle, entry) = self.routes.insert(path, Entry::new(connection)).ok_or(Refusal::TooManyConnections)?;
        self.schedule.touched(handle, entry);
        Ok(handle)
    }

    /// Borrows a connection: to send, to close, to ask. `None` once it is gone.
    ///
    /// A connection that has ended goes when its last alert and its [`Event::Closed`] have been taken and the endpoint
    /// is polled again.
    pub fn connection(&mut self, handle: Handle) -> Option<ConnectionMut<'_>> {
        let (path, entry) = self.routes.get_mut(handle)?;
        Some(ConnectionMut { handle, path: *path, entry, schedule: &mut self.schedule })
    }

    /// Writes what is to be sent next into `out`, and says where to. Call it until it gives `None`.
    ///
    /// Connections take turns, one run of datagrams each. What one has to say after its end still comes from here.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<(Path, Transmit)> {
        let now = self.schedule.advance(now);
        while let Some(handle) = self.schedule.next_to_transmit() {
            let Some((path, entry)) = self.routes.get_mut(handle) else { continue };
            entry.takes_turn_to_transmit();
            if let Some(transmit) = entry.connection.poll_transmit(now, out) {
                self.schedule.touched(handle, entry);
                return Some((*path, transmit));
            }
            self.schedule.settle(handle, entry);
            self.reap(handle);
        }
        None
    }

    /// The next thing that happened to one of the connections. Call it until it gives `None`.
    pub fn poll_event(&mut self) -> Option<(Handle, Event)> {
        while let Some(handle) = self.schedule.next_with_events() {
            let Some((_, entry)) = self.routes.get_mut(handle) else { continue };
            entry.takes_turn_for_events();
            if let Some(event) = entry.connection.poll_event() {
                self.schedule.touched(handle, entry);
                return Some((handle, event));
            }
            self.schedule.settle(handle, entry);
            self.reap(handle);
        }
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` for never. It lies in the past while
    /// output or events wait.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.next_deadline()
    }

    /// Lets every connection act whose time has come. Too early or too late does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.schedule.advance(now);
        for handle in self.schedule.take_due() {
            if let Some((_, entry)) = self.routes.get_mut(handle) {
                self.schedule.wake(handle, entry);
            }
        }
    }

    /// Replaces the cookie secret; see [`CookieKeys::rotate`].
    pub fn rotate_cookie_key(&mut self, rng: &mut dyn CryptoRng) {
        self.gate.keys.rotate(rng);
    }

    /// Replaces both cookie secrets, as the next epoch of [`CookieKeys::derive`] does.
    pub fn set_cookie_keys(&mut self, keys: CookieKeys) {
        self.gate.keys = keys;
    }

    /// Corrects the calendar, for cookies and for the connections made from now on.
    pub fn set_wall_clock(&mut self, wall_clock: WallClock) {
        self.wall_clock = wall_clock;
    }

    /// How many connections there are: in their handshake, established, or ended and not yet gone.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no connection.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.routes.len() == 0
    }

    /// What was dropped at the door. What a connection dropped, it counts itself.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    fn refusal_of_incoming(&self, path: &Path) -> Option<Refusal> {
        let refusal = || (self.schedule.half_open() >= self.config.max_half_open).then_some(Refusal::TooManyHalfOpen);
        self.refusal(path).or_else(refusal)
    }

    /// Why there can be no new connection on `path`, if so. One that has ended holds no path, though it may still have
    /// an alert to send.
    fn refusal(&self, path: &Path) -> Option<Refusal> {
        let routed = self.routes.at(path).and_then(|handle| self.routes.get(handle));
        if routed.is_some_and(|(_, entry)| entry.connection.status() != Status::Closed) {
            return Some(Refusal::PathTaken);
        }
        (self.routes.len() >= self.config.max_connections).then_some(Refusal::TooManyConnections)
    }

    fn dropped<'d>(&mut self, reason: DiscardReason) -> Dispatch<'d> {
        self.stats.discard(reason);
        Dispatch::Dropped(reason)
    }

    /// Removes a connection that has ended and handed everything out.
    fn reap(&mut self, handle: Handle) {
        if !self.routes.get(handle).is_some_and(|(_, entry)| entry.connection.is_drained()) {
            return;
        }
        if let Some(entry) = self.routes.remove(handle) {
            self.schedule.forget(handle, entry);
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("connections", &self.len()).finish_non_exhaustive()
    }
}

/// Whether a datagram on the path of `connection` is its to judge.
///
/// Everything is, except the hello of another handshake. A ClientHello with the random that the connection was made
/// for is a repeat of it; any other one, from a client that has lost its association or from a forger, stands before
/// the gate like every stranger, and the connection never learns of it (RFC 6347 section 4.2.8).
fn is_for(connection: &Connection, datagram: &[u8]) -> bool {
    match FirstHello::read(datagram) {
        Ok(hello) => connection.hello_random().is_some_and(|random| random == *hello.random()),
        Err(_) => true,
    }
}
