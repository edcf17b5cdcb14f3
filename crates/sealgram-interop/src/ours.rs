//! Our end: the blocking adapter, with every wait bounded and everything it sees kept for the report.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sealgram::pki_types::ServerName;
use sealgram::{AddressChange, ClientConfig, CloseReason, Role, ServerConfig, Session};
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

    /// Our address.
    pub fn local_address(&self) -> Result<SocketAddr, Error> {
        match self {
            Self::Client(client) => client.local_addr(),
            Self::Server(stream) => stream.local_addr(),
        }
    }

    /// Where we send to.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        match self {
            Self::Client(client) => client.peer_addr(),
            Self::Server(stream) => stream.peer_addr(),
        }
    }

    /// Goes on from another address.
    pub fn rebind(&mut self, local: SocketAddr) -> Outcome {
        match self {
            Self::Client(client) => Ok(client.rebind(local)?),
            Self::Server(_) => Err("a server stays where it is".into()),
        }
    }

    /// Sends to another address from now on.
    pub fn move_to(&self, peer: SocketAddr) -> Outcome {
        match self {
            Self::Client(_) => Err("its server stays where it is".into()),
            Self::Server(stream) => {
                stream.move_to(peer);
                Ok(())
            }
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

    /// Keys and salts for media, as the exporter gives them (RFC 5764 section 4.2): both keys, then both salts, each time
    /// the client's first.
    pub fn media_keys(&self) -> Outcome<Vec<u8>> {
        let keys = match self {
            Self::Client(client) => client.export_srtp_keys()?,
            Self::Server(stream) => stream.export_srtp_keys()?,
        };
        let [client, server] = [Role::Client, Role::Server].map(|role| keys.written_by(role));
        Ok([client.key, server.key, client.salt, server.salt].concat())
    }

    /// Closes it and tells the peer.
    pub fn close(self) -> Result<(), Error> {
        match self {
            Self::Client(client) => client.close(),
            Self::Server(stream) => stream.close(),
        }
    }
}

/// A server that remembers what became of its peers.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    events: Arc<Mutex<Vec<PeerEvent>>>,
}

impl Server {
    /// Listens on the loopback interface.
    pub fn listen(config: Arc<ServerConfig>, wire: &Arc<Wire>) -> Outcome<Self> {
        Self::listen_under(AddressChange::default(), config, wire)
    }

    /// The same, with something to do about peers that come from elsewhere.
    pub fn listen_under(policy: AddressChange, config: Arc<ServerConfig>, wire: &Arc<Wire>) -> Outcome<Self> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&events);
        let observer = move |event| kept.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let options = ListenerOptions::default().tap(Arc::clone(wire) as Arc<_>).address_change(policy);
        let options = options.on_event(Arc::new(observer));
        let listener = Listener::bind_with((Ipv4Addr::LOCALHOST, 0), config, options)?;
        listener.set_accept_timeout(Some(PATIENCE));
        Ok(Self { listener, events })
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
        eventually(|| self.failure()).ok_or_else(|| "no handshake failed".into())
    }

    /// Waits until a peer was heard from elsewhere, and tells from where.
    pub fn wait_for_elsewhere(&self) -> Outcome<SocketAddr> {
        let address = |event: &PeerEvent| match event {
            PeerEvent::Elsewhere { now_at, .. } => Some(*now_at),
            _ => None,
        };
        eventually(|| self.find(address)).ok_or_else(|| "nobody was heard from elsewhere".into())
    }

    /// Why the first handshake that failed did.
    #[must_use]
    pub fn failure(&self) -> Option<CloseReason> {
        self.find(|event| match event {
            PeerEvent::HandshakeFailed { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    fn find<T>(&self, wanted: impl Fn(&PeerEvent) -> Option<T>) -> Option<T> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(wanted)
    }
}

/// Looks until there is what is looked for, or no more patience.
fn eventually<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let until = now() + PATIENCE;
    while now() < until {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(TICK);
    }
    None
}

/// How often to look for what tells nobody that it has come.
const TICK: Duration = Duration::from_millis(2);
