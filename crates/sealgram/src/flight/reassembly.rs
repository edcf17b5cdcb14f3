//! Fragments in, whole messages in order out (RFC 6347 section 4.2.3).
//!
//! In epoch 0 anybody can forge a fragment, so three things hold whatever arrives:
//!
//! - Memory grows by what has come in, never by what a header claims, and stops at a limit.
//! - Fragments that disagree about the type or the length of a message are never merged. They are rival *versions* of
//!   it, two of which are held at a time; a third takes the place of the one that was quiet for longest.
//! - The message that is due next finds room, at the cost of later ones if need be. Once forgeries stop, one complete
//!   transmission of it is enough, or two if some of the forged bytes claimed its very type and length.
//!
//! Whether a message is good is for the caller to say: [`Reassembly::take_next`] hands it out and moves nothing,
//! [`Reassembly::confirm`] moves on.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::code::HandshakeType;
use crate::stats::DiscardReason;
use crate::wire::fragment::FragmentHeader;

use super::lengths::check_length;
use super::partial::Partial;

/// A whole handshake message, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) msg_type: HandshakeType,
    pub(crate) message_seq: u16,
    /// The epoch of the records that carried its fragments.
    pub(crate) epoch: u64,
    pub(crate) body: Vec<u8>,
}

/// Which message comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// The one with this message_seq: what comes before it is a repeat.
    At(u16),
    /// Not known yet: one of these types, with this message_seq or one of the 15 after it. Other messages wait.
    ///
    /// A client begins like this, because servers differ in whether their HelloVerifyRequest takes a message_seq; a server
    /// does, because a client that is sent another cookie gives up the hello before. The first message that is confirmed
    /// settles the numbers; one that is taken and not confirmed settles nothing.
    Opening { from: u16, types: &'static [HandshakeType] },
}

/// What became of a fragment that was not discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It was kept, or there was nothing new in it.
    Stored,
    /// It belongs to a message that was confirmed before: the peer sends its flight again.
    Repeated,
}

/// The handshake messages of one peer that are not complete, or not taken yet.
#[derive(Debug)]
pub(crate) struct Reassembly {
    /// `At` the message that is due next, once that is known.
    due: Start,
    /// Fragments of earlier epochs are refused.
    oldest_epoch: u64,
    /// The longest message of a type that has no shorter limit of its own, in bytes. In effect a certificate chain.
    max_message_len: u32,
    /// What all incomplete messages together may take, in bytes: what two rivals of the longest need.
    max_bytes: usize,
    /// At most [`RIVALS`] for a message_seq, of at most [`WINDOW`] message_seqs. The one that a fragment touched most
    /// recently is the last.
    versions: Vec<Version>,
}

/// One account of what the message with this number is.
#[derive(Debug)]
struct Version {
    message_seq: u16,
    epoch: u64,
    msg_type: HandshakeType,
    partial: Partial,
}

impl Reassembly {
    /// Holds nothing and allocates nothing until a fragment is accepted.
    pub(crate) fn new(start: Start, max_message_len: u32) -> Self {
        // Honest fragments that come in the worst order cost their run each. Half a message more, and a KiB for short
        // messages in tiny pieces, let one of the longest through in fragments of 64 bytes and up.
        let longest = max_message_len as usize;
        let one_version = longest.saturating_add(longest / 2).saturating_add(1024);
        let max_bytes = one_version.saturating_mul(RIVALS);
        Self { due: start, oldest_epoch: 0, max_message_len, max_bytes, versions: Vec::new() }
    }

    /// Takes in one fragment, which came in a record of `epoch`.
    ///
    /// # Errors
    ///
    /// The reason why the fragment changed nothing. Of these, `OversizedMessage` and `WrongMessageLength` say that a
    /// message of that type cannot be what the header claims, and `Doubtful` that it cannot be the first of all, as which
    /// it is numbered: worth a doubt if the message is due.
    pub(crate) fn accept(
        &mut self,
        epoch: u64,
        header: &FragmentHeader,
        bytes: &[u8],
    ) -> Result<Accepted, DiscardReason> {
        let range = header.range().filter(|range| range.len() == bytes.len());
        let range = range.ok_or(DiscardReason::MalformedFragment)?;
        let first = self.next_message_seq();
        if header.message_seq < first {
            return Ok(Accepted::Repeated);
        }
        if header.message_seq.saturating_sub(first) >= WINDOW {
            return Err(DiscardReason::FutureMessage);
        }
        if epoch < self.oldest_epoch {
            return Err(DiscardReason::LeftoverFragment);
        }
        let is_nothing_of_something = range.is_empty() && header.length > 0;
        if !is_nothing_of_something && !self.may_open(header) {
            return Err(DiscardReason::Doubtful);
        }
        check_length(header, self.max_message_len)?;
        // Legal, and worth not even a place (RFC 6347 section 4.2.3 does not forbid it).
        if is_nothing_of_something {
            return Ok(Accepted::Stored);
        }

        let mut version = self.claim(epoch, header)?;
        let distance = self.distance(&version);
        if !self.fits(&version, version.partial.cost_of(range.clone())) {
            // So scattered that it outgrew its share: not what an honest sender produces. Begin again with this
            // fragment, so that bytes forged in advance cannot keep the message out.
            version.partial = Partial::new(header.length);
        }
        let added = version.partial.cost_of(range.clone());
        let has_room = self.make_room(distance, version.cost().saturating_add(added));
        if has_room {
            version.partial.add(range, bytes);
        }
        if has_room || version.partial.cost() > 0 {
            self.versions.push(version);
        }
        if has_room { Ok(Accepted::Stored) } else { Err(DiscardReason::ReassemblyFull) }
    }

    /// The next message in order, if all of it is there. It is the caller's now.
    ///
    /// What is due next stays the same until [`Reassembly::confirm`]: a message that turns out to be forged leaves room
    /// for the true one, and a rival that is on its way is kept.
    pub(crate) fn take_next(&mut self) -> Option<Message> {
        let (index, _) = self
            .versions
            .iter()
            .enumerate()
            .filter(|(_, version)| self.is_ready(version))
            .min_by_key(|(_, version)| version.message_seq)?;
        let Version { message_seq, epoch, msg_type, partial } = self.versions.remove(index);
        Some(Message { msg_type, message_seq, epoch, body: partial.into_body() })
    }

    /// The message with this number was good: the next one is due, and its rivals are forgotten.
    pub(crate) fn confirm(&mut self, message_seq: u16) {
        if message_seq < self.next_message_seq() {
            return;
        }
        // No handshake comes near the last number, so it does not matter that it is never passed.
        self.due = Start::At(message_seq.saturating_add(1));
        self.versions.retain(|version| version.message_seq > message_seq);
    }

    /// Forgets what came in epochs before this one, and refuses it from now on; the number of messages forgotten.
    ///
    /// Called when the read keys of `epoch` are installed. All that belongs to earlier epochs has been handled by then,
    /// so what is left was forged or is of no use, and must not stand in the way of the messages of this epoch.
    pub(crate) fn drop_epochs_before(&mut self, epoch: u64) -> usize {
        self.oldest_epoch = self.oldest_epoch.max(epoch);
        let before = self.versions.len();
        self.versions.retain(|version| version.epoch >= epoch);
        before.saturating_sub(self.versions.len())
    }

    /// The number of the message that is due next; as long as that is open, the first that it may have.
    pub(crate) fn next_message_seq(&self) -> u16 {
        match self.due {
            Start::At(next) => next,
            Start::Opening { from, .. } => from,
        }
    }

    /// The bytes that incomplete messages take, bookkeeping included. The allocator may hold up to twice that.
    pub(crate) fn memory(&self) -> usize {
        self.versions.iter().fold(0, |sum, version| sum.saturating_add(version.cost()))
    }

    /// Takes out the version that the fragment belongs to, or makes one and a place for it among its rivals.
    fn claim(&mut self, epoch: u64, header: &FragmentHeader) -> Result<Version, DiscardReason> {
        let &FragmentHeader { msg_type, length, message_seq, .. } = header;
        let known = self.versions.iter().position(|version| {
            (version.message_seq, version.epoch, version.msg_type) == (message_seq, epoch, msg_type)
                && version.partial.length() == length
        });
        if let Some(known) = known {
            return Ok(self.versions.remove(known));
        }
        match self.place_among_rivals(message_seq) {
            Ok(()) => {}
            Err(Some(quiet)) => drop(self.versions.remove(quiet)),
            Err(None) => return Err(DiscardReason::InconsistentFragment),
        }
        Ok(Version { message_seq, epoch, msg_type, partial: Partial::new(length) })
    }

    /// Whether one more version of this message may be held. If not, the one to give up, unless both are ready.
    fn place_among_rivals(&self, message_seq: u16) -> Result<(), Option<usize>> {
        let rivals = || self.versions.iter().enumerate().filter(|(_, version)| version.message_seq == message_seq);
        if rivals().count() < RIVALS {
            return Ok(());
        }
        Err(rivals().find(|(_, version)| !self.is_ready(version)).map(|(index, _)| index))
    }

    /// Gives up versions, those farthest from being due first, until `cost` more bytes fit.
    ///
    /// Never gives up one that is nearer to being due than `distance`, nor one that only waits to be taken.
    fn make_room(&mut self, distance: u16, cost: usize) -> bool {
        while self.memory().saturating_add(cost) > self.max_bytes {
            let victim = self
                .versions
                .iter()
                .enumerate()
                .map(|(index, version)| (self.distance(version), Reverse(index), self.is_ready(version)))
                .filter(|(theirs, _, ready)| *theirs > distance || (distance == 0 && *theirs == 0 && !ready))
                .max();
            let Some((_, Reverse(index), _)) = victim else { return false };
            self.versions.remove(index);
        }
        true
    }

    /// Whether the version stays within its share of the memory if it grows by `added`.
    ///
    /// With equal shares for rivals, neither can push the other out by growing.
    fn fits(&self, version: &Version, added: usize) -> bool {
        version.cost().saturating_add(added) <= self.max_bytes / RIVALS
    }

    /// How far the message is from being due. 0: it may be the next.
    fn distance(&self, version: &Version) -> u16 {
        match self.due {
            Start::At(next) => version.message_seq.saturating_sub(next),
            Start::Opening { types, .. } if types.contains(&version.msg_type) => 0,
            Start::Opening { from, .. } => version.message_seq.saturating_sub(from).saturating_add(1),
        }
    }

    /// Whether the fragment may be of the first message, or come after it. Which number that has may not be known, but
    /// nothing comes before the first that it may have.
    fn may_open(&self, header: &FragmentHeader) -> bool {
        match self.due {
            Start::Opening { from, types } => header.message_seq > from || types.contains(&header.msg_type),
            Start::At(_) => true,
        }
    }

    /// Whether the message can be taken as it stands.
    fn is_ready(&self, version: &Version) -> bool {
        self.distance(version) == 0 && version.partial.is_complete()
    }
}

impl Version {
    fn cost(&self) -> usize {
        self.partial.cost().saturating_add(size_of::<Self>())
    }
}

/// How many messages ahead of the one that is due are kept. The longest flight of DTLS 1.2 has eight.
const WINDOW: u16 = 16;

/// How many versions of one message are held. With two, one forged fragment does not keep the true message out.
const RIVALS: usize = 2;

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use core::ops::Range;

    use super::*;
    use crate::flight::chance::Rng;

    const LONGEST: u32 = 4096;
    const HELLOS: &[HandshakeType] = &[HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO];

    /// One message on its way.
    #[derive(Clone, Debug)]
    struct Sent {
        msg_type: HandshakeType,
        message_seq: u16,
        body: Vec<u8>,
    }

    type Fragment = (FragmentHeader, Vec<u8>);

    impl Sent {
        fn new(msg_type: HandshakeType, message_seq: u16, body: impl Into<Vec<u8>>) -> Self {
            Self { msg_type, message_seq, body: body.into() }
        }

        fn length(&self) -> u32 {
            u32::try_from(self.body.len()).unwrap()
        }

        fn fragment(&self, range: Range<u32>) -> Fragment {
            let header = FragmentHeader {
                msg_type: self.msg_type,
                length: self.length(),
                message_seq: self.message_seq,
                offset: range.start,
                fragment_length: range.end - range.start,
            };
            (header, self.body[range.start as usize..range.end as usize].to_vec())
        }

        fn whole(&self) -> Fragment {
            self.fragment(0..self.length())
        }

        fn cut(&self, size: u32) -> Vec<Fragment> {
            if self.body.is_empty() {
                return vec![self.whole()];
            }
            let starts = (0..self.length()).step_by(size as usize);
            starts.map(|start| self.fragment(start..(start + size).min(self.length()))).collect()
        }
    }

    /// As in a server's flight: a few messages of different length, from `message_seq` on.
    fn flight(message_seq: u16, rng: &mut Rng) -> Vec<Sent> {
        let types = [(HandshakeType::SERVER_HELLO, 90), (HandshakeType::CERTIFICATE, 900), (HandshakeType(99), 150)];
        let mut messages: Vec<Sent> = (message_seq..)
            .zip(types)
            .map(|(seq, (msg_type, most))| {
                Sent::new(msg_type, seq, {
                    let len = 1 + rng.below(most);
                    rng.bytes(len)
                })
            })
            .collect();
        messages.push(Sent::new(HandshakeType::SERVER_HELLO_DONE, message_seq + 3, []));
        messages
    }

    fn at(next: u16) -> Reassembly {
        Reassembly::new(Start::At(next), LONGEST)
    }

    fn give(reassembly: &mut Reassembly, (header, bytes): &Fragment) -> Result<Accepted, DiscardReason> {
        reassembly.accept(0, header, bytes)
    }

    /// Takes and confirms all that is ready.
    fn drain(reassembly: &mut Reassembly) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        while let Some(message) = reassembly.take_next() {
            reassembly.confirm(message.message_seq);
            taken.push(message.body);
        }
        taken
    }

    fn certificate(seq: u16, len: usize) -> Sent {
        Sent::new(HandshakeType::CERTIFICATE, seq, (0..len).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>())
    }

    /// FRG-07: every order of four fragments gives the message, and nothing gives it before the last.
    #[test]
    fn every_order_of_four_fragments_completes_the_message() {
        let message = certificate(3, 400);
        let fragments = message.cut(100);
        for order in 0..24_usize {
            let (mut rest, mut code) = (fragments.clone(), order);
            let mut reassembly = at(3);
            for left in (1..=4).rev() {
                assert!(reassembly.take_next().is_none());
                give(&mut reassembly, &rest.remove(code % left)).unwrap();
                code /= left;
            }
            let taken = reassembly.take_next().unwrap();
            assert_eq!((taken.message_seq, taken.body), (3, message.body.clone()), "order {order}");
        }
    }

    /// FRG-09: two transmissions cut at different places, each with losses, add up to the message.
    #[test]
    fn fragments_of_two_cuts_combine() {
        let message = certificate(0, 1200);
        let (first, second) = (message.cut(500), message.cut(200));
        let mut reassembly = at(0);
        for fragment in [&first[0], &first[2], &second[0], &second[2], &second[4]] {
            give(&mut reassembly, fragment).unwrap();
        }
        assert!(reassembly.take_next().is_none(), "600..800 was in no fragment that arrived");
        give(&mut reassembly, &second[3]).unwrap();
        assert_eq!(drain(&mut reassembly), [message.body]);
    }

    /// FRG-05, FRG-13: messages whose fragments come interleaved and out of order come out apart and in order.
    #[test]
    fn interleaved_messages_are_kept_apart() {
        let (first, second) = (certificate(2, 300), Sent::new(HandshakeType::SERVER_KEY_EXCHANGE, 3, [7; 300]));
        let mut reassembly = at(2);
        for (a, b) in first.cut(100).iter().zip(second.cut(100)) {
            give(&mut reassembly, &b).unwrap();
            give(&mut reassembly, a).unwrap();
        }
        assert_eq!(drain(&mut reassembly), [first.body, second.body]);
        assert_eq!((reassembly.memory(), reassembly.next_message_seq()), (0, 4));
    }

    /// FRG-04: a message that was confirmed is a repeat, and takes no memory.
    #[test]
    fn a_confirmed_message_is_only_ever_a_repeat() {
        let message = certificate(5, 30);
        let mut reassembly = at(5);
        assert_eq!(give(&mut reassembly, &message.whole()), Ok(Accepted::Stored));
        assert_eq!(drain(&mut reassembly).len(), 1);
        assert_eq!(give(&mut reassembly, &message.whole()), Ok(Accepted::Repeated));
        assert_eq!(give(&mut reassembly, &certificate(0, 9).whole()), Ok(Accepted::Repeated));
        assert_eq!((reassembly.memory(), reassembly.take_next()), (0, None));
    }

    /// FRG-06: sixteen messages ahead and not one more.
    #[test]
    fn a_message_far_ahead_is_dropped() {
        let mut reassembly = at(4);
        assert_eq!(give(&mut reassembly, &certificate(19, 9).whole()), Ok(Accepted::Stored));
        for far in [20, 500, u16::MAX] {
            assert_eq!(give(&mut reassembly, &certificate(far, 9).whole()), Err(DiscardReason::FutureMessage));
        }
    }

    /// FRG-11: a header that contradicts itself, or the bytes that came with it.
    #[test]
    fn contradictory_lengths_are_dropped() {
        let (header, bytes) = certificate(0, 100).fragment(40..60);
        let mut reassembly = at(0);
        let outside = FragmentHeader { offset: 81, ..header };
        let wrapping = FragmentHeader { offset: u32::MAX, ..header };
        for (header, bytes) in [(outside, &bytes[..]), (wrapping, &bytes[..]), (header, &bytes[1..])] {
            assert_eq!(reassembly.accept(0, &header, bytes), Err(DiscardReason::MalformedFragment));
        }
        assert_eq!(reassembly.memory(), 0);
    }

    /// FRG-12: another length or another type is another message, and the true one completes beside it.
    #[test]
    fn fragments_that_disagree_are_never_merged() {
        let message = certificate(1, 100);
        let longer = certificate(1, 200);
        let other_type = Sent::new(HandshakeType::SERVER_KEY_EXCHANGE, 1, [9; 100]);
        for forged in [longer, other_type] {
            let mut reassembly = at(1);
            give(&mut reassembly, &forged.fragment(0..50)).unwrap();
            give(&mut reassembly, &message.fragment(50..100)).unwrap();
            assert!(reassembly.take_next().is_none());
            give(&mut reassembly, &message.fragment(0..50)).unwrap();
            assert_eq!(drain(&mut reassembly).concat(), message.body);
        }
    }

    /// FRG-10: bytes that disagree with earlier ones do not replace them, and the message completes all the same.
    #[test]
    fn the_first_bytes_win() {
        let (message, forged) = (certificate(1, 100), Sent::new(HandshakeType::CERTIFICATE, 1, [0xff; 100]));
        let mut reassembly = at(1);
        give(&mut reassembly, &forged.fragment(10..12)).unwrap();
        give(&mut reassembly, &message.whole()).unwrap();
        let mut mixed = message.body.clone();
        mixed[10..12].fill(0xff);
        assert_eq!(reassembly.take_next().unwrap().body, mixed);
        // It was not confirmed, so the next transmission is the true message.
        give(&mut reassembly, &message.whole()).unwrap();
        assert_eq!(drain(&mut reassembly), [message.body]);
    }

    /// FRG-14: any number of empty fragments of a message that is not empty leave no trace.
    #[test]
    fn empty_fragments_of_a_message_leave_no_trace() {
        let message = certificate(1, 100);
        let mut reassembly = at(1);
        for n in 0..10_000_u32 {
            assert_eq!(give(&mut reassembly, &message.fragment(n % 101..n % 101)), Ok(Accepted::Stored));
        }
        assert_eq!((reassembly.memory(), reassembly.versions.capacity()), (0, 0));
    }

    /// FRG-15: one empty fragment is all of an empty message.
    #[test]
    fn an_empty_message_is_whole_with_one_fragment() {
        let mut reassembly = at(4);
        give(&mut reassembly, &Sent::new(HandshakeType::SERVER_HELLO_DONE, 4, []).whole()).unwrap();
        assert_eq!(reassembly.take_next().unwrap().msg_type, HandshakeType::SERVER_HELLO_DONE);
    }

    /// FRG-16, FRG-17: the claimed length buys no memory, and one that the type cannot have not even a place.
    #[test]
    fn memory_is_claimed_by_bytes_and_not_by_lengths() {
        let mut reassembly = Reassembly::new(Start::At(0), 1 << 16);
        let (header, bytes) = certificate(0, 1 << 16).fragment(0..1);
        assert_eq!(reassembly.accept(0, &header, &bytes), Ok(Accepted::Stored));
        let memory = reassembly.memory();
        assert!(memory < 256, "{memory}");
        let vast = FragmentHeader { length: (1 << 24) - 1, ..header };
        assert_eq!(reassembly.accept(0, &vast, &bytes), Err(DiscardReason::OversizedMessage));
        let finished = Sent::new(HandshakeType::FINISHED, 0, [0; 13]);
        assert_eq!(give(&mut reassembly, &finished.fragment(0..1)), Err(DiscardReason::WrongMessageLength));
        assert_eq!(reassembly.memory(), memory);
    }

    /// FRG-19: a ClientHello that needs three datagrams.
    #[test]
    fn a_client_hello_in_pieces_is_put_together() {
        let hello = Sent::new(HandshakeType::CLIENT_HELLO, 1, [3; 2600]);
        let mut reassembly = at(1);
        hello.cut(1100).iter().rev().for_each(|fragment| _ = give(&mut reassembly, fragment).unwrap());
        assert_eq!(drain(&mut reassembly), [hello.body]);
    }

    #[test]
    fn an_opening_settles_the_numbers_with_the_message_that_is_confirmed() {
        let mut reassembly = Reassembly::new(Start::Opening { from: 0, types: HELLOS }, LONGEST);
        let hello = Sent::new(HandshakeType::SERVER_HELLO, 1, [1; 40]);
        let done = Sent::new(HandshakeType::SERVER_HELLO_DONE, 2, []);
        let verify = Sent::new(HandshakeType::HELLO_VERIFY_REQUEST, 0, [2; 35]);
        for sent in [&done, &hello, &verify] {
            assert_eq!(give(&mut reassembly, &sent.whole()), Ok(Accepted::Stored));
        }
        assert_eq!(give(&mut reassembly, &certificate(16, 9).whole()), Err(DiscardReason::FutureMessage));
        assert_eq!(reassembly.take_next().unwrap().body, verify.body);
        // Not confirmed, so that a server that numbers its ServerHello 0 is understood too.
        assert_eq!(reassembly.take_next().unwrap().body, hello.body);
        assert_eq!(reassembly.take_next(), None, "ServerHelloDone is not an opening");
        reassembly.confirm(1);
        assert_eq!(drain(&mut reassembly), [done.body]);
        assert_eq!(give(&mut reassembly, &verify.whole()), Ok(Accepted::Repeated));
    }

    #[test]
    fn an_opening_may_have_a_number_to_begin_with() {
        let hellos = &[HandshakeType::CLIENT_HELLO];
        let hello = |message_seq| Sent::new(HandshakeType::CLIENT_HELLO, message_seq, [3; 100]);
        let mut reassembly = Reassembly::new(Start::Opening { from: 2, types: hellos }, LONGEST);
        assert_eq!(reassembly.next_message_seq(), 2);
        assert_eq!(give(&mut reassembly, &hello(1).whole()), Ok(Accepted::Repeated));
        assert_eq!(give(&mut reassembly, &certificate(2, 9).whole()), Err(DiscardReason::Doubtful));
        assert_eq!(give(&mut reassembly, &hello(18).whole()), Err(DiscardReason::FutureMessage));
        give(&mut reassembly, &hello(2).fragment(0..99)).unwrap();
        give(&mut reassembly, &certificate(4, 9).whole()).unwrap();
        give(&mut reassembly, &hello(3).whole()).unwrap();
        assert_eq!(reassembly.take_next().unwrap().message_seq, 3);
        reassembly.confirm(3);
        assert_eq!(reassembly.take_next().unwrap().message_seq, 4);
    }

    #[test]
    fn a_refused_message_leaves_room_for_the_true_one() {
        let (message, forged) = (certificate(1, 100), Sent::new(HandshakeType::FINISHED, 1, [0; 12]));
        let mut reassembly = at(1);
        give(&mut reassembly, &message.fragment(0..60)).unwrap();
        give(&mut reassembly, &forged.whole()).unwrap();
        assert_eq!(reassembly.take_next().unwrap().body, forged.body);
        assert_eq!(reassembly.next_message_seq(), 1);
        give(&mut reassembly, &message.fragment(60..100)).unwrap();
        assert_eq!(drain(&mut reassembly), [message.body]);
    }

    /// FLT-18: a change of epoch takes what is left of the old one out of the way, once.
    #[test]
    fn a_new_epoch_empties_the_slots_of_the_old_one() {
        let finished = Sent::new(HandshakeType::FINISHED, 3, [5; 12]);
        let (header, bytes) = finished.whole();
        let mut reassembly = at(3);
        give(&mut reassembly, &certificate(3, 50).fragment(0..10)).unwrap();
        give(&mut reassembly, &certificate(4, 50).fragment(0..10)).unwrap();
        assert_eq!(reassembly.drop_epochs_before(1), 2);
        assert_eq!(reassembly.accept(1, &header, &bytes), Ok(Accepted::Stored));
        assert_eq!(reassembly.drop_epochs_before(1), 0);
        assert_eq!(reassembly.accept(0, &header, &bytes), Err(DiscardReason::LeftoverFragment));
        assert_eq!(reassembly.take_next().map(|message| (message.epoch, message.body)), Some((1, finished.body)));
    }

    /// FRG-12: the same number in another epoch is another message.
    #[test]
    fn fragments_of_two_epochs_are_never_merged() {
        let (first, second) = (certificate(1, 100).fragment(0..50), certificate(1, 100).fragment(50..100));
        let mut reassembly = at(1);
        reassembly.accept(0, &first.0, &first.1).unwrap();
        reassembly.accept(1, &second.0, &second.1).unwrap();
        assert_eq!(reassembly.take_next(), None);
    }

    /// FRG-08: against a model that keeps every byte of every message in an array, first write wins.
    #[test]
    fn equals_a_naive_model_under_random_fragments() {
        let mut rng = Rng(3);
        for round in 0..300 {
            let base = round % 7;
            let (mut reassembly, mut next) = (at(base), base);
            let mut model: BTreeMap<(u16, u32), Vec<Option<u8>>> = BTreeMap::new();
            for _ in 0..400 {
                // Two versions of each of three messages, told apart by their length.
                let (seq, length) = (base + u16::try_from(rng.below(3)).unwrap(), 20 + rng.below(2));
                let start = rng.below(length);
                let range = start..(start + rng.below(8)).min(length);
                let bytes = rng.bytes(length);
                let sent = Sent::new(HandshakeType::CERTIFICATE, seq, bytes.clone());
                let outcome = give(&mut reassembly, &sent.fragment(range.clone()));
                if seq < next {
                    assert_eq!(outcome, Ok(Accepted::Repeated));
                    continue;
                }
                assert_eq!(outcome, Ok(Accepted::Stored));
                let array = model.entry((seq, length)).or_insert_with(|| vec![None; length as usize]);
                range.for_each(|at| _ = array[at as usize].get_or_insert(bytes[at as usize]));

                loop {
                    let whole = |array: &Vec<Option<u8>>| array.iter().copied().collect::<Option<Vec<u8>>>();
                    let due: Vec<Vec<u8>> =
                        model.range((next, 0)..(next + 1, 0)).filter_map(|(_, a)| whole(a)).collect();
                    let taken = reassembly.take_next();
                    assert_eq!(taken.is_none(), due.is_empty());
                    let Some(message) = taken else { break };
                    assert!(due.contains(&message.body));
                    // A coin says whether the message was good.
                    if rng.below(2) == 0 {
                        reassembly.confirm(message.message_seq);
                        next += 1;
                        model.retain(|(seq, _), _| *seq >= next);
                    } else {
                        model.remove(&(next, u32::try_from(message.body.len()).unwrap()));
                    }
                }
            }
        }
    }

    /// FRG-05, FRG-08: a flight survives any order, any overlap and any number of copies.
    #[test]
    fn a_flight_arrives_in_order_whatever_the_network_does() {
        let mut rng = Rng(4);
        for _ in 0..300 {
            let flight = flight(1, &mut rng);
            let mut fragments: Vec<Fragment> = Vec::new();
            for message in &flight {
                for _ in 0..=rng.below(2) {
                    fragments.extend(message.cut(8 + rng.below(120)));
                }
                let start = rng.below(message.length() + 1);
                fragments.push(message.fragment(start..start + rng.below(message.length() - start + 1)));
            }
            rng.shuffle(&mut fragments);
            let (mut reassembly, mut taken) = (at(1), Vec::new());
            for fragment in &fragments {
                give(&mut reassembly, fragment).unwrap();
                taken.extend(drain(&mut reassembly));
            }
            assert_eq!(taken, flight.iter().map(|message| message.body.clone()).collect::<Vec<_>>());
            assert_eq!(reassembly.memory(), 0);
        }
    }

    /// Forged fragments around the message that is due: any type, any length, any place. The bytes they carried.
    fn flood(reassembly: &mut Reassembly, rng: &mut Rng, next: u16, fragments: u32) -> usize {
        let mut sent = 0;
        for _ in 0..fragments {
            let length = [12, 300, 1 + rng.below(4096), 4096, 4096, 4096][rng.below(6) as usize];
            let offset = rng.below(length);
            let fragment_length = [0, 1, 1, rng.below(1200)][rng.below(4) as usize].min(length - offset);
            let header = FragmentHeader {
                msg_type: HandshakeType([2, 3, 11, 11, 11, 11, 14, 20, 99][rng.below(9) as usize]),
                length,
                message_seq: next + u16::try_from(rng.below(3) * rng.below(7)).unwrap(),
                offset,
                fragment_length,
            };
            let bytes = rng.bytes(fragment_length);
            sent += bytes.len();
            _ = reassembly.accept(0, &header, &bytes);
        }
        sent
    }

    /// FRG-16: whatever is forged, memory follows the bytes that came, and stops at the limit.
    #[test]
    fn memory_under_a_flood_is_bounded_by_what_came_and_by_the_limit() {
        let mut rng = Rng(5);
        for start in [Start::At(1), Start::Opening { from: 0, types: HELLOS }] {
            let mut reassembly = Reassembly::new(start, LONGEST);
            let (mut came, mut fragments, mut peak) = (0, 0, 0);
            for _ in 0..400 {
                came += flood(&mut reassembly, &mut rng, 1, 10);
                let at = rng.below(2896);
                let bulk = certificate(1 + u16::try_from(rng.below(15)).unwrap(), 4096).fragment(at..at + 1200);
                _ = give(&mut reassembly, &bulk);
                came += 1200;
                fragments += 11;
                let memory = reassembly.memory();
                assert!(memory <= came + 200 * fragments, "{memory} for {came} bytes in {fragments} fragments");
                assert!(memory <= reassembly.max_bytes);
                peak = peak.max(memory);
                let held = reassembly.versions.iter().map(|version| version.partial.allocated()).sum::<usize>();
                assert!(held <= 2 * memory, "{held} held, {memory} counted");
            }
            assert!(peak > reassembly.max_bytes * 3 / 4, "the flood was no test: {peak}");
        }
    }

    /// I1: after any flood, two complete transmissions of a flight bring it through, in either kind of start.
    #[test]
    fn a_flight_completes_after_any_flood() {
        let mut rng = Rng(6);
        for round in 0..200 {
            let start = if round % 2 == 0 { Start::At(1) } else { Start::Opening { from: 0, types: HELLOS } };
            let mut reassembly = Reassembly::new(start, LONGEST);
            let truth = flight(1, &mut rng);
            let mut next = 0;
            let forged = rng.below(600);
            flood(&mut reassembly, &mut rng, 1, forged);
            while reassembly.take_next().is_some() {}
            // Forged bytes under the true type and length, scattered so that they outgrow any budget.
            for at in (0..truth[0].length()).step_by(2) {
                let forged = Sent::new(truth[0].msg_type, 1, rng.bytes(truth[0].length()));
                give(&mut reassembly, &forged.fragment(at..at + 1)).unwrap();
            }
            for _ in 0..2 {
                for fragment in truth.iter().flat_map(|message| message.cut(1 + rng.below(200))).collect::<Vec<_>>() {
                    _ = give(&mut reassembly, &fragment);
                    while let Some(message) = reassembly.take_next() {
                        if truth.get(next).is_some_and(|truth| truth.body == message.body) {
                            reassembly.confirm(message.message_seq);
                            next += 1;
                        }
                    }
                }
            }
            assert_eq!(next, truth.len(), "round {round}: {:?}", reassembly.due);
        }
    }

    /// I1: what is due is never given up for what comes later, even where it takes all there is.
    #[test]
    fn what_is_due_makes_no_room_for_what_is_not() {
        let scattered = |first: u32| (first..4096).step_by(2);
        let due = [certificate(1, 4096), Sent::new(HandshakeType::SERVER_KEY_EXCHANGE, 1, [1; 4096])];
        let mut reassembly = at(1);
        for rival in &due {
            let mut places = scattered(0);
            let share = reassembly.max_bytes / RIVALS;
            let full = share * (1 + reassembly.versions.len()) - 100;
            while reassembly.memory() < full {
                let at = places.next().unwrap();
                give(&mut reassembly, &rival.fragment(at..at + 1)).unwrap();
            }
        }
        let before = reassembly.memory();
        let later = certificate(2, 4096).fragment(0..1000);
        assert_eq!(give(&mut reassembly, &later), Err(DiscardReason::ReassemblyFull));
        assert_eq!(reassembly.memory(), before);
    }

    /// I1: what finds no room any more does not lose the room it has.
    #[test]
    fn what_finds_no_room_keeps_what_it_has() {
        let mut reassembly = at(1);
        let (due, later) = (certificate(1, 4096), certificate(2, 4096));
        give(&mut reassembly, &later.fragment(0..1500)).unwrap();
        let mut places = (0..4096).step_by(2);
        for rival in [&due, &Sent::new(HandshakeType::SERVER_KEY_EXCHANGE, 1, [1; 4096])] {
            let full = (reassembly.memory() + reassembly.max_bytes / RIVALS).min(reassembly.max_bytes) - 500;
            while reassembly.memory() < full {
                let at = places.next().unwrap();
                give(&mut reassembly, &rival.fragment(at..at + 1)).unwrap();
            }
            places = (0..4096).step_by(2);
        }
        let before = reassembly.memory();
        assert_eq!(give(&mut reassembly, &later.fragment(1500..3500)), Err(DiscardReason::ReassemblyFull));
        assert_eq!(reassembly.memory(), before);
        assert!(reassembly.versions.iter().any(|version| version.message_seq == 2));
    }

    /// FRG-16: a version so scattered that it outgrows its share begins again and so lets the true bytes in.
    #[test]
    fn scattered_forgeries_do_not_keep_a_message_out() {
        let message = certificate(1, 4096);
        let mut reassembly = at(1);
        for at in (0..4096).step_by(2) {
            let forged = Sent::new(HandshakeType::CERTIFICATE, 1, [0xff; 4096]);
            give(&mut reassembly, &forged.fragment(at..at + 1)).unwrap();
            assert!(reassembly.memory() <= reassembly.max_bytes / RIVALS);
        }
        let mut came_through = false;
        for fragment in message.cut(100).into_iter().cycle().take(2 * 41) {
            give(&mut reassembly, &fragment).unwrap();
            came_through |= reassembly.take_next().is_some_and(|taken| taken.body == message.body);
        }
        assert!(came_through);
    }

    /// MTU-06: one of the longest messages comes through in fragments of 64 bytes that arrive in the worst order.
    #[test]
    fn the_longest_message_fits_in_small_fragments_in_the_worst_order() {
        let message = certificate(1, 4096);
        let (even, odd): (Vec<_>, Vec<_>) =
            message.cut(64).into_iter().partition(|(header, _)| header.offset % 128 == 0);
        let mut reassembly = at(1);
        even.iter().chain(odd.iter().rev()).for_each(|fragment| _ = give(&mut reassembly, fragment).unwrap());
        assert_eq!(drain(&mut reassembly), [message.body]);
    }

    /// So it is while the handshake waits for a decision: what is ready is not given up.
    #[test]
    fn a_third_version_beside_two_that_are_ready_is_dropped() {
        let mut reassembly = at(1);
        for msg_type in [HandshakeType::CERTIFICATE, HandshakeType::SERVER_KEY_EXCHANGE] {
            give(&mut reassembly, &Sent::new(msg_type, 1, [1; 9]).whole()).unwrap();
        }
        let third = Sent::new(HandshakeType::CERTIFICATE_REQUEST, 1, [1; 9]);
        assert_eq!(give(&mut reassembly, &third.whole()), Err(DiscardReason::InconsistentFragment));
    }

    #[test]
    fn a_message_that_is_due_pushes_out_later_ones() {
        let mut reassembly = at(1);
        for seq in 2..17 {
            _ = give(&mut reassembly, &certificate(seq, 4096).fragment(0..4000));
        }
        let full = reassembly.versions.len();
        assert_eq!(give(&mut reassembly, &certificate(16, 4095).whole()), Err(DiscardReason::ReassemblyFull));
        let message = certificate(1, 4096);
        give(&mut reassembly, &message.whole()).unwrap();
        assert!(reassembly.versions.len() <= full);
        assert_eq!(drain(&mut reassembly), [message.body]);
        assert!(reassembly.versions.iter().any(|version| version.message_seq == 2), "the farthest went first");
    }
}
