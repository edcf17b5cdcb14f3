//! Which bytes of a message are there: a set of numbers held as ranges.

use alloc::vec::Vec;
use core::iter;
use core::ops::Range;

/// A set of `u32`, held as the ranges that it consists of.
///
/// It takes memory per hole, not per number, so that its size is bounded by what a sender has sent and not by what it
/// has claimed.
#[derive(Clone, Debug, Default)]
pub(crate) struct RangeSet {
    /// Ascending; none is empty, no two overlap or touch.
    ranges: Vec<Range<u32>>,
}

impl RangeSet {
    /// Adds the numbers of `range`; those already in the set stay.
    pub(crate) fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        // Everything from `first` up to `last` overlaps the new range or touches it, and becomes one with it.
        let first = self.ranges.partition_point(|held| held.end < range.start);
        let last = self.ranges.partition_point(|held| held.start <= range.end);
        let merged = self
            .ranges
            .get(first..last)
            .unwrap_or_default()
            .iter()
            .fold(range, |merged, held| merged.start.min(held.start)..merged.end.max(held.end));
        drop(self.ranges.splice(first..last, [merged]));
    }

    /// Whether every number of `range` is in the set.
    pub(crate) fn covers(&self, range: Range<u32>) -> bool {
        self.gaps(range).next().is_none()
    }

    /// Whether the set holds every number below `len`.
    pub(crate) fn is_complete(&self, len: u32) -> bool {
        self.covers(0..len)
    }

    /// The parts of `within` that are not in the set, in ascending order.
    pub(crate) fn gaps(&self, within: Range<u32>) -> impl Iterator<Item = Range<u32>> {
        let first = self.ranges.partition_point(|held| held.end <= within.start);
        let mut held = self.ranges.iter().skip(first).take_while(move |held| held.start < within.end);
        let mut at = within.start;
        iter::from_fn(move || {
            while at < within.end {
                let (gap, next) = held.next().map_or((at..within.end, within.end), |held| (at..held.start, held.end));
                at = next;
                if !gap.is_empty() {
                    return Some(gap);
                }
            }
            None
        })
    }

    /// What the vector really holds, in bytes.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.ranges.capacity() * size_of::<Range<u32>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::chance::Rng;

    #[test]
    fn neighbours_become_one_range() {
        let mut set = RangeSet::default();
        for range in [10..20, 30..40, 0..5, 20..30] {
            set.insert(range);
        }
        assert_eq!(set.ranges, [0..5, 10..40]);
        set.insert(3..12);
        assert!(matches!(set.ranges[..], [Range { start: 0, end: 40 }]), "{set:?}");
    }

    #[test]
    fn an_empty_range_adds_nothing_and_is_always_covered() {
        let mut set = RangeSet::default();
        set.insert(7..7);
        assert!(set.ranges.is_empty());
        assert!(set.covers(3..3) && set.is_complete(0) && !set.is_complete(1));
    }

    #[test]
    fn the_ends_of_the_number_space_are_numbers_like_others() {
        let mut set = RangeSet::default();
        set.insert(u32::MAX - 1..u32::MAX);
        set.insert(0..1);
        set.insert(3..4);
        assert!(set.gaps(0..u32::MAX).eq([1..3, 4..u32::MAX - 1]));
    }

    /// FRG-08: whatever overlaps, the set equals a bitmap of the same numbers.
    #[test]
    fn equals_a_bitmap_under_random_insertions() {
        const LEN: u32 = 64;
        let mut rng = Rng(1);
        for _ in 0..500 {
            let (mut set, mut bitmap) = (RangeSet::default(), 0_u64);
            for _ in 0..rng.below(24) {
                let start = rng.below(LEN);
                let end = start + rng.below(LEN - start + 1).min(9);
                set.insert(start..end);
                (start..end).for_each(|n| bitmap |= 1 << n);

                let asked = rng.below(LEN)..rng.below(LEN + 1);
                let missing: Vec<u32> = asked.clone().filter(|n| bitmap & 1 << n == 0).collect();
                assert_eq!(set.gaps(asked.clone()).flatten().collect::<Vec<_>>(), missing);
                assert_eq!(set.covers(asked), missing.is_empty());
                assert_eq!(set.is_complete(LEN), bitmap == u64::MAX);
                assert!(set.ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{set:?}");
            }
        }
    }
}
