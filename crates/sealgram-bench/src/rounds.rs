//! Contenders take turns, a few operations each, so that a ratio compares the same moments on the same core.

use core::time::Duration;
use std::time::Instant;

/// The times of one race: for each contender one time per round, in nanoseconds per operation.
#[derive(Debug)]
pub struct Race {
    rounds: Vec<Vec<f64>>,
}

/// Lets contenders take turns of `operations` each until `budget` is over, and at least `LEAST_ROUNDS` times. A turn
/// returns how long it took, so that it can prepare what it needs off the clock.
pub fn race(operations: u32, budget: Duration, contenders: &mut [&mut dyn FnMut() -> Duration]) -> Race {
    let mut rounds = Vec::new();
    let mut spent = Duration::ZERO;
    // The first turns fill caches and set up what is made on first use.
    for turn in &mut *contenders {
        turn();
    }
    while spent < budget || rounds.len() < LEAST_ROUNDS {
        let mut round = vec![0.0; contenders.len()];
        // Whoever follows a certain neighbour in every round would have its caches in every round.
        for at in 0..contenders.len() {
            let at = (at + rounds.len()) % contenders.len();
            let time = contenders[at]();
            round[at] = time.as_secs_f64() * 1e9 / f64::from(operations);
            spent += time;
        }
        rounds.push(round);
    }
    Race { rounds }
}

impl Race {
    /// The median time of a contender, in nanoseconds per operation.
    #[must_use]
    pub fn median(&self, contender: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[contender]).collect())
    }

    /// Its best time.
    #[must_use]
    pub fn minimum(&self, contender: usize) -> f64 {
        self.rounds.iter().map(|round| round[contender]).fold(f64::INFINITY, f64::min)
    }

    /// The median over the rounds of one contender's time divided by another's.
    #[must_use]
    pub fn ratio(&self, contender: usize, to: usize) -> f64 {
        median(self.rounds.iter().map(|round| round[contender] / round[to]).collect())
    }

    /// The ratio of the best times.
    #[must_use]
    pub fn ratio_of_minima(&self, contender: usize, to: usize) -> f64 {
        self.minimum(contender) / self.minimum(to)
    }
}

/// How long `work` takes.
///
/// On the wall clock: a turn is so short that the scheduler interrupts few of them, and the median forgets those.
#[expect(clippy::disallowed_methods, reason = "a measurement is where a clock is read")]
pub fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Fewer have no median worth the name.
const LEAST_ROUNDS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_come_from_the_same_round() {
        // A noisy round slows both: the ratio stays, the medians do not tell it.
        let rounds = vec![vec![10.0, 20.0], vec![100.0, 200.0], vec![11.0, 22.0]];
        let race = Race { rounds };
        assert_eq!((race.ratio(1, 0), race.ratio(0, 1)), (2.0, 0.5));
        assert_eq!((race.median(0), race.minimum(0), race.ratio_of_minima(1, 0)), (11.0, 10.0, 2.0));
    }

    #[test]
    fn contenders_take_turns_and_none_is_always_first() {
        let order = core::cell::RefCell::new(Vec::new());
        let turn = |name: char| {
            order.borrow_mut().push(name);
            Duration::from_nanos(1)
        };
        race(1, Duration::ZERO, &mut [&mut || turn('a'), &mut || turn('b')]);
        let order: String = order.into_inner().into_iter().collect();
        assert!(order.starts_with("ababbaab"), "{order}");
        assert_eq!(order.len(), 2 * (LEAST_ROUNDS + 1));
    }
}
