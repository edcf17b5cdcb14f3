//! A client whose address changes under way, and somebody who sends what he has seen from addresses of his own (RFC
//! 9146 section 6).
//!
//! What can go wrong: what comes from a new address is not recognised; answers go on to where nobody receives them, or
//! to somebody else; a record is delivered twice or not at all; an address that somebody made up gets more than it sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::cell::Cell;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sealgram::pki_types::ServerName;
use sealgram::{
    AddressChange, ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant,
    Path, RandomIds, ServerConfig, Status,
};
use sealgram_sim::toy::{PROVIDER, ToyVerifier};
use sealgram_sim::{SERVER_NAME, SimRng, flip_bits, for_seeds, fuzz, toy_identity, wall_clock};

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

    /// The client has another port now and then, and an attacker is there before and after it says this. What it said.
    fn client_wanders_under_attack(&mut self, round: u8) -> Vec<u8> {
        if self.rng.permille(300) {
            self.port += 1;
        }
        let said = vec![round; 20];
        self.attack();
        self.client_says(&said);
        self.attack();
        said
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
            said.push(scene.client_wanders_under_attack(round));
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
            said.push(scene.client_wanders_under_attack(round));
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

// ---- both ends, under attack ----

/// Two endpoints, each behind a NAT of its own that gives it another port now and then, and an attacker between them.
struct Crossing {
    now: Instant,
    rng: SimRng,
    ends: [End; 2],
    server_config: Arc<ServerConfig>,
    /// Whether the attacker is first with the next datagram.
    races: bool,
}

/// The client is end 0, the server end 1.
struct End {
    endpoint: Endpoint,
    association: Option<Handle>,
    /// Where the other one reaches it; the last one is of the moment.
    ports: Vec<u16>,
    /// All that it has sent.
    said: Vec<Vec<u8>>,
    /// The data that it has received.
    heard: Vec<Vec<u8>>,
    /// Where it was told that the other one is.
    elsewhere: Vec<Path>,
    /// For each of the attacker's addresses: how many bytes came from there, and went there.
    accounts: BTreeMap<Path, [usize; 2]>,
}

impl End {
    fn port(&self) -> u16 {
        self.ports[self.ports.len() - 1]
    }
}

impl Crossing {
    fn new(seed: u64, policy: AddressChange) -> Self {
        let mut rng = SimRng::new(seed);
        let client =
            ClientConfig::builder(&PROVIDER, Arc::new(ToyVerifier)).connection_ids(Arc::new(RandomIds::of_len(3)));
        let server = ServerConfig::builder(&PROVIDER, toy_identity()).connection_ids(Arc::new(RandomIds::of_len(6)));
        let config = EndpointConfig::default().idle_timeout(None).address_change(policy);
        let ends = [FIRST_PORT, SERVER_PORT].map(|port| End {
            endpoint: Endpoint::new(config.clone(), CookieKeys::generate(&mut rng.fork()), wall_clock()),
            association: None,
            ports: vec![port],
            said: Vec::new(),
            heard: Vec::new(),
            elsewhere: Vec::new(),
            accounts: BTreeMap::new(),
        });
        let now = Instant::from_nanos(3_600_000_000_000);
        let server_config = server.build().unwrap();
        let mut crossing = Self { now, rng, ends, server_config, races: false };
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let client = client.build().unwrap();
        let endpoint = &mut crossing.ends[0].endpoint;
        let handle = endpoint.connect(path(SERVER_PORT), client, name, now, &mut crossing.rng).unwrap();
        crossing.ends[0].association = Some(handle);
        crossing.exchange();
        for end in &mut crossing.ends {
            let connection = end.endpoint.connection(end.association.unwrap()).unwrap();
            assert_eq!(connection.status(), Status::Connected);
        }
        crossing
    }

    /// Both send what they have to send, until neither has more.
    fn exchange(&mut self) {
        let mut out = [0; 8192];
        loop {
            let mut is_silent = true;
            for from in [0, 1] {
                while let Some((to, transmit)) = self.ends[from].endpoint.poll_transmit(self.now, &mut out) {
                    is_silent = false;
                    let segment = transmit.segment_size.map_or(transmit.len, Into::into);
                    out[..transmit.len].chunks(segment).for_each(|datagram| self.sends(from, to, datagram));
                }
            }
            if is_silent {
                break;
            }
        }
        for end in &mut self.ends {
            while let Some((_, event)) = end.endpoint.poll_event() {
                if let Event::PeerElsewhere(path) = event {
                    end.elsewhere.push(path);
                }
            }
        }
        self.check();
    }

    /// Only what goes to the port of the moment arrives there; what goes to the attacker, he keeps.
    fn sends(&mut self, from: usize, to: Path, datagram: &[u8]) {
        let other = 1 - from;
        self.ends[from].said.push(datagram.to_vec());
        if let Some([_, sent]) = self.ends[from].accounts.get_mut(&to) {
            *sent += datagram.len();
        } else if to == path(self.ends[other].port()) {
            if core::mem::take(&mut self.races) {
                self.attacker_sends(other, datagram);
            }
            self.arrives(other, path(self.ends[from].port()), datagram);
        }
    }

    fn arrives(&mut self, at: usize, from: Path, datagram: &[u8]) {
        let Self { ends, server_config, rng, now, .. } = self;
        let end = &mut ends[at];
        match end.endpoint.handle_datagram(*now, from, &mut datagram.to_vec()) {
            Dispatch::Data(_, received) => end.heard.extend(received.map(|data| data.to_vec())),
            Dispatch::Incoming(incoming) if end.association.is_none() => {
                let accepted = end.endpoint.accept(incoming, Arc::clone(server_config), *now, rng);
                end.association = Some(accepted.unwrap().0);
            }
            Dispatch::Reply(reply) => {
                let reply = reply.to_vec();
                self.sends(at, from, &reply);
            }
            Dispatch::Incoming(_) | Dispatch::Dropped(_) => {}
        }
    }

    fn attacker_sends(&mut self, at: usize, datagram: &[u8]) {
        let from = path(ATTACKER_PORTS + u16::try_from(self.rng.below(3)).unwrap());
        self.ends[at].accounts.entry(from).or_default()[0] += datagram.len();
        self.arrives(at, from, datagram);
    }

    /// The attacker sends the past of the one or the other to the one or the other, as it was and changed.
    fn attack(&mut self) {
        for _ in 0..self.rng.below(5) {
            let [of, to] = [(); 2].map(|()| self.rng.below(2));
            let mut datagram = self.rng.pick(&self.ends[of].said).clone();
            if self.rng.permille(500) {
                flip_bits(&mut self.rng, &mut datagram);
            }
            self.attacker_sends(to, &datagram);
        }
        self.exchange();
    }

    fn says(&mut self, from: usize, data: &[u8]) {
        let mut out = [0; 200];
        let end = &mut self.ends[from];
        let mut connection = end.endpoint.connection(end.association.unwrap()).unwrap();
        let (to, len) = (connection.path(), connection.send(data, &mut out).unwrap());
        drop(connection);
        self.sends(from, to, &out[..len]);
        self.exchange();
    }

    /// The application moves to where it can make sure that the other one is, and nowhere else.
    fn moves_by_hand(&mut self) {
        for at in [0, 1] {
            let current = path(self.ends[1 - at].port());
            let end = &mut self.ends[at];
            for elsewhere in core::mem::take(&mut end.elsewhere) {
                assert!(elsewhere == current || end.accounts.contains_key(&elsewhere), "{elsewhere:?}");
                if elsewhere == current {
                    assert!(end.endpoint.move_to(end.association.unwrap(), elsewhere));
                }
            }
        }
    }

    fn time_passes(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        self.ends.iter_mut().for_each(|end| end.endpoint.handle_timeout(self.now));
    }

    /// What holds all the time, whoever does what: nobody sends to the attacker instead of the other one, or more than
    /// three times what came from him.
    fn check(&mut self) {
        for at in [0, 1] {
            let ports = self.ends[1 - at].ports.clone();
            let end = &mut self.ends[at];
            if let Some(connection) = end.association.and_then(|handle| end.endpoint.connection(handle)) {
                assert!(ports.iter().any(|port| path(*port) == connection.path()), "{:?}", connection.path());
            }
            for (address, [received, sent]) in &end.accounts {
                assert!(*sent <= received * 3, "{sent} bytes to {address:?} for {received}");
            }
        }
    }
}

/// CID-16, CID-17, CID-23: in the middle of traffic the ports of both change, one at a time, while an attacker repeats
/// the past from elsewhere and now and then is first with the present. All that is said to where the other one is
/// arrives, once; whoever follows, or is told where to, reaches the one that has moved as soon as that has spoken
/// without the attacker being first.
#[test]
fn two_ends_that_move_under_attack_find_each_other() {
    for policy in [AddressChange::Ask, AddressChange::Follow] {
        for_seeds(0..300, |seed| {
            let mut crossing = Crossing::new(seed, policy);
            for round in 0..40u8 {
                // 1. One of them moves, perhaps, and speaks; the attacker may be first.
                let mover = crossing.rng.below(2);
                let other = 1 - mover;
                if crossing.rng.permille(400) {
                    let end = &mut crossing.ends[mover];
                    let port = end.port() + 1;
                    end.ports.push(port);
                }
                crossing.attack();
                crossing.races = crossing.rng.permille(300);
                crossing.says(mover, &[round, 1]);
                crossing.moves_by_hand();
                // 2. It speaks again, and is found.
                crossing.races = false;
                crossing.says(mover, &[round, 2]);
                crossing.moves_by_hand();
                crossing.attack();
                crossing.says(other, &[round, 3]);
                assert_eq!(crossing.ends[other].heard, [vec![round, 1], vec![round, 2]], "seed {seed}");
                assert_eq!(crossing.ends[mover].heard, [vec![round, 3]], "seed {seed}");
                crossing.ends.iter_mut().for_each(|end| end.heard.clear());
                crossing.time_passes();
            }
            assert!(crossing.ends.iter().all(|end| end.endpoint.len() == 1 && end.ports.len() > 1));
        });
    }
}

/// CID-16: who stays sends to where the other one was, whoever speaks from wherever; back there, it is reached again.
#[test]
fn two_ends_that_stay_are_moved_by_nobody() {
    for_seeds(0..300, |seed| {
        let mut crossing = Crossing::new(seed, AddressChange::Stay);
        let mut known = [BTreeSet::new(), BTreeSet::new()];
        for round in 0..20u8 {
            let mover = crossing.rng.below(2);
            let home = crossing.ends[mover].port();
            crossing.ends[mover].ports.push(home + 1);
            crossing.attack();
            crossing.races = crossing.rng.permille(300);
            crossing.says(mover, &[round, 1]);
            crossing.races = false;
            crossing.says(1 - mover, &[round, 2]);
            crossing.ends[mover].ports.pop();
            crossing.attack();
            crossing.says(1 - mover, &[round, 3]);
            // What was lost at first, the attacker may bring after all.
            for (end, known) in crossing.ends.iter_mut().zip(&mut known) {
                end.heard.drain(..).for_each(|data| assert!(known.insert(data), "seed {seed}: twice"));
            }
            assert!(known[1 - mover].contains(&vec![round, 1]), "seed {seed}, round {round}");
            assert!(known[mover].contains(&vec![round, 3]), "seed {seed}, round {round}");
            crossing.time_passes();
        }
        for (end, home) in crossing.ends.iter_mut().zip([SERVER_PORT, FIRST_PORT]) {
            assert!(end.elsewhere.is_empty());
            assert_eq!(end.endpoint.connection(end.association.unwrap()).unwrap().path(), path(home));
        }
    });
}

/// I1, I8: an endpoint whose clients speak from each other's addresses, and to which anything is said, keeps the laws of
/// the fuzz target: it is never due when it was called and emptied, and tells nothing after an end.
#[test]
fn an_endpoint_of_wanderers_keeps_the_laws() {
    let connected = Cell::new(0);
    for_seeds(0..2000, |seed| {
        connected.set(connected.get() + fuzz::wandering(&SimRng::new(seed).bytes(400)));
    });
    assert!(connected.get() > 2000, "{}", connected.get());
}

const SERVER_PORT: u16 = 20_000;
