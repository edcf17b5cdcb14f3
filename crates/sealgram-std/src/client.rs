//! [`Client`]: one association, driven by the thread that uses it.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::net::{ToSocketAddrs, UdpSocket};
use std::sync::Arc;

use sealgram::pki_types::{CertificateDer, ServerName};
use sealgram::{
    ClientConfig, CloseReason, ConfigError, Connection, Event, Instant, Path, SendError, Session, SrtpKeys, Stats,
};

use crate::clock::{Clock, OsRng};
use crate::disturbance::Disturbance;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::socket::{self, Attachments, Outbox, Receiver, Sender, SocketStats, Unsent};
use crate::tap::Tap;
use crate::{MAX_DATAGRAM, shorter};

/// A blocking DTLS client.
///
/// It has no thread of its own: time passes for it while it connects, and in [`recv`](Self::recv). A program that only
/// sends learns that the server has gone when it receives the next time.
///
/// Dropping it says goodbye to the server, as [`close`](Self::close) does.
pub struct Client {
    connection: Connection,
    session: Option<Session>,
    ended: Option<CloseReason>,
    peer: SocketAddr,
    sender: Sender,
    receiver: Receiver,
    outbox: Outbox,
    /// What the last call to the system that failed for good had to say.
    failure: Option<io::Error>,
    inbox: Inbox,
    /// Where datagrams are made.
    out: Vec<u8>,
    read_timeout: Option<Duration>,
    clock: Clock,
}

/// How a [`Client`] uses its socket. The default is a free port, no tap and no disturbance.
#[derive(Clone, Default)]
#[must_use]
pub struct Options {
    attachments: Attachments,
    bind: Option<SocketAddr>,
}

impl Options {
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

    /// The local address to send from; port 0 is any free one. Only servers of the same address family are tried then.
    pub const fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attachments { tap, disturbance } = &self.attachments;
        f.debug_struct("Options")
            .field("bind", &self.bind)
            .field("is_tapped", &tap.is_some())
            .field("is_disturbed", &disturbance.is_some())
            .finish()
    }
}

impl Client {
    /// Connects, and returns when the handshake is complete or has failed.
    ///
    /// `server_name` is who the server has to be. If the name of its address resolves to several, they are tried in
    /// turn until one answers; each may take as long as the handshake deadline of `config`, unless the network says that
    /// nobody listens there.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] with what went wrong in the handshake; [`Error::Io`], [`Error::Config`],
    /// [`Error::NoAddress`].
    pub fn connect(
        addrs: impl ToSocketAddrs,
        server_name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> Result<Self, Error> {
        Self::connect_with(addrs, server_name, config, Options::default())
    }

    /// As [`connect`](Self::connect), with a tap, a disturbance or a local address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one call, and read better there")]
    pub fn connect_with(
        addrs: impl ToSocketAddrs,
        server_name: ServerName<'static>,
        config: Arc<ClientConfig>,
        options: Options,
    ) -> Result<Self, Error> {
        if !config.sends_flights() {
            return Err(ConfigError::ExternalRetransmission.into());
        }
        let is_usable = |peer: &SocketAddr| options.bind.is_none_or(|local| local.is_ipv4() == peer.is_ipv4());
        let mut peers = addrs.to_socket_addrs()?.filter(is_usable).peekable();
        let mut last = Error::NoAddress;
        while let Some(peer) = peers.next() {
            let attempt = Self::open(peer, server_name.clone(), Arc::clone(&config), &options)
                .and_then(|client| client.complete(peers.peek().is_some()));
            match attempt {
                Err(error) if error.is_about_path() => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    fn open(
        peer: SocketAddr,
        server_name: ServerName<'static>,
        config: Arc<ClientConfig>,
        options: &Options,
    ) -> Result<Self, Error> {
        let local = options.bind.unwrap_or_else(|| match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        });
        let socket = UdpSocket::bind(local)?;
        socket.connect(peer)?;
        let clock = Clock::start();
        let (sender, receiver) = socket::open(socket, Some(peer), &options.attachments, clock)?;
        let inbox = Inbox::new(INBOX_BYTES, Arc::clone(sender.counters()));
        Ok(Self {
            connection: Connection::client(config, server_name, clock.wall_clock(), &mut OsRng)?,
            session: None,
            ended: None,
            peer,
            sender,
            receiver,
            outbox: Outbox::default(),
            failure: None,
            inbox,
            out: vec![0; MAX_DATAGRAM],
            read_timeout: None,
            clock,
        })
    }

    /// Drives the handshake to its end. If there is another address to try, what the network says about this one is
    /// believed; else it is not: anyone on the path can say it.
    fn complete(mut self, has_alternative: bool) -> Result<Self, Error> {
        loop {
            if self.session.is_some() {
                return Ok(self);
            }
            if let Some(reason) = self.ended {
                return Err(Error::Closed(reason));
            }
            self.turn(None)?;
            let is_unheard = self.connection.stats().records_received == 0;
            if let Some(error) = self.failure.take().filter(|_| is_unheard) {
                return Err(error.into());
            }
            if has_alternative && is_unheard && self.sender.counters().read().unreachable > 0 {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
            }
        }
    }

    /// Sends `payload` as one record in one datagram of its own. Like every datagram, it may be lost.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if it is longer than [`max_payload`](Self::max_payload), which the path may have lowered just
    /// now; [`Error::Closed`]; [`Error::Io`] if the system refuses the datagram, which does not end the association.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let sealed = self.connection.send(payload, &mut self.out);
        let len = sealed.map_err(|error| self.send_error(error))?;
        let path = Path::from(self.peer);
        loop {
            match self.sender.send(path, self.out.get(..len).unwrap_or_default(), None) {
                Ok(()) => return Ok(()),
                Err(Unsent::Blocked { .. }) => self.receiver.wait(Some(BLOCKED_WAIT), true)?,
                Err(Unsent::TooLong { len }) => {
                    self.connection.set_mtu(shorter(len));
                    return Err(Error::Send(SendError::TooLong { most: self.connection.max_payload() }));
                }
                Err(Unsent::Failed(error)) => return Err(Error::Io(error)),
            }
        }
    }

    fn send_error(&mut self, error: SendError) -> Error {
        self.flush();
        self.take_events();
        self.ended.map_or(Error::Send(error), Error::Closed)
    }

    /// Waits for data and writes it to `out`: the content of one record, whose length it gives.
    ///
    /// # Errors
    ///
    /// [`Error::BufferTooShort`], after which the data is still there; [`Error::TimedOut`]; [`Error::Closed`] once
    /// there is no more data; [`Error::Io`].
    pub fn recv(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let deadline = self.read_timeout.map(|timeout| self.clock.now() + timeout);
        let mut has_looked = false;
        loop {
            if let Some(len) = self.inbox.pop(out)? {
                return Ok(len);
            }
            if let Some(reason) = self.ended {
                return Err(Error::Closed(reason));
            }
            if has_looked && deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
                return Err(Error::TimedOut);
            }
            self.turn(deadline)?;
            has_looked = true;
        }
    }

    /// How long [`recv`](Self::recv) waits at most; `None`, the default, for ever. Zero only looks.
    pub const fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// What the two sides agreed on. It stays after the association has ended.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The chain that the server showed, its own certificate first.
    #[must_use]
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.session.as_ref().map_or(&[], |session| &session.peer_certificates)
    }

    /// The longest payload that fits one datagram, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.connection.max_payload()
    }

    /// Derives keying material that only the two sides know (RFC 5705).
    ///
    /// # Errors
    ///
    /// [`Error::Export`] says why not.
    pub fn export_keying_material(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        Ok(self.connection.export_keying_material(label, context, out)?)
    }

    /// The keys for SRTP that both sides agree on (RFC 5764).
    ///
    /// # Errors
    ///
    /// [`Error::Export`] says why not.
    pub fn export_srtp_keys(&self) -> Result<SrtpKeys, Error> {
        Ok(self.connection.export_srtp_keys()?)
    }

    /// The local address.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.sender.local_addr()?)
    }

    /// Goes on from another local address; port 0 is any free one. That is for a machine whose network has changed.
    ///
    /// The server has to know the association by a connection ID
    /// ([`ClientConfigBuilder::connection_ids`](sealgram::config::ClientConfigBuilder::connection_ids)), else it knows
    /// nothing of what comes from there. Where it sends to is its own decision, and it may go on sending to the former
    /// address for a while: what arrives there is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not give the address. The association stays where it was then.
    pub fn rebind(&mut self, local: SocketAddr) -> Result<(), Error> {
        let socket = UdpSocket::bind(local)?;
        socket.connect(self.peer)?;
        (self.sender, self.receiver) = self.sender.go_on(socket)?;
        Ok(())
    }

    /// The server's address: the one that answered.
    #[must_use]
    pub const fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// What the association has counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.connection.stats().clone()
    }

    /// What the socket has counted.
    #[must_use]
    pub fn socket_stats(&self) -> SocketStats {
        self.sender.counters().read()
    }

    /// Ends the association and tells the server (RFC 5246 section 7.2.1). Data that was not received is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not take the datagram. The association has ended all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.failure = None;
        self.connection.close();
        self.flush();
        let deadline = self.clock.now() + CLOSE_PATIENCE;
        while !self.outbox.is_empty() && self.clock.now() < deadline {
            self.receiver.wait(Some(BLOCKED_WAIT), true)?;
            self.flush();
        }
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Once around: takes what has come, lets time pass, sends what there is to send; and if nothing came of it, waits.
    fn turn(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let may_be_more = self.receive()?;
        let now = self.clock.now();
        if self.connection.poll_timeout().is_some_and(|due| due <= now) {
            self.connection.handle_timeout(now);
        }
        self.flush();
        let has_news = self.take_events();
        if may_be_more || has_news {
            return Ok(());
        }
        let now = self.clock.now();
        let timeout = if self.outbox.is_empty() {
            let due = self.connection.poll_timeout();
            [due, deadline].into_iter().flatten().min().map(|until| until - now)
        } else {
            // The connection may say that it is due, which cannot be helped before there is room.
            Some(deadline.map_or(BLOCKED_WAIT, |deadline| BLOCKED_WAIT.min(deadline - now)))
        };
        Ok(self.receiver.wait(timeout, !self.outbox.is_empty())?)
    }

    fn receive(&mut self) -> Result<bool, Error> {
        let Self { receiver, connection, inbox, clock, .. } = self;
        let now = clock.now();
        Ok(receiver.receive(|_, datagram| {
            for data in connection.handle_datagram(now, datagram) {
                inbox.push(data);
            }
        })?)
    }

    /// Sends what the protocol has to send, as far as the system has room.
    fn flush(&mut self) {
        let path = Path::from(self.peer);
        self.sender.send_due();
        self.outbox.retry(&self.sender);
        while self.outbox.is_empty() {
            let Some(transmit) = self.connection.poll_transmit(self.clock.now(), &mut self.out) else { return };
            let run = self.out.get(..transmit.len).unwrap_or_default();
            match self.sender.send(path, run, transmit.segment_size) {
                Ok(()) => {}
                Err(Unsent::Blocked { sent }) => {
                    let rest = run.get(sent..).unwrap_or_default();
                    self.outbox.keep(path, rest, transmit.segment_size, self.sender.counters());
                }
                Err(Unsent::TooLong { len }) => self.connection.set_mtu(shorter(len)),
                Err(Unsent::Failed(error)) => self.failure = Some(error),
            }
        }
    }

    /// Says whether there is anything that a caller waits for.
    fn take_events(&mut self) -> bool {
        let mut has_news = false;
        while let Some(event) = self.connection.poll_event() {
            has_news = true;
            match event {
                Event::Connected => self.session = self.connection.session().cloned(),
                Event::Early(data) => self.inbox.push(&data),
                Event::Closed(reason) => self.ended = Some(reason),
                _ => {}
            }
        }
        has_news
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.close();
        self.flush();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("peer", &self.peer).field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// A client reads from the socket only while its inbox is empty, so one batch is what comes together at most; with what
/// is left to spare, none of it is dropped.
const INBOX_BYTES: usize = 1 << 20;

/// How long to wait for room at most, before time is looked at again.
const BLOCKED_WAIT: Duration = Duration::from_millis(100);

/// How long [`Client::close`] waits for room to say goodbye.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
