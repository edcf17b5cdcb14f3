//! Early records, kept within a budget (RFC 6347 section 4.1 leaves it open whether to keep them).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Records that came too early: sealed ones whose keys are not there yet, and the plaintext of application data that
/// must wait until the handshake is complete.
///
/// Both kinds are first in, first out, and share one budget. What finds no room is turned away and not kept: what came
/// first may be as true as what comes later, and to make room would let a forger push true records out.
#[derive(Default)]
pub(crate) struct Stash {
    capacity_bytes: usize,
    /// Never above the capacity.
    used_bytes: usize,
    sealed: VecDeque<Vec<u8>>,
    plaintext: VecDeque<Vec<u8>>,
}

impl Stash {
    /// A stash that takes about this much memory at most; with 0, one that keeps nothing.
    pub(crate) const fn new(capacity_bytes: usize) -> Self {
        Self { capacity_bytes, used_bytes: 0, sealed: VecDeque::new(), plaintext: VecDeque::new() }
    }

    /// Keeps a sealed record, header and all. Returns whether there was room.
    #[must_use]
    pub(crate) fn push_sealed(&mut self, record: &[u8]) -> bool {
        let has_room = self.take_room(record.len());
        if has_room {
            self.sealed.push_back(record.to_vec());
        }
        has_room
    }

    /// Keeps the content of an opened record. Returns whether there was room.
    #[must_use]
    pub(crate) fn push_plaintext(&mut self, content: &[u8]) -> bool {
        let has_room = self.take_room(content.len());
        if has_room {
            self.plaintext.push_back(content.to_vec());
        }
        has_room
    }

    /// The sealed record that was kept first.
    pub(crate) fn pop_sealed(&mut self) -> Option<Vec<u8>> {
        let record = pop(&mut self.sealed)?;
        self.give_back(record.len());
        Some(record)
    }

    /// The content that was kept first.
    pub(crate) fn pop_plaintext(&mut self) -> Option<Vec<u8>> {
        let content = pop(&mut self.plaintext)?;
        self.give_back(content.len());
        Some(content)
    }

    /// How much of the budget is taken.
    pub(crate) const fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    fn take_room(&mut self, len: usize) -> bool {
        let used_bytes = self.used_bytes.saturating_add(cost(len));
        let has_room = used_bytes <= self.capacity_bytes;
        if has_room {
            self.used_bytes = used_bytes;
        }
        has_room
    }

    fn give_back(&mut self, len: usize) {
        self.used_bytes = self.used_bytes.saturating_sub(cost(len));
    }
}

/// Takes the first entry out, and the memory of the queue with the last.
fn pop(queue: &mut VecDeque<Vec<u8>>) -> Option<Vec<u8>> {
    let entry = queue.pop_front()?;
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
    Some(entry)
}

/// What an entry takes of the budget.
const fn cost(len: usize) -> usize {
    len.saturating_add(ENTRY_OVERHEAD)
}

/// What an entry costs beside its bytes, so that empty ones are bounded too: its place in a queue that may be twice as
/// long as it need be, and the bookkeeping of the allocator.
const ENTRY_OVERHEAD: usize = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const ROOM_FOR_THREE: usize = 3 * (10 + ENTRY_OVERHEAD);

    /// REC-37: what comes early is kept in its order, each kind for itself.
    #[test]
    fn entries_come_out_in_the_order_they_went_in() {
        let mut stash = Stash::new(4096);
        for n in 0..3 {
            assert!(stash.push_sealed(&[n]));
            assert!(stash.push_plaintext(&[n + 100]));
        }
        for n in 0..3 {
            assert_eq!(stash.pop_plaintext(), Some(alloc::vec![n + 100]));
            assert_eq!(stash.pop_sealed(), Some(alloc::vec![n]));
        }
        assert_eq!((stash.pop_sealed(), stash.pop_plaintext()), (None, None));
    }

    /// REC-38: a flood changes nothing about what is kept already.
    #[test]
    fn what_finds_no_room_is_turned_away() {
        let mut stash = Stash::new(ROOM_FOR_THREE);
        for n in 0..10_000_u32 {
            let is_kept = if n % 2 == 0 { stash.push_sealed(&[0; 10]) } else { stash.push_plaintext(&[1; 10]) };
            assert_eq!(is_kept, n < 3);
        }
        assert_eq!(stash.used_bytes(), ROOM_FOR_THREE);
        assert_eq!(stash.pop_sealed().unwrap(), [0; 10]);
        assert!(stash.push_plaintext(&[2; 10]));
        assert!(!stash.push_plaintext(&[]));
    }

    /// REC-38: an entry without bytes is not for free.
    #[test]
    fn empty_entries_are_bounded() {
        let mut stash = Stash::new(4096);
        let kept = (0..10_000).filter(|_| stash.push_plaintext(&[])).count();
        assert_eq!(kept, 4096 / ENTRY_OVERHEAD);
    }

    #[test]
    fn a_stash_without_capacity_keeps_nothing() {
        let mut stash = Stash::new(0);
        assert!(!stash.push_sealed(&[]) && !stash.push_plaintext(&[]));
        assert_eq!(stash.pop_sealed(), None);
    }

    #[test]
    fn a_drained_stash_holds_no_memory() {
        let mut stash = Stash::new(4096);
        (0..20).for_each(|n| assert!(stash.push_sealed(&[n]) && stash.push_plaintext(&[n])));
        while stash.pop_sealed().is_some() || stash.pop_plaintext().is_some() {}
        assert_eq!(stash.used_bytes(), 0);
        assert_eq!((stash.sealed.capacity(), stash.plaintext.capacity()), (0, 0));
    }
}
