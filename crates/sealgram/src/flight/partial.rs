//! One handshake message while its fragments come in.

use alloc::vec::Vec;
use core::ops::Range;

use super::ranges::RangeSet;

/// The bytes of a message that have arrived, in the order in which they did.
///
/// The claimed length of the message costs nothing: memory grows by what arrives. Fragments that come in order lie in
/// memory as the message does, so that the finished message is handed out without a copy; others are put in order once,
/// at the end.
#[derive(Debug)]
pub(super) struct Partial {
    /// Of the whole message, as every fragment claims.
    length: u32,
    received: RangeSet,
    /// Where the bytes of `bytes` belong, run by run: the lengths of the runs add up to its length.
    runs: Vec<Range<u32>>,
    bytes: Vec<u8>,
}

impl Partial {
    /// A message of `length` bytes, none of which is there yet.
    pub(super) fn new(length: u32) -> Self {
        Self { length, received: RangeSet::default(), runs: Vec::new(), bytes: Vec::new() }
    }

    /// The length of the message when it is complete.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// Whether every byte is there. An empty message is complete from the start (RFC 6347 section 4.2.3).
    pub(super) fn is_complete(&self) -> bool {
        self.received.is_complete(self.length)
    }

    /// The memory that the message takes: its bytes, and the bookkeeping for each run of them.
    ///
    /// The allocator may hold up to twice that, since vectors grow by doubling.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len().saturating_add(self.runs.len().saturating_mul(RUN_COST))
    }

    /// An upper bound of what [`Partial::add`] would add to [`Partial::cost`].
    pub(super) fn cost_of(&self, range: Range<u32>) -> usize {
        self.received.gaps(range).fold(0, |sum, gap| sum.saturating_add(gap.len()).saturating_add(RUN_COST))
    }

    /// Keeps those of `bytes`, which belong at `range`, that are not there yet.
    ///
    /// Where old and new bytes disagree the old ones stand, and the new ones next to them are used all the same: were
    /// the whole fragment dropped, one forged byte would keep the message incomplete for ever.
    pub(super) fn add(&mut self, range: Range<u32>, bytes: &[u8]) {
        for gap in self.received.gaps(range.clone()) {
            let skipped = gap.start.saturating_sub(range.start) as usize;
            let Some(missing) = bytes.get(skipped..).and_then(|bytes| bytes.get(..gap.len())) else { return };
            self.bytes.extend_from_slice(missing);
            match self.runs.last_mut().filter(|run| run.end == gap.start) {
                Some(run) => run.end = gap.end,
                None => self.runs.push(gap),
            }
        }
        self.received.insert(range);
    }

    /// The message, if it is complete; else what is there of it.
    pub(super) fn into_body(self) -> Vec<u8> {
        if self.runs.is_sorted_by_key(|run| run.start) {
            return self.bytes;
        }
        let mut rest = self.bytes.as_slice();
        let mut placed: Vec<(u32, &[u8])> = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let Some((bytes, after)) = rest.split_at_checked(run.len()) else { break };
            placed.push((run.start, bytes));
            rest = after;
        }
        placed.sort_unstable_by_key(|(start, _)| *start);
        let mut body = Vec::with_capacity(self.bytes.len());
        placed.iter().for_each(|(_, bytes)| body.extend_from_slice(bytes));
        body
    }

    /// What the vectors really hold, in bytes.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.bytes.capacity() + self.runs.capacity() * size_of::<Range<u32>>() + self.received.allocated()
    }
}

/// What a run of bytes costs beside the bytes: its entry in `runs`, and at most one range in `received`.
const RUN_COST: usize = 2 * size_of::<Range<u32>>();

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::flight::chance::Rng;

    /// FRG-07: bytes that come in order are handed out where they lie.
    #[test]
    fn fragments_in_order_are_never_copied_again() {
        let mut partial = Partial::new(6);
        partial.add(0..4, b"abcd");
        partial.add(2..6, b"cdef");
        assert_eq!(partial.runs.len(), 1);
        let at = partial.bytes.as_ptr();
        let body = partial.into_body();
        assert_eq!(body, b"abcdef");
        assert_eq!(body.as_ptr(), at);
    }

    /// FRG-10: the first bytes stand, and the rest of the newcomer is used.
    #[test]
    fn the_first_bytes_win() {
        let mut partial = Partial::new(6);
        partial.add(2..4, b"XX");
        partial.add(0..6, b"abcdef");
        assert!(partial.is_complete());
        assert_eq!(partial.into_body(), b"abXXef");
    }

    /// FRG-15: nothing is needed for a message of length 0.
    #[test]
    fn an_empty_message_is_complete_at_once() {
        assert!(Partial::new(0).is_complete());
        assert!(!Partial::new(1).is_complete());
        assert_eq!(Partial::new(0).into_body(), b"");
    }

    /// FRG-08, FRG-16: equal to an array in which the first write of a byte wins, at a cost that what came bounds.
    #[test]
    fn equals_an_array_under_random_overlaps() {
        let mut rng = Rng(2);
        for _ in 0..400 {
            let length = 1 + rng.below(80);
            let (mut partial, mut array) = (Partial::new(length), vec![None; length as usize]);
            let (mut arrived, mut fragments) = (0, 0);
            while !partial.is_complete() {
                let start = rng.below(length);
                let range = start..(start + 1 + rng.below(12)).min(length);
                let bytes = rng.bytes(range.end - range.start);
                let (before, predicted) = (partial.cost(), partial.cost_of(range.clone()));
                partial.add(range.clone(), &bytes);
                assert!(partial.cost() - before <= predicted);
                range.zip(&bytes).for_each(|(at, byte)| _ = array[at as usize].get_or_insert(*byte));
                arrived += bytes.len();
                fragments += 1;
                assert!(partial.cost() <= arrived + 2 * fragments * RUN_COST);
                assert!(partial.allocated() <= 2 * partial.cost() + 128);
                assert_eq!(partial.is_complete(), array.iter().all(Option::is_some));
            }
            assert_eq!(partial.into_body(), array.into_iter().flatten().collect::<Vec<_>>());
        }
    }
}
