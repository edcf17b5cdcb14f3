//! Which sequence numbers of one epoch were seen (RFC 6347 section 4.1.2.6).

/// A sliding window over sequence numbers: as wide as one machine word, its right edge at the newest record.
///
/// ```text
///     left of the window: refused unseen          newest
///  ------------------------------+---------------------+ . . . . newer than all: welcome
///                                |. x x . x ... x x . x|
///                                +---------------------+
///                                 bit 63          bit 0
/// ```
///
/// [`would_accept`](Self::would_accept) asks before a record is opened; [`accept`](Self::accept) marks it after its tag
/// has verified, and only then. A window that moved for a forged number would shut out the true records behind it.
#[derive(Debug, Default)]
pub(crate) struct ReplayWindow {
    /// One more than the newest sequence number; zero as long as there is none.
    end: u64,
    /// Bit n: the sequence number n below the newest was seen.
    seen: u64,
}

impl ReplayWindow {
    /// A window that goes on where another one stood.
    pub(crate) const fn resume(end: u64, seen: u64) -> Self {
        Self { end, seen }
    }

    /// Where it stands: one more than the newest number or zero, and the bits of what was seen.
    pub(crate) const fn position(&self) -> (u64, u64) {
        (self.end, self.seen)
    }

    /// Whether a record with this number is neither seen nor left of the window.
    pub(crate) fn would_accept(&self, sequence: u64) -> bool {
        match self.age(sequence) {
            None => true,
            Some(age) => age < WIDTH && self.seen >> age & 1 == 0,
        }
    }

    /// Marks an authentic record as seen, and moves the window if it is newer than all before.
    pub(crate) fn accept(&mut self, sequence: u64) {
        debug_assert!(self.would_accept(sequence), "the window is asked before a record is opened");
        match self.age(sequence) {
            Some(age) => self.seen |= shifted(1, age),
            None => {
                let end = sequence.saturating_add(1);
                self.seen = shifted(self.seen, end.saturating_sub(self.end)) | 1;
                self.end = end;
            }
        }
    }

    /// How far this number lies below the newest; `None` if it is newer than all.
    fn age(&self, sequence: u64) -> Option<u64> {
        self.end.checked_sub(1)?.checked_sub(sequence)
    }
}

/// `bits << by`, where what leaves the word is gone, also if that is all of it.
fn shifted(bits: u64, by: u64) -> u64 {
    u32::try_from(by).ok().and_then(|by| bits.checked_shl(by)).unwrap_or(0)
}

/// How many sequence numbers the window spans. RFC 6347 section 4.1.2.6 wants 32 at least and prefers 64.
const WIDTH: u64 = u64::BITS as u64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::record::fake_aead::Rng;
    use crate::wire::record::MAX_SEQUENCE;

    /// What a window is meant to be, without the bits: a set of what was seen.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn would_accept(&self, sequence: u64) -> bool {
            let is_in_reach = self.0.last().is_none_or(|newest| sequence + WIDTH > *newest);
            is_in_reach && !self.0.contains(&sequence)
        }
    }

    /// RPL-01, RPL-03: 63 behind is inside, 64 behind is not, seen or not.
    #[test]
    fn a_record_left_of_the_window_is_refused_unseen() {
        let mut window = ReplayWindow::default();
        window.accept(100);
        assert!(window.would_accept(100 - 63));
        assert!(!window.would_accept(100 - 64));
        assert!(!window.would_accept(1));
        window.accept(37);
        assert!(!window.would_accept(37));
    }

    /// RPL-07: zero is a number like any other.
    #[test]
    fn the_first_record_may_have_number_zero() {
        let mut window = ReplayWindow::default();
        assert!(window.would_accept(0));
        window.accept(0);
        assert!(!window.would_accept(0));
        assert!(window.would_accept(1));
    }

    /// RPL-07: jumps around the width of the word, and far beyond it.
    #[test]
    fn a_jump_keeps_what_is_still_inside_and_forgets_the_rest() {
        for jump in [1, 2, 62, 63, 64, 65, 127, 1 << 32, 1 << 40, MAX_SEQUENCE - 5] {
            let mut window = ReplayWindow::default();
            window.accept(5);
            window.accept(5 + jump);
            assert!(!window.would_accept(5 + jump), "jump of {jump}");
            assert!(!window.would_accept(5), "jump of {jump}");
            assert!(window.would_accept(5 + jump - 1) == (jump > 1), "jump of {jump}");
        }
    }

    /// RPL-07: the same answers as a set gives, over walks with short steps, steps back and huge jumps.
    #[test]
    fn the_window_agrees_with_a_set() {
        for seed in 0..200 {
            let mut rng = Rng(seed);
            let (mut window, mut model) = (ReplayWindow::default(), Model::default());
            let mut at = if seed % 2 == 0 { 0 } else { rng.below(MAX_SEQUENCE) };
            for _ in 0..500 {
                at = match rng.below(40) {
                    0 => (at + (1 << rng.below(48))).min(MAX_SEQUENCE),
                    1 => at + 60 + rng.below(8),
                    2..20 => at + rng.below(4),
                    _ => at.saturating_sub(rng.below(70)),
                };
                let sequence = at.min(MAX_SEQUENCE);
                assert_eq!(window.would_accept(sequence), model.would_accept(sequence), "seed {seed}, {sequence}");
                // Not every record that would be accepted turns out to be authentic.
                if model.would_accept(sequence) && rng.below(4) > 0 {
                    window.accept(sequence);
                    model.0.insert(sequence);
                }
            }
        }
    }
}
