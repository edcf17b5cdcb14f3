//! [`Endpoint`]: many associations on one socket, of clients and of servers.
//!
//! It routes datagrams, guards the door and keeps the time of its connections. It knows nothing of what a connection
//! does with a datagram, and reads none itself but for the hello at the door, and epochs and connection IDs of records.

use alloc::sync::Arc;
use core::fmt;

use pki_types::ServerName;
use rand_core::CryptoRng;

use crate::config::{ClientConfig, ServerConfig};
use crate::connection::Connection;
use crate::cookie::CookieKeys;
use crate::endpoint::config::EndpointConfig;
use crate::endpoint::error::{ConnectError, Refusal};
use crate::endpoint::hello_gate::{Gate, HelloGate};
use crate::endpoint::moves::settle_id_len;
use crate::endpoint::newcomers::{Addressee, SpareCopy};
use crate::endpoint::routes::{Handle, Routes};
use crate::endpoint::schedule::{ConnectionMut, Entry, Schedule};
use crate::event::Event;
use crate::path::Path;
use crate::proof::AddressValidated;
use crate::received::{Received, Transmit};
use crate::stats::{DiscardReason, Stats};
use crate::time::{Instant, WallClock};
use crate::trace;

/// Many DTLS associations on one socket.
///
/// The run loop is that of a connection: give it each datagram with [`handle_datagram`](Self::handle_datagram) and
/// each deadline with [`handle_timeout`](Self::handle_timeout), then poll for output and for events until there are
/// none. A [`Handle`] names a connection; [`connection`](Self::connection) borrows it to send or to close.
///
/// Nothing that a stranger sends makes an endpoint keep anything: a client first shows, with a cookie, that it receives
/// at the address it claims (RFC 6347 section 4.2.1). Then it is [`Incoming`], and the caller decides.
///
/// A client that has lost its state may come again from the address of a live association. It stands at the door like
/// any other, and the association goes on until the new handshake is complete; then it ends with
/// [`CloseReason::Replaced`](crate::CloseReason::Replaced). A new handshake that fails changes nothing.
pub struct Endpoint {
    pub(super) config: EndpointConfig,
    gate: HelloGate,
    pub(super) wall_clock: WallClock,
    pub(super) routes: Routes<Entry>,
    pub(super) schedule: Schedule,
    pub(super) spare: SpareCopy,
    stats: Stats,
    /// How long the connection IDs of all connections here are; 0 while none has any.
    pub(super) cid_len: usize,
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
            spare: SpareCopy::default(),
            stats: Stats::default(),
            cid_len: 0,
        }
    }

    /// Takes a datagram that came on `path`. Whatever it holds, this does not fail; the datagram is scrambled after.
    pub fn handle_datagram<'d>(&mut self, now: Instant, path: Path, datagram: &'d mut [u8]) -> Dispatch<'d> {
        let now = self.schedule.advance(now);
        self.let_newcomers_take_over();
        match self.addressee(&path, datagram) {
            Addressee::One(handle) => self.give(now, path, handle, datagram),
            Addressee::Either { established, newcomer } => match self.try_established(now, established, datagram) {
                Some(received) => {
                    let len = datagram.len();
                    let received = received.finish(datagram);
                    self.came_on(now, established, path, len, received.newest());
                    Dispatch::Data(established, received)
                }
                None => self.give(now, path, newcomer, datagram),
            },
            Addressee::Stranger => self.ask_at_gate(now, path, datagram),
        }
    }

    /// Makes a connection for a client at the door, and gives it the datagram that it came with.
    ///
    /// A handshake that is already under way with the same address ends: its client has begun anew. An established
    /// association goes on until the new handshake is complete.
    ///
    /// `rng` seeds the connection's own randomness.
    ///
    /// # Errors
    ///
    /// A limit is reached, or this hello has been accepted since it was offered. Nothing is kept then.
    pub fn accept<'d>(
        &mut self,
        incoming: Incoming<'d>,
        config: Arc<ServerConfig>,
        now: Instant,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Handle, Received<'d>), Refusal> {
        let now = self.schedule.advance(now);
        self.let_newcomers_take_over();
        let Incoming { path, proof, datagram } = incoming;
        if matches!(self.addressee(&path, datagram), Addressee::One(_)) {
            return Err(Refusal::AlreadyAccepted);
        }
        let id_len = config.common.id_len();
        if let Some(refusal) = self.refusal_of_incoming(&path).or_else(|| self.refusal_of_id_len(id_len)) {
            return Err(refusal);
        }
        let connection = Connection::server(config, proof, self.wall_clock, rng);
        let (handle, entry) = self.routes.insert(path, Entry::new(connection)).ok_or(Refusal::TooManyConnections)?;
        settle_id_len(&mut self.cid_len, id_len);
        self.schedule.count_half_open(entry);
        entry.connection.trace().accepted(path.peer());
        let received = entry.connection.handle_datagram(now, datagram);
        self.schedule.touched(handle, entry);
        // One that fails at once has no need of a route for its alert, and takes that of nobody.
        if entry.connection.close_reason().is_none() {
            self.lead_to_newcomer(handle);
        }
        Ok((handle, received))
    }

    /// Begins an association as a client.
    ///
    /// A handshake that is already under way on the path ends. An established association goes on until the new
    /// handshake is complete: this is how one gets fresh keys for it.
    ///
    /// `rng` seeds the connection's own randomness.
    ///
    /// # Errors
    ///
    /// The limit is reached, or the configuration cannot serve. Nothing is kept then.
    pub fn connect(
        &mut self,
        path: Path,
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
        now: Instant,
        rng: &mut dyn CryptoRng,
    ) -> Result<Handle, ConnectError> {
        self.schedule.advance(now);
        self.let_newcomers_take_over();
        let id_len = config.common.id_len();
        if let Some(refusal) = self.refusal().or_else(|| self.refusal_of_id_len(id_len)) {
            return Err(refusal.into());
        }
        let connection = Connection::client(config, server_name, self.wall_clock, rng).map_err(ConnectError::Config)?;
        let (handle, entry) = self.routes.insert(path, Entry::new(connection)).ok_or(Refusal::TooManyConnections)?;
        settle_id_len(&mut self.cid_len, id_len);
        entry.connection.trace().connecting(path.peer());
        self.schedule.touched(handle, entry);
        self.lead_to_newcomer(handle);
        Ok(handle)
    }

    /// Borrows a connection: to send, to close, to ask. `None` once it is gone.
    ///
    /// A connection that has ended goes when its last alert and its [`Event::Closed`] have been taken and the endpoint
    /// is polled again.
    pub fn connection(&mut self, handle: Handle) -> Option<ConnectionMut<'_>> {
        self.let_newcomers_take_over();
        let (path, entry) = self.routes.get_mut(handle)?;
        Some(ConnectionMut { handle, path: *path, entry, schedule: &mut self.schedule })
    }

    /// Writes what is to be sent next into `out`, and says where to. Call it until it gives `None`.
    ///
    /// Connections take turns, one run of datagrams each. What one has to say after its end still comes from here.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<(Path, Transmit)> {
        let now = self.schedule.advance(now);
        self.let_newcomers_take_over();
        while let Some(handle) = self.schedule.next_to_transmit() {
            let Some((path, entry)) = self.routes.get_mut(handle) else { continue };
            entry.takes_turn_to_transmit();
            let check = entry.transmit_path_check(path, out);
            let sent = check.or_else(|| entry.connection.poll_transmit(now, out).map(|transmit| (*path, transmit)));
            if sent.is_some() {
                self.schedule.touched(handle, entry);
                return sent;
            }
            self.schedule.settle(handle, entry);
            self.reap(handle);
        }
        None
    }

    /// The next thing that happened to one of the connections. Call it until it gives `None`.
    pub fn poll_event(&mut self) -> Option<(Handle, Event)> {
        self.let_newcomers_take_over();
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
        self.let_newcomers_take_over();
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

    fn give<'d>(&mut self, now: Instant, path: Path, handle: Handle, datagram: &'d mut [u8]) -> Dispatch<'d> {
        let Some((_, entry)) = self.routes.get_mut(handle) else { return self.dropped(DiscardReason::NoRoute) };
        let len = datagram.len();
        let received = entry.connection.handle_datagram(now, datagram);
        self.came_on(now, handle, path, len, received.newest());
        Dispatch::Data(handle, received)
    }

    fn ask_at_gate<'d>(&mut self, now: Instant, path: Path, datagram: &'d mut [u8]) -> Dispatch<'d> {
        let _span = trace::stranger(path.peer());
        match self.gate.check(self.wall_clock.unix_at(now).as_secs(), &path, datagram) {
            Gate::Reply(length) => {
                trace::cookie_sent();
                let datagram: &'d [u8] = datagram;
                Dispatch::Reply(datagram.get(..length).unwrap_or_default())
            }
            Gate::Validated(proof) => match self.refusal_of_incoming(&path) {
                None => {
                    trace::cookie_returned();
                    Dispatch::Incoming(Incoming { path, proof, datagram })
                }
                Some(refusal) => self.dropped(refusal.reason()),
            },
            Gate::Dropped(reason) => self.dropped(reason),
        }
    }

    fn refusal_of_incoming(&self, path: &Path) -> Option<Refusal> {
        // The handshake that is under way with this address, if any, will make room.
        let newcomer = self.routes.at(path).newcomer.and_then(|handle| self.routes.get(handle));
        let ending = usize::from(newcomer.is_some_and(|(_, entry)| entry.is_half_open()));
        let is_full = self.schedule.half_open() - ending >= self.config.max_half_open;
        self.refusal().or_else(|| is_full.then_some(Refusal::TooManyHalfOpen))
    }

    /// Why there can be no new connection, if so.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        (self.routes.len() >= self.config.max_connections).then_some(Refusal::TooManyConnections)
    }

    fn dropped<'d>(&mut self, reason: DiscardReason) -> Dispatch<'d> {
        self.stats.discard(reason);
        Dispatch::Dropped(reason)
    }

    /// Removes a connection that has ended and handed everything out.
    fn reap(&mut self, handle: Handle) {
        if self.routes.get(handle).is_some_and(|(_, entry)| entry.connection.is_drained()) {
            self.take_out(handle);
        }
    }

    /// Removes a connection, whatever becomes of it.
    pub(super) fn take_out(&mut self, handle: Handle) {
        if let Some(entry) = self.routes.remove(handle) {
            self.schedule.forget(handle, entry);
            // Others who share a path make it anew.
            self.spare.free();
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("connections", &self.len()).finish_non_exhaustive()
    }
}
