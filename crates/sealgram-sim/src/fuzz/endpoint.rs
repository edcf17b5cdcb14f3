//! An endpoint with few places, honest clients in front of it, and strangers among them.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use sealgram::internals::Choices;
use sealgram::pki_types::ServerName;
use sealgram::{
    AddressChange, ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant,
    Path, RandomIds, Role, ServerConfig, Status,
};

use super::one_end::{glass_client, glass_client_config, glass_server, glass_server_config};
use crate::builder::wall_clock;
use crate::identity::SERVER_NAME;
use crate::rng::SimRng;

/// Datagrams from four addresses, what honest clients there say, time, and calls. Places are never overrun, no event
/// comes for a connection that has ended, what is answered before a cookie is never more than what came, and an
/// endpoint that was called and emptied is not due. Returns how many connections of servers were complete.
pub fn endpoint(data: &[u8]) -> usize {
    let limits = EndpointConfig::default();
    run(Crowd::new(limits, glass_client_config(), glass_server_config()), Choices::new(data))
}

/// The same with connection IDs, and clients that speak from each other's addresses: the first byte says what the
/// endpoint thinks of that.
///
/// # Panics
///
/// If the configurations are not sound.
pub fn wandering(data: &[u8]) -> usize {
    let mut choices = Choices::new(data);
    let policies = [AddressChange::Stay, AddressChange::Ask, AddressChange::Follow];
    let limits = EndpointConfig::default().address_change(policies[usize::from(choices.byte()) % policies.len()]);
    let client = glass_client().connection_ids(Arc::new(RandomIds::of_len(2))).build();
    let server = glass_server().connection_ids(Arc::new(RandomIds::of_len(2))).build();
    let mut crowd = Crowd::new(limits, client.expect("a sound configuration"), server.expect("a sound configuration"));
    crowd.wanders = true;
    run(crowd, choices)
}

fn run(mut crowd: Crowd, mut choices: Choices<'_>) -> usize {
    while !choices.is_empty() {
        let choice = choices.byte();
        let address = usize::from(choice >> 6);
        crowd.detour = if crowd.wanders { usize::from(choice >> 4) & 3 } else { 0 };
        match choice & 15 {
            0 | 1 => crowd.give(address, &mut choices.chunk().to_vec()),
            2..=5 => crowd.pump(address, None),
            6 | 7 => {
                let damage = Some((choices.u16(), choices.byte()));
                crowd.pump(address, damage);
            }
            8 => crowd.clients[address] = None,
            9 => crowd.pass_time(Duration::from_millis(u64::from(choices.u16()) * 5)),
            10 => crowd.wait_for_deadline(),
            11 => crowd.endpoint.rotate_cookie_key(&mut crowd.rng),
            12 => crowd.with_connection(choices.byte(), Connection::close),
            13 => crowd.with_connection(choices.byte(), |connection| {
                let _ = connection.send(b"from the endpoint", &mut [0; 200]);
            }),
            14 => crowd.accepts = !crowd.accepts,
            _ => crowd.connect(address),
        }
        crowd.drain();
    }
    crowd.connected
}

struct Crowd {
    endpoint: Endpoint,
    client_config: Arc<ClientConfig>,
    server_config: Arc<ServerConfig>,
    clients: [Option<Connection>; 4],
    /// Whether clients speak from each other's addresses, and hear what is sent to any.
    wanders: bool,
    /// What makes the address of a client the one that it speaks from just now.
    detour: usize,
    now: Instant,
    rng: SimRng,
    /// Whether clients at the door are let in.
    accepts: bool,
    handles: Vec<Handle>,
    ended: BTreeSet<usize>,
    connected: usize,
}

impl Crowd {
    fn new(limits: EndpointConfig, client_config: Arc<ClientConfig>, server_config: Arc<ServerConfig>) -> Self {
        let mut rng = SimRng::new(4);
        let config = limits
            .max_half_open(MAX_HALF_OPEN)
            .max_connections(MAX_CONNECTIONS)
            .idle_timeout(Some(Duration::from_secs(100)));
        Self {
            endpoint: Endpoint::new(config, CookieKeys::generate(&mut rng), wall_clock()),
            client_config,
            server_config,
            clients: [const { None }; 4],
            wanders: false,
            detour: 0,
            now: Instant::from_nanos(3_600_000_000_000),
            rng,
            accepts: true,
            handles: Vec::new(),
            ended: BTreeSet::new(),
            connected: 0,
        }
    }

    /// The client at this address says what it has to say, perhaps with a byte of it changed; there is a new client if
    /// there was none.
    fn pump(&mut self, address: usize, mut damage: Option<(u16, u8)>) {
        for _ in 0..10 {
            let client = self.clients[address].get_or_insert_with(|| client(&self.client_config, &mut self.rng));
            let said = said(client, self.now);
            let is_connected = client.status() == Status::Connected;
            if said.is_empty() {
                return;
            }
            for mut datagram in said {
                if let Some((at, mask)) = damage.take() {
                    let at = usize::from(at) % datagram.len();
                    datagram[at] ^= mask;
                }
                self.give(address ^ self.detour, &mut datagram);
            }
            self.drain();
            if is_connected {
                return;
            }
        }
    }

    fn give(&mut self, address: usize, datagram: &mut [u8]) {
        let len = datagram.len();
        match self.endpoint.handle_datagram(self.now, path(address), datagram) {
            Dispatch::Data(handle, received) => {
                assert!(self.handles.contains(&handle), "a connection that nobody made");
                let count = received.len();
                assert_eq!(received.count(), count);
            }
            Dispatch::Incoming(incoming) => {
                assert_eq!(incoming.path(), path(address));
                if self.accepts {
                    let accepted =
                        self.endpoint.accept(incoming, Arc::clone(&self.server_config), self.now, &mut self.rng);
                    let (handle, _) = accepted.expect("who is offered has a place");
                    assert!(!self.handles.contains(&handle), "a handle that was used before");
                    self.handles.push(handle);
                }
            }
            Dispatch::Reply(reply) => {
                assert!(reply.len() <= len, "an answer longer than what it answers");
                let reply = reply.to_vec();
                self.hear(address, &reply);
            }
            Dispatch::Dropped(_) => {}
        }
    }

    fn hear(&mut self, address: usize, datagram: &[u8]) {
        for (number, client) in self.clients.iter_mut().enumerate() {
            if let Some(client) = client.as_mut().filter(|_| self.wanders || number == address) {
                let _ = client.handle_datagram(self.now, &mut datagram.to_vec());
            }
        }
    }

    fn connect(&mut self, address: usize) {
        let name = ServerName::try_from(SERVER_NAME).expect("a DNS name");
        let config = Arc::clone(&self.client_config);
        let connected = self.endpoint.connect(path(address), config, name, self.now, &mut self.rng);
        if let Ok(handle) = connected {
            assert!(!self.handles.contains(&handle), "a handle that was used before");
            self.handles.push(handle);
        }
    }

    fn pass_time(&mut self, time: Duration) {
        self.now = self.now + time;
        self.endpoint.handle_timeout(self.now);
    }

    fn wait_for_deadline(&mut self) {
        if let Some(deadline) = self.endpoint.poll_timeout() {
            self.now = self.now.max(deadline);
            self.endpoint.handle_timeout(self.now);
        }
    }

    fn with_connection(&mut self, which: u8, work: impl FnOnce(&mut Connection)) {
        if self.handles.is_empty() {
            return;
        }
        let handle = self.handles[usize::from(which) % self.handles.len()];
        if let Some(mut connection) = self.endpoint.connection(handle) {
            work(&mut connection);
        }
    }

    /// Takes out all there is, and gives it to the clients it is for.
    fn drain(&mut self) {
        let mut out = vec![0; 4096];
        for transmits in 0.. {
            assert!(transmits < TOO_MANY, "there is always something more to send");
            let Some((to, transmit)) = self.endpoint.poll_transmit(self.now, &mut out) else { break };
            let address = (0..4).find(|address| path(*address) == to).expect("an address that wrote to us");
            for datagram in out[..transmit.len].chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.hear(address, datagram);
            }
        }
        for events in 0.. {
            assert!(events < TOO_MANY, "there is always something more to tell");
            let Some((handle, event)) = self.endpoint.poll_event() else { break };
            self.note(handle, &event);
        }
        assert!(self.endpoint.poll_timeout().is_none_or(|at| at > self.now), "called, emptied, and due at once");
        assert!(self.endpoint.len() <= MAX_CONNECTIONS);
        assert!(self.handles.len() >= self.endpoint.len());
        let half_open = self.handles.iter().filter(|handle| {
            self.endpoint.connection(**handle).is_some_and(|connection| {
                connection.role() == Role::Server && connection.status() == Status::Handshaking
            })
        });
        assert!(half_open.count() <= MAX_HALF_OPEN);
    }

    fn note(&mut self, handle: Handle, event: &Event) {
        let number = self.handles.iter().position(|known| *known == handle).expect("a connection that somebody made");
        assert!(!self.ended.contains(&number), "{event:?} after the end");
        match event {
            Event::Connected => self.connected += 1,
            Event::Closed(_) => {
                self.ended.insert(number);
            }
            _ => {}
        }
    }
}

fn client(config: &Arc<ClientConfig>, rng: &mut SimRng) -> Connection {
    let name = ServerName::try_from(SERVER_NAME).expect("a DNS name");
    Connection::client(Arc::clone(config), name, wall_clock(), rng).expect("a hello that encodes")
}

/// What the client says when it is called: its flight or its alert, and once it is connected a word of its own.
fn said(client: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut out = vec![0; 4096];
    let mut said = Vec::new();
    client.handle_timeout(now);
    while let Some(transmit) = client.poll_transmit(now, &mut out) {
        let run = &out[..transmit.len];
        said.extend(run.chunks(transmit.segment_size.map_or(transmit.len, Into::into)).map(<[u8]>::to_vec));
    }
    while client.poll_event().is_some() {}
    if let Ok(len) = client.send(b"from a client", &mut out) {
        said.push(out[..len].to_vec());
    }
    said
}

fn path(address: usize) -> Path {
    let last = u8::try_from(address).expect("below 4");
    Path::from(SocketAddr::from(([192, 0, 2, last], 4433)))
}

const MAX_HALF_OPEN: usize = 2;
const MAX_CONNECTIONS: usize = 3;

/// Four connections have a few dozen datagrams and events between two calls.
const TOO_MANY: usize = 1000;
