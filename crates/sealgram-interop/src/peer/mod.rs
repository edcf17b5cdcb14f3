//! Other implementations: for each a file that says how to start it for a case and how to read what it prints.

pub mod gnutls;
pub mod godot;
pub mod libcoap;
pub mod mbedtls;
pub mod openssl;
pub mod pion;
pub mod tshark;
pub mod udp_proxy;

use core::net::{Ipv4Addr, SocketAddr};
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io::ErrorKind;
use std::net::UdpSocket;

use crate::configuration::from_hexadecimal;
use crate::process::Process;
use crate::{Outcome, PATIENCE, now};

/// A peer that runs, in either role.
#[derive(Debug)]
pub struct Peer {
    process: Process,
    dialect: &'static Dialect,
    /// Lines, or beginnings of lines, or parts of a log, that it prints once it is connected as the case wants it.
    facts: Vec<String>,
    /// Where a server listens that was told so and does not tell.
    told: Option<SocketAddr>,
}

/// The words of a peer.
#[derive(Debug)]
struct Dialect {
    /// The beginning of the line that says where a server listens; the address is the rest of it.
    listens: &'static str,
    /// What makes it close the association.
    quit: Quit,
    /// Printed when the other end has closed it.
    was_closed: &'static str,
    /// The beginning of the line with keying material in hexadecimal.
    keying_material: &'static str,
    /// The same where the material is for media; empty for one that tells none.
    media_keys: &'static str,
    /// What it prints instead of its facts when a session is taken up again, if it says that at all.
    resumed: &'static str,
    /// Whether it ends with the association.
    ends_when_closed: bool,
    /// Whether it writes a log, in which the words are looked for anywhere: its lines begin with what changes.
    is_a_log: bool,
    /// How it talks.
    manner: Manner,
}

/// How a peer talks, and what it has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum Manner {
    /// It sends what is typed.
    Types,
    /// It sends back what it receives.
    Echoes,
    /// It answers what it receives with a text of its own, that this is a part of.
    Answers(&'static str),
    /// It speaks first, with a text that this is a part of, and waits for an answer each time.
    Asks(&'static str),
    /// It answers questions of CoAP, that for its root with a text that this is a part of.
    AnswersCoap(&'static str),
    /// It asks a question of CoAP, for what is at this path.
    AsksCoap(&'static str),
}

/// What makes a peer close the association.
#[derive(Clone, Copy, Debug)]
enum Quit {
    /// That its input ends.
    EndOfInput,
    /// That this line is typed.
    Line(&'static str),
    /// That it has exchanged as much as it was told to.
    Enough,
    /// That it receives this record: it takes no input.
    Record(&'static str),
}

impl Peer {
    /// Where a server listens, once it does.
    pub fn address(&self) -> Outcome<SocketAddr> {
        match self.told {
            // Anything that comes before a hello would count as one.
            Some(address) if self.dialect.is_a_log => return self.says(self.dialect.listens).map(|()| address),
            Some(address) => return listens(address).map(|()| address),
            None => {}
        }
        Ok(self.process.wait_for_line(self.dialect.listens)?.trim().parse()?)
    }

    /// Types a line, to be sent as data.
    pub fn send(&mut self, line: &str) -> Outcome {
        self.process.say(line)
    }

    /// Waits until it has printed this text, as it does with data that it receives.
    pub fn prints(&self, text: &str) -> Outcome {
        self.process.wait_for_text(text)
    }

    /// All that it has printed, for people.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Waits until it has said everything that it has to know of a good association.
    pub fn confirms_facts(&self) -> Outcome {
        self.facts.iter().try_for_each(|fact| self.says(fact))
    }

    /// From now on it is in another association, which takes up the session of the one before: what it has printed so
    /// far counts no longer.
    pub fn begin_anew(&mut self) {
        self.process.begin_anew();
        self.expect_resumption();
    }

    /// What it has to know of a good association is that it takes up an earlier session.
    pub fn expect_resumption(&mut self) {
        self.facts = vec![self.dialect.resumed.into()];
    }

    /// The keying material that it exported.
    pub fn keying_material(&self) -> Outcome<Vec<u8>> {
        self.hexadecimal_behind(self.dialect.keying_material)
    }

    /// The keys and salts for media that it exported, if it tells any.
    pub fn media_keys(&self) -> Outcome<Option<Vec<u8>>> {
        let beginning = self.dialect.media_keys;
        (!beginning.is_empty()).then(|| self.hexadecimal_behind(beginning)).transpose()
    }

    fn hexadecimal_behind(&self, beginning: &str) -> Outcome<Vec<u8>> {
        let line = self.process.wait_for_line(beginning)?;
        // Some write `0x` in front.
        from_hexadecimal(line.trim().rsplit("0x").next().unwrap_or_default())
    }

    /// The record that makes it close the association, for one that takes no input.
    #[must_use]
    pub const fn closing_record(&self) -> Option<&'static str> {
        match self.dialect.quit {
            Quit::Record(record) => Some(record),
            Quit::EndOfInput | Quit::Line(_) | Quit::Enough => None,
        }
    }

    /// Makes it close the association.
    pub fn close(&mut self) -> Outcome {
        match self.dialect.quit {
            Quit::EndOfInput => self.process.end_input(),
            Quit::Line(line) => self.process.say(line)?,
            Quit::Enough => {}
            Quit::Record(_) => return Err("it takes no input: a record closes it".into()),
        }
        Ok(())
    }

    /// Waits until it has noticed that we closed the association.
    pub fn notices_close(&mut self) -> Outcome {
        self.says(self.dialect.was_closed)?;
        if self.dialect.ends_when_closed { self.process.wait_for_success() } else { Ok(()) }
    }

    /// How it talks.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.dialect.manner
    }

    fn says(&self, words: &str) -> Outcome {
        if self.dialect.is_a_log {
            self.process.wait_for_text(words)
        } else {
            self.process.wait_for_line(words).map(drop)
        }
    }
}

/// The first two numbers of a version: what follows them mends, and changes without notice.
fn series(version: &str) -> String {
    version.trim().splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// A free port, for servers that do not tell which one they got.
fn free_port() -> Outcome<SocketAddr> {
    free_ports().map(|[address]| address)
}

/// Free ports, one after the other.
///
/// They are none of those that systems hand out by themselves: between this moment and the server's start, all the other
/// sockets of a run are opened too, and one of them would get it now and then.
fn free_ports<const COUNT: usize>() -> Outcome<[SocketAddr; COUNT]> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in PORTS {
        // Runs beside each other begin far apart.
        let n =
            NEXT.fetch_add(u32::try_from(COUNT)?, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(64));
        let first = u16::try_from(n % u32::from(PORTS.end - PORTS.start))? + PORTS.start;
        let sockets = (first..).take(COUNT).map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)));
        // All of them are held until the last one is known to be free.
        if let Ok(sockets) = sockets.collect::<Result<Vec<_>, _>>() {
            let addresses: Vec<_> = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
            return Ok(addresses.try_into().map_err(|_| "there are more of them")?);
        }
    }
    Err("no port is free".into())
}

/// Below what Linux (32768), macOS and Windows (49152) hand out.
const PORTS: Range<u16> = 20_000..30_000;

/// Waits until a server listens there: until then the system sends a datagram back as refused. A server drops this
/// one, which is no record.
fn listens(address: SocketAddr) -> Outcome {
    let until = now() + PATIENCE;
    while now() < until {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        socket.connect(address)?;
        socket.send(b"?")?;
        match socket.recv(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::thread::sleep(TICK),
            _ => return Ok(()),
        }
    }
    Err(format!("nobody listens at {address}").into())
}

/// How long a refusal may take.
const TICK: Duration = Duration::from_millis(5);
