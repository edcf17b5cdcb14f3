//! The header of a record, and the sizes that a record may have.
//!
//! Where a record carries a connection ID, it stands between number and length (RFC 9146 section 4). Nothing in the
//! record says how long it is: whoever reads has to know.
//!
//! It is syntax alone: which versions, types and epochs are welcome is the record layer's to say.

use core::ops::RangeInclusive;

use crate::code::{ContentType, ProtocolVersion};

/// What stands before the body of every record (RFC 6347 section 4.3.1).
///
/// ```text
///  0      1         3        5                 11       13
///  +------+---------+--------+------------------+--------+
///  | type | version | epoch  | sequence number  | length |  body ...
///  +------+---------+--------+------------------+--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) content_type: ContentType,
    pub(crate) version: ProtocolVersion,
    pub(crate) epoch: u16,
    /// 48 bits: at most [`MAX_SEQUENCE`].
    pub(crate) sequence: u64,
    /// The length of the body, which in a protected record holds the explicit nonce and the tag as well.
    pub(crate) length: u16,
}

impl RecordHeader {
    /// The length of an encoded header in bytes.
    pub(crate) const LEN: usize = 13;

    /// What stands before a connection ID; the length stands behind it.
    pub(crate) const LEN_BEFORE_CID: usize = 11;

    /// Reads the header at the start of `bytes`; `None` if there are fewer than 13.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode_around(0, bytes)
    }

    /// Reads the header at the start of `bytes`, with a connection ID of this length in it; `None` if it is cut short.
    pub(crate) fn decode_around(cid_len: usize, bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk::<{ Self::LEN_BEFORE_CID }>()?;
        let [content_type, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5] = *start;
        let [l0, l1] = *rest.get(cid_len..)?.first_chunk()?;
        Some(Self {
            content_type: ContentType(content_type),
            version: ProtocolVersion(u16::from_be_bytes([v0, v1])),
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            length: u16::from_be_bytes([l0, l1]),
        })
    }

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let [v0, v1] = self.version.0.to_be_bytes();
        let [e0, e1, s0, s1, s2, s3, s4, s5] = self.number();
        let [l0, l1] = self.length.to_be_bytes();
        [self.content_type.0, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1]
    }

    /// Writes it to `out`, around this connection ID. What does not fit is left out.
    pub(crate) fn encode_around(&self, cid: &[u8], out: &mut [u8]) {
        let encoded = self.encode();
        if cid.is_empty() {
            if let Some(head) = out.first_chunk_mut() {
                *head = encoded;
            }
            return;
        }
        let (start, length) = encoded.split_at(Self::LEN_BEFORE_CID);
        let bytes = start.iter().chain(cid).chain(length);
        out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    }

    /// Epoch and sequence number as they stand on the wire: 64 bits that no two records under one key share.
    pub(crate) fn number(&self) -> [u8; 8] {
        debug_assert!(self.sequence <= MAX_SEQUENCE, "a sequence number has 48 bits");
        (u64::from(self.epoch) << 48 | self.sequence & MAX_SEQUENCE).to_be_bytes()
    }
}

/// The first byte of every record that DTLS may ever have (RFC 7983 section 7). STUN, TURN channels and RTP, which may
/// share a socket with DTLS, begin with others.
pub(crate) const FIRST_BYTES: RangeInclusive<u8> = 20..=63;

/// The highest number that the record of a ClientHello may have, for a server whose own numbers go on from it (RFC 6347
/// section 4.2.1): half of the 48-bit space is left to it in any case.
pub(crate) const MAX_HELLO_SEQUENCE: u64 = (1 << 47) - 1;

/// The most content that a record may carry, in bytes (RFC 5246 section 6.2.1).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;

/// The longest body that a protected record may have, in bytes (RFC 5246 section 6.2.3).
pub(crate) const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 2048;

/// The last sequence number of an epoch (RFC 6347 section 4.1: 48 bits, never to wrap).
pub(crate) const MAX_SEQUENCE: u64 = (1 << 48) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: RecordHeader = RecordHeader {
        content_type: ContentType::HANDSHAKE,
        version: ProtocolVersion::DTLS_1_2,
        epoch: 0x0102,
        sequence: 0x0304_0506_0708,
        length: 0x090a,
    };

    /// REC-01: 13 bytes, big-endian, in this order.
    #[test]
    fn a_header_is_thirteen_bytes_in_network_order() {
        let bytes = [0x16, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        assert_eq!(EXAMPLE.encode(), bytes);
        assert_eq!(RecordHeader::decode(&bytes), Some(EXAMPLE));
        assert_eq!(EXAMPLE.number(), bytes[3..11]);
    }

    /// REC-01: decoding undoes encoding, for each field at its ends and in between.
    #[test]
    fn headers_round_trip() {
        for sequence in [0, 1, 0xffff, 1 << 32, MAX_SEQUENCE] {
            for epoch in [0, 1, 0x8000, u16::MAX] {
                for content_type in [0, 20, 23, 255] {
                    let header = RecordHeader {
                        content_type: ContentType(content_type),
                        epoch,
                        sequence,
                        length: epoch,
                        ..EXAMPLE
                    };
                    assert_eq!(RecordHeader::decode(&header.encode()), Some(header));
                }
            }
        }
    }

    /// CID-06: type, version, epoch and number, connection ID, length.
    #[test]
    fn a_connection_id_stands_between_number_and_length() {
        let header = RecordHeader { content_type: ContentType::TLS12_CID, ..EXAMPLE };
        let mut bytes = [0; 16];
        header.encode_around(&[0xaa, 0xbb, 0xcc], &mut bytes);
        assert_eq!(bytes, [0x19, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb, 0xcc, 9, 10]);
        assert_eq!(RecordHeader::decode_around(3, &bytes), Some(header));
        for len in 0..bytes.len() {
            assert_eq!(RecordHeader::decode_around(3, &bytes[..len]), None);
        }
        let mut plain = [0; 13];
        EXAMPLE.encode_around(&[], &mut plain);
        assert_eq!(plain, EXAMPLE.encode());
    }

    #[test]
    fn twelve_bytes_are_no_header_and_a_body_does_not_matter() {
        let mut bytes = EXAMPLE.encode().to_vec();
        assert_eq!(RecordHeader::decode(&bytes[..12]), None);
        assert_eq!(RecordHeader::decode(&[]), None);
        bytes.extend_from_slice(b"body");
        assert_eq!(RecordHeader::decode(&bytes), Some(EXAMPLE));
    }
}
