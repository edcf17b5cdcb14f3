//! Two live ends, and somebody between them who can open and seal every record.
//!
//! A stranger is stopped by the tag, so a fuzzer that flips bits of datagrams never comes past it. Behind it stands all
//! that a peer may say: here records are opened, changed, and sealed again. Verify_data is the one thing that cannot be
//! forged so, and that two ends which both connect agree on their secrets is the law to hold.

use std::vec;

use sealgram::Status;
use sealgram::inspect::{self, RecordView};
use sealgram::internals::Choices;

use super::glass;
use crate::forge;
use crate::link::{Arrival, Link, Sent};
use crate::pair::{Pair, ROLES};

/// How each record is changed on its way, first in the handshake, then in what follows. Returns 1 if both ends
/// connected.
pub fn below_cipher(data: &[u8]) -> usize {
    let mut choices = Choices::new(data);
    let settings = choices.byte();
    let during = Meddler { bytes: choices.chunk().to_vec().into_iter() };
    let after = Meddler { bytes: choices.take(usize::MAX).to_vec().into_iter() };
    let mut builder = Pair::builder(u64::from(settings >> 4)).provider(&glass::PROVIDER).link(during);
    builder = builder.mtu(if settings & 1 == 0 { 1200 } else { 256 });
    if settings & 2 != 0 {
        builder = builder.trust_path();
    }
    let mut pair = builder.build();
    pair.settle();
    pair.assert_agreement();
    let is_connected = pair.is_connected();
    if is_connected {
        pair.set_link(after);
        for role in ROLES.into_iter().cycle().take(12) {
            if pair.status(role) == Status::Connected {
                pair.send(role, b"a payload");
                pair.settle();
            }
        }
    }
    is_connected.into()
}

/// Changes records as the bytes say; when they have run out, changes none.
struct Meddler {
    bytes: vec::IntoIter<u8>,
}

/// A record that is open.
struct Opened {
    content_type: u8,
    version: u16,
    epoch: u16,
    sequence: u64,
    content: Vec<u8>,
}

impl Link for Meddler {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut changed = Vec::new();
        for record in inspect::records(sent.datagram) {
            self.change(Opened::new(&record), &mut changed);
        }
        let whole = Arrival::whole(sent);
        if changed.is_empty() { Vec::new() } else { vec![Arrival { datagram: changed, ..whole }] }
    }
}

impl Meddler {
    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Writes what becomes of a record.
    fn change(&mut self, mut record: Opened, out: &mut Vec<u8>) {
        let choice = self.byte();
        match choice & 31 {
            1 | 2 => {
                let at = usize::from(self.u16()) % record.content.len().max(1);
                let mask = self.byte();
                record.content.get_mut(at).into_iter().for_each(|byte| *byte ^= mask);
            }
            // The fields of a fragment, an alert or a ChangeCipherSpec.
            3 | 4 => {
                let (at, value) = (usize::from(self.byte()) % 14, self.byte());
                record.content.get_mut(at).into_iter().for_each(|byte| *byte = value);
            }
            5 => record.content.truncate(usize::from(self.u16()) % (record.content.len() + 1)),
            6 => {
                let value = self.byte();
                record.content.extend(vec![value; usize::from(self.byte())]);
            }
            7 => record.content_type = self.byte(),
            8 => record.epoch = u16::from(self.byte() & 3),
            9 => record.sequence = u64::from(self.u16()) << (self.byte() % 32),
            10 => record.version = self.u16(),
            11 => record.seal(out),
            12 => return,
            13..=15 => self.insert(&record, out),
            _ => {}
        }
        record.seal(out);
    }

    /// A record that nobody sent: alerts, requests to renegotiate, anything.
    fn insert(&mut self, before: &Opened, out: &mut Vec<u8>) {
        let content_type = 20 + self.byte() % 5;
        let epoch = u16::from(self.byte() & 1);
        let sequence = before.sequence + 1000 + u64::from(self.byte());
        let len = usize::from(self.byte());
        let content = (0..len).map(|_| self.byte()).collect();
        Opened { content_type, epoch, sequence, content, ..*before }.seal(out);
    }
}

impl Opened {
    fn new(record: &RecordView<'_>) -> Self {
        let content = if record.is_protected() {
            let end = record.body.len().saturating_sub(glass::TAG_LEN);
            record.body.get(glass::NONCE_LEN..end).unwrap_or_default()
        } else {
            record.body
        };
        Self {
            content_type: record.content_type.0,
            version: record.version.0,
            epoch: record.epoch,
            sequence: record.sequence,
            content: content.to_vec(),
        }
    }

    fn seal(&self, out: &mut Vec<u8>) {
        let body = if self.epoch == 0 {
            self.content.clone()
        } else {
            let number = u64::from(self.epoch) << 48 | self.sequence;
            [&number.to_be_bytes(), &*self.content, &[0; glass::TAG_LEN]].concat()
        };
        let start = out.len();
        out.extend(forge::record(self.content_type, self.epoch, self.sequence, &body));
        out[start + 1..start + 3].copy_from_slice(&self.version.to_be_bytes());
    }
}
