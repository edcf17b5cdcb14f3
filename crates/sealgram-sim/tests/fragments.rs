//! Flights cut and ordered in ways that nobody foresaw.
//!
//! What can go wrong: a fragment that is waited for though it came, one that is taken for another message's, a piece of
//! a later flight that is lost because it came first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::provider::ring;
use sealgram_sim::recut::Recut;
use sealgram_sim::{Arrival, CertificateKind, Link, Pair, PairBuilder, ROLES, Sent, SimRng, for_seeds};

/// Pieces of any size, all of which arrive before the first timer does.
fn recut(seed: u64) -> Recut {
    let mut rng = SimRng::new(seed);
    Recut {
        longest: rng.within(1..300),
        overlap: rng.permille(500),
        spread: Duration::from_millis(rng.within(1..400) as u64),
        spare_hellos: false,
        rng,
    }
}

fn assert_no_retransmissions(pair: &mut Pair) {
    for role in ROLES {
        let retransmissions = pair.with(role, |connection| connection.stats().retransmissions);
        assert_eq!(retransmissions, 0, "{role:?}: all of the flight was there");
    }
}

/// FRG-05, FRG-07, FRG-08, FRG-13, FLT-18, REC-37: all pieces of a flight, with its ChangeCipherSpec and its Finished,
/// in a random order: the handshake completes with what is there, and no timer fires.
#[test]
fn fragments_in_any_order_and_with_any_boundaries_make_a_handshake() {
    for_seeds(0..3000, |seed| {
        let mut pair = Pair::builder(seed).link(recut(seed)).build();
        pair.connect();
        assert_no_retransmissions(&mut pair);
    });
}

/// FRG-19: the same behind the gate, whose client keeps the beginning of its hello in one piece.
#[test]
fn fragments_in_any_order_make_a_handshake_behind_the_gate() {
    for_seeds(0..1000, |seed| {
        let link = Recut { spare_hellos: true, ..recut(seed) };
        let mut pair = Pair::builder(seed).gate().link(link).build();
        pair.connect();
        assert_no_retransmissions(&mut pair);
    });
}

/// The same with chains of real certificates in thousands of pieces.
#[test]
fn real_chains_come_together_from_any_fragments() {
    for_seeds(0..60, |seed| {
        let suite = &ring::ECDHE_RSA_WITH_AES_256_GCM_SHA384;
        let builder = Pair::builder(seed).ring(suite, ring::SECP256R1, CertificateKind::RsaChain);
        let mut pair = builder.link(recut(seed)).build();
        pair.connect();
        assert_no_retransmissions(&mut pair);
    });
}

/// FRG-09, FRG-03: pieces are lost, and the repetition is cut differently: what is there and what comes fit together.
#[test]
fn transmissions_cut_differently_complete_each_other() {
    let connects = |seed, builder: PairBuilder| {
        let lossy = Lossy { recut: recut(seed), rng: SimRng::new(!seed), lost: 300 };
        builder.link(lossy).build().connect();
    };
    for_seeds(0..1000, |seed| connects(seed, Pair::builder(seed)));
}

/// Loses some pieces in the first 15 seconds.
struct Lossy {
    recut: Recut,
    rng: SimRng,
    lost: u16,
}

impl Link for Lossy {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrivals = self.recut.carry(sent);
        if sent.elapsed < Duration::from_secs(15) {
            arrivals.retain(|_| !self.rng.permille(self.lost));
        }
        arrivals
    }
}
