//! Our side of the current flight, kept as messages and cut to size at every transmission.
//!
//! A flight is not stored as the records that once carried it. Each transmission walks the messages again with a
//! [`Cursor`] and asks, record by record, for the [`Piece`] that fits what room is left. So a retransmission has
//! record numbers of its own, and may be cut smaller than the one before it (RFC 6347 section 4.1.1.1).

use alloc::vec::Vec;

use crate::code::{ContentType, HandshakeType};
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::MAX_PLAINTEXT;

/// The flight that is to be sent, or was sent and may have to be sent again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    items: Vec<Item>,
    /// What this transmission has not handed out begins here.
    unsent: Cursor,
}

/// One thing of a flight, with the epoch of the records that carry it.
#[derive(Clone, Debug)]
struct Item {
    epoch: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// Not a handshake message, but part of the flight all the same: it is sent again with the rest and in its place
    /// (RFC 6347 section 4.2.5).
    ChangeCipherSpec,
    Message {
        msg_type: HandshakeType,
        message_seq: u16,
        body: Vec<u8>,
    },
}

/// A message as it stands in a flight.
pub(crate) struct MessageView<'a> {
    pub(crate) msg_type: HandshakeType,
    pub(crate) message_seq: u16,
    pub(crate) body: &'a [u8],
}

/// A place in the flight. The default is its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    item: usize,
    /// Always inside the message, or 0.
    offset: usize,
}

/// What one record is to carry.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) epoch: u64,
    pub(crate) content_type: ContentType,
    /// In front of a fragment; a ChangeCipherSpec has none.
    pub(crate) header: Option<FragmentHeader>,
    pub(crate) bytes: &'a [u8],
    /// Where the flight goes on.
    pub(crate) after: Cursor,
}

impl Outgoing {
    /// Forgets the flight before, which the peer has answered, and begins another.
    pub(crate) fn begin_flight(&mut self) {
        self.items.clear();
        self.unsent = Cursor::default();
    }

    /// Adds a message. Its body is kept as it is, so that every transmission of it has the same bytes and number.
    pub(crate) fn push_message(&mut self, epoch: u64, msg_type: HandshakeType, message_seq: u16, body: Vec<u8>) {
        debug_assert!(body.len() < 1 << 24, "the writer of a message refuses a body that its header cannot describe");
        self.items.push(Item { epoch, content: Content::Message { msg_type, message_seq, body } });
    }

    /// Adds a ChangeCipherSpec, sent in `epoch`: the one that it ends.
    pub(crate) fn push_change_cipher_spec(&mut self, epoch: u64) {
        self.items.push(Item { epoch, content: Content::ChangeCipherSpec });
    }

    /// Begins another transmission of the whole flight.
    pub(crate) fn rewind(&mut self) {
        self.unsent = Cursor::default();
    }

    /// Everything in the flight in its order, each with its epoch: a message, or `None` for ChangeCipherSpec.
    pub(crate) fn items(&self) -> impl Iterator<Item = (u64, Option<MessageView<'_>>)> {
        self.items.iter().map(|Item { epoch, content }| match content {
            Content::ChangeCipherSpec => (*epoch, None),
            Content::Message { msg_type, message_seq, body } => {
                (*epoch, Some(MessageView { msg_type: *msg_type, message_seq: *message_seq, body }))
            }
        })
    }

    /// Takes the flight for sent, all of it.
    pub(crate) fn set_sent(&mut self) {
        self.unsent = Cursor { item: self.items.len(), offset: 0 };
    }

    /// Forgets the flight and frees its memory.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there is a flight at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether this transmission is not over.
    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent.item < self.items.len()
    }

    /// Where this transmission goes on.
    pub(crate) fn cursor(&self) -> Cursor {
        self.unsent
    }

    /// What comes before `cursor` was handed out.
    pub(crate) fn set_cursor(&mut self, cursor: Cursor) {
        self.unsent = cursor;
    }

    /// The epoch of the record that comes next at `cursor`; `None` at the end of the flight.
    ///
    /// It decides how much of the datagram the record takes for itself, which [`Outgoing::next_piece`] needs to know.
    pub(crate) fn peek_epoch(&self, cursor: Cursor) -> Option<u64> {
        Some(self.items.get(cursor.item)?.epoch)
    }

    /// The longest piece at `cursor` that takes up `payload_room` bytes or fewer.
    ///
    /// `None` if not even one byte of the message fits, which a new datagram mends (see [`Outgoing::min_payload`]), or
    /// at the end of the flight. Changes nothing, so that the caller may lay out a datagram before it seals the first
    /// record.
    pub(crate) fn next_piece(&self, cursor: Cursor, payload_room: usize) -> Option<Piece<'_>> {
        let Item { epoch, content } = self.items.get(cursor.item)?;
        let next_item = Cursor { item: cursor.item.saturating_add(1), offset: 0 };
        let Content::Message { msg_type, message_seq, body } = content else {
            return (payload_room >= CHANGE_CIPHER_SPEC.len()).then_some(Piece {
                epoch: *epoch,
                content_type: ContentType::CHANGE_CIPHER_SPEC,
                header: None,
                bytes: CHANGE_CIPHER_SPEC,
                after: next_item,
            });
        };

        let rest = body.get(cursor.offset..)?;
        let room = payload_room.min(MAX_PLAINTEXT).checked_sub(FragmentHeader::LEN)?;
        let bytes = rest.get(..room).unwrap_or(rest);
        if bytes.is_empty() && !rest.is_empty() {
            return None;
        }
        let header = FragmentHeader {
            msg_type: *msg_type,
            length: u32::try_from(body.len()).ok()?,
            message_seq: *message_seq,
            offset: u32::try_from(cursor.offset).ok()?,
            fragment_length: u32::try_from(bytes.len()).ok()?,
        };
        let is_last = bytes.len() == rest.len();
        let within = Cursor { item: cursor.item, offset: cursor.offset.saturating_add(bytes.len()) };
        Some(Piece {
            epoch: *epoch,
            content_type: ContentType::HANDSHAKE,
            header: Some(header),
            bytes,
            after: if is_last { next_item } else { within },
        })
    }

    /// The room in which every piece makes progress: a header and one byte.
    #[cfg(test)]
    pub(crate) const fn min_payload() -> usize {
        FragmentHeader::LEN.saturating_add(1)
    }
}

impl Piece<'_> {
    /// The length of the record's payload.
    pub(crate) fn payload_len(&self) -> usize {
        self.header.map_or(0, |_| FragmentHeader::LEN).saturating_add(self.bytes.len())
    }

    /// Writes the record's payload to the front of `out`; its length, or `None` and nothing written if it has no room.
    pub(crate) fn write(&self, out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..self.payload_len())?;
        let rest = match &self.header {
            Some(header) => {
                let (front, rest) = out.split_first_chunk_mut()?;
                *front = header.encode();
                rest
            }
            None => out,
        };
        rest.copy_from_slice(self.bytes);
        Some(self.payload_len())
    }
}

/// RFC 5246 section 7.1: the message is one byte with the value 1.
const CHANGE_CIPHER_SPEC: &[u8] = &[1];

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::flight::chance::Rng;
    use crate::flight::reassembly::{Message, Reassembly, Start};
    use crate::wire::fragment::split_fragments;

    /// A piece as the peer sees it.
    type Payload = (u64, ContentType, Vec<u8>);

    /// Client's flight 5: messages and a ChangeCipherSpec in epoch 0, Finished in epoch 1.
    fn flight() -> Outgoing {
        let mut flight = Outgoing::default();
        flight.push_message(0, HandshakeType::CERTIFICATE, 2, (0..=255).cycle().take(700).collect());
        flight.push_message(0, HandshakeType::CLIENT_KEY_EXCHANGE, 3, vec![3; 66]);
        flight.push_change_cipher_spec(0);
        flight.push_message(1, HandshakeType::FINISHED, 4, vec![4; 12]);
        flight
    }

    /// Sends the flight once, with the room that `room` gives for each record in turn.
    fn transmit(flight: &mut Outgoing, mut room: impl FnMut() -> usize) -> Vec<Payload> {
        let mut payloads = Vec::new();
        flight.rewind();
        while flight.has_unsent() {
            let epoch = flight.peek_epoch(flight.cursor()).unwrap();
            let room = room();
            let Some(piece) = flight.next_piece(flight.cursor(), room) else {
                assert!(room < Outgoing::min_payload());
                continue;
            };
            assert!(piece.payload_len() <= room);
            assert_eq!(piece.epoch, epoch);
            let mut payload = vec![0; piece.payload_len()];
            assert_eq!(piece.write(&mut payload), Some(payload.len()));
            payloads.push((epoch, piece.content_type, payload));
            let after = piece.after;
            flight.set_cursor(after);
        }
        payloads
    }

    fn fragments(payloads: &[Payload]) -> Vec<(u64, FragmentHeader, Vec<u8>)> {
        let handshake = payloads.iter().filter(|(_, content_type, _)| *content_type == ContentType::HANDSHAKE);
        handshake
            .flat_map(|(epoch, _, payload)| {
                split_fragments(payload).map(Result::unwrap).map(|(header, bytes)| (*epoch, header, bytes.to_vec()))
            })
            .collect()
    }

    fn reassemble(payloads: &[Payload]) -> Vec<Message> {
        let mut reassembly = Reassembly::new(Start::At(2), 1 << 20);
        let mut messages = Vec::new();
        for (epoch, header, bytes) in fragments(payloads) {
            reassembly.accept(epoch, &header, &bytes).unwrap();
            while let Some(message) = reassembly.take_next() {
                reassembly.confirm(message.message_seq);
                messages.push(message);
            }
        }
        messages
    }

    /// MTU-07: where there is room a message is one piece, so that a datagram holds as many as fit.
    #[test]
    fn a_message_that_fits_is_one_piece() {
        let payloads = transmit(&mut flight(), || 1200);
        let lengths: Vec<usize> = payloads.iter().map(|(_, _, payload)| payload.len()).collect();
        assert_eq!(lengths, [712, 78, 1, 24]);
    }

    /// FRG-18, I7: whatever the rooms, the pieces of a message follow each other without a gap or an overlap, each says
    /// how long the whole is, and together they are the message.
    #[test]
    fn pieces_cover_every_message_exactly() {
        let mut rng = Rng(1);
        for _ in 0..500 {
            let mut flight = Outgoing::default();
            let bodies: Vec<Vec<u8>> = (0..4)
                .map(|_| {
                    let len = rng.below(90);
                    rng.bytes(len)
                })
                .collect();
            for (message_seq, body) in (0..).zip(&bodies) {
                flight.push_message(0, HandshakeType::CERTIFICATE, message_seq, body.clone());
            }
            let most = 13 + rng.below(60);
            let pieces = fragments(&transmit(&mut flight, || rng.below(most) as usize + 1));
            for (message_seq, body) in (0..).zip(&bodies) {
                let mut together = Vec::new();
                let own = pieces.iter().filter(|(_, header, _)| header.message_seq == message_seq);
                for (_, header, bytes) in own {
                    assert_eq!(header.length as usize, body.len());
                    assert_eq!(header.offset as usize, together.len());
                    assert!(!bytes.is_empty() || body.is_empty());
                    together.extend_from_slice(bytes);
                }
                assert_eq!(&together, body);
            }
            assert_eq!(
                pieces.iter().filter(|(_, header, _)| header.length == 0).count(),
                bodies.iter().filter(|body| body.is_empty()).count(),
                "an empty message is one piece"
            );
        }
    }

    /// FRG-02, FRG-03, FRG-09, I7: two transmissions with other cuts have the same messages, numbers and epochs, and
    /// their fragments combine whichever of the two got through.
    #[test]
    fn other_cuts_are_the_same_messages() {
        let mut rng = Rng(2);
        let mut flight = flight();
        let whole = reassemble(&transmit(&mut flight, || 1200));
        assert_eq!(
            whole.iter().map(|message| (message.epoch, message.message_seq)).collect::<Vec<_>>(),
            [(0, 2), (0, 3), (1, 4)]
        );
        for _ in 0..100 {
            let (first, second) = (13 + rng.below(300) as usize, 13 + rng.below(300) as usize);
            let mut both = transmit(&mut flight, || first);
            // Of each transmission some is lost; of the second only what the first brought.
            let lost = rng.below(u32::try_from(both.len()).unwrap()) as usize;
            drop(both.drain(lost..));
            both.extend(transmit(&mut flight, || second));
            rng.shuffle(&mut both);
            assert_eq!(reassemble(&both), whole);
        }
    }

    /// FLT-01, FLT-18: a retransmission is the whole flight, with the ChangeCipherSpec in its place and epoch.
    #[test]
    fn a_flight_is_sent_again_as_a_unit() {
        let mut flight = flight();
        let kinds = |payloads: &[Payload]| payloads.iter().map(|(epoch, kind, _)| (*epoch, *kind)).collect::<Vec<_>>();
        let first = transmit(&mut flight, || 1200);
        assert_eq!(
            kinds(&first),
            [
                (0, ContentType::HANDSHAKE),
                (0, ContentType::HANDSHAKE),
                (0, ContentType::CHANGE_CIPHER_SPEC),
                (1, ContentType::HANDSHAKE),
            ]
        );
        assert_eq!(first[2].2, [1]);
        assert_eq!(transmit(&mut flight, || 1200), first);
        // Half sent when the timer fires: again from the beginning.
        flight.rewind();
        let after = flight.next_piece(flight.cursor(), 100).unwrap().after;
        flight.set_cursor(after);
        flight.rewind();
        assert_eq!(flight.cursor(), Cursor::default());
    }

    /// MTU-06: a header and one byte make progress; a header alone does not, but for an empty message.
    #[test]
    fn no_piece_is_a_header_without_a_byte() {
        let mut flight = Outgoing::default();
        flight.push_message(0, HandshakeType::FINISHED, 0, vec![1; 2]);
        flight.push_message(0, HandshakeType::SERVER_HELLO_DONE, 1, vec![]);
        flight.push_change_cipher_spec(0);
        let start = flight.cursor();
        assert!(flight.next_piece(start, FragmentHeader::LEN).is_none());
        let second = flight.next_piece(start, Outgoing::min_payload()).unwrap().after;
        let done = flight.next_piece(second, Outgoing::min_payload()).unwrap().after;
        assert!(flight.next_piece(done, FragmentHeader::LEN - 1).is_none());
        let spec = flight.next_piece(done, FragmentHeader::LEN).unwrap().after;
        assert!(flight.next_piece(spec, 0).is_none());
        let end = flight.next_piece(spec, 1).unwrap().after;
        assert!(flight.next_piece(end, 1200).is_none());
        assert_eq!(flight.peek_epoch(end), None);
    }

    /// REC-11: a datagram of 64 KiB does not make a record longer than a record may be.
    #[test]
    fn no_piece_is_longer_than_a_record_may_be() {
        let mut flight = Outgoing::default();
        flight.push_message(0, HandshakeType::CERTIFICATE, 2, vec![7; 40_000]);
        let lengths: Vec<usize> =
            transmit(&mut flight, || 65_000).iter().map(|(_, _, payload)| payload.len()).collect();
        assert_eq!(lengths, [1 << 14, 1 << 14, 40_000 + 3 * 12 - (2 << 14)]);
    }

    #[test]
    fn planning_changes_nothing() {
        let flight = flight();
        let plan = |mut at: Cursor| {
            let mut lengths = Vec::new();
            while let Some(piece) = flight.next_piece(at, 200) {
                lengths.push(piece.payload_len());
                at = piece.after;
            }
            lengths
        };
        assert_eq!(plan(flight.cursor()), plan(flight.cursor()));
        assert_eq!(flight.cursor(), Cursor::default());
    }

    #[test]
    fn a_piece_is_written_whole_or_not_at_all() {
        let flight = flight();
        let piece = flight.next_piece(flight.cursor(), 50).unwrap();
        let mut out = [0xaa; 60];
        assert_eq!(piece.write(&mut out[..49]), None);
        assert_eq!(out, [0xaa; 60]);
        assert_eq!(piece.write(&mut out), Some(50));
        assert_eq!(out[50..], [0xaa; 10]);
    }

    #[test]
    fn a_new_flight_forgets_the_one_before() {
        let mut flight = flight();
        _ = transmit(&mut flight, || 1200);
        flight.begin_flight();
        assert!(flight.is_empty() && !flight.has_unsent());
        flight.push_message(1, HandshakeType::FINISHED, 5, vec![5; 12]);
        assert!(flight.has_unsent());
        assert_eq!(transmit(&mut flight, || 1200).len(), 1);
        flight.clear();
        assert!(flight.is_empty());
        assert_eq!(flight.items.capacity(), 0);
    }
}
