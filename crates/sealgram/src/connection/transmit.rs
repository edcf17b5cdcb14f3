//! Handing out flights and alerts.

use core::num::NonZeroUsize;

use super::Connection;
use crate::code::ContentType;
use crate::error::{CryptoError, Error, Failure, KeyLimit};
use crate::flight::outgoing::Cursor;
use crate::handshake::State;
use crate::received::Transmit;
use crate::record::SealError;
use crate::stats::DiscardReason;
use crate::time::Instant;
use crate::trace;

impl Connection {
    /// Writes the next datagrams of the protocol itself to `out`; `None` when there are none.
    ///
    /// One call gives a run of datagrams: all of one size, of which the last may be shorter. Each is at most as long as
    /// the MTU. An `out` shorter than [`min_datagram`](Self::min_datagram) gives `None`, and is counted.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let now = self.advance(now);
        let _span = self.trace.enter();
        if out.len() < self.min_datagram() {
            if self.has_output() {
                self.stats.discard(DiscardReason::OutputBufferTooShort);
            }
            return None;
        }
        let flight = self.transmit_flight(now, out);
        let response = || self.transmit_path_response(out).map(|(_, transmit)| transmit);
        let transmit = flight.or_else(response).or_else(|| self.transmit_alert(out));
        self.erase_keys_once_over();
        transmit
    }

    /// As many datagrams of the flight as are of one size and fit.
    fn transmit_flight(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        if self.transport.external_retransmission {
            return None;
        }
        let mut len = 0;
        let mut segment_size = None;
        while self.outgoing.has_unsent() && self.may_send_flight(now) {
            let rest = out.get_mut(len..)?;
            // Only the first datagram is cut to the buffer: what is left behind it is no reason for smaller ones.
            let most = if len == 0 { self.flight_mtu.min(rest.len()) } else { self.flight_mtu };
            let datagram_len = self.plan_datagram(self.outgoing.cursor(), most);
            // A longer datagram begins the next run, and so does one that has no room here.
            let limit = segment_size.map_or(most, NonZeroUsize::get).min(rest.len());
            if datagram_len == 0 || datagram_len > limit {
                break;
            }
            if let Err(error) = self.fill_datagram(rest, datagram_len) {
                self.fail(Failure { error: seal_failure(error), at: None });
                return None;
            }
            self.burst.on_datagram(now);
            len += datagram_len;
            let size = *segment_size.get_or_insert(NonZeroUsize::new(datagram_len)?);
            if datagram_len < size.get() {
                break;
            }
        }
        if len == 0 {
            return None;
        }
        if !self.outgoing.has_unsent() {
            self.on_flight_sent(now);
        }
        Some(Transmit { len, segment_size: segment_size.filter(|size| size.get() < len) })
    }

    /// How long the datagram is that begins at `cursor` and has at most `limit` bytes. Nothing is sealed for this: what
    /// is sealed has a number, and must be sent.
    pub(super) fn plan_datagram(&self, mut cursor: Cursor, limit: usize) -> usize {
        let mut len = 0;
        while let Some(epoch) = self.outgoing.peek_epoch(cursor) {
            let Some(overhead) = self.records.overhead(epoch) else { break };
            let Some(room) = limit.checked_sub(len + overhead) else { break };
            let Some(piece) = self.outgoing.next_piece(cursor, room.min(self.records.max_content(epoch))) else {
                break;
            };
            len += overhead + piece.payload_len();
            cursor = piece.after;
        }
        len
    }

    /// Seals what was planned: records one behind the other, `len` bytes in all.
    pub(super) fn fill_datagram(&mut self, out: &mut [u8], len: usize) -> Result<(), SealError> {
        let mut at = 0;
        while at < len {
            let cursor = self.outgoing.cursor();
            let epoch = self.outgoing.peek_epoch(cursor).ok_or(SealError::NoRoom)?;
            let overhead = self.records.overhead(epoch).ok_or(SealError::NoSuchEpoch)?;
            let offset = self.records.payload_offset(epoch).ok_or(SealError::NoSuchEpoch)?;
            let room = len.checked_sub(at + overhead).ok_or(SealError::NoRoom)?;
            let record = out.get_mut(at..len).ok_or(SealError::NoRoom)?;
            let room = room.min(self.records.max_content(epoch));
            let piece = self.outgoing.next_piece(cursor, room).ok_or(SealError::NoRoom)?;
            let payload = record.get_mut(offset..).ok_or(SealError::NoRoom)?;
            let payload_len = piece.write(payload).ok_or(SealError::NoRoom)?;
            let (epoch, content_type, after) = (piece.epoch, piece.content_type, piece.after);
            at += self.records.seal(epoch, content_type, record, payload_len)?;
            self.stats.records_sent += 1;
            self.outgoing.set_cursor(after);
        }
        Ok(())
    }

    pub(super) fn on_flight_sent(&mut self, now: Instant) {
        let [a, b, c, d, ..] = self.seed.next(b"jitter");
        self.retransmit.flight_sent(now, u32::from_be_bytes([a, b, c, d]));
        let timeout = self.retransmit.deadline().map(|due| due - now);
        trace::flight_sent(self.retransmit.resends_unanswered(), timeout, self.flight_mtu);
        if matches!(self.state, Ok(State::Connected(_))) {
            self.announce_connected();
        }
    }

    fn transmit_alert(&mut self, out: &mut [u8]) -> Option<Transmit> {
        // What an application has not taken yet of a last flight has to be there before the peer can read this.
        if self.transport.external_retransmission && self.outgoing.has_unsent() {
            return None;
        }
        let alert = self.alert.take()?;
        let transmit = self.transmit_record(ContentType::ALERT, &alert.encode(), out)?;
        trace::alert_sent(alert.level, alert.description);
        Some(transmit)
    }

    /// A datagram of one record, in the newest epoch. `None` if there is no room, or the key may protect no more: then it
    /// neither says goodbye nor answers.
    pub(super) fn transmit_record(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut [u8],
    ) -> Option<Transmit> {
        let epoch = self.records.write_epoch();
        let offset = self.records.payload_offset(epoch)?;
        out.get_mut(offset..)?.get_mut(..content.len())?.copy_from_slice(content);
        let len = self.records.seal(epoch, content_type, out, content.len()).ok()?;
        self.stats.records_sent += 1;
        Some(Transmit { len, segment_size: None })
    }
}

/// What it means that a flight could not be sealed.
pub(super) const fn seal_failure(error: SealError) -> Error {
    match error {
        SealError::KeyLimit => Error::KeyLimit(KeyLimit::Confidentiality),
        SealError::Crypto(error) => Error::Crypto(error),
        SealError::NoRoom | SealError::NoSuchEpoch | SealError::NotAllowed | SealError::TooLong => {
            Error::Crypto(CryptoError::MessageTooLong)
        }
    }
}
