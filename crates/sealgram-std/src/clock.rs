//! The clocks and the randomness of the operating system, in the forms that the core takes.
//!
//! This is the only file that reads a clock.

use core::convert::Infallible;
use core::fmt;

use getrandom::SysRng;
use sealgram::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use sealgram::{Instant, WallClock, pki_types::UnixTime};

/// The monotonic clock of the system, counted from when this was made.
///
/// ```
/// let clock = sealgram_std::Clock::start();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock whose origin is now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "an adapter is where clocks are read")]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// The time since the origin, as the core wants it.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::from_elapsed(self.origin.elapsed())
    }

    /// What the system's calendar says now.
    #[must_use]
    pub fn wall_clock(&self) -> WallClock {
        WallClock::new(self.now(), UnixTime::now())
    }
}

/// The randomness of the operating system.
///
/// # Panics
///
/// Its methods panic if the system has none to give, which a running system does not do.
#[derive(Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is one, and it is written as it is named")]
pub struct OsRng;

impl TryRng for OsRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        UnwrapErr(SysRng).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        UnwrapErr(SysRng).try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        UnwrapErr(SysRng).try_fill_bytes(out)
    }
}

impl TryCryptoRng for OsRng {}

impl fmt::Debug for OsRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OsRng")
    }
}
