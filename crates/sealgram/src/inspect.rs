//! What stands in a datagram, for people, tests and tools.
//!
//! This reads what can be read without keys: the headers of all records, and in epoch 0 the fragments and alerts inside
//! them. It reads as far as it can and then says how much it left ([`Records::unread`], [`Fragments::unread`]); it
//! judges nothing, so it also shows what a connection would drop. The protocol itself never uses it.
//!
//! ```
//! use sealgram::inspect;
//!
//! let datagram = [0x15, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 2, 40];
//! let lines: Vec<String> = inspect::records(&datagram).map(|record| record.to_string()).collect();
//! assert_eq!(lines, ["ALERT, epoch 0, sequence 7, 2 bytes: HANDSHAKE_FAILURE (FATAL)"]);
//! ```

use core::fmt;
use core::ops::Range;

use crate::code::{AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion};
use crate::error::DecodeError;
use crate::wire::reader::Reader;

/// The records of a datagram, in order.
///
/// It ends before the first bytes that are no whole record: of another version than DTLS's, with the header of DTLS
/// 1.3 (RFC 9147 section 4), or cut short.
#[must_use]
pub const fn records(datagram: &[u8]) -> Records<'_> {
    Records { rest: Reader::new(datagram), cid_len: 0 }
}

/// The records of a datagram: see [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: Reader<'a>,
    cid_len: usize,
}

/// A record: its header, and its body as it stands in the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordView<'a> {
    /// What it carries.
    pub content_type: ContentType,
    /// The version in its header.
    pub version: ProtocolVersion,
    /// Which keys protect it; 0 is none.
    pub epoch: u16,
    /// Its number within the epoch: 48 bits.
    pub sequence: u64,
    /// The connection ID, which only records of one type have (RFC 9146 section 4).
    pub connection_id: &'a [u8],
    /// What follows the header; sealed unless the epoch is 0.
    pub body: &'a [u8],
}

/// The fragments of a handshake record: see [`RecordView::fragments`].
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    rest: Reader<'a>,
}

/// A fragment of a handshake message: its header, and its bytes. Nothing ensures that the numbers fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FragmentView<'a> {
    /// The type of the message.
    pub msg_type: HandshakeType,
    /// The length of the whole message.
    pub length: u32,
    /// The number of the message within the handshake.
    pub message_seq: u16,
    /// Where in the message the fragment begins.
    pub offset: u32,
    /// How many bytes of the message it has.
    pub fragment_length: u32,
    /// These bytes.
    pub bytes: &'a [u8],
}

/// An alert without protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertView {
    /// How serious it is.
    pub level: AlertLevel,
    /// What it says.
    pub description: AlertDescription,
}

impl<'a> Records<'a> {
    /// Reads connection IDs of this length, where a record is of the type that has one. Nothing in the datagram says
    /// how long they are; unless it is set here, they count as empty.
    #[must_use]
    pub const fn with_connection_ids(mut self, bytes: usize) -> Self {
        self.cid_len = bytes;
        self
    }

    /// What has not been read: at the end of the iteration, what could not be.
    #[must_use]
    pub const fn unread(&self) -> &'a [u8] {
        self.rest.rest()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<RecordView<'a>> {
        let cid_len = self.cid_len;
        next(&mut self.rest, |reader| RecordView::read(reader, cid_len))
    }
}

impl<'a> RecordView<'a> {
    /// Whether the body is sealed.
    #[must_use]
    pub const fn is_protected(&self) -> bool {
        self.epoch != 0
    }

    /// The fragments of a handshake record in epoch 0; none for any other record.
    #[must_use]
    pub fn fragments(&self) -> Fragments<'a> {
        let readable = self.content_type == ContentType::HANDSHAKE && !self.is_protected();
        Fragments { rest: Reader::new(if readable { self.body } else { &[] }) }
    }

    /// The alert of an alert record in epoch 0, if it is one in size.
    #[must_use]
    pub fn alert(&self) -> Option<AlertView> {
        match self.body {
            &[level, description] if self.content_type == ContentType::ALERT && !self.is_protected() => {
                Some(AlertView { level: AlertLevel(level), description: AlertDescription(description) })
            }
            _ => None,
        }
    }

    fn read(reader: &mut Reader<'a>, cid_len: usize) -> Result<Self, DecodeError> {
        let content_type = ContentType(reader.u8()?);
        let version = ProtocolVersion(reader.u16()?);
        if content_type.0 >= FIRST_UNIFIED_HEADER || !version.is_dtls() {
            return Err(DecodeError::InvalidValue);
        }
        Ok(Self {
            content_type,
            version,
            epoch: reader.u16()?,
            sequence: reader.u48()?,
            connection_id: reader.take(if content_type == ContentType::TLS12_CID { cid_len } else { 0 })?,
            body: reader.vec16(0..=0xffff)?,
        })
    }
}

impl<'a> Fragments<'a> {
    /// What has not been read: at the end of the iteration, what could not be.
    #[must_use]
    pub const fn unread(&self) -> &'a [u8] {
        self.rest.rest()
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = FragmentView<'a>;

    fn next(&mut self) -> Option<FragmentView<'a>> {
        next(&mut self.rest, FragmentView::read)
    }
}

impl<'a> FragmentView<'a> {
    /// Which bytes of the message it has.
    #[must_use]
    pub const fn range(&self) -> Range<u32> {
        self.offset..self.offset.saturating_add(self.fragment_length)
    }

    /// Whether it is the whole message.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.offset == 0 && self.fragment_length == self.length
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let msg_type = HandshakeType(reader.u8()?);
        let length = reader.u24()?;
        let message_seq = reader.u16()?;
        let offset = reader.u24()?;
        let fragment_length = reader.u24()?;
        let bytes = reader.take(usize::try_from(fragment_length).map_err(|_| DecodeError::Truncated)?)?;
        Ok(Self { msg_type, length, message_seq, offset, fragment_length, bytes })
    }
}

impl fmt::Display for RecordView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content_type, epoch, sequence, body, .. } = self;
        write!(f, "{content_type}, epoch {epoch}, sequence {sequence}, {} bytes", body.len())?;
        if let Some(alert) = self.alert() {
            write!(f, ": {alert}")?;
        }
        let mut fragments = self.fragments();
        let mut separator = ": ";
        for fragment in &mut fragments {
            write!(f, "{separator}{fragment}")?;
            separator = "; ";
        }
        match fragments.unread().len() {
            0 => Ok(()),
            unread => write!(f, "{separator}{unread} bytes unread"),
        }
    }
}

impl fmt::Display for FragmentView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.msg_type, self.message_seq)?;
        if self.is_whole() {
            return write!(f, " ({} bytes)", self.length);
        }
        let Range { start, end } = self.range();
        write!(f, " (bytes {start}..{end} of {})", self.length)
    }
}

impl fmt::Display for AlertView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.level)
    }
}

/// Takes one more if there is a whole one, and otherwise nothing.
fn next<'a, T>(rest: &mut Reader<'a>, read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>) -> Option<T> {
    let mut reader = *rest;
    let item = read(&mut reader).ok()?;
    *rest = reader;
    Some(item)
}

/// RFC 9147 section 4.1: the unified header of DTLS 1.3 begins with the bits 001.
const FIRST_UNIFIED_HEADER: u8 = 0x20;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    fn record(content_type: ContentType, epoch: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = alloc::vec![content_type.0, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence];
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn fragment(msg_type: HandshakeType, seq: u8, length: u8, offset: u8, bytes: &[u8]) -> Vec<u8> {
        let fragment_length = u8::try_from(bytes.len()).unwrap();
        let mut fragment = alloc::vec![msg_type.0, 0, 0, length, 0, seq, 0, 0, offset, 0, 0, fragment_length];
        fragment.extend(bytes);
        fragment
    }

    #[test]
    fn a_flight_in_one_datagram_is_read_record_by_record() {
        let handshake = [
            fragment(HandshakeType::SERVER_HELLO, 1, 4, 0, b"abcd"),
            fragment(HandshakeType::CERTIFICATE, 2, 9, 3, b"xyz"),
        ]
        .concat();
        let datagram = [
            record(ContentType::HANDSHAKE, 0, 7, &handshake),
            record(ContentType::CHANGE_CIPHER_SPEC, 0, 8, &[1]),
            record(ContentType::HANDSHAKE, 1, 0, &[0xee; 40]),
        ]
        .concat();
        let mut reading = records(&datagram);
        let lines: Vec<_> = reading.by_ref().map(|record| record.to_string()).collect();
        assert_eq!(
            lines,
            [
                "HANDSHAKE, epoch 0, sequence 7, 31 bytes: SERVER_HELLO 1 (4 bytes); CERTIFICATE 2 (bytes 3..6 of 9)",
                "CHANGE_CIPHER_SPEC, epoch 0, sequence 8, 1 bytes",
                "HANDSHAKE, epoch 1, sequence 0, 40 bytes",
            ]
        );
        assert!(reading.unread().is_empty());
    }

    #[test]
    fn headers_are_read_at_their_full_width() {
        let datagram = [
            22, 0xfe, 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0, 0, //
        ];
        let record = records(&datagram).next().unwrap();
        assert_eq!(record.version, ProtocolVersion::DTLS_1_0);
        assert_eq!(record.epoch, 0x0102);
        assert_eq!(record.sequence, 0x0304_0506_0708);
        assert!(record.body.is_empty());

        let body = [1, 0x01, 0x02, 0x03, 0x04, 0x05, 0xff, 0xff, 0xff, 0, 0, 1, 42];
        let record = RecordView { epoch: 0, body: &body, ..record };
        let fragment = record.fragments().next().unwrap();
        assert_eq!((fragment.length, fragment.message_seq), (0x0001_0203, 0x0405));
        assert_eq!(fragment.range(), 0xff_ffff..0x100_0000);
        assert_eq!(fragment.bytes, [42]);
    }

    #[test]
    fn reading_stops_where_no_whole_record_follows() {
        let first = record(ContentType::APPLICATION_DATA, 1, 0, b"data");
        let second = record(ContentType::APPLICATION_DATA, 1, 1, b"more");
        for len in 0..second.len() {
            let datagram = [&first, &second[..len]].concat();
            let mut reading = records(&datagram);
            assert_eq!(reading.by_ref().count(), 1, "{len} bytes of the second");
            assert_eq!(reading.unread(), &second[..len]);
            assert_eq!(reading.next(), None);
        }
        let tls = [0x16, 0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(records(&tls).next(), None);
        let unified = [0x2f, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(records(&unified).next(), None);
    }

    #[test]
    fn fragments_that_do_not_fit_their_record_are_left_unread() {
        let mut body = fragment(HandshakeType::SERVER_HELLO_DONE, 4, 0, 0, b"");
        let mut long = fragment(HandshakeType::CERTIFICATE, 5, 9, 0, b"abc");
        long.pop();
        body.extend(&long);
        let datagram = record(ContentType::HANDSHAKE, 0, 0, &body);
        let record = records(&datagram).next().unwrap();
        let mut fragments = record.fragments();
        assert_eq!(fragments.by_ref().count(), 1);
        assert_eq!(fragments.unread(), long);
        assert_eq!(
            record.to_string(),
            "HANDSHAKE, epoch 0, sequence 0, 26 bytes: SERVER_HELLO_DONE 4 (0 bytes); 14 bytes unread"
        );
    }

    #[test]
    fn only_plaintext_alerts_are_read() {
        let datagram = record(ContentType::ALERT, 0, 0, &[2, 40]);
        let alert = records(&datagram).next().unwrap().alert().unwrap();
        assert_eq!(alert, AlertView { level: AlertLevel::FATAL, description: AlertDescription::HANDSHAKE_FAILURE });
        for (content_type, epoch, body) in [
            (ContentType::ALERT, 1, &[2, 40][..]),
            (ContentType::ALERT, 0, &[2]),
            (ContentType::ALERT, 0, &[1, 0, 1, 0]),
            (ContentType::HANDSHAKE, 0, &[2, 40]),
        ] {
            let datagram = record(content_type, epoch, 0, body);
            assert_eq!(records(&datagram).next().unwrap().alert(), None);
        }
    }
}
