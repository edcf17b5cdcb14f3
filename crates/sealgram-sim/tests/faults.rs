//! A network that loses, repeats, swaps and delays: every handshake ends in a connection all the same (L4, I9).
//!
//! What can go wrong: a flight that nobody repeats any more, two ends that wait for each other, repeats that set off
//! repeats. The toy provider makes a handshake cheap enough to try every triple of faults.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::Role;
use sealgram_sim::{Clear, Fault, Pair, PairBuilder, Script, Weather, for_seeds};

const FAULTS: [Fault; 3] = [Fault::Drop, Fault::Duplicate, Fault::SwapWithNext];

/// The server alone and behind the gate, with whole flights in a datagram and with a fragment in each.
fn shapes() -> impl Iterator<Item = PairBuilder> {
    [1200, 256].into_iter().flat_map(|mtu| [Pair::builder(5).mtu(mtu), Pair::builder(5).mtu(mtu).gate()])
}

/// Every combination of this many of the first datagrams, and of what happens to each.
fn combinations(datagrams: usize, faults: usize) -> Vec<Vec<(usize, Fault)>> {
    let mut combinations = vec![Vec::new()];
    for _ in 0..faults {
        let longer = combinations.iter().flat_map(|shorter: &Vec<(usize, Fault)>| {
            let first = shorter.last().map_or(0, |(index, _)| index + 1);
            (first..datagrams)
                .flat_map(move |index| FAULTS.map(|fault| shorter.iter().copied().chain([(index, fault)]).collect()))
        });
        combinations = longer.collect();
    }
    combinations
}

fn connects(builder: PairBuilder, faults: &[(usize, Fault)]) {
    let named = Named(faults);
    let mut pair = builder.link(Script::new(faults.iter().copied())).build();
    pair.connect();
    // It is an association that carries data, not only two ends that believe so.
    pair.set_link(Clear);
    pair.send(Role::Client, b"ping");
    pair.send(Role::Server, b"pong");
    pair.settle();
    assert_eq!(
        (pair.received(Role::Server), pair.received(Role::Client)),
        (&[b"ping".into()][..], &[b"pong".into()][..])
    );
    drop(named);
}

/// Says which faults it was when a handshake fails.
struct Named<'f>(&'f [(usize, Fault)]);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with the faults {:?}", self.0);
        }
    }
}

/// FLT-22, FLT-01, FLT-19: any single fault, of the first datagrams and of retransmissions, in both directions.
#[test]
fn every_single_fault_is_survived() {
    for shape in 0..shapes().count() {
        for faults in combinations(24, 1) {
            connects(shapes().nth(shape).unwrap(), &faults);
        }
    }
}

/// FLT-22, I9: any two faults. The second one may hit what the first one made necessary.
#[test]
fn every_pair_of_faults_is_survived() {
    for shape in 0..shapes().count() {
        for faults in combinations(20, 2) {
            connects(shapes().nth(shape).unwrap(), &faults);
        }
    }
}

/// FLT-22, I9: any three faults.
#[test]
fn every_triple_of_faults_is_survived() {
    for shape in 0..shapes().count() {
        for faults in combinations(12, 3) {
            connects(shapes().nth(shape).unwrap(), &faults);
        }
    }
}

/// A datagram that is late by less or more than a timeout, or by several: what it asked for was done by other means.
#[test]
fn late_datagrams_do_no_harm() {
    for shape in 0..shapes().count() {
        for index in 0..12 {
            for millis in [5, 45, 990, 1100, 3500, 8000] {
                let late = Fault::Hold(Duration::from_millis(millis));
                connects(shapes().nth(shape).unwrap(), &[(index, late)]);
            }
        }
    }
}

/// L4: a storm of everything at once for 20 seconds, then calm.
#[test]
fn every_storm_is_survived() {
    for_seeds(0..5000, |seed| {
        let mtu = [256, 548, 1200, 1472][usize::try_from(seed % 4).unwrap()];
        let builder = Pair::builder(seed).mtu(mtu).link(Weather::of_seed(seed));
        let builder = if seed % 3 == 0 { builder.gate() } else { builder };
        builder.build().connect();
    });
}

/// L5: where the storm does not end, both have the same secrets or one knows that there are none.
#[test]
fn nobody_is_deceived_by_a_storm_without_end() {
    let mut connected = 0;
    for seed in 0..1000 {
        let weather = Weather { lost: 600, corrupted: 100, calm_after: Duration::MAX, ..Weather::of_seed(seed) };
        let mut pair = Pair::builder(seed).mtu(400).link(weather).build();
        pair.settle();
        pair.assert_agreement();
        connected += usize::from(pair.is_connected());
    }
    assert!(
        (100..900).contains(&connected),
        "{connected} of 1000: the storm is too weak or too strong to show anything"
    );
}
