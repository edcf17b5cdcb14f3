//! One epoch in one direction: its keys, how their nonces are made, and how much they may still be used.
//!
//! Which epochs there are and which records belong to them is the layer's to say.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use zeroize::Zeroizing;

use crate::cid::ConnectionId;
use crate::code::{ContentType, ProtocolVersion};
use crate::crypto::{AeadKey, AeadLimits, AuthenticationFailed, NONCE_LEN, Nonce, Suite};
use crate::error::CryptoError;
use crate::record::replay::ReplayWindow;
use crate::record::usage::{ReadUsage, WriteUsage};
use crate::stats::DiscardReason;
use crate::wire::record::{MAX_PLAINTEXT, MAX_SEQUENCE, RecordHeader};

/// The epochs of one direction, looked up by number (RFC 6347 section 4.1).
///
/// Numbers are wider in memory than the 16 bits on the wire: they never wrap, and an epoch that has no number on the
/// wire can be neither read nor written.
pub(crate) struct Epochs<T> {
    number: u64,
    current: T,
    /// Older epochs that are still of use, in ascending order.
    former: Vec<(u64, T)>,
}

impl<T> Epochs<T> {
    /// Epoch 0 alone.
    pub(crate) const fn new(first: T) -> Self {
        Self { number: 0, current: first, former: Vec::new() }
    }

    /// The number of the current epoch, which is the last one installed.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn current(&self) -> &T {
        &self.current
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        if number == self.number {
            return Some(&self.current);
        }
        self.former.iter().find(|(former, _)| *former == number).map(|(_, epoch)| epoch)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        if number == self.number {
            return Some(&mut self.current);
        }
        self.former.iter_mut().find(|(former, _)| *former == number).map(|(_, epoch)| epoch)
    }

    /// Begins the next epoch; the one before stays until it is forgotten.
    pub(crate) fn install(&mut self, next: T) {
        let former = core::mem::replace(&mut self.current, next);
        self.former.push((self.number, former));
        self.number = self.number.saturating_add(1);
    }

    /// Forgets the epochs below `number`, keys and all. The current one stays.
    pub(crate) fn forget_before(&mut self, number: u64) {
        self.former.retain(|(former, _)| *former >= number);
    }
}

/// What protects the records of one epoch in one direction: a key, its IV, and the limits of their use.
pub(crate) struct Protection {
    key: Box<dyn AeadKey>,
    /// The IV of the key block; where that has 4 bytes, zeros follow. The last 8 bytes of a nonce are these combined
    /// with a counter by XOR, so that one computation serves both forms of nonce.
    iv: Zeroizing<Nonce>,
    explicit_len: usize,
    tag_len: usize,
    limits: AeadLimits,
}

impl Protection {
    /// The key and the IV of one direction, as the key block has them.
    ///
    /// # Errors
    ///
    /// [`CryptoError::KeySetup`] if a length does not fit the suite, if the algorithm refuses the key, or if its tags
    /// are of a length that no suite has.
    pub(crate) fn new(suite: &Suite, key: &[u8], iv: &[u8]) -> Result<Self, CryptoError> {
        let tag_len = suite.aead.tag_len();
        if iv.len() != suite.nonce.iv_len() || !(MIN_TAG_LEN..=MAX_TAG_LEN).contains(&tag_len) {
            return Err(CryptoError::KeySetup);
        }
        let mut padded = Zeroizing::new([0; NONCE_LEN]);
        padded.iter_mut().zip(iv).for_each(|(to, from)| *to = *from);
        let key = suite.aead.key(key)?;
        Ok(Self { key, iv: padded, explicit_len: suite.nonce.explicit_len(), tag_len, limits: suite.limits })
    }

    /// Lets a key with short tags see so many failed openings, instead of what its suite says.
    ///
    /// RFC 9147 section 4.5.3: the limit for short tags is to fit the protections that there are besides, which only the
    /// application knows. Long tags have a limit that suits all.
    pub(crate) fn with_short_tag_forgeries(mut self, records: Option<u64>) -> Self {
        if self.tag_len < MAX_TAG_LEN {
            self.limits.failed_openings = records.unwrap_or(self.limits.failed_openings);
        }
        self
    }

    /// How many bytes protection adds to the content of a record.
    pub(crate) const fn expansion(&self) -> usize {
        self.explicit_len.saturating_add(self.tag_len)
    }

    /// How many of these bytes stand before the content.
    pub(crate) const fn explicit_len(&self) -> usize {
        self.explicit_len
    }

    /// Seals the content in the middle of `body`, and writes the explicit nonce before it and the tag behind it.
    fn seal(&self, header: &RecordHeader, cid: &[u8], body: &mut [u8]) -> Result<(), CryptoError> {
        let refused = || CryptoError::KeySetup;
        // RFC 9325 section 7.2.1: the explicit part of the nonce is epoch and sequence number, never random.
        let counter = header.number();
        let (explicit, sealed) = body.split_at_mut_checked(self.explicit_len).ok_or_else(refused)?;
        let content_len = sealed.len().checked_sub(self.tag_len).ok_or_else(refused)?;
        let (content, tag) = sealed.split_at_mut_checked(content_len).ok_or_else(refused)?;
        explicit.iter_mut().zip(counter).for_each(|(to, from)| *to = from);
        let nonce = self.nonce(counter);
        with_additional_data(header, cid, content_len, |aad| self.key.seal(&nonce, aad, content, tag))
    }

    /// Opens `body` in place and tells where in it the plaintext stands, with the dead tag behind it.
    fn open(&self, header: &RecordHeader, cid: &[u8], body: &mut [u8]) -> Result<Range<usize>, AuthenticationFailed> {
        let (explicit, sealed) = body.split_at_mut_checked(self.explicit_len).ok_or(AuthenticationFailed)?;
        let content_len = sealed.len().checked_sub(self.tag_len).ok_or(AuthenticationFailed)?;
        // RFC 5288 section 3: a peer may choose the explicit part as it likes, so it is taken from the wire. Where the
        // record carries none, its own number counts.
        let counter = explicit.first_chunk().copied().unwrap_or_else(|| header.number());
        let nonce = self.nonce(counter);
        let opened = with_additional_data(header, cid, content_len, |aad| self.key.open(&nonce, aad, sealed));
        if opened.is_err() {
            // RFC 5116 section 2.1: nothing leaves before the tag has verified, but an implementation may have left
            // there what it decrypted before it knew.
            sealed.fill(0);
        }
        opened.map(|()| self.explicit_len..self.explicit_len.saturating_add(content_len))
    }

    /// RFC 5288 section 3 and RFC 6655 section 3: IV, then the counter. RFC 7905 section 2: IV XOR the counter.
    fn nonce(&self, counter: [u8; 8]) -> Nonce {
        let mut nonce = *self.iv;
        let first_of_counter = NONCE_LEN.saturating_sub(counter.len());
        nonce.iter_mut().skip(first_of_counter).zip(counter).for_each(|(byte, count)| *byte ^= count);
        nonce
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").finish_non_exhaustive()
    }
}

/// Hands over what is bound to a record without being part of its body. The form without a connection ID is for records
/// that have none, and the other one for those that do: no record can be taken for one of the other kind (RFC 9146
/// section 5).
fn with_additional_data<T>(header: &RecordHeader, cid: &[u8], content_len: usize, then: impl FnOnce(&[u8]) -> T) -> T {
    if header.content_type != ContentType::TLS12_CID {
        return then(&additional_data(header, content_len));
    }
    let (data, len) = additional_data_with_cid(header, cid, content_len);
    then(data.get(..len).unwrap_or_default())
}

/// The form of RFC 9146 section 5.3, at the start of the array. The length is that of content, type and padding.
fn additional_data_with_cid(header: &RecordHeader, cid: &[u8], inner_len: usize) -> ([u8; MAX_CID_DATA], usize) {
    debug_assert!(inner_len <= MAX_PLAINTEXT, "checked before any key is used");
    let [v0, v1] = header.version.0.to_be_bytes();
    let [.., cid_len] = cid.len().to_be_bytes();
    let [.., l0, l1] = inner_len.to_be_bytes();
    let outer_type = header.content_type.0;
    let parts: [&[u8]; 5] = [&[0xff; 8], &[outer_type, cid_len, outer_type, v0, v1], &header.number(), cid, &[l0, l1]];
    let mut data = [0; MAX_CID_DATA];
    data.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    (data, parts.iter().fold(0, |len: usize, part| len.saturating_add(part.len())))
}

/// A placeholder for the number of TLS, type, length of the connection ID, type, version, epoch and number, connection
/// ID, length.
const MAX_CID_DATA: usize = 8 + 1 + 1 + 1 + 2 + 8 + ConnectionId::MAX_LEN + 2;

/// The form of RFC 6347 section 4.1.2.1 and RFC 5246 section 6.2.3.3. The length is that of the content, not of the
/// body on the wire.
fn additional_data(header: &RecordHeader, content_len: usize) -> [u8; 13] {
    debug_assert!(content_len <= MAX_PLAINTEXT, "checked before any key is used");
    let [n0, n1, n2, n3, n4, n5, n6, n7] = header.number();
    let [v0, v1] = header.version.0.to_be_bytes();
    let [.., l0, l1] = content_len.to_be_bytes();
    [n0, n1, n2, n3, n4, n5, n6, n7, header.content_type.0, v0, v1, l0, l1]
}

/// Opens the records of one epoch, counts what does not open, and sees to it that none is opened twice.
pub(crate) struct ReadKeys {
    protection: Protection,
    window: ReplayWindow,
    failed_openings: u64,
}

/// Why a record was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The record is dropped, and the association goes on.
    Discarded(DiscardReason),
    /// As many records failed to open as the key may see: it opens nothing any more.
    IntegrityLimit,
}

impl From<DiscardReason> for OpenError {
    fn from(reason: DiscardReason) -> Self {
        Self::Discarded(reason)
    }
}

impl ReadKeys {
    pub(crate) fn new(protection: Protection) -> Self {
        Self { protection, window: ReplayWindow::default(), failed_openings: 0 }
    }

    /// The keys of an association that was moved here. What opened before does not open again.
    pub(crate) const fn resume(protection: Protection, usage: ReadUsage) -> Self {
        let ReadUsage { window_end, window_seen, failed_openings } = usage;
        Self { protection, window: ReplayWindow::resume(window_end, window_seen), failed_openings }
    }

    pub(crate) const fn usage(&self) -> ReadUsage {
        let (window_end, window_seen) = self.window.position();
        ReadUsage { window_end, window_seen, failed_openings: self.failed_openings }
    }

    /// The length of the content that a body of this length holds; `None` if it cannot hold nonce and tag.
    pub(crate) const fn content_len(&self, body_len: usize) -> Option<usize> {
        body_len.checked_sub(self.protection.expansion())
    }

    /// Opens a record in place and tells where in `body` its plaintext stands.
    ///
    /// The order is RFC 6347 section 4.1.2.6: the window is asked before the key is used, and moves only after the tag
    /// has verified.
    pub(crate) fn open(
        &mut self,
        header: &RecordHeader,
        cid: &[u8],
        body: &mut [u8],
    ) -> Result<Range<usize>, OpenError> {
        if !self.window.would_accept(header.sequence) {
            return Err(OpenError::Discarded(DiscardReason::Replayed));
        }
        if self.is_spent() {
            return Err(OpenError::IntegrityLimit);
        }
        let Ok(plaintext) = self.protection.open(header, cid, body) else {
            self.failed_openings = self.failed_openings.saturating_add(1);
            return Err(if self.is_spent() {
                OpenError::IntegrityLimit
            } else {
                OpenError::Discarded(DiscardReason::AuthenticationFailed)
            });
        };
        self.window.accept(header.sequence);
        Ok(plaintext)
    }

    /// RFC 9325 section 4.4: forgers get a limited number of attempts at one key.
    pub(crate) const fn is_spent(&self) -> bool {
        self.failed_openings >= self.protection.limits.failed_openings
    }
}

/// Seals the records of one epoch, and hands out each of its sequence numbers once.
pub(crate) struct WriteEpoch {
    /// One more than the last number taken; above [`MAX_SEQUENCE`] there is none left.
    next_sequence: u64,
    /// `None` in epoch 0, whose records are plaintext.
    keys: Option<WriteKeys>,
}

struct WriteKeys {
    protection: Protection,
    /// Never above the limit of the algorithm.
    blocks_protected: u64,
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealError {
    /// The provider refused to seal.
    Crypto(CryptoError),
    /// The record would pass a usage limit of its key, or there is no sequence number left.
    KeyLimit,
    /// The buffer is shorter than the record.
    NoRoom,
    /// There are no keys for this epoch, or no more, or it has no number on the wire.
    NoSuchEpoch,
    /// No peer would accept it: an empty record of a type that must not be empty, or unprotected application data.
    NotAllowed,
    /// The content is longer than a record may carry.
    TooLong,
}

impl WriteEpoch {
    pub(crate) const fn plaintext() -> Self {
        Self { next_sequence: 0, keys: None }
    }

    pub(crate) const fn protected(protection: Protection) -> Self {
        Self { next_sequence: 0, keys: Some(WriteKeys { protection, blocks_protected: 0 }) }
    }

    /// The keys of an association that was moved here.
    pub(crate) const fn resume(protection: Protection, usage: WriteUsage) -> Self {
        let WriteUsage { next_sequence, blocks_protected } = usage;
        Self { next_sequence, keys: Some(WriteKeys { protection, blocks_protected }) }
    }

    pub(crate) fn usage(&self) -> WriteUsage {
        let blocks_protected = self.keys.as_ref().map_or(0, |keys| keys.blocks_protected);
        WriteUsage { next_sequence: self.next_sequence, blocks_protected }
    }

    /// Whether not even an empty record may be sealed any more.
    pub(crate) fn is_spent(&self) -> bool {
        let is_worn = |keys: &WriteKeys| keys.blocks_protected >= keys.protection.limits.blocks_protected;
        self.next_sequence > MAX_SEQUENCE || self.keys.as_ref().is_some_and(is_worn)
    }

    pub(crate) fn protection(&self) -> Option<&Protection> {
        self.keys.as_ref().map(|keys| &keys.protection)
    }

    /// Continues at `sequence`. Never goes back: a number that was taken stays taken.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.next_sequence = self.next_sequence.max(sequence);
    }

    /// Makes a whole record of `record`, in which the content already stands in its place: takes the next sequence
    /// number, writes the header around `cid`, and seals.
    ///
    /// A number is taken before it is used, and is gone even if sealing fails: there is no path on which two records
    /// share one.
    pub(crate) fn seal(
        &mut self,
        epoch: u16,
        version: ProtocolVersion,
        content_type: ContentType,
        cid: &[u8],
        record: &mut [u8],
    ) -> Result<(), SealError> {
        let head_len = RecordHeader::LEN.saturating_add(cid.len());
        let (head, body) = record.split_at_mut_checked(head_len).ok_or(SealError::NoRoom)?;
        let length = u16::try_from(body.len()).map_err(|_| SealError::TooLong)?;
        let sequence = self.take_sequence(body.len())?;
        let header = RecordHeader { content_type, version, epoch, sequence, length };
        header.encode_around(cid, head);
        match &self.keys {
            Some(keys) => keys.protection.seal(&header, cid, body).map_err(SealError::Crypto),
            None => Ok(()),
        }
    }

    /// Counts a record and takes its number, unless either would pass a limit.
    fn take_sequence(&mut self, body_len: usize) -> Result<u64, SealError> {
        let sequence = self.next_sequence;
        if sequence > MAX_SEQUENCE {
            return Err(SealError::KeyLimit);
        }
        if let Some(keys) = &mut self.keys {
            keys.count(body_len.saturating_sub(keys.protection.expansion()))?;
        }
        self.next_sequence = sequence.saturating_add(1);
        Ok(sequence)
    }

    /// Whether 7/8 of the key's blocks, or of the epoch's numbers, are used up.
    pub(crate) fn is_near_limit(&self) -> bool {
        let is_near = |used: u64, limit: u64| used >= limit.saturating_sub(limit / 8);
        is_near(self.next_sequence, MAX_SEQUENCE)
            || self.keys.as_ref().is_some_and(|keys| {
                let limit = keys.protection.limits.blocks_protected;
                is_near(keys.blocks_protected, limit)
            })
    }

    /// Puts the counters where a test wants them.
    #[cfg(test)]
    pub(crate) fn preset(&mut self, next_sequence: u64, blocks_protected: u64) {
        self.next_sequence = next_sequence;
        if let Some(keys) = &mut self.keys {
            keys.blocks_protected = blocks_protected;
        }
    }
}

impl WriteKeys {
    /// RFC 9325 section 4.4: what weakens a key is the number of blocks. A record counts one more than its content
    /// has, for the block that masks its tag.
    fn count(&mut self, content_len: usize) -> Result<(), SealError> {
        let blocks = (content_len.div_ceil(BLOCK_LEN) as u64).saturating_add(1);
        let total = self.blocks_protected.saturating_add(blocks);
        if total > self.protection.limits.blocks_protected {
            return Err(SealError::KeyLimit);
        }
        self.blocks_protected = total;
        Ok(())
    }
}

/// The length of a block of AES in bytes, in which usage is counted for every algorithm.
const BLOCK_LEN: usize = 16;

/// How many blocks the longest record counts: those of its content, and the one that masks its tag.
pub(super) const MAX_RECORD_BLOCKS: u64 = (MAX_PLAINTEXT.div_ceil(BLOCK_LEN) as u64).saturating_add(1);

/// The shortest tag of any TLS 1.2 suite, that of CCM_8 (RFC 6655 section 4). `Received` keeps its links in dead tags,
/// and needs half of this.
const MIN_TAG_LEN: usize = 8;

/// The longest tag of any TLS 1.2 suite with an AEAD.
const MAX_TAG_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::crypto::NonceForm;
    use crate::record::fake_aead::{CCM_8_LIKE, CHACHA_LIKE, FakeAead, GCM_LIKE, SUITES, protection, suite};

    const HEADER: RecordHeader = RecordHeader {
        content_type: ContentType::APPLICATION_DATA,
        version: ProtocolVersion::DTLS_1_2,
        epoch: 1,
        sequence: 5,
        length: 34,
    };

    /// AEA-01: epoch, sequence number, type, version, and the length of the plaintext.
    #[test]
    fn additional_data_has_thirteen_bytes() {
        let expected = [0, 1, 0, 0, 0, 0, 0, 5, 23, 0xfe, 0xfd, 0x01, 0x0a];
        assert_eq!(additional_data(&HEADER, 0x010a), expected);
        assert_eq!(additional_data(&HEADER, MAX_PLAINTEXT)[11..], [0x40, 0]);
    }

    /// CID-10, CID-11: the form with a connection ID is for records that have one, whatever else they are.
    #[test]
    fn additional_data_with_a_connection_id_is_another() {
        let header = RecordHeader { content_type: ContentType::TLS12_CID, ..HEADER };
        let expected = [
            [0xff; 8].as_slice(),
            &[25, 4, 25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0xaa, 0xbb, 0xcc, 0xdd, 0x01, 0x0a],
        ]
        .concat();
        with_additional_data(&header, &[0xaa, 0xbb, 0xcc, 0xdd], 0x010a, |data| assert_eq!(data, expected));
        with_additional_data(&HEADER, &[], 0x010a, |data| assert_eq!(data, additional_data(&HEADER, 0x010a)));
        with_additional_data(&header, &[7; 255], 1, |data| assert_eq!((data.len(), data[9]), (23 + 255, 255)));
    }

    /// AEA-02: the IV, then what the record carries.
    #[test]
    fn an_explicit_nonce_follows_a_short_iv() {
        let protection = Protection::new(&GCM_LIKE, &[0; 16], &[0xa0, 0xa1, 0xa2, 0xa3]).unwrap();
        assert_eq!(protection.nonce([1, 2, 3, 4, 5, 6, 7, 8]), [0xa0, 0xa1, 0xa2, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    /// AEA-07: the number of the record is combined with the last 8 bytes of a long IV.
    #[test]
    fn an_implicit_nonce_is_combined_with_a_long_iv() {
        let iv = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab];
        let protection = Protection::new(&CHACHA_LIKE, &[0; 16], &iv).unwrap();
        let expected = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa4, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xae];
        assert_eq!(protection.nonce(HEADER.number()), expected);
    }

    /// AEA-08: key material of another length than the suite has is refused, and so are tags too short for the links of
    /// `Received`.
    #[test]
    fn key_material_that_does_not_fit_is_refused() {
        for suite in SUITES {
            let iv_len = suite.nonce.iv_len();
            for (key_len, iv_len, fits) in
                [(16, iv_len, true), (15, iv_len, false), (16, iv_len - 1, false), (16, iv_len + 1, false)]
            {
                let made = Protection::new(suite, &[0; 32][..key_len], &[0; 32][..iv_len]);
                assert_eq!(made.err(), (!fits).then_some(CryptoError::KeySetup));
            }
        }
        static SHORT_TAG: FakeAead = FakeAead { tag_len: 7 };
        let short = suite(NonceForm::Explicit, &SHORT_TAG);
        assert_eq!(Protection::new(&short, &[0; 16], &[0; 4]).err(), Some(CryptoError::KeySetup));
    }

    /// AEA-16: a setting replaces the limit of short tags, and of no others.
    #[test]
    fn a_limit_for_short_tags_is_for_short_tags() {
        for (suite, expected) in [(&CCM_8_LIKE, 70_000), (&GCM_LIKE, 1 << 28), (&CHACHA_LIKE, 1 << 28)] {
            let limit = |records| protection(suite, 7).with_short_tag_forgeries(records).limits.failed_openings;
            assert_eq!((limit(None), limit(Some(70_000))), (suite.limits.failed_openings, expected));
        }
    }

    /// SIO-06: neither key nor IV is printed.
    #[test]
    fn debug_output_has_no_secrets() {
        assert_eq!(format!("{:?}", protection(&CHACHA_LIKE, 7)), "Protection { .. }");
    }

    /// REC-07: epochs are found by number, and the current one can't be forgotten.
    #[test]
    fn epochs_are_found_by_number() {
        let mut epochs = Epochs::new('a');
        epochs.install('b');
        epochs.install('c');
        assert_eq!([0, 1, 2, 3].map(|number| epochs.get(number).copied()), [Some('a'), Some('b'), Some('c'), None]);
        *epochs.get_mut(1).unwrap() = 'x';
        epochs.forget_before(1);
        assert_eq!([0, 1, 2, 3].map(|number| epochs.get_mut(number).copied()), [None, Some('x'), Some('c'), None]);
        epochs.forget_before(9);
        assert_eq!((epochs.number(), epochs.current(), epochs.get(1)), (2, &'c', None));
    }
}
