//! Time as an argument: the core reads no clock.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::{Add, Sub};
use core::time::Duration;

use pki_types::UnixTime;

/// A point on the caller's monotonic clock: nanoseconds since an origin that the caller chose.
///
/// Two instants are comparable only if they come from the same clock. The range is 584 years; arithmetic beyond it
/// saturates. `Option<Instant>` is eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The origin of the caller's clock.
    pub const ORIGIN: Self = Self(NonZeroU64::MIN);

    /// The instant `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        // The stored number is one more than the nanoseconds, so that zero is free for `None`.
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// The instant `elapsed` after the origin: for a caller who keeps a `std::time::Instant` as the origin.
    #[must_use]
    pub fn from_elapsed(elapsed: Duration) -> Self {
        Self::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of the range.
    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Saturates at zero.
    fn sub(self, rhs: Self) -> Duration {
        self.saturating_since(rhs)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.as_nanos()))
    }
}

/// What the calendar said at one instant of the monotonic clock.
///
/// Certificate dates and cookie ages use the calendar; timers never do. The calendar time of a later instant is
/// computed from this pair, so that a handshake sees one consistent calendar whatever happens to the system's.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    at: Instant,
    unix: UnixTime,
}

impl WallClock {
    /// At the instant `at` the calendar said `unix`.
    #[must_use]
    pub const fn new(at: Instant, unix: UnixTime) -> Self {
        Self { at, unix }
    }

    /// The calendar time at `now`. Before the pair was taken: the time of the pair.
    #[must_use]
    pub fn unix_at(&self, now: Instant) -> UnixTime {
        let seconds = Duration::from_secs(self.unix.as_secs());
        UnixTime::since_unix_epoch(seconds.saturating_add(now - self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_instead_of_wrapping() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ORIGIN - end, Duration::ZERO);
        assert_eq!(size_of::<Option<Instant>>(), 8);
    }

    #[test]
    fn nanoseconds_round_trip() {
        assert_eq!(Instant::from_nanos(5).as_nanos(), 5);
        assert_eq!(Instant::from_elapsed(Duration::from_secs(2)) - Instant::ORIGIN, Duration::from_secs(2));
    }

    #[test]
    fn the_calendar_advances_with_the_monotonic_clock() {
        let at = Instant::from_elapsed(Duration::from_secs(10));
        let wall = WallClock::new(at, UnixTime::since_unix_epoch(Duration::from_secs(1_000)));
        assert_eq!(wall.unix_at(at + Duration::from_secs(7)).as_secs(), 1_007);
        assert_eq!(wall.unix_at(Instant::ORIGIN).as_secs(), 1_000);
    }
}
