//! Datagram to records, record to plaintext, and plaintext to record.
//!
//! Reading takes two steps, so that the caller walks a datagram and decides between its records: [`RecordLayer::split`]
//! finds the next record, [`RecordLayer::open`] opens it where it stands. Writing is one step, [`RecordLayer::seal`],
//! and there is no other way to a sealed record.

use core::ops::Range;

use crate::cid::{ConnectionId, ConnectionIds};
use crate::code::{ContentType, ProtocolVersion};
use crate::record::epoch::{Epochs, OpenError, Protection, ReadKeys, SealError, WriteEpoch};
use crate::record::limits::SizeLimits;
use crate::record::usage::Usage;
use crate::stats::DiscardReason;
use crate::trace;
use crate::wire::record::{FIRST_BYTES, MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordHeader};

/// The records of one association, in both directions.
///
/// Input that does not open changes nothing here but the count of failed openings of its key.
pub(crate) struct RecordLayer {
    /// Epoch 0 has no keys, and so no replay window either: where nothing is authentic, one forged sequence number
    /// would shut out the true records (RPL-06). What repeats there is told apart by message_seq, further up.
    read: Epochs<Option<ReadKeys>>,
    write: Epochs<WriteEpoch>,
    /// The version that plaintext records carry. Protected ones are always DTLS 1.2.
    plaintext_version: ProtocolVersion,
    /// Epoch and sequence number of the newest record that opened under a key.
    newest: Option<(u64, u64)>,
    /// What protected records carry in each direction. Until the handshake has settled it, ours is what we offered.
    cids: ConnectionIds,
    limits: SizeLimits,
}

/// A record found in a datagram: framed, and otherwise unexamined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawRecord {
    pub(crate) header: RecordHeader,
    /// Where in the datagram its header begins.
    pub(crate) at: usize,
    /// Where in the datagram its connection ID stands: nowhere, unless it is of the type that has one.
    pub(crate) cid: Range<usize>,
    /// Where in the datagram its body stands. The next record begins at its end.
    pub(crate) body: Range<usize>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It opened, or is plaintext of an epoch that has no keys.
    Opened(OpenedRecord),
    /// It belongs to the next epoch, whose keys are not there yet. It was not touched.
    Early,
    /// It is dropped, and the association goes on. What its body held is gone if it was opened in vain.
    Discarded(DiscardReason),
    /// It did not open, or was not even tried, as the key has seen as many failures as it may: the association ends.
    IntegrityLimit,
}

/// A record whose plaintext stands in the datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenedRecord {
    /// ChangeCipherSpec, alert, handshake or application data, the last only if it was protected.
    pub(crate) content_type: ContentType,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// Whether it is newer than every record that opened before, by epoch and then by number. Never true of plaintext,
    /// which proves nothing.
    pub(crate) newest: bool,
    /// Where in the datagram its content stands. Behind protected content lie 8 bytes or more of dead tag.
    pub(crate) plaintext: Range<usize>,
}

impl RecordLayer {
    /// Epoch 0 in both directions, with the sequence number 0 to write next.
    pub(crate) const fn new() -> Self {
        Self {
            read: Epochs::new(None),
            write: Epochs::new(WriteEpoch::plaintext()),
            plaintext_version: ProtocolVersion::DTLS_1_2,
            newest: None,
            cids: ConnectionIds::NONE,
            limits: SizeLimits::NONE,
        }
    }

    /// Goes on with the keys of an association whose handshake is complete, in epoch 1, as far as they were used.
    ///
    /// `keeps_plaintext` says whether a last flight is kept that has parts in epoch 0. `None` if a key is used up.
    pub(crate) fn resume([read, write]: [Protection; 2], usage: &Usage, keeps_plaintext: bool) -> Option<Self> {
        let (read, write) = (ReadKeys::resume(read, usage.read), WriteEpoch::resume(write, usage.write));
        if read.is_spent() || write.is_spent() {
            return None;
        }
        let mut layer = Self::new();
        layer.start_sequence(usage.plaintext_sequence);
        layer.read.install(Some(read));
        layer.write.install(write);
        layer.newest = usage.read.window_end.checked_sub(1).map(|newest| (layer.read.number(), newest));
        layer.drop_read_epochs_before(layer.read.number());
        if !keeps_plaintext {
            layer.forget_write_epochs_before(layer.write.number());
        }
        Some(layer)
    }

    /// How far the keys are used; `None` where there are none.
    pub(crate) fn usage(&self) -> Option<Usage> {
        // The others are set anew, or told by the caller.
        let Self { read, write, plaintext_version: _, newest: _, cids: _, limits: _ } = self;
        Some(Usage {
            plaintext_sequence: write.get(0).map_or(0, |epoch| epoch.usage().next_sequence),
            write: write.current().usage(),
            read: read.current().as_ref()?.usage(),
        })
    }

    /// Which connection IDs protected records carry from now on, in each direction.
    pub(crate) fn set_connection_ids(&mut self, cids: ConnectionIds) {
        self.cids = cids;
    }

    /// The connection ID in the records that we receive; empty if there is none.
    pub(crate) const fn expected_id(&self) -> &ConnectionId {
        &self.cids.ours
    }

    /// How long the connection ID is in the records that we receive, for [`split`](Self::split).
    pub(crate) fn cid_len(&self) -> usize {
        self.cids.ours.len()
    }

    /// How many bytes of what we send a connection ID takes, the type inside included.
    pub(crate) fn cid_overhead(&self) -> usize {
        match self.cids.peer.len() {
            0 => 0,
            len => len.saturating_add(INNER_TYPE_LEN),
        }
    }

    /// How long records may be.
    pub(crate) const fn limits(&self) -> SizeLimits {
        self.limits
    }

    /// Keeps to these lengths from now on, in all epochs.
    pub(crate) const fn set_limits(&mut self, limits: SizeLimits) {
        self.limits = limits;
    }

    /// Which version the plaintext records to come carry: DTLS 1.2 unless this says otherwise.
    ///
    /// RFC 6347 section 4.2.1 leaves the records of a first ClientHello to choice. A client says DTLS 1.0 there, which
    /// the most peers tolerate, and DTLS 1.2 from the answer on. Nobody may conclude anything from it.
    pub(crate) const fn set_initial_version(&mut self, version: ProtocolVersion) {
        self.plaintext_version = version;
    }

    /// Epoch 0 is written from this number on, for a server that answers a hello statelessly validated before: RFC 6347
    /// section 4.2.1 has its ServerHello begin at the number of that hello.
    pub(crate) fn start_sequence(&mut self, sequence: u64) {
        if let Some(epoch) = self.write.get_mut(0) {
            epoch.skip_to(sequence);
        }
    }

    /// The peer's next epoch begins. Records of the former ones are accepted until they are dropped.
    pub(crate) fn install_read(&mut self, protection: Protection) {
        self.read.install(Some(ReadKeys::new(protection)));
        trace::reads_epoch(self.read.number());
    }

    /// Our next epoch begins. The former ones can still be written: a flight that is sent again has its
    /// ChangeCipherSpec in epoch 0 and its Finished in epoch 1, each under numbers that continue.
    pub(crate) fn install_write(&mut self, protection: Protection) {
        self.write.install(WriteEpoch::protected(protection));
        trace::writes_epoch(self.write.number());
    }

    /// Records of epochs below `number` are discarded from now on. The current epoch stays in any case.
    pub(crate) fn drop_read_epochs_before(&mut self, number: u64) {
        self.read.forget_before(number);
    }

    /// Epochs below `number` are not written any more. The current epoch stays in any case.
    pub(crate) fn forget_write_epochs_before(&mut self, number: u64) {
        self.write.forget_before(number);
    }

    /// How long the content of this protected record is, if it is not padded; `None` where there are no keys, or no
    /// such length.
    pub(crate) fn content_len(&self, record: &RawRecord) -> Option<usize> {
        let keys = self.read.get(u64::from(record.header.epoch))?.as_ref()?;
        let has_inner_type = record.header.content_type == ContentType::TLS12_CID;
        keys.content_len(record.body.len())?.checked_sub(if has_inner_type { INNER_TYPE_LEN } else { 0 })
    }

    /// The highest epoch whose records open.
    pub(crate) const fn read_epoch(&self) -> u64 {
        self.read.number()
    }

    /// The highest epoch that can be written.
    pub(crate) const fn write_epoch(&self) -> u64 {
        self.write.number()
    }

    /// The record that begins at `at`; `None` at the end of the datagram. Where it is of the type that carries a
    /// connection ID, that is `cid_len` bytes long.
    ///
    /// # Errors
    ///
    /// The reason why no record begins there. Where the next one would begin is then anybody's guess, so an error ends
    /// the datagram. What came before keeps its effect (RFC 6347 section 4.1.2.7).
    pub(crate) fn split(datagram: &[u8], at: usize, cid_len: usize) -> Option<Result<RawRecord, DiscardReason>> {
        let rest = datagram.get(at..)?;
        let first = rest.first()?;
        if !FIRST_BYTES.contains(first) {
            return Some(Err(DiscardReason::NotDtls));
        }
        let cid_len = if ContentType(*first) == ContentType::TLS12_CID { cid_len } else { 0 };
        let Some(header) = RecordHeader::decode_around(cid_len, rest) else {
            return Some(Err(DiscardReason::TruncatedRecord));
        };
        // Another major version is another protocol, and the length need not stand where ours does.
        if !header.version.is_dtls() {
            return Some(Err(DiscardReason::WrongRecordVersion));
        }
        let cid_start = at.saturating_add(RecordHeader::LEN_BEFORE_CID);
        let cid = cid_start..cid_start.saturating_add(cid_len);
        let start = at.saturating_add(RecordHeader::LEN).saturating_add(cid_len);
        let end = start.saturating_add(usize::from(header.length));
        // No UDP datagram is longer than MAX_DATAGRAM: a record beyond is cut off as the network would have done.
        if end > datagram.len().min(MAX_DATAGRAM) {
            return Some(Err(DiscardReason::TruncatedRecord));
        }
        Some(Ok(RawRecord { header, at, cid, body: start..end }))
    }

    /// Opens in place a record that [`split`](Self::split) found in this datagram.
    ///
    /// Whatever comes of it, the datagram goes on behind the record: a bad one says nothing about those after it.
    pub(crate) fn open(&mut self, datagram: &mut [u8], record: &RawRecord) -> Opening {
        match self.try_open(datagram, record) {
            Ok(opening) => opening,
            Err(OpenError::Discarded(reason)) => Opening::Discarded(reason),
            Err(OpenError::IntegrityLimit) => Opening::IntegrityLimit,
        }
    }

    fn try_open(&mut self, datagram: &mut [u8], record: &RawRecord) -> Result<Opening, OpenError> {
        let RawRecord { header, body, .. } = record;
        check_header(header, &self.cids)?;
        self.check_cid(datagram, record)?;
        let epoch = u64::from(header.epoch);
        let limits = self.limits;
        let Some(keys) = self.read.get_mut(epoch) else {
            return self.without_keys(epoch);
        };
        let Some(bytes) = datagram.get_mut(body.clone()) else {
            return Err(DiscardReason::TruncatedRecord.into());
        };
        let (plaintext, content_type, newest) = match keys {
            None => {
                check_content_len(header.content_type, bytes.len(), MAX_PLAINTEXT)?;
                (body.clone(), header.content_type, false)
            }
            Some(keys) => {
                // RFC 9146 section 3: once a connection ID was agreed on, a record without it is not the peer's. While
                // the keys are not there, neither is the agreement.
                if !self.cids.ours.is_empty() && header.content_type != ContentType::TLS12_CID {
                    return Err(DiscardReason::MissingConnectionId.into());
                }
                // A body without room for nonce and tag fails like any forgery, and costs the key nothing.
                let content_len = keys.content_len(bytes.len()).ok_or(DiscardReason::AuthenticationFailed)?;
                // RFC 8449 section 4: over datagrams, what is too long is dropped rather than fatal.
                let has_inner_type = header.content_type == ContentType::TLS12_CID;
                let most = if has_inner_type { limits.read } else { limits.read.min(limits.content) };
                check_content_len(header.content_type, content_len, most)?;
                let inner = keys.open(header, self.cids.ours.as_bytes(), bytes)?;
                let (content_type, content_len) = if has_inner_type {
                    unwrap_inner(bytes.get(inner.clone()).unwrap_or_default(), limits.content, self.cids.path_checks)?
                } else {
                    (header.content_type, inner.len())
                };
                let start = body.start.saturating_add(inner.start);
                let plaintext = start..start.saturating_add(content_len);
                (plaintext, content_type, self.is_newest(epoch, header.sequence))
            }
        };
        let sequence = header.sequence;
        Ok(Opening::Opened(OpenedRecord { content_type, epoch, sequence, newest, plaintext }))
    }

    /// A record with a connection ID is for us only if it is ours.
    fn check_cid(&self, datagram: &[u8], record: &RawRecord) -> Result<(), DiscardReason> {
        let has_cid = record.header.content_type == ContentType::TLS12_CID;
        if has_cid && datagram.get(record.cid.clone()) != Some(self.cids.ours.as_bytes()) {
            return Err(DiscardReason::WrongConnectionId);
        }
        Ok(())
    }

    /// A record of an epoch that has no keys here, or no more.
    fn without_keys(&self, epoch: u64) -> Result<Opening, OpenError> {
        let current = self.read.number();
        if epoch == current.saturating_add(1) {
            Ok(Opening::Early)
        } else if epoch > current {
            Err(DiscardReason::FutureEpoch.into())
        } else {
            Err(DiscardReason::OldEpoch.into())
        }
    }

    /// Whether the authentic record of this number is newer than all before; if so, it is the newest now.
    fn is_newest(&mut self, epoch: u64, sequence: u64) -> bool {
        let this = Some((epoch, sequence));
        let is_newest = this > self.newest;
        if is_newest {
            self.newest = this;
        }
        is_newest
    }

    /// How many bytes a record of this epoch has beside its content.
    pub(crate) fn overhead(&self, epoch: u64) -> Option<usize> {
        let protection = self.write.get(epoch)?.protection();
        let expansion = protection.map_or(0, |protection| protection.expansion().saturating_add(self.cid_overhead()));
        Some(expansion.saturating_add(RecordHeader::LEN))
    }

    /// Where in a record of this epoch its content begins.
    pub(crate) fn payload_offset(&self, epoch: u64) -> Option<usize> {
        let protection = self.write.get(epoch)?.protection();
        let before = protection.map_or(0, |protection| protection.explicit_len().saturating_add(self.cids.peer.len()));
        Some(before.saturating_add(RecordHeader::LEN))
    }

    /// How much content a record of this epoch may have that we write, in bytes.
    ///
    /// RFC 8449 section 4 exempts plaintext records from the peer's limit. Ours keep to it all the same: GnuTLS drops
    /// those that do not, so that its handshake never ends, and a message may be cut into pieces of any length.
    pub(crate) fn max_content(&self, epoch: u64) -> usize {
        let has_inner_type = epoch > 0 && !self.cids.peer.is_empty();
        self.limits.written_content(if has_inner_type { INNER_TYPE_LEN } else { 0 })
    }

    /// Makes a record at the start of `out` from the `payload_len` bytes that stand at
    /// [`payload_offset`](Self::payload_offset), and returns its length.
    ///
    /// It takes the next sequence number of the epoch, always: there is no way to choose one, so no nonce is used
    /// twice. An error takes none, but for [`SealError::Crypto`].
    pub(crate) fn seal(
        &mut self,
        epoch: u64,
        content_type: ContentType,
        out: &mut [u8],
        payload_len: usize,
    ) -> Result<usize, SealError> {
        let is_plaintext_data = epoch == 0 && content_type == ContentType::APPLICATION_DATA;
        if is_plaintext_data || payload_len == 0 && !may_be_empty(content_type) {
            return Err(SealError::NotAllowed);
        }
        if payload_len > self.max_content(epoch) {
            return Err(SealError::TooLong);
        }
        let payload_offset = self.payload_offset(epoch).ok_or(SealError::NoSuchEpoch)?;
        let overhead = self.overhead(epoch).ok_or(SealError::NoSuchEpoch)?;
        let write = self.write.get_mut(epoch).ok_or(SealError::NoSuchEpoch)?;
        // RFC 6347 section 4.1: the epoch on the wire never wraps; beyond it there is no epoch to write.
        let wire_epoch = u16::try_from(epoch).map_err(|_| SealError::NoSuchEpoch)?;
        let version = if epoch == 0 { self.plaintext_version } else { ProtocolVersion::DTLS_1_2 };
        let record_len = overhead.saturating_add(payload_len);
        let record = out.get_mut(..record_len).ok_or(SealError::NoRoom)?;
        // RFC 9146 section 3: only protected records carry a connection ID.
        let cid = if epoch == 0 { &[] } else { self.cids.peer.as_bytes() };
        let mut outer_type = content_type;
        if !cid.is_empty() {
            // RFC 9146 section 4: the content, its type, and zeros if one wants; we want none.
            *record.get_mut(payload_offset.saturating_add(payload_len)).ok_or(SealError::NoRoom)? = content_type.0;
            outer_type = ContentType::TLS12_CID;
        }
        write.seal(wire_epoch, version, outer_type, cid, record)?;
        Ok(record_len)
    }

    /// Whether the current write epoch has used 7/8 of what its key, or its sequence numbers, allow.
    pub(crate) fn near_limit(&self) -> bool {
        self.write.current().is_near_limit()
    }

    /// Puts the counters of a write epoch where a test wants them.
    #[cfg(test)]
    pub(crate) fn preset_write(&mut self, epoch: u64, next_sequence: u64, blocks_protected: u64) {
        self.write.get_mut(epoch).unwrap().preset(next_sequence, blocks_protected);
    }
}

/// Refuses what no record of its epoch can be, before anything is asked of keys or windows.
fn check_header(header: &RecordHeader, cids: &ConnectionIds) -> Result<(), DiscardReason> {
    let is_protected = header.epoch > 0;
    // A plaintext record may have any minor version: it drives nothing (RFC 5246 appendix E.1). A protected one has
    // the version that was negotiated.
    if is_protected && header.version != ProtocolVersion::DTLS_1_2 {
        return Err(DiscardReason::WrongRecordVersion);
    }
    match header.content_type {
        ContentType::CHANGE_CIPHER_SPEC | ContentType::ALERT | ContentType::HANDSHAKE => {}
        ContentType::APPLICATION_DATA if is_protected => {}
        // RFC 9146 section 3: plaintext never has a connection ID. Section 4: it has one byte or more.
        ContentType::TLS12_CID if is_protected && !cids.ours.is_empty() => {}
        // RFC 9853 section 4: only where both sides have agreed on it, and only under keys.
        ContentType::RETURN_ROUTABILITY_CHECK if is_protected && cids.path_checks => {}
        ContentType::APPLICATION_DATA => return Err(DiscardReason::PlaintextApplicationData),
        _ => return Err(DiscardReason::UnknownContentType),
    }
    // RFC 5246 section 6.2.3 would end a TLS connection here; over UDP anybody could.
    if usize::from(header.length) > MAX_CIPHERTEXT {
        return Err(DiscardReason::OversizedRecord);
    }
    Ok(())
}

/// Refuses content of a length that its type may not have (RFC 5246 section 6.2.1). What a record's content measures
/// is known before it is opened.
fn check_content_len(content_type: ContentType, len: usize, most: usize) -> Result<(), DiscardReason> {
    if len > most {
        Err(DiscardReason::OversizedRecord)
    } else if len == 0 && !may_be_empty(content_type) {
        Err(DiscardReason::EmptyRecord)
    } else {
        Ok(())
    }
}

/// What a record with a connection ID holds: content, type, and any number of zeros (RFC 9146 section 4). Says the type
/// and how long the content is.
fn unwrap_inner(inner: &[u8], most: usize, path_checks: bool) -> Result<(ContentType, usize), DiscardReason> {
    let last = inner.iter().enumerate().rfind(|(_, byte)| **byte != 0);
    let (len, content_type) = last.ok_or(DiscardReason::InvalidInnerType)?;
    let content_type = ContentType(*content_type);
    match content_type {
        ContentType::ALERT | ContentType::HANDSHAKE | ContentType::APPLICATION_DATA => {}
        ContentType::RETURN_ROUTABILITY_CHECK if path_checks => {}
        // ChangeCipherSpec is never protected in an epoch that has connection IDs, and there is no second wrapping.
        _ => return Err(DiscardReason::InvalidInnerType),
    }
    check_content_len(content_type, len, most)?;
    Ok((content_type, len))
}

/// How much room the type of the content takes inside a record with a connection ID (RFC 9146 section 4).
const INNER_TYPE_LEN: usize = 1;

/// RFC 5246 section 6.2.1: only application data may be sent in records without content.
fn may_be_empty(content_type: ContentType) -> bool {
    content_type == ContentType::APPLICATION_DATA
}

/// No UDP datagram holds more than this, as its length is a 16-bit field (RFC 768). Offsets into a datagram thus fit
/// into 16 bits, which the links of `Received` rely on.
pub(crate) const MAX_DATAGRAM: usize = 65_535;

#[cfg(test)]
mod tests;
