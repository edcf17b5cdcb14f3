//! Telling a wrong preshared key from a lossy path (design: decision 12).
//!
//! A peer with another key sends a Finished that does not open, and a record that does not open is dropped like any
//! forgery. That it is the key shows only by its coming again and again: one such record in each of three repeats of the
//! peer's flight, and nothing that opens between them. While the true Finished arrives, no forger can bring this about.

use core::time::Duration;

use crate::time::Instant;

/// The Finished messages that did not open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnreadableFinished {
    count: u8,
    latest: Option<Instant>,
}

impl UnreadableFinished {
    /// One came that does not open. Whether that makes three, each a timeout apart from the one before.
    pub(super) fn note(&mut self, now: Instant, timeout: Duration) -> bool {
        if self.latest.is_none_or(|latest| now - latest >= timeout) {
            self.count = self.count.saturating_add(1);
            self.latest = Some(now);
        }
        self.count >= ENOUGH
    }

    /// Whether there was one at all.
    pub(super) const fn is_suspicious(&self) -> bool {
        self.count > 0
    }
}

/// How many repeats of the flight it takes.
const ENOUGH: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// PSK-08: three, each a timeout after the one before; what comes between them does not count.
    #[test]
    fn three_repeats_are_needed() {
        let at = |ms| Instant::from_elapsed(Duration::from_millis(ms));
        let timeout = Duration::from_secs(1);
        let mut unreadable = UnreadableFinished::default();
        assert!(!unreadable.is_suspicious());
        assert!(!unreadable.note(at(0), timeout));
        assert!((1..1000).all(|ms| !unreadable.note(at(ms), timeout)));
        assert!(!unreadable.note(at(1000), timeout) && !unreadable.note(at(1999), timeout));
        assert!(unreadable.is_suspicious());
        assert!(unreadable.note(at(2000), timeout));
    }
}
