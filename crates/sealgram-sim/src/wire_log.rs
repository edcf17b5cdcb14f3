//! What both ends have sent, and the laws that every datagram has to keep.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, HashSet};

use sealgram::Role;
use sealgram::code::ContentType;
use sealgram::inspect::{self, RecordView};

use crate::pair::index;

/// All datagrams sent so far, in order.
#[derive(Clone, Debug, Default)]
pub struct WireLog {
    entries: Vec<Entry>,
    /// Of the connections that each end has had, the latest last. An endpoint may have two at a time: one that is being
    /// replaced, and the newcomer, which may fail.
    connections: [Vec<Numbers>; 2],
    /// How long the connection IDs are in the records of each end, if it sends any.
    cid_lens: [usize; 2],
}

/// What one connection has used up.
#[derive(Clone, Debug, Default)]
struct Numbers {
    /// The record number that comes next, by epoch.
    next_sequence: BTreeMap<u16, u64>,
    nonces: HashSet<(u16, [u8; 8])>,
}

/// A datagram that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests read every field")]
pub struct Entry {
    /// Which end sent it.
    pub from: Role,
    /// When, counted from the beginning.
    pub at: Duration,
    /// Its bytes.
    pub datagram: Vec<u8>,
}

impl WireLog {
    /// Of ends that send connection IDs of these lengths, the client first.
    pub(crate) fn of_ids(cid_lens: [usize; 2]) -> Self {
        Self { cid_lens, ..Self::default() }
    }

    /// All datagrams, in the order in which they were sent.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The datagrams of one end.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.from == role)
    }

    /// The records of one end.
    pub fn records(&self, role: Role) -> impl Iterator<Item = RecordView<'_>> {
        self.of(role).flat_map(|entry| self.records_in(entry.from, &entry.datagram))
    }

    fn records_in<'d>(&self, from: Role, datagram: &'d [u8]) -> inspect::Records<'d> {
        inspect::records(datagram).with_connection_ids(self.cid_lens[index(from)])
    }

    /// How many datagrams there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in a datagram that a connection sent, and checks it.
    pub(crate) fn add(&mut self, from: Role, at: Duration, datagram: &[u8]) {
        self.check(from, datagram);
        self.add_reply(from, at, datagram);
    }

    /// Takes in what the gate of an endpoint answered. It keeps no state, so its record numbers are the client's.
    pub(crate) fn add_reply(&mut self, from: Role, at: Duration, datagram: &[u8]) {
        self.entries.push(Entry { from, at, datagram: datagram.to_vec() });
    }

    /// This end has a new connection: other keys, and numbers of its own.
    pub(crate) fn begin_anew(&mut self, role: Role) {
        self.connections[index(role)].push(Numbers::default());
    }

    /// What must be true of all that is ever sent.
    fn check(&mut self, from: Role, datagram: &[u8]) {
        let mut records = self.records_in(from, datagram);
        for record in records.by_ref() {
            if let Some(numbers) = self.numbers_of(from, &record) {
                numbers.check(from, &record);
            }
            if record.epoch == 0 {
                let is_data = record.content_type == ContentType::APPLICATION_DATA;
                assert!(!is_data, "{from:?} sent application data without protection");
                assert!(!record.body.is_empty(), "{from:?} sent an empty record: {record}");
            }
        }
        // REC-16: each record lies inside its datagram.
        assert!(records.unread().is_empty(), "{from:?} sent {} bytes that are no record", records.unread().len());
    }

    /// The numbers of the connection that sent this: the one that it is the next of, else one that has sent nothing in
    /// that epoch. `None` where that cannot be told: a newcomer begins in plaintext with the number of its hello, which
    /// may be the next one of the connection before it.
    fn numbers_of(&mut self, from: Role, record: &RecordView<'_>) -> Option<&mut Numbers> {
        let connections = &mut self.connections[index(from)];
        if connections.is_empty() {
            connections.push(Numbers::default());
        }
        if record.epoch == 0 && connections.len() > 1 {
            return None;
        }
        let next = |numbers: &Numbers| numbers.next_sequence.get(&record.epoch).copied();
        let is_next = connections.iter().rposition(|numbers| next(numbers) == Some(record.sequence));
        let is_new = || connections.iter().rposition(|numbers| next(numbers).is_none());
        let at = is_next.or_else(is_new).unwrap_or(connections.len() - 1);
        connections.get_mut(at)
    }
}

impl Numbers {
    fn check(&mut self, from: Role, record: &RecordView<'_>) {
        // REC-08 and I3: the number grows by one with every record of an epoch, whatever was lost and repeated.
        let expected = self.next_sequence.insert(record.epoch, record.sequence + 1);
        assert!(
            expected.is_none_or(|next| next == record.sequence),
            "{from:?} sent {record} where {expected:?} was next"
        );
        if record.epoch > 0 {
            let nonce = *record.body.first_chunk().expect("a protected record carries its nonce");
            assert!(self.nonces.insert((record.epoch, nonce)), "{from:?} repeated the nonce of {record}");
        }
    }
}

impl fmt::Display for WireLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            writeln!(f, "{index:>4} {:?} {:?}, {} bytes", entry.at, entry.from, entry.datagram.len())?;
            for record in self.records_in(entry.from, &entry.datagram) {
                writeln!(f, "       {record}")?;
                for fragment in record.fragments() {
                    writeln!(f, "         {fragment}")?;
                }
            }
        }
        Ok(())
    }
}
