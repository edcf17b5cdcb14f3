//! A network that takes plaintext flights apart and puts their fragments together differently.
//!
//! No network does this. It stands for peers: each cuts its messages in its own way, and datagrams of a flight arrive
//! in any order (RFC 6347 section 4.2.3).

use core::time::Duration;

use sealgram::code::HandshakeType;
use sealgram::inspect::{self, FragmentView, RecordView};

use crate::link::{Arrival, DELAY, Link, Sent};
use crate::rng::SimRng;

/// Cuts every plaintext handshake message at random, and sends each piece in a datagram of its own, at a random time.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Recut {
    /// Where the cuts come from.
    pub rng: SimRng,
    /// The longest piece, in bytes.
    pub longest: usize,
    /// Whether pieces overlap, and some come twice.
    pub overlap: bool,
    /// How much later than another a piece may come.
    pub spread: Duration,
    /// Whether ClientHellos are left alone, as a gate without memory needs their beginning in one piece.
    pub spare_hellos: bool,
}

impl Link for Recut {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut pieces = Vec::new();
        for record in inspect::records(sent.datagram) {
            let is_hello = |fragment: FragmentView<'_>| fragment.msg_type == HandshakeType::CLIENT_HELLO;
            let is_spared = self.spare_hellos && record.fragments().any(is_hello);
            if is_spared || record.fragments().next().is_none() {
                pieces.push(encode_record(&record, record.body));
                continue;
            }
            for fragment in record.fragments() {
                self.cut(&record, &fragment, &mut pieces);
            }
        }
        let spread = DELAY..DELAY + self.spread;
        pieces.into_iter().map(|datagram| Arrival { after: self.rng.duration(&spread), datagram }).collect()
    }
}

impl Recut {
    fn cut(&mut self, record: &RecordView<'_>, fragment: &FragmentView<'_>, pieces: &mut Vec<Vec<u8>>) {
        let mut at = 0;
        loop {
            let len = self.rng.within(1..self.longest + 1).min(fragment.bytes.len() - at);
            let back = if self.overlap { self.rng.below(at.min(self.longest) + 1) } else { 0 };
            let piece = encode_record(record, &encode_fragment(fragment, at - back, at + len));
            if self.overlap && self.rng.permille(200) {
                pieces.push(piece.clone());
            }
            pieces.push(piece);
            at += len;
            if at == fragment.bytes.len() {
                return;
            }
        }
    }
}

/// The bytes `from..to` of a fragment, as a fragment.
#[must_use]
pub fn encode_fragment(fragment: &FragmentView<'_>, from: usize, to: usize) -> Vec<u8> {
    let u24 = |value: u32| value.to_be_bytes().into_iter().skip(1);
    let u32_of = |len: usize| u32::try_from(len).expect("shorter than a fragment");
    let mut bytes = vec![fragment.msg_type.0];
    bytes.extend(u24(fragment.length));
    bytes.extend(fragment.message_seq.to_be_bytes());
    bytes.extend(u24(fragment.offset + u32_of(from)));
    bytes.extend(u24(u32_of(to - from)));
    bytes.extend(&fragment.bytes[from..to]);
    bytes
}

/// A record like this one, with another body.
#[must_use]
pub fn encode_record(like: &RecordView<'_>, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![like.content_type.0];
    bytes.extend(like.version.0.to_be_bytes());
    bytes.extend(like.epoch.to_be_bytes());
    bytes.extend(like.sequence.to_be_bytes().into_iter().skip(2));
    bytes.extend(u16::try_from(body.len()).expect("a record body").to_be_bytes());
    bytes.extend(body);
    bytes
}
