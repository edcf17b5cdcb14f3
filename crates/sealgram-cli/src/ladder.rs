//! The handshake as a ladder: one line for each message, between the lifelines of client and server.
//!
//! Everything is read from the datagrams by [`sealgram::inspect`]. It has no keys, so of a sealed record it shows the
//! kind and the size.

use core::time::Duration;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sealgram::code::{AlertDescription, ContentType, HandshakeType};
use sealgram::inspect::{self, FragmentView, RecordView};
use sealgram_std::{Direction, Tap, TappedDatagram};

use crate::output::{Ink, Palette};

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// A datagram as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) sender: Sender,
    /// Since the client began.
    pub(crate) at: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// Keeps what a client sends and receives.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    captured: Mutex<Vec<Captured>>,
}

impl Recorder {
    /// What there is so far.
    pub(crate) fn captured(&self) -> Vec<Captured> {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tap for Recorder {
    fn datagram(&self, datagram: &TappedDatagram<'_>) {
        let TappedDatagram { at, bytes, .. } = *datagram;
        let sender = match datagram.direction {
            Direction::Sent => Sender::Client,
            Direction::Received => Sender::Server,
        };
        let captured = Captured { sender, at, bytes: bytes.to_vec() };
        self.captured.lock().unwrap_or_else(PoisonError::into_inner).push(captured);
    }
}

/// Draws the ladder: its lines, none longer than [`WIDTH`] columns.
pub(crate) fn draw(datagrams: &[Captured], palette: Palette) -> Vec<String> {
    let mut lines = heading(palette);
    let mut seen = HashSet::new();
    for section in sections(datagrams) {
        lines.push(label_line(&section, palette));
        for datagram in section.datagrams {
            let mut time = Some(datagram.at);
            for rung in rungs(datagram, &mut seen) {
                lines.push(rung_line(&rung, time.take(), palette));
            }
        }
    }
    lines
}

/// Datagrams in a row that belong together.
struct Section<'a> {
    kind: Kind,
    datagrams: &'a [Captured],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flight(u32),
    Data,
    Close,
}

/// A flight is what one side sends before it is the other's turn (RFC 6347 section 4.2.4).
fn sections(datagrams: &[Captured]) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut flights = 0;
    let mut rest = datagrams;
    while let Some(first) = rest.first() {
        let purpose = purpose(first);
        let len = rest
            .iter()
            .position(|next| {
                self::purpose(next) != purpose || purpose == Purpose::Handshake && next.sender != first.sender
            })
            .unwrap_or(rest.len());
        let (section, after) = rest.split_at(len);
        let kind = match purpose {
            Purpose::Handshake => {
                flights += 1;
                Kind::Flight(flights)
            }
            Purpose::Data => Kind::Data,
            Purpose::Close => Kind::Close,
        };
        sections.push(Section { kind, datagrams: section });
        rest = after;
    }
    sections
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Handshake,
    Data,
    Close,
}

fn purpose(datagram: &Captured) -> Purpose {
    match inspect::records(&datagram.bytes).next().map(|record| record.content_type) {
        Some(ContentType::APPLICATION_DATA) => Purpose::Data,
        Some(ContentType::ALERT) => Purpose::Close,
        _ => Purpose::Handshake,
    }
}

/// What a line of the ladder says.
struct Rung {
    sender: Sender,
    /// Epoch and sequence number of the record that the message is in.
    record: Option<(u16, u64)>,
    len: usize,
    text: String,
}

fn rungs(datagram: &Captured, seen: &mut HashSet<(Sender, u16, u32)>) -> Vec<Rung> {
    let sender = datagram.sender;
    let mut rungs = Vec::new();
    let mut records = inspect::records(&datagram.bytes);
    for record in &mut records {
        let mut number = Some((record.epoch, record.sequence));
        let mut fragments = record.fragments();
        for fragment in &mut fragments {
            let is_new = seen.insert((sender, fragment.message_seq, fragment.offset));
            let again = if is_new { "" } else { ", again" };
            let text = format!("{}{again}", describe_fragment(&fragment));
            rungs.push(Rung { sender, record: number.take(), len: fragment.bytes.len(), text });
        }
        if !fragments.unread().is_empty() {
            let len = fragments.unread().len();
            rungs.push(Rung { sender, record: number.take(), len, text: "what is no handshake message".into() });
        }
        if number.is_some() {
            rungs.push(Rung { sender, record: number, len: record.body.len(), text: describe_record(&record) });
        }
    }
    if !records.unread().is_empty() {
        let len = records.unread().len();
        rungs.push(Rung { sender, record: None, len, text: "what is no record".into() });
    }
    rungs
}

fn describe_fragment(fragment: &FragmentView<'_>) -> String {
    let name = handshake_name(fragment.msg_type);
    if !fragment.is_whole() {
        let range = fragment.range();
        return format!("{name}, bytes {} to {} of {}", range.start, range.end, fragment.length);
    }
    match fragment.msg_type {
        HandshakeType::CLIENT_HELLO if has_cookie(fragment.bytes) => format!("{name} with cookie"),
        _ => name,
    }
}

/// Whether a ClientHello has a cookie (RFC 6347 section 4.2.1): a version, a random, a session id and then the cookie.
fn has_cookie(hello: &[u8]) -> bool {
    let session_id_len = hello.get(34).copied().map(usize::from);
    session_id_len.and_then(|len| hello.get(35 + len)).is_some_and(|cookie_len| *cookie_len > 0)
}

fn describe_record(record: &RecordView<'_>) -> String {
    let sealed = record.is_protected();
    match (record.content_type, record.alert()) {
        (ContentType::CHANGE_CIPHER_SPEC, _) => "ChangeCipherSpec".into(),
        // The only handshake message that RFC 5246 section 7.3 has after ChangeCipherSpec.
        (ContentType::HANDSHAKE, _) if sealed => "Finished, encrypted".into(),
        (ContentType::APPLICATION_DATA, _) if sealed => "application data, encrypted".into(),
        (ContentType::ALERT, _) if sealed => "alert, encrypted".into(),
        (ContentType::ALERT, Some(alert)) => format!("alert {}", alert_name(alert.description)),
        (other, _) => format!("record of {other}"),
    }
}

/// The RFC's spelling: `ClientHello` for `CLIENT_HELLO`.
fn handshake_name(msg_type: HandshakeType) -> String {
    let Some(name) = msg_type.name() else { return msg_type.to_string() };
    let words = name.split('_').map(|word| match word.split_at_checked(1) {
        Some((initial, rest)) => initial.to_owned() + &rest.to_lowercase(),
        None => String::new(),
    });
    words.collect()
}

/// The RFC's spelling: `close_notify` for `CLOSE_NOTIFY`.
fn alert_name(description: AlertDescription) -> String {
    description.to_string().to_lowercase()
}

// ---- drawing ----

fn heading(palette: Palette) -> Vec<String> {
    let gap = SPAN + 2 - "client".len() - "server".len();
    let sides =
        format!("{}{}{}", palette.paint(Ink::Client, "client"), " ".repeat(gap), palette.paint(Ink::Server, "server"));
    let columns = format!("{:>TIME$}{:>RECORD$}{:>BYTES$}", "time", "record", "bytes");
    vec![format!("{}  {sides}", palette.paint(Ink::Quiet, &columns))]
}

fn label_line(section: &Section<'_>, palette: Palette) -> String {
    let bytes: usize = section.datagrams.iter().map(|datagram| datagram.bytes.len()).sum();
    let label = match section.kind {
        Kind::Flight(number) => format!("flight {number}: {bytes} bytes"),
        Kind::Data => "data".into(),
        Kind::Close => "close".into(),
    };
    let line = palette.paint(Ink::Quiet, "│");
    format!("{label:<LEFT$}  {line}{}{line}", " ".repeat(SPAN))
}

fn rung_line(rung: &Rung, time: Option<Duration>, palette: Palette) -> String {
    let time = time.map_or_else(String::new, describe_time);
    let record = rung.record.map_or_else(String::new, |(epoch, sequence)| format!("{epoch}:{sequence}"));
    let left = format!("{time:>TIME$}{record:>RECORD$}{:>BYTES$}", rung.len);
    let dashes = "─".repeat(SPAN.saturating_sub(rung.text.chars().count() + 4));
    let quiet = |text: &str| palette.paint(Ink::Quiet, text);
    match rung.sender {
        Sender::Client => {
            let text = palette.paint(Ink::Client, &rung.text);
            format!("{left}  {} {text} {}", quiet("├─"), quiet(&format!("{dashes}▶│")))
        }
        Sender::Server => {
            let text = palette.paint(Ink::Server, &rung.text);
            format!("{left}  {} {text} {}", quiet(&format!("│◀{dashes}")), quiet("─┤"))
        }
    }
}

fn describe_time(at: Duration) -> String {
    let seconds = at.as_secs_f64();
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1000.0) } else { format!("{seconds:.3} s") }
}

/// How wide the ladder is, in columns.
#[cfg(test)]
const WIDTH: usize = LEFT + 2 + 1 + SPAN + 1;
const TIME: usize = 10;
const RECORD: usize = 8;
const BYTES: usize = 8;
/// What stands left of the lifelines.
const LEFT: usize = TIME + RECORD + BYTES;
/// What lies between the lifelines.
const SPAN: usize = 62;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content_type: u8, epoch: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        let len = u16::try_from(body.len()).unwrap().to_be_bytes();
        let header = [content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence, len[0], len[1]];
        [&header, body].concat()
    }

    fn message(msg_type: HandshakeType, seq: u8, body: &[u8]) -> Vec<u8> {
        let len = u8::try_from(body.len()).unwrap();
        [&[msg_type.0, 0, 0, len, 0, seq, 0, 0, 0, 0, 0, len], body].concat()
    }

    fn client(micros: u64, bytes: Vec<u8>) -> Captured {
        Captured { sender: Sender::Client, at: Duration::from_micros(micros), bytes }
    }

    fn server(micros: u64, bytes: Vec<u8>) -> Captured {
        Captured { sender: Sender::Server, ..client(micros, bytes) }
    }

    fn hello(cookie_len: u8) -> Vec<u8> {
        let mut body = vec![0; 36 + usize::from(cookie_len)];
        body[35] = cookie_len;
        body
    }

    fn exchange() -> Vec<Captured> {
        vec![
            client(120, record(22, 0, 0, &message(HandshakeType::CLIENT_HELLO, 0, &hello(0)))),
            server(310, record(22, 0, 0, &message(HandshakeType::HELLO_VERIFY_REQUEST, 0, &[0; 35]))),
            client(400, record(22, 0, 1, &message(HandshakeType::CLIENT_HELLO, 1, &hello(32)))),
            client(1_001_000, record(22, 0, 2, &message(HandshakeType::CLIENT_HELLO, 1, &hello(32)))),
            server(
                1_002_000,
                [
                    record(22, 0, 1, &message(HandshakeType::SERVER_HELLO, 1, &[0; 70])),
                    record(20, 0, 2, &[1]),
                    record(22, 1, 0, &[0; 40]),
                ]
                .concat(),
            ),
            client(1_003_000, record(23, 1, 1, &[0; 29])),
            server(1_003_200, record(23, 1, 1, &[0; 30])),
            client(1_004_000, record(21, 1, 2, &[0; 26])),
        ]
    }

    #[test]
    fn a_ladder_names_every_message_flight_by_flight() {
        let expected = [
            "      time  record   bytes  client                                                    server",
            "flight 1: 61 bytes          │                                                              │",
            "   0.12 ms     0:0      36  ├─ ClientHello ───────────────────────────────────────────────▶│",
            "flight 2: 60 bytes          │                                                              │",
            "   0.31 ms     0:0      35  │◀──────────────────────────────────────── HelloVerifyRequest ─┤",
            "flight 3: 186 bytes         │                                                              │",
            "   0.40 ms     0:1      68  ├─ ClientHello with cookie ───────────────────────────────────▶│",
            "   1.001 s     0:2      68  ├─ ClientHello with cookie, again ────────────────────────────▶│",
            "flight 4: 162 bytes         │                                                              │",
            "   1.002 s     0:1      70  │◀─────────────────────────────────────────────── ServerHello ─┤",
            "               0:2       1  │◀────────────────────────────────────────── ChangeCipherSpec ─┤",
            "               1:0      40  │◀─────────────────────────────────────── Finished, encrypted ─┤",
            "data                        │                                                              │",
            "   1.003 s     1:1      29  ├─ application data, encrypted ───────────────────────────────▶│",
            "   1.003 s     1:1      30  │◀─────────────────────────────── application data, encrypted ─┤",
            "close                       │                                                              │",
            "   1.004 s     1:2      26  ├─ alert, encrypted ──────────────────────────────────────────▶│",
        ];
        assert_eq!(draw(&exchange(), Palette::PLAIN), expected);
    }

    #[test]
    fn all_lines_end_in_the_same_column() {
        for line in draw(&exchange(), Palette::PLAIN) {
            assert_eq!(line.chars().count(), WIDTH, "{line}");
        }
        const { assert!(WIDTH <= 100) };
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_such() {
        let garbage =
            [client(0, vec![1, 2, 3]), client(1, record(22, 0, 0, &[9; 5])), client(2, record(24, 1, 0, b""))];
        let text = draw(&garbage, Palette::PLAIN).join("\n");
        assert!(text.contains("what is no record"), "{text}");
        assert!(text.contains("what is no handshake message"), "{text}");
        assert!(text.contains("record of content type 24"), "{text}");
    }
}
