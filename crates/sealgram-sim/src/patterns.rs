//! Every pattern of a few faults on the first datagrams of a handshake (L4, I9).
//!
//! A pattern is up to three datagrams and what happens to each. Where it hits a datagram that a run never sends, nothing
//! happens; such runs are made all the same, as they cost little.

use core::time::Duration;

use sealgram::{Role, Status};

use crate::kinds::Kind;
use crate::link::{Clear, Fault, Script};
use crate::pair::{Pair, ROLES};
use crate::parallel::on_all_cores;

/// Datagrams by their number on the wire, and what happens to each.
pub type Pattern = Vec<(usize, Fault)>;

/// Every pattern of one fault up to so many.
#[must_use]
pub fn all_patterns(most_faults: usize) -> Vec<Pattern> {
    let mut patterns = vec![Vec::new()];
    let mut shorter = 0..1;
    for _ in 0..most_faults {
        let longer = patterns.len();
        for index in shorter {
            let longer: Vec<_> = faults_behind(&patterns[index])
                .map(|fault| patterns[index].iter().copied().chain([fault]).collect())
                .collect();
            patterns.extend(longer);
        }
        shorter = longer..patterns.len();
    }
    // The first one has no fault.
    patterns.remove(0);
    patterns
}

fn faults_behind(pattern: &Pattern) -> impl Iterator<Item = (usize, Fault)> + use<> {
    let first = pattern.last().map_or(0, |(index, _)| index + 1);
    (first..DATAGRAMS).flat_map(|index| FAULTS.map(|fault| (index, fault)))
}

/// Shakes hands like this under every pattern of up to so many faults, and gives how many patterns there were.
///
/// # Panics
///
/// If one does not end with two ends that are connected within [`TIMEOUTS`] timeouts, agree, and carry data.
#[must_use]
pub fn survive_all(kind: &Kind, most_faults: usize) -> usize {
    on_all_cores(&all_patterns(most_faults), |pattern| survive(kind, pattern)).len()
}

fn survive(kind: &Kind, pattern: &Pattern) {
    let named = Named { kind, pattern };
    let mut pair = kind.pair(SEED).link(Script::new(pattern.iter().copied())).build();
    pair.shake_hands();
    assert_eq!(ROLES.map(|role| pair.status(role)), [Status::Connected; 2], "{:?}", pair.elapsed());
    assert!(pair.elapsed() <= TIMEOUT * TIMEOUTS, "it took {:?}", pair.elapsed());
    pair.settle();
    pair.assert_agreement();
    carry_data(&mut pair);
    drop(named);
}

/// It is an association that carries data, not only two ends that believe so.
fn carry_data(pair: &mut Pair) {
    pair.set_link(Clear);
    pair.send(Role::Client, b"ping");
    pair.send(Role::Server, b"pong");
    pair.settle();
    assert!(pair.received(Role::Server) == [b"ping"] && pair.received(Role::Client) == [b"pong"]);
}

/// Says which run it was when one fails.
struct Named<'p> {
    kind: &'p Kind,
    pattern: &'p Pattern,
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?} with the faults {:?}", self.kind, self.pattern);
        }
    }
}

/// How many datagrams of a run may be hit, retransmissions included.
const DATAGRAMS: usize = 24;
/// How many of them are (I9).
pub const MOST_FAULTS: usize = 3;
/// What may happen to a datagram.
const FAULTS: [Fault; 3] = [Fault::Drop, Fault::Duplicate, Fault::SwapWithNext];

/// How long a handshake under any pattern may take, in timeouts of the default length.
pub const TIMEOUTS: u32 = 8;
const TIMEOUT: Duration = Duration::from_secs(1);

/// What is left to chance is the jitter of timers; where the times of datagrams fall makes no difference of kind.
const SEED: u64 = 5;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// 24 datagrams: 24 * 3 patterns of one fault, 276 * 9 of two, 2024 * 27 of three.
    #[test]
    fn every_pattern_is_there_once() {
        let patterns = all_patterns(MOST_FAULTS);
        assert_eq!(patterns.len(), 72 + 2484 + 54_648);
        let distinct: HashSet<String> = patterns.iter().map(|pattern| format!("{pattern:?}")).collect();
        assert_eq!(distinct.len(), patterns.len());
    }
}
