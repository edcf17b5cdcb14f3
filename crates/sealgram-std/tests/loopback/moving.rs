//! An association that is moved from one process to another in the middle of traffic.
//!
//! One end stays, in the process of the test. The other is a process of its own, which answers everything; it is told to
//! leave, says what it has sealed, and ends. Another process takes that up, and the socket's port or, where connection
//! IDs tell who it is, a port of its own. Each side loses every fifth datagram that comes, and what is sent while nobody
//! is there is lost as well. What can go wrong: the association ends, or goes on and delivers something twice.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use sealgram_std::sealgram::pki_types::ServerName;
use sealgram_std::sealgram::provider::ring;
use sealgram_std::sealgram::{
    AddressChange, ClientConfig, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Handle, Path, PresharedKey,
    PresharedKeys, RandomIds, Role, RoleConfig, Sealed, ServerConfig, SnapshotKey, TransportOptions,
};
use sealgram_std::{Clock, OsRng};

use crate::support::{ANYWHERE, PATIENCE};

/// A server that starts again, on the port that it had: its client does not notice.
#[test]
fn a_server_goes_on_in_another_process() {
    story(Role::Server, Ids::No);
}

/// A client that starts again, on the port that it had.
#[test]
fn a_client_goes_on_in_another_process() {
    story(Role::Client, Ids::No);
}

/// With connection IDs it may have another port, and its server follows it there.
#[test]
fn a_client_goes_on_in_another_process_and_at_another_port() {
    story(Role::Client, Ids::Yes);
}

/// Whether the two sides use connection IDs, and the one that moves another port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    No,
    Yes,
}

/// How many answers each of the two processes has to give.
const ANSWERS: usize = 40;

fn story(moving: Role, ids: Ids) {
    let mut post = Post::bind(ANYWHERE.into(), ids);
    let here = post.socket.local_addr().unwrap();
    let mut first = Process::start("A", moving, ids, ANYWHERE.into(), here);
    let there: SocketAddr = first.hears("at").parse().unwrap();
    if moving == Role::Server {
        post.connect(there);
    }
    let handle = post.connected();
    let mut traffic = Traffic::default();
    while traffic.answers_of(b'A') < ANSWERS {
        traffic.turn(&mut post, handle);
    }

    first.tell("leave");
    let sealed = loop {
        traffic.turn(&mut post, handle);
        if let Some(sealed) = first.heard("sealed") {
            break sealed;
        }
    };
    first.ends();
    let own = if ids == Ids::Yes { ANYWHERE.into() } else { there };
    let mut second = Process::start("B", moving, ids, own, here);
    second.tell(&sealed);
    while traffic.answers_of(b'B') < ANSWERS {
        traffic.turn(&mut post, handle);
    }
    let there: SocketAddr = second.hears("at").parse().unwrap();
    while post.endpoint.connection(handle).unwrap().path().peer() != there {
        traffic.turn(&mut post, handle);
    }
    let is_move = |event: &Event| matches!(event, Event::PeerMoved(_));
    assert!(post.events.iter().all(|(_, event)| is_move(event)), "{:?}", post.events);
}

/// What is said to the other side, and what comes back.
#[derive(Default)]
struct Traffic {
    next: u32,
    /// Who answered what.
    answers: BTreeSet<(u8, u32)>,
}

impl Traffic {
    /// Says the next number, and takes what has been answered.
    fn turn(&mut self, post: &mut Post, handle: Handle) {
        post.send(handle, &self.next.to_be_bytes());
        self.next += 1;
        post.turn();
        for (of, answer) in post.data.drain(..) {
            let Some((name, number)) = answer.split_first() else { continue };
            let number = u32::from_be_bytes(number.try_into().unwrap());
            assert!(of == handle && number < self.next);
            let by_others = [(b'A', number), (b'B', number)].iter().any(|answer| self.answers.contains(answer));
            assert!(!by_others && self.answers.insert((*name, number)), "{number} is answered twice");
        }
    }

    fn answers_of(&self, name: u8) -> usize {
        self.answers.iter().filter(|(of, _)| *of == name).count()
    }
}

/// The process that moves, and the one that it moves to; without a part in a story, nothing.
#[test]
fn process_that_moves() {
    let Ok(part) = env::var(PART) else {
        println!("without a part in a story of this file there is nothing to do");
        return;
    };
    let [name, role, ids, own, peer] = *part.split(' ').collect::<Vec<_>>() else { panic!("{part}") };
    let role = if role == "server" { Role::Server } else { Role::Client };
    let ids = if ids == "ids" { Ids::Yes } else { Ids::No };
    let lines = lines(io::stdin());
    let mut post = Post::bind(own.parse().unwrap(), ids);
    // Who comes from elsewhere has to speak first: nobody knows where it is.
    let mut speaks_first = None;
    if name == "B" {
        speaks_first = Some(post.restore(&lines.recv_timeout(PATIENCE).unwrap(), role));
    } else if role == Role::Client {
        post.connect(peer.parse().unwrap());
    }
    println!("{MARK}at {}", post.socket.local_addr().unwrap());
    let mut handle = None;
    loop {
        if let Some(handle) = speaks_first {
            post.send(handle, &[]);
        }
        post.turn();
        for (from, data) in std::mem::take(&mut post.data) {
            speaks_first = None;
            handle = Some(from);
            post.send(from, &[name.as_bytes(), &data].concat());
        }
        match lines.try_recv() {
            Ok(_leave) => break,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
    }
    println!("{MARK}sealed {}", post.seal(handle.unwrap()));
}

/// A socket and an endpoint on it.
struct Post {
    socket: UdpSocket,
    endpoint: Endpoint,
    ids: Ids,
    clock: Clock,
    received: u64,
    events: Vec<(Handle, Event)>,
    data: Vec<(Handle, Vec<u8>)>,
}

impl Post {
    fn bind(own: SocketAddr, ids: Ids) -> Self {
        let socket = UdpSocket::bind(own).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let clock = Clock::start();
        let config = EndpointConfig::default().address_change(AddressChange::Follow);
        let endpoint = Endpoint::new(config, CookieKeys::generate(&mut OsRng), clock.wall_clock());
        Self { socket, endpoint, ids, clock, received: 0, events: Vec::new(), data: Vec::new() }
    }

    fn connect(&mut self, server: SocketAddr) {
        let name = ServerName::from(Ipv4Addr::LOCALHOST);
        let config = client_config(self.ids);
        self.endpoint.connect(server.into(), config, name, self.clock.now(), &mut OsRng).unwrap();
    }

    /// Goes on until there is a connection.
    fn connected(&mut self) -> Handle {
        loop {
            self.turn();
            if let Some(at) = self.events.iter().position(|(_, event)| *event == Event::Connected) {
                return self.events.remove(at).0;
            }
        }
    }

    /// Sends what there is, and takes in one datagram if one comes soon.
    fn turn(&mut self) {
        assert!(self.clock.now().as_nanos() < PATIENCE.as_nanos().try_into().unwrap(), "the story has no end");
        self.flush();
        let mut datagram = [0; 2000];
        if let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            self.received += 1;
            if self.received % 5 != 0 {
                self.take_in(from, &mut datagram[..len]);
            }
        }
        self.endpoint.handle_timeout(self.clock.now());
    }

    fn flush(&mut self) {
        let mut out = [0; 2000];
        while let Some((path, transmit)) = self.endpoint.poll_transmit(self.clock.now(), &mut out) {
            let segment = transmit.segment_size.map_or(transmit.len, NonZeroUsize::get);
            for datagram in out[..transmit.len].chunks(segment) {
                self.socket.send_to(datagram, path.peer()).unwrap();
            }
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.events.push(event);
        }
    }

    fn take_in(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let now = self.clock.now();
        let (handle, received) = match self.endpoint.handle_datagram(now, Path::from(from), datagram) {
            Dispatch::Data(handle, received) => (handle, received),
            Dispatch::Incoming(incoming) => {
                self.endpoint.accept(incoming, server_config(self.ids), now, &mut OsRng).unwrap()
            }
            Dispatch::Reply(reply) => {
                self.socket.send_to(reply, from).unwrap();
                return;
            }
            Dispatch::Dropped(_) => return,
        };
        self.data.extend(received.map(|data| (handle, data.to_vec())));
    }

    fn send(&mut self, handle: Handle, data: &[u8]) {
        let mut out = [0; 2000];
        let mut connection = self.endpoint.connection(handle).unwrap();
        let len = connection.send(data, &mut out).unwrap();
        let to = connection.path().peer();
        self.socket.send_to(&out[..len], to).unwrap();
    }

    fn seal(&mut self, handle: Handle) -> String {
        self.flush();
        let sealed = self.endpoint.snapshot(handle, &key()).unwrap();
        sealed.as_bytes().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    }

    fn restore(&mut self, hex: &str, role: Role) -> Handle {
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
        let sealed = Sealed::from_bytes(&bytes).unwrap();
        let config: RoleConfig = match role {
            Role::Client => client_config(self.ids).into(),
            Role::Server => server_config(self.ids).into(),
        };
        self.endpoint.restore(&sealed, &key(), config, self.clock.now(), &mut OsRng).unwrap()
    }
}

/// What both processes know: it would be as secret as the traffic.
fn key() -> SnapshotKey {
    SnapshotKey::new(ring::provider(), &[7; 32]).unwrap()
}

fn transport() -> TransportOptions {
    TransportOptions::default().initial_timeout(Duration::from_millis(50)).handshake_deadline(PATIENCE)
}

fn shared_key() -> PresharedKey {
    PresharedKey::new(&[5; 32]).unwrap()
}

fn client_config(ids: Ids) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_psk(ring::provider(), b"mover", shared_key()).transport(transport());
    if ids == Ids::Yes { config.connection_ids(Arc::new(RandomIds::of_len(6))) } else { config }.build().unwrap()
}

fn server_config(ids: Ids) -> Arc<ServerConfig> {
    let keys: Arc<dyn PresharedKeys> = Arc::new(std::collections::BTreeMap::from([(b"mover".to_vec(), shared_key())]));
    let config = ServerConfig::builder_with_psk(ring::provider(), keys).transport(transport());
    if ids == Ids::Yes { config.connection_ids(Arc::new(RandomIds::of_len(8))) } else { config }.build().unwrap()
}

/// A process that runs [`process_that_moves`], and ends with the test at the latest.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(name: &str, role: Role, ids: Ids, own: SocketAddr, peer: SocketAddr) -> Self {
        let role = if role == Role::Server { "server" } else { "client" };
        let ids = if ids == Ids::Yes { "ids" } else { "plain" };
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "moving::process_that_moves", "--nocapture"])
            .env(PART, format!("{name} {role} {ids} {own} {peer}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// What it says next about `what`, if it has said something.
    fn heard(&self, what: &str) -> Option<String> {
        self.lines.try_iter().find_map(|line| said(&line, what))
    }

    /// Waits until it says something about `what`.
    fn hears(&self, what: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the process says something");
            if let Some(said) = said(&line, what) {
                return said;
            }
        }
    }

    /// It ends by itself, well.
    fn ends(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The runner of tests says something in the same lines.
fn said(line: &str, what: &str) -> Option<String> {
    line.split_once(MARK)?.1.strip_prefix(what)?.strip_prefix(' ').map(str::to_owned)
}

fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The variable that gives a process its part.
const PART: &str = "SEALGRAM_MOVING";

/// Before what a process says to its test.
const MARK: &str = "moving: ";
