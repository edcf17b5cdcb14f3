//! A map that keeps what was used lately.

use alloc::collections::BTreeMap;
use core::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Up to so many entries; the one that was longest not used goes first.
pub(super) struct Recent<K, V> {
    capacity: NonZeroUsize,
    /// Each with the time of its latest use.
    entries: BTreeMap<K, (u64, V)>,
    by_use: BTreeMap<u64, K>,
    clock: u64,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(super) const fn new(capacity: NonZeroUsize) -> Self {
        Self { capacity, entries: BTreeMap::new(), by_use: BTreeMap::new(), clock: 0 }
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        self.remove(&key);
        if self.entries.len() >= self.capacity.get() {
            if let Some((_, oldest)) = self.by_use.pop_first() {
                self.entries.remove(&oldest);
            }
        }
        self.clock += 1;
        self.by_use.insert(self.clock, key.clone());
        self.entries.insert(key, (self.clock, value));
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let (used, value) = self.entries.get_mut(key)?;
        self.by_use.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.by_use.insert(self.clock, key.clone());
        Some(value)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (used, value) = self.entries.remove(key)?;
        self.by_use.remove(&used);
        Some(value)
    }
}

/// Locks a store. Where a thread panicked while it held the lock, the map is still a map.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RES-09: the size is bounded, and what is used stays.
    #[test]
    fn the_longest_unused_goes_first() {
        let mut recent = Recent::new(NonZeroUsize::new(3).unwrap());
        for n in 0..3 {
            recent.put(n, n * 10);
        }
        assert_eq!(recent.get(&0), Some(&0));
        recent.put(3, 30);
        assert_eq!(recent.get(&1), None);
        assert_eq!([0, 2, 3].map(|n| recent.get(&n).copied()), [Some(0), Some(20), Some(30)]);
        recent.put(2, 21);
        assert_eq!(recent.remove(&2), Some(21));
        assert_eq!(recent.remove(&2), None);
        assert_eq!((recent.entries.len(), recent.by_use.len()), (2, 2));
    }

    #[test]
    fn it_never_grows_beyond_its_capacity() {
        let mut recent = Recent::new(NonZeroUsize::new(5).unwrap());
        for n in 0..1000u32 {
            recent.put(n * 7919 % 31, n);
            recent.get(&(n % 31));
            assert!(recent.entries.len() <= 5 && recent.entries.len() == recent.by_use.len());
        }
    }
}
