//! Every pattern of one, two and three faults on the first 24 datagrams on the wire (L4, I9).
//!
//! What can go wrong: a flight that nobody repeats any more, two ends that wait for each other, repeats that set off
//! repeats. A network that is only bad by chance hits such a case once in a million runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use sealgram_alloc::CountingAllocator;
use sealgram_sim::kinds::{Kind, full_with_cookie, ring_authentications, ring_connection_ids, ring_kinds, toy_kinds};
use sealgram_sim::patterns::{MOST_FAULTS, survive_all};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn survive(kind: &Kind, most_faults: usize) {
    println!("{kind:?}: {} patterns", survive_all(kind, most_faults));
}

/// FLT-01, FLT-19, FLT-22, I9: the full handshake with cookie, whole flights in a datagram and cut small. The second fault
/// may hit what the first one made necessary.
#[test]
fn every_pattern_of_faults_is_survived() {
    for mtu in MTUS {
        survive(&full_with_cookie(mtu), MOST_FAULTS);
    }
}

/// RES-02, HVR-04, I9: one fault and two, with every kind of messages: other flights have other last words, and other
/// messages before the keys change.
#[test]
fn every_pair_of_faults_is_survived_by_every_kind_of_messages() {
    for mtu in MTUS {
        toy_kinds(mtu).iter().for_each(|kind| survive(kind, 2));
    }
}

/// One fault, with every way to know each other and its cryptography.
#[test]
fn every_fault_is_survived_by_every_kind_of_authentication() {
    for mtu in MTUS {
        ring_authentications(mtu).iter().for_each(|kind| survive(kind, 1));
    }
}

/// CID-05, I9: one fault and two, where real keys bind connection IDs to the records.
#[test]
fn every_pair_of_faults_is_survived_with_connection_ids_under_real_keys() {
    for mtu in MTUS {
        let kinds = ring_connection_ids(mtu);
        assert_eq!(kinds.len(), 2);
        kinds.iter().for_each(|kind| survive(kind, 2));
    }
}

/// The same with every kind of messages, of certificate and of suite; and every pair of faults with every other way to
/// know each other, whose messages are among the first and whose cryptography takes an hour for more.
#[test]
#[ignore = "takes many minutes: ./check long sim-patterns"]
fn every_pattern_of_faults_is_survived_by_every_kind() {
    for mtu in MTUS {
        toy_kinds(mtu).into_iter().chain(ring_kinds(mtu)).for_each(|kind| survive(&kind, MOST_FAULTS));
        ring_authentications(mtu).iter().for_each(|kind| survive(kind, 2));
    }
}

const MTUS: [usize; 2] = [1400, 256];
