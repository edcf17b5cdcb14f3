//! A client whose address changes under way, and somebody who sends what he has seen from addresses of his own (RFC
//! 9146 section 6).
//!
//! What can go wrong: what comes from a new address is not recognised; answers go on to where nobody receives them, or
//! to somebody else; a record is delivered twice or not at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use sealgram::pki_types::ServerName;
use sealgram::{
    AddressChange, ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant,
    Path, RandomIds, ServerConfig, Status,
};
use sealgram_sim::toy::{PROVIDER, ToyVerifier};
use sealgram_sim::{SERVER_NAME, SimRng, flip_bits, for_seeds, toy_identity, wall_clock};

/// A client behind a NAT that gives it another port now and then, and a server.
struct Scene {
    now: Instant,
    rng: SimRng,
    client: Connection,
    /// The port that the NAT has for it now.
    port: u16,
    server: Endpoint,
    server_config: Arc<ServerConfig>,
    association: Option<Handle>,
    /// All that the client has sent, which is what the attacker knows.
    seen: Vec<Vec<u8>>,
    /// What the server has received, and what came back to the client.
    at_server: Vec<Vec<u8>>,
    at_client: Vec<Vec<u8>>,
    /// Where the server was told that its peer is.
    elsewhere: Vec<Path>,
}

impl Scene {
    fn new(seed: u64, policy: AddressChange) -> Self {
        let mut rng = SimRng::new(seed);
        let client =
            ClientConfig::builder(&PROVIDER, Arc::new(ToyVerifier)).connection_ids(Arc::new(RandomIds::of_len(0)));
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let server = ServerConfig::builder(&PROVIDER, toy_identity()).connection_ids(Arc::new(RandomIds::of_len(6)));
        let config = EndpointConfig::default().idle_timeout(None).address_change(policy);
        let mut scene = Self {
            now: Instant::from_nanos(3_600_000_000_000),
            client: Connection::client(client.build().unwrap(), name, wall_clock(), &mut rng).unwrap(),
            port: FIRST_PORT,
            server: Endpoint::new(config, CookieKeys::generate(&mut rng.fork()), wall_clock()),
            server_config: server.build().unwrap(),
            rng,
            association: None,
            seen: Vec::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            elsewhere: Vec::new(),
        };
        (0..10).for_each(|_| scene.exchange());
        assert_eq!(scene.client.status(), Status::Connected);
        scene
    }

    /// Both send what they have to send, and it arrives.
    fn exchange(&mut self) {
        let mut out = [0; 8192];
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut out) {
            for datagram in out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.client_sends(datagram);
            }
        }
        while let Some((path, transmit)) = self.server.poll_transmit(self.now, &mut out) {
            for datagram in out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.server_sends(path, datagram);
            }
        }
        while self.client.poll_event().is_some() {}
        while let Some((_, event)) = self.server.poll_event() {
            if let Event::PeerElsewhere(path) = event {
                self.elsewhere.push(path);
            }
        }
    }

    fn client_sends(&mut self, datagram: &[u8]) {
        self.seen.push(datagram.to_vec());
        self.arrives_at_server(path(self.port), datagram);
    }

    fn arrives_at_server(&mut self, path: Path, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        match self.server.handle_datagram(self.now, path, &mut datagram) {
            Dispatch::Data(_, received) => self.at_server.extend(received.map(|data| data.to_vec())),
            Dispatch::Incoming(incoming) => {
                let config = Arc::clone(&self.server_config);
                let (handle, _) = self.server.accept(incoming, config, self.now, &mut self.rng).unwrap();
                self.association = Some(handle);
            }
            Dispatch::Reply(reply) => {
                let reply = reply.to_vec();
                self.server_sends(path, &reply);
            }
            Dispatch::Dropped(_) => {}
        }
    }

    /// Only what goes to the client's port of the moment reaches it.
    fn server_sends(&mut self, to: Path, datagram: &[u8]) {
        if to == path(self.port) {
            let mut datagram = datagram.to_vec();
            self.at_client.extend(self.client.handle_datagram(self.now, &mut datagram).map(|data| data.to_vec()));
        }
    }

    fn client_says(&mut self, data: &[u8]) {
        let mut out = [0; 200];
        let len = self.client.send(data, &mut out).unwrap();
        self.client_sends(&out[..len]);
        self.exchange();
    }

    fn server_says(&mut self, data: &[u8]) {
        let mut out = [0; 200];
        let mut connection = self.server.connection(self.association.unwrap()).unwrap();
        let (path, len) = (connection.path(), connection.send(data, &mut out).unwrap());
        drop(connection);
        self.server_sends(path, &out[..len]);
    }

    /// The attacker sends the past again, as it was and changed, from where nobody else is.
    fn attack(&mut self) {
        for _ in 0..self.rng.below(4) {
            let mut datagram = self.rng.pick(&self.seen).clone();
            if self.rng.permille(500) {
                flip_bits(&mut self.rng, &mut datagram);
            }
            let port = ATTACKER_PORTS + u16::try_from(self.rng.below(3)).unwrap();
            self.arrives_at_server(path(port), &datagram);
        }
        self.exchange();
    }
}

fn path(port: u16) -> Path {
    Path::from(SocketAddr::from(([192, 0, 2, 1], port)))
}

const FIRST_PORT: u16 = 1000;
const ATTACKER_PORTS: u16 = 50_000;

/// CID-16, CID-17: whatever port the NAT gives it, everything that the client says arrives once; the application is
/// asked about its ports and about no others, and once it has agreed, answers arrive.
#[test]
fn an_association_outlives_its_addresses() {
    for_seeds(0..100, |seed| {
        let mut scene = Scene::new(seed, AddressChange::Ask);
        let mut said = Vec::new();
        for round in 0..50u8 {
            if scene.rng.permille(300) {
                scene.port += 1;
            }
            scene.attack();
            said.push(vec![round; 20]);
            scene.client_says(&[round; 20]);
            scene.attack();
            let association = scene.association.unwrap();
            for elsewhere in core::mem::take(&mut scene.elsewhere) {
                assert_eq!(elsewhere, path(scene.port));
                assert!(scene.server.move_to(association, elsewhere));
            }
            scene.server_says(&[round; 30]);
            assert_eq!(scene.at_client.last(), Some(&vec![round; 30]));
            scene.now = scene.now + Duration::from_secs(1);
            scene.server.handle_timeout(scene.now);
        }
        assert_eq!(scene.at_server, said);
        assert_eq!(scene.server.len(), 1);
    });
}

/// CID-16, CID-17: by default what the client says still arrives from wherever it is, and answers stay where it was.
#[test]
fn a_server_that_stays_hears_a_client_that_moves() {
    for_seeds(0..20, |seed| {
        let mut scene = Scene::new(seed, AddressChange::Stay);
        scene.client_says(b"before");
        scene.port += 1;
        scene.client_says(b"after");
        scene.attack();
        scene.server_says(b"lost");
        scene.port -= 1;
        scene.server_says(b"found");
        assert_eq!(scene.at_server, [&b"before"[..], b"after"]);
        assert_eq!(scene.at_client, [b"found"]);
        assert!(scene.elsewhere.is_empty());
    });
}

/// CID-16, CID-17, CID-23: the server follows by itself once the client has answered from its new port; nothing that
/// the attacker sends again makes it send to him.
#[test]
fn a_server_follows_a_client_that_answers_from_where_it_is() {
    for_seeds(0..100, |seed| {
        let mut scene = Scene::new(seed, AddressChange::Follow);
        let mut said = Vec::new();
        for round in 0..50u8 {
            if scene.rng.permille(300) {
                scene.port += 1;
            }
            scene.attack();
            said.push(vec![round; 20]);
            scene.client_says(&[round; 20]);
            scene.attack();
            // The challenge and its answer.
            scene.exchange();
            scene.exchange();
            assert_eq!(scene.server.connection(scene.association.unwrap()).unwrap().path(), path(scene.port));
            scene.server_says(&[round; 30]);
            assert_eq!(scene.at_client.last(), Some(&vec![round; 30]));
            scene.now = scene.now + Duration::from_secs(1);
            scene.server.handle_timeout(scene.now);
        }
        assert_eq!((scene.at_server, scene.elsewhere.len()), (said, 0));
    });
}
