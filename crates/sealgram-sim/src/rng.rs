//! Randomness that comes out the same every time.

use core::convert::Infallible;
use core::ops::Range;
use core::time::Duration;

use sealgram::rand_core::{TryCryptoRng, TryRng};

use crate::parallel::on_all_cores;

/// A generator that a seed determines: SplitMix64. It claims to be fit for cryptography, so that a connection takes it;
/// that is a lie, and the reason why this crate is not published.
#[derive(Clone, Debug)]
pub struct SimRng(u64);

impl SimRng {
    /// The generator of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, whose numbers have nothing to do with those to come from this one.
    #[must_use]
    pub const fn fork(&mut self) -> Self {
        Self(self.next() ^ 0x005e_a196_a300_f04c)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    /// A number in `range`, which is not empty.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below(range.end - range.start)
    }

    /// A time in `range`; its start if that is empty.
    pub fn duration(&mut self, range: &Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_nanos().max(1);
        range.start + Duration::from_nanos(u64::try_from(u128::from(self.next()) % width).expect("below a u64"))
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, chance: u16) -> bool {
        self.below(1000) < usize::from(chance)
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Puts them in another order, each order being as likely as any.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for n in (1..items.len()).rev() {
            items.swap(n, self.below(n + 1));
        }
    }

    /// So many random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Every bit of the input moves about half of those of the output.
pub(crate) const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl TryRng for SimRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.next() >> 32).expect("32 bits are left"))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for SimRng {}

/// Runs a scenario once for each seed. If one fails, says which: with that in the environment variable `SEALGRAM_SEED`,
/// only that one is run.
///
/// # Panics
///
/// If the scenario does, or if the variable does not hold a number.
pub fn for_seeds(seeds: Range<u64>, scenario: impl Fn(u64)) {
    for seed in replayed().map_or(seeds, |seed| seed..seed + 1) {
        let blame = Blame(seed);
        scenario(seed);
        drop(blame);
    }
}

/// As [`for_seeds`], on all processors.
///
/// # Panics
///
/// As [`for_seeds`].
pub fn for_seeds_on_all_cores(seeds: Range<u64>, scenario: impl Fn(u64) + Sync) {
    let seeds: Vec<u64> = replayed().map_or(seeds, |seed| seed..seed + 1).collect();
    on_all_cores(&seeds, |seed| {
        let blame = Blame(*seed);
        scenario(*seed);
        drop(blame);
    });
}

/// The seed that the environment asks for.
fn replayed() -> Option<u64> {
    std::env::var("SEALGRAM_SEED").ok().map(|seed| seed.parse().expect("SEALGRAM_SEED is a number"))
}

/// Names the seed when a scenario unwinds.
struct Blame(u64);

impl Drop for Blame {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay this one with SEALGRAM_SEED={}", self.0);
        }
    }
}
