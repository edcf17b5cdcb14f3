//! Fragments and the messages that they make.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

use super::Choices;
use crate::code::HandshakeType;
use crate::flight::reassembly::{Accepted, Message, Reassembly, Start};
use crate::wire::fragment::FragmentHeader;

/// The bytes are fragments of eight true messages, forgeries of them, and calls in any order. What comes out was
/// offered byte by byte under that very number, type, epoch and length; what needs no room and has no rival comes out
/// as soon as it is whole; memory stays within its limit; and in the end, once forgeries stop, the true messages get
/// through.
pub fn reassembly(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut run = Run::new(choices.byte() & 15);
    while !choices.is_empty() {
        match choices.below(11) {
            0 => run.take(choices.yes()),
            1 => run.confirm(choices.byte() & 7),
            2 => run.drop_epochs_before(u64::from(choices.byte() & 1)),
            3..=6 => run.give_true_fragment(&mut choices),
            _ => run.give_forged_fragment(&mut choices),
        }
        assert!(run.reassembly.memory() <= run.max_bytes);
    }
    run.assert_true_messages_get_through();
}

/// What tells one account of a message from another.
type Key = (u16, u64, HandshakeType, u32);

/// Which bytes were offered for each place of a message since it was last taken or given up.
type Offers = Vec<BTreeSet<u8>>;

struct Run {
    reassembly: Reassembly,
    max_bytes: usize,
    offered: BTreeMap<Key, Offers>,
    /// The message_seq that is due.
    due: u16,
    oldest_epoch: u64,
    /// Nothing was refused, given up or contradicted: then a message that is whole must come out.
    is_peaceful: bool,
}

impl Run {
    fn new(first: u8) -> Self {
        let due = u16::from(first);
        Self {
            reassembly: Reassembly::new(Start::At(due), LONGEST),
            // Two rivals of a message, each in the worst of pieces.
            max_bytes: 2 * (LONGEST as usize * 3 / 2 + 1024),
            offered: BTreeMap::new(),
            due,
            oldest_epoch: 0,
            is_peaceful: true,
        }
    }

    fn give_true_fragment(&mut self, choices: &mut Choices<'_>) {
        let message = TrueMessage::number(self.due.saturating_add(u16::from(choices.byte() & 3)));
        let start = choices.below(message.body.len() + 1);
        let len = choices.below(message.body.len() - start + 1);
        self.give(self.oldest_epoch, &message.header(start..start + len), &message.body[start..start + len]);
    }

    /// Anything but true, more often than not in one respect only.
    fn give_forged_fragment(&mut self, choices: &mut Choices<'_>) {
        let message = TrueMessage::number(self.due.saturating_add(u16::from(choices.byte() % 20)));
        let start = choices.below(message.body.len() + 1);
        let len = choices.below(message.body.len() - start + 1);
        let mut header = message.header(start..start + len);
        let mut bytes = message.body[start..start + len].to_vec();
        let mut epoch = self.oldest_epoch;
        match choices.byte() & 7 {
            0 => bytes.iter_mut().for_each(|byte| *byte ^= 0x55),
            1 => header.length = u32::from(choices.u16()),
            2 => header.msg_type = HandshakeType(choices.byte()),
            3 => header.offset = u32::from(choices.u16()),
            4 => header.fragment_length = u32::from(choices.u16()),
            5 => header.message_seq = choices.u16(),
            6 => epoch = u64::from(choices.byte() & 3),
            _ => {
                bytes = choices.take(40).to_vec();
                header.fragment_length = u32::try_from(bytes.len()).unwrap_or(0);
            }
        }
        self.give(epoch, &header, &bytes);
    }

    fn give(&mut self, epoch: u64, header: &FragmentHeader, bytes: &[u8]) {
        let accepted = self.reassembly.accept(epoch, header, bytes);
        match accepted {
            Ok(Accepted::Repeated) => assert!(header.message_seq < self.due),
            Err(_) => self.is_peaceful = false,
            Ok(Accepted::Stored) => {
                assert!(header.message_seq >= self.due && epoch >= self.oldest_epoch && header.length <= LONGEST);
                let range = header.range().expect("a fragment that is stored lies inside its message");
                assert_eq!(range.len(), bytes.len());
                self.note(epoch, header, bytes);
            }
        }
        // Beyond a quarter of its room it may have to give something up.
        self.is_peaceful &= self.reassembly.memory() < self.max_bytes / 4;
    }

    fn note(&mut self, epoch: u64, header: &FragmentHeader, bytes: &[u8]) {
        if bytes.is_empty() && header.length > 0 {
            return;
        }
        let key = (header.message_seq, epoch, header.msg_type, header.length);
        let offers = self.offered.entry(key).or_insert_with(|| alloc::vec![BTreeSet::new(); header.length as usize]);
        for (offers, byte) in offers.iter_mut().skip(header.offset as usize).zip(bytes) {
            offers.insert(*byte);
        }
        let rivals = self.offered.keys().filter(|(message_seq, ..)| *message_seq == header.message_seq).count();
        self.is_peaceful &= rivals == 1;
    }

    fn take(&mut self, confirms: bool) {
        if let Some(message) = self.take_checked() {
            if confirms {
                self.confirm_number(message.message_seq);
            }
        }
    }

    /// The next message, held against what was offered.
    fn take_checked(&mut self) -> Option<Message> {
        let message = self.reassembly.take_next();
        let Some(message) = message else {
            let is_whole = |offers: &Offers| offers.iter().all(|bytes| !bytes.is_empty());
            let is_ready = |(key, offers): (&Key, &Offers)| key.0 == self.due && is_whole(offers);
            assert!(!self.is_peaceful || !self.offered.iter().any(is_ready), "a message that is whole is held back");
            return None;
        };
        let Message { msg_type, message_seq, epoch, ref body } = message;
        assert_eq!(message_seq, self.due);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let offers = self.offered.remove(&(message_seq, epoch, msg_type, length)).expect("it was offered");
        assert!(body.iter().zip(&offers).all(|(byte, offers)| offers.contains(byte)), "no byte comes from elsewhere");
        Some(message)
    }

    fn confirm(&mut self, ahead: u8) {
        // As a connection does: what is confirmed was due, or a little later where a peer counts from elsewhere.
        self.confirm_number(self.due.saturating_add(u16::from(ahead & 1)));
    }

    fn confirm_number(&mut self, message_seq: u16) {
        self.reassembly.confirm(message_seq);
        self.due = self.due.max(message_seq.saturating_add(1));
        assert_eq!(self.reassembly.next_message_seq(), self.due);
        self.offered.retain(|(message_seq, ..), _| *message_seq >= self.due);
    }

    fn drop_epochs_before(&mut self, epoch: u64) {
        self.oldest_epoch = self.oldest_epoch.max(epoch);
        self.reassembly.drop_epochs_before(epoch);
        self.offered.retain(|(_, theirs, ..), _| *theirs >= epoch);
    }

    /// Forgeries have stopped. Two transmissions of a message are enough, even if it was forged under its very type and
    /// length: the first completes the forgery, which is refused, and the second is the message.
    fn assert_true_messages_get_through(&mut self) {
        for _ in 0..4 {
            let message = TrueMessage::number(self.due);
            let gets_through = (0..2).any(|attempt| {
                let size = 100 + 333 * attempt;
                for start in (0..message.body.len().max(1)).step_by(size) {
                    let range = start..(start + size).min(message.body.len());
                    let header = message.header(range.clone());
                    let _ = self.reassembly.accept(self.oldest_epoch, &header, &message.body[range]);
                    // As a connection does after every fragment: what is not the true one is refused.
                    while let Some(taken) = self.reassembly.take_next() {
                        if taken.msg_type == message.msg_type && taken.body == message.body {
                            return true;
                        }
                    }
                }
                false
            });
            assert!(gets_through, "message {} does not get through", self.due);
            self.confirm_number(self.due);
        }
    }
}

/// What an honest peer would say.
struct TrueMessage {
    msg_type: HandshakeType,
    message_seq: u16,
    body: Vec<u8>,
}

impl TrueMessage {
    /// One message for each number, of one of eight lengths.
    fn number(message_seq: u16) -> Self {
        let length = [1, 90, 900, 0, 13, 255, 600, 300][usize::from(message_seq & 7)];
        let msg_type = if length == 0 { HandshakeType::SERVER_HELLO_DONE } else { HandshakeType::CERTIFICATE };
        let [_, low] = message_seq.to_be_bytes();
        let body = (0..length).map(|at: usize| at.to_le_bytes()[0].wrapping_mul(7).wrapping_add(low)).collect();
        Self { msg_type, message_seq, body }
    }

    fn header(&self, range: Range<usize>) -> FragmentHeader {
        let number = |len: usize| u32::try_from(len).expect("a short message");
        FragmentHeader {
            msg_type: self.msg_type,
            length: number(self.body.len()),
            message_seq: self.message_seq,
            offset: number(range.start),
            fragment_length: number(range.len()),
        }
    }
}

/// The longest message that is taken, in bytes.
const LONGEST: u32 = 1024;
