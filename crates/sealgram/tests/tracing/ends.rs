//! A client and an endpoint, joined by hand.

use core::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use sealgram::crypto::CryptoProvider;
use sealgram::key_log::KeyLog;
use sealgram::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use sealgram::rand_core::{TryCryptoRng, TryRng};
use sealgram::x509::CertificateVerifier;
use sealgram::{
    ClientConfig, ClientConfigBuilder, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Handle, Identity,
    Instant, Path, ServerConfig, ServerConfigBuilder, TransportOptions, WallClock,
};

/// Both ends, and the time that they have in common.
pub(crate) struct Ends {
    pub(crate) now: Instant,
    pub(crate) wall_clock: WallClock,
    pub(crate) client: Connection,
    pub(crate) endpoint: Endpoint,
    pub(crate) server: Option<Handle>,
    server_config: Arc<ServerConfig>,
    replies: Vec<Vec<u8>>,
}

/// Certificates, without chance in the timers.
pub(crate) fn configs() -> (ClientConfigBuilder, ServerConfigBuilder) {
    static SIGNED: LazyLock<(CertificateDer<'static>, Vec<u8>)> = LazyLock::new(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        (made.cert.der().clone(), made.signing_key.serialize_der())
    });
    let (certificate, key) = &*SIGNED;
    let key = provider().key_loader.load(&PrivatePkcs8KeyDer::from(key.clone()).into()).unwrap();
    let identity = Identity::new(vec![certificate.clone()], key).unwrap();
    let verifier = CertificateVerifier::builder(vec![certificate.clone()]).build().unwrap();
    let client = ClientConfig::builder(provider(), Arc::new(verifier)).transport(transport());
    (client, ServerConfig::builder(provider(), identity).transport(transport()))
}

pub(crate) fn provider() -> &'static CryptoProvider {
    sealgram::provider::ring::provider()
}

pub(crate) fn transport() -> TransportOptions {
    TransportOptions::default().jitter(false)
}

/// Where the client is.
pub(crate) fn path() -> Path {
    Path::from("192.0.2.7:4444".parse::<SocketAddr>().unwrap())
}

impl Ends {
    pub(crate) fn new((client, server): (ClientConfigBuilder, ServerConfigBuilder)) -> Self {
        let now = Instant::from_nanos(1);
        let wall_clock = WallClock::new(now, UnixTime::now());
        let name = ServerName::try_from("localhost").unwrap();
        Self {
            now,
            wall_clock,
            client: Connection::client(client.build().unwrap(), name, wall_clock, &mut Fixed(1)).unwrap(),
            endpoint: Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut Fixed(2)), wall_clock),
            server: None,
            server_config: server.build().unwrap(),
            replies: Vec::new(),
        }
    }

    /// The datagrams that the client has to send.
    pub(crate) fn client_sends(&mut self) -> Vec<Vec<u8>> {
        let mut out = [0; 1200];
        let mut datagrams = Vec::new();
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut out) {
            datagrams.push(out[..transmit.len].to_vec());
        }
        datagrams
    }

    /// The datagrams that the endpoint has to send.
    pub(crate) fn server_sends(&mut self) -> Vec<Vec<u8>> {
        let mut out = [0; 1200];
        let mut datagrams = core::mem::take(&mut self.replies);
        while let Some((_, transmit)) = self.endpoint.poll_transmit(self.now, &mut out) {
            datagrams.push(out[..transmit.len].to_vec());
        }
        datagrams
    }

    /// What the client finds in a datagram.
    pub(crate) fn give_client(&mut self, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        self.client.handle_datagram(self.now, &mut datagram).map(|data| data.to_vec()).collect()
    }

    /// What the endpoint finds in a datagram. Whoever brings a cookie is let in.
    pub(crate) fn give_server(&mut self, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        match self.endpoint.handle_datagram(self.now, path(), &mut datagram) {
            Dispatch::Data(_, received) => return received.map(|data| data.to_vec()).collect(),
            Dispatch::Reply(reply) => self.replies.push(reply.to_vec()),
            Dispatch::Incoming(incoming) => {
                let config = self.server_config.clone();
                let accepted = self.endpoint.accept(incoming, config, self.now, &mut Fixed(3));
                self.server = Some(accepted.unwrap().0);
            }
            Dispatch::Dropped(_) => {}
        }
        Vec::new()
    }

    /// Carries everything until both are silent.
    pub(crate) fn settle(&mut self) {
        for _ in 0..6 {
            for datagram in self.client_sends() {
                self.give_server(datagram);
            }
            for datagram in self.server_sends() {
                self.give_client(datagram);
            }
        }
    }

    /// One payload each way.
    pub(crate) fn exchange(&mut self, payload: &[u8]) {
        let mut out = [0; 1200];
        let len = self.client.send(payload, &mut out).unwrap();
        assert_eq!(self.give_server(out[..len].to_vec()), [payload]);
        let len = self.endpoint.connection(self.server.unwrap()).unwrap().send(payload, &mut out).unwrap();
        assert_eq!(self.give_client(out[..len].to_vec()), [payload]);
    }
}

/// Randomness that is none: every byte is this.
pub(crate) struct Fixed(pub(crate) u8);

impl TryRng for Fixed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(4)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(4)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// Keeps the secrets that it is told.
#[derive(Debug, Default)]
pub(crate) struct Notebook(pub(crate) Mutex<Vec<Vec<u8>>>);

impl KeyLog for Notebook {
    fn log(&self, _: &str, _: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push(secret.to_vec());
    }
}
