//! A bad network between the program and its socket, to see what comes of it.

use core::fmt;
use core::net::SocketAddr;
use core::ops::RangeInclusive;
use core::str::FromStr;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use fastrand::Rng;
use sealgram_std::{Direction, Disturbance};

/// How bad the network is. Without any of these, as good as it is.
#[derive(Args, Debug)]
pub(crate) struct Disturbances {
    /// Lose so many of the datagrams that are sent, and of those that are received
    #[arg(long, value_name = "PERCENT", default_value = "0", hide_default_value = true)]
    loss: Percent,

    /// Let so many come twice
    #[arg(long, value_name = "PERCENT", default_value = "0", hide_default_value = true)]
    dup: Percent,

    /// Hold back so many for 1 to 20 ms, so that others overtake them
    #[arg(long, value_name = "PERCENT", default_value = "0", hide_default_value = true)]
    reorder: Percent,

    /// Let chance decide as in the run that printed this number
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Disturbances {
    /// What to put before a socket, if anything.
    pub(crate) fn dice(&self) -> Option<Arc<Dice>> {
        let &Self { loss, dup, reorder, seed } = self;
        let is_any = [loss, dup, reorder] != [Percent::NONE; 3];
        // Short enough to be typed.
        is_any.then(|| Arc::new(Dice::new(loss, dup, reorder, seed.unwrap_or_else(|| fastrand::u32(..).into()))))
    }
}

/// A share of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(f64);

impl Percent {
    const NONE: Self = Self(0.0);

    /// True in this share of all cases.
    fn happens(self, rng: &mut Rng) -> bool {
        // Below 100, so that all is all, and not below 0, so that none is none.
        rng.f64() * 100.0 < self.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent: f64 = text.parse().map_err(|_| "it is no number")?;
        if (0.0..=100.0).contains(&percent) { Ok(Self(percent)) } else { Err("it is not from 0 to 100".into()) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Decides by chance. Each direction has numbers of its own, and each datagram takes as many of them as any other: what
/// becomes of the tenth that is sent depends on nothing that happened before.
pub(crate) struct Dice {
    loss: Percent,
    dup: Percent,
    reorder: Percent,
    seed: u64,
    sent: Mutex<Rng>,
    received: Mutex<Rng>,
}

impl Dice {
    fn new(loss: Percent, dup: Percent, reorder: Percent, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let [sent, received] = [rng.fork(), rng.fork()].map(Mutex::new);
        Self { loss, dup, reorder, seed, sent, received }
    }

    fn throw(&self, rng: &mut Rng) -> Vec<Duration> {
        let [is_lost, is_doubled, is_late] = [self.loss, self.dup, self.reorder].map(|percent| percent.happens(rng));
        let delay = Duration::from_millis(rng.u64(DELAYS_MS));
        match (is_lost, is_doubled) {
            (true, _) => Vec::new(),
            (false, doubled) => {
                let first = if is_late { delay } else { Duration::ZERO };
                // Of two, one at most is late.
                if doubled { vec![first, Duration::ZERO] } else { vec![first] }
            }
        }
    }
}

/// What it does, and how to have the same again.
impl fmt::Display for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, dup, reorder, seed, .. } = self;
        write!(f, "disturbed: {loss} lost, {dup} doubled, {reorder} late, by --seed {seed}")
    }
}

impl Disturbance for Dice {
    fn copies(&self, direction: Direction, _: SocketAddr, _: &[u8]) -> Vec<Duration> {
        let rng = match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        };
        self.throw(&mut rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Long enough to be overtaken, and shorter than any timer of the handshake.
const DELAYS_MS: RangeInclusive<u64> = 1..=20;

#[cfg(test)]
mod tests {
    use super::*;

    fn dice([loss, dup, reorder]: [f64; 3], seed: u64) -> Dice {
        Dice::new(Percent(loss), Percent(dup), Percent(reorder), seed)
    }

    fn throws(dice: &Dice, direction: Direction) -> Vec<Vec<Duration>> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        (0..10_000).map(|_| dice.copies(direction, peer, b"")).collect()
    }

    #[test]
    fn percentages_are_from_none_to_all() {
        for good in ["0", "0.5", "100", "1e1"] {
            assert!(good.parse::<Percent>().is_ok(), "{good}");
        }
        for bad in ["-1", "100.1", "NaN", "inf", "", "10%", "half"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }

    #[test]
    fn none_and_all_are_exact() {
        let untouched = throws(&dice([0.0; 3], 1), Direction::Sent);
        assert!(untouched.iter().all(|copies| *copies == [Duration::ZERO]));
        assert!(throws(&dice([100.0, 50.0, 50.0], 1), Direction::Sent).iter().all(Vec::is_empty));
        assert!(
            throws(&dice([0.0, 100.0, 0.0], 1), Direction::Sent).iter().all(|copies| *copies == [Duration::ZERO; 2])
        );
        let late = throws(&dice([0.0, 0.0, 100.0], 1), Direction::Received);
        assert!(late.iter().all(|copies| matches!(copies[..], [delay] if !delay.is_zero())));
    }

    #[test]
    fn shares_are_as_large_as_was_asked() {
        let throws = throws(&dice([10.0, 20.0, 30.0], 7), Direction::Sent);
        let share = |is: fn(&[Duration]) -> bool| throws.iter().filter(|copies| is(copies)).count();
        for (share, expected) in [
            (share(<[Duration]>::is_empty), 1_000),
            (share(|copies| copies.len() == 2), 1_800),
            (share(|copies| copies.iter().any(|delay| !delay.is_zero())), 2_700),
        ] {
            assert!(share.abs_diff(expected) < 200, "{share} are not about {expected}");
        }
    }

    #[test]
    fn a_seed_decides_each_direction_for_itself() {
        let bad = [20.0, 20.0, 20.0];
        let (one, same, other) = (dice(bad, 5), dice(bad, 5), dice(bad, 6));
        let sent = throws(&one, Direction::Sent);
        let received = throws(&one, Direction::Received);
        // In another order.
        assert_eq!(throws(&same, Direction::Received), received);
        assert_eq!(throws(&same, Direction::Sent), sent);
        assert_ne!(sent, received);
        assert_ne!(throws(&other, Direction::Sent), sent);
    }
}
