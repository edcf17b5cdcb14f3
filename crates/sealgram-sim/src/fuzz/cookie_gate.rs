//! The gate in front of an endpoint, and a list of the cookies that it gave out.

use core::net::SocketAddr;
use core::time::Duration;

use sealgram::code::{ContentType, HandshakeType};
use sealgram::internals::Choices;
use sealgram::{CookieKeys, Dispatch, Endpoint, EndpointConfig, Instant, Path};

use crate::builder::wall_clock;
use crate::forge;
use crate::rng::SimRng;

/// Hellos with and without cookies, time, and new keys. A cookie is accepted from whom it was given to, for a minute
/// and over one change of keys, and from nobody else; no answer is longer than what it answers; nothing is ever kept.
/// Returns how many cookies were accepted.
pub fn cookie_gate(data: &[u8]) -> usize {
    let mut choices = Choices::new(data);
    let mut gate = Gate::new();
    while !choices.is_empty() {
        match choices.below(8) {
            0 | 1 => gate.ask(Hello::read(&mut choices)),
            2 | 3 => gate.answer(&mut choices),
            4 => gate.now = gate.now + Duration::from_millis(u64::from(choices.byte()) * 500),
            5 => gate.rotate(),
            6 => {
                let address = choices.byte();
                gate.give_anything(address, &mut choices.chunk().to_vec());
            }
            _ => gate.give_damaged(&mut choices),
        }
        gate.assert_keeps_nothing();
    }
    gate.accepted
}

/// What a cookie is bound to, and the numbers that it is not bound to.
#[derive(Clone, PartialEq, Eq)]
struct Hello {
    address: u8,
    random: u8,
    session_id: Vec<u8>,
    version: u8,
    message_seq: u8,
    sequence: u64,
}

/// A cookie that was given out.
struct Issued {
    hello: Hello,
    at: Instant,
    keys: usize,
    cookie: Vec<u8>,
}

struct Gate {
    endpoint: Endpoint,
    rng: SimRng,
    now: Instant,
    keys: usize,
    issued: Vec<Issued>,
    accepted: usize,
}

enum Outcome {
    Reply(Vec<u8>),
    Accepted,
    Dropped,
}

impl Gate {
    fn new() -> Self {
        let mut rng = SimRng::new(3);
        let endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut rng), wall_clock());
        Self { endpoint, rng, now: Instant::ORIGIN, keys: 0, issued: Vec::new(), accepted: 0 }
    }

    fn give(&mut self, address: u8, datagram: &mut [u8]) -> Outcome {
        let len = datagram.len();
        let before = datagram.to_vec();
        let outcome = match self.endpoint.handle_datagram(self.now, path(address), datagram) {
            Dispatch::Reply(reply) => {
                assert!(reply.len() <= len, "an answer longer than what it answers");
                Outcome::Reply(reply.to_vec())
            }
            Dispatch::Incoming(incoming) => {
                assert_eq!(incoming.path(), path(address));
                self.accepted += 1;
                Outcome::Accepted
            }
            Dispatch::Dropped(_) => Outcome::Dropped,
            Dispatch::Data(..) => panic!("there is no connection"),
        };
        assert!(matches!(outcome, Outcome::Reply(_)) || datagram == before, "only an answer is written");
        outcome
    }

    /// A first hello always gets its cookie.
    fn ask(&mut self, hello: Hello) {
        let Outcome::Reply(reply) = self.give(hello.address, &mut hello.datagram(&[])) else {
            panic!("a hello without an answer");
        };
        let cookie = reply.get(COOKIE_AT..).expect("a cookie").to_vec();
        assert_eq!((reply.len(), cookie.len()), (60, 32));
        self.issued.push(Issued { hello, at: self.now, keys: self.keys, cookie });
    }

    /// A hello with a cookie of the list: its own, or somebody else's, or one with a changed bit.
    fn answer(&mut self, choices: &mut Choices<'_>) {
        if self.issued.is_empty() {
            return;
        }
        let Issued { hello, at, keys, cookie } = &self.issued[choices.below(self.issued.len())];
        let (mut asking, mut shown) = (hello.clone(), cookie.clone());
        match choices.below(8) {
            0 => asking.address ^= choices.byte() & 3,
            1 => asking.random ^= choices.byte(),
            2 => asking.session_id = choices.take(2).to_vec(),
            3 => asking.version ^= choices.byte(),
            4 => shown[choices.below(32)] ^= choices.byte(),
            // To these no cookie is bound.
            5 => (asking.message_seq, asking.sequence) = (choices.byte() & 15, u64::from(choices.u16())),
            _ => {}
        }
        let bound = |hello: &Hello| (hello.address, hello.random, hello.session_id.clone(), hello.version);
        let is_own = bound(&asking) == bound(hello) && shown == *cookie;
        // Cookies carry whole seconds.
        let is_fresh = seconds(self.now) - seconds(*at) <= 60;
        let is_due = is_own && is_fresh && self.keys - keys <= 1;
        let address = asking.address;
        match self.give(address, &mut asking.datagram(&shown)) {
            Outcome::Accepted => assert!(is_due, "a cookie that was not given to this hello"),
            Outcome::Reply(_) => assert!(!is_due, "a good cookie that is not accepted"),
            Outcome::Dropped => panic!("a whole hello is dropped"),
        }
    }

    fn rotate(&mut self) {
        self.endpoint.rotate_cookie_key(&mut self.rng);
        self.keys += 1;
    }

    fn give_anything(&mut self, address: u8, datagram: &mut [u8]) {
        if let Outcome::Reply(reply) = self.give(address, datagram) {
            assert_eq!((reply.len(), reply[0], reply[13]), (60, ContentType::HANDSHAKE.0, 3));
        }
    }

    /// A hello with a byte changed, or cut short.
    fn give_damaged(&mut self, choices: &mut Choices<'_>) {
        let hello = Hello::read(choices);
        let mut datagram = hello.datagram(choices.take(3));
        if choices.yes() {
            datagram.truncate(choices.below(datagram.len()));
        } else {
            let at = choices.below(datagram.len());
            datagram[at] = choices.byte();
        }
        self.give_anything(hello.address, &mut datagram);
    }

    fn assert_keeps_nothing(&mut self) {
        assert!(self.endpoint.is_empty());
        assert_eq!(self.endpoint.poll_timeout(), None);
        assert!(self.endpoint.poll_transmit(self.now, &mut [0; 2000]).is_none());
        assert!(self.endpoint.poll_event().is_none());
    }
}

impl Hello {
    fn read(choices: &mut Choices<'_>) -> Self {
        Self {
            address: choices.byte() & 3,
            random: choices.byte(),
            session_id: choices.take(2).to_vec(),
            version: 0xfd,
            message_seq: choices.byte() & 15,
            sequence: u64::from(choices.u16()) << 31,
        }
    }

    fn datagram(&self, cookie: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, self.version];
        body.extend([self.random; 32]);
        for part in [&self.session_id, cookie] {
            body.push(u8::try_from(part.len()).expect("a short part"));
            body.extend(part);
        }
        body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
        let length = u32::try_from(body.len()).expect("a short hello");
        let message_seq = self.message_seq.into();
        let fragment = forge::fragment(HandshakeType::CLIENT_HELLO.0, length, message_seq, 0, length, &body);
        forge::record(ContentType::HANDSHAKE.0, 0, self.sequence, &fragment)
    }
}

fn path(address: u8) -> Path {
    // The same host on another port, and another host.
    let port = 4000 + u16::from(address & 1);
    Path::from(SocketAddr::from(([192, 0, 2, 1 + (address >> 1)], port)))
}

fn seconds(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000_000
}

/// Where the cookie stands in a HelloVerifyRequest: behind record header, fragment header, version and length.
const COOKIE_AT: usize = 13 + 12 + 2 + 1;
