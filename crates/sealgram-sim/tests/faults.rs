//! A network that delays, and one that does everything at once: every handshake ends in a connection all the same (L4).
//!
//! What can go wrong: a flight that nobody repeats any more, two ends that wait for each other, repeats that set off
//! repeats. Losses, repetitions and swaps by themselves are in `patterns.rs`, all of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::Role;
use sealgram_sim::{Clear, Fault, Pair, PairBuilder, Script, Weather, for_seeds};

/// The server alone and behind the gate, with whole flights in a datagram and with a fragment in each.
fn shapes() -> impl Iterator<Item = PairBuilder> {
    [1200, 256].into_iter().flat_map(|mtu| [Pair::builder(5).mtu(mtu), Pair::builder(5).mtu(mtu).gate()])
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

/// FLT-22: a datagram that is late by less or more than a timeout, or by several: what it asked for was done by other means.
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
        let builder = Pair::builder(seed).mtu(mtu).link(Weather::of_seed(seed).ring());
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
        let mut pair = Pair::builder(seed).mtu(400).link(weather.ring()).build();
        pair.settle();
        pair.assert_agreement();
        connected += usize::from(pair.is_connected());
    }
    assert!(
        (100..900).contains(&connected),
        "{connected} of 1000: the storm is too weak or too strong to show anything"
    );
}
