//! Our end: the blocking adapter, with every wait bounded and everything it sees kept for the report.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sealgram::pki_types::ServerName;
use sealgram::{ClientConfig, CloseReason, ServerConfig, Session};
use sealgram_std::{Client, Error, Listener, ListenerOptions, Options, PeerEvent, Stream};

use crate::wire::Wire;
use crate::{Outcome, PATIENCE, now};

/// An association, whichever side we are.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Association {
    /// We connected.
    Client(Box<Client>),
    /// We accepted.
    Server(Box<Stream>),
}

impl Association {
    /// Connects to a server.
    pub fn connect(
        to: SocketAddr,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
        wire: &Arc<Wire>,
    ) -> Result<Self, Error> {
        let mut client = Client::connect_with(to, name, config, Options::default().tap(Arc::clone(wire) as Arc<_>))?;
        client.set_read_timeout(Some(PATIENCE));
        Ok(Self::Client(Box::new(client)))
    }

    /// Sends one record.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        match self {
            Self::Client(client) => client.send(payload),
            Self::Server(stream) => stream.send(payload),
        }
    }

    /// Waits for one record.
    pub fn recv(&mut self) -> Result<Vec<u8>, Error> {
        let mut record = vec![0; 1 << 14];
        let len = match self {
            Self::Client(client) => client.recv(&mut record)?,
            Self::Server(stream) => stream.recv(&mut record)?,
        };
        record.truncate(len);
        Ok(record)
    }

    /// Waits for the end, and gives the reason.
    pub fn ended(&mut self) -> Outcome<CloseReason> {
        match self.recv() {
            Err(Error::Closed(reason)) => Ok(reason),
            Err(error) => Err(error.into()),
            Ok(record) => Err(format!("{} bytes came where nothing belongs", record.len()).into()),
        }
    }

    /// The facts.
    pub fn session(&self) -> Outcome<&Session> {
        let session = match self {
            Self::Client(client) => client.session(),
            Self::Server(stream) => stream.session(),
        };
        session.ok_or_else(|| "no session".into())
    }

    /// The longest payload that [`send`](Self::send) takes now.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        match self {
            Self::Client(client) => client.max_payload(),
            Self::Server(stream) => stream.max_payload(),
        }
    }

    /// Keying material for `label`.
    pub fn export(&self, label: &str, len: usize) -> Outcome<Vec<u8>> {
        let mut material = vec![0; len];
        match self {
            Self::Client(client) => client.export_keying_material(label.as_bytes(), None, &mut material)?,
            Self::Server(stream) => stream.export_keying_material(label.as_bytes(), None, &mut material)?,
        }
        Ok(material)
    }

    /// Closes it and tells the peer.
    pub fn close(self) -> Result<(), Error> {
        match self {
            Self::Client(client) => client.close(),
            Self::Server(stream) => stream.close(),
        }
    }
}

/// A server that remembers why handshakes failed.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    failures: Arc<Mutex<Vec<CloseReason>>>,
}

impl Server {
    /// Listens on the loopback interface.
    pub fn listen(config: Arc<ServerConfig>, wire: &Arc<Wire>) -> Outcome<Self> {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&failures);
        let options = ListenerOptions::default().tap(Arc::clone(wire) as Arc<_>).on_event(Arc::new(move |event| {
            if let PeerEvent::HandshakeFailed { reason, .. } = event {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
            }
        }));
        let listener = Listener::bind_with((Ipv4Addr::LOCALHOST, 0), config, options)?;
        listener.set_accept_timeout(Some(PATIENCE));
        Ok(Self { listener, failures })
    }

    /// Where it listens.
    pub fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Waits for a client whose handshake is complete.
    pub fn accept(&self) -> Outcome<Association> {
        let mut stream = self.listener.accept().map_err(|error| match self.failure() {
            Some(reason) => format!("the handshake failed: {reason}"),
            None => format!("nobody to accept: {error}"),
        })?;
        stream.set_read_timeout(Some(PATIENCE));
        Ok(Association::Server(Box::new(stream)))
    }

    /// Waits until a handshake has failed, and tells why.
    pub fn wait_for_failure(&self) -> Outcome<CloseReason> {
        let until = now() + PATIENCE;
        while now() < until {
            if let Some(reason) = self.failure() {
                return Ok(reason);
            }
            thread::sleep(TICK);
        }
        Err("no handshake failed".into())
    }

    /// Why the first handshake that failed did.
    #[must_use]
    pub fn failure(&self) -> Option<CloseReason> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).first().copied()
    }
}

/// How often to look for what tells nobody that it has come.
const TICK: Duration = Duration::from_millis(2);
