//! What every discard counter has to say.
//!
//! A [`Ledger`] sees each datagram that an end is given, and books under which [`DiscardReason`] each of its parts has to
//! be counted. It is told what the connection does not know, which records the peer really sent, and takes the rest from
//! the rules alone: sets and vectors, no windows of bits, no limits of memory. It can read sealed records, as [toy
//! cryptography](crate::toy) hides nothing.
//!
//! Three things it takes from the connection: whether it has ended, as that may be the doing of its timers; whether a
//! repeat of the peer's flight was answered, as that is a matter of time; and that what is in order and true is believed.
//! It knows no forged message that is well formed and fits the moment: nobody could say what becomes of the handshake.

use std::collections::{HashSet, VecDeque};

use sealgram::code::{ContentType, HandshakeType, ProtocolVersion};
use sealgram::{DiscardReason, Role, Stats};

use crate::ledger::parts::{Parts, Taken};

mod parts;

/// The books of one connection.
pub(crate) struct Ledger {
    parts: Parts,
    /// Whether the peer's keys are there.
    has_keys: bool,
    /// Whether both Finished messages are.
    is_complete: bool,
    has_ended: bool,
    seen: HashSet<u64>,
    /// Sealed records that wait for keys, and how many bytes of plaintext wait for the end of the handshake.
    stash: VecDeque<Vec<u8>>,
    stashed_bytes: usize,
    plaintext_bytes: usize,
    /// How many fragments repeated a message that is handled: each is counted, or makes us send our flight again.
    repeats: u64,
    counts: Counts,
}

type Counts = [u64; DiscardReason::ALL.len()];

/// A record as it stands in a datagram.
struct Record<'d> {
    content_type: ContentType,
    version: ProtocolVersion,
    epoch: u16,
    sequence: u64,
    whole: &'d [u8],
    body: &'d [u8],
}

/// Whether a sealed record is one that the peer sent to this very connection, which, if it is a client's, has heard this
/// server random.
pub(crate) type IsTrue<'t> = &'t dyn Fn(&[u8], Option<&[u8]>) -> bool;

impl Ledger {
    /// The books of a connection that has received nothing, and has its keys after one message of this type. A server
    /// behind a gate knows the message_seq of its hello.
    pub(crate) fn new(role: Role, reads_after: HandshakeType, hello: Option<u16>) -> Self {
        Self {
            parts: Parts::new(role, reads_after, hello),
            has_keys: false,
            is_complete: false,
            has_ended: false,
            seen: HashSet::new(),
            stash: VecDeque::new(),
            stashed_bytes: 0,
            plaintext_bytes: 0,
            repeats: 0,
            counts: [0; DiscardReason::ALL.len()],
        }
    }

    /// Books a datagram. `has_ended` says whether the connection had, before it came.
    pub(crate) fn book(&mut self, datagram: &[u8], has_ended: bool, is_true: IsTrue<'_>) {
        self.has_ended |= has_ended;
        if self.is_complete {
            // Its owner has taken what waited.
            self.plaintext_bytes = 0;
        }
        let mut rest = datagram;
        while !rest.is_empty() {
            if self.has_ended {
                self.count(DiscardReason::Closed);
                return;
            }
            let record = match first_record(rest) {
                Ok(record) => record,
                Err(reason) => return self.count(reason),
            };
            rest = &rest[record.whole.len()..];
            self.book_record(&record, is_true);
        }
    }

    /// The random of the ServerHello that a client has taken.
    pub(crate) fn server_random(&self) -> Option<&[u8]> {
        self.parts.server_random()
    }

    /// Compares the books with the counters of the connection; `answered` repeats of the peer's were met with our flight.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub(crate) fn reconcile(&mut self, role: Role, stats: &Stats, answered: u64, datagram: &[u8]) {
        let stale = self.repeats.checked_sub(answered);
        let stale = stale.unwrap_or_else(|| panic!("{role:?} sent its flight again and nobody had asked for it"));
        self.repeats = 0;
        self.counts[DiscardReason::StaleMessage as usize] += stale;
        for reason in DiscardReason::ALL {
            let (booked, counted) = (self.counts[*reason as usize], stats.discarded(*reason));
            assert_eq!(
                counted, booked,
                "counted (left) and booked (right) by {role:?} as {reason}, after {datagram:02x?}"
            );
        }
    }

    fn count(&mut self, reason: DiscardReason) {
        self.counts[reason as usize] += 1;
    }

    fn book_record(&mut self, record: &Record<'_>, is_true: IsTrue<'_>) {
        match self.open(record, is_true) {
            Ok(Some(content)) => {
                self.book_content(record, content);
                self.open_stash(is_true);
            }
            Ok(None) => {}
            Err(reason) => self.count(reason),
        }
    }

    /// What a record says; nothing if it is kept for later.
    fn open<'d>(&mut self, record: &Record<'d>, is_true: IsTrue<'_>) -> Result<Option<&'d [u8]>, DiscardReason> {
        check_header(record)?;
        match (record.epoch, self.has_keys) {
            (0, _) if self.is_complete => Err(DiscardReason::OldEpoch),
            (0, _) => check_content(record.content_type, record.body).map(Some),
            (1, true) => self.open_sealed(record, is_true).map(Some),
            (1, false) if self.put_in_stash(record.whole) => Ok(None),
            (1, false) => Err(DiscardReason::StashFull),
            (2.., _) => Err(DiscardReason::FutureEpoch),
        }
    }

    fn open_sealed<'d>(&mut self, record: &Record<'d>, is_true: IsTrue<'_>) -> Result<&'d [u8], DiscardReason> {
        let sealed = record.body.get(NONCE_LEN..).and_then(|sealed| sealed.split_last_chunk::<TAG_LEN>());
        let (content, _) = sealed.ok_or(DiscardReason::AuthenticationFailed)?;
        check_content(record.content_type, content)?;
        let newest = self.seen.iter().max().copied().unwrap_or(0);
        if self.seen.contains(&record.sequence) || record.sequence + WINDOW <= newest {
            return Err(DiscardReason::Replayed);
        }
        if !is_true(record.whole, self.parts.server_random()) {
            return Err(DiscardReason::AuthenticationFailed);
        }
        self.seen.insert(record.sequence);
        Ok(content)
    }

    fn book_content(&mut self, record: &Record<'_>, content: &[u8]) {
        match record.content_type {
            ContentType::APPLICATION_DATA if self.is_complete => {}
            ContentType::APPLICATION_DATA => self.put_plaintext_in_stash(content),
            ContentType::CHANGE_CIPHER_SPEC if record.epoch == 0 && content == [1] => {}
            ContentType::CHANGE_CIPHER_SPEC => self.count(DiscardReason::UntimelyChangeCipherSpec),
            ContentType::ALERT => self.book_alert(record.epoch, content),
            _ => self.book_fragments(record.epoch, content),
        }
    }

    /// Fatal alerts, close_notify and user_canceled end an association under keys, and are a hint before.
    fn book_alert(&mut self, epoch: u16, content: &[u8]) {
        let &[level @ (1 | 2), description] = content else { return self.count(DiscardReason::MalformedAlert) };
        match (epoch, level, description) {
            (0, 1, 1..=89 | 91..) => self.count(DiscardReason::WarningAlert),
            (0, ..) => self.count(DiscardReason::PlaintextAlert),
            (_, 1, 1..) => self.count(DiscardReason::WarningAlert),
            _ => self.has_ended = true,
        }
    }

    fn book_fragments(&mut self, epoch: u16, content: &[u8]) {
        let mut rest = content;
        while !rest.is_empty() && !self.has_ended {
            let Some((fragment, after)) = Fragment::read(rest) else {
                return self.count(DiscardReason::MalformedFragment);
            };
            rest = after;
            self.book_fragment(epoch, &fragment);
        }
    }

    fn book_fragment(&mut self, epoch: u16, fragment: &Fragment<'_>) {
        if self.is_complete {
            match fragment.msg_type {
                HandshakeType::FINISHED => self.repeats += 1,
                _ => self.count(DiscardReason::AfterHandshake),
            }
            return;
        }
        if fragment.msg_type == HandshakeType::HELLO_REQUEST {
            return self.count(DiscardReason::HelloRequest);
        }
        match self.parts.add(epoch, fragment) {
            Ok(is_repeat) => self.repeats += u64::from(is_repeat),
            Err(reason) => self.count(reason),
        }
        while let Some(taken) = self.parts.take() {
            match taken {
                Taken::Message => {}
                Taken::Ignored => self.count(DiscardReason::StaleMessage),
                Taken::KeyExchange { leftover } => {
                    self.has_keys = true;
                    self.count_leftover(leftover);
                }
                Taken::Finished { leftover } => {
                    self.is_complete = true;
                    self.count_leftover(leftover);
                }
            }
        }
    }

    fn count_leftover(&mut self, messages: usize) {
        (0..messages).for_each(|_| self.count(DiscardReason::LeftoverFragment));
    }

    // ---- the stash ----

    fn open_stash(&mut self, is_true: IsTrue<'_>) {
        while self.has_keys && !self.has_ended {
            let Some(sealed) = self.stash.pop_front() else { return };
            self.stashed_bytes -= sealed.len() + STASH_OVERHEAD;
            let record = first_record(&sealed).expect("it was one when it came");
            match self.open_sealed(&record, is_true) {
                Ok(content) => self.book_content(&record, content),
                Err(_) => self.count(DiscardReason::StashedUnreadable),
            }
        }
    }

    fn put_in_stash(&mut self, record: &[u8]) -> bool {
        let fits = self.stash_has_room(record.len());
        if fits {
            self.stashed_bytes += record.len() + STASH_OVERHEAD;
            self.stash.push_back(record.to_vec());
        }
        fits
    }

    fn put_plaintext_in_stash(&mut self, content: &[u8]) {
        if self.stash_has_room(content.len()) {
            self.plaintext_bytes += content.len() + STASH_OVERHEAD;
        } else {
            self.count(DiscardReason::StashFull);
        }
    }

    const fn stash_has_room(&self, len: usize) -> bool {
        self.stashed_bytes + self.plaintext_bytes + len + STASH_OVERHEAD <= STASH_LEN
    }
}

/// Why an endpoint without a connection drops this; nothing if it begins with the hello of an honest client.
pub(crate) fn dropped_at_the_gate(datagram: &[u8]) -> Option<DiscardReason> {
    if datagram.is_empty() {
        return Some(DiscardReason::NotDtls);
    }
    if let &[20..=63, 0xfe, _, 0, 0, _, _, _, _, _, _, l0, l1, ..] = datagram {
        // Of a record that may not be so long it does not ask whether it is there.
        if usize::from(u16::from_be_bytes([l0, l1])) > MAX_PLAINTEXT {
            return Some(DiscardReason::OversizedRecord);
        }
    }
    let record = match first_record(datagram) {
        Ok(record) => record,
        Err(reason) => return Some(reason),
    };
    if record.epoch != 0 || record.content_type != ContentType::HANDSHAKE {
        return Some(DiscardReason::NoRoute);
    }
    let Some((fragment, _)) = Fragment::read(record.body) else { return Some(DiscardReason::MalformedHello) };
    if fragment.msg_type != HandshakeType::CLIENT_HELLO || fragment.offset != 0 {
        return Some(DiscardReason::NoRoute);
    }
    (record.sequence >= 1 << 47).then_some(DiscardReason::ImplausibleHello)
}

/// The message_seq of the hello that a datagram begins with.
pub(crate) fn hello_message_seq(datagram: &[u8]) -> Option<u16> {
    let record = first_record(datagram).ok()?;
    Fragment::read(record.body).map(|(fragment, _)| fragment.message_seq)
}

/// A handshake fragment.
struct Fragment<'d> {
    msg_type: HandshakeType,
    length: usize,
    message_seq: u16,
    offset: usize,
    bytes: &'d [u8],
}

impl<'d> Fragment<'d> {
    /// The first one of these, if it fits its record and its message, and what follows it.
    fn read(content: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (&[t, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2], rest) = content.split_first_chunk()?;
        let u24 = |a, b, c| u32::from_be_bytes([0, a, b, c]) as usize;
        let (bytes, after) = rest.split_at_checked(u24(f0, f1, f2))?;
        let fragment = Self {
            msg_type: HandshakeType(t),
            length: u24(l0, l1, l2),
            message_seq: u16::from_be_bytes([s0, s1]),
            offset: u24(o0, o1, o2),
            bytes,
        };
        (fragment.offset + bytes.len() <= fragment.length).then_some((fragment, after))
    }
}

/// RFC 6347 section 4.1.
fn first_record(datagram: &[u8]) -> Result<Record<'_>, DiscardReason> {
    if !(20..=63).contains(&datagram[0]) {
        return Err(DiscardReason::NotDtls);
    }
    let header = datagram.split_first_chunk().ok_or(DiscardReason::TruncatedRecord)?;
    let (&[content_type, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1], rest) = header;
    if v0 != 0xfe {
        return Err(DiscardReason::WrongRecordVersion);
    }
    let body = rest.get(..usize::from(u16::from_be_bytes([l0, l1]))).ok_or(DiscardReason::TruncatedRecord)?;
    Ok(Record {
        content_type: ContentType(content_type),
        version: ProtocolVersion(u16::from_be_bytes([v0, v1])),
        epoch: u16::from_be_bytes([e0, e1]),
        sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
        whole: &datagram[..RECORD_HEADER_LEN + body.len()],
        body,
    })
}

fn check_header(record: &Record<'_>) -> Result<(), DiscardReason> {
    if record.epoch > 0 && record.version != ProtocolVersion::DTLS_1_2 {
        return Err(DiscardReason::WrongRecordVersion);
    }
    match (record.content_type.0, record.epoch) {
        (23, 0) => return Err(DiscardReason::PlaintextApplicationData),
        (20..=23, _) => {}
        _ => return Err(DiscardReason::UnknownContentType),
    }
    if record.body.len() > MAX_PLAINTEXT + 2048 { Err(DiscardReason::OversizedRecord) } else { Ok(()) }
}

fn check_content(content_type: ContentType, content: &[u8]) -> Result<&[u8], DiscardReason> {
    if content.len() > MAX_PLAINTEXT {
        Err(DiscardReason::OversizedRecord)
    } else if content.is_empty() && content_type != ContentType::APPLICATION_DATA {
        Err(DiscardReason::EmptyRecord)
    } else {
        Ok(content)
    }
}

const RECORD_HEADER_LEN: usize = 13;
const MAX_PLAINTEXT: usize = 1 << 14;
/// Of the toy suite.
const NONCE_LEN: usize = 8;
const TAG_LEN: usize = 16;
/// How far behind the newest record one may come (RFC 6347 section 4.1.2.6 prefers 64).
const WINDOW: u64 = 64;
/// The default of `TransportOptions::stash_len`, and what each entry costs beside its bytes.
const STASH_LEN: usize = 4096;
const STASH_OVERHEAD: usize = 64;
