//! The handshake fragment: its 12-byte header, and the walk through a record that carries one fragment or several.
//!
//! This file looks at lengths only. What a message type means, and which fragments belong together, is decided above.

use core::iter;
use core::ops::Range;

use crate::code::HandshakeType;
use crate::stats::DiscardReason;

/// The header in front of every fragment of a handshake message (RFC 6347 section 4.2.2).
///
/// ```text
///      0          1..4       4..6         6..9             9..12
///  +----------+--------+-------------+-----------------+-----------------+
///  | msg_type | length | message_seq | fragment_offset | fragment_length |
///  +----------+--------+-------------+-----------------+-----------------+
/// ```
///
/// `length` is that of the whole message, and every fragment repeats it. A message sent in one piece is the fragment
/// with offset 0 and `fragment_length == length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FragmentHeader {
    pub(crate) msg_type: HandshakeType,
    /// Of the whole message; 24 bits on the wire.
    pub(crate) length: u32,
    pub(crate) message_seq: u16,
    /// Where in the message the fragment begins; 24 bits on the wire.
    pub(crate) offset: u32,
    /// How many bytes of the message follow the header; 24 bits on the wire.
    pub(crate) fragment_length: u32,
}

impl FragmentHeader {
    /// The length of the header.
    pub(crate) const LEN: usize = 12;

    /// Reads the header at the front of `bytes`; `None` if they are fewer than its length.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let [msg_type, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2] = *bytes.first_chunk::<{ Self::LEN }>()?;
        Some(Self {
            msg_type: HandshakeType(msg_type),
            length: u32::from_be_bytes([0, l0, l1, l2]),
            message_seq: u16::from_be_bytes([s0, s1]),
            offset: u32::from_be_bytes([0, o0, o1, o2]),
            fragment_length: u32::from_be_bytes([0, f0, f1, f2]),
        })
    }

    /// The header as it stands on the wire. The three lengths must fit in 24 bits: the message writers see to it.
    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1] = self.message_seq.to_be_bytes();
        let [_, o0, o1, o2] = self.offset.to_be_bytes();
        let [_, f0, f1, f2] = self.fragment_length.to_be_bytes();
        [self.msg_type.0, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2]
    }

    /// The bytes of the message that the fragment claims to carry; `None` if they do not lie inside the message.
    pub(crate) fn range(&self) -> Option<Range<u32>> {
        let end = self.offset.checked_add(self.fragment_length)?;
        (end <= self.length).then_some(self.offset..end)
    }
}

/// Walks the fragments of a handshake record's body (RFC 6347 section 4.2.3 lets one record carry several).
///
/// A fragment that reaches past the record or past its own message ends the walk with an error: where the next one
/// would begin is anyone's guess. The fragments before it stand.
pub(crate) fn split_fragments(body: &[u8]) -> impl Iterator<Item = Result<(FragmentHeader, &[u8]), DiscardReason>> {
    let mut rest = body;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((header, bytes, after)) = split_first(rest) else {
            rest = &[];
            return Some(Err(DiscardReason::MalformedFragment));
        };
        rest = after;
        Some(Ok((header, bytes)))
    })
}

/// The first fragment of `body` and what follows it.
fn split_first(body: &[u8]) -> Option<(FragmentHeader, &[u8], &[u8])> {
    let (header, rest) = body.split_at_checked(FragmentHeader::LEN)?;
    let header = FragmentHeader::decode(header)?;
    let range = header.range()?;
    let (bytes, rest) = rest.split_at_checked(range.len())?;
    Some((header, bytes, rest))
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    const MAX_U24: u32 = (1 << 24) - 1;

    fn header(length: u32, offset: u32, fragment_length: u32) -> FragmentHeader {
        FragmentHeader { msg_type: HandshakeType::CERTIFICATE, length, message_seq: 2, offset, fragment_length }
    }

    fn record(fragments: &[(FragmentHeader, &[u8])]) -> Vec<u8> {
        fragments.iter().flat_map(|(header, bytes)| [header.encode().as_slice(), bytes].concat()).collect()
    }

    /// FRG-01: the layout, byte by byte.
    #[test]
    fn header_has_the_layout_of_the_rfc() {
        let wire = [11, 0x01, 0x02, 0x03, 0x04, 0x05, 0x00, 0x07, 0x08, 0x00, 0x0a, 0x0b];
        let header = FragmentHeader {
            msg_type: HandshakeType::CERTIFICATE,
            length: 0x0001_0203,
            message_seq: 0x0405,
            offset: 0x0708,
            fragment_length: 0x0a0b,
        };
        assert_eq!(FragmentHeader::decode(&wire), Some(header));
        assert_eq!(header.encode(), wire);
    }

    /// FRG-01: any twelve bytes are some header, and encoding it gives them back.
    #[test]
    fn every_header_round_trips() {
        let mut seed = 0x5eed_u64;
        for _ in 0..2_000 {
            let mut wire = [0; FragmentHeader::LEN];
            for byte in &mut wire {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = seed.to_be_bytes()[0];
            }
            assert_eq!(FragmentHeader::decode(&wire).unwrap().encode(), wire);
        }
        for short in 0..FragmentHeader::LEN {
            assert_eq!(FragmentHeader::decode(&vec![0; short]), None);
        }
    }

    /// FRG-11: offset + fragment_length may reach the length and not one byte more, and never wraps.
    #[test]
    fn a_fragment_lies_inside_its_message() {
        assert_eq!(header(10, 4, 5).range(), Some(4..9));
        assert_eq!(header(10, 4, 6).range(), Some(4..10));
        assert_eq!(header(10, 4, 7).range(), None);
        assert_eq!(header(10, 10, 0).range(), Some(10..10));
        assert_eq!(header(10, 11, 0).range(), None);
        assert_eq!(header(MAX_U24, MAX_U24, MAX_U24).range(), None);
        assert_eq!(header(u32::MAX, u32::MAX, u32::MAX).range(), None);
    }

    /// REC-25: one record, several fragments of several messages.
    #[test]
    fn all_fragments_of_a_record_are_walked() {
        let fragments: [(FragmentHeader, &[u8]); 3] =
            [(header(6, 0, 4), b"abcd"), (header(0, 0, 0), b""), (header(6, 4, 2), b"ef")];
        let record = record(&fragments);
        let walked: Vec<_> = split_fragments(&record).map(Result::unwrap).collect();
        assert_eq!(walked, fragments);
        assert_eq!(split_fragments(&[]).count(), 0);
    }

    /// REC-26: a fragment one byte longer than its record is dropped with what follows it; those before it stand.
    #[test]
    fn a_fragment_never_reaches_past_its_record() {
        let record = record(&[(header(4, 0, 4), b"abcd"), (header(6, 0, 5), b"abcd")]);
        let walked: Vec<_> = split_fragments(&record).collect();
        assert_eq!(walked, [Ok((header(4, 0, 4), b"abcd".as_slice())), Err(DiscardReason::MalformedFragment)]);
    }

    /// REC-26, FRG-11: a header cut short, or one that contradicts itself, ends the walk.
    #[test]
    fn the_walk_ends_at_the_first_error() {
        for (bad, bytes) in [(header(4, 2, 3), b"abc".as_slice()), (header(MAX_U24, MAX_U24, 1), b"a")] {
            let record = record(&[(bad, bytes), (header(1, 0, 1), b"x")]);
            assert_eq!(split_fragments(&record).collect::<Vec<_>>(), [Err(DiscardReason::MalformedFragment)]);
        }
        let whole = record(&[(header(4, 0, 4), b"abcd")]);
        for cut in 1..whole.len() {
            let walked: Vec<_> = split_fragments(&whole[..cut]).collect();
            assert_eq!(walked, [Err(DiscardReason::MalformedFragment)], "cut at {cut}");
        }
    }
}
