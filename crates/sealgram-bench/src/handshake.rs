//! Full handshakes of ours in memory: a client, and an endpoint that wants a cookie.

use core::net::SocketAddr;
use std::sync::Arc;

use sealgram::crypto::Suite;
use sealgram::{
    ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Instant, Path, Role,
    ServerConfig, Status,
};
use sealgram_alloc::count;
use sealgram_sim::{SimRng, wall_clock};

use crate::credentials;
use crate::crypto_sum::Group;
use crate::memory::Sides;
use crate::records::{NOW, configs, provider};

/// Configurations and one endpoint, for as many handshakes as one likes.
#[derive(Debug)]
pub struct Stage {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    /// The endpoint that all clients come to.
    pub endpoint: Endpoint,
    rng: SimRng,
    handshakes: u32,
}

/// A client and what is under way between it and the endpoint.
#[derive(Debug)]
pub struct Meeting {
    /// The client; `None` before its first turn.
    pub client: Option<Box<Connection>>,
    /// The endpoint's name for it, once it has shown its cookie.
    pub handle: Option<Handle>,
    path: Path,
    to_server: Mail,
    to_client: Mail,
}

impl Stage {
    /// A server that takes this suite and this group.
    #[must_use]
    pub fn new(suite: &'static Suite, group: Group) -> Self {
        let (client, server) = configs(Box::leak(Box::new(provider(suite, group.ours()))));
        let mut rng = SimRng::new(1);
        let limits = EndpointConfig::default().idle_timeout(None);
        let endpoint = Endpoint::new(limits, CookieKeys::generate(&mut rng), wall_clock());
        Self { client, server, endpoint, rng, handshakes: 0 }
    }

    /// A client that nobody has seen.
    pub fn meeting(&mut self) -> Meeting {
        self.handshakes += 1;
        let [_, a, b, c] = self.handshakes.to_be_bytes();
        let path = Path::from(SocketAddr::from(([10, a, b, c], 4433)));
        Meeting { client: None, handle: None, path, to_server: Mail::new(), to_client: Mail::new() }
    }

    /// A whole handshake.
    pub fn shake_hands(&mut self, meeting: &mut Meeting) {
        self.watched(meeting, &mut |_, turn| turn());
    }

    /// A whole handshake, each turn of which is handed to `watch` to be run.
    pub fn watched(&mut self, meeting: &mut Meeting, watch: &mut dyn FnMut(Role, &mut dyn FnMut())) {
        let mut connected = [false; 2];
        for _ in 0..TURNS {
            watch(Role::Client, &mut || connected[0] |= self.client_turn(meeting));
            watch(Role::Server, &mut || connected[1] |= self.server_turn(meeting));
        }
        assert_eq!(connected, [true; 2], "the handshake did not succeed");
    }

    /// The client takes in its mail, and says what it has to say. Returns whether it connected.
    pub fn client_turn(&mut self, meeting: &mut Meeting) -> bool {
        let Meeting { client, to_client, to_server, .. } = meeting;
        let client = client.get_or_insert_with(|| {
            let config = Arc::clone(&self.client);
            let client = Connection::client(config, credentials::name(), wall_clock(), &mut self.rng);
            Box::new(client.expect("a hello that encodes"))
        });
        to_client.deliver(|datagram| drop(client.handle_datagram(NOW, datagram)));
        while let Some(transmit) = client.poll_transmit(NOW, to_server.room()) {
            to_server.add(transmit.len, transmit.segment_size.map_or(transmit.len, Into::into));
        }
        let mut is_connected = false;
        while let Some(event) = client.poll_event() {
            is_connected |= event == Event::Connected;
        }
        is_connected
    }

    /// The endpoint takes in its mail, and says what it has to say. Returns whether the client is connected.
    pub fn server_turn(&mut self, meeting: &mut Meeting) -> bool {
        let Meeting { handle, path, to_client, to_server, .. } = meeting;
        to_server.deliver(|datagram| match self.endpoint.handle_datagram(NOW, *path, datagram) {
            Dispatch::Reply(reply) => to_client.add_copy(reply),
            Dispatch::Incoming(incoming) => {
                let accepted = self.endpoint.accept(incoming, Arc::clone(&self.server), NOW, &mut self.rng);
                *handle = Some(accepted.expect("an endpoint with room").0);
            }
            Dispatch::Data(..) | Dispatch::Dropped(_) => {}
        });
        while let Some((_, transmit)) = self.endpoint.poll_transmit(NOW, to_client.room()) {
            to_client.add(transmit.len, transmit.segment_size.map_or(transmit.len, Into::into));
        }
        let mut is_connected = false;
        while let Some((_, event)) = self.endpoint.poll_event() {
            is_connected |= event == Event::Connected;
        }
        is_connected
    }

    /// Ends the server's side of a meeting, so that the endpoint is as empty as before.
    pub fn forget(&mut self, meeting: &Meeting) {
        let handle = meeting.handle.expect("a handshake took place");
        self.endpoint.connection(handle).expect("it is still there").close();
        let mut out = [0; 1500];
        while self.endpoint.poll_transmit(NOW, &mut out).is_some() {}
        while self.endpoint.poll_event().is_some() {}
        assert!(self.endpoint.connection(handle).is_none(), "an ended connection is gone");
    }

    /// Lets time pass on both sides, and returns what that freed.
    pub fn wait_until(&mut self, meeting: &mut Meeting, now: Instant) -> Sides {
        let client = meeting.client.as_mut().expect("a handshake took place");
        let handle = meeting.handle.expect("a handshake took place");
        let mut server = self.endpoint.connection(handle).expect("it is still there");
        let ((), client) = count(|| client.handle_timeout(now));
        let ((), freed) = count(|| server.handle_timeout(now));
        assert_eq!(server.status(), Status::Connected, "it does not end by itself");
        Sides { client, server: freed }
    }
}

impl Meeting {
    /// What the client has sent and the server has not got.
    #[must_use]
    pub fn under_way_to_server(&self) -> &[u8] {
        &self.to_server.buf[..self.to_server.used()]
    }

    /// How long the datagrams were that this end has sent.
    #[must_use]
    pub fn sent(&self, from: Role) -> &[usize] {
        let mail = match from {
            Role::Client => &self.to_server,
            Role::Server => &self.to_client,
        };
        &mail.sent[..mail.datagrams]
    }
}

/// Datagrams on their way to one end, in memory that is there before anything is counted.
#[derive(Debug)]
struct Mail {
    buf: Box<[u8; 4096]>,
    /// Where each datagram ends; the first `waiting` of them count.
    ends: [usize; 8],
    waiting: usize,
    /// How long each datagram was, delivered or not; the first `datagrams` of them count.
    sent: [usize; 8],
    datagrams: usize,
}

impl Mail {
    fn new() -> Self {
        Self { buf: Box::new([0; 4096]), ends: [0; 8], waiting: 0, sent: [0; 8], datagrams: 0 }
    }

    fn used(&self) -> usize {
        self.waiting.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    fn room(&mut self) -> &mut [u8] {
        let used = self.used();
        &mut self.buf[used..]
    }

    /// What was written to the room, cut into datagrams.
    fn add(&mut self, len: usize, segment: usize) {
        let end = self.used() + len;
        while self.used() < end {
            let start = self.used();
            self.ends[self.waiting] = end.min(start + segment);
            self.waiting += 1;
            self.sent[self.datagrams] = self.used() - start;
            self.datagrams += 1;
        }
    }

    fn add_copy(&mut self, datagram: &[u8]) {
        self.room()[..datagram.len()].copy_from_slice(datagram);
        self.add(datagram.len(), datagram.len());
    }

    fn deliver(&mut self, mut to: impl FnMut(&mut [u8])) {
        let mut start = 0;
        for end in &self.ends[..self.waiting] {
            to(&mut self.buf[start..*end]);
            start = *end;
        }
        self.waiting = 0;
    }
}

/// How often each end is asked: hello, hello with cookie, the client's last flight, and the end of it all.
const TURNS: usize = 4;
