//! Certificates, configurations, and what most stories begin with.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sealgram_std::sealgram::code::SrtpProfile;
use sealgram_std::sealgram::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sealgram_std::sealgram::provider::ring;
use sealgram_std::sealgram::x509::CertificateVerifier;
use sealgram_std::sealgram::{
    ClientConfig, ConnectionIdGenerator, Identity, ServerConfig, ServerConfigBuilder, TransportOptions,
};
use sealgram_std::{Client, Listener, ListenerOptions, PeerEvent, Stream};

/// Longer than anything here takes, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Any free port of the loopback interface.
pub(crate) const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A server's certificate, which is its own authority, and the key that belongs to it.
pub(crate) struct Server {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) config: Arc<ServerConfig>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(transport())
    }

    pub(crate) fn with(transport: TransportOptions) -> Self {
        Self::of_organization("One", transport)
    }

    /// One that agrees on connection IDs.
    pub(crate) fn with_connection_ids(ids: Arc<dyn ConnectionIdGenerator>) -> Self {
        Self::build("One", transport(), |config| config.connection_ids(ids))
    }

    /// The name tells apart what would else look like the certificate of one authority with two keys.
    pub(crate) fn of_organization(organization: &str, transport: TransportOptions) -> Self {
        Self::build(organization, transport, |config| config)
    }

    fn build(
        organization: &str,
        transport: TransportOptions,
        configure: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["server.example".into()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
        let certificate: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = ring::provider().key_loader.load(&key).unwrap();
        let identity = Identity::new(vec![certificate.clone()], key).unwrap();
        let config = ServerConfig::builder(ring::provider(), identity).srtp(SrtpProfile::WEBRTC).transport(transport);
        Self { certificate, config: configure(config).build().unwrap() }
    }

    pub(crate) fn listen(&self) -> Listener {
        self.listen_with(ListenerOptions::default())
    }

    pub(crate) fn listen_with(&self, options: ListenerOptions) -> Listener {
        let listener = Listener::bind_with(ANYWHERE, Arc::clone(&self.config), options).unwrap();
        listener.set_accept_timeout(Some(PATIENCE));
        listener
    }

    /// A configuration that trusts this server.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        self.client_config_with(transport())
    }

    pub(crate) fn client_config_with(&self, transport: TransportOptions) -> Arc<ClientConfig> {
        let verifier = CertificateVerifier::builder(vec![self.certificate.clone()]).build().unwrap();
        let config = ClientConfig::builder(ring::provider(), Arc::new(verifier)).srtp(SrtpProfile::WEBRTC);
        config.transport(transport).build().unwrap()
    }

    pub(crate) fn connect(&self, address: SocketAddr) -> Client {
        let mut client = Client::connect(address, name(), self.client_config()).unwrap();
        client.set_read_timeout(Some(PATIENCE));
        client
    }

    /// A listener, a client of it, and the stream to that.
    pub(crate) fn pair(&self) -> (Listener, Client, Stream) {
        let listener = self.listen();
        let client = self.connect(listener.local_addr().unwrap());
        let stream = accept(&listener);
        (listener, client, stream)
    }
}

pub(crate) fn accept(listener: &Listener) -> Stream {
    let mut stream = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE));
    stream
}

pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from("server.example").unwrap()
}

pub(crate) fn transport() -> TransportOptions {
    TransportOptions::default().handshake_deadline(PATIENCE)
}

/// For those who are not going to get an answer.
pub(crate) fn hasty() -> TransportOptions {
    TransportOptions::default()
        .initial_timeout(Duration::from_millis(50))
        .handshake_deadline(Duration::from_millis(400))
}

/// What a listener tells about its peers.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<PeerEvent>>>);

impl Log {
    pub(crate) fn options(&self) -> ListenerOptions {
        let events = Arc::clone(&self.0);
        ListenerOptions::default().on_event(Arc::new(move |event| events.lock().unwrap().push(event)))
    }

    /// Waits until there is such an event.
    pub(crate) fn wait_for(&self, is_wanted: impl Fn(&PeerEvent) -> bool) -> PeerEvent {
        eventually(|| self.0.lock().unwrap().iter().find(|event| is_wanted(event)).cloned())
    }
}

/// Looks until there is what is looked for.
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / 5 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not come");
}

/// Carries datagrams between one client and a server, which sees a port of the relay's own.
pub(crate) struct Relay {
    /// Where the client sends to.
    pub(crate) front: SocketAddr,
    /// Where the server sees them come from.
    back: Arc<Mutex<UdpSocket>>,
    is_cut: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let front = Self::socket();
        let front_addr = front.local_addr().unwrap();
        let back = Arc::new(Mutex::new(Self::socket()));
        let is_cut = Arc::new(AtomicBool::new(false));
        let (ends, outside) = (Arc::clone(&is_cut), Arc::clone(&back));
        let thread = thread::spawn(move || {
            let mut client = None;
            let mut datagram = [0; 2_000];
            while !ends.load(Ordering::SeqCst) {
                if let Ok((len, from)) = front.recv_from(&mut datagram) {
                    client = Some(from);
                    outside.lock().unwrap().send_to(&datagram[..len], server).unwrap();
                }
                let received = outside.lock().unwrap().recv(&mut datagram);
                if let (Ok(len), Some(client)) = (received, client) {
                    front.send_to(&datagram[..len], client).unwrap();
                }
            }
        });
        Self { front: front_addr, back, is_cut, thread }
    }

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind(ANYWHERE).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        socket
    }

    /// Another port from now on, as with a NAT that has forgotten; nothing passes at the former one. Both are given.
    pub(crate) fn rebind(&self) -> [SocketAddr; 2] {
        let mut back = self.back.lock().unwrap();
        let former = core::mem::replace(&mut *back, Self::socket());
        [former.local_addr().unwrap(), back.local_addr().unwrap()]
    }

    /// Nothing passes any more, not even a goodbye. The address that the server has seen is free again.
    pub(crate) fn cut(self) -> SocketAddr {
        self.is_cut.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.back.lock().unwrap().local_addr().unwrap()
    }
}
