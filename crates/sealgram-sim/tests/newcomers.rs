//! An endpoint, and those who come to it from one address: a client, the same client after it has lost its state, and a
//! forger who sees all and sends from that address too (RFC 6347 section 4.2.8).
//!
//! What can go wrong: a forged hello ends or disturbs a living association, or the memory it costs adds up; a restarted
//! client is kept out by what is left of its former life.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use sealgram::pki_types::ServerName;
use sealgram::{
    ClientConfig, CloseReason, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant,
    Path, Received, Role, ServerConfig, Status,
};
use sealgram_sim::toy::{PROVIDER, ToyVerifier};
use sealgram_sim::{
    Clear, Link, SERVER_NAME, Sent, SimRng, Weather, flip_bits, for_seeds, forge, toy_identity, wall_clock,
};

/// One address, a server that lets everyone in, and a network between them.
struct Scene {
    now: Instant,
    rng: SimRng,
    server: Endpoint,
    server_config: Arc<ServerConfig>,
    client: Connection,
    link: Box<dyn Link>,
    /// By the time of arrival, and then by the order of sending.
    in_flight: BTreeMap<(Instant, usize), (Role, Vec<u8>)>,
    /// All that the two have sent, which is what a forger knows.
    seen: Vec<Vec<u8>>,
    arrivals: usize,
    /// What the server has told, and what it has received.
    events: Vec<(Handle, Event)>,
    received: Vec<(Handle, Vec<u8>)>,
    /// How many connections the server had at a time.
    most: usize,
}

impl Scene {
    fn new(seed: u64, link: impl Link + 'static) -> Self {
        let mut rng = SimRng::new(seed);
        let config = EndpointConfig::default().max_half_open(2).idle_timeout(None);
        Self {
            now: BEGINNING,
            server: Endpoint::new(config, CookieKeys::generate(&mut rng.fork()), wall_clock()),
            server_config: ServerConfig::builder(&PROVIDER, toy_identity()).build().unwrap(),
            client: client(&mut rng),
            rng,
            link: Box::new(link),
            in_flight: BTreeMap::new(),
            seen: Vec::new(),
            arrivals: 0,
            events: Vec::new(),
            received: Vec::new(),
            most: 0,
        }
    }

    /// The client falls over and comes again.
    fn restart(&mut self) {
        self.client = client(&mut self.rng);
    }

    /// Until this is so, or for a minute and a bit.
    fn run_until(&mut self, is_so: impl Fn(&Self) -> bool) -> bool {
        self.run_for(Duration::from_secs(70), is_so)
    }

    /// Until this is so, or for this long.
    fn run_for(&mut self, time: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + time;
        while !is_so(self) && self.now < end {
            self.flush();
            let timeouts = [self.server.poll_timeout(), self.client.poll_timeout()];
            let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
            let next = timeouts.into_iter().chain([arrival]).flatten().min();
            self.now = self.now.max(next.map_or(end, |next| next.min(end)));
            self.server.handle_timeout(self.now);
            self.client.handle_timeout(self.now);
            while let Some(((at, n), (to, datagram))) = self.in_flight.pop_first() {
                if at > self.now {
                    self.in_flight.insert((at, n), (to, datagram));
                    break;
                }
                self.deliver(to, datagram);
            }
        }
        self.flush();
        is_so(self)
    }

    fn flush(&mut self) {
        let mut out = [0; 8192];
        while let Some((_, transmit)) = self.server.poll_transmit(self.now, &mut out) {
            for datagram in out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.carry(Role::Server, datagram);
            }
        }
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut out) {
            for datagram in out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.carry(Role::Client, datagram);
            }
        }
        while self.client.poll_event().is_some() {}
        self.events.extend(core::iter::from_fn(|| self.server.poll_event()));
    }

    fn carry(&mut self, from: Role, datagram: &[u8]) {
        self.seen.push(datagram.to_vec());
        let sent = Sent { index: self.arrivals, from, elapsed: self.now - BEGINNING, datagram };
        let to = if from == Role::Client { Role::Server } else { Role::Client };
        for arrival in self.link.carry(&sent) {
            self.in_flight.insert((self.now + arrival.after, self.arrivals), (to, arrival.datagram));
            self.arrivals += 1;
        }
    }

    fn deliver(&mut self, to: Role, mut datagram: Vec<u8>) {
        match to {
            Role::Client => drop(self.client.handle_datagram(self.now, &mut datagram)),
            Role::Server => {
                if let Some(reply) = self.arrive(datagram) {
                    self.carry(Role::Server, &reply);
                }
            }
        }
    }

    /// A datagram from the address comes to the server. What the gate answers, if it does.
    fn arrive(&mut self, mut datagram: Vec<u8>) -> Option<Vec<u8>> {
        let reply = match self.server.handle_datagram(self.now, path(), &mut datagram) {
            Dispatch::Reply(reply) => Some(reply.to_vec()),
            Dispatch::Dropped(_) => None,
            Dispatch::Data(handle, received) => {
                self.received.extend(contents(received).map(|data| (handle, data)));
                None
            }
            Dispatch::Incoming(incoming) => {
                let config = Arc::clone(&self.server_config);
                if let Ok((handle, received)) = self.server.accept(incoming, config, self.now, &mut self.rng) {
                    self.received.extend(contents(received).map(|data| (handle, data)));
                }
                None
            }
        };
        self.most = self.most.max(self.server.len());
        reply
    }

    fn send(&mut self, data: &[u8]) {
        let mut out = [0; 200];
        let len = self.client.send(data, &mut out).unwrap();
        self.carry(Role::Client, &out[..len]);
    }

    /// The connections that have become established, in order.
    fn established(&self) -> Vec<Handle> {
        let connected = self.events.iter().filter(|(_, event)| matches!(event, Event::Connected));
        connected.map(|(handle, _)| *handle).collect()
    }

    fn is_connected(&self) -> bool {
        self.client.status() == Status::Connected
    }

    /// What a forger sends now: things without meaning, parts of the past, hellos of its own without a cookie, and with
    /// one, for it sees what the gate answers. It has no keys, so none of its handshakes becomes complete.
    fn forge(&mut self) {
        let mut rng = self.rng.fork();
        let past = rng.pick(&self.seen).clone();
        let mut changed = past.clone();
        flip_bits(&mut rng, &mut changed);
        let mut forged = forge::senseless(&mut rng, &past);
        forged.extend(forge::hints(&mut rng));
        forged.extend([past, changed]);
        rng.shuffle(&mut forged);
        for datagram in forged {
            let _ = self.arrive(datagram);
        }
        let mut forger = client(&mut rng);
        let hello = first_datagram(&mut forger, self.now);
        let mut cookie = self.arrive(hello).unwrap();
        let _ = forger.handle_datagram(self.now, &mut cookie);
        let mut hello = first_datagram(&mut forger, self.now);
        if rng.permille(500) {
            // In the suites and extensions, which a cookie does not bind: a hello that nobody can serve.
            let end = hello.len();
            hello[end - 60..].fill(0);
        }
        let _ = self.arrive(hello);
    }
}

fn client(rng: &mut SimRng) -> Connection {
    let config = ClientConfig::builder(&PROVIDER, Arc::new(ToyVerifier)).build().unwrap();
    Connection::client(config, ServerName::try_from(SERVER_NAME).unwrap(), wall_clock(), rng).unwrap()
}

fn first_datagram(client: &mut Connection, now: Instant) -> Vec<u8> {
    let mut out = [0; 2000];
    let transmit = client.poll_transmit(now, &mut out).unwrap();
    out[..transmit.len].to_vec()
}

fn contents(received: Received<'_>) -> impl Iterator<Item = Vec<u8>> {
    received.map(|content| content.to_vec())
}

fn path() -> Path {
    Path::from(SocketAddr::from(([192, 0, 2, 1], 4433)))
}

const BEGINNING: Instant = Instant::from_nanos(3_600_000_000_000);

/// ASC-02, ASC-05: for as long as a minute somebody sends from the client's address all that can be sent without keys,
/// and every hello with a cookie is let in. The association delivers each record once, and notices nothing; what the
/// forger costs stays what one newcomer costs.
#[test]
fn forged_hellos_from_its_address_do_not_disturb_an_association() {
    for_seeds(0..30, |seed| {
        let mut scene = Scene::new(seed, Clear);
        assert!(scene.run_until(|scene| scene.is_connected() && scene.established().len() == 1));
        let association = scene.established()[0];
        for round in 0..100u8 {
            scene.send(&[round; 50]);
            scene.forge();
            assert!(scene.run_for(Duration::from_millis(100), |scene| scene.received.len() > usize::from(round)));
            scene.forge();
            scene.run_for(Duration::from_millis(500), |_| false);
        }
        let expected: Vec<_> = (0..100u8).map(|round| (association, vec![round; 50])).collect();
        assert_eq!(scene.received, expected);
        assert!(!scene.events.iter().any(|(handle, event)| *handle == association && *event != Event::Connected));
        assert_eq!(scene.established(), [association]);
        // The association, a newcomer, and those that ended since events were taken: two hellos let in at most, and one
        // of the past.
        assert!(scene.most <= 6, "{}", scene.most);
        // Nobody forges any more: what was begun expires.
        scene.run_until(|scene| scene.server.len() == 1);
        assert_eq!(scene.server.len(), 1);
        assert!(scene.is_connected());
    });
}

/// ASC-01, ASC-03: a client that falls over, and takes a second to come again through bad weather, always gets in; its
/// former association is over then. What it said before it fell over is not on its way any more: a message of one
/// handshake that fits the other could fail it, as nothing in them is authenticated.
#[test]
fn a_restarted_client_gets_in_whatever_the_weather() {
    for_seeds(0..150, |seed| {
        let mut scene = Scene::new(seed, Weather::of_seed(seed).ring());
        assert!(scene.run_until(Scene::is_connected));
        let former = scene.established()[0];
        scene.send(b"before");
        scene.run_for(Duration::from_secs(1), |_| false);
        scene.restart();
        let is_settled = |scene: &Scene| scene.is_connected() && scene.server.len() == 1;
        assert!(scene.run_until(is_settled), "{:?} {:?}", scene.client.close_reason(), scene.events);
        let [_, latest] = scene.established()[..] else { panic!("{:?}", scene.events) };
        let closed: Vec<_> = scene.events.iter().filter(|(_, event)| matches!(event, Event::Closed(_))).collect();
        assert_eq!(closed, [&(former, Event::Closed(CloseReason::Replaced))]);
        scene.link = Box::new(Clear);
        scene.send(b"after");
        let has_arrived = |scene: &Scene| scene.received.last().is_some_and(|(_, data)| data == b"after");
        assert!(scene.run_until(has_arrived));
        assert_eq!(scene.received.last().unwrap().0, latest);
    });
}
