//! What a call hands back to the caller: the data in a received datagram, the shape of what is to be sent.
//!
//! The plaintexts of a datagram are a linked list inside it. The tag behind a plaintext is dead once it has verified,
//! and has 8 bytes or more in every suite; the link to the next plaintext takes the first 4 of them:
//!
//! ```text
//!  | header | nonce | plaintext | gap | len | tag ... | header | nonce | plaintext | tag |
//!                              ^                                      ^           ^
//!                              +---------------- gap -----------------+--- len ---+
//! ```

use core::fmt;
use core::iter::FusedIterator;
use core::num::NonZeroUsize;
use core::ops::Range;

/// The application data of one received datagram, record by record, where it was decrypted: inside that datagram.
///
/// It is an iterator over mutable slices. Each is the content of one record, in the order in which the records stood
/// in the datagram; content may be empty, as records may be. Nothing is copied or allocated, and the connection is not
/// borrowed: it may send while the slices are in use. The rest of the datagram holds nothing of meaning any more.
///
/// Take the data out before asking the connection for events.
#[must_use = "dropping it drops the application data"]
pub struct Received<'d> {
    /// What lies behind the slices handed out so far.
    rest: &'d mut [u8],
    /// Where the next plaintext stands, counted from the start of `rest`.
    next: Link,
    /// How many plaintexts are still to come. Beyond the last there is no link.
    remaining: usize,
    newest: bool,
}

impl Received<'_> {
    /// Whether the datagram held a record newer than all that were opened before, be it of data or not.
    ///
    /// Only such a record says anything about the path that the peer uses now: an older one may have been delayed, or
    /// held back and sent on from elsewhere.
    #[must_use]
    pub const fn newest(&self) -> bool {
        self.newest
    }

    /// Whether there is no more data to take.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining == 0
    }
}

impl<'d> Iterator for Received<'d> {
    type Item = &'d mut [u8];

    fn next(&mut self) -> Option<&'d mut [u8]> {
        self.remaining = self.remaining.checked_sub(1)?;
        let rest = core::mem::take(&mut self.rest);
        let (_, rest) = rest.split_at_mut_checked(usize::from(self.next.gap))?;
        let (plaintext, rest) = rest.split_at_mut_checked(usize::from(self.next.len))?;
        if self.remaining > 0 {
            self.next = Link::decode(rest.first_chunk()?);
        }
        self.rest = rest;
        Some(plaintext)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Received<'_> {}

impl FusedIterator for Received<'_> {}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("remaining", &self.remaining)
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

/// Lists the plaintexts of a datagram while its records are opened, front to back.
#[derive(Debug, Default)]
pub(crate) struct ReceivedBuilder {
    first: Link,
    /// The end of the last plaintext listed, which is where the link to the next will stand.
    end: usize,
    count: usize,
    newest: bool,
    authentic: bool,
}

impl ReceivedBuilder {
    /// Adds the application data of a record that was opened just now.
    ///
    /// It stands behind all that were added before, at least a tag away, and ends within the first 65535 bytes: so
    /// the record layer cuts datagrams. What does not is left out.
    pub(crate) fn push(&mut self, datagram: &mut [u8], plaintext: Range<usize>) {
        let is_listed = self.try_push(datagram, plaintext).is_some();
        debug_assert!(is_listed, "records are opened front to back, and end within 65535 bytes");
    }

    fn try_push(&mut self, datagram: &mut [u8], plaintext: Range<usize>) -> Option<()> {
        let is_inside = plaintext.end <= datagram.len();
        let gap = u16::try_from(plaintext.start.checked_sub(self.end)?).ok().filter(|_| is_inside)?;
        let len = u16::try_from(plaintext.end.checked_sub(plaintext.start)?).ok()?;
        let link = Link { gap, len };
        if self.count == 0 {
            self.first = link;
        } else {
            let dead_tag = datagram.get_mut(self.end..plaintext.start)?;
            *dead_tag.first_chunk_mut()? = link.encode();
        }
        self.end = plaintext.end;
        self.count = self.count.saturating_add(1);
        Some(())
    }

    /// A record newer than all before was opened, whatever it carried.
    pub(crate) fn mark_newest(&mut self) {
        self.newest = true;
    }

    /// A record was opened under a key: the datagram is the peer's.
    pub(crate) fn mark_authentic(&mut self) {
        self.authentic = true;
    }

    /// Whether any record was opened under a key.
    pub(crate) const fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// All records are opened. `datagram` is the one that they were opened in.
    pub(crate) fn finish(self, datagram: &mut [u8]) -> Received<'_> {
        Received { rest: datagram, next: self.first, remaining: self.count, newest: self.newest }
    }
}

/// Where the next plaintext stands: `gap` bytes behind the last one, `len` bytes long.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    gap: u16,
    len: u16,
}

impl Link {
    const LEN: usize = 4;

    const fn encode(self) -> [u8; Self::LEN] {
        let ([g0, g1], [l0, l1]) = (self.gap.to_be_bytes(), self.len.to_be_bytes());
        [g0, g1, l0, l1]
    }

    const fn decode([g0, g1, l0, l1]: &[u8; Self::LEN]) -> Self {
        Self { gap: u16::from_be_bytes([*g0, *g1]), len: u16::from_be_bytes([*l0, *l1]) }
    }
}

/// How much of a caller's buffer is to be sent, and in what pieces.
///
/// `out[..len]` holds one or more datagrams. All of them are `segment_size` bytes long, but for the last, which may be
/// shorter. This is what generic segmentation offload takes in one call; without it, send the pieces one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// How many bytes of the buffer are to be sent, over all datagrams.
    pub len: usize,
    /// The length of each datagram; `None` if there is but one.
    pub segment_size: Option<NonZeroUsize>,
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::record::Rng;

    /// The shortest tag there is.
    const TAG_LEN: usize = 8;

    /// A datagram as the record layer leaves it, and what was in it.
    struct Story {
        datagram: Vec<u8>,
        plaintexts: Vec<Range<usize>>,
    }

    impl Story {
        /// Records of these content lengths, each behind `before` bytes of header, nonce and discarded records.
        fn new(rng: &mut Rng, records: &[(usize, usize)]) -> Self {
            let (mut datagram, mut plaintexts) = (Vec::new(), Vec::new());
            for (before, len) in records {
                datagram.extend(rng.bytes(*before));
                plaintexts.push(datagram.len()..datagram.len() + len);
                datagram.extend(rng.bytes(len + TAG_LEN));
            }
            Self { datagram, plaintexts }
        }

        fn contents(&self) -> Vec<Vec<u8>> {
            self.plaintexts.iter().map(|range| self.datagram[range.clone()].to_vec()).collect()
        }

        fn receive(&mut self) -> Received<'_> {
            let mut builder = ReceivedBuilder::default();
            for plaintext in &self.plaintexts {
                builder.push(&mut self.datagram, plaintext.clone());
            }
            builder.finish(&mut self.datagram)
        }
    }

    fn collect(received: Received<'_>) -> Vec<Vec<u8>> {
        received.map(|content| content.to_vec()).collect()
    }

    /// Any number of records, of any length, with anything between them.
    #[test]
    fn the_list_yields_what_was_pushed() {
        for seed in 0..500 {
            let mut rng = Rng(seed);
            let records: Vec<_> = (0..rng.below(40))
                .map(|_| (13 + rng.index(30), if rng.below(4) == 0 { 0 } else { rng.index(200) }))
                .collect();
            let mut story = Story::new(&mut rng, &records);
            let expected = story.contents();
            let received = story.receive();
            assert_eq!((received.len(), received.is_empty()), (records.len(), records.is_empty()));
            assert_eq!(collect(received), expected, "seed {seed}");
        }
    }

    #[test]
    fn a_datagram_without_data_yields_nothing() {
        let mut datagram = [7; 100];
        let mut received = ReceivedBuilder::default().finish(&mut datagram);
        assert!(received.is_empty() && received.next().is_none() && received.next().is_none());
        assert!(ReceivedBuilder::default().finish(&mut []).next().is_none());
    }

    /// The longest datagram, full of the smallest records, and with one far behind the other.
    #[test]
    fn datagrams_of_the_greatest_length_are_listed() {
        let mut rng = Rng(1);
        let small = [(13, 0); 65_535 / (13 + TAG_LEN)];
        let mut story = Story::new(&mut rng, &small);
        assert_eq!(collect(story.receive()), vec![Vec::<u8>::new(); small.len()]);

        let far_apart = [(13, 2), (65_535 - 13 - 2 - TAG_LEN - 3 - TAG_LEN, 3)];
        let mut story = Story::new(&mut rng, &far_apart);
        let expected = story.contents();
        assert_eq!(story.datagram.len(), 65_535);
        assert_eq!(collect(story.receive()), expected);
    }

    /// The slices are the caller's to keep and to write to, all at once.
    #[test]
    fn slices_are_disjoint_and_writable_before_the_next_is_taken() {
        let mut story = Story::new(&mut Rng(2), &[(13, 5), (21, 0), (13, 70)]);
        let mut slices = Vec::new();
        for (n, slice) in (1u8..).zip(story.receive()) {
            slice.fill(n);
            slices.push(slice);
        }
        assert_eq!(slices, [&mut [1; 5][..], &mut [], &mut [3; 70]]);
    }

    #[test]
    fn newest_is_told_with_and_without_data() {
        let mut story = Story::new(&mut Rng(3), &[(13, 5)]);
        assert!(!story.receive().newest());
        let mut builder = ReceivedBuilder::default();
        builder.mark_newest();
        assert!(builder.finish(&mut story.datagram).newest());
    }
}
