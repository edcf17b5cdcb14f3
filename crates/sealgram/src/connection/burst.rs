//! How much of a flight leaves at once.
//!
//! A long certificate chain makes a flight of dozens of datagrams. Sent in one breath they overrun the queues on the way,
//! and then all of them are sent again: RFC 9147 section 5.8.3 advises about ten, then a breath.

use core::time::Duration;

use crate::time::Instant;

/// The datagrams of flights that left lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    datagrams: u32,
    /// When the latest of them left.
    latest: Option<Instant>,
}

impl Burst {
    /// Whether another datagram of a flight may leave.
    pub(super) fn may_send(&self, now: Instant) -> bool {
        self.datagrams < MOST || self.resumes_at().is_none_or(|at| at <= now)
    }

    /// A datagram of a flight leaves.
    pub(super) fn on_datagram(&mut self, now: Instant) {
        let is_rested = self.latest.is_none_or(|latest| now - latest >= BREATH);
        self.datagrams = if is_rested { 1 } else { self.datagrams.saturating_add(1) };
        self.latest = Some(now);
    }

    /// When the next datagram may leave, if it has to wait.
    pub(super) fn resumes_at(&self) -> Option<Instant> {
        self.latest.filter(|_| self.datagrams >= MOST).map(|latest| latest + BREATH)
    }
}

/// How many datagrams leave in one breath.
const MOST: u32 = 10;

/// How long a breath takes: short against every timeout, long against the time that ten datagrams need on a link of
/// 10 Mbit/s.
const BREATH: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Instant {
        Instant::from_elapsed(Duration::from_millis(milliseconds))
    }

    /// FLT-23: ten datagrams, then a breath, then ten more.
    #[test]
    fn ten_datagrams_leave_and_the_next_ones_wait() {
        let mut burst = Burst::default();
        for start in [0, 10, 20] {
            for _ in 0..10 {
                assert!(burst.may_send(ms(start)));
                burst.on_datagram(ms(start));
            }
            assert!(!burst.may_send(ms(start)) && !burst.may_send(ms(start + 9)));
            assert_eq!(burst.resumes_at(), Some(ms(start + 10)));
        }
    }

    #[test]
    fn what_leaves_one_by_one_never_waits() {
        let mut burst = Burst::default();
        for n in 0..100 {
            assert!(burst.may_send(ms(n * 10)));
            burst.on_datagram(ms(n * 10));
        }
        assert_eq!(burst.resumes_at(), None);
    }
}
