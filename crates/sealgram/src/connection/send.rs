//! Sending application data: one record for each payload, sealed where the caller wants it.

use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;

use super::Connection;
use crate::code::ContentType;
use crate::error::{Failure, KeyLimit};
use crate::event::{Event, Status};
use crate::received::Transmit;
use crate::record::SealError;

impl Connection {
    /// Seals `payload` as one record at the start of `out`, and gives its length. Send exactly these bytes as one
    /// datagram, now.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sealed then.
    pub fn send(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, SendError> {
        let epoch = self.check_send(payload.len())?;
        let offset = self.records.payload_offset(epoch).ok_or(SendError::NotConnected)?;
        let room = out.get_mut(offset..).and_then(|rest| rest.get_mut(..payload.len())).ok_or(SendError::NoRoom)?;
        room.copy_from_slice(payload);
        self.seal(epoch, out, payload.len())
    }

    /// Seals the bytes at `payload` of `buf` as one record around them, in place, and gives where the record stands.
    /// [`max_overhead`](Self::max_overhead) bytes before and after the payload are enough.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sealed then. [`SendError::NoRoom`] if the range is outside `buf` or too close to its
    /// ends.
    pub fn seal_in_place(&mut self, buf: &mut [u8], payload: Range<usize>) -> Result<Range<usize>, SendError> {
        let epoch = self.check_send(payload.len())?;
        let offset = self.records.payload_offset(epoch).ok_or(SendError::NotConnected)?;
        let start = payload.start.checked_sub(offset).ok_or(SendError::NoRoom)?;
        let out = buf.get_mut(start..).ok_or(SendError::NoRoom)?;
        let len = self.seal(epoch, out, payload.len())?;
        Ok(start..start + len)
    }

    /// Cuts `payload` into pieces of `segment` bytes, the last of which may be shorter, and seals each as a record of
    /// its own: datagrams of equal size one behind the other, ready for a socket with segmentation offload.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`SendError::NoRoom`] and [`SendError::TooLong`] before anything was sealed. After
    /// [`SendError::KeyLimit`] what was sealed before is lost.
    pub fn send_segments(
        &mut self,
        payload: &[u8],
        segment: NonZeroUsize,
        out: &mut [u8],
    ) -> Result<Transmit, SendError> {
        let epoch = self.check_send(segment.get().min(payload.len()))?;
        let overhead = self.records.overhead(epoch).ok_or(SendError::NotConnected)?;
        let headers = payload.len().div_ceil(segment.get()).checked_mul(overhead);
        let total = headers.and_then(|headers| headers.checked_add(payload.len())).ok_or(SendError::NoRoom)?;
        let out = out.get_mut(..total).ok_or(SendError::NoRoom)?;
        let mut at = 0;
        for piece in payload.chunks(segment.get()) {
            let rest = out.get_mut(at..).ok_or(SendError::NoRoom)?;
            at += self.send(piece, rest)?;
        }
        let segment_size =
            if payload.len() > segment.get() { NonZeroUsize::new(segment.get() + overhead) } else { None };
        Ok(Transmit { len: at, segment_size })
    }

    /// The longest payload that [`send`](Self::send) takes, in bytes: what fits a datagram of the MTU, and what the peer
    /// takes in one record (RFC 8449, RFC 6066 section 4). Before the handshake is complete, what would fit in plaintext.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        let most = self.records.max_content(self.records.write_epoch());
        self.transport.mtu.saturating_sub(self.max_overhead()).min(most)
    }

    /// How many bytes a record has beside its payload: at most this many (RFC 6347 section 4.1.1.1).
    #[must_use]
    pub fn max_overhead(&self) -> usize {
        self.records.overhead(self.records.write_epoch()).unwrap_or_default()
    }

    /// Whether a payload of this length may be sent now; the epoch to send it in.
    fn check_send(&self, len: usize) -> Result<u64, SendError> {
        if self.state.is_err() {
            return Err(SendError::Closed);
        }
        if self.status() != Status::Connected {
            return Err(SendError::NotConnected);
        }
        let most = self.max_payload();
        if len > most { Err(SendError::TooLong { most }) } else { Ok(self.records.write_epoch()) }
    }

    fn seal(&mut self, epoch: u64, out: &mut [u8], payload_len: usize) -> Result<usize, SendError> {
        let sealed = self.records.seal(epoch, ContentType::APPLICATION_DATA, out, payload_len);
        match sealed {
            Ok(len) => {
                self.stats.records_sent += 1;
                if !self.key_limit_announced && self.records.near_limit() {
                    self.key_limit_announced = true;
                    self.events.push_back(Event::KeyLimitNear);
                    self.trace.key_limit_near();
                }
                Ok(len)
            }
            Err(SealError::KeyLimit) => {
                self.fail(Failure { error: KeyLimit::Confidentiality.into(), at: None });
                Err(SendError::KeyLimit)
            }
            Err(SealError::Crypto(error)) => {
                self.fail(Failure { error: error.into(), at: None });
                Err(SendError::Closed)
            }
            Err(SealError::NoRoom | SealError::NoSuchEpoch | SealError::NotAllowed | SealError::TooLong) => {
                Err(SendError::NoRoom)
            }
        }
    }
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended.
    Closed,
    /// The write key has protected as much as it may. The connection has ended; connect anew.
    KeyLimit,
    /// The output buffer is too short.
    NoRoom,
    /// The handshake is not complete: wait for [`Event::Connected`].
    NotConnected,
    /// The payload does not fit one record in one datagram.
    TooLong {
        /// The longest that does, in bytes.
        most: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection has ended"),
            Self::KeyLimit => f.write_str("the keys are used up; connect anew"),
            Self::NoRoom => f.write_str("the output buffer is too short"),
            Self::NotConnected => f.write_str("the handshake is not complete"),
            Self::TooLong { most } => write!(f, "the payload is longer than the {most} bytes that fit a datagram"),
        }
    }
}

impl core::error::Error for SendError {}
