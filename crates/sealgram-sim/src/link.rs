//! What a network does to datagrams.

use core::mem;
use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeMap;

use sealgram::Role;

use crate::pair::index;
use crate::ring::{Chance, Corruption, Delay, Duplication, Loss, MtuFilter, Ring};
use crate::rng::SimRng;

/// A network between two ends.
pub trait Link {
    /// What comes of a datagram that was sent just now: nothing, itself after a while, several, or others.
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival>;
}

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "links read every field")]
pub struct Sent<'a> {
    /// How many were sent before it, by both ends.
    pub index: usize,
    /// Which end sent it.
    pub from: Role,
    /// How long the ends have been talking.
    pub elapsed: Duration,
    /// The datagram.
    pub datagram: &'a [u8],
}

/// A datagram that will come out at the other end.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "links make them")]
pub struct Arrival {
    /// How long from now.
    pub after: Duration,
    /// The datagram.
    pub datagram: Vec<u8>,
}

impl Arrival {
    /// The datagram as it is, after the usual delay.
    #[must_use]
    pub fn whole(sent: &Sent<'_>) -> Self {
        Self { after: DELAY, datagram: sent.datagram.to_vec() }
    }
}

/// One way through a network where nothing goes wrong.
pub const DELAY: Duration = Duration::from_millis(20);

/// A network where nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing")]
pub struct Clear;

impl Link for Clear {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        vec![Arrival::whole(sent)]
    }
}

/// What happens to one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "scripts name them all")]
pub enum Fault {
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives right behind the next one of the same direction; if none comes, never.
    SwapWithNext,
    /// It arrives this much later.
    Hold(Duration),
}

/// A network that does what it is told to the datagrams with these numbers, and nothing to the others.
#[derive(Clone, Debug, Default)]
pub struct Script {
    faults: BTreeMap<usize, Fault>,
    /// Datagrams of the client and of the server that wait for the next one.
    held: [Vec<Vec<u8>>; 2],
}

impl Script {
    /// Faults by the number of the datagram, counted over both directions from 0 in the order of sending.
    pub fn new(faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        Self { faults: faults.into_iter().collect(), held: [Vec::new(), Vec::new()] }
    }
}

impl Link for Script {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let held = &mut self.held[index(sent.from)];
        let whole = Arrival::whole(sent);
        let mut arrivals = match self.faults.get(&sent.index) {
            None => vec![whole],
            Some(Fault::Drop) => return Vec::new(),
            Some(Fault::Duplicate) => vec![whole.clone(), whole],
            Some(Fault::Hold(longer)) => vec![Arrival { after: DELAY + *longer, ..whole }],
            Some(Fault::SwapWithNext) => {
                held.push(whole.datagram);
                return Vec::new();
            }
        };
        arrivals.extend(mem::take(held).into_iter().map(|datagram| Arrival { after: DELAY, datagram }));
        arrivals
    }
}

/// A network as bad as its settings, until it calms down.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Weather {
    /// Where its moods come from.
    pub rng: SimRng,
    /// How many datagrams of a thousand are lost.
    pub lost: u16,
    /// How many of a thousand arrive twice.
    pub duplicated: u16,
    /// How many of a thousand arrive with some of their bits changed.
    pub corrupted: u16,
    /// How long a datagram may take. The wider, the more are reordered.
    pub delay: Range<Duration>,
    /// What is longer than this is lost, in bytes; it stays so when the rest calms down.
    pub mtu: usize,
    /// After this time nothing is lost, duplicated or corrupted.
    pub calm_after: Duration,
}

impl Weather {
    /// Bad in a way that the seed decides, for the first 20 seconds.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut rng = SimRng::new(seed);
        let slowest = Duration::from_millis(rng.within(21..800) as u64);
        Self {
            lost: u16::try_from(rng.below(400)).expect("below 400"),
            duplicated: u16::try_from(rng.below(400)).expect("below 400"),
            corrupted: 0,
            delay: DELAY..slowest,
            mtu: usize::MAX,
            calm_after: Duration::from_secs(20),
            rng,
        }
    }

    /// The network: first what is too long is lost, then some of the rest, and so on.
    #[must_use]
    pub fn ring(mut self) -> Ring {
        let calm_after = self.calm_after;
        let mut chance = |permille| Chance { rng: self.rng.fork(), permille, calm_after };
        let within = self.delay.end.saturating_sub(self.delay.start);
        let mut delay_rng = chance(0).rng;
        Ring::default()
            .both(|| MtuFilter(self.mtu))
            .both(|| Loss(chance(self.lost)))
            .both(|| Duplication { chance: chance(self.duplicated), within })
            .both(|| Corruption(chance(self.corrupted)))
            .both(|| Delay { rng: delay_rng.fork(), range: self.delay.clone() })
    }
}
