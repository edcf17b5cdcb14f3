//! Whole lives of associations, each decided by a seed: the network, what the ends say to each other, and when they part.

use core::time::Duration;
use std::collections::HashSet;
use std::sync::OnceLock;

use sealgram::error::PeerMisbehaved;
use sealgram::{Connection, Event, Role, Status, TransportOptions};

use crate::authentication::Authentication;
use crate::builder::PairBuilder;
use crate::link::{Clear, DELAY};
use crate::pair::{Pair, ROLES, other};
use crate::ring::{Attacker, Chance, Delay, Duplication, EvidentCorruption, Loss, MtuFilter, Reordering, Ring};
use crate::rng::SimRng;
use crate::sessions::{Earlier, ResumeBy};
use crate::toy;

/// Lives through what the seed decides, with all counters foretold.
///
/// # Panics
///
/// If a law is broken: L4, two ends of which none has closed are connected in the end, unless the network ruined one
/// Finished after the other of two that share a key; L5, they agree, or one knows that
/// they do not; L1 to L3, L6, L7 and, for every other seed, L8, which every [`Pair`] watches. Or if data arrives that was
/// not sent, or twice, or if something that was dropped is not counted as what it was.
#[must_use]
pub fn live_through(seed: u64) -> Pair {
    let mut rng = SimRng::new(seed);
    let mut pair = association(seed, &mut rng).link(network(&mut rng)).build();
    let mut script = Script::default();
    for _ in 0..rng.below(12) {
        pair.wait(Duration::from_millis(rng.below(4000) as u64));
        script.act(&mut rng, &mut pair);
    }
    pair.settle();
    pair.assert_agreement();
    if !script.was_closed && !ROLES.into_iter().any(|role| blamed_the_key(&pair, role)) {
        assert!(pair.is_connected(), "nobody closed it");
        pair.set_link(Clear);
        ROLES.into_iter().for_each(|role| script.send(&mut pair, role, 10));
        pair.settle();
        assert!(ROLES.into_iter().all(|role| script.has_arrived(&pair, role)), "data is lost on a clear network");
    }
    script.check(&pair);
    pair
}

/// Whether an end has found that the other has another preshared key. It must, of three repeats of a flight whose Finished
/// never opened: that the network damaged each of them, and let the rest through, is more than it can know. The design's
/// decision 12 asks only that forgeries beside the true Finished do not bring it about.
fn blamed_the_key(pair: &Pair, role: Role) -> bool {
    let Some(Event::Closed(reason)) = pair.close_event(role) else { return false };
    reason.error() == Some(&PeerMisbehaved::WrongPresharedKey.into())
}

/// Two ends, as one may find them.
fn association(seed: u64, rng: &mut SimRng) -> PairBuilder {
    let transport = TransportOptions::default()
        .mtu(*rng.pick(&[256, 300, 700, 1200, 1400]))
        .jitter(rng.below(4) > 0)
        // Time enough to get through a storm, and what its losses have taught about the path.
        .handshake_deadline(Duration::from_secs(900));
    let builder = Pair::builder(seed).transport(transport).reconcile();
    let builder = builder.chain_len(*rng.pick(&[1, 1, 2, 7])).out_len(*rng.pick(&[512, 1500, 8192]));
    let builder = if rng.below(4) > 0 { builder.gate() } else { builder };
    let builder = acquainted(builder, rng.below(16));
    if seed & 1 == 0 { builder } else { builder.random_calls() }
}

/// The first eight choices are two ends that know each other by more than the server's certificate.
pub(crate) fn acquainted(builder: PairBuilder, choice: usize) -> PairBuilder {
    match choice {
        0 => builder.authentication(Authentication::ClientDeclines),
        1 => builder.authentication(Authentication::Mutual),
        2 => builder.authentication(Authentication::PresharedKey(&toy::PSK_SUITE)),
        3 => builder.authentication(Authentication::PresharedKey(&toy::ECDHE_PSK_SUITE)),
        4 => builder.gives_ticket(),
        5 => builder.resume(earlier(ResumeBy::Id)),
        6 => builder.resume(earlier(ResumeBy::Ticket)),
        7 => builder.resume(earlier(ResumeBy::StaleTicket)),
        _ => builder,
    }
}

/// A session that was made once.
fn earlier(by: ResumeBy) -> &'static Earlier {
    static EARLIER: [OnceLock<Earlier>; 3] = [const { OnceLock::new() }; 3];
    EARLIER[by as usize].get_or_init(|| Earlier::of(Pair::builder(0), by))
}

/// A ring of all nodes there are, each as bad as chance has it.
fn network(rng: &mut SimRng) -> Ring {
    let calm_after = Duration::from_millis(rng.below(20_000) as u64);
    let slowest = DELAY + Duration::from_millis(*rng.pick(&[0, 5, 100, 800, 3000]));
    let mtu = *rng.pick(&[usize::MAX, usize::MAX, 1400, 600, 256]);
    let mut permille = |most| u16::try_from(rng.below(4) * most / 3).expect("a thousand at most");
    let [lost, doubled, swapped, corrupted, attacked] = [300, 300, 300, 200, 500].map(&mut permille);
    let mut chance = |permille| Chance { rng: rng.fork(), permille, calm_after };
    // What is forged is not changed further: a bit more or less may make it something that could be true.
    let ring = Ring::default()
        .both(|| EvidentCorruption(chance(corrupted)))
        .both(|| Attacker { chance: chance(attacked), most: 3 })
        .both(|| MtuFilter(mtu))
        .both(|| Loss(chance(lost)))
        .both(|| Reordering { chance: chance(swapped), held: None })
        .both(|| Duplication { chance: chance(doubled), within: slowest });
    let ring = ring.both(|| Delay { rng: chance(0).rng, range: DELAY..slowest });
    ring.both(|| Attacker { chance: chance(attacked), most: 3 })
}

/// What the ends have done so far.
#[derive(Default)]
struct Script {
    /// What each end has sent, the client first.
    sent: [HashSet<Vec<u8>>; 2],
    was_closed: bool,
}

impl Script {
    fn act(&mut self, rng: &mut SimRng, pair: &mut Pair) {
        let role = *rng.pick(&ROLES);
        if rng.below(20) == 0 {
            // A server that goes away before the client has all it said is met again by the client's next hello, also by
            // one that was long on its way. The client may put the flights of both together: nobody could say at which
            // message it fails.
            if role == Role::Client || pair.is_connected() {
                self.was_closed |= pair.try_with(role, Connection::close).is_some();
            }
            return;
        }
        for _ in 0..rng.within(1..4) {
            let len = *rng.pick(&[0, 1, 30, 150]);
            self.send(pair, role, len);
        }
    }

    /// Sends so many bytes behind a number that no other payload has.
    fn send(&mut self, pair: &mut Pair, role: Role, len: usize) {
        if pair.status(role) != Status::Connected {
            return;
        }
        let sent = &mut self.sent[usize::from(role == Role::Server)];
        let payload = [&sent.len().to_be_bytes()[..], &vec![0xda; len]].concat();
        pair.send(role, &payload);
        sent.insert(payload);
    }

    /// Whether the latest payload of this end is at the other.
    fn has_arrived(&self, pair: &Pair, from: Role) -> bool {
        let latest = (self.sent[usize::from(from == Role::Server)].len() - 1).to_be_bytes();
        pair.received(other(from)).last().is_some_and(|payload| payload.starts_with(&latest))
    }

    fn check(&self, pair: &Pair) {
        for (role, sent) in ROLES.into_iter().zip(&self.sent) {
            let received = pair.received(other(role));
            let distinct: HashSet<_> = received.iter().collect();
            assert_eq!(distinct.len(), received.len(), "data of {role:?} came twice");
            assert!(received.iter().all(|payload| sent.contains(payload)), "{role:?} never sent that");
        }
    }
}
