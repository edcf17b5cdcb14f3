//! A network as a ring of nodes: what one end sends passes the nodes of its way, one after the other, to the other end.
//!
//! Each node does one thing. Where it stands matters: what an attacker adds before a lossy node may be lost.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use sealgram::Role;
use sealgram::inspect;

use crate::forge;
use crate::link::{Arrival, Link, Sent};
use crate::pair::index;
use crate::rng::SimRng;

/// A network of nodes, in which nothing happens until some are added.
#[derive(Default)]
pub struct Ring {
    /// From the client to the server, and back.
    ways: [Vec<Box<dyn Link>>; 2],
}

impl Ring {
    /// Adds a node on the way from this end, behind those that are there.
    #[must_use]
    pub fn behind(mut self, from: Role, node: impl Link + 'static) -> Self {
        self.ways[index(from)].push(Box::new(node));
        self
    }

    /// Adds two nodes of a kind, one on each way, behind those that are there.
    #[must_use]
    pub fn both<N: Link + 'static>(self, mut node: impl FnMut() -> N) -> Self {
        self.behind(Role::Client, node()).behind(Role::Server, node())
    }
}

impl Link for Ring {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrivals = vec![Arrival { after: Duration::ZERO, datagram: sent.datagram.to_vec() }];
        for node in &mut self.ways[index(sent.from)] {
            let mut behind = Vec::with_capacity(arrivals.len());
            for Arrival { after, datagram } in arrivals {
                let passing = Sent { elapsed: sent.elapsed + after, datagram: &datagram, ..*sent };
                let carried = node.carry(&passing).into_iter();
                behind.extend(carried.map(|arrival| Arrival { after: after + arrival.after, ..arrival }));
            }
            arrivals = behind;
        }
        arrivals
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("nodes", &self.ways.each_ref().map(Vec::len)).finish()
    }
}

/// What a node does by chance: so often, and until then.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Chance {
    /// Where its moods come from.
    pub rng: SimRng,
    /// For how many datagrams of a thousand.
    pub permille: u16,
    /// After this time it happens no more.
    pub calm_after: Duration,
}

impl Chance {
    fn strikes(&mut self, sent: &Sent<'_>) -> bool {
        sent.elapsed < self.calm_after && self.rng.permille(self.permille)
    }
}

/// Lets a datagram take a while. The wider the range, the more overtake each other.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Delay {
    /// Where the time within the range comes from.
    pub rng: SimRng,
    /// How long it may take.
    pub range: Range<Duration>,
}

impl Link for Delay {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        vec![at_once(sent).later(self.rng.duration(&self.range))]
    }
}

/// Loses datagrams.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Loss(pub Chance);

impl Link for Loss {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        if self.0.strikes(sent) { Vec::new() } else { vec![at_once(sent)] }
    }
}

/// Delivers datagrams twice, the second time a while later.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Duplication {
    /// How often.
    pub chance: Chance,
    /// How much later at most.
    pub within: Duration,
}

impl Link for Duplication {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrivals = vec![at_once(sent)];
        if self.chance.strikes(sent) {
            let later = self.chance.rng.duration(&(Duration::ZERO..self.within));
            arrivals.push(at_once(sent).later(later));
        }
        arrivals
    }
}

/// Lets a datagram wait for the next one, and pass behind it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Reordering {
    /// How often.
    pub chance: Chance,
    /// The one that waits; if no other comes, it is lost.
    pub held: Option<Vec<u8>>,
}

impl Link for Reordering {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        if self.held.is_none() && self.chance.strikes(sent) {
            self.held = Some(sent.datagram.to_vec());
            return Vec::new();
        }
        let held = self.held.take().map(|datagram| Arrival { after: Duration::ZERO, datagram });
        [at_once(sent)].into_iter().chain(held).collect()
    }
}

/// Loses what is longer than so many bytes, always.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a setting")]
pub struct MtuFilter(pub usize);

impl Link for MtuFilter {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        if sent.datagram.len() > self.0 { Vec::new() } else { vec![at_once(sent)] }
    }
}

/// Changes bits anywhere.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Corruption(pub Chance);

impl Link for Corruption {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrival = at_once(sent);
        if self.0.strikes(sent) {
            flip_bits(&mut self.0.rng, &mut arrival.datagram);
        }
        vec![arrival]
    }
}

/// Changes a bit where everybody notices: in the header of a record or under its seal. Or cuts the datagram short. The
/// plaintext of a handshake it leaves alone, as with another one nobody could say what should come of the handshake.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct EvidentCorruption(pub Chance);

impl Link for EvidentCorruption {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrival = at_once(sent);
        if self.0.strikes(sent) {
            let rng = &mut self.0.rng;
            if rng.below(4) == 0 {
                arrival.datagram.truncate(rng.below(sent.datagram.len().max(1)));
            } else if let Some(place) = pick_place(rng, sent.datagram) {
                arrival.datagram[place] ^= 1 << rng.below(8);
            }
        }
        vec![arrival]
    }
}

/// A byte of a record's header, or of a sealed body.
fn pick_place(rng: &mut SimRng, datagram: &[u8]) -> Option<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    for record in inspect::records(datagram) {
        let end = at + RECORD_HEADER_LEN + record.body.len();
        places.push(at..if record.is_protected() { end } else { at + RECORD_HEADER_LEN });
        at = end;
    }
    if places.is_empty() { None } else { Some(rng.pick(&places).clone()).map(|place| rng.within(place)) }
}

/// Somebody who sees what passes, and sends what no honest end would: before and behind it, once in a while much later.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings")]
pub struct Attacker {
    /// How often.
    pub chance: Chance,
    /// How many datagrams at a time, at most.
    pub most: usize,
}

impl Link for Attacker {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrivals = vec![at_once(sent)];
        if self.chance.strikes(sent) {
            let rng = &mut self.chance.rng;
            let count = rng.within(1..self.most + 1);
            for datagram in forge::some_senseless(rng, sent.datagram, count) {
                let after =
                    if rng.permille(100) { Duration::from_millis(rng.below(3000) as u64) } else { Duration::ZERO };
                let place = rng.below(arrivals.len() + 1);
                arrivals.insert(place, Arrival { after, datagram });
            }
        }
        arrivals
    }
}

fn at_once(sent: &Sent<'_>) -> Arrival {
    Arrival { after: Duration::ZERO, datagram: sent.datagram.to_vec() }
}

impl Arrival {
    fn later(self, by: Duration) -> Self {
        Self { after: self.after + by, ..self }
    }
}

/// Changes one to four bits.
pub fn flip_bits(rng: &mut SimRng, datagram: &mut [u8]) {
    for _ in 0..rng.within(1..5) {
        if !datagram.is_empty() {
            let at = rng.below(datagram.len());
            datagram[at] ^= 1 << rng.below(8);
        }
    }
}

const RECORD_HEADER_LEN: usize = 13;
