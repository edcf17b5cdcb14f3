//! [`Listener`]: many peers on one socket.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sealgram::{
    AddressChange, CloseReason, ConfigError, CookieKeys, Endpoint, EndpointConfig, Handle, ServerConfig, Session, Stats,
};

use crate::clock::{Clock, OsRng};
use crate::disturbance::Disturbance;
use crate::driver::{Driver, Shared};
use crate::error::Error;
use crate::socket::{self, Attachments, SocketStats};
use crate::stream::{Channel, Stream};
use crate::tap::Tap;

/// A blocking DTLS server: one socket, any number of peers.
///
/// # The thread
///
/// A listener has one thread, named `sealgram-listener`. It receives all datagrams, answers hellos, resends what was
/// lost, and closes peers that have been silent for too long: whether or not anyone is in [`accept`](Self::accept) or
/// [`Stream::recv`]. So no peer can hold up another one. Data waits for its reader in a bounded queue for each peer;
/// when it is full, the newest is dropped and counted ([`SocketStats::inbox_full`]).
///
/// The thread ends with the listener, and with it all streams: [`close`](Self::close) and dropping it say goodbye to
/// every peer.
///
/// A client that restarts on the port it had is accepted again as a new peer. Its former stream goes on until the new
/// handshake is complete, and then ends with [`CloseReason::Replaced`].
pub struct Listener {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    accept_timeout: Mutex<Option<Duration>>,
}

/// How a [`Listener`] behaves. Every setting has a default.
#[derive(Clone)]
#[must_use]
pub struct ListenerOptions {
    attachments: Attachments,
    endpoint: EndpointConfig,
    pub(crate) on_event: Option<Arc<dyn Fn(PeerEvent) + Send + Sync>>,
    pub(crate) backlog: usize,
    pub(crate) inbox_bytes: usize,
}

impl ListenerOptions {
    /// Shows every datagram to `tap`.
    pub fn tap(mut self, tap: Arc<dyn Tap>) -> Self {
        self.attachments.tap = Some(tap);
        self
    }

    /// Lets `disturbance` decide what becomes of every datagram.
    pub fn disturbance(mut self, disturbance: Arc<dyn Disturbance>) -> Self {
        self.attachments.disturbance = Some(disturbance);
        self
    }

    /// Tells `observer` what becomes of peers, also of those that never get as far as [`Listener::accept`]. It is called
    /// by the listener's thread, and holds up all peers as long as it takes. It must not call a [`Stream`] or the
    /// listener: they may wait for that very thread.
    pub fn on_event(mut self, observer: Arc<dyn Fn(PeerEvent) + Send + Sync>) -> Self {
        self.on_event = Some(observer);
        self
    }

    /// How long a peer may be silent before it is given up; an hour unless set, `None` for ever. UDP does not tell when
    /// a peer has gone.
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.endpoint = self.endpoint.idle_timeout(timeout);
        self
    }

    /// How many handshakes may be under way at a time; 1024 unless set. Each ends at the deadline of the configuration
    /// at the latest.
    pub fn max_half_open(mut self, handshakes: usize) -> Self {
        self.endpoint = self.endpoint.max_half_open(handshakes);
        self
    }

    /// How many peers there may be at a time, handshakes included; 65,536 unless set.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.endpoint = self.endpoint.max_connections(connections);
        self
    }

    /// What happens when a peer with a connection ID is heard from another address; [`AddressChange::Stay`] unless set.
    /// With [`AddressChange::Ask`], the observer of [`on_event`](Self::on_event) is told ([`PeerEvent::Elsewhere`]), and
    /// [`Stream::move_to`] is the answer.
    pub fn address_change(mut self, policy: AddressChange) -> Self {
        self.endpoint = self.endpoint.address_change(policy);
        self
    }

    /// How many connected peers may wait for [`Listener::accept`]; 1024 unless set. While there are that many, no
    /// handshake begins; clients repeat their hello and get in later.
    pub const fn backlog(mut self, peers: usize) -> Self {
        self.backlog = peers;
        self
    }

    /// How many bytes of received data wait for a reader, for each peer; 262,144 unless set.
    pub const fn inbox_bytes(mut self, bytes: usize) -> Self {
        self.inbox_bytes = bytes;
        self
    }
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            attachments: Attachments::default(),
            endpoint: EndpointConfig::default(),
            on_event: None,
            backlog: 1_024,
            inbox_bytes: 262_144,
        }
    }
}

impl fmt::Debug for ListenerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerOptions")
            .field("endpoint", &self.endpoint)
            .field("backlog", &self.backlog)
            .field("inbox_bytes", &self.inbox_bytes)
            .finish_non_exhaustive()
    }
}

/// What became of a peer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PeerEvent {
    /// A client has shown that it receives at its address, and its handshake has begun.
    Began {
        /// Where it is.
        peer: SocketAddr,
    },
    /// Its handshake is complete: it can be accepted.
    Connected {
        /// Where it is.
        peer: SocketAddr,
        /// What the two sides agreed on.
        session: Session,
    },
    /// Its handshake failed.
    HandshakeFailed {
        /// Where it is.
        peer: SocketAddr,
        /// What went wrong.
        reason: CloseReason,
    },
    /// It was heard from another address, and what is sent still goes to where it was ([`AddressChange::Ask`]).
    Elsewhere {
        /// Where it was.
        peer: SocketAddr,
        /// Where it seems to be. Anyone can make up the sender of a datagram.
        now_at: SocketAddr,
    },
    /// It has shown that it receives at another address, and what is sent goes there ([`AddressChange::Follow`]).
    Moved {
        /// Where it was.
        peer: SocketAddr,
        /// Where it is.
        now_at: SocketAddr,
    },
    /// The association has ended.
    Closed {
        /// Where it is.
        peer: SocketAddr,
        /// Who ended it, or what.
        reason: CloseReason,
    },
}

impl Listener {
    /// Listens at an address; port 0 is any free one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Config`] if the configuration leaves flights to the application.
    pub fn bind(addrs: impl ToSocketAddrs, config: Arc<ServerConfig>) -> Result<Self, Error> {
        Self::bind_with(addrs, config, ListenerOptions::default())
    }

    /// As [`bind`](Self::bind), with settings.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        addrs: impl ToSocketAddrs,
        config: Arc<ServerConfig>,
        options: ListenerOptions,
    ) -> Result<Self, Error> {
        if !config.sends_flights() {
            return Err(ConfigError::ExternalRetransmission.into());
        }
        let socket = UdpSocket::bind(addrs)?;
        let clock = Clock::start();
        let (sender, receiver) = socket::open(socket, None, &options.attachments, clock)?;
        let keys = CookieKeys::generate(&mut OsRng);
        let endpoint = Endpoint::new(options.endpoint.clone(), keys, clock.wall_clock());
        let shared = Arc::new(Shared::new(endpoint, sender, receiver.waker()?, clock));
        let driver = Driver::new(Arc::clone(&shared), receiver, config, options);
        let thread = thread::Builder::new().name("sealgram-listener".into()).spawn(move || driver.run())?;
        Ok(Self { shared, thread: Some(thread), accept_timeout: Mutex::new(None) })
    }

    /// Waits for a peer whose handshake is complete.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`]; [`Error::Io`] if the system failed the listener for good; [`Error::ListenerClosed`].
    pub fn accept(&self) -> Result<Stream, Error> {
        let timeout = *self.accept_timeout.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival =
            self.shared.backlog.wait(self.shared.clock, timeout, |backlog| match backlog.arrivals.pop_front() {
                None if backlog.is_closed => Some(Err(backlog.failure.take().map_or(Error::ListenerClosed, Error::Io))),
                None => None,
                Some(arrival) => Some(Ok(arrival)),
            })?;
        Ok(Stream::new(Arc::clone(&self.shared), arrival?))
    }

    /// How long [`accept`](Self::accept) waits at most; `None`, the default, for ever. Zero only looks.
    pub fn set_accept_timeout(&self, timeout: Option<Duration>) {
        *self.accept_timeout.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.shared.sender.local_addr()?)
    }

    /// What was dropped at the door. Each stream counts for itself.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.lock().endpoint.stats().clone()
    }

    /// What the socket has counted.
    #[must_use]
    pub fn socket_stats(&self) -> SocketStats {
        self.shared.sender.counters().read()
    }

    /// Says goodbye to every peer and ends the thread.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stop();
        // An observer may own the listener: then it is the thread itself that drops it.
        let thread = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id());
        if let Some(thread) = thread {
            // A panic of an observer or a tap was shown when it happened; the thread has cleaned up.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("local_addr", &self.local_addr().ok()).finish_non_exhaustive()
    }
}

/// Connected peers that wait to be accepted.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    pub(crate) arrivals: VecDeque<Arrival>,
    pub(crate) is_closed: bool,
    /// Why the thread has ended, if it was the system's doing.
    pub(crate) failure: Option<io::Error>,
}

/// A connected peer. It becomes a [`Stream`] only when it is accepted.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) handle: Handle,
    pub(crate) channel: Arc<Channel>,
    pub(crate) session: Session,
}
