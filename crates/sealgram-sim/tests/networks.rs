//! Thousands of networks that chance has made: bad in every way at once, with somebody in them who forges.
//!
//! What can go wrong: whatever nobody has thought of. Every run watches the laws, and foretells every discard counter.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use sealgram::DiscardReason;
use sealgram_alloc::CountingAllocator;
use sealgram_sim::networks::live_through;
use sealgram_sim::{ROLES, for_seeds_on_all_cores, on_all_cores};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// I1, I8, SIO-01, SIO-02, SIO-07: ten thousand of them.
#[test]
fn the_laws_hold_in_every_network() {
    for_seeds_on_all_cores(0..10_000, |seed| drop(live_through(seed)));
}

/// The networks are bad enough: what can be foretold does happen.
#[test]
fn every_reason_to_drop_something_is_met() {
    let seeds: Vec<u64> = (0..1000).collect();
    let pairs = on_all_cores(&seeds, |seed| {
        let mut pair = live_through(*seed);
        let stats = ROLES.map(|role| pair.try_with(role, |connection| connection.stats().clone()));
        stats.into_iter().flatten().chain(pair.gate_stats().cloned()).collect::<Vec<_>>()
    });
    let is_met = |reason: &DiscardReason| pairs.iter().flatten().any(|stats| stats.discarded(*reason) > 0);
    let unmet: Vec<_> = DiscardReason::ALL.iter().filter(|reason| !is_met(reason)).copied().collect();
    assert_eq!(unmet, NOT_MET);
}

/// Not to be had without a message that could be true, or with an owner who takes what there is and has room; or without
/// connection IDs, which these networks do not have: `addresses.rs` is for them, and the record layer's own tests.
const NOT_MET: &[DiscardReason] = &[
    DiscardReason::MissingConnectionId,
    DiscardReason::WrongConnectionId,
    DiscardReason::InvalidInnerType,
    DiscardReason::InconsistentFragment,
    DiscardReason::OversizedMessage,
    DiscardReason::WrongMessageLength,
    DiscardReason::ReassemblyFull,
    DiscardReason::AfterHandshake,
    DiscardReason::Doubtful,
    DiscardReason::UnexpectedPathCheck,
    DiscardReason::TooManyHalfOpen,
    DiscardReason::TooManyConnections,
    DiscardReason::OutputBufferTooShort,
];

#[test]
#[ignore = "takes many minutes: ./check long sim-networks"]
fn the_laws_hold_in_a_million_networks() {
    for_seeds_on_all_cores(0..1_000_000, |seed| drop(live_through(seed)));
}

/// Every hundredth of them twice: to the byte the same.
#[test]
fn a_network_repeats_to_the_byte() {
    for_seeds_on_all_cores(0..100, |n| {
        let [one, other] = [n * 100, n * 100].map(live_through);
        assert_eq!(one.log().entries(), other.log().entries());
    });
}
