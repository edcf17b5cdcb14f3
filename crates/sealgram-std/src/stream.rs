//! [`Stream`]: one peer of a listener.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use sealgram::crypto::ExportError;
use sealgram::pki_types::CertificateDer;
use sealgram::{CloseReason, ConnectionMut, Handle, Path, SendError, Session, SrtpKeys, Stats};

use crate::driver::Shared;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::listener::Arrival;
use crate::mailbox::Mailbox;
use crate::socket::Unsent;
use crate::{MAX_DATAGRAM, shorter};

/// One peer of a [`Listener`](crate::Listener), with the same calls as a [`Client`](crate::Client).
///
/// The listener's thread does the rest, so a stream may lie idle. It ends when its listener does. Dropping it says
/// goodbye to the peer, as [`close`](Self::close) does.
pub struct Stream {
    shared: Arc<Shared>,
    handle: Handle,
    channel: Arc<Channel>,
    session: Session,
    /// Where datagrams are made.
    out: Vec<u8>,
    read_timeout: Option<Duration>,
}

/// What the listener's thread hands over to a stream.
pub(crate) type Channel = Mailbox<Delivered>;

#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) inbox: Inbox,
    /// How it ended, and what was counted until then.
    pub(crate) ended: Option<(CloseReason, Stats)>,
    /// Where the peer is, or was last.
    pub(crate) path: Path,
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, arrival: Arrival) -> Self {
        let Arrival { handle, channel, session } = arrival;
        Self { shared, handle, channel, session, out: Vec::new(), read_timeout: None }
    }

    /// As [`Client::send`](crate::Client::send).
    ///
    /// If the system has no room for the datagram at the moment, the listener's thread sends it later.
    ///
    /// # Errors
    ///
    /// As [`Client::send`](crate::Client::send).
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let Self { shared, handle, out, .. } = self;
        let sealed = shared.with_connection(*handle, |mut connection| {
            out.resize(payload.len().min(MAX_DATAGRAM) + connection.max_overhead(), 0);
            connection.send(payload, out).map(|len| (connection.path(), len))
        });
        let (path, len) = match sealed {
            Some(Ok(sealed)) => sealed,
            Some(Err(error @ (SendError::TooLong { .. } | SendError::NoRoom | SendError::NotConnected))) => {
                return Err(Error::Send(error));
            }
            Some(Err(_)) | None => return Err(self.closed()),
        };
        let datagram = self.out.get(..len).unwrap_or_default();
        match self.shared.send(path, datagram) {
            Ok(()) => Ok(()),
            Err(Unsent::Blocked { .. }) => {
                self.shared.send_later(path, datagram);
                Ok(())
            }
            Err(Unsent::TooLong { len }) => {
                self.shared.with_connection(self.handle, |mut connection| connection.set_mtu(shorter(len)));
                Err(Error::Send(SendError::TooLong { most: self.max_payload() }))
            }
            Err(Unsent::Failed(error)) => Err(Error::Io(error)),
        }
    }

    /// The association has ended. Its thread may not have come to say so yet, but will.
    fn closed(&self) -> Error {
        let ended = self.channel.wait(self.shared.clock, None, |delivered| delivered.ended.as_ref().map(|end| end.0));
        ended.map_or_else(|error| error, Error::Closed)
    }

    /// As [`Client::recv`](crate::Client::recv).
    ///
    /// # Errors
    ///
    /// As [`Client::recv`](crate::Client::recv).
    pub fn recv(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.channel.wait(self.shared.clock, self.read_timeout, |delivered| match delivered.inbox.pop(out) {
            Ok(None) => delivered.ended.as_ref().map(|(reason, _)| Err(Error::Closed(*reason))),
            Ok(Some(len)) => Some(Ok(len)),
            Err(error) => Some(Err(error)),
        })?
    }

    /// How long [`recv`](Self::recv) waits at most; `None`, the default, for ever. Zero only looks.
    pub const fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// What the two sides agreed on. It stays after the association has ended.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        Some(&self.session)
    }

    /// The chain that the client showed, its own certificate first; empty if it showed none.
    #[must_use]
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.session.peer_certificates
    }

    /// The longest payload that fits one datagram, in bytes; 0 once the association has ended.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.shared.with_connection(self.handle, |connection| connection.max_payload()).unwrap_or_default()
    }

    /// As [`Client::export_keying_material`](crate::Client::export_keying_material).
    ///
    /// # Errors
    ///
    /// [`Error::Export`] says why not.
    pub fn export_keying_material(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let export = |connection: ConnectionMut<'_>| connection.export_keying_material(label, context, out);
        Ok(self.shared.with_connection(self.handle, export).unwrap_or(Err(ExportError::NotConnected))?)
    }

    /// As [`Client::export_srtp_keys`](crate::Client::export_srtp_keys).
    ///
    /// # Errors
    ///
    /// [`Error::Export`] says why not.
    pub fn export_srtp_keys(&self) -> Result<SrtpKeys, Error> {
        let export = |connection: ConnectionMut<'_>| connection.export_srtp_keys();
        Ok(self.shared.with_connection(self.handle, export).unwrap_or(Err(ExportError::NotConnected))?)
    }

    /// The local address: the one that the peer wrote to, where the system says.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system says nothing at all.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        let bound = self.shared.sender.local_addr()?;
        Ok(self.path().local().map_or(bound, |address| SocketAddr::new(address, bound.port())))
    }

    /// The peer's address: with [`ListenerOptions::address_change`](crate::ListenerOptions::address_change), it may
    /// become another one.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.path().peer()
    }

    /// Sends to another address from now on. This is for an application that was told of it
    /// ([`PeerEvent::Elsewhere`](crate::PeerEvent::Elsewhere)) and has made sure that its peer receives there; see
    /// [`sealgram::Endpoint::move_to`].
    pub fn move_to(&self, peer: SocketAddr) {
        self.shared.move_to(self.handle, peer);
    }

    fn path(&self) -> Path {
        self.channel.lock().path
    }

    /// What the association has counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let current = self.shared.with_connection(self.handle, |connection| connection.stats().clone());
        let last = || self.channel.lock().ended.as_ref().map(|(_, stats)| stats.clone());
        current.or_else(last).unwrap_or_default()
    }

    /// As [`Client::close`](crate::Client::close).
    ///
    /// # Errors
    ///
    /// None today: what the system has no room for is sent by the listener's thread.
    pub fn close(self) -> Result<(), Error> {
        drop(self);
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.close(self.handle);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer_addr()).finish_non_exhaustive()
    }
}
